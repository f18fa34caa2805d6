//! `extensions`: which extensions run, and what each is told.

use crate::Name;
use crate::with::With;

/// One extension, in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct ExtensionSection {
    /// `name`: one that is built in, or one that the program was built with.
    pub name: Name,
    /// `with`: its own configuration.
    pub with: With,
}
