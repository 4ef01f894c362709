//! A list of postings, and every balance recomputed from it; payouts with numbers as long as they need to be.

use std::collections::BTreeMap;

use oddsengine_types::{Currency, CustomerId, Grade, MONEY_MINOR_MAX};

/// An account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Account {
    /// What a customer may bet or withdraw.
    Cash(CustomerId),
    /// Stakes of a customer's open tickets.
    OpenStakes(CustomerId),
    /// What a customer owes.
    Receivable(CustomerId),
    /// Money at payment providers.
    Provider,
    /// Stakes kept less returns paid.
    Result,
    /// What the house gives without owing it.
    Goodwill,
}

/// Money that moved, or is reserved to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Where it leaves.
    pub from: Account,
    /// Where it goes.
    pub to: Account,
    /// Minor units.
    pub amount_minor: i64,
    /// Of this currency.
    pub currency: Currency,
    /// Reserved only: it has not moved yet.
    pub is_reserved: bool,
}

/// What an account holds: what came less what went, and what is reserved to come and to go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// What came less what went.
    pub minor: i64,
    /// Reserved to come.
    pub coming_minor: i64,
    /// Reserved to go.
    pub going_minor: i64,
}

/// Every account that money ever touched.
pub fn holdings(postings: &[Posting]) -> BTreeMap<(Account, Currency), Holding> {
    let mut holdings: BTreeMap<(Account, Currency), Holding> = BTreeMap::new();
    for posting in postings {
        let from = holdings.entry((posting.from, posting.currency)).or_default();
        *(if posting.is_reserved { &mut from.going_minor } else { &mut from.minor }) +=
            if posting.is_reserved { posting.amount_minor } else { -posting.amount_minor };
        let to = holdings.entry((posting.to, posting.currency)).or_default();
        *(if posting.is_reserved { &mut to.coming_minor } else { &mut to.minor }) += posting.amount_minor;
    }
    holdings
}

/// What one account holds and nobody has reserved.
pub fn available_minor(postings: &[Posting], account: Account, currency: Currency) -> i64 {
    let of_currency = postings.iter().filter(|posting| posting.currency == currency);
    of_currency
        .map(|posting| {
            let came = if posting.to == account && !posting.is_reserved { posting.amount_minor } else { 0 };
            let went = if posting.from == account { posting.amount_minor } else { 0 };
            came - went
        })
        .sum()
}

/// The largest whole amount that is not above `stake x product of returns`.
pub fn payout_minor(stake_minor: i64, legs: &[(u32, Grade)]) -> i64 {
    let mut numerator = Number::from(stake_minor);
    let mut denominator = Number::from(1);
    for &(odds_e4, grade) in legs {
        let (win, refund, of) = grade.parts();
        numerator = numerator.times(i64::from(win) * i64::from(odds_e4) + i64::from(refund) * 10_000);
        denominator = denominator.times(i64::from(of) * 10_000);
    }
    quotient(&numerator, &denominator)
}

/// The largest whole amount that is not above a fraction.
pub(super) fn quotient(numerator: &Number, denominator: &Number) -> i64 {
    let pays = |amount_minor: i64| denominator.times(amount_minor) <= *numerator;
    if pays(MONEY_MINOR_MAX) {
        return MONEY_MINOR_MAX;
    }
    let (mut low, mut high) = (0, MONEY_MINOR_MAX);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        *(if pays(middle) { &mut low } else { &mut high }) = middle;
    }
    low
}

/// A whole number of any length: digits of nine decimals, the most significant first, none leading zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Number(Vec<u32>);

const DIGIT: u128 = 1_000_000_000;

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self(vec![1]).times(value)
    }
}

impl Number {
    pub(super) fn plus(&self, other: &Self) -> Self {
        let (mut digits, mut carry) = (Vec::new(), 0);
        let digit_of = |number: &Self, place: usize| number.0.iter().rev().nth(place).copied().unwrap_or(0);
        for place in 0..self.0.len().max(other.0.len()) {
            let sum = u128::from(digit_of(self, place)) + u128::from(digit_of(other, place)) + carry;
            digits.push((sum % DIGIT) as u32);
            carry = sum / DIGIT;
        }
        if carry > 0 {
            digits.push(carry as u32);
        }
        digits.reverse();
        Self(digits)
    }

    pub(super) fn times(&self, factor: i64) -> Self {
        let factor = u128::try_from(factor).expect("money and odds are not negative");
        let (mut digits, mut carry) = (Vec::new(), 0);
        for &digit in self.0.iter().rev() {
            let product = u128::from(digit) * factor + carry;
            digits.push((product % DIGIT) as u32);
            carry = product / DIGIT;
        }
        while carry > 0 {
            digits.push((carry % DIGIT) as u32);
            carry /= DIGIT;
        }
        while digits.last() == Some(&0) {
            digits.pop();
        }
        digits.reverse();
        Self(digits)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        // More digits are more; equally many compare from the first.
        Some(self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payouts_by_hand() {
        assert_eq!(payout_minor(1_000, &[(19_300, Grade::HALF_WON)]), 1_465);
        assert_eq!(payout_minor(333, &[(15_550, Grade::WON)]), 517);
        assert_eq!(payout_minor(1_000, &[(25_000, Grade::WON), (18_000, Grade::LOST)]), 0);
        assert_eq!(payout_minor(0, &[(25_000, Grade::WON)]), 0);
        assert_eq!(payout_minor(10_000_000_000, &[(10_000_000, Grade::WON); 20]), MONEY_MINOR_MAX);
    }

    #[test]
    fn both_payouts_agree() {
        let mut state = 7_u64;
        let mut next = |bound: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % bound
        };
        for _ in 0..5_000 {
            let stake_minor = next(2_000_000) as i64;
            let legs: Vec<(u32, Grade)> = (0..1 + next(6))
                .map(|_| (10_010 + next(90_000) as u32, crate::outcomes::GRADES[1 + next(4) as usize]))
                .collect();
            let expected = oddsengine_types::payout_minor(stake_minor, &legs);
            assert_eq!(payout_minor(stake_minor, &legs), expected, "{stake_minor} {legs:?}");
        }
    }
}
