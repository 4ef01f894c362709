//! The stored state as bytes, its hash, and the way back. Derived values are recomputed on the way back.

use oddsengine_types::{Decode, DecodeError, Encode, Reader, StateHash};

use oddsengine_risk::Change;

use crate::changes::Changes;
use crate::config::Config;
use crate::engine::Engine;
use crate::fixture::Fixture;
use crate::placing::position_of;
use crate::status::TicketState;
use crate::trading::loss_of;

/// Format of the snapshot bytes.
pub const SNAPSHOT_VERSION: u32 = 3;

impl Engine {
    /// The stored state. Equal states give equal bytes.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = Vec::new();
        SNAPSHOT_VERSION.encode(&mut out);
        self.config.encode(&mut out);
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
        self.moved.iter().copied().collect::<Vec<u32>>().encode(&mut out);
        self.settling.due().collect::<Vec<(i64, u32)>>().encode(&mut out);
        out
    }

    /// The hash of the stored state: equal for live run, replay and recovery, in any build.
    pub fn state_hash(&self) -> StateHash {
        StateHash::of(&self.snapshot())
    }

    /// The engine of a snapshot.
    ///
    /// # Errors
    /// Bytes that are not a snapshot of this format.
    pub fn restore(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes);
        let version = u32::decode(&mut input)?;
        if version != SNAPSHOT_VERSION {
            return Err(input.error(format!("snapshot format {version} is not {SNAPSHOT_VERSION}")));
        }
        let config = Config::decode(&mut input)?;
        let mut engine = Self::new(config).map_err(|error| input.error(error.to_string()))?;
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
        let moved = Vec::<u32>::decode(&mut input)?;
        let settling = Vec::<(i64, u32)>::decode(&mut input)?;
        match input.remaining() {
            0 => {}
            left => return Err(input.error(format!("{left} bytes are left over"))),
        }
        engine.restore_tickets().map_err(|what| input.error(what))?;
        let fixture_count = engine.fixtures.len();
        if !moved.is_sorted_by(|a, b| a < b)
            || moved.last().is_some_and(|&last| last as usize >= fixture_count)
        {
            return Err(input.error("the moved fixtures are not ascending indexes"));
        }
        engine.moved = moved.into_iter().collect();
        engine.restore_settling(&settling).map_err(|what| input.error(what))?;
        engine.restore_stakes();
        Ok(engine)
    }

    fn restore_fixture(&mut self, input: &mut Reader<'_>) -> Result<(), DecodeError> {
        let request = crate::command::FixtureRequest::decode(input)?;
        request.format.check().map_err(|error| input.error(error.to_string()))?;
        let Some(template) = self.template_of(&request.format) else {
            return Err(input.error(format!("the space of fixture {} is not defined", request.fixture)));
        };
        let index = self.fixtures.len();
        self.push_fixture(request, template);
        let fixture = &mut self.fixtures[index];
        let count = fixture.odds_e4.len();
        fixture.live = Decode::decode(input)?;
        if !fixture.live.fits(&fixture.request.format, fixture.template) {
            return Err(input.error(format!("the state of fixture {} is not one of its sport", fixture.id())));
        }
        fixture.parameters = Decode::decode(input)?;
        fixture.stops = Decode::decode(input)?;
        fixture.interruptions = Decode::decode(input)?;
        fixture.market_interruptions = Decode::decode(input)?;
        fixture.fed_by = Decode::decode(input)?;
        fixture.heard_ns = Decode::decode(input)?;
        fixture.is_start_waived = Decode::decode(input)?;
        fixture.is_void_by_desk = Decode::decode(input)?;
        fixture.told_by_desk = Vec::<u16>::decode(input)?.into_iter().collect();
        fixture.void = Decode::decode(input)?;
        fixture.version = Decode::decode(input)?;
        fixture.odds_e4 = Decode::decode(input)?;
        fixture.grades = Decode::decode(input)?;
        fixture.desk = Decode::decode(input)?;
        fixture.told_grades = Decode::decode(input)?;
        if fixture.odds_e4.len() != count || fixture.grades.len() != count {
            return Err(
                input.error(format!("a fixture has {} selections instead of {count}", fixture.odds_e4.len()))
            );
        }
        self.refresh_possible(index);
        self.fill_expectations(index);
        self.watch_silence(index);
        Ok(())
    }

    fn restore_tickets(&mut self) -> Result<(), String> {
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
            for (leg_index, leg) in ticket.legs.iter().enumerate() {
                let fixture =
                    self.fixtures.get_mut(leg.fixture as usize).ok_or("a ticket has a leg on no fixture")?;
                if usize::from(leg.selection) >= fixture.odds_e4.len() {
                    return Err(format!("a ticket has a leg on selection {}", leg.selection));
                }
                if matches!(ticket.state, TicketState::Open | TicketState::Settled | TicketState::Cancelled) {
                    fixture.legs.entry(leg.selection).or_default().push((index, leg_index as u8));
                }
                if ticket.is_live() && leg.grade.is_none() {
                    let template = fixture.template();
                    fixture.book.change(
                        template,
                        &fixture.possible,
                        &[Change { position: position_of(leg, ticket.stake_minor), adds: true }],
                    );
                }
            }
        }
        for index in 0..self.fixtures.len() {
            debug_assert!(loss_of(&self.fixtures[index].book) >= 0);
            self.count_loss(index, 0);
        }
        Ok(())
    }
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
        odds_e4,
        grades,
        desk,
        told_grades,
        ..
    } = fixture;
    request.encode(out);
    live.encode(out);
    parameters.encode(out);
    stops.encode(out);
    interruptions.encode(out);
    market_interruptions.encode(out);
    fed_by.encode(out);
    heard_ns.encode(out);
    is_start_waived.encode(out);
    is_void_by_desk.encode(out);
    told_by_desk.iter().copied().collect::<Vec<u16>>().encode(out);
    void.encode(out);
    version.encode(out);
    odds_e4.encode(out);
    grades.encode(out);
    desk.encode(out);
    told_grades.encode(out);
}
