//! What we sign ourselves, in the compact form (RFC 7515 section 7.1).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

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

/// How long a statement counts: long enough for clocks that differ a little.
const STATEMENT_LIFETIME: Duration = Duration::from_secs(60);

/// What a client says of itself to `audience` (RFC 7523 section 3). `None` when the system gives no random bytes.
pub(crate) fn statement(client_id: &str, audience: &str, now: SystemTime) -> Option<Value> {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(json!({
        "iss": client_id, "sub": client_id, "aud": audience, "jti": jti()?,
        "iat": now.as_secs(), "exp": (now + STATEMENT_LIFETIME).as_secs(),
    }))
}

/// A name that no other statement has: 128 random bits. `None` when the system gives none.
pub(crate) fn jti() -> Option<String> {
    let mut bytes = [0_u8; 16];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    Some(URL_SAFE_NO_PAD.encode_to_string(bytes))
}
