//! Two providers that sign people in on one host.

use ostia_testkit::{Browser, FaultProvider, Ostia};
use serde_json::json;

use crate::world::{APP, World};

/// `corp` and `partners`: both under `/both/`, one each under its own name.
pub(crate) struct Two {
    pub(crate) corp: World,
    pub(crate) partners: FaultProvider,
    pub(crate) node: Ostia,
    pub(crate) browser: Browser,
}

impl Two {
    /// A node with [`Two::config`]. Ana is at `corp`, pia at `partners`.
    pub(crate) async fn begin(of_providers: &str, of_sessions: &str) -> Self {
        let (corp, partners) = (World::new().await, FaultProvider::start().await);
        partners.expect_person(json!({ "sub": "pia", "sid": "p-1", "groups": ["guests"] }));
        let yaml = config(&corp, &partners, of_providers, of_sessions);
        let node = corp.start(&yaml).await;
        let browser = Browser::new(&corp.names);
        Self { corp, partners, node, browser }
    }

    /// Signs in at both: ana first, then pia.
    pub(crate) async fn sign_in_at_both(&self) {
        for path in ["/corp/x", "/partners/x"] {
            assert_eq!(self.browser.visit(&format!("{APP}{path}")).await.status, 200, "{path}");
        }
    }

    /// Whom the application sees at a path, if anybody.
    pub(crate) async fn who(&self, path: &str) -> Option<String> {
        who(&self.corp, &self.browser, path).await
    }
}

/// Whom the application sees when this browser asks for a path.
pub(crate) async fn who(world: &World, browser: &Browser, path: &str) -> Option<String> {
    let page = browser.fetch(&format!("{APP}{path}")).await;
    assert!([200, 401].contains(&page.status), "{}: {}", page.status, page.text());
    (page.status == 200).then(|| world.app.last().field("x-forwarded-user").unwrap())
}

/// The configuration; `of_providers` is a line of both (`{name}` stands for the name), `of_sessions` further keys.
pub(crate) fn config(
    corp: &World,
    partners: &FaultProvider,
    of_providers: &str,
    of_sessions: &str,
) -> String {
    let keys = corp.provider_keys("app.localhost", 4);
    let section = |name: &str, keys: &str| {
        let keys = match of_providers.contains("callback: own") {
            true => keys.replace("/.ostia/callback", &format!("/.ostia/callback/{name}")),
            false => keys.to_owned(),
        };
        format!("  {name}:\n{keys}    {}\n", of_providers.replace("{name}", name))
    };
    let of_partners = keys.replace(corp.provider.issuer(), partners.issuer());
    format!(
        "providers:\n{}    display_name: Example & Söhne\n{}{}{}routes:\n  \
         - {{ host: app.localhost, path: /both/, provider: [corp, partners], allow: authenticated, upstream: app }}\n  \
         - {{ host: app.localhost, path: /corp/, provider: corp, allow: authenticated, upstream: app }}\n  \
         - {{ host: app.localhost, path: /partners/, provider: partners, allow: authenticated, upstream: app }}\n  \
         - {{ host: app.localhost, path: /open/, allow: anyone, upstream: app }}\n",
        section("corp", &keys),
        section("partners", &of_partners),
        corp.sessions_section(of_sessions),
        corp.upstream_section(),
    )
}
