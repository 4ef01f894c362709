//! Football beside the score: what a fixture offers, and the incidents that only such fixtures use.

use oddsengine_markets::football::{
    COUNT_MAX, CountKind, Credit, DepthIncident as Depth, FIRST_LEG_GOALS_MAX, FirstLeg, FootballFormat,
    Knockout, PLAYERS_MAX, Side,
};

use super::bounds;
use crate::error::FeedError;
use crate::json::{Field, Object};

/// Kinds of incidents beside the score.
pub const KINDS: [&str; 17] = [
    "corner",
    "corner_cancelled",
    "yellow_card",
    "yellow_card_cancelled",
    "corners",
    "cards",
    "scorer",
    "player_on",
    "player_off",
    "player_absent",
    "extra_time",
    "extra_half_time",
    "extra_second_half",
    "extra_full_time",
    "penalties",
    "penalty",
    "penalty_cancelled",
];

/// What a football fixture offers: the object `format`; absent is the score alone.
pub fn format(message: &Object<'_>) -> Result<FootballFormat, FeedError> {
    let Some(field) = message.optional("format") else { return Ok(FootballFormat::default()) };
    read_format(field.object()?).map_err(|error| error.within(field))
}

fn read_format(format: &Object<'_>) -> Result<FootballFormat, FeedError> {
    let flag = |name| format.optional(name).map_or(Ok(false), |field: Field<'_, '_>| field.boolean());
    let count = |field: Field<'_, '_>| field.integer(0..=PLAYERS_MAX as u8);
    let knockout = format
        .optional("knockout")
        .map(|field| read_knockout(field.object()?).map_err(|error| error.within(field)));
    Ok(FootballFormat {
        knockout: knockout.transpose()?,
        corners: flag("corners")?,
        cards: flag("cards")?,
        intervals: flag("intervals")?,
        players: format.optional("players").map_or(Ok([0; 2]), |field| field.array(count))?,
    })
}

fn read_knockout(knockout: &Object<'_>) -> Result<Knockout, FeedError> {
    let goals = |field: Field<'_, '_>| field.integer(0..=FIRST_LEG_GOALS_MAX);
    let [home_goals, away_goals] =
        knockout.optional("first_leg").map_or(Ok([0; 2]), |field| field.array(goals))?;
    let flag =
        |name, absent| knockout.optional(name).map_or(Ok(absent), |field: Field<'_, '_>| field.boolean());
    let away_goals_rule = flag("away_goals_rule", false)?;
    Ok(Knockout {
        first_leg: FirstLeg { home_goals, away_goals, away_goals_rule },
        extra_time: flag("extra_time", true)?,
    })
}

/// An incident of one of [`KINDS`].
pub fn incident(kind: &str, message: &Object<'_>) -> Result<Depth, FeedError> {
    let side = || message.required("side")?.choice(&Side::BOTH.map(|side| (side.name(), side)));
    let count = |field: Field<'_, '_>| field.integer(0..=COUNT_MAX);
    let half = |name| message.required(name)?.array(count);
    let counts = |kind| Ok(Depth::Counts(kind, [half("first_half")?, half("second_half")?]));
    let scored = || message.required("scored")?.boolean();
    Ok(match kind {
        "corner" => Depth::Corner(side()?),
        "corner_cancelled" => Depth::CornerCancelled(side()?),
        "yellow_card" => Depth::YellowCard(side()?),
        "yellow_card_cancelled" => Depth::YellowCardCancelled(side()?),
        "corners" => counts(CountKind::Corners)?,
        "cards" => counts(CountKind::Cards)?,
        "scorer" => {
            Depth::Scorer(message.required("goal")?.integer(1..=bounds::GOALS_MAX as u8)?, scorer(message)?)
        }
        "player_on" => Depth::PlayerOn(side()?, player(message.required("player")?)?),
        "player_off" => Depth::PlayerOff(side()?, player(message.required("player")?)?),
        "player_absent" => Depth::PlayerAbsent(side()?, player(message.required("player")?)?),
        "extra_time" => Depth::ExtraTime,
        "extra_half_time" => Depth::ExtraHalfTime,
        "extra_second_half" => Depth::ExtraSecondHalf,
        "extra_full_time" => Depth::ExtraFullTime,
        "penalties" => Depth::Penalties,
        "penalty" => Depth::Penalty(side()?, scored()?),
        _ => Depth::PenaltyCancelled(side()?, scored()?),
    })
}

/// A player by his number in the list of his side, from 1.
fn player(field: Field<'_, '_>) -> Result<u8, FeedError> {
    Ok(field.integer(1..=PLAYERS_MAX as u8)? - 1)
}

/// Whose a goal is: a listed `player`, an `own_goal`, or else somebody who is not listed.
fn scorer(message: &Object<'_>) -> Result<Credit, FeedError> {
    if let Some(field) = message.optional("player") {
        return player(field).map(Credit::Player);
    }
    let own_goal = message.optional("own_goal").map_or(Ok(false), |field| field.boolean())?;
    Ok(if own_goal { Credit::OwnGoal } else { Credit::Unlisted })
}
