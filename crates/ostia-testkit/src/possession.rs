//! A client that proves with every request that it holds a key (RFC 9449), made without the product's code.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::jar::unix_now;
use crate::signer::{Signer, random_text};

impl Signer {
    /// The name of the key that follows from the key (RFC 7638).
    #[must_use]
    pub fn thumbprint(&self) -> String {
        let jwk = self.jwk();
        let text = format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, jwk["x"], jwk["y"]);
        URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
    }

    /// A DPoP proof for this request, with `edit` put over its claims; null removes one. Without a token it is one for
    /// the token endpoint.
    #[must_use]
    pub fn proof(&self, method: &str, address: &str, token: Option<&str>, edit: Value) -> String {
        let jwk = self.jwk();
        let jwk = json!({ "kty": "EC", "crv": "P-256", "x": jwk["x"], "y": jwk["y"] });
        let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk });
        let mut claims = Map::new();
        claims.insert("jti".to_owned(), random_text().into());
        claims.insert("htm".to_owned(), method.into());
        claims.insert("htu".to_owned(), address.into());
        claims.insert("iat".to_owned(), unix_now().into());
        if let Some(token) = token {
            let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes()));
            claims.insert("ath".to_owned(), hash.into());
        }
        for (name, value) in edit.as_object().unwrap() {
            match value {
                Value::Null => claims.remove(name),
                value => claims.insert(name.clone(), value.clone()),
            };
        }
        self.sign(&header, &Value::Object(claims))
    }
}
