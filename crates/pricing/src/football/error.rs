//! What can be wrong with a football model or with the prices it should explain.

use crate::margin::MarginError;
use std::fmt;

/// Why a football model cannot be built or fitted.
#[derive(Clone, Debug, PartialEq)]
pub enum FootballError {
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
    /// Home, draw and away do not sum to 1 within 1e-9.
    ProbabilitySum {
        /// Their sum.
        value: f64,
    },
    /// A line that is not a multiple of a quarter goal, or is too large.
    Line {
        /// The line as given.
        value: f64,
    },
    /// No model of this kind has the given price.
    NoRoot {
        /// The price that cannot be met.
        name: &'static str,
        /// Its value.
        value: f64,
        /// The model's values stay strictly above this one.
        min: f64,
        /// The model's values stay strictly below this one.
        max: f64,
    },
    /// A series or iteration did not reach its accuracy.
    NotConverged {
        /// What was computed.
        name: &'static str,
        /// The error estimate that was left.
        residual: f64,
    },
    /// The margin of the given odds cannot be removed.
    Margin(MarginError),
}

impl FootballError {
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

impl fmt::Display for FootballError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutsideRange { name, value, min, max } => {
                write!(f, "{name} {value} is outside {min}..={max}")
            }
            Self::Probability { name, value } => {
                write!(f, "probability of {name} {value} is not strictly between 0 and 1")
            }
            Self::ProbabilitySum { value } => {
                write!(f, "probabilities of home, draw and away sum to {value}, not to 1 within 1e-9")
            }
            Self::Line { value } => {
                write!(f, "line {value} is not a multiple of 0.25 within -1000..=1000")
            }
            Self::NoRoot { name, value, min, max } => {
                write!(f, "no model has {name} {value}, it must be strictly between {min} and {max}")
            }
            Self::NotConverged { name, residual } => {
                write!(f, "{name} did not converge, error estimate {residual:e}")
            }
            Self::Margin(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FootballError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Margin(error) => Some(error),
            _ => None,
        }
    }
}

impl From<MarginError> for FootballError {
    fn from(error: MarginError) -> Self {
        Self::Margin(error)
    }
}
