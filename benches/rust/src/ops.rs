//! The operations of the hot path, one by one: timed by `timed.rs`, counted in instructions by callgrind.
//!
//! Input is built before the first step, so that a step is the operation alone. `check` looks at what the engine
//! told during all steps and panics when it is not what it must be.

use oddsengine_engine::{BoardUpdate, Body, Command, Config, Engine, Margin, MarginKind, Record};
use oddsengine_facts::sample;
use oddsengine_feeds::{decode_ingest, decode_order};
use oddsengine_ledger::{AccountId, AccountKind, InstructionId, Ledger, Memo, Transfer};
use oddsengine_markets::football::{FootballIncidentKind as Kind, Side};
use oddsengine_markets::{LiveState, MarketId};
use oddsengine_pricing::board::{BoardOffers, PriceRules, ViewPrefixes};
use oddsengine_pricing::football::DixonColes;
use oddsengine_pricing::football::markets_basket::{self, BASKET_SIZE};
use oddsengine_pricing::margin::MarginMethod;
use oddsengine_pricing::model::{ModelConfig, Models, Parameters};
use oddsengine_runtime::service::{Service, ServiceOptions};
use oddsengine_runtime::wire::{Header, board_delta};
use oddsengine_types::bets::Parts;
use oddsengine_types::{Currency, CustomerId};
use std::hint::black_box;

use crate::records::Recording;
use crate::setup::{
    self, Crowd, START_NS, Told, command, config, desk, fill_book, fixture_id, football, incident, kick_off,
    order_json, place,
};
use crate::systems::Systems;

/// How large the state is and for how many steps there is input.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Fixtures on the desk.
    pub fixtures: usize,
    /// Tickets in the book.
    pub bets: usize,
    /// Steps at most.
    pub steps: usize,
}

impl Size {
    /// For instruction counts: small, because everything runs fifty times slower there.
    pub const COUNTED: Self = Self { fixtures: 48, bets: 2_000, steps: 1_000 };
    /// For times.
    pub const TIMED: Self = Self { fixtures: 48, bets: 10_000, steps: 20_000 };
    /// For tests.
    pub const QUICK: Self = Self { fixtures: 8, bets: 50, steps: 100 };
}

/// One operation, repeated.
pub trait Op {
    /// Does it.
    fn step(&mut self, index: u64);

    /// The time of this step counts; others restore the state.
    fn counts(&self, _: u64) -> bool {
        true
    }

    /// Compares what came of `count` steps with what must; says what it compared.
    ///
    /// # Panics
    /// It is something else.
    fn check(&self, count: u64) -> String;

    /// The engine, for checks that cost more than the operation.
    fn engine(&self) -> Option<&Engine> {
        None
    }
}

/// An operation's name and how its state is made.
pub type Named = (&'static str, fn(Size) -> Box<dyn Op>);

/// All operations.
pub const OPS: &[Named] = &[
    ("basket", |_| Box::new(Basket::new())),
    ("basket_batch_of_100", |_| Box::new(BasketBatch::new())),
    ("board_goal", |size| Box::new(Boards::goals(size, MarginKind::Multiplicative, false))),
    ("board_goal_power", |size| Box::new(Boards::goals(size, MarginKind::Power, false))),
    ("board_goal_with_bets", |size| Box::new(Boards::goals(size, MarginKind::Multiplicative, true))),
    ("board_tick", |size| Box::new(Boards::ticks(size, MarginKind::Multiplicative))),
    ("board_tick_power", |size| Box::new(Boards::ticks(size, MarginKind::Power))),
    ("board_expectation", |size| Box::new(Boards::expectations(size))),
    ("danger", |size| Box::new(Boards::dangers(size))),
    ("price_by_hand", |size| Box::new(Boards::manual_prices(size))),
    ("stage_views", |_| Box::new(Stages::new(Stage::Views))),
    ("stage_expectations", |_| Box::new(Stages::new(Stage::Expectations))),
    ("stage_offer", |_| Box::new(Stages::new(Stage::Offer(MarginMethod::Multiplicative)))),
    ("stage_offer_power", |_| Box::new(Stages::new(Stage::Offer(MarginMethod::Power)))),
    ("stage_compare", |_| Box::new(Stages::new(Stage::Compare))),
    ("stage_encode", |_| Box::new(Stages::new(Stage::Encode))),
    ("bet_single", |size| Box::new(Bets::new(size, Kindred::Single))),
    ("bet_accumulator_of_4", |size| Box::new(Bets::new(size, Kindred::Accumulator))),
    ("bet_in_play", |size| Box::new(Bets::new(size, Kindred::InPlay))),
    ("bet_refused_odds", |size| Box::new(Bets::new(size, Kindred::OddsMoved))),
    ("bet_refused_limit", |size| Box::new(Bets::new(size, Kindred::AboveLimit))),
    ("decide_bet", |size| Box::new(Deciding::new(size))),
    ("fold_bet", |size| Box::new(Folding::bets(size))),
    ("fold_tick", |size| Box::new(Folding::ticks(size))),
    ("weigh_accumulators", |size| Box::new(Weighing::new(size))),
    ("service_bet", |size| Box::new(Serving::bets(size))),
    ("service_tick", |size| Box::new(Serving::ticks(size))),
    ("decode_incident", |_| Box::new(Decoding::incidents())),
    ("decode_ticket", |size| Box::new(Decoding::tickets(size))),
    ("ledger_transfer", |size| Box::new(Transfers::new(size))),
    ("pay_lucky_15", |_| Box::new(Systems::new("lucky15", Parts::Win, 2))),
    ("pay_lucky_15_each_way", |_| Box::new(Systems::new("lucky15", Parts::EachWay, 2))),
    ("pay_lucky_63", |_| Box::new(Systems::new("lucky63", Parts::Win, 2))),
    ("pay_goliath", |_| Box::new(Systems::new("goliath", Parts::Win, 2))),
    ("pay_goliath_4_decimals", |_| Box::new(Systems::new("goliath", Parts::Win, 4))),
    ("record_write_bet", |_| Box::new(Recording::writing(sample::single_bet()))),
    ("record_read_bet", |_| Box::new(Recording::reading(sample::single_bet()))),
    ("record_write_goal", |_| Box::new(Recording::writing(sample::goal()))),
    ("record_read_goal", |_| Box::new(Recording::reading(sample::goal()))),
    ("record_write_tick", |_| Box::new(Recording::writing(sample::tick()))),
    ("record_read_tick", |_| Box::new(Recording::reading(sample::tick()))),
];

struct Basket {
    models: Vec<DixonColes>,
    out: [f64; BASKET_SIZE],
    sum: f64,
}

impl Basket {
    fn new() -> Self {
        Self { models: models(), out: [0.0; BASKET_SIZE], sum: 0.0 }
    }
}

fn models() -> Vec<DixonColes> {
    let model = |index: usize| {
        let step = index as f64;
        DixonColes::new(0.5 + 0.0115 * step, 2.4 - 0.01 * step, -0.06).expect("rho is small")
    };
    (0..200).map(model).collect()
}

impl Op for Basket {
    fn step(&mut self, index: u64) {
        markets_basket::fill(black_box(&self.models[index as usize % 200]), &mut self.out);
        self.sum += self.out[0] + self.out[1] + self.out[2];
    }

    fn check(&self, count: u64) -> String {
        assert!((self.sum - count as f64).abs() < 1e-9 * (1.0 + count as f64));
        "home, draw and away sum to 1 every time; the values are in tests/golden".into()
    }
}

const BATCH: usize = 100;

struct BasketBatch {
    home: Vec<f64>,
    away: Vec<f64>,
    rho: Vec<f64>,
    out: Vec<f64>,
}

impl BasketBatch {
    fn new() -> Self {
        let models = models();
        let column = |value: fn(&DixonColes) -> f64| models[..BATCH].iter().map(value).collect();
        Self {
            home: column(|model| model.lambda_home()),
            away: column(|model| model.lambda_away()),
            rho: column(|model| model.rho()),
            out: vec![0.0; BATCH * BASKET_SIZE],
        }
    }
}

impl Op for BasketBatch {
    fn step(&mut self, _: u64) {
        markets_basket::fill_batch(black_box(&self.home), &self.away, &self.rho, &mut self.out)
            .expect("the slices fit");
    }

    fn check(&self, _: u64) -> String {
        let mut one = [0.0; BASKET_SIZE];
        for (model, many) in models().iter().zip(self.out.chunks(BASKET_SIZE)) {
            markets_basket::fill(model, &mut one);
            assert_eq!(one, many);
        }
        "every basket is equal to the one computed alone".into()
    }
}

/// Encodes boards as they are told, and counts.
#[derive(Default)]
struct Encoder {
    out: Vec<u8>,
    told: Told,
    bytes: u64,
    markets: u64,
}

impl Encoder {
    fn apply(&mut self, engine: &mut Engine, command: &Command) {
        let decided = engine.apply(command);
        self.told.count(&decided);
        for (fixture, changed) in engine.take_board_changes() {
            let update = engine
                .board_update(fixture, &changed, command.origin.source_ns)
                .expect("a board that changed is of a fixture");
            let header = Header { source: "recording.wc2022", reason: "goal", seq: 1, ..Header::default() };
            board_delta(&update, &header, 2, &mut self.out);
            self.told.boards += 1;
            self.bytes += self.out.len() as u64;
            self.markets += update.changed_markets.len() as u64;
        }
    }
}

/// Commands that change boards; every change is encoded.
struct Boards {
    engine: Engine,
    commands: Vec<Command>,
    encoder: Encoder,
    alternates: bool,
}

impl Boards {
    fn new(engine: Engine, commands: Vec<Command>, alternates: bool) -> Self {
        Self { engine, commands, encoder: Encoder::default(), alternates }
    }

    fn in_play(fixtures: usize, margin: MarginKind, bets: usize) -> Engine {
        let margin = Margin { method: margin, booksum_e4: 10_500 };
        let mut engine = desk(Config { margin, ..config() }, fixtures);
        if bets > 0 {
            fill_book(&mut engine, bets);
        }
        kick_off(&mut engine);
        engine
    }

    fn goals(size: Size, margin: MarginKind, with_bets: bool) -> Self {
        let mut engine = Self::in_play(size.fixtures, margin, if with_bets { size.bets } else { 0 });
        let mut commands = Vec::new();
        let mut told = Told::default();
        for index in 0..size.fixtures {
            let tick = incident(fixture_id(index), Kind::Clock, 1_800_000);
            told.apply(&mut engine, &command(START_NS + 2_000_000_000, tick));
        }
        for step in 0..size.steps {
            let fixture = fixture_id(step / 2 % size.fixtures);
            let kind =
                if step.is_multiple_of(2) { Kind::Goal(Side::Home) } else { Kind::GoalCancelled(Side::Home) };
            let time_ns = START_NS + 3_000_000_000 + step as i64;
            commands.push(command(time_ns, incident(fixture, kind, 1_800_000)));
        }
        Self::new(engine, commands, true)
    }

    /// A minute passes, match by match: as the recording ticks.
    fn ticks(size: Size, margin: MarginKind) -> Self {
        const MINUTES: usize = 40;
        let fixtures = size.steps.div_ceil(MINUTES);
        let engine = Self::in_play(fixtures, margin, 0);
        let tick = |step: usize| {
            let clock_ms = 60_000 * (1 + step / fixtures) as i64;
            let body = incident(fixture_id(step % fixtures), Kind::Clock, clock_ms);
            command(START_NS + 3_000_000_000 + step as i64, body)
        };
        Self::new(engine, (0..size.steps).map(tick).collect(), false)
    }

    /// A trader moves the supremacy to and fro: every price of the board moves.
    fn expectations(size: Size) -> Self {
        let engine = desk(config(), size.fixtures);
        let moved = |step: usize| {
            let supremacy_e6 = if (step / size.fixtures).is_multiple_of(2) { 350_000 } else { 250_000 };
            let fixture = fixture_id(step % size.fixtures);
            command(
                START_NS + step as i64,
                Body::SetExpectation { fixture, supremacy_e6, total_e6: 2_600_000, mode: None, weight_e3: 0 },
            )
        };
        Self::new(engine, (0..size.steps).map(moved).collect(), false)
    }

    /// A dangerous attack and its end: trading stops and resumes, no price moves.
    fn dangers(size: Size) -> Self {
        let engine = Self::in_play(size.fixtures, MarginKind::Multiplicative, 0);
        let danger = |step: usize| {
            let kind = if step.is_multiple_of(2) { Kind::Danger } else { Kind::Safe };
            let body = incident(fixture_id(step / 2 % size.fixtures), kind, 60_000);
            command(START_NS + 3_000_000_000 + step as i64, body)
        };
        Self::new(engine, (0..size.steps).map(danger).collect(), false)
    }

    /// A trader sets the prices of one market by hand.
    fn manual_prices(size: Size) -> Self {
        let engine = desk(config(), size.fixtures);
        let priced = |step: usize| {
            let nudge = 100 * (step / size.fixtures % 2) as u32;
            let fixture = &engine.fixtures()[step % size.fixtures];
            let market = fixture.template().market_index("1x2").expect("football has it");
            let offered = &fixture.board.odds_e4[fixture.template().markets[market].selections()];
            // A little below the board's own prices: nobody has to answer for them.
            let odds_e4 = Some(offered.iter().map(|odds| odds - 100 - nudge).collect());
            let (fixture, market) = (fixture.id(), MarketId::of("1x2"));
            command(
                START_NS + step as i64,
                Body::SetManualOdds {
                    fixture,
                    market,
                    odds_e4,
                    keeps_in_play: true,
                    override_by: String::new(),
                },
            )
        };
        let commands = (0..size.steps).map(priced).collect();
        Self::new(engine, commands, false)
    }
}

impl Op for Boards {
    fn step(&mut self, index: u64) {
        self.encoder.apply(&mut self.engine, &self.commands[index as usize]);
    }

    fn counts(&self, index: u64) -> bool {
        !self.alternates || index.is_multiple_of(2)
    }

    fn check(&self, count: u64) -> String {
        let Encoder { told, bytes, markets, out } = &self.encoder;
        assert_eq!(told.commands_refused, 0);
        let danger = matches!(self.commands[0].body, Body::Incident { incident: oddsengine_markets::Incident::Football(incident), .. } if incident.kind == Kind::Danger);
        if danger {
            return "no command was refused".into();
        }
        let Body::SetManualOdds { .. } = self.commands[0].body else {
            assert!(told.boards * 10 >= count * 9, "{told:?} of {count}");
            let frame: serde_json::Value = serde_json::from_slice(out).expect("a frame is JSON");
            assert!(frame["markets"].as_object().is_some_and(|markets| !markets.is_empty()));
            for fixture in self.engine.fixtures() {
                check_prices(fixture);
            }
            return format!(
                "{} boards of {} markets and {} bytes in the mean; no offered price above its fair price",
                told.boards,
                markets / told.boards.max(1),
                bytes / told.boards.max(1)
            );
        };
        assert_eq!((told.boards, *markets), (count, count));
        "one market in every frame".into()
    }
}

/// No offered price is above its fair price.
fn check_prices(fixture: &oddsengine_engine::Fixture) {
    for (selection, &odds_e4) in fixture.board.odds_e4.iter().enumerate().filter(|(_, odds)| **odds > 0) {
        let fair = fixture.fair_probability(selection);
        assert!(
            f64::from(odds_e4) / 10_000.0 * fair <= 1.0 + 1e-9,
            "selection {selection}: {odds_e4} of {fair}"
        );
    }
}

enum Stage {
    Views,
    Expectations,
    Offer(MarginMethod),
    Compare,
    Encode,
}

/// The steps of a repricing, each alone, on a fixture in play at 30:00.
struct Stages {
    stage: Stage,
    fixture: oddsengine_engine::Fixture,
    parameters: Parameters,
    live: Vec<LiveState>,
    models: Models,
    prefixes: ViewPrefixes,
    offers: BoardOffers,
    odds: Vec<u32>,
    changed: Vec<u16>,
    out: Vec<u8>,
}

impl Stages {
    fn new(stage: Stage) -> Self {
        let mut engine = desk(config(), 1);
        kick_off(&mut engine);
        let live = |seconds: i64| {
            let mut engine = engine.clone();
            let tick = incident(fixture_id(0), Kind::Clock, 1_000 * seconds);
            engine.apply(&command(START_NS + 2_000_000_000, tick));
            engine.fixtures()[0].live.clone()
        };
        let live = (1_790..1_810).map(live).collect();
        let fixture = engine.fixtures()[0].clone();
        let models = Models::new(&ModelConfig::default()).expect("the defaults are within bounds");
        let mut prefixes = ViewPrefixes::new(football());
        let parameters = fixture.parameters.clone().expect("the fixture has a model");
        models.fill(football(), &parameters, &fixture.live, &mut prefixes);
        let count = football().selections.len();
        Self {
            stage,
            parameters,
            live,
            models,
            prefixes,
            offers: BoardOffers::default(),
            odds: vec![0; count],
            changed: (0..football().markets.len() as u16).collect(),
            out: Vec::new(),
            fixture,
        }
    }

    fn offer(&mut self, method: MarginMethod) {
        let rules = PriceRules {
            method,
            booksum: 1.05,
            ladder: Config::default().ladder,
            odds_e4_min: Config::default().odds_e4_min,
            odds_e4_max: Config::default().odds_e4_max,
            skew_b_minor: None,
        };
        let Self { fixture, odds, offers, .. } = self;
        for market in &football().markets {
            let range = market.selections();
            let grades = &fixture.grades[range.clone()];
            offers.add(
                market,
                range.start,
                &fixture.board.win[range.clone()],
                &fixture.board.refund[range],
                |slot| grades[slot].is_none(),
                |_| 0,
                &rules,
                odds,
            );
        }
        offers.finish(odds);
    }

    fn compare(&mut self) {
        self.changed.clear();
        for (index, market) in football().markets.iter().enumerate() {
            let range = market.selections();
            if self.fixture.board.odds_e4[range.clone()] != self.odds[range] {
                self.changed.push(index as u16);
            }
        }
    }

    fn encode(&mut self) {
        let update = BoardUpdate {
            fixture: &self.fixture,
            template: football(),
            changed_markets: &self.changed,
            version: Default::default(),
            decided_ns: START_NS,
            source_ns: START_NS,
        };
        let header = Header { source: "recording.wc2022", reason: "clock", seq: 1, ..Header::default() };
        board_delta(&update, &header, 2, &mut self.out);
    }
}

impl Op for Stages {
    fn step(&mut self, index: u64) {
        match self.stage {
            Stage::Views => {
                let live = &self.live[index as usize % self.live.len()];
                self.models.fill(football(), &self.parameters, live, &mut self.prefixes);
            }
            Stage::Expectations => {
                let board = &mut self.fixture.board;
                self.prefixes.expectations(football(), &mut board.win, &mut board.refund);
            }
            Stage::Offer(method) => self.offer(method),
            Stage::Compare => self.compare(),
            Stage::Encode => self.encode(),
        }
    }

    fn check(&self, _: u64) -> String {
        match self.stage {
            Stage::Views => {
                let whole = |view: usize| *self.prefixes.view(view).last().expect("a view has cells");
                assert!((0..football().views.len()).all(|view| (whole(view) - 1.0).abs() < 1e-6));
                "every view sums to 1".into()
            }
            Stage::Expectations => {
                let sum: f64 = self.fixture.board.win[..3].iter().sum();
                assert!((sum - 1.0).abs() < 1e-6);
                "1X2 sums to 1".into()
            }
            Stage::Offer(_) => {
                let offered = self.odds.iter().filter(|&&odds| odds > 0).count();
                assert!(offered > 700, "{offered}");
                format!("{offered} prices")
            }
            Stage::Compare => {
                // Nothing was offered to compare with: all markets with a price differ.
                format!("{} markets differ", self.changed.len())
            }
            Stage::Encode => {
                let frame: serde_json::Value = serde_json::from_slice(&self.out).expect("a frame is JSON");
                assert_eq!(frame["markets"].as_object().map(|all| all.len()), Some(football().markets.len()));
                format!("{} markets in {} bytes", football().markets.len(), self.out.len())
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kindred {
    Single,
    Accumulator,
    InPlay,
    OddsMoved,
    AboveLimit,
}

/// Tickets on a filled book.
struct Bets {
    engine: Engine,
    commands: Vec<Command>,
    kind: Kindred,
    told: Told,
}

impl Bets {
    fn new(size: Size, kind: Kindred) -> Self {
        // The bets go on for longer than a feed may be silent.
        let mut engine = desk(Config { feed_silence_ms: 0, ..config() }, size.fixtures);
        fill_book(&mut engine, size.bets);
        if kind == Kindred::InPlay {
            kick_off(&mut engine);
        }
        let mut crowd = Crowd::new(2, 1 << 65);
        let legs = if kind == Kindred::Accumulator { 4 } else { 1 };
        let ticket = |step: usize| {
            let mut request = crowd.ticket(&engine, legs);
            match kind {
                Kindred::OddsMoved => {
                    request.odds_change = oddsengine_engine::OddsChange::None;
                    request.legs[0].odds_e4 += 1;
                }
                Kindred::AboveLimit => request.stake_minor = 99_999_999,
                _ => {}
            }
            // In play a ticket waits five seconds: with one every millisecond each step takes one on and decides
            // one of five seconds ago.
            place(START_NS + 2_000_000_000 + 1_000_000 * step as i64, request)
        };
        let commands = (0..size.steps).map(ticket).collect();
        Self { engine, commands, kind, told: Told::default() }
    }
}

impl Op for Bets {
    fn step(&mut self, index: u64) {
        self.told.apply(&mut self.engine, &self.commands[index as usize]);
    }

    fn check(&self, count: u64) -> String {
        let Told { accepted, delayed, refused, .. } = self.told;
        match self.kind {
            Kindred::Single | Kindred::Accumulator => assert_eq!(accepted, count, "{:?}", self.told),
            Kindred::InPlay => assert_eq!((delayed, refused), (count, 0), "{:?}", self.told),
            _ => assert_eq!((accepted, refused), (0, count), "{:?}", self.told),
        }
        format!("{accepted} accepted, {delayed} delayed, {refused} refused")
    }

    fn engine(&self) -> Option<&Engine> {
        Some(&self.engine)
    }
}

/// Singles decided and folded, and nothing told: what a turn does for each of them.
struct Deciding {
    engine: Engine,
    commands: Vec<Command>,
    facts: u64,
    accepted_before: u64,
}

impl Deciding {
    fn new(size: Size) -> Self {
        let Bets { engine, commands, .. } = Bets::new(size, Kindred::Single);
        let accepted_before = engine.counters().accepted_count;
        Self { engine, commands, facts: 0, accepted_before }
    }
}

impl Op for Deciding {
    fn step(&mut self, index: u64) {
        let decided = self.engine.step(black_box(&self.commands[index as usize]));
        self.facts += black_box(decided).facts.len() as u64;
    }

    fn check(&self, count: u64) -> String {
        assert_eq!(self.engine.counters().accepted_count - self.accepted_before, count);
        format!("{count} accepted, {} facts", self.facts)
    }

    fn engine(&self) -> Option<&Engine> {
        Some(&self.engine)
    }
}

/// Records folded, as a recovery and a standby do.
struct Folding {
    engine: Engine,
    records: Vec<Record>,
    command_count_before: u64,
}

impl Folding {
    fn new(engine: Engine, commands: Vec<Command>) -> Self {
        let mut live = engine.clone();
        let record = |command: Command| Record { facts: live.step(&command).facts, command };
        let records = commands.into_iter().map(record).collect();
        Self { command_count_before: engine.counters().command_count, engine, records }
    }

    fn bets(size: Size) -> Self {
        let Bets { engine, commands, .. } = Bets::new(size, Kindred::Single);
        Self::new(engine, commands)
    }

    fn ticks(size: Size) -> Self {
        let Boards { engine, commands, .. } = Boards::ticks(size, MarginKind::Multiplicative);
        Self::new(engine, commands)
    }
}

impl Op for Folding {
    fn step(&mut self, index: u64) {
        self.engine.fold(black_box(&self.records[index as usize])).expect("what was decided folds");
    }

    fn check(&self, count: u64) -> String {
        assert_eq!(self.engine.counters().command_count - self.command_count_before, count);
        let facts: usize = self.records[..count as usize].iter().map(|record| record.facts.len()).sum();
        let mut priced = self.engine.clone();
        priced.price_changed();
        setup::check_invariants(&priced);
        format!("{facts} facts of {count} records; every invariant holds")
    }
}

/// What a clock tick costs the next ticket: accumulators are weighed anew where a probability moved.
struct Weighing {
    engine: Engine,
    commands: Vec<Command>,
    told: Told,
}

impl Weighing {
    fn new(size: Size) -> Self {
        let mut engine = desk(config(), size.fixtures);
        fill_book(&mut engine, size.bets);
        kick_off(&mut engine);
        let commands = (0..size.steps).map(|step| {
            let time_ns = START_NS + 2_000_000_000 + 100_000_000 * (1 + step as i64 / 2);
            let clock_ms = 1_000 * (1 + (step / 2 / size.fixtures) as i64);
            let tick = incident(fixture_id(step / 2 % size.fixtures), Kind::Clock, clock_ms);
            command(time_ns, if step.is_multiple_of(2) { tick } else { Body::Tick { read_ns: time_ns } })
        });
        let commands = commands.collect();
        Self { engine, commands, told: Told::default() }
    }
}

impl Op for Weighing {
    fn step(&mut self, index: u64) {
        self.told.apply(&mut self.engine, &self.commands[index as usize]);
    }

    fn counts(&self, index: u64) -> bool {
        !index.is_multiple_of(2)
    }

    fn check(&self, _: u64) -> String {
        assert_eq!(self.told.commands_refused, 0);
        "no command was refused".into()
    }

    fn engine(&self) -> Option<&Engine> {
        Some(&self.engine)
    }
}

/// A service in memory.
pub fn service_in_memory(config: Config) -> Service {
    let options = ServiceOptions { journal: None, config, snapshot_every: 0, now_ns: START_NS };
    Service::start(options).expect("a service in memory starts")
}

/// A service with fixtures, prices, deposits and a book, everything sent as bytes.
pub fn fill_service(service: &mut Service, fixtures: usize, bets: usize) {
    let mut lines: Vec<Vec<u8>> = Vec::new();
    for line in setup::recording_lines() {
        let text = std::str::from_utf8(line).expect("the recording is text");
        if text.starts_with("{\"type\":\"fixture\"") || text.starts_with("{\"type\":\"prices\"") {
            lines.push(line.to_vec());
        }
    }
    for line in lines.iter().take(2 * fixtures) {
        service.ingest(line, START_NS);
    }
    for deposit in setup::deposits() {
        service.order(b"bench", &setup::deposit_json(&deposit), START_NS);
    }
    let mut crowd = Crowd::new(1, 1 << 64);
    for _ in 0..bets {
        let request = crowd.mixed(service.engine());
        service.order(b"bench", &order_json(&request, "r"), START_NS);
    }
    service.end_turn();
    service.take_frames(START_NS);
    assert_eq!(service.engine().counters().accepted_count as usize, bets);
}

/// Bytes in, frames out: decoding, the engine, encoding; no journal, no socket.
struct Serving {
    service: Service,
    messages: Vec<Vec<u8>>,
    is_order: bool,
    frames: u64,
    accepted_before: u64,
}

impl Serving {
    fn bets(size: Size) -> Self {
        let mut service = service_in_memory(config());
        fill_service(&mut service, size.fixtures, size.bets);
        let mut crowd = Crowd::new(2, 1 << 65);
        let message = |step| order_json(&crowd.ticket(service.engine(), 1), &format!("request-{step}"));
        let messages = (0..size.steps).map(message).collect();
        let accepted_before = service.engine().counters().accepted_count;
        Self { service, messages, is_order: true, frames: 0, accepted_before }
    }

    fn ticks(size: Size) -> Self {
        let mut service = service_in_memory(config());
        fill_service(&mut service, size.fixtures, 0);
        let incident = |seq: usize, fixture, kind: &str, clock_ms: usize| {
            format!(
                "{{\"type\":\"incident\",\"source\":\"scout\",\"seq\":{seq},\"time_ns\":{START_NS},\
                 \"fixture\":{fixture},\"kind\":\"{kind}\",\"half\":1,\"clock_ms\":{clock_ms},\"score\":[0,0]}}"
            )
            .into_bytes()
        };
        for index in 0..size.fixtures {
            service.ingest(&incident(index + 1, fixture_id(index), "kick_off", 0), START_NS);
        }
        service.end_turn();
        service.take_frames(START_NS);
        let message = |step: usize| {
            let seq = size.fixtures + 1 + step;
            incident(seq, fixture_id(step % size.fixtures), "clock", 6_000 * (1 + step / size.fixtures))
        };
        let messages = (0..size.steps).map(message).collect();
        Self { service, messages, is_order: false, frames: 0, accepted_before: 0 }
    }
}

impl Op for Serving {
    fn step(&mut self, index: u64) {
        let message = &self.messages[index as usize];
        let now_ns = START_NS + 2_000_000_000 + 1_000 * index as i64;
        match self.is_order {
            true => self.service.order(b"bench", message, now_ns),
            false => self.service.ingest(message, now_ns),
        }
        self.service.end_turn();
        self.frames += black_box(self.service.take_frames(now_ns)).len() as u64;
    }

    fn check(&self, count: u64) -> String {
        let counters = self.service.counters();
        assert!(counters.malformed_count.is_empty(), "{counters:?}");
        assert_eq!(self.service.engine().counters().refused_command_count, 0);
        if self.is_order {
            assert_eq!(self.service.engine().counters().accepted_count - self.accepted_before, count);
            assert_eq!(self.frames, 2 * count);
        } else {
            assert!(self.frames * 10 >= count * 9, "{} frames of {count}", self.frames);
        }
        format!("{} frames", self.frames)
    }
}

struct Decoding {
    messages: Vec<Vec<u8>>,
    is_order: bool,
    decoded: u64,
}

impl Decoding {
    fn incidents() -> Self {
        let is_incident = |line: &&[u8]| line.starts_with(b"{\"type\":\"incident\"");
        let messages = setup::recording_lines().filter(is_incident).map(<[u8]>::to_vec).collect();
        Self { messages, is_order: false, decoded: 0 }
    }

    fn tickets(size: Size) -> Self {
        let engine = desk(config(), size.fixtures);
        let mut crowd = Crowd::new(3, 1 << 66);
        let messages =
            (0..1_000).map(|step| order_json(&crowd.ticket(&engine, 1), &format!("request-{step}")));
        Self { messages: messages.collect(), is_order: true, decoded: 0 }
    }
}

impl Op for Decoding {
    fn step(&mut self, index: u64) {
        let message = black_box(&self.messages[index as usize % self.messages.len()]);
        let is_whole =
            match self.is_order {
                true => black_box(decode_order(message, START_NS))
                    .is_ok_and(|decoded| decoded.unknown_fields == 0),
                false => black_box(decode_ingest(message, START_NS))
                    .is_ok_and(|decoded| decoded.unknown_fields == 0),
            };
        self.decoded += u64::from(is_whole);
    }

    fn check(&self, count: u64) -> String {
        assert_eq!(self.decoded, count);
        format!(
            "all understood; {} bytes in the mean",
            self.messages.iter().map(Vec::len).sum::<usize>() / self.messages.len()
        )
    }
}

/// Transfers between 1,000 customers' cash and open stakes.
struct Transfers {
    ledger: Ledger,
    transfers: Vec<Transfer>,
}

impl Transfers {
    fn new(size: Size) -> Self {
        let mut ledger = Ledger::new();
        let psp = ledger.account(AccountKind::Psp, Currency::EUR).unwrap();
        let mut accounts: Vec<[AccountId; 2]> = Vec::new();
        for customer in (1..=setup::CUSTOMERS).map(CustomerId) {
            let cash = ledger.account(AccountKind::CustomerCash(customer), Currency::EUR).unwrap();
            let stakes = ledger.account(AccountKind::CustomerOpenStakes(customer), Currency::EUR).unwrap();
            let id = InstructionId::single(customer.0.into());
            let deposit =
                Transfer { id, debit: psp, credit: cash, amount_minor: 1_000_000_000, memo: Memo::default() };
            ledger.linked(&[deposit]).expect("a deposit is possible");
            accounts.push([cash, stakes]);
        }
        let transfer = |step: usize| {
            let [debit, credit] = accounts[step * 7 % accounts.len()];
            let id = InstructionId::single((1_u128 << 80) + step as u128);
            Transfer { id, debit, credit, amount_minor: 1_000, memo: Memo::default() }
        };
        let transfers = (0..size.steps).map(transfer).collect();
        ledger.discard_postings();
        Self { ledger, transfers }
    }
}

impl Op for Transfers {
    fn step(&mut self, index: u64) {
        let transfer = std::slice::from_ref(&self.transfers[index as usize]);
        self.ledger.linked(black_box(transfer)).expect("the cash is there");
        self.ledger.discard_postings();
    }

    fn check(&self, count: u64) -> String {
        let staked: i64 = (1..=setup::CUSTOMERS)
            .map(|customer| {
                let kind = AccountKind::CustomerOpenStakes(CustomerId(customer));
                self.ledger.balance_of(kind, Currency::EUR).available_minor
            })
            .sum();
        assert_eq!(staked, 1_000 * count as i64);
        "open stakes are the sum of the transfers".into()
    }
}
