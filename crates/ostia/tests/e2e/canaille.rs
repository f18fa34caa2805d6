//! The whole main job against a second, independent provider (`canaille`): login, refresh, logout.

use std::time::Duration;

use ostia_testkit::{Browser, CanailleProvider, Ostia, Page, Registration, eventually};

use crate::world::{APP, BINARY, POLICIES, ROUTES, World, has_session};

struct Second {
    provider: CanailleProvider,
    world: World,
    _node: Ostia,
}

impl Second {
    async fn start(access_token_seconds: u64) -> Self {
        let world = World::new().await;
        let provider = CanailleProvider::start(&Registration {
            redirect_uris: vec![format!("{APP}/.ostia/callback")],
            post_logout_redirect_uris: vec![format!("{APP}/.ostia/signed-out")],
            access_token_seconds,
        })
        .await;
        let section = format!(
            "provider:\n  issuer: {}\n  client_id: ostia\n  client_secret: {}\n  redirect_uri: {APP}/.ostia/callback\n  \
             scopes: [openid, profile, email, groups]\n  claims_from: [id_token, userinfo]\n",
            provider.issuer(),
            provider.client_secret(),
        );
        let routes: String =
            ROUTES.lines().filter(|line| !line.contains("api.localhost")).map(|l| format!("{l}\n")).collect();
        let yaml =
            [section, world.sessions_section(""), POLICIES.to_owned(), world.upstream_section(), routes]
                .concat();
        let node = Ostia::start(BINARY, &yaml).await;
        world.lead_to(&node);
        Self { provider, world, _node: node }
    }

    /// Through the pages of the provider: a name, then a password.
    async fn sign_in(&self, browser: &Browser, person: &str, path: &str) -> Page {
        let mut page = browser.visit(&format!("{APP}{path}")).await;
        for _ in 0..4 {
            let Some(form) = page.form().filter(|_| page.url.as_str().starts_with(self.provider.issuer()))
            else {
                break;
            };
            let form = if form.value("login").is_some() { form.with("login", person) } else { form };
            let form =
                if form.value("password").is_some() { form.with("password", "any-password") } else { form };
            page = browser.submit(&form).await;
        }
        page
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_of_a_second_provider_sign_in_are_told_apart_and_sign_out() {
    let second = Second::start(600).await;
    let ana = Browser::new(&second.world.names);
    let page = second.sign_in(&ana, "ana", "/deep%2Flink?x=%2B+1").await;
    assert_eq!(
        (page.status, page.path_and_query()),
        (200, "/deep%2Flink?x=%2B+1"),
        "{} {}",
        page.url,
        page.text()
    );
    let seen = second.world.app.last();
    assert_eq!(seen.field("x-forwarded-user").as_deref(), Some("ana"));
    assert_eq!(seen.field("x-forwarded-email").as_deref(), Some("ana@example.com"));
    assert_eq!(seen.field("x-forwarded-groups").as_deref(), Some("staff"));
    let bo = Browser::new(&second.world.names);
    assert_eq!(second.sign_in(&bo, "bo", "/").await.status, 403);

    let ask = ana.open(&format!("{APP}/.ostia/logout")).await;
    let page = ana.submit(&ask.form().unwrap()).await;
    assert!(!has_session(&ana));
    assert_eq!((page.status, page.url.path()), (200, "/.ostia/signed-out"), "{} {}", page.url, page.text());
    // Signed out there, too: the next visit asks for a name again.
    let page = ana.visit(&format!("{APP}/")).await;
    assert!(page.form().is_some_and(|form| form.value("login").is_some()), "{}", page.url);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_a_second_provider_are_refreshed() {
    let second = Second::start(2).await;
    let browser = Browser::new(&second.world.names);
    let page = second.sign_in(&browser, "ana", "/").await;
    assert_eq!(page.status, 200, "{} {}", page.url, page.text());
    eventually("three refreshes, each with a new token", Duration::from_secs(40), async || {
        assert_eq!(browser.fetch(&format!("{APP}/x")).await.status, 200);
        let calls = second.provider.calls().await;
        (calls["POST /oauth/token"] >= 4).then_some(())
    })
    .await;
    assert!(second.provider.errors().iter().all(|line| !line.contains("Traceback")));
}
