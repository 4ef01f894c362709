//! Writes the first inputs of every target: `seeds FOLDER` fills `FOLDER/<target>/`. The fuzzer grows from them.

use std::path::{Path, PathBuf};

use oddsengine_engine::{Body, Command, Engine, SNAPSHOT_HEADER_SIZE};
use oddsengine_facts::proto::FRAME_SIZE;
use oddsengine_facts::{encode_record, sample};
use oddsengine_feeds::{Request, RequestBody, decode_ingest, decode_order};
use oddsengine_markets::{sport_id, template};
use oddsengine_types::codec::encode_to_vec;

const RECEIVED_NS: i64 = 1_668_960_150_000_000_000;

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).expect("usage: seeds FOLDER"));
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../feeds/canonical/samples");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(samples)
        .expect("samples are there")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let mut commands = Vec::new();
    for path in &paths {
        let name = path.file_stem().expect("samples have names").to_string_lossy().into_owned();
        let bytes = std::fs::read(path).expect("samples can be read");
        let is_ingest = name.starts_with("ingest");
        write(&folder, if is_ingest { "decode_ingest" } else { "decode_order" }, &name, &bytes);
        // A step of a story: an operation, the size, the message.
        if bytes.len() < 256 {
            let story = [&[0, if is_ingest { 3 } else { 4 }, bytes.len() as u8], &bytes[..], &[1]].concat();
            write(&folder, "service", &name, &story);
        }
        if is_ingest {
            commands.extend(decode_ingest(&bytes, RECEIVED_NS).map(|decoded| (name, decoded.value)));
        } else if let Ok(Request { body: RequestBody::Command(command), .. }) =
            decode_order(&bytes, RECEIVED_NS).map(|decoded| decoded.value)
        {
            commands.push((name, command));
        }
    }
    commands.push(("configure".into(), of_runtime(Body::Configure(Box::default()))));
    commands.push(("epoch".into(), of_runtime(Body::EpochStarted { epoch: 2 })));
    for (name, command) in &commands {
        write(&folder, "command", name, &encode_to_vec(command));
    }
    snapshots(&folder, &commands);
    keys(&folder);
    for (name, bytes) in [
        ("flip", &[0_u8, 0, 0, 0, 32, 0, 0, 3][..]),
        ("log_cut", &[1, 1, 2, 0, 8, 0, 0]),
        ("mark_gone", &[0, 2, 7, 0, 0, 0, 0]),
        ("older_copy", &[0, 0, 8, 0, 0, 0, 0]),
        ("page_swapped", &[1, 0, 6, 0, 16, 0, 0, 0, 32, 0, 0]),
    ] {
        write(&folder, "journal", name, bytes);
    }
    for legs in [1_u8, 2, 3, 20] {
        let leg = |index: u8| [index.wrapping_mul(41), 3, index, 0, index, 0, 1, 0, 3, 0];
        let bytes = [vec![0xe8, 3, 0, 0, 0, 0, 0, 0], (0..legs).flat_map(leg).collect()].concat();
        write(&folder, "payout", &format!("legs_{legs}"), &bytes);
    }
    write(&folder, "payout", "amount", b"12.34");
    for (index, record) in sample::records().iter().enumerate() {
        let mut bytes = Vec::new();
        encode_record(record, &mut bytes);
        write(&folder, "record", &index.to_string(), &bytes[FRAME_SIZE..]);
    }
}

fn of_runtime(body: Body) -> Command {
    Command { time_ns: RECEIVED_NS, origin: Default::default(), body }
}

/// An empty state, one with a fixture, and one with money and a bet.
fn snapshots(folder: &Path, commands: &[(String, Command)]) {
    let mut engine = Engine::default();
    write(folder, "snapshot", "empty", &engine.snapshot()[SNAPSHOT_HEADER_SIZE..]);
    let apply = |engine: &mut Engine, name: &str| {
        let (_, command) = commands.iter().find(|(known, _)| known == name).expect("a sample");
        let mut command = command.clone();
        command.origin.seq = None;
        engine.apply(&command);
    };
    engine.apply(&of_runtime(Body::EpochStarted { epoch: 1 }));
    for name in ["orders_deposit", "orders_set_customer", "orders_set_scope_competition"] {
        apply(&mut engine, name);
    }
    write(folder, "snapshot", "money", &engine.snapshot()[SNAPSHOT_HEADER_SIZE..]);
    for name in ["ingest_fixture", "ingest_prices", "orders_place_ticket"] {
        apply(&mut engine, name);
    }
    let (_, ticket) = commands.iter().find(|(name, _)| name == "orders_place_ticket").expect("a sample");
    let mut ticket = ticket.clone();
    let Body::PlaceTicket(request) = &mut ticket.body else { panic!("a ticket") };
    request.ticket.0 += 1;
    request.odds_change = oddsengine_engine::OddsChange::Any;
    request.legs[0].version.seq = 1;
    engine.apply(&ticket);
    assert_eq!(engine.tickets().len(), 2);
    assert!(engine.tickets()[1].is_live(), "{:?}", engine.tickets()[1]);
    write(folder, "snapshot", "bet", &engine.snapshot()[SNAPSHOT_HEADER_SIZE..]);
    for name in ["ingest_incident_kick_off", "ingest_incident_goal"] {
        apply(&mut engine, name);
    }
    write(folder, "snapshot", "in_play", &engine.snapshot()[SNAPSHOT_HEADER_SIZE..]);
}

fn keys(folder: &Path) {
    let template = template(sport_id("football").expect("football is there"));
    for (index, selection) in template.selections.iter().enumerate().step_by(25) {
        let text = format!("{}\n{}", template.market_of(index).key, selection.name);
        write(folder, "keys", &format!("selection_{index}"), text.as_bytes());
    }
}

fn write(folder: &Path, target: &str, name: &str, bytes: &[u8]) {
    let folder = folder.join(target);
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    std::fs::write(folder.join(name), bytes).expect("the file can be written");
}
