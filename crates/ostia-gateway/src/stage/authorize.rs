//! Whether this caller may do this here. The only place that makes an [`Authorized`].

use std::net::IpAddr;
use std::sync::Arc;

use http::header::GetAll;
use http::{HeaderName, HeaderValue, StatusCode};
use ostia_identity::{Identity, Proof};
use ostia_listener::ClientCertificate;
use ostia_policy::Facts;
use ostia_upstream::Group;

use crate::answer::{Answer, Choice, Next, Refusal};
use crate::challenge;
use crate::endpoint::logout;
use crate::exchange::{Exchange, PolicyName, Told};
use crate::extension::{self, FieldEdit};
use crate::proxy::Front;
use crate::recognised::Recognised;
use crate::sign_in;
use crate::snapshot::{RouteState, RouteTimeouts, Target};
use crate::stage::affinity::Bond;
use crate::stage::forward::address_value;
use crate::stage::identify::Identified;
use crate::stage::origin::ToldOrigin;
use crate::stage::receive::Arrived;
use crate::step_up;

/// Proof that somebody may enter: nothing is forwarded without one.
pub struct Authorized {
    route: Arc<RouteState>,
    target: Option<Arc<Target>>,
    caller: Option<Arc<Recognised>>,
    client: IpAddr,
    peer: IpAddr,
    peer_is_trusted: bool,
    told_origin: ToldOrigin,
    port: u16,
    by_tls: bool,
    upgrade: bool,
    rewritten_target: Option<String>,
    bond: Bond,
    edits: Vec<FieldEdit>,
}

/// Decides.
///
/// # Errors
/// The answer to somebody who may not enter: a redirect to sign in, 401, 403.
pub async fn authorize(
    front: &Front,
    identified: Identified,
    arrived: &Arrived<'_>,
    exchange: &mut Exchange,
) -> Result<Authorized, Answer> {
    let route = Arc::clone(&identified.routed.route);
    let identity = identified.caller.as_ref().ok().map(|caller| &*caller.identity);
    let facts = facts(arrived, exchange);
    let decision = route.gate.decide(identity, &facts);
    exchange.outcome.decision = Some(Told { allowed: decision.allowed, reason: decision.reason.slug() });
    if let Some(counters) = route.metrics.get(&front.listener) {
        counters.decided(decision.policy, decision.allowed, decision.reason.slug());
    }
    exchange.outcome.policy = PolicyName::from_slice(decision.policy.as_bytes());
    if let Some(condition) = decision.condition() {
        exchange.outcome.condition = PolicyName::from_slice(condition.as_bytes());
    }
    if decision.allowed {
        ask_shadows(front, &route, identity, &facts);
        exchange.outcome.target = choose(&route, identity, &facts);
        return enter(front, identified, arrived, exchange).await;
    }
    match identified.caller {
        Ok(caller) => Err(match decision.step_up {
            Some(wanted) if caller.identity.proof == Proof::Bearer => {
                challenge::step_up(arrived, exchange, decision.reason.slug(), &wanted)
            }
            Some(wanted) => step_up::ask(front, &identified.routed, arrived, exchange, &caller, wanted).await,
            None => forbid(arrived, exchange, decision.reason.slug()),
        }),
        Err(nobody) => {
            let answer = sign_in::ask(front, &identified.routed, arrived, exchange, nobody).await;
            Err(answer)
        }
    }
}

/// Policies that change nothing: what they would have decided is counted.
fn ask_shadows(front: &Front, route: &RouteState, identity: Option<&Identity>, facts: &Facts<'_>) {
    for shadow in &route.shadows {
        let would = shadow.decide(identity, facts);
        if let Some(counters) = route.metrics.get(&front.listener) {
            counters.shadowed(would.policy, would.allowed, would.reason.slug());
        }
    }
}

/// The group for this caller; `None` where the route has only one.
fn choose(route: &RouteState, identity: Option<&Identity>, facts: &Facts<'_>) -> Option<Arc<Target>> {
    let name = route.choice.as_ref()?.choose(identity, facts)?;
    route.targets.iter().find(|target| target.upstream == *name).map(Arc::clone)
}

/// What policies may know of a request besides who makes it.
fn facts<'a>(arrived: &'a Arrived<'_>, exchange: &Exchange) -> Facts<'a> {
    let facts = Facts::new(
        arrived.client,
        exchange.now,
        arrived.request.method.as_str(),
        arrived.examined.host().name(),
        arrived.examined.path(),
    );
    Facts { certificate: arrived.client_certificate.as_deref().map(certificate), ..facts }
}

fn certificate(shown: &ClientCertificate) -> ostia_policy::ClientCertificate<'_> {
    ostia_policy::ClientCertificate {
        subject: &shown.subject,
        issuer: &shown.issuer,
        names: &shown.name_texts,
        sha256: &shown.sha256,
    }
}

async fn enter(
    front: &Front,
    identified: Identified,
    arrived: &Arrived<'_>,
    exchange: &mut Exchange,
) -> Result<Authorized, Answer> {
    let Identified { routed, caller } = identified;
    if routed.upgrade && !routed.route.upgrade_websocket {
        return Err(refuse_upgrade(arrived, exchange));
    }
    let (route, caller) = (Arc::clone(&routed.route), caller.ok());
    route.handling.check_length(arrived, exchange)?;
    let edits = extension::on_authorized(front, &route, caller.as_deref(), arrived, exchange).await?;
    if let Some(answer) = route.handling.own_answer(arrived, exchange) {
        return Err(answer);
    }
    let mut authorized = Authorized {
        caller,
        client: arrived.client,
        peer: arrived.peer,
        peer_is_trusted: arrived.peer_is_trusted,
        told_origin: arrived.told_origin.clone(),
        port: arrived.port,
        by_tls: arrived.by_tls,
        upgrade: routed.upgrade,
        rewritten_target: route.handling.target(arrived, exchange)?,
        bond: Bond::default(),
        edits,
        target: exchange.outcome.target.clone(),
        route,
    };
    authorized.bond = Bond::read(&authorized, arrived.request, &exchange.snapshot);
    Ok(authorized)
}

fn refuse_upgrade(arrived: &Arrived<'_>, exchange: &Exchange) -> Answer {
    let refusal = Refusal::new(
        StatusCode::FORBIDDEN,
        "upgrade_not_named",
        "WebSockets are not offered at this address",
    )
    .advise("The operator can name them on the route: upgrade: [websocket].");
    Answer::refuse(&refusal, arrived.reader(), &exchange.snapshot.pages, exchange.id.as_str())
}

fn forbid(arrived: &Arrived<'_>, exchange: &Exchange, reason: &'static str) -> Answer {
    // Of this one alone, where there may be others beside it.
    let path = exchange.outcome.caller.as_ref().map(|caller| logout::path_for(&caller.identity.provider));
    let of_one = path.as_deref().map(|path| [Choice { title: "Sign out", path }]);
    let has_others = exchange.snapshot.shared_hosts.has(arrived.examined.host().name());
    let next = of_one.as_ref().filter(|_| has_others).map_or(Next::SignOut, |one| Next::SignOutOf(one));
    let refusal = Refusal::new(StatusCode::FORBIDDEN, reason, "You may not enter here")
        .advise("You are signed in, but not with the rights that this address asks for.")
        .next(next);
    let answer = Answer::refuse(&refusal, arrived.reader(), &exchange.snapshot.pages, exchange.id.as_str());
    challenge::insufficient(answer, arrived, exchange)
}

impl Authorized {
    /// The route.
    #[must_use]
    pub fn route(&self) -> &RouteState {
        &self.route
    }

    /// The group that gets the request.
    #[must_use]
    pub fn group(&self) -> &Arc<Group> {
        self.target.as_ref().map_or(&self.route.group, |target| &target.group)
    }

    /// Idle time of an upgraded connection.
    #[must_use]
    pub fn idle_timeout(&self) -> std::time::Duration {
        self.target.as_ref().map_or(self.route.idle_timeout, |target| target.idle_timeout)
    }

    /// The route, to be held.
    #[must_use]
    pub(crate) fn shared_route(&self) -> &Arc<RouteState> {
        &self.route
    }

    /// How long a server may keep silent.
    #[must_use]
    pub fn timeouts(&self) -> RouteTimeouts {
        self.target.as_ref().map_or(self.route.timeouts, |target| target.timeouts)
    }

    /// The caller; `None` on a route that is open to anyone.
    #[must_use]
    pub fn caller(&self) -> Option<&Arc<Recognised>> {
        self.caller.as_ref()
    }

    /// The client's address.
    #[must_use]
    pub fn client(&self) -> IpAddr {
        self.client
    }

    /// Whether the client came by TLS.
    #[must_use]
    pub fn client_came_by_tls(&self) -> bool {
        self.by_tls
    }

    /// The host and port that a trusted peer says the client asked for.
    #[must_use]
    pub fn told_origin(&self) -> &ToldOrigin {
        &self.told_origin
    }

    /// The port that the peer connected to; 0 where nobody knows.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the connection becomes a WebSocket.
    #[must_use]
    pub fn is_upgrade(&self) -> bool {
        self.upgrade
    }

    /// The target for the server, where it is not the one that came: the origin form of an absolute one, or another path.
    #[must_use]
    pub fn rewritten_target(&self) -> Option<&str> {
        self.rewritten_target.as_deref()
    }

    /// What leads the request back to its server.
    #[must_use]
    pub fn bond(&self) -> &Bond {
        &self.bond
    }

    /// Changes that extensions asked for.
    #[must_use]
    pub fn edits(&self) -> &[FieldEdit] {
        &self.edits
    }

    /// The fields that tell the server who the caller is. `host` as the client asked for it.
    #[must_use]
    pub fn identity_fields(&self, host: &str, exchange: &Exchange) -> Vec<(HeaderName, HeaderValue)> {
        let Some(caller) = &self.caller else { return Vec::new() };
        let signed = exchange.snapshot.assertions.of(caller, &self.route, host, exchange.now);
        let signed = signed.iter().flat_map(|signed| signed.fields.iter());
        caller.fields.iter().chain(signed).cloned().collect()
    }

    /// On a closed route `Authorization` was a credential for us (or none that counts): it does not go on. On an open
    /// route it belongs to the application.
    #[must_use]
    pub fn hides_authorization(&self) -> bool {
        !self.route.is_open()
    }

    /// `Forwarded` (RFC 7239) for the server: only where a trusted peer sent one, which then goes on with the peer as
    /// its next hop.
    #[must_use]
    pub fn forwarded(&self, chain: GetAll<'_, HeaderValue>) -> Option<HeaderValue> {
        let mut before = chain.iter().filter(|before| !before.is_empty()).peekable();
        if !self.peer_is_trusted || before.peek().is_none() {
            return None;
        }
        let mut bytes = Vec::new();
        for before in before {
            bytes.extend_from_slice(before.as_bytes());
            bytes.extend_from_slice(b", ");
        }
        let hop = match self.peer {
            IpAddr::V4(peer) => format!("for={peer}"),
            IpAddr::V6(peer) => format!("for=\"[{peer}]\""),
        };
        bytes.extend_from_slice(hop.as_bytes());
        HeaderValue::from_bytes(&bytes).ok()
    }

    /// `X-Forwarded-For` for the server: the chain of trusted peers goes on, everybody else begins a new one.
    #[must_use]
    pub fn forwarded_for(&self, chain: GetAll<'_, HeaderValue>) -> HeaderValue {
        let own = address_value(self.peer);
        if !self.peer_is_trusted {
            return own;
        }
        let mut bytes = Vec::new();
        for before in chain.iter().filter(|before| !before.is_empty()) {
            bytes.extend_from_slice(before.as_bytes());
            bytes.extend_from_slice(b", ");
        }
        bytes.extend_from_slice(own.as_bytes());
        HeaderValue::from_bytes(&bytes).unwrap_or(own)
    }
}
