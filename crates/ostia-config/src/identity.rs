//! `identity`: what the upstream is told about the caller.

use std::path::PathBuf;
use std::time::Duration;

use http::HeaderName;

use crate::policy::ClaimPath;

/// Claims as request fields. Every field named here is removed from what clients send, in every spelling, on every
/// route.
#[derive(Clone, Debug, PartialEq)]
pub struct IdentityHeaders {
    /// `preset`, default [`Preset::Forwarded`] unless `headers` is there.
    pub preset: Option<Preset>,
    /// Those of the preset that `headers` does not replace, then `headers`.
    pub headers: Vec<ClaimHeader>,
    /// Fields that hold the access token where `pass_access_token` asks for it, beside `Authorization`. Clients may never
    /// send them.
    pub token_headers: Vec<HeaderName>,
    /// `pass_access_token`, default false.
    pub pass_access_token: bool,
    /// `assertion`, and the signed fields of the preset.
    pub assertions: Vec<Assertion>,
    /// `assertion.issuer`: `iss` of what is signed. Default `ostia`.
    pub assertion_issuer: String,
    /// `assertion.keys_file`; default `assertion.keys` in the state folder, made when absent.
    pub assertion_keys_file: Option<PathBuf>,
}

/// One field and the claim it carries.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimHeader {
    /// The field.
    pub header: HeaderName,
    /// The claim: `sub`, `iss`, `email`, `groups` (after `providers.*.groups`), or any other.
    pub claim: ClaimPath,
    /// Whether the issuer without its scheme and a colon stand before the value (`accounts.google.com:ana`).
    pub after_issuer: bool,
}

/// A set of fields that another product sends, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// `forwarded`: what oauth2-proxy and others call theirs.
    Forwarded,
    /// `alb`: an AWS Application Load Balancer.
    Alb,
    /// `iap`: Google's Identity-Aware Proxy.
    Iap,
    /// `pomerium`.
    Pomerium,
    /// `remote-user`: `Remote-User` and its kin.
    RemoteUser,
}

/// A field with a signed statement about the caller.
#[derive(Clone, Debug, PartialEq)]
pub struct Assertion {
    /// The field.
    pub header: HeaderName,
    /// From its making to its `exp`.
    pub lifetime: Duration,
    /// Whose form it has.
    pub form: AssertionForm,
}

/// The forms of a signed statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssertionForm {
    /// Our own: `aud` is the name of the route.
    Own,
    /// As an AWS load balancer: more in the header, base64 with padding.
    Alb,
    /// As Google's proxy: `sub` after the issuer.
    Iap,
    /// As Pomerium: `iss` and `aud` are the host.
    Pomerium,
}

impl Preset {
    /// Its name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Forwarded => "forwarded",
            Self::Alb => "alb",
            Self::Iap => "iap",
            Self::Pomerium => "pomerium",
            Self::RemoteUser => "remote-user",
        }
    }

    /// The fields with a claim: name in lower case, claim, and whether it stands after the issuer.
    #[must_use]
    pub fn fields(self) -> &'static [(&'static str, &'static str, bool)] {
        match self {
            Self::Forwarded => &[
                ("x-forwarded-user", "sub", false),
                ("x-forwarded-email", "email", false),
                ("x-forwarded-groups", "groups", false),
            ],
            Self::Alb => &[("x-amzn-oidc-identity", "sub", false)],
            Self::Iap => &[
                ("x-goog-authenticated-user-email", "email", true),
                ("x-goog-authenticated-user-id", "sub", true),
            ],
            Self::Pomerium => &[
                ("x-pomerium-claim-sub", "sub", false),
                ("x-pomerium-claim-email", "email", false),
                ("x-pomerium-claim-groups", "groups", false),
                ("x-pomerium-claim-name", "name", false),
            ],
            Self::RemoteUser => &[
                ("remote-user", "sub", false),
                ("remote-email", "email", false),
                ("remote-groups", "groups", false),
                ("remote-name", "name", false),
            ],
        }
    }

    /// The signed field.
    #[must_use]
    pub fn signed(self) -> Option<(HeaderName, AssertionForm)> {
        match self {
            Self::Forwarded | Self::RemoteUser => None,
            Self::Alb => Some((HeaderName::from_static("x-amzn-oidc-data"), AssertionForm::Alb)),
            Self::Iap => Some((HeaderName::from_static("x-goog-iap-jwt-assertion"), AssertionForm::Iap)),
            Self::Pomerium => {
                Some((HeaderName::from_static("x-pomerium-jwt-assertion"), AssertionForm::Pomerium))
            }
        }
    }

    /// Fields in which the other product sends the access token.
    #[must_use]
    pub fn token_headers(self) -> &'static [&'static str] {
        match self {
            Self::Alb => &["x-amzn-oidc-accesstoken"],
            _ => &[],
        }
    }
}

impl IdentityHeaders {
    /// Every field that only Ostia may write, whether or not an identity fills it.
    pub fn names(&self) -> impl Iterator<Item = &HeaderName> {
        let claims = self.headers.iter().map(|field| &field.header);
        let signed = self.assertions.iter().map(|assertion| &assertion.header);
        claims.chain(signed).chain(&self.token_headers)
    }
}
