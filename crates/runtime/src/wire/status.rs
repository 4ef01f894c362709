//! The suspension lane and the heartbeat.

use oddsengine_engine::{Fixture, Stop};

use super::board::standing;
use super::header::Header;
use super::json::{JsonBytes, fields, object};
use super::topic::Tail;

/// Trading of a fixture stopped or resumed; complete in itself.
pub fn trading(fixture: &Fixture, header: &Header<'_>, out: &mut Vec<u8>) {
    header.begin("status", true, out);
    standing(fixture, out);
    stops(fixture, out);
    out.put(b"}");
}

/// The stop of a fixture without any price: derived, so it is none of [`Stop`], which the record holds.
pub(super) const NO_PRICE: &str = "no_price";

/// Why trading of a fixture stands still.
pub(super) fn stops(fixture: &Fixture, out: &mut Vec<u8>) {
    let stops = fixture.stops;
    // A model that failed says how; one that is only awaited does not.
    let name = |stop| match (stop, stops.model_fault) {
        (Stop::Model, Some(fault)) => fault.name(),
        (stop, _) => stop.name(),
    };
    let told = stops.set.iter().map(name).chain(fixture.has_no_price().then_some(NO_PRICE));
    fields!(out; "stops": list(told, |out, stop| out.text(stop)));
}

/// How the process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// All is well.
    Ok,
    /// It works, but a feed is silent or a queue is long.
    Degraded,
    /// It takes no money commands: the journal is unavailable.
    Stopped,
}

impl Health {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Stopped => "stopped",
        }
    }
}

/// What the heartbeat tells.
#[derive(Clone, Copy, Debug)]
pub struct Heartbeat<'a> {
    /// How the process is.
    pub health: Health,
    /// Commands applied since the journal began.
    pub command_count: u64,
    /// Of these, commands that are durable.
    pub durable_count: u64,
    /// Commands waiting to be applied.
    pub queued_count: u64,
    /// Fixtures known.
    pub fixture_count: u64,
    /// Feeds known.
    pub feed_count: u64,
    /// Of these, feeds that have been silent for too long.
    pub stale_feed_count: u64,
    /// The feeds, at most [`FEEDS_TOLD_MAX`].
    pub feeds: &'a [FeedHealth<'a>],
    /// The last frame numbers of topics with traffic since the heartbeat before.
    pub tails: &'a [Tail],
}

/// Most feeds that one heartbeat names.
pub const FEEDS_TOLD_MAX: usize = 64;

/// How a feed is.
#[derive(Clone, Copy, Debug)]
pub struct FeedHealth<'a> {
    /// Its name.
    pub source: &'a str,
    /// Its last sequence number, if it numbers its messages.
    pub seq: Option<u64>,
    /// When something came last.
    pub received_ns: i64,
    /// It has been silent for too long.
    pub is_stale: bool,
}

/// The heartbeat frame.
pub fn heartbeat(heartbeat: &Heartbeat<'_>, header: &Header<'_>, out: &mut Vec<u8>) {
    header.begin("heartbeat", true, out);
    fields!(out;
        "health": text(heartbeat.health.name()),
        "command_count": unsigned(heartbeat.command_count),
        "durable_count": unsigned(heartbeat.durable_count),
        "queued_count": unsigned(heartbeat.queued_count),
        "fixture_count": unsigned(heartbeat.fixture_count),
        "feed_count": unsigned(heartbeat.feed_count),
        "stale_feed_count": unsigned(heartbeat.stale_feed_count),
        "feeds": list(heartbeat.feeds, feed),
        "tails": list(heartbeat.tails, |out, tail| {
            object!(out;
                "fixture": unsigned(tail.fixture.0),
                "odds_seq": unsigned(tail.odds_seq),
                "status_seq": unsigned(tail.status_seq),
            );
            out.put(b"}");
        }),
    );
    out.put(b"}");
}

fn feed(out: &mut Vec<u8>, feed: &FeedHealth<'_>) {
    object!(out;
        "source": text(feed.source),
        "seq": optional_unsigned(feed.seq),
        "received_ns": integer(feed.received_ns),
        "stale": boolean(feed.is_stale),
    );
    out.put(b"}");
}
