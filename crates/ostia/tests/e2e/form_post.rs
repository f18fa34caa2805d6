//! L13: the answer of a provider in a form, past the cookies that a form of another site does not carry.

use ostia_testkit::{Browser, Form, Page};

use crate::world::{APP, POLICIES, ROUTES, World, flow_cookies, has_session};

struct Posting {
    world: World,
    _node: ostia_testkit::Ostia,
    browser: Browser,
}

impl Posting {
    async fn start() -> Self {
        let world = World::new().await;
        let provider = world.provider_keys("app.localhost", 2) + "  response_mode: form_post\n";
        let yaml = [
            "provider:\n",
            &provider,
            &world.sessions_section(""),
            POLICIES,
            &world.upstream_section(),
            ROUTES,
        ]
        .concat();
        let node = world.start(&yaml).await;
        let browser = Browser::new(&world.names);
        Self { world, _node: node, browser }
    }

    /// The form that the provider's page would post.
    async fn form_of_the_provider(&self, path: &str) -> Form {
        let page = self.browser.visit(&format!("{APP}{path}")).await;
        assert!(page.url.as_str().starts_with(self.world.provider.issuer()), "{}", page.url);
        page.form().unwrap()
    }
}

/// The page of ours, and what it posts.
fn once_more(page: &Page) -> Form {
    assert_eq!((page.status, page.url.path()), (200, "/.ostia/callback"), "{}", page.text());
    assert_eq!(page.field("cache-control"), Some("no-store"));
    assert_eq!(page.field("referrer-policy"), Some("no-referrer"));
    let policy = page.field("content-security-policy").unwrap();
    assert!(policy.contains("script-src 'sha256-") && policy.contains("frame-ancestors 'none'"), "{policy}");
    page.form().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_by_form_ends_on_its_page_and_no_address_holds_a_code() {
    let posting = Posting::start().await;
    let form = posting.form_of_the_provider("/deep%2Flink?x=%2B+1").await;
    let asked = &posting.world.provider.calls("/authorize")[0];
    assert_eq!(asked["response_mode"], "form_post");
    let page = posting.browser.submit_from_elsewhere(&form).await;
    let again = once_more(&page);
    assert!(!has_session(&posting.browser), "nothing is decided before the browser's own cookie is there");
    assert_eq!(posting.world.provider.calls("/token").len(), 0, "and no code is spent");
    let page = posting.browser.submit(&again).await;
    assert_eq!((page.status, page.path_and_query()), (200, "/deep%2Flink?x=%2B+1"), "{}", page.text());
    assert!(has_session(&posting.browser));
    assert_eq!(flow_cookies(&posting.browser), Vec::<String>::new());
    assert!(page.trail.iter().all(|url| !url.as_str().contains("code=")), "{:?}", page.trail);
    assert_eq!(posting.world.provider.token_calls("authorization_code"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_not_the_answer_to_this_browser_makes_no_session_and_no_third_hop() {
    let posting = Posting::start().await;
    let form = posting.form_of_the_provider("/x").await;
    // Login CSRF: the attacker's form in a browser that never began this login.
    let victim = Browser::new(&posting.world.names);
    let again = once_more(&victim.submit_from_elsewhere(&form).await);
    let page = victim.submit(&again).await;
    assert!(!has_session(&victim));
    assert!(
        page.url.as_str().starts_with(posting.world.provider.issuer()),
        "begins a login of its own: {}",
        page.url
    );
    assert_eq!(posting.world.provider.calls("/token").len(), 0, "a code that is not ours is not spent");
    // Forged ones.
    for (what, form) in [
        ("no state", form.clone().with("state", "")),
        ("another state", form.clone().with("state", "x")),
        ("another issuer", form.clone().with("iss", "https://other.example")),
        ("an endless one", form.clone().with("code", &"x".repeat(20_000))),
    ] {
        let page = posting.browser.submit_from_elsewhere(&form).await;
        let page = match page.status {
            200 => posting.browser.submit(&once_more(&page)).await,
            _ => page,
        };
        assert!((400..500).contains(&page.status), "{what}: {} {}", page.status, page.text());
        assert!(page.field("content-type").unwrap().starts_with("text/html"), "{what}: a page for a person");
        assert!(!has_session(&posting.browser), "{what}");
    }
    assert_eq!(posting.world.provider.calls("/token").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_by_form_is_told_and_clears_the_login() {
    let posting = Posting::start().await;
    posting.world.provider.behave(|b| b.authorization_error = Some("access_denied".to_owned()));
    let form = posting.form_of_the_provider("/x").await;
    let again = once_more(&posting.browser.submit_from_elsewhere(&form).await);
    let page = posting.browser.submit(&again).await;
    assert_eq!((page.status, page.url.path()), (403, "/.ostia/callback"), "{}", page.text());
    assert!(page.field("content-type").unwrap().starts_with("text/html"));
    assert_eq!(flow_cookies(&posting.browser), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_provider_answers_by_form_none_is_read() {
    let (_world, _node, browser) = World::with_node().await;
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let page = browser
        .send(http::Method::POST, &format!("{APP}/.ostia/callback"), &form, Some("code=a&state=b"))
        .await;
    assert_eq!((page.status, page.field("allow")), (405, Some("GET, HEAD")));
    let page =
        browser.send(http::Method::POST, &format!("{APP}/.ostia/callback?code=a&state=b"), &[], None).await;
    assert_eq!(page.status, 405);
}
