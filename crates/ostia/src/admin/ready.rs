//! `GET /readyz`: whether requests should come here.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::Desk;

pub(super) async fn ready(State(desk): State<Desk>) -> Response {
    let readiness = desk.gateway.readiness();
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(readiness)).into_response()
}
