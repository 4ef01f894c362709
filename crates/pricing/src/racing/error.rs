//! What can be wrong with a race or with the prices it should explain.

use super::{RUNNERS_MAX, SUM_TOLERANCE, WIN_PROBABILITY_MIN};
use crate::margin::MarginError;
use std::fmt;

/// Why a race cannot be priced.
#[derive(Clone, Debug, PartialEq)]
pub enum RacingError {
    /// Fewer than two runners or too many.
    RunnerCount {
        /// How many were given.
        count: usize,
    },
    /// A runner that is not in the race.
    Runner {
        /// Its position, from 0.
        runner: usize,
        /// Number of runners.
        count: usize,
    },
    /// The same runner named twice in one selection.
    SameRunner {
        /// Its position, from 0.
        runner: usize,
    },
    /// Input and output differ in length.
    OutputCount {
        /// Length as given.
        count: usize,
        /// Length needed.
        expected: usize,
    },
    /// A probability of winning outside its range.
    WinProbability {
        /// Position of the runner.
        runner: usize,
        /// The probability as given.
        value: f64,
    },
    /// Probabilities of winning that do not sum to 1.
    ProbabilitySum {
        /// Their sum.
        value: f64,
    },
    /// Decimal odds of 1 or less, or not a number.
    Odds {
        /// Position of the runner.
        runner: usize,
        /// The odds as given.
        value: f64,
    },
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
    /// No model has this name; the text is cut after 40 characters.
    UnknownModel {
        /// The name as given.
        name: String,
    },
    /// Mean running times were not found.
    NotConverged {
        /// Largest remaining difference of a log probability.
        residual: f64,
    },
    /// The margin could not be removed.
    Margin(MarginError),
}

impl RacingError {
    #[cold]
    pub(crate) fn outside(name: &'static str, value: f64, min: f64, max: f64) -> Self {
        Self::OutsideRange { name, value, min, max }
    }
}

impl fmt::Display for RacingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RunnerCount { count } => write!(f, "{count} runners are outside 2..={RUNNERS_MAX}"),
            Self::Runner { runner, count } => write!(f, "runner {runner} is outside 0..{count}"),
            Self::SameRunner { runner } => write!(f, "runner {runner} is named twice"),
            Self::OutputCount { count, expected } => write!(f, "{count} numbers were given, not {expected}"),
            Self::WinProbability { runner, value } => {
                write!(f, "win probability {value} of runner {runner} is outside {WIN_PROBABILITY_MIN}..1")
            }
            Self::ProbabilitySum { value } => {
                write!(f, "win probabilities sum to {value}, not to 1 within {SUM_TOLERANCE:e}")
            }
            Self::Odds { runner, value } => write!(f, "odds {value} of runner {runner} are not above 1"),
            Self::OutsideRange { name, value, min, max } => {
                write!(f, "{name} {value} is outside {min}..={max}")
            }
            Self::UnknownModel { name } => {
                write!(f, "racing model {name:?} is none of harville, lo_bacon_shone, henery")
            }
            Self::NotConverged { residual } => {
                write!(f, "mean running times were not found, a log probability is off by {residual:e}")
            }
            Self::Margin(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RacingError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Margin(error) => Some(error),
            _ => None,
        }
    }
}

impl From<MarginError> for RacingError {
    fn from(error: MarginError) -> Self {
        Self::Margin(error)
    }
}
