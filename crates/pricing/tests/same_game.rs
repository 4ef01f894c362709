//! Same-game multiples against the enumeration of outcomes, the golden values and the board's own prices.

mod enumeration;

use std::sync::LazyLock;

use enumeration::{futures, state_after};
use oddsengine_markets::football::{FootballIncidentKind as Kind, FootballOutcome, FootballState, Side};
use oddsengine_markets::{Outcome, Template, sport_id, template};
use oddsengine_pricing::board::{ViewPrefixes, fair_probability};
use oddsengine_pricing::football::live_views::{RemainingGoals, fill_views};
use oddsengine_pricing::same_game::{
    Combinable, GoalCredit, Player, PlayerCondition, PlayerLeg, SameGame, SameGameError, SameGameLegs,
    SameGameOutcomes, SameGamePrice, Squad, combinable, leg_probabilities, price,
};
use oddsengine_types::Grade;

static LEGS: LazyLock<SameGameLegs<'static>> =
    LazyLock::new(|| SameGameLegs::new(template(sport_id("football").unwrap())));

fn football() -> &'static Template {
    LEGS.template()
}

fn selection(text: &str) -> u16 {
    let (market, name) = text.split_once('/').unwrap();
    let market = football().market_index(market).unwrap_or_else(|| panic!("no market {market}"));
    football().selection_index(market, name).unwrap_or_else(|| panic!("no selection {text}")) as u16
}

fn selections(texts: &[&str]) -> Vec<u16> {
    texts.iter().map(|text| selection(text)).collect()
}

fn priced(outcomes: &SameGameOutcomes, legs: &[u16]) -> Result<SameGamePrice, SameGameError> {
    price(&LEGS, outcomes, &Squad::default(), SameGame { selections: legs, players: &[] })
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
    let state = FootballState::default();
    let outcomes = SameGameOutcomes::new(&before_kick_off([1.7, 1.05], -0.07, 0.45), &state);
    let player = |share| Player { side: Side::Home, share, goals: 0 };
    let squad = Squad { players: vec![player(0.32), player(0.21)], ..Squad::default() };
    let scores = |player, goals| PlayerLeg { player, condition: PlayerCondition::Scores(goals) };
    let (first, second) = (scores(0, 1), scores(1, 1));
    let cases: [(&[PlayerLeg], &[&str], f64); 7] = [
        (&[first], &[], 0.41957808485926),
        (&[second], &[], 0.30022750226539),
        (&[first, second], &[], 0.12596888042259),
        (&[scores(0, 2)], &[], 0.10382856302269),
        (&[first], &["1x2/home"], 0.30191130033507),
        (&[first], &["1x2/home", "total:2.5/over"], 0.22002942716418),
        (&[first, second], &["total:2.5/over"], 0.11355357835336),
    ];
    for (players, texts, want) in cases {
        let legs = selections(texts);
        let multiple = SameGame { selections: &legs, players };
        let got = price(&LEGS, &outcomes, &squad, multiple).unwrap();
        near(got.probability, want, 1e-9, &format!("{players:?} {texts:?}"));
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
                let multiple = SameGame { selections: &legs, players: &[] };
                let singles = leg_probabilities(&LEGS, &outcomes, &Squad::default(), multiple).unwrap();
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
            let multiple = SameGame { selections: &[leg as u16], players: &[] };
            let single = leg_probabilities(&LEGS, &outcomes, &Squad::default(), multiple).unwrap()[0];
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

/// First and last scorers with score, half and order legs: every sequence, every assignment of its goals.
#[test]
fn player_legs_agree_with_the_enumeration_of_scorers() {
    use PlayerCondition::{Scores, ScoresFirst, ScoresLast};
    let leg = |player, condition| PlayerLeg { player, condition };
    let multiples: [(&[&str], &[PlayerLeg]); 6] = [
        (&["1x2/home"], &[leg(0, ScoresFirst)]),
        (&["total:2.5/over", "first_goal/away"], &[leg(0, Scores(1)), leg(2, Scores(1))]),
        (&["1x2.h1/home", "both_score/yes"], &[leg(0, ScoresFirst), leg(2, ScoresLast)]),
        (&["total:1.5/over"], &[leg(0, ScoresFirst), leg(0, ScoresLast), leg(1, Scores(1))]),
        (&["half_time_full_time/draw/home", "race_to:2/home"], &[leg(1, Scores(2))]),
        (&["handicap:-0.25/home", "total:2.25/over"], &[leg(0, Scores(1)), leg(1, ScoresLast)]),
    ];
    for (state, remaining) in situations() {
        let outcomes = SameGameOutcomes::new(&remaining, &state);
        let known = state.order.count;
        let credit = |index: u16| {
            state.order.side(index).map(|side| match side {
                Side::Home => GoalCredit::Player(0),
                Side::Away => GoalCredit::Other,
            })
        };
        let player = |side, share, goals| Player { side, share, goals };
        let home_goals = state.score().0 as u8;
        let squad = Squad {
            players: vec![
                player(Side::Home, 0.32, home_goals),
                player(Side::Home, 0.21, 0),
                player(Side::Away, 0.4, 0),
            ],
            first: credit(0),
            latest: known.checked_sub(1).and_then(credit),
        };
        let futures = futures(&remaining, &state, 9);
        for (texts, players) in multiples {
            let legs = selections(texts);
            let multiple = SameGame { selections: &legs, players };
            let mut want = 0.0;
            for (outcome, weight) in &futures {
                if grades(&legs, outcome).iter().all(|grade| *grade == Grade::WON) {
                    want += weight * scorers_probability(&squad, outcome, known, players);
                }
            }
            match price(&LEGS, &outcomes, &squad, multiple) {
                Ok(got) => {
                    near(got.probability, want, 2e-5, &format!("{texts:?} {players:?} after {state:?}"))
                }
                Err(error) => {
                    assert_eq!((error, want), (SameGameError::Contradictory, 0.0));
                }
            }
        }
    }
}

/// Probability of player legs given the sequence of goals: all assignments of the goals to come.
fn scorers_probability(squad: &Squad, outcome: &FootballOutcome, known: u16, legs: &[PlayerLeg]) -> f64 {
    fn walk(
        squad: &Squad,
        outcome: &FootballOutcome,
        index: u16,
        credits: &mut Vec<GoalCredit>,
        goals: &mut [u8; 8],
        legs: &[PlayerLeg],
    ) -> f64 {
        if index == outcome.order.count {
            let of = |credit: Option<GoalCredit>, player| credit == Some(GoalCredit::Player(player));
            let first = squad.first.or(credits.first().copied());
            let last = credits.last().copied().or(squad.latest);
            let holds = legs.iter().all(|leg| match leg.condition {
                PlayerCondition::Scores(count) => goals[usize::from(leg.player)] >= count,
                PlayerCondition::ScoresFirst => of(first, leg.player),
                PlayerCondition::ScoresLast => of(last, leg.player),
            });
            return f64::from(u8::from(holds));
        }
        let side = outcome.order.side(index).unwrap();
        let mut others = 1.0;
        let mut sum = 0.0;
        for (player, entry) in squad.players.iter().enumerate().filter(|(_, player)| player.side == side) {
            others -= entry.share;
            credits.push(GoalCredit::Player(player as u8));
            goals[player] += 1;
            sum += entry.share * walk(squad, outcome, index + 1, credits, goals, legs);
            goals[player] -= 1;
            credits.pop();
        }
        credits.push(GoalCredit::Other);
        sum += others * walk(squad, outcome, index + 1, credits, goals, legs);
        credits.pop();
        sum
    }
    let mut goals = [0; 8];
    squad.players.iter().zip(&mut goals).for_each(|(player, goals)| *goals = player.goals);
    walk(squad, outcome, known, &mut Vec::new(), &mut goals, legs)
}

/// `combinable` says of every selection what pricing the multiple with it says.
#[test]
fn combinable_agrees_with_the_prices() {
    let mut random = Lcg(3);
    for (state, remaining) in situations() {
        let outcomes = SameGameOutcomes::new(&remaining, &state);
        for count in [0, 1, 2, 3] {
            let legs = random_legs(&mut random, count);
            let squad = Squad::default();
            let answers = combinable(&LEGS, &outcomes, &squad, SameGame { selections: &legs, players: &[] });
            let Ok(answers) = answers else {
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
