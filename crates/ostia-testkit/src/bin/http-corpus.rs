//! Sends the corpus through proxies and says what arrived behind them.
//!
//! ```text
//! http-corpus RECORDER NAME=HTTP1_ADDRESS,HTTP2_ADDRESS...
//! ```
//! Each proxy must send requests for `app.test` on to the address RECORDER, where this program listens, by HTTP/1.1;
//! its second address must speak HTTP/2 with prior knowledge. Its deadlines for heads and bodies must be below three
//! seconds. Prints Markdown; `benches/corpus/run` does it all.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool for developers")]

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use ostia_testkit::corpus::{Recorder, Report, http1, http2, judge};

/// Longer than the deadlines of the proxies.
const PATIENCE: Duration = Duration::from_secs(4);

/// A proxy to look at.
struct Proxy {
    name: String,
    http1: SocketAddr,
    http2: SocketAddr,
}

impl Proxy {
    fn parse(text: &str) -> Option<Self> {
        let (name, addresses) = text.split_once('=')?;
        let (http1, http2) = addresses.split_once(',')?;
        Some(Self { name: name.to_owned(), http1: http1.parse().ok()?, http2: http2.parse().ok()? })
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let recorder = arguments.next();
    let proxies: Option<Vec<Proxy>> = arguments.map(|text| Proxy::parse(&text)).collect();
    let (Some(recorder), Some(proxies)) = (recorder, proxies.filter(|proxies| !proxies.is_empty())) else {
        eprintln!("usage: http-corpus RECORDER NAME=HTTP1_ADDRESS,HTTP2_ADDRESS...");
        return ExitCode::from(64);
    };
    let recorder = Recorder::start(&recorder).await;
    let mut reports = Vec::new();
    for proxy in &proxies {
        let report = look_at(proxy, &recorder).await;
        report.differences().iter().for_each(|line| eprintln!("{}: {line}", proxy.name));
        reports.push(report);
    }
    print!("{}", Report::side_by_side(&reports));
    ExitCode::SUCCESS
}

async fn look_at(proxy: &Proxy, recorder: &Recorder) -> Report {
    let (mut cases, mut outcomes) = (Vec::new(), Vec::new());
    for case in http1::cases() {
        outcomes.push(http1::run(&case, proxy.http1, recorder, PATIENCE).await);
        cases.push(("HTTP/1.1", case.group, case.name, case.expected));
    }
    for case in http2::cases() {
        outcomes.push(http2::run(&case, proxy.http2, recorder, PATIENCE).await);
        cases.push(("HTTP/2", case.group, case.name, case.expected));
    }
    recorder.attribute(&mut outcomes);
    let mut report = Report::new(&proxy.name);
    for ((protocol, group, name, expected), outcome) in cases.iter().zip(&outcomes) {
        report.add(protocol, group, name, judge(expected, outcome));
    }
    report
}
