//! What feeds push to the `ingest` socket.

use oddsengine_engine::{Body, Command, FixtureRequest, Origin};
use oddsengine_markets::Incident;
use oddsengine_markets::football::{FootballIncident, FootballIncidentKind as Kind, Side};
use oddsengine_types::bounds::NAME_BYTES_MAX;

use super::{Decoded, bounds, parts};
use crate::error::FeedError;
use crate::json::{Field, Object, parse};

/// Every `type` that `ingest` takes.
pub const INGEST_TYPES: &[&str] = &[
    "fixture",
    "prices",
    "incident",
    "suspend",
    "resume",
    "settle_market",
    "void_fixture",
    "abandon_fixture",
    "reinstate_fixture",
    "heartbeat",
];

/// Decodes one ingest message, received at `received_ns`.
///
/// # Errors
/// The bytes are not a canonical ingest message; the [`FeedError`] names the field, the value and the range.
pub fn decode_ingest(bytes: &[u8], received_ns: i64) -> Result<Decoded<Command>, FeedError> {
    let message = parse(bytes)?;
    let kind = message.required("type")?;
    let name = kind.text(NAME_BYTES_MAX)?;
    let body = match name {
        "fixture" => fixture(&message)?,
        "incident" => incident(&message)?,
        "heartbeat" => Body::Tick,
        "set_prices" => return Err(unknown_type(kind, name)),
        _ => parts::trading_body(name, &message).unwrap_or_else(|| Err(unknown_type(kind, name)))?,
    };
    let value = Command { time_ns: received_ns, origin: origin(&message)?, body };
    Ok(Decoded { value, unknown_fields: message.unread_count() })
}

#[cold]
fn unknown_type(kind: Field<'_, '_>, name: &str) -> FeedError {
    FeedError { code: FeedError::UNKNOWN_TYPE, ..kind.unknown_value(name, INGEST_TYPES) }
}

fn origin(message: &Object<'_>) -> Result<Origin, FeedError> {
    Ok(Origin {
        source: message.required("source")?.text(NAME_BYTES_MAX)?.to_string(),
        seq: message.optional("seq").map(|field| field.integer(0..=u64::MAX)).transpose()?,
        source_ns: message.required("time_ns")?.integer(0..=i64::MAX)?,
    })
}

fn fixture(message: &Object<'_>) -> Result<Body, FeedError> {
    let name = |name| message.required(name)?.text(NAME_BYTES_MAX).map(str::to_string);
    Ok(Body::AddFixture(Box::new(FixtureRequest {
        fixture: parts::fixture_id(message)?,
        sport: parts::sport(message)?,
        competition: name("competition")?,
        start_ns: message.required("start_ns")?.integer(0..=i64::MAX)?,
        home: name("home")?,
        away: name("away")?,
    })))
}

fn incident(message: &Object<'_>) -> Result<Body, FeedError> {
    let fixture = parts::fixture_id(message)?;
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
    let kind = message.required("kind")?;
    let kind = match kind.choice(&KINDS.map(|kind| (kind, kind)))? {
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
        _ => Kind::Correction([half("first_half")?, half("second_half")?]),
    };
    let score = |field: Field<'_, '_>| field.array::<u16, 2>(count);
    let incident = FootballIncident {
        kind,
        clock_ms: message.required("clock_ms")?.integer(0..=bounds::CLOCK_MS_MAX)?,
        score_after: message.optional("score").map(score).transpose()?.map(Into::into),
    };
    read_colour(message)?;
    Ok(Body::Incident { fixture, incident: Incident::Football(incident) })
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
