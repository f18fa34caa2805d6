//! The application behind the proxy: it shows the request exactly as it arrived.
//!
//! It reads HTTP/1.1 by itself, because a framework would hide what matters here: the bytes of the target, the order
//! and the spelling of the fields, duplicates, trailers.
//!
//! | path | answer |
//! |---|---|
//! | `/healthz` | 200, or 503 while it is unwell |
//! | `/ws` | a WebSocket that says who came, then echoes |
//! | `/sse` | server-sent events, one every 100 ms, `?count=` of them (default 10) |
//! | `/slow?ms=` | the echo, that much later (at most 60 s) |
//! | `/status/CODE` | that status |
//! | `/bytes/N` | that many bytes (at most 64 MiB) |
//! | `/unwell` (POST) | makes the health check of this server fail for 15 s |
//! | anything else | the request: as a page, or as JSON when `Accept` asks for JSON first or the path is under `/api` |
//!
//! ```
//! use ostia_demo::upstream::Upstream;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let app = Upstream::start("app-1").await?;
//! assert!(app.address().ip().is_loopback());
//! assert!(app.requests().is_empty());
//! app.stop().await;
//! # Ok(()) }
//! ```

mod answer;
mod echo;
mod page;
mod received;
mod running;
mod serve;
mod web_socket;

pub use received::Received;
pub use running::RunningUpstream;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

/// An upstream server that is not running yet.
#[derive(Clone, Copy, Debug)]
pub struct Upstream;

impl Upstream {
    /// Starts on a free loopback port, on the current tokio runtime. `name` stands in every answer.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(name: &str) -> io::Result<RunningUpstream> {
        Self::start_at(name, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    /// Starts on this loopback address: to come back where a stopped one was.
    ///
    /// # Errors
    /// When the address is not a loopback address or cannot be bound.
    pub async fn start_at(name: &str, address: SocketAddr) -> io::Result<RunningUpstream> {
        running::start(name, address).await
    }
}
