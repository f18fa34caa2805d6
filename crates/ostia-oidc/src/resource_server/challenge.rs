//! The `WWW-Authenticate` field of a resource server (RFC 6750 section 3).

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
    realm: String,
    complaint: Option<(Complaint, String)>,
    scope: String,
}

/// The error codes of RFC 6750 section 3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Complaint {
    /// Malformed: two proofs, a repeated parameter.
    InvalidRequest,
    /// Expired, revoked, malformed, or otherwise not valid.
    InvalidToken,
    /// Valid, and without the scopes that are needed.
    InsufficientScope,
}

impl Complaint {
    /// The status the code goes with.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequest => StatusCode::BAD_REQUEST,
            Self::InvalidToken => StatusCode::UNAUTHORIZED,
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
        let names = scopes.into_iter().map(|name| quotable(name.as_ref()).replace(' ', ""));
        self.scope = names.filter(|name| !name.is_empty()).collect::<Vec<_>>().join(" ");
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
        let mut text = format!("Bearer realm=\"{}\"", self.realm);
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
        // All parts are printable ASCII, so this is always a field value.
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("Bearer"))
    }
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
    fn each_code_has_the_status_of_the_standard() {
        for (complaint, status) in [
            (Complaint::InvalidRequest, 400),
            (Complaint::InvalidToken, 401),
            (Complaint::InsufficientScope, 403),
        ] {
            assert_eq!(Challenge::new("r").because(complaint, "").status().as_u16(), status);
        }
    }
}
