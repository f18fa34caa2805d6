//! HTTP/2 by ALPN.

use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use http::Request;
use tokio::io::AsyncReadExt;

use crate::app::{Served, soon};
use crate::tls::{Files, client, connect, secure};

async fn open(served: &Served) -> (SendRequest<Bytes>, tokio::task::JoinHandle<Result<(), h2::Error>>) {
    let stream = connect(served, client(&["h2"], rustls::ALL_VERSIONS), "a.example").await.unwrap();
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    (sender, tokio::spawn(connection))
}

async fn get(sender: &SendRequest<Bytes>, target: &str) -> Result<String, h2::Error> {
    let request = Request::get(format!("https://a.example{target}")).body(()).unwrap();
    let (answer, _) = sender.clone().ready().await?.send_request(request, true)?;
    let mut body = answer.await?.into_body();
    let mut text = String::new();
    while let Some(bytes) = body.data().await {
        text.push_str(std::str::from_utf8(&bytes?).unwrap());
    }
    Ok(text)
}

fn served(change: impl FnOnce(&mut ostia_config::Listener)) -> (Files, Served) {
    let files = Files::new();
    let mut section = secure(vec![files.pair("a", &["a.example"]).0]);
    change(&mut section);
    let served = Served::start(&section);
    (files, served)
}

#[tokio::test]
async fn alpn_chooses_http2_and_sni_reaches_each_stream() {
    let (_files, served) = served(|_| {});
    let (sender, _connection) = open(&served).await;
    for target in ["/one", "/two"] {
        assert_eq!(soon(get(&sender, target)).await.unwrap(), format!("GET {target}||a.example|TLSv1_3"));
    }
    assert_eq!(served.listener.counters().accepted(), 1);
}

#[tokio::test]
async fn http2_that_is_not_offered_is_not_spoken() {
    let (_files, served) = served(|section| section.protocols.http2 = false);
    let config = client(&["h2"], rustls::ALL_VERSIONS);
    assert!(connect(&served, config, "a.example").await.is_err());
}

#[tokio::test]
async fn a_client_without_alpn_is_closed_where_only_http2_is_spoken() {
    let (_files, served) = served(|section| section.protocols.http1 = false);
    let mut stream = connect(&served, client(&[], rustls::ALL_VERSIONS), "a.example").await.unwrap();
    let _ = soon(stream.read(&mut [0; 1])).await;
    assert_eq!(served.refused("no_protocol"), 1);
}

#[tokio::test]
async fn a_head_over_the_cap_is_refused_on_its_stream_alone() {
    let (_files, served) = served(|_| {});
    let (sender, _connection) = open(&served).await;
    let request = Request::get("https://a.example/").header("x", "x".repeat(20 * 1024)).body(()).unwrap();
    let (answer, _) = sender.clone().ready().await.unwrap().send_request(request, true).unwrap();
    assert_eq!(soon(answer).await.unwrap().status(), 431);
    assert_eq!(soon(get(&sender, "/")).await.unwrap(), "GET /||a.example|TLSv1_3");
}

#[tokio::test]
async fn a_late_preface_is_cut() {
    let (_files, served) = served(|section| section.limits.header_timeout = Duration::from_millis(200));
    let mut stream = connect(&served, client(&["h2"], rustls::ALL_VERSIONS), "a.example").await.unwrap();
    let mut rest = Vec::new();
    let _ = soon(stream.read_to_end(&mut rest)).await;
    assert_eq!(served.refused("preface"), 1);
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_keep_alive() {
    let (_files, served) = served(|section| section.limits.keep_alive = Duration::from_millis(300));
    let (sender, connection) = open(&served).await;
    soon(get(&sender, "/")).await.unwrap();
    soon(connection).await.unwrap().unwrap();
    soon(served.listener.drained()).await;
}

#[tokio::test]
async fn a_stop_lets_the_stream_in_flight_finish_and_closes_idle_connections() {
    let (_files, served) = served(|_| {});
    let (idle, idle_connection) = open(&served).await;
    soon(get(&idle, "/")).await.unwrap();
    let (busy, _busy_connection) = open(&served).await;
    let waiting = tokio::spawn(async move { get(&busy, "/wait").await });
    soon(served.app.waiting.notified()).await;
    served.stop.send(true).unwrap();
    soon(served.serving).await.unwrap().unwrap();
    soon(idle_connection).await.unwrap().unwrap();
    served.app.release.notify_one();
    assert_eq!(soon(waiting).await.unwrap().unwrap(), "GET /wait||a.example|TLSv1_3");
    soon(served.listener.drained()).await;
}
