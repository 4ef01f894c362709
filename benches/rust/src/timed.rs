//! The operations of `ops.rs` under the clock, in groups as the design's table has them.

use std::time::Instant;

use crate::ops::{OPS, Op, Size};
use crate::report::{Latencies, Report, Target};
use crate::{Scale, setup};

const RUNS: usize = 10;

fn size(scale: Scale) -> Size {
    scale.pick(Size::TIMED, Size::QUICK)
}

/// Times an operation in `RUNS` runs of equal length, the state going on; `per` steps in one sample, for
/// operations that are not much longer than reading the clock (about 40 ns here).
fn time(report: &mut Report, scale: Scale, op: &str, name: &str, per: u32, target: Target) {
    let (_, make) = OPS.iter().find(|(known, _)| *known == op).expect("the operation is listed");
    let size = size(scale);
    let mut op: Box<dyn Op> = make(size);
    let samples = (size.steps / RUNS / per as usize).max(1);
    let (mut latencies, mut index) = (Latencies::default(), 0);
    for _ in 0..RUNS {
        latencies.next_run();
        for _ in 0..samples {
            let counts = op.counts(index);
            let start = Instant::now();
            for _ in 0..per {
                op.step(index);
                index += 1;
            }
            let elapsed = start.elapsed();
            if counts {
                latencies.record(elapsed);
            }
        }
    }
    let mut checked = op.check(index);
    if let Some(engine) = op.engine() {
        setup::check_invariants(engine);
        checked += "; all invariants hold";
    }
    report.latencies(name, &latencies, per, target, &checked);
    println!("      checked: {checked}");
}

/// The score grid and its 190 most used probabilities.
pub fn basket(scale: Scale, report: &mut Report) {
    report.heading(
        "Score grid and basket of 190 probabilities",
        "one thread, warm, models change with every call; samples of 10 calls",
    );
    time(report, scale, "basket", "basket, one match", 10, Target::Latency(4_000, 0));
    time(
        report,
        scale,
        "basket_batch_of_100",
        "basket, batch of 100 matches (the batch)",
        1,
        Target::Latency(200_000, 0),
    );
}

/// One incident to all prices of a fixture.
pub fn board(scale: Scale, report: &mut Report) {
    report.heading(
        "Full football board (313 markets, 1,012 selections): incident in, frame encoded",
        "engine.apply with every board frame encoded to JSON; not included: decoding, journal, socket",
    );
    let target = Target::Latency(50_000, 120_000);
    time(report, scale, "board_goal", "goal, multiplicative margin", 1, target);
    time(report, scale, "board_goal_power", "goal, power margin", 1, target);
    time(
        report,
        scale,
        "board_goal_with_bets",
        "goal, 10,000 tickets in the book, settles and pays",
        1,
        Target::None,
    );
    time(report, scale, "board_tick", "clock +1 minute, multiplicative margin", 1, target);
    time(report, scale, "board_tick_power", "clock +1 minute, power margin", 1, target);
    time(report, scale, "board_expectation", "supremacy moved by a trader, before kick-off", 1, target);
    time(report, scale, "danger", "danger and safe: trading stops, resumes", 1, Target::None);
    time(report, scale, "service_tick", "bytes in, frames out (Service, no journal), clock +6 s", 1, target);
}

/// The parts of a repricing.
pub fn stages(scale: Scale, report: &mut Report) {
    report.heading("Stages of a repricing", "one fixture in play, warm caches: each stage alone");
    for (op, name) in [
        ("stage_views", "view probabilities from the model"),
        ("stage_expectations", "expectations of 1,012 selections"),
        ("stage_offer", "offer: margin, ladder (multiplicative)"),
        ("stage_offer_power", "offer: margin, ladder (power)"),
        ("stage_compare", "changed markets"),
        ("stage_encode", "encode 313 markets"),
    ] {
        time(report, scale, op, name, 1, Target::None);
    }
}

/// A price change of one market.
pub fn price(scale: Scale, report: &mut Report) {
    report.heading(
        "Single price change",
        "a trader's prices for 1X2: engine.apply and the frame of one market",
    );
    time(report, scale, "price_by_hand", "prices of one market by hand", 1, Target::Latency(2_000, 5_000));
}

/// Decisions on tickets.
pub fn bets(scale: Scale, report: &mut Report) {
    report.heading(
        "Bet decision in process",
        "book of 10,000 tickets over 48 fixtures and growing; all limits, joint exposure, ledger; no journal",
    );
    let target = Target::Latency(5_000, 20_000);
    time(report, scale, "bet_single", "single before kick-off", 1, target);
    time(
        report,
        scale,
        "decide_bet",
        "the same, decided and folded by a turn",
        1,
        Target::Latency(4_000, 10_000),
    );
    time(report, scale, "fold_bet", "the same, folded from its record", 1, Target::None);
    time(report, scale, "fold_tick", "a clock tick folded from its record, not priced", 1, Target::None);
    time(report, scale, "bet_in_play", "single in play: one held, one of 5 s ago decided", 1, Target::None);
    time(report, scale, "bet_accumulator_of_4", "accumulator of 4", 1, Target::None);
    time(report, scale, "bet_refused_odds", "refused: odds have moved", 1, target);
    time(report, scale, "bet_refused_limit", "refused: above a limit", 1, target);
    time(
        report,
        scale,
        "weigh_accumulators",
        "accumulators weighed anew after a clock tick",
        1,
        Target::None,
    );
    time(
        report,
        scale,
        "service_bet",
        "single, bytes in, reply and desk frame out (no journal)",
        1,
        Target::None,
    );
}

/// Bytes to commands.
pub fn decode(scale: Scale, report: &mut Report) {
    report.heading("Decoding", "JSON bytes to a command; samples of 10");
    time(report, scale, "decode_incident", "incident", 10, Target::None);
    time(report, scale, "decode_ticket", "place_ticket, one leg", 10, Target::None);
}

/// What the journal keeps.
pub fn records(scale: Scale, report: &mut Report) {
    report.heading(
        "Records",
        "command and facts to the bytes of the journal and back, frame included; samples of 10",
    );
    let target = Target::Latency(1_000, 0);
    time(report, scale, "record_write_bet", "write a bet: 7 limit checks, 2 bookings", 10, target);
    time(report, scale, "record_read_bet", "read it", 10, Target::None);
    time(report, scale, "record_write_goal", "write a goal: 4 facts", 10, Target::None);
    time(report, scale, "record_read_goal", "read it", 10, Target::None);
    time(report, scale, "record_write_tick", "write a tick", 10, Target::None);
    time(report, scale, "record_read_tick", "read it", 10, Target::None);
}

/// Payouts of bets of many lines.
pub fn systems(scale: Scale, report: &mut Report) {
    report.heading(
        "Systems",
        "what one ticket pays, legs graded before; prices of two decimals; samples of 10",
    );
    time(report, scale, "pay_lucky_15", "Lucky 15", 10, Target::Latency(500, 0));
    time(report, scale, "pay_lucky_15_each_way", "Lucky 15 each-way, 30 lines", 10, Target::None);
    time(report, scale, "pay_lucky_63", "Lucky 63", 10, Target::None);
    time(report, scale, "pay_goliath", "Goliath, 247 lines", 10, Target::Latency(2_000, 0));
    time(
        report,
        scale,
        "pay_goliath_4_decimals",
        "Goliath, prices of four decimals",
        10,
        Target::Latency(2_000, 0),
    );
}

/// Double entry.
pub fn ledger(scale: Scale, report: &mut Report) {
    report.heading("Ledger", "one transfer between two accounts, idempotency included; samples of 10");
    time(report, scale, "ledger_transfer", "transfer", 10, Target::None);
}
