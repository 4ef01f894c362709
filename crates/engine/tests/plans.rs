//! Tickets with a plan through the engine: systems, bankers, each-way, from request to settlement and back.

use oddsengine_engine::command::{
    Body, Command, FixtureRequest, LegRequest, MoneyRequest, OddsChange, Origin, TicketRequest,
};
use oddsengine_engine::status::{Reason, TicketState};
use oddsengine_engine::{Config, EachWayLeg, Engine, PlanRequest, Ticket};
use oddsengine_markets::racing::{PlaceTerms, RUNNERS_MAX, RaceKind, RacingFormat, RacingIncident};
use oddsengine_markets::{Format, Incident, MarketId, SelectionId};
use oddsengine_types::bets::{Bet, Parts, named};
use oddsengine_types::{Currency, CustomerId, FixtureId, Grade, TicketId, TransferId};

const CUSTOMER: CustomerId = CustomerId(7);
/// Odds to win of the eight runners of every race.
const ODDS_E4: [u32; 8] = [23_750, 45_000, 60_000, 80_000, 90_000, 140_000, 210_000, 340_000];

/// Selection, legs, stake, payout, unit.
type Totals = (u16, u32, i64, i64, i64);

struct Desk {
    engine: Engine,
    time_ns: i64,
}

impl Desk {
    fn new(races: u64) -> Self {
        Self::with(races, Config { payout_minor_max: 10_000_000_000_000, ..Config::default() })
    }

    /// Races 1 to `races` at odds by hand, and a match 100 at even odds.
    fn with(races: u64, config: Config) -> Self {
        let mut desk = Self { engine: Engine::new(config).unwrap(), time_ns: 1_000 };
        desk.send(Body::EpochStarted { epoch: 1 });
        for fixture in (1..=races).map(FixtureId) {
            desk.add(fixture, Format::Racing(RacingFormat::standard(RaceKind::Horse, 8, false)), 8);
            desk.offer(fixture, "win", &ODDS_E4);
        }
        desk.add(FixtureId(100), Format::FOOTBALL, 0);
        desk.offer(FixtureId(100), "total:2.5", &[20_000, 19_000]);
        desk.offer(FixtureId(100), "total:3.5", &[30_000, 14_000]);
        desk.send(Body::Deposit(MoneyRequest {
            transfer: TransferId(1),
            customer: CUSTOMER,
            amount_minor: 10_000_000,
            currency: Currency::EUR,
        }));
        desk
    }

    fn add(&mut self, fixture: FixtureId, format: Format, entrants: usize) {
        let is_match = entrants == 0;
        self.send(Body::AddFixture(Box::new(FixtureRequest {
            fixture,
            format,
            competition: "sheffield".into(),
            start_ns: 2_000_000_000,
            home: if is_match { "Alba".into() } else { format!("race {fixture}") },
            away: if is_match { "Bruma".into() } else { String::new() },
            entrants: (1..=entrants).map(|number| format!("Runner {number}")).collect(),
        })));
    }

    fn offer(&mut self, fixture: FixtureId, market: &str, odds_e4: &[u32]) {
        self.send(Body::SetManualOdds {
            fixture,
            market: MarketId::of(market),
            odds_e4: Some(odds_e4.to_vec()),
            keeps_in_play: true,
            override_by: "test".into(),
        });
    }

    fn send(&mut self, body: Body) {
        self.time_ns += 1_000;
        self.engine.apply(&Command { time_ns: self.time_ns, origin: Origin::default(), body });
        for (name, invariant) in self.engine.invariants() {
            assert_eq!(invariant, Ok(()), "{name}");
        }
    }

    fn request(
        &self,
        number: u128,
        stake_minor: i64,
        legs: &[(u64, &str)],
        plan: PlanRequest,
    ) -> TicketRequest {
        let leg = |&(fixture, text): &(u64, &str)| {
            let (key, name) = text.split_once('/').unwrap();
            let known = self.engine.fixture(FixtureId(fixture)).unwrap();
            let selection = SelectionId::of(key, name);
            let place = known.template().selection_of_id(selection).unwrap();
            LegRequest {
                fixture: FixtureId(fixture),
                selection,
                odds_e4: known.board.odds_e4[place],
                version: self.engine.version(known),
            }
        };
        TicketRequest {
            ticket: TicketId(number),
            customer: CUSTOMER,
            currency: Currency::EUR,
            stake_minor,
            odds_change: OddsChange::None,
            legs: legs.iter().map(leg).collect(),
            plan: Some(Box::new(plan)),
            wishes: Default::default(),
        }
    }

    fn place(&mut self, number: u128, stake_minor: i64, legs: &[(u64, &str)], plan: PlanRequest) -> &Ticket {
        let request = self.request(number, stake_minor, legs, plan);
        self.send(Body::PlaceTicket(Box::new(request)));
        self.ticket(number)
    }

    fn ticket(&self, number: u128) -> &Ticket {
        self.engine.ticket(TicketId(number)).unwrap()
    }

    fn refusal(&self, number: u128) -> Option<Reason> {
        self.ticket(number).reason()
    }

    /// The race ends so: positions of the eight runners.
    fn finish(&mut self, race: u64, positions: [u8; 8]) {
        let mut all = [0; RUNNERS_MAX];
        all[..8].copy_from_slice(&positions);
        for kind in [RacingIncident::Off, RacingIncident::Result(all), RacingIncident::Official] {
            self.incident(race, kind);
        }
    }

    fn incident(&mut self, race: u64, kind: RacingIncident) {
        self.send(Body::Incident { fixture: FixtureId(race), incident: Incident::Racing(kind) });
    }

    /// Profit and loss on the worst outcome, and totals by selection, of every race.
    fn exposure(&self, races: u64) -> Vec<(i64, Vec<Totals>)> {
        (1..=races)
            .map(|race| {
                let book = &self.engine.fixture(FixtureId(race)).unwrap().book;
                let totals = book.selections().map(|(selection, totals)| {
                    (selection, totals.leg_count, totals.stake_minor, totals.payout_minor, totals.unit_minor)
                });
                (book.worst_minor(), totals.collect())
            })
            .collect()
    }
}

fn system(name: &str, legs: usize, line_stake_minor: i64) -> PlanRequest {
    let bet = named(name).unwrap().bet(legs, line_stake_minor).unwrap();
    PlanRequest { bets: vec![bet], each_way: Vec::new() }
}

fn runners(of: &[(u64, usize)]) -> Vec<(u64, &'static str)> {
    const NAMES: [&str; 8] = ["win/r1", "win/r2", "win/r3", "win/r4", "win/r5", "win/r6", "win/r7", "win/r8"];
    of.iter().map(|&(race, runner)| (race, NAMES[runner - 1])).collect()
}

/// Every line of so many legs by its places, for the sizes asked for.
fn lines(legs: usize, sizes: impl Fn(usize) -> bool) -> Vec<Vec<usize>> {
    let sets = 1_u32..1 << legs;
    sets.map(|set| (0..legs).filter(|leg| set >> leg & 1 == 1).collect::<Vec<usize>>())
        .filter(|line| sizes(line.len()))
        .collect()
}

const WON_BY_1: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
const WON_BY_2: [u8; 8] = [2, 1, 3, 4, 5, 6, 7, 8];

// A ticket was one bet on all of its legs: 15 bets were 15 requests, and one lost leg was the end of all.
#[test]
fn a_lucky_15_with_a_winner_a_void_and_two_losers_is_paid_line_by_line() {
    let mut desk = Desk::new(4);
    let legs = runners(&[(1, 1), (2, 2), (3, 1), (4, 3)]);
    let ticket = desk.place(1, 1_500, &legs, system("lucky15", 4, 100));
    assert_eq!((ticket.state, ticket.stake_minor), (TicketState::Open, 1_500));
    // All lines at their odds: (1 + 2.375)(1 + 4.5)(1 + 2.375)(1 + 6) - 1 = 437.539... times 1.00.
    assert_eq!(ticket.payout_minor_max, 43_753);
    desk.finish(1, WON_BY_1);
    desk.incident(2, RacingIncident::Withdrawn(1));
    desk.finish(3, WON_BY_2);
    assert_eq!(desk.ticket(1).state, TicketState::Open);
    desk.finish(4, WON_BY_1);
    // Won 2.375, void, lost, lost: (1 + 2.375)(1 + 1) - 1 = 5.75.
    assert_eq!((desk.ticket(1).state, desk.ticket(1).paid_minor), (TicketState::Settled, 575));
}

#[test]
fn a_total_stake_is_divided_over_the_lines_or_refused() {
    let mut desk = Desk::new(4);
    let legs = runners(&[(1, 1), (2, 2), (3, 1), (4, 3)]);
    let even = |mut plan: PlanRequest| {
        plan.bets[0].stake_minor = 0;
        plan
    };
    desk.place(1, 2_200, &legs, even(system("yankee", 4, 1)));
    assert_eq!(desk.ticket(1).terms.bets[0].stake_minor, 200);
    desk.place(2, 2_201, &legs, even(system("yankee", 4, 1)));
    assert_eq!(desk.refusal(2), Some(Reason::StakeNotOfLines));
    // Said twice, and not alike.
    desk.place(3, 2_201, &legs, system("yankee", 4, 200));
    assert_eq!(desk.refusal(3), Some(Reason::StakeNotOfLines));
}

#[test]
fn a_line_below_the_smallest_stake_is_refused() {
    let config = Config { line_stake_minor_min: 50, ..Config::default() };
    let mut desk = Desk::with(4, config);
    let legs = runners(&[(1, 1), (2, 2), (3, 1), (4, 3)]);
    desk.place(1, 0, &legs, system("yankee", 4, 49));
    assert_eq!(desk.refusal(1), Some(Reason::LineStakeBelowMinimum));
    desk.place(2, 0, &legs, system("yankee", 4, 50));
    assert_eq!(desk.refusal(2), None);
}

// A lost banker leaves no line: the ticket must not wait for races of another day.
#[test]
fn a_lost_banker_settles_at_once_and_is_taken_back() {
    let mut desk = Desk::new(4);
    let bet = Bet::of_sizes(0b1110, &[2], 100).unwrap().with_bankers(0b0001).unwrap();
    let legs = runners(&[(1, 1), (2, 2), (3, 1), (4, 3)]);
    desk.place(1, 0, &legs, PlanRequest { bets: vec![bet], each_way: Vec::new() });
    assert_eq!(desk.ticket(1).stake_minor, 300);
    let before = desk.exposure(4);
    desk.finish(1, WON_BY_2);
    assert_eq!((desk.ticket(1).state, desk.ticket(1).paid_minor), (TicketState::Settled, 0));
    assert!(desk.exposure(4).iter().all(|(worst, totals)| *worst == 0 && totals.is_empty()));
    // The result is changed: it is open again, and counts with what its banker returned.
    let mut amended = [0; RUNNERS_MAX];
    amended[..8].copy_from_slice(&WON_BY_1);
    desk.incident(1, RacingIncident::Amended(amended));
    assert_eq!(desk.ticket(1).state, TicketState::Open);
    let after = desk.exposure(4);
    assert!(after[1].0 < before[1].0, "the banker's 2.375 rides on the others now");
    for race in 2..=4 {
        desk.finish(race, [2, 1, 3, 4, 5, 6, 7, 8]);
    }
    // Only leg 2 of race 2 won; no double of the three did.
    assert_eq!((desk.ticket(1).state, desk.ticket(1).paid_minor), (TicketState::Settled, 0));
}

// Legs that nothing rides on any more: two of three doubles are lost with their first leg.
#[test]
fn what_can_return_nothing_is_not_waited_for_and_leaves_the_books() {
    let mut desk = Desk::new(3);
    let legs = runners(&[(1, 1), (2, 2), (3, 1)]);
    let bet = |legs: u64| Bet::of_sizes(legs, &[2], 500).unwrap();
    // 1 with 2, 1 with 3: a star.
    desk.place(1, 0, &legs, PlanRequest { bets: vec![bet(0b011), bet(0b101)], each_way: Vec::new() });
    desk.finish(2, WON_BY_1);
    assert_eq!(desk.ticket(1).state, TicketState::Open);
    // The stake of the lost double does not count as profit on race 1 any more.
    let (_, totals) = &desk.exposure(3)[0];
    assert_eq!(totals[0].2, 500);
    desk.finish(3, WON_BY_2);
    assert_eq!((desk.ticket(1).state, desk.ticket(1).paid_minor), (TicketState::Settled, 0));
    assert!(desk.engine.fixture(FixtureId(1)).unwrap().book.is_empty());
}

// Each-way was a selection at odds of its own; two each-way legs together paid neither win on win nor place on place.
#[test]
fn each_way_doubles_run_win_on_win_and_place_on_place() {
    let mut desk = Desk::new(2);
    let each_way: Vec<EachWayLeg> = (0..2).map(|leg| EachWayLeg { leg, terms: None }).collect();
    let bet = Bet::of_sizes(0b11, &[2], 1_000).unwrap().on_parts(Parts::EachWay).unwrap();
    let legs = runners(&[(1, 1), (2, 5)]);
    let ticket = desk.place(1, 0, &legs, PlanRequest { bets: vec![bet], each_way }).clone();
    assert_eq!((ticket.state, ticket.stake_minor, ticket.legs.len()), (TicketState::Open, 2_000, 4));
    let place = &ticket.legs[2];
    assert_eq!((place.place_fraction_of, place.place_of, place.odds_e4), (5, 0, 23_750));
    assert_eq!(place.selection, SelectionId::of("place.3", "r1"));
    // 11/8 at a fifth is 1.275; 8/1 at a fifth is 2.6.
    assert_eq!(ticket.payout_minor_max, 1_000 * 23_750 * 9 / 10_000 + 1_000 * 1_275 * 26 / 10_000);
    desk.finish(1, WON_BY_1);
    // Runner 5 comes third.
    desk.finish(2, [1, 2, 4, 5, 3, 6, 7, 8]);
    assert_eq!((desk.ticket(1).state, desk.ticket(1).paid_minor), (TicketState::Settled, 3_315));
}

#[test]
fn a_dead_heat_for_the_last_place_halves_the_place_part() {
    let mut desk = Desk::new(1);
    let each_way = vec![EachWayLeg { leg: 0, terms: Some(PlaceTerms { places: 3, fraction_of: 5 }) }];
    let bet = Bet::of_sizes(0b1, &[1], 1_000).unwrap().on_parts(Parts::EachWay).unwrap();
    desk.place(1, 0, &runners(&[(1, 1)]), PlanRequest { bets: vec![bet], each_way });
    assert_eq!(desk.refusal(1), None);
    desk.finish(1, [3, 1, 3, 2, 5, 6, 7, 8]);
    assert_eq!(desk.ticket(1).legs[1].grade, Grade::new(1, 0, 2));
    // Half of 10.00 at 1.275.
    assert_eq!(desk.ticket(1).paid_minor, 637);
}

#[test]
fn terms_that_the_race_does_not_list_are_refused() {
    let mut desk = Desk::new(1);
    let bet = Bet::of_sizes(0b1, &[1], 1_000).unwrap().on_parts(Parts::EachWay).unwrap();
    let with = |leg, terms| PlanRequest { bets: vec![bet], each_way: vec![EachWayLeg { leg, terms }] };
    let generous = Some(PlaceTerms { places: 4, fraction_of: 4 });
    desk.place(1, 0, &runners(&[(1, 1)]), with(0, generous));
    desk.place(2, 0, &[(100, "total:2.5/over")], with(0, None));
    desk.place(3, 0, &runners(&[(1, 1)]), with(1, None));
    desk.place(4, 0, &runners(&[(1, 1)]), PlanRequest { bets: vec![bet], each_way: Vec::new() });
    assert_eq!(
        [1, 2, 3, 4].map(|number| desk.refusal(number)),
        [
            Some(Reason::PlaceTermsNotOffered),
            Some(Reason::PlaceTermsNotOffered),
            Some(Reason::PlanNotPossible),
            Some(Reason::PlanNotPossible)
        ]
    );
}

// S01: a flag that switched the guard of related legs off sold nested thresholds of one player as one parlay. No flag is asked:
// two legs of one line are never on one fixture, as singles beside each other they may be.
#[test]
fn s01_nested_legs_never_stand_in_one_line() {
    let mut desk = Desk::new(1);
    let nested = [(100, "total:2.5/over"), (100, "total:3.5/over")];
    let contradictory = [(100, "total:2.5/over"), (100, "total:2.5/under")];
    for (number, legs) in [(1, nested), (2, contradictory)] {
        desk.place(number, 0, &legs, system("double", 2, 100));
        assert_eq!(desk.refusal(number), Some(Reason::LegsOnSameFixture));
    }
    // A banker is in every line.
    let legs = [(100, "total:2.5/over"), (100, "total:3.5/over"), (1, "win/r1")];
    let bet = Bet::of_sizes(0b110, &[1], 100).unwrap().with_bankers(0b001).unwrap();
    desk.place(3, 0, &legs, PlanRequest { bets: vec![bet], each_way: Vec::new() });
    assert_eq!(desk.refusal(3), Some(Reason::LegsOnSameFixture));
    desk.place(4, 0, &nested, system("singles", 2, 100));
    assert_eq!(desk.refusal(4), None);
    // Both win on the same outcomes, and the book knows: 1.00 at 2.00 and 1.00 at 3.00.
    let book = &desk.engine.fixture(FixtureId(100)).unwrap().book;
    assert_eq!(book.worst_minor(), 200 - 500);
}

// What a system puts into the books is what its lines would, each an accumulator of its own.
#[test]
fn exposure_of_systems_equals_enumeration_on_small_books() {
    let mut seed = 5_u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for case in 0..40 {
        let count = 2 + random(4) as usize;
        let sizes = 1 + random((1 << count) - 1);
        let of: Vec<(u64, usize)> = (0..count).map(|leg| (leg as u64 + 1, 1 + random(8) as usize)).collect();
        let legs = runners(&of);
        let stake_minor = 100 * (1 + random(20) as i64);
        let (mut whole, mut parts) = (Desk::new(5), Desk::new(5));
        let bet = Bet {
            legs: (1 << count) - 1,
            bankers: 0,
            sizes: sizes << 1,
            stake_minor,
            stake_of: 1,
            parts: Parts::Win,
            bonus: 0,
        };
        whole.place(1, 0, &legs, PlanRequest { bets: vec![bet], each_way: Vec::new() });
        assert_eq!(whole.refusal(1), None, "case {case}");
        let lines = lines(count, |size| sizes >> (size - 1) & 1 == 1);
        for (number, line) in lines.iter().enumerate() {
            let legs: Vec<(u64, &str)> = line.iter().map(|&leg| legs[leg]).collect();
            parts.place(number as u128 + 1, 0, &legs, system("accumulator", legs.len(), stake_minor));
        }
        // After each race the books of both are compared; a leg of a system counts once for all of its lines.
        for race in 0..=legs.len() {
            let (found, expected) = (whole.exposure(5), parts.exposure(5));
            for (found, expected) in found.iter().zip(&expected) {
                // Each line rounds down by itself.
                let most = lines.len() as i64 * 9;
                assert!((found.0 - expected.0).abs() <= most, "case {case}: {found:?} {expected:?}");
                for (found, expected) in found.1.iter().zip(&expected.1) {
                    assert_eq!((found.0, found.2), (expected.0, expected.2), "case {case}");
                    assert!((found.3 - expected.3).abs() <= most && (found.4 - expected.4).abs() <= most);
                }
            }
            if let Some(&(_, runner)) = of.get(race) {
                let order = if random(3) > 0 { runner } else { 1 };
                let mut positions = [0_u8; 8];
                positions[order - 1] = 1;
                (2..=8).zip((0..8).filter(|&runner| runner != order - 1)).for_each(|(place, runner)| {
                    positions[runner] = place;
                });
                whole.finish(race as u64 + 1, positions);
                parts.finish(race as u64 + 1, positions);
            }
        }
        let paid: i64 = (0..lines.len()).map(|number| parts.ticket(number as u128 + 1).paid_minor).sum();
        let found = whole.ticket(1).paid_minor;
        assert_eq!(whole.ticket(1).state, TicketState::Settled);
        assert!(
            (0..=lines.len() as i64).contains(&(found - paid)),
            "case {case}: {found} and {paid} by line"
        );
    }
}

// What is promised is what is taken: to the step, under each limit.
#[test]
fn the_largest_stake_of_a_system_is_what_acceptance_takes() {
    let legs = runners(&[(1, 1), (2, 2), (3, 3)]);
    for config in [
        Config { payout_minor_max: 123_456, ..Config::default() },
        Config { fixture_loss_minor_max: 30_001, ..Config::default() },
        Config { platform_loss_minor_max: 40_003, ..Config::default() },
        Config { stake_minor_max: 7_777, ..Config::default() },
    ] {
        for plan in [system("patent", 3, 1), system("trixie", 3, 3)] {
            let mut desk = Desk::with(3, config.clone());
            let asked = desk.request(1, 0, &legs, plan.clone());
            let max_minor = desk.engine.max_stake(&asked).unwrap().stake_minor_max;
            let lines = plan.bets[0].lines().unwrap() as i64;
            assert_eq!(max_minor % lines, 0);
            let of = |stake_minor: i64| {
                let mut plan = plan.clone();
                plan.bets[0].stake_minor = stake_minor / lines;
                plan
            };
            let before = desk.engine.clone();
            desk.place(1, 0, &legs, of(max_minor + lines));
            assert!(desk.refusal(1).is_some_and(|reason| (401..=407).contains(&(reason as u16))));
            desk.engine = before;
            desk.place(1, 0, &legs, of(max_minor));
            assert_eq!(desk.refusal(1), None);
        }
    }
}

// Bets that were taken before there were plans are still told from others that use their ids.
#[test]
fn a_request_without_a_plan_hashes_as_before() {
    let mut desk = Desk::new(2);
    let plain = TicketRequest {
        plan: None,
        ..desk.request(1, 1_000, &runners(&[(1, 1), (2, 2)]), PlanRequest::default())
    };
    let mut bytes = Vec::new();
    plain.encode_body(&mut bytes);
    // Ticket, customer, currency, stake, policy, two legs of 24 to 32 bytes: not one byte of a plan.
    let without = bytes.len();
    let with = TicketRequest { plan: Some(Box::default()), ..plain.clone() };
    bytes.clear();
    with.encode_body(&mut bytes);
    assert!(bytes.len() > without);
    desk.send(Body::PlaceTicket(Box::new(plain.clone())));
    desk.send(Body::PlaceTicket(Box::new(plain)));
    assert_eq!(desk.refusal(1), None);
    let count = desk.engine.counters().refused_command_count;
    desk.send(Body::PlaceTicket(Box::new(with)));
    assert_eq!(desk.engine.counters().refused_command_count, count);
    assert_eq!(desk.ticket(1).terms.bets, []);
}

#[test]
fn sixty_three_legs_and_fifty_bets_are_taken_and_one_more_is_not() {
    let config = Config {
        legs_max: 63,
        payout_minor_max: 100_000_000_000_000,
        stake_minor_max: 100_000_000,
        market_loss_minor_max: 100_000_000_000_000,
        fixture_loss_minor_max: 100_000_000_000_000,
        competition_loss_minor_max: 100_000_000_000_000,
        sport_loss_minor_max: 100_000_000_000_000,
        platform_loss_minor_max: 100_000_000_000_000,
        ..Config::default()
    };
    let mut desk = Desk::with(64, config);
    let of: Vec<(u64, usize)> = (1..=63).map(|race| (race, 1)).collect();
    let singles = Bet::of_sizes(u64::MAX >> 1, &[1], 1).unwrap();
    let plan = |count: usize| PlanRequest { bets: vec![singles; count], each_way: Vec::new() };
    desk.place(1, 0, &runners(&of), plan(50));
    assert_eq!((desk.refusal(1), desk.ticket(1).stake_minor), (None, 63 * 50));
    desk.place(2, 0, &runners(&of), plan(51));
    assert_eq!(desk.refusal(2), Some(Reason::PlanNotPossible));
    // 7,028,847 lines of five legs.
    let fives = Bet { sizes: 1 << 5, ..singles };
    desk.place(4, 0, &runners(&of), PlanRequest { bets: vec![fives], each_way: Vec::new() });
    assert_eq!(desk.refusal(4), Some(Reason::PlanNotPossible));
    let more: Vec<(u64, usize)> = (1..=64).map(|race| (race, 1)).collect();
    desk.place(3, 0, &runners(&more), plan(1));
    assert_eq!(desk.refusal(3), Some(Reason::LegCountOutOfRange));
}
