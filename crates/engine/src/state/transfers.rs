//! Deposits and withdrawals whose ids are kept: what a repeat is compared with, until they leave for the archive.

use std::collections::BTreeSet;

use oddsengine_facts::command::ARCHIVED_PER_RECORD_MAX;
use oddsengine_facts::{BookedTransfer, Booking, BookingId, MoneyRequest};
use oddsengine_types::{AccountKind, Currency, CustomerId, IdMap, Slots, TransferId, codec_struct};

use super::State;
use crate::decide::money::CALLER_TRANSFERS;
use crate::fold::instruction_of;

/// Transfers that are copied and encoded together: about 40 kB.
pub(crate) const TRANSFERS_PER_PAGE: usize = 512;

/// A transfer whose id is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeptTransfer {
    pub transfer: BookedTransfer,
    /// When it was booked, or so long before now that it leaves in time after it came back.
    pub kept_ns: i64,
}
codec_struct!(KeptTransfer { transfer, kept_ns });

/// All of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transfers {
    pub slots: Slots<KeptTransfer, TRANSFERS_PER_PAGE>,
    /// Derived: where each is.
    places: IdMap<TransferId, u32>,
    /// Derived: since when each is kept.
    queue: BTreeSet<(i64, u32)>,
}

impl Transfers {
    fn insert(&mut self, kept: KeptTransfer) {
        let place = self.slots.insert(kept);
        self.places.insert(kept.transfer.request.transfer, place);
        self.queue.insert((kept.kept_ns, place));
    }

    fn remove(&mut self, id: TransferId) -> Option<KeptTransfer> {
        let place = self.places.remove(&id)?;
        let kept = self.slots.remove(place)?;
        self.queue.remove(&(kept.kept_ns, place));
        Some(kept)
    }

    /// Those that are kept since then or longer, in order.
    pub fn due(&self, until_ns: i64) -> impl Iterator<Item = TransferId> + '_ {
        let due = self.queue.range(..=(until_ns, u32::MAX));
        due.map(|&(_, place)| self.slots[place as usize].transfer.request.transfer)
    }

    /// Finds every transfer of the pages that were added.
    pub fn index_all(&mut self) -> Result<(), String> {
        for (place, kept) in self.slots.entries() {
            let id = kept.transfer.request.transfer;
            if self.places.insert(id, place).is_some() {
                return Err(format!("transfer {:032x} is kept twice", id.0));
            }
            self.queue.insert((kept.kept_ns, place));
        }
        Ok(())
    }
}

impl State {
    /// Ids of deposits and withdrawals that are kept.
    pub fn kept_transfer_count(&self) -> usize {
        self.transfers.slots.len()
    }

    /// The id of a deposit or a withdrawal is kept.
    pub fn knows_transfer(&self, id: TransferId) -> bool {
        self.transfers.places.contains_key(&id)
    }

    /// Keeps a deposit or withdrawal that was just booked, if there is one among the bookings.
    pub(crate) fn keep_transfer(&mut self, bookings: &[Booking]) {
        let Some(booking) = bookings.first().filter(|booking| booking.id.source == CALLER_TRANSFERS) else {
            return;
        };
        let is_deposit = booking.debit == AccountKind::Psp;
        let cash = if is_deposit { booking.credit } else { booking.debit };
        let Some(customer) = cash.customer() else { return };
        let request = MoneyRequest {
            transfer: TransferId(booking.id.transaction),
            customer,
            amount_minor: booking.amount_minor,
            currency: booking.currency,
        };
        // What of it paid a debt follows in the same set.
        let collected_minor = bookings.get(1).map_or(0, |collected| collected.amount_minor);
        let transfer = BookedTransfer { request, is_deposit, collected_minor };
        self.transfers.insert(KeptTransfer { transfer, kept_ns: self.now_ns });
    }

    pub(crate) fn archive_money(&mut self, ids: &[TransferId]) -> Result<(), String> {
        if ids.len() > ARCHIVED_PER_RECORD_MAX {
            return Err(format!(
                "{} transfers in one record, at most {ARCHIVED_PER_RECORD_MAX} are allowed",
                ids.len()
            ));
        }
        for &id in ids {
            let kept = self.transfers.remove(id);
            let kept = kept.ok_or_else(|| format!("transfer {:032x} is not known", id.0))?;
            for number in numbers(&kept.transfer) {
                self.ledger.forget(instruction_of(booking_id(id, number)));
            }
            let MoneyRequest { customer, currency, .. } = kept.transfer.request;
            self.forget_empty_accounts(customer, currency);
            self.counters.archived_transfer_count += 1;
            self.archived_transfers.push(kept.transfer);
        }
        Ok(())
    }

    /// An id could come back: it is not known.
    pub(crate) fn may_return_transfer(&self, transfer: &BookedTransfer) -> Result<(), String> {
        let id = transfer.request.transfer;
        match self.knows_transfer(id) {
            true => Err(format!("transfer {:032x} is known", id.0)),
            false => Ok(()),
        }
    }

    pub(crate) fn recall_money(&mut self, transfer: &BookedTransfer) -> Result<(), String> {
        self.may_return_transfer(transfer)?;
        let id = transfer.request.transfer;
        for number in numbers(transfer) {
            let known = self.ledger.know_again(instruction_of(booking_id(id, number)));
            known.map_err(|error| format!("transfer {:032x} cannot be known again: {error}", id.0))?;
        }
        let kept_ns = super::archive::recalled_since(self.now_ns, self.config.archive_money_after_ms);
        self.transfers.insert(KeptTransfer { transfer: *transfer, kept_ns });
        self.counters.recalled_transfer_count += 1;
        Ok(())
    }

    /// An id that is kept stands for this very instruction.
    pub(crate) fn repeats(&self, request: &MoneyRequest, is_deposit: bool) -> bool {
        let place = self.transfers.places.get(&request.transfer);
        place.is_some_and(|&place| {
            let known = &self.transfers.slots[place as usize].transfer;
            known.request == *request && known.is_deposit == is_deposit
        })
    }

    /// When a ticket or a transfer of a customer leaves, those accounts leave on which nothing is. They are made again when
    /// money comes, and until then their balance is the same.
    pub(crate) fn forget_empty_accounts(&mut self, customer: CustomerId, currency: Currency) {
        for kind in [
            AccountKind::CustomerOpenStakes(customer),
            AccountKind::CustomerReceivable(customer),
            AccountKind::CustomerCash(customer),
        ] {
            self.ledger.forget_empty_account(kind, currency);
        }
    }
}

fn booking_id(id: TransferId, number: u32) -> BookingId {
    BookingId { source: CALLER_TRANSFERS, transaction: id.0, number }
}

/// The numbers of its instructions.
fn numbers(transfer: &BookedTransfer) -> std::ops::Range<u32> {
    0..1 + u32::from(transfer.collected_minor > 0)
}
