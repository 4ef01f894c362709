//! The words of a line: names, amounts, odds, durations.

use oddsengine_engine::{OddsVersion, TicketState};
use oddsengine_types::{Currency, CustomerId, FixtureId, Grade, TicketId, format_minor, parse_minor};

use crate::told::Answer;

/// The words of one line, taken from the left.
#[derive(Clone, Debug)]
pub struct Words<'a> {
    words: Vec<&'a str>,
    next: usize,
}

type Parsed<T> = Result<T, String>;

impl<'a> Words<'a> {
    pub fn new(line: &'a str) -> Self {
        Self { words: line.split_whitespace().collect(), next: 0 }
    }

    pub fn text(&mut self, what: &str) -> Parsed<&'a str> {
        let word = self.words.get(self.next).copied().ok_or_else(|| format!("{what} is missing"))?;
        self.next += 1;
        Ok(word)
    }

    pub fn peek(&self) -> Option<&'a str> {
        self.words.get(self.next).copied()
    }

    pub fn take_if(&mut self, word: &str) -> bool {
        let is_it = self.peek() == Some(word);
        self.next += usize::from(is_it);
        is_it
    }

    /// All words that are left, which are taken.
    pub fn rest(&mut self) -> String {
        let rest = self.words[self.next..].join(" ");
        self.next = self.words.len();
        rest
    }

    /// Number of words left.
    pub fn left(&self) -> usize {
        self.words.len() - self.next
    }

    /// The line goes on to say what is expected of this.
    pub fn asks_for(&self, word: &str) -> bool {
        self.words[self.next..].contains(&word)
    }

    pub fn end(&self) -> Parsed<()> {
        self.peek().map_or(Ok(()), |word| Err(format!("{word:?} is one word too many")))
    }

    /// Compares what was expected with what was found.
    pub fn expect(&self, wanted: &str, found: &str) -> Parsed<()> {
        match wanted == found {
            true => self.end(),
            false => Err(format!("expected {wanted}, found {found}")),
        }
    }

    pub fn number<T: std::str::FromStr>(&mut self, what: &str) -> Parsed<T> {
        let word = self.text(what)?;
        word.parse().map_err(|_| format!("{word:?} is not {what}"))
    }

    fn id(&mut self, letter: char, what: &str) -> Parsed<u64> {
        let word = self.text(what)?;
        id_of(word, letter).ok_or_else(|| format!("{word:?} is not {what} such as {letter}1"))
    }

    pub fn fixture(&mut self) -> Parsed<FixtureId> {
        self.id('F', "a fixture").map(FixtureId)
    }

    pub fn customer(&mut self) -> Parsed<CustomerId> {
        self.id('C', "a customer").map(CustomerId)
    }

    pub fn ticket(&mut self) -> Parsed<TicketId> {
        self.id('B', "a ticket").map(|id| TicketId(id.into()))
    }

    pub fn transfer(&mut self) -> Parsed<u128> {
        self.id('D', "a transfer").map(u128::from)
    }

    /// An amount in euro, as minor units.
    pub fn amount(&mut self) -> Parsed<i64> {
        let word = self.text("an amount")?;
        parse_minor(word, Currency::EUR).map_err(|error| error.to_string())
    }

    /// A currency, if the next word is one.
    pub fn currency(&mut self) -> Option<Currency> {
        let is_code = |word: &&str| word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_uppercase());
        let currency = Currency::parse(self.peek().filter(is_code)?).ok()?;
        self.next += 1;
        Some(currency)
    }

    /// Odds in ten-thousandths; `-` is none.
    pub fn odds(&mut self) -> Parsed<u32> {
        odds_of(self.text("odds")?)
    }

    /// A decimal number in thousandths or ten-thousandths.
    pub fn decimal(&mut self, what: &str, scale: f64) -> Parsed<i64> {
        let value: f64 = self.number(what)?;
        Ok((value * scale).round() as i64)
    }

    /// A duration such as `5s`, `+80ms` or `2m`, in nanoseconds.
    pub fn duration_ns(&mut self) -> Parsed<i64> {
        let word = self.text("a duration")?;
        let units = [("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000)];
        let parsed = units.iter().find_map(|(unit, ns)| {
            let count: i64 = word.strip_suffix(unit)?.trim_start_matches('+').parse().ok()?;
            Some(count * ns)
        });
        parsed.ok_or_else(|| format!("{word:?} is not a duration such as 5s or 80ms"))
    }

    /// A match clock such as `12:30`, in milliseconds.
    pub fn clock_ms(&mut self) -> Parsed<i64> {
        let word = self.text("a match clock")?;
        let wrong = || format!("{word:?} is not a match clock such as 12:30");
        let (minutes, seconds) = word.split_once(':').ok_or_else(wrong)?;
        let parse = |part: &str| part.parse::<i64>().map_err(|_| wrong());
        Ok((parse(minutes)? * 60 + parse(seconds)?) * 1_000)
    }

    /// A score such as `1-0`.
    pub fn score(&mut self) -> Parsed<(u16, u16)> {
        let word = self.text("a score")?;
        let parsed =
            word.split_once('-').and_then(|(home, away)| Some((home.parse().ok()?, away.parse().ok()?)));
        parsed.ok_or_else(|| format!("{word:?} is not a score such as 1-0"))
    }

    /// A version such as `1.7`: epoch and number.
    pub fn version(&mut self) -> Parsed<OddsVersion> {
        let word = self.text("a version")?;
        let parsed = word.split_once('.').and_then(|(epoch, seq)| {
            Some(OddsVersion { epoch: epoch.parse().ok()?, seq: seq.parse().ok()? })
        });
        parsed.ok_or_else(|| format!("{word:?} is not a version such as 1.7"))
    }

    pub fn grade(&mut self) -> Parsed<Grade> {
        let word = self.text("a grade")?;
        let thirds = Grade::new(1, 0, 3).into_iter().chain(Grade::new(1, 0, 2));
        let known = crate::outcomes::GRADES.into_iter().chain(thirds);
        known
            .into_iter()
            .find(|grade| grade.to_string() == word)
            .ok_or_else(|| format!("{word:?} is not a grade such as won or half_lost"))
    }
}

/// The number of a name: 7 of `F7`.
pub fn id_of(word: &str, letter: char) -> Option<u64> {
    word.strip_prefix(letter)?.parse().ok()
}

pub fn odds_of(word: &str) -> Parsed<u32> {
    if word == "-" {
        return Ok(0);
    }
    let decimal: f64 = word.parse().map_err(|_| format!("{word:?} are not odds such as 2.50"))?;
    Ok((decimal * 10_000.0).round() as u32)
}

pub fn amount_text(minor: i64) -> String {
    format_minor(minor, Currency::EUR)
}

/// Odds with at least two decimals.
pub fn odds_text(odds_e4: u32) -> String {
    match odds_e4 {
        0 => "-".to_string(),
        _ => oddsengine_types::Odds::from_e4(odds_e4)
            .map_or_else(|error| error.to_string(), |odds| odds.to_string()),
    }
}

pub fn state_text(state: TicketState) -> String {
    match state {
        TicketState::Refused(reason) => format!("refused {}", reason.name()),
        state => state.name().to_string(),
    }
}

/// The answer to a command in the words of the language: the last one that is about the command itself.
pub fn answer(answers: &[Answer]) -> String {
    let own = answers.iter().rev().find_map(|answer| match answer {
        Answer::Decision(_, state, _) => Some(state_text(*state)),
        Answer::TicketRefused(_, reason) | Answer::MoneyRefused(_, reason) | Answer::Refused(reason) => {
            Some(format!("refused {}", reason.name()))
        }
        Answer::MoneyBooked(_, _, true) => Some("repeated".into()),
        Answer::MoneyBooked(_, _, false) => Some("booked".into()),
        Answer::Pending(_) => Some("pending".into()),
        Answer::Done => Some("done".into()),
        Answer::Duplicate => Some("duplicate".into()),
        Answer::Trading(..) | Answer::Alert(..) | Answer::Settlement(..) | Answer::FeedGap(..) => None,
    });
    own.unwrap_or_default()
}
