//! Where a price comes from: the steps from the model's probability to what is offered.

use oddsengine_facts::{Margin, Scope};
use oddsengine_pricing::board::{OfferScratch, offer_market, skew};
use oddsengine_pricing::model::Parameters;
use oddsengine_types::Ladder;

use crate::boards::rules_of;
use crate::state::State;
use crate::state::fixture::Fixture;

/// How a market is priced.
#[derive(Clone, Debug, PartialEq)]
pub struct MarketExplanation {
    /// The margin in force.
    pub margin: Margin,
    /// The scope that set it; none where it is the platform's.
    pub margin_from: Option<Scope>,
    /// The limit of losses on it, and the scope that set it.
    pub loss_minor_max: i64,
    /// See `loss_minor_max`; none where it is the platform's.
    pub loss_from: Option<Scope>,
    /// Its selections, in order.
    pub selections: Vec<SelectionExplanation>,
}

/// The steps of one price.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SelectionExplanation {
    /// Index of the selection.
    pub selection: u16,
    /// Of the model, refunds set aside; 0 without a model, or where it cannot win.
    pub fair_probability: f64,
    /// After the skew of liabilities; the same where there is none.
    pub skewed_probability: f64,
    /// With margin and skew, before ladder and bounds, rounded down to thousandths; 0 where the model offers nothing.
    pub margin_odds_e4: u32,
    /// What is paid if it wins.
    pub payout_minor: i64,
}

impl State {
    /// The steps from the model to what is offered in a market.
    ///
    /// # Panics
    /// The market is not one of the fixture's template.
    pub fn explain_market(&self, fixture: &Fixture, market: usize) -> MarketExplanation {
        let definition = &fixture.template().markets[market];
        let range = definition.selections();
        let (margin_from, loss_from) = self.scopes_of_market(fixture, market);
        let payout = |slot: usize| fixture.book.selection((range.start + slot) as u16).payout_minor;
        let fair: Vec<f64> = range.clone().map(|selection| fixture.fair_probability(selection)).collect();
        let mut skewed = fair.clone();
        let mut margin_odds_e4 = vec![0; range.len()];
        if fixture.board.has_expectations {
            if let Some(b_minor) = self.config.skew_b_minor.filter(|_| fair.iter().sum::<f64>() > 0.0) {
                skew(&fair, payout, b_minor as f64, &mut skewed);
            }
            let rules = rules_of(&self.config, fixture.margins[market]);
            let rules = oddsengine_pricing::board::PriceRules {
                ladder: Ladder::Thousandths,
                odds_e4_min: 10_010,
                odds_e4_max: 10_000_000,
                ..rules
            };
            let (win, refund) = (&fixture.board.win[range.clone()], &fixture.board.refund[range.clone()]);
            let is_open = |slot: usize| fixture.grades[range.start + slot].is_none();
            let mut scratch = OfferScratch::default();
            offer_market(definition, win, refund, is_open, payout, &rules, &mut scratch, &mut margin_odds_e4);
        }
        let selections = range.clone().enumerate().map(|(slot, selection)| SelectionExplanation {
            selection: selection as u16,
            fair_probability: fair[slot],
            skewed_probability: skewed[slot],
            margin_odds_e4: margin_odds_e4[slot],
            payout_minor: payout(slot),
        });
        MarketExplanation {
            margin: fixture.margins[market],
            margin_from,
            loss_minor_max: fixture.limits.market_loss_minor_max[market],
            loss_from,
            selections: selections.collect(),
        }
    }

    /// What a fixture's parameters expect, and those of feeds alone where a trader's expectation stands: supremacy and total.
    pub fn expects(&self, fixture: &Fixture) -> [Option<(f64, f64)>; 2] {
        let (format, models) = (&fixture.request.format, &self.derived.models);
        let feed = fixture.expectation.as_ref().and_then(|standing| standing.feed.as_ref());
        let feed = feed.and_then(|feed| Parameters::from_record(feed).ok());
        [fixture.parameters.as_ref(), feed.as_ref()].map(|of| models.expectation(format, of?))
    }

    /// The scopes whose margin and whose limit are in force in a market: as settings are inherited.
    fn scopes_of_market(&self, fixture: &Fixture, market: usize) -> (Option<Scope>, Option<Scope>) {
        let template = fixture.template();
        let stem = template.markets[market].key.split(':').next().unwrap_or_default().to_owned();
        let sport = fixture.request.sport();
        let of_market = Scope::Market(fixture.id(), template.market_id(market));
        let of_type = Scope::MarketType(sport, stem);
        let in_order = [
            of_market.clone(),
            Scope::Fixture(fixture.id()),
            Scope::Competition(fixture.request.competition.clone()),
            of_type.clone(),
            Scope::Sport(sport),
        ];
        let sets_margin = |scope: &Scope| self.scopes.get(scope).is_some_and(|own| own.margin.is_some());
        let sets_loss =
            |scope: &Scope| self.scopes.get(scope).is_some_and(|own| own.loss_minor_max.is_some());
        (in_order.into_iter().find(sets_margin), [of_market, of_type].into_iter().find(sets_loss))
    }
}
