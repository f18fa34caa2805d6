//! P4: every injected field name is removed from what a client sends, in every spelling, on every path.

use ostia_testkit::{Authority, Browser, Seen, raw};

use crate::world::{World, request, signed_in};

/// Its name, the request line, the fields of an honest client, and whom the application must see.
type Kind<'a> = (&'a str, &'a str, Vec<(&'a str, &'a str)>, Option<&'a str>);

const MANAGED: [&str; 3] = ["x-forwarded-user", "x-forwarded-email", "x-forwarded-groups"];

/// Fields a client sends to be somebody else. `mallory` must not arrive under any managed name.
const SPOOFS: &[(&str, &[(&str, &str)])] = &[
    ("plain", &[("X-Forwarded-User", "mallory"), ("X-Forwarded-Groups", "mallory")]),
    ("lower case", &[("x-forwarded-user", "mallory")]),
    ("upper case", &[("X-FORWARDED-USER", "mallory")]),
    ("underscores", &[("X_Forwarded_User", "mallory"), ("x_forwarded_groups", "mallory")]),
    ("mixed", &[("X-Forwarded_User", "mallory"), ("X_Forwarded-Email", "mallory")]),
    ("dots", &[("X.Forwarded.User", "mallory")]),
    ("other marks", &[("X!Forwarded~User", "mallory"), ("X|Forwarded|User", "mallory")]),
    ("twice", &[("X-Forwarded-User", "mallory"), ("X-Forwarded-User", "mallory")]),
    ("twice in two spellings", &[("X-Forwarded-User", "mallory"), ("x_forwarded_user", "mallory")]),
    ("empty first", &[("X-Forwarded-User", ""), ("X-Forwarded-User", "mallory")]),
    ("nominated", &[("Connection", "X-Forwarded-User, X-Forwarded-Groups"), ("X-Forwarded-User", "mallory")]),
    (
        "nominated in lower case",
        &[("Connection", "close, x-forwarded-user"), ("X-Forwarded-User", "mallory")],
    ),
    ("nominated alone", &[("Connection", "x-forwarded-user,x-forwarded-email,x-forwarded-groups")]),
    ("with a space", &[("X-Forwarded-User ", "mallory")]),
    ("folded", &[("X-Other", "1\r\n X-Forwarded-User: mallory")]),
];

/// Everything under a managed name that arrived, whatever its spelling.
fn managed(seen: &Seen) -> Vec<(String, String)> {
    MANAGED.iter().flat_map(|name| seen.fields_like(name)).chain(odd_marks(seen)).collect()
}

/// Spellings with marks that the harness does not fold.
fn odd_marks(seen: &Seen) -> Vec<(String, String)> {
    let fold = |name: &str| name.replace(|c: char| !c.is_ascii_alphanumeric(), "-").to_lowercase();
    let fields = seen.head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let odd =
        fields.filter(|(name, _)| name.contains(['!', '~', '|']) && MANAGED.contains(&fold(name).as_str()));
    odd.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}

fn has_mallory(fields: &[(String, String)]) -> bool {
    fields.iter().any(|(_, value)| value.contains("mallory"))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_of_a_managed_field_reaches_an_application() {
    let (world, node, browser) = World::with_node().await;
    signed_in(&browser, "/").await;
    let cookie = browser.cookie_field("http://app.localhost/").unwrap();
    let token = world.provider.access_token("robot", serde_json::json!({}));
    let bearer = format!("Bearer {token}");
    let websocket = [
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let requests: [Kind<'_>; 8] = [
        ("session", "GET /x HTTP/1.1", vec![("Cookie", &cookie)], Some("ana")),
        (
            "session, POST",
            "POST /x HTTP/1.1",
            vec![("Cookie", &cookie), ("Content-Length", "0")],
            Some("ana"),
        ),
        ("session, OPTIONS", "OPTIONS /x HTTP/1.1", vec![("Cookie", &cookie)], Some("ana")),
        ("bearer", "GET /x HTTP/1.1", vec![("Authorization", &bearer)], Some("robot")),
        (
            "websocket",
            "GET /ws HTTP/1.1",
            [&[("Cookie", cookie.as_str())], &websocket[..]].concat(),
            Some("ana"),
        ),
        ("public", "GET /public/x HTTP/1.1", vec![], None),
        ("public, signed in", "GET /public/x HTTP/1.1", vec![("Cookie", &cookie)], None),
        (
            "public, preflight",
            "OPTIONS /public/x HTTP/1.1",
            vec![("Origin", "https://x.example"), ("Access-Control-Request-Method", "GET")],
            None,
        ),
    ];
    for (kind, line, own, subject) in &requests {
        for (spelling, spoof) in SPOOFS {
            let before = world.app.count();
            let mut fields = own.clone();
            fields.extend_from_slice(spoof);
            if *kind == "websocket" {
                // One Connection field that nominates and upgrades.
                match fields.iter_mut().find(|(name, _)| *name == "Connection") {
                    Some((_, value)) => *value = "Upgrade, X-Forwarded-User, x-forwarded-groups",
                    None => fields.push(("Connection", "Upgrade")),
                }
            }
            let answer = raw::send(node.port(), request(line, &fields)).await.unwrap();
            if world.app.count() == before {
                assert_eq!(answer.status, 400, "{kind}, {spelling}: nothing arrived: {}", answer.text());
                continue;
            }
            let seen = world.app.last();
            let arrived = managed(&seen);
            assert!(!has_mallory(&arrived), "{kind}, {spelling}:\n{}", seen.head);
            assert_eq!(
                seen.field("x-forwarded-user").as_deref(),
                *subject,
                "{kind}, {spelling}:\n{}",
                seen.head
            );
            let users =
                arrived.iter().filter(|(name, _)| name.eq_ignore_ascii_case("x-forwarded-user")).count();
            assert_eq!(users, usize::from(subject.is_some()), "{kind}, {spelling}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_usual_spellings_are_dropped_and_not_refused() {
    let (world, node, _) = World::with_node().await;
    for name in ["X-Forwarded-User", "x_forwarded_user", "X-Forwarded-For", "X-Real-IP"] {
        let fields = [(name, "mallory")];
        let answer = raw::send(node.port(), request("GET /public/x HTTP/1.1", &fields)).await.unwrap();
        assert_eq!(answer.status, 200, "{name}: a stray field of a client is no reason to fail");
    }
    assert_eq!(world.app.count(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn forwarded_fields_of_strangers_are_replaced() {
    let (world, node, _) = World::with_node().await;
    let fields = [
        ("X-Forwarded-For", "203.0.113.9"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Proto", "https"),
        ("Forwarded", "for=203.0.113.9;host=evil.example"),
    ];
    raw::send(node.port(), request("GET /public/x HTTP/1.1", &fields)).await.unwrap();
    let seen = world.app.last();
    assert!(!seen.head.contains("203.0.113.9") && !seen.head.contains("evil.example"), "{}", seen.head);
    assert_eq!(seen.field("x-forwarded-for").as_deref(), Some("127.0.0.1"));
    assert_eq!(seen.field("x-forwarded-proto").as_deref(), Some("http"));
    assert_eq!(seen.field("host").as_deref(), Some("app.localhost"));
}

#[tokio::test(flavor = "multi_thread")]
async fn claim_values_are_safe_bytes() {
    let (world, _node, browser) = World::with_node().await;
    world.provider.expect_person(serde_json::json!({
        "sub": "ana\r\nX-Admin: 1", "email": "ünï@example.com", "groups": ["staff", "a,b", "line\nbreak"],
    }));
    let page = browser.visit("http://app.localhost/x").await;
    if page.status != 200 {
        assert_eq!(world.app.count(), 0, "a subject that is no subject is refused as a whole");
        return;
    }
    let seen = world.app.last();
    assert_eq!(seen.field("x-admin"), None);
    assert!(seen.head.is_ascii(), "{}", seen.head);
    assert_ne!(seen.field("x-forwarded-groups").as_deref(), Some("staff,a,b,line\nbreak"));
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_2_the_same_fields_are_removed() {
    let world = World::new().await;
    let authority = Authority::new();
    let issued = authority.issue(world.shared.path(), &["app.localhost"]);
    let listeners = format!("listeners:\n{}", issued.listener("<listen>", ""));
    let _node = world.start(&(listeners + &world.config())).await;
    let browser = Browser::trusting(&world.names, authority.root_pem());
    for spoof in ["x-forwarded-user", "x_forwarded_user", "x-forwarded_user", "x.forwarded.user"] {
        let page = browser
            .send(http::Method::GET, "https://app.localhost/public/x", &[(spoof, "mallory")], None)
            .await;
        assert_eq!((page.status, page.version), (200, http::Version::HTTP_2), "{spoof}");
        assert!(!has_mallory(&managed(&world.app.last())), "{spoof}:\n{}", world.app.last().head);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configured_field_name_is_managed_too() {
    let world = World::new().await;
    let yaml = world.config() + "identity: { headers: { X-Who: sub, X-Tenant: tenant } }\n";
    let node = world.start(&yaml).await;
    let fields = [("x_who", "mallory"), ("X-TENANT", "mallory"), ("X-Whose", "kept")];
    raw::send(node.port(), request("GET /public/x HTTP/1.1", &fields)).await.unwrap();
    let seen = world.app.last();
    assert!(!seen.head.contains("mallory"), "{}", seen.head);
    assert_eq!(seen.field("x-whose").as_deref(), Some("kept"), "other fields pass");

    let browser = Browser::new(&world.names);
    signed_in(&browser, "/x").await;
    let page =
        browser.send(http::Method::GET, "http://app.localhost/x", &[("x-tenant", "mallory")], None).await;
    assert_eq!(page.status, 200);
    let seen = world.app.last();
    assert_eq!(seen.field("x-who").as_deref(), Some("ana"));
    assert_eq!(seen.field("x-tenant"), None, "a claim that is absent leaves no field behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn trailers_of_a_client_stay_behind() {
    let (world, node, _) = World::with_node().await;
    let head = "POST /public/x HTTP/1.1\r\nHost: app.localhost\r\nTransfer-Encoding: chunked\r\nTrailer: X-Forwarded-User\r\n\r\n";
    let body = "5\r\nhello\r\n0\r\nX-Forwarded-User: mallory\r\nx_forwarded_groups: mallory\r\n\r\n";
    raw::send(node.port(), format!("{head}{body}")).await;
    let seen = world.app.last();
    let text = String::from_utf8_lossy(&seen.body);
    assert!(text.contains("hello"), "the body arrives: {text}");
    assert!(!text.contains("mallory") && !has_mallory(&managed(&seen)), "{}\n\n{text}", seen.head);
}
