//! What is void or cancelled of many tickets at once and comes back, results that are not sure or corrected, reviews, second
//! persons, and bets that came after what decides them.

use oddsengine_engine::{
    AnnulmentEffect, AnnulmentRequest, Answer, Body, Certainty, Channel, Command, Config, CorrectionRule,
    Engine, Fact, FixtureRequest, HouseRules, LegRequest, MoneyRequest, OddsChange, OddsVersion, Origin,
    Principal, Reason, Record, ResultTold, SettlementConfig, TicketState,
};
use oddsengine_markets::{Format, MarketId, SelectionId};
use oddsengine_types::{AccountKind, Currency, CustomerId, FixtureId, Grade, TicketId, TransferId};

const WON: [Grade; 3] = [Grade::WON, Grade::LOST, Grade::LOST];
const LOST: [Grade; 3] = [Grade::LOST, Grade::WON, Grade::LOST];
const CUSTOMERS: u64 = 4;
const SECOND_NS: i64 = 1_000_000_000;

struct World {
    engine: Engine,
    /// Folds what the other decides, and decides nothing.
    folded: Engine,
    now_ns: i64,
    alerts: Vec<String>,
}

impl World {
    fn new(settlement: SettlementConfig) -> Self {
        let config = Config {
            market_loss_minor_max: 1_000_000_000,
            fixture_loss_minor_max: 1_000_000_000,
            competition_loss_minor_max: 1_000_000_000,
            sport_loss_minor_max: 1_000_000_000,
            platform_loss_minor_max: 1_000_000_000,
            bet_delay_ms: 0,
            settlement,
            ..Config::default()
        };
        let engine = Engine::new(config).unwrap();
        let mut world =
            Self { folded: engine.clone(), engine, now_ns: 1_000 * SECOND_NS, alerts: Vec::new() };
        world.send(Body::EpochStarted { epoch: 1 });
        for fixture in (1..=3).map(FixtureId) {
            world.send(Body::AddFixture(Box::new(FixtureRequest {
                fixture,
                format: Format::FOOTBALL,
                competition: "cup".into(),
                start_ns: 1_000_000 * SECOND_NS,
                home: "Alba".into(),
                away: "Bruma".into(),
                entrants: Vec::new(),
            })));
            world.send(Body::SetManualOdds {
                fixture,
                market: one_x_two(),
                odds_e4: Some(vec![20_000, 30_000, 40_000]),
                keeps_in_play: true,
                override_by: "test".into(),
            });
        }
        for customer in 1..=CUSTOMERS {
            world.send(Body::Deposit(money(u128::from(customer), customer, 100_000)));
        }
        world
    }

    fn send_by(&mut self, origin: Origin, body: Body) -> Answer {
        self.now_ns += SECOND_NS;
        let command = Command { time_ns: self.now_ns, origin, body };
        let decided = self.engine.step(&command);
        for fact in &decided.facts {
            if let Fact::Alerted { alert, message, .. } = fact {
                self.alerts.push(format!("{alert}: {message}"));
            }
        }
        self.engine.price_changed();
        self.folded.fold(&Record { command, facts: decided.facts }).unwrap();
        decided.answer
    }

    fn send(&mut self, body: Body) -> Answer {
        self.send_by(Origin::default(), body)
    }

    /// By the desk, in the name of a key.
    fn desk(&mut self, key: &str, body: Body) -> Answer {
        self.send_by(of_key(key), body)
    }

    fn bet(&mut self, ticket: u128, customer: u64, stake_minor: i64, legs: &[(u64, &str)]) {
        let version = OddsVersion { epoch: 1, seq: 1 };
        let leg = |&(fixture, selection): &(u64, &str)| LegRequest {
            fixture: FixtureId(fixture),
            selection: SelectionId::of("1x2", selection),
            odds_e4: 20_000,
            version,
        };
        self.send(Body::PlaceTicket(Box::new(oddsengine_engine::TicketRequest {
            ticket: TicketId(ticket),
            customer: CustomerId(customer),
            currency: Currency::EUR,
            stake_minor,
            odds_change: OddsChange::Any,
            legs: legs.iter().map(leg).collect(),
            plan: None,
            wishes: Default::default(),
        })));
        assert_eq!(self.state(ticket), TicketState::Open);
    }

    fn settle(&mut self, fixture: u64, grades: Option<[Grade; 3]>) -> Answer {
        self.send(settling(fixture, grades))
    }

    fn state(&self, ticket: u128) -> TicketState {
        self.engine.ticket(TicketId(ticket)).expect("the ticket is known").state
    }

    fn paid(&self, ticket: u128) -> i64 {
        self.engine.ticket(TicketId(ticket)).expect("the ticket is known").paid_minor
    }

    /// What a customer has, less what they owe.
    fn net(&self, customer: u64) -> i64 {
        let customer = CustomerId(customer);
        self.engine.available_minor(customer) - self.engine.owed_minor(customer)
    }

    fn nets(&self) -> Vec<i64> {
        (1..=CUSTOMERS).map(|customer| self.net(customer)).collect()
    }

    fn goodwill(&self) -> i64 {
        self.engine.ledger().balance_of(AccountKind::Goodwill, Currency::EUR).posted_minor
    }

    fn tick(&mut self) {
        let read_ns = self.now_ns + SECOND_NS;
        self.send(Body::Tick { read_ns });
    }

    fn work_off(&mut self) -> usize {
        let mut count = 0;
        while self.engine.has_due_work() {
            count += 1;
            assert!(count < 100_000, "work does not end");
            self.tick();
        }
        count
    }

    fn check(&self) {
        for (name, result) in self.engine.invariants() {
            result.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        let restored = Engine::restore(&self.engine.snapshot()).expect("a snapshot is read back");
        assert_eq!(restored.state_hash(), self.engine.state_hash());
        assert_eq!(self.folded.state_hash(), self.engine.state_hash());
    }
}

fn one_x_two() -> MarketId {
    MarketId::of("1x2")
}

fn of_key(key: &str) -> Origin {
    Origin {
        source: "desk".into(),
        channel: Channel::Desk,
        principal: Principal::of_key(key),
        ..Origin::default()
    }
}

fn money(transfer: u128, customer: u64, amount_minor: i64) -> MoneyRequest {
    let (transfer, customer) = (TransferId(transfer), CustomerId(customer));
    MoneyRequest { transfer, customer, amount_minor, currency: Currency::EUR }
}

fn settling(fixture: u64, grades: Option<[Grade; 3]>) -> Body {
    let grades = grades.map(|grades| grades.to_vec());
    Body::SettleMarket { fixture: FixtureId(fixture), market: one_x_two(), grades }
}

fn told(fixture: u64, grades: [Grade; 3], certainty: Certainty) -> ResultTold {
    ResultTold {
        fixture: FixtureId(fixture),
        market: one_x_two(),
        grades: grades.to_vec(),
        certainty,
        ..ResultTold::default()
    }
}

fn annulment(id: u128, effect: AnnulmentEffect) -> AnnulmentRequest {
    AnnulmentRequest { annulment: id, effect, why: "a test".into(), ..AnnulmentRequest::default() }
}

fn annul(request: &AnnulmentRequest) -> Body {
    Body::Annul(Box::new(request.clone()))
}

fn is_refused(answer: &Answer, expected: Reason) -> bool {
    matches!(answer, Answer::Refused { reason, .. } if *reason == expected)
}

// A void of legs and a cancellation of tickets are different things: of a double at 2.00 x 2.00 whose first leg is void the
// second pays at 2.00; cancelled, the stake of 1,000 goes back whatever the second leg did.
#[test]
fn a_window_voids_legs_or_cancels_tickets_and_gives_back_exactly_what_it_took() {
    for effect in AnnulmentEffect::ALL {
        let mut world = World::new(SettlementConfig::default());
        world.bet(1, 1, 1_000, &[(1, "home")]);
        let from_ns = world.now_ns + 1;
        world.bet(2, 2, 1_000, &[(1, "home"), (2, "home")]);
        world.bet(3, 2, 500, &[(1, "home")]);
        let until_ns = world.now_ns + 1;
        world.bet(4, 3, 1_000, &[(1, "home")]);
        world.bet(5, 3, 1_000, &[(2, "home")]);
        world.settle(1, Some(WON));
        world.settle(2, Some(WON));
        let once = world.nets();
        assert_eq!(once, [101_000, 103_500, 102_000, 100_000]);
        let request = AnnulmentRequest {
            fixture: Some(FixtureId(1)),
            market: Some(one_x_two()),
            from_ns: Some(from_ns),
            until_ns: Some(until_ns),
            ..annulment(1, effect)
        };
        assert_eq!(world.send(annul(&request)), Answer::Done);
        world.check();
        match effect {
            AnnulmentEffect::VoidLegs => {
                assert_eq!(world.nets(), [101_000, 101_000, 102_000, 100_000]);
                assert_eq!((world.paid(2), world.state(2)), (2_000, TicketState::Settled));
                assert_eq!((world.paid(3), world.state(3)), (500, TicketState::Settled));
            }
            AnnulmentEffect::CancelTickets => {
                assert_eq!(world.nets(), [101_000, 100_000, 102_000, 100_000]);
                assert_eq!([2, 3].map(|ticket| world.state(ticket)), [TicketState::Cancelled; 2]);
            }
        }
        // The same order once more changes nothing, another under its id is refused.
        let before = (world.nets(), world.engine.counters().settlement_count);
        assert_eq!(world.send(annul(&request)), Answer::Done);
        let other = AnnulmentRequest { until_ns: Some(until_ns - 1), ..request.clone() };
        assert!(is_refused(&world.send(annul(&other)), Reason::IdHasAnotherBody));
        assert_eq!((world.nets(), world.engine.counters().settlement_count), before);
        // Taken back twice: the second time gets the first answer and moves nothing (case M02).
        for _ in 0..2 {
            assert_eq!(world.send(Body::TakeBackAnnulment { annulment: 1 }), Answer::Done);
            assert_eq!(world.nets(), once);
        }
        let unknown = world.send(Body::TakeBackAnnulment { annulment: 2 });
        assert!(is_refused(&unknown, Reason::AnnulmentNotFound));
        world.check();
    }
}

// What two windows cover stays void while one of them stands: a rollback of the first gave the bet back, though the second
// voided it as well.
#[test]
fn what_two_annulments_cover_comes_back_with_the_second_alone() {
    let mut world = World::new(SettlementConfig::default());
    world.bet(1, 1, 1_000, &[(1, "home")]);
    world.settle(1, Some(WON));
    let of_fixture =
        AnnulmentRequest { fixture: Some(FixtureId(1)), ..annulment(1, AnnulmentEffect::CancelTickets) };
    let of_customer =
        AnnulmentRequest { customer: Some(CustomerId(1)), ..annulment(2, AnnulmentEffect::CancelTickets) };
    world.send(annul(&of_fixture));
    world.send(annul(&of_customer));
    world.send(Body::TakeBackAnnulment { annulment: 1 });
    assert_eq!((world.state(1), world.net(1)), (TicketState::Cancelled, 100_000));
    world.send(Body::TakeBackAnnulment { annulment: 2 });
    assert_eq!((world.state(1), world.net(1)), (TicketState::Settled, 101_000));
    // What the operator cancelled by itself no annulment brings back.
    world.send(annul(&AnnulmentRequest { annulment: 3, ..of_fixture.clone() }));
    world.send(Body::TakeBackAnnulment { annulment: 3 });
    world.send(Body::CancelTicket { ticket: TicketId(1) });
    world.send(annul(&AnnulmentRequest { annulment: 4, ..of_fixture }));
    world.send(Body::TakeBackAnnulment { annulment: 4 });
    assert_eq!((world.state(1), world.net(1)), (TicketState::Cancelled, 100_000));
    world.check();
}

// An annulment that names nothing would void every bet of the house.
#[test]
fn an_annulment_names_something_that_is_known() {
    let mut world = World::new(SettlementConfig::default());
    let base = annulment(1, AnnulmentEffect::CancelTickets);
    let now_ns = world.now_ns;
    let refused = [
        (Reason::ValueOutOfBounds, base.clone()),
        (Reason::ValueOutOfBounds, AnnulmentRequest { market: Some(one_x_two()), ..base.clone() }),
        (Reason::FixtureNotFound, AnnulmentRequest { fixture: Some(FixtureId(9)), ..base.clone() }),
        (
            Reason::SelectionNotFound,
            AnnulmentRequest { fixture: Some(FixtureId(1)), market: Some(MarketId(1)), ..base.clone() },
        ),
        (
            Reason::ValueOutOfBounds,
            AnnulmentRequest { from_ns: Some(now_ns), until_ns: Some(now_ns), ..base.clone() },
        ),
        // A window that begins later than now holds nothing yet.
        (Reason::ValueOutOfBounds, AnnulmentRequest { from_ns: Some(now_ns * 2), ..base.clone() }),
    ];
    let hash = world.engine.ledger().accounts().len();
    for (reason, request) in refused {
        let answer = world.send(annul(&request));
        assert!(is_refused(&answer, reason), "{request:?}: {answer:?}");
    }
    assert_eq!(world.engine.ledger().accounts().len(), hash);
    assert_eq!(world.engine.annulments_after(0).count(), 0);
}

// 300 bets of a market are no one record's work: 64 at once, the rest four a tick, and bets that are placed meanwhile are
// none of it. A restart in the middle goes on where it was.
#[test]
fn a_large_window_is_worked_off_in_slices() {
    let mut world = World::new(SettlementConfig::default());
    for ticket in 1..=300 {
        world.bet(ticket, 1 + (ticket % u128::from(CUSTOMERS)) as u64, 100, &[(1, "home")]);
    }
    let before = world.nets();
    let request =
        AnnulmentRequest { fixture: Some(FixtureId(1)), ..annulment(1, AnnulmentEffect::CancelTickets) };
    world.send(annul(&request));
    let cancelled = |world: &World| {
        world.engine.tickets().iter().filter(|ticket| ticket.state == TicketState::Cancelled).count()
    };
    assert_eq!(cancelled(&world), 64);
    assert!(world.engine.has_due_work());
    world.bet(301, 1, 100, &[(1, "home")]);
    world.tick();
    world.tick();
    assert_eq!(cancelled(&world), 72);
    let restored = Engine::restore(&world.engine.snapshot()).unwrap();
    world.engine = restored;
    assert_eq!(world.work_off(), 57);
    assert_eq!(cancelled(&world), 300);
    assert_eq!(world.state(301), TicketState::Open);
    world.send(Body::TakeBackAnnulment { annulment: 1 });
    world.work_off();
    assert_eq!(cancelled(&world), 0);
    assert_eq!(world.net(1), before[0] - 100);
    assert_eq!(world.nets()[1..], before[1..]);
    world.check();
}

// The customer has spent the stake that came back: what the way back takes becomes a debt, and cash is never negative.
#[test]
fn a_stake_that_was_spent_is_owed_when_its_ticket_comes_back() {
    let mut world = World::new(SettlementConfig::default());
    world.bet(1, 1, 60_000, &[(1, "home")]);
    let request =
        AnnulmentRequest { customer: Some(CustomerId(1)), ..annulment(1, AnnulmentEffect::CancelTickets) };
    world.send(annul(&request));
    world.send(Body::Withdraw(money(77, 1, 90_000)));
    world.send(Body::TakeBackAnnulment { annulment: 1 });
    let customer = CustomerId(1);
    assert_eq!(world.engine.available_minor(customer), 0);
    assert_eq!(world.engine.owed_minor(customer), 50_000);
    world.settle(1, Some(WON));
    assert_eq!((world.engine.available_minor(customer), world.engine.owed_minor(customer)), (70_000, 0));
    world.check();
}

/// Numbers of a seed: SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, count: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % count
    }
}

// Settle, take back, settle again, cancel by window, take that back: whatever the order and however often, what customers
// have at the end is what settling once gives them. 60 orders of 40 steps.
#[test]
fn any_order_of_settlements_and_annulments_ends_at_the_same_cent() {
    let place = |world: &mut World| {
        world.bet(1, 1, 1_000, &[(1, "home")]);
        world.bet(2, 2, 333, &[(1, "home"), (2, "away")]);
        world.bet(3, 2, 777, &[(2, "away")]);
        world.bet(4, 3, 1_001, &[(1, "draw"), (3, "home")]);
        world.bet(5, 4, 99, &[(1, "home"), (2, "away"), (3, "home")]);
    };
    let third = Grade::new(1, 0, 3).unwrap();
    let last = [
        (1, [Grade::WON, Grade::LOST, Grade::LOST]),
        (2, [Grade::VOID, Grade::VOID, Grade::VOID]),
        (3, [Grade::WON, Grade::LOST, Grade::LOST]),
    ];
    let mut once = World::new(SettlementConfig::default());
    place(&mut once);
    for (fixture, grades) in last {
        once.settle(fixture, Some(grades));
    }
    for seed in 0..60 {
        let mut random = Random(seed);
        let mut world = World::new(SettlementConfig::default());
        place(&mut world);
        let accepted_ns = world.now_ns;
        let mut standing: Vec<u128> = Vec::new();
        let (mut annulment_count, mut annulled) = (0, 0);
        for _ in 0..40 {
            match random.below(7) {
                0 | 1 => {
                    let grades = [WON, LOST, [third; 3], [Grade::VOID; 3]][random.below(4) as usize];
                    world.settle(1 + random.below(3), Some(grades));
                }
                2 => drop(world.settle(1 + random.below(3), None)),
                3 if !standing.is_empty() => {
                    let place = random.below(standing.len() as u64) as usize;
                    let annulment = standing.swap_remove(place);
                    assert_eq!(world.send(Body::TakeBackAnnulment { annulment }), Answer::Done);
                }
                4 => {
                    // Money that was won is gone before it is taken back.
                    let customer = 1 + random.below(CUSTOMERS);
                    let amount_minor = world.engine.available_minor(CustomerId(customer));
                    world.send(Body::Withdraw(money(
                        1_000 + u128::from(world.now_ns as u64),
                        customer,
                        amount_minor,
                    )));
                    world.send(Body::Deposit(money(
                        2_000 + u128::from(world.now_ns as u64),
                        customer,
                        amount_minor,
                    )));
                }
                _ => {
                    annulment_count += 1;
                    let effect = AnnulmentEffect::ALL[random.below(2) as usize];
                    let mut request = annulment(annulment_count, effect);
                    match random.below(3) {
                        0 => request.fixture = Some(FixtureId(1 + random.below(3))),
                        1 => request.customer = Some(CustomerId(1 + random.below(CUSTOMERS))),
                        _ => request.from_ns = Some(accepted_ns - random.below(5) as i64 * SECOND_NS),
                    }
                    if world.send(annul(&request)) == Answer::Done {
                        standing.push(annulment_count);
                        annulled += 1;
                    }
                }
            }
            world.check();
        }
        assert!(annulled > 0, "seed {seed} annulled nothing");
        for annulment in standing {
            world.send(Body::TakeBackAnnulment { annulment });
        }
        for (fixture, grades) in last {
            world.settle(fixture, Some(grades));
        }
        world.work_off();
        assert_eq!(world.nets(), once.nets(), "seed {seed}");
        world.check();
    }
}

// A provisional result paid at once, and the correction an hour later met spent money: it grades, and is paid once it is
// confirmed, or when the time that is configured has passed.
#[test]
fn a_provisional_result_is_paid_when_it_is_confirmed_or_in_time() {
    for after_ms in [0, 20_000] {
        let settlement = SettlementConfig { provisional_pays_after_ms: after_ms, ..Default::default() };
        let mut world = World::new(settlement);
        world.bet(1, 1, 1_000, &[(1, "home")]);
        world.bet(2, 2, 1_000, &[(1, "home")]);
        world.send(Body::TellResult(Box::new(told(1, WON, Certainty::Provisional))));
        assert_eq!(world.state(1), TicketState::Open);
        assert_eq!(world.engine.ticket(TicketId(1)).unwrap().legs[0].grade, Some(Grade::WON));
        world.tick();
        assert_eq!(world.state(1), TicketState::Open);
        // The other result, as provisional as the first: nobody was paid.
        world.send(Body::TellResult(Box::new(told(1, LOST, Certainty::Provisional))));
        world.send(Body::TellResult(Box::new(told(1, WON, Certainty::Provisional))));
        world.check();
        if after_ms == 0 {
            for _ in 0..100 {
                world.tick();
            }
            assert_eq!(world.state(1), TicketState::Open);
            world.send(Body::TellResult(Box::new(told(1, WON, Certainty::Confirmed))));
        } else {
            for _ in 0..21 {
                world.tick();
            }
        }
        assert_eq!([world.paid(1), world.paid(2)], [2_000, 2_000]);
        assert_eq!(world.engine.counters().rollback_count, 0);
        world.check();
    }
}

// While a video referee looks, nothing is paid, also what waited for its settlement delay already; what was lifted is paid as
// it is then. A review of another market holds nobody.
#[test]
fn nothing_is_paid_while_a_review_is_open() {
    let mut world = World::new(SettlementConfig::default());
    world.bet(1, 1, 1_000, &[(1, "home")]);
    world.bet(2, 2, 1_000, &[(1, "draw")]);
    world.bet(3, 3, 1_000, &[(2, "home")]);
    let review = |market, why: Option<&str>| Body::SetReview {
        fixture: FixtureId(1),
        market,
        why: why.map(str::to_owned),
    };
    world.send(review(Some(MarketId::of("both_score")), Some("a card")));
    world.send(review(Some(one_x_two()), Some("goal")));
    world.send(review(None, Some("stewards")));
    world.settle(1, Some(WON));
    world.settle(2, Some(WON));
    assert_eq!(
        [1, 2, 3].map(|ticket| world.state(ticket)),
        [TicketState::Open, TicketState::Open, TicketState::Settled]
    );
    world.send(review(Some(one_x_two()), None));
    world.tick();
    assert_eq!(world.state(1), TicketState::Open, "the fixture as a whole is still under review");
    world.settle(1, Some(LOST));
    world.check();
    world.send(review(None, None));
    assert_eq!([world.paid(1), world.paid(2)], [0, 3_000]);
    assert_eq!([1, 2].map(|ticket| world.state(ticket)), [TicketState::Settled; 2]);
    assert_eq!(world.engine.counters().rollback_count, 0);
    let long = "x".repeat(257);
    assert!(is_refused(&world.send(review(None, Some(&long))), Reason::ValueOutOfBounds));
    assert!(is_refused(&world.send(review(None, Some(""))), Reason::ValueOutOfBounds));
    world.check();
}

// A thousand and more bets wait for one word: they are released in slices.
#[test]
fn what_a_review_held_is_released_in_slices() {
    let mut world = World::new(SettlementConfig::default());
    for ticket in 1..=1_200 {
        world.bet(ticket, 1 + (ticket % u128::from(CUSTOMERS)) as u64, 10, &[(1, "home")]);
    }
    let review = |why: Option<&str>| Body::SetReview {
        fixture: FixtureId(1),
        market: None,
        why: why.map(str::to_owned),
    };
    world.send(review(Some("goal")));
    world.settle(1, Some(WON));
    world.work_off();
    let paid = |world: &World| {
        world.engine.tickets().iter().filter(|ticket| ticket.state == TicketState::Settled).count()
    };
    assert_eq!(paid(&world), 0);
    world.send(review(None));
    assert!(paid(&world) < 100);
    world.work_off();
    assert_eq!(paid(&world), 1_200);
    world.check();
}

// S08: two days after a match the league corrects a statistic. One house settles anew, one lets stand what it paid, one gives
// the difference out of goodwill, one has a window of an hour; each ticket by the rules that it was struck under.
#[test]
fn s08_a_corrected_result_follows_the_rules_that_the_ticket_was_struck_under() {
    let rules = [
        (CorrectionRule::Resettle, [2_000, 0], 0),
        (CorrectionRule::Stand, [0, 3_000], 0),
        (CorrectionRule::Goodwill, [0, 3_000], 2_000),
        (CorrectionRule::Within(3_600_000), [0, 3_000], 0),
        (CorrectionRule::Within(400_000_000), [2_000, 0], 0),
    ];
    for (place, (correction, paid, goodwill)) in rules.into_iter().enumerate() {
        let version = place as u16 + 1;
        let struck = HouseRules { version, correction };
        let mut world = World::new(SettlementConfig { rules: vec![struck], ..Default::default() });
        world.bet(1, 1, 1_000, &[(1, "home")]);
        world.bet(2, 2, 1_000, &[(1, "draw")]);
        assert_eq!(world.engine.ticket(TicketId(1)).unwrap().terms.rules, version);
        // Later rules are for later tickets.
        let rules = vec![struck, HouseRules { version: 9, correction: CorrectionRule::Resettle }];
        let settlement = SettlementConfig { rules, ..Default::default() };
        let config = Config { settlement, ..world.engine.config().clone() };
        assert_eq!(world.send(Body::Configure(Box::new(config))), Answer::Done);
        world.send(Body::TellResult(Box::new(told(1, LOST, Certainty::Confirmed))));
        assert_eq!([world.paid(1), world.paid(2)], [0, 3_000]);
        world.now_ns += 48 * 3_600 * SECOND_NS;
        let corrected = ResultTold { is_correction: true, ..told(1, WON, Certainty::Confirmed) };
        world.send(Body::TellResult(Box::new(corrected)));
        assert_eq!([world.paid(1), world.paid(2)], paid, "{correction:?}");
        assert_eq!(world.goodwill(), goodwill, "{correction:?}");
        // Nobody is given anything for what a correction takes from him.
        let nets = [99_000 + paid[0] + goodwill, 99_000 + paid[1]];
        assert_eq!([world.net(1), world.net(2)], nets, "{correction:?}");
        assert!(!world.engine.has_unsettled());
        // A void is no correction: it is settled anew whatever the rule.
        world
            .send(Body::VoidFixture { fixture: FixtureId(1), void: oddsengine_engine::VoidKind::Everything });
        let standing = usize::from(paid == [0, 3_000]);
        if standing == 1 {
            // What stands by an earlier correction stays.
            assert_eq!([world.paid(1), world.paid(2)], paid, "{correction:?}");
        } else {
            assert_eq!([world.paid(1), world.paid(2)], [1_000, 1_000], "{correction:?}");
        }
        world.send(Body::VoidFixture { fixture: FixtureId(1), void: oddsengine_engine::VoidKind::Nothing });
        // The same correction again is nothing new.
        let again = ResultTold { is_correction: true, ..told(1, WON, Certainty::Confirmed) };
        world.send(Body::TellResult(Box::new(again)));
        assert_eq!([world.net(1), world.net(2)], nets, "{correction:?}");
        world.check();
    }
}

// One person alone voided a market of 40,000.00: above an amount a second one approves, another one than the first, in time.
#[test]
fn what_moves_much_money_waits_for_a_second_person() {
    let settlement = SettlementConfig {
        approval_above_minor: Some(1_500),
        approval_expires_ms: 60_000,
        ..SettlementConfig::default()
    };
    let mut world = World::new(settlement);
    world.bet(1, 1, 1_000, &[(1, "home")]);
    world.bet(2, 2, 1_000, &[(1, "home")]);
    let request =
        AnnulmentRequest { fixture: Some(FixtureId(1)), ..annulment(1, AnnulmentEffect::CancelTickets) };
    let hash_of_money = |world: &World| (world.nets(), world.state(1), world.state(2));
    let before = hash_of_money(&world);
    assert_eq!(world.desk("anna", annul(&request)), Answer::Pending { action: 1 });
    assert_eq!(world.desk("anna", annul(&request)), Answer::Pending { action: 1 }, "asked twice, waits once");
    let waiting: Vec<_> = world.engine.actions_after(0).cloned().collect();
    assert_eq!((waiting.len(), waiting[0].ticket_count, waiting[0].money_minor), (1, 2, 2_000));
    assert_eq!(hash_of_money(&world), before);
    world.check();
    let same = world.desk("anna", Body::Approve { action: 1 });
    assert!(is_refused(&same, Reason::SecondPersonNeeded), "{same:?}");
    assert!(is_refused(&world.desk("berta", Body::Approve { action: 2 }), Reason::ActionNotFound));
    assert_eq!(hash_of_money(&world), before);
    world.bet(9, 4, 10, &[(1, "home")]);
    assert_eq!(world.desk("berta", Body::Approve { action: 1 }), Answer::Done);
    assert_eq!([1, 2].map(|ticket| world.state(ticket)), [TicketState::Cancelled; 2]);
    // What was asked reached until then: a bet that came before the approval is none of it.
    assert_eq!(world.state(9), TicketState::Open);
    assert_eq!(world.desk("anna", annul(&request)), Answer::Done, "the same order again");
    assert!(is_refused(&world.desk("berta", Body::Approve { action: 1 }), Reason::ActionNotFound));
    // The way back is as much money, and waits as well; declined, nothing comes back.
    let back = Body::TakeBackAnnulment { annulment: 1 };
    assert_eq!(world.desk("anna", back.clone()), Answer::Pending { action: 2 });
    assert_eq!(world.desk("anna", Body::Decline { action: 2 }), Answer::Done);
    assert_eq!(world.state(1), TicketState::Cancelled);
    assert_eq!(world.desk("anna", back), Answer::Pending { action: 3 });
    // Nobody approves it in time.
    world.now_ns += 60 * SECOND_NS;
    assert!(is_refused(&world.desk("berta", Body::Approve { action: 3 }), Reason::ActionNotFound));
    assert!(world.engine.needs_tick(world.now_ns, world.now_ns));
    world.tick();
    assert_eq!(world.engine.actions_after(0).count(), 0);
    // What is small, what a feed says and what would be refused wait for nobody.
    world.bet(3, 3, 100, &[(2, "home")]);
    assert_eq!(world.desk("anna", Body::CancelTicket { ticket: TicketId(3) }), Answer::Done);
    world.bet(4, 3, 5_000, &[(2, "home")]);
    let feed = Origin { source: "feed".into(), channel: Channel::Feed, ..Origin::default() };
    assert_eq!(world.send_by(feed, settling(2, Some(WON))), Answer::Done);
    let unknown = Body::CancelTicket { ticket: TicketId(99) };
    assert!(is_refused(&world.desk("anna", unknown), Reason::TicketNotFound));
    // By hand, what it may pay counts: 800 at 2.00.
    world.bet(5, 3, 800, &[(3, "home")]);
    assert_eq!(world.desk("anna", settling(3, Some(WON))), Answer::Pending { action: 4 });
    // Of one key, only different members of staff are two persons.
    let of_staff = |staff: &str| {
        let principal = Principal { staff: staff.into(), ..Principal::of_key("gateway") };
        Origin { principal, ..of_key("gateway") }
    };
    assert_eq!(world.send_by(of_staff("carla"), settling(3, Some(LOST))), Answer::Pending { action: 5 });
    for staff in ["carla", ""] {
        let answer = world.send_by(of_staff(staff), Body::Approve { action: 5 });
        assert!(is_refused(&answer, Reason::SecondPersonNeeded), "{staff}");
    }
    assert_eq!(world.send_by(of_staff("dora"), Body::Approve { action: 5 }), Answer::Done);
    assert_eq!(world.state(5), TicketState::Settled);
    world.check();
}

// Actions that nobody looks at are bounded: 256 wait, and the next is refused by name.
#[test]
fn no_more_actions_wait_than_are_allowed() {
    let settlement = SettlementConfig { approval_above_minor: Some(0), ..SettlementConfig::default() };
    let mut world = World::new(settlement);
    world.bet(1, 1, 1_000, &[(1, "home")]);
    for id in 1..=256 {
        let request =
            AnnulmentRequest { fixture: Some(FixtureId(1)), ..annulment(id, AnnulmentEffect::VoidLegs) };
        assert!(matches!(world.desk("anna", annul(&request)), Answer::Pending { .. }));
    }
    let request =
        AnnulmentRequest { fixture: Some(FixtureId(1)), ..annulment(257, AnnulmentEffect::VoidLegs) };
    let answer = world.desk("anna", annul(&request));
    assert!(is_refused(&answer, Reason::ValueOutOfBounds), "{answer:?}");
    assert_eq!(world.engine.actions_after(0).count(), 256);
    world.check();
}

// The 1,025th annulment makes the first one final: what it took stays, and it cannot be taken back.
#[test]
fn of_more_annulments_than_are_kept_the_oldest_is_final() {
    let mut world = World::new(SettlementConfig::default());
    world.bet(1, 1, 1_000, &[(1, "home")]);
    for id in 1..=1_025 {
        let fixture = if id == 1 { FixtureId(1) } else { FixtureId(2) };
        let request =
            AnnulmentRequest { fixture: Some(fixture), ..annulment(id, AnnulmentEffect::CancelTickets) };
        assert_eq!(world.send(annul(&request)), Answer::Done);
    }
    assert_eq!(world.engine.annulments_after(0).count(), 1_024);
    let answer = world.send(Body::TakeBackAnnulment { annulment: 1 });
    assert!(is_refused(&answer, Reason::AnnulmentNotFound), "{answer:?}");
    // Another one that covers the same ticket does not bring it back either.
    let other =
        AnnulmentRequest { fixture: Some(FixtureId(1)), ..annulment(2_000, AnnulmentEffect::CancelTickets) };
    world.send(annul(&other));
    world.send(Body::TakeBackAnnulment { annulment: 2_000 });
    assert_eq!(world.state(1), TicketState::Cancelled);
    world.check();
}

// A bet that was accepted four seconds after the goal that decides it: reported with its stake, and voided only once somebody
// approves it.
#[test]
fn bets_accepted_after_what_decides_them_are_reported() {
    for voids in [false, true] {
        let settlement = SettlementConfig { past_post_voids: voids, ..SettlementConfig::default() };
        let mut world = World::new(settlement);
        world.bet(1, 1, 1_000, &[(1, "home")]);
        let happened_ns = world.now_ns + 1;
        world.bet(2, 2, 700, &[(1, "home")]);
        world.bet(3, 3, 300, &[(2, "home")]);
        let result = ResultTold { happened_ns, ..told(1, WON, Certainty::Confirmed) };
        let feed = Origin { source: "feed".into(), channel: Channel::Feed, ..Origin::default() };
        world.send_by(feed, Body::TellResult(Box::new(result)));
        let of_late: Vec<&String> =
            world.alerts.iter().filter(|alert| alert.starts_with("past_post")).collect();
        assert_eq!(
            of_late,
            [&format!(
                "past_post: 1 bets on 1x2 with stakes of 700 were accepted after it was decided at {happened_ns}: {:032x}",
                2
            )]
        );
        assert_eq!([world.paid(1), world.paid(2)], [2_000, 1_400]);
        assert_eq!(world.engine.actions_after(0).count(), usize::from(voids));
        if voids {
            assert_eq!(world.desk("anna", Body::Approve { action: 1 }), Answer::Done);
            assert_eq!([world.paid(1), world.paid(2)], [2_000, 700]);
        }
        world.check();
    }
}

// Early settlement: a double whose first leg lost is settled at once, while its second match has not begun, and comes back
// when that is taken back.
#[test]
fn what_one_leg_decides_is_settled_before_the_others() {
    let mut world = World::new(SettlementConfig::default());
    world.bet(1, 1, 1_000, &[(1, "home"), (2, "home")]);
    world.settle(1, Some(LOST));
    assert_eq!((world.state(1), world.net(1)), (TicketState::Settled, 99_000));
    world.settle(1, None);
    assert_eq!(world.state(1), TicketState::Open);
    world.settle(1, Some(WON));
    world.settle(2, Some(WON));
    assert_eq!((world.paid(1), world.net(1)), (4_000, 103_000));
    world.check();
}

// Reviews come from outside and are kept in memory: a fixture has at most 64.
#[test]
fn a_fixture_has_no_more_reviews_than_are_allowed() {
    let mut world = World::new(SettlementConfig::default());
    let fixture = world.engine.fixture(FixtureId(1)).unwrap();
    let template = fixture.template();
    let markets: Vec<MarketId> = (0..65).map(|market| template.market_id(market)).collect();
    for (place, market) in markets.into_iter().enumerate() {
        let why = Some("a test".to_owned());
        let answer = world.send(Body::SetReview { fixture: FixtureId(1), market: Some(market), why });
        match place {
            0..64 => assert_eq!(answer, Answer::Done),
            _ => assert!(is_refused(&answer, Reason::ValueOutOfBounds), "{answer:?}"),
        }
    }
    assert_eq!(world.engine.fixture(FixtureId(1)).unwrap().reviews.len(), 64);
    world.check();
}
