//! Sessions that are resumed on another node and after a restart.

use std::path::Path;
use std::sync::Arc;

use ostia_config as config;
use ostia_config::listener::ClientCertificates;
use ostia_listener::Node;
use rustls::{ClientConfig, HandshakeKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::app::Served;
use crate::tls::{Files, client, connect, secure};

const ONE: &str = "00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f\n";
const TWO: &str = "f0e1d2c3b4a5968778695a4b3c2d1e0f0112233445566778899aabbccddeeff0\n";

/// One connection with one request, so that the tickets of TLS 1.3 arrive, too.
async fn kind(served: &Served, config: &Arc<ClientConfig>) -> HandshakeKind {
    let mut stream = connect(served, Arc::clone(config), "a.example").await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    stream.get_ref().1.handshake_kind().unwrap()
}

fn with_keys(files: &Files, keys: &Path) -> config::Listener {
    let mut section = secure(vec![files.pair("a", &["a.example"]).0]);
    section.tls.as_mut().unwrap().ticket_keys_file = Some(keys.to_owned());
    section
}

#[tokio::test]
async fn a_session_is_resumed_after_a_restart_with_the_keys_of_the_state_folder() {
    for version in rustls::ALL_VERSIONS {
        let (files, state) = (Files::new(), tempfile::tempdir().unwrap());
        let section = secure(vec![files.pair("a", &["a.example"]).0]);
        let config = client(&["http/1.1"], &[version]);
        let first = Served::start_on(&section, &Node::new(state.path()));
        assert_eq!(kind(&first, &config).await, HandshakeKind::Full);
        assert_eq!(kind(&first, &config).await, HandshakeKind::Resumed);
        drop(first);
        let second = Served::start_on(&section, &Node::new(state.path()));
        assert_eq!(kind(&second, &config).await, HandshakeKind::Resumed);
        let elsewhere = Served::start(&section);
        assert_eq!(kind(&elsewhere, &config).await, HandshakeKind::Full, "other keys open nothing");
    }
}

#[tokio::test]
async fn a_session_is_resumed_by_every_node_that_has_the_keys() {
    let (files, shared) = (Files::new(), tempfile::tempdir().unwrap());
    let [one, both] = ["one", "both"].map(|name| shared.path().join(name));
    std::fs::write(&one, ONE).unwrap();
    std::fs::write(&both, format!("{TWO}{ONE}")).unwrap();
    let here = Served::start(&with_keys(&files, &one));
    let there = Served::start(&with_keys(&files, &both));
    let config = client(&["http/1.1"], rustls::ALL_VERSIONS);
    assert_eq!(kind(&here, &config).await, HandshakeKind::Full);
    assert_eq!(kind(&there, &config).await, HandshakeKind::Resumed, "it opens with its second key");
    // The client now holds tickets of the other node's first key, which this one does not have.
    assert_eq!(kind(&here, &config).await, HandshakeKind::Full);
}

#[tokio::test]
async fn a_ticket_of_other_authorities_opens_nothing() {
    let (files, shared) = (Files::new(), tempfile::tempdir().unwrap());
    let keys = shared.path().join("keys");
    std::fs::write(&keys, ONE).unwrap();
    let section = with_keys(&files, &keys);
    let config = client(&["http/1.1"], rustls::ALL_VERSIONS);
    let open = Served::start(&section);
    assert_eq!(kind(&open, &config).await, HandshakeKind::Full);
    let mut asking = section.clone();
    asking.tls.as_mut().unwrap().client_certificates = Some(ClientCertificates {
        ca_file: files.pair("ca", &["ca.example"]).0.cert_file,
        is_required: false,
    });
    assert_eq!(kind(&Served::start(&asking), &config).await, HandshakeKind::Full);
}
