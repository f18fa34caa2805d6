//! `pages`: how Ostia's own pages look.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use url::Url;

/// What stands on Ostia's own pages.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pages {
    /// `name` of the organisation.
    pub name: Option<String>,
    /// `support`: where people find help.
    pub support: Option<Url>,
    /// `logo_file`, read.
    pub logo: Option<Logo>,
}

/// A picture that is put into each page.
#[derive(Clone, PartialEq, Eq)]
pub struct Logo {
    /// Where it was read from.
    pub file: PathBuf,
    /// Its media type, by its first bytes.
    pub media_type: &'static str,
    /// The file, at most 64 KiB.
    pub bytes: Arc<[u8]>,
}

impl Logo {
    /// The media type of a picture; `None` for anything that is no picture of a kind that browsers show.
    #[must_use]
    pub fn media_type_of(bytes: &[u8]) -> Option<&'static str> {
        let text =
            || std::str::from_utf8(bytes).ok().map(|text| text.trim_start_matches('\u{feff}').trim_start());
        match bytes {
            [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
            [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
            _ => text()
                .filter(|text| {
                    text.starts_with("<svg") || (text.starts_with("<?xml") && text.contains("<svg"))
                })
                .map(|_| "image/svg+xml"),
        }
    }
}

impl fmt::Debug for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logo")
            .field("file", &self.file)
            .field("media_type", &self.media_type)
            .finish_non_exhaustive()
    }
}
