//! A ticket from request to decision: check everything first, change state last.

use oddsengine_ledger::{AccountKind, Memo, Transfer, transfer_id};
use oddsengine_markets::LivePhase;
use oddsengine_risk::{Change, Position, UNIT_E9, stake_minor_max, unit_minor};
use oddsengine_types::{
    Encode, Grade, STAKE_MINOR_MAX, StateHash, StateHasher, bounds::LEGS_MAX, payout_minor,
};

use crate::apply::{TICKET_TRANSFERS, book, reason_of};
use crate::command::{OddsChange, OddsVersion, TicketRequest};
use crate::engine::Engine;
use crate::event::{Event, Sink};
use crate::fixture::MarketStatus;
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
        self.ticket_index.insert(ticket.id, index);
        self.changes.note(&mut ticket, index, None);
        self.tickets.push(ticket);
        self.drop_postings();
        sink.event(Event::Decision { ticket: &self.tickets[index as usize], is_repeat: false });
        self.reprice_after_bet(index as usize, sink);
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
        let binding = *ticket.binding().expect("limits were checked");
        Ok(binding)
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
            false => Ok(()),
        }
    }

    fn judge_stake(&self, ticket: &mut Ticket) -> Result<(), Reason> {
        self.check_limits(ticket);
        let binding = ticket.binding().expect("limits were checked");
        match ticket.stake_minor > binding.stake_minor_max {
            true => Err(binding.level.reason()),
            false => Ok(()),
        }
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
        let score_before = leg.score;
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
        let market = usize::from(fixture.template().selections[selection].market);
        if fixture.market_status(market) != MarketStatus::Open {
            return Err(Reason::MarketSuspended);
        }
        if leg.offered_odds_e4 == 0 {
            return Err(Reason::NoPrice);
        }
        // Also after the delay: what happened between two epochs is not known.
        if leg.quoted_version.epoch != self.epoch || leg.quoted_version.seq > fixture.version {
            return Err(Reason::OddsVersionUnknown);
        }
        if !accepts(odds_change, leg.requested_odds_e4, leg.offered_odds_e4) {
            return Err(Reason::OddsHaveMoved);
        }
        if !is_first && leg.score != score_before {
            return Err(Reason::ScoreHasChanged);
        }
        leg.odds_e4 = leg.offered_odds_e4;
        Ok(())
    }

    /// Lists every limit with the largest stake that it allows.
    fn check_limits(&self, ticket: &mut Ticket) {
        let mut checks = Vec::with_capacity(2 + 5 * ticket.legs.len());
        let units = self.units_e9(&ticket.legs);
        for (leg_index, (leg, unit_e9)) in ticket.legs.iter().zip(units).enumerate() {
            self.check_leg_limits(leg_index as u8, leg, unit_e9, &mut checks);
        }
        let factor_e3 = i128::from(self.factor_e3(ticket.customer));
        let share =
            |amount: i64| (i128::from(amount) * factor_e3 / 1_000).min(i128::from(STAKE_MINOR_MAX)) as i64;
        let own_limit = share(self.config.stake_minor_max);
        let by_risk = checks.iter().map(|check| check.stake_minor_max).min().unwrap_or(STAKE_MINOR_MAX);
        // A customer with part of the limits gets that part of what the limits would allow anybody.
        let own_stake_max = if factor_e3 < 1_000 { own_limit.min(share(by_risk)) } else { own_limit };
        let payout_limit = self.config.payout_minor_max;
        let by_payout = ticket
            .legs
            .iter()
            .fold(i128::from(payout_limit), |amount, leg| amount * 10_000 / i128::from(leg.odds_e4));
        let whole = |level, limit_minor, stake_minor_max| LimitCheck {
            level,
            leg: None,
            limit_minor,
            used_minor: 0,
            stake_minor_max,
        };
        ticket.checks.clear();
        ticket.checks.push(whole(LimitLevel::Payout, payout_limit, by_payout as i64));
        ticket.checks.push(whole(LimitLevel::Customer, own_limit, own_stake_max));
        ticket.checks.append(&mut checks);
    }

    fn check_leg_limits(&self, leg_index: u8, leg: &Leg, unit_e9: u64, checks: &mut Vec<LimitCheck>) {
        let fixture = &self.fixtures[leg.fixture as usize];
        let (template, possible, selection) =
            (fixture.template(), &fixture.possible, usize::from(leg.selection));
        let market = template.selections[selection].market;
        let of_market = fixture.book.market_minima(template, possible, selection);
        let of_fixture = fixture.book.joint_minima(template, possible, selection);
        let own_loss = loss_of(&fixture.book);
        let competition = &self.competitions[fixture.competition as usize];
        let sport = fixture.request.sport();
        let scopes = [
            (LimitLevel::Fixture, fixture.limits.fixture_loss_minor_max, own_loss),
            (
                LimitLevel::Competition,
                self.limits().competition_minor(&competition.name),
                competition.loss_minor,
            ),
            (LimitLevel::Sport, self.limits().sport_minor(sport), self.sport_loss_minor(sport)),
            (LimitLevel::Platform, self.config.platform_loss_minor_max, self.derived.platform_loss_minor),
        ];
        let market_limit = fixture.limits.market_loss_minor_max[usize::from(market)];
        let largest = |minima, limit_minor| {
            stake_minor_max(minima, &template.grades, leg.odds_e4, unit_e9, limit_minor)
        };
        checks.push(LimitCheck {
            level: LimitLevel::Market,
            leg: Some(leg_index),
            limit_minor: market_limit,
            used_minor: (-fixture.book.market_worst_minor(template, possible, market)).max(0),
            stake_minor_max: largest(&of_market, market_limit),
        });
        for (level, limit_minor, used_minor) in scopes {
            // What the other fixtures use up is not there for this one.
            let room_minor = limit_minor - (used_minor - own_loss);
            checks.push(LimitCheck {
                level,
                leg: Some(leg_index),
                limit_minor,
                used_minor,
                stake_minor_max: largest(&of_fixture, room_minor),
            });
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
        if fixture.parameters.is_none() {
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
        let transfer = self.stake_transfer(ticket);
        match book(&mut self.ledger, &[transfer]) {
            Ok(_) => self.open(ticket, index),
            Err(reason) => self.refuse(ticket, reason),
        }
    }

    /// Reserves the stake and the liability for the bet delay.
    fn hold(&mut self, ticket: &mut Ticket, index: u32, delay_ns: i64) {
        let transfer = self.stake_transfer(ticket);
        match self.ledger.reserve(&transfer, None) {
            Ok(_) => {
                ticket.state = TicketState::Delayed;
                ticket.due_ns = self.now_ns.saturating_add(delay_ns);
                self.add_positions(ticket);
                self.delayed.insert((ticket.due_ns, index));
            }
            Err(error) => self.refuse(ticket, reason_of(error)),
        }
    }

    /// Decides every ticket whose bet delay has ended: status, price, score and limits once more.
    pub(crate) fn decide_delayed(&mut self, sink: &mut impl Sink) {
        while let Some(&(due_ns, index)) = self.delayed.first() {
            if due_ns > self.now_ns {
                return;
            }
            self.delayed.pop_first();
            let mut ticket = self.tickets[index as usize].clone();
            self.remove_positions(&mut ticket);
            let verdict = self.check_prices(&mut ticket, false).and_then(|()| self.judge_stake(&mut ticket));
            let reserved = transfer_id(TICKET_TRANSFERS, ticket.id.0, 0);
            let resolved = transfer_id(TICKET_TRANSFERS, ticket.id.0, 1);
            match verdict {
                Ok(()) => {
                    self.ledger.post(resolved, reserved, None).expect("a reserved stake can be posted once");
                    self.open(&mut ticket, index);
                }
                Err(reason) => {
                    self.ledger.void(resolved, reserved).expect("a reserved stake can be released once");
                    self.refuse(&mut ticket, reason);
                }
            }
            self.changes.note(&mut ticket, index, self.tickets.get(index as usize));
            self.tickets[index as usize] = ticket;
            self.drop_postings();
            sink.event(Event::Decision { ticket: &self.tickets[index as usize], is_repeat: false });
            self.reprice_after_bet(index as usize, sink);
        }
    }

    fn stake_transfer(&mut self, ticket: &Ticket) -> Transfer {
        let currency = self.config.currency;
        let debit = self.ledger.account(AccountKind::CustomerCash(ticket.customer), currency);
        let credit = self.ledger.account(AccountKind::CustomerOpenStakes(ticket.customer), currency);
        let id = transfer_id(TICKET_TRANSFERS, ticket.id.0, 0);
        Transfer {
            id,
            debit,
            credit,
            amount_minor: ticket.stake_minor,
            memo: Memo { reference: ticket.id.0, ..Memo::default() },
        }
    }

    fn open(&mut self, ticket: &mut Ticket, index: u32) {
        ticket.state = TicketState::Open;
        ticket.decided_ns = self.now_ns;
        self.add_positions(ticket);
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
