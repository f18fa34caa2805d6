//! Callbacks that sign nobody in, and whether the code was spent.

use std::time::SystemTime;

use ostia_oidc::relying_party::callback::CallbackRefused;
use serde_json::json;

use crate::issuer::{Issuer, Reply, start_login};

/// Runs a login whose callback query is changed; gives the refusal and the number of token calls.
async fn callback(edit: impl Fn(&Issuer, String) -> String) -> (CallbackRefused, usize) {
    let issuer = Issuer::start().await;
    let provider = issuer.provider();
    let start = start_login(&provider).await;
    let query = edit(&issuer, issuer.sign_in(&start));
    let refused = provider.finish_login(&query, &start.attempt, SystemTime::now()).await.unwrap_err();
    (refused, issuer.calls("/token").len())
}

fn replaced(query: &str, name: &str, value: Option<&str>) -> String {
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    for (own, old) in url::form_urlencoded::parse(query.as_bytes()) {
        match (own == name, value) {
            (false, _) => out.append_pair(&own, &old),
            (true, Some(value)) => out.append_pair(&own, value),
            (true, None) => continue,
        };
    }
    out.finish()
}

#[tokio::test]
async fn a_wrong_answer_is_refused_before_the_code_is_spent() {
    type Change = fn(&Issuer, String) -> String;
    let cases: [(&str, Change, &str); 10] = [
        ("state of another login", |_, q| replaced(&q, "state", Some("x")), "state_differs"),
        ("no state", |_, q| replaced(&q, "state", None), "state_differs"),
        ("two codes", |_, q| format!("{q}&code=other"), "callback_parameter_twice"),
        ("two states", |_, q| format!("state=x&{q}"), "callback_parameter_twice"),
        (
            "invalid-authorization-response-iss",
            |_, q| replaced(&q, "iss", Some("https://evil.example")),
            "callback_issuer_differs",
        ),
        (
            "iss with a slash",
            |i, q| replaced(&q, "iss", Some(&format!("{}/", i.shared.issuer))),
            "callback_issuer_differs",
        ),
        ("remove-authorization-response-iss", |_, q| replaced(&q, "iss", None), "callback_issuer_differs"),
        ("no code", |_, q| replaced(&q, "code", None), "code_missing"),
        ("endless", |_, q| format!("{q}&x={}", "y".repeat(20_000)), "callback_too_long"),
        ("error", |_, q| format!("{}&error=access_denied", replaced(&q, "code", None)), "access_denied"),
    ];
    for (name, change, slug) in cases {
        let (refused, token_calls) = callback(change).await;
        assert_eq!((refused.slug(), token_calls), (slug, 0), "{name}");
    }
}

#[tokio::test]
async fn an_error_of_another_issuer_is_not_believed() {
    let (refused, _) = callback(|_, q| {
        replaced(&replaced(&q, "code", None), "iss", Some("https://evil.example")) + "&error=access_denied"
    })
    .await;
    assert_eq!(refused.slug(), "callback_issuer_differs");
}

#[tokio::test]
async fn iss_may_be_missing_where_it_is_not_announced() {
    let issuer = Issuer::start().await;
    issuer.knobs().metadata =
        Some(Box::new(|m| m["authorization_response_iss_parameter_supported"] = json!(false)));
    let provider = issuer.provider();
    let start = start_login(&provider).await;
    let query = replaced(&issuer.sign_in(&start), "iss", None);
    assert!(provider.finish_login(&query, &start.attempt, SystemTime::now()).await.is_ok());
}

#[tokio::test]
async fn a_replayed_callback_signs_nobody_in() {
    let issuer = Issuer::start().await;
    let provider = issuer.provider();
    let start = start_login(&provider).await;
    let query = issuer.sign_in(&start);
    provider.finish_login(&query, &start.attempt, SystemTime::now()).await.unwrap();
    let refused = provider.finish_login(&query, &start.attempt, SystemTime::now()).await.unwrap_err();
    assert_eq!((refused.slug(), refused.status().as_u16()), ("invalid_grant", 400));
}

#[tokio::test]
async fn a_code_of_another_attempt_fails_its_pkce() {
    let issuer = Issuer::start().await;
    let provider = issuer.provider();
    let (victim, attacker) = (start_login(&provider).await, start_login(&provider).await);
    let stolen = issuer.sign_in(&victim);
    let query = replaced(&stolen, "state", Some(&attacker.attempt.state));
    let refused = provider.finish_login(&query, &attacker.attempt, SystemTime::now()).await.unwrap_err();
    assert_eq!(refused.slug(), "invalid_grant");
}

#[tokio::test]
async fn every_bad_token_answer_is_refused_with_its_reason() {
    let cases: [(&str, Reply, &str, u16); 9] = [
        (
            "invalid_grant",
            Reply::Status(400, r#"{"error":"invalid_grant","error_description":"x"}"#),
            "invalid_grant",
            400,
        ),
        ("invalid_client", Reply::Status(401, r#"{"error":"invalid_client"}"#), "invalid_client", 500),
        ("unknown error", Reply::Status(400, r#"{"error":"surprise"}"#), "token_error_unknown", 500),
        ("not JSON", Reply::Status(200, "<html>"), "token_answer_malformed", 502),
        ("empty", Reply::Status(200, ""), "token_answer_malformed", 502),
        (
            "5xx that looks like invalid_grant",
            Reply::Status(503, r#"{"error":"invalid_grant"}"#),
            "issuer_status",
            502,
        ),
        (
            "no id_token",
            Reply::Status(200, r#"{"access_token":"a","token_type":"Bearer"}"#),
            "id_token_missing",
            502,
        ),
        (
            "mac token",
            Reply::Status(200, r#"{"access_token":"a","token_type":"mac","id_token":"x"}"#),
            "token_type_not_bearer",
            502,
        ),
        (
            "two id_tokens",
            Reply::Status(200, r#"{"access_token":"a","token_type":"Bearer","id_token":"x","id_token":"y"}"#),
            "token_answer_malformed",
            502,
        ),
    ];
    for (name, reply, slug, status) in cases {
        let issuer = Issuer::start().await;
        let provider = issuer.provider();
        let start = start_login(&provider).await;
        issuer.reply("/token", reply);
        let query = issuer.sign_in(&start);
        let refused = provider.finish_login(&query, &start.attempt, SystemTime::now()).await.unwrap_err();
        assert_eq!((refused.slug(), refused.status().as_u16()), (slug, status), "{name}");
        assert_eq!(provider.counters().logins_refused, 1);
    }
}

#[tokio::test]
async fn nothing_secret_is_in_an_error() {
    let issuer = Issuer::start().await;
    let provider = issuer.provider();
    let start = start_login(&provider).await;
    let query = issuer.sign_in(&start);
    issuer.reply(
        "/token",
        Reply::Status(200, r#"{"access_token":"sesame","token_type":"Bearer","id_token":5}"#),
    );
    let refused = provider.finish_login(&query, &start.attempt, SystemTime::now()).await.unwrap_err();
    let told = format!("{refused} {refused:?}");
    for secret in [
        "sesame",
        "code-1",
        &start.attempt.state,
        start.attempt.verifier.reveal(),
        crate::issuer::CLIENT_SECRET,
    ] {
        assert!(!told.contains(secret), "{told}");
    }
}

#[tokio::test]
async fn the_code_is_not_spent_while_there_are_no_keys() {
    let issuer = Issuer::start().await;
    // Begun on one node, finished on another that has just started.
    let start = start_login(&issuer.provider()).await;
    issuer.reply("/jwks", Reply::Status(500, ""));
    let provider = issuer.provider();
    let query = issuer.sign_in(&start);
    let refused = provider.finish_login(&query, &start.attempt, SystemTime::now()).await.unwrap_err();
    assert_eq!((refused.slug(), refused.status().as_u16()), ("provider_unavailable", 503));
    assert!(issuer.calls("/token").is_empty());
}

#[tokio::test]
async fn a_login_that_began_on_one_node_is_finished_on_another() {
    let issuer = Issuer::start().await;
    let start = start_login(&issuer.provider()).await;
    let query = issuer.sign_in(&start);
    assert!(issuer.provider().finish_login(&query, &start.attempt, SystemTime::now()).await.is_ok());
}
