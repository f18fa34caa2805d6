//! `POST /reload`: swaps to the configuration file as it is now; everything that is wrong comes back to the caller.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::{Desk, reply};
use crate::RunFailed;

/// The body says nothing, but it is read: a connection that is closed over unread bytes is reset, and its answer lost.
pub(super) async fn reload(State(desk): State<Desk>, _: Bytes) -> Response {
    // Reads files and resolves names.
    let reloaded = tokio::task::spawn_blocking(move || desk.reloader.reload()).await;
    match reloaded {
        Ok(Ok(hash)) => reply::done(json!({ "hash": hash })),
        Ok(Err(refused)) => refusal(&refused),
        Err(_) => reply::refused(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the reload broke off; the running configuration stays in force",
        ),
    }
}

fn refusal(refused: &RunFailed) -> Response {
    let more = match refused {
        RunFailed::Config(diagnostics) => {
            let list = serde_json::from_str::<Value>(&diagnostics.render_json()).unwrap_or_default();
            json!({ "diagnostics": list })
        }
        _ => json!({}),
    };
    let message = format!("the new configuration is refused, the running one stays in force:\n{refused}");
    reply::refused_with(StatusCode::UNPROCESSABLE_ENTITY, "configuration_refused", message, more)
}
