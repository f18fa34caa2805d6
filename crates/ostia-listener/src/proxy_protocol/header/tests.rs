//! Tests.

use super::*;

fn addresses(source: &str, destination: &str) -> Told {
    Told::Addresses { source: source.parse().unwrap(), destination: destination.parse().unwrap() }
}

fn v2_header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [PROTOCOL_PREFIX, &[0x20 | command, family], &length, rest].concat()
}

const V4: &[u8] = &[192, 0, 2, 1, 198, 51, 100, 2, 0x30, 0x39, 0x01, 0xbb];

fn v6() -> Vec<u8> {
    let [one, two] =
        ["2001:db8::1", "2001:db8::2"].map(|text| text.parse::<std::net::Ipv6Addr>().unwrap().octets());
    [&one[..], &two[..], &[0x30, 0x39, 0x01, 0xbb]].concat()
}

#[test]
fn headers_tell_their_addresses_and_leave_what_follows() {
    let four = addresses("192.0.2.1:12345", "198.51.100.2:443");
    let six = addresses("[2001:db8::1]:12345", "[2001:db8::2]:443");
    let tlv = [V4, &[0x04, 0, 2, 1, 2]].concat();
    for (header, told) in [
        (b"PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n".to_vec(), four),
        (b"PROXY TCP6 2001:db8::1 2001:db8::2 12345 443\r\n".to_vec(), six),
        (b"PROXY UNKNOWN\r\n".to_vec(), Told::Nobody),
        (b"PROXY UNKNOWN ffff:f::1 ffff:f::2 65535 65535\r\n".to_vec(), Told::Nobody),
        (v2_header(1, 0x11, V4), four),
        (v2_header(1, 0x11, &tlv), four),
        (v2_header(1, 0x21, &v6()), six),
        (v2_header(0, 0x00, &[]), Told::Nobody),
        (v2_header(0, 0x11, V4), Told::Nobody),
        (v2_header(1, 0x00, &[]), Told::Nobody),
        (v2_header(1, 0x12, V4), Told::Nobody),
        (v2_header(1, 0x31, &[0; 216]), Told::Nobody),
    ] {
        let length = header.len();
        let followed = [&header[..], b"GET / HTTP/1.1\r\n"].concat();
        assert_eq!(
            parse(&followed),
            Parsed::Header { length, told },
            "{:?}",
            String::from_utf8_lossy(&header)
        );
        for end in 0..length {
            assert_eq!(
                parse(&header[..end]),
                Parsed::Partial,
                "{end} of {:?}",
                String::from_utf8_lossy(&header)
            );
        }
    }
}

#[test]
fn what_begins_as_a_header_and_is_none_is_malformed() {
    let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(100));
    for bytes in [
        &b"PROXY TCP4 192.0.2.1 198.51.100.2 12345\r\n"[..],
        b"PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 +12345 443\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 012345 443\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n",
        b"PROXY TCP4 192.0.2.01 198.51.100.2 12345 443\r\n",
        b"PROXY TCP4 2001:db8::1 2001:db8::2 12345 443\r\n",
        b"PROXY TCP4  192.0.2.1 198.51.100.2 12345 443\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 12345 443 \r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\r\n",
        b"PROXY TCP6 ::1%eth0 ::1 1 2\r\n",
        b"PROXY UDP4 192.0.2.1 198.51.100.2 12345 443\r\n",
        b"PROXY \r\n",
        b"PROXY tcp4 192.0.2.1 198.51.100.2 12345 443\r\n",
        long.as_bytes(),
        &v2_header(2, 0x11, V4),
        &v2_header(1, 0x41, V4),
        &v2_header(1, 0x13, V4),
        &v2_header(1, 0x11, &V4[1..]),
        &v2_header(1, 0x21, V4),
        &v2_header(1, 0x11, &[0; 4081]),
        &[PROTOCOL_PREFIX, &[0x11, 0x11, 0, 12], V4].concat(),
    ] {
        assert_eq!(parse(bytes), Parsed::Malformed, "{:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn what_begins_otherwise_has_no_header() {
    for bytes in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"POST",
        b"\x16\x03\x01",
        b"\r\n\r\n\0\r\nQUIT\r",
        b"PROXYx",
        b"PRI * HTTP/2.0",
    ] {
        assert_eq!(parse(bytes), Parsed::Absent, "{:?}", String::from_utf8_lossy(bytes));
    }
    assert_eq!(parse(b""), Parsed::Partial);
    assert_eq!(parse(b"P"), Parsed::Partial);
}

#[test]
fn the_corpus_keeps_to_the_rules() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/proxy_header");
    let mut replayed = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        fuzz(&std::fs::read(entry.unwrap().path()).unwrap());
        replayed += 1;
    }
    assert!(replayed >= 8, "{replayed}");
}

#[test]
fn random_changes_of_headers_keep_to_the_rules() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let seeds = [
        b"PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\nGET".to_vec(),
        b"PROXY UNKNOWN\r\n".to_vec(),
        v2_header(1, 0x11, V4),
        v2_header(1, 0x21, &v6()),
    ];
    for _ in 0..2000 {
        let mut bytes = seeds[usize::try_from(random() % 4).unwrap()].clone();
        for _ in 0..random() % 4 {
            let at = usize::try_from(random()).unwrap_or(0) % bytes.len();
            bytes[at] = random().to_le_bytes()[0];
        }
        fuzz(&bytes);
    }
}
