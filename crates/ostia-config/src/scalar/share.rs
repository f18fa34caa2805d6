//! A part of a whole in percent.

use crate::describe::Grammar;
use crate::value::{FromText, Wrong};

/// From 0 to 1; written in percent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Share(pub(crate) f64);

impl FromText for Share {
    const GRAMMAR: Grammar = Grammar { name: "a share such as `50%`", pattern: "^[0-9]{1,3}(\\.[0-9]+)?%$" };

    fn from_text(text: &str) -> Result<Self, Wrong> {
        let digits =
            |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let percent = text.strip_suffix('%').filter(digits).and_then(|text| text.parse::<f64>().ok());
        match percent {
            Some(percent) if percent <= 100.0 => Ok(Self(percent / 100.0)),
            Some(_) => Err(Wrong::new("is more than everything").help("at most `100%`")),
            None => Err(Wrong::new("is not a share").help("a number of percent, such as `50%`")),
        }
    }
}

impl Share {
    /// As it is written.
    pub(crate) fn text(share: f64) -> String {
        // A share such as 0.07 has no exact double: what was written has few digits.
        let percent = (share * 1e8).round() / 1e6;
        format!("{percent}%")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_written_in_percent() {
        for (text, share) in [("0%", 0.0), ("50%", 0.5), ("7%", 0.07), ("12.5%", 0.125), ("100%", 1.0)] {
            assert_eq!(Share::from_text(text), Ok(Share(share)), "{text}");
            assert_eq!(Share::text(share), text);
        }
        for text in ["", "%", "50", "0.5", "-1%", "101%", "5 %", "1e1%", "1.2.3%"] {
            assert!(Share::from_text(text).is_err(), "{text}");
        }
    }
}
