//! The stored state as bytes, its hash, and the way back. Derived values are recomputed on the way back.

use std::collections::BTreeSet;
use std::sync::Arc;

use oddsengine_facts::{Config, Ticket, TicketState};
use oddsengine_ledger::{Ledger, LedgerImage};
use oddsengine_types::{
    Address, CustomerId, Decode, DecodeError, Encode, FixtureId, Pages, Part, Reader, Sealed, Sparse,
    StateHash, StateHasher,
};

use super::changes::Changes;
use super::customers::{CUSTOMERS_PER_PAGE, Customer};
use super::due::StoredDue;
use super::fixture::StoredFixture;
use super::settling::{Settling, WAITS_PER_PAGE, Wait};
use super::transfers::{KeptTransfer, TRANSFERS_PER_PAGE};
use super::{State, TICKETS_PER_PAGE};
use crate::decide::settle::payout_of;
use crate::lines;
use crate::positions::plan_add;

/// What begins a snapshot. Raised when bytes of the same layout mean something else.
pub const SNAPSHOT_VERSION: u32 = 6;

/// The layout of the bytes after it: the hash of what facts that never change lead to (`tests/snapshot_layout.rs` says the new
/// number). Another one is of a build that stores its state otherwise, or folds to another: its snapshots are not read, and
/// recovery folds the records instead.
pub const SNAPSHOT_LAYOUT: u64 = 0x966d_df42_0abf_42d0;

/// Bytes of version and layout, at the beginning of a snapshot.
pub const SNAPSHOT_HEADER_SIZE: usize = 12;

/// Bytes that are encoded already.
#[derive(Clone, Debug, PartialEq)]
struct Raw(Vec<u8>);

impl Encode for Raw {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
}

/// A state as it was at some moment: its pages are shared with the state until that changes them, so that it is made in a
/// moment and can be encoded by another thread.
///
/// Its parts are the head, the fixtures, the pages of customers, of tickets and of what these wait for, those of the ledger. The head says how many
/// there are of each.
#[derive(Clone, Debug)]
pub struct StateImage {
    head: Sealed<Raw>,
    fixtures: Vec<Sealed<StoredFixture>>,
    customers: Pages<Option<(CustomerId, Customer)>, CUSTOMERS_PER_PAGE>,
    tickets: Pages<Option<Ticket>, TICKETS_PER_PAGE>,
    waits: Sparse<Wait, WAITS_PER_PAGE>,
    ledger: LedgerImage,
    transfers: Pages<Option<KeptTransfer>, TRANSFERS_PER_PAGE>,
}

impl StateImage {
    /// Its parts, in order.
    pub fn parts(&self) -> impl Iterator<Item = Arc<dyn Part>> {
        std::iter::once(self.head.part())
            .chain(self.fixtures.iter().map(Sealed::part))
            .chain(self.customers.parts())
            .chain(self.tickets.parts())
            .chain(self.waits.parts())
            .chain(self.ledger.parts())
            .chain(self.transfers.parts())
    }

    /// The hash of the state: of the hashes of its parts, computed where a part has changed.
    pub fn hash(&self) -> StateHash {
        let hashes = std::iter::once(self.head.hash())
            .chain(self.fixtures.iter().map(Sealed::hash))
            .chain(self.customers.hashes())
            .chain(self.tickets.hashes())
            .chain(self.waits.hashes())
            .chain(self.ledger.hashes())
            .chain(self.transfers.hashes());
        let mut hasher = StateHasher::default();
        hashes.for_each(|hash| hasher.update(&hash.0));
        hasher.finish()
    }
}

/// How many parts there are of each kind after the head.
#[derive(Clone, Copy, Debug)]
struct PartCounts {
    fixtures: u32,
    customers: u32,
    tickets: u32,
    waits: u32,
    ledger: [u32; 3],
    transfers: u32,
}
oddsengine_types::codec_struct!(PartCounts { fixtures, customers, tickets, waits, ledger, transfers });

impl PartCounts {
    fn total(&self) -> usize {
        [self.fixtures, self.customers, self.tickets, self.waits, self.transfers]
            .iter()
            .chain(&self.ledger)
            .map(|&count| count as usize)
            .sum()
    }
}

/// What the head says that is read before the pages and needed after them.
struct Waiting {
    last_change_seq: u64,
    moved: Vec<FixtureId>,
    due: StoredDue,
    free_places: Vec<u32>,
}

impl State {
    /// The stored state as it is now, however it changes.
    pub fn image(&self) -> StateImage {
        let (customers, tickets) = (self.customers.slots.pages(), self.tickets.pages());
        let ledger = self.ledger.image();
        let counts = PartCounts {
            fixtures: self.fixtures.len() as u32,
            customers: customers.page_count() as u32,
            tickets: tickets.page_count() as u32,
            waits: self.settling.waits().page_count() as u32,
            ledger: ledger.page_counts(),
            transfers: self.transfers.slots.pages().page_count() as u32,
        };
        StateImage {
            head: Sealed::new(Raw(self.head(counts))),
            fixtures: self.fixtures.iter().map(|fixture| fixture.stored().clone()).collect(),
            customers: customers.clone(),
            tickets: tickets.clone(),
            waits: self.settling.waits().clone(),
            ledger,
            transfers: self.transfers.slots.pages().clone(),
        }
    }

    /// What is stored beside fixtures, customers, tickets and money: it is small.
    fn head(&self, counts: PartCounts) -> Vec<u8> {
        let mut out = Vec::new();
        (SNAPSHOT_VERSION, SNAPSHOT_LAYOUT).encode(&mut out);
        debug_assert_eq!(out.len(), SNAPSHOT_HEADER_SIZE);
        counts.encode(&mut out);
        self.config.encode(&mut out);
        self.release.encode(&mut out);
        self.scopes.encode(&mut out);
        self.switches.encode(&mut out);
        self.spaces.values().map(|space| space.definition.clone()).collect::<Vec<_>>().encode(&mut out);
        (self.epoch, self.now_ns, self.weighed_ns).encode(&mut out);
        self.sources.encode(&mut out);
        self.counters.encode(&mut out);
        self.last_change_seq().encode(&mut out);
        let moved = self.moved.iter().map(|&index| self.fixtures[index as usize].id());
        moved.collect::<Vec<FixtureId>>().encode(&mut out);
        self.encode_due(&mut out);
        self.encode_annulments(&mut out);
        self.fixtures.free().iter().copied().collect::<Vec<u32>>().encode(&mut out);
        out
    }

    /// The stored state as bytes: the head, then each part after its length. Equal states give equal bytes.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (index, part) in self.image().parts().enumerate() {
            match index {
                0 => part.encode_part(&mut out),
                _ => {
                    let mut bytes = Vec::new();
                    part.encode_part(&mut bytes);
                    bytes.encode(&mut out);
                }
            }
        }
        out
    }

    /// The hash of the stored state: equal for live run, replay and recovery, in any build.
    pub fn state_hash(&self) -> StateHash {
        self.image().hash()
    }

    /// The engine of a snapshot.
    ///
    /// # Errors
    /// Bytes of another version or layout, or that are no snapshot.
    pub fn restore(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes);
        let (mut engine, counts, waiting) = Self::restore_head(&mut input)?;
        let mut parts = Vec::new();
        for _ in 0..counts.total() {
            let length = u32::decode(&mut input)?;
            parts.push(input.take(length as usize)?);
        }
        no_rest(&input)?;
        engine.restore_parts(counts, waiting, &parts)?;
        Ok(engine)
    }

    /// The engine of the parts of an image, each with the address under which it is kept.
    ///
    /// # Errors
    /// As [`State::restore`].
    pub fn restore_image(parts: &[(Address, Vec<u8>)]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(parts.first().map_or(&[], |(_, bytes)| bytes));
        let (mut engine, counts, waiting) = Self::restore_head(&mut input)?;
        no_rest(&input)?;
        if counts.total() + 1 != parts.len() {
            return Err(input.error(format!(
                "it has {} parts instead of {}",
                parts.len(),
                counts.total() + 1
            )));
        }
        let bytes: Vec<&[u8]> = parts[1..].iter().map(|(_, bytes)| bytes.as_slice()).collect();
        engine.restore_parts(counts, waiting, &bytes)?;
        // What is kept already is not to be kept again.
        for (part, (address, _)) in engine.image().parts().zip(parts).skip(1) {
            let _ = part.address().set(*address);
        }
        Ok(engine)
    }

    fn restore_head(input: &mut Reader<'_>) -> Result<(Self, PartCounts, Waiting), DecodeError> {
        let version = u32::decode(input)?;
        if version != SNAPSHOT_VERSION {
            return Err(
                input.error(format!("it is of version {version}, and this build reads {SNAPSHOT_VERSION}"))
            );
        }
        let layout = u64::decode(input)?;
        if layout != SNAPSHOT_LAYOUT {
            return Err(input
                .error(format!("its layout is {layout:016x}, and this build reads {SNAPSHOT_LAYOUT:016x}")));
        }
        let counts = PartCounts::decode(input)?;
        let config = Config::decode(input)?;
        let mut engine = Self::new(config).map_err(|error| input.error(error.to_string()))?;
        engine.release = Decode::decode(input)?;
        engine.scopes = Decode::decode(input)?;
        engine.switches = Decode::decode(input)?;
        for definition in Vec::<oddsengine_markets::SpaceDefinition>::decode(input)? {
            engine.push_space(definition).map_err(|error| input.error(error.to_string()))?;
        }
        (engine.epoch, engine.now_ns, engine.weighed_ns) = Decode::decode(input)?;
        engine.sources = Decode::decode(input)?;
        engine.counters = Decode::decode(input)?;
        let last_change_seq = Decode::decode(input)?;
        let moved = Decode::decode(input)?;
        let due = StoredDue::decode(input)?;
        engine.decode_annulments(input)?;
        let waiting = Waiting { last_change_seq, moved, due, free_places: Decode::decode(input)? };
        Ok((engine, counts, waiting))
    }

    fn restore_parts(
        &mut self,
        counts: PartCounts,
        waiting: Waiting,
        parts: &[&[u8]],
    ) -> Result<(), DecodeError> {
        let mut parts = parts.iter().map(|bytes| Reader::new(bytes));
        let mut next = || parts.next().ok_or_else(|| Reader::new(&[]).error("a part is missing"));
        let free: BTreeSet<u32> = waiting.free_places.iter().copied().collect();
        for _ in 0..counts.fixtures {
            self.fixtures.skip_free(&free);
            self.restore_fixture(&mut next()?)?;
        }
        self.fixtures.end_restore(free).map_err(|what| Reader::new(&[]).error(what))?;
        for _ in 0..counts.customers {
            self.customers.slots.push_page(&mut next()?)?;
        }
        for _ in 0..counts.tickets {
            self.tickets.push_page(&mut next()?)?;
        }
        let mut waits = Sparse::default();
        for _ in 0..counts.waits {
            waits.push_page(&mut next()?)?;
        }
        self.ledger = Ledger::of_pages(counts.ledger, &mut next)?;
        for _ in 0..counts.transfers {
            self.transfers.slots.push_page(&mut next()?)?;
        }
        let end = Reader::new(&[]);
        self.customers.index_all().map_err(|what| end.error(what))?;
        self.transfers.index_all().map_err(|what| end.error(what))?;
        self.restore_tickets(waiting.last_change_seq).map_err(|what| end.error(what))?;
        for &id in &waiting.moved {
            let Some(index) = self.index_of(id) else {
                return Err(end.error(format!("fixture {id} moved and is not known")));
            };
            self.moved.insert(index as u32);
        }
        self.restore_settling(waits).map_err(|what| end.error(what))?;
        self.restore_due(waiting.due).map_err(|what| end.error(what))?;
        self.restore_closed();
        self.restore_retiring();
        self.restore_stakes();
        self.recount_windows();
        self.balance_books();
        Ok(())
    }

    fn restore_fixture(&mut self, input: &mut Reader<'_>) -> Result<(), DecodeError> {
        let request = oddsengine_facts::FixtureRequest::decode(input)?;
        request.format.check().map_err(|error| input.error(error.to_string()))?;
        let Some(template) = self.template_of(&request.format) else {
            return Err(input.error(format!("the space of fixture {} is not defined", request.fixture)));
        };
        let id = request.fixture;
        if self.index_of(id).is_some() {
            return Err(input.error(format!("fixture {id} is there twice")));
        }
        self.push_fixture(request, template);
        let index = self.named_fixture(id).map_err(|what| input.error(what))?;
        self.fixtures[index].restore(input)?;
        no_rest(input)?;
        self.refresh_possible(index);
        self.note_play(index);
        self.note_unheard(index);
        self.note_fed(index);
        self.watch_silence(index);
        // Prices are not stored: they are to be computed, and told to whoever asks.
        self.unpriced.insert(index as u32);
        self.untold.insert(index as u32);
        Ok(())
    }

    fn restore_tickets(&mut self, last_change_seq: u64) -> Result<(), String> {
        for index in 0..self.tickets.place_count() {
            self.tickets.get(index as u32).map_or(Ok(()), lines::fits)?;
            let legs = self.tickets.get(index as u32).map_or(0, |ticket| ticket.legs.len());
            for leg in 0..legs {
                let place = self.place_of(&self.tickets[index].legs[leg])?;
                self.tickets[index].legs[leg].place = place;
            }
        }
        self.changes = Changes::of(&self.tickets, last_change_seq);
        let refused = self.tickets.entries().filter(|(_, ticket)| ticket.is_refused_at_once());
        let mut refused: Vec<(u64, u32)> =
            refused.map(|(index, ticket)| (ticket.change.seq, index)).collect();
        refused.sort_unstable();
        self.refused = refused.into_iter().map(|(_, index)| index).collect();
        for (index, ticket) in self.tickets.entries() {
            self.ticket_index.insert(ticket.id, index);
            let is_offered = matches!(ticket.state, TicketState::Reoffered(_));
            self.offer_count += u32::from(is_offered);
            if ticket.state.is_waiting() || is_offered {
                self.delayed.insert((ticket.due_ns, index));
            }
            if matches!(ticket.state, TicketState::Open | TicketState::Settled | TicketState::Cancelled) {
                for (leg_index, leg) in ticket.legs.iter().enumerate() {
                    let fixture = &mut self.fixtures[leg.place.fixture as usize];
                    fixture.legs.entry(leg.place.selection).or_default().insert((index, leg_index as u8));
                    if ticket.state == TicketState::Open && ticket.legs.len() > 1 {
                        fixture.accumulators.insert(index);
                    }
                }
            }
            if ticket.is_live() {
                plan_add(ticket, &mut self.unbooked);
            }
        }
        let is_waiting = |index: &u32| self.tickets[*index as usize].state.is_waiting();
        let delayed: Vec<u32> = self.delayed.iter().map(|&(_, index)| index).filter(is_waiting).collect();
        delayed.into_iter().for_each(|index| self.list_waiting(index, true));
        for index in 0..self.tickets.place_count() as u32 {
            if let Some(ticket) = self.tickets.get(index) {
                let legs: Vec<u32> = ticket.legs.iter().map(|leg| leg.place.fixture).collect();
                for fixture in legs {
                    self.fixtures[fixture as usize].kept_leg_count += 1;
                }
                self.count_bound_at(index, true);
            }
        }
        Ok(())
    }

    fn restore_settling(&mut self, waits: Sparse<Wait, WAITS_PER_PAGE>) -> Result<(), String> {
        for (index, wait) in waits.entries() {
            let Some(ticket) = self.tickets.get(index) else {
                return Err(format!("place {index} waits and holds no ticket"));
            };
            let name = format_args!("ticket {:032x}", ticket.id.0);
            if *wait == Wait::default() {
                return Err(format!("{name} is listed and waits for nothing"));
            }
            if wait.due_ns.is_some() && (ticket.state != TicketState::Open || payout_of(ticket).is_none()) {
                return Err(format!("{name} waits to be settled and is not decided"));
            }
        }
        self.settling = Settling::of(waits);
        Ok(())
    }
}

fn no_rest(input: &Reader<'_>) -> Result<(), DecodeError> {
    match input.remaining() {
        0 => Ok(()),
        left => Err(input.error(format!("{left} bytes are left over"))),
    }
}
