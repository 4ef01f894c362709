//! The football template: which markets a fixture offers. Those of the score come first, in every format.

use std::collections::BTreeMap;

use oddsengine_types::SportId;

use super::rule::{Condition, Half, Line, Period, Result3, Rule, Scope};
use super::views::{FootballView, joint_space};
use super::{FootballFormat, Side, depth_template};
use crate::template::{MarketDefinition, MarketId, Rules, Template};

/// Compiles the template of a format.
pub fn compile(sport: SportId, format: &FootballFormat) -> Template {
    let mut definitions = definitions();
    definitions.extend(depth_template::definitions(format));
    let views = format.views();
    let index: BTreeMap<FootballView, u8> =
        views.iter().enumerate().map(|(index, &view)| (view, index as u8)).collect();
    Template::compile(
        sport,
        views.iter().map(|view| view.definition()).collect(),
        joint_space(&views),
        &definitions,
        |rule| index[&rule.view()],
        |rule: &Rule, view, cell| rule.grade(&views[usize::from(view)].representative(cell)),
        Rules::Football,
    )
}

/// The markets that the model is calibrated from: `1x2` and a total line, in quarter goals.
pub fn calibration_markets(total_line_quarters: i16) -> [MarketId; 2] {
    [MarketId::of("1x2"), MarketId::of(&format!("total:{}", Line(total_line_quarters).text()))]
}

pub(super) type Definition = MarketDefinition<Rule>;

pub(super) fn market(key: String, winners: u8, selections: Vec<(String, Rule)>) -> Definition {
    Definition { key, winners, selections }
}

pub(super) fn named<T: Copy>(
    items: impl IntoIterator<Item = T>,
    name: impl Fn(T) -> String,
    rule: impl Fn(T) -> Rule,
) -> Vec<(String, Rule)> {
    items.into_iter().map(|item| (name(item), rule(item))).collect()
}

pub(super) fn results(rule: impl Fn(Result3) -> Rule) -> Vec<(String, Rule)> {
    named(Result3::ALL, |result| result.name().into(), rule)
}

pub(super) fn sides(rule: impl Fn(Side) -> Rule) -> Vec<(String, Rule)> {
    named(Side::BOTH, |side| side.name().into(), rule)
}

pub(super) fn yes_no(rule: impl Fn(bool) -> Rule) -> Vec<(String, Rule)> {
    named([true, false], |yes| if yes { "yes" } else { "no" }.into(), rule)
}

pub(super) fn quarters(from: i16, to: i16, step: usize) -> impl Iterator<Item = Line> {
    (from..=to).step_by(step).map(Line)
}

fn definitions() -> Vec<Definition> {
    let mut all = Vec::new();
    for period in Period::ALL {
        result_markets(&mut all, period);
        line_markets(&mut all, period);
        score_markets(&mut all, period);
    }
    half_markets(&mut all);
    order_markets(&mut all);
    combined_markets(&mut all);
    all
}

fn result_markets(all: &mut Vec<Definition>, period: Period) {
    let suffix = period.suffix();
    all.push(market(format!("1x2{suffix}"), 1, results(|result| Rule::Result { period, result })));
    let excluded = [("1x", Result3::Away), ("12", Result3::Draw), ("x2", Result3::Home)];
    all.push(market(
        format!("double_chance{suffix}"),
        2,
        named(excluded, |(name, _)| name.into(), |(_, excluded)| Rule::DoubleChance { period, excluded }),
    ));
    all.push(market(format!("draw_no_bet{suffix}"), 1, sides(|side| Rule::DrawNoBet { period, side })));
    let goals_max = if period == Period::Match { 4 } else { 1 };
    for goals in (-goals_max..=goals_max).filter(|&goals| goals != 0) {
        let rule = |result| Rule::EuropeanHandicap { period, goals, result };
        all.push(market(format!("european_handicap{suffix}:{goals}"), 1, results(rule)));
    }
}

fn line_markets(all: &mut Vec<Definition>, period: Period) {
    let suffix = period.suffix();
    let is_match = period == Period::Match;
    let total_max = if is_match { 30 } else { 14 };
    for line in quarters(2, total_max, 1) {
        all.push(total_market(format!("total{suffix}"), period, Scope::Both, line));
    }
    let handicap_max = if is_match { 16 } else { 8 };
    for line in quarters(-handicap_max, handicap_max, 1) {
        let rule = |side| Rule::AsianHandicap { period, side, line };
        all.push(market(format!("handicap{suffix}:{}", line.text()), 1, sides(rule)));
    }
    for side in Side::BOTH {
        let (max, step) = if is_match { (18, 1) } else { (10, 2) };
        for line in quarters(2, max, step) {
            all.push(total_market(format!("{}_total{suffix}", side.name()), period, Scope::Of(side), line));
        }
    }
}

fn total_market(stem: String, period: Period, scope: Scope, line: Line) -> Definition {
    let selections = vec![
        ("over".into(), Rule::Over { period, scope, line }),
        ("under".into(), Rule::Under { period, scope, line }),
    ];
    market(format!("{stem}:{}", line.text()), 1, selections)
}

fn score_markets(all: &mut Vec<Definition>, period: Period) {
    let suffix = period.suffix();
    let is_match = period == Period::Match;
    all.push(market(format!("both_score{suffix}"), 1, yes_no(|yes| Rule::BothScore { period, yes })));
    let listed = if is_match { 6 } else { 4 };
    let scores = (0..=listed).flat_map(|home| (0..=listed).map(move |away| (home, away)));
    let mut correct_score = named(
        scores,
        |(home, away)| format!("{home}-{away}"),
        |(home, away)| Rule::CorrectScore { period, home, away },
    );
    let other = |result: Result3| format!("other_{}", result.name());
    correct_score.extend(named(Result3::ALL, other, |result| Rule::OtherScore { period, listed, result }));
    all.push(market(format!("correct_score{suffix}"), 1, correct_score));
    let scopes = [("", Scope::Both), ("home_", Scope::Of(Side::Home)), ("away_", Scope::Of(Side::Away))];
    for (prefix, scope) in scopes {
        let most: u8 = match (is_match, scope) {
            (true, Scope::Both) => 7,
            (true, Scope::Of(_)) => 4,
            (false, Scope::Both) => 4,
            (false, Scope::Of(_)) => 3,
        };
        let name = |goals: u8| if goals == most { format!("{goals}+") } else { goals.to_string() };
        let rule = |goals| Rule::ExactGoals { period, scope, goals, or_more: goals == most };
        all.push(market(format!("{prefix}exact_goals{suffix}"), 1, named(0..=most, name, rule)));
        let odd_even = [true, false];
        let name = |odd: bool| if odd { "odd" } else { "even" }.to_string();
        all.push(market(
            format!("{prefix}odd_even{suffix}"),
            1,
            named(odd_even, name, |odd| Rule::OddEven { period, scope, odd }),
        ));
    }
    for side in Side::BOTH {
        let key = format!("{}_clean_sheet{suffix}", side.name());
        all.push(market(key, 1, yes_no(|yes| Rule::CleanSheet { period, side, yes })));
    }
}

fn half_markets(all: &mut Vec<Definition>) {
    let pairs =
        Result3::ALL.into_iter().flat_map(|half| Result3::ALL.into_iter().map(move |full| (half, full)));
    let name = |(half, full): (Result3, Result3)| format!("{}/{}", half.name(), full.name());
    let rule = |(half_time, full_time)| Rule::HalfTimeFullTime { half_time, full_time };
    all.push(market("half_time_full_time".into(), 1, named(pairs, name, rule)));
    let scopes = [("", Scope::Both), ("home_", Scope::Of(Side::Home)), ("away_", Scope::Of(Side::Away))];
    for (prefix, scope) in scopes {
        let halves = [("first", Half::First), ("second", Half::Second), ("equal", Half::Equal)];
        let rule = |(_, half)| Rule::HighestScoringHalf { scope, half };
        all.push(market(
            format!("{prefix}highest_scoring_half"),
            1,
            named(halves, |(name, _)| name.into(), rule),
        ));
    }
    for side in Side::BOTH {
        let name = side.name();
        all.push(market(
            format!("{name}_win_either_half"),
            1,
            yes_no(|yes| Rule::WinEitherHalf { side, yes }),
        ));
        all.push(market(
            format!("{name}_win_both_halves"),
            1,
            yes_no(|yes| Rule::WinBothHalves { side, yes }),
        ));
    }
}

fn order_markets(all: &mut Vec<Definition>) {
    let who = [Some(Side::Home), None, Some(Side::Away)];
    let name = |side: Option<Side>| side.map_or("none", Side::name).to_string();
    all.push(market("first_goal".into(), 1, named(who, name, |side| Rule::NthGoal { number: 1, side })));
    for number in 2..=5 {
        let key = format!("next_goal:{number}");
        all.push(market(key, 1, named(who, name, |side| Rule::NthGoal { number, side })));
    }
    for goals in [2, 3] {
        all.push(market(
            format!("race_to:{goals}"),
            1,
            named(who, name, |side| Rule::RaceTo { goals, side }),
        ));
    }
    all.push(market("last_goal".into(), 1, named(who, name, |side| Rule::LastGoal { side })));
}

/// Selections for every combination of one choice from each list, named `first/second`.
fn combine(period: Period, lists: &[&[(&str, Condition)]]) -> Vec<(String, Rule)> {
    let mut combinations: Vec<(String, [Condition; 3])> = vec![(String::new(), [Condition::Any; 3])];
    for (place, list) in lists.iter().enumerate() {
        combinations = combinations
            .into_iter()
            .flat_map(|(name, conditions)| {
                list.iter().map(move |&(word, condition)| {
                    let mut conditions = conditions;
                    conditions[place] = condition;
                    (if place == 0 { word.to_string() } else { format!("{name}/{word}") }, conditions)
                })
            })
            .collect();
    }
    combinations.into_iter().map(|(name, conditions)| (name, Rule::Combined { period, conditions })).collect()
}

const RESULTS: [(&str, Condition); 3] = [
    ("home", Condition::Result(Result3::Home)),
    ("draw", Condition::Result(Result3::Draw)),
    ("away", Condition::Result(Result3::Away)),
];
const DOUBLE_CHANCES: [(&str, Condition); 3] = [
    ("1x", Condition::NotResult(Result3::Away)),
    ("12", Condition::NotResult(Result3::Draw)),
    ("x2", Condition::NotResult(Result3::Home)),
];
const BOTH_SCORE: [(&str, Condition); 2] =
    [("yes", Condition::BothScore(true)), ("no", Condition::BothScore(false))];
const ODD_EVEN: [(&str, Condition); 2] = [("odd", Condition::Odd(true)), ("even", Condition::Odd(false))];

fn over_under(scope: Scope, line: Line) -> [(&'static str, Condition); 2] {
    [("over", Condition::Over(scope, line)), ("under", Condition::Under(scope, line))]
}

fn combined_markets(all: &mut Vec<Definition>) {
    for period in Period::ALL {
        let suffix = period.suffix();
        let is_match = period == Period::Match;
        all.push(market(
            format!("winning_margin{suffix}"),
            1,
            winning_margin(period, if is_match { 4 } else { 3 }),
        ));
        all.push(market(format!("result_both_score{suffix}"), 1, combine(period, &[&RESULTS, &BOTH_SCORE])));
        all.push(market(format!("result_odd_even{suffix}"), 1, combine(period, &[&RESULTS, &ODD_EVEN])));
        let (from, to) = if is_match { (6, 26) } else { (2, 10) };
        for line in quarters(from, to, 4) {
            let (total, text) = (over_under(Scope::Both, line), line.text());
            all.push(market(format!("result_total{suffix}:{text}"), 1, combine(period, &[&RESULTS, &total])));
            all.push(market(
                format!("double_chance_total{suffix}:{text}"),
                2,
                combine(period, &[&DOUBLE_CHANCES, &total]),
            ));
            all.push(market(
                format!("total_both_score{suffix}:{text}"),
                1,
                combine(period, &[&total, &BOTH_SCORE]),
            ));
        }
    }
    let period = Period::Match;
    all.push(market("double_chance_both_score".into(), 2, combine(period, &[&DOUBLE_CHANCES, &BOTH_SCORE])));
    for line in quarters(10, 18, 4) {
        let total = over_under(Scope::Both, line);
        let key = format!("result_total_both_score:{}", line.text());
        all.push(market(key, 1, combine(period, &[&RESULTS, &total, &BOTH_SCORE])));
    }
    for (side, line) in
        Side::BOTH.into_iter().flat_map(|side| quarters(2, 10, 4).map(move |line| (side, line)))
    {
        let total = over_under(Scope::Of(side), line);
        let key = format!("result_{}_total:{}", side.name(), line.text());
        all.push(market(key, 1, combine(period, &[&RESULTS, &total])));
    }
    for (from, to) in [
        (0, 1),
        (0, 2),
        (0, 3),
        (1, 2),
        (1, 3),
        (1, 4),
        (2, 3),
        (2, 4),
        (2, 5),
        (3, 4),
        (3, 5),
        (3, 6),
        (4, 6),
    ] {
        all.push(market(
            format!("goals_between:{from}-{to}"),
            1,
            yes_no(|yes| Rule::GoalsBetween { period, from, to, yes }),
        ));
    }
    for side in Side::BOTH {
        let key = format!("{}_win_to_nil", side.name());
        all.push(market(key, 1, yes_no(|yes| Rule::WinToNil { side, yes })));
    }
}

fn winning_margin(period: Period, most: u8) -> Vec<(String, Rule)> {
    let mut selections: Vec<(String, Rule)> = Vec::new();
    for side in Side::BOTH {
        for goals in 1..=most {
            let or_more = goals == most;
            let name = format!("{}_{goals}{}", side.name(), if or_more { "+" } else { "" });
            selections.push((name, Rule::WinningMargin { period, side, goals, or_more }));
        }
    }
    selections.push(("score_draw".into(), Rule::DrawWithGoals { period, goals: true }));
    selections.push(("no_goal".into(), Rule::DrawWithGoals { period, goals: false }));
    selections
}
