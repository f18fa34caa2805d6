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
