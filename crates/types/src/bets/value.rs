//! What the bets of a ticket return, what rides on a leg, exactly and rounded once: sums over lines by elementary symmetric polynomials.

use crate::bounds::MONEY_MINOR_MAX;

use super::bonus::{Base, Bonus, Effect};
use super::lines::{lines_of, ways_of};
use super::plan::{Bet, PLAN_LEGS_MAX, Parts};
use super::returns::{LegReturn, gcd};
use super::wide::{Number, Wide};

/// How a fraction of a minor unit is rounded, once a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[repr(u8)]
pub enum Rounding {
    /// Down: `payout_rounds_down`, the rule of the engine.
    #[default]
    Down = 0,
    /// To the nearest, half a unit up.
    HalfUp = 1,
    /// To the nearest, half a unit to the even one.
    HalfEven = 2,
    /// Up.
    Up = 3,
}

impl Rounding {
    /// Every value, by number.
    pub const ALL: [Rounding; 4] = [Rounding::Down, Rounding::HalfUp, Rounding::HalfEven, Rounding::Up];
}

/// What a ticket's bets pay at the returns of its legs, in minor units; saturates at [`MONEY_MINOR_MAX`].
///
/// `bonuses` is the house's list that [`Bet::bonus`] counts in, from 1; a bet without one needs none. A single or an accumulator pays
/// exactly what [`crate::payout_minor`] gives.
///
/// # Panics
/// A leg or a bonus that is not there: bets and returns come from one checked ticket ([`super::check_bets`]).
///
/// ```
/// use oddsengine_types::{Grade, bets::{LegReturn, Rounding, named, payout_minor}};
/// let odds = [25_000, 30_000, 18_000, 40_000];
/// let grades = [Grade::WON, Grade::LOST, Grade::WON, Grade::VOID];
/// let returns: Vec<_> = odds.iter().zip(grades).map(|(&odds, grade)| LegReturn::graded(odds, grade)).collect();
/// let lucky15 = named("lucky15").unwrap().bet(4, 100)?;
/// assert_eq!(payout_minor(&[lucky15], &returns, &[], Rounding::Down), 1_860);
/// # Ok::<(), oddsengine_types::BoundsError>(())
/// ```
pub fn payout_minor(bets: &[Bet], returns: &[LegReturn], bonuses: &[Bonus], rounding: Rounding) -> i64 {
    if let [bet] = bets
        && bet.is_one_line()
        && rounding == Rounding::Down
    {
        return line_minor(bet, returns);
    }
    let ticket = Prepared::new(bets, returns, bonuses);
    match ticket.bits {
        0..=128 => ticket.sum::<u128>(bets, bonuses).rounded(&ticket, rounding),
        129..=256 => ticket.sum::<Wide<4>>(bets, bonuses).rounded(&ticket, rounding),
        257..=1024 => ticket.sum::<Wide<16>>(bets, bonuses).rounded(&ticket, rounding),
        _ => ticket.sum::<Wide<68>>(bets, bonuses).rounded(&ticket, rounding),
    }
}

fn line_minor(bet: &Bet, returns: &[LegReturn]) -> i64 {
    let mut mask = bet.legs | bet.bankers;
    let legs = std::iter::from_fn(move || {
        let place = mask.trailing_zeros() as usize;
        mask &= mask.wrapping_sub(1);
        (place < 64).then(|| (returns[place].win, returns[place].of))
    });
    product_minor(bet.stake_minor, legs)
}

/// A stake times a product of fractions, rounded down once at the end; saturates at [`MONEY_MINOR_MAX`].
///
/// The one place where a line's return is computed: [`crate::payout_minor`] is this on grades.
#[inline]
pub(crate) fn product_minor(stake_minor: i64, legs: impl Iterator<Item = (u64, u64)> + Clone) -> i64 {
    debug_assert!(stake_minor >= 0);
    let width = |value: u64| u64::BITS - value.leading_zeros();
    let widths =
        legs.clone().fold((width(stake_minor as u64), 0), |(above, below), (numerator, denominator)| {
            (above + width(numerator), below + width(denominator))
        });
    if widths.0.max(widths.1) <= u128::BITS {
        let (above, below) =
            legs.fold((stake_minor as u128, 1_u128), |(above, below), (numerator, denominator)| {
                (above * u128::from(numerator), below * u128::from(denominator))
            });
        let quotient = match (u64::try_from(above), u64::try_from(below)) {
            (Ok(above), Ok(below)) => u128::from(above / below),
            _ => above / below,
        };
        return quotient.min(MONEY_MINOR_MAX as u128) as i64;
    }
    if widths.0 <= 1_024 {
        wide_product_minor::<16>(stake_minor, legs)
    } else {
        wide_product_minor::<68>(stake_minor, legs)
    }
}

#[inline(never)]
fn wide_product_minor<const N: usize>(stake_minor: i64, legs: impl Iterator<Item = (u64, u64)>) -> i64 {
    let (mut divisors, mut count) = ([1_u64; PLAN_LEGS_MAX], 0);
    let stake = Wide::<N>::ONE.times(stake_minor as u64);
    let product = legs.fold(stake, |product, (numerator, denominator)| {
        divisors[count] = denominator;
        count += 1;
        product.times(numerator)
    });
    product.divided(&divisors[..count], MONEY_MINOR_MAX as u64) as i64
}

/// The exact return as a fraction: little-endian limbs of 64 bits of its numerator, and of its denominator. For whoever rounds elsewhere.
///
/// # Panics
/// As [`payout_minor`].
pub fn payout_exact(bets: &[Bet], returns: &[LegReturn], bonuses: &[Bonus]) -> (Vec<u64>, Vec<u64>) {
    let ticket = Prepared::new(bets, returns, bonuses);
    let sum = ticket.sum::<Wide<68>>(bets, bonuses);
    (sum.limbs(), ticket.denominator::<Wide<68>>().limbs())
}

/// What is refunded when every leg is void: the stake, with no bonus.
pub fn refund_minor(bets: &[Bet]) -> i64 {
    let stakes = bets.iter().map(|bet| bet.stake_total_minor().unwrap_or(0));
    stakes.fold(0, |total, stake| (total + stake).min(MONEY_MINOR_MAX))
}

/// What rides on a leg, in its win part and in its place part: the sum over the lines with it of the stake times what the other legs return,
/// rounded down. The payout of those lines is this times the leg's own return.
///
/// An equally divided bet rides on both parts alike: half of the line's stake in each. Bonuses are not in it.
///
/// # Panics
/// As [`payout_minor`].
///
/// ```
/// use oddsengine_types::bets::{Bet, LegReturn, riding_minor};
/// use oddsengine_types::Grade;
/// let returns = [LegReturn::VOID, LegReturn::graded(30_000, Grade::WON), LegReturn::graded(40_000, Grade::WON)];
/// // Doubles AB and AC: 3.00 and 4.00 ride on A.
/// assert_eq!(riding_minor(&[Bet::of_sizes(0b111, &[2], 100)?], &returns, 0), (700, 0));
/// # Ok::<(), oddsengine_types::BoundsError>(())
/// ```
pub fn riding_minor(bets: &[Bet], returns: &[LegReturn], leg: usize) -> (i64, i64) {
    let on_part = |wanted: Parts| {
        let with_leg = bets.iter().filter_map(|bet| riding_bet(bet, leg, wanted));
        let with_leg: Vec<Bet> = with_leg.collect();
        if with_leg.is_empty() { 0 } else { payout_minor(&with_leg, returns, &[], Rounding::Down) }
    };
    (on_part(Parts::Win), on_part(Parts::Place))
}

/// The lines of a bet with a leg, as lines of its other legs, on one part.
fn riding_bet(bet: &Bet, leg: usize, part: Parts) -> Option<Bet> {
    let bit = 1_u64 << leg;
    let (legs, bankers, sizes) = if bet.bankers & bit != 0 {
        (bet.legs, bet.bankers & !bit, bet.sizes)
    } else if bet.legs & bit != 0 {
        (bet.legs & !bit, bet.bankers, bet.sizes >> 1)
    } else {
        return None;
    };
    let parts = match (bet.parts, part) {
        (Parts::Win, Parts::Win) | (Parts::EachWay, Parts::Win) => Parts::Win,
        (Parts::Place, Parts::Place) | (Parts::EachWay, Parts::Place) => Parts::Place,
        (Parts::EquallyDivided, _) => Parts::EquallyDivided,
        _ => return None,
    };
    // The value of an equally divided line is twice the product of half sums: one half of it rides on each part of the leg.
    let stake_of = bet.stake_of * if parts == Parts::EquallyDivided { 2 } else { 1 };
    (sizes != 0).then_some(Bet { legs, bankers, sizes, parts, stake_of, bonus: 0, ..*bet })
}

/// Returns of a ticket's legs on denominators that all of its bets can use, and how wide its sums get.
struct Prepared {
    legs: [LegReturn; PLAN_LEGS_MAX],
    count: usize,
    /// Common denominator of the line stakes and of the bonus shares.
    common: u64,
    bits: u32,
}

impl Prepared {
    fn new(bets: &[Bet], returns: &[LegReturn], bonuses: &[Bonus]) -> Self {
        let count = returns.len();
        let mut legs = [LegReturn::VOID; PLAN_LEGS_MAX];
        legs[..count].copy_from_slice(returns);
        // Multiplied odds stay whole numbers: their multipliers are hundredths.
        let (mut common, mut odds_scale, mut widened) = (1, 1, 0);
        let is_divided = bets.iter().any(|bet| bet.parts == Parts::EquallyDivided);
        let mut stakes: u128 = 0;
        for bet in bets {
            let mut of = u64::from(bet.stake_of);
            stakes += bet.stake_minor as u128;
            if bet.bonus != 0
                && let Some(rule) = bonuses[usize::from(bet.bonus) - 1].rule_for(bet, returns)
            {
                match rule.effect {
                    Effect::Odds { times } => {
                        let below = u64::from(times.parts().1);
                        odds_scale = odds_scale / gcd(odds_scale, below) * below;
                        // Ten times the odds are 4 bits more in each leg.
                        widened = 4;
                    }
                    Effect::Share { share, .. } => {
                        of *= u64::from(share.parts().1);
                        stakes += bet.stake_minor as u128 * u128::from(share.parts().0) * 2;
                    }
                }
            }
            if of != common {
                common = common / gcd(common, of) * of;
            }
        }
        let scale = odds_scale * if is_divided { 2 } else { 1 };
        let mut bits = (u128::BITS - stakes.leading_zeros()) + (u64::BITS - common.leading_zeros());
        for leg in &mut legs[..count] {
            if scale > 1 {
                *leg = LegReturn { win: leg.win * scale, place: leg.place * scale, of: leg.of * scale };
            }
            // The sum over all lines is below the product of these sums; the two parts of an each-way bet add one bit.
            let largest = leg.win.max(leg.place) + leg.of;
            bits += u64::BITS - largest.leading_zeros() + widened;
        }
        Self { legs, count, common, bits: bits + 3 }
    }

    fn denominator<T: Number>(&self) -> T {
        self.legs[..self.count].iter().fold(T::ONE.times(self.common), |product, leg| product.times(leg.of))
    }

    /// The sum of all lines, over [`Prepared::denominator`].
    fn sum<T: Number>(&self, bets: &[Bet], bonuses: &[Bonus]) -> Sum<T> {
        let mut sum = T::ZERO;
        for bet in bets {
            sum = sum.plus(self.bet(bet, bonuses));
        }
        Sum(sum)
    }

    fn bet<T: Number>(&self, bet: &Bet, bonuses: &[Bonus]) -> T {
        let rule = match bet.bonus {
            0 => None,
            place => bonuses[usize::from(place) - 1].rule_for(bet, &self.legs[..self.count]),
        };
        let mut total = T::ZERO;
        for part in [Parts::Win, Parts::Place] {
            let reads = match (bet.parts, part) {
                (Parts::EquallyDivided, Parts::Win) => Parts::EquallyDivided,
                (Parts::EachWay, part) => part,
                (own, part) if own == part => part,
                _ => continue,
            };
            let rule = rule.filter(|rule| part == Parts::Win || rule.is_for_places);
            total = total.plus(self.part(bet, reads, rule.map(|rule| rule.effect)));
        }
        total
    }

    /// One part of a bet: stake x (lines, with their bonus).
    fn part<T: Number>(&self, bet: &Bet, part: Parts, effect: Option<Effect>) -> T {
        let times = match effect {
            Some(Effect::Odds { times }) => Some(times.parts()),
            _ => None,
        };
        let numerator = |leg: &LegReturn| {
            let plain = match part {
                Parts::Place => leg.place,
                Parts::EquallyDivided => (leg.win + leg.place) / 2,
                _ => leg.win,
            };
            match times {
                Some((above, below)) if plain > leg.of => {
                    leg.of + (plain - leg.of) / u64::from(below) * u64::from(above)
                }
                _ => plain,
            }
        };
        let mut others = T::ONE;
        let (mut above, mut below, mut count) = ([0_u64; PLAN_LEGS_MAX], [0_u64; PLAN_LEGS_MAX], 0);
        for (place, leg) in self.legs[..self.count].iter().enumerate() {
            if bet.legs >> place & 1 == 1 {
                (above[count], below[count]) = (numerator(leg), leg.of);
                count += 1;
            } else if bet.bankers >> place & 1 == 1 {
                others = others.times(numerator(leg));
            } else {
                others = others.times(leg.of);
            }
        }
        let lines: T = lines_of(&above[..count], &below[..count], bet.sizes);
        // 2^40 at most, times a stake: two factors below 2^64.
        let scale = self.common / u64::from(bet.stake_of);
        let staked = |number: T, scale: u64| number.by(others).times(bet.stake_minor as u64).times(scale);
        // Twice the half sums: an equally divided bet stakes on both parts.
        let scale = if part == Parts::EquallyDivided { scale * 2 } else { scale };
        match effect {
            Some(Effect::Share { share, of }) => {
                let (share_above, share_below) = (u64::from(share.parts().0), u64::from(share.parts().1));
                let plain = staked(lines, scale);
                let bonus_scale = scale / share_below * share_above;
                let stake = T::ONE.times(ways_of(count as u32, bet.sizes)).times(bet.stake_minor as u64);
                let whole = self.legs[..self.count].iter().fold(stake, |product, leg| product.times(leg.of));
                match of {
                    Base::Return => plain.plus(staked(lines, bonus_scale)),
                    Base::Stake => plain.plus(whole.times(bonus_scale)),
                    Base::Winnings if plain.compare(whole.times(scale)).is_gt() => {
                        plain.plus(staked(lines, bonus_scale).minus(whole.times(bonus_scale)))
                    }
                    Base::Winnings => plain,
                }
            }
            _ => staked(lines, scale),
        }
    }
}

struct Sum<T>(T);

impl<T: Number> Sum<T> {
    fn limbs(self) -> Vec<u64> {
        self.0.limbs()
    }

    fn rounded(self, ticket: &Prepared, rounding: Rounding) -> i64 {
        let mut divisors = [1_u64; PLAN_LEGS_MAX + 1];
        for (divisor, leg) in divisors.iter_mut().zip(&ticket.legs[..ticket.count]) {
            *divisor = leg.of;
        }
        divisors[ticket.count] = ticket.common;
        let whole = self.0.divided(&divisors[..=ticket.count], MONEY_MINOR_MAX as u64);
        if rounding == Rounding::Down || whole == MONEY_MINOR_MAX as u64 {
            return whole as i64;
        }
        let denominator = ticket.denominator::<T>();
        let rest = self.0.minus(denominator.times(whole));
        let half = rest.times(2).compare(denominator);
        let up = match rounding {
            Rounding::Down => false,
            Rounding::Up => rest.compare(T::ZERO).is_gt(),
            Rounding::HalfUp => half.is_ge(),
            Rounding::HalfEven => half.is_gt() || (half.is_eq() && whole % 2 == 1),
        };
        (whole + u64::from(up)) as i64
    }
}
