//! What can be wrong with a book, with the words for it.

use super::{MarginMethod, SELECTIONS_MAX};
use std::fmt;

/// Why a margin cannot be removed or applied.
#[derive(Clone, Debug, PartialEq)]
pub enum MarginError {
    /// No method has this name; the text is cut after 40 characters.
    UnknownMethod {
        /// The name as given.
        name: String,
    },
    /// Fewer than two selections or too many.
    SelectionCount {
        /// How many were given.
        count: usize,
    },
    /// The output is not as long as the input.
    OutputCount {
        /// Length of the output.
        count: usize,
        /// Length of the input.
        expected: usize,
    },
    /// 1/odds outside (0,1): odds of 1 or less, infinite odds (a removed runner), or not a number.
    InverseOdds {
        /// Position of the selection.
        index: usize,
        /// Its inverse odds.
        value: f64,
    },
    /// A fair probability outside (0,1); a decided selection has no price.
    Probability {
        /// Position of the selection.
        index: usize,
        /// Its probability.
        value: f64,
    },
    /// The target sum is not between 0 and the number of selections.
    Target {
        /// The target as given.
        value: f64,
        /// Number of selections.
        count: usize,
    },
    /// The booksum is not between 0 and the number of selections.
    Booksum {
        /// The booksum as given.
        value: f64,
        /// Number of selections.
        count: usize,
    },
    /// A hold that is not below 1.
    Hold {
        /// The hold as given.
        value: f64,
    },
    /// The margin of an exchange that is not a share of the winnings below 1.
    Commission {
        /// The commission as given.
        value: f64,
    },
    /// A weight that is negative or not finite, or two that are both 0.
    Weight {
        /// Position of the selection.
        index: usize,
        /// The weight.
        value: f64,
    },
    /// A slope or intercept of a favourite-longshot shading that is not a number, or a slope that is not above 0.
    Shading {
        /// `slope` or `intercept`.
        name: &'static str,
        /// The value as given.
        value: f64,
    },
    /// The method reads the margin as an advantage of the bookmaker and the book has none.
    UnderRound {
        /// The method that was asked for.
        method: MarginMethod,
        /// Sum of the inverse odds.
        booksum: f64,
        /// Sum of the fair probabilities.
        target: f64,
    },
    /// The method gives a probability of 0 or less.
    NegativeProbability {
        /// The method that was asked for.
        method: MarginMethod,
        /// Position of the selection.
        index: usize,
        /// The result that was refused.
        value: f64,
    },
    /// The method gives a probability, or an implied probability, of 1 or more.
    ProbabilityAboveOne {
        /// The method that was asked for.
        method: MarginMethod,
        /// Position of the selection.
        index: usize,
        /// The result that was refused.
        value: f64,
    },
    /// No parameter of the method reaches this booksum.
    BooksumUnreachable {
        /// The method that was asked for.
        method: MarginMethod,
        /// The booksum as given.
        booksum: f64,
        /// The largest one the method can reach for these probabilities.
        booksum_max: f64,
    },
    /// The solver could not bring the sum to its target.
    NotSolved {
        /// The method that was asked for.
        method: MarginMethod,
        /// What was left of the difference.
        residual: f64,
    },
}

impl MarginError {
    /// A short fixed name of the error, for logs and other languages.
    ///
    /// ```
    /// use oddsengine_pricing::margin::{MarginMethod, remove};
    /// let error = remove(MarginMethod::Additive, &[0.99, 0.03, 0.005], 1.0, &mut [0.0; 3]).unwrap_err();
    /// assert_eq!(error.code(), "negative_probability");
    /// ```
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownMethod { .. } => "unknown_method",
            Self::SelectionCount { .. } => "selection_count",
            Self::OutputCount { .. } => "output_count",
            Self::InverseOdds { .. } => "inverse_odds",
            Self::Probability { .. } => "probability",
            Self::Target { .. } => "target",
            Self::Booksum { .. } => "booksum",
            Self::Hold { .. } => "hold",
            Self::Commission { .. } => "commission",
            Self::Weight { .. } => "weight",
            Self::Shading { .. } => "shading",
            Self::UnderRound { .. } => "under_round",
            Self::NegativeProbability { .. } => "negative_probability",
            Self::ProbabilityAboveOne { .. } => "probability_above_one",
            Self::BooksumUnreachable { .. } => "booksum_unreachable",
            Self::NotSolved { .. } => "not_solved",
        }
    }

    /// The error with the selection's place in a book with gaps, instead of its place among the present ones.
    #[cold]
    pub(super) fn at_place(mut self, places: &[usize]) -> Self {
        if let Self::InverseOdds { index, .. }
        | Self::Probability { index, .. }
        | Self::NegativeProbability { index, .. }
        | Self::ProbabilityAboveOne { index, .. } = &mut self
        {
            *index = places.get(*index).copied().unwrap_or(*index);
        }
        self
    }

    #[cold]
    pub(super) fn unknown_method(name: &str) -> Self {
        Self::UnknownMethod { name: name.chars().take(40).collect() }
    }

    #[cold]
    pub(super) fn inverse_odds(index: usize, value: f64) -> Self {
        Self::InverseOdds { index, value }
    }

    #[cold]
    pub(super) fn probability(index: usize, value: f64) -> Self {
        Self::Probability { index, value }
    }

    #[cold]
    pub(super) fn target(value: f64, count: usize) -> Self {
        Self::Target { value, count }
    }

    #[cold]
    pub(super) fn booksum(value: f64, count: usize) -> Self {
        Self::Booksum { value, count }
    }
}

/// The error for the first value outside (0,1).
#[cold]
pub(super) fn first_outside(values: &[f64], error: impl Fn(usize, f64) -> MarginError) -> MarginError {
    let is_outside = |value: &f64| !(*value > 0.0 && *value < 1.0);
    let index = values.iter().position(is_outside).unwrap_or(0);
    error(index, values.get(index).copied().unwrap_or(f64::NAN))
}

/// A result that left (0,1), named by the side it left on.
#[cold]
pub(super) fn left(method: MarginMethod, index: usize, value: f64) -> MarginError {
    if value >= 1.0 {
        MarginError::ProbabilityAboveOne { method, index, value }
    } else {
        MarginError::NegativeProbability { method, index, value }
    }
}

impl fmt::Display for MarginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownMethod { name } => {
                write!(f, "margin method {name:?} is none of ")?;
                for (index, method) in MarginMethod::ALL.into_iter().enumerate() {
                    write!(f, "{}{method}", if index == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
            Self::SelectionCount { count } => {
                write!(f, "{count} selections are outside 2..={SELECTIONS_MAX}")
            }
            Self::OutputCount { count, expected } => {
                write!(f, "output has room for {count} selections, not {expected}")
            }
            Self::InverseOdds { index, value } => {
                write!(f, "inverse odds {value} of selection {index} are not strictly between 0 and 1")
            }
            Self::Probability { index, value } => {
                write!(f, "probability {value} of selection {index} is not strictly between 0 and 1")
            }
            Self::Target { value, count } => {
                write!(f, "target {value} is not strictly between 0 and {count}, the number of selections")
            }
            Self::Booksum { value, count } => {
                write!(f, "booksum {value} is not strictly between 0 and {count}, the number of selections")
            }
            Self::Hold { value } => write!(f, "hold {value} is not below 1 and finite"),
            Self::Commission { value } => write!(f, "commission {value} is outside 0..1"),
            Self::Weight { index, value } => {
                write!(f, "weight {value} of selection {index} is not above 0 and finite")
            }
            Self::Shading { name, value } => {
                write!(f, "{name} {value} of the shading is outside its range (slope above 0, both finite)")
            }
            Self::UnderRound { method, booksum, target } => {
                write!(f, "booksum {booksum} is below {target}, where the {method} method is not defined")
            }
            Self::NegativeProbability { method, index, value } => {
                write!(f, "the {method} method gives selection {index} the probability {value}, not above 0")
            }
            Self::ProbabilityAboveOne { method, index, value } => {
                write!(f, "the {method} method gives selection {index} the probability {value}, not below 1")
            }
            Self::BooksumUnreachable { method, booksum, booksum_max } => {
                write!(f, "booksum {booksum} is above {booksum_max}, the largest of the {method} method here")
            }
            Self::NotSolved { method, residual } => {
                write!(f, "the {method} method was not solved, the sum is off by {residual:e}")
            }
        }
    }
}

impl std::error::Error for MarginError {}
