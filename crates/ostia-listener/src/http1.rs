//! HTTP/1 on one connection: each head is read under a deadline and a size cap, then Pingora takes over.

mod farewell;
mod strict;

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use pingora_core::apps::{HttpPersistentSettings, HttpServerApp};
use pingora_core::protocols::Stream;
use pingora_core::protocols::http::ServerSession;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

pub use self::farewell::close_web_socket;

use self::farewell::Farewell;
use self::strict::Strict;
use crate::answer;
use crate::chunks::Chunks;
use crate::edge::{Edge, Shared};
use crate::engine;
use crate::head::{HeadRefused, Scan};
use crate::refused::{RefusedRequest, peer_of};
use crate::settings::Bounds;

/// The first read of a head; longer heads are read on into a buffer of their own.
const FIRST_READ: usize = 4096;
/// How long the unread rest of a request body is read, to keep the connection.
const DRAIN: Duration = Duration::from_secs(5);
/// While stopping: how long a client that has just connected may take to begin its request.
const FIRST_CALL: Duration = Duration::from_millis(100);

/// How the wait for a head ended.
enum Head {
    /// It is complete; bytes of the body may follow it.
    Complete { head: BytesMut, length: usize, is_chunked: bool, is_upgrade: bool },
    /// It gets an answer, and the connection ends.
    Refused(HeadRefused),
    /// Nobody is there who waits for an answer: the client closed, stayed idle, or we are stopping.
    Gone,
}

/// Serves requests until the client or we close the connection.
pub(crate) async fn serve<A>(mut stream: Stream, edge: Arc<Edge<A>>)
where
    A: HttpServerApp + Send + Sync + 'static,
{
    let peer = peer_of(&stream);
    let mut bounds = edge.bounds();
    let mut clock = pin!(sleep_until(Instant::now() + bounds.header_timeout));
    let mut stop = pin!(edge.stopped());
    let mut kept: Option<HttpPersistentSettings> = None;
    let mut is_first = true;
    loop {
        let stop = (!edge.is_stopping()).then_some(stop.as_mut());
        let reading = Reading { bounds, is_first, clock: clock.as_mut(), stop, shared: edge.shared() };
        let head = reading.head(&mut stream).await;
        let (head, length, is_chunked, is_upgrade) = match head {
            Head::Complete { head, length, is_chunked, is_upgrade } => (head, length, is_chunked, is_upgrade),
            Head::Gone => return,
            Head::Refused(reason) => {
                edge.refuse(&RefusedRequest { peer, protocol: "1.1", reason });
                // Boxed, so that every idle connection does not carry the room for a refusal.
                return Box::pin(answer::refuse(stream, reason)).await;
            }
        };
        if is_chunked {
            let mut chunks = Chunks::new();
            if chunks.read(head.get(length..).unwrap_or_default()).is_err() {
                edge.refuse(&RefusedRequest { peer, protocol: "1.1", reason: HeadRefused::Chunks });
                return Box::pin(answer::refuse(stream, HeadRefused::Chunks)).await;
            }
            stream = Box::new(Strict::new(stream, chunks));
        }
        let mut words = None;
        if is_upgrade {
            let (heard, of_it) = Farewell::around(stream);
            (stream, words) = (heard, Some(of_it));
        }
        let session = session(stream, head, kept.take(), bounds);
        let exchange = farewell::heard(words, edge.app().process_new_http(session, edge.shutdown()));
        let (reused, began) = engine::run(exchange).await;
        let Some(reused) = reused else {
            if !began {
                edge.refuse(&RefusedRequest { peer, protocol: "1.1", reason: HeadRefused::Engine });
            }
            return;
        };
        (stream, kept) = reused.consume();
        let Some(inner) = farewell::inner(stream).and_then(strict::inner) else { return };
        stream = inner;
        is_first = false;
        bounds = edge.bounds();
        clock.as_mut().reset(Instant::now() + bounds.keep_alive);
    }
}

/// A session that finds its head already read. The whole head is there, so Pingora does not touch the connection
/// before the body, and none of its own (absent) deadlines for heads matters.
fn session(
    stream: Stream,
    head: BytesMut,
    kept: Option<HttpPersistentSettings>,
    bounds: Bounds,
) -> ServerSession {
    let mut session = ServerSession::new_http1(stream);
    match kept {
        Some(kept) => kept.apply_to_session(&mut session),
        None => session.set_keepalive(Some(60)),
    }
    session.set_pipelined_prefix(head);
    session.set_read_timeout(Some(bounds.body_timeout));
    session.set_write_timeout(Some(bounds.body_timeout));
    session.set_total_drain_timeout(Some(DRAIN));
    session
}

/// The wait for one head.
struct Reading<'a, S> {
    bounds: Bounds,
    is_first: bool,
    clock: Pin<&'a mut Sleep>,
    /// Ends when we are stopping; `None` when we are already.
    stop: Option<Pin<&'a mut S>>,
    shared: &'a Shared,
}

impl<S: Future<Output = ()>> Reading<'_, S> {
    async fn head(mut self, stream: &mut Stream) -> Head {
        let Some(mut buf) = self.begins(stream).await else { return Head::Gone };
        let mut scan = Scan::new(self.bounds.headers);
        // A last call has spent the clock on itself.
        let mut is_armed = self.is_first && self.stop.is_some();
        loop {
            match scan.advance(&buf) {
                Err(reason) => return Head::Refused(reason),
                Ok(Some(length)) if length > self.bounds.header_bytes => {
                    return Head::Refused(HeadRefused::TooLarge);
                }
                Ok(Some(length)) => {
                    let (is_chunked, is_upgrade) = (scan.is_chunked(), scan.is_upgrade());
                    return Head::Complete { head: buf, length, is_chunked, is_upgrade };
                }
                Ok(None) if buf.len() >= self.bounds.header_bytes => {
                    return Head::Refused(HeadRefused::TooLarge);
                }
                Ok(None) => {}
            }
            if !std::mem::replace(&mut is_armed, true) {
                self.clock.as_mut().reset(Instant::now() + self.bounds.header_timeout);
            }
            buf.reserve(FIRST_READ);
            tokio::select! {
                biased;
                read = stream.read_buf(&mut buf) => match read {
                    Ok(0) | Err(_) => return Head::Gone,
                    Ok(_) => {}
                },
                () = self.clock.as_mut() => return Head::Refused(HeadRefused::Timeout),
            }
        }
    }

    /// Waits for the first bytes; `None` when there will be none. Once we are stopping `stop` is gone, and the clock is
    /// that of the last call. While it waits no buffer is held, and what comes is
    /// kept in a buffer of its own size.
    async fn begins(&mut self, stream: &mut Stream) -> Option<BytesMut> {
        let mut first = pin!(poll_fn(|cx| poll_first(stream, cx)));
        if let Some(stop) = &mut self.stop {
            tokio::select! {
                biased;
                first = first.as_mut() => return first,
                () = self.clock.as_mut() => return None,
                () = stop => {}
            }
            self.stop = None;
        }
        // A connection that is closed at once would meet requests that are on their way, and the client could not tell
        // whether they were done.
        let last_call = Instant::now() + if self.is_first { FIRST_CALL } else { self.shared.last_call() };
        let deadline = self.clock.deadline().min(last_call);
        self.clock.as_mut().reset(deadline);
        tokio::select! {
            biased;
            first = first.as_mut() => first,
            () = self.clock.as_mut() => None,
        }
    }
}

thread_local! {
    /// Where first reads land; one buffer serves every connection of the thread.
    static FIRST: RefCell<Box<[u8]>> = RefCell::new(vec![0; FIRST_READ].into());
}

fn poll_first(stream: &mut Stream, cx: &mut Context<'_>) -> Poll<Option<BytesMut>> {
    FIRST.with_borrow_mut(|room| {
        let mut read = ReadBuf::new(room);
        let outcome = std::task::ready!(Pin::new(stream).poll_read(cx, &mut read));
        let is_something = outcome.is_ok() && !read.filled().is_empty();
        Poll::Ready(is_something.then(|| BytesMut::from(read.filled())))
    })
}

#[cfg(test)]
mod tests;
