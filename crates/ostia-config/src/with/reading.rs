//! A tree as serde reads it; every refusal knows where it stands.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    Deserialize as _, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _,
    IntoDeserializer as _, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use crate::source::Span;
use crate::tree::{Entry, Node, Scalar, Value, join_index, join_key};

/// Why a tree is not the wanted type.
#[derive(Debug)]
pub(super) struct Misread {
    pub(super) message: String,
    /// The innermost place that is known.
    pub(super) place: Option<(Span, String)>,
}

pub(super) fn read<T: DeserializeOwned>(node: &Node, path: &str) -> Result<T, Misread> {
    T::deserialize(Reader { node, path: path.to_owned() })
}

impl Misread {
    fn at(mut self, span: Span, path: &str) -> Self {
        self.place.get_or_insert_with(|| (span, path.to_owned()));
        self
    }
}

impl fmt::Display for Misread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Misread {}

impl serde::de::Error for Misread {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), place: None }
    }
}

/// A node on its way to a type.
struct Reader<'a> {
    node: &'a Node,
    path: String,
}

impl Reader<'_> {
    fn placed<T>(&self, read: Result<T, Misread>) -> Result<T, Misread> {
        read.map_err(|misread| {
            // The messages of serde quote what they refuse.
            let message = match &self.node.value {
                Value::Scalar(scalar) if scalar.is_veiled() && misread.place.is_none() => {
                    "the value of the variable is not what is wanted here".to_owned()
                }
                _ => misread.message,
            };
            Misread { message, place: misread.place }.at(self.node.span, &self.path)
        })
    }

    fn scalar(&self) -> Option<&Scalar> {
        match &self.node.value {
            Value::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }
}

/// A scalar without a hint: only one without quotes can be a number or a truth value.
fn guess<'de, V: Visitor<'de>>(scalar: &Scalar, visitor: V) -> Result<V::Value, Misread> {
    if !scalar.plain {
        return visitor.visit_str(&scalar.text);
    }
    match scalar.text.as_str() {
        "true" => visitor.visit_bool(true),
        "false" => visitor.visit_bool(false),
        text => {
            if let Ok(number) = text.parse::<u64>() {
                visitor.visit_u64(number)
            } else if let Ok(number) = text.parse::<i64>() {
                visitor.visit_i64(number)
            } else if let Some(number) = text.parse::<f64>().ok().filter(|number| number.is_finite()) {
                visitor.visit_f64(number)
            } else {
                visitor.visit_str(text)
            }
        }
    }
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Misread;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        let read = match &self.node.value {
            Value::Null | Value::Broken => visitor.visit_unit(),
            Value::Scalar(scalar) => guess(scalar, visitor),
            Value::List(items) => {
                visitor.visit_seq(Items { rest: items.iter().enumerate(), path: &self.path })
            }
            Value::Map(entries) => {
                visitor.visit_map(Entries { rest: entries.iter(), open: None, path: &self.path })
            }
        };
        self.placed(read)
    }

    /// A text is what is written, whatever it looks like.
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        match self.scalar() {
            Some(scalar) => {
                let read = visitor.visit_str(&scalar.text);
                self.placed(read)
            }
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        match self.node.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misread> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misread> {
        let read = match &self.node.value {
            Value::Scalar(scalar) => {
                let name: StrDeserializer<'_, Misread> = scalar.text.as_str().into_deserializer();
                visitor.visit_enum(name)
            }
            Value::Map(entries) => match entries.as_slice() {
                [entry] => visitor.visit_enum(Variant { entry, path: join_key(&self.path, &entry.key) }),
                _ => Err(Misread::custom("takes exactly one of its kinds")),
            },
            _ => Err(Misread::custom("takes a word, or a map with one key")),
        };
        self.placed(read)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 bytes byte_buf unit unit_struct seq tuple tuple_struct map
        struct identifier ignored_any
    }
}

/// The items of a list that are still to be read.
struct Items<'a> {
    rest: std::iter::Enumerate<std::slice::Iter<'a, Node>>,
    path: &'a str,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Misread;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Misread> {
        let next = self.rest.next();
        next.map(|(index, node)| seed.deserialize(Reader { node, path: join_index(self.path, index) }))
            .transpose()
    }
}

/// The entries of a map that are still to be read.
struct Entries<'a> {
    rest: std::slice::Iter<'a, Entry>,
    /// Its key was read, its value not yet.
    open: Option<&'a Entry>,
    path: &'a str,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Misread;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Misread> {
        self.open = self.rest.next();
        let Some(entry) = self.open else { return Ok(None) };
        let key: StrDeserializer<'_, Misread> = entry.key.as_str().into_deserializer();
        let read = seed.deserialize(key);
        read.map(Some).map_err(|misread| misread.at(entry.key_span, &join_key(self.path, &entry.key)))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Misread> {
        let entry = self.open.take().ok_or_else(|| Misread::custom("a value without a key"))?;
        seed.deserialize(Reader { node: &entry.value, path: join_key(self.path, &entry.key) })
    }
}

struct Variant<'a> {
    entry: &'a Entry,
    path: String,
}

impl<'a, 'de> EnumAccess<'de> for Variant<'a> {
    type Error = Misread;
    type Variant = Reader<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Reader<'a>), Misread> {
        let key: StrDeserializer<'_, Misread> = self.entry.key.as_str().into_deserializer();
        let name = seed.deserialize(key).map_err(|misread| misread.at(self.entry.key_span, &self.path))?;
        Ok((name, Reader { node: &self.entry.value, path: self.path }))
    }
}

impl<'de> VariantAccess<'de> for Reader<'_> {
    type Error = Misread;

    fn unit_variant(self) -> Result<(), Misread> {
        <()>::deserialize(self)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Misread> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Misread> {
        self.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misread> {
        self.deserialize_any(visitor)
    }
}
