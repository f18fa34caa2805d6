//! The instructions of both works, which no noise touches, counted by valgrind in processes of their own.

use std::process::{Command, Stdio};

use crate::case::Case;

/// The work of the process that is counted: what follows is the name of the work, how often, and the texts.
pub(crate) const REPEAT: &str = "--repeat";
/// Between these numbers of repetitions only the work itself differs.
const FEW: u32 = 5;
const MANY: u32 = 105;

/// Instructions of one whole token, and of its signature alone.
pub(crate) fn count(case: &Case) -> (u64, u64) {
    let one = |work| (collected(case, work, MANY) - collected(case, work, FEW)) / u64::from(MANY - FEW);
    (one("whole"), one("alone"))
}

/// Does what [`count`] counts.
pub(crate) fn repeat(arguments: &[String]) {
    let [work, times, alg, token, jwks] = arguments else { panic!("work, times, algorithm, token, keys") };
    let case = Case::from_texts(alg, token.clone(), jwks.clone());
    for _ in 0..times.parse::<u32>().unwrap() {
        if work == "whole" { case.whole() } else { case.alone() }
    }
}

fn collected(case: &Case, work: &str, times: u32) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().unwrap())
        .args([REPEAT, work, &times.to_string()])
        .args(case.texts())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let (_, collected) = told.split_once("Collected :").unwrap();
    collected.split_whitespace().next().unwrap().parse().unwrap()
}
