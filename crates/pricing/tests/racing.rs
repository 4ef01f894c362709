//! The racing board against brute force: every selection's price from an enumeration of orders of finish.

use oddsengine_markets::racing::{
    RUNNERS_MAX, RaceKind, RacingFormat, RacingIncident as Incident, RacingOutcome, RacingState,
};
use oddsengine_markets::{Format, LiveState, Outcome, Possible, Template, template_of};
use oddsengine_pricing::board::{OfferScratch, PriceRules, ViewPrefixes, offer_market};
use oddsengine_pricing::margin::MarginMethod;
use oddsengine_pricing::racing::live_views::fill_views;
use oddsengine_pricing::racing::{Exponents, HeneryModel, RacingParameters};
use oddsengine_types::{Grade, Ladder};

const WIN: [f64; 6] = [0.36, 0.22, 0.16, 0.11, 0.09, 0.06];
const EXPONENTS: Exponents = Exponents { second: 0.8, third: 0.65, later: 0.5 };

fn compiled(format: RacingFormat) -> &'static Template {
    template_of(&Format::Racing(format)).unwrap()
}

fn expectations(parameters: &RacingParameters, state: &RacingState) -> (Vec<f64>, Vec<f64>) {
    let template = compiled(state.format);
    let mut prefixes = ViewPrefixes::new(template);
    fill_views(parameters, state, &mut prefixes);
    check_views(template, &prefixes, state);
    let count = template.selections.len();
    let (mut win, mut refund) = (vec![0.0; count], vec![0.0; count]);
    prefixes.expectations(template, &mut win, &mut refund);
    (win, refund)
}

/// Every view sums to 1, nothing is negative, and nothing lies on a cell that is not possible any more.
fn check_views(template: &Template, prefixes: &ViewPrefixes, state: &RacingState) {
    let mut possible = Possible::default();
    LiveState::Racing(*state).fill_possible(template, &mut possible);
    for (index, view) in template.views.iter().enumerate() {
        let prefix = prefixes.view(index);
        assert!((prefix[view.cell_count] - 1.0).abs() < 1e-12, "{}: {}", view.name, prefix[view.cell_count]);
        for cell in 0..view.cell_count {
            let mass = prefix[cell + 1] - prefix[cell];
            assert!(mass >= 0.0, "{} {cell}: {mass}", view.name);
            assert!(mass == 0.0 || possible.has(index as u8, cell), "{} {cell} is impossible", view.name);
        }
    }
}

/// Every order of the starters with its probability under positions filled one after the other.
fn orders(win: &[f64], starters: &[usize]) -> Vec<(Vec<usize>, f64)> {
    let mut orders = vec![(Vec::new(), 1.0)];
    for position in 0..starters.len() {
        let power =
            [1.0, EXPONENTS.second, EXPONENTS.third].get(position).copied().unwrap_or(EXPONENTS.later);
        orders = orders
            .into_iter()
            .flat_map(|(order, probability): (Vec<usize>, f64)| {
                let left: Vec<usize> =
                    starters.iter().copied().filter(|runner| !order.contains(runner)).collect();
                let sum: f64 = left.iter().map(|&runner| win[runner].powf(power)).sum();
                left.into_iter().map(move |runner| {
                    let next = order.iter().copied().chain([runner]).collect();
                    (next, probability * win[runner].powf(power) / sum)
                })
            })
            .collect();
    }
    orders
}

#[test]
fn every_price_is_the_mean_grade_over_all_orders() {
    let parameters = RacingParameters::Sequential { win: WIN.to_vec(), exponents: EXPONENTS };
    for format in [
        RacingFormat::standard(RaceKind::Greyhound, 6, false),
        RacingFormat { places_max: 4, ..RacingFormat::standard(RaceKind::Horse, 6, true) },
    ] {
        let template = compiled(format);
        for withdrawn in [vec![], vec![0], vec![5], vec![1, 3], vec![0, 1, 2], vec![0, 2, 3, 5]] {
            let mut state = RacingState::new(&format);
            for &runner in &withdrawn {
                state.apply(&Incident::Withdrawn(runner)).unwrap();
            }
            let starters: Vec<usize> = state.starters().collect();
            let orders = orders(&WIN, &starters);
            let (win, refund) = expectations(&parameters, &state);
            let live = LiveState::Racing(state);
            let mut possible = Possible::default();
            live.fill_possible(template, &mut possible);
            for selection in 0..template.selections.len() {
                let (mut mean_win, mut mean_refund) = (0.0, 0.0);
                for (order, probability) in &orders {
                    let mut outcome = RacingOutcome::from_order(6, order);
                    outcome.withdrawn = state.withdrawn;
                    let grade = template.grade(selection, &Outcome::Racing(outcome));
                    mean_win += probability * grade.win_share();
                    mean_refund += probability * grade.refund_share();
                }
                let text = template.selection_text(selection);
                if template.decided_grade(selection, &live, &possible) == Some(Grade::VOID) {
                    assert!((mean_refund - 1.0).abs() < 1e-12, "{text} {withdrawn:?}");
                    continue;
                }
                assert!(
                    (win[selection] - mean_win).abs() < 1e-12,
                    "{text} {withdrawn:?}: {} {mean_win}",
                    win[selection]
                );
                assert!((refund[selection] - mean_refund).abs() < 1e-12, "{text} {withdrawn:?}");
            }
        }
    }
}

/// Normal running times: what every view must share with every other, also when runners are withdrawn.
#[test]
fn the_views_of_normal_times_are_one_measure() {
    for count in [3, 4, 6, 9, 10, 12, 16_u8] {
        let format = RacingFormat::standard(RaceKind::Horse, count, true);
        let template = compiled(format);
        let times: Vec<f64> =
            (0..count).map(|runner| f64::from(runner) * 0.13 + f64::from(runner % 3) * 0.3).collect();
        let parameters = RacingParameters::Henery { times };
        let mut state = RacingState::new(&format);
        for withdrawn in [None, Some(1), Some(count - 1)] {
            if let Some(runner) = withdrawn {
                state.apply(&Incident::Withdrawn(runner)).unwrap();
            }
            let (win, _) = expectations(&parameters, &state);
            let of = |text: String| {
                let (key, name) = text.split_once('/').unwrap();
                let market = template.market_index(key).unwrap();
                win[template.selection_index(market, name).unwrap()]
            };
            let near = |a: f64, b: f64, what: &str| assert!((a - b).abs() < 2e-9, "{count} {what}: {a} {b}");
            let starters: Vec<usize> = state.starters().map(|runner| runner + 1).collect();
            if starters.len() < 2 {
                continue;
            }
            for &a in &starters {
                let others = || starters.iter().filter(move |&&b| b != a);
                let firsts: f64 = others().map(|b| of(format!("forecast/r{a}-r{b}"))).sum();
                near(firsts, of(format!("win/r{a}")), "forecasts of a winner");
                for b in others() {
                    let (low, high) = (a.min(*b), a.max(*b));
                    let either = of(format!("forecast/r{a}-r{b}")) + of(format!("forecast/r{b}-r{a}"));
                    near(either, of(format!("quinella/r{low}-r{high}")), "quinella");
                    let without = of(format!("win/r{b}")) + of(format!("forecast/r{a}-r{b}"));
                    near(without, of(format!("without.r{a}/r{b}")), "without");
                    let ahead =
                        of(format!("match.r{low}.r{high}/r{a}")) + of(format!("match.r{low}.r{high}/r{b}"));
                    near(ahead, 1.0, "match");
                }
                if format.has_tricasts() && starters.len() > 2 {
                    near(1.0 - of(format!("tricast.r{a}/another")), of(format!("win/r{a}")), "another");
                    for b in others() {
                        let thirds =
                            others().filter(|c| *c != b).map(|c| of(format!("tricast.r{a}/r{a}-r{b}-r{c}")));
                        near(thirds.sum(), of(format!("forecast/r{a}-r{b}")), "tricasts of a forecast");
                    }
                }
            }
            if starters.len() > 3 {
                let places: f64 = starters.iter().map(|a| of(format!("place.3/r{a}"))).sum();
                near(places, 3.0, "places");
            }
        }
    }
}

/// Once there is a result, the expectation of a selection is its grade: with dead heats and fallers too.
#[test]
fn a_result_prices_every_selection_at_its_grade() {
    let format = RacingFormat::standard(RaceKind::Greyhound, 6, false);
    let template = compiled(format);
    let parameters = RacingParameters::Sequential { win: WIN.to_vec(), exponents: EXPONENTS };
    for order in [
        [1, 2, 3, 4, 5, 6],
        [6, 4, 2, 1, 3, 5],
        [1, 1, 3, 4, 5, 6],
        [2, 1, 2, 4, 5, 6],
        [1, 2, 3, 3, 3, 3],
        [1, 1, 1, 1, 5, 5],
        [1, 2, 3, 0, 0, 0],
        [0, 1, 3, 4, 1, 0],
    ] {
        let mut positions = [0; RUNNERS_MAX];
        positions[..6].copy_from_slice(&order);
        let mut state = RacingState::new(&format);
        for incident in [Incident::Off, Incident::Result(positions), Incident::Official] {
            state.apply(&incident).unwrap();
            if state.positions != positions {
                continue;
            }
            let (win, refund) = expectations(&parameters, &state);
            for selection in 0..template.selections.len() {
                let grade = template.grade(selection, &Outcome::Racing(state.outcome()));
                let text = template.selection_text(selection);
                if grade != Grade::VOID {
                    assert!((win[selection] - grade.win_share()).abs() < 1e-12, "{text} {order:?}");
                    assert!((refund[selection] - grade.refund_share()).abs() < 1e-12, "{text} {order:?}");
                }
            }
        }
    }
}

/// A runner without a price is not offered and shortens the others; with fewer than two prices nothing is offered.
#[test]
fn runners_without_a_price_are_not_offered() {
    let format = RacingFormat::standard(RaceKind::Horse, 6, false);
    let template = compiled(format);
    let rules = PriceRules {
        method: MarginMethod::Power,
        booksum: 1.1,
        ladder: Ladder::Fine,
        odds_e4_min: 10_100,
        odds_e4_max: 10_000_000,
        skew_b_minor: None,
    };
    let offered = |parameters: &RacingParameters| -> Vec<String> {
        let state = RacingState::new(&format);
        let (win, refund) = expectations(parameters, &state);
        let mut all = Vec::new();
        for market in &template.markets {
            let mut odds = vec![0; market.selections().len()];
            let range = market.selections();
            let (win, refund) = (&win[range.clone()], &refund[range.clone()]);
            offer_market(
                market,
                win,
                refund,
                |_| true,
                |_| 0,
                &rules,
                &mut OfferScratch::default(),
                &mut odds,
            );
            let with_price = range.zip(odds).filter(|(_, odds)| *odds > 0);
            all.extend(with_price.map(|(selection, _)| template.selection_text(selection)));
        }
        all
    };
    let exponents = EXPONENTS;
    let full = offered(&RacingParameters::Sequential { win: WIN.to_vec(), exponents });
    assert_eq!(full.len(), template.selections.len());
    let mut win = WIN.to_vec();
    win[2] = 0.0;
    for parameters in [
        RacingParameters::Sequential { win: win.clone(), exponents },
        RacingParameters::Henery { times: vec![0.0, 0.5, f64::INFINITY, 0.7, 0.9, 1.0] },
    ] {
        let some = offered(&parameters);
        assert!(some.iter().any(|text| text == "win/r1") && some.iter().any(|text| text == "without.r3/r1"));
        assert!(some.iter().all(|text| !text.split_once('/').unwrap().1.contains("r3")), "{some:?}");
    }
    for parameters in [
        RacingParameters::Sequential { win: vec![0.0; 6], exponents },
        RacingParameters::Sequential { win: vec![0.0, 0.0, 0.7, 0.0, 0.0, 0.0], exponents },
        RacingParameters::Sequential { win: vec![f64::NAN; 3], exponents },
        RacingParameters::Henery { times: Vec::new() },
    ] {
        assert_eq!(offered(&parameters), Vec::<String>::new());
    }
}

#[test]
fn a_fitted_race_gives_its_probabilities_back() {
    let format = RacingFormat::standard(RaceKind::Horse, 6, false);
    let times = HeneryModel::from_win(&WIN).unwrap().times().to_vec();
    let (win, _) = expectations(&RacingParameters::Henery { times }, &RacingState::new(&format));
    for (got, expected) in win.iter().zip(WIN) {
        assert!((got - expected).abs() < 1e-11);
    }
}
