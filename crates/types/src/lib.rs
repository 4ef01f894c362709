//! Odds, money, ladders, grades, ids, time and bounds of oddsengine: the words every other crate speaks.
//!
//! | quantity | type | unit |
//! |---|---|---|
//! | money | `i64` `*_minor` | minor units of a currency ([`Currency`]) |
//! | odds | [`Odds`] (`u32`) `*_e4` | ten-thousandths, returned stake included |
//! | probability | `f64` | 0..=1 |
//! | time | `i64` `*_ns` | nanoseconds since the Unix epoch, UTC |
//! | match clock | `i64` `*_ms` | milliseconds |
//! | result of a selection | [`Grade`] | exact shares of the stake won and refunded |
//!
//! No third-party dependency, no floats in money or odds.

pub mod account;
pub mod bets;
pub mod bounds;
pub mod codec;
pub mod currency;
pub mod format;
pub mod fraction;
pub mod grade;
pub mod hash;
pub mod ids;
pub mod ladder;
pub mod money;
pub mod odds;
pub mod pages;
pub mod sport_values;

pub use account::{AccountKind, NormalSide};
pub use bounds::{BoundsError, MONEY_MINOR_MAX, ODDS_E4_MAX, ODDS_E4_MIN, STAKE_MINOR_MAX};
pub use codec::{Decode, DecodeError, Encode, Reader};
pub use currency::Currency;
pub use format::OddsFormat;
pub use fraction::{Fraction, FractionLadder, QUOTED_FRACTIONS};
pub use grade::Grade;
pub use hash::{IdMap, StateHash, StateHasher};
pub use ids::{CompetitionId, CustomerId, FixtureId, SourceId, SportId, TicketId, TransferId};
pub use ladder::Ladder;
pub use money::{Payout, format_minor, parse_minor, payout_minor};
pub use odds::Odds;
pub use pages::{Address, Pages, Part, Sealed, Slots, Sparse};
pub use sport_values::{SportParameters, SportSettings};
