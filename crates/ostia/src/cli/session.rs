//! `ostia session`: what a running Ostia knows of sessions, and their end.

use serde_json::{Value, json};

use super::EXIT_OK;
use super::call::{Target, body_of};
use super::terminal::say;

/// Sessions of a running Ostia. They live in their browsers: a node knows what is open and what has ended, not who is
/// signed in.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Session {
    /// Count open streams, endings that are remembered and refreshes in flight.
    List(Target),
    /// End sessions, and access tokens that were issued until now, here and on all nodes that share a store. Who is
    /// signed out may sign in again; tokens that are issued later count.
    Revoke(Revoke),
}

/// Which sessions and tokens.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("whose").required(true).multiple(true).args(["sid", "subject", "provider", "all"]))]
pub(super) struct Revoke {
    /// What goes back to this session at the issuer (`sid`).
    #[arg(long, conflicts_with_all = ["subject", "all"])]
    sid: Option<String>,
    /// Everything of this person or machine (`sub`).
    #[arg(long, conflicts_with = "all")]
    subject: Option<String>,
    /// Of this provider alone; by itself everything of the provider.
    #[arg(long, conflicts_with = "all")]
    provider: Option<String>,
    /// Everything.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    target: Target,
}

impl Session {
    pub(super) fn run(&self) -> u8 {
        let told = match self {
            Self::List(target) => body_of(target.get("/sessions")).map(|body| counts(&body)),
            Self::Revoke(revoke) => {
                let Revoke { sid, subject, provider, all, target } = revoke;
                let revocation = json!({ "sid": sid, "subject": subject, "provider": provider, "all": all });
                body_of(target.post("/sessions/revoke", &revocation)).map(|body| revoked(&body))
            }
        };
        match told {
            Ok(text) => {
                say(text);
                EXIT_OK
            }
            Err(code) => code,
        }
    }
}

fn counts(body: &Value) -> String {
    let number = |key: &str| body.get(key).and_then(Value::as_u64).unwrap_or_default();
    let store = body.get("store").and_then(Value::as_str).unwrap_or_default();
    format!(
        "{} open streams\n{} endings remembered\n{} refreshes in flight or just landed\nshared store: {store}",
        number("open_streams"),
        number("endings"),
        number("refreshes"),
    )
}

fn revoked(body: &Value) -> String {
    let ended = body.get("streams_ended").and_then(Value::as_u64).unwrap_or_default();
    let where_to = match body.get("shared").and_then(Value::as_bool) {
        Some(true) => "on this node and on those that share its store",
        _ => "on this node",
    };
    format!("ended {where_to}; {ended} open streams were closed")
}
