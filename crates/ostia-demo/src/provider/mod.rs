//! A complete OpenID provider on loopback: code flow with PKCE, refresh with rotation, logout, machine tokens.
//!
//! It does what the standards ask of a provider and nothing less, so that a relying party which works with it is right
//! for the right reasons: every parameter at most once, exact redirect URIs, PKCE S256 required, `iss` in the response
//! (RFC 9207), codes and refresh tokens spent once, reuse revokes the grant. People sign in on a plain HTML form.
//!
//! ```
//! use ostia_demo::provider::{Client, Provider, Settings};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::confidential("ostia", "secret", "http://localhost:8080/.ostia/callback");
//! let provider = Provider::start(Settings { clients: vec![client], ..Settings::default() }).await?;
//! assert!(provider.issuer().starts_with("http://127.0.0.1:"));
//! assert_eq!(provider.calls("token"), 0);
//! provider.stop().await;
//! # Ok(()) }
//! ```

mod authorization_request;
mod authorize;
mod back_channel;
mod client_authentication;
mod console;
mod end_session;
mod journal;
mod keys;
mod ledger;
mod metadata;
mod page;
mod parameters;
mod revoke;
mod running;
mod settings;
mod shared;
mod token;
mod userinfo;

pub use back_channel::Delivery;
pub use journal::{Call, Fault};
pub use running::{AccessToken, RunningProvider};
pub use settings::{Client, Lifetimes, Person, Settings};

use std::io;

/// An OpenID provider that is not running yet.
#[derive(Clone, Copy, Debug)]
pub struct Provider;

impl Provider {
    /// Binds and serves on the current tokio runtime.
    ///
    /// # Errors
    /// When the address is not a loopback address or cannot be bound, or when `issuer` or `trusted_certificate` cannot
    /// be read.
    pub async fn start(settings: Settings) -> io::Result<RunningProvider> {
        running::start(settings).await
    }
}
