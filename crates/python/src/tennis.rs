//! Tennis models: chances of games, sets and matches, calibration, boards, matches replayed point by point.

use numpy::{PyArray1, PyArray2, PyArrayMethods};
use oddsengine_engine::Config;
use oddsengine_markets::tennis::{
    BestOf, FinalSet, Layout, RetirementRule, SETS_MAX, Scoreboard, Side, TennisFormat,
    TennisIncidentKind as Kind, TennisScore, TennisState, TennisView,
};
use oddsengine_markets::{Format, LivePhase, LiveState, Template, template_of};
use oddsengine_pricing::board::{OfferScratch, PriceRules, ViewPrefixes, fair_probability, offer_market};
use oddsengine_pricing::margin::MarginMethod;
use oddsengine_pricing::model::{ModelConfig, Models, Parameters};
use oddsengine_pricing::tennis::calibration::{self, CalibrationSettings, GamesTarget};
use oddsengine_pricing::tennis::game::Game;
use oddsengine_pricing::tennis::live_views::CELLS_MAX;
use oddsengine_pricing::tennis::tie_break::{TIE_BREAK_POINTS_MAX, TieBreak};
use oddsengine_pricing::tennis::{
    SERVE_MAX, SERVE_MIN, StateTable, TennisError, TennisModel, TennisParameters, fill_cells,
};
use oddsengine_types::{BoundsError, Odds};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arrays::{Column, Matrix, Pair, Whole};
use crate::errors::{OrRaise, Raise, raise_in_row};
use crate::odds::named;

/// Adds the functions of this file.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(tennis_hold, module)?)?;
    module.add_function(wrap_pyfunction!(tennis_tie_break, module)?)?;
    module.add_function(wrap_pyfunction!(tennis_set_scores, module)?)?;
    module.add_function(wrap_pyfunction!(tennis_match_home, module)?)?;
    module.add_function(wrap_pyfunction!(tennis_distributions, module)?)?;
    module.add_function(wrap_pyfunction!(tennis_calibrate, module)?)?;
    module.add_function(wrap_pyfunction!(tennis_calibrate_from_odds, module)?)?;
    module.add_function(wrap_pyfunction!(tennis_selections, module)?)?;
    module.add_function(wrap_pyfunction!(tennis_board, module)?)?;
    module.add_function(wrap_pyfunction!(tennis_replay, module)?)?;
    module.add_function(wrap_pyfunction!(tennis_replay_boards, module)?)?;
    module.add_class::<TennisTable>()
}

type Numbers<'py> = Column<'py, f64>;
type Array1<'py> = Bound<'py, PyArray1<f64>>;
/// best_of, final_set, no_ad, retirement.
type FormatTuple<'a> = (Whole<u8>, &'a str, bool, &'a str);
/// Games of each set, points, server.
type ScoreTuple = (Vec<Pair<u8>>, Pair<u8>, Option<String>);
/// Points served and won on own serve, home first.
type ServedTuple = (Pair<u16>, Pair<u16>);
/// home, away, prior points.
type ServeTuple = (f64, f64, Option<f64>);

fn bounds(message: String) -> PyErr {
    BoundsError::new(message).raise()
}

fn format_of((Whole(best_of), final_set, is_no_ad, retirement): FormatTuple<'_>) -> PyResult<TennisFormat> {
    let best_of = match best_of {
        3 => BestOf::Three,
        5 => BestOf::Five,
        other => return Err(bounds(format!("best of {other} is neither 3 nor 5"))),
    };
    let unknown = |what: &str, name: &str, known: Vec<&str>| {
        bounds(format!("{what} {name:?} is none of {}", known.join(", ")))
    };
    let final_set = FinalSet::from_name(final_set)
        .ok_or_else(|| unknown("final set", final_set, FinalSet::ALL.map(FinalSet::name).into()))?;
    let retirement = RetirementRule::from_name(retirement).ok_or_else(|| {
        unknown("retirement rule", retirement, RetirementRule::ALL.map(RetirementRule::name).into())
    })?;
    Ok(TennisFormat { best_of, final_set, is_no_ad, retirement })
}

fn side_of(name: &str) -> PyResult<Side> {
    Side::BOTH
        .into_iter()
        .find(|side| side.name() == name)
        .ok_or_else(|| bounds(format!("side {name:?} is neither home nor away")))
}

/// The state at a score: as if the feed had told it.
fn state_of(format: TennisFormat, score: &ScoreTuple, served: ServedTuple) -> PyResult<TennisState> {
    let (sets, points, server) = score;
    let pair = |Pair(home, away): Pair<u8>| [home, away];
    let (sets, points): (Vec<[u8; 2]>, [u8; 2]) = (sets.iter().copied().map(pair).collect(), pair(*points));
    let mut state = TennisState::new(format);
    let server = server.as_deref().map(side_of).transpose()?;
    let is_start = sets.iter().all(|games| *games == [0, 0]) && points == [0, 0];
    match server {
        None if is_start && sets.len() <= 1 => {}
        // A match that is over needs none.
        server => {
            if sets.len() > SETS_MAX {
                return Err(bounds(format!("number of sets {} is outside 1..={SETS_MAX}", sets.len())));
            }
            let mut board = Scoreboard {
                sets: [[0; 2]; SETS_MAX],
                set_count: sets.len().max(1) as u8,
                points,
                server: server.unwrap_or(Side::Home),
            };
            board.sets.iter_mut().zip(&sets).for_each(|(slot, games)| *slot = *games);
            state.apply(&Kind::Score(board).into()).map_err(|error| bounds(error.to_string()))?;
            if server.is_none() && state.score.winner(&format).is_none() {
                return Err(bounds("a match in play needs the side that serves".into()));
            }
        }
    }
    let pair = |Pair(home, away): Pair<u16>| [home, away];
    (state.served, state.served_won) = (pair(served.0), pair(served.1));
    for (side, (all, won)) in ["home", "away"].iter().zip(state.served.iter().zip(&state.served_won)) {
        if won > all {
            return Err(bounds(format!("{side} won {won} of {all} points on serve")));
        }
    }
    Ok(state)
}

fn parameters_of((home, away, prior_points): ServeTuple) -> PyResult<TennisParameters> {
    TennisParameters { serve: [home, away], prior_points }.checked().or_raise()
}

/// Probability that the server wins the game from a point score.
#[pyfunction]
fn tennis_hold<'py>(
    py: Python<'py>,
    serve: Numbers<'py>,
    points: Pair<usize>,
    no_ad: bool,
    is_strict: bool,
) -> PyResult<Array1<'py>> {
    let Pair(server, receiver) = points;
    let decided = race(server, receiver, 4, if no_ad { 1 } else { 2 })?;
    let hold = |p: f64| {
        check_serve("serve probability", p)?;
        Ok(decided.unwrap_or_else(|| Game::new(p, no_ad).from_points(server, receiver)))
    };
    mapped(py, serve.as_slice()?, is_strict, hold)
}

/// The outcome of a race to so many points that is won by a lead: 1 or 0 for the first side once it is over, nothing before.
/// A score that play cannot reach is refused.
fn race(one: usize, other: usize, to: usize, lead: usize) -> PyResult<Option<f64>> {
    let (most, least) = (one.max(other), one.min(other));
    if most < to || most - least < lead {
        // Short of the last point, or level again; by a lead of one no score stays level at the end.
        let is_impossible = lead == 1 && most >= to;
        return if is_impossible { Err(beyond(one, other, to)) } else { Ok(None) };
    }
    match most == to || most - least == lead && lead > 1 {
        true => Ok(Some(if one > other { 1.0 } else { 0.0 })),
        false => Err(beyond(one, other, to)),
    }
}

fn beyond(one: usize, other: usize, to: usize) -> PyErr {
    bounds(format!("points ({one}, {other}) cannot be reached: a race to {to} was over before"))
}

fn check_serve(name: &'static str, p: f64) -> Result<(), TennisError> {
    if (SERVE_MIN..=SERVE_MAX).contains(&p) {
        return Ok(());
    }
    Err(TennisError::OutsideRange { name, value: p, min: SERVE_MIN, max: SERVE_MAX })
}

fn mapped<'py>(
    py: Python<'py>,
    values: &[f64],
    is_strict: bool,
    function: impl Fn(f64) -> Result<f64, TennisError>,
) -> PyResult<Array1<'py>> {
    each_row(py, values.iter().map(|&value| function(value)), is_strict)
}

/// The results of rows; a refused row raises, or becomes nan.
fn each_row(
    py: Python<'_>,
    results: impl ExactSizeIterator<Item = Result<f64, TennisError>>,
    is_strict: bool,
) -> PyResult<Array1<'_>> {
    let mut out = Vec::with_capacity(results.len());
    for (row, result) in results.enumerate() {
        out.push(match result {
            Err(error) if is_strict => return Err(raise_in_row(py, &error, "row", row)),
            result => result.unwrap_or(f64::NAN),
        });
    }
    Ok(PyArray1::from_vec(py, out))
}

/// Rows of two levels each.
fn by_pair<'py>(
    py: Python<'py>,
    home: &Numbers<'py>,
    away: &Numbers<'py>,
    is_strict: bool,
    function: impl Fn([f64; 2]) -> Result<f64, TennisError>,
) -> PyResult<Array1<'py>> {
    let (home, away) = (home.as_slice()?, away.as_slice()?);
    if home.len() != away.len() {
        return Err(bounds(format!("{} home and {} away levels", home.len(), away.len())));
    }
    each_row(py, home.iter().zip(away).map(|(&home, &away)| function([home, away])), is_strict)
}

/// Probability that the home side wins a tie-break from a score.
#[pyfunction]
fn tennis_tie_break<'py>(
    py: Python<'py>,
    home: Numbers<'py>,
    away: Numbers<'py>,
    to: Whole<u8>,
    points: Pair<usize>,
    first_server: &str,
    is_strict: bool,
) -> PyResult<Array1<'py>> {
    let Whole(to) = to;
    if !(2..=TIE_BREAK_POINTS_MAX as u8).contains(&to) {
        return Err(bounds(format!("tie-break to {to} is outside 2..={TIE_BREAK_POINTS_MAX}")));
    }
    let first = side_of(first_server)?;
    let Pair(home_points, away_points) = points;
    let decided = race(home_points, away_points, to.into(), 2)?;
    by_pair(py, &home, &away, is_strict, |serve| {
        check_serve("home serve probability", serve[0])?;
        check_serve("away serve probability", serve[1])?;
        Ok(decided.unwrap_or_else(|| TieBreak::new(serve, first, to).from_points(home_points, away_points)))
    })
}

/// Probability of every score of a set from its first game.
#[pyfunction]
fn tennis_set_scores<'py>(
    py: Python<'py>,
    format: FormatTuple<'py>,
    set: Whole<usize>,
    serve: (f64, f64),
    first_server: &str,
) -> PyResult<Bound<'py, PyDict>> {
    let (format, Whole(set)) = (format_of(format)?, set);
    let model = TennisModel::new(&format, serve.into()).or_raise()?;
    let path = model.set(set, side_of(first_server)?);
    let (layout, scores) = (Layout::of(&format), PyDict::new(py));
    let count = format.set_rule(set).end_count();
    for cell in 0..2 * count {
        let [home, away] = layout.set_score_of_cell(set, cell).expect("the set is played");
        scores.set_item(format!("{home}-{away}"), path.ends[cell / count][cell % count])?;
    }
    Ok(scores)
}

/// Probability that the home side wins the match from one score, for many pairs of levels.
#[pyfunction]
#[allow(clippy::too_many_arguments)] // the arguments of the Python function, flat
fn tennis_match_home<'py>(
    py: Python<'py>,
    format: FormatTuple<'py>,
    home: Numbers<'py>,
    away: Numbers<'py>,
    prior_points: Option<f64>,
    score: ScoreTuple,
    served: ServedTuple,
    is_strict: bool,
) -> PyResult<Array1<'py>> {
    let format = format_of(format)?;
    let state = state_of(format, &score, served)?;
    by_pair(py, &home, &away, is_strict, |serve| {
        let parameters = TennisParameters { serve, prior_points }.checked()?;
        Ok(match_home(&parameters, &state))
    })
}

fn match_home(parameters: &TennisParameters, state: &TennisState) -> f64 {
    parameters.during(state).match_home(&state.format, &state.score)
}

/// Distributions of a match from a score: cell values and probabilities by view.
#[pyfunction]
fn tennis_distributions<'py>(
    py: Python<'py>,
    format: FormatTuple<'py>,
    serve: ServeTuple,
    score: ScoreTuple,
    served: ServedTuple,
) -> PyResult<Bound<'py, PyDict>> {
    let format = format_of(format)?;
    let state = state_of(format, &score, served)?;
    let mut cells = [0.0; CELLS_MAX];
    let layout = fill_cells(&parameters_of(serve)?, &state, &mut cells);
    let view = |view: TennisView| &cells[layout.offsets[view.index()]..layout.offsets[view.index() + 1]];
    let found = PyDict::new(py);
    let sets = PyDict::new(py);
    for (&(away_bits, count), &p) in layout.sequences.iter().zip(view(TennisView::Sequence)) {
        let away = away_bits.count_ones() as u8;
        let name = format!("{}-{away}", count - away);
        let known: f64 = sets.get_item(&name)?.map_or(Ok(0.0), |known| known.extract())?;
        sets.set_item(name, known + p)?;
    }
    found.set_item("set_betting", sets)?;
    let counted = |name: &str, of: TennisView, first: i64| -> PyResult<()> {
        let counts = PyDict::new(py);
        for (index, &p) in view(of).iter().enumerate() {
            counts.set_item(first + index as i64, p)?;
        }
        found.set_item(name, counts)
    };
    counted("total_games", TennisView::TotalGames, layout.total_min as i64)?;
    counted("difference", TennisView::Difference, -(layout.difference_max as i64))?;
    counted("home_games", TennisView::PlayerGames(Side::Home), 0)?;
    counted("away_games", TennisView::PlayerGames(Side::Away), 0)?;
    counted("tie_breaks", TennisView::TieBreaks, 0)?;
    Ok(found)
}

/// Serve levels from probabilities, row by row: `kind` is `serve_mean`, `expected_games` or `over`.
#[pyfunction]
#[allow(clippy::too_many_arguments)] // one private call with the columns of a batch
fn tennis_calibrate<'py>(
    py: Python<'py>,
    format: FormatTuple<'py>,
    match_home: Numbers<'py>,
    kind: &str,
    values: Numbers<'py>,
    lines: Numbers<'py>,
    prior_points: Option<f64>,
    first_server: Option<&str>,
    is_strict: bool,
) -> PyResult<(Array1<'py>, Array1<'py>)> {
    let format = format_of(format)?;
    let first_server = first_server.map(side_of).transpose()?;
    let settings = CalibrationSettings { prior_points, first_server, ..CalibrationSettings::default() };
    let (match_home, values, lines) = (match_home.as_slice()?, values.as_slice()?, lines.as_slice()?);
    if match_home.len() != values.len() || match_home.len() != lines.len() {
        return Err(bounds("the columns of a batch differ in length".into()));
    }
    let (mut home, mut away) = (Vec::new(), Vec::new());
    for (row, &p) in match_home.iter().enumerate() {
        let target = match kind {
            "serve_mean" => GamesTarget::ServeMean(values[row]),
            "expected_games" => GamesTarget::Expected(values[row]),
            _ => GamesTarget::Over { line: lines[row], probability: values[row] },
        };
        let [h, a] = match calibration::from_probabilities(&format, p, target, &settings) {
            Ok(fitted) => fitted.serve,
            Err(error) if is_strict => return Err(raise_in_row(py, &error, "match", row)),
            Err(_) => [f64::NAN; 2],
        };
        home.push(h);
        away.push(a);
    }
    Ok((PyArray1::from_vec(py, home), PyArray1::from_vec(py, away)))
}

/// Serve levels from odds of markets by key.
#[pyfunction]
fn tennis_calibrate_from_odds(
    format: FormatTuple<'_>,
    prices: Vec<(String, Vec<f64>)>,
    method: &str,
    serve_mean: f64,
    prior_points: Option<f64>,
) -> PyResult<(f64, f64)> {
    let format = format_of(format)?;
    let settings = CalibrationSettings { serve_mean, prior_points, first_server: None };
    let method = MarginMethod::parse(method).or_raise()?;
    let prices: Vec<(&str, &[f64])> =
        prices.iter().map(|(key, odds)| (key.as_str(), odds.as_slice())).collect();
    let fitted = calibration::from_odds(&format, &prices, method, &settings).or_raise()?;
    Ok(fitted.serve.into())
}

fn template_for(format: &TennisFormat) -> &'static Template {
    template_of(&Format::Tennis(*format)).expect("tennis has templates")
}

/// Names of all selections of a format's template, in order.
#[pyfunction]
fn tennis_selections(format: FormatTuple<'_>) -> PyResult<Vec<String>> {
    let template = template_for(&format_of(format)?);
    Ok((0..template.selections.len()).map(|selection| template.selection_text(selection)).collect())
}

/// Fair probabilities and offered odds of all selections, and whether each is decided, by the engine's own steps.
#[pyfunction]
#[allow(clippy::too_many_arguments)] // one private call
fn tennis_board<'py>(
    py: Python<'py>,
    format: FormatTuple<'py>,
    serve: ServeTuple,
    score: ScoreTuple,
    served: ServedTuple,
    method: &str,
    booksum: f64,
    ladder: &str,
) -> PyResult<(Array1<'py>, Array1<'py>)> {
    let format = format_of(format)?;
    let state = state_of(format, &score, served)?;
    let parameters = Parameters::Tennis(parameters_of(serve)?);
    if !(1.0..=2.0).contains(&booksum) {
        return Err(BoundsError::outside("booksum", booksum, 1, 2).raise());
    }
    let defaults = Config::default();
    let rules = PriceRules {
        method: MarginMethod::parse(method).or_raise()?,
        booksum,
        ladder: named(ladder)?,
        odds_e4_min: defaults.odds_e4_min,
        odds_e4_max: defaults.odds_e4_max,
        skew_b_minor: None,
    };
    let template = template_for(&format);
    let models = Models::new(&ModelConfig::default()).or_raise()?;
    let live = LiveState::Tennis(Box::new(state));
    let mut prefixes = ViewPrefixes::new(template);
    models.fill(template, &parameters, &live, &mut prefixes);
    let count = template.selections.len();
    let (mut win, mut refund, mut odds_e4) = (vec![0.0; count], vec![0.0; count], vec![0; count]);
    prefixes.expectations(template, &mut win, &mut refund);
    let mut possible = oddsengine_markets::Possible::default();
    live.fill_possible(template, &mut possible);
    let is_open = |selection: usize| {
        let before = &possible.before[usize::from(template.view_of(selection))];
        template.decided(selection, before).is_none()
    };
    let mut scratch = OfferScratch::default();
    for market in &template.markets {
        let range = market.selections();
        let (win, refund) = (&win[range.clone()], &refund[range.clone()]);
        let first = range.start;
        let is_open = |index: usize| is_open(first + index);
        offer_market(market, win, refund, is_open, |_| 0, &rules, &mut scratch, &mut odds_e4[range]);
    }
    let fair = win.iter().zip(&refund).map(|(&win, &refund)| fair_probability(win, refund));
    let odds = odds_e4.iter().map(|&odds_e4| Odds::from_e4(odds_e4).map_or(f64::NAN, Odds::decimal));
    Ok((PyArray1::from_vec(py, fair.collect()), PyArray1::from_vec(py, odds.collect())))
}

/// A match played point by point: before each point and after the last, the probability that the home side wins, and
/// the score as (sets home, sets away, games home, games away, points home, points away, server).
#[pyfunction]
fn tennis_replay<'py>(
    py: Python<'py>,
    format: FormatTuple<'py>,
    serve: ServeTuple,
    first_server: &str,
    points: Column<'py, u8>,
) -> PyResult<(Array1<'py>, Bound<'py, PyArray2<i64>>)> {
    let format = format_of(format)?;
    let parameters = parameters_of(serve)?;
    let (mut home, mut scores) = (Vec::new(), Vec::<[i64; 7]>::new());
    walk(&format, first_server, points.as_slice()?, |state| {
        home.push(match_home(&parameters, state));
        let set = usize::from(state.score.sets_played);
        let pair = |[home, away]: [u8; 2]| [i64::from(home), i64::from(away)];
        let [sets, points] = [state.score.sets_won(), state.score.points].map(pair);
        let games = pair(state.score.games.get(set).copied().unwrap_or_default());
        let server = state.score.point_server(&format).map_or(-1, |side| side.index() as i64);
        scores.push([sets[0], sets[1], games[0], games[1], points[0], points[1], server]);
        Ok(())
    })?;
    let rows = scores.len();
    let scores = PyArray1::from_vec(py, scores.into_flattened()).reshape([rows, 7])?;
    Ok((PyArray1::from_vec(py, home), scores))
}

/// Plays a match and shows every state, the start included.
fn walk(
    format: &TennisFormat,
    first_server: &str,
    points: &[u8],
    mut visit: impl FnMut(&TennisState) -> PyResult<()>,
) -> PyResult<()> {
    let mut state = TennisState::new(*format);
    state.apply(&Kind::Start(side_of(first_server)?).into()).map_err(|error| bounds(error.to_string()))?;
    visit(&state)?;
    for (index, &point) in points.iter().enumerate() {
        let side = *Side::BOTH.get(usize::from(point)).ok_or_else(|| {
            bounds(format!("point {index} is won by {point}, neither 0 (home) nor 1 (away)"))
        })?;
        state.apply(&Kind::Point(side).into()).map_err(|error| bounds(format!("point {index}: {error}")))?;
        visit(&state)?;
    }
    Ok(())
}

/// Plays a match and checks the whole board at every state: books that do not sum to their winners, lines that are not
/// monotone, decided selections whose price is not their grade, prices of the end that are not the result. What is wrong, and
/// the number of states and of selections looked at.
#[pyfunction]
fn tennis_replay_boards(
    format: FormatTuple<'_>,
    serve: ServeTuple,
    first_server: &str,
    points: Column<'_, u8>,
) -> PyResult<(Vec<String>, usize, usize)> {
    let format = format_of(format)?;
    let parameters = Parameters::Tennis(parameters_of(serve)?);
    let template = template_for(&format);
    let models = Models::new(&ModelConfig::default()).or_raise()?;
    let mut prefixes = ViewPrefixes::new(template);
    let mut possible = oddsengine_markets::Possible::default();
    let count = template.selections.len();
    let (mut win, mut refund) = (vec![0.0; count], vec![0.0; count]);
    let (mut wrong, mut state_count) = (Vec::new(), 0);
    walk(&format, first_server, points.as_slice()?, |state| {
        let live = LiveState::Tennis(Box::new(*state));
        models.fill(template, &parameters, &live, &mut prefixes);
        prefixes.expectations(template, &mut win, &mut refund);
        live.fill_possible(template, &mut possible);
        let at = || state.period();
        for market in &template.markets {
            let range = market.selections();
            let void: f64 = refund[range.clone()].iter().copied().fold(0.0, f64::max);
            let sum = win[range].iter().sum::<f64>() + void;
            if (sum - f64::from(market.winners)).abs() > 1e-9 {
                wrong.push(format!("{} sums to {sum} at {}", market.key, at()));
            }
        }
        for family in &template.line_families {
            let first = |market: usize| usize::from(template.markets[market].first_selection);
            let fair: Vec<f64> = family
                .clone()
                .map(first)
                .filter(|&selection| refund[selection] < 1.0 - 1e-9)
                .map(|selection| fair_probability(win[selection], refund[selection]))
                .collect();
            let is_monotone =
                fair.is_sorted_by(|a, b| *b <= *a + 1e-12) || fair.is_sorted_by(|a, b| *a <= *b + 1e-12);
            if !is_monotone {
                wrong.push(format!("{} is not monotone at {}", template.markets[family.start].key, at()));
            }
        }
        let outcome = (live.phase() == LivePhase::Finished).then(|| live.outcome());
        for selection in 0..count {
            let before = &possible.before[usize::from(template.view_of(selection))];
            let decided =
                template.decided(selection, before).map(|grade| template.grades[usize::from(grade)]);
            let result = outcome.as_ref().map(|outcome| template.grade(selection, outcome));
            let price = (win[selection], refund[selection]);
            for grade in decided.iter().chain(&result) {
                let due = (grade.win_share(), grade.refund_share());
                if (price.0 - due.0).abs() > 1e-9 || (price.1 - due.1).abs() > 1e-9 {
                    let name = template.selection_text(selection);
                    wrong.push(format!("{name} is {grade} and has price {price:?} at {}", at()));
                }
            }
        }
        state_count += 1;
        Ok(())
    })?;
    Ok((wrong, state_count, state_count * count))
}

/// The match winner of every score, looked up.
#[pyclass(module = "oddsengine._core", frozen)]
struct TennisTable {
    format: TennisFormat,
    table: StateTable,
}

#[pymethods]
impl TennisTable {
    #[new]
    fn new(format: FormatTuple<'_>, serve: (f64, f64)) -> PyResult<Self> {
        let format = format_of(format)?;
        let model = TennisModel::new(&format, serve.into()).or_raise()?;
        Ok(Self { format, table: StateTable::new(&model) })
    }

    /// Number of scores.
    fn __len__(&self) -> usize {
        self.table.len()
    }

    /// The probability at one score.
    fn match_home(&self, score: ScoreTuple) -> PyResult<f64> {
        let state = state_of(self.format, &score, ServedTuple::default())?;
        match state.score.server {
            None => {
                let start = TennisScore::first_server(Side::Home);
                Ok(self.table.match_home(&start))
            }
            Some(_) => Ok(self.table.match_home(&state.score)),
        }
    }

    /// The probabilities at many scores: rows of (sets home, sets away, games home, games away, points home, points away,
    /// server 0 or 1).
    fn match_home_batch<'py>(
        &self,
        py: Python<'py>,
        scores: Matrix<'py, i64>,
        is_strict: bool,
    ) -> PyResult<Array1<'py>> {
        let (scores, row_count, columns) = scores.parts()?;
        if columns != 7 {
            return Err(bounds(format!("scores have {columns} columns, not 7")));
        }
        let mut out = Vec::with_capacity(row_count);
        for (row, line) in scores.as_chunks::<7>().0.iter().enumerate() {
            let told = || {
                let at = |column: usize| u8::try_from(line[column]).ok();
                let server = *Side::BOTH.get(usize::from(at(6)?))?;
                self.score_of([at(0)?, at(1)?], [at(2)?, at(3)?], [at(4)?, at(5)?], server)
            };
            out.push(match told() {
                Some(score) => self.table.match_home(&score),
                None if is_strict => {
                    return Err(bounds(format!("row {row} is not a score of this format: {line:?}")));
                }
                None => f64::NAN,
            });
        }
        Ok(PyArray1::from_vec(py, out))
    }
}

impl TennisTable {
    /// A score with these sets; which sets were whose does not matter to the table.
    fn score_of(&self, sets: [u8; 2], games: [u8; 2], points: [u8; 2], server: Side) -> Option<TennisScore> {
        let to_win = self.format.best_of.sets_to_win() as u8;
        let [home, away] = sets;
        if home > to_win || away > to_win || home == to_win && away == to_win {
            return None;
        }
        let mut board = Scoreboard { sets: [[0; 2]; SETS_MAX], set_count: home + away, points, server };
        let last_is_away = away == to_win;
        for set in 0..home + away {
            let is_away = if last_is_away { set >= home } else { set < away };
            board.sets[usize::from(set)] = if is_away { [0, 6] } else { [6, 0] };
        }
        if home.max(away) == to_win {
            let deciding = self.format.best_of.sets() as u8;
            if self.format.final_set_is_tie_break() && home + away == deciding {
                board.sets[usize::from(deciding) - 1] = if last_is_away { [0, 1] } else { [1, 0] };
            }
        } else {
            board.sets[usize::from(home + away)] = games;
            board.set_count += 1;
        }
        let mut state = TennisState::new(self.format);
        state.apply(&Kind::Score(board).into()).ok()?;
        Some(state.score)
    }
}
