//! Football: goals by half for each side and the order of goals.
//!
//! The outcome space is the goals of each side in each half, and the sequence in which they fell.

mod depth;
mod depth_live;
mod depth_rule;
pub mod depth_template;
mod depth_views;
mod format;
mod knockout;
mod live;
mod rule;
pub mod template;
mod views;

pub use depth::{COUNT_MAX, Credit, FootballDepth, GOALS_MAX, GoalFact, KnownDepth};
pub use depth_live::{DepthIncident, INTERVAL_GRACE_MS};
pub use depth_rule::{DepthRule, PairRule};
pub use depth_views::{
    COUNTS_MAX, CountAxis, CountKind, DepthView, EXTRA_GOALS_MAX, INTERVAL_GOALS_MAX, PLAYER_ABSENT,
    PLAYER_GOALS_MAX, PlayerPart, TieMethod, interval_goals, interval_goals_of, player_part, tie, tie_cell,
};
pub use format::{FIRST_LEG_GOALS_MAX, FootballFormat, Knockout, PLAYERS_MAX};
pub use knockout::{Decision, FirstLeg, KICKS, shootout_winner};
pub use live::{FootballIncident, FootballIncidentKind, FootballState, Period as MatchPeriod};
pub use rule::{Condition, Half, Line, Period, Result3, Rule, Scope};
pub use views::{
    FULL_GOALS_MAX, FootballView, HALF_GOALS_MAX, MAIN_GOALS_MAX, ORDER_CELLS, ORDER_PREFIX,
    compatible_orders, main_cell, main_goals, order_cell, order_of_cell,
};

use oddsengine_types::codec_enum;

/// One of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The side named first.
    Home,
    /// The side named second.
    Away,
}
codec_enum!(Side { 0 = Home, 1 = Away });

impl Side {
    /// Both sides, home first.
    pub const BOTH: [Side; 2] = [Side::Home, Side::Away];

    /// 0 for home, 1 for away.
    #[inline]
    pub fn index(self) -> usize {
        self as usize
    }

    /// The opponent.
    #[inline]
    pub fn other(self) -> Self {
        match self {
            Side::Home => Side::Away,
            Side::Away => Side::Home,
        }
    }

    /// `home` or `away`.
    pub fn name(self) -> &'static str {
        match self {
            Side::Home => "home",
            Side::Away => "away",
        }
    }
}

/// The order in which goals fell; exact for the first 64 goals of a match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GoalOrder {
    /// Bit `i` is set when goal `i` was the away side's.
    pub away_bits: u64,
    /// Number of goals.
    pub count: u16,
}
oddsengine_types::codec_struct!(GoalOrder { away_bits, count });

impl GoalOrder {
    /// The order of these goals.
    pub fn from_sides(sides: impl IntoIterator<Item = Side>) -> Self {
        let mut order = Self::default();
        sides.into_iter().for_each(|side| order.push(side));
        order
    }

    /// Adds a goal.
    pub fn push(&mut self, side: Side) {
        if self.count < 64 && side == Side::Away {
            self.away_bits |= 1 << self.count;
        }
        self.count += 1;
    }

    /// The side that scored goal `index` (zero-based), if it fell.
    #[inline]
    pub fn side(&self, index: u16) -> Option<Side> {
        if index >= self.count {
            return None;
        }
        let bit = index < 64 && self.away_bits >> index & 1 == 1;
        Some(if bit { Side::Away } else { Side::Home })
    }

    /// Takes back the latest goal of a side; `false` if it has none.
    pub fn remove_last(&mut self, side: Side) -> Option<u16> {
        let index = (0..self.count.min(64)).rev().find(|&index| self.side(index) == Some(side))?;
        let below = (1_u64 << index) - 1;
        self.away_bits = (self.away_bits & below) | (self.away_bits >> 1 & !below);
        self.count -= 1;
        Some(index)
    }
}

/// Intervals of ten minutes of the match clock.
pub const INTERVAL_COUNT: usize = 9;

/// The interval of ten minutes, 0..=8, that a goal belongs to; added time belongs to the one in which its half ends.
pub fn goal_interval(is_first_half: bool, clock_ms: i64) -> usize {
    const INTERVAL_MS: i64 = 600_000;
    let last = if is_first_half { 4 } else { INTERVAL_COUNT as i64 - 1 };
    let first = if is_first_half { 0 } else { 4 };
    (clock_ms / INTERVAL_MS).clamp(first, last) as usize
}

/// How a match ended, or one way it could.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FootballOutcome {
    /// Goals by half, then side.
    pub goals: [[u16; 2]; 2],
    /// Their order.
    pub order: GoalOrder,
    /// What happened beside the score.
    pub depth: FootballDepth,
}

/// Goals of (home, away) in a period, from goals by half, then side.
#[inline]
pub fn score_of([first, second]: [[u16; 2]; 2], period: Period) -> (u16, u16) {
    match period {
        Period::Match => (first[0] + second[0], first[1] + second[1]),
        Period::FirstHalf => (first[0], first[1]),
        Period::SecondHalf => (second[0], second[1]),
    }
}

impl FootballOutcome {
    /// Goals by half, then side, and their order; nothing else has happened.
    pub fn new(goals: [[u16; 2]; 2], order: GoalOrder) -> Self {
        Self { goals, order, depth: FootballDepth::default() }
    }

    /// An outcome with these goals in the first and second half; within a half the home side's come first.
    ///
    /// ```
    /// use oddsengine_markets::football::{FootballOutcome, Period};
    /// let outcome = FootballOutcome::from_halves([1, 0], [1, 1]);
    /// assert_eq!(outcome.score(Period::Match), (2, 1));
    /// ```
    pub fn from_halves(first: [u16; 2], second: [u16; 2]) -> Self {
        let sides = [first, second].into_iter().flat_map(|[home, away]| {
            let home = std::iter::repeat_n(Side::Home, usize::from(home));
            home.chain(std::iter::repeat_n(Side::Away, usize::from(away)))
        });
        Self::new([first, second], GoalOrder::from_sides(sides))
    }

    /// Goals of (home, away) in a period.
    #[inline]
    pub fn score(&self, period: Period) -> (u16, u16) {
        score_of(self.goals, period)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taking_back_a_goal_keeps_the_order_of_the_others() {
        use Side::{Away as A, Home as H};
        let mut order = GoalOrder::from_sides([H, A, A, H, A]);
        assert_eq!(order.remove_last(Side::Home), Some(3));
        assert_eq!(order, GoalOrder::from_sides([H, A, A, A]));
        assert_eq!(order.remove_last(Side::Home), Some(0));
        assert_eq!(order.remove_last(Side::Home), None);
        assert_eq!(order, GoalOrder::from_sides([A, A, A]));
    }
}
