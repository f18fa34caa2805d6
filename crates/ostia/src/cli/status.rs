//! `ostia status`: what runs, and how each server stands.

use std::fmt::Write as _;

use clap::ValueEnum;
use serde_json::Value;

use super::EXIT_OK;
use super::call::{Target, body_of};
use super::terminal::say;

/// Asks `/status` of a running Ostia.
#[derive(Debug, clap::Args)]
pub(super) struct Status {
    #[command(flatten)]
    target: Target,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// As a table.
    Human,
    /// As the admin socket answers: JSON.
    Json,
}

impl Status {
    pub(super) fn run(&self) -> u8 {
        match body_of(self.target.get("/status")) {
            Ok(body) if self.format == Format::Json => say(format!("{body:#}")),
            Ok(body) => say(human(&body).trim_end()),
            Err(code) => return code,
        }
        EXIT_OK
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn number(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or_default()
}

fn human(status: &Value) -> String {
    let mut page = String::new();
    let hash = text(status, "config_hash");
    let state = status.get("readiness").map_or("", |readiness| text(readiness, "state"));
    let _ = writeln!(
        page,
        "ostia {}, process {}: {state}, configuration {}",
        text(status, "ostia"),
        number(status, "pid"),
        hash.get(..12).unwrap_or(hash)
    );
    for (name, listener) in members(status, "listeners") {
        let (open, all) = (number(listener, "connections"), number(listener, "accepted"));
        let _ = writeln!(page, "listener {name}: {open} connections, {all} since the start");
    }
    for (name, upstream) in members(status, "upstreams") {
        let (waiting, connections) = (number(upstream, "pending"), number(upstream, "connections"));
        let balance = text(upstream, "balance");
        let _ = writeln!(
            page,
            "\nupstream {name} ({balance}): {connections} connections, {waiting} requests wait"
        );
        if let Some(lookup) = upstream.get("discovery") {
            let _ = writeln!(page, "  {}", looked_up(lookup));
        }
        page.push_str(&table(upstream.get("servers").and_then(Value::as_array).map_or(&[], Vec::as_slice)));
    }
    page
}

/// When the servers were looked for last, and what came of it.
fn looked_up(lookup: &Value) -> String {
    match (text(lookup, "last"), text(lookup, "why")) {
        ("", _) => "not looked up yet".to_owned(),
        (last, "") => format!("looked up {last}"),
        (last, why) => format!("looked up in vain {last}: {why}; the servers of before stay"),
    }
}

fn members<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.get(key).and_then(Value::as_object).into_iter().flatten()
}

const HEAD: [&str; 8] =
    ["server", "state", "since", "in flight", "requests", "failed", "ejected", "last check"];

/// The servers, and in a line of its own why one does not serve.
fn table(servers: &[Value]) -> String {
    let rows: Vec<([String; HEAD.len()], &str)> =
        servers.iter().map(|server| (cells(server), text(server, "why"))).collect();
    let mut widths = HEAD.map(str::len);
    for (cells, _) in &rows {
        widths.iter_mut().zip(cells).for_each(|(width, cell)| *width = (*width).max(cell.len()));
    }
    let mut page = String::new();
    line(&mut page, &widths, HEAD.iter().copied());
    for (cells, why) in &rows {
        line(&mut page, &widths, cells.iter().map(String::as_str));
        if !why.is_empty() {
            let _ = writeln!(page, "      {why}");
        }
    }
    page
}

fn line<'a>(page: &mut String, widths: &[usize], cells: impl Iterator<Item = &'a str>) {
    let cells: Vec<String> = cells.zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
    let _ = writeln!(page, "  {}", cells.join("  ").trim_end());
}

fn cells(server: &Value) -> [String; HEAD.len()] {
    let ends = server.get("ends_in_seconds").and_then(Value::as_f64);
    let state = match ends {
        Some(seconds) => format!("{} ({seconds:.0} s left)", text(server, "state")),
        None => text(server, "state").to_owned(),
    };
    let check = server.get("last_check").map_or_else(String::new, |check| {
        let passed = check.get("passed").and_then(Value::as_bool).unwrap_or_default();
        let outcome = if passed { "passed" } else { text(check, "why") };
        format!("{} {outcome}", text(check, "at"))
    });
    let mut address = text(server, "address").to_owned();
    if server.get("backup").and_then(Value::as_bool) == Some(true) {
        address.push_str(" (backup)");
    }
    let count = |key: &str| number(server, key).to_string();
    [
        address,
        state,
        text(server, "since").to_owned(),
        count("in_flight"),
        count("requests"),
        count("failures"),
        count("ejections"),
        check,
    ]
}
