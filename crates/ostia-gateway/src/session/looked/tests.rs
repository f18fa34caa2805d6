//! Tests.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ostia_session::{OpenedSession, Presented, Session, SessionSlot};

use super::{Looked, Room};
use crate::ended::testing::a_session_of;

/// A session at `provider`, begun and used last at these seconds, with large or small cookies.
fn at(provider: &str, begun: u64, used: u64, presented: Presented) -> OpenedSession {
    let mut session = a_session_of("ana", provider, begun);
    Arc::make_mut(&mut session.identity).provider = provider.into();
    let last_seen_at = SystemTime::UNIX_EPOCH + Duration::from_secs(used);
    OpenedSession {
        session: Session { last_seen_at, ..session },
        needs_refresh: false,
        reseal: false,
        presented,
        slot: SessionSlot::at(provider),
        is_stored: false,
    }
}

fn names(sessions: &[OpenedSession]) -> Vec<&str> {
    sessions.iter().map(|opened| &*opened.session.identity.provider).collect()
}

fn room(live: Vec<OpenedSession>, cookies: usize) -> Room {
    Looked { live, ..Looked::default() }.make_room("new", SessionSlot::at("new"), cookies)
}

#[test]
fn a_sign_in_takes_the_place_of_its_own_and_leaves_the_others() {
    let small = Presented::NONE;
    let room = room(vec![at("a", 1, 9, small), at("new", 2, 8, small), at("b", 3, 7, small)], 1);
    assert_eq!((names(&room.replaced), names(&room.displaced)), (vec!["new"], vec![]));
    assert_eq!(room.empty, [(SessionSlot::at("new"), small)]);
}

#[test]
fn of_too_many_sessions_or_cookies_those_go_that_were_not_used_for_longest() {
    let (small, large) = (Presented::NONE, Presented::ALL);
    for (what, live, cookies, displaced) in [
        ("three others fit", vec![("a", 1, small), ("b", 2, small), ("c", 3, small)], 1, vec![]),
        (
            "two too many",
            vec![("a", 5, small), ("b", 1, small), ("c", 3, small), ("d", 2, small), ("e", 4, small)],
            1,
            vec!["d", "b"],
        ),
        ("a large one beside others", vec![("a", 2, large), ("b", 1, small)], 1, vec!["a"]),
        ("beside a large new one", vec![("a", 2, small), ("b", 1, small)], 9, vec!["a", "b"]),
    ] {
        let live = live.into_iter().map(|(name, used, presented)| at(name, 0, used, presented)).collect();
        let room = room(live, cookies);
        assert_eq!((names(&room.displaced), names(&room.replaced)), (displaced, vec![]), "{what}");
    }
}

#[test]
fn a_sign_in_is_later_than_all_others_also_within_one_second() {
    let looked = Looked {
        live: vec![at("b", 1000, 0, Presented::NONE), at("a", 999, 0, Presented::NONE)],
        ..Looked::default()
    };
    for began in [998, 1000, 2000] {
        let session = looked.then(a_session_of("ana", "s", began));
        assert!(session.expires_at > looked.live[0].session.expires_at, "{began}");
        assert_eq!(session.created_at, a_session_of("ana", "s", began).created_at, "{began}");
    }
    assert_eq!(&*looked.latest(None).unwrap().session.identity.provider, "b");
    assert_eq!(&*looked.latest(Some("a")).unwrap().session.identity.provider, "a");
    assert!(looked.latest(Some("c")).is_none());
}

#[test]
fn a_grant_ends_with_the_last_session_of_its_person_and_no_sooner() {
    let of = |issuer: &str, subject: &str| {
        let mut opened = at(issuer, 1, 1, Presented::NONE);
        let identity = Arc::make_mut(&mut opened.session.identity);
        (identity.issuer, identity.subject) = (issuer.into(), subject.into());
        opened
    };
    for (what, kept, came, expected) in [
        ("somebody else came", vec![], ("corp", "bo"), true),
        ("the same person came again", vec![], ("corp", "ana"), false),
        ("the same name at another issuer", vec![("c", "ana")], ("b", "ana"), true),
        ("another session of theirs stays", vec![("b", "pia"), ("corp", "ana")], ("b", "bo"), false),
    ] {
        let live = kept.into_iter().map(|(issuer, subject)| of(issuer, subject)).collect();
        let (room, gone, came) = (room(live, 1), of("corp", "ana"), of(came.0, came.1));
        assert_eq!(room.is_last_of_its_person(&gone.session, &came.session), expected, "{what}");
    }
}
