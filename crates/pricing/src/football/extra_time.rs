//! Who goes through: extra time, the penalty shoot-out, two legs.
//!
//! Extra time is 30 minutes at a share of the match's goal expectation; its goals are independent Poisson counts. A
//! shoot-out is a race of five kicks a side and then sudden death. Both follow a tie after regulation, which over two
//! legs means level on aggregate and, where the rule applies, on away goals.

use oddsengine_markets::football::Side;
pub use oddsengine_markets::football::{Decision, FirstLeg, KICKS, shootout_winner};

use super::{FootballError, GOAL_MEAN_MAX, poisson};

/// Share of a match's expected goals that fall in extra time: a third of its length, played a little slower.
///
/// Illustrative until fitted; `benches/accuracy/football_intervals.py` measures it on internationals.
pub const EXTRA_TIME_SHARE: f64 = 0.3;

/// Share of penalties converted in shoot-outs.
pub const CONVERSION: f64 = 0.75;

/// Goals of a side in extra time that are told apart.
const EXTRA_GOALS: usize = 16;

/// Probabilities of going through, by side and by when: regulation, extra time, penalties.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Qualification {
    /// Of home, then away: in regulation, in extra time, on penalties.
    pub methods: [[f64; 3]; 2],
}

impl Qualification {
    /// P(the side goes through), 0 for home and 1 for away.
    pub fn side(&self, side: usize) -> f64 {
        self.methods[side].iter().sum()
    }

    /// P(extra time is played), if regulation is still to be decided.
    pub fn extra_time(&self) -> f64 {
        self.methods.iter().map(|methods| methods[1] + methods[2]).sum()
    }

    /// P(a shoot-out).
    pub fn penalties(&self) -> f64 {
        self.methods.iter().map(|methods| methods[2]).sum()
    }
}

/// Extra time and penalties as far as they are still to come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExtraTime {
    /// Expected goals of each side in what is left of extra time.
    pub means: [f64; 2],
    /// P(the home side wins a shoot-out).
    pub shootout_home: f64,
    /// A tie goes to penalties at once.
    pub is_skipped: bool,
}

/// Probabilities of going through from the probabilities of scores after regulation, `size` goals a side, home by
/// row; what the grid leaves out counts for nobody.
///
/// # Errors
///
/// [`FootballError::OutsideRange`] for a grid without cells, a goal mean outside 0..=20 or a probability outside 0..=1.
///
/// ```
/// use oddsengine_pricing::football::extra_time::{EXTRA_TIME_SHARE, ExtraTime, FirstLeg, qualification};
/// use oddsengine_pricing::football::{DixonColes, ScoreGrid};
/// let grid = ScoreGrid::from_dixon_coles(&DixonColes::new(1.5, 1.1, -0.06).unwrap());
/// let means = [1.5 * EXTRA_TIME_SHARE, 1.1 * EXTRA_TIME_SHARE];
/// let extra = ExtraTime { means, shootout_home: 0.5, is_skipped: false };
/// let found = qualification(grid.cells(), grid.size(), &FirstLeg::default(), &extra).unwrap();
/// assert!((found.side(0) + found.side(1) - 1.0).abs() < 1e-9);
/// assert!((found.extra_time() - grid.draw()).abs() < 1e-12);
/// ```
pub fn qualification(
    cells: &[f64],
    size: usize,
    first_leg: &FirstLeg,
    extra: &ExtraTime,
) -> Result<Qualification, FootballError> {
    FootballError::check("grid size", size as f64, 1.0, f64::from(u8::MAX))?;
    let masses = extra.masses()?;
    let mut result = Qualification::default();
    for (home, row) in cells.chunks_exact(size).enumerate() {
        for (away, &mass) in row.iter().enumerate().filter(|(_, mass)| **mass > 0.0) {
            match first_leg.decision([home as u16, away as u16]) {
                Decision::Through(side) => result.methods[side.index()][0] += mass,
                Decision::Level => {
                    extra.add(first_leg, [home as u16, away as u16], mass, &masses, &mut result)
                }
            }
        }
    }
    Ok(result)
}

/// Probabilities of going through once extra time has begun: `goals` of the match so far, extra time included.
///
/// # Errors
///
/// As [`qualification`].
pub fn in_extra_time(
    goals: [u16; 2],
    first_leg: &FirstLeg,
    extra: &ExtraTime,
) -> Result<Qualification, FootballError> {
    let mut result = Qualification::default();
    extra.add(first_leg, goals, 1.0, &extra.masses()?, &mut result);
    Ok(result)
}

type ExtraMasses = [[f64; EXTRA_GOALS]; 2];

impl ExtraTime {
    fn masses(&self) -> Result<ExtraMasses, FootballError> {
        FootballError::check("probability of winning a shoot-out", self.shootout_home, 0.0, 1.0)?;
        let mut masses = [[0.0; EXTRA_GOALS]; 2];
        for (masses, mean) in masses.iter_mut().zip(self.means) {
            FootballError::check("expected goals in extra time", mean, 0.0, GOAL_MEAN_MAX)?;
            poisson::fill_masses(mean, masses);
            let below: f64 = masses[..EXTRA_GOALS - 1].iter().sum();
            masses[EXTRA_GOALS - 1] = (1.0 - below).max(0.0);
        }
        Ok(masses)
    }

    fn add(
        &self,
        first_leg: &FirstLeg,
        goals: [u16; 2],
        mass: f64,
        masses: &ExtraMasses,
        result: &mut Qualification,
    ) {
        let mut level = mass;
        if !self.is_skipped {
            level = 0.0;
            for (home, &p_home) in masses[0].iter().enumerate() {
                for (away, &p_away) in masses[1].iter().enumerate() {
                    let joint = mass * p_home * p_away;
                    match first_leg.decision([goals[0] + home as u16, goals[1] + away as u16]) {
                        Decision::Through(side) => result.methods[side.index()][1] += joint,
                        Decision::Level => level += joint,
                    }
                }
            }
        }
        result.methods[0][2] += level * self.shootout_home;
        result.methods[1][2] += level * (1.0 - self.shootout_home);
    }
}

/// A shoot-out so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shootout {
    /// Penalties scored by home and away.
    pub scored: [u8; 2],
    /// Penalties taken by home and away.
    pub taken: [u8; 2],
    /// The side that kicks first: 0 for home, 1 for away.
    pub first: u8,
}

/// P(the home side wins a shoot-out) from the conversion of each side, 0..1, and the kicks so far.
///
/// Level with the same number of kicks and five or more: the next pair decides it, or the one after,
/// `p (1 - q) / (p (1 - q) + q (1 - p))`.
///
/// # Errors
///
/// [`FootballError::Probability`] for a conversion not strictly between 0 and 1, [`FootballError::OutsideRange`] for kicks
/// that cannot have come to pass: more scored than taken, one side two kicks ahead, or a shoot-out that was over.
///
/// ```
/// use oddsengine_pricing::football::extra_time::{Shootout, shootout};
/// let even = shootout([0.75, 0.75], Shootout::default()).unwrap();
/// assert!((even - 0.5).abs() < 1e-12);
/// let ahead = Shootout { scored: [1, 0], taken: [1, 1], first: 0 };
/// assert!(shootout([0.75, 0.75], ahead).unwrap() > 0.7);
/// ```
pub fn shootout(conversion: [f64; 2], now: Shootout) -> Result<f64, FootballError> {
    for value in conversion {
        FootballError::check_probability("a penalty", value)?;
    }
    let Shootout { scored, taken, first } = now;
    FootballError::check("side that kicks first", f64::from(first), 0.0, 1.0)?;
    for side in 0..2 {
        FootballError::check("penalties scored", f64::from(scored[side]), 0.0, f64::from(taken[side]))?;
        FootballError::check("penalties taken", f64::from(taken[side]), 0.0, 100.0)?;
    }
    let lead = i16::from(taken[usize::from(first)]) - i16::from(taken[usize::from(1 - first)]);
    FootballError::check("kicks that the first side is ahead", f64::from(lead), 0.0, 1.0)?;
    Ok(home_wins(conversion, scored, taken, first))
}

fn home_wins(conversion: [f64; 2], scored: [u8; 2], taken: [u8; 2], first: u8) -> f64 {
    if let Some(winner) = shootout_winner(scored, taken) {
        return if winner == Side::Home { 1.0 } else { 0.0 };
    }
    if taken[0] == taken[1] && taken[0] >= KICKS {
        let [home, away] = conversion;
        let (wins, loses) = (home * (1.0 - away), away * (1.0 - home));
        return wins / (wins + loses);
    }
    let side = usize::from(if taken[0] == taken[1] { first } else { 1 - first });
    let after = |goal: u8| {
        let (mut scored, mut taken) = (scored, taken);
        scored[side] += goal;
        taken[side] += 1;
        home_wins(conversion, scored, taken, first)
    };
    conversion[side] * after(1) + (1.0 - conversion[side]) * after(0)
}

#[cfg(test)]
mod tests {
    use super::super::{DixonColes, ScoreGrid};
    use super::*;

    struct Lcg(u64);

    impl Lcg {
        fn unit(&mut self) -> f64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 11) as f64 / (1_u64 << 53) as f64
        }
    }

    /// Kick by kick, with the rule written as a referee would: after each kick, can the other side still catch up?
    #[test]
    fn shoot_outs_agree_with_a_simulation() {
        let mut random = Lcg(4);
        for (conversion, first) in [([0.75, 0.75], 0_u8), ([0.8, 0.7], 0), ([0.6, 0.9], 1)] {
            let count = 200_000;
            let mut wins = 0;
            for _ in 0..count {
                let (mut scored, mut taken) = ([0_u8; 2], [0_u8; 2]);
                let winner = loop {
                    let side = usize::from(if taken[0] == taken[1] { first } else { 1 - first });
                    taken[side] += 1;
                    scored[side] += u8::from(random.unit() < conversion[side]);
                    let limit = taken[0].max(taken[1]).max(KICKS);
                    let most = |side: usize| scored[side] + limit - taken[side];
                    if scored[0] > most(1) {
                        break 0;
                    }
                    if scored[1] > most(0) {
                        break 1;
                    }
                };
                wins += u32::from(winner == 0);
            }
            let want = shootout(conversion, Shootout { first, ..Shootout::default() }).unwrap();
            let got = f64::from(wins) / f64::from(count);
            assert!((got - want).abs() < 4.0 * (0.25 / f64::from(count)).sqrt(), "{got} {want}");
        }
    }

    #[test]
    fn qualification_by_the_definition() {
        let grid = ScoreGrid::from_dixon_coles(&DixonColes::new(1.4, 1.2, -0.05).unwrap());
        let extra = ExtraTime { means: [0.4, 0.35], shootout_home: 0.53, is_skipped: false };
        for first_leg in [
            FirstLeg::default(),
            FirstLeg { home_goals: 0, away_goals: 1, away_goals_rule: false },
            FirstLeg { home_goals: 2, away_goals: 2, away_goals_rule: true },
        ] {
            let found = qualification(grid.cells(), grid.size(), &first_leg, &extra).unwrap();
            assert!((found.side(0) + found.side(1) - 1.0).abs() < 1e-11);
            let margin = i32::from(first_leg.away_goals) - i32::from(first_leg.home_goals);
            let by_ninety: f64 = (margin + 1..40).map(|goals| grid.difference(goals)).sum();
            let level = grid.difference(margin);
            if first_leg.away_goals_rule {
                assert!(found.methods[0][0] > by_ninety && found.extra_time() < level);
            } else {
                assert!((found.methods[0][0] - by_ninety).abs() < 1e-12);
                assert!((found.extra_time() - level).abs() < 1e-12);
            }
        }
        let skipped = ExtraTime { is_skipped: true, ..extra };
        let found = qualification(grid.cells(), grid.size(), &FirstLeg::default(), &skipped).unwrap();
        assert!((found.penalties() - grid.draw()).abs() < 1e-12 && found.methods[0][1] == 0.0);
        let running =
            in_extra_time([2, 1], &FirstLeg::default(), &ExtraTime { means: [0.0; 2], ..extra }).unwrap();
        assert_eq!(running.methods[0], [0.0, 1.0, 0.0]);
    }

    #[test]
    fn impossible_arguments_are_refused() {
        let kicks = |scored, taken, first| shootout([0.75; 2], Shootout { scored, taken, first });
        assert!(kicks([2, 0], [1, 1], 0).is_err() && kicks([0, 0], [0, 1], 0).is_err());
        assert!(kicks([0, 0], [0, 1], 1).is_ok() && kicks([0, 0], [2, 0], 0).is_err());
        assert!(shootout([1.0, 0.7], Shootout::default()).is_err());
        let extra = ExtraTime { means: [f64::NAN, 0.1], shootout_home: 0.5, is_skipped: false };
        assert!(in_extra_time([0, 0], &FirstLeg::default(), &extra).is_err());
    }
}
