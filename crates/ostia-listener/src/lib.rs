//! Sockets, TLS and certificates.
