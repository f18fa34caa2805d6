//! One request and its answer, from the head to the log line.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use http::{HeaderValue, Method};
use ostia_telemetry::{EndReason, InFlight, UpstreamMetrics};
use smallvec::SmallVec;

use crate::request_id::RequestId;
use crate::snapshot::{RouteState, Snapshot, Target};
use crate::stage::authorize::Authorized;
use crate::stage::hold::Held;
use crate::stage::record;
use crate::stage::select::Forwarding;

/// What Pingora carries from phase to phase of one request: each phase takes the progress of the one before and
/// leaves its own.
pub struct Exchange {
    /// The request's name.
    pub id: RequestId,
    /// When its head was complete.
    pub received_at: Instant,
    /// The same moment on the calendar, read once.
    pub now: SystemTime,
    /// The configuration that this request began with and ends with.
    pub snapshot: Arc<Snapshot>,
    /// It is a tunnel or a stream of messages: its pauses mean nothing.
    pub is_conversation: bool,
    /// How long a server may send nothing, where that is longer than between two pieces of an answer.
    pub server_may_be_silent: Option<std::time::Duration>,
    /// When the first byte of its body came.
    pub body_began: Option<Instant>,
    /// How far it came.
    pub progress: Progress,
    /// What will be told of it.
    pub outcome: Outcome,
    /// A copy in the making, for `mirror`.
    pub copy: Option<Box<crate::stage::mirror::Copy>>,
}

/// The evidence that a request has gathered.
pub enum Progress {
    /// Nothing is known yet, or nothing more will happen: Ostia answered.
    Closed,
    /// Somebody may enter.
    Authorized(Box<Authorized>),
    /// It is on its way to a server.
    Forwarding(Box<Forwarding>),
}

/// What is told of a request at its end.
#[derive(Default)]
pub struct Outcome {
    /// The method as the client sent it; kept because a malformed head leaves nothing to look at.
    pub method: Option<Method>,
    /// The client, as far as trusted peers tell.
    pub client: Option<IpAddr>,
    /// The listener it came in by.
    pub listener: Option<ostia_config::Name>,
    /// The route.
    pub route: Option<Arc<RouteState>>,
    /// Whether the caller was let in, by which policy and why.
    pub decision: Option<Told>,
    /// The policy that decided.
    pub policy: PolicyName,
    /// The condition of it that decided; empty where there is none.
    pub condition: PolicyName,
    /// The request that was decided about, where a proxy in front asked about another than its own.
    pub asked_about: Option<Box<AskedAbout>>,
    /// The group that was chosen, where the route has several.
    pub target: Option<Arc<Target>>,
    /// Who came.
    pub caller: Option<Arc<crate::recognised::Recognised>>,
    /// The server that was asked last.
    pub server: Option<ostia_config::upstream::ServerAddress>,
    /// Servers that were asked.
    pub attempts: u32,
    /// Why no server took it.
    pub no_place: Option<ostia_upstream::NoPlace>,
    /// Why it ended early.
    pub failed: Option<&'static str>,
    /// The status of a fault on purpose.
    pub fault: Option<u16>,
    /// Whether affinity held: `kept`, `moved`, `new`.
    pub affinity: Option<&'static str>,
    /// The status and reason of an answer of Ostia's own.
    pub answered: Option<(u16, &'static str)>,
    /// How it ended.
    pub end: Option<EndReason>,
    /// Bytes of the request body so far.
    pub body_bytes: u64,
    /// Counts the request as in flight on its route.
    pub in_flight: Option<InFlight>,
    /// Counts the connection as upgraded on its route.
    pub upgraded: Option<InFlight>,
    /// What Ostia itself took, until the request was on its way or answered.
    pub own: Option<std::time::Duration>,
    /// Set-Cookie fields for the client: a session that was refreshed or sealed anew.
    pub cookies: Vec<HeaderValue>,
    /// The form that is kept over a login.
    pub kept_form: Option<crate::kept_form::Expected>,
    /// What ends the exchange with its session; on exchanges that may last.
    pub held: Option<Box<Held>>,
}

impl Outcome {
    /// The group that gets the request.
    #[must_use]
    pub fn upstream(&self) -> Option<&ostia_config::Name> {
        let chosen = self.target.as_ref().map(|target| &target.upstream);
        chosen.or_else(|| self.route.as_ref().map(|route| &route.upstream))
    }

    /// Its counters.
    #[must_use]
    pub fn upstream_metrics(&self) -> Option<&UpstreamMetrics> {
        let chosen = self.target.as_ref().map(|target| &*target.metrics);
        chosen.or_else(|| self.route.as_ref().map(|route| &*route.upstream_metrics))
    }
}

/// A request that a proxy in front asks about.
#[derive(Clone, Debug)]
pub struct AskedAbout {
    /// Its method.
    pub method: Method,
    /// Its host, without port.
    pub host: Box<str>,
    /// Its path, without the query.
    pub path: Box<str>,
}

/// The name of the policy that decided; empty while nobody has. Short ones need no allocation.
pub type PolicyName = SmallVec<[u8; 32]>;

/// A decision as it is told.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// `allow` or `deny`.
    pub allowed: bool,
    /// The reason's slug.
    pub reason: &'static str,
}

impl Exchange {
    /// A request whose head has just been read.
    #[must_use]
    pub fn new(snapshot: Arc<Snapshot>) -> Self {
        let now = SystemTime::now();
        Self {
            id: RequestId::new(now),
            received_at: Instant::now(),
            now,
            snapshot,
            is_conversation: false,
            server_may_be_silent: None,
            body_began: None,
            progress: Progress::Closed,
            outcome: Outcome::default(),
            copy: None,
        }
    }
}

/// Who is let go is dropped in the middle of everything; what happened is told all the same.
impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some(held) = self.outcome.held.take()
            && let Some(reason) = held.cut.reason()
        {
            self.outcome.decision = Some(Told { allowed: true, reason: reason.slug() });
            record::record_let_go(&held.told, self);
        }
    }
}
