//! Results with their certainty, reviews, bets that came after what decides them, and corrections of results that stood.

use oddsengine_facts::annulment::WHY_BYTES_MAX;
use oddsengine_facts::{
    AnnulmentEffect, AnnulmentRequest, Body, Certainty, Channel, CorrectionRule, Fact, Origin, Reason,
    ResultTold, Ticket, TicketMarks, TicketState, VoidKind,
};
use oddsengine_markets::MarketId;
use oddsengine_types::{BoundsError, FixtureId, Grade, StateHasher};

use super::out_of_bounds;
use crate::state::State;
use crate::state::fixture::Held;
use crate::step::{Refusal, Step};

/// Most tickets that are looked through for those that came too late, and for what an action would move.
pub(crate) const LOOKED_AT_MAX: usize = 4_096;
/// Most reviews of one fixture: of itself and of its markets.
pub const REVIEWS_PER_FIXTURE_MAX: usize = 64;
/// Most tickets that an alert names.
const NAMED_MAX: usize = 8;

impl Step<'_> {
    /// A feed or a trader says how a market ended, and how sure that is.
    pub(super) fn tell_result(&mut self, result: &ResultTold, origin: &Origin) -> Result<(), Refusal> {
        let index = self.known_fixture(result.fixture)?;
        let place = self.known_market(index, result.market)?;
        self.judge_told(index, place, Some(&result.grades), origin.channel)?;
        let until_ns = match result.certainty {
            Certainty::Confirmed => None,
            Certainty::Provisional => Some(match self.config.settlement.provisional_pays_after_ms {
                0 => i64::MAX,
                after_ms => self.now_ns.saturating_add(after_ms.saturating_mul(1_000_000)),
            }),
        };
        let held = self.fixtures[index].held.get(&place).copied().unwrap_or_default();
        let (fixture, market, is_correction) = (result.fixture, result.market, result.is_correction);
        // The same result told again as provisional waits no longer for that.
        let is_repeat = self.fixtures[index].told_grades.get(&place) == Some(&result.grades)
            && held.until_ns.is_some()
            && until_ns.is_some();
        let until_ns = if is_repeat { held.until_ns } else { until_ns };
        let by_desk = origin.channel != Channel::Feed;
        self.fact(Fact::GradesTold { fixture, market, grades: Some(result.grades.clone()), by_desk });
        if held != (Held { until_ns, is_correction }) {
            self.fact(Fact::ResultHeld { fixture, market, until_ns, is_correction });
        }
        self.regrade_and_settle(index);
        if result.happened_ns != 0 {
            self.find_past_posted(result, origin);
        }
        Ok(())
    }

    /// Grades told in one word: whatever was provisional or a correction before is neither any more.
    pub(super) fn end_hold(&mut self, index: usize, fixture: FixtureId, market: MarketId, place: u16) {
        if self.fixtures[index].held.contains_key(&place) {
            self.fact(Fact::ResultHeld { fixture, market, until_ns: None, is_correction: false });
        }
    }

    /// Begins or lifts a review. A feed lifts what it began; what the desk began the desk lifts.
    pub(super) fn set_review(
        &mut self,
        id: FixtureId,
        market: Option<MarketId>,
        why: Option<&str>,
    ) -> Result<(), Refusal> {
        let index = self.known_fixture(id)?;
        let place = market.map(|market| self.known_market(index, market)).transpose()?;
        let reviews = &self.fixtures[index].reviews;
        if reviews.get(&place).map(String::as_str) == why {
            return Ok(());
        }
        if why.is_some_and(|why| why.is_empty() || why.len() > WHY_BYTES_MAX) {
            let length = why.map_or(0, str::len);
            return Err(out_of_bounds(BoundsError::outside("bytes of why", length, 1, WHY_BYTES_MAX)));
        }
        if why.is_some() && !reviews.contains_key(&place) && reviews.len() >= REVIEWS_PER_FIXTURE_MAX {
            let count = REVIEWS_PER_FIXTURE_MAX + 1;
            return Err(out_of_bounds(BoundsError::outside("reviews", count, 0, REVIEWS_PER_FIXTURE_MAX)));
        }
        self.fact(Fact::ReviewSet { fixture: id, market, why: why.map(str::to_owned) });
        if why.is_none() {
            self.settle_regraded(index);
        }
        Ok(())
    }

    /// Reports bets on a market that were accepted after what decides it had happened; where that is configured, voiding them
    /// waits for a second person.
    fn find_past_posted(&mut self, result: &ResultTold, origin: &Origin) {
        let (fixture, happened_ns) = (result.fixture, result.happened_ns);
        let request = AnnulmentRequest {
            annulment: past_post_id(result),
            effect: AnnulmentEffect::VoidLegs,
            customer: None,
            fixture: Some(fixture),
            market: Some(result.market),
            from_ns: Some(happened_ns),
            until_ns: Some(self.now_ns.saturating_add(1)),
            why: format!("accepted after {happened_ns}"),
        };
        let (places, next) = self.covered_from(&request, 0, LOOKED_AT_MAX, LOOKED_AT_MAX);
        let late: Vec<&Ticket> = places
            .iter()
            .map(|&place| &self.tickets[place as usize])
            .filter(|ticket| ticket.state != TicketState::Cancelled)
            .collect();
        if late.is_empty() {
            return;
        }
        let stake_minor: i64 = late.iter().map(|ticket| ticket.stake_minor).sum();
        let named: Vec<String> =
            late.iter().take(NAMED_MAX).map(|ticket| format!("{:032x}", ticket.id.0)).collect();
        let (count, more) = (late.len(), if next.is_some() { " or more" } else { "" });
        let key = self.market_key(fixture, result.market);
        let message = format!(
            "{count}{more} bets on {key} with stakes of {stake_minor} were accepted after it was decided at {happened_ns}: {}",
            named.join(", ")
        );
        self.alert("past_post", Some(fixture), message);
        if self.config.settlement.past_post_voids && self.annulments.of_id(request.annulment).is_none() {
            self.wait_for_second_person(&Body::Annul(Box::new(request)), origin);
        }
    }

    /// Legs of a settled ticket whose correction comes too late by the rules that it was struck under stand from now on.
    pub(super) fn let_stand(&mut self, index: u32) {
        let ticket = &self.tickets[index as usize];
        let rule = self.config.settlement.rules_of(ticket.terms.rules).correction;
        let is_over = match rule {
            CorrectionRule::Resettle => return,
            CorrectionRule::Stand | CorrectionRule::Goodwill => true,
            CorrectionRule::Within(window_ms) => {
                self.now_ns.saturating_sub(ticket.closed_ns) > window_ms.saturating_mul(1_000_000)
            }
        };
        let corrected = self.corrected_legs(ticket);
        if !is_over || corrected == 0 {
            return;
        }
        let ticket = ticket.clone();
        if rule == CorrectionRule::Goodwill
            && ticket.marks.standing_legs == 0
            && let Some(more_minor) = self.payout_anew(&ticket).map(|payout| payout - ticket.paid_minor)
            && more_minor > 0
            && let Err(error) = self.book_goodwill(&ticket, more_minor)
        {
            self.alert("ticket_stopped", None, super::money::stopped(&ticket, error));
        }
        let standing_legs = ticket.marks.standing_legs | corrected;
        let marks = TicketMarks { standing_legs, ..ticket.marks };
        self.fact(Fact::TicketMarked { ticket: ticket.id, marks });
    }
}

impl State {
    /// Until when nothing is paid on a ticket; none where nothing holds it.
    pub(crate) fn held_until_ns(&self, ticket: &Ticket) -> Option<i64> {
        let held = ticket.legs.iter().enumerate().filter(|(leg, _)| !ticket.marks.is_void(*leg));
        let held = held.filter_map(|(_, leg)| {
            let fixture = &self.fixtures[leg.place.fixture as usize];
            // Nearly always: neither looked for.
            if fixture.reviews.is_empty() && fixture.held.is_empty() {
                return None;
            }
            fixture.held_until_ns(fixture.template().selections[usize::from(leg.place.selection)].market)
        });
        held.max().filter(|&until_ns| until_ns > self.now_ns)
    }

    /// The grades told of a market can be its: as many as its selections, as some outcome has them, and not against the desk.
    pub(super) fn judge_told(
        &self,
        index: usize,
        place: u16,
        grades: Option<&[Grade]>,
        by: Channel,
    ) -> Result<(), Refusal> {
        let fixture = &self.fixtures[index];
        let (id, definition) = (fixture.id(), &fixture.template().markets[usize::from(place)]);
        let key = &definition.key;
        if by == Channel::Feed && fixture.told_by_desk.contains(&place) {
            return Err((Reason::OutOfSequence, format!("{key} of fixture {id} was graded by the desk")));
        }
        let Some(grades) = grades else { return Ok(()) };
        let count = definition.selections().len();
        if grades.len() != count {
            let detail = format!("{} grades for a market of {count} selections", grades.len());
            return Err((Reason::ValueOutOfBounds, detail));
        }
        if !fixture.template().admits_grades(usize::from(place), grades) {
            let told: Vec<String> = grades.iter().map(ToString::to_string).collect();
            let detail = format!("no outcome grades {key} as {}", told.join(", "));
            return Err((Reason::ValueOutOfBounds, detail));
        }
        Ok(())
    }

    fn market_key(&self, fixture: FixtureId, market: MarketId) -> String {
        let fixture = self.fixture(fixture);
        let place = fixture.and_then(|fixture| fixture.template().market_of_id(market));
        let key = fixture.zip(place).map(|(fixture, place)| fixture.template().markets[place].key.clone());
        key.unwrap_or_default()
    }

    /// Legs that are to be graded otherwise because their market's result was corrected: bit `n` for leg `n`.
    fn corrected_legs(&self, ticket: &Ticket) -> u64 {
        let is_corrected = |&leg: &usize| {
            let place = ticket.legs[leg].place;
            let fixture = &self.fixtures[place.fixture as usize];
            let market = fixture.template().selections[usize::from(place.selection)].market;
            // A void is no corrected result.
            fixture.void == VoidKind::Nothing
                && fixture.held.get(&market).is_some_and(|held| held.is_correction)
                && self.due_grade(ticket, leg) != ticket.legs[leg].grade
        };
        (0..ticket.legs.len().min(64)).filter(is_corrected).fold(0, |legs, leg| legs | 1 << leg)
    }
}

/// The same event decides a market once.
fn past_post_id(result: &ResultTold) -> u128 {
    let mut hasher = StateHasher::default();
    hasher.update(b"past_post");
    hasher.update(&result.fixture.0.to_le_bytes());
    hasher.update(&result.market.0.to_le_bytes());
    hasher.update(&result.happened_ns.to_le_bytes());
    u128::from_le_bytes(hasher.finish().0[..16].try_into().expect("a hash has more bytes"))
}
