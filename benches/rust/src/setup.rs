//! Realistic input: the recording's fixtures and prices, a crowd of customers, tickets as people place them.

use std::path::PathBuf;

use oddsengine_engine::{
    Answer, Body, Command, Config, Decided, Engine, Fact, Fixture, LegRequest, MoneyRequest, OddsChange,
    Origin, TicketRequest, TicketState,
};
use oddsengine_feeds::decode_ingest;
use oddsengine_markets::football::{FootballIncident, FootballIncidentKind};
use oddsengine_markets::{Incident, SelectionId, Template, template};
use oddsengine_types::{Currency, CustomerId, FixtureId, SportId, TicketId, TransferId};

/// The group stage of a World Cup, one ingest message a line.
pub const RECORDING: &[u8] = include_bytes!("../../../feeds/recordings/world_cup_2022_group_stage.jsonl");
/// Fixtures of the recording.
pub const RECORDED_FIXTURES: usize = 48;
/// Time of the first command: before every kick-off of the recording.
pub const START_NS: i64 = 1_668_952_000_000_000_000;
/// Number of the first fixture.
pub const FIRST_FIXTURE: u64 = 1_001;
/// Customers of the desk.
pub const CUSTOMERS: u64 = 1_000;

/// What people bet on, with weights: most of it is the result, then totals and handicaps.
const MENU: &[(&str, u32)] = &[
    ("1x2", 40),
    ("total:2.5", 14),
    ("both_score", 8),
    ("total:1.5", 5),
    ("total:3.5", 5),
    ("double_chance", 5),
    ("draw_no_bet", 4),
    ("handicap:-0.5", 3),
    ("handicap:-1", 3),
    ("handicap:0.25", 2),
    ("correct_score", 4),
    ("half_time_full_time", 2),
    ("1x2.h1", 3),
    ("first_goal", 2),
];

/// The messages of the recording, in order.
pub fn recording_lines() -> impl Iterator<Item = &'static [u8]> {
    RECORDING.split(|&byte| byte == b'\n').filter(|line| !line.is_empty())
}

/// The recording as commands, at the times of its messages.
pub fn recording() -> Vec<Command> {
    let decode = |line: &[u8]| {
        let mut command = decode_ingest(line, 0).expect("the recording is canonical").value;
        command.time_ns = command.origin.source_ns;
        command
    };
    recording_lines().map(decode).collect()
}

/// A sequence of pseudo-random numbers (SplitMix64): the same in every run.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.draw() % bound as u64) as usize
    }

    fn weighted(&mut self, weights: impl Iterator<Item = f64> + Clone) -> usize {
        let sum: f64 = weights.clone().sum();
        let mut rest = (self.draw() >> 11) as f64 / (1_u64 << 53) as f64 * sum;
        let count = weights.clone().count();
        for (index, weight) in weights.enumerate() {
            rest -= weight;
            if rest < 0.0 {
                return index;
            }
        }
        count - 1
    }
}

/// The football template.
pub fn football() -> &'static Template {
    template(SportId(0))
}

/// A command without a sequence number.
pub fn command(time_ns: i64, body: Body) -> Command {
    Command {
        time_ns,
        origin: Origin { source: "bench".into(), source_ns: time_ns, ..Origin::default() },
        body,
    }
}

/// An incident of football.
pub fn incident(fixture: FixtureId, kind: FootballIncidentKind, clock_ms: i64) -> Body {
    let incident = FootballIncident { kind, clock_ms, score_after: None };
    Body::Incident { fixture, incident: Incident::Football(incident) }
}

/// The id of the n-th fixture of a desk.
pub fn fixture_id(index: usize) -> FixtureId {
    FixtureId(FIRST_FIXTURE + index as u64)
}

fn fixture_of(body: &Body) -> FixtureId {
    match body {
        Body::AddFixture(request) => request.fixture,
        Body::SetPrices { fixture, .. } | Body::Incident { fixture, .. } => *fixture,
        other => panic!("{other:?} is of no fixture"),
    }
}

/// Fixtures with the recording's names and prices; beyond 48 they repeat under new numbers.
pub fn announcements(fixture_count: usize) -> Vec<Command> {
    let mut recorded: Vec<Vec<Body>> = vec![Vec::new(); RECORDED_FIXTURES];
    for Command { body, .. } in recording() {
        if let Body::AddFixture(_) | Body::SetPrices { .. } = body {
            recorded[(fixture_of(&body).0 - FIRST_FIXTURE) as usize].push(body);
        }
    }
    assert!(recorded.iter().all(|bodies| bodies.len() == 2));
    let numbered = |index: usize| {
        let bodies = recorded[index % RECORDED_FIXTURES].clone();
        bodies.into_iter().map(move |mut body| {
            match &mut body {
                Body::AddFixture(request) => {
                    request.fixture = fixture_id(index);
                    // A competition of 48 fixtures, as the recording has.
                    request.competition = format!("competition_{}", index / RECORDED_FIXTURES);
                }
                Body::SetPrices { fixture, .. } => *fixture = fixture_id(index),
                other => panic!("{other:?} is no announcement"),
            }
            command(START_NS, body)
        })
    };
    (0..fixture_count).flat_map(numbered).collect()
}

/// Limits so wide that tickets of a long run are judged but not refused.
pub fn config() -> Config {
    let wide = 100_000_000_000;
    Config {
        market_loss_minor_max: wide,
        fixture_loss_minor_max: wide,
        competition_loss_minor_max: wide,
        sport_loss_minor_max: wide,
        platform_loss_minor_max: wide,
        payout_minor_max: wide,
        ..Config::default()
    }
}

/// Counts what the engine told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Boards.
    pub boards: u64,
    /// Tickets accepted, or put on delay.
    pub accepted: u64,
    /// Tickets put on delay.
    pub delayed: u64,
    /// Tickets refused.
    pub refused: u64,
    /// Settlements and rollbacks.
    pub settled: u64,
    /// Commands refused.
    pub commands_refused: u64,
}

impl Told {
    /// Carries out a command and counts what it led to.
    pub fn apply(&mut self, engine: &mut Engine, command: &Command) {
        let decided = engine.apply(command);
        self.count(&decided);
        self.boards += engine.take_board_changes().len() as u64;
    }

    /// Counts what a command led to.
    pub fn count(&mut self, decided: &Decided) {
        for fact in &decided.facts {
            match fact {
                Fact::TicketDecided { ticket, .. } => match ticket.state {
                    TicketState::Refused(_) => self.refused += 1,
                    TicketState::Delayed => self.delayed += 1,
                    _ => self.accepted += 1,
                },
                Fact::TicketPaid { .. } | Fact::TicketReopened { .. } | Fact::TicketCancelled { .. } => {
                    self.settled += 1;
                }
                _ => {}
            }
        }
        let is_refused = matches!(decided.answer, Answer::Refused { .. } | Answer::TicketRefused { .. });
        self.commands_refused += u64::from(is_refused);
    }
}

/// A desk before kick-off: so many fixtures with prices.
pub fn desk(config: Config, fixture_count: usize) -> Engine {
    let mut engine = Engine::new(config).expect("the configuration is within bounds");
    let mut told = Told::default();
    told.apply(&mut engine, &command(START_NS, Body::EpochStarted { epoch: 1 }));
    for announcement in announcements(fixture_count) {
        told.apply(&mut engine, &announcement);
    }
    assert_eq!((told.boards, told.commands_refused), (fixture_count as u64, 0));
    engine
}

/// The same in play: every match kicked off.
pub fn kick_off(engine: &mut Engine) {
    let mut told = Told::default();
    for index in 0..engine.fixtures().len() {
        let body = incident(fixture_id(index), FootballIncidentKind::KickOff, 0);
        told.apply(engine, &command(START_NS + 1_000_000_000, body));
    }
    assert_eq!(told.commands_refused, 0);
}

/// Deposits of every customer: enough for every stake of a bench.
pub fn deposits() -> impl Iterator<Item = Command> {
    (1..=CUSTOMERS).map(|customer| {
        let request = MoneyRequest {
            transfer: TransferId(customer.into()),
            customer: CustomerId(customer),
            amount_minor: 100_000_000,
            currency: Currency::EUR,
        };
        command(START_NS, Body::Deposit(request))
    })
}

/// Thinks of tickets on an engine's present prices.
#[derive(Clone, Debug)]
pub struct Crowd {
    random: Random,
    ticket: u128,
    menu: Vec<usize>,
}

impl Crowd {
    /// A crowd; tickets are numbered from `first_ticket`.
    pub fn new(seed: u64, first_ticket: u128) -> Self {
        let index =
            |&(key, _): &(&str, u32)| football().market_index(key).expect("the menu is on the template");
        Self { random: Random(seed), ticket: first_ticket, menu: MENU.iter().map(index).collect() }
    }

    /// A ticket of `leg_count` legs on different fixtures, at the present odds, of 1.00 to 20.99.
    pub fn ticket(&mut self, engine: &Engine, leg_count: usize) -> TicketRequest {
        self.ticket += 1;
        let fixtures = engine.fixtures();
        let first = self.random.below(fixtures.len());
        let step = 1 + self.random.below(fixtures.len().div_euclid(leg_count.max(1)).max(1));
        let legs =
            (0..leg_count).map(|leg| self.leg(engine, (first + leg * step) % fixtures.len())).collect();
        TicketRequest {
            // Ids as clients draw them: all bits used.
            ticket: TicketId(self.ticket.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)),
            customer: CustomerId(1 + self.random.draw() % CUSTOMERS),
            currency: Currency::EUR,
            stake_minor: 100 + self.random.below(2_000) as i64,
            odds_change: OddsChange::Any,
            legs,
            wishes: Default::default(),
            plan: None,
        }
    }

    /// A single on one of the fixtures that have prices, if any has; some have finished, some have no prices yet.
    pub fn on_offer(&mut self, engine: &Engine) -> Option<TicketRequest> {
        let template = football();
        let is_offered = |fixture: &&Fixture| {
            let ranges = self.menu.iter().map(|&market| template.markets[market].selections());
            ranges.into_iter().any(|range| fixture.board.odds_e4[range].iter().any(|&odds| odds > 0))
        };
        let offered: Vec<FixtureId> = engine.fixtures().iter().filter(is_offered).map(Fixture::id).collect();
        if offered.is_empty() {
            return None;
        }
        let id = offered[self.random.below(offered.len())];
        let (index, _) = engine.fixtures().entries().find(|(_, fixture)| fixture.id() == id)?;
        let mut request = self.ticket(engine, 0);
        request.legs.push(self.leg(engine, index));
        Some(request)
    }

    /// A single on the fixture at this place.
    pub fn single(&mut self, engine: &Engine, fixture: usize) -> TicketRequest {
        let mut request = self.ticket(engine, 0);
        request.legs.push(self.leg(engine, fixture));
        request
    }

    fn leg(&mut self, engine: &Engine, fixture: usize) -> LegRequest {
        let (template, fixture) = (football(), &engine.fixtures()[fixture]);
        loop {
            let item = self.random.weighted(MENU.iter().map(|&(_, weight)| f64::from(weight)));
            let market = &template.markets[self.menu[item]];
            let odds = &fixture.board.odds_e4[market.selections()];
            if odds.iter().all(|&odds| odds == 0) {
                continue;
            }
            // Most people back favourites.
            let weight = |&odds: &u32| if odds == 0 { 0.0 } else { 1.0 / f64::from(odds) };
            let selection = market.selections().start + self.random.weighted(odds.iter().map(weight));
            return LegRequest {
                fixture: fixture.id(),
                selection: SelectionId::of(&market.key, &template.selections[selection].name),
                odds_e4: fixture.board.odds_e4[selection],
                version: engine.version(fixture),
            };
        }
    }

    /// Three singles in ten tickets are accumulators of two to six, as on a real slip.
    pub fn mixed(&mut self, engine: &Engine) -> TicketRequest {
        let legs = if self.random.below(10) < 3 { 2 + self.random.below(5) } else { 1 };
        self.ticket(engine, legs)
    }
}

/// A command that places a ticket.
pub fn place(time_ns: i64, request: TicketRequest) -> Command {
    command(time_ns, Body::PlaceTicket(Box::new(request)))
}

/// Fills a desk's book: deposits, then tickets until so many are accepted, three in ten of them accumulators.
pub fn fill_book(engine: &mut Engine, bet_count: usize) {
    let mut told = Told::default();
    deposits().for_each(|deposit| told.apply(engine, &deposit));
    let mut crowd = Crowd::new(1, 1 << 64);
    while told.accepted < bet_count as u64 {
        let request = crowd.mixed(engine);
        told.apply(engine, &place(START_NS, request));
    }
    // A long accumulator of outsiders may exceed even wide limits.
    assert!(told.refused <= 1 + told.accepted / 10_000, "{told:?}");
}

/// A ticket request as its client writes it.
pub fn order_json(request: &TicketRequest, request_id: &str) -> Vec<u8> {
    let template = football();
    let leg = |leg: &LegRequest| {
        let selection = template.selection_of_id(leg.selection).expect("the selection is on the template");
        format!(
            "{{\"fixture\":{},\"market\":\"{}\",\"selection\":\"{}\",\"odds\":{},\"version\":[{},{}]}}",
            leg.fixture,
            template.market_of(selection).key,
            template.selections[selection].name,
            f64::from(leg.odds_e4) / 10_000.0,
            leg.version.epoch,
            leg.version.seq
        )
    };
    let legs: Vec<String> = request.legs.iter().map(leg).collect();
    format!(
        "{{\"type\":\"place_ticket\",\"request_id\":\"{request_id}\",\"ticket\":\"{:032x}\",\"customer\":{},\
         \"currency\":\"EUR\",\"stake_minor\":{},\"odds_change\":{{\"policy\":\"any\"}},\"legs\":[{}]}}",
        request.ticket.0,
        request.customer,
        request.stake_minor,
        legs.join(",")
    )
    .into_bytes()
}

/// A deposit as its client writes it.
pub fn deposit_json(deposit: &Command) -> Vec<u8> {
    let Body::Deposit(request) = &deposit.body else { panic!("{deposit:?} is no deposit") };
    format!(
        "{{\"type\":\"deposit\",\"request_id\":\"d\",\"transfer\":\"{:032x}\",\"customer\":{},\"currency\":\"EUR\",\
         \"amount_minor\":{}}}",
        request.transfer.0, request.customer, request.amount_minor
    )
    .into_bytes()
}

/// Compares the engine with itself, named invariant by named invariant.
///
/// # Panics
/// One does not hold.
pub fn check_invariants(engine: &Engine) {
    for (name, result) in engine.invariants() {
        assert!(result.is_ok(), "{name}: {result:?}");
    }
}

/// A folder for files of a bench, removed with everything in it.
#[derive(Debug)]
pub struct Folder(pub PathBuf);

impl Folder {
    /// A new folder on the disk under the system's folder for temporary files, or `ODDSENGINE_BENCH_FOLDER`.
    ///
    /// # Panics
    /// It cannot be made.
    pub fn new(name: &str) -> Self {
        let parent =
            std::env::var_os("ODDSENGINE_BENCH_FOLDER").map_or_else(std::env::temp_dir, PathBuf::from);
        let path = parent.join(format!("oddsengine-bench-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the folder for temporary files can be written");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
