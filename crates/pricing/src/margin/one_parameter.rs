//! Power, odds ratio and goto: one free number, found by Halley's steps that start from the free evaluation at
//! the given book.

use super::equation::{Books, Equation, Search, Solved, root};
use crate::lanes::{exp, log};
use crate::root::{RESIDUAL_MAX, halley_step};

/// `value^t` with `t` such that the sum meets the target; returns `t`. `logs` is as long as the book.
#[inline(always)]
pub(super) fn power<const LANES: usize>(
    books: &Books<LANES>,
    search: Search,
    logs: &mut [[f64; LANES]],
    out: &mut [[f64; LANES]],
) -> Solved<LANES> {
    let logs = &mut logs[..books.input.len()];
    for (log_of, value) in logs.iter_mut().zip(books.input) {
        *log_of = books.each(|lane| log(value[lane]));
    }
    root(&mut Power { books, logs }, books.tolerance(), search, out).only_inside(books, out)
}

/// ln(sum of value^t / target) = 0, which is convex and decreasing in t.
struct Power<'a, const LANES: usize> {
    books: &'a Books<'a, LANES>,
    logs: &'a [[f64; LANES]],
}

impl<const LANES: usize> Power<'_, LANES> {
    /// Halley's step for the logarithm of the sum, from the results at the current exponent.
    #[inline(always)]
    fn residual_and_step(&self, results: &[[f64; LANES]]) -> ([f64; LANES], [f64; LANES]) {
        let (mut sum, mut first, mut second) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
        for (result, log_of) in results.iter().zip(self.logs) {
            for lane in self.books.lanes() {
                let slope = result[lane] * log_of[lane];
                sum[lane] += result[lane];
                first[lane] += slope;
                second[lane] += slope * log_of[lane];
            }
        }
        let target = self.books.target;
        let residual = self.books.each(|lane| sum[lane] - target[lane]);
        let step = self.books.each(|lane| {
            let newton = -log_of_ratio(residual[lane], target[lane]) * sum[lane] / first[lane];
            let half_bend = 0.5 * newton * (second[lane] / first[lane] - first[lane] / sum[lane]);
            newton / if half_bend > -0.5 { 1.0 + half_bend } else { 1.0 }
        });
        (residual, step)
    }
}

impl<const LANES: usize> Equation<LANES> for Power<'_, LANES> {
    const LOW: f64 = 0.0;
    const HIGH: f64 = f64::INFINITY;
    // What Halley's step leaves is of the third order in this.
    const NEAR: f64 = 1e-5;

    #[inline(always)]
    fn lanes(&self) -> std::ops::Range<usize> {
        self.books.lanes()
    }

    #[inline(always)]
    fn start(&mut self) -> [f64; LANES] {
        let (_, step) = self.residual_and_step(self.books.input);
        self.books.each(|lane| 1.0 + step[lane])
    }

    #[inline(always)]
    fn evaluate(&mut self, t: [f64; LANES], out: &mut [[f64; LANES]]) -> ([f64; LANES], [f64; LANES]) {
        // Apart from the sums, whose order is fixed, so that this loop becomes vector instructions for one book too.
        for (result, log_of) in out.iter_mut().zip(self.logs) {
            *result = self.books.each(|lane| exp(t[lane] * log_of[lane]));
        }
        self.residual_and_step(out)
    }

    #[inline(always)]
    fn refine(&mut self, _: [f64; LANES], step: [f64; LANES], out: &mut [[f64; LANES]]) -> [f64; LANES] {
        let mut residual = self.books.each(|lane| -self.books.target[lane]);
        for (result, log_of) in out.iter_mut().zip(self.logs) {
            for lane in self.books.lanes() {
                result[lane] += result[lane] * small_exp_minus_one(step[lane] * log_of[lane]);
                residual[lane] += result[lane];
            }
        }
        residual
    }
}

/// `e^x - 1` for `|x|` below 1e-3, exact to 1e-18.
#[inline(always)]
fn small_exp_minus_one(x: f64) -> f64 {
    x * (1.0 + x * (0.5 + x * (1.0 / 6.0 + x * (1.0 / 24.0))))
}

/// ln((target + residual) / target): a series, good near the root and of the right sign and size elsewhere.
#[inline(always)]
fn log_of_ratio(residual: f64, target: f64) -> f64 {
    let u = residual / (residual + 2.0 * target);
    let square = u * u;
    2.0 * u * (1.0 + square * (1.0 / 3.0 + square * (0.2 + square / 7.0)))
}

/// `value / (value + c (1 - value))` with `c` such that the sum meets the target; returns `c`.
#[inline(always)]
pub(super) fn odds_ratio<const LANES: usize>(
    books: &Books<LANES>,
    search: Search,
    out: &mut [[f64; LANES]],
) -> Solved<LANES> {
    if let ([first, second], Search::Open) = (books.input, search) {
        return odds_ratio_two_way(books, first, second, out);
    }
    root(&mut OddsRatio { books }, books.tolerance(), search, out).only_inside(books, out)
}

/// The sum is convex and decreasing in `c`.
struct OddsRatio<'a, const LANES: usize> {
    books: &'a Books<'a, LANES>,
}

impl<const LANES: usize> Equation<LANES> for OddsRatio<'_, LANES> {
    const LOW: f64 = 0.0;
    const HIGH: f64 = f64::INFINITY;
    const NEAR: f64 = 1e-5;

    #[inline(always)]
    fn lanes(&self) -> std::ops::Range<usize> {
        self.books.lanes()
    }

    /// Halley's step from `c = 1`, where the results are the book itself.
    #[inline(always)]
    fn start(&mut self) -> [f64; LANES] {
        let (mut first, mut half_second) = ([0.0; LANES], [0.0; LANES]);
        for value in self.books.input {
            for lane in self.books.lanes() {
                let rest = 1.0 - value[lane];
                let slope = value[lane] * rest;
                first[lane] -= slope;
                half_second[lane] += slope * rest;
            }
        }
        let residual = |lane: usize| self.books.extent.sum[lane] - self.books.target[lane];
        self.books.each(|lane| 1.0 + halley_step(residual(lane), first[lane], 2.0 * half_second[lane]))
    }

    #[inline(always)]
    fn evaluate(&mut self, c: [f64; LANES], out: &mut [[f64; LANES]]) -> ([f64; LANES], [f64; LANES]) {
        let (mut sum, mut first, mut half_second) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
        for (result, value) in out.iter_mut().zip(self.books.input) {
            for lane in self.books.lanes() {
                let rest = 1.0 - value[lane];
                let inverse = 1.0 / (value[lane] + c[lane] * rest);
                let p = value[lane] * inverse;
                let q = rest * inverse;
                let slope = p * q;
                result[lane] = p;
                sum[lane] += p;
                first[lane] -= slope;
                half_second[lane] += slope * q;
            }
        }
        let residual = self.books.each(|lane| sum[lane] - self.books.target[lane]);
        let step = self.books.each(|lane| halley_step(residual[lane], first[lane], 2.0 * half_second[lane]));
        (residual, step)
    }

    /// A result moves by the factor `1 / (1 + u)` with `u = (1 - p) step / c`.
    #[inline(always)]
    fn refine(&mut self, c: [f64; LANES], step: [f64; LANES], out: &mut [[f64; LANES]]) -> [f64; LANES] {
        let ratio = self.books.each(|lane| step[lane] / c[lane]);
        let mut residual = self.books.each(|lane| -self.books.target[lane]);
        for result in out {
            for lane in self.books.lanes() {
                let u = (1.0 - result[lane]) * ratio[lane];
                result[lane] -= result[lane] * (u * (1.0 - u * (1.0 - u)));
                residual[lane] += result[lane];
            }
        }
        residual
    }
}

/// Two selections `u`, `v` with `s = u (1-v) + v (1-u)`: the positive root of
/// `B (1-u)(1-v) c^2 + (B-1) s c - (2-B) u v = 0`, where `B` is the target.
#[inline(always)]
fn odds_ratio_two_way<const LANES: usize>(
    books: &Books<LANES>,
    first: &[f64; LANES],
    second: &[f64; LANES],
    out: &mut [[f64; LANES]],
) -> Solved<LANES> {
    let c = books.each(|lane| {
        let (u, v, target) = (first[lane], second[lane], books.target[lane]);
        let (rest_u, rest_v) = (1.0 - u, 1.0 - v);
        let a = target * (rest_u * rest_v);
        let b = (target - 1.0) * (u * rest_v + v * rest_u);
        let d = (2.0 - target) * (u * v);
        let root = (b * b + 4.0 * a * d).sqrt();
        // Whichever form adds numbers of one sign.
        if b >= 0.0 { 2.0 * d / (b + root) } else { (root - b) / (2.0 * a) }
    });
    let mut residual = books.each(|lane| -books.target[lane]);
    for (result, value) in out.iter_mut().zip(books.input) {
        *result = books.each(|lane| value[lane] / (value[lane] + c[lane] * (1.0 - value[lane])));
        residual = books.each(|lane| residual[lane] + result[lane]);
    }
    // Products of the smallest numbers there are may vanish; the search then does it.
    let is_solved = residual.map(|residual| residual.abs() <= RESIDUAL_MAX);
    Solved { parameter: c, is_solved, residual }.only_inside(books, out)
}

/// The inverse of [`super::closed::goto_removed`]: `pi = p + s u` where `u = sqrt(1 - pi)` solves `u^2 + s u = 1 - p`.
#[inline(always)]
pub(super) fn goto_applied<const LANES: usize>(
    books: &Books<LANES>,
    search: Search,
    out: &mut [[f64; LANES]],
) -> Solved<LANES> {
    let solved = root(&mut Goto { books }, books.tolerance(), search, out).only_inside(books, out);
    solved.only(|lane| books.is_at_most_target(lane))
}

struct Goto<'a, const LANES: usize> {
    books: &'a Books<'a, LANES>,
}

impl<const LANES: usize> Equation<LANES> for Goto<'_, LANES> {
    const LOW: f64 = -f64::MIN_POSITIVE;
    const HIGH: f64 = f64::INFINITY;
    const NEAR: f64 = 1e-9;

    #[inline(always)]
    fn lanes(&self) -> std::ops::Range<usize> {
        self.books.lanes()
    }

    #[inline(always)]
    fn start(&mut self) -> [f64; LANES] {
        [0.0; LANES]
    }

    #[inline(always)]
    fn evaluate(&mut self, s: [f64; LANES], out: &mut [[f64; LANES]]) -> ([f64; LANES], [f64; LANES]) {
        let (mut sum, mut descent) = ([0.0; LANES], [0.0; LANES]);
        for (result, value) in out.iter_mut().zip(self.books.input) {
            for lane in self.books.lanes() {
                let rest = 1.0 - value[lane];
                let u = 2.0 * rest / (s[lane] + (s[lane] * s[lane] + 4.0 * rest).sqrt());
                result[lane] = value[lane] + s[lane] * u;
                sum[lane] += result[lane];
                descent[lane] += 2.0 * u * u / (2.0 * u + s[lane]);
            }
        }
        let residual = self.books.each(|lane| self.books.target[lane] - sum[lane]);
        (residual, self.books.each(|lane| residual[lane] / descent[lane]))
    }

    #[inline(always)]
    fn refine(&mut self, s: [f64; LANES], step: [f64; LANES], out: &mut [[f64; LANES]]) -> [f64; LANES] {
        self.evaluate(self.books.each(|lane| s[lane] + step[lane]), out).0
    }
}
