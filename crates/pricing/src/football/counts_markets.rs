//! Corners and cards of both sides: a joint distribution with its own dispersion, before the match and during it.
//!
//! The total is a Poisson count whose rate is gamma distributed with mean 1 (negative binomial, variance
//! `mean + mean^2 / dispersion`); each of its items is the home side's with a beta distributed probability (a Pólya
//! urn). The smaller `concentration`, the more one side's corners take the place of the other's: the correlation
//! between sides falls below that of independent counts. Both mixing distributions are conjugate, so the match in
//! play is the same model conditioned on the counts so far: a wild first half raises what is still expected.
//!
//! All markets come from a [`ScoreGrid`]: winner, totals, handicaps and team totals with quarter lines.

use super::counts::COUNT_MEAN_MAX;
use super::{FootballError, ScoreGrid};

/// Counts of a side: 0 to 39 and beyond.
pub const COUNT_SIZE: usize = 40;

/// Smallest and largest dispersion and concentration.
pub const CONCENTRATION_RANGE: (f64, f64) = (0.5, 1e6);

/// Totals beyond the mean that are less likely than this are left out.
const NEGLIGIBLE: f64 = 1e-20;

/// A count of both sides: corners, cards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CountModel {
    mean: [f64; 2],
    dispersion: f64,
    concentration: f64,
}

/// What a count is conditioned on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CountProgress {
    /// Counts of home and away so far.
    pub counts: [u16; 2],
    /// Share of the match's intensity that has passed.
    pub elapsed: f64,
    /// Share that is still to come.
    pub remaining: f64,
}

impl CountProgress {
    /// Before the match.
    pub const START: Self = Self { counts: [0; 2], elapsed: 0.0, remaining: 1.0 };
}

impl CountModel {
    /// A model from the expected counts of both sides (0 to 300 each), the dispersion of the total and the
    /// concentration of the split (0.5 to 1e6 each; large is Poisson, large is binomial).
    ///
    /// # Errors
    ///
    /// [`FootballError::OutsideRange`] for any of them outside its range or not a number.
    ///
    /// ```
    /// use oddsengine_pricing::football::counts_markets::{CountModel, CountProgress};
    /// let corners = CountModel::new(5.8, 4.6, 28.0, 20.0).unwrap();
    /// let grid = corners.grid(CountProgress::START).unwrap();
    /// let over = grid.over(42).win; // over 10.5: the total is the negative binomial of the golden case
    /// assert!((over - 0.4586041682322).abs() < 1e-9);
    /// assert!(corners.correlation() < 0.0);
    /// ```
    pub fn new(
        mean_home: f64,
        mean_away: f64,
        dispersion: f64,
        concentration: f64,
    ) -> Result<Self, FootballError> {
        FootballError::check("expected home count", mean_home, 0.0, COUNT_MEAN_MAX)?;
        FootballError::check("expected away count", mean_away, 0.0, COUNT_MEAN_MAX)?;
        let (least, most) = CONCENTRATION_RANGE;
        FootballError::check("dispersion", dispersion, least, most)?;
        FootballError::check("concentration", concentration, least, most)?;
        Ok(Self { mean: [mean_home, mean_away], dispersion, concentration })
    }

    /// Expected counts of home and away before the match.
    pub fn mean(&self) -> [f64; 2] {
        self.mean
    }

    /// Dispersion of the total.
    pub fn dispersion(&self) -> f64 {
        self.dispersion
    }

    /// Concentration of the split.
    pub fn concentration(&self) -> f64 {
        self.concentration
    }

    /// Variances of home and away, and their covariance.
    fn moments(&self) -> (f64, f64, f64) {
        let [home, away] = self.mean;
        let total = home + away;
        if total == 0.0 {
            return (0.0, 0.0, 0.0);
        }
        let share = home / total;
        // E[N (N - 1)] of the total, and the chance that two items go to one side or to both.
        let pairs = total * total * (1.0 + 1.0 / self.dispersion);
        let both_home = share * (share * self.concentration + 1.0) / (self.concentration + 1.0);
        let apart = share * (1.0 - share) * self.concentration / (self.concentration + 1.0);
        let both_away = 1.0 - both_home - 2.0 * apart;
        (
            pairs * both_home + home - home * home,
            pairs * both_away + away - away * away,
            pairs * apart - home * away,
        )
    }

    /// Correlation between the counts of both sides.
    pub fn correlation(&self) -> f64 {
        let (home, away, covariance) = self.moments();
        if home > 0.0 && away > 0.0 { covariance / (home * away).sqrt() } else { 0.0 }
    }

    /// Variance of the count of one side, 0 for home and 1 for away.
    pub fn side_variance(&self, side: usize) -> f64 {
        let (home, away, _) = self.moments();
        [home, away][side]
    }

    /// The final counts as a grid, given what has happened.
    ///
    /// # Errors
    ///
    /// [`FootballError::OutsideRange`] for a share outside 0..=2 or a count of 40 or more; the grid reports what lies
    /// beyond it as its tail.
    pub fn grid(&self, progress: CountProgress) -> Result<ScoreGrid, FootballError> {
        let mut cells = vec![0.0; COUNT_SIZE * COUNT_SIZE];
        self.fill(progress, &mut cells)?;
        ScoreGrid::from_cells(COUNT_SIZE, cells)
    }

    /// Fills the probabilities of final counts, `home * 40 + away`; what lies beyond 39 of a side is left out.
    ///
    /// # Errors
    ///
    /// As [`CountModel::grid`].
    pub fn fill(&self, progress: CountProgress, cells: &mut [f64]) -> Result<(), FootballError> {
        FootballError::check("share elapsed", progress.elapsed, 0.0, 2.0)?;
        FootballError::check("share remaining", progress.remaining, 0.0, 2.0)?;
        for count in progress.counts {
            FootballError::check("count so far", f64::from(count), 0.0, (COUNT_SIZE - 1) as f64)?;
        }
        cells.fill(0.0);
        let counts = progress.counts.map(usize::from);
        let (by_total, sides, most) = self.factors(progress);
        for home in counts[0]..COUNT_SIZE.min(counts[0] + most + 1) {
            let added_home = home - counts[0];
            let aways = COUNT_SIZE.min(counts[1] + most - added_home + 1);
            let row = &mut cells[home * COUNT_SIZE + counts[1]..home * COUNT_SIZE + aways];
            let factors = by_total[added_home..].iter().zip(&sides[1]);
            for (cell, (by_total, side)) in row.iter_mut().zip(factors) {
                *cell = by_total * sides[0][added_home] * side;
            }
        }
        Ok(())
    }

    /// P(h more at home, a more away) is `by_total[h + a] sides[0][h] sides[1][a]`: the negative binomial mass of the
    /// total times `n! / rising(alpha + beta, n)`, and `rising(alpha, h) / h!` of each side.
    /// The last number is the largest total that is kept.
    fn factors(&self, progress: CountProgress) -> ([f64; 2 * COUNT_SIZE], [[f64; COUNT_SIZE]; 2], usize) {
        let total: f64 = self.mean.iter().sum();
        let counts = progress.counts.map(f64::from);
        // Gamma with shape and rate k, after n items in the elapsed share: shape k + n, rate k + mean elapsed.
        let shape = self.dispersion + counts[0] + counts[1];
        let mean = shape * total * progress.remaining / (self.dispersion + total * progress.elapsed);
        let ratio = mean / (shape + mean);
        let share = if total > 0.0 { self.mean[0] / total } else { 0.5 };
        let urn = [share, 1.0 - share].map(|share| share * self.concentration);
        let urn = [urn[0] + counts[0], urn[1] + counts[1]];
        let mut by_total = [0.0; 2 * COUNT_SIZE];
        let mut factor = libm::exp(-shape * libm::log1p(mean / shape));
        let mut mass = factor;
        let mut most = 0;
        for (total, slot) in by_total.iter_mut().enumerate() {
            let n = total as f64;
            if n > mean && mass < NEGLIGIBLE {
                break;
            }
            *slot = factor;
            most = total;
            factor *= (shape + n) * ratio / (urn[0] + urn[1] + n);
            mass *= (shape + n) * ratio / (n + 1.0);
        }
        let sides = urn.map(|urn| {
            let mut factors = [0.0; COUNT_SIZE];
            let mut factor = 1.0;
            for (count, slot) in factors.iter_mut().enumerate() {
                *slot = factor;
                factor *= (urn + count as f64) / (count + 1) as f64;
            }
            factors
        });
        (by_total, sides, most)
    }
}

#[cfg(test)]
mod tests {
    use super::super::counts::NegativeBinomial;
    use super::*;

    fn moments(grid: &ScoreGrid) -> ([f64; 2], [f64; 3]) {
        let mut sums = [0.0; 5];
        for (index, mass) in grid.cells().iter().enumerate() {
            let (home, away) = ((index / COUNT_SIZE) as f64, (index % COUNT_SIZE) as f64);
            for (sum, value) in sums.iter_mut().zip([home, away, home * home, away * away, home * away]) {
                *sum += mass * value;
            }
        }
        let [home, away, home_square, away_square, product] = sums;
        ([home, away], [home_square - home * home, away_square - away * away, product - home * away])
    }

    #[test]
    fn the_grid_has_the_moments_of_the_model() {
        for (home, away, dispersion, concentration) in
            [(5.8, 4.6, 28.0, 20.0), (2.1, 2.4, 400.0, 1e6), (3.0, 0.0, 5.0, 2.0), (0.0, 0.0, 5.0, 2.0)]
        {
            let model = CountModel::new(home, away, dispersion, concentration).unwrap();
            let grid = model.grid(CountProgress::START).unwrap();
            let (mean, spread) = moments(&grid);
            assert!((mean[0] - home).abs() < 1e-6 && (mean[1] - away).abs() < 1e-6, "{model:?} {mean:?}");
            let (want_home, want_away, covariance) = model.moments();
            for (got, want) in spread.into_iter().zip([want_home, want_away, covariance]) {
                assert!((got - want).abs() < 1e-4, "{model:?}: {got} {want}");
            }
            let total = NegativeBinomial::new(home + away, dispersion).unwrap();
            for count in 0..25 {
                assert!((grid.exact_total(count) - total.mass(count)).abs() < 1e-12);
            }
        }
    }

    /// Conditioning on the first half: the second half's counts, weighted by every first half, are the match.
    #[test]
    fn in_play_is_the_conditional_distribution() {
        let model = CountModel::new(5.2, 4.1, 15.0, 12.0).unwrap();
        let share = 0.46;
        let half = CountModel::new(5.2 * share, 4.1 * share, 15.0, 12.0).unwrap();
        let first = half.grid(CountProgress::START).unwrap();
        let mut match_cells = vec![0.0; COUNT_SIZE * COUNT_SIZE];
        for home in 0..22 {
            for away in 0..22 {
                let progress = CountProgress {
                    counts: [home as u16, away as u16],
                    elapsed: share,
                    remaining: 1.0 - share,
                };
                let rest = model.grid(progress).unwrap();
                let weight = first.cells()[home * COUNT_SIZE + away];
                match_cells.iter_mut().zip(rest.cells()).for_each(|(sum, cell)| *sum += weight * cell);
            }
        }
        let whole = model.grid(CountProgress::START).unwrap();
        for (got, want) in match_cells.iter().zip(whole.cells()) {
            assert!((got - want).abs() < 1e-8, "{got} {want}");
        }
    }

    #[test]
    fn a_small_concentration_makes_sides_compensate() {
        let correlation =
            |concentration| CountModel::new(5.0, 5.0, 30.0, concentration).unwrap().correlation();
        assert!(correlation(8.0) < correlation(20.0) && correlation(20.0) < 0.0 && correlation(1e6) > 0.0);
    }

    #[test]
    fn impossible_arguments_are_refused() {
        for bad in [f64::NAN, -1.0, f64::INFINITY] {
            assert!(
                CountModel::new(bad, 1.0, 5.0, 5.0).is_err() && CountModel::new(1.0, 1.0, bad, 5.0).is_err()
            );
            assert!(
                CountModel::new(1.0, bad, 5.0, 5.0).is_err() && CountModel::new(1.0, 1.0, 5.0, bad).is_err()
            );
            let model = CountModel::new(5.0, 5.0, 30.0, 20.0).unwrap();
            assert!(model.grid(CountProgress { elapsed: bad, ..CountProgress::START }).is_err());
        }
        let model = CountModel::new(5.0, 5.0, 30.0, 20.0).unwrap();
        let error = model.grid(CountProgress { counts: [40, 0], ..CountProgress::START }).unwrap_err();
        assert_eq!(error.to_string(), "count so far 40 is outside 0..=39");
    }
}
