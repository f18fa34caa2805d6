//! Certificates of clients: who gets in, and what the request path learns.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ostia_config as config;
use ostia_config::listener::ClientCertificates;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::app::Served;
use crate::tls::{Files, client_with, connect, secure};

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    fn sign(
        &self,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        change(&mut params);
        let signed = params.signed_by(&key, &self.issuer).unwrap();
        (signed.der().clone(), PrivateKeyDer::Pkcs8(key.serialize_der().into()))
    }
}

fn asking(files: &Files, ca: &Authority, is_required: bool) -> (config::Listener, PathBuf) {
    let ca_file = files.path("ca", "pem");
    std::fs::write(&ca_file, &ca.pem).unwrap();
    let mut section = secure(vec![files.pair("a", &["a.example"]).0]);
    section.tls.as_mut().unwrap().client_certificates =
        Some(ClientCertificates { ca_file: ca_file.clone(), is_required });
    (section, ca_file)
}

/// What the application saw; `None` when the connection was refused.
async fn seen(served: &Served, config: &Arc<ClientConfig>) -> Option<String> {
    let mut stream = connect(served, Arc::clone(config), "a.example").await.ok()?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    answer.lines().last().filter(|_| answer.starts_with("HTTP/1.1 200")).map(str::to_owned)
}

#[tokio::test]
async fn only_a_certificate_of_the_authorities_enters_where_one_is_required() {
    for version in rustls::ALL_VERSIONS {
        let (files, ca, stranger) = (Files::new(), Authority::new(), Authority::new());
        let past = |params: &mut CertificateParams| {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2020, 2, 1);
        };
        for (is_required, nobody_enters) in [(true, false), (false, true)] {
            let served = Served::start(&asking(&files, &ca, is_required).0);
            for (shown, enters) in [
                (None, nobody_enters),
                (Some(ca.sign("robot", |_| {})), true),
                (Some(stranger.sign("robot", |_| {})), false),
                (Some(ca.sign("late", past)), false),
            ] {
                let which = shown.is_some();
                let answer = seen(&served, &client_with(shown, &[version])).await;
                assert_eq!(
                    answer.is_some(),
                    enters,
                    "{version:?} required: {is_required} shown: {which} {answer:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn the_request_path_learns_who_the_certificate_names_also_when_the_session_is_resumed() {
    let (files, ca) = (Files::new(), Authority::new());
    let served = Served::start(&asking(&files, &ca, true).0);
    let config = client_with(Some(ca.sign("robot", |_| {})), rustls::ALL_VERSIONS);
    for _ in 0..2 {
        let answer = seen(&served, &config).await.unwrap();
        assert!(answer.ends_with("|a.example|TLSv1_3|CN=robot"), "{answer}");
    }
    let nobody = Served::start(&asking(&files, &ca, false).0);
    let answer = seen(&nobody, &client_with(None, rustls::ALL_VERSIONS)).await.unwrap();
    assert!(answer.ends_with("|a.example|TLSv1_3"), "{answer}");
}

#[tokio::test]
async fn a_resumed_session_does_not_outlive_its_certificate_nor_its_authority() {
    let (files, ca, next) = (Files::new(), Authority::new(), Authority::new());
    let (section, ca_file) = asking(&files, &ca, true);
    let served = Served::start(&section);
    let soon_over = std::time::SystemTime::now() + Duration::from_secs(3);
    let short = ca.sign("short", |params| params.not_after = soon_over.into());
    let (short, long) = (
        client_with(Some(short), rustls::ALL_VERSIONS),
        client_with(Some(ca.sign("long", |_| {})), rustls::ALL_VERSIONS),
    );
    assert!(seen(&served, &short).await.is_some());
    assert!(seen(&served, &long).await.is_some());
    while std::time::SystemTime::now() < soon_over + Duration::from_secs(1) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(seen(&served, &short).await, None, "its certificate has ended");
    assert!(seen(&served, &long).await.is_some());
    std::fs::write(ca_file, next.pem).unwrap();
    served.listener.reload(&section).unwrap();
    assert_eq!(seen(&served, &long).await, None, "its authority is no longer one");
}

#[tokio::test]
async fn what_is_no_authority_is_refused_with_its_file() {
    let (files, ca) = (Files::new(), Authority::new());
    let (section, ca_file) = asking(&files, &ca, true);
    let served = Served::start(&section);
    for (text, slug) in [
        ("", "no_certificate"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "unusable_authority"),
    ] {
        std::fs::write(&ca_file, text).unwrap();
        let refused = served.listener.reload(&section).unwrap_err();
        assert_eq!(refused.slug(), slug);
        assert!(refused.to_string().contains(&ca_file.display().to_string()), "{refused}");
    }
}
