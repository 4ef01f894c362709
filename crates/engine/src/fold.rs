//! From facts to state: one match. It computes no price, judges no limit and refuses nothing that was decided on this state;
//! what was decided on another one, because a record between was taken out, is reported, not guessed. Live and recovery fold
//! here.

use std::collections::BTreeSet;

use oddsengine_facts::{
    Annulment, Booking, BookingId, BookingKind, Config, Fact, GradedLeg, Leg, OddsVersion, Place, Ticket,
    TicketState, Weight,
};
use oddsengine_ledger::{InstructionId, Memo, Transfer, TransferError};
use oddsengine_markets::{Incident, MarketId, SelectionId};
use oddsengine_pricing::model::{ModelConfig, Parameters};
use oddsengine_types::{AccountKind, FixtureId, STAKE_MINOR_MAX, TicketId};

use crate::decide::settle::payout_of;
use crate::lines;
use crate::positions::{counted_ticket, plan_add, plan_leg, plan_remove, stakes_minor};
use crate::state::State;
use crate::state::changes::ToldBefore;
use crate::state::due::LISTED_AT_ONCE;
use crate::state::fixture::Held;
use crate::state::sources::UNHEARD;

impl State {
    /// A record begins: time goes on, and is never turned back but by a start.
    pub(crate) fn begin_record(&mut self, time_ns: i64) {
        self.archived.clear();
        self.archived_fixtures.clear();
        self.archived_transfers.clear();
        self.counters.command_count += 1;
        self.now_ns = self.now_ns.max(time_ns);
        self.begin_day();
    }

    /// Takes a fact into the state.
    ///
    /// # Errors
    /// It names something that is not known here: the journal is of another engine, or a template has lost what it had.
    pub(crate) fn fold(&mut self, fact: &Fact) -> Result<(), String> {
        let planned = self.unbooked.len();
        let counted = counted_ticket(fact);
        counted.into_iter().for_each(|ticket| self.count_bound(ticket, false));
        let folded = self.fold_one(fact);
        counted.into_iter().for_each(|ticket| self.count_bound(ticket, true));
        if self.config.skew_b_minor.is_some() {
            // With a liability skew the bets themselves move prices: by the fact, whenever the books are balanced. Fewer
            // planned than before: they were balanced for a fixture that left.
            let planned = self.unbooked.get(planned..).unwrap_or_default();
            let moved: BTreeSet<u32> = planned.iter().map(|&(index, _)| index).collect();
            moved.into_iter().for_each(|index| self.outdate_offers(index as usize));
        }
        folded
    }

    fn fold_one(&mut self, fact: &Fact) -> Result<(), String> {
        match fact {
            Fact::EpochStarted { epoch, back_ns } => self.start_epoch(*epoch, *back_ns),
            Fact::ReleaseStarted { release, config } => {
                self.release.clone_from(release);
                self.configure(config)?;
            }
            Fact::Configured(config) => self.configure(config)?,
            Fact::ScopeSet { scope, settings } => self.set_scope(scope, settings),
            Fact::SpaceDefined(definition) => {
                self.push_space(definition.as_ref().clone()).map_err(|error| error.to_string())?;
            }
            Fact::FixtureAdded(request) => {
                if self.index_of(request.fixture).is_some() {
                    return Err(format!("fixture {} is known", request.fixture));
                }
                request.format.check().map_err(|error| error.to_string())?;
                let template = self
                    .template_of(&request.format)
                    .ok_or_else(|| format!("the space of fixture {} is not defined", request.fixture))?;
                self.push_fixture(request.as_ref().clone(), template);
            }
            Fact::ParametersSet { fixture, parameters, by, cause } => {
                let index = self.named_fixture(*fixture)?;
                let parameters = Parameters::from_record(parameters)
                    .map_err(|error| format!("parameters of fixture {fixture}: {error}"))?;
                let at_ns = self.now_ns;
                let fixture = &mut self.fixtures[index];
                fixture.parameters = Some(parameters);
                fixture.priced_by.by.clone_from(by);
                fixture.priced_by.cause.clone_from(cause);
                fixture.priced_by.at_ns = at_ns;
                self.outdate_model(index);
            }
            Fact::ExpectationSet { fixture, expectation } => {
                let index = self.named_fixture(*fixture)?;
                self.fixtures[index].expectation = expectation.as_deref().cloned();
            }
            Fact::IncidentTaken { fixture, incident, interrupts } => {
                let index = self.named_fixture(*fixture)?;
                self.take_incident(index, incident, *interrupts)?;
            }
            Fact::StopsChanged { fixture, stops, model_fault } => {
                let index = self.named_fixture(*fixture)?;
                let fixture = &mut self.fixtures[index];
                let before = std::mem::replace(&mut fixture.stops.set, *stops);
                fixture.stops.model_fault = *model_fault;
                // A new reason interrupts trading.
                fixture.interruptions += u64::from(!stops.without(before).is_empty());
                if !before.and(UNHEARD).is_empty() {
                    // While nobody had spoken of it, nobody could fall silent.
                    self.watch_silence(index);
                }
                self.watch_start(index);
                self.note_unheard(index);
            }
            Fact::FixtureHeard { fixture, source } => {
                let index = self.named_fixture(*fixture)?;
                self.fixtures[index].heard_ns = self.now_ns;
                if let Some(source) = source.as_ref().filter(|source| self.fixtures[index].fed_by != **source)
                {
                    self.forget_unheard(index);
                    self.forget_fed(index);
                    self.fixtures[index].fed_by.clone_from(source);
                    self.note_unheard(index);
                    self.note_fed(index);
                }
            }
            Fact::StartWaived { fixture } => {
                let index = self.named_fixture(*fixture)?;
                self.fixtures[index].is_start_waived = true;
            }
            Fact::MarketSet { fixture, market, desk, interrupts } => {
                let index = self.named_fixture(*fixture)?;
                let market = self.named_market(index, *market)?;
                if let Some(desk) = desk {
                    let manual = desk.manual_odds_e4.as_ref().map(|odds_e4| ("odds", odds_e4));
                    let locked = desk.is_locked.then_some(("odds", &desk.locked_odds_e4));
                    let anchor = Some(("fair prices", &desk.anchor_e9)).filter(|(_, e9)| !e9.is_empty());
                    for (what, list) in [manual, locked, anchor].into_iter().flatten() {
                        self.fits_market(index, market, what, list.len())?;
                    }
                }
                let fixture = &mut self.fixtures[index];
                let was_overridden = fixture.is_overridden();
                match desk {
                    Some(desk) => drop(fixture.desk.insert(market, desk.as_ref().clone())),
                    None => drop(fixture.desk.remove(&market)),
                }
                if *interrupts {
                    *fixture.market_interruptions.entry(market).or_default() += 1;
                }
                if fixture.is_overridden() == was_overridden {
                    self.outdate_markets(index, &[market]);
                } else {
                    // Beside prices that somebody answers for, those of the model stand still, or no longer.
                    let all: Vec<u16> = (0..fixture.template.markets.len() as u16).collect();
                    self.outdate_markets(index, &all);
                }
            }
            Fact::Interrupted { fixture } => {
                let index = self.named_fixture(*fixture)?;
                self.fixtures[index].interruptions += 1;
            }
            Fact::GradesTold { fixture, market, grades, by_desk } => {
                let index = self.named_fixture(*fixture)?;
                let market = self.named_market(index, *market)?;
                if let Some(grades) = grades {
                    self.fits_market(index, market, "grades", grades.len())?;
                }
                let fixture = &mut self.fixtures[index];
                match grades {
                    Some(grades) => drop(fixture.told_grades.insert(market, grades.clone())),
                    None => drop(fixture.told_grades.remove(&market)),
                }
                match by_desk {
                    true => drop(fixture.told_by_desk.insert(market)),
                    false => drop(fixture.told_by_desk.remove(&market)),
                }
                if grades.is_none() && fixture.held.remove(&market).is_some() {
                    self.list_held(index, Some(market));
                }
                let fixture = &mut self.fixtures[index];
                *fixture.market_interruptions.entry(market).or_default() += 1;
            }
            Fact::ResultHeld { fixture, market, until_ns, is_correction } => {
                let index = self.named_fixture(*fixture)?;
                let market = self.named_market(index, *market)?;
                let held = Held { until_ns: *until_ns, is_correction: *is_correction };
                let fixture = &mut self.fixtures[index];
                match held == Held::default() {
                    true => drop(fixture.held.remove(&market)),
                    false => drop(fixture.held.insert(market, held)),
                }
                self.list_held(index, Some(market));
            }
            Fact::ReviewSet { fixture, market, why } => {
                let index = self.named_fixture(*fixture)?;
                let market = market.map(|market| self.named_market(index, market)).transpose()?;
                let fixture = &mut self.fixtures[index];
                match why {
                    Some(why) => drop(fixture.reviews.insert(market, why.clone())),
                    None => drop(fixture.reviews.remove(&market)),
                }
                if why.is_none() {
                    self.list_held(index, market);
                }
            }
            Fact::AnnulmentOrdered { number, request, is_until_given, forgotten } => {
                if *number != self.annulments.last_number.wrapping_add(1) {
                    let last = self.annulments.last_number;
                    return Err(format!("annulment {number} follows annulment {last}"));
                }
                if let Some(forgotten) = forgotten {
                    self.annulments.known.remove(forgotten);
                    self.annulments.under_way.remove(forgotten);
                }
                let annulment = Annulment {
                    request: request.as_ref().clone(),
                    is_until_given: *is_until_given,
                    ordered_ns: self.now_ns,
                    changed_count: 0,
                    is_taken_back: false,
                };
                self.annulments.last_number = *number;
                self.annulments.known.insert(*number, annulment);
                self.begin_annulment(*number);
            }
            Fact::AnnulmentTakenBack { number } => {
                let Some(known) = self.annulments.known.get_mut(number) else {
                    return Err(format!("annulment {number} is not known"));
                };
                known.is_taken_back = true;
                self.begin_annulment(*number);
            }
            Fact::AnnulmentAdvanced { number, changed, next } => {
                let next = next.map(|next| self.named_ticket(next)).transpose()?;
                let from = self.annulments.under_way.remove(number);
                if from.is_none_or(|from| next.is_some_and(|next| next < from)) {
                    return Err(format!("annulment {number} has not come that far"));
                }
                if let Some(next) = next {
                    self.annulments.under_way.insert(*number, next);
                }
                if let Some(known) = self.annulments.known.get_mut(number) {
                    known.changed_count += u64::from(*changed);
                }
            }
            Fact::TicketMarked { ticket, marks } => {
                let index =
                    self.ticket_in(*ticket, |state| is_graded(state) || state == TicketState::Cancelled)?;
                if !marks.void_by.is_empty() {
                    fits_legs(&self.tickets[index as usize], marks.void_by.len())?;
                }
                self.tickets[index as usize].marks = marks.clone();
                self.settling.set_regraded(index, self.is_regraded(index));
            }
            Fact::TicketReinstated { ticket } => {
                let index = self.ticket_in(*ticket, |state| state == TicketState::Cancelled)?;
                let ticket = &mut self.tickets[index as usize];
                let before = ToldBefore::from(&*ticket);
                ticket.state = TicketState::Open;
                // Its instructions to the ledger are numbered by its settlements.
                ticket.settlement_count += 1;
                ticket.marks.reinstated_count += 1;
                self.changes.note(ticket, index, Some(before));
                self.list_accumulator(index);
                self.counters.rollback_count += 1;
                self.set_closed(index, 0);
                let ticket = self.tickets[index as usize].clone();
                self.count_stake(&ticket, true);
                self.count_own_stake(&ticket, true);
                plan_add(&ticket, &mut self.unbooked);
                self.settling.set_regraded(index, self.is_regraded(index));
            }
            Fact::ActionPending { action } => {
                if action.number != self.actions.last_number.wrapping_add(1) {
                    let (number, last) = (action.number, self.actions.last_number);
                    return Err(format!("action {number} follows action {last}"));
                }
                self.actions.last_number = action.number;
                self.actions.waiting.insert(action.number, action.as_ref().clone());
            }
            Fact::ActionEnded { number, .. } => {
                if self.actions.waiting.remove(number).is_none() {
                    return Err(format!("action {number} waits for nobody"));
                }
            }
            Fact::FixtureVoided { fixture, void, by_desk, interrupts } => {
                let index = self.named_fixture(*fixture)?;
                let fixture = &mut self.fixtures[index];
                fixture.void = *void;
                fixture.is_void_by_desk = *by_desk;
                fixture.interruptions += u64::from(*interrupts);
                self.watch_silence(index);
                self.watch_start(index);
                self.note_over(index);
                self.outdate_markets(index, &[]);
            }
            Fact::Graded { fixture, selections } => {
                let index = self.named_fixture(*fixture)?;
                let mut markets = Vec::with_capacity(selections.len());
                let mut listed = 0;
                for graded in selections {
                    let selection = self.named_selection(index, graded.selection)?;
                    let fixture = &mut self.fixtures[index];
                    fixture.grades[usize::from(selection)] = graded.grade;
                    markets.push(fixture.template.selections[usize::from(selection)].market);
                    let Some(on_it) = fixture.legs.get(&selection) else { continue };
                    listed += on_it.len();
                    let place = (index as u32, selection);
                    if listed <= LISTED_AT_ONCE && !self.due.settling.contains_key(&place) {
                        let on_it = on_it.iter().map(|&(ticket, _)| ticket);
                        let is_settleable = |&ticket: &u32| is_graded(self.tickets[ticket as usize].state);
                        on_it
                            .filter(is_settleable)
                            .for_each(|ticket| self.settling.set_regraded(ticket, true));
                    } else if let Some(&(first, _)) = on_it.first() {
                        self.due.settling.insert(place, first);
                    }
                }
                if self.fixtures[index].archived_count > 0 {
                    self.due.recalling.insert(index as u32);
                }
                markets.dedup();
                self.outdate_markets(index, &markets);
            }
            Fact::CustomerSet { customer, factor_e3 } => self.customers.set_factor(*customer, *factor_e3),
            Fact::SwitchSet { scope, switch } => match switch {
                Some(switch) => drop(self.switches.insert(scope.clone(), switch.clone())),
                None => drop(self.switches.remove(scope)),
            },
            Fact::StandingSet { customer, standing, reason: _ } => {
                self.customers.change_file(*customer, |file| file.standing = *standing);
            }
            Fact::CustomerTermsSet { customer, terms } => {
                self.customers.change_file(*customer, |file| file.terms = terms.as_ref().clone());
            }
            Fact::OwnLimitSet { customer, limit } => self.set_own_limit(*customer, *limit),
            Fact::OwnLimitEnded { customer, kind, period } => self.end_own_limit(*customer, *kind, *period),
            Fact::TicketDecided { ticket, forgotten } => {
                self.keep_ticket(ticket.as_ref().clone(), *forgotten)?
            }
            Fact::DelayEnded { ticket } => {
                let index = self.ticket_in(*ticket, TicketState::is_waiting)?;
                let ticket = self.tickets[index as usize].clone();
                self.delayed.remove(&(ticket.due_ns, index));
                self.list_waiting(index, false);
                self.count_stake(&ticket, false);
                self.count_own_stake(&ticket, false);
                plan_remove(&ticket, &mut self.unbooked);
            }
            Fact::TicketHeld { ticket, due_ns } => {
                let index = self.ticket_in(*ticket, TicketState::is_waiting)?;
                self.tickets[index as usize].due_ns = *due_ns;
                self.delayed.insert((*due_ns, index));
                self.list_waiting(index, true);
                let ticket = self.tickets[index as usize].clone();
                self.count_stake(&ticket, true);
                self.count_own_stake(&ticket, true);
                plan_add(&ticket, &mut self.unbooked);
            }
            Fact::LegsGraded { ticket, legs } => self.grade_legs(*ticket, legs)?,
            Fact::Weighed { weights } => {
                self.take_weights(weights)?;
                self.weighed_ns = self.now_ns;
                self.moved.clear();
            }
            Fact::WeighingAdvanced { fixture, weights, next } => {
                let index = self.named_fixture(*fixture)? as u32;
                if self.due.weighing.is_empty() {
                    self.due.weighing = std::mem::take(&mut self.moved);
                    self.weighed_ns = self.now_ns;
                }
                if self.due.weighing.first() != Some(&index) {
                    return Err(format!(
                        "fixture {fixture} is not the one whose accumulators are weighed next"
                    ));
                }
                self.take_weights(weights)?;
                self.due.weigh_from = next.map_or(Ok(0), |next| self.named_ticket(next))?;
                if next.is_none() {
                    self.due.weighing.pop_first();
                }
            }
            Fact::SettlingAdvanced { fixture, selection, next } => {
                let index = self.named_fixture(*fixture)?;
                let place = (index as u32, self.named_selection(index, *selection)?);
                let next = next.map(|next| self.named_ticket(next)).transpose()?;
                let known = self.due.settling.remove(&place);
                if known.is_none_or(|from| next.is_some_and(|next| next < from)) {
                    return Err(format!(
                        "selection {selection:?} of fixture {fixture} is not settled up to there"
                    ));
                }
                if let Some(next) = next {
                    self.due.settling.insert(place, next);
                }
            }
            Fact::TicketPaid { ticket, paid_minor, takes_back } => {
                let index = self.ticket_in(*ticket, |state| {
                    state == if *takes_back { TicketState::Settled } else { TicketState::Open }
                })?;
                let ticket = &mut self.tickets[index as usize];
                // A payment rests on grades: without them, or with others, it is not this state's.
                if payout_of(ticket) != Some(*paid_minor) {
                    let owed = payout_of(ticket).map_or("nothing yet".to_owned(), |minor| minor.to_string());
                    let id = ticket.id.0;
                    return Err(format!("ticket {id:032x} is paid {paid_minor}, and its grades pay {owed}"));
                }
                let before = ToldBefore::from(&*ticket);
                let more_minor = paid_minor - ticket.paid_minor;
                if ticket.state == TicketState::Open {
                    // No line waits for a leg that is not decided: those count no more.
                    plan_remove(ticket, &mut self.unbooked);
                    let undecided = ticket.legs.iter_mut().filter(|leg| leg.grade.is_none());
                    undecided.for_each(|leg| leg.unit_minor = 0);
                }
                (ticket.state, ticket.paid_minor) = (TicketState::Settled, *paid_minor);
                ticket.settlement_count += 1;
                self.changes.note(ticket, index, Some(before));
                self.list_accumulator(index);
                self.counters.settlement_count += 1;
                self.counters.rollback_count += u64::from(*takes_back);
                self.end_settling(index);
                self.set_closed(index, self.now_ns);
                self.count_returned(index, more_minor);
            }
            Fact::TicketReopened { ticket } => {
                let index = self.ticket_in(*ticket, |state| state == TicketState::Settled)?;
                let ticket = &mut self.tickets[index as usize];
                let before = ToldBefore::from(&*ticket);
                let paid_minor = ticket.paid_minor;
                (ticket.state, ticket.paid_minor) = (TicketState::Open, 0);
                self.changes.note(ticket, index, Some(before));
                self.list_accumulator(index);
                self.counters.rollback_count += 1;
                self.end_settling(index);
                self.set_closed(index, 0);
                self.count_returned(index, -paid_minor);
                // It counts in the books again, with what its legs were graded to.
                plan_add(&self.tickets[index as usize], &mut self.unbooked);
            }
            Fact::PaymentDue { ticket, due_ns } => {
                let index = self.ticket_in(*ticket, |state| state == TicketState::Open)?;
                if due_ns.is_some() && payout_of(&self.tickets[index as usize]).is_none() {
                    return Err(format!("ticket {:032x} waits to be settled and is not decided", ticket.0));
                }
                self.settling.set_due(index, *due_ns);
                self.settling.set_stuck(index, false);
            }
            Fact::TicketStuck { ticket } => {
                let index = self.ticket_in(*ticket, is_graded)?;
                self.settling.set_stuck(index, true);
                self.settling.set_regraded(index, false);
            }
            Fact::TicketCancelled { ticket } => {
                let index = self.ticket_in(*ticket, |state| state.is_waiting() || is_graded(state))?;
                let before = self.tickets[index as usize].clone();
                self.count_stake(&before, false);
                self.count_own_stake(&before, false);
                self.count_own_return(&before, -before.paid_minor);
                self.counters.rollback_count += u64::from(before.state == TicketState::Settled);
                self.delayed.remove(&(before.due_ns, index));
                if before.state.is_waiting() {
                    self.list_waiting(index, false);
                    // Listed like every ticket that was not refused: a restored state has it so.
                    self.list_legs(index);
                }
                let ticket = &mut self.tickets[index as usize];
                if ticket.is_live() {
                    plan_remove(ticket, &mut self.unbooked);
                    let undecided = ticket.legs.iter_mut().filter(|leg| leg.grade.is_none());
                    undecided.for_each(|leg| leg.unit_minor = 0);
                }
                (ticket.state, ticket.paid_minor) = (TicketState::Cancelled, 0);
                self.settling.set_regraded(index, false);
                self.changes.note(ticket, index, Some(ToldBefore::from(&before)));
                self.list_accumulator(index);
                self.end_settling(index);
                self.set_closed(index, self.now_ns);
            }
            Fact::TicketsArchived { tickets } => self.archive_tickets(tickets)?,
            Fact::ArchivingPutOff { tickets } => self.put_off(tickets)?,
            Fact::TicketRecalled { ticket } => self.recall_ticket(ticket.as_ref().clone())?,
            Fact::FixturesArchived { fixtures } => self.archive_fixtures(fixtures)?,
            Fact::FixturesPutOff { fixtures } => self.put_off_fixtures(fixtures)?,
            Fact::FixtureRecalled { fixture } => self.recall_fixture(fixture)?,
            Fact::MoneyArchived { transfers } => self.archive_money(transfers)?,
            Fact::MoneyRecalled { transfer } => self.recall_money(transfer)?,
            Fact::Booked { bookings } => {
                self.book(bookings).map_err(|error| format!("a booking is refused: {error}"))?;
            }
            Fact::Refused { .. } => self.counters.refused_command_count += 1,
            Fact::MoneyRefused { .. } | Fact::TicketConflict { .. } | Fact::Alerted { .. } => {}
            Fact::SourceHeard { source, numbered, expected } => {
                let now_ns = self.now_ns;
                let known = match self.sources.get_mut(source) {
                    Some(known) => known,
                    None => self.sources.entry(source.clone()).or_default(),
                };
                known.heard_ns = now_ns;
                if let Some((seq, hash)) = numbered {
                    known.take(*seq, *hash);
                }
                self.counters.feed_gap_count += u64::from(expected.is_some());
            }
            Fact::SourceRepeated { source, is_lost } => {
                if let Some(source) = self.sources.get_mut(source) {
                    source.is_lost |= is_lost;
                }
                self.counters.duplicate_count += 1;
            }
            Fact::SourceLost { source } => self.sources.entry(source.clone()).or_default().is_lost = true,
            Fact::SourceAlive { source } => {
                self.sources.entry(source.clone()).or_default().alive_ns = self.now_ns;
            }
            Fact::SourceReset { source } => {
                let source = self.sources.entry(source.clone()).or_default();
                (source.seq, source.is_lost) = (None, false);
                source.recent.clear();
            }
            Fact::SourcesForgotten { sources } => {
                sources.iter().for_each(|source| drop(self.sources.remove(source)));
                self.counters.forgotten_source_count += sources.len() as u64;
            }
        }
        Ok(())
    }

    fn start_epoch(&mut self, epoch: u32, back_ns: i64) {
        self.epoch = epoch;
        self.now_ns = self.now_ns.saturating_sub(back_ns);
        // Times that are yet to come stay as far away as they were.
        let earlier = |time_ns: i64| time_ns.saturating_sub(back_ns);
        if back_ns > 0 {
            self.weighed_ns = if self.weighed_ns == i64::MIN { i64::MIN } else { earlier(self.weighed_ns) };
            self.settling.set_back(back_ns);
            self.set_back_holds(back_ns);
            for (due_ns, index) in std::mem::take(&mut self.delayed) {
                self.tickets[index as usize].due_ns = earlier(due_ns);
                self.delayed.insert((earlier(due_ns), index));
            }
        }
        self.sources.values_mut().for_each(|source| (source.heard_ns, source.alive_ns) = (0, 0));
        for index in self.fixtures.taken() {
            self.fixtures[index].heard_ns = 0;
            self.watch_start(index);
        }
    }

    fn configure(&mut self, config: &Config) -> Result<(), String> {
        let models = ModelConfig::from_settings(&config.sports)
            .and_then(|models| oddsengine_pricing::model::Models::new(&models))
            .map_err(|error| error.to_string())?;
        self.derived.models = models;
        let windows = std::mem::replace(&mut self.config, config.clone()).stake_windows;
        if windows != config.stake_windows {
            self.recount_windows();
        }
        self.start_due.clear();
        self.silence_due.clear();
        for index in self.fixtures.taken() {
            self.inherit_settings(index);
            self.watch_start(index);
            self.outdate_model(index);
        }
        Ok(())
    }

    fn take_incident(&mut self, index: usize, incident: &Incident, interrupts: bool) -> Result<(), String> {
        let fixture = &mut self.fixtures[index];
        let (phase_before, score_before) = (fixture.live.phase(), fixture.live.score());
        let change = fixture.live.apply(incident).map_err(|error| {
            format!("{} of fixture {}: {error}", incident.name(), fixture.request.fixture)
        })?;
        fixture.interruptions += u64::from(interrupts);
        if change.regrades {
            self.refresh_possible(index);
        }
        if self.fixtures[index].live.phase() != phase_before {
            // Who goes in play is watched by its present settings.
            self.inherit(index);
            self.note_play(index);
            self.watch_silence(index);
            self.watch_start(index);
            self.note_over(index);
        }
        if change.reprices || change.regrades {
            self.outdate_model(index);
        } else {
            // Danger and its end leave the score and the period that a board shows as they were.
            let live = &self.fixtures[index].live;
            let is_still = (live.phase(), live.score()) == (phase_before, score_before);
            if change.danger.is_none() || !is_still {
                self.outdate_markets(index, &[]);
            }
        }
        Ok(())
    }

    /// Keeps a ticket that was decided, new or at the end of its delay.
    fn keep_ticket(&mut self, mut ticket: Ticket, forgotten: Option<TicketId>) -> Result<(), String> {
        lines::fits(&ticket)?;
        for leg in &mut ticket.legs {
            leg.place = self.place_of(leg)?;
        }
        if !matches!(ticket.state, TicketState::Refused(_))
            && !(0..=STAKE_MINOR_MAX).contains(&ticket.stake_minor)
        {
            return Err(format!("a stake of {} is outside 0..={STAKE_MINOR_MAX}", ticket.stake_minor));
        }
        // Versions count facts and starts. Without one that was taken out, what this ticket saw was told all the same.
        for leg in ticket.legs.iter().filter(|_| !ticket.is_refused_at_once()) {
            let seen = [leg.version, leg.quoted_version].into_iter();
            self.epoch = seen.clone().map(|seen| seen.epoch).fold(self.epoch, u32::max);
            let seen = seen.filter(|seen| seen.epoch == self.epoch);
            let fixture = &mut self.fixtures[leg.place.fixture as usize];
            let of_fixture = |seen: OddsVersion| seen.seq.saturating_sub(self.counters.settings_count);
            if let Some(seq) = seen.map(of_fixture).max().filter(|&seq| fixture.version < seq) {
                fixture.version = seq;
            }
        }
        let known = self.ticket_index.get(&ticket.id).copied();
        if let Some(index) = known {
            let before = &self.tickets[index as usize];
            let was_offered = matches!(before.state, TicketState::Reoffered(_));
            if !before.state.is_waiting() && !was_offered {
                return Err(format!("ticket {:032x} is decided already", ticket.id.0));
            }
            if was_offered {
                self.delayed.remove(&(before.due_ns, index));
                self.offer_count -= 1;
            } else if self.delayed.contains(&(before.due_ns, index)) {
                return Err(format!("ticket {:032x} is decided, and its wait has not ended", ticket.id.0));
            }
        }
        match ticket.state {
            TicketState::Refused(_) => self.counters.refused_count += 1,
            TicketState::Reoffered(_) => self.offer_count += 1,
            TicketState::Delayed | TicketState::Referred => {
                self.count_stake(&ticket, true);
                self.count_own_stake(&ticket, true);
            }
            _ => {
                self.count_stake(&ticket, true);
                self.count_own_stake(&ticket, true);
                self.counters.accepted_count += 1;
                self.counters.turnover_minor += ticket.stake_minor;
            }
        }
        if ticket.is_live() {
            plan_add(&ticket, &mut self.unbooked);
        }
        let (state, due_ns) = (ticket.state, ticket.due_ns);
        let index = if let Some(index) = known {
            // Its delay has ended, and what it held was given back.
            let before = ToldBefore::from(&self.tickets[index as usize]);
            self.changes.note(&mut ticket, index, Some(before));
            if ticket.is_refused_at_once() {
                // Nothing was reserved for what was offered and not taken.
                self.refused.push_back(index);
            }
            self.tickets[index as usize] = ticket;
            index
        } else if ticket.is_refused_at_once() {
            self.keep_refused(ticket, forgotten)?
        } else {
            let index = self.tickets.next_place();
            self.ticket_index.insert(ticket.id, index);
            self.changes.note(&mut ticket, index, None);
            self.count_kept(&ticket, true);
            self.tickets.insert(ticket)
        };
        match state {
            TicketState::Refused(_) => self.set_closed(index, self.now_ns),
            TicketState::Delayed | TicketState::Referred => {
                self.delayed.insert((due_ns, index));
                self.list_waiting(index, true);
            }
            TicketState::Reoffered(_) => drop(self.delayed.insert((due_ns, index))),
            _ => self.list_legs(index),
        }
        Ok(())
    }

    /// Lists the legs of a ticket with the selections that they are on.
    pub(crate) fn list_legs(&mut self, index: u32) {
        for (leg_index, leg) in self.tickets[index as usize].legs.iter().enumerate() {
            let fixture = &mut self.fixtures[leg.place.fixture as usize];
            fixture.legs.entry(leg.place.selection).or_default().insert((index, leg_index as u8));
        }
        self.list_accumulator(index);
    }

    /// Lists the legs of a ticket with their fixtures while it waits out its delay.
    pub(crate) fn list_waiting(&mut self, index: u32, waits: bool) {
        for leg in &self.tickets[index as usize].legs {
            let waiting = &mut self.fixtures[leg.place.fixture as usize].waiting;
            let key = (leg.place.selection, leg.grade.is_some());
            if waits {
                waiting.entry(key).or_default().insert(index);
            } else if let Some(listed) = waiting.get_mut(&key) {
                listed.remove(&index);
                if listed.is_empty() {
                    waiting.remove(&key);
                }
            }
        }
    }

    /// Lists a ticket of several legs with their fixtures while it is open.
    fn list_accumulator(&mut self, index: u32) {
        let ticket = &self.tickets[index as usize];
        if ticket.legs.len() < 2 {
            return;
        }
        for leg in &ticket.legs {
            let listed = &mut self.fixtures[leg.place.fixture as usize].accumulators;
            match ticket.state == TicketState::Open {
                true => listed.insert(index),
                false => listed.remove(&index),
            };
        }
    }

    fn take_weights(&mut self, weights: &[Weight]) -> Result<(), String> {
        for weight in weights {
            let index = self.ticket_in(weight.ticket, |state| state == TicketState::Open)?;
            let ticket = &mut self.tickets[index as usize];
            fits_legs(ticket, weight.units_minor.len())?;
            let stakes = if ticket.terms.bets.is_empty() { Vec::new() } else { stakes_minor(ticket) };
            let stake_minor = ticket.stake_minor;
            for (place, (leg, &unit_minor)) in ticket.legs.iter_mut().zip(&weight.units_minor).enumerate() {
                if leg.grade.is_none() && leg.unit_minor != unit_minor {
                    let stake_minor = stakes.get(place).copied().unwrap_or(stake_minor);
                    plan_leg(leg, stake_minor, false, &mut self.unbooked);
                    leg.unit_minor = unit_minor;
                    plan_leg(leg, stake_minor, true, &mut self.unbooked);
                }
            }
        }
        Ok(())
    }

    /// Keeps a ticket that was refused at once; the oldest of them may make room for it.
    fn keep_refused(&mut self, mut ticket: Ticket, forgotten: Option<TicketId>) -> Result<u32, String> {
        let Some(forgotten) = forgotten else {
            let index = self.tickets.next_place();
            self.ticket_index.insert(ticket.id, index);
            self.refused.push_back(index);
            self.changes.note(&mut ticket, index, None);
            self.count_kept(&ticket, true);
            return Ok(self.tickets.insert(ticket));
        };
        let index = self.named_ticket(forgotten)?;
        // It is the first of them, or near it.
        if let Some(position) = self.refused.iter().position(|&refused| refused == index) {
            self.refused.remove(position);
        }
        self.forget_closed(index);
        self.ticket_index.remove(&forgotten);
        self.ticket_index.insert(ticket.id, index);
        self.refused.push_back(index);
        let seq_before = self.tickets[index as usize].change.seq;
        self.changes.replace(&mut ticket, index, seq_before);
        self.count_kept(&ticket, true);
        let gone = std::mem::replace(&mut self.tickets[index as usize], ticket);
        self.count_kept(&gone, false);
        self.counters.forgotten_count += 1;
        Ok(index)
    }

    fn grade_legs(&mut self, id: TicketId, legs: &[GradedLeg]) -> Result<(), String> {
        let index = self.ticket_in(id, |state| state.is_waiting() || is_graded(state))?;
        fits_legs(&self.tickets[index as usize], legs.len())?;
        let ticket = &self.tickets[index as usize];
        // What waits out its delay is graded by play alone; all else as its selections are.
        if !ticket.state.is_waiting() {
            for (place, (leg, graded)) in ticket.legs.iter().zip(legs).enumerate() {
                if graded.grade != self.due_grade(ticket, place) {
                    let (id, fixture) = (id.0, leg.fixture);
                    return Err(format!(
                        "a leg of ticket {id:032x} is graded otherwise than its selection of fixture {fixture}"
                    ));
                }
            }
        }
        let is_waiting = self.tickets[index as usize].state.is_waiting();
        if is_waiting {
            self.list_waiting(index, false);
        }
        let ticket = &mut self.tickets[index as usize];
        let is_live = ticket.is_live();
        if is_live {
            plan_remove(ticket, &mut self.unbooked);
        }
        for (leg, graded) in ticket.legs.iter_mut().zip(legs) {
            (leg.grade, leg.unit_minor) = (graded.grade, graded.unit_minor);
        }
        if is_live {
            plan_add(ticket, &mut self.unbooked);
        }
        if is_waiting {
            self.list_waiting(index, true);
        }
        self.settling.set_stuck(index, false);
        if !self.is_regraded(index) {
            self.settling.set_regraded(index, false);
        }
        Ok(())
    }

    /// A leg of the ticket is graded otherwise than its selection.
    pub(crate) fn is_regraded(&self, index: u32) -> bool {
        let ticket = &self.tickets[index as usize];
        let is_settleable = matches!(ticket.state, TicketState::Open | TicketState::Settled);
        let differs = |(place, leg): (usize, &Leg)| leg.grade != self.due_grade(ticket, place);
        is_settleable && ticket.legs.iter().enumerate().any(differs)
    }

    /// An annulment begins to look at tickets, or at those that it took. Those in the archive come back for it.
    fn begin_annulment(&mut self, number: u32) {
        self.annulments.under_way.insert(number, 0);
        let of = self.annulments.known.get(&number).and_then(|known| known.request.fixture);
        if let Some(index) = of.and_then(|fixture| self.index_of(fixture))
            && self.fixtures[index].archived_count > 0
        {
            self.due.recalling.insert(index as u32);
        }
    }

    /// Lists the tickets whose payment waits on a fixture or a market for settlement: what they wait for may be another
    /// thing by now.
    fn list_held(&mut self, index: usize, market: Option<u16>) {
        let template = self.fixtures[index].template;
        let selections = match market {
            Some(market) => template.markets[usize::from(market)].selections(),
            None => 0..template.selections.len(),
        };
        let selections = selections.start as u16..selections.end as u16;
        let mut listed = 0;
        for (&selection, on_it) in self.fixtures[index].legs.range(selections) {
            let place = (index as u32, selection);
            listed += on_it.len();
            if listed <= LISTED_AT_ONCE && !self.due.settling.contains_key(&place) {
                let waits = |&ticket: &u32| self.settling.wait(ticket).due_ns.is_some();
                let on_it: Vec<u32> = on_it.iter().map(|&(ticket, _)| ticket).filter(waits).collect();
                on_it.into_iter().for_each(|ticket| self.settling.set_regraded(ticket, true));
            } else if let Some(&(first, _)) = on_it.first() {
                self.due.settling.insert(place, first);
            }
        }
    }

    /// The clock goes back: what is held is held for as long as it was.
    fn set_back_holds(&mut self, back_ns: i64) {
        let earlier =
            |time_ns: i64| if time_ns == i64::MAX { time_ns } else { time_ns.saturating_sub(back_ns) };
        for index in self.fixtures.taken() {
            if !self.fixtures[index].held.is_empty() {
                let held = self.fixtures[index].held.values_mut();
                held.for_each(|held| held.until_ns = held.until_ns.map(earlier));
            }
        }
        for action in self.actions.waiting.values_mut() {
            action.expires_ns = action.expires_ns.map(earlier);
        }
    }

    /// Counts what a ticket returns more than before against its customer's own limits.
    fn count_returned(&mut self, index: u32, more_minor: i64) {
        let customer = self.tickets[index as usize].customer;
        if self.customers.file(customer).is_some() {
            let ticket = self.tickets[index as usize].clone();
            self.count_own_return(&ticket, more_minor);
        }
    }

    /// A ticket's settlement is done, and waits for nothing.
    fn end_settling(&mut self, index: u32) {
        self.settling.set_due(index, None);
        self.settling.set_stuck(index, false);
    }

    /// Carries out bookings on the ledger, all or none; who was refused has no new account.
    /// What is owed is collected in every record that could pay it: one that does not was decided on other balances.
    ///
    /// # Errors
    /// Names the customer and both amounts.
    pub(crate) fn no_cash_while_owing_after(&self, bookings: &[Booking]) -> Result<(), String> {
        for account in bookings.iter().flat_map(|booking| [booking.debit, booking.credit]) {
            let (AccountKind::CustomerCash(customer) | AccountKind::CustomerReceivable(customer)) = account
            else {
                continue;
            };
            let (owed_minor, available_minor) = (self.owed_minor(customer), self.available_minor(customer));
            if owed_minor < 0 || (owed_minor > 0 && available_minor > 0) {
                return Err(format!(
                    "customer {customer} owes {owed_minor} and has {available_minor} available"
                ));
            }
        }
        Ok(())
    }

    pub(crate) fn book(&mut self, bookings: &[Booking]) -> Result<(), TransferError> {
        self.ledger.note_accounts();
        let booked = self.try_book(bookings);
        match booked {
            Ok(()) => {
                self.keep_transfer(bookings);
                self.count_deposits(bookings);
            }
            Err(_) => self.ledger.withdraw_accounts(),
        }
        // The facts tell what was booked.
        self.ledger.discard_postings();
        booked
    }

    /// Counts deposits against their customers' own limits.
    fn count_deposits(&mut self, bookings: &[Booking]) {
        for booking in bookings {
            if let (AccountKind::Psp, AccountKind::CustomerCash(customer)) = (booking.debit, booking.credit) {
                self.count_own_deposit(customer, booking.amount_minor);
            }
        }
    }

    fn try_book(&mut self, bookings: &[Booking]) -> Result<(), TransferError> {
        let mut moved = Vec::with_capacity(bookings.len());
        for booking in bookings {
            let Booking { kind, debit, credit, currency, amount_minor, .. } = *booking;
            let id = instruction_of(booking.id);
            if kind == BookingKind::Moved || kind == BookingKind::Reserved {
                let (debit, credit) =
                    (self.ledger.account(debit, currency)?, self.ledger.account(credit, currency)?);
                let memo = Memo { reference: booking.id.transaction, ..Memo::default() };
                moved.push(Transfer { id, debit, credit, amount_minor, memo });
            }
            match kind {
                BookingKind::Moved => {}
                BookingKind::Reserved => {
                    let transfer = moved.pop().expect("just pushed");
                    self.ledger.reserve(&transfer, None)?;
                }
                BookingKind::Posted { pending } => {
                    self.ledger.post(id, instruction_of(pending), None)?;
                }
                BookingKind::Voided { pending } => {
                    self.ledger.void(id, instruction_of(pending))?;
                }
            }
        }
        match moved.is_empty() {
            true => Ok(()),
            false => self.ledger.linked(&moved).map(drop),
        }
    }

    pub(crate) fn named_fixture(&self, id: FixtureId) -> Result<usize, String> {
        self.index_of(id).ok_or_else(|| format!("fixture {id} is not known"))
    }

    fn named_market(&self, index: usize, market: MarketId) -> Result<u16, String> {
        let fixture = &self.fixtures[index];
        let found = fixture.template.market_of_id(market).map(|market| market as u16);
        found.ok_or_else(|| format!("fixture {} has no market {:016x}", fixture.id(), market.0))
    }

    pub(crate) fn named_selection(&self, index: usize, selection: SelectionId) -> Result<u16, String> {
        let fixture = &self.fixtures[index];
        let found = fixture.template.selection_of_id(selection).map(|selection| selection as u16);
        found.ok_or_else(|| format!("fixture {} has no selection {:016x}", fixture.id(), selection.0))
    }

    /// A ticket that is in one of these states: a fact about one that is not was decided on another state.
    fn ticket_in(&self, id: TicketId, is_so: impl Fn(TicketState) -> bool) -> Result<u32, String> {
        let index = self.named_ticket(id)?;
        let state = self.tickets[index as usize].state;
        match is_so(state) {
            true => Ok(index),
            false => Err(format!("ticket {:032x} is {}", id.0, state.name())),
        }
    }

    /// A list with an entry for each selection of a market.
    fn fits_market(&self, index: usize, market: u16, what: &str, length: usize) -> Result<(), String> {
        let definition = &self.fixtures[index].template.markets[usize::from(market)];
        let count = definition.selections().len();
        match length == count {
            true => Ok(()),
            false => Err(format!("{length} {what} for {count} selections of {}", definition.key)),
        }
    }

    pub(crate) fn named_ticket(&self, id: TicketId) -> Result<u32, String> {
        self.ticket_index.get(&id).copied().ok_or_else(|| format!("ticket {:032x} is not known", id.0))
    }

    /// Where a leg's fixture and selection are in this state.
    pub(crate) fn place_of(&self, leg: &Leg) -> Result<Place, String> {
        let index = self.named_fixture(leg.fixture)?;
        Ok(Place { fixture: index as u32, selection: self.named_selection(index, leg.selection)? })
    }
}

/// A ticket in this state was accepted, and its legs are graded.
fn is_graded(state: TicketState) -> bool {
    matches!(state, TicketState::Open | TicketState::Settled)
}

fn fits_legs(ticket: &Ticket, length: usize) -> Result<(), String> {
    match length == ticket.legs.len() {
        true => Ok(()),
        false => {
            Err(format!("{length} entries for {} legs of ticket {:032x}", ticket.legs.len(), ticket.id.0))
        }
    }
}

/// A booking's id as the ledger knows it.
pub(crate) fn instruction_of(id: BookingId) -> InstructionId {
    InstructionId::new(id.source, id.transaction, id.number)
}
