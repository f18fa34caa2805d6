//! `ostia explain CODE`: what a diagnostic code means and what to do.

use ostia_config::codes;

use super::terminal::{complain, say};
use super::{EXIT_FAILED, EXIT_OK};

/// Explains one code.
#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// A code such as `E1204`.
    code: String,
}

impl Explain {
    pub(super) fn run(&self) -> u8 {
        let Some(code) = codes::ALL.iter().find(|known| known.code.eq_ignore_ascii_case(&self.code)) else {
            complain(format!("there is no code `{}`; codes look like E1204", self.code));
            return EXIT_FAILED;
        };
        say(format!("{}: {}\n\n{}", code.code, code.title, code.explanation));
        EXIT_OK
    }
}
