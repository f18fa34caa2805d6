//! What happened between us and the issuer: counters for metrics, and the last failure for people.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use super::discovery::FetchFailed;

/// Counters since the provider was made; they only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Metadata fetches that succeeded.
    pub metadata_fetches: u64,
    /// Metadata fetches that failed.
    pub metadata_failures: u64,
    /// Key set fetches that succeeded, those answered "not modified" too.
    pub key_fetches: u64,
    /// Key set fetches that failed.
    pub key_failures: u64,
    /// Tokens whose `kid` was not in the key set.
    pub unknown_kids: u64,
    /// Fetches that a token would have caused and that the gate withheld.
    pub fetches_withheld: u64,
    /// Logins that ended with tokens.
    pub logins: u64,
    /// Callbacks that were refused.
    pub logins_refused: u64,
    /// Refreshes that succeeded.
    pub refreshes: u64,
    /// Refreshes by which the issuer ended the session.
    pub refreshes_ended: u64,
    /// Refreshes that failed for the time being.
    pub refreshes_transient: u64,
    /// Bearer tokens accepted (first sight; what the gateway's cache answers is not seen here).
    pub bearers: u64,
    /// Bearer tokens refused.
    pub bearers_refused: u64,
    /// Calls about opaque tokens that the issuer answered.
    pub introspections: u64,
    /// Calls about opaque tokens that failed.
    pub introspection_failures: u64,
}

/// A failure to reach or to believe the issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastError {
    /// The reason as a word.
    pub slug: &'static str,
    /// The sentence for people, with its causes.
    pub message: String,
    /// When.
    pub at: SystemTime,
}

/// The keeper of both.
#[derive(Debug, Default)]
pub(crate) struct Record {
    cells: [AtomicU64; 15],
    failures: AtomicU32,
    last_error: Mutex<Option<LastError>>,
    dark_since: Mutex<Option<SystemTime>>,
}

/// The places in `cells`.
#[derive(Clone, Copy)]
enum Cell {
    MetadataFetches,
    MetadataFailures,
    KeyFetches,
    KeyFailures,
    UnknownKids,
    FetchesWithheld,
    Logins,
    LoginsRefused,
    Refreshes,
    RefreshesEnded,
    RefreshesTransient,
    Bearers,
    BearersRefused,
    Introspections,
    IntrospectionFailures,
}

/// How a refresh ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefreshEnd {
    Done,
    Ended,
    Transient,
}

impl Record {
    fn cell(&self, cell: Cell) -> Option<&AtomicU64> {
        self.cells.get(cell as usize)
    }

    fn add(&self, cell: Cell) {
        if let Some(counter) = self.cell(cell) {
            counter.fetch_add(1, Relaxed);
        }
    }

    pub(crate) fn metadata_fetched(&self, ok: bool) {
        self.add(if ok { Cell::MetadataFetches } else { Cell::MetadataFailures });
    }

    pub(crate) fn keys_fetched(&self, ok: bool) {
        self.add(if ok { Cell::KeyFetches } else { Cell::KeyFailures });
    }

    pub(crate) fn unknown_kid(&self) {
        self.add(Cell::UnknownKids);
    }

    pub(crate) fn fetch_withheld(&self) {
        self.add(Cell::FetchesWithheld);
    }

    pub(crate) fn login(&self, ok: bool) {
        self.add(if ok { Cell::Logins } else { Cell::LoginsRefused });
    }

    pub(crate) fn refresh(&self, end: RefreshEnd) {
        self.add(match end {
            RefreshEnd::Done => Cell::Refreshes,
            RefreshEnd::Ended => Cell::RefreshesEnded,
            RefreshEnd::Transient => Cell::RefreshesTransient,
        });
    }

    pub(crate) fn bearer(&self, ok: bool) {
        self.add(if ok { Cell::Bearers } else { Cell::BearersRefused });
    }

    pub(crate) fn introspected(&self, ok: bool) {
        self.add(if ok { Cell::Introspections } else { Cell::IntrospectionFailures });
    }

    /// The end of a round of key fetches.
    pub(crate) fn settled(&self, outcome: Result<(), &FetchFailed>) {
        let mut dark_since = self.dark_since.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(()) => {
                self.failures.store(0, Relaxed);
                *dark_since = None;
            }
            Err(failed) => {
                self.failures.fetch_add(1, Relaxed);
                dark_since.get_or_insert(SystemTime::now());
                self.told(failed);
            }
        }
    }

    /// A failure that darkens nothing.
    pub(crate) fn told(&self, failed: &FetchFailed) {
        let error = LastError { slug: failed.slug(), message: sentence(failed), at: SystemTime::now() };
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    /// Failed rounds since the last good one.
    pub(crate) fn failures(&self) -> u32 {
        self.failures.load(Relaxed)
    }

    pub(crate) fn last_error(&self) -> Option<LastError> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn dark_since(&self) -> Option<SystemTime> {
        *self.dark_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn counters(&self) -> Counters {
        let read = |cell| self.cell(cell).map_or(0, |counter| counter.load(Relaxed));
        Counters {
            metadata_fetches: read(Cell::MetadataFetches),
            metadata_failures: read(Cell::MetadataFailures),
            key_fetches: read(Cell::KeyFetches),
            key_failures: read(Cell::KeyFailures),
            unknown_kids: read(Cell::UnknownKids),
            fetches_withheld: read(Cell::FetchesWithheld),
            logins: read(Cell::Logins),
            logins_refused: read(Cell::LoginsRefused),
            refreshes: read(Cell::Refreshes),
            refreshes_ended: read(Cell::RefreshesEnded),
            refreshes_transient: read(Cell::RefreshesTransient),
            bearers: read(Cell::Bearers),
            bearers_refused: read(Cell::BearersRefused),
            introspections: read(Cell::Introspections),
            introspection_failures: read(Cell::IntrospectionFailures),
        }
    }
}

/// An error with its causes in one line.
fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text.truncate(text.floor_char_boundary(500));
    text
}
