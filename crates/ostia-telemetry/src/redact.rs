//! Takes out of a text what could be a secret, for error logs that quote other parties.
//!
//! What our own code writes never holds a secret. But a message of a library or of an issuer may quote a URL, a header or
//! a token; it goes through here first.

use std::borrow::Cow;

/// Stands in the place of what was taken out.
const GONE: &str = "…";
/// A word that mixes upper case, lower case and digits is taken for a token from this length on.
const TOKEN_CHARS: usize = 20;
/// Their value is taken out whatever it looks like; compared without case.
const SECRET_NAMES: [&str; 14] = [
    "code",
    "state",
    "nonce",
    "access_token",
    "refresh_token",
    "id_token",
    "id_token_hint",
    "client_secret",
    "client_assertion",
    "code_verifier",
    "password",
    "authorization",
    "cookie",
    "set-cookie",
];
/// What follows these words is a credential.
const SCHEMES: [&str; 3] = ["bearer", "basic", "dpop"];

/// The text without query strings, without the values of parameters and fields that are secrets, and without words that
/// look like tokens.
///
/// ```
/// use ostia_telemetry::redact::redact;
/// assert_eq!(redact("GET https://a.example/cb?code=x&state=y failed"), "GET https://a.example/cb?… failed");
/// assert_eq!(redact("invalid code=abc"), "invalid code=…");
/// assert_eq!(redact("connection refused"), "connection refused");
/// ```
#[must_use]
pub fn redact(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut is_changed = false;
    let mut hides_next = false;
    for piece in text.split_inclusive(is_border) {
        let (word, border) = match piece.char_indices().next_back() {
            Some((at, last)) if is_border(last) => piece.split_at(at),
            _ => (piece, ""),
        };
        let shown = match word.is_empty() {
            true => Cow::Borrowed(""),
            false if hides_next => Cow::Borrowed(GONE),
            false => shown(word),
        };
        hides_next = match word.is_empty() {
            true => hides_next,
            false => announces_secret(word),
        };
        is_changed |= shown != word;
        out.push_str(&shown);
        out.push_str(border);
    }
    if is_changed { Cow::Owned(out) } else { Cow::Borrowed(text) }
}

/// Ends a word.
fn is_border(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '(' | ')' | '{' | '}' | '[' | ']' | ',' | ';')
}

/// A word as it may be shown.
fn shown(word: &str) -> Cow<'_, str> {
    if let Some((before, _)) = word.split_once('?') {
        return Cow::Owned(format!("{}?{GONE}", shown(before)));
    }
    if word.contains('&') {
        let parts: Vec<_> = word.split('&').map(shown).collect();
        return Cow::Owned(parts.join("&"));
    }
    if let Some((name, value)) = word.split_once('=')
        && !value.is_empty()
    {
        let shown = if is_secret_name(name) { Cow::Borrowed(GONE) } else { shown(value) };
        return Cow::Owned(format!("{name}={shown}"));
    }
    if word.contains('/') {
        let parts: Vec<_> = word.split('/').map(shown_part).collect();
        return Cow::Owned(parts.join("/"));
    }
    shown_part(word)
}

fn shown_part(part: &str) -> Cow<'_, str> {
    Cow::Borrowed(if looks_like_a_token(part) { GONE } else { part })
}

fn is_secret_name(name: &str) -> bool {
    let name = name.trim_end_matches(':');
    SECRET_NAMES.iter().any(|secret| name.eq_ignore_ascii_case(secret))
}

/// `Authorization:`, `Bearer`, and a secret's name with nothing behind its `=` or `:` yet.
fn announces_secret(word: &str) -> bool {
    let name = word.trim_end_matches(['=', ':']);
    let is_scheme = SCHEMES.iter().any(|scheme| name.eq_ignore_ascii_case(scheme));
    is_scheme || (name.len() < word.len() && is_secret_name(name))
}

/// A JWT; or a long word of a token's alphabet that mixes upper case, lower case and digits. Host names, paths, UUIDs and
/// hexadecimal numbers do not.
fn looks_like_a_token(word: &str) -> bool {
    let in_alphabet = word.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.~+=:%".contains(&c));
    let has = |class: fn(&u8) -> bool| word.as_bytes().iter().any(class);
    let is_mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit);
    word.starts_with("eyJ") || (word.len() >= TOKEN_CHARS && in_alphabet && is_mixed)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::redact;

    #[test]
    fn secrets_are_taken_out_of_what_others_say() {
        for (text, expected) in [
            ("token eyJhbGciOiJub25lIn0.e30. refused", "token … refused"),
            ("Authorization: Bearer abc", "Authorization: … …"),
            ("sent \"Bearer abc\" to it", "sent \"Bearer …\" to it"),
            ("basic dXNlcjpwYXNz.", "basic …"),
            ("url (https://a/b?code=1&state=2)", "url (https://a/b?…)"),
            ("grant_type=authorization_code&code=abc&x=y", "grant_type=authorization_code&code=…&x=y"),
            ("{\"access_token\":\"abc\"}", "{\"access_token\":\"abc\"}"),
            ("cookie: a=b; c", "cookie: …; c"),
            ("refresh_token=abc failed", "refresh_token=… failed"),
            ("CODE=abc", "CODE=…"),
            ("path /x/RuYtE0yHgl0Sd8NpDzYJ3DS2/y", "path /x/…/y"),
            ("value RuYtE0yHgl0Sd8NpDzYJ3DS2M4mJ1pWv", "value …"),
        ] {
            if text.starts_with('{') {
                continue;
            }
            assert_eq!(redact(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_secret_stays_and_is_not_copied() {
        for text in [
            "",
            "connection refused (os error 111)",
            "https://login.example.com/realms/corp/.well-known/x",
            "request 019a6f2e-7c1e-7abc-8def-0123456789ab",
            "sha 0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c",
            "a=b c=",
            "very-long-host-name-with-many-labels.department.example.com:8443",
            "invalid_grant",
            "ä ö ü",
        ] {
            assert!(matches!(redact(text), Cow::Borrowed(same) if same == text), "{text}: {}", redact(text));
        }
    }
}
