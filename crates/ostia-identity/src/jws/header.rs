//! The JOSE header of a token (RFC 7515 section 4): what is read, what is refused.
//!
//! Every request with a token that was not seen before comes through here, so the few members that count are picked up
//! in one pass, without a map.

use std::cell::Cell;
use std::fmt;

use serde::de::{Deserializer as _, Error as _, MapAccess, Visitor};
use serde_json::Value;

use super::algorithm::Algorithm;
use crate::json::{self, JsonRefused};
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
        let members = Members::read(text)?;
        if members.jwk.is_some() {
            return Err(TokenRefused::HeaderMember { member: "jwk" });
        }
        Self::of(members)
    }

    /// The header of a DPoP proof, which brings its key along (RFC 9449 section 4.2); nothing else may.
    pub(crate) fn parse_with_key(text: &[u8]) -> Result<(Self, Value), TokenRefused> {
        let mut members = Members::read(text)?;
        let key = members.jwk.take().ok_or(TokenRefused::HeaderMalformed { member: "jwk" })?;
        Ok((Self::of(members)?, key))
    }

    fn of(members: Members) -> Result<Self, TokenRefused> {
        if let Some(refused) = members.refused {
            return Err(refused);
        }
        let name = text(members.alg, "alg")?.ok_or(TokenRefused::HeaderMalformed { member: "alg" })?;
        let algorithm = Algorithm::from_name(&name)
            .ok_or_else(|| TokenRefused::AlgorithmUnsupported { name: Excerpt::new(&name) })?;
        let kid = text(members.kid, "kid")?;
        if kid.as_ref().is_some_and(|kid| kid.is_empty() || kid.len() > MAX_KID_BYTES) {
            return Err(TokenRefused::HeaderMalformed { member: "kid" });
        }
        Ok(Self { algorithm, typ: text(members.typ, "typ")?, kid })
    }
}

/// A string, or nothing; any other type is malformed.
fn text(value: Option<Value>, member: &'static str) -> Result<Option<String>, TokenRefused> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(TokenRefused::HeaderMalformed { member }),
    }
}

/// The members that count, and the first that refuses the token. What else is unknown is read strictly and ignored, as
/// section 4 asks.
#[derive(Default)]
struct Members {
    alg: Option<Value>,
    typ: Option<Value>,
    kid: Option<Value>,
    jwk: Option<Value>,
    refused: Option<TokenRefused>,
    /// Names of the others, to find one that is there twice.
    others: Vec<String>,
}

impl Members {
    fn read(text: &[u8]) -> Result<Self, TokenRefused> {
        let why = Cell::new(JsonRefused::Malformed);
        let mut reader = serde_json::Deserializer::from_slice(text);
        let not_json = |why| TokenRefused::NotJson { part: Part::Header, why };
        let members = reader.deserialize_any(Reading { why: &why }).map_err(|_| not_json(why.get()))?;
        reader.end().map_err(|_| not_json(JsonRefused::Malformed))?;
        Ok(members)
    }

    /// Puts a member in its place; `false` when it is there already.
    fn take(&mut self, name: &str, value: Value) -> bool {
        let place = match name {
            "alg" => &mut self.alg,
            "typ" => &mut self.typ,
            "kid" => &mut self.kid,
            "jwk" => &mut self.jwk,
            _ => {
                if self.others.iter().any(|other| other == name) {
                    return false;
                }
                self.others.push(name.to_owned());
                self.refused = self.refused.take().or_else(|| refused_member(name));
                return true;
            }
        };
        place.replace(value).is_none()
    }
}

struct Reading<'r> {
    why: &'r Cell<JsonRefused>,
}

impl<'de> Visitor<'de> for Reading<'_> {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.why.set(JsonRefused::NoObject);
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Members, A::Error> {
        let mut members = Members::default();
        while let Some(name) = entries.next_key_seed(json::Name)? {
            let value = entries.next_value_seed(json::strict(1, self.why))?;
            if !members.take(&name, value) {
                self.why.set(JsonRefused::DuplicateMember);
                return Err(A::Error::custom("twice"));
            }
        }
        Ok(members)
    }
}

/// Members whose mere presence refuses the token: `crit` (RFC 7515 section 4.1.11: we understand no extension), `b64`
/// (RFC 7797), `zip`, a nested `cty`, and every way for the sender to bring a key along.
fn refused_member(name: &str) -> Option<TokenRefused> {
    let member = match name {
        "enc" => return Some(TokenRefused::Encrypted),
        "crit" => "crit",
        "b64" => "b64",
        "zip" => "zip",
        "cty" => "cty",
        "jku" => "jku",
        "x5u" => "x5u",
        "x5c" => "x5c",
        _ => return None,
    };
    Some(TokenRefused::HeaderMember { member })
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
