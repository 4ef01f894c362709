//! Refusals and life-cycle states: data with fixed numbers, in order of precedence.

use oddsengine_types::{Decode, DecodeError, Encode, Reader, codec_enum};

macro_rules! reasons {
    ($($(#[doc = $doc:literal])* $name:ident = $number:literal, $text:literal;)*) => {
        /// Why a request was refused. When several apply, the first in this order is given.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Reason {
            $($(#[doc = $doc])* $name = $number,)*
        }

        impl Reason {
            /// All reasons, in order of precedence.
            pub const ALL: &[Reason] = &[$(Reason::$name),*];

            /// Those that the runtime gives before anything is decided: no engine ever does.
            pub const OF_RUNTIME: [Reason; 3] =
                [Reason::NotPermitted, Reason::JournalUnavailable, Reason::ArchiveUnreadable];

            /// The name on the wire.
            pub fn name(self) -> &'static str {
                match self { $(Reason::$name => $text,)* }
            }

            /// The sentence that explains it.
            pub fn sentence(self) -> &'static str {
                match self { $(Reason::$name => concat!($($doc),*).trim_ascii(),)* }
            }

            /// The reason with this number.
            pub fn from_number(number: u16) -> Option<Reason> {
                match number { $($number => Some(Reason::$name),)* _ => None }
            }
        }
    };
}

reasons! {
    /// Whoever asks has not the right to.
    NotPermitted = 100, "not_permitted";
    /// The id was used before with another body.
    IdHasAnotherBody = 101, "id_has_another_body";
    /// The customer is blocked.
    CustomerBlocked = 102, "customer_blocked";
    /// The currency is not the book's.
    CurrencyNotAccepted = 103, "currency_not_accepted";
    /// The stake or amount must be above 0.
    StakeMustBePositive = 104, "stake_must_be_positive";
    /// The stake is below the smallest one taken.
    StakeBelowMinimum = 105, "stake_below_minimum";
    /// The stake or amount is above the largest one the engine computes with.
    StakeExceedsMaximum = 106, "stake_exceeds_maximum";
    /// A ticket has 1 to 63 legs, places of each-way legs among them, or fewer if so configured.
    LegCountOutOfRange = 107, "leg_count_out_of_range";
    /// Two legs of one line are on the same fixture.
    LegsOnSameFixture = 108, "legs_on_same_fixture";
    /// The plan makes no bets of these legs, or more than 50.
    PlanNotPossible = 109, "plan_not_possible";
    /// The stake is not the sum of the lines' stakes, or no whole number of minor units for each line.
    StakeNotOfLines = 110, "stake_not_of_lines";
    /// The stake of a line is below the smallest one taken.
    LineStakeBelowMinimum = 111, "line_stake_below_minimum";
    /// No bets are taken at present.
    BettingDisabled = 113, "betting_disabled";
    /// No bets are taken by this channel.
    ChannelDisabled = 114, "channel_disabled";
    /// No bets of the customer are taken at present.
    CustomerDisabled = 115, "customer_disabled";
    /// The customer is suspended.
    CustomerSuspended = 116, "customer_suspended";
    /// The customer is self-excluded.
    CustomerSelfExcluded = 117, "customer_self_excluded";
    /// The customer's account is closed.
    CustomerClosed = 118, "customer_closed";
    /// No bets on the sport are taken at present.
    SportDisabled = 119, "sport_disabled";
    /// No bets on the competition are taken at present.
    CompetitionDisabled = 120, "competition_disabled";
    /// No bets on the fixture are taken at present.
    FixtureDisabled = 121, "fixture_disabled";
    /// No bets on the market are taken at present.
    MarketDisabled = 122, "market_disabled";
    /// The fixture is not known.
    FixtureNotFound = 201, "fixture_not_found";
    /// The market or selection is not offered on this fixture.
    SelectionNotFound = 202, "selection_not_found";
    /// The fixture is over, void, or no longer traded.
    FixtureClosed = 203, "fixture_closed";
    /// The selection is already decided.
    SelectionDecided = 204, "selection_decided";
    /// Trading of the fixture is suspended.
    FixtureSuspended = 205, "fixture_suspended";
    /// Trading of the market is suspended.
    MarketSuspended = 206, "market_suspended";
    /// No price is offered for the selection.
    NoPrice = 207, "no_price";
    /// The race does not offer these place terms, or each-way bets at all.
    PlaceTermsNotOffered = 208, "place_terms_not_offered";
    /// The odds version is not one that this process published.
    OddsVersionUnknown = 301, "odds_version_unknown";
    /// The odds have moved beyond what the customer accepts.
    OddsHaveMoved = 302, "odds_have_moved";
    /// The score changed while the bet waited out its delay.
    ScoreHasChanged = 303, "score_has_changed";
    /// Trading was interrupted while the bet waited out its delay: a suspension, danger, a change of score.
    TradingInterrupted = 304, "trading_interrupted";
    /// The price improved abnormally while the bet waited: one of the two prices was wrong.
    PriceImproved = 305, "price_improved";
    /// The payout is above the largest one.
    PayoutExceedsMaximum = 401, "payout_exceeds_maximum";
    /// The stake is above this customer's share of the limits.
    ExceedsCustomerLimit = 402, "exceeds_customer_limit";
    /// The market's liability limit binds.
    ExceedsMarketLimit = 403, "exceeds_market_limit";
    /// The fixture's joint liability limit binds.
    ExceedsFixtureLimit = 404, "exceeds_fixture_limit";
    /// The competition's liability limit binds.
    ExceedsCompetitionLimit = 405, "exceeds_competition_limit";
    /// The sport's liability limit binds.
    ExceedsSportLimit = 406, "exceeds_sport_limit";
    /// The platform's liability limit binds.
    ExceedsPlatformLimit = 407, "exceeds_platform_limit";
    /// The stake is above what is left of a stake window: the check names it.
    ExceedsStakeWindow = 408, "exceeds_stake_window";
    /// The stake is above what is left of the customer's own limit on stakes.
    ExceedsOwnStakeLimit = 409, "exceeds_own_stake_limit";
    /// The stake is above what is left of the customer's own limit on losses.
    ExceedsOwnLossLimit = 410, "exceeds_own_loss_limit";
    /// The deposit is above what is left of the customer's own limit on deposits.
    ExceedsOwnDepositLimit = 411, "exceeds_own_deposit_limit";
    /// The customer's available balance is too small.
    BalanceTooSmall = 501, "balance_too_small";
    /// The customer owes money after a settlement that was taken back.
    CustomerOwes = 502, "customer_owes";
    /// A trader declined the bet.
    ReferralDeclined = 503, "referral_declined";
    /// No trader answered in time.
    ReferralExpired = 504, "referral_expired";
    /// The customer declined what was offered instead.
    OfferDeclined = 505, "offer_declined";
    /// What was offered instead was not taken in time.
    OfferExpired = 506, "offer_expired";
    /// The ticket is not known.
    TicketNotFound = 601, "ticket_not_found";
    /// The ticket was refused, or cancelled before.
    TicketNotOpen = 602, "ticket_not_open";
    /// The annulment is not known, or cannot be taken back any more.
    AnnulmentNotFound = 603, "annulment_not_found";
    /// The action waits for nobody: it was approved, declined, or nobody did so in time.
    ActionNotFound = 604, "action_not_found";
    /// Whoever asked for an action cannot approve it.
    SecondPersonNeeded = 605, "second_person_needed";
    /// The command's values are out of bounds.
    ValueOutOfBounds = 701, "value_out_of_bounds";
    /// The command cannot follow the present state.
    OutOfSequence = 702, "out_of_sequence";
    /// The fixture or id exists already.
    AlreadyExists = 703, "already_exists";
    /// The price contradicts the model, or the book is no book.
    ImplausiblePrice = 704, "implausible_price";
    /// The journal cannot take money commands at present.
    JournalUnavailable = 801, "journal_unavailable";
    /// The archive cannot be read: whether this id was used before is not known.
    ArchiveUnreadable = 802, "archive_unreadable";
}

impl Encode for Reason {
    fn encode(&self, out: &mut Vec<u8>) {
        (*self as u16).encode(out);
    }
}

impl Decode for Reason {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let number = u16::decode(input)?;
        Reason::from_number(number).ok_or_else(|| input.error(format!("{number} is not a reason")))
    }
}

/// Where a ticket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketState {
    /// Stake reserved, waiting out the bet delay.
    Delayed,
    /// Refused; the reason says why.
    Refused(Reason),
    /// Accepted and open.
    Open,
    /// Paid, or lost.
    Settled,
    /// Withdrawn by the operator; the stake went back.
    Cancelled,
    /// Stake reserved, before a trader.
    Referred,
    /// Not taken as asked, for this reason; something else is offered. Nothing is reserved.
    Reoffered(Reason),
}
codec_enum!(TicketState {
    0 = Delayed,
    1 = Refused(reason),
    2 = Open,
    3 = Settled,
    4 = Cancelled,
    7 = Referred,
    8 = Reoffered(reason),
});

impl TicketState {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delayed => "delayed",
            Self::Refused(_) => "refused",
            Self::Open => "accepted",
            Self::Settled => "settled",
            Self::Cancelled => "cancelled",
            Self::Referred => "referred",
            Self::Reoffered(_) => "reoffered",
        }
    }

    /// Its stake is reserved, and it is yet to be decided: on delay, or before a trader.
    pub fn is_waiting(self) -> bool {
        matches!(self, Self::Delayed | Self::Referred)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ascend_in_order_of_precedence() {
        assert!(Reason::ALL.windows(2).all(|pair| (pair[0] as u16) < pair[1] as u16));
        assert!(Reason::ALL.iter().all(|&reason| Reason::from_number(reason as u16) == Some(reason)));
        assert!(Reason::ALL.iter().all(|reason| reason.sentence().ends_with('.')));
    }
}
