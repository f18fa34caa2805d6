//! Whose request it is: exactly one host, by a narrow grammar.

use super::{Case, arrives, at, refused};

const GROUP: &str = "host";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = values();
    cases.extend(lines());
    for (name, host) in [
        ("a host in capitals", "APP.TEST"),
        ("a host with a dot behind", "app.test."),
        ("a host with a port", "app.test:8080"),
        ("blanks around the host", " \t app.test \t "),
    ] {
        cases.push(arrives(GROUP, name, with_host(host), at("/x")));
    }
    cases
}

fn with_host(host: &str) -> String {
    format!("GET /x HTTP/1.1\r\nHost: {host}\r\n\r\n")
}

fn values() -> Vec<Case> {
    let long_label = "a".repeat(64);
    let long_name = "a.".repeat(127) + "test";
    let hosts: [(&str, &str); 26] = [
        ("an empty host", ""),
        ("a host with a path", "app.test/x"),
        ("a host with a query", "app.test?x"),
        ("a host with a fragment", "app.test#x"),
        ("a host with a backslash", "app.test\\x"),
        ("a user", "user@app.test"),
        ("a user that looks like our host", "app.test@evil.test"),
        ("a list of hosts", "app.test,evil.test"),
        ("two hosts with a blank", "app.test evil.test"),
        ("a tab inside of a host", "app\t.test"),
        ("a percent sign", "app%2etest"),
        ("a host that is no ASCII", "\u{e4}pp.test"),
        ("an empty label", "app..test"),
        ("a dot first", ".app.test"),
        ("two dots behind", "app.test.."),
        ("a label of 64 letters", &long_label),
        ("a name of 258 letters", &long_name),
        ("a port with letters", "app.test:80x"),
        ("no port behind the colon", "app.test:"),
        ("port 0", "app.test:0"),
        ("a port over 65535", "app.test:65536"),
        ("a port with a leading zero", "app.test:080"),
        ("two ports", "app.test:80:80"),
        ("an address of three parts", "127.0.1"),
        ("a hexadecimal address", "0x7f.0.0.1"),
        ("an open bracket", "[::1"),
    ];
    hosts.into_iter().map(|(name, host)| refused(GROUP, name, 400, with_host(host))).collect()
}

fn lines() -> Vec<Case> {
    let heads: [(&str, &str); 9] = [
        ("no host", "GET /x HTTP/1.1\r\n\r\n"),
        ("no host in HTTP/1.0", "GET /x HTTP/1.0\r\n\r\n"),
        ("the same host twice", "GET /x HTTP/1.1\r\nHost: app.test\r\nHost: app.test\r\n\r\n"),
        ("two hosts", "GET /x HTTP/1.1\r\nHost: app.test\r\nHost: evil.test\r\n\r\n"),
        ("two hosts in two cases", "GET /x HTTP/1.1\r\nHost: evil.test\r\nhOST: app.test\r\n\r\n"),
        ("a blank before the colon of the host", "GET /x HTTP/1.1\r\nHost : app.test\r\n\r\n"),
        ("a host on a folded line", "GET /x HTTP/1.1\r\nHost:\r\n app.test\r\n\r\n"),
        ("a fold before the host", "GET /x HTTP/1.1\r\n Host: app.test\r\n\r\n"),
        ("no host beside the absolute form", "GET http://app.test/x HTTP/1.1\r\n\r\n"),
    ];
    heads.into_iter().map(|(name, head)| refused(GROUP, name, 400, head)).collect()
}
