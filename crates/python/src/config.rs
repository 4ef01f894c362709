//! The platform configuration: a Python dictionary in natural units to the engine's integers.

use oddsengine_engine::{
    Config, CorrectionRule, HouseRules, Margin, MarginKind, SettlementConfig, StakeWindow, WindowName,
    WindowPer,
};
use oddsengine_pricing::model::{ModelConfig, TennisConfig};
use oddsengine_pricing::racing::calibration::{RacingConfig, RacingMargin, RacingModel};
use oddsengine_types::{Currency, Ladder};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The configuration of a dictionary; absent keys keep their defaults.
///
/// Odds, multipliers and shares are decimals, amounts are minor units, `skew_b_minor` may be `None`.
pub fn config_from_dict(dict: &Bound<'_, PyDict>) -> PyResult<Config> {
    let mut config = Config::default();
    for (key, value) in dict {
        let key: String = key.extract()?;
        match key.as_str() {
            "currency" => config.currency = Currency::parse(&value.extract::<String>()?).map_err(bad)?,
            "margin" => config.margin = margin(&value)?,
            "ladder" => config.ladder = ladder(&value)?,
            "odds_min" => config.odds_e4_min = scaled(&key, &value, 1e4)?,
            "odds_max" => config.odds_e4_max = scaled(&key, &value, 1e4)?,
            "skew_b_minor" => config.skew_b_minor = value.extract()?,
            "bet_delay_ms" => config.bet_delay_ms = value.extract()?,
            "feed_silence_ms" => config.feed_silence_ms = value.extract()?,
            "start_grace_ms" => config.start_grace_ms = value.extract()?,
            "manual_tolerance" => config.manual_tolerance_e4 = scaled(&key, &value, 1e4)?,
            "price_jump" => config.price_jump_e4 = scaled(&key, &value, 1e4)?,
            "fixtures_max" => config.fixtures_max = value.extract()?,
            "market_loss_minor_max" => config.market_loss_minor_max = value.extract()?,
            "fixture_loss_minor_max" => config.fixture_loss_minor_max = value.extract()?,
            "competition_loss_minor_max" => config.competition_loss_minor_max = value.extract()?,
            "sport_loss_minor_max" => config.sport_loss_minor_max = value.extract()?,
            "platform_loss_minor_max" => config.platform_loss_minor_max = value.extract()?,
            "stake_minor_min" => config.stake_minor_min = value.extract()?,
            "line_stake_minor_min" => config.line_stake_minor_min = value.extract()?,
            "stake_minor_max" => config.stake_minor_max = value.extract()?,
            "payout_minor_max" => config.payout_minor_max = value.extract()?,
            "legs_max" => config.legs_max = value.extract()?,
            "bets_while_owing" => config.bets_while_owing = value.extract()?,
            "settlement_delay_ms" => config.settlement_delay_ms = value.extract()?,
            "archive_after_ms" => config.archive_after_ms = value.extract()?,
            "archive_refused_after_ms" => config.archive_refused_after_ms = value.extract()?,
            "archive_fixture_after_ms" => config.archive_fixture_after_ms = value.extract()?,
            "archive_money_after_ms" => config.archive_money_after_ms = value.extract()?,
            "referral_stake_minor" => config.referral_stake_minor = value.extract()?,
            "referral_ms" => config.referral_ms = value.extract()?,
            "referral_takes_unanswered" => config.referral_takes_unanswered = value.extract()?,
            "offer_ms" => config.offer_ms = value.extract()?,
            "delay_skip_minor" => config.delay_skip_minor = value.extract()?,
            "improvement" => config.improvement_e4 = scaled(&key, &value, 1e4)?,
            "limit_increase_ms" => config.limit_increase_ms = value.extract()?,
            "stake_windows" => config.stake_windows = stake_windows(&value)?,
            "settlement" => config.settlement = settlement(value.cast::<PyDict>()?)?,
            "models" => models(&mut config, value.cast::<PyDict>()?)?,
            _ => return Err(unknown(&key)),
        }
    }
    config.check().map_err(bad)?;
    Ok(config)
}

/// Stake windows, each as (name, per, period in milliseconds, most in minor units).
fn stake_windows(value: &Bound<'_, PyAny>) -> PyResult<Vec<StakeWindow>> {
    let windows: Vec<(String, String, i64, i64)> = value.extract()?;
    let read = |(name, per, period_ms, stake_minor_max): (String, String, i64, i64)| {
        let known = WindowName::new(&name).ok_or_else(|| {
            PyValueError::new_err(format!(
                "stake window {name:?} has not 1 to 16 characters of printable ASCII"
            ))
        })?;
        let per = WindowPer::ALL.into_iter().find(|known| known.name() == per).ok_or_else(|| {
            let known = WindowPer::ALL.map(WindowPer::name).join(", ");
            PyValueError::new_err(format!("per {per:?} of stake window {name:?} is not one of {known}"))
        })?;
        Ok(StakeWindow { name: known, per, period_ms, stake_minor_max })
    };
    windows.into_iter().map(read).collect()
}

/// How results become payments, in the words of the configuration.
fn settlement(dict: &Bound<'_, PyDict>) -> PyResult<SettlementConfig> {
    let mut settlement = SettlementConfig::default();
    for (key, value) in dict {
        match key.extract::<String>()?.as_str() {
            "approval_above_minor" => settlement.approval_above_minor = value.extract()?,
            "approval_expires_ms" => settlement.approval_expires_ms = value.extract()?,
            "provisional_pays_after_ms" => settlement.provisional_pays_after_ms = value.extract()?,
            "past_post_voids" => settlement.past_post_voids = value.extract()?,
            "rules" => {
                for rules in value.try_iter()? {
                    settlement.rules.push(house_rules(rules?.cast::<PyDict>()?)?);
                }
            }
            key => return Err(unknown(&format!("settlement.{key}"))),
        }
    }
    Ok(settlement)
}

fn house_rules(dict: &Bound<'_, PyDict>) -> PyResult<HouseRules> {
    let mut rules = HouseRules { version: 1, ..HouseRules::default() };
    let (mut name, mut window_ms) = ("resettle".to_owned(), 0_i64);
    for (key, value) in dict {
        match key.extract::<String>()?.as_str() {
            "version" => rules.version = value.extract()?,
            "correction" => name = value.extract()?,
            "window_ms" => window_ms = value.extract()?,
            key => return Err(unknown(&format!("settlement.rules.{key}"))),
        }
    }
    let known = [
        CorrectionRule::Resettle,
        CorrectionRule::Stand,
        CorrectionRule::Goodwill,
        CorrectionRule::Within(window_ms),
    ];
    let names = known.map(CorrectionRule::name).join(", ");
    let correction = known.into_iter().find(|rule| rule.name() == name);
    rules.correction = correction
        .ok_or_else(|| PyValueError::new_err(format!("correction {name:?} is not one of {names}")))?;
    Ok(rules)
}

fn margin(value: &Bound<'_, PyAny>) -> PyResult<Margin> {
    let mut margin = Config::default().margin;
    for (key, value) in value.cast::<PyDict>()? {
        match key.extract::<String>()?.as_str() {
            "method" => {
                let name: String = value.extract()?;
                let known = MarginKind::ALL.map(MarginKind::name).join(", ");
                margin.method = MarginKind::from_name(&name).ok_or_else(|| {
                    PyValueError::new_err(format!("margin method {name:?} is not one of {known}"))
                })?;
            }
            "booksum" => margin.booksum_e4 = scaled("booksum", &value, 1e4)?,
            key => return Err(unknown(&format!("margin.{key}"))),
        }
    }
    Ok(margin)
}

fn ladder(value: &Bound<'_, PyAny>) -> PyResult<Ladder> {
    let name: String = value.extract()?;
    let known = Ladder::ALL.map(Ladder::name).join(", ");
    Ladder::from_name(&name)
        .ok_or_else(|| PyValueError::new_err(format!("ladder {name:?} is not one of {known}")))
}

fn models(config: &mut Config, dict: &Bound<'_, PyDict>) -> PyResult<()> {
    let mut models = ModelConfig::default();
    for (sport, settings) in dict {
        let sport: String = sport.extract()?;
        match sport.as_str() {
            "football" => {}
            "tennis" => {
                tennis(&mut models.tennis, settings.cast::<PyDict>()?)?;
                continue;
            }
            "racing" => {
                racing(&mut models.racing, settings.cast::<PyDict>()?)?;
                continue;
            }
            _ => return Err(unknown(&format!("models.{sport}"))),
        }
        let football = &mut models.football;
        for (key, value) in settings.cast::<PyDict>()? {
            let key: String = key.extract()?;
            match key.as_str() {
                "first_half_share" => football.first_half_share_e3 = scaled(&key, &value, 1e3)?,
                "lead_multipliers" => {
                    for (slot, value) in
                        football.lead_multiplier_e3.iter_mut().zip(value.extract::<[f64; 3]>()?)
                    {
                        *slot = scale(&key, value, 1e3)?;
                    }
                }
                "red_card_own" => football.red_card_own_e3 = scaled(&key, &value, 1e3)?,
                "red_card_opponent" => football.red_card_opponent_e3 = scaled(&key, &value, 1e3)?,
                "stoppage_ms" => football.stoppage_ms = value.extract()?,
                _ => return Err(unknown(&format!("models.football.{key}"))),
            }
        }
    }
    config.sports = models.settings();
    Ok(())
}

fn tennis(config: &mut TennisConfig, settings: &Bound<'_, PyDict>) -> PyResult<()> {
    for (key, value) in settings {
        let key: String = key.extract()?;
        match key.as_str() {
            "serve_mean" => config.serve_mean_e4 = scaled(&key, &value, 1e4)?,
            "prior_points" => config.prior_points = value.extract()?,
            _ => return Err(unknown(&format!("models.tennis.{key}"))),
        }
    }
    Ok(())
}

fn racing(config: &mut RacingConfig, settings: &Bound<'_, PyDict>) -> PyResult<()> {
    for (key, value) in settings {
        let key: String = key.extract()?;
        match key.as_str() {
            "model" => config.model = word(&key, &value, &RacingModel::ALL, RacingModel::name)?,
            "removal" => config.margin = word(&key, &value, &RacingMargin::ALL, RacingMargin::name)?,
            "exponents" => {
                for (slot, value) in config.exponents_e3.iter_mut().zip(value.extract::<[f64; 3]>()?) {
                    *slot = scale(&key, value, 1e3)?;
                }
            }
            _ => return Err(unknown(&format!("models.racing.{key}"))),
        }
    }
    Ok(())
}

/// One of a few named values.
fn word<T: Copy>(key: &str, value: &Bound<'_, PyAny>, all: &[T], name: fn(T) -> &'static str) -> PyResult<T> {
    let text: String = value.extract()?;
    all.iter().copied().find(|&known| name(known) == text).ok_or_else(|| {
        let known: Vec<&str> = all.iter().map(|&known| name(known)).collect();
        PyValueError::new_err(format!("{key} {text:?} is not one of {}", known.join(", ")))
    })
}

fn scaled(key: &str, value: &Bound<'_, PyAny>, per_unit: f64) -> PyResult<u32> {
    scale(key, value.extract()?, per_unit)
}

fn scale(key: &str, value: f64, per_unit: f64) -> PyResult<u32> {
    let scaled = (value * per_unit).round();
    match (0.0..=f64::from(u32::MAX)).contains(&scaled) {
        true => Ok(scaled as u32),
        false => Err(PyValueError::new_err(format!(
            "{key} {value} is outside 0..={}",
            f64::from(u32::MAX) / per_unit
        ))),
    }
}

fn unknown(key: &str) -> PyErr {
    PyValueError::new_err(format!(
        "configuration key {key:?} is not known\nhint: keys are flat and amounts are in minor units, as in docs/config.md \
         under \"In process\""
    ))
}

fn bad(error: oddsengine_types::BoundsError) -> PyErr {
    PyValueError::new_err(error.to_string())
}
