//! The recording of the World Cup 2022 decodes without a rest, and its matches end as they ended.

use std::collections::BTreeMap;

use oddsengine_engine::Body;
use oddsengine_feeds::decode_ingest;
use oddsengine_markets::{LivePhase, LiveState, template_of};

#[test]
fn every_message_is_understood_and_follows() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/recordings/world_cup_2022_group_stage.jsonl");
    let recording = std::fs::read(path).unwrap();
    let mut matches = BTreeMap::new();
    for (line, index) in recording.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).zip(1..) {
        let decoded = decode_ingest(line, 5).unwrap();
        assert_eq!((decoded.unknown_fields, decoded.value.origin.seq), (0, Some(index)));
        match decoded.value.body {
            Body::AddFixture(request) => {
                matches.insert(
                    request.fixture,
                    LiveState::new(&request.format, template_of(&request.format).unwrap()),
                );
            }
            Body::Incident { fixture, incident } => {
                matches.get_mut(&fixture).unwrap().apply(&incident).unwrap();
            }
            _ => {}
        }
    }
    assert_eq!(matches.len(), 48);
    assert!(matches.values().all(|live| live.phase() == LivePhase::Finished));
    let goals = |live: &LiveState| u32::from(live.summary().score.0 + live.summary().score.1);
    assert_eq!(matches.values().map(goals).sum::<u32>(), 120);
}
