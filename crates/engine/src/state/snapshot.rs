//! The stored state as bytes, its hash, and the way back. Derived values are recomputed on the way back.

use std::collections::{BTreeMap, BTreeSet};

use oddsengine_markets::{MarketId, SelectionId, Template};
use oddsengine_types::{Decode, DecodeError, Encode, FixtureId, Grade, Reader, StateHash, TicketId};

use oddsengine_facts::{Config, Leg, TicketState};

use super::State;
use super::changes::Changes;
use super::fixture::Fixture;
use crate::decide::settle::payout_of;
use crate::positions::plan_add;

/// What begins a snapshot. Raised when bytes of the same layout mean something else.
pub const SNAPSHOT_VERSION: u32 = 5;

/// The layout of the bytes after it: the hash of what facts that never change lead to (`tests/snapshot_layout.rs` says the new
/// number). Another one is of a build that stores its state otherwise, or folds to another: its snapshots are not read, and
/// recovery folds the records instead.
pub const SNAPSHOT_LAYOUT: u64 = 0xecf6_7cf8_bf64_a1fb;

/// Bytes of version and layout, at the beginning of a snapshot.
pub const SNAPSHOT_HEADER_SIZE: usize = 12;

impl State {
    /// The stored state. Equal states give equal bytes.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = Vec::new();
        (SNAPSHOT_VERSION, SNAPSHOT_LAYOUT).encode(&mut out);
        debug_assert_eq!(out.len(), SNAPSHOT_HEADER_SIZE);
        self.config.encode(&mut out);
        self.release.encode(&mut out);
        self.scopes.encode(&mut out);
        self.spaces.values().map(|space| space.definition.clone()).collect::<Vec<_>>().encode(&mut out);
        (self.epoch, self.now_ns, self.weighed_ns).encode(&mut out);
        (self.fixtures.len() as u32).encode(&mut out);
        self.fixtures.iter().for_each(|fixture| encode_fixture(fixture, &mut out));
        self.customers.encode(&mut out);
        self.tickets.encode(&mut out);
        self.ledger.encode(&mut out);
        self.sources.encode(&mut out);
        self.counters.encode(&mut out);
        let moved = self.moved.iter().map(|&index| self.fixtures[index as usize].id());
        moved.collect::<Vec<FixtureId>>().encode(&mut out);
        let waiting = self.settling.due().map(|(due_ns, index)| (due_ns, self.tickets[index as usize].id));
        waiting.collect::<Vec<(i64, TicketId)>>().encode(&mut out);
        let stuck = self.stuck.iter().map(|&index| self.tickets[index as usize].id);
        stuck.collect::<Vec<TicketId>>().encode(&mut out);
        out
    }

    /// The hash of the stored state: equal for live run, replay and recovery, in any build.
    pub fn state_hash(&self) -> StateHash {
        StateHash::of(&self.snapshot())
    }

    /// The engine of a snapshot.
    ///
    /// # Errors
    /// Bytes of another version or layout, or that are no snapshot.
    pub fn restore(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes);
        let version = u32::decode(&mut input)?;
        if version != SNAPSHOT_VERSION {
            return Err(
                input.error(format!("it is of version {version}, and this build reads {SNAPSHOT_VERSION}"))
            );
        }
        let layout = u64::decode(&mut input)?;
        if layout != SNAPSHOT_LAYOUT {
            return Err(input
                .error(format!("its layout is {layout:016x}, and this build reads {SNAPSHOT_LAYOUT:016x}")));
        }
        let config = Config::decode(&mut input)?;
        let mut engine = Self::new(config).map_err(|error| input.error(error.to_string()))?;
        engine.release = Decode::decode(&mut input)?;
        engine.scopes = Decode::decode(&mut input)?;
        for definition in Vec::<oddsengine_markets::SpaceDefinition>::decode(&mut input)? {
            engine.push_space(definition).map_err(|error| input.error(error.to_string()))?;
        }
        (engine.epoch, engine.now_ns, engine.weighed_ns) = Decode::decode(&mut input)?;
        for _ in 0..u32::decode(&mut input)? {
            engine.restore_fixture(&mut input)?;
        }
        engine.customers = Decode::decode(&mut input)?;
        engine.tickets = Decode::decode(&mut input)?;
        engine.ledger = Decode::decode(&mut input)?;
        engine.sources = Decode::decode(&mut input)?;
        engine.counters = Decode::decode(&mut input)?;
        let moved = Vec::<FixtureId>::decode(&mut input)?;
        let waiting = Vec::<(i64, TicketId)>::decode(&mut input)?;
        let stuck = Vec::<TicketId>::decode(&mut input)?;
        match input.remaining() {
            0 => {}
            left => return Err(input.error(format!("{left} bytes are left over"))),
        }
        engine.restore_tickets().map_err(|what| input.error(what))?;
        for id in moved {
            let Some(index) = engine.index_of(id) else {
                return Err(input.error(format!("fixture {id} moved and is not known")));
            };
            engine.moved.insert(index as u32);
        }
        engine.restore_settling(&waiting, &stuck).map_err(|what| input.error(what))?;
        engine.restore_stakes();
        engine.balance_books();
        Ok(engine)
    }

    fn restore_fixture(&mut self, input: &mut Reader<'_>) -> Result<(), DecodeError> {
        let request = oddsengine_facts::FixtureRequest::decode(input)?;
        request.format.check().map_err(|error| input.error(error.to_string()))?;
        let Some(template) = self.template_of(&request.format) else {
            return Err(input.error(format!("the space of fixture {} is not defined", request.fixture)));
        };
        let index = self.fixtures.len();
        self.push_fixture(request, template);
        let fixture = &mut self.fixtures[index];
        fixture.live = Decode::decode(input)?;
        if !fixture.live.fits(&fixture.request.format, fixture.template) {
            return Err(input.error(format!("the state of fixture {} is not one of its sport", fixture.id())));
        }
        fixture.parameters = Decode::decode(input)?;
        fixture.stops = Decode::decode(input)?;
        fixture.interruptions = Decode::decode(input)?;
        fixture.market_interruptions = by_index(BTreeMap::decode(input)?, template, input)?;
        fixture.fed_by = Decode::decode(input)?;
        fixture.heard_ns = Decode::decode(input)?;
        fixture.is_start_waived = Decode::decode(input)?;
        fixture.is_void_by_desk = Decode::decode(input)?;
        let told_by_desk: BTreeMap<MarketId, ()> =
            Vec::<MarketId>::decode(input)?.into_iter().map(|market| (market, ())).collect();
        fixture.told_by_desk = by_index(told_by_desk, template, input)?.into_keys().collect();
        fixture.void = Decode::decode(input)?;
        fixture.version = Decode::decode(input)?;
        for (selection, grade) in BTreeMap::<SelectionId, Grade>::decode(input)? {
            let Some(selection) = template.selection_of_id(selection) else {
                return Err(input.error(format!("the template has no selection {:016x}", selection.0)));
            };
            fixture.grades[selection] = Some(grade);
        }
        fixture.desk = by_index(BTreeMap::decode(input)?, template, input)?;
        fixture.told_grades = by_index(BTreeMap::decode(input)?, template, input)?;
        self.refresh_possible(index);
        self.watch_silence(index);
        // Prices are not stored: they are to be computed, and told to whoever asks.
        self.unpriced.insert(index as u32);
        self.untold.insert(index as u32);
        Ok(())
    }

    fn restore_tickets(&mut self) -> Result<(), String> {
        for index in 0..self.tickets.len() {
            for leg in 0..self.tickets[index].legs.len() {
                let place = self.place_of(&self.tickets[index].legs[leg])?;
                self.tickets[index].legs[leg].place = place;
            }
        }
        self.changes = Changes::of(&self.tickets);
        let refused = self.tickets.iter().enumerate().filter(|(_, ticket)| ticket.is_refused_at_once());
        let mut refused: Vec<(u64, u32)> =
            refused.map(|(index, ticket)| (ticket.change.seq, index as u32)).collect();
        refused.sort_unstable();
        self.refused = refused.into_iter().map(|(_, index)| index).collect();
        for (index, ticket) in self.tickets.iter().enumerate() {
            let index = index as u32;
            self.ticket_index.insert(ticket.id, index);
            if ticket.state == TicketState::Delayed {
                self.delayed.insert((ticket.due_ns, index));
            }
            if matches!(ticket.state, TicketState::Open | TicketState::Settled | TicketState::Cancelled) {
                for (leg_index, leg) in ticket.legs.iter().enumerate() {
                    let fixture = &mut self.fixtures[leg.place.fixture as usize];
                    fixture.legs.entry(leg.place.selection).or_default().push((index, leg_index as u8));
                }
            }
            if ticket.is_live() {
                for leg in ticket.legs.iter().filter(|leg: &&Leg| leg.grade.is_none()) {
                    plan_add(leg, ticket.stake_minor, &mut self.unbooked);
                }
            }
        }
        for index in 0..self.tickets.len() {
            self.count_bound_at(index as u32, true);
        }
        Ok(())
    }

    fn restore_settling(&mut self, waiting: &[(i64, TicketId)], stuck: &[TicketId]) -> Result<(), String> {
        let found = |state: &Self, id: TicketId| {
            let index = state.ticket_index.get(&id).copied();
            index.ok_or_else(|| format!("ticket {:032x} waits and is not known", id.0))
        };
        for &(due_ns, id) in waiting {
            let index = found(self, id)?;
            let ticket = &self.tickets[index as usize];
            if ticket.state != TicketState::Open || payout_of(ticket).is_none() {
                return Err(format!("ticket {:032x} waits to be settled and is not decided", id.0));
            }
            if self.settling.waits(index) {
                return Err(format!("ticket {:032x} waits twice to be settled", id.0));
            }
            self.settling.insert(due_ns, index);
        }
        for &id in stuck {
            let index = found(self, id)?;
            self.stuck.insert(index);
        }
        let regraded = (0..self.tickets.len() as u32).filter(|&index| self.is_regraded(index));
        self.regraded = regraded.filter(|index| !self.stuck.contains(index)).collect();
        Ok(())
    }
}

/// What is kept by market, by the markets' places in this template.
fn by_index<T>(
    of_markets: BTreeMap<MarketId, T>,
    template: &Template,
    input: &Reader<'_>,
) -> Result<BTreeMap<u16, T>, DecodeError> {
    let named = of_markets.into_iter().map(|(market, value)| match template.market_of_id(market) {
        Some(index) => Ok((index as u16, value)),
        None => Err(input.error(format!("the template has no market {:016x}", market.0))),
    });
    named.collect()
}

/// The same by name: a place is not the same in every release.
fn by_id<T: Clone>(of_markets: &BTreeMap<u16, T>, template: &Template) -> BTreeMap<MarketId, T> {
    let named =
        of_markets.iter().map(|(&market, value)| (template.market_id(usize::from(market)), value.clone()));
    named.collect()
}

/// The stored part of a fixture; margins, limits, expectations, possible outcomes and books are derived.
fn encode_fixture(fixture: &Fixture, out: &mut Vec<u8>) {
    let Fixture {
        request,
        live,
        parameters,
        stops,
        interruptions,
        market_interruptions,
        fed_by,
        heard_ns,
        is_start_waived,
        is_void_by_desk,
        told_by_desk,
        void,
        version,
        grades,
        desk,
        told_grades,
        ..
    } = fixture;
    let template = fixture.template;
    request.encode(out);
    live.encode(out);
    parameters.encode(out);
    stops.encode(out);
    interruptions.encode(out);
    by_id(market_interruptions, template).encode(out);
    fed_by.encode(out);
    heard_ns.encode(out);
    is_start_waived.encode(out);
    is_void_by_desk.encode(out);
    let told_by_desk: BTreeSet<MarketId> =
        told_by_desk.iter().map(|&market| template.market_id(usize::from(market))).collect();
    told_by_desk.into_iter().collect::<Vec<MarketId>>().encode(out);
    void.encode(out);
    version.encode(out);
    let decided = grades.iter().enumerate().filter_map(|(selection, grade)| Some((selection, (*grade)?)));
    let decided = decided.map(|(selection, grade)| (template.selection_id(selection), grade));
    decided.collect::<BTreeMap<SelectionId, Grade>>().encode(out);
    by_id(desk, template).encode(out);
    by_id(told_grades, template).encode(out);
}
