//! The page of tennis.

use oddsengine_markets::template::Rules;
use oddsengine_markets::tennis::{
    BestOf, FinalSet, Rule, Side, TennisFormat, TennisIncidentKind as Kind, TennisState, TennisView,
};
use oddsengine_markets::{Format, Outcome, Template};

use super::Sport;

pub struct Tennis;

fn rule(template: &Template, selection: usize) -> &Rule {
    match template.rules() {
        Rules::Tennis(rules) => &rules[selection],
        _ => unreachable!("a tennis template"),
    }
}

/// A match by the winners of its games, `h` or `a`; losers win 0, 1, 2 or 3 points in turn. A tie-break ends 7-5.
fn played(format: TennisFormat, sets: &[&str]) -> Outcome {
    let mut state = TennisState::new(format);
    state.apply(&Kind::Start(Side::Home).into()).unwrap();
    let mut point = |side: Side| state.apply(&Kind::Point(side).into()).map(|_| ()).unwrap();
    for set in sets {
        for (game, winner) in set.chars().enumerate() {
            let side = if winner == 'h' { Side::Home } else { Side::Away };
            let (least, lost) = if game == 12 { (7, 5) } else { (4, game % 4) };
            (0..lost).for_each(|_| {
                point(side);
                point(side.other());
            });
            (0..if lost == 3 { 2 } else { least - lost }).for_each(|_| point(side));
        }
    }
    Outcome::Tennis(Box::new(state.outcome()))
}

impl Sport for Tennis {
    const NAME: &'static str = "tennis";

    fn introduction(&self) -> String {
        "# Markets of tennis\n\n\
         <!-- written by scripts/market_pages.sh from the templates -->\n\
         Shown are best of three and best of five sets with a tie-break to 7 in every set, and best of three with a tie-break to 10 instead of the third. \
         Other deciding sets have the same markets with other lines. `N` is a set, `G` one of its first twelve games. \
         Models: [tennis](../models/tennis.md); grades: [statuses](../statuses.md#grades).\n\n\
         A set, game or tie-break that is not played is void. After a retirement or a disqualification a market stands where it is decided already and \
         is void where it is not; what it does to the match winner is a setting of the fixture (void unless completed, who advances wins after one set, \
         or once started). A walk-over before the first point voids everything.\n\n\
         Examples: 6-4 3-6 7-6 for home, with home serving first (best of three); 6-4 3-6 7-6 6-4 (best of five); 6-4 6-4 (tie-break instead of the third set). \
         The losers of the games of a set win 0, 15, 30 and 40 in turn, tie-breaks end 7-5.\n"
            .into()
    }

    fn formats(&self) -> Vec<(String, Format)> {
        let format = |best_of, final_set| {
            Format::Tennis(TennisFormat { best_of, final_set, ..TennisFormat::default() })
        };
        vec![
            ("best of three".into(), format(BestOf::Three, FinalSet::TieBreak7)),
            ("best of five".into(), format(BestOf::Five, FinalSet::TieBreak7)),
            ("tie-break instead of the third set".into(), format(BestOf::Three, FinalSet::MatchTieBreak10)),
        ]
    }

    fn examples(&self, format: &Format) -> Vec<(&'static str, Outcome)> {
        let Format::Tennis(format) = format else { unreachable!("a tennis match") };
        let (first, second, long) = ("hahahahahh", "ahahahaaa", "hahahahahahah");
        if format.best_of == BestOf::Five {
            return vec![("6-4 3-6 7-6 6-4", played(*format, &[first, second, long, first]))];
        }
        if format.final_set == FinalSet::MatchTieBreak10 {
            return vec![("6-4 6-4", played(*format, &[first, first]))];
        }
        vec![("6-4 3-6 7-6", played(*format, &[first, second, long]))]
    }

    fn section(&self, key: &str) -> &'static str {
        if !key.starts_with("set") || key.starts_with("set_") || key.starts_with("sets_") {
            "Match"
        } else if key.contains("_game") && !key.contains("_games") {
            "Games"
        } else {
            "Sets"
        }
    }

    fn pattern(&self, key: &str) -> String {
        let (stem, line) = key.split_once(':').map_or((key, ""), |(stem, _)| (stem, ":L"));
        let mut words: Vec<String> = stem.split('_').map(String::from).collect();
        for (word, letter) in [("set", "N"), ("game", "G")] {
            for part in &mut words {
                let number = part.strip_prefix(word).unwrap_or_default();
                if !number.is_empty() && number.chars().all(|digit| digit.is_ascii_digit()) {
                    *part = format!("{word}{letter}");
                }
            }
        }
        if let Some(last) = words.last_mut()
            && stem.contains("race_to")
        {
            *last = "K".into();
        }
        format!("{}{line}", words.join("_"))
    }

    fn settlement(&self, template: &Template, selection: usize) -> String {
        match *rule(template, selection) {
            Rule::MatchWinner { .. } => "The side wins the match; a retirement counts as the fixture says.",
            Rule::SetBetting { .. } => "The exact score in sets.",
            Rule::TotalSets { .. } => "Sets played above or below the line.",
            Rule::SetsHandicap { .. } => "The side wins more sets after the line is added to the home side.",
            Rule::WinsASet { .. } => "The side wins a set or more, or none.",
            Rule::FirstSetAndMatch { .. } => "The winner of the first set, and of the match.",
            Rule::SetWinner { .. } => "The side wins the set.",
            Rule::TotalGames { .. } => "Games of the match above or below the line; a tie-break is a game.",
            Rule::GamesOdd { .. } => "An odd or an even number of games in the match.",
            Rule::GamesHandicap { .. } => "The side wins more games after the line is added to the home side.",
            Rule::PlayerGames { .. } => "Games that the side wins above or below the line.",
            Rule::TieBreaks { .. } => "Tie-breaks of the match above or below the line (`yes`: at least one); one played instead of a set is none.",
            Rule::WinnerAndTotal { .. } => "The side wins the match, and its games are above or below the line.",
            Rule::SetScore { .. } | Rule::SetScoreOther { .. } => "The exact score of the set; `other_…`: a longer one that this side wins.",
            Rule::SetTotal { .. } => "Games of the set above or below the line.",
            Rule::SetHandicap { .. } => "The side wins more games of the set after the line is added to the home side.",
            Rule::SetOdd { .. } => "An odd or an even number of games in the set.",
            Rule::SetTieBreak { .. } => "The set comes to a tie-break, or not.",
            Rule::SetTieBreakWinner { .. } => "The side wins the set's tie-break; void without one.",
            Rule::SetPlayerGames { .. } => "Games that the side wins in the set above or below the line.",
            Rule::SetRace { .. } => "The side is first to K games in the set.",
            Rule::GameWinner { .. } => "The side wins the game.",
            Rule::GameScore { .. } => "The side wins the game, and the loser has so many points; 40 is 40 or deuce.",
            Rule::GameDeuce { .. } => "The game comes to deuce, or not.",
        }
        .into()
    }

    fn view(&self, template: &Template, selection: usize) -> String {
        match rule(template, selection).view() {
            TennisView::Sequence => "who won each set",
            TennisView::TotalGames => "games of the match",
            TennisView::Difference => "home games less away games",
            TennisView::PlayerGames(_) => "games of the side",
            TennisView::TieBreaks => "tie-breaks of the match",
            TennisView::WinnerTotal => "winner and games of the match",
            TennisView::SetScore(_) => "score of the set",
            TennisView::Race(..) => "who is first to so many games",
            TennisView::Game(..) => "winner and points of the game",
        }
        .into()
    }
}
