//! The positions of one fixture: profit and loss on every outcome, jointly over all its markets.
//!
//! A bet adds `stake - return(grade)` to each outcome. Grades are few, so a position is a short list of profit
//! and loss by grade, and adding it is one pass over the joint space; taking it back is the same pass with the
//! signs turned. All integers, so a book that is emptied is exactly zero again.

use std::collections::BTreeMap;

pub use oddsengine_markets::template::GRADES_MAX;
use oddsengine_markets::template::{GRADE_LOST, VIEW_CELLS_MAX};
use oddsengine_markets::{CellSet, Possible, Template, ViewMap};
use oddsengine_types::{Grade, codec_struct, payout_minor};

use crate::kernel;

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
    /// It is the place part of an each-way bet, which pays one part in so many of the odds; 0 where it is not.
    pub place_fraction_of: u8,
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
            *pnl = self.stake_minor - self.payout_minor(grade);
        }
        pnl
    }

    /// What rides on the leg pays at a grade.
    #[inline]
    fn payout_minor(&self, grade: Grade) -> i64 {
        let grade = match self.place_fraction_of {
            0 => grade,
            of => place_grade(grade, of),
        };
        payout_minor(self.unit_minor, &[(self.odds_e4, grade)])
    }
}

/// The grade at which the place part of an each-way bet pays at the whole odds what it pays at its part of them.
///
/// The grades of races have small denominators; one that has not counts as won, for which a book is never too small.
pub fn place_grade(grade: Grade, fraction_of: u8) -> Grade {
    grade.of_place(fraction_of).unwrap_or(Grade::WON)
}

/// Grades of a template as those of the place parts of each-way bets.
pub fn place_grades(grades: &[Grade], fraction_of: u8) -> Vec<Grade> {
    grades.iter().map(|&grade| place_grade(grade, fraction_of)).collect()
}

/// A selection that a ticket stakes on, and how it grows at each grade: see [`crate::growth_of`].
#[derive(Clone, Copy, Debug)]
pub struct Growing {
    /// Index of the selection in the template.
    pub selection: usize,
    /// By index into the template's grades.
    pub growth: [i128; GRADES_MAX],
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
    /// By main cell of the joint space: profit and loss of the bets on exact views plus, for every loose view, the least
    /// of the cells that go with the main cell.
    joint: Vec<i64>,
    /// Bets on loose views, by view.
    loose: BTreeMap<u8, LooseBook>,
    markets: BTreeMap<u16, MarketBook>,
    selections: BTreeMap<u16, SelectionTotals>,
    worst_minor: i64,
    loose_is_stale: bool,
}

/// Positions added up by selection alone: what is asked for now and then, for a fraction of what a [`Book`] costs to keep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Number of positions, and profit and loss by grade.
    selections: BTreeMap<u16, (u32, ByGrade)>,
}

impl Tally {
    /// Adds a position or takes one back.
    pub fn change(&mut self, template: &Template, change: &Change) {
        let Change { position, adds } = change;
        let sign = if *adds { 1 } else { -1 };
        let (count, total) = self.selections.entry(position.selection).or_default();
        *count = count.wrapping_add_signed(sign as i32);
        let pnl = position.pnl_by_grade(template);
        total.iter_mut().zip(&pnl).for_each(|(total, pnl)| *total += sign * pnl);
        if *count == 0 {
            debug_assert_eq!(*total, [0; GRADES_MAX], "what is taken back was added");
            self.selections.remove(&position.selection);
        }
    }

    /// Profit and loss on the worst outcome still possible, as a [`Book`] of the same positions tells it: one pass over
    /// the joint space per view with bets.
    pub fn worst_minor(&self, template: &Template, possible: &Possible) -> i64 {
        let mut by_view: BTreeMap<u8, PnlOfCell> = BTreeMap::new();
        for (&selection, (_, pnl)) in &self.selections {
            let (view, pnl_of_cell) = pnl_of_cells(template, selection, pnl);
            add(by_view.entry(view).or_insert([0; VIEW_CELLS_MAX]), &pnl_of_cell);
        }
        let mut book = Book { joint: vec![0; template.joint.main_count], ..Book::default() };
        for (&view, pnl_of_cell) in &by_view {
            book.add_to_joint(template, view, pnl_of_cell);
        }
        book.refresh_if_loose(template, possible);
        book.scan_worst(possible)
    }
}

/// Profit and loss by cell of a selection's view.
fn pnl_of_cells(template: &Template, selection: u16, pnl: &ByGrade) -> (u8, PnlOfCell) {
    let view = template.view_of(selection.into());
    let mut pnl_of_cell = [0; VIEW_CELLS_MAX];
    pnl_of_cell[..template.views[usize::from(view)].cell_count].fill(pnl[usize::from(GRADE_LOST)]);
    for run in template.runs_of(usize::from(selection)) {
        pnl_of_cell[usize::from(run.start)..usize::from(run.end)].fill(pnl[usize::from(run.grade)]);
    }
    (view, pnl_of_cell)
}

/// The bets on a loose view.
#[derive(Clone, Debug, Default)]
struct LooseBook {
    /// Profit and loss by cell of the view.
    pnl: Vec<i64>,
    /// The least of the possible cells of every group, as `joint` counts it; 0 where none is possible.
    minima: Vec<i64>,
}

/// The bets of one market.
#[derive(Clone, Debug, Default)]
struct MarketBook {
    /// By cell of the view that its selections share; by main cell, of exact views alone, if they share none.
    pnl: Vec<i64>,
    /// By cell of each loose view, if its selections share no view.
    loose: BTreeMap<u8, Vec<i64>>,
}

impl Book {
    /// Adds and takes back positions: one pass over the joint space per view that they touch.
    pub fn change(&mut self, template: &Template, possible: &Possible, changes: &[Change]) {
        if self.joint.is_empty() && !changes.is_empty() {
            self.joint = vec![0; template.joint.main_count];
        }
        // Least of all main cells after the last pass over them, where a pass told it.
        let mut least = None;
        match changes {
            [] => {}
            [change] => {
                let mut sums = SelectionSums::default();
                sums.add(template, change);
                let (view, pnl_of_cell) = self.count(template, change.position.selection, &sums);
                least = self.add_to_joint(template, view, &pnl_of_cell);
            }
            _ => self.change_many(template, changes),
        }
        if changes.iter().any(|change| !change.adds) {
            self.selections.retain(|_, totals| *totals != SelectionTotals::default());
        }
        self.refresh_if_loose(template, possible);
        self.worst_minor = match least {
            Some(least) if possible.main.len() == self.joint.len() => least,
            _ => self.scan_worst(possible),
        };
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
        for (&view, pnl_of_cell) in &by_view {
            self.add_to_joint(template, view, pnl_of_cell);
        }
    }

    /// Counts changes of a selection in it and its market; returns their profit and loss by cell of its view.
    fn count(&mut self, template: &Template, selection: u16, sums: &SelectionSums) -> (u8, PnlOfCell) {
        let market = template.selections[usize::from(selection)].market;
        let (view, pnl_of_cell) = pnl_of_cells(template, selection, &sums.pnl);
        let cell_count = template.views[usize::from(view)].cell_count;
        let shares_view = template.markets[usize::from(market)].view.is_some();
        let market_book = self.markets.entry(market).or_insert_with(|| MarketBook {
            pnl: vec![0; if shares_view { cell_count } else { template.joint.main_count }],
            loose: BTreeMap::new(),
        });
        match (shares_view, template.joint.map(view)) {
            (true, _) => add(&mut market_book.pnl, &pnl_of_cell),
            (false, ViewMap::Exact(cells)) => {
                kernel::add_projected(&mut market_book.pnl, cells, &pnl_of_cell);
            }
            (false, ViewMap::Loose { .. }) => {
                add(market_book.loose.entry(view).or_insert_with(|| vec![0; cell_count]), &pnl_of_cell);
            }
        }
        let totals = self.selections.entry(selection).or_default();
        totals.leg_count = totals.leg_count.wrapping_add_signed(sums.leg_count);
        totals.stake_minor += sums.stake_minor;
        totals.payout_minor += sums.payout_minor;
        totals.unit_minor += sums.unit_minor;
        (view, pnl_of_cell)
    }

    /// Adds profit and loss by cell of a view; the least of all main cells, unless a loose view has still to be counted.
    fn add_to_joint(&mut self, template: &Template, view: u8, pnl_of_cell: &PnlOfCell) -> Option<i64> {
        match template.joint.map(view) {
            ViewMap::Exact(cells) => Some(kernel::add_projected(&mut self.joint, cells, pnl_of_cell)),
            ViewMap::Loose { groups, .. } => {
                let book = self.loose.entry(view).or_insert_with(|| LooseBook {
                    pnl: vec![0; template.views[usize::from(view)].cell_count],
                    minima: vec![0; groups.len()],
                });
                add(&mut book.pnl, pnl_of_cell);
                self.loose_is_stale = true;
                None
            }
        }
    }

    fn refresh_if_loose(&mut self, template: &Template, possible: &Possible) {
        if !std::mem::take(&mut self.loose_is_stale) {
            return;
        }
        for (&view, book) in &mut self.loose {
            let ViewMap::Loose { group_of_main, groups } = template.joint.map(view) else { continue };
            let allowed = allowed_cells(template, possible, view);
            let mut moved = vec![0; groups.len()];
            for ((minimum, moved), group) in book.minima.iter_mut().zip(&mut moved).zip(groups) {
                let now = least(&book.pnl, group, &allowed).unwrap_or(0);
                *moved = now - *minimum;
                *minimum = now;
            }
            if moved.iter().any(|&moved| moved != 0) {
                for (joint, &group) in self.joint.iter_mut().zip(group_of_main) {
                    *joint += moved[usize::from(group)];
                }
            }
        }
    }

    /// Recomputes what depends on the outcomes still possible; call it when they change.
    pub fn refresh(&mut self, template: &Template, possible: &Possible) {
        if self.joint.is_empty() {
            return;
        }
        self.loose_is_stale = !self.loose.is_empty();
        self.refresh_if_loose(template, possible);
        self.worst_minor = self.scan_worst(possible);
    }

    fn scan_worst(&self, possible: &Possible) -> i64 {
        let worst = match possible.main.len() == self.joint.len() {
            true => Some(kernel::least(&self.joint)),
            false => possible.main.iter().map(|&cell| self.joint[usize::from(cell)]).min(),
        };
        worst.unwrap_or(0)
    }

    /// The fixture's profit and loss on its worst outcome still possible; 0 without bets. Kept up to date. With more
    /// than one loose view in the joint space it is a bound: the loss is never larger.
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
        self.judge_beyond_space(template, possible, selection, self.worst_minor, &mut minima);
        minima
    }

    /// Fills in `worst` for grades that are possible on the view but on no main cell.
    fn judge_beyond_space(
        &self,
        template: &Template,
        possible: &Possible,
        selection: usize,
        worst: i64,
        minima: &mut ByGrade,
    ) {
        let before = &possible.before[usize::from(template.view_of(selection))];
        let mut graded_count = 0;
        for run in template.runs_of(selection) {
            let count = before[usize::from(run.end)] - before[usize::from(run.start)];
            graded_count += count;
            let minimum = &mut minima[usize::from(run.grade)];
            if count > 0 && *minimum == NO_OUTCOME {
                *minimum = worst;
            }
        }
        let lost = &mut minima[usize::from(GRADE_LOST)];
        if *lost == NO_OUTCOME && graded_count < before[before.len() - 1] {
            *lost = worst;
        }
    }

    fn minima_in_space(&self, template: &Template, possible: &Possible, selection: usize) -> ByGrade {
        let view = template.view_of(selection);
        let grades = template.grades_on_cells(selection);
        if self.joint.is_empty() {
            return zeros_where_possible(possible, view, &grades);
        }
        match template.joint.map(view) {
            ViewMap::Exact(cells) if possible.main.len() == self.joint.len() => {
                kernel::least_by_grade(&self.joint, cells, &grades)
            }
            ViewMap::Exact(cells) => {
                let mut minima = [NO_OUTCOME; GRADES_MAX];
                for &main in &possible.main {
                    let main = usize::from(main);
                    let minimum = &mut minima[usize::from(grades[usize::from(cells[main])]) % GRADES_MAX];
                    *minimum = self.joint[main].min(*minimum);
                }
                minima
            }
            ViewMap::Loose { group_of_main, groups } => {
                let allowed = allowed_cells(template, possible, view);
                let pnl = self.loose.get(&view).map(|book| book.pnl.as_slice());
                let excess = excess_by_grade(pnl, groups, &allowed, &grades);
                let joint = |main: usize| self.joint[main];
                minima_of_loose(&possible.main, group_of_main, &excess, joint)
            }
        }
    }

    /// The least profit and loss for each sum of growths that several selections have together on the outcomes still
    /// possible: what [`crate::steps_max_of_lines`] asks for. Exact with one loose view; with more, selections on different
    /// ones are taken to have any grades together.
    pub fn joint_lines(
        &self,
        template: &Template,
        possible: &Possible,
        legs: &[Growing],
    ) -> Vec<(i64, i128)> {
        let pnl_at = |main: usize| self.joint.get(main).copied().unwrap_or(0);
        let loose = |view: u8| self.loose.get(&view).map(|book| book.pnl.as_slice());
        let worst = if self.joint.is_empty() { 0 } else { self.worst_minor };
        lines_of(template, possible, legs, pnl_at, loose, worst)
    }

    /// As [`Book::joint_lines`], of selections of one market and the bets on it alone.
    pub fn market_lines(
        &self,
        template: &Template,
        possible: &Possible,
        legs: &[Growing],
    ) -> Vec<(i64, i128)> {
        let Some(first) = legs.first() else { return Vec::new() };
        let market = template.selections[first.selection].market;
        let book = self.markets.get(&market);
        if let Some(view) = template.markets[usize::from(market)].view {
            let grades: Vec<_> = legs.iter().map(|leg| template.grades_on_cells(leg.selection)).collect();
            let mut least = BTreeMap::new();
            for cell in
                (0..template.views[usize::from(view)].cell_count).filter(|&cell| possible.has(view, cell))
            {
                let growths = legs.iter().zip(&grades);
                let growth = growths.map(|(leg, grades)| leg.growth[usize::from(grades[cell])]).sum();
                keep_least(&mut least, growth, book.map_or(0, |book| book.pnl[cell]));
            }
            return least.into_iter().map(|(growth, pnl)| (pnl, growth)).collect();
        }
        let Some(book) = book else {
            return lines_of(template, possible, legs, |_| 0, |_| None, 0);
        };
        let pnl_at = book.by_main(template, possible);
        let worst = possible.main.iter().map(|&main| pnl_at(main.into())).min().unwrap_or(0);
        lines_of(template, possible, legs, &pnl_at, |view| book.loose.get(&view).map(Vec::as_slice), worst)
    }

    /// As [`Book::joint_minima`], of the bets of the selection's market alone.
    pub fn market_minima(&self, template: &Template, possible: &Possible, selection: usize) -> ByGrade {
        let market = template.selections[selection].market;
        let view = template.view_of(selection);
        let grades = template.grades_on_cells(selection);
        let Some(book) = self.markets.get(&market) else {
            return zeros_where_possible(possible, view, &grades);
        };
        let mut minima = [NO_OUTCOME; GRADES_MAX];
        if template.markets[usize::from(market)].view.is_some() {
            for (cell, &pnl) in book.pnl.iter().enumerate() {
                if possible.has(view, cell) {
                    let minimum = &mut minima[usize::from(grades[cell])];
                    *minimum = (*minimum).min(pnl);
                }
            }
            return minima;
        }
        let pnl_at = book.by_main(template, possible);
        match template.joint.map(view) {
            ViewMap::Exact(cells) => {
                for &main in &possible.main {
                    let main = usize::from(main);
                    let minimum = &mut minima[usize::from(grades[usize::from(cells[main])])];
                    *minimum = (*minimum).min(pnl_at(main));
                }
            }
            ViewMap::Loose { group_of_main, groups } => {
                let allowed = allowed_cells(template, possible, view);
                let pnl = book.loose.get(&view).map(Vec::as_slice);
                let excess = excess_by_grade(pnl, groups, &allowed, &grades);
                minima = minima_of_loose(&possible.main, group_of_main, &excess, &pnl_at);
            }
        }
        let worst = possible.main.iter().map(|&main| pnl_at(main.into())).min().unwrap_or(0);
        self.judge_beyond_space(template, possible, selection, worst, &mut minima);
        minima
    }

    /// Profit and loss of one market on its worst outcome still possible.
    pub fn market_worst_minor(&self, template: &Template, possible: &Possible, market: u16) -> i64 {
        let Some(book) = self.markets.get(&market) else { return 0 };
        let worst = match template.markets[usize::from(market)].view {
            Some(view) => {
                (0..book.pnl.len()).filter(|&cell| possible.has(view, cell)).map(|cell| book.pnl[cell]).min()
            }
            None => {
                let pnl_at = book.by_main(template, possible);
                possible.main.iter().map(|&main| pnl_at(main.into())).min()
            }
        };
        worst.unwrap_or(0)
    }

    /// Markets with bets, ascending.
    pub fn markets(&self) -> impl Iterator<Item = u16> {
        let has_bets =
            |book: &MarketBook| book.pnl.iter().chain(book.loose.values().flatten()).any(|&pnl| pnl != 0);
        self.markets.iter().filter(move |(_, book)| has_bets(book)).map(|(&market, _)| market)
    }

    /// Profit and loss of one market by cell of its view, if it has had bets; of one whose selections share no view,
    /// by main cell of the joint space.
    pub fn market_pnl(&self, market: u16) -> Option<&[i64]> {
        self.markets.get(&market).map(|book| book.pnl.as_slice())
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

    /// Profit and loss at a main cell, of the bets on exact views.
    pub fn pnl_at_main(&self, template: &Template, main: usize) -> i64 {
        let counted = |(&view, book): (&u8, &LooseBook)| match template.joint.map(view) {
            ViewMap::Loose { group_of_main, .. } => book.minima[usize::from(group_of_main[main])],
            ViewMap::Exact(_) => 0,
        };
        self.joint.get(main).map_or(0, |joint| joint - self.loose.iter().map(counted).sum::<i64>())
    }

    /// Profit and loss at a cell of a loose view, of the bets on that view.
    pub fn pnl_at_loose(&self, view: u8, cell: usize) -> i64 {
        self.loose.get(&view).and_then(|book| book.pnl.get(cell)).copied().unwrap_or(0)
    }

    /// No bet is open.
    pub fn is_empty(&self) -> bool {
        self.selections.is_empty()
    }
}

/// What a position pays in full.
fn full_payout(position: &Position) -> i64 {
    position.payout_minor(Grade::WON)
}

fn add(totals: &mut [i64], changes: &PnlOfCell) {
    totals.iter_mut().zip(changes).for_each(|(total, change)| *total += change);
}

/// The possible cells of a loose view.
fn allowed_cells(template: &Template, possible: &Possible, view: u8) -> CellSet {
    let loose = template.joint.maps[..usize::from(view)]
        .iter()
        .filter(|map| matches!(map, ViewMap::Loose { .. }))
        .count();
    possible.loose[loose]
}

fn least(pnl: &[i64], group: &CellSet, allowed: &CellSet) -> Option<i64> {
    group.intersect(allowed).iter().map(|cell| pnl[cell]).min()
}

/// Without bets every possible grade has a profit and loss of 0.
fn zeros_where_possible(possible: &Possible, view: u8, grades: &[u8; VIEW_CELLS_MAX]) -> ByGrade {
    let mut minima = [NO_OUTCOME; GRADES_MAX];
    let cell_count = possible.before[usize::from(view)].len() - 1;
    for (cell, &grade) in grades[..cell_count].iter().enumerate() {
        if possible.has(view, cell) {
            minima[usize::from(grade)] = 0;
        }
    }
    minima
}

/// Per group of a loose view and grade: by how much the least cell of that grade is above the least cell of all, which
/// the joint profit and loss counts already.
fn excess_by_grade(
    pnl: Option<&[i64]>,
    groups: &[CellSet],
    allowed: &CellSet,
    grades: &[u8; VIEW_CELLS_MAX],
) -> Vec<ByGrade> {
    let pnl_of = |cell: usize| pnl.map_or(0, |pnl| pnl[cell]);
    let of_group = |group: &CellSet| {
        let mut minima = [NO_OUTCOME; GRADES_MAX];
        for cell in group.intersect(allowed).iter() {
            let minimum = &mut minima[usize::from(grades[cell])];
            *minimum = pnl_of(cell).min(*minimum);
        }
        let least = minima.iter().copied().min().unwrap_or(NO_OUTCOME);
        minima.map(|minimum| if minimum == NO_OUTCOME { NO_OUTCOME } else { minimum - least })
    };
    groups.iter().map(of_group).collect()
}

fn keep_least(least: &mut BTreeMap<i128, i64>, growth: i128, pnl: i64) {
    least.entry(growth).and_modify(|known| *known = pnl.min(*known)).or_insert(pnl);
}

/// Of the cells of a group: growths, and by how much the least profit and loss of each is above the least of all.
type OfGroup = Vec<(i128, i64)>;

/// See [`Book::joint_lines`]. `worst`: of all outcomes, for grades that are possible beyond the joint space alone.
fn lines_of<'a>(
    template: &Template,
    possible: &Possible,
    legs: &[Growing],
    pnl_at: impl Fn(usize) -> i64,
    loose_pnl: impl Fn(u8) -> Option<&'a [i64]>,
    worst: i64,
) -> Vec<(i64, i128)> {
    let grades: Vec<_> = legs.iter().map(|leg| template.grades_on_cells(leg.selection)).collect();
    let mut exact: Vec<(&[u8], usize)> = Vec::new();
    let mut by_loose: BTreeMap<u8, Vec<usize>> = BTreeMap::new();
    for (leg, of_leg) in legs.iter().enumerate() {
        let view = template.view_of(of_leg.selection);
        match template.joint.map(view) {
            ViewMap::Exact(cells) => exact.push((cells, leg)),
            ViewMap::Loose { .. } => by_loose.entry(view).or_default().push(leg),
        }
    }
    // Per loose view and group: by how much the least cell of each growth is above the least of all.
    let loose: Vec<(&[u16], Vec<OfGroup>)> = by_loose
        .iter()
        .filter_map(|(&view, on_it)| match template.joint.map(view) {
            ViewMap::Exact(_) => None,
            ViewMap::Loose { group_of_main, groups } => {
                let allowed = allowed_cells(template, possible, view);
                let pnl = loose_pnl(view);
                let of_group = |group: &CellSet| {
                    let mut least = BTreeMap::new();
                    for cell in group.intersect(&allowed).iter() {
                        let growth =
                            on_it.iter().map(|&leg| legs[leg].growth[usize::from(grades[leg][cell])]).sum();
                        keep_least(&mut least, growth, pnl.map_or(0, |pnl| pnl[cell]));
                    }
                    let counted = least.values().copied().min().unwrap_or(0);
                    least.into_iter().map(|(growth, pnl)| (growth, pnl - counted)).collect()
                };
                Some((group_of_main.as_slice(), groups.iter().map(of_group).collect()))
            }
        })
        .collect();
    let mut seen = vec![[false; GRADES_MAX]; legs.len()];
    let mut lines = BTreeMap::new();
    let mut here: Vec<(i128, i64)> = Vec::new();
    for &main in &possible.main {
        let main = usize::from(main);
        let mut growth = 0;
        for &(cells, leg) in &exact {
            let grade = usize::from(grades[leg][usize::from(cells[main])]) % GRADES_MAX;
            seen[leg][grade] = true;
            growth += legs[leg].growth[grade];
        }
        if loose.is_empty() {
            keep_least(&mut lines, growth, pnl_at(main));
            continue;
        }
        here.clear();
        here.push((growth, pnl_at(main)));
        for (group_of_main, groups) in &loose {
            let of_group = &groups[usize::from(group_of_main[main])];
            let before = std::mem::take(&mut here);
            for (growth, pnl) in before {
                here.extend(
                    of_group.iter().map(|&(more, excess)| (growth + more, pnl.saturating_add(excess))),
                );
            }
        }
        here.iter().for_each(|&(growth, pnl)| keep_least(&mut lines, growth, pnl));
    }
    for (&view, on_it) in &by_loose {
        if let ViewMap::Loose { group_of_main, groups } = template.joint.map(view) {
            let allowed = allowed_cells(template, possible, view);
            let mut is_open = vec![false; groups.len()];
            possible
                .main
                .iter()
                .for_each(|&main| is_open[usize::from(group_of_main[usize::from(main)])] = true);
            for (group, _) in groups.iter().zip(is_open).filter(|(_, is_open)| *is_open) {
                for cell in group.intersect(&allowed).iter() {
                    on_it.iter().for_each(|&leg| seen[leg][usize::from(grades[leg][cell])] = true);
                }
            }
        }
    }
    beyond_space(template, possible, legs, &seen, worst, &mut lines);
    lines.into_iter().map(|(growth, pnl)| (pnl, growth)).collect()
}

/// A grade that is possible on its view and on no main cell is judged at the worst outcome, with the others as they cost most.
fn beyond_space(
    template: &Template,
    possible: &Possible,
    legs: &[Growing],
    seen: &[[bool; GRADES_MAX]],
    worst: i64,
    lines: &mut BTreeMap<i128, i64>,
) {
    let open: Vec<[bool; GRADES_MAX]> = legs
        .iter()
        .map(|leg| {
            let view = template.view_of(leg.selection);
            let grades = template.grades_on_cells(leg.selection);
            let mut open = [false; GRADES_MAX];
            for cell in
                (0..template.views[usize::from(view)].cell_count).filter(|&cell| possible.has(view, cell))
            {
                open[usize::from(grades[cell])] = true;
            }
            open
        })
        .collect();
    let most = |leg: usize| {
        let grades = (0..GRADES_MAX).filter(|&grade| open[leg][grade]);
        grades.map(|grade| legs[leg].growth[grade]).max().unwrap_or(0)
    };
    for leg in 0..legs.len() {
        for grade in (0..GRADES_MAX).filter(|&grade| open[leg][grade] && !seen[leg][grade]) {
            let others: i128 = (0..legs.len()).filter(|&other| other != leg).map(most).sum();
            keep_least(lines, legs[leg].growth[grade] + others, worst);
        }
    }
}

fn minima_of_loose(
    possible_main: &[u16],
    group_of_main: &[u16],
    excess: &[ByGrade],
    pnl_at: impl Fn(usize) -> i64,
) -> ByGrade {
    let mut minima = [NO_OUTCOME; GRADES_MAX];
    for &main in possible_main {
        let main = usize::from(main);
        let pnl = pnl_at(main);
        for (minimum, &excess) in minima.iter_mut().zip(&excess[usize::from(group_of_main[main])]) {
            if excess != NO_OUTCOME {
                *minimum = (*minimum).min(pnl.saturating_add(excess));
            }
        }
    }
    minima
}

impl MarketBook {
    /// Profit and loss by main cell of a market whose selections share no view: exact views, and the least of what goes
    /// with the main cell on loose ones.
    fn by_main<'a>(&'a self, template: &'a Template, possible: &Possible) -> impl Fn(usize) -> i64 + 'a {
        let loose: Vec<(&[u16], Vec<i64>)> = self
            .loose
            .iter()
            .filter_map(|(&view, pnl)| match template.joint.map(view) {
                ViewMap::Loose { group_of_main, groups } => {
                    let allowed = allowed_cells(template, possible, view);
                    let minima =
                        groups.iter().map(|group| least(pnl, group, &allowed).unwrap_or(0)).collect();
                    Some((group_of_main.as_slice(), minima))
                }
                ViewMap::Exact(_) => None,
            })
            .collect();
        move |main| {
            let of_loose = loose.iter().map(|(groups, minima)| minima[usize::from(groups[main])]);
            self.pnl[main] + of_loose.sum::<i64>()
        }
    }
}
