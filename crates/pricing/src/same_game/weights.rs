//! Legs that are not functions of the goals, but have a probability given them: scorers, intervals, who goes through.

use oddsengine_markets::football::{
    Credit, Decision, INTERVAL_GOALS_MAX, PairRule, Period, Side, TieMethod, interval_goals, score_of,
    tie_cell,
};
use oddsengine_types::Grade;

use super::SameGameError;
use super::legs::{Dependence, FULL, HALF, HALF_CELLS, SameGameLegs};
use super::outcomes::SameGameOutcomes;
use super::players::{GoalCredit, PLAYERS_MAX, Player, PlayerCondition, PlayerLeg, PlayerWeights, Squad};
use crate::football::depth::{DepthFill, OWN_GOAL_SHARE};
use crate::football::extra_time::in_extra_time;
use crate::football::intervals::{INTERVAL_GOALS, binomial_rows};

/// The probability that legs hold, given the goals.
#[derive(Clone, Debug, Default)]
pub(super) struct CellWeights {
    players: Option<Box<PlayerWeights>>,
    /// By final score.
    tie: Option<Box<[f64; FULL * FULL]>>,
    /// By score of each half.
    intervals: Option<Box<[[f64; HALF_CELLS]; 2]>>,
}

impl CellWeights {
    /// The weights of the legs among these that have one; `None` without any.
    pub fn new(
        legs: &SameGameLegs,
        outcomes: &SameGameOutcomes<'_>,
        selections: &[u16],
    ) -> Result<Option<Self>, SameGameError> {
        let mut asked = Asked::default();
        for (place, &selection) in selections.iter().enumerate() {
            match legs.dependence(selection.into()) {
                Dependence::Player { side, player, condition } => {
                    asked.players.push((place, side, player, condition));
                }
                Dependence::NoScorer => asked.no_scorer = Some(place),
                Dependence::Interval { interval, rule } => asked.intervals.push((place, interval, rule)),
                Dependence::Tie { cells } => {
                    asked.tie = Some((place, asked.tie.map_or(cells, |(_, known)| known & cells)))
                }
                // Given the halves not every order is equally likely: the first half's goals come first.
                Dependence::Halves => asked.is_ordered = true,
                Dependence::Order => (asked.is_ordered, asked.has_order_legs) = (true, true),
                _ => {}
            }
        }
        if asked.is_empty() {
            return Ok(None);
        }
        let place = asked.first();
        let fill = outcomes
            .depth
            .as_ref()
            .ok_or(SameGameError::NoJointModel { leg: place, why: "nothing is expected beside the score" })?;
        let weights = Self {
            players: asked.players(outcomes, fill)?.map(Box::new),
            tie: asked.tie.map(|(_, cells)| tie(fill, cells)).transpose()?.map(Box::new),
            intervals: asked.intervals(fill)?.map(Box::new),
        };
        Ok(Some(weights))
    }

    /// Whether the goals of each half matter.
    pub fn needs_halves(&self) -> bool {
        self.intervals.is_some()
    }

    /// Orders of goals that the weights are given.
    pub fn orders(&self) -> Option<u128> {
        self.players.as_ref().and_then(|players| players.orders)
    }

    /// Given a final score that adds `added` goals.
    #[inline]
    pub fn on_score(&self, cell: usize, (home, away): (usize, usize)) -> f64 {
        let players = self.players.as_ref().map_or(1.0, |players| players.at(home, away));
        players * self.tie.as_ref().map_or(1.0, |tie| tie[cell])
    }

    /// Given the scores of both halves that add `added` goals.
    #[inline]
    pub fn on_halves(&self, first: usize, second: usize, (home, away): (usize, usize)) -> f64 {
        let players = self.players.as_ref().map_or(1.0, |players| players.at(home, away));
        let intervals = self.intervals.as_ref().map_or(1.0, |halves| halves[0][first] * halves[1][second]);
        let tie = self.tie.as_ref().map_or(1.0, |tie| {
            let home = (first / HALF + second / HALF).min(FULL - 1);
            let away = (first % HALF + second % HALF).min(FULL - 1);
            tie[home * FULL + away]
        });
        players * intervals * tie
    }
}

/// The legs that have weights, with their places.
#[derive(Default)]
struct Asked {
    players: Vec<(usize, Side, u8, PlayerCondition)>,
    no_scorer: Option<usize>,
    intervals: Vec<(usize, u8, PairRule)>,
    tie: Option<(usize, u8)>,
    has_order_legs: bool,
    /// Legs on the order of goals or on halves.
    is_ordered: bool,
}

impl Asked {
    fn is_empty(&self) -> bool {
        self.players.is_empty() && self.no_scorer.is_none() && self.intervals.is_empty() && self.tie.is_none()
    }

    /// Place of the first leg that has a weight.
    fn first(&self) -> usize {
        let places = self.players.iter().map(|leg| leg.0).chain(self.no_scorer);
        let places = places.chain(self.intervals.iter().map(|leg| leg.0)).chain(self.tie.map(|tie| tie.0));
        places.min().unwrap_or(0)
    }

    fn players(
        &self,
        outcomes: &SameGameOutcomes<'_>,
        fill: &DepthFill<'_>,
    ) -> Result<Option<PlayerWeights>, SameGameError> {
        if self.players.is_empty() && self.no_scorer.is_none() {
            return Ok(None);
        }
        let state = &outcomes.state;
        let depth = &state.depth;
        if Side::BOTH.into_iter().any(|side| depth.unknown_scorers(&state.order, side) > 0) {
            return Err(SameGameError::UntoldScorer);
        }
        let mut known: Vec<(Side, u8)> = Vec::new();
        for &(place, side, player, _) in &self.players {
            if !known.contains(&(side, player)) {
                if known.len() == PLAYERS_MAX {
                    return Err(SameGameError::NoJointModel { leg: place, why: "more than eight players" });
                }
                known.push((side, player));
            }
        }
        let credit = |goal: Option<(u16, Side, Credit)>| {
            goal.map(|(_, side, credit)| {
                let index =
                    known.iter().position(|&(of, player)| of == side && credit == Credit::Player(player));
                index.map_or(GoalCredit::Other, |index| GoalCredit::Player(index as u8))
            })
        };
        let squad = Squad {
            players: known
                .iter()
                .map(|&(side, player)| Player {
                    side,
                    share: if depth.is_off(side, player) {
                        0.0
                    } else {
                        fill.expectation.share(side, player)
                    },
                    goals: depth.goals_of(&state.order, side, player).min(255) as u8,
                })
                .collect(),
            first: credit(depth.first_counted(&state.order)),
            latest: credit(depth.last_counted(&state.order)),
            own_goal: OWN_GOAL_SHARE,
        };
        if let Some(leg) = self.no_scorer {
            return match self.players.is_empty() {
                true => Ok(Some(PlayerWeights::without_scorer(&squad))),
                false => Err(SameGameError::NoJointModel { leg, why: "a scorer and no scorer" }),
            };
        }
        let legs: Vec<PlayerLeg> = self
            .players
            .iter()
            .map(|&(_, side, player, condition)| {
                let index = known.iter().position(|&of| of == (side, player)).expect("listed above");
                PlayerLeg { player: index as u8, condition }
            })
            .collect();
        // Whoever is not to play, or came on after the first goal, wins nothing of it.
        let is_late = |&(_, side, player, condition): &(usize, Side, u8, _)| {
            let came_on_at = depth.came_on_at(side, player);
            let first = depth.first_counted(&state.order).map(|(index, ..)| index);
            let is_absent = came_on_at.is_none() && !state.half_is_open(1);
            let is_void = condition == PlayerCondition::ScoresFirst
                && first.is_some_and(|first| came_on_at.is_none_or(|at| first < at));
            is_absent || is_void
        };
        if self.players.iter().any(is_late) {
            return Err(SameGameError::Contradictory);
        }
        PlayerWeights::new(&squad, self.is_ordered, &legs).map(Some)
    }

    /// Probability, given the score of each half, that the goals to come fall in the intervals as the legs say.
    fn intervals(&self, fill: &DepthFill<'_>) -> Result<Option<[[f64; HALF_CELLS]; 2]>, SameGameError> {
        let Some(&(place, ..)) = self.intervals.first() else { return Ok(None) };
        if self.has_order_legs || self.players.iter().any(|(.., condition)| condition.is_of_order()) {
            return Err(SameGameError::NoJointModel {
                leg: place,
                why: "an interval and the order of goals",
            });
        }
        let all_odds = fill.interval_odds();
        let mut halves = [[1.0; HALF_CELLS]; 2];
        for (half, weights) in halves.iter_mut().enumerate() {
            let mut plan: Vec<(u8, f64, Vec<PairRule>)> = Vec::new();
            for &(place, interval, rule) in &self.intervals {
                let odds = all_odds[usize::from(interval)];
                if odds[0] > 0.0 && odds[1] > 0.0 {
                    return Err(SameGameError::NoJointModel {
                        leg: place,
                        why: "an interval of both halves",
                    });
                }
                // What has passed is a fact; it is counted with the half that still has goals to come.
                let of_half = usize::from(odds[0] == 0.0);
                if of_half != half {
                    continue;
                }
                match plan.iter_mut().find(|(known, ..)| *known == interval) {
                    Some((_, _, rules)) => rules,
                    None => {
                        plan.push((interval, odds[half], Vec::new()));
                        &mut plan.last_mut().expect("pushed").2
                    }
                }
                .push(rule);
            }
            *weights = interval_weights(fill, half, &plan);
        }
        Ok(Some(halves))
    }
}

/// One half: (interval, probability that a goal to come falls in it, what its goals must be).
fn interval_weights(
    fill: &DepthFill<'_>,
    half: usize,
    plan: &[(u8, f64, Vec<PairRule>)],
) -> [f64; HALF_CELLS] {
    const { assert!(INTERVAL_GOALS == INTERVAL_GOALS_MAX + 1) };
    // Probability for goals that are left when the intervals up to here are filled: backwards over the plan.
    let mut left = [1.0; HALF_CELLS];
    let mut odds_before: f64 = plan.iter().map(|(_, odds, _)| odds).sum();
    let outcome = fill.state.outcome();
    for (interval, odds, rules) in plan.iter().rev() {
        odds_before -= odds;
        // Of the goals that earlier intervals leave, this one takes each with the odds it has among the rest.
        let share = if *odds > 0.0 { (odds / (1.0 - odds_before).max(*odds)).min(1.0) } else { 0.0 };
        let rows = binomial_rows(share);
        let now = interval_goals(&outcome, *interval);
        let allows = |home: usize, away: usize| {
            let goals = (now[0] + home as u16, now[1] + away as u16);
            rules.iter().all(|rule| rule.grade(goals) == Grade::WON)
        };
        let mut next = [0.0; HALF_CELLS];
        for (cell, slot) in next.iter_mut().enumerate() {
            let (home, away) = (cell / HALF, cell % HALF);
            for got_home in 0..=home.min(INTERVAL_GOALS - 1) {
                for got_away in 0..=away.min(INTERVAL_GOALS - 1) {
                    if allows(got_home, got_away) {
                        let rest = (home - got_home) * HALF + away - got_away;
                        *slot += rows[home][got_home] * rows[away][got_away] * left[rest];
                    }
                }
            }
        }
        left = next;
    }
    // From goals to come to the score of the half.
    let [home, away] = fill.state.goals[half].map(usize::from);
    std::array::from_fn(|cell| match ((cell / HALF).checked_sub(home), (cell % HALF).checked_sub(away)) {
        (Some(home), Some(away)) => left[home * HALF + away],
        _ => 0.0,
    })
}

/// Probability, given the final score, that the tie ends in one of the cells.
fn tie(fill: &DepthFill<'_>, cells: u8) -> Result<[f64; FULL * FULL], SameGameError> {
    let knockout = fill.state.format.knockout.expect("the format has a tie");
    let is_wanted = |side: usize, method: usize| cells >> (3 * side + method) & 1 == 1;
    let mut weights = [0.0; FULL * FULL];
    if fill.state.half_is_open(1) {
        let extra = fill.extra(&knockout);
        for (cell, slot) in weights.iter_mut().enumerate() {
            let goals = [(cell / FULL) as u16, (cell % FULL) as u16];
            let methods = match knockout.first_leg.decision(goals) {
                Decision::Through(side) => {
                    *slot = f64::from(u8::from(is_wanted(side.index(), 0)));
                    continue;
                }
                Decision::Level => in_extra_time(goals, &knockout.first_leg, &extra)?.methods,
            };
            for (side, methods) in methods.iter().enumerate() {
                let wanted = methods.iter().enumerate().filter(|(method, _)| is_wanted(side, *method));
                *slot += wanted.map(|(_, mass)| mass).sum::<f64>();
            }
        }
        return Ok(weights);
    }
    // Regulation is over: one number for the score that stands.
    let (home, away) = score_of(fill.state.goals, Period::Match);
    let mut grid = [0.0; FULL * FULL];
    grid[usize::from(home).min(FULL - 1) * FULL + usize::from(away).min(FULL - 1)] = 1.0;
    let now = fill.tie(&grid, &knockout)?;
    let wanted = Side::BOTH
        .into_iter()
        .flat_map(|side| TieMethod::ALL.into_iter().map(move |method| tie_cell(side, method)));
    let sum: f64 = wanted.filter(|&cell| cells >> cell & 1 == 1).map(|cell| now[cell]).sum();
    weights.fill(sum);
    Ok(weights)
}
