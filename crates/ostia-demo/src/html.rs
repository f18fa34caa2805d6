//! Pages: text made safe for HTML, one style sheet, one frame.

use std::fmt;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::jwt;

const STYLE: &str = include_str!("page.css");

/// How the Content-Security-Policy names the style sheet; nothing else is loaded or run.
pub(crate) static STYLE_HASH: LazyLock<String> = LazyLock::new(|| hash(STYLE));

/// A CSP hash source.
pub(crate) fn hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(jwt::sha256(text.as_bytes())))
}

/// A whole document around `main`, which is HTML already. `width` is the class of the main element.
pub(crate) fn document(title: &str, width: &str, main: &str) -> String {
    let title = Escaped(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<main class=\"{width}\">\n{main}\n</main>\n</body>\n</html>\n"
    )
}

/// Displays text with every character escaped that means something in element content or in a quoted attribute.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            let (plain, special) = rest.split_at(at);
            f.write_str(plain)?;
            let mut characters = special.chars();
            f.write_str(match characters.next() {
                Some('&') => "&amp;",
                Some('<') => "&lt;",
                Some('>') => "&gt;",
                Some('"') => "&quot;",
                _ => "&#39;",
            })?;
            rest = characters.as_str();
        }
        f.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_text_stays_text() {
        assert_eq!(
            Escaped("<b title=\"x\" class='y'>Ähm & Co</b>").to_string(),
            "&lt;b title=&quot;x&quot; class=&#39;y&#39;&gt;Ähm &amp; Co&lt;/b&gt;"
        );
    }
}
