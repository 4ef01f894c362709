//! A race from its prices through bets to settlement: a withdrawal, a dead heat, an amended result.

use oddsengine_engine::command::{
    Body, Command, FixtureRequest, LegRequest, MoneyRequest, OddsChange, Origin, PricedMarket, TicketRequest,
};
use oddsengine_engine::status::TicketState;
use oddsengine_engine::{Config, Engine};
use oddsengine_markets::racing::{RUNNERS_MAX, RaceKind, RacingFormat, RacingIncident};
use oddsengine_markets::{Format, Incident, MarketId};
use oddsengine_types::{Currency, CustomerId, FixtureId, TicketId, TransferId};

const RACE: FixtureId = FixtureId(1);
const NEXT_RACE: FixtureId = FixtureId(2);
const CUSTOMER: CustomerId = CustomerId(7);

struct Desk {
    engine: Engine,
    time_ns: i64,
}

impl Desk {
    fn new() -> Self {
        let config = Config::default();
        let mut desk = Self { engine: Engine::new(config).unwrap(), time_ns: 1_000 };
        desk.send(Body::EpochStarted { epoch: 1 });
        for fixture in [RACE, NEXT_RACE] {
            desk.send(Body::AddFixture(Box::new(FixtureRequest {
                fixture,
                format: Format::Racing(RacingFormat::standard(RaceKind::Horse, 8, false)),
                competition: "sheffield".into(),
                start_ns: 2_000_000_000,
                home: "14:30 Sheffield".into(),
                away: String::new(),
                entrants: (1..=8).map(|number| format!("Runner {number}")).collect(),
            })));
            desk.send(Body::SetPrices {
                fixture,
                prices: vec![PricedMarket {
                    market: MarketId::of("win"),
                    odds_e4: vec![32_500, 45_000, 60_000, 80_000, 90_000, 140_000, 210_000, 340_000],
                }],
            });
        }
        desk.send(Body::Deposit(MoneyRequest {
            transfer: TransferId(1),
            customer: CUSTOMER,
            amount_minor: 1_000_000,
            currency: Currency::parse("EUR").unwrap(),
        }));
        desk
    }

    fn send(&mut self, body: Body) {
        self.time_ns += 1_000;
        self.engine.apply(&Command { time_ns: self.time_ns, origin: Origin::default(), body });
        for (name, invariant) in self.engine.invariants() {
            assert_eq!(invariant, Ok(()), "{name}");
        }
    }

    fn incident(&mut self, fixture: FixtureId, incident: RacingIncident) {
        self.send(Body::Incident { fixture, incident: Incident::Racing(incident) });
    }

    fn odds(&self, fixture: FixtureId, text: &str) -> u32 {
        let fixture = self.engine.fixture(fixture).unwrap();
        fixture.board.odds_e4[self.selection(text)]
    }

    fn selection(&self, text: &str) -> usize {
        let template = self.engine.fixture(RACE).unwrap().template();
        let (key, name) = text.split_once('/').unwrap();
        let market = template.market_index(key).unwrap_or_else(|| panic!("no market {key}"));
        template.selection_index(market, name).unwrap_or_else(|| panic!("no selection {text}"))
    }

    /// Bets at the price shown; the ticket's id is its number.
    fn bet(&mut self, number: u128, stake_minor: i64, legs: &[(FixtureId, &str)]) {
        let legs = legs
            .iter()
            .map(|&(fixture, text)| {
                let (key, name) = text.split_once('/').unwrap();
                let known = self.engine.fixture(fixture).unwrap();
                LegRequest {
                    fixture,
                    selection: oddsengine_markets::SelectionId::of(key, name),
                    odds_e4: self.odds(fixture, text),
                    version: self.engine.version(known),
                }
            })
            .collect();
        self.send(Body::PlaceTicket(Box::new(TicketRequest {
            ticket: TicketId(number),
            customer: CUSTOMER,
            currency: Currency::parse("EUR").unwrap(),
            stake_minor,
            odds_change: OddsChange::None,
            legs,
            wishes: Default::default(),
            plan: None,
        })));
    }

    fn state(&self, number: u128) -> TicketState {
        self.engine.ticket(TicketId(number)).unwrap().state
    }

    fn paid(&self, number: u128) -> i64 {
        assert_eq!(self.state(number), TicketState::Settled, "ticket {number}");
        self.engine.ticket(TicketId(number)).unwrap().paid_minor
    }

    fn accepted_odds(&self, number: u128) -> i64 {
        self.engine.ticket(TicketId(number)).unwrap().legs[0].odds_e4.into()
    }
}

fn positions(of: [u8; 8]) -> [u8; RUNNERS_MAX] {
    let mut positions = [0; RUNNERS_MAX];
    positions[..8].copy_from_slice(&of);
    positions
}

#[test]
fn a_race_from_prices_to_the_amended_result() {
    let mut desk = Desk::new();
    let before_withdrawal = desk.odds(RACE, "win/r1");
    assert!(before_withdrawal > 0 && before_withdrawal <= 40_000, "{before_withdrawal}");
    let bets = [
        "win/r1",
        "each_way.5.3/r2",
        "place.3/r3",
        "forecast/r1-r2",
        "win/r5",
        "match.r5.r6/r5",
        "match.r7.r8/r7",
        "quinella/r2-r4",
        "tricast.r1/r1-r2-r3",
        "without.r1/r2",
    ];
    for (index, text) in bets.iter().enumerate() {
        desk.bet(index as u128 + 1, 1_000, &[(RACE, text)]);
        assert_eq!(desk.state(index as u128 + 1), TicketState::Open, "{text}");
    }
    desk.bet(20, 500, &[(RACE, "win/r5"), (NEXT_RACE, "win/r1")]);
    assert_eq!(desk.state(20), TicketState::Open);

    // A withdrawn runner: bets on it are void at once, whoever needs it too, and the others are shorter.
    desk.incident(RACE, RacingIncident::Withdrawn(4));
    assert_eq!([desk.paid(5), desk.paid(6)], [1_000, 1_000]);
    assert_eq!(desk.state(20), TicketState::Open);
    assert_eq!(desk.odds(RACE, "win/r5"), 0);
    assert!(desk.odds(RACE, "win/r1") < before_withdrawal);
    desk.bet(11, 1_000, &[(RACE, "win/r5")]);
    assert!(matches!(desk.state(11), TicketState::Refused(_)));

    // Put back by mistake: the void bets are open again, and void again.
    desk.incident(RACE, RacingIncident::Reinstated(4));
    assert_eq!([desk.state(5), desk.state(6)], [TicketState::Open; 2]);
    assert_eq!(desk.odds(RACE, "win/r1"), before_withdrawal);
    desk.incident(RACE, RacingIncident::Withdrawn(4));
    assert_eq!(desk.paid(5), 1_000);

    // Trading stops at the off, and nothing is paid before the result is official.
    desk.incident(RACE, RacingIncident::Off);
    desk.bet(12, 1_000, &[(RACE, "win/r1")]);
    assert!(matches!(desk.state(12), TicketState::Refused(_)));
    desk.incident(RACE, RacingIncident::Result(positions([1, 1, 4, 3, 0, 6, 5, 7])));
    assert_eq!(desk.state(1), TicketState::Open);

    // Runners 1 and 2 dead-heat, 4 is third, 3 fourth.
    desk.incident(RACE, RacingIncident::Official);
    let odds = |number| desk.accepted_odds(number);
    let half = |number| 1_000 * odds(number) / 20_000;
    assert_eq!(desk.paid(1), half(1));
    // Each way: half the win half, all of the place half at a fifth.
    let each_way = 1_000 * (5 * odds(2) + 2 * odds(2) + 2 * 4 * 10_000) / (20 * 10_000);
    assert_eq!(desk.paid(2), each_way);
    assert_eq!(desk.paid(3), 0);
    assert_eq!(desk.paid(4), half(4));
    assert_eq!([desk.paid(5), desk.paid(6)], [1_000, 1_000]);
    assert_eq!(desk.paid(7), 1_000 * odds(7) / 10_000);
    assert_eq!(desk.paid(8), 0);
    assert_eq!(desk.paid(9), 0);
    assert_eq!(desk.paid(10), 1_000 * odds(10) / 10_000);

    // Runner 1 is disqualified: placed last of those that finished.
    desk.incident(RACE, RacingIncident::Amended(positions([7, 1, 3, 2, 0, 5, 4, 6])));
    assert_eq!(desk.paid(1), 0);
    assert_eq!(desk.paid(3), 1_000 * desk.accepted_odds(3) / 10_000);
    assert_eq!(desk.paid(4), 0);
    assert_eq!(desk.paid(8), 1_000 * desk.accepted_odds(8) / 10_000);

    // The accumulator's void leg counts as 1.
    desk.incident(NEXT_RACE, RacingIncident::Off);
    desk.incident(NEXT_RACE, RacingIncident::Result(positions([1, 2, 3, 4, 5, 6, 7, 8])));
    desk.incident(NEXT_RACE, RacingIncident::Official);
    let second_leg = i64::from(desk.engine.ticket(TicketId(20)).unwrap().legs[1].odds_e4);
    assert_eq!(desk.paid(20), 500 * second_leg / 10_000);

    // The state survives a snapshot.
    let restored = Engine::restore(&desk.engine.snapshot()).unwrap();
    assert_eq!(restored.state_hash(), desk.engine.state_hash());
}

#[test]
fn an_abandoned_race_gives_every_stake_back_and_an_out_of_sequence_feed_is_refused() {
    let mut desk = Desk::new();
    desk.bet(1, 1_000, &[(RACE, "win/r1")]);
    desk.bet(2, 1_000, &[(RACE, "place.2/r8")]);
    desk.incident(RACE, RacingIncident::Official);
    assert_eq!(desk.state(1), TicketState::Open);
    desk.incident(RACE, RacingIncident::Off);
    desk.incident(RACE, RacingIncident::Void);
    assert_eq!([desk.paid(1), desk.paid(2)], [1_000, 1_000]);
    assert_eq!(desk.engine.available_minor(CUSTOMER), 1_000_000);
}

/// A feed that prices a market after a withdrawal leaves the withdrawn runner out.
#[test]
fn prices_without_a_withdrawn_runner() {
    let mut desk = Desk::new();
    desk.incident(RACE, RacingIncident::Withdrawn(0));
    desk.send(Body::SetPrices {
        fixture: RACE,
        prices: vec![PricedMarket {
            market: MarketId::of("win"),
            odds_e4: vec![0, 30_000, 40_000, 55_000, 60_000, 100_000, 150_000, 250_000],
        }],
    });
    assert_eq!(desk.odds(RACE, "win/r1"), 0);
    assert!(desk.odds(RACE, "win/r2") > 0);
    // Put back before it has a price: not offered, until it has one.
    desk.incident(RACE, RacingIncident::Reinstated(0));
    assert_eq!(desk.odds(RACE, "win/r1"), 0);
    assert_eq!(desk.odds(RACE, "match.r1.r2/r1"), 0);
    assert!(desk.odds(RACE, "win/r2") > 0);
}

/// The largest stake on a runner keeps the joint loss within the fixture's limit, whatever bets came before.
#[test]
fn limits_hold_on_the_joint_book() {
    let mut desk = Desk::new();
    let limit = desk.engine.config().fixture_loss_minor_max;
    for number in 0..200_u128 {
        let text = ["win/r1", "each_way.5.3/r1", "forecast/r1-r2", "place.2/r1", "tricast.r1/r1-r2-r3"]
            [number as usize % 5];
        desk.bet(100 + number, 4_000, &[(RACE, text)]);
    }
    let worst = desk.engine.fixture(RACE).unwrap().book.worst_minor();
    assert!(worst < 0 && -worst <= limit, "{worst} {limit}");
    let refused =
        (0..200).filter(|number| matches!(desk.state(100 + number), TicketState::Refused(_))).count();
    assert!((1..200).contains(&refused), "{refused}");
}
