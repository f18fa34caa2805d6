//! JSON Web Tokens with ES256 (RFC 7515, RFC 7518 section 3.4): the provider's own signature code.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::{Signer, Verifier};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use p256::elliptic_curve::Generate;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What a token is for; its `typ` header keeps the kinds apart (RFC 8725 section 3.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// OpenID Connect Core section 2.
    Id,
    /// RFC 9068.
    Access,
    /// OpenID Connect Back-Channel Logout section 2.4.
    Logout,
}

impl Kind {
    fn typ(self) -> &'static str {
        match self {
            Self::Id => "JWT",
            Self::Access => "at+jwt",
            Self::Logout => "logout+jwt",
        }
    }
}

/// A private key with its name in the key set.
pub(crate) struct Key {
    kid: String,
    signing: SigningKey,
    verifying: VerifyingKey,
}

impl Key {
    /// A new key; `kid` is its thumbprint (RFC 7638).
    pub(crate) fn generate() -> Self {
        let signing = SigningKey::generate();
        let verifying = *signing.verifying_key();
        let (x, y) = coordinates(&verifying);
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        Self { kid: URL_SAFE_NO_PAD.encode(sha256(canonical.as_bytes())), signing, verifying }
    }

    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    /// The public half as a JWK (RFC 7517).
    pub(crate) fn public(&self) -> Value {
        let (x, y) = coordinates(&self.verifying);
        json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": self.kid, "alg": "ES256", "use": "sig" })
    }

    /// The compact serialization of `claims`.
    pub(crate) fn sign(&self, kind: Kind, claims: &Value) -> String {
        let header = json!({ "alg": "ES256", "typ": kind.typ(), "kid": self.kid });
        let head = URL_SAFE_NO_PAD.encode(header.to_string());
        let body = URL_SAFE_NO_PAD.encode(claims.to_string());
        let signature: Signature = self.signing.sign(format!("{head}.{body}").as_bytes());
        format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    /// The claims of a token of this kind that this key signed; times are not looked at.
    pub(crate) fn open(&self, kind: Kind, token: &str) -> Option<Value> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (head, body) = signed.split_once('.')?;
        let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(head).ok()?).ok()?;
        let expected = (Some("ES256"), Some(kind.typ()), Some(self.kid.as_str()));
        let text = |name: &str| header.get(name).and_then(Value::as_str);
        if (text("alg"), text("typ"), text("kid")) != expected {
            return None;
        }
        let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
        self.verifying.verify(signed.as_bytes(), &signature).ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).ok()?).ok()
    }
}

/// The digest that PKCE, thumbprints and `at_hash` rest on.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// `at_hash`: the left half of the digest (OpenID Connect Core section 3.1.3.6).
pub(crate) fn half_hash(token: &str) -> String {
    let digest = sha256(token.as_bytes());
    URL_SAFE_NO_PAD.encode(digest.first_chunk::<16>().map_or(&digest[..], |half| &half[..]))
}

fn coordinates(key: &VerifyingKey) -> (String, String) {
    let point = key.to_sec1_point(false);
    let coordinate = |bytes: Option<&[u8]>| URL_SAFE_NO_PAD.encode(bytes.unwrap_or_default());
    (coordinate(point.x().map(|x| &x[..])), coordinate(point.y().map(|y| &y[..])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_as_its_own_kind_under_its_own_key_only() {
        let (key, other) = (Key::generate(), Key::generate());
        let token = key.sign(Kind::Access, &json!({ "sub": "ana" }));
        assert_eq!(key.open(Kind::Access, &token), Some(json!({ "sub": "ana" })));
        assert_eq!(key.open(Kind::Id, &token), None);
        assert_eq!(key.open(Kind::Logout, &token), None);
        assert_eq!(other.open(Kind::Access, &token), None);
    }

    #[test]
    fn a_changed_token_does_not_open() {
        let key = Key::generate();
        let token = key.sign(Kind::Id, &json!({ "sub": "ana" }));
        let forged = key.sign(Kind::Id, &json!({ "sub": "bo" }));
        let body = forged.split('.').nth(1).unwrap();
        let mut parts: Vec<&str> = token.split('.').collect();
        parts[1] = body;
        assert_eq!(key.open(Kind::Id, &parts.join(".")), None);
        assert_eq!(key.open(Kind::Id, ""), None);
        assert_eq!(key.open(Kind::Id, "a.b"), None);
    }

    #[test]
    fn at_hash_is_the_left_half_of_the_digest() {
        // OpenID Connect Core 1.0, appendix A.3: the access token of the example and its at_hash.
        assert_eq!(half_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"), "77QmUPtjPfzWtF2AnpK9RQ");
    }
}
