//! The name of a key that follows from the key itself (RFC 7638).

use aws_lc_rs::digest::{self, SHA256};
use serde_json::Value;

use crate::jws;

/// The SHA-256 thumbprint of a public key, as base64url. `None` when a required member is missing or no plain text:
/// such a key was refused before.
pub(crate) fn thumbprint(jwk: &Value) -> Option<String> {
    // The required members in the order of their names (section 3.2).
    let names: &[&str] = match jwk.get("kty")?.as_str()? {
        "RSA" => &["e", "kty", "n"],
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        _ => return None,
    };
    let mut text = String::from("{");
    for (index, name) in names.iter().enumerate() {
        let value = jwk.get(name)?.as_str().filter(|value| is_plain(value))?;
        let comma = if index == 0 { "" } else { "," };
        for part in [comma, "\"", name, "\":\"", value, "\""] {
            text.push_str(part);
        }
    }
    text.push('}');
    Some(jws::encode(digest::digest(&SHA256, text.as_bytes()).as_ref()))
}

/// Letters, digits, `-` and `_`: what needs no escape in JSON, and all that these members may hold.
fn is_plain(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rfc_7638_section_3_1() {
        let jwk = json!({
            "kty": "RSA",
            "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
            "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
        });
        assert_eq!(thumbprint(&jwk).as_deref(), Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
        assert_eq!(thumbprint(&json!({"kty": "RSA", "e": "AQAB", "n": "a\"b"})), None);
        assert_eq!(thumbprint(&json!({"kty": "oct", "k": "AAAA"})), None);
        assert_eq!(thumbprint(&json!({"kty": "EC", "crv": "P-256", "x": "AA"})), None);
    }
}
