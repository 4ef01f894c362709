//! Whether the archive holds what the records took there, row by row: in sums, so that it needs no memory for what left.

use std::collections::BTreeMap;

use oddsengine_engine::{Engine, Fact};
use oddsengine_types::{StateHash, StateHasher};

use super::archive::row_of;
use super::retired::{bytes_of, fact_of, rows_of_fixtures, rows_of_transfers};
use crate::journal::{ArchiveCounts, FoundRow, JournalError, archived_rows};

/// Rows of a kind: how many, and the sum of their hashes. A row's time is that of the record that wrote it, and is left out.
#[derive(Debug, Default, PartialEq, Eq)]
struct Rows {
    count: u64,
    sum: u128,
}

impl Rows {
    fn add(&mut self, hash: u128) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(hash);
    }
}

/// What the records took to the archive.
#[derive(Debug, Default)]
pub(super) struct ArchiveSurvey {
    tickets: Rows,
    fixtures: Rows,
    transfers: Rows,
    legs: Rows,
    /// What came back and has not left again: its row is still there, as it was, and is replaced when it leaves.
    back: BTreeMap<(u8, u128), u128>,
}

const TICKET: u8 = 0;
const FIXTURE: u8 = 1;
const TRANSFER: u8 = 2;

fn hash_of(id: u128, bytes: &[u8]) -> u128 {
    let mut hasher = StateHasher::default();
    hasher.update(&id.to_be_bytes());
    hasher.update(bytes);
    let StateHash(hash) = hasher.finish();
    u128::from_be_bytes(hash)
}

fn hash_of_leg(fixture: u64, ticket: u128) -> u128 {
    hash_of(ticket, &fixture.to_be_bytes())
}

impl ArchiveSurvey {
    /// A record was applied, which came to these facts if it brought something back.
    pub fn take(&mut self, engine: &mut Engine, brought_back: &[Fact]) {
        for fact in brought_back {
            let key = match fact {
                Fact::TicketRecalled { ticket } => (TICKET, ticket.id.0),
                Fact::FixtureRecalled { fixture } => (FIXTURE, u128::from(fixture.request.fixture.0)),
                Fact::MoneyRecalled { transfer } => (TRANSFER, transfer.request.transfer.0),
                _ => continue,
            };
            self.back.insert(key, hash_of(key.1, &bytes_of(fact.clone(), 0)));
        }
        for ticket in engine.take_archived() {
            let row = row_of(ticket, 0);
            if self.leave((TICKET, row.id), hash_of(row.id, &row.bytes)) {
                row.fixtures.iter().for_each(|&fixture| self.legs.add(hash_of_leg(fixture, row.id)));
            }
        }
        for row in rows_of_fixtures(engine.take_archived_fixtures(), 0) {
            let id = u128::from(row.id);
            self.leave((FIXTURE, id), hash_of(id, &row.bytes));
        }
        for row in rows_of_transfers(engine.take_archived_transfers(), 0) {
            self.leave((TRANSFER, row.id), hash_of(row.id, &row.bytes));
        }
    }

    /// Something leaves; whether for the first time.
    fn leave(&mut self, key: (u8, u128), hash: u128) -> bool {
        let before = self.back.remove(&key);
        let rows = match key.0 {
            TICKET => &mut self.tickets,
            FIXTURE => &mut self.fixtures,
            _ => &mut self.transfers,
        };
        match before {
            Some(before) => rows.sum = rows.sum.wrapping_sub(before).wrapping_add(hash),
            None => rows.add(hash),
        }
        before.is_none()
    }

    /// Compares it with the archive of a resting journal; `None` where there is none to compare with: it is in use, is made anew
    /// by the next start, or is of an earlier build.
    pub fn compare(&self, journal: &std::path::Path) -> Option<Result<ArchiveCounts, String>> {
        let mut found = Self::default();
        let visited = archived_rows(journal, &mut |row| {
            match row {
                FoundRow::Ticket(id, bytes) => found.tickets.add(hash_of(id, &timeless(bytes)?)),
                FoundRow::Fixture(id, bytes) => {
                    found.fixtures.add(hash_of(u128::from(id), &timeless(bytes)?));
                }
                FoundRow::Transfer(id, bytes) => found.transfers.add(hash_of(id, &timeless(bytes)?)),
                FoundRow::Leg { fixture, ticket } => found.legs.add(hash_of_leg(fixture, ticket)),
            }
            Ok(())
        });
        match visited {
            Ok(false) => return None,
            Ok(true) => {}
            Err(error) => return Some(Err(error.to_string())),
        }
        for (name, found, recorded) in [
            ("tickets", &found.tickets, &self.tickets),
            ("fixtures", &found.fixtures, &self.fixtures),
            ("deposits and withdrawals", &found.transfers, &self.transfers),
            ("legs of tickets", &found.legs, &self.legs),
        ] {
            if found.count != recorded.count {
                let (found, recorded) = (found.count, recorded.count);
                return Some(Err(format!("it holds {found} {name}, and the records took {recorded} there")));
            }
            if found.sum != recorded.sum {
                return Some(Err(format!("its {name} are others than those that the records took there")));
            }
        }
        let counts = ArchiveCounts {
            tickets: found.tickets.count,
            fixtures: found.fixtures.count,
            transfers: found.transfers.count,
        };
        Some(Ok(counts))
    }
}

/// A row without the time of the record that wrote it.
fn timeless(bytes: &[u8]) -> Result<Vec<u8>, JournalError> {
    Ok(bytes_of(fact_of(bytes)?, 0))
}
