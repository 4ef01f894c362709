//! Legs on corners and cards: exact among themselves, joined with the others by a Gaussian copula.
//!
//! A group of legs is one event or several graded classes. What ties two groups is how far each of them leans towards
//! many goals (corners, cards) and towards the home side: the biserial correlation of the group with the total and
//! with the difference of its own counts. The correlation between groups is the sum over both of
//! `lean of one x correlation of the counts x lean of the other`.

use oddsengine_markets::football::CountKind;

use super::SameGameError;
use super::combinable::Combinable;
use super::gaussian::{density, joint, quantile};
use super::legs::{COUNT_WORDS, CountCells, Dependence, SameGameLegs};
use super::odds::GradedMass;
use super::outcomes::SameGameOutcomes;
use super::sets::{Class, GradeSets};
use crate::football::counts_markets::COUNT_SIZE;
use crate::football::depth::DepthFill;

/// Correlation of totals and of differences between two counts of a match, given the strength of its sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CountCorrelation {
    /// Of the totals of both sides.
    pub totals: f64,
    /// Of home less away.
    pub differences: f64,
}

/// Goals with corners, goals with cards, corners with cards.
///
/// Residuals given the odds before the match, on 6,390 matches of 18 league seasons; corners with cards without the odds
/// (`benches/accuracy/football_counts.py`).
pub const CORRELATIONS: [CountCorrelation; 3] = [
    CountCorrelation { totals: -0.035, differences: -0.122 },
    CountCorrelation { totals: -0.043, differences: -0.089 },
    CountCorrelation { totals: -0.067, differences: -0.130 },
];

/// Legs that are exact among themselves.
pub(super) struct Group {
    /// Ways in which they may be graded, none of them lost.
    pub classes: Vec<GradedMass>,
    /// How far the event that none of them is lost leans towards a large total, and towards home.
    pub lean: [f64; 2],
    /// 0 for goals, 1 for corners, 2 for cards.
    pub kind: usize,
}

/// What groups are compared with: the mean and spread of totals and differences.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spread {
    pub mean: [f64; 2],
    pub deviation: [f64; 2],
}

/// The biserial correlation of an event with a count: `(E[count | event] - E[count]) p / (deviation density)`.
pub(super) fn lean([mass, total, difference]: [f64; 3], spread: &Spread) -> [f64; 2] {
    if mass <= 0.0 || mass >= 1.0 {
        return [0.0; 2];
    }
    let height = density(quantile(mass));
    let of = |sum: f64, index: usize| {
        let deviation = spread.deviation[index];
        if deviation > 0.0 {
            ((sum - mass * spread.mean[index]) / (deviation * height)).clamp(-1.0, 1.0)
        } else {
            0.0
        }
    };
    [of(total, 0), of(difference, 1)]
}

/// The group of the legs on one kind of count; `None` without any.
pub(super) fn group(
    legs: &SameGameLegs,
    outcomes: &SameGameOutcomes<'_>,
    selections: &[u16],
    kind: CountKind,
    implied: &mut u32,
) -> Result<Option<Group>, SameGameError> {
    let mut found: Vec<(usize, &GradeSets<COUNT_WORDS>)> = Vec::new();
    let mut period = None;
    for (place, &selection) in selections.iter().enumerate() {
        let Dependence::Count { kind: of, is_first_half } = legs.dependence(selection.into()) else {
            continue;
        };
        if of != kind {
            continue;
        }
        if *period.get_or_insert(is_first_half) != is_first_half {
            return Err(SameGameError::NoJointModel {
                leg: place,
                why: "counts of the first half and the match",
            });
        }
        found.push((place, legs.on_counts(selection.into())));
    }
    let Some(is_first_half) = period else { return Ok(None) };
    let (possible, masses) = distribution(outcomes, kind, is_first_half, found[0].0)?;
    let winning = found.iter().fold(possible, |cells, (_, leg)| cells.and(&leg.winning));
    if winning.is_empty() {
        return Err(SameGameError::Contradictory);
    }
    for &(place, leg) in &found {
        let others = found.iter().filter(|(other, _)| *other != place);
        let others = others.fold(possible, |cells, (_, other)| cells.and(&other.kept));
        *implied |= u32::from(others.is_subset_of(&leg.won)) << place;
    }
    let mut classes = vec![Class { signature: 0, cells: possible }];
    found.iter().for_each(|(place, leg)| leg.split(*place, &mut classes));
    let kept = found.iter().fold(possible, |cells, (_, leg)| cells.and(&leg.kept));
    let classes = classes
        .iter()
        .map(|class| GradedMass { signature: class.signature, mass: moments(&masses, &class.cells)[0] })
        .collect();
    let kind = 1 + kind as usize;
    Ok(Some(Group { classes, lean: lean(moments(&masses, &kept), &spread(&masses)), kind }))
}

/// A leg on a count alone: probability that it wins and that it is refunded.
pub(super) fn single(
    legs: &SameGameLegs,
    outcomes: &SameGameOutcomes<'_>,
    selection: usize,
    place: usize,
) -> Result<(f64, f64), SameGameError> {
    let Dependence::Count { kind, is_first_half } = legs.dependence(selection) else {
        panic!("the selection is on a count")
    };
    let (_, masses) = distribution(outcomes, kind, is_first_half, place)?;
    let sets = legs.on_counts(selection);
    let (mut win, mut refund) = (moments(&masses, &sets.won)[0], 0.0);
    for (grade, cells) in &sets.partial {
        let grade = legs.template().grades[usize::from(*grade)];
        let mass = moments(&masses, cells)[0];
        win += mass * grade.win_share();
        refund += mass * grade.refund_share();
    }
    Ok((win, refund))
}

/// Whether a multiple can take a further leg on a count: only legs on the same count can rule it out.
pub(super) fn combinable(
    legs: &SameGameLegs,
    outcomes: &SameGameOutcomes<'_>,
    selections: &[u16],
    candidate: u16,
) -> Combinable {
    let Dependence::Count { kind, is_first_half } = legs.dependence(candidate.into()) else {
        panic!("the candidate is on a count")
    };
    let Some(fill) = outcomes.depth.as_ref() else { return Combinable::NoModel };
    let mut others: Vec<&GradeSets<COUNT_WORDS>> = Vec::new();
    for &selection in selections {
        match legs.dependence(selection.into()) {
            Dependence::Count { kind: of, is_first_half: half } if of == kind => {
                if half != is_first_half {
                    return Combinable::NoModel;
                }
                others.push(legs.on_counts(selection.into()));
            }
            _ => {}
        }
    }
    let leg = legs.on_counts(candidate.into());
    let possible = possible(fill, kind, is_first_half);
    let with = |cells: CountCells, legs: &[&GradeSets<COUNT_WORDS>]| {
        legs.iter().fold(cells, |cells, leg| cells.and(&leg.kept))
    };
    let winning = others.iter().fold(possible, |cells, leg| cells.and(&leg.winning));
    if !winning.meets(&leg.winning) {
        return Combinable::Contradicts;
    }
    if with(possible, &others).is_subset_of(&leg.won) {
        return Combinable::Implied;
    }
    for index in 0..others.len() {
        let rest: Vec<_> =
            others.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, leg)| *leg).collect();
        if with(possible, &rest).and(&leg.kept).is_subset_of(&others[index].won) {
            return Combinable::Implies;
        }
    }
    Combinable::Yes
}

fn possible(fill: &DepthFill<'_>, kind: CountKind, is_first_half: bool) -> CountCells {
    let [home, away] = fill.count_progress(kind, is_first_half).counts.map(usize::from);
    let mut possible = CountCells::EMPTY;
    if !fill.state.half_is_open(usize::from(!is_first_half)) {
        possible.insert(home * COUNT_SIZE + away);
        return possible;
    }
    for home in home..COUNT_SIZE {
        (away..COUNT_SIZE).for_each(|away| possible.insert(home * COUNT_SIZE + away));
    }
    possible
}

type Masses = Box<[f64; COUNT_SIZE * COUNT_SIZE]>;

/// Final counts that are possible, and the probability of each.
fn distribution(
    outcomes: &SameGameOutcomes<'_>,
    kind: CountKind,
    is_first_half: bool,
    place: usize,
) -> Result<(CountCells, Masses), SameGameError> {
    let fill = outcomes
        .depth
        .as_ref()
        .ok_or(SameGameError::NoJointModel { leg: place, why: "nothing is expected beside the score" })?;
    let possible = possible(fill, kind, is_first_half);
    let mut masses: Masses = Box::new([0.0; COUNT_SIZE * COUNT_SIZE]);
    match fill.state.half_is_open(usize::from(!is_first_half)) {
        true => fill.fill_counts(kind, fill.count_progress(kind, is_first_half), &mut masses[..])?,
        false => possible.for_each(|cell| masses[cell] = 1.0),
    }
    Ok((possible, masses))
}

/// Mass of cells, and its parts of the expected total and difference.
fn moments(masses: &Masses, cells: &CountCells) -> [f64; 3] {
    let mut sums = [0.0; 3];
    cells.for_each(|cell| {
        let (home, away) = ((cell / COUNT_SIZE) as f64, (cell % COUNT_SIZE) as f64);
        sums[0] += masses[cell];
        sums[1] += masses[cell] * (home + away);
        sums[2] += masses[cell] * (home - away);
    });
    sums
}

fn spread(masses: &Masses) -> Spread {
    spread_of(
        masses
            .iter()
            .enumerate()
            .map(|(cell, &mass)| (mass, [(cell / COUNT_SIZE) as f64, (cell % COUNT_SIZE) as f64])),
    )
}

/// Mean and deviation of total and difference from masses of pairs.
pub(super) fn spread_of(pairs: impl Iterator<Item = (f64, [f64; 2])>) -> Spread {
    let (mut first, mut second) = ([0.0; 2], [0.0; 2]);
    for (mass, [home, away]) in pairs {
        for (index, value) in [home + away, home - away].into_iter().enumerate() {
            first[index] += mass * value;
            second[index] += mass * value * value;
        }
    }
    let deviation = [0, 1].map(|index| (second[index] - first[index] * first[index]).max(0.0).sqrt());
    Spread { mean: first, deviation }
}

/// How the legs of all groups may be graded together.
pub(super) fn together(groups: &[Group]) -> Vec<GradedMass> {
    let count = groups.len();
    let mut correlations = vec![0.0; count * count];
    for a in 0..count {
        for b in 0..count {
            correlations[a * count + b] = if a == b { 1.0 } else { correlation(&groups[a], &groups[b]) };
        }
    }
    // Classes from the best to the worst: an event is "this class or a better one".
    let ranked: Vec<Vec<(&GradedMass, f64)>> = groups.iter().map(ranked).collect();
    let mut result = Vec::new();
    let mut choice = vec![0; count];
    loop {
        let mass = rectangle(&ranked, &choice, &correlations);
        let signature =
            choice.iter().zip(&ranked).fold(0, |all, (&index, classes)| all | classes[index].0.signature);
        result.push(GradedMass { signature, mass: mass.max(0.0) });
        // The next choice, as a number with a digit per group.
        let Some(digit) = (0..count).rev().find(|&digit| choice[digit] + 1 < ranked[digit].len()) else {
            return result;
        };
        choice[digit] += 1;
        choice[digit + 1..].fill(0);
    }
}

/// Classes with what they and all better ones sum to; the fewer legs fall short, the better.
fn ranked(group: &Group) -> Vec<(&GradedMass, f64)> {
    let short = |class: &GradedMass| (0..32).filter(|leg| class.signature >> (4 * leg) & 15 != 0).count();
    let mut classes: Vec<&GradedMass> = group.classes.iter().collect();
    classes.sort_by_key(|class| short(class));
    let mut sum = 0.0;
    classes
        .into_iter()
        .map(|class| {
            sum += class.mass;
            (class, sum)
        })
        .collect()
}

/// Probability that every group is in the chosen class, by inclusion and exclusion of "or better".
fn rectangle(ranked: &[Vec<(&GradedMass, f64)>], choice: &[usize], correlations: &[f64]) -> f64 {
    let count = ranked.len();
    let mut mass = 0.0;
    for corner in 0_u32..1 << count {
        let mut events = [0.0; 3];
        let mut is_empty = false;
        for (group, classes) in ranked.iter().enumerate() {
            let is_lower = corner >> group & 1 == 1;
            events[group] = match (choice[group], is_lower) {
                (0, true) => {
                    is_empty = true;
                    0.0
                }
                (index, true) => classes[index - 1].1,
                (index, false) => classes[index].1,
            };
        }
        if !is_empty {
            let sign = if corner.count_ones() % 2 == 0 { 1.0 } else { -1.0 };
            mass += sign
                * joint(&events[..count].iter().map(|p| p.min(1.0)).collect::<Vec<_>>(), correlations)
                    .probability;
        }
    }
    mass
}

fn correlation(a: &Group, b: &Group) -> f64 {
    let of = CORRELATIONS[a.kind + b.kind - 1];
    let sum = a.lean[0] * of.totals * b.lean[0] + a.lean[1] * of.differences * b.lean[1];
    sum.clamp(-0.95, 0.95)
}

const _: () = assert!(CountKind::ALL.len() == 2 && CORRELATIONS.len() == 3);
