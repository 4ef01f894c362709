//! The commands of the language.
//!
//! Beyond those of `tests/scenarios/README.md`, and not understood by the Python runner:
//!
//! ```text
//! config NAME VALUE at any time, and: feed_silence_ms 0      odds_min 1.05      odds_max 100.00      ladder betfair      skew 400.00 | off
//!     margin shin 1.06      currency USD
//! expect F1 supremacy 0.4 total 2.6
//! scope sport | type 1x2 | competition cup | fixture F1 | market F1 1x2 [loss 10.00] [delay 2s] [margin shin 1.06]
//! fixture F1 cup [sport curling] [home NAME]
//! cancel_red_card F1 home      stoppage F1 3m      any incident [at 12:30] [score 1-0]
//! bet ... [version 1.7]      again B1 [stake 20.00]      epoch 2      tick [-5s]
//! from SOURCE N STATEMENT      a numbering feed of another name
//! reload      a restart in which the epoch stays
//! ```

use oddsengine_engine::{
    Body, EachWayLeg, ExpectationMode, FixtureRequest, LegRequest, Margin, MarginKind, MoneyRequest,
    OddsChange, OddsVersion, PlanRequest, Scope, ScopeSettings, Stop, StopSet, TicketRequest, VoidKind,
};
use oddsengine_markets::football::{FootballIncident, FootballIncidentKind as Kind, Side};
use oddsengine_markets::{Format, Incident, MarketId, SelectionId, SpaceId};
use oddsengine_types::bets::{Bet, Parts, named};
use oddsengine_types::{Currency, FixtureId, Ladder, SportId, TransferId};

use super::Scenario;
use super::acceptance::{window, wish};
use super::words::{Words, id_of, odds_of};
use crate::football_prices;

type Parsed<T> = Result<T, String>;

/// Transfers that the text does not number.
const OWN_TRANSFERS: u128 = 1_000_000;

impl Scenario {
    /// The command of this name, or nothing where it is carried out already; `None` if there is none.
    pub(super) fn action(&mut self, name: &str, words: &mut Words<'_>) -> Parsed<Option<Option<Body>>> {
        let body = match name {
            "config" => {
                self.config(words)?;
                if !self.has_started {
                    return Ok(Some(None));
                }
                Body::Configure(Box::new(self.config.clone()))
            }
            "scope" | "limit" => scope(name == "limit", words)?,
            "customer" => self.customer(words)?,
            "deposit" => Body::Deposit(self.money(words)?),
            "withdraw" => Body::Withdraw(self.money(words)?),
            "fixture" => self.fixture(words)?,
            "prices" => prices(words)?,
            "expect" => expectation(words)?,
            "manual" => manual(words)?,
            "lock" | "unlock" => {
                let (fixture, market) = (words.fixture()?, market(words)?);
                Body::LockMarket { fixture, market, locked: name == "lock", keeps_in_play: true }
            }
            "suspend" => Body::Suspend { fixture: words.fixture()?, market: market_if_any(words)? },
            "resume" => {
                let (fixture, mut lifts, mut market) = (words.fixture()?, Vec::new(), None);
                if !words.take_if("lifts") {
                    market = market_if_any(words)?;
                }
                while let Some(word) = words.peek() {
                    let stop = Stop::ALL.iter().copied().find(|stop| stop.name() == word);
                    lifts.push(stop.ok_or(format!("{word:?} is not a stop"))?);
                    words.take_if(word);
                }
                Body::Resume { fixture, market, lifts: StopSet::of(&lifts) }
            }
            "void" => Body::VoidFixture { fixture: words.fixture()?, void: VoidKind::Everything },
            "abandon" => Body::VoidFixture { fixture: words.fixture()?, void: VoidKind::Undecided },
            "reinstate" => Body::VoidFixture { fixture: words.fixture()?, void: VoidKind::Nothing },
            "settle" => settle(words)?,
            "bet" => self.bet(words)?,
            "again" => self.again(words)?,
            "heartbeat" => Body::Heartbeat,
            "reset_source" => Body::ResetSource { source: words.text("a source")?.to_string() },
            "cancel" => Body::CancelTicket { ticket: words.ticket()? },
            "approve" => Body::Approve { action: words.number("an action")? },
            "decline" => Body::Decline { action: words.number("an action")? },
            "take_back" => Body::TakeBackAnnulment { annulment: words.number("an annulment")? },
            "epoch" => Body::EpochStarted { epoch: words.number("an epoch")? },
            "wait" | "tick" => {
                self.pass_time(name, words)?;
                return Ok(Some(None));
            }
            "restart" => {
                self.restart()?;
                return Ok(Some(None));
            }
            "reload" => {
                self.pair.restart()?;
                return Ok(Some(None));
            }
            _ => match self.handling(name, words)? {
                Some(body) => body,
                None => return Ok(self.incident(name, words)?.map(Some)),
            },
        };
        Ok(Some(Some(body)))
    }

    /// A tick has no answer of its own: what it decides is checked by itself.
    fn pass_time(&mut self, name: &str, words: &mut Words<'_>) -> Parsed<()> {
        self.now_ns += match name {
            "wait" => words.number::<i64>("milliseconds")? * 1_000_000,
            _ if words.peek().is_some() => words.duration_ns()?,
            _ => 0,
        };
        self.send(Body::Tick { read_ns: self.now_ns }).map(drop)
    }

    fn config(&mut self, words: &mut Words<'_>) -> Parsed<()> {
        if self.has_started {
            self.config = self.pair.fast.config().clone();
        }
        let config = &mut self.config;
        let key = words.text("a setting")?;
        match key {
            "market_loss" => config.market_loss_minor_max = words.amount()?,
            "fixture_loss" => config.fixture_loss_minor_max = words.amount()?,
            "competition_loss" => config.competition_loss_minor_max = words.amount()?,
            "sport_loss" => config.sport_loss_minor_max = words.amount()?,
            "platform_loss" => config.platform_loss_minor_max = words.amount()?,
            "stake_min" => config.stake_minor_min = words.amount()?,
            "line_stake_min" => config.line_stake_minor_min = words.amount()?,
            "stake_max" => config.stake_minor_max = words.amount()?,
            "payout_max" => config.payout_minor_max = words.amount()?,
            "legs_max" => config.legs_max = words.number("a number of legs")?,
            "settlement_delay_ms" => config.settlement_delay_ms = words.number("milliseconds")?,
            "approval_above" => config.settlement.approval_above_minor = Some(words.amount()?),
            "archive_after_ms" => config.archive_after_ms = words.number("milliseconds")?,
            "archive_refused_after_ms" => {
                config.archive_refused_after_ms = words.number("milliseconds")?;
            }
            "archive_fixture_after_ms" => {
                config.archive_fixture_after_ms = words.number("milliseconds")?;
            }
            "archive_money_after_ms" => config.archive_money_after_ms = words.number("milliseconds")?,
            "bets_while_owing" => config.bets_while_owing = words.text("yes or no")? == "yes",
            "feed_silence_ms" => config.feed_silence_ms = words.number("milliseconds")?,
            "referral_stake" => config.referral_stake_minor = Some(words.amount()?),
            "referral_ms" => config.referral_ms = words.number("milliseconds")?,
            "referral_takes_unanswered" => {
                config.referral_takes_unanswered = words.text("yes or no")? == "yes";
            }
            "offer_ms" => config.offer_ms = words.number("milliseconds")?,
            "delay_skip" => config.delay_skip_minor = words.amount()?,
            "improvement_e4" => config.improvement_e4 = words.number("ten-thousandths")?,
            "limit_increase_ms" => config.limit_increase_ms = words.number("milliseconds")?,
            "window" => config.stake_windows.push(window(words)?),
            "bet_delay_ms" => config.bet_delay_ms = words.number("milliseconds")?,
            "odds_min" => config.odds_e4_min = words.odds()?,
            "odds_max" => config.odds_e4_max = words.odds()?,
            "margin" => config.margin = margin(words)?,
            "currency" => config.currency = words.currency().ok_or("a currency is missing")?,
            "skew" if words.take_if("off") => config.skew_b_minor = None,
            "skew" => config.skew_b_minor = Some(words.amount()?),
            "ladder" => {
                let name = words.text("a ladder")?;
                config.ladder = Ladder::from_name(name).ok_or(format!("{name:?} is not a ladder"))?;
            }
            _ => return Err(format!("{key:?} is not a setting")),
        }
        Ok(())
    }

    fn customer(&mut self, words: &mut Words<'_>) -> Parsed<Body> {
        let customer = words.customer()?;
        if !words.take_if("factor") {
            return Err("a customer has a factor, in thousandths".into());
        }
        Ok(Body::SetCustomer { customer, factor_e3: words.number("a factor in thousandths")? })
    }

    fn money(&mut self, words: &mut Words<'_>) -> Parsed<MoneyRequest> {
        let (customer, amount_minor) = (words.customer()?, words.amount()?);
        self.transfer_count += 1;
        let own = OWN_TRANSFERS + self.transfer_count;
        let transfer = TransferId(if words.take_if("as") { words.transfer()? } else { own });
        let currency = words.currency().unwrap_or(Currency::EUR);
        Ok(MoneyRequest { transfer, customer, amount_minor, currency })
    }

    fn fixture(&mut self, words: &mut Words<'_>) -> Parsed<Body> {
        let fixture = words.fixture()?;
        let competition = words.text("a competition").unwrap_or("cup").to_string();
        let (home, away) = (format!("F{fixture} home"), format!("F{fixture} away"));
        let mut request = FixtureRequest {
            fixture,
            format: Format::FOOTBALL,
            competition,
            start_ns: 0,
            home,
            away,
            entrants: Vec::new(),
        };
        while let Some(key) = words.peek() {
            words.text("a key")?;
            match key {
                // Everything but football is a space, and none is defined here.
                "sport" => match words.text("a sport")? {
                    "football" => {}
                    space => request.format = Format::Custom(SpaceId::of(space)),
                },
                "home" => request.home = words.text("a name")?.to_string(),
                _ => return Err(format!("{key:?} is not sport or home")),
            }
        }
        Ok(Body::AddFixture(Box::new(request)))
    }

    fn bet(&mut self, words: &mut Words<'_>) -> Parsed<Body> {
        let request = self.ticket_request(words, true)?;
        self.requests.entry(request.ticket).or_insert_with(|| request.clone());
        Ok(Body::PlaceTicket(Box::new(request)))
    }

    fn again(&mut self, words: &mut Words<'_>) -> Parsed<Body> {
        let ticket = words.ticket()?;
        let known = self.requests.get(&ticket).ok_or(format!("ticket B{ticket} was not submitted"))?;
        let mut request = known.clone();
        if words.take_if("stake") {
            request.stake_minor = words.amount()?;
        }
        Ok(Body::PlaceTicket(Box::new(request)))
    }

    /// `[B1] C1 [10.00] legs... options...`; without a ticket's name and stake for a query.
    pub(super) fn ticket_request(&self, words: &mut Words<'_>, is_bet: bool) -> Parsed<TicketRequest> {
        let mut request = TicketRequest {
            ticket: if is_bet { words.ticket()? } else { Default::default() },
            customer: words.customer()?,
            currency: Currency::EUR,
            stake_minor: if is_bet { words.amount()? } else { 0 },
            odds_change: OddsChange::None,
            legs: Vec::new(),
            wishes: Default::default(),
            plan: None,
        };
        let mut asked = AskedPlan::default();
        while let Some(word) = words.peek().filter(|word| is_bet || word.contains('@')) {
            words.text("a leg")?;
            match word {
                word if wish(word, &mut request.wishes, words)? => {}
                "policy" => request.odds_change = policy(words)?,
                "currency" => request.currency = words.currency().ok_or("a currency is missing")?,
                "version" => {
                    let version = words.version()?;
                    request.legs.iter_mut().for_each(|leg| leg.version = version);
                }
                "system" => asked.system = Some(words.text("a system")?.to_string()),
                "sizes" => asked.sizes = Some(numbers(words.text("sizes")?)?),
                "bankers" => asked.bankers = numbers(words.text("bankers")?)?,
                "each_way" => asked.each_way = numbers(words.text("legs")?)?,
                leg => request.legs.push(self.leg(leg)?),
            }
        }
        request.plan = asked.plan(request.legs.len())?;
        Ok(request)
    }

    /// `F1:total:2.5/over@1.95`; `@*` takes the odds offered, `~` before it a version never published.
    fn leg(&self, word: &str) -> Parsed<LegRequest> {
        let wrong = || format!("{word:?} is not a leg such as F1:1x2/home@2.50");
        let (word, is_unknown) = word.strip_prefix('~').map_or((word, false), |word| (word, true));
        let (fixture, rest) = word.split_once(':').ok_or_else(wrong)?;
        let fixture = FixtureId(id_of(fixture, 'F').ok_or_else(wrong)?);
        let (selection, odds) = rest.split_once('@').ok_or_else(wrong)?;
        let (market, name) = selection.split_once('/').ok_or_else(wrong)?;
        let (engine, selection) = (&self.pair.fast, SelectionId::of(market, name));
        let known = engine.fixture(fixture);
        let offered = || {
            let index = known?.template().selection_of_id(selection)?;
            Some(known?.board.odds_e4[index]).filter(|&odds_e4| odds_e4 > 0)
        };
        let odds_e4 = if odds == "*" { offered().unwrap_or(20_000) } else { odds_of(odds)? };
        let seq = known.map_or(0, |known| engine.version(known).seq + u64::from(is_unknown));
        Ok(LegRequest { fixture, selection, odds_e4, version: OddsVersion { epoch: engine.epoch(), seq } })
    }

    fn incident(&mut self, name: &str, words: &mut Words<'_>) -> Parsed<Option<Body>> {
        const NAMES: [&str; 13] = [
            "kick_off",
            "goal",
            "cancel_goal",
            "red_card",
            "cancel_red_card",
            "stoppage",
            "half_time",
            "second_half",
            "full_time",
            "clock",
            "danger",
            "safe",
            "correct",
        ];
        if !NAMES.contains(&name) {
            return Ok(None);
        }
        let fixture = words.fixture()?;
        let kind = match name {
            "kick_off" => Kind::KickOff,
            "goal" => Kind::Goal(side(words)?),
            "cancel_goal" => Kind::GoalCancelled(side(words)?),
            "red_card" => Kind::RedCard(side(words)?),
            "cancel_red_card" => Kind::RedCardCancelled(side(words)?),
            "stoppage" => Kind::Stoppage(words.duration_ns()? / 1_000_000),
            "half_time" => Kind::HalfTime,
            "second_half" => Kind::SecondHalf,
            "full_time" => Kind::FullTime,
            "clock" => Kind::Clock,
            "danger" => Kind::Danger,
            "safe" => Kind::Safe,
            _ => Kind::Correction([words.score()?, words.score()?].map(|(home, away)| [home, away])),
        };
        let clock_ms = self.clocks_ms.entry(fixture).or_default();
        match kind {
            Kind::SecondHalf => *clock_ms = 2_700_000,
            Kind::Clock => *clock_ms = words.clock_ms()?,
            _ => {}
        }
        if words.take_if("at") {
            *clock_ms = words.clock_ms()?;
        }
        let score_after = if words.take_if("score") { Some(words.score()?) } else { None };
        let incident = Incident::Football(FootballIncident { kind, clock_ms: *clock_ms, score_after });
        Ok(Some(Body::Incident { fixture, incident }))
    }
}

/// `scope KIND WHERE settings...`, and its short form `limit KIND WHERE AMOUNT`.
fn scope(is_limit: bool, words: &mut Words<'_>) -> Parsed<Body> {
    let kind = words.text("a scope")?;
    let football = SportId(0);
    let scope = match kind {
        "sport" => Scope::Sport(football),
        "type" => Scope::MarketType(football, words.text("a market type")?.to_string()),
        "competition" => Scope::Competition(words.text("a competition")?.to_string()),
        "fixture" => Scope::Fixture(words.fixture()?),
        "market" => Scope::Market(words.fixture()?, market(words)?),
        _ => return Err(format!("{kind:?} is not sport, type, competition, fixture or market")),
    };
    let mut settings = ScopeSettings::default();
    if is_limit {
        settings.loss_minor_max = Some(words.amount()?);
    }
    while let Some(key) = words.peek() {
        words.text("a key")?;
        match key {
            "loss" => settings.loss_minor_max = Some(words.amount()?),
            "referral" => settings.referral_stake_minor = Some(words.amount()?),
            "delay" => settings.bet_delay_ms = Some(words.duration_ns()? / 1_000_000),
            "margin" => settings.margin = Some(margin(words)?),
            _ => return Err(format!("{key:?} is not loss, delay, referral or margin")),
        }
    }
    Ok(Body::SetScope { scope, settings })
}

fn settle(words: &mut Words<'_>) -> Parsed<Body> {
    let (fixture, market, mut grades) = (words.fixture()?, market(words)?, Vec::new());
    if words.take_if("none") {
        return Ok(Body::SettleMarket { fixture, market, grades: None });
    }
    while words.peek().is_some() {
        grades.push(words.grade()?);
    }
    Ok(Body::SettleMarket { fixture, market, grades: Some(grades) })
}

fn prices(words: &mut Words<'_>) -> Parsed<Body> {
    let fixture = words.fixture()?;
    let odds_1x2_e4 = [words.odds()?, words.odds()?, words.odds()?];
    words.take_if("total");
    let total_line_quarters = words.decimal("a line", 4.0)? as i16;
    let odds_total_e4 = [words.odds()?, words.odds()?];
    Ok(football_prices(fixture, odds_1x2_e4, total_line_quarters, odds_total_e4))
}

fn expectation(words: &mut Words<'_>) -> Parsed<Body> {
    let fixture = words.fixture()?;
    words.take_if("supremacy");
    let supremacy_e6 = words.decimal("a supremacy", 1e6)?;
    words.take_if("total");
    let total_e6 = words.decimal("a total", 1e6)?;
    let mode = ExpectationMode::ALL.into_iter().find(|mode| words.take_if(mode.name()));
    let weight_e3 = match mode {
        Some(ExpectationMode::Blend) => words.decimal("a weight", 1e3)? as u32,
        _ => 0,
    };
    Ok(Body::SetExpectation { fixture, supremacy_e6, total_e6, mode, weight_e3 })
}

fn manual(words: &mut Words<'_>) -> Parsed<Body> {
    let (fixture, market, mut odds_e4) = (words.fixture()?, market(words)?, Vec::new());
    if words.take_if("none") {
        let (keeps_in_play, override_by) = (false, String::new());
        return Ok(Body::SetManualOdds { fixture, market, odds_e4: None, keeps_in_play, override_by });
    }
    while words.peek().is_some_and(|word| !matches!(word, "until_start" | "by")) {
        odds_e4.push(words.odds()?);
    }
    let keeps_in_play = !words.take_if("until_start");
    let override_by = if words.take_if("by") { words.text("a name")?.to_string() } else { String::new() };
    Ok(Body::SetManualOdds { fixture, market, odds_e4: Some(odds_e4), keeps_in_play, override_by })
}

fn margin(words: &mut Words<'_>) -> Parsed<Margin> {
    let name = words.text("a margin method")?;
    let method = MarginKind::from_name(name).ok_or(format!("{name:?} is not a margin method"))?;
    Ok(Margin { method, booksum_e4: words.odds()? })
}

fn policy(words: &mut Words<'_>) -> Parsed<OddsChange> {
    match words.text("a policy")? {
        "none" => Ok(OddsChange::None),
        "higher" => Ok(OddsChange::Higher),
        "any" => Ok(OddsChange::Any),
        "within" => {
            let share = words.text("a share")?;
            let percent: f64 =
                share.trim_end_matches('%').parse().map_err(|_| format!("{share:?} is not a share"))?;
            Ok(OddsChange::Within((percent * 100.0).round() as u32))
        }
        other => Err(format!("{other:?} is not none, higher, any or within")),
    }
}

pub(super) fn market(words: &mut Words<'_>) -> Parsed<MarketId> {
    Ok(MarketId::of(words.text("a market")?))
}

fn market_if_any(words: &mut Words<'_>) -> Parsed<Option<MarketId>> {
    if words.peek().is_some() { market(words).map(Some) } else { Ok(None) }
}

fn side(words: &mut Words<'_>) -> Parsed<Side> {
    match words.text("home or away")? {
        "home" => Ok(Side::Home),
        "away" => Ok(Side::Away),
        other => Err(format!("{other:?} is not home or away")),
    }
}

/// The words of a plan: one bet on all legs that are no bankers.
#[derive(Default)]
struct AskedPlan {
    system: Option<String>,
    sizes: Option<Vec<u8>>,
    bankers: Vec<u8>,
    each_way: Vec<u8>,
}

impl AskedPlan {
    fn plan(&self, leg_count: usize) -> Parsed<Option<Box<PlanRequest>>> {
        if self.system.is_none() && self.sizes.is_none() && self.each_way.is_empty() {
            return Ok(None);
        }
        let mask = |bits: &[u8]| bits.iter().fold(0_u64, |mask, bit| mask | 1 << bit);
        let bankers = mask(&self.bankers);
        let legs = ((1_u64 << leg_count) - 1) & !bankers;
        let count = legs.count_ones() as usize;
        let sizes = match (&self.system, &self.sizes) {
            (Some(name), _) => {
                let known = named(name).ok_or_else(|| format!("{name:?} is not a system"))?;
                known.bet(count, 1).map_err(|error| error.to_string())?.sizes
            }
            (None, Some(sizes)) => mask(sizes),
            (None, None) => 1 << count,
        };
        let parts = if self.each_way.is_empty() { Parts::Win } else { Parts::EachWay };
        let bet = Bet { legs, bankers, sizes, stake_minor: 0, stake_of: 1, parts, bonus: 0 };
        let each_way = self.each_way.iter().map(|&leg| EachWayLeg { leg, terms: None }).collect();
        Ok(Some(Box::new(PlanRequest { bets: vec![bet], each_way })))
    }
}

/// `0,2`.
fn numbers(text: &str) -> Parsed<Vec<u8>> {
    let number = |part: &str| part.parse().ok().filter(|&number: &u8| number < 63);
    text.split(',')
        .map(|part| number(part).ok_or_else(|| format!("{text:?} are not numbers such as 0,2")))
        .collect()
}
