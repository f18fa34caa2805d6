//! A text with a name, and the way from a byte offset to a line and a column.

use std::sync::Arc;

/// A half-open range of bytes in a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    pub(crate) const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }
}

/// The text of one file.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    name: Arc<str>,
    text: String,
    line_starts: Vec<usize>,
}

impl Source {
    pub(crate) fn new(name: &str, text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self {
            name: name.into(),
            text: text.to_owned(),
            line_starts: std::iter::once(0).chain(breaks).collect(),
        }
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What stands at a span; empty when the span is not of this text.
    pub(crate) fn slice(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or("")
    }

    /// Line and column of an offset, both from 1, the column in characters.
    pub(crate) fn position(&self, offset: usize) -> (usize, usize) {
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = self.line_starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let before = self.text.get(start..offset.min(self.text.len())).unwrap_or("");
        (line, before.chars().count() + 1)
    }

    /// The span cut at the end of its first line, never empty where the line goes on, and on character boundaries:
    /// what a caret can stand under.
    pub(crate) fn first_line(&self, span: Span) -> Span {
        let start = self.text.floor_char_boundary(span.start);
        let rest = self.text.get(start..).unwrap_or("");
        let line_end = start + rest.find(['\n', '\r']).unwrap_or(rest.len());
        let one_more = rest.chars().next().map_or(start, |first| start + first.len_utf8());
        let end = self.text.ceil_char_boundary(span.end).max(one_more).min(line_end);
        Span::new(start, end.max(start))
    }

    /// The same text in which every byte of the given spans is a `*`, so that offsets stay.
    pub(crate) fn masked(&self, spans: &[Span]) -> String {
        let mut masked = self.text.clone();
        for span in spans {
            let stars: String = self.slice(*span).bytes().map(star).collect();
            let hole = span.start..span.start + stars.len();
            if masked.get(hole.clone()).is_some() {
                masked.replace_range(hole, &stars);
            }
        }
        masked
    }
}

/// Line breaks stay, or the lines would move.
fn star(byte: u8) -> char {
    if matches!(byte, b'\n' | b'\r') { char::from(byte) } else { '*' }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_counts_characters_not_bytes() {
        let source = Source::new("f", "ä: b\nüü: c\n");
        assert_eq!(source.position(0), (1, 1));
        assert_eq!(source.position(4), (1, 4));
        assert_eq!(source.position(12), (2, 5));
    }

    #[test]
    fn span_of_several_lines_is_cut_at_the_first() {
        let source = Source::new("f", "a:\n  b: 1\n");
        assert_eq!(source.first_line(Span::new(0, 9)), Span::new(0, 2));
        assert_eq!(source.first_line(Span::new(10, 10)), Span::new(10, 10));
    }
}
