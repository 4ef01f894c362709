//! Fixtures and ids of deposits and withdrawals that left the hot state, and the commands that bring them back: before a command
//! or a query that names one, and before a ticket on one.

use std::collections::BTreeSet;

use oddsengine_engine::{
    Body, BookedTransfer, Command, Fact, Origin, Record, Scope, Ticket, WholeFixture, command, decode_record,
    encode_parts,
};
use oddsengine_feeds::Query;
use oddsengine_types::{FixtureId, TransferId};

use super::Service;
use crate::journal::{ArchivedRow, JournalError};

/// One place for fixtures in so many is for feeds and the desk alone.
const PLACES_OF_FEEDS: usize = 16;

/// What brings something back, in the format of records: it is read by later releases as well.
pub(super) fn bytes_of(fact: Fact, time_ns: i64) -> Vec<u8> {
    let body = Body::Tick { read_ns: time_ns };
    let mut bytes = Vec::new();
    encode_parts(&Command { time_ns, origin: Origin::default(), body }, &[fact], &mut bytes);
    bytes
}

/// The fact of a row of the archive.
pub(super) fn fact_of(bytes: &[u8]) -> Result<Fact, JournalError> {
    let Record { mut facts, .. } = decode_record(bytes).map_err(|error| broken(&error.to_string()))?;
    facts.pop().ok_or_else(|| broken("a row holds nothing"))
}

pub(super) fn broken(reason: &str) -> JournalError {
    JournalError::ArchiveUnreadable { reason: reason.to_owned() }
}

fn fixture_of(bytes: &[u8]) -> Result<WholeFixture, JournalError> {
    match fact_of(bytes)? {
        Fact::FixtureRecalled { fixture } => Ok(*fixture),
        _ => Err(broken("a row holds no fixture")),
    }
}

fn transfer_of(bytes: &[u8]) -> Result<BookedTransfer, JournalError> {
    match fact_of(bytes)? {
        Fact::MoneyRecalled { transfer } => Ok(transfer),
        _ => Err(broken("a row holds no transfer")),
    }
}

/// The rows of what a record took to the archive.
pub(super) fn rows_of_fixtures(fixtures: Vec<WholeFixture>, time_ns: i64) -> Vec<ArchivedRow<u64>> {
    let row = |fixture: WholeFixture| ArchivedRow {
        id: fixture.request.fixture.0,
        bytes: bytes_of(Fact::FixtureRecalled { fixture: Box::new(fixture) }, time_ns),
    };
    fixtures.into_iter().map(row).collect()
}

pub(super) fn rows_of_transfers(transfers: Vec<BookedTransfer>, time_ns: i64) -> Vec<ArchivedRow<u128>> {
    let row = |transfer: BookedTransfer| ArchivedRow {
        id: transfer.request.transfer.0,
        bytes: bytes_of(Fact::MoneyRecalled { transfer }, time_ns),
    };
    transfers.into_iter().map(row).collect()
}

impl Service {
    /// A fixture of the archive. While none ever went there it costs nothing, and one point query otherwise.
    fn archived_fixture(&self, id: FixtureId) -> Result<Option<WholeFixture>, JournalError> {
        if self.engine.counters().archived_fixture_count == 0 {
            return Ok(None);
        }
        if let Some(bytes) = self.archive.recent_fixture(id.0) {
            return fixture_of(bytes).map(Some);
        }
        let Some(reader) = self.archive_reader()? else { return Ok(None) };
        reader.fixture(id.0)?.map(|bytes| fixture_of(&bytes)).transpose()
    }

    fn archived_transfer(&self, id: TransferId) -> Result<Option<BookedTransfer>, JournalError> {
        if self.engine.counters().archived_transfer_count == 0 {
            return Ok(None);
        }
        if let Some(bytes) = self.archive.recent_transfer(id.0) {
            return transfer_of(bytes).map(Some);
        }
        let Some(reader) = self.archive_reader()? else { return Ok(None) };
        reader.transfer(id.0)?.map(|bytes| transfer_of(&bytes)).transpose()
    }

    /// Brings back the fixtures that a command names, and the id of a deposit or a withdrawal.
    pub(super) fn recall_named(&mut self, command: &Command) -> Result<(), JournalError> {
        if let Body::Deposit(request) | Body::Withdraw(request) = &command.body {
            return self.recall_transfer(request.transfer, command.time_ns);
        }
        if self.engine.counters().archived_fixture_count == 0 {
            return Ok(());
        }
        // What feeds and the desk say is heard. A bet on what is over is refused either way: it does not fill the memory.
        let is_bet = matches!(command.body, Body::PlaceTicket(_));
        if is_bet && !self.has_room_for_fixtures() {
            return Ok(());
        }
        self.recall_fixtures(command.body.named_fixtures(), command.time_ns)
    }

    /// Brings back the fixtures that a query names, as far as there is room for them.
    pub(super) fn recall_asked_about(&mut self, query: &Query, time_ns: i64) {
        if self.engine.counters().archived_fixture_count == 0 || !self.has_room_for_fixtures() {
            return;
        }
        let named: Vec<FixtureId> = match query {
            Query::Image { fixture } => vec![*fixture],
            Query::Exposure { scope: Some(Scope::Fixture(fixture) | Scope::Market(fixture, _)), .. } => {
                vec![*fixture]
            }
            Query::MaxStake(request) => request.legs.iter().map(|leg| leg.fixture).collect(),
            Query::Ticket { ticket } if self.engine.ticket(*ticket).is_none() => {
                let archived = self.archived_ticket(*ticket, &[]).ok().flatten();
                archived.iter().flat_map(|ticket| &ticket.legs).map(|leg| leg.fixture).collect()
            }
            _ => return,
        };
        // What cannot be read is told by the command that needs it; a query says that it is not here.
        let _ = self.recall_fixtures(named.into_iter(), time_ns);
    }

    /// Brings back the fixtures that tickets are on, before the tickets themselves.
    pub(super) fn recall_fixtures_of(
        &mut self,
        tickets: &[Ticket],
        time_ns: i64,
    ) -> Result<(), JournalError> {
        let legs = tickets.iter().flat_map(|ticket| &ticket.legs);
        self.recall_fixtures(legs.map(|leg| leg.fixture), time_ns)
    }

    /// Bets and queries take no place that a feed may need for what it announces next.
    fn has_room_for_fixtures(&self) -> bool {
        let fixtures_max = self.engine.config().fixtures_max as usize;
        self.engine.fixtures().len() < fixtures_max - fixtures_max / PLACES_OF_FEEDS
    }

    fn recall_fixtures(
        &mut self,
        named: impl Iterator<Item = FixtureId>,
        time_ns: i64,
    ) -> Result<(), JournalError> {
        let missing: BTreeSet<FixtureId> = named.filter(|&id| self.engine.fixture(id).is_none()).collect();
        let mut found = Vec::new();
        for id in missing {
            found.extend(self.archived_fixture(id)?);
        }
        while !found.is_empty() {
            let rest = found.split_off(found.len().min(command::FIXTURES_PER_RECORD_MAX));
            let fixtures = std::mem::replace(&mut found, rest);
            let ids: Vec<FixtureId> = fixtures.iter().map(|fixture| fixture.request.fixture).collect();
            if !self.bring_back(Body::RecallFixtures { fixtures }, time_ns)? {
                return Err(broken(&format!("fixtures {ids:?} do not come back")));
            }
            for id in ids {
                if let Some(fixture) = self.engine.fixture(id) {
                    self.topics.resume(fixture);
                }
            }
        }
        Ok(())
    }

    fn recall_transfer(&mut self, id: TransferId, time_ns: i64) -> Result<(), JournalError> {
        if self.engine.counters().archived_transfer_count == 0 || self.engine.knows_transfer(id) {
            return Ok(());
        }
        match self.archived_transfer(id)? {
            None => Ok(()),
            Some(transfer) => match self.bring_back(Body::RecallMoney { transfer }, time_ns)? {
                true => Ok(()),
                // Without it the request would be booked a second time.
                false => Err(broken(&format!("transfer {:032x} does not come back", id.0))),
            },
        }
    }

    /// Carries out a command that brings something back, and says whether the engine took it.
    pub(super) fn bring_back(&mut self, body: Body, time_ns: i64) -> Result<bool, JournalError> {
        let command = Command { time_ns, origin: Origin::default(), body };
        Ok(self.carry_out(&command, None, None)?.is_none())
    }
}
