//! The default tennis template: which markets a fixture of a format offers.

use oddsengine_types::SportId;

use super::format::{BestOf, SetRule, TennisFormat};
use super::rule::{Direction, Rule};
use super::score::GAMES_RECORDED;
use super::space::joint_space;
use super::views::{Layout, RACE_GAMES_MAX, RACE_GAMES_MIN};
use crate::football::{Line, Side};
use crate::template::{MarketDefinition, Rules, Template};

/// Most games of the loser of a set whose score is listed by itself.
const LISTED_LOSER_GAMES_MAX: u8 = 12;

/// Compiles the default template of a format.
pub fn compile(sport: SportId, format: &TennisFormat) -> Template {
    let layout = Layout::of(format);
    Template::compile(
        sport,
        layout.definitions(),
        joint_space(layout, format),
        &definitions(format),
        |rule: &Rule| rule.view().index() as u8,
        |rule, _, cell| rule.grade_cell(format, cell),
        Rules::Tennis,
    )
}

type Definition = MarketDefinition<Rule>;

fn market(all: &mut Vec<Definition>, key: impl Into<String>, selections: Vec<(String, Rule)>) {
    all.push(Definition { key: key.into(), winners: 1, selections });
}

fn sides(rule: impl Fn(Side) -> Rule) -> Vec<(String, Rule)> {
    Side::BOTH.map(|side| (side.name().into(), rule(side))).into()
}

fn yes_no(rule: impl Fn(bool) -> Rule) -> Vec<(String, Rule)> {
    [("yes", true), ("no", false)].map(|(name, yes)| (name.into(), rule(yes))).into()
}

fn odd_even(rule: impl Fn(bool) -> Rule) -> Vec<(String, Rule)> {
    [("odd", true), ("even", false)].map(|(name, odd)| (name.into(), rule(odd))).into()
}

fn over_under(rule: impl Fn(Direction) -> Rule) -> Vec<(String, Rule)> {
    Direction::BOTH.map(|direction| (direction.name().into(), rule(direction))).into()
}

/// The half lines above `from` and below `to`.
fn half_lines(from: i16, to: i16) -> impl Iterator<Item = Line> {
    (from..to).map(|count| Line(4 * count + 2))
}

fn definitions(format: &TennisFormat) -> Vec<Definition> {
    let layout = Layout::of(format);
    let mut all = Vec::new();
    set_count_markets(&mut all, format);
    game_count_markets(&mut all, format, layout);
    for set in 0..format.best_of.sets() as u8 {
        set_markets(&mut all, format, set);
    }
    for set in (0..format.best_of.sets() as u8).filter(|&set| layout.has_games(set)) {
        game_markets(&mut all, set);
    }
    all
}

fn set_count_markets(all: &mut Vec<Definition>, format: &TennisFormat) {
    let to_win = format.best_of.sets_to_win() as u8;
    market(all, "match_winner", sides(|side| Rule::MatchWinner { side }));
    let mut scores = Vec::new();
    for lost in 0..to_win {
        scores.push((format!("{to_win}-{lost}"), Rule::SetBetting { home: to_win, away: lost }));
    }
    for lost in (0..to_win).rev() {
        scores.push((format!("{lost}-{to_win}"), Rule::SetBetting { home: lost, away: to_win }));
    }
    market(all, "set_betting", scores);
    for line in half_lines(to_win.into(), 2 * i16::from(to_win) - 1) {
        let rule = |direction| Rule::TotalSets { direction, line };
        market(all, format!("total_sets:{}", line.text()), over_under(rule));
    }
    for line in half_lines(-i16::from(to_win), to_win.into()).filter(|line| line.0.abs() > 4) {
        let rule = |side| Rule::SetsHandicap { side, line };
        market(all, format!("sets_handicap:{}", line.text()), sides(rule));
    }
    for side in Side::BOTH {
        let key = format!("{}_wins_a_set", side.name());
        market(all, key, yes_no(|yes| Rule::WinsASet { side, yes }));
    }
    let pairs = Side::BOTH.into_iter().flat_map(|first| Side::BOTH.map(|winner| (first, winner)));
    let named = pairs.map(|(first, winner)| {
        (format!("{}/{}", first.name(), winner.name()), Rule::FirstSetAndMatch { first, winner })
    });
    market(all, "first_set_match", named.collect());
}

fn game_count_markets(all: &mut Vec<Definition>, format: &TennisFormat, layout: &Layout) {
    let is_long = format.best_of == BestOf::Five;
    let (low, high) = (layout.total_min as i16, layout.total_max as i16);
    // Above twelve games of a deciding advantage set nobody makes a line.
    let high = high.min(if is_long { 77 } else { 51 });
    for line in half_lines(low, high) {
        let rule = |direction| Rule::TotalGames { direction, line };
        market(all, format!("total_games:{}", line.text()), over_under(rule));
    }
    let widest = if is_long { 13 } else { 9 };
    for line in half_lines(-widest, widest) {
        let rule = |side| Rule::GamesHandicap { side, line };
        market(all, format!("games_handicap:{}", line.text()), sides(rule));
    }
    for side in Side::BOTH {
        let (low, high) = if is_long { (8, 30) } else { (4, 19) };
        for line in half_lines(low, high.min(layout.player_max as i16)) {
            let rule = |direction| Rule::PlayerGames { side, direction, line };
            market(all, format!("{}_games:{}", side.name(), line.text()), over_under(rule));
        }
    }
    market(all, "games_odd_even", odd_even(|odd| Rule::GamesOdd { odd }));
    let any = |yes| Rule::TieBreaks {
        direction: if yes { Direction::Over } else { Direction::Under },
        line: Line(2),
    };
    market(all, "tie_break", yes_no(any));
    for line in half_lines(1, if is_long { 4 } else { 2 }) {
        let rule = |direction| Rule::TieBreaks { direction, line };
        market(all, format!("tie_breaks:{}", line.text()), over_under(rule));
    }
    let (from, to, step) = if is_long { (30, 46, 2) } else { (18, 27, 1) };
    for line in half_lines(from, to).step_by(step) {
        let selections = Side::BOTH.into_iter().flat_map(|side| {
            Direction::BOTH.map(|direction| {
                let name = format!("{}/{}", side.name(), direction.name());
                (name, Rule::WinnerAndTotal { side, direction, line })
            })
        });
        market(all, format!("match_winner_total:{}", line.text()), selections.collect());
    }
}

/// Markets of one set, named `set1_...`.
fn set_markets(all: &mut Vec<Definition>, format: &TennisFormat, set: u8) {
    let rule_of_set = format.set_rule(set.into());
    let name = format!("set{}", set + 1);
    market(all, format!("{name}_winner"), sides(|side| Rule::SetWinner { set, side }));
    if matches!(rule_of_set, SetRule::MatchTieBreak { .. }) {
        return;
    }
    let listed = (rule_of_set.end_count() as u8 - 1).min(LISTED_LOSER_GAMES_MAX);
    let mut scores = Vec::new();
    for side in Side::BOTH {
        for loser in 0..=listed {
            let mut games = [loser; 2];
            games[side.index()] = rule_of_set.winner_games(loser);
            let [home, away] = games;
            scores.push((format!("{home}-{away}"), Rule::SetScore { set, home, away }));
        }
        if rule_of_set == SetRule::Advantage {
            scores.push((format!("other_{}", side.name()), Rule::SetScoreOther { set, side, listed }));
        }
    }
    market(all, format!("{name}_score"), scores);
    let longest = match rule_of_set {
        SetRule::TieBreak { at, .. } => 2 * i16::from(at) + 1,
        _ => 25,
    };
    for line in half_lines(6, longest) {
        let rule = |direction| Rule::SetTotal { set, direction, line };
        market(all, format!("{name}_total:{}", line.text()), over_under(rule));
    }
    for line in half_lines(-6, 6).filter(|line| line.0.abs() > 4) {
        let rule = |side| Rule::SetHandicap { set, side, line };
        market(all, format!("{name}_handicap:{}", line.text()), sides(rule));
    }
    for side in Side::BOTH {
        for line in half_lines(2, 6) {
            let rule = |direction| Rule::SetPlayerGames { set, side, direction, line };
            market(all, format!("{name}_{}_games:{}", side.name(), line.text()), over_under(rule));
        }
    }
    market(all, format!("{name}_odd_even"), odd_even(|odd| Rule::SetOdd { set, odd }));
    if rule_of_set != SetRule::Advantage {
        market(all, format!("{name}_tie_break"), yes_no(|yes| Rule::SetTieBreak { set, yes }));
        let winner = |side| Rule::SetTieBreakWinner { set, side };
        market(all, format!("{name}_tie_break_winner"), sides(winner));
    }
    for games in RACE_GAMES_MIN..=RACE_GAMES_MAX {
        let rule = |side| Rule::SetRace { set, games, side };
        market(all, format!("{name}_race_to_{games}"), sides(rule));
    }
}

/// Markets of the first twelve games of a set, named `set1_game5_...`.
fn game_markets(all: &mut Vec<Definition>, set: u8) {
    for game in 0..GAMES_RECORDED as u8 {
        let name = format!("set{}_game{}", set + 1, game + 1);
        market(all, format!("{name}_winner"), sides(|side| Rule::GameWinner { set, game, side }));
        let mut scores = Vec::new();
        for side in Side::BOTH {
            for (points, word) in [(0, "0"), (1, "15"), (2, "30"), (3, "40")] {
                let rule = Rule::GameScore { set, game, side, points };
                scores.push((format!("{}_{word}", side.name()), rule));
            }
        }
        market(all, format!("{name}_score"), scores);
        market(all, format!("{name}_deuce"), yes_no(|yes| Rule::GameDeuce { set, game, yes }));
    }
}
