//! Seeded days of trading: both engines agree after every command, and everything that can happen has happened.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use oddsengine_engine::Reason;
use oddsengine_sim::coverage::Coverage;
use oddsengine_sim::workload::{self, run};

/// Runs, and steps of each: 120,000 steps.
const RUN_COUNT: u64 = 80;
const STEP_COUNT: usize = 2_500;
const SEED_FIRST: u64 = 1;

/// What must have happened, and at least how often over all runs.
const SOMETIMES: &[(u64, &[&str])] = &[
    (
        500,
        &[
            "accepted",
            "accumulator",
            "after_delay.accepted",
            "after_delay.refused",
            "audit",
            "delayed",
            "referred",
            "grade.lost",
            "grade.void",
            "grade.won",
            "max_stake.kept",
            "money.booked",
            "refused",
            "resettled",
            "settled.lost",
            "settled.won",
            "trading.closed",
            "trading.open",
            "trading.suspended",
        ],
    ),
    // Fewer since steps go to what leaves for the archive and comes back.
    (300, &["settled.accumulator", "reoffered"]),
    (100, &["settled.system", "taken.system"]),
    (2, &["after_delay.reason.exceeds_fixture_limit"]),
    (20, &["taken.each_way"]),
    (5, &["settled.each_way", "settled.system_with_open_legs"]),
    (
        40,
        &[
            "abandoned",
            "archived.fixture",
            "archived.settled",
            "archived.transfer",
            "cancelled",
            "feed.duplicate",
            "feed.gap",
            "money.repeat",
            "reinstated",
            "repeat.accepted",
            "repeat.refused",
            "repeat.settled",
            "recalled.asked_for",
            "recalled.fixture",
            "recalled.transfer",
            "replay",
            "resettled.from_payment",
            "restart",
            "rollback",
            "settled.less_than_stake",
            "settled.stake_back",
            "settled.with_open_legs",
            "voided",
        ],
    ),
    (
        5,
        &[
            "after_delay.delayed",
            "after_delay.referred",
            "after_delay.reoffered",
            "after_delay.reason.exceeds_customer_limit",
            "after_delay.reason.exceeds_stake_window",
            "after_delay.reason.offer_declined",
            "after_delay.reason.offer_expired",
            "after_delay.reason.price_improved",
            "after_delay.reason.referral_declined",
            "after_delay.reason.referral_expired",
            "after_delay.reason.exceeds_market_limit",
            "after_delay.reason.fixture_closed",
            "after_delay.reason.fixture_suspended",
            "after_delay.reason.market_suspended",
            "after_delay.reason.no_price",
            "after_delay.reason.odds_have_moved",
            "after_delay.reason.score_has_changed",
            "after_delay.reason.trading_interrupted",
            "after_delay.reason.selection_decided",
            "cancelled.after_payment",
            "cancelled.delayed",
            "cancelled.shortfall",
            "grade.half_lost",
            "grade.half_won",
            "grade.won_1/3",
            "max_stake.nothing",
            "rollback.shortfall",
            "settled.after_waiting",
        ],
    ),
];

#[test]
fn both_engines_agree_over_a_hundred_thousand_steps() {
    let universe = workload::universe();
    let (next, total) = (AtomicU64::new(0), Mutex::new(Coverage::default()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= RUN_COUNT {
                        return;
                    }
                    match run(&universe, SEED_FIRST + index, STEP_COUNT) {
                        Ok(report) => total.lock().unwrap().add(&report.coverage),
                        Err(failure) => panic!("{failure}"),
                    }
                }
            });
        }
    });
    check_coverage(&total.into_inner().unwrap());
}

// Races are short: over all sports few of the bets on them are each-way, and fewer still run to their end.
#[test]
fn both_engines_agree_on_races_each_way() {
    let universe = workload::universe_of(workload::Sports::Racing);
    let mut total = Coverage::default();
    for seed in 1..=4 {
        match run(&universe, seed, 2_000) {
            Ok(report) => total.add(&report.coverage),
            Err(failure) => panic!("{failure}"),
        }
    }
    for (name, least) in [("taken.each_way", 20), ("settled.each_way", 20)] {
        let count = total.count(name);
        assert!(count >= least, "{name} happened {count} times, at least {least} are expected\n{total}");
    }
}

fn check_coverage(coverage: &Coverage) {
    assert!(coverage.count("command") >= 100_000);
    let mut rare: Vec<String> = Vec::new();
    let mut check = |name: &str, least: u64| {
        let count = coverage.count(name);
        if count < least {
            rare.push(format!("{name} happened {count} times, at least {least} are expected"));
        }
    };
    for &(least, names) in SOMETIMES {
        names.iter().for_each(|name| check(name, least));
    }
    for reason in Reason::ALL.iter().filter(|reason| !Reason::OF_RUNTIME.contains(reason)) {
        // Some are about a delay, a trader or an offer, and who owes has no cash: as the answer to a request that is too late.
        let is_late = matches!(
            reason,
            Reason::ScoreHasChanged
                | Reason::TradingInterrupted
                | Reason::CustomerOwes
                | Reason::PriceImproved
                | Reason::ReferralDeclined
                | Reason::ReferralExpired
                | Reason::OfferDeclined
                | Reason::OfferExpired
        );
        // Few runs are so configured.
        let least = if *reason == Reason::SecondPersonNeeded { 2 } else { 20 };
        if !is_late {
            check(&format!("reason.{}", reason.name()), least);
        }
    }
    rare.extend(coverage.unseen().into_iter().map(|what| format!("{what} did not happen")));
    assert!(rare.is_empty(), "{}\n{coverage}", rare.join("\n"));
}
