//! `POST /upgrade`: hands over to a new process of the same binary, and answers when it serves or has failed.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::{Desk, reply};

pub(super) async fn upgrade(State(desk): State<Desk>) -> Response {
    match desk.upgrader.upgrade().await {
        Ok(successor) => reply::done(json!({ "successor": successor })),
        Err(refused) => {
            let message = format!("the running process goes on: {refused}");
            reply::refused(StatusCode::CONFLICT, refused.slug(), message)
        }
    }
}
