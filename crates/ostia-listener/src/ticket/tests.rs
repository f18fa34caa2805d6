//! Tests.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::file::parse;
use super::*;

const ONE: &str = "00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f";
const TWO: &str = "F0e1d2c3b4a5968778695a4b3c2d1e0f0112233445566778899aabbccddeeff0";

fn tickets(text: &str, asked: Asked) -> Tickets {
    Tickets::new(Arc::new(parse(text).unwrap()), asked)
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

const NOON: u64 = 1_800_000_000;

#[test]
fn a_ticket_opens_wherever_the_key_is_and_nowhere_else() {
    let ticket = tickets(ONE, [1; 32]).seal(b"session", at(NOON)).unwrap();
    for (keys, asked, opens) in [
        (ONE.to_owned(), [1; 32], true),
        (format!("{TWO}\n{ONE}"), [1; 32], true),
        (format!("# the old one goes\n{TWO}"), [1; 32], false),
        (ONE.to_owned(), [2; 32], false),
    ] {
        let opened = tickets(&keys, asked).open(&ticket, at(NOON + 1));
        assert_eq!(opened.as_deref(), opens.then_some(&b"session"[..]), "{keys} {asked:?}");
    }
}

#[test]
fn a_ticket_ends_after_twelve_hours_and_none_comes_from_the_future() {
    let tickets = tickets(ONE, [0; 32]);
    let ticket = tickets.seal(b"session", at(NOON)).unwrap();
    for (now, opens) in [
        (NOON + 12 * 3600, true),
        (NOON + 12 * 3600 + 1, false),
        (NOON - 300, true),
        (NOON - 301, false),
        (0, false),
        (u64::from(u32::MAX) * 2, false),
    ] {
        assert_eq!(tickets.open(&ticket, at(now)).is_some(), opens, "{now}");
    }
}

#[test]
fn every_changed_or_missing_byte_is_refused() {
    let tickets = tickets(ONE, [0; 32]);
    let ticket = tickets.seal(b"session", at(NOON)).unwrap();
    for index in 0..ticket.len() {
        let mut changed = ticket.clone();
        changed[index] ^= 1;
        assert_eq!(tickets.open(&changed, at(NOON)), None, "byte {index}");
        assert_eq!(tickets.open(&ticket[..index], at(NOON)), None, "cut at {index}");
    }
}

#[test]
fn what_is_no_key_is_refused_with_its_line() {
    let many = format!("{ONE}\n").repeat(33);
    for (text, slug) in [
        ("", "no_ticket_key"),
        ("# nothing\n\n", "no_ticket_key"),
        (&ONE[1..], "broken_ticket_key"),
        (&format!("{ONE}00"), "broken_ticket_key"),
        (&ONE.replace('1', "g"), "broken_ticket_key"),
        (&many, "too_many_ticket_keys"),
    ] {
        assert_eq!(parse(text).unwrap_err().slug(), slug, "{text}");
    }
    assert!(parse(&format!("{ONE}\n\nxyz")).unwrap_err().to_string().starts_with("line 3: "));
}

#[test]
fn the_own_file_is_private_and_keeps_the_key_before_for_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let file = TicketFile::new(None, &folder.path().join("state"));
    let made = SystemTime::now();
    let ids = |now| {
        file.prepare(now).unwrap();
        file.read().unwrap().0.iter().map(|key| key.id).collect::<Vec<_>>()
    };
    let first = ids(made);
    assert_eq!(first.len(), 1);
    assert_eq!(std::fs::metadata(&file.path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(ids(made + Duration::from_secs(3600)), first, "a restart keeps it");
    let day = Duration::from_secs(24 * 3600 + 60);
    let second = ids(made + day);
    assert_eq!((second.len(), second[1]), (2, first[0]), "a new one on top, the old one opens");
    let third = ids(SystemTime::now() + day);
    assert_eq!((third.len(), third[1]), (2, second[0]), "the oldest is gone");
}

#[test]
fn the_operators_file_is_never_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shared.keys");
    let file = TicketFile::new(Some(&path), folder.path());
    let later = SystemTime::now() + Duration::from_secs(400 * 24 * 3600);
    file.prepare(later).unwrap();
    assert_eq!(file.read().unwrap_err().slug(), "unreadable");
    std::fs::write(&path, ONE).unwrap();
    file.prepare(later).unwrap();
    assert_eq!(file.read().unwrap().0.len(), 1);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), ONE);
}
