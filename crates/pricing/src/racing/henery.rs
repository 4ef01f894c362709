//! Running times that are normal around each runner's mean: Henery's model.
//!
//! Runner `i` takes the time `theta_i + e_i`, the `e` independent and standard normal; the least time wins. Everything is
//! one integral over a time `x`: a runner finishes at `x` (density `f`), the others are ahead (`1 - S`) or behind (`S`).
//!
//! ```text
//! P(i wins)      = integral f_i  product of the others' S
//! P(i is k-th)   = integral f_i  P(k - 1 of the others are ahead)          Poisson-binomial count, cut after k
//! P(i, j)        = integral f_j (1 - S_i) product of the others' S
//! P(i, j, k)     = integral f_k P(i before j before x) product of the others' S
//! P(i beats j)   = Phi((theta_j - theta_i) / sqrt 2)
//! ```
//!
//! The integrals are sums over equidistant times: for an integrand this smooth, which vanishes on both sides, the
//! trapezoidal rule converges faster than any power of the step (L. N. Trefethen, J. A. C. Weideman, "The Exponentially
//! Convergent Trapezoidal Rule", SIAM Review 56 (2014)). Densities go from time to time by a product; tails come from
//! a table. The product of all but one factor is built from both ends, never by division, so nothing cancels.
//!
//! Source: R. J. Henery, "Permutation Probabilities as Models for Horse Races", Journal of the Royal Statistical Society
//! B 43 (1981). Reproduced in `tests/golden/racing.json`.

use super::normal::{DENSITY_AT_MEAN, NormalTable};
use super::{POSITIONS, RUNNERS_MAX, RacingError, check_runner_count};

/// Largest mean running time, in standard deviations from the field's average.
pub const TIME_MAX: f64 = 20.0;
/// Largest difference of two mean running times: 1e-9 against 39 others needs less.
pub const TIME_SPREAD_MAX: f64 = 20.0;

/// Distance of two times, for up to [`FEW`] runners and for more: the more runners, the sharper the first of them. The
/// error stays below 1e-13.
const STEPS: [f64; 2] = [0.25, 0.1875];
/// See [`STEPS`].
const FEW: usize = 20;
/// The first time lies so far below the smallest mean.
const LEAD: f64 = 8.25;
/// Once the probability that the event is still open falls below this, nothing more is added.
pub(super) const OPEN_MIN: f64 = 1e-24;

/// Normal running times.
#[derive(Clone, Debug, PartialEq)]
pub struct HeneryModel {
    count: usize,
    times: [f64; RUNNERS_MAX],
}

impl HeneryModel {
    /// A race with these mean running times, in standard deviations; 2 to [`RUNNERS_MAX`] of them. Only differences
    /// count: the times are moved to a mean of 0.
    ///
    /// # Errors
    /// Too few or too many runners, a time that is not a number or too far from the others.
    ///
    /// ```
    /// use oddsengine_pricing::racing::HeneryModel;
    /// let model = HeneryModel::from_times(&[0.0, 0.0, 1.0])?;
    /// assert!((model.ahead(0, 1) - 0.5).abs() < 1e-15);
    /// # Ok::<(), oddsengine_pricing::racing::RacingError>(())
    /// ```
    pub fn from_times(times: &[f64]) -> Result<Self, RacingError> {
        check_runner_count(times.len())?;
        let mean = times.iter().sum::<f64>() / times.len() as f64;
        let mut model = Self { count: times.len(), times: [0.0; RUNNERS_MAX] };
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for (slot, &time) in model.times.iter_mut().zip(times) {
            *slot = time - mean;
            if !(-TIME_MAX..=TIME_MAX).contains(slot) {
                return Err(RacingError::outside("mean running time", time, -TIME_MAX, TIME_MAX));
            }
            (low, high) = (low.min(*slot), high.max(*slot));
        }
        if high - low > TIME_SPREAD_MAX {
            return Err(RacingError::outside(
                "spread of mean running times",
                high - low,
                0.0,
                TIME_SPREAD_MAX,
            ));
        }
        Ok(model)
    }

    /// Number of runners.
    pub fn runner_count(&self) -> usize {
        self.count
    }

    /// Mean running times, in standard deviations, with mean 0.
    pub fn times(&self) -> &[f64] {
        &self.times[..self.count]
    }

    /// Probability that runner `i` finishes ahead of runner `j`.
    pub fn ahead(&self, i: usize, j: usize) -> f64 {
        0.5 * libm::erfc((self.times[i] - self.times[j]) * 0.5)
    }

    /// Fills the probability of every runner to win.
    pub(super) fn fill_win(&self, win: &mut [f64]) {
        let mut at = Times::start(self.times(), step(self.count));
        win.fill(0.0);
        while at.advance() {
            let (open, hazard) = at.hazards();
            for (win, hazard) in win.iter_mut().zip(&hazard[..self.count]) {
                *win += open * hazard;
            }
            if open < OPEN_MIN {
                break;
            }
        }
        win.iter_mut().for_each(|win| *win *= at.step);
    }

    /// Fills the probability of every runner to finish exactly first, second, third and fourth.
    pub(super) fn fill_positions(&self, positions: &mut [[f64; POSITIONS]]) {
        let mut at = Times::start(self.times(), step(self.count));
        positions.fill([0.0; POSITIONS]);
        // ahead[i][k]: probability that k of the runners before i are ahead.
        let mut ahead = [[0.0; POSITIONS]; RUNNERS_MAX + 1];
        ahead[0][0] = 1.0;
        while at.advance() {
            for runner in 0..self.count {
                ahead[runner + 1] = counted(&ahead[runner], at.tail[runner]);
            }
            let mut behind = [1.0, 0.0, 0.0, 0.0];
            for runner in (0..self.count).rev() {
                let (a, b) = (&ahead[runner], &behind);
                let others = [
                    a[0] * b[0],
                    a[0] * b[1] + a[1] * b[0],
                    a[0] * b[2] + a[1] * b[1] + a[2] * b[0],
                    a[0] * b[3] + a[1] * b[2] + a[2] * b[1] + a[3] * b[0],
                ];
                for (position, others) in positions[runner].iter_mut().zip(others) {
                    *position += at.density[runner] * others;
                }
                behind = counted(&behind, at.tail[runner]);
            }
            if behind.iter().sum::<f64>() < OPEN_MIN {
                break;
            }
        }
        positions.iter_mut().flatten().for_each(|probability| *probability *= at.step);
    }

    /// Fills `out[first * n + second]`.
    pub(super) fn fill_exactas(&self, out: &mut [f64]) {
        let count = self.count;
        let mut at = Times::start(self.times(), step(self.count));
        out.fill(0.0);
        while at.advance() {
            let behind = at.products_from_the_end();
            let mut before = 1.0;
            for i in 0..count {
                let mut all_but = before;
                for j in i + 1..count {
                    let rest = all_but * behind[j + 1];
                    out[i * count + j] += rest * at.density[j] * (1.0 - at.tail[i]);
                    out[j * count + i] += rest * at.density[i] * (1.0 - at.tail[j]);
                    all_but *= at.tail[j];
                }
                before *= at.tail[i];
            }
            if at.two_open(count) < OPEN_MIN {
                break;
            }
        }
        out.iter_mut().for_each(|probability| *probability *= at.step);
    }

    /// Fills `out[(first * n + second) * n + third]`.
    pub(super) fn fill_trifectas(&self, out: &mut [f64]) {
        let count = self.count;
        let mut at = Times::start(self.times(), step(self.count));
        let mut pairs = vec![Pair::default(); count * count];
        out.fill(0.0);
        while at.advance() {
            for i in 0..count {
                for j in i + 1..count {
                    pairs[i * count + j].advance(&at, i, j);
                }
            }
            let behind = at.products_from_the_end();
            let mut before = 1.0;
            for i in 0..count {
                let mut between = before;
                for j in i + 1..count {
                    let mut all_but = between;
                    for k in j + 1..count {
                        let rest = all_but * behind[k + 1];
                        for (last, [a, b]) in [(k, [i, j]), (j, [i, k]), (i, [j, k])] {
                            let density = rest * at.density[last];
                            let [a_first, b_first] = pairs[a * count + b].orders;
                            out[(a * count + b) * count + last] += density * a_first;
                            out[(b * count + a) * count + last] += density * b_first;
                        }
                        all_but *= at.tail[k];
                    }
                    between *= at.tail[j];
                }
                before *= at.tail[i];
            }
            if at.three_open(count) < OPEN_MIN {
                break;
            }
        }
        out.iter_mut().for_each(|probability| *probability *= at.step);
    }

    /// Fills `out[i * n + j]` with the probability that `i` finishes ahead of `j`.
    pub(super) fn fill_ahead(&self, out: &mut [f64]) {
        for i in 0..self.count {
            for j in 0..i {
                let ahead = self.ahead(i, j);
                out[i * self.count + j] = ahead;
                out[j * self.count + i] = 1.0 - ahead;
            }
            out[i * self.count + i] = 0.0;
        }
    }
}

/// The distance of two times for a number of runners.
pub(super) fn step(count: usize) -> f64 {
    STEPS[usize::from(count > FEW)]
}

/// A count of runners ahead, with one more who is still behind with probability `tail`.
#[inline]
fn counted(before: &[f64; POSITIONS], tail: f64) -> [f64; POSITIONS] {
    let ahead = 1.0 - tail;
    [
        before[0] * tail,
        before[1] * tail + before[0] * ahead,
        before[2] * tail + before[1] * ahead,
        before[3] * tail + before[2] * ahead,
    ]
}

/// The field at one time after another.
pub(super) struct Times {
    table: &'static NormalTable,
    count: usize,
    step: f64,
    left: usize,
    /// Time after each runner's mean.
    pub after: [f64; RUNNERS_MAX],
    /// Density of finishing now.
    pub density: [f64; RUNNERS_MAX],
    /// Probability of not having finished.
    pub tail: [f64; RUNNERS_MAX],
    /// What the density is multiplied by on the way to the next time.
    growth: [f64; RUNNERS_MAX],
    growth_decay: f64,
}

impl Times {
    /// One step before the first time that counts.
    pub fn start(times: &[f64], step: f64) -> Self {
        let low = times.iter().copied().fold(f64::INFINITY, f64::min);
        let high = times.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut at = Self {
            table: NormalTable::get(),
            count: times.len(),
            step,
            left: ((high - low + 2.0 * LEAD) / step) as usize + 2,
            after: [0.0; RUNNERS_MAX],
            density: [0.0; RUNNERS_MAX],
            tail: [1.0; RUNNERS_MAX],
            growth: [0.0; RUNNERS_MAX],
            growth_decay: libm::exp(-step * step),
        };
        for (runner, &time) in times.iter().enumerate() {
            let z = low - LEAD - step - time;
            at.after[runner] = z;
            at.density[runner] = DENSITY_AT_MEAN * libm::exp(-0.5 * z * z);
            at.growth[runner] = libm::exp(-step * (z + 0.5 * step));
        }
        at
    }

    /// Moves to the next time; `false` after the last.
    #[inline]
    pub fn advance(&mut self) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        for runner in 0..self.count {
            self.density[runner] *= self.growth[runner];
            self.growth[runner] *= self.growth_decay;
            self.after[runner] += self.step;
        }
        for runner in 0..self.count {
            self.tail[runner] = self.table.upper_tail(self.after[runner]);
        }
        true
    }

    /// The probability that nobody has finished, and every runner's density of finishing now given that it has not.
    #[inline]
    pub fn hazards(&self) -> (f64, [f64; RUNNERS_MAX]) {
        let open = self.tail[..self.count].iter().product();
        let mut hazard = [0.0; RUNNERS_MAX];
        for ((hazard, density), tail) in hazard.iter_mut().zip(&self.density).zip(&self.tail).take(self.count)
        {
            // Where a tail has vanished, so has the product that the hazard is multiplied by.
            *hazard = if *tail > 0.0 { density / tail } else { 0.0 };
        }
        (open, hazard)
    }

    /// `products[j]` = product of the tails of runner `j` and all after it.
    #[inline]
    fn products_from_the_end(&self) -> [f64; RUNNERS_MAX + 1] {
        let mut products = [1.0; RUNNERS_MAX + 1];
        for runner in (0..self.count).rev() {
            products[runner] = products[runner + 1] * self.tail[runner];
        }
        products
    }

    /// Probability that at most one runner has finished.
    fn two_open(&self, count: usize) -> f64 {
        let ahead =
            self.tail[..count].iter().fold([1.0, 0.0, 0.0, 0.0], |ahead, &tail| counted(&ahead, tail));
        ahead[0] + ahead[1]
    }

    /// Probability that at most two runners have finished.
    fn three_open(&self, count: usize) -> f64 {
        let ahead =
            self.tail[..count].iter().fold([1.0, 0.0, 0.0, 0.0], |ahead, &tail| counted(&ahead, tail));
        ahead[0] + ahead[1] + ahead[2]
    }
}

/// Both orders of two runners who have both finished, as time goes on.
///
/// The running integral of `f_j (1 - S_i)` is added up by the rule that is exact for polynomials of degree 7, with
/// derivatives at both ends of each step; those of odd order cancel between the steps.
#[derive(Clone, Copy, Debug, Default)]
struct Pair {
    /// Probability that the first named, and the second named, is ahead and both have finished.
    orders: [f64; 2],
    sum: f64,
    sum_of_second: f64,
    last: f64,
    last_second: f64,
}

impl Pair {
    #[inline]
    fn advance(&mut self, at: &Times, i: usize, j: usize) {
        let (a, b) = (at.after[j], at.after[i]);
        let finished = [1.0 - at.tail[i], 1.0 - at.tail[j]];
        let value = at.density[j] * finished[0];
        let both = at.density[i] * at.density[j];
        let both_first = -(a + b) * both;
        let both_second = -2.0 * both - (a + b) * both_first;
        let first = both - a * value;
        let second = both_first - value - a * first;
        let third = both_second - 2.0 * first - a * second;
        self.sum += 0.5 * (self.last + value);
        self.sum_of_second += 0.5 * (self.last_second + second);
        (self.last, self.last_second) = (value, second);
        let square = at.step * at.step;
        let i_first = at.step * (self.sum + square / 42.0 * self.sum_of_second)
            - square * (3.0 / 28.0 * first + square / 1680.0 * third);
        let i_first = i_first.max(0.0);
        self.orders = [i_first, (finished[0] * finished[1] - i_first).max(0.0)];
    }
}
