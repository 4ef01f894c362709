//! The page of football.

use oddsengine_markets::football::{
    Condition, CountAxis, CountKind, Credit, DepthRule, DepthView, FootballDepth, FootballFormat,
    FootballOutcome, FootballView, GoalFact, GoalOrder, Knockout, PairRule, Period, Rule, Scope, Side,
    TieMethod,
};
use oddsengine_markets::template::Rules;
use oddsengine_markets::{Format, Outcome, Template};

use super::Sport;

pub struct Football;

fn rule(template: &Template, selection: usize) -> &Rule {
    match template.rules() {
        Rules::Football(rules) => &rules[selection],
        _ => unreachable!("a football template"),
    }
}

fn period(period: Period) -> &'static str {
    match period {
        Period::Match => "the match",
        Period::FirstHalf => "the first half",
        Period::SecondHalf => "the second half",
    }
}

fn scope(scope: Scope) -> &'static str {
    match scope {
        Scope::Both => "both sides",
        Scope::Of(Side::Home) => "the home side",
        Scope::Of(Side::Away) => "the away side",
    }
}

fn side(side: Side) -> &'static str {
    scope(Scope::Of(side))
}

const LINES: &str = "A whole line that is met refunds; a quarter line is half the stake on each neighbour.";

/// What of a pair of counts is asked; `of` names the counts.
fn pair(rule: PairRule, of: &str) -> String {
    match rule {
        PairRule::Result(_) => format!("Which side has more {of}, or neither."),
        PairRule::Over { scope: who, .. } | PairRule::Under { scope: who, .. } => {
            format!("{of} of {} above or below the line. {LINES}", scope(who))
        }
        PairRule::Handicap { .. } => {
            format!("The side has more {of} after the line is added to the home side. {LINES}")
        }
        PairRule::OddEven { scope: who, .. } => {
            format!("An odd or an even number of {of} of {} (0 is even).", scope(who))
        }
        PairRule::Both(_) => format!("Both sides have {of}, or not."),
    }
}

/// What one part of a combination asks; `has_line`: the market's key names its line.
fn condition(condition: Condition, has_line: bool) -> Option<String> {
    Some(match condition {
        Condition::Any => return None,
        Condition::Result(_) => "the result".into(),
        Condition::NotResult(_) => "two of the three results".into(),
        Condition::Over(who, line) | Condition::Under(who, line) => {
            format!(
                "goals of {} above or below {}",
                scope(who),
                if has_line { "the line".into() } else { line.text() }
            )
        }
        Condition::BothScore(_) => "both sides score or not".into(),
        Condition::Odd(_) => "an odd or an even number of goals".into(),
    })
}

fn depth(rule: DepthRule) -> String {
    let from =
        |knockout: Knockout| if knockout.extra_time { "extra time, then penalties" } else { "penalties" };
    match rule {
        DepthRule::Count { kind, is_first_half, rule } => {
            let when = if is_first_half { "of the first half" } else { "of regulation" };
            let note = if kind == CountKind::Cards { " A second yellow and the red that follows are two." } else { "" };
            format!("{}{note}", pair(rule, &format!("{} {when}", kind.name())))
        }
        DepthRule::Interval { interval, rule } => {
            let _ = interval;
            pair(rule, "goals of the ten minutes; added time belongs to the interval in which its half ends: goals")
        }
        DepthRule::ExtraTime { rule } => format!("{} Void if no extra time is played.", pair(rule, "goals of extra time")),
        DepthRule::Qualifies { knockout, .. } => format!("The side goes through: after regulation, {}.", from(knockout)),
        DepthRule::Method { .. } => "The side that goes through, and when that is decided.".into(),
        DepthRule::DecidedIn { from: TieMethod::ExtraTime, .. } => "The tie is not decided in regulation, or is.".into(),
        DepthRule::DecidedIn { .. } => "The tie goes to penalties, or not.".into(),
        DepthRule::ShootoutWinner { .. } => "The side wins the shoot-out; void if there is none.".into(),
        DepthRule::PlayerScores { goals, .. } => {
            format!("The player scores {goals} or more in regulation. Own goals do not count; void if he does not play.")
        }
        DepthRule::PlayerFirst { .. } | DepthRule::NoScorer => {
            "The player scores the first goal that counts for scorers; `none`: no goal does. Own goals do not count; void if he comes on after it or does not play."
                .into()
        }
        DepthRule::PlayerLast { .. } => {
            "The player scores the last goal that counts for scorers; `none`: no goal does. Void if he does not play.".into()
        }
    }
}

fn settlement(rule: Rule, has_line: bool) -> String {
    match rule {
        Rule::Result { period: when, .. } => format!("The result of {}.", period(when)),
        Rule::DoubleChance { period: when, .. } => format!("Two of the three results of {}; both of a pair win.", period(when)),
        Rule::DrawNoBet { period: when, .. } => format!("The side wins {}; a draw refunds.", period(when)),
        Rule::Over { period: when, scope: who, .. } | Rule::Under { period: when, scope: who, .. } => {
            format!("Goals of {} in {} above or below the line. {LINES}", scope(who), period(when))
        }
        Rule::AsianHandicap { period: when, .. } => {
            format!("The side wins {} after the line is added to the home side's goals. {LINES}", period(when))
        }
        Rule::EuropeanHandicap { period: when, .. } => {
            format!("The result of {} after whole goals are added to the home side; a draw is a result.", period(when))
        }
        Rule::BothScore { period: when, .. } => format!("Both sides score in {}, or not.", period(when)),
        Rule::CorrectScore { period: when, .. } | Rule::OtherScore { period: when, .. } => {
            format!("The exact score of {}; `other_…`: a result with a score that is not listed.", period(when))
        }
        Rule::ExactGoals { period: when, scope: who, .. } => {
            format!("The number of goals of {} in {}; with `+` that many or more.", scope(who), period(when))
        }
        Rule::GoalsBetween { period: when, .. } => {
            format!("Goals of both sides in {} from the first number to the second, both included, or not.", period(when))
        }
        Rule::OddEven { period: when, scope: who, .. } => {
            format!("An odd or an even number of goals of {} in {} (0 is even).", scope(who), period(when))
        }
        Rule::WinningMargin { period: when, .. } | Rule::DrawWithGoals { period: when, .. } => {
            format!("By how many goals a side wins {} (with `+` that many or more), or a draw with goals or without.", period(when))
        }
        Rule::CleanSheet { period: when, side: who, .. } => format!("{} concedes no goal in {}, or does.", capital(side(who)), period(when)),
        Rule::WinToNil { side: who, .. } => format!("{} wins without conceding, or does not.", capital(side(who))),
        Rule::HalfTimeFullTime { .. } => "The result at half time and the result at full time.".into(),
        Rule::HighestScoringHalf { scope: who, .. } => format!("The half with more goals of {}, or both as many.", scope(who)),
        Rule::WinEitherHalf { side: who, .. } => format!("{} wins at least one half, or does not.", capital(side(who))),
        Rule::WinBothHalves { side: who, .. } => format!("{} wins both halves, or does not.", capital(side(who))),
        Rule::NthGoal { .. } => "The side that scores the goal of this number (the first, where none is named); `none`: it does not fall.".into(),
        Rule::RaceTo { .. } => "The side that first has so many goals; `none`: neither has.".into(),
        Rule::LastGoal { .. } => "The side that scores last; `none`: no goal falls.".into(),
        Rule::Combined { period: when, conditions } => {
            let told: Vec<String> = conditions.into_iter().filter_map(|part| condition(part, has_line)).collect();
            format!("All hold in {}: {}. Never refunds.", period(when), told.join("; "))
        }
        Rule::Depth(rule) => depth(rule),
    }
}

fn capital(text: &str) -> String {
    text[..1].to_uppercase() + &text[1..]
}

fn axis(axis: CountAxis) -> &'static str {
    match axis {
        CountAxis::Total => "of both sides",
        CountAxis::Difference => "of home less away",
        CountAxis::Of(who) => ["of home", "of away"][who.index()],
    }
}

fn view(view: FootballView) -> String {
    match view {
        FootballView::Score(when) => format!("score of {}", period(when)),
        FootballView::Difference(when) => format!("goal difference of {}", period(when)),
        FootballView::Goals(when, who) => format!("goals of {} in {}", scope(who), period(when)),
        FootballView::HalfTimeFullTime => "results at half and full time".into(),
        FootballView::HalfResults => "results of both halves".into(),
        FootballView::HalfComparison(who) => format!("goals of {} by half", scope(who)),
        FootballView::Order => "order of the goals".into(),
        FootballView::Depth(DepthView::Count { kind, is_first_half, axis: which }) => {
            let when = if is_first_half { "first half" } else { "regulation" };
            format!("{} {}, {when}", kind.name(), axis(which))
        }
        FootballView::Depth(DepthView::Interval(_)) => "goals of the ten minutes".into(),
        FootballView::Depth(DepthView::ExtraTime) => "goals of extra time".into(),
        FootballView::Depth(DepthView::Tie(_)) => "who goes through, and when".into(),
        FootballView::Depth(DepthView::AnyScorer) => "whether a goal counts for scorers".into(),
        FootballView::Depth(DepthView::Player { .. }) => "the player's goals".into(),
    }
}

/// 2-1 with the order home, away, home.
fn league_match() -> Outcome {
    let order = [Side::Home, Side::Away, Side::Home];
    let mut depth = FootballDepth::default();
    depth.corners = [[3, 2], [3, 2]];
    depth.cards = [[0, 1], [1, 2]];
    for (who, player) in [(Side::Home, 0), (Side::Home, 1), (Side::Away, 0)] {
        depth.come_on(who, player, 0);
    }
    for (index, (interval, player)) in [(1, 0), (5, 0), (7, 1)].into_iter().enumerate() {
        depth.set_goal(index as u16, GoalFact::new(interval).credited(Credit::Player(player)));
    }
    let outcome = FootballOutcome::new([[1, 0], [1, 1]], GoalOrder::from_sides(order));
    Outcome::Football(FootballOutcome { depth, ..outcome })
}

/// 1-1, 1-1 in extra time, 4-3 on penalties.
fn cup_match() -> Outcome {
    let outcome = FootballOutcome::from_halves([0, 1], [1, 0]);
    let mut depth = FootballDepth::default();
    depth.has_extra_time = true;
    depth.extra_goals = [1, 1];
    depth.penalties_scored = [4, 3];
    depth.penalties_taken = [5, 5];
    Outcome::Football(FootballOutcome { depth, ..outcome })
}

impl Sport for Football {
    const NAME: &'static str = "football";

    fn introduction(&self) -> String {
        let base = oddsengine_markets::template_of(&Format::FOOTBALL).unwrap();
        format!(
            "# Markets of football\n\n\
             <!-- written by scripts/market_pages.sh from the templates -->\n\
             Every fixture has the {} markets and {} selections of the score. Corners, cards, ten minutes, knock-out and scorers come with the \
             fixture's [format](../models/football_depth.md). `L` is a line: for a handicap it is added to the home side. \
             Models: [football](../models/football.md); grades: [statuses](../statuses.md#grades).\n\n\
             The match is regulation: both halves with their added time, no extra time unless the market says so. What a view says is all that a selection depends on.\n\n\
             Examples: **2-1**, 1-0 at half time, goals of home (12', `home_1`), away (55', `away_1`) and home (77', `home_2`), `away_2` does not play; corners 3-2 and 3-2, \
             cards 0-1 and 1-2 by half. **Cup tie**: 1-1, 1-1 in extra time, 4-3 on penalties.\n",
            base.markets.len(),
            base.selections.len()
        )
    }

    fn formats(&self) -> Vec<(String, Format)> {
        let rich = FootballFormat {
            knockout: Some(Knockout::default()),
            corners: true,
            cards: true,
            intervals: true,
            players: [2, 2],
        };
        vec![("all parts".into(), Format::Football(rich))]
    }

    fn examples(&self, _: &Format) -> Vec<(&'static str, Outcome)> {
        vec![("2-1", league_match()), ("cup tie", cup_match())]
    }

    fn section(&self, key: &str) -> &'static str {
        let (stem, suffix) = key.split(':').next().unwrap().split_once('.').unwrap_or((key, ""));
        if stem.contains("corners") {
            "Corners"
        } else if stem.contains("cards") {
            "Cards"
        } else if suffix.starts_with('m') {
            "Ten minutes"
        } else if stem.contains("scorer") {
            "Scorers"
        } else if suffix == "et"
            || ["to_qualify", "method_of_victory", "extra_time", "penalties", "shootout_winner"]
                .contains(&stem)
        {
            "Knock-out"
        } else {
            match suffix {
                "h1" => "First half",
                "h2" => "Second half",
                _ => "Match",
            }
        }
    }

    fn pattern(&self, key: &str) -> String {
        let (stem, number) = key.split_once(':').map_or((key, ""), |(stem, _)| (stem, ":L"));
        match stem.split_once(".m") {
            Some((stem, _)) => format!("{stem}.mFROM-TO{number}"),
            None => format!("{stem}{number}"),
        }
    }

    fn settlement(&self, template: &Template, selection: usize) -> String {
        capital(&settlement(*rule(template, selection), template.market_of(selection).key.contains(':')))
    }

    fn view(&self, template: &Template, selection: usize) -> String {
        view(rule(template, selection).view())
    }
}
