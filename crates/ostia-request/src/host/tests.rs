use proptest::prelude::*;

use super::*;

/// LESSONS 1.3 (comma in authority), section 4 (Envoy: `app.test:80x`), PINGORA 2 row 7 (userinfo).
#[test]
fn hosts_outside_the_grammar_are_refused() {
    for (host, reason) in [
        ("", HostRefused::Empty),
        (".", HostRefused::Empty),
        (":80", HostRefused::Empty),
        ("a,b", HostRefused::Character),
        ("a, b", HostRefused::Character),
        ("user@a", HostRefused::Character),
        ("user:pass@a", HostRefused::Port),
        ("a%2eb", HostRefused::Character),
        ("a/b", HostRefused::Character),
        ("a\\b", HostRefused::Character),
        ("a#b", HostRefused::Character),
        ("a?b", HostRefused::Character),
        ("a b", HostRefused::Character),
        (" a", HostRefused::Character),
        ("a\t", HostRefused::Character),
        ("a\0", HostRefused::Character),
        ("*.example.com", HostRefused::Character),
        ("b\u{fc}cher.example", HostRefused::Character),
        ("a;b", HostRefused::Character),
        ("a..b", HostRefused::Label),
        (".a", HostRefused::Label),
        ("a..", HostRefused::Label),
        ("a:", HostRefused::Port),
        ("a:0", HostRefused::Port),
        ("a:080", HostRefused::Port),
        ("a:80x", HostRefused::Port),
        ("a:+80", HostRefused::Port),
        ("a:65536", HostRefused::Port),
        ("a:99999999999999999999", HostRefused::Port),
        ("a:80:80", HostRefused::Port),
        ("127.1", HostRefused::Address4),
        ("2130706433", HostRefused::Address4),
        ("0x7f.0.0.1", HostRefused::Address4),
        ("0x7f000001", HostRefused::Address4),
        ("1.2.3.4.5", HostRefused::Address4),
        ("256.0.0.1", HostRefused::Address4),
        ("01.2.3.4", HostRefused::Address4),
        ("example.0x", HostRefused::Address4),
        ("::1", HostRefused::Port),
        ("[::1", HostRefused::Address6),
        ("[]", HostRefused::Address6),
        ("[v1.a]", HostRefused::Address6),
        ("[fe80::1%25eth0]", HostRefused::Address6),
        ("[127.0.0.1]", HostRefused::Address6),
        ("[::1]x", HostRefused::Character),
        ("[::1]80", HostRefused::Character),
        ("[::1]:", HostRefused::Port),
    ] {
        assert_eq!(Host::parse(host.as_bytes()), Err(reason), "{host:?}");
    }
    assert_eq!(Host::parse(&[0xff]), Err(HostRefused::Character));
    assert_eq!(Host::parse("a".repeat(64).as_bytes()), Err(HostRefused::Label));
    assert_eq!(Host::parse("a.".repeat(127).as_bytes()).map(|host| host.name().len()), Ok(253));
    assert_eq!(Host::parse(format!("{}a", "a.".repeat(127)).as_bytes()), Err(HostRefused::Label));
}

#[test]
fn hosts_are_read_in_lower_case_without_trailing_dot() {
    for (host, name, port) in [
        ("example.com", "example.com", None),
        ("Example.COM:8443", "example.com", Some(8443)),
        ("example.com.", "example.com", None),
        ("example.com.:80", "example.com", Some(80)),
        ("localhost", "localhost", None),
        ("my_service", "my_service", None),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", None),
        ("1password.example", "1password.example", None),
        ("192.0.2.1", "192.0.2.1", None),
        ("192.0.2.1:65535", "192.0.2.1", Some(65535)),
        ("0.0.0.0:1", "0.0.0.0", Some(1)),
        ("[::1]", "[::1]", None),
        ("[2001:DB8:0:0:0:0:0:1]:443", "[2001:db8::1]", Some(443)),
        ("[::ffff:192.0.2.1]", "[::ffff:192.0.2.1]", None),
        ("0x7f.example", "0x7f.example", None),
    ] {
        let read = Host::parse(host.as_bytes()).expect(host);
        assert_eq!((read.name(), read.port()), (name, port), "{host}");
    }
}

#[test]
fn a_lower_case_name_is_not_copied() {
    assert!(matches!(Host::parse(b"example.com:80").map(|host| host.name), Ok(Cow::Borrowed(_))));
}

/// The same grammar, written as one thinks of it.
fn slowly(text: &[u8]) -> Option<(String, Option<u16>)> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.is_ascii())?;
    let (name, port) = if let Some(rest) = text.strip_prefix('[') {
        let (address, after) = rest.split_once(']')?;
        (format!("[{}]", address.parse::<Ipv6Addr>().ok()?), after.to_owned())
    } else {
        let (name, port) =
            text.split_once(':').map_or((text, String::new()), |(name, port)| (name, format!(":{port}")));
        (name.strip_suffix('.').unwrap_or(name).to_lowercase(), port)
    };
    let port = match port.strip_prefix(':') {
        Some(digits) => {
            Some(digits.parse::<u16>().ok().filter(|&port| port > 0 && port.to_string() == digits)?)
        }
        None if port.is_empty() => None,
        None => return None,
    };
    if name.starts_with('[') {
        return Some((name, port));
    }
    let labels: Vec<&str> = name.split('.').collect();
    let is_label = |label: &&str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_'))
    };
    let last = labels.last()?;
    let is_number = last.chars().all(|c| c.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|digits| digits.chars().all(|c| c.is_ascii_hexdigit()));
    let is_address = name.parse::<Ipv4Addr>().is_ok();
    (labels.iter().all(is_label) && name.len() <= 253 && (!is_number || is_address)).then_some((name, port))
}

proptest! {
    #[test]
    fn the_fast_reading_agrees_with_the_slow_one(
        text in r"[aZ9x\-_.:\[\]@,% 0]{0,12}|[0-9.]{1,15}(:[0-9]{0,6})?|\[[0-9a-f:.]{0,20}\](:[0-9]{0,6})?|[a-z.]{0,300}"
    ) {
        let fast = Host::parse(text.as_bytes()).ok().map(|host| (host.name().to_owned(), host.port()));
        prop_assert_eq!(fast, slowly(text.as_bytes()));
    }

    #[test]
    fn what_was_read_reads_the_same_again(text in r"[aZ9\-_.]{1,12}(:[1-9][0-9]{0,3})?") {
        if let Ok(host) = Host::parse(text.as_bytes()) {
            let written = host.to_string();
            prop_assert_eq!(Host::parse(written.as_bytes()), Ok(host));
        }
    }
}
