//! The main job in a real browser: Chromium through the certified provider, with screenshots in `artifacts/`.

use std::path::{Path, PathBuf};

use ostia_testkit::{Chromium, EchoUpstream, NodeProvider, Ostia, Registration, free_port};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::world::{BINARY, POLICIES, write_key_ring};

/// A node at `http://localhost:port`, where Chromium keeps `__Host-` cookies without TLS.
struct Site {
    origin: String,
    _node: Ostia,
    _provider: NodeProvider,
    app: EchoUpstream,
    _keys: TempDir,
}

impl Site {
    /// `sessions` are further keys of that section.
    async fn start(sessions: &str) -> Self {
        Self::start_with(sessions, "", "").await
    }

    /// The same with further lines of `provider` and further keys of the route `app`.
    async fn start_with(sessions: &str, provider_keys: &str, route_keys: &str) -> Self {
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
        let section = format!(
            "  issuer: {}\n  client_id: ostia\n  client_secret: {}\n  redirect_uri: {origin}/.ostia/callback\n  \
             scopes: [openid, profile, email, groups, offline_access]\n{provider_keys}",
            provider.issuer(),
            provider.client_secret(),
        );
        // The same provider under two names, where people are to choose.
        let providers = match route_keys.contains("provider: [here, away]") {
            true => {
                let inner: String = section.lines().map(|line| format!("  {line}\n")).collect();
                format!("providers:\n  here:\n{inner}  away:\n{inner}")
            }
            false => format!("provider:\n{section}"),
        };
        let yaml = format!(
            "listeners:\n  http: {{ bind: \"127.0.0.1:{port}\" }}\n{providers}\
             sessions: {{ keys_file: {}/session.keys{sessions} }}\n{POLICIES}\
             upstreams:\n  app: {{ servers: [\"{}\"] }}\n\
             routes:\n  \
               - {{ name: app, host: localhost, allow: staff, upstream: app{route_keys} }}\n  \
               - {{ name: finance, host: localhost, path: /finance/, allow: finance, upstream: app{route_keys} }}\n",
            keys.path().display(),
            app.address(),
        );
        let node = Ostia::start(BINARY, &yaml).await;
        Self { origin, _node: node, _provider: provider, app, _keys: keys }
    }

    /// Tells a story here; its pictures go to a folder of `name`.
    async fn tell(&self, story: &str, name: &str, mut facts: Value) -> (Value, PathBuf) {
        facts["origin"] = self.origin.as_str().into();
        let artefacts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../artifacts/chromium").join(name);
        (Chromium::new(&artefacts).tell(story, facts).await, artefacts)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_signs_in_goes_back_opens_tabs_is_denied_and_signs_out() {
    let site = Site::start("").await;
    let origin = &site.origin;
    let (saw, artefacts) = site.tell("story", "story", json!({})).await;
    assert_eq!(saw["afterLogin"], format!("{origin}/deep%2Flink?q=a+b%20c"));
    assert_eq!(saw["afterBack"], format!("{origin}/first"));
    assert_eq!(saw["afterBackToLogin"], format!("{origin}/deep%2Flink?q=a+b%20c"));
    assert_eq!(saw["tabs"], json!([format!("{origin}/tab/1?x=1"), format!("{origin}/tab/2?x=2")]));
    assert_eq!(saw["denied"], json!({ "status": 403, "url": format!("{origin}/finance/report") }));
    assert_eq!(saw["signedOut"], format!("{origin}/.ostia/signed-out"));
    assert_eq!(saw["afterSignOut"], "login", "the next visit asks for a name again");
    assert_eq!(saw["afterSignOutAndBack"], "/.ostia/signed-out");
    assert_eq!(saw["scriptCookies"], "", "no cookie of ours is visible to a script");
    assert_eq!(saw["violations"], json!([]), "our pages keep to their own content security policy");
    let shots = std::fs::read_dir(&artefacts).unwrap().count();
    assert!(shots >= 5, "{shots} screenshots in {}", artefacts.display());
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_keeps_the_fragment_over_a_login_where_it_is_asked_for() {
    let site = Site::start(", keep_fragment: true").await;
    let path = "/deep%2Flink?q=a+b%20c&y=%22%3E#/part/2?z=%2F";
    let (saw, _) = site.tell("deep_link", "fragment", json!({ "path": path })).await;
    assert_eq!(saw["afterLogin"], format!("{}{path}", site.origin));
    assert_eq!(saw["afterReload"], format!("{}{path}", site.origin));
    assert_eq!(saw["violations"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_signs_in_with_strict_cookies() {
    let site = Site::start(", cookie: { same_site: strict }").await;
    let (saw, _) = site.tell("deep_link", "strict", json!({ "path": "/deep%2Flink?q=a+b%20c" })).await;
    assert_eq!(saw["afterLogin"], format!("{}/deep%2Flink?q=a+b%20c", site.origin));
    assert_eq!(saw["violations"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_shows_the_logo_on_our_pages_and_runs_nothing_in_it() {
    let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
    let logo = folder.path().join("logo.svg");
    let picture = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"40\" height=\"20\">\
                   <script>window.top.ranInLogo = true</script><rect width=\"40\" height=\"20\" fill=\"teal\"/></svg>";
    std::fs::write(&logo, picture).unwrap();
    let yaml = format!(
        "listeners:\n  http: {{ bind: \"127.0.0.1:{port}\" }}\n\
         pages: {{ name: \"Example & Sons\", logo_file: {} }}\n\
         routes:\n  - {{ host: localhost, path: /there/, allow: anyone, upstream: \"127.0.0.1:1\" }}\n",
        logo.display()
    );
    let _node = Ostia::start(BINARY, &yaml).await;
    let artefacts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../artifacts/chromium/logo");
    let facts = json!({ "origin": format!("http://localhost:{port}"), "path": "/nowhere" });
    let saw = Chromium::new(&artefacts).tell("logo", facts).await;
    assert_eq!(saw["logo"], json!({ "alt": "Example & Sons", "width": 40, "shown": true }));
    assert_eq!((&saw["scripts"], &saw["violations"]), (&Value::Null, &json!([])));
}

/// L13. The provider's form comes from another site, so Chromium sends no cookie of ours with it.
#[tokio::test(flavor = "multi_thread")]
async fn chromium_signs_in_by_a_form_with_lax_and_with_strict_cookies() {
    for (sessions, name) in [("", "form-post"), (", cookie: { same_site: strict }", "form-post-strict")] {
        let site = Site::start_with(sessions, "  response_mode: form_post\n", "").await;
        let (saw, _) = site.tell("deep_link", name, json!({ "path": "/deep%2Flink?q=a+b%20c" })).await;
        assert_eq!(saw["afterLogin"], format!("{}/deep%2Flink?q=a+b%20c", site.origin), "{name}");
        assert_eq!(saw["violations"], json!([]), "{name}");
    }
}

/// L2.
#[tokio::test(flavor = "multi_thread")]
async fn chromium_posts_a_form_again_that_was_kept_over_a_login() {
    let site = Site::start_with("", "", ", keep_form: true").await;
    let fields = json!([["text", "Ünï & <b>\"two\"\nlines</b>"], ["submit", "1"], ["a", "1"], ["a", "2"]]);
    let (saw, _) =
        site.tell("kept_form", "kept-form", json!({ "path": "/save?x=%2B1", "fields": fields })).await;
    assert_eq!(saw["afterLogin"], format!("{}/save?x=%2B1", site.origin));
    assert_eq!((&saw["left"], &saw["violations"]), (&json!(0), &json!([])));
    let posted: Vec<_> = site.app.seen().into_iter().filter(|seen| seen.target() == "/save?x=%2B1").collect();
    assert_eq!(posted.len(), 1, "once, and by nobody who had not signed in");
    assert!(posted[0].head.starts_with("POST "), "{}", posted[0].head);
    let body = String::from_utf8_lossy(&posted[0].body).into_owned();
    // The page that posted first says no encoding, so Chromium sent bytes of windows-1252.
    assert_eq!(body, "text=%DCn%EF+%26+%3Cb%3E%22two%22%0D%0Alines%3C%2Fb%3E&submit=1&a=1&a=2");
}

/// L2. The page where people choose stands in between.
#[tokio::test(flavor = "multi_thread")]
async fn chromium_keeps_fragment_and_form_over_a_choice_of_providers() {
    let keys = ", provider: [here, away], keep_form: true";
    let site = Site::start_with(", keep_fragment: true", "", keys).await;
    let path = "/deep%2Flink?q=a+b%20c#/part/2?z=%2F";
    let (saw, _) = site.tell("deep_link", "choice", json!({ "path": path, "choose": "away" })).await;
    assert_eq!(saw["afterLogin"], format!("{}{path}", site.origin));
    assert_eq!(saw["violations"], json!([]));
    let fields = json!([["a", "1"], ["b", "2 3"]]);
    let facts = json!({ "path": "/save?x=%2B1", "fields": fields, "choose": "here" });
    let (saw, _) = site.tell("kept_form", "choice-form", facts).await;
    assert_eq!(saw["afterLogin"], format!("{}/save?x=%2B1", site.origin));
    assert_eq!(saw["violations"], json!([]));
    let posted: Vec<_> = site.app.seen().into_iter().filter(|seen| seen.target() == "/save?x=%2B1").collect();
    assert_eq!(posted.len(), 1, "once, and by nobody who had not signed in");
    assert_eq!(String::from_utf8_lossy(&posted[0].body), "a=1&b=2+3");
}
