//! Records of the journal: to bytes and back.

use std::hint::black_box;

use oddsengine_facts::{Record, decode_record, encode_record};

use crate::ops::Op;

/// One record, written or read again and again.
pub struct Recording {
    record: Record,
    bytes: Vec<u8>,
    out: Vec<u8>,
    is_reading: bool,
    read_facts: usize,
}

impl Recording {
    /// Writes the record.
    pub fn writing(record: Record) -> Self {
        let mut bytes = Vec::new();
        encode_record(&record, &mut bytes);
        Self { record, bytes, out: Vec::with_capacity(4_096), is_reading: false, read_facts: 0 }
    }

    /// Reads it.
    pub fn reading(record: Record) -> Self {
        Self { is_reading: true, ..Self::writing(record) }
    }
}

impl Op for Recording {
    fn step(&mut self, _: u64) {
        if self.is_reading {
            let record = decode_record(black_box(&self.bytes)).expect("it was written");
            self.read_facts += black_box(&record).facts.len();
        } else {
            // As the journal's group does: the room is there, the bytes are new.
            self.out.clear();
            encode_record(black_box(&self.record), &mut self.out);
            black_box(&self.out);
        }
    }

    fn check(&self, count: u64) -> String {
        if self.is_reading {
            assert_eq!(self.read_facts as u64, count * self.record.facts.len() as u64);
            assert_eq!(decode_record(&self.bytes).as_ref(), Ok(&self.record));
        } else if count > 0 {
            assert_eq!(self.out, self.bytes);
        }
        format!("{} bytes, {} facts, the same there and back", self.bytes.len(), self.record.facts.len())
    }
}
