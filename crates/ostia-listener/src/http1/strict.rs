//! The stream of a request with a chunked body: every byte of the body is judged before Pingora gets it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use pingora_core::protocols::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::chunks::Chunks;
use crate::transport::passes_on;

/// A connection's stream while a chunked body is on it. A malformed body is an error of kind `InvalidData`.
#[derive(Debug)]
pub(super) struct Strict {
    stream: Stream,
    chunks: Chunks,
}

impl Strict {
    /// A stream of which `chunks` has read the beginning of a body already.
    pub(super) fn new(stream: Stream, chunks: Chunks) -> Self {
        Self { stream, chunks }
    }
}

/// The stream itself, when a body was judged on it.
pub(super) fn inner(stream: Stream) -> Option<Stream> {
    if (*stream).as_any().is::<Strict>() {
        return stream.into_any().downcast::<Strict>().ok().map(|strict| strict.stream);
    }
    Some(stream)
}

impl AsyncRead for Strict {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        if let Err(refused) = this.chunks.read(buf.filled().get(before..).unwrap_or_default()) {
            buf.set_filled(before);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, refused)));
        }
        read
    }
}

impl AsyncWrite for Strict {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

passes_on!(Strict, stream);

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    /// What a reader of the strict stream gets, and how its reading ends.
    async fn read_through(already: &[u8], pieces: &[&[u8]]) -> (Vec<u8>, io::Result<()>) {
        let (inside, mut client) = duplex(4096);
        let mut chunks = Chunks::new();
        chunks.read(already).unwrap();
        let mut stream = Strict::new(Box::new(inside), chunks);
        let mut got = Vec::new();
        for piece in pieces {
            client.write_all(piece).await.unwrap();
            let mut room = [0; 4096];
            match stream.read(&mut room).await {
                Ok(length) => got.extend_from_slice(&room[..length]),
                Err(error) => return (got, Err(error)),
            }
        }
        (got, Ok(()))
    }

    #[tokio::test]
    async fn a_good_body_and_what_follows_it_pass_byte_for_byte() {
        let pieces = [&b"llo\r\n3;a=b\r\nabc"[..], b"\r\n0\r\nX: 1\r\n", b"\r\nGET / HTTP/1.1\r\n"];
        let (got, end) = read_through(b"5\r\nhe", &pieces).await;
        assert!(end.is_ok());
        assert_eq!(got, pieces.concat());
    }

    #[tokio::test]
    async fn of_a_malformed_piece_no_byte_passes() {
        let (got, end) = read_through(b"", &[b"5\r\nhello\r\n", b"1\r\na\r\n5\nhello\r\n"]).await;
        assert_eq!(end.unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(got, b"5\r\nhello\r\n");
    }

    #[tokio::test]
    async fn the_stream_itself_comes_back_out() {
        for is_wrapped in [true, false] {
            let (inside, mut client) = duplex(64);
            let mut stream: Stream = Box::new(inside);
            if is_wrapped {
                stream = Box::new(Strict::new(stream, Chunks::new()));
            }
            let mut stream = inner(stream).unwrap();
            client.write_all(b"not a chunk").await.unwrap();
            let mut room = [0; 64];
            assert_eq!(stream.read(&mut room).await.unwrap(), 11, "{is_wrapped}");
        }
    }
}
