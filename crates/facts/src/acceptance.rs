//! How a bet is taken beyond its limits: what a customer allows, what is offered instead, what a trader is asked; switches,
//! stake windows, and what is set about customers.

use oddsengine_markets::LivePhase;
use oddsengine_types::{BoundsError, CustomerId, STAKE_MINOR_MAX, SportId, codec_enum, codec_struct};

use crate::config::Scope;
use crate::status::Reason;

/// Most switches that are off at a time.
pub const SWITCHES_MAX: usize = 4_096;
/// Most offers that stand at a time; a bet for which there could be a further one is refused.
pub const OFFERS_MAX: u32 = 10_000;
/// Longest text that a switch's or a trader's reason has, in bytes.
pub const NOTE_BYTES_MAX: usize = 256;
/// Most stake windows.
pub const STAKE_WINDOWS_MAX: usize = 8;
/// Longest period of a stake window: 31 days.
pub const STAKE_WINDOW_MS_MAX: i64 = 31 * 86_400_000;
/// Most factors of one customer beside the general one.
pub const CUSTOMER_FACTORS_MAX: usize = 32;
/// Largest factor of a customer, in thousandths.
pub const FACTOR_E3_MAX: u32 = 1_000_000;
/// Longest that a trader is waited for, or an offer stands: ten minutes.
pub const ANSWER_MS_MAX: i64 = 600_000;
/// Longest that a customer waits for a higher limit of their own: 31 days.
pub const LIMIT_INCREASE_MS_MAX: i64 = 31 * 86_400_000;

/// What is done where a limit allows less than was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnLimit {
    /// The bet is refused.
    #[default]
    Refuse,
    /// The largest stake is offered, for a while.
    Reoffer,
    /// The largest stake is taken.
    Part,
}
codec_enum!(OnLimit { 0 = Refuse, 1 = Reoffer, 2 = Part });

impl OnLimit {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Refuse, Self::Reoffer, Self::Part];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Reoffer => "reoffer",
            Self::Part => "part",
        }
    }
}

/// What a customer allows where a bet cannot be taken as it was asked. The default is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Where a limit allows less.
    pub on_limit: OnLimit,
    /// Where the odds have moved beyond the policy, the present ones are offered.
    pub reoffers_odds: bool,
    /// Smallest stake that is offered or taken instead of the one asked.
    pub part_minor_min: i64,
}
codec_struct!(Wishes { on_limit, reoffers_odds, part_minor_min });

/// How a bet was dealt with that was not simply taken or refused.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Handling {
    /// What the customer allowed.
    pub wishes: Wishes,
    /// The stake that was asked; the ticket has the one that is offered or was taken.
    pub asked_minor: i64,
    /// What was offered instead.
    pub offer: Option<Offer>,
    /// What a trader was asked, and said.
    pub referral: Option<Referral>,
    /// Its first reservation was released, and the stake booked once more.
    pub is_rebooked: bool,
}
codec_struct!(Handling { wishes, asked_minor, offer, referral, is_rebooked });

impl Handling {
    /// A trader's offer that the customer took: its odds are those of the bet.
    pub fn agreed(&self) -> Option<&Offer> {
        let is_counter = self.referral.as_ref()?.verdict == Some(Verdict::Counter);
        self.offer.as_ref().filter(|offer| is_counter && offer.is_taken)
    }
}

/// What is offered instead of what was asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// Stake.
    pub stake_minor: i64,
    /// Odds of each leg.
    pub odds_e4: Vec<u32>,
    /// Odds of each leg on the board when it was made: a trader's odds stand while these are not lower.
    pub board_odds_e4: Vec<u32>,
    /// Until when.
    pub due_ns: i64,
    /// Why the bet was not taken as asked.
    pub reason: Reason,
    /// The trader who made it; empty where the engine did.
    pub by: String,
    /// The customer took it.
    pub is_taken: bool,
}
codec_struct!(Offer { stake_minor, odds_e4, board_odds_e4, due_ns, reason, by, is_taken });

/// Why a trader is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferralCause {
    /// The stake is above the threshold.
    Stake,
    /// Every bet of the customer is looked at.
    Customer,
}
codec_enum!(ReferralCause { 0 = Stake, 1 = Customer });

impl ReferralCause {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stake => "stake",
            Self::Customer => "customer",
        }
    }
}

/// What became of a referral.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Taken as asked.
    Accept,
    /// Taken with a smaller stake.
    Part,
    /// Another stake or other odds are offered.
    Counter,
    /// Declined.
    Decline,
    /// Nobody answered in time: declined.
    Expire,
    /// Nobody answered in time: decided by the limits alone.
    Automatic,
}
codec_enum!(Verdict { 0 = Accept, 1 = Part, 2 = Counter, 3 = Decline, 4 = Expire, 5 = Automatic });

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Accept, Self::Part, Self::Counter, Self::Decline, Self::Expire, Self::Automatic];
    /// Those that a trader gives.
    pub const OF_DESK: [Self; 4] = [Self::Accept, Self::Part, Self::Counter, Self::Decline];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Part => "part",
            Self::Counter => "counter",
            Self::Decline => "decline",
            Self::Expire => "expire",
            Self::Automatic => "automatic",
        }
    }
}

/// A bet before a trader.
#[derive(Clone, Debug, PartialEq)]
pub struct Referral {
    /// Why.
    pub cause: ReferralCause,
    /// The threshold that the stake is above; 0 where it is for the customer.
    pub threshold_minor: i64,
    /// Since when.
    pub since_ns: i64,
    /// Until when a trader may answer.
    pub due_ns: i64,
    /// What became of it; none while nobody answered.
    pub verdict: Option<Verdict>,
    /// Who decided: the source of the command; empty for nobody.
    pub by: String,
    /// What they said of it.
    pub note: String,
    /// When.
    pub decided_ns: i64,
}
codec_struct!(Referral { cause, threshold_minor, since_ns, due_ns, verdict, by, note, decided_ns });

/// What a trader says of a referred bet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// Which: one of [`Verdict::OF_DESK`].
    pub verdict: Verdict,
    /// Of a part and a counter: the stake.
    pub stake_minor: i64,
    /// Of a counter: odds of each leg; empty for those that the customer asked.
    pub odds_e4: Vec<u32>,
    /// Why.
    pub note: String,
}
codec_struct!(Ruling { verdict, stake_minor, odds_e4, note });

/// What a switch stops: no bet is taken there while it is off.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SwitchScope {
    /// All bets.
    All,
    /// Bets that come by this key, service or source.
    Channel(String),
    /// Bets of a customer.
    Customer(CustomerId),
    /// Bets with a leg in this scope.
    Of(Scope),
}
codec_enum!(SwitchScope { 0 = All, 1 = Channel(name), 2 = Customer(customer), 3 = Of(scope) });

/// A switch that is off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    /// Who turned it off: the source of the command.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since_ns: i64,
}
codec_struct!(Switch { owner, reason, since_ns });

/// A customer's standing with the operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Bets and deposits are taken.
    #[default]
    Active,
    /// Neither is taken.
    Suspended,
    /// Neither is taken until this time, and nobody ends it sooner.
    SelfExcluded(i64),
    /// Neither is taken: the account is closed.
    Closed,
}
codec_enum!(Standing { 0 = Active, 1 = Suspended, 2 = SelfExcluded(until_ns), 3 = Closed });

impl Standing {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::SelfExcluded(_) => "self_excluded",
            Self::Closed => "closed",
        }
    }

    /// Why nothing is taken at this time, if so.
    pub fn refusal(self, now_ns: i64) -> Option<Reason> {
        match self {
            Self::Active => None,
            Self::Suspended => Some(Reason::CustomerSuspended),
            Self::SelfExcluded(until_ns) if now_ns < until_ns => Some(Reason::CustomerSelfExcluded),
            Self::SelfExcluded(_) => None,
            Self::Closed => Some(Reason::CustomerClosed),
        }
    }
}

/// A customer's share of the limits in a sport, or before the start or in play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CustomerFactor {
    /// In this sport; absent for all.
    pub sport: Option<SportId>,
    /// In play (true) or before the start (false); absent for both.
    pub in_play: Option<bool>,
    /// In thousandths.
    pub factor_e3: u32,
}
codec_struct!(CustomerFactor { sport, in_play, factor_e3 });

/// How the bets of a customer are looked at, beside the general factor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerTerms {
    /// The most specific one holds: of sport and time, of the sport, of the time.
    pub factors: Vec<CustomerFactor>,
    /// Every bet goes to a trader, and none is taken without its delay.
    pub is_flagged: bool,
    /// Stakes above this go to a trader; absent: as it is configured.
    pub referral_stake_minor: Option<i64>,
}
codec_struct!(CustomerTerms { factors, is_flagged, referral_stake_minor });

impl CustomerTerms {
    /// The factor that holds for a leg, if there is one.
    pub fn factor_e3(&self, sport: SportId, phase: LivePhase) -> Option<u32> {
        let in_play = phase == LivePhase::InPlay;
        let fits = |factor: &&CustomerFactor| {
            factor.sport.is_none_or(|of| of == sport) && factor.in_play.is_none_or(|of| of == in_play)
        };
        let rank = |factor: &&CustomerFactor| (factor.sport.is_some(), factor.in_play.is_some());
        self.factors.iter().filter(fits).max_by_key(rank).map(|factor| factor.factor_e3)
    }

    /// Checks every value against its range.
    ///
    /// # Errors
    /// The first that is outside, named.
    pub fn check(&self) -> Result<(), BoundsError> {
        if self.factors.len() > CUSTOMER_FACTORS_MAX {
            return Err(BoundsError::outside("factors", self.factors.len(), 0, CUSTOMER_FACTORS_MAX));
        }
        for (place, factor) in self.factors.iter().enumerate() {
            if factor.factor_e3 > FACTOR_E3_MAX {
                return Err(BoundsError::outside("factor_e3", factor.factor_e3, 0, FACTOR_E3_MAX));
            }
            let is_same =
                |other: &CustomerFactor| (other.sport, other.in_play) == (factor.sport, factor.in_play);
            if self.factors[..place].iter().any(is_same) {
                return Err(BoundsError::outside("factors of the same bets", 2, 0, 1));
            }
        }
        let referral_minor = self.referral_stake_minor.unwrap_or(0);
        match (0..=STAKE_MINOR_MAX).contains(&referral_minor) {
            true => Ok(()),
            false => Err(BoundsError::outside("referral_stake_minor", referral_minor, 0, STAKE_MINOR_MAX)),
        }
    }
}

/// What a customer limits for themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OwnLimitKind {
    /// Deposits.
    Deposit,
    /// Stakes less returns of the bets struck in the period.
    Loss,
    /// Stakes of the bets struck in the period.
    Stake,
}
codec_enum!(OwnLimitKind { 0 = Deposit, 1 = Loss, 2 = Stake });

impl OwnLimitKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Deposit, Self::Loss, Self::Stake];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deposit => "deposit",
            Self::Loss => "loss",
            Self::Stake => "stake",
        }
    }
}

/// The period of a customer's own limit; it rolls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Period {
    /// 24 hours.
    Day,
    /// 7 days.
    Week,
    /// 30 days.
    Month,
}
codec_enum!(Period { 0 = Day, 1 = Week, 2 = Month });

impl Period {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// How many hours it has.
    pub fn hours(self) -> i64 {
        match self {
            Self::Day => 24,
            Self::Week => 7 * 24,
            Self::Month => 30 * 24,
        }
    }
}

/// A limit that a customer set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnLimit {
    /// Of what.
    pub kind: OwnLimitKind,
    /// In which time.
    pub period: Period,
    /// The limit in force; none where only an increase from it was confirmed.
    pub limit_minor: i64,
    /// A higher one that waits to be confirmed.
    pub next: Option<NextLimit>,
}
codec_struct!(OwnLimit { kind, period, limit_minor, next });

/// A higher limit that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextLimit {
    /// The limit; absent for none at all.
    pub limit_minor: Option<i64>,
    /// From when on it can be confirmed.
    pub from_ns: i64,
}
codec_struct!(NextLimit { limit_minor, from_ns });

/// Over what stakes are added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum WindowPer {
    /// A selection.
    #[default]
    Selection,
    /// A market of a fixture.
    Market,
    /// A fixture.
    Fixture,
    /// All bets of the customer.
    Customer,
}
codec_enum!(WindowPer { 0 = Selection, 1 = Market, 2 = Fixture, 3 = Customer });

impl WindowPer {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Selection, Self::Market, Self::Fixture, Self::Customer];

    /// The name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Selection => "selection",
            Self::Market => "market",
            Self::Fixture => "fixture",
            Self::Customer => "customer",
        }
    }
}

/// Most that a customer may stake in a time; the legs of multiples count with the whole stake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StakeWindow {
    /// Its name: a refusal says it.
    pub name: WindowName,
    /// Over what.
    pub per: WindowPer,
    /// In which time; it rolls.
    pub period_ms: i64,
    /// Most.
    pub stake_minor_max: i64,
}
codec_struct!(StakeWindow { name, per, period_ms, stake_minor_max });

/// The name of a stake window: 1 to 16 bytes of printable ASCII.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct WindowName([u8; 16]);

impl WindowName {
    /// The name, if it can be one.
    pub fn new(name: &str) -> Option<Self> {
        let bytes = name.as_bytes();
        let is_name = (1..=16).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
        is_name.then(|| {
            let mut all = [0; 16];
            all[..bytes.len()].copy_from_slice(bytes);
            Self(all)
        })
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|&byte| byte == 0).unwrap_or(self.0.len());
        std::str::from_utf8(&self.0[..end]).unwrap_or("")
    }
}

impl std::fmt::Debug for WindowName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl oddsengine_types::Encode for WindowName {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
}

impl oddsengine_types::Decode for WindowName {
    fn decode(input: &mut oddsengine_types::Reader<'_>) -> Result<Self, oddsengine_types::DecodeError> {
        let bytes: [u8; 16] = input.take(16)?.try_into().expect("sixteen bytes");
        let name = Self(bytes);
        match Self::new(name.as_str()) == Some(name) {
            true => Ok(name),
            false => Err(input.error(format!("{bytes:?} is no name of a window"))),
        }
    }
}

/// Checks the stake windows; tickets are kept at least as long as the longest, so that what counts is there.
///
/// # Errors
/// The first value outside its range, named.
pub fn check_windows(windows: &[StakeWindow], archive_after_ms: i64) -> Result<(), BoundsError> {
    if windows.len() > STAKE_WINDOWS_MAX {
        return Err(BoundsError::outside("stake_windows", windows.len(), 0, STAKE_WINDOWS_MAX));
    }
    for (place, window) in windows.iter().enumerate() {
        if windows[..place].iter().any(|other| other.name == window.name) {
            return Err(BoundsError::outside("stake windows of the same name", 2, 0, 1));
        }
        let longest_ms = if archive_after_ms == 0 { STAKE_WINDOW_MS_MAX } else { archive_after_ms };
        let longest_ms = longest_ms.min(STAKE_WINDOW_MS_MAX);
        if !(1..=longest_ms).contains(&window.period_ms) {
            let what = "period of a stake window, in milliseconds, at most archive_after_ms:";
            return Err(BoundsError::outside(what, window.period_ms, 1, longest_ms));
        }
        if !(1..=STAKE_MINOR_MAX).contains(&window.stake_minor_max) {
            let what = "stake_minor_max of a stake window";
            return Err(BoundsError::outside(what, window.stake_minor_max, 1, STAKE_MINOR_MAX));
        }
    }
    Ok(())
}
