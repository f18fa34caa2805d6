//! Three-valued logic: what is known to hold, known not to hold, or not known.
//!
//! | condition | holds | does not hold | unknown |
//! |---|---|---|---|
//! | claim | one of its values is asked for | all its values are of the kind that is asked for, none is asked for | it is missing, or has values of another kind |
//! | scope, provider, source, method, host, time | listed | not listed | never |
//! | path | every usual reading of it is listed | no reading is | readings disagree |
//! | acr, amr, max_age | listed, recent enough | not | the claim is missing |
//! | client certificate | it says what is asked for | it does not | there is none |
//! | expression | true | false | an error, or no truth value |
//! | conjunction | all hold | one does not | else |
//! | `any` | one holds | none does | else |
//! | `not` | the policy does not hold | the policy holds | unknown |
//!
//! Only what holds allows. This is Kleene's logic; it makes `not` safe over claims that are not there.

/// Whether something holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Truth {
    /// It is known not to hold.
    No,
    /// It cannot be told.
    Unknown,
    /// It holds.
    Yes,
}

impl Truth {
    /// `No` and `Yes` change places.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
            Self::Yes => Self::No,
        }
    }

    /// The word for it, as wide as the others.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Unknown => "unknown",
            Self::Yes => "yes",
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}
