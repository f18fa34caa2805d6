//! The question that every condition answers.

use ostia_identity::Identity;

use crate::facts::Facts;

/// Who asks to pass, and under which circumstances.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) identity: &'a Identity,
    pub(crate) facts: &'a Facts<'a>,
    /// As if the caller had just signed in again in whatever way a policy wants: finds out whether that would help.
    pub(crate) stepped_up: bool,
}

impl<'a> Asked<'a> {
    pub(crate) fn new(identity: &'a Identity, facts: &'a Facts<'a>) -> Self {
        Self { identity, facts, stepped_up: false }
    }
}
