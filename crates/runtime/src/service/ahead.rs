//! Stops that overtake on the way in: whoever reads messages ahead of their order shows them here, and what stops trading
//! halts its fixture at once. The message itself is carried out in its order, so that numbers, repeats and gaps of its source
//! are as if nobody had looked ahead.

use oddsengine_engine::{Body, Channel, Command, Origin, VoidKind};
use oddsengine_feeds::{RequestBody, decode_ingest, decode_order};
use oddsengine_types::FixtureId;

use super::{Asked, Asker, Door, Service};

impl Service {
    /// A message of `ingest` that waits behind others. If it stops trading of a fixture, the fixture halts; which it is.
    /// Call [`Service::end_halt`] when the message was handed in.
    ///
    /// What is malformed, not permitted, a repeat by its number, or about no fixture that is traded halts nothing, and is
    /// counted and told when it is handed in.
    pub fn look_ahead(&mut self, key: Option<&str>, payload: &[u8], now_ns: i64) -> Option<FixtureId> {
        let command = decode_ingest(payload, now_ns).ok()?.value;
        self.halt(Asker::of(key, Door::Ingest), &command, now_ns)
    }

    /// The same of a request of `orders`: the desk's suspensions and voids, by themselves or in a batch.
    pub fn look_ahead_order(&mut self, key: Option<&str>, payload: &[u8], now_ns: i64) -> Vec<FixtureId> {
        let asker = Asker::of(key, Door::Orders);
        match decode_order(payload, now_ns).map(|decoded| decoded.value.body) {
            Ok(RequestBody::Command(command)) => self.halt(asker, &command, now_ns).into_iter().collect(),
            Ok(RequestBody::Batch(requests)) => {
                let commands = requests.into_iter().filter_map(|request| match request.ok()?.body {
                    RequestBody::Command(command) => Some(command),
                    RequestBody::Query(_) | RequestBody::Batch(_) => None,
                });
                commands.filter_map(|command| self.halt(asker, &command, now_ns)).collect()
            }
            Ok(RequestBody::Query(_)) | Err(_) => Vec::new(),
        }
    }

    fn halt(&mut self, asker: Asker<'_>, command: &Command, now_ns: i64) -> Option<FixtureId> {
        let fixture = stopped_by(&command.body)?;
        let origin = &command.origin;
        let is_traded = self.engine.fixture(fixture).is_some_and(|known| !known.is_closed());
        let known_seq = self.engine.sources().get(&origin.source).and_then(|source| source.seq);
        let is_repeat = origin.seq.is_some_and(|seq| known_seq.is_some_and(|known| seq <= known));
        if !is_traded || is_repeat || self.rights.permits(asker, Asked::Command(command)).is_err() {
            return None;
        }
        if !self.halts.contains_key(&fixture) {
            let origin = Origin {
                source: origin.source.clone(),
                source_ns: origin.source_ns,
                channel: Channel::Runtime,
                principal: asker.principal(),
                seq: None,
            };
            let body = Body::Halt { fixture, ends: false };
            // Where the journal takes nothing nobody bets either, and the message comes in its order.
            self.run(&Command { time_ns: now_ns, origin, body }, None).ok()?;
        }
        *self.halts.entry(fixture).or_default() += 1;
        Some(fixture)
    }

    /// A message that halted a fixture ahead of its order was handed in. The last of them lifts the halt; what it said itself
    /// stands.
    pub fn end_halt(&mut self, fixture: FixtureId, now_ns: i64) {
        let Some(count) = self.halts.get_mut(&fixture) else { return };
        *count -= 1;
        if *count > 0 {
            return;
        }
        self.halts.remove(&fixture);
        let body = Body::Halt { fixture, ends: true };
        let command = Command { time_ns: now_ns, origin: Origin::default(), body };
        if let Err(error) = self.run(&command, None) {
            // It stays halted, which the desk may lift by name.
            self.alert("journal_unavailable", &error.to_string(), None, now_ns);
        }
    }

    /// Fixtures that stand still for messages that wait to be read.
    pub fn halt_count(&self) -> usize {
        self.halts.len()
    }
}

/// The fixture whose trading a command stops, as a whole or in a market.
fn stopped_by(body: &Body) -> Option<FixtureId> {
    match body {
        Body::Incident { fixture, incident } if incident.is_danger() => Some(*fixture),
        Body::Suspend { fixture, .. } => Some(*fixture),
        Body::VoidFixture { fixture, void } if *void != VoidKind::Nothing => Some(*fixture),
        _ => None,
    }
}
