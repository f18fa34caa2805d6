//! Where the JavaScript parties of the tests live.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What to tell somebody on whose machine a part is missing.
pub(crate) const HINT: &str = "`make test-deps` installs what the end-to-end tests need.";

/// `node` on one of our scripts, beside its `node_modules`.
///
/// # Panics
/// When the packages are not installed.
pub(crate) fn node(script: &str) -> Command {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("npm");
    assert!(folder.join("node_modules").is_dir(), "the packages of {} are missing. {HINT}", folder.display());
    let mut command = Command::new("node");
    command.arg(folder.join(script)).current_dir(folder).env("NODE_NO_WARNINGS", "1");
    command
}

/// Fails the test when a program that it needs is not there.
///
/// # Panics
/// When `path` is no file.
pub(crate) fn require_program(path: &str) {
    assert!(Path::new(path).is_file(), "{path} is missing. {HINT}");
}
