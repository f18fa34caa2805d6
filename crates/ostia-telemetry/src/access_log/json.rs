//! JSON text, written straight into a buffer.

use std::fmt::{Display, Write as _};
use std::io::Write as _;
use std::time::Duration;

/// An object that is being written. Members without a value are left out.
pub(crate) struct Object<'b> {
    buffer: &'b mut Vec<u8>,
    is_empty: bool,
}

impl<'b> Object<'b> {
    /// Begins an object.
    pub(crate) fn begin(buffer: &'b mut Vec<u8>) -> Self {
        buffer.push(b'{');
        Self { buffer, is_empty: true }
    }

    /// The end, with its line.
    pub(crate) fn end(self) {
        self.buffer.extend_from_slice(b"}\n");
    }

    /// A text of words of ours: nothing in it needs to be escaped.
    pub(crate) fn word(&mut self, name: &str, word: &str) {
        self.name(name);
        self.buffer.push(b'"');
        self.buffer.extend_from_slice(word.as_bytes());
        self.buffer.push(b'"');
    }

    /// A text of anybody.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        self.buffer.push(b'"');
        escape(self.buffer, text);
        self.buffer.push(b'"');
    }

    /// A text of anybody, where there is one.
    pub(crate) fn text_if(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// A text that is made while it is written, of characters that need no escape: an address.
    pub(crate) fn display(&mut self, name: &str, value: impl Display) {
        self.name(name);
        // Writing to a Vec does not fail.
        let _ = write!(self.buffer, "\"{value}\"");
    }

    /// A text that `write` makes, of characters that need no escape.
    pub(crate) fn written(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        self.name(name);
        self.buffer.push(b'"');
        write(self.buffer);
        self.buffer.push(b'"');
    }

    pub(crate) fn number(&mut self, name: &str, number: u64) {
        self.name(name);
        self.digits(number);
    }

    /// Seconds with microseconds.
    pub(crate) fn seconds(&mut self, name: &str, duration: Duration) {
        self.name(name);
        self.digits(duration.as_secs());
        let mut fraction = *b".000000";
        let mut rest = duration.subsec_micros();
        for digit in fraction.iter_mut().skip(1).rev() {
            *digit += u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
        }
        self.buffer.extend_from_slice(&fraction);
    }

    fn name(&mut self, name: &str) {
        self.buffer.extend_from_slice(if self.is_empty { b"\"" } else { b",\"" });
        self.is_empty = false;
        self.buffer.extend_from_slice(name.as_bytes());
        self.buffer.extend_from_slice(b"\":");
    }

    fn digits(&mut self, number: u64) {
        self.buffer.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    }
}

/// Escapes what JSON asks for (RFC 8259 section 7), and the line separators that some readers take for the end of a line.
fn escape(buffer: &mut Vec<u8>, text: &str) {
    let mut plain = 0;
    for (at, c) in text.char_indices().filter(|(_, c)| needs_escape(*c)) {
        buffer.extend_from_slice(text.get(plain..at).unwrap_or_default().as_bytes());
        plain = at + c.len_utf8();
        match c {
            '"' | '\\' => buffer.extend_from_slice(&[b'\\', c as u8]),
            '\n' => buffer.extend_from_slice(b"\\n"),
            '\r' => buffer.extend_from_slice(b"\\r"),
            '\t' => buffer.extend_from_slice(b"\\t"),
            _ => {
                let mut code = String::with_capacity(6);
                let _ = write!(code, "\\u{:04x}", u32::from(c));
                buffer.extend_from_slice(code.as_bytes());
            }
        }
    }
    buffer.extend_from_slice(text.get(plain..).unwrap_or_default().as_bytes());
}

fn needs_escape(c: char) -> bool {
    matches!(c, '"' | '\\' | '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}')
}
