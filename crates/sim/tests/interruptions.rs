//! Which incidents interrupt those who wait with a bet, and which change the chances: lists in the fast engine, what changed
//! in the game in the naive one.

use std::collections::BTreeSet;

use oddsengine_markets::football::{
    DepthIncident, FootballFormat, FootballIncident, FootballIncidentKind as Football, Side,
};
use oddsengine_markets::tennis::{
    Scoreboard, Side as Player, TennisFormat, TennisIncident, TennisIncidentKind as Tennis,
};
use oddsengine_markets::{Format, Incident};
use oddsengine_sim::naive::Game;

/// Plays incidents that all fit, compares every judgement, and returns the kinds that were seen: without, then with an
/// interruption.
fn play(format: &Format, incidents: Vec<Incident>) -> [BTreeSet<&'static str>; 2] {
    let mut game = Game::new(format, None);
    let mut seen = [BTreeSet::new(), BTreeSet::new()];
    for incident in &incidents {
        let then = game.clone();
        let change = game.apply(incident).unwrap_or_else(|| panic!("{incident:?} does not fit {then:?}"));
        let listed = incident.interrupts() || game.score() != then.score();
        let judged = game.is_interrupted_since(&then);
        assert_eq!(judged, listed, "{incident:?} after {then:?}");
        if change.reprices {
            let (judged, listed) = (game.has_other_chances_than(&then), incident.changes_chances());
            assert_eq!(judged, listed, "{incident:?} after {then:?}");
        }
        seen[usize::from(judged)].insert(incident.name());
    }
    seen
}

/// Broke: both engines had the same list word for word, so a kind that is missing in it was missing in both, and a ticket
/// that waited through a red card was accepted in both.
#[test]
fn football_is_judged_by_what_changed() {
    let kinds = [
        Football::Safe,
        Football::KickOff,
        Football::Clock,
        Football::Danger,
        Football::Safe,
        Football::Depth(DepthIncident::Corner(Side::Home)),
        Football::Goal(Side::Home),
        Football::GoalCancelled(Side::Home),
        Football::RedCard(Side::Away),
        Football::RedCardCancelled(Side::Away),
        Football::Stoppage(120_000),
        Football::HalfTime,
        Football::RedCard(Side::Home),
        Football::SecondHalf,
        Football::Goal(Side::Away),
        Football::FullTime,
        Football::RedCardCancelled(Side::Home),
        // The same result again, another half of the goal, another result.
        Football::Correction([[0, 0], [0, 1]]),
        Football::Correction([[0, 1], [0, 0]]),
        Football::Correction([[2, 1], [0, 0]]),
    ];
    let told = |kind| Incident::Football(FootballIncident { kind, clock_ms: 0, score_after: None });
    let seen = play(&Format::Football(FootballFormat::default()), kinds.map(told).into());
    assert_eq!(seen[0], BTreeSet::from(["clock", "corner", "danger", "kick_off", "safe", "stoppage"]));
    let interrupting = [
        "correction",
        "full_time",
        "goal",
        "goal_cancelled",
        "half_time",
        "red_card",
        "red_card_cancelled",
        "second_half",
    ];
    assert_eq!(seen[1], BTreeSet::from(interrupting));
}

#[test]
fn tennis_is_judged_by_what_changed() {
    let board = |games: [u8; 2], points: [u8; 2]| {
        let mut sets = [[0; 2]; 5];
        sets[0] = games;
        Tennis::Score(Scoreboard { sets, set_count: 1, points, server: Player::Home })
    };
    let kinds = [
        vec![Tennis::Safe, Tennis::Start(Player::Home), Tennis::Danger, Tennis::Safe],
        vec![Tennis::Point(Player::Home); 3],
        vec![Tennis::PointCancelled(Player::Home), Tennis::Point(Player::Away)],
        // The same score again, one point more, one game more, several.
        vec![board([0, 0], [2, 1]), board([0, 0], [3, 1]), board([1, 0], [0, 0]), board([4, 3], [0, 2])],
        vec![Tennis::Point(Player::Away), Tennis::Game(Player::Home), Tennis::Point(Player::Away)],
        // Set and match, by points and by games.
        vec![Tennis::Game(Player::Home)],
        vec![Tennis::Game(Player::Away); 5],
        vec![Tennis::Point(Player::Away); 4],
        vec![Tennis::PointCancelled(Player::Away)],
        vec![Tennis::Retired(Player::Home), Tennis::RetirementCancelled, Tennis::Point(Player::Away)],
        vec![Tennis::Game(Player::Home); 6],
        vec![Tennis::End],
    ];
    let format = Format::Tennis(TennisFormat::default());
    let told = |kind: Tennis| Incident::Tennis(TennisIncident::from(kind));
    let seen = play(&format, kinds.concat().into_iter().map(told).collect());
    let without = ["danger", "end", "game", "point", "safe", "start"];
    assert_eq!(seen[0], BTreeSet::from(without));
    // A game and a point that end a set change the score.
    let interrupting = ["game", "point", "point_cancelled", "retired", "retirement_cancelled", "score"];
    assert_eq!(seen[1], BTreeSet::from(interrupting));
    let seen = play(&format, vec![told(Tennis::WalkOver(Player::Away)), told(Tennis::RetirementCancelled)]);
    assert_eq!(seen, [BTreeSet::from(["walk_over"]), BTreeSet::from(["retirement_cancelled"])]);
    let seen = play(&format, vec![told(board([0, 0], [0, 0]))]);
    assert_eq!(seen, [BTreeSet::new(), BTreeSet::from(["score"])]);
}
