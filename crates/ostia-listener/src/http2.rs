//! HTTP/2 on one connection: Pingora's codec under our deadlines, our budgets against floods and our drain.

mod calm;
mod frame;
mod upload;
mod watched;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::task::Poll;
use std::time::Duration;

use h2::Reason;
use pingora_core::apps::HttpServerApp;
use pingora_core::protocols::http::ServerSession;
use pingora_core::protocols::http::v2::server::{
    H2Accept, H2Options, HttpSession, default_h2_options, handshake,
};
use pingora_core::protocols::{Digest, Stream};
use tokio::time::{Instant, sleep_until, timeout};

use self::calm::Calm;
pub(crate) use self::calm::Flood;
use self::upload::Upload;
use self::watched::Watched;
use crate::counters::ConnectionRefused;
use crate::edge::Edge;
use crate::engine;
use crate::head::HeadRefused;
use crate::refused::{RefusedRequest, peer_of};
use crate::settings::Bounds;

/// Streams that Pingora refused as malformed before the connection is closed; its own budget counts each call anew.
const MALFORMED_STREAMS: u32 = 32;
/// While stopping: how often it is looked whether the last stream has ended. A peer that does not confirm our GOAWAY
/// keeps an idle connection no longer than this.
const STOPPING: Duration = Duration::from_millis(100);
/// What one stream may leave in the codec for a peer that does not read.
const SEND_BUFFER: usize = 64 * 1024;
/// What a peer may send of one body before we took any of it; a window of this size fills a line of 100 Mbit/s over
/// 20 ms.
const STREAM_WINDOW: u32 = 256 * 1024;
/// The same for all bodies of a connection together: the most that they hold in memory.
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Streams whose task has not noticed its end yet, as a multiple of `limits.streams_per_connection`.
const UNFINISHED: usize = 2;

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
    let peer = peer_of(&stream);
    let bounds = edge.bounds();
    let calm = Calm::new();
    let stream = Box::new(Watched::new(stream, Arc::clone(&calm), bounds.body_timeout));
    let options = edge.app().h2_options().unwrap_or_else(|| options(bounds));
    let Ok(Ok(mut connection)) = timeout(bounds.header_timeout, handshake(stream, Some(options))).await
    else {
        edge.counters().refuse_connection(ConnectionRefused::Preface);
        return;
    };
    let streams = Arc::new(Streams::new());
    let most = bounds.streams as usize * UNFINISHED;
    let mut clock = pin!(sleep_until(Instant::now() + bounds.keep_alive));
    let mut stop = pin!(edge.stopped());
    let mut is_stopping = false;
    let mut is_flooded = false;
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
                Ok(Some(H2Accept::Session(session))) if streams.open() < most => {
                    answer(session, streams.begin(), &edge);
                }
                // Dropped, which resets the stream: so many have ended without their tasks noticing.
                Ok(Some(H2Accept::Session(_))) => edge.counters().refuse_head(HeadRefused::TooManyStreams),
                Ok(Some(H2Accept::Rejected)) if malformed < MALFORMED_STREAMS => {
                    malformed += 1;
                    edge.refuse(&RefusedRequest { peer, protocol: "2", reason: HeadRefused::Engine });
                }
                Ok(None) => return,
                Ok(Some(H2Accept::Rejected)) => return edge.counters().refuse_connection(ConnectionRefused::Protocol),
                Err(error) => {
                    tracing::debug!(%error, "an HTTP/2 connection ended");
                    if let Some(reason) = blamed_on_the_client(&error, &calm) {
                        edge.counters().refuse_connection(reason);
                    }
                    return;
                }
            },
            // Polled after the codec has read, in the same turn of this task: no waker is needed.
            flood = flood(&calm), if !is_flooded => {
                is_flooded = true;
                is_stopping = true;
                edge.counters().refuse_connection(flood.into());
                connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                clock.as_mut().reset(Instant::now() + STOPPING);
            }
            () = clock.as_mut() => match streams.idle_since() {
                _ if is_flooded => return,
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

/// Pingora's defaults with the listener's bounds, and with buffers that a thousand connections can afford.
fn options(bounds: Bounds) -> H2Options {
    let mut options = default_h2_options();
    options.max_header_list_size(u32::try_from(bounds.header_bytes).unwrap_or(u32::MAX));
    options.max_concurrent_streams(bounds.streams);
    options.max_send_buffer_size(SEND_BUFFER);
    options.initial_window_size(STREAM_WINDOW);
    options.initial_connection_window_size(CONNECTION_WINDOW);
    options
}

/// Ends when a budget is overdrawn. Never wakes by itself: poll it after the codec.
async fn flood(calm: &Calm) -> Flood {
    std::future::poll_fn(|_| calm.flood().map_or(Poll::Pending, Poll::Ready)).await
}

/// Why the codec itself ended the connection, if it did: what it reads in one go may overdraw its own bounds first.
fn blamed_on_the_client(error: &pingora_core::Error, calm: &Calm) -> Option<ConnectionRefused> {
    let cause = error.cause.as_ref()?.downcast_ref::<h2::Error>()?;
    match cause.reason() {
        _ if !cause.is_library() => None,
        Some(Reason::ENHANCE_YOUR_CALM) => Some(calm.suspected().into()),
        _ => Some(ConnectionRefused::Protocol),
    }
}

/// Each stream is a task of its own; it ends with the stream, and with the connection when that breaks.
fn answer<A>(stream: HttpSession, open: Open, edge: &Arc<Edge<A>>)
where
    A: HttpServerApp + Send + Sync + 'static,
{
    let edge = Arc::clone(edge);
    tokio::spawn(async move {
        let patience = edge.bounds().body_timeout;
        let mut stream = stream;
        let peer = stream.client_addr().and_then(|peer| peer.as_inet().map(std::net::SocketAddr::ip));
        if !keeps_its_word(&mut stream, patience).await {
            edge.refuse(&RefusedRequest { peer, protocol: "2", reason: HeadRefused::Engine });
            return drop(open);
        }
        let mut session = if stream.is_body_done() {
            ServerSession::new_http2(stream)
        } else {
            ServerSession::new_custom(Box::new(Upload::new(stream, patience)))
        };
        session.set_write_timeout(Some(patience));
        let (_, began) = engine::run(edge.app().process_new_http(session, edge.shutdown())).await;
        if !began {
            edge.refuse(&RefusedRequest { peer, protocol: "2", reason: HeadRefused::Engine });
        }
        drop(open);
    });
}

/// The lengths, types and flags of the frames that a client's bytes hold.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn frames_of<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<(u32, u8, u8)> {
    let (mut frames, mut seen) = (frame::Frames::of_client(), Vec::new());
    for piece in pieces {
        frames.read(piece, |frame| seen.push((frame.length, frame.kind, frame.flags)));
    }
    seen
}

/// A body that was announced as empty is taken as read by Pingora: the request would go on before its stream ends, and
/// what comes on it instead would be noticed too late (RFC 9113 section 8.1.1).
async fn keeps_its_word(stream: &mut HttpSession, patience: Duration) -> bool {
    let length = stream.req_header().headers.get(http::header::CONTENT_LENGTH);
    if length.is_none_or(|length| length != "0") {
        return true;
    }
    loop {
        match timeout(patience, stream.read_body_bytes()).await {
            Ok(Ok(Some(bytes))) if bytes.is_empty() => {}
            rest => return matches!(rest, Ok(Ok(None))),
        }
    }
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

    fn open(&self) -> usize {
        self.open.load(Relaxed)
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
