//! What customers ask for: mostly sensible bets, and everything that must be refused.

use oddsengine_engine::{
    Body, LegRequest, MarketStatus, OddsChange, OddsVersion, Origin, Reason, TicketRequest, TicketState,
};
use oddsengine_markets::SelectionId;
use oddsengine_types::{Currency, CustomerId, FixtureId, STAKE_MINOR_MAX, TicketId};

use super::{CUSTOMER_COUNT, Done, Workload};
use crate::compare::leg_request;

impl Workload {
    pub(super) fn bet(&mut self) -> Done {
        let request = match self.random.below(25) {
            0 | 1 if !self.requests.is_empty() => self.repeated(),
            _ => self.request(),
        };
        if self.requests.len() < 4_000 {
            self.requests.push(request.clone());
        }
        let source = if self.random.one_in(3) { "shop" } else { "" };
        let origin = Origin { source: source.to_string(), ..Origin::default() };
        self.send_from(origin, Body::PlaceTicket(Box::new(request))).map(drop)?;
        self.check_stake_promise()
    }

    fn repeated(&mut self) -> TicketRequest {
        let mut request = self.random.pick(&self.requests).clone();
        if self.random.one_in(3) {
            match &mut request.plan {
                Some(plan) if !plan.bets.is_empty() => plan.bets[0].stake_minor += 1,
                _ => request.stake_minor += 1,
            }
        }
        request
    }

    fn request(&mut self) -> TicketRequest {
        self.ticket_count += 1;
        let leg_count = [1, 1, 1, 1, 2, 2, 3, 4][self.random.below(8)];
        let mut request = TicketRequest {
            ticket: TicketId(self.ticket_count),
            customer: CustomerId(1 + self.random.below(CUSTOMER_COUNT as usize) as u64),
            currency: Currency::EUR,
            stake_minor: self.random.between(10, 4_000),
            odds_change: self.odds_change(),
            legs: self.legs(leg_count),
            wishes: self.wishes(),
            plan: None,
        };
        if self.random.one_in(3) {
            self.plan(&mut request);
        }
        match self.random.below(40) {
            0 => request.stake_minor = *self.random.pick(&[0, -100, 5, STAKE_MINOR_MAX + 1, STAKE_MINOR_MAX]),
            1 => request.currency = Currency::parse("USD").expect("three letters"),
            2 => (request.legs, request.plan) = (Vec::new(), None),
            3 if self.random.one_in(2) => (request.legs, request.plan) = (self.too_many_legs(), None),
            3 => {
                let again = self.legs(1)[0];
                request.legs.extend([again, again]);
            }
            4 => request.legs[0].fixture = FixtureId(88_888),
            5 => request.legs[0].selection = SelectionId(1),
            6 => request.legs[0].version.epoch = request.legs[0].version.epoch.wrapping_sub(1),
            7 => request.legs[0].version.seq += 1,
            8 => {
                request.legs[0].version =
                    OddsVersion { seq: self.random.below(2) as u64, ..request.legs[0].version }
            }
            9 | 10 => request.legs[0].odds_e4 += 500,
            11 => request.legs[0].odds_e4 = request.legs[0].odds_e4.saturating_sub(500),
            12..22 => self.stake_near_the_limit(&mut request),
            22 => request.stake_minor = self.random.between(20_000, 3_000_000),
            _ => {}
        }
        request
    }

    fn odds_change(&mut self) -> OddsChange {
        match self.random.below(8) {
            0 | 1 => OddsChange::Higher,
            2 | 3 => OddsChange::Any,
            4 => OddsChange::Within(self.random.between(0, 500) as u32),
            _ => OddsChange::None,
        }
    }

    /// Legs on different fixtures, mostly where there is a price.
    pub(super) fn legs(&mut self, count: usize) -> Vec<LegRequest> {
        let mut fixtures = self.active.clone();
        if !self.random.one_in(4) {
            let is_open = |id: &FixtureId| {
                self.pair.fast.fixture(*id).is_some_and(|fixture| fixture.status() == MarketStatus::Open)
            };
            fixtures.retain(is_open);
        }
        if fixtures.is_empty() {
            fixtures.clone_from(&self.active);
        }
        if self.random.one_in(60) && !self.over.is_empty() {
            fixtures.push(*self.random.pick(&self.over));
            fixtures.reverse();
        }
        (0..count.min(fixtures.len()))
            .map(|_| {
                let fixture = fixtures.remove(self.random.below(fixtures.len()));
                self.leg(fixture)
            })
            .collect()
    }

    pub(super) fn leg(&mut self, fixture: FixtureId) -> LegRequest {
        let engine = &self.pair.fast;
        let Some(known) = engine.fixture(fixture) else {
            // It is over and left: it comes back for the bet.
            let version = OddsVersion { epoch: engine.epoch(), seq: 1 };
            return LegRequest {
                fixture,
                selection: SelectionId::of("1x2", "home"),
                odds_e4: 20_000,
                version,
            };
        };
        // Few selections carry most of the money, so that limits bind.
        let space = self.pair.universe().space(&known.request.format).expect("it is of this run");
        let selections = &space.selections;
        let favourites = &selections[..selections.len().min(16)];
        for _ in 0..6 {
            let selections = if self.random.one_in(3) { selections.as_slice() } else { favourites };
            let selection = *self.random.pick(selections);
            if known.board.odds_e4[selection] != 0 {
                return leg_request(engine, known, selection);
            }
        }
        leg_request(engine, known, *self.random.pick(selections))
    }

    fn too_many_legs(&mut self) -> Vec<LegRequest> {
        let leg = self.legs(1)[0];
        (0..30).map(|index| LegRequest { fixture: FixtureId(500 + index), ..leg }).collect()
    }

    /// The stake that is just allowed, or just not.
    fn stake_near_the_limit(&mut self, request: &mut TicketRequest) {
        let max = self.pair.fast.max_stake(request);
        let is_limit = |reason: &Reason| (401..=419).contains(&(*reason as u16));
        self.pair.coverage.hit_if(max.as_ref().is_err_and(is_limit), "max_stake.nothing");
        if let Ok(max) = max {
            let (max, step) = (max.stake_minor_max, Self::step_of_stake(request));
            let stake_minor = match self.random.below(3) {
                0 => max,
                1 => max + step,
                _ => (max - step).max(step),
            };
            Self::stake(request, stake_minor);
        }
    }

    /// What a max-stake query promises is what the next ticket gets.
    fn check_stake_promise(&mut self) -> Done {
        if !self.random.one_in(10) {
            return Ok(());
        }
        // A ticket weighs accumulators first; a query changes nothing.
        self.tick()?;
        let mut request = self.request();
        let Ok(max_minor) = self.pair.max_stake(&request)? else { return Ok(()) };
        let step = Self::step_of_stake(&request);
        Self::stake(&mut request, max_minor);
        request.odds_change = OddsChange::Any;
        // A part of what is too much would be taken.
        request.wishes = Default::default();
        let enough = self.pair.fast.available_minor(request.customer) >= max_minor;
        if max_minor < self.pair.fast.config().stake_minor_min || !enough {
            return Ok(());
        }
        self.ticket_count += 1;
        request.ticket = TicketId(self.ticket_count);
        let epoch = self.pair.fast.epoch();
        request.legs.iter_mut().for_each(|leg| leg.version.epoch = epoch);
        let fast = self.pair.fast.clone();
        let command = oddsengine_engine::Command {
            time_ns: fast.now_ns(),
            origin: oddsengine_engine::Origin::default(),
            body: Body::PlaceTicket(Box::new(request.clone())),
        };
        for (stake_minor, is_promised) in [(max_minor, true), (max_minor + step, false)] {
            let mut engine = fast.clone();
            let mut command = command.clone();
            let Body::PlaceTicket(body) = &mut command.body else { unreachable!("it was just made") };
            Self::stake(body, stake_minor);
            engine.apply(&command);
            let state = engine.ticket(request.ticket).expect("it was just placed").state;
            let is_taken = state == TicketState::Open || state.is_waiting();
            if is_taken != is_promised {
                return Err(format!(
                    "the largest stake is {max_minor}, and {stake_minor} is {state:?}: {request:?}"
                ));
            }
        }
        self.pair.coverage.hit("max_stake.kept");
        Ok(())
    }
}
