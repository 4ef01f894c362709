//! How a tie is decided: two legs, away goals, the shoot-out.

use std::cmp::Ordering;

use super::Side;

/// Kicks a side before sudden death.
pub const KICKS: u8 = 5;

/// What stands between the sides before this match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FirstLeg {
    /// Goals of today's home side in the first leg, which it played away.
    pub home_goals: u8,
    /// Goals of today's away side in the first leg.
    pub away_goals: u8,
    /// More away goals decide a tie on aggregate.
    pub away_goals_rule: bool,
}

oddsengine_types::codec_struct!(FirstLeg { home_goals, away_goals, away_goals_rule });

/// Whether a tie is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A side is through.
    Through(Side),
    /// Level: it goes on.
    Level,
}

impl FirstLeg {
    /// Who is through at a final score of this match, `[home, away]`, extra time included.
    ///
    /// ```
    /// use oddsengine_markets::football::{Decision, FirstLeg, Side};
    /// let first = FirstLeg { home_goals: 1, away_goals: 2, away_goals_rule: true };
    /// assert_eq!(first.decision([1, 0]), Decision::Through(Side::Home)); // 2-2, and one goal away from home
    /// assert_eq!(first.decision([2, 1]), Decision::Level);
    /// ```
    pub fn decision(&self, goals: [u16; 2]) -> Decision {
        let aggregate = [goals[0] + u16::from(self.home_goals), goals[1] + u16::from(self.away_goals)];
        let away = if self.away_goals_rule { [u16::from(self.home_goals), goals[1]] } else { [0, 0] };
        match (aggregate[0], away[0]).cmp(&(aggregate[1], away[1])) {
            Ordering::Greater => Decision::Through(Side::Home),
            Ordering::Less => Decision::Through(Side::Away),
            Ordering::Equal => Decision::Level,
        }
    }
}

/// The side that has won, if the kicks so far decide it: level kicks of a full round never do.
pub fn shootout_winner(scored: [u8; 2], taken: [u8; 2]) -> Option<Side> {
    // Beyond five kicks each, a pair of kicks is a round of its own.
    let rounds = taken[0].max(taken[1]).max(KICKS);
    let left = taken.map(|taken| rounds - taken);
    if scored[0] > scored[1] + left[1] {
        return Some(Side::Home);
    }
    (scored[1] > scored[0] + left[0]).then_some(Side::Away)
}
