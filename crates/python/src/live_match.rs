//! A football match in play, priced by the engine's own live model.

use oddsengine_markets::football::{FootballFormat, FootballIncident, FootballIncidentKind, Side};
use oddsengine_markets::{Format, Incident, LiveState, template};
use oddsengine_pricing::football::DixonColes;
use oddsengine_pricing::model::{FootballConfig, FootballParameters, ModelConfig, Models, Parameters};
use oddsengine_types::BoundsError;
use pyo3::prelude::*;

use crate::arrays::Whole;
use crate::errors::{OrRaise, Raise};
use crate::pricing::{Array1, football, price_board};

/// Adds the class of this file.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(football_live_defaults, module)?)?;
    module.add_class::<PyLiveMatch>()
}

/// The engine's settings of a match in play: share of goals in the first half, rate factors of a side that leads, is level,
/// trails, of a side for each own and each opposing player sent off, all in thousandths; stoppage of both halves in
/// milliseconds.
type Settings = (u32, [u32; 3], [u32; 2], [i64; 2]);

/// The settings that the engine has where its configuration says nothing.
#[pyfunction]
fn football_live_defaults() -> Settings {
    let config = FootballConfig::default();
    let red_card_e3 = [config.red_card_own_e3, config.red_card_opponent_e3];
    (config.first_half_share_e3, config.lead_multiplier_e3, red_card_e3, config.stoppage_ms)
}

/// A match in play; see `oddsengine.football.LiveMatch`.
#[pyclass(module = "oddsengine._core", name = "LiveMatch")]
pub struct PyLiveMatch {
    models: Models,
    parameters: Parameters,
    state: LiveState,
}

#[pymethods]
impl PyLiveMatch {
    /// Model and settings, as [`Settings`].
    #[new]
    fn new(
        lambda_home: f64,
        lambda_away: f64,
        rho: f64,
        first_half_share_e3: Whole<u32>,
        lead_multiplier_e3: [Whole<u32>; 3],
        red_card_e3: [Whole<u32>; 2],
        stoppage_ms: [Whole<i64>; 2],
    ) -> PyResult<Self> {
        let model = DixonColes::new(lambda_home, lambda_away, rho).or_raise()?;
        let [red_card_own_e3, red_card_opponent_e3] = red_card_e3.map(|Whole(factor)| factor);
        let settings = FootballConfig {
            first_half_share_e3: first_half_share_e3.0,
            lead_multiplier_e3: lead_multiplier_e3.map(|Whole(factor)| factor),
            red_card_own_e3,
            red_card_opponent_e3,
            stoppage_ms: stoppage_ms.map(|Whole(stoppage)| stoppage),
        };
        let config = ModelConfig { football: settings, ..ModelConfig::default() };
        Ok(Self {
            models: Models::new(&config).or_raise()?,
            parameters: Parameters::Football(FootballParameters::of(&model, &FootballFormat::default())),
            state: LiveState::new(&Format::FOOTBALL, template(football())),
        })
    }

    /// Applies an incident by its name on the wire; `side` where the incident has one.
    #[pyo3(signature = (kind, clock_ms, side=None))]
    fn apply(&mut self, kind: &str, clock_ms: Whole<i64>, side: Option<&str>) -> PyResult<()> {
        let side = side.map(named_side).transpose()?;
        let incident =
            FootballIncident { kind: named_kind(kind, side)?, clock_ms: clock_ms.0, score_after: None };
        self.state
            .apply(&Incident::Football(incident))
            .map(|_| ())
            .map_err(|error| BoundsError::new(error.to_string()).raise())
    }

    /// Home and away goals so far.
    #[getter]
    fn score(&self) -> (u16, u16) {
        self.state.summary().score
    }

    /// Where the match stands.
    #[getter]
    fn period(&self) -> String {
        self.state.summary().period
    }

    /// Fair probabilities and offered odds of all selections now.
    fn board<'py>(
        &self,
        py: Python<'py>,
        method: &str,
        booksum: f64,
        ladder: &str,
    ) -> PyResult<(Array1<'py>, Array1<'py>)> {
        price_board(py, template(football()), method, booksum, ladder, |template, prefixes| {
            self.models.fill(template, &self.parameters, &self.state, prefixes);
        })
    }
}

fn named_side(name: &str) -> PyResult<Side> {
    match name {
        "home" => Ok(Side::Home),
        "away" => Ok(Side::Away),
        _ => Err(BoundsError::new(format!("side {name:?} is none of home, away")).raise()),
    }
}

fn named_kind(name: &str, side: Option<Side>) -> PyResult<FootballIncidentKind> {
    use FootballIncidentKind as Kind;
    let kind = match (name, side) {
        ("kick_off", None) => Kind::KickOff,
        ("clock", None) => Kind::Clock,
        ("half_time", None) => Kind::HalfTime,
        ("second_half", None) => Kind::SecondHalf,
        ("full_time", None) => Kind::FullTime,
        ("goal", Some(side)) => Kind::Goal(side),
        ("goal_cancelled", Some(side)) => Kind::GoalCancelled(side),
        ("red_card", Some(side)) => Kind::RedCard(side),
        ("red_card_cancelled", Some(side)) => Kind::RedCardCancelled(side),
        _ => {
            let text = "of kick_off, clock, half_time, second_half, full_time, or with a side of goal, \
                        goal_cancelled, red_card, red_card_cancelled";
            return Err(BoundsError::new(format!("incident {name:?} is none {text}")).raise());
        }
    };
    Ok(kind)
}
