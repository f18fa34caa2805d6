//! The thread's side of the audit log: numbers lines, chains them, and tells what became of the log itself.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};
use prometheus::IntCounter;

use super::AuditLogRefused;
use crate::access_log::json::Object;
use crate::access_log::timestamp;
use crate::access_log::writer::{Sink, append_to};

/// The hash before the first line.
pub(super) const GENESIS: [u8; 64] = [b'0'; 64];
/// The longest line that can be continued: far more than one ever has.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// Where a chain goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The hash of the last line.
    pub(super) hash: [u8; 64],
    /// Its number.
    pub(super) seq: u64,
}

/// Where the lines go.
pub(super) struct Place {
    sink: Box<dyn Tape>,
    path: Option<PathBuf>,
    head: Head,
    /// The file ends in a line without its line break: a crash cut it.
    is_cut: bool,
}

/// What can be written to and, after a failure in the middle of a line, cut back to its last whole one.
pub(super) trait Tape: Write + Send {
    /// Cuts back to this length.
    fn cut(&mut self, length: u64) -> io::Result<()>;
    /// Its length; 0 for what has none.
    fn length(&self) -> u64;
    /// Whether this process alone writes to it from now on.
    fn lock(&self) -> bool;
}

impl Tape for File {
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn length(&self) -> u64 {
        self.metadata().map_or(0, |data| data.len())
    }

    /// Where files cannot be locked they are taken as ours.
    fn lock(&self) -> bool {
        !matches!(self.try_lock(), Err(std::fs::TryLockError::WouldBlock))
    }
}

impl Tape for io::Stdout {
    fn cut(&mut self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn length(&self) -> u64 {
        0
    }

    fn lock(&self) -> bool {
        true
    }
}

impl Place {
    pub(super) fn stdout() -> Self {
        Self::tape(Box::new(io::stdout()))
    }

    pub(super) fn tape(sink: Box<dyn Tape>) -> Self {
        Self { sink, path: None, head: Head { hash: GENESIS, seq: 0 }, is_cut: false }
    }

    /// A file; what is in it is continued.
    pub(super) fn file(path: &PathBuf) -> Result<Self, AuditLogRefused> {
        let refused = |source| AuditLogRefused::File { path: path.clone(), source };
        let (last, is_cut) = last_line(path).map_err(refused)?;
        let head = match &last {
            None => Head { hash: GENESIS, seq: 0 },
            // What was cut has no number that could be read; the hash goes on all the same.
            Some(line) => {
                let seq = seq_of(line).or(is_cut.then_some(0));
                let seq = seq.ok_or_else(|| AuditLogRefused::NotOurs { path: path.clone() })?;
                Head { hash: hash_of(line), seq }
            }
        };
        let file = append_to(path).map_err(refused)?;
        Ok(Self { sink: Box::new(file), path: Some(path.clone()), head, is_cut })
    }
}

/// Bytes that wait while another process still writes into the file.
const MAX_WAITING_BYTES: usize = 4 << 20;

/// Lines on their way into a chain.
pub(super) struct Chained {
    place: Place,
    /// The lines that wait for the process before this one (a hot upgrade) to close the file.
    waiting: Option<Waiting>,
    /// Lines that were lost, by whoever counted them, and how many of them the log has told.
    dropped: IntCounter,
    told: u64,
    line: Vec<u8>,
}

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    lines: u64,
}

impl Chained {
    pub(super) fn begin(place: Place, dropped: IntCounter) -> Self {
        let told = dropped.get();
        let mut chained = Self { place, waiting: None, dropped, told, line: Vec::new() };
        if chained.place.sink.lock() {
            chained.open();
        } else {
            chained.waiting = Some(Waiting::default());
        }
        chained
    }

    /// Takes the file over, if the process before has closed it; how many waiting lines were lost.
    fn take_over(&mut self) -> u64 {
        let Some(path) = self.place.path.clone() else { return 0 };
        if self.waiting.is_none() || !self.place.sink.lock() {
            return 0;
        }
        // What the other process wrote last is what is continued now.
        let Ok(Place { head, is_cut, .. }) = Place::file(&path) else { return 0 };
        (self.place.head, self.place.is_cut) = (head, is_cut);
        let Waiting { bytes, lines } = self.waiting.take().unwrap_or_default();
        self.open();
        self.add_all(&bytes, lines)
    }

    fn add_all(&mut self, lines: &[u8], count: u64) -> u64 {
        if self.place.is_cut {
            self.open();
        }
        if self.place.is_cut || !self.tell_lost() {
            return count;
        }
        let mut lost = 0;
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            if lost > 0 || !self.add(b"", line) {
                lost += 1;
            }
        }
        lost
    }

    /// Says that the file is written from here on; after a cut line, with the line break that it lacks.
    fn open(&mut self) {
        let is_cut = self.place.is_cut;
        let before: &[u8] = if is_cut { b"\n" } else { b"" };
        let written = self.event(before, "opened", |line| {
            if is_cut {
                line.number("cut", 1);
            }
        });
        if written {
            self.place.is_cut = false;
        }
    }

    /// A line about the log itself; whether it was written.
    fn event(&mut self, before: &[u8], event: &str, more: impl FnOnce(&mut Object<'_>)) -> bool {
        let mut body = Vec::with_capacity(128);
        let mut line = Object::begin(&mut body);
        line.written("timestamp", |buffer| timestamp::write(buffer, SystemTime::now()));
        line.word("event", event);
        more(&mut line);
        line.end();
        self.add(before, &body)
    }

    /// Chains one line, which begins with a brace and ends with a line break.
    fn add(&mut self, before: &[u8], body: &[u8]) -> bool {
        let seq = self.place.head.seq + 1;
        self.line.clear();
        self.line.extend_from_slice(before);
        self.line.extend_from_slice(b"{\"prev\":\"");
        self.line.extend_from_slice(&self.place.head.hash);
        self.line.extend_from_slice(b"\",\"seq\":");
        self.line.extend_from_slice(itoa::Buffer::new().format(seq).as_bytes());
        self.line.push(b',');
        self.line.extend_from_slice(body.get(1..).unwrap_or_default());
        let length = self.place.sink.length();
        let written = self.place.sink.write_all(&self.line).and_then(|()| self.place.sink.flush());
        if written.is_err() {
            self.take_back(length);
            return false;
        }
        let line = self.line.strip_prefix(before).unwrap_or(&self.line);
        self.place.head = Head { hash: hash_of(line.strip_suffix(b"\n").unwrap_or(line)), seq };
        true
    }

    /// A part of a line may be there: away with it, or say before the next line that one is cut.
    fn take_back(&mut self, length: u64) {
        let after = self.place.sink.length();
        if after > length && self.place.sink.cut(length).is_err() {
            let part = usize::try_from(after - length).unwrap_or(usize::MAX).min(self.line.len());
            let hash = hash_of(self.line.get(..part).unwrap_or_default());
            // What is there may be all of the line but its line break, so its number is taken.
            self.place.head = Head { hash, seq: self.place.head.seq + 1 };
            self.place.is_cut = true;
        }
    }

    /// Tells what was lost since it was told last.
    fn tell_lost(&mut self) -> bool {
        let lost = self.dropped.get();
        let lines = lost.saturating_sub(self.told);
        if lines == 0 || self.event(b"", "lost", |line| line.number("lines", lines)) {
            self.told = lost;
            return true;
        }
        false
    }
}

impl Sink for Chained {
    fn put(&mut self, lines: &[u8], count: u64) -> u64 {
        let lost = self.take_over();
        let Some(waiting) = &mut self.waiting else { return lost + self.add_all(lines, count) };
        if waiting.bytes.len() + lines.len() > MAX_WAITING_BYTES {
            return count;
        }
        waiting.bytes.extend_from_slice(lines);
        waiting.lines += count;
        0
    }

    /// Each line was; lines that wait go as soon as they can.
    fn flush(&mut self) {
        let lost = self.take_over();
        self.dropped.inc_by(lost);
    }

    fn reopen(&mut self) {
        let Some(path) = self.place.path.clone().filter(|_| self.waiting.is_none()) else { return };
        // A file that cannot be opened anew is kept: lines in the wrong file are better than none.
        let Ok(file) = append_to(&path) else { return };
        let is_new = file.metadata().is_ok_and(|data| data.len() == 0);
        if !is_new || !Tape::lock(&file) {
            return;
        }
        self.tell_lost();
        self.event(b"", "rotated", |_| {});
        self.place.sink = Box::new(file);
        self.place.is_cut = false;
        self.open();
    }

    fn close(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            self.dropped.inc_by(waiting.lines);
            return;
        }
        self.tell_lost();
        self.event(b"", "closed", |_| {});
    }
}

/// The last line of a file without its line break, and whether it has none.
fn last_line(path: &Path) -> io::Result<(Option<Vec<u8>>, bool)> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(absent) if absent.kind() == io::ErrorKind::NotFound => return Ok((None, false)),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MAX_LINE_BYTES)))?;
    let mut end = Vec::new();
    file.take(MAX_LINE_BYTES).read_to_end(&mut end)?;
    if end.is_empty() {
        return Ok((None, false));
    }
    let is_cut = !end.ends_with(b"\n");
    let whole = end.strip_suffix(b"\n").unwrap_or(&end);
    let line = whole.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok((Some(line.to_vec()), is_cut))
}

/// `seq` of a line of ours.
pub(super) fn seq_of(line: &[u8]) -> Option<u64> {
    let rest = line.strip_prefix(b"{\"prev\":\"")?.get(64..)?;
    let rest = rest.strip_prefix(b"\",\"seq\":")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(rest.get(..digits)?).ok()?.parse().ok()
}

/// `prev` of a line of ours.
pub(super) fn prev_of(line: &[u8]) -> Option<[u8; 64]> {
    line.strip_prefix(b"{\"prev\":\"")?.first_chunk::<64>().copied()
}

/// The hash of a line, without its line break.
pub(super) fn hash_of(line: &[u8]) -> [u8; 64] {
    let hash = digest(&SHA256, line);
    let mut text = [b'0'; 64];
    for (place, byte) in text.iter_mut().zip(hex(hash.as_ref()).bytes()) {
        *place = byte;
    }
    text
}

/// Bytes as lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
