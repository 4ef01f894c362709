//! Racing: in which order do the runners finish?
//!
//! | module | question it answers |
//! |---|---|
//! | [`order`] | one face of all models: places, forecasts, tricasts, matches, without a runner |
//! | [`sequential`] | Harville, and Lo–Bacon-Shone with its exponents |
//! | [`henery`] | normal running times: places by counting who is faster, forecasts and tricasts by quadrature |
//! | [`fit`] | which mean running times explain these win probabilities? |
//! | [`each_way`] | what is an each-way bet worth? |
//! | [`calibration`] | which strengths explain the prices of a market? |
//! | [`live_views`] | how likely is every cell of every view, now? |
//!
//! Runners are counted from 0. A probability of winning belongs to a runner that starts; a runner that does not is
//! left out by [`without_withdrawn`] or by [`order::OrderModel::starting`]. All models are continuous in the running
//! times: a dead heat has probability 0, and is a matter of settlement.

pub mod calibration;
pub mod each_way;
mod error;
pub mod fit;
pub mod henery;
pub mod live_views;
mod normal;
pub mod order;
pub mod sequential;
#[cfg(test)]
mod tests;

pub use error::RacingError;
pub use henery::HeneryModel;
pub use live_views::RacingParameters;
pub use order::{ModelKind, OrderModel};
pub use sequential::{Exponents, SequentialModel};

use crate::margin::{self, MarginMethod};

/// Most runners of a race.
pub const RUNNERS_MAX: usize = 40;

/// Finishing positions that are told apart: first to fourth.
pub const POSITIONS: usize = 4;

/// Smallest probability of winning that a model accepts.
pub const WIN_PROBABILITY_MIN: f64 = 1e-9;

/// How far a sum of probabilities may be from 1.
pub(crate) const SUM_TOLERANCE: f64 = 1e-9;

/// Fair probabilities of winning from the odds of a win market; they sum to 1.
///
/// `odds`: decimal, stake included, each above 1; one for every runner that starts, 2 to [`RUNNERS_MAX`].
/// `out`: as long as `odds`. Odds that ask for less than [`WIN_PROBABILITY_MIN`] after the margin is gone are refused.
///
/// # Errors
/// Too few or too many runners, odds of 1 or less, or a margin method that cannot price this book.
///
/// ```
/// use oddsengine_pricing::margin::MarginMethod;
/// use oddsengine_pricing::racing::win_probabilities;
/// let mut win = [0.0; 3];
/// win_probabilities(&[2.0, 3.0, 4.0], MarginMethod::Multiplicative, &mut win)?;
/// assert!((win[0] - 0.461538461538).abs() < 1e-12);
/// # Ok::<(), oddsengine_pricing::racing::RacingError>(())
/// ```
pub fn win_probabilities(odds: &[f64], method: MarginMethod, out: &mut [f64]) -> Result<(), RacingError> {
    check_runner_count(odds.len())?;
    check_output(out.len(), odds.len())?;
    let mut inverse = [0.0; RUNNERS_MAX];
    for (runner, (inverse, &odds)) in inverse.iter_mut().zip(odds).enumerate() {
        if !(odds > 1.0 && odds.is_finite()) {
            return Err(RacingError::Odds { runner, value: odds });
        }
        *inverse = 1.0 / odds;
    }
    margin::remove(method, &inverse[..odds.len()], 1.0, out)?;
    check_win(out)
}

/// Probabilities of winning once some runners do not start: the others' in proportion (Luce's choice axiom).
///
/// `out` has a 0 for every runner that is withdrawn.
///
/// # Errors
/// A probability outside its range, a sum that is not 1, slices of different lengths, or nobody left.
///
/// ```
/// use oddsengine_pricing::racing::without_withdrawn;
/// let mut rest = [0.0; 3];
/// without_withdrawn(&[0.5, 0.3, 0.2], &[true, false, false], &mut rest)?;
/// assert_eq!(rest, [0.0, 0.6, 0.4]);
/// # Ok::<(), oddsengine_pricing::racing::RacingError>(())
/// ```
pub fn without_withdrawn(win: &[f64], withdrawn: &[bool], out: &mut [f64]) -> Result<(), RacingError> {
    check_win(win)?;
    check_output(withdrawn.len(), win.len())?;
    check_output(out.len(), win.len())?;
    let starts = || win.iter().zip(withdrawn).filter(|&(_, &withdrawn)| !withdrawn);
    let starter_count = starts().count();
    if starter_count == 0 {
        return Err(RacingError::outside("number of starters", 0.0, 1.0, win.len() as f64));
    }
    let sum: f64 = starts().map(|(&win, _)| win).sum();
    for ((out, &win), &withdrawn) in out.iter_mut().zip(win).zip(withdrawn) {
        *out = if withdrawn { 0.0 } else { win / sum };
    }
    Ok(())
}

fn check_runner_count(count: usize) -> Result<(), RacingError> {
    if (2..=RUNNERS_MAX).contains(&count) { Ok(()) } else { Err(RacingError::RunnerCount { count }) }
}

fn check_output(count: usize, expected: usize) -> Result<(), RacingError> {
    if count == expected { Ok(()) } else { Err(RacingError::OutputCount { count, expected }) }
}

fn check_runner(runner: usize, count: usize) -> Result<(), RacingError> {
    if runner < count { Ok(()) } else { Err(RacingError::Runner { runner, count }) }
}

/// Probabilities of winning: enough of them, each in its range, summing to 1.
fn check_win(win: &[f64]) -> Result<(), RacingError> {
    check_runner_count(win.len())?;
    for (runner, &value) in win.iter().enumerate() {
        if !(WIN_PROBABILITY_MIN..1.0).contains(&value) {
            return Err(RacingError::WinProbability { runner, value });
        }
    }
    let sum: f64 = win.iter().sum();
    if (sum - 1.0).abs() > SUM_TOLERANCE { Err(RacingError::ProbabilitySum { value: sum }) } else { Ok(()) }
}
