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
/// Turns without a settlement before each event, against which those with are measured.
const QUIET_TURNS: usize = 2_000;
/// Runs of what can be repeated.
const RUNS: usize = 5;
/// Longest that the loop works off slices before it looks after everything else again, and so the longest after the frames
/// of a turn that a message arrives here: as `WORK_NS_PER_TURN` in `serve.py`.
const WORK_PER_TURN: Duration = Duration::from_micros(500);

/// Other matches in play, of which one is heard each turn.
const OTHERS: u64 = 16;

/// A service, the popular match (the first) and others that go on meanwhile.
struct Evening {
    service: Service,
    now_ns: i64,
    feed_seq: u64,
    /// Of all matches: the others stay in their first half.
    clocks_ms: [i64; 1 + OTHERS as usize],
    turn_count: u64,
    random: Random,
    /// From when a message arrived to the end of the slice that was under way.
    waited: Duration,
}

/// What a stretch of turns took.
#[derive(Default)]
struct Stretch {
    turns: Latencies,
    /// From a clock message of the other match, which arrives while the turn before still works, to its odds.
    odds: Latencies,
    /// What of it is the turn of the message itself.
    told: Latencies,
    slices: Latencies,
    totals: Vec<Duration>,
    /// The longest turn, and how long of it this thread was runnable and not running: a neighbour had the processor.
    longest: (Duration, Duration),
    /// The same of the turn that ran longest.
    ran_longest: (Duration, Duration),
}

/// What was settled meanwhile is measured beside what was quiet before, in the same run.
#[derive(Default)]
struct Measured {
    quiet: Stretch,
    busy: Stretch,
}

impl Stretch {
    fn next_run(&mut self) {
        self.turns.next_run();
        self.odds.next_run();
        self.told.next_run();
        self.slices.next_run();
    }
}

/// How long this thread was runnable and did not run, since it began; zero where the system does not say.
fn not_run() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let ns = text.split_whitespace().nth(1).and_then(|ns| ns.parse().ok());
    Duration::from_nanos(ns.unwrap_or(0))
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
            clocks_ms: [0; 1 + OTHERS as usize],
            turn_count: 0,
            random,
            waited: Duration::ZERO,
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
        (1..=OTHERS).for_each(|other| evening.incident(other, "kick_off", ""));
        evening.settle_down();
        // As behind sockets: the desk is told at the pace of a reader.
        evening.service.share();
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

    /// One turn as the loop around the sockets takes it: what has arrived, its frames, then slices of due work until the next
    /// message arrives.
    ///
    /// `happens`: what happens in the popular match.
    fn turn(&mut self, happens: Option<(&str, &str)>, stretch: &mut Stretch) {
        let not_run_before = not_run();
        let other = 1 + self.turn_count % OTHERS;
        self.turn_count += 1;
        self.now_ns += 1_000_000;
        self.clocks_ms[other as usize] += 100;
        let start = Instant::now();
        if let Some((kind, more)) = happens {
            self.incident(0, kind, more);
            drop(self.service.take_frames(self.now_ns));
        }
        self.incident(other, "clock", "");
        drop(self.service.take_frames(self.now_ns));
        self.service.end_turn();
        let frames = self.service.take_frames(self.now_ns);
        let told = start.elapsed();
        let topic = format!(".{}", FIRST_FIXTURE + other);
        let is_other = |first: &[u8]| first.ends_with(topic.as_bytes());
        if frames.iter().any(|frame| frame.socket == Socket::Odds && is_other(&frame.first)) {
            stretch.odds.record(told + self.waited);
            stretch.told.record(told);
        }
        drop(self.service.take_desk_frames(self.now_ns));
        // The next message arrives at any moment, and the loop looks for it after each slice.
        let arrives = WORK_PER_TURN.mul_f64(self.random.below(1_000) as f64 / 1_000.0);
        let from = Instant::now();
        self.waited = Duration::ZERO;
        let mut worked_before = Duration::ZERO;
        while self.service.work_off() {
            let worked = from.elapsed();
            stretch.slices.record(worked - worked_before);
            worked_before = worked;
            if worked >= arrives {
                self.waited = worked - arrives;
                break;
            }
        }
        let turn = start.elapsed();
        stretch.turns.record(turn);
        let stood = not_run().saturating_sub(not_run_before).min(turn);
        if turn > stretch.longest.0 {
            stretch.longest = (turn, stood);
        }
        if turn - stood > stretch.ran_longest.0 - stretch.ran_longest.1 {
            stretch.ran_longest = (turn, stood);
        }
        self.service.durable();
    }

    /// Something happens in the popular match; turns go on until all that follows is decided and durable.
    fn happens(&mut self, kind: &str, more: &str, measured: &mut Measured) {
        let Measured { quiet, busy } = measured;
        quiet.next_run();
        for _ in 0..QUIET_TURNS {
            self.turn(None, quiet);
        }
        busy.next_run();
        self.now_ns += SECOND_NS;
        let start = Instant::now();
        self.turn(Some((kind, more)), busy);
        while self.service.engine().has_due_work() {
            self.turn(None, busy);
        }
        self.service.end_turn();
        drop(self.service.take_frames(self.now_ns));
        let (last_seq, _) = self.service.progress();
        while self.service.progress().1 < last_seq {
            std::thread::yield_now();
        }
        busy.totals.push(start.elapsed());
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
    let goal = ",\"side\":\"home\",\"score\":[1,0]";
    let rollback = ",\"side\":\"home\",\"score\":[0,0]";
    let corrected = ",\"first_half\":[0,1],\"second_half\":[0,0]";
    let as_it_was = ",\"first_half\":[1,0],\"second_half\":[0,0]";
    let mut events = Vec::new();
    for _ in 0..scale.pick(RUNS, 1) {
        events.extend([("goal", "goal", goal), ("goal taken back", "goal_cancelled", rollback)]);
    }
    events.extend([
        ("goal", "goal", goal),
        ("half time", "half_time", ""),
        ("second half", "second_half", ""),
        ("full time", "full_time", ""),
    ]);
    for _ in 0..scale.pick(RUNS, 1) {
        events.extend([
            ("resettlement: 0:1 instead of 1:0", "correction", corrected),
            ("resettlement: 1:0 after all", "correction", as_it_was),
        ]);
    }
    let mut names: Vec<&str> = Vec::new();
    let mut measured: BTreeMap<&str, Measured> = BTreeMap::new();
    for (name, kind, more) in events {
        if kind == "half_time" {
            evening.clocks_ms[0] = evening.clocks_ms[0].max(2_700_000);
        } else if kind == "full_time" {
            evening.clocks_ms[0] = evening.clocks_ms[0].max(5_400_000);
        }
        if !names.contains(&name) {
            names.push(name);
        }
        evening.happens(kind, more, measured.entry(name).or_default());
        evening.check(&deposited_minor);
    }
    for name in names.into_iter().filter(|name| !name.contains("half")) {
        report_event(report, name, &measured[name]);
    }
    check_invariants(evening.service.engine());
}

fn report_event(report: &mut Report, name: &str, measured: &Measured) {
    let Measured { quiet, busy } = measured;
    let checked = "every balance to the cent";
    report.latencies(&format!("{name}: a turn"), &busy.turns, 1, Target::None, checked);
    report.latencies("  odds of another match, quiet", &quiet.odds, 1, Target::None, "a frame each turn");
    report.latencies("  odds of another match meanwhile", &busy.odds, 1, Target::None, "a frame each turn");
    for (quantile, of, target) in
        [(0.5, "p50", Target::None), (0.99, "p99", Target::Most(2.0)), (0.999, "p99.9", Target::None)]
    {
        let times = busy.odds.at(quantile) as f64 / quiet.odds.at(quantile) as f64;
        report.figure(&format!("  {of} of the odds, times quiet"), times, "x", target, checked);
    }
    let most = busy.turns.at(0.999) as f64 / 1e6;
    report.figure("  p99.9 of a turn", most, "ms", Target::Most(10.0), checked);
    report.latencies("  of it the turn of the message", &busy.told, 1, Target::None, checked);
    report.latencies("  a slice", &busy.slices, 1, Target::None, checked);
    let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
    for (of, (turn, stood)) in [("longest turn", busy.longest), ("turn that ran longest", busy.ran_longest)] {
        report.figure(&format!("  {of}: ran"), ms(turn - stood), "ms", Target::None, checked);
        report.figure(&format!("  {of}: stood, runnable"), ms(stood), "ms", Target::None, checked);
    }
    let mut totals: Vec<f64> = busy.totals.iter().map(|total| total.as_secs_f64() * 1e3).collect();
    totals.sort_by(f64::total_cmp);
    let middle = totals[totals.len() / 2];
    report.figure("  until all is settled and durable", middle, "ms", Target::Most(2_000.0), checked);
}
