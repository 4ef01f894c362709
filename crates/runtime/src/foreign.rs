//! Foreign models: native functions that a quant compiled, called by their address.
//!
//! A model gives the probability of every outcome of a space from its own parameters and the live state. It is called
//! here, outside the engine, and what it gave is journaled as an input: replay never calls it. What it gives is
//! checked by the engine; a model that fails or exceeds its time budget leaves its fixture suspended with the reason.

use std::time::{Duration, Instant};

use oddsengine_markets::custom::{CustomState, STATE_VALUES_MAX};
use oddsengine_markets::{LivePhase, ModelFault};
use oddsengine_pricing::model::ForeignProbabilities;
use oddsengine_types::BoundsError;

/// Longest time budget of one call.
pub const BUDGET_NS_MAX: u64 = 1_000_000_000;
/// Numbers before the state's own values: phase (0 before, 1 in play, 2 over), score of both sides, clock in ms.
pub const STATE_HEAD: usize = 4;
/// Most goals (or points) of a side in a grid that an intensity fills.
pub const GRID_SIDE_MAX: usize = 64;
/// Most steps from the present clock to the end.
pub const STEPS_MAX: usize = 10_000;
/// Most points of both sides that rates may expect within one step.
pub const STEP_POINTS_MAX: f64 = 8.0;
/// Probability that [`fill_score_grid`] may lose in all its steps together by cutting off its series.
const CUT_OFF_MAX: f64 = 1e-6;

/// `status = f(inputs, input_count, state, state_count, out, out_count)`: writes the probability of every outcome to
/// `out` and returns 0, or returns another number if it cannot.
pub type JointFunction = unsafe extern "C" fn(*const f64, usize, *const i64, usize, *mut f64, usize) -> i64;

/// `status = f(inputs, input_count, clock_ms, home, away, rates)`: writes the scoring rates of both sides per
/// millisecond at a clock and score to `rates[0..2]` and returns 0, or returns another number if it cannot.
pub type IntensityFunction = unsafe extern "C" fn(*const f64, usize, f64, i64, i64, *mut f64) -> i64;

/// A model at an address.
#[derive(Clone, Copy, Debug)]
pub struct ForeignModel {
    kind: Kind,
    budget: Duration,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Joint(JointFunction),
    Intensity { function: IntensityFunction, side: usize, end_ms: f64, step_count: usize },
}

impl ForeignModel {
    /// A model that gives the joint distribution itself.
    ///
    /// # Errors
    /// A budget outside 1..=[`BUDGET_NS_MAX`].
    pub fn joint(function: JointFunction, budget_ns: u64) -> Result<Self, BoundsError> {
        Ok(Self { kind: Kind::Joint(function), budget: checked_budget(budget_ns)? })
    }

    /// A model that gives the scoring rates of two sides: the joint distribution of the final score follows, on a space
    /// whose outcome is `home * side + away` with `side - 1` standing for that many or more.
    ///
    /// # Errors
    /// `side` outside 2..=64, `step_count` outside 1..=10,000, an end or a budget outside its range.
    pub fn intensity(
        function: IntensityFunction,
        side: usize,
        end_ms: f64,
        step_count: usize,
        budget_ns: u64,
    ) -> Result<Self, BoundsError> {
        if !(2..=GRID_SIDE_MAX).contains(&side) {
            return Err(BoundsError::outside("scores of a side", side, 2, GRID_SIDE_MAX));
        }
        if !(1..=STEPS_MAX).contains(&step_count) {
            return Err(BoundsError::outside("steps", step_count, 1, STEPS_MAX));
        }
        if !(1.0..=1e9).contains(&end_ms) {
            return Err(BoundsError::outside("end of play in ms", end_ms, 1, 1_000_000_000));
        }
        let kind = Kind::Intensity { function, side, end_ms, step_count };
        Ok(Self { kind, budget: checked_budget(budget_ns)? })
    }

    /// Whether it can price a space of so many outcomes.
    ///
    /// # Errors
    /// An intensity fills a square of scores, and the space is none of its size.
    pub fn check_space(&self, outcome_count: usize) -> Result<(), BoundsError> {
        match self.kind {
            Kind::Intensity { side, .. } if side * side != outcome_count => {
                let count = side * side;
                Err(BoundsError::outside(
                    "outcomes of the space of an intensity",
                    outcome_count,
                    count,
                    count,
                ))
            }
            _ => Ok(()),
        }
    }

    /// Computes the probability of every outcome, and checks that they are probabilities of what is possible.
    ///
    /// # Errors
    /// The model's own failure, that it took longer than its budget, or what is wrong with its numbers.
    pub fn checked(
        &self,
        inputs: &[f64],
        state: &CustomState,
        possible_main: &[u16],
    ) -> Result<Vec<f64>, ModelFault> {
        let given = self.compute(inputs, state, state.outcome_count.into())?;
        ForeignProbabilities::checked(&given, possible_main)
    }

    /// Computes the probability of every outcome, unchecked.
    ///
    /// # Errors
    /// The model's own failure, or that it took longer than its budget.
    pub fn compute(
        &self,
        inputs: &[f64],
        state: &CustomState,
        outcome_count: usize,
    ) -> Result<Vec<f64>, ModelFault> {
        let started = Instant::now();
        let mut out = vec![0.0; outcome_count];
        match self.kind {
            Kind::Joint(function) => call_joint(function, inputs, state, &mut out)?,
            Kind::Intensity { function, side, end_ms, step_count } => {
                if side * side != outcome_count {
                    return Err(ModelFault::Failed);
                }
                let from_ms = match state.phase {
                    LivePhase::PreMatch => 0.0,
                    LivePhase::InPlay => (state.clock_ms as f64).clamp(0.0, end_ms),
                    LivePhase::Finished => end_ms,
                };
                let score = (usize::from(state.score.0), usize::from(state.score.1));
                let rates = |clock_ms: f64, home: usize, away: usize| {
                    call_intensity(function, inputs, clock_ms, home, away)
                };
                fill_score_grid(rates, score, from_ms, end_ms, step_count, side, &mut out)?;
            }
        }
        match started.elapsed() > self.budget {
            true => Err(ModelFault::TooSlow),
            false => Ok(out),
        }
    }
}

fn checked_budget(budget_ns: u64) -> Result<Duration, BoundsError> {
    match (1..=BUDGET_NS_MAX).contains(&budget_ns) {
        true => Ok(Duration::from_nanos(budget_ns)),
        false => Err(BoundsError::outside("budget of a model in ns", budget_ns, 1, BUDGET_NS_MAX)),
    }
}

fn call_joint(
    function: JointFunction,
    inputs: &[f64],
    state: &CustomState,
    out: &mut [f64],
) -> Result<(), ModelFault> {
    let mut numbers = [0_i64; STATE_HEAD + STATE_VALUES_MAX];
    let head = [state.phase as i64, state.score.0.into(), state.score.1.into(), state.clock_ms];
    let count = STATE_HEAD + state.values.len();
    numbers[..STATE_HEAD].copy_from_slice(&head);
    numbers[STATE_HEAD..count].copy_from_slice(&state.values);
    // SAFETY: whoever registered the address vouched that it has this signature and stays valid; the pointers and
    // counts describe live slices, and `out` is the only one that the function may write.
    #[allow(unsafe_code)]
    let status = unsafe {
        function(inputs.as_ptr(), inputs.len(), numbers.as_ptr(), count, out.as_mut_ptr(), out.len())
    };
    if status == 0 { Ok(()) } else { Err(ModelFault::Failed) }
}

#[inline]
fn call_intensity(
    function: IntensityFunction,
    inputs: &[f64],
    clock_ms: f64,
    home: usize,
    away: usize,
) -> Result<[f64; 2], ModelFault> {
    let mut rates = [f64::NAN; 2];
    // SAFETY: as above; `rates` has the two places that the signature promises.
    #[allow(unsafe_code)]
    let status = unsafe {
        function(inputs.as_ptr(), inputs.len(), clock_ms, home as i64, away as i64, rates.as_mut_ptr())
    };
    match status == 0 && rates.iter().all(|rate| rate.is_finite() && *rate >= 0.0) {
        true => Ok(rates),
        false => Err(ModelFault::Failed),
    }
}

/// The distribution of the final score of two sides that score at given rates: the forward equation of the Markov
/// chain on scores, `dp/dt = p G(t)`, in `step_count` steps of equal length with the rates at their middle. Within a
/// step `p exp(G step)` is summed as its Taylor series until what is cut off is below 10^-6 in all steps together, so
/// constant rates are exact to that; rates that move lose the square of the step. The last score of a side stands
/// for it or more.
///
/// # Errors
/// What `rates` says; [`ModelFault::Failed`] for rates that expect more than [`STEP_POINTS_MAX`] points in a step.
pub fn fill_score_grid(
    mut rates: impl FnMut(f64, usize, usize) -> Result<[f64; 2], ModelFault>,
    score: (usize, usize),
    from_ms: f64,
    end_ms: f64,
    step_count: usize,
    side: usize,
    out: &mut [f64],
) -> Result<(), ModelFault> {
    debug_assert_eq!(out.len(), side * side);
    let last = side - 1;
    let (home_now, away_now) = (score.0.min(last), score.1.min(last));
    out.fill(0.0);
    out[home_now * side + away_now] = 1.0;
    let step_ms = (end_ms - from_ms) / step_count as f64;
    if step_ms <= 0.0 {
        return Ok(());
    }
    let mut steps = Steps::new(side);
    for step in 0..step_count {
        let clock_ms = from_ms + (step as f64 + 0.5) * step_ms;
        let mut points_max = 0.0_f64;
        for home in home_now..side {
            for away in away_now..side {
                let [of_home, of_away] = rates(clock_ms, home, away)?;
                let of_home = if home < last { of_home * step_ms } else { 0.0 };
                let of_away = if away < last { of_away * step_ms } else { 0.0 };
                steps.set(home * side + away, of_home, of_away);
                points_max = points_max.max(of_home + of_away);
            }
        }
        if points_max > STEP_POINTS_MAX {
            return Err(ModelFault::Failed);
        }
        steps.advance(out, home_now * side, 2.0 * points_max, CUT_OFF_MAX / step_count as f64);
    }
    // Whole but for rounding and what was cut off.
    out.iter_mut().for_each(|p| *p = p.max(0.0));
    let sum: f64 = out.iter().sum();
    out.iter_mut().for_each(|p| *p /= sum);
    Ok(())
}

/// Scratch space of [`fill_score_grid`]: by score, flat, with room for the row after the last.
struct Steps {
    side: usize,
    /// Points expected within the step: of the home side one row above, of the away side one place before, of both.
    from_above: Vec<f64>,
    from_before: Vec<f64>,
    leaving: Vec<f64>,
    /// The present term of the series and the next one, behind one row of zeros.
    term: Vec<f64>,
    next: Vec<f64>,
}

impl Steps {
    fn new(side: usize) -> Self {
        let grid = || vec![0.0; side * side + side];
        Self { side, from_above: grid(), from_before: grid(), leaving: grid(), term: grid(), next: grid() }
    }

    #[inline]
    fn set(&mut self, at: usize, of_home: f64, of_away: f64) {
        self.from_above[at + self.side] = of_home;
        self.from_before[at + 1] = of_away;
        self.leaving[at] = of_home + of_away;
    }

    /// `p exp(G)` for a `G` of this norm: the sum of `p G^k / k!` until a term cannot exceed `cut_off`. Scores before
    /// `first`, the start of a row, have no mass.
    fn advance(&mut self, p: &mut [f64], first: usize, norm: f64, cut_off: f64) {
        let (side, count) = (self.side, p.len() - first);
        let p = &mut p[first..][..count];
        let from_above = &self.from_above[first..][..count];
        let from_before = &self.from_before[first..][..count];
        let leaving = &self.leaving[first..][..count];
        self.term[side + first..][..count].copy_from_slice(p);
        let mut bound = 1.0;
        for order in 1.. {
            let order = f64::from(order);
            bound *= norm / order;
            if bound <= cut_off && order > norm {
                return;
            }
            let scale = 1.0 / order;
            let above = &self.term[first..][..count];
            let before = &self.term[side + first - 1..][..count];
            let here = &self.term[side + first..][..count];
            let next = &mut self.next[side + first..][..count];
            for at in 0..count {
                let comes = from_above[at] * above[at] + from_before[at] * before[at];
                let flow = (comes - leaving[at] * here[at]) * scale;
                next[at] = flow;
                p[at] += flow;
            }
            std::mem::swap(&mut self.term, &mut self.next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Constant rates give independent Poisson counts.
    #[test]
    fn constant_rates_are_poisson() {
        let side = 12;
        let mut grid = vec![0.0; side * side];
        let rates = |_: f64, _: usize, _: usize| Ok([1.4 / 90.0, 1.1 / 90.0]);
        // Steps of any length: the series is summed until it is exact.
        fill_score_grid(rates, (0, 0), 0.0, 90.0, 1, side, &mut grid).unwrap();
        let one_step = grid.clone();
        fill_score_grid(rates, (0, 0), 0.0, 90.0, 90, side, &mut grid).unwrap();
        assert!(grid.iter().zip(&one_step).all(|(many, one)| (many - one).abs() < 1e-6));
        let poisson =
            |mean: f64, count: usize| (-mean).exp() * (1..=count).fold(1.0, |mass, k| mass * mean / k as f64);
        for home in 0..5 {
            for away in 0..5 {
                let expected = poisson(1.4, home) * poisson(1.1, away);
                assert!((grid[home * side + away] - expected).abs() < 1e-6, "{home}-{away}");
            }
        }
        assert!((grid.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        // The last row is "or more": what Poisson leaves.
        let more: f64 = grid[(side - 1) * side..].iter().sum();
        let less: f64 = (0..side - 1).map(|count| poisson(1.4, count)).sum();
        assert!((more - (1.0 - less)).abs() < 1e-6);
    }

    /// Rates that fall linearly have the mean of their middle: Poisson with the integral of the rate.
    #[test]
    fn the_clock_counts_from_now_and_the_score_from_what_it_is() {
        let side = 10;
        let mut grid = vec![0.0; side * side];
        let rates = |clock_ms: f64, _: usize, _: usize| Ok([0.04 - clock_ms * 4e-4, 0.0]);
        fill_score_grid(rates, (2, 1), 50.0, 100.0, 20, side, &mut grid).unwrap();
        // The integral of 0.04 - 0.0004 t over 50..100 is 0.5.
        let (mut mass, mut total) = ((-0.5_f64).exp(), 0.0);
        for goals in 0..6_usize {
            assert!((grid[(2 + goals) * side + 1] - mass).abs() < 1e-6, "{goals} goals");
            total += mass;
            mass *= 0.5 / (goals + 1) as f64;
        }
        assert!(total > 0.99 && grid[side] == 0.0 && grid[2 * side + 2] == 0.0, "scores do not fall");
        fill_score_grid(rates, (2, 1), 100.0, 100.0, 20, side, &mut grid).unwrap();
        assert_eq!(grid[2 * side + 1], 1.0, "at the end the score stands");
        fill_score_grid(rates, (40, 1), 0.0, 100.0, 20, side, &mut grid).unwrap();
        assert!((grid[9 * side + 1] - 1.0).abs() < 1e-12, "beyond the grid is its last score");
    }

    /// Rates beyond what the series can sum used to be cut to something and normalised.
    #[test]
    fn rates_beyond_reason_are_a_fault() {
        let mut grid = vec![0.0; 16];
        let fill = |rate: f64, grid: &mut [f64]| {
            fill_score_grid(|_, _, _| Ok([rate, rate]), (0, 0), 0.0, 1.0, 1, 4, grid)
        };
        assert_eq!(fill(4.1, &mut grid), Err(ModelFault::Failed));
        assert_eq!(fill(4.0, &mut grid), Ok(()));
        let poisson = |count: i32| (-4.0_f64).exp() * 4.0_f64.powi(count) / [1.0, 1.0, 2.0][count as usize];
        for (home, away) in [(0, 0), (1, 0), (2, 1), (2, 2)] {
            let expected = poisson(home) * poisson(away);
            assert!((grid[(home * 4 + away) as usize] - expected).abs() < 1e-6, "{home}-{away}");
        }
    }

    #[test]
    fn an_intensity_that_fails_or_is_no_rate_is_a_fault() {
        let mut grid = vec![0.0; 16];
        let rates = |_: f64, _: usize, _: usize| Err(ModelFault::Failed);
        assert_eq!(fill_score_grid(rates, (0, 0), 0.0, 1.0, 1, 4, &mut grid), Err(ModelFault::Failed));
        extern "C" fn nan(_: *const f64, _: usize, _: f64, _: i64, _: i64, rates: *mut f64) -> i64 {
            // SAFETY: the caller passes two places.
            #[allow(unsafe_code)]
            unsafe {
                *rates = f64::NAN;
            }
            0
        }
        let model = ForeignModel::intensity(nan, 4, 90.0, 10, 1_000_000).unwrap();
        let state = CustomState { outcome_count: 16, ..CustomState::default() };
        assert_eq!(model.compute(&[], &state, 16), Err(ModelFault::Failed));
    }

    #[test]
    fn a_slow_model_is_a_fault() {
        extern "C" fn slow(_: *const f64, _: usize, _: *const i64, _: usize, _: *mut f64, _: usize) -> i64 {
            std::thread::sleep(Duration::from_millis(3));
            0
        }
        let model = ForeignModel::joint(slow, 1_000_000).unwrap();
        assert_eq!(model.compute(&[], &CustomState::default(), 2), Err(ModelFault::TooSlow));
        assert_eq!(
            ForeignModel::joint(slow, 0).unwrap_err().to_string(),
            "budget of a model in ns 0 is outside 1..=1000000000"
        );
    }

    #[test]
    fn bounds_of_an_intensity_are_named() {
        extern "C" fn no(_: *const f64, _: usize, _: f64, _: i64, _: i64, _: *mut f64) -> i64 {
            1
        }
        let error = |side, end_ms, steps| {
            ForeignModel::intensity(no, side, end_ms, steps, 1).unwrap_err().to_string()
        };
        assert_eq!(error(1, 1.0, 1), "scores of a side 1 is outside 2..=64");
        assert_eq!(error(4, f64::NAN, 1), "end of play in ms NaN is outside 1..=1000000000");
        assert_eq!(error(4, 1.0, 0), "steps 0 is outside 1..=10000");
        let model = ForeignModel::intensity(no, 4, 1.0, 1, 1).unwrap();
        assert_eq!(
            model.check_space(12).unwrap_err().to_string(),
            "outcomes of the space of an intensity 12 is outside 16..=16"
        );
    }
}
