//! The whole main job against a certified provider (`oidc-provider`): login, refresh, logout, bearer, wrong audience,
//! key rotation.

use std::time::Duration;

use ostia_testkit::{Browser, EchoUpstream, NodeProvider, Ostia, Registration, eventually, raw};

use crate::world::{APP, BINARY, POLICIES, ROUTES, World, has_session};

struct Certified {
    provider: NodeProvider,
    world: World,
    node: Ostia,
}

impl Certified {
    async fn start(access_token_seconds: u64, audience: &str) -> Self {
        let world = World::new().await;
        let provider = NodeProvider::start(&Registration {
            redirect_uris: vec![format!("{APP}/.ostia/callback")],
            post_logout_redirect_uris: vec![format!("{APP}/.ostia/signed-out")],
            access_token_seconds,
        })
        .await;
        let section = format!(
            "provider:\n  issuer: {}\n  client_id: ostia\n  client_secret: {}\n  redirect_uri: {APP}/.ostia/callback\n  \
             scopes: [openid, profile, email, groups, offline_access]\n  authorize_params: {{ prompt: consent }}\n  \
             access_token: {{ audience: {audience} }}\n",
            provider.issuer(),
            provider.client_secret(),
        );
        let policies = POLICIES.to_owned() + "  reader: { scope: [orders.read] }\n";
        let routes =
            ROUTES.replace("credentials: [bearer], allow: staff", "credentials: [bearer], allow: reader");
        let yaml = [section, world.sessions_section(""), policies, world.upstream_section(), routes].concat();
        let node = Ostia::start(BINARY, &yaml).await;
        world.lead_to(&node);
        Self { provider, world, node }
    }

    async fn sign_in(&self, browser: &Browser, person: &str, path: &str) -> ostia_testkit::Page {
        let page = browser.visit(&format!("{APP}{path}")).await;
        browser.sign_in(page, person).await
    }

    async fn ask(&self, token: &str) -> raw::Answer {
        let head =
            format!("GET /orders HTTP/1.1\r\nHost: api.localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
        raw::send(self.node.port(), head).await.unwrap()
    }

    fn app(&self) -> &EchoUpstream {
        &self.world.app
    }
}

const AUDIENCE: &str = "https://api.example.com";

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_are_told_apart_and_sign_out() {
    let certified = Certified::start(600, AUDIENCE).await;
    let ana = Browser::new(&certified.world.names);
    let page = certified.sign_in(&ana, "ana", "/deep%2Flink?x=%2B+1").await;
    assert_eq!((page.status, page.path_and_query()), (200, "/deep%2Flink?x=%2B+1"), "{}", page.text());
    let seen = certified.app().last();
    assert_eq!(seen.field("x-forwarded-user").as_deref(), Some("ana"));
    assert_eq!(seen.field("x-forwarded-email").as_deref(), Some("ana@example.com"));
    assert_eq!(seen.field("x-forwarded-groups").as_deref(), Some("staff,finance"));
    assert_eq!(ana.fetch(&format!("{APP}/finance/x")).await.status, 200);

    let bo = Browser::new(&certified.world.names);
    assert_eq!(certified.sign_in(&bo, "bo", "/").await.status, 200);
    assert_eq!(bo.fetch(&format!("{APP}/finance/x")).await.status, 403);
    let stranger = Browser::new(&certified.world.names);
    assert_eq!(certified.sign_in(&stranger, "stranger", "/").await.status, 403);

    let ask = ana.open(&format!("{APP}/.ostia/logout")).await;
    let page = ana.submit(&ask.form().unwrap()).await;
    assert!(!has_session(&ana));
    // The provider asks once more; then it sends the browser back.
    let page = match page.form() {
        Some(form) if form.value("xsrf").is_some() => ana.submit(&form.with("logout", "yes")).await,
        _ => page,
    };
    assert_eq!((page.status, page.url.path()), (200, "/.ostia/signed-out"), "{}", page.text());
    // Signed out there, too: the next visit asks for a name again.
    let page = ana.visit(&format!("{APP}/")).await;
    assert_eq!(
        page.form().and_then(|form| form.value("prompt").map(str::to_owned)).as_deref(),
        Some("login")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_refresh_with_rotating_tokens() {
    let certified = Certified::start(2, AUDIENCE).await;
    let browser = Browser::new(&certified.world.names);
    assert_eq!(certified.sign_in(&browser, "ana", "/").await.status, 200);
    let token_calls = async || certified.provider.calls().await["POST /token"];
    eventually("three refreshes, each with a new token", Duration::from_secs(30), async || {
        assert_eq!(browser.fetch(&format!("{APP}/x")).await.status, 200);
        (token_calls().await >= 4).then_some(())
    })
    .await;
    assert!(certified.provider.errors().iter().all(|line| !line.contains("server_error")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dark_provider_logs_nobody_out() {
    let certified = Certified::start(2, AUDIENCE).await;
    let browser = Browser::new(&certified.world.names);
    assert_eq!(certified.sign_in(&browser, "ana", "/").await.status, 200);
    certified.provider.go_dark().await;
    let started = std::time::Instant::now();
    eventually("the access token has ended long ago", Duration::from_secs(20), async || {
        assert_eq!(browser.fetch(&format!("{APP}/x")).await.status, 200);
        (started.elapsed() > Duration::from_secs(4)).then_some(())
    })
    .await;
    certified.provider.come_back().await;
    assert_eq!(browser.fetch(&format!("{APP}/x")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_comes_with_a_token_and_new_keys_are_found() {
    let certified = Certified::start(600, AUDIENCE).await;
    let token = certified.provider.robot_token().await;
    let answer = certified.ask(&token).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(certified.app().last().field("x-forwarded-user").as_deref(), Some("robot"));

    certified.provider.rotate_keys().await;
    let token = certified.provider.robot_token().await;
    let answer = certified.ask(&token).await;
    assert_eq!(answer.status, 200, "a new key passes at the first try: {}", answer.text());
    // And people sign in with tokens of the new RSA key.
    let browser = Browser::new(&certified.world.names);
    assert_eq!(certified.sign_in(&browser, "ana", "/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_another_audience_is_refused() {
    let certified = Certified::start(600, "https://another-api.example.com").await;
    let answer = certified.ask(&certified.provider.robot_token().await).await;
    assert_eq!(answer.status, 401);
    assert!(answer.field("www-authenticate").unwrap().contains("invalid_token"));
    assert_eq!(certified.app().count(), 0);
}
