//! A child process whose every line is kept.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::wait::eventually;

/// Lines of one stream, growing while the process writes.
type Lines = Arc<Mutex<Vec<String>>>;

/// A running child; killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdout: Lines,
    stderr: Lines,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts `command` with its output captured and its standard input held open.
    ///
    /// # Panics
    /// When it does not start; `hint` tells what to do then.
    #[must_use]
    pub fn spawn(command: &mut Command, hint: &str) -> Self {
        Self::spawn_with_input(command, Stdio::piped(), hint)
    }

    /// As [`Process::spawn`], with this standard input.
    ///
    /// # Panics
    /// As [`Process::spawn`].
    #[must_use]
    pub fn spawn_with_input(command: &mut Command, stdin: Stdio, hint: &str) -> Self {
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| {
            panic!("{} does not start: {error}. {hint}", command.get_program().display())
        });
        let (stdout, stderr) = (Lines::default(), Lines::default());
        let readers = vec![
            keep_lines(child.stdout.take().unwrap(), &stdout),
            keep_lines(child.stderr.take().unwrap(), &stderr),
        ];
        Self { child, stdout, stderr, readers }
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to standard output so far.
    #[must_use]
    pub fn stdout(&self) -> Vec<String> {
        self.stdout.lock().unwrap().clone()
    }

    /// The first line that it writes to standard output: so a server says that it serves, and where.
    ///
    /// # Panics
    /// When the process ends before, or takes longer than this.
    pub async fn first_line(&mut self, name: &str, within: Duration) -> String {
        eventually(&format!("{name} serves"), within, async || {
            assert!(self.ended().is_none(), "{name} ended:\n{}", self.stderr().join("\n"));
            self.stdout().into_iter().next()
        })
        .await
    }

    /// What it wrote to standard error so far.
    #[must_use]
    pub fn stderr(&self) -> Vec<String> {
        self.stderr.lock().unwrap().clone()
    }

    /// Sends a signal by its short name (`TERM`, `HUP`).
    pub fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// The exit status, if it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// When it still runs after `deadline`.
    pub async fn wait(&mut self, deadline: Duration) -> ExitStatus {
        let status = eventually("the process ends", deadline, async || self.child.try_wait().unwrap()).await;
        self.join_readers();
        status
    }

    /// Asks it to leave by TERM, and ends it when it has not left within `patience`.
    pub(crate) fn leave(&mut self, patience: Duration) {
        let asked = Instant::now();
        if self.ended().is_none() {
            self.signal("TERM");
        }
        while self.ended().is_none() && asked.elapsed() < patience {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.kill();
    }

    /// Ends it at once and waits for its last lines.
    pub fn kill(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        self.child.kill().ok();
        self.child.wait().ok();
        self.join_readers();
    }

    fn join_readers(&mut self) {
        for reader in self.readers.drain(..) {
            reader.join().ok();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends a signal by its short name to a process of this number.
pub(crate) fn signal(pid: u32, name: &str) {
    let mut kill = Command::new("sh");
    kill.args(["-c", "kill -s \"$1\" \"$2\"", "sh", name]).arg(pid.to_string());
    assert!(kill.status().unwrap().success(), "signal {name} was not sent");
}

fn keep_lines(stream: impl Read + Send + 'static, lines: &Lines) -> JoinHandle<()> {
    let lines = Arc::clone(lines);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n') {
            let Ok(line) = line else { return };
            lines.lock().unwrap().push(String::from_utf8_lossy(&line).into_owned());
        }
    })
}
