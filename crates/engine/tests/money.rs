//! Money: ids that clients choose, refusals of the ledger, debts, and what no sequence of commands may break.

use oddsengine_engine::{
    Answer, Body, Command, Config, Decided, Engine, Fact, FixtureRequest, LegRequest, MoneyRequest,
    OddsChange, OddsVersion, Origin, Reason, Record, Scope, ScopeSettings, TicketRequest, TicketState,
    VoidKind,
};
use oddsengine_markets::football::{FootballIncident, FootballIncidentKind as Kind, Side};
use oddsengine_markets::{Format, Incident, MarketId, SelectionId};
use oddsengine_types::{
    Currency, CustomerId, FixtureId, Grade, STAKE_MINOR_MAX, SportId, TicketId, TransferId,
};

/// Ids whose transfers met as long as they were hashed: the first two at a settlement, the third at the end of a delay.
const CHOSEN: [u128; 3] = [
    0x1234_5678_90ab_cdef_1234_5678_90ab_cdef,
    0xeb56_42c6_c2ac_0aba_5e25_d3f9_99ad_d101,
    0x23e6_5d66_e734_bd24_e6b3_4892_69de_1133,
];
const CUSTOMER: CustomerId = CustomerId(7);
const ONE_X_TWO: [&str; 3] = ["home", "draw", "away"];

#[derive(Default)]
struct Told {
    alerts: Vec<String>,
    refusals: Vec<Reason>,
}

impl Told {
    fn take(&mut self, decided: &Decided, engine: &Engine) {
        for fact in &decided.facts {
            match fact {
                Fact::Alerted { alert, message, .. } => self.alerts.push(format!("{alert}: {message}")),
                Fact::Refused { reason, .. } | Fact::MoneyRefused { reason, .. } => {
                    self.refusals.push(*reason)
                }
                Fact::TicketDecided { ticket, .. } => self.refusals.extend(ticket.reason()),
                _ => {}
            }
        }
        if let Answer::Ticket { ticket, is_repeat: true } = decided.answer {
            self.refusals.extend(engine.ticket(ticket).and_then(|ticket| ticket.reason()));
        }
    }
}

struct Desk {
    engine: Engine,
    /// Folds what the other decides, and decides nothing.
    folded: Engine,
    now_ns: i64,
    told: Told,
}

impl Desk {
    fn new(config: Config, fixtures: u64) -> Self {
        let engine = Engine::new(config).unwrap();
        let mut desk = Self { folded: engine.clone(), engine, now_ns: 0, told: Told::default() };
        desk.send(Body::EpochStarted { epoch: 1 });
        for id in (1..=fixtures).map(FixtureId) {
            desk.send(Body::AddFixture(Box::new(FixtureRequest {
                fixture: id,
                format: Format::FOOTBALL,
                competition: format!("cup {}", id.0 % 2),
                start_ns: 0,
                home: "Alba".into(),
                away: "Bruma".into(),
                entrants: Vec::new(),
            })));
            desk.manual(id, [20_000, 30_000, 40_000]);
        }
        desk
    }

    fn send(&mut self, body: Body) {
        self.now_ns = self.now_ns.saturating_add(1_000_000);
        let command = Command { time_ns: self.now_ns, origin: Origin::default(), body };
        let decided = self.engine.step(&command);
        self.told.take(&decided, &self.engine);
        self.engine.price_changed();
        self.folded.fold(&Record { command, facts: decided.facts }).unwrap();
    }

    fn manual(&mut self, fixture: FixtureId, odds_e4: [u32; 3]) {
        let market = MarketId::of("1x2");
        self.send(Body::SetManualOdds {
            fixture,
            market,
            odds_e4: Some(odds_e4.to_vec()),
            keeps_in_play: true,
            override_by: "test".into(),
        });
    }

    fn deposit(&mut self, transfer: u128, amount_minor: i64) {
        self.send(Body::Deposit(money(transfer, amount_minor)));
    }

    fn withdraw(&mut self, transfer: u128, amount_minor: i64) {
        self.send(Body::Withdraw(money(transfer, amount_minor)));
    }

    fn bet(&mut self, ticket: u128, stake_minor: i64, legs: &[(u64, &str)]) {
        let version = OddsVersion { epoch: self.engine.epoch(), seq: 1 };
        let leg = |&(fixture, selection): &(u64, &str)| LegRequest {
            fixture: FixtureId(fixture),
            selection: SelectionId::of("1x2", selection),
            odds_e4: 20_000,
            version,
        };
        self.send(Body::PlaceTicket(Box::new(TicketRequest {
            ticket: TicketId(ticket),
            customer: CUSTOMER,
            currency: Currency::EUR,
            stake_minor,
            odds_change: OddsChange::Any,
            legs: legs.iter().map(leg).collect(),
            wishes: Default::default(),
            plan: None,
        })));
    }

    fn settle(&mut self, fixture: u64, grades: Option<[Grade; 3]>) {
        let (fixture, market) = (FixtureId(fixture), MarketId::of("1x2"));
        self.send(Body::SettleMarket { fixture, market, grades: grades.map(|grades| grades.to_vec()) });
    }

    fn state(&self, ticket: u128) -> TicketState {
        self.engine.ticket(TicketId(ticket)).expect("the ticket is known").state
    }

    /// Every invariant holds, and the engine of the snapshot is the same.
    fn check(&self) {
        for (name, result) in self.engine.invariants() {
            result.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        let restored = Engine::restore(&self.engine.snapshot()).expect("a snapshot is read back");
        assert_eq!(restored.state_hash(), self.engine.state_hash());
        assert_eq!(self.folded.state_hash(), self.engine.state_hash());
        assert_eq!(restored.next_due_ns(), self.engine.next_due_ns());
    }
}

fn money(transfer: u128, amount_minor: i64) -> MoneyRequest {
    MoneyRequest { transfer: TransferId(transfer), customer: CUSTOMER, amount_minor, currency: Currency::EUR }
}

const WON: [Grade; 3] = [Grade::WON, Grade::LOST, Grade::LOST];

// A transfer's id was a hash that can be inverted. Two tickets whose ids were chosen so that their settlements met: the
// ledger refused the second, the engine panicked, and again at every start, because the command was in the journal.
#[test]
fn chosen_ids_of_tickets_stop_nothing() {
    let mut desk = Desk::new(Config { bet_delay_ms: 0, ..Config::default() }, 1);
    desk.deposit(1, 100_000);
    CHOSEN.iter().for_each(|&ticket| desk.bet(ticket, 1_000, &[(1, "home")]));
    desk.send(Body::VoidFixture { fixture: FixtureId(1), void: VoidKind::Everything });
    desk.check();
    assert!(CHOSEN.iter().all(|&ticket| desk.state(ticket) == TicketState::Settled));
    assert_eq!(desk.engine.available_minor(CUSTOMER), 100_000);
    desk.send(Body::VoidFixture { fixture: FixtureId(1), void: VoidKind::Nothing });
    desk.check();
    assert!(CHOSEN.iter().all(|&ticket| desk.state(ticket) == TicketState::Open));
}

#[test]
fn chosen_ids_of_delayed_tickets_stop_nothing() {
    let mut desk = Desk::new(Config { bet_delay_ms: 1_000, ..Config::default() }, 1);
    desk.deposit(1, 100_000);
    let kick_off = FootballIncident { kind: Kind::KickOff, clock_ms: 0, score_after: None };
    desk.send(Body::Incident { fixture: FixtureId(1), incident: Incident::Football(kick_off) });
    for _ in 0..2 {
        CHOSEN.iter().for_each(|&ticket| desk.bet(ticket, 1_000, &[(1, "home")]));
        desk.now_ns += 2_000_000_000;
        desk.send(Body::Tick { read_ns: i64::MAX });
        desk.check();
    }
    assert!(CHOSEN.iter().all(|&ticket| desk.state(ticket) == TicketState::Open));
    // The same numbers as ids of deposits are other transfers.
    CHOSEN.iter().for_each(|&transfer| desk.deposit(transfer, 500));
    assert_eq!(desk.engine.available_minor(CUSTOMER), 100_000 - 3_000 + 1_500);
}

// A settlement that the ledger refuses was a panic of the engine. A grade told and taken back a hundred times moves more
// through the result than an account can count.
#[test]
fn a_ledger_that_refuses_stops_the_ticket_and_tells() {
    const LOSS_MAX: i64 = 1_000_000_000_000_000;
    let config = Config {
        bet_delay_ms: 0,
        market_loss_minor_max: LOSS_MAX,
        fixture_loss_minor_max: LOSS_MAX,
        competition_loss_minor_max: LOSS_MAX,
        sport_loss_minor_max: LOSS_MAX,
        platform_loss_minor_max: LOSS_MAX,
        payout_minor_max: LOSS_MAX,
        stake_minor_max: STAKE_MINOR_MAX,
        ..Config::default()
    };
    let mut desk = Desk::new(config, 3);
    desk.manual(FixtureId(1), [10_000_000, 0, 0]);
    desk.manual(FixtureId(2), [10_000_000, 0, 0]);
    desk.deposit(1, 2_000_000_000);
    desk.bet(1, 1_000_000_000, &[(1, "home"), (2, "home")]);
    desk.bet(2, 1_000, &[(1, "home"), (3, "home")]);
    assert_eq!(desk.told.refusals, []);
    desk.settle(2, Some(WON));
    for round in 0..110 {
        desk.settle(1, Some(WON));
        if round % 20 == 0 {
            desk.check();
        }
        desk.settle(1, None);
    }
    desk.told.alerts.retain(|alert| !alert.starts_with("manual_override"));
    assert!(!desk.told.alerts.is_empty(), "the ledger refused");
    let first = &desk.told.alerts[0];
    assert!(
        first.starts_with("ticket_stopped: ticket 00000000000000000000000000000001 stays ")
            && first
                .ends_with("the debits or credits of an account would exceed the largest amount of money"),
        "{first}"
    );
    desk.settle(1, Some(WON));
    desk.check();
    let ticket = desk.engine.ticket(TicketId(1)).unwrap().clone();
    assert!(matches!(ticket.state, TicketState::Open | TicketState::Settled), "{:?}", ticket.state);
    // Another market of the fixture is graded: what stands still is tried again, and told again.
    let alert_count = desk.told.alerts.len();
    let (fixture, market) = (FixtureId(1), MarketId::of("both_score"));
    let grades = Some(vec![Grade::WON, Grade::LOST]);
    desk.send(Body::SettleMarket { fixture, market, grades });
    assert_eq!(desk.told.alerts.len(), alert_count + 1);
    // A start finds it again.
    desk.engine = Engine::restore(&desk.engine.snapshot()).unwrap();
    desk.send(Body::SettleMarket { fixture, market, grades: None });
    assert_eq!(desk.told.alerts.len(), alert_count + 2);
    desk.send(Body::CancelTicket { ticket: TicketId(1) });
    desk.check();
}

// A refused withdrawal of a customer nobody knew left an account for ever (207 bytes each).
#[test]
fn who_was_refused_has_no_account() {
    let mut desk = Desk::new(Config::default(), 1);
    desk.withdraw(1, 100);
    desk.deposit(2, 0);
    desk.deposit(3, STAKE_MINOR_MAX + 1);
    desk.send(Body::Deposit(MoneyRequest { currency: Currency::parse("ZZZ").unwrap(), ..money(4, 100) }));
    desk.bet(5, 1_000, &[(1, "home")]);
    assert_eq!(
        desk.told.refusals,
        [
            Reason::BalanceTooSmall,
            Reason::StakeMustBePositive,
            Reason::StakeExceedsMaximum,
            Reason::CurrencyNotAccepted,
            Reason::BalanceTooSmall,
        ]
    );
    assert!(desk.engine.ledger().accounts().is_empty());
    desk.deposit(1, 100);
    desk.send(Body::Withdraw(MoneyRequest { customer: CustomerId(8), ..money(1, 100) }));
    assert_eq!(desk.told.refusals.last(), Some(&Reason::IdHasAnotherBody));
    assert_eq!(desk.engine.ledger().accounts().len(), 2);
}

// The time may be set back at a start: what was staked on a day is what the tickets of that day say, before and after.
#[test]
fn stakes_of_the_day_are_those_of_the_tickets() {
    const DAY_NS: i64 = 86_400_000_000_000;
    let config = Config { stake_minor_max: 1_000, ..Config::default() };
    let mut desk = Desk::new(config, 2);
    desk.deposit(1, 100_000);
    let largest = |desk: &Desk, day: &str| {
        let request = TicketRequest {
            ticket: TicketId(0),
            customer: CUSTOMER,
            currency: Currency::EUR,
            stake_minor: 0,
            odds_change: OddsChange::Any,
            legs: vec![LegRequest {
                fixture: FixtureId(1),
                selection: SelectionId::of("1x2", "home"),
                odds_e4: 20_000,
                version: OddsVersion { epoch: 1, seq: 1 },
            }],
            wishes: Default::default(),
            plan: None,
        };
        let mut restored = Engine::restore(&desk.engine.snapshot()).unwrap();
        restored.price_changed();
        let largest = desk.engine.max_stake(&request).map(|check| check.stake_minor_max);
        assert_eq!(largest, restored.max_stake(&request).map(|check| check.stake_minor_max), "{day}");
        largest
    };
    desk.now_ns = DAY_NS;
    desk.bet(1, 300, &[(1, "home")]);
    assert_eq!(largest(&desk, "first"), Ok(700));
    desk.now_ns = 2 * DAY_NS;
    desk.send(Body::Tick { read_ns: i64::MAX });
    assert_eq!(largest(&desk, "second"), Ok(1_000));
    desk.bet(2, 600, &[(2, "home"), (1, "home")]);
    assert_eq!(largest(&desk, "second"), Ok(400));
    desk.send(Body::CancelTicket { ticket: TicketId(1) });
    assert_eq!(largest(&desk, "second"), Ok(400));
    desk.send(Body::CancelTicket { ticket: TicketId(2) });
    assert_eq!(largest(&desk, "second"), Ok(1_000));
}

// With a liability skew the version of a fixture counted how often its book was balanced: once more after a restart, and
// never where facts were folded, so that neither state was the live one.
#[test]
fn bets_move_skewed_prices_alike_however_often_books_are_balanced() {
    let config = Config { bet_delay_ms: 1_000, skew_b_minor: Some(40_000), ..Config::default() };
    let mut desk = Desk::new(config, 3);
    desk.deposit(1, 1_000_000);
    let version = |desk: &Desk| desk.engine.fixture(FixtureId(1)).unwrap().version;
    let before = version(&desk);
    desk.bet(1, 1_000, &[(1, "home")]);
    desk.bet(2, 1_000, &[(1, "draw"), (2, "home")]);
    assert_eq!(version(&desk), before + 2, "each bet moves its prices once");
    desk.check();
    let kick_off = FootballIncident { kind: Kind::KickOff, clock_ms: 0, score_after: None };
    desk.send(Body::Incident { fixture: FixtureId(1), incident: Incident::Football(kick_off) });
    for ticket in 3..6 {
        desk.bet(ticket, 1_000, &[(1, "home"), (3, "away")]);
        desk.check();
    }
    desk.now_ns += 2_000_000_000;
    desk.send(Body::Tick { read_ns: i64::MAX });
    assert!((3..6).all(|ticket| desk.state(ticket) == TicketState::Open));
    desk.check();
    desk.settle(3, Some([Grade::WON, Grade::LOST, Grade::LOST]));
    desk.send(Body::CancelTicket { ticket: TicketId(1) });
    desk.check();
}

/// Numbers that look random and are the same on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len() as u64) as usize]
    }
}

const AMOUNTS: [i64; 12] = [
    i64::MIN,
    -1,
    0,
    1,
    10,
    777,
    5_000,
    1_000_000,
    STAKE_MINOR_MAX - 1,
    STAKE_MINOR_MAX,
    STAKE_MINOR_MAX + 1,
    i64::MAX,
];

fn random_body(random: &mut Random) -> Body {
    const LOSS_MAX: i64 = oddsengine_types::MONEY_MINOR_MAX / 100;
    let ids = [CHOSEN[0], CHOSEN[1], CHOSEN[2], 0, 1, 2, 3, u128::MAX, u128::MAX - 1, 1 << 64, 1 << 127];
    let fixture = FixtureId(1 + random.below(4));
    let customer = CustomerId(random.of(&[0, 7, 7, 7, u64::MAX]));
    let currency = if random.below(12) == 0 { Currency::parse("USD").unwrap() } else { Currency::EUR };
    let market = MarketId::of(random.of(&["1x2", "1x2", "both_score", "nothing"]));
    let clock_ms = 0;
    match random.below(20) {
        0..=2 => Body::Deposit(MoneyRequest {
            transfer: TransferId(random.of(&ids)),
            customer,
            amount_minor: random.of(&AMOUNTS),
            currency,
        }),
        3 => Body::Withdraw(MoneyRequest {
            transfer: TransferId(random.of(&ids)),
            customer,
            amount_minor: random.of(&AMOUNTS),
            currency,
        }),
        4..=9 => {
            let legs = (0..random.of(&[0, 1, 1, 1, 2, 2, 3])).map(|_| LegRequest {
                fixture: FixtureId(1 + random.below(4)),
                selection: SelectionId::of("1x2", random.of(&ONE_X_TWO)),
                odds_e4: random.of(&[0, 20_000, u32::MAX]),
                version: OddsVersion { epoch: 1, seq: 1 },
            });
            Body::PlaceTicket(Box::new(TicketRequest {
                legs: legs.collect(),
                ticket: TicketId(random.of(&ids) ^ (u128::from(random.below(8)) << 90)),
                customer,
                currency,
                stake_minor: match random.below(4) {
                    0 => random.of(&AMOUNTS),
                    _ => random.of(&[1, 10, 777, 5_000, 100_000]),
                },
                odds_change: random.of(&[
                    OddsChange::Any,
                    OddsChange::Any,
                    OddsChange::Any,
                    OddsChange::Higher,
                    OddsChange::Within(u32::MAX),
                ]),
                wishes: Default::default(),
                plan: None,
            }))
        }
        10..=12 => {
            let side = random.of(&[Side::Home, Side::Away]);
            let kind = match random.below(6) {
                0 | 1 => Kind::KickOff,
                2 | 3 => Kind::Goal(side),
                4 => Kind::GoalCancelled(side),
                _ => Kind::Safe,
            };
            let incident = Incident::Football(FootballIncident { kind, clock_ms, score_after: None });
            Body::Incident { fixture, incident }
        }
        13 => {
            let void = random.of(&[
                VoidKind::Nothing,
                VoidKind::Nothing,
                VoidKind::Nothing,
                VoidKind::Nothing,
                VoidKind::Everything,
                VoidKind::Undecided,
            ]);
            Body::VoidFixture { fixture, void }
        }
        14 => {
            let grades = [WON, [Grade::VOID; 3], [Grade::LOST, Grade::HALF_WON, Grade::HALF_LOST]];
            let grades = (random.below(3) == 0).then(|| random.of(&grades).to_vec());
            Body::SettleMarket { fixture, market, grades }
        }
        15 => Body::CancelTicket { ticket: TicketId(random.of(&ids)) },
        16 => Body::SetCustomer {
            customer,
            factor_e3: random.of(&[0, 100, 1_000, 1_000, 1_000, 1_000, u32::MAX]),
        },
        17 => {
            let settings = ScopeSettings {
                loss_minor_max: random.of(&[None, None, None, Some(0), Some(10_000), Some(LOSS_MAX)]),
                ..ScopeSettings::default()
            };
            Body::SetScope { scope: random.of(&[0, 1, 2]).pick(fixture, market), settings }
        }
        18 => Body::Configure(Box::new(Config {
            bet_delay_ms: random.of(&[0, 1, 60_000]),
            settlement_delay_ms: random.of(&[0, 0, 1, 3_600_000]),
            bets_while_owing: random.below(2) == 0,
            stake_minor_min: 1,
            feed_silence_ms: 0,
            stake_minor_max: random.of(&[1, 100_000, STAKE_MINOR_MAX, STAKE_MINOR_MAX]),
            payout_minor_max: random.of(&[1, 100_000, LOSS_MAX, LOSS_MAX]),
            platform_loss_minor_max: random.of(&[0, 100_000, LOSS_MAX, LOSS_MAX]),
            ..Config::default()
        })),
        _ => Body::Tick { read_ns: i64::MAX },
    }
}

trait Pick {
    fn pick(self, fixture: FixtureId, market: MarketId) -> Scope;
}

impl Pick for i32 {
    fn pick(self, fixture: FixtureId, market: MarketId) -> Scope {
        match self {
            0 => Scope::Sport(SportId(0)),
            1 => Scope::Fixture(fixture),
            _ => Scope::Market(fixture, market),
        }
    }
}

// One accepted sequence (two tickets and a void) was a panic. Any sequence, with ids that met and amounts at their bounds.
#[test]
fn no_sequence_of_commands_panics() {
    let mut accepted = 0;
    for seed in 0..100 {
        let mut random = Random(seed);
        let mut desk = Desk::new(Config { bet_delay_ms: 1_000, feed_silence_ms: 0, ..Config::default() }, 4);
        desk.deposit(99, STAKE_MINOR_MAX);
        for step in 0..120 {
            let body = random_body(&mut random);
            desk.now_ns =
                desk.now_ns.saturating_add(random.of(&[0, 0, 1, 1_000_000_000, 86_400_000_000_000]));
            if seed % 10 == 0 && step == 100 {
                desk.now_ns = i64::MAX;
            }
            desk.send(body);
            if step % 20 == 0 {
                desk.check();
            }
        }
        desk.check();
        accepted += desk.engine.counters().accepted_count;
    }
    assert!(accepted > 100, "{accepted} tickets were accepted");
}
