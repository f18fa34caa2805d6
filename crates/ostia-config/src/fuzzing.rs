//! Bodies of fuzz targets, as ordinary functions: the corpus replays on a stable compiler.

use crate::template::{Piece, Template};

/// A target by name.
pub type Target = (&'static str, fn(&[u8]));

/// The targets, named as the folders of `corpus/` are.
pub const TARGETS: [Target; 1] = [("template", template)];

/// A template: no text makes the reader panic; what is read says again what was written, with braces doubled.
///
/// # Panics
/// When a rule does not hold.
pub fn template(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(template) = Template::parse(text) else { return };
    let mut neighbours = template.pieces().windows(2);
    assert!(!neighbours.any(|pair| matches!(pair, [Piece::Text(_), Piece::Text(_)])));
    for piece in template.pieces() {
        let Piece::Text(text) = piece else { continue };
        assert!(!text.is_empty() && text.bytes().all(|byte| matches!(byte, b' '..=b'~')));
    }
    assert_eq!(Template::parse(template.as_str()).as_ref(), Ok(&template));
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_corpus_replays() {
        ostia_testkit::replay(env!("CARGO_MANIFEST_DIR"), &super::TARGETS, usize::MAX);
    }
}
