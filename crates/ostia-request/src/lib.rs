//! What a request head says, read once and in one way only: host, framing, target, fields, client address.
//!
//! Everything that follows (route, identity, policy, upstream) rests on one question: will the upstream read this
//! request as we did? The answer is given here, in two halves.
//!
//! 1. [`examine`] refuses what can be read in two ways: two hosts, a length beside a transfer coding, a `#` in the
//!    target, a control in a field. It repairs nothing. (What an HTTP/1 parser repairs before anybody can look, such
//!    as bare line feeds, `ostia-listener` refuses on the wire.)
//! 2. [`readings`] lists every usual reading of a path that *is* well formed: decoded once and twice, dots resolved,
//!    parameters dropped and so on. `ostia-route` refuses the request when they would fall under different
//!    policies; otherwise the bytes go on unchanged.
//!
//! The rest is hygiene of fields: which names clients may not send ([`ManagedFields`]), the cut of our own cookies
//! ([`cookie`]), hop-by-hop names ([`hop`]), the client's address behind trusted proxies ([`client()`]), and whether
//! a request is a navigation ([`is_navigation`]).
//!
//! Pure: no I/O, no clock, no configuration. An ordinary request costs no allocation here.

pub mod client;
pub mod cookie;
mod examined;
mod field;
mod framing;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod hop;
mod host;
mod managed;
mod navigation;
mod reading;
mod refused;
mod target;

pub use client::{Client, ClientRefused, client};
pub use examined::{Examined, Head, Limits, examine};
pub use framing::{Body, Upgrade};
pub use host::{Host, HostRefused};
pub use managed::{ManagedFields, is_ambiguous};
pub use navigation::{is_form, is_form_navigation, is_navigation};
pub use reading::{Case, MOST_READINGS, Reading, Readings, TooManyReadings, readings};
pub use refused::HeadRefused;
pub use target::{TargetForm, is_plain as is_plain_path};
