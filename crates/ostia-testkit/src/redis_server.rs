//! A real `redis-server` (or a sentinel, or a cluster of one) as the store that nodes share.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::authority::Issued;
use crate::ports::free_port;
use crate::process::Process;
use crate::wait::eventually;

/// How long a server may take to answer on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// A running server with nothing in it; killed when dropped.
#[derive(Debug)]
pub struct RedisServer {
    process: Process,
    folder: TempDir,
    port: u16,
    arguments: Vec<String>,
    plain: bool,
}

impl RedisServer {
    /// Starts one without a password.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts one with further arguments (`--requirepass`, `…`).
    pub async fn start_with(arguments: &[&str]) -> Self {
        let port = free_port();
        let mut all = vec!["--port".to_owned(), port.to_string()];
        all.extend(arguments.iter().map(|&text| text.to_owned()));
        Self::run(port, all, true).await
    }

    /// Starts one that speaks TLS alone, with this certificate.
    pub async fn start_tls(issued: &Issued) -> Self {
        let port = free_port();
        let text = |path: &Path| path.display().to_string();
        let all = [
            ("--port", "0".to_owned()),
            ("--tls-port", port.to_string()),
            ("--tls-cert-file", text(&issued.cert_file)),
            ("--tls-key-file", text(&issued.key_file)),
            ("--tls-ca-cert-file", text(&issued.cert_file)),
            ("--tls-auth-clients", "no".to_owned()),
        ];
        let all = all.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect();
        Self::run(port, all, false).await
    }

    /// Starts a cluster of one server that holds every slot.
    pub async fn start_cluster() -> Self {
        // Without a port of its own the bus would take the server's plus 10,000, which may be another's.
        let bus = free_port().to_string();
        let arguments =
            ["--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1", "--cluster-port", &bus];
        let server = Self::start_with(&arguments).await;
        server.ask("CLUSTER ADDSLOTSRANGE 0 16383").await;
        eventually("the cluster is whole", READY_WITHIN, async || {
            server.ask("CLUSTER INFO").await.filter(|told| told.contains("cluster_state:ok")).map(drop)
        })
        .await;
        server
    }

    /// Starts a sentinel that watches `master` under the name `ostia`.
    pub async fn start_sentinel(master: &Self) -> Self {
        let (port, folder) = (free_port(), TempDir::with_prefix("ostia-sentinel-").unwrap());
        let file = folder.path().join("sentinel.conf");
        let text = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor ostia 127.0.0.1 {} 1\n",
            folder.path().display(),
            master.port
        );
        std::fs::write(&file, text).unwrap();
        let arguments = vec![file.display().to_string(), "--sentinel".to_owned()];
        let process = spawn(&arguments, folder.path());
        let server = Self { process, folder, port, arguments, plain: true };
        server.until_ready().await;
        server
    }

    async fn run(port: u16, mut arguments: Vec<String>, plain: bool) -> Self {
        let folder = TempDir::with_prefix("ostia-redis-").unwrap();
        for (name, value) in
            [("--bind", "127.0.0.1"), ("--save", ""), ("--appendonly", "no"), ("--loglevel", "warning")]
        {
            arguments.extend([name.to_owned(), value.to_owned()]);
        }
        let process = spawn(&arguments, folder.path());
        let server = Self { process, folder, port, arguments, plain };
        server.until_ready().await;
        server
    }

    async fn until_ready(&self) {
        eventually("the store answers", READY_WITHIN, async || {
            if !self.plain {
                return TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.ok().map(drop);
            }
            self.ask("PING").await.map(drop)
        })
        .await;
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL without TLS.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Stops it where it stands: connections stay open, nothing is answered.
    pub fn freeze(&self) {
        self.process.signal("STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.process.signal("CONT");
    }

    /// Kills it and starts another on the same port, which knows nothing.
    pub async fn forget_everything(&mut self) {
        self.process.kill();
        self.process = spawn(&self.arguments, self.folder.path());
        self.until_ready().await;
    }

    /// One command in words; the raw answer.
    pub async fn ask(&self, command: &str) -> Option<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.ok()?;
        stream.write_all(format!("{command}\r\n").as_bytes()).await.ok()?;
        let mut answer = vec![0; 64 * 1024];
        let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut answer)).await.ok()?.ok()?;
        (read > 0).then(|| String::from_utf8_lossy(&answer[..read]).into_owned())
    }
}

fn spawn(arguments: &[String], folder: &Path) -> Process {
    Process::spawn(
        Command::new("redis-server").args(arguments).current_dir(folder),
        "The Debian package redis-server has it; `make test-deps` installs it.",
    )
}
