//! Names say what a thing is.

use std::path::PathBuf;

use crate::page::files;

#[test]
fn no_file_is_named_after_nothing() {
    let empty =
        ["util", "utils", "common", "helper", "helpers", "manager", "core", "misc", "base", "data", "info"];
    for file in files("crates", ".rs") {
        let stem = file.file_stem().unwrap().to_str().unwrap();
        assert!(!empty.contains(&stem), "{}: what is it?", file.display());
    }
}

#[test]
fn every_source_file_opens_with_what_it_is() {
    let is_source = |file: &&PathBuf| {
        let path = file.to_string_lossy();
        path.contains("/src/") && !path.contains("/tests/") && !path.ends_with("/tests.rs")
    };
    for file in files("crates", ".rs").iter().filter(is_source) {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.starts_with("//! "), "{} does not open with a sentence", file.display());
    }
}
