//! Decisions that count, told to the audit log when they are taken.

use ostia_identity::Proof;
use ostia_telemetry::AuditLine;
use pingora_proxy::Session as Downstream;

use crate::answer::Answer;
use crate::exchange::Exchange;
use crate::proxy::Front;
use crate::stage::asked::{host_of, who_asked};

/// Somebody is let in; told where the route asks for it.
pub fn allowed(front: &Front, downstream: &Downstream, exchange: &Exchange) {
    let asked = exchange.outcome.route.as_ref().is_some_and(|route| route.audit_allowed);
    if asked && let Some(decision) = exchange.outcome.decision {
        tell(front, downstream, exchange, true, decision.reason);
    }
}

/// A request is refused for who made it, or sent to sign in; always told. A request that cannot be understood or has no
/// route is no decision about anybody.
pub fn denied(front: &Front, downstream: &Downstream, exchange: &Exchange, answer: &Answer) {
    if exchange.outcome.route.is_none() {
        return;
    }
    let by_policy = exchange.outcome.decision.filter(|decision| !decision.allowed);
    match by_policy {
        Some(decision) => tell(front, downstream, exchange, false, decision.reason),
        None if matches!(answer.status().as_u16(), 401 | 403) => {
            tell(front, downstream, exchange, false, answer.reason());
        }
        None => {}
    }
}

fn tell(front: &Front, downstream: &Downstream, exchange: &Exchange, is_allowed: bool, reason: &'static str) {
    let log = front.gateway.audit_log();
    let Some(route) = exchange.outcome.route.as_ref().filter(|_| log.is_on()) else { return };
    let outcome = &exchange.outcome;
    let request = downstream.req_header();
    let host = host_of(request, outcome);
    let identity = outcome.caller.as_ref().map(|caller| &caller.identity);
    log.write(&AuditLine {
        at: exchange.now,
        who: who_asked(front, request, &host, exchange),
        route: &route.name,
        subject: identity.map(|identity| &*identity.subject),
        provider: identity.map(|identity| &*identity.provider),
        proof: identity.map(|identity| match identity.proof {
            Proof::Session => ostia_telemetry::Proof::Session,
            Proof::Bearer => ostia_telemetry::Proof::Bearer,
        }),
        is_allowed,
        policy: std::str::from_utf8(&outcome.policy).ok().filter(|policy| !policy.is_empty()),
        reason,
        condition: std::str::from_utf8(&outcome.condition).ok().filter(|condition| !condition.is_empty()),
    });
}
