//! One-dimensional roots of monotone functions: Newton or Halley steps, guarded by a bracket.

/// More steps than any solvable equation here needs; bisection alone halves the bracket this often.
const STEPS_MAX: usize = 200;

/// After this many steps every second one is a bisection, so that a slow Newton cannot stall.
const STEPS_NEWTON_MAX: usize = 40;

/// Largest residual accepted once rounding leaves no number between the ends of the bracket.
pub(crate) const RESIDUAL_MAX: f64 = 5e-13;

/// The root of a decreasing function in `(low, high)`; `high` may be infinite.
///
/// `evaluate` returns the residual at a point and its slopes, `step` the step that these propose; a proposal that
/// leaves the bracket is replaced by a bisection. The search stops on the residual, never on the step: whatever
/// `evaluate` wrote last belongs to the returned root. `Err` carries the last residual.
#[inline(always)]
pub(crate) fn decreasing_root<S>(
    start: f64,
    mut low: f64,
    mut high: f64,
    tolerance: f64,
    mut evaluate: impl FnMut(f64) -> (f64, S),
    step: impl Fn(f64, S) -> f64,
) -> Result<f64, f64> {
    let mut x = if start > low && start < high { start } else { middle(low, high) };
    for step_index in 0..STEPS_MAX {
        let (residual, slopes) = evaluate(x);
        if residual.abs() <= tolerance {
            return Ok(x);
        }
        if residual > 0.0 {
            low = x;
        } else if residual < 0.0 {
            high = x;
        } else {
            return Err(residual);
        }
        let mut next = x + step(residual, slopes);
        if next == x && residual.abs() <= RESIDUAL_MAX {
            return Ok(x);
        }
        let must_bisect = step_index > STEPS_NEWTON_MAX && step_index % 2 == 0;
        if must_bisect || !(next > low && next < high) {
            next = middle(low, high);
        }
        if !(next > low && next < high) {
            return if residual.abs() <= RESIDUAL_MAX { Ok(x) } else { Err(residual) };
        }
        x = next;
    }
    Err(f64::NAN)
}

/// Newton's step for a slope given as a positive number.
#[inline(always)]
pub(crate) fn newton_step(residual: f64, descent: f64) -> f64 {
    residual / descent
}

fn middle(low: f64, high: f64) -> f64 {
    if high.is_finite() { low + 0.5 * (high - low) } else { 2.0 * low.max(0.0) + 1.0 }
}

/// Halley's step for `f = 0` from the value and the first two derivatives; Newton's where Halley's would turn back.
#[inline(always)]
pub(crate) fn halley_step(value: f64, first: f64, second: f64) -> f64 {
    let newton = -value / first;
    let bend = 1.0 + newton * second / (2.0 * first);
    if bend > 0.5 { newton / bend } else { newton }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_roots_also_when_every_step_is_useless() {
        for step in [f64::NAN, f64::INFINITY, -1e300, 0.0] {
            let root =
                decreasing_root(1.0, 0.0, f64::INFINITY, 1e-14, |x| (7.0 - x, ()), |_, ()| step).unwrap();
            assert!((root - 7.0).abs() <= 1e-13);
        }
        let halley = |residual: f64, x: f64| halley_step(residual, -2.0 * x, -2.0);
        let root = decreasing_root(0.9, 0.0, 1.0, 1e-15, |x| (0.25 - x * x, x), halley).unwrap();
        assert!((root - 0.5).abs() <= 1e-15);
    }

    #[test]
    fn says_when_there_is_no_root() {
        assert!(decreasing_root(0.5, 0.0, 1.0, 1e-15, |x| (2.0 - x, 1.0), newton_step).is_err());
        assert!(decreasing_root(0.5, 0.0, 1.0, 1e-15, |_| (f64::NAN, 1.0), newton_step).is_err());
    }
}
