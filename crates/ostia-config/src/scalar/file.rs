//! The name of a file.

use std::path::PathBuf;

use crate::describe::Grammar;
use crate::value::{FromText, Wrong};

/// A file as it is written: not yet looked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FileName(pub(crate) PathBuf);

impl FromText for FileName {
    const GRAMMAR: Grammar = Grammar { name: "the name of a file", pattern: "" };

    fn from_text(text: &str) -> Result<Self, Wrong> {
        String::from_text(text).map(|text| Self(PathBuf::from(text)))
    }
}
