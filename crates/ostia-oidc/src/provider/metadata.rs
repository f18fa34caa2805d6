//! What an issuer says about itself, after it was checked.

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse,
};
use openidconnect::{
    AuthType, AuthUrl, ClientId, ClientSecret, EmptyAdditionalClaims, EndpointNotSet, EndpointSet, IssuerUrl,
    JsonWebKeySet, TokenUrl,
};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Deserialize;
use url::{Host, Url};

use ostia_config::Provider as Settings;
use ostia_config::provider::{Client as ClientSettings, ClientAuthMethod};
use ostia_identity::{Algorithm, AlgorithmSet, GroupRules, IdTokenProfile};

use super::issuer;
use crate::relying_party::token_answer::{TokenAnswer, TokenErrorAnswer};

/// openidconnect's client for the authorization URL, the code exchange and the refresh.
///
/// Its key and ID-token types are there for the compiler only: the key set inside stays empty, and [`TokenAnswer`]
/// hands the ID token out as text.
pub(crate) type ProtocolClient = openidconnect::Client<
    EmptyAdditionalClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    TokenErrorAnswer,
    TokenAnswer,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
    EndpointNotSet,
>;

/// The client with each of its live secrets. The one that was accepted last is tried first.
#[derive(Debug)]
pub(crate) struct Clients {
    all: Vec<ProtocolClient>,
    first: AtomicUsize,
}

impl Clients {
    fn new(all: Vec<ProtocolClient>) -> Self {
        Self { all, first: AtomicUsize::new(0) }
    }

    /// In the order in which they are to be tried, with their places.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = (usize, &ProtocolClient)> {
        let first = self.first.load(Ordering::Relaxed);
        let all = || self.all.iter().enumerate();
        all().skip(first).chain(all().take(first))
    }

    /// The one at this place was accepted.
    pub(crate) fn accepted(&self, place: usize) {
        self.first.store(place, Ordering::Relaxed);
    }

    /// Any of them, for what needs no secret.
    pub(crate) fn any(&self) -> Option<&ProtocolClient> {
        self.all.first()
    }
}

/// The members of the metadata document that Ostia reads (OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2,
/// RFC 9207 section 3). A member that occurs twice is an error of the document.
///
/// openidconnect's own type insists on members that workload issuers (Kubernetes, CI systems) do not publish and
/// fetches the key set in the same call, so it cannot keep one while the other fails.
#[derive(Debug, Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    userinfo_endpoint: Option<String>,
    end_session_endpoint: Option<String>,
    introspection_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
    response_types_supported: Option<Vec<String>>,
    code_challenge_methods_supported: Option<Vec<String>>,
    id_token_signing_alg_values_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
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
    /// Present when the configuration has a `client_id`.
    pub(crate) login: Option<LoginSide>,
}

/// What is needed to sign people in.
#[derive(Debug)]
pub(crate) struct LoginSide {
    pub(crate) clients: Clients,
    pub(crate) id_tokens: IdTokenProfile,
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
        let document: Document = serde_json::from_slice(document).map_err(MetadataRefused::Malformed)?;
        let expected = settings.issuer_template().unwrap_or_else(|| settings.issuer.clone());
        if document.issuer != expected {
            let found = document.issuer.chars().take(200).collect();
            return Err(MetadataRefused::OtherIssuer { found, expected });
        }
        let endpoints =
            Endpoints { loopback: Url::parse(&settings.issuer).is_ok_and(|url| is_loopback_http(&url)) };
        let id_token_algorithms = common_algorithms(&document, allowed);
        let login = match &settings.client {
            Some(client) => Some(LoginSide {
                clients: Clients::new(protocol_clients(&document, &endpoints, settings, client)?),
                id_tokens: id_token_profile(settings, client, id_token_algorithms)?,
            }),
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
            login,
        })
    }
}

/// Which URLs of a document may be called.
struct Endpoints {
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

    fn maybe(&self, member: &'static str, text: Option<&str>) -> Result<Option<Url>, MetadataRefused> {
        text.map(|text| self.read(member, text)).transpose()
    }

    fn required(&self, member: &'static str, text: Option<&str>) -> Result<Url, MetadataRefused> {
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

/// The rules for ID tokens.
fn id_token_profile(
    settings: &Settings,
    client: &ClientSettings,
    algorithms: AlgorithmSet,
) -> Result<IdTokenProfile, MetadataRefused> {
    if algorithms.is_empty() {
        return Err(MetadataRefused::NoCommonAlgorithm);
    }
    Ok(IdTokenProfile {
        issuer: issuer::rules(settings),
        client_id: client.client_id.clone(),
        trusted_audiences: Vec::new(),
        algorithms,
        skew: settings.clock_skew,
    })
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

/// One client for each live secret, the one to try first in front.
fn protocol_clients(
    document: &Document,
    endpoints: &Endpoints,
    settings: &Settings,
    client: &ClientSettings,
) -> Result<Vec<ProtocolClient>, MetadataRefused> {
    let lacks = |list: &Option<Vec<String>>, value: &str| {
        list.as_ref().is_some_and(|l| !l.iter().any(|v| v == value))
    };
    if lacks(&document.code_challenge_methods_supported, "S256") {
        return Err(MetadataRefused::NoS256);
    }
    if lacks(&document.response_types_supported, "code") {
        return Err(MetadataRefused::NoCodeFlow);
    }
    let authorization =
        endpoints.required("authorization_endpoint", document.authorization_endpoint.as_deref())?;
    let token = endpoints.required("token_endpoint", document.token_endpoint.as_deref())?;
    let issuer = IssuerUrl::new(settings.issuer.clone())
        .map_err(|_| MetadataRefused::Endpoint { member: "issuer" })?;
    let bare = || -> ProtocolClient {
        let id = ClientId::new(client.client_id.clone());
        openidconnect::Client::new(id, issuer.clone(), JsonWebKeySet::new(Vec::new()))
            .set_auth_uri(AuthUrl::from_url(authorization.clone()))
            .set_token_uri(TokenUrl::from_url(token.clone()))
            .set_auth_type(match client.auth_method {
                ClientAuthMethod::Basic => AuthType::BasicAuth,
                ClientAuthMethod::Post | ClientAuthMethod::None => AuthType::RequestBody,
            })
            .disable_openid_scope()
    };
    if client.auth_method == ClientAuthMethod::None || client.client_secret.is_none() {
        return Ok(vec![bare()]);
    }
    let secrets = client.client_secret.iter().chain(&client.more_client_secrets);
    let with = |secret: &ostia_config::Secret<String>| {
        bare().set_client_secret(ClientSecret::new(secret.reveal().clone()))
    };
    Ok(secrets.map(with).collect())
}
