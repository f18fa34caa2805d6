//! Whether two addresses are one, as `htu` is compared (RFC 9449 section 4.3, rule 9): after the syntax-based and
//! scheme-based normalization of RFC 3986 section 6.2, without query and fragment.

/// Compares two absolute `http` or `https` addresses. Dots are not resolved: a path that needs it equals only itself.
#[must_use]
pub fn same_target(one: &str, other: &str) -> bool {
    match (Target::read(one), Target::read(other)) {
        (Some(one), Some(other)) => {
            one.is_https == other.is_https
                && one.port == other.port
                && one.host.eq_ignore_ascii_case(other.host)
                && same_path(one.path, other.path)
        }
        _ => false,
    }
}

struct Target<'a> {
    is_https: bool,
    host: &'a str,
    port: u16,
    path: &'a str,
}

impl<'a> Target<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let is_https = scheme.eq_ignore_ascii_case("https");
        if !is_https && !scheme.eq_ignore_ascii_case("http") {
            return None;
        }
        let rest = rest.split(['?', '#']).next()?;
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at_checked(at)?,
            None => (rest, "/"),
        };
        let (host, port) = split_port(authority)?;
        let default = if is_https { 443 } else { 80 };
        let port = if port.is_empty() { default } else { port.parse().ok()? };
        let is_host = !host.is_empty() && !host.contains('@') && text.is_ascii();
        is_host.then_some(Self { is_https, host, port, path })
    }
}

/// The host and the digits behind its colon; an address of IPv6 has colons of its own, in brackets.
fn split_port(authority: &str) -> Option<(&str, &str)> {
    let after = authority.rfind(']').map_or(0, |end| end + 1);
    let (host, port) = match authority.get(after..)?.find(':') {
        Some(at) => authority.split_at_checked(after + at)?,
        None => (authority, ""),
    };
    let port = port.strip_prefix(':').unwrap_or(port);
    port.bytes().all(|byte| byte.is_ascii_digit()).then_some((host, port))
}

/// Byte by byte, where an escaped unreserved character is that character and the digits of other escapes have no case.
fn same_path(one: &str, other: &str) -> bool {
    one == other || normal(one).eq(normal(other))
}

/// A character that stands as it is, or one that is written as an escape and must stay one.
type Symbol = (bool, u8);

fn normal(path: &str) -> impl Iterator<Item = Symbol> + '_ {
    let mut bytes = path.bytes();
    std::iter::from_fn(move || {
        let byte = bytes.next()?;
        if byte != b'%' {
            return Some((false, byte));
        }
        let mut ahead = bytes.clone();
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (Some(high), Some(low)) = (digit(ahead.next()), digit(ahead.next())) else {
            return Some((false, byte));
        };
        bytes = ahead;
        let escaped = u8::try_from(high * 16 + low).ok()?;
        let is_unreserved = escaped.is_ascii_alphanumeric() || matches!(escaped, b'-' | b'.' | b'_' | b'~');
        Some((!is_unreserved, escaped))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_one_only_when_every_part_is() {
        let ours = "https://api.example.com/orders/7";
        for same in [
            ours,
            "HTTPS://API.example.COM/orders/7",
            "https://api.example.com:443/orders/7",
            "https://api.example.com/orders/7?x=1",
            "https://api.example.com/orders/7#f",
            "https://api.example.com/%6frders/%37",
        ] {
            assert!(same_target(same, ours), "{same}");
        }
        for other in [
            "",
            "http://api.example.com/orders/7",
            "https://api.example.com:8443/orders/7",
            "https://api.example.com:/orders/8",
            "https://api.example.org/orders/7",
            "https://api.example.com.evil/orders/7",
            "https://api.example.com@evil/orders/7",
            "https://x@api.example.com/orders/7",
            "https://api.example.com/orders/7/",
            "https://api.example.com/Orders/7",
            "https://api.example.com/orders/./7",
            "https://api.example.com/orders%2F7",
            "https://api.example.com/orders/7%",
            "https://api.example.com/orders/7\u{e9}",
            "/orders/7",
            "ftp://api.example.com/orders/7",
            "https:///orders/7",
            "https://api.example.com:99999/orders/7",
            "https://api.example.com:x/orders/7",
        ] {
            assert!(!same_target(other, ours), "{other}");
        }
        assert!(same_target("http://[::1]:8080/", "http://[::1]:8080"));
        assert!(!same_target("http://[::1]:8080/", "http://[::1]/"));
        assert!(same_target("http://a/%2f%2F", "http://a/%2F%2f"));
        assert!(!same_target("http://a/%2f", "http://a//"));
    }
}
