//! Every fuzz target of the crates has a program that runs it, and every program a target with seeds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::page::{root, text};

fn names_in(folder: &Path) -> BTreeSet<String> {
    let listed = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    listed.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The crate of each target, by its name. That a crate's targets are the folders of its seeds is shown where they are
/// replayed.
fn targets() -> BTreeMap<String, String> {
    let crates = root().join("crates");
    let with_seeds = names_in(&crates).into_iter().filter(|name| crates.join(name).join("corpus").is_dir());
    let mut targets = BTreeMap::new();
    for package in with_seeds {
        for target in names_in(&crates.join(&package).join("corpus")) {
            let before = targets.insert(target.clone(), package.clone());
            assert_eq!(before, None, "two targets are called {target}");
        }
    }
    targets
}

#[test]
fn every_fuzz_target_has_its_program_and_every_program_its_target() {
    let targets = targets();
    let files = targets.keys().map(|target| format!("{target}.rs")).collect::<BTreeSet<_>>();
    assert_eq!(names_in(&root().join("fuzz/src/bin")), files);
    let manifest = text("fuzz/Cargo.toml");
    for (target, package) in targets {
        let program = text(&format!("fuzz/src/bin/{target}.rs"));
        let call = format!("{}::fuzzing::{target}(input)", package.replace('-', "_"));
        assert!(program.contains(&call), "{target} runs another target:\n{program}");
        let line = format!("{package} = {{ path = \"../crates/{package}\", features = [\"fuzzing\"] }}");
        assert!(manifest.contains(&line), "fuzz/Cargo.toml has no\n{line}");
    }
}
