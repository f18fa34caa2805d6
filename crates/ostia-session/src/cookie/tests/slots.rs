//! Sessions at several providers in one browser on one host.

use std::collections::BTreeMap;

use ostia_config::Sessions;

use crate::fixture::{HOST, alice, cookies, grant, jar, jwt, now, presented, provider, ring, session};
use crate::{
    Opened, OpenedSession, Presented, Session, SessionCookies, SessionPlace, SessionRefused, SessionSlot,
    SignedIn, Token,
};

type Jar = Vec<(String, String)>;

fn at(provider: &str) -> SessionPlace<'static> {
    SessionPlace { host: HOST, slot: SessionSlot::at(provider) }
}

fn at_partner() -> Session {
    let who = SignedIn {
        provider: "partner".into(),
        issuer: "https://login.partner.example".into(),
        subject: "pia".into(),
        ..alice()
    };
    Session::begin(who, grant(), (&Sessions::default()).into(), now()).unwrap()
}

/// A browser that is signed in at both, with large sessions and ID tokens.
fn both(cookies: &SessionCookies) -> (Session, Session, Jar) {
    let large = |session: Session| Session {
        access_token: Some(Token::new(&jwt(5000))),
        id_token: Some(Token::new(&jwt(900))),
        ..session
    };
    let (one, two) = (large(session()), large(at_partner()));
    let mut kept = Jar::new();
    for (session, provider) in [(&one, "corp"), (&two, "partner")] {
        let sealed = cookies.seal(session, at(provider), Presented::ALL, now()).unwrap();
        kept = jar(&kept, &sealed.set_cookies);
    }
    (one, two, kept)
}

fn opened(cookies: &SessionCookies, jar: &Jar, place: SessionPlace<'_>) -> OpenedSession {
    match cookies.open(presented(jar), place, now()) {
        Opened::Session(opened) => opened,
        other => panic!("{other:?}"),
    }
}

#[test]
fn sessions_of_several_providers_stand_side_by_side() {
    let cookies = cookies();
    let (one, two, jar) = both(&cookies);
    for (session, provider) in [(&one, "corp"), (&two, "partner")] {
        let opened = opened(&cookies, &jar, at(provider));
        assert_eq!((opened.session.id, opened.slot), (session.id, SessionSlot::at(provider)));
        let hint = cookies.id_token(presented(&jar), at(provider), session.id).unwrap();
        assert_eq!(hint, *session.id_token.as_ref().unwrap());
    }
    assert!(matches!(cookies.open(presented(&jar), HOST, now()), Opened::Absent));
    assert!(matches!(cookies.open(presented(&jar), at("third"), now()), Opened::Absent));
    assert!(jar.iter().all(|(name, _)| cookies.is_ours(name.as_bytes())));
}

#[test]
fn taking_one_session_back_leaves_the_other_with_its_id_token() {
    let cookies = cookies();
    let (_, two, before) = both(&cookies);
    let gone = opened(&cookies, &before, at("corp"));
    let after = jar(&before, &cookies.clear(gone.slot, gone.presented));
    assert!(matches!(cookies.open(presented(&after), at("corp"), now()), Opened::Absent));
    assert_eq!(opened(&cookies, &after, at("partner")).session.id, two.id);
    assert!(cookies.id_token(presented(&after), at("partner"), two.id).is_some());
    assert_eq!(after.len(), before.len() - 3, "two parts of the session, one of its ID token");
}

#[test]
fn a_session_that_is_brought_in_the_slot_of_another_is_none() {
    let cookies = cookies();
    let (_, _, jar) = both(&cookies);
    let (corp, partner) = (SessionSlot::at("corp"), SessionSlot::at("partner"));
    let moved = |from: SessionSlot, to: &str| -> Jar {
        let of = |name: &str| cookies.slot_of(name.as_bytes()) == Some(from);
        let from = from.suffix().unwrap();
        jar.iter()
            .filter(|(name, _)| of(name))
            .map(|(name, value)| (name.replace(&from, to), value.clone()))
            .collect()
    };
    for (jar, place) in [
        (moved(corp, &partner.suffix().unwrap()), at("partner")),
        (moved(partner, &corp.suffix().unwrap()), at("corp")),
        (moved(corp, ""), HOST.into()),
    ] {
        let Opened::Refused { reason, .. } = cookies.open(presented(&jar), place, now()) else {
            panic!("{place:?}")
        };
        assert_eq!(reason.slug(), "cookie_forged");
    }
}

#[test]
fn parts_of_two_sessions_are_neither() {
    let cookies = cookies();
    let (_, _, mut jar) = both(&cookies);
    let corp = SessionSlot::at("corp").suffix().unwrap();
    let partner = SessionSlot::at("partner").suffix().unwrap();
    let part = jar.iter().find(|(name, _)| name.ends_with(&format!("{partner}.1"))).unwrap().1.clone();
    jar.iter_mut().find(|(name, _)| name.ends_with(&format!("ostia{corp}.1"))).unwrap().1 = part;
    let Opened::Refused { reason, .. } = cookies.open(presented(&jar), at("corp"), now()) else {
        panic!("opened")
    };
    assert!(matches!(reason, SessionRefused::Sealed(_)), "{reason:?}");
}

#[test]
fn a_session_that_moved_into_its_slot_finds_the_id_token_that_it_left() {
    let cookies = cookies();
    let session = Session { id_token: Some(Token::new(&jwt(900))), ..session() };
    let before = jar(&[], &cookies.seal(&session, HOST, Presented::NONE, now()).unwrap().set_cookies);
    let plain = opened(&cookies, &before, HOST.into());
    let mut fields = cookies.seal(&plain.session, at("corp"), Presented::NONE, now()).unwrap().set_cookies;
    fields.extend(cookies.leave(plain.slot, plain.presented));
    let after = jar(&before, &fields);
    assert!(matches!(cookies.open(presented(&after), HOST, now()), Opened::Absent));
    assert_eq!(opened(&cookies, &after, at("corp")).session.id, session.id);
    assert!(cookies.id_token(presented(&after), at("corp"), session.id).is_some());
}

#[test]
fn tickets_stand_in_slots_as_whole_sessions_do() {
    let cookies = cookies();
    let sealed = cookies.seal_ticket(&session(), at("corp"), Presented::ALL, now()).unwrap();
    let jar = jar(&[], &sealed.set_cookies);
    let opened = cookies.open(presented(&jar), at("corp"), now());
    let Opened::Ticket(opened) = opened else { panic!("{opened:?}") };
    assert_eq!(opened.slot, SessionSlot::at("corp"));
    assert_eq!(cookies.resume(opened, session(), now()).unwrap().slot, SessionSlot::at("corp"));
    assert!(matches!(cookies.open(presented(&jar), HOST, now()), Opened::Absent));
}

#[test]
fn the_place_of_a_session_does_not_depend_on_the_order_of_the_providers() {
    let names = ["zeta", "corp", "alpha"];
    let all: BTreeMap<_, _> = names
        .into_iter()
        .chain(["partner"])
        .map(|name| provider(name, "https://login.example.com", "ostia"))
        .map(|provider| (provider.name.clone(), std::sync::Arc::new(provider)))
        .collect();
    let more = SessionCookies::new(ring(&[1]), &Sessions::default(), &all).unwrap();
    let jar = jar(&[], &cookies().seal(&session(), at("corp"), Presented::NONE, now()).unwrap().set_cookies);
    assert_eq!(opened(&more, &jar, at("corp")).session.identity.subject, session().identity.subject);
}
