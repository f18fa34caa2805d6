use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn is_ours(name: &[u8]) -> bool {
    name.starts_with(b"__Host-ostia")
}

/// PROMISES L11; LESSONS 1.4 (cookie prefix evasion).
#[test]
fn our_cookies_are_cut_out_and_nothing_else() {
    let changed = |rest: &str| Cut::Changed(rest.into());
    for (field, expected) in [
        ("a=1", Cut::Unchanged),
        ("", Cut::Unchanged),
        (";;", Cut::Unchanged),
        ("__Host-ostia=x", Cut::Empty),
        (" ;__Host-ostia=x; ", Cut::Empty),
        ("__Host-ostia=x; __Host-ostia.1=y", Cut::Empty),
        ("__Host-ostia", Cut::Empty),
        ("a=1; __Host-ostia=x", changed("a=1")),
        ("__Host-ostia=x;a=1", changed("a=1")),
        ("a=1;\t__Host-ostia \t=x ;b=2", changed("a=1; b=2")),
        ("a=\"1\"; __Host-ostia=x; b= 2 =3 ; c", changed("a=\"1\"; b= 2 =3; c")),
        ("$Version=1; a=\"; __Host-ostia=x; b=\"", changed("$Version=1; a=\"; b=\"")),
        // Names that only look like ours stay with whom they belong to.
        ("__host-ostia=x", Cut::Unchanged),
        ("\u{a0}__Host-ostia=x", Cut::Unchanged),
        ("\u{2003}__Host-ostia=x", Cut::Unchanged),
        ("a=__Host-ostia=x", Cut::Unchanged),
        ("a,__Host-ostia=x", Cut::Unchanged),
        ("\x0b__Host-ostia=x", Cut::Unchanged),
    ] {
        assert_eq!(without(field.as_bytes(), is_ours), expected, "{field:?}");
    }
}

#[test]
fn pairs_are_read_byte_for_byte() {
    let field = b"a=1; b=\"2\";c = 3=4 ;; d;=5; a=6;\xff=\xfe";
    let expected: [(&[u8], &[u8]); 7] = [
        (b"a", b"1"),
        (b"b", b"\"2\""),
        (b"c", b"3=4"),
        (b"d", b""),
        (b"", b"5"),
        (b"a", b"6"),
        (b"\xff", b"\xfe"),
    ];
    assert_eq!(pairs(field).collect::<Vec<_>>(), expected);
}

/// PINGORA 2 row 38; RFC 9113 8.2.3.
#[test]
fn crumbs_are_joined() {
    let joined = |fields: &[&'static str]| {
        let headers: HeaderMap =
            fields.iter().map(|field| (COOKIE, HeaderValue::from_static(field))).collect();
        joined(&headers).map(Cow::into_owned)
    };
    assert_eq!(joined(&[]), None);
    assert_eq!(joined(&["a=1"]), Some(b"a=1".to_vec()));
    assert_eq!(joined(&["a=1", "b=2; c=3", "d=4"]), Some(b"a=1; b=2; c=3; d=4".to_vec()));
}

/// The cut as one thinks of it: split, drop, join.
fn slowly(field: &[u8]) -> Cut {
    let blank = |c: char| c == ' ' || c == '\t';
    let text: String = field.iter().map(|&byte| byte as char).collect();
    let pieces: Vec<&str> =
        text.split(';').map(|piece| piece.trim_matches(blank)).filter(|p| !p.is_empty()).collect();
    let name = |piece: &&str| -> Vec<u8> {
        piece.split('=').next().unwrap_or(piece).trim_matches(blank).chars().map(|c| c as u8).collect()
    };
    let kept: Vec<&str> = pieces.iter().copied().filter(|piece| !is_ours(&name(piece))).collect();
    match kept.len() {
        kept if kept == pieces.len() => Cut::Unchanged,
        0 => Cut::Empty,
        _ => Cut::Changed(kept.join("; ").chars().map(|c| c as u8).collect()),
    }
}

proptest! {
    #[test]
    fn the_cut_agrees_with_the_slow_one(field in r"([ \t]{0,2}(a|__Host-ostia|__host-ostia|\u{a0})?[ =;\t]{0,3}x?){0,8}") {
        prop_assert_eq!(without(field.as_bytes(), is_ours), slowly(field.as_bytes()));
    }

    #[test]
    fn arbitrary_bytes_are_cut_as_slowly(field in prop::collection::vec(any::<u8>(), 0..60)) {
        prop_assert_eq!(without(&field, is_ours), slowly(&field));
    }

    #[test]
    fn what_is_left_holds_none_of_ours(field in r"(a=1|__Host-ostia=x|;| |\t|=){0,12}") {
        if let Cut::Changed(rest) = without(field.as_bytes(), is_ours) {
            prop_assert_eq!(without(&rest, is_ours), Cut::Unchanged);
        }
    }
}
