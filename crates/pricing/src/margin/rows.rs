//! Odds in, probabilities out, and the reverse: one book with absent selections, or many books in one pass.
//!
//! A book is a row of numbers, nan where a selection is absent. Rows are solved side by side, those with the same
//! count of present selections together; each row gets the bits it gets alone.

use super::side_by_side::{LANES, Room, Task};
use super::{Direction, MarginError, MarginMethod, SELECTIONS_MAX};

/// Removes the margin of decimal odds, each above 1; nan marks an absent selection and stays nan.
///
/// `odds` and `out`: 2 to [`SELECTIONS_MAX`] present selections. The rest is as in [`super::remove`].
///
/// # Errors
///
/// As [`super::remove`]; positions count absent selections too.
///
/// ```
/// use oddsengine_pricing::margin::{MarginMethod, fair_probabilities};
/// let mut fair = [0.0; 3];
/// fair_probabilities(MarginMethod::Additive, &[1.9, f64::NAN, 1.9], 1.0, &mut fair).unwrap();
/// assert!(fair[0] == 0.5 && fair[1].is_nan() && fair[2] == 0.5);
/// ```
#[inline]
pub fn fair_probabilities(
    method: MarginMethod,
    odds: &[f64],
    target: f64,
    out: &mut [f64],
) -> Result<(), MarginError> {
    Rows { method, direction: Direction::Removal, target }.row(odds, out)
}

/// Decimal odds with a margin, from fair probabilities; nan marks an absent selection and stays nan.
///
/// # Errors
///
/// As [`super::apply`]; positions count absent selections too.
///
/// ```
/// use oddsengine_pricing::margin::{MarginMethod, offered_odds};
/// let mut odds = [0.0; 2];
/// offered_odds(MarginMethod::Multiplicative, &[0.5, 0.5], 1.25, &mut odds).unwrap();
/// assert_eq!(odds, [1.6, 1.6]);
/// ```
#[inline]
pub fn offered_odds(
    method: MarginMethod,
    probabilities: &[f64],
    booksum: f64,
    out: &mut [f64],
) -> Result<(), MarginError> {
    Rows { method, direction: Direction::Application, target: booksum }.row(probabilities, out)
}

/// [`fair_probabilities`] of many books: rows of `count` numbers each, one after the other.
///
/// Returns the rows that the method refuses, ascending; [`fair_probabilities`] tells why. They are filled with nan, as
/// are rows of nothing but nan, which are not refused.
///
/// # Panics
///
/// When `odds` and `out` are not as long as each other, or no multiple of `count`.
///
/// ```
/// use oddsengine_pricing::margin::{MarginMethod, fair_probabilities_rows};
/// let mut fair = [0.0; 4];
/// let refused = fair_probabilities_rows(MarginMethod::Shin, &[1.9, 1.9, 2.2, 2.2], 2, 1.0, &mut fair);
/// assert_eq!((fair[0], fair[2].is_nan(), refused), (0.5, true, vec![1]));
/// ```
pub fn fair_probabilities_rows(
    method: MarginMethod,
    odds: &[f64],
    count: usize,
    target: f64,
    out: &mut [f64],
) -> Vec<usize> {
    Rows { method, direction: Direction::Removal, target }.all(odds, count, out)
}

/// [`offered_odds`] of many books, as [`fair_probabilities_rows`].
///
/// # Panics
///
/// When `probabilities` and `out` are not as long as each other, or no multiple of `count`.
pub fn offered_odds_rows(
    method: MarginMethod,
    probabilities: &[f64],
    count: usize,
    booksum: f64,
    out: &mut [f64],
) -> Vec<usize> {
    Rows { method, direction: Direction::Application, target: booksum }.all(probabilities, count, out)
}

/// Converts the selections of a row that are there; nan stays nan, and errors name places in the whole row.
///
/// # Errors
///
/// Those of `convert`.
///
/// ```
/// use oddsengine_pricing::margin::{of_present, shade};
/// let mut shaded = [0.0; 3];
/// of_present(&[0.5, f64::NAN, 0.5], &mut shaded, |fair, out| shade(fair, 0.9, 0.0, out)).unwrap();
/// assert!(shaded[1].is_nan() && (shaded[0] - 0.5).abs() < 1e-15);
/// ```
pub fn of_present(
    row: &[f64],
    out: &mut [f64],
    convert: impl FnOnce(&[f64], &mut [f64]) -> Result<(), MarginError>,
) -> Result<(), MarginError> {
    let places: Vec<usize> = (0..row.len()).filter(|&place| !row[place].is_nan()).collect();
    let present: Vec<f64> = places.iter().map(|&place| row[place]).collect();
    let mut results = vec![0.0; present.len()];
    convert(&present, &mut results).map_err(|error| error.at_place(&places))?;
    out.fill(f64::NAN);
    for (&place, result) in places.iter().zip(results) {
        out[place] = result;
    }
    Ok(())
}

/// What is done to every row. `target` is the sum of the results, before they become odds.
#[derive(Clone, Copy)]
struct Rows {
    method: MarginMethod,
    direction: Direction,
    target: f64,
}

impl Rows {
    #[inline(always)]
    fn row(self, row: &[f64], out: &mut [f64]) -> Result<(), MarginError> {
        // A whole book is not searched for nan: the margin refuses it anyway.
        match self.whole_row(row, out) {
            Err(_) if row.iter().any(|number| number.is_nan()) => self.row_with_gaps(row, out),
            result => result,
        }
    }

    #[inline(always)]
    fn whole_row(self, row: &[f64], out: &mut [f64]) -> Result<(), MarginError> {
        let Self { method, direction, target } = self;
        match (direction, row.len()) {
            (Direction::Application, _) => {
                super::apply(method, row, target, out)?;
                out.iter_mut().for_each(|number| *number = 1.0 / *number);
                Ok(())
            }
            (Direction::Removal, 0..=8) => self.removed(row, &mut [0.0; 8][..row.len()], out),
            (Direction::Removal, 9..=64) => self.removed(row, &mut [0.0; 64][..row.len()], out),
            (Direction::Removal, 65..=SELECTIONS_MAX) => {
                self.removed(row, &mut [0.0; SELECTIONS_MAX][..row.len()], out)
            }
            (Direction::Removal, count) => Err(MarginError::SelectionCount { count }),
        }
    }

    #[inline(always)]
    fn removed(self, odds: &[f64], inverse: &mut [f64], out: &mut [f64]) -> Result<(), MarginError> {
        for (inverse, odds) in inverse.iter_mut().zip(odds) {
            *inverse = 1.0 / odds;
        }
        super::remove(self.method, inverse, self.target, out)
    }

    #[cold]
    fn row_with_gaps(self, row: &[f64], out: &mut [f64]) -> Result<(), MarginError> {
        of_present(row, out, |present, results| self.whole_row(present, results))
    }

    fn all(self, rows: &[f64], count: usize, out: &mut [f64]) -> Vec<usize> {
        assert!(rows.len() == out.len() && rows.len().is_multiple_of(count.max(1)), "rows do not fit");
        let mut left = Left::default();
        if self.is_target_possible(count) {
            self.whole_rows(rows, count, out, &mut left);
        } else {
            left.alone = (0..rows.len().checked_div(count).unwrap_or(0)).collect();
        }
        self.ragged_rows(rows, count, &mut left, out);
        self.rows_alone(rows, count, left, out)
    }

    fn task(self) -> Task {
        Task { method: self.method, direction: self.direction, has_odds: true }
    }

    /// Whether books of this many selections can be solved at all.
    fn is_target_possible(self, count: usize) -> bool {
        (2..=SELECTIONS_MAX).contains(&count) && self.target > 0.0 && self.target < count as f64
    }

    /// All rows in their order, as if none had a gap; leaves those that have.
    fn whole_rows(self, rows: &[f64], count: usize, out: &mut [f64], left: &mut Left) {
        let mut room = Room::new(count);
        let size = LANES * count;
        let groups = rows.chunks_exact(size);
        let rest = groups.remainder();
        for (index, (rows, out)) in groups.zip(out.chunks_exact_mut(size)).enumerate() {
            let is_solved = self.task().rows(rows, count, self.target, &mut room, out);
            if is_solved != [true; LANES] {
                left.sort(rows, count, index * LANES, LANES, &is_solved);
            }
        }
        let (rest_count, first) = (rest.len() / count, (rows.len() - rest.len()) / count);
        if rest_count < LANES / 4 {
            left.alone.extend(first..first + rest_count);
            return;
        }
        // The last row fills the group up.
        let (mut group, mut results) = (vec![0.0; size], vec![0.0; size]);
        for (lane, row) in group.chunks_exact_mut(count).enumerate() {
            row.copy_from_slice(&rest[lane.min(rest_count - 1) * count..][..count]);
        }
        let is_solved = self.task().rows(&group, count, self.target, &mut room, &mut results);
        out[rows.len() - rest.len()..].copy_from_slice(&results[..rest.len()]);
        left.sort(&group, count, first, rest_count, &is_solved);
    }

    /// Rows with gaps, those of the same count of present selections side by side.
    fn ragged_rows(self, rows: &[f64], count: usize, left: &mut Left, out: &mut [f64]) {
        let is_there = |number: &&f64| !number.is_nan();
        let present_count = |row: usize| rows[row * count..][..count].iter().filter(is_there).count();
        let mut by_count: Vec<(usize, usize)> =
            left.ragged.drain(..).map(|row| (present_count(row), row)).collect();
        by_count.sort_unstable();
        for same in by_count.chunk_by(|a, b| a.0 == b.0) {
            let present = same[0].0;
            if !self.is_target_possible(present) {
                left.alone.extend(same.iter().map(|(_, row)| row));
                continue;
            }
            let mut room = Room::new(present);
            for group in same.chunks(LANES) {
                self.ragged_group(rows, count, group, &mut room, out, left);
            }
        }
    }

    /// A group of rows as given by count and place; the last one fills the group up.
    fn ragged_group(
        self,
        rows: &[f64],
        count: usize,
        group: &[(usize, usize)],
        room: &mut Room,
        out: &mut [f64],
        left: &mut Left,
    ) {
        let row_of = |lane: usize| &rows[group[lane.min(group.len() - 1)].1 * count..][..count];
        for lane in 0..LANES {
            let present = row_of(lane).iter().filter(|number| !number.is_nan());
            for (slot, &number) in room.input().iter_mut().zip(present) {
                slot[lane] = number;
            }
        }
        let is_solved = self.task().group([self.target; LANES], room);
        for (lane, &(_, row)) in group.iter().enumerate() {
            if !is_solved[lane] {
                left.alone.push(row);
                continue;
            }
            let mut results = room.output().iter().map(|slot| slot[lane]);
            for (number, result) in row_of(lane).iter().zip(&mut out[row * count..][..count]) {
                *result = if number.is_nan() { f64::NAN } else { results.next().unwrap_or(f64::NAN) };
            }
        }
    }

    /// What the others could not solve: tells refusals from hard books.
    fn rows_alone(self, rows: &[f64], count: usize, mut left: Left, out: &mut [f64]) -> Vec<usize> {
        left.alone.sort_unstable();
        left.alone.retain(|&row| {
            let (row, out) = (&rows[row * count..][..count], &mut out[row * count..][..count]);
            let is_refused = self.row(row, out).is_err();
            if is_refused {
                out.fill(f64::NAN);
            }
            is_refused && !row.iter().all(|number| number.is_nan())
        });
        left.alone
    }
}

/// Rows that are not done yet.
#[derive(Default)]
struct Left {
    /// Rows with an absent selection.
    ragged: Vec<usize>,
    /// Rows that are solved one at a time, or refused.
    alone: Vec<usize>,
}

impl Left {
    /// Sorts the unsolved rows among the first ones of a group.
    #[cold]
    fn sort(&mut self, rows: &[f64], count: usize, first: usize, fresh: usize, is_solved: &[bool; LANES]) {
        for lane in (0..fresh).filter(|&lane| !is_solved[lane]) {
            let has_gaps = rows[lane * count..][..count].iter().any(|number| number.is_nan());
            if has_gaps { &mut self.ragged } else { &mut self.alone }.push(first + lane);
        }
    }
}
