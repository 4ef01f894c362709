//! What is still possible: the cells of every view and the main cells of the joint space, from any score.
//!
//! From a set that is not over every score with at least the present games of both sides can still be its end, and either
//! side can win it; the rest follows by adding sets. Sets of counts are bit masks, a set of a match is a shift.

use super::format::{SetRule, TennisFormat};
use super::score::{GAMES_RECORDED, TennisScore};
use super::views::{GAME_CELLS, Layout, RACE_GAMES_MAX, RACE_GAMES_MIN, TennisView, game_cell, race_winner};
use crate::football::Side;
use crate::joint::CellSet;

/// The possible cells of one view.
pub fn allowed_cells(format: &TennisFormat, score: &TennisScore, view: TennisView) -> CellSet {
    let layout = Layout::of(format);
    if score.winner(format).is_some() {
        return CellSet::from_cells([layout.cell(view, format, score)]);
    }
    Rest::new(layout, format, score).cells(view)
}

/// The possible cells of every view.
#[derive(Clone, Debug)]
pub struct TennisGates {
    cells: Vec<CellSet>,
}

impl TennisGates {
    /// What is possible from a score.
    pub fn new(format: &TennisFormat, score: &TennisScore) -> Self {
        let layout = Layout::of(format);
        if score.winner(format).is_some() {
            let cell = |&view| CellSet::from_cells([layout.cell(view, format, score)]);
            return Self { cells: layout.views.iter().map(cell).collect() };
        }
        let rest = Rest::new(layout, format, score);
        Self { cells: layout.views.iter().map(|&view| rest.cells(view)).collect() }
    }

    /// The possible cells of a view.
    pub fn view(&self, view: u8) -> CellSet {
        self.cells[usize::from(view)]
    }
}

/// The final scores that a set can still have, by winner and the loser's games.
#[derive(Clone, Copy, Debug)]
pub(super) struct SetEnds {
    rule: SetRule,
    games: [u8; 2],
}

impl SetEnds {
    /// From these games; the set is not over.
    pub fn new(rule: SetRule, games: [u8; 2]) -> Self {
        let excess = games[0].min(games[1]).saturating_sub(SetRule::LOSER_GAMES_MAX);
        Self { rule, games: games.map(|games| games - excess) }
    }

    /// Games of both sides, home first, of every end that `winner` can reach; the loser's games ascend.
    pub fn of(self, winner: Side) -> impl Iterator<Item = [u8; 2]> {
        let [least_winner, least_loser] = [self.games[winner.index()], self.games[1 - winner.index()]];
        (least_loser..self.rule.end_count() as u8).filter_map(move |loser| {
            let games = self.rule.winner_games(loser);
            let mut end = [loser; 2];
            end[winner.index()] = games;
            (games >= least_winner).then_some(end)
        })
    }

    pub fn all(self) -> impl Iterator<Item = [u8; 2]> {
        Side::BOTH.into_iter().flat_map(move |winner| self.of(winner))
    }
}

/// The rest of a match that is not over.
struct Rest<'a> {
    layout: &'a Layout,
    format: &'a TennisFormat,
    score: &'a TennisScore,
    set: usize,
    current: SetEnds,
}

impl<'a> Rest<'a> {
    fn new(layout: &'a Layout, format: &'a TennisFormat, score: &'a TennisScore) -> Self {
        let set = usize::from(score.sets_played);
        let current = SetEnds::new(format.set_rule(set), score.games[set]);
        Self { layout, format, score, set, current }
    }

    fn cells(&self, view: TennisView) -> CellSet {
        let layout = self.layout;
        match view {
            TennisView::Sequence => CellSet::from_cells(self.sequences()),
            TennisView::TotalGames => {
                let [home, away] = self.counts(|_, games| usize::from(games[0]) + usize::from(games[1]));
                bits(home | away, layout.total_min)
            }
            TennisView::WinnerTotal => {
                let [home, away] = self.counts(|_, games| usize::from(games[0]) + usize::from(games[1]));
                let totals = layout.total_max - layout.total_min + 1;
                let mut cells = bits(home, layout.total_min);
                bits(away, layout.total_min).iter().for_each(|cell| cells.insert(totals + cell));
                cells
            }
            TennisView::Difference => {
                // Every set adds at least -6 games: counted from there, differences are counts.
                let shift = |_: usize, games: [u8; 2]| usize::from(6 + games[0] - games[1]);
                let mut cells = CellSet::default();
                for (sets, mask) in self.counts_by_sets(shift) {
                    for bit in ones(mask) {
                        cells.insert(bit + layout.difference_max - 6 * sets);
                    }
                }
                cells
            }
            TennisView::PlayerGames(side) => {
                let [home, away] = self.counts(|_, games| games[side.index()].into());
                bits(home | away, 0)
            }
            TennisView::TieBreaks => {
                let had = |set: usize, games| usize::from(self.format.set_rule(set).had_tie_break(games));
                let [home, away] = self.counts(had);
                bits(home | away, 0)
            }
            TennisView::SetScore(set) => self.set_scores(set.into()),
            TennisView::Race(set, games) => self.race(set.into(), games),
            TennisView::Game(set, game) => self.game(set.into(), game.into()),
        }
    }

    /// Orders of set winners that begin as the match has.
    fn sequences(&self) -> impl Iterator<Item = usize> {
        let known = (1_u8 << self.set) - 1;
        let played = self.score.games[..self.set].iter().enumerate();
        let away_bits = played.fold(0, |bits, (set, games)| bits | u8::from(games[1] > games[0]) << set);
        let fits = move |&(_, &(bits, count)): &(usize, &(u8, u8))| {
            usize::from(count) > self.set && bits & known == away_bits
        };
        self.layout.sequences.iter().enumerate().filter(fits).map(|(cell, _)| cell)
    }

    /// Sums over the sets of the match that can still come out, by winner of the match, as bit masks.
    fn counts(&self, of_set: impl Fn(usize, [u8; 2]) -> usize) -> [u128; 2] {
        let mut won = [0; 2];
        self.walk(of_set, |winner, _, mask| won[winner] |= mask);
        won
    }

    /// The same by number of sets played.
    fn counts_by_sets(&self, of_set: impl Fn(usize, [u8; 2]) -> usize) -> Vec<(usize, u128)> {
        let mut won = Vec::new();
        self.walk(of_set, |_, sets, mask| won.push((sets, mask)));
        won
    }

    /// Walks the scores in sets; `visit(winner, sets played, sums)` at every end of the match.
    fn walk(&self, of_set: impl Fn(usize, [u8; 2]) -> usize, mut visit: impl FnMut(usize, usize, u128)) {
        let to_win = self.format.best_of.sets_to_win();
        let won_now = self.score.sets_won().map(usize::from);
        let before: usize =
            self.score.games[..self.set].iter().enumerate().map(|(set, &games)| of_set(set, games)).sum();
        let mut at = [[0_u128; 4]; 4];
        at[won_now[0]][won_now[1]] = 1 << before;
        for home in won_now[0]..to_win {
            for away in won_now[1]..to_win {
                let here = at[home][away];
                let set = home + away;
                let ends = match set == self.set {
                    true => self.current,
                    false => SetEnds::new(self.format.set_rule(set), [0; 2]),
                };
                for winner in Side::BOTH {
                    let next = ends.of(winner).fold(0, |mask, games| mask | here << of_set(set, games));
                    let [home, away] = [home + 1 - winner.index(), away + winner.index()];
                    if home == to_win || away == to_win {
                        visit(winner.index(), set + 1, next);
                    } else {
                        at[home][away] |= next;
                    }
                }
            }
        }
    }

    /// Whether the match can end before set `set`, and whether set `set` can be played.
    fn can_miss_or_play(&self, set: usize) -> [bool; 2] {
        let mut can = [false; 2];
        for cell in self.sequences() {
            can[usize::from(usize::from(self.layout.sequences[cell].1) > set)] = true;
        }
        can
    }

    fn set_scores(&self, set: usize) -> CellSet {
        let cell = |games| self.layout.set_score_cell(set, games);
        match set.cmp(&self.set) {
            std::cmp::Ordering::Less => CellSet::from_cells([cell(self.score.games[set])]),
            std::cmp::Ordering::Equal => CellSet::from_cells(self.current.all().map(cell)),
            std::cmp::Ordering::Greater => {
                let [can_miss, can_play] = self.can_miss_or_play(set);
                let not_played = 2 * self.layout.set_rule(set).end_count();
                let played = if can_play { 0..not_played } else { 0..0 };
                CellSet::from_cells(played.chain(can_miss.then_some(not_played)))
            }
        }
    }

    fn race(&self, set: usize, games: u8) -> CellSet {
        debug_assert!((RACE_GAMES_MIN..=RACE_GAMES_MAX).contains(&games));
        if set > self.set {
            let [can_miss, can_play] = self.can_miss_or_play(set);
            let played = if can_play { 0..2 } else { 0..0 };
            return CellSet::from_cells(played.chain(can_miss.then_some(2)));
        }
        match race_winner(self.score, set, games) {
            Some(winner) => CellSet::from_cells([winner.map_or(2, Side::index)]),
            None => CellSet::from_cells(0..2),
        }
    }

    fn game(&self, set: usize, game: usize) -> CellSet {
        debug_assert!(game < GAMES_RECORDED);
        let not_played = GAME_CELLS - 1;
        if set > self.set {
            let [can_miss, can_play] = self.can_miss_or_play(set);
            let played = if can_play { 0..8 } else { 0..0 };
            // The shortest set has six games.
            return CellSet::from_cells(played.chain((can_miss || game >= 6).then_some(not_played)));
        }
        if set < self.set || self.score.game(set, game).is_some() {
            let cell = self.score.game(set, game).map_or(not_played, game_cell);
            return CellSet::from_cells([cell]);
        }
        let [home, away] = self.score.games[set].map(usize::from);
        if game == home + away {
            // The loser's points can only grow.
            let least = self.score.points.map(|points| usize::from(points).min(3));
            return CellSet::from_cells((least[1]..4).chain((least[0]..4).map(|points| 4 + points)));
        }
        let can_end = self.current.all().any(|games| usize::from(games[0]) + usize::from(games[1]) <= game);
        CellSet::from_cells((0..8).chain(can_end.then_some(not_played)))
    }
}

/// The ones of a mask, ascending.
pub(super) fn ones(mut mask: u128) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        (mask != 0).then(|| {
            let bit = mask.trailing_zeros() as usize;
            mask &= mask - 1;
            bit
        })
    })
}

fn bits(mask: u128, first: usize) -> CellSet {
    CellSet::from_cells(ones(mask).map(|bit| bit - first))
}
