//! The grade of every tennis selection: the one place where a market's meaning is written.

use oddsengine_types::Grade;

use super::TennisOutcome;
use super::format::{RetirementRule, TennisFormat};
use super::live::Ending;
use super::possible::allowed_cells;
use super::views::{Fact, Layout, TennisView};
use crate::football::{Line, Side};

/// Over or under a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// More than the line.
    Over,
    /// Fewer than the line.
    Under,
}

impl Direction {
    /// Over, then under.
    pub const BOTH: [Direction; 2] = [Direction::Over, Direction::Under];

    /// `over` or `under`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Over => "over",
            Self::Under => "under",
        }
    }

    fn grade(self, line: Line, count: i32) -> Grade {
        match self {
            Self::Over => line.grade_over(count),
            Self::Under => line.grade_under(count),
        }
    }
}

/// What a selection says about the outcome. Sets and games are counted from 0; handicaps are added to the home side. A set
/// or game that was not played is void.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the fields repeat the words of their variant
pub enum Rule {
    /// The winner of the match.
    MatchWinner { side: Side },
    /// The exact score in sets.
    SetBetting { home: u8, away: u8 },
    /// Sets of the match over or under a line.
    TotalSets { direction: Direction, line: Line },
    /// A side wins more sets, after the line.
    SetsHandicap { side: Side, line: Line },
    /// A side wins at least one set, or not.
    WinsASet { side: Side, yes: bool },
    /// The winners of the first set and of the match.
    FirstSetAndMatch { first: Side, winner: Side },
    /// The winner of a set.
    SetWinner { set: u8, side: Side },
    /// Games of the match over or under a line.
    TotalGames { direction: Direction, line: Line },
    /// An odd number of games, or an even one.
    GamesOdd { odd: bool },
    /// A side wins more games, after the line.
    GamesHandicap { side: Side, line: Line },
    /// Games of a side over or under a line.
    PlayerGames { side: Side, direction: Direction, line: Line },
    /// Tie-breaks of the match over or under a line.
    TieBreaks { direction: Direction, line: Line },
    /// The winner of the match, and its games over or under a line.
    WinnerAndTotal { side: Side, direction: Direction, line: Line },
    /// The score of a set.
    SetScore { set: u8, home: u8, away: u8 },
    /// A score of a set that is not listed, won by this side.
    SetScoreOther { set: u8, side: Side, listed: u8 },
    /// Games of a set over or under a line.
    SetTotal { set: u8, direction: Direction, line: Line },
    /// A side wins more games of a set, after the line.
    SetHandicap { set: u8, side: Side, line: Line },
    /// An odd number of games in a set, or an even one.
    SetOdd { set: u8, odd: bool },
    /// A set has a tie-break, or not.
    SetTieBreak { set: u8, yes: bool },
    /// The winner of a set's tie-break; void without one.
    SetTieBreakWinner { set: u8, side: Side },
    /// Games of a side in a set over or under a line.
    SetPlayerGames { set: u8, side: Side, direction: Direction, line: Line },
    /// The side that is first to so many games in a set.
    SetRace { set: u8, games: u8, side: Side },
    /// The winner of a game.
    GameWinner { set: u8, game: u8, side: Side },
    /// The winner of a game, and the points of the loser: 0, 1, 2, 3 for 40 or deuce.
    GameScore { set: u8, game: u8, side: Side, points: u8 },
    /// A game comes to deuce, or not.
    GameDeuce { set: u8, game: u8, yes: bool },
}

impl Rule {
    /// The view it depends on.
    pub fn view(&self) -> TennisView {
        match *self {
            Self::MatchWinner { .. }
            | Self::SetBetting { .. }
            | Self::TotalSets { .. }
            | Self::SetsHandicap { .. }
            | Self::WinsASet { .. }
            | Self::FirstSetAndMatch { .. }
            | Self::SetWinner { .. } => TennisView::Sequence,
            Self::TotalGames { .. } | Self::GamesOdd { .. } => TennisView::TotalGames,
            Self::GamesHandicap { .. } => TennisView::Difference,
            Self::PlayerGames { side, .. } => TennisView::PlayerGames(side),
            Self::TieBreaks { .. } => TennisView::TieBreaks,
            Self::WinnerAndTotal { .. } => TennisView::WinnerTotal,
            Self::SetScore { set, .. }
            | Self::SetScoreOther { set, .. }
            | Self::SetTotal { set, .. }
            | Self::SetHandicap { set, .. }
            | Self::SetOdd { set, .. }
            | Self::SetTieBreak { set, .. }
            | Self::SetTieBreakWinner { set, .. }
            | Self::SetPlayerGames { set, .. } => TennisView::SetScore(set),
            Self::SetRace { set, games, .. } => TennisView::Race(set, games),
            Self::GameWinner { set, game, .. }
            | Self::GameScore { set, game, .. }
            | Self::GameDeuce { set, game, .. } => TennisView::Game(set, game),
        }
    }

    /// The grade by what the view says.
    pub fn grade_fact(&self, format: &TennisFormat, fact: Fact) -> Grade {
        match fact {
            Fact::Sets { away_bits, count } => self.grade_sets(away_bits, count),
            Fact::Count(count) => self.grade_count(count),
            Fact::WinnerTotal(winner, total) => match *self {
                Self::WinnerAndTotal { side, direction, line } if side == winner => {
                    direction.grade(line, total)
                }
                _ => Grade::LOST,
            },
            Fact::SetScore(None) | Fact::Race(None) | Fact::Game(None) => Grade::VOID,
            Fact::SetScore(Some(games)) => self.grade_set(format, games),
            Fact::Race(Some(winner)) => {
                Grade::won_if(matches!(*self, Self::SetRace { side, .. } if side == winner))
            }
            Fact::Game(Some((winner, points))) => self.grade_game(winner, points),
        }
    }

    fn grade_sets(&self, away_bits: u8, count: u8) -> Grade {
        let away = away_bits.count_ones() as u8;
        let home = count - away;
        let winner_of = |set: u8| if away_bits >> set & 1 == 1 { Side::Away } else { Side::Home };
        let match_winner = if home > away { Side::Home } else { Side::Away };
        match *self {
            Self::MatchWinner { side } => Grade::won_if(side == match_winner),
            Self::SetBetting { home: wanted_home, away: wanted_away } => {
                Grade::won_if([home, away] == [wanted_home, wanted_away])
            }
            Self::TotalSets { direction, line } => direction.grade(line, count.into()),
            Self::SetsHandicap { side, line } => {
                grade_handicap(side, line, i32::from(home) - i32::from(away))
            }
            Self::WinsASet { side, yes } => Grade::won_if(([home, away][side.index()] > 0) == yes),
            Self::FirstSetAndMatch { first, winner } => {
                Grade::won_if(first == winner_of(0) && winner == match_winner)
            }
            Self::SetWinner { set, .. } if set >= count => Grade::VOID,
            Self::SetWinner { set, side } => Grade::won_if(winner_of(set) == side),
            _ => unreachable!("{self:?} does not depend on sets"),
        }
    }

    fn grade_count(&self, count: i32) -> Grade {
        match *self {
            Self::TotalGames { direction, line }
            | Self::PlayerGames { direction, line, .. }
            | Self::TieBreaks { direction, line } => direction.grade(line, count),
            Self::GamesOdd { odd } => Grade::won_if((count % 2 == 1) == odd),
            Self::GamesHandicap { side, line } => grade_handicap(side, line, count),
            _ => unreachable!("{self:?} does not depend on a count"),
        }
    }

    fn grade_set(&self, format: &TennisFormat, games: [u8; 2]) -> Grade {
        let [home, away] = games.map(i32::from);
        let winner = if home > away { Side::Home } else { Side::Away };
        match *self {
            Self::SetScore { home, away, .. } => Grade::won_if(games == [home, away]),
            Self::SetScoreOther { side, listed, .. } => {
                Grade::won_if(side == winner && games[0].min(games[1]) > listed)
            }
            Self::SetTotal { direction, line, .. } => direction.grade(line, home + away),
            Self::SetHandicap { side, line, .. } => grade_handicap(side, line, home - away),
            Self::SetOdd { odd, .. } => Grade::won_if(((home + away) % 2 == 1) == odd),
            Self::SetTieBreak { set, yes } => {
                Grade::won_if(format.set_rule(set.into()).had_tie_break(games) == yes)
            }
            Self::SetTieBreakWinner { set, .. } if !format.set_rule(set.into()).had_tie_break(games) => {
                Grade::VOID
            }
            Self::SetTieBreakWinner { side, .. } => Grade::won_if(side == winner),
            Self::SetPlayerGames { side, direction, line, .. } => {
                direction.grade(line, games[side.index()].into())
            }
            _ => unreachable!("{self:?} does not depend on the score of a set"),
        }
    }

    fn grade_game(&self, winner: Side, loser_points: Option<u8>) -> Grade {
        match (*self, loser_points) {
            (Self::GameWinner { side, .. }, _) => Grade::won_if(side == winner),
            (_, None) => Grade::VOID,
            (Self::GameScore { side, points, .. }, Some(told)) => {
                Grade::won_if(side == winner && points == told)
            }
            (Self::GameDeuce { yes, .. }, Some(told)) => Grade::won_if((told == 3) == yes),
            _ => unreachable!("{self:?} does not depend on a game"),
        }
    }

    /// The grade on a cell of its view.
    pub fn grade_cell(&self, format: &TennisFormat, cell: usize) -> Grade {
        self.grade_fact(format, Layout::of(format).fact_of_cell(self.view(), cell))
    }

    /// The grade at an outcome. Of a match that was not played to its end: the grade that every continuation would give,
    /// else void; the match winner as the format's retirement rule says.
    pub fn grade(&self, outcome: &TennisOutcome) -> Grade {
        let TennisOutcome { format, ending, score } = outcome;
        if score.winner(format).is_some() {
            return self.grade_fact(format, self.view().fact(format, score));
        }
        if let (Self::MatchWinner { side }, Ending::Retired(retired)) = (self, ending) {
            let counts = match format.retirement {
                RetirementRule::VoidUnlessCompleted => false,
                RetirementRule::AdvanceAfterOneSet => score.sets_played > 0,
                RetirementRule::AdvanceOnceStarted => true,
            };
            return if counts { Grade::won_if(*side != *retired) } else { Grade::VOID };
        }
        let mut grades =
            allowed_cells(format, score, self.view()).iter().map(|cell| self.grade_cell(format, cell));
        let first = grades.next().expect("some cell of every view is possible");
        if grades.all(|grade| grade == first) { first } else { Grade::VOID }
    }
}

fn grade_handicap(side: Side, line: Line, difference: i32) -> Grade {
    match side {
        Side::Home => Line(-line.0).grade_over(difference),
        Side::Away => Line(-line.0).grade_under(difference),
    }
}
