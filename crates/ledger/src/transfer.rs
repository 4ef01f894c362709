//! Transfers, their answers and the postings they leave.

use std::hash::Hasher;

use oddsengine_types::hash::{IdHasher, StateHasher};
use oddsengine_types::{Currency, SourceId, TransferId, codec_enum, codec_struct};

use crate::account::AccountId;

/// A movement of money: debits one account and credits another of the same currency. Immutable; a correction
/// is another transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Unique over all instructions of a ledger, never zero. See [`transfer_id`].
    pub id: TransferId,
    /// The account that is debited: what the money leaves.
    pub debit: AccountId,
    /// The account that is credited: where it goes.
    pub credit: AccountId,
    /// Minor units, `1..=MONEY_MINOR_MAX`.
    pub amount_minor: i64,
    /// What the books need to know about it.
    pub memo: Memo,
}

/// What a transfer is about; the ledger keeps it with the posting and reads none of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memo {
    /// The bet, ticket or payment.
    pub reference: u128,
    /// Reason code.
    pub reason: u16,
    /// Fund tag: cash, bonus, free bet and so on; the tax packs read it.
    pub fund: u16,
    /// Jurisdiction.
    pub jurisdiction: u16,
    /// Version of the posting rules.
    pub rules: u16,
}

codec_struct!(Transfer { id, debit, credit, amount_minor, memo });
codec_struct!(Memo { reference, reason, fund, jurisdiction, rules });

impl Transfer {
    /// The transfer that undoes this one: the accounts change sides.
    pub fn reversal(&self, id: TransferId) -> Transfer {
        Transfer { id, debit: self.credit, credit: self.debit, ..*self }
    }
}

/// The answer to an instruction that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done now.
    Booked,
    /// Done before, with the same id and the same body; nothing happened now.
    AlreadyBooked,
}
codec_enum!(Outcome { 0 = Booked, 1 = AlreadyBooked });

/// What became of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferStatus {
    /// Carried out and final: a single-phase transfer, or the posting or voiding of a reservation.
    Booked,
    /// A reservation not yet resolved.
    Pending,
    /// A reservation that was posted.
    Posted,
    /// A reservation that was voided.
    Voided,
    /// A reservation whose time ran out.
    Expired,
}
codec_enum!(TransferStatus { 0 = Booked, 1 = Pending, 2 = Posted, 3 = Voided, 4 = Expired });

/// What a posting did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// A single-phase transfer.
    Booked,
    /// A reservation was made.
    Reserved,
    /// A reservation was posted; what exceeds the posted amount was released.
    Posted,
    /// A reservation was released on request.
    Voided,
    /// A reservation was released because its time ran out.
    Expired,
}
codec_enum!(Phase { 0 = Booked, 1 = Reserved, 2 = Posted, 3 = Voided, 4 = Expired });

/// One line of the books, as the ledger hands it out. The postings alone give every balance: booked sums grow
/// by `amount_minor` of `Booked` and `Posted`; reserved sums grow by `amount_minor` of `Reserved` and shrink by
/// `amount_minor + released_minor` of `Posted`, `Voided` and `Expired`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Id of the instruction; of the reservation when it expired, since nobody asked for that.
    pub id: TransferId,
    /// What happened.
    pub phase: Phase,
    /// The reservation that was resolved.
    pub pending: Option<TransferId>,
    /// The debited account.
    pub debit: AccountId,
    /// The credited account.
    pub credit: AccountId,
    /// Currency of both.
    pub currency: Currency,
    /// Minor units booked or reserved; zero when voided or expired.
    pub amount_minor: i64,
    /// Minor units of a reservation given back.
    pub released_minor: i64,
    /// The memo of the transfer or, for a resolved reservation, of the reservation.
    pub memo: Memo,
}

codec_struct!(Posting { id, phase, pending, debit, credit, currency, amount_minor, released_minor, memo });

/// The id of the `leg`-th transfer of a transaction of a source: the same three give the same id on every run,
/// so a repeated command cannot book twice. Never zero.
///
/// It is a hash: two honest transactions meet with probability 2^-128, and the ledger then refuses the second.
/// It is no defence against a client that searches for collisions of transaction numbers it chooses itself.
pub fn transfer_id(source: SourceId, transaction: u128, leg: u32) -> TransferId {
    let mut bytes = [0; 24];
    bytes[..16].copy_from_slice(&transaction.to_le_bytes());
    bytes[16..18].copy_from_slice(&source.0.to_le_bytes());
    bytes[20..].copy_from_slice(&leg.to_le_bytes());
    let mut hasher = StateHasher::default();
    hasher.update(&bytes);
    TransferId(u128::from_le_bytes(hasher.finish().0).max(1))
}

/// 64 bits that stand for the body of an instruction.
pub(crate) type BodyHash = u64;

pub(crate) fn body_of_transfer(transfer: &Transfer) -> BodyHash {
    let [accounts, amount, low, high, codes] = words_of_transfer(transfer);
    hash_of_words([1, accounts, amount, low, high, codes])
}

pub(crate) fn body_of_reservation(transfer: &Transfer, expires_ns: Option<i64>) -> BodyHash {
    let [accounts, amount, low, high, codes] = words_of_transfer(transfer);
    let [has_expiry, expiry] = words_of_option(expires_ns);
    hash_of_words([2, accounts, amount, low, high, codes, has_expiry, expiry])
}

pub(crate) fn body_of_posting(pending: TransferId, amount_minor: Option<i64>) -> BodyHash {
    let [has_amount, amount] = words_of_option(amount_minor);
    hash_of_words([3, pending.0 as u64, (pending.0 >> 64) as u64, has_amount, amount])
}

pub(crate) fn body_of_voiding(pending: TransferId) -> BodyHash {
    hash_of_words([4, pending.0 as u64, (pending.0 >> 64) as u64])
}

#[inline]
fn words_of_transfer(transfer: &Transfer) -> [u64; 5] {
    let Transfer { id: _, debit, credit, amount_minor, memo } = *transfer;
    let Memo { reference, reason, fund, jurisdiction, rules } = memo;
    [
        u64::from(debit.0) << 32 | u64::from(credit.0),
        amount_minor as u64,
        reference as u64,
        (reference >> 64) as u64,
        u64::from(reason) << 48 | u64::from(fund) << 32 | u64::from(jurisdiction) << 16 | u64::from(rules),
    ]
}

fn words_of_option(value: Option<i64>) -> [u64; 2] {
    [u64::from(value.is_some()), value.unwrap_or(0) as u64]
}

/// The length is a constant so that the loop is unrolled: this runs twice for every transfer.
#[inline]
fn hash_of_words<const N: usize>(words: [u64; N]) -> BodyHash {
    let mut hasher = IdHasher::default();
    for word in words {
        hasher.write_u64(word);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use oddsengine_types::codec::{decode_all, encode_to_vec};

    fn transfer() -> Transfer {
        let memo = Memo { reference: 1 << 80, reason: 2, fund: 3, jurisdiction: 4, rules: 5 };
        Transfer { id: TransferId(1), debit: AccountId(1), credit: AccountId(2), amount_minor: 3, memo }
    }

    #[test]
    fn every_field_but_the_id_is_body() {
        let original = transfer();
        let memo = original.memo;
        let others = [
            Transfer { debit: AccountId(2), ..original },
            Transfer { credit: AccountId(1), ..original },
            Transfer { amount_minor: 4, ..original },
            Transfer { memo: Memo { reference: 1, ..memo }, ..original },
            Transfer { memo: Memo { reason: 3, ..memo }, ..original },
            Transfer { memo: Memo { fund: 2, ..memo }, ..original },
            Transfer { memo: Memo { jurisdiction: 5, ..memo }, ..original },
            Transfer { memo: Memo { rules: 4, ..memo }, ..original },
            original.reversal(TransferId(1)),
        ];
        for other in &others {
            assert_ne!(body_of_transfer(other), body_of_transfer(&original), "{other:?}");
        }
        assert_eq!(
            body_of_transfer(&Transfer { id: TransferId(9), ..original }),
            body_of_transfer(&original)
        );
    }

    #[test]
    fn instructions_of_different_kind_differ() {
        let (transfer, id) = (transfer(), TransferId(1));
        let mut bodies = [
            body_of_transfer(&transfer),
            body_of_reservation(&transfer, None),
            body_of_reservation(&transfer, Some(0)),
            body_of_posting(id, None),
            body_of_posting(id, Some(0)),
            body_of_voiding(id),
        ];
        bodies.sort_unstable();
        assert!(bodies.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn ids_depend_on_all_three() {
        let id = transfer_id(SourceId(1), 2, 3);
        assert_eq!(id, transfer_id(SourceId(1), 2, 3));
        for other in
            [transfer_id(SourceId(2), 2, 3), transfer_id(SourceId(1), 3, 3), transfer_id(SourceId(1), 2, 2)]
        {
            assert_ne!(id, other);
        }
    }

    #[test]
    fn postings_survive_the_codec() {
        let posting = Posting {
            id: TransferId(1),
            phase: Phase::Posted,
            pending: Some(TransferId(2)),
            debit: AccountId(3),
            credit: AccountId(4),
            currency: Currency::EUR,
            amount_minor: 5,
            released_minor: 6,
            memo: transfer().memo,
        };
        assert_eq!(decode_all(&encode_to_vec(&posting)), Ok(posting));
        assert_eq!(decode_all(&encode_to_vec(&transfer())), Ok(transfer()));
    }
}
