//! Every frame is read back with another parser and compared with what was told.

mod boards;
mod documents;
mod frames;

use oddsengine_engine::Fixture;
use oddsengine_types::{Currency, FixtureId};
use serde_json::Value;

use super::{Header, Lookup};

/// An engine with one fixture.
struct OneFixture(Fixture);

impl Lookup for OneFixture {
    fn fixture(&self, id: FixtureId) -> Option<&Fixture> {
        (id == self.0.id()).then_some(&self.0)
    }

    fn currency(&self) -> Currency {
        Currency::EUR
    }
}

const HEADER: Header<'_> = Header {
    epoch: 3,
    seq: 5,
    version: 7,
    source_ns: 1_668_960_142_059_000_000,
    received_ns: 1_668_960_142_060_000_000,
    decided_ns: 1_668_960_142_061_000_000,
    source: "recording.wc2022",
    reason: "goal",
    is_stale: false,
};
const SENT_NS: i64 = 1_668_960_142_062_000_000;

fn parse(frame: &[u8]) -> Value {
    serde_json::from_slice(frame)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(frame)))
}
