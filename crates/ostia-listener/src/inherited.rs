//! Listening sockets that somebody else bound: systemd, or the process that this one succeeds.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use parking_lot::Mutex;

/// Sockets that wait to be taken over, by address. Cheap to clone; all clones share them.
#[derive(Clone, Debug, Default)]
pub struct InheritedSockets(Arc<Mutex<Vec<(SocketAddr, TcpListener)>>>);

impl InheritedSockets {
    /// Those of these sockets that have an address.
    #[must_use]
    pub fn new(sockets: impl IntoIterator<Item = TcpListener>) -> Self {
        let with_address = |socket: TcpListener| Some((socket.local_addr().ok()?, socket));
        Self(Arc::new(Mutex::new(sockets.into_iter().filter_map(with_address).collect())))
    }

    /// The socket that is bound to exactly this address, for the first who asks.
    #[must_use]
    pub fn take(&self, address: SocketAddr) -> Option<TcpListener> {
        let mut sockets = self.0.lock();
        let at = sockets.iter().position(|(bound, _)| *bound == address)?;
        Some(sockets.swap_remove(at).1)
    }

    /// Closes what nobody took, and says where it was bound.
    #[must_use]
    pub fn close_rest(&self) -> Vec<SocketAddr> {
        self.0.lock().drain(..).map(|(address, _)| address).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_taken_once_by_its_exact_address() {
        let [one, two] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [first, second] = [&one, &two].map(|socket| socket.local_addr().unwrap());
        let sockets = InheritedSockets::new([one, two]);
        let elsewhere = SocketAddr::from(([0, 0, 0, 0], first.port()));
        assert!(sockets.take(elsewhere).is_none());
        assert_eq!(sockets.take(first).unwrap().local_addr().unwrap(), first);
        assert!(sockets.clone().take(first).is_none());
        assert_eq!(sockets.close_rest(), [second]);
        assert!(TcpListener::bind(second).is_ok(), "it is closed");
    }
}
