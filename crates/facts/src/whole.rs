//! What leaves the hot state whole and comes back whole: a fixture that is over, a deposit or withdrawal that was booked.

use oddsengine_markets::{LiveState, MarketId};
use oddsengine_types::{Grade, SportParameters, codec_struct};

use crate::command::{FixtureRequest, MoneyRequest, VoidKind};
use crate::config::{Scope, ScopeSettings};
use crate::fact::GradedSelection;
use crate::market::{Expectation, MarketDesk, PricedBy};
use crate::stops::Stops;

/// All that is known of a fixture that is over.
#[derive(Clone, Debug, PartialEq)]
pub struct WholeFixture {
    /// As it was announced.
    pub request: FixtureRequest,
    /// How it ended.
    pub live: LiveState,
    /// What its model computes from, if that is known.
    pub parameters: Option<SportParameters>,
    /// Who set it.
    pub priced_by: PricedBy,
    /// A trader's expectation that stood.
    pub expectation: Option<Expectation>,
    /// Why trading stood still.
    pub stops: Stops,
    /// Times that trading was interrupted.
    pub interruptions: u64,
    /// The feed that spoke of it last.
    pub fed_by: String,
    /// Its scheduled start means nothing.
    pub is_start_waived: bool,
    /// What is void was said by the desk.
    pub is_void_by_desk: bool,
    /// What is void.
    pub void: VoidKind,
    /// Number of facts that changed what its board shows.
    pub version: u64,
    /// Selections that are decided.
    pub grades: Vec<GradedSelection>,
    /// Markets of which more is known than their grades.
    pub markets: Vec<WholeMarket>,
    /// Legs on it of tickets that are in the archive.
    pub archived_count: u32,
    /// Settings of its own, and of its markets.
    pub scopes: Vec<ScopeSetting>,
}
codec_struct!(WholeFixture {
    request,
    live,
    parameters,
    priced_by,
    expectation,
    stops,
    interruptions,
    fed_by,
    is_start_waived,
    is_void_by_desk,
    void,
    version,
    grades,
    markets,
    archived_count,
    scopes,
});

/// What is known of a market of a fixture.
#[derive(Clone, Debug, PartialEq)]
pub struct WholeMarket {
    /// The market.
    pub market: MarketId,
    /// Times that its trading was interrupted.
    pub interruptions: u64,
    /// What the desk set.
    pub desk: Option<MarketDesk>,
    /// Grades told instead of derived.
    pub told_grades: Option<Vec<Grade>>,
    /// They were told by the desk.
    pub is_told_by_desk: bool,
}
codec_struct!(WholeMarket { market, interruptions, desk, told_grades, is_told_by_desk });

/// Settings, and where they apply.
#[derive(Clone, Debug, PartialEq)]
pub struct ScopeSetting {
    /// Where.
    pub scope: Scope,
    /// What.
    pub settings: ScopeSettings,
}
codec_struct!(ScopeSetting { scope, settings });

/// A deposit or a withdrawal that was booked: what a repeat of its id is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookedTransfer {
    /// What was asked.
    pub request: MoneyRequest,
    /// A deposit; otherwise a withdrawal.
    pub is_deposit: bool,
    /// What of a deposit paid a debt; 0 for nothing.
    pub collected_minor: i64,
}
codec_struct!(BookedTransfer { request, is_deposit, collected_minor });
