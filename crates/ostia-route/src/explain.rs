//! For people: which route a request would take, and why.

use std::fmt;

use ostia_config::Name;

use crate::class::Class;
use crate::{RouteIndex, RouteRefused};

/// The way of one request through the table; `Display` prints it line by line.
#[derive(Clone, Debug)]
pub struct Explanation {
    pub(crate) literal: Trial,
    pub(crate) others: Vec<Trial>,
    pub(crate) outcome: Result<(RouteIndex, Name), RouteRefused>,
}

/// Where one reading of the path lands.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    pub(crate) path: String,
    pub(crate) ignores_case: bool,
    pub(crate) class: Option<Class>,
    pub(crate) route: Result<Name, RouteRefused>,
}

impl Explanation {
    /// The route, or why there is none: the same answer as [`crate::RouteTable::find`] gives.
    ///
    /// # Errors
    /// The refusal of the request.
    pub fn outcome(&self) -> Result<RouteIndex, &RouteRefused> {
        self.outcome.as_ref().map(|(index, _)| *index)
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.literal)?;
        let disagree = |trial: &&Trial| trial.class != self.literal.class;
        match self.others.iter().find(disagree) {
            Some(trial) => writeln!(f, "{trial}, under another policy")?,
            None => writeln!(f, "{} other readings, all under the same policy", self.others.len())?,
        }
        match &self.outcome {
            Ok((_, route)) => write!(f, "route: {route}"),
            Err(refused) => write!(f, "refused: {refused} ({})", refused.slug()),
        }
    }
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The path is a stranger's: nothing in it may move the cursor.
        write!(f, "{}", self.path.escape_debug())?;
        if self.ignores_case {
            f.write_str(" (letter case ignored)")?;
        }
        match &self.route {
            Ok(route) => write!(f, " -> {route}"),
            Err(refused) => write!(f, " -> {refused}"),
        }
    }
}
