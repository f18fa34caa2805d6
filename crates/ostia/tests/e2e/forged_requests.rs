//! E3, ingress rule: what two parsers could read in two ways is refused, and nothing of it reaches an application.

use ostia_testkit::raw;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn ambiguous_requests_are_refused() {
    let (world, node, _) = World::with_node().await;
    let h = "Host: app.localhost\r\n";
    let cases = [
        ("no host", "GET /public/x HTTP/1.1\r\n\r\n".to_owned()),
        ("two hosts", format!("GET /public/x HTTP/1.1\r\n{h}{h}\r\n")),
        ("host with a comma", "GET /public/x HTTP/1.1\r\nHost: app.localhost,x\r\n\r\n".to_owned()),
        ("host with a path", "GET /public/x HTTP/1.1\r\nHost: app.localhost/x\r\n\r\n".to_owned()),
        ("host with user", "GET /public/x HTTP/1.1\r\nHost: a@app.localhost\r\n\r\n".to_owned()),
        (
            "both lengths",
            format!(
                "POST /public/x HTTP/1.1\r\n{h}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
        ),
        (
            "two lengths",
            format!("POST /public/x HTTP/1.1\r\n{h}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        ),
        ("signed length", format!("POST /public/x HTTP/1.1\r\n{h}Content-Length: +2\r\n\r\nab")),
        ("listed length", format!("POST /public/x HTTP/1.1\r\n{h}Content-Length: 2, 2\r\n\r\nab")),
        (
            "chunked twice",
            format!("POST /public/x HTTP/1.1\r\n{h}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
        ),
        (
            "chunked and more",
            format!("POST /public/x HTTP/1.1\r\n{h}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
        ),
        ("xchunked", format!("POST /public/x HTTP/1.1\r\n{h}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n")),
        (
            "two transfer fields",
            format!(
                "POST /public/x HTTP/1.1\r\n{h}Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n"
            ),
        ),
        (
            "chunked in 1.0",
            format!("POST /public/x HTTP/1.0\r\n{h}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ),
        ("fragment", format!("GET /public/x#y HTTP/1.1\r\n{h}\r\n")),
        ("backslash", format!("GET /public\\x HTTP/1.1\r\n{h}\r\n")),
        ("NUL", format!("GET /public/\0x HTTP/1.1\r\n{h}\r\n")),
        ("asterisk", format!("GET * HTTP/1.1\r\n{h}\r\n")),
        ("connect", format!("CONNECT app.localhost:80 HTTP/1.1\r\n{h}\r\n")),
        ("field name with space", format!("GET /public/x HTTP/1.1\r\n{h}X Y: 1\r\n\r\n")),
        ("field without name", format!("GET /public/x HTTP/1.1\r\n{h}: 1\r\n\r\n")),
        ("folded field", format!("GET /public/x HTTP/1.1\r\n{h}X: 1\r\n 2\r\n\r\n")),
        ("bare CR in a value", format!("GET /public/x HTTP/1.1\r\n{h}X: a\rb\r\n\r\n")),
        ("odd version", format!("GET /public/x HTTP/1.2\r\n{h}\r\n")),
        (
            "expectation",
            format!("POST /public/x HTTP/1.1\r\n{h}Expect: 200-ok\r\nContent-Length: 1\r\n\r\na"),
        ),
        (
            "absolute form for another host",
            format!("GET http://other.localhost/public/x HTTP/1.1\r\n{h}\r\n"),
        ),
    ];
    for (name, bytes) in cases {
        let before = world.app.count();
        // Closed without an answer is refused as well.
        if let Some(answer) = raw::send(node.port(), &bytes).await {
            assert!((400..=505).contains(&answer.status), "{name}: {} {}", answer.status, answer.text());
        }
        assert_eq!(
            world.app.count(),
            before,
            "{name}: the application saw it:\n{}",
            world.app.seen().last().map_or("", |s| &s.head)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_too_large_is_431_and_a_body_that_is_too_large_is_413() {
    let world = World::new().await;
    let listeners = "listeners:\n  http: { bind: \"<listen>\", limits: { header_bytes: 8KiB, headers: 40, body_bytes: 64KiB } }\n";
    let node = world.start(&(listeners.to_owned() + &world.config())).await;
    let h = "Host: app.localhost\r\n";
    let many: String = (0..60).map(|n| format!("X-{n}: 1\r\n")).collect();
    for (name, bytes, expected) in [
        ("long field", format!("GET /public/x HTTP/1.1\r\n{h}X: {}\r\n\r\n", "a".repeat(9000)), 431),
        ("long target", format!("GET /public/{} HTTP/1.1\r\n{h}\r\n", "a".repeat(9000)), 431),
        ("many fields", format!("GET /public/x HTTP/1.1\r\n{h}{many}\r\n"), 431),
        ("announced body", format!("POST /public/x HTTP/1.1\r\n{h}Content-Length: 70000\r\n\r\n"), 413),
    ] {
        let answer = raw::send(node.port(), bytes).await.unwrap_or_else(|| panic!("{name}: no answer"));
        assert!(
            answer.status == expected || (expected == 431 && answer.status == 414),
            "{name}: {}",
            answer.status
        );
    }
    assert_eq!(world.app.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_go_on_byte_for_byte() {
    let (world, node, _) = World::with_node().await;
    for target in [
        "/public/x",
        "/public/a%2Fb",
        "/public/a%2fb",
        "/public/100%25",
        "/public/a+b?c+d=%20",
        "/public/?",
        "/public/x?a=/../b",
        "/public/caf%C3%A9",
        "/public/~user;v=1/",
        "/public/a:b@c,d!e$f&g'h(i)j*k=l",
        "/public/x?%zz",
        "/public/%7Ex",
    ] {
        let head = format!("GET {target} HTTP/1.1\r\nHost: app.localhost\r\n\r\n");
        let answer = raw::send(node.port(), head).await.unwrap();
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        assert_eq!(world.app.last().target(), target);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_requests_are_each_judged() {
    let (world, node, _) = World::with_node().await;
    let mut connection = raw::Connection::open(node.port()).await.unwrap();
    let h = "Host: app.localhost\r\n";
    let bytes = format!(
        "POST /public/a HTTP/1.1\r\n{h}Content-Length: 3\r\n\r\nabcGET /finance/b HTTP/1.1\r\n{h}\r\nGET /public/c HTTP/1.1\r\n{h}\r\n"
    );
    connection.send(bytes.as_bytes()).await;
    let mut statuses = Vec::new();
    while let Some(answer) = connection.answer().await {
        statuses.push(answer.status);
        if statuses.len() == 3 {
            break;
        }
    }
    assert!(statuses.starts_with(&[200]), "{statuses:?}");
    assert!(statuses.get(1).is_none_or(|status| *status == 401), "{statuses:?}");
    assert!(world.app.seen().iter().all(|seen| !seen.target().starts_with("/finance")));
}
