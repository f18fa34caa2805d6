//! The reader against serde_yaml, which reads the same text by another parser, and against texts nobody would write.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_yaml::Value as Yaml;

use super::*;
use crate::diagnostic::Diagnostics;

fn read_text(text: &str) -> (Option<Node>, Diagnostics) {
    let (source, findings) = (Source::new("test", text), Findings::default());
    let root = read(&source, None, &findings);
    (root, findings.finish(&source))
}

/// Whether both readers saw the same. A scalar of ours is a text; theirs has a type, which must not say more than the
/// text does.
fn differs(ours: &Node, theirs: &Yaml) -> Option<String> {
    match (&ours.value, theirs) {
        (Value::Null, Yaml::Null) => None,
        (Value::Scalar(scalar), Yaml::String(text)) if scalar.text == *text => None,
        (Value::Scalar(scalar), Yaml::Bool(truth)) if scalar.plain && scalar.text == truth.to_string() => {
            None
        }
        (Value::Scalar(scalar), Yaml::Number(number))
            if scalar.plain && same_number(&scalar.text, number) =>
        {
            None
        }
        (Value::List(ours), Yaml::Sequence(theirs)) if ours.len() == theirs.len() => {
            ours.iter().zip(theirs).find_map(|(ours, theirs)| differs(ours, theirs))
        }
        (Value::Map(ours), Yaml::Mapping(theirs)) if ours.len() == theirs.len() => {
            ours.iter().zip(theirs).find_map(|(ours, (key, theirs))| {
                if key.as_str() != Some(&ours.key) {
                    return Some(format!("key `{}` is {key:?}", ours.key));
                }
                differs(&ours.value, theirs)
            })
        }
        (ours, theirs) => Some(format!("{ours:?} is {theirs:?}")),
    }
}

fn same_number(text: &str, number: &serde_yaml::Number) -> bool {
    text.parse::<f64>().ok() == number.as_f64()
}

/// Every configuration in the repository: the cases (without what is expected of them) and what people copy.
fn fixtures() -> Vec<(PathBuf, String)> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut fixtures = Vec::new();
    for folder in [here.join("tests/cases"), here.join("../../conf")] {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.extension().is_some_and(|extension| extension == "yaml") {
                let text = fs::read_to_string(&path).unwrap();
                let yaml = text.rsplit_once("\n---\n").map_or(text.clone(), |(yaml, _)| format!("{yaml}\n"));
                fixtures.push((path, yaml));
            }
        }
    }
    fixtures
}

#[test]
fn both_readers_see_the_same_in_every_fixture() {
    let mut compared = 0;
    for (path, text) in fixtures() {
        let (ours, told) = read_text(&text);
        let Some(ours) = ours.filter(|_| told.is_empty()) else { continue };
        let theirs: Yaml =
            serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(differs(&ours, &theirs), None, "{}", path.display());
        compared += 1;
    }
    assert!(compared > 50, "only {compared} fixtures were compared");
}

#[test]
fn second_of_two_equal_keys_is_refused_where_the_other_reader_takes_it() {
    let text = "policies:\n  staff: 1\n  staff: 2\n";
    let theirs: BTreeMap<String, BTreeMap<String, u8>> = serde_yaml::from_str(text).unwrap();
    assert_eq!(theirs["policies"]["staff"], 2, "why serde_yaml is not the reader");
    let (_, told) = read_text(text);
    assert_eq!(told.iter().map(|found| found.code).collect::<Vec<_>>(), [codes::DUPLICATE_KEY]);
}

#[test]
fn word_of_yaml_1_1_stays_a_text() {
    let (root, _) = read_text("a: [yes, no, on, off, 010, 1_000, 0x10, 1e3, null, ~]");
    let node = root.unwrap();
    let Value::List(items) = &node.get("a").unwrap().value else { panic!("not a list") };
    let texts: Vec<&str> = items
        .iter()
        .map(|item| match &item.value {
            Value::Scalar(scalar) => scalar.text.as_str(),
            _ => "",
        })
        .collect();
    assert_eq!(texts, ["yes", "no", "on", "off", "010", "1_000", "0x10", "1e3", "", ""]);
}

#[test]
fn byte_order_mark_is_no_part_of_a_key() {
    let (root, told) = read_text("\u{feff}version: 1\n");
    assert!(told.is_empty(), "{told}");
    assert!(root.unwrap().get("version").is_some());
}

#[test]
fn more_values_than_anyone_needs_are_refused() {
    let text = format!("a: [{}]", "1,".repeat(MAX_NODES));
    let (root, told) = read_text(&text);
    assert!(root.is_none());
    assert_eq!(told.iter().map(|found| found.code).collect::<Vec<_>>(), [codes::TOO_LARGE]);
}

#[test]
fn alias_bomb_is_refused_without_being_read() {
    let text = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n";
    let (root, told) = read_text(text);
    assert!(root.is_some());
    assert!(told.iter().all(|found| found.code == codes::YAML_FEATURE));
}

#[test]
fn more_than_eight_mebibytes_are_refused() {
    let (root, told) = read_text(&" ".repeat(MAX_BYTES + 1));
    assert!(root.is_none());
    assert_eq!(told.iter().map(|found| found.code).collect::<Vec<_>>(), [codes::TOO_LARGE]);
}

/// Trees such as the writer of `config show` makes.
fn yaml() -> impl Strategy<Value = Yaml> {
    let scalar = prop_oneof![
        "[ -~]{0,20}".prop_map(Yaml::from),
        "\\PC{0,10}".prop_map(Yaml::from),
        any::<bool>().prop_map(Yaml::from),
        any::<i64>().prop_map(Yaml::from),
    ];
    scalar.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Yaml::from),
            prop::collection::btree_map("[a-z: #]{1,8}", inner, 0..5).prop_map(|map| {
                Yaml::Mapping(map.into_iter().map(|(key, value)| (Yaml::from(key), value)).collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn what_serde_yaml_writes_is_read_as_it_was(tree in yaml()) {
        let text = serde_yaml::to_string(&Yaml::Mapping([(Yaml::from("root"), tree.clone())].into_iter().collect())).unwrap();
        let (ours, told) = read_text(&text);
        prop_assert!(told.is_empty(), "{text}\n{told}");
        let ours = ours.unwrap();
        prop_assert_eq!(differs(ours.get("root").unwrap(), &tree), None, "{}", text);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}|[ \\[\\]{}:,&*!|>'\"%@`#\n\t~$a-z-]{0,200}") {
        let (_, told) = read_text(&text);
        let _ = told.render_text();
    }
}
