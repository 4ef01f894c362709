//! Harville's model and Lo and Bacon-Shone's correction of it: positions are filled one after the other.
//!
//! With `p` the probabilities of winning and exponents `a`, `b`, `c`:
//!
//! ```text
//! P(i, j, k, l) = p_i * p_j^a / (sum of p^a but i) * p_k^b / (sum of p^b but i, j) * p_l^c / (sum of p^c but i, j, k)
//! ```
//!
//! and every later position like the fourth. All exponents 1 is Harville; it makes favourites finish second and third
//! too often, because a favourite that does not win is treated as if it had never been there. Exponents below 1
//! flatten the later positions.
//!
//! Sources: D. A. Harville, "Assigning Probabilities to the Outcomes of Multi-Entry Competitions", Journal of the
//! American Statistical Association 68 (1973); V. S. Y. Lo, J. Bacon-Shone, "Approximating the Ordering Probabilities of
//! Multi-Entry Competitions by a Simple Method", Handbook of Sports and Lottery Markets (2008). Reproduced in
//! `tests/golden/racing.json`.

use super::{POSITIONS, RUNNERS_MAX, RacingError, check_win};

/// Largest exponent.
pub const EXPONENT_MAX: f64 = 2.0;

/// A sum over the runners that are left is added up anew once less than this share of the whole is left.
const REST_SHARE_MIN: f64 = 1e-3;

/// What the probabilities of winning are raised to for each later position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exponents {
    /// For the second position.
    pub second: f64,
    /// For the third.
    pub third: f64,
    /// For the fourth and all after it.
    pub later: f64,
}

impl Exponents {
    /// Harville's model.
    pub const HARVILLE: Exponents = Exponents { second: 1.0, third: 1.0, later: 1.0 };
    /// Lo and Bacon-Shone's approximation of normal running times; the exponent of the fourth position continues their
    /// series: it is the best fit to [`super::henery`] over fields of 6 to 16.
    pub const NORMAL: Exponents = Exponents { second: 0.76, third: 0.62, later: 0.56 };

    /// From Harville (0) through [`Exponents::NORMAL`] (1) and beyond, up to 2: how much flatter later positions are than
    /// the first.
    pub fn flattened(flattening: f64) -> Self {
        let toward = |normal: f64| 1.0 - flattening.clamp(0.0, 2.0) * (1.0 - normal);
        let Self { second, third, later } = Self::NORMAL;
        Self { second: toward(second), third: toward(third), later: toward(later) }
    }

    fn checked(self) -> Result<Self, RacingError> {
        let named = [
            ("exponent second", self.second),
            ("exponent third", self.third),
            ("exponent later", self.later),
        ];
        for (name, value) in named {
            if !(0.0..=EXPONENT_MAX).contains(&value) {
                return Err(RacingError::outside(name, value, 0.0, EXPONENT_MAX));
            }
        }
        Ok(self)
    }
}

/// Positions filled one after the other.
#[derive(Clone, Debug)]
pub struct SequentialModel {
    count: usize,
    exponents: Exponents,
    /// Probabilities of winning to the power of the position's exponent, by position.
    weights: [[f64; RUNNERS_MAX]; POSITIONS],
    totals: [f64; POSITIONS],
}

impl SequentialModel {
    /// A race with these probabilities of winning, 2 to [`RUNNERS_MAX`] of them, summing to 1.
    ///
    /// # Errors
    /// A probability or an exponent outside its range, or a sum that is not 1 within 1e-9.
    ///
    /// ```
    /// use oddsengine_pricing::racing::{Exponents, SequentialModel};
    /// let model = SequentialModel::new(&[0.5, 0.3, 0.2], Exponents::HARVILLE)?;
    /// assert!((model.exacta(0, 1) - 0.3).abs() < 1e-15); // 0.5 * 0.3 / 0.5
    /// # Ok::<(), oddsengine_pricing::racing::RacingError>(())
    /// ```
    pub fn new(win: &[f64], exponents: Exponents) -> Result<Self, RacingError> {
        check_win(win)?;
        let exponents = exponents.checked()?;
        let mut model = Self {
            count: win.len(),
            exponents,
            weights: [[0.0; RUNNERS_MAX]; POSITIONS],
            totals: [0.0; POSITIONS],
        };
        let powers = [1.0, exponents.second, exponents.third, exponents.later];
        for (position, power) in powers.into_iter().enumerate() {
            // Equal exponents give equal weights to the last bit, and cost one power.
            if let Some(earlier) = (0..position).find(|&earlier| powers[earlier] == power) {
                model.weights[position] = model.weights[earlier];
            } else {
                for (weight, &win) in model.weights[position].iter_mut().zip(win) {
                    *weight = if power == 1.0 { win } else { libm::pow(win, power) };
                }
            }
            model.totals[position] = model.weights[position][..model.count].iter().sum();
        }
        Ok(model)
    }

    /// Number of runners.
    pub fn runner_count(&self) -> usize {
        self.count
    }

    /// The exponents.
    pub fn exponents(&self) -> Exponents {
        self.exponents
    }

    /// Probability of winning of every runner.
    pub fn win(&self) -> &[f64] {
        &self.weights[0][..self.count]
    }

    /// The weights of a position that are left once some runners have finished.
    #[inline]
    fn rest<const N: usize>(&self, position: usize, finished: [usize; N]) -> f64 {
        let total = self.totals[position];
        let rest = finished.iter().fold(total, |rest, &runner| rest - self.weights[position][runner]);
        if rest > REST_SHARE_MIN * total { rest } else { self.rest_added(position, &finished) }
    }

    #[cold]
    fn rest_added(&self, position: usize, finished: &[usize]) -> f64 {
        let weights = self.weights[position][..self.count].iter().enumerate();
        weights.filter(|(runner, _)| !finished.contains(runner)).map(|(_, weight)| weight).sum()
    }

    /// Probability that two different runners are first and second.
    #[inline]
    pub fn exacta(&self, first: usize, second: usize) -> f64 {
        self.weights[0][first] / self.totals[0] * self.weights[1][second] / self.rest(1, [first])
    }

    /// Probability that three different runners are first, second and third.
    #[inline]
    pub fn trifecta(&self, first: usize, second: usize, third: usize) -> f64 {
        self.exacta(first, second) * self.weights[2][third] / self.rest(2, [first, second])
    }

    /// Calls `visit(first, second, third, probability)` for every ordered triple.
    #[inline]
    fn for_each_triple(&self, mut visit: impl FnMut(usize, usize, usize, f64)) {
        for first in 0..self.count {
            let of_first = self.weights[0][first] / self.totals[0] / self.rest(1, [first]);
            for second in (0..self.count).filter(|&second| second != first) {
                let scale = of_first * self.weights[1][second] / self.rest(2, [first, second]);
                for third in 0..self.count {
                    if third != first && third != second {
                        visit(first, second, third, scale * self.weights[2][third]);
                    }
                }
            }
        }
    }

    /// Fills the probability of every runner to finish exactly first, second, third and fourth.
    pub(super) fn fill_positions(&self, positions: &mut [[f64; POSITIONS]]) {
        positions.fill([0.0; POSITIONS]);
        for (runner, row) in positions.iter_mut().enumerate() {
            row[0] = self.weights[0][runner] / self.totals[0];
        }
        for first in 0..self.count {
            let of_first = positions[first][0] / self.rest(1, [first]);
            for second in (0..self.count).filter(|&second| second != first) {
                positions[second][1] += of_first * self.weights[1][second];
            }
        }
        // P(r is fourth) is r's weight times the sum, over the triples without r, of the triple's probability over
        // what is left after it: one sum over all triples, less what the triples with r contribute.
        let (mut all, mut with) = (0.0, [0.0; RUNNERS_MAX]);
        self.for_each_triple(|first, second, third, probability| {
            positions[third][2] += probability;
            if self.count > 3 {
                let share = probability / self.rest(3, [first, second, third]);
                all += share;
                with[first] += share;
                with[second] += share;
                with[third] += share;
            }
        });
        if self.count > 3 {
            for (runner, row) in positions.iter_mut().enumerate() {
                row[3] = self.weights[3][runner] * (all - with[runner]).max(0.0);
            }
        }
    }

    /// Fills `out[first * n + second]`.
    pub(super) fn fill_exactas(&self, out: &mut [f64]) {
        for (first, row) in out.chunks_exact_mut(self.count).enumerate() {
            let of_first = self.weights[0][first] / self.totals[0] / self.rest(1, [first]);
            for (second, cell) in row.iter_mut().enumerate() {
                *cell = if second == first { 0.0 } else { of_first * self.weights[1][second] };
            }
        }
    }

    /// Fills `out[(first * n + second) * n + third]`.
    pub(super) fn fill_trifectas(&self, out: &mut [f64]) {
        out.fill(0.0);
        self.for_each_triple(|first, second, third, probability| {
            out[(first * self.count + second) * self.count + third] = probability;
        });
    }

    /// Fills `out[i * n + j]` with the probability that `i` finishes ahead of `j`.
    ///
    /// Once neither is among the first three, the exponents no longer change, and `i` is ahead with its share of both
    /// weights.
    pub(super) fn fill_ahead(&self, out: &mut [f64]) {
        let count = self.count;
        let mut second_given = [[0.0; RUNNERS_MAX]; RUNNERS_MAX];
        let mut third_given = [[0.0; RUNNERS_MAX]; RUNNERS_MAX];
        let (mut second_all, mut third_all) = ([0.0; RUNNERS_MAX], [0.0; RUNNERS_MAX]);
        for (first, given) in second_given.iter_mut().enumerate().take(count) {
            for second in (0..count).filter(|&second| second != first) {
                given[second] = self.exacta(first, second);
                second_all[second] += given[second];
            }
        }
        self.for_each_triple(|first, second, third, probability| {
            third_given[first][third] += probability;
            third_given[second][third] += probability;
            third_all[third] += probability;
        });
        let win = |runner: usize| self.weights[0][runner] / self.totals[0];
        let among_three = |runner: usize| win(runner) + second_all[runner] + third_all[runner];
        for i in 0..count {
            for j in 0..count {
                out[i * count + j] = if i == j {
                    0.0
                } else {
                    let early =
                        win(i) + second_all[i] - second_given[j][i] + third_all[i] - third_given[j][i];
                    let both =
                        second_given[i][j] + second_given[j][i] + third_given[i][j] + third_given[j][i];
                    let neither = (1.0 - among_three(i) - among_three(j) + both).max(0.0);
                    let weights = &self.weights[3];
                    early + neither * weights[i] / (weights[i] + weights[j])
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIN: [f64; 6] = [0.36, 0.22, 0.16, 0.11, 0.09, 0.06];

    /// Every order of finish with its probability, by the definition.
    fn orders(model: &SequentialModel) -> Vec<(Vec<usize>, f64)> {
        let powers = [1.0, model.exponents.second, model.exponents.third];
        let mut orders = vec![(Vec::new(), 1.0)];
        for position in 0..model.count {
            let power = powers.get(position).copied().unwrap_or(model.exponents.later);
            orders = orders
                .into_iter()
                .flat_map(|(order, probability): (Vec<usize>, f64)| {
                    let left: Vec<usize> =
                        (0..model.count).filter(|runner| !order.contains(runner)).collect();
                    let sum: f64 = left.iter().map(|&runner| WIN[runner].powf(power)).sum();
                    left.into_iter().map(move |runner| {
                        let next = order.iter().copied().chain([runner]).collect();
                        (next, probability * WIN[runner].powf(power) / sum)
                    })
                })
                .collect();
        }
        orders
    }

    #[test]
    fn sums_agree_with_every_order_of_finish() {
        let exponents = Exponents { second: 0.81, third: 0.65, later: 0.4 };
        for exponents in [Exponents::HARVILLE, Exponents::NORMAL, exponents] {
            let model = SequentialModel::new(&WIN, exponents).unwrap();
            let orders = orders(&model);
            let sum = |fits: &dyn Fn(&[usize]) -> bool| -> f64 {
                orders.iter().filter(|(order, _)| fits(order)).map(|(_, probability)| probability).sum()
            };
            let mut positions = [[0.0; POSITIONS]; 6];
            model.fill_positions(&mut positions);
            let (mut exactas, mut ahead, mut trifectas) = ([0.0; 36], [0.0; 36], [0.0; 216]);
            model.fill_exactas(&mut exactas);
            model.fill_ahead(&mut ahead);
            model.fill_trifectas(&mut trifectas);
            for i in 0..6 {
                for position in 0..POSITIONS {
                    let exact = sum(&|order| order[position] == i);
                    assert!((positions[i][position] - exact).abs() < 1e-14);
                }
                for j in (0..6).filter(|&j| j != i) {
                    let place =
                        |order: &[usize], runner| order.iter().position(|&other| other == runner).unwrap();
                    assert!(
                        (ahead[i * 6 + j] - sum(&|order| place(order, i) < place(order, j))).abs() < 1e-14
                    );
                    assert!((exactas[i * 6 + j] - sum(&|order| order[..2] == [i, j])).abs() < 1e-14);
                    for k in (0..6).filter(|&k| k != i && k != j) {
                        let exact = sum(&|order| order[..3] == [i, j, k]);
                        assert!((trifectas[(i * 6 + j) * 6 + k] - exact).abs() < 1e-14);
                        assert!((model.trifecta(i, j, k) - exact).abs() < 1e-14);
                    }
                }
            }
        }
    }

    #[test]
    fn a_near_certainty_leaves_the_others_exact() {
        let win = [1.0 - 3e-9, 1e-9, 1e-9, 1e-9];
        let model = SequentialModel::new(&win, Exponents::HARVILLE).unwrap();
        let mut positions = [[0.0; POSITIONS]; 4];
        model.fill_positions(&mut positions);
        for row in &positions[1..] {
            for (position, &probability) in row.iter().enumerate().skip(1) {
                assert!((probability - 1.0 / 3.0).abs() < 1e-8, "{position}: {probability}");
            }
        }
        assert!(positions[0][1] < 4e-9);
    }

    #[test]
    fn bad_input_is_named() {
        let new = |win: &[f64], exponents| SequentialModel::new(win, exponents).unwrap_err().to_string();
        assert_eq!(new(&[1.0], Exponents::HARVILLE), "1 runners are outside 2..=40");
        assert_eq!(
            new(&[0.5, 0.6], Exponents::HARVILLE),
            "win probabilities sum to 1.1, not to 1 within 1e-9"
        );
        assert_eq!(
            new(&[0.0, 1.0], Exponents::HARVILLE),
            "win probability 0 of runner 0 is outside 0.000000001..1"
        );
        let wild = Exponents { third: f64::NAN, ..Exponents::HARVILLE };
        assert_eq!(new(&[0.5, 0.5], wild), "exponent third NaN is outside 0..=2");
    }
}
