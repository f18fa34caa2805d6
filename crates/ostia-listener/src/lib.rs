//! Sockets, TLS and certificates: where clients connect.
//!
//! [`Listener::bind`] binds the addresses of one section of the configuration, [`Listener::serve`] accepts
//! connections and hands each request to a Pingora application. In between stands what Pingora does not have: a
//! deadline for whole request heads and for idle connections, a cap on their size, a limit of connections,
//! certificates that change while it runs, and an end as soon as nothing is in flight (`docs/adr/0001`).
//!
//! accept (`accept`) → PROXY header (`proxy_protocol`) → TLS (`tls`, `certificate`, `client_certificate`, `ticket`), or the
//! preface of h2c (`cleartext`) → HTTP/1 (`http1`, its heads in `head`) or HTTP/2 (`http2`, its floods in `http2::calm`).
//!
//! For the request path: the client's address is `session.client_addr()`, what TLS said is [`Handshake`].

mod accept;
pub mod acme;
mod address;
mod answer;
mod bind;
mod certificate;
mod chunks;
mod cleartext;
mod client_certificate;
mod counters;
mod distinguished_name;
mod edge;
mod engine;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod head;
mod held;
mod http1;
mod http2;
mod inherited;
mod linger;
mod listener;
mod node;
mod proxy_protocol;
mod records;
mod refused;
mod renewal;
mod settings;
mod socket;
mod ticket;
mod tls;
mod transport;
mod watched;

pub use certificate::{CertificateFault, CertificateRefused, CertificateState};
pub use client_certificate::{AlternativeName, ClientCertificate};
pub use counters::{ConnectionRefused, Counters};
pub use engine::request_begins;
pub use head::HeadRefused;
pub use http1::close_web_socket;
pub use inherited::InheritedSockets;
pub use listener::{Listener, ListenerRefused, Prepared, Rebound};
pub use node::Node;
pub use refused::RefusedRequest;
pub use ticket::TicketKeysRefused;
pub use tls::{FileState, Handshake, TlsFileRefused, TlsRefused};
