//! The methods that need no search.

use super::equation::{Books, Solved};

/// `value * target / sum`; returns the factor.
#[inline(always)]
pub(super) fn multiplicative<const LANES: usize>(
    books: &Books<LANES>,
    out: &mut [[f64; LANES]],
) -> Solved<LANES> {
    let factor = factor(books);
    Solved::increasing(books, factor, out, |value, lane| value * factor[lane])
}

/// What [`multiplicative`] multiplies by.
#[inline(always)]
pub(super) fn factor<const LANES: usize>(books: &Books<LANES>) -> [f64; LANES] {
    books.each(|lane| books.target[lane] / books.extent.sum[lane])
}

/// `value - (sum - target) / n`; returns the amount taken away.
#[inline(always)]
pub(super) fn additive<const LANES: usize>(books: &Books<LANES>, out: &mut [[f64; LANES]]) -> Solved<LANES> {
    let count = books.input.len() as f64;
    let amount = books.each(|lane| (books.extent.sum[lane] - books.target[lane]) / count);
    Solved::increasing(books, amount, out, |value, lane| value - amount[lane])
}

/// `(pi - z) / (1 - z)` with `z = (B - k) / (n - k)`; returns `z`.
#[inline(always)]
pub(super) fn balanced_book_removed<const LANES: usize>(
    books: &Books<LANES>,
    out: &mut [[f64; LANES]],
) -> Solved<LANES> {
    let count = books.input.len() as f64;
    let z = books.each(|lane| (books.extent.sum[lane] - books.target[lane]) / (count - books.target[lane]));
    let solved = Solved::increasing(books, z, out, |value, lane| (value - z[lane]) / (1.0 - z[lane]));
    solved.only(|lane| books.is_at_least_target(lane))
}

/// The inverse of [`balanced_book_removed`]: `p (1 - z) + z`.
#[inline(always)]
pub(super) fn balanced_book_applied<const LANES: usize>(
    books: &Books<LANES>,
    out: &mut [[f64; LANES]],
) -> Solved<LANES> {
    let count = books.input.len() as f64;
    let sum = books.extent.sum;
    let z = books.each(|lane| (books.target[lane] - sum[lane]) / (count - sum[lane]));
    let solved = Solved::increasing(books, z, out, |value, lane| value * (1.0 - z[lane]) + z[lane]);
    solved.only(|lane| books.is_at_most_target(lane))
}

/// `pi - s sqrt(1 - pi)`; returns `s`.
#[inline(always)]
pub(super) fn goto_removed<const LANES: usize>(
    books: &Books<LANES>,
    out: &mut [[f64; LANES]],
) -> Solved<LANES> {
    let mut roots = [0.0; LANES];
    for (result, value) in out.iter_mut().zip(books.input) {
        *result = books.each(|lane| (1.0 - value[lane]).sqrt());
        roots = books.each(|lane| roots[lane] + result[lane]);
    }
    let s = books.each(|lane| (books.extent.sum[lane] - books.target[lane]) / roots[lane]);
    for (result, value) in out.iter_mut().zip(books.input) {
        *result = books.each(|lane| value[lane] - s[lane] * result[lane]);
    }
    Solved::exactly(s, [true; LANES]).only_inside(books, out).only(|lane| books.is_at_least_target(lane))
}
