//! `pages`: how Ostia's own pages look.

use crate::Pages;
use crate::describe::{Key, Section, Shape};
use crate::fields::Fields;
use crate::file;
use crate::page::Logo;
use crate::scalar::AnyUrl;
use crate::section::{FILE, TEXT, URL};

/// It goes out with each page.
const MAX_LOGO_BYTES: u64 = 64 * 1024;

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
        Key::new(
            "logo_file",
            Shape::Text(&FILE),
            "A picture (SVG, PNG, JPEG or WebP, at most 64 KiB), shown instead of the name, which stands for it where \
             pictures are not seen. It is put into the page itself: browsers fetch nothing.",
        )
        .absent("the name is shown")
        .example("logo_file: logo.svg"),
        Key::later("language"),
    ],
};

pub(crate) fn read(fields: &Fields<'_>) -> Pages {
    Pages {
        name: fields.optional("name"),
        support: fields.optional::<AnyUrl>("support").map(|AnyUrl(url)| url),
        logo: logo(fields),
    }
}

fn logo(fields: &Fields<'_>) -> Option<Logo> {
    let (file, bytes) = file::bounded(fields, "logo_file", MAX_LOGO_BYTES)?;
    let Some(media_type) = Logo::media_type_of(&bytes) else {
        file::refuse(fields, "logo_file", "it is neither SVG nor PNG, JPEG or WebP");
        return None;
    };
    Some(Logo { file, media_type, bytes: bytes.into() })
}
