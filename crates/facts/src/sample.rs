//! Values for tests, fuzzing and benches: every kind of command and of fact, with every variant and field that they can
//! have. A test holds them against the schema: every field and every value of every enum occurs.

use oddsengine_markets::custom::{CustomIncident, CustomState, SpaceMarket, SpaceSelection, SpaceView};
use oddsengine_markets::football::{
    CountKind, Credit, DepthIncident, FirstLeg, FootballDepth, FootballFormat, FootballIncident,
    FootballIncidentKind, FootballState, GoalFact, GoalOrder, Knockout, KnownDepth, MatchPeriod, Side,
};
use oddsengine_markets::racing::{
    PlaceTerms, RUNNERS_MAX, RaceKind, RaceStage, RacingFormat, RacingIncident, RacingState,
};
use oddsengine_markets::tennis::{
    BestOf, Ending, FinalSet, GameRecord, RetirementRule, ScoreAfter, Scoreboard, TennisFormat,
    TennisIncident, TennisIncidentKind, TennisScore, TennisState,
};
use oddsengine_markets::{Format, Incident, LivePhase, LiveState, MarketId, ModelFault, SelectionId};
use oddsengine_markets::{SpaceDefinition, SpaceId};
use oddsengine_types::bets::{Bet, Parts};
use oddsengine_types::{
    AccountKind, Currency, CustomerId, FixtureId, Grade, Ladder, SourceId, SportId, SportParameters,
    SportSettings, TicketId, TransferId,
};

use crate::acceptance::{
    CustomerFactor, CustomerTerms, Handling, NextLimit, Offer, OnLimit, OwnLimit, OwnLimitKind, Period,
    Referral, ReferralCause, Ruling, StakeWindow, Standing, Switch, SwitchScope, Verdict, WindowName,
    WindowPer, Wishes,
};
use crate::annulment::{
    ActionEnd, AnnulmentEffect, AnnulmentRequest, Certainty, CorrectionRule, HouseRules, PendingAction,
    ResultTold, TicketMarks,
};
use crate::command::{
    Body, Channel, Command, FixtureRequest, LegRequest, MoneyRequest, OddsChange, OddsVersion, Origin,
    PricedMarket, Principal, TicketRequest, VoidKind,
};
use crate::config::{Config, Margin, MarginKind, Scope, ScopeSettings, SettlementConfig};
use crate::fact::{Booking, BookingId, BookingKind, Fact, GradedLeg, GradedSelection, Weight};
use crate::market::MarketDesk;
use crate::market::{Expectation, ExpectationMode, PricedBy};
use crate::plan::{EachWayLeg, PlanRequest};
use crate::record::Record;
use crate::status::{Reason, TicketState};
use crate::stops::{MarketStops, Stop, StopSet, Stops};
use crate::ticket::{Leg, LimitCheck, LimitLevel, Place, Plan, Terms, Ticket, TicketChange};
use crate::whole::{BookedTransfer, ScopeSetting, WholeFixture, WholeMarket};

/// A moment in the final of 2022.
const TIME_NS: i64 = 1_671_379_200_123_456_789;
const FIXTURE: FixtureId = FixtureId(3_869_685);
const CUSTOMER: CustomerId = CustomerId(81_234);
const TICKET: TicketId = TicketId(0x0123_4567_89ab_cdef_0011_2233_4455_6677);
const TRANSFER: TransferId = TransferId(0x00ff_0000_0000_0000_0000_0000_0000_0001);
const VERSION: OddsVersion = OddsVersion { epoch: 7, seq: 1_234 };

/// A record a command body, a record a fact, and those of [`single_bet`], [`tick`] and [`goal`].
pub fn records() -> Vec<Record> {
    let origins = [
        Origin::default(),
        Origin {
            source: "recording.wc2022".into(),
            seq: Some(41),
            source_ns: TIME_NS - 80_000_000,
            channel: Channel::Feed,
            principal: Principal { key: "feed".into(), service: "scout".into(), staff: "anna".into() },
        },
        Origin { source: "desk".into(), channel: Channel::Desk, ..Origin::default() },
    ];
    let asked = bodies().into_iter().zip(origins.iter().cycle()).map(|(body, origin)| Record {
        command: Command { time_ns: TIME_NS, origin: origin.clone(), body },
        facts: Vec::new(),
    });
    let decided = facts().into_iter().map(|fact| Record { facts: vec![fact], ..tick() });
    asked.chain(decided).chain([single_bet(), tick(), goal()]).collect()
}

/// A single bet: asked, judged at seven limits, accepted, its stake moved in two bookings.
pub fn single_bet() -> Record {
    let request = TicketRequest {
        ticket: TICKET,
        customer: CUSTOMER,
        currency: Currency::EUR,
        stake_minor: 2_500,
        odds_change: OddsChange::Higher,
        legs: vec![LegRequest {
            fixture: FIXTURE,
            selection: SelectionId::of("1x2", "home"),
            odds_e4: 19_500,
            version: VERSION,
        }],
        wishes: Wishes::default(),
        plan: None,
    };
    let bookings = vec![
        booking(
            0,
            BookingKind::Moved,
            AccountKind::CustomerCash(CUSTOMER),
            AccountKind::CustomerOpenStakes(CUSTOMER),
        ),
        booking(2, BookingKind::Moved, AccountKind::BettingResult, AccountKind::Suspense),
    ];
    Record {
        command: Command {
            time_ns: TIME_NS,
            origin: Origin {
                source: "orders".into(),
                channel: Channel::Desk,
                principal: Principal::of_key("orders"),
                ..Origin::default()
            },
            body: Body::PlaceTicket(Box::new(request)),
        },
        facts: vec![
            Fact::Booked { bookings },
            Fact::TicketDecided { ticket: Box::new(ticket(TicketState::Open)), forgotten: None },
        ],
    }
}

/// Time passed, and nothing happened.
pub fn tick() -> Record {
    Record {
        command: Command {
            time_ns: TIME_NS,
            origin: Origin::default(),
            body: Body::Tick { read_ns: TIME_NS - 1_000_000 },
        },
        facts: Vec::new(),
    }
}

/// A goal: told, taken, its source heard, selections decided.
pub fn goal() -> Record {
    let incident = Incident::Football(FootballIncident {
        kind: FootballIncidentKind::Goal(Side::Home),
        clock_ms: 1_380_000,
        score_after: Some((1, 0)),
    });
    Record {
        command: Command {
            time_ns: TIME_NS,
            origin: Origin {
                source: "recording.wc2022".into(),
                seq: Some(1_047),
                source_ns: TIME_NS - 80_000_000,
                channel: Channel::Feed,
                principal: Principal::of_key("ingest"),
            },
            body: Body::Incident { fixture: FIXTURE, incident: incident.clone() },
        },
        facts: vec![
            Fact::SourceHeard {
                source: "recording.wc2022".into(),
                numbered: Some((1_047, 0xfeed_beef_0123_4567)),
                expected: None,
            },
            Fact::FixtureHeard { fixture: FIXTURE, source: Some("recording.wc2022".into()) },
            Fact::IncidentTaken { fixture: FIXTURE, incident: Box::new(incident), interrupts: true },
            Fact::Graded {
                fixture: FIXTURE,
                selections: vec![
                    GradedSelection {
                        selection: SelectionId::of("total:0.5", "over"),
                        grade: Some(Grade::WON),
                    },
                    GradedSelection {
                        selection: SelectionId::of("total:0.5", "under"),
                        grade: Some(Grade::LOST),
                    },
                    GradedSelection {
                        selection: SelectionId::of("correct_score", "0-0"),
                        grade: Some(Grade::LOST),
                    },
                ],
            },
        ],
    }
}

fn booking(number: u32, kind: BookingKind, debit: AccountKind, credit: AccountKind) -> Booking {
    let id = BookingId { source: SourceId(2), transaction: TICKET.0, number };
    Booking { id, kind, debit, credit, currency: Currency::EUR, amount_minor: 2_500 }
}

fn ticket(state: TicketState) -> Ticket {
    let check = |level| LimitCheck {
        level,
        leg: (level == LimitLevel::Market).then_some(0),
        limit_minor: 5_000_000,
        used_minor: 123_456,
        stake_minor_max: 987_654,
        window: None,
    };
    Ticket {
        id: TICKET,
        customer: CUSTOMER,
        terms: Terms {
            currency: Currency::EUR,
            plan: Plan::Single,
            bonus_minor: 0,
            free_minor: 0,
            rules: 1,
            jurisdiction: 0,
            bets: Vec::new(),
        },
        stake_minor: 2_500,
        odds_change: OddsChange::Higher,
        state,
        legs: vec![leg()],
        payout_minor_max: 4_875,
        paid_minor: 0,
        received_ns: TIME_NS,
        decided_ns: TIME_NS,
        due_ns: 0,
        settlement_count: 0,
        checks: LimitLevel::ALL[..7].iter().copied().map(check).collect(),
        request_hash: 0x9e37_79b9_7f4a_7c15,
        change: TicketChange { seq: 48_123, ..TicketChange::default() },
        closed_ns: 0,
        handling: None,
        marks: TicketMarks::default(),
    }
}

fn marks() -> TicketMarks {
    TicketMarks { void_by: vec![0, 7, 0], cancelled_by: 3, reinstated_count: 2, standing_legs: 5 }
}

fn annulment(effect: AnnulmentEffect) -> AnnulmentRequest {
    AnnulmentRequest {
        annulment: 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff,
        effect,
        customer: Some(CUSTOMER),
        fixture: Some(FIXTURE),
        market: Some(MarketId::of("1x2")),
        from_ns: Some(TIME_NS),
        until_ns: Some(TIME_NS + 18_000_000_000),
        why: "wrong price for 18 s".into(),
    }
}

fn result(certainty: Certainty) -> ResultTold {
    ResultTold {
        fixture: FIXTURE,
        market: MarketId::of("1x2"),
        grades: vec![Grade::WON, Grade::LOST, Grade::LOST],
        certainty,
        happened_ns: TIME_NS - 1,
        is_correction: true,
    }
}

fn leg() -> Leg {
    Leg {
        fixture: FIXTURE,
        selection: SelectionId::of("1x2", "home"),
        place: Place::default(),
        requested_odds_e4: 19_500,
        offered_odds_e4: 19_500,
        odds_e4: 19_500,
        fair_probability_e9: 487_654_321,
        quoted_version: VERSION,
        version: OddsVersion { seq: VERSION.seq + 1, ..VERSION },
        score: (1, 0),
        clock_ms: 1_380_000,
        interruptions: 3,
        place_fraction_of: 0,
        place_of: 0,
        grade: None,
        unit_minor: 2_500,
    }
}

/// Settled twice, on several legs, with everything set that a ticket can have.
fn full_ticket() -> Ticket {
    let dead_heat = Grade::new(1, 0, 3).expect("a grade");
    let graded = |grade| Leg { grade: Some(grade), unit_minor: -2_500, score: (2, 3), ..leg() };
    Ticket {
        terms: Terms {
            currency: Currency::parse("JPY").expect("a currency"),
            plan: Plan::Multiple,
            bonus_minor: 1_000,
            free_minor: 500,
            rules: 3,
            jurisdiction: 49,
            bets: Vec::new(),
        },
        odds_change: OddsChange::Within(150),
        legs: vec![graded(Grade::HALF_WON), graded(dead_heat), leg()],
        paid_minor: 7_312,
        due_ns: TIME_NS + 5_000_000_000,
        settlement_count: 2,
        change: TicketChange { seq: 50_001, seq_before: 48_123, was_settlement: true, paid_minor_before: -1 },
        closed_ns: TIME_NS + 7_000_000_000,
        marks: marks(),
        ..ticket(TicketState::Settled)
    }
}

fn money(transfer: TransferId) -> MoneyRequest {
    MoneyRequest { transfer, customer: CUSTOMER, amount_minor: 10_000, currency: Currency::EUR }
}

fn fixture(format: Format) -> FixtureRequest {
    FixtureRequest {
        fixture: FIXTURE,
        format,
        competition: "FIFA World Cup".into(),
        start_ns: TIME_NS,
        home: "Argentina".into(),
        away: "Côte d'Ivoire".into(),
        entrants: vec!["Messi".into(), "Drogba".into()],
    }
}

fn formats() -> Vec<Format> {
    let mut all = vec![
        Format::FOOTBALL,
        Format::Football(FootballFormat {
            knockout: Some(Knockout {
                first_leg: FirstLeg { home_goals: 1, away_goals: 2, away_goals_rule: true },
                extra_time: true,
            }),
            corners: true,
            cards: true,
            intervals: true,
            players: [23, 26],
        }),
        Format::Custom(SpaceId::of("snooker.frame")),
        Format::Racing(RacingFormat::standard(RaceKind::Greyhound, 6, false)),
        Format::Racing(RacingFormat {
            extra_terms: Some(PlaceTerms { places: 4, fraction_of: 5 }),
            ..RacingFormat::standard(RaceKind::Horse, 16, true)
        }),
    ];
    let tennis = |best_of, final_set, retirement| {
        Format::Tennis(TennisFormat { best_of, final_set, is_no_ad: best_of == BestOf::Five, retirement })
    };
    all.extend(
        FinalSet::ALL.map(|final_set| tennis(BestOf::Three, final_set, RetirementRule::AdvanceOnceStarted)),
    );
    all.extend(RetirementRule::ALL.map(|rule| tennis(BestOf::Five, FinalSet::Advantage, rule)));
    all
}

/// Incidents of every sport.
pub fn incidents() -> Vec<Incident> {
    use DepthIncident as Depth;
    use FootballIncidentKind as Football;
    use TennisIncidentKind as Tennis;
    let depth = [
        Depth::Corner(Side::Home),
        Depth::CornerCancelled(Side::Away),
        Depth::YellowCard(Side::Home),
        Depth::YellowCardCancelled(Side::Away),
        Depth::Counts(CountKind::Corners, [[1, 2], [3, 255]]),
        Depth::Counts(CountKind::Cards, [[0, 0], [0, 0]]),
        Depth::Scorer(1, Credit::Unknown),
        Depth::Scorer(2, Credit::OwnGoal),
        Depth::Scorer(3, Credit::Unlisted),
        Depth::Scorer(255, Credit::Player(255)),
        Depth::PlayerOn(Side::Home, 0),
        Depth::PlayerOff(Side::Away, 29),
        Depth::PlayerAbsent(Side::Home, 255),
        Depth::ExtraTime,
        Depth::ExtraHalfTime,
        Depth::ExtraSecondHalf,
        Depth::ExtraFullTime,
        Depth::Penalties,
        Depth::Penalty(Side::Home, true),
        Depth::PenaltyCancelled(Side::Away, false),
    ];
    let football = [
        Football::KickOff,
        Football::Goal(Side::Home),
        Football::GoalCancelled(Side::Away),
        Football::RedCard(Side::Home),
        Football::RedCardCancelled(Side::Away),
        Football::Stoppage(240_000),
        Football::HalfTime,
        Football::SecondHalf,
        Football::FullTime,
        Football::Clock,
        Football::Danger,
        Football::Safe,
        Football::Correction([[1, 0], [2, 65_535]]),
    ];
    let football = football.into_iter().chain(depth.map(Football::Depth)).enumerate().map(|(index, kind)| {
        let score_after = (index % 2 == 0).then_some((index as u16, 0));
        Incident::Football(FootballIncident { kind, clock_ms: index as i64 * 60_000, score_after })
    });
    let scoreboard = Scoreboard {
        sets: [[6, 4], [6, 7], [0, 0], [0, 0], [0, 0]],
        set_count: 3,
        points: [3, 2],
        server: Side::Away,
    };
    let tennis = [
        Tennis::Start(Side::Home),
        Tennis::Point(Side::Away),
        Tennis::PointCancelled(Side::Home),
        Tennis::Game(Side::Away),
        Tennis::Score(scoreboard),
        Tennis::Score(Scoreboard { sets: [[7, 6]; 5], set_count: 5, ..scoreboard }),
        Tennis::Retired(Side::Home),
        Tennis::RetirementCancelled,
        Tennis::WalkOver(Side::Away),
        Tennis::End,
        Tennis::Danger,
        Tennis::Safe,
    ];
    let tennis = tennis.into_iter().enumerate().map(|(index, kind)| {
        let told = |bit: usize| (index >> bit & 1 == 1).then_some([index as u8, 0]);
        let score_after = ScoreAfter { sets: told(0), games: told(1), points: told(2) };
        Incident::Tennis(TennisIncident { kind, clock_ms: index as i64, score_after })
    });
    let positions = |order: &[u8]| {
        let mut positions = [0; RUNNERS_MAX];
        positions[..order.len()].copy_from_slice(order);
        positions
    };
    let racing = [
        RacingIncident::Withdrawn(0),
        RacingIncident::Reinstated(255),
        RacingIncident::Off,
        RacingIncident::Recalled,
        RacingIncident::Result(positions(&[2, 0, 1, 1])),
        RacingIncident::Official,
        RacingIncident::Amended([40; RUNNERS_MAX]),
        RacingIncident::Void,
        RacingIncident::Danger,
        RacingIncident::Safe,
    ];
    let custom = [LivePhase::PreMatch, LivePhase::InPlay, LivePhase::Finished].map(|phase| CustomIncident {
        phase,
        score: (70, 4),
        clock_ms: 12,
        period: "frame_2".into(),
        values: vec![-1, 0, 147, i64::MIN, i64::MAX],
        possible: vec![(0, 3), (9, 65_535)],
        danger: (phase == LivePhase::InPlay).then_some(false),
    });
    let custom = custom.into_iter().chain([CustomIncident {
        phase: LivePhase::PreMatch,
        score: (0, 0),
        clock_ms: 0,
        period: String::new(),
        values: Vec::new(),
        possible: Vec::new(),
        danger: Some(true),
    }]);
    football.chain(tennis).chain(racing.map(Incident::Racing)).chain(custom.map(Incident::Custom)).collect()
}

fn space() -> SpaceDefinition {
    let selection =
        |name: &str, grades: [Grade; 2]| SpaceSelection { name: name.into(), grades: grades.into() };
    SpaceDefinition {
        name: "snooker.frame".into(),
        outcome_count: 2,
        views: vec![SpaceView { name: "winner".into(), cell_of_outcome: vec![0, 1] }; 2],
        markets: vec![SpaceMarket {
            key: "winner".into(),
            view: 1,
            winners: 1,
            selections: vec![
                selection("home", [Grade::WON, Grade::LOST]),
                selection("away", [Grade::LOST, Grade::WON]),
            ],
        }],
    }
}

fn config() -> Config {
    Config {
        skew_b_minor: Some(4_000_000),
        bets_while_owing: true,
        line_stake_minor_min: 25,
        settlement_delay_ms: 30_000,
        archive_after_ms: 3_600_000,
        archive_refused_after_ms: 60_000,
        referral_stake_minor: Some(100_000),
        referral_takes_unanswered: true,
        delay_skip_minor: 500,
        stake_windows: WindowPer::ALL
            .map(|per| StakeWindow {
                name: WindowName::new(per.name()).expect("a short name"),
                per,
                period_ms: 3_600_000,
                stake_minor_max: 10_000,
            })
            .into(),
        settlement: SettlementConfig {
            approval_above_minor: Some(0),
            approval_expires_ms: 3_600_000,
            provisional_pays_after_ms: 900_000,
            past_post_voids: true,
            rules: [
                CorrectionRule::Resettle,
                CorrectionRule::Stand,
                CorrectionRule::Goodwill,
                CorrectionRule::Within(3_600_000),
            ]
            .into_iter()
            .zip(1..)
            .map(|(correction, version)| HouseRules { version, correction })
            .collect(),
        },
        sports: vec![
            SportSettings {
                sport: SportId(0),
                version: 1,
                values: vec![("home_share_e4".into(), 4_500), ("rho_e4".into(), -1_300)],
            },
            SportSettings { sport: SportId(2), version: 1, values: Vec::new() },
        ],
        ..Config::default()
    }
}

fn scopes() -> Vec<(Scope, ScopeSettings)> {
    let margins = MarginKind::ALL.map(|method| Margin { method, booksum_e4: 10_650 });
    let market = MarketId::of("total:2.5");
    vec![
        (Scope::Sport(SportId(0)), ScopeSettings { margin: Some(margins[0]), ..ScopeSettings::default() }),
        (
            Scope::MarketType(SportId(3), "each_way".into()),
            ScopeSettings { margin: Some(margins[1]), ..ScopeSettings::default() },
        ),
        (
            Scope::Competition("FIFA World Cup".into()),
            ScopeSettings { margin: Some(margins[2]), ..ScopeSettings::default() },
        ),
        (Scope::Fixture(FIXTURE), ScopeSettings { margin: Some(margins[3]), ..ScopeSettings::default() }),
        (
            Scope::Market(FIXTURE, market),
            ScopeSettings {
                margin: None,
                loss_minor_max: Some(0),
                bet_delay_ms: Some(8_000),
                feed_silence_ms: Some(0),
                referral_stake_minor: Some(40_000),
            },
        ),
        // A sport that this build does not have comes back as it was.
        (Scope::Sport(SportId(200)), ScopeSettings::default()),
    ]
}

const FAULTS: [ModelFault; 5] = [
    ModelFault::Failed,
    ModelFault::NotAProbability,
    ModelFault::WrongSum,
    ModelFault::Impossible,
    ModelFault::TooSlow,
];

const VOIDS: [VoidKind; 3] = [VoidKind::Nothing, VoidKind::Everything, VoidKind::Undecided];

/// Command bodies of every kind.
pub fn bodies() -> Vec<Body> {
    let market = MarketId::of("1x2");
    let mut all = vec![
        Body::EpochStarted { epoch: 7 },
        Body::SetPrices {
            fixture: FIXTURE,
            prices: vec![
                PricedMarket { market, odds_e4: vec![19_500, 0, 41_000] },
                PricedMarket { market: MarketId::of("total:2.5"), odds_e4: Vec::new() },
            ],
        },
        Body::SetExpectation {
            fixture: FIXTURE,
            supremacy_e6: -350_000,
            total_e6: 2_650_000,
            mode: None,
            weight_e3: 0,
        },
        Body::SetExpectation {
            fixture: FIXTURE,
            supremacy_e6: 150_000,
            total_e6: -100_000,
            mode: Some(ExpectationMode::Blend),
            weight_e3: 250,
        },
        Body::SetExpectation {
            fixture: FIXTURE,
            supremacy_e6: 0,
            total_e6: -100_000,
            mode: Some(ExpectationMode::Offset),
            weight_e3: 0,
        },
        Body::SetExpectation {
            fixture: FIXTURE,
            supremacy_e6: 0,
            total_e6: 0,
            mode: Some(ExpectationMode::Release),
            weight_e3: 0,
        },
        Body::Suspend { fixture: FIXTURE, market: None },
        Body::Suspend { fixture: FIXTURE, market: Some(MarketId(0)) },
        Body::Resume { fixture: FIXTURE, market: Some(market), lifts: StopSet::default() },
        Body::Resume { fixture: FIXTURE, market: None, lifts: StopSet::of(Stop::ALL) },
        Body::SetManualOdds {
            fixture: FIXTURE,
            market,
            odds_e4: Some(vec![19_000, 0, 42_000]),
            keeps_in_play: true,
            override_by: "m.rossi".into(),
        },
        Body::SetManualOdds {
            fixture: FIXTURE,
            market,
            odds_e4: None,
            keeps_in_play: false,
            override_by: String::new(),
        },
        Body::LockMarket { fixture: FIXTURE, market, locked: true, keeps_in_play: true },
        Body::SettleMarket {
            fixture: FIXTURE,
            market,
            grades: Some(vec![Grade::WON, Grade::LOST, Grade::VOID]),
        },
        Body::SettleMarket { fixture: FIXTURE, market, grades: Some(Vec::new()) },
        Body::SettleMarket { fixture: FIXTURE, market, grades: None },
        Body::SetCustomer { customer: CustomerId(u64::MAX), factor_e3: 250 },
        Body::Deposit(money(TRANSFER)),
        Body::Withdraw(money(TransferId(0))),
        Body::CancelTicket { ticket: TICKET },
        tick().command.body,
        Body::Tick { read_ns: -1 },
        Body::DefineSpace(Box::new(space())),
        Body::SetModelInputs { fixture: FIXTURE, inputs: vec![0.0, -0.0, 1.5, f64::INFINITY] },
        Body::SetProbabilities { fixture: FIXTURE, probabilities: vec![0.25, 0.75] },
        Body::Heartbeat,
        Body::ResetSource { source: "recording.wc2022".into() },
        Body::Reprice { fixture: FIXTURE },
        Body::Halt { fixture: FIXTURE, ends: false },
        Body::Halt { fixture: FIXTURE, ends: true },
        Body::RecallTickets { tickets: vec![full_ticket(), ticket(TicketState::Cancelled)] },
        Body::RecallFixtures { fixtures: whole_fixtures() },
        Body::RecallMoney { transfer: booked_transfer() },
        Body::TakeBackAnnulment { annulment: u128::MAX },
        Body::SetReview { fixture: FIXTURE, market: Some(market), why: Some("goal under review".into()) },
        Body::SetReview { fixture: FIXTURE, market: None, why: None },
        Body::Approve { action: 1 },
        Body::Decline { action: u32::MAX },
        Body::ReleaseStarted { release: "0.1.0".into(), config: Box::new(Config::default()) },
    ];
    all.extend(FAULTS.map(|fault| Body::ModelFailed { fixture: FIXTURE, fault }));
    all.extend(VOIDS.map(|void| Body::VoidFixture { fixture: FIXTURE, void }));
    all.extend(AnnulmentEffect::ALL.map(|effect| Body::Annul(Box::new(annulment(effect)))));
    all.extend(Certainty::ALL.map(|certainty| Body::TellResult(Box::new(result(certainty)))));
    all.extend(
        Ladder::ALL.into_iter().map(|ladder| Body::Configure(Box::new(Config { ladder, ..config() }))),
    );
    all.extend(scopes().into_iter().map(|(scope, settings)| Body::SetScope { scope, settings }));
    all.extend(formats().into_iter().map(|format| Body::AddFixture(Box::new(fixture(format)))));
    all.extend(incidents().into_iter().map(|incident| Body::Incident { fixture: FIXTURE, incident }));
    let changes = [OddsChange::None, OddsChange::Higher, OddsChange::Any, OddsChange::Within(u32::MAX)];
    all.extend(changes.map(|odds_change| {
        let leg = |selection| LegRequest { fixture: FIXTURE, selection, odds_e4: 20_100, version: VERSION };
        let legs = ["over", "under"].map(|name| leg(SelectionId::of("total:2.5", name))).into();
        Body::PlaceTicket(Box::new(TicketRequest {
            ticket: TICKET,
            customer: CUSTOMER,
            currency: Currency::EUR,
            stake_minor: 1,
            odds_change,
            legs,
            plan: None,
            wishes: Wishes { on_limit: OnLimit::Part, reoffers_odds: true, part_minor_min: 100 },
        }))
    }));
    all.extend(plans().map(|plan| {
        let leg = LegRequest {
            fixture: FIXTURE,
            selection: SelectionId::of("win", "r1"),
            odds_e4: 90_000,
            version: VERSION,
        };
        Body::PlaceTicket(Box::new(TicketRequest {
            ticket: TICKET,
            customer: CUSTOMER,
            currency: Currency::EUR,
            stake_minor: 0,
            odds_change: OddsChange::None,
            legs: vec![leg; 3],
            plan: Some(Box::new(plan)),
            wishes: Wishes { on_limit: OnLimit::Refuse, reoffers_odds: true, part_minor_min: 0 },
        }))
    }));
    all.extend(switch_scopes().into_iter().map(|scope| Body::SetSwitch {
        scope,
        is_off: true,
        reason: "a storm".into(),
    }));
    all.extend(STANDINGS.map(|standing| Body::SetStanding {
        customer: CUSTOMER,
        standing,
        reason: "asked for it".into(),
    }));
    all.push(Body::SetCustomerTerms { customer: CUSTOMER, terms: terms() });
    for kind in OwnLimitKind::ALL {
        all.extend(Period::ALL.map(|period| Body::SetOwnLimit {
            customer: CUSTOMER,
            kind,
            period,
            limit_minor: (period != Period::Week).then_some(50_000),
        }));
        all.push(Body::ConfirmOwnLimit { customer: CUSTOMER, kind, period: Period::Month });
    }
    all.extend([true, false].map(|takes| Body::AnswerOffer { ticket: TICKET, customer: CUSTOMER, takes }));
    all.extend(Verdict::ALL.map(|verdict| Body::RuleReferral {
        ticket: TICKET,
        ruling: Ruling { verdict, stake_minor: 500, odds_e4: vec![18_000, 21_000], note: "too much".into() },
    }));
    all
}

const STANDINGS: [Standing; 4] =
    [Standing::Active, Standing::Suspended, Standing::SelfExcluded(i64::MAX), Standing::Closed];

fn switch_scopes() -> Vec<SwitchScope> {
    let mut all =
        vec![SwitchScope::All, SwitchScope::Channel("app.web".into()), SwitchScope::Customer(CUSTOMER)];
    all.extend(scopes().into_iter().map(|(scope, _)| SwitchScope::Of(scope)));
    all
}

fn terms() -> CustomerTerms {
    CustomerTerms {
        factors: vec![
            CustomerFactor { sport: Some(SportId(0)), in_play: Some(true), factor_e3: 250 },
            CustomerFactor { sport: None, in_play: None, factor_e3: 0 },
        ],
        is_flagged: true,
        referral_stake_minor: Some(10_000),
    }
}

fn handling(verdict: Option<Verdict>) -> Handling {
    Handling {
        wishes: Wishes { on_limit: OnLimit::Reoffer, reoffers_odds: true, part_minor_min: 100 },
        asked_minor: 9_000,
        offer: Some(Offer {
            stake_minor: 2_500,
            odds_e4: vec![19_000],
            board_odds_e4: vec![18_500],
            due_ns: TIME_NS,
            reason: Reason::ExceedsMarketLimit,
            by: "desk.alice".into(),
            is_taken: true,
        }),
        referral: Some(Referral {
            cause: if verdict.is_none() { ReferralCause::Customer } else { ReferralCause::Stake },
            threshold_minor: 5_000,
            since_ns: TIME_NS,
            due_ns: TIME_NS,
            verdict,
            by: "desk.alice".into(),
            note: "too much".into(),
            decided_ns: TIME_NS,
        }),
        is_rebooked: true,
    }
}

/// Bets of every kind: with bankers, of several sizes, each-way on terms that are given and on those of the race.
fn plans() -> [PlanRequest; 2] {
    let bet = |parts| Bet {
        legs: 0b110,
        bankers: 0b1,
        sizes: 0b111,
        stake_minor: 250,
        stake_of: 1,
        parts,
        bonus: 0,
    };
    let terms = Some(PlaceTerms { places: 3, fraction_of: 5 });
    [
        PlanRequest {
            bets: Parts::ALL.map(bet).into(),
            each_way: vec![EachWayLeg { leg: 0, terms }, EachWayLeg { leg: 2, terms: None }],
        },
        PlanRequest {
            bets: vec![Bet {
                legs: u64::MAX >> 1,
                bankers: 0,
                stake_of: 3,
                bonus: 65_535,
                ..bet(Parts::Win)
            }],
            each_way: Vec::new(),
        },
    ]
}

/// Open, each-way on two of three legs: the first is graded, and its place waits.
fn ticket_of_bets() -> Ticket {
    let places = [0, 2].map(|place_of| Leg { place_fraction_of: 5, place_of, ..leg() });
    let mut legs = vec![Leg { grade: Some(Grade::LOST), unit_minor: 0, ..leg() }, leg(), leg()];
    legs.extend(places);
    let known = ticket(TicketState::Open);
    Ticket {
        terms: Terms { plan: Plan::EachWay, bets: plans()[0].bets.clone(), ..known.terms.clone() },
        legs,
        ..known
    }
}

fn booked_transfer() -> BookedTransfer {
    BookedTransfer { request: money(TRANSFER), is_deposit: true, collected_minor: 1_500 }
}

fn whole_fixture(format: Format, live: LiveState) -> WholeFixture {
    WholeFixture {
        request: fixture(format),
        live,
        parameters: Some(SportParameters {
            sport: SportId(0),
            version: 1,
            lists: vec![("rates".into(), vec![1.5, -0.0, f64::MIN_POSITIVE])],
        }),
        priced_by: PricedBy { by: "scout".into(), cause: "prices".into(), at_ns: 1_668_960_134_796_000_000 },
        expectation: Some(Expectation {
            mode: ExpectationMode::Offset,
            supremacy_e6: 1,
            total_e6: -1,
            weight_e3: 0,
            owner: "desk.alice".into(),
            since_ns: 1,
            feed: None,
        }),
        stops: Stops { set: StopSet::of(&[Stop::Desk, Stop::Model]), model_fault: Some(ModelFault::TooSlow) },
        interruptions: 7,
        fed_by: "recording.wc2022".into(),
        is_start_waived: true,
        is_void_by_desk: true,
        void: VoidKind::Undecided,
        version: 1_234,
        grades: vec![GradedSelection { selection: SelectionId::of("1x2", "home"), grade: Some(Grade::WON) }],
        markets: vec![WholeMarket {
            market: MarketId::of("1x2"),
            interruptions: 3,
            desk: Some(MarketDesk { is_locked: true, locked_odds_e4: vec![19_500], ..MarketDesk::default() }),
            told_grades: Some(vec![Grade::WON, Grade::LOST]),
            is_told_by_desk: true,
        }],
        archived_count: 300,
        scopes: scopes().into_iter().map(|(scope, settings)| ScopeSetting { scope, settings }).collect(),
    }
}

/// Fixtures of every sport, at every place that a state can be in.
fn whole_fixtures() -> Vec<WholeFixture> {
    let football =
        FootballFormat { corners: true, cards: true, intervals: true, players: [23, 26], knockout: None };
    let depth = FootballDepth::of_known(&KnownDepth {
        corners: [[1, 2], [3, 4]],
        cards: [[0, 1], [2, 0]],
        extra_goals: [1, 0],
        has_extra_time: true,
        penalties_scored: [4, 2],
        penalties_taken: [4, 3],
        goals: [Credit::Unknown, Credit::OwnGoal, Credit::Unlisted, Credit::Player(0), Credit::Player(29)]
            .map(|credit| GoalFact::new(8).credited(credit))
            .to_vec(),
        home_on: vec![1, 0, 4],
        away_on: vec![2],
        home_off: 1 << 2,
        away_off: 1,
    });
    let match_of = |period| {
        let state = FootballState {
            period,
            goals: [[1, 2], [1, 1]],
            order: GoalOrder { away_bits: 0b10110, count: 5 },
            red_cards: [1, 2],
            clock_ms: 5_400_000,
            announced_ms: [Some(60_000), Some(0)],
            format: football,
            depth: depth.expect("few enough"),
        };
        whole_fixture(Format::Football(football), LiveState::Football(state))
    };
    use MatchPeriod as Period;
    let mut all: Vec<WholeFixture> = [
        Period::PreMatch,
        Period::FirstHalf,
        Period::HalfTime,
        Period::SecondHalf,
        Period::FullTime,
        Period::ExtraFirstHalf,
        Period::ExtraHalfTime,
        Period::ExtraSecondHalf,
        Period::ExtraFullTime,
        Period::Penalties,
    ]
    .map(match_of)
    .to_vec();
    let mut score = TennisScore { games: [[6, 4], [3, 6], [1, 0], [0, 0], [0, 0]], ..TennisScore::default() };
    (score.sets_played, score.points, score.server) = (2, [3, 2], Some(Side::Away));
    score.records[0][0] = GameRecord { points: [4, 2] };
    score.records[2][0] = GameRecord::won_by(Side::Home);
    all.extend([Ending::Play, Ending::Retired(Side::Home), Ending::WalkOver(Side::Away)].map(|ending| {
        let state = TennisState {
            is_started: true,
            ending,
            score,
            served: [31, 28],
            served_won: [20, 17],
            clock_ms: 5_000_000,
            ..TennisState::default()
        };
        whole_fixture(Format::Tennis(state.format), LiveState::Tennis(Box::new(state)))
    }));
    let race = RacingFormat::standard(RaceKind::Horse, 16, true);
    let stages =
        [RaceStage::BeforeOff, RaceStage::Running, RaceStage::Result, RaceStage::Official, RaceStage::Void];
    all.extend(stages.map(|stage| {
        let mut state = RacingState { stage, ..RacingState::new(&race) };
        state.withdrawn.bits = 0b1010;
        (state.positions[0], state.positions[15]) = (1, 2);
        whole_fixture(Format::Racing(race), LiveState::Racing(state))
    }));
    let custom = CustomState {
        outcome_count: 9,
        phase: LivePhase::Finished,
        score: (5, 3),
        clock_ms: 1_000,
        period: "frame".into(),
        values: vec![-1, 0, 7],
        possible: vec![(3, 4)],
    };
    all.push(whole_fixture(Format::Custom(SpaceId::of("snooker.frame")), LiveState::Custom(custom)));
    // Of nothing but its announcement.
    all.push(WholeFixture {
        parameters: None,
        priced_by: PricedBy::default(),
        expectation: None,
        stops: Stops::default(),
        interruptions: 0,
        fed_by: String::new(),
        is_start_waived: false,
        is_void_by_desk: false,
        void: VoidKind::Everything,
        version: 0,
        grades: Vec::new(),
        markets: vec![WholeMarket {
            market: MarketId::of("1x2"),
            interruptions: 0,
            desk: None,
            told_grades: None,
            is_told_by_desk: false,
        }],
        archived_count: 0,
        scopes: Vec::new(),
        ..whole_fixture(Format::FOOTBALL, LiveState::Football(FootballState::default()))
    });
    all
}

fn bookings() -> Vec<Booking> {
    let pending = BookingId { source: SourceId(1), transaction: TRANSFER.0, number: 0 };
    let mut all: Vec<Booking> = [
        AccountKind::CustomerCash(CustomerId(0)),
        AccountKind::CustomerOpenStakes(CUSTOMER),
        AccountKind::CustomerWithdrawalPending(CUSTOMER),
        AccountKind::CustomerReceivable(CUSTOMER),
        AccountKind::CustomerBonus(CustomerId(u64::MAX)),
        AccountKind::Psp,
        AccountKind::BettingResult,
        AccountKind::Suspense,
        AccountKind::BankSegregated,
        AccountKind::BankOperating,
        AccountKind::Commission,
        AccountKind::PromoFreeBet,
        AccountKind::PromoBoost,
        AccountKind::Goodwill,
        AccountKind::Chargeback,
        AccountKind::Fx,
        AccountKind::Dormant,
        AccountKind::TaxWithheld,
    ]
    .into_iter()
    .zip(0..)
    .map(|(account, number)| booking(number, BookingKind::Moved, AccountKind::Psp, account))
    .collect();
    for kind in
        [BookingKind::Reserved, BookingKind::Posted { pending }, BookingKind::Voided { pending: all[3].id }]
    {
        let (debit, credit) = (AccountKind::CustomerCash(CUSTOMER), AccountKind::BettingResult);
        all.push(Booking { id: BookingId { number: 1, ..pending }, ..booking(1, kind, debit, credit) });
    }
    // Whatever numbers instructions one day comes back as it was.
    all.push(Booking { id: BookingId { source: SourceId(u16::MAX), transaction: 0, number: 0 }, ..all[0] });
    all.push(Booking { id: BookingId::default(), amount_minor: i64::MAX, ..all[0] });
    all
}

/// Facts of every kind.
pub fn facts() -> Vec<Fact> {
    let market = MarketId::of("1x2");
    let source = || "recording.wc2022".to_owned();
    let desk = MarketDesk {
        stops: MarketStops { by_desk: true, by_feed: true, by_move: true },
        is_locked: true,
        locked_odds_e4: vec![19_500, 0, 41_000],
        manual_odds_e4: Some(vec![19_000, 35_000]),
        keeps_in_play: true,
        override_by: "m.rossi".into(),
        anchor_e9: vec![500_000_000, 250_000_000],
    };
    let mut all = vec![
        Fact::EpochStarted { epoch: 8, back_ns: -3_600_000_000_000 },
        Fact::ReleaseStarted { release: "0.1.0".into(), config: Box::new(config()) },
        Fact::Configured(Box::default()),
        Fact::SpaceDefined(Box::new(space())),
        Fact::FixtureAdded(Box::new(fixture(formats()[1]))),
        Fact::ParametersSet {
            fixture: FIXTURE,
            parameters: SportParameters {
                sport: SportId(0),
                version: 1,
                lists: vec![("means".into(), vec![1.43, 1.17]), ("inputs".into(), Vec::new())],
            },
            by: "scout".into(),
            cause: "prices".into(),
        },
        Fact::ExpectationSet { fixture: FIXTURE, expectation: None },
        Fact::ExpectationSet {
            fixture: FIXTURE,
            expectation: Some(Box::new(Expectation {
                mode: ExpectationMode::Hold,
                supremacy_e6: -350_000,
                total_e6: 2_650_000,
                weight_e3: 1,
                owner: "desk.alice".into(),
                since_ns: 1_668_960_134_796_000_000,
                feed: Some(SportParameters { sport: SportId(0), version: 1, lists: Vec::new() }),
            })),
        },
        Fact::StopsChanged { fixture: FIXTURE, stops: StopSet::default(), model_fault: None },
        Fact::FixtureHeard { fixture: FIXTURE, source: None },
        Fact::StartWaived { fixture: FIXTURE },
        Fact::MarketSet { fixture: FIXTURE, market, desk: None, interrupts: false },
        Fact::MarketSet { fixture: FIXTURE, market, desk: Some(Box::new(desk)), interrupts: true },
        Fact::MarketSet { fixture: FIXTURE, market, desk: Some(Box::default()), interrupts: true },
        Fact::Interrupted { fixture: FIXTURE },
        Fact::GradesTold { fixture: FIXTURE, market, grades: None, by_desk: false },
        Fact::GradesTold { fixture: FIXTURE, market, grades: Some(vec![Grade::HALF_LOST]), by_desk: true },
        Fact::Graded {
            fixture: FIXTURE,
            selections: vec![GradedSelection { selection: SelectionId::of("1x2", "draw"), grade: None }],
        },
        Fact::AnnulmentOrdered {
            number: 7,
            request: Box::new(annulment(AnnulmentEffect::CancelTickets)),
            is_until_given: true,
            forgotten: Some(1),
        },
        Fact::AnnulmentTakenBack { number: 7 },
        Fact::AnnulmentAdvanced { number: 7, changed: 4, next: Some(TicketId(7)) },
        Fact::AnnulmentAdvanced { number: 7, changed: 0, next: None },
        Fact::TicketMarked { ticket: TICKET, marks: marks() },
        Fact::TicketReinstated { ticket: TICKET },
        Fact::ReviewSet { fixture: FIXTURE, market: Some(market), why: Some("stewards".into()) },
        Fact::ReviewSet { fixture: FIXTURE, market: None, why: None },
        Fact::ResultHeld { fixture: FIXTURE, market, until_ns: Some(i64::MAX), is_correction: true },
        Fact::ResultHeld { fixture: FIXTURE, market, until_ns: None, is_correction: false },
        Fact::ActionPending {
            action: Box::new(PendingAction {
                number: 9,
                origin: Origin { source: "desk".into(), channel: Channel::Desk, ..Origin::default() },
                body: Box::new(Body::CancelTicket { ticket: TICKET }),
                asked_ns: TIME_NS,
                expires_ns: Some(TIME_NS + 1),
                ticket_count: 1,
                money_minor: 4_875,
            }),
        },
        Fact::ActionEnded { number: 9, end: ActionEnd::Approved },
        Fact::ActionEnded { number: 9, end: ActionEnd::Declined },
        Fact::ActionEnded { number: 9, end: ActionEnd::Expired },
        Fact::CustomerSet { customer: CUSTOMER, factor_e3: 0 },
        Fact::CustomerSet { customer: CUSTOMER, factor_e3: 1_000 },
        Fact::TicketDecided { ticket: Box::new(full_ticket()), forgotten: Some(TicketId(u128::MAX)) },
        Fact::TicketDecided { ticket: Box::new(ticket_of_bets()), forgotten: None },
        Fact::TicketDecided {
            ticket: Box::new(Ticket {
                terms: Terms {
                    plan: Plan::System,
                    bets: plans()[1].bets.clone(),
                    ..ticket(TicketState::Open).terms
                },
                ..ticket(TicketState::Open)
            }),
            forgotten: None,
        },
        Fact::DelayEnded { ticket: TICKET },
        Fact::TicketHeld { ticket: TICKET, due_ns: TIME_NS },
        Fact::LegsGraded {
            ticket: TICKET,
            legs: vec![
                GradedLeg { grade: Some(Grade::WON), unit_minor: 2_500 },
                GradedLeg { grade: None, unit_minor: 0 },
            ],
        },
        Fact::Weighed { weights: vec![Weight { ticket: TICKET, units_minor: vec![10_000, -1, 0] }] },
        Fact::WeighingAdvanced {
            fixture: FIXTURE,
            weights: vec![Weight { ticket: TICKET, units_minor: vec![10_000, -1] }],
            next: Some(TicketId(7)),
        },
        Fact::WeighingAdvanced { fixture: FIXTURE, weights: Vec::new(), next: None },
        Fact::SettlingAdvanced {
            fixture: FIXTURE,
            selection: SelectionId::of("1x2", "draw"),
            next: Some(TicketId(7)),
        },
        Fact::SettlingAdvanced { fixture: FIXTURE, selection: SelectionId::of("1x2", "draw"), next: None },
        Fact::TicketsArchived { tickets: vec![TICKET, TicketId(u128::MAX)] },
        Fact::ArchivingPutOff { tickets: vec![TICKET] },
        Fact::TicketRecalled { ticket: Box::new(full_ticket()) },
        Fact::FixturesArchived { fixtures: vec![FIXTURE, FixtureId(u64::MAX)] },
        Fact::FixturesPutOff { fixtures: vec![FIXTURE] },
        Fact::MoneyArchived { transfers: vec![TRANSFER, TransferId(u128::MAX)] },
        Fact::MoneyRecalled { transfer: booked_transfer() },
        Fact::TicketPaid { ticket: TICKET, paid_minor: 4_875, takes_back: true },
        Fact::TicketReopened { ticket: TICKET },
        Fact::PaymentDue { ticket: TICKET, due_ns: Some(TIME_NS) },
        Fact::PaymentDue { ticket: TICKET, due_ns: Some(0) },
        Fact::PaymentDue { ticket: TICKET, due_ns: None },
        Fact::TicketStuck { ticket: TICKET },
        Fact::TicketCancelled { ticket: TicketId(0) },
        Fact::Booked { bookings: bookings() },
        Fact::MoneyRefused { request: money(TRANSFER), reason: Reason::BalanceTooSmall },
        Fact::TicketConflict { ticket: TICKET },
        Fact::SourceHeard { source: source(), numbered: None, expected: None },
        Fact::SourceHeard { source: source(), numbered: Some((0, 0)), expected: Some(u64::MAX) },
        Fact::SourceRepeated { source: source(), is_lost: true },
        Fact::SourceLost { source: source() },
        Fact::SourceAlive { source: source() },
        Fact::SourceReset { source: source() },
        Fact::SourcesForgotten { sources: vec!["a".into(), String::new()] },
        Fact::Alerted {
            alert: "feed_lost".into(),
            fixture: Some(FIXTURE),
            message: "no word for 16 s".into(),
        },
        Fact::Alerted { alert: String::new(), fixture: None, message: String::new() },
    ];
    let fact = |stops, model_fault| Fact::StopsChanged { fixture: FIXTURE, stops, model_fault };
    all.extend(Stop::ALL.iter().map(|&stop| fact(StopSet::of(&[stop]), None)));
    all.extend(FAULTS.map(|fault| fact(StopSet::of(&[Stop::Model, Stop::Desk]), Some(fault))));
    all.extend(VOIDS.map(|void| {
        let is_desk = void == VoidKind::Everything;
        Fact::FixtureVoided { fixture: FIXTURE, void, by_desk: is_desk, interrupts: is_desk }
    }));
    all.extend(
        whole_fixtures().into_iter().map(|fixture| Fact::FixtureRecalled { fixture: Box::new(fixture) }),
    );
    all.extend(scopes().into_iter().map(|(scope, settings)| Fact::ScopeSet { scope, settings }));
    all.extend(incidents().into_iter().map(|incident| Fact::IncidentTaken {
        fixture: FIXTURE,
        incident: Box::new(incident),
        interrupts: false,
    }));
    let refused =
        |&reason: &Reason| Fact::Refused { reason, detail: format!("refused for {}", reason.name()) };
    all.extend(Reason::ALL.iter().map(refused));
    let states = [TicketState::Delayed, TicketState::Refused(Reason::NoPrice), TicketState::Cancelled];
    all.extend(states.map(|state| Fact::TicketDecided { ticket: Box::new(ticket(state)), forgotten: None }));
    let states = [TicketState::Referred, TicketState::Reoffered(Reason::OddsHaveMoved), TicketState::Open];
    all.extend(states.into_iter().zip([None, Some(Verdict::Counter), Some(Verdict::Expire)]).map(
        |(state, verdict)| {
            let mut ticket = Ticket { handling: Some(Box::new(handling(verdict))), ..ticket(state) };
            let check = ticket.checks[0];
            ticket.checks.extend(LimitLevel::ALL[7..].iter().map(|&level| LimitCheck {
                level,
                window: (level == LimitLevel::Window).then(|| WindowName::new("day").expect("a short name")),
                ..check
            }));
            Fact::TicketDecided { ticket: Box::new(ticket), forgotten: None }
        },
    ));
    all.extend(switch_scopes().into_iter().map(|scope| Fact::SwitchSet {
        scope,
        switch: Some(Switch { owner: "desk.alice".into(), reason: "a storm".into(), since_ns: TIME_NS }),
    }));
    all.push(Fact::SwitchSet { scope: SwitchScope::All, switch: None });
    all.extend(STANDINGS.map(|standing| Fact::StandingSet {
        customer: CUSTOMER,
        standing,
        reason: "asked for it".into(),
    }));
    all.push(Fact::CustomerTermsSet { customer: CUSTOMER, terms: Box::new(terms()) });
    all.extend(OwnLimitKind::ALL.map(|kind| Fact::OwnLimitSet {
        customer: CUSTOMER,
        limit: OwnLimit {
            kind,
            period: Period::Week,
            limit_minor: 5_000,
            next: Some(NextLimit {
                limit_minor: (kind != OwnLimitKind::Loss).then_some(6_000),
                from_ns: TIME_NS,
            }),
        },
    }));
    all.push(Fact::OwnLimitEnded { customer: CUSTOMER, kind: OwnLimitKind::Loss, period: Period::Day });
    all
}
