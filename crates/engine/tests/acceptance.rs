//! How a bet is taken beyond its limits: switches, customers' standing and own limits, stake windows, parts, offers,
//! referrals, delays, prices that were wrong.

use oddsengine_engine::{
    Body, Channel, Command, Config, CustomerFactor, CustomerTerms, Decided, Engine, Fact, FixtureRequest,
    LegRequest, LimitLevel, MoneyRequest, OddsChange, OddsVersion, OnLimit, Origin, OwnLimitKind, Period,
    Principal, Reason, Record, Ruling, Scope, ScopeSettings, StakeWindow, Standing, SwitchScope, Ticket,
    TicketRequest, TicketState, Verdict, WindowName, WindowPer, Wishes,
};
use oddsengine_facts::acceptance::{OFFERS_MAX, SWITCHES_MAX};
use oddsengine_markets::football::{FootballIncident, FootballIncidentKind as Kind};
use oddsengine_markets::{Format, Incident, MarketId, SelectionId};
use oddsengine_types::{Currency, CustomerId, FixtureId, Grade, SportId, TicketId, TransferId};

const CUSTOMER: CustomerId = CustomerId(7);
const SECOND_NS: i64 = 1_000_000_000;
const HOUR_NS: i64 = 3_600 * SECOND_NS;

/// Prices by hand at 2.00, 3.00 and 4.00, and customers with money; every step is folded by a second engine as well.
struct Desk {
    engine: Engine,
    folded: Engine,
    now_ns: i64,
    transfers: u128,
    last: Option<Decided>,
}

impl Desk {
    fn new(config: Config) -> Self {
        // Windows of a day need the tickets of a day.
        let config = Config { archive_after_ms: 24 * 3_600_000, ..config };
        let engine = Engine::new(config).unwrap();
        let (folded, now_ns) = (engine.clone(), 1_000 * HOUR_NS);
        let mut desk = Self { engine, folded, now_ns, transfers: 0, last: None };
        desk.send(Body::EpochStarted { epoch: 1 });
        for id in 1..=3 {
            desk.send(Body::AddFixture(Box::new(FixtureRequest {
                fixture: FixtureId(id),
                format: Format::FOOTBALL,
                competition: format!("cup {}", id % 2),
                start_ns: i64::MAX / 2,
                home: "Alba".into(),
                away: "Bruma".into(),
                entrants: Vec::new(),
            })));
            desk.manual(id, [20_000, 30_000, 40_000]);
        }
        desk.deposit(10_000_000);
        desk
    }

    fn step(&mut self, origin: Origin, body: Body) -> &Decided {
        self.now_ns += 1_000_000;
        let command = Command { time_ns: self.now_ns, origin, body };
        let decided = self.engine.step(&command);
        self.engine.price_changed();
        self.folded.fold(&Record { command, facts: decided.facts.clone() }).unwrap();
        self.last.insert(decided)
    }

    fn send(&mut self, body: Body) {
        self.step(Origin::default(), body);
    }

    /// Says something by the desk; why it was refused, if it was.
    fn desk(&mut self, body: Body) -> Option<Reason> {
        let origin = Origin { source: "desk.alice".into(), channel: Channel::Desk, ..Origin::default() };
        let decided = self.step(origin, body);
        decided.facts.iter().find_map(|fact| match fact {
            Fact::Refused { reason, .. } => Some(*reason),
            _ => None,
        })
    }

    fn manual(&mut self, fixture: u64, odds_e4: [u32; 3]) {
        self.send(Body::SetManualOdds {
            fixture: FixtureId(fixture),
            market: MarketId::of("1x2"),
            odds_e4: Some(odds_e4.to_vec()),
            keeps_in_play: true,
            override_by: "test".into(),
        });
    }

    fn deposit(&mut self, amount_minor: i64) -> Option<Reason> {
        self.transfers += 1;
        let request = MoneyRequest {
            transfer: TransferId(self.transfers),
            customer: CUSTOMER,
            amount_minor,
            currency: Currency::EUR,
        };
        self.send(Body::Deposit(request));
        self.last.as_ref().unwrap().facts.iter().find_map(|fact| match fact {
            Fact::MoneyRefused { reason, .. } => Some(*reason),
            _ => None,
        })
    }

    fn request(&self, ticket: u128, stake_minor: i64, legs: &[(u64, &str)]) -> TicketRequest {
        let version = OddsVersion { epoch: 1, seq: 1 };
        let leg = |&(fixture, selection): &(u64, &str)| LegRequest {
            fixture: FixtureId(fixture),
            selection: SelectionId::of("1x2", selection),
            odds_e4: match selection {
                "home" => 20_000,
                "draw" => 30_000,
                _ => 40_000,
            },
            version,
        };
        TicketRequest {
            ticket: TicketId(ticket),
            customer: CUSTOMER,
            currency: Currency::EUR,
            stake_minor,
            odds_change: OddsChange::None,
            legs: legs.iter().map(leg).collect(),
            plan: None,
            wishes: Wishes::default(),
        }
    }

    fn place(&mut self, request: TicketRequest) -> TicketState {
        let ticket = request.ticket;
        self.send(Body::PlaceTicket(Box::new(request)));
        self.ticket(ticket.0).state
    }

    fn bet(&mut self, ticket: u128, stake_minor: i64) -> TicketState {
        let request = self.request(ticket, stake_minor, &[(1, "home")]);
        self.place(request)
    }

    fn wish(&mut self, ticket: u128, stake_minor: i64, wishes: Wishes) -> TicketState {
        let request = TicketRequest { wishes, ..self.request(ticket, stake_minor, &[(1, "home")]) };
        self.place(request)
    }

    fn ticket(&self, ticket: u128) -> &Ticket {
        self.engine.ticket(TicketId(ticket)).expect("the ticket is known")
    }

    fn state(&self, ticket: u128) -> TicketState {
        self.ticket(ticket).state
    }

    fn switch(&mut self, scope: SwitchScope, is_off: bool) {
        let refused = self.desk(Body::SetSwitch { scope, is_off, reason: "a storm".into() });
        assert_eq!(refused, None);
    }

    fn rule(&mut self, ticket: u128, verdict: Verdict, stake_minor: i64, odds_e4: &[u32]) -> Option<Reason> {
        let ruling = Ruling { verdict, stake_minor, odds_e4: odds_e4.to_vec(), note: "seen".into() };
        self.desk(Body::RuleReferral { ticket: TicketId(ticket), ruling })
    }

    fn answer(&mut self, ticket: u128, takes: bool) -> TicketState {
        self.send(Body::AnswerOffer { ticket: TicketId(ticket), customer: CUSTOMER, takes });
        self.state(ticket)
    }

    fn kick_off(&mut self, fixture: u64) {
        let incident = FootballIncident { kind: Kind::KickOff, clock_ms: 0, score_after: None };
        self.send(Body::Incident { fixture: FixtureId(fixture), incident: Incident::Football(incident) });
    }

    fn pass(&mut self, time_ns: i64) {
        self.now_ns += time_ns;
        self.send(Body::Tick { read_ns: i64::MAX });
    }

    /// Every invariant holds, and what is stored comes back; the second engine is the same.
    fn check(&self) {
        for (name, result) in self.engine.invariants() {
            result.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        let mut restored = Engine::restore(&self.engine.snapshot()).expect("a snapshot is read back");
        assert_eq!(restored.state_hash(), self.engine.state_hash());
        restored.price_changed();
        assert_eq!(self.folded.state_hash(), self.engine.state_hash());
        assert_eq!(restored.next_due_ns(), self.engine.next_due_ns());
        let request = self.request(999, 1, &[(1, "home")]);
        assert_eq!(restored.max_stake(&request), self.engine.max_stake(&request));
    }

    fn available(&self) -> i64 {
        self.engine.available_minor(CUSTOMER)
    }
}

fn window(name: &str, per: WindowPer, period_ms: i64, stake_minor_max: i64) -> StakeWindow {
    StakeWindow { name: WindowName::new(name).unwrap(), per, period_ms, stake_minor_max }
}

const DAY_MS: i64 = 86_400_000;

// A wagering disable switch existed for nothing but a suspended fixture: nobody could stop all bets, those of a shop, or of a
// customer. Each switch refuses by its own reason, the first in order where several are off, and its owner is told.
#[test]
fn every_switch_refuses_by_its_own_reason_in_order_of_precedence() {
    let mut desk = Desk::new(Config::default());
    let football = SportId(0);
    let scopes = [
        (SwitchScope::All, Reason::BettingDisabled),
        (SwitchScope::Channel("shop".into()), Reason::ChannelDisabled),
        (SwitchScope::Customer(CUSTOMER), Reason::CustomerDisabled),
        (SwitchScope::Of(Scope::Sport(football)), Reason::SportDisabled),
        (SwitchScope::Of(Scope::Competition("cup 1".into())), Reason::CompetitionDisabled),
        (SwitchScope::Of(Scope::Fixture(FixtureId(1))), Reason::FixtureDisabled),
        (SwitchScope::Of(Scope::Market(FixtureId(1), MarketId::of("1x2"))), Reason::MarketDisabled),
    ];
    let by_shop = |principal: Principal| Origin { source: "orders".into(), principal, ..Origin::default() };
    let mut id = 0;
    let mut bet = |desk: &mut Desk, fixture| {
        id += 1;
        let request = desk.request(id, 100, &[(fixture, "home")]);
        desk.step(by_shop(Principal::of_key("shop")), Body::PlaceTicket(Box::new(request)));
        desk.state(id)
    };
    for (scope, _) in &scopes {
        desk.switch(scope.clone(), true);
    }
    for (scope, reason) in &scopes {
        assert_eq!(bet(&mut desk, 1), TicketState::Refused(*reason));
        desk.switch(scope.clone(), false);
    }
    assert_eq!(bet(&mut desk, 1), TicketState::Open);
    // Another fixture's market, competition and channel are not concerned, and a query says the same as a bet.
    for (scope, _) in scopes.iter().skip(4) {
        desk.switch(scope.clone(), true);
    }
    assert_eq!(bet(&mut desk, 2), TicketState::Open);
    let request = desk.request(500, 100, &[(1, "home")]);
    assert_eq!(desk.engine.max_stake(&request), Err(Reason::CompetitionDisabled));
    let switch = &desk.engine.switches()[&scopes[4].0];
    assert_eq!((switch.owner.as_str(), switch.reason.as_str()), ("desk.alice", "a storm"));
    let nobody = desk.desk(Body::SetSwitch { scope: SwitchScope::All, is_off: false, reason: String::new() });
    assert_eq!(nobody, Some(Reason::OutOfSequence));
    let blank = desk.desk(Body::SetSwitch { scope: SwitchScope::All, is_off: true, reason: String::new() });
    assert_eq!(blank, Some(Reason::ValueOutOfBounds));
    desk.check();
}

// A bet that waits when its fixture is switched off was taken at the end of its delay all the same.
#[test]
fn a_switch_refuses_a_bet_that_waits() {
    let mut desk = Desk::new(Config { bet_delay_ms: 1_000, ..Config::default() });
    desk.kick_off(1);
    assert_eq!(desk.bet(1, 100), TicketState::Delayed);
    desk.switch(SwitchScope::Of(Scope::Fixture(FixtureId(1))), true);
    desk.pass(2 * SECOND_NS);
    assert_eq!(desk.state(1), TicketState::Refused(Reason::FixtureDisabled));
    assert_eq!(desk.available(), 10_000_000);
    desk.check();
}

// A customer was blocked by a factor of 0 and nothing else: deposits went on, and a self-exclusion could be ended at any time.
#[test]
fn bets_and_deposits_are_taken_of_active_customers_alone() {
    let mut desk = Desk::new(Config::default());
    let stand = |desk: &mut Desk, standing| {
        desk.desk(Body::SetStanding { customer: CUSTOMER, standing, reason: "asked".into() })
    };
    let until_ns = desk.now_ns + HOUR_NS;
    for (ticket, standing, reason) in [
        (1, Standing::Suspended, Reason::CustomerSuspended),
        (2, Standing::Closed, Reason::CustomerClosed),
        (3, Standing::SelfExcluded(until_ns), Reason::CustomerSelfExcluded),
    ] {
        assert_eq!(stand(&mut desk, standing), None);
        assert_eq!(desk.bet(ticket, 100), TicketState::Refused(reason));
        assert_eq!(desk.deposit(100), Some(reason));
    }
    desk.check();
    for shorter in [Standing::Active, Standing::Closed, Standing::SelfExcluded(until_ns - 1)] {
        assert_eq!(stand(&mut desk, shorter), Some(Reason::OutOfSequence));
    }
    assert_eq!(stand(&mut desk, Standing::SelfExcluded(until_ns + HOUR_NS)), None);
    desk.pass(HOUR_NS);
    assert_eq!(desk.bet(4, 100), TicketState::Refused(Reason::CustomerSelfExcluded));
    desk.pass(HOUR_NS);
    assert_eq!((desk.bet(5, 100), desk.deposit(100)), (TicketState::Open, None));
}

// Customers could not limit themselves. A lower limit holds at once; a higher one after its delay, when it is confirmed.
#[test]
fn own_limits_fall_at_once_and_rise_after_a_delay() {
    let mut desk = Desk::new(Config { limit_increase_ms: 3_600_000, ..Config::default() });
    let set = |desk: &mut Desk, kind, limit_minor| {
        desk.desk(Body::SetOwnLimit { customer: CUSTOMER, kind, period: Period::Day, limit_minor })
    };
    let confirm = |desk: &mut Desk, kind| {
        desk.desk(Body::ConfirmOwnLimit { customer: CUSTOMER, kind, period: Period::Day })
    };
    let stake = OwnLimitKind::Stake;
    assert_eq!(desk.bet(1, 5_000), TicketState::Open);
    assert_eq!(set(&mut desk, stake, None), Some(Reason::OutOfSequence));
    assert_eq!(set(&mut desk, stake, Some(1_000)), None);
    assert_eq!(desk.bet(2, 1_001), TicketState::Refused(Reason::ExceedsOwnStakeLimit));
    assert_eq!(desk.bet(3, 600), TicketState::Open);
    assert_eq!(desk.bet(4, 401), TicketState::Refused(Reason::ExceedsOwnStakeLimit));
    let largest = desk.engine.max_stake(&desk.request(999, 1, &[(2, "home")])).unwrap();
    assert_eq!(
        (largest.level, largest.stake_minor_max, largest.used_minor),
        (LimitLevel::OwnStake, 400, 600)
    );
    assert_eq!(set(&mut desk, stake, Some(2_000)), None);
    assert_eq!(desk.bet(5, 401), TicketState::Refused(Reason::ExceedsOwnStakeLimit));
    assert_eq!(confirm(&mut desk, stake), Some(Reason::OutOfSequence));
    desk.pass(HOUR_NS);
    // Not before it is confirmed.
    assert_eq!(desk.bet(6, 401), TicketState::Refused(Reason::ExceedsOwnStakeLimit));
    assert_eq!(confirm(&mut desk, stake), None);
    assert_eq!(desk.bet(7, 1_400), TicketState::Open);
    assert_eq!(desk.bet(8, 10), TicketState::Refused(Reason::ExceedsOwnStakeLimit));
    desk.check();
    // It rolls: by the hour.
    desk.pass(25 * HOUR_NS);
    assert_eq!(desk.bet(9, 2_000), TicketState::Open);
    // A lower one ends a higher one that waits, and a withdrawn bet counts no more.
    assert_eq!(set(&mut desk, stake, None), None);
    assert_eq!(set(&mut desk, stake, Some(2_000)), None);
    assert_eq!(confirm(&mut desk, stake), Some(Reason::OutOfSequence));
    desk.send(Body::CancelTicket { ticket: TicketId(9) });
    assert_eq!(desk.bet(10, 2_000), TicketState::Open);
    desk.check();
    let deposits = OwnLimitKind::Deposit;
    assert_eq!(set(&mut desk, deposits, Some(500)), None);
    assert_eq!((desk.deposit(300), desk.deposit(201)), (None, Some(Reason::ExceedsOwnDepositLimit)));
    assert_eq!(desk.deposit(200), None);
    desk.check();
}

// A loss is what bets of the period cost: a bet that is paid makes room, and takes it away again when its result is taken back.
#[test]
fn an_own_limit_on_losses_follows_the_results() {
    let mut desk = Desk::new(Config::default());
    let (kind, period) = (OwnLimitKind::Loss, Period::Week);
    let limit = Body::SetOwnLimit { customer: CUSTOMER, kind, period, limit_minor: Some(1_000) };
    assert_eq!(desk.desk(limit), None);
    assert_eq!(desk.bet(1, 1_000), TicketState::Open);
    let more = |desk: &mut Desk, ticket, stake_minor| {
        let request = desk.request(ticket, stake_minor, &[(2, "home")]);
        desk.place(request)
    };
    assert_eq!(more(&mut desk, 2, 100), TicketState::Refused(Reason::ExceedsOwnLossLimit));
    let settle = |grades: Option<[Grade; 3]>| Body::SettleMarket {
        fixture: FixtureId(1),
        market: MarketId::of("1x2"),
        grades: grades.map(|grades| grades.to_vec()),
    };
    desk.send(settle(Some([Grade::WON, Grade::LOST, Grade::LOST])));
    assert_eq!(desk.ticket(1).paid_minor, 2_000);
    assert_eq!(more(&mut desk, 3, 2_001), TicketState::Refused(Reason::ExceedsOwnLossLimit));
    desk.check();
    desk.send(settle(None));
    assert_eq!(more(&mut desk, 4, 100), TicketState::Refused(Reason::ExceedsOwnLossLimit));
    desk.send(settle(Some([Grade::WON, Grade::LOST, Grade::LOST])));
    assert_eq!(more(&mut desk, 5, 2_000), TicketState::Open);
    desk.check();
}

// A customer had one factor for all sports, before the start and in play.
#[test]
fn the_most_specific_factor_of_a_customer_holds() {
    let mut desk = Desk::new(Config { stake_minor_max: 10_000, ..Config::default() });
    let factor = |sport: Option<u8>, in_play, factor_e3| CustomerFactor {
        sport: sport.map(SportId),
        in_play,
        factor_e3,
    };
    let terms = CustomerTerms {
        factors: vec![factor(None, Some(true), 100), factor(Some(0), None, 500), factor(Some(1), None, 1)],
        ..CustomerTerms::default()
    };
    let set = |desk: &mut Desk, terms| desk.desk(Body::SetCustomerTerms { customer: CUSTOMER, terms });
    assert_eq!(set(&mut desk, terms.clone()), None);
    let largest =
        |desk: &Desk| desk.engine.max_stake(&desk.request(999, 1, &[(1, "home")])).unwrap().stake_minor_max;
    assert_eq!(largest(&desk), 5_000);
    desk.kick_off(1);
    assert_eq!(largest(&desk), 5_000);
    let mut narrow = terms.clone();
    narrow.factors.push(factor(Some(0), Some(true), 200));
    assert_eq!(set(&mut desk, narrow), None);
    assert_eq!(largest(&desk), 2_000);
    let many = CustomerTerms {
        factors: (0..33).map(|sport| factor(Some(sport), None, 1)).collect(),
        ..CustomerTerms::default()
    };
    assert_eq!(set(&mut desk, many), Some(Reason::ValueOutOfBounds));
    let mut twice = terms;
    twice.factors.push(factor(Some(0), None, 1));
    assert_eq!(set(&mut desk, twice), Some(Reason::ValueOutOfBounds));
    desk.check();
}

// A maximum bet was per ticket, and several tickets passed it (a case from the field): with most 100 on a selection, ten bets
// of 20, as singles and as legs of multiples, are 100 together, and the refusal names the window.
#[test]
fn a_stake_window_adds_up_singles_and_legs_of_multiples() {
    let day = window("day", WindowPer::Selection, DAY_MS, 10_000);
    let mut desk = Desk::new(Config { stake_windows: vec![day], ..Config::default() });
    let mut taken_minor = 0;
    for ticket in 1..=10 {
        let legs: &[(u64, &str)] = if ticket % 2 == 0 { &[(1, "home"), (2, "away")] } else { &[(1, "home")] };
        let request = desk.request(ticket, 2_000, legs);
        match desk.place(request) {
            TicketState::Open => taken_minor += 2_000,
            state => {
                assert_eq!(state, TicketState::Refused(Reason::ExceedsStakeWindow));
                let check = desk.ticket(ticket).binding().copied().unwrap();
                assert_eq!(check.window.unwrap().as_str(), "day");
                assert_eq!((check.limit_minor, check.used_minor, check.stake_minor_max), (10_000, 10_000, 0));
            }
        }
    }
    assert_eq!(taken_minor, 10_000);
    // Another selection, and another customer, have their own.
    let request = desk.request(20, 2_000, &[(1, "away")]);
    assert_eq!(desk.place(request), TicketState::Open);
    desk.check();
    // It rolls.
    desk.pass(24 * HOUR_NS);
    assert_eq!(desk.bet(21, 10_000), TicketState::Open);
    assert_eq!(desk.bet(22, 10), TicketState::Refused(Reason::ExceedsStakeWindow));
    desk.send(Body::CancelTicket { ticket: TicketId(21) });
    assert_eq!(desk.bet(23, 10_000), TicketState::Open);
    desk.check();
}

// Windows over a market, a fixture and the customer count what the others do not, and what was staked before one was configured.
#[test]
fn windows_over_markets_fixtures_and_customers() {
    let mut desk = Desk::new(Config::default());
    assert_eq!(desk.bet(1, 1_000), TicketState::Open);
    let windows = vec![
        window("market", WindowPer::Market, DAY_MS, 2_000),
        window("fixture", WindowPer::Fixture, DAY_MS, 5_000),
        window("all", WindowPer::Customer, DAY_MS, 6_000),
    ];
    desk.send(Body::Configure(Box::new(Config {
        stake_windows: windows.clone(),
        ..desk.engine.config().clone()
    })));
    let largest = |desk: &Desk, legs: &[(u64, &str)]| {
        let check = desk.engine.max_stake(&desk.request(999, 1, legs)).unwrap();
        (check.window.unwrap().as_str().to_owned(), check.stake_minor_max)
    };
    assert_eq!(largest(&desk, &[(1, "away")]), ("market".to_owned(), 1_000));
    assert_eq!(largest(&desk, &[(2, "away")]), ("market".to_owned(), 2_000));
    let request = desk.request(2, 2_000, &[(2, "home"), (3, "home")]);
    assert_eq!(desk.place(request), TicketState::Open);
    // Both legs count with the whole stake, the customer's window once.
    let used_up = desk.request(999, 1, &[(3, "away")]);
    assert_eq!(desk.engine.max_stake(&used_up), Err(Reason::ExceedsStakeWindow));
    let narrow = vec![window("all", WindowPer::Customer, DAY_MS, 3_500)];
    desk.send(Body::Configure(Box::new(Config { stake_windows: narrow, ..desk.engine.config().clone() })));
    assert_eq!(largest(&desk, &[(1, "away")]), ("all".to_owned(), 500));
    desk.check();
    // Tickets leave for the archive before such a window is over: what it counts would be gone.
    let long = vec![window("long", WindowPer::Customer, 2 * DAY_MS, 3_500)];
    assert!(Config { stake_windows: long, ..Config::default() }.check().is_err());
    let many = (0..9).map(|number| window(&format!("w{number}"), WindowPer::Customer, 1, 1)).collect();
    assert!(Config { stake_windows: many, ..Config::default() }.check().is_err());
    let twice = vec![windows[0], windows[0]];
    assert!(Config { stake_windows: twice, ..Config::default() }.check().is_err());
    assert!(WindowName::new("a name with spaces").is_none());
}

const PART: Wishes = Wishes { on_limit: OnLimit::Part, reoffers_odds: false, part_minor_min: 0 };
const REOFFER: Wishes = Wishes { on_limit: OnLimit::Reoffer, reoffers_odds: true, part_minor_min: 0 };

// A bet above a limit was refused whole, though its customer would have taken what was left.
#[test]
fn the_part_that_limits_allow_is_taken() {
    let mut desk = Desk::new(Config { stake_minor_max: 1_000, ..Config::default() });
    assert_eq!(desk.wish(1, 1_500, Wishes::default()), TicketState::Refused(Reason::ExceedsCustomerLimit));
    let least = Wishes { part_minor_min: 1_001, ..PART };
    assert_eq!(desk.wish(2, 1_500, least), TicketState::Refused(Reason::ExceedsCustomerLimit));
    assert_eq!(desk.wish(3, 1_500, PART), TicketState::Open);
    let ticket = desk.ticket(3);
    assert_eq!((ticket.stake_minor, ticket.payout_minor_max), (1_000, 2_000));
    assert_eq!(ticket.handling.as_ref().unwrap().asked_minor, 1_500);
    assert_eq!(desk.available(), 10_000_000 - 1_000);
    // The same request again is the same bet.
    assert_eq!(desk.wish(3, 1_500, PART), TicketState::Open);
    assert_eq!(desk.available(), 10_000_000 - 1_000);
    assert_eq!(desk.wish(4, 1_500, PART), TicketState::Refused(Reason::ExceedsCustomerLimit));
    desk.check();
}

// What is offered instead is no bet: nothing is reserved, everything is judged again when it is taken, and it ends by itself.
#[test]
fn a_smaller_stake_is_offered_and_judged_again() {
    let mut desk = Desk::new(Config { stake_minor_max: 1_000, offer_ms: 5_000, ..Config::default() });
    let state = TicketState::Reoffered(Reason::ExceedsCustomerLimit);
    for ticket in 1..=4 {
        assert_eq!(desk.wish(ticket, 1_500, REOFFER), state);
    }
    let offer = desk.ticket(1).offer().unwrap();
    assert_eq!((offer.stake_minor, offer.due_ns), (1_000, desk.ticket(1).received_ns + 5 * SECOND_NS));
    assert_eq!((desk.available(), desk.engine.platform_loss_minor()), (10_000_000, 0));
    desk.check();
    assert_eq!(desk.answer(1, true), TicketState::Open);
    assert_eq!((desk.ticket(1).stake_minor, desk.available()), (1_000, 10_000_000 - 1_000));
    // The limit is used up now, and the same answer again changes nothing.
    assert_eq!(desk.answer(2, true), TicketState::Refused(Reason::ExceedsCustomerLimit));
    assert_eq!(desk.answer(1, true), TicketState::Open);
    assert_eq!(desk.answer(3, false), TicketState::Refused(Reason::OfferDeclined));
    desk.send(Body::AnswerOffer { ticket: TicketId(4), customer: CustomerId(8), takes: true });
    assert_eq!(desk.state(4), state);
    desk.pass(5 * SECOND_NS);
    assert_eq!(desk.state(4), TicketState::Refused(Reason::OfferExpired));
    assert_eq!(desk.answer(4, true), TicketState::Refused(Reason::OfferExpired));
    desk.check();
}

// An offer needs no money: without a bound each would be kept, and one that nobody takes would be kept for ever.
#[test]
fn offers_and_switches_are_bounded() {
    let mut desk = Desk::new(Config { stake_minor_max: 1_000, ..Config::default() });
    let state = TicketState::Reoffered(Reason::ExceedsCustomerLimit);
    let offers = u128::from(OFFERS_MAX);
    for ticket in 1..=offers {
        assert_eq!(desk.wish(ticket, 1_500, REOFFER), state);
    }
    assert_eq!(desk.wish(offers + 1, 1_500, REOFFER), TicketState::Refused(Reason::ExceedsCustomerLimit));
    assert_eq!(desk.answer(1, false), TicketState::Refused(Reason::OfferDeclined));
    assert!(desk.ticket(1).is_refused_at_once());
    assert_eq!(desk.wish(offers + 2, 1_500, REOFFER), state);
    desk.check();
    for number in 0..SWITCHES_MAX {
        desk.switch(SwitchScope::Channel(format!("shop {number}")), true);
    }
    let further = |is_off| Body::SetSwitch { scope: SwitchScope::All, is_off, reason: "a storm".into() };
    assert_eq!(desk.desk(further(true)), Some(Reason::ValueOutOfBounds));
    desk.switch(SwitchScope::Channel("shop 7".into()), false);
    assert_eq!(desk.desk(further(true)), None);
}

#[test]
fn present_odds_are_offered_where_they_have_moved() {
    let mut desk = Desk::new(Config::default());
    desk.manual(1, [19_000, 30_000, 40_000]);
    assert_eq!(desk.bet(1, 100), TicketState::Refused(Reason::OddsHaveMoved));
    for ticket in 2..=3 {
        assert_eq!(desk.wish(ticket, 100, REOFFER), TicketState::Reoffered(Reason::OddsHaveMoved));
    }
    assert_eq!(desk.ticket(2).offer().unwrap().odds_e4, [19_000]);
    assert_eq!(desk.answer(2, true), TicketState::Open);
    assert_eq!((desk.ticket(2).legs[0].odds_e4, desk.ticket(2).payout_minor_max), (19_000, 190));
    desk.manual(1, [18_000, 30_000, 40_000]);
    assert_eq!(desk.answer(3, true), TicketState::Refused(Reason::OddsHaveMoved));
    let off = Config { offer_ms: 0, ..Config::default() };
    desk.send(Body::Configure(Box::new(off)));
    assert_eq!(desk.wish(4, 100, REOFFER), TicketState::Refused(Reason::OddsHaveMoved));
    desk.check();
}

fn referring() -> Config {
    Config { referral_stake_minor: Some(1_000), referral_ms: 30_000, ..Config::default() }
}

// Every stake within the limits was taken by the engine alone. Above a threshold a trader is asked: the stake is reserved and
// the liability with it, and what they decide is judged again.
#[test]
fn a_trader_accepts_parts_counters_or_declines() {
    let mut desk = Desk::new(referring());
    assert_eq!(desk.bet(1, 1_000), TicketState::Open);
    for ticket in 2..=5 {
        assert_eq!(desk.bet(ticket, 2_000), TicketState::Referred);
    }
    assert_eq!(desk.available(), 10_000_000 - 9_000);
    assert_eq!(desk.engine.waiting().count(), 4);
    desk.check();
    assert_eq!(desk.rule(1, Verdict::Accept, 0, &[]), Some(Reason::TicketNotOpen));
    assert_eq!(desk.rule(99, Verdict::Accept, 0, &[]), Some(Reason::TicketNotFound));
    assert_eq!(desk.rule(2, Verdict::Expire, 0, &[]), Some(Reason::ValueOutOfBounds));
    assert_eq!(desk.rule(2, Verdict::Part, 2_001, &[]), Some(Reason::ValueOutOfBounds));
    assert_eq!(desk.rule(2, Verdict::Counter, 500, &[20_001]), Some(Reason::ValueOutOfBounds));
    assert_eq!(desk.rule(2, Verdict::Accept, 0, &[]), None);
    assert_eq!(desk.rule(3, Verdict::Part, 500, &[]), None);
    assert_eq!(desk.rule(4, Verdict::Counter, 1_500, &[19_000]), None);
    assert_eq!(desk.rule(5, Verdict::Decline, 0, &[]), None);
    let states: Vec<TicketState> = (2..=5).map(|ticket| desk.state(ticket)).collect();
    let declined = Reason::ReferralDeclined;
    let expected = [
        TicketState::Open,
        TicketState::Open,
        TicketState::Reoffered(declined),
        TicketState::Refused(declined),
    ];
    assert_eq!(states, expected);
    assert_eq!((desk.ticket(3).stake_minor, desk.available()), (500, 10_000_000 - 3_500));
    let referral = desk.ticket(3).referral().unwrap();
    assert_eq!((referral.verdict, referral.by.as_str()), (Some(Verdict::Part), "desk.alice"));
    assert_eq!((referral.note.as_str(), referral.threshold_minor), ("seen", 1_000));
    desk.check();
    // A trader's odds are taken as offered, though the board has others; no trader is asked again.
    assert_eq!(desk.answer(4, true), TicketState::Open);
    assert_eq!((desk.ticket(4).legs[0].odds_e4, desk.ticket(4).stake_minor), (19_000, 1_500));
    assert_eq!(desk.available(), 10_000_000 - 5_000);
    desk.check();
    let grades = Some(vec![Grade::WON, Grade::LOST, Grade::LOST]);
    desk.send(Body::SettleMarket { fixture: FixtureId(1), market: MarketId::of("1x2"), grades });
    let paid: Vec<i64> = (1..=4).map(|ticket| desk.ticket(ticket).paid_minor).collect();
    assert_eq!(paid, [2_000, 4_000, 1_000, 2_850]);
    desk.check();
}

#[test]
fn a_referral_that_nobody_answers_is_declined_or_decided_by_the_limits() {
    for takes in [false, true] {
        let mut desk = Desk::new(Config { referral_takes_unanswered: takes, ..referring() });
        assert_eq!(desk.bet(1, 2_000), TicketState::Referred);
        desk.pass(29 * SECOND_NS);
        assert_eq!(desk.state(1), TicketState::Referred);
        desk.pass(SECOND_NS);
        let (state, verdict) = match takes {
            true => (TicketState::Open, Verdict::Automatic),
            false => (TicketState::Refused(Reason::ReferralExpired), Verdict::Expire),
        };
        assert_eq!((desk.state(1), desk.ticket(1).referral().unwrap().verdict), (state, Some(verdict)));
        assert_eq!(desk.rule(1, Verdict::Accept, 0, &[]), Some(Reason::TicketNotOpen));
        desk.check();
    }
}

// What a trader accepts may no longer be taken: the price moved, the limit is used up, the customer is gone.
#[test]
fn what_a_trader_accepts_is_judged_again() {
    let mut desk = Desk::new(Config { stake_minor_max: 3_000, ..referring() });
    for ticket in 1..=3 {
        let selection = ["home", "draw", "away"][ticket as usize - 1];
        let request = desk.request(ticket, 2_000, &[(1, selection)]);
        assert_eq!(desk.place(request), TicketState::Referred);
    }
    desk.send(Body::Configure(Box::new(Config { stake_minor_max: 1_999, ..referring() })));
    assert_eq!(desk.rule(1, Verdict::Accept, 0, &[]), None);
    assert_eq!(desk.state(1), TicketState::Refused(Reason::ExceedsCustomerLimit));
    desk.send(Body::Configure(Box::new(referring())));
    desk.send(Body::SetCustomer { customer: CUSTOMER, factor_e3: 0 });
    assert_eq!(desk.rule(2, Verdict::Part, 500, &[]), None);
    assert_eq!(desk.state(2), TicketState::Refused(Reason::CustomerBlocked));
    desk.send(Body::SetCustomer { customer: CUSTOMER, factor_e3: 1_000 });
    desk.manual(1, [20_000, 30_000, 38_000]);
    assert_eq!(desk.rule(3, Verdict::Accept, 0, &[]), None);
    assert_eq!(desk.state(3), TicketState::Refused(Reason::OddsHaveMoved));
    assert_eq!(desk.available(), 10_000_000);
    desk.check();
}

// A trader's yes in play is no way around the delay: the rest of it is waited for, with the feeds read that far.
#[test]
fn in_play_a_trader_ends_no_delay() {
    let mut desk = Desk::new(Config { bet_delay_ms: 8_000, ..referring() });
    desk.kick_off(1);
    assert_eq!((desk.bet(1, 2_000), desk.bet(2, 2_000)), (TicketState::Referred, TicketState::Referred));
    assert_eq!(desk.rule(1, Verdict::Accept, 0, &[]), None);
    assert_eq!(desk.rule(2, Verdict::Part, 600, &[]), None);
    assert_eq!((desk.state(1), desk.state(2)), (TicketState::Delayed, TicketState::Delayed));
    assert_eq!(desk.ticket(1).due_ns, desk.ticket(1).received_ns + 8 * SECOND_NS);
    assert_eq!(desk.available(), 10_000_000 - 2_600);
    desk.check();
    desk.pass(8 * SECOND_NS);
    assert_eq!((desk.state(1), desk.state(2)), (TicketState::Open, TicketState::Open));
    desk.check();
}

// The threshold of the narrowest scope holds, and a customer's own one before it; a flagged customer always goes to a trader.
#[test]
fn thresholds_of_scopes_and_customers() {
    let mut desk = Desk::new(referring());
    let set = |desk: &mut Desk, scope, minor| {
        let settings = ScopeSettings { referral_stake_minor: Some(minor), ..ScopeSettings::default() };
        desk.send(Body::SetScope { scope, settings });
    };
    let football = SportId(0);
    set(&mut desk, Scope::Sport(football), 2_000);
    assert_eq!((desk.bet(1, 2_000), desk.bet(2, 2_001)), (TicketState::Open, TicketState::Referred));
    set(&mut desk, Scope::MarketType(football, "1x2".into()), 2_500);
    assert_eq!((desk.bet(3, 2_500), desk.bet(4, 2_501)), (TicketState::Open, TicketState::Referred));
    set(&mut desk, Scope::Competition("cup 1".into()), 3_000);
    assert_eq!((desk.bet(5, 3_000), desk.bet(6, 3_001)), (TicketState::Open, TicketState::Referred));
    set(&mut desk, Scope::Market(FixtureId(1), MarketId::of("1x2")), 100);
    assert_eq!((desk.bet(7, 100), desk.bet(8, 101)), (TicketState::Open, TicketState::Referred));
    let mut terms = CustomerTerms { referral_stake_minor: Some(5_000), ..CustomerTerms::default() };
    desk.desk(Body::SetCustomerTerms { customer: CUSTOMER, terms: terms.clone() });
    assert_eq!((desk.bet(9, 5_000), desk.bet(10, 5_001)), (TicketState::Open, TicketState::Referred));
    terms.is_flagged = true;
    desk.desk(Body::SetCustomerTerms { customer: CUSTOMER, terms });
    assert_eq!(desk.bet(11, 10), TicketState::Referred);
    desk.check();
}

// A delay could be set for a fixture and not for a market; and a bet of a few cents waited as long as any other.
#[test]
fn delays_of_markets_and_small_bets() {
    let mut desk = Desk::new(Config { bet_delay_ms: 1_000, delay_skip_minor: 1_000, ..Config::default() });
    desk.kick_off(1);
    let settings = ScopeSettings { bet_delay_ms: Some(7_000), ..ScopeSettings::default() };
    desk.send(Body::SetScope { scope: Scope::Market(FixtureId(1), MarketId::of("1x2")), settings });
    // Without a model nobody knows how likely the bet is.
    assert_eq!(desk.wait_ns(1, 10), 7 * SECOND_NS);
    desk.expect(2);
    desk.kick_off(2);
    // At fair odds less a margin of 5 % a stake is expected to return a little less than itself.
    assert_eq!((desk.small(2, 900), desk.small(3, 1_100)), (0, SECOND_NS));
    let terms = CustomerTerms { is_flagged: true, ..CustomerTerms::default() };
    desk.desk(Body::SetCustomerTerms { customer: CUSTOMER, terms });
    assert_eq!(desk.small(4, 900), 30 * SECOND_NS);
    assert_eq!(desk.rule(4, Verdict::Accept, 0, &[]), None);
    assert_eq!(desk.state(4), TicketState::Delayed);
    desk.check();
}

impl Desk {
    /// How long a bet waits.
    fn wait_ns(&mut self, ticket: u128, stake_minor: i64) -> i64 {
        self.bet(ticket, stake_minor);
        self.waited_ns(ticket)
    }

    fn waited_ns(&self, ticket: u128) -> i64 {
        let ticket = self.ticket(ticket);
        if ticket.due_ns == 0 { 0 } else { ticket.due_ns - ticket.received_ns }
    }

    /// Prices of a model instead of those by hand.
    fn expect(&mut self, fixture: u64) {
        let (fixture, market) = (FixtureId(fixture), MarketId::of("1x2"));
        let (keeps_in_play, override_by) = (false, String::new());
        self.send(Body::SetManualOdds { fixture, market, odds_e4: None, keeps_in_play, override_by });
        let (supremacy_e6, total_e6) = (200_000, 2_500_000);
        self.send(Body::SetExpectation { fixture, supremacy_e6, total_e6, mode: None, weight_e3: 0 });
    }

    /// The same of a bet at the model's price.
    fn small(&mut self, ticket: u128, stake_minor: i64) -> i64 {
        let mut request = self.request(ticket, stake_minor, &[(2, "home")]);
        request.odds_change = OddsChange::Any;
        self.place(request);
        self.waited_ns(ticket)
    }
}

// Bets placed on a price that was wrong for a moment: at the end of the delay the price is far longer than it was, and the bet
// was taken at the longer one.
#[test]
fn an_abnormal_improvement_lapses_the_bet() {
    for (odds_e4, expected) in
        [(30_000, TicketState::Open), (30_001, TicketState::Refused(Reason::PriceImproved))]
    {
        let config = Config { bet_delay_ms: 1_000, improvement_e4: 5_000, ..Config::default() };
        let mut desk = Desk::new(config);
        desk.kick_off(1);
        let mut request = desk.request(1, 100, &[(1, "home")]);
        request.odds_change = OddsChange::Higher;
        assert_eq!(desk.place(request), TicketState::Delayed);
        let moved = desk.reprice_quietly(odds_e4);
        assert_eq!(moved, expected);
    }
}

impl Desk {
    /// Sets a price and counts no interruption, as a model does: a bet that waits sees nothing but the price.
    fn reprice_quietly(&mut self, odds_e4: u32) -> TicketState {
        let market = MarketId::of("1x2");
        let desk = oddsengine_engine::MarketDesk {
            manual_odds_e4: Some(vec![odds_e4, 30_000, 40_000]),
            keeps_in_play: true,
            override_by: "test".into(),
            ..Default::default()
        };
        self.now_ns += 1_000_000;
        let facts = vec![Fact::MarketSet {
            fixture: FixtureId(1),
            market,
            desk: Some(Box::new(desk)),
            interrupts: false,
        }];
        let command =
            Command { time_ns: self.now_ns, origin: Origin::default(), body: Body::Tick { read_ns: 0 } };
        let record = Record { command, facts };
        self.engine.fold(&record).unwrap();
        self.engine.price_changed();
        self.folded.fold(&record).unwrap();
        self.pass(2 * SECOND_NS);
        self.state(1)
    }
}
