//! Snapshots of the engine's state: they shorten recovery, they are never needed for it.
//!
//! A snapshot is written in parts, one small transaction each, so that money never waits behind a large one.
//! Its row in `snapshot` is written last and makes it valid.

use super::chain::{ChainHash, HASH_SIZE, snapshot_hasher};
use super::error::Damage;
use rusqlite::{Connection, params};

/// Bytes of a snapshot that are written in one transaction: about one or two milliseconds of a commit.
pub const SNAPSHOT_PART_SIZE: usize = 256 * 1024;
/// How many snapshots are kept: the newest, and one to fall back to.
pub const SNAPSHOTS_KEPT: u32 = 2;

/// The engine's state after the record with sequence number `seq`, encoded by the engine.
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
    /// The encoded state.
    pub bytes: Vec<u8>,
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
#[derive(Debug)]
pub(crate) struct SnapshotJob {
    snapshot: Snapshot,
    hasher: blake3::Hasher,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Begin,
    Part(usize),
    Row,
    Prune,
}

impl SnapshotJob {
    pub fn new(snapshot: Snapshot) -> Self {
        let hasher = snapshot_hasher(snapshot.seq, &snapshot.state_hash, snapshot.format);
        Self { snapshot, hasher, stage: Stage::Begin }
    }

    pub fn seq(&self) -> u64 {
        self.snapshot.seq
    }

    /// Whether the snapshot itself is durable; only pruning is left.
    pub fn is_written(&self) -> bool {
        matches!(self.stage, Stage::Prune)
    }

    /// Does one transaction's worth of work; returns whether everything is done.
    pub fn step(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        match self.stage {
            Stage::Begin => {
                // The state after a record is one state: a second snapshot of it would be the same.
                let is_present = connection
                    .prepare_cached("SELECT 1 FROM snapshot WHERE seq = ?1")?
                    .exists([self.snapshot.seq.cast_signed()])?;
                self.stage = if is_present { Stage::Prune } else { self.part_stage(0) };
            }
            Stage::Part(part) => {
                let bytes = self.part(part);
                connection
                    .prepare_cached(
                        "INSERT OR REPLACE INTO snapshot_part (seq, part, bytes) VALUES (?1, ?2, ?3)",
                    )?
                    .execute(params![self.snapshot.seq.cast_signed(), part as i64, bytes])?;
                let (start, end) = (part * SNAPSHOT_PART_SIZE, part * SNAPSHOT_PART_SIZE + bytes.len());
                self.hasher.update(&self.snapshot.bytes[start..end]);
                self.stage = self.part_stage(part + 1);
            }
            Stage::Row => {
                self.write_row(connection)?;
                self.stage = Stage::Prune;
            }
            Stage::Prune => return prune_one(connection).map(|pruned| !pruned),
        }
        Ok(false)
    }

    fn part_stage(&self, part: usize) -> Stage {
        if part < self.part_count() { Stage::Part(part) } else { Stage::Row }
    }

    fn part_count(&self) -> usize {
        self.snapshot.bytes.len().div_ceil(SNAPSHOT_PART_SIZE)
    }

    fn part(&self, part: usize) -> &[u8] {
        let rest = &self.snapshot.bytes[part * SNAPSHOT_PART_SIZE..];
        &rest[..rest.len().min(SNAPSHOT_PART_SIZE)]
    }

    fn write_row(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection
            .prepare_cached(
                "INSERT INTO snapshot (seq, state_hash, format, created_ns, byte_count, part_count, hash)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                self.snapshot.seq.cast_signed(),
                self.snapshot.state_hash,
                self.snapshot.format,
                self.snapshot.created_ns,
                self.snapshot.bytes.len() as i64,
                self.part_count() as i64,
                *self.hasher.finalize().as_bytes(),
            ])?;
        Ok(())
    }
}

/// Removes one row that no kept snapshot needs; returns whether there was one.
fn prune_one(connection: &Connection) -> rusqlite::Result<bool> {
    let old_rows = connection
        .prepare_cached(
            "DELETE FROM snapshot WHERE seq NOT IN (SELECT seq FROM snapshot ORDER BY seq DESC LIMIT ?1)",
        )?
        .execute([SNAPSHOTS_KEPT])?;
    let old_parts = connection
        .prepare_cached(
            "DELETE FROM snapshot_part WHERE rowid =
             (SELECT rowid FROM snapshot_part WHERE seq NOT IN (SELECT seq FROM snapshot) LIMIT 1)",
        )?
        .execute([])?;
    Ok(old_rows + old_parts > 0)
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
                byte_count: found.bytes.len() as u64,
            }),
            Err(reason) => damages.push(Damage::SnapshotDamaged { seq, reason }),
        }
    }
    (sound, damages)
}

/// The newest whole snapshot, and what is wrong with any newer one.
pub(crate) fn newest(connection: &Connection, last_seq: u64) -> (Option<Snapshot>, Vec<Damage>) {
    let mut damages = Vec::new();
    for seq in listed(connection, &mut damages) {
        match load(connection, seq, last_seq) {
            Ok(snapshot) => return (Some(snapshot), damages),
            Err(reason) => damages.push(Damage::SnapshotDamaged { seq, reason }),
        }
    }
    (None, damages)
}

/// The newest whole snapshot of a state before record `seq`.
pub(crate) fn before(connection: &Connection, seq: u64) -> Option<Snapshot> {
    let listed = listed(connection, &mut Vec::new());
    listed.into_iter().filter(|found| *found < seq).find_map(|found| load(connection, found, u64::MAX).ok())
}

fn listed(connection: &Connection, damages: &mut Vec<Damage>) -> Vec<u64> {
    let list = || -> rusqlite::Result<Vec<u64>> {
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
    let (snapshot, stored) = read(connection, seq).map_err(|error| error.to_string())?;
    let mut hasher = snapshot_hasher(seq, &snapshot.state_hash, snapshot.format);
    hasher.update(&snapshot.bytes);
    let actual = ChainHash(*hasher.finalize().as_bytes());
    if actual != stored {
        return Err(format!("it has hash {actual}, expected {stored}"));
    }
    Ok(snapshot)
}

fn read(connection: &Connection, seq: u64) -> rusqlite::Result<(Snapshot, ChainHash)> {
    let (mut snapshot, part_count, hash) = connection.query_row(
        "SELECT state_hash, format, created_ns, part_count, hash FROM snapshot WHERE seq = ?1",
        [seq.cast_signed()],
        |row| {
            let (state_hash, format, created_ns) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let snapshot = Snapshot { seq, state_hash, format, created_ns, bytes: Vec::new() };
            Ok((snapshot, row.get::<_, i64>(3)?, ChainHash(row.get::<_, [u8; HASH_SIZE]>(4)?)))
        },
    )?;
    let mut parts =
        connection.prepare("SELECT bytes FROM snapshot_part WHERE seq = ?1 AND part < ?2 ORDER BY part")?;
    let mut rows = parts.query([seq.cast_signed(), part_count])?;
    while let Some(row) = rows.next()? {
        snapshot.bytes.extend_from_slice(row.get_ref(0)?.as_blob()?);
    }
    Ok((snapshot, hash))
}
