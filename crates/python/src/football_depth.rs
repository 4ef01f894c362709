//! Football beside the score: corners and cards, intervals, scorers, who goes through.

use numpy::{PyArray1, PyArray2, PyArrayMethods};
use oddsengine_pricing::football::counts_markets::{CountModel, CountProgress};
use oddsengine_pricing::football::extra_time::{ExtraTime, FirstLeg, Shootout, qualification, shootout};
use oddsengine_pricing::football::intensity::{IntensityConfig, IntensityProfile, MatchClock, Period};
use oddsengine_pricing::football::intervals::interval_shares;
use oddsengine_pricing::football::scorers::{scorer_markets, shares_from_odds};
use oddsengine_types::BoundsError;
use pyo3::prelude::*;

use crate::arrays::{Matrix, Pair, Whole};
use crate::errors::OrRaise;
use crate::pricing::score_grid;

/// Adds the functions of this file.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(football_count_grid, module)?)?;
    module.add_function(wrap_pyfunction!(football_interval_shares, module)?)?;
    module.add_function(wrap_pyfunction!(football_scorer_markets, module)?)?;
    module.add_function(wrap_pyfunction!(football_scorer_shares, module)?)?;
    module.add_function(wrap_pyfunction!(football_qualification, module)?)?;
    module.add_function(wrap_pyfunction!(football_shootout, module)?)
}

/// Final counts of both sides, and the correlation of the model before the match.
#[pyfunction]
#[allow(clippy::too_many_arguments)] // one call of a Python function with keywords
fn football_count_grid<'py>(
    py: Python<'py>,
    mean_home: f64,
    mean_away: f64,
    dispersion: f64,
    concentration: f64,
    counts: Pair<u16>,
    elapsed: f64,
    remaining: f64,
) -> PyResult<(Bound<'py, PyArray2<f64>>, f64)> {
    let model = CountModel::new(mean_home, mean_away, dispersion, concentration).or_raise()?;
    let grid = model.grid(CountProgress { counts: [counts.0, counts.1], elapsed, remaining }).or_raise()?;
    let cells = PyArray1::from_slice(py, grid.cells()).reshape([grid.size(), grid.size()])?;
    Ok((cells, model.correlation()))
}

/// Shares of a match's goals by ten minutes that are still to come.
#[pyfunction]
fn football_interval_shares(
    first_half_share: f64,
    stoppage_ms: Pair<u32>,
    period: &str,
    elapsed_ms: Whole<u32>,
) -> PyResult<[f64; 9]> {
    let config = IntensityConfig {
        first_half_share,
        first_half_stoppage_ms: stoppage_ms.0,
        second_half_stoppage_ms: stoppage_ms.1,
        ..IntensityConfig::default()
    };
    let periods = [
        ("pre_match", Period::BeforeKickOff),
        ("first_half", Period::FirstHalf),
        ("half_time", Period::HalfTime),
        ("second_half", Period::SecondHalf),
        ("full_time", Period::Ended),
    ];
    let known = periods.iter().find(|(name, _)| *name == period).map(|(_, period)| *period);
    let names = periods.map(|(name, _)| name).join(", ");
    let period =
        known.ok_or_else(|| BoundsError::new(format!("period {period:?} is none of {names}"))).or_raise()?;
    let profile = IntensityProfile::new(&config).or_raise()?;
    Ok(interval_shares(
        &profile,
        MatchClock { period, elapsed_ms: elapsed_ms.0, announced_stoppage_ms: None },
    ))
}

/// Anytime, two or more, three or more, first, last.
#[pyfunction]
fn football_scorer_markets(goals: Vec<f64>, share: f64, first: f64, last: f64) -> PyResult<[f64; 5]> {
    let found = scorer_markets(&goals, share, first, last).or_raise()?;
    Ok([found.anytime, found.two_or_more, found.three_or_more, found.first, found.last])
}

/// Shares of the players of a side from their anytime odds, and the factor they were scaled by.
#[pyfunction]
fn football_scorer_shares(
    goals: Vec<f64>,
    odds: Vec<f64>,
    own_goal: f64,
    bench: f64,
) -> PyResult<(Vec<f64>, f64)> {
    let found = shares_from_odds(&goals, &odds, own_goal, bench).or_raise()?;
    Ok((found.shares, found.factor))
}

/// Home and away: in regulation, in extra time, on penalties.
#[pyfunction]
fn football_qualification(
    grid: Matrix<'_, f64>,
    first_leg: Pair<u8>,
    away_goals_rule: bool,
    extra_means: Option<(f64, f64)>,
    shootout_home: f64,
) -> PyResult<[[f64; 3]; 2]> {
    let grid = score_grid(&grid)?;
    let first_leg = FirstLeg { home_goals: first_leg.0, away_goals: first_leg.1, away_goals_rule };
    let extra = ExtraTime {
        means: extra_means.unwrap_or_default().into(),
        shootout_home,
        is_skipped: extra_means.is_none(),
    };
    Ok(qualification(grid.cells(), grid.size(), &first_leg, &extra).or_raise()?.methods)
}

/// P(home wins the shoot-out).
#[pyfunction]
fn football_shootout(
    conversion: (f64, f64),
    scored: Pair<u8>,
    taken: Pair<u8>,
    first: Whole<u8>,
) -> PyResult<f64> {
    let now = Shootout { scored: [scored.0, scored.1], taken: [taken.0, taken.1], first: first.0 };
    shootout(conversion.into(), now).or_raise()
}
