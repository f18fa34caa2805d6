//! Policies, routes and people in a few words.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use ostia_config::Name;
use ostia_config::policy::{ClaimCondition, ClaimPath, Policy, ValueTest};
use ostia_config::route::{Allow, Credentials, HostPattern, Route};
use ostia_identity::{Claims, Identity, Proof};
use ostia_policy::{Facts, Gate, Policies};
use serde_json::Value;

/// Friday, 20 November 2026, noon in UTC.
pub(crate) const NOW_SECONDS: u64 = 1_795_176_000;

pub(crate) fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW_SECONDS)
}

/// A policy without conditions, to be filled.
pub(crate) fn empty(name: &str) -> Policy {
    Policy::named(name.into())
}

pub(crate) fn claim(path: &str, values: &[&str]) -> ClaimCondition {
    ClaimCondition {
        claim: ClaimPath::parse(path).unwrap(),
        test: ValueTest { values: texts(values), ..ValueTest::default() },
    }
}

pub(crate) fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|one| (*one).to_owned()).collect()
}

/// A policy with one condition on a claim.
pub(crate) fn claims(name: &str, path: &str, values: &[&str]) -> Policy {
    Policy { claims: vec![claim(path, values)], ..empty(name) }
}

pub(crate) fn names(names: &[&str]) -> Vec<Name> {
    names.iter().map(|name| Name::from(*name)).collect()
}

pub(crate) fn map(policies: impl IntoIterator<Item = Policy>) -> BTreeMap<Name, Policy> {
    policies.into_iter().map(|policy| (policy.name.clone(), policy)).collect()
}

pub(crate) fn route(allow: Allow) -> Route {
    Route {
        providers: names(&["corp"]),
        credentials: Credentials { session: true, bearer: true },
        allow,
        ..Route::named("app".into(), HostPattern::Any)
    }
}

/// The gate of a route of provider `corp` that allows any of these, among all of these policies.
pub(crate) fn gate(allowed: &[&str], policies: impl IntoIterator<Item = Policy>) -> Gate {
    let policies = Policies::compile(&map(policies)).unwrap();
    Gate::compile(&route(Allow::Policies(names(allowed))), &policies).unwrap()
}

pub(crate) fn person(claims: Value) -> Identity {
    Identity {
        provider: "corp".into(),
        issuer: "https://login.example.com".into(),
        subject: "user-1".into(),
        claims: Claims::new(claims.as_object().unwrap().clone()),
        scopes: vec!["orders.read".to_owned(), "profile".to_owned()],
        proof: Proof::Session,
        expires_at: SystemTime::UNIX_EPOCH,
    }
}

pub(crate) fn from(address: &str) -> Facts<'static> {
    Facts::new(address.parse().unwrap(), now(), "GET", "app.example.com", "/")
}

/// From an address in no network of any test.
pub(crate) fn anywhere() -> Facts<'static> {
    from("203.0.113.9")
}

/// `allow` or `deny`, the policy and the reason.
pub(crate) fn verdict(gate: &Gate, identity: Option<&Identity>, facts: &Facts<'_>) -> String {
    let decision = gate.decide(identity, facts);
    assert_eq!(decision.allowed, decision.reason.allows());
    format!(
        "{} {} {}",
        if decision.allowed { "allow" } else { "deny" },
        decision.policy,
        decision.reason.slug()
    )
}
