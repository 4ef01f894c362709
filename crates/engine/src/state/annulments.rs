//! Annulments that are known, with how far each has come, and commands that wait for a second person.
//!
//! What is void or cancelled by them stands on the tickets ([`TicketMarks`]): a ticket is marked by the first annulment that
//! covers it and was not taken back, so that what one takes back another one that covers it as well keeps.

use std::collections::BTreeMap;

use oddsengine_facts::{
    Annulment, AnnulmentEffect, AnnulmentRequest, PendingAction, Ticket, TicketMarks, TicketState,
};
use oddsengine_markets::MarketId;
use oddsengine_types::{Decode, DecodeError, Encode, Grade, Reader};

use super::State;

/// Most tickets that one slice of an annulment looks through for those that it covers.
pub(crate) const ANNULMENT_LOOKED_AT: usize = 1_024;

/// The annulments that are known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Annulments {
    /// By their numbers.
    pub known: BTreeMap<u32, Annulment>,
    /// Those of which tickets are yet to be looked at, and the place from which on.
    pub under_way: BTreeMap<u32, u32>,
    /// The number of the last one.
    pub last_number: u32,
}

impl Annulments {
    /// The one of this id.
    pub fn of_id(&self, annulment: u128) -> Option<(u32, &Annulment)> {
        let mut known = self.known.iter().rev();
        known.find(|(_, known)| known.request.annulment == annulment).map(|(&number, known)| (number, known))
    }

    /// The oldest one that is done: it makes room for another.
    pub fn oldest_done(&self) -> Option<u32> {
        self.known.keys().copied().find(|number| !self.under_way.contains_key(number))
    }
}

/// Commands that wait for a second person.
#[derive(Clone, Debug, Default)]
pub(crate) struct Actions {
    /// By their numbers.
    pub waiting: BTreeMap<u32, PendingAction>,
    /// The number of the last one.
    pub last_number: u32,
}

impl Actions {
    /// When the first of them is dropped.
    pub fn next_expiry_ns(&self) -> Option<i64> {
        self.waiting.values().filter_map(|action| action.expires_ns).min()
    }
}

impl State {
    /// Annulments that are known, by their numbers, and whether each is done.
    pub fn annulments_after(&self, number: u32) -> impl Iterator<Item = (u32, &Annulment, bool)> {
        let Annulments { known, under_way, .. } = &self.annulments;
        let after = known.range((std::ops::Bound::Excluded(number), std::ops::Bound::Unbounded));
        after.map(|(&number, annulment)| (number, annulment, !under_way.contains_key(&number)))
    }

    /// Commands that wait for a second person, by their numbers.
    pub fn actions_after(&self, number: u32) -> impl Iterator<Item = &PendingAction> {
        let after = (std::ops::Bound::Excluded(number), std::ops::Bound::Unbounded);
        self.actions.waiting.range(after).map(|(_, action)| action)
    }

    /// Annulments of which tickets are yet to be looked at.
    pub fn annulments_under_way(&self) -> usize {
        self.annulments.under_way.len()
    }

    /// The grade that a leg of a ticket is to have: void by an annulment, standing, or that of its selection.
    pub fn due_grade(&self, ticket: &Ticket, leg: usize) -> Option<Grade> {
        if ticket.marks.is_void(leg) {
            return Some(Grade::VOID);
        }
        let place = ticket.legs[leg].place;
        match ticket.marks.stands(leg) {
            true => ticket.legs[leg].grade,
            false => self.fixtures[place.fixture as usize].grades[usize::from(place.selection)],
        }
    }

    fn leg_is_covered(&self, request: &AnnulmentRequest, ticket: &Ticket, leg: usize) -> bool {
        let leg = &ticket.legs[leg];
        // Who covers all markets need not know which one it is.
        let market = request.market.map_or(MarketId(0), |_| self.market_id_of(leg.place));
        request.covers(ticket.customer, leg.fixture, market, ticket.decided_ns)
    }

    fn market_id_of(&self, place: oddsengine_facts::Place) -> MarketId {
        let template = self.fixtures[place.fixture as usize].template();
        template.market_id(usize::from(template.selections[usize::from(place.selection)].market))
    }

    /// A ticket that was accepted has a leg that this covers.
    pub(crate) fn is_covered(&self, request: &AnnulmentRequest, ticket: &Ticket) -> bool {
        matches!(ticket.state, TicketState::Open | TicketState::Settled | TicketState::Cancelled)
            && (0..ticket.legs.len()).any(|leg| self.leg_is_covered(request, ticket, leg))
    }

    /// Places of tickets from one on that are covered, at most so many, after looking at no more than so many; and the place
    /// that is looked at next.
    pub(crate) fn covered_from(
        &self,
        request: &AnnulmentRequest,
        from: u32,
        count_max: usize,
        looked_at_max: usize,
    ) -> (Vec<u32>, Option<u32>) {
        let mut places: Vec<u32> = Vec::new();
        let mut next = None;
        match request.fixture {
            Some(id) => {
                let Some(index) = self.index_of(id) else { return (Vec::new(), None) };
                let fixture = &self.fixtures[index];
                let template = fixture.template();
                let market = request.market.and_then(|market| template.market_of_id(market));
                let selections = market
                    .map_or(0..template.selections.len(), |market| template.markets[market].selections());
                let selections = selections.start as u16..selections.end as u16;
                let mut on_it = std::collections::BTreeSet::new();
                for (_, legs) in fixture.legs.range(selections) {
                    on_it.extend(legs.range((from, 0)..).map(|&(ticket, _)| ticket).take(looked_at_max + 1));
                }
                let mut on_it = on_it.into_iter();
                places.extend(on_it.by_ref().take(looked_at_max));
                next = on_it.next();
            }
            None => {
                let end = self.tickets.place_count() as u32;
                let until = from.saturating_add(looked_at_max as u32).min(end);
                places.extend((from..until).filter(|&place| self.tickets.get(place).is_some()));
                if until < end {
                    next = Some(until);
                }
            }
        }
        places.retain(|&place| self.is_covered(request, &self.tickets[place as usize]));
        if let Some(&first_left) = places.get(count_max) {
            next = Some(first_left);
            places.truncate(count_max);
        }
        (places, next)
    }

    /// The same for who looks at it, a page of a preview: of those that are not cancelled already.
    pub fn covered_page(
        &self,
        request: &AnnulmentRequest,
        from: u32,
        count_max: usize,
        looked_at_max: usize,
    ) -> (Vec<u32>, Option<u32>) {
        let (mut places, next) = self.covered_from(request, from, count_max, looked_at_max);
        places.retain(|&place| self.tickets[place as usize].state != TicketState::Cancelled);
        (places, next)
    }

    /// What stands on a ticket by the annulments that are known. What one that is known no more left on it stays.
    pub(crate) fn marks_due(&self, ticket: &Ticket) -> TicketMarks {
        let known = &self.annulments.known;
        let kept = |by: u32| if known.contains_key(&by) { 0 } else { by };
        let legs = 0..ticket.legs.len();
        let mut void_by: Vec<u32> =
            legs.map(|leg| ticket.marks.void_by.get(leg).copied().map_or(0, kept)).collect();
        let mut cancelled_by = kept(ticket.marks.cancelled_by);
        for (&number, annulment) in known.iter().filter(|(_, annulment)| !annulment.is_taken_back) {
            for (leg, void_by) in void_by.iter_mut().enumerate() {
                if !self.leg_is_covered(&annulment.request, ticket, leg) {
                    continue;
                }
                let by = match annulment.request.effect {
                    AnnulmentEffect::VoidLegs => void_by,
                    AnnulmentEffect::CancelTickets => &mut cancelled_by,
                };
                if *by == 0 {
                    *by = number;
                }
            }
        }
        if void_by.iter().all(|&by| by == 0) {
            void_by.clear();
        }
        TicketMarks { void_by, cancelled_by, ..ticket.marks.clone() }
    }

    /// An annulment that is no fixture's, and that could be taken back, stands on the ticket: it does not leave, since nobody
    /// would know where to look for it.
    pub(crate) fn is_marked_by_known(&self, ticket: &Ticket) -> bool {
        let marks = &ticket.marks;
        let mut by = marks.void_by.iter().copied().chain([marks.cancelled_by]).filter(|&by| by != 0);
        by.any(|by| self.annulments.known.get(&by).is_some_and(|known| known.request.fixture.is_none()))
    }

    /// A fixture is named by an annulment that could be taken back, or waits for a decision on its results.
    pub(crate) fn is_kept_for_settlement(&self, index: u32) -> bool {
        let fixture = &self.fixtures[index as usize];
        let is_named = |annulment: &Annulment| annulment.request.fixture == Some(fixture.id());
        let waits = fixture.held.values().any(|held| held.until_ns.is_some_and(|until| until > self.now_ns));
        !fixture.reviews.is_empty()
            || waits
            || self.annulments.known.values().any(is_named)
            || self.actions.waiting.values().any(|action| action.body.subject() == Some(fixture.id()))
    }

    pub(crate) fn encode_annulments(&self, out: &mut Vec<u8>) {
        let Annulments { known, under_way, last_number } = &self.annulments;
        known.encode(out);
        under_way.encode(out);
        last_number.encode(out);
        self.actions.waiting.encode(out);
        self.actions.last_number.encode(out);
    }

    pub(crate) fn decode_annulments(&mut self, input: &mut Reader<'_>) -> Result<(), DecodeError> {
        let (known, under_way) = Decode::decode(input)?;
        self.annulments = Annulments { known, under_way, last_number: Decode::decode(input)? };
        let waiting = Decode::decode(input)?;
        self.actions = Actions { waiting, last_number: Decode::decode(input)? };
        Ok(())
    }
}
