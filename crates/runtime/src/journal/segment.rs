//! Sealed segments: old groups outside of the live database, and the rows there that prove them.
//!
//! A segment is a small SQLite file that is written once: blocks of groups, compressed by zstd, under the sequence number
//! they begin with. The live database keeps a row for each: what it holds, the links at both of its ends, and the hash of
//! the whole file. From the moment the row is durable the segment counts, and the groups that are still in the live
//! database do not.

use super::chain::{ChainHash, GroupHeader, HASH_SIZE, segment_hash};
use super::error::JournalError;
use super::store;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Marks a segment in SQLite's header ("OJS1").
pub(crate) const SEGMENT_APPLICATION_ID: i64 = 0x4F4A_5331;
/// The largest block that is unpacked: a full group and the largest record.
const BLOCK_BYTES_MAX: usize = super::GROUP_BYTES_MAX + super::RECORD_SIZE_MAX + (2 << 20);

// A journal gets the table with its first segment.
pub(crate) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS segment (
    number              INTEGER PRIMARY KEY,
    first_seq           INTEGER NOT NULL,
    last_seq            INTEGER NOT NULL,
    group_count         INTEGER NOT NULL,
    record_count        INTEGER NOT NULL,
    byte_count          INTEGER NOT NULL,
    first_previous_hash BLOB    NOT NULL,
    last_hash           BLOB    NOT NULL,
    file_name           TEXT    NOT NULL,
    file_bytes          INTEGER NOT NULL,
    file_hash           BLOB    NOT NULL,
    sealed_ns           INTEGER NOT NULL,
    previous_hash       BLOB    NOT NULL,
    hash                BLOB    NOT NULL
) STRICT;
";

pub(crate) const FILE_SCHEMA: &str = "
CREATE TABLE segment (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE block (
    first_seq     INTEGER PRIMARY KEY,
    group_count   INTEGER NOT NULL,
    byte_count    INTEGER NOT NULL,
    zstd          BLOB    NOT NULL
) STRICT;
";

const COLUMNS: &str =
    "number, first_seq, last_seq, group_count, record_count, byte_count, first_previous_hash, last_hash,
     file_name, file_bytes, file_hash, sealed_ns, previous_hash, hash";

/// A sealed segment, as the live database knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Counted from 1, without gaps.
    pub number: u64,
    /// The first record in it.
    pub first_seq: u64,
    /// The last record in it.
    pub last_seq: u64,
    /// Commit groups in it.
    pub group_count: u64,
    /// Records in it.
    pub record_count: u64,
    /// Bytes of its records, with the length prefixes, before compression.
    pub byte_count: u64,
    /// The link before its first group.
    pub first_previous_hash: ChainHash,
    /// Its last group's link.
    pub last_hash: ChainHash,
    /// The name of its file, beside the journal or where the operator put it.
    pub file_name: String,
    /// The size of its file.
    pub file_bytes: u64,
    /// BLAKE3 of its file.
    pub file_hash: ChainHash,
    /// When it was sealed, nanoseconds since the Unix epoch.
    pub sealed_ns: i64,
    /// The row before it; the journal's genesis for the first.
    pub(crate) previous_hash: ChainHash,
    /// BLAKE3 of this row.
    pub(crate) hash: ChainHash,
}

impl SegmentInfo {
    pub(crate) fn computed_hash(&self) -> ChainHash {
        let numbers = [
            self.number,
            self.first_seq,
            self.last_seq,
            self.group_count,
            self.record_count,
            self.byte_count,
            self.file_bytes,
            self.sealed_ns.cast_unsigned(),
        ];
        segment_hash(
            self.previous_hash,
            &numbers,
            &[self.first_previous_hash, self.last_hash, self.file_hash],
            &self.file_name,
        )
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let number = |index| row.get::<_, i64>(index).map(i64::cast_unsigned);
        let hash = |index| row.get::<_, [u8; HASH_SIZE]>(index).map(ChainHash);
        Ok(Self {
            number: number(0)?,
            first_seq: number(1)?,
            last_seq: number(2)?,
            group_count: number(3)?,
            record_count: number(4)?,
            byte_count: number(5)?,
            first_previous_hash: hash(6)?,
            last_hash: hash(7)?,
            file_name: row.get(8)?,
            file_bytes: number(9)?,
            file_hash: hash(10)?,
            sealed_ns: row.get(11)?,
            previous_hash: hash(12)?,
            hash: hash(13)?,
        })
    }

    pub(crate) fn insert(&self, connection: &Connection) -> rusqlite::Result<()> {
        let transaction = connection.unchecked_transaction()?;
        transaction.execute_batch(SCHEMA)?;
        transaction.execute(
            &format!(
                "INSERT INTO segment ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
            ),
            params![
                self.number.cast_signed(),
                self.first_seq.cast_signed(),
                self.last_seq.cast_signed(),
                self.group_count.cast_signed(),
                self.record_count.cast_signed(),
                self.byte_count.cast_signed(),
                self.first_previous_hash.0,
                self.last_hash.0,
                self.file_name,
                self.file_bytes.cast_signed(),
                self.file_hash.0,
                self.sealed_ns,
                self.previous_hash.0,
                self.hash.0,
            ],
        )?;
        transaction.commit()
    }
}

/// Where the segments of a journal are looked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf {
    /// Asked first, where the operator named one.
    pub folder: Option<PathBuf>,
}

impl Shelf {
    /// The file of a segment, if it is anywhere.
    pub fn find(&self, journal: &Path, info: &SegmentInfo) -> Option<PathBuf> {
        // The name is data: it must not lead out of the folder.
        let name = Path::new(&info.file_name).file_name()?;
        let beside = journal.with_file_name(name);
        self.folder.iter().map(|folder| folder.join(name)).chain([beside]).find(|path| path.is_file())
    }

    pub fn missing(&self, journal: &Path, info: &SegmentInfo) -> JournalError {
        JournalError::SegmentMissing {
            path: journal.to_owned(),
            file_name: info.file_name.clone(),
            first_seq: info.first_seq,
            last_seq: info.last_seq,
        }
    }
}

/// All rows, in order; none where the journal was never compacted.
pub(crate) fn rows(connection: &Connection) -> rusqlite::Result<Vec<SegmentInfo>> {
    if !store::has_table(connection, "segment")? {
        return Ok(Vec::new());
    }
    let mut select = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM segment ORDER BY number"))?;
    select.query_map([], SegmentInfo::read)?.collect()
}

/// The newest row, if there is one.
pub(crate) fn last(connection: &Connection) -> rusqlite::Result<Option<SegmentInfo>> {
    if !store::has_table(connection, "segment")? {
        return Ok(None);
    }
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM segment ORDER BY number DESC LIMIT 1"))?
        .query_row([], SegmentInfo::read)
        .optional()
}

/// The segment that holds a record.
pub(crate) fn covering(connection: &Connection, seq: u64) -> rusqlite::Result<Option<SegmentInfo>> {
    if !store::has_table(connection, "segment")? {
        return Ok(None);
    }
    // Mostly what is asked for is live; the rows have no index but their number.
    if sealed_seq(connection)? < seq {
        return Ok(None);
    }
    let Ok(seq) = i64::try_from(seq) else { return Ok(None) };
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM segment WHERE first_seq <= ?1 AND ?1 <= last_seq ORDER BY number LIMIT 1"
        ))?
        .query_row([seq], SegmentInfo::read)
        .optional()
}

/// The last record that is sealed; 0 for none. Live groups up to it are leftovers of a compaction that was cut short.
pub(crate) fn sealed_seq(connection: &Connection) -> rusqlite::Result<u64> {
    if !store::has_table(connection, "segment")? {
        return Ok(0);
    }
    let last: Option<i64> = connection
        .prepare_cached("SELECT last_seq FROM segment ORDER BY number DESC LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(last.map_or(0, |last| last.max(0).cast_unsigned()))
}

/// A group outside of SQLite, with its seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SealedGroup {
    pub header: GroupHeader,
    pub bytes: Vec<u8>,
    pub crc32c: u32,
    pub previous_hash: ChainHash,
    pub hash: ChainHash,
}

impl SealedGroup {
    const PREFIX: usize = GroupHeader::SIZE + 4 + 4 + 2 * HASH_SIZE;

    /// In a block: header, checksum, length, the links, the records.
    pub fn push(&self, block: &mut Vec<u8>) {
        block.extend_from_slice(&self.header.to_bytes());
        block.extend_from_slice(&self.crc32c.to_le_bytes());
        let size = u32::try_from(self.bytes.len()).expect("a group is below SQLite's bound of a blob");
        block.extend_from_slice(&size.to_le_bytes());
        block.extend_from_slice(&self.previous_hash.0);
        block.extend_from_slice(&self.hash.0);
        block.extend_from_slice(&self.bytes);
    }

    fn take(block: &[u8]) -> Option<(Self, &[u8])> {
        let (prefix, rest) = block.split_first_chunk::<{ Self::PREFIX }>()?;
        let (header, seal) = prefix.split_first_chunk::<{ GroupHeader::SIZE }>()?;
        let (crc32c, seal) = seal.split_first_chunk::<4>()?;
        let (size, seal) = seal.split_first_chunk::<4>()?;
        let (previous, seal) = seal.split_first_chunk::<HASH_SIZE>()?;
        let (hash, _) = seal.split_first_chunk::<HASH_SIZE>()?;
        let size = u32::from_le_bytes(*size) as usize;
        let bytes = rest.get(..size)?.to_vec();
        let group = Self {
            header: GroupHeader::from_bytes(header),
            bytes,
            crc32c: u32::from_le_bytes(*crc32c),
            previous_hash: ChainHash(*previous),
            hash: ChainHash(*hash),
        };
        Some((group, &rest[size..]))
    }
}

/// An open segment.
#[derive(Debug)]
pub(crate) struct SegmentFile {
    pub number: u64,
    connection: Connection,
}

impl SegmentFile {
    pub fn open(path: &Path, number: u64) -> rusqlite::Result<Self> {
        let flags =
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        // Written once, and never again: no locks, no index, also in a folder that cannot be written.
        let connection = Connection::open_with_flags(store::immutable_uri(path), flags)?;
        Ok(Self { number, connection })
    }

    /// The groups of the block that holds a record, or that begins at or after it; empty behind the last.
    pub fn block(&self, seq: u64) -> Result<Vec<SealedGroup>, String> {
        let read = || -> rusqlite::Result<Option<(i64, i64, Vec<u8>)>> {
            self.connection
                .prepare_cached(
                    "SELECT group_count, byte_count, zstd FROM block
                     WHERE first_seq <= ?1 ORDER BY first_seq DESC LIMIT 1",
                )?
                .query_row([seq.cast_signed()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()
        };
        let Some((group_count, byte_count, packed)) = read().map_err(|error| error.to_string())? else {
            return Err(format!("it has no block for seq {seq}"));
        };
        let capacity = usize::try_from(byte_count).unwrap_or(usize::MAX);
        if BLOCK_BYTES_MAX < capacity {
            return Err(format!("its block for seq {seq} is of {byte_count} bytes, above {BLOCK_BYTES_MAX}"));
        }
        let block = zstd::bulk::decompress(&packed, capacity)
            .map_err(|error| format!("its block for seq {seq}: {error}"))?;
        let mut groups = Vec::new();
        let mut rest = &block[..];
        while let Some((group, after)) = SealedGroup::take(rest) {
            groups.push(group);
            rest = after;
        }
        match rest.is_empty() && groups.len() as i64 == group_count {
            true => Ok(groups),
            false => Err(format!("its block for seq {seq} is not {group_count} groups")),
        }
    }
}

/// BLAKE3 of a file, some at a time.
#[derive(Debug, Default)]
pub(crate) struct FileHasher {
    hasher: blake3::Hasher,
    byte_count: u64,
}

impl FileHasher {
    /// Takes at most so many bytes more; returns whether the file is at its end.
    pub fn step(&mut self, path: &Path, bytes_max: u64) -> std::io::Result<bool> {
        let mut file = std::fs::File::open(path)?;
        file.seek(SeekFrom::Start(self.byte_count))?;
        let taken = std::io::copy(&mut file.take(bytes_max), &mut self.hasher)?;
        self.byte_count += taken;
        Ok(taken < bytes_max)
    }

    /// The bytes and their hash.
    pub fn finish(&self) -> (u64, ChainHash) {
        (self.byte_count, ChainHash(*self.hasher.finalize().as_bytes()))
    }
}

/// BLAKE3 of a file.
pub(crate) fn file_hash(path: &Path) -> std::io::Result<ChainHash> {
    let mut hasher = FileHasher::default();
    hasher.step(path, u64::MAX)?;
    Ok(hasher.finish().1)
}
