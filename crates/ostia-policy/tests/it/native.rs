//! Each native condition as a table: what holds, what does not, what cannot be told.

use std::time::Duration;

use ostia_config::policy::{
    CertificateCondition, ClaimCondition, ClaimPath, PathPattern, Policy, TimeWindow, ValueTest,
};
use ostia_config::route::HostPattern;
use ostia_policy::{ClientCertificate, Facts, StepUp};
use serde_json::{Value, json};

use crate::setting::*;

/// One policy `p`, asked about somebody under some circumstances: the decision, and that of `not: p`. What cannot be
/// told is denied by both.
fn both(policy: Policy, claims: &Value, facts: &Facts<'_>) -> (String, bool) {
    let inverse = Policy { not: names(&["p"]), ..empty("inverse") };
    let who = person(claims.clone());
    let first = verdict(&gate(&["p"], [policy.clone()]), Some(&who), facts);
    let second = gate(&["inverse"], [policy, inverse]).decide(Some(&who), facts).allowed;
    assert!(!(first.starts_with("allow") && second), "a policy and its opposite");
    (first, second)
}

const HOLDS: (&str, bool) = ("policy_held", false);
/// It is known not to hold: the opposite does.
const fn fails(reason: &str) -> (&str, bool) {
    (reason, true)
}
/// Neither holds.
const fn unknown(reason: &str) -> (&str, bool) {
    (reason, false)
}

fn check(what: &str, policy: Policy, claims: &Value, facts: &Facts<'_>, (reason, inverse): (&str, bool)) {
    let verb = if reason == "policy_held" { "allow" } else { "deny" };
    assert_eq!(both(policy, claims, facts), (format!("{verb} p {reason}"), inverse), "{what}");
}

#[test]
fn a_claim_is_tested_by_every_kind_of_test() {
    let test = |edit: fn(&mut ValueTest)| {
        let mut test = ValueTest::default();
        edit(&mut test);
        let claim = ClaimPath::parse("c").unwrap();
        Policy { claims: vec![ClaimCondition { claim, test }], ..empty("p") }
    };
    let differs = fails("claim_differs");
    let vague = unknown("claim_differs");
    let prefix = test(|test| test.prefixes = texts(&["team-", "org-"]));
    let suffix = test(|test| test.suffixes = texts(&["@example.com"]));
    let glob = test(|test| test.globs = texts(&["repo:example/*:ref:refs/heads/ma?n"]));
    let several = test(|test| (test.prefixes, test.suffixes) = (texts(&["a"]), texts(&["z"])));
    let truth = test(|test| test.boolean = Some(true));
    let lies = test(|test| test.boolean = Some(false));
    let range = test(|test| (test.at_least, test.below) = (Some(3.0), Some(5.0)));
    let above = test(|test| test.above = Some(3.0));
    let at_most = test(|test| test.at_most = Some(9_007_199_254_740_991.0));
    let spaced = test(|test| (test.values, test.separator) = (texts(&["b"]), Some(' ')));
    let commas = test(|test| (test.prefixes, test.separator) = (texts(&["b"]), Some(',')));
    for (what, policy, value, expected) in [
        ("a prefix", &prefix, json!("team-a"), HOLDS),
        ("the other prefix", &prefix, json!(["x", "org-1"]), HOLDS),
        ("a prefix further in", &prefix, json!("a team-b"), differs),
        ("a number has no prefix", &prefix, json!(7), vague),
        ("a suffix", &suffix, json!("a@example.com"), HOLDS),
        ("a suffix with more behind it", &suffix, json!("a@example.com.evil.test"), differs),
        ("a suffix in another case", &suffix, json!("a@Example.com"), differs),
        ("a glob", &glob, json!("repo:example/app:ref:refs/heads/main"), HOLDS),
        ("a glob that ends elsewhere", &glob, json!("repo:example/app:ref:refs/heads/main2"), differs),
        ("a glob of another owner", &glob, json!("repo:examples/app:ref:refs/heads/main"), differs),
        ("both of one value", &several, json!(["aqz"]), HOLDS),
        ("one of each value", &several, json!(["aq", "qz"]), differs),
        ("true", &truth, json!(true), HOLDS),
        ("false", &truth, json!(false), differs),
        ("the text true", &truth, json!("true"), vague),
        ("one", &truth, json!(1), vague),
        ("false is wanted", &lies, json!(false), HOLDS),
        ("nothing is not false", &lies, json!(null), vague),
        ("the lower end", &range, json!(3), HOLDS),
        ("a fraction", &range, json!(4.99), HOLDS),
        ("the upper end", &range, json!(5), differs),
        ("below", &range, json!(2.999), differs),
        ("negative", &range, json!(-4), differs),
        ("a text of digits", &range, json!("4"), vague),
        ("one of a list", &range, json!([9, 4]), HOLDS),
        ("not above", &above, json!(3), differs),
        ("above", &above, json!(3.0001), HOLDS),
        ("the greatest exact number", &at_most, json!(9_007_199_254_740_991_u64), HOLDS),
        ("two above it", &at_most, json!(9_007_199_254_740_993_u64), differs),
        ("one word of a text", &spaced, json!("a b c"), HOLDS),
        ("a part of a word", &spaced, json!("a bc"), differs),
        ("a whole list beside", &spaced, json!(["x", "b"]), HOLDS),
        ("after a comma", &commas, json!("a,bc"), HOLDS),
        ("after a space", &commas, json!("a bc"), differs),
    ] {
        check(what, policy.clone(), &json!({ "c": value }), &anywhere(), expected);
        check("missing", policy.clone(), &json!({}), &anywhere(), unknown("claim_missing"));
    }
}

#[test]
fn the_request_itself_is_tested() {
    let method = Policy { methods: vec![http::Method::GET, http::Method::HEAD], ..empty("p") };
    let host = |patterns: &[HostPattern]| Policy { hosts: patterns.to_vec(), ..empty("p") };
    let exact = host(&[HostPattern::Exact("app.example.com".into())]);
    let wildcard = host(&[HostPattern::Wildcard("example.com".into())]);
    let path = Policy { paths: vec![PathPattern::Prefix("/admin/".into())], ..empty("p") };
    let glob = Policy { paths: vec![PathPattern::Glob("/*/export".into())], ..empty("p") };
    for (what, policy, (method, host, path), expected) in [
        ("the second method", &method, ("HEAD", "h", "/"), HOLDS),
        ("another method", &method, ("POST", "h", "/"), fails("method_other")),
        ("a method in lower case", &method, ("get", "h", "/"), fails("method_other")),
        ("the host", &exact, ("GET", "app.example.com", "/"), HOLDS),
        ("a longer host", &exact, ("GET", "xapp.example.com", "/"), fails("host_other")),
        ("a label before the suffix", &wildcard, ("GET", "a.example.com", "/"), HOLDS),
        ("two labels before it", &wildcard, ("GET", "a.b.example.com", "/"), HOLDS),
        ("the suffix itself", &wildcard, ("GET", "example.com", "/"), fails("host_other")),
        ("the suffix in a label", &wildcard, ("GET", "evilexample.com", "/"), fails("host_other")),
        ("below the path", &path, ("GET", "h", "/admin/x"), HOLDS),
        ("beside the path", &path, ("GET", "h", "/admins/x"), fails("path_other")),
        ("a path of two readings", &path, ("GET", "h", "/public/..%2fadmin/x"), unknown("path_other")),
        ("a path in another case", &path, ("GET", "h", "/ADMIN/x"), unknown("path_other")),
        ("a pattern", &glob, ("GET", "h", "/a/export"), HOLDS),
        ("a pattern and a segment more", &glob, ("GET", "h", "/a/b/export"), fails("path_other")),
    ] {
        let facts = Facts::new("192.0.2.1".parse().unwrap(), now(), method, host, path);
        check(what, policy.clone(), &json!({}), &facts, expected);
    }
}

#[test]
fn a_window_of_time_is_kept() {
    let window =
        |from: u16, to: u16, zone: &str| TimeWindow { days: [true; 7], from, to, zone: zone.to_owned() };
    let at = |times: Vec<TimeWindow>| Policy { times, ..empty("p") };
    let noon = anywhere();
    check("noon", at(vec![window(0, 721, "UTC")]), &json!({}), &noon, HOLDS);
    check("until noon", at(vec![window(0, 720, "UTC")]), &json!({}), &noon, fails("time_outside"));
    check(
        "one in the afternoon in Berlin",
        at(vec![window(780, 840, "Europe/Berlin")]),
        &json!({}),
        &noon,
        HOLDS,
    );
    let either = at(vec![window(0, 60, "UTC"), window(700, 730, "UTC")]);
    check("the second of two", either, &json!({}), &noon, HOLDS);
}

#[test]
fn a_certificate_says_what_is_asked_for() {
    let asks = |edit: fn(&mut CertificateCondition)| {
        let mut condition = CertificateCondition::default();
        edit(&mut condition);
        Policy { client_certificate: Some(condition), ..empty("p") }
    };
    let digest = "ab".repeat(32);
    let robot = ClientCertificate {
        subject: "CN=robot-7,O=Example",
        issuer: "CN=Robots CA",
        names: &texts(&["robot-7.example.com", "spiffe://example.com/robots/7"]),
        sha256: &digest,
    };
    let with = Facts { certificate: Some(robot), ..anywhere() };
    let differs = fails("certificate_differs");
    for (what, policy, expected) in [
        ("the subject", asks(|one| one.subjects = texts(&["CN=robot-*,O=Example"])), HOLDS),
        ("another subject", asks(|one| one.subjects = texts(&["CN=robot-8,*"])), differs),
        ("a name", asks(|one| one.names = texts(&["spiffe://example.com/robots/*"])), HOLDS),
        ("the subject is no name", asks(|one| one.names = texts(&["*O=Example"])), differs),
        ("the issuer", asks(|one| one.issuers = texts(&["CN=Robots CA"])), HOLDS),
        ("the digest", asks(|one| one.sha256 = vec!["ab".repeat(32)]), HOLDS),
        ("another digest", asks(|one| one.sha256 = vec!["ac".repeat(32)]), differs),
        (
            "one of two",
            asks(|one| (one.issuers, one.subjects) = (texts(&["CN=Robots CA"]), texts(&["CN=person"]))),
            differs,
        ),
    ] {
        check(what, policy.clone(), &json!({}), &with, expected);
        check(what, policy, &json!({}), &anywhere(), unknown("certificate_missing"));
    }
}

#[test]
fn how_and_when_somebody_signed_in_is_tested() {
    let acr = Policy { acr: texts(&["phr", "phrh"]), ..empty("p") };
    let amr = Policy { amr: texts(&["otp", "hwk"]), ..empty("p") };
    let age = Policy { max_age: Some(Duration::from_secs(900)), ..empty("p") };
    let now = NOW_SECONDS;
    for (what, policy, claims, expected) in [
        ("the second class", &acr, json!({ "acr": "phrh" }), HOLDS),
        ("another class", &acr, json!({ "acr": "phrx" }), fails("acr_not_met")),
        ("no class", &acr, json!({}), unknown("acr_not_met")),
        ("a list is no class", &acr, json!({ "acr": ["phr"] }), unknown("acr_not_met")),
        ("a method", &amr, json!({ "amr": ["pwd", "otp"] }), HOLDS),
        ("other methods", &amr, json!({ "amr": ["pwd"] }), fails("amr_not_met")),
        ("no method", &amr, json!({}), unknown("amr_not_met")),
        ("just now", &age, json!({ "auth_time": now }), HOLDS),
        ("as long ago as may be", &age, json!({ "auth_time": now - 900 }), HOLDS),
        ("a second longer", &age, json!({ "auth_time": now - 901 }), fails("max_age_exceeded")),
        ("a clock a little ahead", &age, json!({ "auth_time": now + 60 }), HOLDS),
        ("in the future", &age, json!({ "auth_time": now + 3600 }), unknown("max_age_exceeded")),
        ("at an unknown time", &age, json!({}), unknown("max_age_exceeded")),
        ("a text is no time", &age, json!({ "auth_time": now.to_string() }), unknown("max_age_exceeded")),
    ] {
        check(what, policy.clone(), &claims, &anywhere(), expected);
    }
}

#[test]
fn signing_in_again_is_asked_for_only_where_it_would_help() {
    let policies = || {
        [
            Policy {
                claims: vec![claim("groups", &["finance"])],
                acr: texts(&["phr"]),
                max_age: Some(Duration::from_secs(900)),
                ..empty("finance")
            },
            Policy { acr: texts(&["phr"]), ..empty("strong") },
            Policy { all: names(&["strong"]), not: names(&["banned"]), ..empty("nested") },
            claims("banned", "groups", &["banned"]),
            claims("staff", "groups", &["staff"]),
            Policy { not: names(&["strong"]), ..empty("weak") },
        ]
    };
    let phr = texts(&["phr"]);
    let wanted = |acr: bool, age: Option<u64>| {
        Some(StepUp { acr: if acr { &phr } else { &[] }, max_age: age.map(Duration::from_secs) })
    };
    let now = NOW_SECONDS;
    for (what, allowed, claims, reason, expected) in [
        (
            "everything is missing but the group",
            vec!["finance"],
            json!({ "groups": ["finance"] }),
            "acr_not_met",
            wanted(true, Some(900)),
        ),
        (
            "the age alone",
            vec!["finance"],
            json!({ "groups": ["finance"], "acr": "phr", "auth_time": now - 901 }),
            "max_age_exceeded",
            wanted(false, Some(900)),
        ),
        (
            "the class alone",
            vec!["finance"],
            json!({ "groups": ["finance"], "acr": "pwd", "auth_time": now }),
            "acr_not_met",
            wanted(true, None),
        ),
        ("the group, too", vec!["finance"], json!({ "groups": ["staff"] }), "claim_differs", None),
        ("the group is not told", vec!["finance"], json!({}), "claim_missing", None),
        (
            "within a policy of policies",
            vec!["nested"],
            json!({ "groups": [] }),
            "acr_not_met",
            wanted(true, None),
        ),
        ("banned all the same", vec!["nested"], json!({ "groups": ["banned"] }), "excluded", None),
        (
            "another policy is out of reach",
            vec!["staff", "nested"],
            json!({ "groups": ["x"] }),
            "acr_not_met",
            wanted(true, None),
        ),
        ("what must not be strong", vec!["weak"], json!({ "acr": "phr" }), "excluded", None),
        ("what may not be strong and is not known", vec!["weak"], json!({}), "acr_not_met", None),
        (
            "met",
            vec!["finance"],
            json!({ "groups": ["finance"], "acr": "phr", "auth_time": now }),
            "policy_held",
            None,
        ),
    ] {
        let gate = gate(&allowed, policies());
        let who = person(claims);
        let decision = gate.decide(Some(&who), &anywhere());
        assert_eq!((decision.reason.slug(), decision.step_up), (reason, expected), "{what}");
    }
}
