//! Seeded workloads, the naive second engine and the auditor.
//!
//! | module | what it is |
//! |---|---|
//! | [`naive`] | the second engine: obviously right, and slow |
//! | [`outcomes`] | every way a match can end, listed |
//! | [`pair`] | both engines side by side, compared after every command; restarts and replays |
//! | [`shadows`] | engines that fold what was recorded, and decide it again |
//! | [`scenario`] | the language of `tests/scenarios/*.txt` |
//! | [`workload`] | a seeded day of trading |

pub mod compare;
pub mod coverage;
pub mod naive;
pub mod outcomes;
pub mod pair;
pub mod random;
pub mod sanity;
pub mod scenario;
pub mod shadows;
pub mod told;
pub mod workload;

use oddsengine_engine::{Body, PricedMarket};
use oddsengine_markets::football::template::calibration_markets;
use oddsengine_types::FixtureId;

/// Calibrates a football fixture from its result and one total line.
pub fn football_prices(
    fixture: FixtureId,
    odds_1x2_e4: [u32; 3],
    total_line_quarters: i16,
    odds_total_e4: [u32; 2],
) -> Body {
    let [result, total] = calibration_markets(total_line_quarters);
    let prices = vec![
        PricedMarket { market: result, odds_e4: odds_1x2_e4.to_vec() },
        PricedMarket { market: total, odds_e4: odds_total_e4.to_vec() },
    ];
    Body::SetPrices { fixture, prices }
}
