//! Runs days of a sportsbook in compressed time and says what they leave in memory and on the disk.

use std::process::ExitCode;
use std::time::Instant;

use oddsengine_benches::long_run::{Plan, run};

const MIB: f64 = 1_048_576.0;

fn main() -> ExitCode {
    let mut days = 7.0;
    let mut plan = Plan {
        hours: 0,
        per_second: 417.0,
        hours_between_restarts: 24,
        snapshot_every: 200_000,
        is_compacting: true,
    };
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    for pair in arguments.chunks(2) {
        let value: Option<f64> = pair.get(1).and_then(|text| text.parse().ok());
        let value = value.filter(|value| value.is_finite());
        match (pair[0].as_str(), value) {
            ("--days", Some(value)) if (0.1..=366.0).contains(&value) => days = value,
            ("--per-second", Some(value)) if (0.1..=10_000.0).contains(&value) => plan.per_second = value,
            ("--hours-between-restarts", Some(value)) if (0.0..=10_000.0).contains(&value) => {
                plan.hours_between_restarts = value as u64;
            }
            ("--snapshot-every", Some(value)) if (100.0..=1e9).contains(&value) => {
                plan.snapshot_every = value as u64;
            }
            _ => {
                eprintln!(
                    "long_run [--days 0.1..366] [--per-second 0.1..10000] [--hours-between-restarts 0..10000] \
                     [--snapshot-every 100..1000000000]"
                );
                return ExitCode::FAILURE;
            }
        }
    }
    plan.hours = (days * 24.0) as u64;
    println!("{plan:?}: {:.0} transactions", plan.per_second * 3_600.0 * plan.hours as f64);
    println!(
        "hour  resident  turn_max    live MiB  segments  records    accepted   refused  fixtures  transfers  restart"
    );
    let start = Instant::now();
    let outcome = run(&plan, &mut |hour, told| {
        let restart = told
            .restart
            .map_or_else(String::new, |(seconds, folded)| format!("{seconds:.3} s, {folded} folded"));
        println!(
            "{hour:4} {:7.1} M {:6.2} ms {:9.1} M {:7.1} M {:10} {:10} {:8} {:8} {:10}  {restart}",
            told.resident_bytes as f64 / MIB,
            told.turn_max_ns as f64 / 1e6,
            told.live_bytes as f64 / MIB,
            told.segment_bytes as f64 / MIB,
            told.records,
            told.accepted,
            told.refused,
            told.fixtures,
            told.transfers,
        );
    });
    println!("ran {:.1} s", start.elapsed().as_secs_f64());
    println!("resident memory grows by {:.1} MiB a day", outcome.resident_growth_per_day / MIB);
    println!("files grow by {:.1} MiB a day", outcome.disk_growth_per_day / MIB);
    if let Some((raw, packed)) = outcome.sealed {
        println!("sealed: {raw:.1} bytes a record before, {packed:.1} in segments");
    }
    ExitCode::SUCCESS
}
