//! Health checks against a real server on loopback, whose mood the test decides.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use ostia_config::upstream::{
    Affinity, Balance, HealthCheck, KeepAlive, Retry, Server as ServerSection, Timeouts, Upstream,
};
use ostia_upstream::{Group, Health, Tried};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Answers every request with one status; 0 means that it keeps silent.
struct Server {
    address: SocketAddr,
    status: Arc<AtomicU16>,
    asked: Arc<AtomicUsize>,
    heads: watch::Receiver<String>,
    serving: JoinHandle<()>,
}

impl Server {
    async fn start(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (status, asked) = (Arc::new(AtomicU16::new(status)), Arc::new(AtomicUsize::new(0)));
        let (told, heads) = watch::channel(String::new());
        let serving = tokio::spawn({
            let (status, asked) = (Arc::clone(&status), Arc::clone(&asked));
            async move {
                let mut silent = Vec::new();
                while let Ok((mut client, _)) = listener.accept().await {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") && client.read_buf(&mut head).await.unwrap_or(0) != 0 {
                    }
                    asked.fetch_add(1, Relaxed);
                    let _ = told.send(String::from_utf8_lossy(&head).into_owned());
                    match status.load(Relaxed) {
                        0 => silent.push(client),
                        status => {
                            let answer = format!("HTTP/1.1 {status} OK\r\nContent-Length: 2\r\n\r\nok");
                            let _ = client.write_all(answer.as_bytes()).await;
                        }
                    }
                }
            }
        });
        Self { address, status, asked, heads, serving }
    }
}

fn section(addresses: &[SocketAddr], check: HealthCheck) -> Upstream {
    let server = |address: &SocketAddr| ServerSection { address: *address, weight: 1, backup: false };
    Upstream {
        name: "portal".into(),
        servers: addresses.iter().map(server).collect(),
        balance: Balance::RoundRobin,
        affinity: Affinity::Source,
        bounded_load: 1.25,
        health_check: Some(check),
        retry: Retry { attempts: 1 },
        timeouts: Timeouts {
            connect: Duration::from_secs(1),
            between_bytes: Duration::from_secs(60),
            idle: Duration::from_secs(3600),
        },
        keep_alive: KeepAlive { idle: Duration::from_secs(55) },
    }
}

fn check(path: Option<&str>) -> HealthCheck {
    HealthCheck {
        path: path.map(str::to_owned),
        host: Some("app.example".to_owned()),
        expect: vec![200, 204],
        interval: Duration::from_millis(20),
        timeout: Duration::from_millis(500),
        rise: 2,
        fall: 3,
    }
}

/// Until every server has the given health, or twenty seconds have passed.
async fn becomes(group: &Group, expected: &[Health]) {
    let all = || group.servers().into_iter().map(|server| server.health).collect::<Vec<_>>();
    let reached = async {
        while all() != expected {
            tokio::task::yield_now().await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(20), reached).await;
    assert!(in_time.is_ok(), "{:?} instead of {expected:?}", all());
}

#[tokio::test]
async fn servers_rise_and_fall_with_their_answers() {
    let (steady, moody) = (Server::start(204).await, Server::start(200).await);
    let group =
        Group::compile(Arc::new(section(&[steady.address, moody.address], check(Some("/healthz")))), None);
    assert!(group.servers().iter().all(|server| server.health == Health::Unknown));
    assert!(group.pick(None, &Tried::default()).is_some(), "an unknown server serves");
    let _checks = group.start_health();
    becomes(&group, &[Health::Healthy, Health::Healthy]).await;
    assert!(moody.asked.load(Relaxed) >= 2, "one passed check is not enough");
    for status in [503, 301, 0] {
        moody.status.store(status, Relaxed);
        becomes(&group, &[Health::Healthy, Health::Unhealthy]).await;
        let picks = (0..10).map(|_| group.pick(None, &Tried::default()).unwrap().address());
        assert!(picks.into_iter().all(|address| address == steady.address));
        moody.status.store(200, Relaxed);
        // What kept silent is asked anew once its connection has run into the timeout.
        becomes(&group, &[Health::Healthy, Health::Healthy]).await;
    }
    let head = steady.heads.borrow().clone();
    assert!(head.starts_with("GET /healthz HTTP/1.1\r\n"), "{head}");
    assert!(
        head.contains("Host: app.example\r\n") && head.contains("User-Agent: ostia-health-check\r\n"),
        "{head}"
    );
}

#[tokio::test]
async fn a_tcp_check_sees_a_closed_port() {
    let server = Server::start(200).await;
    let group = Group::compile(Arc::new(section(&[server.address], check(None))), None);
    let _checks = group.start_health();
    becomes(&group, &[Health::Healthy]).await;
    server.serving.abort();
    becomes(&group, &[Health::Unhealthy]).await;
    assert!(group.pick(None, &Tried::default()).is_none());
}

#[tokio::test]
async fn a_server_that_refuses_requests_comes_back_with_the_next_passed_check() {
    let server = Server::start(200).await;
    let slow = HealthCheck { interval: Duration::from_millis(500), ..check(Some("/")) };
    let group = Group::compile(Arc::new(section(&[server.address], slow)), None);
    for _ in 0..3 {
        group.pick(None, &Tried::default()).unwrap().failed_to_connect();
    }
    assert_eq!(group.servers()[0].health, Health::Refusing);
    let _checks = group.start_health();
    becomes(&group, &[Health::Healthy]).await;
    assert_eq!(server.asked.load(Relaxed), 1);
}

#[tokio::test]
async fn health_survives_a_reload_and_the_old_checks_end_with_their_guard() {
    let (one, two) = (Server::start(500).await, Server::start(200).await);
    let before = Group::compile(Arc::new(section(&[one.address], check(Some("/")))), None);
    let checks = before.start_health();
    becomes(&before, &[Health::Unhealthy]).await;
    let after =
        Group::compile(Arc::new(section(&[two.address, one.address], check(Some("/")))), Some(&before));
    becomes(&after, &[Health::Unknown, Health::Unhealthy]).await;
    drop(checks);
    one.status.store(200, Relaxed);
    let _checks = after.start_health();
    becomes(&after, &[Health::Healthy, Health::Healthy]).await;
    assert_eq!(before.servers()[0].health, Health::Healthy, "one record for both");
}

#[tokio::test]
async fn a_check_that_cannot_be_sent_fails() {
    let server = Server::start(200).await;
    let broken = HealthCheck { host: Some("a\r\nb".to_owned()), ..check(Some("/")) };
    let group = Group::compile(Arc::new(section(&[server.address], broken)), None);
    let _checks = group.start_health();
    becomes(&group, &[Health::Unhealthy]).await;
    assert_eq!(server.asked.load(Relaxed), 0);
}
