//! Counts that vary more than Poisson: corners, cards, shots.

use super::FootballError;
use super::score_markets::{LineShares, shares_above};

/// Largest expected count.
pub const COUNT_MEAN_MAX: f64 = 300.0;

/// Largest count whose probability is kept.
pub const COUNT_MAX: usize = 4_000;

/// A negative binomial count: variance `mean + mean^2 / dispersion`.
///
/// A large dispersion approaches Poisson. Corners fit well; cards are nearly Poisson a side.
/// Reproduced in `tests/golden/football_inplay.json`.
///
/// ```
/// use oddsengine_pricing::football::counts::NegativeBinomial;
/// let corners = NegativeBinomial::new(10.4, 28.0).unwrap();
/// assert!((corners.over(42).win - 0.4586041682322).abs() < 1e-12); // over 10.5
/// assert!((corners.variance() - 14.262857142857).abs() < 1e-12);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct NegativeBinomial {
    mean: f64,
    dispersion: f64,
    masses: Vec<f64>,
}

impl NegativeBinomial {
    /// A distribution from its mean (0 to 300) and dispersion (0.5 to 1e6).
    ///
    /// # Errors
    ///
    /// [`FootballError::OutsideRange`] for either outside its range or not a number.
    pub fn new(mean: f64, dispersion: f64) -> Result<Self, FootballError> {
        FootballError::check("expected count", mean, 0.0, COUNT_MEAN_MAX)?;
        FootballError::check("dispersion", dispersion, 0.5, 1e6)?;
        let ratio = mean / (dispersion + mean);
        let mut mass = libm::exp(-dispersion * libm::log1p(mean / dispersion));
        let mut masses = vec![mass];
        for count in 0..COUNT_MAX {
            mass *= (dispersion + count as f64) / (count + 1) as f64 * ratio;
            masses.push(mass);
            if count as f64 > mean && mass < 1e-17 {
                break;
            }
        }
        Ok(Self { mean, dispersion, masses })
    }

    /// The variance of the count.
    pub fn variance(&self) -> f64 {
        self.mean + self.mean * self.mean / self.dispersion
    }

    /// P(exactly so many).
    pub fn mass(&self, count: usize) -> f64 {
        self.masses.get(count).copied().unwrap_or(0.0)
    }

    /// Over a line in quarters of a count (10.5 is 42); the under is [`LineShares::opposite`].
    pub fn over(&self, line_quarters: i32) -> LineShares {
        shares_above(&self.masses, 0, line_quarters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masses_sum_to_one_and_have_the_moments() {
        for (mean, dispersion) in [(0.0, 5.0), (4.2, 0.5), (10.4, 28.0), (25.0, 1e6), (300.0, 40.0)] {
            let counts = NegativeBinomial::new(mean, dispersion).unwrap();
            let sum: f64 = counts.masses.iter().sum();
            let first: f64 = counts.masses.iter().enumerate().map(|(k, mass)| k as f64 * mass).sum();
            let square: f64 =
                counts.masses.iter().enumerate().map(|(k, mass)| (k as f64 - mean).powi(2) * mass).sum();
            assert!(
                (sum - 1.0).abs() < 1e-11 && (first - mean).abs() < 1e-9 * (1.0 + mean),
                "{mean} {dispersion}"
            );
            assert!(
                (square / counts.variance().max(1e-9) - 1.0).abs() < 1e-8 || mean == 0.0,
                "{mean} {dispersion}"
            );
        }
    }

    #[test]
    fn impossible_arguments_are_refused() {
        for bad in [f64::NAN, f64::INFINITY, -1.0] {
            assert!(NegativeBinomial::new(bad, 10.0).is_err() && NegativeBinomial::new(10.0, bad).is_err());
        }
    }
}
