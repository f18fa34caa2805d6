//! The line that holds an open answer to its session: when the session ends, the exchange is let go where it stands.
//!
//! The application that a listener serves is not Pingora's proxy itself but [`Tethered`] around it. While an exchange
//! runs, its stages may [`tie`] it; from then on the exchange ends with its session, whether bytes flow or not. Letting
//! go drops the whole exchange: an HTTP/1.1 connection is closed (a WebSocket with a close frame, unless a frame of the
//! application is half sent), an HTTP/2 stream is reset with CANCEL while the other streams of its connection go on, and
//! the request to the server ends with it.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use async_trait::async_trait;
use pingora_core::apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream};
use pingora_core::protocols::http::ServerSession;
use pingora_core::protocols::http::v2::server::H2Options;
use pingora_core::server::ShutdownWatch;
use pingora_proxy::HttpProxy;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::proxy::Front;
use crate::streams::{Cut, Entered};

/// The code of a WebSocket that is closed because its user may not go on (RFC 6455 section 7.4.1).
const POLICY_VIOLATION: u16 = 1008;

tokio::task_local! {
    static TETHER: RefCell<Option<Tether>>;
}

/// Pingora's proxy, its exchanges tied to sessions.
pub struct Tethered {
    proxy: Arc<HttpProxy<Front>>,
}

struct Tether {
    cut: Arc<Cut>,
    clock: Pin<Box<Sleep>>,
    _entered: Entered,
}

impl Tethered {
    /// Around this proxy.
    #[must_use]
    pub fn new(proxy: HttpProxy<Front>) -> Arc<Self> {
        Arc::new(Self { proxy: Arc::new(proxy) })
    }
}

/// Ties the exchange that runs now to a session. Once is enough; a second line replaces the first.
pub fn tie(cut: &Arc<Cut>, entered: Entered) {
    let tether = Tether {
        cut: Arc::clone(cut),
        // Its first look at the time is in the first poll.
        clock: Box::pin(sleep_until(Instant::now())),
        _entered: entered,
    };
    // Outside of a listener's exchange, as in tests of single stages, there is nothing to hold.
    let _ = TETHER.try_with(|place| *place.borrow_mut() = Some(tether));
}

impl Tether {
    fn poll_let_go(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.cut.poll_cut(context).is_ready() {
                return Poll::Ready(());
            }
            if self.clock.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            match self.cut.time_left(SystemTime::now()) {
                Ok(left) => self.clock.as_mut().reset(Instant::now() + left),
                Err(reason) => self.cut.cut(reason),
            }
        }
    }
}

#[async_trait]
impl HttpServerApp for Tethered {
    /// Written out as [`async_trait`] would, without its own future around Pingora's: a session is a large value and
    /// would be moved through both for every request.
    fn process_new_http<'a, 'b, 'c>(
        self: &'a Arc<Self>,
        session: ServerSession,
        shutdown: &'b ShutdownWatch,
    ) -> Pin<Box<dyn Future<Output = Option<ReusedHttpStream>> + Send + 'c>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        let mut exchange = self.proxy.process_new_http(session, shutdown);
        let held = poll_fn(move |context| {
            if let Poll::Ready(reused) = exchange.as_mut().poll(context) {
                return Poll::Ready(reused);
            }
            TETHER.with(|place| match place.borrow_mut().as_mut() {
                Some(tether) => tether.poll_let_go(context).map(|()| {
                    ostia_listener::close_web_socket(POLICY_VIOLATION, "session ended");
                    None
                }),
                None => Poll::Pending,
            })
        });
        Box::pin(TETHER.scope(RefCell::new(None), held))
    }

    fn h2_options(&self) -> Option<H2Options> {
        self.proxy.h2_options()
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        HttpServerApp::server_options(&*self.proxy)
    }

    async fn http_cleanup(&self) {
        self.proxy.http_cleanup().await;
    }
}
