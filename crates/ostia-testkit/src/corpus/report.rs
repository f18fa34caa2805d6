//! The results of the corpus, as people read them.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::Verdict;

/// Verdicts of one group of cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// As expected.
    pub good: usize,
    /// Otherwise, without harm.
    pub lenient: usize,
    /// Ambiguous, or more than was sent.
    pub bad: usize,
}

/// What one proxy made of the corpus.
#[derive(Clone, Debug)]
pub struct Report {
    /// The proxy and its version.
    pub proxy: String,
    verdicts: Vec<(String, &'static str, Verdict)>,
}

impl Report {
    /// An empty one.
    #[must_use]
    pub fn new(proxy: &str) -> Self {
        Self { proxy: proxy.to_owned(), verdicts: Vec::new() }
    }

    /// Keeps a verdict.
    pub fn add(&mut self, protocol: &str, group: &str, name: &'static str, verdict: Verdict) {
        self.verdicts.push((format!("{protocol} {group}"), name, verdict));
    }

    /// Number of cases.
    #[must_use]
    pub fn cases(&self) -> usize {
        self.verdicts.len()
    }

    /// The verdicts by group.
    #[must_use]
    pub fn tallies(&self) -> BTreeMap<&str, Tally> {
        let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
        for (group, _, verdict) in &self.verdicts {
            let tally = tallies.entry(group).or_default();
            match verdict {
                Verdict::Good => tally.good += 1,
                Verdict::Lenient(_) => tally.lenient += 1,
                Verdict::Bad(_) => tally.bad += 1,
            }
        }
        tallies
    }

    /// What did not come out as expected, one line each.
    #[must_use]
    pub fn differences(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (group, name, verdict) in &self.verdicts {
            if let Verdict::Lenient(why) | Verdict::Bad(why) = verdict {
                lines.push(format!("{}: {group}: {name}: {why}", verdict.word()));
            }
        }
        lines
    }

    /// Several proxies side by side, and what was bad about each, as Markdown.
    #[must_use]
    pub fn side_by_side(reports: &[Self]) -> String {
        let mut text = String::from("| cases |");
        reports.iter().for_each(|report| text.push_str(&format!(" {} |", report.proxy)));
        text.push_str("\n|---|");
        text.push_str(&"---|".repeat(reports.len()));
        let groups: Vec<String> = reports
            .first()
            .map(|r| r.tallies().keys().map(|k| (*k).to_owned()).collect())
            .unwrap_or_default();
        for group in &groups {
            write!(text, "\n| {group} |").ok();
            for report in reports {
                let tally = report.tallies().get(group.as_str()).copied().unwrap_or_default();
                write!(text, " {} / {} / {} |", tally.good, tally.lenient, tally.bad).ok();
            }
        }
        text.push('\n');
        for report in reports {
            write!(text, "\n### {}: what arrived ambiguous, or was not asked for\n\n", report.proxy).ok();
            let bad: Vec<String> = report
                .differences()
                .into_iter()
                .filter_map(|line| line.strip_prefix("bad: ").map(str::to_owned))
                .collect();
            if bad.is_empty() {
                text.push_str("Nothing.\n");
            }
            bad.iter().for_each(|line| text.push_str(&format!("- {}\n", line.replace('|', "\\|"))));
        }
        text
    }
}
