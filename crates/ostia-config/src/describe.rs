//! The language as tables: which keys a section has, what each takes, what stands when it is absent.
//!
//! The reader, the JSON Schema and the reference page all go by these tables, so they cannot disagree.

use std::time::Duration;

/// A map with known keys.
#[derive(Debug)]
pub(crate) struct Section {
    /// Its heading in the reference.
    pub(crate) title: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) keys: &'static [Key],
}

impl Section {
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// One key of a section.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) need: Need,
    /// What it is and what it does; Markdown.
    pub(crate) doc: &'static str,
    /// A line of YAML.
    pub(crate) example: &'static str,
    /// A reload does not apply it.
    pub(crate) restart: bool,
    /// Its absence is told by a check that knows more.
    pub(crate) own_check: bool,
}

/// Whether a key must be there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Need {
    Required,
    /// The value that stands when the key is absent, as YAML.
    Default(&'static str),
    /// What happens when the key is absent, in words.
    Optional(&'static str),
    /// The language has the key; this release refuses it.
    Later,
}

/// What a key takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    Bool,
    Integer {
        min: u64,
        max: u64,
    },
    Number {
        min: f64,
        max: f64,
    },
    Duration {
        min: Duration,
        max: Duration,
    },
    Size {
        min: u64,
        max: u64,
    },
    Word(&'static Words),
    Text(&'static Grammar),
    /// Text that is never shown.
    Secret,
    List(&'static Shape),
    /// A list of at least one.
    Several(&'static Shape),
    /// One, or a list of them.
    OneOrMany(&'static Shape),
    Map(&'static Grammar, &'static Shape),
    Section(&'static Section),
    Either(&'static [Shape]),
    /// A map that others read.
    Free,
    /// Only for keys of [`Need::Later`].
    Unread,
}

/// A closed set of words.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) now: &'static [&'static str],
    pub(crate) later: &'static [&'static str],
}

/// What a text must look like.
#[derive(Debug)]
pub(crate) struct Grammar {
    /// With its article: "a duration".
    pub(crate) name: &'static str,
    /// An anchored regular expression for editors; empty when it would say nothing. The reader is the authority.
    pub(crate) pattern: &'static str,
}

impl Key {
    pub(crate) const fn new(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { name, shape, need: Need::Optional(""), doc, example: "", restart: false, own_check: false }
    }

    /// A key of the language that this release does not build.
    pub(crate) const fn later(name: &'static str) -> Self {
        Self { need: Need::Later, ..Self::new(name, Shape::Unread, "") }
    }

    pub(crate) const fn required(self) -> Self {
        Self { need: Need::Required, ..self }
    }

    pub(crate) const fn default(self, yaml: &'static str) -> Self {
        Self { need: Need::Default(yaml), ..self }
    }

    pub(crate) const fn absent(self, words: &'static str) -> Self {
        Self { need: Need::Optional(words), ..self }
    }

    pub(crate) const fn example(self, yaml: &'static str) -> Self {
        Self { example: yaml, ..self }
    }

    pub(crate) const fn restart(self) -> Self {
        Self { restart: true, ..self }
    }

    pub(crate) const fn own_check(self) -> Self {
        Self { own_check: true, ..self }
    }

    pub(crate) const fn is_later(&self) -> bool {
        matches!(self.need, Need::Later)
    }
}

impl Shape {
    /// A duration between two numbers of milliseconds.
    pub(crate) const fn millis(min: u64, max: u64) -> Self {
        Self::Duration { min: Duration::from_millis(min), max: Duration::from_millis(max) }
    }

    /// A duration between two numbers of seconds.
    pub(crate) const fn seconds(min: u64, max: u64) -> Self {
        Self::Duration { min: Duration::from_secs(min), max: Duration::from_secs(max) }
    }

    /// What is wanted, with its article, for a message.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Bool => "`true` or `false`".to_owned(),
            Self::Integer { .. } => "a whole number".to_owned(),
            Self::Number { .. } => "a number".to_owned(),
            Self::Duration { .. } => "a duration such as `30s`".to_owned(),
            Self::Size { .. } => "a size such as `64KiB`".to_owned(),
            Self::Word(words) => one_of(words.now),
            Self::Text(grammar) => grammar.name.to_owned(),
            Self::Secret => "a text".to_owned(),
            Self::List(item) | Self::Several(item) => format!("a list, each item {}", item.words()),
            Self::OneOrMany(item) => format!("{}, or a list of such", item.words()),
            Self::Map(..) | Self::Section(_) | Self::Free => "a map".to_owned(),
            Self::Either(shapes) => {
                let words: Vec<String> = shapes.iter().map(Self::words).collect();
                words.join(", or ")
            }
            Self::Unread => "nothing yet".to_owned(),
        }
    }
}

/// `a`, `b` or `c`.
pub(crate) fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// The word that was probably meant.
pub(crate) fn nearest<'a>(written: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = |text: &str| text.to_ascii_lowercase().replace('-', "_");
    let written = folded(written);
    words
        .into_iter()
        .map(|word| (strsim::osa_distance(&written, &folded(word)), word))
        .filter(|(distance, word)| *distance <= (word.len().min(written.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// "did you mean …?", when something is near.
pub(crate) fn did_you_mean<'a>(written: &str, words: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(written, words).map(|word| format!("did you mean `{word}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_near_word_is_suggested() {
        let words = ["upstream", "host", "allow", "client_secret_file"];
        for (written, near) in [
            ("upsteram", Some("upstream")),
            ("client-secret-file", Some("client_secret_file")),
            ("Host", Some("host")),
            ("alow", Some("allow")),
            ("backend", None),
            ("x", None),
        ] {
            assert_eq!(nearest(written, words), near, "{written}");
        }
    }

    #[test]
    fn words_are_listed_as_people_do() {
        assert_eq!(one_of(&["a", "b", "c"]), "`a`, `b` or `c`");
        assert_eq!(one_of(&["a"]), "`a`");
    }
}
