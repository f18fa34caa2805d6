//! `ostia audit verify`: whether an audit log is as it was written.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use ostia_telemetry::audit_log::verify::{Broken, Report, Verifier};
use serde_json::json;

use super::route::Format;
use super::terminal::{complain, say};
use super::{EXIT_FAILED, EXIT_OK};

/// The audit log.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Audit {
    /// Follow the chain of hashes through one or more files.
    Verify(Verify),
}

/// Finds a line that was changed, removed or inserted. Several files of one chain in their order, the oldest first. Exits
/// 0 if the chain is whole, 1 if not.
#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    /// The files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The hash of the last line as somebody noted it: tells that lines are missing at the end.
    #[arg(long, value_name = "HASH")]
    head: Option<String>,
    /// How it is told.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

impl Audit {
    pub(super) fn run(&self) -> u8 {
        let Self::Verify(verify) = self;
        let verdict = verify.verify().and_then(|report| verify.compare(report));
        match (&verdict, verify.format) {
            (Ok(report), Format::Human) => say(human(report)),
            (Err(words), Format::Human) => complain(format!("broken: {words}")),
            (Ok(report), Format::Json) => say(json!({
                "whole": true, "lines": report.lines, "from_the_beginning": report.from_the_beginning,
                "closed": report.is_closed, "lost": report.lost, "cut": report.cut, "head": report.head,
                "seq": report.seq,
            })
            .to_string()),
            (Err(words), Format::Json) => say(json!({ "whole": false, "because": words }).to_string()),
        }
        if verdict.is_ok() { EXIT_OK } else { EXIT_FAILED }
    }
}

impl Verify {
    fn verify(&self) -> Result<Report, String> {
        let mut verifier = Verifier::default();
        let mut last = String::new();
        for file in &self.files {
            last = file.display().to_string();
            let opened = File::open(file).map_err(|error| format!("{last}: {error}"))?;
            verifier.read(&last, BufReader::new(opened)).map_err(told)?;
        }
        verifier.finish(&last).map_err(told)
    }

    fn compare(&self, report: Report) -> Result<Report, String> {
        match &self.head {
            Some(head) if !head.eq_ignore_ascii_case(&report.head) => {
                Err(format!("the last line has the hash {}, not the one that was noted", report.head))
            }
            _ => Ok(report),
        }
    }
}

fn told(broken: Broken) -> String {
    format!("{broken} ({})", broken.slug())
}

fn human(report: &Report) -> String {
    let mut lines = vec![format!("the chain is whole: {} lines", report.lines)];
    if !report.from_the_beginning {
        lines
            .push("it does not begin with the first line ever written: an older file goes before".to_owned());
    }
    if !report.is_closed {
        lines.push("it is not closed: Ostia still writes it, was killed, or its end is missing".to_owned());
    }
    if report.lost > 0 {
        lines.push(format!("{} lines could not be written, as it says itself", report.lost));
    }
    if report.cut > 0 {
        lines.push(format!("{} lines were cut by a crash, as it says itself", report.cut));
    }
    lines.push(format!("head: {} (line {} of the chain)", report.head, report.seq));
    lines.join("\n")
}
