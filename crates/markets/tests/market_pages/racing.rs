//! The page of racing.

use oddsengine_markets::racing::{RaceKind, RacingFormat, RacingOutcome, RacingRule, RacingView};
use oddsengine_markets::template::Rules;
use oddsengine_markets::{Format, Outcome, Template};

use super::Sport;

pub struct Racing;

fn rule(template: &Template, selection: usize) -> &RacingRule {
    match template.rules() {
        Rules::Racing(rules) => &rules[selection],
        _ => unreachable!("a racing template"),
    }
}

impl Sport for Racing {
    const NAME: &'static str = "racing";

    fn introduction(&self) -> String {
        "# Markets of racing\n\n\
         <!-- written by scripts/market_pages.sh from the templates -->\n\
         Shown is a race of eight horses, and what a handicap of sixteen adds or changes. Runners are `r1` to `r40` in the order in which they were \
         declared; one that is withdrawn keeps its number. Pairs are listed for 3 to 16 runners, tricasts for 4 to 10. \
         Models: [racing](../models/racing.md); grades: [statuses](../statuses.md#grades).\n\n\
         Runners that tie could have come home in any order, all equally likely: the share of a selection that wins is the share of those orders on \
         which it wins. A runner that a selection needs and that does not start makes it void, as does a race that is void or has one starter; \
         fewer finishers than a market asks for make the market void. Rule 4 takes from bets struck before a withdrawal.\n\n\
         Example: `r3` wins, `r1` and `r2` dead-heat for second, `r4` to `r7` follow, the last one does not start.\n"
            .into()
    }

    fn formats(&self) -> Vec<(String, Format)> {
        let format =
            |count, handicap| Format::Racing(RacingFormat::standard(RaceKind::Horse, count, handicap));
        vec![("8 runners".into(), format(8, false)), ("handicap of 16".into(), format(16, true))]
    }

    fn examples(&self, format: &Format) -> Vec<(&'static str, Outcome)> {
        let Format::Racing(format) = format else { unreachable!("a race") };
        let count = usize::from(format.runner_count);
        let mut order: Vec<usize> = vec![2, 0, 1];
        order.extend(3..count - 1);
        let mut outcome = RacingOutcome::from_order(format.runner_count, &order);
        outcome.positions[1] = 2;
        outcome.withdrawn = outcome.withdrawn.with(count - 1);
        vec![("dead heat", Outcome::Racing(outcome))]
    }

    fn section(&self, key: &str) -> &'static str {
        match key.split('.').next().unwrap() {
            "win" | "place" | "each_way" => "Win, place, each way",
            "forecast" | "quinella" | "tricast" => "Forecasts",
            _ => "Between runners",
        }
    }

    fn pattern(&self, key: &str) -> String {
        let parts: Vec<&str> = key.split('.').collect();
        match parts[..] {
            ["tricast" | "without", _] => format!("{}.rN", parts[0]),
            ["match", ..] => "match.rN.rM".into(),
            _ => key.into(),
        }
    }

    fn settlement(&self, template: &Template, selection: usize) -> String {
        match *rule(template, selection) {
            RacingRule::Win { .. } => "The runner is first.".into(),
            RacingRule::Place { places, .. } => format!("The runner is among the first {places}."),
            RacingRule::EachWay { terms, .. } => format!(
                "Half the stake on the win, half on a place among the first {} at 1/{} of the odds (their part above 1). The terms belong to the \
                 market: a bet keeps those it was struck on.",
                terms.places, terms.fraction_of
            ),
            RacingRule::Forecast { .. } => "The two runners are first and second in this order.".into(),
            RacingRule::Quinella { .. } => "The two runners are first and second in either order.".into(),
            RacingRule::Tricast { .. } => {
                "The three runners are first, second and third in this order; `another`: `rN` does not win."
                    .into()
            }
            RacingRule::AnotherWins { .. } => "Another runner wins.".into(),
            RacingRule::Without { .. } => "The runner is first of all but `rN`.".into(),
            RacingRule::Ahead { .. } => {
                "The runner finishes ahead of the other; a finisher is ahead of one that does not finish."
                    .into()
            }
        }
    }

    fn view(&self, template: &Template, selection: usize) -> String {
        match rule(template, selection).view() {
            RacingView::Winner => "who wins".into(),
            RacingView::Position(_) => "the position of the runner".into(),
            RacingView::Forecast => "the first two in order".into(),
            RacingView::Tricast(_) => "second and third behind the winner".into(),
            RacingView::Match(..) => "which of the two is ahead".into(),
        }
    }
}
