//! Changing the fields of a message without Pingora's second map.
//!
//! Pingora keeps the spelling of each HTTP/1 field name in a map of its own, beside the values. Every field set costs
//! a name parsed, three allocations and two insertions; every copy of the head, two maps. Field names have no case
//! (RFC 9110 section 5.1), so the spelling is dropped once: well-known names go on in their usual spelling, all others
//! in lower case.

use http::{HeaderMap, request, response};
use pingora_error::Result;
use pingora_http::{RequestHeader, ResponseHeader};

/// Changes the fields and drops their spelling; method, target bytes and version stay.
///
/// # Errors
/// When the target, which was read before, cannot be read again.
pub(crate) fn edit_fields<T>(head: &mut RequestHeader, edit: impl FnOnce(&mut HeaderMap) -> T) -> Result<T> {
    // Pingora keeps beside the URI the bytes of a target that the URI cannot give back.
    let target = (!is_in_the_uri(head)).then(|| head.raw_path().to_vec());
    let end_stream = head.send_end_stream();
    let mut parts = request::Parts::from(std::mem::replace(head, empty()));
    let edited = edit(&mut parts.headers);
    *head = RequestHeader::from(parts);
    if let Some(target) = target {
        head.set_raw_path(&target)?;
    }
    if let Some(end_stream) = end_stream {
        head.set_send_end_stream(end_stream);
    }
    Ok(edited)
}

/// The same for an answer: status, reason and version stay.
///
/// # Errors
/// When the reason, which was read before, cannot be set again.
pub(crate) fn edit_reply_fields<T>(
    head: &mut ResponseHeader,
    edit: impl FnOnce(&mut HeaderMap) -> T,
) -> Result<T> {
    let reason = head.get_reason_phrase().filter(|reason| head.status.canonical_reason() != Some(reason));
    let reason = reason.map(str::to_owned);
    let empty = ResponseHeader::from(http::Response::new(()).into_parts().0);
    let mut parts = response::Parts::from(std::mem::replace(head, empty));
    let edited = edit(&mut parts.headers);
    *head = ResponseHeader::from(parts);
    if reason.is_some() {
        head.set_reason_phrase(reason.as_deref())?;
    }
    Ok(edited)
}

fn is_in_the_uri(head: &RequestHeader) -> bool {
    head.uri.path_and_query().is_some_and(|target| std::ptr::eq(target.as_str().as_bytes(), head.raw_path()))
}

/// A head that stands in for a moment; made without allocation.
fn empty() -> RequestHeader {
    RequestHeader::from(http::Request::new(()).into_parts().0)
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Method, header};

    use super::*;

    #[test]
    fn targets_stay_byte_for_byte() {
        let targets: [&[u8]; 6] =
            [b"/", b"/a%2Fb?c=d+e", b"*", b"http://a.test:80/b?c", b"/caf\xe9", b"http://a.test"];
        for target in targets {
            let mut head = RequestHeader::build("GET", target, None).unwrap();
            let (uri, raw) = (head.uri.clone(), head.raw_path().to_vec());
            edit_fields(&mut head, |_| ()).unwrap();
            assert_eq!(head.raw_path(), raw, "{}", String::from_utf8_lossy(target));
            assert_eq!(head.uri, uri);
            assert_eq!(head.raw_path_is_utf8(), std::str::from_utf8(target).is_ok());
        }
    }

    #[test]
    fn fields_and_method_stay_and_spelling_goes() {
        let mut head = RequestHeader::build("PATCH", b"/", None).unwrap();
        head.append_header("X-oDD", "1").unwrap();
        head.append_header("x-Odd", "2").unwrap();
        edit_fields(&mut head, |fields| {
            fields.insert(header::HOST, HeaderValue::from_static("a.test"));
        })
        .unwrap();
        let mut wire = Vec::new();
        head.header_to_h1_wire(&mut wire);
        assert_eq!(head.method, Method::PATCH);
        assert_eq!(String::from_utf8(wire).unwrap(), "x-odd: 1\r\nx-odd: 2\r\nHost: a.test\r\n");
    }

    #[test]
    fn status_version_and_reason_stay() {
        for reason in ["OK", "All is well"] {
            let mut head = ResponseHeader::build(200, None).unwrap();
            head.set_version(http::Version::HTTP_10);
            head.set_reason_phrase(Some(reason)).unwrap();
            head.append_header("X-oDD", "1").unwrap();
            edit_reply_fields(&mut head, |fields| fields.remove("missing")).unwrap();
            let mut wire = Vec::new();
            head.header_to_h1_wire(&mut wire);
            assert_eq!((head.status.as_u16(), head.version), (200, http::Version::HTTP_10));
            assert_eq!(head.get_reason_phrase(), Some(reason));
            assert_eq!(wire, b"x-odd: 1\r\n");
        }
    }
}
