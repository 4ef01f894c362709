//! What the template's tables call decided is what listed outcomes show to be decided, for every selection.

use oddsengine_markets::football::{
    FootballIncident, FootballIncidentKind as Kind, MatchPeriod as Period, Side,
};
use oddsengine_markets::{Format, Incident, LiveState, Possible, template};
use oddsengine_sim::naive::Match;
use oddsengine_sim::outcomes::{continuations, decided};
use oddsengine_sim::random::Random;
use oddsengine_types::SportId;

/// Matches, and most goals of each: views tell ten goals of a side in a half apart, and a lead must fit in.
const MATCH_COUNT: usize = 12;
const GOALS_MAX: usize = 7;

fn incident(random: &mut Random, game: &Match) -> Kind {
    let side = *random.pick(&Side::BOTH);
    match (game.period, random.below(10)) {
        (Period::PreMatch, _) => Kind::KickOff,
        (Period::HalfTime, _) => Kind::SecondHalf,
        (Period::FirstHalf, 0 | 1) => Kind::HalfTime,
        (Period::SecondHalf, 0) => Kind::FullTime,
        (_, 2) => Kind::GoalCancelled(side),
        _ if game.goals.len() >= GOALS_MAX => Kind::Clock,
        _ => Kind::Goal(side),
    }
}

#[test]
fn decided_selections_are_those_with_one_grade_on_all_outcomes() {
    let football = SportId(0);
    let template = template(football);
    let mut random = Random::new(9);
    let (mut state_count, mut decided_count) = (0, 0);
    for _ in 0..MATCH_COUNT {
        let (mut live, mut game) = (LiveState::new(&Format::FOOTBALL, template), Match::default());
        let mut possible = Possible::default();
        while !game.is_over() {
            let kind = incident(&mut random, &game);
            let incident = FootballIncident { kind, clock_ms: 0, score_after: None };
            let (fast, naive) = (live.apply(&Incident::Football(incident)), game.apply(&incident));
            assert_eq!(fast.ok(), naive, "{kind:?} in {game:?}");
            live.fill_possible(template, &mut possible);
            let outcomes = continuations(&game);
            for selection in 0..template.selections.len() {
                let view = usize::from(template.view_of(selection));
                let fast = template.decided(selection, &possible.before[view]);
                let fast = fast.map(|grade| template.grades[usize::from(grade)]);
                let naive = decided(template, selection, &outcomes);
                assert_eq!(fast, naive, "{} in {game:?}", template.selection_text(selection));
                decided_count += usize::from(fast.is_some());
            }
            state_count += 1;
        }
    }
    assert!(state_count > 60 && decided_count > 10_000, "{state_count} states, {decided_count} decided");
}
