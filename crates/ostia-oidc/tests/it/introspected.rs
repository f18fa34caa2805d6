//! `claims_from: [id_token, introspection]`: what the issuer says about the access token of a sign-in.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ostia_config::Secret;
use ostia_config::provider::{ClaimsSource, Introspection};
use ostia_oidc::Provider;
use ostia_oidc::relying_party::callback::{CallbackRefused, SignedIn};
use serde_json::{Value, json};

use crate::issuer::{Issuer, Reply, patient, start_login};
use crate::refresh::refresh;

fn asking(issuer: &Issuer) -> Arc<Provider> {
    let mut settings = issuer.settings();
    settings.claims_from = vec![ClaimsSource::Introspection];
    settings.introspection = Some(Introspection {
        client_id: "ostia-rs".to_owned(),
        client_secret: Secret::new("the-secret-of-the-resource-server".to_owned()),
        cache: Duration::from_secs(30),
    });
    Provider::with_pace(settings.into(), None, patient()).unwrap()
}

/// Says of every token that it is alice's, with `edit` put over it.
fn answer_with(issuer: &Issuer, edit: impl Fn(&mut Value) + Send + Sync + 'static) {
    issuer.knobs().introspection = Some(Box::new(move |answer| {
        *answer = json!({
            "active": true, "sub": "alice", "client_id": "app", "scope": "openid", "token_type": "Bearer",
            "department": "finance", "groups": ["of-introspection"], "auth_time": 1,
        });
        edit(answer);
    }));
}

async fn login(issuer: &Issuer, provider: &Arc<Provider>) -> Result<SignedIn, CallbackRefused> {
    let start = start_login(provider).await;
    provider.finish_login(&issuer.sign_in(&start), &start.attempt, SystemTime::now()).await
}

#[tokio::test]
async fn what_the_issuer_says_about_the_token_is_added_and_replaces_nothing() {
    let issuer = Issuer::start().await;
    answer_with(&issuer, |_| {});
    let signed_in = login(&issuer, &asking(&issuer)).await.unwrap();
    let claims = signed_in.claims.to_map();
    assert_eq!((&claims["department"], &claims["groups"]), (&json!("finance"), &json!(["staff"])));
    for of_the_token in ["active", "client_id", "scope", "token_type"] {
        assert!(!claims.contains_key(of_the_token), "{of_the_token}");
    }
    assert_ne!(claims.get("auth_time"), Some(&json!(1)), "only an ID token says that");
    let call = &issuer.calls("/introspect")[0];
    assert!(call.form["token"].starts_with("access-"), "{:?}", call.form.keys());
    assert!(call.headers["authorization"].to_str().unwrap().starts_with("Basic "));
}

#[tokio::test]
async fn an_answer_that_cannot_be_used_lets_nobody_sign_in() {
    for (what, member, value, slug) in [
        ("not active", "active", json!(false), "introspection_not_active"),
        ("no verdict", "active", json!("true"), "introspection_not_active"),
        ("about another", "sub", json!("mallory"), "introspection_subject_differs"),
        ("about nobody", "sub", json!(null), "introspection_subject_differs"),
    ] {
        let issuer = Issuer::start().await;
        answer_with(&issuer, move |answer| answer[member] = value.clone());
        assert_eq!(login(&issuer, &asking(&issuer)).await.unwrap_err().slug(), slug, "{what}");
    }
    for (status, slug) in [(401, "introspection_client_refused"), (500, "issuer_status")] {
        let issuer = Issuer::start().await;
        issuer.reply("/introspect", Reply::Status(status, ""));
        assert_eq!(login(&issuer, &asking(&issuer)).await.unwrap_err().slug(), slug, "{status}");
    }
}

#[tokio::test]
async fn it_is_asked_again_at_each_refresh_and_an_outage_leaves_the_claims() {
    let issuer = Issuer::start().await;
    issuer.seed_refresh("first");
    answer_with(&issuer, |answer| answer["department"] = json!("audit"));
    let provider = asking(&issuer);
    let refreshed = refresh(&provider, "first").await.unwrap();
    assert_eq!(refreshed.claims.unwrap().to_map()["department"], "audit");
    issuer.reply("/introspect", Reply::Status(500, ""));
    let next = refresh(&provider, refreshed.refresh_token.reveal()).await.unwrap();
    assert!(next.claims.is_none(), "the claims stay as they were");
}
