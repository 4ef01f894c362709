//! Fixtures that are over are put aside whole, and so are the ids of deposits: found again by whoever names one.

use oddsengine_engine::{BookedTransfer, MarketStatus, Reason, Scope, Stops, WholeFixture};
use oddsengine_types::{FixtureId, TransferId};

use super::{Naive, NaiveFixture, Verdict};

/// Most fixtures of one record, as the engine says.
const FIXTURES_PER_RECORD: usize = 8;
/// Most ids of one record.
const TRANSFERS_PER_RECORD: usize = 256;

impl Naive {
    /// Where a new fixture goes: the first place that nobody has.
    pub(super) fn seat(&mut self, fixture: NaiveFixture) {
        match self.fixtures.iter().position(|known| known.is_gone) {
            Some(place) => self.fixtures[place] = fixture,
            None => self.fixtures.push(fixture),
        }
    }

    /// Fixtures that are there.
    pub fn present(&self) -> impl Iterator<Item = &NaiveFixture> {
        self.fixtures.iter().filter(|known| !known.is_gone)
    }

    /// How each fixture stood, to tell who was touched.
    pub(super) fn standings(&self) -> Vec<(FixtureId, MarketStatus, Stops)> {
        let all = self.fixtures.iter();
        all.map(|fixture| (fixture.request.fixture, fixture.status(), fixture.stops)).collect()
    }

    /// Writes down since when fixtures are over.
    pub(super) fn note_over(&mut self) {
        let now_ns = self.now_ns;
        for fixture in self.fixtures.iter_mut().filter(|known| !known.is_gone) {
            fixture.over_ns = match (fixture.is_closed(), fixture.over_ns) {
                (false, _) => 0,
                (true, 0) => now_ns,
                (true, over_ns) => over_ns,
            };
        }
    }

    /// Puts aside fixtures that have been over for long enough and that no ticket names; and the ids of deposits.
    pub(super) fn retire_due(&mut self) {
        let is_due =
            |since_ns: i64, after_ms: i64| after_ms > 0 && self.now_ns - since_ns >= after_ms * 1_000_000;
        let after_ms = self.config.archive_fixture_after_ms;
        let over = self.fixtures.iter().enumerate().filter(|(_, known)| !known.is_gone && known.over_ns != 0);
        let mut due: Vec<(i64, usize)> = over
            .filter(|(_, known)| is_due(known.over_ns, after_ms))
            .map(|(place, known)| (known.over_ns, place))
            .collect();
        due.sort_unstable();
        due.truncate(FIXTURES_PER_RECORD);
        for (_, place) in due {
            let names = |known: &super::NaiveTicket| {
                known.ticket.legs.iter().any(|leg| leg.place.fixture as usize == place)
            };
            if self.tickets.iter().any(names) || self.is_kept_for_settlement(place) {
                self.fixtures[place].over_ns = self.now_ns;
                continue;
            }
            let mut fixture = self.fixtures[place].clone();
            let id = fixture.request.fixture;
            let is_own = |scope: &Scope| match scope {
                Scope::Fixture(fixture) | Scope::Market(fixture, _) => *fixture == id,
                _ => false,
            };
            let own: Vec<Scope> = self.scopes.keys().filter(|scope| is_own(scope)).cloned().collect();
            for scope in own {
                let settings = self.scopes.remove(&scope).expect("it was just seen");
                fixture.scopes.push((scope, settings));
            }
            // What leaves waits for nothing, and corrects nothing later.
            fixture.held.clear();
            self.retired.push(fixture);
            self.fixtures[place].is_gone = true;
            self.counters.archived_fixture_count += 1;
        }
        let (after_ms, now_ns) = (self.config.archive_money_after_ms, self.now_ns);
        let is_gone = |since_ns: i64| after_ms > 0 && now_ns - since_ns >= after_ms * 1_000_000;
        let (mut gone, kept): (Vec<_>, Vec<_>) =
            self.transfers.iter().partition(|(since_ns, _)| is_gone(*since_ns));
        assert!(gone.len() <= TRANSFERS_PER_RECORD, "a run is quieter than that");
        self.counters.archived_transfer_count += gone.len() as u64;
        self.transfers = kept;
        self.gone_transfers.extend(gone.drain(..).map(|(_, id)| id));
    }

    /// Brings fixtures back.
    pub(super) fn recall_fixtures(&mut self, fixtures: &[WholeFixture]) -> Verdict {
        if fixtures.len() > FIXTURES_PER_RECORD {
            return Err(Reason::ValueOutOfBounds);
        }
        for whole in fixtures {
            let id = whole.request.fixture;
            if self.index_of(id).is_some() {
                continue;
            }
            let place = self.retired.iter().position(|known| known.request.fixture == id);
            let mut fixture = self.retired.remove(place.ok_or(Reason::ValueOutOfBounds)?);
            self.scopes.extend(fixture.scopes.drain(..));
            fixture.over_ns = self.back_since_ns(self.config.archive_fixture_after_ms);
            // Nobody has spoken of it since.
            self.heard.retain(|heard| heard.fixture != Some(id));
            self.seat(fixture);
            self.counters.recalled_fixture_count += 1;
        }
        Ok(())
    }

    /// Knows the id of a deposit again.
    pub(super) fn recall_transfer(&mut self, transfer: &BookedTransfer) -> Verdict {
        let id = transfer.request.transfer;
        if self.transfers.iter().any(|(_, known)| *known == id) {
            return Ok(());
        }
        let place = self.gone_transfers.iter().position(|gone| *gone == id);
        self.gone_transfers.remove(place.ok_or(Reason::ValueOutOfBounds)?);
        self.transfers.push((self.back_since_ns(self.config.archive_money_after_ms), id));
        self.counters.recalled_transfer_count += 1;
        Ok(())
    }

    /// An id that was booked is known until it leaves.
    pub(super) fn keep_transfer(&mut self, id: TransferId) {
        self.transfers.push((self.now_ns, id));
    }
}
