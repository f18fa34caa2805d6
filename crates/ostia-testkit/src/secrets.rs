//! What must never stand in a log: every cookie, code, token and secret that the parties of a test have seen.

use std::collections::BTreeSet;
use std::sync::Mutex;

/// Shorter values would be found by accident.
const SHORTEST: usize = 12;

static KNOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Remembers a value that no line may hold, in the form given and percent-encoded.
pub fn keep(value: &str) {
    if value.len() < SHORTEST {
        return;
    }
    let mut known = KNOWN.lock().unwrap();
    known.insert(url::form_urlencoded::byte_serialize(value.as_bytes()).collect());
    known.insert(value.to_owned());
}

/// The first secret that stands in `line`.
#[must_use]
pub fn found_in(line: &str) -> Option<String> {
    KNOWN.lock().unwrap().iter().find(|secret| line.contains(secret.as_str())).cloned()
}
