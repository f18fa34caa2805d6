//! S9: any flipped bit, truncation, swap or mix of cookie chunks is no session, and no session is no upstream.

use ostia_testkit::{Authority, Browser, Cookie, Ostia, raw};
use serde_json::json;

use crate::world::{World, random_word, request, signed_in};

const SESSION: &str = "__Host-ostia";

/// Status of a script's request with this `Cookie` field.
async fn status_with(node: &Ostia, cookies: &str) -> u16 {
    let fields = [("Accept", "*/*"), ("Cookie", cookies)];
    raw::send(node.port(), request("GET /x HTTP/1.1", &fields)).await.unwrap().status
}

fn session_parts(browser: &Browser) -> Vec<Cookie> {
    let is_part = |cookie: &Cookie| cookie.name == SESSION || cookie.name.starts_with("__Host-ostia.");
    browser.cookies().into_iter().filter(is_part).collect()
}

fn field(cookies: &[Cookie]) -> String {
    cookies.iter().map(|c| format!("{}={}", c.name, c.value)).collect::<Vec<_>>().join("; ")
}

/// `text` with another letter of base64url at `at`.
fn altered(text: &str, at: usize) -> String {
    let mut bytes = text.as_bytes().to_vec();
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    String::from_utf8(bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_cookie_with_any_change_is_no_session() {
    let (world, node, browser) = World::with_node().await;
    signed_in(&browser, "/").await;
    let whole = session_parts(&browser)[0].value.clone();
    assert_eq!(status_with(&node, &format!("{SESSION}={whole}")).await, 200);
    let seen = world.app.count();

    let mut wrong: Vec<String> = (0..whole.len()).step_by(3).map(|at| altered(&whole, at)).collect();
    wrong.extend((0..whole.len()).step_by(17).map(|length| whole[..length].to_owned()));
    wrong.extend((1..whole.len()).step_by(29).map(|start| whole[start..].to_owned()));
    // The last letter holds spare bits: another spelling of the same bytes is another cookie.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=";
    let stem = &whole[..whole.len() - 1];
    wrong.extend(alphabet.chars().map(|last| format!("{stem}{last}")).filter(|text| *text != whole));
    for extra in ["A", "=", "==", ".", "%00", "\"", " x"] {
        wrong.push(format!("{whole}{extra}"));
    }
    wrong.push(format!("\"{whole}\""));
    wrong.push(whole.repeat(2));
    wrong.push("A".repeat(4000));
    for value in wrong {
        let status = status_with(&node, &format!("{SESSION}={value}")).await;
        assert!(status == 401 || status == 400, "{status} for {value}");
        assert_eq!(world.app.count(), seen, "the upstream saw a request without a session: {value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_under_another_name_is_no_session() {
    let (world, node, browser) = World::with_node().await;
    signed_in(&browser, "/").await;
    let seen = world.app.count();
    let value = session_parts(&browser)[0].value.clone();
    for name in
        ["__host-ostia", "__Host-Ostia", "__Host-ostia.1", "ostia", "__Secure-ostia", "__Host-ostia-s0"]
    {
        assert_eq!(status_with(&node, &format!("{name}={value}")).await, 401, "{name}");
    }
    // The sealed state of a sign-in is not a session either, nor the ID token beside it.
    let other = Browser::new(&world.names);
    other.open("http://app.localhost/x").await;
    for cookie in other.cookies().into_iter().chain(browser.cookies()).filter(|cookie| cookie.name != SESSION)
    {
        let status = status_with(&node, &format!("{SESSION}={}", cookie.value)).await;
        assert_eq!(status, 401, "{}", cookie.name);
    }
    assert_eq!(world.app.count(), seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_of_another_host_is_no_session() {
    let world = World::new().await;
    let authority = Authority::new();
    let issued = authority.issue(world.shared.path(), &["app.localhost", "other.localhost"]);
    let listeners = format!("listeners:\n{}", issued.listener("<listen>", ""));
    // Without a redirect_uri each host has its own, and its own sessions.
    let config = world.config().replace("  redirect_uri: http://app.localhost/.ostia/callback\n", "");
    let other = "  - { name: other, host: other.localhost, allow: staff, upstream: app }\n";
    let node = world.start(&(listeners + &config + other)).await;
    world.names.set("other.localhost", node.port());
    let browser = Browser::trusting(&world.names, authority.root_pem());
    assert_eq!(browser.visit("https://app.localhost/").await.status, 200);
    let seen = world.app.count();
    let cookie = &session_parts(&browser)[0];
    browser
        .set_cookie("https://other.localhost/", &format!("{}={}; Path=/; Secure", cookie.name, cookie.value));
    assert_eq!(browser.fetch("https://other.localhost/x").await.status, 401);
    assert_eq!(world.app.count(), seen);
    assert_eq!(browser.visit("https://other.localhost/x").await.status, 200, "it takes a login there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mix_of_the_parts_of_two_sessions_is_no_session() {
    let (world, node, _) = World::with_node().await;
    let mut sessions = Vec::new();
    for person in ["ana", "bo"] {
        let groups: Vec<String> =
            std::iter::once("staff".to_owned()).chain((0..400).map(|_| random_word())).collect();
        world.provider.expect_person(json!({ "sub": person, "groups": groups }));
        let browser = Browser::new(&world.names);
        signed_in(&browser, "/").await;
        assert_eq!(browser.refused_cookies(), Vec::<String>::new());
        sessions.push(session_parts(&browser));
    }
    let [ana, bo] = [&sessions[0], &sessions[1]];
    assert!(ana.len() >= 2, "400 groups need more than one cookie");
    assert_eq!(status_with(&node, &field(ana)).await, 200);
    assert_eq!(status_with(&node, &field(bo)).await, 200);
    let seen = world.app.count();

    let with = |at: usize, value: &str| {
        let mut parts = ana.clone();
        parts[at].value = value.to_owned();
        field(&parts)
    };
    let mut wrong = vec![
        ("second of another session", with(1, &bo[1].value)),
        ("first of another session", with(0, &bo[0].value)),
        (
            "parts swapped",
            with(0, &ana[1].value).replace(&format!(".1={}", ana[1].value), &format!(".1={}", ana[0].value)),
        ),
        ("first missing", field(&ana[1..])),
        ("last missing", field(&ana[..ana.len() - 1])),
        ("first twice", with(1, &ana[0].value)),
        ("second cut", with(1, &ana[1].value[..ana[1].value.len() - 1])),
        ("second emptied", with(1, "")),
        ("second altered", with(1, &altered(&ana[1].value, 5))),
        ("all in one", format!("{SESSION}={}", ana.iter().map(|c| c.value.as_str()).collect::<String>())),
    ];
    let mut many = field(ana);
    for number in ana.len()..ana.len() + 4 {
        many.push_str(&format!("; {SESSION}.{number}={}", ana[1].value));
    }
    wrong.push(("a part too many", many));
    for (name, cookies) in wrong {
        let status = status_with(&node, &cookies).await;
        assert!([400, 401, 431].contains(&status), "{name}: {status}");
        assert_eq!(world.app.count(), seen, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_cookies_of_the_same_name_are_no_session() {
    let (world, node, browser) = World::with_node().await;
    signed_in(&browser, "/").await;
    let good = field(&session_parts(&browser));
    world.provider.expect_person(crate::world::bo());
    let other = Browser::new(&world.names);
    signed_in(&other, "/").await;
    let seen = world.app.count();
    let both = format!("{good}; {}", field(&session_parts(&other)));
    let status = status_with(&node, &both).await;
    assert!([400, 401].contains(&status), "which of two sessions counts must not be guessed: {status}");
    assert_eq!(world.app.count(), seen);
}
