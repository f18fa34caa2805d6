//! Routes: the most specific one decides, by host, path and method, whatever the order of the file.

use ostia_testkit::raw;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn the_most_specific_route_decides() {
    let world = World::new().await;
    let yaml = world.upstream_section()
        + "routes:\n  \
           - { name: everything, path: /open/, allow: anyone, upstream: app }\n  \
           - { name: wild, host: \"*.example.org\", allow: anyone, upstream: app }\n  \
           - { name: exact, host: a.example.org, path: /open/, methods: [GET, HEAD], allow: anyone, upstream: app }\n  \
           - { name: posted, host: a.example.org, path: /open/form, methods: [POST], allow: anyone, upstream: app }\n";
    let node = world.start(&yaml).await;
    for (method, host, path, status, route) in [
        ("GET", "a.example.org", "/open/x", 200, Some("exact")),
        ("GET", "A.Example.ORG:8080", "/open/x", 200, Some("exact")),
        ("GET", "a.example.org.", "/open/x", 200, Some("exact")),
        ("POST", "a.example.org", "/open/form", 200, Some("posted")),
        ("GET", "b.example.org", "/open/x", 200, Some("wild")),
        ("GET", "a.b.example.org", "/", 200, Some("wild")),
        ("GET", "example.org", "/open/x", 200, Some("everything")),
        ("GET", "example.org", "/", 404, None),
        ("GET", "xexample.org", "/", 404, None),
        ("GET", "example.org", "/open", 404, None),
    ] {
        let lines = node.access_lines().len();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n");
        let answer = raw::send(node.port(), head).await.unwrap();
        let line = node.access_lines_at_least(lines + 1).await.pop().unwrap();
        assert_eq!((answer.status, line["http.route"].as_str()), (status, route), "{method} {host}{path}");
    }
    let head = "DELETE /open/x HTTP/1.1\r\nHost: a.example.org\r\n\r\n";
    let answer = raw::send(node.port(), head).await.unwrap();
    assert_eq!((answer.status, answer.field("allow").is_some()), (405, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_go_through_whole() {
    let (world, node, _) = World::with_node().await;
    let body = "0123456789abcdef".repeat(64 * 1024);
    let head = "POST /public/x HTTP/1.1\r\nHost: app.localhost\r\n";
    let sized = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    assert_eq!(raw::send(node.port(), sized).await.unwrap().status, 200);
    assert_eq!(world.app.last().body, body.as_bytes());

    let chunks: String = body
        .as_bytes()
        .chunks(50_000)
        .map(|c| format!("{:x}\r\n{}\r\n", c.len(), String::from_utf8_lossy(c)))
        .collect();
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n");
    assert_eq!(raw::send(node.port(), chunked).await.unwrap().status, 200);
    let seen = world.app.last();
    assert_eq!(seen.field("transfer-encoding").as_deref(), Some("chunked"));
    assert_eq!(seen.field("content-length"), None);
    let letters = seen.body.len() - body.len();
    assert!(letters < 1000, "{letters} bytes of framing");

    let expecting = format!("{head}Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello");
    let answer = raw::send(node.port(), expecting).await.unwrap();
    assert!([100, 200].contains(&answer.status), "{}", answer.status);
}
