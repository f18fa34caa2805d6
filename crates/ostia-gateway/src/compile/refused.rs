//! Why a configuration that reads well cannot be put in force.

use std::path::PathBuf;

use ostia_config::{Name, WithRefused};
use ostia_oidc::provider::ProviderRefused;
use ostia_policy::PolicyRefused;
use ostia_route::TableRefused;
use ostia_session::{CookieNameRefused, EndedFileRefused, KeyRingRefused, StoreRefused};
use ostia_telemetry::{AccessLogRefused, AuditLogRefused, MetricsRefused};
use ostia_upstream::TlsRefused;

use crate::assertion::AssertionKeysRefused;
use crate::key_file::KeyFileRefused;
use crate::recognised::NoRandomness;

/// Why a configuration that reads well cannot be put in force.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompileRefused {
    /// Session keys.
    #[error("session keys in {path}: {source}", path = path.display())]
    Keys {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyRingRefused,
    },
    /// The file of the session keys.
    #[error(transparent)]
    KeyFile(#[from] KeyFileRefused),
    /// The keys of signed statements.
    #[error(transparent)]
    AssertionKeys(#[from] AssertionKeysRefused),
    /// An extension that is not there, or whose `with` it does not take.
    #[error(transparent)]
    Extension(#[from] WithRefused),
    /// The cookie's name.
    #[error(transparent)]
    CookieName(#[from] CookieNameRefused),
    /// A provider.
    #[error("provider `{name}`: {source}{cause}", cause = cause_of(source))]
    Provider {
        /// Its name.
        name: Name,
        /// What is wrong.
        source: ProviderRefused,
    },
    /// The TLS of an upstream.
    #[error("upstream `{name}`: {source}")]
    UpstreamTls {
        /// Its name.
        name: Name,
        /// What is wrong.
        source: TlsRefused,
    },
    /// Routes that match the same requests.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Routes(Vec<TableRefused>),
    /// Policies.
    #[error(transparent)]
    Policies(#[from] PolicyRefused),
    /// A name that leads nowhere; a checked configuration has none.
    #[error("{what} `{name}` is not defined")]
    Dangling {
        /// What kind of thing.
        what: &'static str,
        /// Its name.
        name: Name,
    },
    /// Something that a reload cannot change.
    #[error("{0} cannot be changed by a reload: restart Ostia to apply it")]
    NeedsRestart(&'static str),
    /// The access log.
    #[error(transparent)]
    AccessLog(#[from] AccessLogRefused),
    /// The audit log.
    #[error(transparent)]
    AuditLog(#[from] AuditLogRefused),
    /// The metrics.
    #[error(transparent)]
    Metrics(#[from] MetricsRefused),
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// No random bytes for DPoP.
    #[error(transparent)]
    DpopRandom(#[from] ostia_oidc::resource_server::dpop::NoRandomness),
    /// The store that nodes share.
    #[error(transparent)]
    Store(#[from] StoreRefused),
    /// The list of ended sessions.
    #[error("{0}; name a writable `runtime.state_dir`")]
    Ended(#[from] EndedFileRefused),
}

fn cause_of(error: &dyn std::error::Error) -> String {
    error.source().map(|cause| format!(": {cause}")).unwrap_or_default()
}
