//! Tokens that nobody who keeps to the standards would make, signed with the genuine key.

use crate::setting::claims;
use crate::signer::{RSA, text};

pub(crate) const HEADER: &str = r#"{"alg":"RS256","typ":"at+jwt","kid":"rsa-1"}"#;

/// A genuine signature under this header.
pub(crate) fn with_header(header: &str) -> String {
    RSA.token(header.as_bytes(), claims().to_string().as_bytes())
}

/// A genuine signature under a header with one more member.
pub(crate) fn with_member(member: &str) -> String {
    with_header(&format!("{},{member}}}", HEADER.trim_end_matches('}')))
}

/// A genuine signature over these claims.
pub(crate) fn with_claims(claims: &[u8]) -> String {
    RSA.token(HEADER.as_bytes(), claims)
}

/// A genuine signature over the usual claims and one more member.
pub(crate) fn with_claim(member: &str) -> String {
    with_claims(format!("{},{member}}}", claims().to_string().trim_end_matches('}')).as_bytes())
}

/// The usual claims under this header and this signature.
pub(crate) fn signed_as(header: &str, signature: &[u8]) -> String {
    format!("{}.{}.{}", text(header.as_bytes()), text(claims().to_string().as_bytes()), text(signature))
}

/// The three parts of a good token.
pub(crate) fn parts() -> [String; 3] {
    let token = with_header(HEADER);
    let mut parts = token.split('.').map(str::to_owned);
    [(); 3].map(|()| parts.next().unwrap())
}
