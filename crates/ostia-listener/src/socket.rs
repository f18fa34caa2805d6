//! An accepted TCP connection as Pingora's transport.
//!
//! Unlike Pingora's own stream it owns no buffer while nothing is being written: what an idle connection costs is
//! the kernel's. Small writes (a response head and its small body, two TLS records) leave in one packet, and a large
//! write takes the waiting bytes along in the same system call.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::BytesMut;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, TimingDigest,
    UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

use crate::held::{Held, writes_through_held};
use crate::linger;
use crate::proxy_protocol::Told;

/// One accepted connection.
#[derive(Debug)]
pub(crate) struct Socket {
    tcp: TcpStream,
    /// Written, not sent yet.
    held: Held,
    /// Read already, to be read again. Empty means not allocated.
    unread: BytesMut,
    accepted_at: SystemTime,
    digest: Arc<SocketDigest>,
}

impl Socket {
    pub(crate) fn new(tcp: TcpStream, peer: SocketAddr) -> Self {
        let digest = SocketDigest::from_raw_fd(tcp.as_raw_fd());
        // The cell is new, so it is empty; a peer that is known here spares a system call for each request.
        let _ = digest.peer_addr.set(Some(peer.into()));
        Self {
            tcp,
            held: Held::default(),
            unread: BytesMut::new(),
            accepted_at: SystemTime::now(),
            digest: Arc::new(digest),
        }
    }

    /// From now on the connection goes by what a trusted proxy told of it.
    pub(crate) fn told(&mut self, told: Told) {
        let Told::Addresses { source, destination } = told else { return };
        let digest = SocketDigest::from_raw_fd(self.tcp.as_raw_fd());
        let _ = digest.peer_addr.set(Some(source.into()));
        let _ = digest.local_addr.set(Some(destination.into()));
        self.digest = Arc::new(digest);
    }

    /// Who connected, as far as is known.
    pub(crate) fn peer(&self) -> Option<IpAddr> {
        self.digest.peer_addr()?.as_inet().map(SocketAddr::ip)
    }

    /// Puts bytes back in front of what is still to come.
    pub(crate) fn unread(&mut self, mut bytes: BytesMut) {
        bytes.unsplit(std::mem::take(&mut self.unread));
        self.unread = bytes;
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.unread.is_empty() {
            let count = self.unread.len().min(buf.remaining());
            buf.put_slice(&self.unread.split_to(count));
            if self.unread.is_empty() {
                self.unread = BytesMut::new();
            }
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.tcp).poll_read(cx, buf)
    }
}

writes_through_held!(Socket, tcp);

impl Drop for Socket {
    fn drop(&mut self) {
        // Pingora drops some connections without a flush; what fits into the kernel's buffer still goes out.
        if !self.held.as_slice().is_empty() {
            let _ = self.tcp.try_write(self.held.as_slice());
        }
        linger::take_leave(&self.tcp);
    }
}

#[async_trait]
impl Shutdown for Socket {
    async fn shutdown(&mut self) {
        // The peer may have closed first; then there is nobody left to tell.
        let _ = AsyncWriteExt::shutdown(self).await;
    }
}

impl UniqueID for Socket {
    fn id(&self) -> UniqueIDType {
        self.tcp.as_raw_fd()
    }
}

impl Ssl for Socket {}

impl Peek for Socket {}

impl GetTimingDigest for Socket {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        vec![Some(TimingDigest { established_ts: self.accepted_at, ..TimingDigest::default() })]
    }
}

impl GetProxyDigest for Socket {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl GetSocketDigest for Socket {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        Some(Arc::clone(&self.digest))
    }

    fn set_socket_digest(&mut self, digest: SocketDigest) {
        self.digest = Arc::new(digest);
    }
}

#[cfg(test)]
mod tests;
