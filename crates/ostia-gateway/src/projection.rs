//! Claims as request fields for the upstream.
//!
//! One documented rule makes every claim a safe field value: visible ASCII and inner spaces stand as they are; every
//! other byte of the UTF-8 text, and `%`, is percent-encoded; the elements of a list are joined by `,`, and a comma
//! inside an element is percent-encoded. Numbers and booleans stand as in JSON; objects, `null` and empty lists make
//! no field.

use http::{HeaderName, HeaderValue};
use ostia_config::IdentityHeaders;
use ostia_config::policy::ClaimPath;
use ostia_identity::{Identity, Json, JsonValue};

use crate::passed_token::{Passed, TokenFields};

/// A field longer than this is left out: an upstream would refuse the whole request for it.
const MAX_FIELD_BYTES: usize = 16 * 1024;

/// Which claims go into which fields.
#[derive(Debug)]
pub struct Projection {
    fields: Vec<Field>,
    token_fields: Option<TokenFields>,
}

#[derive(Debug)]
struct Field {
    name: HeaderName,
    claim: ClaimPath,
    after_issuer: bool,
}

impl Projection {
    /// Prepares the section `identity`.
    #[must_use]
    pub fn new(config: &IdentityHeaders) -> Self {
        let fields = config.headers.iter().map(|field| Field {
            name: field.header.clone(),
            claim: field.claim.clone(),
            after_issuer: field.after_issuer,
        });
        Self { fields: fields.collect(), token_fields: TokenFields::new(config) }
    }

    /// The fields of one identity; made once, when it is recognised. `token` is the access token that it came with, or
    /// that its session has; it is passed on only where the configuration says so.
    #[must_use]
    pub fn of(&self, identity: &Identity, token: Option<Passed<'_>>) -> Box<[(HeaderName, HeaderValue)]> {
        let mut fields = Vec::with_capacity(self.fields.len());
        for Field { name, claim, after_issuer } in &self.fields {
            let text = claim_text(identity, claim);
            let text = if *after_issuer { text.map(|text| behind_issuer(identity, &text)) } else { text };
            let value = text.filter(|text| text.len() <= MAX_FIELD_BYTES);
            if let Some(value) = value.and_then(|text| HeaderValue::from_str(&text).ok()) {
                fields.push((name.clone(), value));
            }
        }
        if let (Some(names), Some(token)) = (&self.token_fields, token) {
            fields.extend(names.of(token));
        }
        fields.into_boxed_slice()
    }
}

/// A claim as safe bytes, by the rule of this module; `None` when there is nothing to say. `sub` and `iss` always exist.
pub(crate) fn claim_text(identity: &Identity, claim: &ClaimPath) -> Option<String> {
    let text = match claim.as_str() {
        "sub" => Some(encoded(&identity.subject, false)),
        "iss" => Some(encoded(&identity.issuer, false)),
        whole => identity.claims.at(whole, claim.segments()).and_then(text_of),
    };
    text.filter(|text| !text.is_empty())
}

/// `accounts.google.com:ana`, as Google's proxy writes it.
pub(crate) fn behind_issuer(identity: &Identity, text: &str) -> String {
    let issuer = identity.issuer.strip_prefix("https://").unwrap_or(&identity.issuer);
    format!("{}:{text}", encoded(issuer, false))
}

fn text_of(claim: JsonValue<'_>) -> Option<String> {
    match claim.read() {
        Json::List(elements) => {
            let elements: Vec<String> =
                elements.filter_map(|element| scalar(&element.read(), true)).collect();
            (!elements.is_empty()).then(|| elements.join(","))
        }
        value => scalar(&value, false),
    }
}

fn scalar(value: &Json<'_>, in_list: bool) -> Option<String> {
    match value {
        Json::Text(text) => Some(encoded(text, in_list)),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(truth) => Some(truth.to_string()),
        Json::Null | Json::List(_) | Json::Object(_) => None,
    }
}

/// Safe bytes of a text; in a list also its commas.
pub(crate) fn encoded(text: &str, in_list: bool) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let last = text.len().saturating_sub(1);
    let mut safe = String::with_capacity(text.len());
    for (place, byte) in text.bytes().enumerate() {
        let inner_space = byte == b' ' && place != 0 && place != last;
        let plain = byte.is_ascii_graphic() && byte != b'%' && !(in_list && byte == b',');
        if plain || inner_space {
            safe.push(char::from(byte));
        } else {
            safe.push('%');
            for nibble in [byte >> 4, byte & 0x0f] {
                safe.push(HEX.get(usize::from(nibble)).map_or('0', |digit| char::from(*digit)));
            }
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use ostia_identity::Claims;
    use serde_json::{Value, json};

    fn shown(value: &Value) -> Option<String> {
        let mut claims = Claims::default();
        claims.set("c", value.clone());
        claims.get("c").and_then(text_of)
    }

    #[test]
    fn claim_values_become_safe_field_values() {
        for (value, expected) in [
            (json!("ana"), Some("ana")),
            (json!("Ana B"), Some("Ana B")),
            (json!(" a "), Some("%20a%20")),
            (json!("a\r\nX-Admin: 1"), Some("a%0D%0AX-Admin: 1")),
            (json!("Zoë"), Some("Zo%C3%AB")),
            (json!("100%"), Some("100%25")),
            (json!("a,b"), Some("a,b")),
            (json!(["a,b", "c"]), Some("a%2Cb,c")),
            (json!(["a", 1, true, null, {"x": 1}]), Some("a,1,true")),
            (json!(7), Some("7")),
            (json!([]), None),
            (json!(null), None),
            (json!({"a": 1}), None),
        ] {
            assert_eq!(shown(&value).as_deref(), expected, "{value}");
        }
    }
}
