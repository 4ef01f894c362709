//! The grades of selections on what happens beside the score.

use oddsengine_types::Grade;

use super::depth_views::{
    CountAxis, CountKind, DepthView, TieMethod, counts, interval_goals, player_part, tie,
};
use super::format::Knockout;
use super::rule::{Line, Result3, Scope};
use super::{FootballOutcome, Side};

/// What a selection says of a pair of counts: goals of a period, corners, cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the fields repeat the words of their variant
pub enum PairRule {
    /// Which side has more.
    Result(Result3),
    /// More than the line.
    Over { scope: Scope, line: Line },
    /// Fewer than the line.
    Under { scope: Scope, line: Line },
    /// A side has more after the line is added to the home side's count.
    Handicap { side: Side, line: Line },
    /// An odd number of both sides, or an even one.
    OddEven { scope: Scope, odd: bool },
    /// Both sides have one, or not.
    Both(bool),
}

impl PairRule {
    /// The grade at the counts of home and away.
    #[inline]
    pub fn grade(&self, (home, away): (u16, u16)) -> Grade {
        let count = |scope: Scope| i32::from(scope.count((home, away)));
        match *self {
            Self::Result(result) => Grade::won_if(Result3::of(home.into(), away.into()) == result),
            Self::Over { scope, line } => line.grade_over(count(scope)),
            Self::Under { scope, line } => line.grade_under(count(scope)),
            Self::Handicap { side, line } => {
                let difference = i32::from(home) - i32::from(away);
                match side {
                    Side::Home => Line(-line.0).grade_over(difference),
                    Side::Away => Line(-line.0).grade_under(difference),
                }
            }
            Self::OddEven { scope, odd } => Grade::won_if((count(scope) % 2 == 1) == odd),
            Self::Both(yes) => Grade::won_if((home > 0 && away > 0) == yes),
        }
    }

    fn axis(&self) -> CountAxis {
        match *self {
            Self::Result(_) | Self::Handicap { .. } | Self::Both(_) => CountAxis::Difference,
            Self::Over { scope, .. } | Self::Under { scope, .. } | Self::OddEven { scope, .. } => match scope
            {
                Scope::Both => CountAxis::Total,
                Scope::Of(side) => CountAxis::Of(side),
            },
        }
    }
}

/// What a selection says of the match beside its score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the fields repeat the words of their variant
pub enum DepthRule {
    /// Corners or cards of regulation or the first half; any rule but [`PairRule::Both`].
    Count { kind: CountKind, is_first_half: bool, rule: PairRule },
    /// Goals in an interval of ten minutes.
    Interval { interval: u8, rule: PairRule },
    /// Goals of extra time; void if none is played.
    ExtraTime { rule: PairRule },
    /// A side goes through.
    Qualifies { knockout: Knockout, side: Side },
    /// A side goes through in a way.
    Method { knockout: Knockout, side: Side, method: TieMethod },
    /// The tie is decided in a way, whoever goes through, or in another.
    DecidedIn { knockout: Knockout, from: TieMethod, yes: bool },
    /// A side wins the shoot-out; void if there is none.
    ShootoutWinner { knockout: Knockout, side: Side },
    /// A player scores so many goals or more. Own goals do not count; void if he does not play.
    PlayerScores { side: Side, player: u8, goals: u8 },
    /// A player scores first. Own goals do not count; void if he comes on after the first goal or not at all.
    PlayerFirst { side: Side, player: u8 },
    /// A player scores last. Own goals do not count; void if he does not play.
    PlayerLast { side: Side, player: u8 },
    /// No goal counts for scorers.
    NoScorer,
}

impl DepthRule {
    /// The grade at an outcome. A tie that was never decided is void.
    pub fn grade(&self, outcome: &FootballOutcome) -> Grade {
        let part = |side, player| player_part(outcome, side, player);
        let pair = |[home, away]: [u16; 2]| (home, away);
        let depth = &outcome.depth;
        match *self {
            Self::Count { kind, is_first_half, rule } => rule.grade(pair(counts(depth, kind, is_first_half))),
            Self::Interval { interval, rule } => rule.grade(pair(interval_goals(outcome, interval))),
            Self::ExtraTime { .. } if !depth.has_extra_time => Grade::VOID,
            Self::ExtraTime { rule } => rule.grade(pair(depth.extra_goals.map(u16::from))),
            Self::Qualifies { knockout, side } => {
                tie(outcome, &knockout).map_or(Grade::VOID, |(through, _)| Grade::won_if(through == side))
            }
            Self::Method { knockout, side, method } => tie(outcome, &knockout)
                .map_or(Grade::VOID, |(through, by)| Grade::won_if(through == side && by == method)),
            Self::DecidedIn { knockout, from, yes } => {
                tie(outcome, &knockout).map_or(Grade::VOID, |(_, by)| Grade::won_if((by >= from) == yes))
            }
            Self::ShootoutWinner { knockout, side } => match tie(outcome, &knockout) {
                Some((through, TieMethod::Penalties)) => Grade::won_if(through == side),
                _ => Grade::VOID,
            },
            Self::PlayerScores { side, player, goals } => {
                part(side, player).map_or(Grade::VOID, |part| Grade::won_if(part.goals >= usize::from(goals)))
            }
            Self::PlayerFirst { side, player } => match part(side, player).map(|part| part.first) {
                None | Some(2) => Grade::VOID,
                Some(first) => Grade::won_if(first == 1),
            },
            Self::PlayerLast { side, player } => {
                part(side, player).map_or(Grade::VOID, |part| Grade::won_if(part.is_last))
            }
            Self::NoScorer => Grade::won_if(depth.first_counted(&outcome.order).is_none()),
        }
    }

    /// The view on which the grade is a function.
    pub fn view(&self) -> DepthView {
        match *self {
            Self::Count { kind, is_first_half, rule } => {
                DepthView::Count { kind, is_first_half, axis: rule.axis() }
            }
            Self::Interval { interval, .. } => DepthView::Interval(interval),
            Self::ExtraTime { .. } => DepthView::ExtraTime,
            Self::Qualifies { knockout, .. }
            | Self::Method { knockout, .. }
            | Self::DecidedIn { knockout, .. }
            | Self::ShootoutWinner { knockout, .. } => DepthView::Tie(knockout),
            Self::PlayerScores { side, player, .. }
            | Self::PlayerFirst { side, player }
            | Self::PlayerLast { side, player } => DepthView::Player { side, player },
            Self::NoScorer => DepthView::AnyScorer,
        }
    }
}
