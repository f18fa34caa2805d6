use http::HeaderValue;

use super::*;

const HTML: (&str, &str) = ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
const NAVIGATE: (&str, &str) = ("sec-fetch-mode", "navigate");
const DOCUMENT: (&str, &str) = ("sec-fetch-dest", "document");

fn judge(method: Method, fields: &[(&'static str, &'static str)]) -> bool {
    let headers = fields
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect();
    is_navigation(&method, &headers)
}

/// PROMISES L6.
#[test]
fn what_is_not_shown_to_a_person_is_no_navigation() {
    for (what, method, fields) in [
        ("a form", Method::POST, &[HTML, NAVIGATE, DOCUMENT][..]),
        ("a preflight", Method::OPTIONS, &[HTML, NAVIGATE, DOCUMENT]),
        ("a script's fetch", Method::GET, &[("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty"), HTML]),
        ("a script's fetch of HTML", Method::GET, &[("sec-fetch-mode", "same-origin"), HTML]),
        ("an image", Method::GET, &[("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")]),
        ("a frame", Method::GET, &[NAVIGATE, ("sec-fetch-dest", "iframe"), HTML]),
        ("an embedded object", Method::GET, &[NAVIGATE, ("sec-fetch-dest", "object"), HTML]),
        ("a destination alone", Method::GET, &[DOCUMENT, HTML]),
        ("two modes", Method::GET, &[NAVIGATE, ("sec-fetch-mode", "cors"), DOCUMENT, HTML]),
        ("two destinations", Method::GET, &[NAVIGATE, DOCUMENT, ("sec-fetch-dest", "empty"), HTML]),
        ("a mode in capitals", Method::GET, &[("sec-fetch-mode", "Navigate"), DOCUMENT, HTML]),
        ("a prefetch", Method::GET, &[NAVIGATE, DOCUMENT, HTML, ("sec-purpose", "prefetch")]),
        ("a prerender", Method::GET, &[NAVIGATE, DOCUMENT, HTML, ("sec-purpose", "prefetch;prerender")]),
        ("an old prefetch", Method::GET, &[HTML, ("purpose", "prefetch")]),
        ("an older prefetch", Method::GET, &[HTML, ("x-moz", "prefetch")]),
        ("a WebSocket", Method::GET, &[("upgrade", "websocket"), NAVIGATE, DOCUMENT, HTML]),
        ("an XMLHttpRequest", Method::GET, &[HTML, ("x-requested-with", "XMLHttpRequest")]),
        ("curl", Method::GET, &[("accept", "*/*")]),
        ("a client without Accept", Method::GET, &[]),
        ("an API client", Method::GET, &[("accept", "application/json, text/plain, */*")]),
        ("HTML refused", Method::GET, &[("accept", "text/html;q=0, */*")]),
        ("HTML refused in full", Method::GET, &[("accept", "text/html; Q=0.000, */*")]),
        ("a media type like HTML", Method::GET, &[("accept", "text/html-not")]),
        ("server-sent events", Method::GET, &[("accept", "text/event-stream")]),
        ("gRPC", Method::POST, &[("content-type", "application/grpc"), ("te", "trailers")]),
    ] {
        assert!(!judge(method, fields), "{what}");
    }
}

#[test]
fn what_a_person_opens_is_a_navigation() {
    for (what, method, fields) in [
        ("a browser", Method::GET, &[NAVIGATE, DOCUMENT, HTML][..]),
        ("a browser asking for the head", Method::HEAD, &[NAVIGATE, DOCUMENT, HTML]),
        ("a browser that names no destination", Method::GET, &[NAVIGATE, HTML]),
        ("a download by link", Method::GET, &[NAVIGATE, DOCUMENT, ("accept", "*/*")]),
        ("an old browser", Method::GET, &[HTML]),
        ("XHTML", Method::GET, &[("accept", "application/XHTML+xml; q=0.5")]),
        ("two fields", Method::GET, &[("accept", "image/png"), ("accept", "text/html")]),
    ] {
        assert!(judge(method, fields), "{what}");
    }
}

#[test]
fn a_form_that_a_browser_posts_is_a_form_navigation_and_nothing_else_is() {
    const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
    for (what, method, fields, expected) in [
        ("a form", Method::POST, &[FORM, HTML, NAVIGATE, DOCUMENT][..], true),
        ("a form of an older browser", Method::POST, &[FORM, HTML], true),
        ("a form in a frame", Method::POST, &[FORM, NAVIGATE, ("sec-fetch-dest", "iframe"), HTML], false),
        ("a script's post", Method::POST, &[FORM, ("sec-fetch-mode", "cors"), HTML], false),
        (
            "a form with files",
            Method::POST,
            &[("content-type", "multipart/form-data"), HTML, NAVIGATE],
            false,
        ),
        ("two kinds of body", Method::POST, &[FORM, ("content-type", "text/plain"), HTML, NAVIGATE], false),
        ("no kind of body", Method::POST, &[HTML, NAVIGATE, DOCUMENT], false),
        ("a page", Method::GET, &[FORM, HTML, NAVIGATE, DOCUMENT], false),
        ("a program", Method::POST, &[FORM, ("accept", "*/*")], false),
    ] {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        assert_eq!(is_form_navigation(&method, &headers), expected, "{what}");
    }
}
