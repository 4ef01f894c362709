//! Margins, sport models, calibration and boards.
