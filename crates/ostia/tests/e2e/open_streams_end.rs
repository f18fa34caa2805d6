//! S6: after logout, expiry or revocation the open streams of that session end within a second, idle ones too.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use http::Method;
use ostia_testkit::{Authority, Browser, OpenAnswer, Ostia, eventually};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::world::{APP, World, signed_in};

/// The promise.
const WITHIN: Duration = Duration::from_secs(1);
/// What a busy machine may add.
const GRACE: Duration = Duration::from_millis(700);

fn config(world: &World) -> String {
    let keys = world.provider_keys("app.localhost", 2);
    world.config().replace(&keys, &format!("{keys}  logout: {{ back_channel: true }}\n"))
}

async fn signed_in_as(world: &World, person: &str, sid: &str) -> Browser {
    world.provider.expect_person(json!({ "sub": person, "sid": sid, "groups": ["staff"] }));
    let browser = Browser::new(&world.names);
    signed_in(&browser, "/").await;
    browser
}

async fn web_socket(node: &Ostia, browser: &Browser) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", node.port())).await.unwrap();
    let mut handshake = "ws://app.localhost/ws".into_client_request().unwrap();
    handshake.headers_mut().insert("cookie", browser.cookie_field(APP).unwrap().parse().unwrap());
    handshake.headers_mut().insert("origin", APP.parse().unwrap());
    let (socket, answer) = tokio_tungstenite::client_async(handshake, stream).await.unwrap();
    assert_eq!(answer.status(), 101);
    socket
}

async fn events(browser: &Browser, base: &str, fields: &[(&str, &str)], method: Method) -> OpenAnswer {
    let mut answer = browser.begin(method, &format!("{base}/events"), fields).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.next().await.unwrap(), b"data: 1\n\n");
    answer
}

/// When the stream ended, after `since`.
async fn end_of_socket(mut socket: WebSocketStream<TcpStream>, since: Instant) -> Duration {
    let mut last = None;
    while let Some(Ok(message)) = socket.next().await {
        last = Some(message);
    }
    let ended = since.elapsed();
    let frame = match last {
        Some(Message::Close(frame)) => frame,
        _ => None,
    };
    let frame = frame.expect("it is told why");
    assert_eq!((frame.code, &*frame.reason), (CloseCode::Policy, "session ended"));
    ended
}

async fn end_of_events(mut answer: OpenAnswer, since: Instant) -> Duration {
    while answer.next().await.is_some() {}
    since.elapsed()
}

async fn log_out(world: &World, edit: serde_json::Value) {
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let body = format!("logout_token={}", world.provider.logout_token(edit));
    let url = format!("{APP}/.ostia/back-channel-logout");
    let answer = Browser::new(&world.names).send(Method::POST, &url, &form, Some(&body)).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_streams_of_a_session_end_within_a_second_of_its_logout_and_others_go_on() {
    let world = World::new().await;
    let node = world.start(&config(&world)).await;
    for by_issuer in [true, false] {
        let (ana, bo) = (signed_in_as(&world, "ana", "s-1").await, signed_in_as(&world, "bo", "s-2").await);
        let (socket, other_socket) = (web_socket(&node, &ana).await, web_socket(&node, &bo).await);
        let answer = events(&ana, APP, &[], Method::GET).await;
        let other_answer = events(&bo, APP, &[], Method::GET).await;
        eventually("the streams are counted", Duration::from_secs(5), async || {
            (node.metrics().await.sum("ostia_streams_open", &[]) == 4.0).then_some(())
        })
        .await;
        let began = Instant::now();
        if by_issuer {
            log_out(&world, json!({ "sid": "s-1" })).await;
        } else {
            let ask = ana.open(&format!("{APP}/.ostia/logout")).await;
            ana.submit(&ask.form().unwrap()).await;
        }
        let ends = async { tokio::join!(end_of_socket(socket, began), end_of_events(answer, began)) };
        let (socket, answer) = tokio::time::timeout(Duration::from_secs(10), ends).await.expect("they end");
        assert!(socket < WITHIN + GRACE && answer < WITHIN + GRACE, "{socket:?} {answer:?}");
        // Those of others are as they were.
        eventually("theirs are left", Duration::from_secs(5), async || {
            (node.metrics().await.sum("ostia_streams_open", &[]) == 2.0).then_some(())
        })
        .await;
        drop((other_socket, other_answer));
        eventually("the streams are gone", Duration::from_secs(5), async || {
            (node.metrics().await.sum("ostia_streams_open", &[]) == 0.0).then_some(())
        })
        .await;
    }
    let let_go = eventually("each has its line", Duration::from_secs(5), async || {
        let lines = node.access_lines().into_iter();
        let let_go: Vec<_> = lines.filter(|line| line["ostia.end"] == "session_ended").collect();
        (let_go.len() >= 4).then_some(let_go)
    })
    .await;
    assert_eq!(let_go.len(), 4, "{let_go:?}");
    for line in let_go {
        assert!([101, 200].contains(&line["http.response.status_code"].as_u64().unwrap()), "{line}");
        assert_eq!(line["user.id"], "ana", "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grpc_call_over_http_2_is_reset_and_its_connection_goes_on() {
    let world = World::new().await;
    let authority = Authority::new();
    let issued = authority.issue(world.shared.path(), &["app.localhost"]);
    let listeners = format!("listeners:\n{}", issued.listener("<listen>", ""));
    let yaml = (listeners + &config(&world)).replace("http://app.localhost/", "https://app.localhost/");
    let node = world.start(&yaml).await;
    world.provider.expect_person(json!({ "sub": "ana", "sid": "s-1", "groups": ["staff"] }));
    let browser = Browser::trusting(&world.names, authority.root_pem());
    assert_eq!(browser.visit("https://app.localhost/").await.status, 200);
    let grpc = [("content-type", "application/grpc"), ("te", "trailers")];
    let call = events(&browser, "https://app.localhost", &grpc, Method::POST).await;
    assert_eq!(node.metrics().await.sum("ostia_streams_open", &[]), 1.0);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let body = format!("logout_token={}", world.provider.logout_token(json!({ "sub": "ana" })));
    let began = Instant::now();
    let url = "https://app.localhost/.ostia/back-channel-logout";
    assert_eq!(browser.send(Method::POST, url, &form, Some(&body)).await.status, 200);
    let took =
        tokio::time::timeout(Duration::from_secs(10), end_of_events(call, began)).await.expect("it ends");
    assert!(took < WITHIN + GRACE, "{took:?}");
    assert_eq!(browser.open("https://app.localhost/public/x").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_end_when_the_session_reaches_its_end() {
    let world = World::new().await;
    let yaml = config(&world).replace(
        &world.sessions_section(""),
        &world.sessions_section("lifetime: 60s, idle_timeout: 60s, refresh_before: 0s"),
    );
    let node = world.start(&yaml).await;
    let before = Instant::now();
    let browser = signed_in_as(&world, "ana", "s-1").await;
    let after = Instant::now();
    let (socket, answer) = (web_socket(&node, &browser).await, events(&browser, APP, &[], Method::GET).await);
    let both = async { tokio::join!(end_of_socket(socket, before), end_of_events(answer, before)) };
    let (socket, answer) = tokio::time::timeout(Duration::from_secs(75), both).await.expect("they end");
    // A session keeps whole seconds: it may end up to one early.
    let latest = Duration::from_secs(60) + WITHIN + GRACE + (after - before);
    for took in [socket, answer] {
        assert!(took > Duration::from_secs(58) && took < latest, "{took:?}");
    }
}
