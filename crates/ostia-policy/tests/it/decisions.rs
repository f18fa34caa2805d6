//! One condition a table.

use ostia_config::policy::Policy;
use ostia_config::route::Allow;
use ostia_identity::Proof;
use ostia_policy::{Gate, Policies, Reason};
use serde_json::{Value, json};

use crate::setting::*;

#[test]
fn nobody_enters_without_an_identity_unless_anyone_may() {
    let office = Policy { sources: vec!["192.0.2.0/24".parse().unwrap()], ..empty("office") };
    let not_staff = Policy { not: names(&["staff"]), ..empty("not_staff") };
    let staff = claims("staff", "groups", &["staff"]);
    for allowed in ["office", "not_staff", "staff"] {
        let gate = gate(&[allowed], [office.clone(), not_staff.clone(), staff.clone()]);
        assert_eq!(verdict(&gate, None, &from("192.0.2.7")), format!("deny {allowed} no_identity"));
        assert!(!gate.is_open());
    }
    let none = Policies::default();
    let authenticated = Gate::compile(&route(Allow::Authenticated), &none).unwrap();
    assert_eq!(verdict(&authenticated, None, &anywhere()), "deny authenticated no_identity");
    assert_eq!(
        verdict(&authenticated, Some(&person(json!({}))), &anywhere()),
        "allow authenticated authenticated"
    );
    let open = Gate::compile(&route(Allow::Anyone), &none).unwrap();
    assert_eq!(verdict(&open, None, &anywhere()), "allow anyone anyone");
    assert_eq!(verdict(&open, Some(&person(json!({}))), &anywhere()), "allow anyone anyone");
    assert!(open.is_open());
}

#[test]
fn an_identity_of_another_provider_enters_nowhere() {
    let mut stranger = person(json!({"groups": ["staff"]}));
    stranger.provider = "other".into();
    let staff = gate(&["staff"], [claims("staff", "groups", &["staff"])]);
    assert_eq!(verdict(&staff, Some(&stranger), &anywhere()), "deny staff provider_other");
    let authenticated = Gate::compile(&route(Allow::Authenticated), &Policies::default()).unwrap();
    assert_eq!(verdict(&authenticated, Some(&stranger), &anywhere()), "deny authenticated provider_other");
    let mut nobodys = route(Allow::Authenticated);
    nobodys.providers.clear();
    let nobodys = Gate::compile(&nobodys, &Policies::default()).unwrap();
    assert_eq!(verdict(&nobodys, Some(&person(json!({}))), &anywhere()), "deny authenticated provider_other");
}

#[test]
fn the_same_policy_decides_for_people_and_machines() {
    let gate = gate(&["staff"], [claims("staff", "groups", &["staff"])]);
    for proof in [Proof::Session, Proof::Bearer] {
        let mut caller = person(json!({"groups": ["staff"]}));
        caller.proof = proof;
        assert_eq!(verdict(&gate, Some(&caller), &anywhere()), "allow staff policy_held");
        caller.claims.set("groups", json!(["guests"]));
        assert_eq!(verdict(&gate, Some(&caller), &anywhere()), "deny staff claim_differs");
    }
}

#[test]
fn a_claim_matches_whole_strings_only() {
    let cases: [(&str, &str, Value, &str); 31] = [
        ("a string", "role", json!({"role": "admin"}), "allow p policy_held"),
        ("an element", "role", json!({"role": ["user", "admin"]}), "allow p policy_held"),
        ("the second value", "role", json!({"role": "root"}), "allow p policy_held"),
        ("missing", "role", json!({}), "deny p claim_missing"),
        (
            "missing, others are there",
            "role",
            json!({"roles": ["admin"], "Role": "admin"}),
            "deny p claim_missing",
        ),
        ("zero", "role", json!({"role": 0}), "deny p claim_differs"),
        ("a number", "role", json!({"role": 1}), "deny p claim_differs"),
        ("true", "role", json!({"role": true}), "deny p claim_differs"),
        ("null", "role", json!({"role": null}), "deny p claim_differs"),
        ("an object", "role", json!({"role": {"admin": "admin"}}), "deny p claim_differs"),
        ("list of zero", "role", json!({"role": [0]}), "deny p claim_differs"),
        ("nested list", "role", json!({"role": [["admin"]]}), "deny p claim_differs"),
        ("empty list", "role", json!({"role": []}), "deny p claim_differs"),
        ("empty string", "role", json!({"role": ""}), "deny p claim_differs"),
        ("longer", "role", json!({"role": "administrator"}), "deny p claim_differs"),
        ("shorter", "role", json!({"role": "adm"}), "deny p claim_differs"),
        ("another case", "role", json!({"role": "Admin"}), "deny p claim_differs"),
        ("space behind", "role", json!({"role": "admin "}), "deny p claim_differs"),
        ("NUL behind", "role", json!({"role": "admin\0"}), "deny p claim_differs"),
        ("one word of a name", "role", json!({"role": "not admin"}), "deny p claim_differs"),
        ("separated by commas", "role", json!({"role": "user,admin"}), "deny p claim_differs"),
        ("a list as text", "role", json!({"role": "[\"admin\"]"}), "deny p claim_differs"),
        ("mixed list", "role", json!({"role": [0, "admin"]}), "allow p policy_held"),
        (
            "nested",
            "realm_access.roles",
            json!({"realm_access": {"roles": ["admin"]}}),
            "allow p policy_held",
        ),
        (
            "nested, wrong shape",
            "realm_access.roles",
            json!({"realm_access": ["admin"]}),
            "deny p claim_missing",
        ),
        (
            "dotted name at the top",
            "cognito.groups",
            json!({"cognito.groups": ["admin"]}),
            "allow p policy_held",
        ),
        (
            "URL-named",
            "https://example.com/roles",
            json!({"https://example.com/roles": ["admin"]}),
            "allow p policy_held",
        ),
        (
            "URL-named, nested by dots",
            "https://example.com/roles",
            json!({"https://example": {"com/roles": "admin"}}),
            "deny p claim_missing",
        ),
        ("scope is separated by spaces", "scope", json!({"scope": "read admin"}), "allow p policy_held"),
        ("scp is separated by spaces", "scp", json!({"scp": "admin read"}), "allow p policy_held"),
        ("scope, longer word", "scope", json!({"scope": "read admin2"}), "deny p claim_differs"),
    ];
    for (name, path, held, expected) in cases {
        let gate = gate(&["p"], [claims("p", path, &["admin", "root"])]);
        assert_eq!(verdict(&gate, Some(&person(held)), &anywhere()), expected, "{name}");
    }
}

#[test]
fn every_claim_of_a_policy_must_match() {
    let both = Policy { claims: vec![claim("a", &["1"]), claim("b", &["2"])], ..empty("both") };
    let gate = gate(&["both"], [both]);
    assert_eq!(
        verdict(&gate, Some(&person(json!({"a": "1", "b": "2"}))), &anywhere()),
        "allow both policy_held"
    );
    assert_eq!(verdict(&gate, Some(&person(json!({"a": "1"}))), &anywhere()), "deny both claim_missing");
    assert_eq!(
        verdict(&gate, Some(&person(json!({"a": "1", "b": "1"}))), &anywhere()),
        "deny both claim_differs"
    );
    assert_eq!(gate.decide(Some(&person(json!({"a": "1", "b": "1"}))), &anywhere()).condition(), Some("b"));
}

#[test]
fn many_values_are_found_like_few() {
    let values: Vec<String> = (0..100).map(|number| format!("group-{number}")).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let gate = gate(&["p"], [claims("p", "groups", &values)]);
    for value in &values {
        assert_eq!(
            verdict(&gate, Some(&person(json!({"groups": ["x", value]}))), &anywhere()),
            "allow p policy_held"
        );
    }
    assert_eq!(
        verdict(&gate, Some(&person(json!({"groups": ["group-", "group-100"]}))), &anywhere()),
        "deny p claim_differs"
    );
}

#[test]
fn all_scopes_must_be_granted() {
    let scoped = |scopes: &[&str]| {
        gate(&["p"], [Policy { scopes: scopes.iter().map(|one| (*one).to_owned()).collect(), ..empty("p") }])
    };
    let caller = person(json!({"scope": "orders.write"}));
    assert_eq!(verdict(&scoped(&["orders.read"]), Some(&caller), &anywhere()), "allow p policy_held");
    assert_eq!(
        verdict(&scoped(&["orders.read", "profile"]), Some(&caller), &anywhere()),
        "allow p policy_held"
    );
    for wanted in [
        &["orders.write"][..],
        &["orders.read", "orders.write"],
        &["orders"],
        &["orders.read profile"],
        &[""],
    ] {
        assert_eq!(
            verdict(&scoped(wanted), Some(&caller), &anywhere()),
            "deny p scope_missing",
            "{wanted:?}"
        );
    }
}

#[test]
fn a_source_is_compared_as_an_address() {
    let networks = ["192.0.2.0/24", "2001:db8::/48", "::ffff:198.51.100.0/120"];
    let office = Policy { sources: networks.map(|one| one.parse().unwrap()).to_vec(), ..empty("office") };
    let gate = gate(&["office"], [office]);
    for inside in ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", "198.51.100.7", "::ffff:198.51.100.7"] {
        assert_eq!(
            verdict(&gate, Some(&person(json!({}))), &from(inside)),
            "allow office policy_held",
            "{inside}"
        );
    }
    for outside in ["192.0.3.1", "2001:db8:1::1", "::192.0.2.1", "::1", "198.51.101.7"] {
        assert_eq!(
            verdict(&gate, Some(&person(json!({}))), &from(outside)),
            "deny office source_outside",
            "{outside}"
        );
    }
}

#[test]
fn policies_compose_by_name() {
    let policies = || {
        [
            claims("staff", "groups", &["staff"]),
            claims("banned", "status", &["banned"]),
            Policy { providers: names(&["ci"]), ..empty("machine") },
            Policy { any: names(&["staff", "machine"]), ..empty("either") },
            Policy { all: names(&["staff"]), not: names(&["banned"]), ..empty("good") },
            Policy { not: names(&["good"]), ..empty("bad") },
        ]
    };
    let cases = [
        ("either", json!({"groups": ["staff"]}), "allow either policy_held"),
        ("either", json!({"groups": []}), "deny either claim_differs"),
        ("either", json!({}), "deny either claim_missing"),
        ("good", json!({"groups": ["staff"], "status": "active"}), "allow good policy_held"),
        ("good", json!({"groups": ["staff"], "status": "banned"}), "deny good excluded"),
        ("good", json!({"groups": ["guests"], "status": "active"}), "deny good claim_differs"),
        ("bad", json!({"groups": ["guests"]}), "allow bad policy_held"),
        ("bad", json!({"groups": ["staff"], "status": "banned"}), "allow bad policy_held"),
        ("bad", json!({"groups": ["staff"], "status": "active"}), "deny bad excluded"),
    ];
    for (allowed, held, expected) in cases {
        let gate = gate(&[allowed], policies());
        assert_eq!(verdict(&gate, Some(&person(held.clone())), &anywhere()), expected, "{allowed} {held}");
    }
}

#[test]
fn a_missing_claim_satisfies_neither_a_policy_nor_its_contrary() {
    let policies = || {
        [
            claims("contractors", "groups", &["contractors"]),
            Policy { not: names(&["contractors"]), ..empty("employees") },
            Policy { not: names(&["employees"]), ..empty("twice") },
            Policy { scopes: vec!["orders.read".to_owned()], ..empty("reader") },
            Policy { any: names(&["employees", "reader"]), ..empty("either") },
        ]
    };
    let unclear = [json!({}), json!({"groups": null}), json!({"groups": 0}), json!({"groups": ["staff", 7]})];
    for held in unclear {
        for allowed in ["contractors", "employees", "twice"] {
            let decision = verdict(&gate(&[allowed], policies()), Some(&person(held.clone())), &anywhere());
            assert!(decision.starts_with(&format!("deny {allowed} claim_")), "{allowed} {held}: {decision}");
        }
        assert_eq!(
            verdict(&gate(&["either"], policies()), Some(&person(held)), &anywhere()),
            "allow either policy_held"
        );
    }
    let clear = person(json!({"groups": []}));
    assert_eq!(
        verdict(&gate(&["employees"], policies()), Some(&clear), &anywhere()),
        "allow employees policy_held"
    );
}

#[test]
fn the_nearest_of_several_policies_speaks() {
    let policies = || {
        [
            Policy {
                providers: names(&["ci"]),
                claims: vec![claim("repository", &["example/app"])],
                ..empty("deployer")
            },
            claims("staff", "groups", &["staff"]),
            claims("auditor", "role", &["auditor"]),
        ]
    };
    let guest = person(json!({"groups": ["guests"]}));
    for order in [["deployer", "staff", "auditor"], ["auditor", "staff", "deployer"]] {
        assert_eq!(verdict(&gate(&order, policies()), Some(&guest), &anywhere()), "deny staff claim_differs");
    }
    let auditor = person(json!({"role": "auditor"}));
    assert_eq!(
        verdict(&gate(&["deployer", "staff", "auditor"], policies()), Some(&auditor), &anywhere()),
        "allow auditor policy_held"
    );
    assert_eq!(
        verdict(&gate(&["staff", "deployer"], policies()), None, &anywhere()),
        "deny staff no_identity"
    );
}

#[test]
fn every_reason_has_its_own_slug() {
    let mut slugs: Vec<_> = Reason::ALL.iter().map(|reason| reason.slug()).collect();
    slugs.sort_unstable();
    slugs.dedup();
    assert_eq!(slugs.len(), Reason::ALL.len());
}
