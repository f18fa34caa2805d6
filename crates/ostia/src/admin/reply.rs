//! What the doors answer: JSON with a version, so that a command of another release knows what it reads.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

/// The version of every answer. It rises when a member changes its meaning or goes; new ones may come any time.
pub(crate) const VERSION: u64 = 1;

/// Done: the members of `body`, beside the version.
pub(crate) fn done(body: impl Serialize) -> Response {
    match serde_json::to_value(body) {
        Ok(Value::Object(mut members)) => {
            members.insert("version".to_owned(), VERSION.into());
            Json(Value::Object(members)).into_response()
        }
        Ok(_) | Err(_) => {
            refused(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the answer cannot be written")
        }
    }
}

/// Not done. `slug` is for programs, `message` for people.
pub(crate) fn refused(status: StatusCode, slug: &'static str, message: impl Into<String>) -> Response {
    refused_with(status, slug, message, json!({}))
}

/// [`refused`], with further members of the error.
pub(crate) fn refused_with(
    status: StatusCode,
    slug: &'static str,
    message: impl Into<String>,
    more: Value,
) -> Response {
    let mut error = json!({ "slug": slug, "message": message.into() });
    if let (Value::Object(error), Value::Object(more)) = (&mut error, more) {
        error.extend(more);
    }
    (status, Json(json!({ "version": VERSION, "error": error }))).into_response()
}
