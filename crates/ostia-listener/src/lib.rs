//! Sockets, TLS and certificates: where clients connect.
//!
//! [`Listener::bind`] binds the addresses of one section of the configuration, [`Listener::serve`] accepts
//! connections and hands each request to a Pingora application. In between stands what Pingora does not have: a
//! deadline for whole request heads and for idle connections, a cap on their size, a limit of connections,
//! certificates that change while it runs, and an end as soon as nothing is in flight (`docs/adr/0001`).
//!
//! accept (`accept`) → TLS (`tls`, `certificate`) → HTTP/1 (`http1`, its heads in `head`) or HTTP/2 (`http2`).
//!
//! For the request path: the client's address is `session.client_addr()`, what TLS said is [`Handshake`].

mod accept;
mod answer;
mod bind;
mod certificate;
mod counters;
mod edge;
mod head;
mod http1;
mod http2;
mod listener;
mod settings;
mod socket;
mod tls;

pub use certificate::{CertificateFault, CertificateRefused, CertificateState};
pub use counters::{ConnectionRefused, Counters};
pub use head::HeadRefused;
pub use listener::{Listener, ListenerRefused, Prepared};
pub use tls::{Handshake, TlsRefused};
