//! The views beside the score: sums, impossible cells, closed forms, and the scorers against all assignments of goals.

mod enumeration;

use enumeration::futures;
use oddsengine_markets::football::{
    Credit, DepthIncident as Depth, DepthView, FirstLeg, FootballFormat, FootballIncident,
    FootballIncidentKind as Kind, FootballOutcome, FootballState, FootballView, Knockout, MatchPeriod,
    PLAYER_ABSENT, PlayerPart, Side,
};
use oddsengine_markets::{Format, LiveState, Template, template_of};
use oddsengine_pricing::board::ViewPrefixes;
use oddsengine_pricing::football::counts_markets::{CountModel, CountProgress};
use oddsengine_pricing::football::depth::{CORNERS, DepthExpectation, OWN_GOAL_SHARE};
use oddsengine_pricing::football::extra_time::{EXTRA_TIME_SHARE, ExtraTime, qualification};
use oddsengine_pricing::football::{DixonColes, ScoreGrid};
use oddsengine_pricing::model::{FootballParameters, MarketPrices, ModelConfig, Models, Parameters};

struct Lcg(u64);

impl Lcg {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn cup() -> FootballFormat {
    FootballFormat {
        knockout: Some(Knockout {
            first_leg: FirstLeg { home_goals: 1, away_goals: 1, away_goals_rule: true },
            extra_time: true,
        }),
        corners: true,
        cards: true,
        intervals: true,
        players: [4, 3],
    }
}

fn template(format: FootballFormat) -> &'static Template {
    template_of(&Format::Football(format)).unwrap()
}

fn parameters(lambda: [f64; 2], format: &FootballFormat) -> FootballParameters {
    let mut parameters =
        FootballParameters::of(&DixonColes::new(lambda[0], lambda[1], -0.06).unwrap(), format);
    parameters.depth.shares_home = vec![0.35, 0.2, 0.1, 0.05];
    parameters.depth.shares_away = vec![0.4, 0.25, 0.02];
    parameters.depth.shootout_home = 0.55;
    parameters
}

/// The probabilities of every view.
fn filled(parameters: &FootballParameters, state: &FootballState) -> Vec<Vec<f64>> {
    let template = template(state.format);
    let mut prefixes = ViewPrefixes::new(template);
    let models = Models::new(&ModelConfig::default()).unwrap();
    let parameters = Parameters::Football(parameters.clone());
    assert!(models.fill(template, &parameters, &LiveState::Football(*state), &mut prefixes));
    (0..template.views.len())
        .map(|view| prefixes.view(view).windows(2).map(|pair| pair[1] - pair[0]).collect())
        .collect()
}

fn expectation(parameters: &FootballParameters, state: &FootballState, text: &str) -> (f64, f64) {
    let template = template(state.format);
    let (market, name) = text.split_once('/').unwrap();
    let market = template.market_index(market).unwrap_or_else(|| panic!("no {market}"));
    let selection = template.selection_index(market, name).unwrap_or_else(|| panic!("no {text}"));
    let mut prefixes = ViewPrefixes::new(template);
    let models = Models::new(&ModelConfig::default()).unwrap();
    let parameters = Parameters::Football(parameters.clone());
    assert!(models.fill(template, &parameters, &LiveState::Football(*state), &mut prefixes));
    let count = template.selections.len();
    let (mut win, mut refund) = (vec![0.0; count], vec![0.0; count]);
    prefixes.expectations(template, &mut win, &mut refund);
    (win[selection], refund[selection])
}

fn apply(state: &mut FootballState, kind: Kind) -> bool {
    let clock_ms = state.clock_ms + 400_000;
    state.apply(&FootballIncident { kind, clock_ms, score_after: None }).is_ok()
}

fn after(format: FootballFormat, kinds: &[Kind]) -> FootballState {
    let mut state = FootballState::new(format);
    kinds.iter().for_each(|&kind| assert!(apply(&mut state, kind), "{kind:?} after {state:?}"));
    state
}

fn near(got: f64, want: f64, tolerance: f64, what: &str) {
    assert!((got - want).abs() <= tolerance, "{what}: {got} is not {want}");
}

/// In any state every view sums to 1 and nothing that cannot happen has a probability.
#[test]
fn views_sum_to_one_on_what_is_possible() {
    let mut random = Lcg(2);
    let plain =
        FootballFormat { knockout: Some(Knockout { extra_time: false, ..Knockout::default() }), ..cup() };
    for format in [cup(), plain, FootballFormat { knockout: None, ..cup() }] {
        for _ in 0..60 {
            let mut state = FootballState::new(format);
            for _ in 0..random.below(60) {
                let side = Side::BOTH[random.below(2) as usize];
                let goal = random.below(u64::from(state.order.count) + 1) as u8 + 1;
                let player = random.below(3) as u8;
                let kinds = [
                    Kind::Goal(side),
                    Kind::RedCard(side),
                    Kind::Clock,
                    Kind::KickOff,
                    Kind::HalfTime,
                    Kind::SecondHalf,
                    Kind::FullTime,
                    Kind::Depth(Depth::Corner(side)),
                    Kind::Depth(Depth::YellowCard(side)),
                    Kind::Depth(Depth::PlayerOn(side, player)),
                    Kind::Depth(Depth::PlayerOff(side, player)),
                    Kind::Depth(Depth::Scorer(goal, Credit::Player(player))),
                    Kind::Depth(Depth::Scorer(goal, Credit::OwnGoal)),
                    Kind::Depth(Depth::ExtraTime),
                    Kind::Depth(Depth::ExtraHalfTime),
                    Kind::Depth(Depth::ExtraSecondHalf),
                    Kind::Depth(Depth::ExtraFullTime),
                    Kind::Depth(Depth::Penalties),
                    Kind::Depth(Depth::Penalty(side, random.below(4) > 0)),
                ];
                apply(&mut state, kinds[random.below(kinds.len() as u64) as usize]);
            }
            let views = filled(&parameters([1.6, 1.1], &format), &state);
            for (view, cells) in format.views().into_iter().zip(&views) {
                near(cells.iter().sum(), 1.0, 1e-9, &format!("{view:?} after {state:?}"));
                for (cell, &mass) in cells.iter().enumerate() {
                    assert!(mass >= -1e-15);
                    // Differences of running sums leave rounding.
                    assert!(
                        mass < 1e-12 || state.allows(view, cell),
                        "{view:?} {cell} {mass} after {state:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn corners_and_cards_are_their_counts() {
    let format = cup();
    let given = parameters([1.6, 1.1], &format);
    let state = FootballState::new(format);
    let [home, away] = given.depth.corners;
    assert!(home > away && (home + away - 10.0).abs() < 1e-12);
    let grid =
        CountModel::new(home, away, CORNERS[0], CORNERS[1]).unwrap().grid(CountProgress::START).unwrap();
    let win = |text: &str| expectation(&given, &state, text).0;
    near(win("corners_total:9.5/over"), grid.over(38).win, 1e-9, "total");
    near(win("corners_1x2/home"), grid.home(), 1e-9, "1x2");
    near(win("corners_handicap:-1.5/home"), grid.asian_handicap_home(-6).win, 1e-9, "handicap");
    near(win("home_corners_total:5.5/over"), grid.home_goals_over(22).win, 1e-9, "home total");
    near(win("cards_odd_even/odd") + win("cards_odd_even/even"), 1.0, 1e-9, "odd and even");
    let running = after(
        format,
        &[Kind::KickOff, Kind::Depth(Depth::Corner(Side::Home)), Kind::Depth(Depth::Corner(Side::Home))],
    );
    let busier = expectation(&given, &running, "corners_total:9.5/over").0;
    assert!(busier > win("corners_total:9.5/over"), "two early corners raise the total");
    near(
        expectation(&given, &running, "home_corners_total:1.5/over").0,
        1.0,
        1e-12,
        "two are over one and a half",
    );
}

#[test]
fn intervals_are_poisson_and_go_by() {
    let format = cup();
    let given = parameters([1.6, 1.1], &format);
    let state = FootballState::new(format);
    // Independent counts but for the correction of low scores.
    let mut rate = 0.0;
    for interval in 0..9 {
        let suffix = oddsengine_markets::football::depth_template::interval_suffix(interval);
        let (none, _) = expectation(&given, &state, &format!("total{suffix}:0.5/under"));
        rate -= none.ln();
    }
    near(rate, 2.7, 0.02, "expected goals of all intervals");
    let one = expectation(&given, &state, "total.m40-50:0.5/over").0;
    assert!(expectation(&given, &state, "total.m80-90:0.5/over").0 > one);
    assert!(expectation(&given, &state, "total.m0-10:0.5/over").0 < one);
    let later = after(format, &[Kind::KickOff, Kind::Clock, Kind::Clock, Kind::Goal(Side::Away)]);
    near(
        expectation(&given, &later, "total.m0-10:0.5/under").0,
        1.0,
        1e-12,
        "ten minutes without a goal are over",
    );
    let win = |text: &str| expectation(&given, &later, text).0;
    let away_ahead = win("total.m20-30:0.5/over") - win("1x2.m20-30/home") - win("1x2.m20-30/draw");
    near(win("1x2.m20-30/away"), away_ahead, 1e-12, "a goal in it counts");
}

#[test]
fn a_tie_is_its_qualification() {
    let format = cup();
    let given = parameters([1.6, 1.1], &format);
    let state = FootballState::new(format);
    let grid = ScoreGrid::from_dixon_coles(&DixonColes::new(1.6, 1.1, -0.06).unwrap());
    let extra = ExtraTime {
        means: [1.6 * EXTRA_TIME_SHARE, 1.1 * EXTRA_TIME_SHARE],
        shootout_home: 0.55,
        is_skipped: false,
    };
    let found =
        qualification(grid.cells(), grid.size(), &format.knockout.unwrap().first_leg, &extra).unwrap();
    let win = |text: &str| expectation(&given, &state, text).0;
    near(win("to_qualify/home"), found.side(0), 1e-9, "home goes through");
    near(win("method_of_victory/away/penalties"), found.methods[1][2], 1e-9, "away on penalties");
    near(win("extra_time/yes"), found.extra_time(), 1e-9, "extra time");
    let (win_draw, refund) = expectation(&given, &state, "1x2.et/draw");
    near(1.0 - refund, found.extra_time(), 1e-9, "void without extra time");
    let level: f64 = (0..8).map(|goals| poisson(0.48, goals) * poisson(0.33, goals)).sum();
    near(win_draw / (1.0 - refund), level, 1e-6, "a draw in extra time");
    near(win("shootout_winner/home") / found.penalties(), 0.55, 1e-9, "the shoot-out");

    let regulation =
        [Kind::KickOff, Kind::Goal(Side::Home), Kind::Goal(Side::Away), Kind::HalfTime, Kind::SecondHalf];
    let mut state = after(format, &regulation);
    apply(&mut state, Kind::FullTime);
    assert_eq!(state.period, MatchPeriod::FullTime);
    assert_eq!(expectation(&given, &state, "extra_time/yes"), (1.0, 0.0));
    apply(&mut state, Kind::Depth(Depth::ExtraTime));
    apply(&mut state, Kind::Goal(Side::Home));
    let ahead = expectation(&given, &state, "to_qualify/home").0;
    assert!(ahead > 0.8 && ahead < 1.0, "{ahead}");
}

fn poisson(mean: f64, count: i32) -> f64 {
    (1..=count).fold((-mean).exp(), |p, k| p * mean / f64::from(k))
}

/// A player's cells from every sequence of goals to come and every assignment of them, own goals among them.
#[test]
fn scorers_agree_with_the_enumeration_of_assignments() {
    let format = FootballFormat { players: [4, 3], ..FootballFormat::default() };
    let on = |side, player| Kind::Depth(Depth::PlayerOn(side, player));
    let scorer = |goal, credit| Kind::Depth(Depth::Scorer(goal, credit));
    let (home, away) = (Side::Home, Side::Away);
    let states: [&[Kind]; 4] = [
        &[on(home, 0), on(home, 1), on(away, 0), Kind::KickOff],
        &[
            on(home, 0),
            on(away, 0),
            Kind::KickOff,
            Kind::Goal(home),
            scorer(1, Credit::Player(0)),
            on(home, 1),
        ],
        &[on(home, 0), on(home, 1), on(away, 0), Kind::KickOff, Kind::Goal(away), scorer(1, Credit::OwnGoal)],
        &[
            on(home, 0),
            on(home, 1),
            on(away, 0),
            Kind::KickOff,
            Kind::Goal(home),
            scorer(1, Credit::Unlisted),
            Kind::Depth(Depth::PlayerOff(home, 1)),
        ],
    ];
    let given = parameters([0.55, 0.4], &format);
    let models = Models::new(&ModelConfig::default()).unwrap();
    for kinds in states {
        let state = after(format, kinds);
        let remaining = models.remaining_goals(&given.goals, &state);
        let futures = futures(&remaining, &state, 8);
        let views = filled(&given, &state);
        for (side, player, share) in [(home, 0, 0.35), (home, 1, 0.2), (away, 0, 0.4)] {
            let share = if state.depth.is_off(side, player) { 0.0 } else { share };
            let mut want = [0.0; PLAYER_ABSENT + 1];
            for (outcome, weight) in &futures {
                assign(outcome, state.order.count, side, player, share, *weight, &mut want);
            }
            let view = FootballView::Depth(DepthView::Player { side, player });
            let index = format.views().iter().position(|&known| known == view).unwrap();
            for (cell, (&got, want)) in views[index].iter().zip(want).enumerate() {
                near(
                    got,
                    want,
                    3e-6,
                    &format!("{:?} of {side:?} {player} after {kinds:?}", PlayerPart::of_cell(cell)),
                );
            }
        }
    }
}

fn assign(
    outcome: &FootballOutcome,
    index: u16,
    side: Side,
    player: u8,
    share: f64,
    weight: f64,
    cells: &mut [f64; PLAYER_ABSENT + 1],
) {
    if index == outcome.order.count {
        let view = DepthView::Player { side, player };
        cells[view.cell(outcome)] += weight;
        return;
    }
    let scored_by = outcome.order.side(index).unwrap();
    let own_share = if scored_by == side { share } else { 0.0 };
    for (credit, probability) in [
        (Credit::OwnGoal, OWN_GOAL_SHARE),
        (Credit::Player(player), own_share),
        (Credit::Unlisted, 1.0 - OWN_GOAL_SHARE - own_share),
    ] {
        if probability == 0.0 || (credit == Credit::Player(player) && scored_by != side) {
            continue;
        }
        let mut outcome = *outcome;
        outcome.depth.set_goal(index, outcome.depth.goal(index).credited(credit));
        assign(&outcome, index + 1, side, player, share, weight * probability, cells);
    }
}

/// While a scorer is not told nothing is offered on scorers.
#[test]
fn an_untold_scorer_stops_prices_on_scorers() {
    let format = FootballFormat { players: [4, 3], ..FootballFormat::default() };
    let given = parameters([1.6, 1.1], &format);
    let on = Kind::Depth(Depth::PlayerOn(Side::Home, 0));
    let state = after(format, &[on, Kind::KickOff, Kind::Goal(Side::Home)]);
    for text in ["anytime_scorer/home_1", "last_scorer/home_1", "first_scorer/home_1"] {
        assert_eq!(expectation(&given, &state, text).0, 0.0, "{text}");
    }
}

#[test]
fn prices_beside_the_score_come_back() {
    let format = cup();
    let template = template(format);
    let models = Models::new(&ModelConfig::default()).unwrap();
    let mut wanted = parameters([1.6, 1.1], &format);
    wanted.depth.corners = [6.1, 3.7];
    wanted.depth.cards = [1.4, 2.9];
    let scale = (1.0 - OWN_GOAL_SHARE - 0.05) / 0.7;
    wanted.depth.shares_home.iter_mut().for_each(|share| *share *= scale);
    let scale = (1.0 - OWN_GOAL_SHARE - 0.05) / 0.67;
    wanted.depth.shares_away.iter_mut().for_each(|share| *share *= scale);
    let state = FootballState::new(format);
    let markets = [
        "1x2",
        "total:2.5",
        "corners_total:9.5",
        "corners_1x2",
        "cards_total:4",
        "cards_handicap:0.5",
        "anytime_scorer",
        "to_qualify",
    ];
    let odds: Vec<Vec<u32>> = markets
        .iter()
        .map(|key| {
            let market = &template.markets[template.market_index(key).unwrap()];
            market
                .selections()
                .map(|selection| {
                    let (win, refund) = expectation(&wanted, &state, &template.selection_text(selection));
                    (10_000.0 * (1.0 - refund) / win).round() as u32
                })
                .collect()
        })
        .collect();
    let prices: Vec<MarketPrices<'_>> = markets
        .iter()
        .zip(&odds)
        .map(|(key, odds_e4)| MarketPrices { market: template.market_index(key).unwrap(), odds_e4 })
        .collect();
    let Parameters::Football(found) = models.calibrate(&Format::Football(format), template, &prices).unwrap()
    else {
        panic!("football")
    };
    let DepthExpectation { corners, cards, shares_home, shares_away, shootout_home } = found.depth.clone();
    for (got, want) in
        corners.iter().chain(&cards).zip(wanted.depth.corners.iter().chain(&wanted.depth.cards))
    {
        near(*got, *want, 2e-3, "corners and cards");
    }
    let shares = wanted.depth.shares_home.iter().chain(&wanted.depth.shares_away);
    for (got, want) in shares_home.iter().chain(&shares_away).zip(shares) {
        near(*got, *want, 2e-4, "shares");
    }
    near(shootout_home, 0.55, 2e-3, "shoot-out");

    // Prices of corners alone change corners alone.
    let now = Parameters::Football(found.clone());
    let corners = [MarketPrices {
        market: template.market_index("corners_total:9.5").unwrap(),
        odds_e4: &[25_000, 16_000],
    }];
    let Parameters::Football(moved) =
        models.recalibrate(&Format::Football(format), template, Some(&now), &corners).unwrap()
    else {
        panic!("football")
    };
    assert!(moved.depth.corners[0] < found.depth.corners[0] && moved.goals == found.goals);
    assert_eq!(moved.depth.shares_home, found.depth.shares_home);
    let error = models.calibrate(&Format::Football(format), template, &corners).unwrap_err();
    assert_eq!(error.to_string(), "football is calibrated from the prices of 1x2 and of one total line");
    let wild = [MarketPrices {
        market: template.market_index("cards_1x2").unwrap(),
        odds_e4: &[10_010, 10_000_000, 10_000_000],
    }];
    let error = models.recalibrate(&Format::Football(format), template, Some(&now), &wild).unwrap_err();
    assert!(error.to_string().starts_with("cards_1x2: no model has split of a count"), "{error}");
}
