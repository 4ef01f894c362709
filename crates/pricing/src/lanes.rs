//! `exp` and `log` of the pinned `libm` without branches, so that loops over them become vector instructions.
//!
//! The operations are those of `libm` (FreeBSD's `e_exp.c` and `e_log.c`) in their order; only the case
//! distinctions are gone. The tests hold both to the bits of `libm` (exponents below 4e-9 may differ in the last one), so
//! a price solved alone, in a batch, on wide or on narrow vector units is the same price.

const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
const LN2_INVERSE: f64 = std::f64::consts::LOG2_E;

/// Adding and taking away this number rounds to a whole number, which is left in the low bits of the sum.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// Beyond this exponent the result would leave the normal numbers; no solver needs it.
const EXPONENT_MAX: f64 = 700.0;

/// `e^x`, with `x` cut to -700..=700; nan stays nan.
#[inline(always)]
pub(crate) fn exp(x: f64) -> f64 {
    let x = if x < -EXPONENT_MAX { -EXPONENT_MAX } else { x };
    let x = if x > EXPONENT_MAX { EXPONENT_MAX } else { x };
    let shifted = LN2_INVERSE * x + ROUNDER;
    let k = shifted - ROUNDER;
    let power_bits = shifted.to_bits().wrapping_sub(ROUNDER.to_bits()).wrapping_add(1023) << 52;
    let high = x - k * LN2_HIGH;
    let low = k * LN2_LOW;
    let r = high - low;
    let square = r * r;
    let c = r - square
        * (1.666_666_666_666_660_2e-1
            + square
                * (-2.777_777_777_701_559_3e-3
                    + square
                        * (6.613_756_321_437_934e-5
                            + square * (-1.653_390_220_546_525_2e-6 + square * 4.138_136_797_057_238_5e-8))));
    let y = 1.0 + (r * c / (2.0 - c) - low + high);
    y * f64::from_bits(power_bits)
}

/// Natural logarithm of a positive normal number; anything else gives an unspecified number.
#[inline(always)]
pub(crate) fn log(x: f64) -> f64 {
    /// The high word of sqrt(1/2), and its distance from that of 1.
    const ROOT_HALF: u64 = 0x3fe6_a09e << 32;
    const TO_ONE: u64 = (0x3ff0_0000 << 32) - ROOT_HALF;
    /// 2^52: a whole number in the low bits of it is that many units.
    const UNITS: f64 = 4_503_599_627_370_496.0;
    let bits = x.to_bits().wrapping_add(TO_ONE);
    let k = f64::from_bits((bits >> 52) | UNITS.to_bits()) - (UNITS + 1023.0);
    let f = f64::from_bits((bits & ((1 << 52) - 1)).wrapping_add(ROOT_HALF)) - 1.0;
    let half_square = 0.5 * f * f;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let even =
        w * (3.999_999_999_940_942e-1 + w * (2.222_219_843_214_978_4e-1 + w * 1.531_383_769_920_937_3e-1));
    let odd = z
        * (6.666_666_666_666_735e-1
            + w * (2.857_142_874_366_239e-1
                + w * (1.818_357_216_161_805e-1 + w * 1.479_819_860_511_658_6e-1)));
    s * (half_square + (odd + even)) + k * LN2_LOW - half_square + f + k * LN2_HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points spread over `low..high`, at random distances of the same sequence on every run.
    fn points(low: f64, high: f64) -> impl Iterator<Item = f64> {
        let mut state = 1u64;
        (0..400_000).map(move |_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            low + (high - low) * ((state >> 11) as f64 / (1u64 << 53) as f64)
        })
    }

    #[test]
    fn the_exponential_has_the_bits_of_libm() {
        for (low, high) in [(-1e-9, 1e-9), (-0.01, 0.01), (-1.2, 1.2), (-20.0, 5.0), (-700.0, 700.0)] {
            for x in points(low, high) {
                // Below 2^-28 libm answers 1 + x, which rounds the other way at ties.
                let is_tiny = x.abs() < 4e-9;
                let difference = exp(x).to_bits().abs_diff(libm::exp(x).to_bits());
                assert!(difference <= u64::from(is_tiny), "exp({x:e})");
            }
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(f64::NAN).is_nan());
        assert_eq!(exp(-1e9), libm::exp(-700.0));
        assert_eq!(exp(1e9), libm::exp(700.0));
    }

    #[test]
    fn the_logarithm_has_the_bits_of_libm() {
        for (low, high) in [(0.0, 1.0), (0.99, 1.01), (0.0, 1e-3), (1.0, 1e6), (1e-300, 1e-290)] {
            for x in points(low, high).filter(|x| *x > f64::MIN_POSITIVE) {
                assert_eq!(log(x).to_bits(), libm::log(x).to_bits(), "log({x:e})");
            }
        }
        assert_eq!(log(1.0), 0.0);
    }
}
