//! Bodies of the fuzz targets, as ordinary functions: the corpus replays on a stable compiler.
//!
//! Each takes any bytes, must not panic, and asserts what must hold for all of them. [`TARGETS`] names them as the
//! folders of `corpus/` are named.

use std::net::IpAddr;

use http::header::{COOKIE, FORWARDED};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};

use crate::cookie::{self, Cut};
use crate::{Head, Host, Limits, client, examine, is_navigation, readings};

/// A target by name.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 5] =
    [("request", request), ("host", host), ("path", path), ("cookie", cookie), ("forwarded", forwarded)];

/// A head in a simple notation: `method SP target LF *( name ":" value LF )`, all bytes allowed.
pub fn request(data: &[u8]) {
    let mut lines = data.split(|&byte| byte == b'\n');
    let mut words = lines.next().unwrap_or_default().splitn(2, |&byte| byte == b' ');
    let Ok(method) = Method::from_bytes(words.next().unwrap_or_default()) else { return };
    let target = words.next().unwrap_or_default();
    let headers: HeaderMap = lines
        .filter_map(|line| {
            let mut sides = line.splitn(2, |&byte| byte == b':');
            let name = HeaderName::from_bytes(sides.next()?).ok()?;
            Some((name, HeaderValue::from_bytes(sides.next()?).ok()?))
        })
        .collect();
    for version in [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2] {
        let head = Head { version, method: &method, target, authority: None, headers: &headers };
        if let Ok(examined) = examine(&head, &Limits::default()) {
            assert!(examined.path().starts_with('/'), "a path begins with a slash");
            let hosts = headers.get_all("host").iter().count();
            let least = usize::from(version < Version::HTTP_2);
            assert!((least..=1).contains(&hosts), "one Host; in HTTP/2 the target may name it alone");
            let _ = examined.readings();
        }
        let _ = is_navigation(&method, &headers);
    }
}

/// A host, which reads the same after it was written.
pub fn host(data: &[u8]) {
    if let Ok(host) = Host::parse(data) {
        assert_eq!(
            Host::parse(host.to_string().as_bytes()).as_ref(),
            Ok(&host),
            "a host reads as it was written"
        );
    }
}

/// A path and its readings, none of which is the literal one.
pub fn path(data: &[u8]) {
    let Ok(path) = std::str::from_utf8(data) else { return };
    if let Ok(readings) = readings(path) {
        for reading in readings.iter() {
            assert!(
                reading.case == crate::Case::Folded || *reading.bytes != *data,
                "a reading is another path"
            );
        }
    }
}

/// A cookie field, in which nothing of ours is left after the cut.
pub fn cookie(data: &[u8]) {
    let is_ours = |name: &[u8]| name == b"ours";
    let rest = match cookie::without(data, is_ours) {
        Cut::Unchanged => data.to_vec(),
        Cut::Changed(rest) => rest,
        Cut::Empty => Vec::new(),
    };
    assert!(!cookie::pairs(&rest).any(|(name, _)| is_ours(name)), "none of ours is left");
    if let Ok(value) = HeaderValue::from_bytes(data) {
        let headers = HeaderMap::from_iter([(COOKIE, value.clone()), (COOKIE, value)]);
        let count = cookie::joined(&headers).map(|joined| cookie::pairs(&joined).count());
        assert_eq!(count, Some(2 * cookie::pairs(data).count()), "joining loses no cookie");
    }
}

/// Forwarding fields, which a stranger's address outlives.
pub fn forwarded(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else { return };
    let trusted = ["10.0.0.0/8"].iter().filter_map(|network| network.parse().ok()).collect::<Vec<_>>();
    for name in [FORWARDED, HeaderName::from_static("x-forwarded-for")] {
        let headers = HeaderMap::from_iter([(name, value.clone())]);
        let _ = client(IpAddr::from([10, 0, 0, 1]), &headers, &trusted);
        let stranger = client(IpAddr::from([192, 0, 2, 1]), &headers, &trusted);
        assert_eq!(stranger.map(|client| client.address), Ok(IpAddr::from([192, 0, 2, 1])));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_corpus_replays() {
        ostia_testkit::replay(env!("CARGO_MANIFEST_DIR"), &super::TARGETS, usize::MAX);
    }
}
