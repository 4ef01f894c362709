//! Which further selections a multiple can take: the whole template in one call.

use super::LEGS_MAX;

use super::SameGameError;
use super::counts;
use super::legs::{Dependence, SameGameLegs};
use super::outcomes::{GoalSpace, HalvesSpace, SameGameOutcomes, ScoreSpace};
use super::price::{Needs, base, price};
use super::sets::{Cells, GradeSets};
use super::weights::CellWeights;

/// What a further selection would do to a multiple.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Combinable {
    /// It can be added.
    Yes,
    /// No possible outcome pays a part of it and of every leg.
    Contradicts,
    /// It wins wherever the legs do: it adds nothing, or is a leg already.
    Implied,
    /// With it a leg of the multiple wins wherever the others do: it takes that leg's place.
    Implies,
    /// No model joins it with the legs, or they are as many as a multiple may have.
    NoModel,
}

impl Combinable {
    /// `yes`, `contradicts`, `implied`, `implies`, `no_model`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Contradicts => "contradicts",
            Self::Implied => "implied",
            Self::Implies => "implies",
            Self::NoModel => "no_model",
        }
    }
}

/// For every selection of the template: whether the multiple can take it.
///
/// Of selections on goals only possibility counts, not probability: the answer changes with the score and the period,
/// not with prices. A multiple without legs can take every selection that is not decided.
///
/// # Errors
/// As [`price`]; [`SameGameError::Contradictory`] if the legs contradict each other already.
pub fn combinable(
    legs: &SameGameLegs,
    outcomes: &SameGameOutcomes<'_>,
    selections: &[u16],
) -> Result<Vec<Combinable>, SameGameError> {
    let mut answers = vec![Combinable::Yes; legs.count()];
    let needs = if selections.is_empty() { Needs::default() } else { Needs::new(legs, selections)? };
    if !selections.is_empty() {
        price(legs, outcomes, selections)?;
    }
    let weights = CellWeights::new(legs, outcomes, selections)?;
    let of = |wanted: Dependence| (0..legs.count()).filter(move |&index| legs.dependence(index) == wanted);
    let needs_halves = needs.has_halves || weights.as_ref().is_some_and(CellWeights::needs_halves);
    if !needs_halves {
        let on_score = |selection| legs.on_score(selection);
        let left = Left::new(&ScoreSpace(outcomes), legs, outcomes, selections, weights.as_ref(), on_score)?;
        of(Dependence::Score).for_each(|index| answers[index] = left.goal_leg(legs.on_score(index)));
        of(Dependence::Order).for_each(|index| answers[index] = left.order_leg(legs.on_order(index)));
    }
    let on_halves = |selection| legs.on_halves(selection);
    let space = HalvesSpace::new(outcomes)?;
    let left = Left::new(&space, legs, outcomes, selections, weights.as_ref(), on_halves)?;
    of(Dependence::Halves).for_each(|index| answers[index] = left.goal_leg(legs.on_halves(index)));
    if needs_halves {
        of(Dependence::Score).for_each(|index| answers[index] = left.goal_leg(legs.on_halves(index)));
        of(Dependence::Order).for_each(|index| answers[index] = left.order_leg(legs.on_order(index)));
    }
    let has_weights = needs.has_weights;
    for (index, answer) in answers.iter_mut().enumerate() {
        if matches!(legs.dependence(index), Dependence::Count { .. }) {
            *answer = counts::combinable(legs, outcomes, selections, index as u16);
            continue;
        }
        let is_goal_leg =
            matches!(legs.dependence(index), Dependence::Score | Dependence::Halves | Dependence::Order);
        // A leg with a weight can be implied by any other, an order of goals may have no model with it.
        if !is_goal_leg || (has_weights && *answer == Combinable::Yes) {
            *answer = by_price(legs, outcomes, selections, index as u16)?;
        }
    }
    if selections.len() == LEGS_MAX {
        answers
            .iter_mut()
            .filter(|answer| **answer == Combinable::Yes)
            .for_each(|answer| *answer = Combinable::NoModel);
    }
    selections.iter().for_each(|&index| answers[usize::from(index)] = Combinable::Implied);
    Ok(answers)
}

/// The answer for one selection, from the price of the multiple with it.
fn by_price(
    legs: &SameGameLegs,
    outcomes: &SameGameOutcomes<'_>,
    selections: &[u16],
    selection: u16,
) -> Result<Combinable, SameGameError> {
    let mut with = selections.to_vec();
    with.push(selection);
    match price(legs, outcomes, &with) {
        Ok(price) if price.implied.contains(selections.len()) => Ok(Combinable::Implied),
        Ok(price) if !price.implied.is_empty() => Ok(Combinable::Implies),
        Ok(price) if price.fair_odds.is_finite() => Ok(Combinable::Yes),
        // No share of any goal is known of him: what has no probability is not offered.
        Ok(_) | Err(SameGameError::Contradictory) => Ok(Combinable::Contradicts),
        Err(SameGameError::DuplicateLeg { .. }) => Ok(Combinable::Implied),
        Err(SameGameError::NoJointModel { .. } | SameGameError::UntoldScorer) => Ok(Combinable::NoModel),
        Err(SameGameError::OutsideRange { name: "number of legs", .. }) => Ok(Combinable::NoModel),
        Err(error) => Err(error),
    }
}

/// What the legs leave: cells, and the orders of goals that go with them.
struct Left<const WORDS: usize> {
    /// Where every leg pays a part.
    winning: Cells<WORDS>,
    /// Where every leg returns something.
    kept: Cells<WORDS>,
    winning_orders: u128,
    kept_orders: u128,
    /// Per leg: where it does not win in full and all others return something.
    failing: Vec<(Cells<WORDS>, u128)>,
}

impl<const WORDS: usize> Left<WORDS> {
    fn new<'l>(
        space: &impl GoalSpace<WORDS>,
        legs: &SameGameLegs,
        outcomes: &SameGameOutcomes<'_>,
        selections: &[u16],
        weights: Option<&CellWeights>,
        sets_of: impl Fn(usize) -> &'l GradeSets<WORDS>,
    ) -> Result<Self, SameGameError> {
        let dependence = |selection: u16| legs.dependence(selection.into());
        let is_goal_leg =
            |selection: u16| matches!(dependence(selection), Dependence::Score | Dependence::Halves);
        let goal_legs = |selections: &[u16]| -> Vec<&'l GradeSets<WORDS>> {
            let goals = selections.iter().filter(|selection| is_goal_leg(**selection));
            goals.map(|&selection| sets_of(selection.into())).collect()
        };
        let possible_orders = outcomes.possible_orders();
        let orders_of = |cells: &Cells<WORDS>, wanted: u128| {
            let mut orders = 0;
            cells.for_each(|cell| orders |= space.orders_of(cell));
            orders & wanted & possible_orders
        };
        let (cells, orders) = base(space, legs, outcomes, selections, weights);
        let orders = orders.unwrap_or(u128::MAX);
        let sets = goal_legs(selections);
        let winning = sets.iter().fold(cells, |cells, leg| cells.and(&leg.winning));
        let kept = sets.iter().fold(cells, |cells, leg| cells.and(&leg.kept));
        if winning.is_empty() {
            return Err(SameGameError::Contradictory);
        }
        let mut failing = Vec::with_capacity(selections.len());
        for (place, &selection) in selections.iter().enumerate() {
            if !is_goal_leg(selection) && dependence(selection) != Dependence::Order {
                continue;
            }
            let others: Vec<u16> =
                selections.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, &s)| s).collect();
            let (cells, orders) = base(space, legs, outcomes, &others, weights);
            let cells = goal_legs(&others).iter().fold(cells, |cells, leg| cells.and(&leg.kept));
            let orders = orders.unwrap_or(u128::MAX);
            failing.push(if dependence(selection) == Dependence::Order {
                let wanted = orders & possible_orders & !legs.on_order(selection.into());
                let cells = cells.filtered(|cell| space.orders_of(cell) & wanted != 0);
                (cells, orders_of(&cells, wanted))
            } else {
                let cells = cells.minus(&sets_of(selection.into()).won);
                (cells, orders_of(&cells, orders))
            });
        }
        Ok(Self {
            winning_orders: orders_of(&winning, orders),
            kept_orders: orders_of(&kept, orders),
            winning,
            kept,
            failing,
        })
    }

    fn goal_leg(&self, leg: &GradeSets<WORDS>) -> Combinable {
        if !self.winning.meets(&leg.winning) {
            return Combinable::Contradicts;
        }
        if self.kept.is_subset_of(&leg.won) {
            return Combinable::Implied;
        }
        let implies = self.failing.iter().any(|(cells, _)| !cells.meets(&leg.kept));
        if implies { Combinable::Implies } else { Combinable::Yes }
    }

    fn order_leg(&self, orders: u128) -> Combinable {
        if self.winning_orders & orders == 0 {
            return Combinable::Contradicts;
        }
        if self.kept_orders & !orders == 0 {
            return Combinable::Implied;
        }
        let implies = self.failing.iter().any(|(_, failing)| failing & orders == 0);
        if implies { Combinable::Implies } else { Combinable::Yes }
    }
}
