//! Days of a sportsbook in minutes: the service as it runs, with its journal on the disk, in compressed time.
//!
//! JSON in, frames out; fixtures are announced, bet on, played and settled in rotation. Each simulated hour says what the
//! process and its files take, and at intervals the service is ended and started again.

use std::fs;
use std::time::Instant;

use oddsengine_engine::{Command, Config, MoneyRequest};
use oddsengine_runtime::journal::{CompactOptions, OpenOptions, compact, verify};
use oddsengine_runtime::service::{Service, ServiceOptions};
use oddsengine_types::{Currency, CustomerId, TransferId};

use crate::setup::{
    CUSTOMERS, Crowd, Folder, START_NS, check_invariants, command, config, deposit_json, deposits, order_json,
};

const HOUR_NS: i64 = 3_600_000_000_000;
/// Fixtures that are announced each hour, and played in the next.
const FIXTURES_PER_HOUR: u64 = 8;
/// Transactions of one turn.
const TURN: u64 = 100;
/// Records on their way to the disk at most before the next turn.
const PENDING_MAX: u64 = 20_000;
/// Hours that fill the caches and pools before the slope of memory counts.
const HOURS_WARMING: u64 = 6;

/// How long and how fast.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Simulated hours.
    pub hours: u64,
    /// Transactions a simulated second.
    pub per_second: f64,
    /// Hours between two ends of the process; 0 for none.
    pub hours_between_restarts: u64,
    /// Records between two snapshots.
    pub snapshot_every: u64,
    /// Old groups are sealed by the running owner.
    pub is_compacting: bool,
}

/// What an hour left.
#[derive(Clone, Debug)]
pub struct Hour {
    /// Resident bytes of the process at its end.
    pub resident_bytes: u64,
    /// The longest turn, which is the one that makes a snapshot.
    pub turn_max_ns: u64,
    /// Bytes of the database with its log.
    pub live_bytes: u64,
    /// Bytes of the sealed segments.
    pub segment_bytes: u64,
    /// Seconds of the restart at its end, and the records that it folded.
    pub restart: Option<(f64, u64)>,
    /// Bets that were accepted so far.
    pub accepted: u64,
    /// Tickets that were refused so far.
    pub refused: u64,
    /// Records so far.
    pub records: u64,
    /// Fixtures in memory.
    pub fixtures: u64,
    /// Ids of deposits and withdrawals in memory.
    pub transfers: u64,
}

/// What a run showed.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Hour by hour.
    pub hours: Vec<Hour>,
    /// Growth of resident memory after the first hours, bytes a simulated day.
    pub resident_growth_per_day: f64,
    /// Growth of all files of the journal after the first hours, bytes a simulated day.
    pub disk_growth_per_day: f64,
    /// Bytes a record, live before compaction and in segments: raw and as files.
    pub sealed: Option<(f64, f64)>,
}

struct Desk {
    service: Service,
    crowd: Crowd,
    folder: Folder,
    plan: Plan,
    source_seq: u64,
    transfer: u128,
    /// Where the fixtures of the hour are: those that left freed their places.
    places: Vec<usize>,
}

impl Desk {
    fn open(folder: &Folder, plan: &Plan, now_ns: i64) -> Service {
        let options = ServiceOptions {
            journal: Some(folder.0.join("journal.db")),
            config: Config { settlement_delay_ms: 0, ..config() },
            snapshot_every: plan.snapshot_every,
            now_ns,
        };
        let opening = OpenOptions { is_compacting: plan.is_compacting, ..OpenOptions::default() };
        Service::start_with(options, opening).expect("a whole journal")
    }

    fn line(&mut self, time_ns: i64, kind: &str, fixture: u64, rest: &str) {
        self.source_seq += 1;
        let line = format!(
            "{{\"type\":\"{kind}\",\"source\":\"long\",\"seq\":{},\"time_ns\":{time_ns},\"fixture\":{fixture},{rest}}}",
            self.source_seq
        );
        self.service.ingest(line.as_bytes(), time_ns);
    }

    fn announce(&mut self, hour: u64, now_ns: i64) {
        for fixture in hour * FIXTURES_PER_HOUR + 1..=(hour + 1) * FIXTURES_PER_HOUR {
            let start_ns = START_NS + (hour as i64 + 1) * HOUR_NS;
            let about = format!(
                "\"sport\":\"football\",\"competition\":\"c{}\",\"home\":\"H{fixture}\",\"away\":\"A{fixture}\",\"start_ns\":{start_ns}",
                fixture % 10
            );
            self.line(now_ns, "fixture", fixture, &about);
            let prices = "\"odds_1x2\":[2.5,3.4,2.9],\"total_line\":2.5,\"odds_total\":[2.04,1.79]";
            self.line(now_ns, "prices", fixture, prices);
        }
        let is_new = |id: u64| id > hour * FIXTURES_PER_HOUR;
        let entries = self.service.engine().fixtures().entries();
        self.places = entries.filter(|(_, fixture)| is_new(fixture.id().0)).map(|(place, _)| place).collect();
    }

    /// The fixtures of the hour before: a share of their match.
    fn play(&mut self, hour: u64, minute: u64, now_ns: i64) {
        let Some(before) = hour.checked_sub(1) else { return };
        let (kind, half, clock_ms) = match minute {
            0 => ("kick_off", 1, 0),
            20 => ("half_time", 1, 2_880_000),
            25 => ("second_half", 2, 2_700_000),
            50 => ("full_time", 2, 5_820_000),
            _ => return,
        };
        for fixture in before * FIXTURES_PER_HOUR + 1..=hour * FIXTURES_PER_HOUR {
            let rest = format!("\"kind\":\"{kind}\",\"half\":{half},\"clock_ms\":{clock_ms},\"score\":[0,0]");
            self.line(now_ns, "incident", fixture, &rest);
        }
    }

    fn transact(&mut self, index: u64, now_ns: i64) {
        match index % 100 {
            0..3 => {
                let request = self.money(10_000);
                self.service.order(b"bench", &deposit_json(&request), now_ns);
            }
            3 => {
                let request = self.money(100);
                let text = String::from_utf8(deposit_json(&request)).expect("JSON is text");
                let text = text.replacen("deposit", "withdraw", 1);
                self.service.order(b"bench", text.as_bytes(), now_ns);
            }
            4..94 => {
                let place = self.places[index as usize % self.places.len()];
                let request = self.crowd.single(self.service.engine(), place);
                self.service.order(b"bench", &order_json(&request, "b"), now_ns);
            }
            _ => {
                let customer = 1 + index % CUSTOMERS;
                let query = format!("{{\"type\":\"balance\",\"request_id\":\"q\",\"customer\":{customer}}}");
                self.service.order(b"bench", query.as_bytes(), now_ns);
            }
        }
    }

    fn money(&mut self, amount_minor: i64) -> Command {
        self.transfer += 1;
        let request = MoneyRequest {
            transfer: TransferId(self.transfer.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)),
            customer: CustomerId(1 + (self.transfer % u128::from(CUSTOMERS)) as u64),
            amount_minor,
            currency: Currency::EUR,
        };
        command(0, oddsengine_engine::Body::Deposit(request))
    }

    fn end_turn(&mut self, now_ns: i64) -> u64 {
        let start = Instant::now();
        self.service.tick(now_ns, now_ns);
        self.service.end_turn();
        let frames = self.service.take_frames(now_ns).len();
        let taken = start.elapsed().as_nanos() as u64;
        while self.service.work_off() {
            self.service.end_turn();
            self.service.take_frames(now_ns);
        }
        self.service.durable();
        while PENDING_MAX < self.service.progress().0 - self.service.progress().1 {
            std::thread::yield_now();
            self.service.durable();
        }
        std::hint::black_box(frames);
        taken
    }

    fn hour(&mut self, hour: u64) -> Hour {
        let begin_ns = START_NS + hour as i64 * HOUR_NS;
        let count = (self.plan.per_second * 3_600.0) as u64;
        self.announce(hour, begin_ns);
        let mut turn_max_ns = 0;
        let mut minute_done = None;
        for index in 0..count {
            let now_ns = begin_ns + (index as i128 * i128::from(HOUR_NS) / i128::from(count)) as i64;
            let minute = (now_ns - begin_ns) as u64 / 60_000_000_000;
            if minute_done != Some(minute) {
                for due in minute_done.map_or(0, |done| done + 1)..=minute {
                    self.play(hour, due, now_ns);
                }
                minute_done = Some(minute);
            }
            self.transact(index, now_ns);
            if index % TURN == TURN - 1 {
                turn_max_ns = turn_max_ns.max(self.end_turn(now_ns));
            }
        }
        let end_ns = begin_ns + HOUR_NS - 1;
        (minute_done.map_or(0, |done| done + 1)..60).for_each(|minute| self.play(hour, minute, end_ns));
        self.end_turn(end_ns);
        let every = self.plan.hours_between_restarts;
        let restart = (every > 0 && hour % every == every - 1).then(|| {
            // What is not acknowledged is not compared: wait for it, then end without closing.
            while self.service.progress().0 > self.service.progress().1 {
                std::thread::yield_now();
                self.service.durable();
            }
            let ledger = self.service.engine().ledger().clone();
            let memory =
                ServiceOptions { journal: None, config: config(), snapshot_every: 0, now_ns: end_ns };
            let none = Service::start(memory).expect("nothing to read");
            drop(std::mem::replace(&mut self.service, none));
            let start = Instant::now();
            self.service = Self::open(&self.folder, &self.plan, end_ns);
            let seconds = start.elapsed().as_secs_f64();
            assert!(*self.service.engine().ledger() == ledger, "the same money after a restart");
            (seconds, self.service.start_report().folded_count)
        });
        let (live_bytes, segment_bytes) = disk_bytes(&self.folder);
        let counters = self.service.engine().counters();
        Hour {
            resident_bytes: resident_bytes(),
            turn_max_ns,
            live_bytes,
            segment_bytes,
            restart,
            accepted: counters.accepted_count,
            refused: counters.refused_count,
            records: self.service.progress().0,
            fixtures: self.service.engine().fixtures().len() as u64,
            transfers: self.service.engine().kept_transfer_count() as u64,
        }
    }
}

/// Runs a plan; each hour is told as it ends.
///
/// # Panics
/// An invariant does not hold, a restart comes to other money, or the journal is not whole at the end.
pub fn run(plan: &Plan, tell: &mut dyn FnMut(u64, &Hour)) -> Outcome {
    let folder = Folder::new("long-run");
    let service = Desk::open(&folder, plan, START_NS);
    let crowd = Crowd::new(7, 1 << 64);
    let mut desk = Desk {
        service,
        crowd,
        folder,
        plan: plan.clone(),
        source_seq: 0,
        transfer: 1 << 70,
        places: Vec::new(),
    };
    for deposit in deposits() {
        desk.service.order(b"bench", &deposit_json(&deposit), START_NS);
    }
    let hours: Vec<Hour> = (0..plan.hours)
        .map(|hour| {
            let told = desk.hour(hour);
            tell(hour, &told);
            told
        })
        .collect();
    check_invariants(desk.service.engine());
    desk.service.close().expect("the journal closes");
    let Desk { service, folder, .. } = desk;
    drop(service);
    let path = folder.0.join("journal.db");
    compact(&path, &CompactOptions::default()).expect("a whole journal with two snapshots");
    let report = verify(&path).expect("a whole journal");
    assert!(report.is_sound(), "{:?}", report.damages);
    let sum = |of: fn(&oddsengine_runtime::journal::SegmentInfo) -> u64| {
        report.segments.iter().map(of).sum::<u64>() as f64
    };
    let sealed_records = sum(|info| info.record_count);
    let sealed = (sealed_records > 0.0).then(|| {
        (sum(|info| info.byte_count) / sealed_records, sum(|info| info.file_bytes) / sealed_records)
    });
    let warm = HOURS_WARMING.min(plan.hours / 2) as usize;
    Outcome {
        resident_growth_per_day: slope(hours[warm..].iter().map(|hour| hour.resident_bytes as f64)) * 24.0,
        disk_growth_per_day: slope(
            hours[warm..].iter().map(|hour| (hour.live_bytes + hour.segment_bytes) as f64),
        ) * 24.0,
        sealed,
        hours,
    }
}

/// Least squares: how much a value grows with each step.
fn slope(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    let count = values.len() as f64;
    let (mean_x, mean_y) = ((count - 1.0) / 2.0, values.iter().sum::<f64>() / count);
    let (mut above, mut below) = (0.0, 0.0);
    for (index, value) in values.iter().enumerate() {
        let x = index as f64 - mean_x;
        above += x * (value - mean_y);
        below += x * x;
    }
    if below > 0.0 { above / below } else { 0.0 }
}

fn disk_bytes(folder: &Folder) -> (u64, u64) {
    let (mut live, mut sealed) = (0, 0);
    for entry in fs::read_dir(&folder.0).into_iter().flatten().flatten() {
        let bytes = entry.metadata().map_or(0, |file| file.len());
        match entry.path().extension().is_some_and(|extension| extension == "segment") {
            true => sealed += bytes,
            false => live += bytes,
        }
    }
    (live, sealed)
}

fn resident_bytes() -> u64 {
    crate::memory::resident_bytes() as u64
}
