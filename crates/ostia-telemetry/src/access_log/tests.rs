//! Tests.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use ostia_config::log::{LogTarget, SubjectForm};
use ostia_config::upstream::ServerAddress;
use ostia_config::{Logs, Name};
use proptest::prelude::*;
use serde_json::Value;

use super::{AccessLine, AccessLog, AccessLogRefused, EndReason, FIELDS};
use crate::asked::Asked;
use crate::log::Line as _;
use crate::metrics::Metrics;

/// What was written, whole lines.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn lines(&self) -> Vec<Value> {
        let bytes = self.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'), "{text}");
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|wrong| panic!("{wrong}: {line}")))
            .collect()
    }
}

fn metrics() -> Arc<Metrics> {
    Arc::new(Metrics::new("0").unwrap())
}

fn logs(subject: SubjectForm) -> Logs {
    Logs { subject, ..Logs::default() }
}

fn on_paper(subject: SubjectForm) -> (AccessLog, Paper) {
    let paper = Paper::default();
    let log = AccessLog::into_sink(Box::new(paper.clone()), &logs(subject), &metrics()).unwrap();
    (log, paper)
}

fn line(route: &Name) -> AccessLine<'_> {
    AccessLine {
        received_at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_798_761_599_120),
        asked: Asked {
            request_id: "019a6f2e-7c1e-7abc-8def-0123456789ab",
            method: "GET",
            host: "portal.example.com",
            path: "/a b\"\\",
        },
        protocol: "2",
        tls: Some("1.3"),
        client: Some("2001:db8::7".parse().unwrap()),
        status: 200,
        response_bytes: 512,
        request_bytes: 0,
        listener: "https",
        route: Some(route),
        subject: Some("alice"),
        provider: Some("corp"),
        allowed: Some(true),
        policy: Some("staff"),
        reason: Some("matched"),
        upstream: Some("app"),
        server: Some(server()),
        attempts: 1,
        affinity: Some("kept"),
        total: Duration::from_micros(1_002_003),
        own: Duration::from_nanos(45_678),
        end: EndReason::Done,
    }
}

fn server() -> &'static ServerAddress {
    Box::leak(Box::new("10.0.0.1:8080".parse().unwrap()))
}

fn bare(path: &str) -> AccessLine<'_> {
    let of = line(Box::leak(Box::new(Name::from("x"))));
    AccessLine {
        asked: Asked { path, ..of.asked },
        tls: None,
        client: None,
        status: 0,
        route: None,
        subject: None,
        provider: None,
        allowed: None,
        policy: None,
        reason: None,
        upstream: None,
        server: None,
        attempts: 0,
        affinity: None,
        end: EndReason::ClientGone,
        ..of
    }
}

fn one(subject: SubjectForm, line: &AccessLine<'_>) -> Value {
    let (log, paper) = on_paper(subject);
    log.write(line);
    log.flush();
    let [line] = paper.lines().try_into().unwrap();
    line
}

#[test]
fn a_line_has_every_field_of_the_reference_in_its_order() {
    let route = Name::from("portal");
    let (log, paper) = on_paper(SubjectForm::Plain);
    log.write(&line(&route));
    log.finish();
    let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
    let expected = "{\"timestamp\":\"2026-12-31T23:59:59.120Z\",\
        \"request.id\":\"019a6f2e-7c1e-7abc-8def-0123456789ab\",\"http.request.method\":\"GET\",\
        \"server.address\":\"portal.example.com\",\"url.path\":\"/a b\\\"\\\\\",\
        \"network.protocol.version\":\"2\",\"tls.protocol.version\":\"1.3\",\"client.address\":\"2001:db8::7\",\
        \"http.response.status_code\":200,\"http.response.body.size\":512,\"http.request.body.size\":0,\
        \"ostia.listener\":\"https\",\"http.route\":\"portal\",\"user.id\":\"alice\",\"ostia.provider\":\"corp\",\
        \"ostia.decision\":\"allow\",\"ostia.policy\":\"staff\",\"ostia.reason\":\"matched\",\
        \"ostia.upstream.name\":\"app\",\"ostia.upstream.address\":\"10.0.0.1:8080\",\"ostia.upstream.attempts\":1,\
        \"ostia.affinity\":\"kept\",\"ostia.duration.total\":1.002003,\"ostia.duration.own\":0.000045,\
        \"ostia.end\":\"done\"}\n";
    assert_eq!(text, expected);
    let mut rest = text.as_str();
    for (name, _) in FIELDS {
        let name = format!("\"{name}\":");
        rest = rest.split_once(&name).unwrap_or_else(|| panic!("{name} is missing or out of order")).1;
    }
}

#[test]
fn what_is_not_known_is_left_out() {
    let line = one(SubjectForm::Plain, &bare("/"));
    let names: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
    for absent in [
        "tls.protocol.version",
        "client.address",
        "http.response.status_code",
        "http.route",
        "user.id",
        "ostia.decision",
        "ostia.upstream.attempts",
        "ostia.affinity",
    ] {
        assert!(!names.contains(&absent), "{absent}");
    }
    assert_eq!(line["ostia.end"], "client_gone");
}

#[test]
fn a_subject_is_plain_hashed_or_absent_as_configured() {
    let route = Name::from("portal");
    let alice = line(&route);
    assert_eq!(one(SubjectForm::Plain, &alice)["user.id"], "alice");
    assert!(one(SubjectForm::None, &alice).get("user.id").is_none());
    let (log, paper) = on_paper(SubjectForm::Hashed);
    let elsewhere = AccessLine { provider: Some("partner"), ..alice };
    [alice, alice, elsewhere].iter().for_each(|line| log.write(line));
    log.finish();
    let ids: Vec<Value> = paper.lines().iter().map(|line| line["user.id"].clone()).collect();
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0], ids[2], "alice of another provider is somebody else");
    assert!(ids[0].as_str().unwrap().len() == 32 && !ids[0].as_str().unwrap().contains("alice"));
    assert_ne!(one(SubjectForm::Hashed, &alice)["user.id"], ids[0], "every process has its own key");
}

#[test]
fn lines_of_many_threads_arrive_whole_and_once() {
    let (log, paper) = on_paper(SubjectForm::Plain);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let log = &log;
            scope.spawn(move || {
                for at in 0..500 {
                    log.write(&bare(&format!("/{thread}/{at}")));
                }
            });
        }
    });
    log.flush();
    let mut paths: Vec<String> =
        paper.lines().iter().map(|line| line["url.path"].as_str().unwrap().to_owned()).collect();
    paths.sort_unstable();
    paths.dedup();
    assert_eq!(paths.len(), 4000);
}

/// A sink that waits for leave before each write.
struct Slow {
    leave: Receiver<()>,
    paper: Paper,
}

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.leave.recv();
        self.paper.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn dropped(metrics: &Metrics) -> u64 {
    let text = metrics.encode();
    let value =
        text.lines().find_map(|line| line.strip_prefix("ostia_log_lines_dropped_total{log=\"access\"} "));
    value.map_or(0, |value| value.parse().unwrap())
}

#[test]
fn a_target_that_does_not_keep_up_costs_lines_never_time_or_memory() {
    let (metrics, paper) = (metrics(), Paper::default());
    let (leave, waiting): (SyncSender<()>, _) = sync_channel(0);
    let slow = Slow { leave: waiting, paper: paper.clone() };
    let log = AccessLog::into_sink(Box::new(slow), &logs(SubjectForm::Plain), &metrics).unwrap();
    let path = "/".repeat(100_000);
    for _ in 0..300 {
        log.write(&bare(&path));
    }
    let lost = dropped(&metrics);
    assert!(lost > 100, "{lost} of 300 lines of 100 KB were dropped");
    drop(leave);
    log.finish();
    assert_eq!(paper.lines().len() as u64 + lost, 300, "every line is written or counted");
}

#[test]
fn lines_after_the_end_are_counted_as_lost() {
    let metrics = metrics();
    let log = AccessLog::into_sink(Box::new(Paper::default()), &logs(SubjectForm::Plain), &metrics).unwrap();
    log.finish();
    log.write(&bare("/late"));
    log.flush();
    assert_eq!(dropped(&metrics), 1);
}

/// A sink that fails.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::from(io::ErrorKind::StorageFull))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_that_cannot_be_written_are_counted_as_lost() {
    let metrics = metrics();
    let log = AccessLog::into_sink(Box::new(Full), &logs(SubjectForm::Plain), &metrics).unwrap();
    (0..3).for_each(|_| log.write(&bare("/")));
    log.flush();
    assert_eq!(dropped(&metrics), 3);
}

#[test]
fn a_file_that_was_moved_away_is_opened_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (path, moved) = (folder.path().join("access.log"), folder.path().join("access.log.1"));
    let config = Logs { access: LogTarget::File(path.clone()), ..Logs::default() };
    let log = AccessLog::open(&config, &metrics()).unwrap();
    log.write(&bare("/before"));
    log.flush();
    std::fs::rename(&path, &moved).unwrap();
    log.write(&bare("/between"));
    log.reopen();
    log.flush();
    log.write(&bare("/after"));
    log.finish();
    let text = |path| std::fs::read_to_string(path).unwrap();
    assert!(text(&moved).contains("/before") && text(&moved).contains("/between"));
    assert!(text(&path).contains("/after") && !text(&path).contains("/between"));
}

#[test]
fn a_file_that_cannot_be_opened_is_refused_at_once() {
    let path = std::path::PathBuf::from("/nonexistent/access.log");
    let config = Logs { access: LogTarget::File(path.clone()), ..Logs::default() };
    let refused = AccessLog::open(&config, &metrics()).unwrap_err();
    assert!(matches!(&refused, AccessLogRefused::File { path: of, .. } if *of == path), "{refused:?}");
    assert_eq!(refused.to_string(), "the access log /nonexistent/access.log cannot be opened");
}

#[test]
fn a_log_that_goes_nowhere_is_off() {
    let config = Logs { access: LogTarget::None, ..Logs::default() };
    let log = AccessLog::open(&config, &metrics()).unwrap();
    assert!(!log.is_on());
    log.write(&bare("/"));
    log.reopen();
    log.finish();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_text_is_one_line_of_json_and_comes_back(
        texts in prop::collection::vec("\\PC{0,20}|[\\x00-\\x7f]{0,20}|[\u{2028}\u{2029}\u{85}\"\\\\]{0,8}", 7),
    ) {
        let route = Name::from(texts[0].as_str());
        let line = AccessLine {
            asked: Asked { path: &texts[1], host: &texts[2], method: &texts[4], request_id: &texts[5] },
            subject: Some(&texts[3]),
            policy: Some(&texts[6]),
            ..line(&route)
        };
        let mut bytes = Vec::new();
        line.write_to(&mut bytes, &super::Subjects::Plain);
        let text = String::from_utf8(bytes).unwrap();
        prop_assert_eq!(text.lines().count(), 1);
        let breaks_a_line = |c: char| c.is_control() || c == '\u{2028}' || c == '\u{2029}';
        let is_whole = !text.trim_end_matches('\n').chars().any(breaks_a_line);
        prop_assert!(is_whole);
        let back: Value = serde_json::from_str(&text).unwrap();
        let names = ["http.route", "url.path", "server.address", "user.id", "http.request.method", "request.id", "ostia.policy"];
        for (name, text) in names.iter().zip(&texts) {
            prop_assert_eq!(back[*name].as_str(), Some(text.as_str()));
        }
    }
}
