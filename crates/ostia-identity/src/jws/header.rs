//! The JOSE header of a token (RFC 7515 section 4): what is read, what is refused.

use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use crate::json;
use crate::refusal::{Excerpt, Part, TokenRefused};

/// `kid` is opaque; longer than this is nobody's key.
const MAX_KID_BYTES: usize = 256;

/// What the header says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Header {
    pub(crate) algorithm: Algorithm,
    pub(crate) typ: Option<String>,
    pub(crate) kid: Option<String>,
}

impl Header {
    pub(crate) fn parse(text: &[u8]) -> Result<Self, TokenRefused> {
        let mut members =
            json::parse_object(text).map_err(|why| TokenRefused::NotJson { part: Part::Header, why })?;
        if let Some(refused) = members.keys().find_map(|name| refused_member(name)) {
            return Err(refused);
        }
        let name = take(&mut members, "alg")?.ok_or(TokenRefused::HeaderMalformed { member: "alg" })?;
        let algorithm = Algorithm::from_name(&name)
            .ok_or_else(|| TokenRefused::AlgorithmUnsupported { name: Excerpt::new(&name) })?;
        let kid = take(&mut members, "kid")?;
        if kid.as_ref().is_some_and(|kid| kid.is_empty() || kid.len() > MAX_KID_BYTES) {
            return Err(TokenRefused::HeaderMalformed { member: "kid" });
        }
        Ok(Self { algorithm, typ: take(&mut members, "typ")?, kid })
    }
}

/// Members whose mere presence refuses the token: `crit` (RFC 7515 section 4.1.11: we understand no extension), `b64`
/// (RFC 7797), `zip`, a nested `cty`, and every way for the sender to bring a key along. What else is unknown is
/// ignored, as section 4 asks.
fn refused_member(name: &str) -> Option<TokenRefused> {
    let member = match name {
        "enc" => return Some(TokenRefused::Encrypted),
        "crit" => "crit",
        "b64" => "b64",
        "zip" => "zip",
        "cty" => "cty",
        "jwk" => "jwk",
        "jku" => "jku",
        "x5u" => "x5u",
        "x5c" => "x5c",
        _ => return None,
    };
    Some(TokenRefused::HeaderMember { member })
}

fn take(members: &mut Map<String, Value>, member: &'static str) -> Result<Option<String>, TokenRefused> {
    match members.remove(member) {
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
