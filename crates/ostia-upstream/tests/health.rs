//! Health checks against a real server on loopback, whose mood the test decides.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use ostia_config::upstream::{HealthAsk, HealthCheck, Server as ServerSection, Upstream};
use ostia_upstream::{Ask, Group, Health, Picked, Registry, Tried};
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
    let servers = addresses.iter().map(|address| ServerSection::at(*address)).collect();
    Upstream { health_check: Some(check), ..Upstream::of_servers("portal".into(), servers) }
}

fn check(path: Option<&str>) -> HealthCheck {
    let http = |path: &str| HealthAsk::Http {
        method: http::Method::GET,
        path: path.to_owned(),
        host: Some("app.example".to_owned()),
        expect: vec![200, 204],
        body: None,
    };
    asking(path.map_or(HealthAsk::Tcp, http))
}

fn asking(ask: HealthAsk) -> HealthCheck {
    HealthCheck {
        ask,
        port: None,
        interval: Duration::from_millis(20),
        fast_interval: Duration::from_millis(20),
        down_interval: Duration::from_millis(20),
        timeout: Duration::from_millis(500),
        rise: 2,
        fall: 3,
        waits_for_check: false,
    }
}

fn compile(section: Upstream) -> Arc<Group> {
    Group::compile(Arc::new(section), None, &Arc::default())
}

fn pick(group: &Group) -> Option<Picked> {
    let tried = Tried::default();
    group.pick(&Ask { key: None, born: None, pinned: None, tried: &tried, now: Instant::now() })
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
    let group = compile(section(&[steady.address, moody.address], check(Some("/healthz"))));
    assert!(group.servers().iter().all(|server| server.health == Health::Unknown));
    assert!(pick(&group).is_some(), "an unknown server serves");
    let _checks = group.start();
    becomes(&group, &[Health::Healthy, Health::Healthy]).await;
    assert!(moody.asked.load(Relaxed) >= 2, "one passed check is not enough");
    for status in [503, 301, 0] {
        moody.status.store(status, Relaxed);
        becomes(&group, &[Health::Healthy, Health::Unhealthy]).await;
        let picks = (0..10).map(|_| pick(&group).unwrap().address().ip());
        assert!(picks.into_iter().all(|address| address == Some(steady.address)));
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
    let group = compile(section(&[server.address], check(None)));
    let _checks = group.start();
    becomes(&group, &[Health::Healthy]).await;
    server.serving.abort();
    becomes(&group, &[Health::Unhealthy]).await;
    assert!(pick(&group).is_none());
}

#[tokio::test]
async fn a_server_that_refuses_requests_comes_back_with_the_next_passed_check() {
    let server = Server::start(200).await;
    let slow = HealthCheck { fast_interval: Duration::from_secs(2), ..check(Some("/")) };
    let group = compile(section(&[server.address], slow));
    for _ in 0..3 {
        pick(&group).unwrap().failed_to_connect(&group);
    }
    assert_eq!(group.servers()[0].health, Health::Refusing);
    let _checks = group.start();
    becomes(&group, &[Health::Healthy]).await;
    assert_eq!(server.asked.load(Relaxed), 1);
}

#[tokio::test]
async fn health_survives_a_reload_and_the_old_checks_end_with_their_guard() {
    let (one, two) = (Server::start(500).await, Server::start(200).await);
    let registry = Arc::new(Registry::default());
    let compile = |addresses: &[SocketAddr]| {
        Group::compile(Arc::new(section(addresses, check(Some("/")))), None, &registry)
    };
    let before = compile(&[one.address]);
    let checks = before.start();
    becomes(&before, &[Health::Unhealthy]).await;
    let after = compile(&[two.address, one.address]);
    becomes(&after, &[Health::Unknown, Health::Unhealthy]).await;
    drop(checks);
    one.status.store(200, Relaxed);
    let _checks = after.start();
    becomes(&after, &[Health::Healthy, Health::Healthy]).await;
    assert_eq!(before.servers()[0].health, Health::Healthy, "one record for both");
    drop((before, after, _checks));
    let asked = one.asked.load(Relaxed);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(one.asked.load(Relaxed) <= asked + 1, "a check ends with its last user");
}

#[tokio::test]
async fn a_check_that_cannot_be_sent_fails() {
    let server = Server::start(200).await;
    let ask = HealthAsk::Http {
        method: http::Method::GET,
        path: "/".to_owned(),
        host: Some("a\r\nb".to_owned()),
        expect: vec![200],
        body: None,
    };
    let group = compile(section(&[server.address], asking(ask)));
    let _checks = group.start();
    becomes(&group, &[Health::Unhealthy]).await;
    assert_eq!(server.asked.load(Relaxed), 0);
}

#[tokio::test]
async fn upstreams_that_check_the_same_share_its_checks_and_what_they_say() {
    let server = Server::start(500).await;
    let registry = Arc::new(Registry::default());
    let named = |name: &str| Upstream { name: name.into(), ..section(&[server.address], check(Some("/"))) };
    let groups: Vec<_> =
        (0..20).map(|n| Group::compile(Arc::new(named(&format!("u{n}"))), None, &registry)).collect();
    let _tasks: Vec<_> = groups.iter().map(Group::start).collect();
    for group in &groups {
        becomes(group, &[Health::Unhealthy]).await;
    }
    assert!(server.asked.load(Relaxed) < 20, "twenty upstreams ask as one");
}

#[tokio::test]
async fn a_server_that_waits_gets_nothing_before_it_is_proven_healthy() {
    let server = Server::start(500).await;
    let waiting = HealthCheck { waits_for_check: true, ..check(Some("/")) };
    let group = compile(section(&[server.address], waiting));
    assert!(pick(&group).is_none());
    assert_eq!(group.servers()[0].standing.slug(), "unchecked");
    let _tasks = group.start();
    becomes(&group, &[Health::Unhealthy]).await;
    server.status.store(200, Relaxed);
    becomes(&group, &[Health::Healthy]).await;
    assert!(pick(&group).is_some());
}

#[tokio::test]
async fn the_port_method_and_body_of_a_check_are_those_of_the_configuration() {
    let (requests, checks) = (Server::start(500).await, Server::start(200).await);
    let ask = |body: &str| HealthAsk::Http {
        method: http::Method::POST,
        path: "/up".to_owned(),
        host: None,
        expect: vec![200],
        body: Some(body.to_owned()),
    };
    for (body, health) in [("ok", Health::Healthy), ("absent", Health::Unhealthy)] {
        let check = HealthCheck { port: Some(checks.address.port()), ..asking(ask(body)) };
        let group = compile(section(&[requests.address], check));
        let _tasks = group.start();
        becomes(&group, &[health]).await;
        let why = group.servers()[0].last_check.clone().unwrap().why;
        assert_eq!(why, if body == "ok" { "check passed" } else { "the body lacks the text" });
    }
    assert_eq!(requests.asked.load(Relaxed), 0);
    assert!(checks.heads.borrow().starts_with("POST /up HTTP/1.1\r\n"));
}

/// Speaks HTTP/2 in clear text and answers `grpc.health.v1.Health/Check` with one frame and one status.
async fn grpc_server(
    frame: &'static [u8],
    code: &'static str,
) -> (SocketAddr, Arc<std::sync::Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let seen = Arc::clone(&seen);
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(client).await.unwrap();
                while let Some(Ok((request, mut respond))) = connection.accept().await {
                    let (head, mut body) = request.into_parts();
                    assert_eq!(head.uri.path(), "/grpc.health.v1.Health/Check");
                    assert_eq!(head.headers.get("content-type").unwrap(), "application/grpc");
                    let seen = Arc::clone(&seen);
                    tokio::spawn(async move {
                        let mut all = Vec::new();
                        while let Some(Ok(bytes)) = body.data().await {
                            all.extend_from_slice(&bytes);
                        }
                        *seen.lock().unwrap() = all;
                        let head = http::Response::builder().header("content-type", "application/grpc");
                        let mut answer = respond.send_response(head.body(()).unwrap(), false).unwrap();
                        answer.send_data(bytes::Bytes::from_static(frame), false).unwrap();
                        let mut trailers = http::HeaderMap::new();
                        trailers.insert("grpc-status", code.parse().unwrap());
                        answer.send_trailers(trailers).unwrap();
                    });
                }
            });
        }
    });
    (address, asked)
}

#[tokio::test]
async fn a_grpc_check_believes_serving_only() {
    for (frame, code, service, health, why) in [
        (&[0, 0, 0, 0, 2, 8, 1][..], "0", "api.v1.Orders", Health::Healthy, "check passed"),
        (&[0, 0, 0, 0, 2, 8, 1], "0", "", Health::Healthy, "check passed"),
        (&[0, 0, 0, 0, 2, 8, 2], "0", "", Health::Unhealthy, "gRPC: not serving"),
        (&[0, 0, 0, 0, 0], "0", "", Health::Unhealthy, "gRPC: status unknown"),
        (&[], "5", "x", Health::Unhealthy, "gRPC: the service is not known"),
        (&[], "12", "", Health::Unhealthy, "gRPC: the server has no health service"),
        (&[9, 9], "0", "", Health::Unhealthy, "gRPC: an answer that cannot be read"),
    ] {
        let (address, asked) = grpc_server(frame, code).await;
        let check = asking(HealthAsk::Grpc { service: service.to_owned() });
        let group = compile(section(&[address], check));
        let _tasks = group.start();
        becomes(&group, &[health]).await;
        assert_eq!(group.servers()[0].last_check.clone().unwrap().why, why);
        assert!(asked.lock().unwrap().ends_with(service.as_bytes()));
    }
}

#[tokio::test]
async fn a_server_of_http_1_passes_no_grpc_check() {
    let server = Server::start(200).await;
    let group = compile(section(&[server.address], asking(HealthAsk::Grpc { service: String::new() })));
    let _tasks = group.start();
    becomes(&group, &[Health::Unhealthy]).await;
}

#[tokio::test]
async fn a_tls_check_wants_a_handshake() {
    let server = Server::start(200).await;
    let group = compile(section(&[server.address], asking(HealthAsk::Tls)));
    let _tasks = group.start();
    becomes(&group, &[Health::Unhealthy]).await;
}
