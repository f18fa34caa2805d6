//! `GET /metrics`: for Prometheus.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::Desk;

pub(super) async fn metrics(State(desk): State<Desk>) -> Response {
    for listener in desk.listeners.all() {
        desk.gateway.observe_listener(listener.name(), &listener);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], desk.gateway.metrics_text())
        .into_response()
}
