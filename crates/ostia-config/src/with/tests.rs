//! `with:` as types; refusals where they stand.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;
use crate::fields::testing::with_yaml;

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Wanted {
    header: String,
    #[serde(default)]
    limit: Option<u16>,
    #[serde(default)]
    way: Way,
    #[serde(default)]
    more: BTreeMap<String, Vec<f64>>,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Way {
    #[default]
    Plain,
    By {
        name: String,
    },
    Times(u32),
}

fn with(yaml: &str, test: impl FnOnce(&With)) {
    with_yaml(yaml, |cx, node| {
        test(&With {
            node: Some(node.clone()),
            path: "extensions[0].with".to_owned(),
            span: node.span,
            source: Arc::new(cx.source.clone()),
        });
    });
}

#[test]
fn what_fits_is_read_by_its_type() {
    let more = [("a".to_owned(), vec![1.0, 2.5])].into();
    for (yaml, wanted) in [
        ("header: x", Wanted { header: "x".into(), limit: None, way: Way::Plain, more: BTreeMap::new() }),
        ("header: 5", Wanted { header: "5".into(), limit: None, way: Way::Plain, more: BTreeMap::new() }),
        (
            "{ header: true, limit: 7, way: { by: { name: \"9\" } }, more: { a: [1, 2.5] } }",
            Wanted { header: "true".into(), limit: Some(7), way: Way::By { name: "9".into() }, more },
        ),
        (
            "{ header: x, limit: null, way: { times: 3 } }",
            Wanted { header: "x".into(), limit: None, way: Way::Times(3), more: BTreeMap::new() },
        ),
    ] {
        with(yaml, |with| assert_eq!(with.read::<Wanted>().unwrap(), wanted, "{yaml}"));
    }
}

#[test]
fn what_does_not_fit_is_told_where_it_stands() {
    for (yaml, line, column, path, words) in [
        ("limit: 1\nhaeder: x", 2, 1, "extensions[0].with.haeder", "unknown field `haeder`"),
        ("limit: 1", 1, 1, "extensions[0].with", "missing field `header`"),
        ("header: x\nlimit: many", 2, 8, "extensions[0].with.limit", "invalid type: string \"many\""),
        ("header: x\nlimit: 70000", 2, 8, "extensions[0].with.limit", "invalid value: integer `70000`"),
        ("header: x\nlimit: \"7\"", 2, 8, "extensions[0].with.limit", "invalid type: string \"7\""),
        ("header: [x]", 1, 9, "extensions[0].with.header", "invalid type: sequence"),
        (
            "header: x\nmore:\n  a: [1, b]",
            3,
            10,
            "extensions[0].with.more.a[1]",
            "invalid type: string \"b\"",
        ),
        ("header: x\nway: { round: 1 }", 2, 8, "extensions[0].with.way.round", "unknown variant `round`"),
    ] {
        with(yaml, |with| {
            let refused = with.read::<Wanted>().unwrap_err();
            let found = refused.diagnostics().iter().next().unwrap();
            assert_eq!((found.line, found.column, found.path.as_str()), (line, column, path), "{yaml}");
            assert!(found.message.contains(words), "{yaml}: {}", found.message);
        });
    }
}

#[test]
fn places_do_not_make_a_difference_but_words_do() {
    for (one, other, is_same) in [
        ("a: 1", "\n\n  a:   1", true),
        ("a: [1, {b: c}]", "a:\n- 1\n- b: c", true),
        ("a: 1", "a: \"1\"", false),
        ("a: b", "a: \"b\"", true),
        ("a: 1", "a: 2", false),
        ("a: 1", "b: 1", false),
    ] {
        with(one, |one| with(other, |other| assert_eq!(one == other, is_same, "{other:?}")));
    }
}
