//! What a popular match leads to is decided slice by slice, each a record: folded and restored alike at every step.

use std::collections::BTreeSet;

use oddsengine_engine::{
    Body, Channel, Command, Config, DECIDED_PER_RECORD, Engine, Fact, FixtureRequest, LIFTED_PER_HEARTBEAT,
    LegRequest, MoneyRequest, OddsChange, Origin, Reason, Record, SETTLED_AT_ONCE, SETTLED_PER_RECORD,
    STOPPED_PER_RECORD, Scope, ScopeSettings, Stop, TicketRequest, TicketState, WEIGHED_AT_ONCE,
    WEIGHED_PER_BET, WEIGHED_PER_RECORD, encode_record,
};
use oddsengine_markets::football::{FootballIncident, FootballIncidentKind as Kind, Side};
use oddsengine_markets::{Format, Incident, MarketId, SelectionId};
use oddsengine_types::{Currency, CustomerId, FixtureId, TicketId, TransferId};

const FIXTURE: FixtureId = FixtureId(1);
const BET_COUNT: u128 = 1_200;
const CUSTOMER: CustomerId = CustomerId(1);

/// Tickets that one record concerns at most: those it settles, pays after their delay, decides and weighs.
const TICKETS_PER_RECORD: usize = 2 * SETTLED_AT_ONCE + DECIDED_PER_RECORD + WEIGHED_AT_ONCE + 1;
/// Facts of a ticket at most: bookings, grades, payment, the delay of one and an alert.
const FACTS_PER_TICKET: usize = 5;

struct Pair {
    live: Engine,
    folding: Engine,
    now_ns: i64,
    ticket_count: u128,
}

impl Pair {
    fn new() -> Self {
        let config = Config {
            market_loss_minor_max: 1_000_000_000,
            fixture_loss_minor_max: 1_000_000_000,
            competition_loss_minor_max: 1_000_000_000,
            sport_loss_minor_max: 1_000_000_000,
            platform_loss_minor_max: 1_000_000_000,
            ..Config::default()
        };
        let engine = Engine::new(config).unwrap();
        let mut pair = Self { live: engine.clone(), folding: engine, now_ns: 0, ticket_count: 0 };
        pair.send(Body::EpochStarted { epoch: 1 });
        pair.send(Body::Deposit(MoneyRequest {
            transfer: TransferId(1),
            customer: CUSTOMER,
            amount_minor: 1_000_000,
            currency: Currency::EUR,
        }));
        pair
    }

    /// One command: decided by one engine, folded by the other; its facts, and the size of its record.
    fn decide(&mut self, body: Body) -> (Vec<Fact>, usize) {
        self.now_ns += 1_000;
        let command = Command { time_ns: self.now_ns, origin: Origin::default(), body };
        let facts = self.live.step(&command).facts;
        let record = Record { command, facts };
        self.folding.fold(&record).unwrap();
        let mut bytes = Vec::new();
        encode_record(&record, &mut bytes);
        let concerned = tickets_in(&record.facts);
        assert!(concerned.len() <= TICKETS_PER_RECORD, "{} tickets in one record", concerned.len());
        let count = record.facts.len();
        let starts = matches!(record.command.body, Body::EpochStarted { .. });
        assert!(
            starts || count <= 16 + 2 * STOPPED_PER_RECORD + FACTS_PER_TICKET * concerned.len(),
            "{count} facts of {} tickets",
            concerned.len()
        );
        (record.facts, bytes.len())
    }

    /// The same; how many tickets it paid, and the size of its record.
    fn send(&mut self, body: Body) -> (usize, usize) {
        let (facts, size) = self.decide(body);
        (facts.iter().filter(|fact| matches!(fact, Fact::TicketPaid { .. })).count(), size)
    }

    /// A tick, by an engine that was restored just before: it decides what the one that went on decides.
    fn tick_restored(&mut self, read_ns: i64) -> Vec<Fact> {
        let mut restored = Engine::restore(&self.live.snapshot()).unwrap();
        assert_eq!(restored.has_due_work(), self.live.has_due_work());
        restored.price_changed();
        self.live.price_changed();
        let body = Body::Tick { read_ns };
        let command = Command { time_ns: self.now_ns + 1_000, origin: Origin::default(), body: body.clone() };
        let again = restored.step(&command).facts;
        let (facts, _) = self.decide(body);
        assert_eq!(again, facts);
        assert_eq!(restored.state_hash(), self.live.state_hash());
        assert_eq!(self.folding.state_hash(), self.live.state_hash());
        facts
    }

    fn incident(&mut self, kind: Kind, clock_ms: i64) -> (usize, usize) {
        self.incident_of(FIXTURE, kind, clock_ms)
    }

    fn incident_of(&mut self, fixture: FixtureId, kind: Kind, clock_ms: i64) -> (usize, usize) {
        let incident = Incident::Football(FootballIncident { kind, clock_ms, score_after: None });
        self.send(Body::Incident { fixture, incident })
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
    }

    fn by_hand(&mut self, fixture: FixtureId) {
        self.priced(fixture, "1x2", vec![20_000, 30_000, 40_000]);
    }

    fn priced(&mut self, fixture: FixtureId, market: &str, odds_e4: Vec<u32>) {
        self.send(Body::SetManualOdds {
            fixture,
            market: MarketId::of(market),
            odds_e4: Some(odds_e4),
            keeps_in_play: true,
            override_by: String::new(),
        });
    }

    /// A ticket on these fixtures: on home, at whatever odds.
    fn place(&mut self, fixtures: &[FixtureId]) {
        self.place_on(fixtures, SelectionId::of("1x2", "home"));
    }

    fn place_on(&mut self, fixtures: &[FixtureId], selection: SelectionId) {
        self.ticket_count += 1;
        let leg = |&fixture: &FixtureId| LegRequest {
            fixture,
            selection,
            odds_e4: 20_000,
            version: self.live.version(self.live.fixture(fixture).unwrap()),
        };
        let legs = fixtures.iter().map(leg).collect();
        self.send(Body::PlaceTicket(Box::new(TicketRequest {
            ticket: TicketId(self.ticket_count),
            customer: CUSTOMER,
            currency: Currency::EUR,
            stake_minor: 100,
            odds_change: OddsChange::Any,
            legs,
            wishes: Default::default(),
            plan: None,
        })));
    }

    fn check(&mut self) {
        self.folding.price_changed();
        for (name, result) in self.folding.invariants() {
            assert_eq!(result, Ok(()), "{name}");
        }
    }
}

fn tickets_in(facts: &[Fact]) -> BTreeSet<TicketId> {
    let mut found = BTreeSet::new();
    for fact in facts {
        match fact {
            Fact::TicketDecided { ticket, .. } => drop(found.insert(ticket.id)),
            Fact::LegsGraded { ticket, .. }
            | Fact::DelayEnded { ticket }
            | Fact::TicketHeld { ticket, .. }
            | Fact::TicketPaid { ticket, .. }
            | Fact::TicketReopened { ticket }
            | Fact::PaymentDue { ticket, .. }
            | Fact::TicketStuck { ticket } => drop(found.insert(*ticket)),
            Fact::Weighed { weights } | Fact::WeighingAdvanced { weights, .. } => {
                found.extend(weights.iter().map(|weight| weight.ticket));
            }
            _ => {}
        }
    }
    found
}

/// Full time of a match with 100,000 singles was one step of 332 ms, and would be one record of 33 MB.
#[test]
fn a_popular_match_is_settled_in_slices() {
    let mut pair = Pair::new();
    pair.fixture(FIXTURE);
    pair.by_hand(FIXTURE);
    for _ in 0..BET_COUNT {
        pair.place(&[FIXTURE]);
    }
    assert_eq!(pair.live.counters().accepted_count, BET_COUNT as u64);
    pair.incident(Kind::KickOff, 0);
    pair.incident(Kind::Goal(Side::Home), 60_000);
    pair.incident(Kind::HalfTime, 2_700_000);
    pair.incident(Kind::SecondHalf, 2_700_000);
    let (paid, size) = pair.incident(Kind::FullTime, 5_400_000);
    assert!(pair.live.has_unsettled() && pair.live.needs_tick(pair.now_ns, i64::MIN));
    let (mut paid_in_all, mut slices) = (paid, 1);
    assert!((1..BET_COUNT as usize / 2).contains(&paid) && size < 1 << 16, "{paid} tickets in {size} bytes");
    while pair.live.has_unsettled() {
        // A process that ends here goes on where it was.
        let restored = Engine::restore(&pair.live.snapshot()).unwrap();
        assert!(restored.has_unsettled());
        assert_eq!(restored.state_hash(), pair.folding.state_hash());
        pair.live = restored;
        let (paid, size) = pair.send(Body::Tick { read_ns: i64::MIN });
        assert!(paid <= SETTLED_PER_RECORD && size < 1 << 13, "{paid} tickets in {size} bytes");
        paid_in_all += paid;
        slices += 1;
    }
    assert_eq!(
        (paid_in_all, slices),
        (BET_COUNT as usize, (BET_COUNT as usize).div_ceil(SETTLED_PER_RECORD))
    );
    assert!(!pair.folding.has_unsettled());
    assert_eq!(pair.live.state_hash(), pair.folding.state_hash());
    assert_eq!(pair.live.available_minor(CUSTOMER), 1_000_000 + 100 * BET_COUNT as i64);
    assert!(pair.live.tickets().iter().all(|ticket| ticket.state == TicketState::Settled));
    pair.check();
}

/// The head of an image is encoded while the engine waits, and named every ticket whose payment waited: 200,000 of a popular
/// match. They stand in pages now, which another thread encodes.
#[test]
fn tickets_that_wait_for_their_payment_are_no_part_of_the_head() {
    let mut pair = Pair::new();
    pair.send(Body::Configure(Box::new(Config {
        settlement_delay_ms: 60_000,
        ..pair.live.config().clone()
    })));
    pair.fixture(FIXTURE);
    pair.priced(FIXTURE, "total:0.5", vec![20_000, 18_000]);
    for _ in 0..BET_COUNT {
        pair.place_on(&[FIXTURE], SelectionId::of("total:0.5", "over"));
    }
    pair.incident(Kind::KickOff, 0);
    let head_size = |engine: &Engine| {
        let mut bytes = Vec::new();
        engine.image().parts().next().unwrap().encode_part(&mut bytes);
        bytes.len()
    };
    let before = head_size(&pair.live);
    pair.incident(Kind::Goal(Side::Home), 60_000);
    assert!(head_size(&pair.live) < before + 128, "graded and not settled: {}", head_size(&pair.live));
    while pair.live.has_unsettled() {
        pair.tick_restored(i64::MIN);
    }
    assert!(pair.live.next_due_ns().is_some(), "payments wait");
    assert!(head_size(&pair.live) < before + 128, "decided and not paid: {}", head_size(&pair.live));
    pair.now_ns += 60_000_000_000;
    while pair.live.next_due_ns().is_some() {
        pair.tick_restored(i64::MAX);
    }
    assert_eq!(pair.live.available_minor(CUSTOMER), 1_000_000 + 100 * BET_COUNT as i64);
    pair.check();
}

/// A goal that is taken back while its bets are still being settled: those that were paid give it back, the others are
/// looked at once more and left as they are, and a restart at any place among them changes nothing. A place that was kept
/// from the goal would have left the first ones paid.
#[test]
fn a_result_taken_back_in_the_middle_of_its_settlement_starts_over() {
    let mut pair = Pair::new();
    pair.fixture(FIXTURE);
    pair.by_hand(FIXTURE);
    for _ in 0..BET_COUNT {
        pair.place(&[FIXTURE]);
    }
    pair.incident(Kind::KickOff, 0);
    let void = |void| Body::VoidFixture { fixture: FIXTURE, void };
    pair.send(void(oddsengine_engine::VoidKind::Everything));
    for _ in 0..5 {
        pair.tick_restored(i64::MIN);
    }
    let paid = pair.live.counters().settlement_count;
    assert!(paid > 0 && paid < BET_COUNT as u64 / 2, "{paid}");
    pair.send(void(oddsengine_engine::VoidKind::Nothing));
    let mut steps = 0;
    while pair.live.has_due_work() {
        pair.tick_restored(i64::MIN);
        steps += 1;
    }
    assert_eq!(steps, BET_COUNT.div_ceil(SETTLED_PER_RECORD as u128) - 1);
    assert_eq!(pair.live.counters().rollback_count, paid);
    assert!(pair.live.tickets().iter().all(|ticket| ticket.state == TicketState::Open));
    assert_eq!(pair.live.available_minor(CUSTOMER), 1_000_000 - 100 * BET_COUNT as i64);
    pair.check();
}

/// Bets whose delay ends at the same time were all decided in one step, 1,024 of them in 30 ms. Now 16 are, and whoever
/// starts in between decides the rest alike.
#[test]
fn delays_that_end_together_are_decided_a_few_at_a_time() {
    let mut pair = Pair::new();
    pair.fixture(FIXTURE);
    pair.by_hand(FIXTURE);
    let delay = ScopeSettings { bet_delay_ms: Some(1_000), ..ScopeSettings::default() };
    pair.send(Body::SetScope { scope: Scope::Fixture(FIXTURE), settings: delay });
    pair.incident(Kind::KickOff, 0);
    for _ in 0..100 {
        pair.place(&[FIXTURE]);
    }
    assert_eq!(pair.live.next_due_ns().map(|due_ns| due_ns > pair.now_ns), Some(true));
    pair.now_ns += 2_000_000_000;
    let mut steps = 0;
    while pair.live.next_due_ns().is_some() {
        let decided = tickets_in(&pair.tick_restored(i64::MAX)).len();
        assert!((1..=DECIDED_PER_RECORD).contains(&decided), "{decided}");
        steps += 1;
    }
    assert_eq!(steps, 100_usize.div_ceil(DECIDED_PER_RECORD));
    assert_eq!(pair.live.counters().accepted_count, 100);
    pair.check();
}

/// Every open accumulator on all matches that had moved was weighed in one step. Now a pass goes on where it was, also
/// after a restart, and what moves meanwhile waits for the next one.
#[test]
fn accumulators_are_weighed_a_slice_at_a_time() {
    let mut pair = Pair::new();
    let fixtures = [1, 2, 3].map(FixtureId);
    for fixture in fixtures {
        pair.fixture(fixture);
        pair.send(Body::SetExpectation {
            fixture,
            supremacy_e6: 300_000,
            total_e6: 2_600_000,
            mode: None,
            weight_e3: 0,
        });
    }
    for index in 0..600 {
        // On the first and the second, or the second and the third.
        pair.place(&fixtures[index % 2..index % 2 + 2]);
    }
    assert_eq!(pair.live.counters().accepted_count, 600);
    pair.now_ns += 1_000_000_000;
    while pair.live.needs_tick(pair.now_ns, i64::MIN) {
        pair.tick_restored(i64::MIN);
    }
    let weights = |pair: &Pair| -> Vec<Vec<i64>> {
        let of = |ticket: &oddsengine_engine::Ticket| ticket.legs.iter().map(|leg| leg.unit_minor).collect();
        pair.live.tickets().iter().map(of).collect()
    };
    let before = weights(&pair);
    for fixture in fixtures {
        pair.send(Body::SetExpectation {
            fixture,
            supremacy_e6: -500_000,
            total_e6: 2_900_000,
            mode: None,
            weight_e3: 0,
        });
    }
    pair.now_ns += 1_000_000_000;
    let first = tickets_in(&pair.tick_restored(i64::MIN));
    assert_eq!(first.len(), WEIGHED_PER_RECORD);
    assert!(pair.live.has_due_work());
    // What moves meanwhile is not forgotten at the end of the pass.
    pair.send(Body::SetExpectation {
        fixture: fixtures[0],
        supremacy_e6: 900_000,
        total_e6: 2_900_000,
        mode: None,
        weight_e3: 0,
    });
    let mut steps = 1;
    while pair.live.has_due_work() {
        pair.tick_restored(i64::MIN);
        steps += 1;
    }
    // 300, 600 and 300 places of accumulators.
    assert_eq!(steps, 1_200_usize.div_ceil(WEIGHED_PER_RECORD));
    pair.now_ns += 1_000_000_000;
    while pair.live.needs_tick(pair.now_ns, i64::MIN) {
        pair.tick_restored(i64::MIN);
    }
    assert!(weights(&pair).iter().zip(&before).all(|(now, then)| now != then));
    // As one who weighs all of them at once would have it: nothing is left to say.
    let all = pair.live.tickets().iter().filter(|ticket| ticket.state == TicketState::Open).count();
    assert_eq!(all, 600);
    pair.check();
}

/// A bet weighed a slice of a pass and was judged, and nothing said that the pass ends where bets come and no ticks do. Each
/// carries it on, no limit is exceeded on the books as they are weighed meanwhile, and a pass of few accumulators is over
/// before the bet is judged.
#[test]
fn bets_carry_a_pass_over_accumulators_on() {
    let mut pair = Pair::new();
    let fixtures = [1, 2, 3].map(FixtureId);
    for fixture in fixtures {
        pair.fixture(fixture);
        pair.send(Body::SetExpectation {
            fixture,
            supremacy_e6: 300_000,
            total_e6: 2_600_000,
            mode: None,
            weight_e3: 0,
        });
    }
    let move_all = |pair: &mut Pair, supremacy_e6| {
        for fixture in fixtures {
            pair.send(Body::SetExpectation {
                fixture,
                supremacy_e6,
                total_e6: 2_900_000,
                mode: None,
                weight_e3: 0,
            });
        }
        pair.now_ns += 1_000_000_000;
    };
    for _ in 0..WEIGHED_AT_ONCE / 2 {
        pair.place(&fixtures[..2]);
    }
    while pair.live.needs_tick(pair.now_ns, i64::MIN) {
        pair.send(Body::Tick { read_ns: i64::MIN });
    }
    move_all(&mut pair, -200_000);
    pair.place(&fixtures[2..]);
    assert!(!pair.live.weighs_accumulators_now(), "few are weighed before the bet is judged");
    for _ in 0..600 {
        pair.place(&fixtures[1..]);
    }
    while pair.live.needs_tick(pair.now_ns, i64::MIN) {
        pair.send(Body::Tick { read_ns: i64::MIN });
    }
    move_all(&mut pair, -500_000);
    // 64, 664 and 600 places of accumulators.
    let places = 2 * (WEIGHED_AT_ONCE / 2 + 600);
    let mut bets = 0;
    loop {
        pair.place(&fixtures[2..]);
        bets += 1;
        if bets % 8 == 0 {
            pair.check();
        }
        if !pair.live.weighs_accumulators_now() {
            break;
        }
        assert!(bets < places.div_ceil(WEIGHED_PER_BET), "the pass ends");
    }
    assert_eq!(bets, places.div_ceil(WEIGHED_PER_BET));
}

/// Fixtures whose feed fell silent were all stopped in one step, each with an alert, and finding out that a fixture's trading
/// had been touched walked all those before it: a source with 10,000 fixtures in play held everybody up. Now a step stops 64,
/// whoever looked at them before; on the others nothing is sold meanwhile.
#[test]
fn a_silent_source_is_stopped_some_fixtures_a_step_and_sells_nothing_meanwhile() {
    const COUNT: usize = 200;
    let mut pair = Pair::new();
    let silence =
        ScopeSettings { feed_silence_ms: Some(1_000), bet_delay_ms: Some(0), ..ScopeSettings::default() };
    pair.send(Body::SetScope { scope: Scope::Sport(oddsengine_types::SportId(0)), settings: silence });
    let fixtures: Vec<FixtureId> = (1..=COUNT as u64).map(FixtureId).collect();
    for &fixture in &fixtures {
        pair.fixture(fixture);
        pair.by_hand(fixture);
        pair.incident_of(fixture, Kind::KickOff, 0);
    }
    // The first half is heard once more, so that who was looked at last is not who is due first.
    for &fixture in &fixtures[..COUNT / 2] {
        pair.now_ns += 1_000_000;
        pair.incident_of(fixture, Kind::Clock, 1_000);
    }
    let stopped =
        |facts: &[Fact]| facts.iter().filter(|fact| matches!(fact, Fact::StopsChanged { .. })).count();
    pair.now_ns += 5_000_000_000;
    let mut steps = Vec::new();
    while steps.iter().sum::<usize>() < COUNT {
        let restored = Engine::restore(&pair.live.snapshot()).unwrap();
        let before = pair.live.clone();
        let (facts, _) = pair.decide(Body::Tick { read_ns: i64::MIN });
        let time_ns = pair.now_ns;
        for mut other in [restored, before] {
            let again =
                Command { time_ns, origin: Origin::default(), body: Body::Tick { read_ns: i64::MIN } };
            assert_eq!(other.step(&again).facts, facts, "whoever was restored, or not, stops the same");
        }
        steps.push(stopped(&facts));
        let left: Vec<FixtureId> = fixtures
            .iter()
            .copied()
            .filter(|&fixture| !pair.live.fixture(fixture).unwrap().stops.has(Stop::Silence))
            .collect();
        assert_eq!(pair.live.has_due_work(), !left.is_empty() || steps.len() * STOPPED_PER_RECORD == COUNT);
        if let Some(&open) = left.last() {
            // The bet's own step stops some more; its fixture is not sold whether or not it is among them.
            let accepted = pair.live.counters().accepted_count;
            let mut asked = pair.live.clone();
            std::mem::swap(&mut asked, &mut pair.live);
            let before_bets = pair.folding.clone();
            pair.place(&[open]);
            assert_eq!(pair.live.counters().accepted_count, accepted);
            let ticket = pair.live.tickets().iter().last().unwrap();
            assert_eq!(ticket.state, TicketState::Refused(Reason::FixtureSuspended));
            (pair.live, pair.folding) = (asked, before_bets);
        }
    }
    assert_eq!(
        steps,
        [STOPPED_PER_RECORD, STOPPED_PER_RECORD, STOPPED_PER_RECORD, COUNT % STOPPED_PER_RECORD]
    );
}

/// Each sign of life of a source walked all fixtures, and brought all of them back in one step. It looks at those alone that
/// wait for one, and brings back so many.
#[test]
fn a_sign_of_life_brings_back_some_fixtures() {
    let mut pair = Pair::new();
    let count = LIFTED_PER_HEARTBEAT as u64 + 20;
    let mut seq = 0;
    let mut say = |pair: &mut Pair, body: Body| {
        seq += 1;
        pair.now_ns += 1_000;
        let origin = Origin {
            channel: Channel::Feed,
            source: "scout".into(),
            seq: Some(seq),
            source_ns: pair.now_ns,
            ..Origin::default()
        };
        let command = Command { time_ns: pair.now_ns, origin, body };
        let facts = pair.live.step(&command).facts;
        pair.folding.fold(&Record { command, facts: facts.clone() }).unwrap();
        facts.iter().filter(|fact| matches!(fact, Fact::StopsChanged { .. })).count()
    };
    for fixture in (1..=count).map(FixtureId) {
        pair.fixture(fixture);
        let kick_off = FootballIncident { kind: Kind::KickOff, clock_ms: 0, score_after: None };
        say(&mut pair, Body::Incident { fixture, incident: Incident::Football(kick_off) });
    }
    pair.send(Body::EpochStarted { epoch: 2 });
    let waits =
        |pair: &Pair| pair.live.fixtures().iter().filter(|fixture| fixture.stops.has(Stop::Restart)).count();
    assert_eq!(waits(&pair), count as usize);
    assert_eq!(say(&mut pair, Body::Heartbeat), LIFTED_PER_HEARTBEAT);
    // After a restart in the middle as well.
    pair.live = Engine::restore(&pair.live.snapshot()).unwrap();
    assert_eq!(say(&mut pair, Body::Heartbeat), 20);
    assert_eq!((waits(&pair), say(&mut pair, Body::Heartbeat)), (0, 0));
    assert_eq!(pair.live.state_hash(), pair.folding.state_hash());
}
