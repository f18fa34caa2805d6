//! The way to the provider and back: plain redirects, or a small page where a redirect would lose something.
//!
//! A URL's fragment never reaches a server, and a sign-in form at the provider drops it. With
//! `sessions.keep_fragment` the way out is a page whose script puts the fragment into the tab's session storage, and the
//! way back is one whose script takes it out again. A `SameSite=Strict` cookie is not sent along a redirect that began at
//! another site, so with it the way back is a page, too. Without script both pages go on without the fragment.

use aws_lc_rs::digest;
use http::{HeaderValue, StatusCode, header};
use ostia_config::session::SameSite;

use crate::answer::Answer;
use crate::exchange::Exchange;
use crate::page::escape;

/// Keeps or restores the fragment and goes on. The page's policy allows this text and no other.
const SCRIPT: &str = "(function(){var d=document.currentScript.dataset,k='ostia-fragment',h='';\
    try{if(d.way==='out'){sessionStorage.setItem(k,location.hash)}\
    else{h=sessionStorage.getItem(k)||'';sessionStorage.removeItem(k)}}catch(e){}\
    location.replace(d.to+h)})()";

/// Sends a browser to the provider; `keeps_form`: by a redirect, which another page takes the place of.
pub(crate) fn to_provider(url: &str, keeps_form: bool, exchange: &Exchange) -> Option<Answer> {
    if exchange.snapshot.config.sessions.keep_fragment && !keeps_form {
        return Some(page("login", url, Some("out")));
    }
    let location = HeaderValue::from_str(url).ok()?;
    Some(Answer::redirect(StatusCode::SEE_OTHER, "login", location))
}

/// Sends a browser back to where its sign-in began: a path, to which the browser adds the origin that it is at.
pub(crate) fn back_to(path: &str, exchange: &Exchange) -> Option<Answer> {
    let sessions = &exchange.snapshot.config.sessions;
    match (sessions.keep_fragment, sessions.same_site) {
        (true, _) => Some(page("signed_in", path, Some("back"))),
        (false, SameSite::Strict) => Some(page("signed_in", path, None)),
        (false, SameSite::Lax) => {
            let location = HeaderValue::from_str(path).ok()?;
            Some(Answer::redirect(StatusCode::SEE_OTHER, "signed_in", location))
        }
    }
}

fn page(reason: &'static str, to: &str, way: Option<&str>) -> Answer {
    let to = escape(to);
    let refresh = format!("<meta http-equiv=\"refresh\" content=\"0;url={to}\">");
    let (head, body) = match way {
        Some(way) => (
            format!("<noscript>{refresh}</noscript>"),
            format!("<script data-way=\"{way}\" data-to=\"{to}\">{SCRIPT}</script>"),
        ),
        None => (refresh, String::new()),
    };
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Signing in</title>{head}</head>\
         <body>{body}<p><a href=\"{to}\">Go on</a></p></body></html>\n"
    );
    Answer::html(StatusCode::OK, reason, policy(), html)
        .with(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"))
}

fn policy() -> HeaderValue {
    let hash = base64_simd::STANDARD.encode_to_string(digest::digest(&digest::SHA256, SCRIPT.as_bytes()));
    let text = format!(
        "default-src 'none'; script-src 'sha256-{hash}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    );
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_escapes_where_it_leads() {
        let answer = page("login", "https://a.example/?x=\"><script>", Some("out"));
        let html = answer.body_text();
        assert!(html.contains("data-to=\"https://a.example/?x=&quot;&gt;&lt;script&gt;\""), "{html}");
        assert_eq!(html.matches("<script").count(), 1, "{html}");
    }

    #[test]
    fn the_policy_names_the_one_script() {
        let text = policy();
        assert!(text.to_str().unwrap().contains("script-src 'sha256-"), "{text:?}");
    }
}
