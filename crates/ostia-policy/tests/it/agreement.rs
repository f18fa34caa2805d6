//! The compiled gate decides as an evaluator that was written for nothing but being plain.

use std::collections::BTreeMap;
use std::time::Duration;

use ostia_config::Name;
use ostia_config::policy::{ClaimCondition, ClaimPath, PathPattern, Policy, ValueTest};
use ostia_config::route::Allow;
use ostia_identity::Identity;
use ostia_policy::{Facts, Gate, Policies};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::setting::*;

/// `None` where it cannot be told.
fn plainly(policies: &BTreeMap<Name, Policy>, name: &Name, who: &Identity, at: &Facts<'_>) -> Option<bool> {
    let policy = &policies[name];
    let other = |name: &Name| plainly(policies, name, who, at);
    let mut parts: Vec<Option<bool>> = vec![];
    parts.extend(policy.claims.iter().map(|one| claim_plainly(one, who)));
    if !policy.providers.is_empty() {
        parts.push(Some(policy.providers.iter().any(|one| **one == *who.provider)));
    }
    parts.extend(policy.scopes.iter().map(|scope| Some(who.scopes.contains(scope))));
    if !policy.sources.is_empty() {
        parts.push(Some(policy.sources.iter().any(|network| network.contains(&at.source))));
    }
    parts.extend(natively(policy, who, at));
    parts.extend(policy.all.iter().map(other));
    parts.extend(policy.not.iter().map(|name| other(name).map(|holds| !holds)));
    if !policy.any.is_empty() {
        let several: Vec<_> = policy.any.iter().map(other).collect();
        parts.push(if several.contains(&Some(true)) {
            Some(true)
        } else if several.contains(&None) {
            None
        } else {
            Some(false)
        });
    }
    if parts.contains(&Some(false)) {
        Some(false)
    } else if parts.contains(&None) {
        None
    } else {
        Some(true)
    }
}

/// The conditions that are not about claims by path.
fn natively(policy: &Policy, who: &Identity, at: &Facts<'_>) -> Vec<Option<bool>> {
    let claims = who.claims.to_map();
    let mut parts = vec![];
    if !policy.methods.is_empty() {
        parts.push(Some(policy.methods.iter().any(|method| method.as_str() == at.method)));
    }
    for path in &policy.paths {
        let PathPattern::Prefix(prefix) = path else { unreachable!("only prefixes are made here") };
        let segments = |text: &str| text.trim_matches('/').split('/').map(str::to_owned).collect::<Vec<_>>();
        let (wanted, is) = (segments(prefix), segments(at.path));
        let below = is.len() > wanted.len() || at.path.ends_with('/');
        parts.push(Some(is.starts_with(&wanted) && (below || !prefix.ends_with('/'))));
    }
    if !policy.acr.is_empty() {
        parts.push(
            claims.get("acr").and_then(Value::as_str).map(|acr| policy.acr.iter().any(|one| one == acr)),
        );
    }
    if let Some(most) = policy.max_age {
        let then = claims.get("auth_time").and_then(Value::as_u64);
        parts.push(then.map(|then| NOW_SECONDS - then <= most.as_secs()));
    }
    parts
}

fn claim_plainly(condition: &ClaimCondition, who: &Identity) -> Option<bool> {
    let whole = Value::Object(who.claims.to_map());
    let mut walked = Some(&whole);
    for segment in condition.claim.segments() {
        walked = walked.and_then(|value| value.as_object()?.get(segment));
    }
    let value = whole.get(condition.claim.as_str()).or(walked)?;
    if let Some(least) = condition.test.at_least {
        return value.as_f64().map(|number| number >= least);
    }
    let texts = match value {
        Value::String(one) => vec![json!(one)],
        Value::Array(list) => list.clone(),
        _ => return None,
    };
    if texts.iter().any(|text| condition.test.values.iter().any(|wanted| *text == json!(wanted))) {
        return Some(true);
    }
    if texts.iter().all(Value::is_string) { Some(false) } else { None }
}

fn words() -> impl Strategy<Value = String> {
    "[abc]"
}

fn conditions() -> impl Strategy<Value = ClaimCondition> {
    let path = prop::sample::select(vec!["g", "r", "n.r", "n.x", "d.d"]);
    (path, prop::collection::vec(words(), 1..12)).prop_map(|(path, values)| {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        claim(path, &values)
    })
}

/// Policies `p0` to `p7`; each may name those before it.
fn policies() -> impl Strategy<Value = BTreeMap<Name, Policy>> {
    let one = (
        prop::collection::vec(conditions(), 0..3),
        prop::collection::vec(prop::sample::select(vec!["corp", "ci"]), 0..2),
        prop::collection::vec(prop::sample::select(vec!["orders.read", "admin"]), 0..2),
        any::<bool>(),
        prop::collection::vec((0..3_usize, any::<prop::sample::Index>()), 0..4),
        natives(),
    );
    prop::collection::vec(one, 8).prop_map(|all| {
        let mut policies = BTreeMap::new();
        for (index, (claims, providers, scopes, is_local, references, native)) in all.into_iter().enumerate()
        {
            let name = format!("p{index}");
            let mut policy = Policy { name: name.as_str().into(), ..native };
            policy.claims.extend(claims);
            policy.providers = names(&providers);
            policy.scopes = scopes.into_iter().map(str::to_owned).collect();
            policy.sources = if is_local { vec!["192.0.2.0/24".parse().unwrap()] } else { vec![] };
            for (kind, target) in references.into_iter().filter(|_| index > 0) {
                let target = Name::from(format!("p{}", target.index(index)).as_str());
                [&mut policy.any, &mut policy.all, &mut policy.not][kind].push(target);
            }
            if policy == empty(&name) {
                policy.claims = vec![claim("g", &["a"])];
            }
            policies.insert(policy.name.clone(), policy);
        }
        policies
    })
}

/// A policy with some of the conditions that are not about claims by path, most often none.
fn natives() -> impl Strategy<Value = Policy> {
    let seldom = |some: &'static [&'static str]| prop::option::weighted(0.15, prop::sample::select(some));
    (
        seldom(&["GET", "POST"]),
        seldom(&["/a/", "/a", "/b/c"]),
        seldom(&["phr", "pwd"]),
        prop::option::weighted(0.15, 0..1000_u64),
        prop::option::weighted(0.15, 0..4_u8),
    )
        .prop_map(|(method, path, acr, age, least)| {
            let mut policy = empty("native");
            policy.methods = method.map(|method| method.parse().unwrap()).into_iter().collect();
            policy.paths = path.map(|path| PathPattern::Prefix(path.to_owned())).into_iter().collect();
            policy.acr = acr.map(str::to_owned).into_iter().collect();
            policy.max_age = age.map(Duration::from_secs);
            policy.claims = least
                .map(|least| {
                    let test = ValueTest { at_least: Some(least.into()), ..ValueTest::default() };
                    ClaimCondition { claim: ClaimPath::parse("l").unwrap(), test }
                })
                .into_iter()
                .collect();
            policy
        })
}

fn claim_values() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        4 => words().prop_map(Value::from),
        1 => Just(json!(0)),
        1 => Just(json!(null)),
        1 => Just(json!(true)),
    ];
    prop_oneof![scalar.clone(), prop::collection::vec(scalar, 0..4).prop_map(Value::from)]
}

fn people() -> impl Strategy<Value = Identity> {
    let claims =
        prop::collection::btree_map(prop::sample::select(vec!["g", "r", "d.d"]), claim_values(), 0..3);
    let nested = prop::option::of(prop::collection::btree_map(
        prop::sample::select(vec!["r", "x"]),
        claim_values(),
        0..3,
    ));
    let signed_in = (
        prop::option::of(prop::sample::select(vec![json!("phr"), json!("pwd"), json!(["phr"])])),
        prop::option::of(0..1000_u64),
        prop::option::of(prop::sample::select(vec![json!(0), json!(2), json!(3.5), json!("3")])),
    );
    (claims, nested, any::<bool>(), signed_in).prop_map(|(claims, nested, is_admin, (acr, age, level))| {
        let mut person = person(json!(claims));
        let auth_time = age.map(|age| json!(NOW_SECONDS - age));
        for (name, value) in [("acr", acr), ("auth_time", auth_time), ("l", level)] {
            if let Some(value) = value {
                person.claims.set(name, value);
            }
        }
        if let Some(nested) = nested {
            person.claims.set("n", json!(nested));
        }
        if is_admin {
            person.scopes.push("admin".to_owned());
        }
        person
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_gate_decides_as_the_plain_evaluator(
        policies in policies(),
        who in people(),
        at in prop::sample::select(vec!["192.0.2.1", "203.0.113.9"]),
        method in prop::sample::select(vec!["GET", "POST", "PUT"]),
        path in prop::sample::select(vec!["/", "/a", "/a/", "/a/x", "/ab", "/b/c", "/b/c/d", "/b"]),
        allowed in prop::collection::vec(0..8_usize, 1..4),
    ) {
        let at = Facts { method, path, ..from(at) };
        let allowed: Vec<Name> = allowed.into_iter().map(|index| Name::from(format!("p{index}").as_str())).collect();
        let expected = allowed.iter().any(|name| plainly(&policies, name, &who, &at) == Some(true));
        let compiled = Policies::compile(&policies).unwrap();
        let gate = Gate::compile(&route(Allow::Policies(allowed.clone())), &compiled).unwrap();

        let decision = gate.decide(Some(&who), &at);
        prop_assert_eq!(decision.allowed, expected);
        prop_assert_eq!(decision.allowed, decision.reason.allows());
        prop_assert!(allowed.iter().any(|name| name.as_str() == decision.policy));
        let explained = gate.explain(Some(&who), &at);
        prop_assert_eq!((explained.allowed, explained.policy.as_str(), explained.reason), (decision.allowed, decision.policy, decision.reason));
        prop_assert!(!gate.decide(None, &at).allowed);
        // Who is asked to sign in again may enter once it is done as asked.
        if let Some(wanted) = decision.step_up {
            let mut stronger = who.clone();
            if let Some(acr) = wanted.acr.first() {
                stronger.claims.set("acr", json!(acr));
            }
            if wanted.max_age.is_some() {
                stronger.claims.set("auth_time", json!(NOW_SECONDS));
            }
            let then = gate.decide(Some(&stronger), &at);
            prop_assert!(then.allowed || then.step_up != Some(wanted), "{:?} then {:?}", wanted, then);
        }
    }
}
