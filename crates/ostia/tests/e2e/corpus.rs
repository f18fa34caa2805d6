//! E3: the corpus of ambiguous requests, judged at the application, byte for byte.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use ostia_testkit::corpus::{Expected, HOST, Outcome, Recorder, Verdict, http1, http2, judge};
use ostia_testkit::{Ostia, eventually, raw};

/// Longer than the deadlines below.
const PATIENCE: Duration = Duration::from_secs(8);

/// A node that speaks both protocols on one plain port.
async fn node() -> (Ostia, SocketAddr, Recorder) {
    let recorder = Recorder::start("127.0.0.1:0").await;
    let yaml = format!(
        "listeners:\n  http:\n    bind: \"<listen>\"\n    protocols: [h2, http/1.1]\n    \
         limits: {{ header_bytes: 64KiB, header_timeout: 1s, body_timeout: 1s }}\n\
         routes: [{{ host: {HOST}, allow: anyone, upstream: \"{}\" }}]\n",
        recorder.address()
    );
    let node = Ostia::start(env!("CARGO_BIN_EXE_ostia"), &yaml).await;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, node.port()));
    (node, address, recorder)
}

/// What came out of a case, unless it is what was expected.
fn difference(case: [&str; 2], expected: &Expected, outcome: &Outcome) -> Option<String> {
    let verdict = judge(expected, outcome);
    let (statuses, arrived) = (&outcome.statuses, outcome.arrived.concat());
    let arrived = arrived.escape_ascii();
    (verdict != Verdict::Good)
        .then(|| format!("{}: {verdict:?}: {statuses:?}, {arrived:.2000}", case.join(": ")))
}

fn differences<'a>(
    cases: impl Iterator<Item = ([&'static str; 2], &'a Expected)>,
    outcomes: &[Outcome],
) -> Vec<String> {
    let judged =
        cases.zip(outcomes).filter_map(|((name, expected), outcome)| difference(name, expected, outcome));
    judged.collect()
}

fn complain(differences: &[String]) {
    assert!(differences.is_empty(), "{} cases:\n{}", differences.len(), differences.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_case_of_http_1_comes_out_as_expected() {
    let (node, address, recorder) = node().await;
    let cases = http1::cases();
    assert!(cases.len() >= 150, "{} cases", cases.len());
    let mut outcomes = Vec::new();
    for case in &cases {
        outcomes.push(http1::run(case, address, &recorder, PATIENCE).await);
    }
    // Whoever was refused is in the log like everybody else: one line for each request, the fences among them.
    let lines = node.access_lines_at_least(2 * cases.len()).await;
    eventually("every request is counted", Duration::from_secs(10), async || {
        let counted = node.metrics().await.sum("ostia_http_requests_total", &[]);
        (counted >= 2.0 * cases.len() as f64).then_some(())
    })
    .await;
    assert!(lines.iter().any(|line| line["ostia.reason"] == "bare_lf"));
    recorder.attribute(&mut outcomes);
    assert!(outcomes.iter().any(Outcome::is_marked), "each case is known behind the node");
    let named = cases.iter().map(|case| ([case.group, case.name], &case.expected));
    complain(&differences(named, &outcomes));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_case_of_http_2_comes_out_as_expected() {
    let (node, address, recorder) = node().await;
    let cases = http2::cases();
    assert!(cases.len() >= 60, "{} cases", cases.len());
    let mut outcomes = Vec::new();
    for case in &cases {
        outcomes.push(http2::run(case, address, &recorder, PATIENCE).await);
    }
    recorder.attribute(&mut outcomes);
    assert!(outcomes.iter().any(Outcome::is_marked), "each case is known behind the node");
    let named = cases.iter().map(|case| ([case.group, case.name], &case.expected));
    complain(&differences(named, &outcomes));
    let answer = raw::get_host(node.port(), HOST, "/after-all-of-it").await.unwrap();
    assert_eq!(answer.status, 200);
}
