//! TLS: certificates by SNI, versions, reload.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ostia_config as config;
use ostia_config::listener::{Certificate, Limits, Protocols, Tls, TlsVersion};
use ostia_listener::{Listener, Node};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::app::{Served, section, soon};

/// Certificates on disk.
pub(crate) struct Files {
    dir: TempDir,
}

impl Files {
    pub(crate) fn new() -> Self {
        Self { dir: TempDir::new().unwrap() }
    }

    /// Writes a pair under a file name; returns its paths and the leaf.
    pub(crate) fn pair(&self, file: &str, names: &[&str]) -> (Certificate, CertificateDer<'static>) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let pair = Certificate { cert_file: self.path(file, "crt"), key_file: self.path(file, "key") };
        std::fs::write(&pair.cert_file, made.cert.pem()).unwrap();
        std::fs::write(&pair.key_file, made.signing_key.serialize_pem()).unwrap();
        (pair, made.cert.der().clone())
    }

    pub(crate) fn path(&self, file: &str, extension: &str) -> PathBuf {
        self.dir.path().join(file).with_extension(extension)
    }
}

pub(crate) fn secure(certificates: Vec<Certificate>) -> config::Listener {
    config::Listener {
        tls: Some(Tls {
            certificates,
            min_version: TlsVersion::Tls12,
            client_certificates: None,
            ticket_keys_file: None,
            acme: None,
        }),
        protocols: Protocols { http1: true, http2: true },
        ..section(Limits::default())
    }
}

/// Believes every certificate: the test looks at it itself.
#[derive(Debug)]
struct Believe;

impl ServerCertVerifier for Believe {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

pub(crate) fn client(
    alpn: &[&str],
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> Arc<ClientConfig> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Believe))
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

/// A client that shows this certificate when it is asked for one.
pub(crate) fn client_with(
    shown: Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> Arc<ClientConfig> {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Believe));
    Arc::new(match shown {
        Some((certificate, key)) => config.with_client_auth_cert(vec![certificate], key).unwrap(),
        None => config.with_no_client_auth(),
    })
}

pub(crate) async fn connect(
    served: &Served,
    config: Arc<ClientConfig>,
    name: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(served.address()).await.unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    tokio_rustls::TlsConnector::from(config).connect(name, tcp).await
}

pub(crate) fn leaf(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

async fn get(stream: &mut TlsStream<TcpStream>) -> String {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

const BOTH: &[&rustls::SupportedProtocolVersion] = rustls::ALL_VERSIONS;

#[tokio::test]
async fn the_certificate_is_chosen_by_sni() {
    let files = Files::new();
    let (first, first_leaf) = files.pair("first", &["a.example"]);
    let (exact, exact_leaf) = files.pair("exact", &["b.wild.example", "B2.Example"]);
    let (wild, wild_leaf) = files.pair("wild", &["*.wild.example"]);
    let served = Served::start(&secure(vec![first, exact, wild]));
    for (name, expected) in [
        ("a.example", &first_leaf),
        ("b.wild.example", &exact_leaf),
        ("B.WILD.example", &exact_leaf),
        ("b2.example", &exact_leaf),
        ("c.wild.example", &wild_leaf),
        ("c.c.wild.example", &first_leaf),
        ("wild.example", &first_leaf),
        ("unknown.example", &first_leaf),
        ("127.0.0.1", &first_leaf),
    ] {
        let stream = connect(&served, client(&["http/1.1"], BOTH), name).await.unwrap();
        assert_eq!(&leaf(&stream), expected, "{name}");
    }
    let names: Vec<_> = served.listener.certificates().into_iter().map(|c| c.names).collect();
    assert_eq!(
        names,
        [
            vec!["a.example".to_owned()],
            vec!["b.wild.example".into(), "b2.example".into()],
            vec!["*.wild.example".into()]
        ]
    );
}

#[tokio::test]
async fn a_head_and_its_small_body_are_one_record() {
    let files = Files::new();
    let served = Served::start(&secure(vec![files.pair("a", &["a.example"]).0]));
    let config = client(&["http/1.1"], &[&rustls::version::TLS13]);
    let mut stream = connect(&served, config, "a.example").await.unwrap();
    let mut answers = Vec::new();
    // Session tickets come with the first.
    for target in ["/one", "/two"] {
        stream.write_all(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).await.unwrap();
        let sealed = soon(first_record(stream.get_ref().0)).await;
        let mut answer = Vec::new();
        while !String::from_utf8_lossy(&answer).contains(&format!("GET {target}|")) {
            soon(stream.read_buf(&mut answer)).await.unwrap();
        }
        answers.push((sealed, answer.len()));
    }
    // The type of the record inside and the tag (RFC 8446 section 5.2).
    let (sealed, plain) = answers[1];
    assert_eq!(sealed, plain + 1 + 16);
}

/// How long the next record is that waits on the socket, once it is there.
async fn first_record(tcp: &TcpStream) -> usize {
    let mut head = [0; 5];
    while tcp.peek(&mut head).await.unwrap() < 5 {}
    usize::from(u16::from_be_bytes([head[3], head[4]]))
}

#[tokio::test]
async fn sni_and_version_reach_the_request() {
    let files = Files::new();
    let served = Served::start(&secure(vec![files.pair("a", &["a.example"]).0]));
    for (name, versions, expected) in [
        ("A.example", BOTH, "GET /||a.example|TLSv1_3"),
        ("a.example", &[&rustls::version::TLS12][..], "GET /||a.example|TLSv1_2"),
        ("127.0.0.1", BOTH, "GET /||-|TLSv1_3"),
    ] {
        let mut stream = connect(&served, client(&[], versions), name).await.unwrap();
        let answer = get(&mut stream).await;
        assert!(answer.ends_with(expected), "{answer}");
    }
    assert_eq!(served.listener.counters().handshakes(), 3);
}

#[tokio::test]
async fn a_version_below_the_minimum_is_refused() {
    let files = Files::new();
    let mut section = secure(vec![files.pair("a", &["a.example"]).0]);
    section.tls.as_mut().unwrap().min_version = TlsVersion::Tls13;
    let served = Served::start(&section);
    assert!(connect(&served, client(&[], &[&rustls::version::TLS12]), "a.example").await.is_err());
    assert!(connect(&served, client(&[], &[&rustls::version::TLS13]), "a.example").await.is_ok());
    assert_eq!(served.refused("handshake"), 1);
}

#[tokio::test]
async fn a_session_is_resumed_also_after_a_reload() {
    let files = Files::new();
    let section = secure(vec![files.pair("a", &["a.example"]).0]);
    let served = Served::start(&section);
    let config = client(&["http/1.1"], BOTH);
    let mut full = connect(&served, config.clone(), "a.example").await.unwrap();
    get(&mut full).await;
    served.listener.reload(&section).unwrap();
    let mut resumed = connect(&served, config, "a.example").await.unwrap();
    get(&mut resumed).await;
    assert_eq!(full.get_ref().1.handshake_kind(), Some(rustls::HandshakeKind::Full));
    assert_eq!(resumed.get_ref().1.handshake_kind(), Some(rustls::HandshakeKind::Resumed));
}

#[tokio::test]
async fn a_reload_swaps_the_certificate_and_keeps_open_connections() {
    let files = Files::new();
    let (pair, old) = files.pair("a", &["a.example"]);
    let section = secure(vec![pair]);
    let served = Served::start(&section);
    let mut open = connect(&served, client(&["http/1.1"], BOTH), "a.example").await.unwrap();
    let (_, new) = files.pair("a", &["a.example"]);
    served.listener.reload(&section).unwrap();
    let fresh = connect(&served, client(&["http/1.1"], BOTH), "a.example").await.unwrap();
    assert_eq!((leaf(&open), leaf(&fresh)), (old, new));
    assert!(get(&mut open).await.starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn a_broken_certificate_is_refused_with_file_reason_and_remedy_and_the_old_one_stays() {
    let files = Files::new();
    let (pair, old) = files.pair("a", &["a.example"]);
    let (other, _) = files.pair("b", &["b.example"]);
    let served = Served::start(&secure(vec![pair.clone()]));
    let broken = files.path("broken", "pem");
    std::fs::write(&broken, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    let torn = files.path("torn", "pem");
    std::fs::write(&torn, "-----BEGIN CERTIFICATE-----\nAAAA\n").unwrap();
    let empty = files.path("empty", "pem");
    std::fs::write(&empty, "").unwrap();
    let missing = files.path("missing", "pem");
    let of = |cert: &PathBuf, key: &PathBuf| Certificate { cert_file: cert.clone(), key_file: key.clone() };
    for (pair, file, slug) in [
        (of(&missing, &pair.key_file), &missing, "unreadable"),
        (of(&empty, &pair.key_file), &empty, "no_certificate"),
        (of(&torn, &pair.key_file), &torn, "broken_pem"),
        (of(&broken, &pair.key_file), &broken, "not_x509"),
        (of(&pair.cert_file, &missing), &missing, "unreadable"),
        (of(&pair.cert_file, &empty), &empty, "no_key"),
        (of(&pair.cert_file, &other.key_file), &other.key_file, "key_mismatch"),
    ] {
        let refused = served.listener.reload(&secure(vec![pair])).unwrap_err();
        assert_eq!(refused.slug(), slug);
        let said = refused.to_string();
        assert!(said.starts_with(&format!("listener `web`: {}: ", file.display())), "{said}");
    }
    let stream = connect(&served, client(&[], BOTH), "a.example").await.unwrap();
    assert_eq!(leaf(&stream), old);
    let node = Node::new(files.dir.path());
    assert_eq!(Listener::bind(&secure(Vec::new()), &node).unwrap_err().slug(), "no_certificates");
}

#[tokio::test(start_paused = true)]
async fn a_silent_handshake_is_cut_after_ten_seconds() {
    let files = Files::new();
    let served = Served::start(&secure(vec![files.pair("a", &["a.example"]).0]));
    let began = tokio::time::Instant::now();
    assert_eq!(served.connect().await.rest().await, "");
    assert!((10..11).contains(&began.elapsed().as_secs()));
    assert_eq!(served.refused("handshake_timeout"), 1);
}

#[tokio::test]
async fn plain_http_on_a_tls_listener_is_refused() {
    let files = Files::new();
    let served = Served::start(&secure(vec![files.pair("a", &["a.example"]).0]));
    let mut client = served.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut alert = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(5), client.0.read_to_end(&mut alert)).await.unwrap();
    assert!(!alert.starts_with(b"HTTP"));
    assert_eq!(served.refused("handshake"), 1);
}

#[tokio::test]
async fn half_a_head_over_tls_is_answered_with_408() {
    let files = Files::new();
    let mut section = secure(vec![files.pair("a", &["a.example"]).0]);
    section.limits.header_timeout = Duration::from_millis(300);
    let served = Served::start(&section);
    let mut stream = connect(&served, client(&[], BOTH), "a.example").await.unwrap();
    stream.write_all(b"GET / HT").await.unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "));
}
