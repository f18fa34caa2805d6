//! `sessions`: the login session.

use std::path::PathBuf;
use std::time::Duration;

use crate::Secret;

/// Lifetimes, cookie and keys of login sessions.
#[derive(Clone, Debug, PartialEq)]
pub struct Sessions {
    /// `idle_timeout`, default 1 h.
    pub idle_timeout: Duration,
    /// `lifetime`, default 12 h.
    pub lifetime: Duration,
    /// `refresh_before` the access token ends. Default 60 s.
    pub refresh_before: Duration,
    /// `cookie.name`, default `__Host-ostia`; must begin with `__Host-`.
    pub cookie_name: String,
    /// `cookie.same_site`, default `lax`.
    pub same_site: SameSite,
    /// `keys_file`: one key a line, 32 bytes as base64url or hex; the first seals, all open. Absent: made in
    /// `runtime.state_dir` as `session.keys` (mode 0600).
    pub keys_file: Option<PathBuf>,
    /// `keep_fragment`: a sign-in starts with a small page whose script carries the URL's fragment over the login.
    /// Default false: plain redirects.
    pub keep_fragment: bool,
    /// `store: { redis: … }`; `None`: nothing but the cookie.
    pub store: Option<RedisStore>,
}

/// A Redis or Valkey that nodes share.
#[derive(Clone, Debug, PartialEq)]
pub struct RedisStore {
    /// Host and port of each `url`.
    pub servers: Vec<(String, u16)>,
    /// `rediss://`.
    pub tls: bool,
    /// The path of `url`, default 0.
    pub database: i64,
    /// `mode` and `master`.
    pub kind: RedisKind,
    /// `username`.
    pub username: Option<String>,
    /// `password` or `password_file`.
    pub password: Option<Secret<String>>,
    /// `ca_file`: PEM, trusted instead of the system's roots.
    pub ca_file: Option<PathBuf>,
    /// `sessions: store`: whole sessions are kept there. Default `cookie`.
    pub keeps_sessions: bool,
    /// `on_failure: refuse`: no session counts while the store does not answer. Default `keep`.
    pub refuses_on_failure: bool,
    /// `budget` of one call, default 250 ms.
    pub budget: Duration,
    /// `prefix`, default `ostia:`.
    pub prefix: String,
}

/// What stands at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisKind {
    /// `single`, the default.
    Single,
    /// `sentinel`: the servers are sentinels.
    Sentinel {
        /// `master`: the group that they watch.
        master: String,
    },
    /// `cluster`: the servers are those to begin with.
    Cluster,
}

/// The `SameSite` attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// Sent on top-level navigations from elsewhere.
    Lax,
    /// Never sent from elsewhere; the first request after a link from another site has no session.
    Strict,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            idle_timeout: Duration::from_secs(3600),
            lifetime: Duration::from_secs(12 * 3600),
            refresh_before: Duration::from_secs(60),
            cookie_name: "__Host-ostia".to_owned(),
            same_site: SameSite::Lax,
            keys_file: None,
            keep_fragment: false,
            store: None,
        }
    }
}
