//! `GET /status`: what runs, and how each server stands.

use axum::extract::State;
use axum::response::Response;

use super::{Desk, reply};

pub(super) async fn status(State(desk): State<Desk>) -> Response {
    reply::done(desk.gateway.status(&desk.listeners.by_name()))
}
