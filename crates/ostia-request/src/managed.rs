//! The fields that only Ostia may set: recognised in whatever spelling a client sends them.

use http::HeaderName;

/// Names of fields that are removed from every request before anything else, on every route.
///
/// CGI, WSGI, PHP and others fold `-`, `_` and `.` into one, so `X_Forwarded.User` may become `X-Forwarded-User` behind
/// us. Two names are the same here when they are equal after lower-casing and writing `-` for all that is neither letter
/// nor digit.
#[derive(Clone, Debug, Default)]
pub struct ManagedFields {
    /// Folded names, sorted by length.
    names: Box<[Box<[u8]>]>,
    /// Bit n is set when a name has n bytes; bit 63 stands for all longer ones.
    lengths: u64,
}

impl ManagedFields {
    /// The set of these names.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a HeaderName>) -> Self {
        let mut names: Vec<Box<[u8]>> =
            names.into_iter().map(|name| name.as_str().bytes().map(fold).collect()).collect();
        names.sort_unstable_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
        names.dedup();
        let lengths = names.iter().fold(0, |lengths, name| lengths | length_bit(name.len()));
        Self { names: names.into(), lengths }
    }

    /// Whether the field is one of them, however it is spelled. No allocation.
    #[must_use]
    pub fn matches(&self, field_name: &str) -> bool {
        self.lengths & length_bit(field_name.len()) != 0
            && self.names.iter().any(|name| {
                name.len() == field_name.len()
                    && name.iter().zip(field_name.bytes()).all(|(&ours, theirs)| ours == fold(theirs))
            })
    }

    /// Whether a client's field must not go on: one of ours, or a name that [`is_ambiguous`].
    #[must_use]
    pub fn refuses(&self, field_name: &str) -> bool {
        is_ambiguous(field_name) || self.matches(field_name)
    }
}

/// Whether a name has anything but letters, digits and `-`.
///
/// Such a name may turn into another one behind us. They are dropped by default, as NGINX does
/// (`ignore_invalid_headers`, `underscores_in_headers off`).
#[must_use]
pub fn is_ambiguous(field_name: &str) -> bool {
    !field_name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn fold(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' }
}

fn length_bit(length: usize) -> u64 {
    1 << length.min(63)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn managed() -> ManagedFields {
        ManagedFields::new(&[
            HeaderName::from_static("x-forwarded-user"),
            HeaderName::from_static("x-auth_request.email"),
            HeaderName::from_static("x-a-very-long-name-of-a-field-that-is-longer-than-sixty-three-bytes"),
        ])
    }

    #[test]
    fn every_spelling_of_a_managed_name_matches() {
        for name in [
            "x-forwarded-user",
            "X-Forwarded-User",
            "X_FORWARDED_USER",
            "x_forwarded-user",
            "x.forwarded.user",
            "x~forwarded|user",
            "x-auth-request-email",
            "x_auth_request_email",
            "x_a_very_long_name_of_a_field_that_is_longer_than_sixty_three_bytes",
        ] {
            assert!(managed().matches(name), "{name}");
        }
    }

    #[test]
    fn other_names_do_not_match() {
        for name in
            ["x-forwarded-users", "x-forwarded-use", "y-forwarded-user", "xforwardeduser", "", "accept"]
        {
            assert!(!managed().matches(name), "{name}");
        }
        assert!(!ManagedFields::default().matches("x-forwarded-user"));
    }

    #[test]
    fn names_that_may_turn_into_others_are_refused() {
        for name in ["x_other", "x.other", "x other", "x!other", "x-f\u{f6}o"] {
            assert!(managed().refuses(name), "{name}");
        }
        assert!(managed().refuses("x-forwarded-user"));
        assert!(!managed().refuses("accept"));
    }
}
