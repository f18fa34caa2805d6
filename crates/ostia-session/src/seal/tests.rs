//! Tests.

use super::{Binding, OpenRefused, Purpose, open, seal};
use crate::fixture::ring;

const HERE: Binding<'_> = Binding { purpose: Purpose::Session, name: "__Host-ostia", host: "a.example" };

fn sealed() -> Vec<u8> {
    seal(&ring(&[1]), HERE, 1, [7; 12], b"a small secret").unwrap()
}

fn reason(binding: Binding<'_>, value: &[u8]) -> Option<OpenRefused> {
    open(&ring(&[1]), binding, &mut value.to_vec()).map(|plain| plain.text.to_vec()).err()
}

#[test]
fn every_flipped_bit_is_refused() {
    let value = sealed();
    for bit in 0..value.len() * 8 {
        let mut flipped = value.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(reason(HERE, &flipped).is_some(), "bit {bit}");
    }
}

#[test]
fn every_truncation_and_every_addition_is_refused() {
    let value = sealed();
    for length in 0..value.len() {
        assert!(reason(HERE, &value[..length]).is_some(), "{length}");
    }
    assert_eq!(reason(HERE, &[value.as_slice(), &[0]].concat()), Some(OpenRefused::Forged));
}

#[test]
fn a_value_opens_only_where_it_was_sealed_for() {
    let value = sealed();
    for (other, what) in [
        (Binding { host: "b.example", ..HERE }, "host"),
        (Binding { host: "", ..HERE }, "no host"),
        (Binding { name: "__Host-other", ..HERE }, "name"),
        (Binding { name: "__Host-ostiaa", host: ".example", ..HERE }, "a border moved"),
        (Binding { purpose: Purpose::Flow, ..HERE }, "purpose"),
    ] {
        assert_eq!(reason(other, &value), Some(OpenRefused::Forged), "{what}");
    }
    assert_eq!(reason(HERE, &value), None);
}

#[test]
fn a_key_outside_the_ring_and_another_version_are_told_apart() {
    let value = seal(&ring(&[2]), HERE, 1, [7; 12], b"x").unwrap();
    assert_eq!(reason(HERE, &value), Some(OpenRefused::UnknownKey));
    let mut value = sealed();
    value[0] = 2;
    assert_eq!(reason(HERE, &value), Some(OpenRefused::UnknownVersion));
}

#[test]
fn an_old_key_opens_and_says_so() {
    let mut value = sealed();
    let rotated = ring(&[2, 1]);
    let plain = open(&rotated, HERE, &mut value).unwrap();
    assert_eq!((plain.text, plain.by_current_key), (b"a small secret".as_slice(), false));
}

/// The form is a promise between nodes of different versions.
#[test]
fn the_sealed_form_stays_as_it_is() {
    let value = sealed();
    assert_eq!(value.len(), 18 + 14 + 16);
    assert_eq!(&value[..2], &[1, 1]);
    assert_eq!(&value[6..18], &[7; 12]);
    let key = ring(&[1]).ids().next().unwrap();
    assert_eq!(&value[2..6], &key.0);
}
