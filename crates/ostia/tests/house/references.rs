//! The reference pages that are made from the command: `make reference` writes them, these tests compare.

use std::fmt::Write as _;
use std::process::Command;

use crate::page::root;

/// Compares a page with the code, or writes it when `OSTIA_BLESS` is set.
fn is_up_to_date(name: &str, made: &str) {
    let path = root().join("docs/reference").join(name);
    if std::env::var_os("OSTIA_BLESS").is_some() {
        std::fs::write(&path, made).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == made, "docs/reference/{name} is old; `make reference` writes it anew");
}

/// What `ostia … --help` says.
fn help(verbs: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_ostia")).args(verbs).arg("--help").output().unwrap();
    assert!(output.status.success(), "{verbs:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// The verbs below a command, as its help lists them.
fn verbs(help: &str) -> Vec<String> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = listed.take_while(|line| !line.is_empty());
    lines
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next().map(str::to_owned))
        .filter(|verb| !verb.is_empty())
        .collect()
}

fn describe(page: &mut String, path: &[&str]) {
    let text = help(path);
    let title = std::iter::once("ostia").chain(path.iter().copied()).collect::<Vec<_>>().join(" ");
    write!(page, "\n## `{title}`\n\n```text\n{}\n```\n", text.trim()).unwrap();
    for verb in verbs(&text) {
        describe(page, &[path, &[&*verb]].concat());
    }
}

#[test]
fn command_line_page_is_what_the_command_says() {
    let mut page = String::from(
        "# Command line\n\n<!-- Made from `ostia --help`; `make reference` writes it, a test compares. -->\n\n\
         Exit status: 0 done; 1 failed while running, or the answer is no; 2 the command line or a file given by it is wrong; 78 the configuration is wrong.\n",
    );
    describe(&mut page, &[]);
    is_up_to_date("cli.md", &page);
}

#[test]
fn code_page_lists_every_code() {
    let mut page = String::from(
        "# Diagnostic codes\n\n<!-- Made from `crates/ostia-config/src/codes.rs`; `make reference` writes it, a test compares. -->\n\n\
         `E` is an error: the configuration is refused. `W` is a warning. A code is never used again for something \
         else. `ostia explain CODE` says the same.\n",
    );
    for code in ostia_config::codes::ALL {
        write!(page, "\n## {}: {}\n\n{}\n", code.code, code.title, code.explanation).unwrap();
    }
    is_up_to_date("codes.md", &page);
}
