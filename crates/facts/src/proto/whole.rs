//! What comes back from the archive: fixtures with how they ended, deposits and withdrawals.

use oddsengine_markets::custom::CustomState;
use oddsengine_markets::football::{
    Credit, FootballDepth, FootballFormat, FootballState, GoalFact, GoalOrder, KnownDepth, MatchPeriod,
};
use oddsengine_markets::racing::{RaceKind, RaceStage, RacingFormat, RacingState, RunnerSet};
use oddsengine_markets::tennis::{Ending, TennisFormat, TennisScore, TennisState};
use oddsengine_markets::{LivePhase, LiveState, ModelFault, football::Side};
use oddsengine_types::{Grade, SportParameters};

use super::common::{Nothing, Stops};
use super::error::{At, Result};
use super::kind::{
    Bool, Enum, Fixed64, Message, Msg, MsgOrDefault, Opt, Packed, Rep, Sint64, Text, Uint32, Uint64,
};
use super::play::{Span, filled, without_zeros};
use super::tables::{enumeration, message, oneof};
use super::wire::Input;
use crate::command::{FixtureRequest, MoneyRequest, VoidKind};
use crate::config::{Scope, ScopeSettings};
use crate::fact::GradedSelection;
use crate::market::{Expectation, MarketDesk, PricedBy};
use crate::stops;
use crate::whole::{BookedTransfer, ScopeSetting, WholeFixture, WholeMarket};

message!("WholeFixture": WholeFixture = WholeFixture {
    request,
    live,
    parameters,
    priced_by,
    expectation,
    stops: stops::Stops { set: stops, model_fault },
    interruptions,
    fed_by,
    is_start_waived,
    is_void_by_desk,
    void,
    version,
    grades,
    markets,
    archived_count,
    scopes,
} => WholeFixture {
    // What a state has of the format is as it was announced.
    live: with_format(live, &request),
    request,
    parameters,
    priced_by,
    expectation,
    stops: stops::Stops { set: stops, model_fault },
    interruptions,
    fed_by,
    is_start_waived,
    is_void_by_desk,
    void,
    version,
    grades,
    markets,
    archived_count,
    scopes,
}, {
    1 request: Msg<FixtureRequest>,
    2 live: Msg<LiveState>,
    3 parameters: Opt<Msg<SportParameters>>,
    4 stops: Stops,
    5 model_fault: Opt<Enum<ModelFault>>,
    6 interruptions: Uint64,
    7 fed_by: Text,
    8 is_start_waived: Bool,
    9 is_void_by_desk: Bool,
    10 void: Enum<VoidKind>,
    11 version: Uint64,
    12 grades: Rep<Msg<GradedSelection>>,
    13 markets: Rep<Msg<WholeMarket>>,
    14 archived_count: Uint32,
    15 scopes: Rep<Msg<ScopeSetting>>,
    16 priced_by: MsgOrDefault<PricedBy>,
    17 expectation: Opt<Msg<Expectation>>,
});

fn with_format(live: LiveState, request: &FixtureRequest) -> LiveState {
    live.of_format(&request.format)
}

message!("WholeMarket": WholeMarket {
    1 market: Fixed64,
    2 interruptions: Uint64,
    3 desk: Opt<Msg<MarketDesk>>,
    4 told_grades: Opt<Msg<Vec<Grade>>>,
    5 is_told_by_desk: Bool,
});
message!("ScopeSetting": ScopeSetting { 1 scope: Msg<Scope>, 2 settings: Msg<ScopeSettings> });
message!("BookedTransfer": BookedTransfer { 1 request: Msg<MoneyRequest>, 2 is_deposit: Bool, 3 collected_minor: Sint64 });

oneof!("LiveState": LiveState {
    1 football: Football(state: Msg<FootballState>),
    2 custom: Custom(state: Msg<CustomState>),
    3 tennis: Tennis(state: Msg<TennisState>),
    4 racing: Racing(state: Msg<RacingState>),
});

// Football.

message!("FootballState": FootballState = FootballState {
    period,
    goals,
    order: GoalOrder { away_bits, count },
    red_cards,
    clock_ms,
    announced_ms: [first_announced_ms, second_announced_ms],
    format: _,
    depth,
} => FootballState {
    period,
    goals,
    order: GoalOrder { away_bits, count },
    red_cards,
    clock_ms,
    announced_ms: [first_announced_ms, second_announced_ms],
    format: FootballFormat::default(),
    depth,
}, {
    1 period: Enum<MatchPeriod>,
    2 goals: Msg<[[u16; 2]; 2]>,
    3 away_bits: Fixed64,
    4 count: Uint32,
    5 red_cards: Msg<[u8; 2]>,
    6 clock_ms: Sint64,
    7 first_announced_ms: Opt<Sint64>,
    8 second_announced_ms: Opt<Sint64>,
    9 depth: Msg<FootballDepth>,
});
enumeration!("FootballPeriod": MatchPeriod {
    1 "FOOTBALL_PERIOD_PRE_MATCH": PreMatch,
    2 "FOOTBALL_PERIOD_FIRST_HALF": FirstHalf,
    3 "FOOTBALL_PERIOD_HALF_TIME": HalfTime,
    4 "FOOTBALL_PERIOD_SECOND_HALF": SecondHalf,
    5 "FOOTBALL_PERIOD_FULL_TIME": FullTime,
    6 "FOOTBALL_PERIOD_EXTRA_FIRST_HALF": ExtraFirstHalf,
    7 "FOOTBALL_PERIOD_EXTRA_HALF_TIME": ExtraHalfTime,
    8 "FOOTBALL_PERIOD_EXTRA_SECOND_HALF": ExtraSecondHalf,
    9 "FOOTBALL_PERIOD_EXTRA_FULL_TIME": ExtraFullTime,
    10 "FOOTBALL_PERIOD_PENALTIES": Penalties,
});
message!("FootballDepth": KnownDepth {
    1 corners: Msg<[[u8; 2]; 2]>,
    2 cards: Msg<[[u8; 2]; 2]>,
    3 extra_goals: Msg<[u8; 2]>,
    4 has_extra_time: Bool,
    5 penalties_scored: Msg<[u8; 2]>,
    6 penalties_taken: Msg<[u8; 2]>,
    7 goals: Rep<Msg<GoalFact>>,
    8 home_on: Packed<Uint32>,
    9 away_on: Packed<Uint32>,
    10 home_off: Uint32,
    11 away_off: Uint32,
});
impl Message for FootballDepth {
    #[cfg(test)]
    fn describe(schema: &mut super::schema::Schema) -> &'static str {
        KnownDepth::describe(schema)
    }

    fn put_fields(&self, out: &mut Vec<u8>) {
        self.known().put_fields(out);
    }

    fn take(input: Input<'_>) -> Result<Self> {
        let at = &At { message: "FootballDepth", field: "goals, home_on, away_on" };
        let known = KnownDepth::take(input)?;
        let lengths = [known.goals.len(), known.home_on.len(), known.away_on.len()];
        FootballDepth::of_known(&known)
            .ok_or_else(|| at.outside(format_args!("of {lengths:?} entries"), "60, 30 and 30 entries"))
    }
}
type GoalFields = (u8, Credit);
message!("GoalFact": GoalFields = (interval, credit) => (interval, credit), { 1 interval: Uint32, 2 credit: Msg<Credit> });
impl Message for GoalFact {
    #[cfg(test)]
    fn describe(schema: &mut super::schema::Schema) -> &'static str {
        GoalFields::describe(schema)
    }

    fn put_fields(&self, out: &mut Vec<u8>) {
        (self.interval, self.credit()).put_fields(out);
    }

    fn take(input: Input<'_>) -> Result<Self> {
        GoalFields::take(input).map(|(interval, credit)| GoalFact::new(interval).credited(credit))
    }
}

// Tennis.

type TennisFields = (bool, Ending, TennisScore, [u16; 2], [u16; 2], i64);
message!("TennisState": TennisFields = (is_started, ending, score, served, served_won, clock_ms)
    => (is_started, ending, score, served, served_won, clock_ms), {
    1 is_started: Bool,
    2 ending: Msg<Ending>,
    3 score: Msg<TennisScore>,
    4 served: Msg<[u16; 2]>,
    5 served_won: Msg<[u16; 2]>,
    6 clock_ms: Sint64,
});
impl Message for TennisState {
    #[cfg(test)]
    fn describe(schema: &mut super::schema::Schema) -> &'static str {
        TennisFields::describe(schema)
    }

    fn put_fields(&self, out: &mut Vec<u8>) {
        let Self { format: _, is_started, ending, score, served, served_won, clock_ms } = *self;
        (is_started, ending, score, served, served_won, clock_ms).put_fields(out);
    }

    fn take(input: Input<'_>) -> Result<Self> {
        let (is_started, ending, score, served, served_won, clock_ms) = TennisFields::take(input)?;
        let format = TennisFormat::default();
        Ok(Self { format, is_started, ending, score, served, served_won, clock_ms })
    }
}
oneof!("TennisEnding": Ending {
    1 play: Play = Nothing,
    2 retired: Retired(side: Enum<Side>),
    3 walk_over: WalkOver(side: Enum<Side>),
});

type ScoreFields = (Vec<[u8; 2]>, u8, [u8; 2], Option<Side>, Vec<u8>);
message!("TennisScore": ScoreFields = (games, sets_played, points, server, records)
    => (games, sets_played, points, server, records), {
    1 games: Rep<Msg<[u8; 2]>>,
    2 sets_played: Uint32,
    3 points: Msg<[u8; 2]>,
    4 server: Opt<Enum<Side>>,
    5 records: Packed<Uint32>,
});
impl Message for TennisScore {
    #[cfg(test)]
    fn describe(schema: &mut super::schema::Schema) -> &'static str {
        ScoreFields::describe(schema)
    }

    fn put_fields(&self, out: &mut Vec<u8>) {
        let Self { games, sets_played, points, server, records } = self;
        let records: Vec<u8> = records.iter().flatten().flat_map(|record| record.points).collect();
        (without_zeros(games), *sets_played, *points, *server, without_zeros(&records)).put_fields(out);
    }

    fn take(input: Input<'_>) -> Result<Self> {
        let (games, sets_played, points, server, told) = ScoreFields::take(input)?;
        let games = filled(&games, &At { message: "TennisScore", field: "games" })?;
        let mut score = Self { games, sets_played, points, server, ..Self::default() };
        let places = score.records.iter_mut().flatten().flat_map(|record| &mut record.points);
        let count = places.zip(&told).map(|(place, &points)| *place = points).count();
        match count == told.len() {
            true => Ok(score),
            false => {
                let at = &At { message: "TennisScore", field: "records" };
                Err(at.outside(format_args!("of {} entries", told.len()), format_args!("0..={count}")))
            }
        }
    }
}

// Racing.

/// The format of the announcement takes its place.
const UNKNOWN_RACE: RacingFormat = RacingFormat {
    kind: RaceKind::Horse,
    runner_count: 0,
    is_handicap: false,
    places_max: 0,
    extra_terms: None,
};

type RaceFields = (RaceStage, u64, Vec<u8>);
message!("RacingState": RaceFields = (stage, withdrawn, positions) => (stage, withdrawn, positions), {
    1 stage: Enum<RaceStage>, 2 withdrawn: Uint64, 3 positions: Packed<Uint32>,
});
impl Message for RacingState {
    #[cfg(test)]
    fn describe(schema: &mut super::schema::Schema) -> &'static str {
        RaceFields::describe(schema)
    }

    fn put_fields(&self, out: &mut Vec<u8>) {
        (self.stage, self.withdrawn.bits, without_zeros(&self.positions)).put_fields(out);
    }

    fn take(input: Input<'_>) -> Result<Self> {
        let (stage, bits, positions) = RaceFields::take(input)?;
        let positions = filled(&positions, &At { message: "RacingState", field: "positions" })?;
        Ok(Self { format: UNKNOWN_RACE, stage, withdrawn: RunnerSet { bits }, positions })
    }
}
enumeration!("RaceStage": RaceStage {
    1 "RACE_STAGE_BEFORE_OFF": BeforeOff,
    2 "RACE_STAGE_RUNNING": Running,
    3 "RACE_STAGE_RESULT": Result,
    4 "RACE_STAGE_OFFICIAL": Official,
    5 "RACE_STAGE_VOID": Void,
});

// Spaces that are defined as data.

message!("CustomState": CustomState {
    1 outcome_count: Uint32,
    2 phase: Enum<LivePhase>,
    3 score: Msg<(u16, u16)>,
    4 clock_ms: Sint64,
    5 period: Text,
    6 values: Packed<Sint64>,
    7 possible: Rep<Msg<Span>>,
});
