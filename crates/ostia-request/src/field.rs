//! Grammar of field values, for HTTP/1 and HTTP/2 alike.

use http::header::{CONNECTION, TE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, Version};

use crate::{HeadRefused, hop};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Refuses fields that are too many, hold controls, do not exist in this version, or are nominated for removal though
/// they are not hop-by-hop.
///
/// Bytes from 0x80 on (obs-text, RFC 9110 5.5) are let through: browsers send them in `Referer`, `User-Agent` and
/// cookies of others, they end no line anywhere, and every field that Ostia itself reads has a grammar of its own.
pub(crate) fn examine(version: Version, headers: &HeaderMap, most: usize) -> Result<(), HeadRefused> {
    if headers.len() > most {
        return Err(HeadRefused::TooManyFields);
    }
    let is_http2 = version == Version::HTTP_2;
    for value in headers.values() {
        let value = value.as_bytes();
        if has_control(value) || is_http2 && has_blank_around(value) {
            return Err(HeadRefused::FieldValue);
        }
    }
    if is_http2 {
        return examine_http2(headers);
    }
    if headers.contains_key(CONNECTION) && hop::nominated(headers).any(is_never_hop_by_hop) {
        return Err(HeadRefused::Nomination);
    }
    Ok(())
}

/// RFC 9113 8.2.2.
fn examine_http2(headers: &HeaderMap) -> Result<(), HeadRefused> {
    if [CONNECTION, KEEP_ALIVE, PROXY_CONNECTION, TRANSFER_ENCODING, UPGRADE]
        .iter()
        .any(|name| headers.contains_key(name))
        || headers.get_all(TE).iter().any(|value| value.as_bytes() != b"trailers")
    {
        return Err(HeadRefused::ConnectionField);
    }
    Ok(())
}

/// Fields whose removal by a hop would change whose request it is or where it ends.
fn is_never_hop_by_hop(option: &str) -> bool {
    ["host", "content-length", "content-type", "authorization", "cookie", "forwarded", "via"]
        .iter()
        .any(|name| option.eq_ignore_ascii_case(name))
}

/// A control other than HTAB (RFC 9110 5.5). Without early exit, so that it runs many bytes at once.
pub(super) fn has_control(value: &[u8]) -> bool {
    value.iter().fold(false, |found, &byte| found | (byte < b' ' && byte != b'\t') | (byte == 0x7f))
}

fn has_blank_around(value: &[u8]) -> bool {
    matches!(value.first(), Some(b' ' | b'\t')) || matches!(value.last(), Some(b' ' | b'\t'))
}
