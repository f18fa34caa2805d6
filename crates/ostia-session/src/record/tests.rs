//! Tests.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Kept, NotASession, decode, encode};
use ostia_config::Secret;

use crate::fixture::{providers, session};
use crate::realm::Realms;
use crate::{Session, Token};

const ALL: Kept<'_> = Kept { claims: None, access_token: true };

fn realms() -> Realms {
    Realms::new(&providers())
}

fn encoded(session: &Session, kept: Kept<'_>) -> Vec<u8> {
    let realms = realms();
    encode(session, realms.by_provider("corp").unwrap().id, kept).unwrap().to_vec()
}

#[test]
fn a_session_comes_back_as_it_was() {
    let session = Session { access_token: Some(Token::new("a.b.c")), generation: 7, ..session() };
    assert_eq!(decode(&encoded(&session, ALL), &realms()).unwrap(), session);
}

#[test]
fn the_id_token_is_not_in_it() {
    let session = Session { id_token: Some(Token::new("a.b.c")), ..session() };
    assert_eq!(decode(&encoded(&session, ALL), &realms()).unwrap().id_token, None);
}

#[test]
fn claims_of_one_answer_are_left_out_and_sub_and_iss_always_come_back() {
    let mut session = session();
    let identity = Arc::make_mut(&mut session.identity);
    let claims =
        serde_json::json!({ "nonce": "n", "exp": 1, "iat": 1, "at_hash": "h", "jti": "j", "email": "e" });
    identity.claims = ostia_identity::Claims::new(claims.as_object().unwrap().clone());
    let opened = decode(&encoded(&session, ALL), &realms()).unwrap();
    let claims = opened.identity.claims.to_map();
    let names: Vec<_> = claims.keys().map(String::as_str).collect();
    assert_eq!(names, ["email", "iss", "sub"]);
}

#[test]
fn only_needed_claims_and_those_of_logout_and_step_up_stay_when_asked_for() {
    let needed = BTreeSet::from(["groups".to_owned()]);
    let opened =
        decode(&encoded(&session(), Kept { claims: Some(&needed), access_token: false }), &realms()).unwrap();
    let claims = opened.identity.claims.to_map();
    let names: Vec<_> = claims.keys().map(String::as_str).collect();
    assert_eq!(names, ["acr", "groups", "iss", "sid", "sub"]);
}

#[test]
fn every_truncation_and_any_addition_is_no_session() {
    let bytes = encoded(&session(), ALL);
    for length in 0..bytes.len() {
        assert_eq!(decode(&bytes[..length], &realms()).err(), Some(NotASession::Malformed), "{length}");
    }
    assert_eq!(decode(&[bytes.as_slice(), &[0]].concat(), &realms()).err(), Some(NotASession::Malformed));
}

#[test]
fn the_key_of_bound_tokens_comes_back_and_half_a_key_is_no_session() {
    let session = Session { proof_key: Some(Secret::new([7; 32])), ..session() };
    let bytes = encoded(&session, ALL);
    assert_eq!(decode(&bytes, &realms()).unwrap(), session);
    let next = session.refreshed(None, None, crate::Grant::default(), crate::fixture::now());
    assert_eq!(next.proof_key, session.proof_key, "a refresh keeps the binding");
    for cut in 1..32 {
        let cut = &bytes[..bytes.len() - cut];
        assert_eq!(decode(cut, &realms()).err(), Some(NotASession::Malformed));
    }
}

#[test]
fn a_realm_that_is_not_configured_is_told_apart() {
    let nobody = Realms::new(&std::collections::BTreeMap::new());
    assert_eq!(decode(&encoded(&session(), ALL), &nobody).err(), Some(NotASession::NoRealm));
}

#[test]
fn many_claims_are_deflated_and_few_are_not() {
    let mut session = session();
    let plain = encoded(&session, ALL);
    assert!(String::from_utf8_lossy(&plain).contains("alice@example.com"));
    let identity = Arc::make_mut(&mut session.identity);
    identity.claims.set("groups", vec!["staff".to_owned(); 1000].into());
    let deflated = encoded(&session, ALL);
    assert!(deflated.len() < 600, "{} bytes", deflated.len());
    assert_eq!(decode(&deflated, &realms()).unwrap(), session);
}

#[test]
fn what_inflates_beyond_all_measure_is_no_session() {
    let bomb = miniz_oxide::deflate::compress_to_vec(&vec![b' '; super::MAX_INFLATED_BYTES + 1], 9);
    assert!(super::ClaimsText::Deflated(&bomb).text().is_none());
    assert!(super::ClaimsText::Deflated(b"garbage").text().is_none());
}
