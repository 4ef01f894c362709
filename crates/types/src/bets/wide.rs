//! Whole numbers wide enough that nothing is rounded before the end: 128 bits while they suffice, limbs on the stack beyond.

use std::cmp::Ordering;

/// What the sums over lines are computed in.
pub(crate) trait Number: Copy {
    const ZERO: Self;
    const ONE: Self;
    fn times(self, factor: u64) -> Self;
    fn plus(self, other: Self) -> Self;
    /// The difference; `other` is not above.
    fn minus(self, other: Self) -> Self;
    fn by(self, other: Self) -> Self;
    fn compare(self, other: Self) -> Ordering;
    /// The whole part of `self / (product of divisors)`, at most `max`.
    fn divided(self, divisors: &[u64], max: u64) -> u64;
    /// Little-endian limbs, without leading zeros.
    fn limbs(self) -> Vec<u64>;
}

impl Number for u128 {
    const ZERO: Self = 0;
    const ONE: Self = 1;

    #[inline]
    fn times(self, factor: u64) -> Self {
        self * u128::from(factor)
    }

    #[inline]
    fn plus(self, other: Self) -> Self {
        self + other
    }

    #[inline]
    fn minus(self, other: Self) -> Self {
        self - other
    }

    #[inline]
    fn by(self, other: Self) -> Self {
        self * other
    }

    #[inline]
    fn compare(self, other: Self) -> Ordering {
        self.cmp(&other)
    }

    #[inline]
    fn divided(self, divisors: &[u64], max: u64) -> u64 {
        // The product of the divisors is one of the products that fit.
        let divisor = divisors.iter().fold(1, |product, &divisor| product * u128::from(divisor));
        let quotient = match (u64::try_from(self), u64::try_from(divisor)) {
            (Ok(number), Ok(divisor)) => u128::from(number / divisor),
            _ => self / divisor,
        };
        quotient.min(u128::from(max)) as u64
    }

    fn limbs(self) -> Vec<u64> {
        trimmed(vec![self as u64, (self >> 64) as u64])
    }
}

/// A whole number of up to `64 N` bits.
#[derive(Clone, Copy)]
pub(crate) struct Wide<const N: usize> {
    limbs: [u64; N],
    /// Limbs from here on are zero.
    used: usize,
}

impl<const N: usize> Number for Wide<N> {
    const ZERO: Self = Self { limbs: [0; N], used: 0 };
    const ONE: Self = {
        let mut limbs = [0; N];
        limbs[0] = 1;
        Self { limbs, used: 1 }
    };

    fn times(mut self, factor: u64) -> Self {
        let mut carry: u64 = 0;
        for limb in &mut self.limbs[..self.used] {
            let product = u128::from(*limb) * u128::from(factor) + u128::from(carry);
            *limb = product as u64;
            carry = (product >> 64) as u64;
        }
        if carry > 0 {
            self.limbs[self.used] = carry;
            self.used += 1;
        }
        self
    }

    fn plus(mut self, other: Self) -> Self {
        let mut carry = false;
        let used = self.used.max(other.used);
        for (limb, &added) in self.limbs[..used].iter_mut().zip(&other.limbs[..used]) {
            let (sum, first) = limb.overflowing_add(added);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            (*limb, carry) = (sum, first | second);
        }
        self.used = used;
        if carry {
            self.limbs[used] = 1;
            self.used += 1;
        }
        self
    }

    fn minus(mut self, other: Self) -> Self {
        debug_assert!(self.compare(other).is_ge());
        let mut borrow = false;
        for (limb, &taken) in self.limbs[..self.used].iter_mut().zip(&other.limbs[..self.used]) {
            let (left, first) = limb.overflowing_sub(taken);
            let (left, second) = left.overflowing_sub(u64::from(borrow));
            (*limb, borrow) = (left, first | second);
        }
        self
    }

    fn by(self, other: Self) -> Self {
        let mut product = Self::ZERO;
        for (shift, &factor) in other.limbs[..other.used].iter().enumerate() {
            let mut carry = 0;
            for (place, &limb) in self.limbs[..self.used].iter().enumerate() {
                let target = &mut product.limbs[shift + place];
                let sum = u128::from(limb) * u128::from(factor) + u128::from(*target) + carry;
                *target = sum as u64;
                carry = sum >> 64;
            }
            if carry > 0 {
                product.limbs[shift + self.used] = carry as u64;
            }
        }
        product.used = (self.used + other.used).min(N);
        product
    }

    fn compare(self, other: Self) -> Ordering {
        let used = self.used.max(other.used);
        self.limbs[..used].iter().rev().cmp(other.limbs[..used].iter().rev())
    }

    fn divided(mut self, divisors: &[u64], max: u64) -> u64 {
        // floor(floor(x / a) / b) = floor(x / (a b)): as many divisors at once as fit a limb.
        let mut chunk: u64 = 1;
        for &divisor in divisors {
            match chunk.checked_mul(divisor) {
                Some(product) => chunk = product,
                None => {
                    self.divide(chunk);
                    chunk = divisor;
                }
            }
        }
        self.divide(chunk);
        if self.limbs[1..].iter().any(|&limb| limb != 0) { max } else { self.limbs[0].min(max) }
    }

    fn limbs(self) -> Vec<u64> {
        trimmed(self.limbs.to_vec())
    }
}

impl<const N: usize> Wide<N> {
    fn divide(&mut self, divisor: u64) {
        if divisor == 1 {
            return;
        }
        let mut remainder: u64 = 0;
        for limb in self.limbs[..self.used].iter_mut().rev() {
            let current = (u128::from(remainder) << 64) | u128::from(*limb);
            *limb = (current / u128::from(divisor)) as u64;
            remainder = (current % u128::from(divisor)) as u64;
        }
    }
}

fn trimmed(mut limbs: Vec<u64>) -> Vec<u64> {
    while limbs.last() == Some(&0) {
        limbs.pop();
    }
    limbs
}

#[cfg(test)]
mod tests {
    use super::*;

    // Limbs are carried and borrowed by hand here, so each operation is held against 128 bits where both can.
    #[test]
    fn limbs_agree_with_128_bits() {
        let mut seed: u64 = 7;
        let mut random = move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            seed >> (seed % 40)
        };
        let wide = |value: u128| {
            let high = Wide::<4>::ONE.times((value >> 64) as u64);
            let shifted = high.times(1 << 32).times(1 << 32);
            shifted.plus(Wide::<4>::ONE.times(value as u64))
        };
        for _ in 0..20_000 {
            let (a, b, c, d) = (u128::from(random()), random() >> 2, random() | 1, random() | 1);
            let number = a * u128::from(b) / 2;
            assert_eq!(wide(number).limbs(), number.limbs());
            let small = u128::from(c) >> 3;
            assert_eq!(wide(number).plus(wide(small)).limbs(), number.plus(small).limbs());
            assert_eq!(
                wide(number.max(small)).minus(wide(number.min(small))).limbs(),
                number.abs_diff(small).limbs()
            );
            assert_eq!(wide(a).by(wide(small)).limbs(), a.by(small).limbs());
            assert_eq!(wide(number).compare(wide(small)), number.cmp(&small));
            if u128::from(c).checked_mul(u128::from(d)).is_some() {
                assert_eq!(wide(number).divided(&[c, d], u64::MAX), number.divided(&[c, d], u64::MAX));
            }
        }
        assert_eq!(wide(u128::MAX).plus(wide(1)).divided(&[1 << 63, 1 << 2], u64::MAX), 1 << 63);
        assert_eq!(wide(u128::MAX).divided(&[1], 99), 99);
    }
}
