//! What happened on the field of play, by sport.

use oddsengine_markets::custom::{CustomIncident, STATE_VALUES_MAX};
use oddsengine_markets::football::{FootballIncident, FootballIncidentKind as Kind, Side};
use oddsengine_markets::joint::MAIN_CELLS_MAX;
use oddsengine_markets::racing::{RUNNERS_MAX, RacingIncident};
use oddsengine_markets::tennis::{
    GAMES_MAX, POINTS_MAX, SETS_MAX, ScoreAfter, Scoreboard, TennisIncident, TennisIncidentKind as TennisKind,
};
use oddsengine_markets::{Incident, LivePhase};
use oddsengine_types::bounds::NAME_BYTES_MAX;

use super::{bounds, football_depth};
use crate::error::FeedError;
use crate::json::{Field, Object};

/// Reads an incident; without a `sport` it is football's.
pub fn incident(message: &Object<'_>) -> Result<Incident, FeedError> {
    const SPORTS: [(&str, u8); 4] = [("football", 0), ("custom", 1), ("tennis", 2), ("racing", 3)];
    match message.optional("sport").map_or(Ok(0), |field| field.choice(&SPORTS))? {
        0 => football(message).map(Incident::Football),
        2 => tennis(message).map(Incident::Tennis),
        3 => racing(message).map(Incident::Racing),
        _ => custom(message).map(Incident::Custom),
    }
}

fn football(message: &Object<'_>) -> Result<FootballIncident, FeedError> {
    let side = || message.required("side")?.choice(&Side::BOTH.map(|side| (side.name(), side)));
    let count = |field: Field<'_, '_>| field.integer(0..=bounds::GOALS_MAX);
    let half = |name| message.required(name)?.array(count);
    let announced = || message.required("announced_ms")?.integer(0..=bounds::ANNOUNCED_MS_MAX);
    const KINDS: [&str; 13] = [
        "kick_off",
        "goal",
        "goal_cancelled",
        "red_card",
        "red_card_cancelled",
        "stoppage",
        "half_time",
        "second_half",
        "full_time",
        "clock",
        "danger",
        "safe",
        "correction",
    ];
    const ALL: [(&str, &str); KINDS.len() + football_depth::KINDS.len()] = {
        let mut all = [("", ""); KINDS.len() + football_depth::KINDS.len()];
        let mut index = 0;
        while index < all.len() {
            let kind = match index < KINDS.len() {
                true => KINDS[index],
                false => football_depth::KINDS[index - KINDS.len()],
            };
            all[index] = (kind, kind);
            index += 1;
        }
        all
    };
    let kind = match message.required("kind")?.choice(&ALL)? {
        "kick_off" => Kind::KickOff,
        "goal" => Kind::Goal(side()?),
        "goal_cancelled" => Kind::GoalCancelled(side()?),
        "red_card" => Kind::RedCard(side()?),
        "red_card_cancelled" => Kind::RedCardCancelled(side()?),
        "stoppage" => Kind::Stoppage(announced()?),
        "half_time" => Kind::HalfTime,
        "second_half" => Kind::SecondHalf,
        "full_time" => Kind::FullTime,
        "clock" => Kind::Clock,
        "danger" => Kind::Danger,
        "safe" => Kind::Safe,
        "correction" => Kind::Correction([half("first_half")?, half("second_half")?]),
        other => Kind::Depth(football_depth::incident(other, message)?),
    };
    let score = |field: Field<'_, '_>| field.array::<u16, 2>(count);
    let incident = FootballIncident {
        kind,
        clock_ms: message.required("clock_ms")?.integer(0..=bounds::CLOCK_MS_MAX)?,
        score_after: message.optional("score").map(score).transpose()?.map(Into::into),
    };
    read_colour(message)?;
    Ok(incident)
}

/// Facts that feeds tell beside the incident: known and checked, not used for prices.
fn read_colour(message: &Object<'_>) -> Result<(), FeedError> {
    if let Some(half) = message.optional("half") {
        half.integer(1_u8..=2)?;
    }
    if let Some(side) = message.optional("side") {
        side.choice(&[("home", ()), ("away", ())])?;
    }
    for name in ["own_goal", "penalty"] {
        if let Some(flag) = message.optional(name) {
            flag.boolean()?;
        }
    }
    Ok(())
}

/// Runners are named by their numbers, from 1.
fn racing(message: &Object<'_>) -> Result<RacingIncident, FeedError> {
    let runner = || message.required("runner")?.integer(1..=RUNNERS_MAX as u8).map(|number| number - 1);
    let positions = || {
        let mut positions = [0; RUNNERS_MAX];
        let items = message.required("positions")?.items(2..=RUNNERS_MAX)?;
        for (position, item) in positions.iter_mut().zip(items) {
            *position = item.integer(0..=RUNNERS_MAX as u8)?;
        }
        Ok(positions)
    };
    const KINDS: [&str; 10] = [
        "withdrawn",
        "reinstated",
        "off",
        "recalled",
        "result",
        "official",
        "amended",
        "void",
        "danger",
        "safe",
    ];
    let kind = message.required("kind")?;
    Ok(match kind.choice(&KINDS.map(|kind| (kind, kind)))? {
        "withdrawn" => RacingIncident::Withdrawn(runner()?),
        "reinstated" => RacingIncident::Reinstated(runner()?),
        "off" => RacingIncident::Off,
        "recalled" => RacingIncident::Recalled,
        "result" => RacingIncident::Result(positions()?),
        "official" => RacingIncident::Official,
        "amended" => RacingIncident::Amended(positions()?),
        "void" => RacingIncident::Void,
        "danger" => RacingIncident::Danger,
        _ => RacingIncident::Safe,
    })
}

/// Tennis: points, games or whole scores. Points are plain counts: 40-30 is `[3, 2]`.
fn tennis(message: &Object<'_>) -> Result<TennisIncident, FeedError> {
    const KINDS: [&str; 11] = [
        "start",
        "point",
        "point_cancelled",
        "game",
        "score",
        "retired",
        "retirement_cancelled",
        "walk_over",
        "end",
        "danger",
        "safe",
    ];
    let sides = Side::BOTH.map(|side| (side.name(), side));
    let side = || message.required("side")?.choice(&sides);
    let server = || message.required("server")?.choice(&sides);
    let kind = message.required("kind")?;
    let kind = match kind.choice(&KINDS.map(|kind| (kind, kind)))? {
        "start" => TennisKind::Start(server()?),
        "point" => TennisKind::Point(side()?),
        "point_cancelled" => TennisKind::PointCancelled(side()?),
        "game" => TennisKind::Game(side()?),
        "score" => {
            let mut board =
                Scoreboard { sets: [[0; 2]; SETS_MAX], set_count: 0, points: [0; 2], server: server()? };
            for (slot, set) in board.sets.iter_mut().zip(message.required("sets")?.items(1..=SETS_MAX)?) {
                *slot = set.array(|games| games.integer(0..=GAMES_MAX))?;
                board.set_count += 1;
            }
            board.points = message.required("points")?.array(|points| points.integer(0..=POINTS_MAX))?;
            TennisKind::Score(board)
        }
        "retired" => TennisKind::Retired(side()?),
        "retirement_cancelled" => TennisKind::RetirementCancelled,
        "walk_over" => TennisKind::WalkOver(side()?),
        "end" => TennisKind::End,
        "danger" => TennisKind::Danger,
        _ => TennisKind::Safe,
    };
    Ok(TennisIncident {
        kind,
        clock_ms: message
            .optional("clock_ms")
            .map_or(Ok(0), |field| field.integer(0..=bounds::TENNIS_CLOCK_MS_MAX))?,
        score_after: message.optional("score").map_or(Ok(ScoreAfter::default()), score_after)?,
    })
}

/// The score after an incident of tennis, as far as the feed tells it.
fn score_after(field: Field<'_, '_>) -> Result<ScoreAfter, FeedError> {
    let score = field.object()?;
    let pair = |name, max: u8| {
        let read = |pair: Field<'_, '_>| pair.array::<u8, 2>(|side| side.integer(0..=max));
        score.optional(name).map(read).transpose().map_err(|error| error.within(field))
    };
    Ok(ScoreAfter {
        sets: pair("sets", SETS_MAX as u8)?,
        games: pair("games", GAMES_MAX)?,
        points: pair("points", POINTS_MAX)?,
    })
}

/// The state of a fixture of a space, told whole.
fn custom(message: &Object<'_>) -> Result<CustomIncident, FeedError> {
    const PHASES: [(&str, LivePhase); 3] = [
        ("pre_match", LivePhase::PreMatch),
        ("in_play", LivePhase::InPlay),
        ("finished", LivePhase::Finished),
    ];
    let outcome = |field: Field<'_, '_>| field.integer(0..=MAIN_CELLS_MAX as u16);
    let range = |field: Field<'_, '_>| field.array::<u16, 2>(outcome).map(Into::into);
    let ranges = |field: Field<'_, '_>| field.items(0..=bounds::POSSIBLE_RANGES_MAX)?.map(range).collect();
    let value = |field: Field<'_, '_>| field.integer(i64::MIN..=i64::MAX);
    let values = |field: Field<'_, '_>| field.items(0..=STATE_VALUES_MAX)?.map(value).collect();
    let points = |field: Field<'_, '_>| field.array::<u16, 2>(|side| side.integer(0..=u16::MAX));
    let phase = message.required("phase")?.choice(&PHASES)?;
    let period = message.optional("period").map(|field| field.text(NAME_BYTES_MAX)).transpose()?;
    Ok(CustomIncident {
        phase,
        score: message.optional("score").map_or(Ok([0, 0]), points)?.into(),
        clock_ms: message
            .optional("clock_ms")
            .map_or(Ok(0), |field| field.integer(0..=bounds::CUSTOM_CLOCK_MS_MAX))?,
        period: period.unwrap_or(PHASES[phase as usize].0).to_string(),
        values: message.optional("values").map_or(Ok(Vec::new()), values)?,
        possible: message.optional("possible").map_or(Ok(Vec::new()), ranges)?,
        danger: message.optional("danger").map(|field| field.boolean()).transpose()?,
    })
}
