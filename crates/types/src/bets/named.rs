//! Names of bets, once: how many legs each takes and which sizes of lines it makes of them.

use crate::bounds::BoundsError;

use super::plan::{Bet, first_legs};

/// A named bet of lines of given sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its name: lower case, no spaces.
    pub name: &'static str,
    /// Legs it takes; 0 is any number that has the sizes.
    pub legs: usize,
    /// Bit `k`: lines of `k` legs. Of a name that takes any number of legs, `u64::MAX` and `u64::MAX - 3` stand for all
    /// sizes from 1 and from 2, and 0 for the size of all legs.
    pub sizes: u64,
}

const fn cover(name: &'static str, legs: usize, smallest: u32) -> Named {
    Named { name, legs, sizes: (1 << (legs + 1)) - (1 << smallest) }
}

const fn fold(name: &'static str, legs: usize) -> Named {
    Named { name, legs, sizes: 1 << legs }
}

const fn every(name: &'static str, size: u32) -> Named {
    Named { name, legs: 0, sizes: 1 << size }
}

/// Every name. Sizes from 1 are "with singles"; sources: the glossaries that docs/bets.md names.
pub const NAMES: [Named; 39] = [
    fold("single", 1),
    fold("double", 2),
    fold("treble", 3),
    fold("fourfold", 4),
    fold("fivefold", 5),
    fold("sixfold", 6),
    fold("sevenfold", 7),
    fold("eightfold", 8),
    fold("ninefold", 9),
    fold("tenfold", 10),
    every("singles", 1),
    every("doubles", 2),
    every("trebles", 3),
    every("fourfolds", 4),
    every("fivefolds", 5),
    every("sixfolds", 6),
    every("sevenfolds", 7),
    every("eightfolds", 8),
    every("ninefolds", 9),
    every("tenfolds", 10),
    cover("trixie", 3, 2),
    cover("patent", 3, 1),
    cover("yankee", 4, 2),
    cover("lucky15", 4, 1),
    cover("canadian", 5, 2),
    cover("super_yankee", 5, 2),
    cover("lucky31", 5, 1),
    cover("heinz", 6, 2),
    cover("lucky63", 6, 1),
    cover("super_heinz", 7, 2),
    cover("super_heinz_with_singles", 7, 1),
    cover("lucky127", 7, 1),
    cover("goliath", 8, 2),
    cover("goliath_with_singles", 8, 1),
    cover("lucky255", 8, 1),
    cover("super_goliath", 9, 2),
    Named { name: "full_cover", legs: 0, sizes: u64::MAX - 3 },
    Named { name: "full_cover_with_singles", legs: 0, sizes: u64::MAX },
    Named { name: "accumulator", legs: 0, sizes: 0 },
];

/// The bet of a name; `None` when there is none. Case, spaces, hyphens and underscores do not matter.
///
/// ```
/// # use oddsengine_types::bets::named;
/// assert_eq!(named("Lucky 15"), named("lucky15"));
/// assert_eq!(named("super-heinz").unwrap().legs, 7);
/// assert!(named("lucky16").is_none());
/// ```
pub fn named(name: &str) -> Option<&'static Named> {
    NAMES.iter().find(|known| is_alike(known.name, name))
}

/// Whether two names are the same but for case, spaces, hyphens and underscores.
pub(crate) fn is_alike(known: &str, name: &str) -> bool {
    let plain = |byte: &u8| !matches!(byte, b' ' | b'_' | b'-');
    let known = known.bytes().filter(|byte| *byte != b'_');
    name.bytes().filter(plain).map(|byte| byte.to_ascii_lowercase()).eq(known)
}

impl Named {
    /// The bet on the first `legs` legs, to win, with `stake_minor` on each line.
    ///
    /// # Errors
    /// Another number of legs than the name takes, too many lines, or a stake outside its range.
    pub fn bet(&self, legs: usize, stake_minor: i64) -> Result<Bet, BoundsError> {
        if self.legs != 0 && legs != self.legs {
            let text = format!("number of legs {legs} of a {} is not {}", self.name, self.legs);
            return Err(BoundsError::new(text));
        }
        let mask = first_legs(legs)?;
        let bet = Bet { legs: mask, sizes: self.sizes_of(legs)?, ..Bet::singles(1, stake_minor)? };
        bet.check(legs)?;
        Ok(bet)
    }

    /// One such bet on every choice of its legs out of `legs`: every trixie out of nine selections. A line that is in several of them is
    /// staked once for each, so there is one bet a size, its line stake that many times `stake_minor`.
    ///
    /// # Errors
    /// A name without a number of legs of its own, fewer legs than it takes, too many lines, or a stake outside its range.
    pub fn every_of(&self, legs: usize, stake_minor: i64) -> Result<Vec<Bet>, BoundsError> {
        if self.legs == 0 || legs < self.legs {
            return Err(BoundsError::outside("number of legs", legs, self.legs.max(1), 63));
        }
        let mask = first_legs(legs)?;
        let with_size = |size: usize| {
            let often = ways(legs - size, self.legs - size);
            let stake_minor = u64::try_from(stake_minor).ok().and_then(|stake| stake.checked_mul(often?));
            match stake_minor.and_then(|stake| i64::try_from(stake).ok()) {
                Some(stake_minor) => Bet::of_sizes(mask, &[size as u32], stake_minor),
                None => {
                    Err(BoundsError::new(format!("stake of every {} out of {legs} is too high", self.name)))
                }
            }
        };
        (1..=self.legs).filter(|size| self.sizes >> size & 1 == 1).map(with_size).collect()
    }

    fn sizes_of(&self, legs: usize) -> Result<u64, BoundsError> {
        let all = u64::MAX >> (63 - legs);
        let sizes = match (self.legs, self.sizes) {
            (0, 0) => 1 << legs,
            (0, sizes) if sizes >= u64::MAX - 3 => sizes & all & !1,
            (_, sizes) => sizes,
        };
        if sizes & !all != 0 || sizes == 0 {
            let least = 63 - sizes.leading_zeros().min(63);
            return Err(BoundsError::outside("number of legs", legs, least.max(1), 63));
        }
        Ok(sizes)
    }
}

/// How many ways there are to choose `k` of `n`; `None` above 64 bits.
pub fn ways(n: usize, k: usize) -> Option<u64> {
    let mut count: u128 = 1;
    for step in 0..k.min(n.saturating_sub(k)) as u128 {
        count = count.checked_mul(n as u128 - step)? / (step + 1);
    }
    if k > n { Some(0) } else { u64::try_from(count).ok() }
}
