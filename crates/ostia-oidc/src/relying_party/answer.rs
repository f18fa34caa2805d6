//! The authorization response as the browser brings it: parameters that anybody could have written.

use std::borrow::Cow;

use http::StatusCode;
use ostia_identity::IssuerRules;
use subtle::ConstantTimeEq;

use super::callback::CallbackRefused;
use crate::Fault;

/// The longest query that is read, in bytes.
const LONGEST: usize = 16 * 1024;

/// The parameters of the protocol, each at most once. Others are ignored (RFC 6749 section 4.1.2).
#[derive(Debug, Default)]
pub(crate) struct AuthorizationAnswer<'q> {
    code: Option<Cow<'q, str>>,
    state: Option<Cow<'q, str>>,
    iss: Option<Cow<'q, str>>,
    error: Option<Cow<'q, str>>,
    error_description: Option<Cow<'q, str>>,
}

/// The error codes of RFC 6749 section 4.1.2.1 and OpenID Connect Core section 3.1.2.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorizationError {
    /// The person or the issuer's rules said no.
    AccessDenied,
    /// `prompt=none`, and nobody is signed in at the issuer.
    LoginRequired,
    /// `prompt=none`, and the issuer must ask something.
    InteractionRequired,
    /// `prompt=none`, and consent is missing.
    ConsentRequired,
    /// `prompt=none`, and there are several accounts.
    AccountSelectionRequired,
    /// The issuer is overloaded or in maintenance.
    TemporarilyUnavailable,
    /// The issuer failed.
    ServerError,
    /// Our request was wrong.
    InvalidRequest,
    /// Our client may not use the code flow.
    UnauthorizedClient,
    /// A scope is unknown or not ours.
    InvalidScope,
    /// The issuer has no code flow.
    UnsupportedResponseType,
    /// `acr_values` could not be met (OpenID Connect Core Unmet Authentication Requirements 1.0).
    UnmetAuthenticationRequirements,
    /// A code outside of the standards.
    Other,
}

impl AuthorizationError {
    fn read(error: &str) -> Self {
        match error {
            "access_denied" => Self::AccessDenied,
            "login_required" => Self::LoginRequired,
            "interaction_required" => Self::InteractionRequired,
            "consent_required" => Self::ConsentRequired,
            "account_selection_required" => Self::AccountSelectionRequired,
            "temporarily_unavailable" => Self::TemporarilyUnavailable,
            "server_error" => Self::ServerError,
            "invalid_request" => Self::InvalidRequest,
            "unauthorized_client" => Self::UnauthorizedClient,
            "invalid_scope" => Self::InvalidScope,
            "unsupported_response_type" => Self::UnsupportedResponseType,
            "unmet_authentication_requirements" => Self::UnmetAuthenticationRequirements,
            _ => Self::Other,
        }
    }

    /// The reason as a word for logs, metrics and pages: the issuer's own for those of the standards.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::LoginRequired => "login_required",
            Self::InteractionRequired => "interaction_required",
            Self::ConsentRequired => "consent_required",
            Self::AccountSelectionRequired => "account_selection_required",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::ServerError => "issuer_server_error",
            Self::InvalidRequest => "authorization_invalid_request",
            Self::UnauthorizedClient => "authorization_unauthorized_client",
            Self::InvalidScope => "authorization_invalid_scope",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::Other => "authorization_error_unknown",
        }
    }

    /// Who can mend it.
    #[must_use]
    pub fn fault(self) -> Fault {
        match self {
            Self::AccessDenied
            | Self::LoginRequired
            | Self::InteractionRequired
            | Self::ConsentRequired
            | Self::AccountSelectionRequired
            | Self::UnmetAuthenticationRequirements => Fault::Caller,
            Self::TemporarilyUnavailable | Self::ServerError | Self::Other => Fault::Issuer,
            Self::InvalidRequest
            | Self::UnauthorizedClient
            | Self::InvalidScope
            | Self::UnsupportedResponseType => Fault::Operator,
        }
    }

    /// The status of the page that tells it.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::AccessDenied | Self::UnmetAuthenticationRequirements => StatusCode::FORBIDDEN,
            Self::LoginRequired
            | Self::InteractionRequired
            | Self::ConsentRequired
            | Self::AccountSelectionRequired => StatusCode::UNAUTHORIZED,
            Self::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::ServerError | Self::Other => StatusCode::BAD_GATEWAY,
            Self::InvalidRequest
            | Self::UnauthorizedClient
            | Self::InvalidScope
            | Self::UnsupportedResponseType => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl<'q> AuthorizationAnswer<'q> {
    /// Reads the parameters.
    pub(crate) fn read(query: &'q str) -> Result<Self, CallbackRefused> {
        if query.len() > LONGEST {
            return Err(CallbackRefused::TooLong);
        }
        let mut answer = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let (place, name) = match &*name {
                "code" => (&mut answer.code, "code"),
                "state" => (&mut answer.state, "state"),
                "iss" => (&mut answer.iss, "iss"),
                "error" => (&mut answer.error, "error"),
                "error_description" => (&mut answer.error_description, "error_description"),
                _ => continue,
            };
            if place.replace(value).is_some() {
                return Err(CallbackRefused::Duplicate { name });
            }
        }
        Ok(answer)
    }

    pub(crate) fn check_state(&self, expected: &str) -> Result<(), CallbackRefused> {
        let found = self.state.as_deref().unwrap_or_default();
        let equal = !expected.is_empty() && bool::from(found.as_bytes().ct_eq(expected.as_bytes()));
        if equal { Ok(()) } else { Err(CallbackRefused::StateDiffers) }
    }

    /// RFC 9207 section 2.4: by simple string comparison, for answers with an error too.
    pub(crate) fn check_issuer(&self, expected: &IssuerRules, required: bool) -> Result<(), CallbackRefused> {
        match self.iss.as_deref() {
            Some(found) if expected.name(found) => Ok(()),
            None if !required => Ok(()),
            _ => Err(CallbackRefused::IssuerDiffers),
        }
    }

    /// The code, unless the issuer says why there is none.
    pub(crate) fn code(&self) -> Result<&str, CallbackRefused> {
        if let Some(error) = &self.error {
            let error = AuthorizationError::read(error);
            let description = self.error_description.as_deref().map(printable);
            return Err(CallbackRefused::Refused { error, description });
        }
        self.code.as_deref().filter(|code| !code.is_empty()).ok_or(CallbackRefused::NoCode)
    }
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protocol_parameter_that_occurs_twice_is_refused() {
        for (query, name) in [
            ("code=a&code=a&state=s", "code"),
            ("code=a&state=s&state=s", "state"),
            ("code=a&state=s&iss=x&iss=y", "iss"),
            ("error=a&error=b", "error"),
            ("c%6Fde=a&code=b", "code"),
        ] {
            let refused = AuthorizationAnswer::read(query).unwrap_err();
            assert!(
                matches!(refused, CallbackRefused::Duplicate { name: n } if n == name),
                "{query}: {refused:?}"
            );
        }
        assert!(AuthorizationAnswer::read("code=a&state=s&x=1&x=2").is_ok());
    }

    #[test]
    fn an_empty_state_never_matches() {
        assert!(AuthorizationAnswer::read("code=a&state=").unwrap().check_state("").is_err());
        assert!(AuthorizationAnswer::read("code=a").unwrap().check_state("").is_err());
        assert!(AuthorizationAnswer::read("code=a&state=xyz").unwrap().check_state("xyZ").is_err());
        assert!(AuthorizationAnswer::read("code=a&state=xyz").unwrap().check_state("xyz").is_ok());
    }

    #[test]
    fn iss_is_compared_byte_for_byte_and_required_when_announced() {
        let check = |query, required| {
            AuthorizationAnswer::read(query)
                .unwrap()
                .check_issuer(&"https://a.example/x".into(), required)
                .is_ok()
        };
        assert!(check("iss=https%3A%2F%2Fa.example%2Fx", true));
        assert!(check("code=a", false));
        for query in [
            "code=a",
            "iss=",
            "iss=https://a.example/x/",
            "iss=https://A.example/x",
            "iss=https://evil.example",
        ] {
            assert!(!check(query, true), "{query}");
        }
        assert!(!check("iss=https://evil.example", false));
    }

    #[test]
    fn every_error_of_the_standards_has_its_reason_and_status() {
        for (error, slug, status) in [
            ("access_denied", "access_denied", 403),
            ("login_required", "login_required", 401),
            ("interaction_required", "interaction_required", 401),
            ("consent_required", "consent_required", 401),
            ("account_selection_required", "account_selection_required", 401),
            ("temporarily_unavailable", "temporarily_unavailable", 503),
            ("server_error", "issuer_server_error", 502),
            ("invalid_request", "authorization_invalid_request", 500),
            ("unauthorized_client", "authorization_unauthorized_client", 500),
            ("invalid_scope", "authorization_invalid_scope", 500),
            ("<script>", "authorization_error_unknown", 502),
        ] {
            let query = format!("error={error}&code=a&error_description=a%0D%0Ab");
            let refused = AuthorizationAnswer::read(&query).unwrap().code().map(str::to_owned).unwrap_err();
            assert_eq!((refused.slug(), refused.status().as_u16()), (slug, status), "{error}");
            assert!(matches!(refused, CallbackRefused::Refused { description: Some(d), .. } if d == "ab"));
        }
    }
}
