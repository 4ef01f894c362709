//! Limits of tickets of several bets: as of any ticket, in steps of the stake that are whole on each line.

use oddsengine_facts::{Leg, LimitCheck, LimitLevel, Ticket};
use oddsengine_markets::Template;
use oddsengine_risk::book::GRADES_MAX;
use oddsengine_risk::{
    Growing, LossOfStake, growth_of, place_grades, steps_max, steps_max_of_lines, steps_max_together,
};
use oddsengine_types::bets::expected_return;
use oddsengine_types::{Grade, STAKE_MINOR_MAX};

use super::limits::of_ticket;
use crate::lines::{self, Steps};
use crate::state::State;
use crate::state::upkeep::loss_of;

/// A ticket as its limits see it: what each step of its stake puts on its legs.
struct Asked<'a> {
    legs: &'a [Leg],
    /// Per leg, in billionths.
    units_e9: Vec<u64>,
    /// Per leg.
    staked_minor: Vec<i64>,
    steps: Steps,
    steps_max: i64,
}

impl Asked<'_> {
    /// Steps as stake of the ticket.
    fn stake_minor(&self, steps: i64) -> i64 {
        steps.clamp(0, self.steps_max) * self.steps.stake_minor
    }

    fn growing(&self, leg: usize, template: &Template) -> Growing {
        let (unit_e9, staked_minor) = (self.units_e9[leg], self.staked_minor[leg]);
        let leg = &self.legs[leg];
        let mut growth = [0; GRADES_MAX];
        for (growth, grade) in growth.iter_mut().zip(grades_of(leg, template)) {
            *growth = growth_of(grade, leg.odds_e4, unit_e9, staked_minor);
        }
        Growing { selection: leg.place.selection.into(), growth }
    }

    /// The legs that this is so of, in their order.
    fn places(&self, is_so: impl Fn(&Leg) -> bool) -> Vec<usize> {
        (0..self.legs.len()).filter(|&leg| is_so(&self.legs[leg])).collect()
    }
}

/// The grades of a template as a leg is paid by them.
fn grades_of(leg: &Leg, template: &Template) -> Vec<Grade> {
    match leg.place_fraction_of {
        0 => template.grades.clone(),
        of => place_grades(&template.grades, of),
    }
}

impl State {
    /// Lists every limit with the largest stake that it allows.
    pub(super) fn check_limits_of_lines(&self, ticket: &mut Ticket) {
        let steps = Steps::of(&ticket.terms.bets);
        let asked = Asked {
            units_e9: self.units_of_step_e9(&steps, &ticket.legs),
            staked_minor: lines::staked_minor(&steps.bets, &ticket.legs, |_| true),
            steps_max: STAKE_MINOR_MAX / steps.stake_minor,
            steps,
            legs: &ticket.legs,
        };
        let mut checks = Vec::with_capacity(5 + 2 * ticket.legs.len());
        let payout_limit = self.config.payout_minor_max;
        let by_payout = asked.stake_minor(steps_within_payout(&asked, payout_limit));
        checks.push(of_ticket(LimitLevel::Payout, payout_limit, 0, by_payout));
        // In its place by level; filled in once the others are known.
        checks.push(of_ticket(LimitLevel::Customer, 0, 0, 0));
        self.check_legs_of_lines(&asked, &mut checks);
        checks[1] = self.check_customer_of_lines(ticket, &asked, &checks[2..]);
        let by_risk = checks.len();
        self.check_windows(ticket, &mut checks);
        for check in &mut checks[by_risk..] {
            check.stake_minor_max -= check.stake_minor_max % asked.steps.stake_minor;
        }
        ticket.checks = checks;
    }

    /// The limits of each leg's market and fixture, for all legs on it together; then of everything above the fixtures.
    fn check_legs_of_lines(&self, asked: &Asked<'_>, checks: &mut Vec<LimitCheck>) {
        let mut losses: Vec<(u32, LossOfStake)> = Vec::with_capacity(asked.legs.len());
        for (index, leg) in asked.legs.iter().enumerate() {
            let at = leg.place.fixture;
            let fixture = &self.fixtures[at as usize];
            let (template, possible) = (fixture.template(), &fixture.possible);
            let market_of = |leg: &Leg| template.selections[usize::from(leg.place.selection)].market;
            let on_fixture = asked.places(|other| other.place.fixture == at);
            let on_market =
                asked.places(|other| other.place.fixture == at && market_of(other) == market_of(leg));
            let (unit_e9, staked_minor) = (asked.units_e9[index], asked.staked_minor[index]);
            let growing = |legs: &[usize]| -> Vec<Growing> {
                legs.iter().map(|&leg| asked.growing(leg, template)).collect()
            };
            let selection = usize::from(leg.place.selection);
            let mut push = |level, (limit_minor, used_minor): (i64, i64), steps: i64| {
                let stake_minor_max = asked.stake_minor(steps);
                checks.push(LimitCheck {
                    level,
                    leg: Some(index as u8),
                    limit_minor,
                    used_minor,
                    stake_minor_max,
                    window: None,
                });
            };
            let grades = grades_of(leg, template);
            let of_market = self.market_limit_and_loss(leg);
            let by_market = match on_market.as_slice() {
                [_] => {
                    let minima = fixture.book.market_minima(template, possible, selection);
                    steps_max(&minima, &grades, leg.odds_e4, unit_e9, staked_minor, of_market.0)
                }
                several => {
                    let lines = fixture.book.market_lines(template, possible, &growing(several));
                    steps_max_of_lines(&lines, of_market.0)
                }
            };
            push(LimitLevel::Market, of_market, by_market);
            let of_fixture = self.limit_and_loss(LimitLevel::Fixture, at);
            let own_loss = loss_of(&fixture.book);
            let (by_fixture, loss) = match on_fixture.as_slice() {
                [_] => {
                    let minima = fixture.book.joint_minima(template, possible, selection);
                    (
                        steps_max(&minima, &grades, leg.odds_e4, unit_e9, staked_minor, of_fixture.0),
                        LossOfStake::of_step(&minima, &grades, leg.odds_e4, unit_e9, staked_minor, own_loss),
                    )
                }
                several => {
                    let lines = fixture.book.joint_lines(template, possible, &growing(several));
                    (steps_max_of_lines(&lines, of_fixture.0), LossOfStake::of_lines(&lines, own_loss))
                }
            };
            push(LimitLevel::Fixture, of_fixture, by_fixture);
            if on_fixture.first() == Some(&index) {
                losses.push((at, loss));
            }
        }
        for level in [LimitLevel::Competition, LimitLevel::Sport, LimitLevel::Platform] {
            for (index, (fixture, _)) in losses.iter().enumerate() {
                let is_in = |(other, _): &&(u32, LossOfStake)| self.is_in_scope(level, *fixture, *other);
                if losses[..index].iter().any(|other| is_in(&other)) {
                    continue;
                }
                let of_scope: Vec<&LossOfStake> = losses.iter().filter(is_in).map(|(_, loss)| loss).collect();
                let (limit_minor, used_minor) = self.limit_and_loss(level, *fixture);
                let steps = steps_max_together(&of_scope, used_minor, limit_minor, asked.steps_max);
                checks.push(of_ticket(level, limit_minor, used_minor, asked.stake_minor(steps)));
            }
        }
    }

    /// A customer's own limit is on what they stake on a selection in a day; a share of what anybody could stake is one on the
    /// ticket. The leg that allows least binds.
    fn check_customer_of_lines(
        &self,
        ticket: &Ticket,
        asked: &Asked<'_>,
        by_risk: &[LimitCheck],
    ) -> LimitCheck {
        let factor_e3 = i128::from(self.ticket_factor_e3(ticket));
        let share = |amount: i128| (amount * factor_e3 / 1_000).min(i128::from(STAKE_MINOR_MAX));
        let anybody = by_risk.iter().map(|check| check.stake_minor_max).min().unwrap_or(STAKE_MINOR_MAX);
        let step_minor = i128::from(asked.steps.stake_minor);
        let mut binding = of_ticket(LimitLevel::Customer, 0, 0, i64::MAX);
        for leg in asked.legs {
            let on_it = asked.places(|other| other.place == leg.place);
            let staked: i128 = on_it.iter().map(|&leg| i128::from(asked.staked_minor[leg])).sum();
            let used = i128::from(self.staked_today_minor(ticket.customer, leg));
            let mut allow = |limit: i128, used: i128, steps: i128| {
                let stake_minor_max = asked.stake_minor(steps.clamp(0, i64::MAX.into()) as i64);
                if stake_minor_max < binding.stake_minor_max {
                    binding = of_ticket(LimitLevel::Customer, limit as i64, used as i64, stake_minor_max);
                }
            };
            let limit = share(i128::from(self.config.stake_minor_max));
            allow(limit, used, (limit - used).max(0) / staked.max(1));
            if factor_e3 < 1_000 {
                // As if the whole ticket had been staked as this selection was.
                let used = (used * step_minor + staked.max(1) - 1) / staked.max(1);
                let limit = share(i128::from(anybody) + used);
                allow(limit, used, (limit - used).max(0) / step_minor);
            }
        }
        binding
    }
}

/// The most steps that pay no more than this if every leg wins: what acceptance computes, to the minor unit.
fn steps_within_payout(asked: &Asked<'_>, limit_minor: i64) -> i64 {
    let pays = |steps: i64| lines::payout_minor_max(&asked.steps.times(steps), asked.legs);
    let odds = lines::odds_by_leg(asked.legs);
    let of_step = expected_return(&asked.steps.bets, &odds).max(1e-9);
    let guess = (limit_minor as f64 / of_step).min(asked.steps_max as f64) as i64;
    let mut steps = guess;
    while steps > 0 && pays(steps) > limit_minor {
        steps -= 1;
    }
    while steps < asked.steps_max && pays(steps + 1) <= limit_minor {
        steps += 1;
    }
    steps
}
