//! How a tennis match is scored and what a retirement does to it: the settings of one fixture.

use oddsengine_types::{codec_enum, codec_struct};

use crate::football::Side;

/// Most sets of any match.
pub const SETS_MAX: usize = 5;

/// The rules of a match.
///
/// ```
/// use oddsengine_markets::tennis::{BestOf, FinalSet, SetRule, TennisFormat};
/// let wimbledon = TennisFormat {
///     best_of: BestOf::Five,
///     final_set: FinalSet::TieBreak10,
///     ..TennisFormat::default()
/// };
/// assert_eq!(wimbledon.set_rule(0), SetRule::TieBreak { at: 6, points: 7 });
/// assert_eq!(wimbledon.set_rule(4), SetRule::TieBreak { at: 6, points: 10 });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TennisFormat {
    /// How many sets are played at most.
    pub best_of: BestOf,
    /// How the deciding set is played.
    pub final_set: FinalSet,
    /// At deuce the next point decides the game.
    pub is_no_ad: bool,
    /// What a retirement does to the match winner.
    pub retirement: RetirementRule,
}
codec_struct!(TennisFormat { best_of, final_set, is_no_ad, retirement });

/// Most sets of the match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BestOf {
    /// Two sets win.
    #[default]
    Three,
    /// Three sets win.
    Five,
}
codec_enum!(BestOf { 0 = Three, 1 = Five });

impl BestOf {
    /// Both lengths.
    pub const ALL: [BestOf; 2] = [BestOf::Three, BestOf::Five];

    /// Most sets.
    #[inline]
    pub fn sets(self) -> usize {
        match self {
            Self::Three => 3,
            Self::Five => 5,
        }
    }

    /// Sets that win the match.
    #[inline]
    pub fn sets_to_win(self) -> usize {
        self.sets() / 2 + 1
    }
}

/// How the deciding set is played. All other sets have a tie-break to 7 at 6-6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FinalSet {
    /// A tie-break to 7 at 6-6: the tours.
    #[default]
    TieBreak7,
    /// A tie-break to 10 at 6-6: the four majors since 2022.
    TieBreak10,
    /// A tie-break to 7 at 12-12: Wimbledon 2019 to 2021.
    TieBreak7At12,
    /// Two games ahead, however long it takes: most majors before 2019 and the Davis Cup.
    Advantage,
    /// A tie-break to 7 instead of the set.
    MatchTieBreak7,
    /// A tie-break to 10 instead of the set: doubles.
    MatchTieBreak10,
}
codec_enum!(FinalSet {
    0 = TieBreak7, 1 = TieBreak10, 2 = TieBreak7At12, 3 = Advantage, 4 = MatchTieBreak7, 5 = MatchTieBreak10,
});

impl FinalSet {
    /// Every rule.
    pub const ALL: [FinalSet; 6] = [
        Self::TieBreak7,
        Self::TieBreak10,
        Self::TieBreak7At12,
        Self::Advantage,
        Self::MatchTieBreak7,
        Self::MatchTieBreak10,
    ];

    /// The name in messages and in Python: `tb7`, `tb10`, `tb7_at_12`, `advantage`, `mtb7`, `mtb10`.
    pub fn name(self) -> &'static str {
        match self {
            Self::TieBreak7 => "tb7",
            Self::TieBreak10 => "tb10",
            Self::TieBreak7At12 => "tb7_at_12",
            Self::Advantage => "advantage",
            Self::MatchTieBreak7 => "mtb7",
            Self::MatchTieBreak10 => "mtb10",
        }
    }

    /// The rule with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }
}

/// What a retirement or disqualification during the match does to the match winner market. Every other market
/// stands where it is decided and is void where it is not; a walk-over before the first point voids everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RetirementRule {
    /// The match winner is void unless the match was played to its end.
    #[default]
    VoidUnlessCompleted,
    /// The player who advances has won once one set was completed; before that it is void.
    AdvanceAfterOneSet,
    /// The player who advances has won once the match has started.
    AdvanceOnceStarted,
}
codec_enum!(RetirementRule { 0 = VoidUnlessCompleted, 1 = AdvanceAfterOneSet, 2 = AdvanceOnceStarted });

impl RetirementRule {
    /// Every rule.
    pub const ALL: [RetirementRule; 3] =
        [Self::VoidUnlessCompleted, Self::AdvanceAfterOneSet, Self::AdvanceOnceStarted];

    /// The name in messages and in Python.
    pub fn name(self) -> &'static str {
        match self {
            Self::VoidUnlessCompleted => "void_unless_completed",
            Self::AdvanceAfterOneSet => "advance_after_one_set",
            Self::AdvanceOnceStarted => "advance_once_started",
        }
    }

    /// The rule with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }
}

/// How one set is won.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetRule {
    /// Six games two ahead, else two games ahead up to `at`-all, where a tie-break to `points` decides.
    TieBreak {
        /// Games of each side at which the tie-break is played.
        at: u8,
        /// Points that win it, two ahead.
        points: u8,
    },
    /// Six games two ahead, else two games ahead.
    Advantage,
    /// Only a tie-break; it counts as one game.
    MatchTieBreak {
        /// Points that win it, two ahead.
        points: u8,
    },
}

impl SetRule {
    /// The rule of every set but a deciding one.
    pub const STANDARD: Self = Self::TieBreak { at: 6, points: 7 };

    /// The side that has won the set with these games, home first.
    #[inline]
    pub fn winner(self, games: [u8; 2]) -> Option<Side> {
        let [low, high] = if games[0] < games[1] { games } else { [games[1], games[0]] };
        let is_won = match self {
            Self::TieBreak { at, .. } => high >= 6 && high >= low + 2 || high == at + 1 && low == at,
            Self::Advantage => high >= 6 && high >= low + 2,
            Self::MatchTieBreak { .. } => high == 1,
        };
        is_won.then_some(if games[0] > games[1] { Side::Home } else { Side::Away })
    }

    /// The points to which a tie-break is played now, if one is.
    #[inline]
    pub fn tie_break_points(self, games: [u8; 2]) -> Option<u8> {
        match self {
            Self::TieBreak { at, points } if games == [at, at] => Some(points),
            Self::MatchTieBreak { points } if games == [0, 0] => Some(points),
            _ => None,
        }
    }

    /// These games can be the score of a set that is being played or just won.
    pub fn is_legal(self, games: [u8; 2]) -> bool {
        let [low, high] = if games[0] < games[1] { games } else { [games[1], games[0]] };
        match self {
            Self::TieBreak { at, .. } => {
                high <= 5
                    || high == 6 && low <= 6
                    || high <= at && high <= low + 2
                    || high == at + 1 && low >= at - 1 && low <= at
            }
            Self::Advantage => high <= 6 || high <= low + 2,
            Self::MatchTieBreak { .. } => high <= 1 && low == 0,
        }
    }

    /// Most games of the loser that the views tell apart; a longer advantage set counts as 25-23.
    pub const LOSER_GAMES_MAX: u8 = 23;

    /// Number of scores with which a side can win the set. They are counted by the loser's games, from 0.
    #[inline]
    pub fn end_count(self) -> usize {
        match self {
            Self::TieBreak { at, .. } => usize::from(at) + 1,
            Self::Advantage => usize::from(Self::LOSER_GAMES_MAX) + 1,
            Self::MatchTieBreak { .. } => 1,
        }
    }

    /// Games of the winner of a set in which the loser has `loser` games.
    #[inline]
    pub fn winner_games(self, loser: u8) -> u8 {
        match self {
            Self::MatchTieBreak { .. } => 1,
            Self::TieBreak { at, .. } if loser == at => at + 1,
            _ => (loser + 2).max(6),
        }
    }

    /// The score of the set is a tie-break's: it was won by one game.
    #[inline]
    pub fn had_tie_break(self, games: [u8; 2]) -> bool {
        matches!(self, Self::TieBreak { at, .. } if games[0].max(games[1]) == at + 1 && games[0].min(games[1]) == at)
    }
}

impl TennisFormat {
    /// The deciding set is only a tie-break.
    pub fn final_set_is_tie_break(&self) -> bool {
        matches!(self.final_set, FinalSet::MatchTieBreak7 | FinalSet::MatchTieBreak10)
    }

    /// The rule of set `index` (zero-based); the last of `best_of` is the deciding one.
    #[inline]
    pub fn set_rule(&self, index: usize) -> SetRule {
        if index + 1 < self.best_of.sets() {
            return SetRule::STANDARD;
        }
        match self.final_set {
            FinalSet::TieBreak7 => SetRule::STANDARD,
            FinalSet::TieBreak10 => SetRule::TieBreak { at: 6, points: 10 },
            FinalSet::TieBreak7At12 => SetRule::TieBreak { at: 12, points: 7 },
            FinalSet::Advantage => SetRule::Advantage,
            FinalSet::MatchTieBreak7 => SetRule::MatchTieBreak { points: 7 },
            FinalSet::MatchTieBreak10 => SetRule::MatchTieBreak { points: 10 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_legal_score_is_reached_and_no_other() {
        let rules = [
            SetRule::TieBreak { at: 6, points: 7 },
            SetRule::TieBreak { at: 12, points: 7 },
            SetRule::Advantage,
            SetRule::MatchTieBreak { points: 10 },
        ];
        for rule in rules {
            let mut reached = [[false; 20]; 20];
            let mut open = vec![[0_u8, 0_u8]];
            while let Some(games) = open.pop() {
                let seen = &mut reached[usize::from(games[0])][usize::from(games[1])];
                if std::mem::replace(seen, true) || rule.winner(games).is_some() {
                    continue;
                }
                open.extend(
                    [[games[0] + 1, games[1]], [games[0], games[1] + 1]]
                        .into_iter()
                        .filter(|g| g.iter().all(|&g| g < 20)),
                );
            }
            for home in 0..20_u8 {
                for away in 0..20_u8 {
                    let is_reached = reached[usize::from(home)][usize::from(away)];
                    assert_eq!(rule.is_legal([home, away]), is_reached, "{rule:?} {home}-{away}");
                }
            }
        }
    }
}
