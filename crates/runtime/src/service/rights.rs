//! Who may ask what: the rights of keys as data, and one function that compares a request with them.
//!
//! It is asked before anything is decided: of what is refused here neither the journal nor the engine hears.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use oddsengine_engine::{Body, Channel, Command, Principal, Reason};
use oddsengine_feeds::{DEFAULT_SOURCE, Query, RequestBody, TableName, TicketFilter};
use oddsengine_types::CustomerId;
use oddsengine_types::bounds::NAME_BYTES_MAX;

use super::{Refusal, Service};

/// Most patterns of sources of one key.
pub const SOURCES_PER_KEY_MAX: usize = 256;
/// Most ranges of customers of one key.
pub const CUSTOMER_RANGES_PER_KEY_MAX: usize = 4_096;
/// Most sources or ranges that a refusal lists.
const LISTED_MAX: usize = 8;

/// What a key may be used for. None implies another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Messages of listed sources on `ingest`.
    Feed,
    /// Bets, and questions about them, of listed customers.
    Orders,
    /// Deposits, withdrawals, balances.
    Wallet,
    /// Everything that a trader does and sees.
    Desk,
    /// Fixtures and boards.
    Read,
}

impl Role {
    /// All roles.
    pub const ALL: &[Role] = &[Role::Feed, Role::Orders, Role::Wallet, Role::Desk, Role::Read];

    /// The name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Feed => "feed",
            Self::Orders => "orders",
            Self::Wallet => "wallet",
            Self::Desk => "desk",
            Self::Read => "read",
        }
    }

    /// The role with this name.
    pub fn from_name(name: &str) -> Option<Role> {
        Self::ALL.iter().copied().find(|role| role.name() == name)
    }
}

/// A socket that takes messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Door {
    /// What feeds push.
    Ingest,
    /// What clients and the desk ask.
    Orders,
    /// Who asks for boards.
    Snapshot,
}

impl Door {
    /// All of them.
    pub const ALL: &[Door] = &[Door::Ingest, Door::Orders, Door::Snapshot];

    /// The socket's name, which no key may have.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Orders => "orders",
            Self::Snapshot => "snapshot",
        }
    }

    /// The door with this name.
    pub fn from_name(name: &str) -> Option<Door> {
        Self::ALL.iter().copied().find(|door| door.name() == name)
    }
}

/// Who asks: a key, or whoever came through a door that asks for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker<'a> {
    /// The name of the key of the connection.
    Key(&'a str),
    /// A connection without a key.
    Door(Door),
}

impl<'a> Asker<'a> {
    /// By the key of its connection, if it has one.
    pub fn of(key: Option<&'a str>, door: Door) -> Self {
        key.map_or(Self::Door(door), Self::Key)
    }

    /// As it stands in the record.
    pub fn name(self) -> &'a str {
        match self {
            Self::Key(name) => name,
            Self::Door(door) => door.name(),
        }
    }

    /// As it stands in the record.
    pub fn principal(self) -> Principal {
        Principal::of_key(self.name())
    }
}

impl fmt::Display for Asker<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(name) => write!(f, "key {name}"),
            Self::Door(door) => write!(f, "socket {}", door.name()),
        }
    }
}

/// Rights that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RightsError(String);

impl fmt::Display for RightsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RightsError {}

/// The sources that a key may name: exact names, and beginnings that stand before a `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    exact: Vec<String>,
    beginnings: Vec<String>,
}

impl Sources {
    /// Every source.
    pub fn all() -> Self {
        Self { exact: Vec::new(), beginnings: vec![String::new()] }
    }

    /// `scout`, `recording.*`, or `*` for all.
    ///
    /// # Errors
    /// A pattern is empty, too long, or has a `*` elsewhere than at its end; there are too many.
    pub fn of_patterns<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, RightsError> {
        let mut sources = Self::default();
        for pattern in patterns {
            let beginning = pattern.strip_suffix('*');
            let name = beginning.unwrap_or(pattern);
            if pattern.is_empty() || pattern.len() > NAME_BYTES_MAX {
                let message = format!("source {pattern:?} has not 1 to {NAME_BYTES_MAX} bytes");
                return Err(RightsError(message));
            }
            if name.contains('*') {
                let message =
                    format!("source {pattern:?} has a * elsewhere than at its end: scout, recording.*, *");
                return Err(RightsError(message));
            }
            let list = if beginning.is_some() { &mut sources.beginnings } else { &mut sources.exact };
            list.push(name.to_owned());
        }
        match sources.exact.len() + sources.beginnings.len() {
            1..=SOURCES_PER_KEY_MAX => Ok(sources),
            count => Err(RightsError(format!("{count} sources are outside 1..={SOURCES_PER_KEY_MAX}"))),
        }
    }

    /// It may be named.
    pub fn contains(&self, source: &str) -> bool {
        self.exact.iter().any(|name| name == source)
            || self.beginnings.iter().any(|beginning| source.starts_with(beginning.as_str()))
    }
}

impl fmt::Display for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = self.exact.iter().map(Clone::clone);
        list(f, exact.chain(self.beginnings.iter().map(|beginning| format!("{beginning}*"))))
    }
}

/// The customers for whom a key may act: ranges in order, apart from each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Customers {
    ranges: Vec<RangeInclusive<u64>>,
}

impl Customers {
    /// Every customer.
    pub fn all() -> Self {
        Self { ranges: vec![0..=u64::MAX] }
    }

    /// Those of these ranges.
    ///
    /// # Errors
    /// A range ends before it begins; there are too many.
    pub fn of_ranges(ranges: impl IntoIterator<Item = RangeInclusive<u64>>) -> Result<Self, RightsError> {
        let mut given: Vec<_> = ranges.into_iter().collect();
        if given.is_empty() || given.len() > CUSTOMER_RANGES_PER_KEY_MAX {
            let message =
                format!("{} ranges of customers are outside 1..={CUSTOMER_RANGES_PER_KEY_MAX}", given.len());
            return Err(RightsError(message));
        }
        if let Some(range) = given.iter().find(|range| range.is_empty()) {
            let message = format!("customers {}..={} end before they begin", range.start(), range.end());
            return Err(RightsError(message));
        }
        given.sort_unstable_by_key(|range| *range.start());
        let mut ranges: Vec<RangeInclusive<u64>> = Vec::with_capacity(given.len());
        for range in given {
            match ranges.last_mut() {
                Some(last) if *range.start() <= last.end().saturating_add(1) => {
                    *last = *last.start()..=*last.end().max(range.end());
                }
                _ => ranges.push(range),
            }
        }
        Ok(Self { ranges })
    }

    /// One of them.
    pub fn contains(&self, CustomerId(customer): CustomerId) -> bool {
        let after = self.ranges.partition_point(|range| *range.start() <= customer);
        after > 0 && self.ranges[after - 1].contains(&customer)
    }

    /// There is no customer for whom it may not act.
    pub fn is_all(&self) -> bool {
        self.ranges == [0..=u64::MAX]
    }
}

impl fmt::Display for Customers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = |range: &RangeInclusive<u64>| match range.start() == range.end() {
            true => range.start().to_string(),
            false => format!("{}..={}", range.start(), range.end()),
        };
        list(f, self.ranges.iter().map(one))
    }
}

fn list(f: &mut fmt::Formatter<'_>, items: impl Iterator<Item = String>) -> fmt::Result {
    let items: Vec<String> = items.collect();
    f.write_str(&items[..items.len().min(LISTED_MAX)].join(", "))?;
    match items.len().saturating_sub(LISTED_MAX) {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}

/// The rights of one key or door. The default is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// [`Role::Feed`]: of these sources.
    pub feed: Option<Sources>,
    /// [`Role::Orders`]: of these customers.
    pub orders: Option<Customers>,
    /// [`Role::Wallet`].
    pub wallet: bool,
    /// [`Role::Desk`].
    pub desk: bool,
    /// [`Role::Read`].
    pub read: bool,
}

impl Grants {
    /// Everything that can be asked.
    pub fn all() -> Self {
        Self {
            feed: Some(Sources::all()),
            orders: Some(Customers::all()),
            wallet: true,
            desk: true,
            read: true,
        }
    }

    fn has(&self, role: Role) -> bool {
        match role {
            Role::Feed => self.feed.is_some(),
            Role::Orders => self.orders.is_some(),
            Role::Wallet => self.wallet,
            Role::Desk => self.desk,
            Role::Read => self.read,
        }
    }

    fn role_names(&self) -> String {
        let names: Vec<_> =
            Role::ALL.iter().filter(|role| self.has(**role)).map(|role| role.name()).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }
}

/// What somebody asks for.
#[derive(Clone, Copy, Debug)]
pub enum Asked<'a> {
    /// To change something.
    Command(&'a Command),
    /// To know something.
    Query {
        /// What.
        query: &'a Query,
        /// Whose ticket it is about; absent where it is about none, or about one that is not known.
        ticket_of: Option<CustomerId>,
    },
}

/// What a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need<'a> {
    /// Nothing: everybody.
    Nothing,
    /// To be the feed of this source.
    Feed(&'a str),
    /// To act for this customer.
    BetsOf(CustomerId),
    /// To act for the customer of the ticket; or the desk.
    TicketOf(Option<CustomerId>),
    /// To act for this customer; or the wallet; or the desk.
    BalanceOf(CustomerId),
    /// To act for this customer; or the desk.
    TicketsOf(CustomerId),
    /// To act for every customer; or the desk.
    AllTickets,
    /// To see the money of every customer: the wallet, or the desk.
    AllBalances,
    Wallet,
    Desk,
    Read,
    /// Nobody may ask it from outside.
    Never,
}

impl<'a> Need<'a> {
    fn of(asked: Asked<'a>) -> Self {
        match asked {
            Asked::Command(command) => Self::of_command(command),
            Asked::Query { query, ticket_of } => Self::of_query(query, ticket_of),
        }
    }

    /// The table of commands: what each needs as a feed's message, and what as a request.
    fn of_command(command: &'a Command) -> Self {
        let feed = Self::Feed(&command.origin.source);
        let (of_feed, of_request) = match &command.body {
            Body::AddFixture(_) | Body::Incident { .. } | Body::Heartbeat => (feed, Self::Never),
            Body::SetPrices { .. }
            | Body::Suspend { .. }
            | Body::Resume { .. }
            | Body::SettleMarket { .. }
            | Body::VoidFixture { .. }
            | Body::TellResult(_)
            | Body::Annul(_)
            | Body::TakeBackAnnulment { .. }
            | Body::SetReview { .. }
            | Body::SetModelInputs { .. }
            | Body::SetProbabilities { .. } => (feed, Self::Desk),
            Body::SetExpectation { .. }
            | Body::SetManualOdds { .. }
            | Body::LockMarket { .. }
            | Body::SetScope { .. }
            | Body::SetCustomer { .. }
            | Body::SetSwitch { .. }
            | Body::SetCustomerTerms { .. }
            | Body::RuleReferral { .. }
            | Body::CancelTicket { .. }
            | Body::Approve { .. }
            | Body::Decline { .. }
            | Body::ResetSource { .. } => (Self::Never, Self::Desk),
            Body::Deposit(_) | Body::Withdraw(_) => (Self::Never, Self::Wallet),
            // The operator's account service says them, or the desk.
            Body::SetStanding { .. } | Body::SetOwnLimit { .. } | Body::ConfirmOwnLimit { .. } => {
                (Self::Never, Self::AllBalances)
            }
            Body::AnswerOffer { customer, .. } => (Self::Never, Self::BetsOf(*customer)),
            Body::PlaceTicket(request) => (Self::Never, Self::BetsOf(request.customer)),
            Body::EpochStarted { .. }
            | Body::Configure(_)
            | Body::Tick { .. }
            | Body::DefineSpace(_)
            | Body::ModelFailed { .. }
            | Body::Reprice { .. }
            | Body::Halt { .. }
            | Body::RecallTickets { .. }
            | Body::RecallFixtures { .. }
            | Body::RecallMoney { .. }
            | Body::ReleaseStarted { .. } => (Self::Never, Self::Never),
        };
        match command.origin.channel {
            Channel::Feed => of_feed,
            Channel::Desk => of_request,
            Channel::Runtime => Self::Never,
        }
    }

    /// The table of queries.
    fn of_query(query: &Query, ticket_of: Option<CustomerId>) -> Self {
        match query {
            Query::Ping => Self::Nothing,
            Query::MaxStake(request) => Self::BetsOf(request.customer),
            Query::Ticket { .. } => Self::TicketOf(ticket_of),
            Query::Balance { customer } => Self::BalanceOf(*customer),
            Query::Tickets { which: TicketFilter { customer: Some(customer), .. }, .. } => {
                Self::TicketsOf(*customer)
            }
            Query::Tickets { .. } => Self::AllTickets,
            Query::Table(query) => match (query.table, query.customer) {
                (TableName::Balances, Some(customer)) => Self::BalanceOf(customer),
                (TableName::Balances, None) => Self::AllBalances,
                _ => Self::Desk,
            },
            Query::Exposure { .. }
            | Query::Alerts { .. }
            | Query::StateHash
            | Query::Explain { .. }
            | Query::Evidence { .. } => Self::Desk,
            Query::Fixtures { .. } | Query::Image { .. } | Query::Images { .. } => Self::Read,
        }
    }

    fn is_met_by(self, grants: &Grants) -> bool {
        let acts_for =
            |customer| grants.orders.as_ref().is_some_and(|customers| customers.contains(customer));
        match self {
            Self::Nothing => true,
            Self::Feed(source) => grants.feed.as_ref().is_some_and(|sources| sources.contains(source)),
            Self::BetsOf(customer) => acts_for(customer),
            Self::TicketOf(Some(customer)) | Self::TicketsOf(customer) => grants.desk || acts_for(customer),
            Self::TicketOf(None) => grants.desk || grants.orders.is_some(),
            Self::BalanceOf(customer) => grants.desk || grants.wallet || acts_for(customer),
            Self::AllTickets => grants.desk || grants.orders.as_ref().is_some_and(Customers::is_all),
            Self::AllBalances => grants.desk || grants.wallet,
            Self::Wallet => grants.wallet,
            Self::Desk => grants.desk,
            Self::Read => grants.read,
            Self::Never => false,
        }
    }

    /// Why it is not met.
    #[cold]
    fn refusal(self, asker: Asker<'_>, grants: &Grants, what: &str) -> String {
        let of_roles =
            |roles: &str| format!("{what} needs the role {roles}, and {asker} has {}", grants.role_names());
        let of_customer = |CustomerId(customer), roles: &str| match &grants.orders {
            Some(customers) => {
                format!("{what} for customer {customer} is outside of what {asker} may ask for: {customers}")
            }
            None => of_roles(roles),
        };
        match self {
            Self::Feed(source) => match &grants.feed {
                Some(sources) => format!("source {source} is none that {asker} may name: {sources}"),
                None => of_roles("feed"),
            },
            Self::BetsOf(customer) => of_customer(customer, "orders"),
            Self::TicketsOf(customer) => of_customer(customer, "orders or desk"),
            // Whose ticket it is is not told to somebody who may not know.
            Self::TicketOf(_) => match &grants.orders {
                Some(customers) => {
                    format!("the ticket is of no customer that {asker} may ask for: {customers}")
                }
                None => of_roles("orders or desk"),
            },
            Self::BalanceOf(customer) => of_customer(customer, "orders, wallet or desk"),
            Self::AllTickets => match &grants.orders {
                Some(customers) => {
                    format!("{what} is about all customers, and {asker} may ask for {customers}")
                }
                None => of_roles("orders or desk"),
            },
            Self::AllBalances => of_roles("wallet or desk"),
            Self::Wallet => of_roles("wallet"),
            Self::Desk => of_roles("desk"),
            Self::Read => of_roles("read"),
            Self::Nothing | Self::Never => format!("{what} is nothing that may be asked from outside"),
        }
    }
}

/// Rights of every key, and of connections without one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    keys: BTreeMap<String, Grants>,
    doors: BTreeMap<Door, Grants>,
}

/// No key has any. A connection without a key may do all that its socket is for.
impl Default for Rights {
    fn default() -> Self {
        let ingest = Grants { feed: Some(Sources::all()), ..Grants::default() };
        let orders = Grants { feed: None, ..Grants::all() };
        let snapshot = Grants { read: true, ..Grants::default() };
        let doors = [(Door::Ingest, ingest), (Door::Orders, orders), (Door::Snapshot, snapshot)];
        Self { keys: BTreeMap::new(), doors: doors.into() }
    }
}

impl Rights {
    /// Gives a key its rights.
    ///
    /// # Errors
    /// The name is empty, too long, that of a socket, or is there with other rights.
    pub fn set_key(&mut self, name: &str, grants: Grants) -> Result<(), RightsError> {
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(RightsError(format!("key name {name:?} has not 1 to {NAME_BYTES_MAX} bytes")));
        }
        if Door::from_name(name).is_some() {
            return Err(RightsError(format!("key name {name:?} is the name of a socket")));
        }
        if self.keys.get(name).is_some_and(|known| *known != grants) {
            return Err(RightsError(format!("key name {name:?} is there twice, with different rights")));
        }
        self.keys.insert(name.to_owned(), grants);
        Ok(())
    }

    /// Sets what connections without a key may do.
    pub fn set_door(&mut self, door: Door, grants: Grants) {
        self.doors.insert(door, grants);
    }

    /// The rights of whoever asks; `None` if it is not known.
    fn grants(&self, asker: Asker<'_>) -> Option<&Grants> {
        match asker {
            Asker::Key(name) => self.keys.get(name),
            Asker::Door(door) => self.doors.get(&door),
        }
    }

    /// Whether it may be asked.
    ///
    /// # Errors
    /// It may not; the detail says what was asked, what it needs and what the asker has.
    pub fn permits(&self, asker: Asker<'_>, asked: Asked<'_>) -> Result<(), Refusal> {
        const NONE: &Grants = &Grants { feed: None, orders: None, wallet: false, desk: false, read: false };
        let grants = self.grants(asker).unwrap_or(NONE);
        let need = Need::of(asked);
        if !need.is_met_by(grants) {
            let detail = need.refusal(asker, grants, name_of(asked));
            return Err(Refusal { reason: Reason::NotPermitted, detail });
        }
        match asked {
            Asked::Command(command) if !may_name_source(asker, grants, command) => {
                let source = &command.origin.source;
                let detail = format!(
                    "source {source} is none that {asker} may name without the role desk: {DEFAULT_SOURCE}, {}",
                    asker.name()
                );
                Err(Refusal { reason: Reason::NotPermitted, detail })
            }
            _ => Ok(()),
        }
    }
}

/// Of a request only the desk names others as its source, which subscribers are told: everybody else the default, itself,
/// or a part of itself such as `app.web`.
fn may_name_source(asker: Asker<'_>, grants: &Grants, command: &Command) -> bool {
    let source = command.origin.source.as_str();
    command.origin.channel != Channel::Desk
        || grants.desk
        || source == DEFAULT_SOURCE
        || source.strip_prefix(asker.name()).is_some_and(|part| part.is_empty() || part.starts_with('.'))
}

fn name_of(asked: Asked<'_>) -> &'static str {
    match asked {
        Asked::Command(command) => crate::wire::cause(&command.body),
        Asked::Query { query, .. } => match query {
            Query::MaxStake(_) => "max_stake",
            Query::Balance { .. } => "balance",
            Query::Ticket { .. } => "ticket",
            Query::Exposure { .. } => "exposure",
            Query::Fixtures { .. } => "fixtures",
            Query::Tickets { is_settlements: false, .. } => "tickets",
            Query::Tickets { is_settlements: true, .. } => "settlements",
            Query::Alerts { .. } => "alerts",
            Query::Table(_) => "table",
            Query::Explain { .. } => "explain",
            Query::Evidence { .. } => "evidence",
            Query::Image { .. } => "image",
            Query::Images { .. } => "images",
            Query::StateHash => "state_hash",
            Query::Ping => "ping",
        },
    }
}

impl Service {
    /// Sets who may ask what from now on.
    pub fn set_rights(&mut self, rights: Rights) {
        self.rights = rights;
    }

    /// Looks whether a feed's message may be carried out, and notes in it who sent it.
    pub(crate) fn admit_command(&mut self, asker: Asker<'_>, command: &mut Command) -> Result<(), Refusal> {
        let permitted = self.rights.permits(asker, Asked::Command(command));
        match permitted {
            Ok(()) => command.origin.principal = asker.principal(),
            Err(_) => self.count_not_permitted(asker),
        }
        permitted
    }

    /// As [`Service::admit_command`], of a request. Those inside a batch are looked at one by one.
    pub(crate) fn admit(&mut self, asker: Asker<'_>, body: &mut RequestBody) -> Result<(), Refusal> {
        match body {
            RequestBody::Command(command) => self.admit_command(asker, command),
            RequestBody::Query(query) => {
                let ticket_of = match query {
                    Query::Ticket { ticket } => self.engine.ticket(*ticket).map(|ticket| ticket.customer),
                    _ => None,
                };
                if matches!(query, Query::MaxStake(_)) {
                    // Its channel may be switched off.
                    asker.name().clone_into(&mut self.asked_by.principal.key);
                }
                let permitted = self.rights.permits(asker, Asked::Query { query, ticket_of });
                if permitted.is_err() {
                    self.count_not_permitted(asker);
                }
                permitted
            }
            RequestBody::Batch(_) => Ok(()),
        }
    }

    #[cold]
    fn count_not_permitted(&mut self, asker: Asker<'_>) {
        // Names of keys that nobody configured take one place together.
        let name = if self.rights.grants(asker).is_some() { asker.name() } else { "unknown" };
        *self.counters.not_permitted_count.entry(name.to_owned()).or_default() += 1;
    }
}
