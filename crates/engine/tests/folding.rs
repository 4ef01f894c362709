//! Facts that fit no state are refused by fold with a sentence, not folded into a state that no rules allow.

use oddsengine_engine::{
    Body, Command, Engine, Fact, FixtureRequest, LegRequest, MarketDesk, MoneyRequest, OddsChange,
    OddsVersion, Origin, Record, TicketRequest,
};
use oddsengine_facts::{Booking, BookingId, BookingKind, GradedLeg, GradedSelection, Weight};
use oddsengine_markets::racing::RacingFormat;
use oddsengine_markets::{Format, MarketId, ModelFault, SelectionId};
use oddsengine_types::{AccountKind, Currency, CustomerId, FixtureId, Grade, SourceId, TicketId, TransferId};

const FIXTURE: FixtureId = FixtureId(1);
const TICKET: TicketId = TicketId(7);

fn request() -> FixtureRequest {
    FixtureRequest {
        fixture: FIXTURE,
        format: Format::FOOTBALL,
        competition: "cup".into(),
        start_ns: 0,
        home: "Alba".into(),
        away: "Bruma".into(),
        entrants: Vec::new(),
    }
}

/// A fixture with prices by hand and one open bet on it.
fn engine() -> Engine {
    let mut engine = Engine::default();
    let bodies = [
        Body::EpochStarted { epoch: 1 },
        Body::AddFixture(Box::new(request())),
        Body::SetManualOdds {
            fixture: FIXTURE,
            market: MarketId::of("1x2"),
            odds_e4: Some(vec![20_000, 30_000, 40_000]),
            keeps_in_play: true,
            override_by: String::new(),
        },
        Body::Deposit(MoneyRequest {
            transfer: TransferId(1),
            customer: CustomerId(1),
            amount_minor: 10_000,
            currency: Currency::EUR,
        }),
        Body::PlaceTicket(Box::new(TicketRequest {
            ticket: TICKET,
            customer: CustomerId(1),
            currency: Currency::EUR,
            stake_minor: 1_000,
            odds_change: OddsChange::Any,
            legs: vec![LegRequest {
                fixture: FIXTURE,
                selection: SelectionId::of("1x2", "home"),
                odds_e4: 20_000,
                version: OddsVersion { epoch: 1, seq: 1 },
            }],
            wishes: Default::default(),
            plan: None,
        })),
    ];
    for (time_ns, body) in bodies.into_iter().enumerate() {
        engine.step(&Command { time_ns: time_ns as i64, origin: Origin::default(), body });
    }
    assert_eq!(engine.counters().accepted_count, 1);
    engine
}

/// They started an engine all the same: with open stakes that were no tickets', or to panic at the next price.
#[test]
fn facts_that_fit_no_state_are_refused() {
    let market = MarketId::of("1x2");
    let paid = |takes_back| Fact::TicketPaid { ticket: TICKET, paid_minor: 0, takes_back };
    let selection = SelectionId::of("1x2", "home");
    let graded = |grade| {
        let selections = vec![GradedSelection { selection, grade: Some(grade) }];
        let legs = vec![GradedLeg { grade: Some(grade), unit_minor: 0 }];
        [Fact::Graded { fixture: FIXTURE, selections }, Fact::LegsGraded { ticket: TICKET, legs }]
    };
    let lost_and = |facts: &[Fact]| [graded(Grade::LOST).as_slice(), facts].concat();
    let owing = |kind: BookingKind, debit, credit| Booking {
        id: BookingId { source: SourceId(9), transaction: 1, number: 1 },
        kind,
        debit,
        credit,
        currency: Currency::EUR,
        amount_minor: 5,
    };
    let set =
        |desk| Fact::MarketSet { fixture: FIXTURE, market, desk: Some(Box::new(desk)), interrupts: true };
    let decided =
        Fact::TicketDecided { ticket: Box::new(engine().ticket(TICKET).unwrap().clone()), forgotten: None };
    let mut other = engine().ticket(TICKET).unwrap().clone();
    (other.id, other.stake_minor) = (TicketId(8), -1);
    let negative = Fact::TicketDecided { ticket: Box::new(other), forgotten: None };
    let leg = GradedLeg { grade: None, unit_minor: 1 };
    let cases = [
        (vec![paid(true)], "is accepted"),
        (lost_and(&[paid(false), paid(false)]), "is settled"),
        // A goal's record was taken out of a journal, and its payments folded all the same: a customer withdrew 10,330 for
        // a goal that was never scored.
        (vec![paid(false)], "is paid 0, and its grades pay nothing yet"),
        (
            lost_and(&[Fact::TicketPaid { ticket: TICKET, paid_minor: 5_000, takes_back: false }]),
            "is paid 5000, and its grades pay 0",
        ),
        (vec![graded(Grade::WON)[1].clone()], "is graded otherwise than its selection of fixture 1"),
        (vec![Fact::PaymentDue { ticket: TICKET, due_ns: Some(1) }], "is not decided"),
        // And a settlement that was decided while less was owed left cash to who owed.
        (
            vec![Fact::Booked {
                bookings: vec![owing(
                    BookingKind::Moved,
                    AccountKind::CustomerReceivable(CustomerId(1)),
                    AccountKind::CustomerCash(CustomerId(1)),
                )],
            }],
            "customer 1 owes 5 and has 9005 available",
        ),
        (
            vec![Fact::FixtureAdded(Box::new(FixtureRequest {
                fixture: FixtureId(2),
                format: Format::Racing(RacingFormat { places_max: 11, ..RacingFormat::default() }),
                ..request()
            }))],
            "11",
        ),
        (vec![negative], "a stake of -1 is outside 0..="),
        (vec![Fact::TicketReopened { ticket: TICKET }], "is accepted"),
        (
            vec![Fact::TicketCancelled { ticket: TICKET }, Fact::TicketCancelled { ticket: TICKET }],
            "is cancelled",
        ),
        (vec![Fact::TicketCancelled { ticket: TICKET }, paid(false)], "is cancelled"),
        (
            vec![Fact::TicketCancelled { ticket: TICKET }, Fact::TicketStuck { ticket: TICKET }],
            "is cancelled",
        ),
        (vec![Fact::DelayEnded { ticket: TICKET }], "is accepted"),
        (vec![Fact::TicketHeld { ticket: TICKET, due_ns: 1 }], "is accepted"),
        (lost_and(&[paid(false), Fact::PaymentDue { ticket: TICKET, due_ns: Some(1) }]), "is settled"),
        (vec![Fact::LegsGraded { ticket: TICKET, legs: Vec::new() }], "0 entries for 1 legs"),
        (vec![Fact::LegsGraded { ticket: TICKET, legs: vec![leg, leg] }], "2 entries for 1 legs"),
        (
            vec![Fact::Weighed { weights: vec![Weight { ticket: TICKET, units_minor: vec![1, 2] }] }],
            "2 entries",
        ),
        (vec![decided], "is decided already"),
        (vec![Fact::FixtureAdded(Box::new(request()))], "fixture 1 is known"),
        (
            vec![Fact::GradesTold {
                fixture: FIXTURE,
                market,
                grades: Some(vec![Grade::WON]),
                by_desk: true,
            }],
            "1 grades for 3 selections of 1x2",
        ),
        (
            vec![set(MarketDesk { manual_odds_e4: Some(vec![20_000]), ..MarketDesk::default() })],
            "1 odds for 3 selections of 1x2",
        ),
        (
            vec![set(MarketDesk { is_locked: true, ..MarketDesk::default() })],
            "0 odds for 3 selections of 1x2",
        ),
        (vec![set(MarketDesk { anchor_e9: vec![1, 2], ..MarketDesk::default() })], "2 fair prices for 3"),
        (vec![Fact::StartWaived { fixture: FixtureId(2) }], "fixture 2 is not known"),
        (
            vec![Fact::StopsChanged {
                fixture: FixtureId(3),
                stops: Default::default(),
                model_fault: Some(ModelFault::Failed),
            }],
            "fixture 3 is not known",
        ),
    ];
    for (facts, sentence) in cases {
        let text = format!("{facts:?}");
        let command = Command { time_ns: 9, origin: Origin::default(), body: Body::Tick { read_ns: 9 } };
        let refused = engine().fold(&Record { command, facts }).expect_err(&text);
        assert!(refused.contains(sentence), "{refused} of {text}");
    }
}
