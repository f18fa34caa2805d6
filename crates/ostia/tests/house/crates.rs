//! The crates stand in the order of `docs/architecture.md`, and each package of others has the doors named there.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::page::{root, table, text};

struct Package {
    name: String,
    description: String,
    ours: BTreeSet<String>,
    ours_in_tests: BTreeSet<String>,
    others: BTreeSet<String>,
}

/// What the manifests say.
fn packages() -> Vec<Package> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let crates = root().join("crates");
    let here =
        |package: &&Value| package["manifest_path"].as_str().unwrap().starts_with(crates.to_str().unwrap());
    metadata["packages"].as_array().unwrap().iter().filter(here).map(package).collect()
}

fn package(package: &Value) -> Package {
    let dependencies = package["dependencies"].as_array().unwrap();
    let named = |test: &dyn Fn(&Value) -> bool| -> BTreeSet<String> {
        dependencies.iter().filter(|d| test(d)).map(|d| d["name"].as_str().unwrap().to_owned()).collect()
    };
    let is_ours = |d: &Value| d["name"].as_str().unwrap().starts_with("ostia");
    Package {
        name: package["name"].as_str().unwrap().to_owned(),
        description: package["description"].as_str().unwrap_or_default().to_owned(),
        ours: named(&|d| is_ours(d) && d["kind"].is_null()),
        ours_in_tests: named(&|d| is_ours(d) && !d["kind"].is_null()),
        others: named(&|d| !is_ours(d) && d["kind"].is_null()),
    }
}

fn list(cell: &str) -> BTreeSet<String> {
    cell.split(", ").filter(|name| *name != "–").map(str::to_owned).collect()
}

#[test]
fn crate_table_is_what_the_manifests_say() {
    let written: BTreeMap<String, (String, BTreeSet<String>)> =
        table(&text("docs/architecture.md"), "## Crates")
            .into_iter()
            .map(|row| (row[1].clone(), (row[2].clone(), list(&row[3]))))
            .collect();
    let real: BTreeMap<String, (String, BTreeSet<String>)> =
        packages().into_iter().map(|p| (p.name, (p.description, p.ours))).collect();
    assert_eq!(written, real);
}

#[test]
fn no_crate_uses_one_of_its_own_row_or_above() {
    let rows: BTreeMap<String, String> = table(&text("docs/architecture.md"), "## Crates")
        .into_iter()
        .map(|row| (row[1].clone(), row[0].clone()))
        .collect();
    let is_below = |lower: &str, upper: &str| match (lower.parse::<u8>(), upper.parse::<u8>()) {
        (Ok(lower), Ok(upper)) => lower < upper,
        // Beside the rows: the other parties of demo and tests. They know none of ours.
        (Err(_), Ok(_)) => true,
        _ => false,
    };
    for package in packages() {
        let row = &rows[&package.name];
        for used in &package.ours {
            assert!(
                is_below(&rows[used], row),
                "{} (row {row}) uses {used} (row {})",
                package.name,
                rows[used]
            );
        }
        for used in &package.ours_in_tests {
            assert_eq!(rows[used], "side", "the tests of {} use {used}", package.name);
        }
    }
}

#[test]
fn each_package_of_others_has_the_doors_named() {
    let packages = packages();
    for row in table(&text("docs/architecture.md"), "## Doors") {
        let real: BTreeSet<String> =
            packages.iter().filter(|p| p.others.contains(&row[0])).map(|p| p.name.clone()).collect();
        assert_eq!(list(&row[1]), real, "the doors of {}", row[0]);
    }
}

#[test]
fn every_direct_dependency_has_its_line() {
    let mut written: Vec<String> = table(&text("docs/dependencies.md"), "## Direct dependencies")
        .into_iter()
        .map(|row| row[0].clone())
        .collect();
    written.sort();
    let mut real: BTreeSet<String> = BTreeSet::new();
    let manifest = text("Cargo.toml");
    let section = manifest.split("[workspace.dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    for line in section.lines().filter(|line| line.contains(" = ") && !line.starts_with("ostia")) {
        real.insert(line.split(" = ").next().unwrap().to_owned());
    }
    assert_eq!(written, real.into_iter().collect::<Vec<_>>());
}
