//! Bodies of the fuzz targets, as ordinary functions: the corpus replays on a stable compiler.
//!
//! Each takes any bytes, must not panic, and asserts what must hold for all of them. [`TARGETS`] names them as the
//! folders of `corpus/` are named.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ostia_config::diagnostic::Diagnostics;
use ostia_config::load::{Environment, parse_text};
use ostia_config::policy::{ClaimCondition, ClaimPath, PathPattern, Policy, ValueTest};
use ostia_config::route::{Allow, HostPattern};
use ostia_config::{Config, Name, Route};
use ostia_identity::{Claims, Identity, Proof};
use serde_json::Value;

use crate::{Facts, Gate, Policies};

/// A target by name.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 4] = [
    ("policy", policy),
    ("policy_file", policy_file),
    ("claim_path", claim_path),
    ("expression", expression),
];

/// The section `policies` of a configuration, as it stands in the file: refused with a place, or compiled and asked
/// about somebody without a panic.
pub fn policy_file(data: &[u8]) {
    let Ok(section) = std::str::from_utf8(data) else { return };
    match read(section) {
        Ok(config) => {
            let claims = serde_json::json!({ "groups": ["staff"], "level": 3, "status": "active" });
            decide(&config.policies, &claims.as_object().cloned().unwrap_or_default(), "/finance/..%2fb");
        }
        Err(refused) => assert!(refused.has_errors(), "a refusal says why"),
    }
}

/// The section within the least that is a configuration.
fn read(section: &str) -> Result<Config, Diagnostics> {
    parse_text("policies", &format!("{AROUND}{section}"), Path::new(""), &Environment::empty())
}

const AROUND: &str = "version: 1\nprovider: { issuer: \"https://login.example.com\", audience: api }\n\
    routes: [{ host: app.example.com, allow: authenticated, upstream: \"127.0.0.1:1\" }]\n";

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
    let found = found.at(parsed.as_str(), parsed.segments()).map(|value| value.to_value());
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
    let allowed = decide(&policies, &claims, path);
    assert!(
        !(allowed.contains("p") && allowed.contains("inverse")),
        "a policy and its opposite cannot both hold"
    );
}

/// The policies that let somebody with these claims in. Each decision agrees with its explanation, and none lets nobody
/// in.
fn decide<'p>(
    policies: &'p BTreeMap<Name, Policy>,
    claims: &serde_json::Map<String, Value>,
    path: &str,
) -> BTreeSet<&'p str> {
    let Ok(compiled) = Policies::compile(policies) else { return BTreeSet::new() };
    let identity = Identity {
        provider: Arc::from("corp"),
        issuer: Arc::from("https://login.example.com"),
        subject: Arc::from("somebody"),
        claims: Claims::new(claims.clone()),
        scopes: Vec::new(),
        proof: Proof::Bearer,
        expires_at: SystemTime::UNIX_EPOCH,
    };
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let facts = Facts::new(IpAddr::V4(Ipv4Addr::LOCALHOST), now, "GET", "app.example.com", path);
    let lets_in = |name: &&Name| {
        let Ok(gate) = Gate::compile(&route(name), &compiled) else { return false };
        let decision = gate.decide(Some(&identity), &facts);
        let explained = gate.explain(Some(&identity), &facts);
        assert_eq!((decision.allowed, decision.reason), (explained.allowed, explained.reason));
        assert!(!gate.decide(None, &facts).allowed, "nobody enters without an identity");
        decision.allowed
    };
    policies.keys().filter(lets_in).map(Name::as_str).collect()
}

fn route(policy: &Name) -> Route {
    let mut route = Route::named(Name::from("app"), HostPattern::Any);
    route.providers = vec![Name::from("corp")];
    route.allow = Allow::Policies(vec![policy.clone()]);
    route
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{TARGETS, read};

    #[test]
    fn the_corpus_replays() {
        ostia_testkit::replay(env!("CARGO_MANIFEST_DIR"), &TARGETS, 20);
    }

    #[test]
    fn the_policy_files_of_the_corpus_are_read_or_refused_as_meant() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/policy_file");
        for (seed, policies) in [
            ("usual", Some(7)),
            ("every_condition", Some(1)),
            ("circle", None),
            ("refused", None),
            ("nested", None),
        ] {
            let section = fs::read_to_string(folder.join(seed)).unwrap();
            let read = read(&section).map(|config| config.policies.len());
            assert_eq!(read.as_ref().ok().copied(), policies, "{seed}: {read:?}");
        }
    }
}
