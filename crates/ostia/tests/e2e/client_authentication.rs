//! L13: how a certified provider knows us, and how tokens are bound, on the real binary.

use std::time::Duration;

use ostia_testkit::{Authority, Browser, NodeProvider, Ostia, Page, Registration, Signer, eventually};
use serde_json::{Value, json};

use crate::world::{APP, BINARY, POLICIES, ROUTES, World, has_session};

/// A node whose only provider is a certified one.
struct Strict {
    world: World,
    provider: NodeProvider,
    node: Ostia,
    browser: Browser,
}

impl Strict {
    /// `client` and `options` as of [`NodeProvider::start_with`]; `keys` are further lines of `provider`.
    async fn start(access_token_seconds: u64, client: Value, options: Value, keys: &str) -> Self {
        let world = World::new().await;
        let provider = provider(access_token_seconds, client, options).await;
        let yaml = config(&world, &provider, keys);
        let node = world.start(&yaml).await;
        let browser = Browser::new(&world.names);
        Self { world, provider, node, browser }
    }

    async fn sign_in(&self, path: &str) -> Page {
        let page = self.browser.visit(&format!("{APP}{path}")).await;
        self.browser.sign_in(page, "ana").await
    }

    async fn calls(&self, what: &str) -> usize {
        self.provider.calls().await.get(what).copied().unwrap_or_default()
    }
}

async fn provider(access_token_seconds: u64, client: Value, options: Value) -> NodeProvider {
    let registration = Registration {
        redirect_uris: vec![format!("{APP}/.ostia/callback")],
        post_logout_redirect_uris: vec![format!("{APP}/.ostia/signed-out")],
        access_token_seconds,
    };
    NodeProvider::start_with(&registration, client, options).await
}

fn config(world: &World, provider: &NodeProvider, keys: &str) -> String {
    let section = format!(
        "provider:\n  issuer: {}\n  client_id: ostia\n  redirect_uri: {APP}/.ostia/callback\n  \
         scopes: [openid, profile, email, groups, offline_access]\n  authorize_params: {{ prompt: consent }}\n\
         {keys}",
        provider.issuer()
    );
    let routes: String =
        ROUTES.lines().filter(|line| !line.contains("api.localhost")).map(|l| format!("{l}\n")).collect();
    [section, world.sessions_section(""), POLICIES.to_owned(), world.upstream_section(), routes].concat()
}

/// The key in a file, and as it is registered.
fn client_key(world: &World, name: &str) -> (String, Value) {
    let key = Signer::new("");
    let path = world.shared.path().join(name);
    std::fs::write(&path, key.private_pem()).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let mut jwk = key.jwk();
    jwk["kid"] = key.thumbprint().into();
    (path.display().to_string(), json!({ "keys": [jwk] }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_statement_is_all_that_a_certified_provider_gets_of_us() {
    let world = World::new().await;
    let (key_file, jwks) = client_key(&world, "client.key");
    let client = json!({
        "client_secret": null, "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256", "jwks": jwks,
    });
    let keys = format!("  token_endpoint_auth_method: private_key_jwt\n  key_file: {key_file}\n");
    let strict = Strict::start(2, client, json!({}), &keys).await;
    let page = strict.sign_in("/deep?x=1").await;
    assert_eq!((page.status, page.path_and_query()), (200, "/deep?x=1"), "{}", page.text());
    // Each refresh has a statement of its own: this provider takes none twice.
    eventually("two refreshes", Duration::from_secs(30), async || {
        assert_eq!(strict.browser.fetch(&format!("{APP}/x")).await.status, 200);
        (strict.calls("POST /token").await >= 3).then_some(())
    })
    .await;
    assert!(strict.provider.errors().iter().all(|line| !line.contains("server_error")));

    // Another key is not this client; a reload brings the right one back without a restart.
    let right = std::fs::read(&key_file).unwrap();
    std::fs::write(&key_file, Signer::new("").private_pem()).unwrap();
    strict.node.succeeds(&["reload"]).await;
    let stranger = Browser::new(&strict.world.names);
    let page = stranger.visit(&format!("{APP}/")).await;
    let page = stranger.sign_in(page, "bo").await;
    assert_eq!(page.status, 500, "{}", page.text());
    assert!(page.text().contains("invalid_client") && !has_session(&stranger), "{}", page.text());
    std::fs::write(&key_file, right).unwrap();
    strict.node.succeeds(&["reload"]).await;
    let page = stranger.visit(&format!("{APP}/")).await;
    assert_eq!(stranger.sign_in(page, "bo").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_wants_it_gets_the_request_pushed_and_the_browser_carries_its_name_alone() {
    let secret = json!({});
    for (options, key) in [(json!({ "requirePushed": true }), "auto"), (json!({}), "always")] {
        let provider_keys =
            |secret: &str| format!("  client_secret: {secret}\n  pushed_authorization_requests: {key}\n");
        let strict = Strict::start(
            600,
            secret.clone(),
            options,
            &provider_keys("the-secret-of-the-client-at-node-012345"),
        )
        .await;
        let page = strict.browser.open(&format!("{APP}/deep?x=1")).await;
        let names: Vec<String> =
            page.location().unwrap().query_pairs().map(|(name, _)| name.into_owned()).collect();
        assert_eq!(names, ["client_id", "request_uri"], "{key}");
        let page = strict.browser.follow(page).await;
        let page = strict.browser.sign_in(page, "ana").await;
        assert_eq!((page.status, page.path_and_query()), (200, "/deep?x=1"), "{}", page.text());
        assert_eq!(strict.calls("POST /request").await, 1, "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_bound_to_a_key_that_every_node_finds_in_the_session() {
    for dpop_nonce in [false, true] {
        let client = json!({ "dpop_bound_access_tokens": true });
        let keys = "  client_secret: the-secret-of-the-client-at-node-012345\n  dpop: true\n";
        // Long enough that the node of the sign-in does not refresh, too.
        let strict = Strict::start(6, client, json!({ "dpopNonce": dpop_nonce }), keys).await;
        let page = strict.sign_in("/").await;
        assert_eq!(page.status, 200, "{}", page.text());
        let at_least = if dpop_nonce { 2 } else { 1 };
        assert!(strict.calls("POST /token").await >= at_least, "once more with the nonce of the provider");
        // A node that has never seen this session, nor the provider's nonce, refreshes it with the same key.
        let other = Ostia::start(BINARY, &config(&strict.world, &strict.provider, keys)).await;
        strict.world.lead_to(&other);
        eventually("refreshes with a proof", Duration::from_secs(30), async || {
            assert_eq!(strict.browser.fetch(&format!("{APP}/x")).await.status, 200);
            let metrics = other.metrics().await;
            let renewed = metrics.sum("ostia_session_refreshes_total", &[("outcome", "renewed")]);
            (renewed >= 2.0).then_some(())
        })
        .await;
        let ended = other.metrics().await.sum("ostia_session_refreshes_total", &[("outcome", "ended")]);
        assert_eq!(ended, 0.0, "{dpop_nonce}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_in_the_handshake_is_all_that_a_provider_gets_of_us() {
    let world = World::new().await;
    let folder = world.shared.path();
    let authority = Authority::new();
    let server = authority.issue(folder, &["127.0.0.1"]);
    let client = authority.issue(folder, &["ostia.client.example.com"]);
    let ca_file = folder.join("root.pem");
    std::fs::write(&ca_file, authority.root_pem()).unwrap();
    let text = |path: &std::path::Path| std::fs::read_to_string(path).unwrap();
    let tls = json!({ "tls": {
        "key": text(&server.key_file), "cert": text(&server.cert_file), "ca": authority.root_pem(),
    } });
    let registered = json!({
        "client_secret": null, "token_endpoint_auth_method": "tls_client_auth",
        "tls_client_auth_san_dns": "ostia.client.example.com",
    });
    let provider = provider(600, registered, tls).await;
    assert!(provider.issuer().starts_with("https://"));
    let keys = |certificate: &ostia_testkit::Issued| {
        format!(
            "  token_endpoint_auth_method: tls_client_auth\n  cert_file: {}\n  key_file: {}\n  ca_file: {}\n",
            certificate.cert_file.display(),
            certificate.key_file.display(),
            ca_file.display()
        )
    };
    let node = world.start(&config(&world, &provider, &keys(&client))).await;
    let browser = Browser::trusting(&world.names, authority.root_pem());
    let page = browser.visit(&format!("{APP}/deep?x=1")).await;
    let page = browser.sign_in(page, "ana").await;
    assert_eq!((page.status, page.path_and_query()), (200, "/deep?x=1"), "{}", page.text());
    drop(node);

    // A certificate of the same authority with another name is another client.
    let other = authority.issue(folder, &["other.client.example.com"]);
    let _node = world.start(&config(&world, &provider, &keys(&other))).await;
    let stranger = Browser::trusting(&world.names, authority.root_pem());
    let page = stranger.visit(&format!("{APP}/")).await;
    let page = stranger.sign_in(page, "bo").await;
    assert_eq!(page.status, 500, "{}", page.text());
    assert!(page.text().contains("invalid_client") && !has_session(&stranger), "{}", page.text());
}
