//! What no message and no snippet may show.

use crate::findings::Findings;
use crate::source::{Source, Span};

/// Whether a text is a URL with a user name or a password in it.
pub(super) fn has_user_information(text: &str) -> bool {
    text.split_once("://")
        .is_some_and(|(_, rest)| rest.split(['/', '?', '#']).next().is_some_and(|host| host.contains('@')))
}

/// Whether the value of a key may be a secret, misspelt keys included.
pub(super) fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let named = ["secret", "passw", "passphrase", "api_key"].iter().any(|word| key.contains(word));
    !key.ends_with("_file") && (named || is_nearly(&key, "client_secret"))
}

/// Whether at most three letters differ; so many does the length at most.
fn is_nearly(key: &str, word: &str) -> bool {
    key.chars().count().abs_diff(word.len()) <= 3 && strsim::osa_distance(key, word) <= 3
}

/// After a syntax error there is no tree to say where the secrets are: hides the rest of each line after a key that
/// looks like one, and the deeper lines below it.
pub(super) fn hide_by_looks(source: &Source, findings: &Findings) {
    let mut start = 0;
    let mut hidden_indent = None;
    for line in source.text().split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        let end = start + line.len();
        if hidden_indent.is_some_and(|hidden| indent > hidden && !line.trim().is_empty()) {
            findings.hide(Span::new(start, end));
        } else {
            let word = |text: &str| is_secret(text.rsplit([' ', '{', ',', '"', '\'']).next().unwrap_or(text));
            let colon = line.match_indices(':').find(|(at, _)| {
                let before = line.get(..*at).unwrap_or("");
                let userinfo =
                    line.get(*at..).is_some_and(|rest| rest.starts_with("://") && rest.contains('@'));
                userinfo || word(before.trim_end().trim_end_matches(['"', '\'']))
            });
            hidden_indent = colon.map(|_| indent);
            if let Some((at, _)) = colon {
                findings.hide(Span::new(start + at + 1, end));
            }
        }
        start = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_secret_is_a_secret() {
        for key in
            ["client_secret", "clientSecret", "client_secrt", "Client-Secret", "password", "old_secret"]
        {
            assert!(is_secret(key), "{key}");
        }
        for key in ["client_secret_file", "client_id", "token_endpoint_auth_method", "cert_file", "scopes"] {
            assert!(!is_secret(key), "{key}");
        }
    }

    #[test]
    fn secret_is_hidden_where_nothing_could_be_read() {
        for text in [
            "a: [\n  client_secret: hunter2\n",
            "a: { b: c, client_secret : hunter2\n",
            "\"client_secret\": 'hunter2\n",
            "client_secret: |\n  hunter2\n  hunter2\nb: ]",
            "issuer: \"https://me:hunter2@login.example.com\n",
        ] {
            let (source, findings) = (Source::new("f", text), Findings::default());
            hide_by_looks(&source, &findings);
            findings.add(crate::findings::Finding::new(crate::codes::SYNTAX, Span::new(0, 1), "", "x"));
            let told = findings.finish(&source);
            assert!(!format!("{told:?}").contains("hunter2"), "{told:?}");
        }
    }
}
