//! Who may, who may not, and what cannot be forged.

use super::visit::{Reason, Visit, caller, expect, expect_status, fields};
use crate::browser::Outgoing;

/// One name in the spellings that applications take for the same.
const FORGED: [(&str, &str); 7] = [
    ("X-Forwarded-User", "mallory"),
    ("x-forwarded-user", "mallory"),
    ("X_Forwarded_User", "mallory"),
    ("X-FORWARDED_EMAIL", "mallory@evil.example"),
    ("x.forwarded.groups", "mallory"),
    ("X-Forwarded-Groups", "mallory"),
    ("X-Forwarded-Email", "mallory@evil.example"),
];

pub(super) async fn forged_fields_are_removed(visit: &mut Visit<'_>) -> Result<String, Reason> {
    let mut ana = visit.ana.clone();
    let mut stranger = visit.stranger();
    for (place, browser, user) in [("/", &mut ana, Some("ana")), ("/public/", &mut stranger, None)] {
        let echo = visit.echo(browser, place, &FORGED).await?;
        let arrived = fields(&echo).find(|(_, value)| value.contains("mallory"));
        expect(arrived.is_none(), || format!("{place}: {arrived:?} arrived"))?;
        expect(caller(&echo, "user") == user, || {
            format!("{place}: the user is {:?}", caller(&echo, "user"))
        })?;
    }
    // `Connection` must not take out what the proxy itself wrote.
    let nominated = visit.script("/", &[("Connection", "close, X-Forwarded-User")])?;
    let answer = ana.send(nominated).await?;
    let echo = answer.json();
    let user = caller(&echo, "user");
    expect(answer.status == 400 || user == Some("ana"), || {
        format!("Connection: X-Forwarded-User leaves the user {user:?}")
    })?;
    Ok(format!("{} spellings, with and without a session", FORGED.len()))
}

pub(super) async fn finance_is_for_finance(visit: &mut Visit<'_>) -> Result<String, Reason> {
    let page = visit.ana.go(visit.url("/finance/")?).await?;
    expect_status("ana at /finance/", &page.answer, 200)?;
    let mut bo = visit.bo.clone();
    let page = visit.sign_in(&mut bo, "bo", visit.url("/finance/")?).await?;
    expect(page.url == visit.url("/finance/")?, || format!("bo is at {}", page.url))?;
    expect_status("bo at /finance/", &page.answer, 403)?;
    let kind = page.answer.header("content-type").unwrap_or_default();
    expect(kind.starts_with("text/html"), || format!("bo is refused with {kind} instead of a page"))?;
    let echo = visit.echo(&mut bo, "/", &[]).await?;
    expect(caller(&echo, "user") == Some("bo"), || "bo is somebody else at /".to_owned())?;
    visit.bo = bo;
    Ok("200 and a 403 page".to_owned())
}

pub(super) async fn script_is_told(visit: &mut Visit<'_>) -> Result<String, Reason> {
    let mut stranger = visit.stranger();
    let posted = Outgoing::new("POST", visit.url("/")?).header("Accept", "text/html").form("a=1".to_owned());
    for (what, request) in [("a script", visit.script("/", &[])?), ("a POST", posted)] {
        let answer = stranger.send(request).await?;
        expect_status(what, &answer, 401)?;
        expect(answer.header("location").is_none(), || format!("{what} gets a Location"))?;
        expect(answer.header("www-authenticate").is_some(), || format!("{what} gets no WWW-Authenticate"))?;
    }
    let answer = stranger.send(visit.script("/", &[])?).await?;
    let kind = answer.header("content-type").unwrap_or_default();
    expect(kind.starts_with("application/problem+json"), || format!("the content is {kind}"))?;
    let status = answer.json().get("status").and_then(serde_json::Value::as_u64);
    expect(status == Some(401), || format!("the problem's status is {status:?}"))?;
    Ok("401 problem+json with WWW-Authenticate".to_owned())
}

pub(super) async fn public_is_open(visit: &mut Visit<'_>) -> Result<String, Reason> {
    let page = visit.stranger().go(visit.url("/public/")?).await?;
    expect_status("/public/", &page.answer, 200)?;
    expect(page.trail.len() == 1, || format!("the way led over {:?}", page.trail))?;
    expect(page.answer.header("set-cookie").is_none(), || "a cookie is set".to_owned())?;
    let through = visit.stranger().knock(visit.url("/public/..%2ffinance/")?).await?;
    expect(through.status != 200, || "/public/..%2ffinance/ is served".to_owned())?;
    Ok("200 without a cookie, no way through it".to_owned())
}
