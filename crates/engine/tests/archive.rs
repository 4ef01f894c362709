//! What is over leaves the hot state and comes back: the same live, folded and restored, and to the cent.

use std::collections::BTreeMap;

use oddsengine_engine::{
    Answer, Body, Command, Config, Engine, Fact, FixtureRequest, LegRequest, MoneyRequest, OddsChange,
    OddsVersion, Origin, Reason, Record, Ticket, TicketRequest, TicketState,
};
use oddsengine_markets::football::{FootballIncident, FootballIncidentKind as Kind, Side};
use oddsengine_markets::{Format, Incident, MarketId, SelectionId};
use oddsengine_types::{Currency, CustomerId, FixtureId, Grade, TicketId, TransferId};

const FIXTURE: FixtureId = FixtureId(1);
const CUSTOMER: CustomerId = CustomerId(1);
const HOUR_NS: i64 = 3_600_000_000_000;

/// An engine that decides, one that folds what it decided, and the archive.
struct World {
    live: Engine,
    folding: Engine,
    now_ns: i64,
    archive: BTreeMap<TicketId, Ticket>,
}

impl World {
    fn new() -> Self {
        let config = Config {
            bet_delay_ms: 0,
            archive_after_ms: 3_600_000,
            archive_refused_after_ms: 60_000,
            market_loss_minor_max: 1_000_000_000,
            fixture_loss_minor_max: 1_000_000_000,
            competition_loss_minor_max: 1_000_000_000,
            sport_loss_minor_max: 1_000_000_000,
            platform_loss_minor_max: 1_000_000_000,
            ..Config::default()
        };
        let engine = Engine::new(config).unwrap();
        let mut world =
            Self { live: engine.clone(), folding: engine, now_ns: HOUR_NS, archive: BTreeMap::new() };
        world.send(Body::EpochStarted { epoch: 1 });
        world.send(Body::Deposit(MoneyRequest {
            transfer: TransferId(1),
            customer: CUSTOMER,
            amount_minor: 1_000_000,
            currency: Currency::EUR,
        }));
        world.fixture(FIXTURE);
        world
    }

    fn send(&mut self, body: Body) -> (Answer, Vec<Fact>) {
        self.now_ns += 1_000;
        let command = Command { time_ns: self.now_ns, origin: Origin::default(), body };
        // An engine that was restored just before decides the same.
        let mut restored = Engine::restore(&self.live.snapshot()).unwrap();
        restored.price_changed();
        self.live.price_changed();
        let again = restored.step(&command);
        let decided = self.live.step(&command);
        assert_eq!(again, decided);
        let record = Record { command, facts: decided.facts };
        self.folding.fold(&record).unwrap();
        let archived = self.live.take_archived();
        assert_eq!(self.folding.take_archived(), archived);
        assert_eq!(self.live.state_hash(), self.folding.state_hash());
        assert_eq!(self.live.state_hash(), restored.state_hash());
        self.archive.extend(archived.into_iter().map(|ticket| (ticket.id, ticket)));
        (decided.answer, record.facts)
    }

    fn fixture(&mut self, fixture: FixtureId) {
        self.send(Body::AddFixture(Box::new(FixtureRequest {
            fixture,
            format: Format::FOOTBALL,
            competition: "cup".into(),
            start_ns: 0,
            home: "Alba".into(),
            away: "Bruma".into(),
            entrants: Vec::new(),
        })));
        self.send(Body::SetManualOdds {
            fixture,
            market: MarketId::of("1x2"),
            odds_e4: Some(vec![20_000, 30_000, 40_000]),
            keeps_in_play: true,
            override_by: String::new(),
        });
    }

    fn request(&self, id: u128, stake_minor: i64) -> TicketRequest {
        TicketRequest {
            ticket: TicketId(id),
            customer: CUSTOMER,
            currency: Currency::EUR,
            stake_minor,
            odds_change: OddsChange::Any,
            legs: vec![LegRequest {
                fixture: FIXTURE,
                selection: SelectionId::of("1x2", "home"),
                odds_e4: 20_000,
                version: OddsVersion { epoch: 1, seq: 1 },
            }],
            wishes: Default::default(),
            plan: None,
        }
    }

    fn place(&mut self, request: TicketRequest) -> Answer {
        self.send(Body::PlaceTicket(Box::new(request))).0
    }

    fn incident(&mut self, kind: Kind, clock_ms: i64) {
        let incident = Incident::Football(FootballIncident { kind, clock_ms, score_after: None });
        let (answer, _) = self.send(Body::Incident { fixture: FIXTURE, incident });
        assert_eq!(answer, Answer::Done, "{kind:?}");
    }

    /// The home side wins.
    fn play(&mut self) {
        self.incident(Kind::KickOff, 0);
        self.incident(Kind::Goal(Side::Home), 60_000);
        self.incident(Kind::HalfTime, 2_700_000);
        self.incident(Kind::SecondHalf, 2_700_000);
        self.incident(Kind::FullTime, 5_400_000);
    }

    fn settle_by_hand(&mut self, home: Grade, draw: Grade) {
        let (market, grades) = (MarketId::of("1x2"), Some(vec![home, draw, Grade::LOST]));
        assert_eq!(self.send(Body::SettleMarket { fixture: FIXTURE, market, grades }).0, Answer::Done);
    }

    /// Ticks until nothing is due.
    fn tick_all(&mut self) -> Vec<Fact> {
        let mut facts = Vec::new();
        while self.live.needs_tick(self.now_ns, self.now_ns) {
            facts.extend(self.send(Body::Tick { read_ns: self.now_ns }).1);
        }
        facts
    }

    fn recall(&mut self, ids: impl IntoIterator<Item = u128>) -> Answer {
        let tickets = ids.into_iter().map(|id| self.archive[&TicketId(id)].clone()).collect();
        self.send(Body::RecallTickets { tickets }).0
    }

    fn check(&self) {
        let mut folding = self.folding.clone();
        folding.price_changed();
        for (name, result) in folding.invariants() {
            assert_eq!(result, Ok(()), "{name}");
        }
    }
}

/// A state kept every ticket and every booking id for ever: 417 a second fill any memory. They leave an hour after the end in
/// bounded records, their places are taken by later tickets, and no money moves.
#[test]
fn tickets_leave_after_their_time_and_their_places_are_used_again() {
    let mut world = World::new();
    let count = 300;
    for id in 1..=count {
        let request = world.request(id, 100);
        world.place(request);
    }
    assert!(world.live.ledger().status(booking(1)).is_some());
    world.play();
    world.tick_all();
    let before = world.live.available_minor(CUSTOMER);
    assert_eq!(before, 1_000_000 + 100 * count as i64);
    let places = world.live.tickets().place_count();
    // Not a moment too soon.
    world.now_ns += HOUR_NS - 10_000_000;
    world.tick_all();
    assert!(world.archive.is_empty());
    world.now_ns += HOUR_NS;
    let facts = world.tick_all();
    let slices: Vec<usize> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::TicketsArchived { tickets } => Some(tickets.len()),
            _ => None,
        })
        .collect();
    assert_eq!(slices, [128, 128, 44]);
    assert_eq!((world.live.tickets().len(), world.archive.len()), (0, count as usize));
    assert_eq!((1..=count).filter_map(|id| world.live.ledger().status(booking(id))).count(), 0);
    assert_eq!(world.live.available_minor(CUSTOMER), before);
    assert_eq!(world.live.last_change_seq(), 2 * count as u64, "numbers go on where they were");
    world.check();
    // Refused, since the match is over: the first free place is taken.
    let request = world.request(1_000, 100);
    world.place(request);
    assert_eq!((world.live.tickets().len(), world.live.tickets().place_count()), (1, places));
    assert_eq!(world.live.last_change_seq(), 2 * count as u64 + 1);
    // A refused one leaves after a minute.
    world.now_ns += 61_000_000_000;
    world.tick_all();
    assert_eq!(world.live.tickets().len(), 0);
    world.check();
}

fn booking(ticket: u128) -> oddsengine_ledger::InstructionId {
    oddsengine_ledger::InstructionId::new(oddsengine_types::SourceId(2), ticket, 0)
}

/// A repeat of an id whose ticket had left would be booked a second time. After it was recalled it gets the same answer, and
/// another request under the id is refused; what is there already is recalled without effect.
#[test]
fn a_repeat_of_an_archived_id_is_never_booked_twice() {
    let mut world = World::new();
    let request = world.request(7, 100);
    world.place(request.clone());
    world.play();
    world.now_ns += 2 * HOUR_NS;
    world.tick_all();
    assert!(world.live.ticket(TicketId(7)).is_none());
    let available_minor = world.live.available_minor(CUSTOMER);
    assert_eq!(world.recall([7, 7]), Answer::Done);
    assert_eq!(world.recall([7]), Answer::Done);
    assert_eq!(world.live.counters().recalled_count, 1);
    assert_eq!(world.place(request), Answer::Ticket { ticket: TicketId(7), is_repeat: true });
    let other = world.request(7, 200);
    let refused = Answer::TicketRefused { ticket: TicketId(7), reason: Reason::IdHasAnotherBody };
    assert_eq!(world.place(other), refused);
    assert_eq!(world.live.available_minor(CUSTOMER), available_minor);
    assert_eq!(world.live.ticket(TicketId(7)).unwrap().state, TicketState::Settled);
    // It goes again after its time, and can be cancelled after another recall.
    world.now_ns += 2 * HOUR_NS;
    world.tick_all();
    assert!(world.live.ticket(TicketId(7)).is_none());
    world.recall([7]);
    assert_eq!(world.send(Body::CancelTicket { ticket: TicketId(7) }).0, Answer::Done);
    assert_eq!(world.live.available_minor(CUSTOMER), 1_000_000);
    world.check();
}

/// A result that is told a day late found no tickets to settle. The fixture says that it misses some until all are back, and
/// each is settled anew as it comes, to the cent, through restarts at every step.
#[test]
fn a_late_resettlement_reaches_what_is_in_the_archive() {
    let mut world = World::new();
    for id in 1..=100 {
        let request = world.request(id, 100 + id as i64);
        world.place(request);
    }
    world.play();
    world.tick_all();
    let staked: i64 = (1..=100).map(|id| 100 + id).sum();
    assert_eq!(world.live.available_minor(CUSTOMER), 1_000_000 + staked);
    world.now_ns += 2 * HOUR_NS;
    world.tick_all();
    assert_eq!((world.live.tickets().len(), world.live.recalls().count()), (0, 0));
    world.settle_by_hand(Grade::LOST, Grade::WON);
    assert_eq!(world.live.recalls().collect::<Vec<_>>(), [FIXTURE]);
    assert_eq!(world.recall(1..=60), Answer::Done);
    assert_eq!(world.live.recalls().count(), 1, "40 are missing");
    assert_eq!(world.recall(61..=100), Answer::Done);
    assert_eq!(world.live.recalls().count(), 0);
    world.tick_all();
    assert_eq!(world.live.available_minor(CUSTOMER), 1_000_000 - staked);
    assert!(world.live.tickets().iter().all(|ticket| ticket.settlement_count == 2 && ticket.paid_minor == 0));
    world.check();
    // And back, after they have left once more.
    world.now_ns += 2 * HOUR_NS;
    world.tick_all();
    world.settle_by_hand(Grade::WON, Grade::LOST);
    world.recall(1..=64);
    world.recall(65..=100);
    world.tick_all();
    assert_eq!(world.live.available_minor(CUSTOMER), 1_000_000 + staked);
    world.check();
}

/// What is not over stays, and is looked at again a whole time later instead of with every tick; what never left does not
/// come back, and a record has a bound.
#[test]
fn only_what_is_over_leaves_and_only_what_left_comes_back() {
    let mut world = World::new();
    let request = world.request(1, 100);
    world.place(request.clone());
    let open = world.live.ticket(TicketId(1)).unwrap().clone();
    // Graded by hand while the match goes on: settled, and its fixture is not closed.
    world.settle_by_hand(Grade::WON, Grade::LOST);
    world.now_ns += 2 * HOUR_NS;
    let facts = world.tick_all();
    assert!(facts.contains(&Fact::ArchivingPutOff { tickets: vec![TicketId(1)] }), "{facts:?}");
    assert!(world.archive.is_empty());
    let settled = world.live.ticket(TicketId(1)).unwrap().clone();
    for tickets in [
        vec![Ticket { id: TicketId(2), ..open }],
        vec![Ticket { id: TicketId(2), ..settled.clone() }],
        vec![settled; 513],
    ] {
        let (answer, _) = world.send(Body::RecallTickets { tickets });
        assert!(matches!(answer, Answer::Refused { reason: Reason::ValueOutOfBounds, .. }), "{answer:?}");
    }
    world.play();
    world.now_ns += 2 * HOUR_NS;
    world.tick_all();
    assert_eq!(world.archive.len(), 1);
    world.check();
}

/// 0 keeps everything, as before.
#[test]
fn nothing_leaves_where_the_time_is_zero() {
    let mut world = World::new();
    let config = Config { archive_after_ms: 0, archive_refused_after_ms: 0, ..world.live.config().clone() };
    world.send(Body::Configure(Box::new(config)));
    let request = world.request(1, 100);
    world.place(request);
    world.play();
    world.now_ns += 1_000 * HOUR_NS;
    world.tick_all();
    assert_eq!((world.live.tickets().len(), world.archive.len()), (1, 0));
    // Below a second what may not leave yet would be looked at by hundreds of records a second.
    for after_ms in [-1, 1, 999] {
        let config = Config { archive_after_ms: after_ms, ..world.live.config().clone() };
        let (answer, _) = world.send(Body::Configure(Box::new(config)));
        assert!(matches!(answer, Answer::Refused { reason: Reason::ValueOutOfBounds, .. }), "{answer:?}");
        let config = Config { archive_refused_after_ms: after_ms, ..world.live.config().clone() };
        let (answer, _) = world.send(Body::Configure(Box::new(config)));
        assert!(matches!(answer, Answer::Refused { reason: Reason::ValueOutOfBounds, .. }), "{answer:?}");
    }
    let config =
        Config { archive_after_ms: 1_000, archive_refused_after_ms: 1_000, ..world.live.config().clone() };
    let (answer, _) = world.send(Body::Configure(Box::new(config)));
    assert!(!matches!(answer, Answer::Refused { .. }), "{answer:?}");
}
