//! The probability of every final score, as a square grid.

use super::{FootballError, GOAL_MEAN_MAX, GRID_SIZE_MAX, poisson};

/// The Dixon-Coles score model: two Poisson counts and a correction of the four lowest scores.
///
/// Cell 0-0 is multiplied by `1 - lambda_home lambda_away rho`, 1-0 by `1 + lambda_away rho`, 0-1 by
/// `1 + lambda_home rho` and 1-1 by `1 - rho`. The corrections cancel in the sum, in every total from 3 goals
/// up and in P(home) - P(away). `rho = 0` is the independent Poisson model; markets imply about -0.07.
///
/// Source: M. Dixon, S. Coles, "Modelling Association Football Scores and Inefficiencies in the Football
/// Betting Market", Applied Statistics 46 (1997). Reproduced in `tests/golden/football_score.json`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DixonColes {
    lambda_home: f64,
    lambda_away: f64,
    rho: f64,
}

impl DixonColes {
    /// A model from expected goals (0 to 20 each) and `rho` within [`DixonColes::rho_bounds`].
    ///
    /// # Errors
    ///
    /// [`FootballError::OutsideRange`] for any argument outside its range or not a number.
    ///
    /// ```
    /// use oddsengine_pricing::football::DixonColes;
    /// assert!(DixonColes::new(1.6, 1.1, -0.08).is_ok());
    /// let error = DixonColes::new(1.6, 1.25, 0.6).unwrap_err();
    /// assert_eq!(error.to_string(), "rho 0.6 is outside -0.625..=0.5");
    /// ```
    pub fn new(lambda_home: f64, lambda_away: f64, rho: f64) -> Result<Self, FootballError> {
        FootballError::check("home goal mean", lambda_home, 0.0, GOAL_MEAN_MAX)?;
        FootballError::check("away goal mean", lambda_away, 0.0, GOAL_MEAN_MAX)?;
        let (min, max) = Self::rho_bounds(lambda_home, lambda_away);
        FootballError::check("rho", rho, min, max)?;
        Ok(Self { lambda_home, lambda_away, rho })
    }

    /// The independent Poisson model, `rho = 0`.
    ///
    /// # Errors
    ///
    /// As [`DixonColes::new`].
    ///
    /// ```
    /// use oddsengine_pricing::football::DixonColes;
    /// assert_eq!(DixonColes::poisson(1.5, 1.0).unwrap().rho(), 0.0);
    /// ```
    pub fn poisson(lambda_home: f64, lambda_away: f64) -> Result<Self, FootballError> {
        Self::new(lambda_home, lambda_away, 0.0)
    }

    /// The smallest and largest `rho` for which no score has a negative probability.
    ///
    /// ```
    /// use oddsengine_pricing::football::DixonColes;
    /// assert_eq!(DixonColes::rho_bounds(2.0, 1.0), (-0.5, 0.5));
    /// ```
    pub fn rho_bounds(lambda_home: f64, lambda_away: f64) -> (f64, f64) {
        let min = (-1.0 / lambda_home).max(-1.0 / lambda_away);
        (min, (1.0 / (lambda_home * lambda_away)).min(1.0))
    }

    /// Expected home goals.
    pub const fn lambda_home(&self) -> f64 {
        self.lambda_home
    }

    /// Expected away goals.
    pub const fn lambda_away(&self) -> f64 {
        self.lambda_away
    }

    /// The correction of the low scores.
    pub const fn rho(&self) -> f64 {
        self.rho
    }

    /// Expected goals of both sides.
    pub fn total(&self) -> f64 {
        self.lambda_home + self.lambda_away
    }

    /// Expected home goals less expected away goals.
    pub fn supremacy(&self) -> f64 {
        self.lambda_home - self.lambda_away
    }

    /// The four corrected cells as `[[0-0, 0-1], [1-0, 1-1]]` factors.
    #[inline]
    pub(super) fn corrections(&self) -> [[f64; 2]; 2] {
        let Self { lambda_home, lambda_away, rho } = *self;
        [
            [1.0 - lambda_home * lambda_away * rho, 1.0 + lambda_home * rho],
            [1.0 + lambda_away * rho, 1.0 - rho],
        ]
    }
}

/// P(home goals, away goals) for 0 to `size - 1` goals a side, with the sums that markets need.
///
/// The grid is never normalised silently: [`ScoreGrid::tail`] is the probability outside of it, and
/// [`ScoreGrid::normalised`] puts it back when asked to.
///
/// ```
/// use oddsengine_pricing::football::{DixonColes, ScoreGrid};
/// let grid = ScoreGrid::from_dixon_coles(&DixonColes::new(1.62, 1.08, -0.08).unwrap());
/// assert!((grid.home() - 0.48983702483099).abs() < 1e-9);
/// assert!((grid.over(9).fair_odds().unwrap() - 1.7236509804325).abs() < 1e-9); // line 2.25
/// assert!(grid.tail() < 1e-12);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreGrid {
    size: usize,
    /// Row-major, home goals first.
    cells: Vec<f64>,
    /// Probability of each total, 0 to 2 size - 2.
    pub(super) totals: Vec<f64>,
    /// Probability of each difference home - away, from -(size - 1).
    pub(super) differences: Vec<f64>,
    tail: f64,
}

impl ScoreGrid {
    /// The model's grid, large enough that less than 1e-12 lies outside.
    pub fn from_dixon_coles(model: &DixonColes) -> Self {
        let size = poisson::size_for(model.lambda_home).max(poisson::size_for(model.lambda_away));
        Self::dixon_coles_of_size(model, size)
    }

    /// The model's grid for 0 to `size - 1` goals a side.
    ///
    /// # Errors
    ///
    /// [`FootballError::OutsideRange`] for a size outside 2..=80.
    ///
    /// ```
    /// use oddsengine_pricing::football::{DixonColes, ScoreGrid};
    /// let grid = ScoreGrid::from_dixon_coles_sized(&DixonColes::poisson(2.8, 2.4).unwrap(), 16).unwrap();
    /// assert!(grid.tail() > 1e-9 && grid.tail() < 1e-7);
    /// let whole = grid.normalised();
    /// assert!((whole.home() + whole.draw() + whole.away() - 1.0).abs() < 1e-14);
    /// ```
    pub fn from_dixon_coles_sized(model: &DixonColes, size: usize) -> Result<Self, FootballError> {
        check_size(size)?;
        Ok(Self::dixon_coles_of_size(model, size))
    }

    fn dixon_coles_of_size(model: &DixonColes, size: usize) -> Self {
        let (mut home, mut away) = ([0.0; GRID_SIZE_MAX], [0.0; GRID_SIZE_MAX]);
        poisson::fill_masses(model.lambda_home, &mut home[..size]);
        poisson::fill_masses(model.lambda_away, &mut away[..size]);
        let mut cells = Vec::with_capacity(size * size);
        for home_mass in &home[..size] {
            cells.extend(away[..size].iter().map(|away_mass| home_mass * away_mass));
        }
        for (row, factors) in cells.chunks_exact_mut(size).zip(model.corrections()) {
            row[0] *= factors[0];
            row[1] *= factors[1];
        }
        let (home_tail, away_tail) =
            (poisson::tail(model.lambda_home, size), poisson::tail(model.lambda_away, size));
        Self::from_checked_cells(size, cells, home_tail + away_tail - home_tail * away_tail)
    }

    /// The bivariate Poisson grid: home goals are `W1 + W3`, away goals `W2 + W3`, with independent Poisson `W`.
    ///
    /// Only positive correlation is possible, so it cannot make a market's draw excess; use [`DixonColes`] there.
    /// Source: D. Karlis, I. Ntzoufras, "Analysis of Sports Data by Using Bivariate Poisson Models", The
    /// Statistician 52 (2003). Reproduced in `tests/golden/football_score.json`.
    ///
    /// # Errors
    ///
    /// [`FootballError::OutsideRange`] for a mean outside 0..=20, also for a side's sum of two.
    ///
    /// ```
    /// use oddsengine_pricing::football::ScoreGrid;
    /// let grid = ScoreGrid::from_bivariate_poisson(1.35, 0.95, 0.12).unwrap();
    /// assert!((grid.draw() - 0.27643813542993).abs() < 1e-9);
    /// ```
    pub fn from_bivariate_poisson(lambda1: f64, lambda2: f64, lambda3: f64) -> Result<Self, FootballError> {
        for (name, value) in [("lambda1", lambda1), ("lambda2", lambda2), ("lambda3", lambda3)] {
            FootballError::check(name, value, 0.0, GOAL_MEAN_MAX)?;
        }
        let home_mean = FootballError::check("home goal mean", lambda1 + lambda3, 0.0, GOAL_MEAN_MAX)?;
        let away_mean = FootballError::check("away goal mean", lambda2 + lambda3, 0.0, GOAL_MEAN_MAX)?;
        let size = poisson::size_for(home_mean).max(poisson::size_for(away_mean));
        let mut masses = [[0.0; GRID_SIZE_MAX]; 3];
        for (out, mean) in masses.iter_mut().zip([lambda1, lambda2, lambda3]) {
            poisson::fill_masses(mean, &mut out[..size]);
        }
        let [home, away, both] = &masses;
        let mut cells = vec![0.0; size * size];
        for (k, both) in both[..size].iter().enumerate() {
            if *both < MASS_MIN {
                break;
            }
            for (row, home) in cells.chunks_exact_mut(size).skip(k).zip(home) {
                let mass = home * both;
                for (cell, away) in row[k..].iter_mut().zip(away) {
                    *cell += mass * away;
                }
            }
        }
        let tail = poisson::tail(home_mean, size) + poisson::tail(away_mean, size);
        Ok(Self::from_checked_cells(size, cells, tail))
    }

    /// A grid from your own probabilities, row-major with home goals first; `size` squared of them.
    ///
    /// # Errors
    ///
    /// [`FootballError::OutsideRange`] for a size outside 2..=80, a wrong number of cells, a cell outside 0..=1,
    /// or a sum above 1 + 1e-9. What is missing to 1 becomes the tail.
    ///
    /// ```
    /// use oddsengine_pricing::football::ScoreGrid;
    /// let grid = ScoreGrid::from_cells(2, vec![0.4, 0.1, 0.3, 0.2]).unwrap();
    /// assert_eq!(grid.home(), 0.3);
    /// ```
    pub fn from_cells(size: usize, cells: Vec<f64>) -> Result<Self, FootballError> {
        check_size(size)?;
        let count = (size * size) as f64;
        FootballError::check("number of cells", cells.len() as f64, count, count)?;
        for cell in &cells {
            FootballError::check("score probability", *cell, 0.0, 1.0)?;
        }
        let sum: f64 = cells.iter().sum();
        FootballError::check("sum of score probabilities", sum, MASS_GIVEN_MIN, 1.0 + 1e-9)?;
        Ok(Self::from_checked_cells(size, cells, (1.0 - sum).max(0.0)))
    }

    pub(super) fn from_checked_cells(size: usize, cells: Vec<f64>, tail: f64) -> Self {
        let mut totals = vec![0.0; 2 * size - 1];
        let mut differences = vec![0.0; 2 * size - 1];
        for (x, row) in cells.chunks_exact(size).enumerate() {
            for (place, cell) in totals[x..x + size].iter_mut().zip(row) {
                *place += cell;
            }
            for (place, cell) in differences[x..x + size].iter_mut().rev().zip(row) {
                *place += cell;
            }
        }
        Self { size, cells, totals, differences, tail }
    }

    /// Number of goal counts a side: the grid holds 0 to `size - 1`.
    pub const fn size(&self) -> usize {
        self.size
    }

    /// The probability outside the grid.
    pub const fn tail(&self) -> f64 {
        self.tail
    }

    /// All cells, row-major with home goals first.
    pub fn cells(&self) -> &[f64] {
        &self.cells
    }

    /// The probability of one final score; 0 outside the grid.
    pub fn correct_score(&self, home_goals: usize, away_goals: usize) -> f64 {
        if home_goals < self.size && away_goals < self.size {
            self.cells[home_goals * self.size + away_goals]
        } else {
            0.0
        }
    }

    /// The same grid scaled to sum to 1, so that the tail is spread over the scores in proportion.
    pub fn normalised(self) -> Self {
        let sum: f64 = self.cells.iter().sum();
        let factor = if sum > 0.0 { 1.0 / sum } else { 1.0 };
        let cells = self.cells.iter().map(|cell| cell * factor).collect();
        Self::from_checked_cells(self.size, cells, 0.0)
    }

    /// The grid of final scores when this grid is about the goals still to come and the score is already given.
    ///
    /// # Errors
    ///
    /// [`FootballError::OutsideRange`] if the larger grid would exceed 80 goals a side.
    ///
    /// ```
    /// use oddsengine_pricing::football::{DixonColes, ScoreGrid};
    /// let to_come = ScoreGrid::from_dixon_coles(&DixonColes::poisson(0.558, 0.414).unwrap());
    /// let final_score = to_come.shifted(1, 0).unwrap();
    /// assert!((final_score.home() - 0.78431388018544).abs() < 1e-9);
    /// ```
    pub fn shifted(&self, home_goals: usize, away_goals: usize) -> Result<Self, FootballError> {
        let size = self.size.saturating_add(home_goals.max(away_goals));
        check_size(size)?;
        let mut cells = vec![0.0; size * size];
        for (x, row) in self.cells.chunks_exact(self.size).enumerate() {
            let start = (x + home_goals) * size + away_goals;
            cells[start..start + self.size].copy_from_slice(row);
        }
        Ok(Self::from_checked_cells(size, cells, self.tail))
    }
}

/// A falling mass below this one adds nothing to a grid.
const MASS_MIN: f64 = 1e-20;

/// Least sum of the cells of a grid that is given: less is no grid, and its prices would be quotients of nothing.
const MASS_GIVEN_MIN: f64 = 1e-9;

fn check_size(size: usize) -> Result<(), FootballError> {
    FootballError::check("grid size", size as f64, 2.0, GRID_SIZE_MAX as f64).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_sums_to_one_with_its_tail() {
        for (home, away, rho) in
            [(1.6, 1.1, -0.1), (0.0, 0.0, 0.0), (0.0, 2.0, 0.3), (20.0, 20.0, 0.0), (0.02, 9.0, 0.5)]
        {
            let model = DixonColes::new(home, away, rho).unwrap();
            let grid = ScoreGrid::from_dixon_coles(&model);
            assert!(grid.tail() <= 1e-12 && grid.size() <= GRID_SIZE_MAX);
            let small = ScoreGrid::from_dixon_coles_sized(&model, 6).unwrap();
            for grid in [&grid, &small] {
                let sum: f64 = grid.cells().iter().sum();
                assert!((sum + grid.tail() - 1.0).abs() < 1e-12, "{home} {away}");
                assert!((grid.totals.iter().sum::<f64>() - sum).abs() < 1e-14);
                assert!((grid.differences.iter().sum::<f64>() - sum).abs() < 1e-14);
                assert!(grid.cells().iter().all(|cell| *cell >= 0.0));
            }
        }
    }

    #[test]
    fn impossible_arguments_are_refused() {
        for bad in [f64::NAN, f64::INFINITY, -0.1, 20.1] {
            assert!(DixonColes::poisson(bad, 1.0).is_err() && DixonColes::poisson(1.0, bad).is_err());
            assert!(DixonColes::new(1.5, 1.5, bad * 10.0).is_err());
            assert!(ScoreGrid::from_bivariate_poisson(1.0, 1.0, bad).is_err());
            assert!(ScoreGrid::from_cells(2, vec![0.1, 0.1, bad, 0.1]).is_err());
        }
        let model = DixonColes::poisson(1.0, 1.0).unwrap();
        assert!(ScoreGrid::from_dixon_coles_sized(&model, 81).is_err());
        assert!(ScoreGrid::from_dixon_coles(&model).shifted(usize::MAX, 0).is_err());
        assert!(ScoreGrid::from_cells(3, vec![0.1; 4]).is_err());
    }
}
