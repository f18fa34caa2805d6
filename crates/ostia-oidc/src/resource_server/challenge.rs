//! The `WWW-Authenticate` field of a resource server (RFC 6750 section 3), with what later standards added: where the
//! resource describes itself (RFC 9728), the step up (RFC 9470), proof of possession (RFC 9449).

use std::time::Duration;

use http::{HeaderValue, StatusCode};

/// What the answer to a request without sufficient proof says about bearer tokens.
///
/// ```
/// use ostia_oidc::resource_server::challenge::{Challenge, Complaint};
///
/// let challenge = Challenge::new("corp").because(Complaint::InvalidToken, "the token has expired");
/// assert_eq!(
///     challenge.field(),
///     r#"Bearer realm="corp", error="invalid_token", error_description="the token has expired""#
/// );
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Challenge {
    /// The signature algorithms of DPoP proofs; `None` for the scheme `Bearer`.
    dpop: Option<String>,
    realm: String,
    complaint: Option<(Complaint, String)>,
    scope: String,
    acr_values: String,
    max_age: Option<u64>,
    resource_metadata: String,
}

/// The error codes of RFC 6750 section 3.1, RFC 9470 section 3 and RFC 9449 sections 7.1 and 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Complaint {
    /// Malformed: two proofs, a repeated parameter.
    InvalidRequest,
    /// Expired, revoked, malformed, or otherwise not valid.
    InvalidToken,
    /// Valid, and without the scopes that are needed.
    InsufficientScope,
    /// Valid, and from a sign-in that was too weak or too long ago.
    InsufficientUserAuthentication,
    /// The DPoP proof does not count.
    InvalidDpopProof,
    /// The DPoP proof has to carry the nonce of the answer.
    UseDpopNonce,
}

impl Complaint {
    /// The status the code goes with.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequest => StatusCode::BAD_REQUEST,
            Self::InvalidToken
            | Self::InsufficientUserAuthentication
            | Self::InvalidDpopProof
            | Self::UseDpopNonce => StatusCode::UNAUTHORIZED,
            Self::InsufficientScope => StatusCode::FORBIDDEN,
        }
    }

    /// The value of `error`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::InsufficientUserAuthentication => "insufficient_user_authentication",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
        }
    }
}

impl Challenge {
    /// A challenge without an error code: the request brought no proof at all (RFC 6750 section 3.1, last paragraph).
    #[must_use]
    pub fn new(realm: &str) -> Self {
        Self { realm: quotable(realm), ..Self::default() }
    }

    /// Adds `error` and `error_description`. An empty description is left out.
    #[must_use]
    pub fn because(mut self, complaint: Complaint, description: &str) -> Self {
        self.complaint = Some((complaint, quotable(description)));
        self
    }

    /// Adds `scope`, the scopes that would be enough.
    #[must_use]
    pub fn needing<S: AsRef<str>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scope = list(scopes);
        self
    }

    /// Asks for a stronger or fresher sign-in: `error="insufficient_user_authentication"` with `acr_values` and
    /// `max_age` in seconds, where they are given (RFC 9470 section 3).
    #[must_use]
    pub fn step_up<S: AsRef<str>>(
        mut self,
        acr_values: impl IntoIterator<Item = S>,
        max_age: Option<Duration>,
    ) -> Self {
        self.acr_values = list(acr_values);
        self.max_age = max_age.map(|age| age.as_secs());
        self.because(Complaint::InsufficientUserAuthentication, "a stronger or fresher sign-in is needed")
    }

    /// Adds `resource_metadata`, the address at which this resource describes itself (RFC 9728 section 5.1).
    #[must_use]
    pub fn described_at(mut self, address: &str) -> Self {
        self.resource_metadata = quotable(address).replace(' ', "");
        self
    }

    /// Of the scheme `DPoP`, with the algorithms that proofs may be signed with (RFC 9449 section 7.1).
    #[must_use]
    pub fn by_dpop<S: AsRef<str>>(mut self, algorithms: impl IntoIterator<Item = S>) -> Self {
        self.dpop = Some(list(algorithms));
        self
    }

    /// The status of the answer: 401 without an error code, else the code's own.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.complaint.as_ref().map_or(StatusCode::UNAUTHORIZED, |(complaint, _)| complaint.status())
    }

    /// The value of the field.
    #[must_use]
    pub fn field(&self) -> HeaderValue {
        let scheme = if self.dpop.is_some() { "DPoP" } else { "Bearer" };
        let mut text = format!("{scheme} realm=\"{}\"", self.realm);
        let mut add = |name: &str, value: &str| {
            if !value.is_empty() {
                for part in [", ", name, "=\"", value, "\""] {
                    text.push_str(part);
                }
            }
        };
        if let Some((complaint, description)) = &self.complaint {
            add("error", complaint.code());
            add("error_description", description);
        }
        add("scope", &self.scope);
        add("acr_values", &self.acr_values);
        add("max_age", &self.max_age.map(|seconds| seconds.to_string()).unwrap_or_default());
        add("algs", self.dpop.as_deref().unwrap_or_default());
        add("resource_metadata", &self.resource_metadata);
        // All parts are printable ASCII, so this is always a field value.
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("Bearer"))
    }
}

/// Words of which none has a space, with spaces between them.
fn list<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> String {
    let words = words.into_iter().map(|word| quotable(word.as_ref()).replace(' ', ""));
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// What may stand between the quotes as it is: printable ASCII without `"` and `\` (RFC 6750 section 3). At most 200
/// characters; the rest is dropped, so no text can end the string or the field.
fn quotable(text: &str) -> String {
    text.chars().filter(|c| matches!(c, ' '..='~') && *c != '"' && *c != '\\').take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_backslashes_and_line_breaks_cannot_leave_the_string() {
        let evil = "x\", error=\"none\\\r\nSet-Cookie: a=b\u{e9}";
        let challenge = Challenge::new(evil).because(Complaint::InvalidToken, evil).needing([evil, "a b"]);
        assert_eq!(
            challenge.field(),
            "Bearer realm=\"x, error=noneSet-Cookie: a=b\", error=\"invalid_token\", \
             error_description=\"x, error=noneSet-Cookie: a=b\", scope=\"x,error=noneSet-Cookie:a=b ab\""
        );
    }

    #[test]
    fn without_proof_there_is_no_error_code() {
        let challenge = Challenge::new("api").needing(["orders.read"]);
        assert_eq!(challenge.field(), r#"Bearer realm="api", scope="orders.read""#);
        assert_eq!(challenge.status(), StatusCode::UNAUTHORIZED);
    }

    #[test]
    fn a_step_up_names_the_sign_in_that_would_be_enough() {
        let challenge = Challenge::new("api").step_up(["phr", "phrh"], Some(Duration::from_secs(900)));
        assert_eq!(
            challenge.field(),
            "Bearer realm=\"api\", error=\"insufficient_user_authentication\", \
             error_description=\"a stronger or fresher sign-in is needed\", acr_values=\"phr phrh\", max_age=\"900\""
        );
        assert_eq!(challenge.status(), StatusCode::UNAUTHORIZED);
    }

    #[test]
    fn a_proof_is_asked_for_with_its_algorithms_and_the_resource_with_its_address() {
        let challenge = Challenge::new("api")
            .because(Complaint::UseDpopNonce, "")
            .by_dpop(["ES256", "EdDSA"])
            .described_at("https://api.example.com/.well-known/oauth-protected-resource");
        assert_eq!(
            challenge.field(),
            "DPoP realm=\"api\", error=\"use_dpop_nonce\", algs=\"ES256 EdDSA\", \
             resource_metadata=\"https://api.example.com/.well-known/oauth-protected-resource\""
        );
    }

    #[test]
    fn each_code_has_the_status_of_the_standard() {
        for (complaint, status) in [
            (Complaint::InvalidRequest, 400),
            (Complaint::InvalidToken, 401),
            (Complaint::InsufficientScope, 403),
            (Complaint::InsufficientUserAuthentication, 401),
            (Complaint::InvalidDpopProof, 401),
            (Complaint::UseDpopNonce, 401),
        ] {
            assert_eq!(Challenge::new("r").because(complaint, "").status().as_u16(), status);
        }
    }
}
