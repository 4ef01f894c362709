//! Score models beside Dixon-Coles, as one class.

use oddsengine_pricing::football::calibration::MatchPrices;
use oddsengine_pricing::football::score_model::{
    CalibratedScores, MatchScores, ODDS_RATIO_SHARE, ScoreFamily, ScoreModel,
};
use oddsengine_pricing::football::{FootballError, quarters_from_line};
use oddsengine_types::BoundsError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arrays::Matrix;
use crate::errors::{OrRaise, Raise};
use crate::pricing::{Array1, Array2, LineKind, Numbers, batch, matrix, parse, rows, same_length};

/// Adds the class and constants of this file.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("ODDS_RATIO_SHARE", ODDS_RATIO_SHARE)?;
    module.add_class::<PyScoreModel>()
}

/// Rates of home and away, and the shift.
type Scores = (f64, f64, f64);

/// A score model; see `oddsengine.football.ScoreModel`.
#[pyclass(module = "oddsengine._core", name = "ScoreModel", frozen)]
pub struct PyScoreModel {
    inner: ScoreModel,
}

#[pymethods]
impl PyScoreModel {
    #[new]
    fn new(family: &str, parameters: &Bound<'_, PyDict>) -> PyResult<Self> {
        let mut family = named(family)?;
        for (name, value) in parameters {
            let (name, value): (String, f64) = (name.extract()?, value.extract()?);
            *parameter(&mut family, &name)? = value;
        }
        Ok(Self { inner: ScoreModel::new(family).or_raise()? })
    }

    #[getter]
    fn family(&self) -> &'static str {
        self.inner.family().name()
    }

    #[getter]
    fn parameters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let parameters = PyDict::new(py);
        for (name, value) in self.inner.family().clone().parameters() {
            parameters.set_item(name, *value)?;
        }
        Ok(parameters)
    }

    fn grid<'py>(
        &self,
        py: Python<'py>,
        rate_home: f64,
        rate_away: f64,
        shift: f64,
    ) -> PyResult<Array2<'py>> {
        matrix(py, &self.inner.grid(&MatchScores { rate_home, rate_away, shift }).or_raise()?)
    }

    fn calibrate(&self, home: f64, draw: f64, away: f64, over: f64, line: f64) -> PyResult<Scores> {
        let total_quarters = quarters_from_line(line).or_raise()?;
        let prices = MatchPrices { home, draw, away, total_quarters, over };
        self.inner.calibrate(&prices).map(scores_of).or_raise()
    }

    #[expect(clippy::too_many_arguments, reason = "one column a price, as in Python")]
    fn calibrate_batch<'py>(
        &self,
        py: Python<'py>,
        home: Numbers<'py>,
        draw: Numbers<'py>,
        away: Numbers<'py>,
        over: Numbers<'py>,
        line: f64,
        is_strict: bool,
    ) -> PyResult<[Array1<'py>; 3]> {
        let total_quarters = quarters_from_line(line).or_raise()?;
        let (home, draw) = (home.as_slice()?, draw.as_slice()?);
        let (away, over) = (away.as_slice()?, over.as_slice()?);
        same_length(home.len(), &[draw.len(), away.len(), over.len()])?;
        batch(py, home.len(), is_strict, |row| {
            let (home, draw, away, over) = (home[row], draw[row], away[row], over[row]);
            let prices = MatchPrices { home, draw, away, total_quarters, over };
            self.inner.calibrate(&prices).map(array_of)
        })
    }

    /// Fair probabilities of 1X2 and of the over, and the match that has them.
    fn calibrate_from_odds(
        &self,
        odds_1x2: [f64; 3],
        odds_total: [f64; 2],
        line: f64,
        odds_ratio_share: f64,
        method_total: &str,
    ) -> PyResult<([f64; 3], f64, Scores)> {
        let (line, method) = (quarters_from_line(line).or_raise()?, parse(method_total)?);
        let CalibratedScores { prices, scores } = self
            .inner
            .calibrate_from_odds(odds_1x2, odds_ratio_share, line, odds_total, method)
            .or_raise()?;
        Ok(([prices.home, prices.draw, prices.away], prices.over, scores_of(scores)))
    }

    /// Matches of many odds: (n, 3) and (n, 2).
    #[expect(clippy::too_many_arguments, reason = "one setting each, as in Python")]
    fn calibrate_from_odds_batch<'py>(
        &self,
        py: Python<'py>,
        odds_1x2: Matrix<'py, f64>,
        odds_total: Matrix<'py, f64>,
        line: f64,
        odds_ratio_share: f64,
        method_total: &str,
        is_strict: bool,
    ) -> PyResult<[Array1<'py>; 3]> {
        let (line, method) = (quarters_from_line(line).or_raise()?, parse(method_total)?);
        let (odds_1x2, odds_total) = (rows::<3>(&odds_1x2)?, rows::<2>(&odds_total)?);
        same_length(odds_1x2.len(), &[odds_total.len()])?;
        batch(py, odds_1x2.len(), is_strict, |row| {
            let (odds_1x2, odds_total) = (odds_1x2[row], odds_total[row]);
            let fitted =
                self.inner.calibrate_from_odds(odds_1x2, odds_ratio_share, line, odds_total, method)?;
            Ok(array_of(fitted.scores))
        })
    }

    /// Expected win and lose fractions of one line for each of many matches.
    #[expect(clippy::too_many_arguments, reason = "one column a number, as in Python")]
    fn line_batch<'py>(
        &self,
        py: Python<'py>,
        rate_home: Numbers<'py>,
        rate_away: Numbers<'py>,
        shift: Numbers<'py>,
        kind: &str,
        line: Numbers<'py>,
        is_strict: bool,
    ) -> PyResult<[Array1<'py>; 2]> {
        let kind = LineKind::named(kind)?;
        let (home, away) = (rate_home.as_slice()?, rate_away.as_slice()?);
        let (shift, line) = (shift.as_slice()?, line.as_slice()?);
        same_length(home.len(), &[away.len(), shift.len(), line.len()])?;
        batch(py, home.len(), is_strict, |row| {
            let scores = MatchScores { rate_home: home[row], rate_away: away[row], shift: shift[row] };
            let shares = kind.shares(&self.inner.grid(&scores)?, quarters_from_line(line[row])?);
            Ok::<_, FootballError>([shares.win, shares.lose])
        })
    }
}

fn named(name: &str) -> PyResult<ScoreFamily> {
    let families = ScoreFamily::ALL;
    families.iter().find(|(known, _)| *known == name).map(|(_, family)| *family).ok_or_else(|| {
        let names = families.map(|(name, _)| name).join(", ");
        BoundsError::new(format!("score model {name:?} is none of {names}")).raise()
    })
}

fn parameter<'a>(family: &'a mut ScoreFamily, name: &str) -> PyResult<&'a mut f64> {
    let family_name = family.name();
    let mut parameters = family.parameters();
    match parameters.iter().position(|(known, _)| *known == name) {
        Some(index) => Ok(parameters.swap_remove(index).1),
        None => {
            let names: Vec<&str> = parameters.iter().map(|(name, _)| *name).collect();
            let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let text =
                format!("score model {family_name} has no parameter {name:?}, its parameters: {known}");
            Err(BoundsError::new(text).raise())
        }
    }
}

fn scores_of(scores: MatchScores) -> Scores {
    (scores.rate_home, scores.rate_away, scores.shift)
}

fn array_of(scores: MatchScores) -> [f64; 3] {
    [scores.rate_home, scores.rate_away, scores.shift]
}
