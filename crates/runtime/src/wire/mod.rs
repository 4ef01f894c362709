//! The wire encoder: engine events to the frames that leave on `odds`, `desk`, `orders` and `snapshot`.
//!
//! Every function writes one payload into a reusable buffer (cleared first) and neither allocates on the odds
//! path nor reads a clock: the moment of sending is stamped by [`stamp_sent`] just before the socket takes the
//! bytes. The messages are described in `docs/wire.md` and `docs/schemas/`; `samples/` beside this file holds
//! one of each, compared in the tests.
//!
//! A frame on `odds` and `desk` has two parts: topic ([`TopicSequencer`]) and payload. A reply has one.

mod binary;
mod board;
mod desk;
mod header;
mod json;
mod reply;
mod rows;
#[cfg(test)]
pub(crate) mod sample;
mod status;
mod template_text;
#[cfg(test)]
mod tests;
mod ticket;
mod topic;

pub use binary::{
    BINARY_HEADER_SIZE, BINARY_MAGIC, board_binary_delta, board_binary_image, template_fingerprint,
};
pub use board::{board_delta, board_image};
pub use desk::{Alert, DeskTails, desk_alert, desk_heartbeat, desk_settlement, desk_ticket};
pub use header::{Header, SENT_NS_OFFSET, SENT_NS_SIZE, cause, stamp_sent};
pub use reply::{
    BalanceAnswer, BatchReply, ChangesReply, ExposureLevel, ReplyTo, mark_unwritten, reply_alerts,
    reply_answer, reply_balance, reply_error, reply_exposure, reply_fixtures, reply_images_end,
    reply_max_stake, reply_pong, reply_state_hash, reply_ticket,
};
pub use rows::{
    CommandRow, Explained, PARAMETERS_TOLD_MAX, RowsReply, action_row, annulment_row, balance_row,
    command_row, covered_row, customer_row, evidence_row, reply_explain, review_row, scope_row, switch_row,
};
pub use status::{FEEDS_TOLD_MAX, FeedHealth, Health, Heartbeat, heartbeat, trading};
pub use ticket::{Lookup, ticket_json};
pub use topic::{
    DESK_ALERT, DESK_HEARTBEAT, DESK_SETTLEMENT, DeskStream, FixtureTopics, HEARTBEAT, TAILS_MAX, Tail,
    TopicSequencer, desk_ticket_topic,
};
