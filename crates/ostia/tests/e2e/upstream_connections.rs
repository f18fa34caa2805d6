//! How servers are reached: kept connections, TLS, PROXY protocol, unix sockets, and how long they may keep silent.

use std::time::{Duration, Instant};

use ostia_testkit::{Authority, FaultUpstream, Ostia, eventually, raw};

use crate::world::BINARY;

/// A node with one upstream of these keys, open to anyone.
async fn node(servers: &[&FaultUpstream], more: &str) -> Ostia {
    Ostia::start(BINARY, &yaml(servers, more)).await
}

pub(crate) fn yaml(servers: &[&FaultUpstream], more: &str) -> String {
    let servers: Vec<String> = servers.iter().map(|server| format!("\"{}\"", server.address())).collect();
    let comma = if more.is_empty() { "" } else { ", " };
    format!(
        "upstreams:\n  app: {{ servers: [{}]{comma}{more} }}\n\
         routes:\n  - {{ name: app, host: app.localhost, allow: anyone, upstream: app }}\n",
        servers.join(", ")
    )
}

pub(crate) async fn get(node: &Ostia, path: &str) -> raw::Answer {
    raw::get_host(node.port(), "app.localhost", path).await.unwrap()
}

fn code(answer: &raw::Answer) -> (u16, String) {
    (answer.status, answer.json()["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_kept_up_to_their_bound_and_closed_when_idle() {
    let server = FaultUpstream::start("one").await;
    let node = node(&[&server], "keep_alive: { connections: 2, idle: 4s }").await;
    for _ in 0..20 {
        assert_eq!(get(&node, "/x").await.status, 200);
    }
    // A request may come a moment before the connection of the one before is back.
    assert!(
        server.connections() <= 4,
        "{} connections for 20 requests, one after the other",
        server.connections()
    );
    let eight: Vec<_> =
        (0..8).map(|_| tokio::spawn(raw::get_host(node.port(), "app.localhost", "/slow/300"))).collect();
    for answer in eight {
        assert_eq!(answer.await.unwrap().unwrap().status, 200);
    }
    let open = async || node.metrics().await.sum("ostia_upstream_connections_open", &[("upstream", "app")]);
    eventually("of eight, two wait", Duration::from_secs(2), async || (open().await == 2.0).then_some(()))
        .await;
    eventually("idle ones are closed", Duration::from_secs(10), async || (open().await == 0.0).then_some(()))
        .await;
    let made = server.connections();
    assert_eq!(get(&node, "/x").await.field("x-connection"), Some(&*(made + 1).to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn warm_connections_wait_before_the_first_request() {
    let server = FaultUpstream::start("one").await;
    let node = node(&[&server], "keep_alive: { min_idle: 3 }").await;
    eventually("three connections wait", Duration::from_secs(10), async || {
        (server.connections() == 3).then_some(())
    })
    .await;
    assert_eq!(get(&node, "/x").await.status, 200);
    assert_eq!(server.connections(), 3, "the request took one of them");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_the_server_closed_meets_no_request() {
    let server = FaultUpstream::start("one").await;
    let node = node(&[&server], "retry: { attempts: 0 }").await;
    for round in 0..3 {
        // It says nothing of closing, and closes; so after the second one, too: no connection is left for the next round.
        assert_eq!(get(&node, "/close").await.status, 200, "round {round}");
        eventually("the close arrives", Duration::from_secs(5), async || {
            let open = node.metrics().await.sum("ostia_upstream_connections_open", &[("upstream", "app")]);
            (open == 0.0).then_some(())
        })
        .await;
        let post =
            "POST /close HTTP/1.1\r\nHost: app.localhost\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi";
        assert_eq!(raw::send(node.port(), post).await.unwrap().status, 200, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_asked_for_ntlm_carries_no_other_request() {
    let server = FaultUpstream::start("one").await;
    let node = node(&[&server], "").await;
    let number = |answer: raw::Answer| answer.field("x-connection").unwrap().to_owned();
    let first = get(&node, "/ntlm").await;
    assert_eq!(first.status, 401);
    let first = number(first);
    let with = "GET /x HTTP/1.1\r\nHost: app.localhost\r\nAuthorization: Negotiate YII=\r\nConnection: close\r\n\r\n";
    let second = number(raw::send(node.port(), with).await.unwrap());
    assert_ne!(first, second, "after a challenge of NTLM");
    for _ in 0..5 {
        let other = number(get(&node, "/x").await);
        assert!(other != first && other != second, "after credentials of NTLM, too: {other}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_whose_request_was_not_sent_whole_carries_no_other() {
    let server = FaultUpstream::start("one").await;
    let node = node(&[&server], "").await;
    let mut client = raw::Connection::open(node.port()).await.unwrap();
    client
        .send(b"POST /early HTTP/1.1\r\nHost: app.localhost\r\nContent-Length: 100000\r\n\r\nonly this")
        .await;
    assert_eq!(client.answer().await.unwrap().status, 200);
    drop(client);
    let next = get(&node, "/x").await;
    assert_eq!((next.status, next.field("x-connection")), (200, Some("2")), "{}", next.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_silence_of_a_server_has_its_deadline_its_status_and_its_reason() {
    let server = FaultUpstream::start("one").await;
    let node =
        node(&[&server], "timeouts: { first_byte: 300ms, between_bytes: 20s }, retry: { attempts: 0 }").await;
    let began = Instant::now();
    assert_eq!(code(&get(&node, "/silent").await), (504, "upstream_first_byte_timeout".to_owned()));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let lines = node.access_lines_at_least(1).await;
    assert_eq!(lines[0]["ostia.reason"], "upstream_first_byte_timeout", "{}", lines[0]);
    let failures = [("upstream", "app"), ("reason", "upstream_first_byte_timeout")];
    assert_eq!(node.metrics().await.sum("ostia_upstream_failures_total", &failures), 1.0);
    assert_eq!(get(&node, "/slow/50").await.status, 200);
    drop(node);

    let node = Ostia::start(
        BINARY,
        &yaml(&[&server], "timeouts: { first_byte: 20s, between_bytes: 300ms }, retry: { attempts: 0 }"),
    )
    .await;
    assert_eq!(get(&node, "/slow/900").await.status, 200, "the first byte has its own time");
    let began = Instant::now();
    let cut = raw::get_host(node.port(), "app.localhost", "/half").await;
    assert!(cut.is_none(), "an answer that does not go on is cut off: {cut:?}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_has_timeouts_of_its_own() {
    let server = FaultUpstream::start("one").await;
    let yaml = format!(
        "upstreams:\n  app: {{ servers: [\"{}\"], timeouts: {{ first_byte: 300ms }}, retry: {{ attempts: 0 }} }}\nroutes:\n  \
         - {{ host: app.localhost, allow: anyone, upstream: app }}\n  \
         - {{ host: app.localhost, path: /slow/, allow: anyone, upstream: app, timeouts: {{ first_byte: 10s }} }}\n",
        server.address()
    );
    let node = Ostia::start(BINARY, &yaml).await;
    assert_eq!(get(&node, "/slow/900").await.status, 200);
    assert_eq!(get(&node, "/silent").await.status, 504);
}

/// Servers that all say to be `api.internal`; one of them is.
pub(crate) struct Claimants {
    pub(crate) good: FaultUpstream,
    pub(crate) misnamed: FaultUpstream,
    pub(crate) foreign: FaultUpstream,
    pub(crate) plain: FaultUpstream,
    /// `tls` of an upstream that believes the good one alone.
    pub(crate) tls: String,
    _folder: tempfile::TempDir,
}

impl Claimants {
    pub(crate) async fn start() -> Self {
        let (ours, theirs) = (Authority::new(), Authority::new());
        let folder = tempfile::tempdir().unwrap();
        let ca = folder.path().join("ca.pem");
        std::fs::write(&ca, ours.root_pem()).unwrap();
        let issue = |authority: &Authority, name: &str| authority.issue(folder.path(), &[name]);
        Self {
            good: FaultUpstream::with_tls("good", &issue(&ours, "api.internal"), None).await,
            misnamed: FaultUpstream::with_tls("misnamed", &issue(&ours, "other.internal"), None).await,
            foreign: FaultUpstream::with_tls("foreign", &issue(&theirs, "api.internal"), None).await,
            plain: FaultUpstream::start("plain").await,
            tls: format!("tls: {{ server_name: api.internal, ca_file: {} }}", ca.display()),
            _folder: folder,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_must_prove_its_name_to_an_authority_that_is_ours() {
    let claimants = Claimants::start().await;
    let Claimants { good, misnamed, foreign, plain, .. } = &claimants;
    let tls = format!("{}, retry: {{ attempts: 0 }}", claimants.tls);
    for (server, expected) in [(good, 200), (misnamed, 502), (foreign, 502), (plain, 504)] {
        let node = node(&[server], &tls).await;
        let answer = get(&node, "/x").await;
        assert_eq!(answer.status, expected, "{}: {}", server.address(), answer.text());
        if expected == 200 {
            eventually("a connection of TLS is kept, too", Duration::from_secs(5), async || {
                let before = server.connections();
                get(&node, "/x").await;
                (server.connections() == before).then_some(())
            })
            .await;
        } else {
            // Who speaks no TLS says nothing at all.
            let reason = if expected == 504 { "upstream_connect_timeout" } else { "upstream_tls" };
            assert_eq!(code(&answer).1, reason);
            assert_eq!(server.requests(), 0, "nothing is sent to somebody else");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ostia_shows_its_certificate_to_servers_that_ask() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, servers.root_pem()).unwrap();
    let own = clients.issue(folder.path(), &["node-1"]);
    let server =
        FaultUpstream::with_tls("one", &servers.issue(folder.path(), &["api.internal"]), Some(&clients))
            .await;
    let tls = |more: &str| {
        format!(
            "tls: {{ server_name: api.internal, ca_file: {}{more} }}, retry: {{ attempts: 0 }}",
            ca.display()
        )
    };
    let pair = format!(
        ", client_cert_file: {}, client_key_file: {}",
        own.cert_file.display(),
        own.key_file.display()
    );
    let with = node(&[&server], &tls(&pair)).await;
    assert_eq!(get(&with, "/x").await.status, 200);
    let without = node(&[&server], &tls("")).await;
    assert_eq!(get(&without, "/x").await.status, 502);
}

#[tokio::test(flavor = "multi_thread")]
async fn upstreams_that_trust_different_authorities_share_no_connection() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let folder = tempfile::tempdir().unwrap();
    let server = FaultUpstream::with_tls("one", &ours.issue(folder.path(), &["api.internal"]), None).await;
    let mut upstreams = String::from("upstreams:\n");
    let mut routes = String::from("routes:\n");
    for (name, authority) in [("ours", &ours), ("theirs", &theirs)] {
        let ca = folder.path().join(format!("{name}.pem"));
        std::fs::write(&ca, authority.root_pem()).unwrap();
        upstreams.push_str(&format!(
            "  {name}: {{ servers: [\"{}\"], retry: {{ attempts: 0 }}, tls: {{ server_name: api.internal, ca_file: {} }} }}\n",
            server.address(),
            ca.display()
        ));
        routes.push_str(&format!(
            "  - {{ name: {name}, host: app.localhost, path: /{name}/, allow: anyone, upstream: {name} }}\n"
        ));
    }
    let node = Ostia::start(BINARY, &format!("{upstreams}{routes}")).await;
    for _ in 0..3 {
        assert_eq!(get(&node, "/ours/x").await.status, 200);
        assert_eq!(get(&node, "/theirs/x").await.status, 502);
    }
    // The same upstream with another authority after a reload: its old connection must not be used either.
    std::fs::write(folder.path().join("ours.pem"), theirs.root_pem()).unwrap();
    node.reload(&format!("{upstreams}{routes}"));
    eventually("the reload counts", Duration::from_secs(10), async || {
        (get(&node, "/ours/x").await.status == 502).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_are_told_the_clients_address_by_the_proxy_protocol() {
    for version in ["v1", "v2"] {
        let server = FaultUpstream::start("one").await;
        let node = node(&[&server], &format!("proxy_protocol: {version}")).await;
        let mut clients = Vec::new();
        for _ in 0..2 {
            let mut client = raw::Connection::open(node.port()).await.unwrap();
            for _ in 0..2 {
                client.send(b"GET /x HTTP/1.1\r\nHost: app.localhost\r\n\r\n").await;
                assert_eq!(client.answer().await.unwrap().status, 200);
            }
            clients.push(client.into_parts().0.local_addr().unwrap().port());
        }
        let heads = server.heads();
        let told: Vec<&Vec<u8>> = heads.iter().filter(|head| !head.starts_with(b"GET")).collect();
        assert_eq!((heads.len(), told.len()), (4, 2), "{version}: a connection for each client, kept for it");
        for (head, port) in told.iter().zip(clients) {
            if version == "v1" {
                let line = format!("PROXY TCP4 127.0.0.1 127.0.0.1 {port} {}\r\nGET /x ", node.port());
                assert!(head.starts_with(line.as_bytes()), "{}", String::from_utf8_lossy(head));
            } else {
                let mut binary = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01".to_vec();
                binary.extend(port.to_be_bytes());
                binary.extend(node.port().to_be_bytes());
                binary.extend(b"GET /x ");
                assert!(head.starts_with(&binary), "{head:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_may_listen_on_unix_sockets() {
    let folder = tempfile::tempdir().unwrap();
    let server = FaultUpstream::on_socket("one", &folder.path().join("app.sock"));
    let node = node(&[&server], "").await;
    for _ in 0..3 {
        let answer = get(&node, "/x").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}
