//! `ostia route METHOD URL`: what would become of a request, and why.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::SystemTime;

use clap::ValueEnum;
use ostia_gateway::rehearsal::{Caller, Outcome};
use serde_json::{Value, json};

use super::rehearsing::{self, Told, identity_from, read_token, trial};
use super::terminal::say;
use super::{ConfigFile, EXIT_FAILED, EXIT_OK};

/// Shows route, policies, the deciding rule, the fields for the upstream and the server. Nothing is sent; with a token
/// the provider's keys are loaded. Exits 0 if the request would be let in, 1 if not, 2 if the input cannot be read.
#[derive(Debug, clap::Args)]
pub(super) struct Route {
    /// The method.
    method: String,
    /// The URL, as a browser would have it.
    url: String,
    /// Somebody who is assumed to be known: a file in YAML or JSON with `provider`, `subject`, `scopes`, `claims` and
    /// `credential` (`session` or `bearer`).
    #[arg(long = "as", value_name = "FILE", conflicts_with_all = ["token", "token_file"])]
    identity: Option<PathBuf>,
    /// A bearer token. Others on this machine can see arguments: `--token-file -` reads it from standard input.
    #[arg(long, conflicts_with = "token_file")]
    token: Option<String>,
    /// A file with a bearer token; `-` for standard input.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The client's address.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    source: IpAddr,
    /// The time of the request, such as `2026-11-22T08:00:00Z`.
    #[arg(long, value_name = "TIME", value_parser = rehearsing::time)]
    at: Option<SystemTime>,
    /// A field of the request, `Name: value`. Can be repeated.
    #[arg(long = "header", value_name = "FIELD", value_parser = rehearsing::field)]
    fields: Vec<(String, String)>,
    /// How it is told.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    #[command(flatten)]
    file: ConfigFile,
}

/// How a verb tells what it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Human,
    /// One JSON object.
    Json,
}

impl Route {
    pub(super) fn run(&self) -> u8 {
        rehearsing::exit(self.tell())
    }

    fn tell(&self) -> Told<u8> {
        let now = self.at.unwrap_or_else(SystemTime::now);
        let trial = trial(&self.method, &self.url, self.source, now, self.fields.clone())?;
        let caller = self.caller()?;
        let outcome = rehearsing::with(&self.file.path, async |rehearsal| {
            if matches!(caller, Caller::Token(_)) {
                rehearsal.learn_keys().await;
            }
            Ok(rehearsal.run(&trial, &caller).await?)
        })?;
        match self.format {
            Format::Human => say(human(&outcome)),
            Format::Json => say(format!("{:#}", of_outcome(&outcome))),
        }
        Ok(if outcome.is_forwarded { EXIT_OK } else { EXIT_FAILED })
    }

    fn caller(&self) -> Told<Caller> {
        if let Some(file) = &self.identity {
            return Ok(Caller::Assumed(identity_from(file)?));
        }
        let token = match (&self.token, &self.token_file) {
            (Some(token), _) => Some(token.clone()),
            (None, Some(file)) => Some(read_token(file)?),
            (None, None) => None,
        };
        Ok(token.map_or(Caller::Nobody, Caller::Token))
    }
}

fn human(outcome: &Outcome) -> String {
    let mut lines = vec!["path".to_owned()];
    lines.extend(outcome.routing.lines().map(|line| format!("  {line}")));
    if let Some(explanation) = &outcome.explanation {
        lines.push("decision".to_owned());
        let mut told = explanation.to_string();
        for (line, tree) in told.clone().lines().skip(1).zip(&explanation.lines) {
            if tree.is_deciding {
                told = told.replacen(line, &format!("{line}   <- decides"), 1);
            }
        }
        lines.extend(told.lines().map(|line| format!("  {line}")));
    }
    if let Some(status) = outcome.status {
        lines.push(format!("answer\n  {status} {}", outcome.reason));
    }
    if let Some(upstream) = &outcome.upstream {
        lines.push(format!("upstream\n  {upstream}"));
    }
    if let Some(server) = &outcome.server {
        let how = if outcome.is_hashed {
            "by hash: the same for this caller"
        } else {
            "by turn: it may be another one"
        };
        lines.push(format!("server\n  {server} ({how})"));
    }
    if !outcome.fields.is_empty() {
        lines.push("fields for the server".to_owned());
        lines
            .extend(outcome.fields.iter().map(|(name, value)| format!("  {name}: {}", value.escape_debug())));
    }
    lines.join("\n")
}

/// An outcome as JSON; also what `ostia policy test` writes for each case.
pub(super) fn of_outcome(outcome: &Outcome) -> Value {
    let tree = outcome.explanation.iter().flat_map(|explanation| &explanation.lines);
    let tree: Vec<Value> = tree
        .map(|line| {
            json!({
                "depth": line.depth, "holds": line.truth.word(), "text": line.text, "decides": line.is_deciding,
            })
        })
        .collect();
    let fields: Vec<Value> = outcome.fields.iter().map(|(name, value)| json!([name, value])).collect();
    json!({
        "decision": if outcome.is_forwarded { "allow" } else { "deny" },
        "status": outcome.status,
        "reason": outcome.reason,
        "route": outcome.route,
        "policy": outcome.policy,
        "because": outcome.explanation.as_ref().map(|explanation| &explanation.sentence),
        "policies": tree,
        "upstream": outcome.upstream,
        "server": outcome.server,
        "server_by_hash": outcome.is_hashed,
        "fields": fields,
    })
}
