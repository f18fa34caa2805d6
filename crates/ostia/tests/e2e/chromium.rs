//! The main job in a real browser: Chromium through the certified provider, with screenshots in `artifacts/`.

use std::path::Path;

use ostia_testkit::{Chromium, EchoUpstream, NodeProvider, Ostia, Registration, free_port};
use serde_json::json;

use crate::world::{BINARY, POLICIES, write_key_ring};

#[tokio::test(flavor = "multi_thread")]
async fn chromium_signs_in_goes_back_opens_tabs_is_denied_and_signs_out() {
    let port = free_port();
    let origin = format!("http://localhost:{port}");
    let provider = NodeProvider::start(&Registration {
        redirect_uris: vec![format!("{origin}/.ostia/callback")],
        post_logout_redirect_uris: vec![format!("{origin}/.ostia/signed-out")],
        access_token_seconds: 600,
    })
    .await;
    let app = EchoUpstream::start("app-1").await;
    let keys = tempfile::tempdir().unwrap();
    write_key_ring(keys.path());
    let yaml = format!(
        "listeners:\n  http: {{ bind: \"127.0.0.1:{port}\" }}\nprovider:\n  issuer: {}\n  client_id: ostia\n  client_secret: {}\n  \
         redirect_uri: {origin}/.ostia/callback\n  scopes: [openid, profile, email, groups, offline_access]\n\
         sessions: {{ keys_file: {}/session.keys }}\n{POLICIES}upstreams:\n  app: {{ servers: [\"{}\"] }}\nroutes:\n  \
         - {{ name: app, host: localhost, allow: staff, upstream: app }}\n  \
         - {{ name: finance, host: localhost, path: /finance/, allow: finance, upstream: app }}\n",
        provider.issuer(),
        provider.client_secret(),
        keys.path().display(),
        app.address(),
    );
    let node = Ostia::start(BINARY, &yaml).await;
    let artefacts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../artifacts/chromium");
    let saw = Chromium::new(&artefacts).tell("story", json!({ "origin": origin })).await;

    assert_eq!(saw["afterLogin"], format!("{origin}/deep%2Flink?q=a+b%20c"));
    assert_eq!(saw["afterBack"], format!("{origin}/first"));
    assert_eq!(saw["tabs"], json!([format!("{origin}/tab/1?x=1"), format!("{origin}/tab/2?x=2")]));
    assert_eq!(saw["denied"]["status"], 403);
    assert_eq!(saw["denied"]["url"], format!("{origin}/finance/report"));
    assert_eq!(saw["signedOut"], format!("{origin}/.ostia/signed-out"));
    assert_eq!(saw["afterSignOut"], "login", "the next visit asks for a name again");
    assert_eq!(saw["scriptCookies"], "", "no cookie of ours is visible to a script");
    assert_eq!(saw["consoleErrors"], json!([]), "our pages keep to their own content security policy");
    let shots = std::fs::read_dir(&artefacts).unwrap().count();
    assert!(shots >= 5, "{shots} screenshots in {}", artefacts.display());
    drop(node);
}
