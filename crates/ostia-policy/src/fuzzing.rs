//! Bodies of the fuzz targets, as ordinary functions: the corpus replays on a stable compiler.
//!
//! Each takes any bytes, must not panic, and asserts what must hold for all of them. [`TARGETS`] names them as the
//! folders of `corpus/` are named.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ostia_config::policy::{ClaimCondition, ClaimPath, PathPattern, Policy, ValueTest};
use ostia_config::route::{Allow, HostPattern};
use ostia_config::{Name, Route};
use ostia_identity::{Claims, Identity, Proof};
use serde_json::Value;

use crate::{Facts, Gate, Policies};

/// A target by name.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 3] = [("policy", policy), ("claim_path", claim_path), ("expression", expression)];

/// A policy in a simple notation: a claim, a value, a glob and a path in a line each, then claims in JSON. A decision
/// agrees with its explanation, and with a policy no other opposite than its own passes.
pub fn policy(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.splitn(5, '\n');
    let mut next = || lines.next().unwrap_or_default();
    let (claim, value, glob, path, claims) = (next(), next(), next(), next(), next());
    let Some(claim) = ClaimPath::parse(claim) else { return };
    let Ok(Value::Object(claims)) = serde_json::from_str(claims) else { return };
    let test =
        ValueTest { globs: vec![glob.to_owned()], separator: value.chars().next(), ..ValueTest::default() };
    let exact = ValueTest { values: vec![value.to_owned()], ..ValueTest::default() };
    let condition = |test| ClaimCondition { claim: claim.clone(), test };
    let mut policy = Policy::named(Name::from("p"));
    policy.claims = vec![condition(test), condition(exact)];
    policy.paths = vec![PathPattern::Prefix("/a/".to_owned()), PathPattern::Glob(glob.to_owned())];
    judge(policy, claims, path);
}

/// A path in the first line, claims in JSON behind it: looked up without a panic, and found in its own segments.
pub fn claim_path(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (path, claims) = text.split_once('\n').unwrap_or((text, "{}"));
    let Some(parsed) = ClaimPath::parse(path) else { return };
    assert_eq!(parsed.as_str(), path);
    assert!(!parsed.segments().is_empty() && parsed.segments().iter().all(|segment| !segment.is_empty()));
    let Ok(Value::Object(mut claims)) = serde_json::from_str(claims) else { return };
    claims.insert(path.to_owned(), Value::Bool(true));
    let found = Claims::new(claims);
    let found = found.at(parsed.as_str(), parsed.segments()).map(|value| value.0.clone());
    assert_eq!(found, Some(Value::Bool(true)), "a name as it stands comes first");
}

/// Any text as `when`: refused, or evaluated without a panic.
pub fn expression(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut policy = Policy::named(Name::from("p"));
    policy.when = Some(text.to_owned());
    let claims = serde_json::json!({ "a": "x", "b": [1, "y"], "c": { "d": 2.5 }, "e": null });
    judge(policy, claims.as_object().cloned().unwrap_or_default(), "/a/..%2fb");
}

fn judge(policy: Policy, claims: serde_json::Map<String, Value>, path: &str) {
    let inverse = Policy { not: vec![policy.name.clone()], ..Policy::named(Name::from("inverse")) };
    let policies: BTreeMap<Name, Policy> =
        [policy, inverse].into_iter().map(|policy| (policy.name.clone(), policy)).collect();
    let Ok(compiled) = Policies::compile(&policies) else { return };
    let identity = Identity {
        provider: Arc::from("corp"),
        issuer: Arc::from("https://login.example.com"),
        subject: Arc::from("somebody"),
        claims: Claims::new(claims),
        scopes: Vec::new(),
        proof: Proof::Bearer,
        expires_at: SystemTime::UNIX_EPOCH,
    };
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let facts = Facts::new(IpAddr::V4(Ipv4Addr::LOCALHOST), now, "GET", "app.example.com", path);
    let allowed = ["p", "inverse"].map(|name| {
        let Ok(gate) = Gate::compile(&route(name), &compiled) else { return false };
        let decision = gate.decide(Some(&identity), &facts);
        let explained = gate.explain(Some(&identity), &facts);
        assert_eq!((decision.allowed, decision.reason), (explained.allowed, explained.reason));
        assert!(!gate.decide(None, &facts).allowed, "nobody enters without an identity");
        decision.allowed
    });
    assert!(allowed != [true, true], "a policy and its opposite cannot both hold");
}

fn route(policy: &str) -> Route {
    let mut route = Route::named(Name::from("app"), HostPattern::Any);
    route.providers = vec![Name::from("corp")];
    route.allow = Allow::Policies(vec![Name::from(policy)]);
    route
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::TARGETS;

    #[test]
    fn the_corpus_replays() {
        for (name, target) in TARGETS {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
            let mut seen = 0;
            for entry in fs::read_dir(&folder).unwrap() {
                let bytes = fs::read(entry.unwrap().path()).unwrap();
                target(&bytes);
                (0..bytes.len()).step_by(3).for_each(|length| target(&bytes[..length]));
                seen += 1;
            }
            assert!(seen >= 4, "{name} has {seen} cases");
        }
    }
}
