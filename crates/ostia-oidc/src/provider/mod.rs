//! A provider: the issuer as we know it, its keys, and the way we speak to it.

pub(crate) mod demand;
pub mod directory;
pub mod discovery;
pub(crate) mod flight;
pub mod http;
mod issuer;
mod keeper;
pub(crate) mod key_set;
pub(crate) mod login_side;
pub mod metadata;
pub mod record;
pub(crate) mod saved;
pub mod schedule;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use ostia_config::Provider as Settings;
use ostia_config::provider::ClientAuthMethod;
use ostia_identity::{AccessTokenProfile, AlgorithmSet, IssuerRules, UnknownAlgorithm};

pub use self::keeper::Keeper;

pub(crate) use self::issuer::rules as issuer_rules;

use self::demand::Demand;
use self::directory::{GoogleDirectory, MicrosoftGraph, ServiceAccountRefused};
use self::discovery::Published;
use self::http::{HttpSetupRefused, IssuerHttp};
use self::key_set::Keys;
use self::metadata::Metadata;
use self::record::{Counters, LastError, Record};
use self::saved::Saved;
use self::schedule::Pace;
use crate::relying_party::client_key::{ClientKey, ClientKeyRefused};
use crate::relying_party::nonces::Nonces;
use crate::resource_server::introspection::Introspections;

/// One issuer and our ways with it. Shared by `Arc`; outlives a reload that does not change its section.
///
/// Readers take no lock: metadata and keys are swapped as a whole. Nothing here knows of cookies or sessions.
#[derive(Debug)]
pub struct Provider {
    pub(crate) settings: Arc<Settings>,
    pub(crate) pace: Pace,
    pub(crate) http: IssuerHttp,
    /// `signing_algorithms`.
    pub(crate) algorithms: AlgorithmSet,
    /// The rules for bearer tokens; `None` when the provider accepts none.
    pub(crate) access_tokens: Option<AccessTokenProfile>,
    /// The issuer, as identities share it.
    pub(crate) issuer: Arc<str>,
    /// What tokens may name as their issuer.
    pub(crate) issuers: IssuerRules,
    /// Where groups are that are in no token.
    pub(crate) graph: Option<MicrosoftGraph>,
    pub(crate) google: Option<GoogleDirectory>,
    metadata: ArcSwapOption<Published>,
    /// The keys could not be fetched where the metadata says they are.
    metadata_due: AtomicBool,
    keys: ArcSwapOption<Keys>,
    saved_path: Option<PathBuf>,
    demand: Demand,
    pub(crate) introspections: Introspections,
    /// Signs for `private_key_jwt`.
    pub(crate) client_key: Option<ClientKey>,
    /// For the proofs of `dpop`.
    pub(crate) nonces: Nonces,
    pub(crate) record: Record,
}

/// Why a provider cannot be made from its section. The operator's fault.
#[derive(Debug, thiserror::Error)]
pub enum ProviderRefused {
    /// The HTTP client.
    #[error(transparent)]
    Http(#[from] HttpSetupRefused),
    /// `signing_algorithms` names one that is not supported.
    #[error("signing_algorithms: {0}")]
    Algorithm(#[from] UnknownAlgorithm),
    /// `google_directory.service_account_file`.
    #[error(transparent)]
    ServiceAccount(#[from] ServiceAccountRefused),
    /// `key_file` holds no key that signs.
    #[error(transparent)]
    ClientKey(#[from] ClientKeyRefused),
}

impl ProviderRefused {
    /// The reason as a word for logs and metrics.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Http(refused) => refused.slug(),
            Self::Algorithm(_) => "signing_algorithm_unknown",
            Self::ServiceAccount(_) => "service_account_file",
            Self::ClientKey(_) => "client_key_unusable",
        }
    }
}

/// A provider at this moment, for `/readyz`, metrics and `ostia status`.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// Its issuer.
    pub issuer: Arc<str>,
    /// When the metadata in use was fetched; `None` when there is none.
    pub metadata_at: Option<SystemTime>,
    /// When the issuer last sent or confirmed the keys in use; `None` when there are none.
    pub keys_at: Option<SystemTime>,
    /// How many keys are in use.
    pub keys: usize,
    /// What is in use comes from the copy on disk and has not been confirmed since this node started.
    pub from_disk: bool,
    /// A login can begin.
    pub login_ready: bool,
    /// A bearer token can be judged.
    pub bearer_ready: bool,
    /// Since when every attempt to fetch the keys has failed; `None` while the issuer answers. No login begins
    /// meanwhile; bearers and sessions go on.
    pub dark_since: Option<SystemTime>,
    /// The last failure, though it may be over.
    pub last_error: Option<LastError>,
}

impl Provider {
    /// Makes a provider from its section, with what the copy in `state_dir` knows. Reads `ca_file` and the copy, and
    /// calls nobody; [`Provider::start`] does.
    ///
    /// # Errors
    /// `ca_file` or `signing_algorithms` is of no use. A copy that is of no use is told in the log and passed over.
    pub fn new(settings: Arc<Settings>, state_dir: Option<&Path>) -> Result<Arc<Self>, ProviderRefused> {
        Self::with_pace(settings, state_dir, Pace::default())
    }

    /// The same at another pace.
    ///
    /// # Errors
    /// As [`Provider::new`].
    pub fn with_pace(
        settings: Arc<Settings>,
        state_dir: Option<&Path>,
        pace: Pace,
    ) -> Result<Arc<Self>, ProviderRefused> {
        let client_key = client_key(&settings)?;
        let provider = Self {
            http: IssuerHttp::new(&settings)?,
            algorithms: AlgorithmSet::from_names(settings.signing_algorithms.iter().map(String::as_str))?,
            access_tokens: crate::resource_server::bearer::profile(&settings)?,
            issuer: settings.issuer.as_str().into(),
            issuers: issuer::rules(&settings),
            graph: settings
                .microsoft_graph
                .as_ref()
                .map(|graph| MicrosoftGraph::new(graph, settings.timeout)),
            google: google(&settings)?,
            saved_path: state_dir.map(|dir| saved::path_in(dir, &settings.name, &settings.issuer)),
            settings,
            pace,
            metadata: ArcSwapOption::empty(),
            metadata_due: AtomicBool::new(false),
            keys: ArcSwapOption::empty(),
            demand: Demand::default(),
            introspections: Introspections::default(),
            client_key,
            nonces: Nonces::default(),
            record: Record::default(),
        };
        provider.adopt_saved();
        Ok(Arc::new(provider))
    }

    /// Its section of the configuration.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The signature algorithms that are accepted: of tokens, and of the DPoP proofs beside them.
    #[must_use]
    pub fn algorithms(&self) -> AlgorithmSet {
        self.algorithms
    }

    /// The metadata in use.
    #[must_use]
    pub fn metadata(&self) -> Option<MetadataInUse> {
        self.metadata.load_full().map(MetadataInUse)
    }

    /// Numbers for metrics.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.record.counters()
    }

    /// How this provider is doing.
    #[must_use]
    pub fn status(&self) -> Status {
        let published = self.metadata.load_full();
        let keys = self.keys.load_full();
        let usable = self.keys_at(SystemTime::now()).is_some();
        let can_ask = self.settings.introspection.is_some()
            && published.as_ref().is_some_and(|p| p.metadata.introspection_endpoint.is_some());
        let can_check = usable && !self.settings.audiences.is_empty();
        let login = published.as_ref().is_some_and(|published| published.metadata.login.is_some());
        let dark_since = self.record.dark_since();
        Status {
            name: Arc::from(self.settings.name.as_str()),
            issuer: Arc::clone(&self.issuer),
            metadata_at: published.as_ref().map(|published| published.fetched_at),
            keys_at: keys.as_ref().map(|keys| keys.confirmed_at),
            keys: keys.as_ref().map_or(0, |keys| keys.set.keys().len()),
            from_disk: published.is_some_and(|p| p.from_disk) || keys.is_some_and(|k| k.from_disk),
            login_ready: login && usable && dark_since.is_none(),
            bearer_ready: can_check || can_ask,
            dark_since,
            last_error: self.record.last_error(),
        }
    }

    /// What a 503 says in `Retry-After`: the usual pause before the issuer has been asked again, 1 s to 30 s.
    #[must_use]
    pub fn retry_after(&self) -> Duration {
        let pause = self.pace.backoff(self.record.failures().max(1), 1.0);
        pause.clamp(Duration::from_secs(1), Duration::from_secs(30))
    }

    /// Uses the copy on disk until the issuer answers.
    fn adopt_saved(&self) {
        let Some(path) = &self.saved_path else { return };
        let saved = match Saved::read(path, &self.settings.issuer) {
            Ok(Some(saved)) => saved,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(provider = %self.settings.name, %error, "the saved copy of the provider is of no use");
                return;
            }
        };
        let metadata = Metadata::read(saved.metadata(), &self.settings, self.algorithms);
        match metadata {
            Ok(metadata) => self.metadata.store(Some(Arc::new(Published {
                metadata,
                document: saved.metadata().to_vec(),
                fetched_at: saved.confirmed_at(),
                from_disk: true,
            }))),
            Err(error) => {
                tracing::warn!(provider = %self.settings.name, %error, "the saved metadata is refused")
            }
        }
        if let Err(error) = self.adopt_saved_keys(&saved) {
            tracing::warn!(provider = %self.settings.name, %error, "the saved keys are refused");
        }
    }
}

fn google(settings: &Settings) -> Result<Option<GoogleDirectory>, ServiceAccountRefused> {
    let section = settings.google_directory.as_ref();
    section.map(|section| GoogleDirectory::new(section, settings.timeout)).transpose()
}

/// The key that signs, where the issuer knows us by one.
fn client_key(settings: &Settings) -> Result<Option<ClientKey>, ClientKeyRefused> {
    let client = settings.client.as_ref();
    let signs = client.filter(|client| client.auth_method == ClientAuthMethod::PrivateKeyJwt);
    signs.and_then(|client| client.key.as_ref()).map(|key| ClientKey::parse(&key.private)).transpose()
}

/// Verdicts that rest on this provider's keys and rules die with it, wherever they are cached.
impl Drop for Provider {
    fn drop(&mut self) {
        if let Some(keys) = self.keys.load_full() {
            keys.set.retire();
        }
    }
}

/// The metadata in use at one moment; what is fetched later does not change it.
#[derive(Clone, Debug)]
pub struct MetadataInUse(Arc<Published>);

impl std::ops::Deref for MetadataInUse {
    type Target = Metadata;

    fn deref(&self) -> &Metadata {
        &self.0.metadata
    }
}
