//! The hash of a state is computed by another thread, from an image of it: the engine goes on meanwhile.

use std::sync::mpsc::{Receiver, TryRecvError, channel};

use oddsengine_types::StateHash;

use super::outbox::{Frame, Socket};
use super::{Route, Service};
use crate::wire::reply_state_hash;

/// Most requests that wait for a hash; a further one is answered with `busy`.
pub const HASHES_WAITING_MAX: usize = 64;

/// Hashes on their way.
#[derive(Debug, Default)]
pub(crate) struct Hashing {
    under_way: Option<UnderWay>,
    /// Who asked after the image was made: what they asked for holds what happened until then.
    later: Vec<(Socket, Route)>,
}

#[derive(Debug)]
struct UnderWay {
    hash: Receiver<StateHash>,
    /// Commands that the image holds.
    command_count: u64,
    waiting: Vec<(Socket, Route)>,
}

impl Service {
    /// A hash is on its way: [`Service::end_turn`] answers with it once it is there.
    pub fn is_hashing(&self) -> bool {
        self.hashing.under_way.is_some()
    }

    /// Puts the hash of the present state on its way to whoever asks.
    pub(super) fn send_hash(&mut self, socket: Socket, route: &Route) {
        let under_way = self.hashing.under_way.as_ref();
        if self.hashing.later.len() + under_way.map_or(0, |job| job.waiting.len()) >= HASHES_WAITING_MAX {
            let message = format!("{HASHES_WAITING_MAX} requests wait for a hash of the state: ask again");
            let payload = self.encode_busy(route, &route.request_id, "busy", &message);
            return self.outbox.send(Frame { socket, first: route.identity.clone(), payload });
        }
        self.hashing.later.push((socket, route.clone()));
        self.begin_hash();
    }

    fn begin_hash(&mut self) {
        if self.is_hashing() || self.hashing.later.is_empty() {
            return;
        }
        let image = self.engine.image();
        let (sender, hash) = channel();
        let command_count = self.engine.counters().command_count;
        let thread = std::thread::Builder::new().name("hash".to_owned());
        let waiting = std::mem::take(&mut self.hashing.later);
        let compute = move || {
            // Nobody waits any more where the service is gone.
            let _ = sender.send(image.hash());
        };
        if thread.spawn(compute).is_err() {
            // No thread is to be had: somebody may be told later.
            for (socket, route) in waiting {
                let message = "no thread computes the hash now: ask again";
                let payload = self.encode_busy(&route, &route.request_id, "busy", message);
                self.outbox.send(Frame { socket, first: route.identity, payload });
            }
            return;
        }
        self.hashing.under_way = Some(UnderWay { hash, command_count, waiting });
    }

    /// Answers with the hash that is there, and puts the next one on its way.
    pub(super) fn answer_hashes(&mut self) {
        let Some(job) = &self.hashing.under_way else { return };
        let hash = match job.hash.try_recv() {
            Ok(hash) => hash,
            Err(TryRecvError::Empty) => return,
            Err(TryRecvError::Disconnected) => {
                self.hashing.under_way = None;
                return self.begin_hash();
            }
        };
        let Some(UnderWay { command_count, waiting, .. }) = self.hashing.under_way.take() else { return };
        self.work.hash = Some((command_count, hash));
        for (socket, route) in waiting {
            let mut payload = Vec::new();
            reply_state_hash(&self.reply_to(&route), hash, command_count, &mut payload);
            self.send_state(Frame { socket, first: route.identity, payload });
        }
        self.begin_hash();
    }
}
