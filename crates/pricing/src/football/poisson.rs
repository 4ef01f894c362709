//! Poisson probabilities by recursion.

use super::{GRID_SIZE_MAX, GRID_TAIL_MAX};

/// 1/k, so that the recursion is a chain of products and not of divisions; index 0 is unused.
pub(super) const RECIPROCALS: [f64; 256] = {
    let mut table = [0.0; 256];
    let mut k = 1;
    while k < 256 {
        table[k] = 1.0 / k as f64;
        k += 1;
    }
    table
};

/// P(0), P(1), ... of a Poisson variable, one for each place of `out` (256 at most are filled).
#[inline]
pub(super) fn fill_masses(mean: f64, out: &mut [f64]) {
    let mut mass = libm::exp(-mean);
    for (place, reciprocal) in out.iter_mut().zip(RECIPROCALS) {
        // Index 0 has the reciprocal 0 and keeps e^-mean.
        if reciprocal > 0.0 {
            mass *= mean * reciprocal;
        }
        *place = mass;
    }
}

/// P(count >= size), summed from its own terms so that a tiny tail keeps its digits.
pub(super) fn tail(mean: f64, size: usize) -> f64 {
    let mut mass = libm::exp(-mean);
    for k in 1..=size {
        mass *= mean / k as f64;
    }
    let (mut sum, mut k) = (0.0, size);
    while mass > 1e-18 * sum || (k as f64) < mean {
        sum += mass;
        k += 1;
        mass *= mean / k as f64;
        if k > 20 * GRID_SIZE_MAX {
            break;
        }
    }
    sum
}

/// The smallest size, at least 12, whose tail is at most half the allowed one.
pub(super) fn size_for(mean: f64) -> usize {
    let mut mass = libm::exp(-mean);
    let mut k = 0;
    while k < GRID_SIZE_MAX {
        k += 1;
        mass *= mean / k as f64;
        // The terms after this one fall faster than a geometric series with this ratio.
        let ratio = mean / (k + 1) as f64;
        if k >= 12 && ratio < 1.0 && mass <= 0.5 * GRID_TAIL_MAX * (1.0 - ratio) {
            break;
        }
    }
    k
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_leave_the_allowed_tail() {
        for mean in [0.0, 0.3, 1.5, 3.0, 8.0, 20.0] {
            let size = size_for(mean);
            assert!(tail(mean, size) <= 0.5 * GRID_TAIL_MAX, "{mean}: {size}");
            assert!(size == 12 || tail(mean, size - 1) > 0.4 * GRID_TAIL_MAX, "{mean}: {size}");
            let mut masses = vec![0.0; size];
            fill_masses(mean, &mut masses);
            assert!((masses.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
        assert_eq!(tail(0.0, 3), 0.0);
        assert!((tail(2.0, 1) - (1.0 - libm::exp(-2.0))).abs() < 1e-15);
    }
}
