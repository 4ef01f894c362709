//! The largest stake that a limit allows: the one function that a max-stake query and acceptance share.

use oddsengine_types::{Grade, STAKE_MINOR_MAX};

use crate::book::{ByGrade, GRADES_MAX, NO_OUTCOME};

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
    steps_max(minima, grades, odds_e4, unit_e9, 1, loss_minor_max)
}

/// The same of a ticket that stakes `stake_minor` on this leg's lines with each step of its stake: the most steps.
///
/// * `unit_e9`: what rides on this leg with each step, in billionths of a minor unit.
#[inline]
pub fn steps_max(
    minima: &ByGrade,
    grades: &[Grade],
    odds_e4: u32,
    unit_e9: u64,
    stake_minor: i64,
    loss_minor_max: i64,
) -> i64 {
    let mut stake_max = STAKE_MINOR_MAX;
    for (&minimum, grade) in minima.iter().zip(grades) {
        if minimum == NO_OUTCOME {
            continue;
        }
        let (numerator, denominator) = grade.return_ratio(odds_e4);
        let one = i128::from(denominator) * i128::from(UNIT_E9);
        let loss_per_stake = i128::from(numerator) * i128::from(unit_e9) - i128::from(stake_minor) * one;
        if loss_per_stake <= 0 {
            continue;
        }
        let room = (i128::from(loss_minor_max) + i128::from(minimum)).max(0);
        stake_max = stake_max.min((room * one / loss_per_stake).min(i128::from(STAKE_MINOR_MAX)) as i64);
    }
    stake_max
}

/// Parts of a minor unit in which losses of several fixtures are added up: whole grades, halves, thirds and quarters of
/// any odds are exact, every other slope is rounded up.
const PARTS: i128 = 12 * 10_000 * UNIT_E9 as i128;

/// How the loss of a fixture grows with a stake on one of its selections: the largest of straight lines, one for every
/// grade the selection can have, and never below zero.
#[derive(Clone, Debug)]
pub struct LossOfStake {
    /// Loss without a stake in minor units, and growth per minor unit of stake in [`PARTS`].
    lines: [(i64, i128); GRADES_MAX],
    line_count: usize,
    /// Where several selections of the fixture are staked on: a line for each way in which they grow together.
    further: Vec<(i64, i128)>,
}

impl LossOfStake {
    /// Arguments as of [`stake_minor_max`]; `loss_minor` is the fixture's loss now.
    pub fn new(
        minima: &ByGrade,
        grades: &[Grade],
        odds_e4: u32,
        unit_e9: u64,
        loss_minor: i64,
    ) -> LossOfStake {
        Self::of_step(minima, grades, odds_e4, unit_e9, 1, loss_minor)
    }

    /// Arguments as of [`steps_max`]: its loss by the steps of a ticket's stake.
    #[inline]
    pub fn of_step(
        minima: &ByGrade,
        grades: &[Grade],
        odds_e4: u32,
        unit_e9: u64,
        stake_minor: i64,
        loss_minor: i64,
    ) -> LossOfStake {
        // Where no outcome is possible the loss stays as it is.
        let (mut lines, mut line_count) = ([(loss_minor, 0); GRADES_MAX], 0);
        for (&minimum, grade) in minima.iter().zip(grades).filter(|(minimum, _)| **minimum != NO_OUTCOME) {
            lines[line_count] = (-minimum, growth_of(*grade, odds_e4, unit_e9, stake_minor));
            line_count += 1;
        }
        LossOfStake { lines, line_count: line_count.max(1), further: Vec::new() }
    }

    /// Of several selections of one fixture: what they add up to, as [`crate::Book::joint_lines`] tells it.
    pub fn of_lines(lines: &[(i64, i128)], loss_minor: i64) -> LossOfStake {
        let further = lines.iter().map(|&(pnl, growth)| (pnl.saturating_neg(), growth)).collect();
        let first = if lines.is_empty() { loss_minor } else { i64::MIN / 4 };
        LossOfStake { lines: [(first, 0); GRADES_MAX], line_count: 1, further }
    }

    /// Loss at a stake and how fast it grows there, in [`PARTS`].
    fn at(&self, stake_minor: i64) -> (i128, i128) {
        let at = |&(loss_minor, growth): &(i64, i128)| {
            (i128::from(loss_minor) * PARTS + i128::from(stake_minor) * growth, growth)
        };
        let lines = self.lines[..self.line_count].iter().chain(&self.further);
        lines.map(at).fold((0, 0), |largest, line| largest.max(line))
    }
}

/// How much a unit of what rides on a selection costs at a grade with each step of a ticket's stake, in [`PARTS`], rounded up.
#[inline]
pub fn growth_of(grade: Grade, odds_e4: u32, unit_e9: u64, stake_minor: i64) -> i128 {
    let (won, refunded, of) = grade.parts();
    let returned = i128::from(won) * i128::from(odds_e4) + i128::from(refunded) * 10_000;
    let all = i128::from(of) * 10_000 * i128::from(UNIT_E9) * i128::from(stake_minor);
    let growth = (returned * i128::from(unit_e9) - all) * 12;
    -(-growth).div_euclid(i128::from(of))
}

/// The most steps of a ticket's stake such that no outcome on which it can cost money falls below `-loss_minor_max`:
/// [`steps_max`] of a ticket with several selections of one fixture.
///
/// * `lines`: the least profit and loss for each growth, as [`crate::Book::joint_lines`] tells it.
pub fn steps_max_of_lines(lines: &[(i64, i128)], loss_minor_max: i64) -> i64 {
    let mut steps_max = STAKE_MINOR_MAX;
    for &(pnl, growth) in lines.iter().filter(|(_, growth)| *growth > 0) {
        let room = (i128::from(loss_minor_max) + i128::from(pnl)).max(0);
        steps_max = steps_max.min((room * PARTS / growth).min(i128::from(STAKE_MINOR_MAX)) as i64);
    }
    steps_max
}

/// The largest stake of a ticket with legs on several fixtures such that the sum of losses over a scope (a competition,
/// a sport, all) is within `loss_minor_max`, or does not grow.
///
/// * `losses`: of the ticket's fixtures in the scope.
/// * `used_minor`: the scope's loss now, all its fixtures together.
///
/// The sum is convex in the stake, so what holds at the largest stake holds at every smaller one, and the tangent at a
/// stake that is too large leads to the next guess, which is never too small.
///
/// ```
/// use oddsengine_risk::{LossOfStake, UNIT_E9, book::NO_OUTCOME, stake_minor_max_together};
/// use oddsengine_types::Grade;
/// let mut minima = [NO_OUTCOME; 8];
/// (minima[0], minima[1]) = (0, 0); // lost, won
/// let leg = LossOfStake::new(&minima, &[Grade::LOST, Grade::WON], 20_000, UNIT_E9, 0);
/// assert_eq!(stake_minor_max_together(&[&leg; 1], 0, 10_000), 10_000);
/// assert_eq!(stake_minor_max_together(&[&leg; 20], 0, 10_000), 500);
/// assert_eq!(stake_minor_max_together(&[&leg; 20], 9_000, 10_000), 50);
/// ```
pub fn stake_minor_max_together(losses: &[&LossOfStake], used_minor: i64, loss_minor_max: i64) -> i64 {
    steps_max_together(losses, used_minor, loss_minor_max, STAKE_MINOR_MAX)
}

/// The same in steps of a ticket's stake, at most `steps_max`.
pub fn steps_max_together(
    losses: &[&LossOfStake],
    used_minor: i64,
    loss_minor_max: i64,
    steps_max: i64,
) -> i64 {
    let sum_at = |stake_minor: i64| {
        let at = losses.iter().map(|loss| loss.at(stake_minor));
        at.fold((0, 0), |(sum, slope), (loss, growth)| (sum + loss, slope + growth))
    };
    let room = i128::from((loss_minor_max - used_minor).max(0)) * PARTS + sum_at(0).0;
    let mut stake_minor = steps_max;
    while stake_minor > 0 {
        let (sum, slope) = sum_at(stake_minor);
        if sum <= room {
            break;
        }
        // The sum is above what it is without a stake, so it grows here.
        debug_assert!(slope > 0);
        let too_much = -(room - sum).div_euclid(slope.max(1));
        stake_minor -= too_much.min(i128::from(stake_minor)) as i64;
    }
    stake_minor
}

/// What rides on a leg of a ticket: the stake times the other legs' expected returns, rounded down.
pub fn unit_minor(stake_minor: i64, unit_e9: u64) -> i64 {
    (i128::from(stake_minor) * i128::from(unit_e9) / i128::from(UNIT_E9))
        .min(i128::from(oddsengine_types::MONEY_MINOR_MAX)) as i64
}
