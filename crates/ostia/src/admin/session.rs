//! `GET /sessions` and `POST /sessions/revoke`: what is known of sessions, and their end.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::Response;
use ostia_gateway::revoke::Revocation;

use super::{Desk, reply};

pub(super) async fn counts(State(desk): State<Desk>) -> Response {
    reply::done(desk.gateway.session_counts())
}

pub(super) async fn revoke(
    State(desk): State<Desk>,
    revocation: Result<Json<Revocation>, JsonRejection>,
) -> Response {
    let Json(revocation) = match revocation {
        Ok(revocation) => revocation,
        Err(rejection) => {
            return reply::refused(StatusCode::BAD_REQUEST, "malformed", rejection.body_text());
        }
    };
    match desk.gateway.revoke_sessions(&revocation) {
        Ok(revoked) => reply::done(revoked),
        Err(refused) => reply::refused(StatusCode::UNPROCESSABLE_ENTITY, refused.slug(), refused.to_string()),
    }
}
