//! Sums over the whole ledger and its named invariants: for reports, for the end of every simulated run and
//! for snapshots.

use std::collections::BTreeMap;

use oddsengine_types::{Currency, MONEY_MINOR_MAX};

use crate::account::Account;
use crate::ledger::Ledger;
use crate::transfer::TransferStatus;

/// The sums of all accounts of one currency, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurrencyTotals {
    /// The currency.
    pub currency: Currency,
    /// Number of accounts.
    pub account_count: usize,
    /// Sum of booked debits.
    pub debit_posted_minor: i128,
    /// Sum of booked credits.
    pub credit_posted_minor: i128,
    /// Sum of reserved debits.
    pub debit_pending_minor: i128,
    /// Sum of reserved credits.
    pub credit_pending_minor: i128,
}

impl Ledger {
    /// Totals per currency, in alphabetical order. Visits every account.
    pub fn totals(&self) -> Vec<CurrencyTotals> {
        let mut totals = BTreeMap::new();
        for account in self.accounts().iter() {
            let total = totals.entry(account.currency).or_insert(CurrencyTotals {
                currency: account.currency,
                account_count: 0,
                debit_posted_minor: 0,
                credit_posted_minor: 0,
                debit_pending_minor: 0,
                credit_pending_minor: 0,
            });
            total.account_count += 1;
            total.debit_posted_minor += i128::from(account.debit_posted_minor);
            total.credit_posted_minor += i128::from(account.credit_posted_minor);
            total.debit_pending_minor += i128::from(account.debit_pending_minor);
            total.credit_pending_minor += i128::from(account.credit_pending_minor);
        }
        totals.into_values().collect()
    }

    /// Checks every invariant of the ledger; O(accounts + ids).
    ///
    /// # Errors
    /// The first that fails, with its name and the numbers.
    pub fn check_invariants(&self) -> Result<(), String> {
        self.account_sums_are_in_bounds()?;
        self.ledger_sums_to_zero()?;
        self.no_guarded_account_is_overdrawn()?;
        self.pending_sums_match_reservations()
    }

    /// In every currency debits equal credits, booked and reserved.
    ///
    /// # Errors
    /// Names the currency, both sums and the difference.
    pub fn ledger_sums_to_zero(&self) -> Result<(), String> {
        for total in self.totals() {
            for (phase, debits, credits) in [
                ("posted", total.debit_posted_minor, total.credit_posted_minor),
                ("pending", total.debit_pending_minor, total.credit_pending_minor),
            ] {
                if debits != credits {
                    return Err(format!(
                        "ledger_sums_to_zero: {phase} debits of {} are {debits} minor units, \
                         credits {credits}, difference {}",
                        total.currency,
                        debits - credits
                    ));
                }
            }
        }
        Ok(())
    }

    /// Money that belongs to a customer is never below zero, reserved debits counted.
    ///
    /// # Errors
    /// Names the account and its available balance.
    pub fn no_guarded_account_is_overdrawn(&self) -> Result<(), String> {
        let is_overdrawn =
            |account: &&Account| account.kind.is_guarded() && account.balance().available_minor < 0;
        self.accounts().iter().find(is_overdrawn).map_or(Ok(()), |account| {
            Err(format!(
                "no_guarded_account_is_overdrawn: {:?} has {} minor units of {} available",
                account.kind,
                account.balance().available_minor,
                account.currency
            ))
        })
    }

    /// The reserved sums of every account are those of the unresolved reservations.
    ///
    /// # Errors
    /// Names the account and both sums, or the reservation.
    pub fn pending_sums_match_reservations(&self) -> Result<(), String> {
        let mut sums = vec![(0_i128, 0_i128); self.accounts().place_count()];
        for reservation in self.reservations.iter() {
            let (id, transfer) = (reservation.transfer.id, reservation.transfer);
            let (debit, credit) = (transfer.debit.0 as usize, transfer.credit.0 as usize);
            if transfer.id != id
                || transfer.amount_minor <= 0
                || self.accounts().get(transfer.debit.0).is_none()
                || self.accounts().get(transfer.credit.0).is_none()
                || self.status(id) != Some(TransferStatus::Pending)
            {
                return Err(format!("pending_sums_match_reservations: reservation {id} is not whole"));
            }
            sums[debit].0 += i128::from(transfer.amount_minor);
            sums[credit].1 += i128::from(transfer.amount_minor);
        }
        for (place, account) in self.accounts().entries() {
            let (debits, credits) = sums[place as usize];
            let on_account =
                (i128::from(account.debit_pending_minor), i128::from(account.credit_pending_minor));
            if on_account != (debits, credits) {
                return Err(format!(
                    "pending_sums_match_reservations: {:?} has {on_account:?} minor units of {} pending, \
                     reservations {:?}",
                    account.kind,
                    account.currency,
                    (debits, credits)
                ));
            }
        }
        match self.seen.pending_count() == self.reservations.len() {
            true => Ok(()),
            false => Err("pending_sums_match_reservations: a pending id has no reservation".into()),
        }
    }

    /// Every sum is in `0..=MONEY_MINOR_MAX`, booked and reserved of one side together.
    ///
    /// # Errors
    /// Names the account.
    pub fn account_sums_are_in_bounds(&self) -> Result<(), String> {
        let is_in_bounds = |posted_minor: i64, pending_minor: i64| {
            (0..=MONEY_MINOR_MAX).contains(&posted_minor)
                && (0..=MONEY_MINOR_MAX - posted_minor).contains(&pending_minor)
        };
        for account in self.accounts().iter() {
            if !is_in_bounds(account.debit_posted_minor, account.debit_pending_minor)
                || !is_in_bounds(account.credit_posted_minor, account.credit_pending_minor)
            {
                return Err(format!("account_sums_are_in_bounds: {account:?}"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::InstructionId;
    use crate::{AccountId, AccountKind, Memo, Transfer};
    use oddsengine_types::CustomerId;

    fn ledger() -> Ledger {
        let mut ledger = Ledger::new();
        let debit = ledger.account(AccountKind::Psp, Currency::EUR).unwrap();
        let credit = ledger.account(AccountKind::CustomerCash(CustomerId(1)), Currency::EUR).unwrap();
        ledger.account(AccountKind::Psp, Currency::parse("AUD").unwrap()).unwrap();
        let deposit = Transfer {
            id: InstructionId::single(1),
            debit,
            credit,
            amount_minor: 100,
            memo: Memo::default(),
        };
        ledger.transfer(&deposit).unwrap();
        let hold = Transfer {
            id: InstructionId::single(2),
            debit: credit,
            credit: debit,
            amount_minor: 30,
            ..deposit
        };
        ledger.reserve(&hold, None).unwrap();
        ledger
    }

    #[test]
    fn totals_are_by_currency() {
        let totals = ledger().totals();
        let summary = totals.iter().map(|total| {
            let currency = total.currency.to_string();
            (currency, total.account_count, total.debit_posted_minor, total.credit_pending_minor)
        });
        assert_eq!(summary.collect::<Vec<_>>(), [("AUD".into(), 1, 0, 0), ("EUR".into(), 2, 100, 30)]);
    }

    #[test]
    fn a_damaged_ledger_names_the_invariant() {
        assert_eq!(ledger().check_invariants(), Ok(()));
        let broken = |damage: fn(&mut Ledger)| {
            let mut ledger = ledger();
            damage(&mut ledger);
            ledger.check_invariants().unwrap_err()
        };
        assert_eq!(
            broken(|ledger| ledger.accounts.at_mut(AccountId(0)).debit_posted_minor = 96),
            "ledger_sums_to_zero: posted debits of EUR are 96 minor units, credits 100, difference -4"
        );
        assert_eq!(
            broken(|ledger| ledger.accounts.at_mut(AccountId(0)).credit_pending_minor = 31),
            "ledger_sums_to_zero: pending debits of EUR are 30 minor units, credits 31, difference -1"
        );
        let overdrawn = broken(|ledger| {
            ledger.accounts.at_mut(AccountId(0)).credit_posted_minor = 71;
            ledger.accounts.at_mut(AccountId(1)).debit_posted_minor = 71;
        });
        assert_eq!(
            overdrawn,
            "no_guarded_account_is_overdrawn: CustomerCash(CustomerId(1)) has -1 minor units of EUR available"
        );
        let unmatched = broken(|ledger| {
            ledger.accounts.at_mut(AccountId(0)).credit_pending_minor = 29;
            ledger.accounts.at_mut(AccountId(1)).debit_pending_minor = 29;
        });
        assert!(unmatched.starts_with("pending_sums_match_reservations: Psp has (0, 29)"), "{unmatched}");
        let unkept = broken(|ledger| {
            ledger.seen.set_status(InstructionId::single(1), TransferStatus::Pending);
        });
        assert!(unkept.ends_with("a pending id has no reservation"), "{unkept}");
        let torn = broken(|ledger| ledger.seen.set_status(InstructionId::single(2), TransferStatus::Voided));
        assert!(torn.ends_with("reservation 0/00000000000000000000000000000002/0 is not whole"), "{torn}");
        let negative = broken(|ledger| ledger.accounts.at_mut(AccountId(0)).debit_posted_minor = -1);
        assert!(negative.starts_with("account_sums_are_in_bounds"), "{negative}");
    }
}
