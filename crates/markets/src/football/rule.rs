//! The grade of every football selection: the one place where a market's meaning is written.

use oddsengine_types::Grade;

use super::depth_rule::{DepthRule, PairRule};
use super::views::FootballView;
use super::{FootballOutcome, Side};

/// The part of the match that a market is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// Both halves with their added time; no extra time.
    Match,
    /// The first half.
    FirstHalf,
    /// The second half alone.
    SecondHalf,
}

impl Period {
    /// All periods.
    pub const ALL: [Period; 3] = [Period::Match, Period::FirstHalf, Period::SecondHalf];

    /// What follows the template's name in a market key.
    pub fn suffix(self) -> &'static str {
        match self {
            Period::Match => "",
            Period::FirstHalf => ".h1",
            Period::SecondHalf => ".h2",
        }
    }
}

/// Which half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// More in the first.
    First,
    /// More in the second.
    Second,
    /// As many in both.
    Equal,
}

/// A three-way result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Result3 {
    /// The home side has more.
    Home,
    /// Both have as many.
    Draw,
    /// The away side has more.
    Away,
}

impl Result3 {
    /// Home, draw, away.
    pub const ALL: [Result3; 3] = [Result3::Home, Result3::Draw, Result3::Away];

    /// The result of a pair of counts.
    #[inline]
    pub fn of(home: i32, away: i32) -> Self {
        match home.cmp(&away) {
            std::cmp::Ordering::Greater => Self::Home,
            std::cmp::Ordering::Equal => Self::Draw,
            std::cmp::Ordering::Less => Self::Away,
        }
    }

    /// `home`, `draw` or `away`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Draw => "draw",
            Self::Away => "away",
        }
    }
}

impl From<Side> for Result3 {
    fn from(side: Side) -> Self {
        match side {
            Side::Home => Self::Home,
            Side::Away => Self::Away,
        }
    }
}

/// Whose goals are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Of both sides.
    Both,
    /// Of one side.
    Of(Side),
}

impl Scope {
    /// The count of a pair, home first.
    #[inline]
    pub fn count(self, (home, away): (u16, u16)) -> u16 {
        match self {
            Scope::Both => home + away,
            Scope::Of(Side::Home) => home,
            Scope::Of(Side::Away) => away,
        }
    }
}

/// A line in quarter goals: 2.5 is `Line(10)`, -0.25 is `Line(-1)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line(pub i16);

impl Line {
    /// The grade of a bet that `count` exceeds the line; a quarter line is half a stake on each neighbour.
    ///
    /// ```
    /// use oddsengine_markets::football::Line;
    /// use oddsengine_types::Grade;
    /// assert_eq!(Line(11).grade_over(3), Grade::HALF_WON); // over 2.75, three goals
    /// ```
    pub fn grade_over(self, count: i32) -> Grade {
        let (count, line) = (count * 4, i32::from(self.0));
        match line.rem_euclid(2) {
            0 if count == line => Grade::VOID,
            0 => Grade::won_if(count > line),
            _ => {
                Grade::halves(Self(self.0 - 1).grade_over(count / 4), Self(self.0 + 1).grade_over(count / 4))
            }
        }
    }

    /// The grade of the opposite bet.
    pub fn grade_under(self, count: i32) -> Grade {
        Self(-self.0).grade_over(-count)
    }

    /// `2.5`, `-0.25`, `0`, `3`.
    pub fn text(self) -> String {
        format!("{}", f64::from(self.0) / 4.0)
    }
}

/// A condition on a score, part of a combined selection. Lines are half lines: a combination never refunds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Always holds.
    Any,
    /// The result is this one.
    Result(Result3),
    /// The result is not this one.
    NotResult(Result3),
    /// Goals over a half line.
    Over(Scope, Line),
    /// Goals under a half line.
    Under(Scope, Line),
    /// Both sides score, or not.
    BothScore(bool),
    /// An odd number of goals, or an even one.
    Odd(bool),
}

impl Condition {
    fn holds(self, score: (u16, u16)) -> bool {
        let (home, away) = score;
        let result = Result3::of(home.into(), away.into());
        match self {
            Self::Any => true,
            Self::Result(wanted) => result == wanted,
            Self::NotResult(excluded) => result != excluded,
            Self::Over(scope, line) => line.grade_over(scope.count(score).into()) == Grade::WON,
            Self::Under(scope, line) => line.grade_under(scope.count(score).into()) == Grade::WON,
            Self::BothScore(yes) => (home > 0 && away > 0) == yes,
            Self::Odd(odd) => ((home + away) % 2 == 1) == odd,
        }
    }
}

/// What a selection says about the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the fields repeat the words of their variant
pub enum Rule {
    /// The result of a period.
    Result { period: Period, result: Result3 },
    /// Any result of a period but one.
    DoubleChance { period: Period, excluded: Result3 },
    /// A side wins the period; a draw refunds.
    DrawNoBet { period: Period, side: Side },
    /// Goals over the line.
    Over { period: Period, scope: Scope, line: Line },
    /// Goals under the line.
    Under { period: Period, scope: Scope, line: Line },
    /// A side wins after the line is added to the home side's goals.
    AsianHandicap { period: Period, side: Side, line: Line },
    /// The result after whole goals are added to the home side.
    EuropeanHandicap { period: Period, goals: i8, result: Result3 },
    /// Both sides score in the period, or not.
    BothScore { period: Period, yes: bool },
    /// The exact score of a period.
    CorrectScore { period: Period, home: u8, away: u8 },
    /// A result with a score in which a side has more than `listed` goals.
    OtherScore { period: Period, listed: u8, result: Result3 },
    /// An exact number of goals, or that many and more.
    ExactGoals { period: Period, scope: Scope, goals: u8, or_more: bool },
    /// A number of goals from the first to the second, both included, or any other.
    GoalsBetween { period: Period, from: u8, to: u8, yes: bool },
    /// An odd number of goals, or an even one (0 is even).
    OddEven { period: Period, scope: Scope, odd: bool },
    /// A side wins by an exact margin, or by that and more.
    WinningMargin { period: Period, side: Side, goals: u8, or_more: bool },
    /// A draw with goals, or without.
    DrawWithGoals { period: Period, goals: bool },
    /// A side concedes no goal in the period, or does.
    CleanSheet { period: Period, side: Side, yes: bool },
    /// A side wins without conceding, or does not.
    WinToNil { side: Side, yes: bool },
    /// The result at half time and at full time.
    HalfTimeFullTime { half_time: Result3, full_time: Result3 },
    /// The half with more goals.
    HighestScoringHalf { scope: Scope, half: Half },
    /// A side wins at least one half, or does not.
    WinEitherHalf { side: Side, yes: bool },
    /// A side wins both halves, or does not.
    WinBothHalves { side: Side, yes: bool },
    /// The side that scores goal number `number` (from 1), or that it does not fall.
    NthGoal { number: u8, side: Option<Side> },
    /// The side that first has `goals` goals, or that none does.
    RaceTo { goals: u8, side: Option<Side> },
    /// The side that scores last, or that none scores.
    LastGoal { side: Option<Side> },
    /// All conditions hold on the score of a period.
    Combined { period: Period, conditions: [Condition; 3] },
    /// Something beside the score.
    Depth(DepthRule),
}

impl Rule {
    /// The grade at an outcome.
    pub fn grade(&self, outcome: &FootballOutcome) -> Grade {
        let result_of = |period| {
            let (home, away) = outcome.score(period);
            Result3::of(home.into(), away.into())
        };
        let count = |period, scope: Scope| i32::from(scope.count(outcome.score(period)));
        let conceded = |period, side: Side| {
            let (home, away) = outcome.score(period);
            [away, home][side.index()]
        };
        match *self {
            Self::Result { period, result } => PairRule::Result(result).grade(outcome.score(period)),
            Self::DoubleChance { period, excluded } => Grade::won_if(result_of(period) != excluded),
            Self::DrawNoBet { period, side } => match result_of(period) {
                Result3::Draw => Grade::VOID,
                result => Grade::won_if(result == side.into()),
            },
            Self::Over { period, scope, line } => PairRule::Over { scope, line }.grade(outcome.score(period)),
            Self::Under { period, scope, line } => {
                PairRule::Under { scope, line }.grade(outcome.score(period))
            }
            Self::AsianHandicap { period, side, line } => {
                PairRule::Handicap { side, line }.grade(outcome.score(period))
            }
            Self::EuropeanHandicap { period, goals, result } => {
                let (home, away) = outcome.score(period);
                Grade::won_if(Result3::of(i32::from(home) + i32::from(goals), away.into()) == result)
            }
            Self::BothScore { period, yes } => PairRule::Both(yes).grade(outcome.score(period)),
            Self::CorrectScore { period, home, away } => {
                Grade::won_if(outcome.score(period) == (home.into(), away.into()))
            }
            Self::OtherScore { period, listed, result } => {
                let (home, away) = outcome.score(period);
                Grade::won_if(home.max(away) > listed.into() && result_of(period) == result)
            }
            Self::ExactGoals { period, scope, goals, or_more } => {
                let (count, goals) = (count(period, scope), i32::from(goals));
                Grade::won_if(if or_more { count >= goals } else { count == goals })
            }
            Self::GoalsBetween { period, from, to, yes } => {
                Grade::won_if((i32::from(from)..=i32::from(to)).contains(&count(period, Scope::Both)) == yes)
            }
            Self::OddEven { period, scope, odd } => {
                PairRule::OddEven { scope, odd }.grade(outcome.score(period))
            }
            Self::WinningMargin { period, side, goals, or_more } => {
                let (home, away) = outcome.score(period);
                let lead = i32::from(home) - i32::from(away);
                let lead = if side == Side::Home { lead } else { -lead };
                Grade::won_if(lead == goals.into() || (or_more && lead > goals.into()))
            }
            Self::DrawWithGoals { period, goals } => {
                let (home, away) = outcome.score(period);
                Grade::won_if(home == away && (home > 0) == goals)
            }
            Self::CleanSheet { period, side, yes } => Grade::won_if((conceded(period, side) == 0) == yes),
            Self::WinToNil { side, yes } => {
                let to_nil = result_of(Period::Match) == side.into() && conceded(Period::Match, side) == 0;
                Grade::won_if(to_nil == yes)
            }
            Self::HalfTimeFullTime { half_time, full_time } => Grade::won_if(
                result_of(Period::FirstHalf) == half_time && result_of(Period::Match) == full_time,
            ),
            Self::HighestScoringHalf { scope, half } => {
                let (first, second) = (count(Period::FirstHalf, scope), count(Period::SecondHalf, scope));
                Grade::won_if(match half {
                    Half::First => first > second,
                    Half::Second => first < second,
                    Half::Equal => first == second,
                })
            }
            Self::WinEitherHalf { side, yes } => {
                let won = |period| result_of(period) == side.into();
                Grade::won_if((won(Period::FirstHalf) || won(Period::SecondHalf)) == yes)
            }
            Self::WinBothHalves { side, yes } => {
                let won = |period| result_of(period) == side.into();
                Grade::won_if((won(Period::FirstHalf) && won(Period::SecondHalf)) == yes)
            }
            Self::NthGoal { number, side } => {
                Grade::won_if(outcome.order.side(u16::from(number) - 1) == side)
            }
            Self::RaceTo { goals, side } => Grade::won_if(race_winner(outcome, goals) == side),
            Self::LastGoal { side } => {
                let last = outcome.order.count.checked_sub(1).and_then(|index| outcome.order.side(index));
                Grade::won_if(last == side)
            }
            Self::Combined { period, conditions } => {
                Grade::won_if(conditions.iter().all(|condition| condition.holds(outcome.score(period))))
            }
            Self::Depth(rule) => rule.grade(outcome),
        }
    }

    /// The smallest view on which the grade is a function.
    pub fn view(&self) -> FootballView {
        match *self {
            Self::Result { period, .. }
            | Self::DoubleChance { period, .. }
            | Self::DrawNoBet { period, .. }
            | Self::AsianHandicap { period, .. }
            | Self::EuropeanHandicap { period, .. } => FootballView::Difference(period),
            Self::Over { period, scope, .. }
            | Self::Under { period, scope, .. }
            | Self::ExactGoals { period, scope, .. }
            | Self::OddEven { period, scope, .. } => FootballView::Goals(period, scope),
            Self::GoalsBetween { period, .. } => FootballView::Goals(period, Scope::Both),
            Self::CleanSheet { period, side, .. } => FootballView::Goals(period, Scope::Of(other(side))),
            Self::BothScore { period, .. }
            | Self::CorrectScore { period, .. }
            | Self::OtherScore { period, .. }
            | Self::WinningMargin { period, .. }
            | Self::DrawWithGoals { period, .. }
            | Self::Combined { period, .. } => FootballView::Score(period),
            Self::WinToNil { .. } => FootballView::Score(Period::Match),
            Self::HalfTimeFullTime { .. } => FootballView::HalfTimeFullTime,
            Self::HighestScoringHalf { scope, .. } => FootballView::HalfComparison(scope),
            Self::WinEitherHalf { .. } | Self::WinBothHalves { .. } => FootballView::HalfResults,
            Self::NthGoal { .. } | Self::RaceTo { .. } | Self::LastGoal { .. } => FootballView::Order,
            Self::Depth(rule) => FootballView::Depth(rule.view()),
        }
    }
}

fn other(side: Side) -> Side {
    match side {
        Side::Home => Side::Away,
        Side::Away => Side::Home,
    }
}

fn race_winner(outcome: &FootballOutcome, goals: u8) -> Option<Side> {
    let mut counts = [0_u8; 2];
    for index in 0..outcome.order.count {
        let side = outcome.order.side(index)?;
        counts[side.index()] += 1;
        if counts[side.index()] == goals {
            return Some(side);
        }
    }
    None
}
