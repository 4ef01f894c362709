//! Shin's method, by Newton instead of the usual fixed-point iteration, whose cost grows without bound as
//! the margin shrinks.

use super::{Book, MarginError, MarginMethod, check_inside};
use crate::root::{decreasing_root, halley_step, newton_step};

/// Writes Shin's probabilities and returns the insider share `z`.
pub(super) fn remove(book: &Book, out: &mut [f64]) -> Result<f64, MarginError> {
    book.check_over_round(book.sum, book.target)?;
    if let ([first, second], 1.0) = (book.input, book.target) {
        return Ok(remove_two_way(*first, *second, out));
    }
    // One place is a market of its own: inverse odds pi/k, booksum B/k, probabilities p/k.
    let target = book.target;
    let booksum = (book.sum / target).max(1.0);
    let square_scale = 1.0 / (target * book.sum);
    let root_booksum = booksum.sqrt();
    let solved = decreasing_root(
        first_guess(book, root_booksum),
        -f64::MIN_POSITIVE,
        1.0,
        book.tolerance() / target,
        |z| {
            let (mut sum, mut descent) = (0.0, 0.0);
            for (result, &value) in out.iter_mut().zip(book.input) {
                let a = value * value * square_scale;
                let d = (z * z + 4.0 * (1.0 - z) * a).sqrt();
                let inverse = 1.0 / (d * (d + z));
                // The textbook numerator d - z cancels for longshots; 2a/(d+z) is the same number.
                let q = 2.0 * a * d * inverse;
                sum += q;
                descent += q * (d + z - 2.0 * a) * inverse;
                *result = target * q;
            }
            (sum - 1.0, descent)
        },
        newton_step,
    );
    let z = solved.map_err(|residual| MarginError::NotSolved { method: MarginMethod::Shin, residual })?;
    check_inside(MarginMethod::Shin, out)?;
    Ok(z)
}

/// Halley's step from z = 0, where no square root per selection is needed.
fn first_guess(book: &Book, root_booksum: f64) -> f64 {
    let count = book.input.len() as f64;
    let mut odds_sum = 0.0;
    for value in book.input {
        odds_sum += 1.0 / value;
    }
    let first = 0.5 * (root_booksum - count);
    let second = 0.25 * (root_booksum * book.target * odds_sum - 4.0 * count + 3.0 * root_booksum);
    halley_step(root_booksum - 1.0, first, second).max(0.0)
}

/// Two selections: the probabilities are those of the additive method, in closed form.
fn remove_two_way(first: f64, second: f64, out: &mut [f64]) -> f64 {
    let difference = first - second;
    let booksum = first + second;
    out[0] = 0.5 * (1.0 + difference);
    out[1] = 0.5 * (1.0 - difference);
    let square = difference * difference;
    ((booksum - 1.0) * (booksum - square)) / (booksum * (1.0 - square))
}

/// Writes `pi = y * sum(y)` with `y = sqrt(z p + (1-z) p^2)` (per place: p/k and pi/k).
pub(super) fn apply(book: &Book, out: &mut [f64]) -> Result<(), MarginError> {
    book.check_over_round(book.target, book.sum)?;
    let scale = 1.0 / book.sum;
    let root_booksum = (book.target * scale).max(1.0).sqrt();
    let count = book.input.len() as f64;
    let start = 2.0 * (root_booksum - 1.0) / (count - 1.0);
    let mut sum = 0.0;
    let solved = decreasing_root(
        start,
        -f64::MIN_POSITIVE,
        1.0 + f64::EPSILON,
        0.25 * book.tolerance(),
        |z| {
            sum = 0.0;
            let mut slope = 0.0;
            for (result, &value) in out.iter_mut().zip(book.input) {
                let q = value * scale;
                let square = q * q;
                let y = (z * q + (1.0 - z) * square).sqrt();
                sum += y;
                slope += (q - square) / y;
                *result = y;
            }
            (root_booksum - sum, 0.5 * slope)
        },
        newton_step,
    );
    if let Err(residual) = solved {
        return Err(unreachable_or_unsolved(book, residual));
    }
    for result in out.iter_mut() {
        *result *= sum * book.sum;
    }
    check_inside(MarginMethod::Shin, out)
}

#[cold]
fn unreachable_or_unsolved(book: &Book, residual: f64) -> MarginError {
    let roots: f64 = book.input.iter().map(|p| (p / book.sum).sqrt()).sum();
    let booksum_max = roots * roots * book.sum;
    if book.target >= booksum_max {
        MarginError::BooksumUnreachable { method: MarginMethod::Shin, booksum: book.target, booksum_max }
    } else {
        MarginError::NotSolved { method: MarginMethod::Shin, residual }
    }
}
