//! Limits: the largest stake that each allows, on the joint book.

use oddsengine_facts::{Leg, LimitCheck, LimitLevel, Ticket};
use oddsengine_risk::book::ByGrade;
use oddsengine_risk::{LossOfStake, UNIT_E9, stake_minor_max, stake_minor_max_together};
use oddsengine_types::STAKE_MINOR_MAX;

use crate::state::State;
use crate::state::upkeep::loss_of;

impl State {
    /// Lists every limit with the largest stake that it allows.
    pub(super) fn check_limits(&self, ticket: &mut Ticket) {
        if !ticket.terms.bets.is_empty() {
            return self.check_limits_of_lines(ticket);
        }
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
        self.check_windows(ticket, &mut checks);
        ticket.checks = checks;
    }

    /// A customer's own limit on what they stake on a selection in a day; with part of the limits also that part of
    /// what the limits would allow anybody.
    fn check_customer(&self, ticket: &Ticket, by_risk: &[LimitCheck]) -> LimitCheck {
        let factor_e3 = self.ticket_factor_e3(ticket);
        let share = |amount: i64| {
            (i128::from(amount) * i128::from(factor_e3) / 1_000).min(i128::from(STAKE_MINOR_MAX)) as i64
        };
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
        let fixture = &self.fixtures[leg.place.fixture as usize];
        let template = fixture.template();
        let of_fixture = self.check_fixture(0, leg, UNIT_E9, checks);
        let own_loss = loss_of(&fixture.book);
        for level in [LimitLevel::Competition, LimitLevel::Sport, LimitLevel::Platform] {
            let (limit_minor, used_minor) = self.limit_and_loss(level, leg.place.fixture);
            // What the other fixtures use up is not there for this one.
            let room_minor = limit_minor - (used_minor - own_loss);
            let stake_minor_max =
                stake_minor_max(&of_fixture, &template.grades, leg.odds_e4, UNIT_E9, room_minor);
            checks.push(LimitCheck {
                level,
                leg: Some(0),
                limit_minor,
                used_minor,
                stake_minor_max,
                window: None,
            });
        }
    }

    /// The limits of several legs: of each market and fixture for itself, of everything above them together.
    fn check_legs(&self, legs: &[Leg], units_e9: &[u64], checks: &mut Vec<LimitCheck>) {
        let mut losses = Vec::with_capacity(legs.len());
        for (leg_index, (leg, &unit_e9)) in legs.iter().zip(units_e9).enumerate() {
            let minima = self.check_fixture(leg_index as u8, leg, unit_e9, checks);
            let fixture = &self.fixtures[leg.place.fixture as usize];
            let (grades, loss_minor) = (&fixture.template().grades, loss_of(&fixture.book));
            losses.push(LossOfStake::new(&minima, grades, leg.odds_e4, unit_e9, loss_minor));
        }
        for level in [LimitLevel::Competition, LimitLevel::Sport, LimitLevel::Platform] {
            for (leg_index, leg) in legs.iter().enumerate() {
                let is_in = |other: &Leg| self.is_in_scope(level, leg.place.fixture, other.place.fixture);
                if legs[..leg_index].iter().any(is_in) {
                    continue;
                }
                let of_scope: Vec<&LossOfStake> =
                    losses.iter().zip(legs).filter(|(_, other)| is_in(other)).map(|(loss, _)| loss).collect();
                let (limit_minor, used_minor) = self.limit_and_loss(level, leg.place.fixture);
                let stake_minor_max = stake_minor_max_together(&of_scope, used_minor, limit_minor);
                checks.push(of_ticket(level, limit_minor, used_minor, stake_minor_max));
            }
        }
    }

    /// The limits of a leg's market and fixture; returns the fixture's least profit and loss by grade.
    fn check_fixture(&self, leg_index: u8, leg: &Leg, unit_e9: u64, checks: &mut Vec<LimitCheck>) -> ByGrade {
        let fixture = &self.fixtures[leg.place.fixture as usize];
        let (template, possible, selection) =
            (fixture.template(), &fixture.possible, usize::from(leg.place.selection));
        let of_market = fixture.book.market_minima(template, possible, selection);
        let of_fixture = fixture.book.joint_minima(template, possible, selection);
        for (level, minima) in [(LimitLevel::Market, &of_market), (LimitLevel::Fixture, &of_fixture)] {
            let (limit_minor, used_minor) = match level {
                LimitLevel::Market => self.market_limit_and_loss(leg),
                level => self.limit_and_loss(level, leg.place.fixture),
            };
            let stake_minor_max =
                stake_minor_max(minima, &template.grades, leg.odds_e4, unit_e9, limit_minor);
            checks.push(LimitCheck {
                level,
                leg: Some(leg_index),
                limit_minor,
                used_minor,
                stake_minor_max,
                window: None,
            });
        }
        of_fixture
    }

    pub(super) fn market_limit_and_loss(&self, leg: &Leg) -> (i64, i64) {
        let fixture = &self.fixtures[leg.place.fixture as usize];
        let market = fixture.template().selections[usize::from(leg.place.selection)].market;
        let worst_minor = fixture.book.market_worst_minor(fixture.template(), &fixture.possible, market);
        (fixture.limits.market_loss_minor_max[usize::from(market)], (-worst_minor).max(0))
    }

    /// The limit of the fixture, or of the scope of this level that it is in, and its loss now.
    pub(super) fn limit_and_loss(&self, level: LimitLevel, fixture: u32) -> (i64, i64) {
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
    pub(super) fn is_in_scope(&self, level: LimitLevel, fixture: u32, other: u32) -> bool {
        let [fixture, other] = [fixture, other].map(|index| &self.fixtures[index as usize]);
        match level {
            LimitLevel::Competition => fixture.competition == other.competition,
            LimitLevel::Sport => fixture.request.sport() == other.request.sport(),
            _ => true,
        }
    }

    /// Every loss that a ticket's legs count in, with its limit: as the books have it, not as a formula says.
    pub(super) fn losses_of(&self, legs: &[Leg]) -> Vec<(LimitLevel, i64, i64)> {
        let mut losses = Vec::with_capacity(5 * legs.len());
        for leg in legs {
            for level in
                [LimitLevel::Fixture, LimitLevel::Competition, LimitLevel::Sport, LimitLevel::Platform]
            {
                let (limit_minor, loss_minor) = self.limit_and_loss(level, leg.place.fixture);
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
}

/// A limit on the ticket as a whole.
pub(super) fn of_ticket(
    level: LimitLevel,
    limit_minor: i64,
    used_minor: i64,
    stake_minor_max: i64,
) -> LimitCheck {
    LimitCheck { level, leg: None, limit_minor, used_minor, stake_minor_max, window: None }
}
