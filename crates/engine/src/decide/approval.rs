//! Two persons: what moves much money by hand waits until somebody else than who asked for it approves it.

use oddsengine_facts::annulment::PENDING_ACTIONS_MAX;
use oddsengine_facts::{
    ActionEnd, AnnulmentRequest, Body, Channel, Command, Fact, Origin, PendingAction, Reason, Ticket,
    TicketState,
};
use oddsengine_types::BoundsError;

use super::out_of_bounds;
use super::result::LOOKED_AT_MAX;
use crate::state::State;
use crate::step::{Answer, Refusal, Step};

/// What an action would touch, as far as it was looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Touched {
    pub ticket_count: u64,
    pub money_minor: i64,
    /// There are more tickets than were looked at.
    pub is_more: bool,
}

impl Step<'_> {
    /// Where a command of the desk moves more than one person may move: it waits, and this is its answer.
    pub(super) fn needs_second_person(&mut self, command: &Command) -> Option<Answer> {
        let above_minor = self.config.settlement.approval_above_minor?;
        if command.origin.channel != Channel::Desk {
            return None;
        }
        let touched = self.touched_by(&command.body)?;
        if touched.ticket_count == 0 || !touched.is_more && touched.money_minor <= above_minor {
            return None;
        }
        Some(match self.wait_for_second_person(&command.body, &command.origin) {
            Some(action) => Answer::Pending { action },
            None => {
                let count = PENDING_ACTIONS_MAX + 1;
                let what = "actions that wait";
                self.refuse(out_of_bounds(BoundsError::outside(what, count, 0, PENDING_ACTIONS_MAX)))
            }
        })
    }

    /// An action waits from now on, under this number; one that waits already is not asked twice. None where too many wait.
    pub(super) fn wait_for_second_person(&mut self, body: &Body, origin: &Origin) -> Option<u32> {
        // What is approved is what was asked: bets that come later are none of it.
        let body = match body {
            Body::Annul(request) => self
                .annulment_of(request)
                .map_or_else(|_| body.clone(), |request| Body::Annul(Box::new(request))),
            body => body.clone(),
        };
        let is_asked = |known: &Body| match (known, &body) {
            (Body::Annul(known), Body::Annul(asked)) => known.annulment == asked.annulment,
            (known, asked) => known == asked,
        };
        let mut waiting = self.actions.waiting.values();
        if let Some(known) = waiting.find(|action| is_asked(&action.body) && action.origin == *origin) {
            return Some(known.number);
        }
        let number = self.actions.last_number.checked_add(1)?;
        if self.actions.waiting.len() >= PENDING_ACTIONS_MAX {
            self.alert(
                "actions_full",
                None,
                format!("{} actions wait, and no more may", PENDING_ACTIONS_MAX),
            );
            return None;
        }
        let touched = self.touched_by(&body).unwrap_or_default();
        let (asked_ns, after_ms) = (self.now_ns, self.config.settlement.approval_expires_ms);
        let expires_ns = (after_ms > 0).then(|| asked_ns.saturating_add(after_ms.saturating_mul(1_000_000)));
        let action = PendingAction {
            number,
            origin: origin.clone(),
            body: Box::new(body),
            asked_ns,
            expires_ns,
            ticket_count: touched.ticket_count,
            money_minor: touched.money_minor,
        };
        self.fact(Fact::ActionPending { action: Box::new(action) });
        Some(number)
    }

    /// Carries out what waits, if somebody else asks for it.
    pub(super) fn approve(&mut self, number: u32, by: &Origin) -> Result<(), Refusal> {
        let action = self.waiting_action(number)?.clone();
        if is_same_person(&action.origin, by) {
            let asked = &action.origin;
            let name =
                if asked.principal.staff.is_empty() { &asked.principal.key } else { &asked.principal.staff };
            let detail = format!("action {number} was asked for by {name:?}, and waits for somebody else");
            return Err((Reason::SecondPersonNeeded, detail));
        }
        self.settle_by_hand(&action.body, &action.origin)?;
        self.fact(Fact::ActionEnded { number, end: ActionEnd::Approved });
        Ok(())
    }

    /// Drops what waits.
    pub(super) fn decline(&mut self, number: u32) -> Result<(), Refusal> {
        self.waiting_action(number)?;
        self.fact(Fact::ActionEnded { number, end: ActionEnd::Declined });
        Ok(())
    }

    /// Drops what nobody approved in time.
    pub(super) fn drop_expired(&mut self) {
        if self.actions.next_expiry_ns().is_none_or(|expires_ns| expires_ns > self.now_ns) {
            return;
        }
        let is_expired = |action: &&PendingAction| action.expires_ns.is_some_and(|at| at <= self.now_ns);
        let expired: Vec<u32> =
            self.actions.waiting.values().filter(is_expired).map(|action| action.number).collect();
        for number in expired {
            self.fact(Fact::ActionEnded { number, end: ActionEnd::Expired });
        }
    }

    /// What the desk and feeds say of results and tickets, in their own name.
    pub(super) fn settle_by_hand(&mut self, body: &Body, origin: &Origin) -> Result<(), Refusal> {
        match body {
            Body::SettleMarket { fixture, market, grades } => {
                self.settle_market(*fixture, *market, grades.as_deref(), origin.channel)
            }
            Body::TellResult(result) => self.tell_result(result, origin),
            Body::VoidFixture { fixture, void } => self.void_fixture(*fixture, *void, origin.channel),
            Body::CancelTicket { ticket } => self.cancel_ticket(*ticket),
            Body::Annul(request) => self.annul(request),
            Body::TakeBackAnnulment { annulment } => self.take_back_annulment(*annulment),
            _ => Err((Reason::ActionNotFound, "the action is none that can be approved".into())),
        }
    }
}

impl State {
    fn waiting_action(&self, number: u32) -> Result<&PendingAction, Refusal> {
        let action = self.actions.waiting.get(&number);
        let action =
            action.filter(|action| action.expires_ns.is_none_or(|expires_ns| expires_ns > self.now_ns));
        action.ok_or_else(|| (Reason::ActionNotFound, format!("action {number} does not wait")))
    }

    /// What a command would touch; none for one that never waits, or that would be refused.
    pub(crate) fn touched_by(&self, body: &Body) -> Option<Touched> {
        let of_market = |fixture, market| {
            let index = self.index_of(fixture)?;
            self.known_market(index, market).ok()?;
            let request =
                AnnulmentRequest { fixture: Some(fixture), market: Some(market), ..Default::default() };
            Some(self.sum_of(&request, true))
        };
        match body {
            Body::SettleMarket { fixture, market, .. } => of_market(*fixture, *market),
            Body::TellResult(result) => of_market(result.fixture, result.market),
            Body::VoidFixture { fixture, .. } => {
                self.index_of(*fixture)?;
                let request = AnnulmentRequest { fixture: Some(*fixture), ..AnnulmentRequest::default() };
                Some(self.sum_of(&request, false))
            }
            Body::CancelTicket { ticket } => {
                let ticket = self.ticket(*ticket)?;
                let is_live = ticket.is_live() || ticket.state == TicketState::Settled;
                let money_minor = ticket.stake_minor.max(ticket.paid_minor);
                is_live.then_some(Touched { ticket_count: 1, money_minor, is_more: false })
            }
            Body::Annul(request) => {
                let is_known = self.annulments.of_id(request.annulment).is_some();
                let request = self.annulment_of(request).ok().filter(|_| !is_known)?;
                Some(self.sum_of(&request, false))
            }
            Body::TakeBackAnnulment { annulment } => {
                let (_, known) = self.annulments.of_id(*annulment)?;
                (!known.is_taken_back).then(|| self.sum_of(&known.request, false))
            }
            _ => None,
        }
    }

    /// Tickets that a request covers, and their money: stakes and payments, or what they may pay where they are settled.
    fn sum_of(&self, request: &AnnulmentRequest, is_settling: bool) -> Touched {
        let (places, next) = self.covered_from(request, 0, LOOKED_AT_MAX, LOOKED_AT_MAX);
        let money = |ticket: &Ticket| match is_settling {
            true => ticket.payout_minor_max.max(ticket.paid_minor),
            false => ticket.stake_minor.max(ticket.paid_minor),
        };
        let money_minor = places.iter().map(|&place| money(&self.tickets[place as usize]));
        Touched {
            ticket_count: places.len() as u64,
            money_minor: money_minor.fold(0, i64::saturating_add),
            is_more: next.is_some(),
        }
    }
}

/// Nobody can tell them apart: the same member of staff, or the same key where one of them names nobody.
fn is_same_person(first: &Origin, second: &Origin) -> bool {
    let (first, second) = (&first.principal, &second.principal);
    match first.staff.is_empty() || second.staff.is_empty() {
        true => first.key == second.key,
        false => first.staff == second.staff,
    }
}
