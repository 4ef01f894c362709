//! Results checked and merged by pair of teams and venue: all that a likelihood needs of them.

use super::{FitError, GOALS_MAX, Results, TEAMS_MAX, WEIGHT_MAX};

/// The matches of one pair of teams at one kind of venue.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Cell {
    pub home: usize,
    pub away: usize,
    pub is_neutral: bool,
    pub weight: f64,
    /// Goals times weight.
    pub home_goals: f64,
    pub away_goals: f64,
    /// Weight of the scores `[0-0, 0-1, 1-0, 1-1]`.
    pub low: [f64; 4],
}

/// Every match of positive weight, merged.
#[derive(Clone, Debug)]
pub(super) struct Cells {
    /// In the order of the first match of each pair.
    pub cells: Vec<Cell>,
    pub team_count: usize,
    pub match_count: usize,
    pub weight: f64,
    /// Weight of the sides that scored more than k goals, by k.
    pub above: Vec<f64>,
    /// Sum of weight times ln(home goals! away goals!).
    pub log_factorials: f64,
}

impl Cells {
    /// Checks the columns and merges them.
    pub(super) fn merge(results: &Results<'_>) -> Result<Self, FitError> {
        let team_count = results.teams.len();
        let match_count = check_columns(results)?;
        let mut place_of = vec![u32::MAX; 2 * team_count * team_count];
        let mut sides_with = [0.0; GOALS_MAX as usize + 1];
        let mut cells: Vec<Cell> = Vec::new();
        let (mut used_count, mut weight_sum) = (0, 0.0);
        for index in 0..match_count {
            let (home, away, goals) = checked_match(results, index)?;
            let weight = match results.weights {
                Some(weights) => FitError::check("weight", Some(index), weights[index], 0.0, WEIGHT_MAX)?,
                None => 1.0,
            };
            if weight == 0.0 {
                continue;
            }
            let is_neutral = results.is_neutral.is_some_and(|flags| flags[index]);
            let place = &mut place_of[2 * (home * team_count + away) + usize::from(is_neutral)];
            if *place == u32::MAX {
                *place = cells.len() as u32;
                cells.push(Cell { home, away, is_neutral, ..Cell::default() });
            }
            let cell = &mut cells[*place as usize];
            cell.weight += weight;
            cell.home_goals += weight * goals[0] as f64;
            cell.away_goals += weight * goals[1] as f64;
            if goals[0] <= 1 && goals[1] <= 1 {
                cell.low[2 * goals[0] + goals[1]] += weight;
            }
            sides_with[goals[0]] += weight;
            sides_with[goals[1]] += weight;
            used_count += 1;
            weight_sum += weight;
        }
        let (above, log_factorials) = above_each_count(&sides_with);
        let merged =
            Self { cells, team_count, match_count: used_count, weight: weight_sum, above, log_factorials };
        merged.check_every_team_played(results.teams)?;
        Ok(merged)
    }

    fn check_every_team_played(&self, teams: &[String]) -> Result<(), FitError> {
        let mut played = vec![false; self.team_count];
        for cell in &self.cells {
            played[cell.home] = true;
            played[cell.away] = true;
        }
        match played.iter().position(|played| !played) {
            Some(team) => Err(FitError::NoMatch { team: teams[team].clone() }),
            None => Ok(()),
        }
    }

    /// Goals times weight that each team scored and conceded, and the weight of its matches.
    pub(super) fn totals(&self) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        let mut scored = vec![0.0; self.team_count];
        let mut conceded = scored.clone();
        let mut weights = scored.clone();
        for cell in &self.cells {
            scored[cell.home] += cell.home_goals;
            scored[cell.away] += cell.away_goals;
            conceded[cell.home] += cell.away_goals;
            conceded[cell.away] += cell.home_goals;
            weights[cell.home] += cell.weight;
            weights[cell.away] += cell.weight;
        }
        (scored, conceded, weights)
    }

    pub(super) fn check_every_team_scored_and_conceded(&self, teams: &[String]) -> Result<(), FitError> {
        let (scored, conceded, _) = self.totals();
        for (goals, what) in [(scored, "scored"), (conceded, "conceded")] {
            if let Some(team) = goals.iter().position(|goals| *goals == 0.0) {
                return Err(FitError::NoGoal { team: teams[team].clone(), what });
            }
        }
        Ok(())
    }

    /// A match ties the attack of one side to the defence of the other; all must hang together.
    pub(super) fn check_connected(&self, teams: &[String]) -> Result<(), FitError> {
        let mut parents: Vec<usize> = (0..2 * self.team_count).collect();
        for cell in &self.cells {
            for (attack, defence) in [(cell.home, cell.away), (cell.away, cell.home)] {
                let (one, other) =
                    (root(&mut parents, attack), root(&mut parents, self.team_count + defence));
                parents[one.max(other)] = one.min(other);
            }
        }
        let name = |node: usize| match node.checked_sub(self.team_count) {
            None => format!("attack of {}", teams[node]),
            Some(team) => format!("defence of {}", teams[team]),
        };
        match (0..parents.len()).find(|node| root(&mut parents, *node) != 0) {
            Some(node) => Err(FitError::Disconnected { first: name(0), second: name(node) }),
            None => Ok(()),
        }
    }
}

fn check_columns(results: &Results<'_>) -> Result<usize, FitError> {
    FitError::check("number of teams", None, results.teams.len() as f64, 2.0, TEAMS_MAX as f64)?;
    let expected = results.home.len();
    let optional = [
        ("weights", results.weights.map_or(expected, <[f64]>::len)),
        ("neutral venues", results.is_neutral.map_or(expected, <[bool]>::len)),
    ];
    let columns = [
        ("away teams", results.away.len()),
        ("home goals", results.home_goals.len()),
        ("away goals", results.away_goals.len()),
    ];
    match columns.into_iter().chain(optional).find(|(_, count)| *count != expected) {
        Some((name, count)) => Err(FitError::Length { name, count, expected }),
        None => Ok(expected),
    }
}

/// Teams and goals of a match.
fn checked_match(results: &Results<'_>, index: usize) -> Result<(usize, usize, [usize; 2]), FitError> {
    let team = |name, team: u32| {
        let last = results.teams.len() as f64 - 1.0;
        FitError::check(name, Some(index), f64::from(team), 0.0, last).map(|_| team as usize)
    };
    let (home, away) = (team("home team", results.home[index])?, team("away team", results.away[index])?);
    if home == away {
        return Err(FitError::SameTeam { index, team: results.teams[home].clone() });
    }
    let goals = |name, goals: i64| {
        FitError::check(name, Some(index), goals as f64, 0.0, GOALS_MAX as f64).map(|_| goals as usize)
    };
    let home_goals = goals("home goals", results.home_goals[index])?;
    let away_goals = goals("away goals", results.away_goals[index])?;
    Ok((home, away, [home_goals, away_goals]))
}

/// The weight of the sides above each number of goals, and the sum of weight times ln(goals!).
fn above_each_count(sides_with: &[f64]) -> (Vec<f64>, f64) {
    let most = sides_with.iter().rposition(|weight| *weight > 0.0).unwrap_or(0);
    let mut above = vec![0.0; most];
    let mut sum = 0.0;
    for goals in (0..most).rev() {
        sum += sides_with[goals + 1];
        above[goals] = sum;
    }
    // A side with x goals is above 0..x and owes ln 1 + ... + ln x.
    let log_factorials = above.iter().enumerate().map(|(k, weight)| weight * libm::log((k + 1) as f64)).sum();
    (above, log_factorials)
}

fn root(parents: &mut [usize], mut node: usize) -> usize {
    while parents[node] != node {
        parents[node] = parents[parents[node]];
        node = parents[node];
    }
    node
}
