//! The football board against brute force: every selection's price from an enumeration of outcomes.

mod enumeration;

use enumeration::{futures, state_after};
use oddsengine_markets::football::{FootballIncidentKind as Kind, FootballState, GoalOrder, Side};
use oddsengine_markets::tennis::TennisFormat;
use oddsengine_markets::{Format, Outcome, Template, sport_id, template, template_of};
use oddsengine_pricing::board::{BoardOffers, OfferScratch, PriceRules, ViewPrefixes, offer_market};
use oddsengine_pricing::football::live_views::{RemainingGoals, fill_views};
use oddsengine_pricing::margin::MarginMethod;
use oddsengine_types::Ladder;

fn football() -> &'static Template {
    template(sport_id("football").unwrap())
}

fn expectations(remaining: &RemainingGoals, state: &FootballState) -> (Vec<f64>, Vec<f64>) {
    let template = football();
    let mut prefixes = ViewPrefixes::new(template);
    fill_views(remaining, state, &mut prefixes);
    let count = template.selections.len();
    let (mut win, mut refund) = (vec![0.0; count], vec![0.0; count]);
    prefixes.expectations(template, &mut win, &mut refund);
    (win, refund)
}

#[test]
fn every_expectation_is_the_sum_over_outcomes() {
    use Kind::{Goal, HalfTime, KickOff, SecondHalf};
    let (home, away) = (Goal(Side::Home), Goal(Side::Away));
    let early: &[&[Kind]] = &[
        &[],
        &[KickOff, home],
        &[KickOff, away, HalfTime, SecondHalf],
        &[KickOff, home, away, home, away, home, away, HalfTime, SecondHalf],
    ];
    for kinds in early {
        let state = state_after(kinds);
        // Equal shares of both sides in both halves keep the order of all goals exchangeable, as the model says.
        let share = if state.half_is_open(0) { 0.45 } else { 0.0 };
        let (lambda, mu) = (0.62, 0.41);
        let means = [[lambda * share, mu * share], [lambda * (1.0 - share), mu * (1.0 - share)]];
        let remaining = RemainingGoals { means, lambda: [lambda, mu], rho: -0.08 };
        let (win, refund) = expectations(&remaining, &state);
        let futures = futures(&remaining, &state, 11);
        let template = football();
        for selection in 0..template.selections.len() {
            let (mut expected_win, mut expected_refund) = (0.0, 0.0);
            for (outcome, weight) in &futures {
                let grade = template.grade(selection, &Outcome::Football(*outcome));
                expected_win += weight * grade.win_share();
                expected_refund += weight * grade.refund_share();
            }
            let text = template.selection_text(selection);
            assert!(
                (win[selection] - expected_win).abs() < 3e-7,
                "{text} after {kinds:?}: {} {expected_win}",
                win[selection]
            );
            assert!((refund[selection] - expected_refund).abs() < 3e-7, "{text} after {kinds:?}");
        }
    }
}

struct Lcg(u64);

impl Lcg {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// No offered price is above its fair price, so no portfolio of our own prices wins on every outcome; booksums
/// never fall below their minimum; lines are monotone.
#[test]
fn offered_boards_cannot_be_arbitraged() {
    let template = football();
    let mut random = Lcg(5);
    let mut scratch = OfferScratch::default();
    let mut offers = BoardOffers::default();
    for round in 0..400 {
        let goals = (0..(random.unit() * 5.0) as usize)
            .map(|_| Kind::Goal(if random.unit() < 0.5 { Side::Home } else { Side::Away }));
        let mut kinds = vec![Kind::KickOff];
        kinds.extend(goals);
        let state = state_after(&kinds);
        let (lambda, mu) = (0.05 + 3.5 * random.unit(), 0.05 + 3.0 * random.unit());
        let left = random.unit();
        let means = [[lambda * 0.45 * left, mu * 0.45 * left], [lambda * 0.55, mu * 0.55]];
        let rho = -0.1 * random.unit();
        let (win, refund) = expectations(&RemainingGoals { means, lambda: [lambda, mu], rho }, &state);
        let method =
            [MarginMethod::Multiplicative, MarginMethod::Power, MarginMethod::OddsRatio, MarginMethod::Shin]
                [round % 4];
        let skew_b_minor = (round % 3 == 0).then_some(1e6);
        let ladder = Ladder::ALL[round % 3];
        let rules = PriceRules {
            method,
            booksum: 1.0 + 0.12 * random.unit(),
            ladder,
            odds_e4_min: 10_100,
            odds_e4_max: 5_000_000,
            skew_b_minor,
        };
        let mut odds = vec![0; template.selections.len()];
        // The same board, whose margins are applied together at the end.
        let mut together = vec![u32::MAX; template.selections.len()];
        for market in &template.markets {
            let range = market.selections();
            let payouts: Vec<i64> = range.clone().map(|_| (random.unit() * 1e6) as i64).collect();
            offer_market(
                market,
                &win[range.clone()],
                &refund[range.clone()],
                |_| true,
                |i| payouts[i],
                &rules,
                &mut scratch,
                &mut odds[range.clone()],
            );
            offers.add(
                market,
                range.start,
                &win[range.clone()],
                &refund[range.clone()],
                |_| true,
                |i| payouts[i],
                &rules,
                &mut together,
            );
            let mut booksum = 0.0;
            for selection in range {
                let fair =
                    if refund[selection] < 1.0 { win[selection] / (1.0 - refund[selection]) } else { 0.0 };
                if odds[selection] > 0 {
                    assert!(
                        f64::from(odds[selection]) / 1e4 * fair <= 1.0 + 1e-9,
                        "{}",
                        template.selection_text(selection)
                    );
                    booksum += 1e4 / f64::from(odds[selection]);
                } else {
                    booksum += fair * rules.booksum;
                }
            }
            if skew_b_minor.is_none() && method == MarginMethod::Multiplicative {
                assert!(
                    booksum >= f64::from(market.winners) * rules.booksum - 2e-4,
                    "{} {booksum}",
                    market.key
                );
            }
        }
        offers.finish(&mut together);
        assert_eq!(together, odds);
        if skew_b_minor.is_none() {
            check_monotone(template, &win, &refund, &odds);
        }
    }
}

fn check_monotone(template: &Template, win: &[f64], refund: &[f64], odds: &[u32]) {
    for family in &template.line_families {
        for pair in family.clone().collect::<Vec<_>>().windows(2) {
            for side in 0..2 {
                let [a, b] = [pair[0], pair[1]]
                    .map(|market| usize::from(template.markets[market].first_selection) + side);
                let fair = |s: usize| win[s] / (1.0 - refund[s]).max(1e-300);
                if odds[a] > 0 && odds[b] > 0 && (fair(a) - fair(b)).abs() > 1e-12 {
                    let (likely, unlikely) = if fair(a) > fair(b) { (a, b) } else { (b, a) };
                    assert!(odds[likely] <= odds[unlikely], "{}", template.selection_text(a));
                }
            }
        }
    }
}

#[test]
fn a_long_order_prices_the_last_goal() {
    let state = state_after(&[Kind::KickOff, Kind::Goal(Side::Home)]);
    let remaining = RemainingGoals { means: [[0.5, 0.5], [0.5, 0.5]], lambda: [1.0, 1.0], rho: 0.0 };
    let (win, _) = expectations(&remaining, &state);
    let template = football();
    let market = &template.markets[template.market_index("last_goal").unwrap()];
    let total: f64 = market.selections().map(|selection| win[selection]).sum();
    assert!((total - 1.0).abs() < 1e-12);
    assert_eq!(GoalOrder::from_sides([Side::Home]), state.order);
}

/// However a board groups the runs of its selections: the bits are those of a selection's runs one after another.
#[test]
fn a_board_reads_the_runs_of_every_selection() {
    let tennis = template_of(&Format::Tennis(TennisFormat::default())).unwrap();
    for template in [football(), tennis] {
        let mut prefixes = ViewPrefixes::new(template);
        let mut random = 5_u64;
        for (view, cells) in template.views.iter().map(|view| view.cell_count).enumerate() {
            let masses: Vec<f64> = (0..cells)
                .map(|_| {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (random >> 40) as f64 / f64::from(1 << 24) / cells as f64
                })
                .collect();
            prefixes.set(view, &masses, 1.0);
        }
        let count = template.selections.len();
        // Whatever stood there before.
        let (mut win, mut refund) = (vec![7.0; count], vec![7.0; count]);
        prefixes.expectations(template, &mut win, &mut refund);
        for selection in 0..count {
            let sums = prefixes.view(usize::from(template.view_of(selection)));
            let (mut expected_win, mut expected_refund) = (0.0, 0.0);
            for run in template.runs_of(selection) {
                let mass = (sums[usize::from(run.end)] - sums[usize::from(run.start)]).max(0.0);
                let grade = template.grades[usize::from(run.grade)];
                expected_win += mass * grade.win_share();
                expected_refund += mass * grade.refund_share();
            }
            let expected = (expected_win, expected_refund);
            assert_eq!(
                (win[selection], refund[selection]),
                expected,
                "{}",
                template.selection_text(selection)
            );
        }
    }
}
