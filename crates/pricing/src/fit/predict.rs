//! What a fitted model says about a match.

use super::{FitError, GoalModel};
use crate::football::counts::NegativeBinomial;
use crate::football::{DixonColes, FootballError, GOAL_MEAN_MAX, GRID_SIZE_MAX, ScoreGrid};

/// Expected goals of a side: `exp(level + attack - defence of the opponent)`.
///
/// `level` is the intercept, for a home team plus the home advantage.
///
/// ```
/// use oddsengine_pricing::fit::goal_mean;
/// assert!((goal_mean(0.1 + 0.25, 0.3, 0.2) - 1.568312185490169).abs() < 1e-12);
/// ```
#[inline]
pub fn goal_mean(level: f64, attack: f64, defence: f64) -> f64 {
    libm::exp(level + attack - defence)
}

/// The grid of final scores of a model: `extra` is rho for Dixon-Coles, the overdispersion for the negative binomial,
/// and not used for Poisson.
///
/// # Errors
///
/// [`FootballError`]: means outside 0..=20, a rho that gives a score a negative probability at these means, an
/// overdispersion outside 0..=2, or a negative binomial of which more than 1e-9 lies above 79 goals of a side.
///
/// ```
/// use oddsengine_pricing::fit::{GoalModel, score_grid};
/// let poisson = score_grid(GoalModel::Poisson, 1.5, 1.1, 0.0).unwrap();
/// let spread = score_grid(GoalModel::NegativeBinomial, 1.5, 1.1, 0.1).unwrap();
/// assert!(spread.correct_score(0, 0) > poisson.correct_score(0, 0));
/// ```
pub fn score_grid(
    model: GoalModel,
    home_mean: f64,
    away_mean: f64,
    extra: f64,
) -> Result<ScoreGrid, FootballError> {
    match model {
        GoalModel::Poisson => DixonColes::poisson(home_mean, away_mean),
        GoalModel::DixonColes => DixonColes::new(home_mean, away_mean, extra),
        // The dispersion is at most 1e6; below that the counts are Poisson to six digits.
        GoalModel::NegativeBinomial if extra >= 1e-6 || extra.is_nan() || extra < 0.0 => {
            return negative_binomial_grid(home_mean, away_mean, extra);
        }
        GoalModel::NegativeBinomial => DixonColes::poisson(home_mean, away_mean),
    }
    .map(|model| ScoreGrid::from_dixon_coles(&model))
}

/// Home, draw and away of a model, as [`score_grid`] has them.
///
/// # Errors
///
/// As [`score_grid`].
///
/// ```
/// use oddsengine_pricing::fit::{GoalModel, outcome_probabilities};
/// let [home, draw, away] = outcome_probabilities(GoalModel::DixonColes, 1.62, 1.08, -0.08).unwrap();
/// assert!((home - 0.48983702483099).abs() < 1e-9 && (home + draw + away - 1.0).abs() < 1e-12);
/// ```
pub fn outcome_probabilities(
    model: GoalModel,
    home_mean: f64,
    away_mean: f64,
    extra: f64,
) -> Result<[f64; 3], FootballError> {
    let grid = score_grid(model, home_mean, away_mean, extra)?;
    Ok([grid.home(), grid.draw(), grid.away()])
}

fn negative_binomial_grid(
    home_mean: f64,
    away_mean: f64,
    overdispersion: f64,
) -> Result<ScoreGrid, FootballError> {
    /// Most probability above the largest grid.
    const TAIL_MAX: f64 = 1e-9;
    let outside = |name, value, min, max| FootballError::OutsideRange { name, value, min, max };
    for (name, mean) in [("home goal mean", home_mean), ("away goal mean", away_mean)] {
        if !(0.0..=GOAL_MEAN_MAX).contains(&mean) {
            return Err(outside(name, mean, 0.0, GOAL_MEAN_MAX));
        }
    }
    if !(0.0..=2.0).contains(&overdispersion) {
        return Err(outside("overdispersion", overdispersion, 0.0, 2.0));
    }
    let home = NegativeBinomial::new(home_mean, 1.0 / overdispersion)?;
    let away = NegativeBinomial::new(away_mean, 1.0 / overdispersion)?;
    let mut size = 2;
    let (mut home_sum, mut away_sum) = (home.mass(0) + home.mass(1), away.mass(0) + away.mass(1));
    while size < GRID_SIZE_MAX && home_sum.min(away_sum) < 1.0 - 1e-13 {
        home_sum += home.mass(size);
        away_sum += away.mass(size);
        size += 1;
    }
    let tail = 1.0 - home_sum.min(away_sum);
    if tail > TAIL_MAX {
        return Err(outside("probability of more goals than the grid has", tail, 0.0, TAIL_MAX));
    }
    let cells = (0..size * size).map(|cell| home.mass(cell / size) * away.mass(cell % size)).collect();
    ScoreGrid::from_cells(size, cells)
}

impl GoalModel {
    /// Every model.
    pub const ALL: [Self; 3] = [Self::Poisson, Self::DixonColes, Self::NegativeBinomial];

    /// The model's name: `poisson`, `dixon_coles`, `negative_binomial`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Poisson => "poisson",
            Self::DixonColes => "dixon_coles",
            Self::NegativeBinomial => "negative_binomial",
        }
    }

    /// The model of a name.
    ///
    /// # Errors
    ///
    /// [`FitError::UnknownModel`] with the names that exist.
    ///
    /// ```
    /// use oddsengine_pricing::fit::GoalModel;
    /// assert_eq!(GoalModel::parse("dixon_coles"), Ok(GoalModel::DixonColes));
    /// assert!(GoalModel::parse("weibull").is_err());
    /// ```
    pub fn parse(name: &str) -> Result<Self, FitError> {
        let unknown = || FitError::UnknownModel { name: name.chars().take(40).collect() };
        Self::ALL.into_iter().find(|model| model.name() == name).ok_or_else(unknown)
    }
}
