//! A slow reading of JSON by the same rules, written with `serde_json` alone: what the reader of the product must agree
//! with.

use std::cell::Cell;
use std::fmt;

use ostia_identity::json::{JsonRefused, MAX_DEPTH};
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

/// Reads one object.
pub(crate) fn read(text: &[u8]) -> Result<Map<String, Value>, JsonRefused> {
    let refused = Cell::new(JsonRefused::Malformed);
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Strict { depth: 0, refused: &refused }.deserialize(&mut reader).map_err(|_| refused.get())?;
    reader.end().map_err(|_| JsonRefused::Malformed)?;
    match value {
        Value::Object(map) => Ok(map),
        _ => Err(JsonRefused::NoObject),
    }
}

/// Builds one value at `depth` and leaves the reason in `refused` when it cannot.
#[derive(Clone, Copy)]
struct Strict<'r> {
    depth: usize,
    refused: &'r Cell<JsonRefused>,
}

impl Strict<'_> {
    fn refuse<E: serde::de::Error>(self, why: JsonRefused) -> E {
        self.refused.set(why);
        E::custom(why)
    }

    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        let depth = self.depth + 1;
        if depth > MAX_DEPTH {
            return Err(self.refuse(JsonRefused::TooDeep));
        }
        Ok(Self { depth, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            match map.entry(name) {
                Entry::Vacant(free) => free.insert(members.next_value_seed(inner)?),
                Entry::Occupied(_) => return Err(self.refuse(JsonRefused::DuplicateMember)),
            };
        }
        Ok(Value::Object(map))
    }
}
