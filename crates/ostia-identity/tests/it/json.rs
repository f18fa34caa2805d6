//! The reader of JSON agrees with a slow one, whatever comes.

use ostia_identity::Claims;
use ostia_identity::json::{JsonRefused, parse_object};
use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::oracle;

/// What JSON is made of, well and badly.
const PIECES: [&str; 44] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\"a\"",
    "\"b\"",
    "\"\\u0061\"",
    "\"\"",
    "\"\\\"\"",
    "\"\\/\"",
    "\"é\"",
    "\"\\ud83d\\ude00\"",
    "\"\\ud83d\"",
    "\"\\ude00\"",
    "\"\\ud83d\\u0041\"",
    "\"\\u00g0\"",
    "\"\\x\"",
    "\"\\b\\f\\n\\r\\t\"",
    "\"\u{1f}\"",
    "\"\u{7f}\"",
    "\u{feff}",
    "\u{a0}",
    " ",
    "\n\t\r",
    "0",
    "-0",
    "01",
    "-",
    "1e5",
    "1e400",
    "0.1",
    "1.",
    ".5",
    "123456789012345678",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775809",
    "true",
    "nul",
    "null",
];

fn name() -> impl Strategy<Value = String> {
    let written = proptest::sample::select(vec![
        r#""a""#,
        r#""b""#,
        r#""\u0061""#,
        r#""""#,
        r#""\u00e9""#,
        r#""é""#,
        r#""a\n""#,
        r#""sub""#,
        r#""s\u0075b""#,
    ]);
    prop_oneof![3 => written.prop_map(str::to_owned), 2 => (0..100_u32).prop_map(|number| format!("\"n{number}\""))]
}

fn leaf() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<u64>().prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| Value::from(number).to_string()),
        "-?[0-9]{1,25}(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
        any::<String>().prop_map(|text| Value::from(text).to_string()),
        proptest::sample::select(vec!["true", "false", "null", "-0", "0"]).prop_map(str::to_owned),
        name(),
    ]
}

fn value() -> impl Strategy<Value = String> {
    leaf().prop_recursive(18, 80, 6, |inner| {
        let space = proptest::sample::select(vec!["", " ", "\n", "\t \r"]);
        prop_oneof![
            (proptest::collection::vec(inner.clone(), 0..6), space)
                .prop_map(|(list, space)| format!("[{space}{}]{space}", list.join(&format!("{space},")))),
            object(inner, 0..8),
        ]
    })
}

fn object(
    values: impl Strategy<Value = String>,
    members: std::ops::Range<usize>,
) -> impl Strategy<Value = String> {
    proptest::collection::vec((name(), values), members).prop_map(|members| {
        let members: Vec<String> =
            members.into_iter().map(|(name, value)| format!("{name} :{value}")).collect();
        format!("{{{}}}", members.join(", "))
    })
}

/// Both readings say the same, and so do claims of it.
fn agree(text: &[u8]) -> Result<(), TestCaseError> {
    let (ours, expected) = (parse_object(text), oracle::read(text));
    match (&ours, &expected) {
        // Of two faults either may be told.
        (Err(_), Err(_)) => {}
        _ => prop_assert_eq!(&ours, &expected),
    }
    prop_assert_eq!(
        Claims::parse(text.to_vec()).map(|claims| claims.to_map()).ok(),
        expected.as_ref().ok().cloned()
    );
    if let Ok(map) = expected {
        prop_assert_eq!(Claims::new(map.clone()).to_map(), map.clone());
        let claims = Claims::parse(text.to_vec()).unwrap();
        for (name, value) in &map {
            prop_assert_eq!(claims.get(name).map(|found| found.to_value()), Some(value.clone()));
            prop_assert_eq!(serde_json::to_value(claims.get(name).unwrap()).unwrap(), value.clone());
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn objects_are_read_as_a_slow_reader_reads_them(text in object(value(), 0..12)) {
        agree(text.as_bytes())?;
    }

    #[test]
    fn objects_of_many_members_are_read_as_a_slow_reader_reads_them(text in object(leaf(), 20..60)) {
        agree(text.as_bytes())?;
    }

    #[test]
    fn what_was_changed_somewhere_is_judged_as_a_slow_reader_judges_it(
        text in object(value(), 0..6), place in any::<prop::sample::Index>(), length in 0..3_usize,
        piece in proptest::sample::select(PIECES.to_vec()), byte in proptest::option::of(any::<u8>()),
    ) {
        let mut changed = text.into_bytes();
        let place = place.index(changed.len());
        let end = (place + length).min(changed.len());
        changed.splice(place..end, byte.map_or(piece.as_bytes().to_vec(), |byte| vec![byte]));
        agree(&changed)?;
    }

    #[test]
    fn pieces_in_any_order_are_judged_as_a_slow_reader_judges_them(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES.to_vec()), 0..12), is_inside in any::<bool>(),
    ) {
        let inner = pieces.concat();
        let text = if is_inside { format!("{{\"x\":{inner}}}") } else { inner };
        agree(text.as_bytes())?;
    }

    #[test]
    fn claims_that_were_changed_are_what_a_map_would_be(
        before in object(leaf(), 0..12), changes in proptest::collection::vec((name(), proptest::option::of(leaf())), 0..12),
    ) {
        let Ok(mut map) = parse_object(before.as_bytes()) else { return Ok(()) };
        let mut claims = Claims::parse(before.into_bytes()).unwrap();
        for (name, value) in changes {
            let name: String = serde_json::from_str(&name).unwrap();
            match value.map(|value| serde_json::from_str::<Value>(&value)) {
                None => {
                    map.remove(&name);
                    claims.remove(&name);
                }
                Some(Ok(value)) => {
                    map.insert(name.clone(), value.clone());
                    claims.set(&name, value);
                }
                Some(Err(_)) => {}
            }
        }
        prop_assert_eq!(claims.to_map(), map.clone());
        prop_assert_eq!(&claims, &Claims::new(map));
    }
}

#[test]
fn a_name_twice_is_found_among_few_and_among_many() {
    for count in [2, 16, 31, 32, 33, 34, 1000] {
        for (first, second) in [(0, count - 1), (count - 2, count - 1), (0, 1), (count / 2, count - 1)] {
            if first == second {
                continue;
            }
            let names = (0..count).map(|number| if number == second { first } else { number });
            let members: Vec<String> =
                names.map(|number| format!("\"n{number}\":{{\"n{number}\":[]}}")).collect();
            let text = format!("{{{}}}", members.join(","));
            assert_eq!(
                parse_object(text.as_bytes()),
                Err(JsonRefused::DuplicateMember),
                "{first} is {second} of {count}"
            );
        }
        let members: Map<String, Value> =
            (0..count).map(|number| (format!("n{number}"), Value::from(number))).collect();
        let text = Value::Object(members.clone()).to_string();
        assert_eq!(parse_object(text.as_bytes()), Ok(members), "{count}");
    }
}
