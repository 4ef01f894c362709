//! Facts: what was decided. Folding them makes the state; they are also what is told, journaled and archived.
//!
//! A fact names things (fixtures, markets, selections, tickets, accounts by their ids) and carries every value that was
//! decided, so that nobody who folds it decides anything: no price, no limit, no default. Adding a kind of fact, or a field
//! to one, is how the format grows; none changes its meaning (`docs/journal.md`).

use oddsengine_markets::{Incident, MarketId, ModelFault, SelectionId, SpaceDefinition};
use oddsengine_types::{
    AccountKind, Currency, CustomerId, FixtureId, Grade, SourceId, SportParameters, TicketId, TransferId,
};

use crate::acceptance::{CustomerTerms, OwnLimit, OwnLimitKind, Period, Standing, Switch, SwitchScope};
use crate::annulment::{ActionEnd, AnnulmentRequest, PendingAction, TicketMarks};
use crate::command::{FixtureRequest, MoneyRequest, VoidKind};
use crate::config::{Config, Scope, ScopeSettings};
use crate::market::{Expectation, MarketDesk};
use crate::status::Reason;
use crate::stops::StopSet;
use crate::ticket::Ticket;
use crate::whole::{BookedTransfer, WholeFixture};

/// One thing that is so from now on.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// A process started: odds versions of earlier epochs are no longer known, and no feed has been heard.
    EpochStarted {
        /// The new epoch.
        epoch: u32,
        /// How far the journal's time goes back to the clock that counts now; what is yet to come stays as far away.
        back_ns: i64,
    },
    /// A release started to write this journal, with this configuration in force, every default in it spelt out.
    ReleaseStarted {
        /// The release: its version.
        release: String,
        /// The configuration in force.
        config: Box<Config>,
    },
    /// The platform configuration, every default in it spelt out.
    Configured(Box<Config>),
    /// Settings of a scope; without any they are inherited again.
    ScopeSet {
        /// Where.
        scope: Scope,
        /// What.
        settings: ScopeSettings,
    },
    /// An outcome space is defined as data.
    SpaceDefined(Box<SpaceDefinition>),
    /// A fixture is known.
    FixtureAdded(Box<FixtureRequest>),
    /// What a fixture's model computes from.
    ParametersSet {
        /// The fixture.
        fixture: FixtureId,
        /// The parameters.
        parameters: SportParameters,
        /// The source that set them; empty in records that do not say it.
        by: String,
        /// By which command.
        cause: String,
    },
    /// A trader's expectation stands until it is released, or what feeds say beside it is another; or none stands any more.
    ExpectationSet {
        /// The fixture.
        fixture: FixtureId,
        /// The expectation.
        expectation: Option<Box<Expectation>>,
    },
    /// Something happened on the field of play.
    IncidentTaken {
        /// The fixture.
        fixture: FixtureId,
        /// What.
        incident: Box<Incident>,
        /// Bets that wait out their delay are refused for it.
        interrupts: bool,
    },
    /// Why trading of a fixture stands still from now on; nothing where it does not.
    StopsChanged {
        /// The fixture.
        fixture: FixtureId,
        /// All reasons.
        stops: StopSet,
        /// Why the model gave nothing, if it tried.
        model_fault: Option<ModelFault>,
    },
    /// A feed said how a fixture stands; nobody is named where a person looked and gave its feed its time once more.
    FixtureHeard {
        /// The fixture.
        fixture: FixtureId,
        /// Who spoke of it.
        source: Option<String>,
    },
    /// The scheduled start of a fixture means nothing.
    StartWaived {
        /// The fixture.
        fixture: FixtureId,
    },
    /// What is set on a market.
    MarketSet {
        /// The fixture.
        fixture: FixtureId,
        /// The market.
        market: MarketId,
        /// What; nothing where all is as the model has it.
        desk: Option<Box<MarketDesk>>,
        /// Bets on it that wait out their delay are refused for it.
        interrupts: bool,
    },
    /// Trading of a fixture was interrupted, and goes on.
    Interrupted {
        /// The fixture.
        fixture: FixtureId,
    },
    /// Grades of a market told instead of derived.
    GradesTold {
        /// The fixture.
        fixture: FixtureId,
        /// The market.
        market: MarketId,
        /// A grade per selection; nothing where they are derived again.
        grades: Option<Vec<Grade>>,
        /// By the desk: no feed changes it.
        by_desk: bool,
    },
    /// What of a fixture is void.
    FixtureVoided {
        /// The fixture.
        fixture: FixtureId,
        /// What.
        void: VoidKind,
        /// By the desk: no feed changes it.
        by_desk: bool,
        /// Bets that wait out their delay are refused for it.
        interrupts: bool,
    },
    /// Selections are decided, or no longer are.
    Graded {
        /// The fixture.
        fixture: FixtureId,
        /// Which, and how.
        selections: Vec<GradedSelection>,
    },
    /// A customer's share of the limits, in thousandths; 0 is blocked.
    CustomerSet {
        /// The customer.
        customer: CustomerId,
        /// The share.
        factor_e3: u32,
    },
    /// A switch is off; or on again.
    SwitchSet {
        /// What it stops.
        scope: SwitchScope,
        /// Who turned it off, and why; nothing where it is on.
        switch: Option<Switch>,
    },
    /// How a customer stands with the operator.
    StandingSet {
        /// The customer.
        customer: CustomerId,
        /// How.
        standing: Standing,
        /// Why.
        reason: String,
    },
    /// How the bets of a customer are looked at.
    CustomerTermsSet {
        /// The customer.
        customer: CustomerId,
        /// All of it.
        terms: Box<CustomerTerms>,
    },
    /// A limit that a customer set for themselves, with a higher one that waits.
    OwnLimitSet {
        /// The customer.
        customer: CustomerId,
        /// All of it.
        limit: OwnLimit,
    },
    /// A customer limits themselves no more in this.
    OwnLimitEnded {
        /// The customer.
        customer: CustomerId,
        /// What was limited.
        kind: OwnLimitKind,
        /// In which time.
        period: Period,
    },
    /// A ticket is accepted, refused, waits out its bet delay or for a trader, or something else is offered.
    TicketDecided {
        /// The ticket with the evidence.
        ticket: Box<Ticket>,
        /// A ticket that was refused long ago is forgotten for it.
        forgotten: Option<TicketId>,
    },
    /// The bet delay of a ticket ended: what it held in the books is given back, and it is decided anew.
    DelayEnded {
        /// The ticket.
        ticket: TicketId,
    },
    /// A ticket that could not be decided at the end of its delay waits a little longer.
    TicketHeld {
        /// The ticket.
        ticket: TicketId,
        /// Until when.
        due_ns: i64,
    },
    /// Legs of a ticket are graded, or no longer are.
    LegsGraded {
        /// The ticket.
        ticket: TicketId,
        /// Every leg, in order.
        legs: Vec<GradedLeg>,
    },
    /// What rides on the legs of tickets, weighed anew by the prices of their other legs.
    Weighed {
        /// The tickets whose weights moved.
        weights: Vec<Weight>,
    },
    /// The first of the fixtures whose accumulators are weighed in slices went on: a pass over all that have moved begins
    /// with the first of them.
    WeighingAdvanced {
        /// The fixture.
        fixture: FixtureId,
        /// The tickets whose weights moved.
        weights: Vec<Weight>,
        /// The accumulator on it that is weighed next; none where all are.
        next: Option<TicketId>,
    },
    /// The tickets on a selection that was graded are settled up to one of them.
    SettlingAdvanced {
        /// The fixture.
        fixture: FixtureId,
        /// The selection.
        selection: SelectionId,
        /// The ticket that is settled next; none where all are.
        next: Option<TicketId>,
    },
    /// A ticket is paid; nothing, if it lost.
    TicketPaid {
        /// The ticket.
        ticket: TicketId,
        /// Stake included.
        paid_minor: i64,
        /// An earlier settlement was taken back for it.
        takes_back: bool,
    },
    /// A settlement was taken back: the ticket is open again.
    TicketReopened {
        /// The ticket.
        ticket: TicketId,
    },
    /// A decided ticket's payment waits, since its result may be taken back; or no longer does.
    PaymentDue {
        /// The ticket.
        ticket: TicketId,
        /// Until when.
        due_ns: Option<i64>,
    },
    /// The ledger would not settle a ticket: it stays as it is until a fixture of it is graded again.
    TicketStuck {
        /// The ticket.
        ticket: TicketId,
    },
    /// A ticket is withdrawn.
    TicketCancelled {
        /// The ticket.
        ticket: TicketId,
    },
    /// Money moved, was reserved or released; all or none of it.
    Booked {
        /// The bookings.
        bookings: Vec<Booking>,
    },
    /// A deposit or a withdrawal was refused.
    MoneyRefused {
        /// What was asked.
        request: MoneyRequest,
        /// Why.
        reason: Reason,
    },
    /// A ticket was refused because its id stands for another one.
    TicketConflict {
        /// The id.
        ticket: TicketId,
    },
    /// A command was refused and changed nothing.
    Refused {
        /// Why.
        reason: Reason,
        /// The value and the allowed range.
        detail: String,
    },
    /// A message of a source was taken.
    SourceHeard {
        /// The source.
        source: String,
        /// Its number and a hash of it, if the source numbers its messages.
        numbered: Option<(u64, u64)>,
        /// The number that was expected, where some are missing before it.
        expected: Option<u64>,
    },
    /// A message of a source was not taken: its number was there before.
    SourceRepeated {
        /// The source.
        source: String,
        /// It is not the message that came by that number: the source has lost its place.
        is_lost: bool,
    },
    /// A source jumped: it has lost its place.
    SourceLost {
        /// The source.
        source: String,
    },
    /// A source said that all is as it told it last.
    SourceAlive {
        /// The source.
        source: String,
    },
    /// A source may count anew.
    SourceReset {
        /// The source.
        source: String,
    },
    /// Sources that feed nothing were forgotten.
    SourcesForgotten {
        /// Which.
        sources: Vec<String>,
    },
    /// Tickets that are over leave the hot state.
    TicketsArchived {
        /// Which; at most [`ARCHIVED_PER_RECORD_MAX`](crate::command::ARCHIVED_PER_RECORD_MAX).
        tickets: Vec<TicketId>,
    },
    /// Tickets that were due to leave and may not yet, since a fixture of theirs goes on or they wait for something: they wait
    /// once more as long.
    ArchivingPutOff {
        /// Which.
        tickets: Vec<TicketId>,
    },
    /// A ticket is back from the archive.
    TicketRecalled {
        /// As it was archived.
        ticket: Box<Ticket>,
    },
    /// Fixtures that are over, and on which no ticket is kept, leave the hot state with all that is known of them.
    FixturesArchived {
        /// Which; at most [`FIXTURES_PER_RECORD_MAX`](crate::command::FIXTURES_PER_RECORD_MAX).
        fixtures: Vec<FixtureId>,
    },
    /// Fixtures that were due to leave and may not yet: they wait once more as long.
    FixturesPutOff {
        /// Which.
        fixtures: Vec<FixtureId>,
    },
    /// A fixture is back from the archive.
    FixtureRecalled {
        /// As it was archived.
        fixture: Box<WholeFixture>,
    },
    /// The ids of deposits and withdrawals leave the hot state: whoever holds the archive asks there before one is used again.
    MoneyArchived {
        /// Which; at most [`ARCHIVED_PER_RECORD_MAX`](crate::command::ARCHIVED_PER_RECORD_MAX).
        transfers: Vec<TransferId>,
    },
    /// The id of a deposit or a withdrawal is back from the archive.
    MoneyRecalled {
        /// What was booked under it.
        transfer: BookedTransfer,
    },
    /// Tickets are annulled from now on, slice by slice.
    AnnulmentOrdered {
        /// Its number, from 1 without gaps.
        number: u32,
        /// What was asked, with the time until which it reaches.
        request: Box<AnnulmentRequest>,
        /// That time was given, and is not that of the order.
        is_until_given: bool,
        /// One that makes room for it: it cannot be taken back any more.
        forgotten: Option<u32>,
    },
    /// An annulment is taken back from now on, slice by slice.
    AnnulmentTakenBack {
        /// Its number.
        number: u32,
    },
    /// A slice of an annulment, or of its way back, is done.
    AnnulmentAdvanced {
        /// Its number.
        number: u32,
        /// Tickets that were changed.
        changed: u32,
        /// The ticket that is looked at next; none where all were.
        next: Option<TicketId>,
    },
    /// What stands on a ticket beside the grades of its selections.
    TicketMarked {
        /// The ticket.
        ticket: TicketId,
        /// What stands on it from now on.
        marks: TicketMarks,
    },
    /// A ticket that was cancelled is open again.
    TicketReinstated {
        /// The ticket.
        ticket: TicketId,
    },
    /// A fixture or a market is under review, or no longer.
    ReviewSet {
        /// The fixture.
        fixture: FixtureId,
        /// The market, or all.
        market: Option<MarketId>,
        /// Why; none where it was lifted.
        why: Option<String>,
    },
    /// The grades told of a market are provisional, or no longer.
    ResultHeld {
        /// The fixture.
        fixture: FixtureId,
        /// The market.
        market: MarketId,
        /// Until when nothing on it is paid: `i64::MAX` for until it is confirmed, none where it is.
        until_ns: Option<i64>,
        /// They correct a result that stood.
        is_correction: bool,
    },
    /// A command waits for a second person.
    ActionPending {
        /// Which.
        action: Box<PendingAction>,
    },
    /// A command waits no longer.
    ActionEnded {
        /// Its number.
        number: u32,
        /// What became of it.
        end: ActionEnd,
    },
    /// The desk must hear of this.
    Alerted {
        /// Which alert.
        alert: String,
        /// The fixture it is about.
        fixture: Option<FixtureId>,
        /// What happened, with its values.
        message: String,
    },
}

/// A selection and its grade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GradedSelection {
    /// The selection.
    pub selection: SelectionId,
    /// The grade; none where it is open again.
    pub grade: Option<Grade>,
}
oddsengine_types::codec_struct!(GradedSelection { selection, grade });

/// The grade of a leg, and what rides on it from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GradedLeg {
    /// The grade; none while undecided.
    pub grade: Option<Grade>,
    /// What rides on it in its fixture's book.
    pub unit_minor: i64,
}

/// What rides on the legs of a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weight {
    /// The ticket.
    pub ticket: TicketId,
    /// Per leg.
    pub units_minor: Vec<i64>,
}

/// Who an instruction to the ledger comes from, and its number there: booked once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct BookingId {
    /// What numbered it: a caller or a ticket.
    pub source: SourceId,
    /// The caller's transfer, or the ticket.
    pub transaction: u128,
    /// Which instruction of it.
    pub number: u32,
}

/// What a booking does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookingKind {
    /// Moves money.
    Moved,
    /// Reserves it.
    Reserved,
    /// Moves what another booking reserved.
    Posted {
        /// The reservation.
        pending: BookingId,
    },
    /// Releases what another booking reserved.
    Voided {
        /// The reservation.
        pending: BookingId,
    },
}

/// One instruction to the ledger that was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Booking {
    /// Its id.
    pub id: BookingId,
    /// What it does.
    pub kind: BookingKind,
    /// The account that money leaves.
    pub debit: AccountKind,
    /// The account that it reaches.
    pub credit: AccountKind,
    /// Of which money.
    pub currency: Currency,
    /// How much, above 0.
    pub amount_minor: i64,
}
