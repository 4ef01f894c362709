//! Records of the journal: an error that is short, or a record that is written as it was read.

use oddsengine_facts::proto::{FRAME_SIZE, RECORD_KIND, RECORD_VERSION};
use oddsengine_facts::{Record, decode_record, encode_record};

/// Longest sentence of an error: it goes to people.
const SENTENCE_BYTES_MAX: usize = 400;

/// The message of a record, and the same bytes as a frame with it.
pub fn record(data: &[u8]) {
    let mut framed = Vec::with_capacity(FRAME_SIZE + data.len());
    framed.extend_from_slice(&RECORD_KIND.to_le_bytes());
    framed.push(RECORD_VERSION);
    framed.extend_from_slice(&(data.len() as u32).to_le_bytes());
    framed.extend_from_slice(data);
    for bytes in [data, &framed] {
        match decode_record(bytes) {
            Ok(record) => check(&record),
            Err(error) => assert!(error.to_string().len() <= SENTENCE_BYTES_MAX, "{error}"),
        }
    }
}

fn check(record: &Record) {
    let encoded = |record: &Record| {
        let mut bytes = Vec::new();
        encode_record(record, &mut bytes);
        bytes
    };
    let bytes = encoded(record);
    let again = decode_record(&bytes).expect("what was read is written readably");
    // By bytes: numbers that are none are not equal to themselves.
    assert_eq!(encoded(&again), bytes);
    assert_eq!(again.facts.len(), record.facts.len());
}
