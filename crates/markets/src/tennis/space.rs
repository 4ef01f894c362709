//! The joint space of a tennis match.
//!
//! Best of 3: every sequence of set scores (1,470 with a tie-break in each set), on which every view but races and single
//! games is exact. Best of 5: the order of set winners with the games of both sides (5,000 to 11,000 cells; sequences of set
//! scores would be 215,000), on which the views of the match are exact and those of single sets are narrowed.

use super::format::{SetRule, TennisFormat};
use super::possible::{SetEnds, TennisGates};
use super::score::{GAMES_RECORDED, TennisScore};
use super::views::{GAME_CELLS, Layout, TennisView};
use crate::football::Side;
use crate::joint::{CellSet, JointSpace, ViewMap};

/// Scores of a set with a tie-break at 6-6.
const STANDARD_SCORES: usize = 14;
/// Games of one side that a row mask can hold: bit = away games, row = home games.
const ROWS: usize = 64;
type Rows = [u64; ROWS];

/// How the main cells are numbered.
#[derive(Debug)]
pub(super) enum MainSpace {
    /// Sequences of set scores, by the cells of the first two sets, then of the third if it is played.
    Scores {
        /// First main cell by the scores of the first two sets.
        first: Vec<[u16; STANDARD_SCORES]>,
        /// Scores of the deciding set.
        deciding: usize,
        /// Number of main cells.
        count: usize,
    },
    /// Orders of set winners, then home games, then away games.
    Games {
        /// Per order of set winners.
        orders: Vec<OrderCells>,
        /// Number of main cells.
        count: usize,
    },
}

/// The main cells of one order of set winners.
#[derive(Debug)]
pub(super) struct OrderCells {
    /// Games of both sides that occur.
    rows: Rows,
    /// First main cell by home games.
    first: [u16; ROWS],
    /// Games of both sides that can be added by the sets from `k` on: `[k]`.
    tails: Vec<Rows>,
}

impl MainSpace {
    /// Numbers the main cells.
    pub fn new(layout: &Layout) -> Self {
        let sets = layout.sets();
        if sets == 3 {
            let deciding = 2 * layout.set_rule(2).end_count();
            let (mut first, mut count) = (Vec::new(), 0);
            for one in 0..STANDARD_SCORES {
                first.push(std::array::from_fn(|two| {
                    let start = count;
                    count += if same_winner(one, two) { 1 } else { deciding };
                    start as u16
                }));
            }
            return Self::Scores { first, deciding, count };
        }
        let mut count = 0;
        let orders = layout.sequences.iter().map(|&(away_bits, length)| {
            let mut tails = vec![only([0, 0])];
            for set in (0..usize::from(length)).rev() {
                let ends = SetEnds::new(layout.set_rule(set), [0; 2]).of(winner_of(away_bits, set));
                let tail = add_set(&tails[0], ends);
                tails.insert(0, tail);
            }
            let rows = tails[0];
            let first = std::array::from_fn(|home| {
                let start = count;
                count += rows[home].count_ones() as usize;
                start as u16
            });
            OrderCells { rows, first, tails }
        });
        let orders: Vec<_> = orders.collect();
        Self::Games { orders, count }
    }

    /// Number of main cells.
    pub fn count(&self) -> usize {
        match self {
            Self::Scores { count, .. } | Self::Games { count, .. } => *count,
        }
    }

    /// The main cell of a match that was played to its end, its long advantage set cut as in the views.
    pub fn cell(&self, layout: &Layout, format: &TennisFormat, score: &TennisScore) -> usize {
        match self {
            Self::Scores { first, .. } => {
                let cells = [0, 1, 2].map(|set| layout.cell(TennisView::SetScore(set), format, score));
                let third = if score.sets_played == 3 { cells[2] } else { 0 };
                usize::from(first[cells[0]][cells[1]]) + third
            }
            Self::Games { orders, .. } => {
                let order = layout.cell(TennisView::Sequence, format, score);
                let [home, away] =
                    Side::BOTH.map(|side| layout.cell(TennisView::PlayerGames(side), format, score));
                orders[order].cell(home, away)
            }
        }
    }

    /// Visits the main cells that are possible from a score, ascending.
    pub fn visit(
        &self,
        layout: &Layout,
        format: &TennisFormat,
        score: &TennisScore,
        gates: &TennisGates,
        mut visit: impl FnMut(usize),
    ) {
        if score.winner(format).is_some() {
            return visit(self.cell(layout, format, score));
        }
        match self {
            Self::Scores { first, deciding, .. } => {
                let [one, two, three] =
                    [0, 1, 2].map(|set| gates.view(TennisView::SetScore(set).index() as u8));
                let not_played = [STANDARD_SCORES, STANDARD_SCORES, *deciding];
                for one in one.iter().filter(|&cell| cell < not_played[0]) {
                    for two in two.iter().filter(|&cell| cell < not_played[1]) {
                        let first = usize::from(first[one][two]);
                        if same_winner(one, two) {
                            visit(first);
                        } else {
                            let played = three.iter().filter(|&cell| cell < not_played[2]);
                            played.for_each(|three| visit(first + three));
                        }
                    }
                }
            }
            Self::Games { orders, .. } => {
                let set = usize::from(score.sets_played);
                let before =
                    [0, 1].map(|side| score.games[..set].iter().map(|games| games[side]).sum::<u8>());
                let current = SetEnds::new(layout.set_rule(set), score.games[set]);
                for order in gates.view(TennisView::Sequence.index() as u8).iter() {
                    let (away_bits, _) = layout.sequences[order];
                    let order = &orders[order];
                    let ends = current
                        .of(winner_of(away_bits, set))
                        .map(|games| [before[0] + games[0], before[1] + games[1]]);
                    let rows = add_set(&order.tails[set + 1], ends);
                    for (home, &row) in rows.iter().enumerate() {
                        super::possible::ones(row.into()).for_each(|away| visit(order.cell(home, away)));
                    }
                }
            }
        }
    }
}

impl OrderCells {
    fn cell(&self, home: usize, away: usize) -> usize {
        debug_assert!(self.rows[home] >> away & 1 == 1);
        usize::from(self.first[home]) + (self.rows[home] & ((1 << away) - 1)).count_ones() as usize
    }
}

/// The cells of two standard sets are won by the same side.
fn same_winner(one: usize, two: usize) -> bool {
    (one < STANDARD_SCORES / 2) == (two < STANDARD_SCORES / 2)
}

fn winner_of(away_bits: u8, set: usize) -> Side {
    Side::BOTH[usize::from(away_bits >> set & 1)]
}

fn only([home, away]: [usize; 2]) -> Rows {
    let mut rows = [0; ROWS];
    rows[home] = 1 << away;
    rows
}

/// All sums of `rows` and one of `ends`.
fn add_set(rows: &Rows, ends: impl Iterator<Item = [u8; 2]>) -> Rows {
    let mut sums = [0; ROWS];
    let last = rows.iter().rposition(|&row| row != 0).unwrap_or(0);
    for [home, away] in ends {
        for (index, row) in rows[..=last].iter().enumerate().filter(|(_, row)| **row != 0) {
            sums[index + usize::from(home)] |= row << away;
        }
    }
    sums
}

/// The joint space of a format.
pub(super) fn joint_space(layout: &Layout, format: &TennisFormat) -> JointSpace {
    let main = layout.main();
    let maps = match main {
        MainSpace::Scores { .. } => maps_of_scores(layout, format, main),
        MainSpace::Games { orders, .. } => maps_of_games(layout, orders),
    };
    JointSpace { main_count: main.count(), maps }
}

/// Best of 3: every main cell is a sequence of set scores.
fn maps_of_scores(layout: &Layout, format: &TennisFormat, main: &MainSpace) -> Vec<ViewMap> {
    let deciding = 2 * layout.set_rule(2).end_count();
    let mut scores = Vec::with_capacity(main.count());
    for one in 0..STANDARD_SCORES {
        for two in 0..STANDARD_SCORES {
            let thirds = if same_winner(one, two) { 1 } else { deciding };
            for three in 0..thirds {
                let cells = [one, two, three];
                let sets_played = if thirds == 1 { 2 } else { 3 };
                let mut score = TennisScore { sets_played, ..TennisScore::default() };
                for (set, &cell) in cells[..sets_played.into()].iter().enumerate() {
                    score.games[set] = layout.set_score_of_cell(set, cell).expect("the set is played");
                }
                scores.push(score);
            }
        }
    }
    let map = |&view: &TennisView| match view {
        TennisView::Race(set, games) => ViewMap::loose(scores.iter().map(|score| {
            let cell = layout.cell(TennisView::SetScore(set), format, score);
            race_cells(layout, set.into(), games, cell)
        })),
        TennisView::Game(set, game) => ViewMap::loose(scores.iter().map(|score| {
            let cell = layout.cell(TennisView::SetScore(set), format, score);
            game_cells(layout, set.into(), game, cell)
        })),
        _ => ViewMap::Exact(scores.iter().map(|score| layout.cell(view, format, score) as u8).collect()),
    };
    layout.views.iter().map(map).collect()
}

/// Best of 5: every main cell is an order of set winners with the games of both sides.
fn maps_of_games(layout: &Layout, orders: &[OrderCells]) -> Vec<ViewMap> {
    let mut cells = Vec::new();
    for (order, places) in orders.iter().enumerate() {
        for (home, &row) in places.rows.iter().enumerate() {
            cells.extend(super::possible::ones(row.into()).map(|away| (order, home, away)));
        }
    }
    let exact = |cell: &dyn Fn(usize, usize, usize) -> usize| {
        ViewMap::Exact(cells.iter().map(|&(order, home, away)| cell(order, home, away) as u8).collect())
    };
    let is_away = |order: usize| {
        let (away_bits, count) = layout.sequences[order];
        2 * away_bits.count_ones() > count.into()
    };
    let totals = layout.total_max - layout.total_min + 1;
    let total = |home: usize, away: usize| home + away - layout.total_min;
    let set_scores: Vec<Vec<CellSet>> =
        (0..layout.sets()).map(|set| set_scores_of_games(layout, orders, set, cells.len())).collect();
    let of_set = |set: u8, cells_of: &dyn Fn(usize) -> CellSet| {
        ViewMap::loose(set_scores[usize::from(set)].iter().map(|scores| union(scores.iter().map(cells_of))))
    };
    let map = |&view: &TennisView| match view {
        TennisView::Sequence => exact(&|order, _, _| order),
        TennisView::TotalGames => exact(&|_, home, away| total(home, away)),
        TennisView::WinnerTotal => {
            exact(&|order, home, away| usize::from(is_away(order)) * totals + total(home, away))
        }
        TennisView::Difference => exact(&|_, home, away| home + layout.difference_max - away),
        TennisView::PlayerGames(Side::Home) => exact(&|_, home, _| home),
        TennisView::PlayerGames(Side::Away) => exact(&|_, _, away| away),
        TennisView::TieBreaks => ViewMap::loose(tie_breaks_of_games(layout, orders, cells.len())),
        TennisView::SetScore(set) => ViewMap::loose(set_scores[usize::from(set)].iter().copied()),
        TennisView::Race(set, games) => of_set(set, &|cell| race_cells(layout, set.into(), games, cell)),
        TennisView::Game(set, game) => of_set(set, &|cell| game_cells(layout, set.into(), game, cell)),
    };
    layout.views.iter().map(map).collect()
}

fn union(sets: impl Iterator<Item = CellSet>) -> CellSet {
    CellSet::from_cells(sets.flat_map(|set| set.iter()))
}

/// Per main cell: the scores that one set can have.
fn set_scores_of_games(layout: &Layout, orders: &[OrderCells], set: usize, count: usize) -> Vec<CellSet> {
    let not_played = 2 * layout.set_rule(set).end_count();
    let mut scores = vec![CellSet::default(); count];
    for (places, &(away_bits, length)) in orders.iter().zip(&layout.sequences) {
        let mut others = only([0, 0]);
        for other in (0..usize::from(length)).filter(|&other| other != set) {
            let ends = SetEnds::new(layout.set_rule(other), [0; 2]).of(winner_of(away_bits, other));
            others = add_set(&others, ends);
        }
        let mut mark = |rows: &Rows, cell: usize| {
            for (home, &row) in rows.iter().enumerate() {
                super::possible::ones(row.into())
                    .for_each(|away| scores[places.cell(home, away)].insert(cell));
            }
        };
        if set >= usize::from(length) {
            mark(&others, not_played);
            continue;
        }
        for games in SetEnds::new(layout.set_rule(set), [0; 2]).of(winner_of(away_bits, set)) {
            mark(&add_set(&others, std::iter::once(games)), layout.set_score_cell(set, games));
        }
    }
    scores
}

/// Per main cell: the numbers of tie-breaks that it can have.
fn tie_breaks_of_games(layout: &Layout, orders: &[OrderCells], count: usize) -> Vec<CellSet> {
    let mut cells = vec![CellSet::default(); count];
    for (places, &(away_bits, length)) in orders.iter().zip(&layout.sequences) {
        let mut by_count = vec![only([0, 0])];
        for set in 0..usize::from(length) {
            let rule = layout.set_rule(set);
            let ends: Vec<_> = SetEnds::new(rule, [0; 2]).of(winner_of(away_bits, set)).collect();
            let of =
                |wanted: bool| ends.iter().copied().filter(move |&end| rule.had_tie_break(end) == wanted);
            let mut next = vec![[0; ROWS]; by_count.len() + 1];
            for (tie_breaks, rows) in by_count.iter().enumerate() {
                for (more, sums) in [(0, add_set(rows, of(false))), (1, add_set(rows, of(true)))] {
                    next[tie_breaks + more].iter_mut().zip(&sums).for_each(|(row, sum)| *row |= sum);
                }
            }
            by_count = next;
        }
        for (tie_breaks, rows) in by_count.iter().enumerate() {
            for (home, &row) in rows.iter().enumerate() {
                super::possible::ones(row.into())
                    .for_each(|away| cells[places.cell(home, away)].insert(tie_breaks));
            }
        }
    }
    cells
}

/// Who can have won a race of a set with this score; a score that was told without the order of its games leaves it void.
fn race_cells(layout: &Layout, set: usize, games: u8, cell: usize) -> CellSet {
    match layout.set_score_of_cell(set, cell) {
        None => CellSet::from_cells([2]),
        // A side that reached the number can have been first.
        Some(score) => CellSet::from_cells((0..2).filter(|&side| score[side] >= games).chain([2])),
    }
}

/// How a game of a set with this score can have ended, or that it is not known.
fn game_cells(layout: &Layout, set: usize, game: u8, cell: usize) -> CellSet {
    let Some(score) = layout.set_score_of_cell(set, cell) else {
        return CellSet::from_cells([GAME_CELLS - 1]);
    };
    debug_assert!(usize::from(game) < GAMES_RECORDED);
    let [loser, winner] = if score[0] < score[1] { [0, 1] } else { [1, 0] };
    let (lost, played) = (score[loser], score[0] + score[1]);
    if game >= played {
        return CellSet::from_cells([GAME_CELLS - 1]);
    }
    // The winner won the last game, from 5-5 the last two; a set that went on beyond 7-5 leaves them open.
    let is_last = match layout.set_rule(set) {
        SetRule::MatchTieBreak { .. } => true,
        _ if lost < 5 => game + 1 == played,
        _ => lost == 5 && game >= 10,
    };
    let loser_can = lost > 0 && !is_last;
    let of = |side: usize| (side * 4..side * 4 + 4).chain([8 + side]);
    let mut cells = CellSet::from_cells(of(winner).chain([GAME_CELLS - 1]));
    if loser_can {
        of(loser).for_each(|cell| cells.insert(cell));
    }
    cells
}
