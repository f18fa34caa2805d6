//! Why a text is not read to its end.

use serde_saphyr::granit_parser::{ErrorKind, ScanError};

use super::{MAX_DEPTH, MAX_NODES};
use crate::codes;
use crate::findings::Finding;
use crate::source::Span;

/// Why the reading stopped.
pub(super) enum Stop {
    Syntax(ScanError),
    TooLarge(Span),
    TooDeep(Span),
    Ended,
}

impl Stop {
    pub(super) fn finding(self) -> Finding {
        match self {
            Self::Syntax(error) if *error.kind() == ErrorKind::RecursionLimitExceeded => {
                let at = error.marker().byte_offset().unwrap_or(0);
                Self::TooDeep(Span::new(at, at)).finding()
            }
            Self::Syntax(error) => {
                let at = error.marker().byte_offset().unwrap_or(0);
                Finding::new(codes::SYNTAX, Span::new(at, at), "", format!("not YAML: {}", error.kind()))
                    .label("the text cannot be read from here on")
            }
            Self::TooLarge(span) => {
                Finding::new(codes::TOO_LARGE, span, "", format!("more than {MAX_NODES} values in one file"))
            }
            Self::TooDeep(span) => {
                Finding::new(codes::TOO_LARGE, span, "", format!("more than {MAX_DEPTH} levels deep"))
            }
            Self::Ended => Finding::of_file(codes::SYNTAX, "not YAML: the text ends too early"),
        }
    }
}

impl From<ScanError> for Stop {
    fn from(error: ScanError) -> Self {
        Self::Syntax(error)
    }
}
