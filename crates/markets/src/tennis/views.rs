//! The views of tennis: what of an outcome each market depends on.
//!
//! | view | cells |
//! |---|---|
//! | order of set winners | 6 in best of 3, 20 in best of 5 |
//! | games of the match, of one side, difference | every number that occurs |
//! | tie-breaks of the match | 0..=sets |
//! | winner and games of the match | both |
//! | score of set k | every final score, and "not played" |
//! | race to 2, 3, 4, 5 games of set k | home, away, "not played" |
//! | game g of set k | winner and points of the loser, winner alone, "not played" |
//!
//! An advantage set longer than 25-23 counts as 25-23 in the views; settlement takes the games as they were.

use std::sync::OnceLock;

use super::format::{BestOf, FinalSet, SETS_MAX, SetRule, TennisFormat};
use super::score::{GAMES_RECORDED, GameRecord, TennisScore};
use super::space::MainSpace;
use crate::football::Side;
use crate::template::View;

/// Views that are not about one set.
const MATCH_VIEWS: usize = 7;
/// Views of one set: score, races, games.
const SET_VIEWS: usize = 1 + RACES + GAMES_RECORDED;
/// Races of a set: to 2, 3, 4 and 5 games.
pub const RACES: usize = 4;
/// The shortest race.
pub const RACE_GAMES_MIN: u8 = 2;
/// The longest race that a set always decides before it ends.
pub const RACE_GAMES_MAX: u8 = 5;
/// Cells of a game: both winners by the loser's points, both winners with points untold, not played.
pub const GAME_CELLS: usize = 11;
/// Cells of a race: home, away, not played or not known.
pub const RACE_CELLS: usize = 3;
const _: () = assert!(RACE_GAMES_MAX as usize + 1 - RACE_GAMES_MIN as usize == RACES);

/// A projection of the tennis outcome. Sets and games are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TennisView {
    /// Who won each set.
    Sequence,
    /// Games of the match.
    TotalGames,
    /// Home games minus away games.
    Difference,
    /// Games of a side.
    PlayerGames(Side),
    /// Tie-breaks of the match; one played instead of a set is none.
    TieBreaks,
    /// The match winner and the games of the match.
    WinnerTotal,
    /// The score of a set.
    SetScore(u8),
    /// Who is first to this many games in a set.
    Race(u8, u8),
    /// Winner and score of a game of a set.
    Game(u8, u8),
}

/// What a view says about an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Who won each set: bit `i` of `away_bits` is set when set `i` was the away side's.
    Sets {
        /// Sets of the away side.
        away_bits: u8,
        /// Number of sets.
        count: u8,
    },
    /// A number of games or tie-breaks.
    Count(i32),
    /// Winner and games of the match.
    WinnerTotal(Side, i32),
    /// Games of a set that was played, home first.
    SetScore(Option<[u8; 2]>),
    /// The side that won a race; `None` if the set was not played or the order of its games is not known.
    Race(Option<Side>),
    /// Winner of a game and points of the loser; `None` if it was not played or is not known.
    Game(Option<(Side, Option<u8>)>),
}

impl TennisView {
    /// The view's index in every template that has it.
    #[inline]
    pub fn index(self) -> usize {
        let of_set = |set: u8| MATCH_VIEWS + SET_VIEWS * usize::from(set);
        match self {
            Self::Sequence => 0,
            Self::TotalGames => 1,
            Self::Difference => 2,
            Self::PlayerGames(Side::Home) => 3,
            Self::PlayerGames(Side::Away) => 4,
            Self::TieBreaks => 5,
            Self::WinnerTotal => 6,
            Self::SetScore(set) => of_set(set),
            Self::Race(set, games) => of_set(set) + 1 + usize::from(games - RACE_GAMES_MIN),
            Self::Game(set, game) => of_set(set) + 1 + RACES + usize::from(game),
        }
    }

    /// What the view says about a match that was played to its end.
    pub fn fact(self, format: &TennisFormat, score: &TennisScore) -> Fact {
        let sum = |side: usize| score.games.iter().map(|games| i32::from(games[side])).sum::<i32>();
        let is_played = |set: u8| set < score.sets_played;
        match self {
            Self::Sequence => Fact::Sets { away_bits: away_bits(score), count: score.sets_played },
            Self::TotalGames => Fact::Count(sum(0) + sum(1)),
            Self::Difference => Fact::Count(sum(0) - sum(1)),
            Self::PlayerGames(side) => Fact::Count(sum(side.index())),
            Self::TieBreaks => {
                let had = |set: &usize| format.set_rule(*set).had_tie_break(score.games[*set]);
                Fact::Count((0..usize::from(score.sets_played)).filter(had).count() as i32)
            }
            Self::WinnerTotal => {
                let winner = score.winner(format).expect("the match was played to its end");
                Fact::WinnerTotal(winner, sum(0) + sum(1))
            }
            Self::SetScore(set) => Fact::SetScore(is_played(set).then_some(score.games[usize::from(set)])),
            Self::Race(set, games) => Fact::Race(race_winner(score, set.into(), games).flatten()),
            Self::Game(set, game) => Fact::Game(
                score
                    .game(set.into(), game.into())
                    .and_then(|record| Some((record.winner()?, record.loser_points()))),
            ),
        }
    }
}

fn away_bits(score: &TennisScore) -> u8 {
    let sets = score.games[..usize::from(score.sets_played)].iter();
    sets.enumerate().fold(0, |bits, (set, games)| bits | u8::from(games[1] > games[0]) << set)
}

/// The winner of a race of a set as far as it was played; `None` while nobody is there, `Some(None)` if somebody is but
/// the order of the games is not known.
pub fn race_winner(score: &TennisScore, set: usize, games: u8) -> Option<Option<Side>> {
    let now = score.games[set];
    match [now[0] >= games, now[1] >= games] {
        [false, false] => return None,
        [true, false] => return Some(Some(Side::Home)),
        [false, true] => return Some(Some(Side::Away)),
        [true, true] => {}
    }
    let mut counted = [0; 2];
    for record in &score.records[set] {
        let Some(winner) = record.winner() else { return Some(None) };
        counted[winner.index()] += 1;
        if counted[winner.index()] == games {
            return Some(Some(winner));
        }
    }
    Some(None)
}

/// The cells of all views of a format.
#[derive(Debug)]
pub struct Layout {
    best_of: BestOf,
    final_set: FinalSet,
    /// The views, in the order of their indexes.
    pub views: Vec<TennisView>,
    /// First cell of each view when all views stand in one row, and the number of all cells.
    pub offsets: Vec<usize>,
    /// Orders of set winners: `(away_bits, count)` by cell of [`TennisView::Sequence`].
    pub sequences: Vec<(u8, u8)>,
    /// Fewest games of the match: cell 0 of [`TennisView::TotalGames`].
    pub total_min: usize,
    /// Most games of the match that the views tell apart.
    pub total_max: usize,
    /// Largest difference of games.
    pub difference_max: usize,
    /// Most games of one side that the views tell apart.
    pub player_max: usize,
    main: OnceLock<MainSpace>,
}

impl Layout {
    /// The layout of a format; computed once.
    pub fn of(format: &TennisFormat) -> &'static Layout {
        static LAYOUTS: [OnceLock<Layout>; 12] = [const { OnceLock::new() }; 12];
        LAYOUTS[format.best_of as usize * 6 + format.final_set as usize].get_or_init(|| Layout::new(format))
    }

    fn new(format: &TennisFormat) -> Self {
        let sets = format.best_of.sets() as u8;
        let to_win = format.best_of.sets_to_win();
        let deciding = format.set_rule(format.best_of.sets() - 1);
        let longest = deciding.end_count() as u8 - 1;
        let longest_winner = usize::from(deciding.winner_games(longest));
        let mut layout = Self {
            best_of: format.best_of,
            final_set: format.final_set,
            views: Vec::new(),
            offsets: vec![0],
            sequences: sequences(to_win as u8),
            total_min: 6 * to_win,
            total_max: 13 * 2 * (to_win - 1) + longest_winner + usize::from(longest),
            difference_max: 6 * to_win,
            player_max: 13 * (to_win - 1) + longest_winner,
            main: OnceLock::new(),
        };
        use TennisView as V;
        let mut views = vec![V::Sequence, V::TotalGames, V::Difference];
        views.extend([V::PlayerGames(Side::Home), V::PlayerGames(Side::Away), V::TieBreaks, V::WinnerTotal]);
        for set in 0..sets {
            views.push(V::SetScore(set));
            if layout.has_games(set) {
                views.extend((RACE_GAMES_MIN..=RACE_GAMES_MAX).map(|games| V::Race(set, games)));
                views.extend((0..GAMES_RECORDED as u8).map(|game| V::Game(set, game)));
            }
        }
        for (index, &view) in views.iter().enumerate() {
            assert_eq!(view.index(), index);
            layout.offsets.push(layout.offsets[index] + layout.cell_count(view));
        }
        layout.views = views;
        layout
    }

    /// Most sets of the match.
    pub fn sets(&self) -> usize {
        self.best_of.sets()
    }

    /// How the main cells of the joint space are numbered.
    pub(super) fn main(&self) -> &MainSpace {
        self.main.get_or_init(|| MainSpace::new(self))
    }

    /// The main cell of a match that was played to its end.
    pub fn main_cell(&self, format: &TennisFormat, score: &TennisScore) -> usize {
        self.main().cell(self, format, &self.capped(score))
    }

    /// The rule of a set.
    #[inline]
    pub fn set_rule(&self, set: usize) -> SetRule {
        let (best_of, final_set) = (self.best_of, self.final_set);
        TennisFormat { best_of, final_set, ..TennisFormat::default() }.set_rule(set)
    }

    /// The set has games, and with them races.
    pub fn has_games(&self, set: u8) -> bool {
        !matches!(self.set_rule(set.into()), SetRule::MatchTieBreak { .. })
    }

    /// Number of cells of all views.
    pub fn cell_total(&self) -> usize {
        self.offsets[self.views.len()]
    }

    /// Number of cells of a view.
    pub fn cell_count(&self, view: TennisView) -> usize {
        match view {
            TennisView::Sequence => self.sequences.len(),
            TennisView::TotalGames => self.total_max - self.total_min + 1,
            TennisView::Difference => 2 * self.difference_max + 1,
            TennisView::PlayerGames(_) => self.player_max + 1,
            TennisView::TieBreaks => self.best_of.sets() + 1,
            TennisView::WinnerTotal => 2 * (self.total_max - self.total_min + 1),
            TennisView::SetScore(set) => 2 * self.set_rule(set.into()).end_count() + 1,
            TennisView::Race(..) => RACE_CELLS,
            TennisView::Game(..) => GAME_CELLS,
        }
    }

    /// The cell of an order of set winners.
    #[inline]
    pub fn sequence_cell(&self, away_bits: u8, count: u8) -> usize {
        let wanted = (away_bits, count);
        self.sequences
            .iter()
            .position(|&known| known == wanted)
            .expect("every order of set winners is listed")
    }

    /// The cell of a match that was played to its end.
    pub fn cell(&self, view: TennisView, format: &TennisFormat, score: &TennisScore) -> usize {
        let score = self.capped(score);
        let total_cell = |count: i32| count as usize - self.total_min;
        match view.fact(format, &score) {
            Fact::Sets { away_bits, count } => self.sequence_cell(away_bits, count),
            Fact::Count(count) => match view {
                TennisView::TotalGames => total_cell(count),
                TennisView::Difference => (count + self.difference_max as i32) as usize,
                _ => count as usize,
            },
            Fact::WinnerTotal(side, count) => {
                side.index() * (self.total_max - self.total_min + 1) + total_cell(count)
            }
            Fact::SetScore(games) => {
                let (TennisView::SetScore(set), Some(games)) = (view, games) else {
                    return self.cell_count(view) - 1;
                };
                self.set_score_cell(set.into(), games)
            }
            Fact::Race(side) => side.map_or(2, Side::index),
            Fact::Game(game) => game_fact_cell(game),
        }
    }

    /// The cell of the final score of a set.
    #[inline]
    pub fn set_score_cell(&self, set: usize, games: [u8; 2]) -> usize {
        let count = self.set_rule(set).end_count();
        let (winner, loser) = if games[0] > games[1] { (0, games[1]) } else { (1, games[0]) };
        winner * count + usize::from(loser).min(count - 1)
    }

    /// What a view says in a cell.
    pub fn fact_of_cell(&self, view: TennisView, cell: usize) -> Fact {
        let count = cell as i32;
        match view {
            TennisView::Sequence => {
                let (away_bits, count) = self.sequences[cell];
                Fact::Sets { away_bits, count }
            }
            TennisView::TotalGames => Fact::Count(count + self.total_min as i32),
            TennisView::Difference => Fact::Count(count - self.difference_max as i32),
            TennisView::PlayerGames(_) | TennisView::TieBreaks => Fact::Count(count),
            TennisView::WinnerTotal => {
                let totals = self.total_max - self.total_min + 1;
                let total = cell % totals + self.total_min;
                Fact::WinnerTotal(Side::BOTH[cell / totals], total as i32)
            }
            TennisView::SetScore(set) => Fact::SetScore(self.set_score_of_cell(set.into(), cell)),
            TennisView::Race(..) => Fact::Race(Side::BOTH.get(cell).copied()),
            TennisView::Game(..) => Fact::Game(match cell {
                0..8 => Some((Side::BOTH[cell / 4], Some(cell as u8 % 4))),
                8 | 9 => Some((Side::BOTH[cell - 8], None)),
                _ => None,
            }),
        }
    }

    /// The games of a set in a cell of its score; `None` for "not played".
    pub fn set_score_of_cell(&self, set: usize, cell: usize) -> Option<[u8; 2]> {
        let rule = self.set_rule(set);
        let count = rule.end_count();
        let loser = (cell % count) as u8;
        let mut games = [loser; 2];
        *games.get_mut(cell / count)? = rule.winner_games(loser);
        Some(games)
    }

    /// The score with a long advantage set cut to what the views tell apart.
    fn capped(&self, score: &TennisScore) -> TennisScore {
        let mut score = *score;
        let last = self.best_of.sets() - 1;
        let games = &mut score.games[last];
        let excess = games[0].min(games[1]).saturating_sub(SetRule::LOSER_GAMES_MAX);
        games.iter_mut().for_each(|games| *games -= excess);
        score
    }

    /// The views as the template lists them.
    pub(super) fn definitions(&self) -> Vec<View> {
        let definition = |&view| View { name: format!("{view:?}"), cell_count: self.cell_count(view) };
        self.views.iter().map(definition).collect()
    }
}

/// All orders of set winners in which a side wins its last set: won by home 2-0, 2-1, then by away 1-2, 0-2.
fn sequences(sets_to_win: u8) -> Vec<(u8, u8)> {
    let mut all = Vec::new();
    for count in 1..=SETS_MAX as u8 {
        for away_bits in 0..1_u8 << count {
            let away = away_bits.count_ones() as u8;
            let home = count - away;
            let last_is_away = away_bits >> (count - 1) & 1 == 1;
            let (winner, loser) = if last_is_away { (away, home) } else { (home, away) };
            if winner == sets_to_win && loser < sets_to_win {
                all.push((away_bits, count));
            }
        }
    }
    all.sort_by_key(|&(away_bits, count)| {
        let away = away_bits.count_ones() as i32;
        (away - (i32::from(count) - away), away_bits)
    });
    all
}

/// The record of a game as a cell of its view.
pub fn game_cell(record: GameRecord) -> usize {
    game_fact_cell(record.winner().map(|winner| (winner, record.loser_points())))
}

fn game_fact_cell(game: Option<(Side, Option<u8>)>) -> usize {
    match game {
        None => GAME_CELLS - 1,
        Some((side, Some(points))) => side.index() * 4 + usize::from(points),
        Some((side, None)) => 8 + side.index(),
    }
}
