//! The thread that writes: it takes what all threads have left and writes it in one piece.
//!
//! Each shard of threads appends to a buffer of its own; the writer swaps the buffers out, so each is allocated once. A
//! thread that appends to an empty log wakes the writer, which then waits a moment for more: at any load there are at
//! most a hundred wake-ups a second, and none when nothing happens.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use prometheus::IntCounter;

use super::AccessLogRefused;
use crate::metrics::locked::lock;
use crate::metrics::shard::Sharded;

/// Bytes that a shard holds before lines are dropped: a few seconds of a slow disk.
const MAX_PENDING_BYTES: usize = 4 << 20;
/// How long the writer waits for more once there is something.
const LINGER: Duration = Duration::from_millis(10);

/// Where batches of whole lines go. Only the writer's thread calls it.
pub(crate) trait Sink: Send {
    /// Writes some lines; says how many of them were lost.
    fn put(&mut self, lines: &[u8], count: u64) -> u64;

    /// Brings out what may still be in between.
    fn flush(&mut self);

    /// Opens the file anew, after it was moved away.
    fn reopen(&mut self);

    /// Nothing comes any more.
    fn close(&mut self) {}
}

/// Lines as they are, into a file or a pipe.
pub(crate) struct Target {
    sink: Box<dyn Write + Send>,
    /// Where `reopen` finds it again.
    path: Option<PathBuf>,
}

/// The writing side of a log.
#[derive(Debug)]
pub(crate) struct Writer {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What threads and writer share.
#[derive(Debug, Default)]
struct Shared {
    pending: Sharded<Mutex<Pending>>,
    /// No more lines are taken.
    is_closed: AtomicBool,
    /// Somebody has appended since the writer looked.
    has_news: AtomicBool,
    orders: Mutex<Orders>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Pending {
    bytes: Vec<u8>,
    lines: u64,
}

/// What the writer is asked to do.
#[derive(Debug, Default)]
struct Orders {
    is_awake: bool,
    reopen: bool,
    close: bool,
    /// Flushes that were asked for and that are done.
    asked: u64,
    done: u64,
}

impl Writer {
    /// Starts the thread, which has this name.
    pub(crate) fn start(sink: Box<dyn Sink>, name: &str, dropped: IntCounter) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let for_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(&for_thread, sink, &dropped))?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Lets `write` append one line. `false` if there is no room.
    pub(crate) fn append(&self, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        let Some(pending) = self.shared.pending.own() else { return false };
        {
            let mut pending = lock(pending);
            // Set before the writer looks for the last time, with this lock still to be taken.
            if pending.bytes.len() >= MAX_PENDING_BYTES || self.shared.is_closed.load(Ordering::Acquire) {
                return false;
            }
            write(&mut pending.bytes);
            pending.lines += 1;
        }
        // Only the first line after the writer looked pays for the wake-up.
        if !self.shared.has_news.swap(true, Ordering::AcqRel) {
            lock(&self.shared.orders).is_awake = true;
            self.shared.changed.notify_all();
        }
        true
    }

    pub(crate) fn reopen(&self) {
        lock(&self.shared.orders).reopen = true;
        self.shared.changed.notify_all();
    }

    pub(crate) fn flush(&self) {
        let mut orders = lock(&self.shared.orders);
        orders.asked += 1;
        let mine = orders.asked;
        self.shared.changed.notify_all();
        while orders.done < mine && !self.is_finished() {
            let waited = self.shared.changed.wait_timeout(orders, LINGER);
            orders = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Writes what is left and ends the thread.
    pub(crate) fn finish(&self) {
        self.shared.is_closed.store(true, Ordering::Release);
        lock(&self.shared.orders).close = true;
        self.shared.changed.notify_all();
        if let Some(thread) = lock(&self.thread).take() {
            // A writer that panicked has nothing more to write.
            let _ = thread.join();
        }
    }

    fn is_finished(&self) -> bool {
        lock(&self.thread).as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.finish();
    }
}

/// What the writer does next.
struct Next {
    reopen: bool,
    close: bool,
    flushes: u64,
}

fn run(shared: &Shared, mut sink: Box<dyn Sink>, dropped: &IntCounter) {
    let mut batch = Pending::default();
    loop {
        let next = shared.wait();
        shared.has_news.store(false, Ordering::Release);
        for pending in shared.pending.iter() {
            std::mem::swap(&mut *lock(pending), &mut batch);
            if batch.lines > 0 {
                dropped.inc_by(sink.put(&batch.bytes, batch.lines));
            }
            batch.bytes.clear();
            batch.lines = 0;
        }
        sink.flush();
        if next.reopen {
            sink.reopen();
        }
        if next.close {
            sink.close();
        }
        shared.tell_done(next.flushes);
        if next.close {
            return;
        }
    }
}

impl Shared {
    /// Waits for something to do; then, unless it is urgent, for more of it.
    fn wait(&self) -> Next {
        let mut orders = lock(&self.orders);
        while !orders.is_awake && !orders.is_urgent() {
            orders = self.changed.wait(orders).unwrap_or_else(PoisonError::into_inner);
        }
        if !orders.is_urgent() {
            let wait = self.changed.wait_timeout_while(orders, LINGER, |orders| !orders.is_urgent());
            orders = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
        orders.is_awake = false;
        Next { reopen: std::mem::take(&mut orders.reopen), close: orders.close, flushes: orders.asked }
    }

    fn tell_done(&self, flushes: u64) {
        lock(&self.orders).done = flushes;
        self.changed.notify_all();
    }
}

impl Orders {
    fn is_urgent(&self) -> bool {
        self.reopen || self.close || self.asked > self.done
    }
}

impl Target {
    pub(crate) fn stdout() -> Self {
        Self::sink(Box::new(io::stdout()))
    }

    pub(crate) fn sink(sink: Box<dyn Write + Send>) -> Self {
        Self { sink, path: None }
    }

    pub(crate) fn file(path: PathBuf) -> Result<Self, AccessLogRefused> {
        match append_to(&path) {
            Ok(file) => Ok(Self { sink: Box::new(file), path: Some(path) }),
            Err(source) => Err(AccessLogRefused::File { path, source }),
        }
    }
}

impl Sink for Target {
    fn put(&mut self, lines: &[u8], count: u64) -> u64 {
        if self.sink.write_all(lines).is_ok() { 0 } else { count }
    }

    fn flush(&mut self) {
        // What cannot be flushed was counted when it could not be written, or will be next time.
        let _ = self.sink.flush();
    }

    /// A file that cannot be opened anew is kept: lines in the wrong file are better than none.
    fn reopen(&mut self) {
        if let Some(file) = self.path.as_ref().and_then(|path| append_to(path).ok()) {
            self.sink = Box::new(file);
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Opens a log to append to it.
pub(crate) fn append_to(path: &PathBuf) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().append(true).create(true).mode(0o640).open(path)
}
