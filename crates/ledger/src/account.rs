//! The chart of accounts and what stands on them.

use crate::error::TransferError;
pub use oddsengine_types::account::{AccountKind, NormalSide};
use oddsengine_types::{Currency, Decode, DecodeError, Encode, IdMap, Reader, Slots, codec_struct};

/// An account of one ledger: its place, the first that is free when it is made. Another account may have it when this one is
/// forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub u32);

impl Encode for AccountId {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }
}

impl Decode for AccountId {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        u32::decode(input).map(Self)
    }
}

/// Most accounts of one ledger.
pub const ACCOUNTS_COUNT_MAX: usize = 1 << 30;

/// An account and the sums of its transfers, in minor units. The four sums never shrink below zero, and posted
/// plus pending of one side stays within [`MONEY_MINOR_MAX`](oddsengine_types::MONEY_MINOR_MAX).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// What it is for.
    pub kind: AccountKind,
    /// Its currency.
    pub currency: Currency,
    /// Sum of booked debits.
    pub debit_posted_minor: i64,
    /// Sum of booked credits.
    pub credit_posted_minor: i64,
    /// Sum of reserved debits.
    pub debit_pending_minor: i64,
    /// Sum of reserved credits.
    pub credit_pending_minor: i64,
}

codec_struct!(Account {
    kind,
    currency,
    debit_posted_minor,
    credit_posted_minor,
    debit_pending_minor,
    credit_pending_minor,
});

/// What an account holds, in minor units, counted on its normal side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Booked: credits less debits, or debits less credits.
    pub posted_minor: i64,
    /// Reserved debits.
    pub pending_debit_minor: i64,
    /// Reserved credits; they count for nothing until they are posted.
    pub pending_credit_minor: i64,
    /// Booked less what is reserved to leave.
    pub available_minor: i64,
}

impl Account {
    pub(crate) fn new(kind: AccountKind, currency: Currency) -> Self {
        Self {
            kind,
            currency,
            debit_posted_minor: 0,
            credit_posted_minor: 0,
            debit_pending_minor: 0,
            credit_pending_minor: 0,
        }
    }

    /// Nothing is on it, booked or reserved: whoever asks for the balance of an account that is not there gets the same.
    pub fn is_empty(&self) -> bool {
        self.debit_posted_minor == self.credit_posted_minor
            && self.debit_pending_minor == 0
            && self.credit_pending_minor == 0
    }

    /// The balance on the account's normal side.
    pub fn balance(&self) -> Balance {
        let credit_less_debit = self.credit_posted_minor - self.debit_posted_minor;
        let (posted_minor, leaving_minor) = match self.kind.normal_side() {
            NormalSide::Credit => (credit_less_debit, self.debit_pending_minor),
            NormalSide::Debit => (-credit_less_debit, self.credit_pending_minor),
        };
        Balance {
            posted_minor,
            pending_debit_minor: self.debit_pending_minor,
            pending_credit_minor: self.credit_pending_minor,
            available_minor: posted_minor - leaving_minor,
        }
    }
}

/// Accounts that are copied and encoded together.
pub(crate) const ACCOUNTS_PER_PAGE: usize = 256;

/// The accounts by place and by kind and currency.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accounts {
    list: Slots<Account, ACCOUNTS_PER_PAGE>,
    ids: IdMap<(AccountKind, Currency), AccountId>,
    /// Those made since [`Accounts::begin`]: on their way out where what they were made for is refused.
    made: Vec<AccountId>,
}

impl PartialEq for Accounts {
    fn eq(&self, other: &Self) -> bool {
        self.list == other.list
    }
}

impl Accounts {
    pub(crate) fn with_capacity(count: usize) -> Self {
        let mut accounts = Self::default();
        accounts.ids.reserve(count);
        accounts
    }

    pub(crate) fn find(&self, kind: AccountKind, currency: Currency) -> Option<AccountId> {
        self.ids.get(&(kind, currency)).copied()
    }

    pub(crate) fn find_or_create(
        &mut self,
        kind: AccountKind,
        currency: Currency,
        count_max: usize,
    ) -> Result<AccountId, TransferError> {
        match self.find(kind, currency) {
            Some(id) => Ok(id),
            None if self.list.len() >= count_max => Err(TransferError::LedgerIsFull),
            None => Ok(self.push(Account::new(kind, currency))),
        }
    }

    /// From here on it is known which accounts are made.
    pub(crate) fn begin(&mut self) {
        self.made.clear();
    }

    /// Takes away the accounts made since [`Accounts::begin`], as if they had never been: they were made for transfers that were
    /// refused.
    pub(crate) fn withdraw(&mut self) {
        while let Some(id) = self.made.pop() {
            let account = self.list.withdraw(id.0).expect("it was just made");
            let is_unused = account == Account::new(account.kind, account.currency);
            assert!(is_unused, "an account with transfers stays");
            self.ids.remove(&(account.kind, account.currency));
        }
    }

    /// Frees the place of an account on which nothing is, booked or reserved.
    pub(crate) fn forget_empty(&mut self, kind: AccountKind, currency: Currency) -> bool {
        let Some(id) = self.find(kind, currency) else { return false };
        if !self.list[id.0 as usize].is_empty() {
            return false;
        }
        self.ids.remove(&(kind, currency));
        self.list.remove(id.0).is_some()
    }

    /// Adds an account that is not there yet; there is room for it.
    pub(crate) fn push(&mut self, account: Account) -> AccountId {
        let key = (account.kind, account.currency);
        let id = AccountId(self.list.insert(account));
        let replaced = self.ids.insert(key, id);
        assert!(replaced.is_none(), "an account exists once");
        self.made.push(id);
        id
    }

    /// Adds a page of accounts from its bytes.
    ///
    /// # Errors
    /// The bytes are no page, or hold an account that is there.
    pub(crate) fn push_page(&mut self, input: &mut Reader<'_>) -> Result<(), DecodeError> {
        let first = self.list.place_count();
        self.list.push_page(input)?;
        for index in first..self.list.place_count() {
            let Some(&Account { kind, currency, .. }) = self.list.get(index as u32) else { continue };
            if self.ids.insert((kind, currency), AccountId(index as u32)).is_some() {
                return Err(input.error(format!("account {kind:?} in {currency} is there twice")));
            }
        }
        Ok(())
    }

    #[inline]
    pub(crate) fn get(&self, id: AccountId) -> Option<&Account> {
        self.list.get(id.0)
    }

    /// An account known to exist.
    #[inline]
    pub(crate) fn at_mut(&mut self, id: AccountId) -> &mut Account {
        &mut self.list[id.0 as usize]
    }

    pub(crate) fn list(&self) -> &Slots<Account, ACCOUNTS_PER_PAGE> {
        &self.list
    }
}

#[cfg(test)]
mod tests {
    use oddsengine_types::CustomerId;

    use super::*;

    #[test]
    fn balances_count_on_the_normal_side() {
        let mut account = Account::new(AccountKind::CustomerCash(CustomerId(1)), Currency::EUR);
        account.credit_posted_minor = 100;
        account.debit_posted_minor = 30;
        account.debit_pending_minor = 20;
        account.credit_pending_minor = 7;
        let balance = account.balance();
        assert_eq!((balance.posted_minor, balance.available_minor), (70, 50));
        account.kind = AccountKind::Psp;
        let balance = account.balance();
        assert_eq!((balance.posted_minor, balance.available_minor), (-70, -77));
    }

    #[test]
    fn accounts_are_numbered_in_order_of_creation() {
        let usd = Currency::parse("USD").unwrap();
        let mut accounts = Accounts::default();
        let mut account = |kind, currency| accounts.find_or_create(kind, currency, 3);
        let cash = AccountKind::CustomerCash(CustomerId(1));
        assert_eq!(account(cash, Currency::EUR), Ok(AccountId(0)));
        assert_eq!(account(cash, usd), Ok(AccountId(1)));
        assert_eq!(account(AccountKind::Psp, usd), Ok(AccountId(2)));
        assert_eq!(account(cash, usd), Ok(AccountId(1)));
        // A full ledger was a panic.
        assert_eq!(account(AccountKind::Psp, Currency::EUR), Err(TransferError::LedgerIsFull));
        assert_eq!(accounts.find(AccountKind::Psp, Currency::EUR), None);
        accounts.made.remove(0);
        accounts.withdraw();
        assert_eq!(accounts.find(cash, usd), None);
        assert_eq!(accounts.find(cash, Currency::EUR), Some(AccountId(0)));
    }
}
