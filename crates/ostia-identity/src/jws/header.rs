//! The JOSE header of a token (RFC 7515 section 4): what is read, what is refused.
//!
//! Every request with a token that was not seen before comes through here: the few members that count are found by
//! their places.

use serde_json::Value;

use super::algorithm::Algorithm;
use crate::json::{Document, JsonValue};
use crate::refusal::{Excerpt, Part, TokenRefused};

/// `kid` is opaque; longer than this is nobody's key.
const MAX_KID_BYTES: usize = 256;

/// What the header says.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) algorithm: Algorithm,
    document: Document,
    /// Where the texts stand.
    typ: Option<u32>,
    kid: Option<u32>,
}

impl Header {
    pub(crate) fn parse(text: Vec<u8>) -> Result<Self, TokenRefused> {
        let document = read(text)?;
        let members = Members::of(&document);
        if members.jwk.is_some() {
            return Err(TokenRefused::HeaderMember { member: "jwk" });
        }
        let (algorithm, typ, kid) = members.judge()?;
        Ok(Self { algorithm, typ, kid, document })
    }

    /// The header of a DPoP proof, which brings its key along (RFC 9449 section 4.2); nothing else may.
    pub(crate) fn parse_with_key(text: Vec<u8>) -> Result<(Self, Value), TokenRefused> {
        let document = read(text)?;
        let members = Members::of(&document);
        let key = members.jwk.ok_or(TokenRefused::HeaderMalformed { member: "jwk" })?.to_value();
        let (algorithm, typ, kid) = members.judge()?;
        Ok((Self { algorithm, typ, kid, document }, key))
    }

    /// The token's type as written.
    pub(crate) fn typ(&self) -> Option<&str> {
        self.typ.map(|place| self.document.text_at(place))
    }

    /// The name of the key.
    pub(crate) fn kid(&self) -> Option<&str> {
        self.kid.map(|place| self.document.text_at(place))
    }
}

fn read(text: Vec<u8>) -> Result<Document, TokenRefused> {
    Document::parse_object(text).map_err(|why| TokenRefused::NotJson { part: Part::Header, why })
}

/// A string, or nothing; any other type is malformed.
fn text<'d>(value: Option<JsonValue<'d>>, member: &'static str) -> Result<Option<&'d str>, TokenRefused> {
    match value {
        None => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or(TokenRefused::HeaderMalformed { member }),
    }
}

/// The members that count, and the first that refuses the token. What else is unknown is read strictly and ignored, as
/// section 4 asks.
#[derive(Default)]
struct Members<'d> {
    alg: Option<JsonValue<'d>>,
    typ: Option<JsonValue<'d>>,
    kid: Option<JsonValue<'d>>,
    jwk: Option<JsonValue<'d>>,
    refused: Option<TokenRefused>,
}

impl<'d> Members<'d> {
    fn of(document: &'d Document) -> Self {
        let mut known = Self::default();
        for (name, value) in document.root().members().into_iter().flatten() {
            match name {
                "alg" => known.alg = Some(value),
                "typ" => known.typ = Some(value),
                "kid" => known.kid = Some(value),
                "jwk" => known.jwk = Some(value),
                other => known.refused = known.refused.or_else(|| refused_member(other)),
            }
        }
        known
    }

    /// The algorithm, and where `typ` and `kid` stand.
    fn judge(self) -> Result<(Algorithm, Option<u32>, Option<u32>), TokenRefused> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        let name = text(self.alg, "alg")?.ok_or(TokenRefused::HeaderMalformed { member: "alg" })?;
        let algorithm = Algorithm::from_name(name)
            .ok_or_else(|| TokenRefused::AlgorithmUnsupported { name: Excerpt::new(name) })?;
        let kid = text(self.kid, "kid")?;
        if kid.is_some_and(|kid| kid.is_empty() || kid.len() > MAX_KID_BYTES) {
            return Err(TokenRefused::HeaderMalformed { member: "kid" });
        }
        text(self.typ, "typ")?;
        Ok((algorithm, self.typ.map(JsonValue::place), self.kid.map(JsonValue::place)))
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
