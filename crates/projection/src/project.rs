//! One record to its rows.

use std::sync::Arc;

use oddsengine_facts::ticket::{Leg, Ticket};
use oddsengine_facts::{
    ActionEnd, Body, Booking, BookingKind, Channel, Command, Fact, MoneyRequest, OddsChange, Record,
    RecordError, Standing, TicketState, VoidKind, decode_record,
};
use oddsengine_markets::football::FootballIncidentKind;
use oddsengine_markets::racing::RacingIncident;
use oddsengine_markets::tennis::TennisIncidentKind;
use oddsengine_markets::{Incident, LivePhase};
use oddsengine_types::bets::{Bet, Parts};
use oddsengine_types::{AccountKind, CustomerId, FixtureId, Grade, TicketId};
use serde_json::json;

use crate::batch::{Batch, Row, Value};
use crate::detail;
use crate::names::{Name, Names};
use crate::schema::TableId;

/// A record and its number in the journal.
#[derive(Clone, Copy, Debug)]
pub struct Numbered<'a> {
    /// The number.
    pub seq: u64,
    /// The record.
    pub record: &'a Record,
}

/// Turns records, in order, into rows. What it remembers are names alone, and those are rows too.
#[derive(Debug, Default)]
pub struct Projector {
    names: Names,
}

/// Where in the journal a row comes from.
#[derive(Clone, Copy)]
struct At<'a> {
    seq: u64,
    number: usize,
    command: &'a Command,
}

impl Projector {
    /// One that goes on where these names were known: the rows of `selections`.
    pub fn resume(names: impl IntoIterator<Item = Name>) -> Self {
        let mut projector = Self::default();
        names.into_iter().for_each(|name| projector.names.remember(name));
        projector
    }

    /// Reads a record and adds its rows.
    ///
    /// # Errors
    /// Bytes that are no record of this release: nothing is added.
    pub fn take(&mut self, seq: u64, bytes: &[u8], batch: &mut Batch) -> Result<(), RecordError> {
        let record = decode_record(bytes)?;
        self.project(Numbered { seq, record: &record }, batch);
        Ok(())
    }

    /// Adds the rows of a record.
    pub fn project(&mut self, Numbered { seq, record }: Numbered<'_>, batch: &mut Batch) {
        let Record { command, facts } = record;
        batch.record_count += 1;
        for (number, fact) in facts.iter().enumerate() {
            self.fact(At { seq, number, command }, fact, batch);
        }
        self.staff_action(seq, record, batch);
    }

    /// One fact. Of those that leave nothing here it is said why.
    fn fact(&mut self, at: At<'_>, fact: &Fact, batch: &mut Batch) {
        match fact {
            Fact::EpochStarted { epoch, back_ns } => {
                batch.append(TableId::Epochs, at.row([(*epoch).into(), (*back_ns).into()]));
            }
            Fact::ReleaseStarted { release, config } => {
                let detail = json!({ "release": release, "config": detail::config(config) });
                change(at, "release_started", String::new(), detail, batch);
            }
            Fact::Configured(config) => {
                change(at, "configured", String::new(), detail::config(config), batch);
            }
            Fact::ScopeSet { scope, settings } => {
                let scope = detail::scope(scope, &self.names);
                batch.put(
                    TableId::Limits,
                    vec![
                        scope.clone().into(),
                        settings.margin.map(|margin| margin.method.name()).into(),
                        settings.margin.map(|margin| margin.booksum_e4).into(),
                        settings.loss_minor_max.into(),
                        settings.bet_delay_ms.into(),
                        settings.feed_silence_ms.into(),
                        at.command.time_ns.into(),
                        at.seq.into(),
                    ],
                );
                change(at, "scope_set", scope, detail::settings(settings), batch);
            }
            Fact::SpaceDefined(space) => {
                let found = self.names.learn_space(space);
                put_names(found, batch);
                let detail = json!({ "outcome_count": space.outcome_count, "markets": space.markets.len() });
                change(at, "space_defined", space.name.clone(), detail, batch);
            }
            Fact::FixtureAdded(request) => {
                let found = self.names.learn_format(&request.format);
                put_names(found, batch);
                batch.put(
                    TableId::Fixtures,
                    vec![
                        id(request.fixture),
                        detail::sport(request.sport()).into(),
                        request.competition.clone().into(),
                        request.start_ns.into(),
                        request.home.clone().into(),
                        request.away.clone().into(),
                        at.seq.into(),
                        0_i64.into(),
                        Value::Null,
                        Value::Null,
                        "".into(),
                        void_name(VoidKind::Nothing).into(),
                        at.seq.into(),
                    ],
                );
            }
            // What a model computes from: numbers that mean something to the model alone.
            Fact::ParametersSet { .. } => {}
            Fact::ExpectationSet { fixture, expectation } => {
                let detail = expectation.as_deref().map_or_else(|| json!({}), detail::expectation);
                change(at, "expectation_set", format!("fixture:{fixture}"), detail, batch);
            }
            Fact::IncidentTaken { fixture, incident, interrupts: _ } => {
                self.incident(at, *fixture, incident, batch);
            }
            Fact::StopsChanged { fixture, stops, model_fault } => {
                let names = detail::stops(*stops);
                patch_fixture(at, *fixture, &[("stops", names.clone().into())], batch);
                let detail = json!({ "stops": names, "model_fault": model_fault.map(|fault| fault.name()) });
                change(at, "stops_changed", format!("fixture:{fixture}"), detail, batch);
            }
            Fact::StartWaived { fixture } => {
                change(at, "start_waived", format!("fixture:{fixture}"), json!({}), batch);
            }
            Fact::MarketSet { fixture, market, desk, interrupts: _ } => {
                let subject = format!("market:{fixture}/{}", self.names.market(*market));
                let detail = desk.as_deref().map_or_else(|| json!({}), detail::market);
                change(at, "market_set", subject, detail, batch);
            }
            // It refuses bets that wait, and those are decisions of their own.
            Fact::Interrupted { .. } => {}
            Fact::GradesTold { fixture, market, grades, by_desk } => {
                let subject = format!("market:{fixture}/{}", self.names.market(*market));
                let grades: Option<Vec<String>> =
                    grades.as_ref().map(|grades| grades.iter().map(Grade::to_string).collect());
                change(at, "grades_told", subject, json!({ "grades": grades, "by_desk": by_desk }), batch);
            }
            Fact::ResultHeld { fixture, market, until_ns, is_correction } => {
                let subject = format!("market:{fixture}/{}", self.names.market(*market));
                let detail = json!({ "until_ns": until_ns, "is_correction": is_correction });
                change(at, "result_held", subject, detail, batch);
            }
            Fact::ReviewSet { fixture, market, why } => {
                let subject = match market {
                    Some(market) => format!("market:{fixture}/{}", self.names.market(*market)),
                    None => format!("fixture:{fixture}"),
                };
                change(at, "review_set", subject, json!({ "why": why }), batch);
            }
            Fact::AnnulmentOrdered { number, request, is_until_given: _, forgotten } => {
                let market = request.market.map(|market| self.names.market(market).to_string());
                batch.put(
                    TableId::Annulments,
                    vec![
                        (*number).into(),
                        format!("{:032x}", request.annulment).into(),
                        request.effect.name().into(),
                        request.customer.map(id).into(),
                        request.fixture.map(id).into(),
                        market.into(),
                        request.from_ns.into(),
                        request.until_ns.into(),
                        request.why.clone().into(),
                        0_i64.into(),
                        "ordered".into(),
                        at.command.time_ns.into(),
                        at.seq.into(),
                    ],
                );
                if let Some(forgotten) = forgotten {
                    let state = [("state", "final".into()), ("changed_seq", at.seq.into())];
                    batch.patch(TableId::Annulments, &[(*forgotten).into()], &state);
                }
            }
            Fact::AnnulmentTakenBack { number } => {
                let state = [("state", "taken_back".into()), ("changed_seq", at.seq.into())];
                batch.patch(TableId::Annulments, &[(*number).into()], &state);
            }
            Fact::AnnulmentAdvanced { number, changed, next: _ } => {
                let more = [("changed_count", i64::from(*changed).into()), ("changed_seq", at.seq.into())];
                batch.patch(TableId::Annulments, &[(*number).into()], &more);
            }
            Fact::TicketMarked { ticket, marks } => {
                let annulled = marks.cancelled_by != 0 || marks.void_by.iter().any(|&by| by != 0);
                let kind = match (annulled, marks.standing_legs != 0) {
                    (true, _) => "annulled",
                    (false, true) => "stands",
                    (false, false) => "annulment_taken_back",
                };
                settlement(at, *ticket, kind, 0, 0, batch);
            }
            Fact::TicketReinstated { ticket } => {
                let changes = [
                    ("state", TicketState::Open.name().into()),
                    ("paid_minor", 0_i64.into()),
                    ("settlement_count", 1_i64.into()),
                    ("is_stuck", 0_i64.into()),
                ];
                patch_ticket(at, *ticket, &changes, batch);
                settlement(at, *ticket, "reinstated", 0, 0, batch);
            }
            Fact::ActionPending { action } => {
                let detail = json!({
                    "command": action.body.cause(),
                    "source": action.origin.source,
                    "key": action.origin.principal.key,
                    "staff": action.origin.principal.staff,
                    "expires_ns": action.expires_ns,
                    "ticket_count": action.ticket_count,
                    "money_minor": action.money_minor,
                });
                change(at, "action_pending", format!("action:{}", action.number), detail, batch);
            }
            Fact::ActionEnded { number, end } => {
                let end = match end {
                    ActionEnd::Approved => "approved",
                    ActionEnd::Declined => "declined",
                    ActionEnd::Expired => "expired",
                };
                change(at, "action_ended", format!("action:{number}"), json!({ "end": end }), batch);
            }
            Fact::FixtureVoided { fixture, void, by_desk, interrupts: _ } => {
                patch_fixture(at, *fixture, &[("void", void_name(*void).into())], batch);
                let detail = json!({ "void": void_name(*void), "by_desk": by_desk });
                change(at, "fixture_voided", format!("fixture:{fixture}"), detail, batch);
            }
            Fact::Graded { fixture, selections } => {
                for graded in selections {
                    let (market, selection) = self.names.of(graded.selection);
                    batch.put(
                        TableId::Results,
                        vec![
                            id(*fixture),
                            Value::Shared(market),
                            Value::Shared(selection),
                            grade(graded.grade),
                            at.command.time_ns.into(),
                            at.seq.into(),
                            1_i64.into(),
                        ],
                    );
                }
            }
            Fact::CustomerSet { customer, factor_e3 } => {
                batch.put(
                    TableId::Customers,
                    vec![id(*customer), (*factor_e3).into(), at.command.time_ns.into(), at.seq.into()],
                );
                let detail = json!({ "factor_e3": factor_e3 });
                change(at, "customer_set", format!("customer:{customer}"), detail, batch);
            }
            Fact::SwitchSet { scope, switch } => {
                let detail = switch.as_ref().map(|switch| {
                    json!({ "owner": switch.owner, "reason": switch.reason, "since_ns": switch.since_ns })
                });
                let subject = detail::switch(scope, &self.names);
                change(
                    at,
                    "switch_set",
                    subject,
                    json!({ "is_off": switch.is_some(), "switch": detail }),
                    batch,
                );
            }
            Fact::StandingSet { customer, standing, reason } => {
                let until_ns = match standing {
                    Standing::SelfExcluded(until_ns) => Some(until_ns),
                    _ => None,
                };
                let detail = json!({ "standing": standing.name(), "until_ns": until_ns, "reason": reason });
                change(at, "standing_set", format!("customer:{customer}"), detail, batch);
            }
            Fact::CustomerTermsSet { customer, terms } => {
                let detail = detail::terms(terms);
                change(at, "customer_terms_set", format!("customer:{customer}"), detail, batch);
            }
            Fact::OwnLimitSet { customer, limit } => {
                let detail = detail::own_limit(limit);
                change(at, "own_limit_set", format!("customer:{customer}"), detail, batch);
            }
            Fact::OwnLimitEnded { customer, kind, period } => {
                let detail = json!({ "kind": kind.name(), "period": period.name() });
                change(at, "own_limit_ended", format!("customer:{customer}"), detail, batch);
            }
            // The engine forgets the oldest refused ticket; what was decided on it is kept here.
            Fact::TicketDecided { ticket, forgotten: _ } => self.decided(at, ticket, batch),
            // What follows in the same record decides it.
            Fact::DelayEnded { .. } => {}
            Fact::TicketHeld { ticket, due_ns } => {
                patch_ticket(at, *ticket, &[("due_ns", (*due_ns).into())], batch);
            }
            Fact::LegsGraded { ticket, legs } => {
                let key = ticket_text(*ticket);
                for (leg, graded) in legs.iter().enumerate() {
                    let change = [("grade", grade(graded.grade))];
                    batch.patch(TableId::Legs, &[(&key).into(), leg.into()], &change);
                }
            }
            // What rides on a leg in the books: the engine's measure, and none of money.
            Fact::Weighed { .. } | Fact::WeighingAdvanced { .. } => {}
            // How far work in slices has come: what was done stands beside it.
            Fact::SettlingAdvanced { .. } => {}
            // What the engine keeps in memory: the tables keep every ticket, fixture and transfer.
            Fact::TicketsArchived { .. } | Fact::ArchivingPutOff { .. } | Fact::TicketRecalled { .. } => {}
            Fact::FixturesArchived { .. } | Fact::FixturesPutOff { .. } | Fact::FixtureRecalled { .. } => {}
            Fact::MoneyArchived { .. } | Fact::MoneyRecalled { .. } => {}
            Fact::TicketPaid { ticket, paid_minor, takes_back } => {
                let changes = [
                    ("state", TicketState::Settled.name().into()),
                    ("paid_minor", (*paid_minor).into()),
                    ("settlement_count", 1_i64.into()),
                    ("settled_ns", at.command.time_ns.into()),
                    ("payment_due_ns", 0_i64.into()),
                    ("is_stuck", 0_i64.into()),
                ];
                patch_ticket(at, *ticket, &changes, batch);
                let kind = if *takes_back { "resettled" } else { "paid" };
                settlement(at, *ticket, kind, *paid_minor, 0, batch);
            }
            Fact::TicketReopened { ticket } => {
                let changes = [
                    ("state", TicketState::Open.name().into()),
                    ("paid_minor", 0_i64.into()),
                    ("is_stuck", 0_i64.into()),
                ];
                patch_ticket(at, *ticket, &changes, batch);
                settlement(at, *ticket, "reopened", 0, 0, batch);
            }
            Fact::PaymentDue { ticket, due_ns } => {
                let due = due_ns.unwrap_or(0);
                let changes = [("payment_due_ns", due.into()), ("is_stuck", 0_i64.into())];
                patch_ticket(at, *ticket, &changes, batch);
                let kind = if due_ns.is_some() { "payment_due" } else { "payment_withheld" };
                settlement(at, *ticket, kind, 0, due, batch);
            }
            Fact::TicketStuck { ticket } => {
                patch_ticket(at, *ticket, &[("is_stuck", 1_i64.into())], batch);
                settlement(at, *ticket, "stuck", 0, 0, batch);
            }
            Fact::TicketCancelled { ticket } => {
                let changes = [
                    ("state", TicketState::Cancelled.name().into()),
                    ("paid_minor", 0_i64.into()),
                    ("payment_due_ns", 0_i64.into()),
                    ("is_stuck", 0_i64.into()),
                ];
                patch_ticket(at, *ticket, &changes, batch);
                settlement(at, *ticket, "cancelled", 0, 0, batch);
            }
            Fact::Booked { bookings } => {
                for (place, booking) in bookings.iter().enumerate() {
                    posting(at, place, booking, batch);
                }
            }
            Fact::MoneyRefused { request, reason } => {
                let MoneyRequest { transfer, customer, amount_minor, currency: _ } = request;
                let kind = match at.command.body {
                    Body::Withdraw(_) => "withdraw",
                    _ => "deposit",
                };
                refusal(
                    at,
                    kind,
                    reason.name(),
                    String::new(),
                    [
                        Value::Null,
                        Value::Null,
                        id(*customer),
                        format!("{:032x}", transfer.0).into(),
                        (*amount_minor).into(),
                    ],
                    batch,
                );
            }
            Fact::TicketConflict { ticket } => {
                let customer = match &at.command.body {
                    Body::PlaceTicket(request) => id(request.customer),
                    _ => Value::Null,
                };
                let about = [Value::Null, (&ticket_text(*ticket)).into(), customer, Value::Null, Value::Null];
                refusal(at, "ticket", "id_has_another_body", String::new(), about, batch);
            }
            Fact::Refused { reason, detail } => {
                let about = [
                    at.command.body.subject().map(id).into(),
                    Value::Null,
                    Value::Null,
                    Value::Null,
                    Value::Null,
                ];
                refusal(at, "command", reason.name(), detail.clone(), about, batch);
            }
            Fact::SourceReset { source } => {
                change(at, "source_reset", source.clone(), json!({}), batch);
            }
            // The life of feeds, a fact a message: what it leads to (stops, alerts) is here.
            Fact::FixtureHeard { .. }
            | Fact::SourceHeard { .. }
            | Fact::SourceRepeated { .. }
            | Fact::SourceLost { .. }
            | Fact::SourceAlive { .. }
            | Fact::SourcesForgotten { .. } => {}
            Fact::Alerted { alert, fixture, message } => {
                let rest = [alert.clone().into(), fixture.map(id).into(), message.clone().into()];
                batch.append(TableId::Alerts, at.row(rest));
            }
        }
    }

    fn incident(&self, at: At<'_>, fixture: FixtureId, incident: &Incident, batch: &mut Batch) {
        let pair = |(home, away): (u16, u16)| (Some(i64::from(home)), Some(i64::from(away)));
        let (clock_ms, (home, away)) = match incident {
            Incident::Football(told) => (Some(told.clock_ms), told.score_after.map_or((None, None), pair)),
            Incident::Custom(told) => (Some(told.clock_ms), pair(told.score)),
            Incident::Tennis(told) => {
                let sets = told.score_after.sets.map(|[home, away]| (home.into(), away.into()));
                (Some(told.clock_ms), sets.map_or((None, None), pair))
            }
            Incident::Racing(_) => (None, (None, None)),
        };
        let starts = match incident {
            Incident::Football(told) => told.kind == FootballIncidentKind::KickOff,
            Incident::Custom(told) => told.phase == LivePhase::InPlay,
            Incident::Tennis(told) => matches!(told.kind, TennisIncidentKind::Start(_)),
            Incident::Racing(told) => *told == RacingIncident::Off,
        };
        let rest = [
            id(fixture),
            incident.name().into(),
            clock_ms.into(),
            home.into(),
            away.into(),
            at.command.origin.source.clone().into(),
        ];
        batch.append(TableId::Incidents, at.row(rest));
        let mut changes = vec![("score_home", home.into()), ("score_away", away.into())];
        if starts {
            changes.push(("started_ns", at.command.time_ns.into()));
        }
        patch_fixture(at, fixture, &changes, batch);
    }

    fn decided(&self, at: At<'_>, ticket: &Ticket, batch: &mut Batch) {
        let key = ticket_text(ticket.id);
        let reason = ticket.reason().map_or("", |reason| reason.name());
        let binding = ticket.binding();
        batch.put(
            TableId::Tickets,
            vec![
                (&key).into(),
                id(ticket.customer),
                ticket.terms.currency.code().to_owned().into(),
                ticket.terms.plan.name().into(),
                ticket.legs.len().into(),
                line_count(&ticket.terms.bets).into(),
                bets_json(&ticket.terms.bets).into(),
                ticket.stake_minor.into(),
                ticket.terms.bonus_minor.into(),
                ticket.terms.free_minor.into(),
                odds_change(ticket.odds_change),
                odds_product_e4(&ticket.legs).into(),
                ticket.payout_minor_max.into(),
                ticket.received_ns.into(),
                ticket.decided_ns.into(),
                reason.into(),
                binding.map_or("", |check| check.level.name()).into(),
                binding.map(|check| check.stake_minor_max).into(),
                at.seq.into(),
                channel(at.command.origin.channel).into(),
                ticket.handling.as_ref().map_or(ticket.stake_minor, |handling| handling.asked_minor).into(),
                binding
                    .and_then(|check| check.window)
                    .map_or(String::new(), |name| name.as_str().to_owned())
                    .into(),
                match ticket.offer() {
                    None => "",
                    Some(offer) if offer.is_taken => "taken",
                    Some(_) if matches!(ticket.state, TicketState::Reoffered(_)) => "open",
                    Some(_) => "ended",
                }
                .into(),
                match ticket.referral() {
                    None => "",
                    Some(referral) => referral.verdict.map_or("open", |verdict| verdict.name()),
                }
                .into(),
                ticket.referral().map_or(String::new(), |referral| referral.by.clone()).into(),
                ticket.state.name().into(),
                ticket.due_ns.into(),
                ticket.paid_minor.into(),
                ticket.settlement_count.into(),
                0_i64.into(),
                0_i64.into(),
                0_i64.into(),
                at.seq.into(),
            ],
        );
        batch.cut_legs(&key, ticket.legs.len());
        for (place, leg) in ticket.legs.iter().enumerate() {
            let (market, selection) = self.names.of(leg.selection);
            batch.put(
                TableId::Legs,
                vec![
                    (&key).into(),
                    place.into(),
                    id(leg.fixture),
                    (&market).into(),
                    (&selection).into(),
                    leg.odds_e4.into(),
                    (!leg.is_to_win()).then(|| i64::from(leg.place_of)).into(),
                    i64::from(leg.place_fraction_of).into(),
                    leg.fair_probability_e9.into(),
                    grade(leg.grade),
                ],
            );
            if !leg.is_to_win() {
                // A place is paid at a part of the odds to win: no price of its own was looked at.
                continue;
            }
            batch.append(
                TableId::PriceDecisions,
                vec![
                    at.seq.into(),
                    at.number.into(),
                    place.into(),
                    at.command.time_ns.into(),
                    (&key).into(),
                    ticket.state.name().into(),
                    reason.into(),
                    id(leg.fixture),
                    Value::Shared(market),
                    Value::Shared(selection),
                    leg.requested_odds_e4.into(),
                    leg.offered_odds_e4.into(),
                    leg.odds_e4.into(),
                    leg.fair_probability_e9.into(),
                    leg.quoted_version.epoch.into(),
                    leg.quoted_version.seq.into(),
                    leg.version.epoch.into(),
                    leg.version.seq.into(),
                    leg.score.0.into(),
                    leg.score.1.into(),
                    leg.clock_ms.into(),
                ],
            );
        }
    }

    fn staff_action(&self, seq: u64, record: &Record, batch: &mut Batch) {
        let Record { command, facts } = record;
        let origin = &command.origin;
        let is_service = matches!(
            command.body,
            Body::PlaceTicket(_) | Body::Deposit(_) | Body::Withdraw(_) | Body::Heartbeat | Body::Tick { .. }
        );
        if origin.channel != Channel::Desk || is_service && origin.principal.staff.is_empty() {
            return;
        }
        let (mut market, mut ticket, mut customer, mut amount) =
            (Value::Null, Value::Null, Value::Null, Value::Null);
        let mut override_by = String::new();
        match &command.body {
            Body::Suspend { market: of, .. } | Body::Resume { market: of, .. } => {
                market = of.map(|of| Value::Shared(self.names.market(of))).unwrap_or(Value::Null);
            }
            Body::SetManualOdds { market: of, override_by: by, .. } => {
                market = Value::Shared(self.names.market(*of));
                override_by.clone_from(by);
            }
            Body::LockMarket { market: of, .. } | Body::SettleMarket { market: of, .. } => {
                market = Value::Shared(self.names.market(*of));
            }
            Body::SetCustomer { customer: of, .. }
            | Body::SetStanding { customer: of, .. }
            | Body::SetCustomerTerms { customer: of, .. }
            | Body::ConfirmOwnLimit { customer: of, .. } => customer = id(*of),
            Body::SetOwnLimit { customer: of, limit_minor, .. } => {
                (customer, amount) = (id(*of), (*limit_minor).into());
            }
            Body::TellResult(result) => market = Value::Shared(self.names.market(result.market)),
            Body::SetReview { market: of, .. } => {
                market = of.map(|of| Value::Shared(self.names.market(of))).unwrap_or(Value::Null);
            }
            Body::Annul(request) => {
                market = request.market.map(|of| Value::Shared(self.names.market(of))).unwrap_or(Value::Null);
                customer = request.customer.map(id).into();
            }
            Body::CancelTicket { ticket: of } => ticket = (&ticket_text(*of)).into(),
            Body::AnswerOffer { ticket: of, customer: whose, .. } => {
                (ticket, customer) = ((&ticket_text(*of)).into(), id(*whose));
            }
            Body::RuleReferral { ticket: of, ruling } => {
                (ticket, amount) = ((&ticket_text(*of)).into(), ruling.stake_minor.into());
            }
            Body::PlaceTicket(request) => {
                ticket = (&ticket_text(request.ticket)).into();
                (customer, amount) = (id(request.customer), request.stake_minor.into());
            }
            Body::Deposit(request) | Body::Withdraw(request) => {
                (customer, amount) = (id(request.customer), request.amount_minor.into());
            }
            _ => {}
        }
        let reason = facts.iter().find_map(|fact| match fact {
            Fact::Refused { reason, .. } | Fact::MoneyRefused { reason, .. } => Some(reason.name()),
            // Of a trader it is what they decided.
            Fact::TicketDecided { ticket, .. } if !matches!(command.body, Body::RuleReferral { .. }) => {
                ticket.reason().map(|reason| reason.name())
            }
            Fact::TicketConflict { .. } => Some("id_has_another_body"),
            _ => None,
        });
        let did = facts.iter().any(|fact| !matches!(fact, Fact::SourceHeard { .. }));
        let outcome = match (reason, did) {
            (Some(_), _) => "refused",
            (None, true) => "done",
            (None, false) => "nothing",
        };
        batch.append(
            TableId::StaffActions,
            vec![
                seq.into(),
                command.time_ns.into(),
                command.body.cause().into(),
                command.body.subject().map(id).into(),
                market,
                ticket,
                customer,
                amount,
                override_by.into(),
                outcome.into(),
                reason.unwrap_or("").into(),
                origin.source.clone().into(),
                origin.principal.key.clone().into(),
                origin.principal.service.clone().into(),
                origin.principal.staff.clone().into(),
            ],
        );
    }
}

impl At<'_> {
    /// A row of a table that is appended to: record, fact, time, and the rest.
    fn row<const N: usize>(&self, rest: [Value; N]) -> Row {
        let mut row = Vec::with_capacity(N + 3);
        row.extend([self.seq.into(), self.number.into(), self.command.time_ns.into()]);
        row.extend(rest);
        row
    }

    fn who(&self) -> [Value; 6] {
        let origin = &self.command.origin;
        [
            self.command.body.cause().into(),
            channel(origin.channel).into(),
            origin.source.clone().into(),
            origin.principal.key.clone().into(),
            origin.principal.service.clone().into(),
            origin.principal.staff.clone().into(),
        ]
    }
}

/// Ids that are numbers are their decimal digits.
fn id(id: impl std::fmt::Display) -> Value {
    id.to_string().into()
}

fn ticket_text(ticket: TicketId) -> Arc<str> {
    format!("{:032x}", ticket.0).into()
}

fn grade(grade: Option<Grade>) -> Value {
    match grade {
        None => "open".into(),
        Some(Grade::WON) => "won".into(),
        Some(Grade::LOST) => "lost".into(),
        Some(Grade::VOID) => "void".into(),
        Some(other) => other.to_string().into(),
    }
}

fn void_name(void: VoidKind) -> &'static str {
    match void {
        VoidKind::Nothing => "nothing",
        VoidKind::Everything => "everything",
        VoidKind::Undecided => "undecided",
    }
}

fn channel(channel: Channel) -> &'static str {
    match channel {
        Channel::Runtime => "runtime",
        Channel::Feed => "feed",
        Channel::Desk => "desk",
    }
}

fn odds_change(change: OddsChange) -> Value {
    match change {
        OddsChange::None => "none".into(),
        OddsChange::Higher => "higher".into(),
        OddsChange::Any => "any".into(),
        OddsChange::Within(hundredths) => format!("within_{hundredths}").into(),
    }
}

fn line_count(bets: &[Bet]) -> i64 {
    let lines: u64 = bets.iter().map(|bet| bet.lines().unwrap_or(0)).sum();
    if bets.is_empty() { 1 } else { lines as i64 }
}

fn bets_json(bets: &[Bet]) -> String {
    let json = |bet: &Bet| {
        let parts = match bet.parts {
            Parts::Win => "win",
            Parts::Place => "place",
            Parts::EachWay => "each_way",
            Parts::EquallyDivided => "equally_divided",
        };
        let Bet { legs, bankers, sizes, stake_minor, .. } = bet;
        format!(
            "{{\"legs\":{legs},\"bankers\":{bankers},\"sizes\":{sizes},\"line_stake_minor\":{stake_minor},\"parts\":\"{parts}\"}}"
        )
    };
    let all: Vec<String> = bets.iter().map(json).collect();
    if all.is_empty() { String::new() } else { format!("[{}]", all.join(",")) }
}

fn odds_product_e4(legs: &[Leg]) -> i64 {
    let product = legs.iter().fold(10_000_u128, |product, leg| {
        (product * u128::from(leg.odds_e4) / 10_000).min(i64::MAX.unsigned_abs().into())
    });
    i64::try_from(product).unwrap_or(i64::MAX)
}

fn put_names(names: Vec<Name>, batch: &mut Batch) {
    for Name { selection_id, market, selection } in names {
        let market_id = oddsengine_markets::MarketId::of(&market);
        batch.put(
            TableId::Selections,
            vec![
                format!("{selection_id:016x}").into(),
                format!("{:016x}", market_id.0).into(),
                Value::Shared(market),
                Value::Shared(selection),
            ],
        );
    }
}

fn change(at: At<'_>, kind: &'static str, subject: String, detail: serde_json::Value, batch: &mut Batch) {
    let mut row = at.row([kind.into(), subject.into(), detail.to_string().into()]);
    row.extend(at.who());
    batch.append(TableId::Changes, row);
}

fn patch_fixture(at: At<'_>, fixture: FixtureId, changes: &[(&str, Value)], batch: &mut Batch) {
    let key = [id(fixture)];
    batch.patch(TableId::Fixtures, &key, changes);
    batch.patch(TableId::Fixtures, &key, &[("changed_seq", at.seq.into())]);
}

fn patch_ticket(at: At<'_>, ticket: TicketId, changes: &[(&str, Value)], batch: &mut Batch) {
    let key = [(&ticket_text(ticket)).into()];
    batch.patch(TableId::Tickets, &key, changes);
    batch.patch(TableId::Tickets, &key, &[("changed_seq", at.seq.into())]);
}

fn settlement(
    at: At<'_>,
    ticket: TicketId,
    kind: &'static str,
    paid_minor: i64,
    due_ns: i64,
    batch: &mut Batch,
) {
    let mut row = at.row([(&ticket_text(ticket)).into(), kind.into(), paid_minor.into(), due_ns.into()]);
    row.extend(at.who());
    batch.append(TableId::Settlements, row);
}

fn posting(at: At<'_>, place: usize, booking: &Booking, batch: &mut Batch) {
    let Booking { id: of, kind, debit, credit, currency, amount_minor } = *booking;
    let (name, pending) = match kind {
        BookingKind::Moved => ("moved", None),
        BookingKind::Reserved => ("reserved", None),
        BookingKind::Posted { pending } => ("posted", Some(pending.number)),
        BookingKind::Voided { pending } => ("voided", Some(pending.number)),
    };
    let origin = match of.source.0 {
        1 => "transfer".into(),
        2 => "ticket".into(),
        other => Value::from(format!("source_{other}")),
    };
    let currency: Value = currency.code().to_owned().into();
    let owner = |account: AccountKind| account.customer().map(|customer: CustomerId| id(customer));
    batch.append(
        TableId::Postings,
        vec![
            at.seq.into(),
            at.number.into(),
            place.into(),
            at.command.time_ns.into(),
            origin,
            format!("{:032x}", of.transaction).into(),
            of.number.into(),
            name.into(),
            pending.into(),
            detail::account(debit).into(),
            owner(debit).unwrap_or(Value::Null),
            detail::account(credit).into(),
            owner(credit).unwrap_or(Value::Null),
            currency.clone(),
            amount_minor.into(),
            at.command.body.cause().into(),
        ],
    );
    let mut change = |account: AccountKind, balance_minor: i64, reserved_minor: i64| {
        batch.put(
            TableId::Balances,
            vec![
                detail::account(account).into(),
                owner(account).unwrap_or_else(|| "".into()),
                currency.clone(),
                balance_minor.into(),
                reserved_minor.into(),
            ],
        );
    };
    // A posting takes its reservation whole: the ledger books it so, and both carry the same amount.
    let (moves, reserves_minor) = match kind {
        BookingKind::Moved => (true, 0),
        BookingKind::Reserved => (false, amount_minor),
        BookingKind::Posted { .. } => (true, -amount_minor),
        BookingKind::Voided { .. } => (false, -amount_minor),
    };
    let moved_minor = if moves { amount_minor } else { 0 };
    change(debit, -moved_minor, reserves_minor);
    change(credit, moved_minor, 0);
}

fn refusal(
    at: At<'_>,
    kind: &'static str,
    reason: &'static str,
    detail: String,
    about: [Value; 5],
    batch: &mut Batch,
) {
    let origin = &at.command.origin;
    let mut row = at.row([kind.into(), at.command.body.cause().into(), reason.into(), detail.into()]);
    row.extend(about);
    row.extend([origin.source.clone().into(), origin.principal.key.clone().into()]);
    batch.append(TableId::Refusals, row);
}
