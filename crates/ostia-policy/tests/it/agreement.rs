//! The compiled gate decides as an evaluator that was written for nothing but being plain.

use std::collections::BTreeMap;

use ostia_config::Name;
use ostia_config::policy::{ClaimCondition, Policy};
use ostia_config::route::Allow;
use ostia_identity::Identity;
use ostia_policy::{Facts, Gate, Policies};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::setting::*;

/// `None` where it cannot be told.
fn plainly(policies: &BTreeMap<Name, Policy>, name: &Name, who: &Identity, at: &Facts) -> Option<bool> {
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

fn claim_plainly(condition: &ClaimCondition, who: &Identity) -> Option<bool> {
    let whole = Value::Object(who.claims.as_map().clone());
    let mut walked = Some(&whole);
    for segment in condition.claim.segments() {
        walked = walked.and_then(|value| value.as_object()?.get(segment));
    }
    let value = whole.get(condition.claim.as_str()).or(walked)?;
    let texts = match value {
        Value::String(one) => vec![json!(one)],
        Value::Array(list) => list.clone(),
        _ => return None,
    };
    if texts.iter().any(|text| condition.values.iter().any(|wanted| *text == json!(wanted))) {
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
    );
    prop::collection::vec(one, 8).prop_map(|all| {
        let mut policies = BTreeMap::new();
        for (index, (claims, providers, scopes, is_local, references)) in all.into_iter().enumerate() {
            let name = format!("p{index}");
            let mut policy = Policy { claims, ..empty(&name) };
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
    (claims, nested, any::<bool>()).prop_map(|(claims, nested, is_admin)| {
        let mut person = person(json!(claims));
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
        allowed in prop::collection::vec(0..8_usize, 1..4),
    ) {
        let at = from(at);
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
    }
}
