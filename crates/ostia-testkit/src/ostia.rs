//! The real binary as one node.

use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::metrics::Metrics;
use crate::ports::free_port;
use crate::process::{Process, signal};
use crate::wait::eventually;
use crate::{raw, secrets};

/// How long a node may take to become ready on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// A running node with its own folder. Killed when dropped; then no line it wrote may hold a secret.
#[derive(Debug)]
pub struct Ostia {
    binary: String,
    process: Process,
    folder: TempDir,
    listen: u16,
    admin: u16,
}

impl Ostia {
    /// Starts `binary run` on `yaml` and waits until `/readyz` is 200.
    ///
    /// In `yaml`, `<listen>` and `<admin>` become loopback addresses of this node and `<dir>` its folder. `version`
    /// and the sections `listeners`, `admin` and `runtime` are added when the text has none.
    ///
    /// # Panics
    /// When it does not become ready; the message holds what it wrote.
    pub async fn start(binary: &str, yaml: &str) -> Self {
        let mut node = Self::spawn(binary, yaml);
        node.until_ready().await;
        node
    }

    /// As [`Ostia::start`], without waiting.
    #[must_use]
    pub fn spawn(binary: &str, yaml: &str) -> Self {
        Self::spawn_by(Command::new(binary), yaml, None)
    }

    /// As [`Ostia::spawn`], by a command to which `run -c FILE` is added; its standard input may be something else than
    /// a pipe.
    #[must_use]
    pub fn spawn_by(mut command: Command, yaml: &str, stdin: Option<OwnedFd>) -> Self {
        let binary = command.get_program().to_string_lossy().into_owned();
        let folder = TempDir::with_prefix("ostia-node-").unwrap();
        let (listen, admin) = (free_port(), free_port());
        let text = complete(yaml, folder.path(), listen, admin);
        let file = folder.path().join("ostia.yaml");
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let process = Process::spawn_with_input(
            command.arg("run").arg("-c").arg(&file).current_dir(folder.path()),
            stdin.map_or_else(Stdio::piped, Stdio::from),
            "The test hands in the path of the binary.",
        );
        Self { binary, process, folder, listen, admin }
    }

    /// Waits until `/readyz` is 200.
    ///
    /// # Panics
    /// When the process ends or the deadline passes before.
    pub async fn until_ready(&mut self) {
        let admin = self.admin;
        let ready = tokio::time::timeout(READY_WITHIN, async {
            while self.process.ended().is_none() {
                if raw::get(admin, "/readyz").await.is_some_and(|answer| answer.status == 200) {
                    return true;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            false
        });
        if ready.await != Ok(true) {
            self.process.kill();
            panic!("the node did not become ready:\n{}", self.output().join("\n"));
        }
    }

    /// The port of `<listen>`.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.listen
    }

    /// The port of `<admin>`.
    #[must_use]
    pub fn admin_port(&self) -> u16 {
        self.admin
    }

    /// Bytes of memory that it holds now.
    ///
    /// # Panics
    /// When the system does not tell.
    #[must_use]
    pub fn resident_bytes(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    /// Its folder, with `ostia.yaml` in it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The path of its configuration.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.folder.path().join("ostia.yaml")
    }

    /// The path of its admin socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("admin.sock")
    }

    /// Runs a verb against this node: `ostia VERBS… -c ITS_FILE`.
    ///
    /// # Panics
    /// When the command does not start.
    pub async fn verb(&self, verbs: &[&str]) -> Output {
        let (binary, file) = (self.binary.clone(), self.config_file());
        let verbs: Vec<String> = verbs.iter().map(|verb| (*verb).to_owned()).collect();
        let run = move || Command::new(binary).args(verbs).arg("-c").arg(file).output().unwrap();
        tokio::task::spawn_blocking(run).await.unwrap()
    }

    /// [`Ostia::verb`] that must succeed; what it wrote to standard output.
    ///
    /// # Panics
    /// When it fails.
    pub async fn succeeds(&self, verbs: &[&str]) -> String {
        let output = self.verb(verbs).await;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{verbs:?}: {}{}", text(&output.stderr), text(&output.stdout));
        text(&output.stdout)
    }

    /// The servers of an upstream as `ostia status` tells them, in their order.
    ///
    /// # Panics
    /// When there is no such upstream.
    pub async fn servers(&self, upstream: &str) -> Vec<serde_json::Value> {
        let status = self.succeeds(&["status", "--format", "json"]).await;
        let status: serde_json::Value = serde_json::from_str(&status).unwrap();
        status["upstreams"][upstream]["servers"].as_array().unwrap().clone()
    }

    /// Writes another configuration (placeholders as in [`Ostia::start`]) and does nothing more.
    pub fn write_config(&self, yaml: &str) {
        let text = complete(yaml, self.folder.path(), self.listen, self.admin);
        std::fs::write(self.config_file(), text).unwrap();
    }

    /// Writes another configuration (placeholders as in [`Ostia::start`]) and sends HUP. Does not wait.
    pub fn reload(&self, yaml: &str) {
        self.write_config(yaml);
        self.process.signal("HUP");
    }

    /// Sends a signal by its short name.
    pub fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Sends USR2 and waits until a successor serves; its process number. The process itself leaves in its own time.
    ///
    /// # Panics
    /// When there is none before the deadline.
    pub async fn upgrade(&mut self, deadline: Duration) -> u32 {
        let before = self.successors();
        match before.last() {
            Some(pid) => signal(*pid, "USR2"),
            None => self.process.signal("USR2"),
        }
        eventually("a successor serves", deadline, async || {
            self.successors().last().copied().filter(|pid| !before.contains(pid))
        })
        .await
    }

    /// Sends a signal to the last successor.
    pub fn signal_successor(&self, name: &str) {
        signal(*self.successors().last().expect("there was an upgrade"), name);
    }

    /// The exit status, if the process that was started has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.ended()
    }

    /// Processes that took over, in their order: they write to the same streams.
    fn successors(&self) -> Vec<u32> {
        let lines = self.process.stderr().into_iter();
        let pid = |line: String| {
            let line: serde_json::Value = serde_json::from_str(&line).ok()?;
            u32::try_from(line.get("fields")?.get("successor")?.as_u64()?).ok()
        };
        lines.filter_map(pid).collect()
    }

    /// Successors are nobody's children here: they are ended by their numbers, and only while they run this node's
    /// configuration.
    fn end_successors(&self) {
        let config = self.config_file().display().to_string();
        let runs = |pid: u32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(&config)
        };
        for pid in self.successors() {
            for name in ["TERM", "KILL"] {
                let asked = std::time::Instant::now();
                if runs(pid) {
                    signal(pid, name);
                }
                while runs(pid) && asked.elapsed() < Duration::from_secs(1) {
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
        }
    }

    /// Waits for the process to end.
    pub async fn wait(&mut self, deadline: Duration) -> ExitStatus {
        self.process.wait(deadline).await
    }

    /// Kills it as a power cut would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Scrapes `/metrics`.
    pub async fn metrics(&self) -> Metrics {
        let answer = raw::get(self.admin, "/metrics").await.unwrap();
        assert_eq!(answer.status, 200, "/metrics");
        Metrics::new(answer.text())
    }

    /// Status of a path on the admin address.
    pub async fn admin_status(&self, path: &str) -> Option<u16> {
        raw::get(self.admin, path).await.map(|answer| answer.status)
    }

    /// Every line it wrote so far, both streams.
    #[must_use]
    pub fn output(&self) -> Vec<String> {
        let mut lines = self.process.stderr();
        lines.extend(self.process.stdout());
        lines
    }

    /// The access log so far: lines of standard output that are JSON objects and tell of a request.
    #[must_use]
    pub fn access_lines(&self) -> Vec<serde_json::Value> {
        let parse = |line: String| serde_json::from_str::<serde_json::Value>(&line).ok();
        let lines = self.process.stdout().into_iter().filter_map(parse);
        lines.filter(|line| line.get("ostia.duration.total").is_some()).collect()
    }

    /// Waits until the access log has at least `count` lines, and returns them.
    pub async fn access_lines_at_least(&self, count: usize) -> Vec<serde_json::Value> {
        eventually("the access lines are written", Duration::from_secs(5), async || {
            Some(self.access_lines()).filter(|lines| lines.len() >= count)
        })
        .await
    }
}

impl Drop for Ostia {
    fn drop(&mut self) {
        self.end_successors();
        // It leaves by itself where it can, so that its last lines are written, too.
        self.process.leave(Duration::from_secs(1));
        if std::thread::panicking() {
            let (stdout, stderr) = (self.process.stdout(), self.process.stderr());
            let tail = |lines: &[String]| lines[lines.len().saturating_sub(40)..].join("\n");
            let text = format!("--- what the node wrote\n{}\n---\n{}\n", tail(&stderr), tail(&stdout));
            std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes()).ok();
            return;
        }
        for line in &self.output() {
            if let Some(secret) = secrets::found_in(line) {
                panic!("a log line holds the secret {secret:?}:\n{line}");
            }
        }
    }
}

/// Fills the placeholders and adds the sections that every node needs.
fn complete(yaml: &str, folder: &Path, listen: u16, admin: u16) -> String {
    let mut text = yaml.to_owned();
    for (section, lines) in [
        ("version", "version: 1\n"),
        ("listeners", "listeners:\n  http: { bind: \"<listen>\" }\n"),
        ("admin", "admin: { bind: \"<admin>\", socket: \"<dir>/admin.sock\" }\n"),
        ("runtime", "runtime: { threads: 2, state_dir: \"<dir>/state\" }\n"),
    ] {
        if !yaml.lines().any(|line| line.starts_with(&format!("{section}:"))) {
            text = format!("{lines}{text}");
        }
    }
    text.replace("<listen>", &format!("127.0.0.1:{listen}"))
        .replace("<admin>", &format!("127.0.0.1:{admin}"))
        .replace("<dir>", &folder.display().to_string())
}
