//! Configuration and scopes.

use oddsengine_types::{Ladder, SportSettings};

use super::common::{Iso4217, Nothing, Sport};
use super::kind::{Bool, Enum, Fixed64, Msg, MsgOrDefault, Opt, Rep, Sint64, Text, Uint32, Uint64};
use super::tables::{enumeration, message, oneof};
use crate::acceptance::StakeWindow;
use crate::annulment::{CorrectionRule, HouseRules};
use crate::config::{Config, Margin, MarginKind, Scope, ScopeSettings, SettlementConfig};

message!("Config": Config {
    1 currency: Iso4217,
    2 margin: Msg<Margin>,
    3 ladder: Enum<Ladder>,
    4 odds_e4_min: Uint32,
    5 odds_e4_max: Uint32,
    6 skew_b_minor: Opt<Sint64>,
    7 bet_delay_ms: Sint64,
    8 feed_silence_ms: Sint64,
    9 start_grace_ms: Sint64,
    10 manual_tolerance_e4: Uint32,
    11 price_jump_e4: Uint32,
    12 fixtures_max: Uint32,
    13 market_loss_minor_max: Sint64,
    14 fixture_loss_minor_max: Sint64,
    15 competition_loss_minor_max: Sint64,
    16 sport_loss_minor_max: Sint64,
    17 platform_loss_minor_max: Sint64,
    18 stake_minor_min: Sint64,
    19 stake_minor_max: Sint64,
    20 payout_minor_max: Sint64,
    21 legs_max: Uint32,
    22 bets_while_owing: Bool,
    23 settlement_delay_ms: Sint64,
    24 sports: Rep<Msg<SportSettings>>,
    25 archive_after_ms: Sint64,
    26 archive_refused_after_ms: Sint64,
    27 archive_fixture_after_ms: Sint64,
    28 archive_money_after_ms: Sint64,
    40 line_stake_minor_min: Sint64,
    43 stake_windows: Rep<Msg<StakeWindow>>,
    44 referral_stake_minor: Opt<Sint64>,
    45 referral_ms: Sint64,
    46 referral_takes_unanswered: Bool,
    47 offer_ms: Sint64,
    48 delay_skip_minor: Sint64,
    49 improvement_e4: Uint32,
    50 limit_increase_ms: Sint64,
    56 settlement: MsgOrDefault<SettlementConfig>,
});
message!("SettlementConfig": SettlementConfig {
    1 approval_above_minor: Opt<Sint64>,
    2 approval_expires_ms: Sint64,
    3 provisional_pays_after_ms: Sint64,
    4 past_post_voids: Bool,
    5 rules: Rep<Msg<HouseRules>>,
});
message!("HouseRules": HouseRules { 1 version: Uint32, 2 correction: Msg<CorrectionRule> });
oneof!("CorrectionRule": CorrectionRule {
    1 resettle: Resettle = Nothing,
    2 stand: Stand = Nothing,
    3 goodwill: Goodwill = Nothing,
    4 within: Within(window_ms: Sint64),
});
message!("Margin": Margin { 1 method: Enum<MarginKind>, 2 booksum_e4: Uint32 });
enumeration!("MarginKind": MarginKind {
    1 "MARGIN_KIND_MULTIPLICATIVE": Multiplicative,
    2 "MARGIN_KIND_POWER": Power,
    3 "MARGIN_KIND_ODDS_RATIO": OddsRatio,
    4 "MARGIN_KIND_SHIN": Shin,
});
enumeration!("Ladder": Ladder {
    1 "LADDER_BETFAIR": Betfair,
    2 "LADDER_FINE": Fine,
    3 "LADDER_UNIT": Unit,
    4 "LADDER_HUNDREDTHS": Hundredths,
    5 "LADDER_THOUSANDTHS": Thousandths,
    6 "LADDER_FRACTIONAL": Fractional,
    7 "LADDER_AMERICAN": American,
    8 "LADDER_MALAY": Malay,
});
oneof!("Scope": Scope {
    1 sport: Sport(sport: Sport),
    2 market_type: MarketType[1 sport: Sport, 2 stem: Text] as "Scope.MarketType",
    3 competition: Competition(name: Text),
    4 fixture: Fixture(fixture: Uint64),
    5 market: Market[1 fixture: Uint64, 2 market: Fixed64] as "Scope.Market",
});
message!("ScopeSettings": ScopeSettings {
    1 margin: Opt<Msg<Margin>>,
    2 loss_minor_max: Opt<Sint64>,
    3 bet_delay_ms: Opt<Sint64>,
    4 feed_silence_ms: Opt<Sint64>,
    30 referral_stake_minor: Opt<Sint64>,
});
