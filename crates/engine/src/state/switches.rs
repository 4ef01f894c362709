//! Switches that are off, and whether a bet is taken at all.

use std::collections::BTreeMap;

use oddsengine_facts::{Origin, Reason, Scope, Switch, SwitchScope};
use oddsengine_markets::{MarketId, SelectionId};
use oddsengine_types::{CustomerId, FixtureId};

use super::State;

impl State {
    /// Switches that are off.
    pub fn switches(&self) -> &BTreeMap<SwitchScope, Switch> {
        &self.switches
    }

    /// Whether bets of this customer on these legs are taken at all: switches, and the customer's standing.
    ///
    /// `by`: on which way the bet came; nothing where it was taken before.
    ///
    /// # Errors
    /// The first reason in order of precedence.
    pub(crate) fn check_admission(
        &self,
        customer: CustomerId,
        legs: impl Iterator<Item = (FixtureId, SelectionId)>,
        by: Option<&Origin>,
    ) -> Result<(), Reason> {
        let file = self.customers.file(customer);
        if self.switches.is_empty() && file.is_none() {
            return Ok(());
        }
        self.check_switches(customer, by)?;
        if let Some(reason) = file.and_then(|file| file.standing.refusal(self.now_ns)) {
            return Err(reason);
        }
        if self.switches.is_empty() {
            return Ok(());
        }
        match legs.filter_map(|(fixture, selection)| self.leg_switch(fixture, selection)).min() {
            Some(reason) => Err(reason),
            None => Ok(()),
        }
    }

    fn check_switches(&self, customer: CustomerId, by: Option<&Origin>) -> Result<(), Reason> {
        if self.switches.is_empty() {
            return Ok(());
        }
        if self.switches.contains_key(&SwitchScope::All) {
            return Err(Reason::BettingDisabled);
        }
        if let Some(by) = by {
            let names = [&by.principal.key, &by.principal.service, &by.source];
            let is_off = |name: &String| {
                !name.is_empty() && self.switches.contains_key(&SwitchScope::Channel(name.clone()))
            };
            if names.into_iter().any(is_off) {
                return Err(Reason::ChannelDisabled);
            }
        }
        match self.switches.contains_key(&SwitchScope::Customer(customer)) {
            true => Err(Reason::CustomerDisabled),
            false => Ok(()),
        }
    }

    /// The first switch that stops bets on this selection.
    fn leg_switch(&self, id: FixtureId, selection: SelectionId) -> Option<Reason> {
        let fixture = &self.fixtures[self.index_of(id)?];
        let is_off = |scope: Scope| self.switches.contains_key(&SwitchScope::Of(scope));
        let sport = fixture.request.sport();
        if is_off(Scope::Sport(sport)) {
            return Some(Reason::SportDisabled);
        }
        if is_off(Scope::Competition(fixture.request.competition.clone())) {
            return Some(Reason::CompetitionDisabled);
        }
        if is_off(Scope::Fixture(id)) {
            return Some(Reason::FixtureDisabled);
        }
        let template = fixture.template();
        let market = &template.market_of(template.selection_of_id(selection)?).key;
        let stem = market.split(':').next().unwrap_or_default().to_string();
        let is_market_off =
            is_off(Scope::Market(id, MarketId::of(market))) || is_off(Scope::MarketType(sport, stem));
        is_market_off.then_some(Reason::MarketDisabled)
    }
}
