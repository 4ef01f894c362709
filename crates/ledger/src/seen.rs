//! Every transfer id ever used, with what is needed to tell a repeat from a conflict.

use std::hash::BuildHasher;

use oddsengine_types::hash::IdHashing;
use oddsengine_types::{Decode, DecodeError, Encode, IdMap, Reader, codec_struct};

use crate::transfer::{BodyHash, InstructionId, TransferStatus};

/// The compact record of an id: the journal has the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) body_hash: BodyHash,
    pub(crate) status: TransferStatus,
}
codec_struct!(Seen { body_hash, status });

// An id costs this much for ever: it grows only on purpose.
const _: () = assert!(size_of::<(InstructionId, Seen)>() == 40);

const SHARD_BITS: u32 = 10;

/// Ids in many small maps: one grows while the others stay, so that no transfer waits until millions of ids
/// have been moved.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SeenIds {
    shards: Vec<IdMap<InstructionId, Seen>>,
}

impl Default for SeenIds {
    fn default() -> Self {
        Self { shards: vec![IdMap::default(); 1 << SHARD_BITS] }
    }
}

impl SeenIds {
    pub(crate) fn with_capacity(count: usize) -> Self {
        let mut seen = Self::default();
        // An eighth more than the mean: shards do not fill evenly.
        let shard_count = (count >> SHARD_BITS) * 9 / 8;
        seen.shards.iter_mut().for_each(|shard| shard.reserve(shard_count));
        seen
    }

    #[inline]
    pub(crate) fn get(&self, id: InstructionId) -> Option<Seen> {
        self.shards[self.shard_of(id)].get(&id).copied()
    }

    /// Adds an id or changes its record.
    #[inline]
    pub(crate) fn set(&mut self, id: InstructionId, seen: Seen) -> Option<Seen> {
        let shard = self.shard_of(id);
        self.shards[shard].insert(id, seen)
    }

    /// Changes the status of an id known to be there.
    pub(crate) fn set_status(&mut self, id: InstructionId, status: TransferStatus) {
        let shard = self.shard_of(id);
        self.shards[shard].get_mut(&id).expect("a reservation is a seen id").status = status;
    }

    #[inline]
    fn shard_of(&self, id: InstructionId) -> usize {
        shard_of(self.shards[0].hasher(), id)
    }

    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(IdMap::len).sum()
    }

    /// Number of unresolved reservations.
    pub(crate) fn pending_count(&self) -> usize {
        let is_pending = |seen: &&Seen| seen.status == TransferStatus::Pending;
        self.shards.iter().map(|shard| shard.values().filter(is_pending).count()).sum()
    }
}

/// By bits of the seeded hash that the maps themselves look at last: ids that a client chose to lie in one shard would
/// make it one large map again.
#[inline]
fn shard_of(hashing: &IdHashing, id: InstructionId) -> usize {
    (hashing.hash_one(id) >> 32) as usize & ((1 << SHARD_BITS) - 1)
}

impl Encode for SeenIds {
    /// Sorted by id: the order of the maps does not reach the bytes.
    fn encode(&self, out: &mut Vec<u8>) {
        let mut sorted = Vec::with_capacity(self.len());
        for shard in &self.shards {
            sorted.extend(shard.iter().map(|(&id, &seen)| (id, seen)));
        }
        sorted.sort_unstable_by_key(|&(id, _)| id);
        sorted.encode(out);
    }
}

impl Decode for SeenIds {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let sorted = Vec::<(InstructionId, Seen)>::decode(input)?;
        if !sorted.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Err(input.error("transfer ids are not in ascending order"));
        }
        let mut ids = Self::with_capacity(sorted.len());
        for (id, seen) in sorted {
            ids.set(id, seen);
        }
        Ok(ids)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oddsengine_types::codec::{decode_all, encode_to_vec};

    #[test]
    fn equal_contents_give_equal_bytes_whatever_the_order() {
        let record = |id: u128| {
            (InstructionId::single(id), Seen { body_hash: id as u64, status: TransferStatus::Booked })
        };
        let (mut up, mut down) = (SeenIds::default(), SeenIds::with_capacity(1_000));
        for id in 1..=1_000 {
            let (id, seen) = record(id);
            up.set(id, seen);
        }
        for id in (1..=1_000).rev() {
            let (id, seen) = record(id);
            down.set(id, seen);
        }
        let bytes = encode_to_vec(&up);
        assert_eq!(bytes, encode_to_vec(&down));
        assert_eq!(decode_all::<SeenIds>(&bytes), Ok(up));
    }

    #[test]
    fn shards_fill_evenly() {
        let mut counts = [0; 1 << SHARD_BITS];
        (1..=102_400_u128)
            .for_each(|id| counts[shard_of(&IdHashing::default(), InstructionId::single(id))] += 1);
        assert!(counts.iter().all(|count| (50..=150).contains(count)), "{counts:?}");
    }

    #[test]
    fn unsorted_ids_are_refused() {
        let seen = Seen { body_hash: 0, status: TransferStatus::Booked };
        for ids in [[2, 1], [1, 1]] {
            let bytes = encode_to_vec(&ids.map(|id| (InstructionId::single(id), seen)).to_vec());
            assert!(decode_all::<SeenIds>(&bytes).unwrap_err().what.contains("ascending"));
        }
    }
}
