//! Money on the ledger: every booking of the engine is made here, whole or not at all.
//!
//! Nothing a ledger answers is a panic: ids and amounts come from outside. Who owes pays first: whatever reaches a
//! customer's cash goes on to what is owed, in the same linked set, so that nobody who owes has cash.

use oddsengine_ledger::{AccountKind, InstructionId, Memo, Outcome, Transfer, TransferError};
use oddsengine_types::{CustomerId, STAKE_MINOR_MAX, SourceId, TicketId};

use crate::command::MoneyRequest;
use crate::engine::Engine;
use crate::event::{Event, Sink};
use crate::status::Reason;
use crate::ticket::Ticket;

/// Transfers that callers number themselves live in a space of their own.
const CALLER_TRANSFERS: SourceId = SourceId(1);
/// Transfers that tickets cause.
const TICKET_TRANSFERS: SourceId = SourceId(2);

/// What the ledger refused is tried again no sooner than this.
pub(crate) const RETRY_NS: i64 = 1_000_000_000;

/// The stake of a ticket: reserved or moved.
pub(crate) const STAKE: u32 = 0;
/// The end of its reservation.
const STAKE_RESOLVED: u32 = 1;
/// What is owed, out of a stake that was released.
const STAKE_COLLECTED: u32 = 2;

/// A transfer between accounts that need not be there yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub id: InstructionId,
    pub from: AccountKind,
    pub to: AccountKind,
    pub amount_minor: i64,
    pub reference: u128,
}

/// The `number`-th instruction of a ticket.
pub(crate) fn of_ticket(ticket: TicketId, number: u32) -> InstructionId {
    InstructionId::new(TICKET_TRANSFERS, ticket.0, number)
}

impl Engine {
    /// What a customer owes after settlements that were taken back: it is paid first out of all that comes in.
    pub fn owed_minor(&self, customer: CustomerId) -> i64 {
        self.ledger.balance_of(AccountKind::CustomerReceivable(customer), self.config.currency).posted_minor
    }

    /// Books entries, all or none; who was refused has no new account.
    pub(crate) fn book(&mut self, entries: &[Entry]) -> Result<Outcome, TransferError> {
        let account_count = self.ledger.accounts().len();
        let transfers: Result<Vec<Transfer>, _> = entries.iter().map(|entry| self.transfer(entry)).collect();
        let booked = transfers.and_then(|transfers| self.ledger.linked(&transfers));
        if booked.is_err() {
            self.ledger.forget_accounts(account_count);
        }
        booked
    }

    fn transfer(&mut self, entry: &Entry) -> Result<Transfer, TransferError> {
        let Entry { id, from, to, amount_minor, reference } = *entry;
        let currency = self.config.currency;
        let (debit, credit) = (self.ledger.account(from, currency)?, self.ledger.account(to, currency)?);
        Ok(Transfer { id, debit, credit, amount_minor, memo: Memo { reference, ..Memo::default() } })
    }

    fn stake_entry(&self, ticket: &Ticket) -> Entry {
        let (cash, open) =
            (AccountKind::CustomerCash(ticket.customer), AccountKind::CustomerOpenStakes(ticket.customer));
        entry(ticket, STAKE, cash, open, ticket.stake_minor)
    }

    /// Moves a ticket's stake.
    pub(crate) fn book_stake(&mut self, ticket: &Ticket) -> Result<(), TransferError> {
        self.book(&[self.stake_entry(ticket)]).map(|_| ())
    }

    /// Reserves a ticket's stake.
    pub(crate) fn reserve_stake(&mut self, ticket: &Ticket) -> Result<(), TransferError> {
        let account_count = self.ledger.accounts().len();
        let entry = self.stake_entry(ticket);
        let reserved = self.transfer(&entry).and_then(|transfer| self.ledger.reserve(&transfer, None));
        if reserved.is_err() {
            self.ledger.forget_accounts(account_count);
        }
        reserved.map(|_| ())
    }

    /// Moves a reserved stake.
    pub(crate) fn post_stake(&mut self, ticket: TicketId) -> Result<(), TransferError> {
        self.ledger.post(of_ticket(ticket, STAKE_RESOLVED), of_ticket(ticket, STAKE), None).map(|_| ())
    }

    /// Releases a reserved stake; what is owed is paid out of it.
    pub(crate) fn release_stake(
        &mut self,
        ticket: &Ticket,
        sink: &mut impl Sink,
    ) -> Result<(), TransferError> {
        self.ledger.void(of_ticket(ticket.id, STAKE_RESOLVED), of_ticket(ticket.id, STAKE))?;
        let owed_minor = self.owed_minor(ticket.customer).min(ticket.stake_minor);
        if owed_minor > 0 {
            let collected = self.book(&[collection(ticket, STAKE_COLLECTED, owed_minor)]);
            // The stake is released all the same; the debt stands, and nothing can be withdrawn beside it.
            collected.map_or_else(|error| tell_stopped(ticket, error, sink), |_| ());
        }
        Ok(())
    }

    /// Books a deposit or a withdrawal, or repeats the answer it got before.
    pub(crate) fn move_money(&mut self, request: &MoneyRequest, is_deposit: bool, sink: &mut impl Sink) {
        let request = *request;
        let (provider, cash) = (AccountKind::Psp, AccountKind::CustomerCash(request.customer));
        let (from, to) = if is_deposit { (provider, cash) } else { (cash, provider) };
        let entry = Entry {
            id: InstructionId::new(CALLER_TRANSFERS, request.transfer.0, 0),
            from,
            to,
            amount_minor: request.amount_minor,
            reference: 0,
        };
        let booked = match self.ledger.status(entry.id) {
            Some(_) => self.repeat_money(&request, &entry),
            None => self.book_money(&request, entry, is_deposit),
        };
        self.drop_postings();
        match booked {
            Ok(outcome) => {
                let available_minor = self.available_minor(request.customer);
                let is_repeat = outcome == Outcome::AlreadyBooked;
                sink.event(Event::MoneyBooked { request, available_minor, is_repeat });
            }
            Err(reason) => sink.event(Event::MoneyRefused { request, reason }),
        }
    }

    /// An id that was used before: for the same instruction, or for another.
    fn repeat_money(&mut self, request: &MoneyRequest, entry: &Entry) -> Result<Outcome, Reason> {
        let account_count = self.ledger.accounts().len();
        let repeated = match request.currency == self.config.currency {
            true => self.transfer(entry).and_then(|transfer| self.ledger.transfer(&transfer)),
            false => Err(TransferError::IdHasAnotherBody),
        };
        self.ledger.forget_accounts(account_count);
        repeated.map_err(|_| Reason::IdHasAnotherBody)
    }

    fn book_money(
        &mut self,
        request: &MoneyRequest,
        entry: Entry,
        is_deposit: bool,
    ) -> Result<Outcome, Reason> {
        let MoneyRequest { customer, amount_minor, .. } = *request;
        if request.currency != self.config.currency {
            return Err(Reason::CurrencyNotAccepted);
        }
        if amount_minor <= 0 {
            return Err(Reason::StakeMustBePositive);
        }
        if amount_minor > STAKE_MINOR_MAX {
            return Err(Reason::StakeExceedsMaximum);
        }
        let owed_minor = self.owed_minor(customer);
        if !is_deposit {
            return match (self.available_minor(customer) < amount_minor, owed_minor > 0) {
                (true, _) => Err(Reason::BalanceTooSmall),
                (false, true) => Err(Reason::CustomerOwes),
                (false, false) => self.book(&[entry]).map_err(reason_of),
            };
        }
        let collected_minor = owed_minor.min(amount_minor);
        let collection = Entry {
            id: InstructionId::new(CALLER_TRANSFERS, request.transfer.0, 1),
            from: AccountKind::CustomerCash(customer),
            to: AccountKind::CustomerReceivable(customer),
            amount_minor: collected_minor,
            reference: 0,
        };
        let entries = [entry, collection];
        self.book(&entries[..if collected_minor > 0 { 2 } else { 1 }]).map_err(reason_of)
    }

    /// The ledger's postings are told by the events; its buffer only costs memory here.
    pub(crate) fn drop_postings(&mut self) {
        self.ledger.discard_postings();
        self.changes.compact(&self.tickets);
    }
}

/// Pays what a customer owes out of their cash.
pub(crate) fn collection(ticket: &Ticket, number: u32, amount_minor: i64) -> Entry {
    let (cash, owed) =
        (AccountKind::CustomerCash(ticket.customer), AccountKind::CustomerReceivable(ticket.customer));
    entry(ticket, number, cash, owed, amount_minor)
}

/// A transfer that a ticket causes.
pub(crate) fn entry(
    ticket: &Ticket,
    number: u32,
    from: AccountKind,
    to: AccountKind,
    amount_minor: i64,
) -> Entry {
    Entry { id: of_ticket(ticket.id, number), from, to, amount_minor, reference: ticket.id.0 }
}

/// A ledger's refusal stops one ticket: it stays as it was, and the desk is told.
pub(crate) fn tell_stopped(ticket: &Ticket, error: TransferError, sink: &mut impl Sink) {
    let message = format!("ticket {:032x} stays {}: {error}", ticket.id.0, ticket.state.name());
    sink.event(Event::Alert { alert: "ticket_stopped", fixture: None, message: &message });
}

/// The refusal that a ledger error means.
pub(crate) fn reason_of(error: TransferError) -> Reason {
    match error {
        TransferError::ExceedsAvailableBalance => Reason::BalanceTooSmall,
        TransferError::IdHasAnotherBody | TransferError::LinkedSetIsPartlyBooked => Reason::IdHasAnotherBody,
        TransferError::AmountMustBePositive => Reason::StakeMustBePositive,
        _ => Reason::ValueOutOfBounds,
    }
}
