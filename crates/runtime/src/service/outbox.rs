//! Frames on their way out: urgent ones first, money only once it is durable.

use std::collections::VecDeque;

use crate::wire::stamp_sent;

/// Where a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Socket {
    /// `odds`, XPUB: topic and payload.
    Odds = 0,
    /// `desk`, PUB: topic and payload.
    Desk = 1,
    /// `orders`, ROUTER: identity and payload.
    Orders = 2,
    /// `snapshot`, ROUTER: identity and payload.
    Snapshot = 3,
}

/// Two parts for a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Where it goes.
    pub socket: Socket,
    /// Topic or identity.
    pub first: Vec<u8>,
    /// The message.
    pub payload: Vec<u8>,
}

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    urgent: Vec<Frame>,
    ready: Vec<Frame>,
    waiting: VecDeque<(u64, Frame)>,
}

impl Outbox {
    /// Trading status: leaves before everything else.
    pub fn send_urgent(&mut self, frame: Frame) {
        self.urgent.push(frame);
    }

    /// Leaves at once.
    pub fn send(&mut self, frame: Frame) {
        self.ready.push(frame);
    }

    /// Leaves when record `seq` is durable.
    pub fn send_when_durable(&mut self, seq: u64, frame: Frame) {
        self.waiting.push_back((seq, frame));
    }

    /// Records up to `durable_seq` are durable.
    pub fn release(&mut self, durable_seq: u64) {
        while self.waiting.front().is_some_and(|(seq, _)| *seq <= durable_seq) {
            self.ready.extend(self.waiting.pop_front().map(|(_, frame)| frame));
        }
    }

    /// Takes what can leave; [`stamp`] it.
    pub fn take(&mut self) -> Vec<Frame> {
        let mut frames = std::mem::take(&mut self.urgent);
        frames.append(&mut self.ready);
        frames
    }
}

/// Writes the time of sending into every frame.
pub(crate) fn stamp(frames: &mut [Frame], now_ns: i64) {
    frames.iter_mut().for_each(|frame| stamp_sent(&mut frame.payload, now_ns.max(0)));
}
