//! A fixture of a space: the table of its outcomes, and which of them are left.

use std::collections::BTreeSet;

use oddsengine_markets::custom::CustomIncident;
use oddsengine_markets::{LiveChange, LivePhase};

use super::game::Listed;
use crate::outcomes::{Grades, Space, common};

/// Most numbers of a state.
const VALUES_MAX: usize = 32;

/// A fixture so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Number of outcomes.
    pub outcome_count: u16,
    /// The outcomes left.
    pub left: BTreeSet<u16>,
    /// Not started, in play, or over.
    pub phase: LivePhase,
    /// The score.
    pub score: (u16, u16),
    /// The clock.
    pub clock_ms: i64,
    /// The period.
    pub period: String,
    /// Numbers for the model.
    pub values: Vec<i64>,
}

impl Table {
    /// Before the start.
    pub fn new(outcome_count: u16) -> Self {
        Self {
            outcome_count,
            left: (0..outcome_count).collect(),
            phase: LivePhase::PreMatch,
            score: (0, 0),
            clock_ms: 0,
            period: "pre_match".into(),
            values: Vec::new(),
        }
    }

    /// Takes the state that is told; `None` when it cannot be, and nothing has changed.
    pub fn apply(&mut self, told: &CustomIncident) -> Option<LiveChange> {
        let mut left = BTreeSet::new();
        for &(start, end) in &told.possible {
            // Ranges ascend and hold something.
            let is_above = left.last().is_none_or(|&last| start > last);
            if !is_above || start >= end || end > self.outcome_count {
                return None;
            }
            left.extend(start..end);
        }
        if told.possible.is_empty() {
            left = (0..self.outcome_count).collect();
        }
        let is_unclear = told.phase == LivePhase::Finished && left.len() != 1;
        if is_unclear || told.values.len() > VALUES_MAX {
            return None;
        }
        let next = Self {
            outcome_count: self.outcome_count,
            left,
            phase: told.phase,
            score: told.score,
            clock_ms: told.clock_ms,
            period: told.period.clone(),
            values: told.values.clone(),
        };
        let change = LiveChange {
            reprices: next != *self,
            regrades: next.left != self.left || next.phase != self.phase,
            danger: told.danger,
        };
        *self = next;
        Some(change)
    }

    /// What the ways in which it can end depend on.
    pub(crate) fn key(&self) -> Vec<u64> {
        self.left.iter().map(|&outcome| outcome.into()).collect()
    }

    /// Every way in which it can still end, read from the definition.
    pub(crate) fn listed(&self, space: &Space) -> Listed {
        let definition = space.definition.as_ref().expect("a space has its definition");
        let grades = |&outcome: &u16| -> Grades {
            let grade = |&selection: &usize| {
                let selection_of = &space.template.selections[selection];
                let market = &definition.markets[usize::from(selection_of.market)];
                let cells = &definition.views[usize::from(market.view)].cell_of_outcome;
                let place = selection - space.template.market_of(selection).selections().start;
                market.selections[place].grades[usize::from(cells[usize::from(outcome)])]
            };
            space.selections.iter().map(grade).collect()
        };
        let endings: Vec<Grades> = self.left.iter().map(grades).collect();
        Listed { decided: common(&endings), endings }
    }
}
