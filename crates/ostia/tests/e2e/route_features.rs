//! E6: what a route does itself: fields, redirects, fixed answers, paths, compression, limits.

use ostia_testkit::{Browser, EchoUpstream, Ostia, raw};
use serde_json::json;

use crate::world::{APP, World, request, signed_in};

/// A node with these routes beside an open one at `/public/` and a closed one at `/`.
async fn node_with(world: &World, routes: &str) -> Ostia {
    let yaml = [
        &world.provider_section(),
        crate::world::POLICIES,
        &world.upstream_section(),
        "routes:\n  - { name: app, host: app.localhost, allow: staff, upstream: app }\n",
        routes,
    ];
    world.start(&yaml.concat()).await
}

async fn ask(node: &Ostia, line: &str, fields: &[(&str, &str)]) -> raw::Answer {
    raw::send(node.port(), request(line, fields)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_are_set_from_claims_and_no_client_can_send_them() {
    let world = World::new().await;
    let routes = "  - name: ruled\n    host: app.localhost\n    path: /ruled/\n    allow: staff\n    upstream: app\n    \
        headers:\n      request:\n        set: { X-Role: \"{claims.role}/{claims.groups}\", X-Env: test, X-Came: \"{method} {uri}\" }\n        \
        remove: [X-Debug]\n      response:\n        set: { Strict-Transport-Security: max-age=1, X-Route: \"{route}\" }\n        \
        remove: [X-Powered-By, Set-Cookie]\n  \
        - { name: public, host: app.localhost, path: /public/, allow: anyone, upstream: app }\n";
    let node = node_with(&world, routes).await;
    let browser = Browser::new(&world.names);
    world
        .provider
        .expect_person(json!({ "sub": "ana", "groups": ["staff", "a,b"], "role": "lead\r\nX-Admin: 1" }));
    signed_in(&browser, "/").await;
    let cookie = browser.cookie_field(APP).unwrap();
    world.app.answer_with(&[("X-Powered-By", "guess"), ("Set-Cookie", "a=b"), ("X-Route", "lie")]);
    let spoofs =
        [("X-Role", "admin"), ("x_role", "admin"), ("X-Debug", "1"), ("X-Env", "prod"), ("X-Other", "stays")];
    let fields = [&[("Cookie", cookie.as_str())], &spoofs[..]].concat();
    let answer = ask(&node, "GET /ruled/x?y=%2F HTTP/1.1", &fields).await;
    let seen = world.app.last();
    assert_eq!(answer.status, 200);
    let roles: Vec<String> = seen.fields_like("x-role").into_iter().map(|(_, value)| value).collect();
    assert_eq!(roles, ["lead%0D%0AX-Admin: 1/staff,a%2Cb"]);
    assert_eq!(seen.field("x-env").as_deref(), Some("test"));
    assert_eq!(seen.field("x-came").as_deref(), Some("GET /ruled/x?y=%2F"));
    assert_eq!((seen.field("x-debug"), seen.field("x-admin")), (None, None));
    assert_eq!(seen.field("x-other").as_deref(), Some("stays"));
    assert_eq!(answer.field("strict-transport-security"), Some("max-age=1"));
    assert_eq!(answer.field("x-route"), Some("ruled"));
    assert_eq!((answer.field("x-powered-by"), answer.field("set-cookie")), (None, None));
    // A field that tells of the caller is removed on every other route, too; a literal one belongs to its route.
    ask(&node, "GET /public/x HTTP/1.1", &spoofs).await;
    let seen = world.app.last();
    assert!(seen.fields_like("x-role").is_empty(), "{}", seen.head);
    assert_eq!(seen.field("x-env").as_deref(), Some("prod"));
    // Without the claim the field is not there at all.
    let token = world.provider.access_token("robot", json!({ "groups": ["staff"] }));
    let bearer = format!("Bearer {token}");
    ask(&node, "GET /ruled/x HTTP/1.1", &[("Authorization", &bearer), ("X-Role", "admin")]).await;
    assert!(world.app.last().fields_like("x-role").is_empty(), "{}", world.app.last().head);
    // Ostia's own answers on this route have the fields, too.
    let refused = ask(&node, "GET /ruled/x HTTP/1.1", &[]).await;
    assert_eq!((refused.status, refused.field("strict-transport-security")), (401, Some("max-age=1")));
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_and_fixed_answers_are_given_to_whoever_may_enter() {
    let world = World::new().await;
    let routes = "  \
        - { name: old, host: app.localhost, path: /old/, allow: anyone, redirect: { to: \"https://new.example.com{uri}\", status: 308 } }\n  \
        - { name: moved, host: app.localhost, path: /moved, allow: anyone, redirect: { to: \"/here?was={path}\" } }\n  \
        - { name: gone, host: app.localhost, path: /gone, allow: anyone, respond: { status: 410, body: gone for good } }\n  \
        - { name: empty, host: app.localhost, path: /empty, allow: anyone, respond: { status: 204 } }\n  \
        - { name: closed, host: app.localhost, path: /closed, allow: staff, respond: { body: hello } }\n";
    let node = node_with(&world, routes).await;
    for (line, host, status, location, body) in [
        (
            "GET /old/a%2Fb?c=%20 HTTP/1.1",
            "app.localhost",
            308,
            Some("https://new.example.com/old/a%2Fb?c=%20"),
            "",
        ),
        ("POST /old/x HTTP/1.1", "app.localhost", 308, Some("https://new.example.com/old/x"), ""),
        (
            "GET http://app.localhost/old/x HTTP/1.1",
            "app.localhost",
            308,
            Some("https://new.example.com/old/x"),
            "",
        ),
        ("GET /moved HTTP/1.1", "app.localhost", 302, Some("/here?was=/moved"), ""),
        ("GET /gone/x HTTP/1.1", "app.localhost", 410, None, "gone for good"),
        ("GET /empty HTTP/1.1", "app.localhost", 204, None, ""),
    ] {
        let head = format!("{line}\r\nHost: {host}\r\nX-Forwarded-Host: evil.example\r\n\r\n");
        let answer = raw::send(node.port(), head).await.unwrap();
        assert_eq!(
            (answer.status, answer.field("location"), answer.text().as_str()),
            (status, location, body),
            "{line}"
        );
    }
    let head = ask(&node, "HEAD /gone HTTP/1.1", &[("Connection", "close")]).await;
    assert_eq!((head.status, head.field("content-length")), (410, Some("13")));
    assert_eq!(ask(&node, "GET /closed HTTP/1.1", &[]).await.status, 401, "the policy decides first");
    let bearer = format!("Bearer {}", world.provider.access_token("robot", json!({ "groups": ["staff"] })));
    let answer = ask(&node, "GET /closed HTTP/1.1", &[("Authorization", &bearer)]).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "hello"));
    assert_eq!(world.app.count(), 0, "no upstream was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn prefix_is_cut_and_path_rewritten_after_everybody_agreed_on_the_path_received() {
    let world = World::new().await;
    let routes = "  \
        - { name: chat, host: app.localhost, path: /chat, allow: anyone, upstream: app, strip_prefix: /chat }\n  \
        - { name: api, host: app.localhost, path: /api/, allow: anyone, upstream: app, strip_prefix: /api, rewrite: \"/v2{path}\" }\n  \
        - { name: page, host: app.localhost, path: /page/, allow: anyone, upstream: app, rewrite: /index.html }\n";
    let node = node_with(&world, routes).await;
    for (came, went) in [
        ("/chat", "/"),
        ("/chat/a%20b?q=%2F&r", "/a%20b?q=%2F&r"),
        ("/api/x/y", "/v2/x/y"),
        ("/page/any?x=1", "/index.html?x=1"),
    ] {
        let answer = ask(&node, &format!("GET {came} HTTP/1.1"), &[]).await;
        assert_eq!((answer.status, world.app.last().target()), (200, went), "{came}");
    }
    let before = world.app.count();
    for came in
        ["/chat/../finance/x", "/chat/%2e%2e/finance/", "/chat//evil.example/", "/chat%2Fx", "/api//x"]
    {
        let answer = ask(&node, &format!("GET {came} HTTP/1.1"), &[]).await;
        assert_eq!((answer.status, world.app.count()), (400, before), "{came}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_compressed_only_where_that_is_asked_for() {
    let mut world = World::new().await;
    // Shorter answers are not worth it.
    world.app = EchoUpstream::start("app-with-a-name-that-is-long-enough").await;
    let routes = "  \
        - { name: small, host: app.localhost, path: /small/, allow: anyone, upstream: app, compression: true }\n  \
        - { name: plain, host: app.localhost, path: /plain/, allow: anyone, upstream: app }\n";
    let node = node_with(&world, routes).await;
    let text = "served by app-with-a-name-that-is-long-enough";
    for (path, accepts, coding) in [
        ("/small/x", Some("gzip"), Some("gzip")),
        ("/small/x", Some("br, gzip;q=0.5"), Some("br")),
        ("/small/x", None, None),
        ("/small/x", Some("gzip;q=0"), None),
        ("/small/x", Some("identity"), None),
        ("/plain/x", Some("gzip"), None),
    ] {
        let fields: Vec<(&str, &str)> =
            accepts.map(|accepts| ("Accept-Encoding", accepts)).into_iter().collect();
        let answer = ask(&node, &format!("GET {path} HTTP/1.1"), &fields).await;
        assert_eq!((answer.status, answer.field("content-encoding")), (200, coding), "{path} {accepts:?}");
        if coding.is_none() {
            assert_eq!(answer.text(), text, "{path} {accepts:?}");
        } else {
            assert_ne!(answer.body, text.as_bytes(), "{path} {accepts:?}");
            assert_eq!(answer.field("vary").map(str::to_lowercase).as_deref(), Some("accept-encoding"));
        }
        if coding == Some("gzip") {
            assert_eq!(&answer.body[..2], &[0x1f, 0x8b], "{:?}", answer.body);
        }
    }
    for more in [("Range", "bytes=0-3"), ("Accept", "text/event-stream")] {
        let answer = ask(&node, "GET /small/x HTTP/1.1", &[("Accept-Encoding", "gzip"), more]).await;
        assert_eq!((answer.field("content-encoding"), answer.text().as_str()), (None, text), "{more:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rate_limits_hold_by_address_route_field_claim_and_subject() {
    let world = World::new().await;
    let route = |name: &str, allow: &str, per: &str| {
        format!(
            "  - {{ name: {name}, host: app.localhost, path: /{name}/, allow: {allow}, upstream: app, \
             rate_limit: {{ per: {per}, requests: 2/h, burst: 2 }} }}\n"
        )
    };
    let routes = [
        route("address", "anyone", "address"),
        route("route", "anyone", "route"),
        route("field", "anyone", "{ header: x-tenant }"),
        route("subject", "staff", "subject"),
        route("claim", "staff", "{ claim: tenant.id }"),
    ];
    let node = node_with(&world, &routes.concat()).await;
    let token = |who: &str, tenant: u32| {
        let claims = json!({ "groups": ["staff"], "tenant": { "id": tenant } });
        format!("Bearer {}", world.provider.access_token(who, claims))
    };
    let (ana, bo, cy) = (token("ana", 1), token("bo", 1), token("cy", 2));
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], u16);
    let cases: [Case<'_>; 22] = [
        ("address", &[], 200),
        ("address", &[("X-Forwarded-For", "192.0.2.7")], 200),
        ("address", &[("X-Forwarded-For", "192.0.2.8")], 429),
        ("route", &[], 200),
        ("route", &[], 200),
        ("route", &[("X-Tenant", "a")], 429),
        ("field", &[("X-Tenant", "a")], 200),
        ("field", &[("X-Tenant", "a")], 200),
        ("field", &[("X-Tenant", "a")], 429),
        ("field", &[("X-Tenant", "b")], 200),
        ("subject", &[("Authorization", &ana)], 200),
        ("subject", &[("Authorization", &ana)], 200),
        ("subject", &[("Authorization", &ana)], 429),
        ("subject", &[("Authorization", &bo)], 200),
        // Who may not enter takes nobody's share.
        ("subject", &[], 401),
        ("subject", &[("Authorization", &bo)], 200),
        ("subject", &[("Authorization", &bo)], 429),
        ("claim", &[("Authorization", &ana)], 200),
        ("claim", &[("Authorization", &bo)], 200),
        ("claim", &[("Authorization", &ana)], 429),
        ("claim", &[("Authorization", &cy)], 200),
        ("claim", &[("Authorization", &cy)], 200),
    ];
    for (place, (route, fields, status)) in cases.into_iter().enumerate() {
        let answer = ask(&node, &format!("GET /{route}/x HTTP/1.1"), fields).await;
        assert_eq!(answer.status, status, "{place}: {route}");
        if status == 429 {
            let wait: u64 = answer.field("retry-after").unwrap().parse().unwrap();
            assert!((1..=1800).contains(&wait), "{wait}");
            assert_eq!(answer.json()["code"], "rate_limited");
        }
    }
    let metrics = node.metrics().await;
    for (route, count) in [("address", 1.0), ("subject", 2.0), ("claim", 1.0)] {
        assert_eq!(metrics.sum("ostia_rate_limited_requests_total", &[("route", route)]), count, "{route}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn body_larger_than_the_route_takes_is_refused_however_it_is_sent() {
    let world = World::new().await;
    let routes = "  - { name: small, host: app.localhost, path: /small/, allow: anyone, upstream: app, limits: { body_bytes: 8B } }\n";
    let node = node_with(&world, routes).await;
    for (framing, body, status) in [
        (("Content-Length", "8"), "12345678", 200),
        (("Content-Length", "9"), "123456789", 413),
        (("Transfer-Encoding", "chunked"), "8\r\n12345678\r\n0\r\n\r\n", 200),
        (("Transfer-Encoding", "chunked"), "8\r\n12345678\r\n1\r\n9\r\n0\r\n\r\n", 413),
    ] {
        let text = request("POST /small/x HTTP/1.1", &[framing]) + body;
        let answer = raw::send(node.port(), text).await.unwrap();
        assert_eq!(answer.status, status, "{framing:?} {body:?}");
    }
}
