//! Tickets from request to decision: the checks in order of their reasons, each as its sentence says.

use oddsengine_engine::{
    EachWayLeg, FixtureRequest, Handling, Leg, LegRequest, LimitCheck, LimitLevel, MarketStatus, OddsChange,
    OddsVersion, Origin, Place, Plan, Reason, Scope, Terms, Ticket, TicketMarks, TicketRequest, TicketState,
};
use oddsengine_markets::{Format, SelectionId};
use oddsengine_types::bets::Bet;
use oddsengine_types::{CustomerId, STAKE_MINOR_MAX};

use super::handling::legs_of;
use super::money::{Account, Posting};
use super::risk::stake_minor_max;
use super::{Game, Naive, NaiveTicket, Verdict, lines};
use crate::told::{Answer, Facts};

/// Most delayed tickets that one tick decides, as the engine says; the others wait for the next one.
const DECIDED_PER_TICK: usize = 16;

impl Naive {
    pub(super) fn place(
        &mut self,
        request: &TicketRequest,
        by: &Origin,
        facts: &Facts<'_>,
        answers: &mut Vec<Answer>,
    ) {
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
        let mut verdict = self.judge_request(request, &mut ticket, by);
        if let Err(reason) = verdict
            && ticket.handling.is_some()
        {
            verdict = self.instead(&mut ticket, reason);
        }
        let is_offered = matches!(ticket.state, TicketState::Reoffered(_));
        if !is_offered {
            verdict = verdict.and_then(|()| self.check_funds(&ticket));
        }
        match verdict {
            Err(reason) => self.refuse(&mut ticket, reason),
            Ok(()) if is_offered => {}
            Ok(()) => self.take(&mut ticket),
        }
        answers.push(Answer::Decision(ticket.id, ticket.state, false));
        let is_taken = super::handling::is_live(ticket.state);
        let index = self.keep(NaiveTicket { request: request.clone(), ticket, settles_ns: None, place: 0 });
        if is_taken {
            self.measure_taken(index);
        }
    }

    /// Decides the tickets whose delay has ended, the first due first.
    pub(super) fn decide_delayed(&mut self, read_ns: i64, facts: &Facts<'_>, answers: &mut Vec<Answer>) {
        for decision in 0..DECIDED_PER_TICK {
            let delayed = self.tickets.iter().enumerate().filter(|(_, known)| {
                let state = known.ticket.state;
                state.is_waiting() || matches!(state, TicketState::Reoffered(_))
            });
            let next = delayed.map(|(index, known)| (known.ticket.due_ns, index)).min();
            let Some((_, index)) = next.filter(|&(due_ns, _)| due_ns <= self.now_ns && due_ns <= read_ns)
            else {
                return;
            };
            self.take_prices_at(facts, decision);
            let mut ticket = self.tickets[index].ticket.clone();
            ticket.legs.iter_mut().for_each(|leg| leg.unit_minor = 0);
            self.end_due(&mut ticket);
            self.put_decided(index, ticket, answers);
        }
    }

    /// With a skew bets move prices: what was decided before in the same command has moved them.
    pub(super) fn take_prices_at(&mut self, facts: &Facts<'_>, decision: usize) {
        if let Some(prices) = facts.at_decisions.get(decision) {
            self.take_prices(prices);
        }
    }

    fn judge_request(&self, request: &TicketRequest, ticket: &mut Ticket, by: &Origin) -> Verdict {
        self.check_request(request)?;
        self.admits(request.customer, legs_of(request), Some(by))?;
        take_plan(request, ticket);
        self.find_legs(request, ticket)?;
        self.check_prices(ticket, true)?;
        self.judge_stake(ticket)
    }

    pub(super) fn judge_delayed(&self, ticket: &mut Ticket) -> Verdict {
        if self.factor_e3(ticket.customer) == 0 {
            return Err(Reason::CustomerBlocked);
        }
        let legs: Vec<_> = ticket.legs.iter().map(|leg| (leg.fixture, leg.selection)).collect();
        self.admits(ticket.customer, legs.into_iter(), None)?;
        self.check_prices(ticket, false)?;
        self.judge_stake(ticket)?;
        self.check_debt(ticket.customer)
    }

    pub(super) fn check_debt(&self, customer: CustomerId) -> Verdict {
        let owes = self.owed_minor(customer) > 0 && !self.config.bets_while_owing;
        if owes { Err(Reason::CustomerOwes) } else { Ok(()) }
    }

    /// The limit that binds a request, and the largest stake it allows; or why no stake is accepted.
    pub fn max_stake(&self, request: &TicketRequest) -> Result<LimitCheck, Reason> {
        let mut request = request.clone();
        (request.stake_minor, request.odds_change) = (self.config.stake_minor_min, OddsChange::Any);
        self.ask_for_least(&mut request);
        let mut ticket = blank(&request, self.now_ns, self.rules_version());
        self.check_request(&request)?;
        self.admits(request.customer, legs_of(&request), None)?;
        take_plan(&request, &mut ticket);
        self.find_legs(&request, &mut ticket)?;
        self.check_prices(&mut ticket, true)?;
        self.judge_stake(&mut ticket)?;
        self.check_debt(ticket.customer)?;
        Ok(binding(&ticket.checks))
    }

    fn check_request(&self, request: &TicketRequest) -> Verdict {
        let fixtures: Vec<_> = request.legs.iter().map(|leg| leg.fixture).collect();
        let has_twice = match &request.plan {
            None => {
                fixtures.iter().any(|fixture| fixtures.iter().filter(|other| *other == fixture).count() > 1)
            }
            Some(plan) => lines::joins(plan, &request.legs),
        };
        let stake_minor = match &request.plan {
            Some(plan) if plan.bets.iter().any(|bet| bet.stake_minor != 0) => {
                lines::asked(request).map(|(_, staked)| staked)
            }
            _ => Some(i128::from(request.stake_minor)),
        };
        let stakes = |is_so: &dyn Fn(i128) -> bool| stake_minor.is_some_and(is_so);
        let places = request.plan.as_ref().map_or(0, |plan| plan.each_way.len());
        let checks = [
            (self.factor_e3(request.customer) == 0, Reason::CustomerBlocked),
            (request.currency != self.config.currency, Reason::CurrencyNotAccepted),
            (stakes(&|stake| stake <= 0), Reason::StakeMustBePositive),
            (stakes(&|stake| stake < self.config.stake_minor_min.into()), Reason::StakeBelowMinimum),
            (stakes(&|stake| stake > STAKE_MINOR_MAX.into()), Reason::StakeExceedsMaximum),
            (
                fixtures.is_empty()
                    || fixtures.len() > self.config.legs_max as usize
                    || fixtures.len() + places > lines::LEGS_MAX,
                Reason::LegCountOutOfRange,
            ),
            (has_twice, Reason::LegsOnSameFixture),
        ];
        let found = checks.into_iter().filter(|(applies, _)| *applies).map(|(_, reason)| reason);
        first_of(found.chain(lines::check(request, self.config.line_stake_minor_min)))
    }

    /// The stakes of a plan do not matter, its proportions do: the least that may be asked for.
    fn ask_for_least(&self, request: &mut TicketRequest) {
        let Some(plan) = &request.plan else { return };
        let is_by_line = plan.bets.iter().any(|bet| bet.stake_minor != 0);
        let mut asked = request.clone();
        asked.stake_minor = 0;
        let bets = &mut asked.plan.as_mut().expect("it was just there").bets;
        if !is_by_line {
            bets.iter_mut().for_each(|bet| bet.stake_minor = 1);
        }
        let is_wrong = bets.iter().any(|bet| bet.stake_minor <= 0);
        let Some((bets, _)) = lines::asked(&asked).filter(|_| !is_wrong) else {
            *request = asked;
            return;
        };
        let least = bets.iter().map(|bet| bet.stake_minor).min().unwrap_or(1);
        let shared = (1..=least).rev().find(|of| bets.iter().all(|bet| bet.stake_minor % of == 0));
        let mut count = 1;
        loop {
            let times =
                |bet: &Bet| Bet { stake_minor: bet.stake_minor / shared.unwrap_or(1) * count, ..*bet };
            asked.plan.as_mut().expect("it was just there").bets = bets.iter().map(times).collect();
            let (bets, staked) = lines::asked(&asked).expect("only its stakes are others");
            let is_least = staked >= self.config.stake_minor_min.into()
                && bets.iter().all(|bet| bet.stake_minor >= self.config.line_stake_minor_min);
            if is_least {
                break;
            }
            count += 1;
        }
        *request = asked;
    }

    fn find_legs(&self, request: &TicketRequest, ticket: &mut Ticket) -> Verdict {
        let mut refusals = Vec::new();
        for request in &request.legs {
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
                    place_fraction_of: 0,
                    place_of: 0,
                    grade: None,
                    unit_minor: 0,
                }),
                Err(reason) => refusals.push(reason),
            }
        }
        if let Some(plan) = request.plan.as_ref().filter(|_| refusals.is_empty()) {
            for each_way in &plan.each_way {
                match self.find_place(&ticket.legs[usize::from(each_way.leg)], each_way) {
                    Ok(place) => ticket.legs.push(place),
                    Err(reason) => refusals.push(reason),
                }
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

    /// The place part of a leg: the same runner in the market that pays the places.
    fn find_place(&self, leg: &Leg, each_way: &EachWayLeg) -> Result<Leg, Reason> {
        let fixture = &self.fixtures[leg.place.fixture as usize];
        let template = fixture.space.template;
        let selection = usize::from(leg.place.selection);
        let (Game::Race(race), Format::Racing(format)) = (&fixture.game, &fixture.request.format) else {
            return Err(Reason::PlaceTermsNotOffered);
        };
        let starters = race.positions.len() - race.withdrawn.len();
        let standard = match (starters, format.is_handicap) {
            (0..=4, _) => None,
            (5..=7, _) => Some((2, 4)),
            (12..=15, true) => Some((3, 4)),
            (16.., true) => Some((4, 4)),
            _ => Some((3, 5)),
        };
        let given = each_way.terms.map(|terms| (terms.places, terms.fraction_of));
        let (places, fraction_of) = given.or(standard).ok_or(Reason::PlaceTermsNotOffered)?;
        let is_listed = |key: String| template.markets.iter().any(|market| market.key == key);
        let key = format!("place.{places}");
        if template.market_of(selection).key != "win"
            || !is_listed(format!("each_way.{fraction_of}.{places}"))
            || !is_listed(key.clone())
        {
            return Err(Reason::PlaceTermsNotOffered);
        }
        let name = &template.selections[selection].name;
        let of_market = (0..template.selections.len()).filter(|&other| template.market_of(other).key == key);
        let place = of_market.into_iter().find(|&other| template.selections[other].name == *name);
        let place = place.ok_or(Reason::PlaceTermsNotOffered)?;
        Ok(Leg {
            selection: SelectionId::of(&key, name),
            place: Place { selection: place as u16, ..leg.place },
            place_fraction_of: fraction_of,
            place_of: each_way.leg,
            ..*leg
        })
    }

    pub(super) fn check_prices(&self, ticket: &mut Ticket, is_first: bool) -> Verdict {
        let odds_change = ticket.odds_change;
        let offer = ticket.handling.as_ref().and_then(|handling| handling.offer.clone());
        let selections: Vec<u16> = ticket.legs.iter().map(|leg| leg.place.selection).collect();
        let priced_by = |leg: &Leg| match leg.place_fraction_of {
            0 => usize::from(leg.place.selection),
            _ => usize::from(selections[usize::from(leg.place_of)]),
        };
        let verdict = ticket.handling.as_ref().and_then(|handling| handling.referral.as_ref()?.verdict);
        let is_counter = verdict == Some(oddsengine_engine::Verdict::Counter);
        let agreed = offer.filter(|offer| offer.is_taken && is_counter);
        let refusals: Vec<Reason> = ticket
            .legs
            .iter_mut()
            .enumerate()
            .filter_map(|(place, leg)| {
                let priced = priced_by(leg);
                let submitted = match leg.place_fraction_of {
                    0 => place,
                    _ => usize::from(leg.place_of),
                };
                let agreed =
                    agreed.as_ref().map(|offer| (offer.odds_e4[submitted], offer.board_odds_e4[submitted]));
                self.check_leg(leg, priced, odds_change, agreed, is_first).err()
            })
            .collect();
        first_of(refusals.into_iter())?;
        ticket.payout_minor_max = lines::payout_minor_max(ticket);
        Ok(())
    }

    /// `agreed`: a trader's odds that the customer took, and those of the board when they were offered.
    fn check_leg(
        &self,
        leg: &mut Leg,
        priced: usize,
        odds_change: OddsChange,
        agreed: Option<(u32, u32)>,
        is_first: bool,
    ) -> Verdict {
        let (index, selection) = (leg.place.fixture as usize, usize::from(leg.place.selection));
        let (fixture, slot) = (&self.fixtures[index], self.fixtures[index].space.slot(selection));
        let priced_slot = fixture.space.slot(priced);
        let market = usize::from(fixture.space.template.selections[selection].market);
        let (win, refund) = (fixture.prices.win[slot], fixture.prices.refund[slot]);
        let fair = if refund < 1.0 { win / (1.0 - refund) } else { 0.0 };
        let (score_before, interruptions_before) = (leg.score, leg.interruptions);
        let offered_before = u64::from(leg.offered_odds_e4);
        leg.interruptions = fixture.interruptions_of(market);
        leg.offered_odds_e4 = fixture.prices.odds_e4[priced_slot];
        leg.fair_probability_e9 = (fair * 1e9 + 0.5) as u32;
        leg.version = self.version(index);
        leg.score = fixture.game.score();
        leg.clock_ms = fixture.game.clock_ms();
        leg.odds_e4 = 0;
        let quoted = leg.quoted_version;
        let is_accepted = match agreed {
            Some((_, board)) => leg.offered_odds_e4 >= board,
            None => accepts(odds_change, leg.requested_odds_e4, leg.offered_odds_e4),
        };
        let improvement = u64::from(self.config.improvement_e4);
        let gained = u64::from(leg.offered_odds_e4).saturating_sub(offered_before);
        let has_improved = improvement > 0 && gained * 10_000 > offered_before * improvement;
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
            (!is_accepted, Reason::OddsHaveMoved),
            (!is_first && leg.score != score_before, Reason::ScoreHasChanged),
            (!is_first && leg.interruptions != interruptions_before, Reason::TradingInterrupted),
            (!is_first && has_improved, Reason::PriceImproved),
        ];
        first_of(checks.into_iter().filter(|(applies, _)| *applies).map(|(_, reason)| reason))?;
        leg.odds_e4 = agreed.map_or(leg.offered_odds_e4, |(odds_e4, _)| odds_e4);
        Ok(())
    }

    pub(super) fn judge_stake(&self, ticket: &mut Ticket) -> Verdict {
        if !ticket.terms.bets.is_empty() {
            let mut of_risk = self.check_lines(ticket);
            let limit = self.config.payout_minor_max;
            let by_payout = self.largest_stake_by_payout(ticket, limit);
            ticket.checks = vec![
                whole(LimitLevel::Payout, limit, 0, by_payout),
                self.check_customer_of_lines(ticket, &of_risk),
            ];
            ticket.checks.append(&mut of_risk);
            let (_, step_minor) = lines::steps(ticket);
            let whole_steps = |check: LimitCheck| LimitCheck {
                stake_minor_max: check.stake_minor_max / step_minor * step_minor,
                ..check
            };
            ticket.checks.extend(self.window_checks(ticket).into_iter().map(whole_steps));
            return self.first_too_small(ticket);
        }
        let mut of_risk = Vec::new();
        for leg in 0..ticket.legs.len() {
            self.check_leg_limits(ticket, leg, &mut of_risk);
        }
        for level in [LimitLevel::Competition, LimitLevel::Sport, LimitLevel::Platform] {
            self.check_scopes(ticket, level, &mut of_risk);
        }
        let factor_e3 = i128::from(self.ticket_factor_e3(ticket));
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
        ticket.checks.append(&mut self.window_checks(ticket));
        self.first_too_small(ticket)
    }

    fn first_too_small(&self, ticket: &Ticket) -> Verdict {
        let is_too_small = |level: &LimitLevel| {
            let of_level = ticket.checks.iter().filter(|check| check.level == *level);
            of_level.map(|check| check.stake_minor_max).any(|largest| ticket.stake_minor > largest)
        };
        let first = LimitLevel::ALL.into_iter().find(is_too_small);
        first.map_or(Ok(()), |level| Err(level.reason()))
    }

    /// What the customer has staked on the selection on the ticket's day, by looking at every ticket.
    pub(super) fn staked_today_minor(&self, ticket: &Ticket, leg: &Leg) -> i64 {
        let day = |time_ns: i64| time_ns.div_euclid(86_400_000_000_000);
        let mut staked = 0;
        for NaiveTicket { ticket: other, .. } in &self.tickets {
            let is_taken = (super::handling::is_live(other.state) || other.state == TicketState::Settled)
                && other.id != ticket.id;
            if is_taken && other.customer == ticket.customer && day(other.received_ns) == day(self.now_ns) {
                for (place, known) in other.legs.iter().enumerate() {
                    if known.fixture == leg.fixture && known.selection == leg.selection {
                        staked += lines::staked_minor(other, place, |_| true);
                    }
                }
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
            window: None,
            stake_minor_max: stake_minor_max(&of_market, &space.grades, leg.odds_e4, unit_e9, market_minor),
        });
        let of_fixture = self.joint_minima(index, selection, ticket);
        checks.push(LimitCheck {
            level: LimitLevel::Fixture,
            leg: Some(leg_index),
            limit_minor: fixture_minor,
            used_minor: self.losses_minor(Some(ticket))[index],
            window: None,
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
                    window: None,
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

    pub(super) fn factor_e3(&self, customer: CustomerId) -> u32 {
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

    pub(super) fn stake(&self, ticket: &Ticket, is_reserved: bool) -> Posting {
        Posting {
            from: Account::Cash(ticket.customer),
            to: Account::OpenStakes(ticket.customer),
            amount_minor: ticket.stake_minor,
            currency: self.config.currency,
            is_reserved,
        }
    }

    pub(super) fn accept(&mut self, ticket: &mut Ticket) {
        ticket.state = TicketState::Open;
        ticket.decided_ns = self.now_ns;
        self.counters.accepted_count += 1;
        self.counters.turnover_minor += ticket.stake_minor;
    }

    pub(super) fn refuse(&mut self, ticket: &mut Ticket, reason: Reason) {
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

/// The bets of a request that makes some.
fn take_plan(request: &TicketRequest, ticket: &mut Ticket) {
    let (Some(plan), Some((bets, _))) = (&request.plan, lines::asked(request)) else { return };
    if !lines::is_one_bet(request) {
        ticket.terms.plan = if plan.each_way.is_empty() { Plan::System } else { Plan::EachWay };
        ticket.terms.bets = bets;
    }
}

fn blank(request: &TicketRequest, now_ns: i64, rules: u16) -> Ticket {
    let staked = match &request.plan {
        Some(plan) if plan.bets.iter().any(|bet| bet.stake_minor != 0) => lines::asked(request),
        _ => None,
    };
    let stake_minor = staked
        .map_or(request.stake_minor, |(_, staked)| staked.clamp(i64::MIN.into(), i64::MAX.into()) as i64);
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
            bets: Vec::new(),
        },
        stake_minor,
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
        handling: (request.wishes != Default::default()).then(|| {
            let (wishes, asked_minor) = (request.wishes, stake_minor);
            Box::new(Handling { wishes, asked_minor, ..Handling::default() })
        }),
        marks: TicketMarks::default(),
    }
}

fn whole(level: LimitLevel, limit_minor: i64, used_minor: i64, stake_minor_max: i64) -> LimitCheck {
    LimitCheck { level, leg: None, limit_minor, used_minor, stake_minor_max, window: None }
}

/// The check that allows least; the first of equal ones.
fn binding(checks: &[LimitCheck]) -> LimitCheck {
    let least = checks.iter().map(|check| check.stake_minor_max).min();
    *checks.iter().find(|check| Some(check.stake_minor_max) == least).expect("limits were checked")
}

pub(super) fn first_of(reasons: impl Iterator<Item = Reason>) -> Verdict {
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
