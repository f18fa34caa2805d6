//! Directories that do not keep to what they document, and keys that are none.

use std::sync::Once;

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use ostia_config::Secret;
use ostia_config::load::{Environment, parse_text};
use serde_json::{Value, json};
use url::Url;

use super::service_account::ServiceAccount;
use super::{DirectoryRefused, Groups, graph};
use crate::provider::http::IssuerHttp;

fn http() -> IssuerHttp {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| rustls::crypto::aws_lc_rs::default_provider().install_default().unwrap());
    let yaml = "provider: { issuer: https://a.example, client_id: ostia }\n\
                routes: [{ host: b.example, allow: authenticated, upstream: 127.0.0.1:1 }]\n";
    let config = parse_text("test", yaml, std::path::Path::new(""), &Environment::empty()).unwrap();
    IssuerHttp::new(config.providers.values().next().unwrap()).unwrap()
}

#[derive(serde::Deserialize)]
struct From {
    #[serde(default)]
    from: usize,
}

/// A directory with a way to misbehave at each path.
async fn answer(Path(way): Path<String>, Query(From { from }): Query<From>) -> Response {
    let page = |size: usize, next: Option<String>| {
        let members: Vec<Value> =
            (0..size).map(|number| json!({ "id": format!("g-{from}-{number}") })).collect();
        Json(json!({ "value": members, "@odata.nextLink": next })).into_response()
    };
    match way.as_str() {
        "many" => page(999, Some(format!("http://127.0.0.1:{}/many?from={}", port(), from + 1))),
        "endless" => page(1, Some(format!("http://127.0.0.1:{}/endless?from={}", port(), from + 1))),
        "elsewhere" => page(1, Some("http://localhost:1/me".to_owned())),
        "malformed" => Json(json!({ "value": "staff" })).into_response(),
        "forbidden" => StatusCode::FORBIDDEN.into_response(),
        "unauthorized" => StatusCode::UNAUTHORIZED.into_response(),
        "nobody" => StatusCode::NOT_FOUND.into_response(),
        "broken" => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        _ => page(2, None),
    }
}

static PORT: std::sync::OnceLock<u16> = std::sync::OnceLock::new();

fn port() -> u16 {
    *PORT.get().unwrap()
}

async fn asked(way: &str) -> Result<Groups, DirectoryRefused> {
    let first = Url::parse(&format!("http://127.0.0.1:{}/{way}", port())).unwrap();
    graph::all(http(), first, Secret::new("a-token".to_owned())).await
}

#[tokio::test]
async fn a_directory_that_misbehaves_is_refused_and_never_read_as_no_groups() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    PORT.set(listener.local_addr().unwrap().port()).unwrap();
    let router = Router::new().route("/{way}", routing::get(answer));
    let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    for (way, reason) in [
        ("many", "directory_too_many_groups"),
        ("endless", "directory_too_many_groups"),
        ("elsewhere", "directory_page_elsewhere"),
        ("malformed", "directory_malformed"),
        ("forbidden", "directory_forbidden"),
        ("unauthorized", "directory_forbidden"),
        ("nobody", "directory_malformed"),
        ("broken", "directory_no_answer"),
    ] {
        assert_eq!(asked(way).await.unwrap_err().slug(), reason, "{way}");
    }
    assert_eq!(*asked("good").await.unwrap(), ["g-0-0", "g-0-1"]);
    serving.abort();
}

#[test]
fn a_key_file_that_is_none_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let good = json!({
        "type": "service_account", "client_email": "a@b", "private_key_id": "1", "private_key": "no key",
        "token_uri": "https://oauth2.googleapis.com/token",
    });
    let with = |name: &str, value: &str| {
        let mut file = good.clone();
        file[name] = value.into();
        file.to_string()
    };
    for (text, reason) in [
        ("not JSON".to_owned(), "is not the key of a service account"),
        (with("type", "authorized_user"), "is not the key of a service account"),
        (with("token_uri", "http://evil.example/token"), "is not https"),
        (good.to_string(), "is no RSA key"),
    ] {
        let path = folder.path().join("key.json");
        std::fs::write(&path, text).unwrap();
        let refused = ServiceAccount::read(&path, "admin@example.com").unwrap_err().to_string();
        assert!(refused.contains(reason), "{refused}");
    }
    let refused = ServiceAccount::read(&folder.path().join("none"), "admin@example.com").unwrap_err();
    assert!(refused.to_string().starts_with("cannot read"), "{refused}");
}
