//! The usual readings of a path: what the backends of this world make of the same bytes.
//!
//! A backend decodes, merges slashes, resolves dots and so on, some of it, in an order of its own. So a reading here is
//! whatever any of these steps, in any order and number, makes of the path; only decoding is done at most twice.

mod step;

use crate::target;

#[cfg(test)]
mod tests;

/// The most readings that a path may have besides the literal one. Paths that people use have fewer than ten; an
/// address within an address, encoded twice, has about thirty.
pub const MOST_READINGS: usize = 64;
/// The most bytes that all steps together may write for one path.
const MOST_BYTES: usize = 128 * 1024;
const MOST_DECODINGS: usize = 2;

/// One reading. Bytes, not text: decoding may make anything.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reading {
    /// The path as a backend may see it.
    pub bytes: Box<[u8]>,
    /// How it is to be compared.
    pub case: Case,
}

/// How a reading is compared with the path of a route.
///
/// Letter case in ASCII is left to the comparison, so that a plain path needs no copy: every reading (the literal one
/// too) has a twin that ignores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Case {
    /// As it stands, and again without regard to ASCII letter case.
    Kept,
    /// Already folded by the rules of Unicode: only without regard to letter case.
    Folded,
}

/// The usual readings of a path other than the literal one, each once.
#[derive(Clone, Debug, Default)]
pub struct Readings(Vec<Reading>);

/// A path with more readings than [`MOST_READINGS`], or too long to find them all. Answered with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the path has too many readings")]
pub struct TooManyReadings;

impl TooManyReadings {
    /// The reason in metrics, logs and pages.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        "path_readings_too_many"
    }
}

impl Readings {
    /// The readings; the nearer ones first.
    pub fn iter(&self) -> impl Iterator<Item = &Reading> {
        self.0.iter()
    }

    /// Whether the literal reading is the only one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// All usual readings of a path.
///
/// # Errors
/// [`TooManyReadings`]: the path is made to be read differently, or too long for its strange parts.
pub fn readings(path: &str) -> Result<Readings, TooManyReadings> {
    if target::is_plain(path.as_bytes()) {
        return Ok(Readings::default());
    }
    let mut search = Search::new(path.as_bytes());
    for round in 0..=MOST_DECODINGS {
        search.close()?;
        if round < MOST_DECODINGS {
            search.decode()?;
        }
    }
    search.finish()
}

/// The search for readings; the first one found is the literal path.
struct Search {
    found: Vec<Box<[u8]>>,
    /// How many of `found` have been through every step but decoding.
    closed: usize,
    written: usize,
}

impl Search {
    fn new(path: &[u8]) -> Self {
        Self { found: vec![path.into()], closed: 0, written: 0 }
    }

    /// Applies every step but decoding until nothing new comes.
    fn close(&mut self) -> Result<(), TooManyReadings> {
        while let Some(path) = self.found.get(self.closed).cloned() {
            for made in step::all(&path) {
                self.add(made)?;
            }
            self.closed += 1;
        }
        Ok(())
    }

    /// Decodes everything found so far once more.
    fn decode(&mut self) -> Result<(), TooManyReadings> {
        let decoded: Vec<_> = self.found.iter().filter_map(|path| step::decode(path)).collect();
        decoded.into_iter().try_for_each(|path| self.add(path))
    }

    fn add(&mut self, made: Vec<u8>) -> Result<(), TooManyReadings> {
        self.written += made.len();
        if self.found.iter().any(|known| **known == *made) {
            return if self.written > MOST_BYTES { Err(TooManyReadings) } else { Ok(()) };
        }
        self.found.push(made.into());
        if self.found.len() > MOST_READINGS + 1 || self.written > MOST_BYTES {
            return Err(TooManyReadings);
        }
        Ok(())
    }

    /// Adds the folded twins of what is not ASCII and leaves the literal reading out.
    fn finish(self) -> Result<Readings, TooManyReadings> {
        let mut folded: Vec<Reading> = Vec::new();
        for bytes in self.found.iter().filter_map(|path| step::fold(path)) {
            let reading = Reading { bytes: bytes.into(), case: Case::Folded };
            if !folded.contains(&reading) {
                folded.push(reading);
            }
        }
        let kept = self.found.into_iter().skip(1).map(|bytes| Reading { bytes, case: Case::Kept });
        let all: Vec<_> = kept.chain(folded).collect();
        if all.len() > MOST_READINGS { Err(TooManyReadings) } else { Ok(Readings(all)) }
    }
}
