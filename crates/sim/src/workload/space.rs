//! A sport as data, its feed and its model.

use oddsengine_engine::{Body, Stop, VoidKind};
use oddsengine_markets::custom::{CustomIncident, SpaceDefinition, SpaceMarket, SpaceSelection, SpaceView};
use oddsengine_markets::{Format, Incident, LivePhase, LiveState, ModelFault};
use oddsengine_types::{FixtureId, Grade};

use super::{Done, Workload};
use crate::outcomes::Space;

/// Frames of the first side are 0 to 5, those of the second 0 to 4: an outcome is both.
const FIRST_COUNT: u16 = 6;
const SECOND_COUNT: u16 = 5;
const OUTCOME_COUNT: u16 = FIRST_COUNT * SECOND_COUNT;

/// Thirty outcomes, three views, whole and quarter lines, a double chance.
fn definition() -> SpaceDefinition {
    let frames = |outcome: u16| (outcome / SECOND_COUNT, outcome % SECOND_COUNT);
    let view = |name: &str, cell: &dyn Fn(u16, u16) -> u16| SpaceView {
        name: name.into(),
        cell_of_outcome: (0..OUTCOME_COUNT)
            .map(|outcome| {
                let (first, second) = frames(outcome);
                cell(first, second) as u8
            })
            .collect(),
    };
    let result = |first: u16, second: u16| match first.cmp(&second) {
        std::cmp::Ordering::Greater => 0,
        std::cmp::Ordering::Equal => 1,
        std::cmp::Ordering::Less => 2,
    };
    let market = |key: &str, view: u8, winners: u8, selections: Vec<(String, Vec<Grade>)>| SpaceMarket {
        key: key.into(),
        view,
        winners,
        selections: selections.into_iter().map(|(name, grades)| SpaceSelection { name, grades }).collect(),
    };
    let (won, lost, void) = (Grade::WON, Grade::LOST, Grade::VOID);
    let on_result = |name: &str, grades: [Grade; 3]| (name.to_string(), grades.to_vec());
    let on_total = |name: &str, grade: &dyn Fn(u16) -> Grade| {
        let totals = 0..FIRST_COUNT + SECOND_COUNT - 1;
        (name.to_string(), totals.map(grade).collect::<Vec<Grade>>())
    };
    let line = |key: &str, at: u16, over: Grade, under: Grade| {
        let grade = |total: u16, high: Grade, low: Grade, on: Grade| match total.cmp(&at) {
            std::cmp::Ordering::Greater => high,
            std::cmp::Ordering::Equal => on,
            std::cmp::Ordering::Less => low,
        };
        let selections = vec![
            on_total("over", &|total| grade(total, won, lost, over)),
            on_total("under", &|total| grade(total, lost, won, under)),
        ];
        market(key, 1, 1, selections)
    };
    let exact = (0..FIRST_COUNT)
        .map(|count| {
            let grades = (0..FIRST_COUNT).map(|cell| Grade::won_if(cell == count)).collect();
            (count.to_string(), grades)
        })
        .collect();
    SpaceDefinition {
        name: "frames".into(),
        outcome_count: OUTCOME_COUNT.into(),
        views: vec![
            view("result", &result),
            view("total", &|first, second| first + second),
            view("first", &|first, _| first),
        ],
        markets: vec![
            market(
                "result",
                0,
                1,
                vec![
                    on_result("first", [won, lost, lost]),
                    on_result("draw", [lost, won, lost]),
                    on_result("second", [lost, lost, won]),
                ],
            ),
            market(
                "draw_no_bet",
                0,
                1,
                vec![on_result("first", [won, void, lost]), on_result("second", [lost, void, won])],
            ),
            market(
                "double_chance",
                0,
                2,
                vec![
                    on_result("1x", [won, won, lost]),
                    on_result("12", [won, lost, won]),
                    on_result("x2", [lost, won, won]),
                ],
            ),
            line("total:4", 4, void, void),
            line("total:4.5", 4, lost, won),
            line("total:5.25", 5, Grade::HALF_LOST, Grade::HALF_WON),
            market("first_frames", 2, 1, exact),
        ],
    }
}

/// The space with all of its markets.
pub(super) fn space() -> Space {
    let definition = definition();
    let keys: Vec<String> = definition.markets.iter().map(|market| market.key.clone()).collect();
    let format = Format::Custom(definition.id());
    Space::new(format, Some(definition), keys.iter().map(String::as_str))
}

impl Workload {
    /// Defines the spaces of the run, again, and otherwise.
    pub(super) fn define_spaces(&mut self) -> Done {
        let spaces = self.pair.universe().spaces().to_vec();
        for definition in spaces.iter().filter_map(|space| space.definition.as_ref()) {
            self.send(Body::DefineSpace(Box::new(definition.clone())))?;
            self.send(Body::DefineSpace(Box::new(definition.clone())))?;
            let mut other = definition.clone();
            other.markets.truncate(1);
            self.send(Body::DefineSpace(Box::new(other.clone())))?;
            other.name = "nothing".into();
            other.markets.clear();
            self.send(Body::DefineSpace(Box::new(other)))?;
        }
        Ok(())
    }

    /// What the fixture's model gives, or that it gives nothing.
    pub(super) fn set_probabilities(&mut self, fixture: FixtureId) -> Done {
        let known = self.pair.fast.fixture(fixture).expect("it is known");
        let LiveState::Custom(state) = &known.live else { unreachable!("it is a space") };
        let left: Vec<u16> = state.possible.iter().flat_map(|&(start, end)| start..end).collect();
        let weights: Vec<i64> = left.iter().map(|_| self.random.between(1, 50)).collect();
        let total: i64 = weights.iter().sum();
        let mut probabilities = vec![0.0; usize::from(OUTCOME_COUNT)];
        for (&outcome, &weight) in left.iter().zip(&weights) {
            probabilities[usize::from(outcome)] = weight as f64 / total as f64;
        }
        match self.random.below(30) {
            0 => probabilities[3] = -0.5,
            1 => probabilities.iter_mut().for_each(|p| *p *= 1.5),
            2 => probabilities = vec![1.0 / f64::from(OUTCOME_COUNT); usize::from(OUTCOME_COUNT)],
            3 => drop(probabilities.pop()),
            4 => return self.send(Body::ModelFailed { fixture, fault: ModelFault::TooSlow }).map(drop),
            5 => {
                let inputs = vec![if self.random.one_in(4) { f64::NAN } else { 1.5 }];
                return self.send(Body::SetModelInputs { fixture, inputs }).map(drop);
            }
            _ => {}
        }
        self.send(Body::SetProbabilities { fixture, probabilities }).map(drop)
    }

    pub(super) fn play_space(&mut self, fixture: FixtureId) -> Done {
        let known = self.pair.fast.fixture(fixture).expect("it is known");
        let LiveState::Custom(state) = &known.live else { unreachable!("it is a space") };
        let (state, is_waiting) = (state.clone(), known.stops.has(Stop::Model));
        if known.void != VoidKind::Nothing && self.random.one_in(2) {
            return self.send(Body::VoidFixture { fixture, void: VoidKind::Nothing }).map(drop);
        }
        if is_waiting && !self.random.one_in(4) {
            return self.set_probabilities(fixture);
        }
        let is_over = state.phase == LivePhase::Finished;
        if is_over && !self.random.one_in(4) {
            return self.retire(fixture);
        }
        let mut told = CustomIncident {
            phase: state.phase,
            score: state.score,
            clock_ms: state.clock_ms + self.random.between(0, 60_000),
            period: "frames".into(),
            values: vec![self.random.between(0, 9)],
            possible: state.possible.clone(),
            danger: *self.random.pick(&[None, None, None, None, Some(true), Some(false), Some(false)]),
        };
        match self.random.below(16) {
            0..3 => told.phase = LivePhase::InPlay,
            3..6 => {
                // Some outcomes are no longer possible.
                told.score.0 += 1;
                let least = self.random.between(0, 8) as u16;
                let (first, last) = (state.possible[0].0, state.possible[state.possible.len() - 1].1);
                if first + least + 1 < last {
                    let middle = first + least + 1;
                    told.possible = vec![(first + least, middle), (middle, last)];
                }
                told.phase = LivePhase::InPlay;
            }
            6 | 7 => {
                let outcome = self.random.between(0, i64::from(OUTCOME_COUNT) - 1) as u16;
                (told.phase, told.possible) = (LivePhase::Finished, vec![(outcome, outcome + 1)]);
            }
            8 => told.phase = LivePhase::Finished,
            9 => told.possible = vec![(5, 9), (7, 12)],
            10 => (told.possible, told.score) = (vec![(2, 6), (9, 20)], (0, 0)),
            11 => told.possible = Vec::new(),
            12 => told.values = vec![0; 40],
            13 => return self.set_probabilities(fixture),
            _ => {}
        }
        let incident = Incident::Custom(told);
        self.send_feed(Body::Incident { fixture, incident })
    }
}
