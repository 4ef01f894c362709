//! Fixtures that are over and ids of deposits leave the hot state and come back: the same live, folded and restored, whole, and
//! to the cent.

use std::collections::BTreeMap;

use oddsengine_engine::{
    Answer, Body, BookedTransfer, Command, Config, Engine, Fact, FixtureRequest, LegRequest, MoneyRequest,
    OddsChange, OddsVersion, Origin, Reason, Record, Scope, ScopeSettings, Ticket, TicketRequest,
    TicketState, VoidKind, WholeFixture, decode_record, encode_record,
};
use oddsengine_markets::custom::{CustomIncident, SpaceMarket, SpaceSelection, SpaceView};
use oddsengine_markets::football::{
    CountKind, Credit, DepthIncident as Depth, FirstLeg, FootballFormat, FootballIncident,
    FootballIncidentKind as Kind, Knockout, Side,
};
use oddsengine_markets::racing::{RUNNERS_MAX, RaceKind, RacingFormat, RacingIncident};
use oddsengine_markets::tennis::{TennisFormat, TennisIncidentKind as Tennis};
use oddsengine_markets::{Format, Incident, LivePhase, MarketId, SelectionId, SpaceDefinition, SpaceId};
use oddsengine_types::{AccountKind, Currency, CustomerId, FixtureId, Grade, TicketId, TransferId};

const CUSTOMER: CustomerId = CustomerId(1);
const HOUR_NS: i64 = 3_600_000_000_000;

/// An engine that decides, one that folds what it decided, and the archive.
struct World {
    live: Engine,
    folding: Engine,
    now_ns: i64,
    tickets: BTreeMap<TicketId, Ticket>,
    fixtures: BTreeMap<FixtureId, WholeFixture>,
    transfers: BTreeMap<TransferId, BookedTransfer>,
}

impl World {
    fn new() -> Self {
        let config = Config {
            bet_delay_ms: 0,
            archive_after_ms: 3_600_000,
            archive_refused_after_ms: 60_000,
            archive_fixture_after_ms: 7_200_000,
            archive_money_after_ms: 3_600_000,
            market_loss_minor_max: 1_000_000_000,
            fixture_loss_minor_max: 1_000_000_000,
            competition_loss_minor_max: 1_000_000_000,
            sport_loss_minor_max: 1_000_000_000,
            platform_loss_minor_max: 1_000_000_000,
            ..Config::default()
        };
        let engine = Engine::new(config).unwrap();
        let mut world = Self {
            live: engine.clone(),
            folding: engine,
            now_ns: HOUR_NS,
            tickets: BTreeMap::new(),
            fixtures: BTreeMap::new(),
            transfers: BTreeMap::new(),
        };
        world.send(Body::EpochStarted { epoch: 1 });
        world.deposit(1, 1_000_000);
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
        // As written down and read again.
        let mut bytes = Vec::new();
        encode_record(&Record { command, facts: decided.facts }, &mut bytes);
        let record = decode_record(&bytes).unwrap();
        self.folding.fold(&record).unwrap();
        let (tickets, fixtures, transfers) = (
            self.live.take_archived(),
            self.live.take_archived_fixtures(),
            self.live.take_archived_transfers(),
        );
        assert_eq!(self.folding.take_archived(), tickets);
        assert_eq!(self.folding.take_archived_fixtures(), fixtures);
        assert_eq!(self.folding.take_archived_transfers(), transfers);
        assert_eq!(self.live.state_hash(), self.folding.state_hash());
        assert_eq!(self.live.state_hash(), restored.state_hash());
        self.tickets.extend(tickets.into_iter().map(|ticket| (ticket.id, ticket)));
        self.fixtures.extend(fixtures.into_iter().map(|fixture| (fixture.request.fixture, fixture)));
        self.transfers.extend(transfers.into_iter().map(|moved| (moved.request.transfer, moved)));
        (decided.answer, record.facts)
    }

    fn done(&mut self, body: Body) -> Vec<Fact> {
        let name = format!("{body:?}");
        let (answer, facts) = self.send(body);
        assert_eq!(answer, Answer::Done, "{name}");
        facts
    }

    fn announce(&mut self, fixture: FixtureId, competition: &str, format: Format) {
        self.done(Body::AddFixture(Box::new(FixtureRequest {
            fixture,
            format,
            competition: competition.into(),
            start_ns: 0,
            home: "Alba".into(),
            away: if matches!(format, Format::Racing(_)) { "" } else { "Bruma" }.into(),
            entrants: Vec::new(),
        })));
    }

    /// A football match with prices by hand.
    fn football(&mut self, fixture: FixtureId, competition: &str) {
        self.announce(fixture, competition, Format::FOOTBALL);
        self.done(Body::SetManualOdds {
            fixture,
            market: MarketId::of("1x2"),
            odds_e4: Some(vec![20_000, 30_000, 40_000]),
            keeps_in_play: true,
            override_by: String::new(),
        });
    }

    fn happens(&mut self, fixture: FixtureId, kind: Kind, clock_ms: i64) {
        let incident = Incident::Football(FootballIncident { kind, clock_ms, score_after: None });
        self.done(Body::Incident { fixture, incident });
    }

    /// The home side wins.
    fn play(&mut self, fixture: FixtureId) {
        self.happens(fixture, Kind::KickOff, 0);
        self.happens(fixture, Kind::Goal(Side::Home), 60_000);
        self.happens(fixture, Kind::HalfTime, 2_700_000);
        self.happens(fixture, Kind::SecondHalf, 2_700_000);
        self.happens(fixture, Kind::FullTime, 5_400_000);
    }

    fn bet(&mut self, id: u128, fixture: FixtureId) -> Answer {
        let request = TicketRequest {
            ticket: TicketId(id),
            customer: CUSTOMER,
            currency: Currency::EUR,
            stake_minor: 100,
            odds_change: OddsChange::Any,
            legs: vec![LegRequest {
                fixture,
                selection: SelectionId::of("1x2", "home"),
                odds_e4: 20_000,
                version: OddsVersion { epoch: 1, seq: 1 },
            }],
            wishes: Default::default(),
            plan: None,
        };
        self.send(Body::PlaceTicket(Box::new(request))).0
    }

    fn money(&self, id: u128, amount_minor: i64) -> MoneyRequest {
        MoneyRequest { transfer: TransferId(id), customer: CUSTOMER, amount_minor, currency: Currency::EUR }
    }

    fn deposit(&mut self, id: u128, amount_minor: i64) -> Answer {
        let request = self.money(id, amount_minor);
        self.send(Body::Deposit(request)).0
    }

    /// Ticks until nothing is due.
    fn wait(&mut self, hours: i64) -> Vec<Fact> {
        let mut facts = Vec::new();
        for _ in 0..hours {
            self.now_ns += HOUR_NS;
            while self.live.needs_tick(self.now_ns, self.now_ns) {
                facts.extend(self.send(Body::Tick { read_ns: self.now_ns }).1);
            }
        }
        facts
    }

    fn recall(&mut self, fixture: FixtureId) -> Vec<Fact> {
        let whole = self.fixtures[&fixture].clone();
        self.done(Body::RecallFixtures { fixtures: vec![whole] })
    }

    fn recall_tickets(&mut self, ids: impl IntoIterator<Item = u128>) {
        let tickets = ids.into_iter().map(|id| self.tickets[&TicketId(id)].clone()).collect();
        self.done(Body::RecallTickets { tickets });
    }

    fn check(&self) {
        for engine in [&self.live, &self.folding] {
            let mut engine = engine.clone();
            engine.price_changed();
            for (name, result) in engine.invariants() {
                assert_eq!(result, Ok(()), "{name}");
            }
        }
    }
}

/// Fixtures, competitions and ids of deposits stayed for ever: 3,000 matches a day fill any memory. Over many days of short
/// fixtures and deposits the counts in the state and the bytes of a snapshot stay where the first days took them.
#[test]
fn many_days_of_short_fixtures_and_deposits_take_no_more_than_few() {
    let mut world = World::new();
    let (mut sizes, mut places) = (Vec::new(), Vec::new());
    for day in 1..=16_u64 {
        for number in 0..3 {
            let fixture = FixtureId(10 * day + number);
            world.football(fixture, &format!("cup {day}"));
            let setting = ScopeSettings { loss_minor_max: Some(1_000_000), ..ScopeSettings::default() };
            world.done(Body::SetScope { scope: Scope::Fixture(fixture), settings: setting });
            let scope = Scope::Market(fixture, MarketId::of("1x2"));
            world.done(Body::SetScope { scope, settings: setting });
            world.bet(u128::from(1_000 * day + number), fixture);
            world.deposit(u128::from(1_000 * day + number), 50);
            // Somebody who comes once and takes all out again.
            let customer = CustomerId(1_000 * day + number);
            let request = MoneyRequest { customer, ..world.money(u128::from(1_000_000 + customer.0), 70) };
            world.send(Body::Deposit(request));
            let transfer = TransferId(u128::from(2_000_000 + customer.0));
            world.send(Body::Withdraw(MoneyRequest { transfer, ..request }));
            assert_eq!(world.live.available_minor(customer), 0);
            world.play(fixture);
        }
        world.wait(6);
        let state = &world.live;
        sizes.push(state.snapshot().len());
        places.push((
            state.fixtures().len(),
            state.fixtures().place_count(),
            state.competitions().place_count(),
            state.kept_transfer_count(),
            state.tickets().place_count(),
            state.scopes().len(),
            state.ledger().accounts().len(),
            state.ledger().accounts().place_count(),
        ));
    }
    assert_eq!(world.live.counters().accepted_count, 48);
    assert_eq!(world.fixtures.len(), 48);
    assert_eq!(world.transfers.len(), 145);
    // From the first day on: all of a day left, and the next took its places.
    assert!(places.iter().all(|place| *place == (0, 3, 1, 0, 3, 0, 3, 7)), "{places:?}");
    let (first, last) = (sizes[2], sizes[15]);
    assert!(last <= first, "a snapshot had {first} bytes after 3 days and has {last} after 16");
    world.check();
}

fn space() -> SpaceDefinition {
    let selection = |name: &str, wins: usize| SpaceSelection {
        name: name.into(),
        grades: (0..3).map(|cell| if cell == wins { Grade::WON } else { Grade::LOST }).collect(),
    };
    SpaceDefinition {
        name: "darts.set".into(),
        outcome_count: 3,
        views: vec![SpaceView { name: "winner".into(), cell_of_outcome: vec![0, 1, 2] }],
        markets: vec![SpaceMarket {
            key: "winner".into(),
            view: 0,
            winners: 1,
            selections: vec![selection("one", 0), selection("two", 1), selection("three", 2)],
        }],
    }
}

/// What a fixture is has to outlive the layout of memory: a goal, a scorer or a withdrawn runner that was lost on the way would
/// settle a late correction otherwise. Of every sport, with everything that can be set: what comes back is what left.
#[test]
fn a_fixture_of_every_sport_comes_back_as_it_left() {
    let mut world = World::new();
    let full = Format::Football(FootballFormat {
        knockout: Some(Knockout {
            first_leg: FirstLeg { home_goals: 1, away_goals: 0, away_goals_rule: false },
            extra_time: true,
        }),
        corners: true,
        cards: true,
        intervals: true,
        players: [5, 6],
    });
    let football = FixtureId(1);
    world.announce(football, "cup", full);
    world.done(Body::SetExpectation {
        fixture: football,
        supremacy_e6: 300_000,
        total_e6: 2_600_000,
        mode: None,
        weight_e3: 0,
    });
    let market = MarketId::of("1x2");
    world.done(Body::LockMarket { fixture: football, market, locked: true, keeps_in_play: true });
    world.done(Body::Suspend { fixture: football, market: Some(MarketId::of("total:2.5")) });
    let depth = |incident| Kind::Depth(incident);
    for (kind, clock_ms) in [
        (depth(Depth::PlayerOn(Side::Home, 0)), 0),
        (depth(Depth::PlayerOn(Side::Away, 5)), 0),
        (Kind::KickOff, 0),
        (Kind::Goal(Side::Away), 700_000),
        (depth(Depth::Scorer(1, Credit::Player(5))), 700_000),
        (depth(Depth::Corner(Side::Home)), 800_000),
        (depth(Depth::YellowCard(Side::Away)), 900_000),
        (Kind::Stoppage(120_000), 2_600_000),
        (Kind::HalfTime, 2_700_000),
        (Kind::SecondHalf, 2_700_000),
        (depth(Depth::PlayerOff(Side::Home, 0)), 3_000_000),
        (depth(Depth::PlayerOn(Side::Home, 4)), 3_000_000),
        (Kind::RedCard(Side::Home), 3_100_000),
        (depth(Depth::Counts(CountKind::Corners, [[1, 2], [3, 0]])), 3_100_000),
        (Kind::FullTime, 5_400_000),
        (depth(Depth::ExtraTime), 5_400_000),
        (Kind::Goal(Side::Home), 5_500_000),
        (Kind::Goal(Side::Away), 5_600_000),
        (depth(Depth::ExtraHalfTime), 6_300_000),
        (depth(Depth::ExtraSecondHalf), 6_300_000),
        (depth(Depth::ExtraFullTime), 7_200_000),
        (depth(Depth::Penalties), 7_200_000),
        (depth(Depth::Penalty(Side::Home, true)), 7_200_000),
        (depth(Depth::Penalty(Side::Away, false)), 7_200_000),
        (depth(Depth::Penalty(Side::Home, true)), 7_200_000),
        (depth(Depth::Penalty(Side::Away, false)), 7_200_000),
        (depth(Depth::Penalty(Side::Home, true)), 7_200_000),
    ] {
        let incident = Incident::Football(FootballIncident { kind, clock_ms, score_after: None });
        let (answer, _) = world.send(Body::Incident { fixture: football, incident });
        assert_eq!(answer, Answer::Done, "{kind:?}");
    }
    if !world.live.fixture(football).unwrap().is_closed() {
        world.done(Body::VoidFixture { fixture: football, void: VoidKind::Undecided });
    }
    let grades = Some(vec![Grade::LOST, Grade::LOST, Grade::WON]);
    world.done(Body::SettleMarket { fixture: football, market, grades });

    let tennis = FixtureId(2);
    world.announce(tennis, "open", Format::Tennis(TennisFormat::default()));
    for kind in [
        Tennis::Start(Side::Away),
        Tennis::Point(Side::Home),
        Tennis::Game(Side::Home),
        Tennis::Point(Side::Away),
        Tennis::Retired(Side::Home),
    ] {
        world.done(Body::Incident { fixture: tennis, incident: Incident::Tennis(kind.into()) });
    }
    let race = FixtureId(3);
    world.announce(race, "ascot", Format::Racing(RacingFormat::standard(RaceKind::Horse, 8, false)));
    let mut positions = [0; RUNNERS_MAX];
    (0..8)
        .filter(|&runner| runner != 3)
        .for_each(|runner| positions[runner] = 1 + runner as u8 - u8::from(runner > 3));
    for incident in [
        RacingIncident::Withdrawn(3),
        RacingIncident::Off,
        RacingIncident::Result(positions),
        RacingIncident::Official,
    ] {
        world.done(Body::Incident { fixture: race, incident: Incident::Racing(incident) });
    }
    world.done(Body::DefineSpace(Box::new(space())));
    let darts = FixtureId(4);
    world.announce(darts, "league", Format::Custom(SpaceId::of("darts.set")));
    world.done(Body::SetProbabilities { fixture: darts, probabilities: vec![0.5, 0.25, 0.25] });
    let incident = CustomIncident {
        phase: LivePhase::Finished,
        score: (3, 1),
        clock_ms: 7,
        period: "over".into(),
        values: vec![1, -2],
        possible: vec![(1, 2)],
        danger: None,
    };
    world.done(Body::Incident { fixture: darts, incident: Incident::Custom(incident) });
    // A void one before its start, which is yet to come: it is not late in its place's next life.
    let void = FixtureId(5);
    world.done(Body::AddFixture(Box::new(FixtureRequest {
        fixture: void,
        format: Format::FOOTBALL,
        competition: "cup".into(),
        start_ns: 10_000 * HOUR_NS,
        home: "Alba".into(),
        away: "Bruma".into(),
        entrants: Vec::new(),
    })));
    world.done(Body::VoidFixture { fixture: void, void: VoidKind::Everything });

    let all = [football, tennis, race, darts, void];
    world.wait(3);
    assert_eq!(world.live.fixtures().len(), 0);
    let first = world.fixtures.clone();
    assert_eq!(first.len(), 5);
    assert!(first[&football].parameters.is_some() && first[&football].markets.len() >= 2);
    for fixture in all {
        assert!(matches!(world.recall(fixture)[..], [Fact::FixtureRecalled { .. }]));
        // What is there stays as it is.
        assert!(world.recall(fixture).is_empty());
    }
    world.check();
    world.wait(3);
    for fixture in all {
        // A board that is made anew has a version of its own.
        let again = WholeFixture { version: first[&fixture].version, ..world.fixtures[&fixture].clone() };
        assert_eq!(again, first[&fixture]);
        assert!(world.fixtures[&fixture].version > first[&fixture].version);
    }
    assert_eq!(world.live.counters().recalled_fixture_count, 5);
    // The place of the void one is taken by a match of today, and nothing of it is due there.
    for number in 0..6 {
        world.football(FixtureId(100 + number), "today");
    }
    assert_eq!(world.live.fixtures().place_count(), 6);
    world.check();
}

/// A result that is told when the fixture and its tickets have left settled nothing. The fixture comes back first, says that it
/// misses tickets, and does not leave again before they are back.
#[test]
fn a_late_result_reaches_the_tickets_of_a_fixture_that_left() {
    let mut world = World::new();
    let fixture = FixtureId(1);
    world.football(fixture, "cup");
    (1..=5).for_each(|id| drop(world.bet(id, fixture)));
    world.play(fixture);
    world.wait(4);
    assert_eq!((world.live.fixtures().len(), world.live.tickets().len()), (0, 0));
    assert_eq!(world.live.available_minor(CUSTOMER), 1_000_500);
    let market = MarketId::of("1x2");
    let settle =
        |home, draw| Body::SettleMarket { fixture, market, grades: Some(vec![home, draw, Grade::LOST]) };
    let (answer, _) = world.send(settle(Grade::LOST, Grade::WON));
    assert!(matches!(answer, Answer::Refused { reason: Reason::FixtureNotFound, .. }), "{answer:?}");
    world.recall(fixture);
    world.done(settle(Grade::LOST, Grade::WON));
    assert_eq!(world.live.recalls().collect::<Vec<_>>(), [fixture]);
    // Whoever holds the archive takes his time: it waits.
    let facts = world.wait(9);
    assert!(facts.contains(&Fact::FixturesPutOff { fixtures: vec![fixture] }), "{facts:?}");
    assert_eq!(world.live.fixtures().len(), 1);
    world.recall_tickets(1..=5);
    assert_eq!(world.live.recalls().count(), 0);
    assert_eq!(world.live.available_minor(CUSTOMER), 999_500);
    world.wait(9);
    assert_eq!((world.live.fixtures().len(), world.live.tickets().len()), (0, 0));
    // Taken back: play goes on, and it is a fixture like any other.
    world.recall(fixture);
    world.done(Body::SettleMarket { fixture, market, grades: None });
    world.recall_tickets(1..=5);
    assert_eq!(world.live.available_minor(CUSTOMER), 1_000_500);
    world.happens(fixture, Kind::GoalCancelled(Side::Home), 5_400_000);
    assert_eq!(world.live.fixture(fixture).unwrap().live.score(), (0, 0));
    world.wait(1);
    assert_eq!(world.live.available_minor(CUSTOMER), 999_500);
    world.check();
}

/// Whatever a ticket, refused ones included, or a slice of work names has to be there. What may not leave is looked at again a
/// whole time later, and what left is announced anew only by whoever did not ask the archive.
#[test]
fn a_fixture_stays_as_long_as_something_names_it() {
    let mut world = World::new();
    let (open, refused, free) = (FixtureId(1), FixtureId(2), FixtureId(3));
    for fixture in [open, refused, free] {
        world.football(fixture, "cup");
    }
    let config = Config {
        archive_after_ms: 0,
        archive_refused_after_ms: 5 * 3_600_000,
        ..world.live.config().clone()
    };
    world.done(Body::Configure(Box::new(config)));
    world.bet(1, open);
    for fixture in [open, refused, free] {
        world.play(fixture);
    }
    world.bet(2, refused);
    assert!(matches!(world.live.ticket(TicketId(2)).unwrap().state, TicketState::Refused(_)));
    let facts = world.wait(1);
    assert!(!facts.iter().any(|fact| matches!(fact, Fact::FixturesArchived { .. })), "not a moment too soon");
    let facts = world.wait(1);
    assert_eq!(
        facts
            .iter()
            .filter(|fact| matches!(fact, Fact::FixturesArchived { .. } | Fact::FixturesPutOff { .. }))
            .collect::<Vec<_>>(),
        [
            &Fact::FixturesArchived { fixtures: vec![free] },
            &Fact::FixturesPutOff { fixtures: vec![open, refused] },
        ]
    );
    assert_eq!(world.live.competitions().iter().map(|known| known.fixture_count).collect::<Vec<_>>(), [2]);
    let facts = world.wait(4);
    assert!(
        facts.contains(&Fact::FixturesArchived { fixtures: vec![refused] }),
        "its refused ticket left: {facts:?}"
    );
    let facts = world.wait(4);
    assert!(facts.contains(&Fact::FixturesPutOff { fixtures: vec![open] }), "{facts:?}");
    assert_eq!(world.live.fixtures().len(), 1);
    world.check();
    // 0 keeps everything.
    let config =
        Config { archive_fixture_after_ms: 0, archive_money_after_ms: 0, ..world.live.config().clone() };
    world.done(Body::Configure(Box::new(config)));
    world.football(FixtureId(4), "cup");
    world.play(FixtureId(4));
    world.deposit(77, 10);
    world.wait(30);
    assert_eq!((world.live.fixtures().len(), world.live.kept_transfer_count()), (2, 1));
    for config in [
        Config { archive_fixture_after_ms: -1, ..world.live.config().clone() },
        Config { archive_money_after_ms: 31_536_000_001, ..world.live.config().clone() },
    ] {
        let (answer, _) = world.send(Body::Configure(Box::new(config)));
        assert!(matches!(answer, Answer::Refused { reason: Reason::ValueOutOfBounds, .. }), "{answer:?}");
    }
}

/// A command that brings back what never left, or what no incidents lead to, is refused before anything of it is taken; a fact
/// that says so is of another state.
#[test]
fn only_a_whole_fixture_that_left_comes_back() {
    let mut world = World::new();
    let fixture = FixtureId(1);
    world.football(fixture, "cup");
    world.play(fixture);
    world.wait(3);
    let whole = world.fixtures[&fixture].clone();
    let other = |change: &dyn Fn(&mut WholeFixture)| {
        let mut whole = whole.clone();
        change(&mut whole);
        whole
    };
    let race = RacingFormat::standard(RaceKind::Horse, 8, false);
    let wrong = [
        other(&|whole| {
            whole.live = oddsengine_markets::LiveState::new(&Format::FOOTBALL, template_of(&Format::FOOTBALL))
        }),
        other(&|whole| whole.request.format = Format::Racing(race)),
        other(&|whole| whole.grades[0].selection = SelectionId(7)),
        other(&|whole| whole.markets[0].market = MarketId(7)),
        other(&|whole| whole.markets[0].told_grades = Some(vec![Grade::WON])),
        other(&|whole| whole.scopes = vec![scope_of(FixtureId(2))]),
        other(&|whole| {
            if let oddsengine_markets::LiveState::Football(state) = &mut whole.live {
                state.goals = [[40, 40], [0, 0]];
            }
        }),
    ];
    for wrong in wrong {
        let body = Body::RecallFixtures { fixtures: vec![wrong.clone()] };
        let (answer, _) = world.send(body);
        assert!(matches!(answer, Answer::Refused { reason: Reason::ValueOutOfBounds, .. }), "{wrong:?}");
        let command = Command { time_ns: 0, origin: Origin::default(), body: Body::Tick { read_ns: 0 } };
        let facts = vec![Fact::FixtureRecalled { fixture: Box::new(wrong) }];
        assert!(world.folding.clone().fold(&Record { command, facts }).is_err());
    }
    let (answer, _) = world.send(Body::RecallFixtures { fixtures: vec![whole.clone(); 9] });
    assert!(matches!(answer, Answer::Refused { reason: Reason::ValueOutOfBounds, .. }), "{answer:?}");
    world.recall(fixture);
    for facts in [
        vec![Fact::FixtureRecalled { fixture: Box::new(whole) }],
        vec![Fact::FixturesArchived { fixtures: vec![FixtureId(9)] }],
        vec![Fact::FixturesArchived { fixtures: vec![fixture; 9] }],
        vec![Fact::FixturesPutOff { fixtures: vec![FixtureId(9)] }],
        vec![Fact::MoneyArchived { transfers: vec![TransferId(9)] }],
    ] {
        let command = Command { time_ns: 0, origin: Origin::default(), body: Body::Tick { read_ns: 0 } };
        assert!(world.folding.clone().fold(&Record { command, facts: facts.clone() }).is_err(), "{facts:?}");
    }
    world.check();
}

fn template_of(format: &Format) -> &'static oddsengine_markets::Template {
    oddsengine_markets::template_of(format).unwrap()
}

fn scope_of(fixture: FixtureId) -> oddsengine_engine::ScopeSetting {
    let settings = ScopeSettings { bet_delay_ms: Some(1), ..ScopeSettings::default() };
    oddsengine_engine::ScopeSetting { scope: Scope::Fixture(fixture), settings }
}

/// The settings of a fixture leave with it, so that they do not fill their bound for ever, and are in force again with it.
#[test]
fn the_settings_of_a_fixture_leave_and_return_with_it() {
    let mut world = World::new();
    let fixture = FixtureId(1);
    world.football(fixture, "cup");
    let settings =
        ScopeSettings { loss_minor_max: Some(123), bet_delay_ms: Some(7), ..ScopeSettings::default() };
    let market = Scope::Market(fixture, MarketId::of("1x2"));
    for scope in [Scope::Fixture(fixture), market.clone(), Scope::Competition("cup".into())] {
        world.done(Body::SetScope { scope, settings });
    }
    world.play(fixture);
    world.wait(3);
    assert_eq!(world.live.scopes().keys().collect::<Vec<_>>(), [&Scope::Competition("cup".into())]);
    assert!(world.live.competitions().is_empty());
    world.recall(fixture);
    assert_eq!(world.live.scopes().len(), 3);
    // With more of them than a record should hold it stays.
    let many = FixtureId(2);
    world.football(many, "cup");
    for number in 0..1_025 {
        let command = Command { time_ns: world.now_ns, origin: Origin::default(), body: Body::Heartbeat };
        let scope = Scope::Market(many, MarketId(number));
        let record = Record { command, facts: vec![Fact::ScopeSet { scope, settings }] };
        world.live.fold(&record).unwrap();
        world.folding.fold(&record).unwrap();
    }
    world.play(many);
    let facts = world.wait(3);
    assert!(facts.contains(&Fact::FixturesPutOff { fixtures: vec![many] }));
    let scope = Scope::Market(many, MarketId(7));
    world.done(Body::SetScope { scope, settings: ScopeSettings::default() });
    let facts = world.wait(3);
    assert!(facts.contains(&Fact::FixturesArchived { fixtures: vec![many] }));
    assert_eq!(world.fixtures[&many].scopes.len(), 1_024);
    world.recall(fixture);
    world.recall(many);
    assert_eq!(world.live.scopes().len(), 1_027);
    let known = world.live.fixture(fixture).unwrap();
    assert_eq!((known.limits.fixture_loss_minor_max, known.limits.bet_delay_ms), (123, 7));
    assert_eq!(
        known.limits.market_loss_minor_max[known.template().market_of_id(MarketId::of("1x2")).unwrap()],
        123
    );
    world.check();
}

/// An id whose deposit had left memory would be booked a second time. After it was recalled a repeat has the same answer, and
/// another body under it is refused: of deposits, of such that paid a debt, and of withdrawals.
#[test]
fn a_repeat_of_a_deposit_that_left_is_never_booked_twice() {
    let mut world = World::new();
    let fixture = FixtureId(1);
    world.football(fixture, "cup");
    // A customer who owes: all was withdrawn when a result was taken back.
    world.bet(1, fixture);
    world.play(fixture);
    let withdrawal = world.money(2, 1_000_100);
    assert!(matches!(world.send(Body::Withdraw(withdrawal)).0, Answer::MoneyBooked { is_repeat: false, .. }));
    let grades = Some(vec![Grade::LOST, Grade::WON, Grade::LOST]);
    world.done(Body::SettleMarket { fixture, market: MarketId::of("1x2"), grades });
    world.wait(0);
    while world.live.needs_tick(world.now_ns, world.now_ns) {
        world.send(Body::Tick { read_ns: world.now_ns });
    }
    assert_eq!(world.live.owed_minor(CUSTOMER), 200);
    assert!(matches!(
        world.deposit(3, 500),
        Answer::MoneyBooked { available_minor: 300, is_repeat: false, .. }
    ));
    world.wait(2);
    assert_eq!((world.live.kept_transfer_count(), world.transfers.len()), (0, 3));
    assert_eq!(world.transfers[&TransferId(3)].collected_minor, 200);
    assert!(!world.live.knows_transfer(TransferId(3)));
    let before = world.live.available_minor(CUSTOMER);
    for id in [1, 2, 3, 3] {
        let transfer = world.transfers[&TransferId(id)];
        world.done(Body::RecallMoney { transfer });
    }
    assert_eq!(world.live.counters().recalled_transfer_count, 3);
    for (id, amount_minor) in [(1, 1_000_000), (3, 500)] {
        let answer = world.deposit(id, amount_minor);
        assert!(matches!(answer, Answer::MoneyBooked { is_repeat: true, .. }), "{answer:?}");
        let answer = world.deposit(id, amount_minor + 1);
        assert!(
            matches!(answer, Answer::MoneyRefused { reason: Reason::IdHasAnotherBody, .. }),
            "{answer:?}"
        );
        let request = world.money(id, amount_minor);
        let (answer, _) = world.send(Body::Withdraw(request));
        assert!(
            matches!(answer, Answer::MoneyRefused { reason: Reason::IdHasAnotherBody, .. }),
            "{answer:?}"
        );
    }
    let (answer, _) = world.send(Body::Withdraw(withdrawal));
    assert!(matches!(answer, Answer::MoneyBooked { is_repeat: true, .. }), "{answer:?}");
    assert_eq!(world.live.available_minor(CUSTOMER), before);
    // They leave again.
    world.wait(2);
    assert_eq!(world.live.kept_transfer_count(), 0);
    world.check();
}

/// Three accounts of every customer who ever came stayed for good, and so did their sums. What is empty leaves with the last
/// ticket or transfer that touched it; its balance is told as before, and a repeat of what was booked on it is still a repeat.
#[test]
fn accounts_on_which_nothing_is_leave() {
    let mut world = World::new();
    let fixture = FixtureId(1);
    world.football(fixture, "cup");
    let guest = CustomerId(9);
    let paid_in = MoneyRequest { customer: guest, ..world.money(10, 500) };
    let paid_out = MoneyRequest { transfer: TransferId(11), ..paid_in };
    world.send(Body::Deposit(paid_in));
    world.send(Body::Withdraw(paid_out));
    world.bet(1, fixture);
    let kinds = |world: &World| -> Vec<AccountKind> {
        world.live.ledger().accounts().iter().map(|account| account.kind).collect()
    };
    let cash = AccountKind::CustomerCash;
    assert_eq!(
        kinds(&world),
        [AccountKind::Psp, cash(CUSTOMER), cash(guest), AccountKind::CustomerOpenStakes(CUSTOMER)]
    );
    world.wait(2);
    // The stake is still there, and so is its account.
    assert_eq!(kinds(&world), [AccountKind::Psp, cash(CUSTOMER), AccountKind::CustomerOpenStakes(CUSTOMER)]);
    assert_eq!(world.live.available_minor(guest), 0);
    // What was booked is known by its body, whatever accounts have the places by now.
    world.send(Body::Deposit(MoneyRequest { customer: CustomerId(8), ..world.money(12, 40) }));
    for (request, is_deposit) in [(paid_in, true), (paid_out, false)] {
        let transfer = world.transfers[&request.transfer];
        world.done(Body::RecallMoney { transfer });
        let body = if is_deposit { Body::Deposit(request) } else { Body::Withdraw(request) };
        let (answer, _) = world.send(body);
        assert!(
            matches!(answer, Answer::MoneyBooked { is_repeat: true, available_minor: 0, .. }),
            "{answer:?}"
        );
        let body = if is_deposit { Body::Withdraw(request) } else { Body::Deposit(request) };
        let (answer, _) = world.send(body);
        assert!(
            matches!(answer, Answer::MoneyRefused { reason: Reason::IdHasAnotherBody, .. }),
            "{answer:?}"
        );
    }
    // A request that is refused leaves no account, and no trace of one.
    let hash = world.live.ledger().accounts().clone();
    world.send(Body::Withdraw(MoneyRequest { customer: CustomerId(77), ..world.money(13, 40) }));
    assert_eq!(*world.live.ledger().accounts(), hash);
    world.play(fixture);
    world.wait(5);
    assert_eq!(
        kinds(&world),
        [AccountKind::Psp, cash(CUSTOMER), cash(CustomerId(8)), AccountKind::BettingResult]
    );
    assert_eq!(
        (world.live.available_minor(CUSTOMER), world.live.available_minor(CustomerId(8))),
        (1_000_100, 40)
    );
    world.check();
}

/// While tickets were due in every record, fixtures and ids waited for them: where the disk is slow there is one record a turn,
/// and they never left.
#[test]
fn none_of_them_waits_for_the_others() {
    let mut world = World::new();
    let fixture = FixtureId(1);
    world.football(fixture, "cup");
    world.bet(1, fixture);
    world.play(fixture);
    world.now_ns += 3 * HOUR_NS;
    let (_, facts) = world.send(Body::Tick { read_ns: world.now_ns });
    let archived = [
        Fact::TicketsArchived { tickets: vec![TicketId(1)] },
        Fact::FixturesArchived { fixtures: vec![fixture] },
        Fact::MoneyArchived { transfers: vec![TransferId(1)] },
    ];
    assert_eq!(facts[facts.len() - 3..], archived, "{facts:?}");
    world.check();
}

/// Many at once leave in bounded records.
#[test]
fn records_that_archive_have_a_bound() {
    let mut world = World::new();
    for number in 0..20 {
        world.football(FixtureId(1 + number), "cup");
        world.play(FixtureId(1 + number));
    }
    // Of another state each time, but for the restores in between as many as a busy minute has.
    for id in 0..600 {
        world.deposit(100 + id, 10);
    }
    let facts = world.wait(4);
    let fixtures: Vec<usize> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::FixturesArchived { fixtures } => Some(fixtures.len()),
            _ => None,
        })
        .collect();
    let transfers: Vec<usize> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::MoneyArchived { transfers } => Some(transfers.len()),
            _ => None,
        })
        .collect();
    assert_eq!((fixtures, transfers), (vec![8, 8, 4], vec![256, 256, 89]));
    world.check();
}
