//! The read-only address: `/metrics`, `/livez`, `/readyz`.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ostia_config::Name;
use ostia_gateway::Gateway;
use ostia_listener::Listener;
use tokio::task::JoinHandle;

use crate::RunFailed;

/// What the pages of this address look at.
#[derive(Clone)]
struct Seen {
    gateway: Arc<Gateway>,
    listeners: Arc<BTreeMap<Name, Arc<Listener>>>,
}

/// Stops the address when it is dropped.
pub(crate) struct Admin(JoinHandle<()>);

impl Drop for Admin {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Serves the address until the returned guard is dropped.
pub(crate) fn start(
    socket: TcpListener,
    gateway: &Arc<Gateway>,
    listeners: BTreeMap<Name, Arc<Listener>>,
) -> Result<Admin, RunFailed> {
    let failed = |source| RunFailed::System { what: "the admin address cannot be served", source };
    socket.set_nonblocking(true).map_err(failed)?;
    let socket = tokio::net::TcpListener::from_std(socket).map_err(failed)?;
    let seen = Seen { gateway: Arc::clone(gateway), listeners: Arc::new(listeners) };
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(seen);
    Ok(Admin(tokio::spawn(async move {
        if let Err(error) = axum::serve(socket, router).await {
            tracing::error!(%error, "the admin address stopped");
        }
    })))
}

async fn metrics(State(seen): State<Seen>) -> Response {
    for (name, listener) in seen.listeners.iter() {
        seen.gateway.observe_listener(name, listener);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], seen.gateway.metrics_text())
        .into_response()
}

async fn ready(State(seen): State<Seen>) -> Response {
    let readiness = seen.gateway.readiness();
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(readiness)).into_response()
}
