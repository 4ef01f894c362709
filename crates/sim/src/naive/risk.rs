//! What can be lost, by listing outcomes.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use oddsengine_engine::{FixtureRequest, Ticket};
use oddsengine_markets::LivePhase;
use oddsengine_types::{Grade, MONEY_MINOR_MAX, STAKE_MINOR_MAX};

use super::{Naive, NaiveFixture, VoidKind, lines};
use crate::outcomes::{GRADES_MAX, Possible};

/// Expected returns of a single's other legs, in billionths: there are none.
pub const ONE_E9: u64 = 1_000_000_000;

/// Answers kept for each fixture: with a ticket, and without it.
const ANSWERS_KEPT_MAX: usize = 2;

/// What a fixture's positions give on every ending.
#[derive(Debug)]
pub(super) struct Joint {
    positions: Vec<(usize, ByGrade)>,
    pub(super) possible: Arc<Possible>,
    pub(super) pnl: Vec<i64>,
    pub(super) worst_minor: i64,
}

/// Profit and loss of one selection by grade.
type ByGrade = [i64; GRADES_MAX];

impl Naive {
    /// The grade of a selection, once it has one.
    pub fn grade(&self, fixture: usize, selection: usize) -> Option<Grade> {
        let known = &self.fixtures[fixture];
        let (space, slot) = (&known.space, known.space.slot(selection));
        let market = usize::from(space.template.selections[selection].market);
        let first = space.template.markets[market].selections().start;
        let by_result = match known.told.get(&market) {
            Some(grades) => Some(grades[selection - first]),
            None => known.possible.decided[slot],
        };
        match known.void {
            VoidKind::Nothing => by_result,
            VoidKind::Undecided => Some(by_result.unwrap_or(Grade::VOID)),
            VoidKind::Everything => Some(Grade::VOID),
        }
    }

    /// Void, if the course of play says so.
    pub(super) fn void_by_play(&self, fixture: usize, selection: usize) -> Option<Grade> {
        let known = &self.fixtures[fixture];
        known.possible.decided[known.space.slot(selection)].filter(|&grade| grade == Grade::VOID)
    }

    /// Profit and loss by slot and grade of everything that rides on a fixture, `except` one ticket.
    fn positions(&self, fixture: usize, except: Option<&Ticket>) -> Vec<(usize, ByGrade)> {
        let (space, mut positions) = (&self.fixtures[fixture].space, Vec::<(usize, ByGrade)>::new());
        for ticket in self.live_tickets().filter(|ticket| except.is_none_or(|except| except.id != ticket.id))
        {
            let rides =
                |leg: &&oddsengine_engine::Leg| leg.place.fixture as usize == fixture && leg.grade.is_none();
            for (index, leg) in ticket.legs.iter().enumerate().filter(|(_, leg)| rides(leg)) {
                let stake_minor = lines::staked_alive_minor(ticket, index);
                let slot = space.slot(usize::from(leg.place.selection));
                let known = positions.iter().position(|&(known, _)| known == slot);
                let position = known.unwrap_or_else(|| {
                    positions.push((slot, ByGrade::default()));
                    positions.len() - 1
                });
                for (pnl, grade) in positions[position].1.iter_mut().zip(&space.grades) {
                    let payout = leg_payout_minor(leg.unit_minor, lines::ratio(leg, *grade));
                    *pnl += stake_minor - payout;
                }
            }
        }
        positions
    }

    /// Profit and loss of a fixture on every ending. The last answers are kept with their questions.
    pub(super) fn joint(&self, fixture: usize, except: Option<&Ticket>) -> Rc<Joint> {
        let (positions, possible) = (self.positions(fixture, except), &self.fixtures[fixture].possible);
        let mut answered = self.answered.borrow_mut();
        let is_same =
            |known: &&Rc<Joint>| known.positions == positions && Arc::ptr_eq(&known.possible, possible);
        let known = answered.entry(fixture).or_default();
        if let Some(known) = known.iter().find(is_same) {
            return known.clone();
        }
        let mut pnl = vec![0; possible.joint_count];
        for (slot, by_grade) in &positions {
            for (pnl, &grade) in pnl.iter_mut().zip(&possible.joint[*slot]) {
                *pnl += by_grade[usize::from(grade)];
            }
        }
        let worst_minor = pnl.iter().copied().min().expect("a match can always end somehow");
        let joint = Rc::new(Joint { positions, possible: possible.clone(), pnl, worst_minor });
        known.truncate(ANSWERS_KEPT_MAX - 1);
        known.insert(0, joint.clone());
        joint
    }

    /// Profit and loss of one market on every distinct list of its grades that is possible, with that list.
    pub(super) fn market_pnl(
        &self,
        fixture: usize,
        market: usize,
        except: Option<&Ticket>,
    ) -> Vec<(i64, Vec<u8>)> {
        let space = &self.fixtures[fixture].space;
        let first = space.slot(space.template.markets[market].selections().start);
        let count = space.template.markets[market].selections().len();
        let mut positions = self.positions(fixture, except);
        positions.retain(|(slot, _)| (first..first + count).contains(slot));
        let place = space.markets.iter().position(|&known| known == market);
        let rows = &self.fixtures[fixture].possible.of_market[place.expect("the market is of the universe")];
        rows.iter()
            .map(|row| {
                let pnl = positions.iter().map(|(slot, by_grade)| by_grade[usize::from(row[slot - first])]);
                (pnl.sum(), row.clone())
            })
            .collect()
    }

    /// The fixture's profit and loss on its worst ending; 0 without bets.
    pub fn worst_minor(&self, fixture: usize) -> i64 {
        self.joint(fixture, None).worst_minor
    }

    /// The market's profit and loss on the worst outcome.
    pub fn market_worst_minor(&self, fixture: usize, market: usize, except: Option<&Ticket>) -> i64 {
        self.market_pnl(fixture, market, except)
            .iter()
            .map(|&(pnl, _)| pnl)
            .min()
            .expect("a market has grades")
    }

    /// The loss of every fixture on its worst ending, `except` one ticket: a sure profit makes no room elsewhere.
    pub fn losses_minor(&self, except: Option<&Ticket>) -> Vec<i64> {
        (0..self.fixtures.len()).map(|fixture| (-self.joint(fixture, except).worst_minor).max(0)).collect()
    }

    /// The sum of the losses of the fixtures that `counts`.
    pub fn sum_of(&self, losses_minor: &[i64], counts: impl Fn(&FixtureRequest) -> bool) -> i64 {
        let of_fixtures = self.fixtures.iter().zip(losses_minor);
        of_fixtures.filter(|(fixture, _)| counts(&fixture.request)).map(|(_, &loss)| loss).sum()
    }

    /// The least profit and loss over the endings on which a selection has each grade. A grade that only matches with
    /// more goals than any ending have is judged at the worst ending.
    pub(super) fn joint_minima(
        &self,
        fixture: usize,
        selection: usize,
        except: &Ticket,
    ) -> [Option<i64>; GRADES_MAX] {
        let (joint, slot) = (self.joint(fixture, Some(except)), self.fixtures[fixture].space.slot(selection));
        let on_endings = minima(joint.pnl.iter().copied().zip(joint.possible.joint[slot].iter().copied()));
        let on_continuations = self.market_minima(fixture, selection, except);
        let either = on_endings.into_iter().zip(on_continuations);
        let minima: Vec<Option<i64>> =
            either.map(|(ending, further)| ending.or(further.map(|_| joint.worst_minor))).collect();
        minima.try_into().expect("one minimum per grade")
    }

    /// The largest stake, by trying: the ticket is laid over every ending of the fixtures that its legs in the scope are
    /// on, and the scope's loss is measured. It must be within the limit, or not above what it is without the ticket.
    pub(super) fn largest_stake_together(
        &self,
        ticket: &Ticket,
        is_in: impl Fn(&oddsengine_engine::Leg) -> bool,
        used_minor: i64,
        limit_minor: i64,
    ) -> i64 {
        // Parts of a minor unit: endings are few once those with equal profit and grade are one.
        const PARTS: i128 = 120_000_000_000_000;
        let mut fixtures = Vec::new();
        for (index, leg) in ticket.legs.iter().enumerate().filter(|(_, leg)| is_in(leg)) {
            let (fixture, selection) = (leg.place.fixture as usize, usize::from(leg.place.selection));
            let (joint, slot) =
                (self.joint(fixture, Some(ticket)), self.fixtures[fixture].space.slot(selection));
            let on_endings = joint.pnl.iter().copied().zip(joint.possible.joint[slot].iter().copied());
            let mut endings: BTreeSet<(i64, u8)> = on_endings.collect();
            let continuations = self.market_minima(fixture, selection, ticket);
            for grade in (0..GRADES_MAX as u8).filter(|&grade| continuations[usize::from(grade)].is_some()) {
                if endings.iter().all(|&(_, known)| known != grade) {
                    endings.insert((joint.worst_minor, grade));
                }
            }
            let grades = &self.fixtures[fixture].space.grades;
            fixtures.push((self.unit_e9(ticket, index), leg.odds_e4, endings, grades));
        }
        let own_minor: i64 = ticket
            .legs
            .iter()
            .filter(|leg| is_in(leg))
            .map(|leg| self.losses_minor(Some(ticket))[leg.place.fixture as usize])
            .sum();
        let loss_with = |stake_minor: i64| {
            let mut loss = i128::from(used_minor - own_minor) * PARTS;
            for (unit_e9, odds_e4, endings, grades) in &fixtures {
                let of_ending = |&(pnl, grade): &(i64, u8)| {
                    let (win, refund, of) = grades[usize::from(grade)].parts();
                    let (of, one) = (i128::from(of), 10_000 * i128::from(ONE_E9));
                    let back = (i128::from(win) * i128::from(*odds_e4) + i128::from(refund) * 10_000)
                        * i128::from(*unit_e9);
                    // Of a unit of stake, rounded up where it is no whole number of parts.
                    let growth = -((of * one - back) * (PARTS / one)).div_euclid(of);
                    growth * i128::from(stake_minor) - i128::from(pnl) * PARTS
                };
                loss += endings.iter().map(of_ending).max().expect("a match ends somehow").max(0);
            }
            loss
        };
        let most = loss_with(0).max(i128::from(limit_minor) * PARTS);
        let (mut possible, mut impossible) = (0, STAKE_MINOR_MAX + 1);
        while impossible - possible > 1 {
            let stake_minor = possible + (impossible - possible) / 2;
            *(if loss_with(stake_minor) <= most { &mut possible } else { &mut impossible }) = stake_minor;
        }
        possible
    }

    /// As [`Naive::joint_minima`], for the bets of the selection's market alone.
    pub(super) fn market_minima(
        &self,
        fixture: usize,
        selection: usize,
        except: &Ticket,
    ) -> [Option<i64>; GRADES_MAX] {
        let template = self.fixtures[fixture].space.template;
        let market = usize::from(template.selections[selection].market);
        let place = selection - template.markets[market].selections().start;
        let pnl = self.market_pnl(fixture, market, Some(except));
        minima(pnl.into_iter().map(|(pnl, row)| (pnl, row[place])))
    }

    /// What a leg returns per unit of stake: exactly once it is graded, by expectation before.
    fn expected_return(&self, leg: &oddsengine_engine::Leg) -> f64 {
        let odds = match leg.place_fraction_of {
            0 => f64::from(leg.odds_e4) / 10_000.0,
            of => 1.0 + (f64::from(leg.odds_e4) / 10_000.0 - 1.0) / f64::from(of),
        };
        if let Some(grade) = leg.grade {
            return grade.win_share() * odds + grade.refund_share();
        }
        let NaiveFixture { prices, space, .. } = &self.fixtures[leg.place.fixture as usize];
        if !prices.has_expectations {
            // Without a model the price is taken to be fair.
            return 1.0;
        }
        let slot = space.slot(usize::from(leg.place.selection));
        prices.win[slot] * odds + prices.refund[slot]
    }

    /// What rides on a leg per unit of stake, in billionths: the product of the other legs' expected returns.
    pub(super) fn unit_e9(&self, ticket: &Ticket, leg: usize) -> u64 {
        if !ticket.terms.bets.is_empty() {
            let rides = lines::rides(ticket, leg, |other| self.expected_return(&ticket.legs[other]));
            return (rides * ONE_E9 as f64 + 0.5).min(1e18) as u64;
        }
        if ticket.legs.len() == 1 {
            return ONE_E9;
        }
        let mut product = 1.0;
        for (other, of_other) in ticket.legs.iter().enumerate() {
            if other != leg {
                product *= self.expected_return(of_other);
            }
        }
        (product * ONE_E9 as f64 + 0.5).min(1e15) as u64
    }

    /// Weighs the undecided legs of a ticket.
    pub(super) fn weigh(&self, ticket: &mut Ticket) {
        let units: Vec<u64> = (0..ticket.legs.len()).map(|leg| self.unit_e9(ticket, leg)).collect();
        let (count, _) = lines::steps(ticket);
        for (leg, unit_e9) in ticket.legs.iter_mut().zip(units) {
            let unit = i128::from(count) * i128::from(unit_e9) / i128::from(ONE_E9);
            leg.unit_minor =
                if leg.grade.is_none() { unit.min(i128::from(MONEY_MINOR_MAX)) as i64 } else { 0 };
        }
    }

    /// Weighs open accumulators anew, if prices moved and the last time is long enough ago.
    pub(super) fn weigh_accumulators(&mut self) {
        let is_due = self.weighed_ns.is_none_or(|weighed_ns| {
            i128::from(self.now_ns) - i128::from(weighed_ns)
                >= i128::from(oddsengine_engine::WEIGH_INTERVAL_NS)
        });
        if !self.has_moved || !is_due {
            return;
        }
        (self.weighed_ns, self.has_moved) = (Some(self.now_ns), false);
        for index in 0..self.tickets.len() {
            let mut ticket = self.tickets[index].ticket.clone();
            if ticket.state == oddsengine_engine::TicketState::Open && ticket.legs.len() > 1 {
                self.weigh(&mut ticket);
                self.tickets[index].ticket = ticket;
            }
        }
    }

    /// The bet is in play on this fixture.
    pub(super) fn is_in_play(&self, fixture: usize) -> bool {
        self.fixtures[fixture].game.phase() == LivePhase::InPlay
    }
}

/// The largest stake, by trying: the bet is laid over the worst outcome of each of its grades, and where it costs money
/// the loss is measured.
pub(super) fn stake_minor_max(
    minima: &[Option<i64>; GRADES_MAX],
    grades: &[Grade],
    odds_e4: u32,
    unit_e9: u64,
    limit_minor: i64,
) -> i64 {
    let ratio = |grade: &Grade| {
        let (win, refund, of) = grade.parts();
        (i64::from(win) * i64::from(odds_e4) + i64::from(refund) * 10_000, i64::from(of) * 10_000)
    };
    let ratios: Vec<(i64, i64)> = grades.iter().map(ratio).collect();
    steps_max(minima, &ratios, unit_e9, 1, limit_minor)
}

/// The same for a ticket that stakes so much on the leg with each step of its stake.
///
/// * `ratios`: what a unit on the leg returns at each grade.
pub(super) fn steps_max(
    minima: &[Option<i64>; GRADES_MAX],
    ratios: &[(i64, i64)],
    unit_e9: u64,
    staked_minor: i64,
    limit_minor: i64,
) -> i64 {
    let fits = |steps: i64| {
        minima.iter().zip(ratios).all(|(minimum, &(returned, of))| {
            let Some(minimum) = minimum else { return true };
            // What comes in and goes out in the same small parts, so that nothing is rounded.
            let part = i128::from(of) * i128::from(ONE_E9);
            let goes_out = i128::from(steps) * i128::from(unit_e9) * i128::from(returned);
            let comes_in = i128::from(steps) * i128::from(staked_minor) * part;
            let profit = i128::from(*minimum) * part + comes_in - goes_out;
            goes_out <= comes_in || profit >= -i128::from(limit_minor) * part
        })
    };
    let (mut allowed, mut refused) = (0, STAKE_MINOR_MAX + 1);
    while refused - allowed > 1 {
        let stake_minor = allowed + (refused - allowed) / 2;
        *(if fits(stake_minor) { &mut allowed } else { &mut refused }) = stake_minor;
    }
    allowed
}

fn minima(outcomes: impl Iterator<Item = (i64, u8)>) -> [Option<i64>; GRADES_MAX] {
    let mut minima = [None; GRADES_MAX];
    for (pnl, grade) in outcomes {
        let minimum: &mut Option<i64> = &mut minima[usize::from(grade)];
        *minimum = Some(minimum.map_or(pnl, |known| known.min(pnl)));
    }
    minima
}

/// The return of one leg: exact, rounded down.
fn leg_payout_minor(unit_minor: i64, (returned, of): (i64, i64)) -> i64 {
    let payout = i128::from(unit_minor) * i128::from(returned) / i128::from(of);
    payout.min(i128::from(MONEY_MINOR_MAX)) as i64
}
