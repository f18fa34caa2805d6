//! One case: a request, somebody who makes it, and what is expected.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::SystemTime;

use ostia_gateway::rehearsal::{Caller, Outcome, Rehearsal, Trial};
use serde::Deserialize;

use super::super::rehearsing::{self, Failed, Told, WrittenIdentity, trial};

/// A file of cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Suite {
    /// People and machines by name.
    #[serde(default)]
    identities: BTreeMap<String, WrittenIdentity>,
    cases: Vec<Written>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Option<String>,
    /// `GET https://app.example.com/path`.
    request: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    source: Option<IpAddr>,
    at: Option<String>,
    /// A name under `identities`; absent: nobody.
    r#as: Option<String>,
    expect: Expected,
}

/// What is expected; what is absent may be anything.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    decision: Option<Decision>,
    route: Option<String>,
    policy: Option<String>,
    reason: Option<String>,
    upstream: Option<String>,
    status: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Decision {
    Allow,
    Deny,
}

/// A case that can be tried.
pub(super) struct Case {
    name: String,
    trial: Trial,
    caller: Caller,
    expected: Expected,
}

/// A case that was tried.
pub(super) struct Checked<'c> {
    pub(super) name: &'c str,
    pub(super) differences: Vec<String>,
    pub(super) outcome: Outcome,
}

impl Suite {
    /// Its cases, each with its request and its caller.
    pub(super) fn cases(self, file: &str) -> Told<Vec<Case>> {
        if self.cases.is_empty() {
            return Err(Failed::input(file, "there is no case in it"));
        }
        self.cases.into_iter().map(|written| case(written, &self.identities, file)).collect()
    }
}

fn case(written: Written, identities: &BTreeMap<String, WrittenIdentity>, file: &str) -> Told<Case> {
    let name = written.name.unwrap_or_else(|| written.request.clone());
    let bad = |why: String| Failed::input(format!("{file}, case `{name}`"), why);
    let (method, url) =
        written.request.split_once(' ').ok_or_else(|| bad("a request is `METHOD URL`".to_owned()))?;
    let at = written.at.as_deref().map(rehearsing::time).transpose().map_err(bad)?;
    let source = written.source.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let fields = written.headers.into_iter().collect();
    let trial = trial(method, url.trim(), source, at.unwrap_or_else(SystemTime::now), fields)?;
    let caller = match &written.r#as {
        None => Caller::Nobody,
        Some(who) => {
            let known = identities.get(who).cloned();
            Caller::Assumed(known.ok_or_else(|| bad(format!("there is no identity `{who}`")))?.assumed())
        }
    };
    Ok(Case { name, trial, caller, expected: written.expect })
}

impl Case {
    /// Tries it.
    pub(super) async fn check(&self, rehearsal: &Rehearsal) -> Told<Checked<'_>> {
        let outcome = rehearsal.run(&self.trial, &self.caller).await?;
        Ok(Checked { name: &self.name, differences: self.expected.differences(&outcome), outcome })
    }
}

impl Expected {
    fn differences(&self, outcome: &Outcome) -> Vec<String> {
        let mut found = Vec::new();
        let mut compare = |what: &str, expected: Option<&str>, is: Option<&str>| {
            let is = is.unwrap_or("none");
            if let Some(expected) = expected.filter(|expected| *expected != is) {
                found.push(format!("{what}: expected {expected}, is {is}"));
            }
        };
        let decision =
            self.decision.map(|decision| if decision == Decision::Allow { "allow" } else { "deny" });
        compare("decision", decision, Some(if outcome.is_forwarded { "allow" } else { "deny" }));
        compare("route", self.route.as_deref(), outcome.route.as_deref());
        compare("policy", self.policy.as_deref(), outcome.policy.as_deref());
        compare("reason", self.reason.as_deref(), Some(&outcome.reason));
        compare("upstream", self.upstream.as_deref(), outcome.upstream.as_deref());
        let status = self.status.map(|status| status.to_string());
        compare("status", status.as_deref(), outcome.status.map(|status| status.to_string()).as_deref());
        found
    }
}
