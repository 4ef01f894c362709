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

/// Goal counts a side that [`WeibullCounts`] knows: 0 to 23.
pub const WEIBULL_COUNTS: usize = 24;

/// Largest absolute value of the copula's parameter.
pub const KAPPA_MAX: f64 = 30.0;

/// Terms of the series.
const TERMS: usize = 72;

/// Error of one probability that is still accepted.
const ERROR_MAX: f64 = 1e-10;

/// The count distributions of one shape: what of the series does not depend on the rate.
///
/// Making it costs some hundred microseconds, a distribution from it less than one.
///
/// ```
/// use oddsengine_pricing::football::weibull::WeibullCounts;
/// let mut masses = [0.0; 9];
/// WeibullCounts::new(1.05).unwrap().fill(1.4, &mut masses).unwrap();
/// assert!((masses[1] - 0.35733909544594).abs() < 1e-12);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct WeibullCounts {
    shape: f64,
    /// By power of the rate, then by goals: `(-1)^(j+n) alpha[j] / Gamma(shape j + 1)`.
    coefficients: Vec<[f64; WEIBULL_COUNTS]>,
    /// The largest size in each row.
    row_max: Vec<f64>,
}

impl WeibullCounts {
    /// The distributions of one shape, 0.5 to 2.
    ///
    /// # Errors
    ///
    /// [`FootballError::OutsideRange`] for a shape outside 0.5..=2.
    pub fn new(shape: f64) -> Result<Self, FootballError> {
        FootballError::check("shape", shape, WEIBULL_SHAPE_RANGE.0, WEIBULL_SHAPE_RANGE.1)?;
        // gamma_ratios[j] = Gamma(shape j + 1) / j!
        let (mut gamma_ratios, mut log_gammas) = ([0.0; TERMS], [0.0; TERMS]);
        let mut log_factorial = 0.0;
        for (j, ratio) in gamma_ratios.iter_mut().enumerate() {
            log_factorial += if j > 1 { libm::log(j as f64) } else { 0.0 };
            log_gammas[j] = libm::lgamma(shape * j as f64 + 1.0);
            *ratio = libm::exp(log_gammas[j] - log_factorial);
        }
        let mut coefficients = vec![[0.0; WEIBULL_COUNTS]; TERMS];
        let mut alphas = gamma_ratios;
        for goals in 0..WEIBULL_COUNTS {
            if goals > 0 {
                alphas = next_alphas(&alphas, &gamma_ratios, goals);
            }
            for (j, row) in coefficients.iter_mut().enumerate().skip(goals) {
                let size = alphas[j] * libm::exp(-log_gammas[j]);
                row[goals] = if (j + goals).is_multiple_of(2) { size } else { -size };
            }
        }
        let size =
            |row: &[f64; WEIBULL_COUNTS]| row.iter().fold(0.0, |max, number| f64::max(max, number.abs()));
        let row_max = coefficients.iter().map(size).collect();
        Ok(Self { shape, coefficients, row_max })
    }

    /// The shape of the gaps.
    pub const fn shape(&self) -> f64 {
        self.shape
    }

    /// P(0), P(1), ... goals by time 1; 1 to 24 of them are written.
    ///
    /// # Errors
    ///
    /// [`FootballError::OutsideRange`] for a rate outside 0..=6 or a wrong number of counts;
    /// [`FootballError::NotConverged`] when the series is not accurate to 1e-10 for this rate (small shapes with
    /// large rates).
    pub fn fill(&self, rate: f64, out: &mut [f64]) -> Result<(), FootballError> {
        FootballError::check("number of goal counts", out.len() as f64, 1.0, WEIBULL_COUNTS as f64)?;
        let [masses, _] = self.series(rate)?;
        out.copy_from_slice(&masses[..out.len()]);
        Ok(())
    }

    /// The masses, and their slopes in the logarithm of the rate.
    pub(super) fn series(&self, rate: f64) -> Result<[[f64; WEIBULL_COUNTS]; 2], FootballError> {
        FootballError::check("rate", rate, 0.0, WEIBULL_RATE_MAX)?;
        let (mut masses, mut slopes) = ([0.0; WEIBULL_COUNTS], [0.0; WEIBULL_COUNTS]);
        let (mut largest, mut last) = (0.0_f64, 0.0);
        let mut power = 1.0;
        for (j, row) in self.coefficients.iter().enumerate() {
            let slope_factor = j as f64 * power;
            for goals in 0..WEIBULL_COUNTS {
                masses[goals] += row[goals] * power;
                slopes[goals] += row[goals] * slope_factor;
            }
            last = self.row_max[j] * power;
            largest = largest.max(last);
            // Terms fall ever faster once they fall; the slopes weigh them with j.
            if last < 1e-20 && j > WEIBULL_COUNTS {
                break;
            }
            power *= rate;
        }
        // lgamma carries an error of some ten roundings into the largest term.
        let residual = last + 20.0 * f64::EPSILON * largest;
        if residual <= ERROR_MAX {
            masses.iter_mut().for_each(|mass| *mass = mass.max(0.0));
            Ok([masses, slopes])
        } else {
            Err(FootballError::NotConverged { name: "weibull series", residual })
        }
    }
}

/// P(0), P(1), ... goals by time 1; 1 to 16 of them are written.
///
/// Makes [`WeibullCounts`] for one use; keep one where the shape stays.
///
/// # Errors
///
/// As [`WeibullCounts`].
///
/// ```
/// use oddsengine_pricing::football::weibull::weibull_masses;
/// let mut masses = [0.0; 9];
/// weibull_masses(1.4, 1.05, &mut masses).unwrap();
/// assert!((masses[1] - 0.35733909544594).abs() < 1e-12);
/// ```
pub fn weibull_masses(rate: f64, shape: f64, out: &mut [f64]) -> Result<(), FootballError> {
    FootballError::check("rate", rate, 0.0, WEIBULL_RATE_MAX)?;
    WeibullCounts::new(shape)?.fill(rate, out)
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
    let counts = WeibullCounts::new(shape)?;
    let mut sides = [[0.0; WEIBULL_GRID_SIZE]; 2];
    for (rate, masses) in [rate_home, rate_away].into_iter().zip(&mut sides) {
        counts.fill(rate, masses)?;
    }
    let [home, away] = sides;
    ScoreGrid::from_cells(WEIBULL_GRID_SIZE, frank_cells(&home, &away, kappa))
}

/// The joint probabilities of two counts tied by a Frank copula, row-major with home first.
pub(super) fn frank_cells(home: &[f64], away: &[f64], kappa: f64) -> Vec<f64> {
    let copula = Frank::new(kappa);
    let coordinates = |masses: &[f64]| -> Vec<[f64; 2]> {
        cumulative(masses).into_iter().map(|sum| copula.coordinate(sum)).collect()
    };
    let (home, away) = (coordinates(home), coordinates(away));
    let mut cells = Vec::with_capacity(home.len() * away.len());
    // The copula at the corners of one row of cells after the other; nothing lies below 0.
    let mut below = vec![0.0; away.len()];
    for x in &home[1..] {
        let mut left = [0.0; 2];
        for (y, below) in away[1..].iter().zip(&mut below[1..]) {
            let corner = copula.value(*x, *y);
            // Rounding may leave -1e-17 in a cell that is 0.
            cells.push((corner - left[0] - (*below - left[1])).max(0.0));
            left = [corner, *below];
            *below = corner;
        }
    }
    cells
}

/// 0 and the running sums, none above 1.
fn cumulative(masses: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    let sums = masses.iter().map(|mass| {
        sum += mass;
        sum.min(1.0)
    });
    std::iter::once(0.0).chain(sums).collect()
}

/// Frank's copula; the product `u v` in the limit `kappa = 0`.
#[derive(Clone, Copy)]
pub(super) struct Frank {
    kappa: f64,
    /// `exp(-kappa) - 1`.
    at_one: f64,
}

impl Frank {
    pub(super) fn new(kappa: f64) -> Self {
        Self { kappa, at_one: libm::expm1(-kappa) }
    }

    fn is_product(&self) -> bool {
        self.kappa.abs() < 1e-9
    }

    fn value(&self, [u, u_power]: [f64; 2], [v, v_power]: [f64; 2]) -> f64 {
        if self.is_product() { u * v } else { -libm::log1p(u_power * v_power / self.at_one) / self.kappa }
    }

    /// What the copula needs of a cumulative probability.
    pub(super) fn coordinate(&self, u: f64) -> [f64; 2] {
        if self.is_product() { [u, 0.0] } else { [u, libm::expm1(-self.kappa * u)] }
    }

    /// The copula, and its slopes in `u` and in `v`.
    pub(super) fn with_slopes(&self, u: [f64; 2], v: [f64; 2]) -> [f64; 3] {
        if self.is_product() {
            return [u[0] * v[0], v[0], u[0]];
        }
        let scale = 1.0 / (self.at_one + u[1] * v[1]);
        [self.value(u, v), (1.0 + u[1]) * v[1] * scale, (1.0 + v[1]) * u[1] * scale]
    }
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
