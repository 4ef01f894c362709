//! Formats and incidents of every sport, and spaces that are defined as data.

use oddsengine_markets::custom::{CustomIncident, SpaceMarket, SpaceSelection, SpaceView};
use oddsengine_markets::football::{
    CountKind, Credit, DepthIncident, FirstLeg, FootballFormat, FootballIncident, FootballIncidentKind,
    Knockout, Side,
};
use oddsengine_markets::racing::{PlaceTerms, RUNNERS_MAX, RaceKind, RacingFormat, RacingIncident};
use oddsengine_markets::tennis::{
    BestOf, FinalSet, RetirementRule, ScoreAfter, Scoreboard, TennisFormat, TennisIncident,
    TennisIncidentKind,
};
use oddsengine_markets::{Format, Incident, LivePhase, SpaceDefinition};
use oddsengine_types::Grade;

use super::common::{FromOne, Nothing};
use super::error::{At, Result};
use super::kind::{
    Bool, Bytes, Element, Enum, Fixed64, Message, Msg, Opt, Packed, Rep, Sint64, Text, Uint32,
};
use super::tables::{enumeration, message, oneof};
use super::wire::{Input, Wire};

oneof!("Format": Format {
    1 football: Football(format: Msg<FootballFormat>),
    2 custom: Custom(space: Fixed64),
    3 tennis: Tennis(format: Msg<TennisFormat>),
    4 racing: Racing(format: Msg<RacingFormat>),
});
oneof!("Incident": Incident {
    1 football: Football(incident: Msg<FootballIncident>),
    2 custom: Custom(incident: Msg<CustomIncident>),
    3 tennis: Tennis(incident: Msg<TennisIncident>),
    4 racing: Racing(incident: Msg<RacingIncident>),
});

// Football.

message!("FootballFormat": FootballFormat {
    1 knockout: Opt<Msg<Knockout>>, 2 corners: Bool, 3 cards: Bool, 4 intervals: Bool, 5 players: Msg<[u8; 2]>,
});
message!("Knockout": Knockout { 1 first_leg: Msg<FirstLeg>, 2 extra_time: Bool });
message!("FirstLeg": FirstLeg { 1 home_goals: Uint32, 2 away_goals: Uint32, 3 away_goals_rule: Bool });
message!("FootballIncident": FootballIncident {
    1 kind: Msg<FootballIncidentKind>, 2 clock_ms: Sint64, 3 score_after: Opt<Msg<(u16, u16)>>,
});
oneof!("FootballIncidentKind": FootballIncidentKind {
    1 kick_off: KickOff = Nothing,
    2 goal: Goal(side: Enum<Side>),
    3 goal_cancelled: GoalCancelled(side: Enum<Side>),
    4 red_card: RedCard(side: Enum<Side>),
    5 red_card_cancelled: RedCardCancelled(side: Enum<Side>),
    6 stoppage: Stoppage(announced_ms: Sint64),
    7 half_time: HalfTime = Nothing,
    8 second_half: SecondHalf = Nothing,
    9 full_time: FullTime = Nothing,
    10 clock: Clock = Nothing,
    11 danger: Danger = Nothing,
    12 safe: Safe = Nothing,
    13 correction: Correction(goals: Msg<[[u16; 2]; 2]>),
    14 depth: Depth(incident: Msg<DepthIncident>),
});
oneof!("FootballDepthIncident": DepthIncident {
    1 corner: Corner(side: Enum<Side>),
    2 corner_cancelled: CornerCancelled(side: Enum<Side>),
    3 yellow_card: YellowCard(side: Enum<Side>),
    4 yellow_card_cancelled: YellowCardCancelled(side: Enum<Side>),
    5 counts: Counts[1 kind: Enum<CountKind>, 2 counts: Msg<[[u8; 2]; 2]>] as "FootballDepthIncident.Counts",
    6 scorer: Scorer[1 goal: Uint32, 2 credit: Msg<Credit>] as "FootballDepthIncident.Scorer",
    7 player_on: PlayerOn[1 side: Enum<Side>, 2 player: FromOne] as "FootballDepthIncident.Player",
    8 player_off: PlayerOff[1 side: Enum<Side>, 2 player: FromOne] as "FootballDepthIncident.Player",
    9 player_absent: PlayerAbsent[1 side: Enum<Side>, 2 player: FromOne] as "FootballDepthIncident.Player",
    10 extra_time: ExtraTime = Nothing,
    11 extra_half_time: ExtraHalfTime = Nothing,
    12 extra_second_half: ExtraSecondHalf = Nothing,
    13 extra_full_time: ExtraFullTime = Nothing,
    14 penalties: Penalties = Nothing,
    15 penalty: Penalty[1 side: Enum<Side>, 2 scored: Bool] as "FootballDepthIncident.Penalty",
    16 penalty_cancelled: PenaltyCancelled[1 side: Enum<Side>, 2 scored: Bool] as "FootballDepthIncident.Penalty",
});
enumeration!("CountKind": CountKind { 1 "COUNT_KIND_CORNERS": Corners, 2 "COUNT_KIND_CARDS": Cards });
oneof!("Credit": Credit {
    1 unknown: Unknown = Nothing,
    2 own_goal: OwnGoal = Nothing,
    3 unlisted: Unlisted = Nothing,
    4 player: Player(player: FromOne),
});

// Tennis.

message!("TennisFormat": TennisFormat {
    1 best_of: Enum<BestOf>, 2 final_set: Enum<FinalSet>, 3 is_no_ad: Bool, 4 retirement: Enum<RetirementRule>,
});
enumeration!("BestOf": BestOf { 1 "BEST_OF_THREE": Three, 2 "BEST_OF_FIVE": Five });
enumeration!("FinalSet": FinalSet {
    1 "FINAL_SET_TIE_BREAK_7": TieBreak7,
    2 "FINAL_SET_TIE_BREAK_10": TieBreak10,
    3 "FINAL_SET_TIE_BREAK_7_AT_12": TieBreak7At12,
    4 "FINAL_SET_ADVANTAGE": Advantage,
    5 "FINAL_SET_MATCH_TIE_BREAK_7": MatchTieBreak7,
    6 "FINAL_SET_MATCH_TIE_BREAK_10": MatchTieBreak10,
});
enumeration!("RetirementRule": RetirementRule {
    1 "RETIREMENT_RULE_VOID_UNLESS_COMPLETED": VoidUnlessCompleted,
    2 "RETIREMENT_RULE_ADVANCE_AFTER_ONE_SET": AdvanceAfterOneSet,
    3 "RETIREMENT_RULE_ADVANCE_ONCE_STARTED": AdvanceOnceStarted,
});
message!("TennisIncident": TennisIncident {
    1 kind: Msg<TennisIncidentKind>, 2 clock_ms: Sint64, 3 score_after: Msg<ScoreAfter>,
});
oneof!("TennisIncidentKind": TennisIncidentKind {
    1 start: Start(server: Enum<Side>),
    2 point: Point(side: Enum<Side>),
    3 point_cancelled: PointCancelled(side: Enum<Side>),
    4 game: Game(side: Enum<Side>),
    5 score: Score(scoreboard: Msg<Scoreboard>),
    6 retired: Retired(side: Enum<Side>),
    7 retirement_cancelled: RetirementCancelled = Nothing,
    8 walk_over: WalkOver(side: Enum<Side>),
    9 end: End = Nothing,
    10 danger: Danger = Nothing,
    11 safe: Safe = Nothing,
});
type ScoreboardFields = (Vec<[u8; 2]>, u8, [u8; 2], Side);
message!("Scoreboard": ScoreboardFields = (sets, set_count, points, server) => (sets, set_count, points, server), {
    1 sets: Rep<Msg<[u8; 2]>>, 2 set_count: Uint32, 3 points: Msg<[u8; 2]>, 4 server: Enum<Side>,
});
impl Message for Scoreboard {
    #[cfg(test)]
    fn describe(schema: &mut super::schema::Schema) -> &'static str {
        ScoreboardFields::describe(schema)
    }

    fn put_fields(&self, out: &mut Vec<u8>) {
        let Self { sets, set_count, points, server } = *self;
        (without_zeros(&sets), set_count, points, server).put_fields(out);
    }

    fn take(input: Input<'_>) -> Result<Self> {
        let (sets, set_count, points, server) = ScoreboardFields::take(input)?;
        let sets = filled(&sets, &At { message: "Scoreboard", field: "sets" })?;
        Ok(Self { sets, set_count, points, server })
    }
}
message!("ScoreAfter": ScoreAfter {
    1 sets: Opt<Msg<[u8; 2]>>, 2 games: Opt<Msg<[u8; 2]>>, 3 points: Opt<Msg<[u8; 2]>>,
});

// Racing.

enumeration!("RaceKind": RaceKind { 1 "RACE_KIND_HORSE": Horse, 2 "RACE_KIND_GREYHOUND": Greyhound });
message!("RacingFormat": RacingFormat {
    1 kind: Enum<RaceKind>,
    2 runner_count: Uint32,
    3 is_handicap: Bool,
    4 places_max: Uint32,
    5 extra_terms: Opt<Msg<PlaceTerms>>,
});
message!("PlaceTerms": PlaceTerms { 1 places: Uint32, 2 fraction_of: Uint32 });
oneof!("RacingIncident": RacingIncident {
    1 withdrawn: Withdrawn(runner: FromOne),
    2 reinstated: Reinstated(runner: FromOne),
    3 off: Off = Nothing,
    4 recalled: Recalled = Nothing,
    5 result: Result(positions: Msg<[u8; RUNNERS_MAX]>),
    6 official: Official = Nothing,
    7 amended: Amended(positions: Msg<[u8; RUNNERS_MAX]>),
    8 void: Void = Nothing,
    9 danger: Danger = Nothing,
    10 safe: Safe = Nothing,
});
message!("Positions": Vec<u8> = positions => positions, { 1 positions: Packed<Uint32> });
impl Message for [u8; RUNNERS_MAX] {
    #[cfg(test)]
    fn describe(schema: &mut super::schema::Schema) -> &'static str {
        Vec::<u8>::describe(schema)
    }

    fn put_fields(&self, out: &mut Vec<u8>) {
        without_zeros(self).put_fields(out);
    }

    fn take(input: Input<'_>) -> Result<Self> {
        filled(&Vec::<u8>::take(input)?, &At { message: "Positions", field: "positions" })
    }
}

// Spaces.

message!("SpaceDefinition": SpaceDefinition {
    1 name: Text, 2 outcome_count: Uint32, 3 views: Rep<Msg<SpaceView>>, 4 markets: Rep<Msg<SpaceMarket>>,
});
message!("SpaceView": SpaceView { 1 name: Text, 2 cell_of_outcome: Bytes });
message!("SpaceMarket": SpaceMarket {
    1 key: Text, 2 view: Uint32, 3 winners: Uint32, 4 selections: Rep<Msg<SpaceSelection>>,
});
message!("SpaceSelection": SpaceSelection { 1 name: Text, 2 grades: Rep<Msg<Grade>> });
enumeration!("LivePhase": LivePhase {
    1 "LIVE_PHASE_PRE_MATCH": PreMatch, 2 "LIVE_PHASE_IN_PLAY": InPlay, 3 "LIVE_PHASE_FINISHED": Finished,
});
message!("CustomIncident": CustomIncident {
    1 phase: Enum<LivePhase>,
    2 score: Msg<(u16, u16)>,
    3 clock_ms: Sint64,
    4 period: Text,
    5 values: Packed<Sint64>,
    6 possible: Rep<Msg<Span>>,
    7 danger: Opt<Bool>,
});

/// `start..end`.
pub(super) struct Span {
    start: u16,
    end: u16,
}
message!("Span": Span { 1 start: Uint32, 2 end: Uint32 });

impl Element<(u16, u16)> for Msg<Span> {
    const WIRE: Wire = Wire::Len;

    fn write(&(start, end): &(u16, u16), out: &mut Vec<u8>) {
        <Self as Element<Span>>::write(&Span { start, end }, out);
    }

    fn read(input: &mut Input<'_>, at: &'static At) -> Result<(u16, u16)> {
        <Self as Element<Span>>::read(input, at).map(|Span { start, end }| (start, end))
    }
}

/// What is left of a list without the zeros at its end.
pub(super) fn without_zeros<T: Clone + Default + PartialEq>(items: &[T]) -> Vec<T> {
    let count = items.iter().rposition(|item| *item != T::default()).map_or(0, |last| last + 1);
    items[..count].to_vec()
}

/// A list of a fixed length in Rust, with zeros at its end.
pub(super) fn filled<T: Copy + Default, const N: usize>(items: &[T], at: &'static At) -> Result<[T; N]> {
    let mut all = [T::default(); N];
    match all.get_mut(..items.len()) {
        Some(first) => first.copy_from_slice(items),
        None => return Err(at.outside(format_args!("of {} entries", items.len()), format_args!("0..={N}"))),
    }
    Ok(all)
}
