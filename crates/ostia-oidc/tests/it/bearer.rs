//! Bearer tokens: the rules are `ostia-identity`'s; that they are applied, and what is answered, is shown here.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ostia_oidc::Provider;
use serde_json::{Value, json};

use crate::issuer::{CLIENT_ID, Issuer, Reply, patient, seconds, start_login};

#[tokio::test]
async fn a_good_token_says_who_comes() {
    let issuer = Issuer::start().await;
    let provider = issuer.provider();
    let verified = provider.verify_bearer(&issuer.access_token(|_| {}), SystemTime::now()).await.unwrap();
    assert_eq!(&*verified.identity.subject, "robot");
    assert_eq!(&*verified.identity.issuer, issuer.shared.issuer);
    assert_eq!(&*verified.identity.provider, "corp");
    assert_eq!(verified.identity.scopes, ["orders.read", "orders.write"]);
    assert_eq!(verified.client_id.as_deref(), Some("robot"));
    assert!(verified.key.unwrap().is_live());
    assert_eq!(provider.counters().bearers, 1);
}

#[tokio::test]
async fn every_wrong_token_is_refused_with_its_reason() {
    let issuer = Issuer::start().await;
    let provider = issuer.provider();
    let now = SystemTime::now();
    let at = seconds(now);
    let set = |claim: &'static str, value: Value| move |claims: &mut Value| claims[claim] = value.clone();
    let remove = |claim: &'static str| {
        move |claims: &mut Value| {
            claims.as_object_mut().unwrap().remove(claim);
        }
    };
    type Edit = Box<dyn Fn(&mut Value)>;
    let cases: [(&str, Edit, &str); 8] = [
        ("of another issuer", Box::new(set("iss", json!("https://evil.example"))), "issuer_differs"),
        ("for somebody else", Box::new(set("aud", json!("https://other.example"))), "audience_differs"),
        ("for our client", Box::new(set("aud", json!(CLIENT_ID))), "audience_differs"),
        ("without issuer", Box::new(remove("iss")), "token_claim_missing"),
        ("without audience", Box::new(remove("aud")), "token_claim_missing"),
        ("without end", Box::new(remove("exp")), "token_claim_missing"),
        ("expired", Box::new(set("exp", json!(at - 61))), "token_expired"),
        ("without subject", Box::new(remove("sub")), "token_claim_missing"),
    ];
    for (name, edit, slug) in cases {
        let refused = provider.verify_bearer(&issuer.access_token(edit), now).await.unwrap_err();
        assert_eq!((refused.slug(), refused.status().as_u16()), (slug, 401), "{name}");
    }
    for (text, slug) in
        [("", "token_not_compact"), ("a.b", "token_not_compact"), ("a.b.c.d.e", "token_encrypted")]
    {
        assert_eq!(provider.verify_bearer(text, now).await.unwrap_err().slug(), slug);
    }
}

#[tokio::test]
async fn an_id_token_is_no_access_token() {
    let issuer = Issuer::start().await;
    issuer.knobs().id_token = Some(Box::new(|claims| claims["aud"] = json!(CLIENT_ID)));
    let mut settings = issuer.settings();
    settings.audiences = vec![CLIENT_ID.to_owned()];
    settings.access_token_types.push("jwt".to_owned());
    let provider = Provider::with_pace(Arc::new(settings), None, patient()).unwrap();
    let start = start_login(&provider).await;
    let query = issuer.sign_in(&start);
    let signed_in = provider.finish_login(&query, &start.attempt, SystemTime::now()).await.unwrap();
    let refused = provider.verify_bearer(signed_in.id_token.reveal(), SystemTime::now()).await.unwrap_err();
    assert_eq!(refused.slug(), "token_of_other_kind");
}

#[tokio::test]
async fn without_audience_no_token_is_accepted() {
    let issuer = Issuer::start().await;
    let mut settings = issuer.settings();
    settings.audiences.clear();
    let provider = Provider::with_pace(Arc::new(settings), None, patient()).unwrap();
    assert!(!provider.accepts_bearers());
    let refused = provider.verify_bearer(&issuer.access_token(|_| {}), SystemTime::now()).await.unwrap_err();
    assert_eq!((refused.slug(), refused.status().as_u16()), ("bearer_not_accepted", 401));
    assert!(issuer.calls("/jwks").is_empty());
}

#[tokio::test]
async fn keys_that_were_never_loaded_are_no_reason_for_a_401() {
    let issuer = Issuer::start().await;
    issuer.reply("/jwks", Reply::Status(500, ""));
    let provider = issuer.provider();
    let refused = provider.verify_bearer(&issuer.access_token(|_| {}), SystemTime::now()).await.unwrap_err();
    assert_eq!((refused.slug(), refused.status().as_u16()), ("keys_unavailable", 503));
    assert!(refused.challenge("corp").is_none());
    let ostia_oidc::resource_server::bearer::BearerRefused::KeysUnavailable { retry_after } = refused else {
        panic!("{refused:?}");
    };
    assert!((Duration::from_secs(1)..=Duration::from_secs(30)).contains(&retry_after));
}

#[tokio::test]
async fn the_challenge_names_the_reason_and_nothing_of_the_token() {
    let issuer = Issuer::start().await;
    let provider = issuer.provider();
    let token = issuer.access_token(|claims| claims["iss"] = json!("https://evil\" x=\"y"));
    let refused = provider.verify_bearer(&token, SystemTime::now()).await.unwrap_err();
    let field = refused.challenge("corp").unwrap().field();
    let field = field.to_str().unwrap();
    assert!(
        field.starts_with(r#"Bearer realm="corp", error="invalid_token", error_description="#),
        "{field}"
    );
    assert_eq!(field.matches('"').count(), 6, "{field}");
}
