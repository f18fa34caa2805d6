//! `pages`: how Ostia's own pages look.

use url::Url;

/// Words on Ostia's own pages.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pages {
    /// `name` of the organisation.
    pub name: Option<String>,
    /// `support`: where people find help.
    pub support: Option<Url>,
}
