//! The default racing template: which markets a race offers.
//!
//! | market | selections |
//! |---|---|
//! | `win` | every runner |
//! | `place.3` | every runner, to finish in the first three; for 2 to the places of the format |
//! | `each_way.5.3` | every runner; a fifth of the odds, three places |
//! | `forecast` | `r1-r2`: first and second in this order |
//! | `quinella` | `r1-r2`: first and second in either order |
//! | `tricast.r1` | `r1-r2-r3`: first, second and third in this order; `another` if `r1` does not win |
//! | `without.r1` | every other runner, to be first of them |
//! | `match.r1.r2` | `r1` or `r2`, whichever is ahead |
//!
//! Pairs are listed for 3 to 16 runners, tricasts for 4 to 10. An each-way bet is on its own odds; the terms are part of
//! the market, so a bet keeps those it was struck on when runners are withdrawn.

use oddsengine_types::SportId;

use super::{PlaceTerms, RacingFormat, RacingOutcome, RacingRule, runner_name};
use crate::template::{MarketDefinition, Rules, Template};

/// Compiles the template of a format.
///
/// # Panics
/// A format that [`RacingFormat::check`] refuses.
pub fn compile(sport: SportId, format: &RacingFormat) -> Template {
    if let Err(error) = format.check() {
        panic!("{error}");
    }
    let views = format.views();
    let outcomes: Vec<Vec<RacingOutcome>> = views
        .iter()
        .map(|&view| (0..format.cell_count(view)).map(|cell| format.representative(view, cell)).collect())
        .collect();
    Template::compile(
        sport,
        views.iter().map(|&view| format.definition(view)).collect(),
        format.joint_space(),
        &definitions(format),
        |rule| format.view_index(rule.view()),
        |rule: &RacingRule, view, cell| rule.grade(&outcomes[usize::from(view)][cell]),
        Rules::Racing,
    )
}

/// The key of a place market.
pub fn place_key(places: u8) -> String {
    format!("place.{places}")
}

/// The key of an each-way market: `each_way.5.3` pays a fifth of the odds for three places.
pub fn each_way_key(terms: PlaceTerms) -> String {
    format!("each_way.{}.{}", terms.fraction_of, terms.places)
}

pub(super) fn definitions(format: &RacingFormat) -> Vec<MarketDefinition<RacingRule>> {
    let runners = 0..format.runner_count;
    let each = |rule: &dyn Fn(u8) -> RacingRule| -> Vec<(String, RacingRule)> {
        runners.clone().map(|runner| (name(runner), rule(runner))).collect()
    };
    let mut all = vec![market("win", 1, each(&|runner| RacingRule::Win { runner }))];
    for places in (2..=format.places_max).filter(|&places| places < format.runner_count) {
        all.push(market(place_key(places), places, each(&|runner| RacingRule::Place { runner, places })));
    }
    for terms in format.each_way_terms() {
        let rule = |runner| RacingRule::EachWay { runner, terms };
        all.push(market(each_way_key(terms), terms.places, each(&rule)));
    }
    if format.has_pairs() {
        pair_markets(&mut all, format.runner_count);
    }
    if format.has_tricasts() {
        tricast_markets(&mut all, format.runner_count);
    }
    all
}

fn pair_markets(all: &mut Vec<MarketDefinition<RacingRule>>, count: u8) {
    let pairs = || (0..count).flat_map(|a| (0..count).filter(move |&b| b != a).map(move |b| (a, b)));
    let named = |(a, b): (u8, u8), rule: RacingRule| (format!("{}-{}", name(a), name(b)), rule);
    let forecasts =
        pairs().map(|(first, second)| named((first, second), RacingRule::Forecast { first, second }));
    all.push(market("forecast", 1, forecasts.collect()));
    let quinellas = pairs()
        .filter(|(one, other)| one < other)
        .map(|(one, other)| named((one, other), RacingRule::Quinella { one, other }));
    all.push(market("quinella", 1, quinellas.collect()));
    for favourite in 0..count {
        let others = (0..count).filter(|&runner| runner != favourite);
        let selections =
            others.map(|runner| (name(runner), RacingRule::Without { favourite, runner })).collect();
        all.push(market(format!("without.{}", name(favourite)), 1, selections));
    }
    for (a, b) in pairs().filter(|(a, b)| a < b) {
        let ahead = |runner, opponent| (name(runner), RacingRule::Ahead { runner, opponent });
        all.push(market(format!("match.{}.{}", name(a), name(b)), 1, vec![ahead(a, b), ahead(b, a)]));
    }
}

fn tricast_markets(all: &mut Vec<MarketDefinition<RacingRule>>, count: u8) {
    for winner in 0..count {
        let others = || (0..count).filter(|&runner| runner != winner);
        let orders = others().flat_map(|second| {
            others().filter(move |&third| third != second).map(move |third| [winner, second, third])
        });
        let mut selections: Vec<(String, RacingRule)> =
            orders.map(|order| (order.map(name).join("-"), RacingRule::Tricast { order })).collect();
        selections.push(("another".into(), RacingRule::AnotherWins { runner: winner }));
        all.push(market(format!("tricast.{}", name(winner)), 1, selections));
    }
}

fn market(
    key: impl Into<String>,
    winners: u8,
    selections: Vec<(String, RacingRule)>,
) -> MarketDefinition<RacingRule> {
    MarketDefinition { key: key.into(), winners, selections }
}

fn name(runner: u8) -> String {
    runner_name(runner.into())
}
