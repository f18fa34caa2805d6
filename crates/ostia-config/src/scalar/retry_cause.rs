//! What another server is tried for.

use crate::describe::{Grammar, did_you_mean};
use crate::value::{FromText, Wrong};

/// An item of `retry.on_error`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum RetryCause {
    Connect,
    Reset,
    Timeout,
    Status(u16),
}

impl FromText for RetryCause {
    const GRAMMAR: Grammar = Grammar {
        name: "`connect`, `reset`, `timeout` or a status of 400 to 599",
        pattern: "^(connect|reset|timeout|[45][0-9]{2})$",
    };

    fn from_text(text: &str) -> Result<Self, Wrong> {
        let words = ["connect", "reset", "timeout"];
        match text {
            "connect" => Ok(Self::Connect),
            "reset" => Ok(Self::Reset),
            "timeout" => Ok(Self::Timeout),
            _ => {
                let status =
                    text.parse().ok().filter(|status| text.len() == 3 && (400..600).contains(status));
                let wrong = Wrong::new(format!("is not {}", Self::GRAMMAR.name));
                status.map(Self::Status).ok_or(Wrong { help: did_you_mean(text, words), ..wrong })
            }
        }
    }
}
