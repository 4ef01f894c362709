//! What is void or cancelled of many tickets at once, reviews, results that are not sure, and second persons: all of it found
//! by looking at every ticket.

use oddsengine_engine::{
    ActionEnd, AnnulmentEffect, AnnulmentRequest, Body, Certainty, Channel, Command, CorrectionRule, Origin,
    PendingAction, Reason, ResultTold, Ticket, TicketMarks, TicketState, VoidKind,
};
use oddsengine_markets::MarketId;
use oddsengine_types::{FixtureId, Grade};

use super::money::Account;
use super::settling::payout_minor;
use super::{Naive, NaiveTicket, Verdict};
use crate::told::Answer;

/// Tickets of one slice: at once, and by each tick.
const AT_ONCE: usize = 64;
const PER_TICK: usize = 4;

/// An annulment as it was ordered.
#[derive(Clone, Debug, PartialEq)]
pub struct NaiveAnnulment {
    /// Its number.
    pub number: u32,
    /// What is covered, until a time that is known.
    pub request: AnnulmentRequest,
    /// As it was asked.
    pub asked: AnnulmentRequest,
    /// It was taken back.
    pub is_taken_back: bool,
    /// The place of the ticket that is looked at next, while there is one.
    pub next_place: Option<usize>,
}

impl Naive {
    fn leg_is_covered(&self, request: &AnnulmentRequest, ticket: &Ticket, leg: usize) -> bool {
        let leg = &ticket.legs[leg];
        let is_on_market = request.market.is_none_or(|market| {
            self.market_of(leg.place.fixture as usize, leg.place.selection)
                .is_some_and(|(_, key)| MarketId::of(&key) == market)
        });
        let is_of = request.customer.is_none_or(|customer| customer == ticket.customer)
            && request.fixture.is_none_or(|fixture| fixture == leg.fixture);
        let is_then = request.from_ns.is_none_or(|from_ns| ticket.decided_ns >= from_ns)
            && request.until_ns.is_none_or(|until_ns| ticket.decided_ns < until_ns);
        is_on_market && is_of && is_then
    }

    fn market_of(&self, fixture: usize, selection: u16) -> Option<(usize, String)> {
        let template = self.fixtures[fixture].space.template;
        let market = usize::from(template.selections.get(usize::from(selection))?.market);
        Some((market, template.markets[market].key.clone()))
    }

    fn is_covered(&self, request: &AnnulmentRequest, ticket: &Ticket) -> bool {
        let was_accepted =
            matches!(ticket.state, TicketState::Open | TicketState::Settled | TicketState::Cancelled);
        was_accepted && (0..ticket.legs.len()).any(|leg| self.leg_is_covered(request, ticket, leg))
    }

    fn until_now(&self, asked: &AnnulmentRequest) -> Result<AnnulmentRequest, Reason> {
        match (asked.fixture, asked.market) {
            (None, Some(_)) => return Err(Reason::ValueOutOfBounds),
            (Some(fixture), market) => {
                let index = self.known_fixture(fixture)?;
                market.map(|market| self.market(index, market)).transpose()?;
            }
            (None, None) if asked.customer.is_none() && asked.from_ns.is_none() => {
                return Err(Reason::ValueOutOfBounds);
            }
            (None, None) => {}
        }
        let until_ns = asked.until_ns.map_or(self.now_ns + 1, |until_ns| until_ns.min(self.now_ns + 1));
        if asked.from_ns.is_some_and(|from_ns| from_ns >= until_ns) {
            return Err(Reason::ValueOutOfBounds);
        }
        Ok(AnnulmentRequest { until_ns: Some(until_ns), ..asked.clone() })
    }

    fn annul(&mut self, asked: &AnnulmentRequest, answers: &mut Vec<Answer>) -> Verdict {
        if let Some(known) = self.annulments.iter().find(|known| known.asked.annulment == asked.annulment) {
            // A time that was cut to that of the order was not given; and who gives none means that one.
            let is_open = known.asked.until_ns != known.request.until_ns || asked.until_ns.is_none();
            let without = |request: &AnnulmentRequest| AnnulmentRequest { until_ns: None, ..request.clone() };
            let is_same =
                if is_open { without(&known.asked) == without(asked) } else { known.asked == *asked };
            return if is_same { Ok(()) } else { Err(Reason::IdHasAnotherBody) };
        }
        let request = self.until_now(asked)?;
        let number = self.annulments.len() as u32 + 1;
        let asked = asked.clone();
        let known = NaiveAnnulment { number, request, asked, is_taken_back: false, next_place: Some(0) };
        self.annulments.push(known);
        self.go_on(number, AT_ONCE, answers);
        Ok(())
    }

    fn take_back_annulment(&mut self, annulment: u128, answers: &mut Vec<Answer>) -> Verdict {
        let known = self.annulments.iter_mut().find(|known| known.asked.annulment == annulment);
        let known = known.ok_or(Reason::AnnulmentNotFound)?;
        if !known.is_taken_back {
            (known.is_taken_back, known.next_place) = (true, Some(0));
            let number = known.number;
            self.go_on(number, AT_ONCE, answers);
        }
        Ok(())
    }

    /// The first annulment that is under way goes on by a tick's share.
    pub(super) fn annul_due(&mut self, answers: &mut Vec<Answer>) {
        if let Some(known) = self.annulments.iter().find(|known| known.next_place.is_some()) {
            self.go_on(known.number, PER_TICK, answers);
        }
    }

    fn go_on(&mut self, number: u32, count_max: usize, answers: &mut Vec<Answer>) {
        let known = self.annulments[number as usize - 1].clone();
        let from = known.next_place.expect("it is under way");
        let is_left =
            |ticket: &&NaiveTicket| ticket.place >= from && self.is_covered(&known.request, &ticket.ticket);
        let mut places: Vec<usize> = self.tickets.iter().filter(is_left).map(|known| known.place).collect();
        places.sort_unstable();
        let next = places.get(count_max).copied();
        places.truncate(count_max);
        places.into_iter().for_each(|place| self.reconcile(place, answers));
        self.annulments[number as usize - 1].next_place = next;
    }

    /// What came back from the archive is as the annulments say by now.
    pub(super) fn reconcile_tickets(&mut self, tickets: &[Ticket], answers: &mut Vec<Answer>) {
        for ticket in tickets {
            let known = self.tickets.iter().find(|known| known.ticket.id == ticket.id);
            let Some(place) = known.map(|known| known.place) else { continue };
            self.reconcile(place, answers);
        }
    }

    fn marks_by_annulments(&self, ticket: &Ticket) -> TicketMarks {
        let first = |effect: AnnulmentEffect, leg: usize| {
            let covering = self.annulments.iter().find(|known| {
                !known.is_taken_back
                    && known.request.effect == effect
                    && self.leg_is_covered(&known.request, ticket, leg)
            });
            covering.map_or(0, |known| known.number)
        };
        let legs = 0..ticket.legs.len();
        let mut void_by: Vec<u32> = legs.clone().map(|leg| first(AnnulmentEffect::VoidLegs, leg)).collect();
        if void_by.iter().sum::<u32>() == 0 {
            void_by = Vec::new();
        }
        let cancelling = legs.map(|leg| first(AnnulmentEffect::CancelTickets, leg)).filter(|&by| by > 0);
        TicketMarks { void_by, cancelled_by: cancelling.min().unwrap_or(0), ..ticket.marks.clone() }
    }

    fn reconcile(&mut self, place: usize, answers: &mut Vec<Answer>) {
        let index = self.tickets.iter().position(|known| known.place == place).expect("it was just seen");
        let mut ticket = self.tickets[index].ticket.clone();
        let is_theirs = match ticket.state {
            TicketState::Open | TicketState::Settled => true,
            TicketState::Cancelled => ticket.marks.cancelled_by > 0,
            TicketState::Delayed
            | TicketState::Referred
            | TicketState::Reoffered(_)
            | TicketState::Refused(_) => false,
        };
        let marks = self.marks_by_annulments(&ticket);
        if !is_theirs || marks == ticket.marks {
            return;
        }
        let (was_cancelled, is_cancelled) = (ticket.marks.cancelled_by > 0, marks.cancelled_by > 0);
        if !was_cancelled && is_cancelled {
            let id = ticket.id;
            self.cancel(id, answers).expect("an accepted ticket can be cancelled");
            self.tickets[index].ticket.marks = marks;
            return;
        }
        let mut settles_ns = self.tickets[index].settles_ns;
        if was_cancelled && !is_cancelled {
            let (cash, owed) = (Account::Cash(ticket.customer), Account::Receivable(ticket.customer));
            let available_minor = super::money::available_minor(&self.postings, cash, self.config.currency);
            self.post(owed, cash, ticket.stake_minor - available_minor);
            self.post(cash, Account::OpenStakes(ticket.customer), ticket.stake_minor);
            ticket.state = TicketState::Open;
            ticket.closed_ns = 0;
            ticket.settlement_count += 1;
            self.counters.rollback_count += 1;
            answers.push(Answer::Settlement(ticket.id, TicketState::Open, 0, 0));
            ticket.marks = TicketMarks { reinstated_count: ticket.marks.reinstated_count + 1, ..marks };
        } else {
            ticket.marks = marks;
        }
        self.tickets[index].ticket = ticket.clone();
        if ticket.state != TicketState::Cancelled {
            let grades = self.due_grades(&ticket);
            let is_regraded = ticket.legs.iter().zip(&grades).any(|(leg, grade)| leg.grade != *grade);
            if is_regraded || was_cancelled && !is_cancelled {
                let payout_before = payout_minor(&ticket);
                ticket.legs.iter_mut().zip(grades).for_each(|(leg, grade)| leg.grade = grade);
                self.settle(&mut ticket, payout_before, &mut settles_ns, answers);
                self.tickets[index] = NaiveTicket { ticket, settles_ns, ..self.tickets[index].clone() };
            }
        }
    }

    /// The grades that the legs of an accepted ticket are to have.
    pub(super) fn due_grades(&self, ticket: &Ticket) -> Vec<Option<Grade>> {
        let of_leg = |(place, leg): (usize, &oddsengine_engine::Leg)| {
            if ticket.marks.void_by.get(place).is_some_and(|&by| by > 0) {
                Some(Grade::VOID)
            } else if ticket.marks.standing_legs & (1 << place) != 0 {
                leg.grade
            } else {
                self.grade(leg.place.fixture as usize, usize::from(leg.place.selection))
            }
        };
        ticket.legs.iter().enumerate().map(of_leg).collect()
    }

    /// Until when nothing is paid on a ticket.
    pub(super) fn held_until_ns(&self, ticket: &Ticket) -> Option<i64> {
        let mut until_ns = None;
        for (place, leg) in ticket.legs.iter().enumerate() {
            let is_void = ticket.marks.void_by.get(place).is_some_and(|&by| by > 0);
            let fixture = &self.fixtures[leg.place.fixture as usize];
            let Some((market, _)) = self.market_of(leg.place.fixture as usize, leg.place.selection) else {
                continue;
            };
            let is_reviewed = fixture.reviews.keys().any(|of| of.is_none_or(|of| of == market));
            let of_leg = match (is_void, is_reviewed) {
                (true, _) => None,
                (false, true) => Some(i64::MAX),
                (false, false) => fixture.held.get(&market).and_then(|held| held.0),
            };
            until_ns = until_ns.max(of_leg);
        }
        until_ns.filter(|&until_ns| until_ns > self.now_ns)
    }

    /// What was held on a fixture, or a market of it, may be held no longer.
    pub(super) fn release(&mut self, index: usize, market: Option<usize>) {
        self.released.push((index, market));
    }

    /// A ticket waits for its payment on something that was released.
    pub(super) fn is_released(&self, known: &NaiveTicket) -> bool {
        known.settles_ns.is_some()
            && known.ticket.legs.iter().any(|leg| {
                let fixture = leg.place.fixture as usize;
                self.released.iter().any(|&(released, of)| {
                    let market = self.market_of(fixture, leg.place.selection).map(|(market, _)| market);
                    released == fixture && (of.is_none() || of == market)
                })
            })
    }

    /// Legs of a settled ticket whose result is corrected too late stand.
    pub(super) fn let_stand(&mut self, ticket: &mut Ticket, grades: &[Option<Grade>]) {
        let rules = self.config.settlement.rules.iter().find(|rules| rules.version == ticket.terms.rules);
        let rule = rules.map_or(CorrectionRule::Resettle, |rules| rules.correction);
        let waited_ns = self.now_ns - ticket.closed_ns;
        let stands = match rule {
            CorrectionRule::Resettle => false,
            CorrectionRule::Stand | CorrectionRule::Goodwill => true,
            CorrectionRule::Within(window_ms) => waited_ns > window_ms * 1_000_000,
        };
        let mut corrected = 0;
        for (place, leg) in ticket.legs.iter().enumerate() {
            let fixture = leg.place.fixture as usize;
            let held = self.market_of(fixture, leg.place.selection);
            let held = held.and_then(|(market, _)| self.fixtures[fixture].held.get(&market));
            let is_void = self.fixtures[fixture].void != VoidKind::Nothing;
            if stands && !is_void && held.is_some_and(|held| held.1) && grades[place] != leg.grade {
                corrected |= 1 << place;
            }
        }
        if corrected == 0 {
            return;
        }
        if rule == CorrectionRule::Goodwill && ticket.marks.standing_legs == 0 {
            let mut anew = ticket.clone();
            anew.legs.iter_mut().zip(grades).for_each(|(leg, grade)| leg.grade = *grade);
            let more_minor = payout_minor(&anew).map_or(0, |payout| payout - ticket.paid_minor);
            self.post(Account::Goodwill, Account::Cash(ticket.customer), more_minor);
            self.collect(ticket.customer);
        }
        ticket.marks.standing_legs |= corrected;
    }

    fn tell_result(&mut self, result: &ResultTold, origin: &Origin, answers: &mut Vec<Answer>) -> Verdict {
        let by_feed = origin.channel == Channel::Feed;
        let index = self.known_fixture(result.fixture)?;
        let market = self.market(index, result.market)?;
        let held = self.fixtures[index].held.get(&market).copied().unwrap_or_default();
        let is_told_again = self.fixtures[index].told.get(&market) == Some(&result.grades);
        let after_ns = self.config.settlement.provisional_pays_after_ms * 1_000_000;
        let until_ns = match result.certainty {
            Certainty::Confirmed => None,
            Certainty::Provisional if is_told_again && held.0.is_some() => held.0,
            Certainty::Provisional if after_ns == 0 => Some(i64::MAX),
            Certainty::Provisional => Some(self.now_ns + after_ns),
        };
        self.check_told(index, market, &result.grades, by_feed)?;
        let now = (until_ns, result.is_correction);
        self.fixtures[index].held.insert(market, now);
        if now == (None, false) {
            self.fixtures[index].held.remove(&market);
        }
        if now != held {
            self.release(index, Some(market));
        }
        self.take_told(index, market, Some(&result.grades), by_feed, answers);
        if result.happened_ns != 0 {
            let covers = AnnulmentRequest {
                fixture: Some(result.fixture),
                market: Some(result.market),
                from_ns: Some(result.happened_ns),
                until_ns: Some(self.now_ns + 1),
                why: format!("accepted after {}", result.happened_ns),
                ..AnnulmentRequest::default()
            };
            let is_late = |known: &NaiveTicket| {
                known.ticket.state != TicketState::Cancelled && self.is_covered(&covers, &known.ticket)
            };
            if self.tickets.iter().any(is_late) {
                answers.push(Answer::Alert("past_post".into(), Some(result.fixture)));
                if self.config.settlement.past_post_voids {
                    self.proposed.push((covers, origin.clone()));
                }
            }
        }
        Ok(())
    }

    /// The fast engine chooses the id under which it proposes to void late bets: a name and nothing else.
    pub fn take_proposals(&mut self, waiting: &[PendingAction]) {
        for (covers, origin) in std::mem::take(&mut self.proposed) {
            let of = waiting.iter().rev().find_map(|action| match &*action.body {
                Body::Annul(request)
                    if AnnulmentRequest { annulment: 0, ..request.as_ref().clone() } == covers
                        && action.origin == origin =>
                {
                    Some(request.clone())
                }
                _ => None,
            });
            let Some(request) = of else { continue };
            let is_known = self.annulments.iter().any(|known| known.asked.annulment == request.annulment);
            if !is_known {
                self.wait(&Body::Annul(request), &origin);
            }
        }
    }

    fn set_review(
        &mut self,
        fixture: FixtureId,
        market: Option<MarketId>,
        why: Option<&str>,
        answers: &mut Vec<Answer>,
    ) -> Verdict {
        let index = self.known_fixture(fixture)?;
        let market = market.map(|market| self.market(index, market)).transpose()?;
        let known = &mut self.fixtures[index].reviews;
        let Some(why) = why else {
            if known.remove(&market).is_some() {
                self.release(index, market);
                self.settle_all(index, answers);
            }
            return Ok(());
        };
        if known.get(&market).map(String::as_str) == Some(why) {
            return Ok(());
        }
        if why.is_empty() || why.len() > 256 {
            return Err(Reason::ValueOutOfBounds);
        }
        known.insert(market, why.to_owned());
        Ok(())
    }

    /// What one person may not do alone waits; none where it may be done.
    pub(super) fn second_person(&mut self, command: &Command) -> Option<u32> {
        let above_minor = self.config.settlement.approval_above_minor?;
        let (count, money_minor) = self.touched(&command.body)?;
        let waits = command.origin.channel == Channel::Desk && count > 0 && money_minor > above_minor;
        if waits { self.wait(&command.body, &command.origin) } else { None }
    }

    fn wait(&mut self, body: &Body, origin: &Origin) -> Option<u32> {
        // Until now, and not until somebody approves it.
        let mut body = body.clone();
        if let Body::Annul(request) = &body
            && let Ok(request) = self.until_now(request)
        {
            body = Body::Annul(Box::new(request));
        }
        let id = |body: &Body| match body {
            Body::Annul(request) => Some(request.annulment),
            _ => None,
        };
        for known in self.waiting.iter().filter(|known| known.origin == *origin) {
            let is_same_id = id(&body).is_some() && id(&known.body) == id(&body);
            if is_same_id || *known.body == body {
                return Some(known.number);
            }
        }
        let (ticket_count, money_minor) = self.touched(&body).unwrap_or_default();
        self.action_count += 1;
        let after_ns = self.config.settlement.approval_expires_ms * 1_000_000;
        self.waiting.push(PendingAction {
            number: self.action_count,
            origin: origin.clone(),
            body: Box::new(body),
            asked_ns: self.now_ns,
            expires_ns: if after_ns > 0 { Some(self.now_ns + after_ns) } else { None },
            ticket_count,
            money_minor,
        });
        Some(self.action_count)
    }

    fn touched(&self, body: &Body) -> Option<(u64, i64)> {
        let sum = |request: &AnnulmentRequest, may_win: bool| {
            let covered = self.tickets.iter().map(|known| &known.ticket);
            let covered = covered.filter(|ticket| self.is_covered(request, ticket));
            covered.fold((0, 0), |(count, sum), ticket| {
                let most = if may_win { ticket.payout_minor_max } else { ticket.stake_minor };
                (count + 1, sum + most.max(ticket.paid_minor))
            })
        };
        let of = |fixture: FixtureId, market: Option<MarketId>| {
            let index = self.known_fixture(fixture).ok()?;
            market.map(|market| self.market(index, market)).transpose().ok()?;
            Some(AnnulmentRequest { fixture: Some(fixture), market, ..AnnulmentRequest::default() })
        };
        match body {
            Body::SettleMarket { fixture, market, .. } => Some(sum(&of(*fixture, Some(*market))?, true)),
            Body::TellResult(result) => Some(sum(&of(result.fixture, Some(result.market))?, true)),
            Body::VoidFixture { fixture, .. } => Some(sum(&of(*fixture, None)?, false)),
            Body::CancelTicket { ticket } => {
                let known = self.tickets.iter().find(|known| known.ticket.id == *ticket)?;
                let ticket = &known.ticket;
                let is_live = !matches!(ticket.state, TicketState::Refused(_) | TicketState::Cancelled);
                is_live.then_some((1, ticket.stake_minor.max(ticket.paid_minor)))
            }
            Body::Annul(request) => {
                let known = self.annulments.iter().any(|known| known.asked.annulment == request.annulment);
                if known { None } else { Some(sum(&self.until_now(request).ok()?, false)) }
            }
            Body::TakeBackAnnulment { annulment } => {
                let known = self.annulments.iter().find(|known| known.asked.annulment == *annulment)?;
                (!known.is_taken_back).then(|| sum(&known.request, false))
            }
            _ => None,
        }
    }

    fn waiting_action(&self, number: u32) -> Result<usize, Reason> {
        let is_it = |known: &PendingAction| {
            known.number == number && known.expires_ns.is_none_or(|expires_ns| self.now_ns < expires_ns)
        };
        self.waiting.iter().position(is_it).ok_or(Reason::ActionNotFound)
    }

    fn approve(&mut self, number: u32, by: &Origin, answers: &mut Vec<Answer>) -> Verdict {
        let place = self.waiting_action(number)?;
        let action = self.waiting[place].clone();
        let (first, second) = (&action.origin.principal, &by.principal);
        let are_named = !first.staff.is_empty() && !second.staff.is_empty();
        let is_same = if are_named { first.staff == second.staff } else { first.key == second.key };
        if is_same {
            return Err(Reason::SecondPersonNeeded);
        }
        self.settle_by_hand(&action.body, &action.origin, answers)?;
        self.waiting.retain(|known| known.number != number);
        self.ended.push((number, ActionEnd::Approved));
        Ok(())
    }

    /// The rules under which bets are taken now.
    pub(super) fn rules_version(&self) -> u16 {
        self.config.settlement.rules.iter().map(|rules| rules.version).max().unwrap_or(1)
    }

    /// Drops what nobody approved in time.
    pub(super) fn drop_expired(&mut self) {
        let now_ns = self.now_ns;
        self.waiting.retain(|known| known.expires_ns.is_none_or(|expires_ns| now_ns < expires_ns));
    }

    /// What is said of results and tickets.
    pub(super) fn settle_by_hand(
        &mut self,
        body: &Body,
        origin: &Origin,
        answers: &mut Vec<Answer>,
    ) -> Verdict {
        let by_feed = origin.channel == Channel::Feed;
        match body {
            Body::SettleMarket { fixture, market, grades } => {
                self.settle_market(*fixture, *market, grades.as_deref(), by_feed, answers)
            }
            Body::TellResult(result) => self.tell_result(result, origin, answers),
            Body::VoidFixture { fixture, void } => self.void_fixture(*fixture, *void, by_feed, answers),
            Body::CancelTicket { ticket } => self.cancel(*ticket, answers),
            Body::Annul(request) => self.annul(request, answers),
            Body::TakeBackAnnulment { annulment } => self.take_back_annulment(*annulment, answers),
            Body::SetReview { fixture, market, why } => {
                self.set_review(*fixture, *market, why.as_deref(), answers)
            }
            Body::Approve { action } => self.approve(*action, origin, answers),
            Body::Decline { action } => {
                let place = self.waiting_action(*action)?;
                self.waiting.remove(place);
                Ok(())
            }
            _ => unreachable!("nothing else is settled by hand"),
        }
    }

    /// A fixture stays while an annulment that is known names it, or something on it is held.
    pub(super) fn is_kept_for_settlement(&self, place: usize) -> bool {
        let fixture = &self.fixtures[place];
        let id = Some(fixture.request.fixture);
        self.annulments.iter().any(|known| known.asked.fixture == id)
            || self.waiting.iter().any(|action| action.body.subject() == id)
            || !fixture.reviews.is_empty()
            || fixture.held.values().any(|held| held.0.is_some_and(|until_ns| until_ns > self.now_ns))
    }

    /// A ticket stays that nobody would find by a fixture, if its annulment were taken back.
    pub(super) fn is_kept_for_annulment(&self, ticket: &Ticket) -> bool {
        let by = ticket.marks.void_by.iter().chain([&ticket.marks.cancelled_by]);
        by.filter(|&&by| by > 0).any(|&by| self.annulments[by as usize - 1].asked.fixture.is_none())
    }
}
