//! What goes into cookies comes out of them.

use std::time::Duration;

use ostia_config::Sessions;
use ostia_config::session::SameSite;

use crate::fixture::{HOST, alice, cookies, grant, jar, jwt, now, presented, providers, ring, session};
use crate::{
    Dropped, Grant, Opened, OpenedSession, Presented, SealRefused, Session, SessionCookies, SessionSlot,
    Token,
};

fn opened(cookies: &SessionCookies, jar: &[(String, String)]) -> OpenedSession {
    match cookies.open(presented(jar), HOST, now()) {
        Opened::Session(opened) => opened,
        other => panic!("{other:?}"),
    }
}

fn with_access_token(bytes: usize) -> Session {
    Session { access_token: Some(Token::new(&jwt(bytes))), ..session() }
}

/// Names that have nothing in common, as directories number their groups.
fn with_groups(count: u64) -> Session {
    let scrambled = |at: u64| at.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23);
    let uuid = |at: u64| {
        let (high, low) = (scrambled(at), scrambled(scrambled(at)));
        let [a, b, c, d] = [high >> 32, high >> 16 & 0xFFFF, high & 0xFFF, low >> 48 & 0x3FFF];
        format!("{a:08x}-{b:04x}-4{c:03x}-{:04x}-{:012x}", 0x8000 | d, low & 0xFFFF_FFFF_FFFF)
    };
    with_named_groups((0..count).map(uuid).collect())
}

fn with_named_groups(groups: Vec<String>) -> Session {
    let mut who = alice();
    who.claims.set("groups", groups.into());
    Session::begin(who, grant(), (&Sessions::default()).into(), now()).unwrap()
}

#[test]
fn a_session_comes_back_from_its_cookie() {
    let (cookies, session) = (cookies(), session());
    let sealed = cookies.seal(&session, HOST, Presented::NONE, now()).unwrap();
    assert_eq!((sealed.set_cookies.len(), sealed.dropped), (1, Dropped::default()));
    let jar = jar(&[], &sealed.set_cookies);
    assert!(jar[0].1.len() < 700, "{} characters", jar[0].1.len());
    let opened = opened(&cookies, &jar);
    assert_eq!(opened.session, session);
    assert_eq!((opened.needs_refresh, opened.reseal), (false, false));
}

#[test]
fn the_attributes_are_those_of_a_host_cookie() {
    let sealed = cookies().seal(&session(), HOST, Presented::NONE, now()).unwrap();
    let field = sealed.set_cookies[0].to_str().unwrap();
    assert!(field.starts_with("__Host-ostia=AQ"), "{field}");
    assert!(field.ends_with("; Path=/; Max-Age=43200; Secure; HttpOnly; SameSite=Lax"), "{field}");
    assert!(sealed.set_cookies[0].is_sensitive());
    let strict = Sessions { same_site: SameSite::Strict, ..Sessions::default() };
    let strict = SessionCookies::new(ring(&[1]), &strict, &providers()).unwrap();
    let sealed = strict.seal(&session(), HOST, Presented::NONE, now()).unwrap();
    assert!(sealed.set_cookies[0].to_str().unwrap().ends_with("; SameSite=Strict"));
}

#[test]
fn a_large_session_is_split_and_comes_back() {
    let cookies = cookies();
    for (bytes, chunks) in [(1000, 1), (3000, 2), (6000, 3), (9000, 4)] {
        let session = with_access_token(bytes);
        let sealed = cookies.seal(&session, HOST, Presented::NONE, now()).unwrap();
        assert_eq!(sealed.set_cookies.len(), chunks, "{bytes} bytes");
        assert_eq!(opened(&cookies, &jar(&[], &sealed.set_cookies)).session, session);
    }
}

#[test]
fn chunks_that_are_not_needed_any_more_are_taken_back_in_the_same_answer() {
    let cookies = cookies();
    let large = cookies.seal(&with_access_token(9000), HOST, Presented::NONE, now()).unwrap();
    let jar_before = jar(&[], &large.set_cookies);
    let before = opened(&cookies, &jar_before);
    let small = cookies.seal(&session(), HOST, before.presented, now()).unwrap();
    assert_eq!(small.set_cookies.len(), 4);
    let jar_after = jar(&jar_before, &small.set_cookies);
    assert_eq!(jar_after.len(), 1);
    opened(&cookies, &jar_after);
}

/// L10.
#[test]
fn claims_that_nothing_reads_go_as_soon_as_a_second_cookie_would_be_needed() {
    let cookies = cookies().with_needed_claims(["email".to_owned()]);
    let sealed = cookies.seal(&with_groups(500), HOST, Presented::NONE, now()).unwrap();
    assert_eq!(sealed.set_cookies.len(), 1);
    assert_eq!(sealed.dropped, Dropped { claims: true, ..Dropped::default() });
    let opened = opened(&cookies, &jar(&[], &sealed.set_cookies));
    let claims = &opened.session.identity.claims;
    assert!(claims.get("groups").is_none());
    assert_eq!(claims.get("email").unwrap().strings().next(), Some("alice@example.com"));
}

/// L10. Five hundred names fit into one cookie. Random UUIDs cannot be shortened much; Entra ID, which names groups so,
/// puts at most 200 into a token.
#[test]
fn hundreds_of_groups_that_a_policy_reads_stay() {
    let cookies = cookies().with_needed_claims(["groups".to_owned()]);
    let named =
        (0..500).map(|at| format!("department-{:02}-team-{:03}", at * 7 % 20, at * 7919 % 1000)).collect();
    for (count, session, most_cookies) in [
        (500, with_named_groups(named), 1),
        (200, with_groups(200), 2),
        // UUIDs without order or pattern: nothing but their bytes can be saved.
        (500, with_groups(500), 4),
    ] {
        let sealed = cookies.seal(&session, HOST, Presented::NONE, now()).unwrap();
        assert!(sealed.set_cookies.len() <= most_cookies, "{count}: {} cookies", sealed.set_cookies.len());
        let opened = opened(&cookies, &jar(&[], &sealed.set_cookies));
        assert_eq!(opened.session.identity.claims.get("groups").unwrap().strings().count(), count);
    }
}

/// L10.
#[test]
fn an_access_token_that_does_not_fit_is_left_out_and_told() {
    let session = with_access_token(12_000);
    let sealed = cookies().seal(&session, HOST, Presented::NONE, now()).unwrap();
    assert_eq!(sealed.dropped, Dropped { access_token: true, ..Dropped::default() });
    let opened = opened(&cookies(), &jar(&[], &sealed.set_cookies));
    assert_eq!(opened.session, Session { access_token: None, ..session });
}

/// L10.
#[test]
fn a_session_that_does_not_fit_at_all_is_refused_not_cut() {
    let refused = cookies().seal(&with_groups(2000), HOST, Presented::NONE, now()).unwrap_err();
    assert!(matches!(refused, SealRefused::SessionTooLarge { chars: 15_201.. }), "{refused:?}");
    assert_eq!(refused.slug(), "session_too_large");
}

#[test]
fn the_id_token_travels_alone_and_only_to_our_own_endpoints() {
    let cookies = cookies();
    let token = jwt(900);
    let session = Session { id_token: Some(Token::new(&token)), ..session() };
    let sealed = cookies.seal(&session, HOST, Presented::NONE, now()).unwrap();
    let field = sealed.set_cookies[1].to_str().unwrap();
    assert!(field.starts_with("__Secure-ostia-id=AQ"), "{field}");
    assert!(field.contains("; Path=/.ostia/; "), "{field}");
    let jar = jar(&[], &sealed.set_cookies);
    let hint = cookies.id_token(presented(&jar), HOST, session.id).unwrap();
    assert_eq!(*hint.text().reveal(), token);
    let other = Session::begin(alice(), Grant::default(), (&Sessions::default()).into(), now()).unwrap();
    assert_eq!(cookies.id_token(presented(&jar), HOST, other.id), None);
    assert_eq!(cookies.id_token(presented(&jar), "b.example", session.id), None);
}

#[test]
fn an_id_token_that_does_not_fit_is_left_out_and_told() {
    let session = Session { id_token: Some(Token::new(&jwt(6000))), ..session() };
    let sealed = cookies().seal(&session, HOST, Presented::NONE, now()).unwrap();
    assert_eq!(sealed.dropped, Dropped { id_token: true, ..Dropped::default() });
    assert_eq!(sealed.set_cookies.len(), 1);
}

#[test]
fn clearing_takes_back_what_was_presented() {
    let cookies = cookies();
    let session = Session { id_token: Some(Token::new(&jwt(900))), ..with_access_token(3000) };
    let sealed = cookies.seal(&session, HOST, Presented::NONE, now()).unwrap();
    let before = jar(&[], &sealed.set_cookies);
    let presented = opened(&cookies, &before).presented;
    assert_eq!(jar(&before, &cookies.clear(SessionSlot::ONLY, presented)), []);
}

#[test]
fn a_session_of_a_provider_that_is_not_configured_is_not_sealed() {
    let cookies = cookies();
    for (provider, issuer) in [("other", "https://login.example.com"), ("corp", "https://other.example")] {
        let who = crate::SignedIn { provider: provider.into(), issuer: issuer.into(), ..alice() };
        let session = Session::begin(who, grant(), (&Sessions::default()).into(), now()).unwrap();
        let refused = cookies.seal(&session, HOST, Presented::NONE, now()).unwrap_err();
        assert_eq!(refused, SealRefused::NoRealm, "{provider} {issuer}");
    }
}

/// S7.
#[test]
fn ten_rotations_of_the_key_keep_every_session() {
    let config = Sessions::default();
    let mut jars = vec![(session(), Vec::new())];
    for round in 1..=10_u8 {
        let seeds: Vec<u8> = (0..=round).rev().collect();
        let cookies = SessionCookies::new(ring(&seeds), &config, &providers()).unwrap();
        for (session, jar_of) in &mut jars {
            if !jar_of.is_empty() {
                let opened = opened(&cookies, jar_of);
                assert!(opened.reseal, "round {round}: an older key asks to be sealed anew");
                assert_eq!(opened.session, *session);
            }
            let sealed = cookies.seal(session, HOST, Presented::NONE, now()).unwrap();
            *jar_of = jar(jar_of, &sealed.set_cookies);
            assert!(!opened(&cookies, jar_of).reseal);
        }
        let fresh = session();
        let sealed = cookies.seal(&fresh, HOST, Presented::NONE, now()).unwrap();
        jars.push((fresh, jar(&[], &sealed.set_cookies)));
    }
}

#[test]
fn a_session_says_when_it_wants_to_be_refreshed_or_written_anew() {
    let (cookies, session) = (cookies(), session());
    let jar = jar(&[], &cookies.seal(&session, HOST, Presented::NONE, now()).unwrap().set_cookies);
    for (after, needs_refresh, reseal) in
        [(0, false, false), (239, false, false), (240, true, false), (361, true, true)]
    {
        let Opened::Session(opened) = cookies.open(presented(&jar), HOST, now() + Duration::from_secs(after))
        else {
            panic!("{after} s")
        };
        assert_eq!((opened.needs_refresh, opened.reseal), (needs_refresh, reseal), "{after} s");
    }
}
