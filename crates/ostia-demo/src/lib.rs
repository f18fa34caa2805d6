//! The other two parties of the demo: a complete OpenID provider, an upstream that shows what it received.
//!
//! Everything here listens on loopback only, writes no file and uses no other crate of Ostia: keys, tokens, cookies
//! and HTTP are handled by code of its own, so that one bug cannot hide on both sides of a test.
//!
//! - [`provider`]: discovery, key set, sign-in page, tokens, logout.
//! - [`upstream`]: the application behind the proxy, which shows the request as it arrived.
//! - [`demo`]: both together, with the configuration text that makes Ostia their neighbour.
//! - [`check`]: a person and a machine that go through the whole demo by themselves.
//! - [`browser`]: the small HTTP client with a cookie jar that [`check`] and tests use.
//!
//! What `ostia demo` does with it (`check` instead of waiting when `--check` is given):
//!
//! ```no_run
//! use std::path::PathBuf;
//! use ostia_demo::{check::Check, demo::{Demo, Options}};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = PathBuf::from("/tmp/ostia-demo");
//! let demo = Demo::start(Options::new(&folder)).await?;
//! let config_file = folder.join("ostia.yaml");
//! std::fs::write(&config_file, demo.config_yaml())?;
//! // … start the real proxy with `config_file` …
//! println!("{}", demo.screen(&config_file));
//!
//! let transcript = Check::of(&demo).run().await?;
//! println!("{transcript}");
//! demo.stop().await;
//! # Ok(()) }
//! ```

pub mod browser;
pub mod check;
pub mod demo;
mod html;
mod jwt;
pub mod provider;
mod random;
pub mod upstream;
