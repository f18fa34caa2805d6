//! Words for the person at the terminal; the only place that prints.

use std::io::Write as _;

/// A line on standard output; a closed pipe is not an error.
pub(super) fn say(text: impl AsRef<str>) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_ref().as_bytes());
    let _ = out.write_all(b"\n");
    let _ = out.flush();
}

/// A line on standard error.
pub(super) fn complain(text: impl AsRef<str>) {
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(text.as_ref().as_bytes());
    let _ = out.write_all(b"\n");
}
