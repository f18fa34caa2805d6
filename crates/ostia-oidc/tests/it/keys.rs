//! Keys that change, keys that are asked for in vain, and issuers that are dark.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use ostia_oidc::Provider;
use ostia_oidc::provider::schedule::Pace;
use ostia_oidc::relying_party::login::LoginRequest;
use serde_json::json;
use tokio::sync::watch;

use crate::issuer::{Issuer, Reply, bearer, patient, start_login};
use crate::key::SigningKey;

/// Waits for a condition that the provider's background task brings about; no longer than ten seconds.
async fn until(mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("the condition never held");
}

/// A token by a key that nobody publishes.
fn forged(issuer: &Issuer, kid: &str) -> String {
    bearer(&SigningKey::es256(kid), &issuer.shared.issuer, |_| {})
}

#[tokio::test]
async fn a_brand_new_key_passes_on_the_first_try() {
    let issuer = Issuer::start().await;
    let provider = issuer.provider();
    let now = SystemTime::now();
    provider.verify_bearer(&issuer.access_token(|_| {}), now).await.unwrap();
    issuer.keys().push(SigningKey::es256("brand-new"));
    provider.verify_bearer(&issuer.access_token(|_| {}), now).await.unwrap();
    assert_eq!(issuer.calls("/jwks").len(), 2);
}

#[tokio::test]
async fn a_key_replaced_under_its_old_name_passes_on_the_first_try() {
    let issuer = Issuer::start().await;
    let provider = issuer.provider();
    let now = SystemTime::now();
    let first = provider.verify_bearer(&issuer.access_token(|_| {}), now).await.unwrap();
    *issuer.keys() = vec![SigningKey::es256("key-1")];
    provider.verify_bearer(&issuer.access_token(|_| {}), now).await.unwrap();
    assert!(!first.key.unwrap().is_live(), "what the old key proved is void");
}

/// A token in the right form whose signature is never looked at, for there is no such key.
fn made_up(kid: &str) -> String {
    let header = BASE64.encode(format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{kid}"}}"#));
    format!("{header}.e30.{}", "A".repeat(86))
}

#[tokio::test]
async fn a_hundred_thousand_made_up_kids_cause_one_fetch() {
    let issuer = Issuer::start().await;
    let provider = issuer.provider();
    let now = SystemTime::now();
    let good = issuer.access_token(|_| {});
    provider.verify_bearer(&good, now).await.unwrap();
    for number in 0..100_000 {
        let refused = provider.verify_bearer(&made_up(&number.to_string()), now).await.unwrap_err();
        assert_eq!(refused.slug(), "key_unknown");
    }
    provider.verify_bearer(&good, now).await.unwrap();
    assert_eq!(issuer.calls("/jwks").len(), 2, "one to load, one on demand");
}

#[tokio::test]
async fn two_hundred_unknown_kids_cause_one_fetch_and_harm_nobody() {
    let issuer = Issuer::start().await;
    let provider = issuer.provider();
    let now = SystemTime::now();
    let good = issuer.access_token(|_| {});
    provider.verify_bearer(&good, now).await.unwrap();
    let mut flood = tokio::task::JoinSet::new();
    for number in 0..200 {
        let (provider, token) = (Arc::clone(&provider), forged(&issuer, &format!("kid-{number}")));
        flood.spawn(async move { provider.verify_bearer(&token, now).await.unwrap_err().slug() });
    }
    provider.verify_bearer(&good, now).await.unwrap();
    assert!(flood.join_all().await.iter().all(|slug| *slug == "key_unknown"));
    for number in 0..200 {
        let token = forged(&issuer, &format!("late-{number}"));
        assert_eq!(provider.verify_bearer(&token, now).await.unwrap_err().slug(), "key_unknown");
    }
    assert_eq!(issuer.calls("/jwks").len(), 2, "one to load, one on demand");
    assert_eq!(provider.counters().unknown_kids, 400);
    assert!(provider.counters().fetches_withheld >= 200);
}

#[tokio::test]
async fn the_gate_holds_when_the_fetch_fails_too() {
    let issuer = Issuer::start().await;
    let provider = issuer.provider();
    let now = SystemTime::now();
    let good = issuer.access_token(|_| {});
    provider.verify_bearer(&good, now).await.unwrap();
    issuer.reply("/jwks", Reply::Status(500, ""));
    for number in 0..50 {
        let token = forged(&issuer, &format!("kid-{number}"));
        assert_eq!(provider.verify_bearer(&token, now).await.unwrap_err().slug(), "key_unknown");
    }
    assert_eq!(issuer.calls("/jwks").len(), 2);
    provider.verify_bearer(&good, now).await.expect("the old keys stay in use");
}

#[tokio::test]
async fn the_gate_holds_when_nothing_was_ever_loaded() {
    let issuer = Issuer::start().await;
    issuer.reply("/.well-known/openid-configuration", Reply::Status(503, ""));
    let provider = issuer.provider();
    for _ in 0..50 {
        let refused =
            provider.verify_bearer(&issuer.access_token(|_| {}), SystemTime::now()).await.unwrap_err();
        assert_eq!(refused.slug(), "keys_unavailable");
    }
    assert_eq!(issuer.calls("/.well-known/openid-configuration").len(), 1);
}

#[tokio::test]
async fn a_fetch_under_way_is_joined_by_all() {
    let issuer = Issuer::start().await;
    let provider = issuer.provider();
    let now = SystemTime::now();
    let (open, gate) = watch::channel(false);
    issuer.reply("/jwks", Reply::Held(gate));
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (provider, token) = (Arc::clone(&provider), issuer.access_token(|_| {}));
        waiting.spawn(async move { provider.verify_bearer(&token, now).await.is_ok() });
    }
    until(|| issuer.calls("/jwks").len() == 1).await;
    open.send_replace(true);
    assert!(waiting.join_all().await.into_iter().all(|ok| ok));
    assert_eq!(issuer.calls("/jwks").len(), 1);
}

#[tokio::test]
async fn a_key_that_is_newer_than_the_fetch_under_way_passes_on_the_first_try() {
    let issuer = Issuer::start().await;
    let pace = Pace { on_demand: Duration::ZERO, ..patient() };
    let provider = Provider::with_pace(Arc::new(issuer.settings()), None, pace).unwrap();
    let now = SystemTime::now();
    provider.verify_bearer(&issuer.access_token(|_| {}), now).await.unwrap();
    let (open, gate) = watch::channel(false);
    issuer.reply("/jwks", Reply::Late(gate));
    let verify = |token: String| {
        let provider = Arc::clone(&provider);
        tokio::spawn(async move { provider.verify_bearer(&token, now).await.is_ok() })
    };
    let nobodys = verify(forged(&issuer, "nobodys"));
    until(|| issuer.calls("/jwks").len() == 2).await;
    issuer.keys().push(SigningKey::es256("brand-new"));
    let new = verify(issuer.access_token(|_| {}));
    until(|| provider.counters().unknown_kids == 2).await;
    open.send_replace(true);
    assert_eq!((nobodys.await.unwrap(), new.await.unwrap()), (false, true));
    assert_eq!(issuer.calls("/jwks").len(), 3);
}

#[tokio::test]
async fn nobody_waits_longer_than_the_patience() {
    let issuer = Issuer::start().await;
    let pace = Pace { patience: Duration::from_millis(50), ..patient() };
    let provider = Provider::with_pace(Arc::new(issuer.settings()), None, pace).unwrap();
    issuer.reply("/jwks", Reply::Silence);
    let began = tokio::time::Instant::now();
    let refused = provider.verify_bearer(&issuer.access_token(|_| {}), SystemTime::now()).await.unwrap_err();
    assert_eq!(refused.slug(), "keys_unavailable");
    assert!(began.elapsed() < Duration::from_secs(4), "the call's own deadline is 5 s");
}

#[tokio::test]
async fn a_kid_that_a_fetch_did_not_bring_is_not_asked_for_again() {
    let issuer = Issuer::start().await;
    let pace = Pace { on_demand: Duration::ZERO, ..patient() };
    let provider = Provider::with_pace(Arc::new(issuer.settings()), None, pace).unwrap();
    let now = SystemTime::now();
    provider.verify_bearer(&issuer.access_token(|_| {}), now).await.unwrap();
    for _ in 0..20 {
        provider.verify_bearer(&forged(&issuer, "old"), now).await.unwrap_err();
    }
    assert_eq!(issuer.calls("/jwks").len(), 2);
    issuer.keys().push(SigningKey::es256("new"));
    provider.verify_bearer(&issuer.access_token(|_| {}), now).await.unwrap();
    assert_eq!(issuer.calls("/jwks").len(), 3);
}

/// Keys that came with this field are renewed under this condition, and stay the very same while nothing changed.
async fn renewed_under(field: (&'static str, &'static str), condition: &str, other: &str) {
    let issuer = Issuer::start().await;
    let tick = Duration::from_millis(1);
    let pace = Pace { keys: tick, keys_at_least: tick, keys_at_most: tick, ..patient() };
    let provider = Provider::with_pace(Arc::new(issuer.settings()), None, pace).unwrap();
    issuer.reply("/jwks", Reply::Field(field.0, field.1));
    let now = SystemTime::now();
    let before = provider.verify_bearer(&issuer.access_token(|_| {}), now).await.unwrap();
    let _keeper = provider.start();
    until(|| issuer.calls("/jwks").len() >= 4).await;
    let asks = |call: &crate::issuer::Call| {
        call.headers.get(condition).is_some_and(|value| value == field.1) && !call.headers.contains_key(other)
    };
    assert!(issuer.calls("/jwks").iter().skip(1).all(asks), "{condition}");
    issuer.reply("/jwks", Reply::Status(304, ""));
    let seen = issuer.calls("/jwks").len();
    until(|| issuer.calls("/jwks").len() >= seen + 3).await;
    assert!(issuer.calls("/jwks").iter().skip(seen).all(asks), "{condition} after 304");
    let after = provider.verify_bearer(&issuer.access_token(|_| {}), now).await.unwrap();
    let (before, after) = (before.key.unwrap(), after.key.unwrap());
    assert!(Arc::ptr_eq(&before, &after) && before.is_live());
    assert_eq!(provider.status().dark_since, None);
}

#[tokio::test]
async fn keys_are_renewed_with_conditions_and_keep_their_identity() {
    renewed_under(("etag", "\"v1\""), "if-none-match", "if-modified-since").await;
}

#[tokio::test]
async fn keys_without_etag_are_renewed_by_their_date() {
    let date = "Sun, 22 Nov 2026 06:00:00 GMT";
    renewed_under(("last-modified", date), "if-modified-since", "if-none-match").await;
}

#[tokio::test]
async fn a_removed_key_dies_at_the_next_renewal() {
    let issuer = Issuer::start().await;
    let tick = Duration::from_millis(1);
    let pace = Pace { keys: tick, keys_at_least: tick, keys_at_most: tick, ..patient() };
    let provider = Provider::with_pace(Arc::new(issuer.settings()), None, pace).unwrap();
    let verified = provider.verify_bearer(&issuer.access_token(|_| {}), SystemTime::now()).await.unwrap();
    let key = verified.key.unwrap();
    let _keeper = provider.start();
    *issuer.keys() = vec![SigningKey::es256("key-2")];
    until(|| !key.is_live()).await;
}

#[tokio::test]
async fn keys_stay_in_use_while_the_issuer_is_dark_and_it_recovers_by_itself() {
    let issuer = Issuer::start().await;
    let tick = Duration::from_millis(2);
    let pace = Pace { keys: tick, keys_at_least: tick, backoff_first: tick, backoff_most: tick, ..patient() };
    let provider = Provider::with_pace(Arc::new(issuer.settings()), None, pace).unwrap();
    let _keeper = provider.start();
    until(|| provider.status().bearer_ready).await;
    for reply in [Reply::Status(500, ""), Reply::Status(200, "<html>"), Reply::Status(200, r#"{"keys":[]}"#)]
    {
        issuer.reply("/jwks", reply);
        until(|| provider.status().dark_since.is_some()).await;
        let good = issuer.access_token(|_| {});
        provider.verify_bearer(&good, SystemTime::now()).await.expect("stale while the issuer fails");
        issuer.knobs().replies.clear();
        until(|| provider.status().dark_since.is_none()).await;
    }
}

#[tokio::test]
async fn keys_that_nobody_confirmed_for_a_week_are_used_no_more() {
    let issuer = Issuer::start().await;
    let provider = issuer.provider();
    let now = SystemTime::now();
    provider.verify_bearer(&issuer.access_token(|_| {}), now).await.unwrap();
    issuer.reply("/jwks", Reply::Status(500, ""));
    let later = now + Duration::from_secs(8 * 24 * 3600);
    let token = issuer.access_token(|claims| {
        claims["exp"] = json!(crate::issuer::seconds(later) + 60);
        claims["iat"] = json!(crate::issuer::seconds(later));
    });
    assert_eq!(provider.verify_bearer(&token, later).await.unwrap_err().slug(), "keys_unavailable");
}

#[tokio::test]
async fn a_node_boots_from_disk_while_the_issuer_is_dark() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::start().await;
    let settings = Arc::new(issuer.settings());
    let token = issuer.access_token(|_| {});
    {
        let provider = Provider::new(Arc::clone(&settings), Some(folder.path())).unwrap();
        provider.verify_bearer(&token, SystemTime::now()).await.unwrap();
        assert!(!provider.status().from_disk);
    }
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(files[0].metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let key = issuer.keys().pop().unwrap();
    let port = issuer.stop().await;

    let tick = Duration::from_millis(2);
    let pace = Pace { backoff_first: tick, backoff_most: tick, ..patient() };
    let provider = Provider::with_pace(Arc::clone(&settings), Some(folder.path()), pace).unwrap();
    let _keeper = provider.start();
    provider.verify_bearer(&token, SystemTime::now()).await.expect("from the keys on disk");
    until(|| provider.status().dark_since.is_some()).await;
    assert!(provider.status().from_disk && provider.status().bearer_ready && !provider.status().login_ready);
    let request = LoginRequest { redirect_uri: "https://a.example/", ..LoginRequest::default() };
    assert_eq!(provider.begin_login(request).await.unwrap_err().slug(), "provider_unavailable");

    let _back = Issuer::serve(port.listen(64).unwrap(), key).await;
    until(|| !provider.status().from_disk).await;
    until(|| provider.status().login_ready).await;
    start_login(&provider).await;
}

#[tokio::test]
async fn metadata_that_cannot_be_renewed_harms_nobody() {
    let issuer = Issuer::start().await;
    let tick = Duration::from_millis(1);
    let pace = Pace { metadata: tick, backoff_first: tick, backoff_most: tick, ..patient() };
    let provider = Provider::with_pace(Arc::new(issuer.settings()), None, pace).unwrap();
    let _keeper = provider.start();
    until(|| provider.status().login_ready).await;
    issuer.knobs().metadata = Some(Box::new(|metadata| metadata["issuer"] = json!("https://evil.example")));
    until(|| provider.status().last_error.is_some_and(|error| error.slug == "metadata_issuer_mismatch"))
        .await;
    start_login(&provider).await;
    assert_eq!(issuer.calls("/jwks").len(), 1, "keys are not asked for because metadata is");
    issuer.knobs().metadata = None;
    let failures = provider.counters().metadata_failures;
    let good = provider.counters().metadata_fetches;
    until(|| provider.counters().metadata_fetches > good + 1).await;
    assert!(failures >= 1);
}

#[tokio::test]
async fn keys_that_moved_are_found_through_renewed_metadata() {
    let issuer = Issuer::start().await;
    let tick = Duration::from_millis(2);
    let pace = Pace {
        keys: tick,
        keys_at_least: tick,
        keys_at_most: tick,
        backoff_first: tick,
        backoff_most: tick,
        ..patient()
    };
    let provider = Provider::with_pace(Arc::new(issuer.settings()), None, pace).unwrap();
    let _keeper = provider.start();
    until(|| provider.status().bearer_ready).await;
    issuer.reply("/jwks", Reply::Status(404, ""));
    issuer.knobs().metadata = Some(Box::new(|metadata| {
        let moved = metadata["jwks_uri"].as_str().unwrap().replace("/jwks", "/keys");
        metadata["jwks_uri"] = json!(moved);
    }));
    until(|| !issuer.calls("/keys").is_empty()).await;
}

#[tokio::test]
async fn verdicts_die_with_their_provider() {
    let issuer = Issuer::start().await;
    let provider = issuer.provider();
    let verified = provider.verify_bearer(&issuer.access_token(|_| {}), SystemTime::now()).await.unwrap();
    let key = verified.key.unwrap();
    assert!(key.is_live());
    drop(provider);
    until(|| !key.is_live()).await;
}

#[tokio::test]
async fn a_node_that_boots_dark_without_a_copy_says_so_and_recovers() {
    let issuer = Issuer::start().await;
    let settings = Arc::new(issuer.settings());
    let token = issuer.access_token(|_| {});
    let key = issuer.keys().pop().unwrap();
    let port = issuer.stop().await;
    let tick = Duration::from_millis(2);
    let pace = Pace { backoff_first: tick, backoff_most: tick, ..patient() };
    let provider = Provider::with_pace(settings, None, pace).unwrap();
    let _keeper = provider.start();
    let request = LoginRequest { redirect_uri: "https://a.example/", ..LoginRequest::default() };
    assert_eq!(provider.begin_login(request).await.unwrap_err().slug(), "provider_unavailable");
    assert_eq!(
        provider.verify_bearer(&token, SystemTime::now()).await.unwrap_err().slug(),
        "keys_unavailable"
    );
    until(|| provider.status().last_error.is_some_and(|error| error.slug == "issuer_unreachable")).await;

    let _back = Issuer::serve(port.listen(64).unwrap(), key).await;
    until(|| provider.status().login_ready && provider.status().bearer_ready).await;
    start_login(&provider).await;
    provider.verify_bearer(&token, SystemTime::now()).await.unwrap();
}

#[tokio::test]
async fn a_copy_that_is_broken_or_of_another_issuer_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::start().await;
    let settings = Arc::new(issuer.settings());
    let provider = Provider::new(Arc::clone(&settings), Some(folder.path())).unwrap();
    provider.verify_bearer(&issuer.access_token(|_| {}), SystemTime::now()).await.unwrap();
    let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let good = std::fs::read_to_string(&file).unwrap();
    let other = good.replace(&issuer.shared.issuer, "https://other.example");
    for text in ["", "{", &good[..good.len() / 2], &other] {
        std::fs::write(&file, text).unwrap();
        let provider = Provider::new(Arc::clone(&settings), Some(folder.path())).unwrap();
        assert_eq!((provider.status().metadata_at, provider.status().keys), (None, 0));
    }
    let mut old: serde_json::Value = serde_json::from_str(&good).unwrap();
    old["confirmed_at"] = json!(1);
    std::fs::write(&file, old.to_string()).unwrap();
    let provider = Provider::new(settings, Some(folder.path())).unwrap();
    assert!(!provider.status().bearer_ready, "too old to be believed");
}

#[tokio::test]
async fn the_background_task_ends_with_its_guard() {
    let issuer = Issuer::start().await;
    let tick = Duration::from_millis(1);
    let pace = Pace { keys: tick, keys_at_least: tick, keys_at_most: tick, ..patient() };
    let provider = Provider::with_pace(Arc::new(issuer.settings()), None, pace).unwrap();
    let keeper = provider.start();
    until(|| issuer.calls("/jwks").len() >= 2).await;
    drop(keeper);
    until(|| Arc::strong_count(&provider) == 1).await;
}
