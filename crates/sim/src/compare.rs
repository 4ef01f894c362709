//! Everything that both engines must agree on; the first difference is told in words.

use std::collections::BTreeMap;

use oddsengine_engine::{
    Engine, Fixture, FixtureRequest, LegRequest, LimitCheck, OddsVersion, Ticket, TicketState,
};
use oddsengine_ledger::AccountKind;
use oddsengine_types::{Currency, SportId};

use crate::naive::money::{Holding, holdings};
use crate::naive::{Account, Naive, NaiveFixture};

/// `Ok`, or what differs.
pub type Agreement = Result<(), String>;

/// Fails with the name and both values where they differ.
pub fn agree<T: PartialEq + std::fmt::Debug>(what: impl FnOnce() -> String, fast: T, naive: T) -> Agreement {
    match fast == naive {
        true => Ok(()),
        false => Err(format!("{}: the fast engine has {fast:?}, the naive one {naive:?}", what())),
    }
}

/// Compares everything that a command can change, except the evidence of tickets that were over before it.
pub fn compare(fast: &Engine, naive: &Naive) -> Agreement {
    agree(|| "time".into(), fast.now_ns(), naive.now_ns)?;
    agree(|| "epoch".into(), fast.epoch(), naive.epoch)?;
    agree(|| "counters".into(), fast.counters(), &naive.counters)?;
    agree(|| "sources".into(), fast.sources(), &naive.sources)?;
    agree(|| "number of tickets".into(), fast.tickets().len(), naive.tickets.len())?;
    agree(|| "number of fixtures".into(), fast.fixtures().len(), naive.fixtures.len())?;
    let last = fast.tickets().len().saturating_sub(1);
    for (index, (fast, naive)) in fast.tickets().iter().zip(&naive.tickets).enumerate() {
        let naive = &naive.ticket;
        let is_same = (fast.state, fast.paid_minor, fast.settlement_count)
            == (naive.state, naive.paid_minor, naive.settlement_count);
        // What is over and unchanged is compared now and then, in full: see `compare_all`.
        if fast.is_live() || index == last || !is_same {
            compare_ticket(fast, naive)?;
        }
    }
    compare_holdings(fast, naive)?;
    for (index, (fast, known)) in fast.fixtures().iter().zip(&naive.fixtures).enumerate() {
        compare_fixture(fast, known, naive, index)?;
    }
    compare_losses(fast, naive)?;
    let due = naive.tickets.iter().filter(|known| known.ticket.state == TicketState::Delayed);
    let ends =
        due.map(|known| known.ticket.due_ns).chain(naive.tickets.iter().filter_map(|known| known.settles_ns));
    agree(|| "next due".into(), fast.next_due_ns(), ends.min())
}

/// Compares every ticket in full, and the exposure of every fixture.
pub fn compare_all(fast: &Engine, naive: &Naive) -> Agreement {
    compare(fast, naive)?;
    for (fast, naive) in fast.tickets().iter().zip(&naive.tickets) {
        compare_ticket(fast, &naive.ticket)?;
    }
    for (index, fixture) in fast.fixtures().iter().enumerate() {
        compare_exposure(fast, fixture, naive, index)?;
    }
    Ok(())
}

/// Compares a ticket with all its evidence.
pub fn compare_ticket(fast: &Ticket, naive: &Ticket) -> Agreement {
    let expected = Ticket { request_hash: fast.request_hash, change: fast.change, ..naive.clone() };
    if *fast == expected {
        return Ok(());
    }
    let name = |what: &str| format!("ticket {} {what}", fast.id);
    agree(|| name("state"), fast.state, naive.state)?;
    agree(|| name("payment"), fast.paid_minor, naive.paid_minor)?;
    for (leg, (fast, naive)) in fast.legs.iter().zip(&naive.legs).enumerate() {
        agree(|| name(&format!("leg {leg}")), fast, naive)?;
    }
    let differ = |(fast, naive): &(&LimitCheck, &LimitCheck)| fast != naive;
    let checks: Vec<_> = fast.checks.iter().zip(&naive.checks).filter(differ).collect();
    if !checks.is_empty() {
        return Err(format!("{} limit checks (fast, naive) {checks:?}, legs {:?}", name(""), fast.legs));
    }
    agree(|| name(""), fast, &expected)
}

fn compare_holdings(fast: &Engine, naive: &Naive) -> Agreement {
    let expected = holdings(&naive.postings);
    let mut found: BTreeMap<(Account, Currency), Holding> = BTreeMap::new();
    for account in fast.ledger().accounts() {
        let kind = match account.kind {
            AccountKind::CustomerCash(customer) => Account::Cash(customer),
            AccountKind::CustomerOpenStakes(customer) => Account::OpenStakes(customer),
            AccountKind::CustomerReceivable(customer) => Account::Receivable(customer),
            AccountKind::Psp => Account::Provider,
            AccountKind::BettingResult => Account::Result,
            other => return Err(format!("account {other:?} is used and unknown to the naive engine")),
        };
        let holding = Holding {
            minor: account.credit_posted_minor - account.debit_posted_minor,
            coming_minor: account.credit_pending_minor,
            going_minor: account.debit_pending_minor,
        };
        found.insert((kind, account.currency), holding);
    }
    for account in found.keys().chain(expected.keys()) {
        let of = |holdings: &BTreeMap<_, Holding>| holdings.get(account).copied().unwrap_or_default();
        agree(|| format!("account {account:?}"), of(&found), of(&expected))?;
    }
    Ok(())
}

fn compare_fixture(fast: &Fixture, known: &NaiveFixture, naive: &Naive, index: usize) -> Agreement {
    let name = |what: &str| format!("fixture {} {what}", fast.id());
    let state = fast.live.football().expect("the naive engine plays football");
    agree(|| name("period"), state.period, known.game.period)?;
    agree(|| name("score"), fast.live.score(), known.game.score())?;
    // The naive engine keeps the score and the order of goals; the default format needs nothing beside them.
    let outcome = known.game.outcome();
    agree(|| name("outcome"), (state.goals, state.order), (outcome.goals, outcome.order))?;
    agree(|| name("clock"), state.clock_ms, known.game.clock_ms)?;
    agree(|| name("red cards"), state.red_cards, known.game.red_cards)?;
    agree(|| name("announced added time"), state.announced_ms, known.game.announced_ms)?;
    agree(|| name("stops"), fast.stops, known.stops)?;
    agree(|| name("status"), fast.status(), known.status())?;
    agree(|| name("void"), fast.void, known.void)?;
    for &selection in &naive.universe.selections {
        let text = || name(&format!("grade of {}", naive.universe.template.selection_text(selection)));
        agree(text, fast.grades[selection], naive.grade(index, selection))?;
    }
    agree(|| name("worst case"), fast.book.worst_minor(), naive.worst_minor(index))
}

fn compare_losses(fast: &Engine, naive: &Naive) -> Agreement {
    let losses = naive.losses_minor(None);
    for competition in fast.competitions() {
        let is_in = |fixture: &FixtureRequest| {
            (fixture.sport(), &fixture.competition) == (competition.sport, &competition.name)
        };
        let name = || format!("loss of competition {}", competition.name);
        agree(name, competition.loss_minor, naive.sum_of(&losses, is_in))?;
    }
    let football = SportId(0);
    let of_sport = naive.sum_of(&losses, |fixture| fixture.sport() == football);
    agree(|| "loss of the sport".into(), fast.sport_loss_minor(football), of_sport)?;
    agree(|| "loss of the platform".into(), fast.platform_loss_minor(), losses.iter().sum())
}

fn compare_exposure(fast: &Engine, fixture: &Fixture, naive: &Naive, index: usize) -> Agreement {
    let exposure = fast.exposure(fixture);
    let name = |what: &str| format!("fixture {} exposure, {what}", fixture.id());
    let legs: Vec<_> = naive
        .live_tickets()
        .flat_map(|ticket| ticket.legs.iter().map(move |leg| (ticket, leg)))
        .filter(|(_, leg)| leg.fixture as usize == index && leg.grade.is_none())
        .collect();
    agree(|| name("legs"), exposure.leg_count as usize, legs.len())?;
    agree(|| name("stakes"), exposure.stake_minor, legs.iter().map(|(ticket, _)| ticket.stake_minor).sum())?;
    if exposure.worst_minor_bound > exposure.worst_minor {
        return Err(name(&format!(
            "worst case {} is below its bound {}",
            exposure.worst_minor, exposure.worst_minor_bound
        )));
    }
    let expected: f64 = legs.iter().map(|(ticket, leg)| expected_pnl(naive, ticket, leg)).sum();
    if (exposure.expected_minor - expected).abs() > legs.len() as f64 + 1e-6 {
        return Err(name(&format!("expectation {} is not {expected}", exposure.expected_minor)));
    }
    for market in &exposure.markets {
        let (market_index, worst) = (usize::from(market.market), market.worst_minor);
        let key = &naive.universe.template.markets[market_index].key;
        agree(|| name(key), worst, naive.market_worst_minor(index, market_index, None))?;
        for selection in &market.selections {
            let of_selection = legs.iter().filter(|(_, leg)| leg.selection == selection.selection);
            let (count, stake) = of_selection
                .fold((0, 0), |(count, stake), (ticket, _)| (count + 1, stake + ticket.stake_minor));
            agree(|| name(key), (selection.leg_count, selection.stake_minor), (count, stake))?;
        }
    }
    Ok(())
}

fn expected_pnl(naive: &Naive, ticket: &Ticket, leg: &oddsengine_engine::Leg) -> f64 {
    let (prices, slot) =
        (&naive.fixtures[leg.fixture as usize].prices, naive.universe.slot(usize::from(leg.selection)));
    let returned = prices.win[slot] * f64::from(leg.odds_e4) / 10_000.0 + prices.refund[slot];
    ticket.stake_minor as f64 - returned * leg.unit_minor as f64
}

/// A leg request at the present odds and version, if the fixture is known.
pub fn leg_request(fast: &Engine, fixture: &Fixture, selection: usize) -> LegRequest {
    let template = fixture.template();
    let (market, name) = (&template.market_of(selection).key, &template.selections[selection].name);
    LegRequest {
        fixture: fixture.id(),
        selection: oddsengine_markets::SelectionId::of(market, name),
        odds_e4: fixture.odds_e4[selection],
        version: OddsVersion { epoch: fast.epoch(), seq: fixture.version },
    }
}
