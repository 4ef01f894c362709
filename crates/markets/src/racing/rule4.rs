//! Rule 4: what is taken off the winnings of bets that were struck before a runner was withdrawn.
//!
//! A bet at a fixed price was priced with the withdrawn runner in the race. The deduction depends on that runner's price
//! at the moment it was withdrawn; it is a fact about the bet and comes before the grade. Several withdrawals add up, to
//! at most 90 pence in the pound.
//!
//! Source: Tattersalls' Rules on Betting, Rule 4(c). The printed scale names fractional prices and leaves gaps between
//! its bands; here a price in a gap belongs to the longer band, which deducts less, and a price quoted to two decimals to the
//! band of the fraction that it is the nearest to: 1.62 is 8/13. Firms differ, so the scale is data with a version, and a
//! house may bring its own. Reproduced in `tests/golden/settlement.json`.

use oddsengine_types::Odds;
use oddsengine_types::bets::{TATTERSALLS_BANDS, percent_in};

/// Most pence in the pound that are deducted in all.
pub const DEDUCTION_PENCE_MAX: u8 = 90;

/// A scale of deductions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeductionScale {
    /// Names the scale and its version.
    pub version: &'static str,
    /// Longest price of each band in ten-thousandths, stake included, and its pence in the pound; prices ascending. Longer
    /// prices than the last are free.
    pub bands: &'static [(u32, u8)],
}

/// Tattersalls' printed scale: 1/9 and shorter 90 pence, up to 14/1 for 5.
pub const TATTERSALLS: DeductionScale =
    DeductionScale { version: "tattersalls-4c-2", bands: &TATTERSALLS_BANDS };

/// Pence in the pound by bands as in [`DeductionScale::bands`].
pub fn pence_in(bands: &[(u32, u8)], odds: Odds) -> u8 {
    percent_in(bands, odds.e4())
}

/// Pence in the pound for all withdrawn runners by bands, each at the price when it was withdrawn.
pub fn pence_of_all_in(bands: &[(u32, u8)], odds: impl IntoIterator<Item = Odds>) -> u8 {
    let sum: u32 = odds.into_iter().map(|odds| u32::from(pence_in(bands, odds))).sum();
    sum.min(DEDUCTION_PENCE_MAX.into()) as u8
}

impl DeductionScale {
    /// Pence in the pound for one withdrawn runner at its price.
    ///
    /// ```
    /// use oddsengine_markets::racing::rule4::TATTERSALLS;
    /// use oddsengine_types::Odds;
    /// let pence = |e4| TATTERSALLS.pence(Odds::from_e4(e4).unwrap());
    /// assert_eq!([pence(40_000), pence(41_000), pence(160_000)], [25, 20, 0]); // 3/1, between 3/1 and 16/5, 15/1
    /// ```
    pub fn pence(&self, odds: Odds) -> u8 {
        pence_in(self.bands, odds)
    }

    /// Pence in the pound for all withdrawn runners, each at the price when it was withdrawn.
    pub fn pence_of_all(&self, odds: impl IntoIterator<Item = Odds>) -> u8 {
        pence_of_all_in(self.bands, odds)
    }
}

/// The odds that a bet is left with, rounded down to a ten-thousandth: `1 + (odds - 1) * (1 - pence / 100)`.
///
/// The same for the place part of an each-way bet: its odds are a fraction of these.
///
/// # Errors
/// More than [`DEDUCTION_PENCE_MAX`] pence, or nothing left that odds can express.
///
/// ```
/// use oddsengine_markets::racing::rule4::odds_after;
/// use oddsengine_types::Odds;
/// assert_eq!(odds_after(Odds::from_e4(90_000)?, 25)?.decimal(), 7.0);
/// # Ok::<(), oddsengine_types::BoundsError>(())
/// ```
pub fn odds_after(odds: Odds, pence: u8) -> Result<Odds, oddsengine_types::BoundsError> {
    if pence > DEDUCTION_PENCE_MAX {
        return Err(oddsengine_types::BoundsError::outside(
            "deduction in pence",
            pence,
            0,
            DEDUCTION_PENCE_MAX,
        ));
    }
    let winnings_e4 = u64::from(odds.e4() - 10_000) * u64::from(100 - pence) / 100;
    Odds::from_e4(10_000 + winnings_e4 as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fractional(numerator: u32, denominator: u32) -> Odds {
        Odds::from_e4(10_000 + numerator * 10_000 / denominator).unwrap()
    }

    /// Both ends of every printed band.
    #[test]
    fn the_printed_scale() {
        for (shortest, longest, pence) in [
            ((1, 100), (1, 9), 90),
            ((2, 17), (2, 11), 85),
            ((1, 5), (1, 4), 80),
            ((2, 7), (3, 10), 75),
            ((1, 3), (2, 5), 70),
            ((4, 9), (8, 15), 65),
            ((4, 7), (8, 13), 60),
            ((4, 6), (4, 5), 55),
            ((5, 6), (20, 21), 50),
            ((1, 1), (6, 5), 45),
            ((5, 4), (6, 4), 40),
            ((8, 5), (7, 4), 35),
            ((9, 5), (9, 4), 30),
            ((12, 5), (3, 1), 25),
            ((16, 5), (4, 1), 20),
            ((9, 2), (11, 2), 15),
            ((6, 1), (9, 1), 10),
            ((10, 1), (14, 1), 5),
            ((15, 1), (100, 1), 0),
        ] {
            for (numerator, denominator) in [shortest, longest] {
                let got = TATTERSALLS.pence(fractional(numerator, denominator));
                assert_eq!(got, pence, "{numerator}/{denominator}");
            }
        }
        // As quoted in two decimals.
        for (numerator, denominator, pence) in
            [(8, 13, 60), (4, 6, 55), (1, 9, 90), (2, 17, 85), (20, 21, 50)]
        {
            let e4 = 10_000 + (200 * numerator + denominator) / (2 * denominator) * 100;
            assert_eq!(TATTERSALLS.pence(Odds::from_e4(e4).unwrap()), pence, "{numerator}/{denominator}");
        }
        assert!(TATTERSALLS.bands.is_sorted_by(|a, b| a.0 < b.0 && a.1 > b.1));
    }

    /// 1.62 was 55 pence, though it is how 8/13, printed with 60, is quoted in decimals: the band ended at 1.6154.
    #[test]
    fn a_price_of_two_decimals_has_the_deduction_of_its_fraction() {
        for (numerator, denominator) in [
            (1, 9),
            (2, 17),
            (2, 11),
            (1, 5),
            (1, 4),
            (2, 7),
            (3, 10),
            (1, 3),
            (2, 5),
            (4, 9),
            (8, 15),
            (4, 7),
            (8, 13),
            (4, 6),
            (4, 5),
            (5, 6),
            (20, 21),
            (1, 1),
            (6, 5),
            (5, 4),
            (6, 4),
            (8, 5),
            (7, 4),
        ] {
            let exact = 1.0 + f64::from(numerator) / f64::from(denominator);
            let quoted = Odds::from_decimal_nearest((exact * 100.0).round() / 100.0).unwrap();
            let printed = TATTERSALLS.pence(fractional(numerator, denominator));
            assert_eq!(
                TATTERSALLS.pence(quoted),
                printed,
                "{numerator}/{denominator} as {}",
                quoted.decimal()
            );
        }
        assert_eq!(TATTERSALLS.pence(Odds::from_e4(16_300).unwrap()), 55);
    }

    #[test]
    fn several_withdrawals_add_up_to_the_cap() {
        let odds = |n: u32| fractional(n, 1);
        assert_eq!(TATTERSALLS.pence_of_all([odds(3), odds(10)]), 30);
        assert_eq!(TATTERSALLS.pence_of_all([fractional(1, 4), fractional(2, 5)]), 90);
        assert_eq!(TATTERSALLS.pence_of_all([]), 0);
        assert_eq!(
            odds_after(odds(8), 91).unwrap_err().to_string(),
            "deduction in pence 91 is outside 0..=90"
        );
        assert!(odds_after(Odds::MIN, 90).unwrap_err().to_string().contains("1.0001 are outside"));
    }
}
