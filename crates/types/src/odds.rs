//! Decimal odds as integers.
//!
//! | expression | result | rounding |
//! |---|---|---|
//! | `Odds::from_e4(n)` | odds | none, bounds checked |
//! | `Odds::from_decimal_down(d)` | odds | towards 1 (the customer never gets more than `d`) |
//! | `Odds::from_decimal_nearest(d)` | odds | to the nearest ten-thousandth |
//! | `odds.decimal()` | `f64` | nearest float |
//! | `odds.implied()` | `f64` | 1 / odds |

use std::fmt;

use crate::bounds::{BoundsError, ODDS_E4_MAX, ODDS_E4_MIN};

/// Decimal odds in ten-thousandths: 2.50 is `Odds::from_e4(25_000)`. Includes the returned stake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Odds(u32);

impl Odds {
    /// The shortest odds there are, 1.0010.
    pub const MIN: Odds = Odds(ODDS_E4_MIN);
    /// The longest odds there are, 1000.0.
    pub const MAX: Odds = Odds(ODDS_E4_MAX);

    /// Odds from ten-thousandths.
    ///
    /// # Errors
    /// Outside [`ODDS_E4_MIN`]..=[`ODDS_E4_MAX`].
    ///
    /// ```
    /// # use oddsengine_types::Odds;
    /// assert_eq!(Odds::from_e4(25_000)?.decimal(), 2.5);
    /// # Ok::<(), oddsengine_types::BoundsError>(())
    /// ```
    pub fn from_e4(odds_e4: u32) -> Result<Self, BoundsError> {
        if !(ODDS_E4_MIN..=ODDS_E4_MAX).contains(&odds_e4) {
            return Err(outside(f64::from(odds_e4) / 10_000.0));
        }
        Ok(Self(odds_e4))
    }

    /// The largest odds that are not above `decimal`.
    ///
    /// # Errors
    /// Not a number, or outside 1.001..=1000.
    pub fn from_decimal_down(decimal: f64) -> Result<Self, BoundsError> {
        Self::from_decimal(decimal, f64::floor)
    }

    /// The odds nearest to `decimal`.
    ///
    /// # Errors
    /// Not a number, or outside 1.001..=1000.
    pub fn from_decimal_nearest(decimal: f64) -> Result<Self, BoundsError> {
        Self::from_decimal(decimal, f64::round)
    }

    fn from_decimal(decimal: f64, round: fn(f64) -> f64) -> Result<Self, BoundsError> {
        // A float such as 2.02 lies a hair under its decimal text; the nudge keeps it on it.
        let odds_e4 = round(decimal * 10_000.0 + 1e-7);
        if !(f64::from(ODDS_E4_MIN)..=f64::from(ODDS_E4_MAX)).contains(&odds_e4) {
            return Err(outside(decimal));
        }
        Ok(Self(odds_e4 as u32))
    }

    /// Ten-thousandths.
    #[inline]
    pub fn e4(self) -> u32 {
        self.0
    }

    /// The decimal number, stake included.
    #[inline]
    pub fn decimal(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }

    /// The implied probability 1 / odds.
    #[inline]
    pub fn implied(self) -> f64 {
        10_000.0 / f64::from(self.0)
    }
}

#[cold]
fn outside(decimal: f64) -> BoundsError {
    BoundsError::new(format!("decimal odds {decimal:.4} are outside 1.0010..=1000.0000"))
}

impl fmt::Display for Odds {
    /// At least two decimals, no trailing zeros beyond them: `2.50`, `1.925`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / 10_000, self.0 % 10_000);
        match (fraction % 100, fraction % 10) {
            (0, _) => write!(f, "{whole}.{:02}", fraction / 100),
            (_, 0) => write!(f, "{whole}.{:03}", fraction / 10),
            _ => write!(f, "{whole}.{fraction:04}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_text_survives_the_float() {
        for e4 in (ODDS_E4_MIN..200_000).step_by(7) {
            let odds = Odds(e4);
            let parsed: f64 = odds.to_string().parse().unwrap();
            assert_eq!(Odds::from_decimal_down(parsed).unwrap(), odds);
            assert_eq!(Odds::from_decimal_nearest(parsed).unwrap(), odds);
        }
    }

    #[test]
    fn bad_odds_are_named() {
        for bad in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1.0, 1000.1] {
            assert!(Odds::from_decimal_down(bad).unwrap_err().to_string().contains("outside"));
        }
    }
}
