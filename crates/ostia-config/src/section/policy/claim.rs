//! `policies.*.claims`: values, or a map of tests.

use crate::codes;
use crate::describe::{Key, Section, Shape, Words};
use crate::fields::Fields;
use crate::findings::Finding;
use crate::policy::{ClaimCondition, ClaimPath, ValueTest};
use crate::section::policy::TEXTS;
use crate::section::{CLAIM_PATH, read_key};
use crate::tree::Value;
use crate::value::{Place, Read as _, Word};

/// Whole numbers up to here are exact as JSON numbers (RFC 8259 section 6).
const EXACT: f64 = 9_007_199_254_740_991.0;
const NUMBER: Shape = Shape::Number { min: 0.0, max: EXACT };
static SEPARATOR: Words = Words { now: &["space", "comma"], later: &[] };

pub(super) const CLAIMS: Shape = Shape::Map(&CLAIM_PATH, &Shape::Either(&[TEXTS, Shape::Section(&TEST)]));

pub(crate) static TEST: Section = Section {
    title: "`policies.*.claims.*`",
    doc: "Tests of a claim, instead of a list of its values. All that are written must hold of the same value: of the \
          claim itself, or of one element of a list.",
    keys: &[
        Key::new("is", TEXTS, "A text equal to one of these.").absent("—").example("is: [staff, contractors]"),
        Key::new("prefix", TEXTS, "A text that begins with one of these.").absent("—").example("prefix: team-"),
        Key::new("suffix", TEXTS, "A text that ends with one of these.")
            .absent("—")
            .example("suffix: \"@example.com\""),
        Key::new("glob", TEXTS, "A text that matches one of these: `*` for any characters, `?` for one.")
            .absent("—")
            .example("glob: \"repo:example/*:ref:refs/heads/main\""),
        Key::new("boolean", Shape::Bool, "This truth value; the text `true` is none.")
            .absent("—")
            .example("boolean: true"),
        Key::new("at_least", NUMBER, "A number that is not smaller; a text is none.").absent("—").example("at_least: 3"),
        Key::new("at_most", NUMBER, "A number that is not greater.").absent("—"),
        Key::new("above", NUMBER, "A greater number.").absent("—"),
        Key::new("below", NUMBER, "A smaller number.").absent("—"),
        Key::new(
            "separator",
            Shape::Word(&SEPARATOR),
            "A text with several values in it is cut here, and each value tested. `scope` and `scp` are cut at spaces \
             anyway (RFC 8693 section 4.2).",
        )
        .absent("a text is one value")
        .example("separator: space"),
    ],
};

pub(super) fn read(fields: &Fields<'_>) -> Vec<ClaimCondition> {
    let entries = fields.map("claims");
    entries
        .into_iter()
        .filter_map(|(entry, path)| {
            let claim: Option<ClaimPath> = read_key(fields.cx, entry, &path);
            let test = if matches!(entry.value.value, Value::Map(_)) {
                test(&Fields::open(fields.cx, Some(&entry.value), &TEST, &path, entry.key_span))
            } else {
                let place = Place { cx: fields.cx, node: &entry.value, shape: TEXTS, path: &path };
                ValueTest { values: Vec::<String>::read(place)?, ..ValueTest::default() }
            };
            Some(ClaimCondition { claim: claim?, test })
        })
        .collect()
}

fn test(fields: &Fields<'_>) -> ValueTest {
    let test = ValueTest {
        values: fields.optional("is").unwrap_or_default(),
        prefixes: fields.optional("prefix").unwrap_or_default(),
        suffixes: fields.optional("suffix").unwrap_or_default(),
        globs: fields.optional("glob").unwrap_or_default(),
        boolean: fields.optional("boolean"),
        at_least: fields.optional("at_least"),
        at_most: fields.optional("at_most"),
        above: fields.optional("above"),
        below: fields.optional("below"),
        separator: fields.optional::<Word>("separator").and_then(|Word(word)| match word {
            "space" => Some(' '),
            "comma" => Some(','),
            _ => None,
        }),
    };
    check(fields, &test);
    test
}

/// Tests that say nothing, or that no value can pass together.
fn check(fields: &Fields<'_>, test: &ValueTest) {
    if fields.cx.findings.spoils(&fields.path) {
        return;
    }
    let texts =
        [&test.values, &test.prefixes, &test.suffixes, &test.globs].iter().any(|list| !list.is_empty());
    let numbers = [test.at_least, test.at_most, test.above, test.below].iter().any(Option::is_some);
    let kinds = [texts, numbers, test.boolean.is_some()].into_iter().filter(|written| *written).count();
    let message = match kinds {
        1 => return,
        0 => format!("`{}` tests nothing", fields.path),
        _ => format!("`{}` tests one value as a text, a number and a truth value at once", fields.path),
    };
    let finding = Finding::new(codes::EITHER_OR, fields.span, &*fields.path, message);
    fields.cx.findings.add(finding.help(
        "one kind of test: `is`, `prefix`, `suffix`, `glob` of texts; `at_least`, `at_most`, `above`, `below` of \
         numbers; `boolean`",
    ));
}
