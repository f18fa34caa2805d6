//! Tests.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use ostia_config::Logs;
use ostia_config::log::{LogTarget, SubjectForm};
use proptest::prelude::*;
use serde_json::Value;

use super::chain::{Chained, Place, Tape};
use super::verify::{Broken, Report, Verifier};
use super::{
    AuditLine, AuditLog, AuditLogRefused, FIELDS, KEY_FILE, Proof, SessionEvent, SessionLine, WhoAsked,
};
use crate::access_log::writer::Sink as _;
use crate::asked::Asked;
use crate::metrics::Metrics;

struct Stage {
    folder: tempfile::TempDir,
    metrics: Arc<Metrics>,
}

impl Stage {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), metrics: Arc::new(Metrics::new("0").unwrap()) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn open(&self, form: SubjectForm) -> AuditLog {
        self.try_open(form).unwrap()
    }

    fn try_open(&self, form: SubjectForm) -> Result<AuditLog, AuditLogRefused> {
        let logs =
            Logs { audit: LogTarget::File(self.path("audit.jsonl")), audit_subject: form, ..Logs::default() };
        AuditLog::open(&logs, self.folder.path(), &self.metrics)
    }

    /// A log with this many decisions, closed.
    fn write(&self, decisions: usize) {
        let log = self.open(SubjectForm::Plain);
        (0..decisions).for_each(|number| log.write(&line(&format!("request-{number}"))));
        log.finish();
    }

    fn lines(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path("audit.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn line(request: &str) -> AuditLine<'_> {
    AuditLine {
        at: SystemTime::UNIX_EPOCH,
        who: who(request),
        route: "app",
        subject: Some("user-1"),
        provider: Some("corp"),
        proof: Some(Proof::Session),
        is_allowed: false,
        policy: Some("finance"),
        reason: "claim_differs",
        condition: Some("groups"),
    }
}

fn who(request: &str) -> WhoAsked<'_> {
    WhoAsked {
        asked: Asked { request_id: request, method: "GET", host: "app.example.com", path: "/finance/\"x\"" },
        client: Some(IpAddr::from([192, 0, 2, 1])),
        listener: "https",
    }
}

fn event(event: SessionEvent) -> SessionLine<'static> {
    SessionLine {
        at: SystemTime::UNIX_EPOCH,
        event,
        who: Some(who("r")),
        subject: Some("user-1"),
        provider: Some("corp"),
        session: Some(0xabc),
        is_done: true,
        way: Some("local"),
        reason: "signed_out",
    }
}

fn verify(files: &[&Path]) -> Result<Report, Broken> {
    let mut verifier = Verifier::default();
    for file in files {
        verifier.read("f", io::BufReader::new(fs::File::open(file).unwrap()))?;
    }
    verifier.finish("f")
}

fn verify_bytes(bytes: &[u8]) -> Result<Report, Broken> {
    let mut verifier = Verifier::default();
    verifier.read("f", bytes)?;
    verifier.finish("f")
}

fn dropped(metrics: &Metrics) -> String {
    let text = metrics.encode();
    let line = text.lines().find(|line| line.starts_with("ostia_log_lines_dropped_total{log=\"audit\"}"));
    line.and_then(|line| line.rsplit(' ').next()).unwrap_or("0").to_owned()
}

#[test]
fn a_line_says_what_the_reference_says_in_its_order() {
    let stage = Stage::new();
    let log = stage.open(SubjectForm::Plain);
    log.write(&line("r"));
    log.write(&event(SessionEvent::Logout));
    log.finish();
    let text = fs::read_to_string(stage.path("audit.jsonl")).unwrap();
    let names: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for line in text.lines().skip(1).take(2) {
        let place = |name: &&str| line.find(&format!("\"{name}\":"));
        let places: Vec<usize> = names.iter().filter_map(place).collect();
        assert!(places.is_sorted(), "{line}");
        told.extend(names.iter().filter(|name| place(name).is_some()).copied());
    }
    assert_eq!(told.len(), names.len(), "{told:?} of {names:?}");
    assert_eq!(stage.lines()[1]["url.path"], "/finance/\"x\"");
    let events: Vec<_> = stage.lines().iter().map(|line| line["event"].clone()).collect();
    assert_eq!(events, ["opened", "decision", "logout", "closed"]);
}

#[test]
fn what_happens_to_a_session_is_told_with_its_reason_and_no_more_than_is_known() {
    let stage = Stage::new();
    let log = stage.open(SubjectForm::Plain);
    for told in SessionEvent::ALL {
        log.write(&event(told));
    }
    log.write(&SessionLine {
        who: None,
        subject: None,
        provider: None,
        session: None,
        is_done: false,
        way: None,
        reason: "state_unknown",
        ..event(SessionEvent::Login)
    });
    log.finish();
    let lines = stage.lines();
    let named: Vec<_> = lines[1..5].iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(named, ["login", "refresh", "logout", "revocation"]);
    for line in &lines[1..5] {
        assert_eq!(line["ostia.session"], "00000000000000000000000000000abc");
        assert_eq!(
            (&line["ostia.outcome"], &line["ostia.way"]),
            (&Value::from("done"), &Value::from("local"))
        );
    }
    let mut failed = lines[5].clone();
    failed.as_object_mut().unwrap().retain(|name, _| !["prev", "seq", "timestamp"].contains(&name.as_str()));
    let expected =
        serde_json::json!({ "event": "login", "ostia.outcome": "failed", "ostia.reason": "state_unknown" });
    assert_eq!(failed, expected);
}

#[test]
fn a_subject_is_hashed_the_same_after_a_restart_or_left_out() {
    let stage = Stage::new();
    for form in [SubjectForm::Hashed, SubjectForm::Hashed, SubjectForm::None, SubjectForm::Plain] {
        let log = stage.open(form);
        log.write(&line("r"));
        log.finish();
    }
    let users: Vec<_> = stage
        .lines()
        .iter()
        .filter(|line| line["event"] == "decision")
        .map(|line| line["user.id"].clone())
        .collect();
    assert_eq!(users[0], users[1]);
    assert_eq!(users[0].as_str().unwrap().len(), 32);
    assert_eq!((&users[2], &users[3]), (&Value::Null, &Value::from("user-1")));
    let key = stage.path(KEY_FILE);
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    fs::write(&key, "short").unwrap();
    assert!(matches!(stage.try_open(SubjectForm::Hashed), Err(AuditLogRefused::Key { .. })));
}

#[test]
fn every_changed_byte_and_every_removed_line_is_found() {
    let stage = Stage::new();
    stage.write(3);
    let whole = fs::read(stage.path("audit.jsonl")).unwrap();
    let report = verify_bytes(&whole).unwrap();
    assert_eq!((report.lines, report.from_the_beginning, report.is_closed, report.seq), (5, true, true, 5));
    let last_line = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap();
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        let verdict = verify_bytes(&changed);
        // Nothing follows the last line that could tell of it: only its head can, which somebody noted.
        let is_told = verdict
            .as_ref()
            .map_or(true, |changed| changed.head != report.head || !changed.from_the_beginning);
        assert!(
            if at > last_line {
                is_told
            } else {
                verdict.is_err() || !verdict.clone().unwrap().from_the_beginning
            },
            "{at}: {verdict:?}"
        );
    }
    let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    for removed in 0..lines.len() {
        let rest: Vec<u8> = lines
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != removed)
            .flat_map(|(_, line)| line.to_vec())
            .collect();
        match removed {
            // What is left of a chain at either end is a chain: the report says that an end is missing.
            0 => assert!(!verify_bytes(&rest).unwrap().from_the_beginning),
            4 => assert!(!verify_bytes(&rest).unwrap().is_closed),
            _ => assert_eq!(verify_bytes(&rest).unwrap_err().slug(), "chain_broken", "{removed}"),
        }
    }
    for length in last_line + 2..whole.len() {
        assert_eq!(verify_bytes(&whole[..length]).unwrap_err().slug(), "line_cut", "{length}");
    }
    let mut swapped: Vec<&[u8]> = lines.clone();
    swapped.swap(1, 2);
    assert!(verify_bytes(&swapped.concat()).is_err());
    assert_eq!(verify_bytes(b"hello\n").unwrap_err().slug(), "not_a_line");
}

#[test]
fn the_chain_goes_on_after_a_restart() {
    let stage = Stage::new();
    stage.write(2);
    stage.write(1);
    let report = verify(&[&stage.path("audit.jsonl")]).unwrap();
    assert_eq!((report.lines, report.seq, report.is_closed), (7, 7, true));
}

#[test]
fn the_chain_goes_on_in_the_next_file_after_a_rotation() {
    let stage = Stage::new();
    let log = stage.open(SubjectForm::Plain);
    log.write(&line("before"));
    log.flush();
    // A reload without a rotation changes nothing.
    log.reopen();
    log.flush();
    fs::rename(stage.path("audit.jsonl"), stage.path("audit.jsonl.1")).unwrap();
    log.write(&line("between"));
    log.reopen();
    log.flush();
    log.write(&line("after"));
    log.finish();
    let [old, new] = [stage.path("audit.jsonl.1"), stage.path("audit.jsonl")];
    let report = verify(&[&old, &new]).unwrap();
    assert_eq!((report.lines, report.is_closed, report.from_the_beginning), (7, true, true));
    assert!(verify(&[&old]).unwrap().is_closed, "a rotated file tells that it is whole");
    assert!(!verify(&[&new]).unwrap().from_the_beginning);
    assert!(verify(&[&new, &old]).is_err());
    let text = fs::read_to_string(old).unwrap();
    assert!(text.contains("between") && text.lines().last().unwrap().contains("\"event\":\"rotated\""));
}

#[test]
fn a_line_that_a_crash_cut_is_told_by_the_next_one() {
    let stage = Stage::new();
    stage.write(2);
    let path = stage.path("audit.jsonl");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 40]).unwrap();
    assert_eq!(verify(&[&path]).unwrap_err().slug(), "line_cut");
    stage.write(1);
    let report = verify(&[&path]).unwrap();
    assert_eq!((report.cut, report.is_closed), (1, true));
    // Somebody who cuts a line later cannot make it look like that.
    let text = fs::read_to_string(&path).unwrap();
    let broken = text.replacen("\"ostia.reason\":\"claim_differs\",\"ostia.condition\":\"groups\"}", "", 1);
    assert!(verify_bytes(broken.as_bytes()).is_err());
}

#[test]
fn a_file_that_is_no_audit_log_is_left_alone() {
    let stage = Stage::new();
    fs::write(stage.path("audit.jsonl"), "127.0.0.1 - - \"GET /\"\n").unwrap();
    assert!(matches!(stage.try_open(SubjectForm::Plain), Err(AuditLogRefused::NotOurs { .. })));
    fs::create_dir(stage.path("folder")).unwrap();
    let logs = Logs { audit: LogTarget::File(stage.path("folder")), ..Logs::default() };
    let refused = AuditLog::open(&logs, stage.folder.path(), &stage.metrics);
    assert!(matches!(refused, Err(AuditLogRefused::File { .. })));
}

#[test]
fn a_process_waits_until_the_one_before_has_closed_the_file() {
    let stage = Stage::new();
    let old = stage.open(SubjectForm::Plain);
    let new = stage.open(SubjectForm::Plain);
    new.write(&line("new-1"));
    old.write(&line("old"));
    new.flush();
    old.finish();
    drop(old);
    new.write(&line("new-2"));
    new.finish();
    let report = verify(&[&stage.path("audit.jsonl")]).unwrap();
    assert_eq!((report.lines, report.is_closed), (7, true));
    assert_eq!(dropped(&stage.metrics), "0");
}

/// A disk with this much room, which can be given more.
#[derive(Clone, Default)]
struct Disk {
    bytes: Arc<Mutex<Vec<u8>>>,
    room: Arc<AtomicUsize>,
    can_cut: bool,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = self.bytes.lock().unwrap();
        let room = self.room.load(Ordering::Relaxed).saturating_sub(written.len());
        if room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let taken = bytes.len().min(room);
        written.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Tape for Disk {
    fn cut(&mut self, length: u64) -> io::Result<()> {
        if !self.can_cut {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.bytes.lock().unwrap().truncate(usize::try_from(length).unwrap());
        Ok(())
    }

    fn length(&self) -> u64 {
        self.bytes.lock().unwrap().len() as u64
    }

    fn lock(&self) -> bool {
        true
    }
}

/// A full disk, at any byte: what is lost is counted, told, and the chain is whole.
#[test]
fn what_a_full_disk_loses_is_counted_and_told_in_the_log_itself() {
    for can_cut in [true, false] {
        for room in 150..900 {
            let metrics = Metrics::new("0").unwrap();
            let counter = metrics.log_lines_dropped("audit");
            let disk = Disk { can_cut, ..Disk::default() };
            disk.room.store(room, Ordering::Relaxed);
            let mut sink = Chained::begin(Place::tape(Box::new(disk.clone())), counter.clone());
            let decision = b"{\"timestamp\":\"t\",\"event\":\"decision\"}\n";
            let mut lost = 0;
            for _ in 0..10 {
                let now = sink.put(&decision.repeat(2), 2);
                counter.inc_by(now);
                lost += now;
            }
            disk.room.store(usize::MAX, Ordering::Relaxed);
            assert_eq!(sink.put(decision, 1), 0);
            sink.close();
            let bytes = disk.bytes.lock().unwrap().clone();
            let report = verify_bytes(&bytes).unwrap_or_else(|broken| panic!("{room} {can_cut}: {broken}"));
            assert_eq!((report.lost, report.is_closed), (lost, true), "{room} {can_cut}");
            assert!(lost > 0 && (can_cut == (report.cut == 0) || report.cut == 0), "{room} {can_cut}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_are_verified_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = verify_bytes(&bytes);
        let stage = Stage::new();
        stage.write(1);
        let mut whole = fs::read(stage.path("audit.jsonl")).unwrap();
        whole.extend_from_slice(&bytes);
        if !bytes.is_empty() {
            prop_assert!(verify_bytes(&whole).is_err());
        }
    }
}
