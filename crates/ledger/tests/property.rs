//! Random instructions: the ledger and the naive ledger agree in every answer and every sum.

mod naive;

use naive::{Instruction, NaiveLedger, Sums};
use oddsengine_ledger::{
    AccountId, AccountKind, InstructionId, Ledger, Memo, Outcome, Phase, Posting, Transfer, TransferError,
};
use oddsengine_types::codec::{decode_all, encode_to_vec};
use oddsengine_types::{Currency, CustomerId, MONEY_MINOR_MAX};

const RUNS: u64 = 500;
const STEPS: usize = 200;

#[test]
fn agrees_with_the_naive_ledger_in_a_hundred_thousand_operations() {
    let mut answers = Vec::new();
    for seed in 0..RUNS {
        run(seed, &mut answers);
    }
    assert_eq!(answers.len(), RUNS as usize * STEPS);
    // The generator reaches every answer, else agreement says little.
    let count = |answer: &Answer| answers.iter().filter(|other| *other == answer).count();
    for answer in [Ok(Outcome::Booked), Ok(Outcome::AlreadyBooked)] {
        assert!(count(&answer) > RUNS as usize * STEPS / 25, "{answer:?} is rare");
    }
    for &error in TransferError::ALL
        .iter()
        .filter(|&&error| ![TransferError::LinkedSetIsTooLong, TransferError::LedgerIsFull].contains(&error))
    {
        assert!(count(&Err(error)) > 50, "{error:?} came {} times", count(&Err(error)));
    }
}

type Answer = Result<Outcome, TransferError>;

fn run(seed: u64, answers: &mut Vec<Answer>) {
    let mut random = Lcg(seed);
    let (mut ledger, mut naive) = (Ledger::new(), NaiveLedger::default());
    let usd = Currency::parse("USD").unwrap();
    for currency in [Currency::EUR, usd] {
        for kind in [
            AccountKind::CustomerCash(CustomerId(1)),
            AccountKind::CustomerOpenStakes(CustomerId(1)),
            AccountKind::Psp,
            AccountKind::BettingResult,
        ] {
            ledger.account(kind, currency).unwrap();
            naive.accounts.push((kind, currency));
        }
    }
    let mut history: Vec<Instruction> = Vec::new();
    let (mut postings, mut now_ns) = (Vec::new(), 0);
    for step in 0..STEPS {
        let instruction = match random.below(5) {
            0 if !history.is_empty() => history[random.below(history.len() as u64) as usize].clone(),
            _ => random_instruction(&mut random, &history, &mut now_ns, seed.is_multiple_of(4)),
        };
        let answer = apply(&mut ledger, &instruction);
        let expected = naive
            .apply(&instruction)
            .map(|is_repeat| if is_repeat { Outcome::AlreadyBooked } else { Outcome::Booked });
        assert_eq!(answer, expected, "seed {seed} step {step}: {instruction:?}");
        assert_eq!(sums(&ledger), naive.sums(), "seed {seed} step {step}: {instruction:?}");
        assert_eq!(ledger.check_invariants(), Ok(()), "seed {seed} step {step}");
        ledger.drain_postings(&mut postings);
        history.push(instruction);
        answers.push(answer);
        if random.below(20) == 0 {
            ledger = reread(&ledger);
        }
    }
    assert_eq!(sums_of_postings(&postings, naive.accounts.len()), naive.sums(), "seed {seed}");
    // The same instructions again give the same bytes, whether or not the ledger was ever read back.
    let mut again = Ledger::new();
    for &(kind, currency) in &naive.accounts {
        again.account(kind, currency).unwrap();
    }
    for (instruction, answer) in history.iter().zip(&answers[answers.len() - STEPS..]) {
        assert_eq!(apply(&mut again, instruction), *answer, "seed {seed}");
    }
    assert_eq!(again, ledger, "seed {seed}");
    assert_eq!(encode_to_vec(&again), encode_to_vec(&ledger), "seed {seed}");
}

fn apply(ledger: &mut Ledger, instruction: &Instruction) -> Answer {
    match instruction {
        Instruction::Transfer(transfer) => ledger.transfer(transfer),
        Instruction::Linked(set) => ledger.linked(set),
        Instruction::Reserve(transfer, expires_ns) => ledger.reserve(transfer, *expires_ns),
        Instruction::Post(id, pending, amount_minor) => ledger.post(*id, *pending, *amount_minor),
        Instruction::Void(id, pending) => ledger.void(*id, *pending),
        Instruction::Expire(now_ns) => {
            ledger.expire(*now_ns);
            assert!(ledger.next_expiry_ns().is_none_or(|expires_ns| expires_ns > *now_ns));
            Ok(Outcome::Booked)
        }
    }
}

/// Few ids, and often those of the past, so that repeats, conflicts and unresolved reservations are met.
fn random_instruction(
    random: &mut Lcg,
    history: &[Instruction],
    now_ns: &mut i64,
    is_large: bool,
) -> Instruction {
    match random.below(16) {
        0..5 => Instruction::Transfer(random_transfer(random, is_large)),
        5..8 => Instruction::Linked(random_set(random, history, is_large)),
        8..11 => {
            let expires_ns = (random.below(2) == 0).then(|| *now_ns + random.below(100) as i64);
            Instruction::Reserve(random_transfer(random, is_large), expires_ns)
        }
        11..13 => {
            let amount_minor = (random.below(2) == 0).then(|| random.below(120) as i64);
            Instruction::Post(random_id(random), random_pending(random, history), amount_minor)
        }
        13..15 => Instruction::Void(random_id(random), random_pending(random, history)),
        _ => {
            *now_ns += random.below(60) as i64;
            Instruction::Expire(*now_ns)
        }
    }
}

fn random_id(random: &mut Lcg) -> InstructionId {
    InstructionId::single(u128::from(random.below(400)))
}

fn random_pending(random: &mut Lcg, history: &[Instruction]) -> InstructionId {
    let id_of_reservation = |instruction: &Instruction| match instruction {
        Instruction::Reserve(transfer, _) => Some(transfer.id),
        _ => None,
    };
    let mut latest = history.iter().rev().filter_map(id_of_reservation);
    let chosen = latest.nth(random.below(4) as usize);
    chosen.filter(|_| random.below(5) > 0).unwrap_or_else(|| random_id(random))
}

fn random_set(random: &mut Lcg, history: &[Instruction], is_large: bool) -> Vec<Transfer> {
    let count = random.below(5);
    let mut set: Vec<Transfer> = (0..count).map(|_| random_transfer(random, is_large)).collect();
    // Sometimes with a transfer that may be booked already.
    let old = history.iter().rev().nth(random.below(20) as usize);
    if let (Some(Instruction::Transfer(transfer)), 0) = (old, random.below(4)) {
        set.push(*transfer);
    }
    set
}

fn random_transfer(random: &mut Lcg, is_large: bool) -> Transfer {
    // Two accounts of one currency, most of the time.
    let side = 4 * random.below(2);
    let (debit, distance) = (random.below(4), 1 + random.below(3));
    let credit = (debit + distance) % 4;
    let account = |random: &mut Lcg, index: u64| match random.below(20) {
        0 => AccountId(random.below(9) as u32),
        _ => AccountId((side + index) as u32),
    };
    let amount_minor = match random.below(20) {
        0 => -(random.below(2) as i64),
        1..4 if is_large => MONEY_MINOR_MAX / (1 + random.below(4) as i64),
        _ => 1 + random.below(100) as i64,
    };
    Transfer {
        id: random_id(random),
        debit: account(random, debit),
        credit: account(random, credit),
        amount_minor,
        memo: Memo { reason: random.below(2) as u16, ..Memo::default() },
    }
}

fn sums(ledger: &Ledger) -> Vec<Sums> {
    let sums_of = |account: &oddsengine_ledger::Account| {
        [
            account.debit_posted_minor,
            account.credit_posted_minor,
            account.debit_pending_minor,
            account.credit_pending_minor,
        ]
        .map(i128::from)
    };
    ledger.accounts().iter().map(sums_of).collect()
}

/// What a projection of the postings would show.
fn sums_of_postings(postings: &[Posting], account_count: usize) -> Vec<Sums> {
    let mut sums = vec![[0_i128; 4]; account_count];
    for posting in postings {
        let (amount, released) = (i128::from(posting.amount_minor), i128::from(posting.released_minor));
        let (posted, pending) = match posting.phase {
            Phase::Booked => (amount, 0),
            Phase::Reserved => (0, amount),
            Phase::Posted => (amount, -amount - released),
            Phase::Voided | Phase::Expired => (0, -released),
        };
        for (account, offset) in [(posting.debit, 0), (posting.credit, 1)] {
            sums[account.0 as usize][offset] += posted;
            sums[account.0 as usize][offset + 2] += pending;
        }
    }
    sums
}

fn reread(ledger: &Ledger) -> Ledger {
    let bytes = encode_to_vec(ledger);
    let copy: Ledger = decode_all(&bytes).unwrap();
    assert_eq!(&copy, ledger);
    assert_eq!(encode_to_vec(&copy), bytes);
    assert_eq!(copy.next_expiry_ns(), ledger.next_expiry_ns());
    copy
}

/// Knuth's MMIX generator; the high bits are the good ones.
struct Lcg(u64);

impl Lcg {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}
