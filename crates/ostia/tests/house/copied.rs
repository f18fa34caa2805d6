//! Every file of `conf/` works as it is: the real binary runs on it, with other addresses, paths and issuers only.

use std::path::Path;

use http::Method;
use ostia_testkit::{Authority, Browser, EchoUpstream, FaultProvider, Names, Ostia, free_port};
use serde_json::json;
use tempfile::TempDir;

use crate::page::text;

const BINARY: &str = env!("CARGO_BIN_EXE_ostia");
/// The addresses in the files.
const HTTP: &str = r#"["0.0.0.0:80", "[::]:80"]"#;
const HTTPS: &str = r#"["0.0.0.0:443", "[::]:443"]"#;

/// The parties around a node that runs on a file of `conf/`.
struct Copied {
    yaml: String,
    folder: TempDir,
    provider: FaultProvider,
    upstream: EchoUpstream,
    authority: Authority,
    names: Names,
    https: u16,
}

impl Copied {
    async fn of(file: &str) -> Self {
        let folder = TempDir::with_prefix("ostia-conf-").unwrap();
        let provider = FaultProvider::start().await;
        std::fs::write(folder.path().join("oidc-client-secret"), provider.client_secret()).unwrap();
        private(&folder.path().join("oidc-client-secret"));
        Self {
            yaml: text(&format!("conf/{file}")),
            folder,
            provider,
            upstream: EchoUpstream::start("copied").await,
            authority: Authority::new(),
            names: Names::default(),
            https: free_port(),
        }
        .with("client_secret_file: oidc-client-secret", "client_secret_file: {dir}/oidc-client-secret")
    }

    /// Another text at one place that must be there.
    fn with(mut self, from: &str, to: &str) -> Self {
        assert!(self.yaml.contains(from) || from.contains("client_secret_file"), "the file has no `{from}`");
        let to = to.replace("{dir}", self.folder.path().to_str().unwrap());
        self.yaml = self.yaml.replace(from, &to);
        self
    }

    /// The issuer that the file names becomes the provider.
    fn with_issuer(self, issuer: &str) -> Self {
        let own = self.provider.issuer().to_owned();
        self.with(&format!("issuer: {issuer}"), &format!("issuer: {own}"))
    }

    /// The server that the file names becomes the upstream.
    fn with_server(self, server: &str) -> Self {
        let own = self.upstream.address();
        self.with(server, &own)
    }

    /// Certificates for these names, where the file looks for them; browsers reach the names at the TLS listener.
    fn with_tls(mut self, names: &[&str]) -> Self {
        for name in names {
            let issued = self.authority.issue(self.folder.path(), &[name]);
            private(&issued.key_file);
            let stem = name.replace('*', "wild");
            let (cert, key) = (issued.cert_file.display().to_string(), issued.key_file.display().to_string());
            self = self.with(&format!("cert_file: {stem}.pem"), &format!("cert_file: {cert}"));
            self = self.with(&format!("key_file: {stem}.key"), &format!("key_file: {key}"));
        }
        let own = format!("\"127.0.0.1:{}\"", self.https);
        self.with(HTTPS, &own)
    }

    async fn start(&self) -> Ostia {
        Ostia::start(BINARY, &self.yaml).await
    }

    /// A browser that finds `hosts` at the TLS listener and trusts the certificates.
    fn browser(&self, hosts: &[&str]) -> Browser {
        for host in hosts {
            self.names.set(host, self.https);
        }
        Browser::trusting(&self.names, self.authority.root_pem())
    }
}

fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn quickstart_signs_in_over_tls_and_redirects_http() {
    let copied = Copied::of("quickstart.yaml")
        .await
        .with_issuer("https://login.example.com")
        .with_server("10.0.0.10:8080")
        .with_tls(&["app.example.com"])
        .with(HTTP, "\"<listen>\"");
    let node = copied.start().await;
    let browser = copied.browser(&["app.example.com"]);

    let page = browser.open("https://app.example.com/orders?id=7").await;
    assert_eq!(page.status, 303, "{}", page.text());
    let page = browser.follow(page).await;
    assert_eq!((page.status, page.path_and_query()), (200, "/orders?id=7"), "{}", page.text());
    assert_eq!(copied.upstream.last().field("x-forwarded-user").as_deref(), Some("ana"));

    let plain = ostia_testkit::raw::send(
        node.port(),
        "GET /orders HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n",
    );
    let plain = plain.await.unwrap();
    let location = plain.field("location").unwrap().to_owned();
    assert_eq!(plain.status, 308);
    assert!(location.starts_with("https://app.example.com") && location.ends_with("/orders"), "{location}");
}

#[tokio::test(flavor = "multi_thread")]
async fn portal_serves_two_names_and_decides_by_group() {
    let others =
        [EchoUpstream::start("b").await, EchoUpstream::start("c").await, EchoUpstream::start("d").await];
    let copied = Copied::of("portal.yaml")
        .await
        .with_issuer("https://login.example.com/realms/corp")
        .with_server("10.0.0.11:8080")
        .with("10.0.0.12:8080", &others[0].address())
        .with("10.0.0.13:8080", &others[1].address())
        .with("10.0.9.1:8080", &others[2].address())
        .with_tls(&["portal.example.com", "*.apps.example.com"])
        .with(HTTP, "\"<listen>\"")
        .with("127.0.0.1:9910", "<admin>")
        .with("keys_file: session.keys", "keys_file: {dir}/session.keys");
    std::fs::write(copied.folder.path().join("session.keys"), key_line()).unwrap();
    private(&copied.folder.path().join("session.keys"));
    copied.provider.expect_person(json!({ "sub": "ana", "email": "ana@example.com", "groups": ["/staff"] }));
    let _node = copied.start().await;
    let browser = copied.browser(&["portal.example.com", "status.apps.example.com"]);

    assert_eq!(browser.fetch("https://portal.example.com/").await.status, 401);
    assert_eq!(browser.open("https://portal.example.com/assets/logo.svg").await.status, 200);
    assert_eq!(browser.open("https://status.apps.example.com/").await.status, 200);

    let first = browser.visit("https://portal.example.com/").await;
    assert_eq!(first.status, 200, "{}", first.text());
    let server = first.field("x-server").unwrap().to_owned();
    for _ in 0..5 {
        let again = browser.open("https://portal.example.com/").await;
        assert_eq!((again.status, again.field("x-server")), (200, Some(&*server)));
    }
    assert_eq!(browser.open("https://portal.example.com/finance/").await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn api_takes_bearer_tokens_by_scope() {
    let ci = FaultProvider::start().await;
    let second = EchoUpstream::start("b").await;
    let copied = Copied::of("api.yaml")
        .await
        .with_issuer("https://login.example.com")
        .with("issuer: https://token.actions.githubusercontent.com", &format!("issuer: {}", ci.issuer()))
        .with_server("10.0.1.1:8080")
        .with("10.0.1.2:8080", &second.address())
        .with("0.0.0.0:8080", "\"<listen>\"");
    let node = copied.start().await;
    copied.names.set("orders.example.com", node.port());
    let machine = Browser::new(&copied.names);
    let url = "http://orders.example.com/orders/7";
    let ask = async |method: Method, token: &str| {
        let field = format!("Bearer {token}");
        machine.send(method, url, &[("authorization", &field)], None).await
    };
    let audience = "https://orders.example.com";

    let nobody = machine.open(url).await;
    assert_eq!((nobody.status, nobody.field("location")), (401, None));
    assert!(nobody.field("www-authenticate").unwrap().starts_with("Bearer"));

    let reader = copied.provider.access_token("robot", json!({ "aud": audience, "scope": "orders.read" }));
    assert_eq!(ask(Method::GET, &reader).await.status, 200);
    assert_eq!(ask(Method::POST, &reader).await.status, 403);
    let writer = copied
        .provider
        .access_token("robot", json!({ "aud": audience, "scope": "orders.read orders.write" }));
    assert_eq!(ask(Method::POST, &writer).await.status, 200);
    let elsewhere = copied.provider.access_token("robot", json!({ "scope": "orders.read" }));
    assert_eq!(ask(Method::GET, &elsewhere).await.status, 401);

    let claims =
        json!({ "aud": audience, "scope": null, "repository": "example/orders", "ref": "refs/heads/main" });
    let deployer = ci.signed("JWT", &ci.access_claims("repo:example/orders", claims));
    let answer = ask(Method::GET, &deployer).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn single_page_application_gets_401_until_it_signs_in() {
    let api = [EchoUpstream::start("api-1").await, EchoUpstream::start("api-2").await];
    let copied = Copied::of("single-page-app.yaml")
        .await
        .with_issuer("https://login.example.com")
        .with_server("10.0.0.20:8080")
        .with("10.0.0.21:8080", &api[0].address())
        .with("10.0.0.22:8080", &api[1].address())
        .with_tls(&["spa.example.com"]);
    let _node = copied.start().await;
    let browser = copied.browser(&["spa.example.com"]);

    assert_eq!(browser.open("https://spa.example.com/").await.status, 200);
    let refused = browser.fetch("https://spa.example.com/api/me").await;
    assert_eq!((refused.status, refused.field("location")), (401, None));

    let page = browser.visit("https://spa.example.com/.ostia/login?return=%2Fapp%2Forders").await;
    assert_eq!((page.status, page.path_and_query()), (200, "/app/orders"), "{}", page.text());
    let answer = browser.fetch("https://spa.example.com/api/me").await;
    assert_eq!(answer.status, 200);
    assert!(answer.field("x-server").unwrap().starts_with("api-"));
}

/// A line for a key ring.
fn key_line() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    let line: String = (0..4).map(|word| format!("{:016x}", RandomState::new().hash_one(word))).collect();
    ostia_testkit::secrets::keep(&line);
    format!("{line}\n")
}
