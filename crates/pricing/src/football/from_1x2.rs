//! Goal means from home, draw and away alone.
//!
//! With rho given there are two unknown means and two free prices. For every expected total there is one supremacy
//! with the wanted P(home) - P(away); along these, the draw falls as the total rises, so its price is one root.

use super::calibration::{SUM_ERROR_MAX, supremacy_from_difference};
use super::{DixonColes, FootballError, GOAL_MEAN_MAX, poisson};
use crate::root::{decreasing_root, newton_step};

/// Terms of the Poisson sums here: the means are at most 20.
const TERMS: usize = 96;

/// Residual of the draw at which a root is good enough.
const TOLERANCE: f64 = 1e-15;

/// The Dixon-Coles model of a given `rho` that has these probabilities; 0 is independent Poisson.
///
/// A total line says more about the number of goals than the draw does: where there is one, use
/// [`super::calibration::calibrate`]. Takes a few microseconds.
///
/// # Errors
///
/// [`FootballError::Probability`] and [`FootballError::ProbabilitySum`] for impossible input;
/// [`FootballError::NoRoot`] when no goal means explain it, [`FootballError::OutsideRange`] when `rho` is not
/// admissible at the means that do.
///
/// ```
/// use oddsengine_pricing::football::from_1x2::calibrate_1x2;
/// let model = calibrate_1x2(0.4608, 0.2511, 0.2881, 0.0).unwrap();
/// let grid = oddsengine_pricing::football::ScoreGrid::from_dixon_coles(&model);
/// assert!((grid.home() - 0.4608).abs() < 1e-12 && (grid.draw() - 0.2511).abs() < 1e-12);
/// ```
pub fn calibrate_1x2(home: f64, draw: f64, away: f64, rho: f64) -> Result<DixonColes, FootballError> {
    for (name, value) in [("home", home), ("draw", draw), ("away", away)] {
        FootballError::check_probability(name, value)?;
    }
    let sum = home + draw + away;
    if (sum - 1.0).abs() > SUM_ERROR_MAX {
        return Err(FootballError::ProbabilitySum { value: sum });
    }
    FootballError::check("rho", rho, -1.0, 1.0)?;
    let difference = home - away;
    // With fewer goals even a match in which only the favourite scores is not won often enough.
    let total_min = -libm::log1p(-difference.abs());
    let evaluate = |total: f64| match supremacy_from_difference(total, difference) {
        Ok(supremacy) => {
            let (price, descent) = draw_at(total, supremacy, rho);
            (price - draw, descent)
        }
        Err(_) => (f64::NAN, 1.0),
    };
    let start = total_min + 2.5;
    let total = decreasing_root(start, total_min, 2.0 * GOAL_MEAN_MAX, TOLERANCE, evaluate, newton_step)
        .map_err(|_| FootballError::NoRoot {
            name: "draw probability",
            value: draw,
            min: 0.0,
            max: 1.0 - difference.abs(),
        })?;
    let supremacy = supremacy_from_difference(total, difference)?;
    DixonColes::new(0.5 * (total + supremacy), 0.5 * (total - supremacy), rho)
}

/// The draw and how fast it falls in the total while P(home) - P(away) stays.
fn draw_at(total: f64, supremacy: f64, rho: f64) -> (f64, f64) {
    let (home_mean, away_mean) = (0.5 * (total + supremacy), 0.5 * (total - supremacy));
    let (mut home, mut away) = ([0.0; TERMS], [0.0; TERMS]);
    poisson::fill_masses(home_mean, &mut home);
    poisson::fill_masses(away_mean, &mut away);
    let product = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    let level = product(&home, &away);
    let home_by_one = product(&home[1..], &away);
    let away_by_one = product(&home, &away[1..]);
    // A mean moves the difference of the goals by one: d P(d) / d home = P(d - 1) - P(d), d P(d) / d away = P(d + 1) - P(d).
    let (draw_home, draw_away) = (away_by_one - level, home_by_one - level);
    let (gap_home, gap_away) = (level + away_by_one, -level - home_by_one);
    let by_total = |home: f64, away: f64| 0.5 * (home + away);
    let by_supremacy = |home: f64, away: f64| 0.5 * (home - away);
    let supremacy_slope = -by_total(gap_home, gap_away) / by_supremacy(gap_home, gap_away);
    // The correction takes 2 rho home away e^-total from the draw.
    let moved = 2.0 * rho * home_mean * away_mean * libm::exp(-total);
    let moved_slope = rho * libm::exp(-total) * (total - supremacy * supremacy_slope) - moved;
    let slope =
        by_total(draw_home, draw_away) + by_supremacy(draw_home, draw_away) * supremacy_slope - moved_slope;
    (level - moved, -slope)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::football::ScoreGrid;

    #[test]
    fn the_model_that_gave_the_prices_comes_back() {
        for (home, away, rho) in [
            (1.4, 1.1, 0.0),
            (0.3, 0.2, 0.0),
            (3.8, 0.4, 0.0),
            (0.9, 2.6, -0.08),
            (1.6, 1.2, -0.15),
            (1.3, 1.3, 0.1),
            (7.0, 5.0, 0.0),
            (0.05, 4.0, 0.0),
        ] {
            let grid = ScoreGrid::from_dixon_coles(&DixonColes::new(home, away, rho).unwrap());
            let found = calibrate_1x2(grid.home(), grid.draw(), grid.away(), rho).unwrap();
            assert!((found.lambda_home() - home).abs() < 1e-8, "{home} {away} {rho}: {found:?}");
            assert!((found.lambda_away() - away).abs() < 1e-8, "{home} {away} {rho}: {found:?}");
        }
    }

    #[test]
    fn the_slope_is_the_difference_of_the_draw() {
        for (total, difference, rho) in
            [(2.6, 0.2, 0.0), (2.6, 0.2, -0.1), (4.0, -0.5, 0.06), (1.2, 0.0, 0.1)]
        {
            let at = |total: f64| draw_at(total, supremacy_from_difference(total, difference).unwrap(), rho);
            let h = 1e-5;
            let slope = (at(total + h).0 - at(total - h).0) / (2.0 * h);
            assert!((slope + at(total).1).abs() < 1e-8, "{total} {difference} {rho}");
        }
    }

    #[test]
    fn impossible_prices_are_refused() {
        for bad in [f64::NAN, 0.0, 1.0, -0.2] {
            assert!(calibrate_1x2(bad, 0.3, 0.3, 0.0).is_err() && calibrate_1x2(0.3, bad, 0.3, 0.0).is_err());
        }
        assert!(matches!(calibrate_1x2(0.4, 0.3, 0.2, 0.0), Err(FootballError::ProbabilitySum { .. })));
        assert!(matches!(calibrate_1x2(0.4, 0.3, 0.3, 1.5), Err(FootballError::OutsideRange { .. })));
        // Few draws mean many goals, more than any model here has.
        assert!(calibrate_1x2(0.49, 0.02, 0.49, 0.0).is_err());
    }
}
