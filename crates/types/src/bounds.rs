//! Every bound in one place, with the words its error uses.

use std::fmt;

/// Smallest decimal odds, in ten-thousandths: 1.0010.
pub const ODDS_E4_MIN: u32 = 10_010;
/// Largest decimal odds, in ten-thousandths: 1000.0.
pub const ODDS_E4_MAX: u32 = 10_000_000;
/// Largest number in a fraction such as 6/4.
pub const FRACTION_PART_MAX: u32 = 1_000_000_000;
/// Largest stake of one ticket: ten billion minor units.
pub const STAKE_MINOR_MAX: i64 = 10_000_000_000;
/// Largest amount of money anywhere (a balance, a total): 10^17 minor units leaves room to add 90 of them.
pub const MONEY_MINOR_MAX: i64 = 100_000_000_000_000_000;
/// Most legs of one ticket.
pub const LEGS_MAX: usize = 63;
/// Longest name (competition, team, source), in bytes.
pub const NAME_BYTES_MAX: usize = 128;
/// Longest market key or selection name, in bytes.
pub const KEY_BYTES_MAX: usize = 64;

// The largest payout of a single must fit an i64: this fails the build, never a bet.
const _: () = assert!(STAKE_MINOR_MAX <= MONEY_MINOR_MAX / (ODDS_E4_MAX as i64 / 10_000));

/// A value outside its range; the message names the value and the allowed range.
///
/// ```
/// use oddsengine_types::Odds;
/// let error = Odds::from_e4(10_000).unwrap_err();
/// assert_eq!(error.to_string(), "decimal odds 1.0000 are outside 1.0010..=1000.0000");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundsError {
    message: String,
}

impl BoundsError {
    /// An error with a ready-made sentence: lower case, no full stop, the value and the range in it.
    #[cold]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }

    /// "`what` `value` is outside `low`..=`high`".
    #[cold]
    pub fn outside(
        what: &str,
        value: impl fmt::Display,
        low: impl fmt::Display,
        high: impl fmt::Display,
    ) -> Self {
        Self { message: format!("{what} {value} is outside {low}..={high}") }
    }
}

impl fmt::Display for BoundsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for BoundsError {}
