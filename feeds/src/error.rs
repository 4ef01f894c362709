//! Bytes that are not a message.

use std::fmt;

/// A message that was not understood; nothing was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedError {
    /// One of [`FeedError::CODES`]; never changes its meaning.
    pub code: &'static str,
    /// The field, the value and the allowed range; starts lower-case, no full stop.
    pub message: String,
    /// The request's own id, if it could be read.
    pub request_id: Option<String>,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $code:literal;)*) => {
        impl FeedError {
            $($(#[doc = $doc])* pub const $name: &'static str = $code;)*

            /// Every code with the sentence that explains it, as listed in `docs/wire.md`.
            pub const CODES: &[(&'static str, &'static str)] =
                &[$(($code, concat!($($doc),*).trim_ascii())),*];
        }
    };
}

codes! {
    /// The message is longer than 65,536 bytes.
    TOO_LARGE = "too_large";
    /// The message is not UTF-8.
    NOT_UTF8 = "not_utf8";
    /// The message is not one JSON value.
    NOT_JSON = "not_json";
    /// The message is JSON, but not an object.
    NOT_AN_OBJECT = "not_an_object";
    /// Objects and arrays are nested more than 8 deep.
    TOO_DEEP = "too_deep";
    /// An object has more than 64 fields.
    TOO_MANY_FIELDS = "too_many_fields";
    /// An object has the same field twice.
    DUPLICATE_FIELD = "duplicate_field";
    /// The `type` is none that this socket takes.
    UNKNOWN_TYPE = "unknown_type";
    /// A required field is absent or null.
    MISSING_FIELD = "missing_field";
    /// A field holds another JSON type than it must.
    WRONG_TYPE = "wrong_type";
    /// A number, a text's length or a list's length is outside its range.
    OUT_OF_RANGE = "out_of_range";
    /// A text is none of the words that the field takes.
    UNKNOWN_VALUE = "unknown_value";
    /// A text does not have the form of an id, an odds, a grade or a currency.
    BAD_FORMAT = "bad_format";
}

impl FeedError {
    #[cold]
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), request_id: None }
    }

    /// The error of a field inside `label`: messages start with the field's name.
    #[cold]
    pub(crate) fn within(mut self, label: impl fmt::Display) -> Self {
        self.message = format!("{label}.{}", self.message);
        self
    }

    #[cold]
    pub(crate) fn of_request(mut self, request_id: &str) -> Self {
        self.request_id = Some(request_id.to_string());
        self
    }
}

impl fmt::Display for FeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for FeedError {}
