//! The frame around a record: what it is, in which version, how long.

use super::decided::put_parts;
use super::error::{RecordError, RecordErrorKind, Result};
use super::kind::Message;
use super::wire::Input;
use crate::command::Command;
use crate::fact::Fact;
use crate::record::Record;

/// Bytes in front of a record's message: kind `u16`, version `u8`, length `u32`, little endian.
pub const FRAME_SIZE: usize = 7;
/// The kind of a record that is a command with its facts.
pub const RECORD_KIND: u16 = 1;
/// The version of [`RECORD_KIND`] that this release writes.
pub const RECORD_VERSION: u8 = 1;

/// Turns the message of a version into the message of the next one.
pub type Upcast = fn(&[u8]) -> std::result::Result<Vec<u8>, RecordError>;

/// A kind of record that a build reads.
#[derive(Clone, Copy, Debug)]
pub struct RecordKind {
    /// Its number in the frame.
    pub kind: u16,
    /// Its name.
    pub name: &'static str,
    /// The oldest version that there is.
    pub version_min: u8,
    /// The version that is written. A version is raised when a change is more than an addition.
    pub version: u8,
    /// From each older version, from `version_min` on, to the next one.
    pub upcasts: &'static [Upcast],
}

/// The kinds and versions of records that a build reads. An older version is read for ever.
#[derive(Clone, Copy, Debug)]
pub struct Formats {
    /// By number, from 1 without gaps.
    pub kinds: &'static [RecordKind],
}

impl Formats {
    /// Those of this release.
    pub const CURRENT: Formats = Formats {
        kinds: &[RecordKind {
            kind: RECORD_KIND,
            name: "record",
            version_min: 1,
            version: RECORD_VERSION,
            upcasts: &[],
        }],
    };

    /// Reads a framed record: the whole of `bytes` is one.
    ///
    /// # Errors
    /// As [`decode_record`].
    pub fn decode_record(&self, bytes: &[u8]) -> std::result::Result<Record, RecordError> {
        self.decode(bytes).map_err(|error| *error)
    }

    fn decode(&self, bytes: &[u8]) -> Result<Record> {
        let (kind, version, message) = split(bytes)?;
        let Some(known) = self.kinds.iter().find(|known| known.kind == kind) else {
            return Err(if kind == 0 { no_release(kind, version) } else { self.newer(kind, version) });
        };
        if version > known.version {
            return Err(self.newer(kind, version));
        }
        let Some(steps_before) = version.checked_sub(known.version_min) else {
            return Err(no_release(kind, version));
        };
        let mut upcast: Option<Vec<u8>> = None;
        for step in &known.upcasts[usize::from(steps_before)..] {
            upcast = Some(step(upcast.as_deref().unwrap_or(message))?);
        }
        Record::take(Input::new(upcast.as_deref().unwrap_or(message)))
    }

    #[cold]
    fn newer(&self, kind: u16, version: u8) -> Box<RecordError> {
        let last = self.kinds.iter().map(|known| known.kind).max().unwrap_or(0);
        let versions: Vec<String> = self
            .kinds
            .iter()
            .filter(|known| known.kind == kind || self.kinds.iter().all(|known| known.kind != kind))
            .map(|known| known.version.to_string())
            .collect();
        Box::new(RecordError {
            kind: RecordErrorKind::NewerRecord,
            name: "record kind".to_owned(),
            value: format!("{kind} version {version}"),
            allowed: format!("this build reads kinds 1..={last} up to version {}", versions.join(", ")),
        })
    }
}

#[cold]
fn no_release(kind: u16, version: u8) -> Box<RecordError> {
    Box::new(RecordError {
        kind: RecordErrorKind::UnknownValue,
        name: "record kind".to_owned(),
        value: format!("{kind} version {version}"),
        allowed: String::new(),
    })
}

impl RecordKind {
    /// There is a step from every older version to the next one.
    pub const fn is_complete(&self) -> bool {
        self.version_min <= self.version && self.upcasts.len() == (self.version - self.version_min) as usize
    }
}

const _: () = {
    let mut index = 0;
    while index < Formats::CURRENT.kinds.len() {
        let known = &Formats::CURRENT.kinds[index];
        assert!(known.is_complete() && known.kind as usize == index + 1);
        index += 1;
    }
};

/// Kind, version and message of a frame.
fn split(bytes: &[u8]) -> Result<(u16, u8, &[u8])> {
    let frame = |name: &str, value: usize, allowed: String| {
        Box::new(RecordError {
            kind: RecordErrorKind::Frame,
            name: name.to_owned(),
            value: value.to_string(),
            allowed,
        })
    };
    let Some((head, message)) = bytes.split_first_chunk::<FRAME_SIZE>() else {
        let allowed = format!("at least {FRAME_SIZE} bytes of frame");
        return Err(frame("the size of a record", bytes.len(), allowed));
    };
    let [k0, k1, version, l0, l1, l2, l3] = *head;
    let length = u32::from_le_bytes([l0, l1, l2, l3]);
    match usize::try_from(length) {
        Ok(length) if length == message.len() => Ok((u16::from_le_bytes([k0, k1]), version, message)),
        _ => {
            let allowed = format!("the {} bytes that follow", message.len());
            Err(frame("the length in a record's frame", length as usize, allowed))
        }
    }
}

/// Appends a framed record.
///
/// # Panics
/// The record takes 4 GiB or more.
pub fn encode_record(record: &Record, out: &mut Vec<u8>) {
    encode_parts(&record.command, &record.facts, out);
}

/// As [`encode_record`], for whoever holds its parts.
///
/// # Panics
/// As [`encode_record`].
pub fn encode_parts(command: &Command, facts: &[Fact], out: &mut Vec<u8>) {
    let start = out.len();
    let [k0, k1] = RECORD_KIND.to_le_bytes();
    out.extend_from_slice(&[k0, k1, RECORD_VERSION, 0, 0, 0, 0]);
    put_parts(command, facts, out);
    let length = u32::try_from(out.len() - start - FRAME_SIZE).expect("a record is shorter than 4 GiB");
    out[start + 3..start + FRAME_SIZE].copy_from_slice(&length.to_le_bytes());
}

/// Reads a framed record: the whole of `bytes` is one.
///
/// # Errors
/// The frame does not fit, the record or something in it is of a newer release, or the bytes are no record; with the name
/// and the value.
pub fn decode_record(bytes: &[u8]) -> std::result::Result<Record, RecordError> {
    Formats::CURRENT.decode_record(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parts that are held apart are written as the table of the record says.
    #[test]
    fn parts_are_written_as_the_whole_is() {
        for record in crate::sample::records() {
            let (mut parts, mut whole) = (Vec::new(), Vec::new());
            encode_record(&record, &mut parts);
            record.put_fields(&mut whole);
            assert_eq!(parts[FRAME_SIZE..], whole);
        }
    }
}
