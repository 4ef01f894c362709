//! How long the encoder takes for a whole football board: what every goal costs before the socket.
//!
//!     cargo run --release -p oddsengine-runtime --example encode_timing
//!
//! Conditions: one thread, warm caches, a reused buffer; sending is not included. Every frame is parsed and compared
//! with the fixture before its time is reported.

use std::time::Instant;

use oddsengine_engine::{BoardUpdate, Fixture, OddsVersion};
use oddsengine_runtime::wire::{self, Header};

#[allow(dead_code)]
#[path = "../src/wire/sample.rs"]
mod sample;

const ROUNDS: usize = 20_000;

fn main() {
    let fixture = sample::fixture();
    let template = fixture.template();
    let all: Vec<u16> = (0..template.markets.len() as u16).collect();
    let header = Header { seq: 5, source: "recording.wc2022", reason: "goal", ..Header::default() };
    let version = OddsVersion { epoch: 3, seq: fixture.version };
    let update = |changed_markets| BoardUpdate {
        fixture: &fixture,
        template,
        changed_markets,
        version,
        decided_ns: 1_668_960_142_061_000_000,
        source_ns: 1_668_960_142_059_000_000,
    };
    let mut out = Vec::new();
    wire::board_delta(&update(&all), &header, 2, &mut out);
    check(&fixture, &out);
    println!("{} markets, {} selections", template.markets.len(), template.selections.len());
    report("delta, all markets", &mut out, |out| wire::board_delta(&update(&all), &header, 2, out));
    report("delta, 1 market", &mut out, |out| wire::board_delta(&update(&all[..1]), &header, 2, out));
    report("image", &mut out, |out| wire::board_image(&fixture, &header, 2, "r-1", out));
    report("binary delta, all markets", &mut out, |out| {
        wire::board_binary_delta(&update(&all), &header, out);
    });
}

fn check(fixture: &Fixture, frame: &[u8]) {
    let parsed: serde_json::Value = serde_json::from_slice(frame).expect("a frame is JSON");
    let template = fixture.template();
    for market in &template.markets {
        let odds = parsed["markets"][&market.key]["odds"].as_array().expect("every market has odds");
        for (selection, odds) in market.selections().zip(odds) {
            let odds_e4 = (odds.as_f64().unwrap_or(0.0) * 10_000.0).round();
            assert_eq!(odds_e4, f64::from(fixture.board.odds_e4[selection]));
        }
    }
}

fn report(name: &str, out: &mut Vec<u8>, mut encode: impl FnMut(&mut Vec<u8>)) {
    let mut times: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            encode(out);
            wire::stamp_sent(out, 1_668_960_142_062_000_000);
            start.elapsed()
        })
        .collect();
    times.sort();
    let at = |share: f64| times[(share * (ROUNDS - 1) as f64) as usize];
    println!(
        "{name}: {} bytes, p50 {:?}, p99 {:?}, p99.9 {:?}, worst {:?}",
        out.len(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
}
