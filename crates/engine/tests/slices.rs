//! What a popular match leads to is decided slice by slice, each a record: folded and restored alike at every step.

use oddsengine_engine::{
    Body, Command, Engine, Fact, FixtureRequest, LegRequest, MoneyRequest, OddsChange, OddsVersion, Origin,
    Record, TicketRequest, TicketState, encode_record,
};
use oddsengine_markets::football::{FootballIncident, FootballIncidentKind as Kind, Side};
use oddsengine_markets::{Format, Incident, MarketId, SelectionId};
use oddsengine_types::{Currency, CustomerId, FixtureId, TicketId, TransferId};

const FIXTURE: FixtureId = FixtureId(1);
const BET_COUNT: u128 = 2_500;

struct Pair {
    live: Engine,
    folding: Engine,
    now_ns: i64,
}

impl Pair {
    /// One command: decided by one engine, folded by the other; how many tickets it paid, and the size of its record.
    fn send(&mut self, body: Body) -> (usize, usize) {
        self.now_ns += 1_000;
        let command = Command { time_ns: self.now_ns, origin: Origin::default(), body };
        let facts = self.live.step(&command).facts;
        let paid = facts.iter().filter(|fact| matches!(fact, Fact::TicketPaid { .. })).count();
        let record = Record { command, facts };
        self.folding.fold(&record).unwrap();
        let mut bytes = Vec::new();
        encode_record(&record, &mut bytes);
        (paid, bytes.len())
    }

    fn incident(&mut self, kind: Kind, clock_ms: i64) -> (usize, usize) {
        let incident = Incident::Football(FootballIncident { kind, clock_ms, score_after: None });
        self.send(Body::Incident { fixture: FIXTURE, incident })
    }
}

/// Full time of a match with 100,000 singles was one step of 332 ms, and would be one record of 33 MB.
#[test]
fn a_popular_match_is_settled_in_slices() {
    let mut pair = Pair { live: Engine::default(), folding: Engine::default(), now_ns: 0 };
    pair.send(Body::EpochStarted { epoch: 1 });
    pair.send(Body::AddFixture(Box::new(FixtureRequest {
        fixture: FIXTURE,
        format: Format::FOOTBALL,
        competition: "cup".into(),
        start_ns: 0,
        home: "Alba".into(),
        away: "Bruma".into(),
        entrants: Vec::new(),
    })));
    pair.send(Body::SetManualOdds {
        fixture: FIXTURE,
        market: MarketId::of("1x2"),
        odds_e4: Some(vec![20_000, 30_000, 40_000]),
        keeps_in_play: true,
        override_by: String::new(),
    });
    pair.send(Body::Deposit(MoneyRequest {
        transfer: TransferId(1),
        customer: CustomerId(1),
        amount_minor: 1_000_000,
        currency: Currency::EUR,
    }));
    for ticket in 1..=BET_COUNT {
        let leg = LegRequest {
            fixture: FIXTURE,
            selection: SelectionId::of("1x2", "home"),
            odds_e4: 20_000,
            version: OddsVersion { epoch: 1, seq: 1 },
        };
        pair.send(Body::PlaceTicket(Box::new(TicketRequest {
            ticket: TicketId(ticket),
            customer: CustomerId(1),
            currency: Currency::EUR,
            stake_minor: 100,
            odds_change: OddsChange::Any,
            legs: vec![leg],
        })));
    }
    assert_eq!(pair.live.counters().accepted_count, BET_COUNT as u64);
    pair.incident(Kind::KickOff, 0);
    pair.incident(Kind::Goal(Side::Home), 60_000);
    pair.incident(Kind::HalfTime, 2_700_000);
    pair.incident(Kind::SecondHalf, 2_700_000);
    let (paid, size) = pair.incident(Kind::FullTime, 5_400_000);
    assert!(pair.live.has_unsettled() && pair.live.needs_tick(pair.now_ns, i64::MIN));
    let (mut paid_in_all, mut slices) = (paid, 1);
    assert!((1..BET_COUNT as usize / 2).contains(&paid) && size < 1 << 20, "{paid} tickets in {size} bytes");
    while pair.live.has_unsettled() {
        // A process that ends here goes on where it was.
        let restored = Engine::restore(&pair.live.snapshot()).unwrap();
        assert!(restored.has_unsettled());
        assert_eq!(restored.state_hash(), pair.folding.state_hash());
        pair.live = restored;
        let (paid, size) = pair.send(Body::Tick { read_ns: i64::MIN });
        assert!(paid > 0 && size < 1 << 20, "{paid} tickets in {size} bytes");
        paid_in_all += paid;
        slices += 1;
    }
    assert_eq!((paid_in_all, slices), (BET_COUNT as usize, 3));
    assert!(!pair.folding.has_unsettled());
    assert_eq!(pair.live.state_hash(), pair.folding.state_hash());
    assert_eq!(pair.live.available_minor(CustomerId(1)), 1_000_000 + 100 * BET_COUNT as i64);
    assert!(pair.live.tickets().iter().all(|ticket| ticket.state == TicketState::Settled));
    // Books are put right when somebody reads them.
    pair.folding.price_changed();
    for (name, result) in pair.folding.invariants() {
        assert_eq!(result, Ok(()), "{name}");
    }
}
