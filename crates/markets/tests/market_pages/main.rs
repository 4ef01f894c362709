//! docs/markets: a page per sport with every market, its selections, view, settlement rule and an example, made from the templates.
//!
//! What it protects: 313 markets of football were on no page, so nobody could tell how one is settled without
//! reading a rule in Rust. A market that is added, renamed or graded otherwise makes this test fail until
//! `scripts/market_pages.sh` has written the pages anew; a rule without a sentence does not compile.

mod football;
mod racing;
mod tennis;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use oddsengine_markets::{Format, Outcome, Template, template_of};
use oddsengine_types::Grade;

/// What a sport says of its markets.
pub trait Sport {
    /// File name without its ending.
    const NAME: &'static str;
    /// Everything above the tables.
    fn introduction(&self) -> String;
    /// Formats, the richest of each kind; markets of the same key are the same in all of them.
    fn formats(&self) -> Vec<(String, Format)>;
    /// Outcomes for the examples, by name; the first on which a market is not wholly void is taken.
    fn examples(&self, format: &Format) -> Vec<(&'static str, Outcome)>;
    /// The heading under which a market stands.
    fn section(&self, key: &str) -> &'static str;
    /// The key with what varies in a family of markets as a capital letter.
    fn pattern(&self, key: &str) -> String;
    /// How a market is settled, by the rule of one of its selections.
    fn settlement(&self, template: &Template, selection: usize) -> String;
    /// What of the outcome a selection depends on.
    fn view(&self, template: &Template, selection: usize) -> String;
}

/// Markets that differ in a line, a number or a runner.
struct Family {
    pattern: String,
    keys: Vec<String>,
    selections: Vec<String>,
    views: Vec<String>,
    settlement: String,
    winners: u8,
    example: String,
    formats: Vec<String>,
}

fn families(sport: &impl Sport) -> Vec<(&'static str, Vec<Family>)> {
    let mut sections: Vec<(&'static str, Vec<Family>)> = Vec::new();
    for (name, format) in sport.formats() {
        let template = template_of(&format).unwrap();
        let mut markets: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut order: Vec<String> = Vec::new();
        for (index, market) in template.markets.iter().enumerate() {
            let pattern = sport.pattern(&market.key);
            if !markets.contains_key(&pattern) {
                order.push(pattern.clone());
            }
            markets.entry(pattern).or_default().push(index);
        }
        for pattern in order {
            let family = family(sport, template, &format, &pattern, &markets[&pattern]);
            let title = sport.section(&family.keys[0]);
            let place = sections.iter().position(|(known, _)| *known == title).unwrap_or_else(|| {
                sections.push((title, Vec::new()));
                sections.len() - 1
            });
            add(&mut sections[place].1, family, &name);
        }
    }
    sections
}

fn add(known: &mut Vec<Family>, mut family: Family, format: &str) {
    if let Some(same) =
        known.iter_mut().find(|other| other.pattern == family.pattern && other.keys == family.keys)
    {
        same.formats.push(format.into());
        return;
    }
    family.formats.push(format.into());
    known.push(family);
}

fn family(
    sport: &impl Sport,
    template: &Template,
    format: &Format,
    pattern: &str,
    markets: &[usize],
) -> Family {
    let first = &template.markets[markets[0]];
    let mut views: Vec<String> =
        first.selections().map(|selection| sport.view(template, selection)).collect();
    views.dedup();
    Family {
        pattern: pattern.into(),
        keys: markets.iter().map(|&market| template.markets[market].key.clone()).collect(),
        selections: first.selections().map(|index| template.selections[index].name.clone()).collect(),
        views,
        settlement: sport.settlement(template, first.selections().start),
        winners: first.winners,
        example: example(template, markets, &sport.examples(format)),
        formats: Vec::new(),
    }
}

/// Grades of a market of the family that shows most: one that is neither won nor lost, as near to the middle as there is.
fn example(template: &Template, markets: &[usize], outcomes: &[(&str, Outcome)]) -> String {
    let grades = |market: usize, outcome: &Outcome| -> Vec<Grade> {
        template.markets[market].selections().map(|selection| template.grade(selection, outcome)).collect()
    };
    let middle = markets.len() / 2;
    for (name, outcome) in outcomes {
        let tells = |market: usize| grades(market, outcome).iter().any(|grade| *grade != Grade::VOID);
        let has_other = |market: usize, ordinary: &[Grade]| {
            tells(market) && grades(market, outcome).iter().any(|grade| !ordinary.contains(grade))
        };
        let mut near: Vec<usize> = (0..markets.len()).collect();
        near.sort_by_key(|&place| place.abs_diff(middle));
        let chosen = near
            .iter()
            .find(|&&place| has_other(markets[place], &[Grade::WON, Grade::LOST, Grade::VOID]))
            .or_else(|| near.iter().find(|&&place| has_other(markets[place], &[Grade::WON, Grade::LOST])))
            .or_else(|| near.iter().find(|&&place| tells(markets[place])));
        let Some(&place) = chosen else { continue };
        return example_text(template, markets[place], &grades(markets[place], outcome), name);
    }
    "void".into()
}

fn example_text(template: &Template, market: usize, grades: &[Grade], outcome: &str) -> String {
    let market = &template.markets[market];
    let told: Vec<String> = market
        .selections()
        .zip(grades)
        .filter(|(_, grade)| grades.len() <= 3 || !grade.is_lost())
        .map(|(selection, grade)| format!("`{}` {grade}", template.selections[selection].name))
        .collect();
    let others = if told.len() < grades.len() { ", others lost" } else { "" };
    format!("{outcome}: `{}` {}{others}", market.key, list(&told, 6))
}

/// The first of many, and the last.
fn list(all: &[String], most: usize) -> String {
    if all.len() <= most {
        return all.join(", ");
    }
    format!("{}, … {} ({})", all[..most - 2].join(", "), all[all.len() - 1], all.len())
}

/// What stands for the capital letters of a pattern: `0.5` to `7.5` by 0.25, or a list.
fn range(family: &Family) -> String {
    if family.keys.len() == 1 {
        return String::new();
    }
    let lines: Option<Vec<f64>> =
        family.keys.iter().map(|key| key.rsplit_once(':').and_then(|(_, line)| line.parse().ok())).collect();
    let unique = |lines: Vec<f64>| {
        let mut seen: Vec<f64> = Vec::new();
        lines.into_iter().for_each(|line| {
            if !seen.contains(&line) {
                seen.push(line);
            }
        });
        seen
    };
    let Some(lines) = lines.map(unique) else { return format!("{} markets", family.keys.len()) };
    let steps: Vec<f64> = lines.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let (first, last) = (lines[0], lines[lines.len() - 1]);
    if lines.len() == 1 {
        return format!("{} markets of line {first}", family.keys.len());
    }
    if steps.len() > 1 && steps.iter().all(|step| *step == steps[0]) {
        return format!("{first} to {last} by {}", steps[0]);
    }
    if lines.len() <= 12 {
        return lines.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
    }
    format!("{first} to {last}, {} lines", lines.len())
}

fn page(sport: &impl Sport) -> String {
    let sections = families(sport);
    let format_count = sport.formats().len();
    let mut text = sport.introduction();
    for (title, families) in &sections {
        let keys: std::collections::BTreeSet<&String> =
            families.iter().flat_map(|family| &family.keys).collect();
        writeln!(text, "\n## {title}\n\n{} markets.\n", keys.len()).unwrap();
        writeln!(text, "| market | selections | view | settled by | example |\n|---|---|---|---|---|")
            .unwrap();
        for family in families {
            let names: Vec<String> = family.selections.iter().map(|name| format!("`{name}`")).collect();
            let range = range(family);
            let range = if range.is_empty() { range } else { format!("<br>{range}") };
            let formats = if family.formats.len() < format_count {
                format!("<br>{}", family.formats.join("; "))
            } else {
                String::new()
            };
            let winners = match family.winners {
                0 => "<br>any number may win",
                1 => "",
                2 => "<br>two win",
                3 => "<br>three win",
                _ => "<br>four win",
            };
            writeln!(
                text,
                "| `{}`{range}{formats} | {}{winners} | {} | {} | {} |",
                family.pattern,
                list(&names, 8),
                list(&family.views, 3),
                family.settlement,
                family.example
            )
            .unwrap();
        }
        writeln!(text, "\n<details><summary>Every key</summary>\n").unwrap();
        let keys: Vec<String> = families
            .iter()
            .flat_map(|family| &family.keys)
            .map(|key| format!("<code>{key}</code>"))
            .collect();
        let mut seen = std::collections::BTreeSet::new();
        let keys: Vec<String> = keys.into_iter().filter(|key| seen.insert(key.clone())).collect();
        writeln!(text, "<p>{}</p>\n\n</details>", keys.join(", ")).unwrap();
    }
    text
}

fn is_as_written<S: Sport>(sport: &S) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/markets/{}.md", S::NAME));
    let wanted = page(sport);
    if std::env::var_os("ODDSENGINE_WRITE_MARKET_PAGES").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "docs/markets/{}.md is not as the templates: run scripts/market_pages.sh",
        S::NAME
    );
}

#[test]
fn football_is_as_its_templates() {
    is_as_written(&football::Football);
}

#[test]
fn tennis_is_as_its_templates() {
    is_as_written(&tennis::Tennis);
}

#[test]
fn racing_is_as_its_templates() {
    is_as_written(&racing::Racing);
}

/// A page lists what there is, all of it: every key of every format, and no other.
#[test]
fn every_market_is_listed_once() {
    fn judge<S: Sport>(sport: &S) {
        let text = page(sport);
        let listed: Vec<&str> =
            text.split("<code>").skip(1).map(|rest| rest.split("</code>").next().unwrap()).collect();
        let mut wanted: Vec<String> = sport
            .formats()
            .iter()
            .flat_map(|(_, format)| template_of(format).unwrap().markets.iter().map(|m| m.key.clone()))
            .collect();
        wanted.sort();
        wanted.dedup();
        let mut found: Vec<String> = listed.iter().map(|key| key.to_string()).collect();
        found.sort();
        assert_eq!(found, wanted, "{}", S::NAME);
    }
    judge(&football::Football);
    judge(&tennis::Tennis);
    judge(&racing::Racing);
}
