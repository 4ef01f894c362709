//! What becomes of a bet beside being taken or refused: part of it, an offer, a trader's word; and whom no bet is taken from.

use std::collections::BTreeMap;

use oddsengine_engine::{
    CustomerTerms, Handling, Leg, LegRequest, LimitCheck, LimitLevel, NextLimit, Offer, OnLimit, Origin,
    OwnLimitKind, Period, Reason, Referral, ReferralCause, Ruling, Scope, Standing, Switch, SwitchScope,
    Ticket, TicketRequest, TicketState, Verdict as Word, WindowPer,
};
use oddsengine_markets::{MarketId, SelectionId};
use oddsengine_types::{CustomerId, FixtureId, STAKE_MINOR_MAX, TicketId};

use super::lines;
use super::money::{self, Account};
use super::{Naive, NaiveTicket, Verdict};
use crate::told::{Answer, Facts};

const HOUR_NS: i64 = 3_600_000_000_000;

/// What is set about a customer beside the general factor.
#[derive(Clone, Debug, Default)]
pub struct NaiveFile {
    /// With the operator.
    pub standing: Standing,
    /// How bets are looked at.
    pub terms: CustomerTerms,
    /// Own limits, and the higher ones that wait.
    pub limits: BTreeMap<(OwnLimitKind, Period), (i64, Option<NextLimit>)>,
    /// When the first of them was set; bets that were archived by then, and so many deposits, do not count.
    pub since_ns: i64,
    /// These bets with what they had staked and returned by then: if one comes back and becomes another, the difference counts.
    pub archived: Vec<(TicketId, (i64, i64))>,
    /// See `since_ns`.
    pub deposit_count: usize,
}

/// A deposit, and when it was made.
#[derive(Clone, Copy, Debug)]
pub struct Deposited {
    /// When.
    pub time_ns: i64,
    /// By whom.
    pub customer: CustomerId,
    /// How much.
    pub amount_minor: i64,
}

/// What counts of a ticket against its customer's own limits.
fn staked_and_returned(ticket: &Ticket) -> (i64, i64) {
    if is_taken(ticket.state) { (ticket.stake_minor, ticket.paid_minor) } else { (0, 0) }
}

impl Naive {
    fn file(&self, customer: CustomerId) -> NaiveFile {
        self.files.get(&customer).cloned().unwrap_or_default()
    }

    pub(super) fn set_switch(
        &mut self,
        scope: &SwitchScope,
        is_off: bool,
        reason: &str,
        owner: &str,
        answers: &mut Vec<Answer>,
    ) -> Verdict {
        if reason.len() > 256 || (is_off && reason.is_empty()) {
            return Err(Reason::ValueOutOfBounds);
        }
        let about = match scope {
            SwitchScope::Of(Scope::Fixture(fixture) | Scope::Market(fixture, _)) => Some(*fixture),
            _ => None,
        };
        if is_off {
            let switch =
                Switch { owner: owner.to_string(), reason: reason.to_string(), since_ns: self.now_ns };
            self.switches.insert(scope.clone(), switch);
            answers.push(Answer::Alert("switched_off".into(), about));
            return Ok(());
        }
        self.switches.remove(scope).ok_or(Reason::OutOfSequence)?;
        answers.push(Answer::Alert("switched_on".into(), about));
        Ok(())
    }

    pub(super) fn set_standing(&mut self, customer: CustomerId, standing: Standing, reason: &str) -> Verdict {
        if reason.len() > 256 {
            return Err(Reason::ValueOutOfBounds);
        }
        if let Standing::SelfExcluded(until_ns) = self.file(customer).standing {
            let is_longer = matches!(standing, Standing::SelfExcluded(later_ns) if later_ns >= until_ns);
            if until_ns > self.now_ns && !is_longer {
                return Err(Reason::OutOfSequence);
            }
        }
        self.files.entry(customer).or_default().standing = standing;
        Ok(())
    }

    pub(super) fn set_terms(&mut self, customer: CustomerId, terms: &CustomerTerms) -> Verdict {
        terms.check().map_err(|_| Reason::ValueOutOfBounds)?;
        self.files.entry(customer).or_default().terms = terms.clone();
        Ok(())
    }

    pub(super) fn set_own_limit(
        &mut self,
        customer: CustomerId,
        key: (OwnLimitKind, Period),
        limit_minor: Option<i64>,
    ) -> Verdict {
        if limit_minor.is_some_and(|minor| !(0..=oddsengine_types::MONEY_MINOR_MAX / 100).contains(&minor)) {
            return Err(Reason::ValueOutOfBounds);
        }
        let from_ns = self.now_ns + self.config.limit_increase_ms * 1_000_000;
        let (now_ns, deposit_count) = (self.now_ns, self.deposits.len());
        let archived =
            self.archived.iter().map(|known| (known.ticket.id, staked_and_returned(&known.ticket))).collect();
        let known = self.file(customer).limits.get(&key).copied();
        if known.is_none() && limit_minor.is_none() {
            return Err(Reason::OutOfSequence);
        }
        let file = self.files.entry(customer).or_default();
        if file.limits.is_empty() {
            (file.since_ns, file.deposit_count, file.archived) = (now_ns, deposit_count, archived);
        }
        let now = match (known, limit_minor) {
            (None, Some(minor)) => (minor, None),
            (Some((present, _)), Some(minor)) if minor <= present => (minor, None),
            (Some((present, _)), limit_minor) => (present, Some(NextLimit { limit_minor, from_ns })),
            (None, None) => unreachable!("it was just refused"),
        };
        file.limits.insert(key, now);
        Ok(())
    }

    pub(super) fn confirm_own_limit(&mut self, customer: CustomerId, key: (OwnLimitKind, Period)) -> Verdict {
        let waiting = self.file(customer).limits.get(&key).and_then(|(_, next)| *next);
        let next = waiting.filter(|next| next.from_ns <= self.now_ns).ok_or(Reason::OutOfSequence)?;
        let file = self.files.entry(customer).or_default();
        match next.limit_minor {
            Some(minor) => drop(file.limits.insert(key, (minor, None))),
            None => drop(file.limits.remove(&key)),
        }
        Ok(())
    }

    /// What counts against a limit of a customer's own, from all that ever happened.
    pub fn own_used_minor(
        &self,
        customer: CustomerId,
        (kind, period): (OwnLimitKind, Period),
        at_ns: i64,
        except: Option<TicketId>,
    ) -> i64 {
        let NaiveFile { since_ns, archived, deposit_count, .. } = self.file(customer);
        let first = at_ns.div_euclid(HOUR_NS) - period.hours();
        let kept = self.now_ns.div_euclid(HOUR_NS) - 30 * 24;
        let first = first.max(kept);
        let counts = |time_ns: i64| time_ns >= since_ns && time_ns.div_euclid(HOUR_NS) >= first;
        if kind == OwnLimitKind::Deposit {
            let of_customer =
                self.deposits[deposit_count..].iter().filter(|known| known.customer == customer);
            return of_customer.filter(|known| counts(known.time_ns)).map(|known| known.amount_minor).sum();
        }
        let tickets = self.tickets.iter().chain(&self.archived).map(|known| &known.ticket);
        let of_customer = tickets.filter(|ticket| ticket.customer == customer && Some(ticket.id) != except);
        of_customer
            .filter(|ticket| counts(ticket.received_ns))
            .map(|ticket| {
                let before = archived.iter().find(|(id, _)| *id == ticket.id);
                let (staked_before, returned_before) = before.map_or((0, 0), |&(_, flow)| flow);
                let (staked, returned) = staked_and_returned(ticket);
                let returned = if kind == OwnLimitKind::Loss { returned - returned_before } else { 0 };
                staked - staked_before - returned
            })
            .sum()
    }

    /// Whether bets are taken at all; `by` is the way on which a bet came.
    pub(super) fn admits<'a>(
        &self,
        customer: CustomerId,
        legs: impl Iterator<Item = (FixtureId, SelectionId)> + 'a,
        by: Option<&Origin>,
    ) -> Verdict {
        let mut reasons = Vec::new();
        for scope in self.switches.keys() {
            match scope {
                SwitchScope::All => reasons.push(Reason::BettingDisabled),
                SwitchScope::Channel(name) => {
                    let names = by.map(|by| [&by.source, &by.principal.key, &by.principal.service]);
                    if names.is_some_and(|names| names.contains(&name)) {
                        reasons.push(Reason::ChannelDisabled);
                    }
                }
                SwitchScope::Customer(whose) if *whose == customer => reasons.push(Reason::CustomerDisabled),
                _ => {}
            }
        }
        match self.file(customer).standing {
            Standing::Active => {}
            Standing::Suspended => reasons.push(Reason::CustomerSuspended),
            Standing::SelfExcluded(until_ns) if until_ns > self.now_ns => {
                reasons.push(Reason::CustomerSelfExcluded);
            }
            Standing::SelfExcluded(_) => {}
            Standing::Closed => reasons.push(Reason::CustomerClosed),
        }
        for (id, selection) in legs {
            let Some(index) = self.index_of(id) else { continue };
            let request = &self.fixtures[index].request;
            let key = self.key_of(index, selection);
            for scope in self.switches.keys() {
                let SwitchScope::Of(scope) = scope else { continue };
                let (stops, reason) = match scope {
                    Scope::Sport(sport) => (*sport == request.sport(), Reason::SportDisabled),
                    Scope::Competition(name) => (*name == request.competition, Reason::CompetitionDisabled),
                    Scope::Fixture(fixture) => (*fixture == id, Reason::FixtureDisabled),
                    Scope::Market(fixture, market) => (
                        *fixture == id && key.as_ref().is_some_and(|key| MarketId::of(key) == *market),
                        Reason::MarketDisabled,
                    ),
                    Scope::MarketType(sport, stem) => (
                        *sport == request.sport()
                            && key.as_ref().is_some_and(|key| super::settings::stem(key) == *stem),
                        Reason::MarketDisabled,
                    ),
                };
                if stops {
                    reasons.push(reason);
                }
            }
        }
        super::judging::first_of(reasons.into_iter())
    }

    /// The market of a selection, by its key.
    fn key_of(&self, fixture: usize, selection: SelectionId) -> Option<String> {
        let template = self.fixtures[fixture].space.template;
        let place = template.selection_of_id(selection)?;
        Some(template.market_of(place).key.clone())
    }

    /// Whether a deposit is taken.
    pub(super) fn deposit_refusal(&self, customer: CustomerId, amount_minor: i64) -> Option<Reason> {
        let file = self.file(customer);
        if let Some(reason) = file.standing.refusal(self.now_ns) {
            return Some(reason);
        }
        let is_above = |((kind, period), (limit_minor, _)): (&(OwnLimitKind, Period), &(i64, _))| {
            *kind == OwnLimitKind::Deposit
                && self.own_used_minor(customer, (*kind, *period), self.now_ns, None) + amount_minor
                    > *limit_minor
        };
        file.limits.iter().any(is_above).then_some(Reason::ExceedsOwnDepositLimit)
    }

    /// The factor of a ticket: that of its leg with the least.
    pub(super) fn ticket_factor_e3(&self, ticket: &Ticket) -> u32 {
        let terms = self.file(ticket.customer).terms;
        let general = self.factor_e3(ticket.customer);
        let of_leg = |leg: &Leg| {
            let index = leg.place.fixture as usize;
            let (sport, in_play) = (self.fixtures[index].request.sport(), self.is_in_play(index));
            let find = |sport, in_play| {
                let of = terms.factors.iter().find(|of| (of.sport, of.in_play) == (sport, in_play));
                of.map(|of| of.factor_e3)
            };
            find(Some(sport), Some(in_play))
                .or_else(|| find(Some(sport), None))
                .or_else(|| find(None, Some(in_play)))
                .or_else(|| find(None, None))
                .unwrap_or(general)
        };
        ticket.legs.iter().map(of_leg).min().unwrap_or(general)
    }

    /// What is left of stake windows and of own limits.
    pub(super) fn window_checks(&self, ticket: &Ticket) -> Vec<LimitCheck> {
        let mut checks = Vec::new();
        for window in &self.config.stake_windows {
            let since_ns = ticket.received_ns - window.period_ms * 1_000_000;
            let is_same = |a: &Leg, b: &Leg| {
                let template = self.fixtures[a.place.fixture as usize].space.template;
                let market = |leg: &Leg| template.selections[usize::from(leg.place.selection)].market;
                match window.per {
                    WindowPer::Customer => true,
                    WindowPer::Fixture => a.fixture == b.fixture,
                    WindowPer::Market => a.fixture == b.fixture && market(a) == market(b),
                    WindowPer::Selection => (a.fixture, a.selection) == (b.fixture, b.selection),
                }
            };
            let used_minor = ticket.legs.iter().map(|leg| {
                let others = self.tickets.iter().map(|known| &known.ticket);
                let counts = |other: &&Ticket| {
                    other.customer == ticket.customer
                        && other.id != ticket.id
                        && is_taken(other.state)
                        && other.received_ns > since_ns
                        && other.legs.iter().any(|known| is_same(leg, known))
                };
                others.filter(counts).map(|other| other.stake_minor).sum::<i64>()
            });
            let used_minor = used_minor.max().unwrap_or(0);
            checks.push(LimitCheck {
                level: LimitLevel::Window,
                leg: None,
                limit_minor: window.stake_minor_max,
                used_minor,
                stake_minor_max: (window.stake_minor_max - used_minor).max(0),
                window: Some(window.name),
            });
        }
        for ((kind, period), (limit_minor, _)) in self.file(ticket.customer).limits {
            let level = match kind {
                OwnLimitKind::Deposit => continue,
                OwnLimitKind::Loss => LimitLevel::OwnLoss,
                OwnLimitKind::Stake => LimitLevel::OwnStake,
            };
            let used_minor =
                self.own_used_minor(ticket.customer, (kind, period), ticket.received_ns, Some(ticket.id));
            let left_minor = (limit_minor - used_minor).clamp(0, STAKE_MINOR_MAX);
            checks.push(LimitCheck {
                level,
                leg: None,
                limit_minor,
                used_minor,
                stake_minor_max: left_minor,
                window: None,
            });
        }
        checks
    }

    /// What the wishes make of a bet that was refused for a reason: taken in part, offered, or refused.
    pub(super) fn instead(&self, ticket: &mut Ticket, reason: Reason) -> Verdict {
        let wishes = ticket.handling.as_ref().map(|handling| handling.wishes).unwrap_or_default();
        let is_limit = (401..=419).contains(&(reason as u16));
        let has_moved = reason == Reason::OddsHaveMoved && wishes.reoffers_odds;
        if has_moved {
            let policy = std::mem::replace(&mut ticket.odds_change, oddsengine_engine::OddsChange::Any);
            let is_taken = self.check_prices(ticket, true);
            ticket.odds_change = policy;
            is_taken.map_err(|_| reason)?;
            let _ = self.judge_stake(ticket);
        } else if !is_limit {
            return Err(reason);
        }
        let largest =
            ticket.checks.iter().map(|check| check.stake_minor_max).min().expect("limits were checked");
        let fits = ticket.stake_minor <= largest;
        if !fits {
            let least = self.config.stake_minor_min.max(wishes.part_minor_min);
            if wishes.on_limit == OnLimit::Refuse || largest < least {
                return Err(reason);
            }
        }
        let asked_minor = ticket.stake_minor;
        let stake_minor = asked_minor.min(largest);
        if !has_moved && wishes.on_limit == OnLimit::Part {
            lines::restake(ticket, stake_minor);
            ticket.payout_minor_max = lines::payout_minor_max(ticket);
            return Ok(());
        }
        if self.config.offer_ms == 0 {
            return Err(reason);
        }
        let odds_e4: Vec<u32> = ticket.legs.iter().map(|leg| leg.odds_e4).collect();
        let due_ns = self.now_ns + self.config.offer_ms * 1_000_000;
        let handling = ticket.handling.as_mut().expect("it wishes something");
        handling.offer = Some(Offer {
            stake_minor,
            board_odds_e4: odds_e4.clone(),
            odds_e4,
            due_ns,
            reason,
            by: String::new(),
            is_taken: false,
        });
        (ticket.state, ticket.due_ns, ticket.decided_ns) =
            (TicketState::Reoffered(reason), due_ns, self.now_ns);
        Ok(())
    }

    /// Why a trader is asked.
    fn referral_of(&self, ticket: &Ticket) -> Option<(ReferralCause, i64)> {
        if ticket.handling.as_ref().is_some_and(|handling| handling.referral.is_some()) {
            return None;
        }
        let terms = self.file(ticket.customer).terms;
        if terms.is_flagged {
            return Some((ReferralCause::Customer, 0));
        }
        let of_leg = |leg: &Leg| {
            let (index, selection) = (leg.place.fixture as usize, usize::from(leg.place.selection));
            let own = self.setting(index, selection, |settings| settings.referral_stake_minor);
            own.or(self.config.referral_stake_minor)
        };
        let threshold = terms.referral_stake_minor.or_else(|| ticket.legs.iter().filter_map(of_leg).min())?;
        (ticket.stake_minor > threshold).then_some((ReferralCause::Stake, threshold))
    }

    /// How long a bet is delayed in all.
    fn delay_ns(&self, ticket: &Ticket) -> i64 {
        let of_leg = |leg: &Leg| {
            self.bet_delay_ms(leg.place.fixture as usize, usize::from(leg.place.selection)) * 1_000_000
        };
        let delay_ns = ticket.legs.iter().map(of_leg).max().unwrap_or(0);
        let mut expected = i128::from(ticket.payout_minor_max);
        for leg in &ticket.legs {
            expected = expected * i128::from(leg.fair_probability_e9) / 1_000_000_000;
        }
        let is_known =
            ticket.terms.bets.is_empty() && ticket.legs.iter().all(|leg| leg.fair_probability_e9 != 0);
        let is_small = is_known
            && self.config.delay_skip_minor > 0
            && expected <= i128::from(self.config.delay_skip_minor);
        let skips = is_small && !self.file(ticket.customer).terms.is_flagged;
        if skips { 0 } else { delay_ns }
    }

    /// Takes a bet that was judged: before a trader, on delay, or at once.
    pub(super) fn take(&mut self, ticket: &mut Ticket) {
        if let Some((cause, threshold_minor)) = self.referral_of(ticket) {
            let due_ns = self.now_ns + self.config.referral_ms * 1_000_000;
            self.hold_until(ticket, TicketState::Referred, due_ns);
            let referral = Referral {
                cause,
                threshold_minor,
                since_ns: self.now_ns,
                due_ns,
                verdict: None,
                by: String::new(),
                note: String::new(),
                decided_ns: 0,
            };
            let asked_minor = ticket.stake_minor;
            let handling = ticket.handling.get_or_insert_with(Default::default);
            if handling.asked_minor == 0 {
                handling.asked_minor = asked_minor;
            }
            handling.referral = Some(referral);
            return;
        }
        let delay_ns = self.delay_ns(ticket);
        match delay_ns {
            0 => {
                self.weigh(ticket);
                let stake = self.stake(ticket, false);
                self.postings.push(stake);
                self.accept(ticket);
            }
            delay_ns => self.hold_until(ticket, TicketState::Delayed, self.now_ns + delay_ns),
        }
    }

    /// Reserves the stake, until then.
    fn hold_until(&mut self, ticket: &mut Ticket, state: TicketState, due_ns: i64) {
        self.weigh(ticket);
        let stake = self.stake(ticket, true);
        self.postings.push(stake);
        (ticket.state, ticket.due_ns, ticket.decided_ns) = (state, due_ns, 0);
    }

    fn release_hold(&mut self, ticket: &Ticket) {
        let stake = self.stake(ticket, true);
        let reserved = self.postings.iter().rposition(|posting| *posting == stake);
        self.postings.remove(reserved.expect("the stake of a waiting ticket is reserved"));
    }

    /// A waiting ticket is over its time: what becomes of it.
    pub(super) fn end_due(&mut self, ticket: &mut Ticket) {
        match ticket.state {
            TicketState::Reoffered(_) => return self.refuse_offer(ticket, Reason::OfferExpired),
            TicketState::Referred if self.config.referral_takes_unanswered => {
                self.note_word(ticket, Word::Automatic, "", "");
                return self.end_referral(ticket);
            }
            TicketState::Referred => {
                self.note_word(ticket, Word::Expire, "", "");
                return self.decline(ticket, Reason::ReferralExpired);
            }
            _ => {}
        }
        self.end_delay(ticket);
    }

    fn end_delay(&mut self, ticket: &mut Ticket) {
        let verdict = self.judge_delayed(ticket);
        self.release_hold(ticket);
        match verdict {
            Ok(()) => {
                let stake = self.stake(ticket, false);
                self.postings.push(stake);
                self.weigh(ticket);
                self.accept(ticket);
            }
            Err(reason) => {
                self.refuse(ticket, reason);
                self.collect(ticket.customer);
            }
        }
    }

    /// A trader, or nobody, said yes: in play the rest of the delay is waited for.
    fn end_referral(&mut self, ticket: &mut Ticket) {
        match self.delay_ns(ticket) {
            0 => self.end_delay(ticket),
            delay_ns => {
                if let Err(reason) = self.judge_delayed(ticket) {
                    return self.decline(ticket, reason);
                }
                self.release_hold(ticket);
                let left_ns = (delay_ns - self.waited_ns(ticket)).max(1);
                self.hold_until(ticket, TicketState::Delayed, self.now_ns + left_ns);
            }
        }
    }

    /// How long it has been before a trader.
    fn waited_ns(&self, ticket: &Ticket) -> i64 {
        let referral = ticket.handling.as_ref().and_then(|handling| handling.referral.as_ref());
        self.now_ns - referral.expect("it was referred").since_ns
    }

    fn decline(&mut self, ticket: &mut Ticket, reason: Reason) {
        self.release_hold(ticket);
        self.refuse(ticket, reason);
        self.collect(ticket.customer);
    }

    fn note_word(&self, ticket: &mut Ticket, word: Word, by: &str, note: &str) {
        let handling = ticket.handling.as_mut().expect("it was referred");
        let referral = handling.referral.as_mut().expect("it was referred");
        referral.verdict = Some(word);
        referral.by = by.to_string();
        referral.note = note.to_string();
        referral.decided_ns = self.now_ns;
    }

    pub(super) fn rule(
        &mut self,
        id: TicketId,
        ruling: &Ruling,
        by: &str,
        facts: &Facts<'_>,
        answers: &mut Vec<Answer>,
    ) -> Verdict {
        let index =
            self.tickets.iter().position(|known| known.ticket.id == id).ok_or(Reason::TicketNotFound)?;
        let mut ticket = self.tickets[index].ticket.clone();
        if ticket.state != TicketState::Referred {
            return Err(Reason::TicketNotOpen);
        }
        self.check_ruling(&ticket, ruling)?;
        self.stop_overdue(answers);
        self.take_prices_at(facts, 0);
        self.note_word(&mut ticket, ruling.verdict, by, &ruling.note);
        // It holds nothing in the books while it is judged.
        ticket.legs.iter_mut().for_each(|leg| leg.unit_minor = 0);
        match ruling.verdict {
            Word::Accept => self.end_referral(&mut ticket),
            Word::Part => self.take_part(&mut ticket, ruling.stake_minor),
            Word::Counter => self.counter(&mut ticket, ruling, by),
            _ => self.decline(&mut ticket, Reason::ReferralDeclined),
        }
        self.put_decided(index, ticket, answers);
        Ok(())
    }

    fn check_ruling(&self, ticket: &Ticket, ruling: &Ruling) -> Verdict {
        let is_offer = ruling.verdict == Word::Counter;
        let has_stake = is_offer || ruling.verdict == Word::Part;
        let stakes = self.config.stake_minor_min..=ticket.stake_minor;
        if ruling.note.len() > 256
            || matches!(ruling.verdict, Word::Expire | Word::Automatic)
            || has_stake && !stakes.contains(&ruling.stake_minor)
            || has_stake && ruling.stake_minor % lines::steps(ticket).1 != 0
        {
            return Err(Reason::ValueOutOfBounds);
        }
        if is_offer && self.config.offer_ms == 0 {
            return Err(Reason::OutOfSequence);
        }
        let odds = &ruling.odds_e4;
        if !is_offer || odds.is_empty() {
            return Ok(());
        }
        let to_win: Vec<&Leg> = ticket.legs.iter().filter(|leg| leg.place_fraction_of == 0).collect();
        let fits = odds.len() == to_win.len()
            && odds
                .iter()
                .zip(to_win)
                .all(|(&odds_e4, leg)| super::is_odds(odds_e4).is_ok() && odds_e4 <= leg.requested_odds_e4);
        if fits { Ok(()) } else { Err(Reason::ValueOutOfBounds) }
    }

    fn take_part(&mut self, ticket: &mut Ticket, stake_minor: i64) {
        self.release_hold(ticket);
        self.collect(ticket.customer);
        ticket.handling.as_mut().expect("it was referred").is_rebooked = true;
        lines::restake(ticket, stake_minor);
        let verdict = self.judge_delayed(ticket).and_then(|()| self.check_funds(ticket));
        if let Err(reason) = verdict {
            return self.refuse(ticket, reason);
        }
        match self.delay_ns(ticket) {
            0 => {
                let stake = self.stake(ticket, false);
                self.postings.push(stake);
                self.weigh(ticket);
                self.accept(ticket);
            }
            delay_ns => {
                let left_ns = (delay_ns - self.waited_ns(ticket)).max(1);
                self.hold_until(ticket, TicketState::Delayed, self.now_ns + left_ns);
            }
        }
    }

    fn counter(&mut self, ticket: &mut Ticket, ruling: &Ruling, by: &str) {
        self.release_hold(ticket);
        self.collect(ticket.customer);
        let own = |leg: usize| match ticket.legs[leg].place_fraction_of {
            0 => leg,
            _ => usize::from(ticket.legs[leg].place_of),
        };
        let odds_e4 = (0..ticket.legs.len()).map(|leg| match ruling.odds_e4.get(own(leg)) {
            Some(&odds_e4) => odds_e4,
            None => ticket.legs[leg].odds_e4,
        });
        let board = (0..ticket.legs.len()).map(|leg| {
            let leg = &ticket.legs[own(leg)];
            let fixture = &self.fixtures[leg.place.fixture as usize];
            fixture.prices.odds_e4[fixture.space.slot(usize::from(leg.place.selection))]
        });
        let due_ns = self.now_ns + self.config.offer_ms * 1_000_000;
        let offer = Offer {
            stake_minor: ruling.stake_minor,
            odds_e4: odds_e4.collect(),
            board_odds_e4: board.collect(),
            due_ns,
            reason: Reason::ReferralDeclined,
            by: by.to_string(),
            is_taken: false,
        };
        for leg in 0..ticket.legs.len() {
            ticket.legs[leg].version = self.version(ticket.legs[leg].place.fixture as usize);
        }
        let handling = ticket.handling.as_mut().expect("it was referred");
        (handling.is_rebooked, handling.offer) = (true, Some(offer));
        ticket.state = TicketState::Reoffered(Reason::ReferralDeclined);
        (ticket.due_ns, ticket.decided_ns) = (due_ns, self.now_ns);
    }

    pub(super) fn answer_offer(
        &mut self,
        (id, customer, takes): (TicketId, CustomerId, bool),
        by: &Origin,
        facts: &Facts<'_>,
        answers: &mut Vec<Answer>,
    ) -> Verdict {
        let is_it = |known: &NaiveTicket| known.ticket.id == id && known.ticket.customer == customer;
        let index = self.tickets.iter().position(is_it).ok_or(Reason::TicketNotFound)?;
        let mut ticket = self.tickets[index].ticket.clone();
        let offer = ticket.handling.as_ref().and_then(|handling| handling.offer.clone());
        if !matches!(ticket.state, TicketState::Reoffered(_)) {
            let is_same = offer.is_some_and(|offer| offer.is_taken == takes);
            if is_same {
                answers.push(Answer::Decision(id, ticket.state, true));
            }
            return if is_same { Ok(()) } else { Err(Reason::TicketNotOpen) };
        }
        let offer = offer.expect("something is offered");
        self.stop_overdue(answers);
        self.take_prices_at(facts, 0);
        let verdict = if !takes {
            Err(Reason::OfferDeclined)
        } else if ticket.due_ns <= self.now_ns {
            Err(Reason::OfferExpired)
        } else {
            let handling: &mut Handling = ticket.handling.as_mut().expect("something is offered");
            handling.offer = Some(Offer { is_taken: true, ..offer.clone() });
            lines::restake(&mut ticket, offer.stake_minor);
            for (leg, odds_e4) in ticket.legs.iter_mut().zip(&offer.odds_e4) {
                leg.requested_odds_e4 = *odds_e4;
                leg.quoted_version = leg.version;
            }
            self.judge_taken(&mut ticket, by)
        };
        match verdict {
            Ok(()) => self.take(&mut ticket),
            Err(reason) => self.refuse_offer(&mut ticket, reason),
        }
        self.put_decided(index, ticket, answers);
        Ok(())
    }

    /// As if it had been refused at once, unless a stake was reserved for a trader before.
    fn refuse_offer(&mut self, ticket: &mut Ticket, reason: Reason) {
        self.refuse(ticket, reason);
        if ticket.handling.as_ref().is_some_and(|handling| handling.referral.is_none()) {
            ticket.due_ns = 0;
        }
    }

    fn judge_taken(&self, ticket: &mut Ticket, by: &Origin) -> Verdict {
        if self.factor_e3(ticket.customer) == 0 {
            return Err(Reason::CustomerBlocked);
        }
        let legs: Vec<_> = ticket.legs.iter().map(|leg| (leg.fixture, leg.selection)).collect();
        self.admits(ticket.customer, legs.into_iter(), Some(by))?;
        self.check_prices(ticket, true)?;
        self.judge_stake(ticket)?;
        self.check_funds(ticket)
    }

    pub(super) fn check_funds(&self, ticket: &Ticket) -> Verdict {
        let cash = Account::Cash(ticket.customer);
        if money::available_minor(&self.postings, cash, self.config.currency) < ticket.stake_minor {
            return Err(Reason::BalanceTooSmall);
        }
        self.check_debt(ticket.customer)
    }

    /// Writes down what became of a ticket that was there.
    pub(super) fn put_decided(&mut self, index: usize, ticket: Ticket, answers: &mut Vec<Answer>) {
        answers.push(Answer::Decision(ticket.id, ticket.state, false));
        let is_live = is_live(ticket.state);
        self.tickets[index].ticket = ticket;
        if is_live {
            self.measure_taken(index);
        }
    }
}

/// Money of it is at stake.
pub(super) fn is_live(state: TicketState) -> bool {
    matches!(state, TicketState::Open | TicketState::Delayed | TicketState::Referred)
}

/// It counts as a stake.
fn is_taken(state: TicketState) -> bool {
    is_live(state) || state == TicketState::Settled
}

/// The fixtures and selections that a request is about.
pub(super) fn legs_of(request: &TicketRequest) -> impl Iterator<Item = (FixtureId, SelectionId)> + use<> {
    let legs: Vec<LegRequest> = request.legs.clone();
    legs.into_iter().map(|leg| (leg.fixture, leg.selection))
}
