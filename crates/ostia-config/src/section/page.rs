//! `pages`: how Ostia's own pages look.

use crate::Pages;
use crate::describe::{Key, Section, Shape};
use crate::fields::Fields;
use crate::scalar::AnyUrl;
use crate::section::{TEXT, URL};

pub(crate) static PAGES: Section = Section {
    title: "`pages`",
    doc: "Words on the pages that Ostia shows itself: signed out, not allowed, try again.",
    keys: &[
        Key::new("name", Shape::Text(&TEXT), "The name of the organisation.")
            .absent("no name is shown")
            .example("name: Example Corp"),
        Key::new("support", Shape::Text(&URL), "Where people find help.")
            .absent("no link is shown")
            .example("support: https://help.example.com"),
        Key::later("logo_file"),
        Key::later("language"),
    ],
};

pub(crate) fn read(fields: &Fields<'_>) -> Pages {
    Pages {
        name: fields.optional("name"),
        support: fields.optional::<AnyUrl>("support").map(|AnyUrl(url)| url),
    }
}
