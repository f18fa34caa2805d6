//! The upstream server shows a request as it arrived.

use futures_util::{SinkExt, StreamExt};
use ostia_demo::browser::{Incoming, Outgoing, Trust, exchange};
use ostia_demo::upstream::{RunningUpstream, Upstream};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

async fn get(app: &RunningUpstream, target: &str, fields: &[(&str, &str)]) -> Incoming {
    let url = format!("http://{}/", app.address()).parse().unwrap();
    let mut request = Outgoing::new("GET", url);
    request.target = Some(target.to_owned());
    let request = fields.iter().fold(request, |request, (name, value)| request.header(name, value));
    exchange(&request, &Trust::none()).await.unwrap()
}

/// Sends bytes and reads until the server closes.
async fn raw(app: &RunningUpstream, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(app.address()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn target_and_fields_are_shown_byte_for_byte() {
    let app = Upstream::start("app-1").await.unwrap();
    let target = "/api/a%2Fb//../c;x?q=a+b&q=%c3%bc&\"{}|";
    let fields = [("X-One", "1"), ("x-two", "a"), ("X-One", "2"), ("X_Under", "\u{e9}")];
    let echo = get(&app, target, &fields).await.json();
    assert_eq!((&echo["server"], &echo["target"]), (&json!("app-1"), &json!(target)));
    let shown = echo["headers"].as_array().unwrap();
    let expected = [["X-One", "1"], ["x-two", "a"], ["X-One", "2"]];
    for (index, pair) in expected.iter().enumerate() {
        assert_eq!(shown[index + 1], json!(pair), "after Host, in this order");
    }
    assert_eq!(app.requests()[0].target, target);
}

#[tokio::test]
async fn a_body_is_told_by_length_and_digest_with_trailers() {
    let app = Upstream::start("app-1").await.unwrap();
    let answer = raw(
        &app,
        b"POST /api HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n\
          5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nX-Late: 1\r\n\r\n",
    )
    .await;
    let echo: serde_json::Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    // printf 'hello!' | sha256sum
    let digest = "ce06092fb948d9ffac7d1a376e404b26b7575bcc11ee05a4615fef4fec3a308b";
    assert_eq!(echo["body"], json!({ "length": 6, "sha256": digest }));
    assert_eq!(echo["trailers"], json!([["X-Late", "1"]]));
}

#[tokio::test]
async fn a_connection_serves_request_after_request() {
    let app = Upstream::start("app-1").await.unwrap();
    let answer = raw(
        &app,
        b"POST /status/204 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /bytes/4 HTTP/1.1\r\nHost: a\r\n\
          Connection: close\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 204 \r\n") && answer.ends_with("\r\n\r\nxxxx"), "{answer}");
    assert_eq!(app.take_requests().len(), 2);
    assert!(app.requests().is_empty());
}

#[tokio::test]
async fn a_person_gets_a_page_and_a_script_gets_json() {
    let app = Upstream::start("app-1").await.unwrap();
    let told = ("X-Forwarded-User", "<ana>");
    let page = get(&app, "/x?<y>", &[("Accept", "text/html,*/*;q=0.8"), told]).await;
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    assert!(page.text().contains("You are &lt;ana&gt;") && !page.text().contains("<ana>"));
    assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
    let echo = get(&app, "/x", &[("Accept", "application/json"), told]).await.json();
    assert_eq!(echo["caller"]["user"], "<ana>");
}

#[tokio::test]
async fn a_forged_field_is_told_as_removed_or_arrived() {
    let app = Upstream::start("app-1").await.unwrap();
    let tried = ("X-Demo-Forged", "X-Forwarded-User=root,x_forwarded_groups=admin");
    let echo =
        get(&app, "/", &[tried, ("X-Forwarded-Groups", "admin"), ("X-Forwarded-User", "ana")]).await.json();
    let expected = json!([
        { "name": "X-Forwarded-User", "value": "root", "arrived": false },
        { "name": "x_forwarded_groups", "value": "admin", "arrived": true },
    ]);
    assert_eq!(echo["forged"], expected);
}

#[tokio::test]
async fn health_is_told_and_never_logged() {
    let app = Upstream::start("app-1").await.unwrap();
    assert_eq!(get(&app, "/healthz", &[]).await.status, 200);
    app.set_well(false);
    assert_eq!(get(&app, "/healthz", &[]).await.status, 503);
    app.set_well(true);
    assert_eq!(get(&app, "/healthz", &[]).await.status, 200);
    assert!(app.requests().is_empty());
    let url = format!("http://{}/unwell", app.address()).parse().unwrap();
    let answer = exchange(&Outgoing::new("POST", url), &Trust::none()).await.unwrap();
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
    assert_eq!(get(&app, "/healthz", &[]).await.status, 503);
}

#[tokio::test]
async fn events_come_one_by_one() {
    let app = Upstream::start("app-1").await.unwrap();
    let answer = get(&app, "/sse?count=2", &[]).await;
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    assert_eq!(answer.text().matches("data: ").count(), 2);
}

#[tokio::test]
async fn a_web_socket_greets_and_echoes() {
    let app = Upstream::start("app-1").await.unwrap();
    let address = format!("ws://{}/ws", app.address());
    let stream = TcpStream::connect(app.address()).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async(address, stream).await.unwrap();
    let greeting = socket.next().await.unwrap().unwrap();
    assert_eq!(greeting, Message::text(r#"{"server":"app-1","user":null}"#));
    socket.send(Message::binary(vec![0, 255])).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::binary(vec![0, 255]));
    let answer = raw(&app, b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: other\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn a_stopped_server_is_gone_and_may_come_back() {
    let app = Upstream::start("app-1").await.unwrap();
    let address = app.address();
    let mut open = TcpStream::connect(address).await.unwrap();
    app.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
    assert!(matches!(open.read(&mut [0; 1]).await, Ok(0) | Err(_)), "open connections are cut");
    drop(open);
    let back = Upstream::start_at("app-1", address).await.unwrap();
    assert_eq!(back.address(), address);
}
