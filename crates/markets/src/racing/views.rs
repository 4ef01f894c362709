//! The views of a race and its joint space.
//!
//! | view | cells |
//! |---|---|
//! | winner | every runner |
//! | position of a runner | first, second, ... to the depth of the format, then "worse" (which includes not finishing) |
//! | forecast | every ordered pair of the first two |
//! | tricast of a winner | every ordered pair of second and third behind it, then "another wins" |
//! | match of two runners | the lower number ahead, the higher number ahead |
//!
//! The joint main space is the order of the first runners: all but the last for up to seven runners, then as many as the
//! positions that count. Where four places count and the field is large it is the winner and the set of the next three,
//! or of the next two in the largest fields. What a main cell leaves open is loose: a match of two runners who are both
//! beaten, the order of the placed in a large field, who is fourth in the largest.

use super::{PAIR_RUNNERS_MAX, RUNNERS_MAX, RacingFormat, RacingOutcome, TRICAST_RUNNERS_MAX};
use crate::joint::{CellSet, JointSpace, MAIN_CELLS_MAX, ViewMap};
use crate::template::View;

/// Longest order that a main cell holds.
const ORDER_MAX: usize = 6;
/// Most runners behind the winner that a main cell holds as a set.
const NEXT_MAX: usize = 3;

/// A projection of the outcome of a race.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RacingView {
    /// Who wins.
    Winner,
    /// Where a runner finishes.
    Position(u8),
    /// The first two in order.
    Forecast,
    /// The second and third behind a winner.
    Tricast(u8),
    /// Which of two runners is ahead, the lower number named first.
    Match(u8, u8),
}

impl RacingFormat {
    /// Whether views and markets on pairs of runners exist.
    pub fn has_pairs(&self) -> bool {
        (3..=PAIR_RUNNERS_MAX).contains(&self.runners())
    }

    /// Whether views and markets on the first three in order exist.
    pub fn has_tricasts(&self) -> bool {
        (4..=TRICAST_RUNNERS_MAX).contains(&self.runners())
    }

    /// All views; the position is the view's index.
    pub fn views(&self) -> Vec<RacingView> {
        let count = self.runner_count;
        let mut views = vec![RacingView::Winner];
        views.extend((0..count).map(RacingView::Position));
        if self.has_pairs() {
            views.push(RacingView::Forecast);
        }
        if self.has_tricasts() {
            views.extend((0..count).map(RacingView::Tricast));
        }
        if self.has_pairs() {
            views.extend((0..count).flat_map(|a| (a + 1..count).map(move |b| RacingView::Match(a, b))));
        }
        views
    }

    /// The index of a view of this format.
    pub fn view_index(&self, view: RacingView) -> u8 {
        let count = self.runner_count;
        match view {
            RacingView::Winner => 0,
            RacingView::Position(runner) => 1 + runner,
            RacingView::Forecast => 1 + count,
            RacingView::Tricast(runner) => 2 + count + runner,
            RacingView::Match(a, b) => {
                let tricasts = if self.has_tricasts() { count } else { 0 };
                // Pairs (0, *) come first, then (1, *) and so on.
                let (a, b, n) = (u16::from(a), u16::from(b), u16::from(count));
                2 + count + tricasts + (a * (2 * n - a - 1) / 2 + b - a - 1) as u8
            }
        }
    }

    /// Number of cells of a view.
    pub fn cell_count(&self, view: RacingView) -> usize {
        let count = self.runners();
        match view {
            RacingView::Winner => count,
            RacingView::Position(_) => self.depth() + 1,
            RacingView::Forecast => count * (count - 1),
            RacingView::Tricast(_) => (count - 1) * (count - 2) + 1,
            RacingView::Match(..) => 2,
        }
    }

    /// The forecast view's cell of two different runners.
    #[inline]
    pub fn forecast_cell(&self, first: usize, second: usize) -> usize {
        first * (self.runners() - 1) + second - usize::from(second > first)
    }

    /// The two runners of a cell of the forecast view.
    #[inline]
    pub fn forecast_of(&self, cell: usize) -> [usize; 2] {
        let (first, second) = (cell / (self.runners() - 1), cell % (self.runners() - 1));
        [first, second + usize::from(second >= first)]
    }

    /// The cell of second and third in the tricast view of a winner.
    #[inline]
    pub fn tricast_cell(&self, winner: usize, second: usize, third: usize) -> usize {
        let [a, b] = [second, third].map(|runner| runner - usize::from(runner > winner));
        a * (self.runners() - 2) + b - usize::from(b > a)
    }

    /// The second and third of a cell of the tricast view of a winner; `None` for "another wins".
    #[inline]
    pub fn tricast_of(&self, winner: usize, cell: usize) -> Option<[usize; 2]> {
        let row = self.runners() - 2;
        if cell == (row + 1) * row {
            return None;
        }
        let (a, b) = (cell / row, cell % row);
        let b = b + usize::from(b >= a);
        Some([a, b].map(|other| other + usize::from(other >= winner)))
    }

    /// An outcome that lies in a cell: what the rules are evaluated on.
    pub fn representative(&self, view: RacingView, cell: usize) -> RacingOutcome {
        let order = |first: &[usize], last: Option<usize>| {
            let rest = (0..self.runners()).filter(|runner| !first.contains(runner) && Some(*runner) != last);
            let order: Vec<usize> = first.iter().copied().chain(rest).collect();
            RacingOutcome::from_order(self.runner_count, &order)
        };
        match view {
            RacingView::Winner => order(&[cell], None),
            RacingView::Position(runner) if cell == self.depth() => order(&[], Some(runner.into())),
            RacingView::Position(runner) => {
                let runner = usize::from(runner);
                let ahead: Vec<usize> =
                    (0..self.runners()).filter(|&other| other != runner).take(cell).collect();
                order(&[ahead.as_slice(), &[runner]].concat(), None)
            }
            RacingView::Forecast => order(&self.forecast_of(cell), None),
            RacingView::Tricast(winner) => {
                let winner = usize::from(winner);
                match self.tricast_of(winner, cell) {
                    Some([second, third]) => order(&[winner, second, third], None),
                    None => order(&[usize::from(winner == 0), winner], None),
                }
            }
            RacingView::Match(a, b) => {
                let (a, b) = (usize::from(a), usize::from(b));
                order(&if cell == 0 { [a, b] } else { [b, a] }, None)
            }
        }
    }

    pub(super) fn definition(&self, view: RacingView) -> View {
        View { name: format!("{view:?}"), cell_count: self.cell_count(view) }
    }

    fn main_space(&self) -> MainSpace {
        let (count, depth) = (self.runners(), self.depth());
        let ordered = |length: usize| (count + 1 - length..=count).product::<usize>() <= MAIN_CELLS_MAX;
        if count <= ORDER_MAX + 1 {
            MainSpace::Order((count - 1).max(depth.min(ORDER_MAX)))
        } else if ordered(depth) {
            MainSpace::Order(depth)
        } else if count * choose_three(count - 1) <= MAIN_CELLS_MAX {
            MainSpace::WinnerAnd(3)
        } else {
            MainSpace::WinnerAnd(2)
        }
    }

    /// Visits the main cells of the joint space, in order.
    pub(super) fn for_each_main(&self, visit: &mut dyn FnMut(usize, Frame)) {
        let count = self.runner_count;
        let mut cell = 0;
        let mut visit = |frame| {
            visit(cell, frame);
            cell += 1;
        };
        match self.main_space() {
            MainSpace::Order(length) => visit_orders(count, length, &mut [0; ORDER_MAX], 0, &mut visit),
            MainSpace::WinnerAnd(next) => {
                for winner in 0..count {
                    let others: Vec<u8> = (0..count).filter(|&other| other != winner).collect();
                    visit_sets(&others, next, &mut [0; NEXT_MAX], 0, &mut |set| {
                        visit(Frame::WinnerAnd(winner, set, next as u8));
                    });
                }
            }
        }
    }

    /// The joint space: what every main cell says about every view.
    pub(super) fn joint_space(&self) -> JointSpace {
        let mut frames = Vec::new();
        self.for_each_main(&mut |_, frame| frames.push((frame, frame.places())));
        let map = |view: RacingView| {
            // A handful of different sets: a list is faster than a tree.
            let mut groups: Vec<CellSet> = Vec::new();
            let mut group_of_main = Vec::with_capacity(frames.len());
            for (frame, places) in &frames {
                let set = self.cells_of(view, frame, places);
                let known = groups.iter().rposition(|&known| known == set);
                group_of_main.push(known.unwrap_or_else(|| {
                    groups.push(set);
                    groups.len() - 1
                }) as u16);
            }
            let only = |set: &CellSet| {
                let mut cells = set.iter();
                cells.next().filter(|_| cells.next().is_none()).map(|cell| cell as u8)
            };
            match groups.iter().map(only).collect::<Option<Vec<u8>>>() {
                Some(cells) => {
                    ViewMap::Exact(group_of_main.iter().map(|&group| cells[usize::from(group)]).collect())
                }
                None => ViewMap::Loose { group_of_main, groups },
            }
        };
        JointSpace { main_count: frames.len(), maps: self.views().into_iter().map(map).collect() }
    }

    /// The cells of a view that go with a main cell whose runners have these places.
    fn cells_of(&self, view: RacingView, frame: &Frame, places: &Places) -> CellSet {
        let worse = self.depth();
        let one = |cell: usize| CellSet::from_cells([cell]);
        let place = |runner: u8| places[usize::from(runner)];
        match (view, frame) {
            (RacingView::Winner, Frame::Order([first, ..], _) | Frame::WinnerAnd(first, ..)) => {
                one(usize::from(*first))
            }
            (RacingView::Position(runner), _) if place(runner) == UNNAMED => {
                // Unnamed runners fill the positions after the named ones, of which there may be none left.
                let first = frame.named().count().min(worse);
                CellSet::from_cells(first..worse + usize::from(self.runners() > worse))
            }
            (RacingView::Position(runner), Frame::WinnerAnd(_, _, next)) if place(runner) > 0 => {
                CellSet::from_cells(1..usize::from(*next) + 1)
            }
            (RacingView::Position(runner), _) => one(usize::from(place(runner)).min(worse)),
            (RacingView::Forecast, Frame::Order([first, second, ..], _)) => {
                one(self.forecast_cell((*first).into(), (*second).into()))
            }
            (RacingView::Tricast(winner), Frame::Order([first, second, third, ..], _)) => {
                match winner == *first {
                    true => one(self.tricast_cell(winner.into(), (*second).into(), (*third).into())),
                    false => one(self.cell_count(view) - 1),
                }
            }
            (RacingView::Match(a, b), _) => match place(a).cmp(&place(b)) {
                std::cmp::Ordering::Less => one(0),
                std::cmp::Ordering::Greater => one(1),
                std::cmp::Ordering::Equal => CellSet::from_cells([0, 1]),
            },
            (RacingView::Forecast | RacingView::Tricast(_), _) => {
                unreachable!("small fields have ordered main cells")
            }
        }
    }

    /// Whether a cell is possible where `can_be(runner, position)` says which runner can finish where, counted from 0.
    pub(super) fn cell_is_possible(
        &self,
        view: RacingView,
        cell: usize,
        can_be: &impl Fn(usize, usize) -> bool,
    ) -> bool {
        let before = |a: usize, b: usize| {
            let first = |runner| (0..self.runners()).find(|&position| can_be(runner, position));
            let last = |runner| (0..self.runners()).rev().find(|&position| can_be(runner, position));
            // A runner with no position at all does not finish.
            first(a).is_some_and(|a| last(b).is_none_or(|b| a < b))
        };
        match view {
            RacingView::Winner => can_be(cell, 0),
            RacingView::Position(runner) if cell == self.depth() => {
                let runner = usize::from(runner);
                (self.depth()..self.runners()).any(|position| can_be(runner, position))
                    || !(0..self.runners()).any(|position| can_be(runner, position))
            }
            RacingView::Position(runner) => can_be(runner.into(), cell),
            RacingView::Forecast => {
                let [first, second] = self.forecast_of(cell);
                can_be(first, 0) && can_be(second, 1)
            }
            RacingView::Tricast(winner) => {
                let winner = usize::from(winner);
                match self.tricast_of(winner, cell) {
                    Some([second, third]) => can_be(winner, 0) && can_be(second, 1) && can_be(third, 2),
                    None => (0..self.runners()).any(|other| other != winner && can_be(other, 0)),
                }
            }
            RacingView::Match(a, b) => {
                let (a, b) = (usize::from(a), usize::from(b));
                if cell == 0 { before(a, b) } else { before(b, a) }
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MainSpace {
    Order(usize),
    WinnerAnd(usize),
}

/// A place for every runner.
type Places = [u8; RUNNERS_MAX];
/// The place of a runner that a main cell does not name.
const UNNAMED: u8 = u8::MAX;

/// What a main cell of the joint space says about the finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The first runners in order, and how many they are.
    Order([u8; ORDER_MAX], u8),
    /// The winner, and the next two or three in any order, and how many they are.
    WinnerAnd(u8, [u8; NEXT_MAX], u8),
}

impl Frame {
    /// Whether a runner can finish in a position, counted from 0.
    #[inline]
    pub fn can_be(&self, runner: usize, position: usize) -> bool {
        let runner = runner as u8;
        match self {
            Self::Order(order, length) => {
                let order = &order[..usize::from(*length)];
                match order.get(position) {
                    Some(&there) => there == runner,
                    None => !order.contains(&runner),
                }
            }
            Self::WinnerAnd(winner, next, count) => {
                let next = &next[..usize::from(*count)];
                match position {
                    0 => *winner == runner,
                    _ if position <= next.len() => next.contains(&runner),
                    _ => *winner != runner && !next.contains(&runner),
                }
            }
        }
    }

    /// The place that it gives every runner, from 0.
    fn places(&self) -> Places {
        let mut places = [UNNAMED; RUNNERS_MAX];
        self.named().enumerate().for_each(|(place, (runner, ..))| places[runner] = place as u8);
        places
    }

    /// The runners that it names, with the first and the last position that each can have, counted from 0.
    pub(super) fn named(&self) -> impl Iterator<Item = (usize, usize, usize)> + use<> {
        let (runners, count) = match *self {
            Self::Order(order, length) => (order, usize::from(length)),
            Self::WinnerAnd(winner, [a, b, c], next) => ([winner, a, b, c, 0, 0], usize::from(next) + 1),
        };
        let frame = *self;
        (0..count).map(move |index| {
            let (first, last) = match frame {
                Self::WinnerAnd(_, _, next) if index > 0 => (1, usize::from(next)),
                _ => (index, index),
            };
            (usize::from(runners[index]), first, last)
        })
    }
}

fn visit_orders(
    count: u8,
    length: usize,
    order: &mut [u8; ORDER_MAX],
    filled: usize,
    visit: &mut dyn FnMut(Frame),
) {
    if filled == length {
        return visit(Frame::Order(*order, length as u8));
    }
    for runner in 0..count {
        if !order[..filled].contains(&runner) {
            order[filled] = runner;
            visit_orders(count, length, order, filled + 1, visit);
        }
    }
    order[filled] = 0;
}

/// Every set of `size` runners, ascending.
fn visit_sets(
    of: &[u8],
    size: usize,
    set: &mut [u8; NEXT_MAX],
    filled: usize,
    visit: &mut dyn FnMut([u8; NEXT_MAX]),
) {
    if filled == size {
        return visit(*set);
    }
    for (index, &runner) in of.iter().enumerate() {
        set[filled] = runner;
        visit_sets(&of[index + 1..], size, set, filled + 1, visit);
    }
    set[filled] = 0;
}

fn choose_three(count: usize) -> usize {
    count * (count - 1) * (count - 2) / 6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::racing::RaceKind;

    fn formats() -> Vec<RacingFormat> {
        (2..=RUNNERS_MAX as u8)
            .flat_map(|count| {
                [false, true].map(|handicap| RacingFormat::standard(RaceKind::Horse, count, handicap))
            })
            .collect()
    }

    #[test]
    fn views_are_few_and_small_and_their_indexes_are_theirs() {
        for format in formats() {
            format.check().unwrap();
            let views = format.views();
            assert!(views.len() <= 255);
            for (index, &view) in views.iter().enumerate() {
                assert_eq!(usize::from(format.view_index(view)), index, "{format:?} {view:?}");
                assert!(format.cell_count(view) <= 256);
            }
        }
    }

    /// Every cell's representative lies in that cell and in no other.
    #[test]
    fn every_cell_has_a_representative_in_it() {
        for format in formats() {
            for view in format.views() {
                for cell in 0..format.cell_count(view) {
                    let outcome = format.representative(view, cell);
                    let can_be =
                        |runner: usize, position| usize::from(outcome.positions[runner]) == position + 1;
                    let cells = (0..format.cell_count(view))
                        .filter(|&cell| format.cell_is_possible(view, cell, &can_be));
                    assert!(cells.eq([cell]), "{format:?} {view:?} {cell}");
                }
            }
        }
    }

    #[test]
    fn main_spaces_fit_and_are_exact_where_they_can_be() {
        for format in formats() {
            let mut count = 0;
            format.for_each_main(&mut |cell, _| {
                assert_eq!(cell, count);
                count += 1;
            });
            assert!(count <= MAIN_CELLS_MAX, "{format:?}: {count}");
        }
        let exact = |count: u8, is_handicap| {
            let format = RacingFormat::standard(RaceKind::Horse, count, is_handicap);
            let maps = format.joint_space().maps;
            let loose: Vec<RacingView> = format
                .views()
                .into_iter()
                .zip(maps)
                .filter(|(_, map)| matches!(map, ViewMap::Loose { .. }))
                .map(|(view, _)| view)
                .collect();
            loose
        };
        assert!(exact(7, false).is_empty());
        assert!(exact(12, true).iter().all(|view| matches!(view, RacingView::Match(..))));
        assert!(exact(20, false).is_empty());
        assert!(exact(20, true).iter().all(|view| matches!(view, RacingView::Position(_))));
        assert!(exact(30, true).iter().all(|view| matches!(view, RacingView::Position(_))));
    }

    /// Large fields, where orders cannot be listed: the cells are those of the frame's own positions.
    #[test]
    fn maps_of_large_fields_are_what_their_frames_say() {
        for (count, is_handicap) in [(9, false), (17, true), (20, true), (28, true), (38, true)] {
            let format = RacingFormat::standard(RaceKind::Horse, count, is_handicap);
            let mut frames = Vec::new();
            format.for_each_main(&mut |_, frame| frames.push(frame));
            for frame in frames.iter().step_by(frames.len() / 50) {
                for view in format.views() {
                    let can_be = |runner: usize, position: usize| frame.can_be(runner, position);
                    let cells = (0..format.cell_count(view))
                        .filter(|&cell| format.cell_is_possible(view, cell, &can_be));
                    let expected = CellSet::from_cells(cells);
                    assert_eq!(
                        format.cells_of(view, frame, &frame.places()),
                        expected,
                        "{format:?} {view:?} {frame:?}"
                    );
                }
            }
        }
    }

    /// The cells that go with a main cell are those of the orders of finish that lie in it.
    #[test]
    fn maps_are_what_orders_of_finish_say() {
        for format in [
            RacingFormat::standard(RaceKind::Greyhound, 4, false),
            RacingFormat::standard(RaceKind::Greyhound, 6, false),
            RacingFormat { places_max: 4, ..RacingFormat::standard(RaceKind::Horse, 6, false) },
        ] {
            let count = format.runners();
            let mut orders = vec![Vec::new()];
            for _ in 0..count {
                orders = orders
                    .into_iter()
                    .flat_map(|order: Vec<usize>| {
                        let left: Vec<usize> = (0..count).filter(|runner| !order.contains(runner)).collect();
                        left.into_iter().map(move |runner| order.iter().copied().chain([runner]).collect())
                    })
                    .collect();
            }
            for view in format.views() {
                format.for_each_main(&mut |cell, frame| {
                    let mut seen = CellSet::default();
                    for order in &orders {
                        if frame.named().all(|(runner, first, last)| {
                            let place = order.iter().position(|&other| other == runner).unwrap();
                            (first..=last).contains(&place)
                        }) {
                            let can_be = |runner: usize, position: usize| order[position] == runner;
                            (0..format.cell_count(view))
                                .filter(|&cell| format.cell_is_possible(view, cell, &can_be))
                                .for_each(|cell| seen.insert(cell));
                        }
                    }
                    assert_eq!(
                        format.cells_of(view, &frame, &frame.places()),
                        seen,
                        "{view:?} {cell} {frame:?}"
                    );
                });
            }
        }
    }
}
