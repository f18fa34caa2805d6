//! Golden cases: each file in `tests/cases` is a configuration, a line `---`, and what is said about it.
//!
//! A new file is a new case. `OSTIA_BLESS=1 cargo test -p ostia-config --test it` writes what is said now; read the
//! difference before it is committed.

use std::fs;
use std::path::{Path, PathBuf};

use ostia_config::codes;
use ostia_config::load::{Checked, check_file};

use crate::stage::{self, Stage};

/// The configuration of a case and what is expected of it. The parting line is the last one that is `---`.
fn split(text: &str) -> (String, &str) {
    match text.rsplit_once("\n---\n") {
        Some((yaml, expected)) => (format!("{yaml}\n"), expected),
        None => (text.to_owned(), ""),
    }
}

fn cases() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files.into_iter().map(|file| (file.clone(), fs::read_to_string(file).unwrap())).collect()
}

/// Cases whose name begins with `open_to_all` stand in a file that everybody can read.
fn run(file: &Path, yaml: &str) -> (Checked, Stage) {
    let stage = Stage::new();
    let open = file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("open_to_all"));
    let path = stage.write("ostia.yaml", yaml, if open { 0o644 } else { 0o600 });
    (check_file(&path, &stage.environment()), stage)
}

fn told(file: &Path, yaml: &str) -> String {
    let (checked, stage) = run(file, yaml);
    let verdict = if checked.config.is_some() { "accepted" } else { "refused" };
    let text = format!("{}{verdict}\n", checked.diagnostics.render_text());
    stage.without_folder(&text)
}

#[test]
fn every_case_is_told_as_expected() {
    let bless = std::env::var_os("OSTIA_BLESS").is_some();
    let mut failed = Vec::new();
    for (file, text) in cases() {
        let (yaml, expected) = split(&text);
        let told = told(&file, &yaml);
        if bless {
            fs::write(&file, format!("{yaml}---\n{told}")).unwrap();
        } else if told != expected {
            failed.push(format!("== {}\n-- expected\n{expected}\n-- told\n{told}", file.display()));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn file_that_begins_with_good_is_accepted_and_every_other_with_an_error_is_refused() {
    for (file, text) in cases() {
        let (checked, _stage) = run(&file, &split(&text).0);
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(checked.config.is_some(), !checked.diagnostics.has_errors(), "{name}");
        if name.starts_with("good_") {
            assert!(checked.config.is_some(), "{name}");
        }
    }
}

#[test]
fn every_code_has_a_case() {
    let mut unseen: Vec<&str> = codes::ALL.iter().map(|code| code.code).collect();
    let missing = check_file(Path::new("/no/such/file.yaml"), &Stage::new().environment());
    let unreadable = missing.diagnostics.iter().next().map(|found| found.code);
    // What an extension does not take is found when it is made (`with/tests.rs`).
    unseen.retain(|code| Some(*code) != unreadable && *code != "E1605");
    for (file, text) in cases() {
        let (checked, _stage) = run(&file, &split(&text).0);
        for found in checked.diagnostics.iter() {
            assert!(codes::find(found.code).is_some(), "{} is not in codes::ALL", found.code);
            unseen.retain(|code| *code != found.code);
        }
    }
    assert!(unseen.is_empty(), "codes without a case: {unseen:?}");
}

#[test]
fn every_finding_has_its_place() {
    for (file, text) in cases() {
        let (yaml, _) = split(&text);
        let (checked, _stage) = run(&file, &yaml);
        for found in checked.diagnostics.iter().filter(|found| found.line > 0) {
            let line = yaml.lines().nth(found.line - 1).unwrap_or("");
            assert!(found.column <= line.chars().count() + 1, "{}: {found:?}", file.display());
            for other in &found.related {
                assert!(other.line > 0 && other.column > 0, "{}: {found:?}", file.display());
            }
        }
    }
}

#[test]
fn no_secret_is_ever_told() {
    let mut seen = 0;
    for (file, text) in cases() {
        let (yaml, _) = split(&text);
        seen += stage::SECRETS.iter().filter(|secret| yaml.contains(*secret)).count();
        let (checked, _stage) = run(&file, &yaml);
        let config = checked.config.as_ref();
        let told = [
            checked.diagnostics.render_text(),
            checked.diagnostics.render_styled(),
            checked.diagnostics.render_json(),
            format!("{:?}", checked.diagnostics),
            format!("{config:?}"),
            config.map(ostia_config::effective::to_yaml).unwrap_or_default(),
        ];
        for secret in stage::SECRETS {
            assert!(!told.iter().any(|told| told.contains(secret)), "{}: {secret}", file.display());
        }
    }
    assert!(seen >= 5, "the cases must hold secrets for this test to mean anything");
}

#[test]
fn value_of_a_variable_is_never_told() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/variable_is_never_shown.yaml");
    let (checked, _stage) = run(&file, &split(&fs::read_to_string(&file).unwrap()).0);
    assert!(checked.diagnostics.errors().count() > 10);
    for told in [checked.diagnostics.render_text(), checked.diagnostics.render_json()] {
        assert!(!told.contains(stage::FROM_OUTSIDE), "{told}");
    }
}

/// The whole language by example, with the keys that this release does not build.
#[test]
fn contract_has_no_unknown_key() {
    let (file, text) = cases().into_iter().find(|(file, _)| file.ends_with("contract.yaml")).unwrap();
    let (checked, _stage) = run(&file, &split(&text).0);
    let mut codes: Vec<&str> = checked.diagnostics.errors().map(|found| found.code).collect();
    codes.dedup();
    assert_eq!(codes, ["E1106"], "{}", checked.diagnostics);
    assert!(checked.diagnostics.errors().all(|found| found.message.contains("not supported yet")));
}
