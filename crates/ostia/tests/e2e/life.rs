//! One person, one session, one provider that is known by its preset.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use ostia_testkit::{Browser, DialectProvider, Ostia, Page, eventually};

use crate::world::{APP, World, has_session};

/// A page that only staff may see.
const PAGE: &str = "/reports/2026?quarter=%31&x=a+b";
/// On a busy machine.
const SOON: Duration = Duration::from_secs(30);

/// A node that knows the provider by its preset, and a browser.
pub(crate) struct Life {
    pub(crate) provider: DialectProvider,
    world: World,
    _node: Ostia,
    browser: Browser,
}

impl Life {
    /// Begins: `staff` are the claims that make a member of the staff, `more` further keys of the provider.
    pub(crate) async fn begin(provider: DialectProvider, staff: &str, more: &[String]) -> Self {
        let world = World::new().await;
        let (id, secret) = provider.client();
        let keys = [
            format!("preset: {}", provider.dialect().preset()),
            format!("issuer: {}", provider.issuer()),
            format!("client_id: {id}"),
            format!("client_secret: {secret}"),
            format!("redirect_uri: {APP}/.ostia/callback"),
        ];
        let keys: String = keys.iter().chain(more).map(|key| format!("  {key}\n")).collect();
        let yaml = format!(
            "provider:\n{keys}{}policies:\n  staff: {{ claims: {{ {staff} }} }}\n  \
             verified: {{ when: claims.email_verified == true }}\n{}routes:\n  \
             - {{ host: app.localhost, allow: staff, upstream: app }}\n  \
             - {{ host: app.localhost, path: /verified/, allow: verified, upstream: app }}\n",
            world.sessions_section(""),
            world.upstream_section(),
        );
        let node = world.start(&yaml).await;
        let browser = Browser::new(&world.names);
        Self { provider, world, _node: node, browser }
    }

    /// Tokens are refreshed in the last half of their life.
    pub(crate) fn refreshes_soon(&self) {
        self.provider.set(|scene| scene.access_token_seconds = 4);
    }

    /// Types the address of the page and goes wherever that leads.
    pub(crate) async fn visit(&self) -> Page {
        self.browser.visit(&format!("{APP}{PAGE}")).await
    }

    /// Signs in and lands on the page, byte for byte.
    pub(crate) async fn signs_in(&self) {
        let page = self.visit().await;
        assert_eq!((page.status, page.path_and_query()), (200, PAGE), "{}", page.text());
        assert_eq!(self.world.app.last().target(), PAGE);
    }

    /// The answer to a script on the page.
    pub(crate) async fn status(&self) -> u16 {
        self.status_of(PAGE).await
    }

    /// The answer to a script that asks for another path.
    pub(crate) async fn status_of(&self, path: &str) -> u16 {
        self.browser.fetch(&format!("{APP}{path}")).await.status
    }

    /// Waits until the session says something new.
    pub(crate) async fn until(&self, status: u16) {
        eventually(&format!("the answer is {status}"), SOON, async || {
            (self.status().await == status).then_some(())
        })
        .await;
    }

    /// Waits for another refresh.
    pub(crate) async fn has_refreshed(&self) {
        let before = self.provider.token_calls("refresh_token");
        eventually("the session is refreshed", SOON, async || {
            self.status().await;
            (self.provider.token_calls("refresh_token") > before).then_some(())
        })
        .await;
    }

    /// Signs out, wherever that leads.
    pub(crate) async fn signs_out(&self) {
        let ask = self.browser.open(&format!("{APP}/.ostia/logout")).await;
        let page = self.browser.submit(&ask.form().expect("a page with a button")).await;
        assert_eq!((page.status, page.url.path()), (200, "/.ostia/signed-out"), "{}", page.text());
        assert!(!has_session(&self.browser));
    }

    /// The provider saw one way out, with these parameters.
    pub(crate) fn was_left_by(&self, parameters: &[&str]) {
        let calls = self.provider.calls("logout");
        assert_eq!(calls.len(), 1);
        let mut names: Vec<&str> = calls[0].keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, parameters);
    }

    /// The refresh token was revoked.
    pub(crate) async fn gave_tokens_back(&self) {
        eventually("the refresh token is revoked", SOON, async || {
            (self.provider.calls("revoke").len() == 1).then_some(())
        })
        .await;
    }
}

/// A file for the eyes of its owner only.
pub(crate) fn write_private(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
