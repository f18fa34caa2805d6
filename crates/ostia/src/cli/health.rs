//! `ostia health`: readiness as an exit status, for keepalived, containers and scripts.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::terminal::{complain, say};
use super::{EXIT_FAILED, EXIT_OK};

/// Asks `/readyz` of the admin address.
#[derive(Debug, clap::Args)]
pub(super) struct Health {
    /// The admin address of the running Ostia.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:9910")]
    admin: SocketAddr,
    /// Ask whether the process lives (`/livez`) instead of whether it is ready.
    #[arg(long)]
    live: bool,
}

impl Health {
    pub(super) fn run(&self) -> u8 {
        match self.ask() {
            Ok((200, body)) => {
                say(body.trim_end());
                EXIT_OK
            }
            Ok((status, body)) => {
                complain(format!("not ready ({status}): {}", body.trim_end()));
                EXIT_FAILED
            }
            Err(error) => {
                complain(format!("no answer from {}: {error}", self.admin));
                EXIT_FAILED
            }
        }
    }

    fn ask(&self) -> std::io::Result<(u16, String)> {
        let deadline = Duration::from_secs(2);
        let mut stream = TcpStream::connect_timeout(&self.admin, deadline)?;
        stream.set_read_timeout(Some(deadline))?;
        stream.set_write_timeout(Some(deadline))?;
        let path = if self.live { "/livez" } else { "/readyz" };
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.admin)?;
        let mut answer = String::new();
        stream.take(64 * 1024).read_to_string(&mut answer)?;
        let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        Ok((status, body.to_owned()))
    }
}
