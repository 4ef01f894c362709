//! A fixture: live state, model, board, settings.

use std::collections::BTreeMap;

use oddsengine_markets::{LivePhase, LiveState, ModelFault, Outcome, Possible, Template};
use oddsengine_pricing::model::Parameters;
use oddsengine_risk::Book;
use oddsengine_types::{FixtureId, Grade, codec_enum, codec_struct};

use crate::command::{FixtureRequest, VoidKind};
use crate::config::Margin;

/// A fixture and everything traded on it.
#[derive(Clone, Debug)]
pub struct Fixture {
    /// What the feed announced: ids, names, start.
    pub request: FixtureRequest,
    /// Derived from its format: the markets.
    pub template: &'static Template,
    /// Index of its competition in the engine.
    pub competition: u32,
    /// The match itself.
    pub live: LiveState,
    /// The model's parameters, once known.
    pub parameters: Option<Parameters>,
    /// Why trading stands still, if it does.
    pub stops: Stops,
    /// What is void.
    pub void: VoidKind,
    /// Number of board changes published, from 1; the `seq` of its odds version.
    pub version: u64,
    /// Offered odds per selection in ten-thousandths, 0 = not offered.
    pub odds_e4: Vec<u32>,
    /// Grade per selection, once decided.
    pub grades: Vec<Option<Grade>>,
    /// State per market that the desk set.
    pub desk: BTreeMap<u16, MarketDesk>,
    /// Grades told instead of derived, per market.
    pub told_grades: BTreeMap<u16, Vec<Grade>>,
    /// Open legs per selection: (ticket index, leg index), in order of acceptance.
    pub legs: BTreeMap<u16, Vec<(u32, u8)>>,
    /// Positions.
    pub book: Book,
    /// Derived from configuration: margin per market.
    pub margins: Vec<Margin>,
    /// Derived: probability that the stake wins, per selection.
    pub win: Vec<f64>,
    /// Derived: probability that the stake is refunded, per selection.
    pub refund: Vec<f64>,
    /// Derived: what is still possible.
    pub possible: Possible,
    /// Derived: limits and delay of this fixture.
    pub limits: FixtureLimits,
}

/// Why trading of a fixture stands still; any one is enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stops {
    /// The desk suspended it.
    pub by_desk: bool,
    /// Danger on the field of play.
    pub by_danger: bool,
    /// The feed contradicted itself or our state; cleared when it is consistent again.
    pub by_feed: bool,
    /// A foreign model has not given prices for the present state; cleared when it does.
    pub by_model: bool,
    /// Why, if it tried and failed.
    pub model_fault: Option<ModelFault>,
}
codec_struct!(Stops { by_desk, by_danger, by_feed, by_model, model_fault });

impl Stops {
    /// Trading stands still.
    pub fn any(self) -> bool {
        self.by_desk || self.by_danger || self.by_feed || self.by_model
    }
}

/// What the desk set on a market.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MarketDesk {
    /// Suspended.
    pub is_suspended: bool,
    /// Prices stay where they are.
    pub is_locked: bool,
    /// Prices set by hand.
    pub manual_odds_e4: Option<Vec<u32>>,
}
codec_struct!(MarketDesk { is_suspended, is_locked, manual_odds_e4 });

/// The limits that apply to a fixture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FixtureLimits {
    /// Largest joint loss.
    pub fixture_loss_minor_max: i64,
    /// Largest loss per market.
    pub market_loss_minor_max: Vec<i64>,
    /// Bet delay in play.
    pub bet_delay_ms: i64,
}

/// The state of a market as subscribers see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MarketStatus {
    /// Bets are taken at the prices shown.
    Open,
    /// Prices are shown, no bets are taken.
    Suspended,
    /// No bets any more: the fixture is over or void.
    Closed,
    /// Every selection is decided.
    Settled,
}
codec_enum!(MarketStatus { 0 = Open, 1 = Suspended, 2 = Closed, 3 = Settled });

impl MarketStatus {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Suspended => "suspended",
            Self::Closed => "closed",
            Self::Settled => "settled",
        }
    }
}

/// Where the price of a market comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriceSource {
    /// The model.
    Model,
    /// A trader's prices.
    Manual,
    /// Kept where they were.
    Locked,
}

impl PriceSource {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Manual => "manual",
            Self::Locked => "locked",
        }
    }
}

impl Fixture {
    /// The fixture's id.
    pub fn id(&self) -> FixtureId {
        self.request.fixture
    }

    /// Its template.
    pub fn template(&self) -> &'static Template {
        self.template
    }

    /// No bets any more.
    pub fn is_closed(&self) -> bool {
        self.void != VoidKind::Nothing || self.live.phase() == oddsengine_markets::LivePhase::Finished
    }

    /// The status of the fixture as a whole: settled is told per market.
    pub fn status(&self) -> MarketStatus {
        match (self.is_closed(), self.stops.any()) {
            (true, _) => MarketStatus::Closed,
            (false, true) => MarketStatus::Suspended,
            (false, false) => MarketStatus::Open,
        }
    }

    /// How it ended, once it has.
    pub(crate) fn final_outcome(&self) -> Option<Outcome> {
        (self.live.phase() == LivePhase::Finished).then(|| self.live.outcome())
    }

    /// The grade of a selection by what happened on the field of play, if it is decided.
    pub(crate) fn grade_by_play(&self, selection: usize) -> Option<Grade> {
        match self.final_outcome() {
            Some(outcome) => Some(self.template().grade(selection, &outcome)),
            None => self.template().decided_grade(selection, &self.live, &self.possible),
        }
    }

    /// The status of a market by itself; the fixture's status is told apart and binds as well.
    pub fn market_status(&self, market: usize) -> MarketStatus {
        let range = self.template().markets[market].selections();
        if self.grades[range].iter().all(Option::is_some) {
            return MarketStatus::Settled;
        }
        match self.desk.get(&(market as u16)) {
            Some(desk) if desk.is_suspended => MarketStatus::Suspended,
            _ => MarketStatus::Open,
        }
    }

    /// Where a market's price comes from.
    pub fn price_source(&self, market: usize) -> PriceSource {
        match self.desk.get(&(market as u16)) {
            Some(desk) if desk.manual_odds_e4.is_some() => PriceSource::Manual,
            Some(desk) if desk.is_locked => PriceSource::Locked,
            _ => PriceSource::Model,
        }
    }

    /// The fair probability of a selection with refunds set aside: 1 / fair odds; 0 when it cannot win.
    pub fn fair_probability(&self, selection: usize) -> f64 {
        let (win, refund) = (self.win[selection], self.refund[selection]);
        if refund < 1.0 { win / (1.0 - refund) } else { 0.0 }
    }
}
