//! What we sign ourselves, in the compact form (RFC 7515 section 7.1).

use base64_simd::URL_SAFE_NO_PAD;
use serde_json::Value;

/// Header and claims with the signature that `sign` makes of them.
pub(crate) fn compact(
    header: &Value,
    claims: &Value,
    sign: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
) -> Option<String> {
    let mut text = URL_SAFE_NO_PAD.encode_to_string(header.to_string());
    text.push('.');
    text.push_str(&URL_SAFE_NO_PAD.encode_to_string(claims.to_string()));
    let signature = sign(text.as_bytes())?;
    text.push('.');
    text.push_str(&URL_SAFE_NO_PAD.encode_to_string(signature));
    Some(text)
}

/// A name that no other statement has: 128 random bits. `None` when the system gives none.
pub(crate) fn jti() -> Option<String> {
    let mut bytes = [0_u8; 16];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    Some(URL_SAFE_NO_PAD.encode_to_string(bytes))
}
