//! HTTP/2 with prior knowledge on a plain listener.

use http::Request;
use ostia_config::listener::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::{Served, section, soon};

fn served(http1: bool) -> Served {
    let mut section = section(Limits::default());
    section.protocols.http1 = http1;
    section.protocols.http2 = true;
    Served::start(&section)
}

async fn get(stream: TcpStream) -> Result<String, h2::Error> {
    let (sender, connection) = h2::client::handshake(stream).await?;
    tokio::spawn(connection);
    let request = Request::get("http://a.example/x").body(()).unwrap();
    let (answer, _) = sender.ready().await?.send_request(request, true)?;
    let mut body = answer.await?.into_body();
    let mut text = String::new();
    while let Some(bytes) = body.data().await {
        text.push_str(std::str::from_utf8(&bytes?).unwrap());
    }
    Ok(text)
}

#[tokio::test]
async fn both_protocols_are_told_apart_on_one_port() {
    let served = served(true);
    let stream = TcpStream::connect(served.address()).await.unwrap();
    assert_eq!(soon(get(stream)).await.unwrap(), "GET /x|");
    let (_, seen) = soon(served.connect().await.get("/y")).await;
    assert_eq!(seen, "GET /y|");
}

#[tokio::test]
async fn a_preface_that_drips_is_still_a_preface() {
    let served = served(true);
    let mut stream = TcpStream::connect(served.address()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for piece in [&b"P"[..], b"RI * HT", b"TP/2.0\r\n\r\nSM\r\n"] {
        stream.write_all(piece).await.unwrap();
        tokio::task::yield_now().await;
    }
    // What is missing is the rest of the preface and the client's SETTINGS.
    stream.write_all(b"\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut first = [0; 9];
    soon(stream.read_exact(&mut first)).await.unwrap();
    assert_eq!(first[3], 4, "SETTINGS of the server come first: {first:?}");
}

#[tokio::test]
async fn http_1_is_not_spoken_where_only_http_2_is() {
    let served = served(false);
    let mut client = served.connect().await;
    client.send("GET /y HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut answer = Vec::new();
    let _ = soon(client.0.read_to_end(&mut answer)).await;
    assert!(!String::from_utf8_lossy(&answer).contains("GET /y|"));
    assert_eq!(served.refused("preface"), 1);
}

#[tokio::test]
async fn a_preface_is_no_request_where_http_2_is_not_spoken() {
    let served = Served::plain(Limits::default());
    let mut client = served.connect().await;
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    let answer = soon(client.rest()).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn a_preface_is_found_behind_a_proxy_header() {
    let mut section = section(Limits::default());
    section.protocols.http2 = true;
    section.proxy_protocol = ostia_config::listener::ProxyProtocol::Accept;
    section.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let served = Served::start(&section);
    let mut stream = TcpStream::connect(served.address()).await.unwrap();
    stream.write_all(b"PROXY TCP4 192.0.2.1 192.0.2.9 1000 80\r\n").await.unwrap();
    assert_eq!(soon(get(stream)).await.unwrap(), "GET /x|");
    let mut client = served.connect().await;
    client.send("PROXY TCP4 192.0.2.1 192.0.2.9 1000 80\r\nGET /y HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(soon(client.answer()).await.1, "GET /y|");
}
