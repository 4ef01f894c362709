//! What can be wrong with a same-game multiple.

use std::fmt;

use crate::football::FootballError;

/// Why a same-game multiple has no price.
#[derive(Clone, Debug, PartialEq)]
pub enum SameGameError {
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
    /// The same leg twice.
    DuplicateLeg {
        /// Place of the second one.
        leg: usize,
    },
    /// No outcome that is still possible pays a part of every leg.
    Contradictory,
    /// A correlation that no jointly normal variables have.
    Correlation {
        /// What is wrong.
        what: &'static str,
        /// Its value.
        value: f64,
    },
    /// A leg that no model joins with the others.
    NoJointModel {
        /// Place of the leg.
        leg: usize,
        /// What keeps it apart.
        why: &'static str,
    },
    /// The scorer of a goal is not told yet: legs on scorers have no price.
    UntoldScorer,
    /// The parameters of the match give no probabilities.
    Model(FootballError),
    /// The equation of the fair odds was not solved.
    NotConverged {
        /// What was left of it.
        residual: f64,
    },
}

impl SameGameError {
    /// Passes `value` if it lies in `min..=max`; not a number does not.
    pub(super) fn check(name: &'static str, value: f64, min: f64, max: f64) -> Result<f64, Self> {
        if value >= min && value <= max {
            Ok(value)
        } else {
            Err(Self::OutsideRange { name, value, min, max })
        }
    }
}

impl fmt::Display for SameGameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutsideRange { name, value, min, max } => {
                write!(f, "{name} {value} is outside {min}..={max}")
            }
            Self::DuplicateLeg { leg } => write!(f, "leg {leg} is an earlier leg again"),
            Self::Contradictory => {
                f.write_str("the legs contradict each other: no possible outcome pays all of them")
            }
            Self::Correlation { what, value } => write!(f, "{what} {value} does not describe the events"),
            Self::NoJointModel { leg, why } => write!(f, "leg {leg} cannot be combined: {why}"),
            Self::UntoldScorer => f.write_str("the scorer of a goal is not told yet"),
            Self::Model(error) => error.fmt(f),
            Self::NotConverged { residual } => {
                write!(f, "the fair odds did not converge, {residual:e} is left")
            }
        }
    }
}

impl std::error::Error for SameGameError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Model(error) => Some(error),
            _ => None,
        }
    }
}

impl From<FootballError> for SameGameError {
    fn from(error: FootballError) -> Self {
        Self::Model(error)
    }
}
