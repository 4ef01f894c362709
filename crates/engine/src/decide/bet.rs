//! A ticket from request to decision: check everything first, then say what is so.

use oddsengine_facts::command::REFUSED_TICKETS_MAX;
use oddsengine_facts::{
    Fact, Handling, Leg, LegRequest, LimitCheck, OddsChange, OddsVersion, Origin, Place, Plan, Reason, Terms,
    Ticket, TicketChange, TicketMarks, TicketRequest, TicketState, Wishes,
};
use oddsengine_ledger::TransferError;
use oddsengine_markets::{LivePhase, SelectionId};
use oddsengine_types::{
    FixtureId, Grade, STAKE_MINOR_MAX, StateHash, StateHasher, TicketId, bounds::LEGS_MAX, payout_minor,
};

use super::money::{RETRY_NS, stopped};
use super::settle::{DECIDED_PER_RECORD, WEIGHED_PER_BET};
use crate::lines;
use crate::state::State;
use crate::state::fixture::MarketStatus;
use crate::step::{Answer, Step};

impl Step<'_> {
    /// Decides a ticket request, or repeats the answer it got before.
    pub(super) fn place(&mut self, request: &TicketRequest, by: &Origin) -> Answer {
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
        let judged = self.judge_request(request, &mut ticket, by);
        let judged = match judged {
            Err(reason) if request.wishes != Wishes::default() => self.instead(&mut ticket, reason),
            judged => judged.map(|()| true),
        };
        let taken = judged.and_then(|is_taken| match is_taken {
            true => self.check_funds(&ticket).and_then(|()| self.take(&mut ticket)),
            false => Ok(()),
        });
        if let Err(reason) = taken {
            self.refuse_ticket(&mut ticket, reason);
        }
        let id = ticket.id;
        self.decided(ticket);
        Answer::Ticket { ticket: id, is_repeat: false }
    }

    /// A ticket is decided; where it is taken, the books are measured: no loss may be above its limit, unless it did not grow.
    pub(super) fn decided(&mut self, mut ticket: Ticket) {
        let legs = ticket.legs.clone();
        // A fact names, and holds no place of this process.
        ticket.legs.iter_mut().for_each(|leg| leg.place = Place::default());
        let is_new = !self.ticket_index.contains_key(&ticket.id);
        let forgets = ticket.is_refused_at_once() && is_new && self.refused.len() >= REFUSED_TICKETS_MAX;
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
            let ticket = self.tickets[index as usize].clone();
            if !ticket.state.is_waiting() {
                self.end_offer(ticket);
                continue;
            }
            self.fact(Fact::DelayEnded { ticket: ticket.id });
            self.end_due(ticket);
            if self.now_ns == i64::MAX && self.delayed.first().is_some_and(|&(_, next)| next == index) {
                // Nothing is later than the end of time: one that is held on would be due again at once.
                return;
            }
        }
    }

    pub(super) fn price_legs(&mut self, ticket: &Ticket) {
        for leg in &ticket.legs {
            self.priced(leg.place.fixture as usize);
        }
    }

    /// Leaves a ticket on delay that the ledger would not decide; it is tried again a little later.
    pub(super) fn hold_on(&mut self, ticket: TicketId, error: TransferError) {
        self.fact(Fact::TicketHeld { ticket, due_ns: self.now_ns.saturating_add(RETRY_NS) });
        let (message, fixture) = (stopped(&self.tickets[self.ticket_index[&ticket] as usize], error), None);
        self.alert("ticket_stopped", fixture, message);
    }

    fn judge_request(
        &mut self,
        request: &TicketRequest,
        ticket: &mut Ticket,
        by: &Origin,
    ) -> Result<(), Reason> {
        self.check_request(request)?;
        self.check_admission(request.customer, legs_of(request), Some(by))?;
        take_plan(request, ticket);
        self.find_legs(request, ticket)?;
        self.check_prices(ticket, true)?;
        self.judge_stake(ticket)
    }

    pub(super) fn refuse_ticket(&self, ticket: &mut Ticket, reason: Reason) {
        ticket.state = TicketState::Refused(reason);
        ticket.decided_ns = self.now_ns;
        ticket.legs.iter_mut().for_each(|leg| leg.unit_minor = 0);
    }

    /// The stake is reserved, and the liability with it, for the bet delay or a trader.
    pub(super) fn hold(&self, ticket: &mut Ticket, state: TicketState, due_ns: i64) {
        (ticket.state, ticket.due_ns, ticket.decided_ns) = (state, due_ns, 0);
        self.weigh(ticket);
    }

    pub(super) fn open(&self, ticket: &mut Ticket) {
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
        self.max_stake_by(request, None, self.now_ns)
    }

    /// As [`State::max_stake`], asked by this way, whose switches are looked at as well, for a bet received at this time: what
    /// leaves a stake window or a period of an own limit by then counts no more.
    ///
    /// # Errors
    /// As [`State::max_stake`].
    pub fn max_stake_by(
        &self,
        request: &TicketRequest,
        by: Option<&Origin>,
        received_ns: i64,
    ) -> Result<LimitCheck, Reason> {
        let mut request = TicketRequest {
            stake_minor: self.config.stake_minor_min,
            odds_change: OddsChange::Any,
            ..request.clone()
        };
        if let Some(plan) = &mut request.plan {
            self.ask_for_least(plan, request.legs.len());
            request.stake_minor = 0;
        }
        let mut ticket = self.draft(&request, 0);
        ticket.received_ns = received_ns.max(self.now_ns);
        self.check_request(&request)?;
        self.check_admission(request.customer, legs_of(&request), by)?;
        take_plan(&request, &mut ticket);
        self.find_legs(&request, &mut ticket)?;
        self.check_prices(&mut ticket, true)?;
        self.check_limits(&mut ticket);
        if let Some(reason) = ticket.refusal_of(ticket.stake_minor) {
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
            stake_minor: stake_of(request).unwrap_or(request.stake_minor),
            odds_change: request.odds_change,
            state: TicketState::Open,
            legs: Vec::with_capacity(leg_count_of(request).min(LEGS_MAX)),
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
            handling: handling_of(request),
            marks: TicketMarks::default(),
        }
    }

    /// Decides once more at the end of a bet delay; the stake is reserved.
    pub(super) fn judge_delayed(&self, ticket: &mut Ticket) -> Result<(), Reason> {
        if self.factor_e3(ticket.customer) == 0 {
            return Err(Reason::CustomerBlocked);
        }
        self.check_admission(ticket.customer, legs_on(ticket), None)?;
        self.check_prices(ticket, false)?;
        self.judge_stake(ticket)?;
        self.check_debt(ticket)
    }

    /// Whether the customer has the stake, and owes nothing.
    pub(super) fn check_funds(&self, ticket: &Ticket) -> Result<(), Reason> {
        match self.available_minor(ticket.customer) < ticket.stake_minor {
            true => Err(Reason::BalanceTooSmall),
            false => self.check_debt(ticket),
        }
    }

    fn check_debt(&self, ticket: &Ticket) -> Result<(), Reason> {
        match !self.config.bets_while_owing && self.owed_minor(ticket.customer) > 0 {
            true => Err(Reason::CustomerOwes),
            false => Ok(()),
        }
    }

    pub(super) fn judge_stake(&self, ticket: &mut Ticket) -> Result<(), Reason> {
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
        if let Some(stake_minor) = stake_of(request) {
            if stake_minor <= 0 {
                return Err(Reason::StakeMustBePositive);
            }
            if stake_minor < self.config.stake_minor_min {
                return Err(Reason::StakeBelowMinimum);
            }
            if stake_minor > STAKE_MINOR_MAX {
                return Err(Reason::StakeExceedsMaximum);
            }
        }
        if legs.is_empty() || legs.len() > self.config.legs_max as usize || leg_count_of(request) > LEGS_MAX {
            return Err(Reason::LegCountOutOfRange);
        }
        match &request.plan {
            None if (1..legs.len()).any(same_fixture) => Err(Reason::LegsOnSameFixture),
            None => Ok(()),
            Some(plan) if plan.joins_legs_of_a_fixture(legs) => Err(Reason::LegsOnSameFixture),
            Some(plan) => plan.check(legs.len(), request.stake_minor, self.config.line_stake_minor_min),
        }
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
                    place_fraction_of: 0,
                    place_of: 0,
                    grade: None,
                    unit_minor: 0,
                }),
            }
        }
        let places =
            request.plan.as_ref().map_or(Ok(()), |plan| self.find_places(plan, ticket, refusal.is_some()));
        if let Err(reason) = places {
            refusal = Some(refusal.map_or(reason, |known| known.min(reason)));
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
    pub(super) fn check_prices(&self, ticket: &mut Ticket, is_first: bool) -> Result<(), Reason> {
        self.check_prices_at(ticket, ticket.odds_change, is_first)
    }

    /// As [`State::check_prices`], where the odds may change so.
    pub(super) fn check_prices_at(
        &self,
        ticket: &mut Ticket,
        odds_change: OddsChange,
        is_first: bool,
    ) -> Result<(), Reason> {
        let mut refusal: Option<Reason> = None;
        let offer = ticket.handling.as_ref().and_then(|handling| handling.agreed());
        let agreed_e4 = |leg: usize| {
            offer.and_then(|offer| Some((*offer.odds_e4.get(leg)?, *offer.board_odds_e4.get(leg)?)))
        };
        let submitted = lines::submitted(&ticket.legs);
        let (to_win, places) = ticket.legs.split_at_mut(submitted);
        for (place, leg) in to_win.iter_mut().enumerate() {
            let priced = usize::from(leg.place.selection);
            if let Err(reason) = self.check_leg(leg, priced, odds_change, agreed_e4(place), is_first) {
                refusal = Some(refusal.map_or(reason, |known| known.min(reason)));
            }
        }
        for leg in places {
            // A place is paid at a part of the odds to win.
            let of = usize::from(leg.place_of);
            let priced = usize::from(to_win[of].place.selection);
            if let Err(reason) = self.check_leg(leg, priced, odds_change, agreed_e4(of), is_first) {
                refusal = Some(refusal.map_or(reason, |known| known.min(reason)));
            }
        }
        if let Some(reason) = refusal {
            return Err(reason);
        }
        ticket.payout_minor_max = payout_of_wins(ticket);
        Ok(())
    }

    /// `priced`: the selection at whose odds the leg is taken. `agreed_e4`: a trader's odds that the customer took, and those of the board when they were offered.
    fn check_leg(
        &self,
        leg: &mut Leg,
        priced: usize,
        odds_change: OddsChange,
        agreed_e4: Option<(u32, u32)>,
        is_first: bool,
    ) -> Result<(), Reason> {
        let fixture = &self.fixtures[leg.place.fixture as usize];
        let selection = usize::from(leg.place.selection);
        let (score_before, interruptions_before) = (leg.score, leg.interruptions);
        let offered_before_e4 = leg.offered_odds_e4;
        let market = fixture.template().selections[selection].market;
        leg.interruptions = fixture.interruptions_of(market);
        leg.offered_odds_e4 = fixture.board.odds_e4[priced];
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
        let is_accepted = match agreed_e4 {
            None => accepts(odds_change, leg.requested_odds_e4, leg.offered_odds_e4),
            Some((_, board_e4)) => leg.offered_odds_e4 >= board_e4,
        };
        if !is_accepted {
            return Err(Reason::OddsHaveMoved);
        }
        if !is_first && leg.score != score_before {
            return Err(Reason::ScoreHasChanged);
        }
        // Goal and cancellation, danger and safe, suspension and resumption: the price stood still while the world moved.
        if !is_first && leg.interruptions != interruptions_before {
            return Err(Reason::TradingInterrupted);
        }
        if !is_first && self.has_improved(offered_before_e4, leg.offered_odds_e4) {
            return Err(Reason::PriceImproved);
        }
        leg.odds_e4 = agreed_e4.map_or(leg.offered_odds_e4, |(odds_e4, _)| odds_e4);
        Ok(())
    }

    /// The price is longer than it was by more than is plausible: one of the two was wrong.
    fn has_improved(&self, before_e4: u32, now_e4: u32) -> bool {
        let most = u64::from(before_e4) * (10_000 + u64::from(self.config.improvement_e4));
        self.config.improvement_e4 != 0 && u64::from(now_e4) * 10_000 > most
    }

    /// The longest bet delay among the legs in play; 0 when none is, or where so little is expected to be paid that the bet is
    /// taken without.
    pub(super) fn bet_delay_ns(&self, ticket: &Ticket) -> i64 {
        let delays = ticket.legs.iter().map(|leg| {
            let fixture = &self.fixtures[leg.place.fixture as usize];
            if fixture.live.phase() == LivePhase::InPlay {
                fixture.limits.bet_delay_ms_of(fixture.template, leg.place.selection) * 1_000_000
            } else {
                0
            }
        });
        match delays.max().unwrap_or(0) {
            0 => 0,
            _ if self.skips_delay(ticket) => 0,
            delay_ns => delay_ns,
        }
    }

    fn skips_delay(&self, ticket: &Ticket) -> bool {
        let expected = ticket.legs.iter().fold(i128::from(ticket.payout_minor_max), |payout, leg| {
            payout * i128::from(leg.fair_probability_e9) / 1_000_000_000
        });
        // Without a model nobody knows how likely it is; nor what a system is expected to pay by the product of all of its legs.
        let is_known =
            ticket.terms.bets.is_empty() && ticket.legs.iter().all(|leg| leg.fair_probability_e9 > 0);
        self.config.delay_skip_minor > 0
            && is_known
            && expected <= i128::from(self.config.delay_skip_minor)
            && !self.is_flagged(ticket.customer)
    }

    /// Notes what rides on each undecided leg.
    fn weigh(&self, ticket: &mut Ticket) {
        let units = self.units_minor(ticket);
        ticket.legs.iter_mut().zip(units).for_each(|(leg, unit_minor)| leg.unit_minor = unit_minor);
    }
}

/// What is paid where every leg wins.
pub(super) fn payout_of_wins(ticket: &Ticket) -> i64 {
    if !ticket.terms.bets.is_empty() {
        return lines::payout_minor_max(&ticket.terms.bets, &ticket.legs);
    }
    let won: Vec<(u32, Grade)> = ticket.legs.iter().map(|leg| (leg.odds_e4, Grade::WON)).collect();
    payout_minor(ticket.stake_minor, &won)
}

fn legs_of(request: &TicketRequest) -> impl Iterator<Item = (FixtureId, SelectionId)> {
    request.legs.iter().map(|leg| (leg.fixture, leg.selection))
}

pub(super) fn legs_on(ticket: &Ticket) -> impl Iterator<Item = (FixtureId, SelectionId)> {
    ticket.legs.iter().map(|leg| (leg.fixture, leg.selection))
}

/// Nothing is noted of a bet that is to be taken as it was asked or not at all.
fn handling_of(request: &TicketRequest) -> Option<Box<Handling>> {
    let (wishes, asked_minor) = (request.wishes, stake_of(request).unwrap_or(request.stake_minor));
    (wishes != Wishes::default()).then(|| Box::new(Handling { wishes, asked_minor, ..Handling::default() }))
}

/// What a request stakes; none where its plan makes no bets of its legs.
fn stake_of(request: &TicketRequest) -> Option<i64> {
    match &request.plan {
        None => Some(request.stake_minor),
        Some(plan) => plan.stake_minor(request.legs.len(), request.stake_minor),
    }
}

/// Legs of a ticket: those submitted, and their places.
fn leg_count_of(request: &TicketRequest) -> usize {
    request.legs.len() + request.plan.as_ref().map_or(0, |plan| plan.each_way.len())
}

/// The bets of a request that was checked. One line of all legs is what a ticket without a plan is.
fn take_plan(request: &TicketRequest, ticket: &mut Ticket) {
    let Some(plan) = &request.plan else { return };
    let bets = plan.staked(request.legs.len(), request.stake_minor);
    if let [bet] = bets.as_slice()
        && bet.is_one_line()
    {
        return;
    }
    ticket.terms.plan = if plan.each_way.is_empty() { Plan::System } else { Plan::EachWay };
    ticket.terms.bets = bets;
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
    request.encode_body(&mut bytes);
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
