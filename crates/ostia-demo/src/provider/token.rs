//! The token endpoint: a code, a refresh token or a machine's own secret for tokens.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::client_authentication::{TokenError, authenticate};
use super::journal::GrantType;
use super::ledger::{Grant, GrantRefused};
use super::parameters::Parameters;
use super::running::AccessToken;
use super::settings::Client;
use super::shared::{Shared, seconds};
use crate::{jwt, random};

pub(super) async fn token(State(shared): State<Arc<Shared>>, headers: HeaderMap, form: String) -> Response {
    let (grant_type, answer) = match Parameters::parse(&form) {
        Ok(form) => {
            let grant_type = form.one("grant_type").unwrap_or_default().to_owned();
            let answer = exchange(&shared, &headers, &form, &grant_type);
            (grant_type, answer)
        }
        Err(name) => {
            (String::new(), Err(TokenError::new("invalid_request", format!("{name} is given twice"))))
        }
    };
    let mut response = answer.map(Json).into_response();
    response.extensions_mut().insert(GrantType(grant_type));
    response
}

fn exchange(
    shared: &Shared,
    headers: &HeaderMap,
    form: &Parameters,
    grant_type: &str,
) -> Result<Value, TokenError> {
    let client = authenticate(shared, headers, form)?;
    let now = SystemTime::now();
    if form.one("resource").is_some_and(|resource| resource != shared.audience) {
        return Err(TokenError::new("invalid_target", "no such resource"));
    }
    match grant_type {
        "authorization_code" => by_code(shared, &client, form, now),
        "refresh_token" => by_refresh_token(shared, &client, form, now),
        "client_credentials" => for_machine(shared, &client, form, now),
        "" => Err(TokenError::new("invalid_request", "grant_type is missing")),
        _ => Err(TokenError::new("unsupported_grant_type", "this grant_type is not supported")),
    }
}

/// OpenID Connect Core section 3.1.3.
fn by_code(
    shared: &Shared,
    client: &Client,
    form: &Parameters,
    now: SystemTime,
) -> Result<Value, TokenError> {
    let code = required(form, "code")?;
    let redirect_uri = required(form, "redirect_uri")?;
    let verifier = required(form, "code_verifier")?;
    let grant = shared
        .ledger
        .lock()
        .redeem(code, &client.client_id, redirect_uri, verifier, now)
        .map_err(|refusal| invalid_grant("the code", refusal))?;
    Ok(answer(shared, &grant, grant.nonce.as_deref(), now))
}

/// RFC 6749 section 6 and OpenID Connect Core section 12. The refresh token changes at each use.
fn by_refresh_token(
    shared: &Shared,
    client: &Client,
    form: &Parameters,
    now: SystemTime,
) -> Result<Value, TokenError> {
    let token = required(form, "refresh_token")?;
    let mut grant = shared
        .ledger
        .lock()
        .refresh(token, &client.client_id, now)
        .map_err(|refusal| invalid_grant("the refresh token", refusal))?;
    if let Some(narrower) = form.one("scope") {
        if narrower.split(' ').any(|scope| !grant.has_scope(scope)) {
            return Err(TokenError::new("invalid_scope", "scope is wider than what was granted"));
        }
        narrower.clone_into(&mut grant.scope);
    }
    Ok(answer(shared, &grant, None, now))
}

/// RFC 6749 section 4.4.
fn for_machine(
    shared: &Shared,
    client: &Client,
    form: &Parameters,
    now: SystemTime,
) -> Result<Value, TokenError> {
    if !client.machine || client.client_secret.is_none() {
        return Err(TokenError::new("unauthorized_client", "this client may not use client_credentials"));
    }
    let scope = match form.one("scope") {
        Some(scope)
            if scope.split(' ').any(|one| !client.machine_scopes.iter().any(|known| known == one)) =>
        {
            return Err(TokenError::new("invalid_scope", "this client may not have that scope"));
        }
        Some(scope) => scope.to_owned(),
        None => client.machine_scopes.join(" "),
    };
    let token = AccessToken {
        subject: client.client_id.clone(),
        client_id: client.client_id.clone(),
        audience: shared.audience.clone(),
        scope: scope.clone(),
        lifetime: shared.lifetimes.lock().access_token,
        claims: Map::new(),
    };
    let access_token = shared.sign_access_token(&token, &random::text::<16>(), now);
    Ok(json!({
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": token.lifetime.as_secs(),
        "scope": scope,
    }))
}

/// The tokens of a person's grant. A refreshed ID token has no nonce (OpenID Connect Core section 12.2).
fn answer(shared: &Shared, grant: &Grant, nonce: Option<&str>, now: SystemTime) -> Value {
    let lifetimes = *shared.lifetimes.lock();
    let claims = claims(shared, grant);
    let access = AccessToken {
        subject: grant.username.clone(),
        client_id: grant.client_id.clone(),
        audience: shared.audience.clone(),
        scope: grant.scope.clone(),
        lifetime: lifetimes.access_token,
        claims: claims
            .iter()
            .filter(|(name, _)| *name == "groups")
            .map(|(n, v)| (n.clone(), v.clone()))
            .collect(),
    };
    // The token names its grant, so that the UserInfo endpoint sees a revocation.
    let jti = format!("{}.{}", grant.id, random::text::<16>());
    let access_token = shared.sign_access_token(&access, &jti, now);
    let mut id = claims;
    id.extend([
        ("sub".to_owned(), json!(grant.username)),
        ("aud".to_owned(), json!(grant.client_id)),
        ("auth_time".to_owned(), json!(seconds(grant.auth_time))),
        ("at_hash".to_owned(), json!(jwt::half_hash(&access_token))),
        ("sid".to_owned(), json!(grant.sid)),
        ("amr".to_owned(), json!(["pwd"])),
    ]);
    if let Some(nonce) = nonce {
        id.insert("nonce".to_owned(), json!(nonce));
    }
    let mut answer = json!({
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": lifetimes.access_token.as_secs(),
        "scope": grant.scope,
        "id_token": shared.sign_id_token(Value::Object(id), now),
    });
    if grant.has_scope("offline_access")
        && let Some(answer) = answer.as_object_mut()
    {
        let token = shared.ledger.lock().issue_refresh_token(&grant.id, &lifetimes, now);
        answer.insert("refresh_token".to_owned(), json!(token));
    }
    answer
}

/// What the grant's scopes tell about the person.
pub(super) fn claims(shared: &Shared, grant: &Grant) -> Map<String, Value> {
    let person = shared.person(&grant.username);
    let claims = person.into_iter().flat_map(|person| person.claims_for(&grant.scope));
    claims.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn required<'a>(form: &'a Parameters, name: &str) -> Result<&'a str, TokenError> {
    form.one(name).ok_or_else(|| TokenError::new("invalid_request", format!("{name} is missing")))
}

fn invalid_grant(what: &str, refusal: GrantRefused) -> TokenError {
    TokenError::new("invalid_grant", format!("{what} was refused: {}", refusal.description()))
}
