//! Decisions that count, told to the audit log when they are taken.

use ostia_identity::Proof;
use ostia_telemetry::AuditLine;
use pingora_proxy::Session as Downstream;

use crate::answer::Answer;
use crate::exchange::Exchange;
use crate::proxy::Front;
use crate::stage::asked::{host_of, shown_host, who_asked};

/// Somebody is let in; told where the route asks for it.
pub fn allowed(front: &Front, downstream: &Downstream, exchange: &Exchange) {
    let asked = exchange.outcome.route.as_ref().is_some_and(|route| route.audit_allowed);
    if asked && let Some(decision) = exchange.outcome.decision {
        tell(front, downstream, exchange, true, decision.reason);
    }
}

/// Answers to somebody who was let in: those of a route itself, and that to a proxy in front that asked.
const TO_WHO_WAS_LET_IN: [&str; 3] = ["respond", "redirect", "verified"];

/// Ostia answers by itself. That somebody is refused for who they are, or sent to sign in, is always told; that they are let
/// in where the route asks for it. A request that cannot be understood or has no route is no decision about anybody.
pub fn answered(front: &Front, downstream: &Downstream, exchange: &Exchange, answer: &Answer) {
    let Some(route) = &exchange.outcome.route else { return };
    let was_let_in = TO_WHO_WAS_LET_IN.contains(&answer.reason());
    match exchange.outcome.decision {
        Some(decision) if !decision.allowed => tell(front, downstream, exchange, false, decision.reason),
        Some(decision) if was_let_in && route.audit_allowed => {
            tell(front, downstream, exchange, true, decision.reason);
        }
        _ if !was_let_in && matches!(answer.status().as_u16(), 401 | 403) => {
            tell(front, downstream, exchange, false, answer.reason());
        }
        _ => {}
    }
}

fn tell(front: &Front, downstream: &Downstream, exchange: &Exchange, is_allowed: bool, reason: &'static str) {
    let log = front.gateway.audit_log();
    let Some(route) = exchange.outcome.route.as_ref().filter(|_| log.is_on()) else { return };
    let outcome = &exchange.outcome;
    let request = downstream.req_header();
    let about = outcome.asked_about.as_deref();
    let host = about.map_or_else(|| host_of(request, outcome), |about| shown_host(&about.host, outcome));
    let mut who = who_asked(front, request, &host, exchange);
    if let Some(about) = about {
        (who.asked.method, who.asked.path) = (about.method.as_str(), &about.path);
    }
    let identity = outcome.caller.as_ref().map(|caller| &caller.identity);
    log.write(&AuditLine {
        at: exchange.now,
        who,
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
