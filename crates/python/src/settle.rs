//! Grades of selections at a final score, and what bets return.

use oddsengine_markets::football::{FootballOutcome, FootballView, GoalOrder, Period, Side};
use oddsengine_markets::{Outcome, Template, template};
use oddsengine_types::bounds::LEGS_MAX;
use oddsengine_types::{BoundsError, Grade, MONEY_MINOR_MAX, STAKE_MINOR_MAX, payout_minor};
use pyo3::prelude::*;

use crate::arrays::{Pair, Whole};
use crate::errors::{OrRaise, SelectionError};
use crate::odds::struck_odds;
use crate::pricing::football;

/// Adds the functions of this file.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(settle_grade, module)?)?;
    module.add_function(wrap_pyfunction!(settle_return_per_unit, module)?)?;
    module.add_function(wrap_pyfunction!(settle_accumulator, module)?)
}

/// Goals of the match, of the first half, and the sides in the order of their goals: as much as is known.
type Known = (Pair<u16>, Option<Pair<u16>>, Option<String>);

/// Numerators of the won and the refunded share of the stake, their denominator, and the grade's name.
#[pyfunction]
fn settle_grade(selection: &str, outcome: Known) -> PyResult<(u16, u16, u16, String)> {
    let grade = grade(selection, &outcome)?;
    let (win, refund, of) = grade.parts();
    Ok((win, refund, of, grade.to_string()))
}

/// What one unit staked returns, the stake included.
#[pyfunction]
fn settle_return_per_unit(selection: &str, odds: f64, outcome: Known) -> PyResult<f64> {
    let (numerator, denominator) =
        grade(selection, &outcome)?.return_ratio(struck_odds(odds).or_raise()?.e4());
    Ok(numerator as f64 / denominator as f64)
}

/// Odds, and the won and refunded share of the stake with their denominator.
type LegParts = (f64, Whole<u16>, Whole<u16>, Whole<u16>);

/// What a stake on legs of (odds, won share, refunded share, of) pays.
#[pyfunction]
fn settle_accumulator(legs: Vec<LegParts>, stake_minor: Whole<i64>) -> PyResult<i64> {
    if !(1..=LEGS_MAX).contains(&legs.len()) {
        return Err(BoundsError::outside("number of legs", legs.len(), 1, LEGS_MAX)).or_raise();
    }
    let Whole(stake_minor) = stake_minor;
    check_stake(stake_minor).or_raise()?;
    let leg = |&(odds, Whole(win), Whole(refund), Whole(of)): &LegParts| {
        let odds = struck_odds(odds)?;
        let wrong =
            || BoundsError::new(format!("grade ({win} + {refund}) / {of} is not a share of the stake"));
        Ok((odds.e4(), Grade::new(win, refund, of).ok_or_else(wrong)?))
    };
    let legs = legs.iter().map(leg).collect::<Result<Vec<_>, BoundsError>>().or_raise()?;
    // The engine's payouts stop there; here it is a number that would be too low.
    match payout_minor(stake_minor, &legs) {
        MONEY_MINOR_MAX => {
            let what =
                format!("payout of {MONEY_MINOR_MAX} minor units or more is outside 0..{MONEY_MINOR_MAX}");
            Err(BoundsError::new(what)).or_raise()
        }
        payout_minor => Ok(payout_minor),
    }
}

/// A stake within its bounds.
pub fn check_stake(stake_minor: i64) -> Result<(), BoundsError> {
    match (1..=STAKE_MINOR_MAX).contains(&stake_minor) {
        true => Ok(()),
        false => Err(BoundsError::outside("stake in minor units", stake_minor, 1, STAKE_MINOR_MAX)),
    }
}

/// What must be known to grade a selection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Needs {
    /// The final score.
    Score,
    /// The half-time score too.
    Halves,
    /// The order of the goals.
    Order,
}

/// What must be known to grade a selection: said by the view it lives on.
pub fn needs(template: &Template, selection: usize) -> Needs {
    match FootballView::ALL[usize::from(template.view_of(selection))] {
        FootballView::Score(Period::Match)
        | FootballView::Difference(Period::Match)
        | FootballView::Goals(Period::Match, _) => Needs::Score,
        FootballView::Order => Needs::Order,
        _ => Needs::Halves,
    }
}

/// The index of a selection by `market key/selection name`.
pub fn selection_index(template: &Template, text: &str) -> Result<usize, SelectionError> {
    let (market, name) = text.split_once('/').ok_or_else(|| {
        SelectionError(format!("{text:?} is not of the form market/selection, such as 1x2/home"))
    })?;
    let market_index = template
        .market_index(market)
        .ok_or_else(|| SelectionError(format!("there is no football market {market:?}")))?;
    template.selection_index(market_index, name).ok_or_else(|| {
        let names =
            template.markets[market_index].selections().map(|index| template.selections[index].name.as_str());
        let names: Vec<&str> = names.take(12).collect();
        SelectionError(format!("market {market:?} has no selection {name:?}, but {}", names.join(", ")))
    })
}

fn pair(Pair(home, away): Pair<u16>) -> (u16, u16) {
    (home, away)
}

fn grade(text: &str, outcome: &Known) -> PyResult<Grade> {
    let template = template(football());
    let selection = selection_index(template, text).or_raise()?;
    let (score, half_time, goals) = outcome;
    let missing = match needs(template, selection) {
        Needs::Halves if half_time.is_none() => Some("half-time score"),
        Needs::Order if goals.is_none() => Some("order of the goals"),
        _ => None,
    };
    if let Some(missing) = missing {
        return Err(SelectionError(format!("{text} cannot be graded without the {missing}"))).or_raise();
    }
    let outcome = football_outcome(pair(*score), half_time.map(pair), goals.as_deref()).or_raise()?;
    Ok(template.grade(selection, &Outcome::Football(outcome)))
}

fn football_outcome(
    score: (u16, u16),
    half_time: Option<(u16, u16)>,
    goals: Option<&str>,
) -> Result<FootballOutcome, BoundsError> {
    const GOALS_MAX: u16 = 99;
    let wrong = |what: String| Err(BoundsError::new(what));
    if score.0.max(score.1) > GOALS_MAX {
        return Err(BoundsError::outside("goals of a side", score.0.max(score.1), 0, GOALS_MAX));
    }
    let first = half_time.unwrap_or_default();
    if first.0 > score.0 || first.1 > score.1 {
        return wrong(format!("half-time score {}-{} exceeds {}-{}", first.0, first.1, score.0, score.1));
    }
    let second = [score.0 - first.0, score.1 - first.1];
    let mut outcome = FootballOutcome::from_halves([first.0, first.1], second);
    if let Some(goals) = goals {
        let side = |letter| match letter {
            'h' | 'H' => Ok(Side::Home),
            'a' | 'A' => Ok(Side::Away),
            other => Err(BoundsError::new(format!("side {other:?} is neither h nor a"))),
        };
        let sides = goals.chars().map(side).collect::<Result<Vec<Side>, _>>()?;
        let count = |wanted| sides.iter().filter(|&&side| side == wanted).count();
        if (count(Side::Home), count(Side::Away)) != (usize::from(score.0), usize::from(score.1)) {
            return wrong(format!("goals {goals:?} do not make the score {}-{}", score.0, score.1));
        }
        outcome.order = GoalOrder::from_sides(sides);
    }
    Ok(outcome)
}
