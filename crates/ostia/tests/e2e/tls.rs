//! E1: TLS as OpenSSL sees it: resumption over nodes and restarts, certificates that change, certificates of clients.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use ostia_testkit::{Authority, Issued, Ostia, eventually};

use crate::world::{BINARY, World};

/// Promised are 2 s; the rest is for a machine that does other things.
const DEADLINE: Duration = Duration::from_secs(10);

pub(crate) fn listeners(issued: &Issued, more: &str) -> String {
    format!("listeners:\n{}", issued.listener("<listen>", more))
}

/// What `openssl s_client` says of one connection with one request.
async fn s_client(port: u16, more: &[&str]) -> String {
    let request = "GET /public/x HTTP/1.1\r\nHost: app.localhost\r\nConnection: close\r\n\r\n";
    s_client_asks(port, more, request.to_owned()).await
}

async fn s_client_asks(port: u16, more: &[&str], request: String) -> String {
    let mut command = Command::new("openssl");
    command
        .args(["s_client", "-ign_eof", "-servername", "app.localhost"])
        .args(["-connect", &format!("127.0.0.1:{port}")]);
    command.args(more).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ran = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        // A refused handshake closes the pipe first.
        child.stdin.take().unwrap().write_all(request.as_bytes()).ok();
        child.wait_with_output().unwrap()
    });
    let output = tokio::time::timeout(Duration::from_secs(30), ran).await.unwrap().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The same with the client's certificate.
pub(crate) async fn s_client_shows(port: u16, shown: Option<&Issued>, request: String) -> String {
    let pair = shown.map(|issued| [&issued.cert_file, &issued.key_file].map(|file| file.to_str().unwrap()));
    let more = pair.map(|[cert, key]| ["-cert", cert, "-key", key]);
    s_client_asks(port, more.as_ref().map_or(&[], |more| more.as_slice()), request).await
}

/// Whether the session in `file` was resumed; the one of this connection is kept in it.
async fn is_resumed(port: u16, version: &str, file: &Path) -> bool {
    let name = file.to_str().unwrap();
    let mut more = vec![version, "-sess_out", name];
    if file.exists() {
        more.extend(["-sess_in", name]);
    }
    let said = s_client(port, &more).await;
    assert!(said.contains("HTTP/1.1 200 OK"), "{said}");
    assert_ne!(said.contains("\nReused, TLSv1."), said.contains("\nNew, TLSv1."), "{said}");
    said.contains("\nReused, TLSv1.")
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_resumes_its_session_after_a_restart_and_on_another_node() {
    let world = World::new().await;
    let issued = Authority::new().issue(world.shared.path(), &["app.localhost"]);
    let keys = world.shared.path().join("tickets.keys");
    std::fs::write(&keys, "00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f\n").unwrap();
    let yaml = listeners(&issued, &format!(", ticket_keys_file: {}", keys.display())) + &world.config();
    let mut here = Ostia::start(BINARY, &yaml).await;
    let there = Ostia::start(BINARY, &yaml).await;
    for version in ["-tls1_2", "-tls1_3"] {
        let session = world.shared.path().join(format!("session{version}"));
        assert!(!is_resumed(here.port(), version, &session).await, "{version}: nothing to resume yet");
        assert!(is_resumed(here.port(), version, &session).await, "{version}: on the same node");
        assert!(is_resumed(there.port(), version, &session).await, "{version}: on another node");
    }
    here.kill();
    let restarted = Ostia::start(BINARY, &yaml).await;
    for version in ["-tls1_2", "-tls1_3"] {
        let session = world.shared.path().join(format!("session{version}"));
        assert!(is_resumed(restarted.port(), version, &session).await, "{version}: after a restart");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_alone_resumes_with_the_keys_that_it_made_itself() {
    let world = World::new().await;
    let issued = Authority::new().issue(world.shared.path(), &["app.localhost"]);
    let state = world.shared.path().join("state");
    let runtime = format!("runtime: {{ threads: 2, state_dir: {} }}\n", state.display());
    let yaml = runtime + &listeners(&issued, "") + &world.config();
    let session = world.shared.path().join("session");
    let mut node = Ostia::start(BINARY, &yaml).await;
    assert!(!is_resumed(node.port(), "-tls1_3", &session).await);
    node.kill();
    let node = Ostia::start(BINARY, &yaml).await;
    assert!(is_resumed(node.port(), "-tls1_3", &session).await);
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(state.join("tickets.keys")).unwrap());
    assert_eq!(mode & 0o777, 0o600);
}

/// The last line of the first PEM block: enough to tell certificates apart.
fn fingerprint(pem: &str) -> String {
    let block = pem.split("-----END CERTIFICATE-----").next().unwrap();
    block.trim_end().lines().last().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_changes_on_disk_is_served_without_a_signal() {
    let world = World::new().await;
    let authority = Authority::new();
    let issued = authority.issue(world.shared.path(), &["app.localhost"]);
    let node = Ostia::start(BINARY, &(listeners(&issued, "") + &world.config())).await;
    let file = issued.cert_file.display().to_string();
    let labels = [("listener", "https"), ("file", &*file)];
    let served = async || {
        let said = s_client(node.port(), &[]).await;
        let from = said.find("-----BEGIN CERTIFICATE-----").unwrap();
        fingerprint(&said[from..])
    };
    let on_disk = || fingerprint(&std::fs::read_to_string(&issued.cert_file).unwrap());
    let metrics = node.metrics().await;
    assert_eq!(metrics.sum("ostia_tls_file_current", &labels), 1.0);
    assert!(metrics.sum("ostia_tls_certificate_not_after_timestamp_seconds", &labels) > 1_700_000_000.0);
    let first = served().await;
    assert_eq!(first, on_disk());

    std::fs::write(&issued.cert_file, "half a file").unwrap();
    eventually("the broken pair is told", DEADLINE, async || {
        (node.metrics().await.sum("ostia_tls_file_current", &labels) == 0.0).then_some(())
    })
    .await;
    assert_eq!(served().await, first, "the old one stays");

    let _ = authority.issue(world.shared.path(), &["app.localhost"]);
    eventually("the new certificate is served", DEADLINE, async || {
        (served().await == on_disk()).then_some(())
    })
    .await;
    assert_ne!(on_disk(), first);
    assert_eq!(node.metrics().await.sum("ostia_tls_file_current", &labels), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_needs_a_certificate_of_the_authority_where_one_is_required() {
    let world = World::new().await;
    let (server, partners, strangers) = (Authority::new(), Authority::new(), Authority::new());
    let issued = server.issue(world.shared.path(), &["app.localhost"]);
    let ca = world.shared.path().join("partners.pem");
    std::fs::write(&ca, partners.root_pem()).unwrap();
    let folder = |name: &str| -> PathBuf {
        let folder = world.shared.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        folder
    };
    let robot = partners.issue(&folder("partners"), &["robot.partner.example"]);
    let forged = strangers.issue(&folder("strangers"), &["robot.partner.example"]);
    let shown = |issued: &Issued| {
        [issued.cert_file.to_str().unwrap().to_owned(), issued.key_file.to_str().unwrap().to_owned()]
    };
    for (need, nobody) in
        [("", false), (", client_certificate: required", false), (", client_certificate: optional", true)]
    {
        let yaml = listeners(&issued, &format!(", client_ca_file: {}{need}", ca.display())) + &world.config();
        let node = Ostia::start(BINARY, &yaml).await;
        for (pair, enters) in [(None, nobody), (Some(shown(&robot)), true), (Some(shown(&forged)), false)] {
            let more: Vec<&str> =
                pair.iter().flat_map(|[cert, key]| ["-cert", cert.as_str(), "-key", key.as_str()]).collect();
            let said = s_client(node.port(), &more).await;
            assert_eq!(said.contains("HTTP/1.1 200 OK"), enters, "{need} {pair:?}\n{said}");
        }
        std::fs::write(&ca, strangers.root_pem()).unwrap();
        let [cert, key] = shown(&forged);
        eventually("the other authority counts", DEADLINE, async || {
            s_client(node.port(), &["-cert", &cert, "-key", &key])
                .await
                .contains("HTTP/1.1 200 OK")
                .then_some(())
        })
        .await;
        std::fs::write(&ca, partners.root_pem()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_certificate_says_reaches_the_application_and_no_client_can_send_it() {
    let world = World::new().await;
    let (server, partners) = (Authority::new(), Authority::new());
    let issued = server.issue(world.shared.path(), &["app.localhost"]);
    let robot = partners.issue(world.shared.path(), &["robot.partner.example", "robot-2.partner.example"]);
    let ca = world.shared.path().join("partners.pem");
    std::fs::write(&ca, partners.root_pem()).unwrap();
    let optional = format!(", client_ca_file: {}, client_certificate: optional", ca.display());
    let fields = "headers: { request: { set: { X-Robot: \"{client_certificate.names}\", \
                  Client-Cert: \":{client_certificate.der}:\", X-Signed-By: \"by {client_certificate.issuer}\" } }, \
                  response: { set: { X-Known-As: \"{client_certificate.sha256}\" } } }";
    let route = format!("routes: [{{ host: app.localhost, allow: anyone, upstream: app, {fields} }}]\n");
    let yaml = listeners(&issued, &optional) + &world.upstream_section() + &route;
    let node = Ostia::start(BINARY, &yaml).await;
    let forged = "GET /x HTTP/1.1\r\nHost: app.localhost\r\nX-Robot: mallory\r\nx_robot: mallory\r\n\
                  Client-Cert: :bWFsbG9yeQ==:\r\nClient_Cert: mallory\r\nConnection: close\r\n\r\n";
    let [cert, key] = [&robot.cert_file, &robot.key_file].map(|file| file.to_str().unwrap());

    let said = s_client_asks(node.port(), &["-cert", cert, "-key", key], forged.to_owned()).await;
    assert!(said.contains("HTTP/1.1 200 OK"), "{said}");
    let known_as = said.lines().find(|line| line.to_lowercase().starts_with("x-known-as: "));
    assert_eq!(known_as.map(str::len), Some("x-known-as: ".len() + 64), "{said}");
    let seen = world.app.last();
    assert_eq!(seen.field("x-robot").as_deref(), Some("robot.partner.example,robot-2.partner.example"));
    assert_eq!(seen.field("x-signed-by").as_deref(), Some("by CN=The authority of a test"));
    let shown = format!(":{}:", base64::engine::general_purpose::STANDARD.encode(&robot.der));
    assert_eq!(seen.field("client-cert").as_deref(), Some(shown.as_str()));

    let said = s_client_asks(node.port(), &[], forged.to_owned()).await;
    assert!(said.contains("HTTP/1.1 200 OK") && !said.to_lowercase().contains("x-known-as"), "{said}");
    let seen = world.app.last();
    assert!(!seen.head.contains("mallory") && !seen.head.contains("bWFsbG9yeQ"), "{}", seen.head);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_another_host_than_the_connection_is_misdirected() {
    let world = World::new().await;
    let authority = Authority::new();
    let app = authority.issue(world.shared.path(), &["app.localhost"]);
    let both = authority.issue(world.shared.path(), &["both.localhost", "api.localhost"]);
    let listeners = listeners(&app, "").replace(
        "}] }",
        &format!(
            "}}, {{ cert_file: {}, key_file: {} }}] }}",
            both.cert_file.display(),
            both.key_file.display()
        ),
    );
    let node = Ostia::start(BINARY, &(listeners + &world.config())).await;
    for (server_name, host, status) in [
        ("app.localhost", "app.localhost", "HTTP/1.1 200"),
        ("app.localhost", "APP.localhost:443", "HTTP/1.1 200"),
        ("app.localhost", "api.localhost", "HTTP/1.1 421"),
        ("both.localhost", "api.localhost", "HTTP/1.1 401"),
        ("both.localhost", "app.localhost", "HTTP/1.1 421"),
    ] {
        let said = ask(node.port(), server_name, host).await;
        assert!(said.contains(status), "{server_name} {host}: {said}");
    }
    assert_eq!(world.app.count(), 2);
}

async fn ask(port: u16, server_name: &str, host: &str) -> String {
    let connect = format!("127.0.0.1:{port}");
    let mut command = Command::new("openssl");
    command.args(["s_client", "-quiet", "-servername", server_name, "-connect", &connect]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let request = format!("GET /public/x HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let ran = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(request.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    });
    let output = tokio::time::timeout(Duration::from_secs(30), ran).await.unwrap().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_decides_by_the_clients_certificate() {
    let world = World::new().await;
    let (server, partners) = (Authority::new(), Authority::new());
    let issued = server.issue(world.shared.path(), &["app.localhost", "api.localhost"]);
    let ca = world.shared.path().join("partners.pem");
    std::fs::write(&ca, partners.root_pem()).unwrap();
    let policy = "policies:\n  robots: { client_certificate: { san: \"robot-*.partner.example\" } }\n";
    let route = "  - { name: robots, host: app.localhost, path: /robots/, allow: robots, upstream: app }\n";
    let more = format!(", client_ca_file: {}, client_certificate: optional", ca.display());
    let yaml = listeners(&issued, &more) + &world.config().replace("policies:\n", policy) + route;
    let node = Ostia::start(BINARY, &yaml).await;
    let token = world.provider.access_token("robot", serde_json::json!({}));
    for (name, status) in [
        (None, "HTTP/1.1 403"),
        (Some("robot-1.partner.example"), "HTTP/1.1 200"),
        (Some("person.partner.example"), "HTTP/1.1 403"),
    ] {
        let pair = name.map(|name| partners.issue(world.shared.path(), &[name]));
        let request = format!(
            "GET /robots/x HTTP/1.1\r\nHost: app.localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        );
        let said = s_client_shows(node.port(), pair.as_ref(), request).await;
        assert!(said.contains(status), "{name:?}: {said}");
    }
}
