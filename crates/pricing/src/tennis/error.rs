//! What can be wrong with a tennis model or with the prices it should explain.

use crate::margin::MarginError;
use std::fmt;

/// Why a tennis model cannot be built or fitted.
#[derive(Clone, Debug, PartialEq)]
pub enum TennisError {
    /// A number outside its range; the ends belong to the range.
    OutsideRange {
        /// What the number is.
        name: &'static str,
        /// The number as given.
        value: f64,
        /// Smallest allowed number.
        min: f64,
        /// Largest allowed number.
        max: f64,
    },
    /// A probability that is not strictly between 0 and 1.
    Probability {
        /// What it is the probability of.
        name: &'static str,
        /// The number as given.
        value: f64,
    },
    /// No serve levels give this price.
    NoRoot {
        /// The price that cannot be met.
        name: String,
        /// Its value.
        value: f64,
    },
    /// A market that is missing, not known to calibration, or has a wrong number of odds.
    Market {
        /// What is wrong, with the market's key.
        what: String,
    },
    /// The margin of the given odds cannot be removed.
    Margin(MarginError),
}

impl TennisError {
    /// Passes `value` if it lies in `min..=max`; not a number does not.
    pub(super) fn check(name: &'static str, value: f64, min: f64, max: f64) -> Result<f64, Self> {
        if value >= min && value <= max {
            Ok(value)
        } else {
            Err(Self::OutsideRange { name, value, min, max })
        }
    }

    /// Passes a probability strictly between 0 and 1.
    pub(super) fn check_probability(name: &'static str, value: f64) -> Result<f64, Self> {
        if value > 0.0 && value < 1.0 { Ok(value) } else { Err(Self::Probability { name, value }) }
    }
}

impl fmt::Display for TennisError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutsideRange { name, value, min, max } => {
                write!(f, "{name} {value} is outside {min}..={max}")
            }
            Self::Probability { name, value } => {
                write!(f, "probability of {name} {value} is not strictly between 0 and 1")
            }
            Self::NoRoot { name, value } => write!(f, "no serve levels give {name} {value}"),
            Self::Market { what } => f.write_str(what),
            Self::Margin(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TennisError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Margin(error) => Some(error),
            _ => None,
        }
    }
}

impl From<MarginError> for TennisError {
    fn from(error: MarginError) -> Self {
        Self::Margin(error)
    }
}
