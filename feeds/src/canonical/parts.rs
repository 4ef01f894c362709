//! What several messages have in common.

use oddsengine_engine::command::{MODEL_INPUTS_MAX, PRICED_MARKETS_MAX};
use oddsengine_engine::config::{BET_DELAY_MS_MAX, FEED_SILENCE_MS_MAX};
use oddsengine_engine::{
    Body, Margin, MarginKind, PricedMarket, Scope, ScopeSettings, Stop, StopSet, VoidKind,
};
use oddsengine_markets::joint::MAIN_CELLS_MAX;
use oddsengine_markets::racing::{PLACES_MAX, PlaceTerms, RUNNERS_MAX, RaceKind, RacingFormat};
use oddsengine_markets::template::SELECTIONS_MAX;
use oddsengine_markets::tennis::{BestOf, FinalSet, RetirementRule, TennisFormat};
use oddsengine_markets::{Format, MarketId, SpaceId, football, sport_id, sports};
use oddsengine_types::bounds::NAME_BYTES_MAX;
use oddsengine_types::{FixtureId, MONEY_MINOR_MAX, SportId};

use super::{bounds, football_depth};
use crate::error::FeedError;
use crate::json::{Field, Object};

pub fn fixture_id(message: &Object<'_>) -> Result<FixtureId, FeedError> {
    Ok(FixtureId(message.required("fixture")?.integer(0..=u64::MAX)?))
}

pub fn sport(message: &Object<'_>) -> Result<SportId, FeedError> {
    let field = message.required("sport")?;
    let name = field.text(NAME_BYTES_MAX)?;
    sport_id(name).ok_or_else(|| field.unknown_value(name, sports()))
}

pub fn market_id(message: &Object<'_>) -> Result<MarketId, FeedError> {
    Ok(MarketId::of(message.required("market")?.text(bounds::KEY_BYTES_MAX)?))
}

pub fn optional_market_id(message: &Object<'_>) -> Result<Option<MarketId>, FeedError> {
    let key = |field: Field<'_, '_>| field.text(bounds::KEY_BYTES_MAX).map(MarketId::of);
    message.optional("market").map(key).transpose()
}

/// Nanoseconds since 1970; absent is 0, "not told".
pub fn optional_time_ns(message: &Object<'_>) -> Result<i64, FeedError> {
    message.optional("time_ns").map_or(Ok(0), |field| field.integer(0..=i64::MAX))
}

/// An amount as wide as money is: whether it may be 0 or so large is a refusal, not a fault of the message.
pub fn money_minor(message: &Object<'_>, name: &'static str) -> Result<i64, FeedError> {
    message.required(name)?.integer(-MONEY_MINOR_MAX..=MONEY_MINOR_MAX)
}

/// The bodies that feeds and the desk may both send; `None` for another type.
pub fn trading_body(kind: &str, message: &Object<'_>) -> Option<Result<Body, FeedError>> {
    Some(match kind {
        "prices" | "set_prices" => prices(message),
        "suspend" => stop(message).map(|(fixture, market)| Body::Suspend { fixture, market }),
        "resume" => resume(message),
        "settle_market" => settle_market(message),
        "model_inputs" => model_inputs(message),
        "probabilities" => probabilities(message),
        "void_fixture" => void(message, VoidKind::Everything),
        "abandon_fixture" => void(message, VoidKind::Undecided),
        "reinstate_fixture" => void(message, VoidKind::Nothing),
        _ => return None,
    })
}

fn stop(message: &Object<'_>) -> Result<(FixtureId, Option<MarketId>), FeedError> {
    Ok((fixture_id(message)?, optional_market_id(message)?))
}

/// The desk may name further stops that it lifts.
fn resume(message: &Object<'_>) -> Result<Body, FeedError> {
    let (fixture, market) = stop(message)?;
    let known: Vec<(&str, Stop)> = StopSet::OF_DESK.iter().map(|stop| (stop.name(), stop)).collect();
    let mut lifts = Vec::new();
    if let Some(stops) = message.optional("stops") {
        for item in stops.items(0..=Stop::ALL.len())? {
            lifts.push(item.choice(&known)?);
        }
    }
    Ok(Body::Resume { fixture, market, lifts: StopSet::of(&lifts) })
}

fn void(message: &Object<'_>, void: VoidKind) -> Result<Body, FeedError> {
    Ok(Body::VoidFixture { fixture: fixture_id(message)?, void })
}

/// Prices by market key; football's two main markets also in fields of their own.
fn prices(message: &Object<'_>) -> Result<Body, FeedError> {
    let fixture = fixture_id(message)?;
    let Some(markets) = message.optional("markets") else {
        let (low, high) = bounds::TOTAL_LINE;
        let result: [u32; 3] = message.required("odds_1x2")?.array(|item| item.odds_e4())?;
        let line_quarters = message.required("total_line")?.multiple(4, low, high)? as i16;
        let total: [u32; 2] = message.required("odds_total")?.array(|item| item.odds_e4())?;
        let [result_market, total_market] = football::template::calibration_markets(line_quarters);
        let prices = vec![
            PricedMarket { market: result_market, odds_e4: result.to_vec() },
            PricedMarket { market: total_market, odds_e4: total.to_vec() },
        ];
        return Ok(Body::SetPrices { fixture, prices });
    };
    let priced = |(key, odds): (&str, Field<'_, '_>)| {
        if key.len() > bounds::KEY_BYTES_MAX {
            return Err(markets.unknown_value(key, &["a market key"]));
        }
        Ok(PricedMarket { market: MarketId::of(key), odds_e4: odds_list(odds)? })
    };
    let prices = markets.entries(1..=PRICED_MARKETS_MAX)?.map(priced).collect::<Result<_, _>>()?;
    Ok(Body::SetPrices { fixture, prices })
}

/// What a fixture's own model computes from.
fn model_inputs(message: &Object<'_>) -> Result<Body, FeedError> {
    let inputs = message.required("inputs")?.items(0..=MODEL_INPUTS_MAX)?;
    let inputs = inputs.map(|item| item.decimal(f64::MIN, f64::MAX)).collect::<Result<_, _>>()?;
    Ok(Body::SetModelInputs { fixture: fixture_id(message)?, inputs })
}

/// What a model elsewhere gave: the probability of every outcome.
fn probabilities(message: &Object<'_>) -> Result<Body, FeedError> {
    let probabilities = message.required("probabilities")?.items(2..=MAIN_CELLS_MAX)?;
    let probabilities = probabilities.map(|item| item.decimal(0.0, 1.0)).collect::<Result<_, _>>()?;
    Ok(Body::SetProbabilities { fixture: fixture_id(message)?, probabilities })
}

/// Odds per selection, `null` where there is none.
fn odds_list(field: Field<'_, '_>) -> Result<Vec<u32>, FeedError> {
    let odds = |item: Field<'_, '_>| if item.is_null() { Ok(0) } else { item.odds_e4() };
    field.items(1..=SELECTIONS_MAX)?.map(odds).collect()
}

/// The format of a fixture: its sport, and what of its rules the message says.
pub fn format(message: &Object<'_>) -> Result<Format, FeedError> {
    let field = message.required("sport")?;
    let name = field.text(NAME_BYTES_MAX)?;
    match name {
        "football" => football_depth::format(message).map(Format::Football),
        "racing" => racing_format(message.required("format")?).map(Format::Racing),
        "tennis" => {
            message.optional("format").map_or(Ok(TennisFormat::default()), tennis_format).map(Format::Tennis)
        }
        "custom" => Ok(Format::Custom(SpaceId::of(message.required("space")?.text(NAME_BYTES_MAX)?))),
        _ => Err(field.unknown_value(name, sports())),
    }
}

/// What runs and how many; places and terms are the standard ones unless the message says otherwise.
fn racing_format(field: Field<'_, '_>) -> Result<RacingFormat, FeedError> {
    const KINDS: [(&str, RaceKind); 2] = [("horse", RaceKind::Horse), ("greyhound", RaceKind::Greyhound)];
    let format = field.object()?;
    let within = |error: FeedError| error.within(field);
    let kind = format.required("kind").and_then(|kind| kind.choice(&KINDS)).map_err(within)?;
    let runners = format.required("runner_count").and_then(|count| count.integer(2..=RUNNERS_MAX as u8));
    let handicap = format.optional("is_handicap").map_or(Ok(false), |flag| flag.boolean()).map_err(within)?;
    let mut race = RacingFormat::standard(kind, runners.map_err(within)?, handicap);
    if let Some(places) = format.optional("places_max") {
        race.places_max = places.integer(1..=PLACES_MAX).map_err(within)?;
    }
    race.extra_terms = format.optional("extra_terms").map(place_terms).transpose().map_err(within)?;
    Ok(race)
}

fn place_terms(field: Field<'_, '_>) -> Result<PlaceTerms, FeedError> {
    let terms = field.object()?;
    let number = |name, low: u8, high: u8| terms.required(name).and_then(|number| number.integer(low..=high));
    let within = |error: FeedError| error.within(field);
    Ok(PlaceTerms {
        places: number("places", 2, PLACES_MAX).map_err(within)?,
        fraction_of: number("fraction_of", 1, PlaceTerms::FRACTION_OF_MAX).map_err(within)?,
    })
}

/// The rules of a tennis match; what is absent is as on the tours.
fn tennis_format(field: Field<'_, '_>) -> Result<TennisFormat, FeedError> {
    let format = field.object()?;
    let within = |error: FeedError| error.within(field);
    let default = TennisFormat::default();
    let best_of = |field: Field<'_, '_>| match field.integer(3_u8..=5)? {
        3 => Ok(BestOf::Three),
        5 => Ok(BestOf::Five),
        other => Err(field.unknown_value(&other.to_string(), &["3", "5"])),
    };
    let final_set = |field: Field<'_, '_>| field.choice(&FinalSet::ALL.map(|rule| (rule.name(), rule)));
    let retirement =
        |field: Field<'_, '_>| field.choice(&RetirementRule::ALL.map(|rule| (rule.name(), rule)));
    Ok(TennisFormat {
        best_of: format.optional("best_of").map_or(Ok(default.best_of), best_of).map_err(within)?,
        final_set: format.optional("final_set").map_or(Ok(default.final_set), final_set).map_err(within)?,
        is_no_ad: format
            .optional("no_ad")
            .map_or(Ok(default.is_no_ad), |field| field.boolean())
            .map_err(within)?,
        retirement: format
            .optional("retirement")
            .map_or(Ok(default.retirement), retirement)
            .map_err(within)?,
    })
}

fn settle_market(message: &Object<'_>) -> Result<Body, FeedError> {
    let grades = |field: Field<'_, '_>| field.items(1..=SELECTIONS_MAX)?.map(|item| item.grade()).collect();
    Ok(Body::SettleMarket {
        fixture: fixture_id(message)?,
        market: market_id(message)?,
        grades: message.nullable("grades")?.map(grades).transpose()?,
    })
}

pub fn manual_odds(message: &Object<'_>) -> Result<Body, FeedError> {
    Ok(Body::SetManualOdds {
        fixture: fixture_id(message)?,
        market: market_id(message)?,
        odds_e4: message.nullable("odds")?.map(odds_list).transpose()?,
        keeps_in_play: flag(message, "in_play")?,
        override_by: message
            .optional("override_by")
            .map_or(Ok(""), |field| field.text(NAME_BYTES_MAX))?
            .to_string(),
    })
}

/// A flag that is absent is not set.
pub fn flag(message: &Object<'_>, name: &'static str) -> Result<bool, FeedError> {
    message.optional(name).map_or(Ok(false), |field| field.boolean())
}

pub fn set_scope(message: &Object<'_>) -> Result<Body, FeedError> {
    let loss = |field: Field<'_, '_>| field.integer(0..=MONEY_MINOR_MAX / 100);
    let delay = |field: Field<'_, '_>| field.integer(0..=BET_DELAY_MS_MAX);
    let silence = |field: Field<'_, '_>| field.integer(0..=FEED_SILENCE_MS_MAX);
    let stake = |field: Field<'_, '_>| field.integer(0..=oddsengine_types::STAKE_MINOR_MAX);
    let settings = ScopeSettings {
        margin: message.optional("margin").map(margin).transpose()?,
        loss_minor_max: message.optional("loss_minor_max").map(loss).transpose()?,
        bet_delay_ms: message.optional("bet_delay_ms").map(delay).transpose()?,
        feed_silence_ms: message.optional("feed_silence_ms").map(silence).transpose()?,
        referral_stake_minor: message.optional("referral_stake_minor").map(stake).transpose()?,
    };
    let scope = scope(message.required("scope")?)?;
    if matches!(scope, Scope::Market(..) | Scope::MarketType(..))
        && let Some(field) = message.optional("feed_silence_ms")
    {
        // It would be taken and have no effect.
        let known = ["margin", "loss_minor_max", "bet_delay_ms", "referral_stake_minor"];
        return Err(field.unknown_value("feed_silence_ms", &known));
    }
    Ok(Body::SetScope { scope, settings })
}

fn margin(field: Field<'_, '_>) -> Result<Margin, FeedError> {
    let within = |error: FeedError| error.within(field);
    let margin = field.object()?;
    let methods = MarginKind::ALL.map(|kind| (kind.name(), kind));
    let (low, high) = bounds::BOOKSUM;
    let method = margin.required("method").and_then(|method| method.choice(&methods)).map_err(within)?;
    let booksum = margin.required("booksum").and_then(|booksum| booksum.multiple(10_000, low, high));
    Ok(Margin { method, booksum_e4: booksum.map_err(within)? as u32 })
}

pub fn scope(field: Field<'_, '_>) -> Result<Scope, FeedError> {
    scope_of(field.object()?).map_err(|error| error.within(field))
}

fn scope_of(scope: &Object<'_>) -> Result<Scope, FeedError> {
    const LEVELS: [(&str, &str); 5] = [
        ("sport", "sport"),
        ("market_type", "market_type"),
        ("competition", "competition"),
        ("fixture", "fixture"),
        ("market", "market"),
    ];
    let text = |name| Ok(scope.required(name)?.text(NAME_BYTES_MAX)?.to_string());
    Ok(match scope.required("level")?.choice(&LEVELS)? {
        "sport" => Scope::Sport(sport(scope)?),
        "market_type" => Scope::MarketType(sport(scope)?, text("stem")?),
        "competition" => Scope::Competition(text("competition")?),
        "fixture" => Scope::Fixture(fixture_id(scope)?),
        _ => Scope::Market(fixture_id(scope)?, market_id(scope)?),
    })
}
