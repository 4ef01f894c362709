//! The hash of a seeded run is the one in `state_hash.txt`: equal in every build and on every machine.
//!
//! Whoever changes a price, a decision or the stored state changes the hash, and with it that file:
//! `cargo run --release -p oddsengine-sim -- --hash --seed 1 --steps 2000`.

use oddsengine_sim::workload::{run, run_alone, universe};

#[test]
fn a_seeded_run_has_the_hash_of_every_build() {
    let expected = include_str!("state_hash.txt").trim();
    let universe = universe();
    for run in [run, run_alone] {
        let report = run(&universe, 1, 2_000).unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(report.hash.to_string(), expected);
    }
}
