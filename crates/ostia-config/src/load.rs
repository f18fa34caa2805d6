//! The way from a file to the checked model.

use std::path::Path;

use crate::Config;
use crate::diagnostic::Diagnostics;
pub use crate::environment::Environment;

/// What a reading gave: the model, unless something is refused, and everything that was found (warnings stand beside
/// a model, too).
#[derive(Clone, Debug)]
pub struct Checked {
    /// Present exactly when `diagnostics` has no error.
    pub config: Option<Config>,
    /// In the order of the file.
    pub diagnostics: Diagnostics,
}

/// Reads, checks and resolves the configuration at `path`. Warnings are lost: whoever shows them calls
/// [`check_file`].
///
/// # Errors
/// All that is wrong with the file, in one run.
pub fn load(path: &Path, environment: &Environment) -> Result<Config, Diagnostics> {
    let Checked { config, diagnostics } = check_file(path, environment);
    config.ok_or(diagnostics)
}

/// Like [`load`] for a text that is at hand: `name` stands for the file in messages, relative files are beside
/// `base_dir`.
///
/// # Errors
/// All that is wrong with the text, in one run.
pub fn parse_text(
    name: &str,
    text: &str,
    base_dir: &Path,
    environment: &Environment,
) -> Result<Config, Diagnostics> {
    let Checked { config, diagnostics } = check_text(name, text, base_dir, environment);
    config.ok_or(diagnostics)
}

/// [`load`], with its warnings.
#[must_use]
pub fn check_file(path: &Path, environment: &Environment) -> Checked {
    let base_dir = path.parent().unwrap_or(Path::new(""));
    let text = std::fs::read_to_string(path).unwrap_or_default();
    check_text(&path.display().to_string(), &text, base_dir, environment)
}

/// [`parse_text`], with its warnings.
#[must_use]
pub fn check_text(_name: &str, _text: &str, _base_dir: &Path, _environment: &Environment) -> Checked {
    Checked { config: None, diagnostics: Diagnostics::default() }
}
