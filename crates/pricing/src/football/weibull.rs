//! Goals that arrive at Weibull gaps, and a Frank copula between the sides.
//!
//! The gap to the next goal survives `t` with probability `exp(-rate t^shape)`. Shape 1 is Poisson; above 1 the
//! counts are less dispersed than Poisson, below 1 more. Source: G. Boshnakov, T. Kharrat, I. McHale, "A bivariate
//! Weibull count model for forecasting association football scores", International Journal of Forecasting 33
//! (2017), with the count series of B. McShane et al., Journal of Business and Economic Statistics 26 (2008).
//! Reproduced in `tests/golden/football_score.json`.

use super::{FootballError, ScoreGrid};

/// Largest rate: beyond it the alternating series has lost too many digits.
pub const WEIBULL_RATE_MAX: f64 = 6.0;

/// Smallest and largest shape.
pub const WEIBULL_SHAPE_RANGE: (f64, f64) = (0.5, 2.0);

/// Goal counts a side on the grid of [`weibull_frank_grid`]: 0 to 15.
pub const WEIBULL_GRID_SIZE: usize = 16;

/// Largest absolute value of the copula's parameter.
pub const KAPPA_MAX: f64 = 30.0;

/// Terms of the series.
const TERMS: usize = 70;

/// Error of one probability that is still accepted.
const ERROR_MAX: f64 = 1e-10;

/// P(0), P(1), ... goals by time 1; 1 to 16 of them are written.
///
/// Costs some 30 microseconds; it is meant for studies, not for the price path.
///
/// # Errors
///
/// [`FootballError::OutsideRange`] for a rate outside 0..=6, a shape outside 0.5..=2 or more than 16 counts;
/// [`FootballError::NotConverged`] when the series is not accurate to 1e-10 for these values (small shapes with
/// large rates).
///
/// ```
/// use oddsengine_pricing::football::weibull::weibull_masses;
/// let mut masses = [0.0; 9];
/// weibull_masses(1.4, 1.05, &mut masses).unwrap();
/// assert!((masses[1] - 0.35733909544594).abs() < 1e-12);
/// ```
pub fn weibull_masses(rate: f64, shape: f64, out: &mut [f64]) -> Result<(), FootballError> {
    FootballError::check("rate", rate, 0.0, WEIBULL_RATE_MAX)?;
    FootballError::check("shape", shape, WEIBULL_SHAPE_RANGE.0, WEIBULL_SHAPE_RANGE.1)?;
    FootballError::check("number of goal counts", out.len() as f64, 1.0, WEIBULL_GRID_SIZE as f64)?;
    // gamma_ratios[j] = Gamma(shape j + 1) / j!
    let mut gamma_ratios = [0.0; TERMS];
    let mut log_factorial = 0.0;
    for (j, ratio) in gamma_ratios.iter_mut().enumerate() {
        log_factorial += if j > 1 { libm::log(j as f64) } else { 0.0 };
        *ratio = libm::exp(libm::lgamma(shape * j as f64 + 1.0) - log_factorial);
    }
    let mut alphas = gamma_ratios;
    for (goals, place) in out.iter_mut().enumerate() {
        if goals > 0 {
            alphas = next_alphas(&alphas, &gamma_ratios, goals);
        }
        *place = series(rate, shape, goals, &alphas)?;
    }
    Ok(())
}

/// `alpha[j]` of n goals from those of n-1: the sum over m of `alpha[m] * gamma_ratios[j - m]`, m from n-1 to j-1.
fn next_alphas(alphas: &[f64; TERMS], gamma_ratios: &[f64; TERMS], goals: usize) -> [f64; TERMS] {
    let mut next = [0.0; TERMS];
    for j in goals..TERMS {
        for m in goals - 1..j {
            next[j] += alphas[m] * gamma_ratios[j - m];
        }
    }
    next
}

/// The sum over j >= n of `(-1)^(j+n) rate^j alpha[j] / Gamma(shape j + 1)`.
fn series(rate: f64, shape: f64, goals: usize, alphas: &[f64; TERMS]) -> Result<f64, FootballError> {
    let log_rate = libm::log(rate);
    let (mut sum, mut largest, mut last) = (0.0, 0.0_f64, 0.0);
    for (j, alpha) in alphas.iter().enumerate().skip(goals) {
        let power = if j == 0 { 0.0 } else { j as f64 * log_rate };
        last = alpha * libm::exp(power - libm::lgamma(shape * j as f64 + 1.0));
        largest = largest.max(last);
        sum += if (j + goals).is_multiple_of(2) { last } else { -last };
    }
    // lgamma carries an error of some ten roundings into the largest term.
    let residual = last + 20.0 * f64::EPSILON * largest;
    if residual <= ERROR_MAX {
        Ok(sum.max(0.0))
    } else {
        Err(FootballError::NotConverged { name: "weibull series", residual })
    }
}

/// The grid of Weibull counts whose sides are tied by a Frank copula with parameter `kappa`.
///
/// `kappa` below 0 makes high scores of both sides at once rarer, 0 is independence.
///
/// # Errors
///
/// As [`weibull_masses`], and [`FootballError::OutsideRange`] for `kappa` outside -30..=30.
///
/// ```
/// use oddsengine_pricing::football::weibull::weibull_frank_grid;
/// let grid = weibull_frank_grid(1.45, 1.1, 1.05, -0.45).unwrap();
/// assert!((grid.home() - 0.45015004657643).abs() < 1e-7);
/// ```
pub fn weibull_frank_grid(
    rate_home: f64,
    rate_away: f64,
    shape: f64,
    kappa: f64,
) -> Result<ScoreGrid, FootballError> {
    FootballError::check("kappa", kappa, -KAPPA_MAX, KAPPA_MAX)?;
    let mut marginals = [[0.0; WEIBULL_GRID_SIZE]; 2];
    for (rate, masses) in [rate_home, rate_away].into_iter().zip(&mut marginals) {
        weibull_masses(rate, shape, masses)?;
        let mut sum = 0.0;
        for mass in masses.iter_mut() {
            sum += *mass;
            *mass = sum.min(1.0);
        }
    }
    let [home, away] = marginals;
    let below = |cumulative: &[f64; WEIBULL_GRID_SIZE], goals: usize| {
        if goals == 0 { 0.0 } else { cumulative[goals - 1] }
    };
    let mut cells = Vec::with_capacity(WEIBULL_GRID_SIZE * WEIBULL_GRID_SIZE);
    for x in 0..WEIBULL_GRID_SIZE {
        for y in 0..WEIBULL_GRID_SIZE {
            let (u, v) = (below(&home, x), below(&away, y));
            let corners = frank(home[x], away[y], kappa) - frank(u, away[y], kappa);
            // Rounding may leave -1e-17 in a cell that is 0.
            cells.push((corners - (frank(home[x], v, kappa) - frank(u, v, kappa))).max(0.0));
        }
    }
    ScoreGrid::from_cells(WEIBULL_GRID_SIZE, cells)
}

/// Frank's copula; the product `u v` in the limit `kappa = 0`.
fn frank(u: f64, v: f64, kappa: f64) -> f64 {
    if kappa.abs() < 1e-9 {
        return u * v;
    }
    let product = libm::expm1(-kappa * u) * libm::expm1(-kappa * v);
    -libm::log1p(product / libm::expm1(-kappa)) / kappa
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shape_one_without_copula_is_poisson() {
        let grid = weibull_frank_grid(1.5, 1.2, 1.0, 0.0).unwrap();
        assert!((grid.correct_score(2, 1) - 1.125 * 1.2 * libm::exp(-2.7)).abs() < 1e-12);
        let near = weibull_frank_grid(1.5, 1.2, 1.0, 1e-8).unwrap();
        assert!((near.home() - grid.home()).abs() < 1e-8);
    }

    #[test]
    fn inaccurate_series_and_impossible_arguments_are_refused() {
        let mut masses = [0.0; 16];
        assert!(matches!(weibull_masses(6.0, 0.5, &mut masses), Err(FootballError::NotConverged { .. })));
        assert!(weibull_masses(6.0, 1.0, &mut masses).is_ok());
        assert!(weibull_masses(0.0, 1.0, &mut masses).is_ok() && masses[0] == 1.0 && masses[1] == 0.0);
        for bad in [f64::NAN, -99.0, 99.0] {
            assert!(
                weibull_masses(bad, 1.0, &mut masses).is_err()
                    && weibull_masses(1.0, bad, &mut masses).is_err()
            );
            assert!(weibull_frank_grid(1.0, 1.0, 1.0, bad).is_err());
        }
        assert!(weibull_masses(1.0, 1.0, &mut []).is_err());
    }
}
