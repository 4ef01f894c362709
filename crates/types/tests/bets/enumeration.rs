//! A second implementation: every line by itself, multiplied out in schoolbook numbers that share nothing with the crate.

use std::cmp::Ordering;

use oddsengine_types::bets::{
    Base, Bet, Bonus, BonusRule, Effect, LegReturn, Parts, Price, Rounding, Share, payout_exact,
    payout_minor, riding_minor,
};
use oddsengine_types::{Grade, MONEY_MINOR_MAX};

/// Digits in base 10^9, least first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Big(Vec<u64>);

const BASE: u64 = 1_000_000_000;

impl Big {
    pub fn new(mut value: u128) -> Self {
        let mut digits = vec![];
        while value > 0 {
            digits.push((value % u128::from(BASE)) as u64);
            value /= u128::from(BASE);
        }
        Self(digits)
    }

    pub fn add(&self, other: &Self) -> Self {
        let mut digits = vec![];
        let mut carry = 0;
        for place in 0..self.0.len().max(other.0.len()) + 1 {
            let digit = |big: &Self| big.0.get(place).copied().unwrap_or(0);
            let sum = digit(self) + digit(other) + carry;
            digits.push(sum % BASE);
            carry = sum / BASE;
        }
        Self(digits).trimmed()
    }

    pub fn mul(&self, other: &Self) -> Self {
        let mut digits = vec![0; self.0.len() + other.0.len() + 1];
        for (i, a) in self.0.iter().enumerate() {
            let mut carry = 0;
            for j in 0..=other.0.len() {
                let product = a * other.0.get(j).copied().unwrap_or(0) + digits[i + j] + carry;
                digits[i + j] = product % BASE;
                carry = product / BASE;
            }
        }
        Self(digits).trimmed()
    }

    pub fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }

    fn trimmed(mut self) -> Self {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
        self
    }
}

/// A fraction, never shortened.
#[derive(Clone)]
pub struct Exact(pub Big, pub Big);

impl Exact {
    pub fn of(above: u64, below: u64) -> Self {
        Self(Big::new(above.into()), Big::new(below.into()))
    }

    pub fn add(&self, other: &Self) -> Self {
        if self.1 == other.1 {
            return Self(self.0.add(&other.0), self.1.clone());
        }
        Self(self.0.mul(&other.1).add(&other.0.mul(&self.1)), self.1.mul(&other.1))
    }

    pub fn mul(&self, other: &Self) -> Self {
        Self(self.0.mul(&other.0), self.1.mul(&other.1))
    }

    /// Whether it is `whole` when rounded down; above the largest amount it is that amount.
    pub fn floors_to(&self, whole: i64) -> bool {
        let at = |whole: u128| Big::new(whole).mul(&self.1).cmp(&self.0);
        at(whole as u128).is_le() && (whole == MONEY_MINOR_MAX || at(whole as u128 + 1).is_gt())
    }
}

/// The fraction of a part of a leg: 0 win, 1 place, 2 the half of both.
fn share(leg: LegReturn, part: usize) -> Exact {
    let (win, place, of) = leg.parts();
    match part {
        0 => Exact::of(win, of),
        1 => Exact::of(place, of),
        _ => Exact::of(win + place, 2 * of),
    }
}

/// Every line of a bet as its legs, bankers among them.
pub fn lines(bet: &Bet) -> Vec<Vec<usize>> {
    let of = |mask: u64| (0..63).filter(|leg| mask >> leg & 1 == 1).collect::<Vec<usize>>();
    let (legs, bankers) = (of(bet.legs), of(bet.bankers));
    let choices = (0..1_u64 << legs.len()).filter(|choice| bet.sizes >> choice.count_ones() & 1 == 1);
    let chosen = |choice: u64| legs.iter().enumerate().filter(move |(at, _)| choice >> at & 1 == 1);
    choices.map(|choice| chosen(choice).map(|(_, &leg)| leg).chain(bankers.clone()).collect()).collect()
}

/// What a bet returns, line by line.
pub fn enumerated(bet: &Bet, returns: &[LegReturn]) -> Exact {
    let (parts, times): (&[usize], u64) = match bet.parts {
        Parts::Win => (&[0], 1),
        Parts::Place => (&[1], 1),
        Parts::EachWay => (&[0, 1], 1),
        Parts::EquallyDivided => (&[2], 2),
    };
    // On one denominator for all lines, so that the sum does not grow with their number.
    let below = |part: usize| returns.iter().fold(Exact::of(1, 1), |d, leg| d.mul(&share(*leg, part))).1;
    let mut sum = Exact::of(0, 1);
    for &part in parts {
        let mut above = Big::new(0);
        for line in lines(bet) {
            let mut product = Big::new(times.into());
            for (place, leg) in returns.iter().enumerate() {
                let share = share(*leg, part);
                product = product.mul(if line.contains(&place) { &share.0 } else { &share.1 });
            }
            above = above.add(&product);
        }
        sum = sum.add(&Exact(above, below(part)));
    }
    sum.mul(&Exact::of(bet.stake_minor as u64, bet.stake_of.into()))
}

pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

pub fn random_return(random: &mut Random) -> LegReturn {
    let odds = match random.below(4) {
        0 => random.pick(&[10_010, 10_000_000, 9_999_999]),
        1 => 10_010 + random.below(990_000) as u32,
        _ => 10_100 + 100 * random.below(900) as u32,
    };
    let grades = [
        Grade::WON,
        Grade::WON,
        Grade::LOST,
        Grade::VOID,
        Grade::HALF_WON,
        Grade::HALF_LOST,
        Grade::new(2, 0, 3).unwrap(),
        Grade::new(1, 5, 7).unwrap(),
    ];
    let grade = random.pick(&grades);
    if random.below(2) == 0 {
        return LegReturn::graded(odds, grade);
    }
    let price = if random.below(3) == 0 { Price::new(130, 30).unwrap() } else { Price::from_e4(odds) };
    let fraction = Share::new(1, random.pick(&[1, 4, 5, 6])).unwrap();
    let leg = LegReturn::each_way((price, grade), (price.placed(fraction), random.pick(&grades))).unwrap();
    match random.below(3) {
        0 => leg.less(Share::percent(35).unwrap(), Share::percent(25).unwrap()).unwrap(),
        1 => leg.less_of_return(Share::percent(69).unwrap(), Share::percent(29).unwrap()).unwrap(),
        _ => leg,
    }
}

pub fn random_bet(random: &mut Random, legs: usize) -> Bet {
    let all = (1_u64 << legs) - 1;
    loop {
        let bankers =
            if random.below(3) == 0 { random.below(1 << legs) & random.below(1 << legs) } else { 0 };
        let chosen = random.below(1 << legs) & all & !bankers;
        let sizes = random.below(2 << chosen.count_ones());
        let bet = Bet {
            legs: chosen,
            bankers,
            sizes,
            stake_minor: random.pick(&[1, 7, 100, 1_234, 10_000_000]),
            stake_of: 1,
            parts: random.pick(&Parts::ALL),
            bonus: 0,
        };
        if bet.check(legs).is_ok() {
            return if random.below(4) == 0 {
                bet.flexi(1 + random.below(5_000) as i64).unwrap()
            } else {
                bet
            };
        }
    }
}

// Payouts are sums by symmetric polynomials with four ways to each; a wrong coefficient pays wrong money. 3,000 random tickets of up to
// nine legs and four bets against every line by itself: win, place, each-way both ways, bankers, flexi, deductions, dead heats.
#[test]
fn payouts_are_the_sum_of_all_lines() {
    let mut random = Random::new(0x9E37_79B9_7F4A_7C15);
    for _ in 0..3_000 {
        let legs = 1 + random.below(9) as usize;
        let returns: Vec<LegReturn> = (0..legs).map(|_| random_return(&mut random)).collect();
        let bets: Vec<Bet> = (0..1 + random.below(4)).map(|_| random_bet(&mut random, legs)).collect();
        let exact = bets.iter().fold(Exact::of(0, 1), |sum, bet| sum.add(&enumerated(bet, &returns)));
        let paid = payout_minor(&bets, &returns, &[], Rounding::Down);
        assert!(exact.floors_to(paid), "{bets:?} {returns:?} paid {paid}");
        // Turned around, nothing changes: legs and bets are not in an order.
        let turned: Vec<LegReturn> = returns.iter().rev().copied().collect();
        let turn = |mask: u64| mask.reverse_bits() >> (64 - legs);
        let bets_turned: Vec<Bet> = bets
            .iter()
            .rev()
            .map(|bet| Bet { legs: turn(bet.legs), bankers: turn(bet.bankers), ..*bet })
            .collect();
        assert_eq!(payout_minor(&bets_turned, &turned, &[], Rounding::Down), paid);
        let (above, below) = payout_exact(&bets, &returns, &[]);
        let big = |limbs: &[u64]| {
            let step = Big::new(1 << 64);
            limbs.iter().rev().fold(Big::new(0), |sum, &limb| sum.mul(&step).add(&Big::new(limb.into())))
        };
        assert_eq!(big(&above).mul(&exact.1).cmp(&exact.0.mul(&big(&below))), Ordering::Equal);
    }
}

// What rides on a leg times what the leg returns is what its lines pay: the book of a fixture is fed by it.
#[test]
fn what_rides_on_a_leg_times_its_return_is_what_its_lines_pay() {
    let mut random = Random::new(77);
    for _ in 0..1_500 {
        let legs = 1 + random.below(7) as usize;
        let returns: Vec<LegReturn> = (0..legs).map(|_| random_return(&mut random)).collect();
        let bets: Vec<Bet> = (0..1 + random.below(3)).map(|_| random_bet(&mut random, legs)).collect();
        let leg = random.below(legs as u64) as usize;
        // The sum over lines with the leg: of the win part with the leg returning 1 there, and so on.
        let mut alone = returns.clone();
        let mut exact = [Exact::of(0, 1), Exact::of(0, 1)];
        for bet in &bets {
            for (part, sum) in exact.iter_mut().enumerate() {
                let own = match (bet.parts, part) {
                    (Parts::Win | Parts::EachWay, 0) => Parts::Win,
                    (Parts::Place | Parts::EachWay, 1) => Parts::Place,
                    (Parts::EquallyDivided, _) => Parts::EquallyDivided,
                    _ => continue,
                };
                // Lines with the leg: all of them less those that a lost leg leaves.
                let bet = Bet { parts: own, ..*bet };
                alone[leg] = LegReturn::VOID;
                let with = enumerated(&bet, &alone);
                alone[leg] = LegReturn::LOST;
                let without = enumerated(&bet, &alone);
                let half = if own == Parts::EquallyDivided { Exact::of(1, 2) } else { Exact::of(1, 1) };
                // with - without, as fractions of whole numbers: tested as riding + without = with.
                let (riding, _) = riding_exact(&with, &without);
                *sum = sum.add(&riding.mul(&half));
            }
        }
        let (win, place) = riding_minor(&bets, &returns, leg);
        assert!(exact[0].floors_to(win) && exact[1].floors_to(place), "{bets:?} {returns:?} {leg}");
    }
}

fn riding_exact(with: &Exact, without: &Exact) -> (Exact, ()) {
    let (a, b) = (with.0.mul(&without.1), without.0.mul(&with.1));
    (Exact(subtract(&a, &b), with.1.mul(&without.1)), ())
}

fn subtract(a: &Big, b: &Big) -> Big {
    let mut digits = vec![];
    let mut borrow = 0;
    for place in 0..a.0.len() {
        let take = b.0.get(place).copied().unwrap_or(0) + borrow;
        borrow = u64::from(a.0[place] < take);
        digits.push(a.0[place] + borrow * BASE - take);
    }
    assert_eq!(borrow, 0);
    Big(digits).trimmed()
}

// Bonuses are part of the exact sum, not added to a rounded one.
#[test]
fn bonuses_are_shares_of_the_exact_sum() {
    let mut random = Random::new(4_711);
    let mut given = 0;
    for _ in 0..1_500 {
        let legs = 1 + random.below(5) as usize;
        let returns: Vec<LegReturn> = (0..legs).map(|_| random_return(&mut random)).collect();
        let base = random.pick(&[Base::Return, Base::Winnings, Base::Stake]);
        let share = Share::new(random.pick(&[5, 10, 25]), 100).unwrap();
        let is_odds = random.below(2) == 0;
        let times = Share::new(random.pick(&[2, 3, 5]), random.pick(&[1, 2])).unwrap();
        let effect = if is_odds { Effect::Odds { times } } else { Effect::Share { share, of: base } };
        let rule =
            BonusRule { legs: 0, winners_min: 1, winners_max: 5, voids_max: 5, is_for_places: false, effect };
        let bonus = Bonus::new(&[rule]).unwrap();
        let bet = Bet { parts: random.pick(&[Parts::Win, Parts::EachWay]), ..random_bet(&mut random, legs) };
        let bet = if bet.check(legs).is_ok() { bet.with_bonus(1) } else { continue };
        let has_it = bonus.rule_for(&bet, &returns).is_some();
        given += u32::from(has_it);
        let win = Bet { parts: Parts::Win, bonus: 0, ..bet };
        let place = Bet { parts: Parts::Place, bonus: 0, ..bet };
        let plain = enumerated(&win, &returns);
        let (above, below) = share.parts();
        let count = lines(&bet).len() as u64;
        let stake = Exact::of(bet.stake_minor as u64 * count, bet.stake_of.into());
        let part = |exact: &Exact| exact.mul(&Exact::of(above.into(), below.into()));
        let mut exact = match effect {
            _ if !has_it => plain,
            Effect::Odds { times } => {
                let longer = |leg: &LegReturn| {
                    let ((win, _, of), (above, below)) = (leg.parts(), times.parts());
                    let (above, below) = (u128::from(above), u128::from(below));
                    if win <= of {
                        return *leg;
                    }
                    let (win, of) = (u128::from(win), u128::from(of));
                    let longer = (of * below + (win - of) * above, of * below);
                    LegReturn::from_ratios(longer, longer).unwrap()
                };
                let longer: Vec<LegReturn> = returns.iter().map(longer).collect();
                enumerated(&win, &longer)
            }
            Effect::Share { of: Base::Return, .. } => plain.add(&part(&plain)),
            Effect::Share { of: Base::Stake, .. } => plain.add(&part(&stake)),
            Effect::Share { of: Base::Winnings, .. } => {
                let (a, b) = (plain.0.mul(&stake.1), stake.0.mul(&plain.1));
                if a.cmp(&b).is_gt() {
                    plain.add(&part(&Exact(subtract(&a, &b), plain.1.mul(&stake.1))))
                } else {
                    plain
                }
            }
        };
        if bet.parts == Parts::EachWay {
            exact = exact.add(&enumerated(&place, &returns));
        }
        let paid = payout_minor(&[bet], &returns, &[bonus], Rounding::Down);
        assert!(exact.floors_to(paid), "{bet:?} {effect:?} {returns:?} {paid}");
    }
    assert!(given > 300, "{given} bonuses were given");
}
