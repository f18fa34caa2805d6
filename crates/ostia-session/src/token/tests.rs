//! Tests.

use proptest::prelude::*;

use super::Token;
use crate::fixture::jwt;

#[test]
fn a_jwt_is_kept_in_three_quarters_of_its_length() {
    let token = jwt(600);
    let kept = Token::new(&token);
    assert!(kept.kept().len() * 4 <= token.len() * 3 + 16, "{} of {}", kept.kept().len(), token.len());
    assert_eq!(*kept.text().reveal(), token);
}

#[test]
fn every_token_comes_back_byte_for_byte() {
    for token in [
        "",
        ".",
        "..",
        "a",
        "ab",
        "AA",
        "AB",
        "AA.AA",
        "a.b.c",
        "AA..AA",
        "AA.AA.AA.AA.AA",
        "AA.AA.AA.AA.AA.AA",
        "opaque/token+with=base64",
        "AAA=",
        "ya29.a0Af",
        "ü",
        "tGzv3JOkF0XG5Qx2TlKWIA",
        "zz",
    ] {
        assert_eq!(*Token::new(token).text().reveal(), token);
    }
}

#[test]
fn what_is_not_kept_in_this_form_is_no_token() {
    for kept in [&[][..], &[6], &[2], &[2, 0], &[2, 0, 5, 1], &[0, 0xFF], &[3, 0, 1, 0, 9, 1, 2]] {
        assert_eq!(Token::from_kept(kept), None, "{kept:?}");
    }
}

#[test]
fn debug_shows_nothing() {
    assert_eq!(format!("{:?}", Token::new("secret")), "<token>");
}

proptest! {
    #[test]
    fn any_text_comes_back(token in "[A-Za-z0-9_.=-]{0,200}|.{0,60}") {
        let kept = Token::new(&token);
        let text = kept.text();
        prop_assert_eq!(text.reveal(), &token);
        prop_assert_eq!(Token::from_kept(kept.kept()), Some(kept));
    }

    #[test]
    fn any_kept_bytes_are_read_without_panic(kept in prop::collection::vec(any::<u8>(), 0..80)) {
        if let Some(token) = Token::from_kept(&kept) {
            let _ = token.text();
        }
    }
}
