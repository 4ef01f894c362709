//! The markets that depend on the final score only.

use super::{FootballError, LINE_QUARTERS_MAX, ScoreGrid};

/// What a unit stake on one side of a line does on average.
///
/// `win` and `lose` are the expected fractions of the stake won and lost; a push is the rest. A quarter line is
/// half a stake on each neighbouring line: over 2.25 with two goals loses half and gets half back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LineShares {
    /// Expected fraction of the stake that wins.
    pub win: f64,
    /// Expected fraction of the stake that loses.
    pub lose: f64,
}

impl LineShares {
    /// Decimal odds at which the bet is worth its stake: `1 + lose/win`. None if it cannot win.
    pub fn fair_odds(&self) -> Option<f64> {
        (self.win > 0.0).then(|| 1.0 + self.lose / self.win)
    }

    /// `win / (win + lose)`, the inverse of the fair odds. None if the stake always comes back.
    pub fn fair_probability(&self) -> Option<f64> {
        let decided = self.win + self.lose;
        (decided > 0.0).then(|| self.win / decided)
    }

    /// Expected fraction of the stake that comes back unplayed.
    pub fn push(&self) -> f64 {
        (1.0 - self.win - self.lose).max(0.0)
    }

    /// The other side of the same line.
    pub fn opposite(&self) -> Self {
        Self { win: self.lose, lose: self.win }
    }
}

/// A line in goals as quarter goals: 2.25 is 9.
///
/// # Errors
///
/// [`FootballError::Line`] if it is no multiple of 0.25 or lies outside -1000..=1000.
///
/// ```
/// use oddsengine_pricing::football::quarters_from_line;
/// assert_eq!(quarters_from_line(-0.75), Ok(-3));
/// assert!(quarters_from_line(2.3).is_err());
/// ```
pub fn quarters_from_line(line: f64) -> Result<i32, FootballError> {
    let quarters = line * 4.0;
    let is_quarter = quarters == libm::floor(quarters) && quarters.abs() <= f64::from(LINE_QUARTERS_MAX);
    if is_quarter { Ok(quarters as i32) } else { Err(FootballError::Line { value: line }) }
}

/// A line in goals from quarter goals.
///
/// ```
/// assert_eq!(oddsengine_pricing::football::line_from_quarters(9), 2.25);
/// ```
pub fn line_from_quarters(line_quarters: i32) -> f64 {
    f64::from(line_quarters) * 0.25
}

/// The one or two half-goal lines that a line consists of, in quarter goals.
pub(super) fn line_parts(line_quarters: i32) -> [i64; 2] {
    let line = i64::from(line_quarters);
    if line % 2 == 0 { [line, line] } else { [line - 1, line + 1] }
}

/// Shares of a bet that a count exceeds a line; `masses[i]` is the probability of the count `i + first`.
pub(super) fn shares_above(masses: &[f64], first: i64, line_quarters: i32) -> LineShares {
    let parts = line_parts(line_quarters);
    let (mut win, mut lose) = ([0.0; 2], [0.0; 2]);
    for (index, mass) in masses.iter().enumerate() {
        let count_quarters = 4 * (first + index as i64);
        for (part, line) in parts.into_iter().enumerate() {
            win[part] += if count_quarters > line { *mass } else { 0.0 };
            lose[part] += if count_quarters < line { *mass } else { 0.0 };
        }
    }
    LineShares { win: 0.5 * (win[0] + win[1]), lose: 0.5 * (lose[0] + lose[1]) }
}

/// Probabilities of the three double-chance bets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DoubleChance {
    /// 1X.
    pub home_or_draw: f64,
    /// 12.
    pub home_or_away: f64,
    /// X2.
    pub draw_or_away: f64,
}

/// Markets. Probabilities are of the grid as it is; add or spread the tail yourself if 1e-12 matters to you.
impl ScoreGrid {
    fn first_difference(&self) -> i64 {
        1 - self.size() as i64
    }

    /// P(home win).
    pub fn home(&self) -> f64 {
        self.differences[self.size()..].iter().sum()
    }

    /// P(draw).
    pub fn draw(&self) -> f64 {
        self.differences[self.size() - 1]
    }

    /// P(away win).
    pub fn away(&self) -> f64 {
        self.differences[..self.size() - 1].iter().sum()
    }

    /// The three double-chance probabilities.
    pub fn double_chance(&self) -> DoubleChance {
        let (home, draw, away) = (self.home(), self.draw(), self.away());
        DoubleChance { home_or_draw: home + draw, home_or_away: home + away, draw_or_away: draw + away }
    }

    /// Home with the stake back on a draw: the handicap 0.
    pub fn draw_no_bet_home(&self) -> LineShares {
        self.asian_handicap_home(0)
    }

    /// Away with the stake back on a draw.
    pub fn draw_no_bet_away(&self) -> LineShares {
        self.asian_handicap_home(0).opposite()
    }

    /// P(both sides score).
    pub fn both_score(&self) -> f64 {
        self.cells().chunks_exact(self.size()).skip(1).map(|row| row[1..].iter().sum::<f64>()).sum()
    }

    /// P(the total is odd).
    pub fn odd_total(&self) -> f64 {
        self.totals.iter().skip(1).step_by(2).sum()
    }

    /// P(the home side concedes no goal).
    pub fn home_clean_sheet(&self) -> f64 {
        self.cells().chunks_exact(self.size()).map(|row| row[0]).sum()
    }

    /// P(the away side concedes no goal).
    pub fn away_clean_sheet(&self) -> f64 {
        self.cells()[..self.size()].iter().sum()
    }

    /// P(home wins and concedes no goal).
    pub fn home_win_to_nil(&self) -> f64 {
        self.cells().chunks_exact(self.size()).skip(1).map(|row| row[0]).sum()
    }

    /// P(away wins and concedes no goal).
    pub fn away_win_to_nil(&self) -> f64 {
        self.cells()[1..self.size()].iter().sum()
    }

    /// P(exactly so many goals).
    pub fn exact_total(&self, goals: usize) -> f64 {
        self.totals.get(goals).copied().unwrap_or(0.0)
    }

    /// P(so many goals or more).
    pub fn total_at_least(&self, goals: usize) -> f64 {
        self.totals.iter().skip(goals).sum()
    }

    /// P(home goals - away goals is exactly this).
    pub fn difference(&self, goals: i32) -> f64 {
        let index = i64::from(goals) - self.first_difference();
        usize::try_from(index).ok().and_then(|index| self.differences.get(index)).copied().unwrap_or(0.0)
    }

    /// P(home wins by exactly so many goals); 0 for a margin of 0.
    pub fn home_wins_by(&self, goals: usize) -> f64 {
        if goals == 0 { 0.0 } else { self.differences.get(self.size() - 1 + goals).copied().unwrap_or(0.0) }
    }

    /// P(home wins by so many goals or more); a margin of 0 counts as 1.
    pub fn home_wins_by_at_least(&self, goals: usize) -> f64 {
        self.differences.iter().skip((self.size() - 1).saturating_add(goals.max(1))).sum()
    }

    /// P(away wins by exactly so many goals); 0 for a margin of 0.
    pub fn away_wins_by(&self, goals: usize) -> f64 {
        if goals == 0 || goals >= self.size() { 0.0 } else { self.differences[self.size() - 1 - goals] }
    }

    /// P(away wins by so many goals or more); a margin of 0 counts as 1.
    pub fn away_wins_by_at_least(&self, goals: usize) -> f64 {
        self.differences[..self.size().saturating_sub(goals.max(1))].iter().sum()
    }

    /// Over a total line; the under is [`LineShares::opposite`].
    ///
    /// ```
    /// use oddsengine_pricing::football::{DixonColes, ScoreGrid, quarters_from_line};
    /// let grid = ScoreGrid::from_dixon_coles(&DixonColes::new(1.62, 1.08, -0.08).unwrap());
    /// let over = grid.over(quarters_from_line(2.75).unwrap());
    /// assert!((over.win - 0.39614166665516).abs() < 1e-9 && (over.lose - 0.49362449107346).abs() < 1e-9);
    /// ```
    pub fn over(&self, line_quarters: i32) -> LineShares {
        shares_above(&self.totals, 0, line_quarters)
    }

    /// Home with a handicap added to its goals; the away side of the same line is [`LineShares::opposite`].
    ///
    /// ```
    /// use oddsengine_pricing::football::{DixonColes, ScoreGrid};
    /// let grid = ScoreGrid::from_dixon_coles(&DixonColes::new(0.9, 1.75, -0.12).unwrap());
    /// let home = grid.asian_handicap_home(1); // +0.25
    /// assert!((home.fair_odds().unwrap() - 2.8195100205224).abs() < 1e-9);
    /// ```
    pub fn asian_handicap_home(&self, handicap_quarters: i32) -> LineShares {
        shares_above(&self.differences, self.first_difference(), handicap_quarters.saturating_neg())
    }

    /// Over a line of home goals.
    pub fn home_goals_over(&self, line_quarters: i32) -> LineShares {
        let masses: Vec<f64> = self.cells().chunks_exact(self.size()).map(|row| row.iter().sum()).collect();
        shares_above(&masses, 0, line_quarters)
    }

    /// Over a line of away goals.
    pub fn away_goals_over(&self, line_quarters: i32) -> LineShares {
        let mut masses = vec![0.0; self.size()];
        for row in self.cells().chunks_exact(self.size()) {
            for (mass, cell) in masses.iter_mut().zip(row) {
                *mass += cell;
            }
        }
        shares_above(&masses, 0, line_quarters)
    }
}

#[cfg(test)]
mod tests {
    use super::super::DixonColes;
    use super::*;

    /// The markets by the definition: every score, one at a time.
    fn expectation(grid: &ScoreGrid, value: impl Fn(i64, i64) -> f64) -> f64 {
        let size = grid.size();
        (0..size * size).map(|i| grid.cells()[i] * value((i / size) as i64, (i % size) as i64)).sum()
    }

    fn graded(result_quarters: i64, line: i64) -> f64 {
        let side = |part: i64| (result_quarters - part).signum() as f64;
        if line % 2 == 0 { side(line) } else { 0.5 * (side(line - 1) + side(line + 1)) }
    }

    #[test]
    fn lines_agree_with_grading_every_score() {
        let grid = ScoreGrid::from_dixon_coles(&DixonColes::new(1.7, 1.2, -0.1).unwrap());
        for line in -20..=40 {
            let cases = [
                (grid.over(line), expectation(&grid, |x, y| graded(4 * (x + y), i64::from(line)))),
                (
                    grid.asian_handicap_home(line),
                    expectation(&grid, |x, y| graded(4 * (x - y), -i64::from(line))),
                ),
                (grid.home_goals_over(line), expectation(&grid, |x, _| graded(4 * x, i64::from(line)))),
                (grid.away_goals_over(line), expectation(&grid, |_, y| graded(4 * y, i64::from(line)))),
            ];
            for (shares, expected) in cases {
                assert!((shares.win - shares.lose - expected).abs() < 1e-14, "line {line}");
                assert!(shares.push() >= 0.0 && shares.win + shares.lose <= 1.0 + 1e-14);
            }
        }
    }

    #[test]
    fn markets_agree_with_each_other() {
        let grid = ScoreGrid::from_dixon_coles(&DixonColes::new(1.4, 1.5, -0.05).unwrap());
        assert!((grid.home() + grid.draw() + grid.away() - 1.0).abs() < 1e-12);
        assert!((grid.home() - grid.asian_handicap_home(-2).win).abs() < 1e-15);
        assert!((grid.away_wins_by(2) - grid.difference(-2)).abs() < 1e-15);
        let by: f64 = (1..grid.size()).map(|goals| grid.away_wins_by(goals)).sum();
        assert!(
            (by - grid.away()).abs() < 1e-15 && (grid.away_wins_by_at_least(1) - grid.away()).abs() < 1e-15
        );
        assert_eq!(
            (grid.home_wins_by(0), grid.home_wins_by_at_least(usize::MAX), grid.difference(i32::MIN)),
            (0.0, 0.0, 0.0)
        );
        assert_eq!((grid.away_wins_by(usize::MAX), grid.away_wins_by_at_least(usize::MAX)), (0.0, 0.0));
        assert!((grid.total_at_least(0) - 1.0).abs() < 1e-12);
        let both = 1.0 - grid.home_clean_sheet() - grid.away_clean_sheet() + grid.correct_score(0, 0);
        assert!((grid.both_score() - both).abs() < 1e-12);
        assert!((grid.away_win_to_nil() + grid.correct_score(0, 0) - grid.away_clean_sheet()).abs() < 0.5);
    }

    #[test]
    fn odd_lines_are_refused() {
        for bad in [f64::NAN, f64::INFINITY, 2.3, 1000.25, -1e300] {
            assert!(quarters_from_line(bad).is_err());
        }
        let grid = ScoreGrid::from_dixon_coles(&DixonColes::poisson(1.0, 1.0).unwrap());
        assert!(
            grid.over(i32::MAX).fair_odds().is_none()
                && grid.asian_handicap_home(i32::MIN).fair_odds().is_none()
        );
        assert!(LineShares { win: 0.0, lose: 0.0 }.fair_probability().is_none());
    }
}
