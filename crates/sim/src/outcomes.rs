//! Every way a match can end, listed one by one as real sequences of goals.
//!
//! Two lists, both filtered by what has happened so far:
//!
//! * *continuations*: what has happened plus further goals, generously many. They say what is decided, and what a
//!   market can lose by itself.
//! * *endings*: the joint outcome space of the engine, up to six goals of each side in each half, each with every
//!   first five goals and last goal that can go with it. They say what a fixture can lose.
//!
//! Endings on which every selection of interest has the same grades are kept once: that is the only thing here
//! that is done for speed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex};

use oddsengine_markets::football::{FootballOutcome, GoalOrder, Side};
use oddsengine_markets::{Outcome, Template};
use oddsengine_types::{Grade, SportId};

use crate::naive::Match;

/// The grades that football selections can have; an index into it is a byte in the tables here.
pub const GRADES: [Grade; 5] = [Grade::LOST, Grade::WON, Grade::VOID, Grade::HALF_WON, Grade::HALF_LOST];
/// Most goals of a side in a half that the joint outcome space tells apart.
const GOALS_MAX: u16 = 6;
/// Further goals of a side in a half that continuations go to, if one half is open and if both are.
const FURTHER_GOALS_MAX: [u16; 2] = [7, 5];
/// Further goals of one side alone in each half: enough to turn any score that is simulated.
const MANY_GOALS_MAX: u16 = 20;
/// Further goals of which every order is listed.
const ORDERED_GOALS_MAX: usize = 6;

/// States whose possible outcomes are remembered.
const POSSIBLE_KEPT_MAX: usize = 1_000;

/// One way a match can end.
#[derive(Clone, Debug)]
pub struct Ending {
    /// Goals by half and side, and their order.
    pub outcome: FootballOutcome,
    first_five: Vec<Side>,
    last: Option<Side>,
}

/// The joint outcome space.
pub static ENDINGS: LazyLock<Vec<Ending>> = LazyLock::new(|| {
    let counts = 0..=GOALS_MAX;
    let mut endings = Vec::new();
    for first_home in counts.clone() {
        for first_away in counts.clone() {
            for second_home in counts.clone() {
                for second_away in counts.clone() {
                    let goals = [[first_home, first_away], [second_home, second_away]];
                    list_orders(goals, goals, &mut Vec::new(), &mut endings);
                }
            }
        }
    }
    endings
});

/// Adds an ending for every way that the first five goals and the last one can fall.
fn list_orders(goals: [[u16; 2]; 2], left: [[u16; 2]; 2], so_far: &mut Vec<Side>, endings: &mut Vec<Ending>) {
    let in_half = |half: usize| left[half][0] + left[half][1];
    if in_half(0) + in_half(1) == 0 {
        let order = GoalOrder::from_sides(so_far.iter().copied());
        let last = so_far.last().copied();
        let first_five = so_far.iter().copied().take(5).collect();
        endings.push(Ending { outcome: FootballOutcome::new(goals, order), first_five, last });
        return;
    }
    if so_far.len() < 5 {
        let half = usize::from(in_half(0) == 0);
        for side in Side::BOTH.into_iter().filter(|side| left[half][side.index()] > 0) {
            let mut left = left;
            left[half][side.index()] -= 1;
            so_far.push(side);
            list_orders(goals, left, so_far, endings);
            so_far.pop();
        }
        return;
    }
    let final_half = usize::from(in_half(1) > 0);
    for last in Side::BOTH.into_iter().filter(|side| left[final_half][side.index()] > 0) {
        let mut left = left;
        left[final_half][last.index()] -= 1;
        let mut sides = so_far.clone();
        for half in left {
            for side in Side::BOTH {
                sides.extend(std::iter::repeat_n(side, usize::from(half[side.index()])));
            }
        }
        sides.push(last);
        endings.push(Ending {
            outcome: FootballOutcome::new(goals, GoalOrder::from_sides(sides)),
            first_five: so_far.clone(),
            last: Some(last),
        });
    }
}

impl Ending {
    /// The match may still end like this.
    fn can_follow(&self, now: &Match) -> bool {
        let counts_fit = (0..2).all(|half| {
            Side::BOTH.into_iter().all(|side| {
                let so_far = now.goal_count(half, side).min(GOALS_MAX);
                let finally = self.outcome.goals[half][side.index()];
                if now.half_is_open(half) { finally >= so_far } else { finally == so_far }
            })
        });
        let so_far: Vec<Side> = now.goals.iter().map(|goal| goal.side).collect();
        let first_five = &so_far[..so_far.len().min(5)];
        let order_fits = if now.is_over() {
            self.first_five == first_five && self.last == so_far.last().copied()
        } else {
            self.first_five.starts_with(first_five)
        };
        counts_fit && order_fits
    }
}

/// What has happened, with every order of a few more goals, with more goals in one order, and with very many of one
/// side in each half.
pub fn continuations(now: &Match) -> Vec<FootballOutcome> {
    if now.is_over() {
        return vec![now.outcome()];
    }
    let open: Vec<usize> = (0..2).filter(|&half| now.half_is_open(half)).collect();
    let mut outcomes = Vec::new();
    for count in 0..=ORDERED_GOALS_MAX {
        for sides in 0..1_u32 << count {
            let side = |index: usize| Side::BOTH[(sides >> index & 1) as usize];
            // Where the first half ends among the further goals.
            let half_times = if open.len() == 2 { 0..=count } else { 0..=0 };
            for half_time in half_times {
                let mut then = now.clone();
                (0..count).for_each(|index| then.add_goal(usize::from(index >= half_time), side(index)));
                outcomes.push(then.outcome());
            }
        }
    }
    let many = |half: usize| if open.contains(&half) { 0..=MANY_GOALS_MAX } else { 0..=0 };
    for (first, second) in Side::BOTH.into_iter().flat_map(|first| Side::BOTH.map(|second| (first, second))) {
        for (of_first, of_second) in many(0).flat_map(|count| many(1).map(move |other| (count, other))) {
            let mut then = now.clone();
            (0..of_first).for_each(|_| then.add_goal(0, first));
            (0..of_second).for_each(|_| then.add_goal(1, second));
            outcomes.push(then.outcome());
        }
    }
    let most = FURTHER_GOALS_MAX[open.len() - 1];
    let further = |half: usize| if open.contains(&half) { 0..=most } else { 0..=0 };
    for first_home in further(0) {
        for first_away in further(0) {
            for second_home in further(1) {
                for second_away in further(1) {
                    let mut then = now.clone();
                    for (half, counts) in
                        [[first_home, first_away], [second_home, second_away]].iter().enumerate()
                    {
                        for side in Side::BOTH {
                            (0..counts[side.index()]).for_each(|_| then.add_goal(half, side));
                        }
                    }
                    outcomes.push(then.outcome());
                }
            }
        }
    }
    outcomes
}

/// The markets that a run is about, and what is still possible on them at every state met so far.
#[derive(Debug)]
pub struct Universe {
    /// The template.
    pub template: &'static Template,
    /// Indexes of the markets.
    pub markets: Vec<usize>,
    /// Indexes of their selections; the position is the selection's *slot*.
    pub selections: Vec<usize>,
    slot_of: BTreeMap<usize, usize>,
    /// The distinct lists of grades that endings have, by slot.
    rows: Vec<Vec<u8>>,
    /// Per ending: its list.
    row_of_ending: Vec<usize>,
    possible: Mutex<BTreeMap<PossibleKey, Arc<Possible>>>,
}

type PossibleKey = ([bool; 2], Vec<(usize, Side)>);

/// What is still possible on the markets of a universe.
#[derive(Debug)]
pub struct Possible {
    /// Per slot: its grade, if it is the same on every continuation.
    pub decided: Vec<Option<Grade>>,
    /// Per market: the distinct lists of grades of its selections, as indexes into [`GRADES`].
    pub of_market: Vec<Vec<Vec<u8>>>,
    /// Per slot: the grade on every distinct ending, as an index into [`GRADES`].
    pub joint: Vec<Vec<u8>>,
    /// Number of distinct endings.
    pub joint_count: usize,
}

impl Universe {
    /// A universe of these markets, by their keys; unknown ones are left out.
    pub fn new<'a>(keys: impl IntoIterator<Item = &'a str>) -> Self {
        let template = oddsengine_markets::template(SportId(0));
        let mut markets: Vec<usize> = keys.into_iter().filter_map(|key| template.market_index(key)).collect();
        markets.sort_unstable();
        markets.dedup();
        let selections: Vec<usize> =
            markets.iter().flat_map(|&market| template.markets[market].selections()).collect();
        let slot_of = selections.iter().enumerate().map(|(slot, &selection)| (selection, slot)).collect();
        let grades = |ending: &Ending| grade_indexes(template, &selections, &ending.outcome);
        let of_endings: Vec<Vec<u8>> = ENDINGS.iter().map(grades).collect();
        let mut rows = of_endings.clone();
        rows.sort_unstable();
        rows.dedup();
        let row = |grades: &Vec<u8>| rows.binary_search(grades).expect("every ending's grades are a row");
        let row_of_ending = of_endings.iter().map(row).collect();
        Self { template, markets, selections, slot_of, rows, row_of_ending, possible: Mutex::default() }
    }

    /// The slot of a selection.
    ///
    /// # Panics
    /// Its market is not of the universe.
    pub fn slot(&self, selection: usize) -> usize {
        *self.slot_of.get(&selection).unwrap_or_else(|| {
            panic!("{} is not in the universe of this run", self.template.selection_text(selection))
        })
    }

    /// What is still possible.
    pub fn possible(&self, now: &Match) -> Arc<Possible> {
        let goals = now.goals.iter().map(|goal| (goal.half, goal.side)).collect();
        let key: PossibleKey = ([now.half_is_open(0), now.half_is_open(1)], goals);
        let mut known = self.possible.lock().expect("no thread panicked while listing outcomes");
        // A long simulation meets more states than it should remember.
        if known.len() > POSSIBLE_KEPT_MAX {
            known.clear();
        }
        known.entry(key).or_insert_with(|| Arc::new(self.list_possible(now))).clone()
    }

    fn list_possible(&self, now: &Match) -> Possible {
        let continuations = continuations(now);
        let of_market: Vec<Vec<Vec<u8>>> = self
            .markets
            .iter()
            .map(|&market| {
                let selections = self.template.markets[market].selections();
                let selections: Vec<usize> = selections.collect();
                let grades = |outcome| grade_indexes(self.template, &selections, outcome);
                let distinct: BTreeSet<Vec<u8>> = continuations.iter().map(grades).collect();
                distinct.into_iter().collect()
            })
            .collect();
        let decided = of_market.iter().flat_map(|rows| {
            let is_same = |place: &usize| rows.iter().all(|row| row[*place] == rows[0][*place]);
            let grade = |place: usize| GRADES[usize::from(rows[0][place])];
            (0..rows[0].len()).map(move |place| Some(place).filter(is_same).map(grade))
        });
        let decided = decided.collect();
        let mut rows: Vec<usize> = ENDINGS
            .iter()
            .zip(&self.row_of_ending)
            .filter(|(ending, _)| ending.can_follow(now))
            .map(|(_, &row)| row)
            .collect();
        rows.sort_unstable();
        rows.dedup();
        let grades = |slot: usize| rows.iter().map(|&row| self.rows[row][slot]).collect();
        let joint = (0..self.selections.len()).map(grades).collect();
        Possible { decided, of_market, joint, joint_count: rows.len() }
    }
}

/// The grade that a selection has on all of these outcomes, if it is the same on all.
pub fn decided(template: &Template, selection: usize, outcomes: &[FootballOutcome]) -> Option<Grade> {
    let grade = |outcome: &FootballOutcome| template.grade(selection, &Outcome::Football(*outcome));
    let first = grade(&outcomes[0]);
    outcomes.iter().all(|outcome| grade(outcome) == first).then_some(first)
}

fn grade_indexes(template: &Template, selections: &[usize], outcome: &FootballOutcome) -> Vec<u8> {
    let outcome = Outcome::Football(*outcome);
    let index = |&selection: &usize| {
        let grade = template.grade(selection, &outcome);
        GRADES.iter().position(|&known| known == grade).expect("football has five grades") as u8
    };
    selections.iter().map(index).collect()
}
