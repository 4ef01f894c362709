//! Which share of a match's goals is still to come.
//!
//! Goals do not come evenly: the second half has more of them than the first, rates rise within a half, and
//! stoppage time of unknown length is played at full rate. An [`IntensityProfile`] is that curve, and
//! [`IntensityProfile::remaining_share`] reads it against the match clock.
//!
//! The default numbers (first-half share 0.45, two and five minutes of stoppage, the slopes, the multipliers) are
//! **illustrative configuration, not fitted values**; fit them on data that you may use. The form follows M. Dixon,
//! M. Robinson, "A Birth Process Model for Association Football Matches", The Statistician 47 (1998), and for red
//! cards J. Vecer, F. Kopriva, T. Ichiba, "Estimating the Effect of the Red Card in Soccer", Journal of Quantitative
//! Analysis in Sports 5 (2009), who find a strong fall of the own rate and a slight rise of the opponent's.

use super::FootballError;

/// Milliseconds of a minute.
pub const MINUTE_MS: u32 = 60_000;

/// Length of a half without stoppage.
pub const HALF_MS: u32 = 45 * MINUTE_MS;

/// Most knots a half's rate curve may have.
pub const KNOTS_MAX: usize = 32;

/// Most stoppage time that a clock or a configuration may state.
pub const STOPPAGE_MS_MAX: u32 = 60 * MINUTE_MS;

/// Red cards of one side beyond this number change nothing: the match would be abandoned.
pub const RED_CARDS_MAX: u8 = 4;

/// Where a match is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// Before kick-off.
    BeforeKickOff,
    /// First half, with its stoppage time.
    FirstHalf,
    /// Between the halves.
    HalfTime,
    /// Second half, with its stoppage time.
    SecondHalf,
    /// After the final whistle of regular time.
    Ended,
}

/// The match clock, as the scoreboard and the feeds show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatchClock {
    /// Where the match is.
    pub period: Period,
    /// Match time in milliseconds: 47:00 in the first half is its second minute of stoppage, the second half
    /// starts at 45:00. Ignored outside the halves.
    pub elapsed_ms: u32,
    /// Stoppage time of the running half, once the board was shown.
    pub announced_stoppage_ms: Option<u32>,
}

/// Fractions of a match's expected goals that are still to come.
///
/// Before kick-off they sum to 1. They can exceed it a little when more stoppage is announced than expected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RemainingShares {
    /// In the first half.
    pub first_half: f64,
    /// In the second half.
    pub second_half: f64,
}

impl RemainingShares {
    /// In the rest of the match.
    pub fn total(&self) -> f64 {
        self.first_half + self.second_half
    }
}

/// The shape of a match, from which an [`IntensityProfile`] is made.
#[derive(Clone, Debug, PartialEq)]
pub struct IntensityConfig {
    /// Share of the goals that fall in the first half with its expected stoppage, in 0..=1.
    pub first_half_share: f64,
    /// Rate curve of the first half: (milliseconds into the half, rate in any unit), joined by straight lines and
    /// constant after the last. Starts at 0; times increase, rates are above 0.
    pub first_half_rates: Vec<(u32, f64)>,
    /// Rate curve of the second half.
    pub second_half_rates: Vec<(u32, f64)>,
    /// Expected stoppage of the first half until the board is shown.
    pub first_half_stoppage_ms: u32,
    /// Expected stoppage of the second half until the board is shown.
    pub second_half_stoppage_ms: u32,
    /// A running half is never expected to end sooner than this: play goes on past the announced time.
    pub overrun_ms: u32,
}

impl Default for IntensityConfig {
    fn default() -> Self {
        Self {
            first_half_share: 0.45,
            first_half_rates: vec![(0, 0.85), (HALF_MS, 1.15)],
            second_half_rates: vec![(0, 0.95), (HALF_MS, 1.1)],
            first_half_stoppage_ms: 2 * MINUTE_MS,
            second_half_stoppage_ms: 5 * MINUTE_MS,
            overrun_ms: 15_000,
        }
    }
}

/// A checked rate curve of a match.
///
/// ```
/// use oddsengine_pricing::football::intensity::{IntensityProfile, MINUTE_MS, MatchClock, Period};
/// let profile = IntensityProfile::default();
/// let clock = MatchClock { period: Period::SecondHalf, elapsed_ms: 60 * MINUTE_MS, announced_stoppage_ms: None };
/// let shares = profile.remaining_share(clock);
/// assert_eq!(shares.first_half, 0.0);
/// assert!(shares.second_half > 0.38 && shares.second_half < 0.41);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct IntensityProfile {
    first: HalfCurve,
    second: HalfCurve,
}

impl Default for IntensityProfile {
    fn default() -> Self {
        Self::new(&IntensityConfig::default()).expect("the default configuration lies within its own bounds")
    }
}

impl IntensityProfile {
    /// A profile from its configuration.
    ///
    /// # Errors
    ///
    /// [`FootballError::OutsideRange`] for a share outside 0..=1, a curve without knots, with more than 32, not starting
    /// at 0 or not in order, a rate outside 1e-6..=1e6, or a stoppage above 60 minutes.
    pub fn new(config: &IntensityConfig) -> Result<Self, FootballError> {
        let share = FootballError::check("first-half share", config.first_half_share, 0.0, 1.0)?;
        let overrun_ms = check_stoppage("overrun", config.overrun_ms)?;
        Ok(Self {
            first: HalfCurve::new(
                &config.first_half_rates,
                config.first_half_stoppage_ms,
                overrun_ms,
                share,
            )?,
            second: HalfCurve::new(
                &config.second_half_rates,
                config.second_half_stoppage_ms,
                overrun_ms,
                1.0 - share,
            )?,
        })
    }

    /// The expected fractions of the match's goals that are still to come in each half.
    ///
    /// Never increasing in the elapsed time, never below a small floor while the half is running, 0 when it is over.
    /// A stoppage board replaces the expected stoppage, so that a long one raises the share again.
    pub fn remaining_share(&self, clock: MatchClock) -> RemainingShares {
        let (first_half, second_half) = match clock.period {
            Period::BeforeKickOff => (self.first.share, self.second.share),
            Period::FirstHalf => {
                (self.first.remaining(clock.elapsed_ms, clock.announced_stoppage_ms), self.second.share)
            }
            Period::HalfTime => (0.0, self.second.share),
            Period::SecondHalf => {
                let elapsed_ms = clock.elapsed_ms.saturating_sub(HALF_MS);
                (0.0, self.second.remaining(elapsed_ms, clock.announced_stoppage_ms))
            }
            Period::Ended => (0.0, 0.0),
        };
        RemainingShares { first_half, second_half }
    }
}

/// One half: its rate curve, scaled so that the half with its expected stoppage holds `share`.
#[derive(Clone, Debug, PartialEq)]
struct HalfCurve {
    knots: Vec<(u32, f64)>,
    stoppage_ms: u32,
    share: f64,
    share_per_rate_ms: f64,
    floor: f64,
}

impl HalfCurve {
    fn new(
        knots: &[(u32, f64)],
        stoppage_ms: u32,
        overrun_ms: u32,
        share: f64,
    ) -> Result<Self, FootballError> {
        FootballError::check("number of rate knots", knots.len() as f64, 1.0, KNOTS_MAX as f64)?;
        FootballError::check("first rate knot", f64::from(knots[0].0), 0.0, 0.0)?;
        for (index, (time_ms, rate)) in knots.iter().enumerate() {
            FootballError::check("rate", *rate, 1e-6, 1e6)?;
            let earliest = if index == 0 { 0.0 } else { f64::from(knots[index - 1].0) + 1.0 };
            FootballError::check(
                "rate knot",
                f64::from(*time_ms),
                earliest,
                f64::from(HALF_MS + STOPPAGE_MS_MAX),
            )?;
        }
        check_stoppage("expected stoppage", stoppage_ms)?;
        let mut curve =
            Self { knots: knots.to_vec(), stoppage_ms, share, share_per_rate_ms: 0.0, floor: 0.0 };
        let area = curve.area_until(HALF_MS + stoppage_ms);
        curve.share_per_rate_ms = share / area;
        // Time beyond the expected end is played at the rate of that end.
        let rate_at_end = curve.area_until(HALF_MS + stoppage_ms + 1) - area;
        curve.floor = share / area * rate_at_end * f64::from(overrun_ms);
        Ok(curve)
    }

    fn remaining(&self, elapsed_ms: u32, announced_stoppage_ms: Option<u32>) -> f64 {
        let stoppage_ms = announced_stoppage_ms.unwrap_or(self.stoppage_ms).min(STOPPAGE_MS_MAX);
        let end_ms = HALF_MS + stoppage_ms;
        if elapsed_ms == 0 && stoppage_ms == self.stoppage_ms {
            return self.share;
        }
        let to_come = self.area_until(end_ms) - self.area_until(elapsed_ms.min(end_ms));
        (to_come * self.share_per_rate_ms).max(self.floor)
    }

    /// Area under the rate curve from the start of the half.
    fn area_until(&self, time_ms: u32) -> f64 {
        let mut area = 0.0;
        for pair in self.knots.windows(2) {
            let ((start, rate), (end, end_rate)) = (pair[0], pair[1]);
            if time_ms <= start {
                return area;
            }
            let length = f64::from(time_ms.min(end) - start);
            let slope = (end_rate - rate) / f64::from(end - start);
            area += length * (rate + 0.5 * slope * length);
        }
        let (start, rate) = self.knots[self.knots.len() - 1];
        area + f64::from(time_ms.saturating_sub(start)) * rate
    }
}

fn check_stoppage(name: &'static str, stoppage_ms: u32) -> Result<u32, FootballError> {
    FootballError::check(name, f64::from(stoppage_ms), 0.0, f64::from(STOPPAGE_MS_MAX)).map(|_| stoppage_ms)
}

/// How score and red cards change the scoring rates; each number multiplies a rate.
///
/// The defaults are illustrative configuration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateMultipliers {
    /// Of the side that leads.
    pub leading: f64,
    /// Of both sides while the score is level.
    pub level: f64,
    /// Of the side that trails.
    pub trailing: f64,
    /// Of a side for each red card of its own.
    pub red_own: f64,
    /// Of a side for each red card of its opponent.
    pub red_opponent: f64,
}

impl Default for RateMultipliers {
    fn default() -> Self {
        Self { leading: 0.92, level: 1.0, trailing: 1.12, red_own: 0.667, red_opponent: 1.25 }
    }
}

impl RateMultipliers {
    /// Multipliers that change nothing.
    pub const NEUTRAL: Self =
        Self { leading: 1.0, level: 1.0, trailing: 1.0, red_own: 1.0, red_opponent: 1.0 };

    /// Passes multipliers that lie in 0..=10 each.
    ///
    /// # Errors
    ///
    /// [`FootballError::OutsideRange`] otherwise.
    pub fn checked(self) -> Result<Self, FootballError> {
        for (name, value) in [
            ("multiplier leading", self.leading),
            ("multiplier level", self.level),
            ("multiplier trailing", self.trailing),
            ("multiplier red_own", self.red_own),
            ("multiplier red_opponent", self.red_opponent),
        ] {
            FootballError::check(name, value, 0.0, 10.0)?;
        }
        Ok(self)
    }

    /// The factors of the home and the away rate at a score difference (home less away) and red cards.
    ///
    /// Red cards count up to four a side.
    ///
    /// ```
    /// use oddsengine_pricing::football::intensity::RateMultipliers;
    /// let (home, away) = RateMultipliers::default().multipliers(1, 0, 1);
    /// assert_eq!((home, away), (0.92 * 1.25, 1.12 * 0.667));
    /// ```
    pub fn multipliers(&self, score_difference: i32, red_home: u8, red_away: u8) -> (f64, f64) {
        let (mut home, mut away) = match score_difference.signum() {
            1 => (self.leading, self.trailing),
            0 => (self.level, self.level),
            _ => (self.trailing, self.leading),
        };
        for _ in 0..red_home.min(RED_CARDS_MAX) {
            home *= self.red_own;
            away *= self.red_opponent;
        }
        for _ in 0..red_away.min(RED_CARDS_MAX) {
            home *= self.red_opponent;
            away *= self.red_own;
        }
        (home, away)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(period: Period, elapsed_ms: u32, announced_stoppage_ms: Option<u32>) -> MatchClock {
        MatchClock { period, elapsed_ms, announced_stoppage_ms }
    }

    #[test]
    fn shares_run_from_one_to_zero() {
        let profile = IntensityProfile::default();
        let before = profile.remaining_share(clock(Period::BeforeKickOff, 0, None));
        assert_eq!((before.first_half, before.total()), (0.45, 1.0));
        assert_eq!(profile.remaining_share(clock(Period::FirstHalf, 0, None)), before);
        let half_time = profile.remaining_share(clock(Period::HalfTime, HALF_MS, None));
        assert_eq!((half_time.first_half, half_time.second_half), (0.0, 0.55));
        assert_eq!(profile.remaining_share(clock(Period::SecondHalf, HALF_MS, None)).second_half, 0.55);
        assert_eq!(profile.remaining_share(clock(Period::Ended, 95 * MINUTE_MS, None)).total(), 0.0);
    }

    #[test]
    fn shares_never_rise_with_the_clock_and_keep_a_floor() {
        let first_half_rates =
            vec![(0, 0.5), (10 * MINUTE_MS, 2.0), (20 * MINUTE_MS, 0.4), (50 * MINUTE_MS, 3.0)];
        let config = IntensityConfig { first_half_rates, ..IntensityConfig::default() };
        for config in [IntensityConfig::default(), config] {
            let profile = IntensityProfile::new(&config).unwrap();
            for announced in [None, Some(0), Some(MINUTE_MS), Some(9 * MINUTE_MS), Some(u32::MAX)] {
                for (period, start) in [(Period::FirstHalf, 0), (Period::SecondHalf, HALF_MS)] {
                    let mut last = f64::INFINITY;
                    for second in 0..4_200 {
                        let shares =
                            profile.remaining_share(clock(period, start + second * 1_000, announced));
                        let share =
                            if period == Period::FirstHalf { shares.first_half } else { shares.second_half };
                        assert!(share <= last && share > 0.0, "{period:?} {second} {announced:?}");
                        last = share;
                    }
                    if announced != Some(u32::MAX) {
                        assert!(last < 0.02, "{period:?} {announced:?} {last}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_long_board_raises_the_share() {
        let profile = IntensityProfile::default();
        let at = |announced| {
            profile.remaining_share(clock(Period::SecondHalf, 90 * MINUTE_MS, announced)).second_half
        };
        assert!(at(Some(10 * MINUTE_MS)) > at(None) && at(Some(MINUTE_MS)) < at(None));
        assert!((at(None) - at(Some(5 * MINUTE_MS))).abs() < 1e-15);
        assert!(profile.remaining_share(clock(Period::SecondHalf, u32::MAX, None)).second_half > 0.0);
        assert_eq!(profile.remaining_share(clock(Period::SecondHalf, 3, None)).second_half, 0.55);
    }

    #[test]
    fn impossible_configurations_are_refused() {
        let refused = |change: fn(&mut IntensityConfig)| {
            let mut config = IntensityConfig::default();
            change(&mut config);
            IntensityProfile::new(&config).is_err()
        };
        assert!(refused(|config| config.first_half_share = f64::NAN));
        assert!(refused(|config| config.first_half_rates.clear()));
        assert!(refused(|config| config.first_half_rates[0].0 = 5));
        assert!(refused(|config| config.second_half_rates[1].0 = 0));
        assert!(refused(|config| config.second_half_rates[1].1 = 0.0));
        assert!(refused(|config| config.second_half_rates[1].1 = f64::INFINITY));
        assert!(refused(|config| config.overrun_ms = u32::MAX));
        assert!(RateMultipliers { leading: f64::NAN, ..RateMultipliers::NEUTRAL }.checked().is_err());
    }
}
