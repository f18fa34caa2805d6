//! A distinguished name as text (RFC 4514): the most specific part first, special characters escaped.

use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::prelude::{AttributeTypeAndValue, X509Name};

/// `CN=robot,OU=a+L=b,O=Example`. A value that is no text stands as `#` and hex.
pub(crate) fn write(name: &X509Name<'_>) -> String {
    let parts: Vec<String> =
        name.iter_rdn().map(|part| part.iter().map(attribute).collect::<Vec<_>>().join("+")).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join(",")
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let kind = attribute.attr_type();
    let kind = oid2abbrev(kind, oid_registry()).map_or_else(|_| kind.to_id_string(), str::to_owned);
    match attribute.as_str() {
        Ok(text) => format!("{kind}={}", escaped(text)),
        Err(_) => {
            let hex: String = attribute.as_slice().iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{kind}=#{hex}")
        }
    }
}

/// RFC 4514 section 2.4. Control characters as hex, too: the text stands in headers and logs.
fn escaped(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (index, character) in text.chars().enumerate() {
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '=' => written.extend(['\\', character]),
            '#' if index == 0 => written.push_str("\\#"),
            ' ' if index == 0 || index == last => written.push_str("\\ "),
            _ if character.is_control() => {
                let mut bytes = [0; 4];
                character
                    .encode_utf8(&mut bytes)
                    .bytes()
                    .for_each(|byte| written.push_str(&format!("\\{byte:02x}")));
            }
            _ => written.push(character),
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_is_escaped() {
        for (text, expected) in [
            ("plain text", "plain text"),
            ("a,b+c\"d\\e<f>g;h=i", r#"a\,b\+c\"d\\e\<f\>g\;h\=i"#),
            ("#1", r"\#1"),
            ("1#", "1#"),
            (" both ", r"\ both\ "),
            (" ", r"\ "),
            ("a\r\nX-Admin: 1", r"a\0d\0aX-Admin: 1"),
            ("Jürgen", "Jürgen"),
            ("", ""),
        ] {
            assert_eq!(escaped(text), expected, "{text:?}");
        }
    }
}
