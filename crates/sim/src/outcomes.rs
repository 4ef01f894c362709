//! Every way a fixture can end, listed one by one. Sports other than football list theirs in their game
//! ([`crate::naive::Game::listed`]); football's are real sequences of goals.
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
use oddsengine_markets::{Format, Outcome, SpaceDefinition, Template};
use oddsengine_types::Grade;

use crate::naive::{Game, Listed, Match};

/// The grades that football selections can have, and every space at least.
pub const GRADES: [Grade; 5] = [Grade::LOST, Grade::WON, Grade::VOID, Grade::HALF_WON, Grade::HALF_LOST];
/// Most grades of a space.
pub const GRADES_MAX: usize = 12;
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

/// The formats that a run is about, each with its markets.
#[derive(Debug)]
pub struct Universe {
    spaces: Vec<Arc<Space>>,
}

/// The markets of one format that a run is about, and what is still possible on them at every state met so far.
#[derive(Debug)]
pub struct Space {
    /// The format.
    pub format: Format,
    /// Its definition, if it is data.
    pub definition: Option<SpaceDefinition>,
    /// The template.
    pub template: &'static Template,
    /// Indexes of the markets.
    pub markets: Vec<usize>,
    /// Indexes of their selections; the position is the selection's *slot*.
    pub selections: Vec<usize>,
    slot_of: BTreeMap<usize, usize>,
    /// The grades of listed outcomes: an index into it is a byte in the tables here.
    pub grades: Vec<Grade>,
    /// Football: the distinct lists of grades that endings have, by slot, and the list of every ending.
    rows: Vec<Vec<u8>>,
    row_of_ending: Vec<usize>,
    possible: Mutex<BTreeMap<Vec<u64>, Arc<Possible>>>,
}

/// What is still possible on the markets of a space.
#[derive(Debug)]
pub struct Possible {
    /// Per slot: its grade, if it is the same on every outcome that is possible.
    pub decided: Vec<Option<Grade>>,
    /// Per market: the distinct lists of grades of its selections, as indexes into [`Space::grades`].
    pub of_market: Vec<Vec<Vec<u8>>>,
    /// Per slot: the grade on every distinct ending, as an index into [`Space::grades`].
    pub joint: Vec<Vec<u8>>,
    /// Number of distinct endings.
    pub joint_count: usize,
}

/// A list of grades, one per slot.
pub(crate) type Grades = Vec<Grade>;

impl Universe {
    /// Football with these markets, by their keys; unknown ones are left out.
    pub fn new<'a>(keys: impl IntoIterator<Item = &'a str>) -> Self {
        Self::of(vec![Space::new(Format::FOOTBALL, None, keys)])
    }

    /// A universe of these spaces, one per format.
    pub fn of(spaces: Vec<Space>) -> Self {
        Self { spaces: spaces.into_iter().map(Arc::new).collect() }
    }

    /// The space of a format, if the run is about it.
    pub fn space(&self, format: &Format) -> Option<&Arc<Space>> {
        self.spaces.iter().find(|space| space.format == *format)
    }

    /// The spaces.
    pub fn spaces(&self) -> &[Arc<Space>] {
        &self.spaces
    }
}

impl Space {
    /// The space of a format with these markets, by their keys; unknown ones are left out. `definition`: of a format
    /// that is data.
    ///
    /// # Panics
    /// The format has no template.
    pub fn new<'a>(
        format: Format,
        definition: Option<SpaceDefinition>,
        keys: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let template = match &definition {
            Some(definition) => definition.compile().expect("the space can be compiled"),
            None => oddsengine_markets::template_of(&format).expect("the format has a template"),
        };
        let mut markets: Vec<usize> = keys.into_iter().filter_map(|key| template.market_index(key)).collect();
        markets.sort_unstable();
        markets.dedup();
        let selections: Vec<usize> =
            markets.iter().flat_map(|&market| template.markets[market].selections()).collect();
        let slot_of = selections.iter().enumerate().map(|(slot, &selection)| (selection, slot)).collect();
        let mut space = Self {
            format,
            definition,
            template,
            markets,
            selections,
            slot_of,
            grades: GRADES.to_vec(),
            rows: Vec::new(),
            row_of_ending: Vec::new(),
            possible: Mutex::default(),
        };
        space.list_whole();
        space
    }

    /// What can be listed before anything has happened.
    fn list_whole(&mut self) {
        let game = Game::new(&self.format, self.definition.as_ref());
        if matches!(game, Game::Football(_)) {
            let of_endings: Vec<Vec<u8>> = ENDINGS
                .iter()
                .map(|ending| self.indexes(&self.grades_of(&Outcome::Football(ending.outcome))))
                .collect();
            self.rows.clone_from(&of_endings);
            self.rows.sort_unstable();
            self.rows.dedup();
            let row =
                |grades: &Vec<u8>| self.rows.binary_search(grades).expect("every ending's grades are a row");
            self.row_of_ending = of_endings.iter().map(row).collect();
            return;
        }
        for grade in game.listed(self).endings.into_iter().flatten() {
            if !self.grades.contains(&grade) {
                self.grades.push(grade);
            }
        }
        assert!(self.grades.len() <= GRADES_MAX, "{} grades", self.grades.len());
    }

    /// The slot of a selection.
    ///
    /// # Panics
    /// Its market is not of the space.
    pub fn slot(&self, selection: usize) -> usize {
        *self.slot_of.get(&selection).unwrap_or_else(|| {
            panic!("{} is not in the universe of this run", self.template.selection_text(selection))
        })
    }

    /// The grade of every slot on an outcome that happened.
    pub(crate) fn grades_of(&self, outcome: &Outcome) -> Grades {
        self.selections.iter().map(|&selection| self.template.grade(selection, outcome)).collect()
    }

    fn indexes(&self, grades: &[Grade]) -> Vec<u8> {
        let index = |grade: &Grade| self.grades.iter().position(|known| known == grade);
        grades.iter().map(|grade| index(grade).expect("the grade was listed before") as u8).collect()
    }

    /// What is still possible.
    pub fn possible(&self, now: &Game) -> Arc<Possible> {
        let mut known = self.possible.lock().expect("no thread panicked while listing outcomes");
        // A long simulation meets more states than it should remember.
        if known.len() > POSSIBLE_KEPT_MAX {
            known.clear();
        }
        known.entry(now.key()).or_insert_with(|| Arc::new(self.list_possible(now))).clone()
    }

    /// What is possible before the start.
    pub fn before_start(&self) -> Arc<Possible> {
        self.possible(&Game::new(&self.format, self.definition.as_ref()))
    }

    fn list_possible(&self, now: &Game) -> Possible {
        match now {
            Game::Football(now) => self.list_football(now),
            _ => self.list_others(now),
        }
    }

    fn list_others(&self, now: &Game) -> Possible {
        let Listed { decided, endings } = now.listed(self);
        let mut rows: Vec<Vec<u8>> = endings.iter().map(|grades| self.indexes(grades)).collect();
        rows.sort_unstable();
        rows.dedup();
        let of_market = |&market: &usize| {
            let first = self.slot(self.template.markets[market].selections().start);
            let count = self.template.markets[market].selections().len();
            let distinct: BTreeSet<Vec<u8>> =
                rows.iter().map(|row| row[first..first + count].to_vec()).collect();
            distinct.into_iter().collect()
        };
        let grades = |slot: usize| rows.iter().map(|row| row[slot]).collect();
        Possible {
            decided,
            of_market: self.markets.iter().map(of_market).collect(),
            joint: (0..self.selections.len()).map(grades).collect(),
            joint_count: rows.len(),
        }
    }

    fn list_football(&self, now: &Match) -> Possible {
        let continuations = continuations(now);
        let all: Vec<Vec<u8>> = continuations
            .iter()
            .map(|outcome| self.indexes(&self.grades_of(&Outcome::Football(*outcome))))
            .collect();
        let of_market: Vec<Vec<Vec<u8>>> = self
            .markets
            .iter()
            .map(|&market| {
                let first = self.slot(self.template.markets[market].selections().start);
                let count = self.template.markets[market].selections().len();
                let distinct: BTreeSet<Vec<u8>> =
                    all.iter().map(|row| row[first..first + count].to_vec()).collect();
                distinct.into_iter().collect()
            })
            .collect();
        let decided = of_market.iter().flat_map(|rows| {
            let is_same = |place: &usize| rows.iter().all(|row| row[*place] == rows[0][*place]);
            let grade = |place: usize| self.grades[usize::from(rows[0][place])];
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

/// The grade of every slot that is the same on all of these lists.
pub(crate) fn common(lists: &[Grades]) -> Vec<Option<Grade>> {
    let grade = |slot: usize| {
        let first = lists[0][slot];
        lists.iter().all(|grades| grades[slot] == first).then_some(first)
    };
    (0..lists[0].len()).map(grade).collect()
}

/// The grade that a selection has on all of these outcomes, if it is the same on all.
pub fn decided(template: &Template, selection: usize, outcomes: &[FootballOutcome]) -> Option<Grade> {
    let grade = |outcome: &FootballOutcome| template.grade(selection, &Outcome::Football(*outcome));
    let first = grade(&outcomes[0]);
    outcomes.iter().all(|outcome| grade(outcome) == first).then_some(first)
}
