//! Where a request ends: exactly one length or exactly one `chunked`, never both.

use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Version};

use crate::{HeadRefused, hop};

#[cfg(test)]
mod tests;

/// The body that a request announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// No body. In HTTP/2 this cannot be told from the head alone: a body without length is possible.
    Unannounced,
    /// `Content-Length`, in bytes.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
}

/// What a request wants its connection to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upgrade {
    /// Nothing else.
    None,
    /// A WebSocket (RFC 6455 4.1): GET, HTTP/1.1, exactly one `Upgrade: websocket`, nominated by `Connection`.
    WebSocket,
    /// Something that Ostia does not speak (`h2c`, `TLS/1.0`); the field is dropped and the request is served as it
    /// is (RFC 9110 7.8 lets a server ignore it).
    Ignored,
}

/// Judges `Content-Length`, `Transfer-Encoding`, `Upgrade` and `Expect`.
pub(crate) fn examine(
    version: Version,
    method: &Method,
    headers: &HeaderMap,
) -> Result<(Body, Upgrade), HeadRefused> {
    let body = body(version, headers)?;
    let upgrade = upgrade(version, method, headers)?;
    if upgrade != Upgrade::None && !matches!(body, Body::Unannounced | Body::Length(0)) {
        return Err(HeadRefused::UpgradeWithBody);
    }
    expectation(headers)?;
    Ok((body, upgrade))
}

fn body(version: Version, headers: &HeaderMap) -> Result<Body, HeadRefused> {
    let length = only(headers, CONTENT_LENGTH).map_err(|()| HeadRefused::LengthRepeated)?;
    if headers.contains_key(TRANSFER_ENCODING) {
        return chunked(version, headers, length.is_some());
    }
    match length {
        None => Ok(Body::Unannounced),
        Some(value) => parse_length(value.as_bytes()).map(Body::Length),
    }
}

fn chunked(version: Version, headers: &HeaderMap, has_length: bool) -> Result<Body, HeadRefused> {
    if has_length {
        return Err(HeadRefused::LengthWithCoding);
    }
    if version == Version::HTTP_10 {
        return Err(HeadRefused::TransferCodingVersion);
    }
    match only(headers, TRANSFER_ENCODING) {
        Ok(Some(value)) if value.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(Body::Chunked),
        _ => Err(HeadRefused::TransferCoding),
    }
}

/// 1 to 19 digits and nothing else, so that it fits everybody's 64 bits, signed ones too.
fn parse_length(digits: &[u8]) -> Result<u64, HeadRefused> {
    if digits.is_empty() || digits.len() > 19 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(HeadRefused::LengthMalformed);
    }
    let digits = std::str::from_utf8(digits).map_err(|_| HeadRefused::LengthMalformed)?;
    match digits.parse() {
        Ok(length) if length <= i64::MAX as u64 => Ok(length),
        _ => Err(HeadRefused::LengthMalformed),
    }
}

fn upgrade(version: Version, method: &Method, headers: &HeaderMap) -> Result<Upgrade, HeadRefused> {
    if !headers.contains_key(UPGRADE) {
        return Ok(Upgrade::None);
    }
    let Ok(Some(value)) = only(headers, UPGRADE) else { return Err(HeadRefused::UpgradeMalformed) };
    let value = value.as_bytes();
    if !value.eq_ignore_ascii_case(b"websocket") {
        let names_websocket = value.split(|&byte| byte == b',').any(|protocol| {
            let name = protocol.split(|&byte| byte == b'/').next().unwrap_or_default();
            name.trim_ascii().eq_ignore_ascii_case(b"websocket")
        });
        return if names_websocket { Err(HeadRefused::UpgradeMalformed) } else { Ok(Upgrade::Ignored) };
    }
    let is_nominated = headers.contains_key(CONNECTION)
        && hop::nominated(headers).any(|option| option.eq_ignore_ascii_case("upgrade"));
    if version == Version::HTTP_11 && method == Method::GET && is_nominated {
        Ok(Upgrade::WebSocket)
    } else {
        Err(HeadRefused::UpgradeMalformed)
    }
}

fn expectation(headers: &HeaderMap) -> Result<(), HeadRefused> {
    match only(headers, EXPECT) {
        Ok(None) => Ok(()),
        Ok(Some(value)) if value.as_bytes().eq_ignore_ascii_case(b"100-continue") => Ok(()),
        _ => Err(HeadRefused::Expectation),
    }
}

/// The only value of a field, `None` when it is absent.
fn only(headers: &HeaderMap, name: http::HeaderName) -> Result<Option<&HeaderValue>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (first, None) => Ok(first),
        _ => Err(()),
    }
}
