//! L13: the client that signs a statement instead of sending a secret (RFC 7523), and its requests that are pushed (RFC
//! 9126).

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ostia_config::Secret;
use ostia_config::provider::{ClientAuthMethod, ClientKey, PushedRequests};
use ostia_oidc::Provider;
use ostia_oidc::relying_party::login::LoginRequest;
use ostia_oidc::relying_party::revoke::Revoked;
use serde_json::json;

use crate::issuer::{CLIENT_ID, Issuer, REDIRECT_URI, Reply, patient, start_login};
use crate::refresh::refresh;
use crate::strict::claims;

fn key() -> ClientKey {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let der = BASE64_STANDARD.encode(pair.to_pkcs8v1().unwrap().as_ref());
    let private = Secret::new(format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n"));
    ClientKey { file: "client.key".into(), private, certificate: None }
}

fn settings(issuer: &Issuer) -> ostia_config::Provider {
    let mut settings = issuer.settings();
    let client = settings.client.as_mut().unwrap();
    client.auth_method = ClientAuthMethod::PrivateKeyJwt;
    client.client_secret = None;
    client.key = Some(key());
    settings
}

fn signing(issuer: &Issuer) -> Arc<Provider> {
    Provider::with_pace(settings(issuer).into(), None, patient()).unwrap()
}

#[tokio::test]
async fn the_statement_is_made_to_the_issuer_or_to_the_endpoint_whichever_is_taken_and_never_twice() {
    for (of_endpoint, calls) in [(false, [1, 2, 3]), (true, [2, 3, 4])] {
        let issuer = Issuer::start().await;
        let audience = match of_endpoint {
            true => format!("{}/token", issuer.shared.issuer),
            false => issuer.shared.issuer.clone(),
        };
        issuer.knobs().strict.audience = Some(audience);
        let provider = signing(&issuer);
        // What was accepted is tried first from then on; each call has a statement of its own.
        for calls in calls {
            let start = start_login(&provider).await;
            let query = issuer.sign_in(&start);
            provider.finish_login(&query, &start.attempt, SystemTime::now()).await.unwrap();
            assert_eq!(issuer.calls("/token").len(), calls, "{of_endpoint}");
        }
        let call = issuer.calls("/token").pop().unwrap();
        assert!(!call.headers.contains_key("authorization") && !call.form.contains_key("client_secret"));
        assert_eq!(call.form["client_id"], CLIENT_ID);
        let said = claims(&call.form["client_assertion"], 1);
        assert_eq!((&said["iss"], &said["sub"]), (&json!(CLIENT_ID), &json!(CLIENT_ID)));
        assert_eq!(said["exp"].as_u64().unwrap() - said["iat"].as_u64().unwrap(), 60);
    }
}

/// `client_secret_jwt`.
#[tokio::test]
async fn a_secret_that_makes_the_statement_is_never_sent_and_two_live_ones_are_tried() {
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    let issuer = Issuer::start().await;
    issuer.knobs().strict.audience = Some(format!("{}/token", issuer.shared.issuer));
    let (old, new) = ("the-old-secret-of-32-bytes-and-more", "the-new-secret-of-32-bytes-and-more");
    issuer.knobs().strict.mac_key = Some(new.to_owned());
    let mut settings = issuer.settings();
    let client = settings.client.as_mut().unwrap();
    client.auth_method = ClientAuthMethod::SecretJwt;
    client.client_secret = Some(Secret::new(old.to_owned()));
    client.more_client_secrets = vec![Secret::new(new.to_owned())];
    let provider = Provider::with_pace(settings.into(), None, patient()).unwrap();
    // Two secrets to two audiences; what was taken is tried first from then on.
    for calls in [4, 5] {
        let start = start_login(&provider).await;
        let query = issuer.sign_in(&start);
        provider.finish_login(&query, &start.attempt, SystemTime::now()).await.unwrap();
        assert_eq!(issuer.calls("/token").len(), calls);
    }
    for call in issuer.calls("/token") {
        assert!(!call.headers.contains_key("authorization"));
        assert!(call.form.values().all(|value| !value.contains("secret-of-32")), "{:?}", call.form.keys());
        let header = call.form["client_assertion"].split('.').next().unwrap();
        let header = BASE64_URL_SAFE_NO_PAD.decode(header).unwrap();
        assert_eq!(header, br#"{"alg":"HS256","typ":"JWT"}"#);
    }
}

#[tokio::test]
async fn a_client_whose_key_is_not_known_is_told_apart_and_a_session_goes_on() {
    let issuer = Issuer::start().await;
    issuer.knobs().strict.audience = Some("https://nobody.example".to_owned());
    let provider = signing(&issuer);
    let start = start_login(&provider).await;
    let refused =
        provider.finish_login(&issuer.sign_in(&start), &start.attempt, SystemTime::now()).await.unwrap_err();
    assert_eq!((refused.slug(), refused.status().as_u16()), ("invalid_client", 500));
    assert!(!refresh(&provider, "first").await.unwrap_err().is_end());
}

#[tokio::test]
async fn a_key_that_is_none_is_refused_before_anybody_is_asked() {
    let issuer = Issuer::start().await;
    let mut settings = settings(&issuer);
    let none = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".to_owned();
    settings.client.as_mut().unwrap().key.as_mut().unwrap().private = Secret::new(none);
    let refused = Provider::with_pace(settings.into(), None, patient()).unwrap_err();
    assert_eq!(refused.slug(), "client_key_unusable");
    assert!(!format!("{refused:?} {refused}").contains("AAAA"));
}

#[tokio::test]
async fn a_token_is_revoked_with_a_statement_too() {
    let issuer = Issuer::start().await;
    issuer.knobs().metadata = Some(Box::new(|m| {
        m["revocation_endpoint"] = json!(format!("{}/revoke", m["issuer"].as_str().unwrap()));
    }));
    issuer.reply("/revoke", Reply::Status(200, ""));
    let provider = signing(&issuer);
    start_login(&provider).await;
    assert_eq!(provider.revoke(&Secret::new("refresh".to_owned())).await, Revoked::Done);
    let call = &issuer.calls("/revoke")[0];
    assert_eq!((call.form["token"].as_str(), call.form["client_id"].as_str()), ("refresh", CLIENT_ID));
    assert_eq!(claims(&call.form["client_assertion"], 1)["aud"], issuer.shared.issuer);
}

/// An issuer with an endpoint for pushed requests that answers so.
async fn pushing(required: bool, reply: Reply) -> Issuer {
    let issuer = Issuer::start().await;
    issuer.knobs().metadata = Some(Box::new(move |m| {
        m["pushed_authorization_request_endpoint"] = json!(format!("{}/par", m["issuer"].as_str().unwrap()));
        m["require_pushed_authorization_requests"] = json!(required);
    }));
    issuer.reply("/par", reply);
    issuer
}

const PUSHED: Reply = Reply::Status(201, r#"{"request_uri":"urn:example:abc&d","expires_in":60}"#);

#[tokio::test]
async fn a_pushed_request_leaves_its_name_alone_in_the_address() {
    for (required, wanted, is_pushed) in [
        (true, PushedRequests::Auto, true),
        (false, PushedRequests::Auto, false),
        (false, PushedRequests::Always, true),
        (true, PushedRequests::Never, false),
    ] {
        let issuer = pushing(required, PUSHED).await;
        let mut settings = issuer.settings();
        settings.client.as_mut().unwrap().ways.pushed = wanted;
        let provider = Provider::with_pace(settings.into(), None, patient()).unwrap();
        let start = start_login(&provider).await;
        let url = url::Url::parse(&start.url).unwrap();
        let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let calls = issuer.calls("/par");
        if !is_pushed {
            assert!(calls.is_empty() && query.iter().any(|(name, _)| name == "state"));
            continue;
        }
        let named =
            [pair("tenant", "1"), pair("client_id", CLIENT_ID), pair("request_uri", "urn:example:abc&d")];
        assert_eq!(query, named);
        let call = &calls[0];
        assert!(call.headers["authorization"].to_str().unwrap().starts_with("Basic "));
        assert_eq!(call.form["state"], start.attempt.state);
        assert_eq!(call.form["redirect_uri"], REDIRECT_URI);
        assert_eq!(call.form["code_challenge_method"], "S256");
        assert_eq!(call.form["client_id"], CLIENT_ID);
        assert!(!call.form.contains_key("tenant") && !call.form.contains_key("client_secret"));
    }
}

#[tokio::test]
async fn a_request_that_is_not_taken_begins_no_login() {
    for (reply, slug) in [
        (Reply::Status(400, r#"{"error":"invalid_request"}"#), "pushed_invalid_request"),
        (Reply::Status(401, r#"{"error":"invalid_client"}"#), "invalid_client"),
        (Reply::Status(400, r#"{"error":"invalid_redirect_uri"}"#), "push_refused"),
        (Reply::Status(201, "{}"), "push_answer_malformed"),
        (Reply::Status(201, r#"{"request_uri":""}"#), "push_answer_malformed"),
        (Reply::Status(503, r#"{"error":"invalid_request"}"#), "issuer_status"),
        (Reply::Redirect("/thief".to_owned()), "issuer_redirected"),
    ] {
        let issuer = pushing(true, reply).await;
        let mut settings = issuer.settings();
        settings.timeout = Duration::from_secs(5);
        let provider = Provider::with_pace(settings.into(), None, patient()).unwrap();
        let request = LoginRequest { redirect_uri: REDIRECT_URI, ..LoginRequest::default() };
        assert_eq!(provider.begin_login(request).await.unwrap_err().slug(), slug);
    }
}

#[tokio::test]
async fn metadata_without_what_the_configuration_asks_for_are_refused() {
    type Ways = fn(&mut ostia_config::provider::LoginWays);
    let cases: [(&str, serde_json::Value, Ways, &str); 3] = [
        (
            "response_modes_supported",
            json!(["query"]),
            |w| w.response_mode = ostia_config::provider::ResponseMode::FormPost,
            "metadata_no_form_post",
        ),
        ("dpop_signing_alg_values_supported", json!(["RS256"]), |w| w.dpop = true, "metadata_no_dpop"),
        ("x", json!(1), |w| w.pushed = PushedRequests::Always, "metadata_endpoint_missing"),
    ];
    for (member, value, ways, slug) in cases {
        let issuer = Issuer::start().await;
        issuer.knobs().metadata = Some(Box::new(move |m| m[member] = value.clone()));
        let mut settings = issuer.settings();
        ways(&mut settings.client.as_mut().unwrap().ways);
        let provider = Provider::with_pace(settings.into(), None, patient()).unwrap();
        assert!(provider.begin_login(LoginRequest::default()).await.is_err());
        assert_eq!(provider.status().last_error.unwrap().slug, slug);
    }
}

#[tokio::test]
async fn max_age_of_the_configuration_is_asked_for_and_held_against_the_id_token() {
    let issuer = Issuer::start().await;
    let mut settings = issuer.settings();
    let client = settings.client.as_mut().unwrap();
    client.authorize_params.insert("max_age".to_owned(), "3600".to_owned());
    let provider = Provider::with_pace(settings.into(), None, patient()).unwrap();
    let sent = async |own: Option<u64>| {
        let max_age = own.map(Duration::from_secs);
        let request = LoginRequest { redirect_uri: REDIRECT_URI, max_age, ..LoginRequest::default() };
        let start = provider.begin_login(request).await.unwrap();
        let url = url::Url::parse(&start.url).unwrap();
        let sent: Vec<String> = url
            .query_pairs()
            .filter(|(name, _)| name == "max_age")
            .map(|(_, value)| value.into_owned())
            .collect();
        (sent, start)
    };
    assert_eq!(sent(Some(60)).await.0, ["60"]);
    assert_eq!(sent(Some(7200)).await.0, ["3600"], "a route does not loosen the rule of the provider");
    let (asked, start) = sent(None).await;
    assert_eq!(asked, ["3600"]);
    provider.finish_login(&issuer.sign_in(&start), &start.attempt, SystemTime::now()).await.unwrap();
    for (edit, slug) in
        [(json!(1_000_000_000), "authentication_too_old"), (json!(null), "token_claim_missing")]
    {
        issuer.knobs().id_token = Some(Box::new(move |claims| {
            match edit.is_null() {
                true => drop(claims.as_object_mut().unwrap().remove("auth_time")),
                false => claims["auth_time"] = edit.clone(),
            };
        }));
        let start = start_login(&provider).await;
        let query = issuer.sign_in(&start);
        let refused = provider.finish_login(&query, &start.attempt, SystemTime::now()).await.unwrap_err();
        assert_eq!(refused.slug(), slug);
    }
}

#[tokio::test]
async fn endpoints_for_certificates_are_used_by_who_has_one() {
    for (method, path) in [(ClientAuthMethod::TlsClientAuth, "/mtls"), (ClientAuthMethod::Basic, "/token")] {
        let issuer = Issuer::start().await;
        issuer.knobs().metadata = Some(Box::new(|m| {
            let alias = format!("{}/mtls", m["issuer"].as_str().unwrap());
            m["mtls_endpoint_aliases"] = json!({ "token_endpoint": alias });
        }));
        issuer.reply("/mtls", Reply::Status(400, r#"{"error":"invalid_grant"}"#));
        let mut settings = issuer.settings();
        let client = settings.client.as_mut().unwrap();
        client.auth_method = method;
        let provider = Provider::with_pace(settings.into(), None, patient()).unwrap();
        let start = start_login(&provider).await;
        let _ = provider.finish_login(&issuer.sign_in(&start), &start.attempt, SystemTime::now()).await;
        let calls = issuer.calls(path);
        assert_eq!(
            (calls.len(), issuer.calls("/mtls").len() + issuer.calls("/token").len()),
            (1, 1),
            "{method:?}"
        );
        let by_certificate = method == ClientAuthMethod::TlsClientAuth;
        assert_eq!(calls[0].form.contains_key("client_id"), by_certificate);
        assert!(!calls[0].form.contains_key("client_secret"));
        assert_eq!(calls[0].headers.contains_key("authorization"), !by_certificate);
    }
}
