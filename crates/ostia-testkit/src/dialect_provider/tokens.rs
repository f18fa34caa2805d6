//! The token endpoint and UserInfo: which claims stand where.

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::dialect::{Dialect, Rotation};
use super::{CLIENT, Grant, Inner, Parameters, Scene, is_our_client, refuse};
use crate::jar::unix_now;
use crate::secrets;
use crate::signer::{pkce_challenge, random_text};

/// Entra puts no more groups than this into a token.
const MOST_GROUPS_OF_ENTRA: usize = 200;

impl Inner {
    pub(super) fn token(&self, scene: &Scene, headers: &HeaderMap, call: &Parameters) -> Response {
        if !is_our_client(headers) {
            return refuse(StatusCode::UNAUTHORIZED, "invalid_client");
        }
        let given = |name: &str| call.get(name).map_or("", String::as_str);
        match given("grant_type") {
            "authorization_code" => {
                let Some((request, grant)) = self.codes.lock().unwrap().remove(given("code")) else {
                    return refuse(StatusCode::BAD_REQUEST, "invalid_grant");
                };
                let sound = request["code_challenge"] == pkce_challenge(given("code_verifier"))
                    && request["redirect_uri"] == given("redirect_uri");
                if !sound {
                    return refuse(StatusCode::BAD_REQUEST, "invalid_grant");
                }
                let asked = |name: &str, value: &str| request.get(name).is_some_and(|given| given == value);
                let refreshes = self.dialect.gives_refresh_token(&grant.scope, asked);
                self.tokens(scene, grant, refreshes)
            }
            "refresh_token" => {
                let mut known = self.refresh_tokens.lock().unwrap();
                let Some(grant) = known.get(given("refresh_token")).cloned() else {
                    return refuse(StatusCode::BAD_REQUEST, "invalid_grant");
                };
                if self.dialect.rotation() == Rotation::SingleUse {
                    known.remove(given("refresh_token"));
                }
                drop(known);
                let another = self.dialect.rotation() != Rotation::Kept;
                self.tokens(scene, Grant { nonce: None, ..grant }, another)
            }
            _ => refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type"),
        }
    }

    fn tokens(&self, scene: &Scene, grant: Grant, with_refresh_token: bool) -> Response {
        let id_token = self.id_key.sign(self.typ(), &self.id_claims(scene, &grant));
        let access_token = self.access_token(scene);
        let mut answer = json!({
            "token_type": "Bearer",
            "access_token": access_token,
            "id_token": id_token,
            "expires_in": scene.access_token_seconds,
            "scope": grant.scope,
        });
        self.access_tokens.lock().unwrap().insert(access_token.clone(), grant.clone());
        [&access_token, &id_token].into_iter().for_each(|token| secrets::keep(token));
        if with_refresh_token {
            let token = random_text();
            secrets::keep(&token);
            answer["refresh_token"] = token.clone().into();
            self.refresh_tokens.lock().unwrap().insert(token, grant);
        }
        ([("cache-control", "no-store")], Json(answer)).into_response()
    }

    /// Okta and Cognito leave the type of tokens out.
    fn typ(&self) -> Option<&'static str> {
        (!matches!(self.dialect, Dialect::Okta | Dialect::Cognito)).then_some("JWT")
    }

    fn id_claims(&self, scene: &Scene, grant: &Grant) -> Value {
        let now = unix_now();
        let lives = if self.dialect == Dialect::Gitlab { 120 } else { 3600 };
        let mut claims = json!({
            "iss": self.here(self.dialect.issuer()), "sub": self.subject(), "aud": CLIENT.0,
            "iat": now, "exp": now + lives, "auth_time": grant.auth_time,
        });
        if let Some(nonce) = &grant.nonce {
            claims["nonce"] = nonce.as_str().into();
        }
        match self.dialect {
            // Thin: what was asked for by scope is at UserInfo.
            Dialect::Okta => claims["amr"] = json!(["pwd"]),
            Dialect::Google => {
                // As some of its older clients get it.
                claims["iss"] = "accounts.google.com".into();
                claims["email"] = "ana@example.com".into();
                claims["email_verified"] = true.into();
                if !scene.organisation.is_empty() {
                    claims["hd"] = scene.organisation.as_str().into();
                }
            }
            Dialect::Cognito => {
                claims["token_use"] = "id".into();
                claims["cognito:username"] = "ana".into();
                claims["cognito:groups"] = json!(scene.groups);
                claims["email"] = "ana@example.com".into();
                claims["email_verified"] = "true".into();
            }
            Dialect::Entra => {
                claims["iss"] =
                    self.here(&format!("https://login.microsoftonline.com/{}/v2.0", scene.tenant)).into();
                claims["tid"] = scene.tenant.as_str().into();
                claims["oid"] = "99999999-2222-3333-4444-555555555555".into();
                claims["ver"] = "2.0".into();
                if scene.groups.len() > MOST_GROUPS_OF_ENTRA {
                    claims["_claim_names"] = json!({ "groups": "src1" });
                    claims["_claim_sources"] = json!({ "src1": { "endpoint": "https://graph.windows.net/t/users/u/getMemberObjects" } });
                } else {
                    claims["groups"] = json!(scene.groups);
                }
            }
            Dialect::Keycloak => {
                claims["typ"] = "ID".into();
                claims["azp"] = CLIENT.0.into();
                claims["sid"] = "session-1".into();
                claims["groups"] = json!(["/visitors"]);
            }
            Dialect::Auth0 => {
                claims["https://app.example.com/roles"] = json!(scene.groups);
                claims["email"] = "ana@example.com".into();
            }
            Dialect::Gitlab => claims["groups_direct"] = json!(["visitors"]),
            Dialect::Dex => {
                claims["email"] = "ana@example.com".into();
                if grant.scope.split(' ').any(|scope| scope == "groups") {
                    claims["groups"] = json!(scene.groups);
                }
            }
        }
        claims
    }

    /// An ID token that no browser asked for.
    pub(super) fn id_token(&self, scene: &Scene) -> String {
        let grant = Grant { scope: "openid".to_owned(), nonce: None, auth_time: unix_now() };
        self.id_key.sign(self.typ(), &self.id_claims(scene, &grant))
    }

    /// What a browser's sign-in brings beside the ID token: at Entra a token for Graph, which nobody else can read.
    fn access_token(&self, scene: &Scene) -> String {
        let readable = self.api_token(scene).filter(|_| self.dialect != Dialect::Entra);
        readable.unwrap_or_else(random_text)
    }

    /// A token for an API, of those who make JWTs.
    pub(super) fn api_token(&self, scene: &Scene) -> Option<String> {
        let now = unix_now();
        let mut claims = json!({
            "iss": self.here(self.dialect.issuer()), "sub": self.subject(), "jti": random_text(),
            "iat": now, "exp": now + scene.access_token_seconds,
        });
        match self.dialect {
            Dialect::Keycloak => {
                claims["typ"] = "Bearer".into();
                claims["azp"] = CLIENT.0.into();
                claims["aud"] = "account".into();
                claims["realm_access"] = json!({ "roles": scene.groups });
                Some(self.access_key.sign(Some("JWT"), &claims))
            }
            Dialect::Okta => {
                claims["aud"] = "api://default".into();
                claims["cid"] = CLIENT.0.into();
                claims["scp"] = json!(["orders.read"]);
                claims["groups"] = json!(scene.groups);
                Some(self.access_key.sign(None, &claims))
            }
            Dialect::Cognito => {
                claims["token_use"] = "access".into();
                claims["client_id"] = CLIENT.0.into();
                claims["cognito:groups"] = json!(scene.groups);
                Some(self.access_key.sign(None, &claims))
            }
            Dialect::Entra => {
                claims["iss"] =
                    self.here(&format!("https://login.microsoftonline.com/{}/v2.0", scene.tenant)).into();
                claims["tid"] = scene.tenant.as_str().into();
                claims["aud"] = "77777777-2222-3333-4444-555555555555".into();
                claims["azp"] = CLIENT.0.into();
                claims["scp"] = "orders.read".into();
                claims["groups"] = json!(scene.groups);
                Some(self.access_key.sign(Some("JWT"), &claims))
            }
            Dialect::Google | Dialect::Auth0 | Dialect::Gitlab | Dialect::Dex => None,
        }
    }

    pub(super) fn userinfo(&self, scene: &Scene, headers: &HeaderMap) -> Response {
        if self.bearer(headers).is_none() {
            return refuse(StatusCode::UNAUTHORIZED, "invalid_token");
        }
        let mut claims = json!({ "sub": self.subject(), "name": "Ana", "email": "ana@example.com" });
        if matches!(self.dialect, Dialect::Okta | Dialect::Gitlab) {
            claims["groups"] = json!(scene.groups);
        }
        Json(claims).into_response()
    }

    /// In the form that the provider gives to `sub`.
    fn subject(&self) -> &'static str {
        match self.dialect {
            Dialect::Okta => "00u1example2ID3",
            Dialect::Google => "110169484474386276334",
            Dialect::Cognito | Dialect::Keycloak => "6f3c1a52-0d0e-4c8e-9a51-4b5b7f1d0a11",
            Dialect::Entra => "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
            Dialect::Auth0 => "auth0|5f7c8ec7c33c6c004bbafe82",
            Dialect::Gitlab => "42",
            Dialect::Dex => "CgNhbmESBWxvY2Fs",
        }
    }
}
