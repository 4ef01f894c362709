//! Every transfer id ever used, with what is needed to tell a repeat from a conflict.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use oddsengine_types::hash::IdHashing;
use oddsengine_types::{Slots, codec_struct};

use crate::transfer::{BodyHash, InstructionId, TransferStatus};

/// The compact record of an id: the journal has the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) body_hash: BodyHash,
    pub(crate) status: TransferStatus,
}
codec_struct!(Seen { body_hash, status });

// An id costs this much, and six bytes of an index, for as long as it is kept: it grows only on purpose.
const _: () = assert!(size_of::<Option<(InstructionId, Seen)>>() == 40);

/// Ids that are copied and encoded together: 40 kB.
pub(crate) const IDS_PER_PAGE: usize = 1_024;

const SHARD_BITS: u32 = 10;

/// Ids in pages, and where each is in many small tables: one grows while the others stay, so that no transfer waits until
/// millions of ids have been moved.
#[derive(Clone, Debug)]
pub(crate) struct SeenIds {
    pub(crate) slots: Slots<(InstructionId, Seen), IDS_PER_PAGE>,
    /// Derived: places by the hash of the id.
    shards: Vec<HashTable<u32>>,
    hashing: IdHashing,
}

impl Default for SeenIds {
    fn default() -> Self {
        Self {
            slots: Slots::default(),
            shards: vec![HashTable::new(); 1 << SHARD_BITS],
            hashing: IdHashing::default(),
        }
    }
}

impl SeenIds {
    pub(crate) fn with_capacity(count: usize) -> Self {
        let mut seen = Self::default();
        // An eighth more than the mean: shards do not fill evenly.
        let shard_count = (count >> SHARD_BITS) * 9 / 8;
        seen.shards.iter_mut().for_each(|shard| shard.reserve(shard_count, |_| 0));
        seen
    }

    #[inline]
    pub(crate) fn get(&self, id: InstructionId) -> Option<Seen> {
        self.place_of(id).map(|place| self.slots[place as usize].1)
    }

    #[inline]
    fn place_of(&self, id: InstructionId) -> Option<u32> {
        let hash = self.hashing.hash_one(id);
        self.shards[shard_of(hash)].find(hash, |&place| self.slots[place as usize].0 == id).copied()
    }

    /// Adds an id that is not there yet.
    #[inline]
    pub(crate) fn insert(&mut self, id: InstructionId, seen: Seen) {
        let place = self.slots.insert((id, seen));
        self.index(place, id);
    }

    fn index(&mut self, place: u32, id: InstructionId) {
        let (slots, hashing) = (&self.slots, &self.hashing);
        let hash = hashing.hash_one(id);
        self.shards[shard_of(hash)]
            .insert_unique(hash, place, |&place| hashing.hash_one(slots[place as usize].0));
    }

    /// Finds every id of the pages that were added to its slots.
    ///
    /// # Errors
    /// An id is there twice.
    pub(crate) fn index_all(&mut self) -> Result<(), String> {
        for place in 0..self.slots.place_count() as u32 {
            let Some(&(id, _)) = self.slots.get(place) else { continue };
            if self.place_of(id).is_some() {
                return Err(format!("transfer id {id} is there twice"));
            }
            self.index(place, id);
        }
        Ok(())
    }

    /// Frees the place of an id. What is unresolved stays: its reservation would hold money for ever.
    pub(crate) fn forget(&mut self, id: InstructionId) -> bool {
        let hash = self.hashing.hash_one(id);
        let slots = &self.slots;
        let is_resolved = |&place: &u32| {
            let (known, seen) = slots[place as usize];
            known == id && seen.status != TransferStatus::Pending
        };
        let Ok(entry) = self.shards[shard_of(hash)].find_entry(hash, is_resolved) else { return false };
        let (place, _) = entry.remove();
        self.slots.remove(place);
        true
    }

    /// Changes the status of an id known to be there.
    pub(crate) fn set_status(&mut self, id: InstructionId, status: TransferStatus) {
        let place = self.place_of(id).expect("a reservation is a seen id");
        self.slots[place as usize].1.status = status;
    }

    /// Number of unresolved reservations.
    pub(crate) fn pending_count(&self) -> usize {
        self.slots.iter().filter(|(_, seen)| seen.status == TransferStatus::Pending).count()
    }
}

impl PartialEq for SeenIds {
    fn eq(&self, other: &Self) -> bool {
        self.slots == other.slots
    }
}

/// By bits of the seeded hash that the tables themselves look at last: ids that a client chose to lie in one shard would
/// make it one large table again.
#[inline]
fn shard_of(hash: u64) -> usize {
    (hash >> 32) as usize & ((1 << SHARD_BITS) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_fill_evenly() {
        let mut counts = [0; 1 << SHARD_BITS];
        (1..=102_400_u128)
            .for_each(|id| counts[shard_of(IdHashing::default().hash_one(InstructionId::single(id)))] += 1);
        assert!(counts.iter().all(|count| (50..=150).contains(count)), "{counts:?}");
    }

    #[test]
    fn ids_are_found_after_a_restart_and_never_twice() {
        let seen = |id: u128| Seen { body_hash: id as u64, status: TransferStatus::Booked };
        let mut ids = SeenIds::default();
        (1..=5_000).for_each(|id| ids.insert(InstructionId::single(id), seen(id)));
        // Another process has another seed: what is found by a hash is found anew.
        let mut again =
            SeenIds { slots: ids.slots.clone(), hashing: IdHashing::with_seed(3, 4), ..SeenIds::default() };
        assert_eq!(again.get(InstructionId::single(5)), None);
        assert_eq!(again.index_all(), Ok(()));
        assert!((1..=5_000).all(|id| again.get(InstructionId::single(id)) == Some(seen(id))));
        assert_eq!(again.get(InstructionId::single(5_001)), None);
        let mut twice = SeenIds::default();
        for _ in 0..2 {
            twice.slots.insert((InstructionId::single(1), seen(1)));
        }
        assert!(twice.index_all().unwrap_err().contains("is there twice"));
    }
}
