//! Verification of audit logs: whether each line holds the hash of the one before.

use std::io::{self, BufRead};

use super::chain::{GENESIS, hash_of, prev_of, seq_of};

/// Follows a chain through one or more files, in their order.
#[derive(Debug, Default)]
pub struct Verifier {
    /// The hash that the next line must hold; `None` before the first line.
    expected: Option<[u8; 64]>,
    /// The number of the last line, where it is known.
    seq: Option<u64>,
    /// The last line was cut by a crash, so only `opened` may follow.
    is_after_cut: bool,
    is_closing: bool,
    report: Report,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Lines that were read.
    pub lines: u64,
    /// Whether the chain begins with the first line that was ever written.
    pub from_the_beginning: bool,
    /// Whether the last line says that the log was closed or rotated. Without it the log is still being written, or
    /// its end is missing.
    pub is_closed: bool,
    /// Lines that could not be written, as the log itself tells.
    pub lost: u64,
    /// Lines that a crash cut; the log itself tells.
    pub cut: u64,
    /// The hash of the last line: whoever noted it somewhere else can compare.
    pub head: String,
    /// The number of the last line.
    pub seq: u64,
}

/// Where a chain is broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Broken {
    /// A line is no line of an audit log.
    #[error("{file}:{line}: this is no line of an audit log")]
    NotALine {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
    },
    /// A line does not hold the hash of the line before.
    #[error(
        "{file}:{line}: the chain is broken: the line before was changed or removed, or this one was inserted or \
         changed in `prev`"
    )]
    Chain {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
    },
    /// Hashes fit, numbers do not.
    #[error("{file}:{line}: the number of the line does not follow")]
    Number {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
    },
    /// The last line has no line break, and nothing follows that tells of a crash.
    #[error("{file}:{line}: the last line is cut")]
    Cut {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
    },
    /// The file cannot be read.
    #[error("{file}: {message}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system says.
        message: String,
    },
}

impl Broken {
    /// The reason in a word.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::NotALine { .. } => "not_a_line",
            Self::Chain { .. } => "chain_broken",
            Self::Number { .. } => "number_wrong",
            Self::Cut { .. } => "line_cut",
            Self::Unreadable { .. } => "unreadable",
        }
    }
}

impl Verifier {
    /// Follows the chain through the next file.
    ///
    /// # Errors
    /// The first place where it is broken.
    pub fn read(&mut self, file: &str, mut from: impl BufRead) -> Result<(), Broken> {
        let mut line = Vec::new();
        let mut number = 0;
        loop {
            line.clear();
            let unreadable =
                |error: io::Error| Broken::Unreadable { file: file.to_owned(), message: error.to_string() };
            if from.read_until(b'\n', &mut line).map_err(unreadable)? == 0 {
                return Ok(());
            }
            number += 1;
            let is_whole = line.ends_with(b"\n");
            let text = line.strip_suffix(b"\n").unwrap_or(&line);
            if !is_whole {
                return Err(Broken::Cut { file: file.to_owned(), line: number });
            }
            self.line(file, number, text)?;
        }
    }

    fn line(&mut self, file: &str, line: u64, text: &[u8]) -> Result<(), Broken> {
        let not_a_line = || Broken::NotALine { file: file.to_owned(), line };
        if self.is_after_cut {
            // A cut line is accepted only where the log itself tells of it.
            let tells = is_event(text, "opened") && number_of(text, "\"cut\":") == Some(1);
            if !tells || prev_of(text) != self.expected {
                return Err(Broken::NotALine { file: file.to_owned(), line: line.saturating_sub(1) });
            }
            self.is_after_cut = false;
            self.report.cut += 1;
            self.seq = None;
        }
        // JSON has no control characters, so two lines that were run together are no line.
        let is_ours = text.ends_with(b"}") && !text.iter().any(u8::is_ascii_control);
        let (Some(prev), Some(seq), true) = (prev_of(text), seq_of(text), is_ours) else {
            if self.report.lines == 0 || text.contains(&0) {
                return Err(not_a_line());
            }
            self.is_after_cut = true;
            self.advance(text, None);
            return Ok(());
        };
        match self.expected {
            None => self.report.from_the_beginning = prev == GENESIS && seq == 1,
            Some(expected) if expected != prev => return Err(Broken::Chain { file: file.to_owned(), line }),
            Some(_) if self.seq.is_some_and(|before| before + 1 != seq) => {
                return Err(Broken::Number { file: file.to_owned(), line });
            }
            Some(_) => {}
        }
        if is_event(text, "lost") {
            self.report.lost += number_of(text, "\"lines\":").unwrap_or_default();
        }
        self.advance(text, Some(seq));
        Ok(())
    }

    fn advance(&mut self, text: &[u8], seq: Option<u64>) {
        let hash = hash_of(text);
        self.expected = Some(hash);
        self.seq = seq;
        self.report.lines += 1;
        self.report.seq = seq.unwrap_or(self.report.seq);
        self.report.head = String::from_utf8_lossy(&hash).into_owned();
        self.is_closing = is_event(text, "closed") || is_event(text, "rotated");
    }

    /// What was found in all files.
    ///
    /// # Errors
    /// When the last line is a cut one.
    pub fn finish(self, file: &str) -> Result<Report, Broken> {
        if self.is_after_cut {
            return Err(Broken::NotALine { file: file.to_owned(), line: self.report.lines });
        }
        Ok(Report { is_closed: self.is_closing, ..self.report })
    }
}

/// Whether the line is about this event. `event` is written before anything that comes from outside.
fn is_event(line: &[u8], event: &str) -> bool {
    let wanted = format!("\"event\":\"{event}\"");
    let head = line.get(..line.len().min(200)).unwrap_or_default();
    let at = head.windows(9).position(|part| part == b"\"event\":\"");
    at.and_then(|at| head.get(at..)).is_some_and(|rest| rest.starts_with(wanted.as_bytes()))
}

/// A number of a line about an event.
fn number_of(line: &[u8], name: &str) -> Option<u64> {
    let text = std::str::from_utf8(line).ok()?;
    let (_, rest) = text.split_once(name)?;
    let digits = rest.find(|c: char| !c.is_ascii_digit())?;
    rest.get(..digits)?.parse().ok()
}
