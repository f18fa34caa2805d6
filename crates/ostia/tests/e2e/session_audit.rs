//! Whatever happens to a session has its line in the audit log, with its reason, and its count.

use std::path::Path;
use std::time::{Duration, Instant};

use http::Method;
use ostia_testkit::{Browser, Ostia, eventually};
use serde_json::{Value, json};

use crate::world::{APP, World, signed_in};

/// What a line says: event, outcome, way, reason, subject.
type Told = [Value; 5];

fn config(world: &World, folder: &Path) -> String {
    let keys = world.provider_keys("app.localhost", 2);
    let file = folder.join("audit.jsonl");
    let channels = format!("{keys}  logout: {{ back_channel: true, front_channel: true }}\n");
    format!("{}logs: {{ audit: {{ to: {} }} }}\n", world.config().replace(&keys, &channels), file.display())
}

struct Audited {
    world: World,
    node: Ostia,
    folder: tempfile::TempDir,
    seen: usize,
}

impl Audited {
    async fn start() -> Self {
        let (world, folder) = (World::new().await, tempfile::tempdir().unwrap());
        let node = world.start(&config(&world, folder.path())).await;
        Self { world, node, folder, seen: 0 }
    }

    fn lines(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join("audit.jsonl")).unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let events = ["login", "refresh", "logout", "revocation"].map(Value::from);
        lines.filter(|line| events.contains(&line["event"])).collect()
    }

    /// The next lines about sessions: exactly these.
    async fn next(&mut self, expected: &[[&str; 5]]) -> Vec<Value> {
        let lines = eventually("the lines are written", Duration::from_secs(10), async || {
            let lines = self.lines().split_off(self.seen);
            (lines.len() >= expected.len()).then_some(lines)
        })
        .await;
        let names = ["event", "ostia.outcome", "ostia.way", "ostia.reason", "user.id"];
        let mut told: Vec<Told> =
            lines.iter().map(|line| names.map(|name| line.get(name).cloned().unwrap_or_default())).collect();
        let mut expected: Vec<Told> = expected
            .iter()
            .map(|line| line.map(|text| if text.is_empty() { Value::Null } else { text.into() }))
            .collect();
        // Lines of one moment are in the order in which threads leave them.
        told.sort_by_key(|line| format!("{line:?}"));
        expected.sort_by_key(|line| format!("{line:?}"));
        assert_eq!(told, expected);
        self.seen += lines.len();
        lines
    }

    async fn signed_in_as(&mut self, person: &str, sid: &str) -> (Browser, Value) {
        self.world.provider.expect_person(json!({ "sub": person, "sid": sid, "groups": ["staff"] }));
        let browser = Browser::new(&self.world.names);
        signed_in(&browser, "/").await;
        let [line] = self.next(&[["login", "done", "", "signed_in", person]]).await.try_into().unwrap();
        (browser, line)
    }

    async fn post(&self, token: &str) {
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let url = format!("{APP}/.ostia/back-channel-logout");
        let body = format!("logout_token={token}");
        Browser::new(&self.world.names).send(Method::POST, &url, &form, Some(&body)).await;
    }

    async fn count(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.node.metrics().await.sum(name, labels)
    }
}

/// New sessions begin in another second than an ending before.
async fn next_second() {
    let began = Instant::now();
    eventually("the next second", Duration::from_secs(3), async || {
        (began.elapsed() > Duration::from_millis(1100)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_login_done_or_failed_has_its_line_and_its_count() {
    let mut audited = Audited::start().await;
    let (_, line) = audited.signed_in_as("ana", "s-1").await;
    assert_eq!(line["url.path"], "/.ostia/callback");
    assert_eq!((&line["ostia.provider"], &line["client.address"]), (&json!("default"), &json!("127.0.0.1")));
    assert_eq!(line["ostia.session"].as_str().unwrap().len(), 32);
    let browser = Browser::new(&audited.world.names);
    browser.open(&format!("{APP}/.ostia/callback?code=x&state=made-up")).await;
    audited.next(&[["login", "failed", "", "flow_unknown", ""]]).await;
    audited.world.provider.behave(|behaviour| behaviour.authorization_error = Some("access_denied".into()));
    browser.visit(&format!("{APP}/")).await;
    let lines = audited.next(&[["login", "failed", "", "access_denied", ""]]).await;
    assert_eq!(lines[0]["ostia.provider"], "default");
    let failed = [("provider", "default"), ("outcome", "failed"), ("reason", "access_denied")];
    assert_eq!(audited.count("ostia_oidc_logins_total", &failed).await, 1.0);
    assert_eq!(audited.count("ostia_oidc_logins_total", &[("outcome", "succeeded")]).await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refresh_done_or_failed_has_its_line_and_its_count() {
    let mut audited = Audited::start().await;
    audited.world.provider.behave(|behaviour| behaviour.access_token_seconds = 3);
    let (browser, login) = audited.signed_in_as("ana", "s-1").await;
    let ask = async |browser: &Browser| browser.fetch(&format!("{APP}/x")).await.status;
    let refreshed = async |audited: &Audited| {
        eventually("the session is refreshed", Duration::from_secs(10), async || {
            assert_eq!(ask(&browser).await, 200);
            (audited.lines().len() > audited.seen).then_some(())
        })
        .await;
    };
    refreshed(&audited).await;
    let lines = audited.next(&[["refresh", "done", "", "renewed", "ana"]]).await;
    assert_eq!(lines[0]["ostia.session"], login["ostia.session"], "one name through all its life");
    assert!(lines[0].get("request.id").is_none(), "no request waits for it");
    audited.world.provider.behave(|behaviour| behaviour.token_error = Some("server_error".into()));
    refreshed(&audited).await;
    let lines = audited.lines().split_off(audited.seen);
    assert_eq!((&lines[0]["event"], &lines[0]["ostia.outcome"]), (&json!("refresh"), &json!("failed")));
    let reason = lines[0]["ostia.reason"].as_str().unwrap().to_owned();
    assert!(
        audited
            .count("ostia_session_refreshes_total", &[("outcome", "postponed"), ("reason", &reason)])
            .await
            >= 1.0
    );
    audited.world.provider.behave(|behaviour| behaviour.token_error = Some("invalid_grant".into()));
    eventually("the session ends", Duration::from_secs(20), async || {
        (ask(&browser).await == 401).then_some(())
    })
    .await;
    let ended = [("outcome", "ended"), ("reason", "invalid_grant")];
    assert_eq!(audited.count("ostia_session_refreshes_total", &ended).await, 1.0);
    let is_end = |line: &Value| {
        line["ostia.reason"] == "invalid_grant" && line["ostia.session"] == login["ostia.session"]
    };
    eventually("the end is written", Duration::from_secs(5), async || {
        audited.lines().iter().any(is_end).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sign_out_and_revocation_has_its_line_and_its_count() {
    let mut audited = Audited::start().await;
    let (browser, login) = audited.signed_in_as("ana", "s-1").await;
    let ask = browser.open(&format!("{APP}/.ostia/logout")).await;
    browser.submit(&ask.form().unwrap()).await;
    let lines = audited
        .next(&[
            ["logout", "done", "local", "signed_out", "ana"],
            ["revocation", "done", "refresh_token", "signed_out", "ana"],
        ])
        .await;
    assert!(lines.iter().all(|line| line["ostia.session"] == login["ostia.session"]));
    assert_eq!(audited.count("ostia_token_revocations_total", &[("outcome", "done")]).await, 1.0);

    next_second().await;
    audited.signed_in_as("ana", "s-2").await;
    let token = audited.world.provider.logout_token(json!({ "sub": "ana", "sid": "s-2" }));
    audited.post(&token).await;
    audited.next(&[["logout", "done", "back_channel", "signed_out", "ana"]]).await;
    audited.post(&token).await;
    audited.next(&[["logout", "failed", "back_channel", "logout_token_replayed", ""]]).await;

    let issuer = audited.world.provider.issuer().to_owned();
    let nobody = Browser::new(&audited.world.names);
    nobody.open(&format!("{APP}/.ostia/front-channel-logout?iss={issuer}&sid=s-3")).await;
    audited.next(&[["logout", "done", "front_channel", "signed_out", ""]]).await;
    nobody.open(&format!("{APP}/.ostia/front-channel-logout?iss=https://other.example&sid=s-3")).await;
    audited.next(&[["logout", "failed", "front_channel", "issuer_unknown", ""]]).await;
    let refused = [("kind", "front_channel"), ("outcome", "issuer_unknown")];
    assert_eq!(audited.count("ostia_logouts_total", &refused).await, 1.0);

    for (arguments, way, subject) in [
        (vec!["--sid", "s-9"], "sid", ""),
        (vec!["--subject", "ana"], "subject", "ana"),
        (vec!["--provider", "default"], "provider", ""),
        (vec!["--all"], "all", ""),
    ] {
        audited.node.succeeds(&[&["session", "revoke"], arguments.as_slice()].concat()).await;
        audited.next(&[["revocation", "done", way, "operator", subject]]).await;
    }
    assert_eq!(audited.count("ostia_logouts_total", &[("kind", "operator"), ("outcome", "done")]).await, 4.0);
}
