//! HTTP/2 on one connection: Pingora's codec under our deadlines and our drain.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use pingora_core::apps::HttpServerApp;
use pingora_core::protocols::http::ServerSession;
use pingora_core::protocols::http::v2::server::{
    H2Accept, H2Options, HttpSession, default_h2_options, handshake,
};
use pingora_core::protocols::{Digest, Stream};
use tokio::time::{Instant, sleep_until, timeout};

use crate::counters::ConnectionRefused;
use crate::edge::Edge;
use crate::settings::Bounds;

/// Streams that Pingora refused as malformed before the connection is closed; its own budget counts each call anew.
const MALFORMED_STREAMS: u32 = 32;
/// While stopping: how often it is looked whether the last stream has ended. A peer that does not confirm our GOAWAY
/// keeps an idle connection no longer than this.
const STOPPING: Duration = Duration::from_millis(100);

/// Serves streams until the client or we close the connection.
pub(crate) async fn serve<A>(stream: Stream, edge: Arc<Edge<A>>)
where
    A: HttpServerApp + Send + Sync + 'static,
{
    let digest = Arc::new(Digest {
        ssl_digest: stream.get_ssl_digest(),
        timing_digest: stream.get_timing_digest(),
        proxy_digest: stream.get_proxy_digest(),
        socket_digest: stream.get_socket_digest(),
    });
    let bounds = edge.bounds();
    let options = edge.app().h2_options().unwrap_or_else(|| options(bounds));
    let Ok(Ok(mut connection)) = timeout(bounds.header_timeout, handshake(stream, Some(options))).await
    else {
        edge.counters().refuse_connection(ConnectionRefused::Preface);
        return;
    };
    let streams = Arc::new(Streams::new());
    let mut clock = pin!(sleep_until(Instant::now() + bounds.keep_alive));
    let mut stop = pin!(edge.stopped());
    let mut is_stopping = false;
    let mut malformed = 0;
    loop {
        tokio::select! {
            biased;
            () = stop.as_mut(), if !is_stopping => {
                is_stopping = true;
                connection.graceful_shutdown();
                clock.as_mut().reset(Instant::now() + STOPPING);
            }
            accepted = HttpSession::from_h2_conn(&mut connection, Arc::clone(&digest)) => match accepted {
                Ok(Some(H2Accept::Session(session))) => answer(session, streams.begin(), &edge),
                Ok(Some(H2Accept::Rejected)) if malformed < MALFORMED_STREAMS => malformed += 1,
                Ok(Some(H2Accept::Rejected) | None) | Err(_) => return,
            },
            () = clock.as_mut() => match streams.idle_since() {
                Some(_) if is_stopping => return,
                None if is_stopping => clock.as_mut().reset(Instant::now() + STOPPING),
                Some(since) if since.elapsed() >= edge.bounds().keep_alive => {
                    is_stopping = true;
                    connection.graceful_shutdown();
                    clock.as_mut().reset(Instant::now() + STOPPING);
                }
                Some(since) => clock.as_mut().reset(since + edge.bounds().keep_alive),
                None => clock.as_mut().reset(Instant::now() + edge.bounds().keep_alive),
            },
        }
    }
}

/// Pingora's bounded defaults (100 streams), with the listener's cap on the header list.
fn options(bounds: Bounds) -> H2Options {
    let mut options = default_h2_options();
    options.max_header_list_size(u32::try_from(bounds.header_bytes).unwrap_or(u32::MAX));
    options
}

/// Each stream is a task of its own; it ends with the stream, and with the connection when that breaks.
fn answer<A>(session: HttpSession, stream: Open, edge: &Arc<Edge<A>>)
where
    A: HttpServerApp + Send + Sync + 'static,
{
    let edge = Arc::clone(edge);
    tokio::spawn(async move {
        let mut session = ServerSession::new_http2(session);
        session.set_write_timeout(Some(edge.bounds().body_timeout));
        edge.app().process_new_http(session, edge.shutdown()).await;
        drop(stream);
    });
}

/// The streams of a connection: how many are open, and since when none is.
struct Streams {
    began: Instant,
    open: AtomicUsize,
    /// Milliseconds after `began` at which the last stream ended.
    idle_since_ms: AtomicU64,
}

impl Streams {
    fn new() -> Self {
        Self { began: Instant::now(), open: AtomicUsize::new(0), idle_since_ms: AtomicU64::new(0) }
    }

    fn begin(self: &Arc<Self>) -> Open {
        self.open.fetch_add(1, Relaxed);
        Open(Arc::clone(self))
    }

    fn idle_since(&self) -> Option<Instant> {
        let is_idle = self.open.load(Relaxed) == 0;
        is_idle.then(|| self.began + Duration::from_millis(self.idle_since_ms.load(Relaxed)))
    }
}

/// One open stream.
struct Open(Arc<Streams>);

impl Drop for Open {
    fn drop(&mut self) {
        let now = u64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.idle_since_ms.store(now, Relaxed);
        self.0.open.fetch_sub(1, Relaxed);
    }
}
