//! What market prices say about corners, cards, scorers and the shoot-out.

use oddsengine_markets::Template;
use oddsengine_markets::football::{CountKind, FootballFormat, Side};
use oddsengine_types::BoundsError;

use super::counts_markets::{CountModel, CountProgress};
use super::depth::{CARDS, CORNERS, DepthExpectation, OWN_GOAL_SHARE};
use super::extra_time::{EXTRA_TIME_SHARE, ExtraTime, qualification};
use super::score_markets::quarters_from_line;
use super::scorers::shares_from_odds;
use super::{DixonColes, FootballError, LineShares, ScoreGrid};
use crate::margin::{self, MarginMethod};
use crate::model::MarketPrices;

/// Share of goals that players without a price take, where others of their side have one.
pub const UNLISTED_SHARE: f64 = 0.05;

/// Takes over what prices beside the score say; returns how many of them it understood.
///
/// | market | sets |
/// |---|---|
/// | `corners_total:*`, `cards_total:*` | the expected total |
/// | `corners_handicap:*`, `cards_handicap:*`, `corners_1x2`, `cards_1x2` | its split between the sides |
/// | `anytime_scorer` | the shares of the players with a price |
/// | `to_qualify` | the shoot-out, given the goals |
///
/// # Errors
/// Prices that no parameters explain, with the reason.
pub(crate) fn calibrate_depth(
    format: &FootballFormat,
    template: &Template,
    prices: &[MarketPrices<'_>],
    model: &DixonColes,
    depth: &mut DepthExpectation,
) -> Result<usize, BoundsError> {
    let key = |price: &MarketPrices<'_>| template.markets[price.market].key.clone();
    let mut understood = 0;
    // Totals first: a split is solved at its total.
    for of_split in [false, true] {
        for price in prices {
            let key = key(price);
            for kind in CountKind::ALL {
                let Some(rest) = key.strip_prefix(kind.name()) else { continue };
                if is_split(rest) == Some(of_split) {
                    set_count(kind, rest, price, depth).map_err(|error| told(&key, &error))?;
                    understood += 1;
                }
            }
        }
    }
    for price in prices {
        let key = key(price);
        match key.as_str() {
            "anytime_scorer" => {
                set_shares(format, price, model, depth).map_err(|error| told(&key, &error))?
            }
            "to_qualify" => set_shootout(format, price, model, depth).map_err(|error| told(&key, &error))?,
            _ => continue,
        }
        understood += 1;
    }
    Ok(understood)
}

fn told(key: &str, error: &FootballError) -> BoundsError {
    BoundsError::new(format!("{key}: {error}"))
}

/// Whether a market of a count sets its split or its total; neither for a half, a side or odd and even.
fn is_split(rest: &str) -> Option<bool> {
    match rest.split_once(':').map_or(rest, |(stem, _)| stem) {
        "_total" => Some(false),
        "_handicap" | "_1x2" => Some(true),
        _ => None,
    }
}

/// Fair probabilities from the odds of every selection.
fn fair<const N: usize>(price: &MarketPrices<'_>) -> Result<[f64; N], FootballError> {
    let mut inverse = [0.0; N];
    FootballError::check("number of prices", price.odds_e4.len() as f64, N as f64, N as f64)?;
    for (inverse, &odds_e4) in inverse.iter_mut().zip(price.odds_e4) {
        FootballError::check("odds in ten-thousandths", odds_e4.into(), 10_010.0, 1e7)?;
        *inverse = 10_000.0 / f64::from(odds_e4);
    }
    let mut fair = [0.0; N];
    margin::remove(MarginMethod::Multiplicative, &inverse, 1.0, &mut fair)?;
    Ok(fair)
}

fn set_count(
    kind: CountKind,
    rest: &str,
    price: &MarketPrices<'_>,
    depth: &mut DepthExpectation,
) -> Result<(), FootballError> {
    let [dispersion, concentration] = if kind == CountKind::Corners { CORNERS } else { CARDS };
    let mean = if kind == CountKind::Corners { &mut depth.corners } else { &mut depth.cards };
    let total: f64 = mean.iter().sum();
    let share = mean[0] / total;
    let grid = |total: f64, share: f64| {
        CountModel::new(total * share, total * (1.0 - share), dispersion, concentration)?
            .grid(CountProgress::START)
    };
    let line = match rest.split_once(':') {
        Some((_, line)) => quarters_from_line(line.parse().unwrap_or(f64::NAN))?,
        None => 0,
    };
    let probability = |shares: LineShares| shares.fair_probability().unwrap_or(0.5);
    if is_split(rest) == Some(false) {
        let [over, _] = fair(price)?;
        let total = increasing("expected count", over, 0.2, 60.0, |total| {
            Ok(probability(grid(total, share)?.over(line)))
        })?;
        *mean = [total * share, total * (1.0 - share)];
        return Ok(());
    }
    let share = if rest == "_1x2" {
        let [home, _, away] = fair(price)?;
        increasing("split of a count", home - away, 0.02, 0.98, |share| {
            let grid = grid(total, share)?;
            Ok(grid.home() - grid.away())
        })?
    } else {
        let [home, _] = fair(price)?;
        increasing("split of a count", home, 0.02, 0.98, |share| {
            Ok(probability(grid(total, share)?.asian_handicap_home(line)))
        })?
    };
    *mean = [total * share, total * (1.0 - share)];
    Ok(())
}

fn set_shares(
    format: &FootballFormat,
    price: &MarketPrices<'_>,
    model: &DixonColes,
    depth: &mut DepthExpectation,
) -> Result<(), FootballError> {
    let grid = ScoreGrid::from_dixon_coles(model);
    let size = grid.size();
    let mut goals = [vec![0.0; size], vec![0.0; size]];
    for (cell, mass) in grid.cells().iter().enumerate() {
        goals[0][cell / size] += mass;
        goals[1][cell % size] += mass;
    }
    let mut start = 0;
    for side in Side::BOTH {
        let count = usize::from(format.players[side.index()]);
        let all = &price.odds_e4[start..start + count];
        start += count;
        let odds: Vec<f64> = all
            .iter()
            .filter(|&&odds_e4| odds_e4 > 0)
            .map(|&odds_e4| f64::from(odds_e4) / 10_000.0)
            .collect();
        let mut shares = vec![0.0; count];
        if !odds.is_empty() {
            let found = shares_from_odds(&goals[side.index()], &odds, OWN_GOAL_SHARE, UNLISTED_SHARE)?;
            let mut found = found.shares.into_iter();
            for (share, _) in shares.iter_mut().zip(all).filter(|(_, odds_e4)| **odds_e4 > 0) {
                *share = found.next().expect("a share for every price");
            }
        }
        *(if side == Side::Home { &mut depth.shares_home } else { &mut depth.shares_away }) = shares;
    }
    Ok(())
}

fn set_shootout(
    format: &FootballFormat,
    price: &MarketPrices<'_>,
    model: &DixonColes,
    depth: &mut DepthExpectation,
) -> Result<(), FootballError> {
    let [home, _] = fair(price)?;
    let Some(knockout) = format.knockout else { return Ok(()) };
    let grid = ScoreGrid::from_dixon_coles(model);
    let qualifies = |shootout_home: f64| {
        let extra = ExtraTime {
            means: [model.lambda_home() * EXTRA_TIME_SHARE, model.lambda_away() * EXTRA_TIME_SHARE],
            shootout_home,
            is_skipped: !knockout.extra_time,
        };
        let found = qualification(grid.cells(), grid.size(), &knockout.first_leg, &extra)?;
        Ok(found.side(0) / (found.side(0) + found.side(1)))
    };
    depth.shootout_home = increasing("shoot-out", home, 0.1, 0.9, qualifies)?;
    Ok(())
}

/// The root of an increasing function between two ends, by bisection: calibration is no hot path, and the functions
/// have steps of rounding.
fn increasing(
    name: &'static str,
    wanted: f64,
    low: f64,
    high: f64,
    value: impl Fn(f64) -> Result<f64, FootballError>,
) -> Result<f64, FootballError> {
    let (min, max) = (value(low)?, value(high)?);
    if !(wanted > min && wanted < max) {
        return Err(FootballError::NoRoot { name, value: wanted, min, max });
    }
    let (mut low, mut high) = (low, high);
    for _ in 0..50 {
        let middle = 0.5 * (low + high);
        if value(middle)? < wanted { low = middle } else { high = middle }
    }
    Ok(0.5 * (low + high))
}
