//! The request line: method, target, version.

use super::{Case, arrives, at, refused};

const GROUP: &str = "target";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = lines();
    cases.extend(targets());
    cases.extend(fine());
    let long = format!("/{}", "a".repeat(9000));
    cases.push(arrives(GROUP, "a target of 9 KB", line(&format!("GET {long} HTTP/1.1")), at(&long)));
    let longer = "a".repeat(70_000);
    cases.push(refused(GROUP, "a target of 70 KB", 431, line(&format!("GET /{longer} HTTP/1.1"))));
    cases.push(refused(GROUP, "a method of 70 KB", 431, line(&format!("{longer} /x HTTP/1.1"))));
    cases
}

fn line(line: &str) -> String {
    format!("{line}\r\nHost: app.test\r\n\r\n")
}

fn lines() -> Vec<Case> {
    let lines: [(&str, u16, &str); 27] = [
        ("two blanks behind the method", 400, "GET  /x HTTP/1.1"),
        ("two blanks before the version", 400, "GET /x  HTTP/1.1"),
        ("a blank behind the version", 400, "GET /x HTTP/1.1 "),
        ("a blank before the method", 400, " GET /x HTTP/1.1"),
        ("tabs between the words", 400, "GET\t/x\tHTTP/1.1"),
        ("a vertical tab between the words", 400, "GET\u{b}/x HTTP/1.1"),
        ("no target", 400, "GET HTTP/1.1"),
        ("an empty target", 400, "GET  HTTP/1.1"),
        ("no version", 400, "GET /x"),
        ("a version in small letters", 400, "GET /x http/1.1"),
        ("HTTP/1.2", 400, "GET /x HTTP/1.2"),
        ("HTTP/1.10", 400, "GET /x HTTP/1.10"),
        ("HTTP/01.1", 400, "GET /x HTTP/01.1"),
        ("HTTP/2.0", 400, "GET /x HTTP/2.0"),
        ("HTTP/0.9", 400, "GET /x HTTP/0.9"),
        ("HTTP/3", 400, "GET /x HTTP/3"),
        ("another protocol", 400, "GET /x ICY/1.1"),
        ("a version with a plus sign", 400, "GET /x HTTP/+1.1"),
        ("a blank inside of the version", 400, "GET /x HTTP/ 1.1"),
        ("a method with an equals sign", 400, "G=T /x HTTP/1.1"),
        ("a method with NUL", 400, "GET\0 /x HTTP/1.1"),
        ("a method that is no ASCII", 400, "G\u{c9}T /x HTTP/1.1"),
        ("CONNECT to another host", 400, "CONNECT evil.test:443 HTTP/1.1"),
        ("CONNECT with a path", 405, "CONNECT /x HTTP/1.1"),
        ("TRACE", 405, "TRACE /x HTTP/1.1"),
        ("TRACK", 405, "TRACK /x HTTP/1.1"),
        ("a request that is only a bare LF away", 400, "GET /x HTTP/1.1\nX: 1"),
    ];
    let mut cases: Vec<Case> =
        lines.into_iter().map(|(name, status, text)| refused(GROUP, name, status, line(text))).collect();
    cases.push(refused(GROUP, "bare LF all over", 400, "GET /x HTTP/1.1\nHost: app.test\n\n"));
    cases.push(refused(GROUP, "two empty lines first", 400, format!("\r\n\r\n{}", line("GET /x HTTP/1.1"))));
    cases.push(refused(GROUP, "a bare LF first", 400, format!("\n{}", line("GET /x HTTP/1.1"))));
    cases
}

fn targets() -> Vec<Case> {
    let targets: [(&str, u16, &[u8]); 25] = [
        ("a fragment", 400, b"/x#y"),
        ("a fragment behind a query", 400, b"/x?y#z"),
        ("a backslash", 400, b"/a\\b"),
        ("a backslash first", 400, b"\\x"),
        ("a blank in the path", 400, b"/a b"),
        ("a blank in the query", 400, b"/a?b c"),
        ("a tab in the path", 400, b"/a\tb"),
        ("NUL in the path", 400, b"/a\0b"),
        ("an encoded NUL", 400, b"/a%00b"),
        ("a control", 400, b"/a\x01b"),
        ("a bare CR in the path", 400, b"/a\rb"),
        ("DEL", 400, b"/a\x7fb"),
        ("a byte that is no UTF-8", 400, b"/a\xffb"),
        ("raw UTF-8", 400, "/caf\u{e9}".as_bytes()),
        ("a percent sign alone", 400, b"/100%"),
        ("a percent sign before letters", 400, b"/a%zzb"),
        ("an encoding of another kind", 400, b"/a%u002fb"),
        ("an asterisk", 400, b"*"),
        ("a path that does not begin with a slash", 400, b"x"),
        ("absolute form of another host", 400, b"http://evil.test/x"),
        ("absolute form with a user", 400, b"http://app.test@evil.test/x"),
        ("absolute form with a user of our host", 400, b"http://a@app.test/x"),
        ("absolute form without a host", 400, b"http:///x"),
        ("absolute form with one slash", 400, b"http:/app.test/x"),
        ("a scheme nobody speaks", 400, b"ftp://app.test/x"),
    ];
    let request = |target: &[u8]| [b"GET ", target, b" HTTP/1.1\r\nHost: app.test\r\n\r\n"].concat();
    targets.into_iter().map(|(name, status, target)| refused(GROUP, name, status, request(target))).collect()
}

fn fine() -> Vec<Case> {
    let same = [
        ("dot segments", "/a/../b/./c"),
        ("encoded dot segments", "/a/%2e%2E/b"),
        ("several slashes", "//a///b"),
        ("an encoded slash", "/a%2Fb%2fc"),
        ("an encoded backslash", "/a%5cb"),
        ("encoded twice", "/a%252fb"),
        ("an encoded percent sign", "/100%25"),
        ("parameters", "/a;x=1/b;y"),
        ("every other sign", "/~a-b_c.d!e$f&g'h(i)j*k+l,m=n:o@p"),
        ("letters that could be decoded", "/%61%62"),
        ("an empty query", "/x?"),
        ("a query with everything", "/x?a=/../b&c=%2e%2e;d=//e?f"),
        ("a colon first", "/:x"),
    ];
    let mut cases: Vec<Case> = same
        .into_iter()
        .map(|(name, target)| arrives(GROUP, name, line(&format!("GET {target} HTTP/1.1")), at(target)))
        .collect();
    cases.push(arrives(GROUP, "one empty line first", format!("\r\n{}", line("GET /x HTTP/1.1")), at("/x")));
    cases.push(arrives(GROUP, "absolute form", line("GET http://app.test/x?y HTTP/1.1"), at("/x?y")));
    cases.push(arrives(GROUP, "absolute form without a path", line("GET http://app.test HTTP/1.1"), at("/")));
    cases.push(arrives(
        GROUP,
        "absolute form with a scheme in capitals",
        line("GET HTTP://app.test/x HTTP/1.1"),
        at("/x"),
    ));
    cases.push(arrives(GROUP, "a method nobody knows", line("PROPFIND /x HTTP/1.1"), at("/x")));
    cases
}
