//! The loops over the joint space: every bet goes over them two or three times.
//!
//! Integers only, so a wider instruction set changes the time and never the result. Where the processor has AVX2 the
//! same loops are compiled for it as well: the baseline of x86-64 has no minimum of 64-bit integers.

use oddsengine_markets::template::{GRADES_MAX, VIEW_CELLS_MAX};

use crate::book::{ByGrade, NO_OUTCOME};

/// Minima side by side, so that one does not wait for another.
const LANES: usize = 8;

macro_rules! widened {
    ($(#[$doc:meta])* pub fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty = $plain:ident, $wide:ident) => {
        $(#[$doc])*
        #[inline]
        pub fn $name($($argument: $type),*) -> $result {
            #[cfg(target_arch = "x86_64")]
            if std::is_x86_feature_detected!("avx2") {
                // SAFETY: the processor has the instruction set that the function was compiled for.
                #[allow(unsafe_code)]
                return unsafe { $wide($($argument),*) };
            }
            $plain($($argument),*)
        }

        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2")]
        fn $wide($($argument: $type),*) -> $result {
            $plain($($argument),*)
        }
    };
}

widened! {
    /// Adds to every main cell the change of its cell of a view; returns the least total, [`NO_OUTCOME`] for none.
    pub fn add_projected(totals: &mut [i64], cells: &[u8], changes: &[i64; VIEW_CELLS_MAX]) -> i64
        = add_projected_plain, add_projected_wide
}
widened! {
    /// The least of all, [`NO_OUTCOME`] for none.
    pub fn least(totals: &[i64]) -> i64 = least_plain, least_wide
}
widened! {
    /// The least total of the main cells of each grade; `grades` by cell of the view that `cells` maps to.
    pub fn least_by_grade(totals: &[i64], cells: &[u8], grades: &[u8; VIEW_CELLS_MAX]) -> ByGrade
        = least_by_grade_plain, least_by_grade_wide
}

#[inline(always)]
fn add_projected_plain(totals: &mut [i64], cells: &[u8], changes: &[i64; VIEW_CELLS_MAX]) -> i64 {
    let mut lanes = [NO_OUTCOME; LANES];
    let (total_chunks, total_rest) = totals.as_chunks_mut::<LANES>();
    let (cell_chunks, cell_rest) = cells.as_chunks::<LANES>();
    for (totals, cells) in total_chunks.iter_mut().zip(cell_chunks) {
        for lane in 0..LANES {
            totals[lane] += changes[usize::from(cells[lane])];
            lanes[lane] = lanes[lane].min(totals[lane]);
        }
    }
    for (total, &cell) in total_rest.iter_mut().zip(cell_rest) {
        *total += changes[usize::from(cell)];
        lanes[0] = lanes[0].min(*total);
    }
    lanes.into_iter().min().unwrap_or(NO_OUTCOME)
}

#[inline(always)]
fn least_plain(totals: &[i64]) -> i64 {
    let mut lanes = [NO_OUTCOME; LANES];
    let (chunks, rest) = totals.as_chunks::<LANES>();
    for totals in chunks {
        for lane in 0..LANES {
            lanes[lane] = lanes[lane].min(totals[lane]);
        }
    }
    rest.iter().copied().chain(lanes).min().unwrap_or(NO_OUTCOME)
}

#[inline(always)]
fn least_by_grade_plain(totals: &[i64], cells: &[u8], grades: &[u8; VIEW_CELLS_MAX]) -> ByGrade {
    const LANES: usize = 4;
    let mut lanes = [[NO_OUTCOME; GRADES_MAX]; LANES];
    let (total_chunks, total_rest) = totals.as_chunks::<LANES>();
    let (cell_chunks, cell_rest) = cells.as_chunks::<LANES>();
    for (totals, cells) in total_chunks.iter().zip(cell_chunks) {
        for lane in 0..LANES {
            let minimum = &mut lanes[lane][usize::from(grades[usize::from(cells[lane])]) % GRADES_MAX];
            *minimum = totals[lane].min(*minimum);
        }
    }
    for (&total, &cell) in total_rest.iter().zip(cell_rest) {
        let minimum = &mut lanes[0][usize::from(grades[usize::from(cell)]) % GRADES_MAX];
        *minimum = total.min(*minimum);
    }
    std::array::from_fn(|grade| (0..LANES).map(|lane| lanes[lane][grade]).min().unwrap_or(NO_OUTCOME))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the processor has, the answers are those of the plain definition.
    #[test]
    fn the_loops_agree_with_their_definitions() {
        let mut seed = 9_u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as i64
        };
        for count in [0, 1, 3, 8, 17, 2_401] {
            let mut totals: Vec<i64> = (0..count).map(|_| next() - (1 << 30)).collect();
            let cells: Vec<u8> = (0..count).map(|_| next() as u8).collect();
            let changes: [i64; VIEW_CELLS_MAX] = std::array::from_fn(|_| next() - (1 << 30));
            let grades: [u8; VIEW_CELLS_MAX] = std::array::from_fn(|_| (next() % 5) as u8);
            let expected: Vec<i64> =
                totals.iter().zip(&cells).map(|(total, &cell)| total + changes[usize::from(cell)]).collect();
            let lowest = add_projected(&mut totals, &cells, &changes);
            assert_eq!(totals, expected);
            assert_eq!(lowest, expected.iter().copied().min().unwrap_or(NO_OUTCOME));
            assert_eq!(lowest, least(&totals));
            let by_grade = least_by_grade(&totals, &cells, &grades);
            for (grade, &minimum) in by_grade.iter().enumerate() {
                let of_grade = totals
                    .iter()
                    .zip(&cells)
                    .filter(|(_, cell)| usize::from(grades[usize::from(**cell)]) == grade);
                assert_eq!(minimum, of_grade.map(|(&total, _)| total).min().unwrap_or(NO_OUTCOME));
            }
        }
    }
}
