//! Transfers, their answers and the postings they leave.

use std::fmt;
use std::hash::{Hash, Hasher};

use oddsengine_types::hash::hash_of_words;
use oddsengine_types::{Currency, SourceId, codec_enum, codec_struct};

use crate::account::AccountId;

/// The id of an instruction: which one of which transaction of which source. Composed, not hashed, so that no choice of
/// transaction numbers makes two instructions meet, and the same three give the same id on every run: a repeated command
/// cannot book twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct InstructionId {
    // Two halves, because a `u128` would align a record of every id to 16 bytes.
    high: u64,
    low: u64,
    number: u32,
    source: SourceId,
}
codec_struct!(InstructionId { high, low, number, source });

impl InstructionId {
    /// The `number`-th instruction of a transaction of a source.
    #[inline]
    pub const fn new(source: SourceId, transaction: u128, number: u32) -> Self {
        Self { high: (transaction >> 64) as u64, low: transaction as u64, number, source }
    }

    /// The only instruction of a transaction, where there is one source.
    pub const fn single(transaction: u128) -> Self {
        Self::new(SourceId(0), transaction, 0)
    }

    /// The transaction it belongs to.
    pub const fn transaction(self) -> u128 {
        (self.high as u128) << 64 | self.low as u128
    }

    /// All three are zero: an id that nobody has set.
    #[inline]
    pub(crate) fn is_unset(self) -> bool {
        self == Self::single(0)
    }

    /// The words of a hash.
    #[inline]
    pub(crate) fn words(self) -> [u64; 3] {
        [self.low, self.high, u64::from(self.source.0) << 32 | u64::from(self.number)]
    }
}

impl Hash for InstructionId {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.words().into_iter().for_each(|word| state.write_u64(word));
    }
}

impl fmt::Display for InstructionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:032x}/{}", self.source, self.transaction(), self.number)
    }
}

impl fmt::Debug for InstructionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A movement of money: debits one account and credits another of the same currency. Immutable; a correction
/// is another transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Unique over all instructions of a ledger.
    pub id: InstructionId,
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
    pub fn reversal(&self, id: InstructionId) -> Transfer {
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
    pub id: InstructionId,
    /// What happened.
    pub phase: Phase,
    /// The reservation that was resolved.
    pub pending: Option<InstructionId>,
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

pub(crate) fn body_of_posting(pending: InstructionId, amount_minor: Option<i64>) -> BodyHash {
    let [has_amount, amount] = words_of_option(amount_minor);
    let [low, high, rest] = pending.words();
    hash_of_words([3, low, high, rest, has_amount, amount])
}

pub(crate) fn body_of_voiding(pending: InstructionId) -> BodyHash {
    let [low, high, rest] = pending.words();
    hash_of_words([4, low, high, rest])
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

#[cfg(test)]
mod tests {
    use super::*;
    use oddsengine_types::codec::{decode_all, encode_to_vec};

    fn transfer() -> Transfer {
        let memo = Memo { reference: 1 << 80, reason: 2, fund: 3, jurisdiction: 4, rules: 5 };
        Transfer {
            id: InstructionId::single(1),
            debit: AccountId(1),
            credit: AccountId(2),
            amount_minor: 3,
            memo,
        }
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
            original.reversal(InstructionId::single(1)),
        ];
        for other in &others {
            assert_ne!(body_of_transfer(other), body_of_transfer(&original), "{other:?}");
        }
        assert_eq!(
            body_of_transfer(&Transfer { id: InstructionId::single(9), ..original }),
            body_of_transfer(&original)
        );
    }

    #[test]
    fn instructions_of_different_kind_differ() {
        let (transfer, id) = (transfer(), InstructionId::single(1));
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

    // Ids were hashes of these three, and hashes of ids that a client chooses can be made to meet: a ticket's settlement
    // was refused as another's, and the engine stopped for good.
    #[test]
    fn ids_are_the_three_and_nothing_else() {
        let id = InstructionId::new(SourceId(1), 2 << 64 | 3, 4);
        assert_eq!(id, InstructionId::new(SourceId(1), 2 << 64 | 3, 4));
        assert_eq!(id.transaction(), 2 << 64 | 3);
        for other in [
            InstructionId::new(SourceId(2), 2 << 64 | 3, 4),
            InstructionId::new(SourceId(1), 3 << 64 | 2, 4),
            InstructionId::new(SourceId(1), 2 << 64 | 3, 5),
        ] {
            assert_ne!(id, other);
        }
        assert_eq!(decode_all(&encode_to_vec(&id)), Ok(id));
        assert_eq!(id.to_string(), "1/00000000000000020000000000000003/4");
        assert!(InstructionId::single(0).is_unset() && !InstructionId::new(SourceId(1), 0, 0).is_unset());
    }

    #[test]
    fn postings_survive_the_codec() {
        let posting = Posting {
            id: InstructionId::single(1),
            phase: Phase::Posted,
            pending: Some(InstructionId::single(2)),
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
