//! `when`: an expression of CEL, compiled once.
//!
//! The crate behind it has no limit of cost, so what would be needed to be expensive is refused when the configuration
//! is loaded: long texts, deep nesting, loops within loops over what a token says, patterns that are not written out
//! or that would be compiled in a loop. Names that nobody defines are refused then, too. What is left can go wrong only
//! for what a token does not say, and that denies.

#[cfg(feature = "cel")]
mod checked;
#[cfg(feature = "cel")]
mod compiled;
#[cfg(feature = "cel")]
mod variables;

use thiserror::Error;

#[cfg(feature = "cel")]
pub(crate) use compiled::Expression;

/// How many bytes an expression may have.
pub const MAX_BYTES: usize = 4096;
/// How deep an expression may be nested.
pub const MAX_DEPTH: usize = 32;
/// How many elements a list that is written out may have inside of a loop.
pub const MAX_LIST: usize = 64;

/// The variables of expressions, each with its members; those of `claims` are whatever the token says.
pub const VARIABLES: [(&str, &[&str]); 4] = [
    ("claims", &[]),
    ("identity", &["provider", "issuer", "subject", "scopes"]),
    ("request", &["method", "host", "path", "source", "time"]),
    ("client_certificate", &["subject", "issuer", "names", "sha256"]),
];

/// Why an expression was not compiled.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExpressionRefused {
    /// This build is without the feature `cel`.
    #[error("this build of Ostia has no expressions (feature `cel`)")]
    NotBuilt,
    /// Longer than [`MAX_BYTES`].
    #[error("it is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("it is nested deeper than {MAX_DEPTH}")]
    TooDeep,
    /// It is no CEL.
    #[error("{message}")]
    Syntax {
        /// What the parser says.
        message: String,
    },
    /// A variable that does not exist.
    #[error("there is no `{name}`; known: `claims`, `identity`, `request`, `client_certificate`")]
    UnknownName {
        /// Its name.
        name: String,
    },
    /// A member that a variable does not have.
    #[error("`{of}` has no `{member}`; known: {known}")]
    UnknownMember {
        /// The variable.
        of: &'static str,
        /// The member.
        member: String,
        /// What there is.
        known: String,
    },
    /// A function that does not exist.
    #[error("there is no function `{name}`; known: {known}")]
    UnknownFunction {
        /// Its name.
        name: String,
        /// What there is.
        known: String,
    },
    /// A loop within a loop.
    #[error(
        "a loop within a loop could take any time; inside of `exists`, `all`, `map` or `filter` only lists of at most \
         {MAX_LIST} elements that are written out can be gone through"
    )]
    LoopInLoop,
    /// A pattern of `matches` that is not written out, or one in a loop.
    #[error(
        "the pattern of `matches` must be written out, and not in a loop; `glob` of a claim is cheaper: {problem}"
    )]
    Pattern {
        /// What is wrong with it.
        problem: String,
    },
    /// It can never be a truth value.
    #[error("it is no truth value: compare with `==`, `in` or `has(…)`")]
    NotBoolean,
}

impl ExpressionRefused {
    /// The reason as logs know it.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::NotBuilt => "expression_not_built",
            Self::TooLong => "expression_too_long",
            Self::TooDeep => "expression_too_deep",
            Self::Syntax { .. } => "expression_syntax",
            Self::UnknownName { .. } => "expression_name_unknown",
            Self::UnknownMember { .. } => "expression_member_unknown",
            Self::UnknownFunction { .. } => "expression_function_unknown",
            Self::LoopInLoop => "expression_loop_in_loop",
            Self::Pattern { .. } => "expression_pattern",
            Self::NotBoolean => "expression_not_boolean",
        }
    }
}

/// What stands in for an expression where none can be compiled.
#[cfg(not(feature = "cel"))]
#[derive(Debug)]
pub(crate) enum Expression {}

#[cfg(not(feature = "cel"))]
impl Expression {
    pub(crate) fn compile(_: &str) -> Result<Self, ExpressionRefused> {
        Err(ExpressionRefused::NotBuilt)
    }

    pub(crate) fn judge(
        &self,
        _: &ostia_identity::Identity,
        _: &crate::Facts<'_>,
    ) -> (crate::truth::Truth, crate::decision::Reason) {
        match *self {}
    }

    pub(crate) fn claims_read(&self) -> Option<&[String]> {
        match *self {}
    }

    pub(crate) fn explain(&self, _: &ostia_identity::Identity, _: &crate::Facts<'_>) -> String {
        match *self {}
    }
}
