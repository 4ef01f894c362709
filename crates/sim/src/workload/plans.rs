//! Bets with a plan: systems with and without bankers, several at once, each-way; and plans that are none.

use oddsengine_engine::{EachWayLeg, LegRequest, MarketStatus, PlanRequest, TicketRequest};
use oddsengine_markets::racing::PlaceTerms;
use oddsengine_markets::{Format, SelectionId};
use oddsengine_types::FixtureId;
use oddsengine_types::bets::{Bet, Parts};

use super::Workload;
use crate::compare::leg_request;

impl Workload {
    /// Gives a request a plan, and legs for it.
    pub(super) fn plan(&mut self, request: &mut TicketRequest) {
        let on_races = self.random.one_in(2);
        let leg_count =
            if on_races { 1 + self.random.below(3) } else { [2, 3, 3, 4, 4, 5][self.random.below(6)] };
        request.legs = self.legs(leg_count);
        if on_races {
            self.put_on_races(&mut request.legs);
        }
        let of_one_fixture = self.random.one_in(8);
        if of_one_fixture {
            let fixture = request.legs[0].fixture;
            let further = self.leg(fixture);
            request.legs.push(further);
        }
        let places = self.places(&request.legs);
        let bet_count = [1, 1, 1, 2, 3][self.random.below(5)];
        let mut bets: Vec<Bet> =
            (0..bet_count).map(|_| self.bet_of(request.legs.len(), &places, of_one_fixture)).collect();
        // Most plans leave no leg out, and no place.
        let all = (1_u64 << request.legs.len()) - 1;
        let used = bets.iter().fold(0, |used, bet| used | bet.legs | bet.bankers);
        if all & !used != 0 && !self.random.one_in(10) {
            bets.push(Bet { legs: all & !used, bankers: 0, sizes: 0b10, ..bets[0] });
        }
        let each_way = self.each_way(&places, &mut bets);
        let lines: i64 = bets.iter().map(|bet| bet.lines().unwrap_or(1) as i64).sum();
        if self.random.one_in(2) {
            let line = self.random.between(1, 1_500);
            bets.iter_mut().for_each(|bet| bet.stake_minor = line * [1, 1, 2, 3][self.random.below(4)]);
            request.stake_minor = 0;
        } else {
            bets.iter_mut().for_each(|bet| bet.stake_minor = 0);
            request.stake_minor = lines * self.random.between(1, 4_000) / lines.min(8);
            request.stake_minor -= request.stake_minor % lines;
        }
        request.plan = Some(Box::new(PlanRequest { bets, each_way }));
        if self.random.one_in(12) {
            self.spoil(request);
        }
    }

    /// The legs that are on a runner to win.
    fn places(&self, legs: &[LegRequest]) -> Vec<u8> {
        let is_to_win = |leg: &LegRequest| {
            let fixture = self.pair.fast.fixture(leg.fixture);
            fixture.is_some_and(|fixture| {
                let template = fixture.template();
                let selection = template.selection_of_id(leg.selection);
                matches!(fixture.request.format, Format::Racing(_))
                    && selection.is_some_and(|selection| template.market_of(selection).key == "win")
            })
        };
        (0..legs.len() as u8).filter(|&leg| is_to_win(&legs[usize::from(leg)])).collect()
    }

    /// Puts legs on races, mostly open ones, and takes no other legs where there are some.
    fn put_on_races(&mut self, legs: &mut Vec<LegRequest>) {
        let also_closed = self.random.one_in(8);
        let engine = &self.pair.fast;
        let is_race = |id: &FixtureId| {
            engine.fixture(*id).is_some_and(|fixture| {
                let is_open = also_closed || fixture.status() == MarketStatus::Open;
                matches!(fixture.request.format, Format::Racing(_)) && is_open
            })
        };
        let races: Vec<FixtureId> = self.active.iter().copied().filter(is_race).collect();
        if races.is_empty() {
            return;
        }
        legs.truncate(races.len());
        for (leg, race) in legs.iter_mut().zip(races) {
            let engine = &self.pair.fast;
            let known = engine.fixture(race).expect("it was just there");
            for _ in 0..4 {
                let runner = 1 + self.random.below(5);
                let selection = SelectionId::of("win", &format!("r{runner}"));
                if let Some(selection) = known.template().selection_of_id(selection) {
                    *leg = leg_request(engine, known, selection);
                    if known.board.odds_e4[selection] != 0 {
                        break;
                    }
                }
            }
        }
    }

    fn bet_of(&mut self, leg_count: usize, places: &[u8], singles_only: bool) -> Bet {
        let all = (1_u64 << leg_count) - 1;
        let mut legs = all;
        let mut bankers = 0;
        if leg_count > 1 && self.random.one_in(4) {
            bankers = 1 << self.random.below(leg_count);
        }
        if leg_count > 2 && self.random.one_in(4) {
            legs &= !(1 << self.random.below(leg_count));
        }
        legs &= !bankers;
        let longest = legs.count_ones() as usize;
        let sizes = match self.random.below(4) {
            _ if singles_only && !self.random.one_in(6) => {
                bankers = 0;
                legs = all;
                0b10
            }
            // A full cover, with singles and without.
            0 => (2_u64 << longest) - 2,
            1 if longest > 1 => (2_u64 << longest) - 4,
            _ => 1 << (1 + self.random.below(longest)),
        };
        let members = legs | bankers;
        let has_place = places.iter().any(|&leg| members >> leg & 1 == 1);
        let parts = match self.random.below(5) {
            _ if !has_place => Parts::Win,
            0 => Parts::Win,
            1 => Parts::Place,
            2 => Parts::EquallyDivided,
            _ => Parts::EachWay,
        };
        Bet { legs, bankers, sizes, stake_minor: 1, stake_of: 1, parts, bonus: 0 }
    }

    /// Places for the legs that bets are on for a place; bets for places that have none become bets to win.
    fn each_way(&mut self, places: &[u8], bets: &mut [Bet]) -> Vec<EachWayLeg> {
        let given = Some(PlaceTerms { places: 2, fraction_of: 4 });
        let mut each_way = Vec::new();
        for &leg in places {
            let is_on = |bet: &Bet| bet.parts != Parts::Win && (bet.legs | bet.bankers) >> leg & 1 == 1;
            if bets.iter().any(is_on) && !self.random.one_in(8) {
                let terms = if self.random.one_in(2) { given } else { None };
                each_way.push(EachWayLeg { leg, terms });
            }
        }
        let has_one = |bet: &Bet| each_way.iter().any(|place| (bet.legs | bet.bankers) >> place.leg & 1 == 1);
        bets.iter_mut().filter(|bet| !has_one(bet)).for_each(|bet| bet.parts = Parts::Win);
        each_way
    }

    fn spoil(&mut self, request: &mut TicketRequest) {
        let plan = request.plan.as_mut().expect("it was just given one");
        match self.random.below(12) {
            0 => plan.bets.clear(),
            1 => plan.bets[0].sizes = 0,
            2 => plan.bets[0].sizes |= 1 << 40,
            3 => plan.bets[0].legs |= 1 << 62,
            4 => plan.bets[0].bankers |= plan.bets[0].legs,
            5 => plan.bets[0].sizes |= 1,
            6 => plan.bets[0].stake_minor -= 2,
            7 => request.stake_minor += 1,
            8 => plan
                .each_way
                .push(EachWayLeg { leg: 0, terms: Some(PlaceTerms { places: 3, fraction_of: 5 }) }),
            9 => {
                let bet = plan.bets[0];
                plan.bets.resize(51, bet);
            }
            10 => plan.bets.iter_mut().for_each(|bet| bet.parts = Parts::EachWay),
            _ => plan.bets[0].bonus = 1,
        }
    }

    /// Gives a request this stake, as far as its lines divide it.
    pub(super) fn stake(request: &mut TicketRequest, stake_minor: i64) {
        request.stake_minor = stake_minor;
        let Some(plan) = &mut request.plan else { return };
        if plan.bets.iter().any(|bet| bet.stake_minor != 0) {
            let of_step = step_of(&plan.bets);
            let least = plan.bets.iter().map(|bet| bet.stake_minor).fold(0, divisor).max(1);
            plan.bets
                .iter_mut()
                .for_each(|bet| bet.stake_minor = bet.stake_minor / least * (stake_minor / of_step));
            request.stake_minor = 0;
        }
    }

    /// By how much the stake of a request grows.
    pub(super) fn step_of_stake(request: &TicketRequest) -> i64 {
        request.plan.as_ref().map_or(1, |plan| step_of(&plan.bets))
    }
}

fn step_of(bets: &[Bet]) -> i64 {
    let shared = bets.iter().map(|bet| bet.stake_minor).fold(0, divisor).max(1);
    let step = |bet: &Bet| bet.lines().unwrap_or(1) as i64 * (bet.stake_minor / shared).max(1);
    bets.iter().map(step).sum::<i64>().max(1)
}

fn divisor(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { divisor(b, a % b) }
}
