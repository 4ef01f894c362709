//! Shin's method, by Halley's steps instead of the usual fixed-point iteration, whose cost grows without bound as
//! the margin shrinks.
//!
//! A market of `k` places is treated as `k` win markets: inverse odds `pi/k`, booksum `B/k`, probabilities `p/k`.
//! With two selections the probabilities are those of the additive method, for every `k` and in both directions.

use super::equation::{Books, Equation, Search, Solved, root};
use super::{MarginError, MarginMethod, closed};
use crate::root::halley_step;

/// A residual from which one step of first order is exact: what it leaves is the square of this times a curvature
/// that longshots make large.
const NEAR: f64 = 1e-9;

/// Writes Shin's probabilities and returns the insider share `z`. `slopes` is as long as the book.
#[inline(always)]
pub(super) fn remove<const LANES: usize>(
    books: &Books<LANES>,
    search: Search,
    slopes: &mut [[f64; LANES]],
    out: &mut [[f64; LANES]],
) -> Solved<LANES> {
    let solved = if let [first, second] = books.input {
        let z = books.each(|lane| {
            let place = 1.0 / books.target[lane];
            insiders_two_way((first[lane] - second[lane]) * place, books.extent.sum[lane] * place)
        });
        Solved { parameter: z, ..closed::additive(books, out) }
    } else {
        let square_scale = books.each(|lane| 1.0 / (books.target[lane] * books.extent.sum[lane]));
        let slopes = &mut slopes[..books.input.len()];
        let mut equation = Removal { books, square_scale, slopes };
        root(&mut equation, books.tolerance(), search, out).only_inside(books, out)
    };
    solved.only(|lane| books.is_at_least_target(lane))
}

fn insiders_two_way(difference: f64, booksum: f64) -> f64 {
    let square = difference * difference;
    ((booksum - 1.0) * (booksum - square)) / (booksum * (1.0 - square))
}

/// The sum of the probabilities decreases in `z` from the root of the booksum.
struct Removal<'a, const LANES: usize> {
    books: &'a Books<'a, LANES>,
    /// `a = pi^2 / (k B)` is the square of the inverse odds in units of this.
    square_scale: [f64; LANES],
    /// How fast each result falls with `z`.
    slopes: &'a mut [[f64; LANES]],
}

impl<const LANES: usize> Equation<LANES> for Removal<'_, LANES> {
    const LOW: f64 = -f64::MIN_POSITIVE;
    const HIGH: f64 = 1.0;
    const NEAR: f64 = NEAR;

    #[inline(always)]
    fn lanes(&self) -> std::ops::Range<usize> {
        self.books.lanes()
    }

    /// Halley's step from z = 0, where no square root per selection is needed.
    #[inline(always)]
    fn start(&mut self) -> [f64; LANES] {
        let count = self.books.input.len() as f64;
        let odds_sum = odds_sum(self.books);
        self.books.each(|lane| {
            let target = self.books.target[lane];
            let booksum = self.books.extent.sum[lane] / target;
            let root = if booksum > 1.0 { booksum } else { 1.0 }.sqrt();
            let first = 0.5 * (root - count);
            let second = 0.25 * (root * target * odds_sum[lane] - 4.0 * count + 3.0 * root);
            let z = halley_step(root - 1.0, first, second);
            if z > 0.0 { z } else { 0.0 }
        })
    }

    #[inline(always)]
    fn evaluate(&mut self, z: [f64; LANES], out: &mut [[f64; LANES]]) -> ([f64; LANES], [f64; LANES]) {
        let (mut sum, mut first, mut second) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
        for ((result, slope), value) in out.iter_mut().zip(self.slopes.iter_mut()).zip(self.books.input) {
            for lane in self.books.lanes() {
                let (z, target) = (z[lane], self.books.target[lane]);
                let a = value[lane] * value[lane] * self.square_scale[lane];
                let d = (z * z + 4.0 * (1.0 - z) * a).sqrt();
                let s = d + z;
                let inverse = 1.0 / (d * s);
                // The textbook numerator d - z cancels for longshots; 2a/(d+z) is the same number.
                let q = 2.0 * a * d * inverse;
                // q' = -q h and q'' = q h (h (2d+s) - 2) / d.
                let h = (s - 2.0 * a) * inverse;
                let fall = q * h;
                sum[lane] += q;
                first[lane] -= fall;
                second[lane] += fall * (h * (2.0 * d + s) - 2.0) * (s * inverse);
                result[lane] = target * q;
                slope[lane] = target * fall;
            }
        }
        let residual = self.books.each(|lane| self.books.target[lane] * (sum[lane] - 1.0));
        let step = self.books.each(|lane| halley_step(sum[lane] - 1.0, first[lane], second[lane]));
        (residual, step)
    }

    #[inline(always)]
    fn refine(&mut self, _: [f64; LANES], step: [f64; LANES], out: &mut [[f64; LANES]]) -> [f64; LANES] {
        let mut residual = self.books.each(|lane| -self.books.target[lane]);
        for (result, slope) in out.iter_mut().zip(self.slopes.iter()) {
            for lane in self.books.lanes() {
                result[lane] -= slope[lane] * step[lane];
                residual[lane] += result[lane];
            }
        }
        residual
    }
}

#[inline(always)]
fn odds_sum<const LANES: usize>(books: &Books<LANES>) -> [f64; LANES] {
    let mut sum = [0.0; LANES];
    for value in books.input {
        sum = books.each(|lane| sum[lane] + 1.0 / value[lane]);
    }
    sum
}

/// Writes `pi = y * sum(y)` with `y = sqrt(z p + (1-z) p^2)` (per place: p/k and pi/k); returns `z`.
#[inline(always)]
pub(super) fn apply<const LANES: usize>(
    books: &Books<LANES>,
    search: Search,
    slopes: &mut [[f64; LANES]],
    out: &mut [[f64; LANES]],
) -> Solved<LANES> {
    let solved = if let [first, second] = books.input {
        let z = books.each(|lane| {
            let place = 1.0 / books.extent.sum[lane];
            insiders_two_way((first[lane] - second[lane]) * place, books.target[lane] * place)
        });
        Solved { parameter: z, ..closed::additive(books, out) }
    } else {
        let scale = books.each(|lane| 1.0 / books.extent.sum[lane]);
        let root_booksum = books.each(|lane| {
            let booksum = books.target[lane] * scale[lane];
            if booksum > 1.0 { booksum } else { 1.0 }.sqrt()
        });
        let slopes = &mut slopes[..books.input.len()];
        let mut equation = Application { books, scale, root_booksum, slopes };
        let solved = root(&mut equation, 0.25 * books.tolerance(), search, out);
        let mut sum = [0.0; LANES];
        for y in out.iter() {
            sum = books.each(|lane| sum[lane] + y[lane]);
        }
        let factor = books.each(|lane| sum[lane] * books.extent.sum[lane]);
        for result in out.iter_mut() {
            *result = books.each(|lane| result[lane] * factor[lane]);
        }
        solved.only_inside(books, out)
    };
    let z = solved.parameter;
    solved.only(|lane| books.is_at_most_target(lane) & (z[lane] <= 1.0))
}

/// The root of the booksum less the sum of `y` decreases in `z`.
struct Application<'a, const LANES: usize> {
    books: &'a Books<'a, LANES>,
    /// One over the sum of the fair probabilities.
    scale: [f64; LANES],
    root_booksum: [f64; LANES],
    /// Twice how fast each `y` rises with `z`.
    slopes: &'a mut [[f64; LANES]],
}

impl<const LANES: usize> Equation<LANES> for Application<'_, LANES> {
    const LOW: f64 = -f64::MIN_POSITIVE;
    const HIGH: f64 = 1.0 + f64::EPSILON;
    const NEAR: f64 = NEAR;

    #[inline(always)]
    fn lanes(&self) -> std::ops::Range<usize> {
        self.books.lanes()
    }

    /// Halley's step from z = 0, where `y` is the probability itself.
    #[inline(always)]
    fn start(&mut self) -> [f64; LANES] {
        let count = self.books.input.len() as f64;
        let odds_sum = odds_sum(self.books);
        self.books.each(|lane| {
            let first = 0.5 * (count - 1.0);
            let second = -0.25 * (odds_sum[lane] * self.books.extent.sum[lane] - 2.0 * count + 1.0);
            let z = halley_step(1.0 - self.root_booksum[lane], first, second);
            if z > 0.0 { z } else { 0.0 }
        })
    }

    #[inline(always)]
    fn evaluate(&mut self, z: [f64; LANES], out: &mut [[f64; LANES]]) -> ([f64; LANES], [f64; LANES]) {
        let (mut sum, mut twice_first, mut second) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
        for ((result, slope), value) in out.iter_mut().zip(self.slopes.iter_mut()).zip(self.books.input) {
            for lane in self.books.lanes() {
                let q = value[lane] * self.scale[lane];
                let spread = q - q * q;
                let y = (q * q + z[lane] * spread).sqrt();
                let inverse = 1.0 / y;
                let rise = spread * inverse;
                sum[lane] += y;
                twice_first[lane] += rise;
                second[lane] -= rise * rise * inverse;
                result[lane] = y;
                slope[lane] = rise;
            }
        }
        let residual = self.books.each(|lane| self.root_booksum[lane] - sum[lane]);
        let step = self
            .books
            .each(|lane| halley_step(-residual[lane], 0.5 * twice_first[lane], 0.25 * second[lane]));
        (residual, step)
    }

    #[inline(always)]
    fn refine(&mut self, _: [f64; LANES], step: [f64; LANES], out: &mut [[f64; LANES]]) -> [f64; LANES] {
        let mut residual = self.root_booksum;
        for (result, slope) in out.iter_mut().zip(self.slopes.iter()) {
            for lane in self.books.lanes() {
                result[lane] += 0.5 * slope[lane] * step[lane];
                residual[lane] -= result[lane];
            }
        }
        residual
    }
}

/// Says that no share of insiders reaches the booksum, if so.
#[cold]
pub(super) fn check_reachable(books: &Books<1>) -> Result<(), MarginError> {
    let [sum] = books.extent.sum;
    let roots: f64 = books.input.iter().map(|[p]| (p / sum).sqrt()).sum();
    let booksum_max = roots * roots * sum;
    if books.target[0] >= booksum_max {
        let method = MarginMethod::Shin;
        return Err(MarginError::BooksumUnreachable { method, booksum: books.target[0], booksum_max });
    }
    Ok(())
}
