//! The bounds of canonical messages. Bounds of the domain itself are in `oddsengine_types::bounds`.

pub use oddsengine_types::bounds::KEY_BYTES_MAX;

/// Longest request id, in bytes.
pub const REQUEST_ID_BYTES_MAX: usize = 64;
/// Most requests of one batch.
pub const BATCH_REQUESTS_MAX: usize = 256;
/// Largest number of a feed's message: the largest integer that every JSON reader keeps.
pub const SEQ_MAX: u64 = (1 << 53) - 1;
/// Most items of a page of tickets, settlements or alerts.
pub const PAGE_ITEMS_MAX: u64 = 256;
/// Items of a page whose `limit` is not given.
pub const PAGE_ITEMS: u64 = 64;
/// Longest cursor of a table, in bytes.
pub const CURSOR_BYTES_MAX: usize = 1_024;
/// Longest match clock: four hours.
pub const CLOCK_MS_MAX: i64 = 4 * 3_600_000;
/// Longest announced added time of a half: one hour.
pub const ANNOUNCED_MS_MAX: i64 = 3_600_000;
/// Most goals of a side that a feed may report.
pub const GOALS_MAX: u16 = 60;
/// Shortest and longest total line, in goals.
pub const TOTAL_LINE: (f64, f64) = (0.5, 7.5);
/// Most runners or players of a fixture.
pub const ENTRANTS_MAX: usize = 64;
/// Smallest and largest supremacy, in goals or games; a sport's model has narrower bounds.
pub const SUPREMACY: (f64, f64) = (-100.0, 100.0);
/// Smallest and largest expected total, in goals or games; a sport's model has narrower bounds.
pub const TOTAL: (f64, f64) = (0.05, 500.0);
/// Smallest and largest offset of a total, in goals or games.
pub const TOTAL_OFFSET: (f64, f64) = (-400.0, 400.0);
/// Smallest and largest customer factor: the share of the limits.
pub const FACTOR: (f64, f64) = (0.0, 10.0);
/// Smallest and largest tolerance of `within`, in percent of the odds shown.
pub const PERCENT: (f64, f64) = (0.01, 100.0);
/// Smallest and largest booksum.
pub const BOOKSUM: (f64, f64) = (1.0, 2.0);
/// Most ranges of outcomes that a state lists as possible.
pub const POSSIBLE_RANGES_MAX: usize = 4_096;
/// Longest clock of a fixture of a space: ten days.
pub const CUSTOM_CLOCK_MS_MAX: i64 = 10 * 24 * 3_600_000;
/// Longest clock of a tennis match.
pub const TENNIS_CLOCK_MS_MAX: i64 = oddsengine_markets::tennis::CLOCK_MS_MAX;
