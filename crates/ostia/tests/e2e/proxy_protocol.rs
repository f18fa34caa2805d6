//! E5: PROXY headers count only from listed peers, on plain and on TLS listeners.

use std::time::Duration;

use ostia_testkit::{Authority, Ostia, eventually, free_port, raw};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::world::{BINARY, World, request};

const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x09\xc6\x33\x64\x02\x30\x39\x20\xfb";

async fn node(world: &World, listener: &str) -> Ostia {
    let listeners = format!("listeners:\n  http: {{ bind: \"<listen>\", {listener} }}\n");
    let config = world.config().replace("policies:\n", "policies:\n  office: { source: [203.0.113.0/24] }\n");
    let office = "  - { name: office, host: app.localhost, path: /office/, allow: office, upstream: app }\n";
    Ostia::start(BINARY, &(listeners + &config + office)).await
}

/// Everything that comes back for these bytes, up to the end of the first answer.
async fn said(port: u16, bytes: &[u8]) -> Option<raw::Answer> {
    let mut connection = raw::Connection::open(port).await?;
    connection.send(bytes).await;
    connection.answer().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_is_the_one_that_a_trusted_proxy_tells() {
    let world = World::new().await;
    let node = node(&world, "trusted_proxies: [127.0.0.1/32], proxy_protocol: accept").await;
    let token = world.provider.access_token("robot", serde_json::json!({}));
    let request = request(
        "GET /office/x HTTP/1.1",
        &[
            ("Authorization", &format!("Bearer {token}")),
            ("X-Forwarded-For", "203.0.113.77"),
            ("X-Real-IP", "203.0.113.77"),
            ("Forwarded", "for=203.0.113.77"),
        ],
    );
    for (header, client, status, port) in [
        (&b"PROXY TCP4 203.0.113.9 198.51.100.2 12345 8443\r\n"[..], "203.0.113.9", 200, "8443"),
        (V2, "203.0.113.9", 200, "8443"),
        // Told by a proxy, the client is a stranger: what it writes about itself does not count.
        (b"PROXY TCP4 192.0.2.1 198.51.100.2 12345 8443\r\n", "192.0.2.1", 403, ""),
        (b"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n", "2001:db8::1", 403, ""),
    ] {
        let (lines, count) = (node.access_lines().len(), world.app.count());
        let answer = said(node.port(), &[header, request.as_bytes()].concat()).await.unwrap();
        assert_eq!(answer.status, status, "{client}");
        let line = node.access_lines_at_least(lines + 1).await.pop().unwrap();
        assert_eq!(line["client.address"], client);
        assert_eq!(world.app.count() > count, status == 200);
        if status == 200 {
            let seen = world.app.last();
            assert_eq!(seen.field("x-forwarded-for").as_deref(), Some(client));
            assert_eq!(seen.field("x-forwarded-port").as_deref(), Some(port));
            assert_eq!((seen.field("x-real-ip"), seen.field("forwarded")), (None, None));
        }
    }
    // Without a header, or with one that tells nothing, the proxy itself is the client: a trusted one.
    for header in [&b""[..], b"PROXY UNKNOWN\r\n", b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"] {
        let answer = said(node.port(), &[header, request.as_bytes()].concat()).await.unwrap();
        assert_eq!(answer.status, 200, "{header:?}");
        assert_eq!(world.app.last().field("x-forwarded-for").as_deref(), Some("203.0.113.77, 127.0.0.1"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_header_of_a_stranger_or_a_broken_one_ends_the_connection() {
    let world = World::new().await;
    let request = request("GET /public/x HTTP/1.1", &[]);
    let v1 = &b"PROXY TCP4 203.0.113.9 198.51.100.2 12345 8443\r\n"[..];
    let broken = &b"PROXY TCP4 203.0.113.9\r\n"[..];
    for (listener, header, expected, reason) in [
        // A stranger's header is no HTTP.
        ("proxy_protocol: refuse", v1, Some(400), None),
        ("proxy_protocol: refuse", V2, Some(400), None),
        ("trusted_proxies: [192.0.2.1/32], proxy_protocol: accept", v1, Some(400), None),
        (
            "trusted_proxies: [192.0.2.1/32], proxy_protocol: require",
            v1,
            None,
            Some("proxy_header_of_stranger"),
        ),
        ("trusted_proxies: [127.0.0.1/32], proxy_protocol: require", b"", None, Some("proxy_header_missing")),
        (
            "trusted_proxies: [127.0.0.1/32], proxy_protocol: require",
            broken,
            None,
            Some("proxy_header_malformed"),
        ),
        (
            "trusted_proxies: [127.0.0.1/32], proxy_protocol: accept",
            broken,
            None,
            Some("proxy_header_malformed"),
        ),
        (
            "trusted_proxies: [127.0.0.1/32], proxy_protocol: require, limits: { header_timeout: 200ms }",
            b"PROXY TCP4 203.0",
            None,
            Some("proxy_header_timeout"),
        ),
    ] {
        let node = node(&world, listener).await;
        let part = header == b"PROXY TCP4 203.0";
        let bytes = if part { header.to_vec() } else { [header, request.as_bytes()].concat() };
        let answer = said(node.port(), &bytes).await.map(|answer| answer.status);
        assert_eq!(answer, expected, "{listener} {:?}", String::from_utf8_lossy(header));
        if let Some(reason) = reason {
            eventually("it is counted", Duration::from_secs(5), async || {
                let metrics = node.metrics().await;
                (metrics.sum("ostia_connections_rejected_total", &[("reason", reason)]) == 1.0).then_some(())
            })
            .await;
        }
    }
    assert_eq!(world.app.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_header_stands_before_tls() {
    let world = World::new().await;
    let authority = Authority::new();
    let issued = authority.issue(world.shared.path(), &["app.localhost"]);
    let port = free_port();
    let listeners = format!(
        "listeners:\n  https:\n    bind: \"127.0.0.1:{port}\"\n    trusted_proxies: [127.0.0.1/32]\n    \
         proxy_protocol: require\n    tls: {{ certificates: [{{ cert_file: {}, key_file: {} }}] }}\n",
        issued.cert_file.display(),
        issued.key_file.display()
    );
    let node = Ostia::start(BINARY, &(listeners + &world.config())).await;
    // A proxy as HAProxy is one: a header, then the client's bytes as they are.
    let proxy = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.names.set("app.localhost", proxy.local_addr().unwrap().port());
    let forwarding = tokio::spawn(async move {
        let (mut client, _) = proxy.accept().await.unwrap();
        let mut server = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        // The header in two pieces, the second together with the ClientHello.
        let (one, two) = V2.split_at(9);
        server.write_all(one).await.unwrap();
        let mut hello = vec![0; 4096];
        let read = client.read(&mut hello).await.unwrap();
        server.write_all(&[two, &hello[..read]].concat()).await.unwrap();
        tokio::io::copy_bidirectional(&mut client, &mut server).await.ok();
    });
    let browser = ostia_testkit::Browser::trusting(&world.names, authority.root_pem());
    let page = browser.open("https://app.localhost/public/x").await;
    assert_eq!((page.status, page.version), (200, http::Version::HTTP_2), "{}", page.text());
    let seen = world.app.last();
    assert_eq!(seen.field("x-forwarded-for").as_deref(), Some("203.0.113.9"));
    assert_eq!(seen.field("x-forwarded-proto").as_deref(), Some("https"));
    forwarding.abort();
    drop(node);
}
