//! E7: certificates by ACME, end to end against Pebble.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use ostia_testkit::{HMAC_KEY, Ostia, Pebble, eventually, free_port};

use crate::world::{BINARY, World};

const DEADLINE: Duration = Duration::from_secs(40);
const NAME: &str = "app.example.org";

/// A node with a plain listener that redirects, and one with certificates by ACME.
fn config(world: &World, pebble: &Pebble, ports: (u16, u16), more: &str) -> String {
    let (http, tls) = ports;
    format!(
        "listeners:\n  http: {{ bind: \"127.0.0.1:{http}\", redirect: https }}\n  https:\n    bind: \"127.0.0.1:{tls}\"\n    \
         tls:\n      acme:\n        terms_of_service_agreed: true\n        contact: mailto:ops@example.org\n        \
         names: [{NAME}]\n        ca_file: {}\n{more}{}",
        pebble.ca_file().display(),
        world.config()
    )
}

fn directory(url: &str) -> String {
    format!("        directory: {url}\n")
}

/// The issuer and the end of the certificate that is shown for the name.
async fn shown(port: u16) -> Option<String> {
    let script = format!(
        "openssl s_client -connect 127.0.0.1:{port} -servername {NAME} </dev/null 2>/dev/null | \
         openssl x509 -noout -issuer -serial -ext subjectAltName"
    );
    let run = move || Command::new("sh").args(["-c", &script]).stderr(Stdio::null()).output().unwrap();
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
        .filter(|text| text.contains("Pebble Intermediate"))
}

async fn issued(port: u16, pebble: &Pebble, node: &Ostia) -> String {
    let within = tokio::time::timeout(DEADLINE, async {
        loop {
            if let Some(text) = shown(port).await {
                return text;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let text = within.await;
    assert!(text.is_ok(), "no certificate\n{}\n{}", node.output().join("\n"), pebble.output());
    text.unwrap()
}

async fn orders(node: &Ostia) -> (f64, f64) {
    let metrics = node.metrics().await;
    let of = |outcome| metrics.sum("ostia_acme_orders_total", &[("outcome", outcome)]);
    (of("issued"), of("failed"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_issued_by_http_01_and_kept_over_a_restart() {
    let world = World::new().await;
    let ports = (free_port(), free_port());
    let pebble = Pebble::start(ports.0, free_port(), false).await;
    let folder = world.shared.path().join("acme");
    let more = directory(&pebble.directory())
        + &format!("        challenges: [http-01]\n        folder: {}\n", folder.display());
    let yaml = config(&world, &pebble, ports, &more);
    let mut node = Ostia::start(BINARY, &yaml).await;
    let first = issued(ports.1, &pebble, &node).await;
    assert!(first.contains(&format!("DNS:{NAME}")), "{first}");
    assert_eq!(orders(&node).await, (1.0, 0.0));
    let leftovers: Vec<_> = std::fs::read_dir(folder.join("challenges/http-01")).unwrap().collect();
    assert!(leftovers.is_empty(), "the answer is taken back: {leftovers:?}");
    let file = folder.join(format!("127.0.0.1_{}", port_of(&pebble.directory()))).join(format!("{NAME}.pem"));
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&file).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    let label = file.display().to_string();
    let ends =
        node.metrics().await.sum("ostia_tls_certificate_not_after_timestamp_seconds", &[("file", &label)]);
    assert!(ends > 1_700_000_000.0);

    node.kill();
    let node = Ostia::start(BINARY, &yaml).await;
    assert_eq!(shown(ports.1).await, Some(first), "it is there from the first moment");
    assert_eq!(orders(&node).await, (0.0, 0.0));
}

fn port_of(url: &str) -> String {
    url.trim_start_matches("https://127.0.0.1:").trim_end_matches("/dir").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_issued_by_tls_alpn_01_with_an_external_account() {
    let world = World::new().await;
    let ports = (free_port(), free_port());
    let pebble = Pebble::start(free_port(), ports.1, true).await;
    let key = world.shared.path().join("hmac.key");
    std::fs::write(&key, HMAC_KEY).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let more = directory(&pebble.directory())
        + &format!(
            "        challenges: [tls-alpn-01]\n        external_account: {{ key_id: kid-1, hmac_key_file: {} }}\n",
            key.display()
        );
    let node = Ostia::start(BINARY, &config(&world, &pebble, ports, &more)).await;
    issued(ports.1, &pebble, &node).await;
    assert_eq!(orders(&node).await, (1.0, 0.0));
    let looked =
        node.metrics().await.sum("ostia_connections_rejected_total", &[("reason", "acme_challenge")]);
    assert!(looked >= 1.0, "the authority came by acme-tls/1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_that_fails_is_followed_by_the_next() {
    let world = World::new().await;
    let ports = (free_port(), free_port());
    // Where the authority looks for TLS nobody listens.
    let pebble = Pebble::start(ports.0, free_port(), false).await;
    let node = Ostia::start(BINARY, &config(&world, &pebble, ports, &directory(&pebble.directory()))).await;
    issued(ports.1, &pebble, &node).await;
    assert_eq!(orders(&node).await, (1.0, 1.0));
    let said = node.output().into_iter().find(|line| line.contains("no certificate was issued")).unwrap();
    assert!(said.contains("not_proved") && said.contains("tls-alpn-01"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_share_a_folder_order_once_and_answer_for_each_other() {
    let world = World::new().await;
    let [here, there] = [(free_port(), free_port()), (free_port(), free_port())];
    // The authority always asks the first node, whoever orders.
    let pebble = Pebble::start(here.0, here.1, false).await;
    let more = directory(&pebble.directory())
        + &format!(
            "        challenges: [http-01]\n        folder: {}\n",
            world.shared.path().join("acme").display()
        );
    let one = Ostia::start(BINARY, &config(&world, &pebble, here, &more)).await;
    let two = Ostia::start(BINARY, &config(&world, &pebble, there, &more)).await;
    let first = issued(here.1, &pebble, &one).await;
    assert_eq!(issued(there.1, &pebble, &two).await, first, "the same certificate");
    let (one, two) = (orders(&one).await, orders(&two).await);
    assert_eq!((one.0 + two.0, one.1 + two.1), (1.0, 0.0), "{one:?} {two:?}");
}

/// Puts a self-signed certificate where the one of the authority is kept.
fn put_before(folder: &Path, url: &str, from: (i32, u8), to: (i32, u8)) {
    let mut params = rcgen::CertificateParams::new(vec![NAME.to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(from.0, from.1, 1);
    params.not_after = rcgen::date_time_ymd(to.0, to.1, 1);
    params.use_authority_key_identifier_extension = true;
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let folder = folder.join(format!("127.0.0.1_{}", port_of(url)));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{NAME}.pem")), key.serialize_pem() + &certificate.pem()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_renewed_when_a_third_of_its_time_is_left() {
    let world = World::new().await;
    let ports = (free_port(), free_port());
    let pebble = Pebble::start(ports.0, ports.1, false).await;
    let folder = world.shared.path().join("acme");
    put_before(&folder, &pebble.directory(), (2020, 1), (2020, 2));
    let more = directory(&pebble.directory())
        + &format!("        challenges: [http-01]\n        folder: {}\n", folder.display());
    let node = Ostia::start(BINARY, &config(&world, &pebble, ports, &more)).await;
    issued(ports.1, &pebble, &node).await;
    assert_eq!(orders(&node).await, (1.0, 0.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_renewed_in_the_window_that_the_authority_names() {
    let world = World::new().await;
    for (window, renews) in [
        (serde_json::json!({ "start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z" }), true),
        (serde_json::json!({ "start": "2030-01-01T00:00:00Z", "end": "2030-01-02T00:00:00Z" }), false),
    ] {
        let ports = (free_port(), free_port());
        let pebble = Pebble::start(ports.0, ports.1, false).await;
        let url = pebble.with_renewal_window(window).await;
        let folder = world.shared.path().join(format!("acme-{renews}"));
        // By its own time the first has long to go, and of the second less than a third is left.
        let validity = if renews { ((2020, 1), (2049, 1)) } else { ((1971, 1), (2041, 1)) };
        put_before(&folder, &url, validity.0, validity.1);
        let more = directory(&url) + &format!("        folder: {}\n", folder.display());
        let node = Ostia::start(BINARY, &config(&world, &pebble, ports, &more)).await;
        if renews {
            issued(ports.1, &pebble, &node).await;
            assert_eq!(orders(&node).await, (1.0, 0.0));
        } else {
            eventually("the authority was asked", DEADLINE, async || {
                pebble.output().contains("GET /dir").then_some(())
            })
            .await;
            tokio::time::sleep(Duration::from_millis(1500)).await;
            assert_eq!(
                (shown(ports.1).await, orders(&node).await),
                (None, (0.0, 0.0)),
                "it waits for the window"
            );
        }
    }
}
