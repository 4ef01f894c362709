//! Hashes: of states and bodies, the same on every run and machine; of ids in maps, with a seed of the process.

#![allow(clippy::disallowed_types)] // the one place where the std map gets a hasher of ours

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;

/// A map from ids for lookups on the hot path. **Never iterate it**: order is an accident of the process.
///
/// Clients choose many of the ids, so the hasher is seeded anew in every process: nobody outside can choose ids that
/// meet. No result depends on the seed, because nothing reads a map in its order.
pub type IdMap<K, V> = HashMap<K, V, IdHashing>;

/// Makes the hashers of an [`IdMap`]; by default with the seed of the process.
#[derive(Clone, Copy, Debug)]
pub struct IdHashing {
    seed: u64,
    factor: u64,
}

impl IdHashing {
    /// Hashers of a seed that is known: for tests.
    pub const fn with_seed(seed: u64, factor: u64) -> Self {
        Self { seed, factor: factor | 1 }
    }
}

impl Default for IdHashing {
    fn default() -> Self {
        static OF_PROCESS: OnceLock<IdHashing> = OnceLock::new();
        *OF_PROCESS.get_or_init(|| {
            let random = || RandomState::new().build_hasher().finish();
            // Mixed once more, so that few bits of the factor are ever equal.
            Self::with_seed(random(), mix(random()))
        })
    }
}

impl BuildHasher for IdHashing {
    type Hasher = IdHasher;

    #[inline]
    fn build_hasher(&self) -> IdHasher {
        IdHasher { state: self.seed, factor: self.factor }
    }
}

/// A hasher for integer keys: a multiplication by a secret factor for every word, both halves folded together.
#[derive(Clone, Copy, Debug)]
pub struct IdHasher {
    state: u64,
    factor: u64,
}

impl Hasher for IdHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    #[inline]
    fn write_u16(&mut self, value: u16) {
        self.write_u64(u64::from(value));
    }

    #[inline]
    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.state = fold(self.state ^ value, self.factor);
    }

    #[inline]
    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    #[inline]
    fn write_u128(&mut self, value: u128) {
        self.write_u64(value as u64);
        self.write_u64((value >> 64) as u64);
    }

    #[inline]
    fn finish(&self) -> u64 {
        fold(self.state, 0x9E37_79B9_7F4A_7C15)
    }
}

#[inline]
const fn fold(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    (product as u64) ^ (product >> 64) as u64
}

/// The hash of a few words, the same on every run and machine. The length is a constant so that the loop is unrolled.
#[inline]
pub fn hash_of_words<const N: usize>(words: [u64; N]) -> u64 {
    words.into_iter().fold(0, |hash, word| mix(hash ^ word))
}

/// The finaliser of SplitMix64: every input bit reaches every output bit.
const fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// 128 bits that stand for a whole state; equal states have equal hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateHash(pub [u8; 16]);

impl StateHash {
    /// The hash of bytes that hold a whole state.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = StateHasher::default();
        hasher.update(bytes);
        hasher.finish()
    }
}

impl fmt::Display for StateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Hashes encoded state to a [`StateHash`]. It detects divergence between two honest runs; it is not a
/// defence against forgery (the journal's chain is).
#[derive(Clone, Copy, Debug)]
pub struct StateHasher {
    low: u64,
    high: u64,
}

impl Default for StateHasher {
    fn default() -> Self {
        Self { low: 0x6A09_E667_F3BC_C908, high: 0xBB67_AE85_84CA_A73B }
    }
}

impl StateHasher {
    /// Adds bytes; the split into calls matters.
    pub fn update(&mut self, bytes: &[u8]) {
        let (words, tail) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..tail.len()].copy_from_slice(tail);
        self.word(u64::from_le_bytes(last));
        self.word(bytes.len() as u64);
    }

    #[inline]
    fn word(&mut self, word: u64) {
        self.low = mix(self.low ^ word);
        self.high = (self.high ^ word).wrapping_mul(0x2545_F491_4F6C_DD1D).rotate_left(29) ^ self.low;
    }

    /// The hash of all bytes so far.
    pub fn finish(&self) -> StateHash {
        let mut out = [0; 16];
        out[..8].copy_from_slice(&mix(self.low).to_le_bytes());
        out[8..].copy_from_slice(&mix(self.high ^ self.low.rotate_left(32)).to_le_bytes());
        StateHash(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Ids of customers, tickets and transfers are chosen by clients. With a fixed seed 20,000 of them met in one place of
    // a map: 1.9 s instead of 2 ms for as many tickets, growing with the square.
    #[test]
    fn chosen_ids_do_not_meet() {
        let of_old_hash = |id: u128| mix(mix(id as u64) ^ (id >> 64) as u64);
        let chosen: Vec<u128> =
            (0..20_000_u64).map(|low| u128::from(mix(low) ^ 0x5EED) << 64 | u128::from(low)).collect();
        assert!(chosen.iter().all(|&id| of_old_hash(id) == of_old_hash(chosen[0])), "they met before");
        for hashing in [IdHashing::default(), IdHashing::with_seed(1, 2), IdHashing::with_seed(7, 1 << 63)] {
            let hashes: std::collections::BTreeSet<u64> =
                chosen.iter().map(|id| hashing.hash_one(id)).collect();
            assert!(hashes.len() > 19_990, "{} hashes", hashes.len());
        }
        let hashing = IdHashing::default();
        // Buckets are chosen by the low bits, and told apart by the seven highest.
        for bits in [|hash: u64| hash & 0x3FFF, |hash: u64| hash >> 50] {
            let mut counts = vec![0; 1 << 14];
            chosen.iter().for_each(|id| counts[bits(hashing.hash_one(id)) as usize] += 1);
            assert!(counts.iter().all(|&count| count < 20), "{:?}", counts.iter().max());
        }
    }

    #[test]
    fn the_seed_decides_the_hash() {
        let [one, other] = [IdHashing::with_seed(1, 3), IdHashing::with_seed(2, 3)];
        assert_ne!(one.hash_one(5_u64), other.hash_one(5_u64));
        assert_ne!(one.hash_one(5_u64), IdHashing::with_seed(1, 5).hash_one(5_u64));
        let [first, second] = [IdHashing::default(), IdHashing::default()];
        assert_eq!(first.hash_one(5_u64), second.hash_one(5_u64), "one seed in a process");
    }

    #[test]
    fn a_flipped_bit_changes_the_hash() {
        let bytes = vec![7_u8; 100];
        let hash = |bytes: &[u8]| {
            let mut hasher = StateHasher::default();
            hasher.update(bytes);
            hasher.finish()
        };
        let original = hash(&bytes);
        for bit in 0..800 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(hash(&flipped), original);
        }
        assert_ne!(hash(&bytes[..99]), original);
    }
}
