//! Large texts are read by two threads, each half of one list (ADR 0023).
//!
//! The longest section of the file is cut before an item of its list. The text before the cut, the rest of the list and
//! the sections after it are each YAML by themselves, and the whole is what they say together; wherever that is not
//! certain, nothing is cut. Whatever is wrong in a part is found again, and told, by reading the whole.

use std::collections::HashSet;
use std::ops::Range;
use std::thread;

use super::{MAX_NODES, Part, Variables};
use crate::findings::Findings;
use crate::source::Span;
use crate::tree::{Entry, Node, Value};

/// From so many bytes on a second thread is worth its start: some hundred routes.
pub(super) const WORTHWHILE: usize = 32 * 1024;

/// The tree of a text in which nothing is wrong, and what no snippet of it may show. `None`: read it as a whole.
pub(super) fn read(text: &str, variables: Variables<'_>, worthwhile: usize) -> Option<(Node, Vec<Span>)> {
    if text.len() < worthwhile {
        return None;
    }
    let section = longest_section(text)?;
    let cut = cut(text, &section)?;
    let before = Part { start: 0, text: text.get(..cut)?, depth: 0 };
    let items = Part { start: cut, text: text.get(cut..section.end)?, depth: 1 };
    let after = Part { start: section.end, text: text.get(section.end..)?, depth: 0 };
    thread::scope(|scope| {
        let items = thread::Builder::new().spawn_scoped(scope, move || items.read(variables)).ok()?;
        let before = before.read(variables);
        let after = if after.text.is_empty() { None } else { Some(after.read(variables)) };
        join(before?, items.join().ok()??, after, section.start)
    })
}

/// What was read of a part without a complaint.
pub(super) struct Read {
    pub(super) root: Node,
    pub(super) nodes: usize,
    pub(super) findings: Findings,
}

/// From a line that begins with a key to the next such line, or the end; the longest. `None` where a line at the margin
/// is none of: a key, an item, a comment, nothing.
fn longest_section(text: &str) -> Option<Range<usize>> {
    let (mut at, mut start, mut longest) = (0, None, 0..0);
    let mut ends = |start: Option<usize>, end: usize| {
        longest =
            start.map(|start| start..end).filter(|it| it.len() > longest.len()).unwrap_or(longest.clone());
    };
    for line in text.split_inclusive('\n') {
        match line.as_bytes() {
            [b'a'..=b'z' | b'A'..=b'Z' | b'_', ..] => {
                ends(start, at);
                start = Some(at);
            }
            [b' ' | b'#' | b'\n', ..] | [b'\r', b'\n', ..] => {}
            [b'-', ..] if start.is_some() && is_item(line, 0) => {}
            _ if start.is_none() => {}
            _ => return None,
        }
        at += line.len();
    }
    ends(start, at);
    Some(longest)
}

/// The beginning of the item that halves the work, in a section that is a list in lines of its own.
fn cut(text: &str, section: &Range<usize>) -> Option<usize> {
    let list = text.get(section.clone())?;
    let mut lines = list.split_inclusive('\n').scan(section.start, |at, line| {
        let start = *at;
        *at += line.len();
        Some((start, line))
    });
    lines.next()?;
    let (_, first) =
        lines.by_ref().find(|(_, line)| !matches!(line.trim_start().as_bytes(), [] | [b'#', ..]))?;
    let indent = first.len() - first.trim_start_matches(' ').len();
    let goal = section.end.saturating_sub(text.len() / 2);
    let (at, _) =
        is_item(first, indent).then(|| lines.find(|(at, line)| *at >= goal && is_item(line, indent)))??;
    Some(at)
}

/// Whether a list's item begins in this column.
fn is_item(line: &str, indent: usize) -> bool {
    let rest = line.trim_start_matches(' ');
    line.len() - rest.len() == indent && rest.starts_with("- ")
}

/// What the parts say together, where the whole would say the same.
fn join(before: Read, items: Read, after: Option<Option<Read>>, section: usize) -> Option<(Node, Vec<Span>)> {
    let after = match after {
        Some(after) => Some(after?),
        None => None,
    };
    let mut hidden = Vec::new();
    let mut nodes = 0;
    for part in [&before, &items].into_iter().chain(&after) {
        nodes += part.nodes;
        hidden.extend(part.findings.hidden());
    }
    let (mut root, Value::List(more)) = (before.root, items.root.value) else { return None };
    let Value::Map(entries) = &mut root.value else { return None };
    let last = entries.last_mut().filter(|entry| entry.key_span.start == section)?;
    let Value::List(list) = &mut last.value.value else { return None };
    if nodes > MAX_NODES || list.last().is_none_or(ends_in_nothing) || more.last().is_none_or(ends_in_nothing)
    {
        return None;
    }
    list.extend(more);
    if let Some(Read { root: Node { value, .. }, .. }) = after {
        let Value::Map(more) = value else { return None };
        let keys: HashSet<&str> = entries.iter().map(|entry| &*entry.key).collect();
        if more.iter().any(|Entry { key, .. }| keys.contains(&**key)) {
            return None;
        }
        entries.extend(more);
    }
    Some((root, hidden))
}

/// Whether a node ends with what is not there: its place is told by what comes next.
fn ends_in_nothing(node: &Node) -> bool {
    match &node.value {
        Value::Null | Value::Broken => true,
        Value::Scalar(scalar) => scalar.text.is_empty(),
        Value::List(items) => items.last().is_some_and(ends_in_nothing),
        Value::Map(entries) => entries.last().is_some_and(|entry| ends_in_nothing(&entry.value)),
    }
}

#[cfg(test)]
mod tests;
