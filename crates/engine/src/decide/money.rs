//! Money: every booking of the engine is decided here, whole or not at all.
//!
//! Nothing a ledger answers is a panic: ids and amounts come from outside. Who owes pays first: whatever reaches a
//! customer's cash goes on to what is owed, in the same linked set, so that nobody who owes has cash.

use oddsengine_facts::{Booking, BookingId, BookingKind, Fact, MoneyRequest, Reason, Ticket};
use oddsengine_ledger::TransferError;
use oddsengine_types::{AccountKind, Currency, CustomerId, STAKE_MINOR_MAX, SourceId, TicketId};

use super::settle::settlement_numbers;
use crate::fold::instruction_of;
use crate::state::State;
use crate::step::{Answer, Step};

/// Transfers that callers number themselves live in a space of their own.
pub(crate) const CALLER_TRANSFERS: SourceId = SourceId(1);
/// Transfers that tickets cause.
const TICKET_TRANSFERS: SourceId = SourceId(2);

/// What the ledger refused is tried again no sooner than this.
pub(super) const RETRY_NS: i64 = 1_000_000_000;

/// The stake of a ticket: reserved or moved.
const STAKE: u32 = 0;
/// The end of its reservation.
const STAKE_RESOLVED: u32 = 1;
/// What is owed, out of a stake that was released.
const STAKE_COLLECTED: u32 = 2;
/// How far the numbers of these go on where the stake is booked once more.
const STAKE_AGAIN: u32 = 8;

/// The number of one of these.
fn stake_number(ticket: &Ticket, number: u32) -> u32 {
    let is_rebooked = ticket.handling.as_ref().is_some_and(|handling| handling.is_rebooked);
    if is_rebooked { number + STAKE_AGAIN } else { number }
}

/// The `number`-th instruction of a ticket.
fn of_ticket(ticket: TicketId, number: u32) -> BookingId {
    BookingId { source: TICKET_TRANSFERS, transaction: ticket.0, number }
}

/// The ids of the bookings of a ticket that is over, as far as there can be any.
pub(crate) fn bookings_of(ticket: &Ticket) -> impl Iterator<Item = BookingId> {
    let (id, is_delayed) = (ticket.id, ticket.due_ns != 0);
    let stake = [STAKE, STAKE_RESOLVED, STAKE_COLLECTED];
    let stake = stake.into_iter().take(match (ticket.is_refused_at_once(), is_delayed) {
        (true, _) => 0,
        (false, true) => 3,
        (false, false) => 1,
    });
    let is_rebooked = stake_number(ticket, STAKE) != STAKE;
    let again = [STAKE, STAKE_RESOLVED, STAKE_COLLECTED].map(|number| number + STAKE_AGAIN);
    let again = again.into_iter().take(if is_rebooked { 3 } else { 0 });
    stake.chain(again).chain(settlement_numbers(ticket)).map(move |number| of_ticket(id, number))
}

impl State {
    /// What a customer owes after settlements that were taken back: it is paid first out of all that comes in.
    pub fn owed_minor(&self, customer: CustomerId) -> i64 {
        self.ledger.balance_of(AccountKind::CustomerReceivable(customer), self.config.currency).posted_minor
    }

    fn stake_booking(&self, ticket: &Ticket, kind: BookingKind, number: u32) -> Booking {
        let (cash, open) =
            (AccountKind::CustomerCash(ticket.customer), AccountKind::CustomerOpenStakes(ticket.customer));
        let number = stake_number(ticket, number);
        Booking { kind, ..booking(ticket, number, cash, open, ticket.stake_minor) }
    }
}

impl Step<'_> {
    /// Moves a ticket's stake.
    pub(super) fn book_stake(&mut self, ticket: &Ticket) -> Result<(), TransferError> {
        self.book(vec![self.stake_booking(ticket, BookingKind::Moved, STAKE)])
    }

    /// Reserves a ticket's stake.
    pub(super) fn reserve_stake(&mut self, ticket: &Ticket) -> Result<(), TransferError> {
        self.book(vec![self.stake_booking(ticket, BookingKind::Reserved, STAKE)])
    }

    /// Moves a reserved stake.
    pub(super) fn post_stake(&mut self, ticket: &Ticket) -> Result<(), TransferError> {
        let posted = BookingKind::Posted { pending: of_ticket(ticket.id, stake_number(ticket, STAKE)) };
        self.book(vec![self.stake_booking(ticket, posted, STAKE_RESOLVED)])
    }

    /// Releases a reserved stake; what is owed is paid out of it.
    pub(super) fn release_stake(&mut self, ticket: &Ticket) -> Result<(), TransferError> {
        let voided = BookingKind::Voided { pending: of_ticket(ticket.id, stake_number(ticket, STAKE)) };
        self.book(vec![self.stake_booking(ticket, voided, STAKE_RESOLVED)])?;
        let owed_minor = self.owed_minor(ticket.customer).min(ticket.stake_minor);
        if owed_minor > 0
            && let Err(error) =
                self.book(vec![collection(ticket, stake_number(ticket, STAKE_COLLECTED), owed_minor)])
        {
            // The stake is released all the same; the debt stands, and nothing can be withdrawn beside it.
            self.alert("ticket_stopped", None, stopped(ticket, error));
        }
        Ok(())
    }

    /// Books a deposit or a withdrawal, or repeats the answer it got before.
    pub(super) fn move_money(&mut self, request: &MoneyRequest, is_deposit: bool) -> Answer {
        let request = *request;
        let (provider, cash) = (AccountKind::Psp, AccountKind::CustomerCash(request.customer));
        let (debit, credit) = if is_deposit { (provider, cash) } else { (cash, provider) };
        let booking = Booking {
            id: BookingId { source: CALLER_TRANSFERS, transaction: request.transfer.0, number: 0 },
            kind: BookingKind::Moved,
            debit,
            credit,
            currency: self.config.currency,
            amount_minor: request.amount_minor,
        };
        let is_repeat = self.ledger.status(instruction_of(booking.id)).is_some();
        let booked = match is_repeat {
            // An id that was used before: for the same instruction, or for another.
            true if self.repeats(&request, is_deposit) => Ok(()),
            true => Err(Reason::IdHasAnotherBody),
            false => self.book_money(&request, booking, is_deposit),
        };
        match booked {
            Ok(()) => {
                let available_minor = self.available_minor(request.customer);
                Answer::MoneyBooked { request, available_minor, is_repeat }
            }
            Err(reason) => {
                self.fact(Fact::MoneyRefused { request, reason });
                Answer::MoneyRefused { request, reason }
            }
        }
    }

    fn book_money(
        &mut self,
        request: &MoneyRequest,
        booking: Booking,
        is_deposit: bool,
    ) -> Result<(), Reason> {
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
                (false, false) => self.book(vec![booking]).map_err(reason_of),
            };
        }
        self.check_deposit(customer, amount_minor)?;
        let mut bookings = vec![booking];
        let collected_minor = owed_minor.min(amount_minor);
        if collected_minor > 0 {
            bookings.push(Booking {
                id: BookingId { number: 1, ..booking.id },
                debit: AccountKind::CustomerCash(customer),
                credit: AccountKind::CustomerReceivable(customer),
                amount_minor: collected_minor,
                ..booking
            });
        }
        self.book(bookings).map_err(reason_of)
    }
}

/// Pays what a customer owes out of their cash.
pub(super) fn collection(ticket: &Ticket, number: u32, amount_minor: i64) -> Booking {
    let (cash, owed) =
        (AccountKind::CustomerCash(ticket.customer), AccountKind::CustomerReceivable(ticket.customer));
    booking(ticket, number, cash, owed, amount_minor)
}

/// Money that moves because of a ticket.
pub(super) fn booking(
    ticket: &Ticket,
    number: u32,
    debit: AccountKind,
    credit: AccountKind,
    amount_minor: i64,
) -> Booking {
    let currency: Currency = ticket.terms.currency;
    Booking {
        id: of_ticket(ticket.id, number),
        kind: BookingKind::Moved,
        debit,
        credit,
        currency,
        amount_minor,
    }
}

/// A ledger's refusal stops one ticket: it stays as it was, and the desk is told this.
pub(super) fn stopped(ticket: &Ticket, error: TransferError) -> String {
    format!("ticket {:032x} stays {}: {error}", ticket.id.0, ticket.state.name())
}

/// The refusal that a ledger error means.
pub(super) fn reason_of(error: TransferError) -> Reason {
    match error {
        TransferError::ExceedsAvailableBalance => Reason::BalanceTooSmall,
        TransferError::IdHasAnotherBody | TransferError::LinkedSetIsPartlyBooked => Reason::IdHasAnotherBody,
        TransferError::AmountMustBePositive => Reason::StakeMustBePositive,
        _ => Reason::ValueOutOfBounds,
    }
}
