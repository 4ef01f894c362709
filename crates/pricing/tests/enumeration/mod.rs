//! The football model by enumeration: every sequence of goals with every half-time position.

use oddsengine_markets::football::{
    FootballIncident, FootballIncidentKind as Kind, FootballOutcome, FootballState, Side,
};
use oddsengine_pricing::football::live_views::RemainingGoals;

fn poisson(mean: f64, count: u16) -> f64 {
    (1..=count).fold((-mean).exp(), |p, k| p * mean / f64::from(k))
}

/// Every sequence of up to `most` further goals with every half-time position, weighted by the model.
pub fn futures(remaining: &RemainingGoals, state: &FootballState, most: u16) -> Vec<(FootballOutcome, f64)> {
    let [first, second] = remaining.means;
    let mut all = Vec::new();
    let first_open = state.half_is_open(0);
    for count in 0..=most {
        for bits in 0..1_u64 << count {
            let sides: Vec<Side> =
                (0..count).map(|i| if bits >> i & 1 == 1 { Side::Away } else { Side::Home }).collect();
            for split in if first_open { 0..=count } else { 0..=0 } {
                let mut outcome = state.outcome();
                let mut added = [[0_u16; 2]; 2];
                for (index, &side) in sides.iter().enumerate() {
                    let half = usize::from(!first_open || index >= usize::from(split));
                    outcome.goals[half][side.index()] += 1;
                    added[half][side.index()] += 1;
                    outcome.order.push(side);
                }
                let binomial =
                    |n: u16, k: u16| (0..k).fold(1.0, |c, i| c * f64::from(n - i) / f64::from(i + 1));
                let mut weight = 1.0;
                for (half, means) in [first, second].iter().enumerate() {
                    let [home, away] = added[half];
                    // Within a half every order of its goals is equally likely.
                    weight *= poisson(means[0], home) * poisson(means[1], away) / binomial(home + away, home);
                }
                let (home, away) = outcome.score(oddsengine_markets::football::Period::Match);
                let ([lambda, mu], rho) = (remaining.lambda, remaining.rho);
                weight *= match (home, away) {
                    (0, 0) => 1.0 - lambda * mu * rho,
                    (0, 1) => 1.0 + lambda * rho,
                    (1, 0) => 1.0 + mu * rho,
                    (1, 1) => 1.0 - rho,
                    _ => 1.0,
                };
                all.push((outcome, weight));
            }
        }
    }
    let total: f64 = all.iter().map(|(_, weight)| weight).sum();
    all.iter_mut().for_each(|(_, weight)| *weight /= total);
    all
}

#[allow(dead_code)] // not every test that enumerates needs it
pub fn state_after(kinds: &[Kind]) -> FootballState {
    let mut state = FootballState::default();
    for &kind in kinds {
        state.apply(&FootballIncident { kind, clock_ms: 0, score_after: None }).unwrap();
    }
    state
}
