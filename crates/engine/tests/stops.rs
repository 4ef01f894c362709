//! What stops trading, who lifts it, and what a bet that waits sees of it.

use oddsengine_engine::{
    Answer, Body, Channel, Command, Config, Decided, Engine, Fact, FixtureRequest, LegRequest, MarketStatus,
    MoneyRequest, OddsChange, OddsVersion, Origin, PricedMarket, Reason, Record, Stop, StopSet,
    TicketRequest, TicketState,
};
use oddsengine_markets::football::{FootballIncident, FootballIncidentKind as Kind, Side};
use oddsengine_markets::{Format, Incident, LivePhase, MarketId, SelectionId};
use oddsengine_types::{Currency, CustomerId, FixtureId, Grade, TicketId, TransferId};

const MATCH: FixtureId = FixtureId(1);
const CUSTOMER: CustomerId = CustomerId(7);
const SECOND: i64 = 1_000_000_000;
const START_NS: i64 = 1_700_000_000 * SECOND;

#[derive(Default)]
struct Told {
    alerts: Vec<String>,
    refusals: Vec<(Reason, String)>,
    duplicates: usize,
}

impl Told {
    fn take(&mut self, decided: Decided) {
        for fact in decided.facts {
            match fact {
                Fact::Alerted { alert, .. } => self.alerts.push(alert),
                Fact::Refused { reason, detail } => self.refusals.push((reason, detail)),
                _ => {}
            }
        }
        self.duplicates += usize::from(decided.answer == Answer::Repeated);
    }
}

struct World {
    engine: Engine,
    /// Folds what the other decides, and decides nothing.
    folded: Engine,
    now_ns: i64,
    told: Told,
    seq: u64,
    ticket_count: u128,
}

impl World {
    /// A match before its start, priced, with a customer who has money.
    fn new() -> Self {
        Self::with(Config { bet_delay_ms: 1_000, ..Config::default() }, START_NS + 3_600 * SECOND)
    }

    fn with(config: Config, start_ns: i64) -> Self {
        let engine = Engine::new(config).unwrap();
        let folded = engine.clone();
        let mut world =
            Self { engine, folded, now_ns: START_NS, told: Told::default(), seq: 0, ticket_count: 0 };
        world.runtime(Body::EpochStarted { epoch: 1 });
        world.feed(Body::AddFixture(Box::new(FixtureRequest {
            fixture: MATCH,
            format: Format::FOOTBALL,
            competition: "cup".into(),
            start_ns,
            home: "Alba".into(),
            away: "Bruma".into(),
            entrants: Vec::new(),
        })));
        world.prices([33_600, 36_300, 21_000], [20_400, 17_900]);
        world.desk(Body::Deposit(MoneyRequest {
            transfer: TransferId(1),
            customer: CUSTOMER,
            amount_minor: 1_000_000,
            currency: Currency::EUR,
        }));
        assert!(world.told.alerts.is_empty() && world.told.refusals.is_empty());
        world
    }

    /// The same in play at 0-0.
    fn in_play() -> Self {
        let mut world = Self::new();
        world.incident(Kind::KickOff, 0, Some((0, 0)));
        world
    }

    fn send(&mut self, origin: Origin, body: Body) {
        self.carry_out(Command { time_ns: self.now_ns, origin, body });
        assert_eq!(self.folded.state_hash(), self.engine.state_hash());
        for (name, invariant) in self.engine.invariants() {
            assert_eq!(invariant, Ok(()), "{name}");
        }
    }

    fn carry_out(&mut self, command: Command) {
        let decided = self.engine.step(&command);
        self.folded.fold(&Record { command, facts: decided.facts.clone() }).unwrap();
        self.told.take(decided);
        self.engine.price_changed();
        assert_eq!(self.engine.model_checks(), [], "models of these tests give prices");
    }

    fn runtime(&mut self, body: Body) {
        self.send(Origin::default(), body);
    }

    fn desk(&mut self, body: Body) {
        let origin = Origin { source: "alice".into(), channel: Channel::Desk, ..Origin::default() };
        self.send(origin, body);
    }

    fn feed(&mut self, body: Body) {
        self.seq += 1;
        self.numbered(self.seq, body);
    }

    fn numbered(&mut self, seq: u64, body: Body) {
        let source_ns = self.now_ns - 80_000_000;
        self.send(
            Origin {
                source: "scout".into(),
                seq: Some(seq),
                source_ns,
                channel: Channel::Feed,
                ..Origin::default()
            },
            body,
        );
    }

    fn unnumbered(&mut self, body: Body) {
        self.send(
            Origin {
                source: "scout".into(),
                source_ns: self.now_ns,
                channel: Channel::Feed,
                ..Origin::default()
            },
            body,
        );
    }

    fn prices(&mut self, result: [u32; 3], total: [u32; 2]) {
        let prices = vec![
            PricedMarket { market: MarketId::of("1x2"), odds_e4: result.to_vec() },
            PricedMarket { market: MarketId::of("total:2.5"), odds_e4: total.to_vec() },
        ];
        self.feed(Body::SetPrices { fixture: MATCH, prices });
    }

    fn incident(&mut self, kind: Kind, clock_ms: i64, score_after: Option<(u16, u16)>) {
        self.feed(incident(kind, clock_ms, score_after));
    }

    /// Time passes, and all that the feeds had to say was read.
    fn pass(&mut self, ns: i64) {
        self.now_ns += ns;
        self.runtime(Body::Tick { read_ns: self.now_ns });
    }

    fn stops(&self) -> Vec<Stop> {
        self.engine.fixture(MATCH).unwrap().stops.set.iter().collect()
    }

    fn market_status(&self, key: &str) -> MarketStatus {
        let fixture = self.engine.fixture(MATCH).unwrap();
        fixture.market_status(fixture.template().market_index(key).unwrap())
    }

    fn odds_e4(&self, key: &str) -> Vec<u32> {
        let fixture = self.engine.fixture(MATCH).unwrap();
        let market = fixture.template().market_index(key).unwrap();
        fixture.board.odds_e4[fixture.template().markets[market].selections()].to_vec()
    }

    fn bet(&mut self, market: &str, selection: &str) -> TicketId {
        let fixture = self.engine.fixture(MATCH).unwrap();
        let version = self.engine.version(fixture);
        self.bet_quoting(market, selection, version)
    }

    fn bet_quoting(&mut self, market: &str, selection: &str, version: OddsVersion) -> TicketId {
        self.ticket_count += 1;
        let ticket = TicketId(self.ticket_count);
        self.desk(Body::PlaceTicket(Box::new(TicketRequest {
            ticket,
            customer: CUSTOMER,
            currency: Currency::EUR,
            stake_minor: 1_000,
            odds_change: OddsChange::Any,
            legs: vec![LegRequest {
                fixture: MATCH,
                selection: SelectionId::of(market, selection),
                odds_e4: 20_000,
                version,
            }],
            wishes: Default::default(),
            plan: None,
        })));
        ticket
    }

    fn state(&self, ticket: TicketId) -> TicketState {
        self.engine.ticket(ticket).unwrap().state
    }

    /// The state of a bet on the home side, once its delay has ended.
    fn decided(&mut self, ticket: TicketId) -> TicketState {
        assert_eq!(self.state(ticket), TicketState::Delayed);
        self.pass(SECOND);
        self.state(ticket)
    }
}

fn incident(kind: Kind, clock_ms: i64, score_after: Option<(u16, u16)>) -> Body {
    let incident = FootballIncident { kind, clock_ms, score_after };
    Body::Incident { fixture: MATCH, incident: Incident::Football(incident) }
}

/// A process that was stopped for 6.5 s decided three bets with a delay of 5 s at 3.35, 5.5 s after a goal that waited
/// unread: every command ended the delays that had passed by its time.
#[test]
fn a_delay_ends_only_when_the_feeds_were_read_so_far() {
    let mut world = World::in_play();
    let bet = world.bet("1x2", "home");
    assert_eq!(world.state(bet), TicketState::Delayed);
    let placed_ns = world.now_ns;
    world.now_ns += 6 * SECOND;
    // The loop comes back: a tick with what was read before the pause, then the messages that waited.
    world.runtime(Body::Tick { read_ns: placed_ns });
    assert_eq!(world.state(bet), TicketState::Delayed);
    for step in 0..100 {
        world.incident(Kind::Clock, step, Some((0, 0)));
        assert_eq!(world.state(bet), TicketState::Delayed, "no other command ends a delay");
    }
    world.incident(Kind::Goal(Side::Home), 60_000, Some((1, 0)));
    world.pass(0);
    assert_eq!(world.state(bet), TicketState::Refused(Reason::ScoreHasChanged));
}

/// A goal and its cancellation, danger and safe, suspension and resumption within a delay were not seen: only the score
/// before and after was compared. In a minute of play 6,892 goals fell inside delays of accepted bets.
#[test]
fn any_interruption_inside_the_delay_refuses() {
    type Interruption = fn(&mut World);
    let interruptions: &[(&str, Interruption)] = &[
        ("goal and cancellation", |world| {
            world.incident(Kind::Goal(Side::Home), 1_000, Some((1, 0)));
            world.incident(Kind::GoalCancelled(Side::Home), 2_000, Some((0, 0)));
        }),
        ("danger and safe", |world| {
            world.incident(Kind::Danger, 1_000, None);
            world.incident(Kind::Safe, 2_000, None);
        }),
        ("the desk's suspension and resumption", |world| {
            world.desk(Body::Suspend { fixture: MATCH, market: None });
            world.desk(Body::Resume { fixture: MATCH, market: None, lifts: StopSet::default() });
        }),
        ("a feed's suspension of the market", |world| {
            let market = Some(MarketId::of("1x2"));
            world.feed(Body::Suspend { fixture: MATCH, market });
            world.feed(Body::Resume { fixture: MATCH, market, lifts: StopSet::default() });
        }),
        ("a contradiction that was put right", |world| {
            world.incident(Kind::Clock, 1_000, Some((1, 0)));
            world.incident(Kind::Clock, 2_000, Some((0, 0)));
        }),
        ("a gap in the feed", |world| {
            world.seq += 3;
            world.incident(Kind::Clock, 2_000, Some((0, 0)));
        }),
        ("a void that was taken back", |world| {
            use oddsengine_engine::VoidKind;
            world.desk(Body::VoidFixture { fixture: MATCH, void: VoidKind::Everything });
            world.desk(Body::VoidFixture { fixture: MATCH, void: VoidKind::Nothing });
            world.incident(Kind::Clock, 2_000, Some((0, 0)));
        }),
        ("a red card that was taken back", |world| {
            world.incident(Kind::RedCard(Side::Away), 1_000, Some((0, 0)));
            world.incident(Kind::RedCardCancelled(Side::Away), 2_000, Some((0, 0)));
        }),
        ("a market told settled and taken back", |world| {
            let market = MarketId::of("1x2");
            let grades = Some(vec![Grade::WON, Grade::LOST, Grade::LOST]);
            world.feed(Body::SettleMarket { fixture: MATCH, market, grades });
            world.feed(Body::SettleMarket { fixture: MATCH, market, grades: None });
        }),
        ("a market's price by hand that was taken back", |world| {
            let by_hand = |odds_e4| Body::SetManualOdds {
                fixture: MATCH,
                market: MarketId::of("1x2"),
                odds_e4,
                keeps_in_play: true,
                override_by: String::new(),
            };
            world.desk(by_hand(Some(vec![15_000, 33_000, 20_000])));
            world.desk(by_hand(None));
        }),
    ];
    for (name, interrupt) in interruptions {
        let mut world = World::in_play();
        let (bet, other) = (world.bet("1x2", "home"), world.bet("total:2.5", "over"));
        interrupt(&mut world);
        assert!(world.stops().is_empty(), "{name}: {:?}", world.stops());
        assert_eq!(world.decided(bet), TicketState::Refused(Reason::TradingInterrupted), "{name}");
        let of_one_market = name.contains("market");
        let expected =
            if of_one_market { TicketState::Open } else { TicketState::Refused(Reason::TradingInterrupted) };
        assert_eq!(world.state(other), expected, "{name}");
    }
    let mut world = World::in_play();
    let bet = world.bet("1x2", "home");
    world.incident(Kind::Clock, 1_000, Some((0, 0)));
    assert_eq!(world.decided(bet), TicketState::Open, "a clock is no interruption");
}

/// A market was locked, priced by hand after a goal, and given back: it was sold at the price from before the goal, noted
/// as if that were near the fair price of now. What is shown stays, and not what was shown when it was locked.
#[test]
fn a_locked_market_keeps_the_price_that_was_set_by_hand_after_it() {
    let mut world = World::in_play();
    world.desk(Body::LockMarket {
        fixture: MATCH,
        market: MarketId::of("1x2"),
        locked: true,
        keeps_in_play: true,
    });
    let before = world.odds_e4("1x2");
    world.incident(Kind::Goal(Side::Home), 60_000, Some((1, 0)));
    assert_eq!(world.market_status("1x2"), MarketStatus::Suspended);
    let by_hand = |odds_e4| Body::SetManualOdds {
        fixture: MATCH,
        market: MarketId::of("1x2"),
        odds_e4,
        keeps_in_play: true,
        override_by: String::new(),
    };
    world.desk(by_hand(Some(vec![15_000, 35_000, 36_000])));
    assert_eq!(world.market_status("1x2"), MarketStatus::Open, "{:?}", world.told.refusals);
    world.desk(by_hand(None));
    assert_eq!(world.market_status("1x2"), MarketStatus::Open);
    assert_eq!(world.odds_e4("1x2"), [15_000, 35_000, 36_000], "and not {before:?}");
}

/// 1X2 by hand at 3.40 stayed open at 1-0 and 3-0, at a fair probability of 0.887; a locked total stayed open at 2-0.
#[test]
fn prices_by_hand_and_locked_ones_stop_when_the_match_leaves_them() {
    let mut world = World::in_play();
    let by_hand = |odds_e4: Vec<u32>| Body::SetManualOdds {
        fixture: MATCH,
        market: MarketId::of("1x2"),
        odds_e4: Some(odds_e4),
        keeps_in_play: true,
        override_by: String::new(),
    };
    world.desk(by_hand(vec![34_000, 35_000, 20_500]));
    let lock = |market: &str| Body::LockMarket {
        fixture: MATCH,
        market: MarketId::of(market),
        locked: true,
        keeps_in_play: true,
    };
    world.desk(lock("total:2.5"));
    assert_eq!(world.odds_e4("1x2"), [34_000, 35_000, 20_500]);
    assert_eq!(world.market_status("1x2"), MarketStatus::Open);
    // The clock moves fair prices too, a little at a time: within the tolerance nothing happens.
    world.incident(Kind::Clock, 30_000, Some((0, 0)));
    assert_eq!(world.market_status("1x2"), MarketStatus::Open);
    world.incident(Kind::Goal(Side::Home), 60_000, Some((1, 0)));
    assert_eq!(world.market_status("1x2"), MarketStatus::Suspended);
    assert_eq!(world.market_status("total:2.5"), MarketStatus::Suspended);
    assert_eq!(world.market_status("total:3.5"), MarketStatus::Open, "the model's markets go on");
    assert_eq!(world.told.alerts, ["manual_suspended"; 2]);
    let bet = world.bet("1x2", "home");
    assert_eq!(world.state(bet), TicketState::Refused(Reason::MarketSuspended));
    // Priced anew, it is traded again; a slow drift of the clock stops it as well.
    let fair = world.odds_e4("1x2");
    world.desk(by_hand(vec![34_000, 35_000, 20_500]));
    assert_eq!(world.told.refusals.last().unwrap().0, Reason::ImplausiblePrice, "{fair:?}");
    world.desk(by_hand(vec![18_000, 35_000, 30_000]));
    assert_eq!(world.market_status("1x2"), MarketStatus::Open);
    for minute in 2..40 {
        world.incident(Kind::Clock, minute * 60_000, Some((1, 0)));
    }
    assert_eq!(
        world.market_status("1x2"),
        MarketStatus::Suspended,
        "no single step was beyond the tolerance"
    );
}

/// Prices by hand set before the match stayed through the kick-off.
#[test]
fn the_start_returns_markets_to_the_model_unless_told_otherwise() {
    for keeps_in_play in [false, true] {
        let mut world = World::new();
        let model = world.odds_e4("1x2");
        world.desk(Body::SetManualOdds {
            fixture: MATCH,
            market: MarketId::of("1x2"),
            odds_e4: Some(vec![30_000, 33_000, 20_000]),
            keeps_in_play,
            override_by: String::new(),
        });
        world.desk(Body::LockMarket {
            fixture: MATCH,
            market: MarketId::of("total:2.5"),
            locked: true,
            keeps_in_play,
        });
        world.incident(Kind::KickOff, 0, Some((0, 0)));
        let now = world.odds_e4("1x2");
        match keeps_in_play {
            true => assert_eq!(now, [30_000, 33_000, 20_000]),
            false => assert_eq!(now, model),
        }
        assert_eq!(world.told.alerts.len(), if keeps_in_play { 0 } else { 2 });
    }
}

/// Home 3.0 by hand beside the model's 1.74 for draw or away (0.908 in all), [50, 50, 50], and feed books that sum to
/// 2.73 and 0.60 passed without a word.
#[test]
fn implausible_prices_need_a_name() {
    let mut world = World::new();
    world.prices([17_000, 40_000, 52_000], [20_400, 17_900]);
    let set = |odds_e4: Vec<u32>, override_by: &str| Body::SetManualOdds {
        fixture: MATCH,
        market: MarketId::of("1x2"),
        odds_e4: Some(odds_e4),
        keeps_in_play: false,
        override_by: override_by.into(),
    };
    for odds_e4 in [
        vec![30_000, 35_000, 35_000],
        vec![500_000, 500_000, 500_000],
        vec![0, 0, 90_000],
        vec![10_100, 10_100, 10_100],
    ] {
        world.desk(set(odds_e4.clone(), ""));
        let (reason, detail) = world.told.refusals.pop().unwrap();
        assert_eq!(reason, Reason::ImplausiblePrice, "{odds_e4:?}");
        assert!(detail.contains("outside"), "{detail}");
        assert_ne!(world.odds_e4("1x2"), odds_e4);
    }
    // A named person answers for it; what the model would sell beside it stands still.
    world.desk(set(vec![30_000, 35_000, 35_000], "alice"));
    assert_eq!(world.told.alerts, ["price_jump", "manual_override"]);
    assert_eq!(world.market_status("1x2"), MarketStatus::Open);
    assert_eq!(world.market_status("double_chance"), MarketStatus::Suspended);
    world.desk(Body::SetManualOdds {
        fixture: MATCH,
        market: MarketId::of("1x2"),
        odds_e4: None,
        keeps_in_play: false,
        override_by: String::new(),
    });
    assert_eq!(world.market_status("double_chance"), MarketStatus::Open);
    for book in [[11_000, 11_000, 11_000], [50_000, 50_000, 50_000]] {
        world.prices(book, [20_400, 17_900]);
        assert_eq!(world.told.refusals.pop().unwrap().0, Reason::ImplausiblePrice, "{book:?}");
    }
}

/// A feed's price that moves a fair probability from 0.28 to 0.85 was published at once.
#[test]
fn a_jump_of_a_feeds_price_stops_until_it_is_confirmed() {
    let mut world = World::new();
    world.prices([11_500, 80_000, 170_000], [20_400, 17_900]);
    assert_eq!(world.stops(), [Stop::PriceJump]);
    assert_eq!(world.told.alerts, ["price_jump"]);
    let bet = world.bet("1x2", "home");
    assert_eq!(world.state(bet), TicketState::Refused(Reason::FixtureSuspended));
    world.prices([11_600, 79_000, 160_000], [20_400, 17_900]);
    assert!(world.stops().is_empty());
}

/// Ours 0-0, a clock with 1-0: suspended; then a clock, `safe` or red card without a score opened it at 0-0.
#[test]
fn a_contradiction_ends_with_a_score_that_fits() {
    let mut world = World::in_play();
    world.incident(Kind::Clock, 60_000, Some((1, 0)));
    assert_eq!(world.stops(), [Stop::Contradiction]);
    for kind in [Kind::Clock, Kind::Safe, Kind::RedCard(Side::Away), Kind::Stoppage(60_000)] {
        world.incident(kind, 61_000, None);
        assert_eq!(world.stops(), [Stop::Contradiction], "{kind:?}");
    }
    world.incident(Kind::Goal(Side::Home), 62_000, Some((1, 0)));
    assert!(world.stops().is_empty());
    // Before the start an incident of play says that the start was lost.
    let mut world = World::new();
    world.incident(Kind::Goal(Side::Home), 60_000, Some((1, 0)));
    assert_eq!(world.stops(), [Stop::Contradiction]);
}

/// A feed's `resume` lifted the desk's suspension, of a fixture and of a market.
#[test]
fn only_its_owner_lifts_a_stop() {
    let mut world = World::in_play();
    let market = Some(MarketId::of("1x2"));
    let resume = |market| Body::Resume { fixture: MATCH, market, lifts: StopSet::of(Stop::ALL) };
    world.desk(Body::Suspend { fixture: MATCH, market: None });
    world.desk(Body::Suspend { fixture: MATCH, market });
    world.feed(resume(None));
    world.feed(resume(market));
    assert_eq!(world.stops(), [Stop::Desk]);
    assert_eq!(world.market_status("1x2"), MarketStatus::Suspended);
    world.feed(Body::Suspend { fixture: MATCH, market: None });
    world.desk(Body::Resume { fixture: MATCH, market: None, lifts: StopSet::default() });
    assert_eq!(world.stops(), [Stop::Feed]);
    world.desk(Body::Resume { fixture: MATCH, market: None, lifts: StopSet::of(&[Stop::Feed]) });
    assert!(world.stops().is_empty());
    world.desk(Body::Resume { fixture: MATCH, market, lifts: StopSet::default() });
    assert_eq!(world.market_status("1x2"), MarketStatus::Open);
}

/// An hour of silence in play, seven missing numbers: the board said `open`, and tickets were accepted.
#[test]
fn silence_and_gaps_stop_what_they_concern() {
    let mut world = World::in_play();
    world.pass(15 * SECOND);
    assert!(world.stops().is_empty());
    // Nobody looked at the clock: a decision looks itself.
    world.now_ns += 1;
    let bet = world.bet("1x2", "home");
    assert_eq!(world.state(bet), TicketState::Refused(Reason::FixtureSuspended));
    assert_eq!(
        (world.stops(), world.told.alerts.clone()),
        (vec![Stop::Silence], vec!["feed_silent".to_string()])
    );
    assert!(world.engine.is_stale(world.engine.fixture(MATCH).unwrap(), world.now_ns));
    // Unnumbered and without a score a message proves nothing; a duplicate is no sign of life at all.
    world.unnumbered(incident(Kind::Clock, 1_000, None));
    assert_eq!(world.stops(), [Stop::Silence]);
    world.incident(Kind::Clock, 2_000, None);
    assert!(world.stops().is_empty(), "no number is missing, so nothing happened");
    world.pass(14 * SECOND);
    world.feed(Body::Heartbeat);
    world.pass(14 * SECOND);
    assert!(world.stops().is_empty(), "its source says that all is as it was told");
    world.seq += 7;
    world.incident(Kind::Clock, 30_000, None);
    assert_eq!(world.stops(), [Stop::Gap]);
    world.feed(Body::Heartbeat);
    world.incident(Kind::Clock, 31_000, None);
    assert_eq!(world.stops(), [Stop::Gap], "what was lost is not known");
    world.incident(Kind::Clock, 32_000, Some((0, 0)));
    assert!(world.stops().is_empty());
}

/// A feed that counted from 1 again was dropped without a word: twelve messages with four goals, and a bet was accepted
/// at 3.36 at a true score of 4-0. One message with the largest number muted it for good.
#[test]
fn a_source_that_loses_its_place_stops_what_it_feeds() {
    let mut world = World::in_play();
    for step in 0..50 {
        world.incident(Kind::Clock, 1_000 + step, Some((0, 0)));
    }
    let (last, again) = (world.seq, incident(Kind::Clock, 1_049, Some((0, 0))));
    world.numbered(last, again);
    assert_eq!((world.told.duplicates, world.stops()), (1, vec![]), "the last message again, as it was");
    world.now_ns += 1_000;
    world.numbered(1, incident(Kind::Goal(Side::Home), 60_000, Some((1, 0))));
    assert_eq!(world.stops(), [Stop::Sequence]);
    assert_eq!(world.told.alerts, ["source_out_of_order"]);
    world.numbered(2, incident(Kind::Goal(Side::Home), 61_000, Some((2, 0))));
    assert_eq!(world.told.alerts.len(), 1, "told once");
    // The desk lets it count anew; with the goals lost, only a score that fits reopens.
    world.desk(Body::ResetSource { source: "scout".into() });
    world.numbered(3, incident(Kind::Clock, 62_000, Some((2, 0))));
    assert_eq!(world.stops(), [Stop::Contradiction, Stop::Sequence]);
    world.numbered(4, incident(Kind::GoalCancelled(Side::Home), 63_000, Some((1, 0))));
    assert!(!world.stops().is_empty());
    world.numbered(5, incident(Kind::Goal(Side::Home), 64_000, Some((1, 0))));
    assert!(world.stops().is_empty());

    let mut world = World::in_play();
    world.numbered(u64::MAX, incident(Kind::Clock, 1_000, Some((0, 0))));
    assert_eq!(world.told.refusals.pop().unwrap().0, Reason::OutOfSequence);
    assert_eq!(world.stops(), [Stop::Sequence]);
    world.incident(Kind::Clock, 2_000, Some((0, 0)));
    assert!(world.stops().is_empty(), "the next number in order is heard");
}

/// An hour after its scheduled start without a kick-off bets were taken at prices before the match, without a delay.
#[test]
fn a_start_that_nobody_told_stops_trading() {
    let mut world = World::with(Config::default(), START_NS + 10 * SECOND);
    world.pass(70 * SECOND);
    assert!(world.stops().is_empty());
    world.now_ns += 1;
    let bet = world.bet("1x2", "home");
    assert_eq!(world.state(bet), TicketState::Refused(Reason::FixtureSuspended));
    assert_eq!(
        (world.stops(), world.told.alerts.clone()),
        (vec![Stop::StartPassed], vec!["start_passed".to_string()])
    );
    let mut waived = Engine::restore(&world.engine.snapshot()).unwrap();
    std::mem::swap(&mut waived, &mut world.engine);
    world.desk(Body::Resume { fixture: MATCH, market: None, lifts: StopSet::of(&[Stop::StartPassed]) });
    world.pass(3_600 * SECOND);
    assert!(world.stops().is_empty(), "the desk said that it is postponed");
    std::mem::swap(&mut waived, &mut world.engine);
    world.folded = world.engine.clone();
    world.incident(Kind::KickOff, 0, Some((0, 0)));
    assert!(world.stops().is_empty());
    // A start that is told late and without a score is one whose score nobody knows.
    let mut world = World::new();
    world.incident(Kind::KickOff, 900_000, None);
    assert_eq!(world.stops(), [Stop::ScoreUnknown]);
    world.incident(Kind::Clock, 960_000, Some((0, 0)));
    assert!(world.stops().is_empty());
}

/// Two feeds fell silent, and which was decided first hung on when each had been looked at: after a restart it was the other
/// one, so that the same command gave other facts.
#[test]
fn what_is_overdue_is_decided_in_one_order() {
    let mut world = World::in_play();
    let second = FixtureId(2);
    world.feed(Body::AddFixture(Box::new(FixtureRequest {
        fixture: second,
        format: Format::FOOTBALL,
        competition: "cup".into(),
        start_ns: 0,
        home: "Celta".into(),
        away: "Duero".into(),
        entrants: Vec::new(),
    })));
    world.now_ns += SECOND;
    let kick_off = FootballIncident { kind: Kind::KickOff, clock_ms: 0, score_after: Some((0, 0)) };
    world.feed(Body::Incident { fixture: second, incident: Incident::Football(kick_off) });
    world.now_ns += 10 * SECOND;
    world.incident(Kind::Clock, 11_000, Some((0, 0)));
    world.now_ns += 3_600 * SECOND;
    let body = Body::Tick { read_ns: world.now_ns };
    let command = Command { time_ns: world.now_ns, origin: Origin::default(), body };
    let mut restored = Engine::restore(&world.engine.snapshot()).unwrap();
    let facts = world.engine.step(&command).facts;
    let stopped = facts.iter().filter_map(|fact| match fact {
        Fact::StopsChanged { fixture, .. } => Some(*fixture),
        _ => None,
    });
    assert_eq!(stopped.collect::<Vec<_>>(), [MATCH, second]);
    assert_eq!(restored.step(&command).facts, facts);
    assert_eq!(world.folded.step(&command).facts, facts, "and by whoever folded");
}

/// After a restart `stale` was false and trading open until the feed spoke, however long that was.
#[test]
fn after_a_restart_everything_in_play_is_unknown_until_heard() {
    let mut world = World::in_play();
    world.runtime(Body::EpochStarted { epoch: 2 });
    assert_eq!(world.stops(), [Stop::Restart]);
    assert!(world.engine.is_stale(world.engine.fixture(MATCH).unwrap(), world.now_ns));
    world.unnumbered(incident(Kind::Clock, 1_000, None));
    assert_eq!(world.stops(), [Stop::Restart]);
    world.incident(Kind::Clock, 2_000, Some((0, 0)));
    assert!(world.stops().is_empty());
    assert!(!world.engine.is_stale(world.engine.fixture(MATCH).unwrap(), world.now_ns));
}

/// One command an hour ahead froze every delay for an hour, also over restarts: a host that booted once with a clock a
/// year ahead spoiled its journal for a year.
#[test]
fn a_journal_ahead_of_the_clock_goes_back_at_a_start() {
    let mut world = World::in_play();
    world.now_ns += 365 * 86_400 * SECOND;
    world.incident(Kind::Clock, 1_000, Some((0, 0)));
    let bet = world.bet("1x2", "home");
    assert_eq!(world.state(bet), TicketState::Delayed);
    world.now_ns = START_NS + 5 * SECOND;
    world.runtime(Body::EpochStarted { epoch: 2 });
    assert_eq!(
        (world.engine.now_ns(), world.told.alerts.clone()),
        (world.now_ns, vec!["clock_went_back".to_string()])
    );
    assert_eq!(world.engine.next_due_ns(), Some(world.now_ns + SECOND), "as far away as it was");
    world.pass(SECOND);
    assert_ne!(world.state(bet), TicketState::Delayed);
    world.incident(Kind::Clock, 2_000, Some((0, 0)));
    let bet = world.bet("1x2", "home");
    assert_eq!(world.decided(bet), TicketState::Open);
}

/// A version that was never published, `[epoch, 0]`, was accepted with any odds.
#[test]
fn version_zero_was_never_published() {
    let mut world = World::new();
    let version = |seq| OddsVersion { epoch: 1, seq };
    let bet = world.bet_quoting("1x2", "home", version(0));
    assert_eq!(world.state(bet), TicketState::Refused(Reason::OddsVersionUnknown));
    let bet = world.bet_quoting("1x2", "home", version(1));
    assert_eq!(world.state(bet), TicketState::Open);
}

/// A feed settled 1X2 as won, won, won: all were paid.
#[test]
fn grades_that_no_outcome_gives_are_refused() {
    let mut world = World::in_play();
    let settle = |market: &str, grades: &[Grade]| Body::SettleMarket {
        fixture: MATCH,
        market: MarketId::of(market),
        grades: Some(grades.to_vec()),
    };
    let (won, lost, void) = (Grade::WON, Grade::LOST, Grade::VOID);
    let half = Grade::new(1, 0, 2).unwrap();
    for (market, grades) in [
        ("1x2", vec![won, won, won]),
        ("1x2", vec![lost, lost, lost]),
        ("1x2", vec![won, won, void]),
        ("1x2", vec![half, lost, lost]),
        // Dead heats, and single selections that are void beside a result, are of races.
        ("1x2", vec![half, half, lost]),
        ("1x2", vec![void, lost, won]),
        ("total:2.5", vec![half, half]),
        ("double_chance", vec![won, won, won]),
        ("double_chance", vec![won, lost, lost]),
        ("total:2.5", vec![won, won]),
        ("total:2.25", vec![Grade::HALF_WON, won]),
        ("total:2.25", vec![Grade::HALF_WON, Grade::HALF_WON]),
    ] {
        world.feed(settle(market, &grades));
        let (reason, detail) = world.told.refusals.pop().expect("refused");
        assert_eq!(reason, Reason::ValueOutOfBounds, "{market} {grades:?}");
        assert!(detail.contains(market), "{detail}");
    }
    for (market, grades) in [
        ("1x2", vec![won, lost, lost]),
        ("1x2", vec![void, void, void]),
        ("double_chance", vec![won, lost, won]),
        ("total:2.25", vec![Grade::HALF_LOST, Grade::HALF_WON]),
        ("total:2", vec![void, void]),
    ] {
        world.feed(settle(market, &grades));
        assert!(world.told.refusals.is_empty(), "{market} {grades:?}: {:?}", world.told.refusals);
    }
}

/// 300,000 names of sources were kept for ever, or locked out the next feed; 100,000 fixtures of 50 kB each were 5 GB.
#[test]
fn sources_and_fixtures_have_an_upper_bound() {
    use oddsengine_engine::command::SOURCES_MAX;
    let mut world = World::with(Config { fixtures_max: 2, ..Config::default() }, 0);
    for index in 0..SOURCES_MAX + 10 {
        let source = format!("source{index}");
        world.carry_out(Command {
            time_ns: world.now_ns,
            origin: Origin { source, channel: Channel::Feed, ..Origin::default() },
            body: Body::Heartbeat,
        });
    }
    assert!(world.engine.sources().len() <= SOURCES_MAX);
    assert!(world.engine.sources().contains_key("scout"), "it feeds a match");
    assert!(world.told.refusals.is_empty(), "made-up names lock nobody out");
    assert!(world.engine.counters().forgotten_source_count > 0);
    for id in 2..5 {
        let request =
            FixtureRequest { fixture: FixtureId(id), ..world.engine.fixture(MATCH).unwrap().request.clone() };
        world.feed(Body::AddFixture(Box::new(request)));
    }
    assert_eq!(world.engine.fixtures().len(), 2);
    assert_eq!(world.told.refusals.len(), 2);
}

/// Every stop survives a snapshot, and the engine from it stops at the same time as the one that went on.
#[test]
fn a_snapshot_keeps_what_stops_and_what_is_watched() {
    let mut world = World::in_play();
    world.pass(10 * SECOND);
    let restored = Engine::restore(&world.engine.snapshot()).unwrap();
    assert_eq!(restored.state_hash(), world.engine.state_hash());
    let mut twin = World { engine: restored, told: Told::default(), ..world };
    world = World {
        engine: twin.engine.clone(),
        folded: twin.folded.clone(),
        told: Told::default(),
        ..World::in_play()
    };
    world.now_ns = twin.now_ns;
    for world in [&mut world, &mut twin] {
        world.pass(5 * SECOND + 1);
        assert_eq!(world.stops(), [Stop::Silence]);
        assert_eq!(world.engine.fixture(MATCH).unwrap().live.phase(), LivePhase::InPlay);
    }
    assert_eq!(world.engine.state_hash(), twin.engine.state_hash());
}

/// Refused tickets of unknown customers on unknown fixtures stayed for ever, 480 to 860 bytes each.
#[test]
fn refused_tickets_have_an_upper_bound() {
    use oddsengine_engine::command::REFUSED_TICKETS_MAX;
    let mut world = World::new();
    let request = |id: u128| TicketRequest {
        ticket: TicketId(id),
        customer: CustomerId(id as u64),
        currency: Currency::EUR,
        stake_minor: 1_000,
        odds_change: OddsChange::Any,
        legs: vec![LegRequest {
            fixture: FixtureId(999),
            selection: SelectionId(1),
            odds_e4: 20_000,
            version: OddsVersion { epoch: 1, seq: 1 },
        }],
        wishes: Default::default(),
        plan: None,
    };
    let accepted = world.bet("1x2", "home");
    assert_eq!(world.state(accepted), TicketState::Open);
    let (first, count) = (1_000_u128, REFUSED_TICKETS_MAX as u128 + 5);
    let send = |world: &mut World, id| {
        let body = Body::PlaceTicket(Box::new(request(id)));
        world.carry_out(Command { time_ns: world.now_ns, origin: Origin::default(), body });
    };
    for id in first..first + count {
        send(&mut world, id);
    }
    assert_eq!(world.engine.tickets().len(), 1 + REFUSED_TICKETS_MAX);
    assert_eq!(world.engine.counters().forgotten_count, 5);
    assert!(world.engine.ticket(TicketId(first + 4)).is_none());
    let kept = TicketId(first + 5);
    assert_eq!(world.state(kept), TicketState::Refused(Reason::FixtureNotFound));
    assert_eq!(world.state(accepted), TicketState::Open, "what holds money stays");
    let changes: Vec<u64> =
        world.engine.tickets_changed_since(0).filter_map(|(seq, ticket)| ticket.map(|_| seq)).collect();
    assert_eq!(changes.len(), 1 + REFUSED_TICKETS_MAX);
    // From a snapshot the same one is forgotten next.
    let mut restored = Engine::restore(&world.engine.snapshot()).unwrap();
    assert_eq!(restored.state_hash(), world.engine.state_hash());
    let body = Body::PlaceTicket(Box::new(request(first + count)));
    restored.step(&Command { time_ns: world.now_ns, origin: Origin::default(), body });
    send(&mut world, first + count);
    assert_eq!(restored.state_hash(), world.engine.state_hash());
    assert!(world.engine.ticket(kept).is_none());
    for (name, invariant) in world.engine.invariants() {
        assert_eq!(invariant, Ok(()), "{name}");
    }
}

/// Half-time and the second half were lost; a clock of 75:00 with the score that we had lifted the gap, and under 0.5 was
/// sold at 3.87 in "the first half" (right: 1.70).
#[test]
fn a_clock_that_the_period_cannot_have_contradicts() {
    let mut world = World::in_play();
    world.seq += 2;
    world.incident(Kind::Clock, 75 * 60_000, Some((0, 0)));
    assert_eq!(world.stops(), [Stop::Contradiction, Stop::Gap]);
    let mut world = World::in_play();
    world.incident(Kind::SecondHalf, 45 * 60_000, Some((0, 0)));
    world.incident(Kind::Clock, 75 * 60_000, Some((0, 0)));
    assert_eq!(world.stops(), [Stop::Contradiction]);
    let mut world = World::in_play();
    world.incident(Kind::Clock, 58 * 60_000, Some((0, 0)));
    assert!(world.stops().is_empty(), "added time");
    world.incident(Kind::Stoppage(20 * 60_000), 58 * 60_000, Some((0, 0)));
    world.incident(Kind::Clock, 69 * 60_000, Some((0, 0)));
    assert!(world.stops().is_empty(), "announced added time");
}

/// Abandoned in play and reinstated after ten minutes of silence, a match was open at once.
#[test]
fn what_is_reopened_in_play_is_unknown_until_heard() {
    use oddsengine_engine::VoidKind;
    let mut world = World::in_play();
    world.feed(Body::VoidFixture { fixture: MATCH, void: VoidKind::Undecided });
    world.pass(600 * SECOND);
    world.feed(Body::VoidFixture { fixture: MATCH, void: VoidKind::Nothing });
    assert_eq!(world.stops(), [Stop::Restart]);
    world.incident(Kind::Clock, 2_000, Some((0, 0)));
    assert!(world.stops().is_empty());
}

/// The desk voided a match and a feed reinstated it; the desk graded 1X2 for the home side and a feed paid the away side.
#[test]
fn a_feed_does_not_overrule_the_desk() {
    use oddsengine_engine::VoidKind;
    let mut world = World::in_play();
    let void = |void| Body::VoidFixture { fixture: MATCH, void };
    let settle = |grades: Option<[Grade; 3]>| Body::SettleMarket {
        fixture: MATCH,
        market: MarketId::of("1x2"),
        grades: grades.map(Vec::from),
    };
    let (home, away) = ([Grade::WON, Grade::LOST, Grade::LOST], [Grade::LOST, Grade::LOST, Grade::WON]);
    world.desk(settle(Some(home)));
    for told in [Some(away), None] {
        world.feed(settle(told));
        assert_eq!(world.told.refusals.pop().unwrap().0, Reason::OutOfSequence);
    }
    world.desk(void(VoidKind::Everything));
    for told in [VoidKind::Nothing, VoidKind::Undecided] {
        world.feed(void(told));
        assert_eq!(world.told.refusals.pop().unwrap().0, Reason::OutOfSequence);
    }
    let mut restored = Engine::restore(&world.engine.snapshot()).unwrap();
    std::mem::swap(&mut restored, &mut world.engine);
    world.feed(void(VoidKind::Nothing));
    assert_eq!(world.told.refusals.pop().unwrap().0, Reason::OutOfSequence, "also after a restart");
    world.desk(void(VoidKind::Nothing));
    world.desk(settle(None));
    world.feed(settle(Some(away)));
    assert!(world.told.refusals.is_empty(), "the desk gave it back");
}

/// A feed of prices beside the scout was taken for its life: 200 s after the scout's last word the match was open. A source
/// that nobody had heard before lifted a silence by its number.
#[test]
fn strangers_prices_and_refused_messages_prove_nothing() {
    let mut world = World::in_play();
    let from = |world: &World, source: &str, seq: Option<u64>| Origin {
        source: source.into(),
        seq,
        source_ns: world.now_ns,
        channel: Channel::Feed,
        ..Origin::default()
    };
    let prices = || Body::SetPrices {
        fixture: MATCH,
        prices: vec![PricedMarket { market: MarketId::of("1x2"), odds_e4: vec![33_600, 36_300, 21_000] }],
    };
    for step in 1..=4 {
        world.now_ns += 4 * SECOND;
        let origin = from(&world, "pricer", Some(step));
        world.send(origin, prices());
    }
    world.pass(0);
    assert_eq!(world.stops(), [Stop::Silence]);
    for seq in [500, 501] {
        let origin = from(&world, "stranger", Some(seq));
        if seq == 500 {
            world.send(origin, Body::Heartbeat);
        } else {
            world.send(origin, incident(Kind::Clock, 1_000, None));
        }
        assert_eq!(world.stops(), [Stop::Silence], "{seq}");
    }
    // The scout's own gap is the match's, whoever else spoke of prices meanwhile.
    let mut world = World::in_play();
    let origin = from(&world, "pricer", Some(1));
    world.send(origin, prices());
    world.seq += 1;
    world.incident(Kind::Clock, 2_000, None);
    assert_eq!(world.stops(), [Stop::Gap]);
}

/// 1X2 by hand at 6.0, 3.0, 2.0 before the first price of a feed was never compared: both stayed open. Locking and
/// unlocking opened what a goal had suspended, at 3.40 against a fair 2.07.
#[test]
fn held_prices_are_compared_whenever_they_can_be() {
    let mut world = World::new();
    world.runtime(Body::AddFixture(Box::new(FixtureRequest {
        fixture: FixtureId(2),
        ..world.engine.fixture(MATCH).unwrap().request.clone()
    })));
    let market = MarketId::of("1x2");
    world.desk(Body::SetManualOdds {
        fixture: FixtureId(2),
        market,
        odds_e4: Some(vec![60_000, 30_000, 20_000]),
        keeps_in_play: true,
        override_by: String::new(),
    });
    let prices = vec![
        PricedMarket { market, odds_e4: vec![33_600, 36_300, 21_000] },
        PricedMarket { market: MarketId::of("total:2.5"), odds_e4: vec![20_400, 17_900] },
    ];
    world.feed(Body::SetPrices { fixture: FixtureId(2), prices });
    assert_eq!(world.told.alerts, ["manual_suspended"]);

    let mut world = World::in_play();
    world.desk(Body::SetManualOdds {
        fixture: MATCH,
        market,
        odds_e4: Some(vec![34_000, 35_000, 20_500]),
        keeps_in_play: true,
        override_by: String::new(),
    });
    world.incident(Kind::Goal(Side::Home), 60_000, Some((1, 0)));
    for locked in [true, false] {
        world.desk(Body::LockMarket { fixture: MATCH, market, locked, keeps_in_play: true });
        assert_eq!(world.market_status("1x2"), MarketStatus::Suspended);
    }
    world.desk(Body::Resume { fixture: MATCH, market: Some(market), lifts: StopSet::default() });
    assert_eq!(world.told.refusals.pop().unwrap().0, Reason::ImplausiblePrice);
    assert_eq!(world.market_status("1x2"), MarketStatus::Suspended);
    // What another named person answers for leaves nothing else open, locked or not.
    let mut world = World::new();
    world.desk(Body::LockMarket {
        fixture: MATCH,
        market: MarketId::of("double_chance"),
        locked: true,
        keeps_in_play: true,
    });
    world.desk(Body::SetManualOdds {
        fixture: MATCH,
        market,
        odds_e4: Some(vec![60_000, 30_000, 20_000]),
        keeps_in_play: true,
        override_by: "alice".into(),
    });
    assert_eq!(world.market_status("double_chance"), MarketStatus::Suspended);
    // Books with gaps are books, too.
    let mut world = World::new();
    world.prices([0, 10_000_000, 10_000_000], [20_400, 17_900]);
    assert_eq!(world.told.refusals.pop().unwrap().0, Reason::ImplausiblePrice);
}

/// A feed suspended a market and died; the desk's resume said `done` and nothing came of it.
#[test]
fn the_desk_lifts_a_feeds_stop_of_a_market_by_name() {
    let mut world = World::in_play();
    let market = Some(MarketId::of("1x2"));
    world.feed(Body::Suspend { fixture: MATCH, market });
    world.desk(Body::Resume { fixture: MATCH, market, lifts: StopSet::of(&[Stop::Feed]) });
    assert_eq!(world.market_status("1x2"), MarketStatus::Open);
}

/// Two hours after the scheduled start a start was told without a score, and bets were taken at 0-0. A journal that was a day
/// ahead stopped a match before its start, and went on doing so by the right clock.
#[test]
fn late_starts_and_starts_that_are_yet_to_come() {
    let mut world = World::with(Config::default(), START_NS + 10 * SECOND);
    world.pass(7_200 * SECOND);
    assert_eq!(world.stops(), [Stop::StartPassed]);
    world.incident(Kind::KickOff, 0, None);
    assert_eq!(world.stops(), [Stop::ScoreUnknown]);

    let mut world = World::new();
    world.pass(86_400 * SECOND);
    assert_eq!(world.stops(), [Stop::StartPassed]);
    world.now_ns = START_NS + 60 * SECOND;
    world.runtime(Body::EpochStarted { epoch: 2 });
    assert!(world.stops().is_empty());
    world.pass(2 * 3_600 * SECOND);
    assert_eq!(world.stops(), [Stop::StartPassed]);
}

/// 1X2 [3, 3, 3] and draw-or-away at 3.0 by hand on a fixture without a model were both taken without a word.
#[test]
fn prices_by_hand_that_nothing_compares_are_told() {
    let mut world = World::new();
    world.desk(Body::AddFixture(Box::new(FixtureRequest {
        fixture: FixtureId(2),
        ..world.engine.fixture(MATCH).unwrap().request.clone()
    })));
    for (market, odds_e4) in [("1x2", vec![28_000; 3]), ("double_chance", vec![0, 20_000, 15_000])] {
        world.desk(Body::SetManualOdds {
            fixture: FixtureId(2),
            market: MarketId::of(market),
            odds_e4: Some(odds_e4),
            keeps_in_play: false,
            override_by: String::new(),
        });
    }
    assert!(world.told.refusals.is_empty(), "{:?}", world.told.refusals);
    assert_eq!(world.told.alerts, ["manual_unchecked"]);
}

/// A match that nobody priced was told as open, without a stop. What is told is derived: the record holds no such stop, and
/// whoever bets hears that there is no price.
#[test]
fn a_fixture_without_any_price_is_told_as_suspended() {
    const SECOND_MATCH: FixtureId = FixtureId(2);
    let mut world = World::new();
    world.feed(Body::AddFixture(Box::new(FixtureRequest {
        fixture: SECOND_MATCH,
        ..world.engine.fixture(MATCH).unwrap().request.clone()
    })));
    let told = |world: &World, id| {
        let fixture = world.engine.fixture(id).unwrap();
        (fixture.status(), fixture.told_status(), fixture.has_no_price())
    };
    assert_eq!(told(&world, MATCH), (MarketStatus::Open, MarketStatus::Open, false));
    assert_eq!(told(&world, SECOND_MATCH), (MarketStatus::Open, MarketStatus::Suspended, true));
    world.desk(Body::VoidFixture { fixture: SECOND_MATCH, void: oddsengine_engine::VoidKind::Everything });
    assert_eq!(told(&world, SECOND_MATCH), (MarketStatus::Closed, MarketStatus::Closed, false));
}
