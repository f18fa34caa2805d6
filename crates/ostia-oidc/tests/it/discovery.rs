//! Metadata that is not accepted, and metadata that is though it says little.

use std::sync::Arc;
use std::time::SystemTime;

use ostia_oidc::Provider;
use ostia_oidc::provider::metadata::Metadata;
use ostia_oidc::relying_party::login::LoginRequest;
use serde_json::{Value, json};

use crate::issuer::{Issuer, Reply, patient, settings};

const ISSUER: &str = "https://login.example.com/realms/corp";

fn document() -> Value {
    let at = |path: &str| format!("{ISSUER}{path}");
    json!({
        "issuer": ISSUER, "authorization_endpoint": at("/auth"), "token_endpoint": at("/token"), "jwks_uri": at("/jwks"),
        "code_challenge_methods_supported": ["S256"], "id_token_signing_alg_values_supported": ["RS256"],
    })
}

fn read(document: &str, settings: &ostia_config::Provider) -> Result<Metadata, &'static str> {
    Metadata::read(document.as_bytes(), settings, ostia_identity::AlgorithmSet::all())
        .map_err(|refused| refused.slug())
}

#[test]
fn metadata_that_cannot_be_trusted_is_refused() {
    let cases = [
        ("issuer with a slash", "issuer", json!(format!("{ISSUER}/")), "metadata_issuer_mismatch"),
        (
            "issuer in capitals",
            "issuer",
            json!("https://LOGIN.example.com/realms/corp"),
            "metadata_issuer_mismatch",
        ),
        ("issuer of nobody", "issuer", json!(null), "metadata_malformed"),
        (
            "token endpoint in the clear",
            "token_endpoint",
            json!("http://login.example.com/token"),
            "metadata_endpoint_not_https",
        ),
        (
            "token endpoint on our own machine",
            "token_endpoint",
            json!("http://127.0.0.1:9000/"),
            "metadata_endpoint_not_https",
        ),
        ("keys in a file", "jwks_uri", json!("file:///etc/passwd"), "metadata_endpoint_not_https"),
        ("keys nowhere", "jwks_uri", json!(null), "metadata_malformed"),
        (
            "endpoint with a password",
            "authorization_endpoint",
            json!("https://a:b@login.example.com/"),
            "metadata_endpoint_not_https",
        ),
        (
            "endpoint with a fragment",
            "authorization_endpoint",
            json!("https://login.example.com/#x"),
            "metadata_endpoint_not_https",
        ),
        ("relative endpoint", "authorization_endpoint", json!("/auth"), "metadata_endpoint_not_https"),
        (
            "scripted logout",
            "end_session_endpoint",
            json!("javascript:alert(1)"),
            "metadata_endpoint_not_https",
        ),
        (
            "userinfo in the clear",
            "userinfo_endpoint",
            json!("http://login.example.com/me"),
            "metadata_endpoint_not_https",
        ),
        ("PKCE without S256", "code_challenge_methods_supported", json!(["plain"]), "metadata_no_s256"),
        ("PKCE with nothing", "code_challenge_methods_supported", json!([]), "metadata_no_s256"),
        ("no code flow", "response_types_supported", json!(["id_token"]), "metadata_no_code_flow"),
        ("no token endpoint", "token_endpoint", json!(null), "metadata_endpoint_missing"),
        (
            "only HS256",
            "id_token_signing_alg_values_supported",
            json!(["none", "HS256"]),
            "metadata_no_common_algorithm",
        ),
        ("a string for a list", "code_challenge_methods_supported", json!("S256"), "metadata_malformed"),
    ];
    let settings = settings(ISSUER);
    assert!(read(&document().to_string(), &settings).is_ok());
    for (name, member, value, slug) in cases {
        let mut document = document();
        document[member] = value;
        assert_eq!(read(&document.to_string(), &settings).unwrap_err(), slug, "{name}");
    }
    let twice = document().to_string().replacen('{', &format!("{{\"issuer\":\"{ISSUER}\","), 1);
    assert_eq!(read(&twice, &settings).unwrap_err(), "metadata_malformed");
}

#[test]
fn an_issuer_of_workloads_needs_no_more_than_issuer_and_keys() {
    let mut settings = settings(ISSUER);
    settings.client = None;
    let document = json!({"issuer": ISSUER, "jwks_uri": "https://keys.example.net/jwks"});
    assert!(read(&document.to_string(), &settings).is_ok());
}

#[test]
fn pkce_methods_need_not_be_listed() {
    let mut document = document();
    document.as_object_mut().unwrap().remove("code_challenge_methods_supported");
    assert!(read(&document.to_string(), &settings(ISSUER)).is_ok());
}

#[tokio::test]
async fn a_workload_issuer_serves_bearers() {
    let issuer = Issuer::start().await;
    issuer.knobs().metadata = Some(Box::new(|metadata| {
        metadata.as_object_mut().unwrap().retain(|name, _| ["issuer", "jwks_uri"].contains(&name.as_str()));
    }));
    let mut settings = issuer.settings();
    settings.client = None;
    let provider = Provider::with_pace(Arc::new(settings), None, patient()).unwrap();
    let token = issuer.access_token(|_| {});
    assert!(provider.verify_bearer(&token, SystemTime::now()).await.is_ok());
}

#[tokio::test]
async fn an_authorization_server_is_found_at_its_own_well_known_path() {
    let issuer = Issuer::start().await;
    issuer.reply("/.well-known/openid-configuration", Reply::Status(404, ""));
    let provider = issuer.provider();
    let request = LoginRequest { redirect_uri: "https://a.example/", ..LoginRequest::default() };
    assert_eq!(provider.begin_login(request).await.unwrap_err().slug(), "provider_unavailable");
    assert_eq!(issuer.calls("/.well-known/oauth-authorization-server").len(), 1);
}

#[tokio::test]
async fn one_bad_provider_does_not_harm_another() {
    let (good, bad) = (Issuer::start().await, Issuer::start().await);
    bad.knobs().metadata = Some(Box::new(|metadata| metadata["issuer"] = json!("https://other.example")));
    let request = LoginRequest { redirect_uri: "https://a.example/", ..LoginRequest::default() };
    assert!(bad.provider().begin_login(request).await.is_err());
    assert!(good.provider().begin_login(request).await.is_ok());
}

#[test]
fn a_ca_file_that_is_of_no_use_is_refused() {
    crate::issuer::install_tls();
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "no certificate").unwrap();
    for (path, slug) in [(folder.path().join("absent.pem"), "ca_file_unreadable"), (empty, "ca_file_empty")] {
        let mut settings = settings(ISSUER);
        settings.ca_file = Some(path);
        assert_eq!(Provider::with_pace(settings.into(), None, patient()).unwrap_err().slug(), slug);
    }
}
