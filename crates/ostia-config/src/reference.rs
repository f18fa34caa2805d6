//! The reference page of the language.

/// `docs/reference/configuration.md`.
#[must_use]
pub fn markdown() -> String {
    String::new()
}
