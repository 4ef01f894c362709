//! The hash chain over commit groups and epochs, and the framing of records inside a group.
//!
//! Every commit group and every epoch row is one *link*; a link's hash covers the hash of the link before
//! it, so that a link that was changed, removed or inserted shows at the next one. The byte layouts are
//! drawn in this folder's `README.md`.

use std::fmt;
use std::str::FromStr;

/// Bytes of a BLAKE3 hash.
pub const HASH_SIZE: usize = 32;
/// Bytes that stand in front of each record inside a group: its length, `u32` little endian.
pub const RECORD_PREFIX_SIZE: usize = 4;

// Domain tags: a group can never hash like an epoch row or a snapshot, whatever its bytes.
const TAG_GENESIS: &[u8; 8] = b"ojl-gene";
const TAG_EPOCH: &[u8; 8] = b"ojl-epoc";
const TAG_GROUP: &[u8; 8] = b"ojl-grou";
const TAG_SNAPSHOT: &[u8; 8] = b"ojl-snap";
const TAG_RECORD: &[u8; 8] = b"ojl-reco";
const TAG_SEGMENT: &[u8; 8] = b"ojl-segm";

/// A BLAKE3 hash; prints as hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainHash(pub [u8; HASH_SIZE]);

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChainHash({self})")
    }
}

impl FromStr for ChainHash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.as_bytes();
        let is_hash = digits.len() == 2 * HASH_SIZE && digits.iter().all(u8::is_ascii_hexdigit);
        if !is_hash {
            return Err(format!("{text:?} is not a hash of {} hexadecimal digits", 2 * HASH_SIZE));
        }
        let mut hash = [0; HASH_SIZE];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).expect("hexadecimal digits are text");
            *byte = u8::from_str_radix(pair, 16).expect("two hexadecimal digits are a byte");
        }
        Ok(Self(hash))
    }
}

/// A place in the journal: an epoch and the last sequence number written at or before it.
///
/// Orders by epoch, then sequence number. Sequence number 0 means that no record was written yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The epoch of the link; 0 before the first opening.
    pub epoch: u64,
    /// The last sequence number up to and including the link.
    pub seq: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.epoch {
            0 => write!(f, "seq {}", self.seq),
            epoch => write!(f, "seq {} of epoch {epoch}", self.seq),
        }
    }
}

/// A link of the chain: its place and its hash. The newest one stands for the whole journal before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Where the link stands. In an anchor epoch 0 means any: the hash decides.
    pub position: Position,
    /// The hash of the link, and through the chain of everything before it.
    pub hash: ChainHash,
}

/// As `SEQ:HASH`: what is kept elsewhere, and given as an anchor later.
impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.position.seq, self.hash)
    }
}

/// Reads `SEQ:HASH`; the epoch is 0, any.
impl FromStr for Head {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (seq, hash) = text
            .split_once(':')
            .ok_or_else(|| format!("anchor {text:?} is not SEQ:HASH, as oddsengine anchor prints it"))?;
        let is_number = seq.bytes().all(|digit| digit.is_ascii_digit());
        let seq = seq.parse().ok().filter(|_| is_number);
        let seq = seq.ok_or_else(|| format!("anchor {text:?} does not begin with a sequence number"))?;
        Ok(Self { position: Position { epoch: 0, seq }, hash: hash.parse()? })
    }
}

/// The columns of a group that are covered by its checksum and its hash together with its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupHeader {
    pub first_seq: u64,
    pub record_count: u32,
    pub epoch: u64,
    pub committed_ns: i64,
    pub durable_seq: u64,
}

impl GroupHeader {
    pub const SIZE: usize = 36;

    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Self {
        let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
        Self {
            first_seq: number(0),
            record_count: u32::from_le_bytes(bytes[8..12].try_into().expect("4 bytes")),
            epoch: number(12),
            committed_ns: number(20).cast_signed(),
            durable_seq: number(28),
        }
    }

    pub fn to_bytes(self) -> [u8; Self::SIZE] {
        let mut out = [0; Self::SIZE];
        out[0..8].copy_from_slice(&self.first_seq.to_le_bytes());
        out[8..12].copy_from_slice(&self.record_count.to_le_bytes());
        out[12..20].copy_from_slice(&self.epoch.to_le_bytes());
        out[20..28].copy_from_slice(&self.committed_ns.to_le_bytes());
        out[28..36].copy_from_slice(&self.durable_seq.to_le_bytes());
        out
    }

    /// The last sequence number of the group; `first_seq - 1` for a group without records.
    pub fn last_seq(&self) -> u64 {
        self.first_seq.saturating_add(u64::from(self.record_count)).saturating_sub(1)
    }

    pub fn position(&self) -> Position {
        Position { epoch: self.epoch, seq: self.last_seq() }
    }

    /// CRC-32C over the header and the bytes; says *where* the damage is when the hash does not match.
    pub fn crc32c(&self, bytes: &[u8]) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c(&self.to_bytes()), bytes)
    }

    pub fn hash(&self, previous: ChainHash, bytes: &[u8]) -> ChainHash {
        digest(TAG_GROUP, &[&previous.0, &self.to_bytes(), bytes])
    }
}

/// The hash in front of the first link: ties the journal's identity and birth to the chain.
pub(crate) fn genesis_hash(journal_id: &[u8; 16], created_ns: i64) -> ChainHash {
    digest(TAG_GENESIS, &[journal_id, &created_ns.to_le_bytes()])
}

pub(crate) fn epoch_hash(previous: ChainHash, epoch: u64, after_seq: u64, opened_ns: i64) -> ChainHash {
    digest(
        TAG_EPOCH,
        &[&previous.0, &epoch.to_le_bytes(), &after_seq.to_le_bytes(), &opened_ns.to_le_bytes()],
    )
}

/// The hash of one record at its place: what an entry of the quarantine names it by.
pub(crate) fn record_hash(seq: u64, record: &[u8]) -> ChainHash {
    digest(TAG_RECORD, &[&seq.to_le_bytes(), record])
}

/// Begins the hash of a snapshot; the state's bytes follow, in parts of any size.
pub(crate) fn snapshot_hasher(seq: u64, state_hash: &[u8; 16], format: u32) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new();
    hasher.update(TAG_SNAPSHOT).update(&seq.to_le_bytes()).update(state_hash).update(&format.to_le_bytes());
    hasher
}

/// The hash of a segment's row: its numbers, the links at its ends, the hash of its file, and its name.
pub(crate) fn segment_hash(
    previous: ChainHash,
    numbers: &[u64; 8],
    hashes: &[ChainHash; 3],
    file_name: &str,
) -> ChainHash {
    let numbers: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    let [first, last, file] = hashes;
    digest(TAG_SEGMENT, &[&previous.0, &numbers, &first.0, &last.0, &file.0, file_name.as_bytes()])
}

fn digest(tag: &[u8; 8], parts: &[&[u8]]) -> ChainHash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(tag);
    for part in parts {
        hasher.update(part);
    }
    ChainHash(*hasher.finalize().as_bytes())
}

/// Appends one record with its length prefix.
pub(crate) fn push_record(bytes: &mut Vec<u8>, record: &[u8]) {
    // Callers hold the record below RECORD_SIZE_MAX, which is far below u32::MAX.
    let size = u32::try_from(record.len()).expect("a record longer than u32::MAX");
    bytes.extend_from_slice(&size.to_le_bytes());
    bytes.extend_from_slice(record);
}

/// Walks the records of a group; ends early, without a panic, where a length prefix does not fit.
pub(crate) struct Frames<'a> {
    rest: &'a [u8],
}

impl<'a> Frames<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The number of records, or `None` if the prefixes do not fill the bytes exactly.
    pub fn count_exact(bytes: &'a [u8]) -> Option<u32> {
        let mut frames = Self::new(bytes);
        let record_count = frames.by_ref().count();
        if frames.rest.is_empty() { u32::try_from(record_count).ok() } else { None }
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (prefix, after) = self.rest.split_first_chunk::<RECORD_PREFIX_SIZE>()?;
        let size = u32::from_le_bytes(*prefix) as usize;
        if after.len() < size {
            return None;
        }
        let (record, rest) = after.split_at(size);
        self.rest = rest;
        Some(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: GroupHeader =
        GroupHeader { first_seq: 7, record_count: 2, epoch: 3, committed_ns: -5, durable_seq: 6 };

    #[test]
    fn records_come_back_as_they_went_in() {
        let mut bytes = Vec::new();
        for record in [&b"one"[..], b"", b"three"] {
            push_record(&mut bytes, record);
        }
        assert_eq!(Frames::new(&bytes).collect::<Vec<_>>(), [&b"one"[..], b"", b"three"]);
        assert_eq!(Frames::count_exact(&bytes), Some(3));
        bytes.pop();
        assert_eq!(Frames::count_exact(&bytes), None);
    }

    #[test]
    fn every_covered_field_changes_hash_and_checksum() {
        let previous = ChainHash([1; HASH_SIZE]);
        let (hash, crc) = (HEADER.hash(previous, b"abc"), HEADER.crc32c(b"abc"));
        let changed = [
            GroupHeader { first_seq: 8, ..HEADER },
            GroupHeader { record_count: 3, ..HEADER },
            GroupHeader { epoch: 4, ..HEADER },
            GroupHeader { committed_ns: -4, ..HEADER },
            GroupHeader { durable_seq: 5, ..HEADER },
        ];
        for header in changed {
            assert_ne!(header.hash(previous, b"abc"), hash, "{header:?}");
            assert_ne!(header.crc32c(b"abc"), crc, "{header:?}");
        }
        assert_ne!(HEADER.hash(ChainHash([2; HASH_SIZE]), b"abc"), hash);
        assert_ne!(HEADER.hash(previous, b"abd"), hash);
        assert_eq!(HEADER.last_seq(), 8);
    }
}
