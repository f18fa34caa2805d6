//! Sessions that go on: what ends them, what does not, and that a refresh token is spent once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use ostia_config::Secret;
use ostia_oidc::relying_party::flights::{FlightLost, Landed, RefreshKey};
use ostia_oidc::relying_party::refresh::{RefreshRefused, RefreshRequest, Refreshed};
use ostia_oidc::{Provider, RefreshFlights};
use serde_json::json;
use tokio::sync::watch;

use crate::issuer::{Issuer, Reply, patient};

const WAIT: Duration = Duration::from_secs(10);

/// Presents a refresh token of alice.
pub(crate) async fn refresh(provider: &Arc<Provider>, token: &str) -> Result<Refreshed, RefreshRefused> {
    let refresh_token = Secret::new(token.to_owned());
    let claims = ostia_identity::Claims::default();
    let request = RefreshRequest {
        refresh_token: &refresh_token,
        subject: "alice",
        auth_time: None,
        claims: &claims,
        proof_key: None,
    };
    provider.refresh(request, SystemTime::now()).await
}

#[tokio::test]
async fn a_refresh_brings_new_tokens_and_claims() {
    let issuer = Issuer::start().await;
    issuer.seed_refresh("first");
    issuer.knobs().id_token = Some(Box::new(|claims| claims["groups"] = json!(["fewer"])));
    let refreshed = refresh(&issuer.provider(), "first").await.unwrap();
    assert!(refreshed.access_token.reveal().starts_with("access-"));
    assert!(refreshed.refresh_token.reveal().starts_with("refresh-"));
    assert_eq!(refreshed.claims.unwrap().to_map()["groups"], json!(["fewer"]));
    let call = &issuer.calls("/token")[0];
    assert_eq!(
        (call.form["grant_type"].as_str(), call.form["refresh_token"].as_str()),
        ("refresh_token", "first")
    );
}

#[tokio::test]
async fn a_bare_answer_keeps_claims_scopes_and_refresh_token() {
    let issuer = Issuer::start().await;
    issuer.reply("/token", Reply::Status(200, r#"{"access_token":"a","token_type":"BEARER"}"#));
    let refreshed = refresh(&issuer.provider(), "first").await.unwrap();
    assert_eq!(refreshed.refresh_token.reveal(), "first");
    assert!(refreshed.claims.is_none() && refreshed.scopes.is_none() && refreshed.id_token.is_none());
}

#[tokio::test]
async fn only_what_the_issuer_says_about_the_session_ends_it() {
    let cases: [(&str, Reply, &str, bool); 9] = [
        ("invalid_grant", Reply::Status(400, r#"{"error":"invalid_grant"}"#), "invalid_grant", true),
        ("invalid_client", Reply::Status(401, r#"{"error":"invalid_client"}"#), "invalid_client", false),
        (
            "unauthorized_client",
            Reply::Status(400, r#"{"error":"unauthorized_client"}"#),
            "unauthorized_client",
            false,
        ),
        ("503", Reply::Status(503, ""), "issuer_status", false),
        ("503 with a lie", Reply::Status(503, r#"{"error":"invalid_grant"}"#), "issuer_status", false),
        ("429", Reply::Status(429, r#"{"error":"invalid_grant"}"#), "issuer_status", false),
        ("a page", Reply::Status(200, "<html>"), "token_answer_malformed", false),
        ("a page with 400", Reply::Status(400, "invalid_grant"), "token_answer_malformed", false),
        ("a redirect", Reply::Redirect("/elsewhere".to_owned()), "issuer_redirected", false),
    ];
    for (name, reply, slug, ends) in cases {
        let issuer = Issuer::start().await;
        issuer.reply("/token", reply);
        let refused = refresh(&issuer.provider(), "first").await.unwrap_err();
        assert_eq!((refused.slug(), refused.is_end()), (slug, ends), "{name}");
    }
}

#[tokio::test]
async fn an_outage_ends_nothing_and_spends_nothing() {
    let issuer = Issuer::start().await;
    issuer.reply("/jwks", Reply::Status(500, ""));
    let refused = refresh(&issuer.provider(), "first").await.unwrap_err();
    assert_eq!((refused.slug(), refused.is_end()), ("provider_unavailable", false));
    assert!(issuer.calls("/token").is_empty(), "without keys the answer could not be judged");
}

#[tokio::test]
async fn oidcc_client_test_refresh_token() {
    let issuer = Issuer::start().await;
    issuer.seed_refresh("first");
    let provider = issuer.provider();
    let second = refresh(&provider, "first").await.unwrap();
    refresh(&provider, second.refresh_token.reveal()).await.unwrap();
    assert_eq!(provider.counters().refreshes, 2);
}

#[tokio::test]
async fn oidcc_client_test_refresh_token_invalid_issuer() {
    let issuer = Issuer::start().await;
    issuer.seed_refresh("first");
    issuer.knobs().id_token = Some(Box::new(|claims| claims["iss"] = json!("https://evil.example")));
    let refused = refresh(&issuer.provider(), "first").await.unwrap_err();
    assert_eq!((refused.slug(), refused.is_end()), ("issuer_differs", true));
}

#[tokio::test]
async fn oidcc_client_test_refresh_token_invalid_sub() {
    let issuer = Issuer::start().await;
    issuer.seed_refresh("first");
    *issuer.shared.subject.lock().unwrap() = "mallory".to_owned();
    let refused = refresh(&issuer.provider(), "first").await.unwrap_err();
    assert_eq!((refused.slug(), refused.is_end()), ("subject_changed", true));
}

#[tokio::test]
async fn userinfo_is_asked_again_at_each_refresh() {
    let issuer = Issuer::start().await;
    issuer.seed_refresh("first");
    let mut settings = issuer.settings();
    settings.claims_from = vec![ostia_config::provider::ClaimsSource::UserInfo];
    let provider = Provider::with_pace(settings.into(), None, patient()).unwrap();
    let mut token = "first".to_owned();
    for department in ["audit", "sales"] {
        issuer.knobs().userinfo = Some(Box::new(move |claims| claims["department"] = json!(department)));
        let refreshed = refresh(&provider, &token).await.unwrap();
        assert_eq!(refreshed.claims.unwrap().string("department"), Some(department));
        token = refreshed.refresh_token.reveal().clone();
    }
    issuer.knobs().userinfo = Some(Box::new(|claims| claims["sub"] = json!("mallory")));
    let refused = refresh(&provider, &token).await.unwrap_err();
    assert_eq!((refused.slug(), refused.is_end()), ("userinfo_subject_differs", true));
}

#[tokio::test]
async fn userinfo_that_fails_at_a_refresh_leaves_the_claims_and_keeps_the_new_token() {
    let issuer = Issuer::start().await;
    issuer.seed_refresh("first");
    issuer.reply("/userinfo", Reply::Status(500, ""));
    let mut settings = issuer.settings();
    settings.claims_from = vec![ostia_config::provider::ClaimsSource::UserInfo];
    let refreshed =
        refresh(&Provider::with_pace(settings.into(), None, patient()).unwrap(), "first").await.unwrap();
    assert!(refreshed.claims.is_none());
    assert_ne!(refreshed.refresh_token.reveal(), "first");
}

/// What the gateway keeps of a refresh.
type Outcome = Result<String, &'static str>;

async fn land(provider: Arc<Provider>, token: String) -> Landed<Outcome> {
    match refresh(&provider, &token).await {
        Ok(refreshed) => Landed::finally(Ok(refreshed.access_token.reveal().clone())),
        Err(refused) if refused.is_end() => Landed::finally(Err(refused.slug())),
        Err(refused) => Landed::for_now(Err(refused.slug())),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_parallel_refreshes_are_one_token_call() {
    let issuer = Issuer::start().await;
    issuer.seed_refresh("first");
    let (provider, flights) = (issuer.provider(), Arc::new(RefreshFlights::default()));
    let key = RefreshKey::new([7; 16], 1, "first");
    let mut crowd = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (provider, flights) = (Arc::clone(&provider), Arc::clone(&flights));
        crowd.spawn(async move { flights.join(key, WAIT, || land(provider, "first".to_owned())).await });
    }
    let outcomes = crowd.join_all().await;
    assert!(outcomes.iter().all(|outcome| *outcome == Ok(Ok("access-1".to_owned()))), "{outcomes:?}");
    assert_eq!(issuer.calls("/token").len(), 1);

    // The browser that still has the old cookie.
    let late = flights.join(key, WAIT, || land(Arc::clone(&provider), "first".to_owned())).await;
    assert_eq!(late, Ok(Ok("access-1".to_owned())));
    assert_eq!(flights.begin(key, || land(provider, "first".to_owned())), Some(Ok("access-1".to_owned())));
    assert_eq!(issuer.calls("/token").len(), 1);
}

#[tokio::test]
async fn the_end_of_a_session_is_told_to_all_who_share_it() {
    let issuer = Issuer::start().await;
    let (provider, flights) = (issuer.provider(), RefreshFlights::default());
    let key = RefreshKey::new([7; 16], 1, "spent");
    for _ in 0..5 {
        let outcome = flights.join(key, WAIT, || land(Arc::clone(&provider), "spent".to_owned())).await;
        assert_eq!(outcome, Ok(Err("invalid_grant")));
    }
    assert_eq!(issuer.calls("/token").len(), 1);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_end_the_flight() {
    let flights = Arc::new(RefreshFlights::default());
    let key = RefreshKey::new([7; 16], 1, "first");
    let (open, mut gate) = watch::channel(false);
    let first = {
        let flights = Arc::clone(&flights);
        tokio::spawn(async move {
            let work = async move {
                gate.wait_for(|open| *open).await.unwrap();
                Landed::finally("done")
            };
            flights.join(key, WAIT, || work).await
        })
    };
    while flights.is_empty() {
        tokio::task::yield_now().await;
    }
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    open.send_replace(true);
    let second = flights.join(key, WAIT, || async { Landed::finally("started again") }).await;
    assert_eq!(second, Ok("done"));
}

#[tokio::test]
async fn waiting_has_a_deadline_and_a_session_with_time_left_does_not_wait() {
    let flights = RefreshFlights::default();
    let key = RefreshKey::new([7; 16], 1, "first");
    let (open, gate) = watch::channel(false);
    let work = |mut gate: watch::Receiver<bool>| async move {
        gate.wait_for(|open| *open).await.unwrap();
        Landed::finally("done")
    };
    assert_eq!(flights.begin(key, || work(gate.clone())), None);
    let impatient = flights.join(key, Duration::from_millis(20), || work(gate.clone())).await;
    assert_eq!(impatient, Err(FlightLost::Waited));
    open.send_replace(true);
    assert_eq!(flights.join(key, WAIT, || work(gate.clone())).await, Ok("done"));
}

#[tokio::test]
async fn a_flight_that_breaks_is_started_again() {
    let flights: RefreshFlights<&str> = RefreshFlights::default();
    let key = RefreshKey::new([7; 16], 1, "first");
    let broken = flights.join(key, WAIT, || async { panic!("a fault of ours") }).await;
    assert_eq!(broken, Err(FlightLost::Ended));
    assert_eq!(flights.join(key, WAIT, || async { Landed::finally("done") }).await, Ok("done"));
}

#[tokio::test]
async fn a_passing_failure_is_asked_again_when_its_pause_is_over() {
    let flights = RefreshFlights::default();
    let key = RefreshKey::new([7; 16], 1, "first");
    let count = Arc::new(AtomicUsize::new(0));
    let work = |replay| {
        let count = Arc::clone(&count);
        async move { Landed { result: count.fetch_add(1, Ordering::Relaxed), replay } }
    };
    assert_eq!(flights.join(key, WAIT, || work(Duration::ZERO)).await, Ok(0));
    assert_eq!(flights.join(key, WAIT, || work(Duration::from_secs(60))).await, Ok(1));
    assert_eq!(flights.join(key, WAIT, || work(Duration::from_secs(60))).await, Ok(1));
}

#[tokio::test]
async fn sessions_generations_and_tokens_are_told_apart() {
    let flights = RefreshFlights::default();
    let keys = [([1; 16], 1, "a"), ([2; 16], 1, "a"), ([1; 16], 2, "a"), ([1; 16], 1, "b")];
    for (number, (session, generation, token)) in keys.into_iter().enumerate() {
        let key = RefreshKey::new(session, generation, token);
        assert_eq!(flights.join(key, WAIT, || async move { Landed::finally(number) }).await, Ok(number));
    }
    assert_eq!(flights.len(), 4);
}

#[tokio::test]
async fn the_board_is_bounded_and_never_forgets_a_flight_under_way() {
    let flights: RefreshFlights<u64> = RefreshFlights::new(8);
    let flying = |number: u64| RefreshKey::new([0; 16], number, "flying");
    for number in 0..4 {
        assert_eq!(flights.begin(flying(number), std::future::pending), None);
    }
    for number in 0..100 {
        let key = RefreshKey::new([1; 16], number, "quick");
        assert_eq!(flights.join(key, WAIT, || async move { Landed::finally(number) }).await, Ok(number));
        assert!(flights.len() <= 8);
    }
    let begun = AtomicUsize::new(0);
    for number in 0..4 {
        flights.begin(flying(number), || {
            begun.fetch_add(1, Ordering::Relaxed);
            std::future::pending()
        });
    }
    assert_eq!(begun.into_inner(), 0, "all four are still in the air");
    for number in 4..8 {
        flights.begin(flying(number), std::future::pending);
    }
    let full = flights.join(flying(8), WAIT, std::future::pending).await;
    assert_eq!(full, Err(FlightLost::Full));
}
