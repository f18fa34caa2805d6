//! From bind to drain.

use std::time::{Duration, Instant};

use ostia_config::listener::Limits;
use ostia_listener::{Listener, ListenerRefused};

use crate::app::{Served, node, section, soon};

#[test]
fn a_port_in_use_is_refused_at_once_with_its_address_and_a_remedy() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut section = section(Limits::default());
    section.bind = vec!["127.0.0.1:0".parse().unwrap(), taken.local_addr().unwrap()];
    let began = Instant::now();
    let refused = Listener::bind(&section, &node()).unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(refused.slug(), "bind");
    let said = refused.to_string();
    assert!(
        said.starts_with(&format!("listener `web` cannot bind {}: ", taken.local_addr().unwrap())),
        "{said}"
    );
    assert!(said.ends_with("another process listens there; `ss -ltnp` shows which"), "{said}");
}

#[test]
fn an_address_of_another_machine_is_refused_with_a_remedy() {
    let mut section = section(Limits::default());
    section.bind = vec!["192.0.2.1:0".parse().unwrap()];
    let said = Listener::bind(&section, &node()).unwrap_err().to_string();
    assert!(said.contains("192.0.2.1:0") && said.ends_with("`ip address` shows them"), "{said}");
}

#[test]
fn one_port_serves_both_families_side_by_side() {
    let mut section = section(Limits::default());
    section.bind = vec!["[::]:0".parse().unwrap()];
    let any6 = Listener::bind(&section, &node()).unwrap();
    let port = any6.addresses()[0].port();
    section.bind = vec![([0, 0, 0, 0], port).into()];
    assert_eq!(Listener::bind(&section, &node()).unwrap().addresses()[0].port(), port);
}

#[tokio::test]
async fn a_second_serve_is_refused() {
    let served = Served::plain(Limits::default());
    served.connect().await.get("/").await;
    let (_stop, shutdown) = tokio::sync::watch::channel(false);
    let refused = served.listener.serve(served.app.clone(), shutdown).await.unwrap_err();
    assert!(matches!(refused, ListenerRefused::Serve { .. }));
}

#[tokio::test]
async fn a_reload_with_another_bind_is_refused() {
    let served = Served::plain(Limits::default());
    let mut other = section(Limits::default());
    other.bind = vec!["127.0.0.2:0".parse().unwrap()];
    assert_eq!(served.listener.reload(&other).unwrap_err().slug(), "bind_changed");
}

#[tokio::test]
async fn connections_over_the_limit_are_closed_and_counted() {
    let served = Served::plain(Limits { connections: 2, ..Limits::default() });
    let (mut one, mut two) = (served.connect().await, served.connect().await);
    assert_eq!(
        (one.get("/").await.0, two.get("/").await.0),
        ("HTTP/1.1 200 OK".into(), "HTTP/1.1 200 OK".into())
    );
    let mut three = served.connect().await;
    assert_eq!(soon(three.rest()).await, "");
    assert_eq!((served.refused("limit"), served.listener.active()), (1, 2));
    drop(one);
    soon(async {
        while served.listener.active() == 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(served.connect().await.get("/").await.0, "HTTP/1.1 200 OK");
    assert_eq!(served.listener.counters().accepted(), 4);
}

#[tokio::test]
async fn a_stop_with_nothing_in_flight_drains_at_once() {
    let served = Served::plain(Limits::default());
    let (mut idle, mut silent) = (served.connect().await, served.connect().await);
    idle.get("/").await;
    silent.send("").await;
    served.listener.set_last_call(Duration::from_millis(100));
    let began = Instant::now();
    served.stop.send(true).unwrap();
    soon(served.serving).await.unwrap().unwrap();
    soon(served.listener.drained()).await;
    assert!(began.elapsed() < Duration::from_millis(200), "{:?}", began.elapsed());
    assert_eq!((idle.rest().await, silent.rest().await), (String::new(), String::new()));
}

#[tokio::test]
async fn a_stop_answers_what_was_on_its_way_on_a_kept_connection_and_says_that_it_was_the_last() {
    let served = Served::plain(Limits::default());
    let mut client = served.connect().await;
    client.get("/one").await;
    served.stop.send(true).unwrap();
    soon(served.serving).await.unwrap().unwrap();
    client.send("GET /two HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let rest = soon(client.rest()).await;
    assert!(rest.to_ascii_lowercase().contains("\r\nconnection: close\r\n"), "{rest}");
    assert!(rest.ends_with("GET /two|"), "{rest}");
    soon(served.listener.drained()).await;
}

#[tokio::test]
async fn a_stop_lets_the_request_in_flight_finish_and_closes_its_connection() {
    let served = Served::plain(Limits::default());
    let address = served.address();
    let mut client = served.connect().await;
    client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").await;
    soon(served.app.waiting.notified()).await;
    served.stop.send(true).unwrap();
    soon(served.serving).await.unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "still accepting");
    assert_eq!(served.listener.active(), 1);
    served.app.release.notify_one();
    assert!(soon(client.rest()).await.ends_with("GET /wait|"));
    soon(served.listener.drained()).await;
}

#[tokio::test]
async fn a_stop_serves_what_the_kernel_has_queued() {
    let listener = Listener::bind(&section(Limits::default()), &node()).unwrap();
    let mut early =
        crate::app::Client(tokio::net::TcpStream::connect(listener.addresses()[0]).await.unwrap());
    early.send("GET /early HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let (_stop, shutdown) = tokio::sync::watch::channel(true);
    listener.serve(std::sync::Arc::new(crate::app::App::default()), shutdown).await.unwrap();
    assert_eq!(soon(early.answer()).await.1, "GET /early|");
}

#[tokio::test]
async fn connections_are_counted_by_the_address_that_a_proxy_header_tells() {
    let mut section = section(Limits { connections_per_address: 1, ..Limits::default() });
    section.proxy_protocol = ostia_config::listener::ProxyProtocol::Accept;
    section.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let served = Served::start(&section);
    let mut open = Vec::new();
    for (client, is_taken) in [("192.0.2.1", true), ("192.0.2.2", true), ("192.0.2.1", false)] {
        let mut connection = served.connect().await;
        connection
            .send(format!("PROXY TCP4 {client} 192.0.2.9 1000 80\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n"))
            .await;
        if is_taken {
            assert!(soon(connection.answer()).await.0.starts_with("HTTP/1.1 200 "), "{client}");
        } else {
            assert_eq!(soon(connection.rest()).await, "", "{client}");
        }
        open.push(connection);
    }
    assert_eq!(served.refused("address_limit"), 1);
    // Those of the proxy itself are not counted.
    for _ in 0..3 {
        let mut connection = served.connect().await;
        assert!(soon(connection.get("/y")).await.0.starts_with("HTTP/1.1 200 "));
        open.push(connection);
    }
}
