//! Images of boards: one, or page by page. A page behind sockets is made over several turns, so that nobody waits for it.

use std::collections::VecDeque;

use oddsengine_engine::Reason;
use oddsengine_feeds::Query;
use oddsengine_types::FixtureId;

use super::bounds::{
    FIXTURES_EXAMINED_PER_PAGE, FIXTURES_EXAMINED_PER_SLICE, IMAGE_BYTES_PER_PAGE, IMAGE_PAGES_WAITING_MAX,
    IMAGE_PAGES_WITHOUT_PAUSE, IMAGE_PAUSE_NS, IMAGES_PER_PAGE, IMAGES_PER_SLICE,
};
use super::outbox::{Frame, Socket};
use super::{Route, Service};
use crate::wire::{Header, board_image, reply_images_end};

/// A page of images on its way: what is left of it.
#[derive(Debug)]
struct ImagePage {
    socket: Socket,
    route: Route,
    prefix: String,
    /// The next fixture to look at, and the one at which the page ends at the latest.
    next: u64,
    end: u64,
    image_count: u64,
    bytes: usize,
}

impl ImagePage {
    fn is_full(&self) -> bool {
        self.next >= self.end || self.image_count >= IMAGES_PER_PAGE || self.bytes >= IMAGE_BYTES_PER_PAGE
    }
}

/// The pages of images on their way, at most one a client; all get their turn.
#[derive(Debug, Default)]
pub(crate) struct ImagePages {
    waiting: VecDeque<ImagePage>,
    /// When images were made last.
    made_ns: i64,
}

impl Service {
    /// Pages of images are on their way: [`Service::make_images`] makes more of them.
    pub fn has_images_to_make(&self) -> bool {
        self.panic_reason.is_none() && !self.image_pages.waiting.is_empty()
    }

    /// From when on [`Service::make_images`] may be called again, if there are images to make: a few clients leave the loop to
    /// others most of the time, and where many have lost their boards at once all come to them soon.
    pub fn next_images_ns(&self) -> Option<i64> {
        let pages = &self.image_pages;
        let pause_ns = if pages.waiting.len() < IMAGE_PAGES_WITHOUT_PAUSE { IMAGE_PAUSE_NS } else { 0 };
        self.has_images_to_make().then(|| pages.made_ns.saturating_add(pause_ns))
    }

    /// Makes some images of the pages that are on their way. Call it at most once a turn, when its frames have left; the
    /// images are among the next frames.
    pub fn make_images(&mut self, now_ns: i64) {
        self.image_pages.made_ns = now_ns;
        self.make_images_within(IMAGES_PER_SLICE, FIXTURES_EXAMINED_PER_SLICE);
    }

    /// All of them at once, where nobody else waits.
    pub(super) fn make_all_images(&mut self) {
        self.make_images_within(u64::MAX, u64::MAX);
    }

    fn make_images_within(&mut self, mut image_count: u64, mut examined_count: u64) {
        if !self.has_images_to_make() {
            return;
        }
        // An image contains what is pending, so the pending delta leaves first.
        self.flush_boards();
        while image_count > 0
            && examined_count > 0
            && let Some(mut page) = self.image_pages.waiting.pop_front()
        {
            while !page.is_full() && image_count > 0 && examined_count > 0 {
                examined_count -= 1;
                image_count -= u64::from(self.make_next_image(&mut page));
            }
            if page.is_full() {
                self.end_images(&page);
            } else {
                self.image_pages.waiting.push_back(page);
            }
        }
    }

    /// Looks at the next fixture of a page; whether its image was made.
    fn make_next_image(&mut self, page: &mut ImagePage) -> bool {
        let fixture = self.engine.fixtures().get(page.next as usize);
        page.next += 1;
        // The place may be free.
        let Some(fixture) = fixture else { return false };
        if !self.topics.topics(fixture).odds.starts_with(page.prefix.as_bytes()) {
            return false;
        }
        let id = fixture.id();
        if self.price_fixture(id) {
            self.flush_boards();
        }
        let payload = self.image(id, &page.route).expect("just listed");
        page.bytes += payload.len();
        page.image_count += 1;
        self.outbox.send(Frame { socket: page.socket, first: page.route.identity.clone(), payload });
        true
    }

    fn end_images(&mut self, page: &ImagePage) {
        let fixture_count = self.engine.fixtures().len() as u64;
        let next = (page.next < self.engine.fixtures().place_count() as u64).then_some(page.next);
        let mut payload = Vec::new();
        reply_images_end(&self.reply_to(&page.route), page.image_count, next, fixture_count, &mut payload);
        self.outbox.send(Frame { socket: page.socket, first: page.route.identity.clone(), payload });
    }

    /// Puts a page of images on its way; the client asks for the next one when it has this one, so no more than a page waits
    /// for it.
    pub(super) fn send_images(&mut self, socket: Socket, route: &Route, prefix: &str, after: u64) {
        let waiting = &self.image_pages.waiting;
        let message = if waiting.iter().any(|page| page.route.identity == route.identity) {
            "a page of images is on its way to this client: ask when it is there"
        } else if waiting.len() >= IMAGE_PAGES_WAITING_MAX {
            "the pages of images of 64 others are on their way: ask again"
        } else {
            let place_count = self.engine.fixtures().place_count() as u64;
            let next = after.min(place_count);
            self.image_pages.waiting.push_back(ImagePage {
                socket,
                route: route.clone(),
                prefix: prefix.to_owned(),
                next,
                end: next.saturating_add(FIXTURES_EXAMINED_PER_PAGE).min(place_count),
                image_count: 0,
                bytes: 0,
            });
            return;
        };
        let payload = self.encode_busy(route, &route.request_id, "busy", message);
        self.outbox.send(Frame { socket, first: route.identity.clone(), payload });
    }

    pub(super) fn send_image(&mut self, socket: Socket, route: &Route, id: FixtureId) {
        self.recall_asked_about(&Query::Image { fixture: id }, route.received_ns);
        // The image contains what is pending, so the pending delta leaves first.
        self.price_fixture(id);
        self.flush_boards();
        let payload = self.image(id, route).unwrap_or_else(|| {
            self.refusal(route, Reason::FixtureNotFound, &format!("fixture {id} is not known"))
        });
        self.outbox.send(Frame { socket, first: route.identity.clone(), payload });
    }

    fn image(&mut self, id: FixtureId, route: &Route) -> Option<Vec<u8>> {
        let fixture = self.engine.fixture(id)?;
        let topics = self.topics.topics(fixture);
        let (seq, status_seq) = (topics.odds_seq, topics.status_seq);
        let header = Header {
            epoch: self.engine.epoch(),
            seq,
            version: self.engine.version(fixture).seq,
            received_ns: route.received_ns,
            decided_ns: self.engine.now_ns(),
            reason: "image",
            is_stale: self.is_stale(fixture, route.received_ns),
            ..Header::default()
        };
        let mut payload = Vec::with_capacity(64 * 1024);
        board_image(fixture, &header, status_seq, &route.request_id, &mut payload);
        Some(payload)
    }
}
