//! Work that one decision leads to and that no single record holds: who is next, kept as a part of the state, so that it is
//! worked off in the same slices live, after a restore in the middle, and when it is decided anew.

use std::collections::{BTreeMap, BTreeSet};

use oddsengine_markets::SelectionId;
use oddsengine_types::{Decode, DecodeError, Encode, FixtureId, Reader, TicketId};

use super::State;

/// Most tickets that one fact about grades lists for settlement by itself; the tickets of larger selections stay where they
/// are, and a place among them is kept instead.
pub(crate) const LISTED_AT_ONCE: usize = 1_024;

/// What is due, in the order in which it is worked off.
#[derive(Clone, Debug, Default)]
pub(crate) struct DueWork {
    /// Selections with many that were graded, as (fixture, selection), and the ticket from which on they are to be settled.
    pub settling: BTreeMap<(u32, u16), u32>,
    /// Fixtures whose accumulators are yet to be weighed in the pass that is going on; the first is under way.
    pub weighing: BTreeSet<u32>,
    /// The ticket from which on the accumulators of the first of them are yet to be weighed.
    pub weigh_from: u32,
    /// Fixtures that were graded anew while tickets on them are in the archive.
    pub recalling: BTreeSet<u32>,
}

/// The same by names, as snapshots hold it.
pub(crate) struct StoredDue {
    settling: Vec<(FixtureId, SelectionId, TicketId)>,
    weighing: Vec<FixtureId>,
    weigh_from: Option<TicketId>,
    recalling: Vec<FixtureId>,
}

impl StoredDue {
    pub fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            settling: Decode::decode(input)?,
            weighing: Decode::decode(input)?,
            weigh_from: Decode::decode(input)?,
            recalling: Decode::decode(input)?,
        })
    }
}

impl State {
    pub(crate) fn encode_due(&self, out: &mut Vec<u8>) {
        let DueWork { settling, weighing, weigh_from, recalling } = &self.due;
        let name_of = |&index: &u32| self.tickets[index as usize].id;
        let settling = settling.iter().map(|(&(fixture, selection), from)| {
            let fixture = &self.fixtures[fixture as usize];
            (fixture.id(), fixture.template.selection_id(usize::from(selection)), name_of(from))
        });
        settling.collect::<Vec<(FixtureId, SelectionId, TicketId)>>().encode(out);
        let fixtures = weighing.iter().map(|&fixture| self.fixtures[fixture as usize].id());
        fixtures.collect::<Vec<FixtureId>>().encode(out);
        let from = (!weighing.is_empty()).then(|| self.tickets.get(*weigh_from));
        from.flatten().map(|ticket| ticket.id).encode(out);
        let fixtures = recalling.iter().map(|&fixture| self.fixtures[fixture as usize].id());
        fixtures.collect::<Vec<FixtureId>>().encode(out);
    }

    pub(crate) fn restore_due(&mut self, stored: StoredDue) -> Result<(), String> {
        for (fixture, selection, from) in stored.settling {
            let index = self.named_fixture(fixture)?;
            let selection = self.named_selection(index, selection)?;
            let from = self.named_ticket(from)?;
            self.due.settling.insert((index as u32, selection), from);
        }
        for fixture in stored.weighing {
            let index = self.named_fixture(fixture)?;
            self.due.weighing.insert(index as u32);
        }
        self.due.weigh_from = stored.weigh_from.map_or(Ok(0), |id| self.named_ticket(id))?;
        for fixture in stored.recalling {
            let index = self.named_fixture(fixture)?;
            self.due.recalling.insert(index as u32);
        }
        Ok(())
    }
}
