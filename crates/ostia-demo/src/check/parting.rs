//! A session that goes on, and one that ends.

use std::time::{Duration, Instant};

use super::visit::{Reason, Visit, caller, expect, expect_status};
use crate::browser::Browser;
use crate::provider::Lifetimes;

/// So short that the refresh is due after half of it, a second.
const SHORT: Duration = Duration::from_secs(2);
/// How long until the refreshed session is here.
const DEADLINE: Duration = Duration::from_secs(5);

pub(super) async fn session_is_refreshed(visit: &mut Visit<'_>) -> Result<String, Reason> {
    let provider = visit.check.provider;
    let usual = provider.lifetimes();
    provider.set_lifetimes(Lifetimes { access_token: SHORT, ..usual });
    let mut ana = visit.stranger();
    let before = provider.token_calls("refresh_token");
    let signed_in = visit.sign_in(&mut ana, "ana", visit.url("/status/200")?).await;
    provider.set_lifetimes(usual);
    expect_status("after the sign-in", &signed_in?.answer, 200)?;
    wait_for_new_session(visit, &mut ana).await?;
    for _ in 0..5 {
        let echo = visit.echo(&mut ana, "/", &[]).await?;
        expect(caller(&echo, "user") == Some("ana"), || {
            "the refreshed session is somebody else's".to_owned()
        })?;
    }
    let refreshes = provider.token_calls("refresh_token") - before;
    expect(refreshes == 1, || format!("{refreshes} refreshes instead of one"))?;
    let replays = provider.replays();
    expect(replays == 0, || format!("{replays} tokens were presented twice"))?;
    Ok("one token call, no token spent twice".to_owned())
}

/// Asks until the answer brings the refreshed session.
async fn wait_for_new_session(visit: &Visit<'_>, ana: &mut Browser) -> Result<(), Reason> {
    let started = Instant::now();
    while started.elapsed() < DEADLINE {
        let answer = ana.send(visit.script("/", &[])?).await?;
        expect_status("while the session is refreshed", &answer, 200)?;
        if answer.header("set-cookie").is_some() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let refreshes = visit.check.provider.token_calls("refresh_token");
    Err(Reason::Unexpected(format!("no new session in 5 s; {refreshes} refreshes at the provider")))
}

pub(super) async fn sign_out_ends_it(visit: &mut Visit<'_>) -> Result<String, Reason> {
    let mut ana = visit.ana.clone();
    let page = ana.go(visit.url("/")?).await?;
    expect_status("/", &page.answer, 200)?;
    let form = page.forms().into_iter().find(|form| form.action.path() == "/.ostia/logout");
    let form = form.ok_or_else(|| Reason::Unexpected("the page has no sign-out form".to_owned()))?;
    let mut page = ana.submit(&page, &form).await?;
    if visit.is_at_provider(&page.url)
        && let Some(question) = page.forms().into_iter().next()
    {
        page = ana.submit(&page, &question).await?;
    }
    expect(page.url.path() == "/.ostia/signed-out", || format!("the sign-out ends at {}", page.url))?;
    expect_status("the signed-out page", &page.answer, 200)?;
    let answer = ana.send(visit.script("/", &[])?).await?;
    expect_status("a script after the sign-out", &answer, 401)?;
    let page = ana.go(visit.url("/")?).await?;
    expect(visit.is_at_provider(&page.url) && !page.forms().is_empty(), || {
        format!("after the sign-out / leads to {} without a question", page.url)
    })?;
    visit.ana = ana;
    Ok("no session here, a new sign-in there".to_owned())
}
