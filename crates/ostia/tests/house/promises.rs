//! `docs/promises.md` and `docs/rfc.md` name tests that exist.

use std::collections::{BTreeMap, BTreeSet};

use crate::page::{files, text};

const COUNTS: [(char, u8); 8] =
    [('L', 14), ('S', 9), ('B', 8), ('P', 9), ('U', 8), ('E', 7), ('O', 13), ('Q', 11)];

/// Every function of every crate.
fn functions() -> BTreeSet<String> {
    let mut functions = BTreeSet::new();
    for file in files("crates", ".rs") {
        let text = std::fs::read_to_string(file).unwrap();
        for rest in text.split("fn ").skip(1) {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            functions.insert(rest[..end].to_owned());
        }
    }
    functions
}

/// What stands in back ticks and looks like the name of a test.
fn cited(text: &str) -> Vec<&str> {
    let is_test = |part: &&str| {
        part.matches('_').count() >= 2
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    text.split('`').skip(1).step_by(2).filter(is_test).collect()
}

/// The rows of all tables of the promises, by their id.
fn rows(page: &str) -> Vec<(String, String)> {
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| ")?.splitn(2, " | ");
        let (id, rest) = (cells.next()?, cells.next()?);
        let is_id = id.starts_with(|c: char| c.is_ascii_uppercase()) && id[1..].parse::<u8>().is_ok();
        is_id.then(|| (id.to_owned(), rest.to_owned()))
    };
    page.lines().filter_map(row).collect()
}

#[test]
fn every_promise_has_one_row() {
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for (id, _) in rows(&text("docs/promises.md")) {
        *count.entry(id).or_default() += 1;
    }
    let expected: BTreeMap<String, usize> = COUNTS
        .iter()
        .flat_map(|(letter, last)| (1..=*last).map(move |n| (format!("{letter}{n}"), 1)))
        .collect();
    assert_eq!(count, expected);
}

#[test]
fn every_promise_names_a_test_or_says_not_yet() {
    for (id, row) in rows(&text("docs/promises.md")) {
        let evidence = row.rsplit(" | ").next().unwrap();
        let measured = evidence.contains("benches/");
        assert!(
            !cited(evidence).is_empty() || evidence.contains("*not yet*") || measured,
            "{id} has no evidence"
        );
    }
}

#[test]
fn every_test_that_a_page_names_exists() {
    let functions = functions();
    for page in ["docs/promises.md", "docs/rfc.md", "docs/threat-model.md", "docs/pingora-notes.md"] {
        let text = text(page);
        let missing: Vec<&str> = cited(&text).into_iter().filter(|name| !functions.contains(*name)).collect();
        assert!(missing.is_empty(), "{page} names what does not exist: {missing:?}");
    }
}
