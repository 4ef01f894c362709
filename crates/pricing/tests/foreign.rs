//! What a foreign model gave, checked against what is possible.

use oddsengine_markets::ModelFault;
use oddsengine_pricing::model::ForeignProbabilities;

fn checked(given: &[f64], possible: &[u16]) -> Result<Vec<f64>, ModelFault> {
    ForeignProbabilities::checked(given, possible)
}

#[test]
fn probabilities_are_scaled_over_what_is_possible() {
    assert_eq!(checked(&[0.5, 0.25, 0.25], &[0, 1, 2]), Ok(vec![0.5, 0.25, 0.25]));
    // Rounding of the model is taken out: nothing is left on what is impossible, the rest sums to 1.
    let found = checked(&[0.5, 0.499_999_7, 2e-7], &[0, 1]).unwrap();
    assert_eq!(found[2], 0.0);
    assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-15);
    let found = checked(&[0.5, 0.500_000_9], &[0, 1]).unwrap();
    assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-15);
}

#[test]
fn what_is_no_distribution_is_a_fault() {
    use ModelFault::{Impossible, NotAProbability, WrongSum};
    for bad in [f64::NAN, f64::INFINITY, -1e-300, 1.000_000_1] {
        assert_eq!(checked(&[bad, 0.0], &[0, 1]), Err(NotAProbability), "{bad}");
    }
    assert_eq!(checked(&[0.5, 0.499_99], &[0, 1]), Err(WrongSum));
    assert_eq!(checked(&[0.0, 0.0], &[0, 1]), Err(WrongSum));
    assert_eq!(checked(&[0.5, 0.499_99, 0.000_01], &[0, 1]), Err(Impossible));
    assert_eq!(checked(&[0.0, 0.0, 1.0], &[0, 1]), Err(Impossible));
}
