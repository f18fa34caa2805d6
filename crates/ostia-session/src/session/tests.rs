//! Tests.

use std::time::Duration;

use ostia_identity::Claims;

use super::{Grant, Lifetimes, Liveness, Session};
use crate::Token;
use crate::fixture::{alice, grant, now, session};

const LIFETIMES: Lifetimes = Lifetimes {
    idle: Duration::from_secs(3600),
    absolute: Duration::from_secs(12 * 3600),
    refresh_before: Duration::from_secs(60),
};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_session_goes_from_live_to_refresh_to_its_end() {
    let session = session();
    for (after, expected) in [
        (0, Liveness::Live),
        (239, Liveness::Live),
        (240, Liveness::NeedsRefresh),
        (3599, Liveness::NeedsRefresh),
        (3600, Liveness::IdleEnded),
        (12 * 3600 - 1, Liveness::IdleEnded),
        (12 * 3600, Liveness::Ended),
    ] {
        assert_eq!(session.liveness(LIFETIMES, now() + seconds(after)), expected, "{after} s");
    }
}

#[test]
fn a_session_in_use_ends_at_its_absolute_lifetime() {
    let session = session().seen(now() + seconds(12 * 3600 - 1));
    assert_ne!(session.liveness(LIFETIMES, now() + seconds(12 * 3600 - 1)), Liveness::Ended);
    assert_eq!(session.liveness(LIFETIMES, now() + seconds(12 * 3600)), Liveness::Ended);
}

#[test]
fn shorter_lifetimes_after_a_reload_hold_for_sessions_of_before() {
    let shorter = Lifetimes { idle: seconds(60), absolute: seconds(120), ..LIFETIMES };
    let session = session();
    assert_eq!(session.liveness(shorter, now() + seconds(60)), Liveness::IdleEnded);
    assert_eq!(session.liveness(shorter, now() + seconds(120)), Liveness::Ended);
    let longer = Lifetimes { absolute: seconds(24 * 3600), ..LIFETIMES };
    let seen = session.seen(now() + seconds(12 * 3600));
    assert_eq!(seen.liveness(longer, now() + seconds(12 * 3600)), Liveness::Ended);
}

#[test]
fn without_a_refresh_token_or_an_end_nothing_is_refreshed() {
    let late = now() + seconds(3000);
    for grant in [Grant { refresh_token: None, ..grant() }, Grant { access_expires_at: None, ..grant() }] {
        let session = Session::begin(alice(), grant, LIFETIMES, now()).unwrap();
        assert_eq!(session.liveness(LIFETIMES, late), Liveness::Live);
    }
}

#[test]
fn an_access_token_shorter_than_the_margin_is_refreshed_at_half_its_life() {
    let grant = Grant { access_expires_at: Some(now() + seconds(40)), ..grant() };
    let session = Session::begin(alice(), grant, LIFETIMES, now()).unwrap();
    assert_eq!(session.liveness(LIFETIMES, now() + seconds(19)), Liveness::Live);
    assert_eq!(session.liveness(LIFETIMES, now() + seconds(20)), Liveness::NeedsRefresh);
    assert!(!session.access_has_expired(now() + seconds(39)));
    assert!(session.access_has_expired(now() + seconds(40)));
}

#[test]
fn a_cookie_is_written_anew_after_a_tenth_of_the_idle_time_and_only_if_that_helps() {
    let session = session();
    assert!(!session.is_worth_sealing_again(LIFETIMES, now() + seconds(359)));
    assert!(session.is_worth_sealing_again(LIFETIMES, now() + seconds(360)));
    let near_the_end = session.seen(now() + seconds(11 * 3600));
    assert!(!near_the_end.is_worth_sealing_again(LIFETIMES, now() + seconds(11 * 3600 + 1000)));
}

#[test]
fn a_clock_that_went_back_does_not_move_the_last_use_back() {
    let session = session().seen(now() - seconds(100));
    assert_eq!(session.last_seen_at, now());
    assert_eq!(session.liveness(LIFETIMES, now() - seconds(100)), Liveness::Live);
}

/// L8.
#[test]
fn every_sign_in_has_a_new_id_and_a_refresh_keeps_it() {
    let one = session();
    assert_ne!(one.id, session().id);
    let next = one.refreshed(None, None, Grant::default(), now() + seconds(10));
    assert_eq!((next.id, next.generation), (one.id, 1));
}

#[test]
fn a_refresh_keeps_what_the_answer_does_not_bring() {
    let before = Session { id_token: Some(Token::new("a.b.c")), ..session() };
    let next = before.refreshed(None, None, Grant::default(), now() + seconds(10));
    assert_eq!(next.identity, before.identity);
    assert_eq!((next.refresh_token, next.id_token), (before.refresh_token.clone(), before.id_token.clone()));
    assert_eq!(next.access_expires_at, None);
    assert_eq!(next.last_seen_at, now() + seconds(10));
    assert_eq!(next.expires_at, before.expires_at);
}

#[test]
fn a_refresh_takes_what_the_answer_brings() {
    let claims = Claims::new(serde_json::json!({ "groups": ["left"] }).as_object().unwrap().clone());
    let new = Grant { refresh_token: Some(Token::new("new")), ..Grant::default() };
    let before = session();
    let next = before.refreshed(Some(claims.clone()), Some(vec!["openid".to_owned()]), new, now());
    assert_eq!(next.identity.claims, claims);
    assert_eq!(next.identity.scopes, ["openid"]);
    assert_eq!(next.refresh_token, Some(Token::new("new")));
    assert_eq!(before.identity.scopes.len(), 2, "the session of before is as it was");
}

#[test]
fn lifetimes_beyond_all_clocks_do_not_end_the_process() {
    let endless = Lifetimes { idle: Duration::MAX, absolute: Duration::MAX, refresh_before: Duration::MAX };
    let session = Session::begin(alice(), grant(), endless, now()).unwrap();
    assert_eq!(session.liveness(endless, now()), Liveness::Live);
}

#[test]
fn debug_shows_no_token_and_no_id() {
    let shown = format!("{:?}", session());
    assert!(shown.contains("<token>") && shown.contains("<session id>"), "{shown}");
    assert!(!shown.contains("RuYtE0y"), "{shown}");
}

#[test]
fn a_later_session_says_so_and_ends_no_later_for_it() {
    let lifetimes = Lifetimes::from(&ostia_config::Sessions::default());
    let (first, second) = (session(), session());
    let ends_at = second.ends_at(lifetimes);
    let second = second.later_than(&first);
    assert!(second.expires_at > first.expires_at);
    assert_eq!((second.created_at, second.ends_at(lifetimes)), (first.created_at, ends_at));
    // Of a node whose clock is far ahead.
    let ahead = Session { expires_at: first.expires_at + Duration::from_secs(3600), ..first };
    let third = session().later_than(&ahead);
    assert!(third.expires_at > ahead.expires_at);
    assert_eq!(third.ends_at(lifetimes), ends_at);
}
