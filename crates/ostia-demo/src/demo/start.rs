//! Starting and stopping the two other parties of the demo.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::config::Parts;
use super::{port, screen, token};
use crate::provider::{Client, Provider, RunningProvider, Settings};
use crate::random;
use crate::upstream::{RunningUpstream, Upstream};

/// Who the proxy is at the provider.
const CLIENT_ID: &str = "ostia-demo";

/// What the caller decides.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder for `runtime.state_dir`, made and removed by the caller.
    pub folder: PathBuf,
    /// The preferred port of the proxy, 0 for any. Default 8080, with TLS 8443.
    pub port: u16,
    /// The preferred port of metrics, 0 for any. Default 9910.
    pub admin_port: u16,
    /// The preferred port of the provider, 0 for any. Default [`super::PROVIDER_PORT`], where `ostia demo token` looks
    /// first.
    pub provider_port: u16,
    /// Certificate of the proxy; plain http without.
    pub tls: Option<Tls>,
    /// Where the proxy writes its access log. Default nowhere.
    pub access_log: Option<PathBuf>,
}

/// Certificate and key for `localhost`, as files that the caller made.
#[derive(Clone, Debug)]
pub struct Tls {
    /// PEM.
    pub cert_file: PathBuf,
    /// PEM.
    pub key_file: PathBuf,
    /// What is in `cert_file`.
    pub certificate: String,
}

impl Options {
    /// The usual ports, plain http.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            port: 8080,
            admin_port: 9910,
            provider_port: token::PROVIDER_PORT,
            tls: None,
            access_log: None,
        }
    }

    /// Free ports wherever they are, for `--check` and tests: nothing that runs already is in the way.
    #[must_use]
    pub fn anywhere(folder: &Path) -> Self {
        Self { port: 0, admin_port: 0, provider_port: 0, ..Self::new(folder) }
    }

    /// The same with TLS.
    #[must_use]
    pub fn with_tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        if self.port == 8080 {
            self.port = 8443;
        }
        self
    }
}

/// Why the demo did not start.
#[derive(Debug, thiserror::Error)]
pub enum DemoFailed {
    /// No port for one of the parties.
    #[error("no port for {party}")]
    Port {
        /// Which party.
        party: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A party did not start.
    #[error("{party} did not start")]
    Start {
        /// Which party.
        party: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// A provider and two upstream servers that run, and the configuration that puts a proxy between them.
#[derive(Debug)]
pub struct Demo {
    provider: RunningProvider,
    upstreams: Vec<RunningUpstream>,
    parts: Parts,
}

impl Demo {
    /// Chooses ports and starts everything but the proxy, on the current tokio runtime.
    ///
    /// # Errors
    /// When a port or a party is missing.
    pub async fn start(options: Options) -> Result<Self, DemoFailed> {
        let port = |party, preferred, taken: &[u16]| {
            port::free(preferred, taken).map_err(|source| DemoFailed::Port { party, source })
        };
        let listen = port("the proxy", options.port, &[options.admin_port, options.provider_port])?;
        let proxy_port = first(&listen);
        let admin = port("metrics", options.admin_port, &[proxy_port, options.provider_port])?;
        let bind = port("the provider", options.provider_port, &[proxy_port, first(&admin)])?;
        let scheme = if options.tls.is_some() { "https" } else { "http" };
        let base_url = format!("{scheme}://localhost:{proxy_port}");
        let mut upstreams = Vec::new();
        for name in ["app-1", "app-2"] {
            let started = Upstream::start(name).await;
            upstreams.push(started.map_err(|source| DemoFailed::Start { party: name, source })?);
        }
        let mut parts = Parts {
            audience: format!("{base_url}/api"),
            base_url,
            listen,
            tls: options.tls,
            admin: SocketAddr::from((Ipv4Addr::LOCALHOST, first(&admin))),
            issuer: String::new(),
            client_id: CLIENT_ID.to_owned(),
            client_secret: random::text::<32>(),
            servers: upstreams.iter().map(RunningUpstream::address).collect(),
            state_dir: options.folder.join("state"),
            access_log: options.access_log,
        };
        let provider = Provider::start(settings(&parts, first(&bind)))
            .await
            .map_err(|source| DemoFailed::Start { party: "the provider", source })?;
        provider.issuer().clone_into(&mut parts.issuer);
        Ok(Self { provider, upstreams, parts })
    }

    /// The provider.
    #[must_use]
    pub fn provider(&self) -> &RunningProvider {
        &self.provider
    }

    /// The two servers of the application.
    #[must_use]
    pub fn upstreams(&self) -> &[RunningUpstream] {
        &self.upstreams
    }

    /// What the configuration is made from.
    #[must_use]
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// What the browser opens: `http://localhost:8080`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.parts.base_url
    }

    /// The text of the configuration file.
    #[must_use]
    pub fn config_yaml(&self) -> String {
        self.parts.yaml()
    }

    /// What to show when the proxy runs with the configuration in this file.
    #[must_use]
    pub fn screen(&self, config_file: &Path) -> String {
        screen::screen(self, env!("CARGO_PKG_VERSION"), config_file)
    }

    /// Stops the provider and the servers.
    pub async fn stop(self) {
        self.provider.stop().await;
        for upstream in self.upstreams {
            upstream.stop().await;
        }
    }
}

fn first(addresses: &[SocketAddr]) -> u16 {
    addresses.first().map_or(0, SocketAddr::port)
}

/// The proxy's client and the machine's. Its address is 127.0.0.1 while the proxy is `localhost`: two sites, as in
/// life, with cookies apart.
fn settings(parts: &Parts, port: u16) -> Settings {
    let proxy = Client::confidential(&parts.client_id, &parts.client_secret, &parts.redirect_uri())
        .with_post_logout_redirect_uri(&parts.post_logout_redirect_uri());
    Settings {
        bind: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        clients: vec![proxy, token::machine()],
        audience: parts.audience.clone(),
        trusted_certificate: parts.tls.as_ref().map(|tls| tls.certificate.clone()),
        ..Settings::default()
    }
}
