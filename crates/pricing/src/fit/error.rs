//! Why a goal model cannot be fitted.

use super::GoalModel;
use std::fmt;

/// Why there is no fit.
#[derive(Clone, Debug, PartialEq)]
pub enum FitError {
    /// No model has this name; the text is cut after 40 characters.
    UnknownModel {
        /// The name as given.
        name: String,
    },
    /// A number outside its range; the ends belong to the range.
    OutsideRange {
        /// What the number is.
        name: &'static str,
        /// The match it stands in, where it stands in one.
        index: Option<usize>,
        /// The number as given.
        value: f64,
        /// Smallest allowed number.
        min: f64,
        /// Largest allowed number.
        max: f64,
    },
    /// Two columns of different lengths.
    Length {
        /// The column.
        name: &'static str,
        /// Its length.
        count: usize,
        /// The number of matches.
        expected: usize,
    },
    /// A team that plays against itself.
    SameTeam {
        /// Position of the match.
        index: usize,
        /// The team.
        team: String,
    },
    /// A team without a match of positive weight: nothing is known about it.
    NoMatch {
        /// The team.
        team: String,
    },
    /// A team that scored, or conceded, no goal at all: its parameter would be infinite.
    NoGoal {
        /// The team.
        team: String,
        /// `scored` or `conceded`.
        what: &'static str,
    },
    /// The matches leave two groups of parameters without a comparison between them.
    Disconnected {
        /// A parameter of the first group: `attack of Ajax`.
        first: String,
        /// A parameter of the second group.
        second: String,
    },
    /// No match ended 0-0, 0-1, 1-0 or 1-1: the likelihood does not depend on rho.
    NotIdentified,
    /// A parameter runs off: the likelihood has no maximum.
    NoMaximum {
        /// The parameter.
        parameter: String,
        /// Where it was when the search ended.
        value: f64,
    },
    /// The search did not reach a maximum.
    NotConverged {
        /// Steps taken.
        iterations: usize,
        /// Largest slope left.
        gradient_max: f64,
    },
}

impl FitError {
    /// A short fixed name of the error, for logs and other languages.
    ///
    /// ```
    /// use oddsengine_pricing::fit::FitError;
    /// assert_eq!(FitError::NoMatch { team: "Ajax".into() }.code(), "no_match");
    /// ```
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownModel { .. } => "unknown_model",
            Self::OutsideRange { .. } => "outside_range",
            Self::Length { .. } => "length",
            Self::SameTeam { .. } => "same_team",
            Self::NoMatch { .. } => "no_match",
            Self::NoGoal { .. } => "no_goal",
            Self::Disconnected { .. } => "disconnected",
            Self::NotIdentified => "not_identified",
            Self::NoMaximum { .. } => "no_maximum",
            Self::NotConverged { .. } => "not_converged",
        }
    }

    /// Passes `value` if it lies in `min..=max`; not a number does not.
    pub(super) fn check(
        name: &'static str,
        index: Option<usize>,
        value: f64,
        min: f64,
        max: f64,
    ) -> Result<f64, Self> {
        if value >= min && value <= max {
            Ok(value)
        } else {
            Err(Self::OutsideRange { name, index, value, min, max })
        }
    }
}

impl fmt::Display for FitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownModel { name } => {
                write!(f, "goal model {name:?} is none of {}", GoalModel::ALL.map(GoalModel::name).join(", "))
            }
            Self::OutsideRange { name, index: Some(index), value, min, max } => {
                write!(f, "{name} {value} of match {index} is outside {min}..={max}")
            }
            Self::OutsideRange { name, index: None, value, min, max } => {
                write!(f, "{name} {value} is outside {min}..={max}")
            }
            Self::Length { name, count, expected } => {
                write!(f, "{count} values of {name} do not fit {expected} matches")
            }
            Self::NotIdentified => f.write_str(
                "rho is not identified: no match ended 0-0, 0-1, 1-0 or 1-1\n\
                 hint: without these scores the model is the poisson one",
            ),
            Self::SameTeam { index, team } => write!(f, "{team} plays itself in match {index}"),
            Self::NoMatch { team } => write!(f, "{team} has no match of positive weight"),
            Self::NoGoal { team, what } => {
                write!(
                    f,
                    "{team} {what} no goal, so its parameter has no finite value; a ridge above 0 gives one"
                )
            }
            Self::Disconnected { first, second } => write!(
                f,
                "{first} and {second} are not connected by any chain of matches; a ridge above 0 compares them"
            ),
            Self::NoMaximum { parameter, value } => {
                write!(f, "the likelihood has no maximum, {parameter} runs off and passed {value:.3}")
            }
            Self::NotConverged { iterations, gradient_max } => {
                write!(
                    f,
                    "no maximum was reached in {iterations} steps, the largest slope is {gradient_max:e}"
                )
            }
        }
    }
}

impl std::error::Error for FitError {}
