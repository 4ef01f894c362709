//! What the desk holds of a market, and of a fixture as a whole.

use oddsengine_types::{SportParameters, codec_enum, codec_struct};

use crate::stops::MarketStops;

/// What the desk set on a market, and why it stands still by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MarketDesk {
    /// Why it stands still.
    pub stops: MarketStops,
    /// Prices stay where they are.
    pub is_locked: bool,
    /// The prices at which it is locked, per selection in ten-thousandths; empty where it is not.
    pub locked_odds_e4: Vec<u32>,
    /// Prices set by hand.
    pub manual_odds_e4: Option<Vec<u32>>,
    /// They stay through the start of the fixture.
    pub keeps_in_play: bool,
    /// Who answers for prices by hand beyond the plausible; empty for nobody.
    pub override_by: String,
    /// Fair probabilities of its selections when prices were set or locked, in billionths; empty without a model.
    pub anchor_e9: Vec<u32>,
}
codec_struct!(MarketDesk {
    stops,
    is_locked,
    locked_odds_e4,
    manual_odds_e4,
    keeps_in_play,
    override_by,
    anchor_e9
});

impl MarketDesk {
    /// Its price does not follow the model.
    pub fn is_held(&self) -> bool {
        self.is_locked || self.manual_odds_e4.is_some()
    }

    /// The price returns to the model.
    pub fn release(&mut self) {
        *self = Self { stops: MarketStops { by_move: false, ..self.stops }, ..Self::default() };
    }
}

/// How a trader's expectation stands beside what feeds say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectationMode {
    /// It stands; prices of feeds are noted and move nothing.
    Hold,
    /// It is added to what feeds say.
    Offset,
    /// It is mixed with what feeds say, by its weight.
    Blend,
    /// It ends: what feeds said last stands again.
    Release,
}
codec_enum!(ExpectationMode { 0 = Hold, 1 = Offset, 2 = Blend, 3 = Release });

impl ExpectationMode {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Hold, Self::Offset, Self::Blend, Self::Release];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Offset => "offset",
            Self::Blend => "blend",
            Self::Release => "release",
        }
    }
}

/// A trader's expectation that stands until it is released.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// Beside what feeds say.
    pub mode: ExpectationMode,
    /// Home minus away, in millionths of a goal or game; of an offset, what is added.
    pub supremacy_e6: i64,
    /// Of both sides, in millionths; of an offset, what is added.
    pub total_e6: i64,
    /// Of a blend: the trader's share, in thousandths.
    pub weight_e3: u32,
    /// Whose it is.
    pub owner: String,
    /// Since when.
    pub since_ns: i64,
    /// What feeds alone say; nothing before they said something.
    pub feed: Option<SportParameters>,
}
codec_struct!(Expectation { mode, supremacy_e6, total_e6, weight_e3, owner, since_ns, feed });

/// Who set what a fixture's model computes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PricedBy {
    /// The source; empty before, and of journals that do not say it.
    pub by: String,
    /// By which command.
    pub cause: String,
    /// When.
    pub at_ns: i64,
}
codec_struct!(PricedBy { by, cause, at_ns });
