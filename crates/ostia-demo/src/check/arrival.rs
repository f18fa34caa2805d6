//! Arriving: without a session, over the provider, back to the page that was asked for.

use std::collections::HashMap;
use std::time::SystemTime;

use url::Url;

use super::visit::{Reason, Visit, caller, expect, expect_status, fields};
use crate::html::Escaped;

/// Everything that proxies like to change on the way: escapes of both cases, an escaped slash, `+`, an empty value, a
/// bare name, a repeated one, UTF-8.
const DEEP_LINK: &str =
    "/report/caf%C3%A9/a%2Fb%2bc;v=1?q=a+b%20c&q=%c3%bc&empty=&bare&next=%2Fx%3Fy%3D1&p=a/b?c";

pub(super) async fn stranger_is_led_to_the_provider(visit: &mut Visit<'_>) -> Result<String, Reason> {
    let answer = visit.stranger().knock(visit.url(DEEP_LINK)?).await?;
    let parameters = authorization_request(visit, &answer)?;
    let says = |name: &str, value: &str| {
        expect(parameters.get(name).is_some_and(|found| found == value), || {
            format!("{name} is {:?} instead of {value}", parameters.get(name))
        })
    };
    says("response_type", "code")?;
    says("client_id", &visit.check.client_id)?;
    says("redirect_uri", &visit.check.redirect_uri)?;
    says("code_challenge_method", "S256")?;
    for (name, least) in [("state", 22), ("nonce", 22), ("code_challenge", 43)] {
        let length = parameters.get(name).map_or(0, String::len);
        expect(length >= least, || format!("{name} has {length} characters instead of {least}"))?;
    }
    let scope = parameters.get("scope").map(String::as_str).unwrap_or_default();
    expect(scope.split(' ').any(|one| one == "openid"), || format!("scope is {scope}"))?;
    redirect_uri_cannot_be_bent(visit).await?;
    Ok(format!("{} with state, nonce, PKCE S256", answer.status))
}

/// What a client claims about host and scheme changes nothing.
async fn redirect_uri_cannot_be_bent(visit: &Visit<'_>) -> Result<(), Reason> {
    let request = crate::browser::Outgoing::new("GET", visit.url("/")?)
        .header("Accept", "text/html")
        .header("X-Forwarded-Host", "evil.example")
        .header("X-Forwarded-Proto", "gopher")
        .header("Forwarded", "host=evil.example;proto=gopher");
    let answer = visit.stranger().send(request).await?;
    let parameters = authorization_request(visit, &answer)?;
    let redirect_uri = parameters.get("redirect_uri");
    expect(redirect_uri == Some(&visit.check.redirect_uri), || {
        format!("X-Forwarded-Host bends redirect_uri to {redirect_uri:?}")
    })
}

fn authorization_request(
    visit: &Visit<'_>,
    answer: &crate::browser::Incoming,
) -> Result<HashMap<String, String>, Reason> {
    expect(matches!(answer.status, 302 | 303), || format!("status {} instead of a redirect", answer.status))?;
    let location = Url::parse(answer.header("location").unwrap_or_default())?;
    let endpoint = format!("{}/authorize?", visit.check.provider.issuer());
    expect(location.as_str().starts_with(&endpoint), || format!("the redirect leads to {location}"))?;
    Ok(location.query_pairs().into_owned().collect())
}

pub(super) async fn ana_signs_in(visit: &mut Visit<'_>) -> Result<String, Reason> {
    let mut ana = visit.ana.clone();
    let page = visit.sign_in(&mut ana, "ana", visit.url(DEEP_LINK)?).await?;
    expect_status("after the sign-in", &page.answer, 200)?;
    let wanted = visit.url(DEEP_LINK)?;
    expect(page.url == wanted, || format!("the browser is at {} instead of {wanted}", page.url))?;
    let shown = Escaped(DEEP_LINK).to_string();
    expect(page.answer.text().contains(&shown), || "the application received another target".to_owned())?;
    visit.ana = ana;
    Ok("byte-identical path and query".to_owned())
}

pub(super) async fn application_learns_who_came(visit: &mut Visit<'_>) -> Result<String, Reason> {
    visit.ana.cookies.store(&visit.base, "theme=dark; Path=/", SystemTime::now());
    let mut ana = visit.ana.clone();
    let echo = visit.echo(&mut ana, "/", &[]).await?;
    let groups = caller(&echo, "groups").unwrap_or_default();
    let has = |group: &str| groups.split(',').any(|one| one.trim() == group);
    let (user, email) = (caller(&echo, "user"), caller(&echo, "email"));
    expect(user == Some("ana"), || format!("X-Forwarded-User is {user:?}"))?;
    expect(email == Some("ana@demo.example"), || format!("X-Forwarded-Email is {email:?}"))?;
    expect(has("staff") && has("finance"), || format!("X-Forwarded-Groups is {groups:?}"))?;
    let cookies: Vec<&str> = fields(&echo)
        .filter(|(name, _)| name.eq_ignore_ascii_case("cookie"))
        .map(|(_, value)| value)
        .collect();
    expect(cookies == ["theme=dark"], || {
        "the application's own cookie is not the only one it got".to_owned()
    })?;
    let server = echo.get("server").cloned();
    for _ in 0..5 {
        let again = visit.echo(&mut ana, "/", &[]).await?;
        expect(again.get("server") == server.as_ref(), || "the session changed its server".to_owned())?;
    }
    let server = server.as_ref().and_then(|server| server.as_str()).unwrap_or_default();
    Ok(format!("ana, {groups}; no cookie of Ostia; always {server}"))
}
