//! The Jensen-Shannon method: fair and offered probability of every selection, seen as a two-way lottery, are
//! equally far apart.
//!
//! With `m` the mean of both and `w` half their difference, the divergence is
//! `(m g(w/m) + (1-m) g(w/(1-m))) / 2` with `g(u) = (1+u) ln(1+u) + (1-u) ln(1-u)`. `g` is `u^2 + u^4/6 + ...`, so
//! nothing cancels for close probabilities, where the textbook entropies lose half the digits.

use super::equation::Books;
use super::{MarginError, MarginMethod, check_inside, error};
use crate::root::{decreasing_root, newton_step};

/// Moves every selection by the same distance, down if the sum is above the target, else up; returns the
/// distance, negative when up.
pub(super) fn shift(book: &Books<1>, out: &mut [f64]) -> Result<f64, MarginError> {
    let (input, [sum_before], [target]) = (book.input.as_flattened(), book.extent.sum, book.target);
    if book.is_at_least_target(0) && book.is_at_most_target(0) {
        out.copy_from_slice(input);
        return Ok(0.0);
    }
    let side = if sum_before > target { Side::Down } else { Side::Up };
    // The first selection to reach 0 or 1 bounds the distance.
    let (end_index, distance_max) = side.farthest(input);
    let mut root_variances = 0.0;
    for &value in input {
        root_variances += (8.0 * value * (1.0 - value)).sqrt();
    }
    let start = (sum_before - target).abs() / root_variances;
    let mut distance_before = 0.0;
    let evaluate = |distance: f64| {
        let (mut sum, mut slope) = (0.0, 0.0);
        let ratio = distance / distance_before;
        for (result, &value) in out.iter_mut().zip(input) {
            // Near the root the moves are nearly in proportion to the distance.
            let start = match distance_before > 0.0 {
                true => (*result - value).abs() * ratio,
                false => distance * (8.0 * value * (1.0 - value)).sqrt(),
            };
            let (moved, moved_slope) = side.moved(value, distance, start);
            *result = moved;
            sum += moved;
            slope += moved_slope;
        }
        distance_before = distance;
        let residual = if side == Side::Down { sum - target } else { target - sum };
        (residual, slope)
    };
    let solved = decreasing_root(start, 0.0, distance_max, book.tolerance(), evaluate, newton_step);
    match solved {
        Ok(distance) => {
            check_inside(MarginMethod::JensenShannon, out)?;
            Ok(if side == Side::Down { distance } else { -distance })
        }
        Err(residual) if residual > 0.0 => {
            Err(error::left(MarginMethod::JensenShannon, end_index, side.end()))
        }
        Err(residual) => Err(MarginError::NotSolved { method: MarginMethod::JensenShannon, residual }),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Down,
    Up,
}

impl Side {
    fn end(self) -> f64 {
        if self == Side::Down { 0.0 } else { 1.0 }
    }

    fn farthest(self, input: &[f64]) -> (usize, f64) {
        let mut nearest = (0, f64::INFINITY);
        for (index, &value) in input.iter().enumerate() {
            let distance = divergence(value, (self.end() - value).abs(), self).0.sqrt();
            if distance < nearest.1 {
                nearest = (index, distance);
            }
        }
        nearest
    }

    /// The probability at this distance from `value`, and how far it moves per unit of distance; `start` is a guess at the
    /// move.
    fn moved(self, value: f64, distance: f64, start: f64) -> (f64, f64) {
        let far = (self.end() - value).abs();
        let mut slope = 0.0;
        let evaluate = |move_by: f64| {
            let (squared, squared_slope) = divergence(value, move_by, self);
            let root = squared.sqrt();
            slope = 2.0 * root / squared_slope;
            (distance - root, slope)
        };
        let found = decreasing_root(start, 0.0, far, 1e-17, evaluate, |residual, slope| residual * slope);
        // A failed inner search leaves NaN, which the outer one reports as not solved.
        let move_by = found.unwrap_or(f64::NAN);
        (if self == Side::Down { value - move_by } else { value + move_by }, slope)
    }
}

/// Jensen-Shannon divergence in nats between `value` and `value -/+ move_by`, and its slope in `move_by`.
fn divergence(value: f64, move_by: f64, side: Side) -> (f64, f64) {
    // Near is the mass the move approaches (the probability itself when moving down).
    let near = if side == Side::Down { value } else { 1.0 - value };
    let half = 0.5 * move_by;
    let near_mean = near - half;
    let far_mean = 1.0 - near_mean;
    let near_ratio = (half / near_mean).min(1.0);
    let far_ratio = half / far_mean;
    let squared = 0.5 * (near_mean * entropy_gap(near_ratio) + far_mean * entropy_gap(far_ratio));
    let slope = 0.5 * (libm::log1p(far_ratio) - libm::log1p(-near_ratio));
    (squared, slope)
}

/// `(1+u) ln(1+u) + (1-u) ln(1-u)` for u in 0..=1.
fn entropy_gap(u: f64) -> f64 {
    if u >= 1.0 {
        return 2.0 * std::f64::consts::LN_2;
    }
    if u > 0.1 {
        return (1.0 + u) * libm::log1p(u) + (1.0 - u) * libm::log1p(-u);
    }
    // sum of u^(2j) / (j (2j-1)); nine terms leave 1e-19 at u = 0.1.
    let square = u * u;
    let mut sum = 0.0;
    for j in (1..=9).rev() {
        let j = f64::from(j);
        sum = square * (sum + 1.0 / (j * (2.0 * j - 1.0)));
    }
    sum
}
