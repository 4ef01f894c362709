//! The ledger itself. This is the hot path of money: every method checks everything first and changes state
//! last.

use std::collections::BTreeSet;
use std::slice;

use oddsengine_types::{Currency, IdMap, MONEY_MINOR_MAX, Slots, codec_struct};

use crate::account::{
    ACCOUNTS_COUNT_MAX, ACCOUNTS_PER_PAGE, Account, AccountId, AccountKind, Accounts, Balance,
};
use crate::error::TransferError;
use crate::seen::{Seen, SeenIds};
use crate::transfer::{
    BodyHash, InstructionId, Outcome, Phase, Posting, Transfer, TransferStatus, body_of_posting,
    body_of_reservation, body_of_transfer, body_of_voiding,
};

/// Most transfers of one linked set.
pub const LINKED_COUNT_MAX: usize = 256;

/// Accounts, reservations and the ids of everything ever booked. See the crate for how to use it.
///
/// Every booked transfer waits as a [`Posting`] until [`drain_postings`](Ledger::drain_postings) takes it:
/// drain after every command, or the buffer grows. Undrained postings are not part of the state: neither
/// equality nor the snapshot sees them.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    pub(crate) accounts: Accounts,
    pub(crate) seen: SeenIds,
    pub(crate) reservations: Reservations,
    /// Reservations that expire, by time and then id.
    pub(crate) expiries: BTreeSet<(i64, InstructionId)>,
    postings: Vec<Posting>,
}

/// Reservations by id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reservations {
    /// Where each is.
    places: IdMap<InstructionId, u32>,
    pub(crate) slots: Slots<Reservation, RESERVATIONS_PER_PAGE>,
}

/// Reservations that are copied and encoded together.
pub(crate) const RESERVATIONS_PER_PAGE: usize = 128;

impl Reservations {
    fn get(&self, id: InstructionId) -> Option<&Reservation> {
        self.places.get(&id).map(|&place| &self.slots[place as usize])
    }

    fn insert(&mut self, reservation: Reservation) {
        let place = self.slots.insert(reservation);
        self.places.insert(reservation.transfer.id, place);
    }

    fn remove(&mut self, id: InstructionId) -> Option<Reservation> {
        self.slots.remove(self.places.remove(&id)?)
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Finds every reservation of the pages that were added to its slots.
    ///
    /// # Errors
    /// A reservation is there twice.
    pub(crate) fn index_all(&mut self) -> Result<(), String> {
        for place in 0..self.slots.place_count() as u32 {
            let Some(reservation) = self.slots.get(place) else { continue };
            let id = reservation.transfer.id;
            if self.places.insert(id, place).is_some() {
                return Err(format!("reservation {id} is there twice"));
            }
        }
        Ok(())
    }

    /// All of them, in the order of their places.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Reservation> {
        self.slots.iter()
    }
}

/// A pending transfer, kept until it is resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reservation {
    pub(crate) transfer: Transfer,
    pub(crate) expires_ns: Option<i64>,
}
codec_struct!(Reservation { transfer, expires_ns });

impl Ledger {
    /// An empty ledger.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty ledger with room for so many accounts and transfer ids; beyond them it grows.
    pub fn with_capacity(account_count: usize, transfer_count: usize) -> Self {
        Self {
            accounts: Accounts::with_capacity(account_count),
            seen: SeenIds::with_capacity(transfer_count),
            ..Self::default()
        }
    }

    /// The account of this kind and currency, made when it is not there yet.
    ///
    /// # Errors
    /// [`TransferError::LedgerIsFull`]: it is not there, and there are
    /// [`ACCOUNTS_COUNT_MAX`](crate::ACCOUNTS_COUNT_MAX) accounts already.
    pub fn account(&mut self, kind: AccountKind, currency: Currency) -> Result<AccountId, TransferError> {
        self.accounts.find_or_create(kind, currency, ACCOUNTS_COUNT_MAX)
    }

    /// From here on it is known which accounts are made, for [`Ledger::withdraw_accounts`].
    pub fn note_accounts(&mut self) {
        self.accounts.begin();
    }

    /// Takes away the accounts made since [`Ledger::note_accounts`], for a caller whose transfer was refused: who never had
    /// money has no account. None of them may have been used.
    pub fn withdraw_accounts(&mut self) {
        self.accounts.withdraw();
    }

    /// Forgets an account on which nothing is, booked or reserved: its balance is as before, and it is made again when money
    /// comes. Says whether it was there. Ids that were booked on it no longer tell a repeat from another body: for a caller who
    /// keeps those bodies.
    pub fn forget_empty_account(&mut self, kind: AccountKind, currency: Currency) -> bool {
        self.accounts.forget_empty(kind, currency)
    }

    /// The account of this kind and currency, if there is one.
    pub fn find(&self, kind: AccountKind, currency: Currency) -> Option<AccountId> {
        self.accounts.find(kind, currency)
    }

    /// All accounts; the place is the [`AccountId`].
    pub fn accounts(&self) -> &Slots<Account, ACCOUNTS_PER_PAGE> {
        self.accounts.list()
    }

    /// What an account of this ledger holds.
    ///
    /// # Panics
    /// The account is not of this ledger.
    pub fn balance(&self, id: AccountId) -> Balance {
        self.accounts.get(id).expect("the account is of this ledger").balance()
    }

    /// What the account of this kind and currency holds: zeros when there is none.
    pub fn balance_of(&self, kind: AccountKind, currency: Currency) -> Balance {
        self.find(kind, currency).map_or(Balance::default(), |id| self.balance(id))
    }

    /// What became of an id: the way to resolve an unknown outcome without a guess.
    pub fn status(&self, id: InstructionId) -> Option<TransferStatus> {
        self.seen.get(id).map(|seen| seen.status)
    }

    /// Books a single-phase transfer.
    ///
    /// # Errors
    /// See [`TransferError`].
    pub fn transfer(&mut self, transfer: &Transfer) -> Result<Outcome, TransferError> {
        self.linked(slice::from_ref(transfer))
    }

    /// Books all of the transfers or none. Each must be possible after those before it: put the credit that
    /// covers a debit first. An empty set is booked.
    ///
    /// # Errors
    /// See [`TransferError`]; the first refused transfer gives the answer.
    pub fn linked(&mut self, transfers: &[Transfer]) -> Result<Outcome, TransferError> {
        if LINKED_COUNT_MAX < transfers.len() {
            return Err(TransferError::LinkedSetIsTooLong);
        }
        let mut repeat_count = 0;
        for transfer in transfers {
            repeat_count += usize::from(self.is_repeat(transfer.id, body_of_transfer(transfer))?);
        }
        if has_equal_ids(transfers) {
            return Err(TransferError::LinkedIdsMustDiffer);
        }
        if repeat_count > 0 {
            let is_whole = repeat_count == transfers.len();
            return if is_whole {
                Ok(Outcome::AlreadyBooked)
            } else {
                Err(TransferError::LinkedSetIsPartlyBooked)
            };
        }
        for (index, transfer) in transfers.iter().enumerate() {
            self.check(transfer, &transfers[..index])?;
        }
        for transfer in transfers {
            self.add_posted(transfer, transfer.amount_minor);
            self.record(transfer.id, body_of_transfer(transfer), TransferStatus::Booked);
            self.emit(Phase::Booked, transfer.id, None, transfer, transfer.amount_minor, 0);
        }
        Ok(Outcome::Booked)
    }

    /// Reserves a transfer: the amount is no longer available on the debit account and not yet on the credit
    /// account. At `expires_ns` (Unix nanoseconds) it is released by [`expire`](Ledger::expire); `None` waits
    /// for ever.
    ///
    /// # Errors
    /// See [`TransferError`].
    pub fn reserve(
        &mut self,
        transfer: &Transfer,
        expires_ns: Option<i64>,
    ) -> Result<Outcome, TransferError> {
        let body_hash = body_of_reservation(transfer, expires_ns);
        if self.is_repeat(transfer.id, body_hash)? {
            return Ok(Outcome::AlreadyBooked);
        }
        self.check(transfer, &[])?;
        self.accounts.at_mut(transfer.debit).debit_pending_minor += transfer.amount_minor;
        self.accounts.at_mut(transfer.credit).credit_pending_minor += transfer.amount_minor;
        self.record(transfer.id, body_hash, TransferStatus::Pending);
        self.keep(Reservation { transfer: *transfer, expires_ns });
        self.emit(Phase::Reserved, transfer.id, None, transfer, transfer.amount_minor, 0);
        Ok(Outcome::Booked)
    }

    /// Books a reservation, as the instruction `id`: all of it, or `amount_minor` with the rest released. Money
    /// that was reserved is there: an unresolved reservation can always be posted.
    ///
    /// The body is what was asked: `None` and `Some` of the whole amount are different bodies.
    ///
    /// # Errors
    /// See [`TransferError`].
    pub fn post(
        &mut self,
        id: InstructionId,
        pending: InstructionId,
        amount_minor: Option<i64>,
    ) -> Result<Outcome, TransferError> {
        let body_hash = body_of_posting(pending, amount_minor);
        if self.is_repeat(id, body_hash)? {
            return Ok(Outcome::AlreadyBooked);
        }
        if amount_minor.is_some_and(|amount_minor| amount_minor <= 0) {
            return Err(TransferError::AmountMustBePositive);
        }
        let transfer = self.reservation(pending)?.transfer;
        let posted_minor = amount_minor.unwrap_or(transfer.amount_minor);
        if transfer.amount_minor < posted_minor {
            return Err(TransferError::ExceedsPendingAmount);
        }
        self.release(pending, TransferStatus::Posted);
        self.add_posted(&transfer, posted_minor);
        self.record(id, body_hash, TransferStatus::Booked);
        let released_minor = transfer.amount_minor - posted_minor;
        self.emit(Phase::Posted, id, Some(pending), &transfer, posted_minor, released_minor);
        Ok(Outcome::Booked)
    }

    /// Releases a reservation, as the instruction `id`.
    ///
    /// # Errors
    /// See [`TransferError`].
    pub fn void(&mut self, id: InstructionId, pending: InstructionId) -> Result<Outcome, TransferError> {
        let body_hash = body_of_voiding(pending);
        if self.is_repeat(id, body_hash)? {
            return Ok(Outcome::AlreadyBooked);
        }
        let transfer = self.reservation(pending)?.transfer;
        self.release(pending, TransferStatus::Voided);
        self.record(id, body_hash, TransferStatus::Booked);
        self.emit(Phase::Voided, id, Some(pending), &transfer, 0, transfer.amount_minor);
        Ok(Outcome::Booked)
    }

    /// Releases every reservation whose time is at or before `now_ns`, by time and then id; returns how many.
    ///
    /// The ledger has no clock: call this with the time of each command, before the command.
    pub fn expire(&mut self, now_ns: i64) -> usize {
        let mut expired_count = 0;
        while let Some(&(expires_ns, id)) = self.expiries.first() {
            if now_ns < expires_ns {
                break;
            }
            let transfer = self.release(id, TransferStatus::Expired);
            self.emit(Phase::Expired, id, Some(id), &transfer, 0, transfer.amount_minor);
            expired_count += 1;
        }
        expired_count
    }

    /// When the next reservation expires, in Unix nanoseconds.
    pub fn next_expiry_ns(&self) -> Option<i64> {
        self.expiries.first().map(|&(expires_ns, _)| expires_ns)
    }

    /// Whether a transfer was booked before: with this very body, with another one (an error), or not at all.
    ///
    /// # Errors
    /// The id is unset, or has another body.
    pub fn knows(&self, transfer: &Transfer) -> Result<Outcome, TransferError> {
        Ok(match self.is_repeat(transfer.id, body_of_transfer(transfer))? {
            true => Outcome::AlreadyBooked,
            false => Outcome::Booked,
        })
    }

    /// Forgets an id that is resolved, for a caller who keeps what it stands for elsewhere and asks there before the id is used
    /// again: here it could be booked once more. Says whether it was there; an unresolved reservation stays.
    pub fn forget(&mut self, id: InstructionId) -> bool {
        self.seen.forget(id)
    }

    /// Knows an id again that was [forgotten](Ledger::forget), as booked: nothing is booked by it. Of its body nothing is known,
    /// so that every repeat of it is another: for a caller who keeps the body.
    ///
    /// # Errors
    /// The id is unset or known.
    pub fn know_again(&mut self, id: InstructionId) -> Result<(), TransferError> {
        if id.is_unset() {
            return Err(TransferError::IdMustNotBeZero);
        }
        if self.seen.get(id).is_some() {
            return Err(TransferError::IdHasAnotherBody);
        }
        self.record(id, 0, TransferStatus::Booked);
        Ok(())
    }

    /// Moves the postings since the last call to the end of `out`, in the order of booking.
    pub fn drain_postings(&mut self, out: &mut Vec<Posting>) {
        out.append(&mut self.postings);
    }

    /// Forgets the waiting postings: for callers whose own events tell the story.
    pub fn discard_postings(&mut self) {
        self.postings.clear();
    }

    /// True when the same instruction was carried out before.
    #[inline]
    fn is_repeat(&self, id: InstructionId, body_hash: BodyHash) -> Result<bool, TransferError> {
        if id.is_unset() {
            return Err(TransferError::IdMustNotBeZero);
        }
        match self.seen.get(id) {
            None => Ok(false),
            Some(seen) if seen.body_hash == body_hash => Ok(true),
            Some(_) => Err(TransferError::IdHasAnotherBody),
        }
    }

    /// Whether the transfer is possible once the `earlier` ones of its set are booked.
    fn check(&self, transfer: &Transfer, earlier: &[Transfer]) -> Result<(), TransferError> {
        let amount_minor = transfer.amount_minor;
        if amount_minor <= 0 {
            return Err(TransferError::AmountMustBePositive);
        }
        let (Some(debit), Some(credit)) =
            (self.accounts.get(transfer.debit), self.accounts.get(transfer.credit))
        else {
            return Err(TransferError::AccountNotFound);
        };
        if transfer.debit == transfer.credit {
            return Err(TransferError::AccountsMustDiffer);
        }
        if debit.currency != credit.currency {
            return Err(TransferError::CurrencyMismatch);
        }
        // No sum overflows: the earlier transfers passed this same check.
        let debits_minor = debit.debit_posted_minor
            + debit.debit_pending_minor
            + sum_minor(earlier, |other| other.debit == transfer.debit);
        let credits_minor = credit.credit_posted_minor
            + credit.credit_pending_minor
            + sum_minor(earlier, |other| other.credit == transfer.credit);
        if MONEY_MINOR_MAX - debits_minor < amount_minor || MONEY_MINOR_MAX - credits_minor < amount_minor {
            return Err(TransferError::AccountWouldOverflow);
        }
        let covered_minor =
            debit.credit_posted_minor + sum_minor(earlier, |other| other.credit == transfer.debit);
        if debit.kind.is_guarded() && covered_minor - debits_minor < amount_minor {
            return Err(TransferError::ExceedsAvailableBalance);
        }
        Ok(())
    }

    /// An unresolved reservation.
    fn reservation(&self, id: InstructionId) -> Result<&Reservation, TransferError> {
        match self.seen.get(id).map(|seen| seen.status) {
            None | Some(TransferStatus::Booked) => Err(TransferError::PendingNotFound),
            Some(TransferStatus::Pending) => Ok(self.reservations.get(id).expect("the reservation is there")),
            Some(TransferStatus::Posted | TransferStatus::Voided | TransferStatus::Expired) => {
                Err(TransferError::PendingAlreadyResolved)
            }
        }
    }

    fn add_posted(&mut self, transfer: &Transfer, amount_minor: i64) {
        self.accounts.at_mut(transfer.debit).debit_posted_minor += amount_minor;
        self.accounts.at_mut(transfer.credit).credit_posted_minor += amount_minor;
    }

    /// Derived: which reservations expire when.
    pub(crate) fn expiries_of_reservations(&self) -> BTreeSet<(i64, InstructionId)> {
        let expiring = self.reservations.iter();
        expiring.filter_map(|kept| Some((kept.expires_ns?, kept.transfer.id))).collect()
    }

    fn keep(&mut self, reservation: Reservation) {
        let id = reservation.transfer.id;
        if let Some(expires_ns) = reservation.expires_ns {
            self.expiries.insert((expires_ns, id));
        }
        self.reservations.insert(reservation);
    }

    /// Ends a reservation known to be there and gives its amount back.
    fn release(&mut self, id: InstructionId, status: TransferStatus) -> Transfer {
        let Reservation { transfer, expires_ns } =
            self.reservations.remove(id).expect("the reservation is there");
        if let Some(expires_ns) = expires_ns {
            self.expiries.remove(&(expires_ns, id));
        }
        self.accounts.at_mut(transfer.debit).debit_pending_minor -= transfer.amount_minor;
        self.accounts.at_mut(transfer.credit).credit_pending_minor -= transfer.amount_minor;
        self.seen.set_status(id, status);
        transfer
    }

    #[inline]
    fn record(&mut self, id: InstructionId, body_hash: BodyHash, status: TransferStatus) {
        self.seen.insert(id, Seen { body_hash, status });
    }

    #[inline]
    fn emit(
        &mut self,
        phase: Phase,
        id: InstructionId,
        pending: Option<InstructionId>,
        transfer: &Transfer,
        amount_minor: i64,
        released_minor: i64,
    ) {
        let Transfer { id: _, debit, credit, amount_minor: _, memo } = *transfer;
        let currency = self.accounts.at_mut(debit).currency;
        self.postings.push(Posting {
            id,
            phase,
            pending,
            debit,
            credit,
            currency,
            amount_minor,
            released_minor,
            memo,
        });
    }
}

impl PartialEq for Ledger {
    fn eq(&self, other: &Self) -> bool {
        // `expiries` follows from the reservations, postings are on their way out.
        self.accounts == other.accounts
            && self.seen == other.seen
            && self.reservations.slots == other.reservations.slots
    }
}

fn has_equal_ids(transfers: &[Transfer]) -> bool {
    let is_taken = |index: usize| transfers[..index].iter().any(|other| other.id == transfers[index].id);
    (1..transfers.len()).any(is_taken)
}

#[inline]
fn sum_minor(transfers: &[Transfer], counts: impl Fn(&Transfer) -> bool) -> i64 {
    transfers.iter().filter(|transfer| counts(transfer)).map(|transfer| transfer.amount_minor).sum()
}
