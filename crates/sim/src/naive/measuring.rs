//! What a ticket does to every loss that is limited: it is in the lists, it is left out of them, and both are measured.
//!
//! Nothing here knows how a stake is judged. A ticket that was taken may leave no loss above its limit, unless that loss
//! is no larger than without the ticket.

use oddsengine_engine::{FixtureRequest, LimitLevel, Ticket};

use super::Naive;

/// A loss that a limit is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Of what.
    pub level: LimitLevel,
    /// Of which.
    pub name: String,
    /// The limit.
    pub limit_minor: i64,
    /// The loss on the worst outcomes, each fixture for itself.
    pub minor: i64,
}

impl Naive {
    /// Every limited loss that the legs of a ticket count in, `except` one ticket.
    pub fn measured(&self, ticket: &Ticket, except: Option<&Ticket>) -> Vec<Loss> {
        let fixtures = self.losses_minor(except);
        let mut losses = Vec::new();
        for leg in &ticket.legs {
            let (index, selection) = (leg.place.fixture as usize, usize::from(leg.place.selection));
            let (limits, request) = (self.limits(index, selection), &self.fixtures[index].request);
            let template = self.fixtures[index].space.template;
            let market = usize::from(template.selections[selection].market);
            let of_market = (-self.market_worst_minor(index, market, except)).max(0);
            let in_sport = |other: &FixtureRequest| other.sport() == request.sport();
            let in_competition =
                |other: &FixtureRequest| in_sport(other) && other.competition == request.competition;
            let mut add = |level, name: String, limit_minor, minor| {
                losses.push(Loss { level, name, limit_minor, minor });
            };
            let id = request.fixture;
            add(
                LimitLevel::Market,
                format!("{id} {}", template.markets[market].key),
                limits.market_minor,
                of_market,
            );
            add(LimitLevel::Fixture, id.to_string(), limits.fixture_minor, fixtures[index]);
            add(
                LimitLevel::Competition,
                request.competition.clone(),
                limits.competition_minor,
                self.sum_of(&fixtures, in_competition),
            );
            add(
                LimitLevel::Sport,
                request.sport().to_string(),
                limits.sport_minor,
                self.sum_of(&fixtures, in_sport),
            );
            add(
                LimitLevel::Platform,
                String::new(),
                self.config.platform_loss_minor_max,
                self.sum_of(&fixtures, |_| true),
            );
        }
        losses
    }

    /// The limit that a ticket in the lists broke, in words.
    pub fn limit_broken_by(&self, ticket: &Ticket) -> Option<String> {
        let (before, after) = (self.measured(ticket, Some(ticket)), self.measured(ticket, None));
        let is_broken =
            |(before, after): &(&Loss, &Loss)| after.minor > after.limit_minor && after.minor > before.minor;
        let (before, after) = before.iter().zip(&after).find(is_broken)?;
        Some(format!(
            "ticket {} took the loss of {} {} from {} to {}, above the limit {}",
            ticket.id,
            after.level.name(),
            after.name,
            before.minor,
            after.minor,
            after.limit_minor
        ))
    }

    /// Measures a ticket that was just taken, and notes what it broke.
    pub(super) fn measure_taken(&mut self, index: usize) {
        let ticket = &self.tickets[index].ticket;
        let broken = self.limit_broken_by(ticket);
        self.broken = self.broken.take().or(broken);
    }
}
