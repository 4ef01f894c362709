//! The price of a multiple of legs of one match.

use super::LEGS_MAX;
use oddsengine_markets::football::CountKind;

use super::counts::{self, Group, Spread, lean, spread_of};
use super::legs::{Dependence, FULL, SameGameLegs};
use super::odds::{GradedMass, exponent};
use super::outcomes::{GoalSpace, HalvesSpace, SameGameOutcomes, ScoreSpace};
use super::sets::{Cells, Class, GradeSets};
use super::weights::CellWeights;
use super::{LegSet, SameGameError};

/// What a multiple of one match is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SameGamePrice {
    /// Probability that every leg wins in full.
    pub probability: f64,
    /// Odds at which the multiple is worth its stake; `1 / probability` if no leg can refund. Infinite where what is
    /// possible has no probability that a float holds.
    pub fair_odds: f64,
    /// Legs that the others imply: they win on every outcome that is left, and add nothing.
    pub implied: LegSet,
    /// Exponent `t` of the leg odds `p^-t`, with `p` the fair probability of the leg alone, if a leg can refund; their
    /// product is `fair_odds`. Below 1 where the legs help each other, above 1 where they hinder.
    pub exponent: Option<f64>,
}

/// Prices a multiple on the joint outcomes. Legs are selections of the template, by index.
///
/// Legs on the final score take 256 cells, legs on halves and intervals 14,641, legs on the order of goals the orders of
/// either; scorers, intervals and ties have exact probabilities given the goals; corners and cards are joined by a
/// Gaussian copula.
///
/// # Errors
///
/// [`SameGameError::OutsideRange`] for 0 or more than 20 legs or an index outside the template;
/// [`SameGameError::DuplicateLeg`]; [`SameGameError::Contradictory`] where no outcome that is still possible pays a part
/// of every leg; [`SameGameError::NoJointModel`] for legs that no model joins.
///
/// Reproduced in `tests/golden/same_game.json`; checked against the enumeration of outcomes in `tests/same_game.rs`.
pub fn price(
    legs: &SameGameLegs,
    outcomes: &SameGameOutcomes<'_>,
    selections: &[u16],
) -> Result<SameGamePrice, SameGameError> {
    let needs = Needs::new(legs, selections)?;
    if !needs.has_counts {
        let goals = goals(legs, outcomes, selections, needs)?;
        let implied = LegSet(goals.implied);
        let [GradedMass { signature: 0, mass }] = goals.classes[..] else {
            return with_refunds(legs, outcomes, selections, &goals.classes, implied);
        };
        let mass = decided(mass);
        let mass = decided(mass);
        return Ok(SameGamePrice { probability: mass, fair_odds: 1.0 / mass, implied, exponent: None });
    }
    let mut implied = 0;
    let mut groups = Vec::with_capacity(3);
    if needs.has_goals {
        let goals = goals(legs, outcomes, selections, needs)?;
        implied |= goals.implied;
        groups.push(Group { classes: goals.classes.into_vec(), lean: goals.lean, kind: 0 });
    }
    for kind in CountKind::ALL {
        groups.extend(counts::group(legs, outcomes, selections, kind, &mut implied)?);
    }
    let classes = counts::together(&groups);
    with_refunds(legs, outcomes, selections, &classes, LegSet(implied))
}

/// The fair probability of each leg alone: won, given that it is not refunded; 0 for a leg that cannot win.
///
/// # Errors
/// As [`price`].
pub fn leg_probabilities(
    legs: &SameGameLegs,
    outcomes: &SameGameOutcomes<'_>,
    selections: &[u16],
) -> Result<Vec<f64>, SameGameError> {
    Needs::new(legs, selections)?;
    selections
        .iter()
        .enumerate()
        .map(|(place, &selection)| single(legs, outcomes, selection, place))
        .collect()
}

fn single(
    legs: &SameGameLegs,
    outcomes: &SameGameOutcomes<'_>,
    selection: u16,
    place: usize,
) -> Result<f64, SameGameError> {
    let index = usize::from(selection);
    let (win, refund) = match legs.dependence(index) {
        Dependence::Score => single_on(&ScoreSpace(outcomes), legs, legs.on_score(index)),
        Dependence::Halves => single_on(&HalvesSpace::new(outcomes)?, legs, legs.on_halves(index)),
        Dependence::Count { .. } => counts::single(legs, outcomes, index, place)?,
        _ => {
            let alone = [selection];
            let needs = Needs::new(legs, &alone)?;
            match goals(legs, outcomes, &alone, needs) {
                Ok(goals) => (goals.classes[0].mass, 0.0),
                Err(SameGameError::Contradictory) => (0.0, 0.0),
                Err(error) => return Err(error),
            }
        }
    };
    Ok(decided(crate::board::fair_probability(win, refund)))
}

/// A probability with the rounding of its sums taken off: what is certain is 1.
fn decided(probability: f64) -> f64 {
    // Sums of at most 14,641 cells are off by less.
    if probability > 1.0 - 1e-12 { 1.0 } else { probability }
}

fn single_on<const WORDS: usize>(
    space: &impl GoalSpace<WORDS>,
    legs: &SameGameLegs,
    sets: &GradeSets<WORDS>,
) -> (f64, f64) {
    let (mut win, mut refund) = (space.mass(&sets.won, None, None), 0.0);
    for (grade, cells) in &sets.partial {
        let grade = legs.template().grades[usize::from(*grade)];
        let mass = space.mass(cells, None, None);
        win += mass * grade.win_share();
        refund += mass * grade.refund_share();
    }
    (win, refund)
}

/// Which spaces a multiple needs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Needs {
    pub has_halves: bool,
    /// A leg that has a probability given the goals.
    pub has_weights: bool,
    pub has_goals: bool,
    pub has_counts: bool,
}

impl Needs {
    /// Checks the legs one by one.
    pub fn new(legs: &SameGameLegs, selections: &[u16]) -> Result<Self, SameGameError> {
        SameGameError::check("number of legs", selections.len() as f64, 1.0, LEGS_MAX as f64)?;
        let mut needs = Self::default();
        for (place, &selection) in selections.iter().enumerate() {
            SameGameError::check("selection", f64::from(selection), 0.0, legs.count() as f64 - 1.0)?;
            if selections[..place].contains(&selection) {
                return Err(SameGameError::DuplicateLeg { leg: place });
            }
            match legs.dependence(selection.into()) {
                Dependence::Score | Dependence::Order => needs.has_goals = true,
                Dependence::Halves => (needs.has_goals, needs.has_halves) = (true, true),
                Dependence::Interval { .. } => {
                    (needs.has_goals, needs.has_halves, needs.has_weights) = (true, true, true);
                }
                Dependence::Player { .. } | Dependence::NoScorer | Dependence::Tie { .. } => {
                    (needs.has_goals, needs.has_weights) = (true, true);
                }
                Dependence::Count { .. } => needs.has_counts = true,
                Dependence::Alone => {
                    return Err(SameGameError::NoJointModel {
                        leg: place,
                        why: "it is void without extra time",
                    });
                }
            }
        }
        Ok(needs)
    }
}

/// The legs that are functions of goals or have a probability given them.
struct Goals {
    classes: Box<[GradedMass]>,
    implied: u32,
    /// As [`Group::lean`]; computed only beside counts.
    lean: [f64; 2],
}

fn goals(
    legs: &SameGameLegs,
    outcomes: &SameGameOutcomes<'_>,
    selections: &[u16],
    needs: Needs,
) -> Result<Goals, SameGameError> {
    let weights = if needs.has_weights { CellWeights::new(legs, outcomes, selections)? } else { None };
    let question = Question { legs, outcomes, selections, weights: weights.as_ref(), needs };
    if needs.has_halves {
        question.answer(&HalvesSpace::new(outcomes)?, |selection| legs.on_halves(selection))
    } else {
        question.answer(&ScoreSpace(outcomes), |selection| legs.on_score(selection))
    }
}

/// The goal legs of a multiple.
struct Question<'q> {
    legs: &'q SameGameLegs,
    outcomes: &'q SameGameOutcomes<'q>,
    selections: &'q [u16],
    weights: Option<&'q CellWeights>,
    needs: Needs,
}

/// The cells that are left to goal legs once orders and weighted legs had their say, and the orders asked for.
pub(super) fn base<const WORDS: usize>(
    space: &impl GoalSpace<WORDS>,
    legs: &SameGameLegs,
    outcomes: &SameGameOutcomes<'_>,
    selections: &[u16],
    weights: Option<&CellWeights>,
) -> (Cells<WORDS>, Option<u128>) {
    let mut cells = space.possible();
    let mut orders = weights.and_then(CellWeights::orders);
    for &selection in selections {
        if legs.dependence(selection.into()) == Dependence::Order {
            orders = Some(orders.unwrap_or(u128::MAX) & legs.on_order(selection.into()));
        }
    }
    if let Some(weights) = weights {
        cells = cells.filtered(|cell| space.weight(cell, weights) > 0.0);
    }
    if let Some(wanted) = orders {
        let wanted = wanted & outcomes.possible_orders();
        cells = cells.filtered(|cell| space.orders_of(cell) & wanted != 0);
    }
    (cells, orders)
}

impl Question<'_> {
    fn answer<'l, const WORDS: usize>(
        &self,
        space: &impl GoalSpace<WORDS>,
        sets_of: impl Fn(usize) -> &'l GradeSets<WORDS>,
    ) -> Result<Goals, SameGameError> {
        let (cells, orders) = base(space, self.legs, self.outcomes, self.selections, self.weights);
        let mut places = [0; LEGS_MAX];
        let mut goal_legs: [Option<&GradeSets<WORDS>>; LEGS_MAX] = [None; LEGS_MAX];
        let mut count = 0;
        for (place, &selection) in self.selections.iter().enumerate() {
            if matches!(self.legs.dependence(selection.into()), Dependence::Score | Dependence::Halves) {
                places[count] = place;
                goal_legs[count] = Some(sets_of(selection.into()));
                count += 1;
            }
        }
        let goal_legs = goal_legs[..count].iter().flatten().copied();
        let winning = goal_legs.clone().fold(cells, |cells, leg| cells.and(&leg.winning));
        if winning.is_empty() {
            return Err(SameGameError::Contradictory);
        }
        let mut implied = implied_goal_legs(&cells, goal_legs.clone(), &places);
        if orders.is_some() || self.weights.is_some() {
            implied |= self.implied_others(space, &sets_of)?;
        }
        let kept = goal_legs.clone().fold(cells, |cells, leg| cells.and(&leg.kept));
        let lean = if self.needs.has_counts {
            lean(space.moments(&kept, self.weights), &self.outcomes.spread())
        } else {
            [0.0; 2]
        };
        let graded = |signature, cells: &Cells<WORDS>| GradedMass {
            signature,
            mass: space.mass(cells, self.weights, orders).clamp(0.0, 1.0),
        };
        if goal_legs.clone().all(|leg| leg.partial.is_empty()) {
            return Ok(Goals { classes: Box::new([graded(0, &winning)]), implied, lean });
        }
        let mut classes = vec![Class { signature: 0, cells }];
        for (leg, &place) in goal_legs.zip(&places) {
            leg.split(place, &mut classes);
        }
        let classes = classes.iter().map(|class| graded(class.signature, &class.cells)).collect();
        Ok(Goals { classes, implied, lean })
    }

    /// Legs on orders, and legs with weights, that hold wherever the others do.
    fn implied_others<'l, const WORDS: usize>(
        &self,
        space: &impl GoalSpace<WORDS>,
        sets_of: &impl Fn(usize) -> &'l GradeSets<WORDS>,
    ) -> Result<u32, SameGameError> {
        let mut implied = 0;
        for (place, &selection) in self.selections.iter().enumerate() {
            let dependence = self.legs.dependence(selection.into());
            if matches!(dependence, Dependence::Score | Dependence::Halves | Dependence::Count { .. }) {
                continue;
            }
            let others: Vec<u16> =
                self.selections.iter().copied().filter(|&other| other != selection).collect();
            let without = CellWeights::new(self.legs, self.outcomes, &others)?;
            let (cells, orders) = base(space, self.legs, self.outcomes, &others, without.as_ref());
            let is_goal_leg = |selection: u16| {
                matches!(self.legs.dependence(selection.into()), Dependence::Score | Dependence::Halves)
            };
            let kept = others
                .iter()
                .filter(|&&other| is_goal_leg(other))
                .fold(cells, |cells, &other| cells.and(&sets_of(other.into()).kept));
            let mut can_fail = false;
            if dependence == Dependence::Order {
                let failing = orders.unwrap_or(u128::MAX)
                    & self.outcomes.possible_orders()
                    & !self.legs.on_order(selection.into());
                kept.for_each(|cell| can_fail |= space.orders_of(cell) & failing != 0);
            } else {
                let weight = |weights: Option<&CellWeights>, cell| {
                    weights.map_or(1.0, |weights| space.weight(cell, weights))
                };
                let is_ordered = self.weights.and_then(CellWeights::orders).is_some();
                kept.for_each(|cell| {
                    let (all, rest) = (weight(self.weights, cell), weight(without.as_ref(), cell));
                    // Weights that are given an order are not comparable with others: such a leg is taken to add.
                    can_fail |= is_ordered || all < rest * (1.0 - 1e-12);
                });
            }
            implied |= u32::from(!can_fail) << place;
        }
        Ok(implied)
    }
}

impl SameGameOutcomes<'_> {
    /// Mean and deviation of the total and the difference of goals.
    fn spread(&self) -> Spread {
        let cells = self.score_cells().iter().enumerate();
        spread_of(cells.map(|(cell, &mass)| (mass, [(cell / FULL) as f64, (cell % FULL) as f64])))
    }
}

/// Goal legs that win in full wherever all others return something.
fn implied_goal_legs<'l, const WORDS: usize>(
    cells: &Cells<WORDS>,
    legs: impl Iterator<Item = &'l GradeSets<WORDS>> + Clone,
    places: &[usize],
) -> u32 {
    let mut implied = 0;
    for (index, leg) in legs.clone().enumerate() {
        let others = legs
            .clone()
            .enumerate()
            .filter(|(other, _)| *other != index)
            .fold(*cells, |cells, (_, other)| cells.and(&other.kept));
        implied |= u32::from(others.is_subset_of(&leg.won)) << places[index];
    }
    implied
}

/// The price from the ways in which all legs may be graded.
fn with_refunds(
    legs: &SameGameLegs,
    outcomes: &SameGameOutcomes<'_>,
    selections: &[u16],
    classes: &[GradedMass],
    implied: LegSet,
) -> Result<SameGamePrice, SameGameError> {
    let won = classes.iter().filter(|class| class.signature == 0).map(|class| class.mass).sum::<f64>();
    let probability = decided(won.max(0.0));
    if classes.iter().all(|class| class.signature == 0) {
        return Ok(SameGamePrice { probability, fair_odds: 1.0 / probability, implied, exponent: None });
    }
    let singles = leg_probabilities(legs, outcomes, selections)?;
    let mut logs = [0.0; LEGS_MAX];
    logs.iter_mut().zip(&singles).for_each(|(log, p)| *log = -libm::log(p.min(1.0)));
    let logs = &logs[..singles.len()];
    let grades = &legs.template().grades;
    let shares = |grade: u8| {
        let grade = grades[usize::from(grade)];
        (grade.win_share(), grade.refund_share())
    };
    let wins_something = |class: &GradedMass| {
        (0..singles.len()).any(|leg| match (class.signature >> (4 * leg)) as u8 & 15 {
            0 => true,
            grade => shares(grade).0 > 0.0,
        })
    };
    let is_worthless = logs.iter().any(|log| log.is_infinite())
        || classes.iter().all(|class| class.mass <= 0.0 || !wins_something(class));
    if is_worthless {
        return Ok(SameGamePrice { probability, fair_odds: f64::INFINITY, implied, exponent: None });
    }
    let exponent = exponent(classes, logs, shares)?;
    let fair_odds = libm::exp(exponent * logs.iter().sum::<f64>());
    Ok(SameGamePrice { probability, fair_odds, implied, exponent: Some(exponent) })
}

const _: () = assert!(LEGS_MAX * 4 <= 128);
