//! Opaque tokens (RFC 7662): what is asked, how often, and what happens when nobody answers.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use ostia_config::Secret;
use ostia_config::provider::Introspection;
use ostia_oidc::Provider;
use serde_json::{Value, json};

use crate::issuer::{AUDIENCE, Issuer, Reply, patient, seconds};

const TOKEN: &str = "opaque-token_1~2/3+4=";

fn asking(issuer: &Issuer, edit: impl Fn(&mut ostia_config::Provider)) -> Arc<Provider> {
    let mut settings = issuer.settings();
    settings.client = None;
    settings.audiences = Vec::new();
    settings.introspection = Some(Introspection {
        client_id: "ostia rs".to_owned(),
        client_secret: Secret::new("s3cret:of%the+resource server".to_owned()),
        cache: Duration::from_secs(30),
    });
    edit(&mut settings);
    Provider::with_pace(Arc::new(settings), None, patient()).unwrap()
}

fn answer_with(issuer: &Issuer, edit: impl Fn(&mut Value) + Send + Sync + 'static) {
    issuer.knobs().introspection = Some(Box::new(edit));
}

#[tokio::test]
async fn the_issuer_is_asked_by_an_authenticated_client_and_its_answer_counts() {
    let issuer = Issuer::start().await;
    let provider = asking(&issuer, |_| {});
    let verified = provider.verify_bearer(TOKEN, SystemTime::now()).await.unwrap();
    assert_eq!(&*verified.identity.subject, "robot");
    assert_eq!(&*verified.identity.provider, "corp");
    assert_eq!(verified.identity.scopes, ["orders.read", "orders.write"]);
    assert!(verified.key.is_none());
    let calls = issuer.calls("/introspect");
    let [call] = calls.as_slice() else { panic!("{} calls", calls.len()) };
    assert_eq!(call.form["token"], TOKEN);
    assert_eq!(call.form["token_type_hint"], "access_token");
    assert_eq!(call.headers[CONTENT_TYPE], "application/x-www-form-urlencoded");
    let basic = call.headers[AUTHORIZATION].to_str().unwrap().strip_prefix("Basic ").unwrap();
    let pair = String::from_utf8(BASE64_STANDARD.decode(basic).unwrap()).unwrap();
    assert_eq!(pair, "ostia+rs:s3cret%3Aof%25the%2Bresource+server");
}

#[tokio::test]
async fn what_the_issuer_does_not_vouch_for_is_refused() {
    let issuer = Issuer::start().await;
    for (name, member, value, slug) in [
        ("inactive", "active", json!(false), "token_inactive"),
        ("no verdict", "active", json!(null), "token_inactive"),
        ("of another issuer", "iss", json!("https://evil.example"), "issuer_differs"),
        ("for somebody else", "aud", json!("https://other.example"), "audience_differs"),
        ("expired all the same", "exp", json!(seconds(SystemTime::now()) - 61), "token_expired"),
        ("bound in an unknown way", "cnf", json!({"kid": "x"}), "token_confirmation_unsupported"),
    ] {
        answer_with(&issuer, move |answer| answer[member] = value.clone());
        let refused = asking(&issuer, |_| {}).verify_bearer(TOKEN, SystemTime::now()).await.unwrap_err();
        assert_eq!((refused.slug(), refused.status().as_u16()), (slug, 401), "{name}");
    }
    answer_with(&issuer, |answer| answer["aud"] = json!("ostia rs"));
    assert!(
        asking(&issuer, |_| {}).verify_bearer(TOKEN, SystemTime::now()).await.is_ok(),
        "for the asking client"
    );
    let ours = asking(&issuer, |settings| settings.audiences = vec![AUDIENCE.to_owned()]);
    assert_eq!(ours.verify_bearer(TOKEN, SystemTime::now()).await.unwrap_err().slug(), "audience_differs");
}

#[tokio::test]
async fn a_hundred_requests_with_one_token_make_one_call() {
    let issuer = Issuer::start().await;
    let (open, gate) = tokio::sync::watch::channel(false);
    issuer.reply("/introspect", Reply::Held(gate));
    let provider = asking(&issuer, |_| {});
    let now = SystemTime::now();
    let requests: Vec<_> = (0..100)
        .map(|_| {
            let provider = Arc::clone(&provider);
            tokio::spawn(async move { provider.verify_bearer(TOKEN, now).await.is_ok() })
        })
        .collect();
    open.send(true).unwrap();
    for request in requests {
        assert!(request.await.unwrap());
    }
    assert_eq!(issuer.calls("/introspect").len(), 1);
    assert!(provider.verify_bearer("another", now).await.is_ok());
    assert_eq!(issuer.calls("/introspect").len(), 2);
}

#[tokio::test]
async fn an_answer_counts_for_as_long_as_the_configuration_says() {
    let issuer = Issuer::start().await;
    let provider = asking(&issuer, |_| {});
    let now = SystemTime::now();
    let verified = provider.verify_bearer(TOKEN, now).await.unwrap();
    let holds = verified.not_after.duration_since(now).unwrap();
    assert!(holds <= Duration::from_secs(31), "{holds:?}");
    let again = provider.verify_bearer(TOKEN, now + Duration::from_secs(20)).await.unwrap();
    assert_eq!(again.not_after, verified.not_after, "a repeated look prolongs nothing");
    assert_eq!(issuer.calls("/introspect").len(), 1);
    answer_with(&issuer, |answer| answer["active"] = json!(false));
    let later = now + Duration::from_secs(32);
    assert_eq!(provider.verify_bearer(TOKEN, later).await.unwrap_err().slug(), "token_inactive");
    assert_eq!(issuer.calls("/introspect").len(), 2);
    assert!(provider.verify_bearer(TOKEN, later).await.is_err());
    assert_eq!(issuer.calls("/introspect").len(), 2, "no is remembered too");
    answer_with(&issuer, |_| {});
    assert!(provider.verify_bearer(TOKEN, later + Duration::from_secs(6)).await.is_ok(), "but not for long");
}

#[tokio::test]
async fn when_the_issuer_does_not_answer_nobody_enters_and_it_is_not_asked_at_once_again() {
    let issuer = Issuer::start().await;
    for (reply, slug) in [
        (Reply::Status(500, "{}"), "issuer_status"),
        (Reply::Status(401, "{}"), "introspection_client_refused"),
        (Reply::Status(200, "[]"), "introspection_malformed"),
        (Reply::Status(200, "{\"active\":true,\"active\":true}"), "introspection_malformed"),
        (Reply::Huge { bytes: 65 * 1024, announced: true }, "issuer_body_too_large"),
        (Reply::Redirect("https://evil.example".to_owned()), "issuer_redirected"),
    ] {
        issuer.reply("/introspect", reply);
        let provider = asking(&issuer, |_| {});
        let before = issuer.calls("/introspect").len();
        let refused = provider.verify_bearer(TOKEN, SystemTime::now()).await.unwrap_err();
        assert_eq!((refused.slug(), refused.status().as_u16()), (slug, 503));
        assert!(refused.challenge("r").is_none());
        let _ = provider.verify_bearer("another", SystemTime::now()).await.unwrap_err();
        assert_eq!(issuer.calls("/introspect").len(), before + 1, "{slug}");
    }
    issuer.knobs().metadata = Some(Box::new(|document| document["introspection_endpoint"] = json!(null)));
    let refused = asking(&issuer, |_| {}).verify_bearer(TOKEN, SystemTime::now()).await.unwrap_err();
    assert_eq!(refused.slug(), "introspection_endpoint_missing");
}

#[tokio::test]
async fn what_cannot_be_a_token_is_shown_to_nobody() {
    let issuer = Issuer::start().await;
    let provider = asking(&issuer, |_| {});
    for text in ["", "=", "a b", "a&token=b", "a\"b", "é", "a,b"] {
        assert_eq!(
            provider.verify_bearer(text, SystemTime::now()).await.unwrap_err().slug(),
            "token_malformed"
        );
    }
    assert!(issuer.calls("/introspect").is_empty());
}

#[tokio::test]
async fn jwts_are_checked_here_where_the_provider_has_an_audience() {
    let issuer = Issuer::start().await;
    let both = asking(&issuer, |settings| settings.audiences = vec![AUDIENCE.to_owned()]);
    assert!(both.verify_bearer(&issuer.access_token(|_| {}), SystemTime::now()).await.unwrap().key.is_some());
    assert!(issuer.calls("/introspect").is_empty());
    assert!(both.verify_bearer(TOKEN, SystemTime::now()).await.unwrap().key.is_none());
    let only = asking(&issuer, |_| {});
    assert!(only.verify_bearer(&issuer.access_token(|_| {}), SystemTime::now()).await.unwrap().key.is_none());
}
