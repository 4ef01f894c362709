//! Every transfer id ever used, with what is needed to tell a repeat from a conflict.

use oddsengine_types::{Decode, DecodeError, Encode, IdMap, Reader, TransferId, codec_struct};

use crate::transfer::{BodyHash, TransferStatus};

/// The compact record of an id: the journal has the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) body_hash: BodyHash,
    pub(crate) status: TransferStatus,
}
codec_struct!(Seen { body_hash, status });

// An id costs this much for ever: it grows only on purpose.
const _: () = assert!(size_of::<(TransferId, Seen)>() == 32);

const SHARD_BITS: u32 = 10;

/// Ids in many small maps: one grows while the others stay, so that no transfer waits until millions of ids
/// have been moved.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SeenIds {
    shards: Vec<IdMap<TransferId, Seen>>,
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
    pub(crate) fn get(&self, id: TransferId) -> Option<Seen> {
        self.shards[shard_of(id)].get(&id).copied()
    }

    /// Adds an id or changes its record.
    #[inline]
    pub(crate) fn set(&mut self, id: TransferId, seen: Seen) -> Option<Seen> {
        self.shards[shard_of(id)].insert(id, seen)
    }

    /// Changes the status of an id known to be there.
    pub(crate) fn set_status(&mut self, id: TransferId, status: TransferStatus) {
        self.shards[shard_of(id)].get_mut(&id).expect("a reservation is a seen id").status = status;
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

#[inline]
fn shard_of(id: TransferId) -> usize {
    let folded = (id.0 as u64) ^ (id.0 >> 64) as u64;
    (folded.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - SHARD_BITS)) as usize
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
        let sorted = Vec::<(TransferId, Seen)>::decode(input)?;
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
        let record =
            |id: u128| (TransferId(id), Seen { body_hash: id as u64, status: TransferStatus::Booked });
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
    fn shards_fill_evenly_from_counting_ids() {
        let mut counts = [0; 1 << SHARD_BITS];
        (1..=102_400_u128).for_each(|id| counts[shard_of(TransferId(id))] += 1);
        assert!(counts.iter().all(|count| (80..=120).contains(count)), "{counts:?}");
    }

    #[test]
    fn unsorted_ids_are_refused() {
        let seen = Seen { body_hash: 0, status: TransferStatus::Booked };
        for ids in [[2, 1], [1, 1]] {
            let bytes = encode_to_vec(&ids.map(|id| (TransferId(id), seen)).to_vec());
            assert!(decode_all::<SeenIds>(&bytes).unwrap_err().what.contains("ascending"));
        }
    }
}
