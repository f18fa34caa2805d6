//! The test harness: the real binary with real parties around it, everything on loopback.
//!
//! - [`Ostia`] runs the binary and keeps every line it writes; when it is dropped, no line may hold a secret.
//! - [`Browser`] keeps cookies as a browser does and says `Sec-Fetch-*` as a browser does.
//! - [`raw`] sends bytes exactly as written.
//! - [`EchoUpstream`] records the bytes that arrived; [`ScriptedUpstream`] streams, waits and answers early.
//! - [`NodeProvider`] is a certified OpenID provider; [`FaultProvider`] does what that one never would.
//! - [`DialectProvider`] speaks as one of eight known providers does.
//! - [`RedisServer`] is the store that nodes share.
//! - [`Chromium`] drives the real one.
//! - [`FaultUpstream`] misbehaves on demand; [`DnsServer`] answers for a zone that the test changes.
//! - [`Authority`] issues certificates; [`Pebble`] does so by ACME.
//! - [`replay`] runs fuzz targets on their seeds.
//! - [`corpus`] holds requests that two parsers could read in two ways.
//!
//! The harness knows the product from outside only: its command, its configuration language, its ports.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a harness fails its test by panicking"
)]

mod authority;
mod browser;
mod canaille_provider;
mod chromium;
pub mod corpus;
mod counting;
mod dialect_provider;
mod dns_server;
mod echo_upstream;
mod fault_provider;
mod fault_upstream;
mod form;
mod jar;
pub mod jws;
mod metrics;
mod node_provider;
mod npm;
mod ostia;
mod page;
mod pebble;
mod ports;
mod possession;
mod process;
pub mod raw;
mod redis_server;
mod rsa_signer;
mod scripted_upstream;
pub mod secrets;
mod seeds;
mod signer;
mod wait;

pub use authority::{Authority, Issued};
pub use browser::{Browser, Names, OpenAnswer};
pub use canaille_provider::CanailleProvider;
pub use chromium::Chromium;
pub use counting::{Counting, allocations_of};
pub use dialect_provider::{Dialect, DialectProvider, Scene};
pub use dns_server::DnsServer;
pub use echo_upstream::{EchoUpstream, Seen};
pub use fault_provider::{Behaviour, FaultProvider, IdTokenSigning, Outage};
pub use fault_upstream::FaultUpstream;
pub use form::Form;
pub use jar::Cookie;
pub use metrics::Metrics;
pub use node_provider::{NodeProvider, Registration};
pub use ostia::Ostia;
pub use page::Page;
pub use pebble::{HMAC_KEY, Pebble};
pub use ports::free_port;
pub use process::Process;
pub use redis_server::RedisServer;
pub use rsa_signer::RsaSigner;
pub use scripted_upstream::ScriptedUpstream;
pub use seeds::{FuzzTarget, replay};
pub use signer::Signer;
pub use wait::eventually;
