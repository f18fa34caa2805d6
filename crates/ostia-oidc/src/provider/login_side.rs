//! What signing people in needs of the metadata, ready made.

use std::sync::atomic::{AtomicUsize, Ordering};

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse,
};
use openidconnect::{
    AuthType, AuthUrl, ClientId, ClientSecret, EmptyAdditionalClaims, EndpointNotSet, EndpointSet, IssuerUrl,
    JsonWebKeySet, TokenUrl,
};
use ostia_config::Provider as Settings;
use ostia_config::provider::{Client as ClientSettings, ClientAuthMethod, PushedRequests, ResponseMode};
use ostia_identity::{AlgorithmSet, IdTokenProfile};
use url::Url;

use super::issuer;
use super::metadata::{Document, Endpoints, MetadataRefused};
use crate::relying_party::client_authentication::Credentials;
use crate::relying_party::proof_key;
use crate::relying_party::token_answer::{TokenAnswer, TokenErrorAnswer};

/// What is needed to sign people in.
#[derive(Debug)]
pub(crate) struct LoginSide {
    pub(crate) clients: Clients,
    pub(crate) id_tokens: IdTokenProfile,
    /// Where a browser is sent.
    pub(crate) authorization: Url,
    /// Where the request goes first; `None`: nowhere, it goes through the browser (RFC 9126).
    pub(crate) push: Option<Url>,
}

impl LoginSide {
    /// Reads it from a document of this client's issuer.
    pub(super) fn read(
        document: &Document,
        endpoints: &Endpoints,
        settings: &Settings,
        client: &ClientSettings,
        algorithms: AlgorithmSet,
    ) -> Result<Self, MetadataRefused> {
        check_offers(document, client)?;
        let authorization =
            endpoints.required("authorization_endpoint", document.authorization_endpoint.as_deref())?;
        let token = endpoints.required("token_endpoint", document.token_endpoint.as_deref())?;
        Ok(Self {
            clients: Clients::new(protocol_clients(&authorization, &token, settings, client)?),
            id_tokens: id_token_profile(settings, client, algorithms)?,
            push: push_endpoint(document, endpoints, client)?,
            authorization,
        })
    }
}

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

/// What the configuration asks for, the issuer must not exclude.
fn check_offers(document: &Document, client: &ClientSettings) -> Result<(), MetadataRefused> {
    let lacks = |list: &Option<Vec<String>>, value: &str| {
        list.as_ref().is_some_and(|l| !l.iter().any(|v| v == value))
    };
    if lacks(&document.code_challenge_methods_supported, "S256") {
        return Err(MetadataRefused::NoS256);
    }
    if lacks(&document.response_types_supported, "code") {
        return Err(MetadataRefused::NoCodeFlow);
    }
    if client.ways.response_mode == ResponseMode::FormPost
        && lacks(&document.response_modes_supported, "form_post")
    {
        return Err(MetadataRefused::NoFormPost);
    }
    if client.ways.dpop && lacks(&document.dpop_signing_alg_values_supported, proof_key::ALGORITHM) {
        return Err(MetadataRefused::NoDpop);
    }
    Ok(())
}

/// Where the request goes first, if the configuration or the issuer wants that.
fn push_endpoint(
    document: &Document,
    endpoints: &Endpoints,
    client: &ClientSettings,
) -> Result<Option<Url>, MetadataRefused> {
    let wanted = match client.ways.pushed {
        PushedRequests::Auto => document.require_pushed_authorization_requests,
        PushedRequests::Always => true,
        PushedRequests::Never => false,
    };
    let endpoint = document.pushed_authorization_request_endpoint.as_deref();
    let required = || endpoints.required("pushed_authorization_request_endpoint", endpoint);
    wanted.then(required).transpose()
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

/// One client for each of [`Credentials::all`].
fn protocol_clients(
    authorization: &Url,
    token: &Url,
    settings: &Settings,
    client: &ClientSettings,
) -> Result<Vec<ProtocolClient>, MetadataRefused> {
    let issuer = IssuerUrl::new(settings.issuer.clone())
        .map_err(|_| MetadataRefused::Endpoint { member: "issuer" })?;
    let bare = || -> ProtocolClient {
        let id = ClientId::new(client.client_id.clone());
        openidconnect::Client::new(id, issuer.clone(), JsonWebKeySet::new(Vec::new()))
            .set_auth_uri(AuthUrl::from_url(authorization.clone()))
            .set_token_uri(TokenUrl::from_url(token.clone()))
            .set_auth_type(match client.auth_method {
                ClientAuthMethod::Basic => AuthType::BasicAuth,
                ClientAuthMethod::Post
                | ClientAuthMethod::None
                | ClientAuthMethod::SecretJwt
                | ClientAuthMethod::PrivateKeyJwt
                | ClientAuthMethod::TlsClientAuth
                | ClientAuthMethod::SelfSignedTlsClientAuth => AuthType::RequestBody,
            })
            .disable_openid_scope()
    };
    let sends_secret = matches!(client.auth_method, ClientAuthMethod::Basic | ClientAuthMethod::Post);
    if !sends_secret || client.client_secret.is_none() {
        return Ok(Credentials::all(client).iter().map(|_| bare()).collect());
    }
    let secrets = client.client_secret.iter().chain(&client.more_client_secrets);
    let with = |secret: &ostia_config::Secret<String>| {
        bare().set_client_secret(ClientSecret::new(secret.reveal().clone()))
    };
    Ok(secrets.map(with).collect())
}
