//! A tennis match through the engine: prices, bets before and during the match, early settlement, a corrected point,
//! a retirement.

use oddsengine_engine::{
    Answer, Body, Command, Config, Engine, FixtureRequest, LegRequest, MoneyRequest, OddsChange, Origin,
    PricedMarket, TicketRequest, TicketState,
};
use oddsengine_markets::tennis::{
    BestOf, FinalSet, RetirementRule, Side, TennisFormat, TennisIncidentKind as Kind, TennisState,
};
use oddsengine_markets::{Format, Incident, LiveState, MarketId, SelectionId};
use oddsengine_types::{Currency, CustomerId, FixtureId, Grade, TicketId, TransferId};

const FIXTURE: FixtureId = FixtureId(2001);
const CUSTOMER: CustomerId = CustomerId(7);

struct Desk {
    engine: Engine,
    now_ns: i64,
    ticket_count: u128,
}

impl Desk {
    fn new(format: TennisFormat) -> Self {
        let config = Config { bet_delay_ms: 0, ..Config::default() };
        let mut desk = Self { engine: Engine::new(config).unwrap(), now_ns: 0, ticket_count: 0 };
        desk.send(Body::EpochStarted { epoch: 1 });
        desk.send(Body::AddFixture(Box::new(FixtureRequest {
            fixture: FIXTURE,
            format: Format::Tennis(format),
            competition: "open".into(),
            start_ns: 0,
            home: "Alba".into(),
            away: "Bruma".into(),
            entrants: Vec::new(),
        })));
        desk.send(Body::Deposit(MoneyRequest {
            transfer: TransferId(1),
            customer: CUSTOMER,
            amount_minor: 1_000_000,
            currency: Currency::EUR,
        }));
        desk
    }

    fn send(&mut self, body: Body) {
        self.now_ns += 1_000_000;
        let command = Command { time_ns: self.now_ns, origin: Origin::default(), body };
        // A command that is refused must not go unnoticed.
        if let Answer::Refused { reason, detail } = self.engine.apply(&command).answer {
            panic!("{}: {detail}", reason.name());
        }
        for (name, result) in self.engine.invariants() {
            result.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    fn incident(&mut self, kind: Kind) {
        self.send(Body::Incident { fixture: FIXTURE, incident: Incident::Tennis(kind.into()) });
    }

    fn incidents(&mut self, kinds: impl IntoIterator<Item = Kind>) {
        kinds.into_iter().for_each(|kind| self.incident(kind));
    }

    fn prices(&mut self, prices: &[(&str, [u32; 2])]) {
        let prices = prices
            .iter()
            .map(|(key, odds_e4)| PricedMarket { market: MarketId::of(key), odds_e4: odds_e4.to_vec() })
            .collect();
        self.send(Body::SetPrices { fixture: FIXTURE, prices });
    }

    fn odds_e4(&self, market: &str, selection: &str) -> u32 {
        let fixture = self.engine.fixture(FIXTURE).unwrap();
        let id = SelectionId::of(market, selection);
        fixture.board.odds_e4[fixture.template().selection_of_id(id).unwrap()]
    }

    fn grade(&self, market: &str, selection: &str) -> Option<Grade> {
        let fixture = self.engine.fixture(FIXTURE).unwrap();
        let id = SelectionId::of(market, selection);
        fixture.grades[fixture.template().selection_of_id(id).unwrap()]
    }

    /// A bet of 10.00 at the odds offered; its ticket.
    fn bet(&mut self, market: &str, selection: &str) -> TicketId {
        self.ticket_count += 1;
        let ticket = TicketId(self.ticket_count);
        let fixture = self.engine.fixture(FIXTURE).unwrap();
        let leg = LegRequest {
            fixture: FIXTURE,
            selection: SelectionId::of(market, selection),
            odds_e4: self.odds_e4(market, selection),
            version: self.engine.version(fixture),
        };
        self.send(Body::PlaceTicket(Box::new(TicketRequest {
            ticket,
            customer: CUSTOMER,
            currency: Currency::EUR,
            stake_minor: 1_000,
            odds_change: OddsChange::None,
            legs: vec![leg],
            wishes: Default::default(),
            plan: None,
        })));
        assert_eq!(self.state(ticket), TicketState::Open, "{market}/{selection}");
        ticket
    }

    fn state(&self, ticket: TicketId) -> TicketState {
        self.engine.ticket(ticket).unwrap().state
    }

    fn paid(&self, ticket: TicketId) -> Option<i64> {
        let ticket = self.engine.ticket(ticket).unwrap();
        (ticket.state == TicketState::Settled).then_some(ticket.paid_minor)
    }

    fn live(&self) -> TennisState {
        match &self.engine.fixture(FIXTURE).unwrap().live {
            LiveState::Tennis(state) => **state,
            other => panic!("{other:?} is no tennis match"),
        }
    }
}

#[test]
fn from_prices_through_bets_to_settlement() {
    let mut desk = Desk::new(TennisFormat::default());
    desk.prices(&[("match_winner", [15_500, 25_000]), ("total_games:22.5", [18_700, 18_700])]);
    let winner = desk.bet("match_winner", "home");
    let opponent = desk.bet("match_winner", "away");
    let total = desk.bet("total_games:21.5", "over");
    let set = desk.bet("set_betting", "2-0");
    let handicap = desk.bet("games_handicap:-3.5", "home");
    // All but certain before the match, so the model offers nothing: a trader does.
    // Longer than the model's own price, so somebody answers for it, and nothing else is sold beside it.
    let by_hand = |odds_e4: Option<Vec<u32>>, override_by: &str| Body::SetManualOdds {
        fixture: FIXTURE,
        market: MarketId::of("total_games:12.5"),
        odds_e4,
        keeps_in_play: false,
        override_by: override_by.into(),
    };
    desk.send(by_hand(Some(vec![10_200, 150_000]), "trader"));
    let early = desk.bet("total_games:12.5", "over");
    desk.send(by_hand(None, ""));
    let first_game = desk.bet("set1_game1_score", "home_15");
    let tie_break = desk.bet("set1_tie_break", "no");
    let third_set = desk.bet("set3_winner", "home");
    assert!(desk.engine.platform_loss_minor() > 0);

    desk.incident(Kind::Start(Side::Home));
    let before = desk.odds_e4("match_winner", "home");
    desk.incidents([Kind::Point(Side::Home), Kind::Point(Side::Away), Kind::Point(Side::Home)]);
    assert!(desk.odds_e4("match_winner", "home") < before, "30-15 is better than 0-0");
    // Home cannot win to love any more: settled as lost during the game.
    assert_eq!(desk.grade("set1_game1_score", "home_0"), Some(Grade::LOST));
    assert_eq!(desk.odds_e4("set1_game1_score", "home_0"), 0);
    desk.incidents([Kind::Point(Side::Home); 2]);
    let odds = |desk: &Desk, ticket: TicketId| i64::from(desk.engine.ticket(ticket).unwrap().legs[0].odds_e4);
    assert_eq!(desk.paid(first_game), Some(odds(&desk, first_game) / 10));

    // The last point is taken back and goes to the other side: the settlement is reversed, the bet stands again.
    desk.incident(Kind::PointCancelled(Side::Home));
    assert_eq!(desk.state(first_game), TicketState::Open);
    desk.incident(Kind::Point(Side::Away));
    assert_eq!(desk.paid(first_game), Some(0));
    desk.incidents([Kind::Point(Side::Home)]);
    assert_eq!(desk.live().score.games[0], [1, 0]);

    // 6-0 in games that nobody told point by point.
    desk.incidents([Kind::Game(Side::Home); 5]);
    assert_eq!(desk.live().score.sets_won(), [1, 0]);
    assert_eq!(desk.paid(tie_break), Some(odds(&desk, tie_break) / 10));
    let second_set = desk.bet("set2_winner", "away");
    let live_total = desk.bet("total_games:12.5", "under");
    desk.incidents([Kind::Game(Side::Home); 5]);
    assert_eq!(desk.paid(early), None);
    desk.incident(Kind::Game(Side::Away));
    // 6-0 5-1: twelve games are played and the match goes on.
    assert_eq!(desk.paid(early), Some(odds(&desk, early) / 10));
    assert_eq!(desk.paid(live_total), Some(0));
    desk.incidents([Kind::Point(Side::Home); 4]);
    assert_eq!(desk.engine.fixture(FIXTURE).unwrap().live.summary().period, "finished 6-0 6-1");
    for (ticket, wins) in [
        (winner, true),
        (opponent, false),
        (total, false),
        (set, true),
        (handicap, true),
        (second_set, false),
    ] {
        let expected = if wins { odds(&desk, ticket) / 10 } else { 0 };
        assert_eq!(desk.paid(ticket), Some(expected));
    }
    assert_eq!(desk.paid(third_set), Some(1_000), "a set that was not played is void");
    desk.incident(Kind::End);
    assert_eq!(desk.engine.platform_loss_minor(), 0);
    assert!(desk.engine.fixture(FIXTURE).unwrap().grades.iter().all(Option::is_some));

    // The match point is taken back after the end: what it decided is open again, and the other way round.
    desk.incident(Kind::PointCancelled(Side::Home));
    assert_eq!(desk.state(winner), TicketState::Open);
    assert_eq!(desk.paid(early), Some(odds(&desk, early) / 10));
    desk.incident(Kind::Point(Side::Home));
    assert_eq!(desk.paid(winner), Some(odds(&desk, winner) / 10));
}

#[test]
fn a_retirement_pays_as_the_format_says() {
    for (retirement, winner_pays) in [
        (RetirementRule::VoidUnlessCompleted, false),
        (RetirementRule::AdvanceAfterOneSet, true),
        (RetirementRule::AdvanceOnceStarted, true),
    ] {
        let format = TennisFormat {
            best_of: BestOf::Five,
            final_set: FinalSet::TieBreak10,
            retirement,
            ..TennisFormat::default()
        };
        let mut desk = Desk::new(format);
        desk.prices(&[("match_winner", [20_000, 18_000]), ("total_games:38.5", [19_000, 18_500])]);
        let winner = desk.bet("match_winner", "home");
        let first_set = desk.bet("set1_winner", "home");
        let total = desk.bet("total_games:36.5", "over");
        desk.incident(Kind::Start(Side::Away));
        desk.incidents([Kind::Game(Side::Home); 6]);
        desk.incidents([Kind::Game(Side::Home), Kind::Retired(Side::Away)]);
        let odds = |ticket: TicketId| i64::from(desk.engine.ticket(ticket).unwrap().legs[0].odds_e4);
        assert_eq!(desk.paid(first_set), Some(odds(first_set) / 10));
        assert_eq!(desk.paid(total), Some(1_000));
        assert_eq!(desk.paid(winner), Some(if winner_pays { odds(winner) / 10 } else { 1_000 }));
    }
}

/// What a snapshot holds of a match in play is all of it: prices and state hash are the same after reading it back.
#[test]
fn a_snapshot_in_the_middle_of_a_match_is_the_match() {
    let mut desk = Desk::new(TennisFormat::default());
    desk.prices(&[("match_winner", [15_500, 25_000])]);
    desk.bet("set1_race_to_3", "away");
    desk.incidents([Kind::Start(Side::Home), Kind::Point(Side::Away), Kind::Game(Side::Away)]);
    desk.incidents([Kind::Point(Side::Home); 3]);
    let bytes = desk.engine.snapshot();
    let mut again = Engine::restore(&bytes).unwrap();
    assert_eq!(again.snapshot(), bytes);
    again.price_changed();
    let (one, two) = (desk.engine.fixture(FIXTURE).unwrap(), again.fixture(FIXTURE).unwrap());
    assert_eq!(
        (&one.live, &one.board.win, &one.board.odds_e4),
        (&two.live, &two.board.win, &two.board.odds_e4)
    );
}
