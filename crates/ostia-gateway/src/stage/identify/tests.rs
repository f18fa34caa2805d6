//! Tests.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ostia_session::{Lifetimes, Session, Token};

use super::look_again_at;
use crate::ended::testing::a_session_of;

/// When the session begins, in seconds since 1970.
const BEGUN: u64 = 1_000_000;

fn lifetimes(refresh_before: u64) -> Lifetimes {
    let hour = Duration::from_secs(3600);
    Lifetimes { idle: hour, absolute: 12 * hour, refresh_before: Duration::from_secs(refresh_before) }
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(BEGUN + seconds)
}

/// A session whose access token lives for `life` seconds; `refreshes`: and can be refreshed.
fn session(life: u64, refreshes: bool) -> Session {
    let mut session = a_session_of("ana", "s-1", BEGUN);
    session.access_expires_at = Some(at(life));
    session.refresh_token = refreshes.then(|| Token::new("refresh"));
    session
}

#[test]
fn a_session_is_looked_at_again_as_soon_as_its_tokens_are_due() {
    for (name, life, before, now, expected) in [
        ("long before", 3600, 60, 0, 30),
        ("a moment before it is due", 3600, 60, 3520, 3540),
        ("due in the last quarter of a short life", 40, 10, 20, 30),
        ("due at the half of its life at the earliest", 40, 60, 5, 20),
        ("whoever came a second before", 100, 40, 59, 60),
    ] {
        assert_eq!(look_again_at(&session(life, true), lifetimes(before), at(now)), at(expected), "{name}");
    }
}

#[test]
fn a_session_is_looked_at_again_when_its_last_use_is_to_be_written() {
    let minute = Lifetimes { idle: Duration::from_secs(60), ..lifetimes(60) };
    let session = session(3600, true);
    for (now, expected) in [(0, 6), (5, 6), (6, 36), (40, 60)] {
        assert_eq!(look_again_at(&session, minute, at(now)), at(expected), "{now}");
    }
}

#[test]
fn no_session_is_remembered_beyond_its_end_or_that_of_a_token_that_goes_on() {
    let hours = 3600;
    let mut passed = session(20, false);
    assert_eq!(look_again_at(&passed, lifetimes(60), at(0)), at(30), "a token that nobody gets may end");
    passed.access_token = Some(Token::new("access"));
    assert_eq!(look_again_at(&passed, lifetimes(60), at(0)), at(20));
    let unused = session(24 * hours, true);
    assert_eq!(look_again_at(&unused, lifetimes(60), at(hours - 10)), at(hours));
    let used = unused.seen(at(12 * hours - 20));
    assert_eq!(look_again_at(&used, lifetimes(60), at(12 * hours - 20)), at(12 * hours));
}
