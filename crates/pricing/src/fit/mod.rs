//! Goal models fitted to results by maximum likelihood.
//!
//! | model | goals of a side | parameter beside the teams |
//! |---|---|---|
//! | [`GoalModel::Poisson`] | Poisson | none |
//! | [`GoalModel::DixonColes`] | Poisson, the four lowest scores corrected | `rho` |
//! | [`GoalModel::NegativeBinomial`] | variance `mean + mean^2 / dispersion` | `1 / dispersion` |
//!
//! In all of them `ln(home mean) = intercept + home advantage + attack(home) - defence(away)` and
//! `ln(away mean) = intercept + attack(away) - defence(home)`; attacks sum to zero, and so do defences. The home
//! advantage is left out of a match at a neutral venue.
//!
//! The likelihood depends on a match only through its pair of teams, its venue and its goals, so matches of one pair
//! are merged once; every step of the search then costs two exponentials a team and a few multiplications a pair.
//! Newton steps with the exact second derivatives need five or six of them.
//!
//! Sources: M. Maher, "Modelling association football scores", Statistica Neerlandica 36 (1982); M. Dixon, S. Coles,
//! "Modelling Association Football Scores and Inefficiencies in the Football Betting Market", Applied Statistics 46
//! (1997), which also has the weights that fall with a match's age.

mod cells;
mod cholesky;
mod error;
mod newton;
mod objective;
mod predict;
#[cfg(test)]
mod tests;

pub use error::FitError;
pub use predict::{goal_mean, outcome_probabilities, score_grid};

use cells::Cells;
use objective::Objective;

/// Most teams of one fit.
pub const TEAMS_MAX: usize = 512;

/// Most goals of one side in a match.
pub const GOALS_MAX: i64 = 400;

/// Largest ridge.
pub const RIDGE_MAX: f64 = 1e6;

/// Largest weight of a match.
pub const WEIGHT_MAX: f64 = 1e6;

/// Fits a model to results; the best parameters to about ten digits, or a reason.
///
/// # Errors
///
/// [`FitError`]: columns that do not fit together, numbers outside their range, a team without a match of positive
/// weight; without a ridge also a team without a goal scored or conceded, and matches that fall into groups without a
/// comparison between them; a likelihood without a maximum.
///
/// ```
/// use oddsengine_pricing::fit::{FitOptions, GoalModel, Results, fit_goals};
/// let teams = ["Ajax", "Brugge", "Celtic"].map(String::from);
/// let results = Results {
///     teams: &teams,
///     home: &[0, 0, 1, 1, 2, 2],
///     away: &[1, 2, 0, 2, 0, 1],
///     home_goals: &[3, 2, 1, 2, 0, 1],
///     away_goals: &[1, 0, 1, 0, 2, 1],
///     weights: None,
///     is_neutral: None,
/// };
/// let fit = fit_goals(&results, &FitOptions { model: GoalModel::Poisson, ..FitOptions::default() }).unwrap();
/// assert!(fit.attack[0] > fit.attack[2] && fit.home_advantage > 0.0);
/// assert!(fit.report.gradient_max < 1e-8);
/// // The means of a Poisson fit reproduce every team's goals.
/// let (first, _) = fit.goal_means(0, 1, false);
/// let (second, _) = fit.goal_means(0, 2, false);
/// let (_, third) = fit.goal_means(1, 0, false);
/// let (_, fourth) = fit.goal_means(2, 0, false);
/// assert!((first + second + third + fourth - 8.0).abs() < 1e-9);
/// ```
pub fn fit_goals(results: &Results<'_>, options: &FitOptions) -> Result<GoalFit, FitError> {
    FitError::check("ridge", None, options.ridge, 0.0, RIDGE_MAX)?;
    let cells = Cells::merge(results)?;
    if options.ridge == 0.0 {
        cells.check_every_team_scored_and_conceded(results.teams)?;
        cells.check_connected(results.teams)?;
    }
    // Else the barrier that keeps probabilities positive would choose a rho of its own.
    let has_low_scores = || cells.cells.iter().any(|cell| cell.low.iter().any(|&weight| weight > 0.0));
    if options.model == GoalModel::DixonColes && !has_low_scores() {
        return Err(FitError::NotIdentified);
    }
    let objective = Objective::new(&cells, options.model, options.ridge);
    let maximum = newton::maximise(&objective, results.teams)?;
    Ok(GoalFit::from_maximum(&objective, &maximum, options))
}

/// Matches that were played, one column each.
#[derive(Clone, Copy, Debug)]
pub struct Results<'a> {
    /// Names of the teams, 2 to 512; the columns name them by position.
    pub teams: &'a [String],
    /// The home team of each match.
    pub home: &'a [u32],
    /// The away team of each match.
    pub away: &'a [u32],
    /// Goals of the home team, 0 to 400.
    pub home_goals: &'a [i64],
    /// Goals of the away team, 0 to 400.
    pub away_goals: &'a [i64],
    /// How much each match counts, 0 to 1e6; 1 each if absent. A match of weight 0 is left out.
    pub weights: Option<&'a [f64]>,
    /// Whether the match has no home advantage; none if absent.
    pub is_neutral: Option<&'a [bool]>,
}

/// The distribution of goals around their means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoalModel {
    /// Independent Poisson goals.
    Poisson,
    /// Poisson goals with the correction of Dixon and Coles.
    DixonColes,
    /// Independent negative binomial goals with one dispersion for all.
    NegativeBinomial,
}

/// What is fitted and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FitOptions {
    /// The model.
    pub model: GoalModel,
    /// Strength of the pull of attacks and defences towards their mean, 0 to 1e6: `ridge / 2` times the sum of their
    /// squares is taken from the log-likelihood, as if each came from a normal distribution of variance `1 / ridge`.
    pub ridge: f64,
    /// Whether to compute standard errors.
    pub has_standard_errors: bool,
}

impl Default for FitOptions {
    /// Dixon-Coles without a ridge, with standard errors.
    fn default() -> Self {
        Self { model: GoalModel::DixonColes, ridge: 0.0, has_standard_errors: true }
    }
}

/// A fitted model.
#[derive(Clone, Debug, PartialEq)]
pub struct GoalFit {
    /// The model.
    pub model: GoalModel,
    /// Natural logarithm of the goals of an average team against an average team, away or at a neutral venue.
    pub intercept: f64,
    /// What playing at home adds to it; 0 if every venue was neutral.
    pub home_advantage: f64,
    /// What each team adds to its own goals; the sum is 0.
    pub attack: Vec<f64>,
    /// What each team takes from its opponent's goals; the sum is 0.
    pub defence: Vec<f64>,
    /// Dixon and Coles' correction; 0 in the other models.
    pub rho: f64,
    /// Inverse of the dispersion, 0 to 2: the variance is `mean + overdispersion * mean^2`; 0 in the other models, and
    /// where the goals vary no more than Poisson.
    pub overdispersion: f64,
    /// Standard errors, if asked for.
    pub standard_errors: Option<StandardErrors>,
    /// How the search ended.
    pub report: FitReport,
}

/// Square roots of the diagonal of the inverse observed information; for a ridge, of the penalised one.
///
/// With weights other than 1 they are the errors as if a weight were a number of matches.
#[derive(Clone, Debug, PartialEq)]
pub struct StandardErrors {
    /// Of the intercept.
    pub intercept: f64,
    /// Of the home advantage; not a number if every venue was neutral.
    pub home_advantage: f64,
    /// Of each attack.
    pub attack: Vec<f64>,
    /// Of each defence.
    pub defence: Vec<f64>,
    /// Of `rho` or the overdispersion; not a number where there is none or it stands at its bound.
    pub extra: f64,
}

/// How the search for the maximum ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FitReport {
    /// Sum of weight times logarithm of the probability of the score, without the ridge's part.
    pub log_likelihood: f64,
    /// What the ridge takes from it.
    pub penalty: f64,
    /// Newton steps.
    pub iterations: usize,
    /// Largest slope of the objective left, per unit of a parameter that is free to move.
    pub gradient_max: f64,
    /// Matches of positive weight.
    pub match_count: usize,
    /// Sum of the weights.
    pub weight: f64,
    /// Free parameters: what the information criteria count.
    pub parameter_count: usize,
    /// Whether rho or the overdispersion stands at the end of its range.
    pub is_at_bound: bool,
}

impl GoalFit {
    /// Expected goals of home and away.
    ///
    /// # Panics
    ///
    /// If a team is not one of the fit.
    pub fn goal_means(&self, home: usize, away: usize, is_neutral: bool) -> (f64, f64) {
        let advantage = if is_neutral { 0.0 } else { self.home_advantage };
        (
            goal_mean(self.intercept + advantage, self.attack[home], self.defence[away]),
            goal_mean(self.intercept, self.attack[away], self.defence[home]),
        )
    }

    fn from_maximum(objective: &Objective<'_>, maximum: &newton::Maximum, options: &FitOptions) -> Self {
        let team_count = objective.team_count();
        let point = &maximum.point;
        let (attack, rest) = point.split_at(team_count);
        let (defence, rest) = rest.split_at(team_count);
        let mean = |values: &[f64]| values.iter().sum::<f64>() / team_count as f64;
        let (attack_mean, defence_mean) = (mean(attack), mean(defence));
        let centred = |values: &[f64], mean: f64| values.iter().map(|value| value - mean).collect();
        let home_advantage = if objective.has_home_advantage() { rest[0] } else { 0.0 };
        let extra = objective.extra().map(|place| point[place]);
        Self {
            model: options.model,
            intercept: attack_mean - defence_mean,
            home_advantage,
            attack: centred(attack, attack_mean),
            defence: centred(defence, defence_mean),
            rho: extra.filter(|_| options.model == GoalModel::DixonColes).unwrap_or(0.0),
            overdispersion: extra.filter(|_| options.model == GoalModel::NegativeBinomial).unwrap_or(0.0),
            standard_errors: options.has_standard_errors.then(|| maximum.standard_errors(objective)),
            report: maximum.report(objective),
        }
    }
}
