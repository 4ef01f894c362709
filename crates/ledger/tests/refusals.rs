//! Every refusal has a case; a refusal changes nothing; repeats are answered and not booked.

use oddsengine_ledger::{
    AccountId, AccountKind, InstructionId, LINKED_COUNT_MAX, Ledger, Memo, Outcome, Phase, Posting, Transfer,
    TransferError, TransferStatus,
};
use oddsengine_types::{Currency, CustomerId, MONEY_MINOR_MAX};

const PSP: AccountId = AccountId(0);
const CASH: AccountId = AccountId(1);
const STAKES: AccountId = AccountId(2);
const RESULT: AccountId = AccountId(3);
const PSP_USD: AccountId = AccountId(4);
const NOWHERE: AccountId = AccountId(99);

/// Cash 1,000 by transfer 1; reservation 2 of 300 for stakes; reservation 3 of 100, voided by 4; reservation 5
/// of 100, posted with 60 by 6; reservation 7 of 50, expired.
fn ledger() -> Ledger {
    let mut ledger = Ledger::new();
    let customer = CustomerId(7);
    assert_eq!(ledger.account(AccountKind::Psp, Currency::EUR), Ok(PSP));
    assert_eq!(ledger.account(AccountKind::CustomerCash(customer), Currency::EUR), Ok(CASH));
    assert_eq!(ledger.account(AccountKind::CustomerOpenStakes(customer), Currency::EUR), Ok(STAKES));
    assert_eq!(ledger.account(AccountKind::BettingResult, Currency::EUR), Ok(RESULT));
    assert_eq!(ledger.account(AccountKind::Psp, Currency::parse("USD").unwrap()), Ok(PSP_USD));
    let booked = Ok(Outcome::Booked);
    assert_eq!(ledger.transfer(&transfer(1, PSP, CASH, 1_000)), booked);
    assert_eq!(ledger.reserve(&transfer(2, CASH, STAKES, 300), Some(50)), booked);
    assert_eq!(ledger.reserve(&transfer(3, CASH, STAKES, 100), None), booked);
    assert_eq!(ledger.void(InstructionId::single(4), InstructionId::single(3)), booked);
    assert_eq!(ledger.reserve(&transfer(5, CASH, STAKES, 100), Some(10)), booked);
    assert_eq!(ledger.post(InstructionId::single(6), InstructionId::single(5), Some(60)), booked);
    assert_eq!(ledger.reserve(&transfer(7, CASH, STAKES, 50), Some(20)), booked);
    assert_eq!(ledger.expire(20), 1);
    ledger
}

fn transfer(id: u128, debit: AccountId, credit: AccountId, amount_minor: i64) -> Transfer {
    Transfer { id: InstructionId::single(id), debit, credit, amount_minor, memo: Memo::default() }
}

type Instruction = Box<dyn Fn(&mut Ledger) -> Result<Outcome, TransferError>>;

fn single(id: u128, debit: AccountId, credit: AccountId, amount_minor: i64) -> Instruction {
    Box::new(move |ledger| ledger.transfer(&transfer(id, debit, credit, amount_minor)))
}

fn reserve(id: u128, debit: AccountId, credit: AccountId, amount_minor: i64) -> Instruction {
    Box::new(move |ledger| ledger.reserve(&transfer(id, debit, credit, amount_minor), Some(50)))
}

fn linked(transfers: Vec<Transfer>) -> Instruction {
    Box::new(move |ledger| ledger.linked(&transfers))
}

fn post(id: u128, pending: u128, amount_minor: Option<i64>) -> Instruction {
    Box::new(move |ledger| {
        ledger.post(InstructionId::single(id), InstructionId::single(pending), amount_minor)
    })
}

fn void(id: u128, pending: u128) -> Instruction {
    Box::new(move |ledger| ledger.void(InstructionId::single(id), InstructionId::single(pending)))
}

#[test]
fn every_refusal_has_a_case_and_changes_nothing() {
    use TransferError::*;
    let too_many = (0..=LINKED_COUNT_MAX as u128).map(|index| transfer(10 + index, PSP, CASH, 1)).collect();
    let first = transfer(1, PSP, CASH, 1_000);
    let cases = [
        (LinkedSetIsTooLong, linked(too_many)),
        (IdMustNotBeZero, single(0, NOWHERE, CASH, 0)),
        (IdMustNotBeZero, reserve(0, PSP, CASH, 1)),
        (IdMustNotBeZero, post(0, 2, None)),
        (IdMustNotBeZero, void(0, 2)),
        (IdHasAnotherBody, single(1, PSP, CASH, 1_001)),
        (IdHasAnotherBody, single(1, NOWHERE, CASH, 0)),
        (IdHasAnotherBody, reserve(1, PSP, CASH, 1_000)),
        (IdHasAnotherBody, post(2, 2, None)),
        (IdHasAnotherBody, post(6, 5, None)),
        (IdHasAnotherBody, post(4, 3, None)),
        (IdHasAnotherBody, void(6, 5)),
        (LinkedIdsMustDiffer, linked(vec![transfer(10, PSP, CASH, 1), transfer(10, PSP, CASH, 1)])),
        (LinkedIdsMustDiffer, linked(vec![first, first])),
        (LinkedSetIsPartlyBooked, linked(vec![first, transfer(10, PSP, CASH, 0)])),
        (LinkedSetIsPartlyBooked, linked(vec![transfer(10, PSP, CASH, 1), first])),
        (AmountMustBePositive, single(10, NOWHERE, CASH, 0)),
        (AmountMustBePositive, single(10, PSP, CASH, i64::MIN)),
        (AmountMustBePositive, reserve(10, PSP, CASH, -1)),
        (AmountMustBePositive, post(10, 99, Some(0))),
        (AccountNotFound, single(10, NOWHERE, NOWHERE, 1)),
        (AccountNotFound, single(10, CASH, NOWHERE, 1)),
        (AccountNotFound, reserve(10, NOWHERE, CASH, 1)),
        (AccountsMustDiffer, single(10, CASH, CASH, i64::MAX)),
        (CurrencyMismatch, single(10, PSP_USD, CASH, i64::MAX)),
        (CurrencyMismatch, single(10, CASH, PSP_USD, 1)),
        (PendingNotFound, post(10, 99, None)),
        (PendingNotFound, void(10, 99)),
        (PendingNotFound, void(10, 1)),
        (PendingNotFound, post(10, 6, None)),
        (PendingAlreadyResolved, post(10, 3, None)),
        (PendingAlreadyResolved, post(10, 5, Some(1_000))),
        (PendingAlreadyResolved, void(10, 5)),
        (PendingAlreadyResolved, void(10, 7)),
        (ExceedsPendingAmount, post(10, 2, Some(301))),
        (ExceedsPendingAmount, post(10, 2, Some(i64::MAX))),
        (AccountWouldOverflow, single(10, PSP, RESULT, i64::MAX)),
        (AccountWouldOverflow, single(10, PSP, RESULT, MONEY_MINOR_MAX - 999)),
        (AccountWouldOverflow, single(10, RESULT, CASH, MONEY_MINOR_MAX - 999)),
        (AccountWouldOverflow, single(10, CASH, RESULT, MONEY_MINOR_MAX)),
        (
            AccountWouldOverflow,
            linked(vec![transfer(10, RESULT, PSP, MONEY_MINOR_MAX), { transfer(11, RESULT, CASH, 1) }]),
        ),
        (ExceedsAvailableBalance, single(10, CASH, STAKES, 641)),
        (ExceedsAvailableBalance, single(10, STAKES, RESULT, 61)),
        (ExceedsAvailableBalance, reserve(10, CASH, STAKES, 641)),
        (ExceedsAvailableBalance, linked(vec![transfer(10, CASH, STAKES, 640), transfer(11, CASH, PSP, 1)])),
        (ExceedsAvailableBalance, linked(vec![transfer(10, CASH, STAKES, 641), transfer(11, PSP, CASH, 1)])),
    ];
    // A billion accounts do not fit in a test: `account.rs` has its own with a smaller bound.
    for &error in TransferError::ALL.iter().filter(|&&error| error != LedgerIsFull) {
        assert!(cases.iter().any(|&(expected, _)| expected == error), "{error:?} has no case");
    }
    let before = ledger();
    for (index, (expected, instruction)) in cases.iter().enumerate() {
        let mut after = before.clone();
        assert_eq!(instruction(&mut after), Err(*expected), "case {index}");
        assert_eq!(after, before, "case {index}: {expected:?}");
        assert_eq!(postings(&mut after), postings(&mut before.clone()), "case {index}: {expected:?}");
    }
}

#[test]
fn a_repeat_is_answered_and_not_booked() {
    let repeats = [
        single(1, PSP, CASH, 1_000),
        reserve(2, CASH, STAKES, 300),
        void(4, 3),
        post(6, 5, Some(60)),
        Box::new(|ledger| ledger.reserve(&transfer(5, CASH, STAKES, 100), Some(10))),
        linked(vec![transfer(1, PSP, CASH, 1_000)]),
    ];
    let before = ledger();
    for (index, repeat) in repeats.iter().enumerate() {
        let mut after = before.clone();
        // A repeat is answered even when it could no longer be booked.
        after.transfer(&transfer(20, CASH, RESULT, 640)).unwrap();
        let empty = after.clone();
        assert_eq!(repeat(&mut after), Ok(Outcome::AlreadyBooked), "repeat {index}");
        assert_eq!(after, empty, "repeat {index}");
        assert_eq!(postings(&mut after).len(), postings(&mut before.clone()).len() + 1, "repeat {index}");
    }
}

#[test]
fn an_id_tells_what_became_of_it() {
    use TransferStatus::*;
    let ledger = ledger();
    let expected = [Booked, Pending, Voided, Booked, Posted, Booked, Expired];
    for (index, status) in expected.into_iter().enumerate() {
        assert_eq!(ledger.status(InstructionId::single(index as u128 + 1)), Some(status));
    }
    assert_eq!(ledger.status(InstructionId::single(8)), None);
}

#[test]
fn a_refused_id_may_be_used_again() {
    let mut ledger = ledger();
    let bet = transfer(10, CASH, STAKES, 700);
    assert_eq!(ledger.transfer(&bet), Err(TransferError::ExceedsAvailableBalance));
    ledger.transfer(&transfer(11, PSP, CASH, 60)).unwrap();
    assert_eq!(ledger.transfer(&bet), Ok(Outcome::Booked));
}

#[test]
fn linked_transfers_use_what_those_before_them_bring() {
    let mut ledger = ledger();
    let set = [transfer(10, RESULT, CASH, 400), transfer(11, CASH, STAKES, 1_040)];
    assert_eq!(ledger.linked(&set), Ok(Outcome::Booked));
    assert_eq!(ledger.linked(&set), Ok(Outcome::AlreadyBooked));
    assert_eq!(ledger.balance(CASH).available_minor, 0);
    assert_eq!(ledger.linked(&[]), Ok(Outcome::Booked));
    assert_eq!(ledger.check_invariants(), Ok(()));
}

#[test]
fn a_reservation_can_always_be_posted() {
    let mut ledger = ledger();
    ledger.transfer(&transfer(10, CASH, RESULT, 640)).unwrap();
    // The cash account has 300 left, all of it reserved; the credit side has room up to the last unit.
    let room_minor = MONEY_MINOR_MAX - 360;
    ledger.transfer(&transfer(11, RESULT, STAKES, room_minor)).unwrap();
    assert_eq!(ledger.transfer(&transfer(12, RESULT, STAKES, 1)), Err(TransferError::AccountWouldOverflow));
    assert_eq!(ledger.post(InstructionId::single(13), InstructionId::single(2), None), Ok(Outcome::Booked));
    assert_eq!(ledger.balance(STAKES).posted_minor, MONEY_MINOR_MAX);
    assert_eq!(ledger.balance(CASH).posted_minor, 0);
    assert_eq!(ledger.check_invariants(), Ok(()));
}

#[test]
fn expiry_goes_by_time_then_id() {
    let mut ledger = ledger();
    for (id, expires_ns) in [(12, 40), (11, 40), (13, 30), (14, 41)] {
        ledger.reserve(&transfer(id, CASH, STAKES, 10), Some(expires_ns)).unwrap();
    }
    postings(&mut ledger);
    assert_eq!(ledger.next_expiry_ns(), Some(30));
    assert_eq!(ledger.expire(29), 0);
    assert_eq!(ledger.expire(40), 3);
    let order: Vec<u128> = postings(&mut ledger).iter().map(|posting| posting.id.transaction()).collect();
    assert_eq!(order, [13, 11, 12]);
    assert_eq!(ledger.next_expiry_ns(), Some(41));
    // A reservation that was posted does not expire.
    ledger.post(InstructionId::single(20), InstructionId::single(14), None).unwrap();
    assert_eq!(ledger.next_expiry_ns(), Some(50));
}

#[test]
fn postings_tell_what_happened() {
    let mut ledger = ledger();
    let told: Vec<_> = postings(&mut ledger)
        .iter()
        .map(|posting| {
            (
                posting.id.transaction(),
                posting.phase,
                posting.pending,
                posting.amount_minor,
                posting.released_minor,
            )
        })
        .collect();
    let reservation = |id| Some(InstructionId::single(id));
    let expected = [
        (1, Phase::Booked, None, 1_000, 0),
        (2, Phase::Reserved, None, 300, 0),
        (3, Phase::Reserved, None, 100, 0),
        (4, Phase::Voided, reservation(3), 0, 100),
        (5, Phase::Reserved, None, 100, 0),
        (6, Phase::Posted, reservation(5), 60, 40),
        (7, Phase::Reserved, None, 50, 0),
        (7, Phase::Expired, reservation(7), 0, 50),
    ];
    assert_eq!(told, expected);
    assert!(postings(&mut ledger).is_empty());
}

#[test]
fn a_reversal_restores_the_balances() {
    let mut ledger = ledger();
    let before = ledger.balance(CASH);
    let bet = transfer(10, CASH, STAKES, 500);
    ledger.transfer(&bet).unwrap();
    ledger.transfer(&bet.reversal(InstructionId::single(11))).unwrap();
    assert_eq!(ledger.balance(CASH), before);
}

#[test]
fn an_account_that_is_not_there_holds_nothing() {
    let ledger = ledger();
    let stranger = AccountKind::CustomerCash(CustomerId(8));
    assert_eq!(ledger.find(stranger, Currency::EUR), None);
    assert_eq!(ledger.balance_of(stranger, Currency::EUR).available_minor, 0);
    assert_eq!(
        ledger.balance_of(AccountKind::CustomerCash(CustomerId(7)), Currency::EUR).available_minor,
        640
    );
    assert_eq!(ledger.accounts().len(), 5);
}

fn postings(ledger: &mut Ledger) -> Vec<Posting> {
    let mut out = Vec::new();
    ledger.drain_postings(&mut out);
    out
}
