//! `ostia server`: order a server of a running Ostia to serve, to drain or to rest.

use serde_json::{Value, json};

use super::call::{Target, body_of};
use super::terminal::{complain, say};
use super::{EXIT_FAILED, EXIT_OK};

/// An order for one server. It stays in force over reloads, until the next order or until the `state` of the server in
/// the configuration changes; it does not outlive the process.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Server {
    /// Serve.
    Ready(Which),
    /// Finish: sessions that it has come back until `drain_timeout`, nothing new goes there.
    Drain(Which),
    /// Rest: nothing new goes there, from now on; what is in flight finishes.
    Maint(Which),
}

/// Which server.
#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// The server, such as `portal/10.0.0.11:8080`, as `ostia status` shows it.
    #[arg(value_name = "UPSTREAM/ADDR")]
    server: String,
    #[command(flatten)]
    target: Target,
}

impl Server {
    pub(super) fn run(&self) -> u8 {
        let (word, which) = match self {
            Self::Ready(which) => ("ready", which),
            Self::Drain(which) => ("drain", which),
            Self::Maint(which) => ("maint", which),
        };
        let Some((upstream, server)) = which.server.split_once('/') else {
            complain(format!(
                "error: `{}` is not UPSTREAM/ADDR, such as `portal/10.0.0.11:8080`",
                which.server
            ));
            return EXIT_FAILED;
        };
        let order = json!({ "upstream": upstream, "server": server, "order": word });
        match body_of(which.target.post("/server", &order)) {
            Ok(body) => {
                let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                let in_flight = body.get("in_flight").and_then(Value::as_u64).unwrap_or_default();
                let (address, state) = (text("address"), text("state"));
                say(format!("{upstream}/{address} is {state}, {in_flight} requests in flight"));
                EXIT_OK
            }
            Err(code) => code,
        }
    }
}
