//! Where a browser may be sent after a sign-in: a path of the same host and nothing else.

/// The longest path with its query.
pub const MAX_RETURN_PATH_BYTES: usize = 5 * 1024;

/// Whether `path` may stand in a `Location` as it is: it begins with one `/` that neither `/` nor `\` follows (either
/// would name another host), and has neither spaces nor control characters (browsers drop some of them, so that
/// `/<TAB>/host` would become `//host`).
#[must_use]
pub fn is_return_path(path: &str) -> bool {
    let stays_here = match path.as_bytes() {
        [b'/', b'/' | b'\\', ..] => false,
        [b'/', ..] => true,
        _ => false,
    };
    stays_here
        && path.len() <= MAX_RETURN_PATH_BYTES
        && !path.chars().any(|c| c.is_control() || c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::{MAX_RETURN_PATH_BYTES, is_return_path};

    #[test]
    fn what_could_lead_to_another_host_is_no_return_path() {
        for path in [
            "",
            "app",
            "https://evil.example/",
            "//evil.example/",
            "/\\evil.example/",
            "\\\\evil.example",
            "\\/evil",
            "/\t/evil.example",
            "/\r\nSet-Cookie: a=b",
            " /",
            "/a b",
            "/\u{85}",
            "/\u{2028}",
            "/\u{0}",
            "javascript:x",
        ] {
            assert!(!is_return_path(path), "{path:?}");
        }
        assert!(!is_return_path(&format!("/{}", "a".repeat(MAX_RETURN_PATH_BYTES))));
    }

    #[test]
    fn paths_of_this_host_stay_as_they_are() {
        for path in
            ["/", "/a/b?c=d&e=%2F+%20", "/ä?ö=ü", "/a//b", "/.//x", "/a\\b", "/?x=https://other", "/#/route"]
        {
            assert!(is_return_path(path), "{path:?}");
        }
        assert!(is_return_path(&format!("/{}", "a".repeat(MAX_RETURN_PATH_BYTES - 1))));
    }
}
