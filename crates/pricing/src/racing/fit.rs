//! Mean running times from probabilities of winning: Newton's method on the logarithms.
//!
//! Slowing runner `j` helps every other runner `i` by `A_ij = integral f_i f_j product of the others' S`, and costs `j`
//! what it gives them: the derivatives are a weighted graph's Laplacian, symmetric and positive definite once one
//! runner is held fast. On logarithms of the probabilities the equations are nearly linear, so a handful of steps
//! suffices from a field with no structure at all. The plain fixed point (move each time by a share of its runner's
//! difference) needs about a hundred sweeps.

use super::henery::{HeneryModel, OPEN_MIN, Times, step};
use super::normal::rough_quantile;
use super::{RUNNERS_MAX, RacingError, check_win};

/// Largest difference of the logarithm of a probability that a fit leaves.
pub const LOG_RESIDUAL_MAX: f64 = 1e-11;

/// What the coarse quadrature is solved to, and its distance of two times.
const LOG_RESIDUAL_COARSE: f64 = 1e-3;
const STEP_COARSE: f64 = 0.5;
/// More Newton steps than any field here needs.
const STEPS_MAX: usize = 40;
/// A step of one time is cut to this, in standard deviations.
const MOVE_MAX: f64 = 1.5;
/// A step is halved at most so often.
const HALVINGS_MAX: usize = 12;
/// Times of a first guess per normal quantile of the probability of winning.
const QUANTILE_SCALE: f64 = 1.15;

impl HeneryModel {
    /// Mean running times that give these probabilities of winning, each matched within [`LOG_RESIDUAL_MAX`] relatively.
    ///
    /// # Errors
    /// A probability outside its range, a sum that is not 1 within 1e-9, or no convergence.
    ///
    /// ```
    /// use oddsengine_pricing::racing::HeneryModel;
    /// let model = HeneryModel::from_win(&[0.5, 0.25, 0.25])?;
    /// assert!(model.times()[0] < model.times()[1]);
    /// # Ok::<(), oddsengine_pricing::racing::RacingError>(())
    /// ```
    pub fn from_win(win: &[f64]) -> Result<Self, RacingError> {
        check_win(win)?;
        Fit::new(win).run()
    }
}

struct Fit {
    count: usize,
    target: [f64; RUNNERS_MAX],
    times: [f64; RUNNERS_MAX],
    win: [f64; RUNNERS_MAX],
    /// `A_ij` of the module's text, for `j < i`.
    exchange: [[f64; RUNNERS_MAX]; RUNNERS_MAX],
    favourite: usize,
}

impl Fit {
    fn new(win: &[f64]) -> Self {
        let mut fit = Self {
            count: win.len(),
            target: [0.0; RUNNERS_MAX],
            times: [0.0; RUNNERS_MAX],
            win: [0.0; RUNNERS_MAX],
            exchange: [[0.0; RUNNERS_MAX]; RUNNERS_MAX],
            favourite: 0,
        };
        let sum: f64 = win.iter().sum();
        for (runner, &probability) in win.iter().enumerate() {
            fit.target[runner] = probability / sum;
            fit.times[runner] = -QUANTILE_SCALE * rough_quantile(probability);
            if probability > win[fit.favourite] {
                fit.favourite = runner;
            }
        }
        fit
    }

    /// Coarse quadrature until the field has its shape, then the models' own.
    fn run(mut self) -> Result<HeneryModel, RacingError> {
        self.solve(STEP_COARSE, LOG_RESIDUAL_COARSE)?;
        self.solve(step(self.count), LOG_RESIDUAL_MAX)?;
        HeneryModel::from_times(&self.times[..self.count])
    }

    fn solve(&mut self, step: f64, tolerance: f64) -> Result<(), RacingError> {
        let mut residual = self.evaluate(step);
        for _ in 0..STEPS_MAX {
            if residual <= tolerance {
                return Ok(());
            }
            let (moves, before) = (self.newton_step(), self.times);
            let mut share = 1.0;
            let mut next = f64::INFINITY;
            for _ in 0..HALVINGS_MAX {
                for runner in 0..self.count {
                    self.times[runner] = before[runner] + share * moves[runner];
                }
                next = self.evaluate(step);
                if next < residual {
                    break;
                }
                share *= 0.5;
            }
            if next >= residual {
                return Err(RacingError::NotConverged { residual });
            }
            residual = next;
        }
        Err(RacingError::NotConverged { residual })
    }

    /// Probabilities and their derivatives at the present times; returns the largest difference of a logarithm.
    fn evaluate(&mut self, step: f64) -> f64 {
        let count = self.count;
        self.win = [0.0; RUNNERS_MAX];
        for row in &mut self.exchange[..count] {
            row[..count].fill(0.0);
        }
        let mut at = Times::start(&self.times[..count], step);
        while at.advance() {
            let (open, hazard) = at.hazards();
            for i in 0..count {
                let weight = open * hazard[i];
                self.win[i] += weight;
                for (exchange, hazard) in self.exchange[i][..i].iter_mut().zip(&hazard) {
                    *exchange += weight * hazard;
                }
            }
            if open < OPEN_MIN {
                break;
            }
        }
        let mut largest = 0.0_f64;
        for i in 0..count {
            self.win[i] *= step;
            for exchange in &mut self.exchange[i][..i] {
                *exchange *= step;
            }
            let difference = self.log_difference(i).abs();
            // A comparison with NaN keeps what is there; a field without a probability must not look solved.
            largest = if difference.is_nan() { f64::INFINITY } else { largest.max(difference) };
        }
        largest
    }

    fn log_difference(&self, runner: usize) -> f64 {
        libm::log(self.target[runner] / self.win[runner])
    }

    /// Solves Laplacian x = -(p * (difference - its mean)) with the favourite held fast, by Cholesky without roots.
    fn newton_step(&self) -> [f64; RUNNERS_MAX] {
        let count = self.count;
        let exchange = |i: usize, j: usize| if i > j { self.exchange[i][j] } else { self.exchange[j][i] };
        let mean: f64 = (0..count).map(|runner| self.win[runner] * self.log_difference(runner)).sum();
        // The other runners, in order.
        let mut order = [0; RUNNERS_MAX];
        (0..count)
            .filter(|&runner| runner != self.favourite)
            .enumerate()
            .for_each(|(slot, runner)| order[slot] = runner);
        let size = count - 1;
        let mut lower = [[0.0; RUNNERS_MAX]; RUNNERS_MAX];
        let mut diagonal = [0.0; RUNNERS_MAX];
        let mut solution = [0.0; RUNNERS_MAX];
        for row in 0..size {
            let runner = order[row];
            let degree: f64 =
                (0..count).filter(|&other| other != runner).map(|other| exchange(runner, other)).sum();
            let mut pivot = degree;
            let mut right = -self.win[runner] * (self.log_difference(runner) - mean);
            for column in 0..row {
                let mut value = -exchange(runner, order[column]);
                for k in 0..column {
                    value -= lower[row][k] * diagonal[k] * lower[column][k];
                }
                let factor = value / diagonal[column];
                lower[row][column] = factor;
                pivot -= factor * factor * diagonal[column];
                right -= factor * solution[column];
            }
            diagonal[row] = pivot;
            solution[row] = right;
        }
        for row in (0..size).rev() {
            let mut value = solution[row] / diagonal[row];
            for below in row + 1..size {
                value -= lower[below][row] * solution[below];
            }
            solution[row] = value;
        }
        let mut step = [0.0; RUNNERS_MAX];
        for row in 0..size {
            step[order[row]] = solution[row].clamp(-MOVE_MAX, MOVE_MAX);
        }
        step
    }
}
