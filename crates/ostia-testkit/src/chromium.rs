//! Debian's Chromium, driven by `playwright-core`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::npm;
use crate::process::Process;

const CHROMIUM: &str = "/usr/bin/chromium";
/// A whole story with a dozen pages, on a busy machine.
const STORY_WITHIN: Duration = Duration::from_secs(120);

/// One story told to a real browser: a script of `browser/` that prints what it saw as JSON.
#[derive(Clone, Debug)]
pub struct Chromium {
    artefacts: PathBuf,
}

impl Chromium {
    /// A browser that leaves its screenshots in `artefacts`.
    #[must_use]
    pub fn new(artefacts: &Path) -> Self {
        npm::require_program(CHROMIUM);
        std::fs::create_dir_all(artefacts).unwrap();
        Self { artefacts: artefacts.to_path_buf() }
    }

    /// Runs `browser/<story>.mjs` with `facts` and returns what it printed last.
    ///
    /// # Panics
    /// When the story fails; the message holds everything that it wrote.
    pub async fn tell(&self, story: &str, mut facts: Value) -> Value {
        facts["executablePath"] = CHROMIUM.into();
        facts["artefacts"] = self.artefacts.display().to_string().into();
        let script = format!("browser/{story}.mjs");
        let mut process = Process::spawn(npm::node(&script).arg(facts.to_string()), npm::HINT);
        let status = process.wait(STORY_WITHIN).await;
        let (stdout, stderr) = (process.stdout(), process.stderr());
        assert!(status.success(), "{story} failed:\n{}\n{}", stdout.join("\n"), stderr.join("\n"));
        let last = stdout.last().expect("the story prints what it saw");
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {last}"))
    }
}
