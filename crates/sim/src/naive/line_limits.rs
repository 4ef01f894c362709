//! Limits of tickets with a plan, by trying steps of their stake: all legs on a fixture are laid over its endings together.

use std::collections::BTreeSet;

use oddsengine_engine::{FixtureRequest, Leg, LimitCheck, LimitLevel, Ticket};
use oddsengine_types::{Grade, STAKE_MINOR_MAX};

use super::risk::{ONE_E9, steps_max};
use super::{Naive, lines};
use crate::outcomes::GRADES_MAX;

/// Parts of a minor unit in which several legs are added up.
const PARTS: i128 = 120_000_000_000_000;

/// Profit and loss on an ending, and what each step of the stake costs there, in parts.
type Ending = (i64, i128);

impl Naive {
    /// Every limit of the book, and the largest stake that it allows.
    pub(super) fn check_lines(&self, ticket: &Ticket) -> Vec<LimitCheck> {
        let (_, step_minor) = lines::steps(ticket);
        let as_stake = |steps: i64| steps.min(STAKE_MINOR_MAX / step_minor) * step_minor;
        let mut checks = Vec::new();
        for (index, leg) in ticket.legs.iter().enumerate() {
            let (fixture, selection) = (leg.place.fixture as usize, usize::from(leg.place.selection));
            let template = self.fixtures[fixture].space.template;
            let market = usize::from(template.selections[selection].market);
            let limits = self.limits(fixture, selection);
            let mut push = |level, limit_minor, used_minor: i64, steps| {
                checks.push(LimitCheck {
                    level,
                    leg: Some(index as u8),
                    limit_minor,
                    used_minor: used_minor.max(0),
                    stake_minor_max: as_stake(steps),
                    window: None,
                });
            };
            let of_market = |other: &Leg| {
                let place = usize::from(other.place.selection);
                usize::from(template.selections[place].market) == market
            };
            let on_market = self.legs_on(ticket, fixture, of_market);
            let steps = match on_market.as_slice() {
                [_] => self.steps_of_leg(
                    ticket,
                    index,
                    &self.market_minima(fixture, selection, ticket),
                    limits.market_minor,
                ),
                several => {
                    let endings = self.endings_of_market(ticket, fixture, market, several);
                    largest(STAKE_MINOR_MAX, |steps| is_within(&endings, steps, limits.market_minor))
                }
            };
            push(
                LimitLevel::Market,
                limits.market_minor,
                -self.market_worst_minor(fixture, market, Some(ticket)),
                steps,
            );
            let on_fixture = self.legs_on(ticket, fixture, |_| true);
            let steps = match on_fixture.as_slice() {
                [_] => self.steps_of_leg(
                    ticket,
                    index,
                    &self.joint_minima(fixture, selection, ticket),
                    limits.fixture_minor,
                ),
                several => {
                    let endings = self.endings(ticket, fixture, several);
                    largest(STAKE_MINOR_MAX, |steps| is_within(&endings, steps, limits.fixture_minor))
                }
            };
            push(LimitLevel::Fixture, limits.fixture_minor, self.losses_minor(Some(ticket))[fixture], steps);
        }
        for level in [LimitLevel::Competition, LimitLevel::Sport, LimitLevel::Platform] {
            self.check_scopes_of_lines(ticket, level, &mut checks);
        }
        checks
    }

    fn check_scopes_of_lines(&self, ticket: &Ticket, level: LimitLevel, checks: &mut Vec<LimitCheck>) {
        let (_, step_minor) = lines::steps(ticket);
        let name_of = |request: &FixtureRequest| match level {
            LimitLevel::Competition => (request.sport().0, request.competition.clone()),
            LimitLevel::Sport => (request.sport().0, String::new()),
            _ => (0, String::new()),
        };
        let mut seen = Vec::new();
        for leg in &ticket.legs {
            let (fixture, selection) = (leg.place.fixture as usize, usize::from(leg.place.selection));
            let scope = name_of(&self.fixtures[fixture].request);
            if seen.contains(&scope) {
                continue;
            }
            let limits = self.limits(fixture, selection);
            let limit_minor = match level {
                LimitLevel::Competition => limits.competition_minor,
                LimitLevel::Sport => limits.sport_minor,
                _ => self.config.platform_loss_minor_max,
            };
            let losses = self.losses_minor(Some(ticket));
            let used_minor = self.sum_of(&losses, |request| name_of(request) == scope);
            let fixtures: BTreeSet<usize> = ticket
                .legs
                .iter()
                .map(|leg| leg.place.fixture as usize)
                .filter(|&fixture| name_of(&self.fixtures[fixture].request) == scope)
                .collect();
            let own_minor: i64 = fixtures.iter().map(|&fixture| losses[fixture]).sum();
            let on_each: Vec<BTreeSet<Ending>> = fixtures
                .iter()
                .map(|&fixture| self.endings(ticket, fixture, &self.legs_on(ticket, fixture, |_| true)))
                .collect();
            let loss_with = |steps: i64| {
                let of_fixture = |endings: &BTreeSet<Ending>| {
                    let losses = endings
                        .iter()
                        .map(|&(pnl, growth)| growth * i128::from(steps) - i128::from(pnl) * PARTS);
                    losses.max().expect("a match ends somehow").max(0)
                };
                i128::from(used_minor - own_minor) * PARTS + on_each.iter().map(of_fixture).sum::<i128>()
            };
            let most = loss_with(0).max(i128::from(limit_minor) * PARTS);
            let steps = largest(STAKE_MINOR_MAX / step_minor, |steps| loss_with(steps) <= most);
            checks.push(LimitCheck {
                level,
                leg: None,
                limit_minor,
                used_minor,
                stake_minor_max: steps * step_minor,
                window: None,
            });
            seen.push(scope);
        }
    }

    /// The customer's own limit: on each selection what they stake on it; with a share of the limits also on the ticket.
    pub(super) fn check_customer_of_lines(&self, ticket: &Ticket, of_risk: &[LimitCheck]) -> LimitCheck {
        let (_, step_minor) = lines::steps(ticket);
        let factor_e3 = i128::from(self.ticket_factor_e3(ticket));
        let share = |minor: i128| (minor * factor_e3 / 1_000).min(i128::from(STAKE_MINOR_MAX));
        let by_risk = of_risk.iter().map(|check| check.stake_minor_max).min().expect("a ticket has legs");
        let most = STAKE_MINOR_MAX / step_minor;
        let mut least: Option<LimitCheck> = None;
        for leg in &ticket.legs {
            let on_it = (0..ticket.legs.len()).filter(|&other| ticket.legs[other].place == leg.place);
            let staked: i128 = on_it.map(|leg| i128::from(self.step_on(ticket, leg))).sum::<i128>().max(1);
            let used = i128::from(self.staked_today_minor(ticket, leg));
            let own = share(i128::from(self.config.stake_minor_max));
            let mut allowed =
                vec![(own, used, largest(most, |steps| i128::from(steps) * staked <= (own - used).max(0)))];
            if factor_e3 < 1_000 {
                // The stake of a ticket that would have put as much on the selection, rounded up.
                let used = -(-(used * i128::from(step_minor))).div_euclid(staked);
                let own = share(i128::from(by_risk) + used);
                let fits = |steps: i64| i128::from(steps) * i128::from(step_minor) <= (own - used).max(0);
                allowed.push((own, used, largest(most, fits)));
            }
            for (limit, used, steps) in allowed {
                let check = LimitCheck {
                    level: LimitLevel::Customer,
                    leg: None,
                    limit_minor: limit as i64,
                    used_minor: used as i64,
                    stake_minor_max: steps * step_minor,
                    window: None,
                };
                if least.is_none_or(|least| check.stake_minor_max < least.stake_minor_max) {
                    least = Some(check);
                }
            }
        }
        least.expect("a ticket has legs")
    }

    /// The largest stake that pays no more than this if all legs win, by trying.
    pub(super) fn largest_stake_by_payout(&self, ticket: &Ticket, limit_minor: i64) -> i64 {
        let (count, step_minor) = lines::steps(ticket);
        let of_step: Vec<lines::Line> = lines::lines_of(ticket)
            .into_iter()
            .map(|line| lines::Line { stake_minor: line.stake_minor / count, ..line })
            .collect();
        let pays = |steps: i64| {
            let times =
                |line: &lines::Line| lines::Line { stake_minor: line.stake_minor * steps, ..line.clone() };
            let lines: Vec<lines::Line> = of_step.iter().map(times).collect();
            lines::payout_minor(&lines, &ticket.legs, |_| Grade::WON)
        };
        largest(STAKE_MINOR_MAX / step_minor, |steps| pays(steps) <= limit_minor) * step_minor
    }

    /// What a step of the stake puts on a leg.
    fn step_on(&self, ticket: &Ticket, leg: usize) -> i64 {
        lines::staked_minor(ticket, leg, |_| true) / lines::steps(ticket).0
    }

    fn legs_on(&self, ticket: &Ticket, fixture: usize, is_so: impl Fn(&Leg) -> bool) -> Vec<usize> {
        let is_on_it =
            |&leg: &usize| ticket.legs[leg].place.fixture as usize == fixture && is_so(&ticket.legs[leg]);
        (0..ticket.legs.len()).filter(is_on_it).collect()
    }

    fn steps_of_leg(
        &self,
        ticket: &Ticket,
        leg: usize,
        minima: &[Option<i64>; GRADES_MAX],
        limit_minor: i64,
    ) -> i64 {
        let fixture = ticket.legs[leg].place.fixture as usize;
        let ratios: Vec<(i64, i64)> = self.fixtures[fixture]
            .space
            .grades
            .iter()
            .map(|&grade| lines::ratio(&ticket.legs[leg], grade))
            .collect();
        steps_max(minima, &ratios, self.unit_e9(ticket, leg), self.step_on(ticket, leg), limit_minor)
    }

    /// What a step costs on a leg at a grade, in parts, rounded up.
    fn growth(&self, ticket: &Ticket, leg: usize, grade: u8) -> i128 {
        let fixture = ticket.legs[leg].place.fixture as usize;
        let grade = self.fixtures[fixture].space.grades[usize::from(grade)];
        let (returned, of) = lines::ratio(&ticket.legs[leg], grade);
        let unit = i128::from(returned) * i128::from(self.unit_e9(ticket, leg));
        let staked = i128::from(of) * i128::from(self.step_on(ticket, leg)) * i128::from(ONE_E9);
        // Of `of` parts of a billionth of a minor unit each.
        -((staked - unit) * (PARTS / i128::from(ONE_E9))).div_euclid(i128::from(of))
    }

    /// The endings of a fixture with what these legs cost on each. A grade that only further play brings is judged at the
    /// worst ending, with the other legs as they cost most.
    fn endings(&self, ticket: &Ticket, fixture: usize, legs: &[usize]) -> BTreeSet<Ending> {
        let joint = self.joint(fixture, Some(ticket));
        let space = &self.fixtures[fixture].space;
        let slots: Vec<usize> =
            legs.iter().map(|&leg| space.slot(usize::from(ticket.legs[leg].place.selection))).collect();
        let costs: Vec<Vec<i128>> = legs
            .iter()
            .map(|&leg| (0..space.grades.len() as u8).map(|grade| self.growth(ticket, leg, grade)).collect())
            .collect();
        let mut endings = BTreeSet::new();
        let mut seen = vec![BTreeSet::new(); legs.len()];
        for (ending, &pnl) in joint.pnl.iter().enumerate() {
            let mut cost = 0;
            for (leg, &slot) in slots.iter().enumerate() {
                let grade = usize::from(joint.possible.joint[slot][ending]);
                seen[leg].insert(grade);
                cost += costs[leg][grade];
            }
            endings.insert((pnl, cost));
        }
        let further: Vec<BTreeSet<usize>> = legs
            .iter()
            .map(|&leg| {
                let selection = usize::from(ticket.legs[leg].place.selection);
                let minima = self.market_minima(fixture, selection, ticket);
                (0..GRADES_MAX).filter(|&grade| minima[grade].is_some()).collect()
            })
            .collect();
        let most = |leg: usize| {
            let grades = seen[leg].union(&further[leg]);
            grades.map(|&grade| costs[leg][grade]).max().unwrap_or(0)
        };
        for leg in 0..legs.len() {
            for &grade in further[leg].difference(&seen[leg]) {
                let others: i128 = (0..legs.len()).filter(|&other| other != leg).map(most).sum();
                endings.insert((joint.worst_minor, costs[leg][grade] + others));
            }
        }
        endings
    }

    /// The same of one market: on every list of grades that it can have.
    fn endings_of_market(
        &self,
        ticket: &Ticket,
        fixture: usize,
        market: usize,
        legs: &[usize],
    ) -> BTreeSet<Ending> {
        let template = self.fixtures[fixture].space.template;
        let first = template.markets[market].selections().start;
        let cost = |row: &[u8]| -> i128 {
            let of_leg = |&leg: &usize| {
                let place = usize::from(ticket.legs[leg].place.selection) - first;
                self.growth(ticket, leg, row[place])
            };
            legs.iter().map(of_leg).sum()
        };
        let rows = self.market_pnl(fixture, market, Some(ticket));
        rows.iter().map(|(pnl, row)| (*pnl, cost(row))).collect()
    }
}

/// Where a step costs money the loss is within the limit.
fn is_within(endings: &BTreeSet<Ending>, steps: i64, limit_minor: i64) -> bool {
    endings.iter().all(|&(pnl, growth)| {
        growth <= 0 || growth * i128::from(steps) - i128::from(pnl) * PARTS <= i128::from(limit_minor) * PARTS
    })
}

/// The largest number up to `most` that fits, 0 if none does.
fn largest(most: i64, fits: impl Fn(i64) -> bool) -> i64 {
    let (mut allowed, mut refused) = (0, most + 1);
    while refused - allowed > 1 {
        let middle = allowed + (refused - allowed) / 2;
        *(if fits(middle) { &mut allowed } else { &mut refused }) = middle;
    }
    allowed
}
