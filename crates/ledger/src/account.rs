//! The chart of accounts and what stands on them.

use crate::error::TransferError;
pub use oddsengine_types::account::{AccountKind, NormalSide};
use oddsengine_types::{Currency, Decode, DecodeError, Encode, IdMap, Pages, Reader, codec_struct};

/// An account of one ledger: its index, dense, in order of creation.
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

/// The accounts by index and by kind and currency.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Accounts {
    list: Pages<Account, ACCOUNTS_PER_PAGE>,
    ids: IdMap<(AccountKind, Currency), AccountId>,
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

    /// Forgets the accounts beyond the first `count`: they were made for transfers that were refused.
    pub(crate) fn truncate(&mut self, count: usize) {
        while self.list.len() > count
            && let Some(account) = self.list.pop()
        {
            let is_unused = account == Account::new(account.kind, account.currency);
            assert!(is_unused, "an account with transfers stays");
            self.ids.remove(&(account.kind, account.currency));
        }
    }

    /// Adds an account that is not there yet; there is room for it.
    pub(crate) fn push(&mut self, account: Account) -> AccountId {
        let id = AccountId(self.list.len() as u32);
        let replaced = self.ids.insert((account.kind, account.currency), id);
        assert!(replaced.is_none(), "an account exists once");
        self.list.push(account);
        id
    }

    /// Adds a page of accounts from its bytes.
    ///
    /// # Errors
    /// The bytes are no page, or hold an account that is there.
    pub(crate) fn push_page(&mut self, input: &mut Reader<'_>) -> Result<(), DecodeError> {
        let first = self.list.len();
        self.list.push_page(input)?;
        for index in first..self.list.len() {
            let Account { kind, currency, .. } = self.list[index];
            if self.ids.insert((kind, currency), AccountId(index as u32)).is_some() {
                return Err(input.error(format!("account {kind:?} in {currency} is there twice")));
            }
        }
        Ok(())
    }

    #[inline]
    pub(crate) fn get(&self, id: AccountId) -> Option<&Account> {
        self.list.get(id.0 as usize)
    }

    /// An account known to exist.
    #[inline]
    pub(crate) fn at_mut(&mut self, id: AccountId) -> &mut Account {
        &mut self.list[id.0 as usize]
    }

    pub(crate) fn list(&self) -> &Pages<Account, ACCOUNTS_PER_PAGE> {
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
        accounts.truncate(1);
        assert_eq!(accounts.find(cash, usd), None);
        assert_eq!(accounts.find(cash, Currency::EUR), Some(AccountId(0)));
    }
}
