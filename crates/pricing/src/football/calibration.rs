//! From prices to goal means, without an optimiser.
//!
//! The Dixon-Coles correction moves probability among 0-0, 1-0, 0-1 and 1-1 only. It leaves the totals from 3
//! goals up and P(home) - P(away) as they are. So the model follows from prices one number at a time: the
//! expected total `T` from the over price, the supremacy `s` from P(home) - P(away), and `rho` from the draw, in
//! closed form. Lines below 2.5 do feel the correction, through the one number `d = rho lambda_home lambda_away e^-T`
//! (0-0 and 1-1 lose `d`, a total of 1 gains `2d`); there `T` is found by secants around the same steps. With such a
//! line and many expected goals (above four or so) several models can have the same prices; the one reached from
//! Poisson is returned.
//!
//! Reproduced in `tests/golden/football_calibration.json`.

use super::score_markets::line_parts;
use super::{DixonColes, FootballError, GOAL_MEAN_MAX, LINE_QUARTERS_MAX, poisson};
use crate::margin::{self, MarginMethod};
use crate::root::{RESIDUAL_MAX, decreasing_root, newton_step};

/// Largest difference to 1 that the sum of home, draw and away may have.
pub const SUM_ERROR_MAX: f64 = 1e-9;

/// Terms of the Poisson sums here: the means are at most 20.
const TERMS: usize = 96;

/// Totals that a line can separate: lines end below 39.
pub(super) const TOTAL_TERMS: usize = 48;

const TOTAL_MAX: f64 = 2.0 * GOAL_MEAN_MAX;

/// Residual of a probability at which a root is good enough.
const TOLERANCE: f64 = 2e-16;

/// Fair probabilities of the two main markets of a match.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MatchPrices {
    /// Fair probability of a home win.
    pub home: f64,
    /// Fair probability of a draw.
    pub draw: f64,
    /// Fair probability of an away win; the three sum to 1 within 1e-9.
    pub away: f64,
    /// Line of the total, in quarter goals: 10 is 2.5.
    pub total_quarters: i32,
    /// Fair probability of the over: `win / (win + lose)` where the line can push.
    pub over: f64,
}

impl MatchPrices {
    /// Passes probabilities strictly between 0 and 1, the first three with the sum 1 within 1e-9.
    pub(super) fn check(&self) -> Result<(), FootballError> {
        let Self { home, draw, away, over, .. } = *self;
        for (name, value) in [("home", home), ("draw", draw), ("away", away), ("over", over)] {
            FootballError::check_probability(name, value)?;
        }
        let sum = home + draw + away;
        if (sum - 1.0).abs() > SUM_ERROR_MAX {
            return Err(FootballError::ProbabilitySum { value: sum });
        }
        Ok(())
    }
}

/// The Dixon-Coles model that has exactly these probabilities.
///
/// Residuals are near 1e-15. Takes a few microseconds.
///
/// # Errors
///
/// [`FootballError::Probability`], [`FootballError::ProbabilitySum`] or [`FootballError::Line`] for impossible
/// input; [`FootballError::NoRoot`] when no goal means explain it, [`FootballError::OutsideRange`] when only an
/// inadmissible `rho` or a mean above 20 would.
///
/// ```
/// use oddsengine_pricing::football::calibration::{MatchPrices, calibrate};
/// let prices = MatchPrices { home: 0.4612, draw: 0.2701, away: 0.2687, total_quarters: 10, over: 0.5134 };
/// let model = calibrate(&prices).unwrap();
/// assert!((model.lambda_home() - 1.5757636699074).abs() < 1e-12);
/// assert!((model.rho() + 0.084555051566209).abs() < 1e-12);
/// ```
pub fn calibrate(prices: &MatchPrices) -> Result<DixonColes, FootballError> {
    prices.check()?;
    let MatchPrices { home, draw, away, total_quarters, over } = *prices;
    let line = TotalLine::new(total_quarters)?;
    let fit_at = |total: f64| -> Result<Fit, FootballError> {
        let supremacy = supremacy_from_difference(total, home - away)?;
        let poisson_draw = Means::new(total, supremacy).differences(0).equal;
        Ok(Fit { total, supremacy, shift: 0.5 * (poisson_draw - draw) })
    };
    let mut fit = fit_at(line.total(over)?)?;
    if line.feels_rho() {
        fit = corrected_total(&line, over, fit, fit_at)?;
    }
    let model = DixonColes::poisson(0.5 * (fit.total + fit.supremacy), 0.5 * (fit.total - fit.supremacy))?;
    let product = model.lambda_home() * model.lambda_away() * libm::exp(-fit.total);
    let rho = if product > 0.0 { fit.shift / product } else { 0.0 };
    DixonColes::new(model.lambda_home(), model.lambda_away(), rho)
}

/// A model and the fair probabilities that it was fitted to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CalibratedMatch {
    /// The prices after the margin was removed.
    pub prices: MatchPrices,
    /// The model that has them.
    pub model: DixonColes,
}

/// Removes the margin from odds on 1X2 and on a total line, then calibrates.
///
/// `odds_1x2` home, draw, away; `odds_over_under` over, under at `total_quarters`; all decimal, above 1.
///
/// # Errors
///
/// [`FootballError::Margin`] when a margin cannot be removed, and the errors of [`calibrate`].
///
/// ```
/// use oddsengine_pricing::football::calibration::calibrate_from_odds;
/// use oddsengine_pricing::margin::MarginMethod::Power;
/// let fitted = calibrate_from_odds([2.1, 3.45, 3.8], Power, 10, [1.95, 1.93], Power).unwrap();
/// assert!((fitted.model.lambda_home() - 1.5632253839653).abs() < 1e-10);
/// ```
pub fn calibrate_from_odds(
    odds_1x2: [f64; 3],
    method_1x2: MarginMethod,
    total_quarters: i32,
    odds_over_under: [f64; 2],
    method_line: MarginMethod,
) -> Result<CalibratedMatch, FootballError> {
    let (mut fair, mut line) = ([0.0; 3], [0.0; 2]);
    margin::remove(method_1x2, &odds_1x2.map(|odds| 1.0 / odds), 1.0, &mut fair)?;
    margin::remove(method_line, &odds_over_under.map(|odds| 1.0 / odds), 1.0, &mut line)?;
    let [home, draw, away] = fair;
    let prices = MatchPrices { home, draw, away, total_quarters, over: line[0] };
    Ok(CalibratedMatch { prices, model: calibrate(&prices)? })
}

/// The Poisson model with these fair probabilities of an Asian handicap and a total line.
///
/// `handicap_quarters` is added to the home goals. Both probabilities are `win / (win + lose)`.
///
/// # Errors
///
/// As [`calibrate`], without a sum to check and without `rho`.
///
/// ```
/// use oddsengine_pricing::football::calibration::from_asian_lines;
/// let model = from_asian_lines(-3, 0.512, 11, 0.487).unwrap();
/// assert!((model.total() - 2.858049200447).abs() < 1e-10);
/// assert!((model.supremacy() - 0.84146911985592).abs() < 1e-10);
/// ```
pub fn from_asian_lines(
    handicap_quarters: i32,
    fair_home: f64,
    total_quarters: i32,
    fair_over: f64,
) -> Result<DixonColes, FootballError> {
    FootballError::check_probability("home", fair_home)?;
    FootballError::check_probability("over", fair_over)?;
    let line = TotalLine::new(total_quarters)?;
    if handicap_quarters.unsigned_abs() > LINE_QUARTERS_MAX as u32 {
        return Err(FootballError::Line { value: f64::from(handicap_quarters) * 0.25 });
    }
    let total = line.total(fair_over)?;
    let threshold = -handicap_quarters;
    let price = |supremacy: f64| handicap_price(&Means::new(total, supremacy), threshold);
    let supremacy = supremacy_root(total, "home handicap probability", fair_home, price)?;
    let means = Means::new(total, supremacy);
    DixonColes::poisson(means.home, means.away)
}

/// The Poisson model with expected goals `(total + supremacy) / 2` and `(total - supremacy) / 2`.
///
/// # Errors
///
/// [`FootballError::OutsideRange`] for a total outside 0..=40 or a supremacy beyond it.
///
/// ```
/// use oddsengine_pricing::football::calibration::from_supremacy_total;
/// let model = from_supremacy_total(0.5, 2.5).unwrap();
/// assert_eq!((model.lambda_home(), model.lambda_away()), (1.5, 1.0));
/// ```
pub fn from_supremacy_total(supremacy: f64, total: f64) -> Result<DixonColes, FootballError> {
    FootballError::check("total", total, 0.0, TOTAL_MAX)?;
    FootballError::check("supremacy", supremacy, -total, total)?;
    DixonColes::poisson(0.5 * (total + supremacy), 0.5 * (total - supremacy))
}

/// Total and supremacy, and the mass the correction must move for the draw price.
#[derive(Clone, Copy)]
struct Fit {
    total: f64,
    supremacy: f64,
    shift: f64,
}

/// The fit whose over price includes the mass that its own correction moves, by secants from the Poisson fit.
fn corrected_total(
    line: &TotalLine,
    over: f64,
    poisson_fit: Fit,
    fit_at: impl Fn(f64) -> Result<Fit, FootballError>,
) -> Result<Fit, FootballError> {
    let mut fit = poisson_fit;
    let mut old: Option<(f64, f64)> = None;
    let mut gap = f64::NAN;
    for _ in 0..60 {
        let (value, slope) = line.price(fit.total, fit.shift);
        gap = over - value;
        let newton = gap / slope;
        let secant =
            old.map_or(newton, |(old_total, old_gap)| gap * (fit.total - old_total) / (old_gap - gap));
        let step = if secant.is_finite() { secant } else { newton };
        let step = step.clamp(-0.25 * fit.total, 0.25 * fit.total);
        if gap.abs() <= TOLERANCE || (gap.abs() <= RESIDUAL_MAX && step.abs() <= 1e-15 * fit.total) {
            return Ok(fit);
        }
        old = Some((fit.total, gap));
        fit = fit_at(fit.total + step)?;
    }
    if gap.abs() <= RESIDUAL_MAX {
        return Ok(fit);
    }
    Err(FootballError::NotConverged { name: "calibration to a line below 2.5", residual: gap })
}

/// One total line as a function of the expected total.
pub(super) struct TotalLine {
    parts: [i64; 2],
}

impl TotalLine {
    pub(super) fn new(total_quarters: i32) -> Result<Self, FootballError> {
        // Below 0.5 nothing can lose, from 39.5 on nothing the models allow can win.
        if !(2..4 * 39).contains(&total_quarters) {
            return Err(FootballError::Line { value: f64::from(total_quarters) * 0.25 });
        }
        Ok(Self { parts: line_parts(total_quarters) })
    }

    /// A part below 2.5 separates totals of 0, 1 and 2, among which the correction moves mass.
    fn feels_rho(&self) -> bool {
        self.parts[0] < 10
    }

    /// The expected total at which the fair Poisson probability of the over is `over`.
    pub(super) fn total(&self, over: f64) -> Result<f64, FootballError> {
        let start = 0.125 * (self.parts[0] + self.parts[1]) as f64 + 0.2;
        let evaluate = |total: f64| {
            let (value, slope) = self.price(total, 0.0);
            (over - value, slope)
        };
        decreasing_root(start, 0.0, TOTAL_MAX, TOLERANCE, evaluate, newton_step).map_err(|_| {
            let max = self.price(TOTAL_MAX, 0.0).0;
            FootballError::NoRoot { name: "over probability", value: over, min: 0.0, max }
        })
    }

    /// `win / (win + lose)` of the over and its slope in the expected total.
    fn price(&self, total: f64, shift: f64) -> (f64, f64) {
        let mut masses = [0.0; TOTAL_TERMS];
        let terms = self.terms();
        poisson::fill_masses(total, &mut masses[..terms]);
        let mut slopes = [[0.0]; TOTAL_TERMS];
        for k in 0..terms {
            slopes[k] = [if k == 0 { -masses[0] } else { masses[k - 1] - masses[k] }];
        }
        for (k, moved) in [(0, -shift), (1, 2.0 * shift), (2, -shift)] {
            masses[k] += moved;
        }
        let (value, [slope]) = self.price_of(|total| (masses[total], slopes[total]));
        (value, slope)
    }

    /// How many totals the line asks for, from 0 on; never less than the three that the correction changes.
    pub(super) fn terms(&self) -> usize {
        (self.parts[1] as usize / 4 + 2).max(3)
    }

    /// `win / (win + lose)` of the over from the probabilities of the totals, and its slopes from theirs.
    #[inline]
    pub(super) fn price_of<const N: usize>(
        &self,
        of_total: impl Fn(usize) -> (f64, [f64; N]),
    ) -> (f64, [f64; N]) {
        let (mut win, mut lose, mut win_slopes, mut lose_slopes) = (0.0, 0.0, [0.0; N], [0.0; N]);
        for part in self.parts {
            let (mut below, mut below_slopes) = (0.0, [0.0; N]);
            for k in 0..part as usize / 4 + 1 {
                let (mass, slopes) = of_total(k);
                let is_push = 4 * k as i64 == part;
                if is_push {
                    win -= mass;
                    add(&mut win_slopes, -1.0, &slopes);
                } else {
                    below += mass;
                    add(&mut below_slopes, 1.0, &slopes);
                }
            }
            lose += below;
            add(&mut lose_slopes, 1.0, &below_slopes);
            win += 1.0 - below;
            add(&mut win_slopes, -1.0, &below_slopes);
        }
        let slopes = std::array::from_fn(|i| quotient(win, lose, win_slopes[i], lose_slopes[i]).1);
        (win / (win + lose), slopes)
    }
}

fn add<const N: usize>(sums: &mut [f64; N], factor: f64, numbers: &[f64; N]) {
    for (sum, number) in sums.iter_mut().zip(numbers) {
        *sum += factor * number;
    }
}

/// `win / (win + lose)` and its slope.
fn quotient(win: f64, lose: f64, win_slope: f64, lose_slope: f64) -> (f64, f64) {
    let sum = win + lose;
    (win / sum, (win_slope * lose - lose_slope * win) / (sum * sum))
}

/// The supremacy at which Poisson sides of this expected total have this P(home) - P(away).
pub(super) fn supremacy_from_difference(total: f64, difference: f64) -> Result<f64, FootballError> {
    let price = |supremacy: f64| {
        let around = Means::new(total, supremacy).differences(0);
        let slope = around.equal + 0.5 * (around.one_below + around.one_above);
        (around.above - around.below, slope)
    };
    supremacy_root(total, "P(home) - P(away)", difference, price)
}

/// The supremacy in -total..total at which an increasing price has the given value.
fn supremacy_root(
    total: f64,
    name: &'static str,
    value: f64,
    price: impl Fn(f64) -> (f64, f64),
) -> Result<f64, FootballError> {
    let evaluate = |supremacy: f64| {
        let (price, slope) = price(supremacy);
        (value - price, slope)
    };
    decreasing_root(0.0, -total, total, TOLERANCE, evaluate, newton_step).map_err(|_| FootballError::NoRoot {
        name,
        value,
        min: price(-total).0,
        max: price(total).0,
    })
}

/// `win / (win + lose)` of "difference above the line" and its slope in the supremacy.
fn handicap_price(means: &Means, line_quarters: i32) -> (f64, f64) {
    let (mut win, mut lose, mut win_slope, mut lose_slope) = (0.0, 0.0, 0.0, 0.0);
    for part in line_parts(line_quarters) {
        let whole = part.div_euclid(4);
        let around = means.differences(whole);
        // d/ds of P(difference > m) is half of P(m) + P(m + 1).
        let slope_above = 0.5 * (around.equal + around.one_above);
        win += around.above;
        win_slope += slope_above;
        if part % 4 == 0 {
            lose += around.below;
            lose_slope -= 0.5 * (around.one_below + around.equal);
        } else {
            lose += around.below + around.equal;
            lose_slope -= slope_above;
        }
    }
    quotient(win, lose, win_slope, lose_slope)
}

/// Probabilities of the goal difference around one value.
struct Around {
    below: f64,
    one_below: f64,
    equal: f64,
    one_above: f64,
    above: f64,
}

/// Two independent Poisson counts.
struct Means {
    home: f64,
    away: f64,
    home_masses: [f64; TERMS],
    away_masses: [f64; TERMS],
    count: usize,
}

impl Means {
    fn new(total: f64, supremacy: f64) -> Self {
        let (home, away) = (0.5 * (total + supremacy), 0.5 * (total - supremacy));
        let (mut home_masses, mut away_masses) = ([0.0; TERMS], [0.0; TERMS]);
        let count = terms_for(home.max(away));
        poisson::fill_masses(home, &mut home_masses[..count]);
        poisson::fill_masses(away, &mut away_masses[..count]);
        Self { home, away, home_masses, away_masses, count }
    }

    /// Probabilities that home - away is below, near and above `value`.
    fn differences(&self, value: i64) -> Around {
        let at = |offset: i64| -> f64 {
            let (home, away) = (&self.home_masses[..self.count], &self.away_masses[..self.count]);
            let skip = offset.unsigned_abs() as usize;
            let (longer, shorter) = if offset >= 0 { (home, away) } else { (away, home) };
            longer.iter().skip(skip).zip(shorter).map(|(x, y)| x * y).sum()
        };
        // Goal by goal: this count of one side against all counts of the other that leave it ahead of the line.
        let (mut above, mut below) = (0.0, 0.0);
        let mut away_sum: f64 = (0..-value - 1).map(|goals| self.away_mass(goals)).sum();
        let mut home_sum: f64 = (0..value - 1).map(|goals| self.home_mass(goals)).sum();
        for goals in 0..self.count as i64 {
            away_sum += self.away_mass(goals - value - 1);
            above += self.home_mass(goals) * away_sum;
            home_sum += self.home_mass(goals + value - 1);
            below += self.away_mass(goals) * home_sum;
        }
        Around { below, one_below: at(value - 1), equal: at(value), one_above: at(value + 1), above }
    }

    fn home_mass(&self, goals: i64) -> f64 {
        usize::try_from(goals).ok().and_then(|goals| self.home_masses.get(goals)).copied().unwrap_or(0.0)
    }

    fn away_mass(&self, goals: i64) -> f64 {
        usize::try_from(goals).ok().and_then(|goals| self.away_masses.get(goals)).copied().unwrap_or(0.0)
    }
}

/// Terms after which a Poisson mass is below 1e-19 or so.
fn terms_for(mean: f64) -> usize {
    ((18.0 + mean + 8.0 * mean.max(0.0).sqrt()) as usize).min(TERMS)
}

#[cfg(test)]
mod tests {
    use super::super::ScoreGrid;
    use super::*;

    fn prices_of(model: &DixonColes, total_quarters: i32) -> MatchPrices {
        let grid = ScoreGrid::from_dixon_coles(model);
        let over = grid.over(total_quarters).fair_probability().unwrap();
        MatchPrices { home: grid.home(), draw: grid.draw(), away: grid.away(), total_quarters, over }
    }

    #[test]
    fn every_line_returns_the_model_it_was_priced_with() {
        for (home, away, rho) in
            [(1.6, 1.1, -0.08), (2.9, 0.4, 0.05), (0.5, 2.2, -0.2), (1.2, 1.2, 0.0), (4.5, 3.0, 0.02)]
        {
            let model = DixonColes::new(home, away, rho).unwrap();
            for total_quarters in 2..=26 {
                let found = calibrate(&prices_of(&model, total_quarters)).unwrap();
                let error = (found.lambda_home() - home).abs().max((found.lambda_away() - away).abs());
                let is_unique = total_quarters >= 10 || home + away < 4.0;
                assert!(
                    !is_unique || error < 3e-11,
                    "{home} {away} {rho} at {total_quarters}: off by {error:e}"
                );
                let again = prices_of(&found, total_quarters);
                let wanted = prices_of(&model, total_quarters);
                let residual = (again.home - wanted.home).abs().max((again.draw - wanted.draw).abs());
                assert!(
                    residual.max((again.over - wanted.over).abs()) < 1e-12,
                    "{total_quarters}: {residual:e}"
                );
            }
        }
    }

    #[test]
    fn asian_lines_return_the_model_they_were_priced_with() {
        for (home, away) in [(1.6, 1.1), (3.4, 0.3), (0.4, 2.2), (1.3, 1.3)] {
            let model = DixonColes::poisson(home, away).unwrap();
            let grid = ScoreGrid::from_dixon_coles(&model);
            for handicap in -10..=10 {
                let fair_home = grid.asian_handicap_home(handicap).fair_probability().unwrap();
                for total in [3, 8, 9, 11, 14] {
                    let fair_over = grid.over(total).fair_probability().unwrap();
                    let found = from_asian_lines(handicap, fair_home, total, fair_over).unwrap();
                    let error = (found.lambda_home() - home).abs().max((found.lambda_away() - away).abs());
                    assert!(error < 1e-9, "{home} {away} {handicap} {total}: off by {error:e}");
                }
            }
        }
    }

    #[test]
    fn prices_that_no_match_can_have_are_refused() {
        let fair = MatchPrices { home: 0.46, draw: 0.27, away: 0.27, total_quarters: 10, over: 0.51 };
        assert!(calibrate(&fair).is_ok());
        for bad in [f64::NAN, f64::INFINITY, 0.0, 1.0, -0.1, 1.4] {
            assert!(matches!(
                calibrate(&MatchPrices { over: bad, ..fair }),
                Err(FootballError::Probability { .. })
            ));
            assert!(matches!(
                calibrate(&MatchPrices { draw: bad, ..fair }),
                Err(FootballError::Probability { .. })
            ));
            assert!(from_asian_lines(0, bad, 10, 0.5).is_err() && from_asian_lines(0, 0.5, 10, bad).is_err());
            assert!(
                calibrate_from_odds(
                    [2.0, bad, 4.0],
                    MarginMethod::Power,
                    10,
                    [1.9, 1.9],
                    MarginMethod::Power
                )
                .is_err()
            );
        }
        assert!(matches!(
            calibrate(&MatchPrices { draw: 0.28, ..fair }),
            Err(FootballError::ProbabilitySum { .. })
        ));
        for total_quarters in [i32::MIN, -1, 0, 1, 156, i32::MAX] {
            assert!(matches!(
                calibrate(&MatchPrices { total_quarters, ..fair }),
                Err(FootballError::Line { .. })
            ));
        }
        let few_goals = MatchPrices { home: 0.9, draw: 0.06, away: 0.04, total_quarters: 10, over: 0.02 };
        let error = calibrate(&few_goals).unwrap_err();
        assert!(matches!(error, FootballError::NoRoot { name: "P(home) - P(away)", .. }), "{error}");
        let many_draws = MatchPrices { home: 0.05, draw: 0.9, away: 0.05, ..fair };
        assert!(matches!(calibrate(&many_draws), Err(FootballError::OutsideRange { name: "rho", .. })));
        let certain = MatchPrices { over: 1.0 - 1e-16, ..fair };
        assert!(calibrate(&certain).is_err());
        assert!(
            from_asian_lines(i32::MIN + 1, 0.5, 10, 0.5).is_err()
                && from_supremacy_total(f64::NAN, 2.0).is_err()
        );
        assert!(from_asian_lines(4_000, 0.5, 10, 0.5).is_err() && from_supremacy_total(3.0, 2.0).is_err());
    }
}
