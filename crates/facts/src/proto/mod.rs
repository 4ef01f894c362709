//! The record format of the journal: Protocol Buffers in a frame with kind, version and length.
//!
//! The published contract is the schema in `proto/`; `docs/journal.md` tells consumers and whoever changes it what holds. The
//! codec goes from domain types to bytes and back without types between: the tables of [`asked`], [`decided`], [`play`],
//! [`settings`] and [`common`] have a row for each field of the schema, and a test holds them against it, number by number.
//!
//! Reading is total and strict. Bytes that are no record are an error, never a panic, and take no more memory than a constant
//! times their own size. What this build does not know is an error that names it, never dropped: a fact that is not folded is
//! money that is not booked.

mod acceptance;
mod asked;
mod common;
mod decided;
mod error;
#[cfg(test)]
mod evolution;
mod frame;
mod kind;
mod play;
#[cfg(test)]
mod schema;
mod settings;
mod tables;
mod whole;
mod wire;

pub use error::{RecordError, RecordErrorKind};
pub use frame::{
    FRAME_SIZE, Formats, RECORD_KIND, RECORD_VERSION, RecordKind, Upcast, decode_record, encode_parts,
    encode_record,
};
