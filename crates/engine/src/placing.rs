//! A ticket from request to decision: check everything first, change state last.

use oddsengine_markets::LivePhase;
use oddsengine_risk::book::ByGrade;
use oddsengine_risk::{
    Change, LossOfStake, Position, UNIT_E9, stake_minor_max, stake_minor_max_together, unit_minor,
};
use oddsengine_types::{
    Encode, Grade, STAKE_MINOR_MAX, StateHash, StateHasher, bounds::LEGS_MAX, payout_minor,
};

use crate::command::{OddsChange, OddsVersion, REFUSED_TICKETS_MAX, TicketRequest};
use crate::engine::Engine;
use crate::event::{Event, Sink};
use crate::fixture::MarketStatus;
use crate::money::{RETRY_NS, reason_of, tell_stopped};
use crate::status::{Reason, TicketState};
use crate::ticket::{Leg, LimitCheck, LimitLevel, Ticket, TicketChange};
use crate::trading::loss_of;

impl Engine {
    /// Decides a ticket request, or repeats the answer it got before.
    pub(crate) fn place(&mut self, request: &TicketRequest, sink: &mut impl Sink) {
        let request_hash = hash_of(request);
        if let Some(ticket) = self.ticket(request.ticket) {
            return match ticket.request_hash == request_hash {
                true => sink.event(Event::Decision { ticket, is_repeat: true }),
                false => sink
                    .event(Event::TicketRefused { ticket: request.ticket, reason: Reason::IdHasAnotherBody }),
            };
        }
        self.stop_overdue(sink);
        self.weigh_accumulators();
        let mut ticket = self.draft(request, request_hash);
        let verdict = self.judge_request(request, &mut ticket);
        let index = self.tickets.len() as u32;
        match verdict {
            Err(reason) => self.refuse(&mut ticket, reason),
            Ok(()) => match self.bet_delay_ns(&ticket) {
                0 => self.accept_at_once(&mut ticket, index),
                delay_ns => self.hold(&mut ticket, index, delay_ns),
            },
        }
        let index = match ticket.is_refused_at_once() {
            true => self.keep_refused(ticket),
            false => {
                self.ticket_index.insert(ticket.id, index);
                self.changes.note(&mut ticket, index, None);
                self.tickets.push(ticket);
                index
            }
        };
        self.drop_postings();
        sink.event(Event::Decision { ticket: &self.tickets[index as usize], is_repeat: false });
        self.reprice_after_bet(index as usize, sink);
    }

    /// Keeps a ticket that was refused at once, so that a repeat gets the same answer. Anybody can make such tickets, so
    /// only the latest [`REFUSED_TICKETS_MAX`] are kept: a new one takes the place of the oldest. Returns the place.
    fn keep_refused(&mut self, mut ticket: Ticket) -> u32 {
        let forgotten = match self.refused.len() >= REFUSED_TICKETS_MAX {
            true => self.refused.pop_front(),
            false => None,
        };
        let index = forgotten.unwrap_or(self.tickets.len() as u32);
        self.ticket_index.insert(ticket.id, index);
        self.refused.push_back(index);
        if let Some(place) = forgotten {
            self.ticket_index.remove(&self.tickets[place as usize].id);
            self.changes.replace(&mut ticket, index);
            self.tickets[place as usize] = ticket;
            self.counters.forgotten_count += 1;
        } else {
            self.changes.note(&mut ticket, index, None);
            self.tickets.push(ticket);
        }
        index
    }

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
        }
    }

    fn judge_request(&self, request: &TicketRequest, ticket: &mut Ticket) -> Result<(), Reason> {
        self.check_request(request)?;
        self.find_legs(request, ticket)?;
        self.check_prices(ticket, true)?;
        self.judge_stake(ticket)?;
        match self.available_minor(ticket.customer) < ticket.stake_minor {
            true => Err(Reason::BalanceTooSmall),
            false => self.check_debt(ticket),
        }
    }

    /// Decides once more at the end of a bet delay; the stake is reserved.
    fn judge_delayed(&self, ticket: &mut Ticket) -> Result<(), Reason> {
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
            let found = match self.index_of(leg.fixture) {
                None => Err(Reason::FixtureNotFound),
                Some(index) => match self.fixtures[index].template().selection_of_id(leg.selection) {
                    None => Err(Reason::SelectionNotFound),
                    Some(selection) => Ok((index, selection)),
                },
            };
            match found {
                Err(reason) => refusal = Some(refusal.map_or(reason, |known| known.min(reason))),
                Ok((index, selection)) => ticket.legs.push(Leg {
                    fixture: index as u32,
                    selection: selection as u16,
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
        let fixture = &self.fixtures[leg.fixture as usize];
        let selection = usize::from(leg.selection);
        let (score_before, interruptions_before) = (leg.score, leg.interruptions);
        let market = fixture.template().selections[selection].market;
        leg.interruptions = fixture.interruptions_of(market);
        leg.offered_odds_e4 = fixture.odds_e4[selection];
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
        if fixture.status() != MarketStatus::Open {
            return Err(Reason::FixtureSuspended);
        }
        if fixture.market_status(usize::from(market)) != MarketStatus::Open {
            return Err(Reason::MarketSuspended);
        }
        if leg.offered_odds_e4 == 0 {
            return Err(Reason::NoPrice);
        }
        // Also after the delay: what happened between two epochs is not known.
        if leg.quoted_version.epoch != self.epoch || !(1..=fixture.version).contains(&leg.quoted_version.seq)
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

    /// Lists every limit with the largest stake that it allows.
    fn check_limits(&self, ticket: &mut Ticket) {
        let mut checks = Vec::with_capacity(5 + 2 * ticket.legs.len());
        let payout_limit = self.config.payout_minor_max;
        let by_payout = ticket
            .legs
            .iter()
            .fold(i128::from(payout_limit), |amount, leg| amount * 10_000 / i128::from(leg.odds_e4));
        checks.push(of_ticket(LimitLevel::Payout, payout_limit, 0, by_payout as i64));
        // In its place by level; filled in once the others are known.
        checks.push(of_ticket(LimitLevel::Customer, 0, 0, 0));
        let units = self.units_e9(&ticket.legs);
        match ticket.legs.as_slice() {
            [leg] => self.check_single(leg, &mut checks),
            legs => self.check_legs(legs, &units, &mut checks),
        }
        checks[1] = self.check_customer(ticket, &checks[2..]);
        ticket.checks = checks;
    }

    /// A customer's own limit on what they stake on a selection in a day; with part of the limits also that part of
    /// what the limits would allow anybody.
    fn check_customer(&self, ticket: &Ticket, by_risk: &[LimitCheck]) -> LimitCheck {
        let factor_e3 = i128::from(self.factor_e3(ticket.customer));
        let share =
            |amount: i64| (i128::from(amount) * factor_e3 / 1_000).min(i128::from(STAKE_MINOR_MAX)) as i64;
        let staked = ticket.legs.iter().map(|leg| self.staked_today_minor(ticket.customer, leg));
        let used_minor = staked.max().unwrap_or(0);
        let mut limit_minor = share(self.config.stake_minor_max);
        if factor_e3 < 1_000 {
            let anybody = by_risk.iter().map(|check| check.stake_minor_max).min().unwrap_or(STAKE_MINOR_MAX);
            limit_minor = limit_minor.min(share(anybody.saturating_add(used_minor)));
        }
        of_ticket(LimitLevel::Customer, limit_minor, used_minor, (limit_minor - used_minor).max(0))
    }

    /// The limits of a single, each with the largest stake in closed form.
    fn check_single(&self, leg: &Leg, checks: &mut Vec<LimitCheck>) {
        let fixture = &self.fixtures[leg.fixture as usize];
        let template = fixture.template();
        let of_fixture = self.check_fixture(0, leg, UNIT_E9, checks);
        let own_loss = loss_of(&fixture.book);
        for level in [LimitLevel::Competition, LimitLevel::Sport, LimitLevel::Platform] {
            let (limit_minor, used_minor) = self.limit_and_loss(level, leg.fixture);
            // What the other fixtures use up is not there for this one.
            let room_minor = limit_minor - (used_minor - own_loss);
            let stake_minor_max =
                stake_minor_max(&of_fixture, &template.grades, leg.odds_e4, UNIT_E9, room_minor);
            checks.push(LimitCheck { level, leg: Some(0), limit_minor, used_minor, stake_minor_max });
        }
    }

    /// The limits of several legs: of each market and fixture for itself, of everything above them together.
    fn check_legs(&self, legs: &[Leg], units_e9: &[u64], checks: &mut Vec<LimitCheck>) {
        let mut losses = Vec::with_capacity(legs.len());
        for (leg_index, (leg, &unit_e9)) in legs.iter().zip(units_e9).enumerate() {
            let minima = self.check_fixture(leg_index as u8, leg, unit_e9, checks);
            let fixture = &self.fixtures[leg.fixture as usize];
            let (grades, loss_minor) = (&fixture.template().grades, loss_of(&fixture.book));
            losses.push(LossOfStake::new(&minima, grades, leg.odds_e4, unit_e9, loss_minor));
        }
        for level in [LimitLevel::Competition, LimitLevel::Sport, LimitLevel::Platform] {
            for (leg_index, leg) in legs.iter().enumerate() {
                let is_in = |other: &Leg| self.is_in_scope(level, leg.fixture, other.fixture);
                if legs[..leg_index].iter().any(is_in) {
                    continue;
                }
                let of_scope: Vec<&LossOfStake> =
                    losses.iter().zip(legs).filter(|(_, other)| is_in(other)).map(|(loss, _)| loss).collect();
                let (limit_minor, used_minor) = self.limit_and_loss(level, leg.fixture);
                let stake_minor_max = stake_minor_max_together(&of_scope, used_minor, limit_minor);
                checks.push(of_ticket(level, limit_minor, used_minor, stake_minor_max));
            }
        }
    }

    /// The limits of a leg's market and fixture; returns the fixture's least profit and loss by grade.
    fn check_fixture(&self, leg_index: u8, leg: &Leg, unit_e9: u64, checks: &mut Vec<LimitCheck>) -> ByGrade {
        let fixture = &self.fixtures[leg.fixture as usize];
        let (template, possible, selection) =
            (fixture.template(), &fixture.possible, usize::from(leg.selection));
        let of_market = fixture.book.market_minima(template, possible, selection);
        let of_fixture = fixture.book.joint_minima(template, possible, selection);
        for (level, minima) in [(LimitLevel::Market, &of_market), (LimitLevel::Fixture, &of_fixture)] {
            let (limit_minor, used_minor) = match level {
                LimitLevel::Market => self.market_limit_and_loss(leg),
                level => self.limit_and_loss(level, leg.fixture),
            };
            let stake_minor_max =
                stake_minor_max(minima, &template.grades, leg.odds_e4, unit_e9, limit_minor);
            checks.push(LimitCheck { level, leg: Some(leg_index), limit_minor, used_minor, stake_minor_max });
        }
        of_fixture
    }

    fn market_limit_and_loss(&self, leg: &Leg) -> (i64, i64) {
        let fixture = &self.fixtures[leg.fixture as usize];
        let market = fixture.template().selections[usize::from(leg.selection)].market;
        let worst_minor = fixture.book.market_worst_minor(fixture.template(), &fixture.possible, market);
        (fixture.limits.market_loss_minor_max[usize::from(market)], (-worst_minor).max(0))
    }

    /// The limit of the fixture, or of the scope of this level that it is in, and its loss now.
    fn limit_and_loss(&self, level: LimitLevel, fixture: u32) -> (i64, i64) {
        let fixture = &self.fixtures[fixture as usize];
        match level {
            LimitLevel::Competition => {
                let competition = &self.competitions[fixture.competition as usize];
                (self.limits().competition_minor(&competition.name), competition.loss_minor)
            }
            LimitLevel::Sport => {
                let sport = fixture.request.sport();
                (self.limits().sport_minor(sport), self.sport_loss_minor(sport))
            }
            LimitLevel::Platform => (self.config.platform_loss_minor_max, self.derived.platform_loss_minor),
            _ => (fixture.limits.fixture_loss_minor_max, loss_of(&fixture.book)),
        }
    }

    /// Two fixtures count against the same limit of this level.
    fn is_in_scope(&self, level: LimitLevel, fixture: u32, other: u32) -> bool {
        let [fixture, other] = [fixture, other].map(|index| &self.fixtures[index as usize]);
        match level {
            LimitLevel::Competition => fixture.competition == other.competition,
            LimitLevel::Sport => fixture.request.sport() == other.request.sport(),
            _ => true,
        }
    }

    /// Every loss that a ticket's legs count in, with its limit: as the books have it, not as a formula says.
    fn losses_of(&self, legs: &[Leg]) -> Vec<(LimitLevel, i64, i64)> {
        let mut losses = Vec::with_capacity(5 * legs.len());
        for leg in legs {
            for level in
                [LimitLevel::Fixture, LimitLevel::Competition, LimitLevel::Sport, LimitLevel::Platform]
            {
                let (limit_minor, loss_minor) = self.limit_and_loss(level, leg.fixture);
                losses.push((level, limit_minor, loss_minor));
            }
            // A scan of the market's outcomes, which the fixture's and the others' losses do not need.
            if cfg!(debug_assertions) {
                let (limit_minor, loss_minor) = self.market_limit_and_loss(leg);
                losses.push((LimitLevel::Market, limit_minor, loss_minor));
            }
        }
        losses
    }

    /// Puts an accepted ticket in the books and measures: no loss may be above its limit, unless it did not grow.
    pub(crate) fn add_accepted(&mut self, ticket: &mut Ticket) {
        let before = self.losses_of(&ticket.legs);
        self.add_positions(ticket);
        let after = self.losses_of(&ticket.legs);
        let broken = before
            .iter()
            .zip(&after)
            .find(|((_, limit_minor, before), (_, _, after))| after > limit_minor && after > before);
        if let (Some(((level, limit_minor, before), (_, _, after))), None) =
            (broken, &self.derived.limit_violation)
        {
            self.derived.limit_violation = Some(format!(
                "ticket {:032x} took the loss of its {} from {before} to {after}, above the limit {limit_minor}",
                ticket.id.0,
                level.name()
            ));
        }
    }

    pub(crate) fn factor_e3(&self, customer: oddsengine_types::CustomerId) -> u32 {
        self.customers.get(&customer).map_or(1_000, |customer| customer.factor_e3)
    }

    /// Per leg: the product of the other legs' expected returns, in billionths.
    pub(crate) fn units_e9(&self, legs: &[Leg]) -> Vec<u64> {
        if legs.len() == 1 {
            return vec![UNIT_E9];
        }
        let returns: Vec<f64> = legs.iter().map(|leg| self.expected_return(leg)).collect();
        (0..legs.len())
            .map(|leg| {
                let others: f64 = returns
                    .iter()
                    .enumerate()
                    .filter(|&(other, _)| other != leg)
                    .map(|(_, expected)| expected)
                    .product();
                (others * UNIT_E9 as f64 + 0.5).min(1e15) as u64
            })
            .collect()
    }

    /// What a leg returns per unit of stake: exactly once it is graded, by expectation before.
    fn expected_return(&self, leg: &Leg) -> f64 {
        let odds = f64::from(leg.odds_e4) / 10_000.0;
        if let Some(grade) = leg.grade {
            return grade.win_share() * odds + grade.refund_share();
        }
        let fixture = &self.fixtures[leg.fixture as usize];
        if !fixture.has_expectations {
            // Prices by hand and no model: the odds are taken at their word.
            return 1.0;
        }
        fixture.win[usize::from(leg.selection)] * odds + fixture.refund[usize::from(leg.selection)]
    }

    /// The longest bet delay among the legs in play; 0 when none is.
    fn bet_delay_ns(&self, ticket: &Ticket) -> i64 {
        let delays = ticket.legs.iter().map(|leg| {
            let fixture = &self.fixtures[leg.fixture as usize];
            if fixture.live.phase() == LivePhase::InPlay {
                fixture.limits.bet_delay_ms * 1_000_000
            } else {
                0
            }
        });
        delays.max().unwrap_or(0)
    }

    fn refuse(&mut self, ticket: &mut Ticket, reason: Reason) {
        ticket.state = TicketState::Refused(reason);
        ticket.decided_ns = self.now_ns;
        self.counters.refused_count += 1;
    }

    fn accept_at_once(&mut self, ticket: &mut Ticket, index: u32) {
        match self.book_stake(ticket) {
            Ok(()) => {
                self.count_stake(ticket, true);
                self.open(ticket, index);
            }
            Err(error) => self.refuse(ticket, reason_of(error)),
        }
    }

    /// Reserves the stake and the liability for the bet delay.
    fn hold(&mut self, ticket: &mut Ticket, index: u32, delay_ns: i64) {
        match self.reserve_stake(ticket) {
            Ok(()) => {
                ticket.state = TicketState::Delayed;
                ticket.due_ns = self.now_ns.saturating_add(delay_ns);
                self.count_stake(ticket, true);
                self.add_accepted(ticket);
                self.delayed.insert((ticket.due_ns, index));
            }
            Err(error) => self.refuse(ticket, reason_of(error)),
        }
    }

    /// Decides every ticket whose bet delay has ended by what has been read: status, price, score and limits once more.
    pub(crate) fn decide_delayed(&mut self, read_ns: i64, sink: &mut impl Sink) {
        while let Some(&(due_ns, index)) = self.delayed.first() {
            if due_ns > self.now_ns.min(read_ns) {
                return;
            }
            self.delayed.pop_first();
            let mut ticket = self.tickets[index as usize].clone();
            self.count_stake(&ticket, false);
            self.remove_positions(&mut ticket);
            let verdict = self.judge_delayed(&mut ticket);
            let resolved = match verdict {
                Ok(()) => self.post_stake(ticket.id),
                Err(_) => self.release_stake(&ticket, sink),
            };
            if let Err(error) = resolved {
                tell_stopped(&ticket, error, sink);
                self.hold_on(index);
                if self.now_ns == i64::MAX {
                    // Nothing is later than the end of time: it would be due again at once.
                    return;
                }
                continue;
            }
            match verdict {
                Ok(()) => {
                    self.count_stake(&ticket, true);
                    self.open(&mut ticket, index);
                }
                Err(reason) => self.refuse(&mut ticket, reason),
            }
            self.changes.note(&mut ticket, index, self.tickets.get(index as usize));
            self.tickets[index as usize] = ticket;
            self.drop_postings();
            sink.event(Event::Decision { ticket: &self.tickets[index as usize], is_repeat: false });
            self.reprice_after_bet(index as usize, sink);
        }
    }

    /// Leaves a ticket on delay that the ledger would not decide; it is tried again a little later.
    fn hold_on(&mut self, index: u32) {
        let mut ticket = self.tickets[index as usize].clone();
        ticket.due_ns = self.now_ns.saturating_add(RETRY_NS);
        self.delayed.insert((ticket.due_ns, index));
        self.count_stake(&ticket, true);
        self.add_positions(&mut ticket);
        self.tickets[index as usize] = ticket;
    }

    fn open(&mut self, ticket: &mut Ticket, index: u32) {
        ticket.state = TicketState::Open;
        ticket.decided_ns = self.now_ns;
        self.add_accepted(ticket);
        for (leg_index, leg) in ticket.legs.iter().enumerate() {
            let legs = self.fixtures[leg.fixture as usize].legs.entry(leg.selection).or_default();
            legs.push((index, leg_index as u8));
        }
        self.counters.accepted_count += 1;
        self.counters.turnover_minor += ticket.stake_minor;
    }

    /// Puts a ticket's undecided legs in their fixtures' books, at what rides on each by now.
    fn add_positions(&mut self, ticket: &mut Ticket) {
        let mut changes = BookChanges::new();
        self.plan_add(ticket, &mut changes);
        self.change_books(&changes);
    }

    /// Takes a ticket's undecided legs out of their fixtures' books.
    pub(crate) fn remove_positions(&mut self, ticket: &mut Ticket) {
        let mut changes = BookChanges::new();
        plan_remove(ticket, &mut changes);
        self.change_books(&changes);
    }

    /// Notes what [`Engine::change_books`] has to add for a ticket's undecided legs.
    pub(crate) fn plan_add(&self, ticket: &mut Ticket, changes: &mut BookChanges) {
        let units = self.units_e9(&ticket.legs);
        for (leg, unit_e9) in ticket.legs.iter_mut().zip(units) {
            leg.unit_minor = if leg.grade.is_none() { unit_minor(ticket.stake_minor, unit_e9) } else { 0 };
            if leg.grade.is_none() {
                let position = position_of(leg, ticket.stake_minor);
                changes.push((leg.fixture, Change { position, adds: true }));
            }
        }
    }

    /// Carries out planned changes: each fixture's book once.
    pub(crate) fn change_books(&mut self, changes: &[(u32, Change)]) {
        if let [(fixture, change)] = changes {
            return self.change_book(*fixture as usize, &[*change]);
        }
        let mut by_fixture = changes.to_vec();
        // Stable, so that changes of one fixture stay in order.
        by_fixture.sort_by_key(|(fixture, _)| *fixture);
        let mut of_fixture = Vec::new();
        for group in by_fixture.chunk_by(|(a, _), (b, _)| a == b) {
            of_fixture.clear();
            of_fixture.extend(group.iter().map(|(_, change)| *change));
            self.change_book(group[0].0 as usize, &of_fixture);
        }
    }

    fn change_book(&mut self, index: usize, changes: &[Change]) {
        let fixture = &mut self.fixtures[index];
        let before = loss_of(&fixture.book);
        fixture.book.change(fixture.template, &fixture.possible, changes);
        self.count_loss(index, before);
    }

    /// With a liability skew the bet itself moves prices.
    fn reprice_after_bet(&mut self, ticket: usize, sink: &mut impl Sink) {
        if self.config.skew_b_minor.is_none() || !self.tickets[ticket].is_live() {
            return;
        }
        let fixtures: Vec<usize> = self.tickets[ticket].legs.iter().map(|leg| leg.fixture as usize).collect();
        for index in fixtures {
            self.reprice(index, 0, sink);
        }
    }
}

/// A limit on the ticket as a whole.
fn of_ticket(level: LimitLevel, limit_minor: i64, used_minor: i64, stake_minor_max: i64) -> LimitCheck {
    LimitCheck { level, leg: None, limit_minor, used_minor, stake_minor_max }
}

/// Changes of books, by fixture index.
pub(crate) type BookChanges = Vec<(u32, Change)>;

/// Notes what [`Engine::change_books`] has to take back for a ticket's undecided legs.
pub(crate) fn plan_remove(ticket: &mut Ticket, changes: &mut BookChanges) {
    for leg in ticket.legs.iter_mut().filter(|leg| leg.grade.is_none()) {
        let position = position_of(leg, ticket.stake_minor);
        changes.push((leg.fixture, Change { position, adds: false }));
        leg.unit_minor = 0;
    }
}

/// The position of a leg in its fixture's book.
pub(crate) fn position_of(leg: &Leg, stake_minor: i64) -> Position {
    Position { selection: leg.selection, odds_e4: leg.odds_e4, stake_minor, unit_minor: leg.unit_minor }
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
