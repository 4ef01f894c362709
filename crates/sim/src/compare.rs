//! Everything that both engines must agree on; the first difference is told in words.

use std::collections::BTreeMap;

use oddsengine_engine::{Engine, Fixture, FixtureRequest, LegRequest, LimitCheck, Ticket, TicketState};
use oddsengine_ledger::AccountKind;
use oddsengine_markets::LiveState;
use oddsengine_types::{Currency, Grade, SportId};

use crate::naive::lines::{return_of, staked_alive_minor};
use crate::naive::money::{Holding, holdings};
use crate::naive::{Account, Game, Naive, NaiveFixture};

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
    compare_sources(fast, naive)?;
    agree(|| "number of tickets".into(), fast.tickets().len(), naive.tickets.len())?;
    agree(|| "number of fixtures".into(), fast.fixtures().len(), naive.present().count())?;
    agree(|| "ids of transfers".into(), fast.kept_transfer_count(), naive.transfers.len())?;
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
    if fast.recalls().next().is_none() {
        // Whatever was told late, nothing in the archive was paid otherwise than its fixtures say.
        let wrong = naive.archived.iter().find(|known| !naive.is_graded_as_fixtures_are(&known.ticket));
        agree(
            || "ticket in the archive that is graded otherwise".into(),
            None,
            wrong.map(|known| known.ticket.id),
        )?;
    }
    compare_holdings(fast, naive)?;
    for (index, fixture) in fast.fixtures().entries() {
        let known = &naive.fixtures[index];
        agree(
            || format!("fixture at place {index}"),
            (fixture.id(), false),
            (known.request.fixture, known.is_gone),
        )?;
        compare_fixture(fixture, known, naive, index)?;
    }
    compare_losses(fast, naive)?;
    compare_customers(fast, naive)?;
    let due = naive.tickets.iter().filter(|known| {
        let state = known.ticket.state;
        state.is_waiting() || matches!(state, TicketState::Reoffered(_))
    });
    let ends =
        due.map(|known| known.ticket.due_ns).chain(naive.tickets.iter().filter_map(|known| known.settles_ns));
    agree(|| "next due".into(), fast.next_due_ns(), ends.min())
}

/// Compares what is set about customers, what counts against their own limits, and the switches.
fn compare_customers(fast: &Engine, naive: &Naive) -> Agreement {
    agree(|| "switches".into(), fast.switches(), &naive.switches)?;
    for (&customer, file) in &naive.files {
        let name = |what: &str| format!("customer {customer} {what}");
        let known = fast.customer_file(customer).cloned().unwrap_or_default();
        agree(|| name("standing"), known.standing, file.standing)?;
        agree(|| name("terms"), &known.terms, &file.terms)?;
        let limits: Vec<_> = known
            .limits
            .iter()
            .map(|limit| ((limit.kind, limit.period), (limit.limit_minor, limit.next)))
            .collect();
        let expected: Vec<_> = file.limits.iter().map(|(key, value)| (*key, *value)).collect();
        agree(|| name("own limits"), limits, expected)?;
        for &(kind, period) in file.limits.keys() {
            let used = known.used_minor(kind, period, fast.now_ns());
            let counted = naive.own_used_minor(customer, (kind, period), fast.now_ns(), None);
            agree(|| name(&format!("{} of a {}", kind.name(), period.name())), used, counted)?;
        }
    }
    Ok(())
}

/// Compares every ticket in full, and the exposure of every fixture.
pub fn compare_all(fast: &Engine, naive: &Naive) -> Agreement {
    compare(fast, naive)?;
    for (fast, naive) in fast.tickets().iter().zip(&naive.tickets) {
        compare_ticket(fast, &naive.ticket)?;
    }
    for (index, fixture) in fast.fixtures().entries() {
        compare_exposure(fast, fixture, naive, index)?;
        let name = || format!("fixture {} margins", fixture.id());
        agree(name, fixture.margins.as_slice(), &naive.margins(index))?;
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
    for account in fast.ledger().accounts().iter() {
        let kind = match account.kind {
            AccountKind::CustomerCash(customer) => Account::Cash(customer),
            AccountKind::CustomerOpenStakes(customer) => Account::OpenStakes(customer),
            AccountKind::CustomerReceivable(customer) => Account::Receivable(customer),
            AccountKind::Psp => Account::Provider,
            AccountKind::BettingResult => Account::Result,
            AccountKind::Goodwill => Account::Goodwill,
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
    compare_game(fast, &known.game)?;
    agree(|| name("score"), fast.live.score(), known.game.score())?;
    agree(|| name("phase"), fast.live.phase(), known.game.phase())?;
    agree(|| name("clock"), fast.live.clock_ms(), known.game.clock_ms())?;
    agree(|| name("stops"), fast.stops, known.stops)?;
    compare_desk(fast, known)?;
    let heard_ns = naive.heard_of_fixture(fast.id());
    agree(|| name("heard"), fast.heard_ns, heard_ns)?;
    agree(|| name("status"), fast.status(), known.status())?;
    agree(|| name("void"), fast.void, known.void)?;
    agree(|| name("void by the desk"), fast.is_void_by_desk, known.void_by_desk)?;
    let told_by_desk = fast.told_by_desk.iter().map(|&market| usize::from(market)).collect();
    agree(|| name("told by the desk"), &told_by_desk, &known.told_by_desk)?;
    for &selection in &known.space.selections {
        let text = || name(&format!("grade of {}", known.space.template.selection_text(selection)));
        agree(text, fast.grades[selection], naive.grade(index, selection))?;
    }
    agree(|| name("worst case"), fast.book.worst_minor(), naive.worst_minor(index))
}

fn compare_sources(fast: &Engine, naive: &Naive) -> Agreement {
    agree(|| "number of sources".into(), fast.sources().len(), naive.sources.len())?;
    for ((name, fast), (known, source)) in fast.sources().iter().zip(&naive.sources) {
        agree(|| "sources".into(), name, known)?;
        let last = source.taken.last().map(|(number, ..)| *number);
        let [heard_ns, alive_ns] = naive.heard_of_source(name);
        let found = (fast.seq, fast.is_lost, fast.heard_ns, fast.alive_ns);
        agree(|| format!("source {name}"), found, (last, source.is_lost, heard_ns, alive_ns))?;
    }
    Ok(())
}

/// Compares what feeds and the desk did to the markets of a fixture.
fn compare_desk(fast: &Fixture, known: &NaiveFixture) -> Agreement {
    let name = |what: &str| format!("fixture {} {what}", fast.id());
    agree(|| name("fed by"), &fast.fed_by, &known.fed_by)?;
    agree(|| name("waived start"), fast.is_start_waived, known.is_start_waived)?;
    for &market in &known.space.markets {
        let text = |what: &str| name(&format!("{} {what}", known.space.template.markets[market].key));
        let (desk, naive) = (fast.desk.get(&(market as u16)).cloned(), known.desk.get(&market).cloned());
        let (desk, naive) = (desk.unwrap_or_default(), naive.unwrap_or_default());
        let stops = (desk.stops.by_desk, desk.stops.by_feed, desk.stops.by_move);
        agree(|| text("stops"), stops, (naive.by_desk, naive.by_feed, naive.by_move))?;
        let held = (desk.is_locked, &desk.manual_odds_e4, desk.keeps_in_play, &desk.override_by);
        let naive_held = (naive.is_locked, &naive.manual, naive.keeps_in_play, &naive.override_by);
        agree(|| text("prices by hand"), held, naive_held)?;
        agree(|| text("kept prices"), &desk.locked_odds_e4, &naive.kept)?;
        agree(|| text("anchor"), &desk.anchor_e9, &naive.anchor_e9)?;
        let interruptions = (fast.interruptions_of(market as u16), known.interruptions_of(market));
        agree(|| text("interruptions"), interruptions.0, interruptions.1)?;
    }
    Ok(())
}

/// Compares what happened in a fixture, sport by sport.
fn compare_game(fast: &Fixture, game: &Game) -> Agreement {
    let name = |what: &str| format!("fixture {} {what}", fast.id());
    match (&fast.live, game) {
        (LiveState::Football(state), Game::Football(game)) => {
            agree(|| name("period"), state.period, game.period)?;
            // The naive engine keeps the score and the order of goals; the default format needs nothing beside them.
            let outcome = game.outcome();
            agree(|| name("outcome"), (state.goals, state.order), (outcome.goals, outcome.order))?;
            agree(|| name("red cards"), state.red_cards, game.red_cards)?;
            agree(|| name("announced added time"), state.announced_ms, game.announced_ms)
        }
        (LiveState::Tennis(state), Game::Tennis(game)) => {
            let score = &state.score;
            let ended = game.ended_sets();
            agree(|| name("start"), state.is_started, game.is_started)?;
            agree(|| name("ending"), state.ending, game.ending)?;
            agree(|| name("sets"), &score.games[..usize::from(score.sets_played)], ended.as_slice())?;
            let now = score.current_set(&state.format).map_or([0; 2], |(_, games)| games);
            agree(|| name("games"), now, game.games_now())?;
            agree(|| name("points"), score.points, game.points)?;
            agree(|| name("server"), score.server, game.server)
        }
        (LiveState::Racing(state), Game::Race(race)) => {
            let runners = 0..race.positions.len();
            let withdrawn = runners.filter(|&runner| state.withdrawn.contains(runner)).collect();
            agree(|| name("stage"), state.stage, race.stage)?;
            agree(|| name("withdrawn"), &withdrawn, &race.withdrawn)?;
            agree(|| name("positions"), &state.positions[..race.positions.len()], race.positions.as_slice())
        }
        (LiveState::Custom(state), Game::Table(table)) => {
            let left = state.possible.iter().flat_map(|&(start, end)| start..end).collect();
            agree(|| name("possible"), &left, &table.left)?;
            agree(|| name("period"), &state.period, &table.period)?;
            agree(|| name("values"), &state.values, &table.values)
        }
        (live, game) => Err(name(&format!("is {live:?} for the fast engine and {game:?} for the naive one"))),
    }
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
    for sport in 0..oddsengine_markets::sports().len() {
        let sport = SportId(sport as u8);
        let of_sport = naive.sum_of(&losses, |fixture| fixture.sport() == sport);
        agree(|| format!("loss of {sport}"), fast.sport_loss_minor(sport), of_sport)?;
    }
    agree(|| "loss of the platform".into(), fast.platform_loss_minor(), losses.iter().sum())
}

fn compare_exposure(fast: &Engine, fixture: &Fixture, naive: &Naive, index: usize) -> Agreement {
    let exposure = fast.exposure(fixture);
    let name = |what: &str| format!("fixture {} exposure, {what}", fixture.id());
    let legs: Vec<_> = naive
        .live_tickets()
        .flat_map(|ticket| (0..ticket.legs.len()).map(move |leg| (ticket, leg)))
        .filter(|&(ticket, leg)| {
            let leg = &ticket.legs[leg];
            leg.place.fixture as usize == index && leg.grade.is_none()
        })
        .collect();
    agree(|| name("legs"), exposure.leg_count as usize, legs.len())?;
    let staked = |ticket: &Ticket, leg: usize| staked_alive_minor(ticket, leg);
    let stakes = legs.iter().map(|&(ticket, leg)| staked(ticket, leg)).sum();
    agree(|| name("stakes"), exposure.stake_minor, stakes)?;
    if exposure.worst_minor_bound > exposure.worst_minor {
        return Err(name(&format!(
            "worst case {} is below its bound {}",
            exposure.worst_minor, exposure.worst_minor_bound
        )));
    }
    let expected: f64 = legs.iter().map(|&(ticket, leg)| expected_pnl(naive, ticket, leg)).sum();
    if (exposure.expected_minor - expected).abs() > legs.len() as f64 + 1e-6 {
        return Err(name(&format!("expectation {} is not {expected}", exposure.expected_minor)));
    }
    for market in &exposure.markets {
        let (market_index, worst) = (usize::from(market.market), market.worst_minor);
        let key = &naive.fixtures[index].space.template.markets[market_index].key;
        agree(|| name(key), worst, naive.market_worst_minor(index, market_index, None))?;
        for selection in &market.selections {
            let of_selection =
                legs.iter().filter(|&&(ticket, leg)| ticket.legs[leg].place.selection == selection.selection);
            let (count, stake) = of_selection
                .fold((0, 0), |(count, stake), &(ticket, leg)| (count + 1, stake + staked(ticket, leg)));
            agree(|| name(key), (selection.leg_count, selection.stake_minor), (count, stake))?;
        }
    }
    Ok(())
}

fn expected_pnl(naive: &Naive, ticket: &Ticket, place: usize) -> f64 {
    let leg = &ticket.legs[place];
    let NaiveFixture { prices, space, .. } = &naive.fixtures[leg.place.fixture as usize];
    let slot = space.slot(usize::from(leg.place.selection));
    let returned = prices.win[slot] * return_of(leg, Grade::WON) + prices.refund[slot];
    staked_alive_minor(ticket, place) as f64 - returned * leg.unit_minor as f64
}

/// A leg request at the present odds and version, if the fixture is known.
pub fn leg_request(fast: &Engine, fixture: &Fixture, selection: usize) -> LegRequest {
    let template = fixture.template();
    let (market, name) = (&template.market_of(selection).key, &template.selections[selection].name);
    LegRequest {
        fixture: fixture.id(),
        selection: oddsengine_markets::SelectionId::of(market, name),
        odds_e4: fixture.board.odds_e4[selection],
        version: fast.version(fixture),
    }
}
