//! Cholesky factors of dense symmetric matrices: a few hundred rows, so nothing is blocked.

/// A square matrix, row-major, of which only the lower triangle is read or written.
#[derive(Clone, Debug)]
pub(super) struct Lower {
    size: usize,
    values: Vec<f64>,
}

impl Lower {
    pub(super) fn zeros(size: usize) -> Self {
        Self { size, values: vec![0.0; size * size] }
    }

    pub(super) fn clear(&mut self) {
        self.values.fill(0.0);
    }

    pub(super) fn copy_from(&mut self, other: &Self) {
        self.values.copy_from_slice(&other.values);
    }

    pub(super) fn get(&self, row: usize, column: usize) -> f64 {
        debug_assert!(column <= row);
        self.values[row * self.size + column]
    }

    #[inline(always)]
    pub(super) fn add(&mut self, row: usize, column: usize, value: f64) {
        debug_assert!(column <= row);
        self.values[row * self.size + column] += value;
    }

    /// Adds where the order of the two places is not known.
    #[inline(always)]
    pub(super) fn add_between(&mut self, one: usize, other: usize, value: f64) {
        self.add(one.max(other), one.min(other), value);
    }

    /// Makes a variable stand still: its row and column become those of the identity.
    pub(super) fn hold(&mut self, variable: usize) {
        for column in 0..variable {
            self.values[variable * self.size + column] = 0.0;
        }
        for row in variable + 1..self.size {
            self.values[row * self.size + variable] = 0.0;
        }
        self.values[variable * self.size + variable] = 1.0;
    }

    /// Replaces the matrix by its factor `L` with `L L^T`; false if the matrix is not safely positive definite.
    pub(super) fn factor(&mut self) -> bool {
        /// A pivot that lost so many of its diagonal's digits is rounding.
        const PIVOT_SHARE_MIN: f64 = 1e-13;
        let size = self.size;
        for row in 0..size {
            let (above, rest) = self.values.split_at_mut(row * size);
            let this = &mut rest[..=row];
            for column in 0..row {
                let other = &above[column * size..=column * size + column];
                let sum = dot(&this[..column], &other[..column]);
                this[column] = (this[column] - sum) / other[column];
            }
            let diagonal = this[row];
            let pivot = diagonal - dot(&this[..row], &this[..row]);
            // Not a number compares false and is refused as well.
            if !(pivot > PIVOT_SHARE_MIN * diagonal && pivot.is_finite()) {
                return false;
            }
            this[row] = pivot.sqrt();
        }
        true
    }

    /// Solves `L y = b` in place for a `b` that is zero before `start`; `self` is a factor.
    pub(super) fn solve_forward(&self, values: &mut [f64], start: usize) {
        let size = self.size;
        for row in start..size {
            let line = &self.values[row * size..=row * size + row];
            values[row] = (values[row] - dot(&line[start..row], &values[start..row])) / line[row];
        }
    }

    /// Solves `L L^T x = b` in place; `self` is a factor.
    pub(super) fn solve(&self, values: &mut [f64]) {
        let size = self.size;
        self.solve_forward(values, 0);
        for row in (0..size).rev() {
            let line = &self.values[row * size..=row * size + row];
            values[row] /= line[row];
            let (before, now) = values.split_at_mut(row);
            for (value, factor) in before.iter_mut().zip(&line[..row]) {
                *value -= factor * now[0];
            }
        }
    }
}

/// Four sums side by side: the order is fixed, and the compiler may keep them in one register.
#[inline(always)]
fn dot(one: &[f64], other: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let (one, one_rest) = one.as_chunks::<4>();
    let (other, other_rest) = other.as_chunks::<4>();
    for (x, y) in one.iter().zip(other) {
        for (sum, (x, y)) in sums.iter_mut().zip(x.iter().zip(y)) {
            *sum += x * y;
        }
    }
    let rest: f64 = one_rest.iter().zip(other_rest).map(|(x, y)| x * y).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Lower {
        let mut matrix = Lower::zeros(7);
        for row in 0..7 {
            for column in 0..=row {
                matrix.add(
                    row,
                    column,
                    if row == column { 9.0 + row as f64 } else { 1.0 / (1 + row + column) as f64 },
                );
            }
        }
        matrix
    }

    #[test]
    fn solves_what_it_factored() {
        let matrix = example();
        let at = |row: usize, column: usize| matrix.get(row.max(column), row.min(column));
        let wanted: Vec<f64> = (0..7).map(|k| 1.5 - k as f64).collect();
        let mut values: Vec<f64> =
            (0..7).map(|row| (0..7).map(|column| at(row, column) * wanted[column]).sum()).collect();
        let mut factor = matrix.clone();
        assert!(factor.factor());
        factor.solve(&mut values);
        for (found, wanted) in values.iter().zip(&wanted) {
            assert!((found - wanted).abs() < 1e-13);
        }
    }

    #[test]
    fn refuses_what_is_not_positive_definite() {
        for value in [0.0, -1.0, 1e-17, f64::NAN, f64::INFINITY] {
            let mut matrix = Lower::zeros(2);
            matrix.add(0, 0, 1.0);
            matrix.add(1, 0, 1.0);
            matrix.add(1, 1, 1.0 + value);
            assert!(!matrix.factor(), "{value}");
        }
    }

    #[test]
    fn a_held_variable_does_not_move() {
        let mut matrix = example();
        matrix.hold(3);
        assert!(matrix.factor());
        let mut values = [1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0];
        matrix.solve(&mut values);
        assert_eq!(values[3], 0.0);
    }
}
