//! Snapshots of the engine's state: they shorten recovery, they are never needed for it.
//!
//! A state is a list of parts, most of which are those of the snapshot before. A part is kept once, under the hash of its
//! bytes; a snapshot is the list of its parts' hashes. Parts are encoded here, by the journal's thread, and written in small
//! transactions, so that money never waits behind a large one. The row in `snapshot` is written last and makes it valid.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use oddsengine_types::{Address, Encode, Part, Sealed};

use super::chain::{ChainHash, HASH_SIZE, snapshot_hasher};
use super::error::Damage;
use rusqlite::{Connection, OptionalExtension, params};

/// Bytes of a snapshot that are written in one transaction: about one or two milliseconds of a commit.
pub const SNAPSHOT_PART_SIZE: usize = 256 * 1024;
/// How many snapshots are kept: the newest, and one to fall back to.
pub const SNAPSHOTS_KEPT: u32 = 2;
/// Parts that are looked at in one step: most are kept already.
const PARTS_PER_STEP: usize = 512;
/// Kept parts that are looked at in one step of pruning.
const PRUNED_PER_STEP: usize = 4_096;
/// Pieces of the lists of older snapshots that are removed in one step.
const PIECES_PER_STEP: i64 = 4;
const ADDRESS_SIZE: usize = size_of::<Address>();

/// A state as it was at some moment, in parts: they go on existing while the state changes.
pub trait Image: fmt::Debug + Send {
    /// Its parts, in order.
    fn parts(&self) -> Vec<Arc<dyn Part>>;
    /// The engine's own hash of it.
    fn hash(&self) -> [u8; 16];
}

/// The engine's state after the record with sequence number `seq`, in parts that the engine encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The last record the state contains.
    pub seq: u64,
    /// The engine's own hash of its state.
    pub state_hash: [u8; 16],
    /// The version of the encoding.
    pub format: u32,
    /// When it was handed to the journal, nanoseconds since the Unix epoch.
    pub created_ns: i64,
    /// The bytes of each part, with the address under which they are kept.
    pub parts: Vec<(Address, Vec<u8>)>,
}

impl Snapshot {
    /// The size of the encoded state.
    pub fn byte_count(&self) -> u64 {
        self.parts.iter().map(|(_, bytes)| bytes.len() as u64).sum()
    }
}

/// A snapshot on its way to the journal's thread.
#[derive(Debug)]
pub(crate) struct NewSnapshot {
    pub seq: u64,
    pub format: u32,
    pub created_ns: i64,
    pub image: Box<dyn Image>,
}

/// A snapshot without its bytes, as listed by [`verify`](super::verify).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// The last record the state contains.
    pub seq: u64,
    /// The engine's own hash of its state.
    pub state_hash: [u8; 16],
    /// The version of the encoding.
    pub format: u32,
    /// The size of the encoded state.
    pub byte_count: u64,
}

/// A snapshot being written, one step at a time.
pub(crate) struct SnapshotJob {
    snapshot: NewSnapshot,
    parts: Vec<Arc<dyn Part>>,
    /// The addresses of the parts that are kept, one after another.
    list: Vec<u8>,
    byte_count: u64,
    encoded: Vec<u8>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Begin,
    /// The part that is looked at next.
    Parts(usize),
    /// The piece of the list that is written next.
    List(usize),
    Row,
    Prune(Pruning),
}

/// Removes what no kept snapshot needs, some at a time.
#[derive(Debug, Default)]
struct Pruning {
    stage: PruneStage,
    /// The parts of the snapshots that are kept, as far as their lists were read.
    needed: BTreeSet<Address>,
}

#[derive(Debug, Default)]
enum PruneStage {
    /// The rows of older snapshots.
    #[default]
    Rows,
    /// The pieces of their lists.
    Pieces,
    /// Reads the list of a kept one, a piece a step, behind this one.
    Lists(i64, i64),
    /// Looks at the kept parts, behind this one.
    Parts(Vec<u8>),
}

impl fmt::Debug for SnapshotJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SnapshotJob({}, {} parts, {:?})", self.snapshot.seq, self.parts.len(), self.stage)
    }
}

impl SnapshotJob {
    pub fn new(snapshot: NewSnapshot) -> Self {
        let parts = snapshot.image.parts();
        Self { snapshot, parts, list: Vec::new(), byte_count: 0, encoded: Vec::new(), stage: Stage::Begin }
    }

    pub fn seq(&self) -> u64 {
        self.snapshot.seq
    }

    /// Whether the snapshot itself is durable; only pruning is left.
    pub fn is_written(&self) -> bool {
        matches!(self.stage, Stage::Prune(_))
    }

    /// Does one transaction's worth of work; returns whether everything is done.
    pub fn step(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        match &mut self.stage {
            Stage::Begin => {
                // The state after a record is one state: a second snapshot of it would be the same.
                let is_present = connection
                    .prepare_cached("SELECT 1 FROM snapshot WHERE seq = ?1")?
                    .exists([self.snapshot.seq.cast_signed()])?;
                self.stage = if is_present { Stage::Prune(Pruning::default()) } else { Stage::Parts(0) };
            }
            Stage::Parts(next) => {
                let next = *next;
                self.stage = Stage::Parts(in_transaction(connection, || self.keep_parts(connection, next))?);
                if matches!(self.stage, Stage::Parts(next) if next == self.parts.len()) {
                    self.stage = Stage::List(0);
                }
            }
            Stage::List(piece) => {
                let piece = *piece;
                let Some(bytes) = self.list.chunks(SNAPSHOT_PART_SIZE).nth(piece) else {
                    self.stage = Stage::Row;
                    return Ok(false);
                };
                connection
                    .prepare_cached(
                        "INSERT OR REPLACE INTO snapshot_part (seq, part, bytes) VALUES (?1, ?2, ?3)",
                    )?
                    .execute(params![self.snapshot.seq.cast_signed(), piece as i64, bytes])?;
                self.stage = Stage::List(piece + 1);
            }
            Stage::Row => {
                self.write_row(connection)?;
                // Pages that only this image still holds go now.
                self.parts = Vec::new();
                self.stage = Stage::Prune(Pruning::default());
            }
            Stage::Prune(pruning) => return in_transaction(connection, || pruning.step(connection)),
        }
        Ok(false)
    }

    /// Keeps the parts from one on, as far as one transaction goes; the first that is left.
    fn keep_parts(&mut self, connection: &Connection, first: usize) -> rusqlite::Result<usize> {
        let mut kept_size =
            connection.prepare_cached("SELECT length(bytes) FROM snapshot_page WHERE address = ?1")?;
        let mut insert = connection
            .prepare_cached("INSERT OR IGNORE INTO snapshot_page (address, bytes) VALUES (?1, ?2)")?;
        let (mut written, mut next) = (0, first);
        // A step that fails is not repeated, but begun anew with the next snapshot.
        for part in self.parts[first..].iter().take(PARTS_PER_STEP) {
            if written >= SNAPSHOT_PART_SIZE {
                break;
            }
            next += 1;
            if let Some(address) = part.address().get()
                && let Some(size) = kept_size.query_row([address], |row| row.get::<_, i64>(0)).optional()?
            {
                self.list.extend_from_slice(address);
                self.byte_count += size.cast_unsigned();
                continue;
            }
            self.encoded.clear();
            part.encode_part(&mut self.encoded);
            let address = address_of(&self.encoded);
            insert.execute(params![address, self.encoded])?;
            let _ = part.address().set(address);
            self.list.extend_from_slice(&address);
            self.byte_count += self.encoded.len() as u64;
            written += self.encoded.len();
        }
        Ok(next)
    }

    fn write_row(&self, connection: &Connection) -> rusqlite::Result<()> {
        let state_hash = self.snapshot.image.hash();
        let mut hasher = snapshot_hasher(self.snapshot.seq, &state_hash, self.snapshot.format);
        hasher.update(&self.list);
        connection
            .prepare_cached(
                "INSERT INTO snapshot (seq, state_hash, format, created_ns, byte_count, part_count, hash)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                self.snapshot.seq.cast_signed(),
                state_hash,
                self.snapshot.format,
                self.snapshot.created_ns,
                self.byte_count.cast_signed(),
                self.list.len().div_ceil(SNAPSHOT_PART_SIZE) as i64,
                *hasher.finalize().as_bytes(),
            ])?;
        Ok(())
    }
}

impl Pruning {
    /// Does a bounded part of the work; returns whether all of it is done.
    fn step(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        self.stage = match &self.stage {
            PruneStage::Rows => {
                connection
                    .prepare_cached(
                        "DELETE FROM snapshot WHERE seq NOT IN (SELECT seq FROM snapshot ORDER BY seq DESC LIMIT ?1)",
                    )?
                    .execute([SNAPSHOTS_KEPT])?;
                PruneStage::Pieces
            }
            PruneStage::Pieces => {
                let mut delete = connection.prepare_cached(
                    "DELETE FROM snapshot_part WHERE (seq, part) IN (SELECT seq, part FROM snapshot_part
                     WHERE seq NOT IN (SELECT seq FROM snapshot) LIMIT ?1)",
                )?;
                match delete.execute([PIECES_PER_STEP])? < PIECES_PER_STEP as usize {
                    true => PruneStage::Lists(-1, -1),
                    false => PruneStage::Pieces,
                }
            }
            &PruneStage::Lists(seq, part) => {
                let mut select = connection.prepare_cached(
                    "SELECT seq, part, bytes FROM snapshot_part WHERE (seq, part) > (?1, ?2) ORDER BY seq, part LIMIT 1",
                )?;
                let mut rows = select.query([seq, part])?;
                match rows.next()? {
                    Some(row) => {
                        self.needed.extend(addresses_of(row.get_ref(2)?.as_blob()?));
                        PruneStage::Lists(row.get(0)?, row.get(1)?)
                    }
                    None => PruneStage::Parts(Vec::new()),
                }
            }
            PruneStage::Parts(after) => match self.prune_parts(connection, after)? {
                Some(after) => PruneStage::Parts(after),
                None => return Ok(true),
            },
        };
        Ok(false)
    }

    /// Looks at some parts and removes those that no kept snapshot needs; the last one that was looked at, none at the end.
    fn prune_parts(&self, connection: &Connection, after: &[u8]) -> rusqlite::Result<Option<Vec<u8>>> {
        let mut delete = connection.prepare_cached("DELETE FROM snapshot_page WHERE address = ?1")?;
        let mut select = connection.prepare_cached(
            "SELECT address FROM snapshot_page WHERE address > ?1 ORDER BY address LIMIT ?2",
        )?;
        let looked_at: Vec<Address> = select
            .query_map(params![after, PRUNED_PER_STEP as i64], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        let mut removed_count = 0;
        for (index, address) in looked_at.iter().enumerate() {
            // As much as the pages of some parts go back to the free list at once.
            if removed_count == PRUNED_PER_STEP / 64 {
                return Ok(Some(looked_at[index - 1].to_vec()));
            }
            if !self.needed.contains(address) {
                removed_count += delete.execute([address])?;
            }
        }
        let is_last = looked_at.len() < PRUNED_PER_STEP;
        Ok(looked_at.last().filter(|_| !is_last).map(|address| address.to_vec()))
    }
}

fn in_transaction<T>(
    connection: &Connection,
    work: impl FnOnce() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let transaction = connection.unchecked_transaction()?;
    let done = work()?;
    transaction.commit()?;
    Ok(done)
}

/// Under what bytes are kept.
fn address_of(bytes: &[u8]) -> Address {
    *blake3::hash(bytes).as_bytes()
}

fn addresses_of(list: &[u8]) -> impl Iterator<Item = Address> {
    list.as_chunks::<ADDRESS_SIZE>().0.iter().copied()
}

/// The snapshots that are whole and not ahead of `last_seq`, newest first, and what is wrong with the others.
pub(crate) fn survey(connection: &Connection, last_seq: u64) -> (Vec<SnapshotInfo>, Vec<Damage>) {
    let mut damages = Vec::new();
    let mut sound = Vec::new();
    for seq in listed(connection, &mut damages) {
        match load(connection, seq, last_seq) {
            Ok(found) => sound.push(SnapshotInfo {
                seq: found.seq,
                state_hash: found.state_hash,
                format: found.format,
                byte_count: found.byte_count(),
            }),
            Err(reason) => damages.push(Damage::SnapshotDamaged { seq, reason }),
        }
    }
    (sound, damages)
}

/// The newest whole snapshot that can be used, and what is wrong with any newer one.
pub(crate) fn newest(
    connection: &Connection,
    last_seq: u64,
    is_usable: &mut dyn FnMut(&Snapshot) -> bool,
) -> (Option<Snapshot>, Vec<Damage>) {
    let mut damages = Vec::new();
    for seq in listed(connection, &mut damages) {
        match load(connection, seq, last_seq) {
            Ok(snapshot) if is_usable(&snapshot) => return (Some(snapshot), damages),
            Ok(_) => {}
            Err(reason) => damages.push(Damage::SnapshotDamaged { seq, reason }),
        }
    }
    (None, damages)
}

/// The snapshots that are kept, whole or not, oldest first.
pub(crate) fn kept_seqs(connection: &Connection) -> rusqlite::Result<Vec<u64>> {
    let mut select = connection.prepare_cached("SELECT seq FROM snapshot ORDER BY seq")?;
    select.query_map([], |row| Ok(row.get::<_, i64>(0)?.cast_unsigned()))?.collect()
}

/// Whether a snapshot is whole.
pub(crate) fn check(connection: &Connection, seq: u64) -> Result<(), String> {
    load(connection, seq, u64::MAX).map(drop)
}

/// The newest whole snapshot of a state before record `seq`.
pub(crate) fn before(connection: &Connection, seq: u64) -> Option<Snapshot> {
    let listed = listed(connection, &mut Vec::new());
    listed.into_iter().filter(|found| *found < seq).find_map(|found| load(connection, found, u64::MAX).ok())
}

fn listed(connection: &Connection, damages: &mut Vec<Damage>) -> Vec<u64> {
    let list = || -> rusqlite::Result<Vec<u64>> {
        // Before its owner opens it, a journal of the format before has snapshots of another kind.
        if !super::store::has_table(connection, "snapshot_page")? {
            return Ok(Vec::new());
        }
        let mut select = connection.prepare("SELECT seq FROM snapshot ORDER BY seq DESC")?;
        select.query_map([], |row| Ok(row.get::<_, i64>(0)?.cast_unsigned()))?.collect()
    };
    list().unwrap_or_else(|error| {
        damages.push(Damage::SnapshotDamaged { seq: 0, reason: error.to_string() });
        Vec::new()
    })
}

fn load(connection: &Connection, seq: u64, last_seq: u64) -> Result<Snapshot, String> {
    if last_seq < seq {
        return Err(format!("it is ahead of the journal, which ends at seq {last_seq}"));
    }
    let (mut snapshot, list, stored) = read(connection, seq).map_err(|error| error.to_string())?;
    let mut hasher = snapshot_hasher(seq, &snapshot.state_hash, snapshot.format);
    hasher.update(&list);
    let actual = ChainHash(*hasher.finalize().as_bytes());
    if actual != stored {
        return Err(format!("it has hash {actual}, expected {stored}"));
    }
    let mut select = connection
        .prepare_cached("SELECT bytes FROM snapshot_page WHERE address = ?1")
        .map_err(|error| error.to_string())?;
    for (index, address) in addresses_of(&list).enumerate() {
        let bytes: Vec<u8> = select
            .query_row([address], |row| row.get(0))
            .map_err(|error| format!("part {index} of it: {error}"))?;
        let actual = address_of(&bytes);
        if actual != address {
            let (actual, address) = (ChainHash(actual), ChainHash(address));
            return Err(format!("part {index} of it has hash {actual}, expected {address}"));
        }
        snapshot.parts.push((address, bytes));
    }
    Ok(snapshot)
}

/// A snapshot without its parts, the list of them, and the hash of both.
fn read(connection: &Connection, seq: u64) -> rusqlite::Result<(Snapshot, Vec<u8>, ChainHash)> {
    let (snapshot, part_count, hash) = connection.query_row(
        "SELECT state_hash, format, created_ns, part_count, hash FROM snapshot WHERE seq = ?1",
        [seq.cast_signed()],
        |row| {
            let (state_hash, format, created_ns) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let snapshot = Snapshot { seq, state_hash, format, created_ns, parts: Vec::new() };
            Ok((snapshot, row.get::<_, i64>(3)?, ChainHash(row.get::<_, [u8; HASH_SIZE]>(4)?)))
        },
    )?;
    let mut pieces =
        connection.prepare("SELECT bytes FROM snapshot_part WHERE seq = ?1 AND part < ?2 ORDER BY part")?;
    let mut rows = pieces.query([seq.cast_signed(), part_count])?;
    let mut list = Vec::new();
    while let Some(row) = rows.next()? {
        list.extend_from_slice(row.get_ref(0)?.as_blob()?);
    }
    Ok((snapshot, list, hash))
}

/// A state that is one part: for journals of something else than an engine.
pub fn whole(state_hash: [u8; 16], bytes: Vec<u8>) -> Box<dyn Image> {
    Box::new(Whole { state_hash, part: Sealed::new(Bytes(bytes)) })
}

#[derive(Debug)]
struct Whole {
    state_hash: [u8; 16],
    part: Sealed<Bytes>,
}

#[derive(Debug)]
struct Bytes(Vec<u8>);

impl Encode for Bytes {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
}

impl Image for Whole {
    fn parts(&self) -> Vec<Arc<dyn Part>> {
        vec![self.part.part()]
    }

    fn hash(&self) -> [u8; 16] {
        self.state_hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::store::{Store, create};

    /// One step read the lists of both snapshots, and removed all pieces of older ones: with ten million tickets some
    /// hundred milliseconds, in which no group was committed.
    #[test]
    fn pruning_goes_in_bounded_steps() {
        let folder = std::env::temp_dir().join(format!("oddsengine-prune-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("journal.db");
        create(&path, [1; 16], 7).unwrap();
        let store = Store::connect(&path).unwrap();
        let connection = &store.connection;
        let pieces = 10;
        let per_piece = SNAPSHOT_PART_SIZE / ADDRESS_SIZE;
        let address = |seq: i64, part: usize, index: usize| {
            *blake3::hash(format!("{seq}/{part}/{index}").as_bytes()).as_bytes()
        };
        // The third of them is the oldest, and its pieces and a page that only it needs go.
        connection.execute_batch("BEGIN").unwrap();
        for seq in [1_i64, 2, 3] {
            let sql = "INSERT INTO snapshot VALUES (?1, zeroblob(16), 1, 1, 1, ?2, zeroblob(32))";
            connection.execute(sql, params![seq, pieces as i64]).unwrap();
            for part in 0..pieces {
                let bytes: Vec<u8> = (0..per_piece).flat_map(|index| address(seq, part, index)).collect();
                let sql = "INSERT INTO snapshot_part VALUES (?1, ?2, ?3)";
                connection.execute(sql, params![seq, part as i64, bytes]).unwrap();
            }
            for index in 0..100 {
                let sql = "INSERT INTO snapshot_page VALUES (?1, zeroblob(10))";
                connection.execute(sql, [address(seq, pieces - 1, index)]).unwrap();
            }
        }
        connection.execute_batch("COMMIT").unwrap();
        let count = |table: &str| -> usize {
            let sql = format!("SELECT count(*) FROM {table}");
            connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap() as usize
        };
        let mut pruning = Pruning::default();
        let mut steps = 0;
        loop {
            let before = (pruning.needed.len(), count("snapshot_part"), count("snapshot_page"));
            let is_done = pruning.step(connection).unwrap();
            steps += 1;
            assert!(pruning.needed.len() - before.0 <= per_piece, "step {steps} read more than a piece");
            assert!(before.1 - count("snapshot_part") <= PIECES_PER_STEP as usize);
            assert!(before.2 - count("snapshot_page") <= PRUNED_PER_STEP / 64);
            if is_done {
                break;
            }
        }
        // The rows, three steps of pieces, twenty of lists and the one that finds no further, two of pages.
        assert_eq!(steps, 1 + 3 + 21 + 2);
        assert_eq!((count("snapshot"), count("snapshot_part"), count("snapshot_page")), (2, 2 * pieces, 200));
        assert_eq!(pruning.needed.len(), 2 * pieces * per_piece);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
