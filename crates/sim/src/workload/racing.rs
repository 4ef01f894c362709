//! Races, and what feeds make of them.

use oddsengine_engine::{Body, PricedMarket, Stop, VoidKind};
use oddsengine_markets::racing::{
    RUNNERS_MAX, RaceKind, RaceStage, RacingFormat, RacingIncident as Kind, RacingState,
};
use oddsengine_markets::{Format, Incident, LiveState, MarketId};
use oddsengine_types::FixtureId;

use super::{Done, Workload};
use crate::outcomes::Space;

/// The markets that are bet on.
const MARKETS: &[&str] =
    &["win", "place.2", "each_way.4.2", "forecast", "quinella", "without.r1", "match.r1.r2", "match.r3.r4"];

/// Five horses and six greyhounds.
pub(super) fn spaces() -> Vec<Space> {
    [(RaceKind::Horse, 5), (RaceKind::Greyhound, 6)]
        .map(|(kind, count)| {
            let format = Format::Racing(RacingFormat::standard(kind, count, false));
            Space::new(format, None, MARKETS.iter().copied())
        })
        .into()
}

impl Workload {
    pub(super) fn set_race_prices(&mut self, fixture: FixtureId, runner_count: u8) -> Done {
        let shares: Vec<i64> = (0..runner_count).map(|_| self.random.between(10, 60)).collect();
        let total: i64 = shares.iter().sum();
        // A book of 115 percent, as integers.
        let odds = |&share: &i64| (total * 10_000 * 100 / (share * 115)).max(10_100) as u32;
        let mut odds_e4: Vec<u32> = shares.iter().map(odds).collect();
        if self.random.one_in(12) {
            odds_e4[0] = 0;
        }
        let market = MarketId::of(if self.random.one_in(25) { "place.2" } else { "win" });
        self.send_feed(Body::SetPrices { fixture, prices: vec![PricedMarket { market, odds_e4 }] })
    }

    pub(super) fn play_race(&mut self, fixture: FixtureId) -> Done {
        let known = self.pair.fast.fixture(fixture).expect("it is known");
        let LiveState::Racing(state) = known.live else { unreachable!("it is a race") };
        let is_in_danger = known.stops.has(Stop::Danger);
        if known.void != VoidKind::Nothing && self.random.one_in(2) {
            return self.send(Body::VoidFixture { fixture, void: VoidKind::Nothing }).map(drop);
        }
        let runner = self.random.below(usize::from(state.format.runner_count) + 1) as u8;
        let kind = match state.stage {
            RaceStage::BeforeOff => match self.random.below(24) {
                0..8 => return self.set_prices(fixture),
                8 | 9 => Kind::Withdrawn(runner),
                10 | 11 => Kind::Reinstated(runner),
                12 => Kind::Danger,
                13 | 14 => Kind::Safe,
                15 => *self.random.pick(&[Kind::Recalled, Kind::Official, Kind::Amended([0; RUNNERS_MAX])]),
                16 => return self.set_expectation(fixture),
                17 if self.random.one_in(6) => Kind::Void,
                _ if is_in_danger => Kind::Safe,
                _ => Kind::Off,
            },
            // Some books trade in running.
            RaceStage::Running => match self.random.below(24) {
                0..9 => Kind::Safe,
                9 => Kind::Danger,
                10 | 11 => Kind::Recalled,
                12 | 13 => Kind::Withdrawn(runner),
                14 => Kind::Reinstated(runner),
                15 => Kind::Off,
                16 if self.random.one_in(6) => Kind::Void,
                17..20 => Kind::Result(self.positions(&state)),
                _ => return Ok(()),
            },
            RaceStage::Result => match self.random.below(10) {
                0 => Kind::Result(self.positions(&state)),
                1 => Kind::Safe,
                2 => Kind::Withdrawn(runner),
                3 => Kind::Recalled,
                _ => Kind::Official,
            },
            RaceStage::Official | RaceStage::Void => match self.random.below(14) {
                0..3 => Kind::Amended(self.positions(&state)),
                3 if self.random.one_in(4) => Kind::Void,
                4 => Kind::Withdrawn(runner),
                5 => Kind::Reinstated(runner),
                6 => Kind::Official,
                _ => return self.retire(fixture),
            },
        };
        self.send_feed(Body::Incident { fixture, incident: Incident::Racing(kind) })
    }

    /// A finish with some dead heats and some that do not come home; sometimes one that cannot be.
    fn positions(&mut self, state: &RacingState) -> [u8; RUNNERS_MAX] {
        let mut left: Vec<usize> = state.starters().collect();
        let (mut positions, mut position) = ([0; RUNNERS_MAX], 1);
        while !left.is_empty() {
            let tied = if self.random.one_in(6) { 2.min(left.len()) } else { 1 };
            for _ in 0..tied {
                let runner = left.remove(self.random.below(left.len()));
                positions[runner] = position;
            }
            position += tied as u8;
            if self.random.one_in(12) {
                break;
            }
        }
        match self.random.below(25) {
            0 => positions[0] = 9,
            1 => positions[RUNNERS_MAX - 1] = 1,
            2 => positions = [0; RUNNERS_MAX],
            _ => {}
        }
        positions
    }
}
