//! The name that the operator gives to a section.

use crate::Name;
use crate::codes;
use crate::describe::Grammar;
use crate::value::{FromText, Wrong};

impl FromText for Name {
    const GRAMMAR: Grammar = Grammar { name: "a name", pattern: "^[A-Za-z0-9_.-]{1,64}$" };

    fn from_text(text: &str) -> Result<Self, Wrong> {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if (1..=64).contains(&text.len()) && text.bytes().all(good) {
            return Ok(Self::from(text));
        }
        Err(Wrong::new("is not a name")
            .code(codes::BAD_NAME)
            .help("1 to 64 of the characters A-Z a-z 0-9 - _ ."))
    }
}
