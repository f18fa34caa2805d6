//! L9: signed in at several providers of one host at once. What happens to one session leaves the others.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use http::Method;
use ostia_testkit::{Browser, Cookie, FaultProvider, Names, Ostia, Page, RedisServer, eventually};
use serde_json::json;

use crate::two_providers::{Two, config, who};
use crate::world::{APP, BINARY, World};

const DEADLINE: Duration = Duration::from_secs(10);

/// The cookies that hold sessions.
fn sessions(browser: &Browser) -> Vec<Cookie> {
    let is_session =
        |cookie: &Cookie| cookie.name == "__Host-ostia" || cookie.name.starts_with("__Host-ostia-at-");
    browser.cookies().into_iter().filter(is_session).collect()
}

fn cookie_names(browser: &Browser) -> BTreeSet<String> {
    sessions(browser).into_iter().map(|cookie| cookie.name).collect()
}

async fn sign_out_of(browser: &Browser, query: &str) -> Page {
    let fields = [("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "navigate")];
    let url = format!("{APP}/.ostia/logout{query}");
    let page = browser.send(Method::POST, &url, &fields, None).await;
    browser.follow(page).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_signed_in_at_two_providers_of_one_host_at_once() {
    let two = Two::begin("", "").await;
    two.sign_in_at_both().await;
    let (ana, pia) = (Some("ana".to_owned()), Some("pia".to_owned()));
    for _ in 0..2 {
        assert_eq!((two.who("/corp/y").await, two.who("/partners/y").await), (ana.clone(), pia.clone()));
        assert_eq!(two.corp.app.last().field("cookie"), None, "no cookie of ours goes on");
    }
    assert_eq!(cookie_names(&two.browser).len(), 2, "{:?}", cookie_names(&two.browser));
    assert!(!cookie_names(&two.browser).contains("__Host-ostia"));
    assert_eq!(two.browser.refused_cookies(), Vec::<String>::new());
    // Where both count, the latest sign-in does; signing in again makes the other one the latest.
    assert_eq!(two.who("/both/y").await, pia);
    let again = two.browser.visit(&format!("{APP}/.ostia/login?provider=corp&return=/both/z")).await;
    assert_eq!((again.status, again.path_and_query()), (200, "/both/z"));
    assert_eq!((two.who("/both/y").await, two.who("/partners/y").await), (ana, pia));
    for (query, subject) in [("", "ana"), ("?provider=partners", "pia"), ("?provider=corp", "ana")] {
        let told = two.browser.fetch(&format!("{APP}/.ostia/whoami{query}")).await;
        assert_eq!((told.status, told.json()["sub"].as_str()), (200, Some(subject)), "{query}");
    }
    assert_eq!(two.browser.fetch(&format!("{APP}/.ostia/whoami?provider=other")).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_of_one_provider_leaves_the_session_at_the_other() {
    let two = Two::begin("", "").await;
    two.sign_in_at_both().await;
    let copied = two.browser.cookies();
    let ask = two.browser.open(&format!("{APP}/.ostia/logout")).await.text();
    for button in ["Sign out of Example &amp; Söhne", "Sign out of partners", "Sign out of everything here"]
    {
        assert!(ask.contains(button), "{ask}");
    }
    let page = sign_out_of(&two.browser, "?provider=corp").await;
    assert_eq!((page.status, page.url.path()), (200, "/.ostia/signed-out"), "{:?}", page.trail);
    assert!(page.text().contains("still signed in by partners"), "{}", page.text());
    let told = two.corp.provider.calls("/end_session");
    assert!(told.len() == 1 && told[0].contains_key("id_token_hint"), "{told:?}");
    assert!(two.partners.calls("/end_session").is_empty());
    let both = async || (two.who("/corp/y").await, two.who("/partners/y").await);
    assert_eq!(both().await, (None, Some("pia".to_owned())));
    two.browser.set_cookies(copied);
    assert_eq!(both().await, (None, Some("pia".to_owned())), "a copy of the cookies is no more");
    assert_eq!(two.browser.fetch(&format!("{APP}/.ostia/logout?provider=other")).await.status, 200);

    // Without a name everything ends here, and the browser goes to the provider of the latest.
    two.browser.visit(&format!("{APP}/corp/x")).await;
    assert_eq!(both().await, (Some("ana".to_owned()), Some("pia".to_owned())));
    sign_out_of(&two.browser, "").await;
    assert_eq!(both().await, (None, None));
    assert!(cookie_names(&two.browser).is_empty(), "{:?}", cookie_names(&two.browser));
    assert_eq!(two.corp.provider.calls("/end_session").len(), 2, "that of the latest sign-in");
    assert!(two.partners.calls("/end_session").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_and_an_operator_end_one_session_and_leave_the_other() {
    let two = Two::begin("logout: { back_channel: true, front_channel: true }", "").await;
    let post = async |token: &str| {
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let (url, body) = (format!("{APP}/.ostia/back-channel-logout"), format!("logout_token={token}"));
        Browser::new(&two.corp.names).send(Method::POST, &url, &form, Some(&body)).await.status
    };
    let both = async || (two.who("/corp/y").await.is_some(), two.who("/partners/y").await.is_some());
    two.sign_in_at_both().await;
    assert_eq!(post(&two.partners.logout_token(json!({ "sub": "pia", "sid": "p-1" }))).await, 200);
    assert_eq!(both().await, (true, false));
    two.sign_in_at_both().await;
    assert_eq!(both().await, (true, true));
    let frame = format!("{APP}/.ostia/front-channel-logout?iss={}&sid=p-1", two.partners.issuer());
    let stranger = Browser::new(&two.corp.names);
    let began = Instant::now();
    eventually("the sign-in is of a second before", DEADLINE, async || {
        (began.elapsed() > Duration::from_millis(1100)).then_some(())
    })
    .await;
    assert_eq!(stranger.fetch(&frame).await.status, 200);
    assert_eq!(both().await, (true, false));
    two.sign_in_at_both().await;
    two.node.succeeds(&["session", "revoke", "--provider", "corp"]).await;
    assert_eq!(both().await, (false, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_of_one_session_leaves_the_other_and_its_old_cookie_is_served() {
    let two = Two::begin("", "").await;
    two.corp.provider.behave(|behaviour| behaviour.access_token_seconds = 3);
    two.sign_in_at_both().await;
    two.corp.provider.behave(|behaviour| behaviour.access_token_seconds = 600);
    let (old, began) = (two.browser.cookies(), Instant::now());
    eventually("the access token of the one ends", DEADLINE, async || {
        (began.elapsed() > Duration::from_millis(3200)).then_some(())
    })
    .await;
    let before = sessions(&two.browser);
    assert_eq!(two.who("/partners/y").await.as_deref(), Some("pia"));
    assert_eq!(two.corp.provider.token_calls("refresh_token"), 0, "nobody asked for that session");
    eventually("the refresh reaches the browser", DEADLINE, async || {
        assert_eq!(two.who("/corp/y").await.as_deref(), Some("ana"));
        (sessions(&two.browser)
            .iter()
            .map(|cookie| &cookie.value)
            .ne(before.iter().map(|cookie| &cookie.value)))
        .then_some(())
    })
    .await;
    let kept =
        before.iter().filter(|cookie| sessions(&two.browser).iter().any(|now| now.value == cookie.value));
    assert_eq!(kept.count(), 1, "the other session has the cookie that it had");
    // A tab with the old cookies is served, and given the one that is new.
    two.browser.set_cookies(old);
    let late = two.browser.fetch(&format!("{APP}/corp/late")).await;
    assert_eq!((late.status, late.headers.get_all("set-cookie").iter().count() > 0), (200, true));
    assert_eq!(two.corp.provider.token_calls("refresh_token"), 1, "spent once");
    assert_eq!(two.partners.token_calls("refresh_token"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_is_refused_ends_that_session_alone() {
    let two = Two::begin("", "").await;
    two.corp.provider.behave(|behaviour| behaviour.access_token_seconds = 1);
    two.sign_in_at_both().await;
    two.corp.provider.behave(|behaviour| behaviour.token_error = Some("invalid_grant".to_owned()));
    eventually("the one ends", DEADLINE, async || two.who("/corp/y").await.is_none().then_some(())).await;
    assert_eq!(two.who("/partners/y").await.as_deref(), Some("pia"));
    assert_eq!(cookie_names(&two.browser).len(), 1, "the cookie of the other is left");
    // Where both count, the one that is left does.
    assert_eq!(two.who("/both/y").await.as_deref(), Some("pia"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_up_at_one_provider_leaves_the_session_at_the_other() {
    let two = Two::begin("", "").await;
    let strong = "policies:\n  strong: { acr: [phr] }\n";
    let route = "  - { name: strong, host: app.localhost, path: /strong/, provider: corp, allow: strong, upstream: app }\n";
    let yaml = [strong, &config(&two.corp, &two.partners, "", ""), route].concat();
    two.node.reload(&yaml);
    eventually("the strong route is there", DEADLINE, async || {
        let page = two.browser.fetch(&format!("{APP}/strong/x")).await;
        (page.status == 401).then_some(())
    })
    .await;
    two.sign_in_at_both().await;
    let stronger = json!({ "sub": "ana", "groups": ["staff"], "acr": "phr" });
    two.corp.provider.expect_person(stronger);
    let page = eventually("the sign-in is not of a moment ago any more", DEADLINE, async || {
        let page = two.browser.open(&format!("{APP}/strong/x")).await;
        (page.status == 303).then_some(page)
    })
    .await;
    let page = two.browser.follow(page).await;
    assert_eq!((page.status, page.path_and_query()), (200, "/strong/x"), "{}", page.text());
    assert_eq!(two.who("/partners/y").await.as_deref(), Some("pia"));
    assert_eq!(cookie_names(&two.browser).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_gets_or_loses_a_provider_signs_nobody_out() {
    let two = Two::begin("", "").await;
    let both = config(&two.corp, &two.partners, "", "");
    let alone: String = both
        .lines()
        .filter(|line| !line.contains("path: /both/") && !line.contains("path: /partners/"))
        .map(|line| format!("{line}\n"))
        .collect();
    // The same, with its providers in another order.
    let (head, rest) = both.split_once("  corp:\n").unwrap();
    let (of_corp, rest) = rest.split_once("  partners:\n").unwrap();
    let (of_partners, rest) = rest.split_once("sessions:").unwrap();
    let turned = format!("{head}  partners:\n{of_partners}  corp:\n{of_corp}sessions:{rest}");
    let reload = async |yaml: &str| {
        let before = two.node.metrics().await.sum("ostia_config_reloads_total", &[]);
        two.node.reload(yaml);
        eventually("the reload is done", DEADLINE, async || {
            let metrics = two.node.metrics().await;
            assert_eq!(metrics.sum("ostia_config_last_reload_successful", &[]), 1.0);
            (metrics.sum("ostia_config_reloads_total", &[]) > before).then_some(())
        })
        .await;
    };
    reload(&alone).await;
    assert_eq!(two.browser.visit(&format!("{APP}/corp/x")).await.status, 200);
    assert_eq!(
        cookie_names(&two.browser),
        BTreeSet::from(["__Host-ostia".to_owned()]),
        "one provider, the plain name"
    );
    reload(&both).await;
    assert_eq!(two.who("/corp/y").await.as_deref(), Some("ana"));
    assert_eq!(two.browser.visit(&format!("{APP}/partners/x")).await.status, 200);
    assert_eq!(two.who("/corp/y").await.as_deref(), Some("ana"));
    let (of_two, logins) = (cookie_names(&two.browser), two.corp.provider.token_calls("authorization_code"));
    assert!(of_two.len() == 2 && !of_two.contains("__Host-ostia"), "{of_two:?}");
    reload(&turned).await;
    assert_eq!(two.who("/corp/y").await.as_deref(), Some("ana"));
    assert_eq!(two.who("/partners/y").await.as_deref(), Some("pia"));
    assert_eq!(cookie_names(&two.browser), of_two);
    reload(&alone).await;
    assert_eq!(two.who("/corp/y").await.as_deref(), Some("ana"), "back to the plain name");
    assert!(cookie_names(&two.browser).contains("__Host-ostia"), "{:?}", cookie_names(&two.browser));
    assert_eq!(two.corp.provider.token_calls("authorization_code"), logins, "nobody signed in again");
    // The ID token that was left under another name is found all the same.
    sign_out_of(&two.browser, "?provider=corp").await;
    assert!(two.corp.provider.calls("/end_session").last().unwrap().contains_key("id_token_hint"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_in_the_store_stand_side_by_side_too() {
    let redis = RedisServer::start().await;
    let store = format!("store: {{ redis: {{ url: \"{}\", sessions: store }} }}", redis.url());
    let two = Two::begin("", &store).await;
    two.sign_in_at_both().await;
    assert!(sessions(&two.browser).iter().all(|cookie| cookie.value.len() < 120));
    assert_eq!(two.who("/corp/y").await.as_deref(), Some("ana"));
    assert_eq!(two.who("/partners/y").await.as_deref(), Some("pia"));
    let copied = two.browser.cookies();
    sign_out_of(&two.browser, "?provider=partners").await;
    two.browser.set_cookies(copied);
    assert_eq!(two.who("/partners/y").await, None);
    assert_eq!(
        two.who("/both/y").await.as_deref(),
        Some("ana"),
        "where both count, the one that is left does"
    );
}

/// A session at each of two providers, and a second node with the same store, to which the browser goes from now on.
struct Beside {
    redis: RedisServer,
    two: Two,
    other: Ostia,
    browser: Browser,
}

impl Beside {
    async fn begin() -> Self {
        let redis = RedisServer::start().await;
        let store =
            format!("store: {{ redis: {{ url: \"{}\", sessions: store, budget: 100ms }} }}", redis.url());
        let two = Two::begin("", &store).await;
        two.sign_in_at_both().await;
        let yaml = config(&two.corp, &two.partners, "", &store);
        let (other, names) = (Ostia::start(BINARY, &yaml).await, Names::default());
        names.set("app.localhost", other.port());
        let browser = Browser::new(&names);
        browser.set_cookies(two.browser.cookies());
        Self { redis, two, other, browser }
    }

    async fn store_falls_silent(&self) {
        self.redis.freeze();
        eventually("the node has noticed", DEADLINE, async || {
            (self.other.metrics().await.sum("ostia_session_store_up", &[]) == 0.0).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_session_counts_is_not_guessed_while_the_store_does_not_tell() {
    // The second node has served the session at corp, and never the one at partners, which is the latest.
    let beside = Beside::begin().await;
    let Beside { two, browser, .. } = &beside;
    let first = async |path: &str| who(&two.corp, browser, path).await;
    assert_eq!(first("/corp/y").await.as_deref(), Some("ana"));
    beside.store_falls_silent().await;
    let status = async |path: &str| {
        let page = browser.fetch(&format!("{APP}{path}")).await;
        (page.status, page.field("retry-after").map(str::to_owned))
    };
    let later = (503, Some("2".to_owned()));
    assert_eq!(first("/corp/y").await.as_deref(), Some("ana"), "nobody needs the other one here");
    assert_eq!(status("/partners/y").await, later);
    let asked = two.corp.app.count();
    assert_eq!(status("/both/y").await, later, "ana lives, but pia signed in later, or out");
    assert_eq!(two.corp.app.count(), asked, "the application sees nobody in her place");
    assert_eq!(cookie_names(browser), cookie_names(&two.browser), "nothing is taken back");
    beside.redis.thaw();
    eventually("the store tells again", Duration::from_secs(20), async || {
        (status("/both/y").await.0 == 200).then_some(())
    })
    .await;
    assert_eq!(first("/both/y").await.as_deref(), Some("pia"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_session_that_the_store_does_not_tell_of_keeps_nobody_waiting() {
    let beside = Beside::begin().await;
    let Beside { two, browser, .. } = &beside;
    // The latest is known here, the earlier one is not.
    assert_eq!(who(&two.corp, browser, "/partners/y").await.as_deref(), Some("pia"));
    beside.store_falls_silent().await;
    assert_eq!(who(&two.corp, browser, "/both/y").await.as_deref(), Some("pia"));
    assert_eq!(browser.fetch(&format!("{APP}/corp/y")).await.status, 503);
}

/// A node whose host has a route for each of five providers, `/p0/` to `/p4/`. The first is `first`, where there is one.
async fn five_providers(world: &World, first: Option<&FaultProvider>, of_sessions: &str) -> Ostia {
    let keys = world.provider_keys("app.localhost", 4);
    let (mut providers, mut routes) = (String::from("providers:\n"), String::from("routes:\n"));
    for number in 0..5 {
        let mut own = keys.replace("/.ostia/callback", &format!("/.ostia/callback/p{number}"));
        if let (0, Some(first)) = (number, first) {
            own = own.replace(world.provider.issuer(), first.issuer());
        }
        providers.push_str(&format!("  p{number}:\n{own}    callback: own\n"));
        routes.push_str(&format!(
            "  - {{ host: app.localhost, path: /p{number}/, provider: p{number}, allow: authenticated, upstream: app }}\n"
        ));
    }
    let sessions_section = world.sessions_section(of_sessions);
    world.start(&[providers, sessions_section, world.upstream_section(), routes].concat()).await
}

async fn sign_in_at(browser: &Browser, number: usize) {
    assert_eq!(browser.visit(&format!("{APP}/p{number}/x")).await.status, 200, "{number}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fifth_session_on_a_host_ends_the_one_that_was_not_used_for_longest() {
    let world = World::new().await;
    let node = five_providers(&world, None, "idle_timeout: 60s").await;
    let browser = Browser::new(&world.names);
    for number in 0..4 {
        sign_in_at(&browser, number).await;
    }
    assert_eq!(sessions(&browser).len(), 4);
    let before = sessions(&browser);
    // The first one is used all the time: a tenth of the idle time later its cookie says so.
    eventually("the use is written down", Duration::from_secs(20), async || {
        assert_eq!(who(&world, &browser, "/p0/y").await.as_deref(), Some("ana"));
        let is_new = |cookie: &Cookie| before.iter().all(|old| old.value != cookie.value);
        sessions(&browser).iter().any(is_new).then_some(())
    })
    .await;
    sign_in_at(&browser, 4).await;
    assert_eq!(sessions(&browser).len(), 4);
    for (number, expected) in
        [(1, None), (0, Some("ana")), (2, Some("ana")), (3, Some("ana")), (4, Some("ana"))]
    {
        assert_eq!(who(&world, &browser, &format!("/p{number}/y")).await.as_deref(), expected, "{number}");
    }
    let labels = [("provider", "p1"), ("kind", "displaced"), ("outcome", "done")];
    assert_eq!(node.metrics().await.sum("ostia_logouts_total", &labels), 1.0);
    assert!(world.provider.calls("/revoke").is_empty(), "it is the same person at the same issuer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_gives_way_loses_its_refresh_token_unless_its_person_has_another() {
    let (world, first) = (World::new().await, FaultProvider::start().await);
    first.expect_person(json!({ "sub": "pia" }));
    let node = five_providers(&world, Some(&first), "").await;
    let browser = Browser::new(&world.names);
    let began = Instant::now();
    for number in 0..5_u64 {
        // Last used in seconds of their own.
        eventually("the next second", DEADLINE, async || {
            (began.elapsed() >= Duration::from_millis(1100 * number)).then_some(())
        })
        .await;
        sign_in_at(&browser, usize::try_from(number).unwrap()).await;
    }
    let revoked = async |provider: &FaultProvider, count: usize| {
        eventually("the token is revoked", DEADLINE, async || {
            (provider.calls("/revoke").len() == count).then_some(())
        })
        .await;
    };
    revoked(&first, 1).await;
    let call = first.calls("/revoke").pop().unwrap();
    assert_eq!(call.get("token_type_hint").map(String::as_str), Some("refresh_token"));
    let labels = [("provider", "p0"), ("outcome", "done")];
    assert_eq!(node.metrics().await.sum("ostia_token_revocations_total", &labels), 1.0);

    // At an issuer that counts one grant for a person and a client, the session that came would end, too.
    sign_in_at(&browser, 0).await;
    let again = async || {
        let page = browser.visit(&format!("{APP}/.ostia/login?provider=p0&return=/p0/z")).await;
        assert_eq!((page.status, page.path_and_query()), (200, "/p0/z"));
    };
    again().await;
    // Somebody else takes the place of pia: what was given to her is given back.
    first.expect_person(json!({ "sub": "bo" }));
    again().await;
    revoked(&first, 2).await;
    assert_eq!(who(&world, &browser, "/p0/y").await.as_deref(), Some("bo"));
    assert!(world.provider.calls("/revoke").is_empty(), "ana has other sessions here");
}
