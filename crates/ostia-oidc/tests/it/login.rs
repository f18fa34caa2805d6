//! The start of a login, its good end, and the way out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ostia_config::provider::ClientAuthMethod;
use ostia_oidc::Provider;
use ostia_oidc::relying_party::login::LoginRequest;
use ostia_oidc::relying_party::logout::LogoutRequest;
use serde_json::json;

use crate::issuer::{CLIENT_ID, CLIENT_SECRET, Issuer, REDIRECT_URI, patient, seconds, start_login};

fn query_of(url: &str) -> (url::Url, HashMap<String, Vec<String>>) {
    let url = url::Url::parse(url).unwrap();
    let mut query: HashMap<String, Vec<String>> = HashMap::new();
    for (name, value) in url.query_pairs().into_owned() {
        query.entry(name).or_default().push(value);
    }
    (url, query)
}

#[tokio::test]
async fn every_parameter_of_the_authorization_request_is_there_once() {
    let issuer = Issuer::start().await;
    let mut settings = issuer.settings();
    let more = [
        ("audience", "api"),
        ("prompt", "consent"),
        ("state", "fixed"),
        ("acr_values", "weak"),
        ("max_age", "1800"),
    ];
    let client = settings.client.as_mut().unwrap();
    client.authorize_params = more.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let provider = Provider::with_pace(settings.into(), None, patient()).unwrap();
    let redirect_uri = "https://App.example.com:443/.ostia/callback?x=%2f";
    let request = LoginRequest {
        redirect_uri,
        prompt: Some("login"),
        login_hint: Some("a&b"),
        acr_values: &["phr".to_owned(), "phrh".to_owned()],
        max_age: Some(Duration::from_secs(900)),
        ..LoginRequest::default()
    };
    let start = provider.begin_login(request).await.unwrap();

    let (url, mut query) = query_of(&start.url);
    assert_eq!(url.path(), "/auth");
    assert!(query.values().all(|values| values.len() == 1), "{query:?}");
    let mut one = |name: &str| query.remove(name).unwrap().remove(0);
    assert_eq!(one("tenant"), "1", "what the endpoint's own URL brings");
    assert_eq!(one("response_type"), "code");
    assert_eq!(one("client_id"), CLIENT_ID);
    assert_eq!(one("redirect_uri"), redirect_uri, "byte for byte");
    assert_eq!(one("scope"), "openid email offline_access");
    assert_eq!(one("audience"), "api");
    assert_eq!(one("prompt"), "login");
    assert_eq!(one("login_hint"), "a&b");
    assert_eq!((one("acr_values"), one("max_age")), ("phr phrh".to_owned(), "900".to_owned()));
    assert_eq!(one("code_challenge_method"), "S256");
    assert_eq!(one("code_challenge"), crate::key::s256(start.attempt.verifier.reveal()));
    assert_eq!(one("state"), start.attempt.state);
    assert_eq!(one("nonce"), start.attempt.nonce);
    assert!(query.is_empty(), "{query:?}");
    assert!(start.attempt.state.len() >= 22 && start.attempt.nonce.len() >= 22);
    assert_eq!(start.attempt.verifier.reveal().len(), 43);
}

#[tokio::test]
async fn each_attempt_has_its_own_state_nonce_and_verifier() {
    let issuer = Issuer::start().await;
    let provider = issuer.provider();
    let (one, two) = (start_login(&provider).await.attempt, start_login(&provider).await.attempt);
    assert!(one.state != two.state && one.nonce != two.nonce && one.verifier != two.verifier);
    assert_ne!(one.state, one.nonce);
    assert!(!format!("{one:?}").contains(one.verifier.reveal()));
}

#[tokio::test]
async fn a_state_that_the_caller_chose_is_the_one_that_is_sent() {
    let issuer = Issuer::start().await;
    let request =
        LoginRequest { redirect_uri: REDIRECT_URI, state: Some("a+b/c="), ..LoginRequest::default() };
    let start = issuer.provider().begin_login(request).await.unwrap();
    assert_eq!(start.attempt.state, "a+b/c=");
    assert_eq!(query_of(&start.url).1["state"], ["a+b/c="]);
}

#[tokio::test]
async fn a_login_yields_the_tokens_and_claims_of_the_answer() {
    let issuer = Issuer::start().await;
    let provider = issuer.provider();
    let start = start_login(&provider).await;
    let now = SystemTime::now();
    let signed_in = provider.finish_login(&issuer.sign_in(&start), &start.attempt, now).await.unwrap();
    assert_eq!(signed_in.claims.string("email"), Some("alice@example.com"));
    assert_eq!(signed_in.scopes, ["openid", "email"]);
    assert_eq!(signed_in.access_expires_at, Some(now + Duration::from_secs(3600)));
    assert!(signed_in.access_token.reveal().starts_with("access-"));
    assert!(signed_in.refresh_token.unwrap().reveal().starts_with("refresh-"));
    assert!(seconds(signed_in.auth_time.unwrap()).abs_diff(seconds(now)) <= 12);
    let call = &issuer.calls("/token")[0];
    assert_eq!(call.form["grant_type"], "authorization_code");
    assert_eq!(call.form["redirect_uri"], REDIRECT_URI);
    assert_eq!(call.form["code_verifier"], *start.attempt.verifier.reveal());
    assert_eq!(provider.counters().logins, 1);
}

#[tokio::test]
async fn scopes_are_those_asked_for_when_the_answer_names_none() {
    let issuer = Issuer::start().await;
    issuer.knobs().token_answer = Some(Box::new(|answer| {
        answer
            .as_object_mut()
            .unwrap()
            .retain(|name, _| !["scope", "refresh_token", "expires_in"].contains(&name.as_str()));
    }));
    let provider = issuer.provider();
    let start = start_login(&provider).await;
    let query = issuer.sign_in(&start);
    let signed_in = provider.finish_login(&query, &start.attempt, SystemTime::now()).await.unwrap();
    assert_eq!(signed_in.scopes, ["openid", "email", "offline_access"]);
    assert!(signed_in.refresh_token.is_none() && signed_in.access_expires_at.is_none());
}

#[tokio::test]
async fn client_authentication_is_the_one_that_is_configured() {
    for (method, in_form) in [(ClientAuthMethod::Post, Some(CLIENT_SECRET)), (ClientAuthMethod::None, None)] {
        let issuer = Issuer::start().await;
        let mut settings = issuer.settings();
        settings.client.as_mut().unwrap().auth_method = method;
        let provider = Provider::with_pace(settings.into(), None, patient()).unwrap();
        let start = start_login(&provider).await;
        provider.finish_login(&issuer.sign_in(&start), &start.attempt, SystemTime::now()).await.unwrap();
        let call = &issuer.calls("/token")[0];
        assert!(!call.headers.contains_key("authorization"), "{method:?}");
        assert_eq!(call.form["client_id"], CLIENT_ID);
        assert_eq!(call.form.get("client_secret").map(String::as_str), in_form, "{method:?}");
    }
}

#[tokio::test]
async fn groups_are_gathered_from_userinfo_too() {
    let issuer = Issuer::start().await;
    issuer.knobs().userinfo = Some(Box::new(|claims| claims["realm_access"] = json!({"roles": ["/audit"]})));
    let mut settings = issuer.settings();
    settings.claims_from = vec![ostia_config::provider::ClaimsSource::UserInfo];
    settings.groups.claims = ["groups", "realm_access.roles"]
        .map(|path| ostia_config::policy::ClaimPath::parse(path).unwrap())
        .to_vec();
    settings.groups.strip_prefix = Some("/".to_owned());
    let provider = Provider::with_pace(settings.into(), None, patient()).unwrap();
    let start = start_login(&provider).await;
    let query = issuer.sign_in(&start);
    let signed_in = provider.finish_login(&query, &start.attempt, SystemTime::now()).await.unwrap();
    assert_eq!(signed_in.claims.to_map()["groups"], json!(["staff", "audit"]));
}

#[tokio::test]
async fn a_provider_without_client_signs_nobody_in() {
    let issuer = Issuer::start().await;
    let mut settings = issuer.settings();
    settings.client = None;
    let provider = Provider::with_pace(Arc::new(settings), None, patient()).unwrap();
    let refused = provider.begin_login(LoginRequest::default()).await.unwrap_err();
    assert_eq!(refused.slug(), "provider_without_client");
    assert_eq!(provider.end_session_url(LogoutRequest::default()), None);
}

#[tokio::test]
async fn the_end_session_url_names_client_hint_and_return() {
    let issuer = Issuer::start().await;
    let provider = issuer.provider();
    let request = LogoutRequest {
        id_token_hint: Some("a.b.c"),
        post_logout_redirect_uri: Some("https://app.example.com/.ostia/signed-out?x=1&y=2"),
        state: Some("s&t"),
    };
    assert_eq!(provider.end_session_url(request), None, "not before the metadata is there");
    start_login(&provider).await;
    let (url, query) = query_of(&provider.end_session_url(request).unwrap());
    assert_eq!(url.path(), "/end");
    let expected = [
        ("client_id", CLIENT_ID),
        ("id_token_hint", "a.b.c"),
        ("post_logout_redirect_uri", "https://app.example.com/.ostia/signed-out?x=1&y=2"),
        ("state", "s&t"),
    ];
    assert_eq!(query, expected.map(|(name, value)| (name.to_owned(), vec![value.to_owned()])).into());
}

#[tokio::test]
async fn without_end_session_endpoint_there_is_no_url() {
    let issuer = Issuer::start().await;
    issuer.knobs().metadata = Some(Box::new(|metadata| {
        metadata.as_object_mut().unwrap().remove("end_session_endpoint");
    }));
    let provider = issuer.provider();
    start_login(&provider).await;
    assert_eq!(provider.end_session_url(LogoutRequest::default()), None);
}
