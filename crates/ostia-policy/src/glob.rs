//! Patterns with stars: `*`, `**` and `?`.
//!
//! Matching is iterative and allocates nothing: at most two places are remembered to go on from, the last `*` and the
//! last `**`, so the time is bounded by the product of the lengths and no pattern can blow it up.

/// What a `*` stops at, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stops {
    /// `*` stands for any characters.
    Nowhere,
    /// `*` stays within a segment of a path; `**` goes on.
    AtSlash,
}

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(crate) struct Glob {
    tokens: Box<[Token]>,
    text: Box<str>,
    stops: Stops,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Byte(u8),
    /// `?`: one character.
    One,
    /// `*` that stops at a slash.
    Within,
    /// Any characters.
    Any,
}

impl Glob {
    pub(crate) fn new(pattern: &str, stops: Stops) -> Self {
        let mut tokens: Vec<Token> = Vec::with_capacity(pattern.len());
        let mut bytes = pattern.bytes().peekable();
        while let Some(byte) = bytes.next() {
            let token = match byte {
                b'?' => Token::One,
                b'*' => {
                    let mut stars = 1;
                    while bytes.next_if_eq(&b'*').is_some() {
                        stars += 1;
                    }
                    if stars == 1 && stops == Stops::AtSlash { Token::Within } else { Token::Any }
                }
                other => Token::Byte(other),
            };
            tokens.push(token);
        }
        Self { tokens: tokens.into(), text: pattern.into(), stops }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole text matches. `fold`: without regard to ASCII letter case.
    pub(crate) fn matches(&self, text: &[u8], fold: bool) -> bool {
        let mut at = 0;
        let mut token = 0;
        let mut within: Option<(usize, usize)> = None;
        let mut any: Option<(usize, usize)> = None;
        while at < text.len() {
            match self.tokens.get(token) {
                Some(Token::Any) => {
                    token += 1;
                    if token == self.tokens.len() {
                        return true;
                    }
                    (any, within) = (Some((at, token)), None);
                    continue;
                }
                Some(Token::Within) => {
                    token += 1;
                    within = Some((at, token));
                    continue;
                }
                Some(Token::One) if text.get(at) != Some(&b'/') || self.stops == Stops::Nowhere => {
                    at += character(text, at);
                    token += 1;
                    continue;
                }
                Some(Token::Byte(wanted)) if text.get(at).is_some_and(|byte| same(*byte, *wanted, fold)) => {
                    at += 1;
                    token += 1;
                    continue;
                }
                _ => {}
            }
            // The text goes on and the pattern does not fit here: let the last star take one character more.
            if let Some((from, next)) = within.filter(|(from, _)| text.get(*from) != Some(&b'/')) {
                at = from + character(text, from);
                (within, token) = (Some((at, next)), next);
            } else if let Some((from, next)) = any {
                at = from + character(text, from);
                (any, within, token) = (Some((at, next)), None, next);
            } else {
                return false;
            }
        }
        let rest = self.tokens.get(token..).unwrap_or_default();
        rest.iter().all(|token| matches!(token, Token::Within | Token::Any))
    }
}

fn same(one: u8, other: u8, fold: bool) -> bool {
    one == other || (fold && one.eq_ignore_ascii_case(&other))
}

/// The bytes of the character at this place; 1 where the text is not UTF-8.
fn character(text: &[u8], at: usize) -> usize {
    let continues = |byte: &u8| byte & 0b1100_0000 == 0b1000_0000;
    1 + text.iter().skip(at + 1).take(3).take_while(|byte| continues(byte)).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stars_stand_for_what_they_say() {
        for (pattern, stops, yes, no) in [
            ("*", Stops::Nowhere, vec!["", "a", "a/b"], vec![]),
            ("a*c", Stops::Nowhere, vec!["ac", "abc", "a/c/c"], vec!["ab", "bac", "acb"]),
            ("?", Stops::Nowhere, vec!["a", "ä", "/"], vec!["", "ab"]),
            (
                "*@example.com",
                Stops::Nowhere,
                vec!["a@example.com"],
                vec!["a@example.com.evil", "a@exampleXcom"],
            ),
            (
                "/*/export",
                Stops::AtSlash,
                vec!["/a/export", "//export"],
                vec!["/export", "/a/b/export", "/a/exports"],
            ),
            ("/**/export", Stops::AtSlash, vec!["/a/export", "/a/b/export"], vec!["/export", "/a/exports"]),
            ("/a/**", Stops::AtSlash, vec!["/a/", "/a/b/c"], vec!["/a", "/b/"]),
            ("/a?c", Stops::AtSlash, vec!["/abc"], vec!["/a/c", "/ac"]),
            ("/**x/*y", Stops::AtSlash, vec!["/x/y", "/a/x/zy", "/x/x/y"], vec!["/x/a/y", "/x"]),
        ] {
            let glob = Glob::new(pattern, stops);
            yes.iter().for_each(|text| assert!(glob.matches(text.as_bytes(), false), "{pattern} {text}"));
            no.iter().for_each(|text| assert!(!glob.matches(text.as_bytes(), false), "{pattern} {text}"));
        }
        assert!(Glob::new("/Ab*", Stops::AtSlash).matches(b"/aBc", true));
        assert!(!Glob::new("/Ab*", Stops::AtSlash).matches(b"/aBc", false));
    }

    /// By trying everything.
    fn plainly(tokens: &[Token], text: &[char], of_paths: bool) -> bool {
        let Some((first, rest)) = tokens.split_first() else { return text.is_empty() };
        let one = |taken: &[char]| taken.len() == 1;
        (0..=text.len()).any(|length| {
            let (taken, left) = text.split_at(length);
            let fits = match first {
                Token::Byte(byte) => one(taken) && taken[0] == char::from(*byte),
                Token::One => one(taken) && !(of_paths && taken[0] == '/'),
                Token::Within => !taken.contains(&'/'),
                Token::Any => true,
            };
            fits && plainly(rest, left, of_paths)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_pattern_matches_as_trying_everything_says(
            pattern in "/?[ab/?*]{0,7}", text in "/?[abä/]{0,9}", at_slash in any::<bool>(),
        ) {
            let glob = Glob::new(&pattern, if at_slash { Stops::AtSlash } else { Stops::Nowhere });
            let text: Vec<char> = text.chars().collect();
            let whole: String = text.iter().collect();
            prop_assert_eq!(glob.matches(whole.as_bytes(), false), plainly(&glob.tokens, &text, at_slash));
        }
    }
}
