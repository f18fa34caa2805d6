//! A decision costs some tens of nanoseconds and no allocation.

#![expect(clippy::unwrap_used, reason = "a bench that cannot begin may end here")]

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ostia_config::policy::{ClaimCondition, ClaimPath, PathPattern, Policy, ValueTest};
use ostia_config::route::Allow;
use ostia_policy::{Facts, Gate, Policies};
use serde_json::json;

#[path = "../tests/it/setting.rs"]
#[expect(dead_code, reason = "the bench needs less than the tests")]
mod setting;

use setting::{anywhere, claim, claims, empty, map, names, person, route, texts};

fn policies() -> BTreeMap<ostia_config::Name, Policy> {
    map([
        claims("staff", "groups", &["staff", "contractors"]),
        claims("banned", "groups", &["banned"]),
        Policy {
            sources: vec!["192.0.2.0/24".parse().unwrap(), "2001:db8::/48".parse().unwrap()],
            ..empty("office")
        },
        Policy { scopes: vec!["orders.read".to_owned()], ..empty("reader") },
        Policy {
            claims: vec![claim("realm_access.roles", &["auditor"]), claim("email_verified_by", &["corp"])],
            any: names(&["staff", "reader"]),
            not: names(&["banned"]),
            ..empty("auditor")
        },
        Policy {
            claims: vec![ClaimCondition {
                claim: ClaimPath::parse("email").unwrap(),
                test: ValueTest { suffixes: texts(&["@example.com"]), ..ValueTest::default() },
            }],
            amr: texts(&["otp", "hwk"]),
            methods: vec![http::Method::GET, http::Method::HEAD],
            paths: vec![
                PathPattern::Prefix("/reports/".to_owned()),
                PathPattern::Glob("/*/export".to_owned()),
            ],
            ..empty("careful")
        },
        Policy {
            when: Some("claims.name == 'Some One' && request.method in ['GET', 'HEAD']".to_owned()),
            ..empty("said")
        },
    ])
}

fn decide(bench: &mut Criterion) {
    let policies = Policies::compile(&policies()).unwrap();
    let gate = |allow| Gate::compile(&route(allow), &policies).unwrap();
    let groups: Vec<String> = (0..500).map(|number| format!("department-{number}")).collect();
    let caller = person(json!({
        "groups": ["everyone", "berlin", "staff"], "realm_access": {"roles": ["uma", "auditor"]},
        "email_verified_by": "corp", "amr": ["pwd", "otp"], "email": "someone@example.com", "name": "Some One", "sid": "s", "jti": "j",
    }));
    let mut crowded = caller.clone();
    crowded.claims.set("groups", json!(groups));
    let facts = Facts { path: "/reports/2026/november", ..anywhere() };
    let cases = [
        ("authenticated", gate(Allow::Authenticated), &caller),
        ("one claim", gate(Allow::Policies(names(&["staff"]))), &caller),
        ("office, reader or staff", gate(Allow::Policies(names(&["office", "reader", "staff"]))), &caller),
        ("nested with any and not", gate(Allow::Policies(names(&["auditor"]))), &caller),
        ("suffix, amr, method, path", gate(Allow::Policies(names(&["careful"]))), &caller),
        ("an expression", gate(Allow::Policies(names(&["said"]))), &caller),
        ("500 groups, none fits", gate(Allow::Policies(names(&["staff"]))), &crowded),
    ];
    for (name, gate, who) in &cases {
        bench.bench_function(&format!("decide/{name}"), |bench| {
            bench.iter(|| gate.decide(black_box(Some(*who)), &facts).allowed)
        });
    }
}

criterion_group!(benches, decide);
criterion_main!(benches);
