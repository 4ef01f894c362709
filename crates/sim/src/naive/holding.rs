//! Prices that are not the model's: what is implausible is refused, and what the match has left stands still.

use oddsengine_engine::{Reason, Stop, StopSet};
use oddsengine_markets::{Format, LivePhase, MarketId};
use oddsengine_types::{FixtureId, Grade};

use super::{Naive, NaiveFixture, Verdict, is_odds};
use crate::told::{Answer, Prices};

/// Sums of implied probabilities per winner that a book may have, in ten-thousandths: by hand, and of a feed.
const BY_HAND_E4: (u64, u64) = (10_000, 20_000);
const OF_FEED_E4: (u64, u64) = (9_000, 20_000);
/// What the rounding of odds may take from a sum.
const ROUNDING_E4: u64 = 5;

/// What the desk and feeds did to a market.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NaiveDesk {
    /// The desk suspended it.
    pub by_desk: bool,
    /// A feed suspended it.
    pub by_feed: bool,
    /// The fair price moved away from a held one.
    pub by_move: bool,
    /// Its prices stay.
    pub is_locked: bool,
    /// The prices that stay.
    pub kept: Vec<u32>,
    /// Prices by hand.
    pub manual: Option<Vec<u32>>,
    /// They stay through the start.
    pub keeps_in_play: bool,
    /// Who answers for them.
    pub override_by: String,
    /// Fair probabilities when they were set, in billionths.
    pub anchor_e9: Vec<u32>,
}

impl NaiveDesk {
    /// The price does not follow the model.
    pub fn is_held(&self) -> bool {
        self.is_locked || self.manual.is_some()
    }

    fn release(&mut self) {
        *self = Self { by_desk: self.by_desk, by_feed: self.by_feed, ..Self::default() };
    }
}

impl NaiveFixture {
    /// The market by itself stands still: suspended, left behind, or beside prices that contradict it.
    pub fn market_is_stopped(&self, market: usize) -> bool {
        let desk = self.desk.get(&market).cloned().unwrap_or_default();
        let is_beside = desk.override_by.is_empty() && self.is_overridden();
        desk.by_desk || desk.by_feed || desk.by_move || is_beside
    }

    /// Somebody answers for prices that contradict the model.
    pub fn is_overridden(&self) -> bool {
        self.desk.values().any(|desk| !desk.override_by.is_empty())
    }

    /// How often trading of a market was interrupted.
    pub fn interruptions_of(&self, market: usize) -> u64 {
        self.interruptions.iter().filter(|of| of.is_none_or(|of| of == market)).count() as u64
    }

    /// The fair probability of every selection of a market, in billionths; nothing without a model.
    fn fair_e9(&self, prices: &Prices, market: usize) -> Vec<u32> {
        if !prices.has_expectations {
            return Vec::new();
        }
        let fair = |selection: usize| {
            let slot = self.space.slot(selection);
            let (win, refund) = (prices.win[slot], prices.refund[slot]);
            let fair = if refund < 1.0 { win / (1.0 - refund) } else { 0.0 };
            (fair * 1e9 + 0.5) as u32
        };
        self.space.template.markets[market].selections().map(fair).collect()
    }
}

impl Naive {
    /// A book sums to something: what is void in it is out of it, and a price that is not given may be a small one.
    fn judge_book(&self, index: usize, market: usize, odds_e4: &[u32], (low, high): (u64, u64)) -> Verdict {
        let market = &self.fixtures[index].space.template.markets[market];
        let (mut given, mut is_whole) = (Vec::new(), true);
        for (selection, &odds_e4) in market.selections().zip(odds_e4) {
            match self.grade(index, selection) {
                Some(grade) if grade == Grade::VOID => {}
                Some(_) => return Ok(()),
                None if odds_e4 == 0 => is_whole = false,
                None => given.push(odds_e4),
            }
        }
        if given.is_empty() || market.winners == 0 {
            return Ok(());
        }
        let implied_e6: u64 = given.iter().map(|&odds| 10_000_000_000 / u64::from(odds)).sum();
        let book_e4 = implied_e6 / u64::from(market.winners) / 100;
        let least = if is_whole { low } else { low / 2 };
        let is_plausible = book_e4 + ROUNDING_E4 >= least && book_e4 <= high;
        if is_plausible { Ok(()) } else { Err(Reason::ImplausiblePrice) }
    }

    /// Whether a held market offers what its guard allows now.
    fn judge_held(&self, index: usize, market: usize) -> Verdict {
        let fixture = &self.fixtures[index];
        let kept = || -> Vec<u32> {
            let selections = fixture.space.template.markets[market].selections();
            selections.map(|selection| fixture.prices.odds_e4[fixture.space.slot(selection)]).collect()
        };
        let by_hand = fixture.desk.get(&market).and_then(|desk| desk.manual.clone());
        self.judge_manual(index, market, &by_hand.unwrap_or_else(kept))
    }

    /// Whether a feed's book is one.
    pub(super) fn judge_feed_book(&self, index: usize, market: usize, odds_e4: &[u32]) -> Verdict {
        self.judge_book(index, market, odds_e4, OF_FEED_E4)
    }

    /// Prices by hand may not be better than fair.
    fn judge_manual(&self, index: usize, market: usize, odds_e4: &[u32]) -> Verdict {
        self.judge_book(index, market, odds_e4, BY_HAND_E4)?;
        let fixture = &self.fixtures[index];
        if !fixture.prices.has_expectations {
            return Ok(());
        }
        let selections = fixture.space.template.markets[market].selections();
        for (selection, &odds_e4) in selections.zip(odds_e4) {
            let slot = fixture.space.slot(selection);
            let (win, refund) = (fixture.prices.win[slot], fixture.prices.refund[slot]);
            let fair = if refund < 1.0 { win / (1.0 - refund) } else { 0.0 };
            let is_open = odds_e4 != 0 && self.grade(index, selection).is_none();
            if is_open && 1.0 / (f64::from(odds_e4) / 10_000.0) < fair {
                return Err(Reason::ImplausiblePrice);
            }
        }
        Ok(())
    }

    pub(super) fn set_manual_odds(
        &mut self,
        id: FixtureId,
        market: MarketId,
        odds_e4: Option<&[u32]>,
        keeps_in_play: bool,
        override_by: &str,
        answers: &mut Vec<Answer>,
    ) -> Verdict {
        let index = self.open_fixture(id)?;
        let market = self.market(index, market)?;
        let Some(odds_e4) = odds_e4 else {
            self.hold(index, market, |desk| {
                desk.manual = None;
                desk.override_by = String::new();
            });
            return Ok(());
        };
        if odds_e4.len() != self.fixtures[index].space.template.markets[market].selections().len() {
            return Err(Reason::ValueOutOfBounds);
        }
        odds_e4.iter().filter(|&&odds| odds != 0).try_for_each(|&odds| is_odds(odds))?;
        let verdict = self.judge_manual(index, market, odds_e4);
        if verdict.is_err() && override_by.is_empty() {
            return verdict;
        }
        let by = if verdict.is_err() { override_by.to_string() } else { String::new() };
        if !by.is_empty() {
            answers.push(Answer::Alert("manual_override".into(), Some(id)));
        }
        // Two prices by hand, and nothing that says what one of them means for the other.
        let fixture = &self.fixtures[index];
        let is_beside = fixture.desk.iter().any(|(other, desk)| *other != market && desk.is_held());
        if is_beside && !fixture.prices.has_expectations {
            answers.push(Answer::Alert("manual_unchecked".into(), Some(id)));
        }
        self.hold(index, market, |desk| {
            desk.manual = Some(odds_e4.to_vec());
            if desk.is_locked {
                desk.kept = odds_e4.to_vec();
            }
            (desk.keeps_in_play, desk.override_by, desk.by_move) = (keeps_in_play, by, false);
        });
        Ok(())
    }

    pub(super) fn lock(
        &mut self,
        id: FixtureId,
        market: MarketId,
        locked: bool,
        keeps_in_play: bool,
    ) -> Verdict {
        let index = self.open_fixture(id)?;
        let market = self.market(index, market)?;
        let fixture = &self.fixtures[index];
        let selections = fixture.space.template.markets[market].selections();
        let shown: Vec<u32> =
            selections.map(|selection| fixture.prices.odds_e4[fixture.space.slot(selection)]).collect();
        self.hold(index, market, |desk| {
            desk.kept = match (locked, desk.is_locked) {
                (true, false) => shown,
                (true, true) => std::mem::take(&mut desk.kept),
                (false, _) => Vec::new(),
            };
            let keeps_by_hand = desk.keeps_in_play && desk.manual.is_some();
            desk.is_locked = locked;
            desk.keeps_in_play = locked && keeps_in_play || keeps_by_hand;
        });
        Ok(())
    }

    fn hold(&mut self, index: usize, market: usize, change: impl FnOnce(&mut NaiveDesk)) {
        let was_overridden = self.fixtures[index].is_overridden();
        let desk = self.fixtures[index].desk.entry(market).or_default();
        change(desk);
        match (desk.is_held(), desk.by_move) {
            (true, false) => self.anchor(index, market),
            // What the match has left stays left.
            (true, true) => {}
            (false, _) => desk.release(),
        }
        let fixture = &mut self.fixtures[index];
        fixture.interruptions.push(Some(market));
        if fixture.is_overridden() && !was_overridden {
            fixture.interruptions.push(None);
        }
    }

    /// Notes the fair prices at which a market is held.
    fn anchor(&mut self, index: usize, market: usize) {
        let fixture = &self.fixtures[index];
        let anchor_e9 = fixture.fair_e9(&fixture.prices, market);
        self.fixtures[index].desk.entry(market).or_default().anchor_e9 = anchor_e9;
    }

    pub(super) fn suspend_market(&mut self, index: usize, market: usize, by_feed: bool) {
        let fixture = &mut self.fixtures[index];
        let desk = fixture.desk.entry(market).or_default();
        let flag = if by_feed { &mut desk.by_feed } else { &mut desk.by_desk };
        if !std::mem::replace(flag, true) {
            fixture.interruptions.push(Some(market));
        }
    }

    pub(super) fn resume_market(
        &mut self,
        index: usize,
        market: usize,
        lifts: StopSet,
        by_feed: bool,
    ) -> Verdict {
        let desk = self.fixtures[index].desk.entry(market).or_default();
        if by_feed {
            desk.by_feed = false;
            return Ok(());
        }
        if desk.is_held() && desk.by_move {
            self.judge_held(index, market)?;
        }
        let desk = self.fixtures[index].desk.entry(market).or_default();
        (desk.by_desk, desk.by_move) = (false, false);
        desk.by_feed &= !lifts.has(Stop::Feed);
        if desk.is_held() {
            self.anchor(index, market);
        }
        Ok(())
    }

    /// Stops held markets of a fixture whose fair prices are too far from where they were; without a model, those of a
    /// fixture in which something changed the chances.
    pub(super) fn stop_moved(&mut self, index: usize, is_news: bool, answers: &mut Vec<Answer>) {
        let markets: Vec<usize> = self.fixtures[index].desk.keys().copied().collect();
        for market in markets {
            let fixture = &self.fixtures[index];
            let desk = &fixture.desk[&market];
            if !desk.is_held() || desk.by_move {
                continue;
            }
            let now_e9 = fixture.fair_e9(&fixture.prices, market);
            let first = fixture.space.template.markets[market].selections().start;
            let is_far = |slot: usize| {
                let far_e9 = i64::from(now_e9[slot]) - i64::from(desk.anchor_e9[slot]);
                far_e9.abs() > i64::from(self.config.manual_tolerance_e4) * 100_000
            };
            let has_moved = match (now_e9.is_empty(), desk.anchor_e9.is_empty()) {
                (true, _) => is_news,
                // It was set before anybody knew what is fair.
                (false, true) => self.judge_held(index, market).is_err(),
                (false, false) => {
                    (0..now_e9.len()).any(|slot| self.grade(index, first + slot).is_none() && is_far(slot))
                }
            };
            if !has_moved && desk.anchor_e9.is_empty() {
                self.anchor(index, market);
            }
            if has_moved {
                let fixture = &mut self.fixtures[index];
                fixture.desk.entry(market).or_default().by_move = true;
                fixture.interruptions.push(Some(market));
                answers.push(Answer::Alert("manual_suspended".into(), Some(fixture.request.fixture)));
            }
        }
    }

    /// At the start held markets return to the model, but those that were told to stay.
    pub(super) fn return_to_model(&mut self, index: usize, answers: &mut Vec<Answer>) {
        let fixture = &mut self.fixtures[index];
        let id = fixture.request.fixture;
        for desk in fixture.desk.values_mut().filter(|desk| desk.is_held() && !desk.keeps_in_play) {
            desk.release();
            answers.push(Answer::Alert("manual_returned".into(), Some(id)));
        }
    }

    /// Prices of a feed that jump stop trading until the next ones confirm them. `before`: the prices until then.
    pub(super) fn stop_jump(
        &mut self,
        index: usize,
        markets: &[usize],
        before: &Prices,
        answers: &mut Vec<Answer>,
    ) {
        let fixture = &self.fixtures[index];
        if !fixture.prices.has_expectations || fixture.game.phase() != LivePhase::PreMatch {
            return;
        }
        let tolerance_e9 = i64::from(self.config.price_jump_e4) * 100_000;
        let jumps = markets.iter().any(|&market| {
            let (then, now) = (fixture.fair_e9(before, market), fixture.fair_e9(&fixture.prices, market));
            then.iter().zip(&now).any(|(&then, &now)| (i64::from(then) - i64::from(now)).abs() > tolerance_e9)
        });
        let jump = StopSet::of(&[Stop::PriceJump]);
        if jumps {
            let id = fixture.request.fixture;
            self.change_stops(index, |stops| stops.or(jump));
            answers.push(Answer::Alert("price_jump".into(), Some(id)));
        } else {
            self.change_stops(index, |stops| stops.without(jump));
        }
    }

    /// Whether a market can end with these grades: all void, or as an outcome has it; in a race perhaps with void ones among
    /// them, or with its places shared out.
    pub(super) fn can_be_graded(&self, index: usize, market: usize, grades: &[Grade]) -> bool {
        let space = &self.fixtures[index].space;
        let definition = &space.template.markets[market];
        let is_void = |grade: &&Grade| **grade == Grade::VOID;
        let void_count = grades.iter().filter(is_void).count();
        if void_count == grades.len() {
            return true;
        }
        let is_race = matches!(space.format, Format::Racing(_));
        if !is_race && definition.view.is_some() {
            let place =
                space.markets.iter().position(|&known| known == market).expect("it is of the universe");
            let is_row = |row: &Vec<u8>| {
                row.iter().zip(grades).all(|(&grade, told)| space.grades[usize::from(grade)] == *told)
            };
            return space.before_start().of_market[place].iter().any(is_row);
        }
        if definition.winners == 0 {
            return true;
        }
        // Shares are summed as fractions of one number that all their parts divide, near enough.
        let places: f64 = grades.iter().map(|grade| grade.win_share()).sum();
        let winners = f64::from(definition.winners);
        let (has_enough, has_too_many) =
            (places + void_count as f64 > winners - 5e-4, places >= winners + 5e-4);
        let is_whole = grades.iter().all(|grade| is_void(&grade) || grade.refund_share() == 0.0);
        if definition.view.is_none() {
            return !has_too_many && (has_enough || !is_whole);
        }
        if is_whole && has_enough && !has_too_many {
            return true;
        }
        let place = space.markets.iter().position(|&known| known == market).expect("it is of the universe");
        let is_row = |row: &Vec<u8>| {
            let on_row = row.iter().map(|&grade| space.grades[usize::from(grade)]);
            grades.iter().zip(on_row).all(|(told, grade)| is_void(&told) || *told == grade)
        };
        space.before_start().of_market[place].iter().any(is_row)
    }
}
