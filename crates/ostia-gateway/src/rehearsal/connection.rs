//! A connection that holds one request and goes nowhere.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use ostia_request::Host;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::protocols::tls::SslDigest;
use pingora_core::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, TimingDigest,
    UniqueID,
};
use pingora_proxy::Session as Downstream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{RehearsalRefused, Trial};

/// The head of the request as it would come.
pub(super) fn head(
    trial: &Trial,
    credential: Option<&(&'static str, String)>,
) -> Result<Vec<u8>, RehearsalRefused> {
    let refused = |what: &str| RehearsalRefused::Request(what.to_owned());
    let own = [("Host", trial.authority.as_str())];
    let credential = credential.map(|(name, value)| (*name, value.as_str()));
    let further = trial.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let mut head = format!("{} {} HTTP/1.1\r\n", trial.method, trial.target);
    if head.matches(['\r', '\n', '\0']).count() != 2 || head.split(' ').count() != 3 {
        return Err(refused("the method or the target has spaces or control characters in it"));
    }
    for (name, value) in own.into_iter().chain(credential).chain(further) {
        if name.is_empty()
            || name.contains(['\r', '\n', ':', ' ', '\0'])
            || value.contains(['\r', '\n', '\0'])
        {
            return Err(refused("a field has control characters in it"));
        }
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    Ok(head.into_bytes())
}

/// The host of an authority as routes know it.
pub(super) fn host_of(authority: &str) -> String {
    Host::parse(authority.as_bytes()).map_or_else(|_| authority.to_owned(), |host| host.name().to_owned())
}

/// A session of Pingora whose head was read.
pub(super) async fn open(head: Vec<u8>, trial: &Trial) -> Result<Downstream, RehearsalRefused> {
    let digest = SocketDigest::from_raw_fd(-1);
    let _ = digest.peer_addr.set(Some(SocketAddr::new(trial.source, 0).into()));
    let _ = digest.local_addr.set(None);
    let tls = trial.is_https.then(|| Arc::new(SslDigest::new("", "", None, None, Vec::new())));
    let paper = Paper { head, read: 0, socket: Arc::new(digest), tls };
    let mut downstream = Downstream::new_h1(Box::new(paper));
    let read = downstream.as_downstream_mut().read_request().await;
    match read {
        Ok(true) => Ok(downstream),
        Ok(false) => Err(RehearsalRefused::Request("it is empty".to_owned())),
        Err(error) => Err(RehearsalRefused::Request(error.etype().as_str().to_owned())),
    }
}

/// Says the head and takes whatever comes.
struct Paper {
    head: Vec<u8>,
    read: usize,
    socket: Arc<SocketDigest>,
    tls: Option<Arc<SslDigest>>,
}

impl fmt::Debug for Paper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<a connection that goes nowhere>")
    }
}

impl AsyncRead for Paper {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let left = self.head.get(self.read..).unwrap_or_default();
        let part = left.get(..left.len().min(buf.remaining())).unwrap_or_default();
        buf.put_slice(part);
        let taken = part.len();
        self.read += taken;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Paper {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[async_trait]
impl Shutdown for Paper {
    async fn shutdown(&mut self) {}
}

impl UniqueID for Paper {
    fn id(&self) -> i32 {
        0
    }
}

impl Ssl for Paper {
    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.tls.clone()
    }
}

impl GetTimingDigest for Paper {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for Paper {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl GetSocketDigest for Paper {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        Some(Arc::clone(&self.socket))
    }
}

impl Peek for Paper {}
