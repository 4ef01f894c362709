//! The ledger as bytes: equal states give equal bytes, and only whole states are read back.
//!
//! ```text
//! accounts, in order of creation │ seen ids, ascending │ reservations, ascending by id
//! ```

use oddsengine_types::{Decode, DecodeError, Encode, Reader};

use crate::account::{ACCOUNTS_COUNT_MAX, Account, Accounts};
use crate::ledger::{Ledger, Reservation};
use crate::seen::SeenIds;

impl Encode for Ledger {
    /// Postings not yet drained are left out: they belong to the events, not to the state.
    fn encode(&self, out: &mut Vec<u8>) {
        self.accounts.list().encode(out);
        self.seen.encode(out);
        let mut reservations: Vec<Reservation> = self.reservations.values().copied().collect();
        reservations.sort_unstable_by_key(|reservation| reservation.transfer.id);
        reservations.encode(out);
    }
}

impl Decode for Ledger {
    /// Also refuses bytes that break an invariant of the ledger.
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut ledger = Ledger::new();
        ledger.accounts = decode_accounts(input)?;
        ledger.seen = SeenIds::decode(input)?;
        let reservations = Vec::<Reservation>::decode(input)?;
        if !reservations.is_sorted_by(|a, b| a.transfer.id < b.transfer.id) {
            return Err(input.error("reservations are not in ascending order"));
        }
        reservations.into_iter().for_each(|reservation| ledger.keep(reservation));
        ledger.check_invariants().map_err(|broken| input.error(broken))?;
        Ok(ledger)
    }
}

fn decode_accounts(input: &mut Reader<'_>) -> Result<Accounts, DecodeError> {
    let list = Vec::<Account>::decode(input)?;
    if ACCOUNTS_COUNT_MAX < list.len() {
        return Err(input.error(format!("{} accounts are above {ACCOUNTS_COUNT_MAX}", list.len())));
    }
    let mut accounts = Accounts::with_capacity(list.len());
    for account in list {
        if accounts.find(account.kind, account.currency).is_some() {
            return Err(
                input.error(format!("account {:?} in {} is there twice", account.kind, account.currency))
            );
        }
        accounts.push(account);
    }
    Ok(accounts)
}
