//! Telling clients that somebody signed out (OpenID Connect Back-Channel Logout 1.0).

use std::time::{Duration, SystemTime};

use axum::http::Method;
use serde_json::json;
use url::{Url, form_urlencoded};

use super::journal::Call;
use super::ledger::SignOn;
use super::shared::Shared;
use crate::browser::{Outgoing, exchange};
use crate::jwt::Kind;
use crate::random;

/// How long a logout token lives, as section 2.4 recommends.
const LIFETIME: Duration = Duration::from_secs(120);
/// How long a client may take to answer.
const DEADLINE: Duration = Duration::from_secs(5);

/// What a client answered to a logout token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Who was told.
    pub client_id: String,
    /// The status of its answer; `None` when it could not be reached in 5 s.
    pub status: Option<u16>,
}

/// Posts one logout token for each ended sign-on to each client concerned that registered an address.
pub(super) async fn notify(shared: &Shared, ended: &[SignOn]) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    for sign_on in ended {
        for client_id in &sign_on.clients {
            let Some(uri) = shared.client(client_id).and_then(|client| client.backchannel_logout_uri) else {
                continue;
            };
            let status = post(shared, &uri, &logout_token(shared, client_id, sign_on)).await;
            let endpoint = "back-channel".to_owned();
            let code = status.unwrap_or_default();
            shared.journal.note(Call { endpoint, method: Method::POST, status: code, grant_type: None });
            deliveries.push(Delivery { client_id: client_id.clone(), status });
        }
    }
    deliveries
}

/// Section 2.4: `events` makes it a logout token, and it never has a nonce.
fn logout_token(shared: &Shared, client_id: &str, sign_on: &SignOn) -> String {
    let claims = json!({
        "aud": client_id,
        "sub": sign_on.username,
        "sid": sign_on.sid,
        "jti": random::text::<16>(),
        "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
    });
    let claims = shared.dated(claims, LIFETIME, SystemTime::now());
    shared.keys.read().sign(Kind::Logout, &claims)
}

async fn post(shared: &Shared, uri: &str, token: &str) -> Option<u16> {
    let url = Url::parse(uri).ok()?;
    let body = form_urlencoded::Serializer::new(String::new()).append_pair("logout_token", token).finish();
    let request = Outgoing::new("POST", url).form(body);
    let answer = tokio::time::timeout(DEADLINE, exchange(&request, &shared.trust)).await;
    answer.ok()?.ok().map(|answer| answer.status)
}
