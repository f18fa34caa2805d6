//! L6: only top-level navigations are redirected to a provider.

use ostia_testkit::{Page, raw};

use crate::world::{API, APP, World, request};

type Fields = &'static [(&'static str, &'static str)];

/// Requests that no person would see the answer of.
const NOT_NAVIGATIONS: &[(&str, &str, Fields)] = &[
    (
        "fetch",
        "GET /x HTTP/1.1",
        &[("Accept", "*/*"), ("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Dest", "empty")],
    ),
    (
        "same-origin fetch of html",
        "GET /x HTTP/1.1",
        &[("Accept", "text/html"), ("Sec-Fetch-Mode", "same-origin"), ("Sec-Fetch-Dest", "empty")],
    ),
    (
        "script",
        "GET /x.js HTTP/1.1",
        &[("Accept", "*/*"), ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "script")],
    ),
    (
        "image",
        "GET /x.png HTTP/1.1",
        &[("Accept", "image/*"), ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "image")],
    ),
    (
        "frame",
        "GET /x HTTP/1.1",
        &[("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "iframe")],
    ),
    (
        "prefetch",
        "GET /x HTTP/1.1",
        &[
            ("Accept", "text/html"),
            ("Sec-Fetch-Mode", "navigate"),
            ("Sec-Fetch-Dest", "document"),
            ("Sec-Purpose", "prefetch;prerender"),
        ],
    ),
    ("XMLHttpRequest", "GET /x HTTP/1.1", &[("Accept", "text/html"), ("X-Requested-With", "XMLHttpRequest")]),
    ("curl", "GET /x HTTP/1.1", &[("Accept", "*/*")]),
    ("nothing said", "GET /x HTTP/1.1", &[]),
    (
        "preflight",
        "OPTIONS /x HTTP/1.1",
        &[
            ("Origin", "https://other.example"),
            ("Access-Control-Request-Method", "GET"),
            ("Sec-Fetch-Mode", "cors"),
        ],
    ),
    (
        "websocket",
        "GET /ws HTTP/1.1",
        &[
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("Sec-Fetch-Mode", "websocket"),
            ("Sec-Fetch-Dest", "websocket"),
        ],
    ),
    (
        "upgrade of a navigation",
        "GET /x HTTP/1.1",
        &[("Accept", "text/html"), ("Connection", "Upgrade"), ("Upgrade", "x")],
    ),
    (
        "form",
        "POST /x HTTP/1.1",
        &[
            ("Accept", "text/html"),
            ("Sec-Fetch-Mode", "navigate"),
            ("Sec-Fetch-Dest", "document"),
            ("Content-Length", "0"),
        ],
    ),
    (
        "gRPC",
        "POST /pkg.Service/Method HTTP/1.1",
        &[("Content-Type", "application/grpc"), ("TE", "trailers"), ("Content-Length", "0")],
    ),
    ("delete", "DELETE /x HTTP/1.1", &[("Accept", "text/html")]),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_navigation_gets_401_and_problem_json() {
    let (world, node, _) = World::with_node().await;
    for (name, line, fields) in NOT_NAVIGATIONS {
        let answer = raw::send(node.port(), request(line, fields)).await.unwrap();
        assert_eq!(answer.status, 401, "{name}: {}", answer.text());
        assert!(answer.field("www-authenticate").is_some(), "{name}");
        assert_eq!(answer.field("content-type"), Some("application/problem+json"), "{name}");
        assert_eq!(answer.json()["status"], 401, "{name}: {}", answer.text());
        assert!(answer.text().contains("/.ostia/login"), "{name}: where to sign in: {}", answer.text());
        assert_eq!(answer.field("set-cookie"), None, "{name}: no sign-in is begun");
        assert_eq!(answer.field("location"), None, "{name}");
    }
    assert_eq!(world.app.count(), 0, "no session is no upstream");
    assert_eq!(world.provider.calls("/authorize").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_navigation_is_redirected_with_every_protection() {
    let (world, _node, browser) = World::with_node().await;
    let page: Page = browser.open(&format!("{APP}/x")).await;
    let location = page.location().unwrap();
    assert_eq!((page.status, location.path()), (303, "/authorize"));
    assert!(location.as_str().starts_with(world.provider.issuer()));
    let parameter = |name: &str| page.location_parameter(name).unwrap_or_default();
    assert_eq!(parameter("response_type"), "code");
    assert_eq!(parameter("code_challenge_method"), "S256");
    assert_eq!(parameter("code_challenge").len(), 43);
    assert!(parameter("state").len() >= 22 && parameter("nonce").len() >= 22);
    assert!(parameter("scope").split(' ').any(|scope| scope == "openid"));
    assert_eq!(page.field("cache-control"), Some("no-store"));
    let cookies = browser.cookies();
    assert!(!cookies.is_empty());
    for cookie in cookies {
        assert!(cookie.name.starts_with("__Host-ostia"), "{cookie:?}");
        assert!(cookie.http_only && cookie.same_site.as_deref() == Some("lax"), "{cookie:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_attempts_share_neither_state_nor_nonce_nor_challenge() {
    let (_world, _node, browser) = World::with_node().await;
    let pages = [browser.open(&format!("{APP}/x")).await, browser.open(&format!("{APP}/x")).await];
    for name in ["state", "nonce", "code_challenge"] {
        assert_ne!(pages[0].location_parameter(name), pages[1].location_parameter(name), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_navigation_is_redirected_too() {
    let (_world, node, _) = World::with_node().await;
    let fields = [("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")];
    let answer = raw::send(node.port(), request("HEAD /x HTTP/1.1", &fields)).await.unwrap();
    assert_eq!(answer.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_for_machines_never_redirects() {
    let (world, _node, browser) = World::with_node().await;
    let page = browser.open(&format!("{API}/x")).await;
    assert_eq!((page.status, page.location()), (401, None));
    assert!(page.field("www-authenticate").unwrap().starts_with("Bearer"));
    assert_eq!(world.app.count(), 0);
}
