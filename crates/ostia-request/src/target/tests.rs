use proptest::prelude::*;

use super::*;

/// PINGORA 2 rows 1 to 5; oauth2-proxy CVE-2026-41059 (`#`).
#[test]
fn targets_with_two_readings_are_refused() {
    for (target, reason) in [
        (&b""[..], HeadRefused::TargetForm),
        (b"*", HeadRefused::TargetAsterisk),
        (b"a", HeadRefused::TargetForm),
        (b"admin/", HeadRefused::TargetForm),
        (b"?a", HeadRefused::TargetForm),
        (b"example.com:443", HeadRefused::TargetForm),
        (b"ftp://a/", HeadRefused::TargetForm),
        (b"http:/a/", HeadRefused::TargetForm),
        (b"http:a", HeadRefused::TargetForm),
        (b"foo:http://a/", HeadRefused::TargetForm),
        (b"/public#/admin", HeadRefused::TargetFragment),
        (b"/public?a#b", HeadRefused::TargetFragment),
        (b"http://a#b", HeadRefused::TargetFragment),
        (b"*#", HeadRefused::TargetFragment),
        (b"/a\\..\\b", HeadRefused::TargetBackslash),
        (b"http://a\\b", HeadRefused::TargetBackslash),
        (b"/a b", HeadRefused::TargetControl),
        (b"/a?b c", HeadRefused::TargetControl),
        (b"/a\tb", HeadRefused::TargetControl),
        (b"/a\r\nb", HeadRefused::TargetControl),
        (b"/a\0b", HeadRefused::TargetControl),
        (b"/a?b\0", HeadRefused::TargetControl),
        (b"/a\x7f", HeadRefused::TargetControl),
        (b"/\xff", HeadRefused::TargetNotAscii),
        (b"/?\xff", HeadRefused::TargetNotAscii),
        ("/b\u{fc}cher".as_bytes(), HeadRefused::TargetNotAscii),
        (b"/a%00", HeadRefused::TargetNul),
        (b"/a%", HeadRefused::TargetPercent),
        (b"/a%4", HeadRefused::TargetPercent),
        (b"/a%zz", HeadRefused::TargetPercent),
        (b"/a%u002e", HeadRefused::TargetPercent),
        (b"/a%+1", HeadRefused::TargetPercent),
        (b"/100%/a", HeadRefused::TargetPercent),
    ] {
        let judged = examine(target).map(|target| target.path.to_owned());
        assert_eq!(judged, Err(reason), "{:?}", String::from_utf8_lossy(target));
    }
}

/// LESSONS 1.3: HAProxy read `http://host?x` wrongly.
#[test]
fn targets_are_divided_byte_for_byte() {
    use TargetForm::{Absolute, Origin};
    for (target, form, authority, path, query) in [
        ("/", Origin, None, "/", None),
        ("/a?", Origin, None, "/a", Some("")),
        ("/a?b?c", Origin, None, "/a", Some("b?c")),
        ("/a%2Fb?x=%zz&y=\\%", Origin, None, "/a%2Fb", Some("x=%zz&y=\\%")),
        ("//host/a", Origin, None, "//host/a", None),
        ("/http://a/", Origin, None, "/http://a/", None),
        ("/a^{}|[]`\"<>", Origin, None, "/a^{}|[]`\"<>", None),
        ("http://a", Absolute, Some("a"), "/", None),
        ("http://a?x", Absolute, Some("a"), "/", Some("x")),
        ("HTTPS://u@a:80x/b?c", Absolute, Some("u@a:80x"), "/b", Some("c")),
        ("http:///b", Absolute, Some(""), "/b", None),
    ] {
        let read = examine(target.as_bytes()).expect(target);
        let authority: Option<&[u8]> = authority.map(str::as_bytes);
        assert_eq!(
            (read.form, read.authority, read.path, read.query),
            (form, authority, path, query),
            "{target}"
        );
    }
}

#[test]
fn ordinary_paths_are_plain() {
    for path in [
        "/",
        "/a",
        "/a/b.html",
        "/.well-known/x",
        "/.ostia/callback",
        "/a/...",
        "/a..b/c",
        "/A/B~c",
        "/a/",
        "/..a/.b",
    ] {
        assert!(examine(path.as_bytes()).is_ok_and(|target| target.is_plain), "{path}");
    }
    for path in
        ["//", "/a//b", "/a//", "/.", "/..", "/a/.", "/a/./b", "/a/..", "/../a", "/a;b", "/%41", "/a;"]
    {
        assert!(examine(path.as_bytes()).is_ok_and(|target| !target.is_plain), "{path}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_refused_or_divided_without_loss(target in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(read) = examine(&target) {
            let mut whole = read.path.to_owned();
            if let Some(query) = read.query {
                whole = whole + "?" + query;
            }
            prop_assert!(target.ends_with(whole.trim_start_matches('/').as_bytes()));
            prop_assert!(read.path.starts_with('/'));
        }
    }

    #[test]
    fn a_path_is_plain_exactly_when_no_step_changes_it(path in r"/[a%2.;/\\A]{0,10}") {
        if let Ok(read) = examine(path.as_bytes()) {
            let readings = crate::readings(read.path);
            prop_assert_eq!(read.is_plain, readings.is_ok_and(|readings| readings.is_empty()));
        }
    }
}
