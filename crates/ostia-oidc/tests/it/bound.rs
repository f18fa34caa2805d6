//! L13: tokens that are bound to a key (RFC 9449), from the code exchange through every refresh.

use std::sync::Arc;
use std::time::SystemTime;

use ostia_config::Secret;
use ostia_identity::Claims;
use ostia_oidc::Provider;
use ostia_oidc::relying_party::callback::{CallbackRefused, SignedIn};
use ostia_oidc::relying_party::refresh::{RefreshRefused, RefreshRequest, Refreshed};
use serde_json::{Value, json};

use crate::issuer::{Issuer, patient, start_login};
use crate::strict::claims;

/// An issuer that binds what it gives, and a provider that asks for it.
async fn binding() -> (Issuer, Arc<Provider>) {
    let issuer = Issuer::start().await;
    issuer.knobs().token_answer = Some(Box::new(|answer| answer["token_type"] = json!("DPoP")));
    let provider = asking(&issuer);
    (issuer, provider)
}

fn asking(issuer: &Issuer) -> Arc<Provider> {
    let mut settings = issuer.settings();
    settings.client.as_mut().unwrap().ways.dpop = true;
    settings.claims_from = vec![ostia_config::provider::ClaimsSource::UserInfo];
    Provider::with_pace(settings.into(), None, patient()).unwrap()
}

async fn login(issuer: &Issuer, provider: &Arc<Provider>) -> Result<SignedIn, CallbackRefused> {
    let start = start_login(provider).await;
    provider.finish_login(&issuer.sign_in(&start), &start.attempt, SystemTime::now()).await
}

async fn refresh(provider: &Arc<Provider>, signed_in: &SignedIn) -> Result<Refreshed, RefreshRefused> {
    let refresh_token: &Secret<String> = signed_in.refresh_token.as_ref().unwrap();
    let claims = Claims::default();
    let request = RefreshRequest {
        refresh_token,
        subject: "alice",
        auth_time: None,
        claims: &claims,
        proof_key: signed_in.proof_key.as_ref(),
    };
    provider.refresh(request, SystemTime::now()).await
}

/// Header and claims of the proof of a call.
fn proof(issuer: &Issuer, path: &str, number: usize) -> (Value, Value) {
    let call = &issuer.calls(path)[number];
    let text = call.headers["dpop"].to_str().unwrap();
    (claims(text, 0), claims(text, 1))
}

#[tokio::test]
async fn code_userinfo_and_refresh_show_one_key_and_each_login_another() {
    let (issuer, provider) = binding().await;
    let signed_in = login(&issuer, &provider).await.unwrap();
    let (header, said) = proof(&issuer, "/token", 0);
    assert_eq!((&header["typ"], &header["alg"]), (&json!("dpop+jwt"), &json!("ES256")));
    assert!(header["jwk"].get("d").is_none(), "the private half stays here");
    assert_eq!(said["htu"], format!("{}/token", issuer.shared.issuer));
    let call = &issuer.calls("/userinfo")[0];
    assert!(call.headers["authorization"].to_str().unwrap().starts_with("DPoP access-"));
    let (at_userinfo, said) = proof(&issuer, "/userinfo", 0);
    assert_eq!(at_userinfo["jwk"], header["jwk"]);
    assert!(said["ath"].is_string());
    // Another node, which has nothing but the session.
    refresh(&asking(&issuer), &signed_in).await.unwrap();
    assert_eq!(proof(&issuer, "/token", 1).0["jwk"], header["jwk"]);
    let other = login(&issuer, &provider).await.unwrap();
    assert_ne!(proof(&issuer, "/token", 2).0["jwk"], header["jwk"]);
    assert_ne!(other.proof_key, signed_in.proof_key);
}

#[tokio::test]
async fn a_nonce_of_the_server_is_learned_by_one_more_question_and_kept() {
    let (issuer, provider) = binding().await;
    issuer.knobs().strict.nonce = Some("n-1".to_owned());
    let signed_in = login(&issuer, &provider).await.unwrap();
    assert_eq!((issuer.calls("/token").len(), issuer.calls("/userinfo").len()), (2, 2));
    let signed_in = SignedIn {
        refresh_token: refresh(&provider, &signed_in).await.ok().map(|r| r.refresh_token),
        ..signed_in
    };
    assert_eq!(issuer.calls("/token").len(), 3, "known from now on");
    // A new one is learned the same way, and the refresh token is spent once.
    issuer.knobs().strict.nonce = Some("n-2".to_owned());
    refresh(&provider, &signed_in).await.unwrap();
    assert_eq!(issuer.calls("/token").len(), 5);
    assert_eq!(proof(&issuer, "/token", 4).1["nonce"], "n-2");
}

#[tokio::test]
async fn an_issuer_that_is_never_content_with_a_nonce_is_asked_twice_and_the_session_goes_on() {
    let (issuer, provider) = binding().await;
    let signed_in = login(&issuer, &provider).await.unwrap();
    let before = issuer.calls("/token").len();
    issuer.reply("/token", crate::issuer::Reply::Status(400, r#"{"error":"use_dpop_nonce"}"#));
    let refused = refresh(&provider, &signed_in).await.unwrap_err();
    assert!(!refused.is_end() && !refused.may_have_spent_the_token(), "{refused:?}");
    assert_eq!(
        issuer.calls("/token").len(),
        before + 1,
        "without a nonce there is nothing to try again with"
    );
}

#[tokio::test]
async fn tokens_that_are_not_bound_make_no_session_and_bound_ones_none_that_did_not_ask() {
    let (issuer, provider) = binding().await;
    issuer.knobs().token_answer = None;
    assert_eq!(login(&issuer, &provider).await.unwrap_err().slug(), "token_type_not_dpop");
    issuer.knobs().token_answer = Some(Box::new(|answer| answer["token_type"] = json!("DPoP")));
    assert_eq!(login(&issuer, &issuer.provider()).await.unwrap_err().slug(), "token_type_not_bearer");
}
