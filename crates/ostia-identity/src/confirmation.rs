//! What binds a token to its holder: the claim `cnf` (RFC 7800 section 3.1).

use crate::json::JsonValue;
use crate::refusal::TokenRefused;
use crate::{Claims, jws};

/// Whom a token works for beside its bearer; both where both are named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confirmation {
    /// `jkt`: the thumbprint (RFC 7638) of the key that makes the DPoP proofs (RFC 9449 section 6.1).
    pub key_thumbprint: Option<Box<str>>,
    /// `x5t#S256`: the SHA-256 of the client's certificate (RFC 8705 section 3.1).
    pub certificate: Option<[u8; 32]>,
}

impl Confirmation {
    /// Whether the bearer alone is enough.
    #[must_use]
    pub fn is_bearer(&self) -> bool {
        *self == Self::default()
    }

    /// Reads `cnf`. A member that is not understood is a refusal: a token that somebody bound must not pass as one
    /// that nobody did.
    pub(crate) fn of(claims: &Claims) -> Result<Self, TokenRefused> {
        let Some(cnf) = claims.get("cnf") else { return Ok(Self::default()) };
        let members = cnf.members().ok_or_else(|| TokenRefused::malformed("cnf"))?;
        let mut confirmation = Self::default();
        for (name, value) in members {
            match name {
                "jkt" => confirmation.key_thumbprint = Some(digest(value)?.1.into()),
                "x5t#S256" => confirmation.certificate = Some(digest(value)?.0),
                _ => return Err(TokenRefused::ConfirmationUnsupported),
            }
        }
        if confirmation.is_bearer() { Err(TokenRefused::malformed("cnf")) } else { Ok(confirmation) }
    }
}

/// A SHA-256 in base64url.
fn digest(value: JsonValue<'_>) -> Result<([u8; 32], &str), TokenRefused> {
    let text = value.as_str().ok_or_else(|| TokenRefused::malformed("cnf"))?;
    let bytes = jws::decode(text).and_then(|bytes| bytes.try_into().ok());
    Ok((bytes.ok_or_else(|| TokenRefused::malformed("cnf"))?, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_binding_that_is_not_understood_is_a_refusal() {
        let print = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
        let read =
            |cnf: Value| Confirmation::of(&Claims::new(json!({ "cnf": cnf }).as_object().unwrap().clone()));
        for (cnf, slug) in [
            (json!({}), "token_claim_malformed"),
            (json!(null), "token_claim_malformed"),
            (json!("x"), "token_claim_malformed"),
            (json!({"jkt": 1}), "token_claim_malformed"),
            (json!({"jkt": "short"}), "token_claim_malformed"),
            (json!({"jkt": format!("{print}=")}), "token_claim_malformed"),
            (json!({"x5t#S256": "AAAA"}), "token_claim_malformed"),
            (json!({"jwk": {}}), "token_confirmation_unsupported"),
            (json!({"kid": "a", "jkt": print}), "token_confirmation_unsupported"),
        ] {
            assert_eq!(read(cnf.clone()).unwrap_err().slug(), slug, "{cnf}");
        }
        let bound = read(json!({"jkt": print, "x5t#S256": print})).unwrap();
        assert_eq!(bound.key_thumbprint.as_deref(), Some(print));
        assert_eq!(bound.certificate.map(|bytes| jws::encode(&bytes)).as_deref(), Some(print));
        assert!(Confirmation::of(&Claims::default()).unwrap().is_bearer());
    }
}
