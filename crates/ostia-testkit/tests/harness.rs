//! The harness, tried without the product: a harness that cannot fail shows nothing.

use ostia_testkit::{Browser, EchoUpstream, FaultProvider, Names, NodeProvider, Registration, raw, secrets};
use serde_json::json;

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"; // RFC 7636 appendix B

async fn app() -> (EchoUpstream, Browser) {
    let app = EchoUpstream::start("app").await;
    let names = Names::default();
    names.set("app.localhost", app.port());
    (app, Browser::new(&names))
}

fn authorization_url(issuer: &str, path: &str) -> String {
    format!(
        "{issuer}{path}?response_type=code&client_id=ostia&scope=openid%20email%20groups&prompt=consent\
         &redirect_uri=http%3A%2F%2Fapp.localhost%2F.ostia%2Fcallback&state=0123456789012345678901\
         &nonce=0123456789012345678901&code_challenge_method=S256&code_challenge={CHALLENGE}"
    )
}

#[tokio::test]
async fn a_person_signs_in_at_oidc_provider_and_comes_back_with_a_code() {
    let (_app, browser) = app().await;
    let provider = NodeProvider::start(&Registration {
        redirect_uris: vec!["http://app.localhost/.ostia/callback".to_owned()],
        post_logout_redirect_uris: vec![],
        access_token_seconds: 60,
    })
    .await;
    let page = browser.visit(&authorization_url(provider.issuer(), "/auth")).await;
    assert!(page.form().is_some(), "{} {}", page.status, page.text());
    let page = browser.sign_in(page, "ana").await;
    assert_eq!((page.url.host_str(), page.url.path()), (Some("app.localhost"), "/.ostia/callback"));
    assert!(page.url.query_pairs().any(|(name, _)| name == "code"));
    assert_eq!(provider.robot_token().await.split('.').count(), 3);
    assert_eq!(provider.calls().await["POST /token"], 1);
}

#[tokio::test]
async fn the_fault_provider_refuses_a_second_use_of_a_code() {
    let (_app, browser) = app().await;
    let provider = FaultProvider::start().await;
    let page = browser.open(&authorization_url(provider.issuer(), "/authorize")).await;
    let code = page.location_parameter("code").unwrap();
    let body = format!(
        "grant_type=authorization_code&code={code}&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk\
         &redirect_uri=http%3A%2F%2Fapp.localhost%2F.ostia%2Fcallback"
    );
    let credentials = "b3N0aWE6dGhlLXNlY3JldC1vZi10aGUtY2xpZW50LTAxMjM0NTY3ODk=";
    let request = format!(
        "POST /token HTTP/1.1\r\nHost: op\r\nAuthorization: Basic {credentials}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let port = provider.issuer().rsplit_once(':').unwrap().1.parse().unwrap();
    let first = raw::send(port, &request).await.unwrap();
    assert_eq!(first.status, 200, "{}", first.text());
    assert!(secrets::found_in(&format!("line with {}", first.json()["access_token"])).is_some());
    let second = raw::send(port, &request).await.unwrap();
    assert_eq!((second.status, second.json()), (400, json!({ "error": "invalid_grant" })));
}

#[tokio::test]
async fn the_upstream_shows_the_bytes_that_were_sent() {
    let (app, _) = app().await;
    let request =
        "POST /a%2Fb?x=+%20 HTTP/1.1\r\nhOsT: one\r\nX_Odd: 1\r\nx-odd: 2\r\nContent-Length: 2\r\n\r\nhi";
    let answer = raw::send(app.port(), request).await.unwrap();
    assert_eq!((answer.status, answer.field("x-server")), (200, Some("app")));
    let seen = app.last();
    assert_eq!((seen.target(), seen.body.as_slice()), ("/a%2Fb?x=+%20", b"hi".as_slice()));
    let odd = seen.fields_like("X-Odd");
    assert_eq!(odd, [("X_Odd", "1"), ("x-odd", "2")].map(|(n, v)| (n.to_owned(), v.to_owned())));
}

#[tokio::test]
async fn the_jar_refuses_what_a_browser_refuses() {
    let (_app, browser) = app().await;
    for (url, field) in [
        ("https://a.example/", "__Host-a=1; Path=/; Secure; Domain=a.example"),
        ("https://a.example/", "__Host-b=1; Path=/x; Secure"),
        ("https://a.example/", "__Host-c=1; Path=/"),
        ("http://a.example/", "d=1; Secure"),
        ("https://a.example/", &format!("e={}", "x".repeat(4096))),
    ] {
        browser.set_cookie(url, field);
    }
    assert_eq!(browser.cookies(), []);
    assert_eq!(browser.refused_cookies().len(), 5);
    browser.set_cookie("http://app.localhost/x/y", "__Host-a=1; Path=/; Secure; HttpOnly");
    browser.set_cookie("http://app.localhost/x/y", "b=2");
    assert_eq!(browser.cookie_field("http://app.localhost/x/z").as_deref(), Some("b=2; __Host-a=1"));
    assert_eq!(browser.cookie_field("http://app.localhost/").as_deref(), Some("__Host-a=1"));
    assert_eq!(browser.cookie_field("http://other.localhost/"), None);
    browser.set_cookie("http://app.localhost/x/y", "b=; Max-Age=0");
    assert_eq!(browser.cookies().len(), 1);
}
