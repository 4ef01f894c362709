//! What the journal keeps of models: settings and parameters by name and version, so that no record hangs on the layout of
//! a type here. An older version is read for ever: each sport says below what became of it.

use oddsengine_types::{BoundsError, SportId, SportParameters, SportSettings};

use crate::football::depth::DepthExpectation;
use crate::model::{
    FootballConfig, FootballParameters, ForeignProbabilities, GoalExpectation, ModelConfig, Parameters,
    TennisConfig,
};
use crate::racing::calibration::{RacingConfig, RacingMargin, RacingModel};
use crate::racing::{Exponents, RacingParameters};
use crate::tennis::TennisParameters;

const FOOTBALL: SportId = SportId(0);
const CUSTOM: SportId = SportId(1);
const TENNIS: SportId = SportId(2);
const RACING: SportId = SportId(3);

/// The version of every sport's names at present.
const VERSION: u32 = 1;

impl ModelConfig {
    /// Every setting of every sport, by name: what a release writes when it starts, so that a later one with other defaults
    /// prices as this one did.
    pub fn settings(&self) -> Vec<SportSettings> {
        let of = |sport, values: &[(&str, i64)]| {
            let mut values: Vec<(String, i64)> =
                values.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
            values.sort();
            SportSettings { sport, version: VERSION, values }
        };
        let (football, tennis, racing) = (&self.football, &self.tennis, &self.racing);
        let [leading, level, trailing] = football.lead_multiplier_e3.map(i64::from);
        let [second, third, later] = racing.exponents_e3.map(i64::from);
        vec![
            of(
                FOOTBALL,
                &[
                    ("first_half_share_e3", football.first_half_share_e3.into()),
                    ("leading_e3", leading),
                    ("level_e3", level),
                    ("trailing_e3", trailing),
                    ("red_card_own_e3", football.red_card_own_e3.into()),
                    ("red_card_opponent_e3", football.red_card_opponent_e3.into()),
                    ("first_half_stoppage_ms", football.stoppage_ms[0]),
                    ("second_half_stoppage_ms", football.stoppage_ms[1]),
                ],
            ),
            of(
                TENNIS,
                &[
                    ("serve_mean_e4", tennis.serve_mean_e4.into()),
                    ("prior_points", tennis.prior_points.into()),
                ],
            ),
            of(
                RACING,
                &[
                    ("model", index_of(&RacingModel::ALL, racing.model)),
                    ("margin", index_of(&RacingMargin::ALL, racing.margin)),
                    ("exponent_second_e3", second),
                    ("exponent_third_e3", third),
                    ("exponent_later_e3", later),
                ],
            ),
        ]
    }

    /// The settings that a record holds; a sport that is not among them has the defaults of this release.
    ///
    /// # Errors
    /// A version or a name that this release does not know, or a value that is none.
    pub fn from_settings(settings: &[SportSettings]) -> Result<Self, BoundsError> {
        let mut config = Self::default();
        for of_sport in settings {
            if !(1..=VERSION).contains(&of_sport.version) {
                let what = format!("version of the settings of sport {}", of_sport.sport);
                return Err(BoundsError::outside(&what, of_sport.version, 1, VERSION));
            }
            for (name, value) in &of_sport.values {
                match of_sport.sport {
                    FOOTBALL => set_football(&mut config.football, name, *value)?,
                    TENNIS => set_tennis(&mut config.tennis, name, *value)?,
                    RACING => set_racing(&mut config.racing, name, *value)?,
                    sport => {
                        return Err(BoundsError::new(format!("sport {sport} has no settings: {name}")));
                    }
                }
            }
        }
        Ok(config)
    }
}

fn set_football(config: &mut FootballConfig, name: &str, value: i64) -> Result<(), BoundsError> {
    match name {
        "first_half_share_e3" => config.first_half_share_e3 = whole(name, value)?,
        "leading_e3" => config.lead_multiplier_e3[0] = whole(name, value)?,
        "level_e3" => config.lead_multiplier_e3[1] = whole(name, value)?,
        "trailing_e3" => config.lead_multiplier_e3[2] = whole(name, value)?,
        "red_card_own_e3" => config.red_card_own_e3 = whole(name, value)?,
        "red_card_opponent_e3" => config.red_card_opponent_e3 = whole(name, value)?,
        "first_half_stoppage_ms" => config.stoppage_ms[0] = value,
        "second_half_stoppage_ms" => config.stoppage_ms[1] = value,
        _ => return Err(unknown("football", name)),
    }
    Ok(())
}

fn set_tennis(config: &mut TennisConfig, name: &str, value: i64) -> Result<(), BoundsError> {
    match name {
        "serve_mean_e4" => config.serve_mean_e4 = whole(name, value)?,
        "prior_points" => config.prior_points = whole(name, value)?,
        _ => return Err(unknown("tennis", name)),
    }
    Ok(())
}

fn set_racing(config: &mut RacingConfig, name: &str, value: i64) -> Result<(), BoundsError> {
    match name {
        "model" => config.model = at(&RacingModel::ALL, name, value)?,
        "margin" => config.margin = at(&RacingMargin::ALL, name, value)?,
        "exponent_second_e3" => config.exponents_e3[0] = whole(name, value)?,
        "exponent_third_e3" => config.exponents_e3[1] = whole(name, value)?,
        "exponent_later_e3" => config.exponents_e3[2] = whole(name, value)?,
        _ => return Err(unknown("racing", name)),
    }
    Ok(())
}

fn whole(name: &str, value: i64) -> Result<u32, BoundsError> {
    u32::try_from(value).map_err(|_| BoundsError::outside(name, value, 0, u32::MAX))
}

fn unknown(sport: &str, name: &str) -> BoundsError {
    BoundsError::new(format!("{sport} has no setting {name}: it is of a newer release"))
}

fn index_of<T: PartialEq>(all: &[T], value: T) -> i64 {
    all.iter().position(|known| *known == value).expect("it is one of all") as i64
}

fn at<T: Copy>(all: &[T], name: &str, value: i64) -> Result<T, BoundsError> {
    let found = usize::try_from(value).ok().and_then(|index| all.get(index).copied());
    found.ok_or_else(|| BoundsError::outside(name, value, 0, all.len() - 1))
}

impl Parameters {
    /// As the journal keeps them.
    pub fn record(&self) -> SportParameters {
        let of = |sport, lists: &[(&str, &[f64])]| SportParameters {
            sport,
            version: VERSION,
            lists: lists.iter().map(|&(name, list)| (name.to_owned(), list.to_vec())).collect(),
        };
        match self {
            Self::Football(FootballParameters { goals, depth }) => of(
                FOOTBALL,
                &[
                    ("goals", &[goals.lambda_home, goals.lambda_away]),
                    ("rho", &[goals.rho]),
                    ("corners", &depth.corners),
                    ("cards", &depth.cards),
                    ("shares_home", &depth.shares_home),
                    ("shares_away", &depth.shares_away),
                    ("shootout_home", &[depth.shootout_home]),
                ],
            ),
            Self::Custom(foreign) => {
                of(CUSTOM, &[("inputs", &foreign.inputs), ("probabilities", &foreign.probabilities)])
            }
            Self::Tennis(TennisParameters { serve, prior_points }) => {
                let prior_points: Vec<f64> = prior_points.iter().copied().collect();
                of(TENNIS, &[("serve", serve), ("prior_points", &prior_points)])
            }
            Self::Racing(RacingParameters::Sequential { win, exponents }) => {
                let exponents = [exponents.second, exponents.third, exponents.later];
                of(RACING, &[("win", win), ("exponents", &exponents)])
            }
            Self::Racing(RacingParameters::Henery { times }) => of(RACING, &[("times", times)]),
        }
    }

    /// The parameters that a record holds.
    ///
    /// # Errors
    /// A sport, a version or a list that this release does not know.
    pub fn from_record(record: &SportParameters) -> Result<Self, BoundsError> {
        if !(1..=VERSION).contains(&record.version) {
            return Err(BoundsError::outside("version of parameters", record.version, 1, VERSION));
        }
        let list = |name| record.get(name).to_vec();
        match record.sport {
            FOOTBALL => {
                let [lambda_home, lambda_away] = exactly(record, "goals")?;
                let [rho] = exactly(record, "rho")?;
                let [shootout_home] = exactly(record, "shootout_home")?;
                let goals = GoalExpectation { lambda_home, lambda_away, rho };
                let depth = DepthExpectation {
                    corners: exactly(record, "corners")?,
                    cards: exactly(record, "cards")?,
                    shares_home: list("shares_home"),
                    shares_away: list("shares_away"),
                    shootout_home,
                };
                Ok(Self::Football(FootballParameters { goals, depth }))
            }
            CUSTOM => Ok(Self::Custom(ForeignProbabilities {
                inputs: list("inputs"),
                probabilities: list("probabilities"),
            })),
            TENNIS => {
                let prior_points = record.get("prior_points").first().copied();
                Ok(Self::Tennis(TennisParameters { serve: exactly(record, "serve")?, prior_points }))
            }
            RACING if record.get("exponents").is_empty() => {
                Ok(Self::Racing(RacingParameters::Henery { times: list("times") }))
            }
            RACING => {
                let [second, third, later] = exactly(record, "exponents")?;
                let exponents = Exponents { second, third, later };
                Ok(Self::Racing(RacingParameters::Sequential { win: list("win"), exponents }))
            }
            sport => Err(BoundsError::new(format!("sport {sport} is of a newer release"))),
        }
    }
}

fn exactly<const N: usize>(record: &SportParameters, name: &str) -> Result<[f64; N], BoundsError> {
    let list = record.get(name);
    list.try_into().map_err(|_| BoundsError::outside(&format!("numbers of {name}"), list.len(), N, N))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back_as_they_were_written() {
        let mut config = ModelConfig::default();
        config.football.first_half_share_e3 = 433;
        config.football.stoppage_ms = [1, 2];
        config.tennis.prior_points = 77;
        config.racing.model = RacingModel::Sequential;
        config.racing.exponents_e3 = [1, 2, 3];
        assert_eq!(ModelConfig::from_settings(&config.settings()), Ok(config));
        assert_eq!(ModelConfig::from_settings(&[]), Ok(ModelConfig::default()));
    }

    #[test]
    fn settings_of_a_newer_release_are_named() {
        let newer =
            |version, name: &str| SportSettings { sport: TENNIS, version, values: vec![(name.into(), 1)] };
        let error = ModelConfig::from_settings(&[newer(VERSION + 1, "prior_points")]).unwrap_err();
        assert_eq!(error.to_string(), "version of the settings of sport 2 2 is outside 1..=1");
        let error = ModelConfig::from_settings(&[newer(VERSION, "wind")]).unwrap_err();
        assert_eq!(error.to_string(), "tennis has no setting wind: it is of a newer release");
    }

    #[test]
    fn parameters_come_back_bit_for_bit() {
        let goals = GoalExpectation { lambda_home: 1.1, lambda_away: 0.1 + 0.2, rho: -0.03 };
        let depth = DepthExpectation {
            corners: [5.5, 4.5],
            cards: [2.0, 2.5],
            shares_home: vec![0.3, 0.2],
            shares_away: vec![],
            shootout_home: 0.52,
        };
        let exponents = Exponents { second: 0.81, third: 0.65, later: 0.5 };
        for parameters in [
            Parameters::Football(FootballParameters { goals, depth }),
            Parameters::Custom(ForeignProbabilities { inputs: vec![1.0], probabilities: vec![0.25, 0.75] }),
            Parameters::Tennis(TennisParameters { serve: [0.61, 0.59], prior_points: None }),
            Parameters::Tennis(TennisParameters { serve: [0.61, 0.59], prior_points: Some(60.0) }),
            Parameters::Racing(RacingParameters::Sequential { win: vec![0.5, 0.0, 0.5], exponents }),
            Parameters::Racing(RacingParameters::Henery { times: vec![0.1, f64::INFINITY] }),
        ] {
            assert_eq!(Parameters::from_record(&parameters.record()), Ok(parameters));
        }
    }
}
