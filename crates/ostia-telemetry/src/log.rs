//! A log of lines: each thread leaves its lines in a buffer of its own, one thread writes them out, and what is lost is
//! counted.

use std::io;
use std::marker::PhantomData;

use prometheus::IntCounter;

use crate::access_log::subject::Subjects;
use crate::access_log::writer::{Sink, Writer};

/// A log of one kind; lines of another do not fit into it. Dropping it writes what is left.
#[derive(Debug)]
pub struct Log<K> {
    writer: Option<Writer>,
    subjects: Subjects,
    dropped: IntCounter,
    kind: PhantomData<fn() -> K>,
}

/// What can stand in a log of the kind `K`, as one line.
pub trait Line<K> {
    /// Appends the line and its line break.
    #[doc(hidden)]
    fn write_to(&self, buffer: &mut Vec<u8>, subjects: &Subjects);
}

impl<K> Log<K> {
    /// Starts the thread, which has this name; without a sink nothing is written.
    pub(crate) fn start(
        sink: Option<Box<dyn Sink>>,
        thread: &str,
        subjects: Subjects,
        dropped: IntCounter,
    ) -> io::Result<Self> {
        let writer = sink.map(|sink| Writer::start(sink, thread, dropped.clone())).transpose()?;
        Ok(Self { writer, subjects, dropped, kind: PhantomData })
    }

    /// Whether lines go anywhere: ask before gathering one.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.writer.is_some()
    }

    /// Writes a line. Never waits for the target; about half a microsecond.
    pub fn write(&self, line: &impl Line<K>) {
        let Some(writer) = &self.writer else { return };
        if !writer.append(|buffer| line.write_to(buffer, &self.subjects)) {
            self.dropped.inc();
        }
    }

    /// Opens the file anew, after it was moved away (logrotate). What was written before goes to the old one.
    pub fn reopen(&self) {
        if let Some(writer) = &self.writer {
            writer.reopen();
        }
    }

    /// Waits until everything that was written is out.
    pub fn flush(&self) {
        if let Some(writer) = &self.writer {
            writer.flush();
        }
    }

    /// Writes what is left, closes the log and stops; lines that come later are dropped and counted.
    pub fn finish(&self) {
        if let Some(writer) = &self.writer {
            writer.finish();
        }
    }
}
