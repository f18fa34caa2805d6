//! Whether a person looks at the answer: only then a redirect to a sign-in page makes sense.

use http::header::{ACCEPT, CONTENT_TYPE, UPGRADE};
use http::{HeaderMap, HeaderName, Method};

#[cfg(test)]
mod tests;

const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const SEC_PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");
const PURPOSE: HeaderName = HeaderName::from_static("purpose");
const X_MOZ: HeaderName = HeaderName::from_static("x-moz");
const X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

/// Whether a request is a top-level navigation of a browser: GET or HEAD for a document that will be shown.
///
/// Fetch metadata decides where the browser sends it (scripts cannot forge it); older browsers are known by asking for
/// HTML by name. Scripts, images, frames, preflights, WebSockets, gRPC, prefetches and command-line tools are none.
#[must_use]
pub fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    (method == Method::GET || method == Method::HEAD) && is_shown(headers)
}

/// Whether a request is a form that a browser posts, whose answer takes the place of the page: `POST` with
/// `application/x-www-form-urlencoded`, known as [`is_navigation`] knows its own.
#[must_use]
pub fn is_form_navigation(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::POST && is_form(headers) && is_shown(headers)
}

/// Whether the body says that it is a plain form.
#[must_use]
pub fn is_form(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let media = value.as_bytes().split(|&byte| byte == b';').next().unwrap_or_default();
    media.trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
}

/// Whether the answer is shown as the page of a tab.
fn is_shown(headers: &HeaderMap) -> bool {
    if headers.contains_key(UPGRADE) || is_prefetch(headers) {
        return false;
    }
    let (says_mode, says_dest) = (headers.contains_key(SEC_FETCH_MODE), headers.contains_key(SEC_FETCH_DEST));
    if says_mode || says_dest {
        return is_only(headers, &SEC_FETCH_MODE, b"navigate")
            && (!says_dest || is_only(headers, &SEC_FETCH_DEST, b"document"));
    }
    !headers.contains_key(X_REQUESTED_WITH) && asks_for_html(headers)
}

/// Fetched for later: a sign-in begun for it would be one that nobody asked for.
fn is_prefetch(headers: &HeaderMap) -> bool {
    [SEC_PURPOSE, PURPOSE, X_MOZ].iter().any(|name| headers.contains_key(name))
}

/// Whether the field is there exactly once with exactly this value.
fn is_only(headers: &HeaderMap, name: &HeaderName, expected: &[u8]) -> bool {
    let mut values = headers.get_all(name).iter();
    matches!((values.next(), values.next()), (Some(value), None) if value.as_bytes() == expected)
}

/// `text/html` or `application/xhtml+xml` by name, with a weight above zero. `*/*` is what every tool sends.
fn asks_for_html(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().flat_map(|value| value.as_bytes().split(|&byte| byte == b',')).any(
        |range| {
            let mut parts = range.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
            let media = parts.next().unwrap_or_default();
            let is_html = [&b"text/html"[..], b"application/xhtml+xml"]
                .iter()
                .any(|wanted| media.eq_ignore_ascii_case(wanted));
            is_html && !parts.any(is_zero_weight)
        },
    )
}

/// `q=0`, `q=0.0`, … (RFC 9110 12.4.2).
fn is_zero_weight(parameter: &[u8]) -> bool {
    let mut sides = parameter.splitn(2, |&byte| byte == b'=');
    let (name, value) = (sides.next().unwrap_or_default(), sides.next().unwrap_or_default());
    name.trim_ascii().eq_ignore_ascii_case(b"q")
        && !value.is_empty()
        && value.trim_ascii().iter().all(|byte| matches!(byte, b'0' | b'.'))
}
