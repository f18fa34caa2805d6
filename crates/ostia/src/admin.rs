//! The doors of the operator: a loopback address that only reads, a unix socket that also changes.
//!
//! One file a route. Bodies are JSON with a `version`; see [`reply`].

mod metrics;
mod order;
mod ready;
mod reload;
pub(crate) mod reply;
mod session;
pub(crate) mod socket;
mod status;
mod upgrade;

use std::net::TcpListener;
use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use ostia_gateway::Gateway;
use tokio::task::JoinHandle;

use crate::RunFailed;
use crate::listeners::Listeners;
use crate::reload::Reloader;
use crate::upgrade::Upgrader;
use socket::AdminSocket;

/// What the routes look at and change.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) listeners: Arc<Listeners>,
    pub(crate) reloader: Arc<Reloader>,
    pub(crate) upgrader: Arc<Upgrader>,
}

/// Closes both doors when it is dropped.
pub(crate) struct Admin {
    tasks: Vec<JoinHandle<()>>,
    /// Removes the socket's file.
    _socket: Option<socket::Removed>,
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Opens the doors until the returned guard is dropped.
pub(crate) fn start(
    address: TcpListener,
    socket: Option<AdminSocket>,
    desk: &Desk,
) -> Result<Admin, RunFailed> {
    let failed = |source| RunFailed::System { what: "the admin address cannot be served", source };
    address.set_nonblocking(true).map_err(failed)?;
    let address = tokio::net::TcpListener::from_std(address).map_err(failed)?;
    let mut tasks = vec![serve(address, reads(desk.clone()), "the admin address stopped")];
    let mut removed = None;
    if let Some(AdminSocket { listener, file }) = socket {
        let listener = tokio::net::UnixListener::from_std(listener).map_err(failed)?;
        let router = reads(desk.clone()).merge(changes(desk.clone()));
        tasks.push(serve(listener, router, "the admin socket stopped"));
        removed = Some(file);
    }
    Ok(Admin { tasks, _socket: removed })
}

/// What both doors show.
fn reads(desk: Desk) -> Router {
    Router::new()
        .route("/metrics", get(metrics::metrics))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready::ready))
        .route("/status", get(status::status))
        .route("/sessions", get(session::counts))
        .with_state(desk)
}

/// What only the socket takes.
fn changes(desk: Desk) -> Router {
    Router::new()
        .route("/reload", post(reload::reload))
        .route("/upgrade", post(upgrade::upgrade))
        .route("/server", post(order::order))
        .route("/sessions/revoke", post(session::revoke))
        .with_state(desk)
}

fn serve<L>(listener: L, router: Router, stopped: &'static str) -> JoinHandle<()>
where
    L: axum::serve::Listener,
    L::Addr: std::fmt::Debug,
{
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "{stopped}");
        }
    })
}
