//! Ids of selections as texts: a journal has hashes, rows have names.

use std::sync::Arc;

use oddsengine_markets::{Format, MarketId, SelectionId, SpaceDefinition, template_of};
use oddsengine_types::IdMap;

/// What the id of a selection stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The selection's id.
    pub selection_id: u64,
    /// The market's key.
    pub market: Arc<str>,
    /// The selection's name within the market.
    pub selection: Arc<str>,
}

/// The texts of all selections so far.
#[derive(Debug, Default)]
pub(crate) struct Names {
    selections: IdMap<SelectionId, (Arc<str>, Arc<str>)>,
    markets: IdMap<MarketId, Arc<str>>,
    formats: std::collections::BTreeSet<Format>,
}

impl Names {
    pub fn remember(&mut self, name: Name) {
        let market_id = MarketId::of(&name.market);
        self.markets.entry(market_id).or_insert_with(|| Arc::clone(&name.market));
        self.selections.entry(SelectionId(name.selection_id)).or_insert((name.market, name.selection));
    }

    /// The names of a format's template that are new.
    pub fn learn_format(&mut self, format: &Format) -> Vec<Name> {
        if !self.formats.insert(*format) {
            return Vec::new();
        }
        let Some(template) = template_of(format) else { return Vec::new() };
        let mut found = Vec::new();
        for market in &template.markets {
            let key: Arc<str> = market.key.as_str().into();
            for selection in &template.selections[market.selections()] {
                self.learn(selection.id, &key, &selection.name, &mut found);
            }
        }
        found
    }

    /// The names of a space that are new.
    pub fn learn_space(&mut self, space: &SpaceDefinition) -> Vec<Name> {
        let mut found = Vec::new();
        for market in &space.markets {
            let key: Arc<str> = market.key.as_str().into();
            for selection in &market.selections {
                let name = selection.name.as_str();
                self.learn(SelectionId::of(&market.key, name), &key, name, &mut found);
            }
        }
        found
    }

    fn learn(&mut self, id: SelectionId, market: &Arc<str>, selection: &str, found: &mut Vec<Name>) {
        if !self.selections.contains_key(&id) {
            let name = Name { selection_id: id.0, market: Arc::clone(market), selection: selection.into() };
            found.push(name.clone());
            self.remember(name);
        }
    }

    /// Market and selection. What was never announced (a refused leg names it) is told by its id.
    pub fn of(&self, selection: SelectionId) -> (Arc<str>, Arc<str>) {
        match self.selections.get(&selection) {
            Some((market, name)) => (Arc::clone(market), Arc::clone(name)),
            None => ("unknown".into(), format!("{:016x}", selection.0).into()),
        }
    }

    pub fn market(&self, market: MarketId) -> Arc<str> {
        self.markets.get(&market).map_or_else(|| format!("unknown_{:016x}", market.0).into(), Arc::clone)
    }
}
