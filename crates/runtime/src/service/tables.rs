//! Tables that are asked for in pages: rows of the state in an order that stays, and the commands of the desk.
//!
//! A cursor is a text that only the engine reads; nothing is kept for it, and it outlives changes and restarts. Commands are
//! no state: the last ones of this start are kept, those before it are in the journal.

use std::collections::VecDeque;
use std::ops::Bound;

use oddsengine_engine::{Answer, Body, Channel, Command, Decided, Fact, Reason, Scope, Ticket, TicketState};
use oddsengine_feeds::{Query, TableName, TableQuery};
use oddsengine_types::{AccountKind, Encode, FixtureId};

use super::Service;
use super::answer::View;
use super::bounds::ROWS_EXAMINED_MAX;
use crate::wire::{
    BalanceAnswer, CommandRow, ReplyTo, RowsReply, action_row, annulment_row, balance_row, command_row,
    covered_row, customer_row, evidence_row, reply_error, review_row, scope_row, switch_row, ticket_json,
};

/// Most commands of the desk that are kept for who asks for them.
pub const COMMANDS_KEPT_MAX: usize = 4_096;
/// Most bytes of them.
pub const COMMAND_BYTES_KEPT_MAX: usize = 1 << 20;

/// A command of the desk, as it is told.
#[derive(Debug)]
struct Kept {
    number: u64,
    source: String,
    fixture: Option<FixtureId>,
    row: Vec<u8>,
}

/// The last commands of the desk.
#[derive(Debug, Default)]
pub(crate) struct DeskCommands {
    kept: VecDeque<Kept>,
    bytes: usize,
    /// Those up to this record are not kept.
    before: u64,
}

impl DeskCommands {
    /// Those of an earlier start are in the journal.
    pub fn start_after(seq: u64) -> Self {
        Self { before: seq, ..Self::default() }
    }

    fn keep(&mut self, kept: Kept) {
        self.bytes += kept.row.len();
        self.kept.push_back(kept);
        while self.kept.len() > COMMANDS_KEPT_MAX || self.bytes > COMMAND_BYTES_KEPT_MAX {
            let Some(oldest) = self.kept.pop_front() else { break };
            self.bytes -= oldest.row.len();
            self.before = oldest.number;
        }
    }
}

/// What somebody of the desk asked: not bets and money of customers, which are told as tickets and balances.
fn is_of_desk(command: &Command) -> bool {
    command.origin.channel == Channel::Desk
        && !matches!(
            command.body,
            Body::PlaceTicket(_) | Body::AnswerOffer { .. } | Body::Deposit(_) | Body::Withdraw(_)
        )
}

impl Service {
    /// Keeps a command of the desk with what became of it.
    pub(super) fn keep_command(&mut self, command: &Command, decided: &Decided) {
        if !is_of_desk(command) {
            return;
        }
        let refused = decided.facts.iter().find_map(|fact| match fact {
            Fact::Refused { reason, detail } => Some((*reason, detail.as_str())),
            _ => None,
        });
        let refused = refused.or(match &decided.answer {
            Answer::Refused { reason, detail } => Some((*reason, detail.as_str())),
            Answer::TicketRefused { reason, .. } => Some((*reason, "")),
            _ => None,
        });
        let mut row = Vec::new();
        command_row(&CommandRow { number: self.last_seq, command, refused }, &View(&self.engine), &mut row);
        self.commands.keep(Kept {
            number: self.last_seq,
            source: command.origin.source.clone(),
            fixture: command.body.subject(),
            row,
        });
    }

    /// A page of a table, in at most about `bytes_max` bytes.
    pub(super) fn encode_table(
        &self,
        to: &ReplyTo<'_>,
        query: &TableQuery,
        bytes_max: usize,
        out: &mut Vec<u8>,
    ) {
        let after = match query.table {
            TableName::Scopes => None,
            _ if query.after.is_empty() => Some(0),
            _ => query.after.parse::<u64>().ok(),
        };
        let scope_after = match (query.table, query.after.as_str()) {
            (TableName::Scopes, "") => Some(Bound::Unbounded),
            (TableName::Scopes, hex) => scope_of_cursor(hex).map(Bound::Excluded),
            _ => None,
        };
        if after.is_none() && scope_after.is_none() {
            let message = format!(
                "after {:?} is no cursor of {}: it is the `next` of the page before",
                query.after,
                query.table.name()
            );
            return reply_error(to, "bad_format", &message, out);
        }
        let after = after.unwrap_or(0);
        if let Some(Err((_, detail))) = query.annulment.as_ref().map(|asked| self.engine.annulment_of(asked))
        {
            return reply_error(to, "out_of_range", &detail, out);
        }
        let rows = RowsReply::begin(to, query.table.name(), out);
        let page = Page { rows, limit: query.limit, bytes_max };
        match query.table {
            TableName::Balances => self.balances(page, query, after),
            TableName::Customers => self.customers(page, query, after),
            TableName::Scopes => self.scopes(page, query, scope_after.unwrap_or(Bound::Unbounded)),
            TableName::Commands => self.commands(page, query, after),
            TableName::Switches => self.switches(page, after),
            TableName::Referrals => self.referrals(page, query, after),
            TableName::Annulments => self.annulments(page, query, after),
            TableName::AnnulmentPreview => self.annulment_preview(page, query, after),
            TableName::Actions => self.actions(page, after),
            TableName::Reviews => self.reviews(page, query, after),
        }
    }

    fn balances(&self, mut page: Page<'_>, query: &TableQuery, after: u64) {
        let (engine, currency) = (&self.engine, self.engine.config().currency);
        let put = |page: &mut Page<'_>, customer| {
            let answer = BalanceAnswer {
                customer,
                available_minor: engine.available_minor(customer),
                reserved_minor: engine.reserved_minor(customer),
                owed_minor: engine.owed_minor(customer),
            };
            page.rows.add(|out| balance_row(out, &answer, currency));
        };
        if let Some(customer) = query.customer {
            put(&mut page, customer);
            return page.rows.finish(None, None);
        }
        let accounts = engine.ledger().accounts();
        let mut place = usize::try_from(after).unwrap_or(usize::MAX).min(accounts.place_count());
        let end = place.saturating_add(ROWS_EXAMINED_MAX).min(accounts.place_count());
        while place < end && !page.is_full() {
            if let Some(account) = accounts.get(place as u32)
                && let AccountKind::CustomerCash(customer) = account.kind
                && account.currency == currency
            {
                put(&mut page, customer);
            }
            place += 1;
        }
        let next = (place < accounts.place_count()).then(|| place.to_string());
        page.rows.finish(next.as_deref(), None);
    }

    fn customers(&self, mut page: Page<'_>, query: &TableQuery, after: u64) {
        let (engine, mut next) = (&self.engine, None);
        let after = u32::try_from(after).unwrap_or(u32::MAX);
        for (place, id, customer) in engine.customers_after(after) {
            if query.customer.is_some_and(|asked| asked != id) {
                continue;
            }
            if page.is_full() {
                next = Some((place - 1).to_string());
                break;
            }
            page.rows.add(|out| customer_row(out, id, customer, engine.now_ns()));
            if query.customer.is_some() {
                break;
            }
        }
        page.rows.finish(next.as_deref(), None);
    }

    fn scopes(&self, mut page: Page<'_>, query: &TableQuery, after: Bound<Scope>) {
        let scopes = self.engine.scopes();
        let (mut next, mut last) = (None, None);
        for (examined, (scope, settings)) in scopes.range((after, Bound::Unbounded)).enumerate() {
            if page.is_full() || examined == ROWS_EXAMINED_MAX {
                next = last.map(cursor_of_scope);
                break;
            }
            last = Some(scope);
            let of_fixture = match scope {
                Scope::Fixture(fixture) | Scope::Market(fixture, _) => Some(*fixture),
                _ => None,
            };
            if query.fixture.is_none() || query.fixture == of_fixture {
                page.rows.add(|out| scope_row(out, scope, settings, &View(&self.engine)));
            }
        }
        page.rows.finish(next.as_deref(), None);
    }

    /// By their places in order of scope: one that is turned on meanwhile moves those after it.
    fn switches(&self, mut page: Page<'_>, after: u64) {
        let (view, mut next) = (View(&self.engine), None);
        let after = usize::try_from(after).unwrap_or(usize::MAX);
        for (place, (scope, switch)) in self.engine.switches().iter().enumerate().skip(after) {
            if page.is_full() {
                next = Some(place.to_string());
                break;
            }
            page.rows.add(|out| switch_row(out, scope, switch, &view));
        }
        page.rows.finish(next.as_deref(), None);
    }

    /// Bets that wait for a trader, the first due first.
    fn referrals(&self, mut page: Page<'_>, query: &TableQuery, after: u64) {
        let (view, mut next) = (View(&self.engine), None);
        let after = usize::try_from(after).unwrap_or(usize::MAX);
        let of_customer = |ticket: &Ticket| query.customer.is_none_or(|customer| customer == ticket.customer);
        let of_fixture = |ticket: &Ticket| {
            query.fixture.is_none_or(|fixture| ticket.legs.iter().any(|leg| leg.fixture == fixture))
        };
        for (place, ticket) in self.engine.waiting().enumerate().skip(after) {
            if page.is_full() || place >= after.saturating_add(ROWS_EXAMINED_MAX) {
                next = Some(place.to_string());
                break;
            }
            if ticket.state == TicketState::Referred && of_customer(ticket) && of_fixture(ticket) {
                page.rows.add(|out| ticket_json(out, ticket, &view));
            }
        }
        page.rows.finish(next.as_deref(), None);
    }

    /// A page of the bets that were taken of a selection in a time, with the price that would have been right.
    pub(super) fn encode_evidence(
        &self,
        to: &ReplyTo<'_>,
        query: &Query,
        bytes_max: usize,
        out: &mut Vec<u8>,
    ) {
        let Query::Evidence { fixture: id, selection, from_ns, until_ns, odds_e4, after } = *query else {
            return;
        };
        let engine = &self.engine;
        let refused = |reason, detail: String, out: &mut Vec<u8>| {
            crate::wire::reply_answer(to, &Answer::Refused { reason, detail }, out);
        };
        let Some(fixture) = engine.fixture(id) else {
            return refused(Reason::FixtureNotFound, format!("fixture {id} is not known"), out);
        };
        let Some(place) = fixture.template().selection_of_id(selection) else {
            let detail = "the selection is not in the fixture's template".to_owned();
            return refused(Reason::SelectionNotFound, detail, out);
        };
        let mut page =
            Page { rows: RowsReply::begin(to, "evidence", out), limit: ROWS_EXAMINED_MAX, bytes_max };
        let first = (u32::try_from(after).unwrap_or(u32::MAX), 0);
        let (mut examined, mut next) = (0, None);
        for &(index, leg) in
            fixture.legs.get(&(place as u16)).into_iter().flat_map(|on_it| on_it.range(first..))
        {
            if page.is_full() || examined == ROWS_EXAMINED_MAX {
                next = Some(index.to_string());
                break;
            }
            examined += 1;
            let ticket = &engine.tickets()[index as usize];
            if (from_ns..=until_ns).contains(&ticket.received_ns) {
                page.rows.add(|out| evidence_row(out, ticket, usize::from(leg), odds_e4));
            }
        }
        page.rows.finish(next.as_deref(), None);
    }

    fn annulments(&self, mut page: Page<'_>, query: &TableQuery, after: u64) {
        let (mut next, mut last) = (None, after);
        let after = u32::try_from(after).unwrap_or(u32::MAX);
        for (number, annulment, is_done) in self.engine.annulments_after(after) {
            if page.is_full() {
                next = Some(last.to_string());
                break;
            }
            last = number.into();
            if query.fixture.is_none() || query.fixture == annulment.request.fixture {
                page.rows.add(|out| annulment_row(out, number, annulment, is_done, &View(&self.engine)));
            }
        }
        page.rows.finish(next.as_deref(), None);
    }

    /// The tickets that would be touched, each as it stands now; a page looks through a bounded number of them.
    fn annulment_preview(&self, mut page: Page<'_>, query: &TableQuery, after: u64) {
        let asked = query.annulment.as_ref().and_then(|asked| self.engine.annulment_of(asked).ok());
        let Some(request) = asked else { return page.rows.finish(None, None) };
        let from = u32::try_from(after).unwrap_or(u32::MAX);
        let (places, mut next) = self.engine.covered_page(&request, from, query.limit, ROWS_EXAMINED_MAX);
        for place in places {
            if page.is_full() {
                next = Some(place);
                break;
            }
            page.rows.add(|out| covered_row(out, &self.engine.tickets()[place as usize]));
        }
        page.rows.finish(next.map(|next| next.to_string()).as_deref(), None);
    }

    fn actions(&self, mut page: Page<'_>, after: u64) {
        let (mut next, mut last) = (None, after);
        for action in self.engine.actions_after(u32::try_from(after).unwrap_or(u32::MAX)) {
            if page.is_full() {
                next = Some(last.to_string());
                break;
            }
            last = action.number.into();
            page.rows.add(|out| action_row(out, action, &View(&self.engine)));
        }
        page.rows.finish(next.as_deref(), None);
    }

    /// By the places of the fixtures: all reviews of one are in one page.
    fn reviews(&self, mut page: Page<'_>, query: &TableQuery, after: u64) {
        let mut next = None;
        let first = usize::try_from(after).unwrap_or(usize::MAX);
        let fixtures = self.engine.fixtures().entries().filter(|(place, _)| *place >= first);
        for (examined, (place, fixture)) in fixtures.enumerate() {
            if page.is_full() || examined == ROWS_EXAMINED_MAX {
                next = Some(place.to_string());
                break;
            }
            if query.fixture.is_none_or(|asked| asked == fixture.id()) {
                for (market, why) in &fixture.reviews {
                    page.rows.add(|out| review_row(out, fixture, *market, why));
                }
            }
        }
        page.rows.finish(next.as_deref(), None);
    }

    fn commands(&self, mut page: Page<'_>, query: &TableQuery, after: u64) {
        let DeskCommands { kept, before, .. } = &self.commands;
        let first = kept.partition_point(|kept| kept.number <= after);
        let (mut next, mut last) = (None, after.max(*before));
        for kept in kept.range(first..) {
            if page.is_full() {
                next = Some(last.to_string());
                break;
            }
            last = kept.number;
            let is_by = query.source.as_ref().is_none_or(|source| *source == kept.source);
            if is_by && (query.fixture.is_none() || query.fixture == kept.fixture) {
                page.rows.add(|out| out.extend_from_slice(&kept.row));
            }
        }
        // Where to ask later for what comes then, whether or not there is more now.
        page.rows.finish(next.as_deref(), Some((*before, last)));
    }
}

struct Page<'a> {
    rows: RowsReply<'a>,
    limit: usize,
    bytes_max: usize,
}

impl Page<'_> {
    fn is_full(&self) -> bool {
        self.rows.count >= self.limit || self.rows.len() >= self.bytes_max
    }
}

fn cursor_of_scope(scope: &Scope) -> String {
    let mut bytes = Vec::new();
    scope.encode(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn scope_of_cursor(hex: &str) -> Option<Scope> {
    if !hex.is_ascii() || !hex.len().is_multiple_of(2) {
        return None;
    }
    let digits = (0..hex.len()).step_by(2);
    let bytes: Option<Vec<u8>> = digits.map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok()).collect();
    oddsengine_types::codec::decode_all(&bytes?).ok()
}
