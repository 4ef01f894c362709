//! Requests: commands answered by their events, queries answered from the state.

use oddsengine_engine::{Answer, Competition, Engine, ExposureBounds, Fixture, Reason, Scope};
use oddsengine_feeds::{FeedError, FixtureFilter, Query, Request, RequestBody};
use oddsengine_markets::MarketId;
use oddsengine_types::{Currency, FixtureId, StateHash};

use super::bounds::{
    COMPETITIONS_EXAMINED_PER_PAGE, EXPOSURE_CELLS_PER_PAGE, FIXTURE_BYTES, FIXTURES_PER_PAGE, LEVEL_BYTES,
    LEVELS_PER_PAGE, PAGE_BYTES_MAX, ROWS_EXAMINED_MAX, SELECTION_BYTES, SELECTIONS_PER_PAGE,
};
use super::outbox::{Frame, Socket};
use super::weight::{BATCH_REPLY_BYTES_MAX, is_expensive};
use super::{Asker, Refusal, Route, Service};
use crate::journal::JournalError;
use crate::wire::{
    BalanceAnswer, BatchReply, Explained, ExposureLevel, Lookup, ReplyTo, mark_unwritten, reply_answer,
    reply_balance, reply_error, reply_explain, reply_exposure, reply_fixtures, reply_max_stake, reply_pong,
    reply_state_hash, reply_ticket,
};

/// What the encoder may ask of the engine.
pub(crate) struct View<'a>(pub &'a Engine);

impl Lookup for View<'_> {
    fn fixture(&self, id: FixtureId) -> Option<&Fixture> {
        self.0.fixture(id)
    }

    fn currency(&self) -> Currency {
        self.0.config().currency
    }
}

fn is_among(fixture: &Fixture, which: &FixtureFilter) -> bool {
    let request = &fixture.request;
    which.sport.is_none_or(|sport| sport == request.sport())
        && which.competition.as_ref().is_none_or(|name| *name == request.competition)
        && which.status.is_none_or(|status| status == fixture.told_status().name())
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
                    let reason = match error {
                        JournalError::ArchiveUnreadable { .. } => Reason::ArchiveUnreadable,
                        _ => Reason::JournalUnavailable,
                    };
                    let payload = self.refusal(route, reason, &error.to_string());
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

    pub(crate) fn refusal(&self, route: &Route, reason: Reason, detail: &str) -> Vec<u8> {
        let mut payload = Vec::new();
        let refused = Answer::Refused { reason, detail: detail.to_string() };
        reply_answer(&self.reply_to(route), &refused, &mut payload);
        payload
    }

    pub(crate) fn reply_to<'a>(&self, route: &'a Route) -> ReplyTo<'a> {
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
        asker: Asker<'_>,
        route: &Route,
        requests: Vec<Result<Request, FeedError>>,
    ) {
        let first_seq = self.last_seq;
        let mut replies: Vec<Vec<u8>> = Vec::with_capacity(requests.len());
        let (mut size, mut has_expensive) = (0, false);
        for request in requests {
            replies.push(match request {
                Ok(request) if size >= BATCH_REPLY_BYTES_MAX => {
                    let message = format!(
                        "the answers before it have {BATCH_REPLY_BYTES_MAX} bytes: it was not carried out, send it again"
                    );
                    self.encode_busy(route, &request.request_id, "batch_full", &message)
                }
                Ok(mut request) => match (self.admit(asker, &mut request.body), &request.body) {
                    (Err(Refusal { reason, detail }), _) => {
                        let route = Route { request_id: request.request_id, ..route.clone() };
                        self.refusal(&route, reason, &detail)
                    }
                    (Ok(()), RequestBody::Query(query))
                        if is_expensive(query) && std::mem::replace(&mut has_expensive, true) =>
                    {
                        let message = "a batch takes one of state_hash, exposure, fixtures, tickets, settlements, alerts, table: \
                                       send it in a message of its own";
                        self.encode_busy(route, &request.request_id, "batch_too_heavy", message)
                    }
                    (Ok(()), _) => self.answer_one(route, request, BATCH_REPLY_BYTES_MAX - size),
                },
                Err(error) => {
                    *self.counters.malformed_count.entry(error.code).or_default() += 1;
                    let to = ReplyTo { request_id: error.request_id.as_deref(), ..self.reply_to(route) };
                    let mut payload = Vec::new();
                    reply_error(&to, error.code, &error.message, &mut payload);
                    payload
                }
            });
            size += replies.last().map_or(0, Vec::len);
        }
        let mut payload = Vec::new();
        let mut batch = BatchReply::begin(&self.reply_to(route), &mut payload);
        replies.iter().for_each(|reply| batch.add(reply));
        batch.finish();
        let frame = Frame { socket, first: route.identity.clone(), payload };
        if self.last_seq == first_seq {
            self.send_state(frame);
        } else {
            self.outbox.send_when_durable(self.last_seq, frame);
        }
    }

    /// Sends what tells the state and changes nothing. It must not be lost either, so it waits until the journal holds
    /// that state; while the disk is full nobody knows how long that is, and the answer leaves at once, marked.
    pub(super) fn send_state(&mut self, mut frame: Frame) {
        if self.waits_for_disk() && self.last_seq != self.progress().1 {
            mark_unwritten(&mut frame.payload);
            self.outbox.send(frame);
        } else {
            self.outbox.send_when_durable(self.last_seq, frame);
        }
    }

    /// The answer to a heavy query that comes too soon after another.
    fn heavy_refusal(&mut self, route: &Route, query: &Query) -> Option<Vec<u8>> {
        let weight = self.weight_of_query(query);
        let wait_ms = self.work.heavy_wait_ms(weight, route.received_ns)?;
        let message = format!("the state is large: asked again in {wait_ms} ms it is answered");
        Some(self.encode_busy(route, &route.request_id, "busy", &message))
    }

    /// The answer that something is not done now, although it could be.
    pub(super) fn encode_busy(
        &mut self,
        route: &Route,
        request_id: &str,
        code: &str,
        message: &str,
    ) -> Vec<u8> {
        self.counters.busy_count += 1;
        let to = ReplyTo { request_id: Some(request_id), ..self.reply_to(route) };
        let mut payload = Vec::new();
        reply_error(&to, code, message, &mut payload);
        payload
    }

    /// The answer to one request of a batch, a page in at most about `bytes_max`; what else it causes leaves on its own.
    fn answer_one(&mut self, batch: &Route, request: Request, bytes_max: usize) -> Vec<u8> {
        let route = Route {
            identity: batch.identity.clone(),
            request_id: request.request_id,
            received_ns: batch.received_ns,
        };
        match request.body {
            RequestBody::Query(query) => return self.encode_query(&route, &query, bytes_max),
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
        self.price_changed();
        match query {
            Query::Image { fixture } => self.send_image(socket, route, *fixture),
            Query::Images { prefix, after } => self.send_images(socket, route, prefix, *after),
            Query::StateHash if self.work.is_shared && self.known_hash().is_none() => {
                match self.heavy_refusal(route, query) {
                    Some(payload) => {
                        self.send_state(Frame { socket, first: route.identity.clone(), payload })
                    }
                    None => self.send_hash(socket, route),
                }
            }
            _ => {
                if matches!(query, Query::MaxStake(_)) {
                    // The same judgement as for a ticket at this moment.
                    self.tick(route.received_ns, i64::MIN);
                }
                let payload = self.encode_query(route, query, PAGE_BYTES_MAX);
                self.send_state(Frame { socket, first: route.identity.clone(), payload });
            }
        }
    }

    /// The answer to a query that has exactly one, a page in at most about `bytes_max`.
    fn encode_query(&mut self, route: &Route, query: &Query, bytes_max: usize) -> Vec<u8> {
        self.recall_asked_about(query, route.received_ns);
        self.price_changed();
        let mut payload = Vec::new();
        if *query == Query::StateHash && self.known_hash().is_none() {
            if self.work.is_shared {
                let message = "the hash of a state that changed is computed beside all else: send it in a message of its own";
                return self.encode_busy(route, &route.request_id, "batch_too_heavy", message);
            }
            self.update_hash();
        }
        // Settings of a scope may not have come to these yet.
        match query {
            Query::MaxStake(request) => {
                for leg in &request.legs {
                    self.price_fixture(leg.fixture);
                }
            }
            Query::Exposure { scope: Some(Scope::Fixture(fixture) | Scope::Market(fixture, _)), .. } => {
                self.price_fixture(*fixture);
            }
            _ => {}
        }
        let bytes_max = bytes_max.min(PAGE_BYTES_MAX);
        let archived = match query {
            Query::Ticket { ticket } if self.engine.ticket(*ticket).is_none() => {
                let found = self.archived_ticket(*ticket, &[]);
                if let Err(error) = &found {
                    self.tell_unreadable(error, route.received_ns);
                }
                found
            }
            _ => Ok(None),
        };
        let to = self.reply_to(route);
        let (engine, out) = (&self.engine, &mut payload);
        let view = View(engine);
        match query {
            Query::MaxStake(request) => {
                let largest = engine.max_stake_by(request, Some(&self.asked_by), route.received_ns);
                reply_max_stake(&to, &largest, &view, out);
            }
            Query::Balance { customer } => {
                let answer = BalanceAnswer {
                    customer: *customer,
                    available_minor: engine.available_minor(*customer),
                    reserved_minor: engine.reserved_minor(*customer),
                    owed_minor: engine.owed_minor(*customer),
                };
                reply_balance(&to, &answer, &view, out);
            }
            Query::Ticket { ticket } => match engine.ticket(*ticket) {
                Some(ticket) => reply_ticket(&to, ticket, true, &view, out),
                None => {
                    // A ticket of which that is not known is not said to be unknown.
                    let reason = match &archived {
                        Ok(None) => Reason::TicketNotFound,
                        Ok(Some(_)) | Err(_) => Reason::ArchiveUnreadable,
                    };
                    match archived.ok().flatten().and_then(|ticket| engine.placed(ticket).ok()) {
                        Some(ticket) => reply_ticket(&to, &ticket, true, &view, out),
                        None => {
                            reply_answer(&to, &Answer::TicketRefused { ticket: *ticket, reason }, out);
                        }
                    }
                }
            },
            Query::Exposure { scope, after } => {
                self.encode_exposure(&to, scope.as_ref(), *after, bytes_max, out)
            }
            Query::Fixtures { after, which } => {
                // By places: some may be free.
                let all = engine.fixtures();
                let place_count = all.place_count();
                let first = usize::try_from(*after).unwrap_or(usize::MAX).min(place_count);
                let end = first.saturating_add(ROWS_EXAMINED_MAX).min(place_count);
                let count_max = (bytes_max / FIXTURE_BYTES).clamp(1, FIXTURES_PER_PAGE);
                let (mut chosen, mut place) = (Vec::new(), first);
                while place < end && chosen.len() < count_max {
                    let fixture = all.get(place);
                    chosen.extend(fixture.filter(|fixture| is_among(fixture, which)));
                    place += 1;
                }
                // What is free at the end is no page of its own.
                let has_more = (place..place_count).any(|place| all.get(place).is_some());
                let listed =
                    chosen.into_iter().map(|fixture: &Fixture| (fixture, engine.version(fixture).seq));
                reply_fixtures(&to, listed, has_more.then_some(place as u64), out);
            }
            Query::Tickets { page, is_settlements, which } => {
                self.encode_changes(&to, *page, *is_settlements, which, bytes_max, out)
            }
            Query::Table(query) => self.encode_table(&to, query, bytes_max, out),
            Query::Explain { fixture, market, after } => {
                self.encode_explain(&to, *fixture, *market, *after, bytes_max, out)
            }
            Query::Evidence { .. } => self.encode_evidence(&to, query, bytes_max, out),
            Query::Alerts { page, epoch } => self.encode_alerts(&to, *page, *epoch, bytes_max, out),
            Query::StateHash => {
                let hash = self.known_hash().expect("it was computed above");
                reply_state_hash(&to, hash, engine.counters().command_count, out)
            }
            Query::Ping => reply_pong(&to, out),
            Query::Image { .. } | Query::Images { .. } => {
                reply_error(&to, "unknown_type", "images are asked for one by one, not in a batch", out);
            }
        }
        payload
    }

    /// The hash of the present state, if it is known: nothing was applied since it was computed.
    pub(crate) fn known_hash(&self) -> Option<StateHash> {
        let command_count = self.engine.counters().command_count;
        self.work.hash.filter(|(count, _)| *count == command_count).map(|(_, hash)| hash)
    }

    fn update_hash(&mut self) {
        if self.known_hash().is_none() {
            self.work.hash = Some((self.engine.counters().command_count, self.engine.state_hash()));
        }
    }

    /// A page of the exposure of a scope: losses against limits, and the detail of a fixture.
    fn encode_exposure(
        &self,
        to: &ReplyTo<'_>,
        scope: Option<&Scope>,
        after: u64,
        bytes_max: usize,
        out: &mut Vec<u8>,
    ) {
        let engine = &self.engine;
        let fixture = match scope {
            Some(Scope::Fixture(fixture) | Scope::Market(fixture, _)) => engine.fixture(*fixture),
            _ => None,
        };
        // The levels above come first, and once.
        let mut levels = if after == 0 { self.upper_levels() } else { Vec::new() };
        let Some(fixture) = fixture else {
            let next = self.push_competitions(scope, after, bytes_max, &mut levels);
            return reply_exposure(to, &levels, None, next, &View(engine), out);
        };
        if after == 0 {
            levels.push(self.competition_level(&engine.competitions()[fixture.competition as usize]));
            levels.push(ExposureLevel {
                level: "fixture",
                name: "",
                loss_minor: (-fixture.book.worst_minor()).max(0),
                limit_minor: fixture.limits.fixture_loss_minor_max,
            });
        }
        let bounds = ExposureBounds {
            selection_count: (bytes_max / SELECTION_BYTES).clamp(1, SELECTIONS_PER_PAGE),
            cell_count: EXPOSURE_CELLS_PER_PAGE,
        };
        let first = u16::try_from(after).unwrap_or(u16::MAX);
        let (exposure, next) = engine.exposure_page(fixture, first, bounds);
        reply_exposure(to, &levels, Some((fixture, &exposure)), next.map(u64::from), &View(engine), out);
    }

    /// Where the prices of a market come from, a page of its selections.
    fn encode_explain(
        &self,
        to: &ReplyTo<'_>,
        id: FixtureId,
        market: Option<MarketId>,
        after: u64,
        bytes_max: usize,
        out: &mut Vec<u8>,
    ) {
        let engine = &self.engine;
        let refused = |reason, detail: String, out: &mut Vec<u8>| {
            reply_answer(to, &Answer::Refused { reason, detail }, out);
        };
        let Some(fixture) = engine.fixture(id) else {
            return refused(Reason::FixtureNotFound, format!("fixture {id} is not known"), out);
        };
        let place = market.map(|market| fixture.template().market_of_id(market));
        if place == Some(None) {
            let detail = "the market is not in the fixture's template".to_owned();
            return refused(Reason::SelectionNotFound, detail, out);
        }
        let market = place.flatten().map(|place| (place, engine.explain_market(fixture, place)));
        let count = market.as_ref().map_or(0, |(_, steps)| steps.selections.len());
        let first = usize::try_from(after).unwrap_or(usize::MAX).min(count);
        let end = count.min(first + (bytes_max / SELECTION_BYTES).clamp(1, SELECTIONS_PER_PAGE));
        let explained = Explained {
            fixture,
            version: engine.version(fixture).seq,
            market: market.as_ref().map(|(place, steps)| (*place, steps)),
            config: engine.config(),
            expects: engine.expects(fixture),
            first,
            end,
        };
        let next = (end < count).then_some(end as u64);
        reply_explain(to, &explained, next, &View(engine), out);
    }

    /// The platform and its sports.
    fn upper_levels(&self) -> Vec<ExposureLevel<'_>> {
        let engine = &self.engine;
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
                limit_minor: engine.limits().sport_minor(sport),
            });
        }
        levels
    }

    fn competition_level<'a>(&'a self, competition: &'a Competition) -> ExposureLevel<'a> {
        ExposureLevel {
            level: "competition",
            name: &competition.name,
            loss_minor: competition.loss_minor,
            limit_minor: self.engine.limits().competition_minor(&competition.name),
        }
    }

    /// The competitions of a page that are asked for; where the next one starts, if there is one.
    fn push_competitions<'a>(
        &'a self,
        scope: Option<&Scope>,
        after: u64,
        bytes_max: usize,
        levels: &mut Vec<ExposureLevel<'a>>,
    ) -> Option<u64> {
        let named = match scope {
            Some(Scope::Competition(name)) => Some(name.as_str()),
            _ => None,
        };
        let all = self.engine.competitions();
        let place_count = all.place_count();
        let first = after.min(place_count as u64) as usize;
        let end = first.saturating_add(COMPETITIONS_EXAMINED_PER_PAGE).min(place_count);
        let level_count_max = levels.len() + (bytes_max / LEVEL_BYTES).clamp(1, LEVELS_PER_PAGE);
        let mut next = first;
        while next < end && levels.len() < level_count_max {
            if let Some(competition) = all.get(next)
                && named.is_none_or(|name| name == competition.name)
            {
                levels.push(self.competition_level(competition));
            }
            next += 1;
        }
        (next < place_count).then_some(next as u64)
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
