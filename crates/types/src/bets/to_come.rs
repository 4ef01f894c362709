//! "Any to come" bets: up to so many units of what one line returns are staked on another line, the rest is kept.

use crate::bounds::BoundsError;

use super::plan::{PLAN_LEGS_MAX, Parts};
use super::returns::LegReturn;
use super::wide::{Number, Wide};

/// Most such lines of one ticket.
pub const TO_COME_MAX: usize = 400;

/// How an each-way line runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[repr(u8)]
pub enum ToComeFormula {
    /// Win to win and place to place, each up to the units carried.
    WinPlace = 0,
    /// What runs on of both parts is staked half and half: the default.
    #[default]
    EquallyDivided = 1,
    /// What runs on of both parts goes to win first, up to the units carried, and the rest for a place.
    WinFirst = 2,
}

/// A line whose return, up to `carried` units, is staked on a second one: stakes about, round the clock, laps.
///
/// With a first return `r` a unit and `c` carried it returns `r - min(r, c) + min(r, c) x (return of the second)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ToCome {
    /// Legs of the first line, by bit.
    pub first: u64,
    /// Legs of the second, by bit; none of the first.
    pub second: u64,
    /// Half units carried at most: 2 is one unit, "single stakes".
    pub carried_halves: u8,
    /// Stake of the line in quarter units: 4 is one unit.
    pub quarters: u8,
    /// Parts of the legs: each-way, or to win, or for a place.
    pub parts: Parts,
}

impl ToCome {
    /// Whether it is a line of a ticket of `leg_count` legs.
    ///
    /// # Errors
    /// Legs that the ticket does not have, no leg in one of the lines, a leg in both, or nothing carried or staked.
    pub fn check(&self, leg_count: usize) -> Result<(), BoundsError> {
        let all = self.first | self.second;
        if leg_count > PLAN_LEGS_MAX || all >> leg_count != 0 {
            return Err(BoundsError::new(format!(
                "legs {all:#b} are outside the {leg_count} legs of their ticket"
            )));
        }
        if self.first == 0 || self.second == 0 || self.first & self.second != 0 {
            let text =
                format!("lines {:#b} and {:#b} are not two of different legs", self.first, self.second);
            return Err(BoundsError::new(text));
        }
        for (what, value) in [("half units carried", self.carried_halves), ("quarter units", self.quarters)] {
            if !(1..=16).contains(&value) {
                return Err(BoundsError::outside(what, value, 1, 16));
            }
        }
        Ok(())
    }
}

type Number68 = Wide<68>;

/// What such lines return per unit, exactly: limbs of a numerator and of a denominator, as [`super::payout_exact`] gives them.
///
/// # Panics
/// A leg that is not there.
pub fn to_come_exact(
    lines: &[ToCome],
    returns: &[LegReturn],
    formula: ToComeFormula,
) -> (Vec<u64>, Vec<u64>) {
    let mut sum = Number68::ZERO;
    for line in lines {
        let (first, second) = (Line::new(line.first, returns), Line::new(line.second, returns));
        // Over the legs' denominators, 2 for half units carried, 2 for half and half, and 4 for quarter units.
        let carried = first.of.times(u64::from(line.carried_halves));
        let run = |part: Number68| {
            let whole = part.times(2);
            let running = if whole.compare(carried).is_gt() { carried } else { whole };
            (running, whole.minus(running))
        };
        let kept_and = |kept: Number68, run_on: Number68| kept.by(second.of).times(2).plus(run_on);
        let value = match line.parts {
            Parts::Win | Parts::Place => {
                let is_win = line.parts == Parts::Win;
                let (running, kept) = run(if is_win { first.win } else { first.place });
                kept_and(kept, running.by(if is_win { second.win } else { second.place }).times(2))
            }
            Parts::EachWay | Parts::EquallyDivided => {
                let ((win, win_kept), (place, place_kept)) = (run(first.win), run(first.place));
                let total = win.plus(place);
                let run_on = match formula {
                    ToComeFormula::WinPlace => win.by(second.win).plus(place.by(second.place)).times(2),
                    ToComeFormula::EquallyDivided => total.by(second.win.plus(second.place)),
                    ToComeFormula::WinFirst => {
                        let to_win = if total.compare(carried).is_gt() { carried } else { total };
                        to_win.by(second.win).plus(total.minus(to_win).by(second.place)).times(2)
                    }
                };
                kept_and(win_kept.plus(place_kept), run_on)
            }
        };
        let others =
            returns.iter().enumerate().filter(|(place, _)| (line.first | line.second) >> place & 1 == 0);
        let value = others.fold(value, |value, (_, leg)| value.times(leg.of));
        sum = sum.plus(value.times(u64::from(line.quarters)));
    }
    let denominator = returns.iter().fold(Number68::ONE.times(16), |product, leg| product.times(leg.of));
    (sum.limbs(), denominator.limbs())
}

struct Line {
    win: Number68,
    place: Number68,
    of: Number68,
}

impl Line {
    fn new(mask: u64, returns: &[LegReturn]) -> Self {
        let one = Number68::ONE;
        let legs = returns.iter().enumerate().filter(|(place, _)| mask >> place & 1 == 1);
        legs.fold(Self { win: one, place: one, of: one }, |line, (_, leg)| Self {
            win: line.win.times(leg.win),
            place: line.place.times(leg.place),
            of: line.of.times(leg.of),
        })
    }
}
