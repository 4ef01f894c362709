//! What every frame starts with.

use oddsengine_engine::{Body, Command};

use super::binary;
use super::json::{JsonBytes, fields};

/// The header of a frame. Times are nanoseconds since 1970, 0 if unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header<'a> {
    /// The process start; with another epoch everything known is out of date.
    pub epoch: u32,
    /// The frame's number on its topic, from 1 without gaps; of an image: of the last frame that it contains.
    pub seq: u64,
    /// The fixture's version after the frame, 0 where there is no fixture.
    pub version: u64,
    /// When the source says that it happened.
    pub source_ns: i64,
    /// When the command was received.
    pub received_ns: i64,
    /// When it was decided.
    pub decided_ns: i64,
    /// Who caused it.
    pub source: &'a str,
    /// What caused it, see [`cause`].
    pub reason: &'a str,
    /// The source of the fixture has gone silent: prices may be out of date.
    pub is_stale: bool,
}

impl<'a> Header<'a> {
    /// The header of what `command` caused; `seq` and `version` are the topic's and the fixture's.
    pub fn of_command(command: &'a Command, epoch: u32, decided_ns: i64) -> Self {
        Self {
            epoch,
            seq: 0,
            version: 0,
            source_ns: command.origin.source_ns,
            received_ns: command.time_ns,
            decided_ns,
            source: &command.origin.source,
            reason: cause(&command.body),
            is_stale: false,
        }
    }

    /// The same on another frame.
    pub fn at(self, version: u64, seq: u64) -> Self {
        Self { version, seq, ..self }
    }

    /// Starts a payload: `{"sent_ns":…,"type":…,` and the other fields, left open.
    pub(super) fn begin(&self, kind: &str, is_image: bool, out: &mut Vec<u8>) {
        begin_stamped(out);
        fields!(out;
            "type": text(kind),
            "kind": text(if is_image { "image" } else { "delta" }),
            "epoch": unsigned(self.epoch.into()),
            "seq": unsigned(self.seq),
            "version": unsigned(self.version),
            "source_ns": integer(self.source_ns),
            "received_ns": integer(self.received_ns),
            "decided_ns": integer(self.decided_ns),
            "source": text(self.source),
            "reason": text(self.reason),
            "stale": boolean(self.is_stale),
        );
    }
}

const SENT_NS_NAME: &[u8] = b"{\"sent_ns\":";
/// Where the digits of `sent_ns` start in every JSON payload.
pub const SENT_NS_OFFSET: usize = SENT_NS_NAME.len();
/// How many bytes they have: a time of the years 2001 to 2262 fills them, a smaller number has spaces before it.
pub const SENT_NS_SIZE: usize = 19;

/// Clears the buffer and starts a payload with an empty slot for the time of sending.
pub(super) fn begin_stamped(out: &mut Vec<u8>) {
    out.clear();
    out.put(SENT_NS_NAME);
    out.put(b"                  0");
    debug_assert_eq!(out.len(), SENT_NS_OFFSET + SENT_NS_SIZE);
}

/// Writes the time of sending into a payload, JSON or binary, just before the socket takes it.
///
/// # Panics
/// The payload was not written by this module, or the time is negative.
pub fn stamp_sent(payload: &mut [u8], sent_ns: i64) {
    assert!(sent_ns >= 0, "sent_ns {sent_ns} is negative");
    if payload.starts_with(&binary::BINARY_MAGIC) {
        payload[binary::SENT_NS].copy_from_slice(&sent_ns.to_le_bytes());
        return;
    }
    assert!(payload.starts_with(SENT_NS_NAME));
    let slot = &mut payload[SENT_NS_OFFSET..SENT_NS_OFFSET + SENT_NS_SIZE];
    let mut rest = sent_ns as u64;
    for (place, byte) in slot.iter_mut().rev().enumerate() {
        *byte = if rest > 0 || place == 0 { b'0' + (rest % 10) as u8 } else { b' ' };
        rest /= 10;
    }
}

/// The reason code of what a command causes: the incident's kind, or the command's name on the wire.
pub fn cause(body: &Body) -> &'static str {
    body.cause()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slot_takes_every_time() {
        let mut payload = Vec::new();
        begin_stamped(&mut payload);
        payload.push(b'}');
        for sent_ns in [0, 7, 1_668_960_134_796_000_000, 12_345, i64::MAX] {
            stamp_sent(&mut payload, sent_ns);
            let parsed: serde_json::Value = serde_json::from_slice(&payload).unwrap();
            assert_eq!(parsed["sent_ns"], sent_ns);
        }
    }
}
