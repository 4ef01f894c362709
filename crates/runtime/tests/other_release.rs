//! Journals outlive their release: what was decided stands, whatever this build would decide, and the difference is told.

mod journal_support;
mod service_support;

use std::path::Path;

use journal_support::{Folder, open_writer};
use oddsengine_engine::{
    Body, Command, Engine, Fact, LegRequest, MoneyRequest, OddsChange, OddsVersion, Origin, Record,
    TicketRequest, encode_record,
};
use oddsengine_feeds::decode_ingest;
use oddsengine_markets::SelectionId;
use oddsengine_pricing::model::ModelConfig;
use oddsengine_runtime::journal::OpenOptions;
use oddsengine_runtime::service::{RELEASE, Service, redecide_journal, replay_engine};
use oddsengine_types::{Currency, CustomerId, FixtureId, TicketId, TransferId};
use serde_json::json;
use service_support::*;

fn write(path: &Path, records: &[Record]) {
    let (mut writer, _) = open_writer(path, OpenOptions::default());
    for record in records {
        let mut bytes = Vec::new();
        encode_record(record, &mut bytes);
        writer.append(&bytes).unwrap();
    }
    writer.close().unwrap();
}

#[test]
fn what_this_release_wrote_it_decides_alike() {
    let folder = Folder::new();
    let mut world = World::new(Some(&folder.journal()));
    world.fixture(FIXTURE);
    world.order("a", deposit(1, 42, 100_000));
    world.settle();
    for round in 0..20_u32 {
        let leg = world.leg(FIXTURE, "1x2", ["home", "draw", "away"][round as usize % 3]);
        world.order("a", ticket(100 + u128::from(round), 42, 100, vec![leg]));
        world.advance(1);
        match round {
            5 => world.incident(FIXTURE, "kick_off", 0, json!({})),
            12 => world.incident(FIXTURE, "goal", 600_000, json!({"side": "home"})),
            _ => world.ingest(json!({"type": "nonsense"})),
        }
        world.service.tick(world.now_ns, world.now_ns);
        world.settle();
    }
    world.service.close().unwrap();
    let report = redecide_journal(folder.journal()).unwrap();
    assert_eq!((report.difference_count, report.differences.first()), (0, None));
    assert!(report.is_sound() && report.record_count >= 30, "{}", report.record_count);
    assert_eq!(
        report.by_release.keys().collect::<Vec<_>>(),
        [RELEASE, "before the first release"],
        "the epoch comes first"
    );
}

/// A journal as another release would have written it: other defaults, another model, and a fact that this release would not
/// decide.
fn of_another_release() -> (Vec<Record>, Engine) {
    let models = ModelConfig::default();
    let mut other = models;
    other.football.first_half_share_e3 = 430;
    let mut engine = Engine::default();
    let mut records = Vec::new();
    let mut take = |body: Body, origin: Origin, change: &dyn Fn(&mut Record)| {
        // Decided by a release whose defaults are the others: it wrote them down.
        let spelt_out = match &body {
            Body::ReleaseStarted { release, config } => {
                let mut config = config.clone();
                config.sports = other.settings();
                Body::ReleaseStarted { release: release.clone(), config }
            }
            body => body.clone(),
        };
        let asked = |body| Command { time_ns: START_NS + records.len() as i64, origin: origin.clone(), body };
        let mut shadow = engine.clone();
        let facts = shadow.step(&asked(spelt_out)).facts;
        let mut record = Record { command: asked(body), facts };
        change(&mut record);
        engine.fold(&record).unwrap();
        records.push(record);
    };
    let runtime = Origin::default;
    take(Body::EpochStarted { epoch: 1 }, runtime(), &|_| {});
    let config = Box::default();
    take(Body::ReleaseStarted { release: "0.0.9".into(), config }, runtime(), &|_| {});
    for line in [
        json!({"type": "fixture", "fixture": FIXTURE, "sport": "football", "competition": "cup", "home": "Qatar",
            "away": "Ecuador", "start_ns": START_NS + 3_600_000_000_000_i64, "source": "scout", "seq": 1, "time_ns": START_NS}),
        json!({"type": "prices", "fixture": FIXTURE, "odds_1x2": [3.36, 3.63, 2.1], "total_line": 2.5,
            "odds_total": [2.04, 1.79], "source": "scout", "seq": 2, "time_ns": START_NS}),
    ] {
        let command = decode_ingest(line.to_string().as_bytes(), 0).unwrap().value;
        take(command.body, command.origin, &|_| {});
    }
    let deposit = MoneyRequest {
        transfer: TransferId(1),
        customer: CustomerId(42),
        amount_minor: 10_000,
        currency: Currency::EUR,
    };
    take(Body::Deposit(deposit), runtime(), &|_| {});
    for (ticket, is_other_model) in [(1, false), (2, true), (3, false)] {
        let leg = LegRequest {
            fixture: FixtureId(FIXTURE),
            selection: SelectionId::of("1x2", "home"),
            odds_e4: 20_000,
            version: OddsVersion { epoch: 1, seq: 1 },
        };
        let request = TicketRequest {
            ticket: TicketId(ticket),
            customer: CustomerId(42),
            currency: Currency::EUR,
            stake_minor: 1_000,
            odds_change: OddsChange::Any,
            legs: vec![leg],
            wishes: Default::default(),
            plan: None,
        };
        take(Body::PlaceTicket(Box::new(request)), runtime(), &|record| {
            for fact in record.facts.iter_mut().filter(|_| is_other_model) {
                let Fact::TicketDecided { ticket, .. } = fact else { continue };
                // Another model saw the home side a little stronger.
                let leg = &mut ticket.legs[0];
                leg.odds_e4 -= 500;
                leg.offered_odds_e4 -= 500;
                leg.fair_probability_e9 += 5_000_000;
            }
        });
    }
    // A release that told the desk more than this one does.
    take(Body::Tick { read_ns: 0 }, runtime(), &|record| {
        record.facts.push(Fact::Alerted {
            alert: "quarterly_report".into(),
            fixture: None,
            message: "due".into(),
        });
    });
    (records, engine)
}

#[test]
fn a_journal_of_another_release_opens_as_it_was_decided() {
    let folder = Folder::new();
    let (records, engine) = of_another_release();
    write(&folder.journal(), &records);
    let (replayed, _) = replay_engine(folder.journal()).unwrap();
    assert_eq!(replayed.state_hash(), engine.state_hash());
    assert_eq!(replayed.available_minor(CustomerId(42)), 7_000);
    let odds = |id| replayed.ticket(TicketId(id)).unwrap().legs[0].odds_e4;
    assert_eq!(odds(2), odds(1) - 500, "the odds are those of the release that took the bet");
    assert_eq!(replayed.tickets(), engine.tickets());
    let exposure = |engine: &Engine| {
        let fixture = engine.fixture(FixtureId(FIXTURE)).unwrap();
        (fixture.book.worst_minor(), engine.platform_loss_minor())
    };
    assert_eq!(exposure(&replayed).0, -exposure(&replayed).1);
    let football = |engine: &Engine| engine.config().sports[0].get("first_half_share_e3");
    assert_eq!(football(&replayed), Some(430), "its defaults stand as they were written down");

    // This release starts on it, and writes down its own from there on.
    let service = Service::start(options(Some(&folder.journal()))).unwrap();
    assert_eq!(service.engine().release(), RELEASE);
    assert_eq!(football(service.engine()), Some(450));
    assert_eq!(service.engine().available_minor(CustomerId(42)), 7_000);
    assert_eq!(service.engine().tickets(), engine.tickets());
    assert_eq!(exposure(service.engine()), exposure(&replayed));
}

#[test]
fn exactly_what_would_be_decided_otherwise_is_listed() {
    let folder = Folder::new();
    let (records, _) = of_another_release();
    write(&folder.journal(), &records);
    let report = redecide_journal(folder.journal()).unwrap();
    let listed: Vec<(u64, &str)> = report.differences.iter().map(|found| (found.seq, found.kind)).collect();
    // The defaults of the release, one price, one alert. Neither the bets beside it nor what followed.
    assert_eq!(listed, [(2, "release"), (7, "place_ticket"), (9, "tick")]);
    assert!(report.is_sound(), "another release may decide otherwise");
    assert_eq!(report.record_count, records.len() as u64);
    // The way to what differs first, and both values.
    assert_eq!(
        report.differences[1].recorded,
        "TicketDecided / ticket: Ticket / legs / Leg / offered_odds_e4: 33000,"
    );
    assert_eq!(
        report.differences[1].decided,
        "TicketDecided / ticket: Ticket / legs / Leg / offered_odds_e4: 33500,"
    );
    assert!(report.differences[2].recorded.contains("quarterly_report"), "{:?}", report.differences[2]);
    assert_eq!(report.differences[2].decided, "");
}

/// The same difference in a journal of this very release is damage.
#[test]
fn this_release_never_decides_otherwise() {
    let folder = Folder::new();
    let (mut records, _) = of_another_release();
    for record in &mut records {
        if let Body::ReleaseStarted { release, .. } = &mut record.command.body {
            *release = RELEASE.to_owned();
        }
        for fact in &mut record.facts {
            if let Fact::ReleaseStarted { release, .. } = fact {
                *release = RELEASE.to_owned();
            }
        }
    }
    write(&folder.journal(), &records);
    let report = redecide_journal(folder.journal()).unwrap();
    assert_eq!(report.own_difference_count, 3);
    assert!(!report.is_sound());
}
