//! Tickets of sessions that are kept in a store.

use std::time::Duration;

use ostia_config::Sessions;

use crate::fixture::{HOST, cookies, jar, now, presented, providers, ring, session};
use crate::seal::OVERHEAD_BYTES;
use crate::{Opened, OpenedTicket, Presented, Session, SessionCookies, SessionRefused};

fn ticket_of(cookies: &SessionCookies, jar: &[(String, String)]) -> OpenedTicket {
    match cookies.open(presented(jar), HOST, now()) {
        Opened::Ticket(opened) => opened,
        other => panic!("{other:?}"),
    }
}

fn refused(
    cookies: &SessionCookies,
    jar: &[(String, String)],
    host: &str,
    later: u64,
) -> Option<SessionRefused> {
    match cookies.open(presented(jar), host, now() + Duration::from_secs(later)) {
        Opened::Refused { reason, .. } => Some(reason),
        _ => None,
    }
}

#[test]
fn a_session_comes_back_from_the_store_by_its_ticket() {
    let (cookies, session) = (cookies(), session());
    let before = jar(&[], &cookies.seal(&large(), HOST, Presented::NONE, now()).unwrap().set_cookies);
    assert!(before.len() > 1);
    let Opened::Session(whole) = cookies.open(presented(&before), HOST, now()) else { panic!("a session") };
    let value = cookies.seal_for_store(&session).unwrap();
    let sealed = cookies.seal_ticket(&session, HOST.into(), whole.presented, now()).unwrap();
    let jar = jar(&before, &sealed.set_cookies);
    assert_eq!(jar.len(), 1, "the chunks of a larger cookie of before are taken back");
    assert!(jar[0].1.len() < 120, "{} characters", jar[0].1.len());
    let opened = ticket_of(&cookies, &jar);
    let stored = cookies.open_from_store(opened.ticket.id, &value).unwrap();
    let resumed = cookies.resume(opened, stored, now()).unwrap();
    assert_eq!(resumed.session, session);
    assert_eq!((resumed.needs_refresh, resumed.reseal, resumed.is_stored), (false, false, true));
}

fn large() -> Session {
    let token = crate::Token::new(&crate::fixture::jwt(5000));
    Session { access_token: Some(token), ..session() }
}

#[test]
fn any_change_another_host_and_the_end_of_its_time_make_a_ticket_none() {
    let (cookies, session) = (cookies(), session());
    let jar =
        jar(&[], &cookies.seal_ticket(&session, HOST.into(), Presented::NONE, now()).unwrap().set_cookies);
    for at in 0..jar[0].1.len() {
        let mut changed = jar.clone();
        let digit = if changed[0].1.as_bytes()[at] == b'A' { "B" } else { "A" };
        changed[0].1.replace_range(at..=at, digit);
        assert!(refused(&cookies, &changed, HOST, 0).is_some(), "character {at}");
        changed[0].1 = jar[0].1[..at].to_owned();
        assert!(refused(&cookies, &changed, HOST, 0).is_some(), "{at} characters");
    }
    assert!(refused(&cookies, &jar, "other.example.com", 0).is_some());
    assert_eq!(refused(&cookies, &jar, HOST, 3599), None);
    assert_eq!(refused(&cookies, &jar, HOST, 3600), Some(SessionRefused::IdleEnded));
    assert_eq!(refused(&cookies, &jar, HOST, 12 * 3600), Some(SessionRefused::Ended));
    let of_other_keys = SessionCookies::new(ring(&[2]), &Sessions::default(), &providers()).unwrap();
    assert!(refused(&of_other_keys, &jar, HOST, 0).is_some());
    // A reload made lifetimes shorter.
    let short = Sessions { lifetime: Duration::from_secs(60), ..Sessions::default() };
    let short = SessionCookies::new(ring(&[1]), &short, &providers()).unwrap();
    let resumed = short.resume(ticket_of(&short, &jar), session, now() + Duration::from_secs(60));
    assert_eq!(resumed.unwrap_err(), SessionRefused::Ended);
}

#[test]
fn a_ticket_that_was_seen_later_than_the_store_says_is_as_fresh_as_it_says() {
    let (cookies, session) = (cookies(), session());
    let later = now() + Duration::from_secs(3000);
    let seen = session.clone().seen(later);
    let jar = jar(&[], &cookies.seal_ticket(&seen, HOST.into(), Presented::NONE, later).unwrap().set_cookies);
    let soon = later + Duration::from_secs(1000);
    let Opened::Ticket(opened) = cookies.open(presented(&jar), HOST, soon) else { panic!("a ticket") };
    let resumed = cookies.resume(opened, session, soon).unwrap();
    assert_eq!((resumed.session.last_seen_at, resumed.reseal), (later, true));
}

#[test]
fn no_whole_session_is_as_short_as_a_ticket() {
    let (cookies, mut smallest) = (cookies(), session());
    let identity = std::sync::Arc::make_mut(&mut smallest.identity);
    (identity.subject, identity.claims) = ("".into(), ostia_identity::Claims::default());
    identity.scopes.clear();
    smallest = Session { auth_time: None, access_expires_at: None, refresh_token: None, ..smallest };
    let sealed = cookies.seal(&smallest, HOST, Presented::NONE, now()).unwrap();
    let characters = jar(&[], &sealed.set_cookies)[0].1.len();
    assert!(characters > (crate::ticket::TEXT_BYTES + OVERHEAD_BYTES).div_ceil(3) * 4, "{characters}");
}
