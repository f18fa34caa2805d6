//! The JOSE header of a token (RFC 7515 section 4): what is read, what is refused.

use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use crate::json;
use crate::refusal::{Excerpt, Part, TokenRefused};

/// `kid` is opaque; longer than this is nobody's key.
const MAX_KID_BYTES: usize = 256;

/// Members whose mere presence refuses the token.
///
/// `crit` (RFC 7515 section 4.1.11: we understand no extension), `b64` (RFC 7797), `zip`, a nested `cty`, and every
/// way for the sender to bring a key along. What remains unknown is ignored, as section 4 asks.
const REFUSED: [&str; 8] = ["crit", "b64", "zip", "cty", "jwk", "jku", "x5u", "x5c"];

/// What the header says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Header {
    pub(crate) algorithm: Algorithm,
    pub(crate) typ: Option<Box<str>>,
    pub(crate) kid: Option<Box<str>>,
}

impl Header {
    pub(crate) fn parse(text: &[u8]) -> Result<Self, TokenRefused> {
        let members =
            json::parse_object(text).map_err(|why| TokenRefused::NotJson { part: Part::Header, why })?;
        if members.contains_key("enc") {
            return Err(TokenRefused::Encrypted);
        }
        if let Some(member) = REFUSED.into_iter().find(|name| members.contains_key(*name)) {
            return Err(TokenRefused::HeaderMember { member });
        }
        let name = string(&members, "alg")?.ok_or(TokenRefused::HeaderMalformed { member: "alg" })?;
        let algorithm = Algorithm::from_name(name)
            .ok_or_else(|| TokenRefused::AlgorithmUnsupported { name: Excerpt::new(name) })?;
        let kid = string(&members, "kid")?;
        if kid.is_some_and(|kid| kid.is_empty() || kid.len() > MAX_KID_BYTES) {
            return Err(TokenRefused::HeaderMalformed { member: "kid" });
        }
        Ok(Self { algorithm, typ: string(&members, "typ")?.map(Box::from), kid: kid.map(Box::from) })
    }
}

fn string<'m>(
    members: &'m Map<String, Value>,
    member: &'static str,
) -> Result<Option<&'m str>, TokenRefused> {
    match members.get(member) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(TokenRefused::HeaderMalformed { member }),
    }
}

/// Whether two `typ` values are one media type: case does not count, nor does a leading `application/` (RFC 7515
/// section 4.1.9).
pub(crate) fn same_type(one: &str, other: &str) -> bool {
    bare(one).eq_ignore_ascii_case(bare(other))
}

fn bare(typ: &str) -> &str {
    const PREFIX: &str = "application/";
    match typ.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) && !rest.contains('/') => rest,
        _ => typ,
    }
}
