//! Same-game multiples of one football match.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use oddsengine_engine::Body;
use oddsengine_feeds::decode_ingest;
use oddsengine_markets::football::{FirstLeg, FootballFormat, FootballState, Knockout};
use oddsengine_markets::{Incident, LivePhase};
use oddsengine_pricing::football::DixonColes;
use oddsengine_pricing::model::{FootballConfig, FootballParameters, ModelConfig, Models};
use oddsengine_pricing::same_game::{
    SameGameError, SameGameLegs, SameGameOutcomes, SameGamePrice, combinable, gaussian_copula,
    leg_probabilities, offered_odds, price,
};
use oddsengine_types::BoundsError;
use pyo3::prelude::*;

use crate::arrays::Pair;
use crate::errors::{OrRaise, SelectionError, hint};

/// Adds the functions and the class of this file.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PySameGame>()?;
    module.add_function(wrap_pyfunction!(same_game_copula, module)?)
}

/// Goals of a first leg, whether away goals decide, whether extra time is played.
type KnockoutParts = (Pair<u8>, bool, bool);

/// The legs of a format, compiled once per process.
fn legs_of(format: FootballFormat) -> Result<&'static SameGameLegs, BoundsError> {
    static COMPILED: Mutex<BTreeMap<FootballFormat, &'static SameGameLegs>> = Mutex::new(BTreeMap::new());
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(legs) = compiled.get(&format) {
        return Ok(legs);
    }
    let legs: &'static SameGameLegs = Box::leak(Box::new(SameGameLegs::new(format)?));
    compiled.insert(format, legs);
    Ok(legs)
}

/// A match with its model and what has happened.
#[pyclass(module = "oddsengine._core", name = "SameGame")]
pub struct PySameGame {
    legs: &'static SameGameLegs,
    models: Models,
    parameters: FootballParameters,
    state: FootballState,
}

#[pymethods]
impl PySameGame {
    #[new]
    #[allow(clippy::too_many_arguments)] // keyword arguments of one constructor
    #[pyo3(signature = (*, model, first_half_share, knockout, corners, cards, shares_home, shares_away, shootout_home))]
    fn new(
        model: (f64, f64, f64),
        first_half_share: f64,
        knockout: Option<KnockoutParts>,
        corners: Option<[f64; 2]>,
        cards: Option<[f64; 2]>,
        shares_home: Vec<f64>,
        shares_away: Vec<f64>,
        shootout_home: f64,
    ) -> PyResult<Self> {
        let model = DixonColes::new(model.0, model.1, model.2).or_raise()?;
        let share_e3 = (first_half_share * 1_000.0).round();
        if !((first_half_share * 1_000.0 - share_e3).abs() < 1e-9 && (1.0..=999.0).contains(&share_e3)) {
            let what = format!(
                "first-half share {first_half_share} is not a multiple of 0.001 within 0.001..=0.999"
            );
            return Err(BoundsError::new(what)).or_raise();
        }
        let football = FootballConfig { first_half_share_e3: share_e3 as u32, ..FootballConfig::default() };
        let count = |shares: &[f64]| {
            u8::try_from(shares.len())
                .map_err(|_| BoundsError::outside("listed players of a side", shares.len(), 0, 30))
        };
        let format = FootballFormat {
            knockout: knockout.map(|(Pair(home_goals, away_goals), away_goals_rule, extra_time)| Knockout {
                first_leg: FirstLeg { home_goals, away_goals, away_goals_rule },
                extra_time,
            }),
            corners: true,
            cards: true,
            intervals: true,
            players: [count(&shares_home).or_raise()?, count(&shares_away).or_raise()?],
        };
        let mut parameters = FootballParameters::of(&model, &format);
        parameters.depth.corners = corners.unwrap_or(parameters.depth.corners);
        parameters.depth.cards = cards.unwrap_or(parameters.depth.cards);
        parameters.depth.shares_home = shares_home;
        parameters.depth.shares_away = shares_away;
        parameters.depth.shootout_home = shootout_home;
        let models = Models::new(&ModelConfig { football, ..ModelConfig::default() }).or_raise()?;
        Ok(Self { legs: legs_of(format).or_raise()?, models, parameters, state: FootballState::new(format) })
    }

    /// All selections, `market key/selection`, in the order of `combinable`.
    fn selections(&self) -> Vec<String> {
        (0..self.legs.count()).map(|index| self.legs.template().selection_text(index)).collect()
    }

    /// Applies an incident: a message of the ingest socket, as bytes.
    fn apply(&mut self, message: &[u8]) -> PyResult<()> {
        let decoded =
            decode_ingest(message, 0).map_err(|error| BoundsError::new(error.to_string())).or_raise()?;
        let Body::Incident { incident: Incident::Football(incident), .. } = decoded.value.body else {
            return Err(BoundsError::new("the message is not a football incident")).or_raise();
        };
        self.state.apply(&incident).map_err(|error| BoundsError::new(error.to_string())).or_raise()?;
        Ok(())
    }

    /// Score, period, clock in milliseconds, and whether the match is over.
    fn summary(&self) -> ((u16, u16), String, i64, bool) {
        let summary = self.state.summary();
        (summary.score, summary.period, summary.clock_ms, self.state.phase() == LivePhase::Finished)
    }

    /// Probability, fair odds, exponent of the leg odds, probabilities of the legs alone, implied legs, offered odds.
    #[allow(clippy::type_complexity)] // a row of numbers for the Python class
    fn price(
        &self,
        legs: Vec<String>,
        leg_booksum: f64,
        booksum_max: f64,
    ) -> PyResult<(f64, f64, Option<f64>, Vec<f64>, Vec<usize>, f64)> {
        let selections = self.indexes(&legs)?;
        let outcomes = self.models.same_game(&self.parameters, &self.state);
        let found = price(self.legs, &outcomes, &selections).or_raise()?;
        let alone = leg_probabilities(self.legs, &outcomes, &selections).or_raise()?;
        let paying = self.paying(&outcomes, &selections, &found)?;
        let paying: Vec<f64> = paying.into_iter().map(|place| alone[place]).collect();
        let offered = offered_odds(&found, &paying, leg_booksum, booksum_max).or_raise()?;
        let implied = found.implied.iter().collect();
        Ok((found.probability, found.fair_odds, found.exponent, alone, implied, offered))
    }

    /// For every selection: `yes`, `contradicts`, `implied`, `implies` or `no_model`.
    fn combinable(&self, legs: Vec<String>) -> PyResult<Vec<&'static str>> {
        let selections = self.indexes(&legs)?;
        let outcomes = self.models.same_game(&self.parameters, &self.state);
        let answers = combinable(self.legs, &outcomes, &selections).or_raise()?;
        Ok(answers.into_iter().map(|answer| answer.name()).collect())
    }
}

impl PySameGame {
    /// The places of the legs that bring a margin: a leg that the others imply costs nothing, and of legs that imply each
    /// other one stays.
    fn paying(
        &self,
        outcomes: &SameGameOutcomes<'_>,
        selections: &[u16],
        found: &SameGamePrice,
    ) -> PyResult<Vec<usize>> {
        let mut paying: Vec<usize> = (0..selections.len()).collect();
        for place in found.implied.iter() {
            let rest: Vec<usize> = paying.iter().copied().filter(|&other| other != place).collect();
            if rest.is_empty() {
                break;
            }
            let legs: Vec<u16> = rest.iter().map(|&place| selections[place]).collect();
            let without = price(self.legs, outcomes, &legs).or_raise()?;
            if (without.fair_odds - found.fair_odds).abs() <= 1e-12 * found.fair_odds {
                paying = rest;
            }
        }
        Ok(paying)
    }

    fn indexes(&self, legs: &[String]) -> PyResult<Vec<u16>> {
        let template = self.legs.template();
        let index = |text: &String| {
            let unknown = || {
                let names = template.selections.iter();
                let known = names.map(|known| {
                    format!("{}/{}", template.markets[usize::from(known.market)].key, known.name)
                });
                SelectionError(format!("there is no selection {text:?}{}", hint(text, known.collect())))
            };
            let (market, name) = text.split_once('/').ok_or_else(unknown)?;
            let market = template.market_index(market).ok_or_else(unknown)?;
            template.selection_index(market, name).map(|index| index as u16).ok_or_else(unknown)
        };
        legs.iter().map(index).collect::<Result<_, _>>().or_raise()
    }
}

/// Probability that all events happen under a Gaussian copula, and the error estimate.
#[pyfunction]
fn same_game_copula(probabilities: Vec<f64>, correlations: Vec<f64>) -> PyResult<(f64, f64)> {
    let joint = gaussian_copula(&probabilities, &correlations).or_raise()?;
    Ok((joint.probability, joint.error))
}

impl crate::errors::Raise for SameGameError {
    #[cold]
    fn raise(&self) -> PyErr {
        crate::errors::same_game_error(self.to_string())
    }
}
