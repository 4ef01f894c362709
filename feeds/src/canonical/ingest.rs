//! What feeds push to the `ingest` socket.

use oddsengine_engine::{Body, Channel, Command, FixtureRequest, Origin};
use oddsengine_types::bounds::NAME_BYTES_MAX;

use super::{Decoded, bounds, incidents, parts};
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
    "model_inputs",
    "probabilities",
    "void_fixture",
    "abandon_fixture",
    "reinstate_fixture",
    "annul",
    "take_back_annulment",
    "set_review",
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
        "incident" => {
            Body::Incident { fixture: parts::fixture_id(&message)?, incident: incidents::incident(&message)? }
        }
        "heartbeat" => Body::Heartbeat,
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
        seq: message.optional("seq").map(|field| field.integer(0..=bounds::SEQ_MAX)).transpose()?,
        source_ns: message.required("time_ns")?.integer(0..=i64::MAX)?,
        channel: Channel::Feed,
        ..Origin::default()
    })
}

fn fixture(message: &Object<'_>) -> Result<Body, FeedError> {
    let name = |name| message.required(name)?.text(NAME_BYTES_MAX).map(str::to_string);
    Ok(Body::AddFixture(Box::new(FixtureRequest {
        fixture: parts::fixture_id(message)?,
        format: parts::format(message)?,
        competition: name("competition")?,
        start_ns: message.required("start_ns")?.integer(0..=i64::MAX)?,
        home: name("home")?,
        away: message.optional("away").map_or(Ok(""), |field| field.text(NAME_BYTES_MAX))?.to_string(),
        entrants: message.optional("entrants").map_or(Ok(Vec::new()), entrants)?,
    })))
}

/// Names of runners or players, by number.
fn entrants(field: Field<'_, '_>) -> Result<Vec<String>, FeedError> {
    field.items(0..=bounds::ENTRANTS_MAX)?.map(|item| item.text(NAME_BYTES_MAX).map(str::to_string)).collect()
}
