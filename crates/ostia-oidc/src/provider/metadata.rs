//! What an issuer says about itself, after it was checked.

use serde::Deserialize;
use url::{Host, Url};

use ostia_config::Provider as Settings;
use ostia_identity::{Algorithm, AlgorithmSet, GroupRules};

use super::login_side::LoginSide;

/// The members of the metadata document that Ostia reads (OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2,
/// RFC 9207 section 3). A member that occurs twice is an error of the document.
///
/// openidconnect's own type insists on members that workload issuers (Kubernetes, CI systems) do not publish and
/// fetches the key set in the same call, so it cannot keep one while the other fails.
#[derive(Debug, Deserialize)]
pub(super) struct Document {
    issuer: String,
    jwks_uri: String,
    pub(super) authorization_endpoint: Option<String>,
    pub(super) token_endpoint: Option<String>,
    userinfo_endpoint: Option<String>,
    end_session_endpoint: Option<String>,
    introspection_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
    pub(super) response_types_supported: Option<Vec<String>>,
    pub(super) response_modes_supported: Option<Vec<String>>,
    pub(super) code_challenge_methods_supported: Option<Vec<String>>,
    id_token_signing_alg_values_supported: Option<Vec<String>>,
    token_endpoint_auth_signing_alg_values_supported: Option<Vec<String>>,
    pub(super) dpop_signing_alg_values_supported: Option<Vec<String>>,
    pub(super) pushed_authorization_request_endpoint: Option<String>,
    #[serde(default)]
    pub(super) require_pushed_authorization_requests: bool,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    #[serde(default)]
    mtls_endpoint_aliases: Aliases,
}

/// Where a client goes that shows a certificate (RFC 8705 section 5).
#[derive(Debug, Default, Deserialize)]
struct Aliases {
    token_endpoint: Option<String>,
    pushed_authorization_request_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
    userinfo_endpoint: Option<String>,
}

impl Document {
    /// Puts the aliases in the place of the endpoints that a client with a certificate calls.
    fn use_aliases(&mut self) {
        let Aliases {
            token_endpoint,
            pushed_authorization_request_endpoint,
            revocation_endpoint,
            userinfo_endpoint,
        } = std::mem::take(&mut self.mtls_endpoint_aliases);
        for (place, alias) in [
            (&mut self.token_endpoint, token_endpoint),
            (&mut self.pushed_authorization_request_endpoint, pushed_authorization_request_endpoint),
            (&mut self.revocation_endpoint, revocation_endpoint),
            (&mut self.userinfo_endpoint, userinfo_endpoint),
        ] {
            if alias.is_some() {
                *place = alias;
            }
        }
    }
}

/// Checked metadata of one issuer. Immutable; shared by `Arc`.
#[derive(Debug)]
pub struct Metadata {
    /// Where the key set is.
    pub jwks_uri: Url,
    /// Where a browser is sent to sign in.
    pub authorization_endpoint: Option<Url>,
    /// Where a browser is sent to end the session at the provider (RP-Initiated Logout 1.0).
    pub end_session_endpoint: Option<Url>,
    /// Where a resource server asks about opaque tokens (RFC 7662, RFC 8414 section 2).
    pub introspection_endpoint: Option<Url>,
    /// Where tokens are revoked (RFC 7009).
    pub revocation_endpoint: Option<Url>,
    /// Where claims about the bearer of an access token are (OpenID Connect Core section 5.3).
    pub userinfo_endpoint: Option<Url>,
    /// Algorithms that both the configuration and the issuer allow for ID tokens.
    pub id_token_algorithms: AlgorithmSet,
    /// The issuer adds `iss` to authorization responses, so its absence is an attack (RFC 9207 section 2.4).
    pub iss_parameter_required: bool,
    /// The algorithms that it takes on statements of clients (RFC 8414 section 2), where it says so.
    pub(crate) assertion_algorithms: Option<Vec<String>>,
    /// Present when the configuration has a `client_id`.
    pub(crate) login: Option<LoginSide>,
}

/// Why a metadata document is not used. The issuer's fault, or the operator's who named another issuer.
#[derive(Debug, thiserror::Error)]
pub enum MetadataRefused {
    /// Not JSON, a mandatory member is missing, of the wrong type, or there twice.
    #[error("the metadata document cannot be read")]
    Malformed(#[source] serde_json::Error),
    /// `issuer` is not the configured one, byte for byte.
    #[error("the metadata is of the issuer {found:?}, not of the configured {expected:?}")]
    OtherIssuer {
        /// What the document says, at most 200 characters.
        found: String,
        /// What the configuration says; for several tenants, with `{tenantid}` in it.
        expected: String,
    },
    /// An endpoint is no absolute `https` URL (or `http` to loopback for an issuer on loopback).
    #[error("{member} is not an https URL without credentials and fragment")]
    Endpoint {
        /// The member of the document.
        member: &'static str,
    },
    /// People are to sign in, but an endpoint for it is missing.
    #[error("the metadata has no {member}, which signing in needs")]
    NoEndpoint {
        /// The member of the document.
        member: &'static str,
    },
    /// `code_challenge_methods_supported` is there, without `S256` (RFC 7636).
    #[error("the issuer does not support the PKCE method S256")]
    NoS256,
    /// `response_types_supported` is there, without `code`.
    #[error("the issuer does not support the authorization code flow")]
    NoCodeFlow,
    /// The issuer signs ID tokens with no algorithm that the configuration allows.
    #[error("the issuer signs ID tokens with none of the allowed algorithms")]
    NoCommonAlgorithm,
    /// `response_mode: form_post`, but `response_modes_supported` is there without it.
    #[error("the issuer does not support the response mode form_post")]
    NoFormPost,
    /// `dpop`, but `dpop_signing_alg_values_supported` is there without the algorithm of our proofs.
    #[error("the issuer does not take DPoP proofs by ES256")]
    NoDpop,
}

impl MetadataRefused {
    /// The reason as a word for logs and metrics.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "metadata_malformed",
            Self::OtherIssuer { .. } => "metadata_issuer_mismatch",
            Self::Endpoint { .. } => "metadata_endpoint_not_https",
            Self::NoEndpoint { .. } => "metadata_endpoint_missing",
            Self::NoS256 => "metadata_no_s256",
            Self::NoCodeFlow => "metadata_no_code_flow",
            Self::NoCommonAlgorithm => "metadata_no_common_algorithm",
            Self::NoFormPost => "metadata_no_form_post",
            Self::NoDpop => "metadata_no_dpop",
        }
    }
}

impl Metadata {
    /// Reads and checks a document against the provider's section of the configuration, of which `allowed` are the
    /// signing algorithms.
    ///
    /// # Errors
    /// See [`MetadataRefused`]; nothing of a refused document is used.
    pub fn read(
        document: &[u8],
        settings: &Settings,
        allowed: AlgorithmSet,
    ) -> Result<Self, MetadataRefused> {
        let mut document: Document = serde_json::from_slice(document).map_err(MetadataRefused::Malformed)?;
        let expected = settings.issuer_template().unwrap_or_else(|| settings.issuer.clone());
        if document.issuer != expected {
            let found = document.issuer.chars().take(200).collect();
            return Err(MetadataRefused::OtherIssuer { found, expected });
        }
        let endpoints =
            Endpoints { loopback: Url::parse(&settings.issuer).is_ok_and(|url| is_loopback_http(&url)) };
        let id_token_algorithms = common_algorithms(&document, allowed);
        if settings.client.as_ref().is_some_and(|client| client.auth_method.is_by_certificate()) {
            document.use_aliases();
        }
        let login = match &settings.client {
            Some(client) => {
                Some(LoginSide::read(&document, &endpoints, settings, client, id_token_algorithms)?)
            }
            None => None,
        };
        Ok(Self {
            jwks_uri: endpoints.read("jwks_uri", &document.jwks_uri)?,
            authorization_endpoint: endpoints
                .maybe("authorization_endpoint", document.authorization_endpoint.as_deref())?,
            end_session_endpoint: endpoints
                .maybe("end_session_endpoint", document.end_session_endpoint.as_deref())?,
            introspection_endpoint: endpoints
                .maybe("introspection_endpoint", document.introspection_endpoint.as_deref())?,
            revocation_endpoint: endpoints
                .maybe("revocation_endpoint", document.revocation_endpoint.as_deref())?,
            userinfo_endpoint: endpoints.maybe("userinfo_endpoint", document.userinfo_endpoint.as_deref())?,
            id_token_algorithms,
            iss_parameter_required: document.authorization_response_iss_parameter_supported,
            assertion_algorithms: document.token_endpoint_auth_signing_alg_values_supported,
            login,
        })
    }
}

/// Which URLs of a document may be called.
pub(super) struct Endpoints {
    /// The issuer itself is `http` on loopback, so its endpoints may be. A public issuer must not lead us to a service
    /// on our own machine.
    loopback: bool,
}

impl Endpoints {
    fn read(&self, member: &'static str, text: &str) -> Result<Url, MetadataRefused> {
        let refused = MetadataRefused::Endpoint { member };
        let Ok(url) = Url::parse(text) else { return Err(refused) };
        let allowed = url.scheme() == "https" || (self.loopback && is_loopback_http(&url));
        let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        if allowed && plain && url.has_host() { Ok(url) } else { Err(refused) }
    }

    pub(super) fn maybe(
        &self,
        member: &'static str,
        text: Option<&str>,
    ) -> Result<Option<Url>, MetadataRefused> {
        text.map(|text| self.read(member, text)).transpose()
    }

    pub(super) fn required(&self, member: &'static str, text: Option<&str>) -> Result<Url, MetadataRefused> {
        self.read(member, text.ok_or(MetadataRefused::NoEndpoint { member })?)
    }
}

/// `http` to this machine, for development and demonstrations.
pub(crate) fn is_loopback_http(url: &Url) -> bool {
    url.scheme() == "http"
        && match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
}

/// The algorithms of the configuration that the issuer lists; all of the configuration when it lists none. The two
/// names of Ed25519 (RFC 8037, RFC 9864) are one algorithm.
fn common_algorithms(document: &Document, allowed: AlgorithmSet) -> AlgorithmSet {
    let Some(listed) = &document.id_token_signing_alg_values_supported else { return allowed };
    listed.iter().filter_map(|name| Algorithm::from_name(name)).filter(|one| allowed.contains(*one)).collect()
}

/// `groups` of the section, in the words of `ostia-identity`.
pub(crate) fn group_rules(settings: &Settings) -> GroupRules {
    let path = |path: &ostia_config::policy::ClaimPath| {
        ostia_identity::ClaimPath::new(path.as_str(), path.segments())
    };
    GroupRules {
        claims: settings.groups.claims.iter().map(path).collect(),
        strip_prefix: settings.groups.strip_prefix.clone(),
    }
}
