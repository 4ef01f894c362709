//! Configuration: platform defaults, and overrides inherited sport → competition → fixture → market.

use crate::annulment::{CorrectionRule, HOUSE_RULES_MAX, HouseRules};
use oddsengine_markets::MarketId;
use oddsengine_types::{
    BoundsError, Currency, FixtureId, Ladder, STAKE_MINOR_MAX, SportId, SportSettings, codec_enum,
    codec_struct,
};

use crate::acceptance::{ANSWER_MS_MAX, LIMIT_INCREASE_MS_MAX, StakeWindow, check_windows};

/// The longest settlement delay.
pub const SETTLEMENT_DELAY_MS_MAX: i64 = 3_600_000;

/// The longest that what is over is kept before it goes to the archive: a year.
pub const ARCHIVE_AFTER_MS_MAX: i64 = 31_536_000_000;
/// The shortest. What may not leave yet is looked at again as long after, each time by a record of 256 tickets: 200,000 lost
/// accumulators with legs to come are some 800 records a second at this, and 800,000 at a millisecond. And whoever repeats a
/// request does so within seconds: each repeat would bring its ticket back and send it away again.
pub const ARCHIVE_AFTER_MS_MIN: i64 = 1_000;

/// How fair probabilities become offered odds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Margin {
    /// The method.
    pub method: MarginKind,
    /// Sum of implied probabilities of a market with one winner, in ten-thousandths: 1.05 is 10,500.
    pub booksum_e4: u32,
}
codec_struct!(Margin { method, booksum_e4 });

/// The margin methods of the engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum MarginKind {
    /// Every implied probability grows by the same factor.
    #[default]
    Multiplicative,
    /// Implied probabilities are a power of the fair ones: longshots carry more.
    Power,
    /// The odds ratio of implied to fair probability is the same for all.
    OddsRatio,
    /// Shin's model of insider trading.
    Shin,
}
codec_enum!(MarginKind { 0 = Multiplicative, 1 = Power, 2 = OddsRatio, 3 = Shin });

impl MarginKind {
    /// All methods.
    pub const ALL: [MarginKind; 4] = [Self::Multiplicative, Self::Power, Self::OddsRatio, Self::Shin];

    /// The name used in configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Multiplicative => "multiplicative",
            Self::Power => "power",
            Self::OddsRatio => "odds_ratio",
            Self::Shin => "shin",
        }
    }

    /// The method of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Longest bet delay.
pub const BET_DELAY_MS_MAX: i64 = 60_000;
/// Longest silence of a feed that can be allowed: a day.
pub const FEED_SILENCE_MS_MAX: i64 = 86_400_000;
/// Most fixtures of one engine: each takes some fifty kilobytes.
pub const FIXTURES_MAX: i64 = 1_000_000;

/// The platform configuration. Every amount is in minor units of `currency`.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Currency of the book: stakes, limits, exposure.
    pub currency: Currency,
    /// Default margin.
    pub margin: Margin,
    /// Ladder that offered odds are rounded down to.
    pub ladder: Ladder,
    /// Shortest odds offered; shorter selections are not offered.
    pub odds_e4_min: u32,
    /// Longest odds offered; longer ones are cut to it.
    pub odds_e4_max: u32,
    /// Liability skew: the `b` of softmax(ln p + L/b), see the pricing docs; `None` switches it off.
    pub skew_b_minor: Option<i64>,
    /// Bet delay in play, in milliseconds.
    pub bet_delay_ms: i64,
    /// Longest silence of a feed in play, in milliseconds, before trading of what it feeds stops; 0 for any.
    pub feed_silence_ms: i64,
    /// How long after its scheduled start a fixture is traded before a feed says that it started, in milliseconds.
    pub start_grace_ms: i64,
    /// How far a fair probability may move before prices by hand and locked ones stand still, in ten-thousandths.
    pub manual_tolerance_e4: u32,
    /// How far prices of a feed may move a fair probability at once before trading stops, in ten-thousandths.
    pub price_jump_e4: u32,
    /// Most fixtures that are kept; further ones are refused.
    pub fixtures_max: u32,
    /// Largest loss on one market.
    pub market_loss_minor_max: i64,
    /// Largest joint loss on one fixture.
    pub fixture_loss_minor_max: i64,
    /// Largest sum of fixtures' losses in one competition.
    pub competition_loss_minor_max: i64,
    /// Largest sum of fixtures' losses in one sport.
    pub sport_loss_minor_max: i64,
    /// Largest sum of all fixtures' losses.
    pub platform_loss_minor_max: i64,
    /// Smallest stake of a ticket.
    pub stake_minor_min: i64,
    /// Smallest stake of each line of a ticket with a plan; 0 for one minor unit.
    pub line_stake_minor_min: i64,
    /// Largest stake of a ticket, per customer.
    pub stake_minor_max: i64,
    /// Largest payout of a ticket.
    pub payout_minor_max: i64,
    /// Most legs of a ticket.
    pub legs_max: u32,
    /// Bets are taken from customers who owe money. Withdrawals never are.
    pub bets_while_owing: bool,
    /// How long a payment waits that a result in play decides, in milliseconds: a result taken back meanwhile pays
    /// nothing.
    pub settlement_delay_ms: i64,
    /// How long after its last change a settled or cancelled ticket goes to the archive, in milliseconds, when all of its
    /// fixtures are closed; 0 for never.
    pub archive_after_ms: i64,
    /// The same of a refused ticket, whatever its fixtures do.
    pub archive_refused_after_ms: i64,
    /// How long after it closed a fixture goes to the archive, in milliseconds, when no ticket on it is kept; 0 for never.
    pub archive_fixture_after_ms: i64,
    /// How long after it was booked the id of a deposit or a withdrawal goes to the archive, in milliseconds; 0 for never.
    pub archive_money_after_ms: i64,
    /// Most that a customer may stake in a time, by selection, market, fixture or altogether.
    pub stake_windows: Vec<StakeWindow>,
    /// Bets with a larger stake go to a trader; absent: none does for its stake.
    pub referral_stake_minor: Option<i64>,
    /// How long a trader is waited for, in milliseconds.
    pub referral_ms: i64,
    /// A bet that no trader answered in time is decided by the limits alone; otherwise it is declined.
    pub referral_takes_unanswered: bool,
    /// How long what is offered instead of what was asked stands, in milliseconds; 0: nothing is offered.
    pub offer_ms: i64,
    /// In play, bets are taken without delay whose payout times fair probability is at most this; 0: none is.
    pub delay_skip_minor: i64,
    /// A bet whose odds are longer at the end of its delay by more than this lapses, in ten-thousandths; 0: none does.
    pub improvement_e4: u32,
    /// How long a customer waits for a higher limit of their own, in milliseconds.
    pub limit_increase_ms: i64,
    /// How results become payments.
    pub settlement: SettlementConfig,
    /// Settings of the sports' models; a sport that is not listed has the defaults of the release.
    pub sports: Vec<SportSettings>,
}
codec_struct!(Config {
    currency,
    margin,
    ladder,
    odds_e4_min,
    odds_e4_max,
    skew_b_minor,
    bet_delay_ms,
    feed_silence_ms,
    start_grace_ms,
    manual_tolerance_e4,
    price_jump_e4,
    fixtures_max,
    market_loss_minor_max,
    fixture_loss_minor_max,
    competition_loss_minor_max,
    sport_loss_minor_max,
    platform_loss_minor_max,
    stake_minor_min,
    line_stake_minor_min,
    stake_minor_max,
    payout_minor_max,
    legs_max,
    bets_while_owing,
    settlement_delay_ms,
    archive_after_ms,
    archive_refused_after_ms,
    archive_fixture_after_ms,
    archive_money_after_ms,
    stake_windows,
    referral_stake_minor,
    referral_ms,
    referral_takes_unanswered,
    offer_ms,
    delay_skip_minor,
    improvement_e4,
    limit_increase_ms,
    settlement,
    sports,
});

impl Default for Config {
    fn default() -> Self {
        Self {
            currency: Currency::EUR,
            margin: Margin { method: MarginKind::Multiplicative, booksum_e4: 10_500 },
            ladder: Ladder::Fine,
            odds_e4_min: 10_100,
            odds_e4_max: 5_000_000,
            skew_b_minor: None,
            bet_delay_ms: 5_000,
            feed_silence_ms: 15_000,
            start_grace_ms: 60_000,
            manual_tolerance_e4: 200,
            price_jump_e4: 2_500,
            fixtures_max: 20_000,
            market_loss_minor_max: 2_000_000,
            fixture_loss_minor_max: 5_000_000,
            competition_loss_minor_max: 50_000_000,
            sport_loss_minor_max: 100_000_000,
            platform_loss_minor_max: 200_000_000,
            stake_minor_min: 10,
            line_stake_minor_min: 0,
            stake_minor_max: 1_000_000,
            payout_minor_max: 25_000_000,
            legs_max: 12,
            bets_while_owing: false,
            settlement_delay_ms: 0,
            archive_after_ms: 3_600_000,
            archive_refused_after_ms: 600_000,
            archive_fixture_after_ms: 21_600_000,
            settlement: SettlementConfig::default(),
            archive_money_after_ms: 3_600_000,
            stake_windows: Vec::new(),
            referral_stake_minor: None,
            referral_ms: 30_000,
            referral_takes_unanswered: false,
            offer_ms: 10_000,
            delay_skip_minor: 0,
            improvement_e4: 5_000,
            limit_increase_ms: 86_400_000,
            sports: Vec::new(),
        }
    }
}

impl Config {
    /// Checks every value against its range; those of `sports` are checked by the sports.
    ///
    /// # Errors
    /// The first value outside its range, named.
    pub fn check(&self) -> Result<(), BoundsError> {
        let within = |what: &str, value: i64, low: i64, high: i64| match (low..=high).contains(&value) {
            true => Ok(()),
            false => Err(BoundsError::outside(what, value, low, high)),
        };
        const LOSS_MAX: i64 = oddsengine_types::MONEY_MINOR_MAX / 100;
        self.margin.check()?;
        within("odds_e4_min", self.odds_e4_min.into(), 10_010, 10_000_000)?;
        within("odds_e4_max", self.odds_e4_max.into(), self.odds_e4_min.into(), 10_000_000)?;
        within("skew_b_minor", self.skew_b_minor.unwrap_or(1), 1, LOSS_MAX)?;
        within("bet_delay_ms", self.bet_delay_ms, 0, BET_DELAY_MS_MAX)?;
        within("feed_silence_ms", self.feed_silence_ms, 0, FEED_SILENCE_MS_MAX)?;
        within("start_grace_ms", self.start_grace_ms, 0, FEED_SILENCE_MS_MAX)?;
        within("manual_tolerance_e4", self.manual_tolerance_e4.into(), 0, 10_000)?;
        within("price_jump_e4", self.price_jump_e4.into(), 0, 10_000)?;
        within("fixtures_max", self.fixtures_max.into(), 1, FIXTURES_MAX)?;
        within("market_loss_minor_max", self.market_loss_minor_max, 0, LOSS_MAX)?;
        within("fixture_loss_minor_max", self.fixture_loss_minor_max, 0, LOSS_MAX)?;
        within("competition_loss_minor_max", self.competition_loss_minor_max, 0, LOSS_MAX)?;
        within("sport_loss_minor_max", self.sport_loss_minor_max, 0, LOSS_MAX)?;
        within("platform_loss_minor_max", self.platform_loss_minor_max, 0, LOSS_MAX)?;
        within("stake_minor_min", self.stake_minor_min, 1, STAKE_MINOR_MAX)?;
        within("line_stake_minor_min", self.line_stake_minor_min, 0, STAKE_MINOR_MAX)?;
        within("stake_minor_max", self.stake_minor_max, self.stake_minor_min, STAKE_MINOR_MAX)?;
        within("payout_minor_max", self.payout_minor_max, 1, LOSS_MAX)?;
        within("legs_max", self.legs_max.into(), 1, oddsengine_types::bounds::LEGS_MAX as i64)?;
        within("settlement_delay_ms", self.settlement_delay_ms, 0, SETTLEMENT_DELAY_MS_MAX)?;
        within("referral_stake_minor", self.referral_stake_minor.unwrap_or(0), 0, STAKE_MINOR_MAX)?;
        within("referral_ms", self.referral_ms, 0, ANSWER_MS_MAX)?;
        within("offer_ms", self.offer_ms, 0, ANSWER_MS_MAX)?;
        within("delay_skip_minor", self.delay_skip_minor, 0, LOSS_MAX)?;
        within("improvement_e4", self.improvement_e4.into(), 0, 1_000_000)?;
        within("limit_increase_ms", self.limit_increase_ms, 0, LIMIT_INCREASE_MS_MAX)?;
        check_windows(&self.stake_windows, self.archive_after_ms)?;
        for (name, after_ms) in [
            ("archive_after_ms", self.archive_after_ms),
            ("archive_refused_after_ms", self.archive_refused_after_ms),
            ("archive_fixture_after_ms", self.archive_fixture_after_ms),
            ("archive_money_after_ms", self.archive_money_after_ms),
        ] {
            // 0 is never.
            let least_ms = if after_ms == 0 { 0 } else { ARCHIVE_AFTER_MS_MIN };
            within(name, after_ms, least_ms, ARCHIVE_AFTER_MS_MAX)?;
        }
        self.settlement.check()?;
        Ok(())
    }
}

/// How results become payments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettlementConfig {
    /// What the desk settles by hand, voids, cancels or takes back waits for a second person where it moves more than this;
    /// none where nothing waits.
    pub approval_above_minor: Option<i64>,
    /// How long it waits, in milliseconds, before it is dropped; 0 for ever.
    pub approval_expires_ms: i64,
    /// How long a provisional result waits for its confirmation, in milliseconds, before it is paid all the same; 0 for ever.
    pub provisional_pays_after_ms: i64,
    /// Bets that were accepted after what decides them had happened are proposed to be voided; otherwise they are reported.
    pub past_post_voids: bool,
    /// Versions of the rules of the house, in ascending order; without any, what was never set has version 1 and the defaults.
    pub rules: Vec<HouseRules>,
}
codec_struct!(SettlementConfig {
    approval_above_minor,
    approval_expires_ms,
    provisional_pays_after_ms,
    past_post_voids,
    rules,
});

impl SettlementConfig {
    /// The version under which tickets are struck now.
    pub fn rules_version(&self) -> u16 {
        self.rules.last().map_or(1, |rules| rules.version)
    }

    /// The rules of a version; one that is not kept has the defaults.
    pub fn rules_of(&self, version: u16) -> HouseRules {
        let known = self.rules.iter().find(|rules| rules.version == version);
        known.copied().unwrap_or(HouseRules { version, ..HouseRules::default() })
    }

    /// Checks every value against its range.
    ///
    /// # Errors
    /// The first value outside its range, named.
    pub fn check(&self) -> Result<(), BoundsError> {
        let within = |what: &str, value: i64, low: i64, high: i64| match (low..=high).contains(&value) {
            true => Ok(()),
            false => Err(BoundsError::outside(what, value, low, high)),
        };
        const AMOUNT_MAX: i64 = oddsengine_types::MONEY_MINOR_MAX / 100;
        within("approval_above_minor", self.approval_above_minor.unwrap_or(0), 0, AMOUNT_MAX)?;
        within("approval_expires_ms", self.approval_expires_ms, 0, ARCHIVE_AFTER_MS_MAX)?;
        within("provisional_pays_after_ms", self.provisional_pays_after_ms, 0, ARCHIVE_AFTER_MS_MAX)?;
        within("rules", self.rules.len() as i64, 0, HOUSE_RULES_MAX as i64)?;
        let mut version_before = 0;
        for rules in &self.rules {
            if rules.version <= version_before {
                let least = i64::from(version_before) + 1;
                let what = "rules.version";
                return Err(BoundsError::outside(what, rules.version, least, i64::from(u16::MAX)));
            }
            version_before = rules.version;
            if let CorrectionRule::Within(window_ms) = rules.correction {
                within("rules.window_ms", window_ms, 0, ARCHIVE_AFTER_MS_MAX)?;
            }
        }
        Ok(())
    }
}

impl Margin {
    /// Checks the booksum.
    ///
    /// # Errors
    /// Outside 1.0000..=2.0000.
    pub fn check(&self) -> Result<(), BoundsError> {
        match (10_000..=20_000).contains(&self.booksum_e4) {
            true => Ok(()),
            false => Err(BoundsError::outside("booksum_e4", self.booksum_e4, 10_000, 20_000)),
        }
    }
}

/// Where an override applies. The most specific one that sets a value wins: market before fixture before
/// competition before market type before sport before platform.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// All fixtures of a sport.
    Sport(SportId),
    /// All markets of a sport whose key starts with this stem (`correct_score`, `total.h1`).
    MarketType(SportId, String),
    /// All fixtures of a competition, by its name.
    Competition(String),
    /// One fixture.
    Fixture(FixtureId),
    /// One market of a fixture.
    Market(FixtureId, MarketId),
}
codec_enum!(Scope { 0 = Sport(sport), 1 = MarketType(sport, stem), 2 = Competition(name), 3 = Fixture(fixture), 4 = Market(fixture, market) });

/// Settings of a scope; absent ones are inherited.
///
/// `loss_minor_max` is the limit of the scope itself: of the sport, of the competition, of the fixture, of the
/// market; of each market for a market type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScopeSettings {
    /// Margin.
    pub margin: Option<Margin>,
    /// Largest loss.
    pub loss_minor_max: Option<i64>,
    /// Bet delay in play.
    pub bet_delay_ms: Option<i64>,
    /// Longest silence of a feed in play; of a sport, a competition or a fixture.
    pub feed_silence_ms: Option<i64>,
    /// Bets with a leg in the scope and a larger stake go to a trader.
    pub referral_stake_minor: Option<i64>,
}
codec_struct!(ScopeSettings { margin, loss_minor_max, bet_delay_ms, feed_silence_ms, referral_stake_minor });
