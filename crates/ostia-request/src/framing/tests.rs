use http::HeaderName;

use super::*;

fn judge(
    version: Version,
    method: Method,
    fields: &[(&'static str, &'static str)],
) -> Result<(Body, Upgrade), HeadRefused> {
    let headers: HeaderMap = fields
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect();
    examine(version, &method, &headers)
}

fn post(fields: &[(&'static str, &'static str)]) -> Result<(Body, Upgrade), HeadRefused> {
    judge(Version::HTTP_11, Method::POST, fields)
}

const WEBSOCKET: (&str, &str) = ("upgrade", "websocket");
const NOMINATED: (&str, &str) = ("connection", "Upgrade");

/// PINGORA 2 rows 8, 9; issues 945 and 309.
#[test]
fn lengths_with_two_readings_are_refused() {
    for value in [
        "+3",
        "-3",
        " 3",
        "3 ",
        "3,3",
        "3, 3",
        "",
        "0x3",
        "3.0",
        "3e1",
        "3_0",
        "9223372036854775808",
        "00000000000000000003",
    ] {
        assert_eq!(post(&[("content-length", value)]), Err(HeadRefused::LengthMalformed), "{value:?}");
    }
    for second in ["3", "4", ""] {
        let fields = [("content-length", "3"), ("content-length", second)];
        assert_eq!(post(&fields), Err(HeadRefused::LengthRepeated), "{second:?}");
    }
    let both = [("content-length", "3"), ("transfer-encoding", "chunked")];
    assert_eq!(post(&both), Err(HeadRefused::LengthWithCoding));
}

/// PINGORA 2 rows 10, 11; Netty CVE-2026-89044.
#[test]
fn transfer_codings_other_than_one_chunked_are_refused() {
    for value in [
        "gzip, chunked",
        "chunked, gzip",
        "chunked, chunked",
        "xchunked",
        "identity",
        "",
        "chunked;a=b",
        "\"chunked\"",
    ] {
        assert_eq!(post(&[("transfer-encoding", value)]), Err(HeadRefused::TransferCoding), "{value:?}");
    }
    let twice = [("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")];
    assert_eq!(post(&twice), Err(HeadRefused::TransferCoding));
    let old = judge(Version::HTTP_10, Method::POST, &[("transfer-encoding", "chunked")]);
    assert_eq!(old, Err(HeadRefused::TransferCodingVersion));
}

#[test]
fn plain_framing_passes() {
    assert_eq!(post(&[]), Ok((Body::Unannounced, Upgrade::None)));
    assert_eq!(post(&[("content-length", "0")]), Ok((Body::Length(0), Upgrade::None)));
    assert_eq!(post(&[("content-length", "007")]), Ok((Body::Length(7), Upgrade::None)));
    let most = ("content-length", "9223372036854775807");
    assert_eq!(post(&[most]), Ok((Body::Length(i64::MAX as u64), Upgrade::None)));
    assert_eq!(post(&[("transfer-encoding", "Chunked")]), Ok((Body::Chunked, Upgrade::None)));
}

/// nghttpx CVE-2026-58055, Pingora CVE-2026-2833.
#[test]
fn upgrades_with_a_body_are_refused() {
    for body in [("content-length", "1"), ("transfer-encoding", "chunked")] {
        for protocol in ["websocket", "h2c"] {
            let fields = [("upgrade", protocol), NOMINATED, body];
            let judged = judge(Version::HTTP_11, Method::GET, &fields);
            assert_eq!(judged, Err(HeadRefused::UpgradeWithBody), "{protocol} {body:?}");
        }
    }
    let empty = judge(Version::HTTP_11, Method::GET, &[WEBSOCKET, NOMINATED, ("content-length", "0")]);
    assert_eq!(empty, Ok((Body::Length(0), Upgrade::WebSocket)));
}

/// HAProxy 3843f48fa and others: Upgrade without Connection, h2c behind a second Upgrade line.
#[test]
fn upgrades_to_websocket_with_anything_odd_are_refused() {
    for (version, method, fields) in [
        (Version::HTTP_11, Method::GET, &[WEBSOCKET][..]),
        (Version::HTTP_11, Method::GET, &[WEBSOCKET, ("connection", "close")]),
        (Version::HTTP_11, Method::GET, &[WEBSOCKET, ("upgrade", "h2c"), NOMINATED]),
        (Version::HTTP_11, Method::GET, &[("upgrade", "h2c, websocket"), NOMINATED]),
        (Version::HTTP_11, Method::GET, &[("upgrade", "websocket/13"), NOMINATED]),
        (Version::HTTP_11, Method::POST, &[WEBSOCKET, NOMINATED]),
        (Version::HTTP_10, Method::GET, &[WEBSOCKET, NOMINATED]),
    ] {
        let judged = judge(version, method.clone(), fields);
        assert_eq!(judged, Err(HeadRefused::UpgradeMalformed), "{version:?} {method} {fields:?}");
    }
}

/// PINGORA 2 rows 17, 18.
#[test]
fn only_a_websocket_is_an_upgrade() {
    let websocket = [("upgrade", "WebSocket"), ("connection", "keep-alive, upgrade")];
    assert_eq!(judge(Version::HTTP_11, Method::GET, &websocket), Ok((Body::Unannounced, Upgrade::WebSocket)));
    for other in ["h2c", "anything", "TLS/1.2, HTTP/1.1", ""] {
        let judged = judge(Version::HTTP_11, Method::GET, &[("upgrade", other), NOMINATED]);
        assert_eq!(judged, Ok((Body::Unannounced, Upgrade::Ignored)), "{other:?}");
    }
}

/// Kettle 2025: obfuscated Expect.
#[test]
fn expectations_other_than_continue_are_refused() {
    for value in ["100-continue, x", "100-continue ", "y 100-continue", "200-ok", "", "100-continue\t"] {
        assert_eq!(post(&[("expect", value)]), Err(HeadRefused::Expectation), "{value:?}");
    }
    let twice = [("expect", "100-continue"), ("expect", "100-continue")];
    assert_eq!(post(&twice), Err(HeadRefused::Expectation));
    let fields = [("expect", "100-Continue"), ("content-length", "3")];
    assert_eq!(post(&fields), Ok((Body::Length(3), Upgrade::None)));
}
