//! Formats with more than the score: random matches from incidents against rules, views and what is still possible.

use oddsengine_markets::football::{
    CountKind, Credit, DepthIncident as Depth, FirstLeg, FootballFormat, FootballIncident,
    FootballIncidentKind as Kind, FootballState, Knockout, MatchPeriod, Side, main_cell,
};
use oddsengine_markets::{
    Format, IncidentError, LivePhase, LiveState, Outcome, Possible, Template, template_of,
};
use oddsengine_types::{Decode, Encode, Grade, Reader};

struct Lcg(u64);

impl Lcg {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn side(&mut self) -> Side {
        Side::BOTH[self.below(2) as usize]
    }
}

fn formats() -> Vec<FootballFormat> {
    let knockout = |home_goals, away_goals, away_goals_rule, extra_time| {
        Some(Knockout { first_leg: FirstLeg { home_goals, away_goals, away_goals_rule }, extra_time })
    };
    let base = FootballFormat { corners: true, cards: true, intervals: true, ..Default::default() };
    vec![
        FootballFormat { players: [4, 3], ..base },
        FootballFormat { knockout: knockout(0, 0, false, true), players: [3, 2], ..base },
        FootballFormat { knockout: knockout(1, 2, true, true), ..base },
        FootballFormat { knockout: knockout(0, 1, false, false), players: [1, 0], ..base },
    ]
}

fn template(format: FootballFormat) -> &'static Template {
    template_of(&Format::Football(format)).unwrap()
}

fn apply(state: &mut FootballState, kind: Kind, clock_ms: i64) -> Result<(), IncidentError> {
    state.apply(&FootballIncident { kind, clock_ms, score_after: None }).map(|_| ())
}

/// Something that may happen next; incidents out of place are refused and change nothing.
fn step(random: &mut Lcg, state: &mut FootballState) {
    let clock_ms = state.clock_ms + random.below(600_000) as i64;
    let side = random.side();
    let listed = state.format.players[side.index()].max(1);
    let player = random.below(listed.into()) as u8;
    let is_running = state.period.is_half() || state.period.is_extra_half();
    let kind = match random.below(24) {
        0..=3 if is_running => Kind::Goal(side),
        4 => Kind::GoalCancelled(side),
        5 => Kind::RedCard(side),
        6..=7 => Kind::Depth(Depth::YellowCard(side)),
        8..=11 => Kind::Depth(Depth::Corner(side)),
        12 => Kind::Depth(Depth::CornerCancelled(side)),
        13 => Kind::Depth(Depth::PlayerOff(side, player)),
        14..=15 => Kind::Depth(Depth::PlayerOn(side, player)),
        16..=18 if is_running => Kind::Clock,
        _ => progress(random, state),
    };
    let _ = apply(state, kind, clock_ms);
    // Most scorers are told at once, some later.
    if random.below(4) > 0 {
        tell_scorers(random, state);
    }
}

fn tell_scorers(random: &mut Lcg, state: &mut FootballState) {
    for index in 0..state.order.count {
        if state.depth.goal(index).credit() != Credit::Unknown {
            continue;
        }
        let side = state.order.side(index).unwrap();
        let listed = state.format.players[side.index()];
        let player = random.below(u64::from(listed.max(1))) as u8;
        let credit = match random.below(5) {
            0 => Credit::OwnGoal,
            1..=3 if listed > 0 && !state.depth.is_off(side, player) => Credit::Player(player),
            _ => Credit::Unlisted,
        };
        let incident = Kind::Depth(Depth::Scorer(index as u8 + 1, credit));
        let clock_ms = state.clock_ms;
        apply(state, incident, clock_ms).unwrap();
    }
}

fn progress(random: &mut Lcg, state: &FootballState) -> Kind {
    use MatchPeriod as Period;
    match state.period {
        Period::PreMatch => Kind::KickOff,
        Period::FirstHalf => Kind::HalfTime,
        Period::HalfTime => Kind::SecondHalf,
        Period::SecondHalf => Kind::FullTime,
        Period::FullTime if random.below(2) == 0 => Kind::Depth(Depth::Penalties),
        Period::FullTime => Kind::Depth(Depth::ExtraTime),
        Period::ExtraFirstHalf => Kind::Depth(Depth::ExtraHalfTime),
        Period::ExtraHalfTime => Kind::Depth(Depth::ExtraSecondHalf),
        Period::ExtraSecondHalf => Kind::Depth(Depth::ExtraFullTime),
        Period::ExtraFullTime => Kind::Depth(Depth::Penalties),
        Period::Penalties => {
            let taken = state.depth.penalties_taken;
            let side = if taken[0] <= taken[1] { Side::Home } else { Side::Away };
            Kind::Depth(Depth::Penalty(side, random.below(4) > 0))
        }
    }
}

fn play_on(random: &mut Lcg, mut state: FootballState) -> FootballState {
    for _ in 0..1_000 {
        if state.phase() == LivePhase::Finished {
            return state;
        }
        step(random, &mut state);
        if state.period >= MatchPeriod::FullTime {
            tell_scorers(random, &mut state);
        }
    }
    panic!("the match does not end: {state:?}");
}

fn grade_of_cell(template: &Template, selection: usize, cell: usize) -> Grade {
    template.grades[usize::from(template.grades_on_cells(selection)[cell])]
}

/// What is decided stays so and is what the rule says in the end; the cells of what happens in the end were possible,
/// by view and in the joint space.
#[test]
fn what_is_decided_and_possible_agrees_with_the_end_of_the_match() {
    let mut random = Lcg(7);
    let mut possible = Possible::default();
    let mut decided_count = 0;
    for format in formats() {
        let template = template(format);
        let views = format.views();
        for _ in 0..60 {
            let mut state = FootballState::new(format);
            for _ in 0..random.below(50) {
                step(&mut random, &mut state);
            }
            LiveState::Football(state).fill_possible(template, &mut possible);
            let decided: Vec<Option<Grade>> = (0..template.selections.len())
                .map(|selection| {
                    let view = usize::from(template.view_of(selection));
                    template
                        .decided(selection, &possible.before[view])
                        .map(|g| template.grades[usize::from(g)])
                })
                .collect();
            for _ in 0..6 {
                let end = play_on_without_corrections(&mut random, state);
                let outcome = end.outcome();
                let main = main_cell(outcome.goals);
                for (index, &view) in views.iter().enumerate() {
                    let cell = view.cell(&outcome);
                    assert!(possible.has(index as u8, cell), "{view:?} {cell} after {state:?}: {outcome:?}");
                    if outcome.goals.iter().flatten().all(|&goals| goals <= 6) {
                        assert!(
                            template.joint.map(index as u8).allows(main, cell),
                            "{view:?} {cell} {outcome:?}"
                        );
                    }
                }
                let outcome = Outcome::Football(outcome);
                for (selection, decided) in decided.iter().enumerate() {
                    let grade = template.grade(selection, &outcome);
                    let text = template.selection_text(selection);
                    if let Some(decided) = decided {
                        assert_eq!(*decided, grade, "{text} after {state:?}");
                        decided_count += 1;
                    }
                    let Outcome::Football(outcome) = &outcome else { unreachable!() };
                    let cell = views[usize::from(template.view_of(selection))].cell(outcome);
                    assert_eq!(grade_of_cell(template, selection, cell), grade, "{text} at {outcome:?}");
                }
            }
        }
    }
    assert!(decided_count > 100_000, "{decided_count}");
}

/// Goes on without taking anything back: what is decided may change only by a correction.
fn play_on_without_corrections(random: &mut Lcg, mut state: FootballState) -> FootballState {
    for _ in 0..2_000 {
        if state.phase() == LivePhase::Finished {
            return state;
        }
        let before = state;
        step(random, &mut state);
        if state.period >= MatchPeriod::FullTime {
            tell_scorers(random, &mut state);
        }
        let shrinks =
            |a: [[u8; 2]; 2], b: [[u8; 2]; 2]| a.iter().flatten().zip(b.iter().flatten()).any(|(a, b)| b < a);
        let takes_back = state.order.count < before.order.count
            || shrinks(before.depth.corners, state.depth.corners)
            || shrinks(before.depth.cards, state.depth.cards)
            || shrinks([before.depth.extra_goals; 2], [state.depth.extra_goals; 2])
            || is_late(&before, &state)
            || comes_back(&before, &state);
        if takes_back {
            state = before;
        }
    }
    panic!("the match does not end: {state:?}");
}

/// A corner or card told in the break counts for the half that has ended.
fn is_late(before: &FootballState, now: &FootballState) -> bool {
    matches!(before.period, MatchPeriod::HalfTime | MatchPeriod::FullTime)
        && (before.depth.corners != now.depth.corners || before.depth.cards != now.depth.cards)
}

/// A player who had left, scored before he came on, or is told to have come on after the end: told wrongly before.
fn comes_back(before: &FootballState, now: &FootballState) -> bool {
    Side::BOTH.into_iter().any(|side| {
        (0..now.format.players[side.index()]).any(|player| {
            before.depth.is_off(side, player) && !now.depth.is_off(side, player)
                || before.depth.came_on_at(side, player) != now.depth.came_on_at(side, player)
                    && (before.period >= MatchPeriod::FullTime
                        || now.depth.came_on_at(side, player).is_some_and(|at| at < before.order.count))
        })
    })
}

/// The markets of the score are the same in every format, and come first.
#[test]
fn richer_formats_add_after_the_default() {
    let default = template(FootballFormat::default());
    assert_eq!((default.markets.len(), default.selections.len()), (313, 1_012));
    for format in formats() {
        let rich = template(format);
        assert_eq!(rich.markets[..313], default.markets[..]);
        assert!(rich.selections.len() > 1_200);
        for selection in 0..1_012 {
            assert_eq!(rich.selection_text(selection), default.selection_text(selection));
        }
        assert!(rich.grades.len() <= 8);
    }
    let all = FootballFormat {
        knockout: Some(Knockout::default()),
        corners: true,
        cards: true,
        intervals: true,
        players: [30, 30],
    };
    let all = template(all);
    assert!(all.views.len() < 255 && all.market_index("to_qualify").is_some());
    assert!(all.market_index("corners_total:9.5").is_some() && all.market_index("1x2.m40-50").is_some());
}

#[test]
fn state_and_format_survive_the_codec() {
    let mut random = Lcg(3);
    for format in formats() {
        let state = play_on(&mut random, FootballState::new(format));
        let mut bytes = Vec::new();
        state.encode(&mut bytes);
        assert_eq!(FootballState::decode(&mut Reader::new(&bytes)).unwrap(), state);
    }
}

fn after(format: FootballFormat, kinds: &[Kind]) -> FootballState {
    let mut state = FootballState::new(format);
    kinds.iter().for_each(|&kind| {
        let clock_ms = state.clock_ms + 60_000;
        apply(&mut state, kind, clock_ms).unwrap();
    });
    state
}

fn grade(state: &FootballState, text: &str) -> Grade {
    let template = template(state.format);
    let (market, name) = text.split_once('/').unwrap();
    let market = template.market_index(market).unwrap_or_else(|| panic!("no {market}"));
    let selection = template.selection_index(market, name).unwrap_or_else(|| panic!("no {text}"));
    template.grade(selection, &Outcome::Football(state.outcome()))
}

#[test]
fn a_cup_tie_by_its_rules() {
    use Depth::{ExtraFullTime, ExtraHalfTime, ExtraSecondHalf, ExtraTime, Penalties, Penalty};
    let first_leg = FirstLeg { home_goals: 0, away_goals: 1, away_goals_rule: false };
    let format =
        FootballFormat { knockout: Some(Knockout { first_leg, extra_time: true }), ..Default::default() };
    let (home, away) = (Side::Home, Side::Away);
    let regulation = [Kind::KickOff, Kind::Goal(home), Kind::HalfTime, Kind::SecondHalf, Kind::FullTime];
    let mut state = after(format, &regulation);
    assert_eq!(state.phase(), LivePhase::InPlay, "1-1 on aggregate");
    assert_eq!(grade(&state, "1x2/home"), Grade::WON);
    for kind in [ExtraTime, ExtraHalfTime, ExtraSecondHalf] {
        apply(&mut state, Kind::Depth(kind), 0).unwrap();
    }
    apply(&mut state, Kind::Goal(away), 6_400_000).unwrap();
    apply(&mut state, Kind::Goal(home), 6_500_000).unwrap();
    assert_eq!((state.score(), state.order.count), ((2, 1), 1), "goals of extra time are not regulation's");
    apply(&mut state, Kind::Depth(ExtraFullTime), 0).unwrap();
    assert!(apply(&mut state, Kind::Depth(ExtraTime), 0).is_err());
    apply(&mut state, Kind::Depth(Penalties), 0).unwrap();
    for kick in 0..4 {
        apply(&mut state, Kind::Depth(Penalty(home, true)), 0).unwrap();
        assert!(apply(&mut state, Kind::Depth(Penalty(home, true)), 0).is_err(), "sides kick in turn");
        apply(&mut state, Kind::Depth(Penalty(away, kick > 0)), 0).unwrap();
        assert_eq!(state.phase(), LivePhase::InPlay);
    }
    apply(&mut state, Kind::Depth(Penalty(home, true)), 0).unwrap();
    assert_eq!(state.phase(), LivePhase::Finished, "5-3 with one kick left");
    assert!(apply(&mut state, Kind::Depth(Penalty(away, true)), 0).is_err(), "the shoot-out is over");
    assert_eq!(grade(&state, "to_qualify/home"), Grade::WON);
    assert_eq!(grade(&state, "method_of_victory/home/penalties"), Grade::WON);
    assert_eq!(grade(&state, "shootout_winner/away"), Grade::LOST);
    assert_eq!(grade(&state, "1x2.et/draw"), Grade::WON);
    assert_eq!(grade(&state, "total.et:2/over"), Grade::VOID);
    // A kick taken back opens the shoot-out again.
    apply(&mut state, Kind::Depth(Depth::PenaltyCancelled(home, true)), 0).unwrap();
    assert_eq!(state.phase(), LivePhase::InPlay);

    let through = after(format, &[&regulation[..4], &[Kind::Goal(home), Kind::FullTime]].concat());
    assert_eq!(through.phase(), LivePhase::Finished);
    assert_eq!(grade(&through, "method_of_victory/home/regulation"), Grade::WON);
    for void in ["1x2.et/home", "shootout_winner/home"] {
        assert_eq!(grade(&through, void), Grade::VOID);
    }
    assert_eq!(grade(&through, "extra_time/no"), Grade::WON);
}

#[test]
fn scorers_by_their_rules() {
    let format = FootballFormat { players: [3, 3], ..Default::default() };
    let (home, away) = (Side::Home, Side::Away);
    let on = |side, player| Kind::Depth(Depth::PlayerOn(side, player));
    let scorer = |goal, credit| Kind::Depth(Depth::Scorer(goal, credit));
    let mut state = after(
        format,
        &[
            on(home, 0),
            on(away, 0),
            Kind::KickOff,
            Kind::Goal(home),
            Kind::Goal(away),
            on(home, 1),
            Kind::Goal(home),
            Kind::HalfTime,
            Kind::SecondHalf,
            Kind::FullTime,
        ],
    );
    assert_eq!(state.phase(), LivePhase::InPlay, "scorers are not told");
    let clock_ms = state.clock_ms;
    for (goal, credit) in [(1, Credit::OwnGoal), (2, Credit::Player(0)), (3, Credit::Player(1))] {
        apply(&mut state, scorer(goal, credit), clock_ms).unwrap();
    }
    assert_eq!(state.phase(), LivePhase::Finished);
    assert!(apply(&mut state, scorer(4, Credit::OwnGoal), clock_ms).is_err());
    assert!(apply(&mut state, scorer(3, Credit::Player(3)), clock_ms).is_err());
    // The own goal is nobody's: the away side's goal is the first that counts, before home's second player came on.
    assert_eq!(grade(&state, "first_scorer/away_1"), Grade::WON);
    assert_eq!(grade(&state, "first_scorer/home_1"), Grade::LOST);
    assert_eq!(grade(&state, "first_scorer/home_2"), Grade::VOID);
    assert_eq!(grade(&state, "anytime_scorer/home_2"), Grade::WON);
    assert_eq!(grade(&state, "last_scorer/home_2"), Grade::WON);
    assert_eq!(grade(&state, "anytime_scorer/home_3"), Grade::VOID, "he did not play");
    assert_eq!(grade(&state, "first_scorer/none"), Grade::LOST);
}

#[test]
fn corners_cards_and_intervals_by_their_rules() {
    let format = FootballFormat { corners: true, cards: true, intervals: true, ..Default::default() };
    let (home, away) = (Side::Home, Side::Away);
    let depth = Kind::Depth;
    let mut state = after(
        format,
        &[
            Kind::KickOff,
            depth(Depth::Corner(home)),
            depth(Depth::Corner(home)),
            depth(Depth::YellowCard(away)),
            Kind::RedCard(away),
            Kind::HalfTime,
            depth(Depth::Corner(away)),
            Kind::SecondHalf,
            depth(Depth::Corner(away)),
        ],
    );
    assert_eq!(state.depth.corners, [[2, 1], [0, 1]], "a corner told in the break was the first half's");
    assert_eq!(grade(&state, "corners_1x2.h1/home"), Grade::WON);
    assert_eq!(grade(&state, "corners_1x2/draw"), Grade::WON);
    assert_eq!(grade(&state, "cards_total:1.75/over"), Grade::HALF_WON);
    apply(&mut state, Kind::Goal(home), 5_300_000).unwrap();
    apply(&mut state, Kind::FullTime, 5_700_000).unwrap();
    assert_eq!(grade(&state, "total.m80-90:0.5/over"), Grade::WON);
    assert_eq!(grade(&state, "1x2.m40-50/draw"), Grade::WON);
    apply(&mut state, depth(Depth::Counts(CountKind::Corners, [[2, 1], [0, 0]])), 0).unwrap();
    assert_eq!(grade(&state, "corners_handicap:-1/home"), Grade::VOID);
    assert_eq!(grade(&state, "corners_total:4.5/under"), Grade::WON);
    assert!(apply(&mut state, depth(Depth::Counts(CountKind::Cards, [[61, 0], [0, 0]])), 0).is_err());

    // A format without corners takes the feed's corners and does nothing with them.
    let mut plain = after(FootballFormat::default(), &[Kind::KickOff]);
    let before = plain;
    apply(&mut plain, depth(Depth::Corner(home)), 120_000).unwrap();
    apply(&mut plain, depth(Depth::PlayerOn(home, 25)), 120_000).unwrap();
    assert_eq!(plain, before);
    assert!(apply(&mut plain, depth(Depth::ExtraTime), 0).is_err());
}

#[test]
fn impossible_formats_are_refused() {
    let error =
        Format::Football(FootballFormat { players: [31, 0], ..Default::default() }).check().unwrap_err();
    assert_eq!(error.to_string(), "listed players of a side 31 is outside 0..=30");
    let first_leg = FirstLeg { home_goals: 31, ..FirstLeg::default() };
    let knockout = Some(Knockout { first_leg, extra_time: true });
    assert!(FootballFormat { knockout, ..Default::default() }.check().is_err());
}
