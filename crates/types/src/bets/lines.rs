//! Sums over lines as coefficients of a polynomial.
//!
//! With returns `n/d` a leg, the lines of `k` legs return the coefficient of `x^k` in the product of `d + n x`, over the product of all `d`.
//! Of the four ways to it (from below or above, the lines asked for or the whole less the others) the one with the fewest coefficients is
//! taken: a full cover bet is the product of `d + n` less one or two coefficients.

use super::plan::PLAN_LEGS_MAX;
use super::wide::Number;

/// How many lines `sizes` makes of `count` legs; checked before, so it fits.
pub(crate) fn ways_of(count: u32, sizes: u64) -> u64 {
    let (mut lines, mut ways) = (0_u128, 1_u128);
    for size in 0..=count {
        if sizes >> size & 1 == 1 {
            lines += ways;
        }
        ways = ways * u128::from(count - size) / u128::from(size + 1);
    }
    lines as u64
}

/// Coefficients computed without the large array: full covers need one or two.
const FEW: usize = 4;

/// The sum of the coefficients of `x^k`, `k` in `sizes`, of the product of `below + above x`.
pub(crate) fn lines_of<T: Number>(above: &[u64], below: &[u64], sizes: u64) -> T {
    let count = above.len() as u32;
    let all = u64::MAX >> (63 - count);
    let (wanted, others) = (sizes & all, !sizes & all);
    let highest = |mask: u64| 63 - mask.leading_zeros();
    let lowest = |mask: u64| mask.trailing_zeros();
    let whole = || {
        let pairs = above.iter().zip(below);
        pairs.fold(T::ONE, |product, (&above, &below)| product.times(above + below))
    };
    if wanted == 0 {
        return T::ZERO;
    }
    if others == 0 {
        return whole();
    }
    // (last coefficient, counted from above, the others)
    let ways = [
        (highest(wanted), false, false),
        (highest(others), false, true),
        (count - lowest(wanted), true, false),
        (count - lowest(others), true, true),
    ];
    let &(last, is_reversed, is_complement) =
        ways.iter().min_by_key(|(last, ..)| *last).expect("there are four ways");
    let picked = if is_complement { others } else { wanted };
    let (high, low) = if is_reversed { (below, above) } else { (above, below) };
    let place = |size: u32| if is_reversed { count - size } else { size };
    let sum = |coefficients: &[T]| {
        let mut sum = T::ZERO;
        for size in (0..=count).filter(|&size| picked >> size & 1 == 1) {
            sum = sum.plus(coefficients[place(size) as usize]);
        }
        sum
    };
    let last = last as usize;
    let sum = if last < FEW {
        sum(&coefficients::<T, FEW>(high, low, last))
    } else {
        sum(&coefficients::<T, { PLAN_LEGS_MAX + 1 }>(high, low, last))
    };
    if is_complement { whole().minus(sum) } else { sum }
}

/// The coefficients of `x^0` to `x^last` of the product of `low + high x`.
fn coefficients<T: Number, const N: usize>(high: &[u64], low: &[u64], last: usize) -> [T; N] {
    let mut found = [T::ZERO; N];
    found[0] = T::ONE;
    for (done, (&high, &low)) in high.iter().zip(low).enumerate() {
        for k in (1..=last.min(done + 1)).rev() {
            found[k] = found[k].times(low).plus(found[k - 1].times(high));
        }
        found[0] = found[0].times(low);
    }
    found
}
