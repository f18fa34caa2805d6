//! Other documents in YAML than the configuration (the cases of `ostia policy test`), read with the same strictness:
//! equal keys, anchors, tags and several documents are refused.

use serde_json::{Map, Number, Value as Json};

use crate::diagnostic::Diagnostics;
use crate::findings::Findings;
use crate::source::Source;
use crate::tree::read::read;
use crate::tree::{Node, Scalar, Value};

/// Reads one document into JSON. A scalar without quotes is a number, a truth value or nothing where it looks like one,
/// else a text; `${VAR}` stays as it is.
///
/// # Errors
/// Everything that is wrong with the text. `name` is how the document is called in messages.
pub fn to_json(name: &str, text: &str) -> Result<Json, Diagnostics> {
    let (source, findings) = (Source::new(name, text), Findings::default());
    let root = read(&source, None, &findings);
    let json = root.as_ref().map(of_node);
    let diagnostics = findings.finish(&source);
    json.filter(|_| !diagnostics.has_errors()).ok_or(diagnostics)
}

fn of_node(node: &Node) -> Json {
    match &node.value {
        Value::Null | Value::Broken => Json::Null,
        Value::Scalar(scalar) => of_scalar(scalar),
        Value::List(items) => Json::Array(items.iter().map(of_node).collect()),
        Value::Map(entries) => {
            let members = entries.iter().map(|entry| (entry.key.clone(), of_node(&entry.value)));
            Json::Object(members.collect::<Map<String, Json>>())
        }
    }
}

/// By the core schema of YAML 1.2, of its numbers only those that JSON has, too.
fn of_scalar(Scalar { text, plain, .. }: &Scalar) -> Json {
    match (*plain, text.as_str()) {
        (true, "true") => Json::Bool(true),
        (true, "false") => Json::Bool(false),
        (true, digits) => match digits.parse::<Number>() {
            Ok(number) => Json::Number(number),
            Err(_) => Json::String(text.clone()),
        },
        (false, _) => Json::String(text.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_read_as_its_looks_say() {
        let text =
            "a: 1\nb: \"1\"\nc: [true, yes, null, ~, 1.5, -2, 0x1, 01]\nd: { e: 10.0.0.1 }\nf: ${HOME}\n";
        assert_eq!(
            to_json("t", text).unwrap(),
            json!({
                "a": 1, "b": "1", "c": [true, "yes", null, null, 1.5, -2, "0x1", "01"],
                "d": { "e": "10.0.0.1" }, "f": "${HOME}",
            })
        );
    }

    #[test]
    fn equal_keys_and_what_is_no_yaml_are_refused() {
        for text in ["a: 1\na: 2\n", "a: [", "a: &x 1\nb: *x\n", ""] {
            assert!(to_json("t", text).unwrap_err().has_errors(), "{text}");
        }
    }
}
