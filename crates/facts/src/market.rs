//! What the desk holds of a market.

use oddsengine_types::codec_struct;

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
