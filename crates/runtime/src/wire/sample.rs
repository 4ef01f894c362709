//! One fixture and one ticket to encode, for the tests and for `examples/encode_timing.rs`.

use oddsengine_engine::{
    Board, Fixture, FixtureRequest, Leg, LimitCheck, LimitLevel, MarketDesk, MarketStops, OddsChange,
    OddsVersion, Place, Terms, Ticket, TicketChange, TicketState,
};
use oddsengine_markets::football::{FootballState, MatchPeriod};
use oddsengine_markets::{Format, LiveState, SelectionId, template};
use oddsengine_types::{Currency, CustomerId, FixtureId, Grade, SportId, TicketId};

/// A football match at 0-1 after 2:22, every market priced.
pub fn fixture() -> Fixture {
    let template = template(SportId(0));
    let count = template.selections.len();
    let live = FootballState {
        period: MatchPeriod::FirstHalf,
        goals: [[0, 1], [0, 0]],
        clock_ms: 142_059,
        ..FootballState::default()
    };
    let request = FixtureRequest {
        fixture: FixtureId(1001),
        format: Format::FOOTBALL,
        competition: "world_cup_2022".into(),
        start_ns: 1_668_960_000_000_000_000,
        home: "Qatar".into(),
        away: "Ecuador".into(),
        entrants: Vec::new(),
    };
    let mut fixture = Fixture::new(request, template, 0);
    fixture.live = LiveState::Football(live);
    fixture.fed_by = "recording.wc2022".into();
    fixture.heard_ns = 1_668_960_142_060_000_000;
    fixture.version = 7;
    fixture.board = Board::with_prices((0..count).map(odds_e4).collect(), vec![0.5; count], vec![0.0; count]);
    fixture.board.odds_e4[..3].copy_from_slice(&[62_000, 40_500, 16_200]);
    fixture
}

/// Odds as a fine ladder has them: most below 10, some long, a few not offered.
fn odds_e4(selection: usize) -> u32 {
    match selection % 12 {
        0 => 0,
        1 => 10_500 + 50 * (selection % 80) as u32,
        2 => 101_000 + 1_000 * (selection % 90) as u32,
        3 => 1_500_000,
        _ => 15_100 + 100 * (selection * 7 % 340) as u32,
    }
}

/// The same with one market set by hand, one suspended and locked, one decided and one decided in part.
pub fn fixture_with_states() -> Fixture {
    let mut fixture = fixture();
    let index = |key: &str| fixture.template().market_index(key).unwrap();
    let (manual, locked, settled, partial) =
        (index("1x2"), index("total:2.5"), index("total:0.5"), index("double_chance"));
    let range = |market: usize| fixture.template().markets[market].selections();
    let (settled, partial) = (range(settled), range(partial));
    let manual_odds_e4 = Some(vec![62_000, 40_500, 16_200]);
    fixture.desk.insert(manual as u16, MarketDesk { manual_odds_e4, ..MarketDesk::default() });
    let stops = MarketStops { by_desk: true, ..MarketStops::default() };
    let suspended = MarketDesk { stops, is_locked: true, ..MarketDesk::default() };
    fixture.desk.insert(locked as u16, suspended);
    for (selection, grade) in settled.zip([Grade::WON, Grade::LOST]) {
        (fixture.grades[selection], fixture.board.odds_e4[selection]) = (Some(grade), 0);
    }
    fixture.grades[partial.start] = Grade::new(1, 0, 3);
    fixture
}

/// An accepted single, with its evidence.
pub fn ticket() -> Ticket {
    let version = |seq| OddsVersion { epoch: 3, seq };
    let leg = Leg {
        fixture: FixtureId(1001),
        selection: SelectionId::of("1x2", "home"),
        place: Place::default(),
        requested_odds_e4: 62_000,
        offered_odds_e4: 61_000,
        odds_e4: 61_000,
        fair_probability_e9: 154_200_000,
        quoted_version: version(6),
        version: version(7),
        score: (0, 1),
        clock_ms: 142_059,
        interruptions: 0,
        place_fraction_of: 0,
        place_of: 0,
        grade: None,
        unit_minor: 1_000,
    };
    let check = |level, leg, stake_minor_max| LimitCheck {
        level,
        leg,
        limit_minor: 2_000_000,
        used_minor: 150_000,
        stake_minor_max,
        window: None,
    };
    Ticket {
        id: TicketId(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef),
        customer: CustomerId(42),
        terms: Terms::of(Currency::EUR, 1),
        stake_minor: 1_000,
        odds_change: OddsChange::Within(250),
        state: TicketState::Open,
        legs: vec![leg],
        payout_minor_max: 6_100,
        paid_minor: 0,
        received_ns: 1_668_960_150_000_000_000,
        decided_ns: 1_668_960_155_000_000_000,
        due_ns: 1_668_960_155_000_000_000,
        settlement_count: 0,
        checks: vec![check(LimitLevel::Market, Some(0), 362_745), check(LimitLevel::Payout, None, 4_098_360)],
        request_hash: 1,
        change: TicketChange { seq: 9, seq_before: 4, was_settlement: false, paid_minor_before: 0 },
        closed_ns: 0,
        handling: None,
        marks: oddsengine_engine::TicketMarks::default(),
    }
}
