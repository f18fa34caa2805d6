//! A listener over real sockets, in front of a tiny application.
//!
//! The clock of the runtime is paused where deadlines are tested: it jumps to the next deadline as soon as nothing
//! else can happen, so ten seconds cost nothing and a deadline that is missing hangs the test.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod app;
mod cleartext;
mod client_certificate;
mod head;
mod http2;
mod life;
mod renewal;
mod resumption;
mod tls;
