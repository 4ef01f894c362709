//! Odds as bookmakers chalk them: winnings to stake, 6/4.

use std::fmt;

use crate::bounds::{BoundsError, FRACTION_PART_MAX};

/// Winnings to stake, as quoted: 6/4 stays 6/4. The decimal odds are `1 + numerator / denominator`.
///
/// Two fractions are equal when they are written alike; compare [`Fraction::cmp_value`] for the price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fraction {
    numerator: u32,
    denominator: u32,
}

impl Fraction {
    /// A fraction of two whole numbers from 1 to [`FRACTION_PART_MAX`].
    ///
    /// # Errors
    /// Either number is outside.
    ///
    /// ```
    /// # use oddsengine_types::Fraction;
    /// assert_eq!(Fraction::new(6, 4)?.decimal(), 2.5);
    /// # Ok::<(), oddsengine_types::BoundsError>(())
    /// ```
    pub fn new(numerator: u32, denominator: u32) -> Result<Self, BoundsError> {
        for part in [numerator, denominator] {
            if !(1..=FRACTION_PART_MAX).contains(&part) {
                return Err(BoundsError::outside("number of a fraction", part, 1, FRACTION_PART_MAX));
            }
        }
        Ok(Self { numerator, denominator })
    }

    /// Reads `6/4`, or `evens` (also `evs`, `even`) for 1/1.
    ///
    /// # Errors
    /// Any other text.
    pub fn parse(text: &str) -> Result<Self, BoundsError> {
        let part = |digits: &str| {
            let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|_| is_plain)
        };
        if ["evens", "evs", "even"].iter().any(|name| text.eq_ignore_ascii_case(name)) {
            return Self::new(1, 1);
        }
        match text.split_once('/').map(|(above, below)| (part(above), part(below))) {
            Some((Some(numerator), Some(denominator))) => Self::new(numerator, denominator),
            _ => {
                Err(BoundsError::new(format!("fractional odds {text:?} are not two whole numbers like 6/4")))
            }
        }
    }

    /// What a stake of [`Fraction::denominator`] wins.
    pub fn numerator(self) -> u32 {
        self.numerator
    }

    /// The stake.
    pub fn denominator(self) -> u32 {
        self.denominator
    }

    /// Winnings of one unit.
    pub fn winnings(self) -> f64 {
        f64::from(self.numerator) / f64::from(self.denominator)
    }

    /// Decimal odds, stake included; the nearest float.
    pub fn decimal(self) -> f64 {
        f64::from(self.numerator + self.denominator) / f64::from(self.denominator)
    }

    /// Decimal odds in ten-thousandths, rounded down.
    pub const fn odds_e4_down(self) -> u64 {
        (self.numerator as u64 + self.denominator as u64) * 10_000 / self.denominator as u64
    }

    /// Order of the prices.
    pub fn cmp_value(self, other: Self) -> std::cmp::Ordering {
        let product = |a: u32, b: u32| u64::from(a) * u64::from(b);
        product(self.numerator, other.denominator).cmp(&product(other.numerator, self.denominator))
    }

    /// The simplest way to write winnings of `winnings` a unit, within `tolerance`: by the smallest denominator.
    ///
    /// `None` when no fraction of numbers up to [`FRACTION_PART_MAX`] is as near.
    ///
    /// ```
    /// # use oddsengine_types::Fraction;
    /// assert_eq!(Fraction::simplest(3.3333, 0.00005).map(|f| f.to_string()), Some("10/3".to_string()));
    /// ```
    pub fn simplest(winnings: f64, tolerance: f64) -> Option<Self> {
        let (mut low, mut high) = ((winnings - tolerance).max(f64::MIN_POSITIVE), winnings + tolerance);
        if !(low.is_finite() && high.is_finite() && low <= high) {
            return None;
        }
        // Convergents of the continued fraction that both ends share, and then the smaller whole number above the low end.
        let ((mut numerator, mut denominator), mut before) = ((1_u64, 0_u64), (0_u64, 1_u64));
        for _ in 0..64 {
            let whole = low.floor();
            let is_last = whole == low || whole + 1.0 <= high;
            let term = if whole == low {
                whole
            } else if is_last {
                whole + 1.0
            } else {
                whole
            };
            if term > f64::from(FRACTION_PART_MAX) {
                return None;
            }
            let term = term as u64;
            let next = (term * numerator + before.0, term * denominator + before.1);
            before = (numerator, denominator);
            (numerator, denominator) = next;
            if numerator.max(denominator) > u64::from(FRACTION_PART_MAX) {
                return None;
            }
            if is_last {
                return Self::new(numerator as u32, denominator as u32).ok();
            }
            (low, high) = (1.0 / (high - whole), 1.0 / (low - whole));
        }
        None
    }
}

impl fmt::Display for Fraction {
    /// `6/4`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.numerator, self.denominator)
    }
}

/// A house's own list of fractions, ascending.
///
/// ```
/// # use oddsengine_types::FractionLadder;
/// let ladder = FractionLadder::parse(&["4/6", "evens", "6/4"])?;
/// assert_eq!(ladder.rungs(2.2)?, [Some(1), Some(2), Some(1)]);
/// # Ok::<(), oddsengine_types::BoundsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FractionLadder {
    fractions: Vec<Fraction>,
}

/// Decimal odds this close to a rung (relative) are on it: they carry the rounding of a division.
const RUNG_TOLERANCE: f64 = 1e-11;

impl FractionLadder {
    /// A ladder of at least one fraction, each above the one before.
    ///
    /// # Errors
    /// No fraction, a text that is none, or one that is not above the one before.
    pub fn parse<S: AsRef<str>>(texts: &[S]) -> Result<Self, BoundsError> {
        let fractions: Vec<Fraction> =
            texts.iter().map(|text| Fraction::parse(text.as_ref())).collect::<Result<_, _>>()?;
        if fractions.is_empty() {
            return Err(BoundsError::new("a ladder of 0 fractions has no price"));
        }
        match fractions.windows(2).find(|pair| pair[0].cmp_value(pair[1]).is_ge()) {
            Some(pair) => Err(BoundsError::new(format!(
                "fractional odds {} of a ladder are not above {}, the ones before",
                pair[1], pair[0]
            ))),
            None => Ok(Self { fractions }),
        }
    }

    /// The fractions.
    pub fn fractions(&self) -> &[Fraction] {
        &self.fractions
    }

    /// Places of the highest fraction that is not above decimal odds, of the lowest that is not below, and of the nearest by
    /// decimal odds (the lower one when both are as near); `None` beyond an end.
    ///
    /// # Errors
    /// Odds of 1 or less, infinite, or not a number.
    pub fn rungs(&self, decimal: f64) -> Result<[Option<usize>; 3], BoundsError> {
        if !(decimal > 1.0 && decimal.is_finite()) {
            return Err(BoundsError::new(format!("decimal odds {decimal} are not above 1 and finite")));
        }
        let not_above = |limit: f64| self.fractions.partition_point(|fraction| fraction.decimal() <= limit);
        let down = not_above(decimal * (1.0 + RUNG_TOLERANCE)).checked_sub(1);
        let up =
            Some(not_above(decimal * (1.0 - RUNG_TOLERANCE))).filter(|place| *place < self.fractions.len());
        let nearest = match (down, up) {
            (Some(low), Some(high)) => {
                let [below, above] =
                    [low, high].map(|place| (self.fractions[place].decimal() - decimal).abs());
                Some(if above < below { high } else { low })
            }
            (low, high) => low.or(high),
        };
        Ok([down, up, nearest])
    }
}

/// The prices that British bookmakers quote, as they write them, ascending: 4/6 and 6/4 are not reduced.
///
/// Reproduced in `tests/golden/ladders.json`, cases `ladders.fraction`.
pub const QUOTED_FRACTIONS: [Fraction; 90] = quoted([
    (1, 100),
    (1, 66),
    (1, 50),
    (1, 40),
    (1, 33),
    (1, 25),
    (1, 20),
    (1, 16),
    (1, 14),
    (1, 12),
    (1, 11),
    (1, 10),
    (1, 9),
    (1, 8),
    (2, 15),
    (1, 7),
    (2, 13),
    (1, 6),
    (2, 11),
    (1, 5),
    (2, 9),
    (1, 4),
    (2, 7),
    (3, 10),
    (1, 3),
    (4, 11),
    (2, 5),
    (4, 9),
    (1, 2),
    (8, 15),
    (4, 7),
    (8, 13),
    (4, 6),
    (8, 11),
    (4, 5),
    (5, 6),
    (10, 11),
    (20, 21),
    (1, 1),
    (21, 20),
    (11, 10),
    (6, 5),
    (5, 4),
    (11, 8),
    (6, 4),
    (13, 8),
    (7, 4),
    (15, 8),
    (2, 1),
    (9, 4),
    (5, 2),
    (11, 4),
    (3, 1),
    (10, 3),
    (7, 2),
    (4, 1),
    (9, 2),
    (5, 1),
    (11, 2),
    (6, 1),
    (13, 2),
    (7, 1),
    (15, 2),
    (8, 1),
    (17, 2),
    (9, 1),
    (10, 1),
    (11, 1),
    (12, 1),
    (14, 1),
    (16, 1),
    (18, 1),
    (20, 1),
    (22, 1),
    (25, 1),
    (28, 1),
    (33, 1),
    (40, 1),
    (50, 1),
    (66, 1),
    (80, 1),
    (100, 1),
    (125, 1),
    (150, 1),
    (200, 1),
    (250, 1),
    (300, 1),
    (400, 1),
    (500, 1),
    (1000, 1),
]);

const fn quoted<const N: usize>(pairs: [(u32, u32); N]) -> [Fraction; N] {
    let mut fractions = [Fraction { numerator: 1, denominator: 1 }; N];
    let mut i = 0;
    while i < N {
        fractions[i] = Fraction { numerator: pairs[i].0, denominator: pairs[i].1 };
        assert!(i == 0 || fractions[i - 1].odds_e4_down() < fractions[i].odds_e4_down());
        i += 1;
    }
    fractions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_fractions_survive_their_text_and_their_four_decimals() {
        for fraction in QUOTED_FRACTIONS {
            assert_eq!(Fraction::parse(&fraction.to_string()), Ok(fraction));
            let simplest =
                Fraction::simplest((fraction.decimal() * 1e4).round() / 1e4 - 1.0, 5.1e-5).unwrap();
            assert!(simplest.cmp_value(fraction).is_eq(), "{fraction} {simplest}");
        }
        assert!(QUOTED_FRACTIONS.windows(2).all(|pair| pair[0].cmp_value(pair[1]).is_lt()));
    }

    #[test]
    fn the_simplest_fraction_is_the_one_that_a_search_finds() {
        for e4 in (3..60_000).step_by(37) {
            // No fraction lies just this far away.
            let (winnings, tolerance) = (f64::from(e4) / 1e4, 4.937_1e-5);
            let is_near = |fraction: &Fraction| (fraction.winnings() - winnings).abs() <= tolerance;
            let searched = (1..20_000_u32).find_map(|denominator| {
                let numerator = ((winnings - tolerance) * f64::from(denominator)).ceil().max(1.0) as u32;
                Fraction::new(numerator, denominator).ok().filter(is_near)
            });
            assert_eq!(Fraction::simplest(winnings, tolerance), searched, "{winnings}");
        }
        for bad in [f64::NAN, f64::INFINITY, 1e18, -3.0] {
            assert_eq!(Fraction::simplest(bad, 5e-5), None);
        }
    }

    #[test]
    fn a_ladder_of_ones_own_brackets_every_price() {
        let texts: Vec<String> = QUOTED_FRACTIONS.iter().map(Fraction::to_string).collect();
        let ladder = FractionLadder::parse(&texts).unwrap();
        for e4 in (10_001..11_000_000).step_by(1_733) {
            let decimal = f64::from(e4) / 1e4;
            let [down, up, nearest] = ladder.rungs(decimal).unwrap();
            assert!(down.is_none_or(|place| QUOTED_FRACTIONS[place].decimal() <= decimal * (1.0 + 1e-10)));
            assert!(up.is_none_or(|place| QUOTED_FRACTIONS[place].decimal() >= decimal * (1.0 - 1e-10)));
            assert!(nearest == down || nearest == up);
            assert!(down.is_none() || up.is_none() || up.unwrap() - down.unwrap() <= 1);
        }
        for (place, fraction) in QUOTED_FRACTIONS.iter().enumerate() {
            assert_eq!(ladder.rungs(fraction.decimal()), Ok([Some(place); 3]));
            assert_eq!(ladder.rungs(1.0 + fraction.winnings()), Ok([Some(place); 3]));
        }
        for bad in [&[][..], &["2/1", "1/1"], &["2/1", "4/2"], &["x"]] {
            assert!(FractionLadder::parse(bad).is_err());
        }
        assert!(ladder.rungs(1.0).is_err() && ladder.rungs(f64::NAN).is_err());
    }

    #[test]
    fn what_is_no_fraction_is_refused() {
        for bad in [
            "", "/", "10/", "/1", "a/f", "10/z", "0/1", "1/0", "-1/2", "+1/2", "1/2/3", "1.5/2", " 1/2",
            "evenss",
        ] {
            assert!(Fraction::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Fraction::parse("Evens"), Fraction::new(1, 1));
        assert_eq!(
            Fraction::new(0, 7).unwrap_err().to_string(),
            "number of a fraction 0 is outside 1..=1000000000"
        );
    }
}
