//! The scenarios of the relying-party certification plans: basic, config, refresh token.

use std::time::SystemTime;

use ostia_oidc::relying_party::callback::{CallbackRefused, SignedIn};
use serde_json::{Value, json};

use crate::issuer::{Issuer, Signing, patient, start_login};
use crate::key::SigningKey;

async fn login(issuer: &Issuer) -> Result<SignedIn, CallbackRefused> {
    let provider = issuer.provider();
    let start = start_login(&provider).await;
    provider.finish_login(&issuer.sign_in(&start), &start.attempt, SystemTime::now()).await
}

/// A login whose ID token was changed; the reason it is refused with.
async fn refused(edit: impl Fn(&mut Value) + Send + Sync + 'static) -> &'static str {
    let issuer = Issuer::start().await;
    issuer.knobs().id_token = Some(Box::new(edit));
    login(&issuer).await.unwrap_err().slug()
}

async fn refused_signing(signing: Signing) -> &'static str {
    let issuer = Issuer::start().await;
    issuer.knobs().signing = signing;
    login(&issuer).await.unwrap_err().slug()
}

fn without(claim: &'static str) -> impl Fn(&mut Value) {
    move |claims| {
        claims.as_object_mut().unwrap().remove(claim).unwrap();
    }
}

fn with(claim: &'static str, value: Value) -> impl Fn(&mut Value) {
    move |claims| claims[claim] = value.clone()
}

#[tokio::test]
async fn oidcc_client_test() {
    let issuer = Issuer::start().await;
    let signed_in = login(&issuer).await.unwrap();
    assert_eq!(signed_in.subject, "alice");
    assert_eq!(&*signed_in.issuer, issuer.shared.issuer);
}

#[tokio::test]
async fn oidcc_client_test_invalid_iss() {
    for iss in ["https://evil.example", "http://127.0.0.1", "HTTP://127.0.0.1"] {
        assert_eq!(refused(with("iss", json!(iss))).await, "issuer_differs", "{iss}");
    }
    let slash = |claims: &mut Value| claims["iss"] = json!(format!("{}/", claims["iss"].as_str().unwrap()));
    assert_eq!(refused(slash).await, "issuer_differs");
    assert_eq!(refused(|claims| claims["iss"] = json!([claims["iss"]])).await, "token_claim_malformed");
}

#[tokio::test]
async fn oidcc_client_test_missing_sub() {
    assert_eq!(refused(without("sub")).await, "token_claim_missing");
    assert_eq!(refused(with("sub", json!("x".repeat(256)))).await, "token_claim_malformed");
}

#[tokio::test]
async fn oidcc_client_test_invalid_aud() {
    assert_eq!(refused(with("aud", json!("somebody else"))).await, "audience_differs");
    assert_eq!(refused(with("aud", json!([]))).await, "token_claim_malformed");
    assert_eq!(refused(with("aud", json!([crate::issuer::CLIENT_ID, "other"]))).await, "audience_untrusted");
}

#[tokio::test]
async fn oidcc_client_test_missing_aud() {
    assert_eq!(refused(without("aud")).await, "token_claim_missing");
}

#[tokio::test]
async fn oidcc_client_test_missing_iat() {
    assert_eq!(refused(without("iat")).await, "token_claim_missing");
}

#[tokio::test]
async fn oidcc_client_test_kid_absent_single_jwks() {
    let issuer = Issuer::start().await;
    issuer.knobs().signing = Signing::NoKid;
    assert_eq!(login(&issuer).await.unwrap().subject, "alice");
}

#[tokio::test]
async fn oidcc_client_test_kid_absent_multiple_jwks() {
    let issuer = Issuer::start().await;
    issuer.keys().insert(0, SigningKey::es256("older"));
    issuer.knobs().signing = Signing::NoKid;
    assert_eq!(login(&issuer).await.unwrap().subject, "alice");
}

#[tokio::test]
async fn oidcc_client_test_idtoken_sig_rs256() {
    let issuer = Issuer::start_with(SigningKey::rs256("rsa")).await;
    assert_eq!(login(&issuer).await.unwrap().subject, "alice");
}

#[tokio::test]
async fn oidcc_client_test_idtoken_sig_none() {
    assert_eq!(refused_signing(Signing::None).await, "algorithm_unsupported");
}

#[tokio::test]
async fn oidcc_client_test_invalid_sig_rs256() {
    let issuer = Issuer::start_with(SigningKey::rs256("rsa")).await;
    issuer.knobs().token_answer = Some(Box::new(|answer| {
        let token = answer["id_token"].as_str().unwrap();
        let (signed, _) = token.rsplit_once('.').unwrap();
        answer["id_token"] = json!(format!("{signed}.{}", "A".repeat(342)));
    }));
    assert_eq!(login(&issuer).await.unwrap_err().slug(), "signature_invalid");
}

#[tokio::test]
async fn oidcc_client_test_invalid_sig_es256() {
    assert_eq!(refused_signing(Signing::WrongKey).await, "signature_invalid");
}

#[tokio::test]
async fn oidcc_client_test_nonce_invalid() {
    assert_eq!(refused(with("nonce", json!("of another login"))).await, "nonce_differs");
    assert_eq!(refused(without("nonce")).await, "nonce_differs");
}

#[tokio::test]
async fn oidcc_client_test_invalid_athash() {
    assert_eq!(refused(with("at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA"))).await, "access_token_differs");
}

#[tokio::test]
async fn oidcc_client_test_missing_athash() {
    let issuer = Issuer::start().await;
    issuer.knobs().id_token = Some(Box::new(without("at_hash")));
    assert!(login(&issuer).await.is_ok());
}

#[tokio::test]
async fn oidcc_client_test_client_secret_basic() {
    let issuer = Issuer::start().await;
    login(&issuer).await.unwrap();
    let call = &issuer.calls("/token")[0];
    assert!(call.headers["authorization"].to_str().unwrap().starts_with("Basic "));
    assert!(!call.form.contains_key("client_secret"));
}

#[tokio::test]
async fn oidcc_client_test_discovery_issuer_mismatch() {
    let issuer = Issuer::start().await;
    issuer.knobs().metadata = Some(Box::new(with("issuer", json!("https://other.example"))));
    let provider = issuer.provider();
    let request = ostia_oidc::relying_party::login::LoginRequest::default();
    assert_eq!(provider.begin_login(request).await.unwrap_err().slug(), "provider_unavailable");
    assert_eq!(provider.status().last_error.unwrap().slug, "metadata_issuer_mismatch");
}

#[tokio::test]
async fn oidcc_client_test_discovery_jwks_uri_keys() {
    let issuer = Issuer::start().await;
    login(&issuer).await.unwrap();
    assert_eq!(issuer.calls("/jwks").len(), 1);
}

#[tokio::test]
async fn oidcc_client_test_signing_key_rotation() {
    let issuer = Issuer::start().await;
    let provider = issuer.provider();
    for kid in ["key-1", "key-2"] {
        *issuer.keys() = vec![SigningKey::es256(kid)];
        let start = start_login(&provider).await;
        provider.finish_login(&issuer.sign_in(&start), &start.attempt, SystemTime::now()).await.unwrap();
    }
}

#[tokio::test]
async fn oidcc_client_test_signing_key_rotation_just_before_signing() {
    let issuer = Issuer::start().await;
    let provider = issuer.provider();
    let start = start_login(&provider).await;
    issuer.knobs().before_signing = Some(Box::new(|keys| *keys = vec![SigningKey::es256("brand-new")]));
    let signed_in =
        provider.finish_login(&issuer.sign_in(&start), &start.attempt, SystemTime::now()).await.unwrap();
    assert_eq!(signed_in.subject, "alice");
    assert_eq!(issuer.calls("/jwks").len(), 2);
}

#[tokio::test]
async fn oidcc_client_test_userinfo_invalid_sub() {
    let issuer = Issuer::start().await;
    issuer.knobs().userinfo = Some(Box::new(with("sub", json!("mallory"))));
    let mut settings = issuer.settings();
    settings.claims_from = vec![ostia_config::provider::ClaimsSource::UserInfo];
    let provider = ostia_oidc::Provider::with_pace(settings.into(), None, patient()).unwrap();
    let start = start_login(&provider).await;
    let outcome = provider.finish_login(&issuer.sign_in(&start), &start.attempt, SystemTime::now()).await;
    assert_eq!(outcome.unwrap_err().slug(), "userinfo_subject_differs");
}

#[tokio::test]
async fn oidcc_client_test_scope_userinfo_claims() {
    let issuer = Issuer::start().await;
    let mut settings = issuer.settings();
    settings.claims_from = vec![ostia_config::provider::ClaimsSource::UserInfo];
    let provider = ostia_oidc::Provider::with_pace(settings.into(), None, patient()).unwrap();
    let start = start_login(&provider).await;
    let query = issuer.sign_in(&start);
    let signed_in = provider.finish_login(&query, &start.attempt, SystemTime::now()).await.unwrap();
    assert_eq!(signed_in.claims.string("department"), Some("finance"));
    assert_eq!(signed_in.claims.string("email"), Some("alice@example.com"), "userinfo replaces nothing");
    assert_eq!(signed_in.claims.to_map()["groups"], json!(["staff"]));
    let call = &issuer.calls("/userinfo")[0];
    assert!(call.headers["authorization"].to_str().unwrap().starts_with("Bearer access-"));
}

#[tokio::test]
async fn wrong_azp_is_refused() {
    assert_eq!(refused(with("azp", json!("another client"))).await, "authorized_party_differs");
}

#[tokio::test]
async fn expired_or_future_id_token_is_refused() {
    let now = || crate::issuer::seconds(SystemTime::now());
    assert_eq!(refused(with("exp", json!(now() - 300))).await, "token_expired");
    assert_eq!(refused(with("iat", json!(now() + 600))).await, "token_issued_in_future");
    assert_eq!(refused(with("nbf", json!(now() + 600))).await, "token_not_yet_valid");
    assert_eq!(refused(without("exp")).await, "token_claim_missing");
    assert_eq!(refused(with("exp", json!("soon"))).await, "token_claim_malformed");
}

#[tokio::test]
async fn id_token_signed_with_the_newer_name_of_ed25519_is_accepted() {
    let issuer = Issuer::start_with(SigningKey::ed25519("ed")).await;
    assert_eq!(login(&issuer).await.unwrap().subject, "alice");
}

#[tokio::test]
async fn algorithm_that_the_issuer_does_not_list_is_refused() {
    let issuer = Issuer::start().await;
    let listed = with("id_token_signing_alg_values_supported", json!(["RS256"]));
    issuer.knobs().metadata = Some(Box::new(listed));
    assert_eq!(login(&issuer).await.unwrap_err().slug(), "algorithm_not_allowed");
}

#[tokio::test]
async fn oidcc_client_test_discovery_openid_config() {
    let issuer = Issuer::start().await;
    login(&issuer).await.unwrap();
    assert_eq!(issuer.calls("/.well-known/openid-configuration").len(), 1);
    let call = &issuer.calls("/token")[0];
    assert!(
        call.form["redirect_uri"].starts_with("https://"),
        "every endpoint is the one that the document names"
    );
}

#[tokio::test]
async fn oidcc_client_test_invalid_sig_hs256() {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
    let issuer = Issuer::start().await;
    // By the client's secret, which the standard allows and we never asked for.
    issuer.knobs().token_answer = Some(Box::new(|answer| {
        let token = answer["id_token"].as_str().unwrap();
        let claims = token.split('.').nth(1).unwrap();
        let signed = format!("{}.{claims}", BASE64.encode(r#"{"alg":"HS256","kid":"key-1"}"#));
        let key =
            aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, crate::issuer::CLIENT_SECRET.as_bytes());
        let tag = aws_lc_rs::hmac::sign(&key, signed.as_bytes());
        answer["id_token"] = json!(format!("{signed}.{}", BASE64.encode(tag)));
    }));
    assert_eq!(login(&issuer).await.unwrap_err().slug(), "algorithm_unsupported");
}

#[tokio::test]
async fn oidcc_client_test_userinfo_bearer_header() {
    let issuer = Issuer::start().await;
    let mut settings = issuer.settings();
    settings.claims_from = vec![ostia_config::provider::ClaimsSource::UserInfo];
    let provider = ostia_oidc::Provider::with_pace(settings.into(), None, patient()).unwrap();
    let start = start_login(&provider).await;
    provider.finish_login(&issuer.sign_in(&start), &start.attempt, SystemTime::now()).await.unwrap();
    let call = &issuer.calls("/userinfo")[0];
    assert!(call.headers["authorization"].to_str().unwrap().starts_with("Bearer access-"));
    assert!(call.form.is_empty(), "the token is in no body");
}

/// Claims that are elsewhere are not fetched, and what names them is no claim of the person.
async fn claims_of_others(sources: serde_json::Value) {
    let issuer = Issuer::start().await;
    issuer.knobs().id_token = Some(Box::new(move |claims| {
        claims["_claim_names"] = json!({ "shoe_size": "src1" });
        claims["_claim_sources"] = sources.clone();
    }));
    let signed_in = login(&issuer).await.unwrap();
    assert!(signed_in.claims.get("shoe_size").is_none());
    assert!(issuer.calls("/elsewhere").is_empty());
}

#[tokio::test]
async fn oidcc_client_test_aggregated_claims() {
    claims_of_others(json!({ "src1": { "JWT": "e30.eyJzaG9lX3NpemUiOjQyfQ." } })).await;
}

#[tokio::test]
async fn oidcc_client_test_distributed_claims() {
    claims_of_others(json!({ "src1": { "endpoint": "http://127.0.0.1/elsewhere" } })).await;
}

#[tokio::test]
async fn oidcc_client_test_mtls_endpoint_aliases() {
    let issuer = Issuer::start().await;
    issuer.knobs().metadata = Some(Box::new(|m| {
        let alias = format!("{}/token", m["issuer"].as_str().unwrap());
        m["token_endpoint"] = json!("https://not-for-certificates.invalid/token");
        m["mtls_endpoint_aliases"] = json!({ "token_endpoint": alias });
    }));
    let mut settings = issuer.settings();
    let client = settings.client.as_mut().unwrap();
    client.auth_method = ostia_config::provider::ClientAuthMethod::TlsClientAuth;
    let provider = ostia_oidc::Provider::with_pace(settings.into(), None, patient()).unwrap();
    let start = start_login(&provider).await;
    provider.finish_login(&issuer.sign_in(&start), &start.attempt, SystemTime::now()).await.unwrap();
}
