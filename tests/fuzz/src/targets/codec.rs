//! What the journal and the snapshots hold: read back only if it is exactly what would be written.

use oddsengine_engine::{Body, Command, Engine, FixtureRequest, Origin, PricedMarket, SNAPSHOT_HEADER_SIZE};
use oddsengine_markets::football::template::calibration_markets;
use oddsengine_markets::{Format, MarketId, SelectionId, sport_id, template};
use oddsengine_types::FixtureId;
use oddsengine_types::codec::{decode_all, encode_to_vec};

/// Snapshots larger than this are a test of patience.
const SNAPSHOT_BYTES_MAX: usize = 1 << 18;

/// A record of the journal; what decodes must not upset an engine either.
pub fn command(data: &[u8]) {
    let Ok(command) = decode_all::<Command>(data) else { return };
    assert_eq!(encode_to_vec(&command), data);
    let mut engine = engine_with_fixture();
    engine.apply(&command);
    check_engine(&engine);
}

fn engine_with_fixture() -> Engine {
    let mut engine = Engine::default();
    let fixture = FixtureRequest {
        fixture: FixtureId(1001),
        format: Format::FOOTBALL,
        competition: "world_cup_2022".into(),
        start_ns: 1_668_960_000_000_000_000,
        home: "Qatar".into(),
        away: "Ecuador".into(),
        entrants: Vec::new(),
    };
    let [result, total] = calibration_markets(10);
    let prices = Body::SetPrices {
        fixture: FixtureId(1001),
        prices: vec![
            PricedMarket { market: result, odds_e4: vec![33_600, 36_300, 21_000] },
            PricedMarket { market: total, odds_e4: vec![20_400, 17_900] },
        ],
    };
    for body in [Body::EpochStarted { epoch: 1 }, Body::AddFixture(Box::new(fixture)), prices] {
        let command = Command { time_ns: 1_668_960_000_000_000_000, origin: Origin::default(), body };
        engine.apply(&command);
    }
    engine
}

fn check_engine(engine: &Engine) {
    for (name, result) in engine.invariants() {
        assert_eq!(result, Ok(()), "{name}");
    }
    let restored = Engine::restore(&engine.snapshot()).expect("what was written can be read");
    assert_eq!(restored.state_hash(), engine.state_hash());
}

/// A snapshot without its version and layout: refused, or restored to a state that writes the same bytes. With another version
/// in front every input is refused at once.
pub fn snapshot(data: &[u8]) {
    if data.len() > SNAPSHOT_BYTES_MAX {
        return;
    }
    let mut bytes = Engine::default().snapshot();
    bytes.truncate(SNAPSHOT_HEADER_SIZE);
    bytes.extend_from_slice(data);
    if let Ok(engine) = Engine::restore(&bytes) {
        assert!(engine.snapshot() == bytes, "the restored state writes other bytes");
    }
}

/// A market key, a line break, a selection's name: a text that is not in the template finds nothing.
pub fn keys(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (market, selection) = text.split_once('\n').unwrap_or((text, ""));
    let template = template(sport_id("football").expect("football is there"));
    let found = template.market_of_id(MarketId::of(market));
    assert_eq!(found, template.market_index(market), "{market:?}");
    let by_text = found.and_then(|index| template.selection_index(index, selection));
    let by_id = template.selection_of_id(SelectionId::of(market, selection));
    if let (Some(selection), None) = (by_id, by_text) {
        // `a/b` + `c` and `a` + `b/c` are one text.
        panic!("{market:?} and {:?} are taken for {}", text, template.selection_text(selection));
    }
    assert_eq!(by_id, by_text, "{text:?}");
}
