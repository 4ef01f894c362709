//! Times fits: `cargo run --release -p oddsengine-pricing --example fit_timing`.
//!
//! Milliseconds per fit of simulated seasons of 20 teams, standard errors included, over 201 runs: the fastest and the
//! median. `benches/compare/fit.py` compares with a peer.

use oddsengine_pricing::fit::{FitOptions, GoalModel, Results, fit_goals, goal_mean};
use std::hint::black_box;
use std::time::Instant;

const TEAMS: usize = 20;
const RUNS: usize = 201;

fn main() {
    let teams: Vec<String> = (0..TEAMS).map(|team| format!("team {team}")).collect();
    println!("{:<42} {:>10} {:>10} {:>6}", "milliseconds per fit", "fastest", "median", "steps");
    for rounds in [1, 5] {
        let season = Season::simulated(rounds);
        for (label, weights) in [("", None), (", weighted", Some(&season.weights[..]))] {
            for model in GoalModel::ALL {
                let results = Results {
                    teams: &teams,
                    home: &season.home,
                    away: &season.away,
                    home_goals: &season.home_goals,
                    away_goals: &season.away_goals,
                    weights,
                    is_neutral: None,
                };
                let options = FitOptions { model, ..FitOptions::default() };
                let mut iterations = 0;
                let mut ms: Vec<f64> = (0..RUNS)
                    .map(|_| {
                        let start = Instant::now();
                        let fit =
                            fit_goals(black_box(&results), &options).expect("a simulated season has a fit");
                        let elapsed = start.elapsed().as_secs_f64() * 1e3;
                        assert!(fit.report.gradient_max < 1e-6 * fit.report.weight);
                        iterations = fit.report.iterations;
                        elapsed
                    })
                    .collect();
                ms.sort_by(f64::total_cmp);
                let name = format!("{} matches, {}{label}", season.home.len(), model.name());
                println!("{name:<42} {:>10.3} {:>10.3} {iterations:>6}", ms[0], ms[RUNS / 2]);
            }
        }
    }
}

#[derive(Default)]
struct Season {
    home: Vec<u32>,
    away: Vec<u32>,
    home_goals: Vec<i64>,
    away_goals: Vec<i64>,
    weights: Vec<f64>,
}

impl Season {
    fn simulated(rounds: usize) -> Self {
        let mut random = 7u64;
        let mut unit = move || {
            random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (random >> 11) as f64 / (1u64 << 53) as f64
        };
        let strengths: Vec<[f64; 2]> =
            (0..TEAMS).map(|_| [0.6 * (unit() - 0.5), 0.6 * (unit() - 0.5)]).collect();
        let mut season = Self::default();
        for _ in 0..rounds {
            for home in 0..TEAMS {
                for away in (0..TEAMS).filter(|away| *away != home) {
                    season.home.push(home as u32);
                    season.away.push(away as u32);
                    let means = [
                        goal_mean(0.37, strengths[home][0], strengths[away][1]),
                        goal_mean(0.12, strengths[away][0], strengths[home][1]),
                    ];
                    let [home_goals, away_goals] = means.map(|mean| {
                        let (mut goals, mut product) = (0, unit());
                        while product > (-mean).exp() {
                            goals += 1;
                            product *= unit();
                        }
                        goals
                    });
                    season.home_goals.push(home_goals);
                    season.away_goals.push(away_goals);
                }
            }
        }
        let count = season.home.len() as f64;
        season.weights = (0..season.home.len()).map(|index| (index as f64 / count - 1.0).exp()).collect();
        season
    }
}
