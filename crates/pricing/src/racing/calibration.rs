//! Strengths of the runners from market prices.

use oddsengine_types::{BoundsError, codec_enum, codec_struct};

use super::{
    Exponents, HeneryModel, ModelKind, OrderModel, RUNNERS_MAX, RacingError, RacingParameters, check_output,
    win_probabilities,
};
use crate::margin::MarginMethod;

/// Settings of racing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RacingConfig {
    /// Which model orders the runners.
    pub model: RacingModel,
    /// Exponents of the second, the third and every later position, in thousandths, of the sequential model.
    pub exponents_e3: [u32; 3],
    /// How the margin is taken out of the prices.
    pub margin: RacingMargin,
}
codec_struct!(RacingConfig { model, exponents_e3, margin });

/// A model by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RacingModel {
    /// Positions filled one after the other: Harville with exponents of 1, Lo–Bacon-Shone with others.
    Sequential,
    /// Normal running times.
    #[default]
    Henery,
}
codec_enum!(RacingModel { 0 = Sequential, 1 = Henery });

impl RacingModel {
    /// Every model.
    pub const ALL: [RacingModel; 2] = [Self::Sequential, Self::Henery];

    /// The name in configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Henery => "henery",
        }
    }
}

/// A margin method by name: those that give probabilities for every book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RacingMargin {
    /// Every price is cut by the same factor.
    Multiplicative,
    /// `pi = p^(1/t)`.
    #[default]
    Power,
    /// The same factor on the odds in favour.
    OddsRatio,
}
codec_enum!(RacingMargin { 0 = Multiplicative, 1 = Power, 2 = OddsRatio });

impl RacingMargin {
    /// Every method.
    pub const ALL: [RacingMargin; 3] = [Self::Multiplicative, Self::Power, Self::OddsRatio];

    /// The method of the margins' own list.
    pub fn method(self) -> MarginMethod {
        match self {
            Self::Multiplicative => MarginMethod::Multiplicative,
            Self::Power => MarginMethod::Power,
            Self::OddsRatio => MarginMethod::OddsRatio,
        }
    }

    /// The name in configuration.
    pub fn name(self) -> &'static str {
        self.method().as_str()
    }
}

impl Default for RacingConfig {
    fn default() -> Self {
        Self { model: RacingModel::Henery, exponents_e3: [760, 620, 560], margin: RacingMargin::Power }
    }
}

impl RacingConfig {
    /// What is wrong with it, if anything is.
    ///
    /// # Errors
    /// A setting outside its range, named.
    pub fn check(&self) -> Result<(), BoundsError> {
        match self.exponents_e3.iter().find(|&&exponent| exponent > 2_000) {
            Some(exponent) => Err(BoundsError::outside("models.racing.exponents_e3", exponent, 0, 2_000)),
            None => Ok(()),
        }
    }

    fn exponents(&self) -> Exponents {
        let [second, third, later] = self.exponents_e3.map(|exponent| f64::from(exponent) / 1_000.0);
        Exponents { second, third, later }
    }
}

/// Prices of a place market, in the order of the runners: what the sequential model's exponents are fitted to.
#[derive(Clone, Copy, Debug)]
pub struct PlacePrices<'a> {
    /// How many places pay.
    pub places: usize,
    /// Decimal odds of every runner; 0 where there is none.
    pub odds: &'a [f64],
}

/// Strengths that explain the prices of a win market, and, where there is a place market, exponents that explain it.
///
/// `win_odds`: decimal, one per declared runner, 0 for a runner without a price; at least two have one. Place prices are
/// used by the sequential model only, from runners that have both prices; normal running times have nothing to fit.
///
/// # Errors
/// Fewer than two prices, odds of 1 or less, a book that the margin method cannot price, or a place market of another
/// length.
///
/// ```
/// use oddsengine_pricing::racing::RacingParameters;
/// use oddsengine_pricing::racing::calibration::{RacingConfig, RacingModel, calibrate};
/// let config = RacingConfig { model: RacingModel::Sequential, ..RacingConfig::default() };
/// let parameters = calibrate(&config, &[2.0, 3.5, 0.0, 4.5], None)?;
/// let RacingParameters::Sequential { win, .. } = parameters else { unreachable!() };
/// assert_eq!(win[2], 0.0);
/// assert!((win.iter().sum::<f64>() - 1.0).abs() < 1e-12);
/// # Ok::<(), oddsengine_pricing::racing::RacingError>(())
/// ```
pub fn calibrate(
    config: &RacingConfig,
    win_odds: &[f64],
    places: Option<PlacePrices<'_>>,
) -> Result<RacingParameters, RacingError> {
    let priced: Vec<usize> = (0..win_odds.len()).filter(|&runner| win_odds[runner] != 0.0).collect();
    let odds: Vec<f64> = priced.iter().map(|&runner| win_odds[runner]).collect();
    let mut win = vec![0.0; odds.len()];
    win_probabilities(&odds, config.margin.method(), &mut win)?;
    let spread = |values: &[f64], absent: f64| {
        let mut all = vec![absent; win_odds.len()];
        priced.iter().zip(values).for_each(|(&runner, &value)| all[runner] = value);
        all
    };
    Ok(match config.model {
        RacingModel::Henery => {
            RacingParameters::Henery { times: spread(HeneryModel::from_win(&win)?.times(), f64::INFINITY) }
        }
        RacingModel::Sequential => {
            let exponents = match places {
                Some(prices) => {
                    check_output(prices.odds.len(), win_odds.len())?;
                    let odds: Vec<f64> = priced.iter().map(|&runner| prices.odds[runner]).collect();
                    fitted_exponents(&win, PlacePrices { odds: &odds, ..prices }, config.margin.method())?
                }
                None => config.exponents(),
            };
            RacingParameters::Sequential { win: spread(&win, 0.0), exponents }
        }
    })
}

/// The flattening of later positions, relative to normal running times, is searched in 0..=this.
const FLATTENING_MAX: f64 = 2.0;
/// Each step of the search keeps 0.618 of the interval: so many leave less than 1e-6.
const SEARCH_STEPS: usize = 32;

/// The exponents on the line from Harville through the normal approximation that come nearest to a place market: least
/// squares of the log-odds, each weighed by the variance of its place.
fn fitted_exponents(
    win: &[f64],
    prices: PlacePrices<'_>,
    method: MarginMethod,
) -> Result<Exponents, RacingError> {
    let market = place_probabilities(prices, method)?;
    let distance = |flattening: f64| -> Result<f64, RacingError> {
        let kind = ModelKind::Sequential(Exponents::flattened(flattening));
        let mut place = [0.0; RUNNERS_MAX];
        OrderModel::new(kind, win)?.places(prices.places, &mut place[..win.len()])?;
        let logit = |p: f64| libm::log(p / (1.0 - p));
        let square = |(&market, &model): (&f64, &f64)| {
            let model = model.clamp(1e-9, 1.0 - 1e-9);
            let difference = logit(market) - logit(model);
            market * (1.0 - market) * difference * difference
        };
        Ok(market.iter().zip(&place).filter(|(market, _)| **market > 0.0).map(square).sum())
    };
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let (mut low, mut high) = (0.0, FLATTENING_MAX);
    let (mut left, mut right) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
    let (mut at_left, mut at_right) = (distance(left)?, distance(right)?);
    for _ in 0..SEARCH_STEPS {
        if at_left <= at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - GOLDEN * (high - low);
            at_left = distance(left)?;
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + GOLDEN * (high - low);
            at_right = distance(right)?;
        }
    }
    Ok(Exponents::flattened(0.5 * (low + high)))
}

/// Place probabilities of a place market; 0 for a runner without a price.
fn place_probabilities(prices: PlacePrices<'_>, method: MarginMethod) -> Result<Vec<f64>, RacingError> {
    let priced: Vec<usize> = (0..prices.odds.len()).filter(|&runner| prices.odds[runner] != 0.0).collect();
    for &runner in &priced {
        let value = prices.odds[runner];
        if !(value > 1.0 && value.is_finite()) {
            return Err(RacingError::Odds { runner, value });
        }
    }
    if priced.len() <= prices.places {
        let (count, least) = (priced.len() as f64, prices.places as f64 + 1.0);
        return Err(RacingError::outside(
            "priced runners of a place market",
            count,
            least,
            RUNNERS_MAX as f64,
        ));
    }
    let inverse: Vec<f64> = priced.iter().map(|&runner| 1.0 / prices.odds[runner]).collect();
    let mut fair = vec![0.0; inverse.len()];
    crate::margin::remove(method, &inverse, prices.places as f64, &mut fair)?;
    let mut all = vec![0.0; prices.odds.len()];
    priced.iter().zip(&fair).for_each(|(&runner, &fair)| all[runner] = fair);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIN: [f64; 6] = [0.36, 0.22, 0.16, 0.11, 0.09, 0.06];

    /// Prices of the model itself, at a margin that the method takes out again, give its exponents back.
    #[test]
    fn place_prices_give_the_exponents_back() {
        for flattening in [0.0, 0.4, 1.0, 1.7] {
            let exponents = Exponents::flattened(flattening);
            let mut place = [0.0; 6];
            OrderModel::new(ModelKind::Sequential(exponents), &WIN).unwrap().places(2, &mut place).unwrap();
            let odds = place.map(|place| 1.0 / (place * 1.1));
            let win = WIN.map(|win| 1.0 / (win * 1.1));
            let (model, margin) = (RacingModel::Sequential, RacingMargin::Multiplicative);
            let config = RacingConfig { model, margin, ..RacingConfig::default() };
            let prices = PlacePrices { places: 2, odds: &odds };
            let parameters = calibrate(&config, &win, Some(prices)).unwrap();
            let RacingParameters::Sequential { win, exponents: found } = parameters else { unreachable!() };
            assert!((found.second - exponents.second).abs() < 1e-5, "{found:?} {exponents:?}");
            assert!(win.iter().zip(WIN).all(|(found, win)| (found - win).abs() < 1e-12));
        }
    }

    #[test]
    fn a_runner_without_a_price_is_left_out() {
        let henery = RacingConfig { model: RacingModel::Henery, ..RacingConfig::default() };
        let RacingParameters::Henery { times } = calibrate(&henery, &[2.0, 0.0, 3.0, 6.0], None).unwrap()
        else {
            unreachable!()
        };
        assert!(times[1].is_infinite() && times[0] < times[2] && times[2] < times[3]);
        let refused = |odds: &[f64], places: Option<PlacePrices<'_>>| {
            let config = RacingConfig { model: RacingModel::Sequential, ..RacingConfig::default() };
            calibrate(&config, odds, places).unwrap_err().to_string()
        };
        assert_eq!(refused(&[2.0, 0.0, 0.0], None), "1 runners are outside 2..=40");
        assert_eq!(refused(&[2.0, 0.9, 3.0], None), "odds 0.9 of runner 1 are not above 1");
        let places = PlacePrices { places: 3, odds: &[1.2, 1.3, 1.4] };
        assert_eq!(
            refused(&[2.0, 3.0, 6.0], Some(places)),
            "priced runners of a place market 3 is outside 4..=40"
        );
        let bad = RacingConfig { exponents_e3: [1_000, 2_001, 0], ..RacingConfig::default() };
        assert_eq!(
            bad.check().unwrap_err().to_string(),
            "models.racing.exponents_e3 2001 is outside 0..=2000"
        );
    }
}
