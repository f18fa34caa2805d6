//! `ostia policy test`: cases of requests with what is expected of them.

mod case;

use std::path::PathBuf;

use serde_json::{Value, json};

use super::rehearsing::{self, Told, document_of};
use super::route::{Format, of_outcome};
use super::terminal::say;
use super::{ConfigFile, EXIT_FAILED, EXIT_OK};
use case::{Case, Checked, Suite};

/// Policies on their own.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Policy {
    /// Run cases: each has a request, somebody who makes it, and the decision that is expected.
    Test(Test),
}

/// Runs every case of the files through the request path and compares. Exits 0 if all are as expected, 1 if not, 2 if a
/// file cannot be read.
#[derive(Debug, clap::Args)]
pub(super) struct Test {
    /// Files with cases, in YAML or JSON.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// How it is told.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    #[command(flatten)]
    file: ConfigFile,
}

impl Policy {
    pub(super) fn run(&self) -> u8 {
        let Self::Test(test) = self;
        rehearsing::exit(test.tell())
    }
}

impl Test {
    fn tell(&self) -> Told<u8> {
        let mut cases: Vec<(String, Case)> = Vec::new();
        for file in &self.files {
            let name = file.display().to_string();
            let suite: Suite = document_of(file)?;
            cases.extend(suite.cases(&name)?.into_iter().map(|case| (name.clone(), case)));
        }
        let checked = rehearsing::with(&self.file.path, async |rehearsal| {
            let mut checked = Vec::with_capacity(cases.len());
            for (file, case) in &cases {
                checked.push((file, case.check(rehearsal).await?));
            }
            Ok(checked)
        })?;
        let failed = checked.iter().filter(|(_, checked)| !checked.differences.is_empty()).count();
        match self.format {
            Format::Human => say(human(&checked, failed)),
            Format::Json => say(as_json(&checked, failed).to_string()),
        }
        Ok(if failed == 0 { EXIT_OK } else { EXIT_FAILED })
    }
}

fn human(checked: &[(&String, Checked<'_>)], failed: usize) -> String {
    let mut lines = Vec::with_capacity(checked.len() + 1);
    for (file, checked) in checked {
        if checked.differences.is_empty() {
            lines.push(format!("ok    {}", checked.name));
            continue;
        }
        lines.push(format!("FAIL  {} ({file})", checked.name));
        lines.extend(checked.differences.iter().map(|difference| format!("        {difference}")));
        if let Some(explanation) = &checked.outcome.explanation {
            lines.extend(explanation.to_string().lines().map(|line| format!("        {line}")));
        }
    }
    lines.push(format!("{} cases, {failed} failed", checked.len()));
    lines.join("\n")
}

fn as_json(checked: &[(&String, Checked<'_>)], failed: usize) -> Value {
    let cases = checked.iter().map(|(file, checked)| {
        json!({
            "file": file, "name": checked.name, "passed": checked.differences.is_empty(),
            "differences": checked.differences, "outcome": of_outcome(&checked.outcome),
        })
    });
    let cases: Vec<Value> = cases.collect();
    json!({ "cases": cases, "passed": checked.len() - failed, "failed": failed })
}
