//! Snapshots say in which layout their bytes are, so that a build of another one does not take them for what they are not.
//!
//! The layout of a snapshot had changed three times under one version number: what was read back was another state, or none.

use oddsengine_engine::{
    AnnulmentEffect, AnnulmentRequest, Body, Command, Config, Engine, Expectation, ExpectationMode, Fact,
    FixtureRequest, Leg, LimitCheck, LimitLevel, MarketDesk, MarketStops, OddsChange, OddsVersion, Origin,
    PendingAction, Place, Record, SNAPSHOT_HEADER_SIZE, SNAPSHOT_LAYOUT, SNAPSHOT_VERSION, Scope,
    ScopeSettings, Stop, StopSet, Terms, Ticket, TicketChange, TicketMarks, TicketState, VoidKind,
};
use oddsengine_engine::{
    CustomerFactor, CustomerTerms, Handling, NextLimit, Offer, OnLimit, OwnLimit, OwnLimitKind, Period,
    Reason, Referral, ReferralCause, StakeWindow, Standing, Switch, SwitchScope, Verdict, WindowName,
    WindowPer, Wishes,
};
use oddsengine_facts::{Booking, BookingId, BookingKind, GradedSelection};
use oddsengine_markets::custom::{CustomIncident, SpaceDefinition, SpaceMarket, SpaceSelection, SpaceView};
use oddsengine_markets::football::{FootballFormat, FootballIncident, FootballIncidentKind, Knockout, Side};
use oddsengine_markets::racing::{RaceKind, RacingFormat, RacingIncident};
use oddsengine_markets::tennis::{TennisFormat, TennisIncidentKind};
use oddsengine_markets::{Format, Incident, LivePhase, MarketId, ModelFault, SelectionId, SpaceId};
use oddsengine_types::{
    AccountKind, Currency, CustomerId, FixtureId, Grade, SourceId, SportId, SportParameters, SportSettings,
    StateHash, TicketId,
};

const TIME_NS: i64 = 1_671_379_200_000_000_000;
const CUSTOMER: CustomerId = CustomerId(42);
const FOOTBALL: FixtureId = FixtureId(1);
const TENNIS: FixtureId = FixtureId(2);
const RACE: FixtureId = FixtureId(3);
const FRAME: FixtureId = FixtureId(4);

fn booking(
    transaction: u128,
    number: u32,
    kind: BookingKind,
    debit: AccountKind,
    credit: AccountKind,
) -> Booking {
    let id = BookingId { source: SourceId(1), transaction, number };
    Booking { id, kind, debit, credit, currency: Currency::EUR, amount_minor: 5_000 }
}

fn ticket(id: u128, state: TicketState) -> Fact {
    let leg = |fixture, market, selection, grade| Leg {
        fixture,
        selection: SelectionId::of(market, selection),
        place: Place::default(),
        requested_odds_e4: 19_500,
        offered_odds_e4: 19_400,
        odds_e4: 19_300,
        fair_probability_e9: 487_654_321,
        quoted_version: OddsVersion { epoch: 6, seq: 1_000 },
        version: OddsVersion { epoch: 7, seq: 1_001 },
        score: (1, 2),
        clock_ms: 1_380_000,
        interruptions: 3,
        place_fraction_of: 0,
        place_of: 0,
        grade,
        unit_minor: 2_500,
    };
    let check = |level, leg| LimitCheck {
        level,
        leg,
        limit_minor: 5_000_000,
        used_minor: 123_456,
        stake_minor_max: 987_654,
        window: WindowName::new("day"),
    };
    let ticket = Ticket {
        id: TicketId(id),
        customer: CUSTOMER,
        terms: Terms {
            bonus_minor: 7,
            free_minor: 8,
            rules: 9,
            jurisdiction: 10,
            ..Terms::of(Currency::EUR, 2)
        },
        stake_minor: 2_500,
        odds_change: OddsChange::Within(150),
        state,
        legs: vec![
            leg(FOOTBALL, "1x2", "home", None),
            leg(TENNIS, "match_winner", "away", Some(Grade::HALF_WON)),
        ],
        payout_minor_max: 4_875,
        paid_minor: 11,
        received_ns: TIME_NS + 1,
        decided_ns: TIME_NS + 2,
        due_ns: TIME_NS + 3,
        settlement_count: 4,
        checks: vec![check(LimitLevel::Market, Some(1)), check(LimitLevel::Platform, None)],
        request_hash: 0x9e37_79b9_7f4a_7c15,
        change: TicketChange { seq: 12, seq_before: 11, was_settlement: true, paid_minor_before: -1 },
        closed_ns: TIME_NS + 4,
        handling: Some(Box::new(handling())),
        marks: TicketMarks { void_by: vec![], cancelled_by: 0, reinstated_count: 2, standing_legs: 1 },
    };
    Fact::TicketDecided { ticket: Box::new(ticket), forgotten: None }
}

fn handling() -> Handling {
    Handling {
        wishes: Wishes { on_limit: OnLimit::Part, reoffers_odds: true, part_minor_min: 5 },
        asked_minor: 9_000,
        offer: Some(Offer {
            stake_minor: 2_500,
            odds_e4: vec![19_000, 20_000],
            board_odds_e4: vec![18_500, 19_500],
            due_ns: TIME_NS + 5,
            reason: Reason::ExceedsStakeWindow,
            by: "m.rossi".into(),
            is_taken: true,
        }),
        referral: Some(Referral {
            cause: ReferralCause::Customer,
            threshold_minor: 6,
            since_ns: TIME_NS + 6,
            due_ns: TIME_NS + 7,
            verdict: Some(Verdict::Counter),
            by: "m.rossi".into(),
            note: "seen".into(),
            decided_ns: TIME_NS + 8,
        }),
        is_rebooked: true,
    }
}

fn customers() -> Vec<Fact> {
    let factor = CustomerFactor { sport: Some(SportId(0)), in_play: Some(true), factor_e3: 250 };
    let limit = OwnLimit {
        kind: OwnLimitKind::Stake,
        period: Period::Week,
        limit_minor: 5_000,
        next: Some(NextLimit { limit_minor: Some(6_000), from_ns: TIME_NS + 9 }),
    };
    let terms = CustomerTerms { factors: vec![factor], is_flagged: true, referral_stake_minor: Some(10_000) };
    vec![
        Fact::SwitchSet {
            scope: SwitchScope::Channel("shop".into()),
            switch: Some(Switch { owner: "m.rossi".into(), reason: "storm".into(), since_ns: TIME_NS }),
        },
        Fact::StandingSet {
            customer: CUSTOMER,
            standing: Standing::SelfExcluded(TIME_NS + 10),
            reason: "asked".into(),
        },
        Fact::CustomerTermsSet { customer: CUSTOMER, terms: Box::new(terms) },
        Fact::OwnLimitSet { customer: CUSTOMER, limit },
    ]
}

fn fixtures() -> Vec<Fact> {
    let selection = |name: &str, home: Grade, away: Grade| SpaceSelection {
        name: name.into(),
        grades: [home, away].into(),
    };
    let space = SpaceDefinition {
        name: "frame".into(),
        outcome_count: 2,
        views: vec![SpaceView { name: "winner".into(), cell_of_outcome: vec![0, 1] }],
        markets: vec![SpaceMarket {
            key: "winner".into(),
            view: 0,
            winners: 1,
            selections: vec![
                selection("home", Grade::WON, Grade::LOST),
                selection("away", Grade::LOST, Grade::WON),
            ],
        }],
    };
    let fixture = |fixture, format| {
        Fact::FixtureAdded(Box::new(FixtureRequest {
            fixture,
            format,
            competition: "cup".into(),
            start_ns: TIME_NS,
            home: "Argentina".into(),
            away: "France".into(),
            entrants: vec!["Messi".into()],
        }))
    };
    let football = FootballFormat {
        knockout: Some(Knockout { extra_time: true, ..Knockout::default() }),
        corners: true,
        cards: true,
        intervals: true,
        players: [2, 1],
    };
    let parameters = |fixture, sport, lists: &[(&str, &[f64])]| Fact::ParametersSet {
        fixture,
        parameters: SportParameters {
            sport,
            version: 1,
            lists: lists.iter().map(|&(name, list)| (name.into(), list.to_vec())).collect(),
        },
        by: "scout".into(),
        cause: "prices".into(),
    };
    let of = |format: Format| format.sport();
    let race = RacingFormat::standard(RaceKind::Horse, 3, false);
    vec![
        Fact::SpaceDefined(Box::new(space)),
        fixture(FOOTBALL, Format::Football(football)),
        fixture(TENNIS, Format::Tennis(TennisFormat::default())),
        fixture(RACE, Format::Racing(race)),
        fixture(FRAME, Format::Custom(SpaceId::of("frame"))),
        Fact::ExpectationSet {
            fixture: FOOTBALL,
            expectation: Some(Box::new(Expectation {
                mode: ExpectationMode::Blend,
                supremacy_e6: 250_000,
                total_e6: 2_600_000,
                weight_e3: 400,
                owner: "desk.alice".into(),
                since_ns: 7,
                feed: Some(SportParameters {
                    sport: SportId(0),
                    version: 1,
                    lists: vec![("means".into(), vec![1.4, 1.2])],
                }),
            })),
        },
        parameters(
            FOOTBALL,
            of(Format::FOOTBALL),
            &[
                ("goals", &[1.5, 1.25]),
                ("rho", &[-0.125]),
                ("corners", &[5.5, 4.5]),
                ("cards", &[2.5, 1.5]),
                ("shares_home", &[0.5, 0.25]),
                ("shares_away", &[0.75]),
                ("shootout_home", &[0.5]),
            ],
        ),
        parameters(
            TENNIS,
            of(Format::Tennis(TennisFormat::default())),
            &[("serve", &[0.625, 0.5]), ("prior_points", &[300.0])],
        ),
        parameters(
            RACE,
            of(Format::Racing(race)),
            &[("win", &[0.5, 0.25, 0.25]), ("exponents", &[0.75, 0.5, 0.25])],
        ),
        parameters(
            FRAME,
            of(Format::Custom(SpaceId::of("frame"))),
            &[("inputs", &[0.5]), ("probabilities", &[0.5, 0.5])],
        ),
    ]
}

fn play() -> Vec<Fact> {
    let taken =
        |fixture, incident| Fact::IncidentTaken { fixture, incident: Box::new(incident), interrupts: true };
    let football = |kind| Incident::Football(FootballIncident { kind, clock_ms: 600_000, score_after: None });
    let frame = CustomIncident {
        phase: LivePhase::InPlay,
        score: (70, 4),
        clock_ms: 12,
        period: "frame_2".into(),
        values: vec![-1, 147],
        possible: vec![(0, 2)],
        danger: Some(true),
    };
    vec![
        taken(FOOTBALL, football(FootballIncidentKind::KickOff)),
        taken(FOOTBALL, football(FootballIncidentKind::Goal(Side::Home))),
        taken(FOOTBALL, football(FootballIncidentKind::RedCard(Side::Away))),
        taken(TENNIS, Incident::Tennis(TennisIncidentKind::Start(Side::Home).into())),
        taken(TENNIS, Incident::Tennis(TennisIncidentKind::Point(Side::Away).into())),
        taken(RACE, Incident::Racing(RacingIncident::Withdrawn(2))),
        taken(RACE, Incident::Racing(RacingIncident::Off)),
        taken(FRAME, Incident::Custom(frame)),
    ]
}

/// A state in which nothing that is stored is empty. Its facts are made by hand, so that no model and no default changes it.
fn sample() -> Engine {
    let market = MarketId::of("1x2");
    let desk = MarketDesk {
        stops: MarketStops { by_desk: true, by_feed: true, by_move: true },
        is_locked: true,
        locked_odds_e4: vec![19_500, 0, 41_000],
        manual_odds_e4: Some(vec![19_000, 35_000, 40_000]),
        keeps_in_play: true,
        override_by: "m.rossi".into(),
        anchor_e9: vec![500_000_000, 250_000_000, 250_000_000],
    };
    let config = Config {
        skew_b_minor: Some(4_000_000),
        referral_stake_minor: Some(40_000),
        stake_windows: vec![StakeWindow {
            name: WindowName::new("day").expect("a short name"),
            per: WindowPer::Market,
            period_ms: 3_600_000,
            stake_minor_max: 5_000,
        }],
        sports: vec![SportSettings {
            sport: SportId(0),
            version: 1,
            values: vec![("first_half_share_e3".into(), 430)],
        }],
        ..Config::default()
    };
    let settings = ScopeSettings {
        loss_minor_max: Some(1_000_000),
        bet_delay_ms: Some(3_000),
        feed_silence_ms: Some(20_000),
        referral_stake_minor: Some(30_000),
        ..ScopeSettings::default()
    };
    let source = || "scout".to_owned();
    let [cash, open] = [AccountKind::CustomerCash(CUSTOMER), AccountKind::CustomerOpenStakes(CUSTOMER)];
    let mut facts = vec![
        Fact::EpochStarted { epoch: 7, back_ns: 0 },
        Fact::ReleaseStarted { release: "0.0.1".into(), config: Box::new(config) },
        Fact::ScopeSet { scope: Scope::Fixture(FOOTBALL), settings },
        Fact::SourceHeard { source: source(), numbered: Some((7, 0xfeed_beef)), expected: Some(6) },
        Fact::SourceAlive { source: source() },
        Fact::SourceRepeated { source: source(), is_lost: true },
        Fact::CustomerSet { customer: CUSTOMER, factor_e3: 500 },
    ];
    facts.extend(customers());
    facts.extend(fixtures());
    facts.extend(play());
    facts.extend([
        Fact::FixtureHeard { fixture: FOOTBALL, source: Some(source()) },
        Fact::StopsChanged {
            fixture: FOOTBALL,
            stops: StopSet::of(&[Stop::Model, Stop::Desk]),
            model_fault: Some(ModelFault::Failed),
        },
        Fact::StartWaived { fixture: FOOTBALL },
        Fact::MarketSet { fixture: FOOTBALL, market, desk: Some(Box::new(desk)), interrupts: true },
        Fact::GradesTold {
            fixture: FOOTBALL,
            market,
            grades: Some(vec![Grade::WON, Grade::LOST, Grade::VOID]),
            by_desk: true,
        },
        Fact::Graded {
            fixture: FOOTBALL,
            selections: vec![GradedSelection {
                selection: SelectionId::of("total:0.5", "over"),
                grade: Some(Grade::HALF_LOST),
            }],
        },
        Fact::FixtureVoided { fixture: RACE, void: VoidKind::Undecided, by_desk: true, interrupts: true },
        Fact::Booked { bookings: vec![booking(1, 0, BookingKind::Moved, AccountKind::Psp, cash)] },
        Fact::Booked { bookings: vec![booking(2, 0, BookingKind::Reserved, cash, open)] },
        ticket(100, TicketState::Open),
        ticket(101, TicketState::Delayed),
        ticket(102, TicketState::Refused(oddsengine_engine::Reason::NoPrice)),
        ticket(103, TicketState::Referred),
        ticket(104, TicketState::Reoffered(oddsengine_engine::Reason::OddsHaveMoved)),
        Fact::TicketStuck { ticket: TicketId(100) },
        Fact::ReviewSet { fixture: FOOTBALL, market: Some(market), why: Some("goal".into()) },
        Fact::ReviewSet { fixture: FOOTBALL, market: None, why: Some("stewards".into()) },
        Fact::ResultHeld { fixture: FOOTBALL, market, until_ns: Some(i64::MAX), is_correction: true },
        Fact::AnnulmentOrdered {
            number: 1,
            request: Box::new(AnnulmentRequest {
                annulment: 5,
                effect: AnnulmentEffect::VoidLegs,
                customer: Some(CUSTOMER),
                fixture: Some(FOOTBALL),
                market: Some(market),
                from_ns: Some(1),
                until_ns: Some(TIME_NS),
                why: "why".into(),
            }),
            is_until_given: true,
            forgotten: None,
        },
        Fact::ActionPending {
            action: Box::new(PendingAction {
                number: 1,
                origin: Origin::default(),
                body: Box::new(Body::CancelTicket { ticket: TicketId(100) }),
                asked_ns: TIME_NS,
                expires_ns: Some(TIME_NS + 1),
                ticket_count: 1,
                money_minor: 2,
            }),
        },
    ]);
    let command = Command { time_ns: TIME_NS, origin: Origin::default(), body: Body::Tick { read_ns: 0 } };
    let mut engine = Engine::default();
    engine.fold(&Record { command, facts }).expect("facts that were made to fit");
    engine
}

#[test]
fn the_layout_is_the_one_that_snapshots_name() {
    let engine = sample();
    assert!(!engine.tickets().is_empty() && !engine.sources().is_empty() && !engine.scopes().is_empty());
    assert!(engine.fixtures().iter().all(|fixture| fixture.live.phase() == LivePhase::InPlay));
    let bytes = engine.snapshot();
    let StateHash(hash) = StateHash::of(&bytes[SNAPSHOT_HEADER_SIZE..]);
    let layout = u64::from_be_bytes(hash[..8].try_into().expect("eight of sixteen"));
    assert_eq!(
        layout, SNAPSHOT_LAYOUT,
        "\nthe state is stored otherwise, or the same facts lead to another: write SNAPSHOT_LAYOUT = {layout:#018x} in crates/engine/src/state/snapshot.rs, \
         and run scripts/golden_journal.sh\n"
    );
    assert_eq!(bytes[..4], SNAPSHOT_VERSION.to_le_bytes());
    assert_eq!(bytes[4..12], SNAPSHOT_LAYOUT.to_le_bytes());
    assert_eq!(Engine::restore(&bytes).expect("it is one").snapshot(), bytes);
}

#[test]
fn another_version_or_layout_is_refused_with_a_sentence() {
    let refused = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = sample().snapshot();
        change(&mut bytes);
        Engine::restore(&bytes).expect_err("it is of another build").to_string()
    };
    let version = SNAPSHOT_VERSION + 1;
    let text = refused(&|bytes| bytes[..4].copy_from_slice(&version.to_le_bytes()));
    assert!(
        text.contains(&format!("it is of version {version}, and this build reads {SNAPSHOT_VERSION}")),
        "{text}"
    );
    let text = refused(&|bytes| bytes[4..12].copy_from_slice(&0xabcd_u64.to_le_bytes()));
    assert!(
        text.contains(&format!(
            "its layout is 000000000000abcd, and this build reads {SNAPSHOT_LAYOUT:016x}"
        )),
        "{text}"
    );
}
