//! Score models beside Dixon-Coles, calibrated exactly to 1X2 and a total line.
//!
//! A [`ScoreModel`] holds what is the same for all matches: the family and its global parameters. A match adds three
//! numbers, [`MatchScores`]: the rates of both sides and a **shift**, the probability moved from each of 1-0 and 0-1
//! to 0-0 and 1-1. Whatever the family, the shift changes neither P(home) - P(away) nor a total line from 2.5 up,
//! and raises the draw by twice itself; so three prices (over, P(home) - P(away), draw) fix the three numbers exactly.
//! With Poisson goals this is Dixon-Coles: `shift = -rho lambda_home lambda_away e^-(lambda_home + lambda_away)`.
//!
//! Calibration is Newton's method on analytic slopes, from the Poisson answer; a few steps, no optimiser.
//!
//! The fitted constants come from Pinnacle's closing prices of half of 14 league seasons (`docs/models/football.md`,
//! `benches/accuracy/asian_handicap.py --fit`).

use super::calibration::{MatchPrices, TotalLine, calibrate};
pub use super::score_family::ScoreFamily;
use super::score_family::common_mean;
use super::score_sides::{Counts, Features, SLOPES, Side};
use super::weibull::{WEIBULL_RATE_MAX, frank_cells};
use super::{FootballError, GOAL_MEAN_MAX, GRID_SIZE_MAX, ScoreGrid, poisson};
use crate::margin::{self, MarginMethod};
use crate::root::RESIDUAL_MAX;

/// Residual of a price at which a calibration is good enough.
const TOLERANCE: f64 = 2e-14;

/// Newton steps of a calibration at most; solvable prices need four to eight.
const STEPS_MAX: usize = 60;

/// Halvings of a Newton step that does not come nearer.
const HALVINGS_MAX: usize = 30;

/// Largest step of a logarithm of a rate, and of the shift.
const STEP_MAX: [f64; SLOPES] = [0.7, 0.7, 0.03];

/// What a match adds to a [`ScoreModel`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MatchScores {
    /// Scoring rate of home, in the family's own meaning: close to the expected goals.
    pub rate_home: f64,
    /// Scoring rate of away.
    pub rate_away: f64,
    /// Probability moved from each of 1-0 and 0-1 to 0-0 and 1-1.
    pub shift: f64,
}

/// A match's numbers and the fair probabilities that they were fitted to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CalibratedScores {
    /// The prices after the margin was removed.
    pub prices: MatchPrices,
    /// The match that has them.
    pub scores: MatchScores,
}

/// A score model, ready to make grids and to be calibrated.
///
/// ```
/// use oddsengine_pricing::football::calibration::MatchPrices;
/// use oddsengine_pricing::football::score_model::{ScoreFamily, ScoreModel};
/// let model = ScoreModel::new(ScoreFamily::CONWAY_MAXWELL).unwrap();
/// let prices = MatchPrices { home: 0.4612, draw: 0.2701, away: 0.2687, total_quarters: 10, over: 0.5134 };
/// let grid = model.grid(&model.calibrate(&prices).unwrap()).unwrap();
/// assert!((grid.home() - 0.4612).abs() < 1e-12 && (grid.over(10).win - 0.5134).abs() < 1e-12);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreModel {
    family: ScoreFamily,
    counts: Counts,
}

impl ScoreModel {
    /// A model of this family.
    ///
    /// # Errors
    ///
    /// [`FootballError::OutsideRange`] for a parameter outside its range or not a number.
    ///
    /// ```
    /// use oddsengine_pricing::football::score_model::{ScoreFamily, ScoreModel};
    /// let error = ScoreModel::new(ScoreFamily::WeibullFrank { shape: 3.0, kappa: 0.0 }).unwrap_err();
    /// assert_eq!(error.to_string(), "shape 3 is outside 0.5..=2");
    /// ```
    pub fn new(family: ScoreFamily) -> Result<Self, FootballError> {
        family.check()?;
        Ok(Self { family, counts: Counts::new(&family)? })
    }

    /// Its family and global parameters.
    pub const fn family(&self) -> &ScoreFamily {
        &self.family
    }

    /// The grid of a match; less than 1e-12 lies outside, except that Weibull counts end at 23 goals a side.
    ///
    /// # Errors
    ///
    /// [`FootballError::OutsideRange`] for a rate outside the family's range, a shift that makes a score's
    /// probability negative, or a dispersion that the link takes out of its range;
    /// [`FootballError::NotConverged`] where the Weibull series is not accurate.
    pub fn grid(&self, scores: &MatchScores) -> Result<ScoreGrid, FootballError> {
        let MatchScores { rate_home, rate_away, shift } = *scores;
        self.check_rates([rate_home, rate_away])?;
        let mut sides = [Side::EMPTY; 2];
        self.counts.fill([rate_home, rate_away], shift, &mut sides)?;
        let [home, away] = sides;
        let size = home.count;
        let cells: Vec<f64> = match self.family {
            ScoreFamily::Poisson | ScoreFamily::ConwayMaxwell { .. } => {
                let (home, away) = (home.values(size), away.values(size));
                home.iter().flat_map(|home| away.iter().map(move |away| home * away)).collect()
            }
            ScoreFamily::BivariatePoisson { common, draw_link, inflation, inflation_mean } => {
                let common = common_mean(common, draw_link, shift);
                let grid = ScoreGrid::from_bivariate_poisson(rate_home, rate_away, common)?;
                return shifted(grid.size(), inflated(&grid, inflation, inflation_mean), shift);
            }
            ScoreFamily::WeibullFrank { kappa, .. } => {
                frank_cells(&home.values(size), &away.values(size), kappa)
            }
        };
        shifted(size, cells, shift)
    }

    /// The match that has exactly these fair probabilities; residuals stay below 5e-13.
    ///
    /// # Errors
    ///
    /// Those of [`super::calibration::calibrate`] for impossible prices; [`FootballError::NotConverged`] when no
    /// match of this family explains them, [`FootballError::OutsideRange`] when only an inadmissible shift would.
    pub fn calibrate(&self, prices: &MatchPrices) -> Result<MatchScores, FootballError> {
        if self.family == ScoreFamily::Poisson {
            let model = calibrate(prices)?;
            let product = model.lambda_home() * model.lambda_away() * libm::exp(-model.total());
            return Ok(MatchScores {
                rate_home: model.lambda_home(),
                rate_away: model.lambda_away(),
                shift: -model.rho() * product,
            });
        }
        prices.check()?;
        let line = TotalLine::new(prices.total_quarters)?;
        let mut search =
            Search { model: self, prices, line: &line, sides: [Side::EMPTY; 2], features: Features::EMPTY };
        let mut point = search.point(self.start(prices, &line)?)?;
        for _ in 0..STEPS_MAX {
            if point.distance() <= TOLERANCE {
                break;
            }
            match search.next(&point) {
                Some(next) => point = next,
                None => break,
            }
        }
        if point.distance() > RESIDUAL_MAX {
            return Err(FootballError::NotConverged {
                name: "calibration of the score model",
                residual: point.distance(),
            });
        }
        let [[both_zero, away_one], [home_one, both_one]] = point.low;
        FootballError::check("shift", point.at[2], -both_zero.min(both_one), away_one.min(home_one))?;
        let [rate_home, rate_away, shift] = scores_of(point.at);
        Ok(MatchScores { rate_home, rate_away, shift })
    }

    /// Removes the margin from odds on 1X2 and on a total line, then calibrates.
    ///
    /// The 1X2 is freed of its margin by [`fair_1x2`] with this share of the odds ratio, the total by `method_total`.
    ///
    /// # Errors
    ///
    /// [`FootballError::Margin`] when a margin cannot be removed, [`FootballError::OutsideRange`] for a share outside
    /// 0..=1, and the errors of [`ScoreModel::calibrate`].
    ///
    /// ```
    /// use oddsengine_pricing::football::score_model::{ODDS_RATIO_SHARE, ScoreFamily, ScoreModel};
    /// use oddsengine_pricing::margin::MarginMethod::Multiplicative;
    /// let model = ScoreModel::new(ScoreFamily::CONWAY_MAXWELL).unwrap();
    /// let (odds, total) = ([1.42, 4.8, 7.5], [1.72, 2.2]);
    /// let fitted = model.calibrate_from_odds(odds, ODDS_RATIO_SHARE, 10, total, Multiplicative).unwrap();
    /// let handicap = model.grid(&fitted.scores).unwrap().asian_handicap_home(-5);
    /// assert!((handicap.fair_odds().unwrap() - 1.98).abs() < 0.05);
    /// ```
    pub fn calibrate_from_odds(
        &self,
        odds_1x2: [f64; 3],
        odds_ratio_share: f64,
        total_quarters: i32,
        odds_over_under: [f64; 2],
        method_total: MarginMethod,
    ) -> Result<CalibratedScores, FootballError> {
        let [home, draw, away] = fair_1x2(odds_1x2, odds_ratio_share)?;
        let mut total = [0.0; 2];
        margin::remove(method_total, &odds_over_under.map(|odds| 1.0 / odds), 1.0, &mut total)?;
        let prices = MatchPrices { home, draw, away, total_quarters, over: total[0] };
        Ok(CalibratedScores { prices, scores: self.calibrate(&prices)? })
    }

    /// Rates near those that a Poisson model would have, and no shift.
    fn start(&self, prices: &MatchPrices, line: &TotalLine) -> Result<[f64; SLOPES], FootballError> {
        let total = line.total(prices.over)?;
        // Within a twentieth of a goal of the root for totals of 1 to 5.
        let difference = prices.home - prices.away;
        let square = difference * difference;
        let supremacy = total.sqrt() * difference * (1.41 + square * (0.8 * square - 0.24));
        let supremacy = supremacy.clamp(-0.97 * total, 0.97 * total);
        let common = match self.family {
            ScoreFamily::BivariatePoisson { common, .. } => common,
            _ => 0.0,
        };
        let log_rate = |mean: f64| libm::log((mean - common).max(0.2 * mean));
        Ok([log_rate(0.5 * (total + supremacy)), log_rate(0.5 * (total - supremacy)), 0.0])
    }

    fn check_rates(&self, rates: [f64; 2]) -> Result<(), FootballError> {
        let max = match self.family {
            ScoreFamily::Poisson | ScoreFamily::BivariatePoisson { .. } => GOAL_MEAN_MAX,
            // Its own check knows the dispersion.
            ScoreFamily::ConwayMaxwell { .. } => return Ok(()),
            ScoreFamily::WeibullFrank { .. } => WEIBULL_RATE_MAX,
        };
        for (name, rate) in [("home rate", rates[0]), ("away rate", rates[1])] {
            FootballError::check(name, rate, 0.0, max)?;
        }
        Ok(())
    }
}

/// The share of the odds ratio in the margin of Pinnacle's closing 1X2, as fitted with every family.
pub const ODDS_RATIO_SHARE: f64 = 0.8;

/// Fair probabilities of home, draw, away: a blend of two ways to remove the margin.
///
/// `odds_ratio_share` of the odds-ratio method and the rest of the multiplicative one; the blend sums to 1 as both do.
///
/// # Errors
///
/// [`FootballError::OutsideRange`] for a share outside 0..=1, [`FootballError::Margin`] when a margin cannot be removed.
///
/// ```
/// use oddsengine_pricing::football::score_model::fair_1x2;
/// let [home, draw, away] = fair_1x2([1.42, 4.8, 7.5], 0.8).unwrap();
/// assert!((home + draw + away - 1.0).abs() < 1e-12 && home > fair_1x2([1.42, 4.8, 7.5], 0.0).unwrap()[0]);
/// ```
pub fn fair_1x2(odds_1x2: [f64; 3], odds_ratio_share: f64) -> Result<[f64; 3], FootballError> {
    let share = FootballError::check("odds ratio share", odds_ratio_share, 0.0, 1.0)?;
    let inverse = odds_1x2.map(|odds| 1.0 / odds);
    let (mut multiplicative, mut odds_ratio) = ([0.0; 3], [0.0; 3]);
    margin::remove(MarginMethod::Multiplicative, &inverse, 1.0, &mut multiplicative)?;
    margin::remove(MarginMethod::OddsRatio, &inverse, 1.0, &mut odds_ratio)?;
    Ok(std::array::from_fn(|i| multiplicative[i] + share * (odds_ratio[i] - multiplicative[i])))
}

/// Where a calibration stands: the three numbers, what is missing to each price, and how the prices would change.
struct Point {
    at: [f64; SLOPES],
    residuals: [f64; SLOPES],
    slopes: [[f64; SLOPES]; SLOPES],
    low: [[f64; 2]; 2],
}

impl Point {
    /// The largest residual.
    fn distance(&self) -> f64 {
        self.residuals.iter().fold(0.0, |most, residual| f64::max(most, residual.abs()))
    }
}

/// A calibration: what is sought, and room to compute in.
struct Search<'a> {
    model: &'a ScoreModel,
    prices: &'a MatchPrices,
    line: &'a TotalLine,
    sides: [Side; 2],
    features: Features,
}

impl Search<'_> {
    fn point(&mut self, at: [f64; SLOPES]) -> Result<Point, FootballError> {
        let [rate_home, rate_away, shift] = scores_of(at);
        self.model.counts.fill([rate_home, rate_away], shift, &mut self.sides)?;
        let terms = self.line.terms();
        let features = &mut self.features;
        features.fill(&self.model.family, &self.sides, shift, terms);
        for (place, factor) in [(0, 1.0), (1, -2.0), (2, 1.0)] {
            features.totals[place].shift(factor, shift);
        }
        features.draw.shift(2.0, shift);

        let totals = &features.totals;
        let (over, over_slopes) = self.line.price_of(|total| (totals[total].value, totals[total].slopes));
        let prices = self.prices;
        Ok(Point {
            at,
            residuals: [
                prices.over - over,
                prices.home - prices.away - features.difference.value,
                prices.draw - features.draw.value,
            ],
            slopes: [over_slopes, features.difference.slopes, features.draw.slopes],
            low: features.low,
        })
    }

    /// The next point of Newton's method, nearer to the prices; None if there is none.
    fn next(&mut self, now: &Point) -> Option<Point> {
        let mut step = solve(&now.slopes, &now.residuals)?;
        let excess =
            step.iter().zip(STEP_MAX).fold(1.0, |most, (step, max)| f64::max(most, step.abs() / max));
        step = step.map(|step| step / excess);
        for _ in 0..HALVINGS_MAX {
            let at = std::array::from_fn(|i| now.at[i] + step[i]);
            // A step out of the family's range is as bad as one away from the prices.
            if let Ok(point) = self.point(at)
                && point.distance() < now.distance()
            {
                return Some(point);
            }
            if now.distance() <= RESIDUAL_MAX {
                // Only rounding is left.
                return None;
            }
            step = step.map(|step| 0.5 * step);
        }
        None
    }
}

/// Rates from their logarithms, and the shift.
fn scores_of([log_home, log_away, shift]: [f64; SLOPES]) -> [f64; SLOPES] {
    [libm::exp(log_home), libm::exp(log_away), shift]
}

/// The solution of three linear equations by Cramer's rule; None if they are singular.
fn solve(rows: &[[f64; SLOPES]; SLOPES], values: &[f64; SLOPES]) -> Option<[f64; SLOPES]> {
    let determinant = |a: [f64; 3], b: [f64; 3], c: [f64; 3]| {
        a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0])
            + a[2] * (b[0] * c[1] - b[1] * c[0])
    };
    let [a, b, c] = *rows;
    let whole = determinant(a, b, c);
    let with = |column: usize| {
        let [mut a, mut b, mut c] = *rows;
        (a[column], b[column], c[column]) = (values[0], values[1], values[2]);
        determinant(a, b, c) / whole
    };
    let solution = [with(0), with(1), with(2)];
    solution.iter().all(|number| number.is_finite()).then_some(solution)
}

/// A grid with the shift applied to its four lowest scores.
fn shifted(size: usize, mut cells: Vec<f64>, shift: f64) -> Result<ScoreGrid, FootballError> {
    let (away_one, home_one, both_one) = (1, size, size + 1);
    let min = -cells[0].min(cells[both_one]);
    FootballError::check("shift", shift, min, cells[away_one].min(cells[home_one]))?;
    for (place, moved) in [(0, shift), (both_one, shift), (away_one, -shift), (home_one, -shift)] {
        cells[place] += moved;
    }
    let sum: f64 = cells.iter().sum();
    Ok(ScoreGrid::from_checked_cells(size, cells, (1.0 - sum).max(0.0)))
}

/// The cells of a grid in which a share of matches is a draw with a Poisson number of goals a side.
fn inflated(grid: &ScoreGrid, share: f64, mean: f64) -> Vec<f64> {
    let size = grid.size();
    let mut draws = [0.0; GRID_SIZE_MAX];
    poisson::fill_masses(mean, &mut draws[..size]);
    let mut cells: Vec<f64> = grid.cells().iter().map(|cell| (1.0 - share) * cell).collect();
    for (goals, draw) in draws[..size].iter().enumerate() {
        cells[goals * size + goals] += share * draw;
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::super::DixonColes;
    use super::*;

    fn families() -> Vec<ScoreFamily> {
        vec![
            ScoreFamily::Poisson,
            ScoreFamily::CONWAY_MAXWELL,
            ScoreFamily::ConwayMaxwell { dispersion: 0.9, draw_link: 0.0, gap_link: -0.05 },
            ScoreFamily::BIVARIATE_POISSON,
            ScoreFamily::BivariatePoisson {
                common: 0.2,
                draw_link: 0.0,
                inflation: 0.0,
                inflation_mean: 0.0,
            },
            ScoreFamily::BivariatePoisson {
                common: 0.05,
                draw_link: 0.0,
                inflation: 0.02,
                inflation_mean: 0.8,
            },
            ScoreFamily::WEIBULL_FRANK,
            ScoreFamily::WeibullFrank { shape: 0.95, kappa: -0.6 },
        ]
    }

    fn prices_of(grid: &ScoreGrid, total_quarters: i32) -> MatchPrices {
        let over = grid.over(total_quarters).fair_probability().unwrap();
        MatchPrices { home: grid.home(), draw: grid.draw(), away: grid.away(), total_quarters, over }
    }

    #[test]
    fn calibration_meets_every_price() {
        for family in families() {
            let model = ScoreModel::new(family).unwrap();
            for (home, away, rho) in
                [(1.6, 1.1, -0.08), (2.7, 0.6, 0.02), (0.7, 1.9, -0.1), (1.2, 1.2, 0.0), (3.4, 0.9, 0.0)]
            {
                let source = ScoreGrid::from_dixon_coles(&DixonColes::new(home, away, rho).unwrap());
                for total_quarters in [3, 6, 8, 9, 10, 11, 12, 14, 18] {
                    let wanted = prices_of(&source, total_quarters);
                    let scores = model.calibrate(&wanted).unwrap_or_else(|error| {
                        panic!("{family:?} {home} {away} at {total_quarters}: {error}");
                    });
                    let grid = model.grid(&scores).unwrap();
                    let got = prices_of(&grid, total_quarters);
                    let residual = (got.home - wanted.home)
                        .abs()
                        .max((got.draw - wanted.draw).abs())
                        .max((got.over - wanted.over).abs());
                    // Weibull counts end at 23 goals, and their series is only accurate to 1e-10.
                    let limit =
                        if matches!(family, ScoreFamily::WeibullFrank { .. }) { 2e-10 } else { 2e-12 };
                    assert!(residual < limit, "{family:?} {home} {away} at {total_quarters}: {residual:e}");
                }
            }
        }
    }

    #[test]
    fn every_family_contains_dixon_coles() {
        let model = DixonColes::new(1.7, 1.0, -0.09).unwrap();
        let source = ScoreGrid::from_dixon_coles(&model);
        let wanted = prices_of(&source, 10);
        for family in [
            ScoreFamily::Poisson,
            ScoreFamily::ConwayMaxwell { dispersion: 1.0, draw_link: 0.0, gap_link: 0.0 },
            ScoreFamily::BivariatePoisson {
                common: 0.0,
                draw_link: 0.0,
                inflation: 0.0,
                inflation_mean: 1.0,
            },
            ScoreFamily::WeibullFrank { shape: 1.0, kappa: 0.0 },
        ] {
            let score_model = ScoreModel::new(family).unwrap();
            let scores = score_model.calibrate(&wanted).unwrap();
            assert!((scores.rate_home - 1.7).abs() < 1e-9 && (scores.rate_away - 1.0).abs() < 1e-9);
            assert!((scores.shift - 0.09 * 1.7 * libm::exp(-2.7)).abs() < 1e-10, "{family:?}");
            let grid = score_model.grid(&scores).unwrap();
            for x in 0..8 {
                for y in 0..8 {
                    let error = grid.correct_score(x, y) - source.correct_score(x, y);
                    assert!(error.abs() < 1e-10, "{family:?} {x}-{y}: {error:e}");
                }
            }
        }
    }

    #[test]
    fn grids_are_distributions_with_the_family_s_character() {
        for family in families() {
            let model = ScoreModel::new(family).unwrap();
            let grid = model.grid(&MatchScores { rate_home: 1.8, rate_away: 1.2, shift: 0.004 }).unwrap();
            assert!(grid.tail() < 1e-9 && grid.cells().iter().all(|cell| *cell >= 0.0), "{family:?}");
        }
        let variance_ratio = |family| {
            let model = ScoreModel::new(family).unwrap();
            let grid = model.grid(&MatchScores { rate_home: 1.5, rate_away: 1.5, shift: 0.0 }).unwrap();
            let moment = |power: i32| -> f64 {
                let size = grid.size();
                (0..size * size).map(|i| grid.cells()[i] * ((i / size) as f64).powi(power)).sum()
            };
            (moment(2) - moment(1) * moment(1)) / moment(1)
        };
        let of = |dispersion| ScoreFamily::ConwayMaxwell { dispersion, draw_link: 0.0, gap_link: 0.0 };
        assert!(variance_ratio(of(1.2)) < 0.9 && variance_ratio(of(0.8)) > 1.1);
        assert!((variance_ratio(of(1.0)) - 1.0).abs() < 1e-9);
        assert!(variance_ratio(ScoreFamily::WeibullFrank { shape: 1.1, kappa: 0.0 }) < 0.95);
    }

    #[test]
    fn impossible_arguments_are_refused() {
        for family in [
            ScoreFamily::ConwayMaxwell { dispersion: 0.3, draw_link: 0.0, gap_link: 0.0 },
            ScoreFamily::ConwayMaxwell { dispersion: 1.0, draw_link: f64::NAN, gap_link: 0.0 },
            ScoreFamily::ConwayMaxwell { dispersion: 1.0, draw_link: 0.0, gap_link: 1.0 },
            ScoreFamily::BivariatePoisson {
                common: -0.1,
                draw_link: 0.0,
                inflation: 0.0,
                inflation_mean: 0.0,
            },
            ScoreFamily::BivariatePoisson {
                common: 0.1,
                draw_link: 0.0,
                inflation: 0.9,
                inflation_mean: 0.0,
            },
            ScoreFamily::WeibullFrank { shape: f64::INFINITY, kappa: 0.0 },
            ScoreFamily::WeibullFrank { shape: 1.0, kappa: 31.0 },
        ] {
            assert!(matches!(ScoreModel::new(family), Err(FootballError::OutsideRange { .. })), "{family:?}");
        }
        let fair = MatchPrices { home: 0.46, draw: 0.27, away: 0.27, total_quarters: 10, over: 0.51 };
        for family in families() {
            let model = ScoreModel::new(family).unwrap();
            for rate in [f64::NAN, -1.0, 1e9] {
                let scores = MatchScores { rate_home: rate, rate_away: 1.0, shift: 0.0 };
                assert!(model.grid(&scores).is_err(), "{family:?} {rate}");
            }
            let scores = MatchScores { rate_home: 1.2, rate_away: 1.0, shift: 0.3 };
            assert!(model.grid(&scores).is_err(), "{family:?}");
            assert!(model.calibrate(&MatchPrices { draw: 0.28, ..fair }).is_err());
            assert!(model.calibrate(&MatchPrices { over: f64::NAN, ..fair }).is_err());
            let many_draws = MatchPrices { home: 0.05, draw: 0.9, away: 0.05, ..fair };
            assert!(model.calibrate(&many_draws).is_err(), "{family:?}");
            let few_goals = MatchPrices { home: 0.9, draw: 0.06, away: 0.04, total_quarters: 10, over: 0.02 };
            assert!(model.calibrate(&few_goals).is_err(), "{family:?}");
        }
    }
}
