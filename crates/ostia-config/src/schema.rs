//! The JSON Schema of the language, for editors; made from the same tables that the reader goes by.

use serde_json::{Map, Value, json};

use crate::describe::{Key, Need, Section, Shape};
use crate::section::root::ROOT;

/// JSON Schema (draft 2020-12) of what this release reads. Keys that are not supported yet are left out, so an editor
/// marks them as the reader does. `${VAR}` is accepted wherever a scalar stands.
#[must_use]
pub fn json_schema() -> Value {
    let mut definitions = Map::new();
    let mut root = section(&ROOT, &mut definitions);
    if let Value::Object(root) = &mut root {
        root.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        root.insert("title".to_owned(), json!("Ostia configuration"));
        root.insert("$defs".to_owned(), Value::Object(definitions));
    }
    root
}

/// What stands for a variable: the reader knows its value, an editor does not.
fn variable() -> Value {
    json!({ "type": "string", "pattern": "\\$\\{" })
}

fn section(section: &'static Section, definitions: &mut Map<String, Value>) -> Value {
    let now = || section.keys.iter().filter(|key| !key.is_later());
    let properties: Map<String, Value> =
        now().map(|key| (key.name.to_owned(), described(key, definitions))).collect();
    let required: Vec<&str> =
        now().filter(|key| matches!(key.need, Need::Required)).map(|key| key.name).collect();
    let mut schema = json!({
        "type": "object",
        "description": section.doc,
        "properties": properties,
        "additionalProperties": false,
    });
    if let (Value::Object(schema), false) = (&mut schema, required.is_empty()) {
        schema.insert("required".to_owned(), json!(required));
    }
    schema
}

/// The schema of a key, with its words for the editor.
fn described(key: &'static Key, definitions: &mut Map<String, Value>) -> Value {
    let mut schema = shape(&key.shape, definitions);
    if let Value::Object(schema) = &mut schema {
        let default = match key.need {
            Need::Default(default) => format!(" Default: `{default}`."),
            Need::Optional(words) if !words.is_empty() && words != "—" => format!(" Without it: {words}."),
            _ => String::new(),
        };
        schema.insert("description".to_owned(), json!(format!("{}{default}", key.doc)));
    }
    schema
}

fn shape(shape: &'static Shape, definitions: &mut Map<String, Value>) -> Value {
    match shape {
        Shape::Bool => with_variable(json!({ "type": "boolean" })),
        Shape::Integer { min, max } => {
            with_variable(json!({ "type": "integer", "minimum": min, "maximum": max }))
        }
        Shape::Number { min, max } => {
            with_variable(json!({ "type": "number", "minimum": min, "maximum": max }))
        }
        Shape::Duration { .. } => {
            with_variable(json!({ "type": "string", "pattern": "^([0-9]+ ?[a-z]+ ?)+$" }))
        }
        Shape::Size { .. } => {
            with_variable(json!({ "type": ["string", "integer"], "pattern": "^[0-9.]+ ?([kKMGT]i?)?B?$" }))
        }
        Shape::Word(words) => with_variable(json!({ "enum": words.now })),
        Shape::Text(grammar) if grammar.pattern.is_empty() => {
            json!({ "type": ["string", "number", "boolean"] })
        }
        Shape::Text(grammar) => with_variable(json!({ "type": "string", "pattern": grammar.pattern })),
        Shape::Secret => json!({ "type": "string", "writeOnly": true }),
        Shape::List(item) => json!({ "type": "array", "items": self::shape(item, definitions) }),
        Shape::Several(item) => {
            json!({ "type": "array", "items": self::shape(item, definitions), "minItems": 1 })
        }
        Shape::OneOrMany(item) => {
            let item = self::shape(item, definitions);
            json!({ "anyOf": [item, { "type": "array", "items": item, "minItems": 1 }] })
        }
        Shape::Map(key, value) => {
            let value = self::shape(value, definitions);
            let mut schema = json!({ "type": "object", "additionalProperties": value });
            if let (Value::Object(schema), false) = (&mut schema, key.pattern.is_empty()) {
                schema.insert("propertyNames".to_owned(), json!({ "pattern": key.pattern }));
            }
            schema
        }
        Shape::Section(section) => reference(section, definitions),
        Shape::Either(shapes) => {
            let any: Vec<Value> = shapes.iter().map(|one| self::shape(one, definitions)).collect();
            json!({ "anyOf": any })
        }
        Shape::Free => json!({ "type": "object" }),
        Shape::Unread => json!(false),
    }
}

fn with_variable(schema: Value) -> Value {
    json!({ "anyOf": [schema, variable()] })
}

/// A section stands once under `$defs`.
fn reference(target: &'static Section, definitions: &mut Map<String, Value>) -> Value {
    let name: String =
        target.title.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_' || *c == '.').collect();
    if !definitions.contains_key(&name) {
        definitions.insert(name.clone(), Value::Null);
        let schema = section(target, definitions);
        definitions.insert(name.clone(), schema);
    }
    json!({ "$ref": format!("#/$defs/{name}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_somewhere() {
        let schema = json_schema();
        let text = schema.to_string();
        let names: Vec<&str> =
            text.split("#/$defs/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(names.len() > 15);
        for name in names {
            assert!(schema["$defs"][name].is_object(), "{name}");
        }
    }

    #[test]
    fn key_of_a_later_release_is_not_offered() {
        let schema = json_schema();
        assert!(schema["$defs"]["routes"]["properties"]["allow"].is_object());
        assert!(schema["properties"]["include"].is_null());
        assert_eq!(schema["$defs"]["routes"]["required"], json!(["allow"]));
    }
}
