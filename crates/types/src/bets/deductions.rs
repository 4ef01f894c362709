//! What a withdrawn runner takes from the bets struck before: Rule 4 tables of houses, and reduction factors of exchanges.

use crate::bounds::{BoundsError, ODDS_E4_MAX};

use super::returns::{LegReturn, Share};

/// Lowest price that a reduction leaves: 1.01.
pub const REDUCED_ODDS_E4_MIN: u32 = 10_100;
/// Most bands of a table.
pub const BANDS_MAX: usize = 64;

/// One band of a Rule 4 table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeductionBand {
    /// Lowest decimal price of the withdrawn runner, in ten-thousandths.
    pub low_e4: u32,
    /// Highest, as printed.
    pub high_e4: u32,
    /// Per cent, or pence in the pound, off.
    pub percent: u8,
}

/// A table that is part of the package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeductionTable {
    /// The house or body.
    pub house: &'static str,
    /// Its version: what a ticket is pinned to.
    pub version: u16,
    /// (lowest decimal price in ten-thousandths, per cent); each band goes up to the next.
    pub lows: &'static [(u32, u8)],
    /// Most that several withdrawals take together, in per cent.
    pub percent_max: u8,
}

/// The tables of the package; others are loaded by [`Deductions::from_rows`].
pub const DEDUCTION_TABLES: [DeductionTable; 2] = [
    // Tattersalls Rule 4(c), by the shortest printed price of each band: 2/17, 1/5, 2/7, 1/3, 4/9, 4/7, 4/6, 5/6, evens, 5/4, 8/5, 9/5,
    // 12/5, 16/5, 9/2, 6/1, 10/1, and nothing above 14/1.
    DeductionTable {
        house: "tattersalls",
        version: 1,
        lows: &[
            (10_000, 90),
            (11_176, 85),
            (12_000, 80),
            (12_857, 75),
            (13_333, 70),
            (14_444, 65),
            (15_714, 60),
            (16_666, 55),
            (18_333, 50),
            (20_000, 45),
            (22_500, 40),
            (26_000, 35),
            (28_000, 30),
            (34_000, 25),
            (42_000, 20),
            (55_000, 15),
            (70_000, 10),
            (110_000, 5),
            (150_001, 0),
        ],
        percent_max: 90,
    },
    // The same scale in decimal odds, the band of 5 waived; a price between two printed ones is of the shorter band.
    DeductionTable {
        house: "decimal_waived_5",
        version: 1,
        lows: &[
            (10_000, 90),
            (11_300, 85),
            (12_000, 80),
            (12_800, 75),
            (13_400, 70),
            (14_500, 65),
            (15_800, 60),
            (16_700, 55),
            (18_400, 50),
            (20_000, 45),
            (22_500, 40),
            (26_000, 35),
            (28_000, 30),
            (34_000, 25),
            (42_000, 20),
            (55_000, 15),
            (70_000, 10),
            (110_000, 0),
        ],
        percent_max: 90,
    },
];

/// A Rule 4 table: per cent off by the price of the withdrawn runner.
///
/// ```
/// # use oddsengine_types::bets::Deductions;
/// let table = Deductions::named("tattersalls", 1).unwrap();
/// assert_eq!(table.percent(40_000), 25); // 3/1
/// assert_eq!(table.percent_of(&[20_000, 18_000]), 90); // 45 + 50 pence, at most 90
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deductions {
    lows: Vec<(u32, u8)>,
    percent_max: u8,
}

impl Deductions {
    /// A table of the package by house and version.
    pub fn named(house: &str, version: u16) -> Option<Self> {
        let table = DEDUCTION_TABLES.iter().find(|table| table.house == house && table.version == version)?;
        Some(Self { lows: table.lows.to_vec(), percent_max: table.percent_max })
    }

    /// A table from printed rows, shortest price first, in prices of `step_e4`: 100 for two decimals.
    ///
    /// Prices between two rows (3.395 of rows to 3.39 and from 3.40) are of the shorter one. Prices below the first row are of the first.
    ///
    /// # Errors
    /// No row or too many, a row of a lowest above its highest price, rows that are not in order, that overlap, or that leave a gap, a last
    /// row that does not reach the largest odds, or per cents above 100.
    pub fn from_rows(rows: &[DeductionBand], step_e4: u32, percent_max: u8) -> Result<Self, BoundsError> {
        if !(1..=BANDS_MAX).contains(&rows.len()) {
            return Err(BoundsError::outside("number of bands", rows.len(), 1, BANDS_MAX));
        }
        let price = |e4: u32| f64::from(e4) / 10_000.0;
        if percent_max > 100 {
            return Err(BoundsError::outside("per cent", percent_max, 0, 100));
        }
        for row in rows {
            if row.percent > 100 {
                return Err(BoundsError::outside("per cent", row.percent, 0, 100));
            }
            if row.low_e4 > row.high_e4 {
                let text = format!("band {}..={} is no range", price(row.low_e4), price(row.high_e4));
                return Err(BoundsError::new(text));
            }
        }
        for pair in rows.windows(2) {
            let (before, next) = (pair[0], pair[1]);
            let (end, start) = (price(before.high_e4), price(next.low_e4));
            if next.low_e4 < before.low_e4 {
                let text = format!(
                    "band from {start} comes after the one from {}, out of order",
                    price(before.low_e4)
                );
                return Err(BoundsError::new(text));
            }
            if next.low_e4 <= before.high_e4 {
                return Err(BoundsError::new(format!("bands overlap from {start} to {end}")));
            }
            if next.low_e4 > before.high_e4.saturating_add(step_e4) {
                return Err(BoundsError::new(format!("bands leave a gap between {end} and {start}")));
            }
        }
        let last = rows[rows.len() - 1];
        if last.high_e4 < ODDS_E4_MAX {
            let text = format!("bands end at {}, not at {}", price(last.high_e4), price(ODDS_E4_MAX));
            return Err(BoundsError::new(text));
        }
        Ok(Self { lows: rows.iter().map(|row| (row.low_e4, row.percent)).collect(), percent_max })
    }

    /// Per cent off the winnings for one withdrawn runner at a price.
    pub fn percent(&self, withdrawn_e4: u32) -> u8 {
        let place = self.lows.partition_point(|&(low_e4, _)| low_e4 <= withdrawn_e4);
        self.lows[place.saturating_sub(1)].1
    }

    /// Per cent off for several, added up, at most the table's most. Those withdrawn before the bet was struck are not among them.
    pub fn percent_of(&self, withdrawn_e4: &[u32]) -> u8 {
        let total: u32 = withdrawn_e4.iter().map(|&price| u32::from(self.percent(price))).sum();
        total.min(u32::from(self.percent_max)) as u8
    }

    /// The most that several withdrawals take together.
    pub fn percent_max(&self) -> u8 {
        self.percent_max
    }
}

impl LegReturn {
    /// The return after a deduction from all of it, the stake included: a house rule of some Australian books.
    ///
    /// # Errors
    /// A deduction above the whole, or numbers that together do not fit.
    pub fn less_of_return(self, win: Share, place: Share) -> Result<Self, BoundsError> {
        let reduced = |part: u64, share: Share| {
            let (above, below) = share.parts();
            if above > below {
                return Err(BoundsError::new(format!("deduction {above}/{below} is above the whole")));
            }
            Ok((u128::from(part) * u128::from(below - above), u128::from(self.of) * u128::from(below)))
        };
        let (of_win, of_place) = (reduced(self.win, win)?, reduced(self.place, place)?);
        Self::from_ratios(of_win, of_place)
    }
}

/// How an exchange's market treats removed runners.
///
/// Factors are in hundredths of a per cent (bips): 75.18 % is 7,518.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reductions {
    /// Win markets: the whole traded price is reduced, from 2.5 % on.
    Win,
    /// Place markets: the winnings part of the price is reduced, by every factor.
    Place,
}

/// Factors below this change nothing in win markets: 2.5 %.
pub const WIN_FACTOR_BIPS_MIN: u32 = 250;
/// Unmatched lays of place markets are cancelled from this on: 4 %.
pub const PLACE_CANCEL_BIPS_MIN: u32 = 400;
const WHOLE_BIPS: u64 = 10_000;

impl Reductions {
    /// A matched price after a runner was removed; rounded down to ten-thousandths and never below 1.01.
    ///
    /// ```
    /// # use oddsengine_types::bets::Reductions;
    /// assert_eq!(Reductions::Win.reduced_odds_e4(32_000, 7_518), 10_100); // 0.79 before the floor
    /// assert_eq!(Reductions::Win.reduced_odds_e4(32_000, 249), 32_000);
    /// ```
    pub fn reduced_odds_e4(self, odds_e4: u32, factor_bips: u32) -> u32 {
        let kept = WHOLE_BIPS.saturating_sub(u64::from(factor_bips));
        let odds = u64::from(odds_e4);
        let reduced = match self {
            Reductions::Win if factor_bips < WIN_FACTOR_BIPS_MIN => return odds_e4.max(REDUCED_ODDS_E4_MIN),
            Reductions::Win => odds * kept / WHOLE_BIPS,
            Reductions::Place => 10_000 + odds.saturating_sub(10_000) * kept / WHOLE_BIPS,
        };
        (reduced as u32).max(REDUCED_ODDS_E4_MIN)
    }

    /// The liability of a lay at starting price after a runner was removed, rounded down. A back at starting price stays as it is until it
    /// is reconciled.
    ///
    /// In a win market the field is taken to be re-formed without the runner laid: liability x (1 - removed / (1 - own)); in a place market
    /// liability x (1 - removed).
    ///
    /// ```
    /// # use oddsengine_types::bets::Reductions;
    /// assert_eq!(Reductions::Win.lay_liability_minor(9_000, 1_000, 5_000), 4_000);
    /// assert_eq!(Reductions::Place.lay_liability_minor(9_000, 1_000, 5_000), 4_500);
    /// ```
    pub fn lay_liability_minor(self, liability_minor: i64, own_bips: u32, removed_bips: u32) -> i64 {
        let (own, removed) = (i128::from(own_bips.min(10_000)), i128::from(removed_bips.min(10_000)));
        let whole = match self {
            Reductions::Win if removed_bips < WIN_FACTOR_BIPS_MIN => return liability_minor,
            Reductions::Win => 10_000 - own,
            Reductions::Place => 10_000,
        };
        let kept = (whole - removed).max(0);
        if whole == 0 { 0 } else { (i128::from(liability_minor) * kept / whole) as i64 }
    }

    /// Whether unmatched lays are cancelled at a removal.
    pub fn cancels_unmatched_lays(self, factor_bips: u32) -> bool {
        match self {
            Reductions::Win => factor_bips >= WIN_FACTOR_BIPS_MIN,
            Reductions::Place => factor_bips >= PLACE_CANCEL_BIPS_MIN,
        }
    }
}
