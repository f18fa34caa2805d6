//! What the operator reads.

use ostia_config::policy::Policy;
use ostia_config::route::Allow;
use ostia_policy::{Gate, Policies};
use serde_json::json;

use crate::setting::*;

#[test]
fn a_denial_is_explained_by_the_condition_that_decided() {
    let finance = Policy {
        claims: vec![claim("groups", &["finance", "audit"])],
        sources: vec!["192.0.2.0/24".parse().unwrap()],
        not: names(&["banned"]),
        ..empty("finance")
    };
    let gate = gate(&["finance"], [finance, claims("banned", "status", &["banned"])]);
    let explained = gate.explain(Some(&person(json!({"groups": ["staff"]}))), &from("192.0.2.1"));
    assert_eq!(
        explained.to_string(),
        r#"deny finance: groups has ["staff"], needs "audit" or "finance"
  no      finance
    yes     source is 192.0.2.1, needs 192.0.2.0/24
    no      groups has ["staff"], needs "audit" or "finance"
    unknown not
      unknown banned
        unknown status is missing, needs "banned""#
    );
    assert!(!explained.allowed);
}

#[test]
fn every_kind_of_decision_has_its_sentence() {
    let policies = || {
        [
            claims("staff", "groups", &["staff"]),
            Policy { scopes: vec!["admin".to_owned()], ..empty("admin") },
            Policy { not: names(&["staff"]), ..empty("others") },
            Policy { providers: names(&["ci"]), ..empty("machine") },
            Policy { any: names(&["admin", "machine"]), ..empty("either") },
        ]
    };
    let staff = person(json!({"groups": ["staff"]}));
    let mut stranger = person(json!({}));
    stranger.provider = "other".into();
    let first = |allowed: &str, who: Option<&ostia_identity::Identity>| {
        gate(&[allowed], policies()).explain(who, &anywhere()).to_string().lines().next().unwrap().to_owned()
    };
    assert_eq!(first("staff", Some(&staff)), "allow staff: all its conditions hold");
    assert_eq!(first("staff", None), "deny staff: there is no identity");
    assert_eq!(
        first("staff", Some(&stranger)),
        "deny staff: the identity is of provider other, the route needs corp"
    );
    assert_eq!(first("staff", Some(&person(json!({})))), r#"deny staff: groups is missing, needs "staff""#);
    assert_eq!(
        first("staff", Some(&person(json!({"groups": 0})))),
        r#"deny staff: groups has 0, needs "staff""#
    );
    assert_eq!(first("admin", Some(&staff)), "deny admin: scopes are [orders.read, profile], need admin");
    assert_eq!(first("others", Some(&staff)), "deny others: staff holds");
    assert_eq!(first("machine", Some(&staff)), "deny machine: provider is corp, needs ci");
    assert_eq!(first("either", Some(&staff)), "deny either: scopes are [orders.read, profile], need admin");
    let authenticated = Gate::compile(&route(Allow::Authenticated), &Policies::default()).unwrap();
    assert_eq!(
        authenticated.explain(Some(&staff), &anywhere()).to_string(),
        "allow authenticated: every identity of the route's providers may enter"
    );
    let open = Gate::compile(&route(Allow::Anyone), &Policies::default()).unwrap();
    assert_eq!(open.explain(None, &anywhere()).to_string(), "allow anyone: the route is open to the world");
}

#[test]
fn a_claim_is_shown_bounded_and_escaped() {
    let gate = gate(&["p"], [claims("p", "groups", &["x"])]);
    let many: Vec<String> = (0..500).map(|number| format!("{number}\n{}", "g".repeat(200))).collect();
    let explained = gate.explain(Some(&person(json!({"groups": many}))), &anywhere()).to_string();
    assert!(explained.len() < 4_000 && explained.contains("484 more"), "{explained}");
    assert_eq!(explained.lines().count(), 3);
}
