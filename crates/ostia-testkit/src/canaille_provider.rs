//! The provider `canaille` (Python), as a child process: another stack, other habits.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::node_provider::Registration;
use crate::npm::HINT;
use crate::process::Process;
use crate::{ports, raw, secrets};

/// Start of Python with everything loaded, on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(60);
const SECRET: &str = "the-secret-of-the-client-at-canaille-01";

/// A running provider with the people `ana` (staff) and `bo` (no group), whose password is `any-password`.
#[derive(Debug)]
pub struct CanailleProvider {
    process: Process,
    issuer: String,
    port: u16,
}

impl CanailleProvider {
    /// Starts it on a free loopback port and waits until it serves.
    pub async fn start(registration: &Registration) -> Self {
        let port = ports::free_port();
        secrets::keep(SECRET);
        let options = json!({
            "port": port, "secret": SECRET,
            "redirect_uris": registration.redirect_uris,
            "post_logout_redirect_uris": registration.post_logout_redirect_uris,
            "accessTokenSeconds": registration.access_token_seconds,
        });
        let crates = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = crates.join("../../.tools/canaille/bin/python");
        let mut command = Command::new(python);
        command.arg(crates.join("python/canaille_provider.py")).arg(options.to_string());
        let mut process = Process::spawn(&mut command, HINT);
        let issuer = process.first_line("canaille", READY_WITHIN).await;
        Self { process, issuer, port }
    }

    /// Its issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The secret of the client `ostia`.
    #[must_use]
    pub fn client_secret(&self) -> &'static str {
        SECRET
    }

    /// How often each endpoint was called, keyed as `POST /oauth/token`.
    pub async fn calls(&self) -> HashMap<String, usize> {
        let calls = raw::get(self.port, "/__control/calls").await.unwrap().json();
        let mut counted = HashMap::new();
        for call in calls.as_array().unwrap() {
            *counted.entry(call.as_str().unwrap().to_owned()).or_default() += 1;
        }
        counted
    }

    /// What it wrote to standard error.
    #[must_use]
    pub fn errors(&self) -> Vec<String> {
        self.process.stderr()
    }
}
