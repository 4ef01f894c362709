//! Tickets that left the hot state, and the commands that bring them back: before their id is used again, and after a fixture
//! of theirs was graded otherwise.

use std::cell::OnceCell;
use std::collections::{BTreeMap, VecDeque};

use oddsengine_engine::{Body, Command, Fact, Origin, Record, Ticket, decode_record, encode_parts};
use oddsengine_types::{FixtureId, TicketId};

use super::Service;
use crate::journal::{ArchiveReader, ArchivedTicket, JournalError};

/// Tickets that one command brings back after their fixture was graded otherwise: as many as it also settles.
const RECALLED_PER_RECORD: usize = 64;
/// Tickets of a fixture that are looked at for those that are not back yet, by one command.
const LOOKED_AT_PER_RECORD: usize = 512;

/// An archive that cannot be read is told so often, and so long after that tickets that did not come back are asked for again.
const UNREADABLE_PAUSE_NS: i64 = 60_000_000_000;

/// What is in the archive, and what is on its way there.
#[derive(Debug, Default)]
pub(super) struct Archive {
    /// Why nothing of it may be used before the next start.
    broken: Option<String>,
    /// When it could not be read last; 0 for never.
    failed_ns: i64,
    /// Until then it is not told again.
    quiet_until_ns: i64,
    /// When tickets that did not come back are asked for again; 0 for none.
    retry_ns: i64,
    reader: OnceCell<ArchiveReader>,
    /// Tickets whose record may not be durable yet, by their ids; in memory, all of them.
    recent: BTreeMap<u128, Recent>,
    /// Their records, in order.
    order: VecDeque<(u64, u128)>,
    /// Where the search for the tickets of a fixture goes on.
    cursors: BTreeMap<FixtureId, u128>,
}

impl Archive {
    /// One that may not be used, if there is a reason.
    pub fn broken(reason: Option<String>) -> Self {
        Self { broken: reason, ..Self::default() }
    }
}

#[derive(Debug)]
struct Recent {
    seq: u64,
    fixtures: Vec<u64>,
    bytes: Vec<u8>,
}

/// What brings a ticket back, in the format of records: it is read by later releases as well.
pub(super) fn row_of(ticket: Ticket, time_ns: i64) -> ArchivedTicket {
    let mut fixtures: Vec<u64> = match ticket.reason() {
        Some(_) => Vec::new(),
        None => ticket.legs.iter().map(|leg| leg.fixture.0).collect(),
    };
    fixtures.sort_unstable();
    fixtures.dedup();
    let (id, customer, closed_ns) = (ticket.id.0, ticket.customer.0, ticket.closed_ns);
    let body = Body::Tick { read_ns: time_ns };
    let mut bytes = Vec::new();
    let recalled = Fact::TicketRecalled { ticket: Box::new(ticket) };
    encode_parts(&Command { time_ns, origin: Origin::default(), body }, &[recalled], &mut bytes);
    ArchivedTicket { id, customer, closed_ns, fixtures, bytes }
}

/// Not all tickets of the fixture were looked at.
fn waits_on(archive: &Archive, fixture: FixtureId) -> bool {
    archive.cursors.get(&fixture) != Some(&u128::MAX)
}

fn ticket_of(bytes: &[u8]) -> Result<Ticket, JournalError> {
    let broken = |reason: String| JournalError::ArchiveUnreadable { reason };
    let Record { mut facts, .. } = decode_record(bytes).map_err(|error| broken(error.to_string()))?;
    match facts.pop() {
        Some(Fact::TicketRecalled { ticket }) => Ok(*ticket),
        _ => Err(broken("a row holds no ticket".to_owned())),
    }
}

impl Service {
    /// Writes down what the record `seq` took to the archive.
    pub(super) fn keep_archived(&mut self, seq: u64, time_ns: i64) {
        let tickets = self.engine.take_archived();
        if tickets.is_empty() {
            return;
        }
        let rows: Vec<ArchivedTicket> = tickets.into_iter().map(|ticket| row_of(ticket, time_ns)).collect();
        for row in &rows {
            let (fixtures, bytes) = (row.fixtures.clone(), row.bytes.clone());
            self.archive.recent.insert(row.id, Recent { seq, fixtures, bytes });
            if self.journal.is_some() {
                self.archive.order.push_back((seq, row.id));
            }
        }
        if let Some(journal) = &mut self.journal {
            journal.archive(rows);
        }
    }

    /// What is durable is read from the journal.
    pub(super) fn forget_archived(&mut self, durable_seq: u64) {
        let Archive { recent, order, .. } = &mut self.archive;
        while let Some(&(seq, id)) = order.front().filter(|(seq, _)| *seq <= durable_seq) {
            order.pop_front();
            // It may have come back and left again since.
            if recent.get(&id).is_some_and(|known| known.seq == seq) {
                recent.remove(&id);
            }
        }
    }

    /// A ticket of the archive. While nothing ever went there it costs nothing, and otherwise one point query, and one more for
    /// each of the fixtures on which it would have a leg.
    ///
    /// # Errors
    /// The archive cannot be read: whether the id was used before is not known.
    pub(super) fn archived_ticket(
        &self,
        id: TicketId,
        fixtures: &[u64],
    ) -> Result<Option<Ticket>, JournalError> {
        if self.engine.counters().archived_count == 0 {
            return Ok(None);
        }
        if let Some(known) = self.archive.recent.get(&id.0) {
            return ticket_of(&known.bytes).map(Some);
        }
        let Some(reader) = self.archive_reader()? else { return Ok(None) };
        let Some(bytes) = reader.ticket(id.0, fixtures)? else { return Ok(None) };
        match ticket_of(&bytes)? {
            ticket if ticket.id == id => Ok(Some(ticket)),
            other => {
                let (id, other) = (id.0, other.id.0);
                let reason = format!("ticket {other:032x} is in the place of ticket {id:032x}");
                Err(JournalError::ArchiveUnreadable { reason })
            }
        }
    }

    /// The archive could not be read a short while ago, or may not be used.
    pub(super) fn archive_fails(&self, now_ns: i64) -> bool {
        let Archive { broken, failed_ns, .. } = &self.archive;
        broken.is_some() || (*failed_ns != 0 && now_ns < failed_ns.saturating_add(UNREADABLE_PAUSE_NS))
    }

    /// Tells the desk that the archive cannot be read; at most once a minute, of each what it is about.
    pub(super) fn tell_unreadable(&mut self, error: &JournalError, now_ns: i64) {
        self.archive.failed_ns = now_ns.max(1);
        self.counters.archive_failures += 1;
        if now_ns < self.archive.quiet_until_ns {
            return;
        }
        self.archive.quiet_until_ns = now_ns.saturating_add(UNREADABLE_PAUSE_NS);
        let message = format!(
            "{error}; tickets with new ids are refused, and archived ones are neither answered nor settled anew, until it can be read: see oddsengine archive"
        );
        self.alert("archive_unreadable", &message, None, now_ns);
    }

    /// Opened when it is first needed.
    fn archive_reader(&self) -> Result<Option<&ArchiveReader>, JournalError> {
        let fault = || self.journal.as_ref().and_then(|journal| journal.archive_fault());
        if let Some(reason) = self.archive.broken.clone().or_else(fault) {
            return Err(JournalError::ArchiveUnreadable { reason });
        }
        let reader = &self.archive.reader;
        if let (None, Some(journal)) = (reader.get(), &self.journal) {
            let _ = reader.set(ArchiveReader::open(journal.path())?);
        }
        Ok(reader.get())
    }

    /// Brings back the ticket that a command asks for by its id.
    pub(super) fn recall_asked(&mut self, command: &Command) -> Result<(), JournalError> {
        let (id, fixtures) = match &command.body {
            Body::PlaceTicket(request) => {
                (request.ticket, request.legs.iter().map(|leg| leg.fixture.0).collect())
            }
            Body::CancelTicket { ticket } => (*ticket, Vec::new()),
            _ => return Ok(()),
        };
        if self.engine.ticket(id).is_some() {
            return Ok(());
        }
        let recalled = match self.archived_ticket(id, &fixtures) {
            Ok(Some(ticket)) => self.recall(vec![ticket], command.time_ns),
            Ok(None) => return Ok(()),
            Err(error) => Err(error),
        };
        match recalled {
            Ok(true) => Ok(()),
            // It is known, and not here: whatever is decided now would take its id for a new one.
            Ok(false) => {
                let reason = format!("ticket {:032x} does not fit the state", id.0);
                let error = JournalError::ArchiveUnreadable { reason };
                self.tell_unreadable(&error, command.time_ns);
                Err(error)
            }
            Err(error) => {
                if matches!(error, JournalError::ArchiveUnreadable { .. }) {
                    self.tell_unreadable(&error, command.time_ns);
                }
                Err(error)
            }
        }
    }

    /// Brings back the next tickets of a fixture that was graded otherwise, and says whether there was one.
    pub(super) fn recall_slice(&mut self) -> bool {
        let now_ns = self.engine.now_ns();
        if self.archive.retry_ns != 0 && self.archive.retry_ns <= now_ns {
            self.archive.retry_ns = 0;
            self.archive.cursors.retain(|_, next| *next != u128::MAX);
        }
        let Some(fixture) = self.engine.recalls().find(|&id| waits_on(&self.archive, id)) else {
            return false;
        };
        let time_ns = self.engine.now_ns();
        let recalled = self.next_recalled(fixture).and_then(|tickets| match tickets.is_empty() {
            true => Ok(true),
            false => self.recall(tickets, time_ns),
        });
        let is_back = !self.engine.recalls().any(|waiting| waiting == fixture);
        if is_back {
            self.archive.cursors.remove(&fixture);
        }
        match recalled {
            Ok(true) if is_back || waits_on(&self.archive, fixture) => true,
            outcome => {
                // It is tried again later, and does not keep the others waiting.
                self.archive.cursors.insert(fixture, u128::MAX);
                if self.archive.retry_ns == 0 {
                    self.archive.retry_ns = now_ns.saturating_add(UNREADABLE_PAUSE_NS);
                }
                self.archive.failed_ns = now_ns.max(1);
                self.counters.archive_failures += 1;
                let why = outcome.err().map_or("they are not there".to_owned(), |error| error.to_string());
                let message = format!(
                    "tickets of fixture {fixture} do not come back from the archive, and are not settled by its new result: {why}; tried again every {} s, see oddsengine archive",
                    UNREADABLE_PAUSE_NS / 1_000_000_000
                );
                self.alert("archive_unreadable", &message, Some(fixture), time_ns);
                true
            }
        }
    }

    fn next_recalled(&mut self, fixture: FixtureId) -> Result<Vec<Ticket>, JournalError> {
        let from = self.archive.cursors.get(&fixture).copied().unwrap_or(0);
        let mut found: BTreeMap<u128, Vec<u8>> = BTreeMap::new();
        let mut next = u128::MAX;
        if let Some(reader) = self.archive_reader()? {
            let rows = reader.tickets_of(fixture.0, from, LOOKED_AT_PER_RECORD)?;
            if rows.len() == LOOKED_AT_PER_RECORD
                && let Some((last, _)) = rows.last()
            {
                next = last.saturating_add(1);
            }
            found.extend(rows);
        }
        let recent = self.archive.recent.range(from..next);
        let on_it = recent.filter(|(_, known)| known.fixtures.contains(&fixture.0));
        for (&id, known) in on_it.take(LOOKED_AT_PER_RECORD) {
            found.insert(id, known.bytes.clone());
        }
        found.retain(|&id, _| self.engine.ticket(TicketId(id)).is_none());
        if found.len() > RECALLED_PER_RECORD {
            next = found.keys().nth(RECALLED_PER_RECORD).copied().unwrap_or(next);
        }
        self.archive.cursors.insert(fixture, next);
        found.values().take(RECALLED_PER_RECORD).map(|bytes| ticket_of(bytes)).collect()
    }

    /// Says whether the engine took them.
    fn recall(&mut self, tickets: Vec<Ticket>, time_ns: i64) -> Result<bool, JournalError> {
        let body = Body::RecallTickets { tickets };
        let command = Command { time_ns, origin: Origin::default(), body };
        Ok(self.carry_out(&command, None, None)?.is_none())
    }
}
