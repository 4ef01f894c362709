//! A ledger that is obviously right and slow: a list of what was accepted, everything else recomputed from it.

use oddsengine_ledger::{AccountId, AccountKind, InstructionId, Transfer, TransferError};
use oddsengine_types::{Currency, MONEY_MINOR_MAX};

/// What one can ask of a ledger.
#[derive(Clone, Debug, PartialEq)]
pub enum Instruction {
    /// A single transfer.
    Transfer(Transfer),
    /// A linked set.
    Linked(Vec<Transfer>),
    /// A reservation and its expiry.
    Reserve(Transfer, Option<i64>),
    /// Id, reservation, amount.
    Post(InstructionId, InstructionId, Option<i64>),
    /// Id, reservation.
    Void(InstructionId, InstructionId),
    /// The time.
    Expire(i64),
}

/// Sums of one account: posted debits and credits, pending debits and credits.
pub type Sums = [i128; 4];

#[derive(Clone, Debug, Default)]
pub struct NaiveLedger {
    pub accounts: Vec<(AccountKind, Currency)>,
    /// Everything accepted, in order; linked sets as their transfers.
    pub accepted: Vec<Instruction>,
}

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Pending,
    Resolved,
}

impl NaiveLedger {
    /// Carries an instruction out; true when it was carried out before.
    pub fn apply(&mut self, instruction: &Instruction) -> Result<bool, TransferError> {
        let steps: Vec<Instruction> = match instruction {
            Instruction::Expire(now_ns) => {
                self.accepted.push(Instruction::Expire(*now_ns));
                return Ok(false);
            }
            Instruction::Linked(set) if set.len() > 256 => return Err(TransferError::LinkedSetIsTooLong),
            Instruction::Linked(set) => set.iter().map(|&transfer| Instruction::Transfer(transfer)).collect(),
            other => vec![other.clone()],
        };
        let mut repeats = Vec::new();
        for step in &steps {
            repeats.push(self.is_repeat(step)?);
        }
        for (index, step) in steps.iter().enumerate() {
            if steps[..index].iter().any(|other| id_of(other) == id_of(step)) {
                return Err(TransferError::LinkedIdsMustDiffer);
            }
        }
        if repeats.contains(&true) {
            return if repeats.contains(&false) {
                Err(TransferError::LinkedSetIsPartlyBooked)
            } else {
                Ok(true)
            };
        }
        let mut after = self.clone();
        for step in steps {
            after.check(&step)?;
            after.accepted.push(step);
        }
        *self = after;
        Ok(false)
    }

    fn is_repeat(&self, step: &Instruction) -> Result<bool, TransferError> {
        let id = id_of(step);
        if id == Some(InstructionId::single(0)) {
            return Err(TransferError::IdMustNotBeZero);
        }
        match self.accepted.iter().find(|other| id_of(other) == id) {
            None => Ok(false),
            Some(other) if other == step => Ok(true),
            Some(_) => Err(TransferError::IdHasAnotherBody),
        }
    }

    fn check(&self, step: &Instruction) -> Result<(), TransferError> {
        match step {
            Instruction::Transfer(transfer) | Instruction::Reserve(transfer, _) => {
                self.check_transfer(transfer)
            }
            Instruction::Post(_, pending, amount_minor) => {
                if amount_minor.is_some_and(|amount| amount < 1) {
                    return Err(TransferError::AmountMustBePositive);
                }
                let reserved_minor = self.pending_amount(*pending)?;
                match amount_minor.is_some_and(|amount| amount > reserved_minor) {
                    true => Err(TransferError::ExceedsPendingAmount),
                    false => Ok(()),
                }
            }
            Instruction::Void(_, pending) => self.pending_amount(*pending).map(|_| ()),
            Instruction::Linked(_) | Instruction::Expire(_) => unreachable!("taken apart before"),
        }
    }

    fn check_transfer(&self, transfer: &Transfer) -> Result<(), TransferError> {
        let Transfer { debit, credit, amount_minor, .. } = *transfer;
        let exists = |id: AccountId| (id.0 as usize) < self.accounts.len();
        if amount_minor < 1 {
            return Err(TransferError::AmountMustBePositive);
        }
        if !exists(debit) || !exists(credit) {
            return Err(TransferError::AccountNotFound);
        }
        if debit == credit {
            return Err(TransferError::AccountsMustDiffer);
        }
        let (kind, currency) = self.accounts[debit.0 as usize];
        if currency != self.accounts[credit.0 as usize].1 {
            return Err(TransferError::CurrencyMismatch);
        }
        let sums = self.sums();
        let [debit_posted, credit_posted, debit_pending, _] = sums[debit.0 as usize];
        let [_, other_posted, _, other_pending] = sums[credit.0 as usize];
        let (amount, max) = (i128::from(amount_minor), i128::from(MONEY_MINOR_MAX));
        if debit_posted + debit_pending + amount > max || other_posted + other_pending + amount > max {
            return Err(TransferError::AccountWouldOverflow);
        }
        let is_guarded = matches!(
            kind,
            AccountKind::CustomerCash(_)
                | AccountKind::CustomerOpenStakes(_)
                | AccountKind::CustomerWithdrawalPending(_)
                | AccountKind::CustomerBonus(_)
        );
        if is_guarded && credit_posted - debit_posted - debit_pending - amount < 0 {
            return Err(TransferError::ExceedsAvailableBalance);
        }
        Ok(())
    }

    fn pending_amount(&self, id: InstructionId) -> Result<i64, TransferError> {
        match self.reservations().into_iter().find(|(transfer, _)| transfer.id == id) {
            None => Err(TransferError::PendingNotFound),
            Some((_, Fate::Resolved)) => Err(TransferError::PendingAlreadyResolved),
            Some((transfer, Fate::Pending)) => Ok(transfer.amount_minor),
        }
    }

    /// Every reservation ever made and whether it still stands.
    fn reservations(&self) -> Vec<(Transfer, Fate)> {
        let mut made = Vec::new();
        for (index, instruction) in self.accepted.iter().enumerate() {
            let Instruction::Reserve(transfer, expires_ns) = instruction else { continue };
            let is_end = |later: &Instruction| match later {
                Instruction::Post(_, pending, _) | Instruction::Void(_, pending) => *pending == transfer.id,
                Instruction::Expire(now_ns) => expires_ns.is_some_and(|expires_ns| expires_ns <= *now_ns),
                _ => false,
            };
            let is_resolved = self.accepted[index..].iter().any(is_end);
            made.push((*transfer, if is_resolved { Fate::Resolved } else { Fate::Pending }));
        }
        made
    }

    /// The sums of every account, from the list alone.
    pub fn sums(&self) -> Vec<Sums> {
        let mut sums = vec![[0; 4]; self.accounts.len()];
        let mut add = |transfer: &Transfer, amount_minor: i64, offset: usize| {
            sums[transfer.debit.0 as usize][offset] += i128::from(amount_minor);
            sums[transfer.credit.0 as usize][offset + 1] += i128::from(amount_minor);
        };
        let reservations = self.reservations();
        for instruction in &self.accepted {
            match instruction {
                Instruction::Transfer(transfer) => add(transfer, transfer.amount_minor, 0),
                Instruction::Post(_, pending, amount_minor) => {
                    let is_meant = |(transfer, _): &&(Transfer, Fate)| transfer.id == *pending;
                    let (transfer, _) = reservations.iter().find(is_meant).expect("it was checked");
                    add(transfer, amount_minor.unwrap_or(transfer.amount_minor), 0);
                }
                _ => {}
            }
        }
        for (transfer, fate) in reservations {
            if fate == Fate::Pending {
                add(&transfer, transfer.amount_minor, 2);
            }
        }
        sums
    }
}

fn id_of(instruction: &Instruction) -> Option<InstructionId> {
    match instruction {
        Instruction::Transfer(transfer) | Instruction::Reserve(transfer, _) => Some(transfer.id),
        Instruction::Post(id, ..) | Instruction::Void(id, _) => Some(*id),
        Instruction::Linked(_) | Instruction::Expire(_) => None,
    }
}
