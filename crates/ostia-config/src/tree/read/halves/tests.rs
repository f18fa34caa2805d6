//! The halves against the whole: whoever reads two parts must see what stands there, or say nothing.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

/// What the whole says, without a thread.
fn whole(text: &str) -> Option<(Node, Vec<Span>)> {
    let part = Part { start: 0, text, depth: 0 };
    let Read { root, findings, .. } = part.read(None)?;
    Some((root, findings.hidden()))
}

fn halves(text: &str) -> Option<(Node, Vec<Span>)> {
    read(text, None, 0)
}

#[test]
fn long_list_is_read_in_halves_with_every_place_and_secret() {
    let routes = |indent: &str| {
        (0..40).fold(String::from("routes:   # all of them\n\n"), |text, index| {
            text + &format!("{indent}- {{ name: r{index}, host: \"ü{index}.example\" }}\n{indent}- a: [b,\n{indent}    c]\n")
        })
    };
    for indent in ["", "  ", "    "] {
        for (before, after) in [
            ("", ""),
            ("---\nversion: 1\n", "\n# the end\n"),
            ("a: |\n  - x\n", "providers: { p: { client_secret: hunter2 } }\nlogs:\n"),
        ] {
            let text = format!("{before}{}{after}", routes(indent));
            let (root, mut hidden) = halves(&text).unwrap_or_else(|| panic!("not cut: {text}"));
            let (expected, mut secrets) = whole(&text).unwrap();
            assert_eq!(root, expected);
            hidden.sort();
            secrets.sort();
            assert_eq!(hidden, secrets);
        }
    }
}

#[test]
fn what_is_no_list_in_lines_of_its_own_is_read_as_a_whole() {
    let items = "  - a\n  - b\n  - c\n  - d\n";
    for text in [
        format!("routes: |\n{items}"),
        format!("routes: >-\n{items}"),
        format!("routes: word\n{items}"),
        format!("routes: \"quoted\n{items}\"\n"),
        format!("routes: [\n{items}]\n"),
        format!("routes: &all\n{items}"),
        format!("routes:\n{items}..\n"),
        format!("routes:\n  - a\n  - b\n...\n{items}"),
        format!("routes:\n{items}---\nmore: 1\n"),
        format!("routes:\n{items}routes:\n  - e\n"),
        format!("routes:\n{items}\tb: c\n"),
        "routes:\n  - a\n  -\n  - c\n  -\n".to_owned(),
        "routes:\n  - a:\n  - b:\n  - c:\n  - d:\n".to_owned(),
        "upstreams:\n  a: 1\n  b: 2\n  c: 3\n  d: 4\n".to_owned(),
        "- a\n- b\n- c\n- d\n".to_owned(),
        format!("a: {{\n{items}}}\nroutes:\n{}", items.replace("  -", "   -")),
    ] {
        assert_eq!(halves(&text).map(|(root, _)| root), None, "{text}");
    }
}

/// Lines that people write, and lines that try to be read in two ways.
const LINES: [&str; 38] = [
    "version: 1",
    "routes:",
    "routes:  # note",
    "upstreams:",
    "logs: { a: b }",
    "text: |",
    "text: >-",
    "text: 'x",
    "b'",
    "  - a",
    "  - a: b",
    "    c: d",
    "  - { host: x, path: / }",
    "  - [a,",
    "  b]",
    "  - \"x",
    "  y\"",
    "  - |",
    "    literal",
    "  - - deep",
    "    - item",
    "  -",
    "  - k:",
    "- a",
    "- a: b",
    "  c: d",
    " - one",
    "   - three",
    "    - four",
    "# note",
    "",
    "  # note",
    "---",
    "...",
    "\t- tab",
    "? key",
    ": value",
    "plain text",
];

/// Items of a list, as they may follow each other.
const ITEMS: [&str; 14] = [
    "  - a",
    "  - a: b",
    "  - a: b\n    c: d",
    "  - { host: x, path: / }",
    "  - [a,\n    b]",
    "  - |\n    literal\n",
    "",
    "# note",
    "  # note",
    "  - - item\n    - item",
    "  - 'quoted\n    text'",
    "  - \"text\"",
    "  - >-\n    folded\n\n    text",
    "  -",
];

fn texts() -> impl Strategy<Value = String> {
    let joined = |lines: Vec<&str>| lines.join("\n");
    let any = prop::collection::vec(select(&LINES[..]), 3..16).prop_map(joined);
    let list = prop::collection::vec(select(&ITEMS[..]), 3..16).prop_map(joined);
    let end = select(vec!["", "logs: { a: b }", "routes:", "..."]);
    prop_oneof![
        any,
        (list, end).prop_map(|(list, end)| format!("version: 1\nroutes:\n  - first\n{list}\n{end}"))
    ]
}

/// What breaks a text where it is put in.
const CHANGES: [&str; 15] =
    ["\n", " ", "-", ":", "#", "'", "\"", "[", "}", "|", "\r", "&a ", "*a", "!t ", "é"];

/// A block of text (`|`) ends where the next thing begins, which the part before a cut does not have.
fn without_ends_of_blocks(mut node: Node) -> Node {
    match &mut node.value {
        Value::Scalar(scalar) if !scalar.plain => node.span.end = node.span.start,
        Value::List(items) => items.iter_mut().for_each(|item| *item = without_ends_of_blocks(item.clone())),
        Value::Map(entries) => {
            entries.iter_mut().for_each(|entry| entry.value = without_ends_of_blocks(entry.value.clone()));
        }
        _ => {}
    }
    node
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn halves_say_what_the_whole_says_or_nothing(
        text in texts(),
        change in prop::option::of((any::<Index>(), select(&CHANGES[..]))),
    ) {
        let mut text = text;
        if let Some((at, what)) = change {
            let at = text.floor_char_boundary(at.index(text.len() + 1));
            text.insert_str(at, what);
        }
        if let Some((root, _)) = halves(&text) {
            let whole = whole(&text).map(|(root, _)| without_ends_of_blocks(root));
            prop_assert_eq!(Some(without_ends_of_blocks(root)), whole, "{}", text);
        }
    }
}
