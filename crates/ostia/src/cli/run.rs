//! `ostia run`: serve in the foreground.

use super::terminal::complain;
use super::{ConfigFile, EXIT_CONFIG, EXIT_FAILED, EXIT_OK};
use crate::{Builder, RunFailed};

pub(super) fn run(file: &ConfigFile) -> u8 {
    match Builder::new(&file.path).run() {
        Ok(()) => EXIT_OK,
        Err(failed @ (RunFailed::Config(_) | RunFailed::Compile(_))) => {
            complain(failed.to_string());
            EXIT_CONFIG
        }
        Err(failed) => {
            complain(format!("error: {failed}"));
            EXIT_FAILED
        }
    }
}
