//! L12: access tokens of known providers, by `preset`, issuer and audience alone.

use ostia_testkit::{Dialect, DialectProvider, raw};

use crate::world::World;

/// What a token of each has to name to be ours.
const AUDIENCES: [(Dialect, &str); 4] = [
    (Dialect::Okta, "api://default"),
    // No audience at all: the client stands for it.
    (Dialect::Cognito, "0oa-ostia"),
    (Dialect::Keycloak, "account"),
    (Dialect::Entra, "77777777-2222-3333-4444-555555555555"),
];

#[tokio::test(flavor = "multi_thread")]
async fn machines_enter_with_tokens_of_known_providers_by_preset_and_audience() {
    let world = World::new().await;
    let (mut providers, mut sections) = (Vec::new(), String::from("providers:\n"));
    for (dialect, audience) in AUDIENCES {
        let provider = DialectProvider::start(dialect).await;
        let name = dialect.preset();
        sections.push_str(&format!(
            "  {name}: {{ preset: {name}, issuer: \"{}\", audience: \"{audience}\"{} }}\n",
            provider.issuer(),
            if dialect == Dialect::Entra {
                ", allowed_tenants: [11111111-2222-3333-4444-555555555555]"
            } else {
                ""
            }
        ));
        providers.push(provider);
    }
    let yaml = format!(
        "{sections}policies:\n  staff: {{ claims: {{ groups: [staff] }} }}\n{}routes:\n  \
         - {{ host: app.localhost, provider: [okta, cognito, keycloak, entra], allow: staff, upstream: app }}\n",
        world.upstream_section()
    );
    let node = world.start(&yaml).await;
    let status = async |token: &str| {
        let head = format!("GET /x HTTP/1.1\r\nHost: app.localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
        raw::send(node.port(), head).await.unwrap().status
    };
    for provider in &providers {
        let dialect = provider.dialect();
        assert_eq!(status(&provider.api_token()).await, 200, "{dialect:?}");
        assert_eq!(status(&provider.id_token()).await, 401, "{dialect:?}: an ID token opens no API");
        provider.set(|scene| scene.groups = vec!["visitors".to_owned()]);
        assert_eq!(status(&provider.api_token()).await, 403, "{dialect:?}");
    }
    let entra = providers.last().unwrap();
    entra.set(|scene| {
        scene.groups = vec!["staff".to_owned()];
        scene.tenant = "aaaaaaaa-2222-3333-4444-555555555555".to_owned();
    });
    assert_eq!(status(&entra.api_token()).await, 401, "of a tenant that nobody allowed");
}
