//! Derivatives against differences, known maxima, and every refusal.

use super::cells::Cells;
use super::objective::{Derivatives, Objective};
use super::*;

/// A linear congruential generator (Knuth's MMIX constants): the same seasons on every run.
struct Lcg(u64);

impl Lcg {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn poisson(&mut self, mean: f64) -> i64 {
        let (mut mass, mut goals, mut left) = (libm::exp(-mean), 0, self.unit());
        while left > mass && goals < 40 {
            left -= mass;
            goals += 1;
            mass *= mean / goals as f64;
        }
        goals
    }
}

/// Owned columns of results.
#[derive(Clone, Default)]
struct Season {
    teams: Vec<String>,
    home: Vec<u32>,
    away: Vec<u32>,
    home_goals: Vec<i64>,
    away_goals: Vec<i64>,
    weights: Option<Vec<f64>>,
    is_neutral: Option<Vec<bool>>,
}

impl Season {
    /// Everyone against everyone, home and away, `rounds` times; goals from a known model.
    fn simulated(team_count: usize, rounds: usize, seed: u64) -> Self {
        let mut lcg = Lcg(seed);
        let strengths: Vec<(f64, f64)> =
            (0..team_count).map(|_| (0.7 * (lcg.unit() - 0.5), 0.7 * (lcg.unit() - 0.5))).collect();
        let mut season =
            Self { teams: (0..team_count).map(|team| format!("team {team}")).collect(), ..Self::default() };
        for _ in 0..rounds {
            for home in 0..team_count {
                for away in (0..team_count).filter(|away| *away != home) {
                    let home_mean = goal_mean(0.1 + 0.25, strengths[home].0, strengths[away].1);
                    let away_mean = goal_mean(0.1, strengths[away].0, strengths[home].1);
                    season.add(home, away, lcg.poisson(home_mean), lcg.poisson(away_mean));
                }
            }
        }
        season
    }

    fn add(&mut self, home: usize, away: usize, home_goals: i64, away_goals: i64) {
        self.home.push(home as u32);
        self.away.push(away as u32);
        self.home_goals.push(home_goals);
        self.away_goals.push(away_goals);
    }

    fn of(team_count: usize, matches: &[(usize, usize, i64, i64)]) -> Self {
        let mut season =
            Self { teams: (0..team_count).map(|team| format!("team {team}")).collect(), ..Self::default() };
        for &(home, away, home_goals, away_goals) in matches {
            season.add(home, away, home_goals, away_goals);
        }
        season
    }

    /// Weights between 0.2 and 1.2, every third match at a neutral venue.
    fn weighted(mut self, seed: u64) -> Self {
        let mut lcg = Lcg(seed);
        self.weights = Some(self.home.iter().map(|_| 0.2 + lcg.unit()).collect());
        self.is_neutral = Some((0..self.home.len()).map(|index| index % 3 == 0).collect());
        self
    }

    fn results(&self) -> Results<'_> {
        Results {
            teams: &self.teams,
            home: &self.home,
            away: &self.away,
            home_goals: &self.home_goals,
            away_goals: &self.away_goals,
            weights: self.weights.as_deref(),
            is_neutral: self.is_neutral.as_deref(),
        }
    }

    fn fit(&self, model: GoalModel) -> Result<GoalFit, FitError> {
        fit_goals(&self.results(), &FitOptions { model, ..FitOptions::default() })
    }

    fn fit_with_ridge(&self, model: GoalModel, ridge: f64) -> Result<GoalFit, FitError> {
        fit_goals(&self.results(), &FitOptions { model, ridge, ..FitOptions::default() })
    }

    /// The log-likelihood written down plainly, score by score, from the grids of the package.
    fn plain_log_likelihood(&self, fit: &GoalFit) -> f64 {
        let extra = fit.rho + fit.overdispersion;
        (0..self.home.len())
            .map(|index| {
                let is_neutral = self.is_neutral.as_ref().is_some_and(|flags| flags[index]);
                let (home, away) =
                    fit.goal_means(self.home[index] as usize, self.away[index] as usize, is_neutral);
                let grid = score_grid(fit.model, home, away, extra).unwrap();
                let mass =
                    grid.correct_score(self.home_goals[index] as usize, self.away_goals[index] as usize);
                self.weights.as_ref().map_or(1.0, |weights| weights[index]) * libm::log(mass)
            })
            .sum()
    }
}

fn close(one: f64, other: f64, tolerance: f64) -> bool {
    (one - other).abs() <= tolerance
}

#[test]
fn derivatives_are_the_differences_of_the_value() {
    let season = Season::simulated(6, 2, 3).weighted(4);
    let cells = Cells::merge(&season.results()).unwrap();
    for model in GoalModel::ALL {
        for (ridge, extra) in [(0.0, 0.03), (0.7, 0.11), (0.0, 0.4), (0.0, 1e-9)] {
            let objective = Objective::new(&cells, model, ridge);
            let size = objective.size();
            let mut lcg = Lcg(9);
            let mut point: Vec<f64> = (0..size).map(|_| 0.4 * (lcg.unit() - 0.5)).collect();
            if let Some(place) = objective.extra() {
                point[place] = extra;
            }
            let mut at = Derivatives::zeros(size);
            objective.evaluate(&point, 0.01, &mut at).unwrap();
            let (mut low, mut high) = (Derivatives::zeros(size), Derivatives::zeros(size));
            for place in 0..size {
                let h = 1e-6;
                // The overdispersion has no negative side: differences there are one-sided.
                let left = if point[place] > h || Some(place) != objective.extra() { h } else { 0.0 };
                let moved = |by: f64, out: &mut Derivatives| {
                    let mut moved = point.clone();
                    moved[place] += by;
                    objective.evaluate(&moved, 0.01, out).unwrap()
                };
                let (below, above) = (moved(-left, &mut low), moved(h, &mut high));
                let slope = (above - below) / (h + left);
                let tolerance = if left > 0.0 { 2e-6 } else { 2e-3 };
                assert!(
                    close(slope, at.gradient[place], tolerance * (1.0 + slope.abs())),
                    "{model:?} {place}"
                );
                for other in 0..size {
                    let bend = -(high.gradient[other] - low.gradient[other]) / (h + left);
                    let found = at.information.get(place.max(other), place.min(other));
                    assert!(
                        close(bend, found, 10.0 * tolerance * (1.0 + bend.abs())),
                        "{model:?} {place} {other}: {bend} {found}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_value_is_the_plain_log_likelihood_and_no_near_point_is_better() {
    for season in [Season::simulated(8, 1, 11), Season::simulated(8, 3, 12).weighted(13)] {
        for model in GoalModel::ALL {
            let fit = season.fit(model).unwrap();
            let best = fit.report.log_likelihood;
            assert!(close(season.plain_log_likelihood(&fit), best, 1e-9 * best.abs()), "{model:?}");
            assert!(fit.report.gradient_max < 1e-7, "{model:?} {:?}", fit.report);
            assert!(fit.report.iterations <= 10, "{model:?} {:?}", fit.report);
            assert!(
                fit.attack.iter().sum::<f64>().abs() < 1e-12 && fit.defence.iter().sum::<f64>().abs() < 1e-12
            );
            let mut lcg = Lcg(5);
            for _ in 0..50 {
                let mut near = fit.clone();
                let mut shift = || 0.02 * (lcg.unit() - 0.5);
                near.attack.iter_mut().chain(&mut near.defence).for_each(|value| *value += shift());
                near.home_advantage += shift();
                if model == GoalModel::DixonColes {
                    near.rho += shift();
                } else if model == GoalModel::NegativeBinomial {
                    near.overdispersion = (near.overdispersion + shift()).max(0.0);
                }
                assert!(season.plain_log_likelihood(&near) < best, "{model:?}");
            }
        }
    }
}

#[test]
fn a_large_sample_recovers_its_model() {
    let season = Season::simulated(10, 60, 21);
    let fit = season.fit(GoalModel::DixonColes).unwrap();
    let errors = fit.standard_errors.as_ref().unwrap();
    let mut lcg = Lcg(21);
    let truth: Vec<(f64, f64)> =
        (0..10).map(|_| (0.7 * (lcg.unit() - 0.5), 0.7 * (lcg.unit() - 0.5))).collect();
    let mean = |pick: fn(&(f64, f64)) -> f64| truth.iter().map(pick).sum::<f64>() / 10.0;
    let (attack_mean, defence_mean) = (mean(|team| team.0), mean(|team| team.1));
    for (team, (attack, defence)) in truth.iter().enumerate() {
        assert!(close(fit.attack[team], attack - attack_mean, 4.0 * errors.attack[team]));
        assert!(close(fit.defence[team], defence - defence_mean, 4.0 * errors.defence[team]));
    }
    assert!(close(fit.home_advantage, 0.25, 4.0 * errors.home_advantage));
    assert!(close(fit.intercept, 0.1 + attack_mean - defence_mean, 4.0 * errors.intercept));
    assert!(close(fit.rho, 0.0, 4.0 * errors.extra));
}

#[test]
fn standard_errors_are_those_of_the_free_parameters() {
    // The same model with the last attack and defence written as minus the sum of the others: its information has an
    // inverse without any help. Its variances are found by solving with unit vectors.
    let season = Season::simulated(5, 2, 31).weighted(32);
    for model in GoalModel::ALL {
        let fit = season.fit(model).unwrap();
        if fit.report.is_at_bound {
            continue;
        }
        let cells = Cells::merge(&season.results()).unwrap();
        let objective = Objective::new(&cells, model, 0.0);
        let (n, size) = (5, objective.size());
        let extra = fit.rho + fit.overdispersion;
        let mut point: Vec<f64> = fit.attack.iter().map(|attack| attack + fit.intercept).collect();
        point.extend(&fit.defence);
        point.push(fit.home_advantage);
        point.resize(size, extra);
        let mut at = Derivatives::zeros(size);
        objective.evaluate(&point, 0.0, &mut at).unwrap();
        // Columns of the map from (intercept, n-1 attacks, n-1 defences, advantage, extra) to the point.
        let free = size - 1;
        let mut map = vec![vec![0.0; free]; size];
        for team in 0..n {
            map[team][0] = 1.0;
            for other in 0..n - 1 {
                let share = if team == n - 1 { -1.0 } else { f64::from(u8::from(team == other)) };
                map[team][1 + other] = share;
                map[n + team][n + other] = share;
            }
        }
        for place in 2 * n..size {
            map[place][place - 1] = 1.0;
        }
        let full = |row: usize, column: usize| at.information.get(row.max(column), row.min(column));
        let mut reduced = cholesky::Lower::zeros(free);
        for row in 0..free {
            for column in 0..=row {
                let sum: f64 = (0..size)
                    .flat_map(|a| (0..size).map(move |b| (a, b)))
                    .map(|(a, b)| map[a][row] * full(a, b) * map[b][column])
                    .sum();
                reduced.add(row, column, sum);
            }
        }
        assert!(reduced.factor());
        let variance = |place: usize| {
            let mut unit = vec![0.0; free];
            unit[place] = 1.0;
            reduced.solve(&mut unit);
            unit[place]
        };
        let errors = fit.standard_errors.unwrap();
        let pairs = [
            (errors.intercept, 0),
            (errors.attack[0], 1),
            (errors.attack[3], 4),
            (errors.defence[2], n + 2),
            (errors.home_advantage, 2 * n - 1),
        ];
        for (error, place) in pairs {
            assert!(close(error * error, variance(place), 1e-9), "{model:?} {place}");
        }
        if model != GoalModel::Poisson {
            assert!(close(errors.extra.powi(2), variance(2 * n), 1e-9));
        }
    }
}

#[test]
fn a_weight_is_a_number_of_matches() {
    let season = Season::simulated(5, 1, 41);
    let mut twice = season.clone();
    for index in (0..season.home.len()).step_by(2) {
        let goals = (season.home_goals[index], season.away_goals[index]);
        twice.add(season.home[index] as usize, season.away[index] as usize, goals.0, goals.1);
    }
    let mut weighted = season;
    weighted.weights = Some((0..weighted.home.len()).map(|index| 2.0 - (index % 2) as f64).collect());
    for model in GoalModel::ALL {
        let (one, other) = (twice.fit(model).unwrap(), weighted.fit(model).unwrap());
        assert!(close(one.report.log_likelihood, other.report.log_likelihood, 1e-9));
        assert!(close(one.rho, other.rho, 1e-8) && close(one.overdispersion, other.overdispersion, 1e-8));
        for (x, y) in one.attack.iter().zip(&other.attack) {
            assert!(close(*x, *y, 1e-9));
        }
    }
    // A match of weight 0 is as if it were not there.
    let mut zeroed = twice.clone();
    zeroed.weights = Some(vec![1.0; twice.home.len()]);
    zeroed.add(0, 1, 9, 9);
    zeroed.weights.as_mut().unwrap().push(0.0);
    let (one, other) =
        (twice.fit(GoalModel::DixonColes).unwrap(), zeroed.fit(GoalModel::DixonColes).unwrap());
    assert_eq!(
        (one.attack, one.rho, one.report.match_count),
        (other.attack, other.rho, other.report.match_count)
    );
}

#[test]
fn a_neutral_venue_has_no_home_advantage() {
    let mut season = Season::simulated(6, 2, 51);
    season.is_neutral = Some(vec![true; season.home.len()]);
    let neutral = season.fit(GoalModel::Poisson).unwrap();
    assert_eq!(neutral.home_advantage, 0.0);
    assert!(neutral.standard_errors.as_ref().unwrap().home_advantage.is_nan());
    assert_eq!(neutral.goal_means(0, 1, true), neutral.goal_means(0, 1, false));
    // Without an advantage the sides can be swapped.
    let mut swapped = season.clone();
    std::mem::swap(&mut swapped.home, &mut swapped.away);
    std::mem::swap(&mut swapped.home_goals, &mut swapped.away_goals);
    let swapped = swapped.fit(GoalModel::Poisson).unwrap();
    assert!(neutral.attack.iter().zip(&swapped.attack).all(|(x, y)| close(*x, *y, 1e-9)));
}

#[test]
fn goals_that_vary_no_more_than_poisson_have_no_overdispersion() {
    // Every match 1-1 or 2-1: far less varied than Poisson.
    let mut season = Season::simulated(6, 2, 61);
    season.home_goals.iter_mut().enumerate().for_each(|(index, goals)| *goals = 1 + (index % 2) as i64);
    season.away_goals.iter_mut().for_each(|goals| *goals = 1);
    let fit = season.fit(GoalModel::NegativeBinomial).unwrap();
    let poisson = season.fit(GoalModel::Poisson).unwrap();
    assert_eq!(fit.overdispersion, 0.0);
    assert!(fit.report.is_at_bound && fit.standard_errors.as_ref().unwrap().extra.is_nan());
    assert_eq!(fit.report.parameter_count, poisson.report.parameter_count);
    assert!(close(fit.report.log_likelihood, poisson.report.log_likelihood, 1e-9));
    assert!(fit.attack.iter().zip(&poisson.attack).all(|(x, y)| close(*x, *y, 1e-9)));
}

#[test]
fn overdispersed_goals_are_recognised() {
    let mut season = Season::simulated(6, 20, 71);
    let mut lcg = Lcg(72);
    // A mixture: one match in five has three times the goals.
    for index in 0..season.home.len() {
        if lcg.unit() < 0.2 {
            season.home_goals[index] *= 3;
            season.away_goals[index] *= 3;
        }
    }
    let fit = season.fit(GoalModel::NegativeBinomial).unwrap();
    assert!(fit.overdispersion > 0.1 && !fit.report.is_at_bound, "{}", fit.overdispersion);
    assert!(fit.report.log_likelihood > season.fit(GoalModel::Poisson).unwrap().report.log_likelihood + 10.0);
    assert!(close(season.plain_log_likelihood(&fit), fit.report.log_likelihood, 1e-7));
}

#[test]
fn rho_stays_where_every_score_has_a_positive_probability() {
    // Only 0-0 and 1-1 among the low scores: the likelihood would like a rho beyond every bound.
    let mut season = Season::simulated(4, 2, 81);
    for index in 0..season.home.len() {
        let goals = match index % 3 {
            0 => (0, 0),
            1 => (1, 1),
            _ => (2, 2 + (index % 2) as i64),
        };
        (season.home_goals[index], season.away_goals[index]) = goals;
    }
    let fit = season.fit(GoalModel::DixonColes).unwrap();
    assert!(fit.rho < -0.3 && fit.report.is_at_bound, "{} {:?}", fit.rho, fit.report);
    for index in 0..season.home.len() {
        let (home, away) = fit.goal_means(season.home[index] as usize, season.away[index] as usize, false);
        assert!(score_grid(fit.model, home, away, fit.rho).is_ok());
    }
    assert!(close(season.plain_log_likelihood(&fit), fit.report.log_likelihood, 1e-9));
}

#[test]
fn refusals_name_the_team_and_a_ridge_helps() {
    let no_goal =
        Season::of(3, &[(0, 1, 2, 1), (1, 2, 1, 0), (2, 0, 0, 1), (0, 2, 3, 0), (1, 0, 2, 2), (2, 1, 0, 1)]);
    let error = no_goal.fit(GoalModel::Poisson).unwrap_err();
    assert_eq!(
        error.to_string(),
        "team 2 scored no goal, so its parameter has no finite value; a ridge above 0 gives one"
    );
    let helped = no_goal.fit_with_ridge(GoalModel::Poisson, 1.0).unwrap();
    assert!(helped.attack[2] < -0.3 && helped.attack[2] > -2.0 && helped.report.penalty > 0.0);
    assert!(helped.report.gradient_max < 1e-8);

    // Two groups that never meet, and two teams that only meet each other.
    let mut apart = Season::of(6, &[]);
    for group in [0, 3] {
        for (home, away) in [(0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2)] {
            apart.add(group + home, group + away, 1 + (home % 2) as i64, 1);
        }
    }
    let error = apart.fit(GoalModel::DixonColes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "attack of team 0 and attack of team 3 are not connected by any chain of matches; a ridge above 0 compares them"
    );
    assert!(apart.fit_with_ridge(GoalModel::DixonColes, 0.5).is_ok());
    let pair = Season::of(2, &[(0, 1, 2, 1), (1, 0, 1, 1), (0, 1, 1, 2)]);
    assert_eq!(pair.fit(GoalModel::Poisson).unwrap_err().code(), "disconnected");

    // No goal at home ever: the advantage runs off, and no ridge holds it.
    let nothing =
        Season::of(3, &[(0, 1, 0, 1), (1, 2, 0, 2), (2, 0, 0, 1), (0, 2, 0, 1), (1, 0, 0, 2), (2, 1, 0, 1)]);
    for ridge in [0.0, 1.0] {
        let error = nothing.fit_with_ridge(GoalModel::Poisson, ridge).unwrap_err();
        assert!(
            matches!(&error, FitError::NoMaximum { parameter, .. } if parameter == "the home advantage"),
            "{error}"
        );
    }
}

#[test]
fn bad_columns_are_refused_with_their_match() {
    let season = Season::simulated(4, 1, 91);
    let refused = |change: &dyn Fn(&mut Season)| {
        let mut season = season.clone();
        change(&mut season);
        season.fit(GoalModel::DixonColes).unwrap_err().to_string()
    };
    assert_eq!(refused(&|s| s.home_goals[3] = -1), "home goals -1 of match 3 is outside 0..=400");
    assert_eq!(refused(&|s| s.away_goals[2] = 401), "away goals 401 of match 2 is outside 0..=400");
    assert_eq!(refused(&|s| s.home[1] = 9), "home team 9 of match 1 is outside 0..=3");
    assert_eq!(refused(&|s| s.away[0] = s.home[0]), "team 0 plays itself in match 0");
    assert_eq!(refused(&|s| s.away.truncate(2)), "2 values of away teams do not fit 12 matches");
    assert_eq!(refused(&|s| s.weights = Some(vec![1.0; 5])), "5 values of weights do not fit 12 matches");
    assert_eq!(refused(&|s| s.teams.push("late".into())), "late has no match of positive weight");
    assert_eq!(refused(&|s| s.teams.truncate(1)), "number of teams 1 is outside 2..=512");
    for bad in [f64::NAN, -0.5, f64::INFINITY] {
        let text = refused(&|s| {
            s.weights = Some(vec![1.0; 12]);
            s.weights.as_mut().unwrap()[7] = bad;
        });
        assert_eq!(text, format!("weight {bad} of match 7 is outside 0..=1000000"));
        assert!(season.fit_with_ridge(GoalModel::Poisson, bad).is_err());
    }
    let error = GoalModel::parse("weibull").unwrap_err();
    assert_eq!(
        error.to_string(),
        "goal model \"weibull\" is none of poisson, dixon_coles, negative_binomial"
    );
}

#[test]
fn grids_refuse_what_is_no_model() {
    for bad in [f64::NAN, -0.1, 20.1] {
        for model in GoalModel::ALL {
            assert!(score_grid(model, bad, 1.0, 0.05).is_err() && score_grid(model, 1.0, bad, 0.05).is_err());
        }
        assert!(score_grid(GoalModel::NegativeBinomial, 1.0, 1.0, bad).is_err());
    }
    assert!(score_grid(GoalModel::DixonColes, 2.0, 2.0, -0.6).is_err());
    assert!(score_grid(GoalModel::NegativeBinomial, 20.0, 20.0, 2.0).is_err(), "its tail is long");
    let [home, draw, away] = outcome_probabilities(GoalModel::NegativeBinomial, 1.4, 1.1, 1e-7).unwrap();
    let poisson = outcome_probabilities(GoalModel::Poisson, 1.4, 1.1, 0.0).unwrap();
    assert!(close(home, poisson[0], 1e-6) && close(draw, poisson[1], 1e-6) && close(away, poisson[2], 1e-6));
}

#[test]
fn weights_that_leave_a_handful_of_matches_still_have_a_maximum() {
    let mut most_iterations = 0;
    for seed in 0..300 {
        let mut season = Season::simulated(6, 1, 1_000 + seed);
        let count = season.home.len();
        // Half-lives from a fifth of a match to a whole season.
        let half_life = 0.2 * libm::pow(150.0, (seed % 10) as f64 / 9.0) * 6.0;
        season.weights =
            Some((0..count).map(|index| libm::exp2(-((count - index) as f64) / half_life)).collect());
        for model in GoalModel::ALL {
            let fit = season.fit_with_ridge(model, 0.1);
            match fit {
                Ok(fit) => {
                    most_iterations = most_iterations.max(fit.report.iterations);
                    assert!(fit.report.gradient_max < 1e-7 || fit.report.is_at_bound, "{seed} {model:?}");
                }
                // Without goals of one side there is none.
                Err(FitError::NoMaximum { .. }) => {}
                Err(error) => panic!("{seed} {model:?} {half_life}: {error}"),
            }
        }
    }
    assert!(most_iterations < 150, "{most_iterations}");
}
