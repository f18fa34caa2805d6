//! L9: a session of one provider never opens a route of another, even for the same name.

use ostia_testkit::{Browser, FaultProvider, raw};
use serde_json::json;

use crate::world::{APP, World};

#[tokio::test(flavor = "multi_thread")]
async fn neither_a_session_nor_a_token_of_one_provider_opens_a_route_of_another() {
    let world = World::new().await;
    let other = FaultProvider::start().await;
    let keys = world.provider_keys("app.localhost", 4);
    let providers = format!(
        "providers:\n  one:\n{keys}  two:\n{}{}",
        keys.replace(world.provider.issuer(), other.issuer()),
        world.sessions_section("")
    );
    let routes = "routes:\n  \
        - { host: app.localhost, path: /one/, provider: one, allow: authenticated, upstream: app }\n  \
        - { host: app.localhost, path: /two/, provider: two, allow: authenticated, upstream: app }\n";
    let node = world.start(&[&providers, &world.upstream_section(), routes].concat()).await;

    let browser = Browser::new(&world.names);
    assert_eq!(browser.visit(&format!("{APP}/one/x")).await.status, 200);
    let seen = world.app.count();
    assert_eq!(browser.fetch(&format!("{APP}/two/x")).await.status, 401);
    for (path, token, status) in [
        ("/one/x", world.provider.access_token("ana", json!({})), 200),
        ("/two/x", world.provider.access_token("ana", json!({})), 401),
        ("/two/x", other.access_token("ana", json!({})), 200),
        ("/one/x", other.access_token("ana", json!({})), 401),
        // Signed by one, in the name of the other; both sets have a key of this name.
        ("/two/x", world.provider.access_token("ana", json!({ "iss": other.issuer() })), 401),
    ] {
        let head =
            format!("GET {path} HTTP/1.1\r\nHost: app.localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
        assert_eq!(raw::send(node.port(), head).await.unwrap().status, status, "{path}");
    }
    assert_eq!(world.app.count(), seen + 2);
    // It takes a login there.
    assert_eq!(browser.visit(&format!("{APP}/two/x")).await.status, 200);
    assert_eq!(other.token_calls("authorization_code"), 1);
}
