//! Listeners: http to https, SNI over several certificates, HTTP/2.

use ostia_testkit::{Authority, Browser, free_port, raw};

use crate::world::{World, has_session, request};

/// A node with a plain and a TLS listener for two names with a certificate each.
async fn world_with_tls() -> (World, Authority, ostia_testkit::Ostia, u16) {
    let world = World::new().await;
    let authority = Authority::new();
    let app = authority.issue(world.shared.path(), &["app.localhost"]);
    let wild = authority.issue(world.shared.path(), &["*.example.org", "example.org"]);
    let tls_port = free_port();
    let certificates: String = [app, wild]
        .iter()
        .map(|issued| {
            format!(
                "        - {{ cert_file: {}, key_file: {} }}\n",
                issued.cert_file.display(),
                issued.key_file.display()
            )
        })
        .collect();
    let listeners = format!(
        "listeners:\n  http: {{ bind: \"<listen>\", redirect: https }}\n  https:\n    bind: \"127.0.0.1:{tls_port}\"\n    \
         tls:\n      certificates:\n{certificates}"
    );
    let routes = "  - { name: org, host: \"*.example.org\", allow: anyone, upstream: app }\n";
    let yaml =
        (listeners + &world.config() + routes).replace("http://app.localhost/", "https://app.localhost/");
    let node = world.start(&yaml).await;
    for name in ["app.localhost", "a.example.org"] {
        world.names.set(name, tls_port);
    }
    (world, authority, node, tls_port)
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_is_sent_to_https_with_path_and_query() {
    let (world, _authority, node, port) = world_with_tls().await;
    for (line, expected) in [
        ("GET /a%2Fb?x=+%20 HTTP/1.1", "/a%2Fb?x=+%20"),
        ("POST / HTTP/1.1", "/"),
        ("GET //evil.example/ HTTP/1.1", "//evil.example/"),
    ] {
        let answer = raw::send(node.port(), request(line, &[("Content-Length", "0")])).await.unwrap();
        let expected = format!("https://app.localhost:{port}{expected}");
        assert_eq!((answer.status, answer.field("location")), (308, Some(expected.as_str())), "{line}");
    }
    for head in [
        "GET /x HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "GET http://evil.example/x HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    ] {
        let answer = raw::send(node.port(), head).await.unwrap();
        let location = answer.field("location").unwrap_or_default();
        assert!(!location.contains("evil.example"), "an unknown host gets no redirect of ours: {location}");
    }
    assert_eq!(world.app.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_name_is_served_with_its_own_certificate_over_http_2() {
    let (world, authority, _node, _) = world_with_tls().await;
    let browser = Browser::trusting(&world.names, authority.root_pem());
    for (url, subject) in
        [("https://app.localhost/public/x", "app.localhost"), ("https://a.example.org/x", "example.org")]
    {
        let page = browser.open(url).await;
        assert_eq!((page.status, page.version), (200, http::Version::HTTP_2), "{subject}");
        let seen = world.app.last();
        assert_eq!(seen.field("x-forwarded-proto").as_deref(), Some("https"));
        assert_eq!(seen.field("host").as_deref(), page.url.host_str());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_works_over_tls_and_http_2() {
    let (world, authority, _node, _) = world_with_tls().await;
    let browser = Browser::trusting(&world.names, authority.root_pem());
    let page = browser.visit("https://app.localhost/deep%2Flink?x=+").await;
    assert_eq!((page.status, page.path_and_query()), (200, "/deep%2Flink?x=+"), "{}", page.text());
    assert_eq!(page.version, http::Version::HTTP_2);
    assert!(has_session(&browser));
    assert_eq!(world.app.last().field("x-forwarded-user").as_deref(), Some("ana"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_under_the_wrong_certificate_is_not_served_by_another_route() {
    let (world, authority, _node, _) = world_with_tls().await;
    // One connection for a.example.org, a request for app.localhost on it: `:authority` still names the first.
    let browser = Browser::trusting(&world.names, authority.root_pem());
    let page = browser
        .send(http::Method::GET, "https://a.example.org/finance/x", &[("host", "app.localhost")], None)
        .await;
    assert_eq!(page.status, 400, "{}", page.text());
    assert_eq!(world.app.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_served_after_a_reload() {
    let world = World::new().await;
    let first = Authority::new();
    let issued = first.issue(world.shared.path(), &["app.localhost"]);
    let listeners = format!("listeners:\n{}", issued.listener("<listen>", ""));
    let yaml = listeners + &world.config();
    let node = world.start(&yaml).await;
    let url = "https://app.localhost/public/x";
    assert_eq!(Browser::trusting(&world.names, first.root_pem()).open(url).await.status, 200);

    let second = Authority::new();
    let _ = second.issue(world.shared.path(), &["app.localhost"]);
    node.reload(&yaml);
    let browser = Browser::trusting(&world.names, second.root_pem());
    ostia_testkit::eventually(
        "the new certificate is served",
        std::time::Duration::from_secs(10),
        async || browser.try_open(url).await.map(|page| page.status),
    )
    .await;
}
