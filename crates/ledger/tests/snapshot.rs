//! Snapshots: a round trip is the identity, and bytes that are not a whole ledger are refused.

use oddsengine_ledger::{AccountKind, InstructionId, Ledger, Memo, Transfer};
use oddsengine_types::codec::{decode_all, encode_to_vec};
use oddsengine_types::{Currency, CustomerId};

fn ledger() -> Ledger {
    let mut ledger = Ledger::new();
    let debit = ledger.account(AccountKind::Psp, Currency::EUR).unwrap();
    let credit = ledger.account(AccountKind::CustomerCash(CustomerId(1)), Currency::EUR).unwrap();
    let memo = Memo { reference: 5, reason: 6, fund: 7, jurisdiction: 8, rules: 9 };
    let deposit = Transfer { id: InstructionId::single(1), debit, credit, amount_minor: 100, memo };
    ledger.transfer(&deposit).unwrap();
    for (id, expires_ns) in [(9, Some(70)), (3, None), (5, Some(60))] {
        let hold = Transfer { amount_minor: 10, ..deposit.reversal(InstructionId::single(id)) };
        ledger.reserve(&hold, expires_ns).unwrap();
    }
    ledger.void(InstructionId::single(4), InstructionId::single(3)).unwrap();
    ledger
}

#[test]
fn a_round_trip_is_the_identity() {
    let original = ledger();
    let bytes = encode_to_vec(&original);
    let mut copy: Ledger = decode_all(&bytes).unwrap();
    assert_eq!(copy, original);
    assert_eq!(encode_to_vec(&copy), bytes);
    // The copy goes on like the original; its postings start from nothing.
    let mut postings = Vec::new();
    assert_eq!(copy.next_expiry_ns(), Some(60));
    assert_eq!(copy.expire(70), 2);
    copy.drain_postings(&mut postings);
    assert_eq!(postings.iter().map(|posting| posting.id.transaction()).collect::<Vec<_>>(), [5, 9]);
    assert_eq!(decode_all::<Ledger>(&encode_to_vec(&Ledger::new())), Ok(Ledger::new()));
}

#[test]
fn drained_or_not_the_state_is_the_same() {
    let (mut drained, undrained) = (ledger(), ledger());
    drained.drain_postings(&mut Vec::new());
    assert_eq!(drained, undrained);
    assert_eq!(encode_to_vec(&drained), encode_to_vec(&undrained));
}

#[test]
fn truncated_bytes_are_refused() {
    let bytes = encode_to_vec(&ledger());
    for length in 0..bytes.len() {
        assert!(decode_all::<Ledger>(&bytes[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn flipped_bits_never_give_a_broken_ledger() {
    let original = ledger();
    let bytes = encode_to_vec(&original);
    let mut refused_count = 0;
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        match decode_all::<Ledger>(&flipped) {
            // Memos, expiries and body hashes have no invariant; the journal's checksums guard those.
            Ok(read) => {
                assert_eq!(read.check_invariants(), Ok(()), "bit {bit}");
                assert_eq!(encode_to_vec(&read), flipped, "bit {bit}");
            }
            Err(_) => refused_count += 1,
        }
    }
    assert!(refused_count > bytes.len() * 8 / 4, "{refused_count} of {} bits", bytes.len() * 8);
}
