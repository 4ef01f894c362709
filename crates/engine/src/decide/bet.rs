//! A ticket from request to decision: check everything first, then say what is so.

use oddsengine_facts::command::REFUSED_TICKETS_MAX;
use oddsengine_facts::{
    Fact, Leg, LegRequest, LimitCheck, OddsChange, OddsVersion, Place, Reason, Terms, Ticket, TicketChange,
    TicketMarks, TicketRequest, TicketState,
};
use oddsengine_ledger::TransferError;
use oddsengine_markets::LivePhase;
use oddsengine_types::{
    Encode, Grade, STAKE_MINOR_MAX, StateHash, StateHasher, TicketId, bounds::LEGS_MAX, payout_minor,
};

use super::money::{RETRY_NS, reason_of, stopped};
use super::settle::{DECIDED_PER_RECORD, WEIGHED_PER_BET};
use crate::state::State;
use crate::state::fixture::MarketStatus;
use crate::step::{Answer, Step};

impl Step<'_> {
    /// Decides a ticket request, or repeats the answer it got before.
    pub(super) fn place(&mut self, request: &TicketRequest) -> Answer {
        let request_hash = hash_of(request);
        if let Some(known) = self.ticket(request.ticket) {
            let ticket = known.id;
            if known.request_hash == request_hash {
                return Answer::Ticket { ticket, is_repeat: true };
            }
            self.fact(Fact::TicketConflict { ticket });
            return Answer::TicketRefused { ticket, reason: Reason::IdHasAnotherBody };
        }
        self.stop_overdue();
        self.weigh_accumulators(WEIGHED_PER_BET);
        for leg in &request.legs {
            // A price is asked for: it is the one of the present state.
            if let Some(index) = self.index_of(leg.fixture) {
                self.priced(index);
            }
        }
        let mut ticket = self.draft(request, request_hash);
        let decided = match self.judge_request(request, &mut ticket) {
            Err(reason) => Err(reason),
            Ok(()) => match self.bet_delay_ns(&ticket) {
                0 => self.book_stake(&ticket).map(|()| self.open(&mut ticket)).map_err(reason_of),
                delay_ns => {
                    self.reserve_stake(&ticket).map(|()| self.hold(&mut ticket, delay_ns)).map_err(reason_of)
                }
            },
        };
        if let Err(reason) = decided {
            self.refuse_ticket(&mut ticket, reason);
        }
        let id = ticket.id;
        self.decided(ticket);
        Answer::Ticket { ticket: id, is_repeat: false }
    }

    /// A ticket is decided; where it is taken, the books are measured: no loss may be above its limit, unless it did not grow.
    fn decided(&mut self, mut ticket: Ticket) {
        let legs = ticket.legs.clone();
        // A fact names, and holds no place of this process.
        ticket.legs.iter_mut().for_each(|leg| leg.place = Place::default());
        let forgets = ticket.is_refused_at_once() && self.refused.len() >= REFUSED_TICKETS_MAX;
        let oldest = self.refused.front().filter(|_| forgets);
        let forgotten = oldest.map(|&index| self.tickets[index as usize].id);
        if !ticket.is_live() {
            return self.fact(Fact::TicketDecided { ticket: Box::new(ticket), forgotten });
        }
        let before = self.losses_of(&legs);
        let id = ticket.id;
        self.fact(Fact::TicketDecided { ticket: Box::new(ticket), forgotten });
        self.balance_books();
        let after = self.losses_of(&legs);
        let broken = before
            .iter()
            .zip(&after)
            .find(|((_, limit_minor, before), (_, _, after))| after > limit_minor && after > before);
        if let Some(((level, limit_minor, before), (_, _, after))) = broken {
            self.note_limit_violation(format!(
                "ticket {:032x} took the loss of its {} from {before} to {after}, above the limit {limit_minor}",
                id.0,
                level.name()
            ));
        }
    }

    /// Decides every ticket whose bet delay has ended by what has been read: status, price, score and limits once more.
    pub(super) fn decide_delayed(&mut self, read_ns: i64) {
        let until_ns = self.now_ns.min(read_ns);
        for _ in 0..DECIDED_PER_RECORD {
            let Some(&(_, index)) = self.delayed.first().filter(|(due_ns, _)| *due_ns <= until_ns) else {
                return;
            };
            let mut ticket = self.tickets[index as usize].clone();
            self.fact(Fact::DelayEnded { ticket: ticket.id });
            for leg in &ticket.legs {
                self.priced(leg.place.fixture as usize);
            }
            let verdict = self.judge_delayed(&mut ticket);
            let resolved = match verdict {
                Ok(()) => self.post_stake(&ticket),
                Err(_) => self.release_stake(&ticket),
            };
            if let Err(error) = resolved {
                self.hold_on(ticket.id, error);
                if self.now_ns == i64::MAX {
                    // Nothing is later than the end of time: it would be due again at once.
                    return;
                }
                continue;
            }
            match verdict {
                Ok(()) => self.open(&mut ticket),
                Err(reason) => self.refuse_ticket(&mut ticket, reason),
            }
            self.decided(ticket);
        }
    }

    /// Leaves a ticket on delay that the ledger would not decide; it is tried again a little later.
    fn hold_on(&mut self, ticket: TicketId, error: TransferError) {
        self.fact(Fact::TicketHeld { ticket, due_ns: self.now_ns.saturating_add(RETRY_NS) });
        let (message, fixture) = (stopped(&self.tickets[self.ticket_index[&ticket] as usize], error), None);
        self.alert("ticket_stopped", fixture, message);
    }

    fn judge_request(&mut self, request: &TicketRequest, ticket: &mut Ticket) -> Result<(), Reason> {
        self.check_request(request)?;
        self.find_legs(request, ticket)?;
        self.check_prices(ticket, true)?;
        self.judge_stake(ticket)?;
        match self.available_minor(ticket.customer) < ticket.stake_minor {
            true => Err(Reason::BalanceTooSmall),
            false => self.check_debt(ticket),
        }
    }

    fn refuse_ticket(&self, ticket: &mut Ticket, reason: Reason) {
        ticket.state = TicketState::Refused(reason);
        ticket.decided_ns = self.now_ns;
        ticket.legs.iter_mut().for_each(|leg| leg.unit_minor = 0);
    }

    /// The stake is reserved, and the liability with it, for the bet delay.
    fn hold(&self, ticket: &mut Ticket, delay_ns: i64) {
        ticket.state = TicketState::Delayed;
        ticket.due_ns = self.now_ns.saturating_add(delay_ns);
        self.weigh(ticket);
    }

    fn open(&self, ticket: &mut Ticket) {
        ticket.state = TicketState::Open;
        ticket.decided_ns = self.now_ns;
        self.weigh(ticket);
    }
}

impl State {
    /// The largest stake that would be accepted now for these legs, and the limit that binds: the same judgement as
    /// for a ticket. The stake and odds-change policy of the request are ignored.
    ///
    /// # Errors
    /// The reason why no stake would be accepted.
    pub fn max_stake(&self, request: &TicketRequest) -> Result<LimitCheck, Reason> {
        let request = TicketRequest {
            stake_minor: self.config.stake_minor_min,
            odds_change: OddsChange::Any,
            ..request.clone()
        };
        let mut ticket = self.draft(&request, 0);
        self.check_request(&request)?;
        self.find_legs(&request, &mut ticket)?;
        self.check_prices(&mut ticket, true)?;
        self.check_limits(&mut ticket);
        if let Some(reason) = ticket.refusal_of(self.config.stake_minor_min) {
            return Err(reason);
        }
        self.check_debt(&ticket)?;
        Ok(*ticket.binding().expect("limits were checked"))
    }

    fn draft(&self, request: &TicketRequest, request_hash: u64) -> Ticket {
        Ticket {
            id: request.ticket,
            customer: request.customer,
            terms: Terms {
                rules: self.config.settlement.rules_version(),
                ..Terms::of(request.currency, request.legs.len())
            },
            stake_minor: request.stake_minor,
            odds_change: request.odds_change,
            state: TicketState::Open,
            legs: Vec::with_capacity(request.legs.len().min(LEGS_MAX)),
            payout_minor_max: 0,
            paid_minor: 0,
            received_ns: self.now_ns,
            decided_ns: 0,
            due_ns: 0,
            settlement_count: 0,
            checks: Vec::new(),
            request_hash,
            change: TicketChange::default(),
            closed_ns: 0,
            marks: TicketMarks::default(),
        }
    }

    /// Decides once more at the end of a bet delay; the stake is reserved.
    pub(super) fn judge_delayed(&self, ticket: &mut Ticket) -> Result<(), Reason> {
        if self.factor_e3(ticket.customer) == 0 {
            return Err(Reason::CustomerBlocked);
        }
        self.check_prices(ticket, false)?;
        self.judge_stake(ticket)?;
        self.check_debt(ticket)
    }

    fn check_debt(&self, ticket: &Ticket) -> Result<(), Reason> {
        match !self.config.bets_while_owing && self.owed_minor(ticket.customer) > 0 {
            true => Err(Reason::CustomerOwes),
            false => Ok(()),
        }
    }

    fn judge_stake(&self, ticket: &mut Ticket) -> Result<(), Reason> {
        self.check_limits(ticket);
        ticket.refusal_of(ticket.stake_minor).map_or(Ok(()), Err)
    }

    fn check_request(&self, request: &TicketRequest) -> Result<(), Reason> {
        let legs = &request.legs;
        let same_fixture = |index: usize| legs[..index].iter().any(|leg| leg.fixture == legs[index].fixture);
        if self.factor_e3(request.customer) == 0 {
            return Err(Reason::CustomerBlocked);
        }
        if request.currency != self.config.currency {
            return Err(Reason::CurrencyNotAccepted);
        }
        if request.stake_minor <= 0 {
            return Err(Reason::StakeMustBePositive);
        }
        if request.stake_minor < self.config.stake_minor_min {
            return Err(Reason::StakeBelowMinimum);
        }
        if request.stake_minor > STAKE_MINOR_MAX {
            return Err(Reason::StakeExceedsMaximum);
        }
        if legs.is_empty() || legs.len() > self.config.legs_max as usize {
            return Err(Reason::LegCountOutOfRange);
        }
        if (1..legs.len()).any(same_fixture) {
            return Err(Reason::LegsOnSameFixture);
        }
        Ok(())
    }

    /// Finds the legs; the ticket gets all of them or, on a refusal, none.
    fn find_legs(&self, request: &TicketRequest, ticket: &mut Ticket) -> Result<(), Reason> {
        let mut refusal: Option<Reason> = None;
        for leg in &request.legs {
            match self.find_leg(leg) {
                Err(reason) => refusal = Some(refusal.map_or(reason, |known| known.min(reason))),
                Ok(place) => ticket.legs.push(Leg {
                    fixture: leg.fixture,
                    selection: leg.selection,
                    place,
                    requested_odds_e4: leg.odds_e4,
                    offered_odds_e4: 0,
                    odds_e4: 0,
                    fair_probability_e9: 0,
                    quoted_version: leg.version,
                    version: OddsVersion::default(),
                    score: (0, 0),
                    clock_ms: 0,
                    interruptions: 0,
                    grade: None,
                    unit_minor: 0,
                }),
            }
        }
        match refusal {
            None => Ok(()),
            Some(reason) => {
                ticket.legs.clear();
                Err(reason)
            }
        }
    }

    fn find_leg(&self, leg: &LegRequest) -> Result<Place, Reason> {
        let index = self.index_of(leg.fixture).ok_or(Reason::FixtureNotFound)?;
        let selection = self.fixtures[index].template().selection_of_id(leg.selection);
        let selection = selection.ok_or(Reason::SelectionNotFound)?;
        Ok(Place { fixture: index as u32, selection: selection as u16 })
    }

    /// Records the price evidence of every leg and checks it; the first reason in order of precedence over all legs.
    ///
    /// `is_first`: the decision at the request; later, after the bet delay, the version is known and the score must
    /// not have changed.
    fn check_prices(&self, ticket: &mut Ticket, is_first: bool) -> Result<(), Reason> {
        let mut refusal: Option<Reason> = None;
        let odds_change = ticket.odds_change;
        for leg in &mut ticket.legs {
            if let Err(reason) = self.check_leg(leg, odds_change, is_first) {
                refusal = Some(refusal.map_or(reason, |known| known.min(reason)));
            }
        }
        if let Some(reason) = refusal {
            return Err(reason);
        }
        let won: Vec<(u32, Grade)> = ticket.legs.iter().map(|leg| (leg.odds_e4, Grade::WON)).collect();
        ticket.payout_minor_max = payout_minor(ticket.stake_minor, &won);
        Ok(())
    }

    fn check_leg(&self, leg: &mut Leg, odds_change: OddsChange, is_first: bool) -> Result<(), Reason> {
        let fixture = &self.fixtures[leg.place.fixture as usize];
        let selection = usize::from(leg.place.selection);
        let (score_before, interruptions_before) = (leg.score, leg.interruptions);
        let market = fixture.template().selections[selection].market;
        leg.interruptions = fixture.interruptions_of(market);
        leg.offered_odds_e4 = fixture.board.odds_e4[selection];
        leg.fair_probability_e9 = (fixture.fair_probability(selection) * 1e9 + 0.5) as u32;
        leg.version = self.version(fixture);
        leg.score = fixture.live.score();
        leg.clock_ms = fixture.live.clock_ms();
        leg.odds_e4 = 0;
        if fixture.is_closed() {
            return Err(Reason::FixtureClosed);
        }
        if fixture.grades[selection].is_some() {
            return Err(Reason::SelectionDecided);
        }
        if fixture.status() != MarketStatus::Open || self.is_overdue(leg.place.fixture as usize) {
            return Err(Reason::FixtureSuspended);
        }
        if fixture.market_status(usize::from(market)) != MarketStatus::Open {
            return Err(Reason::MarketSuspended);
        }
        if leg.offered_odds_e4 == 0 {
            return Err(Reason::NoPrice);
        }
        // Also after the delay: what happened between two epochs is not known.
        if leg.quoted_version.epoch != self.epoch || !(1..=leg.version.seq).contains(&leg.quoted_version.seq)
        {
            return Err(Reason::OddsVersionUnknown);
        }
        if !accepts(odds_change, leg.requested_odds_e4, leg.offered_odds_e4) {
            return Err(Reason::OddsHaveMoved);
        }
        if !is_first && leg.score != score_before {
            return Err(Reason::ScoreHasChanged);
        }
        // Goal and cancellation, danger and safe, suspension and resumption: the price stood still while the world moved.
        if !is_first && leg.interruptions != interruptions_before {
            return Err(Reason::TradingInterrupted);
        }
        leg.odds_e4 = leg.offered_odds_e4;
        Ok(())
    }

    /// The longest bet delay among the legs in play; 0 when none is.
    fn bet_delay_ns(&self, ticket: &Ticket) -> i64 {
        let delays = ticket.legs.iter().map(|leg| {
            let fixture = &self.fixtures[leg.place.fixture as usize];
            if fixture.live.phase() == LivePhase::InPlay {
                fixture.limits.bet_delay_ms * 1_000_000
            } else {
                0
            }
        });
        delays.max().unwrap_or(0)
    }

    /// Notes what rides on each undecided leg.
    fn weigh(&self, ticket: &mut Ticket) {
        let units = self.units_minor(ticket);
        ticket.legs.iter_mut().zip(units).for_each(|(leg, unit_minor)| leg.unit_minor = unit_minor);
    }
}

/// Whether a customer who saw `requested` takes `offered`.
fn accepts(policy: OddsChange, requested_e4: u32, offered_e4: u32) -> bool {
    match policy {
        OddsChange::None => offered_e4 == requested_e4,
        OddsChange::Higher => offered_e4 >= requested_e4,
        OddsChange::Any => true,
        OddsChange::Within(hundredths_of_percent) => {
            let least = u64::from(requested_e4) * 10_000_u64.saturating_sub(u64::from(hundredths_of_percent));
            u64::from(offered_e4) * 10_000 >= least
        }
    }
}

fn hash_of(request: &TicketRequest) -> u64 {
    let mut bytes = Vec::with_capacity(64 + 32 * request.legs.len());
    request.encode(&mut bytes);
    let mut hasher = StateHasher::default();
    hasher.update(&bytes);
    let StateHash(hash) = hasher.finish();
    u64::from_le_bytes(hash[..8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use oddsengine_types::TicketId;

    use crate::step::Step;
    use crate::views::audit::tests::{broken, state_with_a_bet};

    // Nobody measured what an acceptance did to the losses, and both engines judged with the same lines.
    #[test]
    fn an_acceptance_beyond_a_limit_is_found_by_measuring() {
        let mut state = state_with_a_bet();
        state.config.platform_loss_minor_max = 1_500;
        let mut ticket = state.tickets[0].clone();
        ticket.id = TicketId(2);
        Step::new(&mut state, &mut Vec::new(), 0).decided(ticket);
        let found = broken(&state);
        assert!(
            found.iter().any(|(name, why)| *name == "losses_within_limits"
                && why.contains("took the loss of its platform from 1000 to 2000, above the limit 1500")),
            "{found:?}"
        );
    }
}
