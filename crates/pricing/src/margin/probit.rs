//! Probit: every selection is a standard normal variable that must fall below a limit, and all limits move by the same
//! amount.
//!
//! Between the odds ratio, whose limits are those of a logistic variable, and the power method: the tails of the normal
//! distribution are thinner than the logistic's, so longshots carry more of the margin than under the odds ratio.

use super::equation::{Books, Equation, Search, Solved, root};
use crate::root::halley_step;
use crate::same_game::{cdf, density, quantile};

/// `cdf(quantile(value) - s)` with `s` such that the sum meets the target; returns `s`. `limits` is as long as the book.
#[inline(always)]
pub(super) fn shift<const LANES: usize>(
    books: &Books<LANES>,
    search: Search,
    limits: &mut [[f64; LANES]],
    out: &mut [[f64; LANES]],
) -> Solved<LANES> {
    let limits = &mut limits[..books.input.len()];
    for (limit, value) in limits.iter_mut().zip(books.input) {
        *limit = books.each(|lane| quantile(value[lane]));
    }
    root(&mut Probit { books, limits }, books.tolerance(), search, out).only_inside(books, out)
}

/// The sum decreases in `s`.
struct Probit<'a, const LANES: usize> {
    books: &'a Books<'a, LANES>,
    limits: &'a [[f64; LANES]],
}

impl<const LANES: usize> Probit<'_, LANES> {
    /// Halley's step from the densities at `s` and the residual there.
    #[inline(always)]
    fn step(&self, s: [f64; LANES], residual: [f64; LANES]) -> [f64; LANES] {
        let (mut first, mut second) = ([0.0; LANES], [0.0; LANES]);
        for limit in self.limits {
            for lane in self.books.lanes() {
                let x = limit[lane] - s[lane];
                let slope = density(x);
                first[lane] -= slope;
                second[lane] -= x * slope;
            }
        }
        self.books.each(|lane| halley_step(residual[lane], first[lane], second[lane]))
    }
}

impl<const LANES: usize> Equation<LANES> for Probit<'_, LANES> {
    const LOW: f64 = -40.0;
    const HIGH: f64 = 40.0;
    const NEAR: f64 = 1e-5;

    #[inline(always)]
    fn lanes(&self) -> std::ops::Range<usize> {
        self.books.lanes()
    }

    /// Halley's step from `s = 0`, where the results are the book itself.
    #[inline(always)]
    fn start(&mut self) -> [f64; LANES] {
        self.step([0.0; LANES], self.books.each(|lane| self.books.extent.sum[lane] - self.books.target[lane]))
    }

    #[inline(always)]
    fn evaluate(&mut self, s: [f64; LANES], out: &mut [[f64; LANES]]) -> ([f64; LANES], [f64; LANES]) {
        let residual = self.refine(s, [0.0; LANES], out);
        (residual, self.step(s, residual))
    }

    #[inline(always)]
    fn refine(&mut self, s: [f64; LANES], step: [f64; LANES], out: &mut [[f64; LANES]]) -> [f64; LANES] {
        let mut residual = self.books.each(|lane| -self.books.target[lane]);
        for (result, limit) in out.iter_mut().zip(self.limits) {
            for lane in self.books.lanes() {
                result[lane] = cdf(limit[lane] - (s[lane] + step[lane]));
                residual[lane] += result[lane];
            }
        }
        residual
    }
}
