//! The positions of one fixture: profit and loss on every outcome, jointly over all its markets.
//!
//! A bet adds `stake - return(grade)` to each outcome. Grades are few, so a position is a short list of profit
//! and loss by grade, and adding it is one pass over the joint space; taking it back is the same pass with the
//! signs turned. All integers, so a book that is emptied is exactly zero again.

use std::collections::BTreeMap;

use oddsengine_markets::template::{GRADE_LOST, VIEW_CELLS_MAX};
use oddsengine_markets::{Possible, Template};
use oddsengine_types::{codec_struct, payout_minor};

/// Most distinct grades of a template.
pub const GRADES_MAX: usize = 8;
/// The minimum over no outcome at all.
pub const NO_OUTCOME: i64 = i64::MAX;

type PnlOfCell = [i64; VIEW_CELLS_MAX];

/// An amount per grade, by index into the template's grades.
pub type ByGrade = [i64; GRADES_MAX];

/// A stake on a selection of one fixture.
///
/// For a leg of an accumulator `unit_minor` is the stake times the expected returns of the other legs: what is
/// expected to ride on this leg. For a single it is the stake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Index of the selection in the template.
    pub selection: u16,
    /// Odds of the leg, in ten-thousandths.
    pub odds_e4: u32,
    /// Stake of the ticket.
    pub stake_minor: i64,
    /// What rides on this leg.
    pub unit_minor: i64,
}

/// A position to add to a book, or to take back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The position.
    pub position: Position,
    /// It is added; otherwise taken back.
    pub adds: bool,
}

impl Position {
    /// The bookmaker's profit (positive) or loss at each grade.
    pub fn pnl_by_grade(&self, template: &Template) -> ByGrade {
        let mut pnl = [0; GRADES_MAX];
        for (pnl, &grade) in pnl.iter_mut().zip(&template.grades) {
            *pnl = self.stake_minor - payout_minor(self.unit_minor, &[(self.odds_e4, grade)]);
        }
        pnl
    }
}

/// What has been staked on a selection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SelectionTotals {
    /// Number of open legs.
    pub leg_count: u32,
    /// Stakes of the tickets.
    pub stake_minor: i64,
    /// Payout if the selection wins: of singles in full, of accumulators as far as the other legs are expected to.
    pub payout_minor: i64,
    /// What is refunded if the selection is void, likewise.
    pub unit_minor: i64,
}
codec_struct!(SelectionTotals { leg_count, stake_minor, payout_minor, unit_minor });

/// What changes of one selection add up to.
#[derive(Clone, Copy, Debug, Default)]
struct SelectionSums {
    pnl: ByGrade,
    leg_count: i32,
    stake_minor: i64,
    payout_minor: i64,
    unit_minor: i64,
}

impl SelectionSums {
    fn add(&mut self, template: &Template, change: &Change) {
        let Change { position, adds } = change;
        let sign = if *adds { 1 } else { -1 };
        let pnl = position.pnl_by_grade(template);
        self.pnl.iter_mut().zip(&pnl).for_each(|(total, pnl)| *total += sign * pnl);
        self.leg_count += sign as i32;
        self.stake_minor += sign * position.stake_minor;
        self.payout_minor += sign * full_payout(position);
        self.unit_minor += sign * position.unit_minor;
    }
}

/// The positions of one fixture. Empty until the first bet.
#[derive(Clone, Debug, Default)]
pub struct Book {
    /// Profit and loss of the bets on views of the main space, by main cell.
    main: Vec<i64>,
    /// `main` plus the least of the side cells that go with it.
    joint: Vec<i64>,
    side: Vec<i64>,
    side_minima: Vec<i64>,
    markets: BTreeMap<u16, Vec<i64>>,
    selections: BTreeMap<u16, SelectionTotals>,
    worst_minor: i64,
    side_is_stale: bool,
}

impl Book {
    /// Adds and takes back positions: one pass over the joint space per view that they touch.
    pub fn change(&mut self, template: &Template, possible: &Possible, changes: &[Change]) {
        if self.main.is_empty() && !changes.is_empty() {
            self.main = vec![0; template.joint.main_count];
            self.joint = vec![0; template.joint.main_count];
            self.side_minima = vec![0; template.joint.side_masks.len()];
        }
        match changes {
            [] => {}
            [change] => {
                let mut sums = SelectionSums::default();
                sums.add(template, change);
                let (view, pnl_of_cell) = self.count(template, change.position.selection, &sums);
                self.add_to_joint(template, view, &pnl_of_cell);
            }
            _ => self.change_many(template, changes),
        }
        self.selections.retain(|_, totals| *totals != SelectionTotals::default());
        self.refresh_if_sided(template, possible);
        self.worst_minor = self.scan_worst(possible);
    }

    /// Adds up what many changes do to each selection, then to each view, and goes over the joint space once a view.
    fn change_many(&mut self, template: &Template, changes: &[Change]) {
        let mut by_selection: BTreeMap<u16, SelectionSums> = BTreeMap::new();
        for change in changes {
            by_selection.entry(change.position.selection).or_default().add(template, change);
        }
        let mut by_view: BTreeMap<u8, PnlOfCell> = BTreeMap::new();
        for (&selection, sums) in &by_selection {
            let (view, pnl_of_cell) = self.count(template, selection, sums);
            let total = by_view.entry(view).or_insert([0; VIEW_CELLS_MAX]);
            total.iter_mut().zip(&pnl_of_cell).for_each(|(total, pnl)| *total += pnl);
        }
        by_view.iter().for_each(|(&view, pnl_of_cell)| self.add_to_joint(template, view, pnl_of_cell));
    }

    /// Counts changes of a selection in it and its market; returns their profit and loss by cell of its view.
    fn count(&mut self, template: &Template, selection: u16, sums: &SelectionSums) -> (u8, PnlOfCell) {
        let market = template.selections[usize::from(selection)].market;
        let view = template.markets[usize::from(market)].view;
        let cell_count = template.views[usize::from(view)].cell_count;
        let mut pnl_of_cell = [0; VIEW_CELLS_MAX];
        pnl_of_cell[..cell_count].fill(sums.pnl[usize::from(GRADE_LOST)]);
        for run in template.runs_of(usize::from(selection)) {
            pnl_of_cell[usize::from(run.start)..usize::from(run.end)].fill(sums.pnl[usize::from(run.grade)]);
        }
        let market_pnl = self.markets.entry(market).or_insert_with(|| vec![0; cell_count]);
        market_pnl.iter_mut().zip(&pnl_of_cell).for_each(|(total, change)| *total += change);

        let totals = self.selections.entry(selection).or_default();
        totals.leg_count = totals.leg_count.wrapping_add_signed(sums.leg_count);
        totals.stake_minor += sums.stake_minor;
        totals.payout_minor += sums.payout_minor;
        totals.unit_minor += sums.unit_minor;
        (view, pnl_of_cell)
    }

    fn add_to_joint(&mut self, template: &Template, view: u8, pnl_of_cell: &PnlOfCell) {
        match template.joint.main_cells(view) {
            Some(cells) => {
                for ((main, joint), &cell) in self.main.iter_mut().zip(&mut self.joint).zip(cells) {
                    let pnl = pnl_of_cell[usize::from(cell)];
                    *main += pnl;
                    *joint = joint.saturating_add(pnl);
                }
            }
            None => {
                if self.side.is_empty() {
                    self.side = vec![0; template.views[usize::from(view)].cell_count];
                }
                self.side.iter_mut().zip(pnl_of_cell).for_each(|(total, change)| *total += change);
                self.side_is_stale = true;
            }
        }
    }

    fn refresh_if_sided(&mut self, template: &Template, possible: &Possible) {
        if std::mem::take(&mut self.side_is_stale) {
            for (minimum, &mask) in self.side_minima.iter_mut().zip(&template.joint.side_masks) {
                *minimum =
                    cells_of(mask & possible.side).map(|cell| self.side[cell]).min().unwrap_or(NO_OUTCOME);
            }
            let groups = &template.joint.side_mask_of_main;
            for ((joint, &main), &group) in self.joint.iter_mut().zip(&self.main).zip(groups) {
                *joint = main.saturating_add(self.side_minima[usize::from(group)]);
            }
        }
    }

    /// Recomputes what depends on the outcomes still possible; call it when they change.
    pub fn refresh(&mut self, template: &Template, possible: &Possible) {
        if self.main.is_empty() {
            return;
        }
        self.side_is_stale = !self.side.is_empty();
        self.refresh_if_sided(template, possible);
        self.worst_minor = self.scan_worst(possible);
    }

    fn scan_worst(&self, possible: &Possible) -> i64 {
        let worst = match possible.main.len() == self.joint.len() {
            true => self.joint.iter().copied().min(),
            false => possible.main.iter().map(|&cell| self.joint[usize::from(cell)]).min(),
        };
        worst.unwrap_or(0)
    }

    /// The fixture's profit and loss on its worst outcome still possible; 0 without bets. Kept up to date.
    #[inline]
    pub fn worst_minor(&self) -> i64 {
        self.worst_minor
    }

    /// The joint minimum over the outcomes on which a selection has each grade; [`NO_OUTCOME`] where there is none.
    ///
    /// A grade that is possible, but only with more goals (or points) than the joint space tells apart, is judged at
    /// the worst outcome: a limit must not vanish because a score ran away.
    pub fn joint_minima(&self, template: &Template, possible: &Possible, selection: usize) -> ByGrade {
        let mut minima = self.minima_in_space(template, possible, selection);
        let before = &possible.before[usize::from(template.market_of(selection).view)];
        let mut graded_count = 0;
        for run in template.runs_of(selection) {
            let count = before[usize::from(run.end)] - before[usize::from(run.start)];
            graded_count += count;
            let minimum = &mut minima[usize::from(run.grade)];
            if count > 0 && *minimum == NO_OUTCOME {
                *minimum = self.worst_minor;
            }
        }
        let lost = &mut minima[usize::from(GRADE_LOST)];
        if *lost == NO_OUTCOME && graded_count < before[before.len() - 1] {
            *lost = self.worst_minor;
        }
        minima
    }

    fn minima_in_space(&self, template: &Template, possible: &Possible, selection: usize) -> ByGrade {
        let view = template.market_of(selection).view;
        let grades = template.grades_on_cells(selection);
        let mut minima = [NO_OUTCOME; GRADES_MAX];
        let Some(cells) = template.joint.main_cells(view) else {
            return self.side_minima_by_grade(template, possible, &grades);
        };
        if self.main.is_empty() {
            let counts = &possible.before[usize::from(view)];
            for (cell, &grade) in grades[..counts.len() - 1].iter().enumerate() {
                if counts[cell + 1] > counts[cell] {
                    minima[usize::from(grade)] = 0;
                }
            }
            return minima;
        }
        if possible.main.len() == self.joint.len() {
            return minima_by_grade(&self.joint, cells, &grades);
        }
        for &main in &possible.main {
            let main = usize::from(main);
            let minimum = &mut minima[usize::from(grades[usize::from(cells[main])]) % GRADES_MAX];
            *minimum = self.joint[main].min(*minimum);
        }
        minima
    }

    fn side_minima_by_grade(&self, template: &Template, possible: &Possible, grades: &[u8]) -> ByGrade {
        let joint = &template.joint;
        let pnl_of_side = |cell: usize| self.side.get(cell).copied().unwrap_or(0);
        let by_mask: Vec<ByGrade> = joint
            .side_masks
            .iter()
            .map(|&mask| {
                let mut minima = [NO_OUTCOME; GRADES_MAX];
                for cell in cells_of(mask & possible.side) {
                    let minimum = &mut minima[usize::from(grades[cell])];
                    *minimum = pnl_of_side(cell).min(*minimum);
                }
                minima
            })
            .collect();
        let mut minima = [NO_OUTCOME; GRADES_MAX];
        for &main in &possible.main {
            let main = usize::from(main);
            let main_pnl = self.main.get(main).copied().unwrap_or(0);
            for (minimum, &side_pnl) in
                minima.iter_mut().zip(&by_mask[usize::from(joint.side_mask_of_main[main])])
            {
                if side_pnl != NO_OUTCOME {
                    *minimum = (*minimum).min(main_pnl + side_pnl);
                }
            }
        }
        minima
    }

    /// As [`Book::joint_minima`], of the bets of the selection's market alone.
    pub fn market_minima(&self, template: &Template, possible: &Possible, selection: usize) -> ByGrade {
        let market = template.selections[selection].market;
        let counts = &possible.before[usize::from(template.markets[usize::from(market)].view)];
        let grades = template.grades_on_cells(selection);
        let pnl = self.markets.get(&market);
        let mut minima = [NO_OUTCOME; GRADES_MAX];
        for (cell, &grade) in grades[..counts.len() - 1].iter().enumerate() {
            if counts[cell + 1] > counts[cell] {
                let minimum = &mut minima[usize::from(grade)];
                *minimum = (*minimum).min(pnl.map_or(0, |pnl| pnl[cell]));
            }
        }
        minima
    }

    /// Profit and loss of one market on its worst outcome still possible.
    pub fn market_worst_minor(&self, template: &Template, possible: &Possible, market: u16) -> i64 {
        let Some(pnl) = self.markets.get(&market) else { return 0 };
        let counts = &possible.before[usize::from(template.markets[usize::from(market)].view)];
        (0..pnl.len())
            .filter(|&cell| counts[cell + 1] > counts[cell])
            .map(|cell| pnl[cell])
            .min()
            .unwrap_or(0)
    }

    /// Markets with bets, ascending.
    pub fn markets(&self) -> impl Iterator<Item = u16> {
        let mut markets: Vec<u16> = self
            .markets
            .iter()
            .filter(|(_, pnl)| pnl.iter().any(|&pnl| pnl != 0))
            .map(|(&market, _)| market)
            .collect();
        markets.sort_unstable();
        markets.into_iter()
    }

    /// Profit and loss of one market by cell of its view, if it has had bets.
    pub fn market_pnl(&self, market: u16) -> Option<&[i64]> {
        self.markets.get(&market).map(Vec::as_slice)
    }

    /// Totals of a selection.
    pub fn selection(&self, selection: u16) -> SelectionTotals {
        self.selections.get(&selection).copied().unwrap_or_default()
    }

    /// Totals of every selection with bets, ascending.
    pub fn selections(&self) -> impl Iterator<Item = (u16, &SelectionTotals)> {
        self.selections.iter().map(|(&selection, totals)| (selection, totals))
    }

    /// Expected profit and loss under the selections' probabilities of winning and refund.
    pub fn expected_minor(&self, win: &[f64], refund: &[f64]) -> f64 {
        self.selections
            .iter()
            .map(|(&selection, totals)| {
                let selection = usize::from(selection);
                totals.stake_minor as f64
                    - win[selection] * totals.payout_minor as f64
                    - refund[selection] * totals.unit_minor as f64
            })
            .sum()
    }

    /// Profit and loss at one joint outcome: a main cell, and a side cell where the sport has a side view.
    pub fn pnl_at(&self, main: usize, side: Option<usize>) -> i64 {
        let side = side.and_then(|cell| self.side.get(cell)).copied().unwrap_or(0);
        self.main.get(main).copied().unwrap_or(0) + side
    }

    /// No bet is open.
    pub fn is_empty(&self) -> bool {
        self.selections.is_empty()
    }
}

/// The least profit and loss of the cells of each grade. Four lanes, so that one minimum does not wait for another.
fn minima_by_grade(joint: &[i64], cells: &[u8], grades: &[u8; VIEW_CELLS_MAX]) -> ByGrade {
    const LANES: usize = 4;
    let mut lanes = [[NO_OUTCOME; GRADES_MAX]; LANES];
    let (joint_lanes, joint_rest) = joint.as_chunks::<LANES>();
    let (cell_lanes, cell_rest) = cells.as_chunks::<LANES>();
    for (pnl, cells) in joint_lanes.iter().zip(cell_lanes) {
        for lane in 0..LANES {
            let minimum = &mut lanes[lane][usize::from(grades[usize::from(cells[lane])]) % GRADES_MAX];
            *minimum = pnl[lane].min(*minimum);
        }
    }
    for (&pnl, &cell) in joint_rest.iter().zip(cell_rest) {
        let minimum = &mut lanes[0][usize::from(grades[usize::from(cell)]) % GRADES_MAX];
        *minimum = pnl.min(*minimum);
    }
    std::array::from_fn(|grade| (0..LANES).map(|lane| lanes[lane][grade]).min().unwrap_or(NO_OUTCOME))
}

/// What a position pays in full.
fn full_payout(position: &Position) -> i64 {
    payout_minor(position.unit_minor, &[(position.odds_e4, oddsengine_types::Grade::WON)])
}

fn cells_of(mut mask: u128) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        if mask == 0 {
            return None;
        }
        let cell = mask.trailing_zeros() as usize;
        mask &= mask - 1;
        Some(cell)
    })
}
