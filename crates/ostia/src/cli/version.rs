//! `ostia version`.

use super::EXIT_OK;
use super::terminal::say;

/// What was built, and with what.
#[derive(Debug, clap::Args)]
pub(super) struct Version {
    /// As JSON.
    #[arg(long)]
    json: bool,
}

impl Version {
    pub(super) fn run(&self) -> u8 {
        let version = env!("CARGO_PKG_VERSION");
        if self.json {
            say(serde_json::json!({
                "version": version,
                "pingora": crate::PINGORA_VERSION,
                "tls": "rustls (aws-lc-rs)",
            })
            .to_string());
        } else {
            say(format!("ostia {version} (Pingora {}, rustls with aws-lc-rs)", crate::PINGORA_VERSION));
        }
        EXIT_OK
    }
}
