//! Policies that would let too many pass, or cost too much, do not compile.

use ostia_config::policy::Policy;
use ostia_config::route::Allow;
use ostia_policy::{Gate, Policies};

use crate::setting::*;

#[test]
fn a_policy_that_cannot_be_decided_is_refused() {
    let leaf = || claims("leaf", "groups", &["x"]);
    let all = |name: &str, of: &[&str]| Policy { all: names(of), ..empty(name) };
    let chain = |length: usize| {
        let links = (1..length).map(|index| all(&format!("c{index:02}"), &[&format!("c{:02}", index - 1)]));
        std::iter::once(claims("c00", "groups", &["x"])).chain(links).collect::<Vec<_>>()
    };
    let doubling = (1..15).map(|index| {
        let below = format!("c{:02}", index - 1);
        all(&format!("c{index:02}"), &[&below, &below])
    });
    let doubling = std::iter::once(claims("c00", "groups", &["x"])).chain(doubling).collect();
    let cases = [
        ("no condition", vec![empty("p")], "policy_empty"),
        ("a claim without values", vec![claims("p", "groups", &[])], "policy_empty"),
        (
            "an unknown name in any",
            vec![Policy { any: names(&["leaf", "gone"]), ..empty("p") }, leaf()],
            "policy_unknown",
        ),
        ("an unknown name in not", vec![Policy { not: names(&["gone"]), ..empty("p") }], "policy_unknown"),
        ("itself", vec![all("p", &["p"])], "policy_circular"),
        (
            "a circle of three",
            vec![all("a", &["b"]), Policy { not: names(&["c"]), ..empty("b") }, all("c", &["a"])],
            "policy_circular",
        ),
        ("17 deep", chain(17), "policy_too_deep"),
        ("40 deep, seen from above", chain(40).into_iter().rev().collect(), "policy_too_deep"),
        ("doubling 14 times", doubling, "policy_too_large"),
    ];
    for (name, policies, expected) in cases {
        assert_eq!(Policies::compile(&map(policies)).unwrap_err().slug(), expected, "{name}");
    }
    assert!(Policies::compile(&map(chain(16))).is_ok());
}

#[test]
fn a_policy_may_be_shared_without_being_a_circle() {
    let policies = [
        claims("leaf", "groups", &["x"]),
        Policy { any: names(&["leaf"]), ..empty("a") },
        Policy { any: names(&["leaf"]), all: names(&["a"]), ..empty("b") },
    ];
    let policies = Policies::compile(&map(policies)).unwrap();
    assert_eq!(policies.names().map(|name| name.as_str()).collect::<Vec<_>>(), ["a", "b", "leaf"]);
}

#[test]
fn a_route_names_policies_that_exist_and_at_least_one() {
    let policies = Policies::compile(&map([claims("staff", "groups", &["staff"])])).unwrap();
    let compile = |allowed: &[&str]| Gate::compile(&route(Allow::Policies(names(allowed))), &policies);
    assert_eq!(compile(&["staff", "gone"]).unwrap_err().slug(), "policy_unknown");
    assert_eq!(compile(&[]).unwrap_err().slug(), "policy_none");
    assert!(compile(&["staff"]).is_ok());
}
