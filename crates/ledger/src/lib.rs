//! Double-entry accounts and two-phase transfers.
//!
//! A [`Ledger`] moves money between accounts of one [`Currency`](oddsengine_types::Currency) and does nothing
//! else: a [`Transfer`] debits one account and credits another by the same positive amount, is never changed
//! afterwards, and is booked at most once whatever the number of repeats. A correction is a new transfer.
//!
//! | event | calls |
//! |---|---|
//! | deposit | [`transfer`] `Psp -> CustomerCash` |
//! | bet on delay or referral | [`reserve`] `CustomerCash -> CustomerOpenStakes`, then [`post`] or [`void`] |
//! | bet accepted at once | [`transfer`] `CustomerCash -> CustomerOpenStakes` |
//! | bet lost | [`transfer`] `CustomerOpenStakes -> BettingResult` |
//! | bet won | [`linked`] `CustomerOpenStakes -> BettingResult`, `BettingResult -> CustomerCash` (return) |
//! | bet void | [`transfer`] `CustomerOpenStakes -> CustomerCash` |
//! | resettlement | [`linked`] [reversals](Transfer::reversal) and the new set |
//! | shortfall of a resettlement | first in the same set: `CustomerReceivable -> CustomerCash` |
//!
//! [`transfer`]: Ledger::transfer
//! [`linked`]: Ledger::linked
//! [`reserve`]: Ledger::reserve
//! [`post`]: Ledger::post
//! [`void`]: Ledger::void
//!
//! The ledger is a function of its calls: it reads no clock, draws no random number and answers nothing in the
//! order of a hash map, so the same calls give the same state and the same bytes.
//!
//! ```
//! use oddsengine_ledger::{AccountKind, InstructionId, Ledger, Memo, Outcome, Transfer, TransferError};
//! use oddsengine_types::{Currency, CustomerId};
//!
//! let mut ledger = Ledger::new();
//! let provider = ledger.account(AccountKind::Psp, Currency::EUR)?;
//! let cash = ledger.account(AccountKind::CustomerCash(CustomerId(7)), Currency::EUR)?;
//! let stakes = ledger.account(AccountKind::CustomerOpenStakes(CustomerId(7)), Currency::EUR)?;
//! let transfer = |id, debit, credit, amount_minor| Transfer {
//!     id: InstructionId::single(id), debit, credit, amount_minor, memo: Memo::default(),
//! };
//!
//! ledger.transfer(&transfer(1, provider, cash, 10_000))?;
//! ledger.reserve(&transfer(2, cash, stakes, 4_000), Some(5_000_000_000))?;
//! assert_eq!(ledger.balance(cash).available_minor, 6_000);
//! assert_eq!(ledger.transfer(&transfer(3, cash, stakes, 6_001)), Err(TransferError::ExceedsAvailableBalance));
//! assert_eq!(ledger.post(InstructionId::single(4), InstructionId::single(2), None)?, Outcome::Booked);
//! assert_eq!(ledger.post(InstructionId::single(4), InstructionId::single(2), None)?, Outcome::AlreadyBooked);
//! assert_eq!(ledger.balance(stakes).posted_minor, 4_000);
//! assert_eq!(ledger.ledger_sums_to_zero(), Ok(()));
//! # Ok::<(), TransferError>(())
//! ```

mod account;
mod audit;
mod error;
mod ledger;
mod seen;
mod snapshot;
mod transfer;

pub use account::{ACCOUNTS_COUNT_MAX, Account, AccountId, AccountKind, Balance, NormalSide};
pub use audit::CurrencyTotals;
pub use error::TransferError;
pub use ledger::{LINKED_COUNT_MAX, Ledger};
pub use snapshot::LedgerImage;
pub use transfer::{InstructionId, Memo, Outcome, Phase, Posting, Transfer, TransferStatus};
