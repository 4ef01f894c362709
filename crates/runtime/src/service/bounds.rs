//! The most that one query is answered with, and the most work that it is: one page. What is left has a cursor, and the asker
//! comes again; nothing is kept for it meanwhile.
//!
//! | query | a page ends after | cursor, and what a reader sees when things change between pages |
//! |---|---|---|
//! | `images` | [`IMAGES_PER_PAGE`], [`IMAGE_BYTES_PER_PAGE`], [`FIXTURES_EXAMINED_PER_PAGE`]; behind sockets [`IMAGES_PER_SLICE`] and [`FIXTURES_EXAMINED_PER_SLICE`] a turn | `after`: places of fixtures. Each image is its fixture as of its own `seq`; a fixture announced meanwhile comes at the end, or takes a free place that was passed |
//! | `fixtures` | [`FIXTURES_PER_PAGE`], [`PAGE_BYTES_MAX`], [`ROWS_EXAMINED_MAX`] | the same |
//! | `table` | `limit`, [`PAGE_BYTES_MAX`], [`ROWS_EXAMINED_MAX`] | `after`: balances and customers by their places, scopes in their order, commands by record, of which the last are kept |
//! | `explain` | [`SELECTIONS_PER_PAGE`] | `after`: selections in the order of the market. All else on every page, as of that page |
//! | `exposure` of the platform | [`LEVELS_PER_PAGE`], [`COMPETITIONS_EXAMINED_PER_PAGE`] | `after`: places of competitions. Each as of its page |
//! | `exposure` of a fixture | [`SELECTIONS_PER_PAGE`], [`EXPOSURE_CELLS_PER_PAGE`] | `after`: selections in the order of the template. Sums of the fixture on every page, as of that page |
//! | `tickets`, `settlements` | `limit`, [`PAGE_BYTES_MAX`], [`CHANGES_EXAMINED_MAX`] | `since`: changes. A ticket that changes again comes again, further on |
//! | `alerts` | `limit`, [`PAGE_BYTES_MAX`] | `since`: alerts of the epoch, of which the last are kept |
//! | `image`, `ticket`, `balance`, `max_stake`, `ping` | one answer | none |

/// Most images of a page, and bytes after which it ends: a board is about 50 kB.
pub const IMAGES_PER_PAGE: u64 = 32;
/// See [`IMAGES_PER_PAGE`].
pub const IMAGE_BYTES_PER_PAGE: usize = 2_000_000;
/// Most fixtures that a page of images looks through for its prefix.
pub const FIXTURES_EXAMINED_PER_PAGE: u64 = 4_096;
/// Most images that are made in a turn, for all who wait for some: about 150 microseconds with their sending.
pub const IMAGES_PER_SLICE: u64 = 4;
/// The loop belongs to others for so long after a slice of images, while fewer than so many pages wait.
pub const IMAGE_PAUSE_NS: i64 = 1_000_000;
/// See [`IMAGE_PAUSE_NS`].
pub const IMAGE_PAGES_WITHOUT_PAUSE: usize = 8;
/// Most fixtures that are looked through in a turn for the prefixes of images.
pub const FIXTURES_EXAMINED_PER_SLICE: u64 = 512;
/// Most pages of images that wait, one a client; who asks then is to ask again.
pub const IMAGE_PAGES_WAITING_MAX: usize = 64;
/// Most fixtures of a page of them.
pub const FIXTURES_PER_PAGE: usize = 64;
/// What a fixture takes there at most, with the longest names.
pub const FIXTURE_BYTES: usize = 768;
/// Most levels of a page of an exposure after the platform's, the sports' and the fixture's.
pub const LEVELS_PER_PAGE: usize = 128;
/// What a level takes there at most, with the longest name.
pub const LEVEL_BYTES: usize = 384;
/// Most competitions that a page of an exposure looks through for their names.
pub const COMPETITIONS_EXAMINED_PER_PAGE: usize = 4_096;
/// Most selections of a page of a fixture's exposure.
pub const SELECTIONS_PER_PAGE: usize = 192;
/// What a selection takes there at most, with the longest names, in a market of its own.
pub const SELECTION_BYTES: usize = 256;
/// Outcomes looked at for the worst cases of the markets of such a page; one market may go beyond it.
pub const EXPOSURE_CELLS_PER_PAGE: usize = 65_536;
/// Most bytes of a page of tickets, settlements or alerts; the last item may go beyond it.
pub const PAGE_BYTES_MAX: usize = 48 << 10;
/// Most rows that one page of a table, and fixtures that one page of them, looks through for its filters.
pub const ROWS_EXAMINED_MAX: usize = 4_096;
/// Most changes that one page of tickets looks through.
pub const CHANGES_EXAMINED_MAX: usize = 4_096;
