//! O8: the audit log has one line for each decision that counts, and tells what was done to it.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use ostia_testkit::{Browser, Ostia, eventually, raw};
use serde_json::{Value, json};

use crate::world::{BINARY, World, request, signed_in};

const ROUTES: &str = "routes:\n  \
    - { name: app, host: app.localhost, allow: staff, audit: allow, upstream: app }\n  \
    - { name: finance, host: app.localhost, path: /finance/, allow: finance, upstream: app }\n  \
    - { name: public, host: app.localhost, path: /public/, allow: anyone, upstream: app }\n";

fn config(world: &World, folder: &Path, subject: &str) -> String {
    let file = folder.join("audit.jsonl");
    let logs = format!("logs: {{ audit: {{ to: {}, subject: {subject} }} }}\n", file.display());
    [&world.provider_section(), crate::world::POLICIES, &world.upstream_section(), ROUTES, &logs].concat()
}

fn lines(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

async fn decisions(file: &Path, count: usize) -> Vec<Value> {
    eventually("the decisions are written", Duration::from_secs(5), async || {
        let decisions: Vec<Value> =
            lines(file).into_iter().filter(|line| line["event"] == "decision").collect();
        (decisions.len() >= count).then_some(decisions)
    })
    .await
}

fn verify(files: &[&Path]) -> Output {
    Command::new(BINARY).args(["audit", "verify"]).args(files).output().unwrap()
}

fn whole(files: &[&Path]) -> String {
    let output = verify(files);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn denials_always_and_entries_where_asked_are_audited_once() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let node = world.start(&config(&world, folder.path(), "plain")).await;
    let file = folder.path().join("audit.jsonl");
    let ana = world.provider.access_token("ana", json!({ "groups": ["staff"] }));
    let stranger = world.provider.access_token("eve", json!({ "aud": "https://other.example.com" }));
    let bearer = |token: &str| format!("Bearer {token}");
    for (path, token, status) in [
        ("/home?code=secret-in-the-query", Some(bearer(&ana)), 200),
        ("/finance/x", Some(bearer(&ana)), 403),
        ("/home", None, 401),
        ("/home", Some(bearer(&stranger)), 401),
        // Neither asked for nor refused; and nobody's decision at all.
        ("/public/x", None, 200),
        ("/public/..%2ffinance/x", Some(bearer(&ana)), 400),
    ] {
        let fields: Vec<(&str, &str)> = token.iter().map(|token| ("Authorization", token.as_str())).collect();
        let answer = raw::send(node.port(), request(&format!("GET {path} HTTP/1.1"), &fields)).await.unwrap();
        assert_eq!(answer.status, status, "{path}");
    }
    let told = decisions(&file, 4).await;
    let part = |line: &Value| {
        [
            "http.route",
            "url.path",
            "user.id",
            "ostia.credential",
            "ostia.decision",
            "ostia.policy",
            "ostia.reason",
            "ostia.condition",
        ]
        .map(|name| line.get(name).cloned().unwrap_or(Value::Null))
    };
    let mut told: Vec<_> = told.iter().map(part).collect();
    // Requests of one moment are written by different threads.
    told.sort_by_key(|line| format!("{line:?}"));
    let mut expected = [
        ["app", "/home", "ana", "bearer", "allow", "staff", "policy_held", ""],
        ["finance", "/finance/x", "ana", "bearer", "deny", "finance", "claim_differs", "groups"],
        ["app", "/home", "", "", "deny", "staff", "no_identity", ""],
        ["app", "/home", "", "", "deny", "", "audience_differs", ""],
    ]
    .map(|line| line.map(|text| if text.is_empty() { Value::Null } else { Value::from(text) }));
    expected.sort_by_key(|line| format!("{line:?}"));
    assert_eq!(told, expected);
    let ids: Vec<Value> = lines(&file)
        .iter()
        .filter(|line| line["event"] == "decision")
        .map(|line| line["request.id"].clone())
        .collect();
    let access = node.access_lines_at_least(6).await;
    assert!(
        ids.iter().all(|id| access.iter().any(|line| line["request.id"] == *id)),
        "one name in both logs"
    );
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains("secret-in-the-query") && !text.contains(&ana), "{text}");
    assert_eq!(node.metrics().await.sum("ostia_log_lines_dropped_total", &[("log", "audit")]), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_proxy_in_front_asks_about_is_audited_as_the_request_itself() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let yaml = "listeners:\n  http: { bind: \"<listen>\", trusted_proxies: [127.0.0.1/32] }\n".to_owned()
        + &config(&world, folder.path(), "plain").replace(
            "routes:\n",
            "routes:\n  - { name: gone, host: app.localhost, path: /gone, allow: staff, audit: allow, respond: { status: 403 } }\n",
        );
    let node = world.start(&yaml).await;
    let ana = format!("Bearer {}", world.provider.access_token("ana", json!({ "groups": ["staff"] })));
    for (line, status) in [
        ("GET /.ostia/verify/home?x=1 HTTP/1.1", 200),
        ("DELETE /.ostia/verify/finance/x HTTP/1.1", 403),
        ("GET /gone HTTP/1.1", 403),
    ] {
        let answer = raw::send(node.port(), request(line, &[("Authorization", &ana)])).await.unwrap();
        assert_eq!(answer.status, status, "{line}: {}", answer.text());
    }
    let told = decisions(&folder.path().join("audit.jsonl"), 3).await;
    let part = |line: &Value| {
        ["http.request.method", "server.address", "url.path", "ostia.decision", "http.route"]
            .map(|name| line[name].as_str().unwrap_or_default().to_owned())
    };
    let mut told: Vec<_> = told.iter().map(part).collect();
    told.sort();
    assert_eq!(
        told,
        [
            ["DELETE", "app.localhost", "/finance/x", "deny", "finance"],
            ["GET", "app.localhost", "/gone", "allow", "gone"],
            ["GET", "app.localhost", "/home", "allow", "app"],
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_audited_by_session_and_hashed_where_asked() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let node = world.start(&config(&world, folder.path(), "hashed")).await;
    let browser = Browser::new(&world.names);
    signed_in(&browser, "/home").await;
    let told = decisions(&folder.path().join("audit.jsonl"), 2).await;
    assert_eq!(
        (&told[0]["ostia.reason"], &told[0]["ostia.decision"]),
        (&json!("no_identity"), &json!("deny"))
    );
    let entered = told.last().unwrap();
    assert_eq!(
        (&entered["ostia.decision"], &entered["ostia.credential"]),
        (&json!("allow"), &json!("session"))
    );
    let user = entered["user.id"].as_str().unwrap();
    assert!(user.len() == 32 && user.bytes().all(|byte| byte.is_ascii_hexdigit()), "{user}");
    assert_eq!(node.metrics().await.sum("ostia_log_lines_dropped_total", &[("log", "audit")]), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chain_survives_restart_and_rotation_and_tells_what_was_changed() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let yaml = config(&world, folder.path(), "plain");
    let file = folder.path().join("audit.jsonl");
    let deny = async |node: &Ostia, path: &str| {
        raw::send(node.port(), request(&format!("GET {path} HTTP/1.1"), &[])).await.unwrap();
    };
    let mut first = world.start(&yaml).await;
    deny(&first, "/one").await;
    decisions(&file, 1).await;
    first.signal("TERM");
    first.wait(Duration::from_secs(10)).await;
    assert!(!whole(&[&file]).contains("not closed"), "an orderly end closes the log");
    let second = world.start(&yaml).await;
    deny(&second, "/two").await;
    decisions(&file, 2).await;
    let rotated = folder.path().join("audit.jsonl.1");
    std::fs::rename(&file, &rotated).unwrap();
    second.reload(&yaml);
    eventually("the file is opened anew", Duration::from_secs(5), async || file.exists().then_some(())).await;
    deny(&second, "/three").await;
    decisions(&file, 1).await;
    let said = whole(&[&rotated, &file]);
    assert!(said.contains("9 lines") || said.contains("8 lines"), "{said}");
    assert!(said.contains("not closed") && !whole(&[&rotated]).contains("not closed"), "{said}");
    let head = said.lines().find_map(|line| line.strip_prefix("head: ")).unwrap()[..64].to_owned();
    let noted = |head: &str| {
        let mut command = Command::new(BINARY);
        command
            .args(["audit", "verify", "--head", head])
            .args([&rotated, &file])
            .output()
            .unwrap()
            .status
            .code()
    };
    assert_eq!((noted(&head), noted(&"0".repeat(64))), (Some(0), Some(1)));

    let text = std::fs::read_to_string(&rotated).unwrap();
    for (what, changed) in [
        ("one byte", text.replacen("/two", "/tvo", 1)),
        (
            "a line",
            text.lines().filter(|line| !line.contains("/two")).map(|line| format!("{line}\n")).collect(),
        ),
        ("the end of a line", text[..text.len() - 5].to_owned()),
    ] {
        std::fs::write(&rotated, changed).unwrap();
        assert_eq!(verify(&[&rotated, &file]).status.code(), Some(1), "{what} was changed or removed");
    }
}
