//! What a request costs, so that a turn, a batch and a second take a bounded amount of work whatever is asked. What one
//! query is answered with at most stands in [`super::bounds`].

use oddsengine_engine::{Body, Scope, TicketRequest};
use oddsengine_feeds::{Query, Request, RequestBody};

use super::Service;
use super::outbox::Socket;

/// Nanoseconds that one unit of weight stands for, roughly.
const WEIGHT_NS: i64 = 5_000;
/// Weight of requests of one socket after which the rest waits for the next turn: about five milliseconds.
pub const WEIGHT_PER_TURN: u64 = 1_024;
/// Outcomes that one unit of weight looks at.
const CELLS_PER_WEIGHT: usize = 8_192;
/// No query weighs more than this (two milliseconds) but `state_hash` of a state that changed, which is answered one after
/// another with pauses between, and `exposure` of a fixture of a space with millions of outcomes and views to cross.
pub const HEAVY_WEIGHT: u64 = 400;
/// So many times as long as a heavy query takes, no other one is answered.
const HEAVY_PAUSE: i64 = 9;
/// Bytes of a batch's answers after which the rest of its requests is not carried out.
pub const BATCH_REPLY_BYTES_MAX: usize = 60_000;

/// Work done in a turn, and the pause after a heavy query.
#[derive(Debug, Default)]
pub(crate) struct Work {
    by_orders: u64,
    by_snapshot: u64,
    pub is_shared: bool,
    heavy_since_ns: i64,
    heavy_until_ns: i64,
    /// (commands applied, hash of the state after them)
    pub hash: Option<(u64, oddsengine_types::StateHash)>,
}

impl Work {
    pub fn add(&mut self, socket: Socket, weight: u64) {
        *match socket {
            Socket::Snapshot => &mut self.by_snapshot,
            _ => &mut self.by_orders,
        } += weight;
    }

    pub fn end_turn(&mut self) {
        (self.by_orders, self.by_snapshot) = (0, 0);
    }

    /// Milliseconds until a query of this weight is answered; `None` if it is answered now, and counted.
    pub fn heavy_wait_ms(&mut self, weight: u64, now_ns: i64) -> Option<i64> {
        if weight < HEAVY_WEIGHT || !self.is_shared {
            return None;
        }
        // A clock that went back ends the pause.
        if (self.heavy_since_ns..self.heavy_until_ns).contains(&now_ns) {
            return Some((self.heavy_until_ns - now_ns) / 1_000_000 + 1);
        }
        let pause_ns = (weight as i64).saturating_mul(WEIGHT_NS * HEAVY_PAUSE);
        (self.heavy_since_ns, self.heavy_until_ns) = (now_ns, now_ns.saturating_add(pause_ns));
        None
    }
}

impl Service {
    /// Another request of this socket may be handed in in this turn; the others wait in front of it.
    pub fn takes_requests(&self, is_snapshot: bool) -> bool {
        let weight = if is_snapshot { self.work.by_snapshot } else { self.work.by_orders };
        weight < WEIGHT_PER_TURN
    }

    /// What a request costs, in units of about five microseconds.
    pub(crate) fn weight_of(&self, body: &RequestBody) -> u64 {
        match body {
            RequestBody::Command(command) => weight_of_command(&command.body),
            RequestBody::Query(query) => self.weight_of_query(query),
            RequestBody::Batch(requests) => {
                let weigh = |request: &Result<Request, _>| {
                    request.as_ref().map_or(1, |request: &Request| self.weight_of(&request.body))
                };
                requests.iter().map(weigh).sum()
            }
        }
    }

    /// What a query costs, in units of about five microseconds.
    pub fn weight_of_query(&self, query: &Query) -> u64 {
        let engine = &self.engine;
        match query {
            Query::Ping | Query::Balance { .. } => 1,
            Query::Ticket { .. } => 2,
            Query::MaxStake(request) => weight_of_ticket(request),
            Query::Image { .. } => 16,
            // Made later, some a turn.
            Query::Images { .. } => 16,
            Query::Fixtures { .. }
            | Query::Tickets { .. }
            | Query::Alerts { .. }
            | Query::Evidence { .. }
            | Query::Table(_) => 64,
            Query::Explain { .. } => 16,
            Query::Exposure { scope, .. } => {
                let fixture = match scope {
                    Some(Scope::Fixture(fixture) | Scope::Market(fixture, _)) => engine.fixture(*fixture),
                    _ => None,
                };
                64 + fixture.map_or(0, |fixture| {
                    let template = fixture.template();
                    (template.views.len() * template.joint.main_count / CELLS_PER_WEIGHT) as u64
                })
            }
            Query::StateHash if self.known_hash().is_some() => 1,
            Query::StateHash => 1 + engine.fixtures().len() as u64 + engine.tickets().len() as u64 / 10,
        }
    }
}

/// At most one of these in a batch.
pub(crate) fn is_expensive(query: &Query) -> bool {
    matches!(
        query,
        Query::StateHash
            | Query::Exposure { .. }
            | Query::Fixtures { .. }
            | Query::Tickets { .. }
            | Query::Alerts { .. }
            | Query::Evidence { .. }
            | Query::Table(_)
    )
}

/// Each leg is looked at; what rides on it is a sum over the legs of every bet with it.
fn weight_of_ticket(request: &TicketRequest) -> u64 {
    let legs = request.legs.len() as u64;
    let bets = request.plan.as_ref().map_or(0, |plan| plan.bets.len() as u64);
    3 + legs + bets + bets * legs * legs / 1_000
}

fn weight_of_command(body: &Body) -> u64 {
    match body {
        Body::Deposit(_) | Body::Withdraw(_) | Body::SetCustomer { .. } => 1,
        Body::PlaceTicket(request) => weight_of_ticket(request),
        _ => 16,
    }
}
