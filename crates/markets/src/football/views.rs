//! The views of football and its joint space.
//!
//! | view | cells |
//! |---|---|
//! | score of the match | 16 x 16, the last cell of a side is "15 or more" |
//! | score of a half | 11 x 11 |
//! | goals of both sides, of one side, by period | 0..=30 and 0..=15; halves 0..=20 and 0..=10 |
//! | goal difference by period | -15..=15; halves -10..=10 |
//! | half time x full time, first x second half result | 9 |
//! | first half against second half, both sides or one | 3 |
//! | order of goals | 127: every sequence of up to 5 goals, and beyond that the first 5 and the last |
//!
//! The joint main space is the goals of each side in each half, 0..=6 each: 2,401 cells. A seventh goal of one
//! side in one half is beyond it: the worst case then counts it as the sixth; prices and settlement do not.

use super::depth_views::DepthView;
use super::rule::{Half, Period, Result3, Scope};
use super::{FootballOutcome, GoalOrder, Side, score_of};
use crate::joint::{CellSet, JointSpace, ViewMap};
use crate::template::View;

/// Most goals of a side in the match that a view tells apart.
pub const FULL_GOALS_MAX: usize = 15;
/// Most goals of a side in a half that a view tells apart.
pub const HALF_GOALS_MAX: usize = 10;
/// Most goals of a side in a half that the joint space tells apart.
pub const MAIN_GOALS_MAX: usize = 6;
/// Goals whose order the order view keeps.
pub const ORDER_PREFIX: usize = 5;
/// Cells of the order view: sequences of up to 5 goals, then (first 5, last).
pub const ORDER_CELLS: usize = (1 << (ORDER_PREFIX + 1)) - 1 + (1 << (ORDER_PREFIX + 1));

const MAIN_SIDE: usize = MAIN_GOALS_MAX + 1;
const MAIN_COUNT: usize = MAIN_SIDE * MAIN_SIDE * MAIN_SIDE * MAIN_SIDE;
const _: () = assert!(ORDER_CELLS == 127 && MAIN_COUNT == 2401);

/// A projection of the football outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FootballView {
    /// Goals of each side.
    Score(Period),
    /// Home goals minus away goals.
    Difference(Period),
    /// Goals of both sides or one.
    Goals(Period, Scope),
    /// Result at half time and at full time.
    HalfTimeFullTime,
    /// Result of the first and of the second half.
    HalfResults,
    /// First-half goals against second-half goals.
    HalfComparison(Scope),
    /// The order of goals.
    Order,
    /// What happens beside the score.
    Depth(DepthView),
}

const SCOPES: [Scope; 3] = [Scope::Both, Scope::Of(Side::Home), Scope::Of(Side::Away)];

impl FootballView {
    /// The views of the score, which every format has first; the position is the view's index.
    pub const ALL: [FootballView; 21] = {
        use FootballView::{Difference, Goals, HalfComparison, HalfResults, HalfTimeFullTime, Order, Score};
        use Period::{FirstHalf, Match, SecondHalf};
        [
            Score(Match),
            Difference(Match),
            Goals(Match, SCOPES[0]),
            Goals(Match, SCOPES[1]),
            Goals(Match, SCOPES[2]),
            Score(FirstHalf),
            Difference(FirstHalf),
            Goals(FirstHalf, SCOPES[0]),
            Goals(FirstHalf, SCOPES[1]),
            Goals(FirstHalf, SCOPES[2]),
            Score(SecondHalf),
            Difference(SecondHalf),
            Goals(SecondHalf, SCOPES[0]),
            Goals(SecondHalf, SCOPES[1]),
            Goals(SecondHalf, SCOPES[2]),
            HalfTimeFullTime,
            HalfResults,
            HalfComparison(SCOPES[0]),
            HalfComparison(SCOPES[1]),
            HalfComparison(SCOPES[2]),
            Order,
        ]
    };

    /// The index of a view of the score.
    pub fn index(self) -> u8 {
        Self::ALL.iter().position(|&view| view == self).expect("every view is listed") as u8
    }

    /// Most goals of a side that the view tells apart.
    pub(super) fn goals_max(period: Period) -> usize {
        if period == Period::Match { FULL_GOALS_MAX } else { HALF_GOALS_MAX }
    }

    /// Number of cells.
    pub fn cell_count(self) -> usize {
        match self {
            Self::Score(period) => (Self::goals_max(period) + 1).pow(2),
            Self::Difference(period) | Self::Goals(period, Scope::Both) => 2 * Self::goals_max(period) + 1,
            Self::Goals(period, Scope::Of(_)) => Self::goals_max(period) + 1,
            Self::HalfTimeFullTime | Self::HalfResults => 9,
            Self::HalfComparison(_) => 3,
            Self::Order => ORDER_CELLS,
            Self::Depth(view) => view.cell_count(),
        }
    }

    /// The cell of an outcome; counts beyond a view's range fall in its last cell.
    pub fn cell(self, outcome: &FootballOutcome) -> usize {
        match self {
            Self::Order => order_cell(&outcome.order),
            Self::Depth(view) => view.cell(outcome),
            _ => self.cell_of_goals(outcome.goals),
        }
    }

    /// The cell of goals by half, then side, in a view of the score other than the order of goals.
    ///
    /// # Panics
    /// The view is of something else.
    #[inline]
    pub fn cell_of_goals(self, goals: [[u16; 2]; 2]) -> usize {
        let score = |period| score_of(goals, period);
        let result = |period| {
            let (home, away) = score(period);
            Result3::of(home.into(), away.into()) as usize
        };
        match self {
            Self::Score(period) => {
                let max = Self::goals_max(period);
                let (home, away) = score(period);
                usize::from(home).min(max) * (max + 1) + usize::from(away).min(max)
            }
            Self::Difference(period) => {
                let max = Self::goals_max(period) as i32;
                let (home, away) = score(period);
                ((i32::from(home) - i32::from(away)).clamp(-max, max) + max) as usize
            }
            Self::Goals(period, scope) => usize::from(scope.count(score(period))).min(self.cell_count() - 1),
            Self::HalfTimeFullTime => result(Period::FirstHalf) * 3 + result(Period::Match),
            Self::HalfResults => result(Period::FirstHalf) * 3 + result(Period::SecondHalf),
            Self::HalfComparison(scope) => {
                let [first, second] =
                    [Period::FirstHalf, Period::SecondHalf].map(|period| scope.count(score(period)));
                (match first.cmp(&second) {
                    std::cmp::Ordering::Greater => Half::First,
                    std::cmp::Ordering::Less => Half::Second,
                    std::cmp::Ordering::Equal => Half::Equal,
                }) as usize
            }
            Self::Order | Self::Depth(_) => panic!("{self:?} is not a function of the goals by half"),
        }
    }

    /// An outcome that lies in a cell: what the rules are evaluated on.
    pub fn representative(self, cell: usize) -> FootballOutcome {
        let in_period = |period, home: usize, away: usize| {
            let goals = [home as u16, away as u16];
            match period {
                Period::SecondHalf => FootballOutcome::from_halves([0, 0], goals),
                Period::Match | Period::FirstHalf => FootballOutcome::from_halves(goals, [0, 0]),
            }
        };
        const RESULT: [[u16; 2]; 3] = [[1, 0], [0, 0], [0, 1]];
        match self {
            Self::Depth(view) => view.representative(cell),
            Self::Score(period) => {
                let side = Self::goals_max(period) + 1;
                in_period(period, cell / side, cell % side)
            }
            Self::Difference(period) => {
                let difference = cell as i32 - Self::goals_max(period) as i32;
                in_period(period, difference.max(0) as usize, (-difference).max(0) as usize)
            }
            Self::Goals(period, Scope::Of(Side::Away)) => in_period(period, 0, cell),
            Self::Goals(period, _) => in_period(period, cell, 0),
            Self::HalfTimeFullTime => {
                let (half, full) = (RESULT[cell / 3], cell % 3);
                // The second half turns the half-time result into the full-time one.
                let second = match full {
                    0 => [half[1] + 1, 0],
                    1 => [half[1], half[0]],
                    _ => [0, half[0] + 1],
                };
                FootballOutcome::from_halves(half, second)
            }
            Self::HalfResults => FootballOutcome::from_halves(RESULT[cell / 3], RESULT[cell % 3]),
            Self::HalfComparison(scope) => {
                let goals = |count| if scope == Scope::Of(Side::Away) { [0, count] } else { [count, 0] };
                let [first, second] = [[1, 0], [0, 1], [0, 0]][cell];
                FootballOutcome::from_halves(goals(first), goals(second))
            }
            Self::Order => {
                let order = order_of_cell(cell);
                let mut goals = [0; 2];
                (0..order.count)
                    .filter_map(|index| order.side(index))
                    .for_each(|side| goals[side.index()] += 1);
                FootballOutcome::new([goals, [0, 0]], order)
            }
        }
    }

    pub(super) fn definition(self) -> View {
        View { name: format!("{self:?}"), cell_count: self.cell_count() }
    }
}

/// The order view's cell of a sequence of goals.
#[inline]
pub fn order_cell(order: &GoalOrder) -> usize {
    let count = usize::from(order.count);
    if count <= ORDER_PREFIX {
        return (1 << count) - 1 + (order.away_bits as usize & ((1 << count) - 1));
    }
    let prefix = order.away_bits as usize & ((1 << ORDER_PREFIX) - 1);
    let last = order.side(order.count - 1) == Some(Side::Away);
    (1 << (ORDER_PREFIX + 1)) - 1 + prefix * 2 + usize::from(last)
}

/// A sequence that lies in a cell of the order view; the shortest there is.
pub fn order_of_cell(cell: usize) -> GoalOrder {
    let long = (1 << (ORDER_PREFIX + 1)) - 1;
    if cell >= long {
        let (prefix, last) = ((cell - long) / 2, (cell - long) % 2);
        return GoalOrder {
            away_bits: (prefix | last << ORDER_PREFIX) as u64,
            count: ORDER_PREFIX as u16 + 1,
        };
    }
    let count = (cell + 1).ilog2() as u16;
    GoalOrder { away_bits: (cell + 1 - (1 << count)) as u64, count }
}

/// The joint main cell of goals by half and side, each capped.
#[inline]
pub fn main_cell(goals: [[u16; 2]; 2]) -> usize {
    goals.iter().flatten().fold(0, |cell, &count| cell * MAIN_SIDE + usize::from(count).min(MAIN_GOALS_MAX))
}

/// The goals by half and side of a joint main cell.
#[inline]
pub fn main_goals(cell: usize) -> [[u16; 2]; 2] {
    let digit = |place: usize| (cell / MAIN_SIDE.pow(3 - place as u32) % MAIN_SIDE) as u16;
    [[digit(0), digit(1)], [digit(2), digit(3)]]
}

/// The joint space: main cells projected onto every view of the score, and the orders and other cells that can go with
/// each main cell.
pub(super) fn joint_space(views: &[FootballView]) -> JointSpace {
    let mains = || (0..MAIN_COUNT).map(main_goals);
    let maps = views
        .iter()
        .map(|&view| match view {
            FootballView::Order => ViewMap::loose(mains().map(compatible_orders)),
            FootballView::Depth(view) => ViewMap::loose((0..MAIN_COUNT).map(|main| view.cells_of_main(main))),
            _ => ViewMap::Exact(mains().map(|goals| view.cell_of_goals(goals) as u8).collect()),
        })
        .collect();
    JointSpace { main_count: MAIN_COUNT, maps }
}

/// The order cells that can occur with these goals by half: first-half goals come before second-half goals.
pub fn compatible_orders(goals: [[u16; 2]; 2]) -> CellSet {
    let total: u16 = goals.iter().flatten().sum();
    let mut orders = CellSet::default();
    for cell in 0..ORDER_CELLS {
        let order = order_of_cell(cell);
        let is_long = cell >= (1 << (ORDER_PREFIX + 1)) - 1;
        let length_fits = if is_long { total > ORDER_PREFIX as u16 } else { order.count == total };
        if length_fits && sequence_fits(&order, is_long, goals) {
            orders.insert(cell);
        }
    }
    orders
}

fn sequence_fits(order: &GoalOrder, is_long: bool, goals: [[u16; 2]; 2]) -> bool {
    let prefix = order.count.min(ORDER_PREFIX as u16);
    let mut left = goals;
    for index in 0..prefix {
        let side = order.side(index).expect("the prefix has that many goals").index();
        let half = usize::from(left[0][0] + left[0][1] == 0);
        if left[half][side] == 0 {
            return false;
        }
        left[half][side] -= 1;
    }
    if !is_long {
        return true;
    }
    // The last goal is one of those left in the half that ends the match.
    let last = order.side(order.count - 1).expect("a long order has a last goal").index();
    let half = usize::from(left[1][0] + left[1][1] > 0);
    left[half][last] > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_has_a_representative_in_it() {
        for view in FootballView::ALL {
            for cell in 0..view.cell_count() {
                assert_eq!(view.cell(&view.representative(cell)), cell, "{view:?}");
            }
        }
    }

    #[test]
    fn main_cells_round_trip() {
        for cell in 0..MAIN_COUNT {
            assert_eq!(main_cell(main_goals(cell)), cell);
        }
    }

    /// All interleavings of up to eight goals: exactly the orders that occur are compatible.
    #[test]
    fn compatible_orders_are_those_that_occur() {
        let mut seen = vec![CellSet::default(); MAIN_COUNT];
        for count in 0..=8_u16 {
            for bits in 0..1_u64 << count {
                let order = GoalOrder { away_bits: bits, count };
                for first_half in 0..=count {
                    let mut goals = [[0_u16; 2]; 2];
                    for index in 0..count {
                        goals[usize::from(index >= first_half)][order.side(index).unwrap().index()] += 1;
                    }
                    if goals.iter().flatten().all(|&count| usize::from(count) <= MAIN_GOALS_MAX) {
                        seen[main_cell(goals)].insert(order_cell(&order));
                    }
                }
            }
        }
        for (cell, &mask) in seen.iter().enumerate() {
            let goals = main_goals(cell);
            if goals.iter().flatten().sum::<u16>() <= 8 {
                assert_eq!(compatible_orders(goals), mask, "{goals:?}");
            }
        }
    }
}
