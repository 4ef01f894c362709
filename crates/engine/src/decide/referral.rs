//! What becomes of a bet that is neither taken nor refused as it was asked: part of it is taken, something else is offered, a
//! trader is asked.

use oddsengine_facts::acceptance::OFFERS_MAX;
use oddsengine_facts::{
    Fact, Handling, Offer, OnLimit, Origin, Reason, Referral, ReferralCause, Ruling, Ticket, TicketState,
    Verdict,
};
use oddsengine_types::{BoundsError, CustomerId, Odds, TicketId};

use super::customers::check_note;
use super::money::reason_of;
use super::out_of_bounds;
use crate::lines;
use crate::state::State;
use crate::step::{Answer, Refusal, Step};

/// The reasons of limits: 401 to 419.
fn is_of_limit(reason: Reason) -> bool {
    (401..420).contains(&(reason as u16))
}

fn handling(ticket: &mut Ticket) -> &mut Handling {
    let asked_minor = ticket.stake_minor;
    ticket.handling.get_or_insert_with(|| Box::new(Handling { asked_minor, ..Handling::default() }))
}

impl State {
    /// Whether a trader is asked before the bet is taken, and the threshold that its stake is above.
    fn referral_of(&self, ticket: &Ticket) -> Option<(ReferralCause, i64)> {
        if ticket.referral().is_some() {
            // A trader has decided.
            return None;
        }
        let terms = self.customers.file(ticket.customer).map(|file| &file.terms);
        if terms.is_some_and(|terms| terms.is_flagged) {
            return Some((ReferralCause::Customer, 0));
        }
        let own_minor = terms.and_then(|terms| terms.referral_stake_minor);
        let threshold_minor = own_minor.or_else(|| {
            let of_legs = ticket.legs.iter().filter_map(|leg| {
                let fixture = &self.fixtures[leg.place.fixture as usize];
                fixture.limits.referral_minor(fixture.template, leg.place.selection)
            });
            of_legs.min()
        })?;
        (ticket.stake_minor > threshold_minor).then_some((ReferralCause::Stake, threshold_minor))
    }

    /// How long the bet still waits, from now on, after it has waited since a trader was asked: prices were looked at then.
    fn delay_left_ns(&self, ticket: &Ticket) -> i64 {
        let since_ns = ticket.referral().map_or(self.now_ns, |referral| referral.since_ns);
        let waited_ns = self.now_ns.saturating_sub(since_ns);
        match self.bet_delay_ns(ticket) {
            0 => 0,
            // What feeds have told is read up to a tick, and not up to a trader's word.
            delay_ns => (delay_ns - waited_ns).max(1),
        }
    }

    /// The bet that the wishes allow instead of one that is refused for this reason: with a smaller stake, or at other odds.
    ///
    /// `true`: it is taken at once; otherwise it is offered.
    pub(super) fn instead(&self, ticket: &mut Ticket, reason: Reason) -> Result<bool, Reason> {
        let wishes = ticket.wishes();
        let has_moved = reason == Reason::OddsHaveMoved && wishes.reoffers_odds;
        if has_moved {
            self.check_prices_at(ticket, oddsengine_facts::OddsChange::Any, true).map_err(|_| reason)?;
            self.check_limits(ticket);
        } else if !is_of_limit(reason) || wishes.on_limit == OnLimit::Refuse {
            return Err(reason);
        }
        let largest_minor = ticket.binding().map_or(0, |check| check.stake_minor_max);
        let least_minor = wishes.part_minor_min.max(self.config.stake_minor_min);
        let stake_minor = ticket.stake_minor.min(largest_minor);
        let is_cut = stake_minor < ticket.stake_minor;
        if is_cut && (wishes.on_limit == OnLimit::Refuse || stake_minor < least_minor) {
            return Err(reason);
        }
        if !has_moved && wishes.on_limit == OnLimit::Part {
            let asked_minor = ticket.stake_minor;
            lines::restake(ticket, stake_minor);
            handling(ticket).asked_minor = asked_minor;
            ticket.payout_minor_max = super::bet::payout_of_wins(ticket);
            return Ok(true);
        }
        if self.config.offer_ms == 0 || self.offer_count >= OFFERS_MAX {
            return Err(reason);
        }
        let odds_e4: Vec<u32> = ticket.legs.iter().map(|leg| leg.odds_e4).collect();
        let due_ns = self.now_ns.saturating_add(self.config.offer_ms * 1_000_000);
        let board_odds_e4 = odds_e4.clone();
        handling(ticket).offer = Some(Offer {
            stake_minor,
            odds_e4,
            board_odds_e4,
            due_ns,
            reason,
            by: String::new(),
            is_taken: false,
        });
        self.hold_offer(ticket, reason, due_ns);
        Ok(false)
    }

    /// Nothing is reserved while an offer stands.
    fn hold_offer(&self, ticket: &mut Ticket, reason: Reason, due_ns: i64) {
        ticket.state = TicketState::Reoffered(reason);
        (ticket.due_ns, ticket.decided_ns) = (due_ns, self.now_ns);
        ticket.legs.iter_mut().for_each(|leg| leg.unit_minor = 0);
    }
}

impl Step<'_> {
    /// Takes a bet that was judged: at once, after its delay, or when a trader has said so.
    pub(super) fn take(&mut self, ticket: &mut Ticket) -> Result<(), Reason> {
        if let Some((cause, threshold_minor)) = self.referral_of(ticket) {
            self.reserve_stake(ticket).map_err(reason_of)?;
            let due_ns = self.now_ns.saturating_add(self.config.referral_ms * 1_000_000);
            self.hold(ticket, TicketState::Referred, due_ns);
            let since_ns = self.now_ns;
            handling(ticket).referral = Some(Referral {
                cause,
                threshold_minor,
                since_ns,
                due_ns,
                verdict: None,
                by: String::new(),
                note: String::new(),
                decided_ns: 0,
            });
            return Ok(());
        }
        match self.bet_delay_ns(ticket) {
            0 => self.book_stake(ticket).map(|()| self.open(ticket)).map_err(reason_of),
            delay_ns => {
                let due_ns = self.now_ns.saturating_add(delay_ns);
                self.reserve_stake(ticket).map_err(reason_of)?;
                self.hold(ticket, TicketState::Delayed, due_ns);
                Ok(())
            }
        }
    }

    /// A customer takes what was offered, or does not; everything is judged again.
    pub(super) fn answer_offer(
        &mut self,
        id: TicketId,
        customer: CustomerId,
        takes: bool,
        by: &Origin,
    ) -> Result<Answer, Refusal> {
        let known = self.ticket(id).filter(|ticket| ticket.customer == customer).cloned();
        let Some(mut ticket) = known else {
            let detail = format!("ticket {:032x} of customer {customer} is not known", id.0);
            return Err((Reason::TicketNotFound, detail));
        };
        if !matches!(ticket.state, TicketState::Reoffered(_)) {
            let is_answered =
                ticket.offer().is_some_and(|offer| offer.is_taken) == takes && ticket.offer().is_some();
            return match is_answered {
                // The same answer again.
                true => Ok(Answer::Ticket { ticket: id, is_repeat: true }),
                false => {
                    Err((Reason::TicketNotOpen, format!("ticket {:032x} is {}", id.0, ticket.state.name())))
                }
            };
        }
        self.stop_overdue();
        self.price_legs(&ticket);
        let verdict = match takes {
            true => self.take_offer(&mut ticket, by),
            false => Err(Reason::OfferDeclined),
        };
        if let Err(reason) = verdict {
            self.refuse_offer(&mut ticket, reason);
        }
        self.decided(ticket);
        Ok(Answer::Ticket { ticket: id, is_repeat: false })
    }

    fn take_offer(&mut self, ticket: &mut Ticket, by: &Origin) -> Result<(), Reason> {
        let (now_ns, due_ns) = (self.now_ns, ticket.due_ns);
        let offer = handling(ticket).offer.as_mut().ok_or(Reason::OfferExpired)?;
        if now_ns >= due_ns {
            return Err(Reason::OfferExpired);
        }
        offer.is_taken = true;
        let (stake_minor, odds_e4) = (offer.stake_minor, offer.odds_e4.clone());
        lines::restake(ticket, stake_minor);
        for (leg, odds_e4) in ticket.legs.iter_mut().zip(odds_e4) {
            // What the customer saw is what was offered.
            (leg.requested_odds_e4, leg.quoted_version) = (odds_e4, leg.version);
        }
        if self.factor_e3(ticket.customer) == 0 {
            return Err(Reason::CustomerBlocked);
        }
        self.check_admission(ticket.customer, super::bet::legs_on(ticket), Some(by))?;
        self.check_prices(ticket, true)?;
        self.judge_stake(ticket)?;
        self.check_funds(ticket)?;
        self.take(ticket)
    }

    /// A trader decides a bet that waits for one.
    pub(super) fn rule_referral(&mut self, id: TicketId, ruling: &Ruling, by: &str) -> Result<(), Refusal> {
        let Some(mut ticket) = self.ticket(id).cloned() else {
            return Err((Reason::TicketNotFound, format!("ticket {:032x} is not known", id.0)));
        };
        if ticket.state != TicketState::Referred {
            let detail = format!("ticket {:032x} is {}", id.0, ticket.state.name());
            return Err((Reason::TicketNotOpen, detail));
        }
        self.check_ruling(&ticket, ruling)?;
        self.stop_overdue();
        self.note_verdict(&mut ticket, ruling.verdict, by, &ruling.note);
        self.fact(Fact::DelayEnded { ticket: id });
        self.price_legs(&ticket);
        match ruling.verdict {
            Verdict::Accept => self.end_wait(ticket),
            Verdict::Part => self.take_part(ticket, ruling.stake_minor),
            Verdict::Counter => self.counter(ticket, ruling),
            _ => self.end_refused(ticket, Reason::ReferralDeclined),
        }
        Ok(())
    }

    fn check_ruling(&self, ticket: &Ticket, ruling: &Ruling) -> Result<(), Refusal> {
        check_note("note", &ruling.note, false)?;
        let (low, high) = (self.config.stake_minor_min, ticket.stake_minor);
        match ruling.verdict {
            Verdict::Accept | Verdict::Decline => return Ok(()),
            Verdict::Part | Verdict::Counter => {}
            verdict => {
                let detail = format!("{} is no verdict of a trader", verdict.name());
                return Err((Reason::ValueOutOfBounds, detail));
            }
        }
        if !(low..=high).contains(&ruling.stake_minor) {
            return Err(out_of_bounds(BoundsError::outside("stake_minor", ruling.stake_minor, low, high)));
        }
        let step_minor = lines::step_minor(ticket);
        if ruling.stake_minor % step_minor != 0 {
            let detail = format!("stake_minor {} is no multiple of {step_minor}", ruling.stake_minor);
            return Err((Reason::ValueOutOfBounds, detail));
        }
        if ruling.verdict == Verdict::Part {
            return Ok(());
        }
        if self.config.offer_ms == 0 {
            return Err((Reason::OutOfSequence, "offer_ms 0 lets nothing be offered".to_string()));
        }
        let (count, asked) = (ruling.odds_e4.len(), lines::submitted(&ticket.legs));
        if count != 0 && count != asked {
            return Err(out_of_bounds(BoundsError::outside("odds of legs:", count, asked, asked)));
        }
        for (leg, &odds_e4) in ticket.legs.iter().zip(&ruling.odds_e4) {
            Odds::from_e4(odds_e4).map_err(out_of_bounds)?;
            if odds_e4 > leg.requested_odds_e4 {
                let high_e4 = leg.requested_odds_e4;
                return Err(out_of_bounds(BoundsError::outside("odds_e4", odds_e4, 10_010, high_e4)));
            }
        }
        Ok(())
    }

    fn note_verdict(&self, ticket: &mut Ticket, verdict: Verdict, by: &str, note: &str) {
        let now_ns = self.now_ns;
        if let Some(referral) = handling(ticket).referral.as_mut() {
            (referral.verdict, referral.decided_ns) = (Some(verdict), now_ns);
            (referral.by, referral.note) = (by.to_string(), note.to_string());
        }
    }

    /// The wait of a bet has ended by what has been read, and what it held in the books is given back.
    pub(super) fn end_due(&mut self, mut ticket: Ticket) {
        self.price_legs(&ticket);
        match ticket.state {
            TicketState::Referred if self.config.referral_takes_unanswered => {
                self.note_verdict(&mut ticket, Verdict::Automatic, "", "");
                self.end_wait(ticket);
            }
            TicketState::Referred => {
                self.note_verdict(&mut ticket, Verdict::Expire, "", "");
                self.end_refused(ticket, Reason::ReferralExpired);
            }
            _ => self.end_delay(ticket),
        }
    }

    /// What was offered was not taken.
    pub(super) fn end_offer(&mut self, mut ticket: Ticket) {
        self.refuse_offer(&mut ticket, Reason::OfferExpired);
        self.decided(ticket);
    }

    /// Without a trader nothing was ever reserved for it: it is kept as if it had been refused at once.
    fn refuse_offer(&self, ticket: &mut Ticket, reason: Reason) {
        self.refuse_ticket(ticket, reason);
        if ticket.referral().is_none() {
            ticket.due_ns = 0;
        }
    }

    /// A referred bet is to be taken: at once, or when its delay has ended, where it is judged once more.
    fn end_wait(&mut self, mut ticket: Ticket) {
        let left_ns = self.delay_left_ns(&ticket);
        if left_ns == 0 {
            return self.end_delay(ticket);
        }
        match self.judge_delayed(&mut ticket) {
            Ok(()) => {
                self.hold(&mut ticket, TicketState::Delayed, self.now_ns.saturating_add(left_ns));
                self.decided(ticket);
            }
            Err(reason) => self.end_refused(ticket, reason),
        }
    }

    /// Judges a bet at the end of its wait: its stake is moved, or released.
    fn end_delay(&mut self, mut ticket: Ticket) {
        let verdict = self.judge_delayed(&mut ticket);
        let resolved = match verdict {
            Ok(()) => self.post_stake(&ticket),
            Err(_) => self.release_stake(&ticket),
        };
        if let Err(error) = resolved {
            return self.hold_on(ticket.id, error);
        }
        match verdict {
            Ok(()) => self.open(&mut ticket),
            Err(reason) => self.refuse_ticket(&mut ticket, reason),
        }
        self.decided(ticket);
    }

    fn end_refused(&mut self, mut ticket: Ticket, reason: Reason) {
        if let Err(error) = self.release_stake(&ticket) {
            return self.hold_on(ticket.id, error);
        }
        self.refuse_ticket(&mut ticket, reason);
        self.decided(ticket);
    }

    /// A smaller stake is taken: the reservation is released, and the part booked.
    fn take_part(&mut self, mut ticket: Ticket, stake_minor: i64) {
        if let Err(error) = self.release_stake(&ticket) {
            return self.hold_on(ticket.id, error);
        }
        handling(&mut ticket).is_rebooked = true;
        lines::restake(&mut ticket, stake_minor);
        if let Err(reason) = self.rebook(&mut ticket) {
            self.refuse_ticket(&mut ticket, reason);
        }
        self.decided(ticket);
    }

    fn rebook(&mut self, ticket: &mut Ticket) -> Result<(), Reason> {
        self.judge_delayed(ticket)?;
        self.check_funds(ticket)?;
        match self.delay_left_ns(ticket) {
            0 => {
                self.book_stake(ticket).map_err(reason_of)?;
                self.open(ticket);
            }
            left_ns => {
                let due_ns = self.now_ns.saturating_add(left_ns);
                self.reserve_stake(ticket).map_err(reason_of)?;
                self.hold(ticket, TicketState::Delayed, due_ns);
            }
        }
        Ok(())
    }

    /// Another stake or other odds are offered: the reservation is released.
    fn counter(&mut self, mut ticket: Ticket, ruling: &Ruling) {
        if let Err(error) = self.release_stake(&ticket) {
            return self.hold_on(ticket.id, error);
        }
        // A place is paid at a part of the odds to win.
        let to_win = |index: usize| lines::to_win(&ticket.legs, index);
        let odds_e4 = (0..ticket.legs.len())
            .map(|index| ruling.odds_e4.get(to_win(index)).copied().unwrap_or(ticket.legs[index].odds_e4))
            .collect();
        let board = (0..ticket.legs.len()).map(|index| {
            let place = ticket.legs[to_win(index)].place;
            self.fixtures[place.fixture as usize].board.odds_e4[usize::from(place.selection)]
        });
        let (board_odds_e4, reason) = (board.collect(), Reason::ReferralDeclined);
        let due_ns = self.now_ns.saturating_add(self.config.offer_ms * 1_000_000);
        for leg in &mut ticket.legs {
            leg.version = self.version(&self.fixtures[leg.place.fixture as usize]);
        }
        let handling = handling(&mut ticket);
        let by = handling.referral.as_ref().map(|referral| referral.by.clone()).unwrap_or_default();
        handling.is_rebooked = true;
        let stake_minor = ruling.stake_minor;
        handling.offer =
            Some(Offer { stake_minor, odds_e4, board_odds_e4, due_ns, reason, by, is_taken: false });
        self.hold_offer(&mut ticket, reason, due_ns);
        self.decided(ticket);
    }
}
