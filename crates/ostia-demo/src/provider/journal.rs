//! Who called what, and how the provider fails when told to.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;

use super::metadata;
use super::shared::Shared;

/// How many calls are remembered.
const KEPT: usize = 10_000;

/// One call that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// As in [`super::RunningProvider::calls`].
    pub endpoint: String,
    /// The request method.
    pub method: Method,
    /// The status of the answer; 0 when nobody answered a logout token.
    pub status: u16,
    /// Of a token request.
    pub grant_type: Option<String>,
}

/// How a provider fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Not at all.
    #[default]
    None,
    /// Every request is answered with 503.
    Down,
    /// Every answer comes this much later.
    Slow(Duration),
}

/// The calls so far and the present fault.
#[derive(Debug, Default)]
pub(super) struct Journal {
    calls: Mutex<VecDeque<Call>>,
    fault: Mutex<Fault>,
}

impl Journal {
    pub(super) fn note(&self, call: Call) {
        let mut calls = self.calls.lock();
        if calls.len() == KEPT {
            calls.pop_front();
        }
        calls.push_back(call);
    }

    pub(super) fn count(&self, is_meant: impl Fn(&Call) -> bool) -> usize {
        self.calls.lock().iter().filter(|&call| is_meant(call)).count()
    }

    pub(super) fn all(&self) -> Vec<Call> {
        self.calls.lock().iter().cloned().collect()
    }

    pub(super) fn set_fault(&self, fault: Fault) {
        *self.fault.lock() = fault;
    }

    fn fault(&self) -> Fault {
        *self.fault.lock()
    }
}

/// Left in a response by the token endpoint.
#[derive(Clone)]
pub(super) struct GrantType(pub(super) String);

/// Around every endpoint: fails as told, notes the call, forbids to store the answer unless it says otherwise.
pub(super) async fn keep(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let endpoint = endpoint(request.uri().path()).to_owned();
    let method = request.method().clone();
    let mut response = match shared.journal.fault() {
        Fault::None => next.run(request).await,
        Fault::Down => {
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], "down").into_response()
        }
        Fault::Slow(delay) => {
            tokio::time::sleep(delay).await;
            next.run(request).await
        }
    };
    let grant_type = response.extensions_mut().remove::<GrantType>().map(|found| found.0);
    shared.journal.note(Call { endpoint, method, status: response.status().as_u16(), grant_type });
    response
        .headers_mut()
        .entry(header::CACHE_CONTROL)
        .or_insert(header::HeaderValue::from_static("no-store"));
    response
}

fn endpoint(path: &str) -> &str {
    if path.ends_with(metadata::DISCOVERY) {
        return "discovery";
    }
    match path.rsplit('/').next() {
        None | Some("") => "console",
        Some(last) => last,
    }
}
