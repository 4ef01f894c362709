//! Same-game multiples against the enumeration of outcomes, the golden values and the board's own prices.

mod enumeration;

use std::sync::LazyLock;

use enumeration::{futures, state_after};
use oddsengine_markets::football::{
    Credit, DepthIncident as Depth, FootballFormat, FootballIncident, FootballIncidentKind as Kind,
    FootballOutcome, FootballState, Knockout, Side,
};
use oddsengine_markets::{Outcome, Template};
use oddsengine_pricing::board::{ViewPrefixes, fair_probability};
use oddsengine_pricing::football::DixonColes;
use oddsengine_pricing::football::depth::OWN_GOAL_SHARE;
use oddsengine_pricing::football::live_views::{RemainingGoals, fill_views};
use oddsengine_pricing::model::{FootballParameters, ModelConfig, Models, Parameters};
use oddsengine_pricing::same_game::{
    Combinable, SameGameError, SameGameLegs, SameGameOutcomes, SameGamePrice, combinable, gaussian_copula,
    leg_probabilities, price,
};
use oddsengine_types::Grade;

static LEGS: LazyLock<SameGameLegs> = LazyLock::new(|| SameGameLegs::new(FootballFormat::default()).unwrap());
static CUP_LEGS: LazyLock<SameGameLegs> = LazyLock::new(|| SameGameLegs::new(cup()).unwrap());
static MODELS: LazyLock<Models> = LazyLock::new(|| Models::new(&ModelConfig::default()).unwrap());

fn cup() -> FootballFormat {
    FootballFormat {
        knockout: Some(Knockout::default()),
        corners: true,
        cards: true,
        intervals: true,
        players: [3, 2],
    }
}

fn football() -> &'static Template {
    LEGS.template()
}

fn selection_of(legs: &SameGameLegs, text: &str) -> u16 {
    let (market, name) = text.split_once('/').unwrap();
    let template = legs.template();
    let market = template.market_index(market).unwrap_or_else(|| panic!("no market {market}"));
    template.selection_index(market, name).unwrap_or_else(|| panic!("no selection {text}")) as u16
}

fn selection(text: &str) -> u16 {
    selection_of(&LEGS, text)
}

fn selections(texts: &[&str]) -> Vec<u16> {
    texts.iter().map(|text| selection(text)).collect()
}

fn priced(outcomes: &SameGameOutcomes<'_>, legs: &[u16]) -> Result<SameGamePrice, SameGameError> {
    price(&LEGS, outcomes, legs)
}

fn parameters(lambda: [f64; 2], rho: f64) -> FootballParameters {
    let mut parameters = FootballParameters::of(&DixonColes::new(lambda[0], lambda[1], rho).unwrap(), &cup());
    parameters.depth.shares_home = vec![0.32, 0.21, 0.1];
    parameters.depth.shares_away = vec![0.4, 0.2];
    parameters
}

fn cup_price(
    parameters: &FootballParameters,
    state: &FootballState,
    texts: &[&str],
) -> Result<SameGamePrice, SameGameError> {
    let legs: Vec<u16> = texts.iter().map(|text| selection_of(&CUP_LEGS, text)).collect();
    price(&CUP_LEGS, &MODELS.same_game(parameters, state), &legs)
}

fn before_kick_off(lambda: [f64; 2], rho: f64, first_half_share: f64) -> RemainingGoals {
    let means = [first_half_share, 1.0 - first_half_share].map(|share| lambda.map(|rate| rate * share));
    RemainingGoals { means, lambda, rho }
}

struct Lcg(u64);

impl Lcg {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % bound as u64) as usize
    }
}

fn near(got: f64, want: f64, tolerance: f64, what: &str) {
    assert!((got - want).abs() <= tolerance, "{what}: {got} is not {want}");
}

#[test]
fn golden_values() {
    let state = FootballState::default();
    let outcomes = SameGameOutcomes::new(&before_kick_off([1.7, 1.05], -0.07, 0.45), &state);
    let score = |texts: &[&str]| priced(&outcomes, &selections(texts)).unwrap().probability;
    let cases: [(&[&str], f64); 10] = [
        (&["1x2/home"], 0.51790135176618),
        (&["total:2.5/over"], 0.51854329528698),
        (&["both_score/yes"], 0.5392943743006),
        (&["handicap:-1.5/away"], 0.71333784614233),
        (&["total:3.5/under"], 0.70303999446856),
        (&["1x2/home", "total:2.5/over"], 0.32483601452886),
        (&["1x2/home", "both_score/yes"], 0.23987925011951),
        (&["both_score/yes", "total:2.5/over"], 0.41719535578884),
        (&["1x2/home", "both_score/yes", "total:3.5/under"], 0.096994547415877),
        (&["handicap:-1.5/away", "total:3.5/under"], 0.55831797134011),
    ];
    for (texts, want) in cases {
        near(score(texts), want, 1e-9, &format!("{texts:?}"));
    }
    let outcomes = SameGameOutcomes::new(&before_kick_off([1.7, 1.05], 0.0, 0.45), &state);
    let halves = |texts: &[&str]| priced(&outcomes, &selections(texts)).unwrap().probability;
    let cases: [(&[&str], f64); 3] = [
        (&["half_time_full_time/home/home", "total:2.5/over"], 0.21269132852429),
        (&["total.h1:0.5/over", "total.h2:0.5/over", "both_score/yes"], 0.40963517830206),
        (&["1x2.h1/draw", "1x2/home"], 0.17228511258482),
    ];
    for (texts, want) in cases {
        near(halves(texts), want, 1e-8, &format!("{texts:?}"));
    }
}

#[test]
fn golden_scorers() {
    let given = parameters([1.7, 1.05], -0.07);
    let (first, second) = ("anytime_scorer/home_1", "anytime_scorer/home_2");
    let cases: [(&[&str], f64); 7] = [
        (&[first], 0.41957808485926),
        (&[second], 0.30022750226539),
        (&[first, second], 0.12596888042259),
        (&["two_or_more_scorer/home_1"], 0.10382856302269),
        (&[first, "1x2/home"], 0.30191130033507),
        (&[first, "1x2/home", "total:2.5/over"], 0.22002942716418),
        (&[first, second, "total:2.5/over"], 0.11355357835336),
    ];
    for (texts, want) in cases {
        let got = cup_price(&given, &FootballState::new(cup()), texts).unwrap();
        near(got.probability, want, 1e-9, &format!("{texts:?}"));
    }
}

/// States and what is left of the match, with few goals expected so that enumeration is nearly complete.
fn situations() -> Vec<(FootballState, RemainingGoals)> {
    use Kind::{FullTime, Goal, HalfTime, KickOff, SecondHalf};
    let (home, away) = (Goal(Side::Home), Goal(Side::Away));
    let states: [&[Kind]; 6] = [
        &[],
        &[KickOff, home],
        &[KickOff, home, away, HalfTime],
        &[KickOff, away, HalfTime, SecondHalf, home],
        &[KickOff, home, away, home, away, HalfTime, SecondHalf, home, away],
        &[KickOff, home, HalfTime, SecondHalf, away, FullTime],
    ];
    states
        .iter()
        .map(|kinds| {
            let state = state_after(kinds);
            let shares = [0, 1].map(|half| if state.half_is_open(half) { [0.45, 0.55][half] } else { 0.0 });
            let lambda = [0.62, 0.41];
            (
                state,
                RemainingGoals { means: shares.map(|share| lambda.map(|l| l * share)), lambda, rho: -0.08 },
            )
        })
        .collect()
}

fn random_legs(random: &mut Lcg, count: usize) -> Vec<u16> {
    let template = football();
    let mut legs: Vec<u16> = Vec::new();
    while legs.len() < count {
        let market = &template.markets[random.below(template.markets.len())];
        let range = market.selections();
        let selection = (range.start + random.below(range.len())) as u16;
        if !legs.contains(&selection) {
            legs.push(selection);
        }
    }
    legs
}

fn grades(legs: &[u16], outcome: &FootballOutcome) -> Vec<Grade> {
    let outcome = Outcome::Football(*outcome);
    legs.iter().map(|&leg| football().grade(leg.into(), &outcome)).collect()
}

/// Random multiples of one to six legs of the whole template, before and during the match: the probability that all
/// win, the equation of the fair odds, contradictions and implied legs, each from the outcomes one by one.
#[test]
fn multiples_agree_with_the_enumeration_of_outcomes() {
    let mut random = Lcg(11);
    let (mut prices, mut refunding, mut contradictory, mut implied, mut unreached) = (0, 0, 0, 0, 0);
    for (state, remaining) in situations() {
        let outcomes = SameGameOutcomes::new(&remaining, &state);
        let mut futures = futures(&remaining, &state, 11);
        futures.retain(|(_, weight)| *weight > 0.0);
        for _ in 0..400 {
            let count = 1 + random.below(6);
            let legs = random_legs(&mut random, count);
            let texts: Vec<String> = legs.iter().map(|&leg| football().selection_text(leg.into())).collect();
            let all: Vec<(Vec<Grade>, f64)> =
                futures.iter().map(|(outcome, weight)| (grades(&legs, outcome), *weight)).collect();
            let pays = |grades: &[Grade]| grades.iter().all(|grade| grade.win_share() > 0.0);
            let is_paid = all.iter().any(|(grades, _)| pays(grades));
            let got = match priced(&outcomes, &legs) {
                Err(error) => {
                    assert_eq!(error, SameGameError::Contradictory);
                    assert!(!is_paid, "{texts:?} is not contradictory after {state:?}");
                    contradictory += 1;
                    continue;
                }
                Ok(price) => price,
            };
            let won: f64 = all
                .iter()
                .filter(|(grades, _)| grades.iter().all(|grade| *grade == Grade::WON))
                .map(|(_, weight)| weight)
                .sum();
            near(got.probability, won, 3e-7, &format!("{texts:?} after {state:?}"));
            if let Some(exponent) = got.exponent {
                let singles = leg_probabilities(&LEGS, &outcomes, &legs).unwrap();
                let mut worth = 0.0;
                for (grades, weight) in &all {
                    let returns = grades.iter().zip(&singles).map(|(grade, single)| {
                        grade.win_share() * single.powf(-exponent) + grade.refund_share()
                    });
                    worth += weight * returns.product::<f64>();
                }
                // Rare legs have long odds, and the enumeration misses a little of them.
                let tolerance = 1e-6 * got.fair_odds.max(1.0);
                near(worth, 1.0, tolerance, &format!("{texts:?} with {got:?}"));
                refunding += 1;
            } else if won > 1e-6 {
                near(got.fair_odds * won, 1.0, 1e-6 / won.min(1.0), &format!("{texts:?}"));
            }
            for place in 0..legs.len() {
                let others_return = |grades: &[Grade]| {
                    grades.iter().enumerate().all(|(other, grade)| other == place || !grade.is_lost())
                };
                let wins = all
                    .iter()
                    .filter(|(grades, _)| others_return(grades))
                    .all(|(grades, _)| grades[place] == Grade::WON);
                if got.implied.contains(place) {
                    assert!(wins, "leg {place} of {texts:?} is not implied after {state:?}");
                    implied += 1;
                } else {
                    // Eleven goals to come do not reach every outcome.
                    unreached += usize::from(wins);
                }
            }
            prices += 1;
        }
    }
    let counts = (prices, refunding, contradictory, implied, unreached);
    assert!(prices > 500 && refunding > 100 && contradictory > 300 && implied > 100, "{counts:?}");
    assert!(unreached * 50 < implied, "{counts:?}");
}

#[test]
fn a_single_leg_has_the_price_of_the_board() {
    for (state, remaining) in situations() {
        let outcomes = SameGameOutcomes::new(&remaining, &state);
        let mut prefixes = ViewPrefixes::new(football());
        fill_views(&remaining, &state, &mut prefixes);
        let count = football().selections.len();
        let (mut win, mut refund) = (vec![0.0; count], vec![0.0; count]);
        prefixes.expectations(football(), &mut win, &mut refund);
        for leg in 0..count {
            let single = leg_probabilities(&LEGS, &outcomes, &[leg as u16]).unwrap()[0];
            let board = fair_probability(win[leg], refund[leg]);
            near(single, board, 1e-9, &football().selection_text(leg));
            match priced(&outcomes, &[leg as u16]) {
                // Prefix sums of the board cancel where little is left.
                Ok(price) if board > 1e-6 => {
                    near(price.fair_odds * board, 1.0, 1e-7, &football().selection_text(leg));
                }
                Ok(price) => assert!(price.fair_odds > 0.99e6),
                Err(error) => {
                    assert_eq!(error, SameGameError::Contradictory);
                    near(win[leg], 0.0, 1e-12, &football().selection_text(leg));
                }
            }
        }
    }
}

/// An odd and an even number of goals in the first half add up to the multiple without that leg: the sum over the
/// 14,641 cells of both halves is the one over the 256 final scores.
#[test]
fn both_spaces_agree() {
    let mut random = Lcg(5);
    let mut compared = 0;
    for (state, remaining) in situations() {
        let outcomes = SameGameOutcomes::new(&remaining, &state);
        for _ in 0..60 {
            let legs = random_legs(&mut random, 3);
            if legs.iter().any(|&leg| football().selection_text(leg.into()).starts_with("odd_even.h1")) {
                continue;
            }
            let Ok(whole) = priced(&outcomes, &legs) else { continue };
            let part = |half: &str| {
                let mut legs = legs.clone();
                legs.push(selection(half));
                priced(&outcomes, &legs).map_or(0.0, |price| price.probability)
            };
            near(
                part("odd_even.h1/odd") + part("odd_even.h1/even"),
                whole.probability,
                1e-8,
                "the parts of an event add up to it",
            );
            compared += 1;
        }
    }
    assert!(compared > 50, "{compared}");
}

/// First and last scorers with score, half and order legs: every sequence, every assignment of its goals. Beside legs on
/// halves and the order of goals an own goal is nobody's at the first or last place, so these are exact without own goals only.
#[test]
fn player_legs_agree_with_the_enumeration_of_scorers() {
    let multiples: [&[&str]; 8] = [
        &["1x2/home", "first_scorer/home_1"],
        &["total:2.5/over", "first_goal/away", "anytime_scorer/home_2", "anytime_scorer/away_1"],
        &["1x2.h1/home", "both_score/yes", "first_scorer/home_1", "last_scorer/away_1"],
        &["total:1.5/over", "first_scorer/home_1", "last_scorer/home_1", "anytime_scorer/home_2"],
        &["half_time_full_time/draw/home", "race_to:2/home", "two_or_more_scorer/home_2"],
        &["double_chance/1x", "anytime_scorer/home_1", "last_scorer/home_2"],
        &["total:0.5/under", "first_scorer/none"],
        &["first_goal/home", "first_scorer/home_1"],
    ];
    // Few goals: all assignments of up to five are nearly all there is.
    let given = parameters([0.3, 0.22], -0.08);
    let mut compared = 0;
    for (state, known) in squads() {
        let futures = futures(&MODELS.remaining_goals(&given.goals, &state), &state, 5);
        for texts in multiples {
            let legs: Vec<u16> = texts.iter().map(|text| selection_of(&CUP_LEGS, text)).collect();
            let mut want = 0.0;
            for (outcome, weight) in futures.iter().filter(|(_, weight)| *weight > 0.0) {
                want += weight * won_by_assignment(&given, outcome, known, &legs);
            }
            let is_order = ["first_goal", "race_to", ".h1", "half_time"]
                .iter()
                .any(|stem| texts.iter().any(|text| text.contains(stem)));
            let has_ends = texts.iter().any(|text| text.contains("st_scorer"));
            let tolerance = if is_order && has_ends { 0.005 * want + 2e-5 } else { 2e-5 };
            match price(&CUP_LEGS, &MODELS.same_game(&given, &state), &legs) {
                Ok(got) => near(got.probability, want, tolerance, &format!("{texts:?} after {state:?}")),
                Err(error) => assert_eq!((error, want), (SameGameError::Contradictory, 0.0), "{texts:?}"),
            }
            compared += 1;
        }
    }
    assert!(compared > 30);
}

/// States of a match with line-ups, and how many goals have fallen.
fn squads() -> Vec<(FootballState, u16)> {
    use Kind::{Goal, HalfTime, KickOff, SecondHalf};
    let (home, away) = (Side::Home, Side::Away);
    let scorer = |goal, credit| Kind::Depth(Depth::Scorer(goal, credit));
    let line_up =
        [(home, 0), (home, 1), (away, 0)].map(|(side, player)| Kind::Depth(Depth::PlayerOn(side, player)));
    let rest: [&[Kind]; 4] = [
        &[],
        &[KickOff, Goal(home), scorer(1, Credit::Player(0))],
        &[KickOff, Goal(away), scorer(1, Credit::OwnGoal), HalfTime],
        &[
            KickOff,
            HalfTime,
            SecondHalf,
            Goal(home),
            scorer(1, Credit::Unlisted),
            Goal(away),
            scorer(2, Credit::Player(0)),
        ],
    ];
    rest.iter()
        .map(|rest| {
            let mut state = FootballState::new(cup());
            for &kind in line_up.iter().chain(*rest) {
                let clock_ms = state.clock_ms;
                state.apply(&FootballIncident { kind, clock_ms, score_after: None }).unwrap();
            }
            (state, state.order.count)
        })
        .collect()
}

/// Probability, given the sequence of goals, that all legs win: over all assignments of the goals to come.
fn won_by_assignment(given: &FootballParameters, outcome: &FootballOutcome, index: u16, legs: &[u16]) -> f64 {
    if index == outcome.order.count {
        let outcome = Outcome::Football(*outcome);
        let template = CUP_LEGS.template();
        return f64::from(u8::from(
            legs.iter().all(|&leg| template.grade(leg.into(), &outcome) == Grade::WON),
        ));
    }
    let side = outcome.order.side(index).unwrap();
    let shares = if side == Side::Home { &given.depth.shares_home } else { &given.depth.shares_away };
    let listed = if side == Side::Home { 2 } else { 1 };
    let mut credits = vec![(Credit::OwnGoal, OWN_GOAL_SHARE)];
    credits.extend((0..listed).map(|player| (Credit::Player(player), shares[usize::from(player)])));
    let others = 1.0 - credits.iter().map(|(_, share)| share).sum::<f64>();
    credits.push((Credit::Unlisted, others));
    credits
        .into_iter()
        .map(|(credit, share)| {
            let mut outcome = *outcome;
            outcome.depth.set_goal(index, outcome.depth.goal(index).credited(credit));
            share * won_by_assignment(given, &outcome, index + 1, legs)
        })
        .sum()
}

/// Intervals with legs on halves and the score: the goals of each half fall in its parts independently.
#[test]
fn intervals_agree_with_the_enumeration_of_minutes() {
    let given = parameters([0.9, 0.7], -0.08);
    let state = FootballState::new(cup());
    let remaining = MODELS.remaining_goals(&given.goals, &state);
    let goals: Vec<([[u16; 2]; 2], f64)> = {
        let mut by_goals = std::collections::BTreeMap::new();
        for (outcome, weight) in futures(&remaining, &state, 9) {
            *by_goals.entry(outcome.goals).or_insert(0.0) += weight;
        }
        by_goals.into_iter().collect()
    };
    // The odds of an interval among the goals of its half, from its own market: P(no goal) = E[(1 - q)^goals].
    let odds = |half: usize, none: f64| {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..60 {
            let q: f64 = 0.5 * (low + high);
            let value: f64 = goals
                .iter()
                .map(|(goals, mass)| mass * (1.0 - q).powi(i32::from(goals[half][0] + goals[half][1])))
                .sum();
            if value > none { low = q } else { high = q }
        }
        low
    };
    let alone = |text: &str| cup_price(&given, &state, &[text]).unwrap().probability;
    let (early, late) = (odds(0, alone("total.m0-10:0.5/under")), odds(1, alone("total.m60-70:0.5/under")));
    let second = odds(0, alone("total.m10-20:0.5/under"));
    let none = |count: u16, q: f64| (1.0 - q).powi(count.into());
    let sum = |value: &dyn Fn([[u16; 2]; 2]) -> f64| -> f64 {
        goals.iter().map(|(goals, mass)| mass * value(*goals)).sum()
    };
    let joint = |texts: &[&str]| cup_price(&given, &state, texts).unwrap().probability;
    near(
        joint(&["total.m0-10:0.5/over", "total.m60-70:0.5/over", "1x2/home"]),
        sum(&|[first, last]| {
            let is_home = first[0] + last[0] > first[1] + last[1];
            f64::from(u8::from(is_home))
                * (1.0 - none(first[0] + first[1], early))
                * (1.0 - none(last[0] + last[1], late))
        }),
        1e-5,
        "goals early and late, and home",
    );
    near(
        joint(&["total.m0-10:0.5/under", "total.m10-20:0.5/under", "total.h1:0.5/over"]),
        sum(&|[first, _]| {
            let count = first[0] + first[1];
            f64::from(u8::from(count > 0)) * none(count, early + second)
        }),
        1e-5,
        "a goal, but not in twenty minutes",
    );
    let home_early =
        sum(&|[first, last]| f64::from(u8::from(first[0] + last[0] > 0)) * (1.0 - none(first[0], early)));
    near(joint(&["home_total.m0-10:0.5/over"]), home_early, 1e-5, "a home goal early");
    // The board's own price of an interval is the same.
    let template = CUP_LEGS.template();
    let mut prefixes = ViewPrefixes::new(template);
    MODELS.fill(
        template,
        &Parameters::Football(given.clone()),
        &oddsengine_markets::LiveState::Football(state),
        &mut prefixes,
    );
    let count = template.selections.len();
    let (mut win, mut refund) = (vec![0.0; count], vec![0.0; count]);
    prefixes.expectations(template, &mut win, &mut refund);
    for text in [
        "total.m0-10:0.5/over",
        "1x2.m60-70/away",
        "to_qualify/home",
        "method_of_victory/away/penalties",
        "anytime_scorer/home_1",
        "first_scorer/home_2",
        "last_scorer/away_1",
        "first_scorer/none",
        "corners_total:9/over",
        "cards_1x2/home",
        "corners_total.h1:4.5/over",
    ] {
        let leg = selection_of(&CUP_LEGS, text);
        let (win, refund) = (win[usize::from(leg)], refund[usize::from(leg)]);
        let single = leg_probabilities(&CUP_LEGS, &MODELS.same_game(&given, &state), &[leg]).unwrap()[0];
        near(single, fair_probability(win, refund), 2e-7, text);
    }
}

#[test]
fn ties_join_with_the_score() {
    let given = parameters([1.4, 1.1], -0.06);
    let state = FootballState::new(cup());
    let price = |texts: &[&str]| cup_price(&given, &state, texts);
    let home = price(&["1x2/home"]).unwrap().probability;
    let with = price(&["1x2/home", "to_qualify/home"]).unwrap();
    near(with.probability, home, 1e-12, "who wins goes through");
    assert!(with.implied.contains(1) && !with.implied.contains(0));
    let drawn = price(&["1x2/draw", "to_qualify/home"]).unwrap().probability;
    near(home + drawn, price(&["to_qualify/home"]).unwrap().probability, 1e-12, "by a win or after a draw");
    assert_eq!(price(&["1x2/home", "to_qualify/away"]), Err(SameGameError::Contradictory));
    assert_eq!(price(&["extra_time/yes", "total:2.5/over", "1x2/away"]), Err(SameGameError::Contradictory));
    let scorer = price(&["to_qualify/home", "anytime_scorer/home_1"]).unwrap().probability;
    assert!(
        scorer
            > price(&["to_qualify/home"]).unwrap().probability
                * price(&["anytime_scorer/home_1"]).unwrap().probability
    );
    let error = price(&["to_qualify/home", "total.et:1.5/over"]).unwrap_err();
    assert_eq!(error.to_string(), "leg 1 cannot be combined: it is void without extra time");
}

/// Corners and cards are exact among themselves; with goals they are tied by how far both lean.
#[test]
fn corners_and_cards_join_by_copula() {
    let given = parameters([1.6, 1.1], -0.06);
    let state = FootballState::new(cup());
    let p = |texts: &[&str]| cup_price(&given, &state, texts).unwrap().probability;
    let (over, under) = ("corners_total:9.5/over", "corners_total:10.5/under");
    let (high, low) = (p(&[over]), p(&[under]));
    near(p(&[over, under]), high + low - 1.0, 1e-9, "ten corners exactly");
    assert_eq!(
        cup_price(&given, &state, &[over, "corners_total:8.5/under"]),
        Err(SameGameError::Contradictory)
    );
    let implied = cup_price(&given, &state, &[over, "corners_total:8.5/over"]).unwrap().implied;
    assert!(implied.contains(1) && !implied.contains(0));

    // Many goals come with few corners, and the side that is behind has the corners.
    let goals = "total:2.5/over";
    assert!(
        p(&[goals, over]) < p(&[goals]) * high
            && p(&["total:2.5/under", over]) > p(&["total:2.5/under"]) * high
    );
    assert!(p(&["1x2/home", "corners_1x2/home"]) < p(&["1x2/home"]) * p(&["corners_1x2/home"]));
    // The parts of an event sum to it: the copula keeps every margin.
    let parts = p(&["1x2/home", over]) + p(&["1x2/draw", over]) + p(&["1x2/away", over]);
    near(parts, high, 2e-3, "results with many corners");
    for texts in [&[goals, over][..], &[goals, over, "cards_total:3.5/over"], &["1x2/away", "cards_1x2/home"]]
    {
        let singles: Vec<f64> = texts.iter().map(|text| p(&[text])).collect();
        let joint = p(texts);
        let least = singles.iter().copied().fold(1.0, f64::min);
        assert!(joint <= least && joint >= singles.iter().sum::<f64>() - (texts.len() - 1) as f64);
    }
    let rho = -0.035;
    let want = gaussian_copula(&[p(&[goals]), high], &[1.0, rho, rho, 1.0]).unwrap().probability;
    near(p(&[goals, over]), want, 1.5e-3, "a total of goals leans fully towards goals");

    // A whole line of corners refunds: the equation of the fair odds holds as for goals.
    let whole = cup_price(&given, &state, &[goals, "corners_total:10/over"]).unwrap();
    let exponent = whole.exponent.unwrap();
    let legs = [goals, "corners_total:10/over"].map(|text| selection_of(&CUP_LEGS, text));
    let singles = leg_probabilities(&CUP_LEGS, &MODELS.same_game(&given, &state), &legs).unwrap();
    near(whole.fair_odds, singles.iter().map(|p| p.powf(-exponent)).product(), 1e-9, "product of leg odds");
    assert!(whole.fair_odds < 1.0 / whole.probability);
    let mixed = cup_price(&given, &state, &[over, "corners_total.h1:4.5/over"]).unwrap_err();
    assert_eq!(mixed.to_string(), "leg 1 cannot be combined: counts of the first half and the match");
}

/// `combinable` says of every selection of a rich format what pricing says, also before any leg is chosen.
#[test]
fn combinable_covers_a_rich_format() {
    let given = parameters([1.4, 1.1], -0.06);
    let state = FootballState::new(cup());
    let outcomes = MODELS.same_game(&given, &state);
    for texts in [
        &[][..],
        &["anytime_scorer/home_1"],
        &["to_qualify/away", "corners_total:9.5/over"],
        &["total.m0-10:0.5/over"],
    ] {
        let legs: Vec<u16> = texts.iter().map(|text| selection_of(&CUP_LEGS, text)).collect();
        let answers = combinable(&CUP_LEGS, &outcomes, &legs).unwrap();
        for (index, answer) in answers.iter().enumerate().step_by(7) {
            if legs.contains(&(index as u16)) {
                continue;
            }
            let mut with = legs.clone();
            with.push(index as u16);
            let text = CUP_LEGS.template().selection_text(index);
            match price(&CUP_LEGS, &outcomes, &with) {
                Ok(price) if price.implied.contains(legs.len()) => {
                    assert_eq!(*answer, Combinable::Implied, "{text}")
                }
                Ok(price) if !price.implied.is_empty() => assert_eq!(*answer, Combinable::Implies, "{text}"),
                Ok(_) => assert_eq!(*answer, Combinable::Yes, "{text} with {texts:?}"),
                Err(SameGameError::Contradictory) => {
                    assert_eq!(*answer, Combinable::Contradicts, "{text} with {texts:?}")
                }
                Err(SameGameError::NoJointModel { .. }) => assert_eq!(*answer, Combinable::NoModel, "{text}"),
                Err(error) => panic!("{error}: {text}"),
            }
        }
    }
}

/// `combinable` says of every selection what pricing the multiple with it says.
#[test]
fn combinable_agrees_with_the_prices() {
    let mut random = Lcg(3);
    for (state, remaining) in situations() {
        let outcomes = SameGameOutcomes::new(&remaining, &state);
        for count in [0, 1, 2, 3] {
            let legs = random_legs(&mut random, count);
            let Ok(answers) = combinable(&LEGS, &outcomes, &legs) else {
                assert!(priced(&outcomes, &legs).is_err());
                continue;
            };
            for (index, &answer) in answers.iter().enumerate() {
                let mut with = legs.clone();
                with.push(index as u16);
                let text = || format!("{} after {legs:?}", football().selection_text(index));
                match priced(&outcomes, &with) {
                    Err(SameGameError::Contradictory) => {
                        assert_eq!(answer, Combinable::Contradicts, "{}", text())
                    }
                    Err(SameGameError::DuplicateLeg { .. }) => assert_eq!(answer, Combinable::Implied),
                    Err(error) => panic!("{error}: {} after {state:?}", text()),
                    Ok(price) if price.implied.contains(count) => {
                        assert_eq!(answer, Combinable::Implied, "{}", text());
                    }
                    Ok(price) if !price.implied.is_empty() => {
                        assert_eq!(answer, Combinable::Implies, "{}", text());
                    }
                    Ok(_) => assert_eq!(answer, Combinable::Yes, "{}", text()),
                }
            }
        }
    }
}

/// Every multiple lies within the Fréchet bounds of its legs.
#[test]
fn frechet_bounds_hold() {
    let mut random = Lcg(8);
    let outcomes =
        SameGameOutcomes::new(&before_kick_off([1.7, 1.05], -0.07, 0.45), &FootballState::default());
    for _ in 0..500 {
        let legs = random_legs(&mut random, 3);
        let Ok(joint) = priced(&outcomes, &legs) else { continue };
        let alone: Vec<f64> =
            legs.iter().map(|&leg| priced(&outcomes, &[leg]).unwrap().probability).collect();
        let least = alone.iter().copied().fold(1.0, f64::min);
        let sum: f64 = alone.iter().sum();
        assert!(joint.probability <= least + 1e-12 && joint.probability >= sum - 2.0 - 1e-12);
    }
}

#[test]
fn impossible_multiples_are_refused() {
    let outcomes =
        SameGameOutcomes::new(&before_kick_off([1.7, 1.05], -0.07, 0.45), &FootballState::default());
    let text = |legs: &[u16]| priced(&outcomes, legs).unwrap_err().to_string();
    assert_eq!(text(&[]), "number of legs 0 is outside 1..=20");
    assert_eq!(text(&[9_999]), "selection 9999 is outside 0..=1011");
    assert_eq!(text(&[4, 4]), "leg 1 is an earlier leg again");
    let contradictory = selections(&["1x2/home", "correct_score/0-0"]);
    assert_eq!(text(&contradictory), "the legs contradict each other: no possible outcome pays all of them");
    // The stake on the draw no bet comes back when the draw wins: still no outcome pays both.
    assert!(priced(&outcomes, &selections(&["draw_no_bet/home", "1x2/draw"])).is_err());
    assert!(
        priced(&outcomes, &selections(&["first_goal/home", "1x2.h1/away", "total.h1:1.5/under"])).is_err()
    );
    let mut state = state_after(&[Kind::KickOff]);
    state.goals[0][0] = 10;
    let outcomes = SameGameOutcomes::new(&before_kick_off([1.7, 1.05], 0.0, 0.45), &state);
    let error = priced(&outcomes, &selections(&["1x2.h1/home"])).unwrap_err();
    assert_eq!(error.to_string(), "goals of a side in a half 10 is outside 0..=9");
}
