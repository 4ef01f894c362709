//! Serve levels that explain market prices.
//!
//! The match winner fixes the difference of the two serve levels, the games fix their mean: two nested monotone roots. The
//! games are matched in the probability of the over at a line, not in their mean: their distribution is skewed, and a market's
//! line is nearer to its median.

use std::cell::Cell;

use oddsengine_markets::tennis::{Side, TennisFormat, TennisScore};

use super::error::TennisError;
use super::model::{SERVE_MAX, SERVE_MIN, TennisModel};
use super::parameters::{PRIOR_POINTS_MAX, PRIOR_POINTS_MIN, ServeLevels, TennisParameters};
use super::paths::MatchPaths;
use super::real::Real;
use super::walk::{Count, DIFFERENCE_ZERO, TOTAL_CELLS, Walk};
use crate::margin::{self, MarginMethod};
use crate::root::{decreasing_root, newton_step};

/// Smallest mean of both serve levels that calibration looks for: below it games get longer again.
pub const SERVE_MEAN_MIN: f64 = 0.5;
/// Largest mean of both serve levels that calibration looks for.
pub const SERVE_MEAN_MAX: f64 = 0.9;
/// Residual of a probability at which a root is found.
const TOLERANCE: f64 = 1e-13;

/// What the games of the match should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GamesTarget {
    /// The mean of both serve levels is known instead.
    ServeMean(f64),
    /// Expected games of the match.
    Expected(f64),
    /// Probability of more games than a line.
    Over {
        /// The line, not a whole number.
        line: f64,
        /// The probability.
        probability: f64,
    },
}

/// What calibration takes as given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CalibrationSettings {
    /// The mean of both serve levels where no games market says otherwise.
    pub serve_mean: f64,
    /// How many points each serve level is worth; `None` for exactly known levels.
    pub prior_points: Option<f64>,
    /// Who serves first, if known.
    pub first_server: Option<Side>,
}

impl Default for CalibrationSettings {
    fn default() -> Self {
        Self { serve_mean: SERVE_MEAN_DEFAULT, prior_points: None, first_server: None }
    }
}

/// The mean of both serve levels where nothing else is known: between the tours of women and men.
pub const SERVE_MEAN_DEFAULT: f64 = 0.61;

/// How many points a serve level read from prices is worth: fitted to set scores and to in-play prices, which agree on it
/// (`docs/models/tennis.md`).
pub const PRIOR_POINTS_DEFAULT: f64 = 100.0;

impl CalibrationSettings {
    /// Settings within their bounds.
    ///
    /// # Errors
    /// [`TennisError::OutsideRange`].
    pub fn checked(self) -> Result<Self, TennisError> {
        TennisError::check("mean serve probability", self.serve_mean, SERVE_MEAN_MIN, SERVE_MEAN_MAX)?;
        if let Some(points) = self.prior_points {
            TennisError::check("prior points", points, PRIOR_POINTS_MIN, PRIOR_POINTS_MAX)?;
        }
        Ok(self)
    }

    fn parameters(&self, mean: f64, difference: f64) -> TennisParameters {
        let serve = [mean + 0.5 * difference, mean - 0.5 * difference];
        TennisParameters { serve, prior_points: self.prior_points }
    }
}

/// Serve levels with which the home side wins with `match_home` and the games are as wanted.
///
/// ```
/// use oddsengine_markets::tennis::{Side, TennisFormat};
/// use oddsengine_pricing::tennis::calibration::{CalibrationSettings, GamesTarget, from_probabilities};
/// let settings = CalibrationSettings { first_server: Some(Side::Home), ..CalibrationSettings::default() };
/// let fitted = from_probabilities(&TennisFormat::default(), 0.64, GamesTarget::Expected(25.4), &settings)?;
/// assert!((fitted.serve[0] - 0.65553898350914).abs() < 1e-10);
/// # Ok::<(), oddsengine_pricing::tennis::TennisError>(())
/// ```
///
/// # Errors
/// A probability or setting outside its range, or games that no serve mean in [`SERVE_MEAN_MIN`]..=[`SERVE_MEAN_MAX`] gives.
pub fn from_probabilities(
    format: &TennisFormat,
    match_home: f64,
    games: GamesTarget,
    settings: &CalibrationSettings,
) -> Result<TennisParameters, TennisError> {
    TennisError::check_probability("the match winner", match_home)?;
    let settings = settings.checked()?;
    let winner = |parameters: &TennisParameters| match_home - match_home_of(format, parameters);
    solve_games(format, games, &settings, "match winner", match_home, &winner)
}

/// Serve levels with these expected games: home minus away, and both together.
///
/// # Errors
/// As [`from_probabilities`].
pub fn from_expected_games(
    format: &TennisFormat,
    difference: f64,
    total: f64,
    settings: &CalibrationSettings,
) -> Result<TennisParameters, TennisError> {
    TennisError::check("expected difference of games", difference, -18.0, 18.0)?;
    TennisError::check("expected games", total, 12.0, 100.0)?;
    let settings = settings.checked()?;
    let gap = |parameters: &TennisParameters| {
        let games = ExpectedGames::of(format, &parameters.before_match(), settings.first_server);
        difference - games.difference
    };
    solve_games(format, GamesTarget::Expected(total), &settings, "difference of games", difference, &gap)
}

/// Serve levels from odds: `match_winner` (home, away) is needed, of `total_games:<line>` (over, under) the line nearest to
/// even is used.
///
/// # Errors
/// A market that is missing or not known here, odds whose margin cannot be removed, or prices that no serve levels explain.
pub fn from_odds(
    format: &TennisFormat,
    prices: &[(&str, &[f64])],
    method: MarginMethod,
    settings: &CalibrationSettings,
) -> Result<TennisParameters, TennisError> {
    let mut match_home = None;
    let mut games: Option<(f64, f64)> = None;
    for &(key, odds) in prices {
        let fair = fair_pair(key, odds, method)?;
        match key.split_once(':') {
            None if key == "match_winner" => match_home = Some(fair),
            Some(("total_games", line)) => {
                let line: f64 = line.parse().map_err(|_| not_known(key))?;
                if games.is_none_or(|(_, known)| (fair - 0.5).abs() < (known - 0.5).abs()) {
                    games = Some((line, fair));
                }
            }
            _ => return Err(not_known(key)),
        }
    }
    let Some(match_home) = match_home else {
        return Err(TennisError::Market { what: "market match_winner is missing from the prices".into() });
    };
    let games = match games {
        Some((line, probability)) => GamesTarget::Over { line, probability },
        None => GamesTarget::ServeMean(settings.serve_mean),
    };
    from_probabilities(format, match_home, games, settings)
}

fn not_known(key: &str) -> TennisError {
    TennisError::Market {
        what: format!("market {key} is not one that calibration knows: match_winner, total_games:<line>"),
    }
}

/// The fair probability of the first of two selections.
fn fair_pair(key: &str, odds: &[f64], method: MarginMethod) -> Result<f64, TennisError> {
    let &[first, second] = odds else {
        return Err(TennisError::Market { what: format!("market {key} has {} odds, not 2", odds.len()) });
    };
    let mut fair = [0.0; 2];
    margin::remove(method, &[1.0 / first, 1.0 / second], 1.0, &mut fair)?;
    Ok(fair[0])
}

/// Solves the difference for every mean, and the mean for the games.
fn solve_games(
    format: &TennisFormat,
    games: GamesTarget,
    settings: &CalibrationSettings,
    name: &str,
    wanted: f64,
    residual: &dyn Fn(&TennisParameters) -> f64,
) -> Result<TennisParameters, TennisError> {
    let difference = Cell::new(0.0);
    let at_mean = |mean: f64| -> Result<TennisParameters, TennisError> {
        // Half a difference must leave both levels in their range.
        let widest = 2.0 * (mean - SERVE_MIN).min(SERVE_MAX - mean);
        let found = secant_root(difference.get(), -widest, widest, 3.0, |difference| {
            residual(&settings.parameters(mean, difference))
        })
        .ok_or_else(|| TennisError::NoRoot { name: name.into(), value: wanted })?;
        difference.set(found);
        Ok(settings.parameters(mean, found))
    };
    let (name, value) = match games {
        GamesTarget::ServeMean(mean) => {
            TennisError::check("mean serve probability", mean, SERVE_MEAN_MIN, SERVE_MEAN_MAX)?;
            return at_mean(mean);
        }
        GamesTarget::Expected(games) => ("expected games".to_string(), games),
        GamesTarget::Over { line, probability } => {
            TennisError::check_probability("over", probability)?;
            (format!("probability of over {line} games"), probability)
        }
    };
    let no_root = || TennisError::NoRoot { name: name.clone(), value };
    let failed = Cell::new(None);
    let gap = |mean: f64| match at_mean(mean) {
        Ok(parameters) => {
            let levels = parameters.before_match();
            match games {
                GamesTarget::Over { line, .. } => {
                    value - over_of(format, &levels, settings.first_server, line)
                }
                _ => value - ExpectedGames::of(format, &levels, settings.first_server).total,
            }
        }
        Err(error) => {
            failed.set(Some(error));
            f64::NAN
        }
    };
    // Games grow by about 40 and the chance of an over by about 4 per unit of the mean.
    let slope = if let GamesTarget::Over { .. } = games { 4.0 } else { 40.0 };
    match secant_root(settings.serve_mean, SERVE_MEAN_MIN, SERVE_MEAN_MAX, slope, gap) {
        Some(mean) => at_mean(mean),
        None => Err(failed.take().unwrap_or_else(no_root)),
    }
}

/// The root of a decreasing function whose slope is about `-descent`; secant steps, guarded by the bracket.
fn secant_root(start: f64, low: f64, high: f64, descent: f64, residual: impl Fn(f64) -> f64) -> Option<f64> {
    let mut last: Option<(f64, f64)> = None;
    let mut descent = descent;
    let evaluate = |x: f64| {
        let value = residual(x);
        if let Some((x_before, before)) = last
            && x != x_before
        {
            let measured = (before - value) / (x - x_before);
            if measured > 0.0 {
                descent = measured;
            }
        }
        last = Some((x, value));
        (value, descent)
    };
    decreasing_root(start, low, high, TOLERANCE, evaluate, newton_step).ok()
}

/// The probability that the home side wins before the first point.
pub fn match_home_of(format: &TennisFormat, parameters: &TennisParameters) -> f64 {
    parameters.before_match().match_home(format, &TennisScore::default())
}

/// Expected games of a match.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ExpectedGames {
    /// Of both sides.
    pub total: f64,
    /// Home minus away.
    pub difference: f64,
}

impl ExpectedGames {
    /// Before the first point; without a first server either side serves first in half of the matches.
    pub fn of(format: &TennisFormat, levels: &ServeLevels, first_server: Option<Side>) -> Self {
        match *levels {
            ServeLevels::Known(serve) => Self::of_levels(format, serve, 1.0, first_server),
            ServeLevels::Uncertain { serve, weights } => {
                Self::of_levels(format, serve, weights, first_server)
            }
        }
    }

    fn of_levels<R: Real>(
        format: &TennisFormat,
        serve: [R; 2],
        weights: R,
        first_server: Option<Side>,
    ) -> Self {
        let model = TennisModel::unchecked(format, serve);
        let paths = MatchPaths::new(&model, &TennisScore { server: first_server, ..TennisScore::default() });
        let mut walk = Walk::blank(&paths);
        walk.fill();
        let mut mean = |count| -> f64 {
            let cells = walk.of(count).iter().enumerate();
            cells.map(|(cell, p)| (cell % TOTAL_CELLS) as f64 * p.weighted(weights)).sum()
        };
        Self { total: mean(Count::Totals), difference: mean(Count::Difference) - DIFFERENCE_ZERO as f64 }
    }
}

/// The probability of more games than a line before the first point.
pub fn over_of(format: &TennisFormat, levels: &ServeLevels, first_server: Option<Side>, line: f64) -> f64 {
    match *levels {
        ServeLevels::Known(serve) => over_of_levels(format, serve, 1.0, first_server, line),
        ServeLevels::Uncertain { serve, weights } => {
            over_of_levels(format, serve, weights, first_server, line)
        }
    }
}

fn over_of_levels<R: Real>(
    format: &TennisFormat,
    serve: [R; 2],
    weights: R,
    first_server: Option<Side>,
    line: f64,
) -> f64 {
    let model = TennisModel::unchecked(format, serve);
    let paths = MatchPaths::new(&model, &TennisScore { server: first_server, ..TennisScore::default() });
    let mut walk = Walk::blank(&paths);
    walk.fill();
    let totals = walk.of(Count::Totals).iter().enumerate();
    let tail = totals.filter(|(cell, _)| (cell % TOTAL_CELLS) as f64 > line);
    tail.map(|(_, p)| p.weighted(weights)).sum()
}
