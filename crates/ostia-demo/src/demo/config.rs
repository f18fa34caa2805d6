//! The configuration of the demo: the real language, ready to be read, changed and copied.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::start::Tls;

/// What the configuration text is made from.
#[derive(Clone, Debug)]
pub struct Parts {
    /// `http://localhost:8080`, or `https`: what the browser sees.
    pub base_url: String,
    /// Where the proxy listens.
    pub listen: Vec<SocketAddr>,
    /// TLS of the listener.
    pub tls: Option<Tls>,
    /// Where the operator and Prometheus connect.
    pub admin: SocketAddr,
    /// The provider.
    pub issuer: String,
    /// Our client there.
    pub client_id: String,
    /// Its secret, made at start.
    pub client_secret: String,
    /// What a bearer token must be meant for.
    pub audience: String,
    /// The servers of the application.
    pub servers: Vec<SocketAddr>,
    /// `runtime.state_dir`.
    pub state_dir: PathBuf,
    /// Where the access log goes; `None` writes none.
    pub access_log: Option<PathBuf>,
}

impl Parts {
    /// The text of the configuration file.
    #[must_use]
    pub fn yaml(&self) -> String {
        let mut text = String::from(HEAD);
        self.listener(&mut text);
        self.provider(&mut text);
        text.push_str(POLICIES);
        let servers: Vec<String> = self.servers.iter().map(|server| quoted(&server.to_string())).collect();
        _ = write!(
            text,
            "upstreams:\n  app:\n    servers: [{}]\n    balance: consistent_hash\n    affinity: session\n    \
             health_check: {{ path: /healthz, interval: 1s, timeout: 1s, rise: 1, fall: 2 }}\n\n",
            servers.join(", ")
        );
        text.push_str(ROUTES);
        self.rest(&mut text);
        text
    }

    /// The address of the callback.
    #[must_use]
    pub fn redirect_uri(&self) -> String {
        format!("{}/.ostia/callback", self.base_url)
    }

    /// Where the provider leads after a sign-out.
    #[must_use]
    pub fn post_logout_redirect_uri(&self) -> String {
        format!("{}/.ostia/signed-out", self.base_url)
    }

    fn listener(&self, text: &mut String) {
        let bind: Vec<String> = self.listen.iter().map(|address| quoted(&address.to_string())).collect();
        _ = write!(text, "listeners:\n  demo:\n    bind: [{}]\n", bind.join(", "));
        if let Some(tls) = &self.tls {
            _ = write!(
                text,
                "    tls:\n      certificates:\n        - {{ cert_file: {}, key_file: {} }}\n",
                path(&tls.cert_file),
                path(&tls.key_file)
            );
        }
        text.push('\n');
    }

    fn provider(&self, text: &mut String) {
        _ = write!(
            text,
            "provider:\n  issuer: {}\n  client_id: {}\n  client_secret: {}\n  redirect_uri: {}\n  \
             scopes: [openid, profile, email, groups, offline_access]\n  access_token: {{ audience: [{}] }}\n  \
             logout: {{ post_logout_redirect_uri: {} }}\n\n",
            quoted(&self.issuer),
            self.client_id,
            quoted(&self.client_secret),
            quoted(&self.redirect_uri()),
            quoted(&self.audience),
            quoted(&self.post_logout_redirect_uri()),
        );
    }

    fn rest(&self, text: &mut String) {
        let access_log = self.access_log.as_deref().map_or_else(|| "none".to_owned(), path);
        _ = write!(
            text,
            "logs:\n  access: {{ to: {access_log} }}\n\nadmin: {{ bind: {} }}\n\nruntime: {{ state_dir: {} }}\n",
            quoted(&self.admin.to_string()),
            path(&self.state_dir)
        );
    }
}

const HEAD: &str = "\
# The demo: a real configuration file. Change it and save; the demo takes it over.
version: 1

";

const POLICIES: &str = "\
policies:
  staff:   { claims: { groups: [staff] } }
  finance: { claims: { groups: [finance] } }
  reader:  { scope: [orders.read] }

";

const ROUTES: &str = "\
routes:
  - { host: localhost, path: /, allow: staff, upstream: app }
  - { host: localhost, path: /finance/, allow: finance, upstream: app }
  - { host: localhost, path: /public/, allow: anyone, upstream: app }
  - { host: localhost, path: /api, credentials: [bearer], allow: reader, upstream: app }
  - { host: localhost, path: /ws, allow: staff, upgrade: [websocket], upstream: app }

";

/// A YAML double-quoted scalar; JSON's escapes are among YAML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}
