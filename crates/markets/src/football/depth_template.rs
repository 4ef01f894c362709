//! The markets that a format adds to those of the score.

use super::depth_rule::{DepthRule, PairRule};
use super::depth_views::{CountKind, TieMethod};
use super::format::{FootballFormat, Knockout};
use super::rule::{Line, Rule, Scope};
use super::template::{Definition, market, named, quarters, results, sides, yes_no};
use super::{INTERVAL_COUNT, Side};

/// Markets of a format, after those of the score.
pub(super) fn definitions(format: &FootballFormat) -> Vec<Definition> {
    let mut all = Vec::new();
    for kind in CountKind::ALL.into_iter().filter(|&kind| format.counts(kind)) {
        for is_first_half in [false, true] {
            count_markets(&mut all, kind, is_first_half);
        }
    }
    if format.intervals {
        (0..INTERVAL_COUNT as u8).for_each(|interval| interval_markets(&mut all, interval));
    }
    if let Some(knockout) = format.knockout {
        tie_markets(&mut all, knockout);
    }
    if format.has_players() {
        scorer_markets(&mut all, format.players);
    }
    all
}

fn over_under(scope: Scope, line: Line, rule: impl Fn(PairRule) -> DepthRule) -> Vec<(String, Rule)> {
    let selection = |name: &str, pair| (name.to_string(), Rule::Depth(rule(pair)));
    vec![
        selection("over", PairRule::Over { scope, line }),
        selection("under", PairRule::Under { scope, line }),
    ]
}

fn count_markets(all: &mut Vec<Definition>, kind: CountKind, is_first_half: bool) {
    let suffix = if is_first_half { ".h1" } else { "" };
    let name = kind.name();
    let rule = move |rule| DepthRule::Count { kind, is_first_half, rule };
    all.push(market(
        format!("{name}_1x2{suffix}"),
        1,
        results(|result| Rule::Depth(rule(PairRule::Result(result)))),
    ));
    // Half and whole lines; first and last in quarters.
    let (total, handicap, side_total) = match (kind, is_first_half) {
        (CountKind::Corners, false) => ((18, 66), 26, (6, 42)),
        (CountKind::Corners, true) => ((6, 42), 14, (2, 26)),
        (CountKind::Cards, false) => ((2, 42), 14, (2, 22)),
        (CountKind::Cards, true) => ((2, 22), 10, (2, 14)),
    };
    for line in quarters(total.0, total.1, 1) {
        all.push(market(
            format!("{name}_total{suffix}:{}", line.text()),
            1,
            over_under(Scope::Both, line, rule),
        ));
    }
    for line in quarters(-handicap, handicap, 2) {
        let rule = |side| Rule::Depth(rule(PairRule::Handicap { side, line }));
        all.push(market(format!("{name}_handicap{suffix}:{}", line.text()), 1, sides(rule)));
    }
    for side in Side::BOTH {
        for line in quarters(side_total.0, side_total.1, 4) {
            all.push(market(
                format!("{}_{name}_total{suffix}:{}", side.name(), line.text()),
                1,
                over_under(Scope::Of(side), line, rule),
            ));
        }
    }
    let odd_even = named(
        [true, false],
        |odd| if odd { "odd" } else { "even" }.into(),
        |odd| Rule::Depth(rule(PairRule::OddEven { scope: Scope::Both, odd })),
    );
    all.push(market(format!("{name}_odd_even{suffix}"), 1, odd_even));
}

/// What follows a key for an interval of ten minutes: `.m0-10`.
pub fn interval_suffix(interval: u8) -> String {
    format!(".m{}-{}", 10 * interval, 10 * interval + 10)
}

fn interval_markets(all: &mut Vec<Definition>, interval: u8) {
    let suffix = interval_suffix(interval);
    let rule = move |rule| DepthRule::Interval { interval, rule };
    all.push(market(
        format!("1x2{suffix}"),
        1,
        results(|result| Rule::Depth(rule(PairRule::Result(result)))),
    ));
    for line in quarters(2, 6, 4) {
        all.push(market(format!("total{suffix}:{}", line.text()), 1, over_under(Scope::Both, line, rule)));
    }
    for side in Side::BOTH {
        let scope = Scope::Of(side);
        let key = format!("{}_total{suffix}:0.5", side.name());
        all.push(market(key, 1, over_under(scope, Line(2), rule)));
    }
}

fn tie_markets(all: &mut Vec<Definition>, knockout: Knockout) {
    let depth = Rule::Depth;
    all.push(market("to_qualify".into(), 1, sides(|side| depth(DepthRule::Qualifies { knockout, side }))));
    let methods = |&method: &TieMethod| knockout.extra_time || method != TieMethod::ExtraTime;
    let ways: Vec<(Side, TieMethod)> = Side::BOTH
        .into_iter()
        .flat_map(|side| TieMethod::ALL.into_iter().filter(methods).map(move |method| (side, method)))
        .collect();
    all.push(market(
        "method_of_victory".into(),
        1,
        named(
            ways,
            |(side, method)| format!("{}/{}", side.name(), method.name()),
            |(side, method)| depth(DepthRule::Method { knockout, side, method }),
        ),
    ));
    for (key, from) in [("extra_time", TieMethod::ExtraTime), ("penalties", TieMethod::Penalties)] {
        if methods(&from) {
            let rule = |yes| depth(DepthRule::DecidedIn { knockout, from, yes });
            all.push(market(key.into(), 1, yes_no(rule)));
        }
    }
    all.push(market(
        "shootout_winner".into(),
        1,
        sides(|side| depth(DepthRule::ShootoutWinner { knockout, side })),
    ));
    if !knockout.extra_time {
        return;
    }
    let rule = |rule| DepthRule::ExtraTime { rule };
    all.push(market("1x2.et".into(), 1, results(|result| depth(rule(PairRule::Result(result))))));
    for line in quarters(2, 14, 1) {
        all.push(market(format!("total.et:{}", line.text()), 1, over_under(Scope::Both, line, rule)));
    }
    for line in quarters(-6, 6, 1) {
        let handicap = |side| depth(rule(PairRule::Handicap { side, line }));
        all.push(market(format!("handicap.et:{}", line.text()), 1, sides(handicap)));
    }
    all.push(market("both_score.et".into(), 1, yes_no(|yes| depth(rule(PairRule::Both(yes))))));
}

/// The name of a listed player's selections: `home_1` is the first of the home side.
pub fn player_name(side: Side, player: u8) -> String {
    format!("{}_{}", side.name(), player + 1)
}

/// Markets in which any number of selections may win have 0 winners.
fn scorer_markets(all: &mut Vec<Definition>, players: [u8; 2]) {
    let listed = || {
        Side::BOTH
            .into_iter()
            .flat_map(move |side| (0..players[side.index()]).map(move |player| (side, player)))
    };
    let name = |(side, player)| player_name(side, player);
    for (key, goals) in [("anytime_scorer", 1), ("two_or_more_scorer", 2), ("three_or_more_scorer", 3)] {
        let rule = |(side, player)| Rule::Depth(DepthRule::PlayerScores { side, player, goals });
        all.push(market(key.into(), 0, named(listed(), name, rule)));
    }
    let mut first =
        named(listed(), name, |(side, player)| Rule::Depth(DepthRule::PlayerFirst { side, player }));
    first.push(("none".into(), Rule::Depth(DepthRule::NoScorer)));
    all.push(market("first_scorer".into(), 0, first));
    let mut last =
        named(listed(), name, |(side, player)| Rule::Depth(DepthRule::PlayerLast { side, player }));
    last.push(("none".into(), Rule::Depth(DepthRule::NoScorer)));
    all.push(market("last_scorer".into(), 0, last));
}
