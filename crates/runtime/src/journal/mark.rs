//! The mark file: how far the journal has acknowledged, kept apart from the database.
//!
//! SQLite by itself cannot tell a shorter journal from a younger one: a damaged write-ahead log is cut at the
//! first bad frame, and an older copy of the file is a perfectly good database. So the last acknowledged link
//! is written here, into one of two slots in turn, *before* `durable_seq` moves. A torn write costs the
//! slot being written and leaves the other. The layout is drawn in `README.md`.

use super::chain::{ChainHash, HASH_SIZE, Head, Position};
use super::error::JournalError;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"OJLMARK1";
const CRC_OFFSET: usize = 16 + 16 + 8 + 8 + HASH_SIZE;
const SLOT_SIZE: usize = CRC_OFFSET + 4;
/// Slots stand a page apart, so that no torn sector or page can take both.
const SLOT_STRIDE: usize = 4096;
const SLOT_COUNT: usize = 2;

const _: () = assert!(SLOT_SIZE <= 512, "a slot must fit in one sector");

/// The open mark file of a writer.
#[derive(Debug)]
pub(crate) struct MarkFile {
    file: File,
    path: PathBuf,
    journal_id: [u8; 16],
    generation: u64,
}

/// What a mark file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub journal_id: [u8; 16],
    pub head: Head,
    generation: u64,
}

/// What was found at the mark's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FoundMark {
    Absent,
    /// Neither slot is whole.
    Unreadable,
    Present(Mark),
}

impl MarkFile {
    /// Writes both slots of a new mark file and puts it in place durably.
    pub fn create(journal: &Path, journal_id: [u8; 16], head: Head) -> Result<Self, JournalError> {
        let path = mark_path(journal);
        let staging = super::sibling(&path, ".new");
        let file = super::files::create_private(&staging).map_err(JournalError::file(&staging, "create"))?;
        let mut mark = Self { file, path: staging.clone(), journal_id, generation: 0 };
        mark.file.set_len((SLOT_STRIDE * SLOT_COUNT) as u64).map_err(JournalError::file(&staging, "size"))?;
        mark.write(head)?;
        mark.write(head)?;
        mark.sync()?;
        std::fs::rename(&staging, &path).map_err(JournalError::file(&path, "put in place"))?;
        super::sync_folder(&path)?;
        mark.path = path;
        Ok(mark)
    }

    /// Opens the file a [`read`] found whole.
    pub fn resume(journal: &Path, found: Mark) -> Result<Self, JournalError> {
        let path = mark_path(journal);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(JournalError::file(&path, "open"))?;
        Ok(Self { file, path, journal_id: found.journal_id, generation: found.generation })
    }

    /// Writes the next slot; survives the process from here on, and the machine after [`Self::sync`].
    pub fn write(&mut self, head: Head) -> Result<(), JournalError> {
        self.generation += 1;
        let slot = encode(&Mark { journal_id: self.journal_id, head, generation: self.generation });
        let offset = (self.generation % SLOT_COUNT as u64) * SLOT_STRIDE as u64;
        self.file.write_all_at(&slot, offset).map_err(JournalError::file(&self.path, "write"))
    }

    pub fn sync(&self) -> Result<(), JournalError> {
        self.file.sync_data().map_err(JournalError::file(&self.path, "sync"))
    }
}

/// Reads the newest whole slot.
pub(crate) fn read(journal: &Path) -> Result<FoundMark, JournalError> {
    let path = mark_path(journal);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(FoundMark::Absent),
        Err(error) => return Err(JournalError::file(&path, "read")(error)),
    };
    let newest = (0..SLOT_COUNT)
        .filter_map(|index| bytes.get(index * SLOT_STRIDE..)?.first_chunk::<SLOT_SIZE>())
        .filter_map(decode)
        .max_by_key(|mark| mark.generation);
    Ok(newest.map_or(FoundMark::Unreadable, FoundMark::Present))
}

fn mark_path(journal: &Path) -> PathBuf {
    super::sibling(journal, ".mark")
}

fn encode(mark: &Mark) -> [u8; SLOT_SIZE] {
    let mut slot = [0; SLOT_SIZE];
    slot[0..8].copy_from_slice(MAGIC);
    slot[8..16].copy_from_slice(&mark.generation.to_le_bytes());
    slot[16..32].copy_from_slice(&mark.journal_id);
    slot[32..40].copy_from_slice(&mark.head.position.epoch.to_le_bytes());
    slot[40..48].copy_from_slice(&mark.head.position.seq.to_le_bytes());
    slot[48..CRC_OFFSET].copy_from_slice(&mark.head.hash.0);
    let crc = crc32c::crc32c(&slot[..CRC_OFFSET]);
    slot[CRC_OFFSET..].copy_from_slice(&crc.to_le_bytes());
    slot
}

fn decode(slot: &[u8; SLOT_SIZE]) -> Option<Mark> {
    fn take<const N: usize>(slot: &[u8; SLOT_SIZE], offset: usize) -> [u8; N] {
        slot[offset..offset + N].try_into().expect("offsets are constants inside the slot")
    }
    let crc = u32::from_le_bytes(take(slot, CRC_OFFSET));
    if take::<8>(slot, 0) != *MAGIC || crc32c::crc32c(&slot[..CRC_OFFSET]) != crc {
        return None;
    }
    let position =
        Position { epoch: u64::from_le_bytes(take(slot, 32)), seq: u64::from_le_bytes(take(slot, 40)) };
    Some(Mark {
        generation: u64::from_le_bytes(take(slot, 8)),
        journal_id: take(slot, 16),
        head: Head { position, hash: ChainHash(take(slot, 48)) },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_flipped_bit_voids_the_slot() {
        let head = Head { position: Position { epoch: 3, seq: 99 }, hash: ChainHash([7; HASH_SIZE]) };
        let mark = Mark { journal_id: [5; 16], head, generation: 12 };
        let slot = encode(&mark);
        assert_eq!(decode(&slot), Some(mark));
        for bit in 0..SLOT_SIZE * 8 {
            let mut flipped = slot;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&flipped), None, "bit {bit}");
        }
    }
}
