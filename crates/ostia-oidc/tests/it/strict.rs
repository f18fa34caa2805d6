//! What a provider asks of its clients beyond a secret: statements that are signed, proofs of a key.

use std::collections::{HashMap, HashSet};

use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};

/// What is asked of the clients.
#[derive(Default)]
pub(crate) struct Strict {
    /// The only audience that is taken in a client's statement.
    pub(crate) audience: Option<String>,
    /// The secret whose MAC the statement must have, where it is not a signature.
    pub(crate) mac_key: Option<String>,
    /// The nonce that proofs must carry.
    pub(crate) nonce: Option<String>,
    /// Statements and proofs are taken once.
    seen: HashSet<String>,
}

impl Strict {
    /// The refusal of a call, if it does not do what is asked.
    pub(crate) fn refusal(
        &mut self,
        method: &str,
        address: &str,
        headers: &HeaderMap,
        form: &HashMap<String, String>,
    ) -> Option<Response> {
        if let Some(audience) = &self.audience {
            let statement = form.get("client_assertion").map(|jwt| claims(jwt, 1));
            let sound = form.get("client_assertion_type").map(String::as_str)
                == Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
                && statement.as_ref().is_some_and(|claims| claims["aud"] == *audience);
            let sound =
                sound && self.mac_key.as_ref().is_none_or(|key| has_mac(&form["client_assertion"], key));
            let fresh = statement.is_some_and(|claims| self.seen.insert(claims["jti"].to_string()));
            if !sound || !fresh {
                return Some(refused(401, "invalid_client", None));
            }
        }
        let nonce = self.nonce.clone()?;
        let proof = headers.get("dpop").map(|proof| claims(proof.to_str().unwrap(), 1));
        let sound = proof.is_some_and(|claims| {
            assert_eq!((claims["htm"].as_str(), claims["htu"].as_str()), (Some(method), Some(address)));
            assert!(self.seen.insert(claims["jti"].to_string()), "a proof was sent twice");
            claims["nonce"] == nonce
        });
        (!sound).then(|| refused(if method == "GET" { 401 } else { 400 }, "use_dpop_nonce", Some(&nonce)))
    }
}

/// Whether the last part is the MAC of the two before (HS256).
fn has_mac(jwt: &str, key: &str) -> bool {
    let (message, mac) = jwt.rsplit_once('.').unwrap();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key.as_bytes());
    aws_lc_rs::hmac::verify(&key, message.as_bytes(), &BASE64.decode(mac).unwrap()).is_ok()
}

fn refused(status: u16, error: &str, nonce: Option<&str>) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    let mut answer = (status, axum::Json(json!({ "error": error }))).into_response();
    if let Some(nonce) = nonce {
        answer.headers_mut().insert("dpop-nonce", nonce.parse().unwrap());
        let challenge = format!("DPoP error=\"{error}\", algs=\"ES256\"");
        answer.headers_mut().insert("www-authenticate", challenge.parse().unwrap());
    }
    answer
}

/// A part of a token, unchecked: the checks are those of `ostia-identity` and of the certified provider.
pub(crate) fn claims(jwt: &str, part: usize) -> Value {
    let part = jwt.split('.').nth(part).unwrap();
    serde_json::from_slice(&BASE64.decode(part).unwrap()).unwrap()
}
