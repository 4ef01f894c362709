//! Power, odds ratio and goto: one free number, found by Halley or Newton steps that start from the free
//! evaluation at the given book.

use super::{Book, MarginError, MarginMethod, SELECTIONS_MAX, check_inside};
use crate::root::{decreasing_root, halley_step, newton_step};

/// `value^t` with `t` such that the sum meets the target; returns `t`.
pub(super) fn power(book: &Book, out: &mut [f64]) -> Result<f64, MarginError> {
    match book.input.len() {
        0..=8 => power_with(book, &mut [0.0; 8], out),
        9..=128 => power_with(book, &mut [0.0; 128], out),
        _ => power_with(book, &mut [0.0; SELECTIONS_MAX], out),
    }
}

/// Solves ln(sum value^t / target) = 0, which is convex and decreasing in t.
fn power_with(book: &Book, logs: &mut [f64], out: &mut [f64]) -> Result<f64, MarginError> {
    let logs = &mut logs[..book.input.len()];
    let (mut first, mut second, mut log_min) = (0.0, 0.0, 0.0_f64);
    for (log, &value) in logs.iter_mut().zip(book.input) {
        *log = libm::log(value);
        first += value * *log;
        second += value * *log * *log;
        log_min = log_min.min(*log);
    }
    // Every evaluation multiplies the values at hand; small exponents need no call of the exponential.
    out.copy_from_slice(book.input);
    let mut t_of_out = 1.0;
    let target = book.target;
    // Halley's step for ln(sum/target).
    let step = |residual: f64, (first, second): (f64, f64)| {
        let (sum, inverse) = (residual + target, 1.0 / first);
        let newton = -log_of_ratio(residual, target) * sum * inverse;
        let half_bend = 0.5 * newton * (second * inverse - first / sum);
        if half_bend > -0.5 { newton / (1.0 + half_bend) } else { newton }
    };
    let start = 1.0 + step(book.sum - target, (first, second));
    let evaluate = |t: f64| {
        let (mut sum, mut first, mut second) = (0.0, 0.0, 0.0);
        let change = t - t_of_out;
        let is_small = (change * log_min).abs() < EXPONENT_SMALL;
        for (result, &log) in out.iter_mut().zip(logs.iter()) {
            let exponent = change * log;
            let value = *result * if is_small { exp_of_small(exponent) } else { libm::exp(exponent) };
            *result = value;
            sum += value;
            first += value * log;
            second += value * log * log;
        }
        t_of_out = t;
        (sum - target, (first, second))
    };
    decreasing_root(start, 0.0, f64::INFINITY, book.tolerance(), evaluate, step)
        .map_err(|residual| MarginError::NotSolved { method: book.method, residual })
        .and_then(|t| check_inside(book.method, out).map(|()| t))
}

/// Below this exponent the series of [`exp_of_small`] is exact to 2e-17.
const EXPONENT_SMALL: f64 = 5e-3;

fn exp_of_small(x: f64) -> f64 {
    1.0 + x * (1.0 + x * (1.0 / 2.0 + x * (1.0 / 6.0 + x * (1.0 / 24.0 + x * (1.0 / 120.0)))))
}

/// ln((target + residual) / target): a short series near 1, where the solver needs the root and the slopes only.
fn log_of_ratio(residual: f64, target: f64) -> f64 {
    let u = residual / (residual + 2.0 * target);
    let square = u * u;
    if square < 0.1 {
        2.0 * u * (1.0 + square * (1.0 / 3.0 + square * (0.2 + square / 7.0)))
    } else {
        libm::log1p(residual / target)
    }
}

/// `value / (value + c (1 - value))` with `c` such that the sum meets the target; returns `c`.
///
/// The sum is convex and decreasing in `c`.
pub(super) fn odds_ratio(book: &Book, out: &mut [f64]) -> Result<f64, MarginError> {
    if let ([first, second], 1.0) = (book.input, book.target) {
        return Ok(odds_ratio_two_way(*first, *second, out));
    }
    let (mut first, mut second) = (0.0, 0.0);
    for &value in book.input {
        first -= value * (1.0 - value);
        second += 2.0 * value * (1.0 - value) * (1.0 - value);
    }
    let start = 1.0 + halley_step(book.sum - book.target, first, second);
    let evaluate = |c: f64| {
        let (mut sum, mut first, mut second) = (0.0, 0.0, 0.0);
        for (result, &value) in out.iter_mut().zip(book.input) {
            let inverse = 1.0 / (value + c * (1.0 - value));
            let p = value * inverse;
            let q = (1.0 - value) * inverse;
            *result = p;
            sum += p;
            first -= p * q;
            second += 2.0 * p * q * q;
        }
        (sum - book.target, (first, second))
    };
    let step = |residual, (first, second)| halley_step(residual, first, second);
    decreasing_root(start, 0.0, f64::INFINITY, book.tolerance(), evaluate, step)
        .map_err(|residual| MarginError::NotSolved { method: book.method, residual })
        .and_then(|c| check_inside(book.method, out).map(|()| c))
}

/// Two selections that must sum to 1: `c^2` is the product of the odds in favour.
fn odds_ratio_two_way(first: f64, second: f64, out: &mut [f64]) -> f64 {
    let favour_first = first / (1.0 - first);
    let favour_second = second / (1.0 - second);
    let root_first = favour_first.sqrt();
    let root_second = favour_second.sqrt();
    out[0] = root_first / (root_first + root_second);
    out[1] = root_second / (root_first + root_second);
    root_first * root_second
}

/// `pi - s sqrt(1 - pi)`; returns `s`.
pub(super) fn goto_removed(book: &Book, out: &mut [f64]) -> Result<f64, MarginError> {
    book.check_over_round(book.sum, book.target)?;
    let mut roots = 0.0;
    for &value in book.input {
        roots += (1.0 - value).sqrt();
    }
    let s = (book.sum - book.target) / roots;
    for (result, &value) in out.iter_mut().zip(book.input) {
        *result = value - s * (1.0 - value).sqrt();
    }
    check_inside(MarginMethod::Goto, out)?;
    Ok(s)
}

/// The inverse of [`goto_removed`]: `pi = p + s u` where `u = sqrt(1 - pi)` solves `u^2 + s u = 1 - p`.
pub(super) fn goto_applied(book: &Book, out: &mut [f64]) -> Result<(), MarginError> {
    book.check_over_round(book.target, book.sum)?;
    if book.is_level() {
        out.copy_from_slice(book.input);
        return Ok(());
    }
    let evaluate = |s: f64| {
        let (mut sum, mut slope) = (0.0, 0.0);
        for (result, &value) in out.iter_mut().zip(book.input) {
            let u = 2.0 * (1.0 - value) / (s + (s * s + 4.0 * (1.0 - value)).sqrt());
            *result = value + s * u;
            sum += *result;
            slope += 2.0 * u * u / (2.0 * u + s);
        }
        (book.target - sum, slope)
    };
    decreasing_root(0.0, -f64::MIN_POSITIVE, f64::INFINITY, book.tolerance(), evaluate, newton_step)
        .map_err(|residual| MarginError::NotSolved { method: MarginMethod::Goto, residual })?;
    check_inside(MarginMethod::Goto, out)
}
