//! Bytes to values. The grammar is serde_json's; size, depth, field count and repeated names are checked here.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{DEPTH_MAX, Entry, FIELDS_MAX, MESSAGE_BYTES_MAX, Object, Value};
use crate::error::FeedError;

/// Parses a message, which must be one object.
pub fn parse(bytes: &[u8]) -> Result<Object<'_>, FeedError> {
    if bytes.len() > MESSAGE_BYTES_MAX {
        let message = format!("message of {} bytes is longer than {MESSAGE_BYTES_MAX}", bytes.len());
        return Err(FeedError::new(FeedError::TOO_LARGE, message));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| FeedError::new(FeedError::NOT_UTF8, format!("message is not UTF-8: {error}")))?;
    let fault = Cell::new(None);
    let mut input = serde_json::Deserializer::from_str(text);
    let parsed = ValueSeed { depth: 0, fault: &fault }
        .deserialize(&mut input)
        .and_then(|value| input.end().map(|()| value));
    match parsed {
        Ok(Value::Object(object)) => Ok(object),
        Ok(other) => {
            let message = format!("message is {}, expected an object", other.type_name());
            Err(FeedError::new(FeedError::NOT_AN_OBJECT, message))
        }
        Err(error) => Err(fault
            .take()
            .unwrap_or_else(|| FeedError::new(FeedError::NOT_JSON, format!("message is not JSON: {error}")))),
    }
}

/// Reads one value `depth` levels down. What serde cannot say of an error is left in `fault`.
#[derive(Clone, Copy)]
struct ValueSeed<'f> {
    depth: usize,
    fault: &'f Cell<Option<FeedError>>,
}

impl ValueSeed<'_> {
    #[cold]
    fn fail<E: Error>(self, code: &'static str, message: String) -> E {
        self.fault.set(Some(FeedError::new(code, message)));
        E::custom(code)
    }

    fn deeper<E: Error>(self) -> Result<Self, E> {
        match self.depth {
            DEPTH_MAX => Err(self.fail(
                FeedError::TOO_DEEP,
                format!("objects and arrays are nested more than {DEPTH_MAX} deep"),
            )),
            depth => Ok(Self { depth: depth + 1, ..self }),
        }
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Value<'de>, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value<'de>, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value<'de>, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value<'de>, E> {
        Ok(Value::Float(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(value.to_string())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut input: A) -> Result<Value<'de>, A::Error> {
        let seed = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = input.next_element_seed(seed)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut input: A) -> Result<Value<'de>, A::Error> {
        let seed = self.deeper()?;
        let mut fields: Vec<Entry<'de>> = Vec::with_capacity(8);
        while let Some(name) = input.next_key_seed(NameSeed)? {
            if fields.len() == FIELDS_MAX {
                let message = format!("an object has more than {FIELDS_MAX} fields");
                return Err(self.fail(FeedError::TOO_MANY_FIELDS, message));
            }
            if fields.iter().any(|known| known.name == name) {
                return Err(self.fail(FeedError::DUPLICATE_FIELD, format!("{name:?} is there twice")));
            }
            let value = input.next_value_seed(seed)?;
            fields.push(Entry { name, value, is_read: Cell::new(false) });
        }
        Ok(Value::Object(Object { fields }))
    }
}

struct NameSeed;

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Cow<'de, str>, D::Error> {
        input.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for NameSeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(name.to_string()))
    }
}
