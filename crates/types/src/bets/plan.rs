//! Bets of a ticket: which lines they make of its legs, what they stake, how many there are.

use crate::bounds::{BoundsError, STAKE_MINOR_MAX};

use super::returns::gcd;

/// Most legs a bet can be made of.
pub const PLAN_LEGS_MAX: usize = 63;
/// Most bets of one ticket.
pub const BETS_MAX: usize = 50;
/// Most lines of one ticket, each-way lines counted twice.
pub const LINES_MAX: u64 = 1_000_000;
/// Largest common denominator of the line stakes and bonus shares of one ticket.
pub const COMMON_MAX: u64 = 1 << 40;

/// Which parts of its legs a bet is on, and how an each-way multiple runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[repr(u8)]
pub enum Parts {
    /// To win.
    #[default]
    Win = 0,
    /// For a place.
    Place = 1,
    /// Two bets: win parts run on to win parts, place parts to place parts.
    EachWay = 2,
    /// Each-way, "equally divided": what a leg returns in both parts is staked half and half on the next leg.
    EquallyDivided = 3,
}

crate::codec_enum!(Parts { 0 = Win, 1 = Place, 2 = EachWay, 3 = EquallyDivided });

impl Parts {
    /// Every value, by number.
    pub const ALL: [Parts; 4] = [Parts::Win, Parts::Place, Parts::EachWay, Parts::EquallyDivided];

    /// Bets that one line makes.
    pub const fn bets(self) -> u64 {
        match self {
            Parts::Win | Parts::Place => 1,
            Parts::EachWay | Parts::EquallyDivided => 2,
        }
    }

    /// The value of a number; `None` for a number that stands for none.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// One bet of a ticket: its lines are every choice of `k` of its legs, for each `k` in `sizes`, with all bankers in each line.
///
/// ```
/// use oddsengine_types::bets::{Bet, Parts, named};
/// let lucky15 = named("lucky15").unwrap().bet(4, 100)?;
/// assert_eq!((lucky15.lines()?, lucky15.stake_total_minor()?), (15, 1_500));
/// let with_banker = Bet::of_sizes(0b1110, &[2], 100)?.with_bankers(0b0001)?;
/// assert_eq!(with_banker.lines()?, 3); // AB+X, AC+X, BC+X
/// # Ok::<(), oddsengine_types::BoundsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bet {
    /// Legs that are chosen from, by bit.
    pub legs: u64,
    /// Legs that are in every line, by bit; none of `legs`.
    pub bankers: u64,
    /// Bit `k`: lines of `k` of the legs (and all bankers). Bit 0 is the line of the bankers alone.
    pub sizes: u64,
    /// Stake of one line (of each part of an each-way line) times `stake_of`.
    pub stake_minor: i64,
    /// 1, or what divides `stake_minor`: a total split over the lines exactly ("flexi").
    pub stake_of: u32,
    /// Parts of the legs.
    pub parts: Parts,
    /// House bonus by its place in the house's list, counted from 1; 0 is none.
    pub bonus: u16,
}

crate::codec_struct!(Bet { legs, bankers, sizes, stake_minor, stake_of, parts, bonus });

impl Bet {
    /// Lines of `k` of the legs in a mask for each `k` in `sizes`, to win, with `stake_minor` on each line.
    ///
    /// # Errors
    /// No leg or more than 63, no size, a size outside 1 to the number of legs, a stake outside its range, or too many lines.
    pub fn of_sizes(legs: u64, sizes: &[u32], stake_minor: i64) -> Result<Self, BoundsError> {
        let count = legs.count_ones().min(PLAN_LEGS_MAX as u32);
        let mut mask = 0;
        for &size in sizes {
            if !(1..=count).contains(&size) {
                return Err(BoundsError::outside("size of a line", size, 1, count));
            }
            mask |= 1_u64 << size;
        }
        let bet =
            Self { legs, bankers: 0, sizes: mask, stake_minor, stake_of: 1, parts: Parts::Win, bonus: 0 };
        bet.check(PLAN_LEGS_MAX)?;
        Ok(bet)
    }

    /// A single on each of the first `legs` legs.
    ///
    /// # Errors
    /// As [`Bet::of_sizes`].
    pub fn singles(legs: usize, stake_minor: i64) -> Result<Self, BoundsError> {
        Self::of_sizes(first_legs(legs)?, &[1], stake_minor)
    }

    /// One line of all of the first `legs` legs: a single, double, treble or longer accumulator.
    ///
    /// # Errors
    /// As [`Bet::of_sizes`].
    pub fn accumulator(legs: usize, stake_minor: i64) -> Result<Self, BoundsError> {
        Self::of_sizes(first_legs(legs)?, &[legs as u32], stake_minor)
    }

    /// The same bet with bankers: legs that are in every line.
    ///
    /// # Errors
    /// A banker that is also one of the legs, or more than 63 legs.
    pub fn with_bankers(self, bankers: u64) -> Result<Self, BoundsError> {
        let bet = Self { bankers, ..self };
        bet.check(PLAN_LEGS_MAX)?;
        Ok(bet)
    }

    /// The same bet on other parts of its legs. The stake stays that of one line and part.
    ///
    /// # Errors
    /// Too many lines, or too high a stake in all.
    pub fn on_parts(self, parts: Parts) -> Result<Self, BoundsError> {
        let bet = Self { parts, ..self };
        bet.check(PLAN_LEGS_MAX)?;
        Ok(bet)
    }

    /// The same bet with a house bonus, by its place in the house's list counted from 1.
    pub fn with_bonus(self, bonus: u16) -> Self {
        Self { bonus, ..self }
    }

    /// The same bet for a stake in all: the line stake is the total divided by the lines, and must be a whole number of minor units.
    ///
    /// # Errors
    /// A total that the lines do not divide; the message names the next lower total that they do.
    ///
    /// ```
    /// # use oddsengine_types::bets::named;
    /// let yankee = named("yankee").unwrap().bet(4, 1)?;
    /// assert_eq!(yankee.for_total(2_200)?.stake_minor, 200);
    /// assert!(yankee.for_total(2_201).is_err());
    /// # Ok::<(), oddsengine_types::BoundsError>(())
    /// ```
    pub fn for_total(self, total_minor: i64) -> Result<Self, BoundsError> {
        let lines = self.lines()? as i64;
        if total_minor <= 0 || total_minor % lines != 0 {
            let lower = total_minor.max(0) / lines * lines;
            return Err(BoundsError::new(format!(
                "total stake of {total_minor} minor units is no multiple of its {lines} lines; {lower} is"
            )));
        }
        let bet = Self { stake_minor: total_minor / lines, stake_of: 1, ..self };
        bet.check(PLAN_LEGS_MAX)?;
        Ok(bet)
    }

    /// The same bet for a stake in all by the rule "flexi": each line stakes exactly `total / lines`, a fraction of a minor unit if it must be.
    ///
    /// # Errors
    /// A total outside the stakes.
    pub fn flexi(self, total_minor: i64) -> Result<Self, BoundsError> {
        let lines = self.lines()?;
        let divisor = gcd(total_minor.max(1) as u64, lines);
        let bet =
            Self { stake_minor: total_minor / divisor as i64, stake_of: (lines / divisor) as u32, ..self };
        bet.check(PLAN_LEGS_MAX)?;
        Ok(bet)
    }

    /// How many lines there are, each-way lines counted twice; from 1 to [`LINES_MAX`].
    ///
    /// # Errors
    /// None, or more.
    pub fn lines(&self) -> Result<u64, BoundsError> {
        let count = self.legs.count_ones();
        if count as usize > PLAN_LEGS_MAX {
            return Err(BoundsError::outside("number of legs", count, 1, PLAN_LEGS_MAX));
        }
        let mut lines: u128 = 0;
        // Pascal's row: exact at each step, below 2^63 for 63 legs.
        let mut ways: u128 = 1;
        for size in 0..=count {
            if self.sizes >> size & 1 == 1 {
                lines += ways;
            }
            ways = ways * u128::from(count - size) / u128::from(size + 1);
        }
        if self.sizes & 1 == 1 && self.bankers == 0 {
            return Err(BoundsError::new("a line of no leg is none"));
        }
        let lines = lines * u128::from(self.parts.bets());
        match u64::try_from(lines) {
            Ok(lines @ 1..=LINES_MAX) => Ok(lines),
            _ => Err(BoundsError::outside("number of lines", lines, 1, LINES_MAX)),
        }
    }

    /// What all lines stake together, in minor units.
    ///
    /// # Errors
    /// As [`Bet::check`].
    pub fn stake_total_minor(&self) -> Result<i64, BoundsError> {
        let total = u128::from(self.lines()?) * self.stake_minor.max(0) as u128;
        let of = u128::from(self.stake_of.max(1));
        if !total.is_multiple_of(of) {
            let text = format!("stake of {total}/{of} minor units in all is no whole number of minor units");
            return Err(BoundsError::new(text));
        }
        match i64::try_from(total / of) {
            Ok(total @ 1..=STAKE_MINOR_MAX) => Ok(total),
            _ => Err(BoundsError::outside("stake in minor units", total / of, 1, STAKE_MINOR_MAX)),
        }
    }

    /// Whether the bet is one of a ticket of `leg_count` legs.
    ///
    /// # Errors
    /// A leg that the ticket does not have, a banker that is also chosen from, a size of no line, or bounds of lines and stakes.
    pub fn check(&self, leg_count: usize) -> Result<(), BoundsError> {
        if !(1..=PLAN_LEGS_MAX).contains(&leg_count) {
            return Err(BoundsError::outside("number of legs", leg_count, 1, PLAN_LEGS_MAX));
        }
        let all = self.legs | self.bankers;
        if all == 0 || all >> leg_count != 0 {
            let text = format!("legs {all:#b} of a bet are outside the {leg_count} legs of its ticket");
            return Err(BoundsError::new(text));
        }
        if self.legs & self.bankers != 0 {
            let text = format!("legs {:#b} are both bankers and chosen from", self.legs & self.bankers);
            return Err(BoundsError::new(text));
        }
        let count = self.legs.count_ones();
        if self.sizes == 0 || self.sizes & !(u64::MAX >> (63 - count)) != 0 {
            let text = format!("sizes {:#b} of lines are outside 1..={count}", self.sizes);
            return Err(BoundsError::new(text));
        }
        if self.stake_of == 0 || u64::from(self.stake_of) > LINES_MAX {
            return Err(BoundsError::outside("divisor of a stake", self.stake_of, 1, LINES_MAX));
        }
        self.stake_total_minor().map(|_| ())
    }

    /// Whether it is one line to win with a whole stake: a single or an accumulator.
    #[inline]
    pub fn is_one_line(&self) -> bool {
        self.parts == Parts::Win
            && self.stake_of == 1
            && self.bonus == 0
            && self.sizes == 1 << self.legs.count_ones()
    }
}

/// What the bets of a ticket come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Lines, each-way lines counted twice.
    pub lines: u64,
    /// Stake in all.
    pub stake_minor: i64,
}

/// Checks the bets of a ticket of `leg_count` legs and adds up their lines and stakes.
///
/// # Errors
/// No bet or more than [`BETS_MAX`], a bet that is none ([`Bet::check`]), more than [`LINES_MAX`] lines, a stake above the largest, or line
/// stakes whose least common denominator is above [`COMMON_MAX`].
pub fn check_bets(bets: &[Bet], leg_count: usize) -> Result<Totals, BoundsError> {
    if !(1..=BETS_MAX).contains(&bets.len()) {
        return Err(BoundsError::outside("number of bets", bets.len(), 1, BETS_MAX));
    }
    let (mut lines, mut stake_minor, mut common) = (0_u64, 0_i64, 1_u64);
    for bet in bets {
        bet.check(leg_count)?;
        lines += bet.lines()?;
        // At most 50 stakes of 10^10.
        stake_minor += bet.stake_total_minor()?;
        let of = u64::from(bet.stake_of);
        common = common / gcd(common, of) * of;
        if common > COMMON_MAX {
            return Err(BoundsError::outside("common denominator of line stakes", common, 1, COMMON_MAX));
        }
    }
    if lines > LINES_MAX {
        return Err(BoundsError::outside("number of lines", lines, 1, LINES_MAX));
    }
    if stake_minor > STAKE_MINOR_MAX {
        return Err(BoundsError::outside("stake in minor units", stake_minor, 1, STAKE_MINOR_MAX));
    }
    Ok(Totals { lines, stake_minor })
}

/// The mask of the first `legs` legs.
///
/// # Errors
/// No leg, or more than [`PLAN_LEGS_MAX`].
pub fn first_legs(legs: usize) -> Result<u64, BoundsError> {
    match legs {
        1..=PLAN_LEGS_MAX => Ok((1 << legs) - 1),
        _ => Err(BoundsError::outside("number of legs", legs, 1, PLAN_LEGS_MAX)),
    }
}
