//! `POST /server`: orders a server of an upstream to serve, to drain or to rest.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::Response;
use ostia_gateway::status::Order;

use super::{Desk, reply};

pub(super) async fn order(State(desk): State<Desk>, order: Result<Json<Order>, JsonRejection>) -> Response {
    let Json(order) = match order {
        Ok(order) => order,
        Err(rejection) => {
            return reply::refused(StatusCode::BAD_REQUEST, "malformed", rejection.body_text());
        }
    };
    match desk.gateway.order_server(&order) {
        Ok(server) => reply::done(server),
        Err(refused) => reply::refused(StatusCode::NOT_FOUND, refused.slug(), refused.to_string()),
    }
}
