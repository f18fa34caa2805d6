//! Talking to a running Ostia: one request over its admin socket.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use ostia_config::load::{self, Environment};
use serde_json::Value;

use super::ConfigFile;
use super::terminal::complain;
use super::{EXIT_CONFIG, EXIT_FAILED};

/// A reload may resolve many names.
const DEADLINE: Duration = Duration::from_secs(120);
/// A status of thousands of servers.
const LONGEST_ANSWER: u64 = 256 * 1024 * 1024;

/// Which running Ostia.
#[derive(Debug, clap::Args)]
pub(super) struct Target {
    #[command(flatten)]
    file: ConfigFile,
    /// The admin socket of the running Ostia; without it `admin.socket` of the configuration file.
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

/// What came back.
pub(super) struct Answer {
    status: u16,
    body: Value,
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallFailed {
    #[error(
        "{} does not say where the running Ostia listens; name its socket with `--socket PATH`, or set `admin.socket`", .0.display()
    )]
    NoSocket(PathBuf),
    #[error("no answer from {door}: {source}; is Ostia running, and may you open it?")]
    NoAnswer { door: String, source: io::Error },
    #[error("{door} answered something that this command cannot read; is it an Ostia of the same release?")]
    Unreadable { door: String },
}

impl Target {
    /// Sends a request that changes something, over the socket.
    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Answer, CallFailed> {
        let socket = self.socket().ok_or_else(|| CallFailed::NoSocket(self.file.path.clone()))?;
        over_socket(&socket, "POST", path, &body.to_string())
    }

    /// Asks for something, over the socket, or over the read-only address where there is no socket.
    pub(super) fn get(&self, path: &str) -> Result<Answer, CallFailed> {
        if let Some(socket) = self.socket() {
            return over_socket(&socket, "GET", path, "");
        }
        let admin = load::admin_of_file(&self.file.path, &Environment::process())
            .ok_or_else(|| CallFailed::NoSocket(self.file.path.clone()))?;
        let stream = TcpStream::connect_timeout(&admin.bind, DEADLINE).and_then(|stream| {
            stream.set_read_timeout(Some(DEADLINE))?;
            Ok(stream)
        });
        exchange(stream, &admin.bind.to_string(), "GET", path, "")
    }

    fn socket(&self) -> Option<PathBuf> {
        let written = || load::admin_of_file(&self.file.path, &Environment::process())?.socket;
        self.socket.clone().or_else(written)
    }
}

fn over_socket(socket: &std::path::Path, method: &str, path: &str, body: &str) -> Result<Answer, CallFailed> {
    let stream = UnixStream::connect(socket).and_then(|stream| {
        stream.set_read_timeout(Some(DEADLINE))?;
        Ok(stream)
    });
    exchange(stream, &socket.display().to_string(), method, path, body)
}

fn exchange<S: Read + Write>(
    stream: io::Result<S>,
    door: &str,
    method: &str,
    path: &str,
    body: &str,
) -> Result<Answer, CallFailed> {
    let failed = |source| CallFailed::NoAnswer { door: door.to_owned(), source };
    let mut stream = stream.map_err(failed)?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: ostia\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut answer = String::new();
    stream.take(LONGEST_ANSWER).read_to_string(&mut answer).map_err(failed)?;
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
    let body = answer.split_once("\r\n\r\n").and_then(|(_, body)| serde_json::from_str(body).ok());
    match (status, body) {
        (Some(status), Some(body)) => Ok(Answer { status, body }),
        _ => Err(CallFailed::Unreadable { door: door.to_owned() }),
    }
}

impl Answer {
    /// The body when it was done; else tells why not, and gives the exit status.
    pub(super) fn body(self) -> Result<Value, u8> {
        if self.status < 300 {
            return Ok(self.body);
        }
        let error = self.body.get("error");
        let word = |key: &str| error.and_then(|error| error.get(key)).and_then(Value::as_str);
        complain(format!("error: {}", word("message").unwrap_or("it was refused without a reason")));
        Err(if word("slug") == Some("configuration_refused") { EXIT_CONFIG } else { EXIT_FAILED })
    }
}

/// The body of an answer; what went wrong is told, and becomes the exit status.
pub(super) fn body_of(called: Result<Answer, CallFailed>) -> Result<Value, u8> {
    match called {
        Ok(answer) => answer.body(),
        Err(failed) => {
            complain(format!("error: {failed}"));
            Err(EXIT_FAILED)
        }
    }
}
