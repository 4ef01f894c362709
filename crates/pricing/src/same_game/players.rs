//! Player legs: each goal of a side is a given player's with the same probability, whoever scored the others.
//!
//! Given `n` goals to come of a side, the goals of its players are multinomial. The number of ways in which every
//! wanted player gets his goals is `n!` times the coefficient of `z^n` in
//! `exp((1 - sum of shares) z) * product over wanted players of sum over k >= wanted (share z)^k / k!`.
//! A first or last scorer takes one named goal out of these and fixes which side scored it: the order of goals
//! prices that part.

use oddsengine_markets::football::{HALF_GOALS_MAX, ORDER_CELLS, Side, order_of_cell};

use super::SameGameError;

/// Most players that the legs of one multiple may name.
pub const PLAYERS_MAX: usize = 8;

/// Goals of a side that can be to come on the goal spaces.
const GOALS: usize = 2 * HALF_GOALS_MAX + 1;

/// A player and his part in the goals of his side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Player {
    /// The side whose goals are his.
    pub side: Side,
    /// Probability, 0..=1, that a goal of his side that is still to come is his: his minutes are in it.
    pub share: f64,
    /// Goals he has scored so far.
    pub goals: u8,
}

/// Who scored a goal that has fallen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoalCredit {
    /// The player with this index.
    Player(u8),
    /// Somebody else, or an own goal.
    Other,
}

/// The players that legs name, and whose the first and the latest goal of the match were.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Squad {
    /// The players; legs name them by index.
    pub players: Vec<Player>,
    /// Whose the first goal was; `None` before it.
    pub first: Option<GoalCredit>,
    /// Whose the latest goal was; `None` before the first.
    pub latest: Option<GoalCredit>,
}

/// What a leg says of a player.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlayerCondition {
    /// He scores at least so many goals in the match, 1 or more.
    Scores(u8),
    /// He scores the first goal.
    ScoresFirst,
    /// He scores the last goal.
    ScoresLast,
}

/// A leg on a player.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlayerLeg {
    /// Index in [`Squad::players`].
    pub player: u8,
    /// What he does.
    pub condition: PlayerCondition,
}

/// All player legs of a multiple as a weight of each number of goals to come, and the orders of goals they need.
#[derive(Clone, Debug)]
pub(super) struct PlayerWeights {
    /// Probability that the legs hold, given the goals to come of home and away and an order in `orders`.
    weights: [[f64; GOALS]; GOALS],
    /// Order cells in which the sides of the first and last goal fit, if the legs need any.
    pub orders: Option<u128>,
}

impl PlayerWeights {
    #[inline]
    pub fn at(&self, home: usize, away: usize) -> f64 {
        self.weights[home.min(GOALS - 1)][away.min(GOALS - 1)]
    }

    /// Combines legs. `goals_count` is the number of goals so far.
    pub fn new(squad: &Squad, goals_count: u16, legs: &[PlayerLeg]) -> Result<Self, SameGameError> {
        check(squad, goals_count, legs)?;
        let mut needs = Needs::default();
        for leg in legs {
            let index = usize::from(leg.player);
            let player = &squad.players[index];
            match leg.condition {
                PlayerCondition::Scores(goals) => {
                    needs.goals[index] = needs.goals[index].max(goals.saturating_sub(player.goals));
                }
                PlayerCondition::ScoresFirst => match squad.first {
                    None => needs.first.add(leg.player),
                    Some(credit) => needs.is_possible &= credit == GoalCredit::Player(leg.player),
                },
                PlayerCondition::ScoresLast => needs.last.add(leg.player),
            }
        }
        let mut result = Self { weights: [[0.0; GOALS]; GOALS], orders: None };
        needs.is_possible &= needs.first.count < 2 && needs.last.count < 2;
        if !needs.is_possible {
            return Ok(result);
        }
        let (first, last) = (needs.first.player(), needs.last.player());
        if first.is_some() || last.is_some() {
            let side = |player: u8| squad.players[usize::from(player)].side;
            result.orders = Some(fitting_orders(first.map(side), last.map(side)));
        }
        result.fill(squad, &needs, first, last);
        Ok(result)
    }

    fn fill(&mut self, squad: &Squad, needs: &Needs, first: Option<u8>, last: Option<u8>) {
        // No goal to come: nobody needs one, and the latest scorer is the last.
        let stands = needs.goals.iter().all(|&goals| goals == 0)
            && first.is_none()
            && last.is_none_or(|player| squad.latest == Some(GoalCredit::Player(player)));
        self.weights[0][0] = f64::from(u8::from(stands));
        // One goal to come is both the first and the last of those to come.
        let one: Vec<u8> = match (first, last) {
            (Some(first), Some(last)) if first != last => Vec::new(),
            _ => first.or(last).into_iter().collect(),
        };
        let one_is_possible = first.is_none() || last.is_none() || first == last;
        let one = Named::new(squad, needs, &one);
        let many = Named::new(squad, needs, &first.into_iter().chain(last).collect::<Vec<_>>());
        for home in 0..GOALS {
            for away in 0..GOALS {
                self.weights[home][away] = match home + away {
                    0 => continue,
                    1 if one_is_possible => one.weight(home, away),
                    1 => 0.0,
                    _ => many.weight(home, away),
                };
            }
        }
    }
}

/// The player who must score the first or the last goal.
#[derive(Clone, Copy, Debug, Default)]
struct Wanted {
    player: u8,
    count: u8,
}

impl Wanted {
    fn add(&mut self, player: u8) {
        if self.count == 0 || self.player != player {
            *self = Self { player, count: self.count + 1 };
        }
    }

    fn player(self) -> Option<u8> {
        (self.count > 0).then_some(self.player)
    }
}

struct Needs {
    goals: [u8; PLAYERS_MAX],
    first: Wanted,
    last: Wanted,
    is_possible: bool,
}

impl Default for Needs {
    fn default() -> Self {
        let (first, last) = Default::default();
        Self { goals: [0; PLAYERS_MAX], first, last, is_possible: true }
    }
}

/// Goals that are named as particular players', and the distribution of the others.
struct Named {
    share: f64,
    counts: [usize; 2],
    /// Per side and number of goals that are not named: probability that all needs are met.
    met: [[f64; GOALS]; 2],
}

impl Named {
    fn new(squad: &Squad, needs: &Needs, named: &[u8]) -> Self {
        let mut left = needs.goals;
        let mut result = Self { share: 1.0, counts: [0; 2], met: [[0.0; GOALS]; 2] };
        for &player in named {
            let index = usize::from(player);
            left[index] = left[index].saturating_sub(1);
            result.share *= squad.players[index].share;
            result.counts[squad.players[index].side.index()] += 1;
        }
        for side in Side::BOTH {
            let wanted = squad
                .players
                .iter()
                .zip(left)
                .filter(|(player, goals)| player.side == side && *goals > 0)
                .map(|(player, goals)| (player.share, usize::from(goals)));
            result.met[side.index()] = probability_of_needs(wanted);
        }
        result
    }

    fn weight(&self, home: usize, away: usize) -> f64 {
        match (home.checked_sub(self.counts[0]), away.checked_sub(self.counts[1])) {
            (Some(home), Some(away)) => self.share * self.met[0][home] * self.met[1][away],
            _ => 0.0,
        }
    }
}

/// For each number of goals of a side: the probability that every wanted player (share, goals) has his goals.
fn probability_of_needs(wanted: impl Iterator<Item = (f64, usize)>) -> [f64; GOALS] {
    let mut series = [0.0; GOALS];
    series[0] = 1.0;
    let mut others = 1.0_f64;
    let mut is_free = true;
    for (share, least) in wanted {
        is_free = false;
        others -= share;
        let mut terms = [0.0; GOALS];
        let mut term = 1.0;
        for (count, slot) in terms.iter_mut().enumerate() {
            *slot = if count >= least { term } else { 0.0 };
            term *= share / (count + 1) as f64;
        }
        series = product(&series, &terms);
    }
    if is_free {
        return [1.0; GOALS];
    }
    let others = others.max(0.0);
    let mut rest = [0.0; GOALS];
    let mut term = 1.0;
    for (count, slot) in rest.iter_mut().enumerate() {
        *slot = term;
        term *= others / (count + 1) as f64;
    }
    let mut met = product(&series, &rest);
    let mut factorial = 1.0;
    for (count, slot) in met.iter_mut().enumerate() {
        factorial *= count.max(1) as f64;
        *slot *= factorial;
    }
    met
}

fn product(a: &[f64; GOALS], b: &[f64; GOALS]) -> [f64; GOALS] {
    let mut out = [0.0; GOALS];
    for (i, x) in a.iter().enumerate() {
        if *x != 0.0 {
            out[i..].iter_mut().zip(b).for_each(|(slot, y)| *slot += x * y);
        }
    }
    out
}

fn fitting_orders(first: Option<Side>, last: Option<Side>) -> u128 {
    (0..ORDER_CELLS)
        .filter(|&cell| {
            let order = order_of_cell(cell);
            let latest = order.count.checked_sub(1).and_then(|index| order.side(index));
            first.is_none_or(|side| order.side(0) == Some(side))
                && last.is_none_or(|side| latest == Some(side))
        })
        .fold(0, |set, cell| set | 1 << cell)
}

/// Tolerance of a sum of shares.
const SHARES_SUM_MAX: f64 = 1.0 + 1e-9;

fn check(squad: &Squad, goals_count: u16, legs: &[PlayerLeg]) -> Result<(), SameGameError> {
    let count = squad.players.len();
    SameGameError::check("number of players", count as f64, 0.0, PLAYERS_MAX as f64)?;
    for leg in legs {
        SameGameError::check("player", f64::from(leg.player), 0.0, count as f64 - 1.0)?;
        if let PlayerCondition::Scores(goals) = leg.condition {
            SameGameError::check("goals of a player", f64::from(goals), 1.0, f64::from(u8::MAX))?;
        }
    }
    for side in Side::BOTH {
        let mut sum = 0.0;
        for player in squad.players.iter().filter(|player| player.side == side) {
            sum += SameGameError::check("share of a player", player.share, 0.0, 1.0)?;
        }
        SameGameError::check("sum of the shares of a side", sum, 0.0, SHARES_SUM_MAX)?;
    }
    for (what, credit) in [("first", squad.first), ("latest", squad.latest)] {
        if credit.is_some() != (goals_count > 0) {
            return Err(SameGameError::GoalCredit { what, goals_count });
        }
        if let Some(GoalCredit::Player(player)) = credit {
            SameGameError::check("player", f64::from(player), 0.0, count as f64 - 1.0)?;
        }
    }
    Ok(())
}

/// Legs that another leg on the same player says already, as bits: two goals are also one, the first scorer scores.
/// Of two equal legs the later one is implied.
pub(super) fn implied(legs: &[PlayerLeg]) -> u32 {
    let says = |other: PlayerCondition, leg: PlayerCondition| match (other, leg) {
        (PlayerCondition::Scores(more), PlayerCondition::Scores(goals)) => more > goals,
        (_, PlayerCondition::Scores(1)) => true,
        _ => false,
    };
    let mut bits = 0;
    for (index, leg) in legs.iter().enumerate() {
        let is_implied = legs.iter().enumerate().any(|(at, other)| {
            other.player == leg.player
                && (says(other.condition, leg.condition) || (other == leg && at < index))
        });
        bits |= u32::from(is_implied) << index;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn player(side: Side, share: f64) -> Player {
        Player { side, share, goals: 0 }
    }

    /// All assignments of up to five home and three away goals to players, in an order that is given.
    fn by_enumeration(squad: &Squad, legs: &[PlayerLeg], order: &[Side]) -> f64 {
        fn walk(
            squad: &Squad,
            legs: &[PlayerLeg],
            order: &[Side],
            scorers: &mut Vec<Option<u8>>,
            weight: f64,
        ) -> f64 {
            if scorers.len() == order.len() {
                let holds = legs.iter().all(|leg| match leg.condition {
                    PlayerCondition::Scores(goals) => {
                        scorers.iter().filter(|scorer| **scorer == Some(leg.player)).count()
                            >= usize::from(goals)
                    }
                    PlayerCondition::ScoresFirst => scorers.first() == Some(&Some(leg.player)),
                    PlayerCondition::ScoresLast => scorers.last() == Some(&Some(leg.player)),
                });
                return if holds { weight } else { 0.0 };
            }
            let side = order[scorers.len()];
            let mut others = 1.0;
            let mut sum = 0.0;
            for (index, player) in squad.players.iter().enumerate().filter(|(_, p)| p.side == side) {
                others -= player.share;
                scorers.push(Some(index as u8));
                sum += walk(squad, legs, order, scorers, weight * player.share);
                scorers.pop();
            }
            scorers.push(None);
            sum += walk(squad, legs, order, scorers, weight * others);
            scorers.pop();
            sum
        }
        walk(squad, legs, order, &mut Vec::new(), 1.0)
    }

    #[test]
    fn weights_agree_with_enumeration() {
        use PlayerCondition::{Scores, ScoresFirst, ScoresLast};
        use Side::{Away as A, Home as H};
        let squad =
            Squad { players: vec![player(H, 0.32), player(H, 0.21), player(A, 0.4)], ..Squad::default() };
        let leg = |player, condition| PlayerLeg { player, condition };
        let multiples = [
            vec![leg(0, Scores(1))],
            vec![leg(0, Scores(2)), leg(1, Scores(1))],
            vec![leg(0, ScoresFirst), leg(1, Scores(1)), leg(2, Scores(1))],
            vec![leg(0, ScoresFirst), leg(0, ScoresLast)],
            vec![leg(0, ScoresFirst), leg(0, ScoresLast), leg(0, Scores(2))],
            vec![leg(2, ScoresLast), leg(0, Scores(2))],
            vec![leg(1, ScoresFirst), leg(2, ScoresLast), leg(0, Scores(1))],
        ];
        for order in [&[][..], &[H], &[A], &[H, A], &[A, H, H], &[H, H, A, H], &[H, A, H, A, H, H, A]] {
            for legs in &multiples {
                let weights = PlayerWeights::new(&squad, 0, legs).unwrap();
                let cell = oddsengine_markets::football::order_cell(
                    &oddsengine_markets::football::GoalOrder::from_sides(order.iter().copied()),
                );
                let fits = weights.orders.is_none_or(|orders| orders >> cell & 1 == 1);
                let home = order.iter().filter(|side| **side == H).count();
                let got = if fits { weights.at(home, order.len() - home) } else { 0.0 };
                let want = by_enumeration(&squad, legs, order);
                assert!((got - want).abs() < 1e-14, "{legs:?} on {order:?}: {got} {want}");
            }
        }
    }

    #[test]
    fn goals_so_far_count() {
        let squad = Squad {
            players: vec![Player { side: Side::Home, share: 0.3, goals: 1 }, player(Side::Away, 0.3)],
            first: Some(GoalCredit::Player(0)),
            latest: Some(GoalCredit::Player(0)),
        };
        let weights =
            |player, condition| PlayerWeights::new(&squad, 1, &[PlayerLeg { player, condition }]).unwrap();
        assert_eq!(weights(0, PlayerCondition::Scores(1)).at(0, 0), 1.0);
        assert!((weights(0, PlayerCondition::Scores(2)).at(1, 0) - 0.3).abs() < 1e-15);
        assert_eq!(weights(0, PlayerCondition::ScoresFirst).at(3, 1), 1.0);
        assert_eq!(weights(1, PlayerCondition::ScoresFirst).at(3, 1), 0.0);
        assert_eq!(weights(0, PlayerCondition::ScoresLast).at(0, 0), 1.0);
        assert_eq!(weights(1, PlayerCondition::ScoresLast).at(0, 0), 0.0);
    }

    #[test]
    fn implied_legs_are_named() {
        use PlayerCondition::{Scores, ScoresFirst};
        let leg = |player, condition| PlayerLeg { player, condition };
        assert_eq!(implied(&[leg(0, Scores(1)), leg(0, Scores(2)), leg(1, Scores(1))]), 0b001);
        assert_eq!(implied(&[leg(0, ScoresFirst), leg(0, Scores(1)), leg(0, ScoresFirst)]), 0b110);
    }

    #[test]
    fn impossible_squads_are_refused() {
        let text = |squad: &Squad, count| {
            let leg = PlayerLeg { player: 0, condition: PlayerCondition::Scores(1) };
            PlayerWeights::new(squad, count, &[leg]).unwrap_err().to_string()
        };
        let squad = |share| Squad { players: vec![player(Side::Home, share); 2], ..Squad::default() };
        assert_eq!(text(&squad(1.5), 0), "share of a player 1.5 is outside 0..=1");
        assert_eq!(text(&squad(0.6), 0), "sum of the shares of a side 1.2 is outside 0..=1.000000001");
        assert_eq!(text(&Squad::default(), 0), "player 0 is outside 0..=-1");
        assert_eq!(text(&squad(0.1), 2), "the scorer of the first goal does not fit 2 goals so far");
    }
}
