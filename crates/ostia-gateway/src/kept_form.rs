//! A form that was posted without a session, kept in the browser until its owner has signed in.
//!
//! With `keep_form` on a route, the form waits in the tab's session storage while its owner is at the provider; then a
//! page of ours posts it again. Only a form of our own host is kept: the form of another site would arrive a second time
//! as one of this, past `SameSite` and every check of the application's own.

use http::header;
use ostia_request::{Body, is_form_navigation};
use percent_encoding::utf8_percent_encode;
use pingora_proxy::Session as Downstream;

use crate::answer::{Answer, Reader};
use crate::endpoint::callback::single;
use crate::endpoint::posted::{self, BodyRefused};
use crate::exchange::Exchange;
use crate::page::escape;
use crate::scripted_page;
use crate::sign_in::QUERY_VALUE;
use crate::snapshot::RouteState;
use crate::stage::receive::Arrived;

/// Ostia's own path that posts the form again.
pub(crate) const RESEND_PATH: &str = "/.ostia/resend";
/// The largest form that is kept.
const MOST_BYTES: usize = 64 * 1024;

/// Puts the form away and goes on to the provider, or takes it out and posts it. What is kept says where it was meant
/// for, and is looked at once. Every byte is posted as it came, in whatever encoding its page had: `x-user-defined` has a
/// character for each (from U+F780 on for those beyond ASCII).
const SCRIPT: &str = "(function(){var d=document.currentScript.dataset,k='ostia-form',s=null,f,i;\
    if(d.way==='out'){try{sessionStorage.setItem(k,JSON.stringify({to:d.target,form:d.form,at:Date.now()}))}catch(e){}\
    location.replace(d.to);return}\
    try{s=JSON.parse(sessionStorage.getItem(k));sessionStorage.removeItem(k)}catch(e){}\
    if(!s||s.to!==d.target||!(Date.now()-s.at<6e5)){location.replace(d.target);return}\
    function t(x){return x.replace(/[+]/g,' ').replace(/%([0-9a-f]{2})/gi,\
    function(_,h){h=parseInt(h,16);return String.fromCharCode(h<128?h:63232+h)})}\
    f=document.createElement('form');f.method='post';f.action=d.target;f.acceptCharset='x-user-defined';\
    s.form.split('&').forEach(function(p){if(!p)return;var q=p.indexOf('=');if(q<0)q=p.length;\
    i=document.createElement('input');i.type='hidden';i.name=t(p.slice(0,q));i.value=t(p.slice(q+1));f.appendChild(i)});\
    document.body.appendChild(f);HTMLFormElement.prototype.submit.call(f)})()";

/// Whether the form of this request is kept over the login that it needs.
pub(crate) fn is_kept(route: &RouteState, arrived: &Arrived<'_>) -> bool {
    let request = arrived.request;
    let length = match arrived.examined.body() {
        Body::Length(length) => usize::try_from(length).unwrap_or(usize::MAX),
        // Browsers say it; a body that is only asked about (`/.ostia/verify`) has none.
        Body::Chunked | Body::Unannounced => return false,
    };
    route.handling.keeps_forms
        && length <= MOST_BYTES
        && is_form_navigation(&request.method, &request.headers)
        && is_surely_from_here(arrived)
}

/// The browser itself says that the form stood on our own host.
fn is_surely_from_here(arrived: &Arrived<'_>) -> bool {
    let headers = &arrived.request.headers;
    let says = headers.contains_key("sec-fetch-site") || headers.contains_key(header::ORIGIN);
    says && arrived.is_from_here()
}

/// Where a browser comes back to that has a form for `target`.
pub(crate) fn resend_path(target: &str) -> String {
    format!("{RESEND_PATH}?to={}", utf8_percent_encode(target, QUERY_VALUE))
}

/// The page that a form of [`resend_path`] is for.
pub(crate) fn target_of_resend(path: &str) -> Option<String> {
    let query = path.strip_prefix(RESEND_PATH)?.strip_prefix('?')?;
    single(query, "to")
}

/// The way to the provider, until the form is read.
#[derive(Debug)]
pub struct Expected {
    target: String,
}

/// Notes that the body of this request belongs to `answer`, if that leads to the provider.
pub(crate) fn expect(answer: Answer, target: String, exchange: &mut Exchange) -> Answer {
    if answer.leads_away() {
        exchange.outcome.kept_form = Some(Expected { target });
    }
    answer
}

/// Reads the form and gives the page that keeps it, in the place of the redirect that `answer` is.
pub(crate) async fn keep(
    expected: Expected,
    downstream: &mut Downstream,
    answer: Answer,
    exchange: &Exchange,
) -> Answer {
    let form = match posted::read_text(downstream, MOST_BYTES).await {
        Ok(form) => form,
        Err(refused) => return cannot_keep(refused, exchange),
    };
    let Some(to) = answer.location().map(str::to_owned) else { return answer };
    let cookies = answer.into_cookies();
    let data = [("to", to.as_str()), ("target", &expected.target), ("form", &form)];
    page("login", "out", &data, &to).with_cookies(cookies)
}

fn cannot_keep(refused: BodyRefused, exchange: &Exchange) -> Answer {
    let refusal = refused
        .refusal()
        .advise("You are not signed in, and what you sent is lost. Sign in, then send it again.");
    Answer::refuse(&refusal, Reader::Person, &exchange.snapshot.pages, exchange.id.as_str())
}

/// `/.ostia/resend?to=…`: posts what was kept for this path; without anything it just goes there.
pub(crate) fn resend(target: &str) -> Answer {
    page("form_resent", "back", &[("target", target)], target)
}

fn page(reason: &'static str, way: &str, data: &[(&str, &str)], link: &str) -> Answer {
    let data: String =
        data.iter().map(|(name, value)| format!(" data-{name}=\"{}\"", escape(value))).collect();
    let body = format!(
        "<script data-way=\"{way}\"{data}>{SCRIPT}</script>\
         <noscript><p>Without script what you sent cannot be kept.</p><p><a href=\"{}\">Go on</a></p></noscript>",
        escape(link)
    );
    scripted_page::answer(reason, &body, SCRIPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_escapes_what_it_keeps() {
        let html =
            page("login", "out", &[("form", "a=\"><script>x</script>&b='")], "https://a.example").body_text();
        assert_eq!(html.matches("<script").count(), 1, "{html}");
        assert!(
            html.contains("data-form=\"a=&quot;&gt;&lt;script&gt;x&lt;/script&gt;&amp;b=&#39;\""),
            "{html}"
        );
    }

    #[test]
    fn the_way_back_is_a_path_of_our_own_that_names_the_page() {
        assert_eq!(resend_path("/a?b=c&d"), "/.ostia/resend?to=/a%3Fb%3Dc%26d");
        assert_eq!(target_of_resend(&resend_path("/a?b=c&d")).as_deref(), Some("/a?b=c&d"));
        for other in ["/a?to=/b", "/.ostia/resend", "/.ostia/resendx?to=/a", "/.ostia/resend?to=/a&to=/b"] {
            assert_eq!(target_of_resend(other), None, "{other}");
        }
    }
}
