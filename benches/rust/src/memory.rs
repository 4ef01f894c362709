//! How much memory a large state takes: the resident size of this process before and after.

use crate::Scale;
use crate::report::{Report, Target};
use crate::setup::{CUSTOMERS, check_invariants, config, desk, fill_book};

const GIB: f64 = 1_073_741_824.0;

/// 10,000 fixtures with the full template and a million open tickets.
pub fn run(scale: Scale, report: &mut Report) {
    report.heading(
        "Live state",
        "resident size of the process, /proc/self/status; only the engine, no frames, no journal",
    );
    let (fixtures, bets) = scale.pick((10_000, 1_000_000), (20, 200));
    let before = resident_bytes();
    let mut engine = desk(config(), fixtures);
    let with_fixtures = resident_bytes();
    fill_book(&mut engine, bets);
    let with_bets = resident_bytes();
    assert_eq!(engine.counters().accepted_count as usize, bets);
    let checked = if scale == Scale::Quick {
        check_invariants(&engine);
        "all tickets accepted, all invariants hold"
    } else {
        "all tickets accepted"
    };
    let per = |bytes: f64, count: usize| format!("GiB, {:.0} bytes each", bytes / count as f64);
    let of_fixtures = with_fixtures - before;
    report.figure(
        &format!("{fixtures} fixtures of 313 markets"),
        of_fixtures / GIB,
        &per(of_fixtures, fixtures),
        Target::None,
        checked,
    );
    let of_bets = with_bets - with_fixtures;
    report.figure(
        &format!("{bets} open tickets, 3 in 10 accumulators, {CUSTOMERS} customers"),
        of_bets / GIB,
        &per(of_bets, bets),
        Target::None,
        checked,
    );
    report.figure("together", (with_bets - before) / GIB, "GiB", Target::Most(4.0), checked);
}

pub(crate) fn resident_bytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) * 1_024.0
}
