//! The price of a multiple of legs of one match.

use oddsengine_types::bounds::LEGS_MAX;

use super::legs::{Dependence, HALF_CELLS, SameGameLegs};
use super::odds::{GradedMass, exponent};
use super::outcomes::{GoalSpace, HalvesSpace, SameGameOutcomes, ScoreSpace};
use super::players::{self, PlayerLeg, PlayerWeights, Squad};
use super::sets::{Cells, Class, GradeSets};
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
    /// Exponent `t` of the leg odds `p^-t`, with `p` the fair probability of the leg alone; their product is
    /// `fair_odds`. Below 1 where the legs help each other, above 1 where they hinder.
    pub exponent: Option<f64>,
}

/// The legs of one multiple: selections of the template, then player legs.
#[derive(Clone, Copy, Debug, Default)]
pub struct SameGame<'a> {
    /// Indexes of selections in the template.
    pub selections: &'a [u16],
    /// Player legs; they follow the selections in every list of legs.
    pub players: &'a [PlayerLeg],
}

/// Prices a multiple exactly on the joint outcomes.
///
/// Legs on the final score take 256 cells, legs on halves 14,641, legs on the order of goals and first or last
/// scorers the orders of either; players are independent given the goals of their side.
///
/// # Errors
///
/// [`SameGameError::OutsideRange`] for 0 or more than 20 legs, an index outside the template or a squad, shares outside
/// their range; [`SameGameError::DuplicateLeg`]; [`SameGameError::Contradictory`] where no outcome that is still
/// possible pays a part of every leg.
///
/// Reproduced in `tests/golden/same_game.json`; checked against the enumeration of outcomes in `tests/same_game.rs`.
pub fn price(
    legs: &SameGameLegs<'_>,
    outcomes: &SameGameOutcomes,
    squad: &Squad,
    multiple: SameGame<'_>,
) -> Result<SameGamePrice, SameGameError> {
    check(legs, multiple)?;
    let weights = weights(outcomes, squad, multiple.players)?;
    let is_score = |&selection: &u16| legs.dependence(selection.into()) != Dependence::Halves;
    if multiple.selections.iter().all(is_score) {
        price_on(&ScoreSpace(outcomes), legs, outcomes, squad, multiple, weights.as_ref(), |selection| {
            legs.on_score(selection)
        })
    } else {
        let space = HalvesSpace::new(outcomes)?;
        price_on(&space, legs, outcomes, squad, multiple, weights.as_ref(), |selection| {
            legs.on_halves(selection)
        })
    }
}

/// The fair probability of each leg alone: won, given that it is not refunded; 0 for a leg that cannot win.
///
/// # Errors
/// As [`price`].
pub fn leg_probabilities(
    legs: &SameGameLegs<'_>,
    outcomes: &SameGameOutcomes,
    squad: &Squad,
    multiple: SameGame<'_>,
) -> Result<Vec<f64>, SameGameError> {
    check(legs, multiple)?;
    let mut singles = Vec::with_capacity(multiple.selections.len() + multiple.players.len());
    for &selection in multiple.selections {
        let selection = usize::from(selection);
        let (win, refund) = match legs.dependence(selection) {
            Dependence::Score => single_on(&ScoreSpace(outcomes), legs, legs.on_score(selection)),
            Dependence::Halves => single_on(&HalvesSpace::new(outcomes)?, legs, legs.on_halves(selection)),
            Dependence::Order => {
                let space = ScoreSpace(outcomes);
                (space.mass(&space.possible(), None, Some(legs.on_order(selection))), 0.0)
            }
        };
        singles.push(crate::board::fair_probability(win, refund));
    }
    for leg in multiple.players {
        let weights = PlayerWeights::new(squad, outcomes.state.order.count, std::slice::from_ref(leg))?;
        let space = ScoreSpace(outcomes);
        singles.push(space.mass(&space.possible(), Some(&weights), weights.orders));
    }
    Ok(singles)
}

fn single_on<const WORDS: usize>(
    space: &impl GoalSpace<WORDS>,
    legs: &SameGameLegs<'_>,
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

pub(super) fn check(legs: &SameGameLegs<'_>, multiple: SameGame<'_>) -> Result<(), SameGameError> {
    let count = multiple.selections.len() + multiple.players.len();
    SameGameError::check("number of legs", count as f64, 1.0, LEGS_MAX as f64)?;
    for (index, &selection) in multiple.selections.iter().enumerate() {
        SameGameError::check("selection", f64::from(selection), 0.0, legs.count() as f64 - 1.0)?;
        if multiple.selections[..index].contains(&selection) {
            return Err(SameGameError::DuplicateLeg { leg: index });
        }
    }
    for (index, leg) in multiple.players.iter().enumerate() {
        if multiple.players[..index].contains(leg) {
            return Err(SameGameError::DuplicateLeg { leg: multiple.selections.len() + index });
        }
    }
    Ok(())
}

pub(super) fn weights(
    outcomes: &SameGameOutcomes,
    squad: &Squad,
    legs: &[PlayerLeg],
) -> Result<Option<PlayerWeights>, SameGameError> {
    if legs.is_empty() {
        return Ok(None);
    }
    PlayerWeights::new(squad, outcomes.state.order.count, legs).map(Some)
}

/// The cells that are left to goal legs once orders and players had their say, and the orders asked for.
pub(super) fn base<const WORDS: usize>(
    space: &impl GoalSpace<WORDS>,
    legs: &SameGameLegs<'_>,
    outcomes: &SameGameOutcomes,
    selections: &[u16],
    players: Option<&PlayerWeights>,
) -> (Cells<WORDS>, Option<u128>) {
    let mut cells = space.possible();
    let mut orders = players.and_then(|players| players.orders);
    for &selection in selections {
        if legs.dependence(selection.into()) == Dependence::Order {
            orders = Some(orders.unwrap_or(u128::MAX) & legs.on_order(selection.into()));
        }
    }
    if let Some(players) = players {
        cells = cells.filtered(|cell| {
            let (home, away) = space.added(cell);
            players.at(home, away) > 0.0
        });
    }
    if let Some(wanted) = orders {
        let wanted = wanted & outcomes.possible_orders();
        cells = cells.filtered(|cell| space.orders_of(cell) & wanted != 0);
    }
    (cells, orders)
}

fn price_on<'l, const WORDS: usize>(
    space: &impl GoalSpace<WORDS>,
    legs: &SameGameLegs<'_>,
    outcomes: &SameGameOutcomes,
    squad: &Squad,
    multiple: SameGame<'_>,
    players: Option<&PlayerWeights>,
    sets_of: impl Fn(usize) -> &'l GradeSets<WORDS>,
) -> Result<SameGamePrice, SameGameError> {
    let (cells, orders) = base(space, legs, outcomes, multiple.selections, players);
    let mut places = [0; LEGS_MAX];
    let mut goal_legs: [Option<&GradeSets<WORDS>>; LEGS_MAX] = [None; LEGS_MAX];
    let mut count = 0;
    for (place, &selection) in multiple.selections.iter().enumerate() {
        if legs.dependence(selection.into()) != Dependence::Order {
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
    let implied = implied_goal_legs(&cells, goal_legs.clone(), &places)
        | implied_orders(space, legs, outcomes, multiple.selections, players, sets_of)
        | players::implied(multiple.players) << multiple.selections.len();
    let implied = LegSet(implied);
    if goal_legs.clone().all(|leg| leg.partial.is_empty()) {
        let probability = space.mass(&winning, players, orders).clamp(0.0, 1.0);
        return Ok(SameGamePrice { probability, fair_odds: 1.0 / probability, implied, exponent: None });
    }
    let mut classes = vec![Class { signature: 0, cells }];
    for (leg, &place) in goal_legs.zip(&places) {
        leg.split(place, &mut classes);
    }
    let masses: Vec<GradedMass> = classes
        .iter()
        .map(|class| GradedMass {
            signature: class.signature,
            mass: space.mass(&class.cells, players, orders),
        })
        .collect();
    let singles = leg_probabilities(legs, outcomes, squad, multiple)?;
    let mut logs = [0.0; LEGS_MAX];
    logs.iter_mut().zip(&singles).for_each(|(log, p)| *log = -libm::log(p.min(1.0)));
    let logs = &logs[..singles.len()];
    let grades = &legs.template().grades;
    let shares = |grade: u8| {
        let grade = grades[usize::from(grade)];
        (grade.win_share(), grade.refund_share())
    };
    let probability = masses[0].mass.clamp(0.0, 1.0);
    let is_worthless = logs.iter().any(|log| log.is_infinite())
        || classes
            .iter()
            .zip(&masses)
            .all(|(class, graded)| graded.mass <= 0.0 || !class.cells.meets(&winning));
    if is_worthless {
        return Ok(SameGamePrice { probability, fair_odds: f64::INFINITY, implied, exponent: None });
    }
    let exponent = exponent(&masses, logs, shares)?;
    Ok(SameGamePrice {
        probability,
        fair_odds: libm::exp(exponent * logs.iter().sum::<f64>()),
        implied,
        exponent: Some(exponent),
    })
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

/// Order legs that win in every order that the others leave.
fn implied_orders<'l, const WORDS: usize>(
    space: &impl GoalSpace<WORDS>,
    legs: &SameGameLegs<'_>,
    outcomes: &SameGameOutcomes,
    selections: &[u16],
    players: Option<&PlayerWeights>,
    sets_of: impl Fn(usize) -> &'l GradeSets<WORDS>,
) -> u32 {
    let is_order = |selection: u16| legs.dependence(selection.into()) == Dependence::Order;
    let mut implied = 0;
    for (place, _) in selections.iter().enumerate().filter(|(_, selection)| is_order(**selection)) {
        let others: Vec<u16> =
            selections.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, s)| *s).collect();
        let (cells, orders) = base(space, legs, outcomes, &others, players);
        let cells = others
            .iter()
            .filter(|&&selection| !is_order(selection))
            .fold(cells, |cells, &selection| cells.and(&sets_of(selection.into()).kept));
        let failing = orders.unwrap_or(u128::MAX)
            & outcomes.possible_orders()
            & !legs.on_order(selections[place].into());
        let mut can_fail = false;
        cells.for_each(|cell| can_fail |= space.orders_of(cell) & failing != 0);
        implied |= u32::from(!can_fail) << place;
    }
    implied
}

const _: () = assert!(LEGS_MAX * 4 <= 128 && HALF_CELLS <= 128);
