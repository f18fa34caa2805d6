//! People who sign in at a fixed rate: each goes to the page, to the provider, back with a code, and to the page again.
//!
//! `bench-browsers HOME COOKIE RATE SECONDS`: COOKIE says at the provider who is signed on there. What came of it goes to
//! the standard output as one line of JSON. It shares the machine with what it measures, so it is made to cost little:
//! threads that block, connections that are kept, no more parsing than the flow needs.

mod browser;
mod connection;
mod schedule;

use std::error::Error;
use std::io::Write;

use crate::browser::Home;
use crate::schedule::{Report, Schedule};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [home, cookie, rate, seconds] = arguments.as_slice() else {
        return Err("usage: bench-browsers HOME COOKIE RATE SECONDS".into());
    };
    let home = Home::parse(home).ok_or("HOME must be an http:// URL with a port")?;
    let schedule = Schedule { rate: rate.parse()?, seconds: seconds.parse()? };
    let report = schedule.run(&home, cookie);
    writeln!(std::io::stdout(), "{}", json(&report))?;
    Ok(())
}

fn json(report: &Report) -> String {
    let failed: Vec<String> = report.failed.iter().map(|(what, count)| format!("{what:?}:{count}")).collect();
    format!(
        r#"{{"done":{},"seconds":{:.3},"cpu":{:.2},"p50":{:.3},"p99":{:.3},"failed":{{{}}}}}"#,
        report.done,
        report.took.as_secs_f64(),
        cpu_seconds().unwrap_or_default(),
        report.p50.as_secs_f64() * 1e3,
        report.p99.as_secs_f64() * 1e3,
        failed.join(",")
    )
}

/// CPU time of this process so far (`/proc/self/stat`, in hundredths of a second).
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    let spent = fields.split(' ').skip(11).take(2).map(str::parse::<f64>);
    spent.sum::<Result<f64, _>>().ok().map(|hundredths| hundredths / 100.0)
}
