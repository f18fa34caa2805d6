//! The interfaces for groups: Microsoft Graph and the Admin SDK of Google Workspace.

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::dialect::Dialect;
use super::{Grant, Inner, Parameters, Scene, refuse};
use crate::jar::unix_now;
use crate::secrets;
use crate::signer::random_text;

const GRAPH: &str = "https://graph.microsoft.com/v1.0/me/transitiveMemberOf";
const GOOGLE: &str = "https://admin.googleapis.com/admin/directory/v1/groups";
/// Where they are at the real providers.
pub(super) const PATHS: [&str; 2] = [GRAPH, GOOGLE];

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const READ_GROUPS: &str = "https://www.googleapis.com/auth/admin.directory.group.readonly";
/// Groups of one page, fewer than the real ones send.
const PAGE: usize = 120;

impl Inner {
    pub(super) fn directory(&self, scene: &Scene, headers: &HeaderMap, call: &Parameters) -> Response {
        let grant = self.bearer(headers);
        let needed = if self.dialect == Dialect::Entra { "User.Read" } else { READ_GROUPS };
        if !grant.is_some_and(|grant| grant.scope.split(' ').any(|scope| scope == needed)) {
            return refuse(StatusCode::FORBIDDEN, "Authorization_RequestDenied");
        }
        if let Some(status) = scene.directory_status {
            return StatusCode::from_u16(status).unwrap().into_response();
        }
        match self.dialect {
            Dialect::Entra => self.graph(scene, call),
            _ => google(scene, call),
        }
    }

    fn graph(&self, scene: &Scene, call: &Parameters) -> Response {
        let (groups, next) = page(scene, call.get("$skiptoken"));
        let mut members: Vec<Value> =
            groups.iter().map(|id| json!({ "@odata.type": "#microsoft.graph.group", "id": id })).collect();
        members.push(json!({ "@odata.type": "#microsoft.graph.directoryRole", "id": "a-role-not-a-group" }));
        let mut answer = json!({ "value": members });
        if let Some(next) = next {
            let here = self.here(GRAPH);
            answer["@odata.nextLink"] = format!("{here}?$select=id&$top=999&$skiptoken={next}").into();
        }
        Json(answer).into_response()
    }

    pub(super) fn is_of_service_account(&self, call: &Parameters) -> bool {
        call.get("grant_type").is_some_and(|grant| grant == JWT_BEARER)
    }

    /// A token for a service account that says who it is (RFC 7523).
    pub(super) fn service_token(&self, call: &Parameters) -> Response {
        let statement = call.get("assertion").and_then(|text| self.service_account.verified(text));
        let Some(statement) = statement else { return refuse(StatusCode::BAD_REQUEST, "invalid_grant") };
        let now = unix_now();
        let sound = statement["iss"] == "ostia@example.iam.gserviceaccount.com"
            && statement["sub"] == "directory-reader@example.com"
            && statement["aud"] == self.here("https://oauth2.googleapis.com/token").as_str()
            && statement["scope"] == READ_GROUPS
            && statement["exp"].as_u64().is_some_and(|exp| exp > now && exp <= now + 3600);
        if !sound {
            return refuse(StatusCode::BAD_REQUEST, "invalid_grant");
        }
        let token = random_text();
        secrets::keep(&token);
        let grant = Grant { scope: READ_GROUPS.to_owned(), nonce: None, auth_time: now };
        self.access_tokens.lock().unwrap().insert(token.clone(), grant);
        Json(json!({ "access_token": token, "expires_in": 3599, "token_type": "Bearer" })).into_response()
    }
}

fn google(scene: &Scene, call: &Parameters) -> Response {
    let asks_for_ana = call.get("userKey").is_some_and(|user| user == "110169484474386276334");
    if !asks_for_ana {
        return refuse(StatusCode::NOT_FOUND, "notFound");
    }
    let (groups, next) = page(scene, call.get("pageToken"));
    let groups: Vec<Value> = groups.iter().map(|email| json!({ "email": email })).collect();
    let mut answer = json!({ "kind": "admin#directory#groups" });
    if !groups.is_empty() {
        answer["groups"] = json!(groups);
    }
    if let Some(next) = next {
        answer["nextPageToken"] = next.to_string().into();
    }
    Json(answer).into_response()
}

/// The groups from a place on, and where the next page begins.
fn page<'s>(scene: &'s Scene, from: Option<&String>) -> (&'s [String], Option<usize>) {
    let from: usize = from.map_or(0, |from| from.parse().unwrap());
    let rest = &scene.groups[from..];
    match rest.len() > PAGE {
        true => (&rest[..PAGE], Some(from + PAGE)),
        false => (rest, None),
    }
}
