//! `sessions`: the login session.

use std::path::PathBuf;
use std::time::Duration;

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
        }
    }
}
