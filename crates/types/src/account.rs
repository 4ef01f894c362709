//! The chart of accounts: what money can be for.

use crate::codec_enum;
use crate::ids::CustomerId;

/// What an account is for. Each kind has one account per currency, made on first use.
///
/// | kind | normal side | may be overdrawn |
/// |---|---|---|
/// | `CustomerCash`, `CustomerBonus`, `CustomerOpenStakes`, `CustomerWithdrawalPending` | credit | **no** |
/// | `CustomerReceivable`, `Psp`, `BankSegregated`, `BankOperating` | debit | yes |
/// | `BettingResult`, `Commission`, `Dormant`, `TaxWithheld`, `Fx`, `Suspense` | credit | yes |
/// | `PromoFreeBet`, `PromoBoost`, `Goodwill`, `Chargeback` | debit | yes |
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountKind {
    /// Money the customer may bet or withdraw.
    CustomerCash(CustomerId),
    /// Stakes of the customer's open bets.
    CustomerOpenStakes(CustomerId),
    /// Money on its way out to the customer.
    CustomerWithdrawalPending(CustomerId),
    /// What the customer owes after a resettlement or a chargeback.
    CustomerReceivable(CustomerId),
    /// Bonus money: it may be bet, not withdrawn.
    CustomerBonus(CustomerId),
    /// Money at payment providers.
    Psp,
    /// Stakes kept less returns paid.
    BettingResult,
    /// Money whose owner is not yet known.
    Suspense,
    /// Customer funds at the bank.
    BankSegregated,
    /// Own funds at the bank.
    BankOperating,
    /// Commission earned.
    Commission,
    /// Cost of free bets.
    PromoFreeBet,
    /// Cost of boosted odds.
    PromoBoost,
    /// Gifts to customers.
    Goodwill,
    /// Deposits taken back by a bank.
    Chargeback,
    /// The own side of currency exchanges: a linked pair goes through one such account per currency.
    Fx,
    /// Balances of customers who are gone.
    Dormant,
    /// Tax withheld from winnings.
    TaxWithheld,
}

codec_enum!(AccountKind {
    0 = CustomerCash(customer),
    1 = CustomerOpenStakes(customer),
    2 = CustomerWithdrawalPending(customer),
    3 = CustomerReceivable(customer),
    4 = CustomerBonus(customer),
    5 = Psp,
    6 = BettingResult,
    7 = Suspense,
    8 = BankSegregated,
    9 = BankOperating,
    10 = Commission,
    11 = PromoFreeBet,
    12 = PromoBoost,
    13 = Goodwill,
    14 = Chargeback,
    15 = Fx,
    16 = Dormant,
    17 = TaxWithheld,
});

/// The side on which an account grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormalSide {
    /// Assets and expenses: the balance is debits less credits.
    Debit,
    /// Liabilities and revenue: the balance is credits less debits.
    Credit,
}

impl AccountKind {
    /// The side on which accounts of this kind grow.
    pub fn normal_side(self) -> NormalSide {
        match self {
            Self::CustomerReceivable(_)
            | Self::Psp
            | Self::BankSegregated
            | Self::BankOperating
            | Self::PromoFreeBet
            | Self::PromoBoost
            | Self::Goodwill
            | Self::Chargeback => NormalSide::Debit,
            Self::CustomerCash(_)
            | Self::CustomerOpenStakes(_)
            | Self::CustomerWithdrawalPending(_)
            | Self::CustomerBonus(_)
            | Self::BettingResult
            | Self::Suspense
            | Self::Commission
            | Self::Fx
            | Self::Dormant
            | Self::TaxWithheld => NormalSide::Credit,
        }
    }

    /// True when debits, with the reserved ones, must never exceed credits: money that belongs to a customer.
    pub fn is_guarded(self) -> bool {
        matches!(
            self,
            Self::CustomerCash(_)
                | Self::CustomerOpenStakes(_)
                | Self::CustomerWithdrawalPending(_)
                | Self::CustomerBonus(_)
        )
    }

    /// The customer whose account it is.
    pub fn customer(self) -> Option<CustomerId> {
        match self {
            Self::CustomerCash(customer)
            | Self::CustomerOpenStakes(customer)
            | Self::CustomerWithdrawalPending(customer)
            | Self::CustomerReceivable(customer)
            | Self::CustomerBonus(customer) => Some(customer),
            _ => None,
        }
    }
}
