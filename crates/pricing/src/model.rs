//! The models behind one face: parameters and live state in, view probabilities out. The engine knows no sport.

use oddsengine_markets::football::{FootballState, MatchPeriod};
use oddsengine_markets::{LiveState, Template};
use oddsengine_types::{BoundsError, SportId, codec_enum, codec_struct};

use crate::board::ViewPrefixes;
use crate::football::calibration::{calibrate_from_odds, from_supremacy_total};
use crate::football::intensity::{IntensityConfig, IntensityProfile, MatchClock, Period, RateMultipliers};
use crate::football::live_views::{RemainingGoals, fill_views};
use crate::football::{DixonColes, FootballError};
use crate::margin::MarginMethod;

/// Settings of all models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelConfig {
    /// Football.
    pub football: FootballConfig,
}
codec_struct!(ModelConfig { football });

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
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Parameters {
    /// Football: expected goals of the whole match.
    Football(GoalExpectation),
}
codec_enum!(Parameters { 0 = Football(expectation) });

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

/// Market prices to calibrate from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CalibrationPrices {
    /// Odds of home, draw, away in ten-thousandths.
    pub odds_1x2_e4: [u32; 3],
    /// The total line, in quarter goals.
    pub total_line_quarters: i16,
    /// Odds of over and under in ten-thousandths.
    pub odds_total_e4: [u32; 2],
}

/// All models, ready to price.
#[derive(Clone, Debug)]
pub struct Models {
    profile: IntensityProfile,
    multipliers: RateMultipliers,
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
        Ok(Self { profile, multipliers: multipliers.checked().map_err(bad)? })
    }

    /// Parameters that explain market prices.
    ///
    /// # Errors
    /// Prices that no parameters explain, with the reason.
    pub fn calibrate(&self, sport: SportId, prices: &CalibrationPrices) -> Result<Parameters, BoundsError> {
        debug_assert_eq!(sport.0, 0, "football is the only registered sport");
        let decimal = |e4: u32| f64::from(e4) / 10_000.0;
        let fitted = calibrate_from_odds(
            prices.odds_1x2_e4.map(decimal),
            MarginMethod::Multiplicative,
            prices.total_line_quarters.into(),
            prices.odds_total_e4.map(decimal),
            MarginMethod::Multiplicative,
        );
        fitted.map(|fitted| football(&fitted.model)).map_err(|error| BoundsError::new(error.to_string()))
    }

    /// Parameters with this supremacy and total; what else the present parameters say is kept.
    ///
    /// # Errors
    /// A total or supremacy outside its range.
    pub fn with_expectation(
        &self,
        sport: SportId,
        now: Option<&Parameters>,
        supremacy: f64,
        total: f64,
    ) -> Result<Parameters, BoundsError> {
        debug_assert_eq!(sport.0, 0, "football is the only registered sport");
        let plain =
            from_supremacy_total(supremacy, total).map_err(|error| BoundsError::new(error.to_string()))?;
        let Parameters::Football(mut expectation) = football(&plain);
        if let Some(Parameters::Football(now)) = now {
            let (low, high) = DixonColes::rho_bounds(expectation.lambda_home, expectation.lambda_away);
            expectation.rho = now.rho.clamp(low, high);
        }
        Ok(Parameters::Football(expectation))
    }

    /// Fills the probabilities of every view.
    pub fn fill(&self, _: &Template, parameters: &Parameters, live: &LiveState, prefixes: &mut ViewPrefixes) {
        match (parameters, live) {
            (Parameters::Football(expectation), LiveState::Football(state)) => {
                fill_views(&self.remaining_goals(expectation, state), state, prefixes);
            }
        }
    }

    /// Goals still expected: the match's expectation, times what the clock leaves of each half, times what score
    /// and red cards do to the rates.
    pub fn remaining_goals(&self, expectation: &GoalExpectation, state: &FootballState) -> RemainingGoals {
        let period = match state.period {
            MatchPeriod::PreMatch => Period::BeforeKickOff,
            MatchPeriod::FirstHalf => Period::FirstHalf,
            MatchPeriod::HalfTime => Period::HalfTime,
            MatchPeriod::SecondHalf => Period::SecondHalf,
            MatchPeriod::FullTime => Period::Ended,
        };
        let half = usize::from(state.period >= MatchPeriod::HalfTime);
        let announced_stoppage_ms = state.announced_ms[half].map(|ms| ms as u32);
        let clock = MatchClock { period, elapsed_ms: state.clock_ms as u32, announced_stoppage_ms };
        let shares = self.profile.remaining_share(clock);
        let (home, away) = state.score();
        let difference = i32::from(home) - i32::from(away);
        let (home, away) = self.multipliers.multipliers(difference, state.red_cards[0], state.red_cards[1]);
        let lambda = [expectation.lambda_home, expectation.lambda_away];
        let rates = [lambda[0] * home, lambda[1] * away];
        let means = [shares.first_half, shares.second_half].map(|share| rates.map(|rate| rate * share));
        RemainingGoals { means, lambda, rho: expectation.rho }
    }
}

fn football(model: &DixonColes) -> Parameters {
    Parameters::Football(GoalExpectation {
        lambda_home: model.lambda_home(),
        lambda_away: model.lambda_away(),
        rho: model.rho(),
    })
}
