//! Groups of books, solved side by side on the widest vector registers that the processor has.

use super::equation::{Books, Extent, Search, one};
use super::{Direction, MarginMethod, closed, solve};

/// Books solved side by side.
pub(super) const LANES: usize = 16;

/// What is done to every book of a group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task {
    pub method: MarginMethod,
    pub direction: Direction,
    /// The offered side, what is removed or what comes out, is odds; else it is inverse odds.
    pub has_odds: bool,
}

/// Room for a group, turned so that selection follows selection, with all books of one selection beside each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Room {
    /// The input, then the results, then scratch space.
    lanes: Vec<[f64; LANES]>,
}

impl Room {
    /// Room for this many selections.
    pub fn new(count: usize) -> Self {
        Self { lanes: vec![[0.0; LANES]; 3 * count] }
    }

    /// The input; a group's work may change it.
    #[inline(always)]
    pub fn input(&mut self) -> &mut [[f64; LANES]] {
        self.parts()[0]
    }

    /// The results.
    #[inline(always)]
    pub fn output(&self) -> &[[f64; LANES]] {
        let count = self.lanes.len() / 3;
        &self.lanes[count..2 * count]
    }

    #[inline(always)]
    fn parts(&mut self) -> [&mut [[f64; LANES]]; 3] {
        let count = self.lanes.len() / 3;
        let (input, rest) = self.lanes.split_at_mut(count);
        let (output, scratch) = rest.split_at_mut(count);
        [input, output, scratch]
    }
}

/// Calls a function of [`any`], compiled for AVX2 where the processor has it. The operations are the same, IEEE 754
/// gives them the same bits, and nothing is fused.
macro_rules! on_widest {
    ($function:ident($($argument:expr),*)) => {{
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2, which is all that the function asks for.
            #[allow(unsafe_code)] // nearly halves the time of a batch; see `examples/timing.rs`
            return unsafe { avx2::$function($($argument),*) };
        }
        any::$function($($argument),*)
    }};
}

impl Task {
    /// Moves the books in the room to their targets; which books are valid and solved.
    #[inline]
    pub fn group(self, target: [f64; LANES], room: &mut Room) -> [bool; LANES] {
        on_widest!(group(self, target, room, std::hint::black_box(LANES)))
    }

    /// As many rows of `count` numbers as there are lanes.
    #[inline]
    pub fn rows(
        self,
        rows: &[f64],
        count: usize,
        target: f64,
        room: &mut Room,
        out: &mut [f64],
    ) -> [bool; LANES] {
        if self.method == MarginMethod::Multiplicative {
            return on_widest!(flat_rows(self, rows, count, target, out));
        }
        turn_in(rows, count, room.input());
        let is_solved = self.group([target; LANES], room);
        turn_out(room.output(), count, out);
        is_solved
    }
}

/// The functions as the crate is compiled.
mod any {
    use super::*;

    #[inline(never)]
    pub fn group(task: Task, target: [f64; LANES], room: &mut Room, lanes: usize) -> [bool; LANES] {
        solve_group(task, target, room.parts(), lanes)
    }

    #[inline(never)]
    pub fn flat_rows(task: Task, rows: &[f64], count: usize, target: f64, out: &mut [f64]) -> [bool; LANES] {
        solve_flat_rows(task, rows, count, target, out)
    }
}

/// The functions for processors with AVX2.
#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::*;

    #[target_feature(enable = "avx2")]
    pub fn group(task: Task, target: [f64; LANES], room: &mut Room, lanes: usize) -> [bool; LANES] {
        solve_group(task, target, room.parts(), lanes)
    }

    #[target_feature(enable = "avx2")]
    pub fn flat_rows(task: Task, rows: &[f64], count: usize, target: f64, out: &mut [f64]) -> [bool; LANES] {
        solve_flat_rows(task, rows, count, target, out)
    }
}

#[inline(always)]
fn solve_group(
    task: Task,
    target: [f64; LANES],
    [input, output, scratch]: [&mut [[f64; LANES]]; 3],
    lanes: usize,
) -> [bool; LANES] {
    if task.has_odds && task.direction == Direction::Removal {
        invert(input, lanes);
    }
    let extent = Extent::of(input, lanes);
    let is_valid = extent.is_inside();
    let books = Books { lanes, input, extent, target };
    let solved = solve(task.method, task.direction, &books, Search::Open, scratch, output);
    if task.has_odds && task.direction == Direction::Application {
        invert(output, lanes);
    }
    solved.only(|lane| is_valid[lane]).is_solved
}

/// The cheapest method, where turning the rows would cost more than solving them. A known count lays the loops of the
/// commonest markets out flat; a group with a bad row is gone through row by row.
#[inline(always)]
fn solve_flat_rows(task: Task, rows: &[f64], count: usize, target: f64, out: &mut [f64]) -> [bool; LANES] {
    let are_solved = match count {
        2 => scale_rows(task, rows, 2, target, out),
        3 => scale_rows(task, rows, 3, target, out),
        _ => scale_rows(task, rows, count, target, out),
    };
    if are_solved {
        return [true; LANES];
    }
    std::array::from_fn(|lane| {
        let place = lane * count..(lane + 1) * count;
        scale_row(task, &rows[place.clone()], target, &mut out[place])
    })
}

/// The rows of a group by the multiplicative method, as [`scale_row`]; whether all of them are valid and solved.
#[inline(always)]
fn scale_rows(task: Task, rows: &[f64], count: usize, target: f64, out: &mut [f64]) -> bool {
    const WIDTH: usize = 4;
    let (rows, out) = (&rows[..LANES * count], &mut out[..LANES * count]);
    let is_removal = task.direction == Direction::Removal;
    // Not inside is nan, too.
    let is_inside = |value: f64| (value > 0.0) & (value < 1.0);
    let mut is_bad = [0_u64; WIDTH];
    for (results, numbers) in out.chunks_exact_mut(WIDTH).zip(rows.chunks_exact(WIDTH)) {
        for place in 0..WIDTH {
            let value = if is_removal { 1.0 / numbers[place] } else { numbers[place] };
            results[place] = value;
            is_bad[place] |= u64::from(!is_inside(value));
        }
    }
    let mut factors = [0.0; LANES];
    for lane in 0..LANES {
        // Many rows are under way at once: the sum of one is a chain.
        factors[lane] = out[lane * count..(lane + 1) * count].iter().fold(0.0, |sum, value| sum + value);
    }
    for factor in &mut factors {
        *factor = target / *factor;
    }
    for lane in 0..LANES {
        for result in &mut out[lane * count..(lane + 1) * count] {
            *result *= factors[lane];
        }
    }
    for results in out.chunks_exact_mut(WIDTH) {
        for place in 0..WIDTH {
            let value = results[place];
            is_bad[place] |= u64::from(!is_inside(value));
            results[place] = if is_removal { value } else { 1.0 / value };
        }
    }
    is_bad == [0; WIDTH]
}

/// One row of the multiplicative method; whether it is valid and solved.
#[inline(always)]
fn scale_row(task: Task, row: &[f64], target: f64, out: &mut [f64]) -> bool {
    let is_removal = task.direction == Direction::Removal;
    for (result, number) in out.iter_mut().zip(row) {
        *result = if is_removal { 1.0 / number } else { *number };
    }
    let book = Books { lanes: 1, input: one(out), extent: Extent::of(one(out), 1), target: [target] };
    let ([is_valid], [factor]) = (book.extent.is_inside(), closed::factor(&book));
    let is_solved = is_valid & (book.extent.low[0] * factor > 0.0) & (book.extent.high[0] * factor < 1.0);
    for result in out {
        *result = if is_removal { *result * factor } else { 1.0 / (*result * factor) };
    }
    is_solved
}

#[inline(always)]
fn turn_in(rows: &[f64], count: usize, input: &mut [[f64; LANES]]) {
    let (rows, input) = (&rows[..LANES * count], &mut input[..count]);
    for lane in 0..LANES {
        for selection in 0..count {
            input[selection][lane] = rows[lane * count + selection];
        }
    }
}

#[inline(always)]
fn turn_out(output: &[[f64; LANES]], count: usize, out: &mut [f64]) {
    let (output, out) = (&output[..count], &mut out[..LANES * count]);
    for lane in 0..LANES {
        for selection in 0..count {
            out[lane * count + selection] = output[selection][lane];
        }
    }
}

#[inline(always)]
fn invert(values: &mut [[f64; LANES]], lanes: usize) {
    for value in values {
        for number in &mut value[..lanes.min(LANES)] {
            *number = 1.0 / *number;
        }
    }
}
