//! Books side by side, and the search for the one unknown that most methods have.
//!
//! The same code runs on one book (`LANES` is 1) and on several at once, where every operation is done for all books
//! before the next one, which is what vector units want. What happens to a book never depends on its neighbours, so
//! a batch gives the bits that its books give alone.

use crate::root::decreasing_root;

/// Evaluations of the open search. Halley's steps from the free first one need one or two on real books.
const EVALUATIONS_OPEN: usize = 8;

/// What rounding may leave after the last refinement, in tolerances.
const ROUNDING: f64 = 16.0;

/// Books of equally many selections: `input[selection][book]`.
pub(super) struct Books<'a, const LANES: usize> {
    /// `LANES`, in a form that the compiler does not see through: it would lay 16 lanes out as 16 scalars.
    pub lanes: usize,
    /// What is moved: inverse odds, or fair probabilities.
    pub input: &'a [[f64; LANES]],
    /// Their bounds and sums.
    pub extent: Extent<LANES>,
    /// The sums that the results must have.
    pub target: [f64; LANES],
}

impl<const LANES: usize> Books<'_, LANES> {
    /// Residual of the sum below which a search stops: a few roundings per selection.
    #[inline(always)]
    pub fn tolerance(&self) -> f64 {
        1e-15 * (4.0 + self.input.len() as f64)
    }

    /// The places of the books.
    #[inline(always)]
    pub fn lanes(&self) -> std::ops::Range<usize> {
        lanes::<LANES>(self.lanes)
    }

    /// A number for every book.
    #[inline(always)]
    pub fn each(&self, number: impl Fn(usize) -> f64) -> [f64; LANES] {
        let mut numbers = [0.0; LANES];
        for lane in self.lanes() {
            numbers[lane] = number(lane);
        }
        numbers
    }

    /// The sum is not above the target by more than rounding; then a margin is left to apply, none to remove.
    #[inline(always)]
    pub fn is_at_most_target(&self, lane: usize) -> bool {
        self.extent.sum[lane] <= self.target[lane] + self.tolerance()
    }

    /// The sum is not below the target by more than rounding.
    #[inline(always)]
    pub fn is_at_least_target(&self, lane: usize) -> bool {
        self.extent.sum[lane] >= self.target[lane] - self.tolerance()
    }
}

#[inline(always)]
fn lanes<const LANES: usize>(lanes: usize) -> std::ops::Range<usize> {
    if LANES == 1 { 0..1 } else { 0..lanes.min(LANES) }
}

/// What a method found for each book. Where `is_solved` is false, the results mean nothing.
pub(super) struct Solved<const LANES: usize> {
    /// The method's own number.
    pub parameter: [f64; LANES],
    /// The results have their sum and are strictly between 0 and 1.
    pub is_solved: [bool; LANES],
    /// What is left of the difference of the sums.
    pub residual: [f64; LANES],
}

impl<const LANES: usize> Solved<LANES> {
    /// The answer of a closed form.
    #[inline(always)]
    pub fn exactly(parameter: [f64; LANES], is_solved: [bool; LANES]) -> Self {
        Self { parameter, is_solved, residual: [0.0; LANES] }
    }

    /// The answer of an increasing function of the numbers, which is inside where the bounds are.
    #[inline(always)]
    pub fn increasing(
        books: &Books<LANES>,
        parameter: [f64; LANES],
        out: &mut [[f64; LANES]],
        function: impl Fn(f64, usize) -> f64,
    ) -> Self {
        for (result, value) in out.iter_mut().zip(books.input) {
            *result = books.each(|lane| function(value[lane], lane));
        }
        let Extent { low, high, .. } = &books.extent;
        let is_inside = |lane: usize| (function(low[lane], lane) > 0.0) & (function(high[lane], lane) < 1.0);
        Self::exactly(parameter, std::array::from_fn(is_inside))
    }

    /// Unsolves the books for which this is false.
    #[inline(always)]
    pub fn only(mut self, is_right: impl Fn(usize) -> bool) -> Self {
        self.is_solved = std::array::from_fn(|lane| self.is_solved[lane] & is_right(lane));
        self
    }

    /// Unsolves the books with a result outside.
    #[inline(always)]
    pub fn only_inside(self, books: &Books<LANES>, out: &[[f64; LANES]]) -> Self {
        let is_inside = Extent::of(out, books.lanes).is_inside();
        self.only(|lane| is_inside[lane])
    }

    /// No answer for any book.
    #[inline(always)]
    pub fn nothing() -> Self {
        Self { parameter: [f64::NAN; LANES], is_solved: [false; LANES], residual: [f64::NAN; LANES] }
    }
}

/// How thoroughly a root is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Search {
    /// A few steps without a bracket: solves all but hopeless or extreme books.
    Open,
    /// Within a bracket, until nothing is left to halve; one book only.
    Guarded,
}

/// A sum that decreases in one unknown, and results that depend on it.
pub(super) trait Equation<const LANES: usize> {
    /// The unknown is above this.
    const LOW: f64;
    /// The unknown is below this.
    const HIGH: f64;
    /// A residual this small is finished by [`Equation::refine`].
    const NEAR: f64;

    /// Where the search begins.
    fn start(&mut self) -> [f64; LANES];

    /// The places of the books.
    fn lanes(&self) -> std::ops::Range<usize>;

    /// Writes the results at `x`; returns what is left of the decreasing sum, and the step that this proposes.
    fn evaluate(&mut self, x: [f64; LANES], out: &mut [[f64; LANES]]) -> ([f64; LANES], [f64; LANES]);

    /// Moves the results by a small step from the last `x`, for less than an evaluation; a step of 0 changes nothing.
    /// Returns what is left.
    fn refine(&mut self, x: [f64; LANES], step: [f64; LANES], out: &mut [[f64; LANES]]) -> [f64; LANES];
}

/// Finds the unknown of every book; `out` has the results at it.
#[inline(always)]
pub(super) fn root<const LANES: usize, E: Equation<LANES>>(
    equation: &mut E,
    tolerance: f64,
    search: Search,
    out: &mut [[f64; LANES]],
) -> Solved<LANES> {
    if LANES == 1 && search == Search::Guarded {
        return guarded_root(equation, tolerance, out);
    }
    let mut x = equation.start();
    let (mut residual, mut step) = equation.evaluate(x, out);
    for _ in 1..EVALUATIONS_OPEN {
        let mut far = 0;
        for lane in equation.lanes() {
            // A book that is near stays where it is while its neighbours go on. Nan is never near.
            let is_near = residual[lane].abs() <= E::NEAR;
            far += u64::from(!is_near);
            x[lane] += if is_near { 0.0 } else { step[lane] };
        }
        if far == 0 {
            break;
        }
        (residual, step) = equation.evaluate(x, out);
    }
    let mut left = 0;
    for lane in equation.lanes() {
        let is_left = residual[lane].abs() > tolerance;
        left += u64::from(is_left);
        step[lane] = if is_left { step[lane] } else { 0.0 };
    }
    if left > 0 {
        residual = equation.refine(x, step, out);
    }
    let mut is_solved = [false; LANES];
    for lane in equation.lanes() {
        x[lane] += step[lane];
        let is_inside = (x[lane] > E::LOW) & (x[lane] < E::HIGH);
        is_solved[lane] = (residual[lane].abs() <= ROUNDING * tolerance) & is_inside;
    }
    Solved { parameter: x, is_solved, residual }
}

#[cold]
#[inline(never)]
fn guarded_root<const LANES: usize, E: Equation<LANES>>(
    equation: &mut E,
    tolerance: f64,
    out: &mut [[f64; LANES]],
) -> Solved<LANES> {
    let start = equation.start()[0];
    let evaluate = |x: f64| {
        let (residual, step) = equation.evaluate([x; LANES], out);
        (residual[0], step[0])
    };
    match decreasing_root(start, E::LOW, E::HIGH, tolerance, evaluate, |_, step| step) {
        Ok(x) => Solved::exactly([x; LANES], [true; LANES]),
        Err(residual) => Solved { residual: [residual; LANES], ..Solved::nothing() },
    }
}

/// Smallest and largest number of each book, and their sum in order. Nan shows in the sum only.
#[derive(Clone, Copy)]
pub(super) struct Extent<const LANES: usize> {
    pub low: [f64; LANES],
    pub high: [f64; LANES],
    pub sum: [f64; LANES],
}

impl<const LANES: usize> Extent<LANES> {
    #[inline(always)]
    pub fn of(values: &[[f64; LANES]], lane_count: usize) -> Self {
        let (mut low, mut high, mut sum) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES], [0.0; LANES]);
        for value in values {
            for lane in lanes::<LANES>(lane_count) {
                let number = value[lane];
                low[lane] = if number < low[lane] { number } else { low[lane] };
                high[lane] = if number > high[lane] { number } else { high[lane] };
                sum[lane] += number;
            }
        }
        Self { low, high, sum }
    }

    /// For every book whether all its numbers are strictly between 0 and 1.
    #[inline(always)]
    pub fn is_inside(&self) -> [bool; LANES] {
        std::array::from_fn(|lane| {
            (self.low[lane] > 0.0) & (self.high[lane] < 1.0) & (self.sum[lane] < f64::INFINITY)
        })
    }
}

/// The one book's slice as lanes of one.
#[inline(always)]
pub(super) fn one(values: &[f64]) -> &[[f64; 1]] {
    values.as_chunks().0
}

/// As [`one`], to write.
#[inline(always)]
pub(super) fn one_mut(values: &mut [f64]) -> &mut [[f64; 1]] {
    values.as_chunks_mut().0
}
