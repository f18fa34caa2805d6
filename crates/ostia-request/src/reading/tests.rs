use std::collections::BTreeSet;

use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

use super::*;

fn kept(path: &str) -> BTreeSet<String> {
    let readings = readings(path).expect("few readings");
    readings
        .iter()
        .filter(|reading| reading.case == Case::Kept)
        .map(|reading| String::from_utf8_lossy(&reading.bytes).into_owned())
        .collect()
}

fn folded(path: &str) -> Vec<String> {
    let readings = readings(path).expect("few readings");
    readings
        .iter()
        .filter(|reading| reading.case == Case::Folded)
        .map(|reading| String::from_utf8_lossy(&reading.bytes).into_owned())
        .collect()
}

#[test]
fn a_plain_path_has_no_other_reading() {
    for path in
        ["/", "/a/b.html", "/.well-known/x", "/Admin/..x", "/a-b_c~d!e$f&g'h(i)j*k+l,m=n:o@p", "/a..", "/..."]
    {
        assert!(readings(path).is_ok_and(|readings| readings.is_empty()), "{path}");
    }
}

/// PINGORA 2 row 1, LESSONS S2, Traefik CVE-2026-48020, Envoy 1.40 and HAProxy 2.6 as measured.
#[test]
fn the_reading_that_a_backend_would_serve_is_among_them() {
    for (path, reading) in [
        ("/public/../admin", "/admin"),
        ("/public/./../admin", "/admin"),
        ("/public/%2e%2e/admin", "/admin"),
        ("/public/.%2E/admin", "/admin"),
        ("/public%2f..%2fadmin", "/admin"),
        ("/public/..%2fadmin", "/admin"),
        ("/public/..%252fadmin", "/admin"),
        ("/public/%252e%252e/admin", "/admin"),
        ("/public/..%5cadmin", "/admin"),
        ("/public/..%255cadmin", "/admin"),
        ("/public/..;/admin", "/admin"),
        ("/public/..;a=b/admin", "/admin"),
        ("/public/..%3b/admin", "/admin"),
        ("/public/.;x/..;y/admin", "/admin"),
        ("//admin", "/admin"),
        ("/public/..//admin", "/admin"),
        ("///public///..///admin", "/admin"),
        ("/%61dmin", "/admin"),
        ("/%2561dmin", "/admin"),
        ("/admin;x", "/admin"),
        ("/admin;/x", "/admin/x"),
        ("/admin%23/public", "/admin"),
        ("/admin%3F/public", "/admin"),
        ("/admin%0d/public", "/admin"),
        ("/admin%0a/public", "/admin"),
        ("/admin%2500/public", "/admin"),
        ("/public/%c0%ae%c0%ae%c0%afadmin", "/admin"),
        ("/public/%ef%bc%8e%ef%bc%8e%ef%bc%8fadmin", "/admin"),
        ("/%ef%bd%81dmin", "/admin"),
        ("/public/%ef%bc%85%32e%ef%bc%85%32e/admin", "/admin"),
        ("/a/b/../../admin", "/admin"),
        ("/../../admin", "/admin"),
        ("/public/..", "/"),
        ("/public/x/..", "/public/"),
        ("/public/.", "/public/"),
        ("/public/100%25", "/public/100%"),
        ("/a%2Fb", "/a/b"),
    ] {
        assert!(kept(path).contains(reading), "{path} has {:?}", kept(path));
    }
}

#[test]
fn harmless_encodings_have_few_readings() {
    for (path, expected) in [
        ("/public/100%25", &["/public/100%"][..]),
        ("/a%2Fb", &["/a/b"]),
        ("/a%20b", &["/a b"]),
        ("/a;v=1/b", &["/a/b"]),
        ("/caf%C3%A9", &["/caf\u{e9}"]),
        ("/a//b", &["/a/b"]),
    ] {
        assert_eq!(kept(path), expected.iter().map(ToString::to_string).collect(), "{path}");
    }
    let within = "/proxy/https%253A%252F%252Fexample.com%252Fa%253Fb%253Dc%2523d;v=1/x";
    assert!(readings(within).is_ok(), "an address within an address, encoded twice");
}

#[test]
fn letters_outside_ascii_are_folded() {
    assert_eq!(folded("/%E2%84%AAey"), ["/key"]);
    assert_eq!(folded("/%C5%BFecret"), ["/secret"]);
    assert_eq!(folded("/Gr%C3%B6%C3%9Fe"), ["/gr\u{f6}sse"]);
    assert_eq!(folded("/adm%C4%B1n"), ["/admin"]);
    assert_eq!(folded("/Admin%2F"), [""; 0], "ASCII is left to the comparison");
}

#[test]
fn paths_made_to_be_read_differently_are_refused() {
    let wild = "/a;b/%252e;c/..%255c/%253bd%2523e%253ff%250ag%250dh/%2500//i%EF%BC%8E/%C0%AF/%252F%255C;j";
    assert_eq!(readings(wild).map(|_| ()), Err(TooManyReadings));
    let long = format!("/{}", "%252e%252e//;x\\".repeat(2000));
    assert_eq!(readings(&long).map(|_| ()), Err(TooManyReadings));
}

/// Readings as one thinks of them: every step on every path, again and again.
mod slow {
    use super::*;

    fn replace(path: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
        match path.windows(from.len()).position(|window| window == from) {
            Some(at) => [&path[..at], to, &replace(&path[at + from.len()..], from, to)].concat(),
            None => path.to_vec(),
        }
    }

    fn decode(path: &[u8]) -> Vec<u8> {
        let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
        match path {
            [b'%', high, low, rest @ ..] if digit(*high).is_some() && digit(*low).is_some() => {
                [&[digit(*high).unwrap() * 16 + digit(*low).unwrap()], &*decode(rest)].concat()
            }
            [first, rest @ ..] => [&[*first], &*decode(rest)].concat(),
            [] => Vec::new(),
        }
    }

    /// RFC 3986 5.2.4, to the letter.
    fn remove_dot_segments(path: &[u8]) -> Vec<u8> {
        let (mut input, mut output) = (path.to_vec(), Vec::new());
        while !input.is_empty() {
            if input.starts_with(b"/./") {
                input.drain(..2);
            } else if input == b"/." {
                input = b"/".to_vec();
            } else if input.starts_with(b"/../") || input == b"/.." {
                input = if input == b"/.." { b"/".to_vec() } else { input[3..].to_vec() };
                output.truncate(output.iter().rposition(|&byte| byte == b'/').unwrap_or(0));
            } else {
                let end =
                    input.iter().skip(1).position(|&byte| byte == b'/').map_or(input.len(), |at| at + 1);
                output.extend(input.drain(..end));
            }
        }
        output
    }

    fn merge(path: &[u8]) -> Vec<u8> {
        let merged = replace(path, b"//", b"/");
        if merged == path { merged } else { merge(&merged) }
    }

    fn parameters(path: &[u8]) -> Vec<u8> {
        let segments = path.split(|&byte| byte == b'/');
        let bare: Vec<&[u8]> =
            segments.map(|segment| segment.split(|&byte| byte == b';').next().unwrap()).collect();
        bare.join(&b'/')
    }

    fn overlong(path: &[u8]) -> Vec<u8> {
        (0..128_u8).fold(path.to_vec(), |path, ascii| {
            replace(&path, &[0xc0 | (ascii >> 6), 0x80 | (ascii & 0x3f)], &[ascii])
        })
    }

    fn compose(path: &[u8]) -> Vec<u8> {
        std::str::from_utf8(path).map_or(path.to_vec(), |text| text.nfkc().collect::<String>().into_bytes())
    }

    fn neighbours(path: &[u8]) -> Vec<Vec<u8>> {
        let mut all = vec![
            replace(path, b"\\", b"/"),
            merge(path),
            remove_dot_segments(path),
            parameters(path),
            overlong(path),
            compose(path),
        ];
        all.extend(
            [b'\0', b'\r', b'\n', b'#', b'?']
                .map(|end| path.split(|&byte| byte == end).next().unwrap().to_vec()),
        );
        all
    }

    pub(super) fn readings(path: &[u8]) -> BTreeSet<Vec<u8>> {
        let mut seen = BTreeSet::new();
        let mut open = vec![(path.to_vec(), 0)];
        while let Some((path, decoded)) = open.pop() {
            if seen.insert((path.clone(), decoded)) {
                open.extend(neighbours(&path).into_iter().map(|neighbour| (neighbour, decoded)));
                if decoded < 2 {
                    open.push((decode(&path), decoded + 1));
                }
            }
        }
        let mut readings: BTreeSet<_> = seen.into_iter().map(|(path, _)| path).collect();
        readings.remove(path);
        readings
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_fast_readings_agree_with_the_slow_ones(
        path in r"/(a|B|/|\.|\.\.|;|\\|\?|#|%25|%2e|%2f|%5C|%3b|%00|%0a|%23|%c0|%ae|%ef%bc%8e|%|2|e){0,9}"
    ) {
        let slow = slow::readings(path.as_bytes());
        match readings(&path) {
            Ok(fast) => {
                let kept: BTreeSet<Vec<u8>> =
                    fast.iter().filter(|reading| reading.case == Case::Kept).map(|reading| reading.bytes.to_vec()).collect();
                prop_assert_eq!(kept.len(), fast.iter().filter(|reading| reading.case == Case::Kept).count());
                prop_assert_eq!(kept, slow);
            }
            Err(TooManyReadings) => prop_assert!(slow.len() > MOST_READINGS / 2, "only {} readings", slow.len()),
        }
    }

    #[test]
    fn every_reading_begins_with_a_slash(path in r"/[a%2eEfF0-9.;/?#\\]{0,20}") {
        if let Ok(readings) = readings(&path) {
            for reading in readings.iter() {
                prop_assert_eq!(reading.bytes.first(), Some(&b'/'));
            }
        }
    }

    #[test]
    fn nothing_panics_on_arbitrary_text(path in r"\PC{0,60}") {
        let _ = readings(&path);
    }
}
