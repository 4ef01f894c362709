//! Limits that did not limit: twenty legs were each judged against the whole room, so that a limit of 100.00 let 2,000.00
//! be lost, and the second engine judged with the same lines. It measures now; here it sees a ticket that breaks a limit.

use std::sync::Arc;

use oddsengine_engine::{
    Body, Command, Config, FixtureRequest, Leg, OddsChange, OddsVersion, Origin, Place, Terms, Ticket,
    TicketRequest, TicketState,
};
use oddsengine_markets::Format;
use oddsengine_sim::naive::{Naive, NaiveTicket};
use oddsengine_sim::outcomes::Universe;
use oddsengine_sim::told::{Facts, Prices};
use oddsengine_types::{Currency, CustomerId, FixtureId, TicketId};

/// An engine with some fixtures without prices, each in a competition of its own.
fn engine(fixture_count: u64, platform_loss_minor_max: i64) -> Naive {
    let universe = Arc::new(Universe::new(["1x2"]));
    let config = Config { platform_loss_minor_max, ..Config::default() };
    let mut naive = Naive::new(universe, config);
    for fixture in 0..fixture_count {
        let request = FixtureRequest {
            fixture: FixtureId(fixture),
            format: Format::FOOTBALL,
            competition: format!("cup {fixture}"),
            start_ns: 0,
            home: "home".into(),
            away: "away".into(),
            entrants: Vec::new(),
        };
        let body = Body::AddFixture(Box::new(request));
        let command = Command { time_ns: 1, origin: Origin::default(), body };
        let prices = vec![Prices::default(); fixture as usize + 1];
        naive.apply(&command, &Facts { after: &prices, ..Facts::default() });
    }
    naive
}

/// A ticket that is in the lists, with a leg at evens on the home side of each fixture and the stake riding on each.
fn take(naive: &mut Naive, id: u128, fixture_count: u32, stake_minor: i64) -> Ticket {
    let selection = naive.fixtures[0].space.selections[0] as u16;
    let leg = |fixture: u32| Leg {
        fixture: FixtureId(fixture.into()),
        selection: naive.fixtures[0].space.template.selection_id(usize::from(selection)),
        place: Place { fixture, selection },
        requested_odds_e4: 20_000,
        offered_odds_e4: 20_000,
        odds_e4: 20_000,
        fair_probability_e9: 0,
        quoted_version: OddsVersion::default(),
        version: OddsVersion::default(),
        score: (0, 0),
        clock_ms: 0,
        interruptions: 0,
        place_fraction_of: 0,
        place_of: 0,
        grade: None,
        unit_minor: stake_minor,
    };
    let ticket = Ticket {
        id: TicketId(id),
        customer: CustomerId(1),
        terms: Terms::of(Currency::EUR, fixture_count as usize),
        stake_minor,
        odds_change: OddsChange::Any,
        state: TicketState::Open,
        legs: (0..fixture_count).map(leg).collect(),
        payout_minor_max: 0,
        paid_minor: 0,
        received_ns: 0,
        decided_ns: 0,
        due_ns: 0,
        settlement_count: 0,
        checks: Vec::new(),
        request_hash: 0,
        change: Default::default(),
        closed_ns: 0,
        handling: None,
        marks: oddsengine_engine::TicketMarks::default(),
    };
    let request = TicketRequest {
        ticket: ticket.id,
        customer: ticket.customer,
        currency: Currency::EUR,
        stake_minor,
        odds_change: OddsChange::Any,
        legs: Vec::new(),
        wishes: Default::default(),
        plan: None,
    };
    naive.tickets.push(NaiveTicket { request, ticket: ticket.clone(), settles_ns: None, place: 0 });
    ticket
}

#[test]
fn twenty_legs_that_each_fit_break_a_limit_together() {
    let mut naive = engine(20, 10_000);
    let ticket = take(&mut naive, 1, 20, 10_000);
    let broken = naive.limit_broken_by(&ticket).expect("200,000 are above 10,000");
    assert!(broken.contains("platform  from 0 to 200000, above the limit 10000"), "{broken}");
    let mut naive = engine(20, 10_000);
    let ticket = take(&mut naive, 1, 20, 500);
    assert_eq!(naive.limit_broken_by(&ticket), None);
}

#[test]
fn a_loss_that_was_too_large_before_may_stay_and_not_grow() {
    let mut naive = engine(1, 10_000);
    take(&mut naive, 1, 1, 20_000);
    let more = take(&mut naive, 2, 1, 1);
    assert!(naive.limit_broken_by(&more).is_some());
    let mut naive = engine(1, 10_000);
    take(&mut naive, 1, 1, 20_000);
    // A stake on the other side pays for part of the first one.
    let mut other = take(&mut naive, 2, 1, 5_000);
    other.legs[0].place.selection += 1;
    naive.tickets[1].ticket = other.clone();
    assert_eq!(naive.limit_broken_by(&other), None);
}
