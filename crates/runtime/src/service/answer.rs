//! Requests: commands answered by their events, queries answered from the state.

use oddsengine_engine::{Engine, Event, Fixture, Reason, Scope};
use oddsengine_feeds::{FeedError, Query, Request, RequestBody};
use oddsengine_types::{Currency, FixtureId};

use super::outbox::{Frame, Socket};
use super::{Route, Service};
use crate::wire::{
    BalanceAnswer, BatchReply, ExposureLevel, Header, Lookup, ReplyTo, board_image, reply_balance,
    reply_error, reply_event, reply_exposure, reply_fixtures, reply_images_end, reply_max_stake, reply_pong,
    reply_state_hash, reply_ticket,
};

/// What the encoder may ask of the engine.
pub(crate) struct View<'a>(pub &'a Engine);

impl Lookup for View<'_> {
    fn fixture(&self, index: u32) -> Option<&Fixture> {
        self.0.fixtures().get(index as usize)
    }

    fn currency(&self) -> Currency {
        self.0.config().currency
    }
}

impl Service {
    pub(crate) fn answer(&mut self, socket: Socket, route: &Route, body: RequestBody) {
        match body {
            RequestBody::Command(command) => {
                if self.is_refused_for_journal(&command.body) {
                    let payload =
                        self.refusal(route, Reason::JournalUnavailable, "the journal is unavailable");
                    self.send_to(socket, route, payload, None);
                    return;
                }
                if let Err(error) = self.run(&command, Some(route)) {
                    let payload = self.refusal(route, Reason::JournalUnavailable, &error.to_string());
                    self.send_to(socket, route, payload, None);
                }
            }
            RequestBody::Query(query) => self.answer_query(socket, route, &query),
            RequestBody::Batch(_) => {
                let now_ns = route.received_ns;
                self.reply_error(
                    socket,
                    &route.identity,
                    Some(&route.request_id),
                    "unknown_type",
                    "a batch inside a batch",
                    now_ns,
                );
            }
        }
    }

    fn refusal(&self, route: &Route, reason: Reason, detail: &str) -> Vec<u8> {
        let mut payload = Vec::new();
        reply_event(
            &self.reply_to(route),
            &Event::Refused { reason, detail },
            &View(&self.engine),
            &mut payload,
        );
        payload
    }

    fn reply_to<'a>(&self, route: &'a Route) -> ReplyTo<'a> {
        ReplyTo {
            request_id: Some(&route.request_id),
            epoch: self.engine.epoch(),
            received_ns: route.received_ns,
            decided_ns: self.engine.now_ns(),
        }
    }

    /// Answers a batch in one frame, in the order of its requests. A wrong request does not stop the others.
    pub(crate) fn answer_batch(
        &mut self,
        socket: Socket,
        route: &Route,
        requests: Vec<Result<Request, FeedError>>,
    ) {
        let mut replies: Vec<Vec<u8>> = Vec::with_capacity(requests.len());
        for request in requests {
            replies.push(match request {
                Ok(request) => self.answer_one(route, request),
                Err(error) => {
                    *self.counters.malformed_count.entry(error.code).or_default() += 1;
                    let to = ReplyTo { request_id: error.request_id.as_deref(), ..self.reply_to(route) };
                    let mut payload = Vec::new();
                    reply_error(&to, error.code, &error.message, &mut payload);
                    payload
                }
            });
        }
        let mut payload = Vec::new();
        let mut batch = BatchReply::begin(&self.reply_to(route), &mut payload);
        replies.iter().for_each(|reply| batch.add(reply));
        batch.finish();
        self.outbox
            .send_when_durable(self.last_seq, Frame { socket, first: route.identity.clone(), payload });
    }

    /// The answer to one request of a batch; what else it causes leaves on its own.
    fn answer_one(&mut self, batch: &Route, request: Request) -> Vec<u8> {
        let route = Route {
            identity: batch.identity.clone(),
            request_id: request.request_id,
            received_ns: batch.received_ns,
        };
        match request.body {
            RequestBody::Query(query) => return self.encode_query(&route, &query).unwrap_or_default(),
            body => {
                self.collecting = Some(None);
                self.answer(Socket::Orders, &route, body);
            }
        }
        match self.collecting.take() {
            Some(Some(reply)) => reply,
            _ => self.refusal(&route, Reason::OutOfSequence, "the request has no answer"),
        }
    }

    /// Sends the answer to the request that is being carried out, or keeps it for its batch.
    pub(crate) fn send_to(&mut self, socket: Socket, route: &Route, payload: Vec<u8>, seq: Option<u64>) {
        if let Some(collected @ None) = &mut self.collecting {
            *collected = Some(payload);
            return;
        }
        let frame = Frame { socket, first: route.identity.clone(), payload };
        match seq {
            Some(seq) => self.outbox.send_when_durable(seq, frame),
            None => self.outbox.send(frame),
        }
    }

    fn answer_query(&mut self, socket: Socket, route: &Route, query: &Query) {
        match query {
            Query::Image { fixture } => self.send_image(socket, route, *fixture),
            Query::Images { prefix } => self.send_images(socket, route, prefix),
            _ => {
                if matches!(query, Query::MaxStake(_)) {
                    // The same judgement as for a ticket at this moment.
                    self.tick(route.received_ns, i64::MIN);
                }
                let payload = self.encode_query(route, query).unwrap_or_default();
                // What a query tells must not be lost either.
                self.outbox.send_when_durable(
                    self.last_seq,
                    Frame { socket, first: route.identity.clone(), payload },
                );
            }
        }
    }

    /// The answer to a query that has exactly one; `None` for images.
    fn encode_query(&mut self, route: &Route, query: &Query) -> Option<Vec<u8>> {
        let mut payload = Vec::new();
        let to = self.reply_to(route);
        let (engine, out) = (&self.engine, &mut payload);
        let view = View(engine);
        match query {
            Query::MaxStake(request) => reply_max_stake(&to, &engine.max_stake(request), &view, out),
            Query::Balance { customer } => {
                let answer = BalanceAnswer {
                    customer: *customer,
                    available_minor: engine.available_minor(*customer),
                    reserved_minor: engine.reserved_minor(*customer),
                };
                reply_balance(&to, &answer, &view, out);
            }
            Query::Ticket { ticket } => match engine.ticket(*ticket) {
                Some(ticket) => reply_ticket(&to, ticket, true, &view, out),
                None => drop(reply_event(
                    &to,
                    &Event::TicketRefused { ticket: *ticket, reason: Reason::TicketNotFound },
                    &view,
                    out,
                )),
            },
            Query::Exposure { scope } => self.encode_exposure(&to, scope.as_ref(), out),
            Query::Fixtures => reply_fixtures(&to, engine.fixtures(), out),
            Query::StateHash => {
                reply_state_hash(&to, engine.state_hash(), engine.counters().command_count, out)
            }
            Query::Ping => reply_pong(&to, out),
            Query::Image { .. } | Query::Images { .. } => {
                reply_error(&to, "unknown_type", "images are asked for one by one, not in a batch", out);
            }
        }
        Some(payload)
    }

    fn encode_exposure(&self, to: &ReplyTo<'_>, scope: Option<&Scope>, out: &mut Vec<u8>) {
        let engine = &self.engine;
        let fixture = match scope {
            Some(Scope::Fixture(fixture) | Scope::Market(fixture, _)) => engine.fixture(*fixture),
            _ => None,
        };
        let named = match scope {
            Some(Scope::Competition(name)) => Some(name.as_str()),
            _ => None,
        };
        let limits = engine.limits();
        let mut levels = vec![ExposureLevel {
            level: "platform",
            name: "",
            loss_minor: engine.platform_loss_minor(),
            limit_minor: engine.config().platform_loss_minor_max,
        }];
        for (index, name) in oddsengine_markets::sports().iter().enumerate() {
            let sport = oddsengine_types::SportId(index as u8);
            levels.push(ExposureLevel {
                level: "sport",
                name,
                loss_minor: engine.sport_loss_minor(sport),
                limit_minor: limits.sport_minor(sport),
            });
        }
        for competition in engine.competitions() {
            let is_asked = named.is_none_or(|name| name == competition.name)
                && fixture.is_none_or(|fixture| fixture.request.competition == competition.name);
            if is_asked {
                levels.push(ExposureLevel {
                    level: "competition",
                    name: &competition.name,
                    loss_minor: competition.loss_minor,
                    limit_minor: limits.competition_minor(&competition.name),
                });
            }
        }
        let detail = fixture.map(|fixture| (fixture, engine.exposure(fixture)));
        if let Some((fixture, _)) = &detail {
            levels.push(ExposureLevel {
                level: "fixture",
                name: "",
                loss_minor: (-fixture.book.worst_minor()).max(0),
                limit_minor: fixture.limits.fixture_loss_minor_max,
            });
        }
        let detail = detail.as_ref().map(|(fixture, exposure)| (*fixture, exposure));
        reply_exposure(to, &levels, detail, &View(engine), out);
    }

    fn send_image(&mut self, socket: Socket, route: &Route, id: FixtureId) {
        // The image contains what is pending, so the pending delta leaves first.
        self.flush_boards();
        match self.image(id, route) {
            Some(payload) => self.outbox.send(Frame { socket, first: route.identity.clone(), payload }),
            None => {
                let payload =
                    self.refusal(route, Reason::FixtureNotFound, &format!("fixture {id} is not known"));
                self.outbox.send(Frame { socket, first: route.identity.clone(), payload });
            }
        }
    }

    fn send_images(&mut self, socket: Socket, route: &Route, prefix: &str) {
        self.flush_boards();
        let ids: Vec<FixtureId> = self.engine.fixtures().iter().map(Fixture::id).collect();
        let mut image_count = 0;
        for id in ids {
            let fixture = self.engine.fixture(id).expect("just listed");
            if self.topics.topics(fixture).odds.starts_with(prefix.as_bytes()) {
                let payload = self.image(id, route).expect("just listed");
                self.outbox.send(Frame { socket, first: route.identity.clone(), payload });
                image_count += 1;
            }
        }
        let mut payload = Vec::new();
        reply_images_end(&self.reply_to(route), image_count, &mut payload);
        self.outbox.send(Frame { socket, first: route.identity.clone(), payload });
    }

    fn image(&mut self, id: FixtureId, route: &Route) -> Option<Vec<u8>> {
        let fixture = self.engine.fixture(id)?;
        let seq = self.topics.topics(fixture).odds_seq;
        let header = Header {
            epoch: self.engine.epoch(),
            seq,
            version: fixture.version,
            received_ns: route.received_ns,
            decided_ns: self.engine.now_ns(),
            reason: "image",
            is_stale: self.is_stale(fixture, route.received_ns),
            ..Header::default()
        };
        let mut payload = Vec::with_capacity(64 * 1024);
        board_image(fixture, &header, &mut payload);
        Some(payload)
    }

    pub(crate) fn reply_error(
        &mut self,
        socket: Socket,
        identity: &[u8],
        request_id: Option<&str>,
        code: &str,
        message: &str,
        now_ns: i64,
    ) {
        let to = ReplyTo { request_id, epoch: self.engine.epoch(), received_ns: now_ns, decided_ns: now_ns };
        let mut payload = Vec::new();
        reply_error(&to, code, message, &mut payload);
        self.outbox.send(Frame { socket, first: identity.to_vec(), payload });
    }
}
