//! The alerts of `deploy/prometheus` fire when they should, stay silent when they should, and use metrics that exist.

use std::collections::BTreeSet;
use std::process::Command;

use crate::page::{root, table, text};

fn promtool(arguments: &[&str]) {
    let output = Command::new("promtool")
        .args(arguments)
        .current_dir(root().join("deploy/prometheus"))
        .output()
        .expect("promtool runs; `make test-deps` installs it");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "promtool {arguments:?}:\n{}", String::from_utf8_lossy(&said));
}

#[test]
fn alerts_fire_and_stay_silent_as_they_should() {
    promtool(&["check", "rules", "alerts.yml"]);
    promtool(&["test", "rules", "alerts_test.yml"]);
}

#[test]
fn alerts_use_metrics_that_exist() {
    let known: BTreeSet<String> = table(&text("docs/reference/metrics.md"), "# Metrics")
        .into_iter()
        .map(|row| row[0].clone())
        .collect();
    let alerts = text("deploy/prometheus/alerts.yml");
    let expressions: String = alerts.lines().filter(|line| line.trim_start().starts_with("expr:")).collect();
    let words = expressions.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let used: BTreeSet<&str> = words.filter(|word| word.starts_with("ostia_")).collect();
    assert!(!used.is_empty());
    for name in used {
        let family = name.trim_end_matches("_bucket").trim_end_matches("_sum").trim_end_matches("_count");
        assert!(known.contains(name) || known.contains(family), "no metric is called {name}");
    }
}
