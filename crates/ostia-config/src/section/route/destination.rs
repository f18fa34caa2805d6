//! `routes[].upstream`: one group, several with weights, or a choice by policy.

use super::one_answer;
use crate::Name;
use crate::codes;
use crate::describe::{Key, Section, Shape};
use crate::fields::Fields;
use crate::findings::Finding;
use crate::route::Allow;
use crate::section::{NAME, TEXT, read_key};
use crate::tree::{Node, Value, join_index, join_key};
use crate::value::{Place, Read as _};

const WEIGHT: Shape = Shape::Integer { min: 0, max: 10_000 };
const WEIGHTS: Shape = Shape::Map(&TEXT, &WEIGHT);
const TO: Shape = Shape::Either(&[Shape::Text(&TEXT), WEIGHTS]);

pub(super) const UPSTREAM: Shape =
    Shape::Either(&[Shape::Text(&TEXT), WEIGHTS, Shape::Several(&Shape::Section(&DESTINATION))]);

pub(crate) static DESTINATION: Section = Section {
    title: "`routes[].upstream[]`",
    doc: "One of several destinations of a route: the first whose `when` holds gets the request.",
    keys: &[
        Key::new(
            "when",
            Shape::OneOrMany(&Shape::Text(&NAME)),
            "A policy, or a list of policies of which one must hold for the caller.",
        )
        .absent("everybody else; only in the last destination")
        .example("when: beta"),
        Key::new(
            "to",
            TO,
            "A name under `upstreams` or the address of one server; or a map of such with weights.",
        )
        .required()
        .example("to: { api: 95, api_next: 5 }"),
    ],
};

/// A destination as it is written; its names are not looked up yet.
pub(crate) struct Written {
    /// Its place in the list.
    pub(crate) index: Option<usize>,
    pub(crate) when: Vec<Name>,
    pub(crate) to: Vec<(String, u32)>,
}

pub(super) fn read(fields: &Fields<'_>, label: &str, allow: &Allow) -> Vec<Written> {
    let answers_itself = one_answer(fields);
    let Some(node) = fields.node("upstream") else {
        if !answers_itself {
            tell_missing(fields, label);
        }
        return Vec::new();
    };
    let path = fields.sub("upstream");
    let Value::List(items) = &node.value else {
        let to = groups(fields, node, &path);
        return to.map(|to| Written { index: None, when: Vec::new(), to }).into_iter().collect();
    };
    let open = |(index, item)| {
        let path = join_index(&path, index);
        let fields = Fields::open(fields.cx, Some(item), &DESTINATION, &path, item.span);
        let when: Vec<Name> = fields.optional("when").unwrap_or_default();
        let to = fields.node("to").and_then(|to| groups(&fields, to, &join_key(&path, "to")));
        Written { index: Some(index), when, to: to.unwrap_or_default() }
    };
    let written: Vec<Written> = items.iter().enumerate().map(open).collect();
    check(fields, node, allow, &written);
    written
}

fn groups(fields: &Fields<'_>, node: &Node, path: &str) -> Option<Vec<(String, u32)>> {
    let Value::Map(entries) = &node.value else {
        let place = Place { cx: fields.cx, node, shape: TO, path };
        return Some(vec![(String::read(place)?, 1)]);
    };
    let mut to = Vec::with_capacity(entries.len());
    for entry in entries {
        let path = join_key(path, &entry.key);
        let name: Option<String> = read_key(fields.cx, entry, &path);
        let place = Place { cx: fields.cx, node: &entry.value, shape: WEIGHT, path: &path };
        to.push((name?, u32::read(place)?));
    }
    if to.iter().all(|(_, weight)| *weight == 0) {
        let message = format!("`{path}` sends to nobody");
        let finding = Finding::new(codes::CHOICE, node.span, path, message);
        fields.cx.findings.add(finding.help("give one group a weight: `{ api: 95, api_next: 5 }`"));
    }
    Some(to)
}

/// Everybody comes to exactly one destination.
fn check(fields: &Fields<'_>, node: &Node, allow: &Allow, written: &[Written]) {
    let path = fields.sub("upstream");
    if fields.cx.findings.spoils(&path) {
        return;
    }
    let Some((last, before)) = written.split_last() else {
        let finding =
            Finding::new(codes::EMPTY_LIST, node.span, &*path, format!("`{path}` is an empty list"));
        fields.cx.findings.add(finding.help("name at least one destination"));
        return;
    };
    let message = if !last.when.is_empty() {
        "the last destination has a `when`, so nobody knows where all others go"
    } else if before.iter().any(|one| one.when.is_empty()) {
        "a destination without `when` stands before others, which then get nothing"
    } else if *allow == Allow::Anyone && !before.is_empty() {
        "`when` asks who the caller is, but the route is open to anyone"
    } else {
        return;
    };
    let finding = Finding::new(codes::CHOICE, node.span, &*path, format!("`{path}`: {message}"));
    fields
        .cx
        .findings
        .add(finding.help("each but the last has a `when`: `[{ when: beta, to: next }, { to: app }]`"));
}

fn tell_missing(fields: &Fields<'_>, label: &str) {
    let answered = ["redirect", "respond"].iter().any(|key| fields.has(key));
    if fields.has("upstream") || fields.is_meant("upstream") || answered {
        return;
    }
    let message = format!("{label} has no `upstream`");
    let finding = Finding::new(codes::MISSING_KEY, fields.span, fields.sub("upstream"), message);
    fields
        .cx
        .findings
        .add(finding.help("a name under `upstreams`, or an address: `upstream: 10.0.0.10:8080`"));
}
