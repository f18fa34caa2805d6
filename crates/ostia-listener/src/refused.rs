//! Requests that the request path never saw: who sent them, and why they were refused.

use std::fmt;
use std::net::IpAddr;
use std::sync::OnceLock;

use pingora_core::protocols::Stream;

use crate::head::HeadRefused;

/// A request that was refused before the request path saw it. There is nothing of its head in here: what could not
/// be read is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusedRequest {
    /// Who connected; `None` when the kernel does not know any more.
    pub peer: Option<IpAddr>,
    /// `1.1` or `2`.
    pub protocol: &'static str,
    /// Why.
    pub reason: HeadRefused,
}

/// What is done with a refused request.
type Tell = dyn Fn(&RefusedRequest) + Send + Sync;

/// Who is told of refused requests.
#[derive(Default)]
pub(crate) struct Teller(OnceLock<Box<Tell>>);

impl Teller {
    /// The first one stays.
    pub(crate) fn set(&self, tell: impl Fn(&RefusedRequest) + Send + Sync + 'static) {
        let _ = self.0.set(Box::new(tell));
    }

    pub(crate) fn tell(&self, refused: &RefusedRequest) {
        if let Some(tell) = self.0.get() {
            tell(refused);
        }
    }
}

impl fmt::Debug for Teller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Teller").field(&self.0.get().is_some()).finish()
    }
}

/// The address at the other end of a stream.
pub(crate) fn peer_of(stream: &Stream) -> Option<IpAddr> {
    let digest = stream.get_socket_digest()?;
    digest.peer_addr()?.as_inet().map(std::net::SocketAddr::ip)
}
