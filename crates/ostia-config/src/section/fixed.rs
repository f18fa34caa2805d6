//! Fields with a meaning of their own on the way: no rule changes them, and no claim is written into them.

/// Frames a message, in either direction.
const FRAMING: [&str; 10] = [
    "connection",
    "content-encoding",
    "content-length",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Says where a request goes, what it may do, or who sent it.
const OF_REQUESTS: [&str; 12] = [
    "authorization",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "max-forwards",
    "proxy-authorization",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
];

/// Whether a field is fixed in requests. `name` is in lower case.
pub(super) fn in_requests(name: &str) -> bool {
    FRAMING.contains(&name) || OF_REQUESTS.contains(&name)
}

/// Whether a field is fixed in answers. `name` is in lower case.
pub(super) fn in_responses(name: &str) -> bool {
    FRAMING.contains(&name)
}
