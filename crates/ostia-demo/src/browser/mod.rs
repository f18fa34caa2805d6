//! A small browser: cookies, redirects, forms; loopback only.
//!
//! It keeps to the rules that make a login work or fail in a real one: `__Host-` and `Secure`, `SameSite`, the
//! `Sec-Fetch-*` fields, `Origin` on forms. It sends every target byte as given.

mod connection;
mod cookie_jar;
mod exchange;
mod form;
mod navigation;

pub use connection::{Connection, Trust, TrustRefused, connect};
pub use cookie_jar::{CookieJar, Sender};
pub use exchange::{ExchangeFailed, Incoming, Outgoing, exchange};
pub use form::Form;
pub use navigation::{Browser, Page};
