//! Foreign models: native functions that a quant compiled, called by their address.
//!
//! A model gives the probability of every outcome of a space from its own parameters and the live state. It is called
//! here, outside the engine, and what it gave is journaled as an input: replay never calls it. What it gives is
//! checked by the engine; a model that fails or exceeds its time budget leaves its fixture suspended with the reason.

use std::time::{Duration, Instant};

use oddsengine_markets::custom::CustomState;
use oddsengine_markets::{LivePhase, ModelFault};
use oddsengine_types::BoundsError;

/// Longest time budget of one call.
pub const BUDGET_NS_MAX: u64 = 1_000_000_000;
/// Numbers before the state's own values: phase (0 before, 1 in play, 2 over), score of both sides, clock in ms.
pub const STATE_HEAD: usize = 4;
/// Most goals (or points) of a side in a grid that an intensity fills.
pub const GRID_SIDE_MAX: usize = 64;

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
        if !(1..=10_000).contains(&step_count) {
            return Err(BoundsError::outside("steps", step_count, 1, 10_000));
        }
        if !(1.0..=1e9).contains(&end_ms) {
            return Err(BoundsError::outside("end of play in ms", end_ms, 1, 1_000_000_000));
        }
        let kind = Kind::Intensity { function, side, end_ms, step_count };
        Ok(Self { kind, budget: checked_budget(budget_ns)? })
    }

    /// Computes the probability of every outcome.
    ///
    /// # Errors
    /// The model's own failure, or that it took longer than its budget. The numbers are checked by the engine.
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
                    LivePhase::InPlay => (state.clock_ms as f64).min(end_ms),
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
    let head = [state.phase as i64, state.score.0.into(), state.score.1.into(), state.clock_ms];
    let numbers: Vec<i64> = head.into_iter().chain(state.values.iter().copied()).collect();
    // SAFETY: whoever registered the address vouched that it has this signature and stays valid; the pointers and
    // counts describe live slices, and `out` is the only one that the function may write.
    #[allow(unsafe_code)]
    let status = unsafe {
        function(inputs.as_ptr(), inputs.len(), numbers.as_ptr(), numbers.len(), out.as_mut_ptr(), out.len())
    };
    if status == 0 { Ok(()) } else { Err(ModelFault::Failed) }
}

fn call_intensity(
    function: IntensityFunction,
    inputs: &[f64],
    clock_ms: f64,
    home: usize,
    away: usize,
) -> Result<[f64; 2], ModelFault> {
    let mut rates = [0.0; 2];
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
/// chain on scores, in steps of equal length with the rates at their middle, each step exact for constant rates to
/// second order (Heun). The last score of a side stands for it or more.
///
/// # Errors
/// What `rates` says.
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
    let mut leaving = vec![[0.0; 2]; side * side];
    let (mut first, mut second) = (vec![0.0; side * side], vec![0.0; side * side]);
    let mut probe = vec![0.0; side * side];
    for step in 0..step_count {
        let clock_ms = from_ms + (step as f64 + 0.5) * step_ms;
        for home in home_now..side {
            for away in away_now..side {
                let [of_home, of_away] = rates(clock_ms, home, away)?;
                leaving[home * side + away] = [
                    if home < last { of_home * step_ms } else { 0.0 },
                    if away < last { of_away * step_ms } else { 0.0 },
                ];
            }
        }
        let flow = |from: &[f64], into: &mut [f64]| {
            into.fill(0.0);
            for home in home_now..side {
                for away in away_now..side {
                    let at = home * side + away;
                    let [of_home, of_away] = leaving[at].map(|rate| rate * from[at]);
                    into[at] -= of_home + of_away;
                    if home < last {
                        into[at + side] += of_home;
                    }
                    if away < last {
                        into[at + 1] += of_away;
                    }
                }
            }
        };
        flow(out, &mut first);
        probe.iter_mut().zip(out.iter()).zip(&first).for_each(|((probe, p), flow)| *probe = p + flow);
        flow(&probe, &mut second);
        for ((p, first), second) in out.iter_mut().zip(&first).zip(&second) {
            *p = (*p + 0.5 * (first + second)).max(0.0);
        }
    }
    let sum: f64 = out.iter().sum();
    out.iter_mut().for_each(|p| *p /= sum);
    Ok(())
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
        fill_score_grid(rates, (0, 0), 0.0, 90.0, 360, side, &mut grid).unwrap();
        let poisson =
            |mean: f64, count: usize| (-mean).exp() * (1..=count).fold(1.0, |mass, k| mass * mean / k as f64);
        for home in 0..5 {
            for away in 0..5 {
                let expected = poisson(1.4, home) * poisson(1.1, away);
                assert!((grid[home * side + away] - expected).abs() < 2e-6, "{home}-{away}");
            }
        }
        assert!((grid.iter().sum::<f64>() - 1.0).abs() < 1e-12);
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
        assert!(ForeignModel::joint(slow, 0).is_err());
    }
}
