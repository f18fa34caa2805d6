//! Where the body begins to be described: `Content-Length` and `Transfer-Encoding`.

use super::{Arrival, Case, arrives, at, post, refused, with_body};

const GROUP: &str = "framing";

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = lengths().into_iter().chain(codings()).collect();
    cases.extend(fine());
    cases
}

fn lengths() -> Vec<Case> {
    let lines: [(&str, &str); 30] = [
        ("a length and a coding", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
        ("a coding and a length", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
        ("the same length twice", "Content-Length: 5\r\nContent-Length: 5\r\n"),
        ("two lengths", "Content-Length: 5\r\nContent-Length: 6\r\n"),
        ("two lengths in two cases", "Content-Length: 5\r\ncontent-length: 0\r\n"),
        ("a list of one length", "Content-Length: 5, 5\r\n"),
        ("a list of lengths", "Content-Length: 5, 6\r\n"),
        ("a list that ends in nothing", "Content-Length: 5,\r\n"),
        ("a list that begins with nothing", "Content-Length: ,5\r\n"),
        ("a plus sign", "Content-Length: +5\r\n"),
        ("a minus sign", "Content-Length: -5\r\n"),
        ("minus zero", "Content-Length: -0\r\n"),
        ("a hexadecimal length", "Content-Length: 0x5\r\n"),
        ("a blank inside", "Content-Length: 5 5\r\n"),
        ("an underscore inside", "Content-Length: 5_0\r\n"),
        ("a fraction", "Content-Length: 5.0\r\n"),
        ("an exponent", "Content-Length: 5e0\r\n"),
        ("a semicolon behind", "Content-Length: 5;\r\n"),
        ("a length in quotes", "Content-Length: \"5\"\r\n"),
        ("letters", "Content-Length: five\r\n"),
        ("no digits at all", "Content-Length:\r\n"),
        ("Arabic digits", "Content-Length: \u{665}\r\n"),
        ("one more than 63 bits", "Content-Length: 9223372036854775808\r\n"),
        ("a length that wraps to 5 in 64 bits", "Content-Length: 18446744073709551621\r\n"),
        ("a length that wraps to 5 in 32 bits, with a sign", "Content-Length: +4294967301\r\n"),
        ("thirty digits", "Content-Length: 000000000000000000000000000005\r\n"),
        ("a vertical tab before the length", "Content-Length: \u{b}5\r\n"),
        ("NUL behind the length", "Content-Length: 5\0\r\n"),
        ("a blank before the colon of a length", "Content-Length : 5\r\n"),
        ("a length on a folded line", "Content-Length:\r\n 5\r\n"),
    ];
    lines.into_iter().map(|(name, lines)| refused(GROUP, name, 400, post(lines, "hello"))).collect()
}

fn codings() -> Vec<Case> {
    let lines: [(&str, &str); 28] = [
        ("a coding nobody knows", "Transfer-Encoding: xchunked\r\n"),
        ("a coding that begins like chunked", "Transfer-Encoding: chunked-\r\n"),
        ("chunked cut short", "Transfer-Encoding: chunke\r\n"),
        ("chunked twice in a list", "Transfer-Encoding: chunked, chunked\r\n"),
        ("chunked twice in two lines", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        (
            "chunked and identity in two lines",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        ),
        (
            "identity and chunked in two lines",
            "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        ),
        ("chunked, then gzip", "Transfer-Encoding: chunked, gzip\r\n"),
        ("gzip, then chunked", "Transfer-Encoding: gzip, chunked\r\n"),
        ("identity", "Transfer-Encoding: identity\r\n"),
        ("identity, then chunked", "Transfer-Encoding: identity, chunked\r\n"),
        ("chunked, then identity", "Transfer-Encoding: chunked, identity\r\n"),
        ("chunked and a comma", "Transfer-Encoding: chunked,\r\n"),
        ("a comma and chunked", "Transfer-Encoding: ,chunked\r\n"),
        ("an empty coding", "Transfer-Encoding:\r\n"),
        ("a parameter of chunked", "Transfer-Encoding: chunked;q=1\r\n"),
        ("chunked in quotes", "Transfer-Encoding: \"chunked\"\r\n"),
        ("chunked behind a word", "Transfer-Encoding: x chunked\r\n"),
        ("a vertical tab before chunked", "Transfer-Encoding: \u{b}chunked\r\n"),
        ("a form feed behind chunked", "Transfer-Encoding: chunked\u{c}\r\n"),
        ("NUL behind chunked", "Transfer-Encoding: chunked\0\r\n"),
        ("a no-break space behind chunked", "Transfer-Encoding: chunked\u{a0}\r\n"),
        ("chunked with a Kelvin sign", "Transfer-Encoding: chun\u{212a}ed\r\n"),
        ("a blank before the colon of a coding", "Transfer-Encoding : chunked\r\n"),
        ("a tab before the colon of a coding", "Transfer-Encoding\t: chunked\r\n"),
        ("a coding on a folded line", "Transfer-Encoding:\r\n chunked\r\n"),
        ("a line end before the colon of a coding", "Transfer-Encoding\r\n: chunked\r\n"),
        ("a vertical tab before the name of a coding", "\u{b}Transfer-Encoding: chunked\r\n"),
    ];
    let body = "5\r\nhello\r\n0\r\n\r\n";
    let mut cases: Vec<Case> =
        lines.into_iter().map(|(name, lines)| refused(GROUP, name, 400, post(lines, body))).collect();
    let old = "POST /x HTTP/1.0\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    cases.push(refused(GROUP, "chunked in HTTP/1.0", 400, old));
    cases
}

fn fine() -> Vec<Case> {
    let hello = with_body("/x", "hello");
    let chunked = "5\r\nhello\r\n0\r\n\r\n";
    let dropped = |name: &'static str| Arrival { without: vec_of(name), ..hello.clone() };
    vec![
        arrives(GROUP, "a plain length", post("Content-Length: 5\r\n", "hello"), hello.clone()),
        arrives(GROUP, "blanks around a length", post("Content-Length: \t 5 \t\r\n", "hello"), hello.clone()),
        arrives(GROUP, "leading zeros", post("Content-Length: 0005\r\n", "hello"), hello.clone()),
        arrives(GROUP, "no body at all", post("", ""), at("/x")),
        arrives(GROUP, "a length of nothing", post("Content-Length: 0\r\n", ""), at("/x")),
        arrives(GROUP, "plain chunked", post("Transfer-Encoding: chunked\r\n", chunked), hello.clone()),
        arrives(GROUP, "chunked in capitals", post("transfer-ENCODING: CHUNKED\r\n", chunked), hello.clone()),
        arrives(
            GROUP,
            "a tab before chunked",
            post("Transfer-Encoding:\tchunked\r\n", chunked),
            hello.clone(),
        ),
        arrives(
            GROUP,
            "a body on GET",
            "GET /x HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\n\r\nhello",
            hello.clone(),
        ),
        arrives(
            GROUP,
            "a coding with an underscore beside a length",
            post("Transfer_Encoding: chunked\r\nContent-Length: 5\r\n", "hello"),
            dropped("transfer_encoding"),
        ),
        arrives(
            GROUP,
            "a length with an underscore beside a coding",
            post("Content_Length: 3\r\nTransfer-Encoding: chunked\r\n", chunked),
            dropped("content_length"),
        ),
    ]
}

fn vec_of(name: &'static str) -> &'static [&'static str] {
    match name {
        "transfer_encoding" => &["transfer_encoding", "transfer-encoding"],
        _ => &["content_length", "transfer_encoding"],
    }
}
