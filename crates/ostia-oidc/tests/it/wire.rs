//! What the connection to an issuer may do to us: redirect, swell, stall, pretend.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ostia_oidc::Provider;
use serde_json::json;

use crate::issuer::{Issuer, Reply, bearer, install_tls, patient, settings, start_login};
use crate::key::SigningKey;

/// The reason why keys could not be loaded.
async fn load(issuer: &Issuer, timeout: Duration) -> &'static str {
    let mut settings = issuer.settings();
    settings.timeout = timeout;
    let provider = Provider::with_pace(Arc::new(settings), None, patient()).unwrap();
    let refused = provider.verify_bearer(&issuer.access_token(|_| {}), SystemTime::now()).await.unwrap_err();
    assert_eq!(refused.slug(), "keys_unavailable");
    provider.status().last_error.unwrap().slug
}

#[tokio::test]
async fn a_redirect_is_never_followed() {
    let issuer = Issuer::start().await;
    let provider = issuer.provider();
    let start = start_login(&provider).await;
    issuer.reply("/token", Reply::Redirect(format!("{}/thief", issuer.shared.issuer)));
    let query = issuer.sign_in(&start);
    let refused = provider.finish_login(&query, &start.attempt, SystemTime::now()).await.unwrap_err();
    assert_eq!(refused.slug(), "issuer_redirected");
    assert!(issuer.calls("/thief").is_empty());

    for path in ["/jwks", "/.well-known/openid-configuration"] {
        let issuer = Issuer::start().await;
        issuer.reply(path, Reply::Redirect("/thief".to_owned()));
        assert_eq!(load(&issuer, Duration::from_secs(5)).await, "issuer_redirected");
        assert!(issuer.calls("/thief").is_empty());
    }
}

#[tokio::test]
async fn a_body_of_ten_megabytes_is_cut_off() {
    for announced in [true, false] {
        let issuer = Issuer::start().await;
        issuer.reply("/jwks", Reply::Huge { bytes: 10 << 20, announced });
        assert_eq!(load(&issuer, Duration::from_secs(5)).await, "issuer_body_too_large", "{announced}");
    }
}

#[tokio::test]
async fn a_slow_answer_is_not_waited_for() {
    for path in ["/jwks", "/.well-known/openid-configuration"] {
        let issuer = Issuer::start().await;
        issuer.reply(path, Reply::Silence);
        assert_eq!(load(&issuer, Duration::from_millis(100)).await, "issuer_timeout", "{path}");
    }
}

#[tokio::test]
async fn a_slow_token_endpoint_is_not_waited_for() {
    let issuer = Issuer::start().await;
    let mut settings = issuer.settings();
    settings.timeout = Duration::from_millis(100);
    let provider = Provider::with_pace(Arc::new(settings), None, patient()).unwrap();
    let start = start_login(&provider).await;
    issuer.reply("/token", Reply::Silence);
    let query = issuer.sign_in(&start);
    let refused = provider.finish_login(&query, &start.attempt, SystemTime::now()).await.unwrap_err();
    assert_eq!((refused.slug(), refused.status().as_u16()), ("issuer_timeout", 502));
}

/// An issuer behind TLS that answers each connection once, in a thread.
fn tls_issuer(certificate: &rcgen::CertifiedKey<rcgen::KeyPair>, key: SigningKey) -> (String, SigningKey) {
    let chain = vec![certificate.cert.der().clone()];
    let private = rustls::pki_types::PrivateKeyDer::Pkcs8(certificate.signing_key.serialize_der().into());
    let config =
        rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, private).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let issuer = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let metadata = json!({"issuer": issuer, "jwks_uri": format!("{issuer}/jwks")}).to_string();
    let keys = json!({"keys": [key.jwk()]}).to_string();
    let config = Arc::new(config);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = rustls::StreamOwned::new(connection, stream.unwrap());
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && tls.read_exact(&mut byte).is_ok() {
                head.push(byte[0]);
            }
            let body = if head.starts_with(b"GET /jwks ") { &keys } else { &metadata };
            let length = body.len();
            let _ =
                write!(tls, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
            tls.conn.send_close_notify();
            let _ = tls.flush();
        }
    });
    (issuer, key)
}

#[tokio::test]
async fn the_ca_file_is_the_only_root_that_is_trusted() {
    install_tls();
    let ours = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (issuer, key) = tls_issuer(&ours, SigningKey::es256("tls"));
    let folder = tempfile::tempdir().unwrap();
    let mut outcomes = Vec::new();
    for (name, pem) in [("ours.pem", ours.cert.pem()), ("other.pem", other.cert.pem())] {
        let path = folder.path().join(name);
        std::fs::write(&path, pem).unwrap();
        let mut settings = settings(&issuer);
        settings.client = None;
        settings.ca_file = Some(path);
        let provider = Provider::with_pace(Arc::new(settings), None, patient()).unwrap();
        let verdict = provider.verify_bearer(&bearer(&key, &issuer, |_| {}), SystemTime::now()).await;
        outcomes.push((verdict.is_ok(), provider.status().last_error.map(|error| error.slug)));
    }
    assert_eq!(outcomes, [(true, None), (false, Some("issuer_unreachable"))]);
}
