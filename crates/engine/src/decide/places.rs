//! Plans as they are asked for: the place parts of each-way legs, and the least stake that a plan can have.

use oddsengine_facts::{EachWayLeg, Leg, Place, PlanRequest, Reason, Ticket};
use oddsengine_markets::racing::{PlaceTerms, standard_terms};
use oddsengine_markets::{Format, LiveState, MarketId, SelectionId, racing};

use crate::lines::Steps;
use crate::state::State;

/// The market on which an each-way leg is to win.
const TO_WIN: &str = "win";

impl State {
    /// Adds the place parts of a ticket's legs behind them. `is_incomplete`: some of its legs were not found, and what is said
    /// is whether those that were have places.
    pub(super) fn find_places(
        &self,
        plan: &PlanRequest,
        ticket: &mut Ticket,
        is_incomplete: bool,
    ) -> Result<(), Reason> {
        if is_incomplete {
            return Ok(());
        }
        for each_way in &plan.each_way {
            let leg = ticket.legs[usize::from(each_way.leg)];
            let place = self.place_part(&leg, each_way)?;
            ticket.legs.push(place);
        }
        Ok(())
    }

    /// The place part of a leg: a part of its odds on the selection that pays the places.
    fn place_part(&self, leg: &Leg, each_way: &EachWayLeg) -> Result<Leg, Reason> {
        let fixture = &self.fixtures[leg.place.fixture as usize];
        let template = fixture.template();
        let selection = usize::from(leg.place.selection);
        let (Format::Racing(format), LiveState::Racing(race)) = (&fixture.request.format, &fixture.live)
        else {
            return Err(Reason::PlaceTermsNotOffered);
        };
        let of_race = || standard_terms(race.starters().count() as u8, format.is_handicap);
        let terms: PlaceTerms = each_way.terms.or_else(of_race).ok_or(Reason::PlaceTermsNotOffered)?;
        let key = racing::template::place_key(terms.places);
        if template.market_of(selection).key != TO_WIN
            || !format.each_way_terms().contains(&terms)
            || template.market_of_id(MarketId::of(&key)).is_none()
        {
            return Err(Reason::PlaceTermsNotOffered);
        }
        let selection = SelectionId::of(&key, &template.selections[selection].name);
        let found = template.selection_of_id(selection).ok_or(Reason::PlaceTermsNotOffered)?;
        Ok(Leg {
            selection,
            place: Place { selection: found as u16, ..leg.place },
            place_fraction_of: terms.fraction_of,
            place_of: each_way.leg,
            ..*leg
        })
    }

    /// Asks for the least that the stakes of a plan allow, in the proportion of its lines.
    pub(super) fn ask_for_least(&self, plan: &mut PlanRequest, leg_count: usize) {
        if !plan.is_by_line() {
            plan.bets.iter_mut().for_each(|bet| bet.stake_minor = 1);
        }
        if plan.line_count(leg_count).is_none() || plan.bets.iter().any(|bet| bet.stake_minor <= 0) {
            // It makes no bets, and is refused.
            return;
        }
        let steps = Steps::of(&plan.bets);
        let least = |minor: i64, of: i64| (minor + of - 1) / of;
        let of_lines = steps.bets.iter().map(|bet| least(self.config.line_stake_minor_min, bet.stake_minor));
        let count =
            of_lines.max().unwrap_or(1).max(least(self.config.stake_minor_min, steps.stake_minor)).max(1);
        plan.bets = steps.times(count);
    }
}
