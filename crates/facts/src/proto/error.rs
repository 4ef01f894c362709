//! What can be wrong with the bytes of a record.

use std::fmt;

/// Bytes that this build cannot read as a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordError {
    /// What is wrong.
    pub kind: RecordErrorKind,
    /// Of what: a record kind, a message, or one of its fields as `Leg.odds_e4`.
    pub name: String,
    /// The value, or what was found instead of one.
    pub value: String,
    /// What is allowed; empty where the kind of error says it.
    pub allowed: String,
}

/// What is wrong with the bytes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordErrorKind {
    /// The frame around the record is cut, or says another length.
    Frame,
    /// The kind or version of the record is of a newer release.
    NewerRecord,
    /// A field is of a newer release: a new kind of fact, or something that a known one did not say before.
    NewerField,
    /// A value is of a newer release, or none at all: an enum's number, a sport's name.
    UnknownValue,
    /// A number or text is outside the range of its field.
    OutOfRange,
    /// A field that every release writes is not there.
    Missing,
    /// A field that stands once is there again.
    Repeated,
    /// The bytes are no message: cut, a wrong wire type, no UTF-8.
    Malformed,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name, value, allowed } = self;
        match kind {
            RecordErrorKind::Frame => write!(f, "{name} is {value}, expected {allowed}"),
            RecordErrorKind::NewerRecord => write!(f, "{name} {value} is of a newer release; {allowed}"),
            RecordErrorKind::NewerField => {
                write!(f, "field {value} of {name} is of a newer release; this build does not know it")
            }
            RecordErrorKind::UnknownValue => write!(f, "{name} {value} is not known to this build"),
            RecordErrorKind::OutOfRange => write!(f, "{name} {value} is outside {allowed}"),
            RecordErrorKind::Missing => write!(f, "{name} is missing"),
            RecordErrorKind::Repeated => write!(f, "{name} is there twice"),
            RecordErrorKind::Malformed => write!(f, "{name} is malformed: {value}"),
        }
    }
}

impl std::error::Error for RecordError {}

/// Inside the codec: boxed, so that what succeeds is small.
pub(super) type Result<T> = std::result::Result<T, Box<RecordError>>;

/// A field, for errors. Written out by the tables of the codec, one constant a field.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    pub message: &'static str,
    pub field: &'static str,
}

impl At {
    #[cold]
    #[inline(never)]
    fn error(self, kind: RecordErrorKind, value: String, allowed: String) -> Box<RecordError> {
        Box::new(RecordError { kind, name: format!("{}.{}", self.message, self.field), value, allowed })
    }

    #[cold]
    pub fn unknown(self, value: impl fmt::Display) -> Box<RecordError> {
        self.error(RecordErrorKind::UnknownValue, value.to_string(), String::new())
    }

    #[cold]
    pub fn outside(self, value: impl fmt::Display, allowed: impl fmt::Display) -> Box<RecordError> {
        self.error(RecordErrorKind::OutOfRange, value.to_string(), allowed.to_string())
    }

    #[cold]
    pub fn missing(self) -> Box<RecordError> {
        self.error(RecordErrorKind::Missing, String::new(), String::new())
    }

    #[cold]
    pub fn repeated(self) -> Box<RecordError> {
        self.error(RecordErrorKind::Repeated, String::new(), String::new())
    }

    #[cold]
    pub fn malformed(self, what: impl fmt::Display) -> Box<RecordError> {
        self.error(RecordErrorKind::Malformed, what.to_string(), String::new())
    }
}

/// A field that the message does not have.
#[cold]
#[inline(never)]
pub(super) fn newer_field(message: &str, number: u32) -> Box<RecordError> {
    Box::new(RecordError {
        kind: RecordErrorKind::NewerField,
        name: message.to_owned(),
        value: number.to_string(),
        allowed: String::new(),
    })
}
