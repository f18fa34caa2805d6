//! `when`: what an expression may say, and what it decides.

#![cfg(feature = "cel")]

use ostia_config::policy::Policy;
use ostia_policy::{ClientCertificate, Facts, Policies};
use serde_json::json;

use crate::setting::*;

fn when(text: &str) -> Policy {
    Policy { when: Some(text.to_owned()), ..empty("p") }
}

fn refusal(text: &str) -> &'static str {
    Policies::compile(&map([when(text)])).map_or_else(|refused| refused.slug(), |_| "taken")
}

#[test]
fn an_expression_that_means_nothing_or_could_be_expensive_is_refused_at_load() {
    let deep = format!("{}claims.a == 1{}", "(".repeat(40), ")".repeat(40));
    let long = format!("claims.a == \"{}\"", "x".repeat(4096));
    let chain = format!("claims{} == 1", ".a".repeat(1000));
    for (text, expected) in [
        ("claims.a == ", "expression_syntax"),
        ("claims.a = 1", "expression_syntax"),
        ("", "expression_syntax"),
        (")", "expression_syntax"),
        ("'never closed", "expression_syntax"),
        (&deep, "expression_too_deep"),
        (&long, "expression_too_long"),
        (&chain, "expression_too_deep"),
        ("claim.a == 1", "expression_name_unknown"),
        ("a == 1", "expression_name_unknown"),
        ("groups.exists(g, claims.a == h)", "expression_name_unknown"),
        ("claims.groups.exists(g, g == h)", "expression_name_unknown"),
        ("request.methd == 'GET'", "expression_member_unknown"),
        ("identity.groups == []", "expression_member_unknown"),
        ("request['query'] == ''", "expression_member_unknown"),
        ("lower(claims.a) == 'x'", "expression_function_unknown"),
        ("claims.a.lowerAscii() == 'x'", "expression_function_unknown"),
        ("claims.a.exists(x, claims.b.exists(y, x == y))", "expression_loop_in_loop"),
        ("claims.a.map(x, claims.b.filter(y, x == y)).size() == 1", "expression_loop_in_loop"),
        ("claims.a.matches(claims.b)", "expression_pattern"),
        ("claims.a.matches('(')", "expression_pattern"),
        ("claims.a.exists(x, x.matches('^a'))", "expression_pattern"),
        ("true", "expression_not_boolean"),
        ("'text'", "expression_not_boolean"),
        ("[claims.a]", "expression_not_boolean"),
        ("claims.a.exists(x, ['r', 'w'].exists(y, x == y))", "taken"),
        ("claims.a.exists(x, x == 'b') && claims.c.all(x, x != 'd')", "taken"),
        ("has(claims.a) && size(claims.a) > 2", "taken"),
        ("claims[\"https://example.com/roles\"] == 'x'", "taken"),
        ("type(claims.a) == string", "taken"),
    ] {
        assert_eq!(refusal(text), expected, "{}", text.chars().take(80).collect::<String>());
    }
}

#[test]
fn an_expression_decides_and_an_error_denies() {
    let claims = json!({
        "pager": "active", "level": 4, "score": 4.5, "groups": ["staff", "berlin"], "verified": true,
        "nested": { "roles": ["r"] }, "https://example.com/roles": ["url"], "nothing": null, "email": "a@example.com",
    });
    let held = "allow p policy_held";
    let differs = "deny p expression_false";
    let failed = "deny p expression_failed";
    for (text, expected) in [
        ("claims.pager == \"active\" && request.method in [\"GET\", \"HEAD\"]", held),
        ("claims.pager == 'inactive'", differs),
        ("claims.level >= 3", held),
        ("claims.level >= 5", differs),
        ("claims.score > 4.0", held),
        ("claims.verified", held),
        ("!claims.verified", differs),
        ("'staff' in claims.groups", held),
        ("claims.groups.exists(g, g.startsWith('ber'))", held),
        ("claims.groups.all(g, g in ['staff', 'x'])", differs),
        ("claims.groups.exists(g, ['staff', 'x'].exists(w, w == g))", held),
        ("'r' in claims.nested.roles", held),
        ("'url' in claims['https://example.com/roles']", held),
        ("claims.email.matches('^[a-z]+@example[.]com$')", held),
        ("claims.email.endsWith('@example.org')", differs),
        ("has(claims.pager)", held),
        ("has(claims.missing)", differs),
        ("!has(claims.missing)", held),
        ("identity.provider == 'corp' && identity.subject == 'user-1'", held),
        ("'orders.read' in identity.scopes", held),
        ("identity.issuer == 'https://login.example.com'", held),
        ("request.host == 'app.example.com' && request.path == '/'", held),
        ("request.source == '203.0.113.9'", held),
        ("request.time == 1795176000", held),
        // What is not there, or is of another kind, is an error; an error denies.
        ("claims.missing == 'x'", failed),
        ("claims.missing != 'x'", failed),
        ("!(claims.missing == 'x')", failed),
        ("claims.pager > 3", failed),
        ("claims.level + 'x' == 'y'", failed),
        ("claims.level / 0 == 1", failed),
        ("claims.groups[7] == 'x'", failed),
        ("claims.pager", failed),
        ("client_certificate.subject == 'CN=x'", failed),
    ] {
        let who = person(claims.clone());
        assert_eq!(verdict(&gate(&["p"], [when(text)]), Some(&who), &anywhere()), expected, "{text}");
        // What cannot be evaluated is not thereby false.
        let inverse = Policy { not: names(&["p"]), ..empty("inverse") };
        let inverted = gate(&["inverse"], [when(text), inverse]).decide(Some(&who), &anywhere()).allowed;
        assert_eq!(inverted, expected == differs, "not: {text}");
    }
}

#[test]
fn an_expression_about_the_path_holds_only_under_every_reading() {
    let under = when("request.path.startsWith('/admin/')");
    let beside = when("!request.path.startsWith('/admin/')");
    let at = |path| Facts { path, ..anywhere() };
    for (path, first, second) in [
        ("/admin/x", "allow p policy_held", "deny p expression_false"),
        ("/public/x", "deny p expression_false", "allow p policy_held"),
        ("/public/..%2fadmin/x", "deny p path_other", "deny p path_other"),
        ("/public/100%25", "deny p expression_false", "allow p policy_held"),
    ] {
        let who = person(json!({}));
        assert_eq!(verdict(&gate(&["p"], [under.clone()]), Some(&who), &at(path)), first, "{path}");
        assert_eq!(verdict(&gate(&["p"], [beside.clone()]), Some(&who), &at(path)), second, "{path}");
    }
}

#[test]
fn an_expression_reads_the_certificate() {
    let robot = ClientCertificate { names: &["robot".to_owned()], ..ClientCertificate::default() };
    let facts = Facts { certificate: Some(robot), ..anywhere() };
    let gate = gate(&["p"], [when("'robot' in client_certificate.names")]);
    assert_eq!(verdict(&gate, Some(&person(json!({}))), &facts), "allow p policy_held");
}

#[test]
fn an_expression_is_explained_by_what_went_wrong() {
    let first = |text: &str| {
        let explained = gate(&["p"], [when(text)]).explain(Some(&person(json!({ "a": 1 }))), &anywhere());
        explained.to_string().lines().next().unwrap().to_owned()
    };
    assert_eq!(first("claims.a == 2"), "deny p: when `claims.a == 2` is false");
    assert!(
        first("claims.b == 2").starts_with("deny p: when `claims.b == 2` cannot be evaluated: No such key")
    );
}

#[test]
fn only_claims_that_are_read_must_be_kept_in_a_session() {
    let read = |text: &str| Policies::compile(&map([when(text)])).unwrap().claims_read();
    let named = read("claims.pager == 'x' && claims['a b'] == 'y' && has(claims.c)").unwrap();
    assert!(
        named.contains("pager") && named.contains("a b") && named.contains("c") && !named.contains("email")
    );
    assert_eq!(read("claims.exists(name, name == 'x')"), None);
}
