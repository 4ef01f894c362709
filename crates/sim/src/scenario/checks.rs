//! The checks of the language: each asks both engines, and tells what they hold.
//!
//! Beyond those of `tests/scenarios/README.md`, and not understood by the Python runner:
//!
//! ```text
//! reserved C1 0.00      result 100.00      market_worst F1 1x2 -150.00
//! loss competition cup 150.00      loss sport 150.00      score F1 1-0      version F1 1.7
//! settled B1 250.00      settlements B1 2      rollbacks 1      gaps 1      bet_odds B1 2.50 [1.80 ...]
//! allowed B1 market[@1] 53.33 [used 10.00] [of 100.00]
//! hash 0123...      invariants hold
//! ```

use oddsengine_engine::{Fixture, LimitLevel, Ticket};
use oddsengine_ledger::{AccountKind, Balance};
use oddsengine_types::{Currency, FixtureId};

use super::Scenario;
use super::words::{Words, amount_text, odds_text, state_text};
use crate::compare::{agree, compare_all};
use crate::naive::Account;
use crate::naive::money::{Holding, holdings};

type Parsed<T> = Result<T, String>;

impl Scenario {
    /// What the check of this name finds; `None` if there is no such check.
    pub(super) fn check(&mut self, name: &str, words: &mut Words<'_>) -> Parsed<Option<String>> {
        let found = match name {
            "balance" => {
                let customer = words.customer()?;
                let (balance, holding) =
                    self.account(AccountKind::CustomerCash(customer), Account::Cash(customer));
                let available =
                    agreed("balance", balance.available_minor, holding.minor - holding.going_minor)?;
                amount_text(available)
            }
            "reserved" => {
                let customer = words.customer()?;
                let (balance, holding) =
                    self.account(AccountKind::CustomerCash(customer), Account::Cash(customer));
                amount_text(agreed("reserved", balance.pending_debit_minor, holding.going_minor)?)
            }
            "open_stakes" => {
                let customer = words.customer()?;
                let kind = AccountKind::CustomerOpenStakes(customer);
                let (balance, holding) = self.account(kind, Account::OpenStakes(customer));
                amount_text(agreed("open stakes", balance.posted_minor, holding.minor)?)
            }
            "owes" => {
                let customer = words.customer()?;
                let kind = AccountKind::CustomerReceivable(customer);
                // An asset of the book: what it holds is what it has given.
                let (balance, holding) = self.account(kind, Account::Receivable(customer));
                amount_text(agreed("receivable", balance.posted_minor, -holding.minor)?)
            }
            "result" => {
                let (balance, holding) = self.account(AccountKind::BettingResult, Account::Result);
                amount_text(agreed("result", balance.posted_minor, holding.minor)?)
            }
            "worst" => {
                let (fixture, index) = self.known(words)?;
                amount_text(agreed("worst", fixture.book.worst_minor(), self.pair.naive.worst_minor(index))?)
            }
            "market_worst" => self.market_worst(words)?,
            "loss" => self.loss(words)?,
            "grade" => {
                let (fixture, index) = self.known(words)?;
                let selection = self.selection(fixture, words)?;
                let naive = self.pair.naive.grade(index, selection);
                let grade = agreed("grade", fixture.grades[selection], naive)?;
                grade.map_or("open".to_string(), |grade| grade.to_string())
            }
            "status" if words.left() > 2 => {
                let (fixture, _) = self.known(words)?;
                fixture.market_status(self.market(words)?).name().to_string()
            }
            "status" => {
                let (fixture, index) = self.known(words)?;
                agreed("status", fixture.status(), self.pair.naive.fixtures[index].status())?
                    .name()
                    .to_string()
            }
            "score" => {
                let (fixture, index) = self.known(words)?;
                let naive = self.pair.naive.fixtures[index].game.score();
                let (home, away) = agreed("score", fixture.live.score(), naive)?;
                format!("{home}-{away}")
            }
            "ticket" => {
                let ticket = self.ticket(words)?;
                match words.asks_for("paid") {
                    true => format!("{} paid {}", state_text(ticket.state), amount_text(ticket.paid_minor)),
                    false => state_text(ticket.state),
                }
            }
            "settled" => {
                let ticket = self.ticket(words)?;
                match ticket.state {
                    oddsengine_engine::TicketState::Settled => amount_text(ticket.paid_minor),
                    state => state_text(state),
                }
            }
            "gaps" => self.pair.fast.counters().feed_gap_count.to_string(),
            "settlements" => self.ticket(words)?.settlement_count.to_string(),
            "rollbacks" => {
                let naive = self.pair.naive.counters.rollback_count;
                agreed("rollbacks", self.pair.fast.counters().rollback_count, naive)?.to_string()
            }
            "odds" => {
                let (fixture, _) = self.known(words)?;
                odds_text(fixture.board.odds_e4[self.selection(fixture, words)?])
            }
            "bet_odds" => {
                let odds: Vec<String> =
                    self.ticket(words)?.legs.iter().map(|leg| odds_text(leg.odds_e4)).collect();
                odds.join(" ")
            }
            "version" => {
                let version = self.pair.fast.version(self.known(words)?.0);
                format!("{}.{}", version.epoch, version.seq)
            }
            "allowed" => self.allowed(words)?,
            "max_stake" => {
                let request = self.ticket_request(words, false)?;
                // Asks both engines.
                let _promise = self.pair.max_stake(&request)?;
                match self.pair.fast.max_stake(&request) {
                    Ok(check) if words.asks_for("by") => {
                        format!("{} by {}", amount_text(check.stake_minor_max), check.level.name())
                    }
                    Ok(check) => amount_text(check.stake_minor_max),
                    Err(reason) => format!("refused {}", reason.name()),
                }
            }
            "hash" => self.pair.fast.state_hash().to_string(),
            "invariants" => {
                compare_all(&self.pair.fast, &self.pair.naive)?;
                let broken = self
                    .pair
                    .fast
                    .invariants()
                    .into_iter()
                    .find_map(|(name, holds)| Some((name, holds.err()?)));
                broken.map_or("hold".to_string(), |(name, why)| format!("{name}: {why}"))
            }
            _ => return Ok(None),
        };
        Ok(Some(found))
    }

    fn account(&self, kind: AccountKind, account: Account) -> (Balance, Holding) {
        let naive = holdings(&self.pair.naive.postings);
        let holding = naive.get(&(account, Currency::EUR)).copied().unwrap_or_default();
        (self.pair.fast.ledger().balance_of(kind, Currency::EUR), holding)
    }

    fn known(&self, words: &mut Words<'_>) -> Parsed<(&Fixture, usize)> {
        let id: FixtureId = words.fixture()?;
        let known = self.pair.fast.fixtures().entries().find(|(_, fixture)| fixture.id() == id);
        let (index, fixture) = known.ok_or(format!("fixture F{id} is not known"))?;
        Ok((fixture, index))
    }

    fn ticket(&self, words: &mut Words<'_>) -> Parsed<&Ticket> {
        let id = words.ticket()?;
        self.pair.fast.ticket(id).ok_or(format!("ticket B{id} is not known"))
    }

    fn market(&self, words: &mut Words<'_>) -> Parsed<usize> {
        let key = words.text("a market")?;
        oddsengine_markets::template(oddsengine_types::SportId(0))
            .market_index(key)
            .ok_or(format!("{key:?} is not a market"))
    }

    fn selection(&self, fixture: &Fixture, words: &mut Words<'_>) -> Parsed<usize> {
        let text = words.text("a selection")?;
        let template = fixture.template();
        let (market, name) = text.split_once('/').unwrap_or((text, ""));
        let selection =
            template.market_index(market).and_then(|market| template.selection_index(market, name));
        selection.ok_or(format!("{text:?} is not a selection such as 1x2/home"))
    }

    fn market_worst(&self, words: &mut Words<'_>) -> Parsed<String> {
        let (fixture, index) = self.known(words)?;
        let market = self.market(words)?;
        let fast = fixture.book.market_worst_minor(fixture.template(), &fixture.possible, market as u16);
        let naive = self.pair.naive.market_worst_minor(index, market, None);
        agreed("worst case of the market", fast, naive).map(amount_text)
    }

    fn loss(&self, words: &mut Words<'_>) -> Parsed<String> {
        let (fast, naive) = (&self.pair.fast, &self.pair.naive);
        let losses = naive.losses_minor(None);
        let (fast, naive) = match words.text("what")? {
            "platform" => (fast.platform_loss_minor(), losses.iter().sum()),
            "sport" => {
                let football = oddsengine_types::SportId(0);
                (
                    fast.sport_loss_minor(football),
                    naive.sum_of(&losses, |fixture| fixture.sport() == football),
                )
            }
            "competition" => {
                let name = words.text("a competition")?;
                let known = fast.competitions().iter().find(|competition| competition.name == name);
                let loss = known.ok_or(format!("competition {name:?} is not known"))?.loss_minor;
                (loss, naive.sum_of(&losses, |fixture| fixture.competition == name))
            }
            other => return Err(format!("{other:?} is not competition, sport or platform")),
        };
        agreed("loss", fast, naive).map(amount_text)
    }

    /// `B1 market[@leg]`: the largest stake, then `used` and `of` if the line asks for them.
    fn allowed(&self, words: &mut Words<'_>) -> Parsed<String> {
        let ticket = self.ticket(words)?;
        let text = words.text("a limit")?;
        let (name, leg) = text.split_once('@').unwrap_or((text, "0"));
        let level = LimitLevel::ALL.into_iter().find(|level| level.name() == name);
        let level = level.ok_or(format!("{name:?} is not a level of limits"))?;
        let leg: u8 = leg.parse().map_err(|_| format!("{leg:?} is not the number of a leg"))?;
        let is_it = |leg_of_check: Option<u8>| leg_of_check.is_none_or(|known| known == leg);
        let check = ticket.checks.iter().find(|check| check.level == level && is_it(check.leg));
        let check = check.ok_or("the ticket was refused before its limits were checked")?;
        let mut found = amount_text(check.stake_minor_max);
        if words.asks_for("used") {
            found += &format!(" used {}", amount_text(check.used_minor));
        }
        if words.asks_for("of") {
            found += &format!(" of {}", amount_text(check.limit_minor));
        }
        Ok(found)
    }
}

/// What both engines hold, if they hold the same.
fn agreed<T: PartialEq + std::fmt::Debug + Copy>(what: &str, fast: T, naive: T) -> Parsed<T> {
    agree(|| what.to_string(), fast, naive).map(|()| fast)
}
