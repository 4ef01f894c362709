//! Hashes that give the same value on every run and machine.

#![allow(clippy::disallowed_types)] // the one place where the std map is made deterministic

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};

/// A map from ids for lookups on the hot path. **Never iterate it**: order is an accident of insertion.
pub type IdMap<K, V> = HashMap<K, V, BuildHasherDefault<IdHasher>>;

/// A multiplicative hasher for integer keys, with a fixed seed. Not for keys an adversary chooses freely
/// in bulk: ids are bounded by the number of customers, fixtures and tickets that passed validation.
#[derive(Clone, Copy, Debug, Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = mix(self.0 ^ value);
    }

    fn write_u128(&mut self, value: u128) {
        self.write_u64(value as u64);
        self.write_u64((value >> 64) as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
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
