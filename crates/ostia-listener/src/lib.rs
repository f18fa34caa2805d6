//! Sockets, TLS and certificates: where clients connect.
//!
//! [`Listener::bind`] binds the addresses of one section of the configuration, [`Listener::serve`] accepts
//! connections and hands each request to a Pingora application. In between stands what Pingora does not have: a
//! deadline for whole request heads and for idle connections, a cap on their size, a limit of connections,
//! certificates that change while it runs, and an end as soon as nothing is in flight (`docs/adr/0001`).
//!
//! accept (`accept`) → PROXY header (`proxy_protocol`) → TLS (`tls`, `certificate`, `client_certificate`, `ticket`) → HTTP/1 (`http1`, its heads in `head`) or HTTP/2 (`http2`).
//!
//! For the request path: the client's address is `session.client_addr()`, what TLS said is [`Handshake`].

#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;

mod accept;
pub mod acme;
mod answer;
mod bind;
mod certificate;
mod client_certificate;
mod counters;
mod distinguished_name;
mod edge;
mod head;
mod http1;
mod http2;
mod inherited;
mod listener;
mod node;
mod proxy_protocol;
mod renewal;
mod settings;
mod socket;
mod ticket;
mod tls;
mod watched;

pub use certificate::{CertificateFault, CertificateRefused, CertificateState};
pub use client_certificate::{AlternativeName, ClientCertificate};
pub use counters::{ConnectionRefused, Counters};
pub use head::HeadRefused;
pub use inherited::InheritedSockets;
pub use listener::{Listener, ListenerRefused, Prepared, Rebound};
pub use node::Node;
pub use ticket::TicketKeysRefused;
pub use tls::{FileState, Handshake, TlsFileRefused, TlsRefused};
