//! A popular match: many singles are open on it, and a goal, the goal taken back, full time and a corrected result decide
//! them all, while another match goes on.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use oddsengine_engine::TicketState;
use oddsengine_runtime::service::{Service, ServiceOptions, Socket};
use oddsengine_types::{CustomerId, Grade};

use crate::Scale;
use crate::ops::fill_service;
use crate::report::{Latencies, Report, Target};
use crate::setup::{Crowd, FIRST_FIXTURE, Folder, Random, START_NS, check_invariants, config, order_json};

const SECOND_NS: i64 = 1_000_000_000;
/// Turns without a settlement, against which the others are measured.
const QUIET_TURNS: usize = 2_000;

/// A service, the popular match (the first) and another one (the second) that goes on meanwhile.
struct Evening {
    service: Service,
    now_ns: i64,
    feed_seq: u64,
    /// Of both matches: the other one stays in its first half.
    clocks_ms: [i64; 2],
    random: Random,
    /// How long the work of the last turn went on after its frames had left.
    worked: Duration,
}

/// What a stretch of turns took.
struct Stretch {
    turns: Latencies,
    /// From a clock message of the other match, which arrives while the turn before still works, to its odds.
    odds: Latencies,
    total: Duration,
}

impl Stretch {
    fn new() -> Self {
        let (mut turns, mut odds) = (Latencies::default(), Latencies::default());
        turns.next_run();
        odds.next_run();
        Self { turns, odds, total: Duration::ZERO }
    }
}

impl Evening {
    fn new(folder: &Folder, singles: usize) -> Self {
        let options = ServiceOptions {
            journal: Some(folder.0.join("journal.db")),
            config: config(),
            snapshot_every: 0,
            now_ns: START_NS,
        };
        let mut service = Service::start(options).expect("a new journal");
        fill_service(&mut service, 48, 0);
        let random = Random(11);
        let mut evening = Self {
            service,
            now_ns: START_NS,
            feed_seq: 0,
            clocks_ms: [0; 2],
            random,
            worked: Duration::ZERO,
        };
        let mut crowd = Crowd::new(3, 1 << 66);
        for index in 0..singles {
            let request = crowd.single(evening.service.engine(), 0);
            evening.service.order(b"bench", &order_json(&request, "r"), START_NS);
            if index % 256 == 255 {
                evening.settle_down();
            }
        }
        evening.settle_down();
        assert_eq!(evening.service.engine().counters().accepted_count as usize, singles);
        evening.incident(0, "kick_off", "");
        evening.incident(1, "kick_off", "");
        evening.settle_down();
        evening
    }

    /// Ends the turn, and waits for the disk.
    fn settle_down(&mut self) {
        self.service.end_turn();
        self.service.take_frames(self.now_ns);
        let (last_seq, _) = self.service.progress();
        while self.service.progress().1 + 4_096 < last_seq {
            std::thread::yield_now();
        }
    }

    fn incident(&mut self, fixture: u64, kind: &str, more: &str) {
        self.feed_seq += 1;
        let message = format!(
            "{{\"type\":\"incident\",\"source\":\"bench.play\",\"seq\":{},\"time_ns\":{},\"fixture\":{},\"kind\":\"{kind}\",\
             \"clock_ms\":{}{more}}}",
            self.feed_seq,
            self.now_ns,
            FIRST_FIXTURE + fixture,
            self.clocks_ms[fixture as usize]
        );
        self.service.ingest(message.as_bytes(), self.now_ns);
    }

    /// One turn as the loop around the sockets takes it: what has arrived, its frames, then due work.
    ///
    /// `happens`: what happens in the popular match.
    fn turn(&mut self, happens: Option<(&str, &str)>, stretch: &mut Stretch) {
        let waited = self.worked.mul_f64(self.random.below(1_000) as f64 / 1_000.0);
        // Slower than the clock of a match, so that it lasts.
        self.now_ns += 1_000_000;
        self.clocks_ms.iter_mut().for_each(|clock_ms| *clock_ms += 100);
        let start = Instant::now();
        if let Some((kind, more)) = happens {
            self.incident(0, kind, more);
            drop(self.service.take_frames(self.now_ns));
        }
        self.incident(1, "clock", "");
        drop(self.service.take_frames(self.now_ns));
        self.service.end_turn();
        let frames = self.service.take_frames(self.now_ns);
        let told = start.elapsed();
        let topic = format!(".{}", FIRST_FIXTURE + 1);
        let is_other = |first: &[u8]| first.ends_with(topic.as_bytes());
        if frames.iter().any(|frame| frame.socket == Socket::Odds && is_other(&frame.first)) {
            stretch.odds.record(told + waited);
        }
        let from = Instant::now();
        self.service.work_off();
        self.worked = from.elapsed();
        stretch.turns.record(start.elapsed());
        self.service.durable();
    }

    /// Something happens in the popular match; turns go on until all that follows is decided and durable.
    fn happens(&mut self, kind: &str, more: &str) -> Stretch {
        let mut stretch = Stretch::new();
        let start = Instant::now();
        self.turn(Some((kind, more)), &mut stretch);
        while self.service.engine().has_due_work() {
            self.turn(None, &mut stretch);
        }
        self.service.end_turn();
        drop(self.service.take_frames(self.now_ns));
        let (last_seq, _) = self.service.progress();
        while self.service.progress().1 < last_seq {
            std::thread::yield_now();
        }
        stretch.total = start.elapsed();
        stretch
    }

    /// Every customer has to the cent what the grades of the match give: by their tickets, one by one.
    fn check(&self, deposited_minor: &BTreeMap<CustomerId, i64>) {
        let engine = self.service.engine();
        assert!(!engine.has_due_work());
        let mut expected_minor = deposited_minor.clone();
        let fixture = &engine.fixtures()[0];
        for ticket in engine.tickets().iter() {
            let leg = &ticket.legs[0];
            let selection = fixture.template().selection_of_id(leg.selection).expect("it is there");
            let grade = fixture.grades[selection];
            let returned_minor = match grade {
                None => 0,
                // Half a cent rounds down, as the customer's terms say.
                Some(grade) => oddsengine_types::payout_minor(ticket.stake_minor, &[(leg.odds_e4, grade)]),
            };
            let is_settled = ticket.state == TicketState::Settled;
            assert_eq!((is_settled, ticket.paid_minor), (grade.is_some(), returned_minor));
            if grade == Some(Grade::WON) {
                assert_eq!(returned_minor, ticket.stake_minor * i64::from(leg.odds_e4) / 10_000);
            }
            *expected_minor.entry(ticket.customer).or_default() += returned_minor - ticket.stake_minor;
        }
        for (&customer, &minor) in &expected_minor {
            assert_eq!(engine.available_minor(customer), minor, "customer {customer:?}");
        }
    }
}

/// Turns, odds of another match, and the time until all is settled, for each of what decides many bets.
pub fn run(scale: Scale, report: &mut Report) {
    let singles = scale.pick(200_000, 600);
    report.heading(
        "A popular match",
        &format!(
            "{singles} open singles on one match; durable, in process; a turn is a message of another match, its odds, a slice"
        ),
    );
    let folder = Folder::new("popular");
    let mut evening = Evening::new(&folder, singles);
    let deposited_minor: BTreeMap<CustomerId, i64> = {
        let engine = evening.service.engine();
        let mut cash: BTreeMap<CustomerId, i64> = (1..=crate::setup::CUSTOMERS)
            .map(|id| (CustomerId(id), engine.available_minor(CustomerId(id))))
            .collect();
        engine
            .tickets()
            .iter()
            .for_each(|ticket| *cash.entry(ticket.customer).or_default() += ticket.stake_minor);
        cash
    };
    let mut quiet = Stretch::new();
    for _ in 0..scale.pick(QUIET_TURNS, 20) {
        evening.turn(None, &mut quiet);
    }
    report.latencies("quiet: odds of another match", &quiet.odds, 1, Target::None, "a frame each turn");
    let goal = ",\"side\":\"home\",\"score\":[1,0]";
    let events = [
        ("goal", "goal", goal),
        ("rollback: the goal is taken back", "goal_cancelled", ",\"side\":\"home\",\"score\":[0,0]"),
        ("goal again", "goal", goal),
        ("half time", "half_time", ""),
        ("second half", "second_half", ""),
        ("full time", "full_time", ""),
        ("resettlement: 0:1 instead of 1:0", "correction", ",\"first_half\":[0,1],\"second_half\":[0,0]"),
    ];
    for (name, kind, more) in events {
        if kind == "half_time" {
            evening.clocks_ms[0] = evening.clocks_ms[0].max(2_700_000);
        } else if kind == "full_time" {
            evening.clocks_ms[0] = evening.clocks_ms[0].max(5_400_000);
        }
        evening.now_ns += SECOND_NS;
        let before = *evening.service.engine().counters();
        let stretch = evening.happens(kind, more);
        let after = evening.service.engine().counters();
        evening.check(&deposited_minor);
        let checked = format!(
            "to the cent: {} settled, {} taken back",
            after.settlement_count - before.settlement_count,
            after.rollback_count - before.rollback_count
        );
        let is_measured = !kind.contains("half");
        if is_measured {
            report.latencies(&format!("{name}: a turn"), &stretch.turns, 1, Target::None, &checked);
            report.latencies(
                "  odds of another match meanwhile",
                &stretch.odds,
                1,
                Target::None,
                "a frame each turn",
            );
            let most = stretch.turns.at(0.999) as f64 / 1e6;
            report.figure("  p99.9 of a turn", most, "ms", Target::Most(10.0), &checked);
            let ms = stretch.total.as_secs_f64() * 1e3;
            report.figure("  until all is settled and durable", ms, "ms", Target::Most(2_000.0), &checked);
        }
    }
    check_invariants(evening.service.engine());
}
