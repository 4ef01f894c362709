//! Tickets from request to decision: the checks in order of their reasons, each as its sentence says.

use oddsengine_engine::{
    FixtureRequest, Leg, LegRequest, LimitCheck, LimitLevel, MarketStatus, OddsChange, OddsVersion, Place,
    Plan, Reason, Scope, Terms, Ticket, TicketMarks, TicketRequest, TicketState,
};
use oddsengine_markets::SelectionId;
use oddsengine_types::{CustomerId, Grade, STAKE_MINOR_MAX};

use super::money::{self, Account, Posting};
use super::risk::stake_minor_max;
use super::{Naive, NaiveTicket, Verdict};
use crate::told::{Answer, Facts};

/// Most delayed tickets that one tick decides, as the engine says; the others wait for the next one.
const DECIDED_PER_TICK: usize = 16;

impl Naive {
    pub(super) fn place(&mut self, request: &TicketRequest, facts: &Facts<'_>, answers: &mut Vec<Answer>) {
        if let Some(known) = self.tickets.iter().find(|known| known.request.ticket == request.ticket) {
            return answers.push(match known.request == *request {
                true => Answer::Decision(known.ticket.id, known.ticket.state, true),
                false => Answer::TicketRefused(request.ticket, Reason::IdHasAnotherBody),
            });
        }
        self.stop_overdue(answers);
        self.weigh_accumulators();
        self.take_prices_at(facts, 0);
        let mut ticket = blank(request, self.now_ns, self.rules_version());
        match self.judge_request(request, &mut ticket) {
            Err(reason) => self.refuse(&mut ticket, reason),
            Ok(()) => {
                let delay_ms =
                    ticket.legs.iter().map(|leg| self.bet_delay_ms(leg.place.fixture as usize)).max();
                let delay_ns = delay_ms.unwrap_or(0) * 1_000_000;
                self.weigh(&mut ticket);
                let stake = self.stake(&ticket, delay_ns > 0);
                self.postings.push(stake);
                if delay_ns > 0 {
                    ticket.state = TicketState::Delayed;
                    ticket.due_ns = self.now_ns + delay_ns;
                } else {
                    self.accept(&mut ticket);
                }
            }
        }
        answers.push(Answer::Decision(ticket.id, ticket.state, false));
        let is_taken = !matches!(ticket.state, TicketState::Refused(_));
        let index = self.keep(NaiveTicket { request: request.clone(), ticket, settles_ns: None, place: 0 });
        if is_taken {
            self.measure_taken(index);
        }
    }

    /// Decides the tickets whose delay has ended, the first due first.
    pub(super) fn decide_delayed(&mut self, read_ns: i64, facts: &Facts<'_>, answers: &mut Vec<Answer>) {
        for decision in 0..DECIDED_PER_TICK {
            let delayed = self
                .tickets
                .iter()
                .enumerate()
                .filter(|(_, known)| known.ticket.state == TicketState::Delayed);
            let next = delayed.map(|(index, known)| (known.ticket.due_ns, index)).min();
            let Some((_, index)) = next.filter(|&(due_ns, _)| due_ns <= self.now_ns && due_ns <= read_ns)
            else {
                return;
            };
            self.take_prices_at(facts, decision);
            let mut ticket = self.tickets[index].ticket.clone();
            ticket.legs.iter_mut().for_each(|leg| leg.unit_minor = 0);
            let verdict = self.judge_delayed(&mut ticket);
            let stake = self.stake(&ticket, true);
            let reserved = self.postings.iter().rposition(|posting| *posting == stake);
            self.postings.remove(reserved.expect("the stake of a delayed ticket is reserved"));
            match verdict {
                Ok(()) => {
                    self.postings.push(Posting { is_reserved: false, ..stake });
                    self.weigh(&mut ticket);
                    self.accept(&mut ticket);
                }
                Err(reason) => {
                    self.refuse(&mut ticket, reason);
                    self.collect(ticket.customer);
                }
            }
            answers.push(Answer::Decision(ticket.id, ticket.state, false));
            let is_open = ticket.state == TicketState::Open;
            self.tickets[index].ticket = ticket;
            if is_open {
                self.measure_taken(index);
            }
        }
    }

    /// With a skew bets move prices: what was decided before in the same command has moved them.
    fn take_prices_at(&mut self, facts: &Facts<'_>, decision: usize) {
        if let Some(prices) = facts.at_decisions.get(decision) {
            self.take_prices(prices);
        }
    }

    fn judge_request(&self, request: &TicketRequest, ticket: &mut Ticket) -> Verdict {
        self.check_request(request)?;
        self.find_legs(&request.legs, ticket)?;
        self.check_prices(ticket, true)?;
        self.judge_stake(ticket)?;
        let cash = Account::Cash(ticket.customer);
        if money::available_minor(&self.postings, cash, self.config.currency) < ticket.stake_minor {
            return Err(Reason::BalanceTooSmall);
        }
        self.check_debt(ticket.customer)
    }

    fn judge_delayed(&self, ticket: &mut Ticket) -> Verdict {
        if self.factor_e3(ticket.customer) == 0 {
            return Err(Reason::CustomerBlocked);
        }
        self.check_prices(ticket, false)?;
        self.judge_stake(ticket)?;
        self.check_debt(ticket.customer)
    }

    fn check_debt(&self, customer: CustomerId) -> Verdict {
        let owes = self.owed_minor(customer) > 0 && !self.config.bets_while_owing;
        if owes { Err(Reason::CustomerOwes) } else { Ok(()) }
    }

    /// The limit that binds a request, and the largest stake it allows; or why no stake is accepted.
    pub fn max_stake(&self, request: &TicketRequest) -> Result<LimitCheck, Reason> {
        let mut request = request.clone();
        (request.stake_minor, request.odds_change) = (self.config.stake_minor_min, OddsChange::Any);
        let mut ticket = blank(&request, self.now_ns, self.rules_version());
        self.check_request(&request)?;
        self.find_legs(&request.legs, &mut ticket)?;
        self.check_prices(&mut ticket, true)?;
        self.judge_stake(&mut ticket)?;
        self.check_debt(ticket.customer)?;
        Ok(binding(&ticket.checks))
    }

    fn check_request(&self, request: &TicketRequest) -> Verdict {
        let fixtures: Vec<_> = request.legs.iter().map(|leg| leg.fixture).collect();
        let has_twice =
            fixtures.iter().any(|fixture| fixtures.iter().filter(|other| *other == fixture).count() > 1);
        let checks = [
            (self.factor_e3(request.customer) == 0, Reason::CustomerBlocked),
            (request.currency != self.config.currency, Reason::CurrencyNotAccepted),
            (request.stake_minor <= 0, Reason::StakeMustBePositive),
            (request.stake_minor < self.config.stake_minor_min, Reason::StakeBelowMinimum),
            (request.stake_minor > STAKE_MINOR_MAX, Reason::StakeExceedsMaximum),
            (
                fixtures.is_empty() || fixtures.len() > self.config.legs_max as usize,
                Reason::LegCountOutOfRange,
            ),
            (has_twice, Reason::LegsOnSameFixture),
        ];
        first_of(checks.into_iter().filter(|(applies, _)| *applies).map(|(_, reason)| reason))
    }

    fn find_legs(&self, requests: &[LegRequest], ticket: &mut Ticket) -> Verdict {
        let mut refusals = Vec::new();
        for request in requests {
            match self.find_leg(request) {
                Ok((fixture, selection)) => ticket.legs.push(Leg {
                    fixture: request.fixture,
                    selection: request.selection,
                    place: Place { fixture: fixture as u32, selection: selection as u16 },
                    requested_odds_e4: request.odds_e4,
                    offered_odds_e4: 0,
                    odds_e4: 0,
                    fair_probability_e9: 0,
                    quoted_version: request.version,
                    version: OddsVersion::default(),
                    score: (0, 0),
                    clock_ms: 0,
                    interruptions: 0,
                    grade: None,
                    unit_minor: 0,
                }),
                Err(reason) => refusals.push(reason),
            }
        }
        let verdict = first_of(refusals.into_iter());
        if verdict.is_err() {
            ticket.legs.clear();
        }
        verdict
    }

    fn find_leg(&self, request: &LegRequest) -> Result<(usize, usize), Reason> {
        let fixture = self.index_of(request.fixture).ok_or(Reason::FixtureNotFound)?;
        let space = &self.fixtures[fixture].space;
        let template = space.template;
        let is_it = |&selection: &usize| {
            let (market, name) = (&template.market_of(selection).key, &template.selections[selection].name);
            SelectionId::of(market, name) == request.selection
        };
        // Bets are on the markets of this run, or on nothing.
        let known = space.selections.iter().copied().find(is_it);
        Ok((fixture, known.ok_or(Reason::SelectionNotFound)?))
    }

    fn check_prices(&self, ticket: &mut Ticket, is_first: bool) -> Verdict {
        let odds_change = ticket.odds_change;
        let refusals: Vec<Reason> = ticket
            .legs
            .iter_mut()
            .filter_map(|leg| self.check_leg(leg, odds_change, is_first).err())
            .collect();
        first_of(refusals.into_iter())?;
        let won: Vec<(u32, Grade)> = ticket.legs.iter().map(|leg| (leg.odds_e4, Grade::WON)).collect();
        ticket.payout_minor_max = money::payout_minor(ticket.stake_minor, &won);
        Ok(())
    }

    fn check_leg(&self, leg: &mut Leg, odds_change: OddsChange, is_first: bool) -> Verdict {
        let (index, selection) = (leg.place.fixture as usize, usize::from(leg.place.selection));
        let (fixture, slot) = (&self.fixtures[index], self.fixtures[index].space.slot(selection));
        let market = usize::from(fixture.space.template.selections[selection].market);
        let (win, refund) = (fixture.prices.win[slot], fixture.prices.refund[slot]);
        let fair = if refund < 1.0 { win / (1.0 - refund) } else { 0.0 };
        let (score_before, interruptions_before) = (leg.score, leg.interruptions);
        leg.interruptions = fixture.interruptions_of(market);
        leg.offered_odds_e4 = fixture.prices.odds_e4[slot];
        leg.fair_probability_e9 = (fair * 1e9 + 0.5) as u32;
        leg.version = self.version(index);
        leg.score = fixture.game.score();
        leg.clock_ms = fixture.game.clock_ms();
        leg.odds_e4 = 0;
        let quoted = leg.quoted_version;
        let checks = [
            (fixture.is_closed(), Reason::FixtureClosed),
            (self.grade(index, selection).is_some(), Reason::SelectionDecided),
            (fixture.status() != MarketStatus::Open, Reason::FixtureSuspended),
            (fixture.market_is_stopped(market), Reason::MarketSuspended),
            (leg.offered_odds_e4 == 0, Reason::NoPrice),
            (
                quoted.epoch != self.epoch || quoted.seq == 0 || quoted.seq > fixture.prices.version,
                Reason::OddsVersionUnknown,
            ),
            (!accepts(odds_change, leg.requested_odds_e4, leg.offered_odds_e4), Reason::OddsHaveMoved),
            (!is_first && leg.score != score_before, Reason::ScoreHasChanged),
            (!is_first && leg.interruptions != interruptions_before, Reason::TradingInterrupted),
        ];
        first_of(checks.into_iter().filter(|(applies, _)| *applies).map(|(_, reason)| reason))?;
        leg.odds_e4 = leg.offered_odds_e4;
        Ok(())
    }

    fn judge_stake(&self, ticket: &mut Ticket) -> Verdict {
        let mut of_risk = Vec::new();
        for leg in 0..ticket.legs.len() {
            self.check_leg_limits(ticket, leg, &mut of_risk);
        }
        for level in [LimitLevel::Competition, LimitLevel::Sport, LimitLevel::Platform] {
            self.check_scopes(ticket, level, &mut of_risk);
        }
        let factor_e3 = i128::from(self.factor_e3(ticket.customer));
        let share =
            |minor: i64| (i128::from(minor) * factor_e3 / 1_000).min(i128::from(STAKE_MINOR_MAX)) as i64;
        let used = ticket.legs.iter().map(|leg| self.staked_today_minor(ticket, leg)).max().unwrap_or(0);
        let mut own_limit = share(self.config.stake_minor_max);
        if factor_e3 < 1_000 {
            let by_risk = of_risk.iter().map(|check| check.stake_minor_max).min().expect("a ticket has legs");
            own_limit = own_limit.min(share(by_risk + used));
        }
        let payout_limit = self.config.payout_minor_max;
        let by_payout = ticket
            .legs
            .iter()
            .fold(i128::from(payout_limit), |left, leg| left * 10_000 / i128::from(leg.odds_e4));
        ticket.checks = vec![
            whole(LimitLevel::Payout, payout_limit, 0, by_payout as i64),
            whole(LimitLevel::Customer, own_limit, used, (own_limit - used).max(0)),
        ];
        ticket.checks.append(&mut of_risk);
        let is_too_small = |level: &LimitLevel| {
            let of_level = ticket.checks.iter().filter(|check| check.level == *level);
            of_level.map(|check| check.stake_minor_max).any(|largest| ticket.stake_minor > largest)
        };
        let first = LimitLevel::ALL.into_iter().find(is_too_small);
        first.map_or(Ok(()), |level| Err(level.reason()))
    }

    /// What the customer has staked on the selection on the ticket's day, by looking at every ticket.
    fn staked_today_minor(&self, ticket: &Ticket, leg: &Leg) -> i64 {
        let day = |time_ns: i64| time_ns.div_euclid(86_400_000_000_000);
        let mut staked = 0;
        for NaiveTicket { ticket: other, .. } in &self.tickets {
            let is_taken = !matches!(other.state, TicketState::Refused(_) | TicketState::Cancelled)
                && other.id != ticket.id;
            if is_taken && other.customer == ticket.customer && day(other.received_ns) == day(self.now_ns) {
                let is_on_it =
                    |known: &&Leg| known.fixture == leg.fixture && known.selection == leg.selection;
                staked += other.stake_minor * other.legs.iter().filter(is_on_it).count() as i64;
            }
        }
        staked
    }

    fn check_leg_limits(&self, ticket: &Ticket, leg: usize, checks: &mut Vec<LimitCheck>) {
        let (unit_e9, leg_index) = (self.unit_e9(ticket, leg), leg as u8);
        let leg = &ticket.legs[leg];
        let (index, selection) = (leg.place.fixture as usize, usize::from(leg.place.selection));
        let FixtureLimits { market_minor, fixture_minor, .. } = self.limits(index, selection);
        let space = self.fixtures[index].space.clone();
        let market = usize::from(space.template.selections[selection].market);
        let of_market = self.market_minima(index, selection, ticket);
        checks.push(LimitCheck {
            level: LimitLevel::Market,
            leg: Some(leg_index),
            limit_minor: market_minor,
            used_minor: (-self.market_worst_minor(index, market, Some(ticket))).max(0),
            stake_minor_max: stake_minor_max(&of_market, &space.grades, leg.odds_e4, unit_e9, market_minor),
        });
        let of_fixture = self.joint_minima(index, selection, ticket);
        checks.push(LimitCheck {
            level: LimitLevel::Fixture,
            leg: Some(leg_index),
            limit_minor: fixture_minor,
            used_minor: self.losses_minor(Some(ticket))[index],
            stake_minor_max: stake_minor_max(&of_fixture, &space.grades, leg.odds_e4, unit_e9, fixture_minor),
        });
    }

    /// Every competition, sport or the platform that legs of the ticket count in, each once.
    fn check_scopes(&self, ticket: &Ticket, level: LimitLevel, checks: &mut Vec<LimitCheck>) {
        let mut seen: Vec<(u8, String)> = Vec::new();
        for leg in &ticket.legs {
            let (index, selection) = (leg.place.fixture as usize, usize::from(leg.place.selection));
            let name_of = |request: &FixtureRequest| match level {
                LimitLevel::Competition => (request.sport().0, request.competition.clone()),
                LimitLevel::Sport => (request.sport().0, String::new()),
                _ => (0, String::new()),
            };
            let scope = name_of(&self.fixtures[index].request);
            if seen.contains(&scope) {
                continue;
            }
            let limits = self.limits(index, selection);
            let limit_minor = match level {
                LimitLevel::Competition => limits.competition_minor,
                LimitLevel::Sport => limits.sport_minor,
                _ => self.config.platform_loss_minor_max,
            };
            let losses = self.losses_minor(Some(ticket));
            let used_minor = self.sum_of(&losses, |request| name_of(request) == scope);
            checks.push(match ticket.legs.as_slice() {
                [leg] => LimitCheck {
                    level,
                    leg: Some(0),
                    limit_minor,
                    used_minor,
                    stake_minor_max: stake_minor_max(
                        &self.joint_minima(index, selection, ticket),
                        &self.fixtures[index].space.grades,
                        leg.odds_e4,
                        super::risk::ONE_E9,
                        limit_minor - (used_minor - losses[index]),
                    ),
                },
                _ => {
                    let is_in =
                        |leg: &Leg| name_of(&self.fixtures[leg.place.fixture as usize].request) == scope;
                    let largest = self.largest_stake_together(ticket, is_in, used_minor, limit_minor);
                    whole(level, limit_minor, used_minor, largest)
                }
            });
            seen.push(scope);
        }
    }

    fn factor_e3(&self, customer: CustomerId) -> u32 {
        self.factors_e3.get(&customer).copied().unwrap_or(1_000)
    }

    pub(super) fn limits(&self, fixture: usize, selection: usize) -> FixtureLimits {
        let request = &self.fixtures[fixture].request;
        let market = &self.fixtures[fixture].space.template.market_of(selection).key;
        let loss = |scope: Scope| self.scopes.get(&scope).and_then(|settings| settings.loss_minor_max);
        let of_market = loss(Scope::Market(request.fixture, oddsengine_markets::MarketId::of(market)));
        let of_type = loss(Scope::MarketType(request.sport(), super::settings::stem(market)));
        let competition = Scope::Competition(request.competition.clone());
        FixtureLimits {
            market_minor: of_market.or(of_type).unwrap_or(self.config.market_loss_minor_max),
            fixture_minor: loss(Scope::Fixture(request.fixture))
                .unwrap_or(self.config.fixture_loss_minor_max),
            competition_minor: loss(competition).unwrap_or(self.config.competition_loss_minor_max),
            sport_minor: loss(Scope::Sport(request.sport())).unwrap_or(self.config.sport_loss_minor_max),
        }
    }

    fn stake(&self, ticket: &Ticket, is_reserved: bool) -> Posting {
        Posting {
            from: Account::Cash(ticket.customer),
            to: Account::OpenStakes(ticket.customer),
            amount_minor: ticket.stake_minor,
            currency: self.config.currency,
            is_reserved,
        }
    }

    fn accept(&mut self, ticket: &mut Ticket) {
        ticket.state = TicketState::Open;
        ticket.decided_ns = self.now_ns;
        self.counters.accepted_count += 1;
        self.counters.turnover_minor += ticket.stake_minor;
    }

    fn refuse(&mut self, ticket: &mut Ticket, reason: Reason) {
        ticket.state = TicketState::Refused(reason);
        ticket.decided_ns = self.now_ns;
        ticket.closed_ns = self.now_ns;
        self.counters.refused_count += 1;
    }
}

pub(super) struct FixtureLimits {
    pub market_minor: i64,
    pub fixture_minor: i64,
    pub competition_minor: i64,
    pub sport_minor: i64,
}

fn blank(request: &TicketRequest, now_ns: i64, rules: u16) -> Ticket {
    Ticket {
        id: request.ticket,
        customer: request.customer,
        terms: Terms {
            currency: request.currency,
            plan: if request.legs.len() == 1 { Plan::Single } else { Plan::Multiple },
            bonus_minor: 0,
            free_minor: 0,
            rules,
            jurisdiction: 0,
        },
        stake_minor: request.stake_minor,
        odds_change: request.odds_change,
        state: TicketState::Open,
        legs: Vec::new(),
        payout_minor_max: 0,
        paid_minor: 0,
        received_ns: now_ns,
        decided_ns: 0,
        due_ns: 0,
        settlement_count: 0,
        checks: Vec::new(),
        request_hash: 0,
        change: Default::default(),
        closed_ns: 0,
        marks: TicketMarks::default(),
    }
}

fn whole(level: LimitLevel, limit_minor: i64, used_minor: i64, stake_minor_max: i64) -> LimitCheck {
    LimitCheck { level, leg: None, limit_minor, used_minor, stake_minor_max }
}

/// The check that allows least; the first of equal ones.
fn binding(checks: &[LimitCheck]) -> LimitCheck {
    let least = checks.iter().map(|check| check.stake_minor_max).min();
    *checks.iter().find(|check| Some(check.stake_minor_max) == least).expect("limits were checked")
}

fn first_of(reasons: impl Iterator<Item = Reason>) -> Verdict {
    reasons.min().map_or(Ok(()), Err)
}

fn accepts(policy: OddsChange, shown_e4: u32, offered_e4: u32) -> bool {
    let (shown, offered) = (u64::from(shown_e4), u64::from(offered_e4));
    match policy {
        OddsChange::None => offered == shown,
        OddsChange::Higher => offered >= shown,
        OddsChange::Any => true,
        // Lower by at most so many hundredths of a percent of the odds shown; nothing is below zero.
        OddsChange::Within(share) => {
            offered >= shown || (shown - offered) * 10_000 <= shown * u64::from(share)
        }
    }
}
