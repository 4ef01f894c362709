//! The models behind one face: parameters and live state in, view probabilities out. The engine knows no sport.

use oddsengine_markets::custom::ModelFault;
use oddsengine_markets::football::{FootballFormat, FootballState, MatchPeriod, score_of};
use oddsengine_markets::tennis::TennisFormat;
use oddsengine_markets::{Format, LiveState, Template, ViewMap};
use oddsengine_types::{BoundsError, codec_enum, codec_struct};

use crate::board::ViewPrefixes;
use crate::football::calibration::{calibrate_from_odds, from_supremacy_total};
use crate::football::depth::{DepthExpectation, DepthFill};
use crate::football::depth_calibration::calibrate_depth;
use crate::football::intensity::{IntensityConfig, IntensityProfile, MatchClock, Period, RateMultipliers};
use crate::football::live_views::{RemainingGoals, fill_views};
use crate::football::{DixonColes, FootballError};
use crate::margin::MarginMethod;
use crate::racing::calibration::{PlacePrices, RacingConfig};
use crate::racing::{self, RacingParameters};
use crate::same_game::SameGameOutcomes;
use crate::tennis::calibration::{
    CalibrationSettings, ExpectedGames, PRIOR_POINTS_DEFAULT, SERVE_MEAN_DEFAULT, from_expected_games,
    from_odds,
};
use crate::tennis::{self, TennisError, TennisParameters};

/// Settings of all models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelConfig {
    /// Football.
    pub football: FootballConfig,
    /// Tennis.
    pub tennis: TennisConfig,
    /// Racing.
    pub racing: RacingConfig,
}
codec_struct!(ModelConfig { football, tennis, racing });

/// Settings of tennis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TennisConfig {
    /// Mean of both serve levels where no games market is priced, in ten-thousandths.
    pub serve_mean_e4: u32,
    /// How many points of evidence each serve level is worth before the match; 0 if levels are exactly known.
    pub prior_points: u32,
}
codec_struct!(TennisConfig { serve_mean_e4, prior_points });

impl Default for TennisConfig {
    fn default() -> Self {
        let serve_mean_e4 = (SERVE_MEAN_DEFAULT * 10_000.0) as u32;
        Self { serve_mean_e4, prior_points: PRIOR_POINTS_DEFAULT as u32 }
    }
}

impl TennisConfig {
    fn settings(&self) -> Result<CalibrationSettings, TennisError> {
        let prior_points = (self.prior_points > 0).then(|| f64::from(self.prior_points));
        let serve_mean = f64::from(self.serve_mean_e4) / 10_000.0;
        CalibrationSettings { serve_mean, prior_points, first_server: None }.checked()
    }
}

/// Settings of football in play, in thousandths. Illustrative defaults until fitted on licensed data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FootballConfig {
    /// Share of a match's goals that fall in the first half.
    pub first_half_share_e3: u32,
    /// Scoring rate of a side that leads, is level, trails.
    pub lead_multiplier_e3: [u32; 3],
    /// Scoring rate of a side per own player sent off.
    pub red_card_own_e3: u32,
    /// Scoring rate of a side per opponent sent off.
    pub red_card_opponent_e3: u32,
    /// Added time expected before it is announced, per half, in milliseconds.
    pub stoppage_ms: [i64; 2],
}
codec_struct!(FootballConfig {
    first_half_share_e3,
    lead_multiplier_e3,
    red_card_own_e3,
    red_card_opponent_e3,
    stoppage_ms
});

impl Default for FootballConfig {
    fn default() -> Self {
        Self {
            first_half_share_e3: 450,
            lead_multiplier_e3: [920, 1_000, 1_120],
            red_card_own_e3: 667,
            red_card_opponent_e3: 1_250,
            stoppage_ms: [120_000, 300_000],
        }
    }
}

/// The parameters of a fixture's model.
#[derive(Clone, Debug, PartialEq)]
pub enum Parameters {
    /// Football: expected goals of the whole match, and what is expected beside the score.
    Football(FootballParameters),
    /// A space that was defined as data: what its own model gave.
    Custom(ForeignProbabilities),
    /// Tennis: serve levels.
    Tennis(TennisParameters),
    /// Racing: strengths of the runners.
    Racing(RacingParameters),
}
codec_enum!(Parameters { 0 = Football(parameters), 1 = Custom(foreign), 2 = Tennis(serve), 3 = Racing(parameters) });

/// What a foreign model was given and what it gave: inputs of the engine, never recomputed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForeignProbabilities {
    /// The model's own parameters, as they were set.
    pub inputs: Vec<f64>,
    /// The probability of every outcome; empty until the model gave any.
    pub probabilities: Vec<f64>,
}
codec_struct!(ForeignProbabilities { inputs, probabilities });

/// Largest distance of a foreign model's sum of probabilities from 1.
pub const FOREIGN_SUM_TOLERANCE: f64 = 1e-6;

impl ForeignProbabilities {
    /// Checks probabilities against what is possible, and scales those of possible outcomes to sum to 1.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn checked(probabilities: &[f64], possible_main: &[u16]) -> Result<Vec<f64>, ModelFault> {
        if probabilities.iter().any(|p| !(0.0..=1.0).contains(p)) {
            return Err(ModelFault::NotAProbability);
        }
        let sum: f64 = probabilities.iter().sum();
        if (sum - 1.0).abs() > FOREIGN_SUM_TOLERANCE {
            return Err(ModelFault::WrongSum);
        }
        let mass: f64 = possible_main.iter().map(|&main| probabilities[usize::from(main)]).sum();
        if (mass - sum).abs() > FOREIGN_SUM_TOLERANCE {
            return Err(ModelFault::Impossible);
        }
        let mut checked = vec![0.0; probabilities.len()];
        for main in possible_main.iter().map(|&main| usize::from(main)) {
            checked[main] = probabilities[main] / mass;
        }
        Ok(checked)
    }
}

/// What a football match is expected to bring.
#[derive(Clone, Debug, PartialEq)]
pub struct FootballParameters {
    /// Goals.
    pub goals: GoalExpectation,
    /// What the format offers beside the score.
    pub depth: DepthExpectation,
}
codec_struct!(FootballParameters { goals, depth });

impl FootballParameters {
    /// Goals of a model, and on average what such a match brings beside them, if the format asks for it.
    pub fn of(model: &DixonColes, format: &FootballFormat) -> Self {
        let depth = match format.corners || format.cards {
            true => DepthExpectation::of(model),
            false => DepthExpectation::default(),
        };
        Self { goals: goal_expectation(model), depth }
    }
}

/// Expected goals of a football match, and the dependence of low scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GoalExpectation {
    /// Expected home goals.
    pub lambda_home: f64,
    /// Expected away goals.
    pub lambda_away: f64,
    /// Dixon–Coles dependence.
    pub rho: f64,
}
codec_struct!(GoalExpectation { lambda_home, lambda_away, rho });

/// The prices of one market, in its template's order of selections: what a model is calibrated from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketPrices<'a> {
    /// Index of the market in the template.
    pub market: usize,
    /// Odds of every selection in ten-thousandths; 0 where there is none.
    pub odds_e4: &'a [u32],
}

/// All models, ready to price.
#[derive(Clone, Debug)]
pub struct Models {
    profile: IntensityProfile,
    multipliers: RateMultipliers,
    tennis: CalibrationSettings,
    racing: RacingConfig,
}

impl Models {
    /// Models with these settings.
    ///
    /// # Errors
    /// A setting outside its range, named.
    pub fn new(config: &ModelConfig) -> Result<Self, BoundsError> {
        let football = &config.football;
        let share = |value_e3: u32| f64::from(value_e3) / 1_000.0;
        let stoppage = |value_ms: i64| {
            u32::try_from(value_ms)
                .map_err(|_| BoundsError::outside("models.football.stoppage_ms", value_ms, 0, 3_600_000))
        };
        if !(1..=999).contains(&football.first_half_share_e3) {
            return Err(BoundsError::outside(
                "models.football.first_half_share_e3",
                football.first_half_share_e3,
                1,
                999,
            ));
        }
        let bad = |error: FootballError| BoundsError::new(format!("models.football: {error}"));
        let profile = IntensityProfile::new(&IntensityConfig {
            first_half_share: share(football.first_half_share_e3),
            first_half_stoppage_ms: stoppage(football.stoppage_ms[0])?,
            second_half_stoppage_ms: stoppage(football.stoppage_ms[1])?,
            ..IntensityConfig::default()
        })
        .map_err(bad)?;
        let [leading, level, trailing] = football.lead_multiplier_e3.map(share);
        let multipliers = RateMultipliers {
            leading,
            level,
            trailing,
            red_own: share(football.red_card_own_e3),
            red_opponent: share(football.red_card_opponent_e3),
        };
        config.racing.check()?;
        let bad_tennis = |error: TennisError| BoundsError::new(format!("models.tennis: {error}"));
        let tennis = config.tennis.settings().map_err(bad_tennis)?;
        Ok(Self { profile, multipliers: multipliers.checked().map_err(bad)?, tennis, racing: config.racing })
    }

    /// Parameters that explain market prices.
    ///
    /// # Errors
    /// A market that the model needs and does not get, or prices that no parameters explain, with the reason.
    pub fn calibrate(
        &self,
        format: &Format,
        template: &Template,
        prices: &[MarketPrices<'_>],
    ) -> Result<Parameters, BoundsError> {
        match format {
            Format::Football(football) => {
                calibrate_football(football, template, None, prices).map(Parameters::Football)
            }
            Format::Racing(_) => calibrate_racing(&self.racing, template, prices),
            Format::Tennis(format) => calibrate_tennis(format, template, prices, &self.tennis),
            Format::Custom(_) => {
                Err(BoundsError::new("a space that is data has no calibration: give its probabilities"))
            }
        }
    }

    /// As [`Models::calibrate`], keeping what the present parameters say and the prices do not: football's goals when
    /// only markets beside the score are priced, and what is expected beside the score.
    ///
    /// # Errors
    /// As [`Models::calibrate`].
    pub fn recalibrate(
        &self,
        format: &Format,
        template: &Template,
        now: Option<&Parameters>,
        prices: &[MarketPrices<'_>],
    ) -> Result<Parameters, BoundsError> {
        match (format, now) {
            (Format::Football(football), Some(Parameters::Football(now))) => {
                calibrate_football(football, template, Some(now), prices).map(Parameters::Football)
            }
            _ => self.calibrate(format, template, prices),
        }
    }

    /// Parameters with this supremacy and total (goals; in tennis games); what else the present parameters say is kept.
    ///
    /// # Errors
    /// A total or supremacy outside its range.
    pub fn with_expectation(
        &self,
        format: &Format,
        now: Option<&Parameters>,
        supremacy: f64,
        total: f64,
    ) -> Result<Parameters, BoundsError> {
        match format {
            Format::Football(football) => {
                let plain = from_supremacy_total(supremacy, total)
                    .map_err(|error| BoundsError::new(error.to_string()))?;
                let mut parameters = FootballParameters::of(&plain, football);
                if let Some(Parameters::Football(now)) = now {
                    let goals = &mut parameters.goals;
                    let (low, high) = DixonColes::rho_bounds(goals.lambda_home, goals.lambda_away);
                    goals.rho = now.goals.rho.clamp(low, high);
                    parameters.depth = now.depth.clone();
                }
                Ok(Parameters::Football(parameters))
            }
            Format::Tennis(format) => from_expected_games(format, supremacy, total, &self.tennis)
                .map(Parameters::Tennis)
                .map_err(|error| BoundsError::new(error.to_string())),
            Format::Custom(_) => {
                Err(BoundsError::new("a space that is data has no supremacy and total: set its inputs"))
            }
            Format::Racing(_) => {
                Err(BoundsError::new("a race has no supremacy and total: give the prices of its win market"))
            }
        }
    }

    /// What parameters expect before the start: home minus away, and of both; nothing where a sport has no such thing.
    pub fn expectation(&self, format: &Format, parameters: &Parameters) -> Option<(f64, f64)> {
        match (format, parameters) {
            (Format::Football(_), Parameters::Football(football)) => {
                let goals = &football.goals;
                Some((goals.lambda_home - goals.lambda_away, goals.lambda_home + goals.lambda_away))
            }
            (Format::Tennis(format), Parameters::Tennis(tennis)) => {
                let games = ExpectedGames::of(format, &tennis.before_match(), self.tennis.first_server);
                Some((games.difference, games.total))
            }
            _ => None,
        }
    }

    /// Fills the probabilities of every view; `false` when the parameters give none.
    pub fn fill(
        &self,
        template: &Template,
        parameters: &Parameters,
        live: &LiveState,
        prefixes: &mut ViewPrefixes,
    ) -> bool {
        match (parameters, live) {
            (Parameters::Football(parameters), LiveState::Football(state)) => {
                fill_views(&self.remaining_goals(&parameters.goals, state), state, prefixes);
                state.format == FootballFormat::default() || self.fill_depth(parameters, state, prefixes)
            }
            (Parameters::Racing(parameters), LiveState::Racing(state)) => {
                racing::live_views::fill_views(parameters, state, prefixes);
                true
            }
            (Parameters::Tennis(parameters), LiveState::Tennis(state)) => {
                tennis::fill_views(parameters, state, prefixes);
                true
            }
            (Parameters::Custom(foreign), LiveState::Custom(_)) => {
                fill_from_outcomes(template, &foreign.probabilities, prefixes)
            }
            _ => false,
        }
    }

    /// Fills the views beside the score; `false` when the parameters give none.
    fn fill_depth(
        &self,
        parameters: &FootballParameters,
        state: &FootballState,
        prefixes: &mut ViewPrefixes,
    ) -> bool {
        self.depth(parameters, state).fill(prefixes).is_ok()
    }

    fn depth<'a>(&'a self, parameters: &'a FootballParameters, state: &'a FootballState) -> DepthFill<'a> {
        DepthFill {
            expectation: &parameters.depth,
            profile: &self.profile,
            multipliers: &self.multipliers,
            clock: match_clock(state),
            lambda: [parameters.goals.lambda_home, parameters.goals.lambda_away],
            state,
        }
    }

    /// The joint model of a football match now, for same-game multiples.
    pub fn same_game<'a>(
        &'a self,
        parameters: &'a FootballParameters,
        state: &'a FootballState,
    ) -> SameGameOutcomes<'a> {
        let remaining = self.remaining_goals(&parameters.goals, state);
        SameGameOutcomes::with_depth(&remaining, self.depth(parameters, state))
    }

    /// Goals still expected: the match's expectation, times what the clock leaves of each half, times what score
    /// and red cards do to the rates.
    pub fn remaining_goals(&self, expectation: &GoalExpectation, state: &FootballState) -> RemainingGoals {
        let shares = self.profile.remaining_share(match_clock(state));
        let rates = self.rates(expectation, state);
        let lambda = [expectation.lambda_home, expectation.lambda_away];
        let means = [shares.first_half, shares.second_half].map(|share| rates.map(|rate| rate * share));
        RemainingGoals { means, lambda, rho: expectation.rho }
    }

    /// Goals a side would score in a whole match at the present score and red cards.
    fn rates(&self, expectation: &GoalExpectation, state: &FootballState) -> [f64; 2] {
        let (home, away) = score_of(state.goals, oddsengine_markets::football::Period::Match);
        let difference = i32::from(home) - i32::from(away);
        let (home, away) = self.multipliers.multipliers(difference, state.red_cards[0], state.red_cards[1]);
        [expectation.lambda_home * home, expectation.lambda_away * away]
    }
}

/// The clock of regulation.
fn match_clock(state: &FootballState) -> MatchClock {
    let period = match state.period {
        MatchPeriod::PreMatch => Period::BeforeKickOff,
        MatchPeriod::FirstHalf => Period::FirstHalf,
        MatchPeriod::HalfTime => Period::HalfTime,
        MatchPeriod::SecondHalf => Period::SecondHalf,
        _ => Period::Ended,
    };
    let half = usize::from(state.period >= MatchPeriod::HalfTime);
    let announced_stoppage_ms = state.announced_ms[half].map(|ms| ms as u32);
    MatchClock { period, elapsed_ms: state.clock_ms as u32, announced_stoppage_ms }
}

fn goal_expectation(model: &DixonColes) -> GoalExpectation {
    GoalExpectation { lambda_home: model.lambda_home(), lambda_away: model.lambda_away(), rho: model.rho() }
}

/// Goals from the prices of `1x2` and one `total:` line, the rest from markets beside the score.
fn calibrate_football(
    format: &FootballFormat,
    template: &Template,
    now: Option<&FootballParameters>,
    prices: &[MarketPrices<'_>],
) -> Result<FootballParameters, BoundsError> {
    let key = |price: &MarketPrices<'_>| template.markets[price.market].key.as_str();
    let result = prices.iter().find(|price| key(price) == "1x2");
    let total = prices.iter().find_map(|price| {
        let line = key(price).strip_prefix("total:")?.parse::<f64>().ok()?;
        Some((price, (line * 4.0) as i32))
    });
    let needed = "football is calibrated from the prices of 1x2 and of one total line";
    let bad = |error: FootballError| BoundsError::new(error.to_string());
    let model = match (result, total, now) {
        (Some(result), Some((total, line_quarters)), _) => {
            calibrate_from_odds(
                decimals::<3>(result)?,
                MarginMethod::Multiplicative,
                line_quarters,
                decimals::<2>(total)?,
                MarginMethod::Multiplicative,
            )
            .map_err(bad)?
            .model
        }
        (None, None, Some(now)) => {
            let goals = &now.goals;
            DixonColes::new(goals.lambda_home, goals.lambda_away, goals.rho).map_err(bad)?
        }
        _ => return Err(BoundsError::new(needed)),
    };
    let mut parameters = FootballParameters::of(&model, format);
    if let Some(now) = now {
        parameters.depth = now.depth.clone();
    }
    let understood = calibrate_depth(format, template, prices, &model, &mut parameters.depth)?;
    if result.is_none() && understood == 0 {
        return Err(BoundsError::new(needed));
    }
    Ok(parameters)
}

/// From the prices of `win`, and of one place market if there is one.
fn calibrate_racing(
    config: &RacingConfig,
    template: &Template,
    prices: &[MarketPrices<'_>],
) -> Result<Parameters, BoundsError> {
    let decimals = |price: &MarketPrices<'_>| {
        price.odds_e4.iter().map(|&e4| f64::from(e4) / 10_000.0).collect::<Vec<f64>>()
    };
    let key = |price: &MarketPrices<'_>| template.markets[price.market].key.as_str();
    let Some(win) = prices.iter().find(|price| key(price) == "win") else {
        return Err(BoundsError::new("racing is calibrated from the prices of win"));
    };
    let place = prices.iter().find_map(|price| {
        let places = key(price).strip_prefix("place.")?.parse().ok()?;
        Some((places, decimals(price)))
    });
    let places = place.as_ref().map(|(places, odds)| PlacePrices { places: *places, odds });
    racing::calibration::calibrate(config, &decimals(win), places)
        .map(Parameters::Racing)
        .map_err(|error| BoundsError::new(error.to_string()))
}

/// From the prices of `match_winner` and any `total_games:` lines.
fn calibrate_tennis(
    format: &TennisFormat,
    template: &Template,
    prices: &[MarketPrices<'_>],
    settings: &CalibrationSettings,
) -> Result<Parameters, BoundsError> {
    let odds: Vec<[f64; 2]> = prices.iter().map(decimals::<2>).collect::<Result<_, _>>()?;
    let keys = prices.iter().map(|price| template.markets[price.market].key.as_str());
    let prices: Vec<(&str, &[f64])> = keys.zip(&odds).map(|(key, odds)| (key, odds.as_slice())).collect();
    from_odds(format, &prices, MarginMethod::Multiplicative, settings)
        .map(Parameters::Tennis)
        .map_err(|error| BoundsError::new(error.to_string()))
}

/// Decimal odds of a market that must be priced in full.
fn decimals<const N: usize>(prices: &MarketPrices<'_>) -> Result<[f64; N], BoundsError> {
    let mut odds = [0.0; N];
    if prices.odds_e4.len() != N || prices.odds_e4.contains(&0) {
        return Err(BoundsError::outside("prices of a market to calibrate from", prices.odds_e4.len(), N, N));
    }
    odds.iter_mut().zip(prices.odds_e4).for_each(|(odds, &e4)| *odds = f64::from(e4) / 10_000.0);
    Ok(odds)
}

/// Every view's probabilities as sums over the outcomes.
fn fill_from_outcomes(template: &Template, probabilities: &[f64], prefixes: &mut ViewPrefixes) -> bool {
    if probabilities.len() != template.joint.main_count {
        return false;
    }
    for (view, (map, definition)) in template.joint.maps.iter().zip(&template.views).enumerate() {
        let ViewMap::Exact(cell_of) = map else { continue };
        let mut cells = [0.0; oddsengine_markets::template::VIEW_CELLS_MAX];
        for (&cell, probability) in cell_of.iter().zip(probabilities) {
            cells[usize::from(cell)] += probability;
        }
        prefixes.set(view, &cells[..definition.cell_count], 1.0);
    }
    true
}
