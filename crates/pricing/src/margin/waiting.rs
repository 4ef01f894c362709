//! Books that wait for their margin until a board is complete, and are then solved side by side.

use super::side_by_side::{LANES, Room, Task};
use super::{Direction, MarginMethod, apply};

/// Longer books are solved alone: their own selections keep the registers busy.
const COUNT_MAX: usize = 8;

/// Smaller groups are solved one by one.
const GROUP_MIN: usize = 3;

/// Margins to be applied to many small books of any counts and methods, with the bits of [`apply`] for each.
///
/// One value is used again for every board, so that nothing is allocated once it has grown.
///
/// ```
/// use oddsengine_pricing::margin::{MarginMethod, WaitingBooks};
/// let mut books = WaitingBooks::default();
/// books.push(MarginMethod::Power, [0.5, 0.5].into_iter(), 1.05);
/// books.push(MarginMethod::Multiplicative, [0.97, 0.03].into_iter(), 1.06);
/// books.solve();
/// assert!((books.implied(0).unwrap()[0] - 0.525).abs() < 1e-12);
/// assert!(books.implied(1).is_none());
/// ```
#[derive(Clone, Debug, Default)]
pub struct WaitingBooks {
    books: Vec<Waiting>,
    probabilities: Vec<f64>,
    implied: Vec<f64>,
    /// Positions of books, those that are solved together beside each other.
    order: Vec<u32>,
    /// By count, from 0.
    rooms: Vec<Room>,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    method: MarginMethod,
    first: u32,
    count: u32,
    booksum: f64,
    is_solved: bool,
}

impl Waiting {
    /// Books of the same kind are solved together.
    fn kind(&self) -> usize {
        self.method as usize * (COUNT_MAX + 1) + self.count as usize
    }

    fn range(&self) -> std::ops::Range<usize> {
        self.first as usize..(self.first + self.count) as usize
    }

    fn is_short(&self) -> bool {
        (2..=COUNT_MAX).contains(&(self.count as usize)) && self.method != MarginMethod::JensenShannon
    }
}

impl WaitingBooks {
    /// Forgets all books.
    pub fn clear(&mut self) {
        self.books.clear();
        self.probabilities.clear();
    }

    /// Adds a book, with the arguments of [`apply`].
    pub fn push(&mut self, method: MarginMethod, probabilities: impl Iterator<Item = f64>, booksum: f64) {
        let first = self.probabilities.len();
        self.probabilities.extend(probabilities);
        let count = (self.probabilities.len() - first) as u32;
        self.books.push(Waiting { method, first: first as u32, count, booksum, is_solved: false });
    }

    /// Solves all books.
    pub fn solve(&mut self) {
        self.implied.clear();
        self.implied.resize(self.probabilities.len(), 0.0);
        self.put_in_order();
        if self.rooms.is_empty() && !self.order.is_empty() {
            self.rooms = (0..=COUNT_MAX).map(Room::new).collect();
        }
        let mut begin = 0;
        while begin < self.order.len() {
            let kind = |place: usize| self.books[self.order[place] as usize].kind();
            let most = self.order.len().min(begin + LANES);
            let end = (begin + 1..most).find(|&place| kind(place) != kind(begin)).unwrap_or(most);
            if end - begin >= GROUP_MIN {
                self.solve_group(begin, end);
            }
            begin = end;
        }
        // What is left is long, alone or refused.
        for book in self.books.iter_mut().filter(|book| !book.is_solved) {
            let (probabilities, implied) =
                (&self.probabilities[book.range()], &mut self.implied[book.range()]);
            book.is_solved = apply(book.method, probabilities, book.booksum, implied).is_ok();
        }
    }

    /// Implied probabilities of the book that was added as number `index`, from 0; `None` where [`apply`] gives an error.
    pub fn implied(&self, index: usize) -> Option<&[f64]> {
        let book = self.books.get(index).filter(|book| book.is_solved)?;
        Some(&self.implied[book.range()])
    }

    /// Sorts the short books by kind, in two passes and without comparing.
    fn put_in_order(&mut self) {
        let mut places = [0_u32; MarginMethod::ALL.len() * (COUNT_MAX + 1)];
        let short = || self.books.iter().enumerate().filter(|(_, book)| book.is_short());
        short().for_each(|(_, book)| places[book.kind()] += 1);
        let mut next = 0;
        for place in &mut places {
            (*place, next) = (next, next + *place);
        }
        self.order.clear();
        self.order.resize(next as usize, 0);
        for (index, book) in short() {
            let place = &mut places[book.kind()];
            self.order[*place as usize] = index as u32;
            *place += 1;
        }
    }

    fn solve_group(&mut self, begin: usize, end: usize) {
        let Self { books, probabilities, implied, order, rooms } = self;
        let group = &order[begin..end];
        let Waiting { method, count, .. } = books[group[0] as usize];
        let room = &mut rooms[count as usize];
        let mut booksum = [0.0; LANES];
        for lane in 0..LANES {
            // The last book fills the group up.
            let book = books[group[lane.min(group.len() - 1)] as usize];
            booksum[lane] = book.booksum;
            for (slot, &probability) in room.input().iter_mut().zip(&probabilities[book.range()]) {
                slot[lane] = probability;
            }
        }
        let is_solved =
            Task { method, direction: Direction::Application, has_odds: false }.group(booksum, room);
        for (lane, &index) in group.iter().enumerate() {
            let book = &mut books[index as usize];
            book.is_solved = is_solved[lane];
            for (slot, implied) in room.output().iter().zip(&mut implied[book.range()]) {
                *implied = slot[lane];
            }
        }
    }
}
