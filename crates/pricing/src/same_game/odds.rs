//! From the probabilities of how the legs are graded to the odds of the multiple and of its legs.

use super::SameGameError;
use crate::root::{decreasing_root, newton_step};

/// A way in which the legs may be graded, none of them lost.
pub(super) struct GradedMass {
    /// The grade index of leg `i` in bits `4 i`..`4 i + 4`; 0 where it is won.
    pub signature: u128,
    pub mass: f64,
}

/// The exponent `t` at which leg odds `p^-t` make the multiple worth its stake: `E[product of returns] = 1`.
///
/// `logs[i]` is `-ln p` of leg `i`, `shares(grade)` the parts won and refunded. Without refunds this is
/// `ln(1 / P) / sum of logs`; with refunds the expectation is a sum of exponentials, its logarithm convex and
/// increasing in `t`, and Newton's steps on the logarithm come down to the root.
pub(super) fn exponent(
    classes: &[GradedMass],
    logs: &[f64],
    shares: impl Fn(u8) -> (f64, f64),
) -> Result<f64, SameGameError> {
    let all: f64 = logs.iter().sum();
    if all == 0.0 {
        return Ok(1.0);
    }
    let won = classes.iter().filter(|class| class.signature == 0).map(|class| class.mass).sum::<f64>();
    if classes.iter().all(|class| class.signature == 0) {
        return Ok(-libm::log(won.min(1.0)) / all);
    }
    let expectation = |t: f64| {
        let (mut value, mut slope) = (0.0, 0.0);
        for class in classes {
            let (mut product, mut growth) = (class.mass, 0.0);
            for (leg, &log) in logs.iter().enumerate() {
                let grade = (class.signature >> (4 * leg)) as u8 & 15;
                let odds = libm::exp(t * log);
                let (win, refund) = if grade == 0 { (1.0, 0.0) } else { shares(grade) };
                let leg_return = win * odds + refund;
                product *= leg_return;
                growth += log * win * odds / leg_return;
            }
            value += product;
            slope += product * growth;
        }
        (-libm::log(value), slope / value)
    };
    let kept: f64 = classes.iter().map(|class| class.mass).sum();
    let start = -libm::log(if won > 0.0 { won } else { kept }) / all;
    decreasing_root(start, 0.0, f64::INFINITY, 1e-15, expectation, newton_step)
        .map_err(|residual| SameGameError::NotConverged { residual })
}
