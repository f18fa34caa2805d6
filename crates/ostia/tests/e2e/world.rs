//! What most tests need: a provider, an application, a browser, and the text that joins them.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ostia_testkit::{Browser, EchoUpstream, FaultProvider, Names, Ostia, Page, eventually, raw};
use serde_json::json;
use tempfile::TempDir;

/// The path of the binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_ostia");
/// Where people find the application.
pub(crate) const APP: &str = "http://app.localhost";
/// Where machines find it.
pub(crate) const API: &str = "http://api.localhost";

/// Parties around a node, without the node.
pub(crate) struct World {
    pub(crate) provider: FaultProvider,
    pub(crate) app: EchoUpstream,
    pub(crate) names: Names,
    pub(crate) shared: TempDir,
}

impl World {
    /// A provider that signs in ana (staff, finance) and an application with one server.
    pub(crate) async fn new() -> Self {
        let shared = TempDir::with_prefix("ostia-shared-").unwrap();
        write_key_ring(shared.path());
        Self {
            provider: FaultProvider::start().await,
            app: EchoUpstream::start("app-1").await,
            names: Names::default(),
            shared,
        }
    }

    /// A node with [`World::config`] that serves the application's names, and a browser.
    pub(crate) async fn with_node() -> (Self, Ostia, Browser) {
        let world = Self::new().await;
        let node = world.start(&world.config()).await;
        let browser = Browser::new(&world.names);
        (world, node, browser)
    }

    /// A node, and a request that its application has and answers when it is [released](EchoUpstream::release).
    pub(crate) async fn with_request_in_flight() -> (Self, Ostia, raw::Connection) {
        let world = Self::new().await;
        let node = world.start(&(world.config() + SLOW_ROUTE)).await;
        let slow = world.begin_slow_request(node.port()).await;
        (world, node, slow)
    }

    /// A request on [`SLOW_ROUTE`] that the application has.
    pub(crate) async fn begin_slow_request(&self, port: u16) -> raw::Connection {
        let mut slow = raw::Connection::open(port).await.unwrap();
        slow.send(request("GET /slow HTTP/1.1", &[]).as_bytes()).await;
        eventually("the application has the request", Duration::from_secs(40), async || {
            (self.app.count() > 0).then_some(())
        })
        .await;
        slow
    }

    /// Starts a node and makes it the one that the names lead to.
    pub(crate) async fn start(&self, yaml: &str) -> Ostia {
        let node = Ostia::start(BINARY, yaml).await;
        self.lead_to(&node);
        node
    }

    /// From now on browsers reach this node.
    pub(crate) fn lead_to(&self, node: &Ostia) {
        for name in ["app.localhost", "api.localhost"] {
            self.names.set(name, node.port());
        }
    }

    /// The usual configuration: people and machines, staff and finance, open and closed paths.
    pub(crate) fn config(&self) -> String {
        format!("{}{}{}{}", self.provider_section(), POLICIES, self.upstream_section(), ROUTES)
    }

    /// `provider` and `sessions`.
    pub(crate) fn provider_section(&self) -> String {
        format!("provider:\n{}{}", self.provider_keys("app.localhost", 2), self.sessions_section(""))
    }

    /// The keys of a provider whose people come back to `host`, indented by so many spaces.
    pub(crate) fn provider_keys(&self, host: &str, indent: usize) -> String {
        let provider = &self.provider;
        [
            format!("issuer: {}", provider.issuer()),
            format!("client_id: {}", provider.client_id()),
            format!("client_secret: {}", provider.client_secret()),
            format!("redirect_uri: http://{host}/.ostia/callback"),
            "scopes: [openid, profile, email, groups, offline_access]".to_owned(),
            "access_token: { audience: https://api.example.com }".to_owned(),
        ]
        .map(|line| format!("{:indent$}{line}\n", ""))
        .concat()
    }

    /// `sessions` with the shared key ring and further keys (`idle_timeout: 1h`).
    pub(crate) fn sessions_section(&self, more: &str) -> String {
        let comma = if more.is_empty() { "" } else { ", " };
        format!("sessions: {{ keys_file: {}/session.keys{comma}{more} }}\n", self.shared.path().display())
    }

    /// `upstreams` with the one server.
    pub(crate) fn upstream_section(&self) -> String {
        format!("upstreams:\n  app: {{ servers: [\"{}\"] }}\n", self.app.address())
    }
}

/// `policies` of the usual configuration.
pub(crate) const POLICIES: &str = "policies:\n  \
    staff: { claims: { groups: [staff] } }\n  \
    finance: { claims: { groups: [finance] } }\n";

/// `routes` of the usual configuration.
pub(crate) const ROUTES: &str = "routes:\n  \
    - { name: app, host: app.localhost, allow: staff, upstream: app }\n  \
    - { name: finance, host: app.localhost, path: /finance/, allow: finance, upstream: app }\n  \
    - { name: public, host: app.localhost, path: /public/, allow: anyone, upstream: app }\n  \
    - { name: socket, host: app.localhost, path: /ws, allow: staff, upstream: app, upgrade: [websocket] }\n  \
    - { name: api, host: api.localhost, credentials: [bearer], allow: staff, upstream: app }\n";

/// A further route, whose requests are held by the application until they are released.
pub(crate) const SLOW_ROUTE: &str =
    "  - { name: slow, host: app.localhost, path: /slow, allow: anyone, upstream: app }\n";

/// Bo is staff, not finance.
pub(crate) fn bo() -> serde_json::Value {
    json!({ "sub": "bo", "email": "bo@example.com", "groups": ["staff"] })
}

/// Signs in and lands on `path` with 200.
pub(crate) async fn signed_in(browser: &Browser, path: &str) -> Page {
    let page = browser.visit(&format!("{APP}{path}")).await;
    assert_eq!((page.status, page.path_and_query()), (200, path), "{:?}\n{}", page.trail, page.text());
    page
}

/// Names of cookies that hold a sign-in under way.
pub(crate) fn flow_cookies(browser: &Browser) -> Vec<String> {
    let cookies = browser.cookies().into_iter();
    cookies.map(|cookie| cookie.name).filter(|name| name.starts_with("__Host-ostia-s")).collect()
}

/// Whether a session cookie is there.
pub(crate) fn has_session(browser: &Browser) -> bool {
    browser.cookies().iter().any(|cookie| cookie.name == "__Host-ostia")
}

/// Writes a new key ring to `session.keys` in `folder`, for the eyes of its owner only.
pub(crate) fn write_key_ring(folder: &Path) {
    let file = folder.join("session.keys");
    std::fs::write(&file, key_line()).unwrap();
    std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
}

/// Sixteen digits that are never the same twice and do not compress.
pub(crate) fn random_word() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    use std::hash::{BuildHasher, RandomState};
    format!("{:016x}", RandomState::new().hash_one(COUNT.fetch_add(1, Ordering::Relaxed)))
}

/// A line for a key ring.
fn key_line() -> String {
    let line = [random_word(), random_word(), random_word(), random_word()].concat();
    ostia_testkit::secrets::keep(&line);
    format!("{line}\n")
}

/// A request head with `Host: app.localhost`, ready to be sent.
pub(crate) fn request(line: &str, fields: &[(&str, &str)]) -> String {
    let mut text = format!("{line}\r\nHost: app.localhost\r\n");
    for (name, value) in fields {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text + "\r\n"
}
