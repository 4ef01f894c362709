//! What clients and the desk ask on the `orders` and `snapshot` sockets.

use oddsengine_engine::{
    AnnulmentRequest, Body, Channel, Command, ExpectationMode, LegRequest, MoneyRequest, OddsChange,
    OddsVersion, Origin, Scope, TicketRequest,
};
use oddsengine_markets::{MarketId, SelectionId};
use oddsengine_types::bounds::{LEGS_MAX, NAME_BYTES_MAX};
use oddsengine_types::{CustomerId, FixtureId, SportId, TicketId, TransferId};

use super::{Decoded, acceptance, bounds, parts, plan, results};
use crate::error::FeedError;
use crate::json::{Field, Object, parse};

/// Every `type` that `orders` takes; `image` and `images` also on `snapshot`.
pub const ORDER_TYPES: &[&str] = &[
    "place_ticket",
    "deposit",
    "withdraw",
    "cancel_ticket",
    "set_customer",
    "set_expectation",
    "set_prices",
    "manual_odds",
    "lock_market",
    "suspend",
    "resume",
    "settle_market",
    "model_inputs",
    "probabilities",
    "void_fixture",
    "abandon_fixture",
    "reinstate_fixture",
    "annul",
    "take_back_annulment",
    "set_review",
    "approve",
    "decline",
    "set_scope",
    "reset_source",
    "set_switch",
    "set_standing",
    "set_customer_terms",
    "set_own_limit",
    "confirm_own_limit",
    "answer_offer",
    "rule_referral",
    "max_stake",
    "balance",
    "ticket",
    "exposure",
    "fixtures",
    "tickets",
    "settlements",
    "alerts",
    "table",
    "explain",
    "evidence",
    "image",
    "images",
    "state_hash",
    "ping",
    "batch",
];

/// The source of requests that do not name theirs.
pub const DEFAULT_SOURCE: &str = "orders";

/// A request with the id under which its answer is expected.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Chosen by the client, 1 to 64 bytes.
    pub request_id: String,
    /// What it asks.
    pub body: RequestBody,
}

/// What a request asks.
#[derive(Clone, Debug, PartialEq)]
pub enum RequestBody {
    /// To change something.
    Command(Command),
    /// To know something.
    Query(Query),
    /// Several requests at once, answered in one frame and in this order; a wrong one does not stop the others.
    Batch(Vec<Result<Request, FeedError>>),
}

/// A question about the present state.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// The largest stake that the limits allow for this ticket; its stake is 0, its id may be 0.
    MaxStake(Box<TicketRequest>),
    /// A customer's balance.
    Balance {
        /// Whose.
        customer: CustomerId,
    },
    /// A ticket with its evidence.
    Ticket {
        /// Which.
        ticket: TicketId,
    },
    /// A page of the liability against its limits; of the whole platform if no scope is given.
    Exposure {
        /// Of what.
        scope: Option<Scope>,
        /// The `next` of the page before; 0 for the first.
        after: u64,
    },
    /// A page of the fixtures with their standing.
    Fixtures {
        /// The `next` of the page before; 0 for the first.
        after: u64,
        /// Only those.
        which: Box<FixtureFilter>,
    },
    /// A page of the tickets that changed.
    Tickets {
        /// After which change: what was known before.
        page: Page,
        /// Only those whose last change was a settlement.
        is_settlements: bool,
        /// Only those.
        which: TicketFilter,
    },
    /// A page of a table.
    Table(Box<TableQuery>),
    /// Where the prices of a market come from, a page of its selections.
    Explain {
        /// The fixture.
        fixture: FixtureId,
        /// The market; none for what concerns all of them.
        market: Option<MarketId>,
        /// The `next` of the page before; 0 for the first.
        after: u64,
    },
    /// A page of the bets that were taken of a selection in a time, with the price that would have been right.
    Evidence {
        /// The fixture.
        fixture: FixtureId,
        /// The selection.
        selection: SelectionId,
        /// Received from then on.
        from_ns: i64,
        /// And up to then.
        until_ns: i64,
        /// The price that would have been right; absent: the fair one that was known when each bet was taken.
        odds_e4: Option<u32>,
        /// The `next` of the page before; 0 for the first.
        after: u64,
    },
    /// A page of the alerts of this epoch.
    Alerts {
        /// After which alert.
        page: Page,
        /// The epoch that the number is of; of another one all alerts are told.
        epoch: Option<u32>,
    },
    /// The full board of one fixture.
    Image {
        /// Which.
        fixture: FixtureId,
    },
    /// A page of the full boards of the fixtures whose odds topic starts with this text.
    Images {
        /// `odds.football.world_cup_2022.`; empty for all.
        prefix: String,
        /// The `next` of the page before; 0 for the first.
        after: u64,
    },
    /// The hash of the state, to compare with a replay.
    StateHash,
    /// Nothing but an answer.
    Ping,
}

/// Fixtures of which all that is given holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FixtureFilter {
    /// Of this sport.
    pub sport: Option<SportId>,
    /// Of this competition.
    pub competition: Option<String>,
    /// `open`, `suspended`, `closed`.
    pub status: Option<&'static str>,
}

/// Tickets of which all that is given holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TicketFilter {
    /// Of this customer.
    pub customer: Option<CustomerId>,
    /// With a leg on this fixture.
    pub fixture: Option<FixtureId>,
    /// `delayed`, `refused`, `accepted`, `settled`, `cancelled`, `referred`, `reoffered`.
    pub state: Option<&'static str>,
}

/// A table that is told in pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableName {
    /// Money of customers.
    Balances,
    /// Overrides of settings.
    Scopes,
    /// What is set about customers.
    Customers,
    /// What the desk asked.
    Commands,
    /// Switches that are off.
    Switches,
    /// Bets that wait for a trader.
    Referrals,
    /// What was voided or cancelled of many tickets at once.
    Annulments,
    /// The tickets that an annulment would touch if it were ordered now.
    AnnulmentPreview,
    /// What waits for a second person.
    Actions,
    /// What is under review.
    Reviews,
}

impl TableName {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Balances,
        Self::Scopes,
        Self::Customers,
        Self::Commands,
        Self::Switches,
        Self::Referrals,
        Self::Annulments,
        Self::AnnulmentPreview,
        Self::Actions,
        Self::Reviews,
    ];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Balances => "balances",
            Self::Scopes => "scopes",
            Self::Customers => "customers",
            Self::Commands => "commands",
            Self::Switches => "switches",
            Self::Referrals => "referrals",
            Self::Annulments => "annulments",
            Self::AnnulmentPreview => "annulment_preview",
            Self::Actions => "actions",
            Self::Reviews => "reviews",
        }
    }
}

/// Which rows of a table are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableQuery {
    /// The table.
    pub table: TableName,
    /// The `next` of the page before; empty for the first.
    pub after: String,
    /// At most so many rows.
    pub limit: usize,
    /// Only of this customer.
    pub customer: Option<CustomerId>,
    /// Only about this fixture.
    pub fixture: Option<FixtureId>,
    /// Only by this source.
    pub source: Option<String>,
    /// Of a preview: which tickets.
    pub annulment: Option<AnnulmentRequest>,
}

/// Which part of a stream is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// After this number.
    pub since: u64,
    /// At most so many.
    pub limit: usize,
}

/// Decodes one request, received at `received_ns`.
///
/// # Errors
/// The bytes are not a request. Errors inside a batch are items of the batch.
pub fn decode_order(bytes: &[u8], received_ns: i64) -> Result<Decoded<Request>, FeedError> {
    let message = parse(bytes)?;
    let value = request(&message, received_ns, true)?;
    Ok(Decoded { value, unknown_fields: message.unread_count() })
}

fn request(message: &Object<'_>, received_ns: i64, may_be_batch: bool) -> Result<Request, FeedError> {
    let request_id = message.required("request_id")?.text(bounds::REQUEST_ID_BYTES_MAX)?;
    let body = request_body(message, received_ns, may_be_batch);
    match body {
        Ok(body) => Ok(Request { request_id: request_id.to_string(), body }),
        Err(error) => Err(error.of_request(request_id)),
    }
}

fn request_body(
    message: &Object<'_>,
    received_ns: i64,
    may_be_batch: bool,
) -> Result<RequestBody, FeedError> {
    let kind = message.required("type")?;
    let name = kind.text(NAME_BYTES_MAX)?;
    if name == "batch" && may_be_batch {
        return batch(message, received_ns);
    }
    if let Some(query) = query(name, message) {
        return query.map(RequestBody::Query);
    }
    let (body, is_desk) = match client_body(name, message) {
        Some(body) => (body?, false),
        None => (desk_body(name, message).unwrap_or_else(|| Err(unknown_type(kind, name)))?, true),
    };
    let origin = origin(message, is_desk)?;
    Ok(RequestBody::Command(Command { time_ns: received_ns, origin, body }))
}

#[cold]
fn unknown_type(kind: Field<'_, '_>, name: &str) -> FeedError {
    FeedError { code: FeedError::UNKNOWN_TYPE, ..kind.unknown_value(name, ORDER_TYPES) }
}

fn batch(message: &Object<'_>, received_ns: i64) -> Result<RequestBody, FeedError> {
    let items = message.required("requests")?.items(1..=bounds::BATCH_REQUESTS_MAX)?;
    let item = |field: Field<'_, '_>| {
        request(field.object()?, received_ns, false).map_err(|error| error.within(field))
    };
    Ok(RequestBody::Batch(items.map(item).collect()))
}

/// Desk commands say who gives them; requests of clients may.
fn origin(message: &Object<'_>, is_desk: bool) -> Result<Origin, FeedError> {
    let source = match is_desk {
        true => message.required("source")?.text(NAME_BYTES_MAX)?,
        false => message.optional("source").map_or(Ok(DEFAULT_SOURCE), |field| field.text(NAME_BYTES_MAX))?,
    };
    Ok(Origin {
        source: source.to_string(),
        seq: None,
        source_ns: parts::optional_time_ns(message)?,
        channel: Channel::Desk,
        ..Origin::default()
    })
}

fn customer(message: &Object<'_>) -> Result<CustomerId, FeedError> {
    Ok(CustomerId(message.required("customer")?.integer(0..=u64::MAX)?))
}

fn ticket_id(message: &Object<'_>) -> Result<TicketId, FeedError> {
    Ok(TicketId(message.required("ticket")?.id128()?))
}

fn query(kind: &str, message: &Object<'_>) -> Option<Result<Query, FeedError>> {
    let prefix = |field: Field<'_, '_>| field.text(2 * NAME_BYTES_MAX).map(str::to_string);
    Some(match kind {
        "max_stake" => max_stake(message),
        "balance" => customer(message).map(|customer| Query::Balance { customer }),
        "ticket" => ticket_id(message).map(|ticket| Query::Ticket { ticket }),
        "exposure" => {
            let scope = message.optional("scope").map(parts::scope).transpose();
            scope.and_then(|scope| Ok(Query::Exposure { scope, after: after(message)? }))
        }
        "fixtures" => fixtures(message),
        "tickets" => tickets(message, false),
        "settlements" => tickets(message, true),
        "table" => table(message),
        "explain" => explain(message),
        "evidence" => acceptance::evidence(message),
        "alerts" => alerts(message),
        "image" => parts::fixture_id(message).map(|fixture| Query::Image { fixture }),
        "images" => message
            .optional("prefix")
            .map_or(Ok(String::new()), prefix)
            .and_then(|prefix| Ok(Query::Images { prefix, after: after(message)? })),
        "state_hash" => Ok(Query::StateHash),
        "ping" => Ok(Query::Ping),
        _ => return None,
    })
}

fn after(message: &Object<'_>) -> Result<u64, FeedError> {
    message.optional("after").map_or(Ok(0), |field| field.integer(0..=u64::MAX))
}

fn page(message: &Object<'_>) -> Result<Page, FeedError> {
    let since = message.optional("since").map_or(Ok(0), |field| field.integer(0..=u64::MAX))?;
    Ok(Page { since, limit: limit(message)? })
}

fn limit(message: &Object<'_>) -> Result<usize, FeedError> {
    let limit = message
        .optional("limit")
        .map_or(Ok(bounds::PAGE_ITEMS), |field| field.integer(1..=bounds::PAGE_ITEMS_MAX))?;
    Ok(limit as usize)
}

fn fixtures(message: &Object<'_>) -> Result<Query, FeedError> {
    const STATUSES: [&str; 3] = ["open", "suspended", "closed"];
    let name = |field: Field<'_, '_>| field.text(NAME_BYTES_MAX).map(str::to_string);
    let which = FixtureFilter {
        sport: message.optional("sport").map(|_| parts::sport(message)).transpose()?,
        competition: message.optional("competition").map(name).transpose()?,
        status: message.optional("status").map(|field| word(field, &STATUSES)).transpose()?,
    };
    Ok(Query::Fixtures { after: after(message)?, which: Box::new(which) })
}

fn tickets(message: &Object<'_>, is_settlements: bool) -> Result<Query, FeedError> {
    const STATES: [&str; 7] =
        ["delayed", "refused", "accepted", "settled", "cancelled", "referred", "reoffered"];
    let which = TicketFilter {
        customer: message.optional("customer").map(|_| customer(message)).transpose()?,
        fixture: message.optional("fixture").map(|_| parts::fixture_id(message)).transpose()?,
        state: message.optional("state").map(|field| word(field, &STATES)).transpose()?,
    };
    Ok(Query::Tickets { page: page(message)?, is_settlements, which })
}

fn word(field: Field<'_, '_>, words: &[&'static str]) -> Result<&'static str, FeedError> {
    let choices: Vec<_> = words.iter().map(|&word| (word, word)).collect();
    field.choice(&choices)
}

/// A filter that a table does not have is refused: it would be taken and have no effect.
fn table(message: &Object<'_>) -> Result<Query, FeedError> {
    let table = message.required("table")?.choice(&TableName::ALL.map(|table| (table.name(), table)))?;
    let filters: &[&str] = match table {
        TableName::Balances | TableName::Customers => &["customer"],
        TableName::Scopes => &["fixture"],
        TableName::Commands => &["fixture", "source"],
        TableName::Switches => &[],
        TableName::Referrals => &["customer", "fixture"],
        TableName::AnnulmentPreview => &["customer", "fixture", "market", "from_ns", "until_ns", "effect"],
        TableName::Annulments | TableName::Reviews => &["fixture"],
        TableName::Actions => &[],
    };
    for name in ["customer", "fixture", "source", "market", "from_ns", "until_ns", "effect"] {
        if let Some(field) = message.optional(name).filter(|_| !filters.contains(&name)) {
            return Err(field.unknown_value(name, filters));
        }
    }
    let after = message.optional("after").map_or(Ok(""), |field| field.text(bounds::CURSOR_BYTES_MAX))?;
    let source = |field: Field<'_, '_>| field.text(NAME_BYTES_MAX).map(str::to_string);
    Ok(Query::Table(Box::new(TableQuery {
        table,
        after: after.to_string(),
        limit: limit(message)?,
        customer: message.optional("customer").map(|_| customer(message)).transpose()?,
        fixture: message.optional("fixture").map(|_| parts::fixture_id(message)).transpose()?,
        source: message.optional("source").map(source).transpose()?,
        annulment: match table {
            TableName::AnnulmentPreview => Some(results::annulment(message, 0)?),
            _ => None,
        },
    })))
}

fn explain(message: &Object<'_>) -> Result<Query, FeedError> {
    let (fixture, market) = (parts::fixture_id(message)?, parts::optional_market_id(message)?);
    Ok(Query::Explain { fixture, market, after: after(message)? })
}

fn alerts(message: &Object<'_>) -> Result<Query, FeedError> {
    let epoch = message.optional("epoch").map(|field| field.integer(0..=u64::from(u32::MAX))).transpose()?;
    Ok(Query::Alerts { page: page(message)?, epoch: epoch.map(|epoch| epoch as u32) })
}

fn client_body(kind: &str, message: &Object<'_>) -> Option<Result<Body, FeedError>> {
    Some(match kind {
        "place_ticket" => place_ticket(message),
        "deposit" => money(message).map(Body::Deposit),
        "withdraw" => money(message).map(Body::Withdraw),
        "answer_offer" => acceptance::answer_offer(message),
        _ => return None,
    })
}

fn desk_body(kind: &str, message: &Object<'_>) -> Option<Result<Body, FeedError>> {
    Some(match kind {
        "cancel_ticket" => ticket_id(message).map(|ticket| Body::CancelTicket { ticket }),
        "set_customer" => set_customer(message),
        "approve" => results::action(message).map(|action| Body::Approve { action }),
        "decline" => results::action(message).map(|action| Body::Decline { action }),
        "set_expectation" => set_expectation(message),
        "manual_odds" => parts::manual_odds(message),
        "lock_market" => lock_market(message),
        "set_scope" => parts::set_scope(message),
        "reset_source" => reset_source(message),
        "prices" => return None,
        _ => match acceptance::desk_body(kind, message) {
            Some(body) => body,
            None => return parts::trading_body(kind, message),
        },
    })
}

fn money(message: &Object<'_>) -> Result<MoneyRequest, FeedError> {
    Ok(MoneyRequest {
        transfer: TransferId(message.required("transfer")?.id128()?),
        customer: customer(message)?,
        amount_minor: parts::money_minor(message, "amount_minor")?,
        currency: message.required("currency")?.currency()?,
    })
}

fn set_customer(message: &Object<'_>) -> Result<Body, FeedError> {
    let (low, high) = bounds::FACTOR;
    let factor_e3 = message.required("factor")?.multiple(1_000, low, high)? as u32;
    Ok(Body::SetCustomer { customer: customer(message)?, factor_e3 })
}

fn set_expectation(message: &Object<'_>) -> Result<Body, FeedError> {
    let modes = ExpectationMode::ALL.map(|mode| (mode.name(), mode));
    let mode = message.optional("mode").map(|mode| mode.choice(&modes)).transpose()?;
    let e6 = |name, (low, high)| message.required(name)?.nearest(1_000_000, low, high);
    let fixture = parts::fixture_id(message)?;
    if mode == Some(ExpectationMode::Release) {
        return Ok(Body::SetExpectation { fixture, supremacy_e6: 0, total_e6: 0, mode, weight_e3: 0 });
    }
    // An offset may lower the total, and leave it.
    let of_total = if mode == Some(ExpectationMode::Offset) { bounds::TOTAL_OFFSET } else { bounds::TOTAL };
    let weight_e3 = match mode {
        Some(ExpectationMode::Blend) => message.required("weight")?.multiple(1_000, 0.0, 1.0)? as u32,
        _ => 0,
    };
    Ok(Body::SetExpectation {
        fixture,
        supremacy_e6: e6("supremacy", bounds::SUPREMACY)?,
        total_e6: e6("total", of_total)?,
        mode,
        weight_e3,
    })
}

fn reset_source(message: &Object<'_>) -> Result<Body, FeedError> {
    let name = message.required("name")?.text(NAME_BYTES_MAX)?;
    Ok(Body::ResetSource { source: name.to_string() })
}

fn lock_market(message: &Object<'_>) -> Result<Body, FeedError> {
    Ok(Body::LockMarket {
        fixture: parts::fixture_id(message)?,
        market: parts::market_id(message)?,
        locked: message.required("locked")?.boolean()?,
        keeps_in_play: parts::flag(message, "in_play")?,
    })
}

fn place_ticket(message: &Object<'_>) -> Result<Body, FeedError> {
    let ticket = ticket_id(message)?;
    // Bets that say the stake of each line need no other.
    let stake_minor = match message.optional("bets").is_some() && message.optional("stake_minor").is_none() {
        true => 0,
        false => parts::money_minor(message, "stake_minor")?,
    };
    Ok(Body::PlaceTicket(Box::new(ticket_request(message, ticket, stake_minor)?)))
}

fn max_stake(message: &Object<'_>) -> Result<Query, FeedError> {
    let ticket = message.optional("ticket").map_or(Ok(0), |field| field.id128())?;
    Ok(Query::MaxStake(Box::new(ticket_request(message, TicketId(ticket), 0)?)))
}

fn ticket_request(
    message: &Object<'_>,
    ticket: TicketId,
    stake_minor: i64,
) -> Result<TicketRequest, FeedError> {
    let customer = customer(message)?;
    let currency = message.required("currency")?.currency()?;
    let odds_change = message.optional("odds_change").map_or(Ok(OddsChange::None), odds_change)?;
    let items = message.required("legs")?.items(1..=LEGS_MAX)?;
    let mut legs = Vec::with_capacity(items.len());
    for item in items {
        legs.push(item.object()?.leg().map_err(|error| error.within(item))?);
    }
    let wishes = acceptance::wishes(message)?;
    let plan = plan::plan(message, legs.len())?;
    Ok(TicketRequest { ticket, customer, currency, stake_minor, odds_change, legs, plan, wishes })
}

fn odds_change(field: Field<'_, '_>) -> Result<OddsChange, FeedError> {
    let policies = [("none", 0), ("higher", 1), ("any", 2), ("within", 3)];
    let change = field.object()?;
    let decode = || {
        Ok(match change.required("policy")?.choice(&policies)? {
            0 => OddsChange::None,
            1 => OddsChange::Higher,
            2 => OddsChange::Any,
            _ => {
                let (low, high) = bounds::PERCENT;
                OddsChange::Within(change.required("percent")?.multiple(100, low, high)? as u32)
            }
        })
    };
    decode().map_err(|error: FeedError| error.within(field))
}

impl Object<'_> {
    fn leg(&self) -> Result<LegRequest, FeedError> {
        let market = self.required("market")?.text(bounds::KEY_BYTES_MAX)?;
        let selection = self.required("selection")?.text(bounds::KEY_BYTES_MAX)?;
        Ok(LegRequest {
            fixture: parts::fixture_id(self)?,
            selection: SelectionId::of(market, selection),
            odds_e4: self.required("odds")?.odds_e4()?,
            version: self.version()?,
        })
    }

    fn version(&self) -> Result<OddsVersion, FeedError> {
        let [epoch, seq] = self.required("version")?.array(|item| item.integer(0..=u64::MAX))?;
        let epoch = u32::try_from(epoch).map_err(|_| {
            let message = format!("version[0] {epoch} is outside 0..={}", u32::MAX);
            FeedError::new(FeedError::OUT_OF_RANGE, message)
        })?;
        Ok(OddsVersion { epoch, seq })
    }
}
