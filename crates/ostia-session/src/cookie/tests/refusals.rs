//! S9: any flipped bit, truncation, swap or mix of chunks is no session. L9: nor is a session of elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ostia_config::Sessions;
use proptest::prelude::*;

use crate::fixture::{HOST, alice, cookies, jar, jwt, now, presented, provider, providers, ring, session};
use crate::{
    OpenRefused, Opened, Presented, Session, SessionCookies, SessionRefused, SessionSlot, Token, fuzzing,
};

type Jar = Vec<(String, String)>;

fn sealed(cookies: &SessionCookies, session: &Session) -> Jar {
    jar(&[], &cookies.seal(session, HOST, Presented::NONE, now()).unwrap().set_cookies)
}

fn reason(cookies: &SessionCookies, jar: &Jar) -> Option<SessionRefused> {
    match cookies.open(presented(jar), HOST, now()) {
        Opened::Refused { reason, .. } => Some(reason),
        Opened::Absent => panic!("absent"),
        Opened::Session(_) | Opened::Ticket(_) => None,
    }
}

fn large(seed: usize) -> Session {
    Session { access_token: Some(Token::new(&jwt(8000 + seed))), ..session() }
}

#[test]
fn every_flipped_bit_of_a_session_is_no_session() {
    let cookies = cookies();
    let [(name, value)] = sealed(&cookies, &session()).try_into().unwrap();
    for bit in 0..value.len() * 8 {
        let mut bytes = value.clone().into_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let opened = cookies.open([(name.as_bytes(), bytes.as_slice())], HOST, now());
        assert!(matches!(opened, Opened::Refused { .. }), "bit {bit}: {opened:?}");
    }
}

#[test]
fn every_truncation_of_a_session_is_no_session() {
    let cookies = cookies();
    let [(name, value)] = sealed(&cookies, &session()).try_into().unwrap();
    for length in 0..value.len() {
        assert!(reason(&cookies, &vec![(name.clone(), value[..length].to_owned())]).is_some(), "{length}");
    }
}

#[test]
fn no_cookie_at_all_is_no_refusal() {
    let others: [(&[u8], &[u8]); 2] = [(b"theme", b"dark"), (b"__Host-other", b"x")];
    assert!(matches!(cookies().open(others, HOST, now()), Opened::Absent));
}

#[test]
fn missing_swapped_doubled_and_left_over_chunks_are_no_session() {
    let cookies = cookies();
    let whole = sealed(&cookies, &large(0));
    assert_eq!((whole.len(), reason(&cookies, &whole)), (3, None));
    let swapped = |one: usize, two: usize| {
        let mut jar = whole.clone();
        let value = std::mem::replace(&mut jar[one].1, whole[two].1.clone());
        jar[two].1 = value;
        jar
    };
    let without = |gone: usize| {
        let mut jar = whole.clone();
        jar.remove(gone);
        jar
    };
    let with = |name: &str, value: &str| [whole.clone(), vec![(name.to_owned(), value.to_owned())]].concat();
    for (what, jar, expected) in [
        ("the first is missing", without(0), SessionRefused::Incomplete),
        ("the second is missing", without(1), SessionRefused::Incomplete),
        ("the last is missing", without(2), SessionRefused::Incomplete),
        ("the first twice", with("__Host-ostia", &whole[0].1), SessionRefused::Ambiguous),
        ("the last twice", with("__Host-ostia.2", &whole[2].1), SessionRefused::Ambiguous),
        ("a fourth", with("__Host-ostia.3", "AAAA"), SessionRefused::Incomplete),
        ("second for last", swapped(1, 2), SessionRefused::Incomplete),
    ] {
        assert_eq!(reason(&cookies, &jar), Some(expected), "{what}");
    }
    assert!(reason(&cookies, &swapped(0, 1)).is_some(), "first for second");
}

#[test]
fn chunks_of_two_generations_are_no_session() {
    let cookies = cookies();
    let old = large(0);
    let new = old.refreshed(
        None,
        None,
        crate::Grant { access_token: old.access_token.clone(), ..Default::default() },
        now(),
    );
    let (old, new) = (sealed(&cookies, &old), sealed(&cookies, &new));
    assert_eq!(old.len(), new.len());
    for mix in 1..(1 << old.len()) - 1_usize {
        let mixed: Jar =
            (0..old.len()).map(|at| if mix >> at & 1 == 0 { &old } else { &new }[at].clone()).collect();
        assert_eq!(
            reason(&cookies, &mixed),
            Some(SessionRefused::Sealed(OpenRefused::Forged)),
            "mix {mix:b}"
        );
    }
}

#[test]
fn a_session_of_another_host_name_or_key_does_not_open() {
    let config = Sessions::default();
    let here = cookies();
    let jar = sealed(&here, &session());
    let other_key = SessionCookies::new(ring(&[2]), &config, &providers()).unwrap();
    assert_eq!(reason(&other_key, &jar), Some(SessionRefused::Sealed(OpenRefused::UnknownKey)));

    let named = Sessions { cookie_name: "__Host-other".to_owned(), ..config };
    let other_name = SessionCookies::new(ring(&[1]), &named, &providers()).unwrap();
    let renamed = vec![("__Host-other".to_owned(), jar[0].1.clone())];
    assert_eq!(reason(&other_name, &renamed), Some(SessionRefused::Sealed(OpenRefused::Forged)));

    let opened = here.open(presented(&jar), "other.example.com", now());
    assert!(
        matches!(opened, Opened::Refused { reason: SessionRefused::Sealed(OpenRefused::Forged), .. }),
        "{opened:?}"
    );
}

#[test]
fn an_id_token_or_a_flow_in_the_place_of_the_session_does_not_open() {
    let cookies = cookies();
    let session = Session { id_token: Some(Token::new(&jwt(100))), ..session() };
    let jar = sealed(&cookies, &session);
    let moved = vec![("__Host-ostia".to_owned(), jar[1].1.clone())];
    assert_eq!(reason(&cookies, &moved), Some(SessionRefused::Sealed(OpenRefused::Forged)));
}

#[test]
fn a_provider_that_got_another_issuer_or_client_has_no_sessions_of_before() {
    let jar = sealed(&cookies(), &session());
    for (what, provider) in [
        ("removed", provider("another", "https://login.example.com", "ostia")),
        ("another issuer", provider("corp", "https://login.other.example", "ostia")),
        ("another client", provider("corp", "https://login.example.com", "ostia-2")),
    ] {
        let providers = BTreeMap::from([(provider.name.clone(), Arc::new(provider))]);
        let cookies = SessionCookies::new(ring(&[1]), &Sessions::default(), &providers).unwrap();
        assert_eq!(reason(&cookies, &jar), Some(SessionRefused::NoRealm), "{what}");
    }
}

/// L9.
#[test]
fn two_hundred_realms_each_open_their_own_sessions_alone() {
    let names: Vec<_> = (0..200).map(|at| (format!("p{at}"), format!("https://{at}.example"))).collect();
    let all: BTreeMap<_, _> = names
        .iter()
        .map(|(name, issuer)| provider(name, issuer, "ostia"))
        .map(|provider| (provider.name.clone(), Arc::new(provider)))
        .collect();
    let cookies = SessionCookies::new(ring(&[1]), &Sessions::default(), &all).unwrap();
    for (name, issuer) in &names {
        let who =
            crate::SignedIn { provider: name.as_str().into(), issuer: issuer.as_str().into(), ..alice() };
        let session = Session::begin(who, Default::default(), cookies.lifetimes(), now()).unwrap();
        let jar = sealed(&cookies, &session);
        let Opened::Session(opened) = cookies.open(presented(&jar), HOST, now()) else { panic!("{name}") };
        assert_eq!(*opened.session.identity.provider, **name);
        assert_eq!(*opened.session.identity.issuer, **issuer);
    }
}

#[test]
fn an_ended_session_is_refused_with_its_reason_and_what_was_presented() {
    let cookies = cookies();
    let jar = sealed(&cookies, &session());
    for (after, expected) in [
        (3600, SessionRefused::IdleEnded),
        (12 * 3600, SessionRefused::Ended),
        (10_000_000, SessionRefused::Ended),
    ] {
        let opened = cookies.open(presented(&jar), HOST, now() + Duration::from_secs(after));
        let Opened::Refused { reason, presented } = opened else { panic!("{opened:?}") };
        assert_eq!(reason, expected, "{after} s");
        assert_eq!(
            cookies.clear(SessionSlot::ONLY, presented).len(),
            3,
            "the session and both places of the ID token"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_changed_byte_in_any_chunk_is_no_session(chunk in 0_usize..3, at in 0_usize..3800, byte in any::<u8>()) {
        let cookies = cookies();
        let mut jar: Vec<(String, Vec<u8>)> =
            sealed(&cookies, &large(0)).into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
        let at = at % jar[chunk].1.len();
        prop_assume!(jar[chunk].1[at] != byte);
        jar[chunk].1[at] = byte;
        let presented = jar.iter().map(|(name, value)| (name.as_bytes(), value.as_slice()));
        let is_refused = matches!(cookies.open(presented, HOST, now()), Opened::Refused { .. });
        prop_assert!(is_refused);
    }

    #[test]
    fn chunks_of_two_sessions_in_any_mix_are_no_session(mix in 1_usize..7) {
        let cookies = cookies();
        let (one, two) = (sealed(&cookies, &large(0)), sealed(&cookies, &large(0)));
        let mixed: Jar = (0..3).map(|at| if mix >> at & 1 == 0 { &one } else { &two }[at].clone()).collect();
        prop_assert!(reason(&cookies, &mixed).is_some());
    }

    #[test]
    fn arbitrary_cookies_never_panic_and_never_open(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        fuzzing::cookies(&bytes);
    }

    #[test]
    fn arbitrary_base64_under_our_names_never_opens(
        values in prop::collection::vec("[A-Za-z0-9_-]{0,90}", 1..5),
    ) {
        let line: Vec<String> = values
            .iter()
            .enumerate()
            .map(|(at, value)| format!("__Host-ostia{}=AQ{value}", if at == 0 { String::new() } else { format!(".{at}") }))
            .collect();
        fuzzing::cookies(line.join("; ").as_bytes());
    }
}

proptest! {
    #[test]
    fn nothing_that_is_sealed_breaks_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        fuzzing::sealed_session(&bytes);
        fuzzing::sealed_flow(&bytes);
    }
}

#[test]
fn records_with_any_changed_byte_break_no_reader() {
    let session = session();
    let record = crate::record::encode(
        &session,
        cookies().realm_of(&session).unwrap().id,
        crate::record::Kept { claims: None, access_token: true },
    )
    .unwrap();
    for at in 0..record.len() {
        for change in [1, 0x80, 0xff] {
            let mut changed = record.to_vec();
            changed[at] ^= change;
            fuzzing::sealed_session(&changed);
            fuzzing::sealed_flow(&changed);
        }
        fuzzing::sealed_session(&record[..at]);
    }
}
