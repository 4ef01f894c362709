//! Tennis matches, and what feeds make of them.

use oddsengine_engine::{Body, PricedMarket, Stop, VoidKind};
use oddsengine_markets::tennis::{
    FinalSet, RetirementRule, ScoreAfter, Scoreboard, Side, TennisFormat, TennisIncident,
    TennisIncidentKind as Kind, TennisState,
};
use oddsengine_markets::{Format, Incident, LivePhase, LiveState, MarketId};
use oddsengine_types::FixtureId;

use super::{Done, Workload};
use crate::outcomes::Space;

/// The markets that are bet on: those that need no order of games, so that the joint space is exact.
const MARKETS: &[&str] = &[
    "match_winner",
    "set_betting",
    "total_sets:2.5",
    "first_set_match",
    "home_wins_a_set",
    "total_games:20.5",
    "total_games:21.5",
    "total_games:22.5",
    "games_odd_even",
    "games_handicap:-2.5",
    "games_handicap:3.5",
    "home_games:11.5",
    "tie_break",
    "match_winner_total:21.5",
    "set1_winner",
    "set1_score",
    "set1_total:9.5",
    "set1_tie_break_winner",
    "set2_handicap:-2.5",
    "set2_home_games:4.5",
    "set3_winner",
];

/// Two formats: the tours, and doubles.
pub(super) fn spaces() -> Vec<Space> {
    let doubles = TennisFormat {
        final_set: FinalSet::MatchTieBreak10,
        is_no_ad: true,
        retirement: RetirementRule::AdvanceAfterOneSet,
        ..TennisFormat::default()
    };
    [TennisFormat::default(), doubles]
        .map(|format| Space::new(Format::Tennis(format), None, MARKETS.iter().copied()))
        .into()
}

impl Workload {
    pub(super) fn set_tennis_prices(&mut self, fixture: FixtureId) -> Done {
        const WINNERS: [[u32; 2]; 4] =
            [[17_000, 21_500], [13_000, 36_000], [26_000, 15_000], [5_000, 30_000]];
        let odds = if self.random.one_in(25) { WINNERS[3] } else { WINNERS[self.random.below(3)] };
        let mut prices = vec![PricedMarket { market: MarketId::of("match_winner"), odds_e4: odds.to_vec() }];
        if self.random.one_in(2) {
            let market = MarketId::of("total_games:21.5");
            prices.push(PricedMarket { market, odds_e4: vec![18_800, 19_300] });
        }
        self.send_feed(Body::SetPrices { fixture, prices })
    }

    pub(super) fn play_tennis(&mut self, fixture: FixtureId) -> Done {
        let known = self.pair.fast.fixture(fixture).expect("it is known");
        let LiveState::Tennis(state) = &known.live else { unreachable!("it is tennis") };
        let (state, is_in_danger) = ((**state), known.stops.has(Stop::Danger));
        if known.void != VoidKind::Nothing && self.random.one_in(2) {
            return self.send(Body::VoidFixture { fixture, void: VoidKind::Nothing }).map(drop);
        }
        let side = *self.random.pick(&Side::BOTH);
        let kind = match state.phase() {
            LivePhase::PreMatch => match self.random.below(14) {
                0..3 => return self.set_prices(fixture),
                3 => Kind::WalkOver(side),
                4 => Kind::Safe,
                5 => Kind::Point(side),
                6 => return self.set_expectation(fixture),
                7 => Kind::Score(self.scoreboard(&state)),
                _ => Kind::Start(side),
            },
            LivePhase::InPlay if is_in_danger && !self.random.one_in(3) => Kind::Safe,
            LivePhase::InPlay => match self.random.weighted(&[40, 40, 8, 5, 2, 4, 3, 2]) {
                0 => Kind::Point(side),
                1 => Kind::Game(side),
                2 => Kind::PointCancelled(side),
                3 => Kind::Score(self.scoreboard(&state)),
                4 => Kind::Retired(side),
                5 => Kind::Danger,
                6 => Kind::Safe,
                // Not now.
                _ => *self.random.pick(&[
                    Kind::Start(side),
                    Kind::End,
                    Kind::RetirementCancelled,
                    Kind::WalkOver(side),
                ]),
            },
            LivePhase::Finished => match self.random.below(12) {
                0 => Kind::End,
                1 => Kind::RetirementCancelled,
                2 => Kind::PointCancelled(side),
                3 => Kind::Score(self.scoreboard(&state)),
                4 => Kind::Point(side),
                _ => return self.retire(fixture),
            },
        };
        self.tennis_incident(fixture, &state, kind)
    }

    fn tennis_incident(&mut self, fixture: FixtureId, state: &TennisState, kind: Kind) -> Done {
        let clock_ms = match self.random.below(40) {
            0 => -1,
            1 => 0,
            _ => state.clock_ms + self.random.between(0, 90_000),
        };
        let mut after = *state;
        let plain = TennisIncident { kind, clock_ms, score_after: ScoreAfter::default() };
        let _ = after.apply(&plain);
        let mut sets = after.score.sets_won();
        let games = after.score.current_set(&after.format).map_or([0; 2], |(_, games)| games);
        if self.random.one_in(30) {
            // The feed has seen a set that we have not.
            sets[0] += 1;
        }
        let mut tell = |pair: [u8; 2]| (!self.random.one_in(3)).then_some(pair);
        let score_after =
            ScoreAfter { sets: tell(sets), games: tell(games), points: tell(after.score.points) };
        let incident = Incident::Tennis(TennisIncident { score_after, ..plain });
        self.send_feed(Body::Incident { fixture, incident })
    }

    /// A score some games on, or one that nobody can have.
    fn scoreboard(&mut self, state: &TennisState) -> Scoreboard {
        let mut then = *state;
        for _ in 0..self.random.below(5) {
            let side = *self.random.pick(&Side::BOTH);
            let _ = then.apply(&Kind::Game(side).into());
        }
        if self.random.one_in(3) {
            let _ = then.apply(&Kind::Point(Side::Home).into());
        }
        let set =
            then.score.current_set(&then.format).map_or(then.score.sets_played, |(set, _)| set as u8 + 1);
        let server = *self.random.pick(&Side::BOTH);
        let mut board =
            Scoreboard { sets: then.score.games, set_count: set, points: then.score.points, server };
        match self.random.below(10) {
            0 => board.sets[0] = [8, 2],
            1 => board.set_count = self.random.below(5) as u8,
            2 => board.points = [self.random.below(6) as u8, self.random.below(6) as u8],
            3 => board.sets[0] = [self.random.below(8) as u8, self.random.below(8) as u8],
            4 => board.sets[0].swap(0, 1),
            _ => {}
        }
        board
    }
}
