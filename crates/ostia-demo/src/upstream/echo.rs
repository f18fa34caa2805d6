//! The request as JSON, and what it says about the caller.

use serde_json::{Value, json};

use super::received::Received;
use crate::jwt;

/// The field in which the page's own button says what it tried to forge: `Name=value`, separated by commas.
pub(super) const FORGED: &str = "x-demo-forged";

/// `{server, method, target, version, headers: [[name, value]…], trailers, body: {length, sha256}, caller, forged}`.
pub(super) fn echo(server: &str, request: &Received) -> Value {
    let digest: String = jwt::sha256(&request.body).iter().map(|byte| format!("{byte:02x}")).collect();
    let forged: Vec<Value> = forged(request)
        .map(|(name, value, arrived)| json!({ "name": name, "value": value, "arrived": arrived }))
        .collect();
    json!({
        "server": server,
        "method": request.method,
        "target": request.target,
        "version": request.version,
        "headers": request.headers,
        "trailers": request.trailers,
        "body": { "length": request.body.len(), "sha256": digest },
        "caller": {
            "user": request.header("x-forwarded-user"),
            "email": request.header("x-forwarded-email"),
            "groups": request.header("x-forwarded-groups"),
        },
        "forged": forged,
    })
}

/// What the page's button tried to forge, and whether it got through to here.
pub(super) fn forged(request: &Received) -> impl Iterator<Item = (&str, &str, bool)> {
    let tried = request.header(FORGED).unwrap_or_default().split(',');
    tried.filter_map(|pair| pair.trim().split_once('=')).map(|(name, value)| {
        let arrived =
            request.headers.iter().any(|(known, found)| is_spelling(known, name) && found.contains(value));
        (name, value, arrived)
    })
}

/// Whether two field names are one to an application that maps names to variables, as CGI does.
fn is_spelling(one: &str, other: &str) -> bool {
    let folded = |name: &str| name.to_ascii_lowercase().replace(['_', '.'], "-");
    folded(one) == folded(other)
}

/// Whether the caller wants JSON rather than a page.
pub(super) fn wants_json(request: &Received) -> bool {
    let accept = request.header("accept").unwrap_or("*/*");
    let first = |kind: &str| accept.find(kind).unwrap_or(usize::MAX);
    let path = request.path();
    path == "/api"
        || path.starts_with("/api/")
        || first("text/html") >= first("json")
        || !accept.contains("text/html")
}
