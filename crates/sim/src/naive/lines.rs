//! Tickets with a plan, line by line: every line is written down, and what a ticket is worth is added up over the list.

use oddsengine_engine::{EachWayLeg, Leg, LegRequest, PlanRequest, Reason, Ticket, TicketRequest};
use oddsengine_types::Grade;
use oddsengine_types::bets::{Bet, Parts};

use super::money::{self, Number};

/// Most bets of a ticket.
const BETS_MAX: usize = 50;
/// Most lines of a ticket, and most legs, places among them.
const LINES_MAX: u128 = 1_000_000;
pub(super) const LEGS_MAX: usize = 63;

/// One accumulator of a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Stake on each part of its legs.
    pub stake_minor: i64,
    /// Each leg, by its places in the ticket: one, or the two parts that a leg of an equally divided line has.
    pub legs: Vec<Vec<usize>>,
}

impl Line {
    /// Stake of all parts.
    pub fn staked_minor(&self) -> i64 {
        if self.is_divided() { 2 * self.stake_minor } else { self.stake_minor }
    }

    fn is_divided(&self) -> bool {
        self.legs.iter().any(|parts| parts.len() == 2)
    }

    /// It can still return something.
    fn is_alive(&self, legs: &[Leg]) -> bool {
        let is_lost = |&place: &usize| legs[place].grade.is_some_and(Grade::is_lost);
        !self.legs.iter().any(|parts| parts.iter().all(is_lost))
    }

    /// How often a part of the ticket stands in it.
    fn count_of(&self, leg: usize) -> i64 {
        self.legs.iter().flatten().filter(|&&place| place == leg).count() as i64
    }
}

/// Every line of a ticket.
pub fn lines(bets: &[Bet], legs: &[Leg]) -> Vec<Line> {
    let submitted = legs.iter().filter(|leg| leg.place_fraction_of == 0).count();
    let place_of = |leg: usize| {
        let is_its =
            |&place: &usize| legs[place].place_fraction_of != 0 && usize::from(legs[place].place_of) == leg;
        (submitted..legs.len()).find(is_its).unwrap_or(leg)
    };
    let mut all = Vec::new();
    for bet in bets {
        let members = bet.legs | bet.bankers;
        for set in 1_u64..1 << submitted {
            let chosen = (set & bet.legs).count_ones();
            let is_line = set & !members == 0 && bet.bankers & !set == 0 && bet.sizes >> chosen & 1 == 1;
            if !is_line {
                continue;
            }
            let on: Vec<usize> = (0..submitted).filter(|leg| set >> leg & 1 == 1).collect();
            let to_win: Vec<Vec<usize>> = on.iter().map(|&leg| vec![leg]).collect();
            let for_place: Vec<Vec<usize>> = on.iter().map(|&leg| vec![place_of(leg)]).collect();
            let mut add = |legs: Vec<Vec<usize>>| all.push(Line { stake_minor: bet.stake_minor, legs });
            match bet.parts {
                Parts::Win => add(to_win),
                Parts::Place => add(for_place),
                Parts::EachWay => {
                    add(to_win);
                    add(for_place);
                }
                Parts::EquallyDivided => add(on.iter().map(|&leg| vec![leg, place_of(leg)]).collect()),
            }
        }
    }
    all
}

/// The lines of a ticket: those of its bets, or one of all legs.
pub fn lines_of(ticket: &Ticket) -> Vec<Line> {
    match ticket.terms.bets.is_empty() {
        false => lines(&ticket.terms.bets, &ticket.legs),
        true => vec![Line {
            stake_minor: ticket.stake_minor,
            legs: (0..ticket.legs.len()).map(|leg| vec![leg]).collect(),
        }],
    }
}

/// What of the stake is on a leg; `counts` lines.
pub fn staked_minor(ticket: &Ticket, leg: usize, counts: impl Fn(&Line) -> bool) -> i64 {
    if ticket.terms.bets.is_empty() {
        return ticket.stake_minor;
    }
    lines_of(ticket)
        .iter()
        .filter(|line| counts(line))
        .map(|line| line.stake_minor * line.count_of(leg))
        .sum()
}

/// What of the stake is on a leg in its fixture's book: lines that have lost count no more.
pub fn staked_alive_minor(ticket: &Ticket, leg: usize) -> i64 {
    staked_minor(ticket, leg, |line| line.is_alive(&ticket.legs))
}

/// The stake of a ticket grows in steps that are whole on each line: how many it has, and what one stakes.
pub fn steps(ticket: &Ticket) -> (i64, i64) {
    if ticket.terms.bets.is_empty() {
        return (ticket.stake_minor, 1);
    }
    let stakes: Vec<i64> = ticket.terms.bets.iter().map(|bet| bet.stake_minor).collect();
    let least = stakes.iter().copied().min().unwrap_or(1);
    let count = (1..=least).rev().find(|count| stakes.iter().all(|stake| stake % count == 0)).unwrap_or(1);
    let staked: i64 = lines_of(ticket).iter().map(Line::staked_minor).sum();
    (count, staked / count)
}

/// The ticket stakes this: every line a share of it.
pub fn restake(ticket: &mut Ticket, stake_minor: i64) {
    let staked: i64 = lines_of(ticket).iter().map(Line::staked_minor).sum();
    ticket.stake_minor = stake_minor;
    for bet in &mut ticket.terms.bets {
        bet.stake_minor = (i128::from(bet.stake_minor) * i128::from(stake_minor) / i128::from(staked)) as i64;
    }
}

/// What a ticket pays if every leg wins.
pub fn payout_minor_max(ticket: &Ticket) -> i64 {
    if ticket.terms.bets.is_empty() {
        let won: Vec<_> = ticket.legs.iter().map(|leg| (leg.odds_e4, Grade::WON)).collect();
        return super::money::payout_minor(ticket.stake_minor, &won);
    }
    payout_minor(&lines_of(ticket), &ticket.legs, |_| Grade::WON)
}

/// What rides on a leg for a step of the stake: the sum over lines of the stake and the returns of the others.
pub fn rides(ticket: &Ticket, leg: usize, return_of: impl Fn(usize) -> f64) -> f64 {
    let (count, _) = steps(ticket);
    let mut rides = 0.0;
    for line in lines_of(ticket) {
        for (at, parts) in line.legs.iter().enumerate() {
            for _ in parts.iter().filter(|&&place| place == leg) {
                let mut product = (line.stake_minor / count) as f64;
                for (_, others) in line.legs.iter().enumerate().filter(|&(other, _)| other != at) {
                    let sum: f64 = others.iter().map(|&other| return_of(other)).sum();
                    product *= sum / others.len() as f64;
                }
                rides += product;
            }
        }
    }
    rides
}

/// What the lines pay at these grades; a leg without one returns nothing.
pub fn payout_minor(lines: &[Line], legs: &[Leg], grade_of: impl Fn(&Leg) -> Grade) -> i64 {
    let ratios: Vec<(i64, i64)> = legs.iter().map(|leg| ratio(leg, grade_of(leg))).collect();
    // All on one denominator: each leg's, and a two for each leg of a divided line.
    let times_all = |number: Number, factors: &mut dyn Iterator<Item = i64>| {
        factors.fold(number, |product, factor| product.times(factor))
    };
    let twos = legs.len();
    let mut denominator = times_all(Number::from(1), &mut ratios.iter().map(|&(_, of)| of));
    denominator = times_all(denominator, &mut std::iter::repeat_n(2, twos));
    let mut sum = Number::from(0);
    for line in lines {
        let mut product = Number::from(line.staked_minor());
        let mut halves = 0;
        let mut used = Vec::new();
        for parts in &line.legs {
            let (first, second) = (ratios[parts[0]], ratios[parts[parts.len() - 1]]);
            match parts.len() {
                1 => {
                    product = product.times(first.0);
                    used.push(parts[0]);
                }
                _ if parts[0] == parts[1] => {
                    product = product.times(first.0);
                    used.push(parts[0]);
                }
                _ => {
                    let one = product.times(first.0).times(second.1);
                    product = one.plus(&product.times(second.0).times(first.1));
                    halves += 1;
                    used.extend(parts);
                }
            }
        }
        let others = (0..legs.len()).filter(|leg| !used.contains(leg)).map(|leg| ratios[leg].1);
        product = times_all(product, &mut others.chain(std::iter::repeat_n(2, twos - halves)));
        sum = sum.plus(&product);
    }
    money::quotient(&sum, &denominator)
}

/// What a unit on a leg returns: win and refund on the odds, or on its part of them.
pub(super) fn ratio(leg: &Leg, grade: Grade) -> (i64, i64) {
    let (win, refund, of) = grade.parts();
    let parts = i64::from(leg.place_fraction_of.max(1));
    let won = i64::from(leg.odds_e4) - 10_000 + 10_000 * parts;
    (i64::from(win) * won + i64::from(refund) * 10_000 * parts, i64::from(of) * 10_000 * parts)
}

/// What a leg returns at a grade, as a number.
pub fn return_of(leg: &Leg, grade: Grade) -> f64 {
    let (returned, of) = ratio(leg, grade);
    returned as f64 / of as f64
}

/// What a ticket pays: nothing for lines that have lost, and nothing is known while another one waits.
pub fn payout_of(ticket: &Ticket) -> Option<i64> {
    let lines = lines_of(ticket);
    let waits = |line: &&Line| {
        line.is_alive(&ticket.legs) && line.legs.iter().flatten().any(|&leg| ticket.legs[leg].grade.is_none())
    };
    if lines.iter().any(|line| waits(&line)) {
        return None;
    }
    Some(payout_minor(&lines, &ticket.legs, |leg| leg.grade.unwrap_or(Grade::LOST)))
}

/// Lines of a bet, each-way ones counted twice: by counting sets, without writing them down.
fn count_of(bet: &Bet) -> u128 {
    let choose = |of: u32, count: u32| {
        let mut row = vec![1_u128];
        for _ in 0..of {
            let mut next = vec![1_u128];
            next.extend(row.windows(2).map(|pair| pair[0] + pair[1]));
            next.push(1);
            row = next;
        }
        row.get(count as usize).copied().unwrap_or(0)
    };
    let of = bet.legs.count_ones();
    let sets: u128 = (0..=of).filter(|&size| bet.sizes >> size & 1 == 1).map(|size| choose(of, size)).sum();
    match bet.parts {
        Parts::Win | Parts::Place => sets,
        Parts::EachWay | Parts::EquallyDivided => 2 * sets,
    }
}

/// The bets of a request with its line stakes, and what they stake; none where it makes no bets of its legs.
pub fn asked(request: &TicketRequest) -> Option<(Vec<Bet>, i128)> {
    let plan = request.plan.as_ref()?;
    let leg_count = request.legs.len();
    if plan.bets.iter().any(|bet| !is_bet(bet, leg_count)) {
        return None;
    }
    let count: u128 = plan.bets.iter().map(count_of).sum();
    if !(1..=LINES_MAX).contains(&count) {
        return None;
    }
    if plan.bets.iter().any(|bet| bet.stake_minor != 0) {
        let stake = |bet: &Bet| count_of(bet) as i128 * i128::from(bet.stake_minor);
        return Some((plan.bets.clone(), plan.bets.iter().map(stake).sum()));
    }
    let line = request.stake_minor / count as i64;
    let bets = plan.bets.iter().map(|bet| Bet { stake_minor: line, ..*bet }).collect();
    Some((bets, i128::from(request.stake_minor)))
}

fn is_bet(bet: &Bet, leg_count: usize) -> bool {
    let members = bet.legs | bet.bankers;
    let is_of_them = |mask: u64| (0..64).all(|bit| mask >> bit & 1 == 0 || (bit as usize) < leg_count);
    let longest = bet.legs.count_ones();
    (1..=LEGS_MAX).contains(&leg_count)
        && members != 0
        && is_of_them(members)
        && bet.legs & bet.bankers == 0
        && bet.sizes != 0
        && (0..64).all(|size| bet.sizes >> size & 1 == 0 || size <= longest)
        && !(bet.sizes & 1 == 1 && bet.bankers == 0)
        && bet.stake_of == 1
        && count_of(bet) <= LINES_MAX
}

/// Two legs of one fixture stand in one line.
pub fn joins(plan: &PlanRequest, legs: &[LegRequest]) -> bool {
    let together = |one: usize, other: usize| {
        plan.bets.iter().any(|bet| {
            let has = |mask: u64, leg: usize| mask >> leg & 1 == 1;
            let is_in = |leg: usize| has(bet.legs, leg) || has(bet.bankers, leg);
            let chosen = u32::from(has(bet.legs, one)) + u32::from(has(bet.legs, other));
            is_in(one) && is_in(other) && (chosen..64).any(|size| bet.sizes >> size & 1 == 1)
        })
    };
    (0..legs.len())
        .any(|other| (0..other).any(|one| legs[one].fixture == legs[other].fixture && together(one, other)))
}

/// What is wrong with the plan of a request, if anything is.
pub fn check(request: &TicketRequest, line_stake_minor_min: i64) -> Vec<Reason> {
    let Some(plan) = &request.plan else { return Vec::new() };
    let Some((bets, staked)) = asked(request) else { return vec![Reason::PlanNotPossible] };
    let leg_count = request.legs.len();
    let is_by_line = plan.bets.iter().any(|bet| bet.stake_minor != 0);
    let on_place = |leg: usize| {
        let is_on = |bet: &&Bet| (bet.legs | bet.bankers) >> leg & 1 == 1 && bet.parts != Parts::Win;
        plan.bets.iter().any(|bet| is_on(&bet))
    };
    let has_place =
        |leg: usize| plan.each_way.iter().any(|EachWayLeg { leg: known, .. }| usize::from(*known) == leg);
    let is_idle = |leg: usize| plan.bets.iter().all(|bet| (bet.legs | bet.bankers) >> leg & 1 == 0);
    let is_twice =
        |each_way: &EachWayLeg| plan.each_way.iter().filter(|other| other.leg == each_way.leg).count() > 1;
    let has_no_place = |bet: &Bet| {
        bet.parts != Parts::Win
            && !(0..leg_count).any(|leg| (bet.legs | bet.bankers) >> leg & 1 == 1 && has_place(leg))
    };
    let is_not_possible = plan.bets.is_empty()
        || plan.bets.len() > BETS_MAX
        || plan.bets.iter().any(|bet| bet.bonus != 0 || has_no_place(bet))
        || is_by_line && plan.bets.iter().any(|bet| bet.stake_minor <= 0)
        || (0..leg_count).any(is_idle)
        || plan.each_way.iter().any(|each_way| usize::from(each_way.leg) >= leg_count || is_twice(each_way))
        || (0..leg_count).any(|leg| has_place(leg) && !on_place(leg));
    let count: u128 = plan.bets.iter().map(count_of).sum();
    let is_uneven = match is_by_line {
        true => request.stake_minor != 0 && i128::from(request.stake_minor) != staked,
        false => staked % count as i128 != 0,
    };
    let checks = [
        (is_not_possible, Reason::PlanNotPossible),
        (is_uneven, Reason::StakeNotOfLines),
        (bets.iter().any(|bet| bet.stake_minor < line_stake_minor_min), Reason::LineStakeBelowMinimum),
    ];
    checks.into_iter().filter(|(applies, _)| *applies).map(|(_, reason)| reason).collect()
}

/// Whether a request is one bet on all its legs, plan or not.
pub fn is_one_bet(request: &TicketRequest) -> bool {
    let Some(plan) = &request.plan else { return true };
    let [bet] = plan.bets.as_slice() else { return false };
    bet.parts == Parts::Win && bet.sizes == 1 << bet.legs.count_ones()
}
