//! Several providers: people choose on a route that takes several, and each of many keeps to itself.

use ostia_testkit::{Browser, Page, raw};
use url::Url;

use crate::two_providers::Two;
use crate::world::{APP, World, request};

/// A page whose address has to survive byte for byte.
const PAGE: &str = "/both/a%2Fb?q=%20&&x=1+2&provider=evil&return=//evil";

/// The links of the page where people choose: what they say, and where they lead.
fn choices(page: &Page) -> Vec<(String, String)> {
    let text = page.text();
    let links = text.split("<li><a class=\"action\" href=\"").skip(1);
    let read = |escaped: &str| escaped.replace("&quot;", "\"").replace("&amp;", "&");
    let link = |rest: &str| {
        let (href, rest) = rest.split_once("\">").unwrap();
        (read(rest.split_once("</a>").unwrap().0), read(href))
    };
    links.map(link).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn people_choose_where_a_route_takes_people_of_several_providers() {
    let two = Two::begin("", "").await;
    let page = two.browser.open(&format!("{APP}{PAGE}")).await;
    assert_eq!(page.status, 401, "{}", page.text());
    let policy = page.field("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("script"),
        "{policy}"
    );
    assert_eq!(page.field("cache-control"), Some("no-store"));
    assert!(page.field("www-authenticate").is_some());
    let choices = choices(&page);
    let titles: Vec<&str> = choices.iter().map(|(title, _)| title.as_str()).collect();
    assert_eq!(titles, ["Example & Söhne", "partners"]);
    assert!(two.corp.provider.calls("/authorize").is_empty() && two.partners.calls("/authorize").is_empty());

    // The second one; it leads back to the byte.
    let page = two.browser.visit(&format!("{APP}{}", choices[1].1)).await;
    assert_eq!((page.status, page.path_and_query()), (200, PAGE), "{:?}", page.trail);
    assert_eq!(two.corp.app.last().field("x-forwarded-user").as_deref(), Some("pia"));
    assert_eq!(two.partners.token_calls("authorization_code"), 1);
    assert_eq!(two.corp.provider.token_calls("authorization_code"), 0);
    // Signed in: nobody chooses again, and the route of the other provider stays closed.
    assert_eq!(two.browser.open(&format!("{APP}/both/again")).await.status, 200);
    assert_eq!(two.browser.fetch(&format!("{APP}/corp/x")).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_without_a_named_provider_goes_by_the_page_it_comes_back_to() {
    let two = Two::begin("", "").await;
    let login = |target: &str| format!("{APP}/.ostia/login?return={target}");
    for (target, status, offered) in
        [("%2Fboth%2Fx%3Fy", 200, 2), ("%2Fcorp%2Fx", 303, 0), ("%2Fopen%2F", 200, 2), ("%2F%2Fevil", 200, 2)]
    {
        let page = two.browser.open(&login(target)).await;
        assert_eq!((page.status, choices(&page).len()), (status, offered), "{target}");
    }
    let page = two.browser.open(&login("%2F%2Fevil")).await;
    assert!(choices(&page)[0].1.contains("return=/&"), "{:?}", choices(&page));
    for unknown in ["nobody", "", "CORP"] {
        let page = two.browser.open(&format!("{}&provider={unknown}", login("%2Fboth%2F"))).await;
        assert_eq!(page.status, 404, "{unknown:?}");
    }
    // A script is told where to go, and finds the choice there.
    let told = two.browser.fetch(&format!("{APP}/both/x")).await;
    assert_eq!(told.status, 401);
    let path = told.json()["login_url"].as_str().unwrap().to_owned();
    let page = two.browser.open(&format!("{APP}{path}")).await;
    assert_eq!((page.status, choices(&page).len()), (200, 2), "{path}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_at_the_callback_of_another_provider_signs_nobody_in() {
    let two = Two::begin("callback: own", "").await;
    let open = two.browser.open(&format!("{APP}{PAGE}")).await;
    for (name, index) in [("corp", 0), ("partners", 1)] {
        let start = two.browser.open(&format!("{APP}{}", choices(&open)[index].1)).await;
        let redirect_uri = start.location_parameter("redirect_uri").unwrap();
        assert_eq!(redirect_uri, format!("{APP}/.ostia/callback/{name}"));
        let answer = two.browser.open(start.location().unwrap().as_str()).await.location().unwrap();
        let other = if name == "corp" { "partners" } else { "corp" };
        for path in [format!("/.ostia/callback/{other}"), "/.ostia/callback".to_owned()] {
            let mut elsewhere: Url = answer.clone();
            elsewhere.set_path(&path);
            let cookies = two.browser.cookies();
            let page = two.browser.open(elsewhere.as_str()).await;
            assert_eq!(page.status, 400, "{path}");
            assert!(page.text().contains("callback_of_another"), "{}", page.text());
            assert!(!two.browser.cookies().iter().any(|cookie| cookie.name.starts_with("__Host-ostia-at-")));
            two.browser.set_cookies(cookies);
        }
        assert_eq!(two.browser.visit(answer.as_str()).await.status, 200);
        two.browser.set_cookies(Vec::new());
    }
    assert_eq!(two.corp.provider.token_calls("authorization_code"), 1, "no code was spent elsewhere");
    assert_eq!(two.partners.token_calls("authorization_code"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_providers_on_a_node_sign_in_their_own_people_alone() {
    let world = World::new().await;
    let keys = world.provider_keys("app.localhost", 4);
    let mut providers = String::from("providers:\n");
    let mut routes = String::from("routes:\n");
    for number in 0..200 {
        // One issuer, two hundred registrations: each its own realm.
        let mut own = keys.replace("/.ostia/callback", &format!("/.ostia/callback/p{number}"));
        if ![7, 193].contains(&number) {
            own = own.replace("client_id: ostia", &format!("client_id: ostia-{number}"));
        }
        providers.push_str(&format!("  p{number}:\n{own}    callback: own\n"));
        routes.push_str(&format!(
            "  - {{ host: app.localhost, path: /p{number}/, provider: p{number}, allow: authenticated, upstream: app }}\n"
        ));
    }
    let yaml = [providers, world.sessions_section(""), world.upstream_section(), routes].concat();
    let node = world.start(&yaml).await;
    let browser = Browser::new(&world.names);
    for number in [7, 193] {
        let page = browser.visit(&format!("{APP}/p{number}/x")).await;
        assert_eq!((page.status, page.path_and_query()), (200, &*format!("/p{number}/x")), "{}", page.text());
        let called = page.trail.iter().find(|url| url.path().starts_with("/.ostia/callback")).unwrap();
        assert_eq!(called.path(), format!("/.ostia/callback/p{number}"));
        // The same person of the same issuer, by another registration: not signed in there.
        for other in [0, 7, 193, 199].into_iter().filter(|other| *other > number || *other == 0) {
            assert_eq!(browser.fetch(&format!("{APP}/p{other}/x")).await.status, 401, "{other}");
        }
    }
    assert_eq!(browser.fetch(&format!("{APP}/p7/x")).await.status, 200, "one sign-in leaves the other");
    let cookies = browser.cookie_field(APP).unwrap();
    let told =
        raw::send(node.port(), request("GET /p194/x HTTP/1.1", &[("Cookie", &cookies)])).await.unwrap();
    assert_eq!(told.status, 401);
    assert!(cookies.len() < 4096, "{}", cookies.len());
}
