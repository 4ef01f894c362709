//! Football models: calibration, grids, markets, in play, whole boards.

use numpy::{PyArray1, PyArray2, PyArrayMethods};
use oddsengine_engine::Config;
use oddsengine_markets::football::FootballFormat;
use oddsengine_markets::{Format, LiveState, Template, sport_id, template};
use oddsengine_pricing::board::{BoardOffers, PriceRules, ViewPrefixes, fair_probability};
use oddsengine_pricing::football::calibration::{self, CalibratedMatch, MatchPrices};
use oddsengine_pricing::football::counts::NegativeBinomial;
use oddsengine_pricing::football::inplay::{self, Half};
use oddsengine_pricing::football::intensity::RateMultipliers;
use oddsengine_pricing::football::markets_basket::{self, BASKET_SIZE};
use oddsengine_pricing::football::markov::{self, MatchState};
use oddsengine_pricing::football::weibull;
use oddsengine_pricing::football::{
    DixonColes, FootballError, LINE_QUARTERS_MAX, LineShares, ScoreGrid, line_from_quarters,
    quarters_from_line,
};
use oddsengine_pricing::margin::{MarginError, MarginMethod};
use oddsengine_pricing::model::{FootballParameters, ModelConfig, Models, Parameters};
use oddsengine_types::{BoundsError, Odds};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arrays::{Column, Matrix, Pair, Whole};
use crate::errors::{OrRaise, Raise, raise_in_row};
use crate::odds::named;

/// Adds the functions of this file.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(dixon_coles_rho_bounds, module)?)?;
    module.add_function(wrap_pyfunction!(dixon_coles_check, module)?)?;
    module.add_function(wrap_pyfunction!(football_calibrate, module)?)?;
    module.add_function(wrap_pyfunction!(football_calibrate_batch, module)?)?;
    module.add_function(wrap_pyfunction!(football_calibrate_from_odds, module)?)?;
    module.add_function(wrap_pyfunction!(football_calibrate_from_odds_batch, module)?)?;
    module.add_function(wrap_pyfunction!(football_calibrate_asian, module)?)?;
    module.add_function(wrap_pyfunction!(football_calibrate_asian_batch, module)?)?;
    module.add_function(wrap_pyfunction!(football_grid, module)?)?;
    module.add_function(wrap_pyfunction!(football_grid_bivariate_poisson, module)?)?;
    module.add_function(wrap_pyfunction!(football_grid_weibull_frank, module)?)?;
    module.add_function(wrap_pyfunction!(football_grid_markov, module)?)?;
    module.add_function(wrap_pyfunction!(football_markets, module)?)?;
    module.add_function(wrap_pyfunction!(football_line, module)?)?;
    module.add_function(wrap_pyfunction!(football_line_dixon_coles, module)?)?;
    module.add_function(wrap_pyfunction!(football_line_batch, module)?)?;
    module.add_function(wrap_pyfunction!(football_basket, module)?)?;
    module.add_function(wrap_pyfunction!(football_basket_batch, module)?)?;
    module.add_function(wrap_pyfunction!(football_inplay, module)?)?;
    module.add_function(wrap_pyfunction!(football_half_time_full_time, module)?)?;
    module.add_function(wrap_pyfunction!(negbin_over, module)?)?;
    module.add_function(wrap_pyfunction!(weibull_count_pmf, module)?)?;
    module.add_function(wrap_pyfunction!(football_selections, module)?)?;
    module.add_function(wrap_pyfunction!(football_board, module)?)
}

/// A column of numbers.
pub type Numbers<'py> = Column<'py, f64>;
/// A new column.
pub type Array1<'py> = Bound<'py, PyArray1<f64>>;
/// A new matrix.
pub type Array2<'py> = Bound<'py, PyArray2<f64>>;
/// Expected goals of home and away, and rho.
type Model = (f64, f64, f64);

/// Smallest and largest rho of these expected goals.
#[pyfunction]
fn dixon_coles_rho_bounds(lambda_home: f64, lambda_away: f64) -> (f64, f64) {
    DixonColes::rho_bounds(lambda_home, lambda_away)
}

/// Raises unless the parameters are those of a model.
#[pyfunction]
fn dixon_coles_check(lambda_home: f64, lambda_away: f64, rho: f64) -> PyResult<()> {
    DixonColes::new(lambda_home, lambda_away, rho).map(|_| ()).or_raise()
}

/// The model that has these probabilities.
#[pyfunction]
fn football_calibrate(home: f64, draw: f64, away: f64, over: f64, line: f64) -> PyResult<Model> {
    let total_quarters = quarters_from_line(line).or_raise()?;
    let prices = MatchPrices { home, draw, away, total_quarters, over };
    calibration::calibrate(&prices).map(|model| parameters(&model)).or_raise()
}

/// The models of many matches.
#[pyfunction]
fn football_calibrate_batch<'py>(
    py: Python<'py>,
    home: Numbers<'py>,
    draw: Numbers<'py>,
    away: Numbers<'py>,
    over: Numbers<'py>,
    line: f64,
    is_strict: bool,
) -> PyResult<[Array1<'py>; 3]> {
    let total_quarters = quarters_from_line(line).or_raise()?;
    let (home, draw, away, over) = (home.as_slice()?, draw.as_slice()?, away.as_slice()?, over.as_slice()?);
    same_length(home.len(), &[draw.len(), away.len(), over.len()])?;
    batch(py, home.len(), is_strict, |row| {
        let prices = MatchPrices {
            home: home[row],
            draw: draw[row],
            away: away[row],
            total_quarters,
            over: over[row],
        };
        Ok(array_of(&calibration::calibrate(&prices)?))
    })
}

/// Fair probabilities of 1X2 and of the over, and the model that has them.
#[pyfunction]
fn football_calibrate_from_odds(
    odds_1x2: [f64; 3],
    odds_total: [f64; 2],
    line: f64,
    method: &str,
    method_total: &str,
) -> PyResult<([f64; 3], f64, Model)> {
    let line = quarters_from_line(line).or_raise()?;
    let methods = [parse(method)?, parse(method_total)?];
    let CalibratedMatch { prices, model } = from_odds(odds_1x2, odds_total, line, methods).or_raise()?;
    Ok(([prices.home, prices.draw, prices.away], prices.over, parameters(&model)))
}

/// The models of many matches from odds: (n, 3) and (n, 2).
#[pyfunction]
fn football_calibrate_from_odds_batch<'py>(
    py: Python<'py>,
    odds_1x2: Matrix<'py, f64>,
    odds_total: Matrix<'py, f64>,
    line: f64,
    method: &str,
    method_total: &str,
    is_strict: bool,
) -> PyResult<[Array1<'py>; 3]> {
    let line = quarters_from_line(line).or_raise()?;
    let methods = [parse(method)?, parse(method_total)?];
    let (odds_1x2, odds_total) = (rows::<3>(&odds_1x2)?, rows::<2>(&odds_total)?);
    same_length(odds_1x2.len(), &[odds_total.len()])?;
    batch(py, odds_1x2.len(), is_strict, |row| {
        Ok(array_of(&from_odds(odds_1x2[row], odds_total[row], line, methods)?.model))
    })
}

/// The Poisson model with these fair probabilities of a handicap and a total line.
#[pyfunction]
fn football_calibrate_asian(handicap: f64, fair_home: f64, line: f64, fair_over: f64) -> PyResult<Model> {
    asian(handicap, fair_home, line, fair_over).map(|model| parameters(&model)).or_raise()
}

/// The Poisson models of many matches.
#[pyfunction]
fn football_calibrate_asian_batch<'py>(
    py: Python<'py>,
    handicap: Numbers<'py>,
    fair_home: Numbers<'py>,
    line: Numbers<'py>,
    fair_over: Numbers<'py>,
    is_strict: bool,
) -> PyResult<[Array1<'py>; 3]> {
    let (handicap, fair_home) = (handicap.as_slice()?, fair_home.as_slice()?);
    let (line, fair_over) = (line.as_slice()?, fair_over.as_slice()?);
    same_length(handicap.len(), &[fair_home.len(), line.len(), fair_over.len()])?;
    batch(py, handicap.len(), is_strict, |row| {
        Ok(array_of(&asian(handicap[row], fair_home[row], line[row], fair_over[row])?))
    })
}

/// The Dixon-Coles grid, sized automatically or as asked.
#[pyfunction]
#[pyo3(signature = (lambda_home, lambda_away, rho, size=None))]
fn football_grid<'py>(
    py: Python<'py>,
    lambda_home: f64,
    lambda_away: f64,
    rho: f64,
    size: Option<Whole<usize>>,
) -> PyResult<Array2<'py>> {
    let model = DixonColes::new(lambda_home, lambda_away, rho).or_raise()?;
    let grid = match size {
        None => ScoreGrid::from_dixon_coles(&model),
        Some(size) => ScoreGrid::from_dixon_coles_sized(&model, size.0).or_raise()?,
    };
    matrix(py, &grid)
}

/// The bivariate Poisson grid.
#[pyfunction]
fn football_grid_bivariate_poisson<'py>(
    py: Python<'py>,
    lambda1: f64,
    lambda2: f64,
    lambda3: f64,
) -> PyResult<Array2<'py>> {
    matrix(py, &ScoreGrid::from_bivariate_poisson(lambda1, lambda2, lambda3).or_raise()?)
}

/// The grid of Weibull counts with a Frank copula.
#[pyfunction]
fn football_grid_weibull_frank<'py>(
    py: Python<'py>,
    rate_home: f64,
    rate_away: f64,
    shape: f64,
    kappa: f64,
) -> PyResult<Array2<'py>> {
    matrix(py, &weibull::weibull_frank_grid(rate_home, rate_away, shape, kappa).or_raise()?)
}

/// The grid of final scores when score and red cards change the rates.
#[pyfunction]
fn football_grid_markov<'py>(
    py: Python<'py>,
    lambda_home: f64,
    lambda_away: f64,
    share_left: f64,
    score: Pair<u8>,
    red_cards: Pair<u8>,
    multipliers: (f64, f64, f64, f64, f64),
) -> PyResult<Array2<'py>> {
    let (leading, level, trailing, red_own, red_opponent) = multipliers;
    let multipliers = RateMultipliers { leading, level, trailing, red_own, red_opponent };
    let state =
        MatchState { home_goals: score.0, away_goals: score.1, red_home: red_cards.0, red_away: red_cards.1 };
    matrix(py, &markov::final_scores(lambda_home, lambda_away, &multipliers, state, share_left).or_raise()?)
}

/// All markets that depend on the final score; lines as (win, lose) by line.
#[pyfunction]
fn football_markets<'py>(py: Python<'py>, cells: Matrix<'py, f64>) -> PyResult<Bound<'py, PyDict>> {
    /// Lines listed: totals up to 8, handicaps up to 4 either way, totals of one side up to 5, in quarter goals.
    const TOTALS: std::ops::RangeInclusive<i32> = 2..=32;
    const HANDICAPS: std::ops::RangeInclusive<i32> = -16..=16;
    const SIDE_TOTALS: std::ops::RangeInclusive<i32> = 2..=20;
    /// Goals of a side in the correct scores, exact totals, winning margins.
    const GOALS_MAX: usize = 6;
    const MARGIN_MAX: usize = 4;

    let grid = score_grid(&cells)?;
    let markets = PyDict::new(py);
    for (name, value) in [
        ("home", grid.home()),
        ("draw", grid.draw()),
        ("away", grid.away()),
        ("both_score", grid.both_score()),
        ("odd_total", grid.odd_total()),
        ("home_clean_sheet", grid.home_clean_sheet()),
        ("away_clean_sheet", grid.away_clean_sheet()),
        ("home_win_to_nil", grid.home_win_to_nil()),
        ("away_win_to_nil", grid.away_win_to_nil()),
    ] {
        markets.set_item(name, value)?;
    }
    let double_chance = grid.double_chance();
    let doubles = PyDict::new(py);
    for (name, value) in [
        ("1x", double_chance.home_or_draw),
        ("12", double_chance.home_or_away),
        ("x2", double_chance.draw_or_away),
    ] {
        doubles.set_item(name, value)?;
    }
    markets.set_item("double_chance", doubles)?;
    markets.set_item("draw_no_bet", shares(grid.draw_no_bet_home()))?;

    let scores = PyDict::new(py);
    for home in 0..=GOALS_MAX {
        for away in 0..=GOALS_MAX {
            scores.set_item(format!("{home}-{away}"), grid.correct_score(home, away))?;
        }
    }
    markets.set_item("correct_score", scores)?;
    let (exact, at_least) = (PyDict::new(py), PyDict::new(py));
    for goals in 0..=GOALS_MAX {
        exact.set_item(goals, grid.exact_total(goals))?;
        at_least.set_item(goals, grid.total_at_least(goals))?;
    }
    markets.set_item("exact_total", exact)?;
    markets.set_item("total_at_least", at_least)?;
    type Margin = fn(&ScoreGrid, usize) -> f64;
    let margins: [(&str, Margin); 4] = [
        ("home_wins_by", ScoreGrid::home_wins_by),
        ("away_wins_by", ScoreGrid::away_wins_by),
        ("home_wins_by_at_least", ScoreGrid::home_wins_by_at_least),
        ("away_wins_by_at_least", ScoreGrid::away_wins_by_at_least),
    ];
    for (name, margin) in margins {
        let by = PyDict::new(py);
        for goals in 1..=MARGIN_MAX {
            by.set_item(goals, margin(&grid, goals))?;
        }
        markets.set_item(name, by)?;
    }
    for (kind, lines) in [
        (LineKind::Total, TOTALS),
        (LineKind::Handicap, HANDICAPS),
        (LineKind::HomeTotal, SIDE_TOTALS),
        (LineKind::AwayTotal, SIDE_TOTALS),
    ] {
        let by_line = PyDict::new(py);
        for quarters in lines {
            by_line.set_item(line_from_quarters(quarters), shares(kind.shares(&grid, quarters)))?;
        }
        markets.set_item(kind.name(), by_line)?;
    }
    Ok(markets)
}

/// Expected win and lose fractions of one line on a grid.
#[pyfunction]
fn football_line(cells: Matrix<'_, f64>, kind: &str, line: f64) -> PyResult<(f64, f64)> {
    let quarters = quarters_from_line(line).or_raise()?;
    Ok(shares(LineKind::named(kind)?.shares(&score_grid(&cells)?, quarters)))
}

/// As `football_line`, of a Dixon-Coles model.
#[pyfunction]
fn football_line_dixon_coles(
    lambda_home: f64,
    lambda_away: f64,
    rho: f64,
    kind: &str,
    line: f64,
) -> PyResult<(f64, f64)> {
    let quarters = quarters_from_line(line).or_raise()?;
    let model = DixonColes::new(lambda_home, lambda_away, rho).or_raise()?;
    Ok(shares(LineKind::named(kind)?.shares(&ScoreGrid::from_dixon_coles(&model), quarters)))
}

/// Expected win and lose fractions of one line for each of many Dixon-Coles models.
#[pyfunction]
fn football_line_batch<'py>(
    py: Python<'py>,
    lambda_home: Numbers<'py>,
    lambda_away: Numbers<'py>,
    rho: Numbers<'py>,
    kind: &str,
    line: Numbers<'py>,
    is_strict: bool,
) -> PyResult<[Array1<'py>; 2]> {
    let kind = LineKind::named(kind)?;
    let (home, away) = (lambda_home.as_slice()?, lambda_away.as_slice()?);
    let (rho, line) = (rho.as_slice()?, line.as_slice()?);
    same_length(home.len(), &[away.len(), rho.len(), line.len()])?;
    batch(py, home.len(), is_strict, |row| {
        let model = DixonColes::new(home[row], away[row], rho[row])?;
        let shares = kind.shares(&ScoreGrid::from_dixon_coles(&model), quarters_from_line(line[row])?);
        Ok([shares.win, shares.lose])
    })
}

/// The basket of one match.
#[pyfunction]
fn football_basket<'py>(
    py: Python<'py>,
    lambda_home: f64,
    lambda_away: f64,
    rho: f64,
) -> PyResult<Array1<'py>> {
    let mut basket = [0.0; BASKET_SIZE];
    markets_basket::fill(&DixonColes::new(lambda_home, lambda_away, rho).or_raise()?, &mut basket);
    Ok(PyArray1::from_slice(py, &basket))
}

/// The baskets of many matches.
#[pyfunction]
fn football_basket_batch<'py>(
    py: Python<'py>,
    lambda_home: Numbers<'py>,
    lambda_away: Numbers<'py>,
    rho: Numbers<'py>,
    is_strict: bool,
) -> PyResult<Array2<'py>> {
    let (home, away, rho) = (lambda_home.as_slice()?, lambda_away.as_slice()?, rho.as_slice()?);
    let mut baskets = vec![0.0; home.len() * BASKET_SIZE];
    if away.len() != home.len() || rho.len() != home.len() {
        return Err(BoundsError::new("means and rho are not as many")).or_raise();
    }
    let refused = py.detach(|| {
        for (row, basket) in baskets.as_chunks_mut::<BASKET_SIZE>().0.iter_mut().enumerate() {
            match DixonColes::new(home[row], away[row], rho[row]) {
                Ok(model) => markets_basket::fill(&model, basket),
                Err(error) if is_strict => return Some((row, error)),
                Err(_) => basket.fill(f64::NAN),
            }
        }
        None
    });
    if let Some((row, error)) = refused {
        return Err(raise_in_row(py, &error, "match", row));
    }
    PyArray1::from_vec(py, baskets).reshape([home.len(), BASKET_SIZE])
}

/// Home, draw and away at full time; home, away and none for the next goal.
#[pyfunction]
fn football_inplay(
    remaining_home: f64,
    remaining_away: f64,
    score: Pair<u16>,
) -> PyResult<(f64, f64, f64, f64, f64, f64)> {
    let difference = i32::from(score.0) - i32::from(score.1);
    let result = inplay::full_time(remaining_home, remaining_away, difference).or_raise()?;
    let next = inplay::next_goal(remaining_home, remaining_away).or_raise()?;
    Ok((result.home, result.draw, result.away, next.home, next.away, next.none))
}

/// Half-time by full-time; each half as (remaining home goals, remaining away goals, goal difference).
#[pyfunction]
fn football_half_time_full_time<'py>(
    py: Python<'py>,
    first: (f64, f64, Whole<i32>),
    second: (f64, f64, Whole<i32>),
) -> PyResult<Array2<'py>> {
    let half = |(remaining_home, remaining_away, Whole(difference))| Half {
        remaining_home,
        remaining_away,
        difference,
    };
    let table = inplay::half_time_full_time(half(first), half(second)).or_raise()?;
    PyArray1::from_slice(py, table.as_flattened()).reshape([3, 3])
}

/// Win and lose fractions of an over line on a negative binomial count, and its variance.
#[pyfunction]
fn negbin_over(mean: f64, dispersion: f64, line: f64) -> PyResult<(f64, f64, f64)> {
    let counts = NegativeBinomial::new(mean, dispersion).or_raise()?;
    let shares = counts.over(quarters_from_line(line).or_raise()?);
    Ok((shares.win, shares.lose, counts.variance()))
}

/// P(0), P(1), ... of a Weibull count.
#[pyfunction]
fn weibull_count_pmf(py: Python<'_>, rate: f64, shape: f64, count: Whole<usize>) -> PyResult<Array1<'_>> {
    let (count, limit) = (count.0, weibull::WEIBULL_GRID_SIZE);
    if !(1..=limit).contains(&count) {
        return Err(BoundsError::outside("number of goal counts", count, 1, limit).raise());
    }
    let mut masses = vec![0.0; count];
    weibull::weibull_masses(rate, shape, &mut masses).or_raise()?;
    Ok(PyArray1::from_vec(py, masses))
}

/// Names of all selections of a football board, `market key/selection`, in the order of `football_board`.
#[pyfunction]
fn football_selections() -> Vec<String> {
    let template = template(football());
    (0..template.selections.len()).map(|selection| template.selection_text(selection)).collect()
}

/// Fair probabilities and offered odds of all selections before kick-off; nan where nothing is offered.
///
/// The engine's own steps with the engine's default bounds: model, view sums, expectations, margin, ladder.
#[pyfunction]
fn football_board<'py>(
    py: Python<'py>,
    lambda_home: f64,
    lambda_away: f64,
    rho: f64,
    method: &str,
    booksum: f64,
    ladder: &str,
) -> PyResult<(Array1<'py>, Array1<'py>)> {
    let model = DixonColes::new(lambda_home, lambda_away, rho).or_raise()?;
    let models = Models::new(&ModelConfig::default()).or_raise()?;
    let parameters = Parameters::Football(FootballParameters::of(&model, &FootballFormat::default()));
    price_board(py, template(football()), method, booksum, ladder, |template, prefixes| {
        models.fill(template, &parameters, &LiveState::new(&Format::FOOTBALL, template), prefixes);
    })
}

/// Fair probabilities and offered odds of all selections of a template whose views `fill` writes.
pub fn price_board<'py>(
    py: Python<'py>,
    template: &'static Template,
    method: &str,
    booksum: f64,
    ladder: &str,
    fill: impl FnOnce(&Template, &mut ViewPrefixes),
) -> PyResult<(Array1<'py>, Array1<'py>)> {
    if !(1.0..=2.0).contains(&booksum) {
        return Err(BoundsError::outside("booksum", booksum, 1, 2).raise());
    }
    let defaults = Config::default();
    let rules = PriceRules {
        method: parse(method)?,
        booksum,
        ladder: named(ladder)?,
        odds_e4_min: defaults.odds_e4_min,
        odds_e4_max: defaults.odds_e4_max,
        skew_b_minor: None,
    };
    let mut prefixes = ViewPrefixes::new(template);
    fill(template, &mut prefixes);

    let count = template.selections.len();
    let (mut win, mut refund, mut odds_e4) = (vec![0.0; count], vec![0.0; count], vec![0; count]);
    prefixes.expectations(template, &mut win, &mut refund);
    let mut offers = BoardOffers::default();
    for market in &template.markets {
        let range = market.selections();
        let first = range.start;
        let (win, refund) = (&win[range.clone()], &refund[range]);
        offers.add(market, first, win, refund, |_| true, |_| 0, &rules, &mut odds_e4);
    }
    offers.finish(&mut odds_e4);
    let fair = win.iter().zip(&refund).map(|(&win, &refund)| fair_probability(win, refund));
    let odds = odds_e4.iter().map(|&odds_e4| Odds::from_e4(odds_e4).map_or(f64::NAN, Odds::decimal));
    Ok((PyArray1::from_vec(py, fair.collect()), PyArray1::from_vec(py, odds.collect())))
}

/// Football's id.
pub fn football() -> oddsengine_types::SportId {
    sport_id("football").expect("football is registered")
}

/// What a line is about.
#[derive(Clone, Copy)]
pub enum LineKind {
    Total,
    Handicap,
    HomeTotal,
    AwayTotal,
}

impl LineKind {
    const ALL: [LineKind; 4] = [Self::Total, Self::Handicap, Self::HomeTotal, Self::AwayTotal];

    fn name(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Handicap => "handicap",
            Self::HomeTotal => "home_total",
            Self::AwayTotal => "away_total",
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> PyResult<Self> {
        let unknown = || {
            let names = Self::ALL.map(Self::name).join(", ");
            BoundsError::new(format!("kind of line {name:?} is none of {names}"))
        };
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(unknown).or_raise()
    }

    /// Win and lose fractions of the line on a grid.
    pub fn shares(self, grid: &ScoreGrid, quarters: i32) -> LineShares {
        debug_assert!(quarters.abs() <= LINE_QUARTERS_MAX);
        match self {
            Self::Total => grid.over(quarters),
            Self::Handicap => grid.asian_handicap_home(quarters),
            Self::HomeTotal => grid.home_goals_over(quarters),
            Self::AwayTotal => grid.away_goals_over(quarters),
        }
    }
}

fn from_odds(
    odds_1x2: [f64; 3],
    odds_total: [f64; 2],
    line_quarters: i32,
    [method, method_total]: [MarginMethod; 2],
) -> Result<CalibratedMatch, FootballError> {
    calibration::calibrate_from_odds(odds_1x2, method, line_quarters, odds_total, method_total)
}

fn asian(handicap: f64, fair_home: f64, line: f64, fair_over: f64) -> Result<DixonColes, FootballError> {
    let (handicap, line) = (quarters_from_line(handicap)?, quarters_from_line(line)?);
    calibration::from_asian_lines(handicap, fair_home, line, fair_over)
}

/// Columns of `N` numbers a row, computed without the interpreter's lock; nan in the refused rows unless strict.
pub fn batch<'py, const N: usize>(
    py: Python<'py>,
    row_count: usize,
    is_strict: bool,
    compute: impl Fn(usize) -> Result<[f64; N], FootballError> + Sync,
) -> PyResult<[Array1<'py>; N]> {
    let mut columns = [(); N].map(|()| vec![f64::NAN; row_count]);
    let refused = py.detach(|| {
        for row in 0..row_count {
            match compute(row) {
                Ok(values) => columns.iter_mut().zip(values).for_each(|(column, value)| column[row] = value),
                Err(error) if is_strict => return Some((row, error)),
                Err(_) => {}
            }
        }
        None
    });
    match refused {
        Some((row, error)) => Err(raise_in_row(py, &error, "match", row)),
        None => Ok(columns.map(|column| PyArray1::from_vec(py, column))),
    }
}

/// Raises unless all lengths are this one.
pub fn same_length(length: usize, others: &[usize]) -> PyResult<()> {
    match others.iter().find(|other| **other != length) {
        Some(other) => Err(BoundsError::new(format!("{other} rows do not fit {length}"))).or_raise(),
        None => Ok(()),
    }
}

/// The rows of a matrix of `N` columns.
pub fn rows<'a, const N: usize>(array: &'a Matrix<'_, f64>) -> PyResult<&'a [[f64; N]]> {
    let (elements, _, columns) = array.parts()?;
    if columns != N {
        return Err(BoundsError::new(format!("{columns} columns are not {N}"))).or_raise();
    }
    Ok(elements.as_chunks().0)
}

/// Most probability that a grid may leave beyond its edge, where it counts for no selection.
const GRID_TAIL_MAX: f64 = 0.05;

/// A checked grid.
pub fn score_grid(cells: &Matrix<'_, f64>) -> PyResult<ScoreGrid> {
    let (cells, rows, columns) = cells.parts()?;
    if rows != columns {
        return Err(BoundsError::new(format!("a grid of {rows} x {columns} is not square"))).or_raise();
    }
    let grid = ScoreGrid::from_cells(rows, cells.to_vec()).or_raise()?;
    if grid.tail() > GRID_TAIL_MAX {
        let (sum, min) = (1.0 - grid.tail(), 1.0 - GRID_TAIL_MAX);
        return Err(BoundsError::new(format!(
            "sum of score probabilities {sum} is outside {min}..=1.000000001\n\
             hint: a grid with more goals a side holds the rest"
        )))
        .or_raise();
    }
    Ok(grid)
}

/// A grid as a matrix.
pub fn matrix<'py>(py: Python<'py>, grid: &ScoreGrid) -> PyResult<Array2<'py>> {
    PyArray1::from_slice(py, grid.cells()).reshape([grid.size(), grid.size()])
}

fn shares(shares: LineShares) -> (f64, f64) {
    (shares.win, shares.lose)
}

fn parameters(model: &DixonColes) -> Model {
    (model.lambda_home(), model.lambda_away(), model.rho())
}

fn array_of(model: &DixonColes) -> [f64; 3] {
    [model.lambda_home(), model.lambda_away(), model.rho()]
}

/// The margin method of this name.
pub fn parse(method: &str) -> PyResult<MarginMethod> {
    MarginMethod::parse(method).map_err(|error: MarginError| error.raise())
}
