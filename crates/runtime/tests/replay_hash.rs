//! The World Cup recording through the engine gives one state hash, in every build and on every machine.
//!
//! This test runs in the debug profile of the tests; `tests/python/test_replay_hash.py` compares the same number
//! with the release build of the Python module. A change of a model, a default or the template changes the number
//! on purpose: then write the new one to the file that both read.

use std::path::PathBuf;

use oddsengine_engine::Engine;
use oddsengine_feeds::decode_ingest;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_recording_has_its_known_hash() {
    let recording = std::fs::read(root().join("feeds/recordings/world_cup_2022_group_stage.jsonl")).unwrap();
    let expected = std::fs::read_to_string(root().join("feeds/recordings/state_hash.txt")).unwrap();
    let mut engine = Engine::default();
    let mut half: Option<Engine> = None;
    let lines: Vec<&[u8]> = recording.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).collect();
    for (index, line) in lines.iter().enumerate() {
        let mut command = decode_ingest(line, 0).unwrap().value;
        command.time_ns = command.origin.source_ns;
        engine.step(&command);
        // From a snapshot on, the same.
        if let Some(half) = &mut half {
            half.step(&command);
        } else if index == lines.len() / 2 {
            half = Some(Engine::restore(&engine.snapshot()).unwrap());
        }
    }
    assert_eq!(engine.counters().refused_command_count, 0);
    assert_eq!(half.unwrap().state_hash(), engine.state_hash(), "from a snapshot");
    assert_eq!(engine.state_hash().to_string(), expected.trim());
}
