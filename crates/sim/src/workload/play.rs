//! What happens on the field of play, and what feeds make of it.

use oddsengine_engine::{Body, Config, ExpectationMode, Fixture, FixtureRequest, Stop, VoidKind};
use oddsengine_markets::football::{
    DepthIncident as Depth, FootballIncident, FootballIncidentKind as Kind, FootballState,
    MatchPeriod as Period, Side,
};
use oddsengine_markets::{Format, Incident, SpaceId};
use oddsengine_types::FixtureId;

use crate::football_prices;

use super::{Done, FIXTURE_COUNT, Workload};

/// Goals of a side in a half at which the simulation stops scoring: one more than the joint space tells apart.
const GOALS_MAX: u16 = 7;

fn football_of(fixture: &Fixture) -> FootballState {
    fixture.live.football().expect("the workload plays football")
}

impl Workload {
    pub(super) fn add_fixture(&mut self) -> Done {
        self.fixture_count += 1;
        let fixture = FixtureId(self.fixture_count);
        let competition = if fixture.0.is_multiple_of(3) { "cup" } else { "league" };
        let format = *self.random.pick(&self.formats);
        let request = FixtureRequest {
            fixture,
            format,
            competition: competition.into(),
            start_ns: self.start_ns(),
            home: format!("home {fixture}"),
            away: format!("away {fixture}"),
            entrants: Vec::new(),
        };
        self.send(Body::AddFixture(Box::new(request.clone())))?;
        if self.pair.fast.fixture(fixture).is_none() {
            // No room: the desk makes some.
            let config = Config { fixtures_max: 20_000, ..self.pair.fast.config().clone() };
            self.send(Body::Configure(Box::new(config)))?;
            self.send(Body::AddFixture(Box::new(request.clone())))?;
        }
        self.active.push(fixture);
        if self.random.one_in(6) {
            let again = match self.random.below(3) {
                0 => request,
                1 => FixtureRequest { home: "another".into(), ..request },
                _ => FixtureRequest {
                    fixture: FixtureId(99_999),
                    format: Format::Custom(SpaceId(7)),
                    ..request
                },
            };
            self.send(Body::AddFixture(Box::new(again)))?;
        }
        // A few fixtures wait for their prices.
        if self.random.one_in(8) { Ok(()) } else { self.set_prices(fixture) }
    }

    /// Soon, long ago, tomorrow, or nobody knows.
    fn start_ns(&mut self) -> i64 {
        match self.random.below(8) {
            0 => 0,
            1 => self.now_ns - 300_000_000_000,
            2 => self.now_ns + 86_400_000_000_000,
            _ => self.now_ns + self.random.between(0, 300) * 1_000_000_000,
        }
    }

    pub(super) fn set_prices(&mut self, fixture: FixtureId) -> Done {
        match self.space(fixture).format {
            Format::Football(_) => self.set_football_prices(fixture),
            Format::Tennis(_) => self.set_tennis_prices(fixture),
            Format::Racing(format) => self.set_race_prices(fixture, format.runner_count),
            Format::Custom(_) => self.set_probabilities(fixture),
        }
    }

    fn set_football_prices(&mut self, fixture: FixtureId) -> Done {
        const BOARDS: [([u32; 3], i16, [u32; 2]); 5] = [
            ([21_000, 34_000, 36_000], 10, [19_500, 19_000]),
            ([15_000, 43_000, 68_000], 11, [19_000, 19_500]),
            ([42_000, 36_000, 18_800], 9, [18_500, 20_000]),
            ([27_000, 32_000, 27_500], 8, [18_000, 20_500]),
            // Half of the stake back for a win: no feed means that.
            ([5_000, 34_000, 36_000], 10, [19_500, 19_000]),
        ];
        let board = if self.random.one_in(25) { 4 } else { self.random.below(4) };
        let (odds_1x2_e4, total_line_quarters, odds_total_e4) = BOARDS[board];
        let jitter = self.random.between(-3, 3) * 100;
        let odds_1x2_e4 = odds_1x2_e4.map(|odds| (i64::from(odds) + jitter) as u32);
        self.send_feed(football_prices(fixture, odds_1x2_e4, total_line_quarters, odds_total_e4))
    }

    pub(super) fn set_expectation(&mut self, fixture: FixtureId) -> Done {
        let supremacy_e6 = self.random.between(-1_200_000, 1_200_000);
        let total_e6 = match self.random.below(20) {
            0 => 900_000_000,
            _ => self.random.between(1_800_000, 3_800_000),
        };
        let (mode, supremacy_e6, total_e6) = match self.random.below(10) {
            0 | 1 => (Some(ExpectationMode::Hold), supremacy_e6, total_e6),
            2 => (Some(ExpectationMode::Offset), supremacy_e6 / 4, 100_000),
            3 => (Some(ExpectationMode::Blend), supremacy_e6, total_e6),
            4 | 5 => (Some(ExpectationMode::Release), 0, 0),
            _ => (None, supremacy_e6, total_e6),
        };
        let weight_e3 =
            if mode == Some(ExpectationMode::Blend) { self.random.below(1_001) as u32 } else { 0 };
        self.send(Body::SetExpectation { fixture, supremacy_e6, total_e6, mode, weight_e3 }).map(drop)
    }

    /// One thing happens in one fixture.
    pub(super) fn play(&mut self) -> Done {
        let fixture = *self.random.pick(&self.active);
        match self.space(fixture).format {
            Format::Football(_) => self.play_football(fixture),
            Format::Tennis(_) => self.play_tennis(fixture),
            Format::Racing(_) => self.play_race(fixture),
            Format::Custom(_) => self.play_space(fixture),
        }
    }

    fn play_football(&mut self, fixture: FixtureId) -> Done {
        let known = self.pair.fast.fixture(fixture).expect("an active fixture is known");
        let state = football_of(known);
        if known.void != VoidKind::Nothing {
            return self.play_void(fixture, &state);
        }
        let kind = match state.period {
            Period::PreMatch => match self.random.below(8) {
                0 | 1 => return self.set_prices(fixture),
                2 => return self.set_expectation(fixture),
                3 => Kind::Safe,
                4 => Kind::Goal(Side::Home),
                _ => Kind::KickOff,
            },
            Period::FirstHalf | Period::SecondHalf => self.in_half(&state, known.stops.has(Stop::Danger)),
            Period::HalfTime => match self.random.below(6) {
                0 => self.cancelled_goal(),
                1 => Kind::RedCard(Side::Away),
                2 => Kind::HalfTime,
                _ => Kind::SecondHalf,
            },
            // No simulated match goes to extra time.
            _ => return self.after_full_time(fixture),
        };
        self.incident(fixture, &state, kind)
    }

    fn in_half(&mut self, state: &FootballState, is_in_danger: bool) -> Kind {
        let side = if self.random.one_in(2) { Side::Home } else { Side::Away };
        let half = usize::from(state.period == Period::SecondHalf);
        if is_in_danger && !self.random.one_in(3) {
            return Kind::Safe;
        }
        match self.random.weighted(&[40, 20, 6, 4, 2, 5, 3, 3, 8, 2]) {
            0 => Kind::Clock,
            1 if state.goals[half][side.index()] < GOALS_MAX => Kind::Goal(side),
            1 | 2 => self.cancelled_goal(),
            3 => Kind::RedCard(side),
            4 => Kind::RedCardCancelled(side),
            5 => Kind::Danger,
            6 => Kind::Safe,
            7 => Kind::Stoppage(self.random.between(-1, 20) * 60_000),
            8 if half == 0 => Kind::HalfTime,
            8 => Kind::FullTime,
            // Not now.
            _ => *self.random.pick(&[
                Kind::KickOff,
                Kind::SecondHalf,
                Kind::Correction([[0; 2]; 2]),
                Kind::Depth(Depth::ExtraTime),
                Kind::Depth(Depth::Corner(side)),
            ]),
        }
    }

    fn cancelled_goal(&mut self) -> Kind {
        Kind::GoalCancelled(*self.random.pick(&Side::BOTH))
    }

    fn incident(&mut self, fixture: FixtureId, state: &FootballState, kind: Kind) -> Done {
        let clock_ms = match self.random.below(40) {
            0 => (state.clock_ms - 30_000).max(0),
            1 => -1,
            // About as late as the half can be, or later.
            2 | 3 => {
                let end_minute = if state.period == Period::FirstHalf { 45 } else { 90 };
                (end_minute + self.random.between(13, 27)) * 60_000 + self.random.between(0, 1)
            }
            _ => state.clock_ms + self.random.between(0, 240_000),
        };
        let mut after = *state;
        let plain = FootballIncident { kind, clock_ms, score_after: None };
        // A start that was missed by minutes.
        let is_late = kind == Kind::KickOff && self.random.one_in(4);
        let plain = if is_late { FootballIncident { clock_ms: 600_000, ..plain } } else { plain };
        let score = after.apply(&plain).map_or(state.score(), |_| after.score());
        let score_after = match self.random.below(30) {
            // The feed has seen a goal that we have not.
            0 => Some((score.0 + 1, score.1)),
            1..12 => None,
            _ => Some(score),
        };
        let incident = Incident::Football(FootballIncident { score_after, ..plain });
        self.send_feed(Body::Incident { fixture, incident })
    }

    fn after_full_time(&mut self, fixture: FixtureId) -> Done {
        let state = football_of(self.pair.fast.fixture(fixture).expect("it is known"));
        match self.random.below(5) {
            0 => {
                let kind = self.correction();
                self.incident(fixture, &state, kind)
            }
            1 => {
                let kind = self.cancelled_goal();
                self.incident(fixture, &state, kind)
            }
            2 => self.incident(fixture, &state, Kind::Clock),
            _ => self.retire(fixture),
        }
    }

    pub(super) fn retire(&mut self, fixture: FixtureId) -> Done {
        if !self.active.contains(&fixture) {
            return Ok(());
        }
        self.active.retain(|&known| known != fixture);
        self.over.push(fixture);
        if self.active.len() < FIXTURE_COUNT { self.add_fixture() } else { Ok(()) }
    }

    fn play_void(&mut self, fixture: FixtureId, state: &FootballState) -> Done {
        match self.random.below(4) {
            0 => self.incident(fixture, state, Kind::Clock),
            1 => self.retire(fixture),
            _ => self.send_from_any(Body::VoidFixture { fixture, void: VoidKind::Nothing }),
        }
    }

    fn correction(&mut self) -> Kind {
        let mut count = || self.random.below(4) as u16;
        let goals = [[count(), count()], [count(), count()]];
        Kind::Correction(if self.random.one_in(30) { [[40, 40], [0, 0]] } else { goals })
    }

    pub(super) fn void_or_correct(&mut self) -> Done {
        if !self.over.is_empty() && self.random.one_in(2) {
            let fixture = *self.random.pick(&self.over);
            self.pair.recall_fixtures([fixture].into_iter(), self.now_ns)?;
            return match self.space(fixture).format {
                Format::Football(_) => {
                    let state = football_of(self.pair.fast.fixture(fixture).expect("it is known"));
                    let kind = self.correction();
                    self.incident(fixture, &state, kind)
                }
                Format::Tennis(_) => self.play_tennis(fixture),
                Format::Racing(_) => self.play_race(fixture),
                Format::Custom(_) => self.play_space(fixture),
            };
        }
        let is_over = !self.over.is_empty() && self.random.one_in(4);
        let fixture = *self.random.pick(if is_over { &self.over } else { &self.active });
        let fixture = if self.random.one_in(20) { FixtureId(77_777) } else { fixture };
        let void = *self.random.pick(&[VoidKind::Nothing, VoidKind::Everything, VoidKind::Undecided]);
        self.send_from_any(Body::VoidFixture { fixture, void })
    }
}
