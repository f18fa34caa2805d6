//! The token endpoint's answer as it is read, good or bad (RFC 6749 sections 5.1 and 5.2).
//!
//! openidconnect's own answer type parses the ID token while it reads the JSON, and stops at a header it does not know
//! (`Ed25519` of RFC 9864). This one keeps the ID token as text for the verifier of `ostia-identity`. A member that
//! occurs twice is an error.

use std::fmt;
use std::time::Duration;

use openidconnect::core::{CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm};
use openidconnect::{
    AccessToken, EmptyAdditionalClaims, ErrorResponse, IdToken, OAuth2TokenResponse, RefreshToken, Scope,
    TokenResponse, TokenType,
};
use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A lifetime beyond this is not believed; it also keeps sums with `SystemTime` in range.
const LONGEST_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// A successful answer.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct TokenAnswer {
    access_token: AccessToken,
    token_type: AnyTokenType,
    #[serde(default, deserialize_with = "seconds", skip_serializing)]
    expires_in: Option<Duration>,
    #[serde(default)]
    refresh_token: Option<RefreshToken>,
    #[serde(default, rename = "scope", deserialize_with = "scopes", skip_serializing)]
    scopes: Option<Vec<Scope>>,
    #[serde(default)]
    id_token: Option<AccessToken>,
}

/// `token_type` as written; compared without case (RFC 6749 section 5.1).
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct AnyTokenType(String);

impl TokenType for AnyTokenType {}

impl TokenAnswer {
    /// Whether `token_type` is this.
    pub(crate) fn is_of_type(&self, wanted: &str) -> bool {
        self.token_type.0.eq_ignore_ascii_case(wanted)
    }

    /// The ID token as it came. Held in openidconnect's access-token type, whose `Debug` is redacted.
    pub(crate) fn id_token_text(&self) -> Option<&str> {
        self.id_token.as_ref().map(|token| token.secret().as_str()).filter(|text| !text.is_empty())
    }

    /// The refresh token; an empty one is none.
    pub(crate) fn refresh_token_text(&self) -> Option<&str> {
        self.refresh_token.as_ref().map(|token| token.secret().as_str()).filter(|text| !text.is_empty())
    }
}

impl OAuth2TokenResponse for TokenAnswer {
    type TokenType = AnyTokenType;

    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    fn token_type(&self) -> &AnyTokenType {
        &self.token_type
    }

    fn expires_in(&self) -> Option<Duration> {
        self.expires_in
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        self.scopes.as_ref()
    }
}

type UnusedIdToken = IdToken<
    EmptyAdditionalClaims,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

impl
    TokenResponse<
        EmptyAdditionalClaims,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    > for TokenAnswer
{
    fn id_token(&self) -> Option<&UnusedIdToken> {
        None
    }
}

/// An error answer. `error_description` is not kept: it may repeat what we sent.
#[derive(Debug)]
pub(crate) struct TokenErrorAnswer {
    /// The code, at most 64 characters of the grammar of RFC 6749 section 5.2.
    pub(crate) error: String,
}

impl<'de> Deserialize<'de> for TokenErrorAnswer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Read {
            error: String,
        }
        let error = Read::deserialize(deserializer)?.error;
        let plain = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\';
        Ok(Self { error: error.chars().filter(|c| plain(*c)).take(64).collect() })
    }
}

impl Serialize for TokenErrorAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.error.serialize(serializer)
    }
}

impl fmt::Display for TokenErrorAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error)
    }
}

impl ErrorResponse for TokenErrorAnswer {}

/// `expires_in`: a number of seconds, which some issuers write as a string.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let value = Option::<serde_json::Value>::deserialize(deserializer)?;
    let seconds = match &value {
        None => return Ok(None),
        Some(serde_json::Value::Number(number)) => number.as_f64(),
        Some(serde_json::Value::String(text)) => text.parse::<u32>().ok().map(f64::from),
        Some(_) => None,
    };
    let lifetime = seconds.filter(|s| *s >= 0.0).map(|s| s.min(LONGEST_LIFETIME.as_secs_f64()));
    let lifetime = lifetime.and_then(|s| Duration::try_from_secs_f64(s).ok());
    let refused = || D::Error::invalid_value(Unexpected::Other("expires_in"), &"a number of seconds");
    lifetime.map(Some).ok_or_else(refused)
}

fn scopes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Scope>>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let list =
        text.map(|text| text.split_ascii_whitespace().map(|name| Scope::new(name.to_owned())).collect());
    Ok(list.filter(|list: &Vec<Scope>| !list.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expires_in_is_a_number_or_a_string_of_digits() {
        for (written, seconds) in
            [("3600", Some(3600)), ("\"3599\"", Some(3599)), ("null", None), ("1e300", Some(315_360_000))]
        {
            let answer = format!(r#"{{"access_token":"a","token_type":"bearer","expires_in":{written}}}"#);
            let answer: TokenAnswer = serde_json::from_str(&answer).unwrap();
            assert_eq!(answer.expires_in.map(|d| d.as_secs()), seconds, "{written}");
        }
        for written in ["-1", "\"soon\"", "true", "[]"] {
            let answer = format!(r#"{{"access_token":"a","token_type":"bearer","expires_in":{written}}}"#);
            assert!(serde_json::from_str::<TokenAnswer>(&answer).is_err(), "{written}");
        }
    }

    #[test]
    fn a_member_that_occurs_twice_is_refused() {
        let answer = r#"{"access_token":"a","token_type":"bearer","id_token":"x","id_token":"y"}"#;
        assert!(serde_json::from_str::<TokenAnswer>(answer).is_err());
    }

    #[test]
    fn tokens_are_not_shown_by_debug() {
        let answer =
            r#"{"access_token":"sesame","token_type":"bearer","id_token":"sesame","refresh_token":"sesame"}"#;
        let answer: TokenAnswer = serde_json::from_str(answer).unwrap();
        assert!(!format!("{answer:?}").contains("sesame"));
    }
}
