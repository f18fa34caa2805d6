//! What `ostia demo` needs besides the proxy: both other parties, ports, the configuration text, the screen.
//!
//! [`Demo::start`] chooses ports, starts the provider and two upstream servers, and knows the rest. It writes nothing:
//! the caller puts [`Demo::config_yaml`] into a file and starts the real proxy with it. See the crate's front page for
//! the whole sequence.

mod config;
mod port;
mod screen;
mod start;
mod token;

pub use config::Parts;
pub use start::{Demo, DemoFailed, Options, Tls};
pub use token::{PROVIDER_PORT, TokenRefused, find_issuer, token};
