//! The largest stake that a limit allows: the one function that a max-stake query and acceptance share.

use oddsengine_types::{Grade, STAKE_MINOR_MAX};

use crate::book::{ByGrade, NO_OUTCOME};

/// Expected returns of an accumulator's other legs in billionths; for a single.
pub const UNIT_E9: u64 = 1_000_000_000;

/// The largest stake such that no outcome on which the bet can cost money falls below `-loss_minor_max`.
///
/// * `minima`: the least profit and loss over the outcomes at which the selection has each grade.
/// * `grades`: the template's grades, by the same index.
/// * `unit_e9`: what rides on this leg per unit of stake, in billionths ([`UNIT_E9`] for a single).
///
/// Outcomes on which the bet makes the book better never bind, so a bet that only reduces risk is never refused,
/// however deep the book is in the red elsewhere.
///
/// For one selection with profit and loss `P` where it wins this is `(limit + P) / (odds - 1)`, QUANT "single".
///
/// ```
/// use oddsengine_risk::{UNIT_E9, book::NO_OUTCOME, stake_minor_max};
/// use oddsengine_types::Grade;
/// let mut minima = [NO_OUTCOME; 8];
/// (minima[0], minima[1]) = (35_000, -80_000); // lost, won
/// assert_eq!(stake_minor_max(&minima, &[Grade::LOST, Grade::WON], 26_000, UNIT_E9, 250_000), 106_250);
/// ```
pub fn stake_minor_max(
    minima: &ByGrade,
    grades: &[Grade],
    odds_e4: u32,
    unit_e9: u64,
    loss_minor_max: i64,
) -> i64 {
    let mut stake_max = STAKE_MINOR_MAX;
    for (&minimum, grade) in minima.iter().zip(grades) {
        if minimum == NO_OUTCOME {
            continue;
        }
        let (numerator, denominator) = grade.return_ratio(odds_e4);
        let one = i128::from(denominator) * i128::from(UNIT_E9);
        let loss_per_stake = i128::from(numerator) * i128::from(unit_e9) - one;
        if loss_per_stake <= 0 {
            continue;
        }
        let room = (i128::from(loss_minor_max) + i128::from(minimum)).max(0);
        stake_max = stake_max.min((room * one / loss_per_stake).min(i128::from(STAKE_MINOR_MAX)) as i64);
    }
    stake_max
}

/// What rides on a leg of a ticket: the stake times the other legs' expected returns, rounded down.
pub fn unit_minor(stake_minor: i64, unit_e9: u64) -> i64 {
    (i128::from(stake_minor) * i128::from(unit_e9) / i128::from(UNIT_E9))
        .min(i128::from(oddsengine_types::MONEY_MINOR_MAX)) as i64
}
