//! Every configuration in `conf/` and on the pages loads.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use ostia_config::load::{Environment, check_file};
use tempfile::TempDir;

use crate::page::{blocks, files, pages, root, text};

/// Keys whose value is the name of a file.
const FILES: [&str; 6] =
    ["cert_file", "key_file", "client_secret_file", "keys_file", "ca_file", "service_account_file"];

/// A folder with the configuration and a file for each name in it.
fn staged(yaml: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ostia.yaml"), yaml).unwrap();
    for key in FILES {
        for rest in yaml.split(&format!("{key}: ")).skip(1) {
            let name = rest.split([' ', ',', '}', '\n']).next().unwrap();
            let path = folder.path().join(name);
            std::fs::write(&path, "a-text-of-thirty-characters-or-more\n").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
    folder
}

/// Fails with every finding, warnings too.
fn loads(origin: &Path, yaml: &str) {
    let folder = staged(yaml);
    let environment = Environment::empty().with_state_directory(folder.path().join("state"));
    let checked = check_file(&folder.path().join("ostia.yaml"), &environment);
    let found = checked.diagnostics.render_text();
    assert!(
        checked.config.is_some() && checked.diagnostics.is_empty(),
        "{}:\n{yaml}\n{found}",
        origin.display()
    );
}

#[test]
fn every_file_to_copy_loads() {
    let files = files("conf", ".yaml");
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        loads(&file, &std::fs::read_to_string(&file).unwrap());
    }
}

#[test]
fn every_whole_configuration_on_a_page_loads() {
    let mut count = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        let is_whole = |block: &String| {
            block.lines().any(|line| line.starts_with("version:"))
                && block.lines().any(|line| line.starts_with("routes:"))
        };
        for block in blocks(&text, "yaml").into_iter().filter(is_whole) {
            loads(page.strip_prefix(root()).unwrap(), &block);
            count += 1;
        }
    }
    assert!(count >= 2, "{count}");
}

#[test]
fn ten_lines_of_the_readme_protect_an_application() {
    let block = blocks(&text("README.md"), "yaml").remove(0);
    let lines = block.lines().filter(|line| !line.is_empty()).count();
    assert!(lines <= 10, "{lines} lines");
    loads(Path::new("README.md"), &block);
}
