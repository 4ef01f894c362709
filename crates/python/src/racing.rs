//! Orders of finish, place terms, boards and grades of races.

use numpy::{PyArray1, PyArray2, PyArray3, PyArrayMethods};
use oddsengine_engine::Config;
use oddsengine_markets::racing::rule4::{self, TATTERSALLS};
use oddsengine_markets::racing::{
    PlaceTerms, RUNNERS_MAX, RaceKind, RacingFormat, RacingIncident, RacingOutcome, RacingState,
    standard_terms,
};
use oddsengine_markets::{Format, LivePhase, LiveState, Outcome, Possible, Template, template_of};
use oddsengine_pricing::board::{OfferScratch, PriceRules, ViewPrefixes, fair_probability, offer_market};
use oddsengine_pricing::margin::MarginMethod;
use oddsengine_pricing::racing::calibration::{
    PlacePrices, RacingConfig, RacingMargin, RacingModel, calibrate,
};
use oddsengine_pricing::racing::live_views::fill_views;
use oddsengine_pricing::racing::{
    self, Exponents, HeneryModel, ModelKind, OrderModel, POSITIONS, RacingError,
};
use oddsengine_types::{BoundsError, Odds};
use pyo3::prelude::*;

use crate::arrays::{Matrix, Whole};
use crate::errors::{OrRaise, Raise, SelectionError, raise_in_row};
use crate::odds::{named, struck_odds};

/// Adds the functions of this file.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Race>()?;
    module.add_function(wrap_pyfunction!(racing_positions, module)?)?;
    module.add_function(wrap_pyfunction!(racing_without_withdrawn, module)?)?;
    module.add_function(wrap_pyfunction!(racing_each_way_value, module)?)?;
    module.add_function(wrap_pyfunction!(racing_each_way_fair_odds, module)?)?;
    module.add_function(wrap_pyfunction!(racing_place_odds, module)?)?;
    module.add_function(wrap_pyfunction!(racing_standard_terms, module)?)?;
    module.add_function(wrap_pyfunction!(racing_rule4_pence, module)?)?;
    module.add_function(wrap_pyfunction!(racing_rule4_scale, module)?)?;
    module.add_function(wrap_pyfunction!(racing_odds_after_rule4, module)?)?;
    module.add_function(wrap_pyfunction!(racing_selections, module)?)?;
    module.add_function(wrap_pyfunction!(racing_grade, module)?)?;
    module.add_function(wrap_pyfunction!(racing_board, module)?)
}

type Array1<'py> = Bound<'py, PyArray1<f64>>;
type Array2<'py> = Bound<'py, PyArray2<f64>>;
type Array3<'py> = Bound<'py, PyArray3<f64>>;
/// Kind, declared runners, handicap, most places of a place market, extra each-way terms (places, fraction of).
type FormatParts = (String, Whole<u8>, bool, Option<Whole<u8>>, Option<(Whole<u8>, Whole<u8>)>);
/// Exponents of the second, third and later positions.
type ExponentParts = (f64, f64, f64);

/// A race with a probability for every order of finish.
#[pyclass(frozen, module = "oddsengine._core")]
struct Race {
    model: OrderModel,
}

#[pymethods]
impl Race {
    #[new]
    fn new(win: Vec<f64>, model: &str, exponents: Option<ExponentParts>) -> PyResult<Self> {
        OrderModel::new(kind_of(model, exponents)?, &win).or_raise().map(|model| Self { model })
    }

    #[staticmethod]
    fn from_times(times: Vec<f64>) -> PyResult<Self> {
        let model = HeneryModel::from_times(&times).or_raise()?;
        Ok(Self { model: OrderModel::Henery(Box::new(model)) })
    }

    fn starting(&self, withdrawn: Vec<bool>) -> PyResult<Self> {
        self.model.starting(&withdrawn).or_raise().map(|model| Self { model })
    }

    fn runner_count(&self) -> usize {
        self.model.runner_count()
    }

    fn times<'py>(&self, py: Python<'py>) -> Option<Array1<'py>> {
        match &self.model {
            OrderModel::Henery(model) => Some(PyArray1::from_slice(py, model.times())),
            OrderModel::Sequential(_) => None,
        }
    }

    fn exponents(&self) -> Option<ExponentParts> {
        match &self.model {
            OrderModel::Henery(_) => None,
            OrderModel::Sequential(model) => {
                let Exponents { second, third, later } = model.exponents();
                Some((second, third, later))
            }
        }
    }

    fn win<'py>(&self, py: Python<'py>) -> PyResult<Array1<'py>> {
        self.filled(py, 1, |out| self.model.win(out))
    }

    fn positions<'py>(&self, py: Python<'py>) -> PyResult<Array2<'py>> {
        let count = self.model.runner_count();
        let mut positions = vec![[0.0; POSITIONS]; count];
        self.model.positions(&mut positions).or_raise()?;
        PyArray1::from_slice(py, positions.as_flattened()).reshape([count, POSITIONS])
    }

    fn places<'py>(&self, py: Python<'py>, places: Whole<usize>) -> PyResult<Array1<'py>> {
        self.filled(py, 1, |out| self.model.places(places.0, out))
    }

    fn exactas<'py>(&self, py: Python<'py>) -> PyResult<Array2<'py>> {
        let count = self.model.runner_count();
        self.filled(py, 2, |out| self.model.exactas(out))?.reshape([count, count])
    }

    fn quinellas<'py>(&self, py: Python<'py>) -> PyResult<Array2<'py>> {
        let count = self.model.runner_count();
        self.filled(py, 2, |out| self.model.quinellas(out))?.reshape([count, count])
    }

    fn trifectas<'py>(&self, py: Python<'py>) -> PyResult<Array3<'py>> {
        let count = self.model.runner_count();
        self.filled(py, 3, |out| self.model.trifectas(out))?.reshape([count, count, count])
    }

    fn ahead<'py>(&self, py: Python<'py>) -> PyResult<Array2<'py>> {
        let count = self.model.runner_count();
        self.filled(py, 2, |out| self.model.ahead(out))?.reshape([count, count])
    }

    fn without<'py>(&self, py: Python<'py>, runner: Whole<usize>) -> PyResult<Array1<'py>> {
        self.filled(py, 1, |out| self.model.without(runner.0, out))
    }
}

impl Race {
    /// An array of n to the power of `dimensions` numbers, filled by the model without the interpreter's lock.
    fn filled<'py>(
        &self,
        py: Python<'py>,
        dimensions: u32,
        fill: impl FnOnce(&mut [f64]) -> Result<(), RacingError> + Send,
    ) -> PyResult<Array1<'py>> {
        let mut out = vec![0.0; self.model.runner_count().pow(dimensions)];
        py.detach(|| fill(&mut out)).or_raise()?;
        Ok(PyArray1::from_vec(py, out))
    }
}

/// Positions of every runner of many races; nan is an absent runner, a refused row becomes nan unless strict.
#[pyfunction]
fn racing_positions<'py>(
    py: Python<'py>,
    win: Matrix<'py, f64>,
    model: &str,
    exponents: Option<ExponentParts>,
    is_strict: bool,
) -> PyResult<Array3<'py>> {
    let kind = kind_of(model, exponents)?;
    let (input, rows, count) = win.parts()?;
    let mut results = vec![f64::NAN; rows * count * POSITIONS];
    let refused = py.detach(|| {
        if count == 0 {
            return None;
        }
        let row_results = results.chunks_exact_mut(count * POSITIONS);
        for (index, (row, out)) in input.chunks_exact(count).zip(row_results).enumerate() {
            let present: Vec<usize> = (0..count).filter(|&runner| !row[runner].is_nan()).collect();
            let probabilities: Vec<f64> = present.iter().map(|&runner| row[runner]).collect();
            let mut positions = vec![[0.0; POSITIONS]; present.len()];
            let model = OrderModel::new(kind, &probabilities);
            match model.and_then(|model| model.positions(&mut positions)) {
                Ok(()) => {
                    for (&runner, row) in present.iter().zip(&positions) {
                        out[runner * POSITIONS..][..POSITIONS].copy_from_slice(row);
                    }
                }
                Err(error) if is_strict && !present.is_empty() => return Some((index, error)),
                Err(_) => {}
            }
        }
        None
    });
    match refused {
        Some((row, error)) => Err(raise_in_row(py, &error, "race", row)),
        None => PyArray1::from_vec(py, results).reshape([rows, count, POSITIONS]),
    }
}

/// Probabilities of winning once some runners do not start.
#[pyfunction]
fn racing_without_withdrawn(win: Vec<f64>, withdrawn: Vec<bool>) -> PyResult<Vec<f64>> {
    let mut out = vec![0.0; win.len()];
    racing::without_withdrawn(&win, &withdrawn, &mut out).or_raise()?;
    Ok(out)
}

#[pyfunction]
fn racing_each_way_value(odds: f64, fraction: f64, win: f64, place: f64) -> PyResult<f64> {
    racing::each_way::expected_value(odds, fraction, win, place).or_raise()
}

#[pyfunction]
fn racing_each_way_fair_odds(fraction: f64, win: f64, place: f64) -> PyResult<f64> {
    racing::each_way::fair_odds(fraction, win, place).or_raise()
}

#[pyfunction]
fn racing_place_odds(odds: f64, fraction: f64) -> PyResult<f64> {
    racing::each_way::place_odds(odds, fraction).or_raise()
}

/// Places and the fraction's denominator; `None` where bets are win only.
#[pyfunction]
fn racing_standard_terms(runner_count: Whole<u8>, is_handicap: bool) -> Option<(u8, u8)> {
    standard_terms(runner_count.0, is_handicap).map(|terms| (terms.places, terms.fraction_of))
}

/// Pence in the pound for all withdrawn runners, by their odds, on a scale of (longest odds, pence).
#[pyfunction]
fn racing_rule4_pence(odds: Vec<f64>, bands: Vec<(f64, Whole<u8>)>) -> PyResult<u8> {
    let odds =
        odds.into_iter().map(Odds::from_decimal_nearest).collect::<Result<Vec<Odds>, _>>().or_raise()?;
    let band = |(longest, pence): (f64, Whole<u8>)| Ok((Odds::from_decimal_nearest(longest)?.e4(), pence.0));
    let bands =
        bands.into_iter().map(band).collect::<Result<Vec<_>, oddsengine_types::BoundsError>>().or_raise()?;
    Ok(rule4::pence_of_all_in(&bands, odds))
}

/// Tattersalls' scale: its version, and the longest odds and pence of each band.
#[pyfunction]
fn racing_rule4_scale() -> (&'static str, Vec<(f64, u8)>) {
    let bands =
        TATTERSALLS.bands.iter().map(|&(longest_e4, pence)| (f64::from(longest_e4) / 10_000.0, pence));
    (TATTERSALLS.version, bands.collect())
}

/// The odds that a bet is left with.
#[pyfunction]
fn racing_odds_after_rule4(odds: f64, pence: Whole<u8>) -> PyResult<f64> {
    let odds = struck_odds(odds).or_raise()?;
    rule4::odds_after(odds, pence.0).map(Odds::decimal).or_raise()
}

/// Names of all selections of a race's board, `market key/selection`, in the order of `racing_board`.
#[pyfunction]
fn racing_selections(format: FormatParts) -> PyResult<Vec<String>> {
    let (_, template) = compiled(&format)?;
    Ok((0..template.selections.len()).map(|selection| template.selection_text(selection)).collect())
}

/// Won and refunded share of the stake, their denominator, and the grade's name.
#[pyfunction]
fn racing_grade(
    format: FormatParts,
    selection: &str,
    positions: Vec<Whole<u8>>,
    withdrawn: Vec<bool>,
    is_void: bool,
) -> PyResult<(u16, u16, u16, String)> {
    let (format, template) = compiled(&format)?;
    let state = state_of(&format, &withdrawn, Some(&bytes_of(positions)), is_void)?;
    let unknown = || SelectionError(format!("the race has no selection {selection:?}"));
    let (key, name) = selection.split_once('/').ok_or_else(unknown).or_raise()?;
    let market = template.market_index(key).ok_or_else(unknown).or_raise()?;
    let index = template.selection_index(market, name).ok_or_else(unknown).or_raise()?;
    let grade = template.grade(index, &Outcome::Racing(state.outcome()));
    let (win, refund, of) = grade.parts();
    Ok((win, refund, of, grade.to_string()))
}

/// The expectation of every selection and the offered odds, nan where nothing is offered; nan refunds mark selections
/// that are decided. The engine's own steps with the engine's default bounds.
#[pyfunction]
#[allow(clippy::too_many_arguments)] // the arguments of one Python call
fn racing_board<'py>(
    py: Python<'py>,
    format: FormatParts,
    win_odds: Vec<f64>,
    place_odds: Option<(Whole<usize>, Vec<f64>)>,
    model: &str,
    exponents: Option<ExponentParts>,
    removal: &str,
    withdrawn: Vec<bool>,
    positions: Option<Vec<Whole<u8>>>,
    margin: (String, f64),
    ladder: &str,
) -> PyResult<(Array1<'py>, Array1<'py>, Array1<'py>)> {
    let (format, template) = compiled(&format)?;
    if win_odds.len() != usize::from(format.runner_count) {
        let error = RacingError::OutputCount { count: win_odds.len(), expected: format.runner_count.into() };
        return Err(error.raise());
    }
    let state = state_of(&format, &withdrawn, positions.map(bytes_of).as_deref(), false)?;
    let config = config_of(kind_of(model, exponents)?, removal)?;
    let present = |odds: &[f64]| -> Vec<f64> {
        odds.iter().map(|&odds| if odds.is_nan() { 0.0 } else { odds }).collect()
    };
    let place = place_odds.map(|(Whole(places), odds)| (places, present(&odds)));
    let prices = place.as_ref().map(|(places, odds)| PlacePrices { places: *places, odds });
    let parameters = calibrate(&config, &present(&win_odds), prices).or_raise()?;
    let rules = rules_of(&margin, ladder)?;
    let mut prefixes = ViewPrefixes::new(template);
    fill_views(&parameters, &state, &mut prefixes);
    let (live, mut possible) = (LiveState::Racing(state), Possible::default());
    live.fill_possible(template, &mut possible);
    let is_over = live.phase() == LivePhase::Finished;
    let decided = |selection: usize| match is_over {
        true => Some(template.grade(selection, &live.outcome())),
        false => template.decided_grade(selection, &live, &possible),
    };

    let count = template.selections.len();
    let (mut win, mut refund, mut odds_e4) = (vec![0.0; count], vec![0.0; count], vec![0; count]);
    prefixes.expectations(template, &mut win, &mut refund);
    let mut scratch = OfferScratch::default();
    for market in &template.markets {
        let range = market.selections();
        let is_open = |slot: usize| decided(range.start + slot).is_none();
        let (win, refund) = (&win[range.clone()], &refund[range.clone()]);
        offer_market(market, win, refund, is_open, |_| 0, &rules, &mut scratch, &mut odds_e4[range.clone()]);
    }
    for selection in 0..count {
        if let Some(grade) = decided(selection) {
            (win[selection], refund[selection]) = (grade.win_share(), grade.refund_share());
        }
    }
    let fair: Vec<f64> =
        win.iter().zip(&refund).map(|(&win, &refund)| fair_probability(win, refund)).collect();
    let odds = odds_e4.iter().map(|&odds_e4| Odds::from_e4(odds_e4).map_or(f64::NAN, Odds::decimal));
    let odds = PyArray1::from_vec(py, odds.collect());
    Ok((PyArray1::from_vec(py, fair), PyArray1::from_vec(py, refund), odds))
}

fn bytes_of(numbers: Vec<Whole<u8>>) -> Vec<u8> {
    numbers.into_iter().map(|Whole(number)| number).collect()
}

fn compiled(parts: &FormatParts) -> PyResult<(RacingFormat, &'static Template)> {
    let (kind, runner_count, is_handicap, places_max, extra_terms) = parts;
    let kind = match kind.as_str() {
        "horse" => RaceKind::Horse,
        "greyhound" => RaceKind::Greyhound,
        other => {
            return Err(
                BoundsError::new(format!("kind of race {other:?} is none of horse, greyhound")).raise()
            );
        }
    };
    let mut format = RacingFormat::standard(kind, runner_count.0, *is_handicap);
    format.places_max = places_max.map_or(format.places_max, |places| places.0);
    format.extra_terms =
        extra_terms.map(|(Whole(places), Whole(fraction_of))| PlaceTerms { places, fraction_of });
    format.check().or_raise()?;
    let template = template_of(&Format::Racing(format)).expect("a checked format has a template");
    Ok((format, template))
}

/// The state after these withdrawals and, if there is one, this official result.
fn state_of(
    format: &RacingFormat,
    withdrawn: &[bool],
    positions: Option<&[u8]>,
    is_void: bool,
) -> PyResult<RacingState> {
    let count = usize::from(format.runner_count);
    let mut state = RacingState::new(format);
    let mut incidents = Vec::new();
    for length in [Some(withdrawn.len()), positions.map(<[u8]>::len)].into_iter().flatten() {
        if length != count {
            return Err(RacingError::OutputCount { count: length, expected: count }.raise());
        }
    }
    let out = (0..count).filter(|&runner| withdrawn[runner]);
    incidents.extend(out.map(|runner| RacingIncident::Withdrawn(runner as u8)));
    if is_void {
        incidents.push(RacingIncident::Void);
    } else if let Some(given) = positions {
        let mut positions = [0; RUNNERS_MAX];
        positions[..count].copy_from_slice(given);
        incidents.extend([RacingIncident::Off, RacingIncident::Result(positions), RacingIncident::Official]);
    }
    for incident in incidents {
        state.apply(&incident).map_err(|error| BoundsError::new(error.to_string())).or_raise()?;
    }
    debug_assert!(positions.is_none() || is_void || RacingOutcome::check(&state.outcome()).is_ok());
    Ok(state)
}

fn kind_of(model: &str, exponents: Option<ExponentParts>) -> PyResult<ModelKind> {
    let kind = ModelKind::parse(model).or_raise()?;
    match (kind, exponents) {
        (ModelKind::Sequential(_), Some((second, third, later))) => {
            Ok(ModelKind::Sequential(Exponents { second, third, later }))
        }
        (ModelKind::Henery, Some(_)) => Err(BoundsError::new("the henery model has no exponents").raise()),
        (kind, None) => Ok(kind),
    }
}

fn config_of(kind: ModelKind, removal: &str) -> PyResult<RacingConfig> {
    let wanted = MarginMethod::parse(removal).or_raise()?;
    let margin = RacingMargin::ALL.into_iter().find(|margin| margin.method() == wanted).ok_or_else(|| {
        let names = RacingMargin::ALL.map(RacingMargin::name).join(", ");
        BoundsError::new(format!("margin removal {wanted} of a race is none of {names}"))
    });
    let margin = margin.or_raise()?;
    let default = RacingConfig { margin, ..RacingConfig::default() };
    Ok(match kind {
        ModelKind::Henery => RacingConfig { model: RacingModel::Henery, ..default },
        ModelKind::Sequential(Exponents { second, third, later }) => {
            let exponents_e3 = [second, third, later].map(|exponent| (exponent * 1_000.0).round() as u32);
            let config = RacingConfig { model: RacingModel::Sequential, exponents_e3, ..default };
            config.check().or_raise()?;
            config
        }
    })
}

fn rules_of((method, booksum): &(String, f64), ladder: &str) -> PyResult<PriceRules> {
    if !(1.0..=2.0).contains(booksum) {
        return Err(BoundsError::outside("booksum", booksum, 1, 2).raise());
    }
    let defaults = Config::default();
    Ok(PriceRules {
        method: MarginMethod::parse(method).or_raise()?,
        booksum: *booksum,
        ladder: named(ladder)?,
        odds_e4_min: defaults.odds_e4_min,
        odds_e4_max: defaults.odds_e4_max,
        skew_b_minor: None,
    })
}
