//! A JSON message as borrowed values, and typed access to its fields.

mod field;
mod parse;

use std::borrow::Cow;
use std::cell::Cell;

pub use field::Field;
pub use parse::parse;

use crate::error::FeedError;

/// Longest message, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 65_536;
/// Deepest nesting of objects and arrays; the deepest message, a batch of tickets, needs 6.
pub const DEPTH_MAX: usize = 8;
/// Most fields of one object.
pub const FIELDS_MAX: usize = 64;

/// One JSON value; text is borrowed from the message unless it holds escapes.
#[derive(Debug)]
pub enum Value<'a> {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(Cow<'a, str>),
    Array(Vec<Value<'a>>),
    Object(Object<'a>),
}

impl Value<'_> {
    /// The type's name in error messages, with its article.
    fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a number with decimals",
            Self::Text(_) => "text",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    fn unread_count(&self) -> u32 {
        match self {
            Self::Array(items) => items.iter().map(Self::unread_count).sum(),
            Self::Object(object) => object.unread_count(),
            _ => 0,
        }
    }
}

/// A JSON object; remembers which of its fields were read.
#[derive(Debug, Default)]
pub struct Object<'a> {
    fields: Vec<Entry<'a>>,
}

#[derive(Debug)]
struct Entry<'a> {
    name: Cow<'a, str>,
    value: Value<'a>,
    is_read: Cell<bool>,
}

impl<'a> Object<'a> {
    /// A field that may be absent; `null` counts as absent.
    pub fn optional(&self, name: &'static str) -> Option<Field<'_, 'a>> {
        let entry = self.fields.iter().find(|entry| entry.name == name)?;
        entry.is_read.set(true);
        match &entry.value {
            Value::Null => None,
            value => Some(Field::new(name, value)),
        }
    }

    /// A field that must be there.
    pub fn required(&self, name: &'static str) -> Result<Field<'_, 'a>, FeedError> {
        self.optional(name)
            .ok_or_else(|| FeedError::new(FeedError::MISSING_FIELD, format!("{name} is missing")))
    }

    /// A field that must be there, but may be `null`.
    pub fn nullable(&self, name: &'static str) -> Result<Option<Field<'_, 'a>>, FeedError> {
        let is_null =
            self.fields.iter().any(|entry| entry.name == name && matches!(entry.value, Value::Null));
        let field = self.optional(name);
        if field.is_none() && !is_null {
            return self.required(name).map(Some);
        }
        Ok(field)
    }

    /// Number of fields.
    fn len(&self) -> usize {
        self.fields.len()
    }

    /// All fields in their order, counted as read.
    fn read_all(&self) -> impl Iterator<Item = (&str, &Value<'a>)> {
        self.fields.iter().map(|entry| {
            entry.is_read.set(true);
            (&*entry.name, &entry.value)
        })
    }

    /// Fields that nobody read, in objects that somebody did.
    pub fn unread_count(&self) -> u32 {
        let count = |entry: &Entry<'_>| if entry.is_read.get() { entry.value.unread_count() } else { 1 };
        self.fields.iter().map(count).sum()
    }
}
