//! The favourite-longshot knob: how strongly a price leans to favourites or longshots, apart from the margin.

use super::exchange::{log_odds, logistic};
use super::{Books, Extent, MarginError, MarginMethod, check_inside, checked_extent, closed, one, one_mut};

/// Shades probabilities: `logit(p') = intercept + slope logit(p)`, then scaled back to the sum they had.
///
/// A slope below 1 moves probability from favourites to longshots and so shortens the longshots' odds; above 1 it takes
/// from the longshots, which undoes the bias of a market that has loaded them. 1 with intercept 0 changes nothing. Slope
/// and intercept are those of a logistic regression of results on log-odds, the usual calibration measure.
///
/// Apply it to fair probabilities before the margin, or to a market's after its margin is removed. Never hidden in a
/// margin method: the margin stays what it is.
///
/// `probabilities`: 2 to [`super::SELECTIONS_MAX`], each strictly between 0 and 1; `out` as long.
///
/// # Errors
///
/// [`MarginError::Shading`] unless the slope is above 0 and both are finite; [`MarginError::ProbabilityAboveOne`] when
/// the scaling pushes a favourite of a place market to 1; the input's errors as in [`super::apply`].
///
/// ```
/// use oddsengine_pricing::margin::shade;
/// let mut shaded = [0.0; 3];
/// shade(&[0.7, 0.2, 0.1], 0.9, 0.0, &mut shaded).unwrap();
/// assert!(shaded[0] < 0.7 && shaded[2] > 0.1);
/// assert!((shaded.iter().sum::<f64>() - 1.0).abs() < 1e-12);
/// ```
pub fn shade(probabilities: &[f64], slope: f64, intercept: f64, out: &mut [f64]) -> Result<(), MarginError> {
    let [sum] = checked_extent(probabilities, out.len(), MarginError::probability)?.sum;
    if !(slope > 0.0 && slope.is_finite()) {
        return Err(MarginError::Shading { name: "slope", value: slope });
    }
    if !intercept.is_finite() {
        return Err(MarginError::Shading { name: "intercept", value: intercept });
    }
    let shaded: Vec<f64> = probabilities.iter().map(|p| logistic(intercept + slope * log_odds(*p))).collect();
    let book = Books { lanes: 1, input: one(&shaded), extent: Extent::of(one(&shaded), 1), target: [sum] };
    closed::multiplicative(&book, one_mut(out));
    check_inside(MarginMethod::Multiplicative, out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shaded(probabilities: &[f64], slope: f64, intercept: f64) -> Result<Vec<f64>, MarginError> {
        let mut out = vec![0.0; probabilities.len()];
        shade(probabilities, slope, intercept, &mut out).map(|()| out)
    }

    #[test]
    fn the_order_stays_and_the_favourite_moves_with_the_slope() {
        let fair = [0.55, 0.25, 0.15, 0.05];
        let mut favourite = 0.0;
        for slope in [0.5, 0.8, 0.95, 1.0, 1.05, 1.3, 3.0] {
            let shaded = shaded(&fair, slope, 0.0).unwrap();
            assert!((shaded.iter().sum::<f64>() - 1.0).abs() <= 1e-12);
            assert!(shaded.windows(2).all(|pair| pair[0] > pair[1]));
            assert!(shaded[0] > favourite);
            favourite = shaded[0];
        }
        let same = shaded(&fair, 1.0, 0.0).unwrap();
        assert!(same.iter().zip(fair).all(|(a, b)| (a - b).abs() < 1e-15));
    }

    #[test]
    fn two_selections_are_shaded_exactly_in_log_odds() {
        let shaded = shaded(&[0.8, 0.2], 1.25, 0.0).unwrap();
        assert!((log_odds(shaded[0]) - 1.25 * log_odds(0.8)).abs() < 1e-12);
    }

    #[test]
    fn refusals() {
        for (slope, intercept) in [(0.0, 0.0), (-1.0, 0.0), (f64::NAN, 0.0), (1.0, f64::INFINITY)] {
            assert_eq!(shaded(&[0.5, 0.5], slope, intercept).unwrap_err().code(), "shading");
        }
        assert_eq!(shaded(&[0.5, 1.0], 1.0, 0.0).unwrap_err().code(), "probability");
        // Two places: the favourite is all but certain, and the scaling pushes it over.
        let error = shaded(&[0.99, 0.51, 0.49, 0.01], 0.9, -3.0).unwrap_err();
        assert_eq!(error.code(), "probability_above_one");
    }
}
