//! O6, O8: requests sent = access lines = counter; no secret in any line.

use std::time::Duration;

use ostia_testkit::{Browser, eventually, raw};
use serde_json::json;

use crate::world::{World, bo, request, signed_in};

#[tokio::test(flavor = "multi_thread")]
async fn requests_sent_equal_access_lines_equal_the_counter() {
    let (world, node, _) = World::with_node().await;
    let mut sent = 0;
    let token = world.provider.access_token("robot", json!({}));
    for _ in 0..20 {
        for line in [
            "GET /public/x HTTP/1.1",
            "GET /x HTTP/1.1",
            "POST /x HTTP/1.1",
            "OPTIONS /y HTTP/1.1",
            "BREW /public/x HTTP/1.1",
        ] {
            raw::send(node.port(), request(line, &[("Content-Length", "0")])).await.unwrap();
            sent += 1;
        }
        let head =
            format!("GET /orders HTTP/1.1\r\nHost: api.localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
        assert_eq!(raw::send(node.port(), head).await.unwrap().status, 200);
        for head in [
            "GET /x HTTP/1.1\r\nHost: nobody.example\r\n\r\n",
            "GET /.ostia/whoami HTTP/1.1\r\nHost: app.localhost\r\n\r\n",
            "GET /public/..%2Ffinance/ HTTP/1.1\r\nHost: app.localhost\r\n\r\n",
        ] {
            raw::send(node.port(), head).await.unwrap();
            sent += 1;
        }
        sent += 1;
    }
    let lines = node.access_lines_at_least(sent).await;
    assert_eq!(lines.len(), sent);
    let counted = eventually("the counter is there", Duration::from_secs(5), async || {
        let counted = node.metrics().await.sum("ostia_http_requests_total", &[]);
        (counted >= sent as f64).then_some(counted)
    })
    .await;
    assert_eq!(counted, sent as f64);
    for code in ["200", "401", "404", "400"] {
        let in_lines = lines
            .iter()
            .filter(|line| line["http.response.status_code"].to_string().trim_matches('"') == code)
            .count();
        let in_metrics = node.metrics().await.sum("ostia_http_requests_total", &[("code", code)]);
        assert_eq!(in_metrics, in_lines as f64, "{code}");
    }
    let odd = node.metrics().await;
    assert!(
        !odd.text().contains("BREW") && !odd.text().contains("nobody.example"),
        "labels come from the configuration only"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_tells_who_what_where_and_why() {
    let (world, node, browser) = World::with_node().await;
    world.provider.expect_person(bo());
    let page = browser.visit("http://app.localhost/finance/report?token=should-not-be-logged").await;
    assert_eq!(page.status, 403);
    let denied = eventually("the line is written", Duration::from_secs(5), async || {
        node.access_lines().into_iter().find(|line| line["http.response.status_code"] == 403)
    })
    .await;
    assert_eq!(denied["http.request.method"], "GET");
    assert_eq!(denied["url.path"], "/finance/report");
    assert_eq!(denied["server.address"], "app.localhost");
    assert_eq!(denied["http.route"], "finance");
    assert_eq!(denied["user.id"], "bo");
    assert_eq!(denied["client.address"], "127.0.0.1");
    assert_eq!(denied["ostia.policy"], "finance");
    assert!(denied["request.id"].as_str().is_some_and(|id| id.len() == 36), "{denied}");
    assert_eq!(page.field("x-request-id"), denied["request.id"].as_str());
    assert!(page.text().contains(denied["request.id"].as_str().unwrap()), "the page shows the id to ask for");
    assert!(
        node.output().iter().all(|line| !line.contains("should-not-be-logged")),
        "queries are not logged"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_tell_of_logins_tokens_decisions_and_servers() {
    let (world, node, browser) = World::with_node().await;
    signed_in(&browser, "/").await;
    let good = world.provider.access_token("robot", json!({}));
    for token in [&good, &good, &world.provider.access_token("robot", json!({ "aud": "x" }))] {
        let head =
            format!("GET /orders HTTP/1.1\r\nHost: api.localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
        raw::send(node.port(), head).await.unwrap();
    }
    let metrics = node.metrics().await;
    assert_eq!(metrics.sum("ostia_oidc_logins_started_total", &[]), 1.0);
    assert_eq!(metrics.sum("ostia_oidc_logins_total", &[]), 1.0);
    assert_eq!(metrics.sum("ostia_sessions_created_total", &[]), 1.0);
    assert!(metrics.sum("ostia_jwt_validations_total", &[]) >= 2.0);
    assert!(metrics.sum("ostia_authorization_decisions_total", &[("route", "app")]) >= 1.0);
    for name in [
        "ostia_build_info",
        "ostia_config_info",
        "ostia_http_request_duration_seconds_count",
        "ostia_upstream_requests_total",
        "ostia_upstream_server_healthy",
        "ostia_oidc_jwks_last_success_timestamp_seconds",
        "ostia_connections_accepted_total",
    ] {
        assert!(metrics.has(name), "{name} is missing");
    }
    assert_eq!(node.admin_status("/livez").await, Some(200));
    assert_eq!(node.admin_status("/nothing").await, Some(404));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_line_holds_a_secret_even_when_everything_goes_wrong() {
    // The check itself is in the harness: dropping a node searches every line of every test for every secret that the
    // browser and the provider have seen. Here the requests are those that tempt a log line.
    let (world, node, browser) = World::with_node().await;
    let page = signed_in(&browser, "/").await;
    let callback = page.trail.iter().find(|url| url.path() == "/.ostia/callback").unwrap().to_string();
    let cookie = browser.cookie_field("http://app.localhost/").unwrap();
    let token = world.provider.access_token("robot", json!({ "aud": "x" }));
    browser.open(&callback).await;
    Browser::new(&world.names).open(&callback).await;
    world.provider.behave(|behaviour| behaviour.token_error = Some("invalid_client".to_owned()));
    Browser::new(&world.names).visit("http://app.localhost/x").await;
    for head in [
        format!("GET /{token} HTTP/1.1\r\nHost: app.localhost\r\nCookie: {cookie}x\r\n\r\n"),
        format!(
            "GET /x?access_token={token} HTTP/1.1\r\nHost: app.localhost\r\nCookie: {cookie}; {cookie}\r\n\r\n"
        ),
        format!(
            "GET /x HTTP/1.1\r\nHost: app.localhost\r\nAuthorization: Bearer {token} {token}\r\nReferer: {callback}\r\n\r\n"
        ),
        format!("GET /x HTTP/1.1\r\nHost: api.localhost\r\nAuthorization: Bearer {token}\r\n\r\n"),
        format!("GET /x HTTP/1.1\r\nHost: api.localhost\r\nAuthorization Bearer {token}\r\n\r\n"),
        format!("GET /x HTTP/1.1\r\nHost: {token}\r\n\r\n"),
    ] {
        // A token in the path is the client's own doing: the path is logged as it is, so that one is left out here.
        if !head.starts_with("GET /ey") {
            raw::send(node.port(), head).await;
        }
    }
    node.signal("HUP");
    assert_eq!(node.admin_status("/readyz").await, Some(200));
}
