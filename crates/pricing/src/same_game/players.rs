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
pub(super) const PLAYERS_MAX: usize = 8;

/// Goals of a side that can be to come on the goal spaces.
const GOALS: usize = 2 * HALF_GOALS_MAX + 1;

/// A player and his part in the goals of his side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Player {
    /// The side whose goals are his.
    pub side: Side,
    /// Probability, 0..=1, that a goal of his side that is still to come is his: his minutes are in it.
    pub share: f64,
    /// Goals he has scored so far.
    pub goals: u8,
}

/// Who scored a goal that has fallen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GoalCredit {
    /// The player with this index.
    Player(u8),
    /// Somebody else.
    Other,
}

/// The players that legs name, and whose the first and the latest goal of the match were, own goals aside.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Squad {
    /// The players; legs name them by index.
    pub players: Vec<Player>,
    /// Whose the first goal was; `None` before it.
    pub first: Option<GoalCredit>,
    /// Whose the latest goal was; `None` before the first.
    pub latest: Option<GoalCredit>,
    /// Probability that a goal is an own goal, which counts for no scorer.
    pub own_goal: f64,
}

/// What a leg says of a player.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlayerCondition {
    /// He scores at least so many goals in the match, 1 or more.
    Scores(u8),
    /// He scores the first goal.
    ScoresFirst,
    /// He scores the last goal.
    ScoresLast,
}

impl PlayerCondition {
    /// He scores first or last.
    pub fn is_of_order(self) -> bool {
        !matches!(self, Self::Scores(_))
    }
}

/// A leg on a player.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PlayerLeg {
    /// Index in [`Squad::players`].
    pub player: u8,
    /// What he does.
    pub condition: PlayerCondition,
}

/// All player legs of a multiple as a weight of each number of goals to come, and the orders of goals they need.
#[derive(Clone, Debug)]
pub(super) struct PlayerWeights {
    /// Probability that the legs hold, given the goals to come of home and away (and an order in `orders`).
    weights: [[f64; GOALS]; GOALS],
    /// Order cells in which the sides of the first and last goal fit, if the weights are given these.
    pub orders: Option<u128>,
}

impl PlayerWeights {
    #[inline]
    pub fn at(&self, home: usize, away: usize) -> f64 {
        self.weights[home.min(GOALS - 1)][away.min(GOALS - 1)]
    }

    /// Weights of a multiple without a goal that counts for scorers.
    pub fn without_scorer(squad: &Squad) -> Self {
        let weight = |goals| libm::pow(squad.own_goal, goals as f64);
        let weights = std::array::from_fn(|home| std::array::from_fn(|away| weight(home + away)));
        let none = [[0.0; GOALS]; GOALS];
        Self { weights: if squad.first.is_none() { weights } else { none }, orders: None }
    }

    /// Combines legs. `is_ordered`: legs on halves or the order of goals are priced with them, so the weights are to be
    /// given the order; an own goal is then taken for nobody's at the first or last place.
    pub fn new(squad: &Squad, is_ordered: bool, legs: &[PlayerLeg]) -> Result<Self, SameGameError> {
        check(squad, legs)?;
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
        if first.is_none() && last.is_none() {
            result.fill(squad, &needs, |_, _| 1.0);
        } else if is_ordered {
            let side = |player: u8| squad.players[usize::from(player)].side;
            result.orders = Some(fitting_orders(first.map(side), last.map(side)));
            // The first goal that counts is taken for the first, times what that is worth when the order is not known.
            let (mut counted, mut plain) = (result.clone(), result.clone());
            counted.fill_by_counted(squad, &needs);
            plain.fill_by_counted(&Squad { own_goal: 0.0, ..squad.clone() }, &needs);
            result.fill(squad, &needs, |home, away| {
                let (counted, plain) = (counted.at(home, away), plain.at(home, away));
                if plain > 0.0 { counted / plain } else { 1.0 }
            });
        } else {
            result.fill_by_counted(squad, &needs);
        }
        Ok(result)
    }

    /// Fills the weights; `scale(home, away)` is what those with named goals are multiplied by.
    fn fill(&mut self, squad: &Squad, needs: &Needs, scale: impl Fn(usize, usize) -> f64) {
        let (first, last) = (needs.first.player(), needs.last.player());
        self.weights[0][0] = needs.without_goals(squad);
        // One goal to come is both the first and the last of those to come.
        let one_is_possible = first.is_none() || last.is_none() || first == last;
        let one = Named::new(squad, needs, first.or(last).as_slice());
        let named: Vec<u8> = first.into_iter().chain(last).collect();
        let many = Named::new(squad, needs, &named);
        for home in 0..GOALS {
            for away in 0..GOALS {
                self.weights[home][away] = match home + away {
                    0 => continue,
                    1 if !one_is_possible => 0.0,
                    1 => one.weight(home, away) * scale(home, away),
                    _ => many.weight(home, away) * scale(home, away),
                };
            }
        }
    }

    /// First and last scorers without an order: of `n` goals that count every order is equally likely, so a player with
    /// `k` of them is first with probability `k / n`, two are first and last with `k j / (n (n - 1))`.
    ///
    /// A named goal in the place of `k` of them turns `E[k ...]` into `goals of the side * share * E[... | one is his]`.
    fn fill_by_counted(&mut self, squad: &Squad, needs: &Needs) {
        let (first, last) = (needs.first.player(), needs.last.player());
        let counted = squad.counted();
        let mut inner = Self { weights: [[0.0; GOALS]; GOALS], orders: None };
        inner.fill(&counted, needs, |_, _| 1.0);
        let side = |player: u8| squad.players[usize::from(player)].side.index();
        for home in 0..GOALS {
            for away in 0..GOALS {
                let goals = [home as f64, away as f64];
                let n = goals[0] + goals[1];
                // In how many places the named goals can be, of all places there are.
                let places = match (first, last) {
                    _ if n == 0.0 => 1.0,
                    (Some(first), Some(last)) if n > 1.0 => {
                        let (first, last) = (side(first), side(last));
                        let left = goals[last] - f64::from(u8::from(first == last));
                        goals[first] * left / (n * (n - 1.0))
                    }
                    (Some(player), _) | (_, Some(player)) => goals[side(player)] / n,
                    (None, None) => 1.0,
                };
                inner.weights[home][away] *= places;
            }
        }
        // Own goals are thinned out of the goals to come.
        let own = squad.own_goal;
        let binomial = binomial_rows(own);
        for home in 0..GOALS {
            for away in 0..GOALS {
                let mut sum = 0.0;
                for own_home in 0..=home.min(OWN_GOALS_MAX) {
                    for own_away in 0..=away.min(OWN_GOALS_MAX) {
                        let weight = binomial[home][own_home] * binomial[away][own_away];
                        sum += weight * inner.weights[home - own_home][away - own_away];
                    }
                }
                self.weights[home][away] = sum;
            }
        }
    }
}

/// Own goals of a side that are told apart; more have a probability of 1e-8 at the usual share.
const OWN_GOALS_MAX: usize = 5;

fn binomial_rows(share: f64) -> [[f64; OWN_GOALS_MAX + 1]; GOALS] {
    let mut rows = [[0.0; OWN_GOALS_MAX + 1]; GOALS];
    rows[0][0] = 1.0;
    for n in 1..GOALS {
        for k in 0..=OWN_GOALS_MAX {
            let own = if k > 0 { rows[n - 1][k - 1] * share } else { 0.0 };
            rows[n][k] = own + rows[n - 1][k] * (1.0 - share);
        }
    }
    rows
}

impl Squad {
    /// The same squad, with shares in the goals that count for scorers.
    fn counted(&self) -> Self {
        let scale = 1.0 / (1.0 - self.own_goal);
        let players = self.players.iter();
        let players =
            players.map(|player| Player { share: (player.share * scale).min(1.0), ..*player }).collect();
        Self { players, own_goal: 0.0, ..*self }
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

impl Needs {
    /// No goal to come: nobody needs one, and the latest scorer is the last.
    fn without_goals(&self, squad: &Squad) -> f64 {
        let last = self.last.player();
        let stands = self.goals.iter().all(|&goals| goals == 0)
            && self.first.player().is_none()
            && last.is_none_or(|player| squad.latest == Some(GoalCredit::Player(player)));
        f64::from(u8::from(stands))
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

fn check(squad: &Squad, legs: &[PlayerLeg]) -> Result<(), SameGameError> {
    let count = squad.players.len();
    SameGameError::check("number of players", count as f64, 1.0, PLAYERS_MAX as f64)?;
    SameGameError::check("share of own goals", squad.own_goal, 0.0, 0.5)?;
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
    Ok(())
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
                let weights = PlayerWeights::new(&squad, true, legs).unwrap();
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

    /// Averaged over all orders of the same goals, weights given an order are those without one.
    #[test]
    fn both_ways_to_name_first_and_last_agree() {
        use PlayerCondition::{Scores, ScoresFirst, ScoresLast};
        use Side::{Away as A, Home as H};
        let squad =
            Squad { players: vec![player(H, 0.32), player(H, 0.21), player(A, 0.4)], ..Squad::default() };
        let leg = |player, condition| PlayerLeg { player, condition };
        for legs in [
            vec![leg(0, ScoresFirst)],
            vec![leg(0, ScoresFirst), leg(0, ScoresLast), leg(1, Scores(1))],
            vec![leg(1, ScoresFirst), leg(2, ScoresLast), leg(0, Scores(1))],
            vec![leg(0, ScoresFirst), leg(1, ScoresLast)],
            vec![leg(2, ScoresLast), leg(2, Scores(2))],
        ] {
            let plain = PlayerWeights::new(&squad, false, &legs).unwrap();
            for (home, away) in [(0, 0), (1, 0), (0, 1), (2, 1), (3, 2), (1, 3)] {
                let total = home + away;
                let mut orders = 0.0;
                let mut sum = 0.0;
                for bits in 0_u32..1 << total {
                    if bits.count_ones() as usize != away {
                        continue;
                    }
                    let order: Vec<Side> =
                        (0..total).map(|i| if bits >> i & 1 == 1 { A } else { H }).collect();
                    orders += 1.0;
                    sum += by_enumeration(&squad, &legs, &order);
                }
                let got = plain.at(home, away);
                assert!((got - sum / orders).abs() < 1e-13, "{legs:?} {home}-{away}: {got} {}", sum / orders);
            }
        }
    }

    #[test]
    fn goals_so_far_count() {
        let squad = Squad {
            players: vec![Player { side: Side::Home, share: 0.3, goals: 1 }, player(Side::Away, 0.3)],
            first: Some(GoalCredit::Player(0)),
            latest: Some(GoalCredit::Player(0)),
            own_goal: 0.0,
        };
        let weights = |player, condition| {
            PlayerWeights::new(&squad, false, &[PlayerLeg { player, condition }]).unwrap()
        };
        assert_eq!(weights(0, PlayerCondition::Scores(1)).at(0, 0), 1.0);
        assert!((weights(0, PlayerCondition::Scores(2)).at(1, 0) - 0.3).abs() < 1e-15);
        assert_eq!(weights(0, PlayerCondition::ScoresFirst).at(3, 1), 1.0);
        assert_eq!(weights(1, PlayerCondition::ScoresFirst).at(3, 1), 0.0);
        assert_eq!(weights(0, PlayerCondition::ScoresLast).at(0, 0), 1.0);
        assert_eq!(weights(1, PlayerCondition::ScoresLast).at(0, 0), 0.0);
        assert_eq!(PlayerWeights::without_scorer(&squad).at(0, 0), 0.0);
    }

    #[test]
    fn impossible_squads_are_refused() {
        let text = |squad: &Squad| {
            let leg = PlayerLeg { player: 0, condition: PlayerCondition::Scores(1) };
            PlayerWeights::new(squad, false, &[leg]).unwrap_err().to_string()
        };
        let squad = |share| Squad { players: vec![player(Side::Home, share); 2], ..Squad::default() };
        assert_eq!(text(&squad(1.5)), "share of a player 1.5 is outside 0..=1");
        assert_eq!(text(&squad(0.6)), "sum of the shares of a side 1.2 is outside 0..=1.000000001");
        assert_eq!(text(&Squad::default()), "number of players 0 is outside 1..=8");
    }
}
