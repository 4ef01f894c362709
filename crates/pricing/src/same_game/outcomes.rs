//! The joint model of a match now, on the two goal spaces of same-game multiples.

use std::sync::LazyLock;

use oddsengine_markets::football::{
    FootballState, FootballView, ORDER_CELLS, Period, compatible_orders, score_of,
};

use super::SameGameError;
use super::legs::{FULL, HALF, HALF_CELLS, HALVES_WORDS, HalvesCells, SCORE_WORDS, ScoreCells};
use super::order;
use super::sets::Cells;
use super::weights::CellWeights;
use crate::football::depth::DepthFill;
use crate::football::live_views::{GoalMasses, RemainingGoals, order_masses, score_grid};

/// The probabilities of all outcomes of a match now: what the board's prices are sums of, kept joint.
///
/// Filling it costs less than a microsecond; it is made anew when the parameters, the clock or the score move.
#[derive(Clone, Debug)]
pub struct SameGameOutcomes<'m> {
    pub(super) state: FootballState,
    score_now: [usize; 2],
    /// Final scores, home goals by row.
    score: [f64; FULL * FULL],
    /// Scores of each half; the first is scaled so that products sum to 1 with the corrections.
    halves: [[f64; HALF_CELLS]; 2],
    /// Cells of the halves space and what the Dixon–Coles correction adds to them.
    corrections: [(usize, f64); 9],
    correction_count: usize,
    /// What is expected beside the score.
    pub(super) depth: Option<DepthFill<'m>>,
}

impl<'m> SameGameOutcomes<'m> {
    /// As [`SameGameOutcomes::new`], with what is expected beside the score.
    pub(crate) fn with_depth(remaining: &RemainingGoals, depth: DepthFill<'m>) -> Self {
        Self { depth: Some(depth), ..Self::new(remaining, depth.state) }
    }

    /// The model with these goals still expected, in this state: legs on the score, halves and the order of goals.
    /// [`crate::model::Models::same_game`] adds what else a format offers.
    pub fn new(remaining: &RemainingGoals, state: &FootballState) -> Self {
        let masses = GoalMasses::new(remaining, state);
        let scale = 1.0 / masses.corrections.total;
        let mut score = score_grid(&masses.full, remaining);
        score.iter_mut().for_each(|cell| *cell *= scale);
        let halves = [0, 1].map(|half| {
            let scale = if half == 0 { scale } else { 1.0 };
            let mut cells = [0.0; HALF_CELLS];
            for (row, &home) in cells.chunks_exact_mut(HALF).zip(&masses.halves[half][0]) {
                for (cell, &away) in row.iter_mut().zip(&masses.halves[half][1]) {
                    *cell = home * away * scale;
                }
            }
            cells
        });
        let mut corrections = [(0, 0.0); 9];
        let corrected = masses.corrections.goals();
        for (slot, (goals, change)) in corrections.iter_mut().zip(corrected) {
            let [first, second] = goals.map(|[home, away]| usize::from(home) * HALF + usize::from(away));
            *slot = (128 * first + second, change * scale);
        }
        let (home, away) = score_of(state.goals, Period::Match);
        Self {
            state: *state,
            score_now: [home.into(), away.into()],
            score,
            halves,
            corrections,
            correction_count: corrected.len(),
            depth: None,
        }
    }

    /// Probabilities of the final scores, home goals by row.
    pub(super) fn score_cells(&self) -> &[f64; FULL * FULL] {
        &self.score
    }

    /// Order cells that can still occur.
    pub(super) fn possible_orders(&self) -> u128 {
        if self.state.order.count == 0 && self.state.half_is_open(1) {
            return (1 << ORDER_CELLS) - 1;
        }
        (0..ORDER_CELLS)
            .filter(|&cell| self.state.allows(FootballView::Order, cell))
            .fold(0, |set, cell| set | 1 << cell)
    }
}

/// A space on which legs are functions, with the probabilities of its cells.
pub(super) trait GoalSpace<const WORDS: usize> {
    /// Cells that can still occur.
    fn possible(&self) -> Cells<WORDS>;

    /// Goals of home and away that a cell adds to the score.
    fn added(&self, cell: usize) -> (usize, usize);

    /// Probability of the legs that have weights, given a cell.
    fn weight(&self, cell: usize, weights: &CellWeights) -> f64;

    /// Orders of goals that can occur with a cell, whatever has happened.
    fn orders_of(&self, cell: usize) -> u128;

    /// Probability of a set of cells, with the weighted legs and one of `orders` if these are given.
    fn mass(&self, cells: &Cells<WORDS>, weights: Option<&CellWeights>, orders: Option<u128>) -> f64;

    /// Probability of a set of cells with the weighted legs, and its parts of the expected total and difference of goals.
    fn moments(&self, cells: &Cells<WORDS>, weights: Option<&CellWeights>) -> [f64; 3];
}

/// The final scores.
pub(super) struct ScoreSpace<'o>(pub &'o SameGameOutcomes<'o>);

impl GoalSpace<SCORE_WORDS> for ScoreSpace<'_> {
    fn possible(&self) -> ScoreCells {
        let [home, away] = self.0.score_now.map(|goals| goals.min(FULL - 1));
        let mut cells = ScoreCells::EMPTY;
        if !self.0.state.half_is_open(1) {
            cells.insert(home * FULL + away);
            return cells;
        }
        for row in home..FULL {
            (away..FULL).for_each(|column| cells.insert(row * FULL + column));
        }
        cells
    }

    #[inline]
    fn added(&self, cell: usize) -> (usize, usize) {
        let [home, away] = self.0.score_now;
        ((cell / FULL).saturating_sub(home), (cell % FULL).saturating_sub(away))
    }

    fn orders_of(&self, cell: usize) -> u128 {
        // Whichever half a goal falls in, every order of a score can occur.
        static ORDERS: LazyLock<[u128; FULL * FULL]> = LazyLock::new(|| {
            std::array::from_fn(|cell| orders([[(cell / FULL) as u16, (cell % FULL) as u16], [0, 0]]))
        });
        ORDERS[cell]
    }

    #[inline]
    fn weight(&self, cell: usize, weights: &CellWeights) -> f64 {
        weights.on_score(cell, self.added(cell))
    }

    fn mass(&self, cells: &ScoreCells, weights: Option<&CellWeights>, orders: Option<u128>) -> f64 {
        let mass = |cell: usize| match weights {
            Some(weights) => self.0.score[cell] * self.weight(cell, weights),
            None => self.0.score[cell],
        };
        let Some(orders) = orders else {
            let mut sum = 0.0;
            cells.for_each(|cell| sum += mass(cell));
            return sum;
        };
        let mut grid = [0.0; FULL * FULL];
        cells.for_each(|cell| grid[cell] = mass(cell));
        let masses = order_masses(&grid, &self.0.state);
        masses.iter().enumerate().filter(|(cell, _)| orders >> cell & 1 == 1).map(|(_, mass)| mass).sum()
    }

    fn moments(&self, cells: &ScoreCells, weights: Option<&CellWeights>) -> [f64; 3] {
        let mut sums = [0.0; 3];
        cells.for_each(|cell| {
            let mass = self.0.score[cell] * weights.map_or(1.0, |weights| self.weight(cell, weights));
            add_moments(&mut sums, mass, (cell / FULL, cell % FULL));
        });
        sums
    }
}

fn add_moments(sums: &mut [f64; 3], mass: f64, (home, away): (usize, usize)) {
    sums[0] += mass;
    sums[1] += mass * (home + away) as f64;
    sums[2] += mass * (home as f64 - away as f64);
}

/// The goals of each side in each half.
pub(super) struct HalvesSpace<'o>(&'o SameGameOutcomes<'o>);

impl<'o> HalvesSpace<'o> {
    /// The space, unless a half has more goals than its cells tell apart.
    ///
    /// # Errors
    /// [`SameGameError::OutsideRange`] for a half with ten goals of one side.
    pub fn new(outcomes: &'o SameGameOutcomes<'o>) -> Result<Self, SameGameError> {
        for goals in outcomes.state.goals.iter().flatten() {
            SameGameError::check("goals of a side in a half", f64::from(*goals), 0.0, HALF as f64 - 2.0)?;
        }
        Ok(Self(outcomes))
    }

    /// Fills the probabilities of a row's cells that are in the set; `false` where all are 0.
    fn fill_row(
        &self,
        cells: &HalvesCells,
        weights: Option<&CellWeights>,
        first: usize,
        row: &mut [f64; HALF_CELLS],
    ) -> bool {
        let mut bits = cells.row(first);
        if bits == 0 || self.0.halves[0][first] == 0.0 {
            return false;
        }
        *row = [0.0; HALF_CELLS];
        while bits != 0 {
            let second = bits.trailing_zeros() as usize;
            row[second] = self.0.halves[0][first] * self.0.halves[1][second];
            bits &= bits - 1;
        }
        for &(cell, change) in &self.0.corrections[..self.0.correction_count] {
            if cell / 128 == first && cells.contains(cell) {
                row[cell % 128] += change;
            }
        }
        if let Some(weights) = weights {
            for (second, value) in row.iter_mut().enumerate().filter(|(_, value)| **value != 0.0) {
                *value *= self.weight(128 * first + second, weights);
            }
        }
        true
    }
}

impl GoalSpace<HALVES_WORDS> for HalvesSpace<'_> {
    fn possible(&self) -> HalvesCells {
        let state = &self.0.state;
        let fits = |half: usize, cell: usize| {
            let [home, away] = state.goals[half].map(usize::from);
            let (row, column) = (cell / HALF, cell % HALF);
            match state.half_is_open(half) {
                true => row >= home && column >= away,
                false => row == home && column == away,
            }
        };
        let second = (0..HALF_CELLS).filter(|&cell| fits(1, cell)).fold(0_u128, |row, cell| row | 1 << cell);
        let mut cells = HalvesCells::EMPTY;
        (0..HALF_CELLS).filter(|&cell| fits(0, cell)).for_each(|first| cells.set_row(first, second));
        cells
    }

    #[inline]
    fn added(&self, cell: usize) -> (usize, usize) {
        let (first, second) = (cell / 128, cell % 128);
        let [home, away] = self.0.score_now;
        (first / HALF + second / HALF - home, first % HALF + second % HALF - away)
    }

    fn orders_of(&self, cell: usize) -> u128 {
        static ORDERS: LazyLock<Box<[u128]>> = LazyLock::new(|| {
            let score = |cell: usize| [(cell / HALF) as u16, (cell % HALF) as u16];
            (0..128 * HALF_CELLS)
                .map(|cell| match cell % 128 < HALF_CELLS {
                    true => orders([score(cell / 128), score(cell % 128)]),
                    false => 0,
                })
                .collect()
        });
        ORDERS[cell]
    }

    #[inline]
    fn weight(&self, cell: usize, weights: &CellWeights) -> f64 {
        weights.on_halves(cell / 128, cell % 128, self.added(cell))
    }

    fn moments(&self, cells: &HalvesCells, weights: Option<&CellWeights>) -> [f64; 3] {
        let mut sums = [0.0; 3];
        let mut row = [0.0; HALF_CELLS];
        for first in 0..HALF_CELLS {
            if self.fill_row(cells, weights, first, &mut row) {
                for (second, &mass) in row.iter().enumerate() {
                    let goals = (first / HALF + second / HALF, first % HALF + second % HALF);
                    add_moments(&mut sums, mass, goals);
                }
            }
        }
        sums
    }

    fn mass(&self, cells: &HalvesCells, weights: Option<&CellWeights>, orders: Option<u128>) -> f64 {
        if let Some(orders) = orders {
            return order::mass(&self.0.state, orders, |first, row| {
                self.fill_row(cells, weights, first, row)
            });
        }
        let mut sum = 0.0;
        if weights.is_some() {
            let mut row = [0.0; HALF_CELLS];
            for first in 0..HALF_CELLS {
                if self.fill_row(cells, weights, first, &mut row) {
                    sum += row.iter().sum::<f64>();
                }
            }
            return sum;
        }
        for (first, &mass) in self.0.halves[0].iter().enumerate() {
            let mut bits = cells.row(first);
            if bits == 0 || mass == 0.0 {
                continue;
            }
            let mut row = 0.0;
            while bits != 0 {
                row += self.0.halves[1][bits.trailing_zeros() as usize];
                bits &= bits - 1;
            }
            sum += mass * row;
        }
        let corrections = &self.0.corrections[..self.0.correction_count];
        sum + corrections
            .iter()
            .filter(|(cell, _)| cells.contains(*cell))
            .map(|(_, change)| change)
            .sum::<f64>()
    }
}

fn orders(goals: [[u16; 2]; 2]) -> u128 {
    compatible_orders(goals).iter().fold(0, |set, cell| set | 1 << cell)
}
