//! `oidcc-client-formpost-basic-certification-test-plan`: the basic plan with `response_mode=form_post`, each module under
//! its name; and `form-post-error` of the comprehensive plan.

use std::sync::Arc;

use ostia_testkit::{Behaviour, IdTokenSigning, Page, RsaSigner, Signer};
use serde_json::{Value, json};

use super::Party;
use crate::world::{APP, World, has_session};

const KEYS: &str = "  response_mode: form_post\n";
const USERINFO: &str = "  response_mode: form_post\n  claims_from: [id_token, userinfo]\n";

/// Both hops of a form: the provider's and our own.
async fn by_form(party: &Party) -> Page {
    let page = party.browser.visit(&format!("{APP}/x")).await;
    let page = party.browser.submit_from_elsewhere(&page.form().unwrap()).await;
    party.browser.submit(&page.form().unwrap()).await
}

/// A login at a provider that behaves so from the start.
async fn login(keys: &str, behave: impl FnOnce(&mut Behaviour)) -> (Party, Page) {
    let world = World::new().await;
    world.provider.behave(behave);
    let party = Party::start_beside(world, keys).await;
    let page = by_form(&party).await;
    assert_eq!(party.world.provider.calls("/authorize")[0]["response_mode"], "form_post");
    (party, page)
}

async fn accepted(keys: &str, behave: impl FnOnce(&mut Behaviour)) -> Party {
    let (party, page) = login(keys, behave).await;
    assert_eq!((page.status, page.path_and_query()), (200, "/x"), "{}", page.text());
    assert!(has_session(&party.browser));
    party
}

async fn refused(keys: &str, reason: &str, behave: impl FnOnce(&mut Behaviour)) {
    let (party, page) = login(keys, behave).await;
    assert!((400..600).contains(&page.status), "{}", page.status);
    assert!(page.text().contains(&format!("<footer>{reason} ")), "{}", page.text());
    assert!(!has_session(&party.browser) && party.world.app.count() == 0);
}

/// An ID token with `edit` put over its claims; null removes one.
fn claims(edit: Value) -> impl FnOnce(&mut Behaviour) {
    move |behaviour| behaviour.id_token = edit.as_object().unwrap().clone()
}

fn signing(signing: IdTokenSigning) -> impl FnOnce(&mut Behaviour) {
    move |behaviour| behaviour.signing = signing
}

fn rsa() -> Arc<RsaSigner> {
    Arc::new(RsaSigner::new("rsa-1"))
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_client_test_form_post() {
    accepted(KEYS, |_| {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_client_test_form_post_invalid_iss() {
    refused(KEYS, "issuer_differs", claims(json!({ "iss": "https://other.example" }))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_client_test_form_post_missing_sub() {
    refused(KEYS, "token_claim_missing", claims(json!({ "sub": null }))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_client_test_form_post_invalid_aud() {
    refused(KEYS, "audience_differs", claims(json!({ "aud": "another-client" }))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_client_test_form_post_missing_iat() {
    refused(KEYS, "token_claim_missing", claims(json!({ "iat": null }))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_client_test_form_post_kid_absent_single_jwks() {
    accepted(KEYS, signing(IdTokenSigning::WithoutKeyId)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_client_test_form_post_kid_absent_multiple_jwks() {
    accepted(KEYS, |behaviour| {
        behaviour.signing = IdTokenSigning::WithoutKeyId;
        behaviour.other_keys = vec![Signer::new("older").jwk(), Signer::new("oldest").jwk()];
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_client_test_form_post_idtoken_sig_rs256() {
    accepted(KEYS, signing(IdTokenSigning::Rsa(rsa()))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_client_test_form_post_idtoken_sig_none() {
    refused(KEYS, "algorithm_unsupported", signing(IdTokenSigning::None)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_client_test_form_post_invalid_sig_rs256() {
    refused(KEYS, "signature_invalid", signing(IdTokenSigning::RsaThenChanged(rsa()))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_client_test_form_post_userinfo_invalid_sub() {
    refused(USERINFO, "userinfo_subject_differs", |behaviour| {
        behaviour.userinfo.insert("sub".to_owned(), json!("mallory"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_client_test_form_post_nonce_invalid() {
    refused(KEYS, "nonce_differs", claims(json!({ "nonce": "of-another-login-entirely" }))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_client_test_form_post_scope_userinfo_claims() {
    let party = accepted(USERINFO, |behaviour| {
        behaviour.userinfo.insert("name".to_owned(), json!("Ana of the directory"));
    })
    .await;
    let told = party.browser.fetch(&format!("{APP}/.ostia/whoami")).await.json();
    assert_eq!(told["name"], "Ana of the directory", "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_client_test_form_post_client_secret_basic() {
    // The provider takes nothing else, and the secret is in no body.
    let party = accepted(KEYS, |_| {}).await;
    let called = &party.world.provider.calls("/token")[0];
    assert!(called.contains_key("code") && !called.contains_key("client_secret"), "{:?}", called.keys());
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_client_test_form_post_error() {
    let keys = "  response_mode: form_post\n  authorize_params: { prompt: none, max_age: \"0\" }\n";
    let (party, page) =
        login(keys, |behaviour| behaviour.authorization_error = Some("login_required".to_owned())).await;
    assert_eq!((page.status, page.url.path()), (401, "/.ostia/callback"), "{}", page.text());
    let asked = &party.world.provider.calls("/authorize")[0];
    assert_eq!((asked["prompt"].as_str(), asked["max_age"].as_str()), ("none", "0"));
    assert!(!has_session(&party.browser));
}
