//! The ledger as parts, and as bytes: equal states give equal bytes, and only whole states are read back.
//!
//! ```text
//! pages of accounts, of seen ids, of reservations │ each in the order of places
//! ```
//!
//! Postings not yet drained are left out: they belong to the events, not to the state.

use std::sync::Arc;

use oddsengine_types::{Decode, DecodeError, Encode, Pages, Part, Reader, StateHash};

use crate::account::{ACCOUNTS_COUNT_MAX, ACCOUNTS_PER_PAGE, Account};
use crate::ledger::{Ledger, RESERVATIONS_PER_PAGE, Reservation};
use crate::seen::{IDS_PER_PAGE, Seen};
use crate::transfer::InstructionId;

/// How many pages there are of each kind.
type PageCounts = [u32; 3];

/// A ledger as it was at some moment: its pages are shared with it until it changes them.
#[derive(Clone, Debug)]
pub struct LedgerImage {
    accounts: Pages<Option<Account>, ACCOUNTS_PER_PAGE>,
    seen: Pages<Option<(InstructionId, Seen)>, IDS_PER_PAGE>,
    reservations: Pages<Option<Reservation>, RESERVATIONS_PER_PAGE>,
}

impl LedgerImage {
    /// How many pages it has: of accounts, of ids, of reservations.
    pub fn page_counts(&self) -> [u32; 3] {
        let counts = [self.accounts.page_count(), self.seen.page_count(), self.reservations.page_count()];
        counts.map(|count| count as u32)
    }

    /// Its pages, in the order of [`LedgerImage::page_counts`].
    pub fn parts(&self) -> impl Iterator<Item = Arc<dyn Part>> {
        self.accounts.parts().chain(self.seen.parts()).chain(self.reservations.parts())
    }

    /// The hashes of its pages.
    pub fn hashes(&self) -> impl Iterator<Item = StateHash> {
        self.accounts.hashes().chain(self.seen.hashes()).chain(self.reservations.hashes())
    }
}

impl Ledger {
    /// The ledger as it is now, however it changes: made in a moment.
    pub fn image(&self) -> LedgerImage {
        LedgerImage {
            accounts: self.accounts.list().pages().clone(),
            seen: self.seen.slots.pages().clone(),
            reservations: self.reservations.slots.pages().clone(),
        }
    }

    /// The ledger of so many pages.
    ///
    /// # Errors
    /// Bytes that are no page, or pages that break an invariant of the ledger.
    pub fn of_pages<'a>(
        [account_pages, id_pages, reservation_pages]: [u32; 3],
        mut next_page: impl FnMut() -> Result<Reader<'a>, DecodeError>,
    ) -> Result<Self, DecodeError> {
        let mut ledger = Ledger::new();
        for _ in 0..account_pages {
            ledger.accounts.push_page(&mut next_page()?)?;
        }
        for _ in 0..id_pages {
            ledger.seen.slots.push_page(&mut next_page()?)?;
        }
        for _ in 0..reservation_pages {
            ledger.reservations.slots.push_page(&mut next_page()?)?;
        }
        let end = Reader::new(&[]);
        let count = ledger.accounts().len();
        if ACCOUNTS_COUNT_MAX < count {
            return Err(end.error(format!("{count} accounts are above {ACCOUNTS_COUNT_MAX}")));
        }
        ledger.seen.index_all().map_err(|what| end.error(what))?;
        ledger.reservations.index_all().map_err(|what| end.error(what))?;
        ledger.expiries = ledger.expiries_of_reservations();
        ledger.check_invariants().map_err(|broken| end.error(broken))?;
        Ok(ledger)
    }
}

impl Encode for Ledger {
    fn encode(&self, out: &mut Vec<u8>) {
        let image = self.image();
        image.page_counts().encode(out);
        for part in image.parts() {
            let mut page = Vec::new();
            part.encode_part(&mut page);
            page.encode(out);
        }
    }
}

impl Decode for Ledger {
    /// Also refuses bytes that break an invariant of the ledger.
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let counts = PageCounts::decode(input)?;
        let mut pages = Vec::new();
        for _ in 0..counts.iter().map(|&count| u64::from(count)).sum() {
            pages.push(Vec::<u8>::decode(input)?);
        }
        let mut pages = pages.iter();
        Self::of_pages(counts, || Ok(Reader::new(pages.next().expect("they were counted"))))
    }
}
