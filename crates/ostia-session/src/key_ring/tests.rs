//! Tests.

use super::{KEY_BYTES, KeyRing, KeyRingRefused, MAX_KEYS};
use crate::fixture::key_line;

fn hex(seed: u8) -> String {
    let line = key_line(seed);
    let bytes = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(line.trim()).unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn wrong_key_files_are_refused_with_their_line() {
    let (one, two) = (key_line(1), key_line(2));
    let short = &one.trim()[..40];
    let zeros = "0".repeat(64);
    let typed = base64_simd::URL_SAFE_NO_PAD.encode_to_string("aaaaaaaabbbbbbbbccccccccdddddddd");
    let many: String = (0..=u8::try_from(MAX_KEYS).unwrap()).map(key_line).collect();
    for (text, expected) in [
        (String::new(), KeyRingRefused::Empty),
        ("\n# nothing but comments\n\n".to_owned(), KeyRingRefused::Empty),
        (format!("{one}not base64!\n"), KeyRingRefused::NotEncoded { line: 2 }),
        (format!("{short}\n"), KeyRingRefused::WrongLength { line: 1, bytes: 30 }),
        (format!("{}\n", "ab".repeat(16)), KeyRingRefused::WrongLength { line: 1, bytes: 24 }),
        (format!("{}{}\n", hex(1), "0000"), KeyRingRefused::WrongLength { line: 1, bytes: 51 }),
        (format!("\n{zeros}\n"), KeyRingRefused::NotRandom { line: 2 }),
        (format!("{typed}\n"), KeyRingRefused::NotRandom { line: 1 }),
        (format!("{one}{two}# the same again:\n{one}"), KeyRingRefused::Duplicate { line: 4, first: 1 }),
        (format!("{one}{}\n", hex(1)), KeyRingRefused::Duplicate { line: 2, first: 1 }),
        (many, KeyRingRefused::TooManyKeys),
    ] {
        assert_eq!(KeyRing::parse(&text).err(), Some(expected), "{text}");
    }
}

#[test]
fn no_refusal_shows_a_key() {
    let line = key_line(3);
    let refused = KeyRing::parse(&format!("{line}{line}")).unwrap_err();
    assert!(!refused.to_string().contains(line.trim()), "{refused}");
    assert!(!format!("{refused:?}").contains(line.trim()), "{refused:?}");
}

#[test]
fn base64url_hex_padding_and_comments_name_the_same_key() {
    let line = key_line(5);
    let key = line.trim();
    let id = KeyRing::parse(&line).unwrap().ids().next().unwrap();
    for text in [
        hex(5),
        hex(5).to_uppercase(),
        format!("{key}="),
        format!("  {key}  # since November"),
        format!("# top\r\n{key}\r\n"),
    ] {
        assert_eq!(KeyRing::parse(&text).unwrap().ids().next().unwrap(), id, "{text}");
    }
}

#[test]
fn the_first_key_seals_and_its_name_is_not_the_key() {
    let ring = KeyRing::parse(&format!("{}{}", key_line(1), key_line(2))).unwrap();
    let first = ring.ids().next().unwrap();
    let (sealing, _) = ring.sealing(crate::seal::Purpose::Session).unwrap();
    assert_eq!(sealing, first);
    assert_eq!(ring.ids().count(), 2);
    assert!(!hex(1).contains(&first.to_string()));
    assert_eq!(format!("{ring:?}"), format!("{:?}", ring.ids().map(|id| id.to_string()).collect::<Vec<_>>()));
}

#[test]
fn a_generated_line_is_a_key_file() {
    let random = crate::random_bytes::<KEY_BYTES>().unwrap();
    assert!(KeyRing::parse(&KeyRing::generate_line(random)).is_ok());
}
